/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_SIGN_H
#define CONTROL_IKE_IKE_SIGN_H

/**
 * AUTH by signature: RSA (method 1), ECDSA (9, 10, 11) and Digital Signature (14, RFC 7427).
 * As responder we see the peer's signature first and answer with the hash, padding and
 * method it used, where our key can.
 */
#include "control/ike/ike_cert.h"

/** SIGNATURE_HASH_ALGORITHMS: what we accept. */
void ike_sign_hashes_write(struct ike_chain *c, const struct config_pki *pki);
/** The peer's, a bit per hash id; 0 when it sent none. */
uint8_t ike_sign_hashes_read(const struct ike_payloads *p);

/**
 * Read how an AUTH payload was signed and find the signature in it. *used is written only
 * on success.
 */
enum ike_reason ike_sign_read(const struct ike_payloads *p, const struct sign_key *key,
	const struct config_pki *pki, enum hash_id prf_hash, struct ike_auth_plan *used,
	struct ike_view *sig, struct ike_finding *f);

/**
 * How to sign with key. theirs is what the peer used, NULL when it did not show yet;
 * hashes as from ike_sign_hashes_read(). Returns 0 or -ENOTSUP (nothing the peer can check).
 */
int ike_sign_plan(const struct sign_key *key, const struct ike_auth_plan *theirs, uint8_t hashes,
	bool sha1, enum hash_id prf_hash, struct ike_auth_plan *out);

/** The AUTH payload with a signature made as planned. */
void ike_sign_write(struct ike_chain *c, const struct ike_auth_plan *plan, const uint8_t *sig,
	size_t sig_bytes);

#endif

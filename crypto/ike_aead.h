/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_IKE_AEAD_H
#define CRYPTO_IKE_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/suite.h"

/*
 * Protection of the IKEv2 Encrypted payload (SK 46, SKF 53) of one direction,
 * the same calls for CBC + HMAC (RFC 7296, 3.14) and for AEAD (RFC 5282, 7634).
 * The message lies in one buffer:
 *
 *	IKE header ... SK header | IV | plaintext, padding, pad length | ICV
 *	<---- head_bytes ------->
 */

#define IKE_AEAD_MAX_OVERHEAD (16 + 16 + 32) /* IV, padding with its length, ICV */

struct ike_aead; /* keys of one direction; not thread safe */

/** Octets of key material one direction takes: SK_e (salt included) and SK_a (0 for AEAD). */
size_t ike_aead_encr_key_bytes(const struct encr_alg *encr);
size_t ike_aead_integ_key_bytes(const struct encr_alg *encr, const struct integ_alg *integ);

/**
 * Take the keys of one direction (copied). encr is one of encr_algs; encr_key as cut from the
 * key material, salt last; integ and integ_key are NULL for an AEAD. Caller frees.
 * Returns 0, -EINVAL (lengths or combination), -ENOMEM, -ENOTSUP (no such code here).
 */
int ike_aead_new(const struct encr_alg *encr, const void *encr_key, size_t encr_key_bytes,
	const struct integ_alg *integ, const void *integ_key, size_t integ_key_bytes,
	struct ike_aead **out);

/** Octets that follow the SK header when plain_bytes are sealed: IV, padded text, ICV. */
size_t ike_aead_sealed_bytes(const struct ike_aead *a, size_t plain_bytes);

/** Where in that room the plaintext has to be written: octets of IV. */
size_t ike_aead_iv_bytes(const struct ike_aead *a);

/**
 * Seal in place. The caller has written the complete head (final lengths included)
 * and the plaintext at msg + head_bytes + iv_bytes; IV, padding, ICV are written
 * here. room is the size of msg. Never used twice on one message: a retransmission
 * sends the stored octets. Returns 0, -ENOSPC, -ENOMEM, -EOVERFLOW (IVs used up).
 */
int ike_aead_seal(
	struct ike_aead *a, uint8_t *msg, size_t room, size_t head_bytes, size_t plain_bytes);

/**
 * Verify, then decrypt in place. msg_bytes ends with the ICV. On success *plain
 * points into msg and *plain_bytes leaves out the padding; on any failure nothing
 * but -EBADMSG (or -ENOMEM) is told, and msg still holds the ciphertext where the
 * ICV did not match (AEAD: unspecified).
 */
int ike_aead_open(const struct ike_aead *a, uint8_t *msg, size_t msg_bytes, size_t head_bytes,
	uint8_t **plain, size_t *plain_bytes);

/** Wipe and free. NULL is fine. */
void ike_aead_free(struct ike_aead *a);

#endif

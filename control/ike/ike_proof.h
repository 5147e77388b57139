/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PROOF_H
#define CONTROL_IKE_IKE_PROOF_H

/** The AUTH payload, both ways: shared key or certificate, as the peer chose (RFC 7296, 2.15). */
#include "control/ike/ike_cert.h"

/** Who we are towards this peer. p: the message that may name whom it wants, or NULL. */
struct config_identity ike_proof_identity(const struct ike_sa *sa, const struct ike_payloads *p);

/**
 * Check the proof of a message whose ID payload body is id and was read into
 * setup->claimed, which becomes the identity proven. Fills the rest of what setup says
 * about the peer.
 */
enum ike_reason ike_proof_check(
	struct ike_sa *sa, const struct ike_msg *in, struct ike_view id, struct ike_finding *f);

/**
 * Decide how we prove ourselves: as the peer did, or as initiator by certificate when we
 * have one. To be called once ike_proof_check() was, or before we ask.
 */
enum ike_reason ike_proof_plan(struct ike_sa *sa, struct ike_finding *f);

/** "psk", "rsa-pss-sha256", "rsa-pkcs1-sha512 (method 1)"; returns buf. */
const char *ike_proof_print(const struct ike_auth_plan *plan, char *buf, size_t n);

/** CERT payloads, where we use them. */
void ike_proof_write_certs(struct ike_chain *c, const struct ike_sa *sa);
/** Our AUTH payload as planned. 0, -ENOENT (no key for this peer), another negative errno. */
int ike_proof_write(struct ike_chain *c, struct ike_sa *sa, const struct config_identity *id);

#endif

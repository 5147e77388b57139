/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PROOF_H
#define CONTROL_IKE_IKE_PROOF_H

/**
 * The AUTH payload, both ways: shared key or certificate, as the peer chose (RFC 7296, 2.15).
 *
 * A shared key costs next to nothing and is checked at once. Certificates and signatures
 * are public-key work: a struct ike_proof takes everything it needs along to a helper thread
 * and brings back what was found there, and our own signature with it.
 */
#include "control/ike/ike_cert.h"

/** Octets to be signed, and the signature. */
struct ike_signing {
	uint8_t *octets;
	size_t bytes;
	uint8_t sig[SIGN_MAX_BYTES];
	size_t sig_bytes;
};

enum { PROOF_AUTH, PROOF_NO_PPK, PROOF_SIGNINGS };

/** Belongs to one exchange, or to the job while that is under way; owns all it points to. */
struct ike_proof {
	struct ike_msg msg; /* the peer's; its views point into copy */
	uint8_t *copy;
	struct config_identity local; /* who we are towards this peer */

	/* The work, and all behind it begun anew with it; pki is NULL when there is none. */
	struct config_pki *pki;
	struct cert_trust *trust; /* to check the peer by; NULL: sign only */
	struct cert *issuers[IKE_ISSUERS];
	size_t issuers_count; /* known already: not to be looked into again */
	int64_t now_s;
	enum hash_id prf_hash;
	uint8_t hashes; /* the peer's, as from ike_sign_hashes_read() */
	bool signs;     /* ours is wanted, too */
	struct ike_signing peer;
	struct ike_signing ours[PROOF_SIGNINGS];

	/* What was found. */
	struct ike_finding found;
	int err; /* negative errno of our signature */
	struct config_identity id;
	char text[IKE_ID_BYTES]; /* id as ike_identity_print() has it; "": not printed here */
	struct ike_auth_plan theirs, plan; /* plan: ours */
	struct config_binding binding;
	struct cert_mark mark;
	struct config_whom psk;
	struct ike_certs certs;
	uint32_t vouched; /* bit per certs: an intermediate CA to remember */
};

/** Give x a proof with a copy of the message. 0 or -ENOMEM. */
int ike_proof_hold(struct ike_exchange *x, const struct ike_msg *in);

/**
 * Have the message of x->proof proven against setup->claimed; as responder find our own
 * proof, too. x becomes ready, never before this returns. 0, -EAGAIN when the helpers are
 * too busy (told as an event), or -ENOMEM.
 */
int ike_proof_start(struct ike_exchange *x, uint64_t now_ms);
/** As initiator: do we prove ourselves by a shared key, not by certificate? */
bool ike_proof_by_key(const struct ike_sa *sa);
/** As initiator: our proof alone, in a new x->proof. Returns as above. */
int ike_proof_sign(struct ike_exchange *x, uint64_t now_ms);

/** Any thread; touches nothing but the proof. */
void ike_proof_run(struct ike_proof *p);

/** The configuration or the trust it was made by is no longer in force: start again. */
bool ike_proof_stale(const struct ike_exchange *x);
/** Believe what was found: fills what setup says about the peer. */
void ike_proof_accept(const struct ike_exchange *x);

void ike_proof_free(struct ike_proof *p);

/** "psk", "rsa-pss-sha256", "rsa-pkcs1-sha512 (method 1)"; returns buf. */
const char *ike_proof_print(const struct ike_auth_plan *plan, char *buf, size_t n);

/** CERT payloads, where we use them. */
void ike_proof_write_certs(struct ike_chain *c, const struct ike_proof *p);
/**
 * Our AUTH payload; which: PROOF_AUTH, or PROOF_NO_PPK for the one made without the PPK
 * (a shared key takes the keys as they are in sa). 0, -ENOENT (no key for this peer),
 * another negative errno.
 */
int ike_proof_write(struct ike_chain *c, const struct ike_exchange *x, int which);

#endif

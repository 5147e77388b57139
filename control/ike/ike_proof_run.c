/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The public-key part of a proof. RUNS ON A HELPER THREAD: reads and writes the proof, whose
 * keys, certificates and trust are immutable and counted, and nothing else.
 */
#include "control/ike/ike_proof.h"

#include <errno.h>
#include <string.h>

#include "control/ike/ike_sign.h"

static enum ike_reason
signature_check(struct ike_proof *p, const struct sign_key *key)
{
	struct octets all = { p->peer.octets, p->peer.bytes };
	struct ike_finding *f = &p->found;
	struct ike_view sig;
	enum ike_reason reason =
		ike_sign_read(&p->msg.p, key, p->pki, p->prf_hash, &p->theirs, &sig, f);
	char text[32];

	if (reason != IKE_REASON_NONE)
		return reason;
	int err = sign_check(key, &p->theirs.alg, &all, 1, sig.data, sig.bytes);

	if (err == 0)
		return IKE_REASON_NONE;
	sign_alg_print(&p->theirs.alg, text, sizeof(text));
	if (err == -ENOTSUP)
		return ike_find(f, IKE_REASON_SIGNATURE_ALGORITHM,
			"a signature by %s does not go with the key of its certificate", text);
	return ike_find(f, IKE_REASON_SIGNATURE_MISMATCH,
		"the signature (%s) is not one of its certificate's key over this exchange", text);
}

/** Here the name was read already, and here is the time for it. */
static void
id_print(struct ike_proof *p)
{
	const struct cert *leaf = p->certs.cert[0];
	struct octets subject = cert_subject(leaf);

	if (p->id.type == ID_DER_ASN1_DN && p->id.bytes == subject.bytes &&
		memcmp(p->id.data, subject.data, subject.bytes) == 0)
		cert_subject_print(leaf, p->text, sizeof(p->text));
}

/** Possession first, then trust: a forger costs us one public-key operation. */
static enum ike_reason
peer_check(struct ike_proof *p)
{
	const struct config_cert_map *map = NULL;
	enum ike_reason reason =
		ike_certs_read(&p->msg.p, p->issuers, p->issuers_count, &p->certs, &p->found);

	if (reason == IKE_REASON_NONE)
		reason = signature_check(p, cert_key(p->certs.cert[0]));
	if (reason == IKE_REASON_NONE)
		reason = ike_certs_judge(
			&p->certs, p->pki, p->trust, p->now_s, &p->id, &map, &p->mark, &p->found);
	if (reason != IKE_REASON_NONE)
		return reason;
	p->binding = map != NULL ? map->binding : (struct config_binding){ 0 };
	p->vouched = ike_issuers_find(&p->certs, p->trust, p->issuers, p->issuers_count, p->now_s);
	id_print(p);
	if (p->vouched == 0) /* nothing to learn from them: let not the control core free them */
		ike_certs_put(&p->certs);
	return IKE_REASON_NONE;
}

static void
sign_ours(struct ike_proof *p)
{
	const struct ike_auth_plan *theirs = p->trust != NULL ? &p->theirs : NULL;
	char text[32];

	if (p->pki->key == NULL || p->pki->own_count == 0) {
		ike_find(&p->found, IKE_REASON_AUTH_METHOD,
			"we have no certificate of our own to answer with");
		return;
	}
	if (ike_sign_plan(p->pki->key, theirs, p->hashes, p->pki->sha1, p->prf_hash, &p->plan) !=
		0) {
		ike_find(&p->found, IKE_REASON_SIGNATURE_ALGORITHM,
			"it cannot check any signature of our key (%s)%s",
			sign_key_print(p->pki->key, text, sizeof(text)),
			p->hashes == 0 ? ": it did not announce RFC 7427" : "");
		return;
	}
	for (int i = 0; i < PROOF_SIGNINGS && p->err == 0; i++) {
		struct ike_signing *s = &p->ours[i];
		struct octets all = { s->octets, s->bytes };

		if (s->octets != NULL)
			p->err = sign_make(
				p->pki->key, &p->plan.alg, &all, 1, s->sig, &s->sig_bytes);
	}
}

void
ike_proof_run(struct ike_proof *p)
{
	if (p->trust != NULL && peer_check(p) != IKE_REASON_NONE)
		return;
	if (p->signs)
		sign_ours(p);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_ppk.h"
#include "control/ike/ike_sign.h"
#include "crypto/secret.h"

#define ID_BODY_BYTES (4 + CONFIG_IDENTITY_BYTES)

static struct config_identity
identity_of_addr(const struct addr *a)
{
	struct config_identity id = {
		.type = a->family == ADDR_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR,
		.bytes = addr_bytes(a),
	};

	memcpy(id.data, a->octet, id.bytes);
	return id;
}

/** Who we are towards this peer. p: the message that may name whom it wants, or NULL. */
static struct config_identity
identity_ours(const struct ike_sa *sa, const struct ike_payloads *p, bool by_certificate)
{
	const struct config_ike_profile *profile = &sa->policy->profile;
	struct config_identity asked;
	bool named = p != NULL && p->idr.data != NULL && ike_id_read(p->idr, &asked) == 0;

	if (profile->local_identity.type != ID_NONE)
		return profile->local_identity;
	if (by_certificate)
		return ike_cert_identity(profile->pki, named ? &asked : NULL);
	/* Behind a NAT the peer dialled another address than ours: it names it in IDr. */
	if (named && sa->nat_local && (asked.type == ID_IPV4_ADDR || asked.type == ID_IPV6_ADDR))
		return asked;
	return identity_of_addr(&sa->path.local);
}

static bool
can_sign(const struct config_pki *pki)
{
	return pki != NULL && pki->key != NULL && pki->own_count > 0;
}

static struct ike_view
id_body(const struct config_identity *id, uint8_t room[ID_BODY_BYTES])
{
	memset(room, 0, 4);
	room[0] = id->type;
	memcpy(room + 4, id->data, id->bytes);
	return ike_view_of(room, 4u + id->bytes);
}

static struct ike_view
only_datagram(const struct ike_packets *p)
{
	struct ike_view v;
	uint32_t at = 0;

	v.data = ike_packets_next(p, &at, &v.bytes);
	return v;
}

/** The octets one side proves to have sent. */
struct signed_octets {
	struct ike_view message, nonce;
};

static struct signed_octets
octets_of(const struct ike_sa *sa, bool of_initiator)
{
	const struct ike_setup *s = sa->setup;

	return (struct signed_octets){
		.message = only_datagram(of_initiator ? &s->msg_i : &s->msg_r),
		.nonce = of_initiator ? ike_view_of(s->nr, s->nr_bytes)
				      : ike_view_of(s->ni, s->ni_bytes),
	};
}

static int
psk_auth(const struct ike_sa *sa, bool of_initiator, const struct secret *psk, struct ike_view id,
	uint8_t out[PRF_MAX_BYTES])
{
	struct signed_octets o = octets_of(sa, of_initiator);

	return ike_keys_psk_auth(&sa->keys, of_initiator, psk, o.message, o.nonce, id, out);
}

/** The same for a signature: message, nonce and the MAC of the ID in one piece. */
static int
octets_join(const struct ike_sa *sa, const struct ike_keys *keys, bool of_initiator,
	struct ike_view id, struct ike_signing *out)
{
	struct signed_octets o = octets_of(sa, of_initiator);
	uint8_t mac[PRF_MAX_BYTES];
	int err = ike_keys_id_mac(keys, of_initiator, id, mac);

	if (err != 0)
		return err;
	out->bytes = o.message.bytes + o.nonce.bytes + keys->prf->out_bytes;
	out->octets = malloc(out->bytes);
	if (out->octets == NULL)
		return -ENOMEM;
	memcpy(out->octets, o.message.data, o.message.bytes);
	memcpy(out->octets + o.message.bytes, o.nonce.data, o.nonce.bytes);
	memcpy(out->octets + o.message.bytes + o.nonce.bytes, mac, keys->prf->out_bytes);
	return 0;
}

/* ---- the object ------------------------------------------------------------------------ */

static void
work_release(struct ike_proof *p)
{
	ike_certs_put(&p->certs);
	for (size_t i = 0; i < p->issuers_count; i++)
		cert_put(p->issuers[i]);
	free(p->peer.octets);
	for (int i = 0; i < PROOF_SIGNINGS; i++)
		free(p->ours[i].octets);
	cert_trust_put(p->trust);
	config_pki_put(p->pki);
}

/** Back to the message and our identity: what was worked with and found goes. */
static void
work_drop(struct ike_proof *p)
{
	work_release(p);
	memset(&p->pki, 0, sizeof(*p) - offsetof(struct ike_proof, pki));
}

void
ike_proof_free(struct ike_proof *p)
{
	if (p == NULL)
		return;
	work_release(p);
	free(p->copy);
	free(p);
}

int
ike_proof_hold(struct ike_exchange *x, const struct ike_msg *in)
{
	struct ike_proof *p = calloc(1, sizeof(*p));
	struct ike_view from = in->p.all;

	if (p == NULL)
		return -ENOMEM;
	p->copy = malloc(from.bytes + 1);
	if (p->copy == NULL) {
		free(p);
		return -ENOMEM;
	}
	memcpy(p->copy, from.data, from.bytes);
	p->msg = *in;
	p->msg.bytes = NULL;
	p->msg.n = 0;
	(void)ike_payloads_read(in->p.first, p->copy, from.bytes, &p->msg.p); /* as it did before */
	if (x->proof != NULL)
		p->local = x->proof->local;
	ike_proof_free(x->proof);
	x->proof = p;
	return 0;
}

/* ---- theirs ---------------------------------------------------------------------------- */

static enum ike_reason
psk_check(const struct ike_sa *sa, struct ike_proof *p, struct ike_view id)
{
	const struct ike_psk *psk = ike_psk_find(sa->ike, &p->id, &p->msg.path.remote);
	struct ike_view auth = p->msg.p.auth;
	size_t n = sa->keys.prf->out_bytes;
	uint8_t want[PRF_MAX_BYTES];

	if (psk == NULL)
		return ike_find(&p->found, IKE_REASON_NO_PSK_FOR_IDENTITY, "%s", "");
	if (psk_auth(sa, !sa->initiator, &psk->key, id, want) != 0)
		return ike_find(&p->found, IKE_REASON_INSTALL_FAILED, "%s", "");
	bool good = auth.bytes == n && crypto_equal(want, auth.data, n);

	secret_wipe_bytes(want, sizeof(want));
	p->psk = psk->whom;
	p->binding = psk->binding;
	return good ? IKE_REASON_NONE : ike_find(&p->found, IKE_REASON_PSK_MISMATCH, "%s", "");
}

static bool
is_signature(uint8_t method)
{
	return method == AUTH_METHOD_RSA || method == AUTH_METHOD_DIGITAL ||
		(method >= AUTH_METHOD_ECDSA_256 && method <= AUTH_METHOD_ECDSA_521);
}

/** What both kinds of work take along. */
static void
work_begin(const struct ike_sa *sa, struct ike_proof *p)
{
	p->pki = config_pki_get(sa->policy->profile.pki);
	p->prf_hash = sa->keys.prf->hash;
	p->hashes = sa->setup->hashes;
}

static int
work_check(const struct ike_sa *sa, struct ike_proof *p, struct ike_view id)
{
	const struct ike_policy_set *set = sa->policy;

	p->trust = cert_trust_get(set->trust);
	p->now_s = sa->ike->ops->wall_s(sa->ike->user);
	for (size_t i = 0; i < set->issuers_count; i++)
		p->issuers[p->issuers_count++] = cert_get(set->issuers[i]);
	return octets_join(sa, &sa->keys, !sa->initiator, id, &p->peer);
}

/** The keys are those without the PPK for the signature that tells so. */
static int
join_without_ppk(const struct ike_sa *sa, struct ike_view id, struct ike_signing *out)
{
	struct ike_keys keys = sa->keys;

	memcpy(keys.pi, sa->setup->without_pi, sizeof(keys.pi));
	memcpy(keys.pr, sa->setup->without_pr, sizeof(keys.pr));
	int err = octets_join(sa, &keys, sa->initiator, id, out);

	secret_wipe_bytes(&keys, sizeof(keys));
	return err;
}

static int
work_sign(const struct ike_sa *sa, struct ike_proof *p)
{
	uint8_t room[ID_BODY_BYTES];
	struct ike_view id;

	p->signs = true;
	if (!can_sign(p->pki)) /* found out behind what is found about the peer */
		return 0;
	p->local = identity_ours(sa, p->copy != NULL ? &p->msg.p : NULL, true);
	id = id_body(&p->local, room);
	int err = octets_join(sa, &sa->keys, sa->initiator, id, &p->ours[PROOF_AUTH]);

	if (err == 0 && ike_ppk_optional(sa))
		err = join_without_ppk(sa, id, &p->ours[PROOF_NO_PPK]);
	return err;
}

/** True when the message needs no helper: it is proven, or refused, now. */
static bool
decided_at_once(const struct ike_sa *sa, struct ike_proof *p, struct ike_view id)
{
	const struct config_ike_profile *profile = &sa->policy->profile;
	uint8_t method = p->msg.p.auth_method;

	if (p->msg.p.auth.data == NULL) {
		ike_find(&p->found, IKE_REASON_AUTH_METHOD, "%s",
			p->msg.p.eap ? "it wants EAP" : "it sent no AUTH payload, as for EAP");
	} else if (method == AUTH_METHOD_PSK && profile->accept != ACCEPT_CERTIFICATE) {
		psk_check(sa, p, id);
	} else if (is_signature(method) && profile->accept != ACCEPT_PSK &&
		sa->policy->trust != NULL) {
		return false;
	} else {
		ike_find(&p->found, IKE_REASON_AUTH_METHOD, "it proves itself by %s",
			method == AUTH_METHOD_PSK ? "shared key, this profile takes certificates"
				: is_signature(method)
				? "certificate, this profile takes shared keys"
				: "a method that does not exist here");
	}
	return true;
}

static int
done_now(struct ike_exchange *x)
{
	x->ready = true;
	ike_ready(x->sa);
	return 0;
}

int
ike_proof_start(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_proof *p = x->proof;
	struct ike_view id = x->ours ? p->msg.p.idr : p->msg.p.idi;
	int err;

	if (p->pki != NULL) /* begun before, by what was in force then */
		work_drop(p);
	p->id = sa->setup->claimed;
	p->theirs.method = p->msg.p.auth_method;
	if (decided_at_once(sa, p, id)) {
		p->plan.method = AUTH_METHOD_PSK;
		if (!x->ours)
			p->local = identity_ours(sa, &p->msg.p, false);
		return done_now(x);
	}
	work_begin(sa, p);
	err = work_check(sa, p, id);
	if (err == 0 && !x->ours)
		err = work_sign(sa, p);
	return err != 0 ? err : ike_job_prove(x, now_ms);
}

bool
ike_proof_by_key(const struct ike_sa *sa)
{
	return sa->setup->psk_wanted || !can_sign(sa->policy->profile.pki);
}

int
ike_proof_sign(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_proof *p = calloc(1, sizeof(*p));

	ike_proof_free(x->proof);
	x->proof = p;
	if (p == NULL)
		return -ENOMEM;
	if (ike_proof_by_key(sa)) {
		p->plan.method = AUTH_METHOD_PSK;
		p->local = identity_ours(sa, NULL, false);
		return done_now(x);
	}
	work_begin(sa, p);
	int err = work_sign(sa, p);

	return err != 0 ? err : ike_job_prove(x, now_ms);
}

bool
ike_proof_stale(const struct ike_exchange *x)
{
	const struct ike_policy_set *set = x->sa->policy;
	const struct ike_proof *p = x->proof;

	return p->pki != NULL &&
		(p->pki != set->profile.pki || (p->trust != NULL && p->trust != set->trust));
}

void
ike_proof_accept(const struct ike_exchange *x)
{
	const struct ike_proof *p = x->proof;
	struct ike_setup *s = x->sa->setup;

	s->claimed = p->id;
	s->theirs = p->theirs;
	s->binding = p->binding;
	s->mark = p->mark;
	s->psk = p->psk;
	ike_issuers_learn(x->sa->policy, &p->certs, p->vouched);
}

const char *
ike_proof_print(const struct ike_auth_plan *plan, char *buf, size_t n)
{
	char alg[32];

	if (plan->method == AUTH_METHOD_PSK)
		snprintf(buf, n, "psk");
	else if (plan->method == AUTH_METHOD_DIGITAL)
		sign_alg_print(&plan->alg, buf, n);
	else
		snprintf(buf, n, "%s (method %u)", sign_alg_print(&plan->alg, alg, sizeof(alg)),
			plan->method);
	return buf;
}

/* ---- ours ------------------------------------------------------------------------------ */

void
ike_proof_write_certs(struct ike_chain *c, const struct ike_proof *p)
{
	if (p->plan.method != AUTH_METHOD_PSK)
		ike_certs_write(c, p->pki);
}

static int
psk_write(struct ike_chain *c, const struct ike_sa *sa, struct ike_view id)
{
	const struct config_identity *peer =
		sa->peer != NULL ? &sa->peer->identity : &sa->setup->claimed;
	const struct ike_psk *psk = ike_psk_find(sa->ike, peer, &sa->path.remote);
	uint8_t auth[4 + PRF_MAX_BYTES] = { AUTH_METHOD_PSK };
	int err = -ENOENT;

	if (psk != NULL)
		err = psk_auth(sa, sa->initiator, &psk->key, id, auth + 4);
	if (err == 0)
		ike_chain_put(c, PAYLOAD_AUTH, auth, 4u + sa->keys.prf->out_bytes);
	secret_wipe_bytes(auth, sizeof(auth));
	return err;
}

/** The configuration may have changed since we signed. */
static bool
still_ours(const struct ike_sa *sa, const struct config_pki *signed_by)
{
	const struct config_pki *pki = sa->policy->profile.pki;

	return pki == signed_by || (can_sign(pki) && cert_equal(pki->own[0], signed_by->own[0]));
}

int
ike_proof_write(struct ike_chain *c, const struct ike_exchange *x, int which)
{
	const struct ike_proof *p = x->proof;
	uint8_t room[ID_BODY_BYTES];

	if (p->plan.method == AUTH_METHOD_PSK)
		return psk_write(c, x->sa, id_body(&p->local, room));
	if (!still_ours(x->sa, p->pki))
		return -ENOENT;
	ike_sign_write(c, &p->plan, p->ours[which].sig, p->ours[which].sig_bytes);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_proof.h"

#include <errno.h>
#include <stdio.h>

#include "control/ike/ike_engine.h"
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

/** The configuration may have changed since our proof was planned. */
static bool
can_sign(const struct ike_sa *sa)
{
	const struct config_pki *pki = sa->policy->profile.pki;

	return pki != NULL && pki->key != NULL && pki->own_count > 0;
}

struct config_identity
ike_proof_identity(const struct ike_sa *sa, const struct ike_payloads *p)
{
	const struct config_ike_profile *profile = &sa->policy->profile;
	struct config_identity asked;
	bool named = p != NULL && p->idr.data != NULL && ike_id_read(p->idr, &asked) == 0;

	if (profile->local_identity.type != ID_NONE)
		return profile->local_identity;
	if (sa->setup->plan.method != AUTH_METHOD_PSK && can_sign(sa))
		return ike_cert_identity(profile->pki, named ? &asked : NULL);
	/* Behind a NAT the peer dialled another address than ours: it names it in IDr. */
	if (named && sa->nat_local && (asked.type == ID_IPV4_ADDR || asked.type == ID_IPV6_ADDR))
		return asked;
	return identity_of_addr(&sa->path.local);
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

/** The same as three parts to be signed; mac is room for the last. */
static int
sign_parts(const struct ike_sa *sa, bool of_initiator, struct ike_view id,
	uint8_t mac[PRF_MAX_BYTES], struct octets parts[3])
{
	struct signed_octets o = octets_of(sa, of_initiator);

	parts[0] = (struct octets){ o.message.data, o.message.bytes };
	parts[1] = (struct octets){ o.nonce.data, o.nonce.bytes };
	parts[2] = (struct octets){ mac, sa->keys.prf->out_bytes };
	return ike_keys_id_mac(&sa->keys, of_initiator, id, mac);
}

/* ---- theirs ---------------------------------------------------------------------------- */

static enum ike_reason
psk_check(struct ike_sa *sa, const struct ike_msg *in, struct ike_view id, struct ike_finding *f)
{
	const struct ike_psk *psk = ike_psk_find(sa->ike, &sa->setup->claimed, &in->path.remote);
	size_t n = sa->keys.prf->out_bytes;
	uint8_t want[PRF_MAX_BYTES];

	if (psk == NULL)
		return ike_find(f, IKE_REASON_NO_PSK_FOR_IDENTITY, "%s", "");
	if (psk_auth(sa, !sa->initiator, &psk->key, id, want) != 0)
		return ike_find(f, IKE_REASON_INSTALL_FAILED, "%s", "");
	bool good = in->p.auth.bytes == n && crypto_equal(want, in->p.auth.data, n);

	secret_wipe_bytes(want, sizeof(want));
	sa->setup->psk = psk->whom;
	return good ? IKE_REASON_NONE : ike_find(f, IKE_REASON_PSK_MISMATCH, "%s", "");
}

static enum ike_reason
signature_check(struct ike_sa *sa, const struct ike_msg *in, struct ike_view id,
	const struct sign_key *key, struct ike_finding *f)
{
	const struct config_pki *pki = sa->policy->profile.pki;
	uint8_t mac[PRF_MAX_BYTES];
	struct octets parts[3];
	struct ike_view sig;
	enum ike_reason reason =
		ike_sign_read(&in->p, key, pki, sa->keys.prf->hash, &sa->setup->theirs, &sig, f);
	char text[32];

	if (reason != IKE_REASON_NONE)
		return reason;
	if (sign_parts(sa, !sa->initiator, id, mac, parts) != 0)
		return ike_find(f, IKE_REASON_INSTALL_FAILED, "%s", "");
	int err = sign_check(key, &sa->setup->theirs.alg, parts, 3, sig.data, sig.bytes);

	if (err == 0)
		return IKE_REASON_NONE;
	sign_alg_print(&sa->setup->theirs.alg, text, sizeof(text));
	if (err == -ENOTSUP)
		return ike_find(f, IKE_REASON_SIGNATURE_ALGORITHM,
			"a signature by %s does not go with the key of its certificate", text);
	return ike_find(f, IKE_REASON_SIGNATURE_MISMATCH,
		"the signature (%s) is not one of its certificate's key over this exchange", text);
}

/** Possession first, then trust: a forger costs us one public-key operation. */
static enum ike_reason
certificate_check(
	struct ike_sa *sa, const struct ike_msg *in, struct ike_view id, struct ike_finding *f)
{
	const struct config_pki *pki = sa->policy->profile.pki;
	const struct config_cert_map *map = NULL;
	struct ike_setup *s = sa->setup;
	struct ike_certs certs;
	enum ike_reason reason = ike_certs_read(&in->p, &certs, f);

	if (reason == IKE_REASON_NONE)
		reason = signature_check(sa, in, id, cert_key(certs.cert[0]), f);
	if (reason == IKE_REASON_NONE)
		reason = ike_certs_judge(&certs, pki, sa->policy->trust,
			sa->ike->ops->wall_s(sa->ike->user), &s->claimed, &map, &s->mark, f);
	if (reason == IKE_REASON_NONE) {
		ike_issuers_learn(sa->policy, &certs, sa->ike->ops->wall_s(sa->ike->user));
		s->binding = map != NULL ? map->binding : (struct config_binding){ 0 };
	}
	ike_certs_put(&certs);
	return reason;
}

static bool
is_signature(uint8_t method)
{
	return method == AUTH_METHOD_RSA || method == AUTH_METHOD_DIGITAL ||
		(method >= AUTH_METHOD_ECDSA_256 && method <= AUTH_METHOD_ECDSA_521);
}

enum ike_reason
ike_proof_check(
	struct ike_sa *sa, const struct ike_msg *in, struct ike_view id, struct ike_finding *f)
{
	const struct config_ike_profile *profile = &sa->policy->profile;
	uint8_t method = in->p.auth_method;

	*f = (struct ike_finding){ .reason = IKE_REASON_NONE };
	if (in->p.auth.data == NULL)
		return ike_find(f, IKE_REASON_AUTH_METHOD, "%s",
			in->p.eap ? "it wants EAP" : "it sent no AUTH payload, as for EAP");
	sa->setup->theirs = (struct ike_auth_plan){ .method = method };
	if (method == AUTH_METHOD_PSK && profile->accept != ACCEPT_CERTIFICATE)
		return psk_check(sa, in, id, f);
	if (is_signature(method) && profile->accept != ACCEPT_PSK && sa->policy->trust != NULL)
		return certificate_check(sa, in, id, f);
	return ike_find(f, IKE_REASON_AUTH_METHOD, "it proves itself by %s",
		method == AUTH_METHOD_PSK      ? "shared key, this profile takes certificates"
			: is_signature(method) ? "certificate, this profile takes shared keys"
					       : "a method that does not exist here");
}

/* ---- ours ------------------------------------------------------------------------------ */

enum ike_reason
ike_proof_plan(struct ike_sa *sa, struct ike_finding *f)
{
	const struct config_pki *pki = sa->policy->profile.pki;
	struct ike_setup *s = sa->setup;
	bool seen = s->theirs.method != 0;
	char text[32];

	s->plan = (struct ike_auth_plan){ .method = AUTH_METHOD_PSK };
	if (seen ? s->theirs.method == AUTH_METHOD_PSK : !can_sign(sa))
		return IKE_REASON_NONE;
	if (!can_sign(sa))
		return ike_find(f, IKE_REASON_AUTH_METHOD,
			"we have no certificate of our own to answer with");
	if (ike_sign_plan(pki->key, seen ? &s->theirs : NULL, s->hashes, pki->sha1,
		    sa->keys.prf->hash, &s->plan) == 0)
		return IKE_REASON_NONE;
	return ike_find(f, IKE_REASON_SIGNATURE_ALGORITHM,
		"it cannot check any signature of our key (%s)%s",
		sign_key_print(pki->key, text, sizeof(text)),
		s->hashes == 0 ? ": it did not announce RFC 7427" : "");
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

void
ike_proof_write_certs(struct ike_chain *c, const struct ike_sa *sa)
{
	if (sa->setup->plan.method != AUTH_METHOD_PSK && can_sign(sa))
		ike_certs_write(c, sa->policy->profile.pki);
}

static int
psk_write(struct ike_chain *c, struct ike_sa *sa, struct ike_view id)
{
	const struct config_identity *peer = sa->peer != NULL ? &sa->peer->identity : NULL;
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

int
ike_proof_write(struct ike_chain *c, struct ike_sa *sa, const struct config_identity *id)
{
	uint8_t room[ID_BODY_BYTES], mac[PRF_MAX_BYTES];
	struct ike_view body = id_body(id, room);
	struct octets parts[3];

	if (sa->setup->plan.method == AUTH_METHOD_PSK)
		return psk_write(c, sa, body);
	if (!can_sign(sa))
		return -ENOENT;
	int err = sign_parts(sa, sa->initiator, body, mac, parts);

	return err != 0
		? err
		: ike_sign_write(c, sa->policy->profile.pki->key, &sa->setup->plan, parts, 3);
}

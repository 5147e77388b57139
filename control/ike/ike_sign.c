/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_sign.h"

#include <errno.h>
#include <stdio.h>

#define SIGN_TEXT_BYTES 32

/* What we announce and choose from, best first; SHA-1 only by switch. */
static const uint8_t hash_order[] = { HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_IDENTITY,
	HASH_SHA1 };

#define HASHES (sizeof(hash_order))

void
ike_sign_hashes_write(struct ike_chain *c, const struct config_pki *pki)
{
	uint8_t list[2 * HASHES];
	size_t n = pki->sha1 ? HASHES : HASHES - 1;

	for (size_t i = 0; i < n; i++) {
		list[2 * i] = 0;
		list[2 * i + 1] = hash_order[i];
	}
	ike_chain_notify(c, N_SIGNATURE_HASH_ALGORITHMS, list, 2 * n);
}

uint8_t
ike_sign_hashes_read(const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, N_SIGNATURE_HASH_ALGORITHMS);
	uint8_t mask = 0;

	for (size_t i = 0; n != NULL && i + 1 < n->data.bytes; i += 2)
		if (n->data.data[i] == 0 && n->data.data[i + 1] < 8)
			mask |= (uint8_t)(1u << n->data.data[i + 1]);
	return mask;
}

/* ---- theirs ---------------------------------------------------------------------------- */

static enum ike_reason
hash_judge(const struct sign_alg *a, bool sha1, struct ike_finding *f)
{
	if (a->hash != HASH_SHA1 || sha1)
		return IKE_REASON_NONE;
	return ike_find(f, IKE_REASON_SIGNATURE_HASH,
		"it signed with SHA-1, which this profile does not take");
}

/**
 * Method 1 leaves the hash to the signer: SHA-1 by custom, that of the negotiated PRF with
 * Cisco ASA and others. Whatever it is stands inside of the signature.
 */
static enum ike_reason
rsa_read(const struct sign_key *key, struct ike_view sig, enum hash_id prf_hash, bool sha1,
	struct sign_alg *out, struct ike_finding *f)
{
	enum hash_id hash = HASH_SHA1;
	int err = sign_rsa_hash(key, sig.data, sig.bytes, &hash);

	if (err == -EBADMSG)
		return ike_find(f, IKE_REASON_SIGNATURE_MISMATCH,
			"the signature was not made with the key of its certificate");
	*out = (struct sign_alg){ .scheme = SIGN_RSA_PKCS1, .hash = (uint8_t)hash };
	if (err != 0)
		return ike_find(f, IKE_REASON_SIGNATURE_HASH,
			"RSA signature with a hash other than SHA-1, SHA-256, SHA-384, SHA-512");
	if (hash != HASH_SHA1 && hash_bytes(hash) < hash_bytes(prf_hash))
		return ike_find(f, IKE_REASON_SIGNATURE_HASH,
			"it signed with a hash weaker than that of the PRF");
	return hash_judge(out, sha1, f);
}

static enum ike_reason
digital_read(struct ike_view auth, struct sign_alg *out, struct ike_view *sig, bool sha1,
	struct ike_finding *f)
{
	struct cursor c = cur_over(auth.data, auth.bytes);
	size_t n = cur_u8(&c);
	const uint8_t *der = cur_take(&c, n);

	if (c.short_read)
		return ike_find(f, IKE_REASON_MALFORMED, "AUTH payload cut short");
	if (sign_alg_read(der, n, out) != 0)
		return ike_find(f, IKE_REASON_SIGNATURE_ALGORITHM,
			"it signed with an algorithm we do not know");
	sig->data = c.at;
	sig->bytes = cur_left(&c);
	return hash_judge(out, sha1, f);
}

enum ike_reason
ike_sign_read(const struct ike_payloads *p, const struct sign_key *key,
	const struct config_pki *pki, enum hash_id prf_hash, struct ike_auth_plan *used,
	struct ike_view *sig, struct ike_finding *f)
{
	struct ike_auth_plan plan = { .method = p->auth_method };
	enum ike_reason reason = IKE_REASON_NONE;

	*sig = p->auth;
	if (p->auth_method != AUTH_METHOD_DIGITAL &&
		sign_key_kind(key) !=
			(p->auth_method == AUTH_METHOD_RSA ? SIGN_KEY_RSA : SIGN_KEY_ECDSA))
		return ike_find(f, IKE_REASON_SIGNATURE_ALGORITHM,
			"authentication method %u does not go with the key of its certificate",
			p->auth_method);
	switch (p->auth_method) {
	case AUTH_METHOD_RSA:
		reason = rsa_read(key, p->auth, prf_hash, pki->sha1, &plan.alg, f);
		break;
	case AUTH_METHOD_DIGITAL:
		reason = digital_read(p->auth, &plan.alg, sig, pki->sha1, f);
		break;
	default:
		plan.alg.scheme = SIGN_ECDSA_RAW;
		plan.alg.hash = p->auth_method == AUTH_METHOD_ECDSA_256 ? HASH_SHA256
			: p->auth_method == AUTH_METHOD_ECDSA_384       ? HASH_SHA384
									: HASH_SHA512;
	}
	if (reason == IKE_REASON_NONE)
		*used = plan;
	return reason;
}

/* ---- ours ------------------------------------------------------------------------------ */

/** The first of ours the peer can check, the one it used itself before all others. */
static uint8_t
hash_choose(uint8_t wanted, uint8_t hashes, bool sha1)
{
	if (wanted != 0 && wanted != HASH_IDENTITY && (hashes & 1u << wanted) != 0 &&
		(wanted != HASH_SHA1 || sha1))
		return wanted;
	for (size_t i = 0; i < HASHES; i++) {
		uint8_t h = hash_order[i];

		if (h != HASH_IDENTITY && (hashes & 1u << h) != 0 && (h != HASH_SHA1 || sha1))
			return h;
	}
	return 0;
}

static int
rsa_plan(const struct ike_auth_plan *theirs, uint8_t hashes, bool sha1, enum hash_id prf_hash,
	struct ike_auth_plan *out)
{
	bool as_they = theirs != NULL && theirs->method == AUTH_METHOD_RSA;
	bool pkcs1 = theirs != NULL && theirs->alg.scheme == SIGN_RSA_PKCS1;

	if (as_they || hashes == 0) {
		out->method = AUTH_METHOD_RSA;
		out->alg.scheme = SIGN_RSA_PKCS1;
		out->alg.hash = as_they                ? theirs->alg.hash
			: sha1 || prf_hash == HASH_MD5 ? HASH_SHA1
						       : (uint8_t)prf_hash;
		return out->alg.hash == HASH_SHA1 && !sha1 ? -ENOTSUP : 0;
	}
	out->method = AUTH_METHOD_DIGITAL;
	out->alg.scheme = pkcs1 ? SIGN_RSA_PKCS1 : SIGN_RSA_PSS;
	out->alg.hash = hash_choose(theirs != NULL ? theirs->alg.hash : 0, hashes, sha1);
	out->alg.salt_bytes = pkcs1 ? 0 : (uint16_t)hash_bytes((enum hash_id)out->alg.hash);
	return out->alg.hash == 0 ? -ENOTSUP : 0;
}

static int
ecdsa_plan(const struct sign_key *key, const struct ike_auth_plan *theirs, uint8_t hashes,
	bool sha1, struct ike_auth_plan *out)
{
	bool as_they = theirs != NULL && theirs->alg.scheme == SIGN_ECDSA_RAW;
	enum hash_id own = sign_ecdsa_hash(key);

	if (as_they || hashes == 0) {
		out->method = own == HASH_SHA256 ? AUTH_METHOD_ECDSA_256
			: own == HASH_SHA384     ? AUTH_METHOD_ECDSA_384
						 : AUTH_METHOD_ECDSA_521;
		out->alg = (struct sign_alg){ .scheme = SIGN_ECDSA_RAW, .hash = (uint8_t)own };
		return 0;
	}
	out->method = AUTH_METHOD_DIGITAL;
	out->alg.scheme = SIGN_ECDSA;
	out->alg.hash = hash_choose((uint8_t)own, hashes, sha1);
	return out->alg.hash == 0 ? -ENOTSUP : 0;
}

int
ike_sign_plan(const struct sign_key *key, const struct ike_auth_plan *theirs, uint8_t hashes,
	bool sha1, enum hash_id prf_hash, struct ike_auth_plan *out)
{
	*out = (struct ike_auth_plan){ 0 };
	switch (sign_key_kind(key)) {
	case SIGN_KEY_RSA:
		return rsa_plan(theirs, hashes, sha1, prf_hash, out);
	case SIGN_KEY_ECDSA:
		return ecdsa_plan(key, theirs, hashes, sha1, out);
	default:
		out->method = AUTH_METHOD_DIGITAL;
		out->alg = (struct sign_alg){ .scheme = SIGN_ED25519, .hash = HASH_IDENTITY };
		return (hashes & 1u << HASH_IDENTITY) != 0 ? 0 : -ENOTSUP;
	}
}

void
ike_sign_write(
	struct ike_chain *c, const struct ike_auth_plan *plan, const uint8_t *sig, size_t sig_bytes)
{
	uint8_t der[SIGN_ALG_MAX_BYTES];
	size_t der_bytes;

	ike_chain_open(c, PAYLOAD_AUTH);
	wr_u8(&c->w, plan->method);
	wr_bytes(&c->w, (const uint8_t[3]){ 0 }, 3);
	if (plan->method == AUTH_METHOD_DIGITAL) {
		der_bytes = sign_alg_write(&plan->alg, der);
		wr_u8(&c->w, (uint8_t)der_bytes);
		wr_bytes(&c->w, der, der_bytes);
	}
	wr_bytes(&c->w, sig, sig_bytes);
	ike_chain_close(c);
}

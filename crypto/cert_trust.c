/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert_inside.h"
#include "crypto/hash.h"
#include "crypto/sign_key.h"

/* What an auth level of libcrypto stands for: 2 is 112 bits, no SHA-1, RSA from 2048 bits. */
#define LEVEL_112_BITS 2

struct cert_trust *
cert_trust_new(enum cert_crl_rule rule, bool sha1)
{
	struct cert_trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->users = 1;
	t->rule = rule;
	t->sha1 = sha1;
	t->store = X509_STORE_new();
	if (t->store != NULL && crl_set_begin(t) == 0)
		return t;
	cert_trust_put(t);
	return NULL;
}

struct cert_trust *
cert_trust_get(struct cert_trust *t)
{
	t->users++;
	return t;
}

void
cert_trust_put(struct cert_trust *t)
{
	if (t == NULL || --t->users > 0)
		return;
	for (size_t i = 0; i < t->anchors_count; i++)
		cert_put(t->anchors[i].cert);
	crl_set_end(t);
	X509_STORE_free(t->store);
	free(t->anchors);
	free(t);
}

int
cert_trust_add(struct cert_trust *t, struct cert *anchor)
{
	struct anchor *grown, *a;
	unsigned n = sizeof(a->id);

	if (!cert_is_ca(anchor))
		return -EINVAL;
	grown = realloc(t->anchors, (t->anchors_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	t->anchors = grown;
	a = &grown[t->anchors_count];
	if (!X509_digest(anchor->x509, EVP_sha256(), a->id, &n) ||
		!X509_pubkey_digest(anchor->x509, EVP_sha256(), a->key, &n) ||
		!X509_STORE_add_cert(t->store, anchor->x509))
		return -ENOMEM;
	a->cert = cert_get(anchor);
	t->anchors_count++;
	return 0;
}

/** The end of a chain is an anchor's certificate itself, or one equal to it. */
static const struct anchor *
anchor_of(const struct cert_trust *t, const X509 *end)
{
	for (size_t i = 0; i < t->anchors_count; i++)
		if (t->anchors[i].cert->x509 == end || X509_cmp(t->anchors[i].cert->x509, end) == 0)
			return &t->anchors[i];
	return NULL;
}

static struct cert_mark
mark_of(const struct cert_trust *t, STACK_OF(X509) * chain)
{
	int last = sk_X509_num(chain) - 1;
	const struct anchor *anchor = anchor_of(t, sk_X509_value(chain, last));
	struct cert_mark m = { 0 };
	struct tm tm;

	for (int i = 0; i <= last; i++) {
		X509 *x509 = sk_X509_value(chain, i);
		struct crl_entry e =
			crl_entry_of(X509_get_issuer_name(x509), X509_get0_serialNumber(x509));
		int64_t until_s = ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) ? timegm(&tm) : 1;

		if (m.until_s == 0 || until_s < m.until_s) {
			m.until_s = until_s;
			m.until_ca = i > 0;
		}
		if (i < last && i < CERT_CHAIN_MAX - 1)
			memcpy(m.chain[i], e.hash, sizeof(m.chain[i]));
	}
	if (anchor != NULL) {
		memcpy(m.anchor, anchor->id, sizeof(m.anchor));
		memcpy(m.anchor_key, anchor->key, sizeof(m.anchor_key));
	}
	return m;
}

const struct cert *
cert_trust_anchor(const struct cert_trust *t, size_t index)
{
	return index < t->anchors_count ? t->anchors[index].cert : NULL;
}

bool
cert_trust_anchors(const struct cert_trust *t, const struct cert_mark *m)
{
	for (size_t i = 0; i < t->anchors_count; i++)
		if (memcmp(t->anchors[i].id, m->anchor, sizeof(m->anchor)) == 0)
			return true;
	return false;
}

bool
cert_trust_equal(const struct cert_trust *a, const struct cert_trust *b)
{
	if (a->rule != b->rule || a->sha1 != b->sha1 || a->anchors_count != b->anchors_count ||
		!crl_set_equal(a, b))
		return false;
	for (size_t i = 0; i < a->anchors_count; i++)
		if (!cert_equal(a->anchors[i].cert, b->anchors[i].cert))
			return false;
	return true;
}

size_t
cert_trust_key_ids(const struct cert_trust *t, uint8_t (*ids)[CERT_KEY_ID_BYTES], size_t max)
{
	for (size_t i = 0; i < t->anchors_count && i < max; i++) {
		unsigned char *der = NULL;
		int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(t->anchors[i].cert->x509), &der);
		struct octets spki = { der, n > 0 ? (size_t)n : 0 };

		(void)hash(HASH_SHA1, &spki, 1, ids[i]);
		OPENSSL_free(der);
	}
	return t->anchors_count;
}

/* ---- the check ------------------------------------------------------------------------- */

static enum cert_fault
fault_of(int error)
{
	switch (error) {
	case X509_V_OK:
		return CERT_GOOD;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return CERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CERT_NOT_YET_VALID;
	case X509_V_ERR_CERT_REVOKED:
		return CERT_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
		return CERT_NO_CRL;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_CERT_UNTRUSTED:
		return CERT_UNTRUSTED;
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
	case X509_V_ERR_PERMITTED_VIOLATION:
	case X509_V_ERR_EXCLUDED_VIOLATION:
		return CERT_USAGE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return CERT_WEAK;
	default:
		return CERT_BROKEN;
	}
}

/** The time it failed at, into a finding. */
static void
say_time(struct cert_finding *f, const char *who, X509 *x509, int64_t now_s)
{
	char limit[CERT_TIME_BYTES], now[CERT_TIME_BYTES];
	bool early = f->fault == CERT_NOT_YET_VALID;
	struct tm tm;

	if (!ASN1_TIME_to_tm(early ? X509_get0_notBefore(x509) : X509_get0_notAfter(x509), &tm))
		return;
	snprintf(f->text, sizeof(f->text), "%.120s %s %s; our clock says %s", who,
		early ? "is not valid before" : "expired", cert_time_print(timegm(&tm), limit),
		cert_time_print(now_s, now));
}

static void
say(struct cert_finding *f, X509 *x509, int error, int64_t now_s)
{
	char who[CERT_NAME_BYTES], issuer[CERT_NAME_BYTES];

	f->fault = fault_of(error);
	if (f->fault == CERT_GOOD || x509 == NULL)
		return;
	cert_name_text(X509_get_subject_name(x509), who, sizeof(who));
	if (f->fault == CERT_EXPIRED || f->fault == CERT_NOT_YET_VALID)
		say_time(f, who, x509, now_s);
	else if (f->fault == CERT_UNTRUSTED)
		snprintf(f->text, sizeof(f->text), "%.100s: no trusted way to its issuer %.100s",
			who, cert_name_text(X509_get_issuer_name(x509), issuer, sizeof(issuer)));
	else
		snprintf(f->text, sizeof(f->text), "%.120s: %.90s", who,
			X509_verify_cert_error_string(error));
}

/**
 * A list that is missing or late is no fault when failing open; for the anchor itself,
 * which is trusted by configuration, never.
 */
static int
judge(int ok, X509_STORE_CTX *ctx)
{
	struct chain_judging *j = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok || fault_of(error) != CERT_NO_CRL)
		return ok;
	bool anchor = X509_STORE_CTX_get_error_depth(ctx) ==
		sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;

	if (j->trust->rule != CERT_CRL_FAIL_OPEN && !anchor)
		return 0;
	j->passed++;
	if (error != X509_V_ERR_CRL_HAS_EXPIRED)
		j->forgotten = X509_STORE_CTX_get0_current_crl(ctx);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/** Key usage of a certificate whose key signs IKE_AUTH (RFC 4945, 5.1.3). */
static void
usage_judge(X509 *x509, struct cert_finding *f)
{
	static const int allowed[] = { NID_ipsec_IKE, NID_anyExtendedKeyUsage, NID_client_auth,
		NID_server_auth };
	char who[CERT_NAME_BYTES], oid[32];
	EXTENDED_KEY_USAGE *eku;
	bool fits = false;

	/* all bits when there is no extension */
	if ((X509_get_key_usage(x509) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
		snprintf(f->text, sizeof(f->text),
			"%.120s: its key usage has neither digitalSignature nor nonRepudiation",
			cert_name_text(X509_get_subject_name(x509), who, sizeof(who)));
		f->fault = CERT_USAGE;
		return;
	}
	eku = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(eku, i);

		for (size_t j = 0; j < sizeof(allowed) / sizeof(allowed[0]); j++)
			fits |= OBJ_obj2nid(o) == allowed[j];
		/* iKEIntermediate, what Microsoft's IPsec templates write */
		OBJ_obj2txt(oid, sizeof(oid), o, 1);
		fits |= strcmp(oid, "1.3.6.1.5.5.8.2.2") == 0;
	}
	if (eku != NULL && !fits) {
		f->fault = CERT_USAGE;
		snprintf(f->text, sizeof(f->text),
			"%.120s: its extended key usage names none of ipsecIKE, clientAuth, "
			"serverAuth",
			cert_name_text(X509_get_subject_name(x509), who, sizeof(who)));
	}
	EXTENDED_KEY_USAGE_free(eku);
}

/** Every key of the chain, for the time when libcrypto's level is off because of SHA-1. */
static bool
keys_fit(STACK_OF(X509) * chain, struct cert_finding *f)
{
	char who[CERT_NAME_BYTES];

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x509 = sk_X509_value(chain, i);
		const EVP_PKEY *pkey = X509_get0_pubkey(x509);
		int bits = pkey == NULL ? 0 : EVP_PKEY_get_security_bits(pkey);

		if (bits >= 112 && EVP_PKEY_get_bits(pkey) <= SIGN_RSA_MAX_BITS)
			continue;
		f->fault = CERT_WEAK;
		snprintf(f->text, sizeof(f->text),
			"%.120s: its key is not of a size that is accepted (RSA %d to %d bits)",
			cert_name_text(X509_get_subject_name(x509), who, sizeof(who)),
			SIGN_RSA_MIN_BITS, SIGN_RSA_MAX_BITS);
		return false;
	}
	return true;
}

static void
params_set(const struct cert_trust *t, X509_STORE_CTX *ctx, int64_t now_s)
{
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;

	if (t->rule != CERT_CRL_OFF)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
			X509_V_FLAG_EXTENDED_CRL_SUPPORT;
	X509_VERIFY_PARAM_set_flags(p, flags);
	X509_VERIFY_PARAM_set_depth(p, CERT_CHAIN_MAX - 2); /* leaf and anchor not counted */
	X509_VERIFY_PARAM_set_time(p, (time_t)now_s);
	X509_VERIFY_PARAM_set_auth_level(p, t->sha1 ? 0 : LEVEL_112_BITS);
}

static struct cert_finding
good(const struct cert_trust *t, STACK_OF(X509) * chain)
{
	return (struct cert_finding){
		.fault = CERT_GOOD,
		.mark = mark_of(t, chain),
	};
}

static STACK_OF(X509) * stack_of(struct cert *const *chain, size_t n)
{
	STACK_OF(X509) *s = sk_X509_new_null();

	for (size_t i = 0; s != NULL && i < n; i++) {
		if (!sk_X509_push(s, chain[i]->x509)) {
			sk_X509_free(s);
			return NULL;
		}
	}
	return s;
}

/** Is there a way from leaf to an anchor? */
static enum cert_fault
chain_check(struct cert_trust *t, const struct cert *leaf, struct cert *const *chain, size_t n,
	int64_t now_s, struct cert_finding *f)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *extra = stack_of(chain, n);
	struct chain_judging j = { .trust = t };

	*f = (struct cert_finding){ .fault = CERT_BROKEN, .text = "out of memory" };
	if (ctx != NULL && extra != NULL && X509_STORE_CTX_init(ctx, t->store, leaf->x509, extra) &&
		X509_STORE_CTX_set_app_data(ctx, &j)) {
		params_set(t, ctx, now_s);
		X509_STORE_CTX_set_verify_cb(ctx, judge);
		if (X509_verify_cert(ctx) != 1)
			say(f, X509_STORE_CTX_get_current_cert(ctx), X509_STORE_CTX_get_error(ctx),
				now_s);
		else if (keys_fit(X509_STORE_CTX_get0_chain(ctx), f))
			*f = good(t, X509_STORE_CTX_get0_chain(ctx));
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(extra);
	ERR_clear_error();
	return f->fault;
}

enum cert_fault
cert_check(struct cert_trust *t, const struct cert *leaf, struct cert *const *chain, size_t n,
	int64_t now_s, struct cert_finding *f)
{
	if (chain_check(t, leaf, chain, n, now_s, f) == CERT_GOOD)
		usage_judge(leaf->x509, f);
	return f->fault;
}

bool
cert_trust_vouches(struct cert_trust *t, const struct cert *ca, struct cert *const *chain, size_t n,
	int64_t now_s)
{
	struct cert_finding f;

	return cert_is_ca(ca) && chain_check(t, ca, chain, n, now_s, &f) == CERT_GOOD;
}

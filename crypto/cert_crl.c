/* SPDX-License-Identifier: BSD-3-Clause */
/** The CRLs of a trust (RFC 5280, 5): read, looked up by mark, checked once and not each time. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert_inside.h"
#include "crypto/hash.h"
#include "crypto/sign_key.h"

struct crl {
	X509_CRL *x509;
	uint32_t source;
	bool known; /* an anchor or an added issuer signed it; of one thread as trust.issuers */
	struct crl_entry *entry; /* sorted */
	size_t entries;
};

/** That libcrypto found this CRL good under this issuer, its time apart. */
struct crl_seen {
	struct crl_seen *next;
	const X509_CRL *crl;
	uint8_t issuer[32]; /* SHA-256 of its certificate */
};

/* ---- entries ---------------------------------------------------------------------------- */

struct crl_entry
crl_entry_of(const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
	const unsigned char *der = NULL;
	struct crl_entry e = { 0 };
	size_t n = 0;

	X509_NAME_get0_der(issuer, &der, &n);
	struct octets parts[] = { { der, n },
		{ ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial) } };

	(void)hash(HASH_SHA256, parts, 2, e.hash);
	return e;
}

static int
entry_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct crl_entry));
}

static int
entries_read(struct crl *c)
{
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(c->x509);
	int n = sk_X509_REVOKED_num(list);

	if (n <= 0)
		return 0;
	c->entry = malloc((size_t)n * sizeof(*c->entry));
	if (c->entry == NULL)
		return -ENOMEM;
	c->entries = (size_t)n;
	for (int i = 0; i < n; i++)
		c->entry[i] = crl_entry_of(X509_CRL_get_issuer(c->x509),
			X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(list, i)));
	qsort(c->entry, c->entries, sizeof(*c->entry), entry_order);
	return 0;
}

bool
cert_trust_revokes(const struct cert_trust *t, const struct cert_mark *m)
{
	static const struct crl_entry none;

	for (size_t i = 0; t->rule != CERT_CRL_OFF && i < t->crls_count; i++) {
		const struct crl *c = &t->crls[i];

		if (!c->known || c->entries == 0)
			continue;
		for (int j = 0; j < CERT_CHAIN_MAX - 1; j++)
			if (memcmp(m->chain[j], none.hash, sizeof(none.hash)) != 0 &&
				bsearch(m->chain[j], c->entry, c->entries, sizeof(*c->entry),
					entry_order) != NULL)
				return true;
	}
	return false;
}

/* ---- whose they are --------------------------------------------------------------------- */

/** Anybody can write a list; only one with the issuer's signature counts. */
static void
crl_note(struct crl *c, const struct cert *issuer)
{
	if (!c->known &&
		X509_NAME_cmp(X509_get_subject_name(issuer->x509), X509_CRL_get_issuer(c->x509)) ==
			0)
		c->known = X509_CRL_verify(c->x509, issuer->key->pkey) == 1;
	ERR_clear_error();
}

bool
cert_trust_has_issuer(const struct cert_trust *t, const struct cert *ca)
{
	for (size_t i = 0; i < t->issuers_count; i++)
		if (cert_equal(t->issuers[i], ca))
			return true;
	return false;
}

int
cert_trust_add_issuer(struct cert_trust *t, struct cert *ca)
{
	struct cert **grown;

	if (cert_trust_has_issuer(t, ca))
		return 0;
	grown = realloc(t->issuers, (t->issuers_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	t->issuers = grown;
	t->issuers[t->issuers_count++] = cert_get(ca);
	for (size_t i = 0; i < t->crls_count; i++)
		crl_note(&t->crls[i], ca);
	return 0;
}

/* ---- read ------------------------------------------------------------------------------- */

/**
 * libcrypto sorts a list in place when an entry is looked for in it the first time: now, not
 * while one thread checks a chain and another walks the list.
 */
static void
crl_sort(X509_CRL *crl)
{
	ASN1_INTEGER *any = ASN1_INTEGER_new();
	X509_REVOKED *unused;

	if (any != NULL && ASN1_INTEGER_set(any, 1))
		(void)X509_CRL_get0_by_serial(crl, &unused, any);
	ASN1_INTEGER_free(any);
}

/** Takes the reference, also on error. */
static int
crl_take(struct cert_trust *t, X509_CRL *crl, uint32_t source)
{
	struct crl *grown, c = { .x509 = crl, .source = source };
	int err;

	if (crl == NULL)
		return -EBADMSG;
	crl_sort(crl);
	err = entries_read(&c);
	grown = err == 0 ? realloc(t->crls, (t->crls_count + 1) * sizeof(*grown)) : NULL;
	if (grown != NULL)
		t->crls = grown;
	if (grown == NULL || !X509_STORE_add_crl(t->store, crl)) {
		X509_CRL_free(crl);
		free(c.entry);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->anchors_count; i++)
		crl_note(&c, t->anchors[i].cert);
	t->crls[t->crls_count++] = c;
	return 0;
}

static int
crls_read(struct cert_trust *t, const void *data, size_t n, uint32_t source)
{
	const unsigned char *at = data;
	size_t before = t->crls_count;
	int err = 0;

	if (*at == 0x30)
		return crl_take(t, d2i_X509_CRL(NULL, &at, (long)n), source);
	BIO *bio = BIO_new_mem_buf(data, (int)n);

	while (err == 0 && bio != NULL) {
		X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);

		if (crl == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
			break;
		err = crl_take(t, crl, source);
	}
	BIO_free(bio);
	return bio == NULL ? -ENOMEM : err == 0 && t->crls_count == before ? -ENODATA : err;
}

int
cert_trust_add_crls(struct cert_trust *t, const void *data, size_t n, uint32_t source)
{
	int err;

	if (n == 0)
		return -ENODATA;
	if (n > CERT_CRL_MAX_BYTES)
		return -EBADMSG;
	err = crls_read(t, data, n, source);
	ERR_clear_error();
	return err;
}

/* ---- what is there ---------------------------------------------------------------------- */

static int64_t
time_of(const ASN1_TIME *at)
{
	struct tm tm;

	return at != NULL && ASN1_TIME_to_tm(at, &tm) ? timegm(&tm) : 0;
}

/** CRL number (RFC 5280, 5.2.3), at most 20 octets. */
static void
number_print(X509_CRL *crl, char *buf, size_t room)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	size_t n = number == NULL ? 0 : (size_t)ASN1_STRING_length(number);
	const uint8_t *octets = n == 0 ? NULL : ASN1_STRING_get0_data(number);

	buf[0] = '\0';
	for (size_t i = 0; i < n && 2 * (i + 1) < room; i++)
		snprintf(buf + 2 * i, room - 2 * i, "%02x", octets[i]);
	ASN1_INTEGER_free(number);
	ERR_clear_error();
}

bool
cert_trust_crl(const struct cert_trust *t, size_t index, struct cert_crl_info *out)
{
	const struct crl *c = &t->crls[index];

	if (index >= t->crls_count)
		return false;
	*out = (struct cert_crl_info){
		.this_update_s = time_of(X509_CRL_get0_lastUpdate(c->x509)),
		.next_update_s = time_of(X509_CRL_get0_nextUpdate(c->x509)),
		.entries = (uint32_t)c->entries,
		.source = c->source,
		.known = c->known,
	};
	number_print(c->x509, out->number, sizeof(out->number));
	cert_name_text(X509_CRL_get_issuer(c->x509), out->issuer, sizeof(out->issuer));
	return true;
}

int64_t
cert_trust_crl_until(const struct cert_trust *t)
{
	int64_t until_s = 0;

	for (size_t i = 0; i < t->crls_count; i++) {
		int64_t at_s = time_of(X509_CRL_get0_nextUpdate(t->crls[i].x509));

		if (at_s != 0 && (until_s == 0 || at_s < until_s))
			until_s = at_s;
	}
	return until_s;
}

bool
crl_set_equal(const struct cert_trust *a, const struct cert_trust *b)
{
	if (a->crls_count != b->crls_count)
		return false;
	for (size_t i = 0; i < a->crls_count; i++)
		if (X509_CRL_match(a->crls[i].x509, b->crls[i].x509) != 0)
			return false;
	return true;
}

/* ---- checked once ----------------------------------------------------------------------- */

/**
 * Whose word the CRL is, when nothing but its signature and its time can be wrong with it: a
 * plain one (neither delta nor of a part of the certificates, RFC 5280, 5.2.4 and 5.2.5) of the
 * very issuer of the certificate in question. NULL: it has to be looked at closer.
 */
static X509 *
plain_issuer(X509_STORE_CTX *ctx, X509_CRL *crl)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	X509 *issuer;

	if (X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) >= 0 ||
		X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0 || depth >= sk_X509_num(chain))
		return NULL;
	/* Whose list names an anchor, if anybody's, is its own. */
	issuer = sk_X509_value(chain, depth + 1 < sk_X509_num(chain) ? depth + 1 : depth);
	return X509_STORE_CTX_get0_current_issuer(ctx) == issuer ? issuer : NULL;
}

static bool
in_force(X509_STORE_CTX *ctx, const X509_CRL *crl)
{
	time_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(ctx));
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) < 0 &&
		(next == NULL || X509_cmp_time(next, &now) > 0);
}

static bool
is_seen(const struct cert_trust *t, const X509_CRL *crl, const uint8_t issuer[32])
{
	for (const struct crl_seen *s = atomic_load(&t->seen); s != NULL; s = s->next)
		if (s->crl == crl && memcmp(s->issuer, issuer, sizeof(s->issuer)) == 0)
			return true;
	return false;
}

static void
seen_add(struct cert_trust *t, const X509_CRL *crl, const uint8_t issuer[32])
{
	struct crl_seen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	s->crl = crl;
	memcpy(s->issuer, issuer, sizeof(s->issuer));
	s->next = atomic_load(&t->seen);
	while (!atomic_compare_exchange_weak(&t->seen, &s->next, s))
		;
}

/**
 * The signature under a list of 100 000 costs several milliseconds, far more than the rest of a
 * handshake: it is verified once for every issuer, not for every peer. RUNS ON ANY THREAD.
 */
static int
crl_check(X509_STORE_CTX *ctx, X509_CRL *crl)
{
	struct chain_judging *j = X509_STORE_CTX_get_app_data(ctx);
	struct cert_trust *t = j->trust;
	X509 *issuer = plain_issuer(ctx, crl);
	unsigned passed = j->passed;
	uint8_t id[32];
	unsigned n = sizeof(id);

	if (issuer == NULL || !in_force(ctx, crl) || !X509_digest(issuer, EVP_sha256(), id, &n))
		return t->check(ctx, crl);
	if (is_seen(t, crl, id))
		return 1;
	int ok = t->check(ctx, crl);

	if (ok && j->passed == passed)
		seen_add(t, crl, id);
	return ok;
}

/** A list without its issuer's signature revokes nobody, also when failing open. */
static int
crl_look(X509_STORE_CTX *ctx, X509_CRL *crl, X509 *x509)
{
	const struct chain_judging *j = X509_STORE_CTX_get_app_data(ctx);

	return crl == j->forgotten ? 1 : j->trust->look(ctx, crl, x509);
}

/** libcrypto tells its own check only by a context that has no other. */
int
crl_set_begin(struct cert_trust *t)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (ctx != NULL && X509_STORE_CTX_init(ctx, t->store, NULL, NULL)) {
		t->check = X509_STORE_CTX_get_check_crl(ctx);
		t->look = X509_STORE_CTX_get_cert_crl(ctx);
	}
	X509_STORE_CTX_free(ctx);
	if (t->check == NULL || t->look == NULL)
		return -ENOMEM;
	X509_STORE_set_check_crl(t->store, crl_check);
	X509_STORE_set_cert_crl(t->store, crl_look);
	return 0;
}

void
crl_set_end(struct cert_trust *t)
{
	struct crl_seen *s;

	while ((s = atomic_load(&t->seen)) != NULL) {
		atomic_store(&t->seen, s->next);
		free(s);
	}
	for (size_t i = 0; i < t->crls_count; i++) {
		X509_CRL_free(t->crls[i].x509);
		free(t->crls[i].entry);
	}
	free(t->crls);
	for (size_t i = 0; i < t->issuers_count; i++)
		cert_put(t->issuers[i]);
	free(t->issuers);
}

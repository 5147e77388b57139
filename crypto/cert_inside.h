/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_CERT_INSIDE_H
#define CRYPTO_CERT_INSIDE_H

/** Inside of a certificate, for crypto/ alone. */
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "crypto/cert.h"

struct cert {
	atomic_uint users;
	X509 *x509;
	struct sign_key *key;
	GENERAL_NAMES *names; /* subjectAltName, or NULL */
	uint8_t *der;
	size_t der_bytes;
	uint8_t *subject; /* DER, belongs to x509 */
	size_t subject_bytes;
	int64_t not_before_s, not_after_s;
};

/** What a CRL entry is found by: SHA-256 of issuer and serial. */
struct crl_entry {
	uint8_t hash[32];
};

struct crl_entry crl_entry_of(const X509_NAME *issuer, const ASN1_INTEGER *serial);

struct crl;
struct crl_seen;

typedef int crl_check_fn(X509_STORE_CTX *ctx, X509_CRL *crl);
typedef int crl_look_fn(X509_STORE_CTX *ctx, X509_CRL *crl, X509 *x509);

struct anchor {
	struct cert *cert;
	uint8_t id[32], key[32]; /* as in a struct cert_mark */
};

struct cert_trust {
	atomic_uint users;
	enum cert_crl_rule rule;
	bool sha1;
	X509_STORE *store;
	struct anchor *anchors;
	size_t anchors_count;
	struct crl *crls;
	size_t crls_count;
	struct cert **issuers; /* added; of one thread, unlike the rest: a check never reads it */
	size_t issuers_count;
	crl_check_fn *check;             /* libcrypto's own check of a CRL */
	crl_look_fn *look;               /* and its own look into one */
	_Atomic(struct crl_seen *) seen; /* CRLs that it found good; any thread adds in front */
};

/** One check of a chain, as libcrypto's callbacks see it. */
struct chain_judging {
	struct cert_trust *trust;
	unsigned passed;           /* faults of CRLs that were let pass */
	const X509_CRL *forgotten; /* the CRL with the last of them, unless it was just late */
};

/* Of cert_trust.c, in cert_crl.c. */
int crl_set_begin(struct cert_trust *t);
void crl_set_end(struct cert_trust *t);
bool crl_set_equal(const struct cert_trust *a, const struct cert_trust *b);

/** Print a name into buf; returns buf. */
const char *cert_name_text(const X509_NAME *name, char *buf, size_t room);

#endif

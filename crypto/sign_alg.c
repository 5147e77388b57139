/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "crypto/sign.h"

/* Names of algorithms in AUTH method 14: RFC 7427, appendix A, and RFC 8420, 2. */

static const struct alg_row {
	uint8_t scheme, hash;
	const char *name;
	uint8_t bytes;
	uint8_t der[SIGN_ALG_MAX_BYTES];
} rows[] = {
#define OID_PKCS1(last)                                                                            \
	{                                                                                          \
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last,      \
			0x05, 0x00                                                                 \
	}
#define OID_ECDSA(last)                                                                            \
	{                                                                                          \
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last             \
	}
#define OID_PSS(hash, salt)                                                                        \
	{                                                                                          \
		0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,      \
			0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,    \
			0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06,    \
			0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d,    \
			0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05,    \
			0x00, 0xa2, 0x03, 0x02, 0x01, salt                                         \
	}
	{ SIGN_RSA_PKCS1, HASH_SHA1, "rsa-pkcs1-sha1", 15, OID_PKCS1(0x05) },
	{ SIGN_RSA_PKCS1, HASH_SHA256, "rsa-pkcs1-sha256", 15, OID_PKCS1(0x0b) },
	{ SIGN_RSA_PKCS1, HASH_SHA384, "rsa-pkcs1-sha384", 15, OID_PKCS1(0x0c) },
	{ SIGN_RSA_PKCS1, HASH_SHA512, "rsa-pkcs1-sha512", 15, OID_PKCS1(0x0d) },
	{ SIGN_RSA_PSS, HASH_SHA1, "rsa-pss-sha1", 15,
		{ 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
			0x30, 0x00 } },
	{ SIGN_RSA_PSS, HASH_SHA256, "rsa-pss-sha256", 67, OID_PSS(1, 32) },
	{ SIGN_RSA_PSS, HASH_SHA384, "rsa-pss-sha384", 67, OID_PSS(2, 48) },
	{ SIGN_RSA_PSS, HASH_SHA512, "rsa-pss-sha512", 67, OID_PSS(3, 64) },
	{ SIGN_ECDSA, HASH_SHA1, "ecdsa-sha1", 11,
		{ 0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 } },
	{ SIGN_ECDSA, HASH_SHA256, "ecdsa-sha256", 12, OID_ECDSA(2) },
	{ SIGN_ECDSA, HASH_SHA384, "ecdsa-sha384", 12, OID_ECDSA(3) },
	{ SIGN_ECDSA, HASH_SHA512, "ecdsa-sha512", 12, OID_ECDSA(4) },
	{ SIGN_ECDSA_RAW, HASH_SHA256, "ecdsa-sha256", 0, { 0 } },
	{ SIGN_ECDSA_RAW, HASH_SHA384, "ecdsa-sha384", 0, { 0 } },
	{ SIGN_ECDSA_RAW, HASH_SHA512, "ecdsa-sha512", 0, { 0 } },
	{ SIGN_ED25519, HASH_IDENTITY, "ed25519", 7, { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 } },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct alg_row *
row_of(const struct sign_alg *a)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].scheme == a->scheme && rows[i].hash == a->hash)
			return &rows[i];
	return NULL;
}

size_t
sign_alg_write(const struct sign_alg *a, uint8_t out[SIGN_ALG_MAX_BYTES])
{
	const struct alg_row *row = row_of(a);

	if (row == NULL)
		return 0;
	memcpy(out, row->der, row->bytes);
	return row->bytes;
}

const char *
sign_alg_print(const struct sign_alg *a, char *buf, size_t n)
{
	const struct alg_row *row = row_of(a);

	snprintf(buf, n, "%s", row != NULL ? row->name : "unknown");
	return buf;
}

/* Absent parameters stand for SHA-1 (RFC 8017, A.2.3). */
static uint8_t
hash_of(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;

	if (alg == NULL)
		return HASH_SHA1;
	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	switch (OBJ_obj2nid(oid)) {
	case NID_sha1:
		return HASH_SHA1;
	case NID_sha256:
		return HASH_SHA256;
	case NID_sha384:
		return HASH_SHA384;
	case NID_sha512:
		return HASH_SHA512;
	default:
		return 0;
	}
}

/** The hash inside of the mask generation function, 0 when it is another function. */
static uint8_t
mgf_hash(const X509_ALGOR *mgf)
{
	const ASN1_OBJECT *oid;
	const void *value;
	int type;

	if (mgf == NULL)
		return HASH_SHA1;
	X509_ALGOR_get0(&oid, &type, &value, mgf);
	if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return 0;
	X509_ALGOR *inner = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mgf->parameter);
	uint8_t h = inner == NULL ? 0 : hash_of(inner);

	X509_ALGOR_free(inner);
	return h;
}

static int
pss_read(const X509_ALGOR *alg, struct sign_alg *out)
{
	RSA_PSS_PARAMS *p = alg->parameter == NULL
		? NULL
		: ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	long salt;

	if (p == NULL)
		return -EBADMSG;
	salt = p->saltLength == NULL ? 20 : ASN1_INTEGER_get(p->saltLength);
	out->scheme = SIGN_RSA_PSS;
	out->hash = hash_of(p->hashAlgorithm);
	out->salt_bytes = (uint16_t)salt;
	bool ours = out->hash != 0 && mgf_hash(p->maskGenAlgorithm) == out->hash && salt >= 0 &&
		salt <= HASH_MAX_BYTES &&
		(p->trailerField == NULL || ASN1_INTEGER_get(p->trailerField) == 1);

	RSA_PSS_PARAMS_free(p);
	return ours ? 0 : -ENOTSUP;
}

/** Every algorithm but PSS is what one row says, parameters and all. */
static int
row_read(const void *der, size_t n, struct sign_alg *out)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].bytes == 0 || rows[i].bytes != n || memcmp(rows[i].der, der, n) != 0)
			continue;
		*out = (struct sign_alg){ .scheme = rows[i].scheme, .hash = rows[i].hash };
		if (out->scheme == SIGN_RSA_PSS)
			out->salt_bytes = (uint16_t)hash_bytes((enum hash_id)out->hash);
		return 0;
	}
	return -ENOTSUP;
}

int
sign_alg_read(const void *der, size_t n, struct sign_alg *out)
{
	const unsigned char *at = der;
	struct sign_alg a = { 0 };
	X509_ALGOR *alg;
	int err = row_read(der, n, &a);

	if (err != 0) {
		alg = d2i_X509_ALGOR(NULL, &at, (long)n);
		if (alg == NULL || at != (const unsigned char *)der + n)
			err = -EBADMSG;
		else if (OBJ_obj2nid(alg->algorithm) == NID_rsassaPss)
			err = pss_read(alg, &a);
		X509_ALGOR_free(alg);
		ERR_clear_error();
	}
	if (err == 0)
		*out = a;
	return err;
}

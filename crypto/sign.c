/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert_context.h"
#include "crypto/sign_key.h"

#define COORDINATE_MAX_BYTES 66 /* P-521 */

static const EVP_MD *
md_of(uint8_t hash_id)
{
	switch (hash_id) {
	case HASH_SHA1:
		return EVP_sha1();
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA384:
		return EVP_sha384();
	case HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static bool
fits(const struct sign_key *k, const struct sign_alg *a)
{
	switch (a->scheme) {
	case SIGN_RSA_PKCS1:
	case SIGN_RSA_PSS:
		return k->kind == SIGN_KEY_RSA && md_of(a->hash) != NULL;
	case SIGN_ECDSA:
		return k->kind == SIGN_KEY_ECDSA && md_of(a->hash) != NULL;
	case SIGN_ECDSA_RAW: /* the curve decides about the hash, RFC 4754 */
		return k->kind == SIGN_KEY_ECDSA && a->hash == sign_ecdsa_hash(k);
	case SIGN_ED25519:
		return k->kind == SIGN_KEY_ED25519;
	default:
		return false;
	}
}

static bool
padding_set(EVP_PKEY_CTX *ctx, const struct sign_alg *a)
{
	if (a->scheme == SIGN_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	if (a->scheme == SIGN_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
			EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md_of(a->hash)) > 0 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, a->salt_bytes) > 0;
	return true;
}

/* Ed25519 wants its message in one piece; the others are digested as they come. */
static uint8_t *
join(const struct octets *parts, size_t n, size_t *bytes)
{
	uint8_t *all, *at;

	*bytes = 0;
	for (size_t i = 0; i < n; i++)
		*bytes += parts[i].bytes;
	all = at = malloc(*bytes + 1);
	for (size_t i = 0; all != NULL && i < n; i++) {
		if (parts[i].bytes > 0)
			memcpy(at, parts[i].data, parts[i].bytes);
		at += parts[i].bytes;
	}
	return all;
}

static int
coordinate_bytes(const struct sign_key *k)
{
	return (int)(k->bits + 7) / 8;
}

/** DER to r and s of fixed length. */
static int
raw_from_der(const struct sign_key *k, uint8_t *sig, size_t *n)
{
	const unsigned char *at = sig;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)*n);
	int half = coordinate_bytes(k), err = -EIO;

	if (s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, half) == half &&
		BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + half, half) == half)
		err = 0;
	ECDSA_SIG_free(s);
	*n = 2 * (size_t)half;
	return err;
}

/** And back; room has SIGN_MAX_BYTES. */
static int
raw_to_der(const struct sign_key *k, const uint8_t *sig, size_t n, uint8_t *room, size_t *bytes)
{
	int half = coordinate_bytes(k), got = -1;
	ECDSA_SIG *s;

	if (n != 2 * (size_t)half)
		return -EBADMSG;
	s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, half, NULL), *t = BN_bin2bn(sig + half, half, NULL);

	if (s != NULL && r != NULL && t != NULL && ECDSA_SIG_set0(s, r, t)) {
		unsigned char *at = room;

		got = i2d_ECDSA_SIG(s, &at);
	} else {
		BN_free(r);
		BN_free(t);
	}
	ECDSA_SIG_free(s);
	*bytes = got > 0 ? (size_t)got : 0;
	return got > 0 ? 0 : -ENOMEM;
}

static int
digest_sign(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts,
	size_t n, uint8_t *sig, size_t *sig_bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int err = ctx == NULL ? -ENOMEM : -EIO;

	if (ctx != NULL && EVP_DigestSignInit(ctx, &pctx, md_of(a->hash), NULL, k->pkey) > 0 &&
		padding_set(pctx, a))
		err = 0;
	for (size_t i = 0; err == 0 && i < n; i++)
		if (EVP_DigestSignUpdate(ctx, parts[i].data, parts[i].bytes) <= 0)
			err = -EIO;
	*sig_bytes = SIGN_MAX_BYTES;
	if (err == 0 && EVP_DigestSignFinal(ctx, sig, sig_bytes) <= 0)
		err = -EIO;
	EVP_MD_CTX_free(ctx);
	return err;
}

static int
whole_sign(const struct sign_key *k, const uint8_t *msg, size_t n, uint8_t *sig, size_t *sig_bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = ctx == NULL || msg == NULL ? -ENOMEM : -EIO;

	*sig_bytes = SIGN_MAX_BYTES;
	if (err == -EIO && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) > 0 &&
		EVP_DigestSign(ctx, sig, sig_bytes, msg, n) > 0)
		err = 0;
	EVP_MD_CTX_free(ctx);
	return err;
}

int
sign_make(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts, size_t n,
	uint8_t *sig, size_t *sig_bytes)
{
	int err;

	if (!fits(k, a) || !k->private_half)
		return -ENOTSUP;
	if (a->scheme == SIGN_ED25519) {
		size_t bytes;
		uint8_t *msg = join(parts, n, &bytes);

		err = whole_sign(k, msg, bytes, sig, sig_bytes);
		free(msg);
	} else {
		err = digest_sign(k, a, parts, n, sig, sig_bytes);
	}
	if (err == 0 && a->scheme == SIGN_ECDSA_RAW)
		err = raw_from_der(k, sig, sig_bytes);
	ERR_clear_error();
	return err;
}

/** By hash; NULL: the scheme has its own. Where the key lives, or it would be copied first. */
static bool
check_begin(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const struct sign_key *k, const EVP_MD *md)
{
	return EVP_DigestVerifyInit_ex(ctx, pctx, md == NULL ? NULL : EVP_MD_get0_name(md),
		       k->private_half ? NULL : cert_context(), NULL, k->pkey, NULL) > 0;
}

static int
digest_check(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts,
	size_t n, const uint8_t *sig, size_t sig_bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int err = ctx == NULL ? -ENOMEM : -ENOTSUP;

	if (ctx != NULL && check_begin(ctx, &pctx, k, md_of(a->hash)) && padding_set(pctx, a))
		err = 0;
	for (size_t i = 0; err == 0 && i < n; i++)
		if (EVP_DigestVerifyUpdate(ctx, parts[i].data, parts[i].bytes) <= 0)
			err = -ENOMEM;
	if (err == 0 && EVP_DigestVerifyFinal(ctx, sig, sig_bytes) != 1)
		err = -EBADMSG;
	EVP_MD_CTX_free(ctx);
	return err;
}

static int
whole_check(const struct sign_key *k, const uint8_t *msg, size_t n, const uint8_t *sig,
	size_t sig_bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = ctx == NULL || msg == NULL ? -ENOMEM : -EBADMSG;

	if (err == -EBADMSG && check_begin(ctx, NULL, k, NULL) &&
		EVP_DigestVerify(ctx, sig, sig_bytes, msg, n) == 1)
		err = 0;
	EVP_MD_CTX_free(ctx);
	return err;
}

int
sign_check(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts, size_t n,
	const void *sig, size_t sig_bytes)
{
	uint8_t der[SIGN_MAX_BYTES];
	int err = 0;

	if (!fits(k, a))
		return -ENOTSUP;
	if (sig_bytes > SIGN_MAX_BYTES)
		return -EBADMSG;
	if (a->scheme == SIGN_ED25519) {
		size_t bytes;
		uint8_t *msg = join(parts, n, &bytes);

		err = whole_check(k, msg, bytes, sig, sig_bytes);
		free(msg);
	} else {
		if (a->scheme == SIGN_ECDSA_RAW) {
			err = raw_to_der(k, sig, sig_bytes, der, &sig_bytes);
			sig = der;
		}
		/* libcrypto takes a DER signature only in the one form it would write itself */
		if (err == 0)
			err = digest_check(k, a, parts, n, sig, sig_bytes);
	}
	ERR_clear_error();
	return err;
}

/* DigestInfo up to the digest (RFC 8017, 9.2, note 1). */
static const struct digest_info {
	enum hash_id hash;
	uint8_t bytes;
	uint8_t head[19];
} digest_infos[] = {
	{ HASH_SHA1, 15,
		{ 0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00,
			0x04, 0x14 } },
	{ HASH_SHA256, 19,
		{ 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x01, 0x05, 0x00, 0x04, 0x20 } },
	{ HASH_SHA384, 19,
		{ 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x02, 0x05, 0x00, 0x04, 0x30 } },
	{ HASH_SHA512, 19,
		{ 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
			0x02, 0x03, 0x05, 0x00, 0x04, 0x40 } },
};

static int
digest_info_hash(const uint8_t *block, size_t n, enum hash_id *out)
{
	for (size_t i = 0; i < sizeof(digest_infos) / sizeof(digest_infos[0]); i++) {
		const struct digest_info *d = &digest_infos[i];

		if (n != d->bytes + hash_bytes(d->hash) || memcmp(block, d->head, d->bytes) != 0)
			continue;
		*out = d->hash;
		return 0;
	}
	return -ENOTSUP;
}

int
sign_rsa_hash(const struct sign_key *k, const void *sig, size_t n, enum hash_id *out)
{
	uint8_t block[SIGN_MAX_BYTES];
	size_t bytes = sizeof(block);
	EVP_PKEY_CTX *ctx;
	int err = -EBADMSG;

	if (k->kind != SIGN_KEY_RSA)
		return -ENOTSUP;
	ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
	if (ctx == NULL)
		return -ENOMEM;
	if (EVP_PKEY_verify_recover_init(ctx) > 0 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		EVP_PKEY_verify_recover(ctx, block, &bytes, sig, n) > 0)
		err = digest_info_hash(block, bytes, out);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return err;
}

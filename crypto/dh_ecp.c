/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "crypto/dh_group.h"

/*
 * The NIST curves (RFC 5903). libcrypto writes a point as 0x04 || x || y, IKE leaves
 * the first octet out.
 */

#define UNCOMPRESSED    0x04
#define POINT_MAX_BYTES (1 + 132)

struct dh_ecp {
	EVP_PKEY *pkey;
};

static const struct {
	uint16_t id;
	int nid;
	const char *name;
} curves[] = {
	{ DH_ECP_256, NID_X9_62_prime256v1, "P-256" },
	{ DH_ECP_384, NID_secp384r1, "P-384" },
	{ DH_ECP_521, NID_secp521r1, "P-521" },
};

/** libcrypto makes a curve anew for every key that is asked for by its name, at 10 us. */
static EVP_PKEY *like[sizeof(curves) / sizeof(curves[0])]; /* parameters alone, by curve */

static void
parameters_make(void)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

		if (ctx == NULL || EVP_PKEY_paramgen_init(ctx) <= 0 ||
			EVP_PKEY_CTX_set_group_name(ctx, curves[i].name) <= 0 ||
			EVP_PKEY_paramgen(ctx, &like[i]) <= 0)
			like[i] = NULL;
		EVP_PKEY_CTX_free(ctx);
	}
	ERR_clear_error();
}

static EVP_PKEY *
fresh_key(size_t curve)
{
	static once_flag made = ONCE_FLAG_INIT;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;

	call_once(&made, parameters_make);
	if (like[curve] != NULL)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, like[curve], NULL);
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_keygen(ctx, &pkey) <= 0)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static size_t
curve_of(uint16_t id)
{
	size_t i = 0;

	while (curves[i].id != id)
		i++;
	return i;
}

/** The public point of a given private key; libcrypto 3.0 wants both for an import. */
static size_t
point_of(const BIGNUM *priv, int nid, uint8_t *point)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
	EC_POINT *q = group != NULL ? EC_POINT_new(group) : NULL;
	size_t n = 0;

	if (q != NULL && EC_POINT_mul(group, q, priv, NULL, NULL, NULL))
		n = EC_POINT_point2oct(
			group, q, POINT_CONVERSION_UNCOMPRESSED, point, POINT_MAX_BYTES, NULL);
	EC_POINT_free(q);
	EC_GROUP_free(group);
	return n;
}

static EVP_PKEY *
import_pair(const char *name, const BIGNUM *priv, const uint8_t *point, size_t point_bytes)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld != NULL &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv) &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, point_bytes))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) > 0 &&
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) <= 0)
		pkey = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
given_key(size_t curve, const void *priv, size_t bytes)
{
	uint8_t point[POINT_MAX_BYTES];
	BIGNUM *d = BN_bin2bn(priv, (int)bytes, BN_secure_new());
	EVP_PKEY *pkey = NULL;

	if (d != NULL) {
		size_t n = point_of(d, curves[curve].nid, point);

		if (n > 0)
			pkey = import_pair(curves[curve].name, d, point, n);
	}
	BN_clear_free(d);
	return pkey;
}

static int
write_public(EVP_PKEY *pkey, uint8_t *pub, size_t pub_bytes)
{
	unsigned char *point = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(pkey, &point);
	int err = -EIO;

	if (n == pub_bytes + 1 && point[0] == UNCOMPRESSED) {
		memcpy(pub, point + 1, pub_bytes);
		err = 0;
	}
	OPENSSL_free(point);
	return err;
}

int
dh_ecp_new(
	const struct dh_alg *alg, const void *priv, size_t bytes, uint8_t *pub, struct dh_ecp **out)
{
	size_t curve = curve_of(alg->id);
	struct dh_ecp *dh = calloc(1, sizeof(*dh));
	int err = -EIO;

	if (dh == NULL)
		return -ENOMEM;
	dh->pkey = priv == NULL ? fresh_key(curve) : given_key(curve, priv, bytes);
	if (dh->pkey != NULL)
		err = write_public(dh->pkey, pub, alg->public_bytes);
	if (err == 0)
		*out = dh;
	else
		dh_ecp_free(dh);
	return err;
}

/** The peer's point as a key, or NULL when it does not lie on the curve. */
static EVP_PKEY *
peer_key(const struct dh_ecp *dh, const uint8_t *peer, size_t bytes)
{
	uint8_t point[POINT_MAX_BYTES] = { UNCOMPRESSED };
	EVP_PKEY *pkey = EVP_PKEY_new();

	memcpy(point + 1, peer, bytes);
	if (pkey != NULL && EVP_PKEY_copy_parameters(pkey, dh->pkey) > 0 &&
		EVP_PKEY_set1_encoded_public_key(pkey, point, bytes + 1) > 0)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

int
dh_ecp_shared(
	const struct dh_ecp *dh, const uint8_t *peer, size_t bytes, uint8_t *out, size_t out_bytes)
{
	EVP_PKEY *theirs = peer_key(dh, peer, bytes);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, dh->pkey, NULL);
	size_t n = out_bytes;
	int err = -EIO;

	if (theirs == NULL || ctx == NULL)
		err = theirs == NULL ? -EBADMSG : -ENOMEM;
	else if (EVP_PKEY_derive_init(ctx) <= 0)
		err = -EIO;
	/*
	 * 0: that the point lies on the curve was checked when it was read. With cofactor 1 there
	 * is no more to it (RFC 6989, 2.3); a check of its order costs as much as the secret.
	 */
	else if (EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) <= 0)
		err = -EBADMSG;
	else if (EVP_PKEY_derive(ctx, out, &n) > 0 && n == out_bytes)
		err = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	ERR_clear_error(); /* a bad point leaves entries behind */
	return err;
}

void
dh_ecp_free(struct dh_ecp *dh)
{
	if (dh == NULL)
		return;
	EVP_PKEY_free(dh->pkey); /* wipes the private key */
	free(dh);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/bn.h>
#include <stdlib.h>

#include "crypto/dh_group.h"

/*
 * The MODP groups of RFC 2409 and 3526: safe primes, generator 2. The range check of
 * a public value is therefore all that RFC 6989, 2.1 asks.
 */

struct dh_modp {
	BIGNUM *p;
	BIGNUM *priv;
	size_t bytes; /* of p, and of everything on the wire */
};

/* Exponent length: well above twice the strength of the group (RFC 3526, 8). */
static const struct {
	uint16_t id;
	BIGNUM *(*prime)(BIGNUM *);
	int exponent_bits;
} groups[] = {
	{ DH_MODP_1024, BN_get_rfc2409_prime_1024, 256 },
	{ DH_MODP_1536, BN_get_rfc3526_prime_1536, 256 },
	{ DH_MODP_2048, BN_get_rfc3526_prime_2048, 320 },
	{ DH_MODP_3072, BN_get_rfc3526_prime_3072, 384 },
	{ DH_MODP_4096, BN_get_rfc3526_prime_4096, 448 },
};

static int
modp_init(struct dh_modp *dh, uint16_t id, const void *priv, size_t bytes)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (groups[i].id != id)
			continue;
		dh->p = groups[i].prime(NULL);
		dh->priv = BN_secure_new();
		if (dh->p == NULL || dh->priv == NULL)
			return -ENOMEM;
		if (priv != NULL)
			return BN_bin2bn(priv, (int)bytes, dh->priv) != NULL ? 0 : -ENOMEM;
		return BN_priv_rand(dh->priv, groups[i].exponent_bits, BN_RAND_TOP_ONE,
			       BN_RAND_BOTTOM_ANY)
			? 0
			: -EIO;
	}
	return -ENOTSUP;
}

/** base ^ priv mod p, in constant time, padded to the length of p. */
static int
power(const struct dh_modp *dh, const BIGNUM *base, uint8_t *out)
{
	BN_CTX *ctx = BN_CTX_secure_new();
	BIGNUM *r = BN_secure_new();
	int err = -EIO;

	if (ctx == NULL || r == NULL)
		err = -ENOMEM;
	else if (BN_mod_exp_mont_consttime(r, base, dh->priv, dh->p, ctx, NULL) &&
		BN_bn2binpad(r, out, (int)dh->bytes) == (int)dh->bytes)
		err = 0;
	BN_clear_free(r);
	BN_CTX_free(ctx);
	return err;
}

int
dh_modp_new(const struct dh_alg *alg, const void *priv, size_t bytes, uint8_t *pub,
	struct dh_modp **out)
{
	struct dh_modp *dh = calloc(1, sizeof(*dh));
	BIGNUM *two = BN_new();
	int err = -ENOMEM;

	if (dh != NULL && two != NULL && BN_set_word(two, 2)) {
		dh->bytes = alg->public_bytes;
		err = modp_init(dh, alg->id, priv, bytes);
		if (err == 0)
			err = power(dh, two, pub);
	}
	BN_free(two);
	if (err == 0)
		*out = dh;
	else
		dh_modp_free(dh);
	return err;
}

/** 1 < y < p - 1 */
static int
check_range(const struct dh_modp *dh, const BIGNUM *y)
{
	BIGNUM *top = BN_dup(dh->p);
	int err = -ENOMEM;

	if (top != NULL && BN_sub_word(top, 1))
		err = BN_cmp(y, BN_value_one()) > 0 && BN_cmp(y, top) < 0 ? 0 : -EBADMSG;
	BN_free(top);
	return err;
}

int
dh_modp_shared(const struct dh_modp *dh, const uint8_t *peer, size_t bytes, uint8_t *out)
{
	BIGNUM *y = BN_bin2bn(peer, (int)bytes, NULL);
	int err = y == NULL ? -ENOMEM : check_range(dh, y);

	if (err == 0)
		err = power(dh, y, out);
	BN_free(y);
	return err;
}

void
dh_modp_free(struct dh_modp *dh)
{
	if (dh == NULL)
		return;
	BN_free(dh->p);
	BN_clear_free(dh->priv);
	free(dh);
}

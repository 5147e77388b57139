/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/dh.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/dh_group.h"
#include "crypto/rand.h"

#define X25519_BYTES 32

struct dh {
	const struct dh_alg *alg;
	struct dh_modp *modp; /* one of the three */
	struct dh_ecp *ecp;
	uint8_t x25519[X25519_BYTES];
	uint8_t pub[DH_MAX_BYTES];
};

static int
x25519_init(struct dh *dh, const void *priv, size_t bytes)
{
	if (priv == NULL)
		rand_secret(dh->x25519, sizeof(dh->x25519));
	else if (bytes == sizeof(dh->x25519))
		memcpy(dh->x25519, priv, bytes);
	else
		return -EINVAL;
	return crypto_scalarmult_curve25519_base(dh->pub, dh->x25519) == 0 ? 0 : -EIO;
}

/** libsodium refuses the points of small order, whose product is zero (RFC 7748, 6.1). */
static int
x25519_shared(const struct dh *dh, const uint8_t *peer, uint8_t *out)
{
	return crypto_scalarmult_curve25519(out, dh->x25519, peer) == 0 ? 0 : -EBADMSG;
}

static int
init_group(struct dh *dh, const void *priv, size_t bytes)
{
	switch (dh->alg->id) {
	case DH_CURVE25519:
		return x25519_init(dh, priv, bytes);
	case DH_ECP_256:
	case DH_ECP_384:
	case DH_ECP_521:
		return dh_ecp_new(dh->alg, priv, bytes, dh->pub, &dh->ecp);
	default:
		return dh_modp_new(dh->alg, priv, bytes, dh->pub, &dh->modp);
	}
}

int
dh_new_private(uint16_t group, const void *priv, size_t bytes, struct dh **out)
{
	const struct dh_alg *alg = dh_find(group);
	if (alg == NULL)
		return -ENOTSUP;

	struct dh *dh = calloc(1, sizeof(*dh));
	if (dh == NULL)
		return -ENOMEM;

	dh->alg = alg;
	int err = init_group(dh, priv, bytes);
	if (err != 0) {
		dh_free(dh);
		return err;
	}
	*out = dh;
	return 0;
}

int
dh_new(uint16_t group, struct dh **out)
{
	return dh_new_private(group, NULL, 0, out);
}

const uint8_t *
dh_public(const struct dh *dh)
{
	return dh->pub;
}

const struct dh_alg *
dh_alg(const struct dh *dh)
{
	return dh->alg;
}

int
dh_shared(const struct dh *dh, const void *peer, size_t bytes, struct secret *shared)
{
	if (bytes != dh->alg->public_bytes)
		return -EBADMSG;

	int err = secret_alloc(shared, dh->alg->shared_bytes);
	if (err != 0)
		return err;

	if (dh->modp != NULL)
		err = dh_modp_shared(dh->modp, peer, bytes, shared->data);
	else if (dh->ecp != NULL)
		err = dh_ecp_shared(dh->ecp, peer, bytes, shared->data, shared->bytes);
	else
		err = x25519_shared(dh, peer, shared->data);
	if (err != 0)
		secret_wipe(shared);
	return err;
}

void
dh_free(struct dh *dh)
{
	if (dh == NULL)
		return;
	dh_modp_free(dh->modp);
	dh_ecp_free(dh->ecp);
	secret_wipe_bytes(dh, sizeof(*dh));
	free(dh);
}

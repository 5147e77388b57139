/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_DH_GROUP_H
#define CRYPTO_DH_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/suite.h"

/*
 * Private to dh.c: the two families of groups that libcrypto computes. priv NULL
 * makes a random key; pub takes alg->public_bytes. Errors as in dh.h.
 */

struct dh_modp;
struct dh_ecp;

int dh_modp_new(const struct dh_alg *alg, const void *priv, size_t bytes, uint8_t *pub,
	struct dh_modp **out);
int dh_modp_shared(const struct dh_modp *dh, const uint8_t *peer, size_t bytes, uint8_t *out);
void dh_modp_free(struct dh_modp *dh);

int dh_ecp_new(const struct dh_alg *alg, const void *priv, size_t bytes, uint8_t *pub,
	struct dh_ecp **out);
int dh_ecp_shared(
	const struct dh_ecp *dh, const uint8_t *peer, size_t bytes, uint8_t *out, size_t out_bytes);
void dh_ecp_free(struct dh_ecp *dh);

#endif

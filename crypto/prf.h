/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_PRF_H
#define CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/octets.h"
#include "crypto/suite.h"

#define PRF_MAX_BYTES      64
#define PRF_PLUS_MAX_PARTS 6

/**
 * prf(key, parts...) into out[alg->out_bytes]. HMAC takes a key of any length, so
 * nonces and pre-shared keys go in as they are. out may not overlap key or parts.
 * Returns 0, -ENOMEM, -ENOTSUP.
 */
int prf(const struct prf_alg *alg, const void *key, size_t key_bytes, const struct octets *parts,
	size_t n, uint8_t *out);

/**
 * prf+ (RFC 7296, 2.13): out_bytes of key material from key and the seed parts.
 * Returns 0, -EMSGSIZE above 255 rounds or PRF_PLUS_MAX_PARTS seed parts, else as prf(),
 * with out as it was.
 */
int prf_plus(const struct prf_alg *alg, const void *key, size_t key_bytes,
	const struct octets *seed, size_t n, uint8_t *out, size_t out_bytes);

#endif

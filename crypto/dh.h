/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/secret.h"
#include "crypto/suite.h"

/*
 * Diffie-Hellman of the IKE groups, in the octets of the KE payload: MODP values
 * padded to the modulus (RFC 7296, 3.4), ECP as x || y with the shared secret x
 * alone (RFC 5903), Curve25519 as in RFC 8031. Costs 30 us (group 31) to 4 ms.
 */

#define DH_MAX_BYTES 512 /* of a public value: group 16 */

struct dh; /* one private key and its public value */

/** New random key pair. Caller frees. Returns 0, -ENOTSUP (group), -ENOMEM, -EIO. */
int dh_new(uint16_t group, struct dh **out);

/** As dh_new() with a given private key, big endian (31: as RFC 7748); for known answers. */
int dh_new_private(uint16_t group, const void *priv, size_t bytes, struct dh **out);

/** Public value for the KE payload, dh_find(group)->public_bytes long, valid until dh_free(). */
const uint8_t *dh_public(const struct dh *dh);

const struct dh_alg *dh_alg(const struct dh *dh);

/**
 * Shared secret with the peer's public value. Checks the value as RFC 6989 asks:
 * length, 1 < y < p-1 for MODP, a point on the curve for ECP, no all-zero secret.
 * Returns 0, -EBADMSG for a value that fails those, -ENOMEM, -EIO.
 */
int dh_shared(const struct dh *dh, const void *peer, size_t bytes, struct secret *shared);

/** Wipe and free. NULL is fine. */
void dh_free(struct dh *dh);

#endif

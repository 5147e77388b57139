/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SIPHASH_H
#define CRYPTO_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16

/** A secret: of random octets, and wiped. */
struct siphash_key {
	uint8_t octet[SIPHASH_KEY_BYTES];
};

/**
 * SipHash-2-4 of n bytes: who does not have the key cannot tell it from a random number. Meant
 * for few octets, many times. Any thread; allocates nothing.
 */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/siphash.h"

#include <assert.h>
#include <sodium.h>

static_assert(SIPHASH_KEY_BYTES == crypto_shorthash_siphash24_KEYBYTES &&
		sizeof(uint64_t) == crypto_shorthash_siphash24_BYTES,
	"as the library has it");

uint64_t
siphash(const struct siphash_key *key, const void *data, size_t n)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];
	uint64_t v = 0;

	crypto_shorthash_siphash24(out, data, n, key->octet);
	for (unsigned i = sizeof(out); i-- > 0;)
		v = v << 8 | out[i];
	return v;
}

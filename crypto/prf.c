/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/prf.h"

#include <errno.h>
#include <string.h>

#include "crypto/secret.h"

int
prf(const struct prf_alg *alg, const void *key, size_t key_bytes, const struct octets *parts,
	size_t n, uint8_t *out)
{
	return hmac(alg->hash, key, key_bytes, parts, n, out);
}

int
prf_plus(const struct prf_alg *alg, const void *key, size_t key_bytes, const struct octets *seed,
	size_t n, uint8_t *out, size_t out_bytes)
{
	if (n > PRF_PLUS_MAX_PARTS || out_bytes > (size_t)255 * alg->out_bytes)
		return -EMSGSIZE;

	uint8_t t[PRF_MAX_BYTES], round = 1;
	struct octets parts[PRF_PLUS_MAX_PARTS + 2] = { { t, 0 } }; /* T0 is empty */
	struct hmac_key k;
	size_t done = 0;

	if (hmac_key_set(&k, alg->hash, key, key_bytes) != 0)
		return -ENOTSUP;
	if (n > 0)
		memcpy(&parts[1], seed, n * sizeof(*seed));
	parts[n + 1] = (struct octets){ &round, 1 };

	for (; done < out_bytes; round++) {
		size_t take = out_bytes - done < alg->out_bytes ? out_bytes - done : alg->out_bytes;

		hmac_by(&k, parts, n + 2, t);
		parts[0].bytes = alg->out_bytes;
		memcpy(out + done, t, take);
		done += take;
	}
	secret_wipe_bytes(t, sizeof(t));
	hmac_key_wipe(&k);
	return 0;
}

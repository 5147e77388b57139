/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/hash.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdbool.h>

static const struct {
	const char *name;
	size_t bytes;
} digests[] = {
	[HASH_SHA1] = { "SHA1", 20 },
	[HASH_SHA256] = { "SHA256", 32 },
	[HASH_SHA384] = { "SHA384", 48 },
	[HASH_SHA512] = { "SHA512", 64 },
};

/* Looked up once: a look-up costs as much as a short digest. Never freed. */
static EVP_MD *md_of[sizeof(digests) / sizeof(digests[0])];
static EVP_MAC *hmac_alg;

static void
fetch_once(void)
{
	for (size_t id = HASH_SHA1; id <= HASH_SHA512; id++)
		md_of[id] = EVP_MD_fetch(NULL, digests[id].name, NULL);
	hmac_alg = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

/** Whether id is one of ours and libcrypto's objects for it are there. */
static int
prepare(enum hash_id id)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (hash_bytes(id) == 0)
		return -EINVAL;
	pthread_once(&once, fetch_once);
	return md_of[id] != NULL && hmac_alg != NULL ? 0 : -ENOTSUP;
}

size_t
hash_bytes(enum hash_id id)
{
	return (size_t)id < sizeof(digests) / sizeof(digests[0]) ? digests[id].bytes : 0;
}

int
hash(enum hash_id id, const struct octets *parts, size_t n, uint8_t *out)
{
	int err = prepare(id);
	if (err != 0)
		return err;

	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestInit_ex2(ctx, md_of[id], NULL);

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].bytes);
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int
hmac(enum hash_id id, const void *key, size_t key_bytes, const struct octets *parts, size_t n,
	uint8_t *out)
{
	int err = prepare(id);
	if (err != 0)
		return err;

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, (char *)digests[id].name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac_alg);
	const void *k = key_bytes > 0 ? key : ""; /* NULL would mean: keep the former key */
	bool ok = ctx != NULL && EVP_MAC_init(ctx, k, key_bytes, params);

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_MAC_update(ctx, parts[i].data, parts[i].bytes);
	ok = ok && EVP_MAC_final(ctx, out, NULL, hash_bytes(id));
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

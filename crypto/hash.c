/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What IKE digests is short and there is much of it: libcrypto's EVP layer (contexts on the heap,
 * parameters by name) costs several times the digest itself. The plain functions below it are
 * deprecated, not slower and not less safe.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <assert.h>
#include <errno.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

#include "crypto/secret.h"

#define BLOCK_MAX_BYTES 128

union state {
	MD5_CTX md5;
	SHA_CTX sha1;
	SHA256_CTX sha256;
	SHA512_CTX sha512; /* of SHA-384, too */
};

#define ALGORITHM(name, field)                                                                     \
	static void name##_begin(union state *s)                                                   \
	{                                                                                          \
		name##_Init(&s->field);                                                            \
	}                                                                                          \
	static void name##_add(union state *s, const void *data, size_t n)                         \
	{                                                                                          \
		name##_Update(&s->field, data, n);                                                 \
	}                                                                                          \
	static void name##_end(union state *s, uint8_t *out)                                       \
	{                                                                                          \
		name##_Final(out, &s->field);                                                      \
	}
ALGORITHM(MD5, md5)
ALGORITHM(SHA1, sha1)
ALGORITHM(SHA256, sha256)
ALGORITHM(SHA384, sha512)
ALGORITHM(SHA512, sha512)

static const struct digest {
	size_t bytes, block;
	void (*begin)(union state *s);
	void (*add)(union state *s, const void *data, size_t n);
	void (*end)(union state *s, uint8_t *out);
} digests[] = {
	[HASH_MD5] = { 16, 64, MD5_begin, MD5_add, MD5_end },
	[HASH_SHA1] = { 20, 64, SHA1_begin, SHA1_add, SHA1_end },
	[HASH_SHA256] = { 32, 64, SHA256_begin, SHA256_add, SHA256_end },
	[HASH_SHA384] = { 48, 128, SHA384_begin, SHA384_add, SHA384_end },
	[HASH_SHA512] = { 64, 128, SHA512_begin, SHA512_add, SHA512_end },
};

size_t
hash_bytes(enum hash_id id)
{
	return (size_t)id < sizeof(digests) / sizeof(digests[0]) ? digests[id].bytes : 0;
}

static void
add_parts(const struct digest *d, union state *s, const struct octets *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].bytes > 0)
			d->add(s, parts[i].data, parts[i].bytes);
}

int
hash(enum hash_id id, const struct octets *parts, size_t n, uint8_t *out)
{
	union state s;

	if (hash_bytes(id) == 0)
		return -EINVAL;
	digests[id].begin(&s);
	add_parts(&digests[id], &s, parts, n);
	digests[id].end(&s, out);
	secret_wipe_bytes(&s, sizeof(s));
	return 0;
}

/** Begin a digest with the key, padded to a block, under a mask (RFC 2104, 2). */
static void
keyed_begin(const struct digest *d, union state *s, const uint8_t *key, size_t bytes, uint8_t mask)
{
	uint8_t block[BLOCK_MAX_BYTES];

	memset(block, mask, sizeof(block));
	for (size_t i = 0; i < bytes; i++)
		block[i] ^= key[i];
	d->begin(s);
	d->add(s, block, d->block);
	secret_wipe_bytes(block, sizeof(block));
}

/** Of a key that came before the parts. */
struct keyed {
	union state inner, outer;
};

static_assert(sizeof(struct keyed) <= sizeof(((struct hmac_key *)0)->state), "room for it");

int
hmac_key_set(struct hmac_key *k, enum hash_id id, const void *key, size_t key_bytes)
{
	uint8_t shorter[HASH_MAX_BYTES];
	struct keyed s;

	if (hash_bytes(id) == 0)
		return -EINVAL;
	const struct digest *d = &digests[id];

	k->id = id;
	if (key_bytes > d->block) {
		(void)hash(id, &(struct octets){ key, key_bytes }, 1, shorter);
		key = shorter;
		key_bytes = d->bytes;
	}
	keyed_begin(d, &s.inner, key, key_bytes, 0x36);
	keyed_begin(d, &s.outer, key, key_bytes, 0x5c);
	memcpy(k->state, &s, sizeof(s));
	secret_wipe_bytes(&s, sizeof(s));
	secret_wipe_bytes(shorter, sizeof(shorter));
	return 0;
}

void
hmac_by(const struct hmac_key *k, const struct octets *parts, size_t n, uint8_t *out)
{
	const struct digest *d = &digests[k->id];
	uint8_t inner[HASH_MAX_BYTES];
	struct keyed s;

	memcpy(&s, k->state, sizeof(s));
	add_parts(d, &s.inner, parts, n);
	d->end(&s.inner, inner);
	d->add(&s.outer, inner, d->bytes);
	d->end(&s.outer, out);
	secret_wipe_bytes(&s, sizeof(s));
	secret_wipe_bytes(inner, sizeof(inner));
}

void
hmac_key_wipe(struct hmac_key *k)
{
	secret_wipe_bytes(k, sizeof(*k));
}

int
hmac(enum hash_id id, const void *key, size_t key_bytes, const struct octets *parts, size_t n,
	uint8_t *out)
{
	struct hmac_key k;
	int err = hmac_key_set(&k, id, key, key_bytes);

	if (err != 0)
		return err;
	hmac_by(&k, parts, n, out);
	hmac_key_wipe(&k);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/octets.h"

#define HASH_MAX_BYTES 64

/* Values are those of the IKEv2 Hash Algorithms registry (RFC 7427), which has no MD5. */
enum hash_id {
	HASH_SHA1 = 1,
	HASH_SHA256 = 2,
	HASH_SHA384 = 3,
	HASH_SHA512 = 4,
	HASH_MD5 = 15, /* for HMAC only: nothing is signed with it */
};

/** Octets of digest, 0 for an id that is not in the list. */
size_t hash_bytes(enum hash_id id);

/** Digest of the parts one after the other into out[hash_bytes(id)]. 0, or -EINVAL for the id. */
int hash(enum hash_id id, const struct octets *parts, size_t n, uint8_t *out);

/** HMAC (RFC 2104) of the parts, full length, into out[hash_bytes(id)]. 0, or -EINVAL. */
int hmac(enum hash_id id, const void *key, size_t key_bytes, const struct octets *parts, size_t n,
	uint8_t *out);

/** A key made ready for many HMACs; a secret, to be wiped by hmac_key_wipe(). */
struct hmac_key {
	enum hash_id id;
	uint64_t state[2 * 27]; /* inside of hash.c */
};

/** 0, or -EINVAL for the id. */
int hmac_key_set(struct hmac_key *k, enum hash_id id, const void *key, size_t key_bytes);

/** hmac() by a key made ready. */
void hmac_by(const struct hmac_key *k, const struct octets *parts, size_t n, uint8_t *out);

void hmac_key_wipe(struct hmac_key *k);

#endif

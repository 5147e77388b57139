/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_ESP_CIPHER_H
#define CRYPTO_ESP_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Seal and open ESP packets in place, many at a time. Submit and collect: a job may
 * come back from a later collect, in any order and mixed with jobs of other SAs,
 * which is what keeps the multi-buffer lanes of CBC + HMAC full. AEAD jobs are done
 * when esp_submit() returns (esp_at_once()).
 *
 * What a job covers, contiguous in memory, written by the caller except as said:
 *
 *	SPI (4) | seq (4) | IV (iv_bytes) | payload (ct_bytes) | ICV (icv_bytes)
 *	^ job->esp
 *
 * Seal: the caller writes SPI, seq and the padded plaintext with its trailer; IV and
 * ICV are written here. Open: the payload becomes plaintext, trailer included.
 */

#define ESP_KEY_ALIGN 64 /* of the memory of a struct esp_key */

enum esp_dir { ESP_SEAL, ESP_OPEN };

enum esp_status {
	ESP_PENDING,    /* submitted, not collected yet */
	ESP_OK,         /* sealed, or authentic and decrypted */
	ESP_BAD_ICV,    /* open only: forged or damaged; the payload is garbage */
	ESP_BAD_LENGTH, /* ct_bytes is 0 or not whole blocks; nothing was done */
	ESP_FAILED,     /* the library refused the job: a bug; count it and drop */
};

/** One row per suite, constant from the first esp_mgr_new() on. */
struct esp_suite {
	const char *name;   /* "aes256gcm16", "aes256-sha256" */
	uint16_t encr_id;   /* ENCR_* of crypto/suite.h */
	uint16_t key_bits;  /* Key Length attribute, 0 for ChaCha20 and 3DES */
	uint16_t integ_id;  /* AUTH_*, 0 for an AEAD */
	uint8_t key_bytes;  /* cipher key, without salt */
	uint8_t salt_bytes; /* follows the cipher key in the key material */
	uint8_t integ_key_bytes;
	uint8_t iv_bytes;
	uint8_t block_bytes; /* payload with trailer is padded to this: 16, 8 or 4 */
	uint8_t icv_bytes;
	uint8_t kind;         /* private to esp_cipher.c */
	uint8_t head_lines;   /* cache lines of the schedule every packet reads */
	uint16_t hash_end;    /* octets: end of a long GHASH key table; 0 where there is none */
	uint16_t sched_bytes; /* of a struct esp_key, whole cache lines */
	uint16_t salt_at;     /* octets: where the salt of an AEAD is in it */
};

struct esp_key; /* opaque: one expanded key, in memory of the caller */
struct esp_mgr; /* opaque: one per worker; never shared between threads */

/** One packet. Left alone by the caller until collected. */
struct esp_job {
	const struct esp_suite *suite;
	const struct esp_key *key;
	uint8_t *esp;         /* at the SPI */
	void *user;           /* the caller's, untouched */
	struct esp_job *next; /* private */
	uint32_t seq_hi;      /* high half of a 64-bit sequence number, host order */
	uint16_t ct_bytes;    /* payload with trailer, without IV and ICV */
	bool esn;             /* seq_hi is authenticated too (RFC 4303, 2.2.1) */
	uint8_t status;       /* enum esp_status */
	uint8_t dir;          /* private */
};

_Static_assert(sizeof(struct esp_job) <= 64, "a job is one cache line");

/**
 * The suite of a negotiated transform pair, or NULL. integ_id is 0 for an AEAD.
 * key_bits as on the wire: 0 for ChaCha20 and 3DES.
 */
const struct esp_suite *esp_suite_find(uint16_t encr_id, uint16_t key_bits, uint16_t integ_id);

/** Are its jobs done when esp_submit() returns? */
static inline bool
esp_at_once(const struct esp_suite *s)
{
	return s->integ_id == 0;
}

/** All suites, for tests and benchmarks: NULL from the end of the list on. */
const struct esp_suite *esp_suite_at(size_t i);

/** Octets of key material one direction takes: cipher key, salt, integrity key in this order. */
static inline size_t
esp_keymat_bytes(const struct esp_suite *s)
{
	return s->key_bytes + s->salt_bytes + s->integ_key_bytes;
}

/** Octets of memory for a struct esp_key of this suite; align it to ESP_KEY_ALIGN. */
static inline size_t
esp_key_bytes(const struct esp_suite *s)
{
	return s->sched_bytes;
}

/** Caller frees. NULL when there is no memory or the CPU lacks what ipsec-mb needs. */
struct esp_mgr *esp_mgr_new(void);

/** Wipes and frees; jobs still in lanes are abandoned, so flush and collect first. */
void esp_mgr_free(struct esp_mgr *mgr);

/** About how many keys are in use by this worker: many are fetched ahead of their turn. */
void esp_mgr_live_keys(struct esp_mgr *mgr, uint32_t keys);

/**
 * Expand key material (esp_keymat_bytes(suite) octets) into *key for one direction.
 * Any thread may do it with a manager of its own. Returns 0, -EINVAL (length or
 * alignment).
 */
int esp_key_expand(struct esp_mgr *mgr, const struct esp_suite *suite, enum esp_dir dir,
	const void *keymat, size_t keymat_bytes, struct esp_key *key);

void esp_key_wipe(const struct esp_suite *suite, struct esp_key *key);

/**
 * Fetch the cache lines of a key that a packet of ct_bytes will read. Where the table of
 * the hash key's powers is long, a short packet reads only the low ones, at its end.
 */
static inline void
esp_key_prefetch(const struct esp_suite *s, const struct esp_key *key, uint32_t ct_bytes)
{
	const uint8_t *p = (const uint8_t *)key;

	for (uint32_t i = 0; i < s->head_lines; i++)
		__builtin_prefetch(p + i * 64);
	if (s->hash_end == 0)
		return;

	uint32_t start = s->head_lines * 64u;
	uint32_t want = ct_bytes + 32; /* a power per block, and AAD and length */

	if (want < s->hash_end - start)
		start = (s->hash_end - want) & ~63u;
	for (uint32_t at = start; at < s->hash_end; at += 64)
		__builtin_prefetch(p + at);
}

/**
 * Take n jobs, all sealed or all opened, of any mixture of suites and keys. Never
 * refuses: a job that cannot be done comes back with its status. Keys and packets
 * must stay as they are until the job is collected.
 */
void esp_submit(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n);

/**
 * Up to max finished jobs, 0 when there are none now. Call once per loop round until
 * it returns less than max: jobs that sat in lanes for ESP_LANE_ROUNDS such calls
 * without any coming out are flushed, so that none waits for company for ever.
 */
uint32_t esp_collect(struct esp_mgr *mgr, struct esp_job *done[], uint32_t max);

#define ESP_LANE_ROUNDS 8

/** Finish everything still in lanes, for esp_collect() to hand out. When a round was idle. */
void esp_flush(struct esp_mgr *mgr);

/** Jobs in lanes plus jobs not collected. 0: keys may be freed after a grace period. */
uint32_t esp_pending(const struct esp_mgr *mgr);

#endif

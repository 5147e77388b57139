/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/esp_cipher.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/esp_key.h"
#include "crypto/ipsec_mb.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "crypto/suite.h"

#define AHEAD        4  /* packets between the fetch of a key and its use */
#define BATCH        32 /* jobs handed to the library at once */
#define IV_POOL      (64 * 16)
#define MANY_KEYS    500 /* live keys that no longer fit the L2 cache */
#define HEADER_BYTES 8   /* SPI and sequence number */

/** What the library reads or writes for one job beside the packet: one cache line. */
struct scratch {
	union {
		struct {                   /* AEAD */
			uint8_t nonce[16]; /* salt and IV */
			uint8_t aad[12];   /* SPI and 64-bit sequence number, when ESN is on */
		};
		struct {                    /* CBC + HMAC */
			const void *des[3]; /* schedules of 3DES */
			uint8_t saved[4];   /* open with ESN: ICV octets under seq_hi */
		};
	};
	uint8_t tag[32]; /* open: the tag that should be there */
};

_Static_assert(sizeof(struct scratch) == 64, "scratch is one line");

#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
/** What imb_set_session() finds out about a suite; made once instead of per job. */
struct session {
	__typeof__(((IMB_JOB *)0)->suite_id) suite_id;
	__typeof__(((IMB_JOB *)0)->session_id) session_id;
};
#endif

/*
 * Two managers of the library, because each hands jobs out in the order they came:
 * an AEAD packet, done at once, must not stand behind a lane that waits for company.
 */
struct esp_mgr {
	IMB_MGR *lanes;   /* CBC + HMAC */
	IMB_MGR *at_once; /* AEAD */
	struct esp_job *done_first, *done_last;
	uint32_t done;     /* length of that list */
	uint32_t in_lanes; /* jobs */
	uint32_t stuck;    /* collects since a job left the lanes */
	uint32_t live_keys;
	uint32_t lane_next; /* scratch ring: jobs leave lanes in order */
	uint32_t iv_used;   /* octets of iv_pool */
	uint8_t iv_pool[IV_POOL];
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	struct session session[ESP_SUITES][2];
#endif
	struct scratch aead[BATCH] __attribute__((aligned(64)));
	struct scratch lane[IMB_MAX_JOBS] __attribute__((aligned(64)));
};

/* ---- finished jobs ---- */

static void
put_done(struct esp_mgr *mgr, struct esp_job *j, enum esp_status status)
{
	j->status = status;
	j->next = NULL;
	if (mgr->done_first == NULL)
		mgr->done_first = j;
	else
		mgr->done_last->next = j;
	mgr->done_last = j;
	mgr->done++;
}

static uint32_t
take_done(struct esp_mgr *mgr, struct esp_job *done[], uint32_t max)
{
	uint32_t n = 0;

	for (; n < max && mgr->done_first != NULL; n++) {
		done[n] = mgr->done_first;
		mgr->done_first = done[n]->next;
	}
	mgr->done -= n;
	return n;
}

/* ---- parts of a packet ---- */

static uint8_t *
packet_iv(const struct esp_job *j)
{
	return j->esp + HEADER_BYTES;
}

static uint8_t *
packet_text(const struct esp_job *j)
{
	return j->esp + HEADER_BYTES + j->suite->iv_bytes;
}

static uint8_t *
packet_icv(const struct esp_job *j)
{
	return packet_text(j) + j->ct_bytes;
}

static inline uint32_t
word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
two_words(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
seq_hi_be(const struct esp_job *j)
{
	return j->esn ? __builtin_bswap32(j->seq_hi) : 0;
}

/** Do the ICV in the packet and the one computed agree? In constant time. */
static enum esp_status
check_icv(const struct esp_job *j, const uint8_t *tag)
{
	const uint8_t *icv = packet_icv(j);
	uint32_t n = j->suite->icv_bytes; /* 12 or more, whole words: the last two may overlap */
	uint64_t differ = two_words(icv + n - 8) ^ two_words(tag + n - 8);

	for (uint32_t i = 0; i + 8 < n; i += 8)
		differ |= two_words(icv + i) ^ two_words(tag + i);
	return differ == 0 ? ESP_OK : ESP_BAD_ICV;
}

/* ---- AEAD: done within the call ---- */

/** What is authenticated but not ciphered: the header, with ESN its longer form (RFC 4106, 5). */
static inline const uint8_t *
aad_of(const struct esp_job *j, const struct scratch *s)
{
	return j->esn ? s->aad : j->esp;
}

static inline uint32_t
aad_bytes(const struct esp_job *j)
{
	return j->esn ? sizeof(((struct scratch *)0)->aad) : HEADER_BYTES;
}

/**
 * Nonce and AAD of one packet; for seal the IV too: the 64-bit sequence number,
 * which no two packets of a key share.
 */
static inline void
aead_prepare(const struct esp_job *j, enum esp_dir dir, struct scratch *s)
{
	uint32_t hi = seq_hi_be(j), salt = word((const uint8_t *)j->key + j->suite->salt_at);
	uint64_t iv;

	if (dir == ESP_SEAL) {
		iv = hi | (uint64_t)word(j->esp + 4) << 32;
		memcpy(packet_iv(j), &iv, sizeof(iv));
	} else {
		memcpy(&iv, packet_iv(j), sizeof(iv));
	}
	memcpy(s->nonce, &salt, sizeof(salt));
	memcpy(s->nonce + sizeof(salt), &iv, sizeof(iv));
	if (!j->esn)
		return;
	memcpy(s->aad, j->esp, 4);
	memcpy(s->aad + 4, &hi, 4);
	memcpy(s->aad + 8, j->esp + 4, 4);
}

static inline void
aead_finish(struct esp_mgr *mgr, struct esp_job *j, enum esp_dir dir, const struct scratch *s)
{
	put_done(mgr, j, dir == ESP_SEAL ? ESP_OK : check_icv(j, s->tag));
}

/** The three fields 1.4 and later want in every job of a burst. */
static inline void
set_session(const struct esp_mgr *mgr, const struct esp_job *j, enum esp_dir dir, IMB_JOB *job)
{
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	const struct session *s = &mgr->session[esp_suite_index(j->suite)][dir];

	memcpy(job->suite_id, s->suite_id, sizeof(job->suite_id));
	job->session_id = s->session_id;
#else
	(void)mgr, (void)j, (void)dir, (void)job;
#endif
}

static inline void
set_dir(IMB_JOB *job, enum esp_dir dir)
{
	job->cipher_direction = dir == ESP_SEAL ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = dir == ESP_SEAL ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
}

/* ---- ChaCha20-Poly1305: one burst of the library ---- */

static void
set_chacha_suite(IMB_JOB *job, const struct esp_suite *s, enum esp_dir dir)
{
	set_dir(job, dir);
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->key_len_in_bytes = s->key_bytes;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output_len_in_bytes = s->icv_bytes;
}

static void
chacha_fill(const struct esp_mgr *mgr, const struct esp_job *j, enum esp_dir dir, struct scratch *s,
	IMB_JOB *job)
{
	aead_prepare(j, dir, s);
	set_chacha_suite(job, j->suite, dir);
	job->enc_keys = j->key;
	job->dec_keys = j->key;
	job->src = packet_text(j);
	job->dst = packet_text(j);
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = j->ct_bytes;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = j->ct_bytes;
	job->iv = s->nonce;
	job->auth_tag_output = dir == ESP_SEAL ? packet_icv(j) : s->tag;
	job->u.CHACHA20_POLY1305.aad = aad_of(j, s);
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = aad_bytes(j);
	set_session(mgr, j, dir, job);
}

/** n <= BATCH. */
static void
submit_chacha(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	IMB_JOB *job[BATCH];

	if (IMB_GET_NEXT_BURST(mgr->at_once, n, job) != n) { /* it is empty between calls */
		for (uint32_t i = 0; i < n; i++)
			put_done(mgr, jobs[i], ESP_FAILED);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		chacha_fill(mgr, jobs[i], dir, &mgr->aead[i], job[i]);

	uint32_t ready = IMB_SUBMIT_BURST_NOCHECK(mgr->at_once, n, job);

	for (uint32_t i = 0; i < n; i++) {
		if (i < ready && job[i]->status == IMB_STATUS_COMPLETED)
			aead_finish(mgr, jobs[i], dir, &mgr->aead[i]);
		else
			put_done(mgr, jobs[i], ESP_FAILED);
	}
}

/* ---- GCM: a call for each packet ---- */

static inline aes_gcm_enc_dec_t
gcm_call(const IMB_MGR *mb, const struct esp_suite *s, enum esp_dir dir)
{
	if (s->key_bits == 128)
		return dir == ESP_SEAL ? mb->gcm128_enc : mb->gcm128_dec;
	if (s->key_bits == 192)
		return dir == ESP_SEAL ? mb->gcm192_enc : mb->gcm192_dec;
	return dir == ESP_SEAL ? mb->gcm256_enc : mb->gcm256_dec;
}

/** With many keys in use each is fetched before its turn: call with i = -AHEAD.. to n - 1. */
static inline void
fetch_ahead(const struct esp_mgr *mgr, struct esp_job *const jobs[], uint32_t n, int64_t i)
{
	const struct esp_job *j;

	if (mgr->live_keys < MANY_KEYS || i + AHEAD >= n)
		return;
	j = jobs[i + AHEAD];
	esp_key_prefetch(j->suite, j->key, j->ct_bytes);
}

/**
 * n <= BATCH GCM jobs, each by a call of its own, which fills no descriptor; made once for each
 * direction. What the call reads whole was written in pieces, long enough before that it need
 * not wait for them.
 */
static inline __attribute__((always_inline)) void
gcm_run(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	struct gcm_context_data ctx;

	for (int64_t i = -AHEAD; i < 0; i++)
		fetch_ahead(mgr, jobs, n, i);
	for (uint32_t i = 0; i < n; i++)
		aead_prepare(jobs[i], dir, &mgr->aead[i]);
	for (uint32_t i = 0; i < n; i++) {
		const struct esp_job *j = jobs[i];
		struct scratch *s = &mgr->aead[i];

		fetch_ahead(mgr, jobs, n, i);
		gcm_call(mgr->at_once, j->suite, dir)((const struct gcm_key_data *)j->key, &ctx,
			packet_text(j), packet_text(j), j->ct_bytes, s->nonce, aad_of(j, s),
			aad_bytes(j), dir == ESP_SEAL ? packet_icv(j) : s->tag,
			j->suite->icv_bytes);
	}
	for (uint32_t i = 0; i < n; i++)
		aead_finish(mgr, jobs[i], dir, &mgr->aead[i]);
}

static void
submit_gcm(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	if (dir == ESP_SEAL)
		gcm_run(mgr, ESP_SEAL, jobs, n);
	else
		gcm_run(mgr, ESP_OPEN, jobs, n);
}

/* ---- CBC + HMAC: lanes ---- */

/**
 * n unpredictable octets (RFC 3602, 3), from a pool of ChaCha20 key stream. The
 * head of each pool keys the next one, so the past cannot be computed back and the
 * packet path makes no system call.
 */
static void
next_iv(struct esp_mgr *mgr, uint8_t *iv, uint32_t n)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];

	if (mgr->iv_used + n > IV_POOL) {
		uint8_t key[crypto_stream_chacha20_KEYBYTES];

		memcpy(key, mgr->iv_pool, sizeof(key));
		crypto_stream_chacha20(mgr->iv_pool, IV_POOL, nonce, key);
		secret_wipe_bytes(key, sizeof(key));
		mgr->iv_used = sizeof(key);
	}
	memcpy(iv, mgr->iv_pool + mgr->iv_used, n);
	mgr->iv_used += n;
}

static IMB_HASH_ALG
hash_alg(const struct esp_suite *s)
{
	switch (s->integ_id) {
	case AUTH_HMAC_MD5_96:
		return IMB_AUTH_MD5;
	case AUTH_HMAC_SHA1_96:
		return IMB_AUTH_HMAC_SHA_1;
	case AUTH_HMAC_SHA2_256_128:
		return IMB_AUTH_HMAC_SHA_256;
	case AUTH_HMAC_SHA2_384_192:
		return IMB_AUTH_HMAC_SHA_384;
	default:
		return IMB_AUTH_HMAC_SHA_512;
	}
}

static void
set_lane_suite(IMB_JOB *job, const struct esp_suite *s, enum esp_dir dir)
{
	set_dir(job, dir);
	job->cipher_mode = s->encr_id == ENCR_3DES ? IMB_CIPHER_DES3 : IMB_CIPHER_CBC;
	job->hash_alg = hash_alg(s);
	job->key_len_in_bytes = s->key_bytes;
	job->iv_len_in_bytes = s->iv_bytes;
	job->auth_tag_output_len_in_bytes = s->icv_bytes;
}

/**
 * With ESN the high half is hashed after the ciphertext but not sent: it stands for
 * a while where the ICV is, and the first ICV octets of a packet to open are saved.
 */
static uint32_t
lane_esn(const struct esp_job *j, enum esp_dir dir, struct scratch *s)
{
	uint32_t hi = seq_hi_be(j);

	if (!j->esn)
		return 0;
	if (dir == ESP_OPEN)
		memcpy(s->saved, packet_icv(j), sizeof(s->saved));
	memcpy(packet_icv(j), &hi, sizeof(hi));
	return sizeof(hi);
}

/** The library takes AES as one schedule, 3DES as pointers to three. */
static const void *
lane_sched(const struct esp_job *j, struct scratch *s)
{
	const struct cbc_hmac_key *key = (const struct cbc_hmac_key *)j->key;

	if (j->suite->encr_id != ENCR_3DES)
		return key->sched;
	for (uint32_t i = 0; i < 3; i++)
		s->des[i] = key->sched + i * IMB_DES_KEY_SCHED_SIZE;
	return s->des;
}

static void
lane_fill(struct esp_mgr *mgr, struct esp_job *j, enum esp_dir dir, IMB_JOB *job)
{
	const struct cbc_hmac_key *key = (const struct cbc_hmac_key *)j->key;
	struct scratch *s = &mgr->lane[mgr->lane_next++ % IMB_MAX_JOBS];
	uint32_t text_at = HEADER_BYTES + j->suite->iv_bytes;

	if (dir == ESP_SEAL)
		next_iv(mgr, packet_iv(j), j->suite->iv_bytes);
	set_lane_suite(job, j->suite, dir);
	job->enc_keys = job->dec_keys = lane_sched(j, s);
	job->src = j->esp;
	job->dst = packet_text(j);
	job->cipher_start_src_offset_in_bytes = text_at;
	job->msg_len_to_cipher_in_bytes = j->ct_bytes;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = text_at + j->ct_bytes + lane_esn(j, dir, s);
	job->iv = packet_iv(j);
	job->auth_tag_output = dir == ESP_SEAL ? packet_icv(j) : s->tag;
	job->u.HMAC._hashed_auth_key_xor_ipad = key->inner;
	job->u.HMAC._hashed_auth_key_xor_opad = key->outer;
	job->user_data = j;
	job->user_data2 = s;
	set_session(mgr, j, dir, job);
}

static void
lane_finish(struct esp_mgr *mgr, const IMB_JOB *job)
{
	struct esp_job *j = job->user_data;
	const struct scratch *s = job->user_data2;
	enum esp_status status = ESP_OK;

	if (j->dir == ESP_OPEN) {
		if (j->esn)
			memcpy(packet_icv(j), s->saved, sizeof(s->saved));
		status = check_icv(j, s->tag);
	}
	if (job->status != IMB_STATUS_COMPLETED)
		status = ESP_FAILED;
	mgr->in_lanes--;
	mgr->stuck = 0;
	put_done(mgr, j, status);
}

/** Version 2.0 of the library spoils packets of 3DES that share its lanes. */
static inline bool
goes_alone(const struct esp_job *j)
{
	return IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0) && j->suite->encr_id == ENCR_3DES;
}

/*
 * One by one, not by the library's bursts: those of 1.3 miscount a queue that has
 * wrapped (a negative int divided by a size_t), and hand out jobs twice.
 */
static void
submit_lanes(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	for (int64_t i = -AHEAD; i < 0; i++)
		fetch_ahead(mgr, jobs, n, i);
	for (uint32_t i = 0; i < n; i++) {
		fetch_ahead(mgr, jobs, n, i);
		lane_fill(mgr, jobs[i], dir, IMB_GET_NEXT_JOB(mgr->lanes));
		mgr->in_lanes++;

		IMB_JOB *out = IMB_SUBMIT_JOB_NOCHECK(mgr->lanes);

		for (; out != NULL; out = IMB_GET_COMPLETED_JOB(mgr->lanes))
			lane_finish(mgr, out);
		if (goes_alone(jobs[i]))
			esp_flush(mgr);
	}
}

/* ---- interface ---- */

static void
submit_kind(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	switch (jobs[0]->suite->kind) {
	case ESP_KIND_GCM:
		submit_gcm(mgr, dir, jobs, n);
		return;
	case ESP_KIND_CHACHA:
		submit_chacha(mgr, dir, jobs, n);
		return;
	default:
		submit_lanes(mgr, dir, jobs, n);
	}
}

/** Take a job; false: it is done already, with a bad length. */
static bool
admit(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *j)
{
	j->dir = dir;
	j->status = ESP_PENDING;
	if (j->ct_bytes != 0 && (j->ct_bytes & (j->suite->block_bytes - 1)) == 0)
		return true;
	put_done(mgr, j, ESP_BAD_LENGTH);
	return false;
}

/** In runs of one kind, which nearly always is all of them. */
void
esp_submit(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *const jobs[], uint32_t n)
{
	uint32_t from = 0;
	uint8_t kind = n > 0 ? jobs[0]->suite->kind : 0;

	for (uint32_t i = 0; i < n; i++) {
		bool good = admit(mgr, dir, jobs[i]);

		if (good && jobs[i]->suite->kind == kind && i - from < BATCH)
			continue;
		if (i > from)
			submit_kind(mgr, dir, jobs + from, i - from);
		from = good ? i : i + 1;
		kind = jobs[i]->suite->kind;
	}
	if (n > from)
		submit_kind(mgr, dir, jobs + from, n - from);
}

uint32_t
esp_collect(struct esp_mgr *mgr, struct esp_job *done[], uint32_t max)
{
	uint32_t n = take_done(mgr, done, max);

	if (n == max || mgr->in_lanes == 0 || ++mgr->stuck < ESP_LANE_ROUNDS)
		return n;
	esp_flush(mgr);
	return n + take_done(mgr, done + n, max - n);
}

void
esp_flush(struct esp_mgr *mgr)
{
	IMB_JOB *out;

	while ((out = IMB_FLUSH_JOB(mgr->lanes)) != NULL)
		lane_finish(mgr, out);
}

uint32_t
esp_pending(const struct esp_mgr *mgr)
{
	return mgr->in_lanes + mgr->done;
}

void
esp_mgr_live_keys(struct esp_mgr *mgr, uint32_t keys)
{
	mgr->live_keys = keys;
}

IMB_MGR *
esp_mgr_library(struct esp_mgr *mgr)
{
	return mgr->at_once;
}

static void
sessions_init(struct esp_mgr *mgr)
{
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	for (size_t i = 0; i < ESP_SUITES; i++) {
		for (enum esp_dir dir = ESP_SEAL; dir <= ESP_OPEN; dir++) {
			const struct esp_suite *s = esp_suite_at(i);
			struct session *session = &mgr->session[i][dir];
			IMB_JOB job = { 0 };

			if (s->kind == ESP_KIND_GCM)
				continue; /* its calls take no job */
			if (s->kind == ESP_KIND_CBC_HMAC)
				set_lane_suite(&job, s, dir);
			else
				set_chacha_suite(&job, s, dir);
			session->session_id = imb_set_session(
				s->kind == ESP_KIND_CBC_HMAC ? mgr->lanes : mgr->at_once, &job);
			memcpy(session->suite_id, job.suite_id, sizeof(job.suite_id));
		}
	}
#else
	(void)mgr;
#endif
}

struct esp_mgr *
esp_mgr_new(void)
{
	struct esp_mgr *mgr = aligned_alloc(64, (sizeof(*mgr) + 63) / 64 * 64);

	if (mgr == NULL)
		return NULL;
	memset(mgr, 0, sizeof(*mgr));
	mgr->lanes = ipsec_mb_new();
	mgr->at_once = ipsec_mb_new();
	if (mgr->lanes == NULL || mgr->at_once == NULL) {
		esp_mgr_free(mgr);
		return NULL;
	}
	esp_suites_fit(mgr->at_once);
	sessions_init(mgr);
	rand_bytes(mgr->iv_pool, sizeof(mgr->iv_pool));
	mgr->iv_used = IV_POOL; /* the first IV comes from a pool keyed by these */
	return mgr;
}

void
esp_mgr_free(struct esp_mgr *mgr)
{
	if (mgr == NULL)
		return;
	if (mgr->lanes != NULL)
		free_mb_mgr(mgr->lanes);
	if (mgr->at_once != NULL)
		free_mb_mgr(mgr->at_once);
	secret_wipe_bytes(mgr, sizeof(*mgr));
	free(mgr);
}

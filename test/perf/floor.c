/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/floor.h"

#include <intel-ipsec-mb.h>
#include <string.h>

#include "crypto/esp_key.h"
#include "crypto/suite.h"

#define HEADER_BYTES 8

static IMB_MGR *mgr[2]; /* by direction, as a worker has them */
static uint8_t iv[16], tag[64];
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
static IMB_JOB session[2]; /* what imb_set_session() wrote */
#endif

const char *
floor_name(enum floor_call call)
{
	static const char *const names[FLOOR_CALLS] = { "direct", "direct+prefetch", "burst",
		"job" };

	return names[call];
}

bool
floor_fits(enum floor_call call, const struct esp_suite *suite)
{
	switch (suite->kind) {
	case ESP_KIND_GCM:
		return call != FLOOR_JOB;
	case ESP_KIND_CHACHA:
		return call == FLOOR_BURST;
	default: /* speed is of no interest with what only legacy: true allows */
		return call == FLOOR_JOB && suite->encr_id == ENCR_AES_CBC &&
			suite->integ_id != AUTH_HMAC_MD5_96;
	}
}

bool
floor_start(void)
{
	for (int dir = ESP_SEAL; dir <= ESP_OPEN; dir++) {
		mgr[dir] = alloc_mb_mgr(0);
		if (mgr[dir] == NULL)
			return false;
		init_mb_mgr_auto(mgr[dir], NULL);
		if (imb_get_errno(mgr[dir]) != 0)
			return false;
	}
	return true;
}

void
floor_stop(void)
{
	free_mb_mgr(mgr[ESP_SEAL]);
	free_mb_mgr(mgr[ESP_OPEN]);
}

/* ---- direct ---------------------------------------------------------------------------- */

static aes_gcm_enc_dec_t
gcm_call(const struct esp_suite *s, enum esp_dir dir)
{
	const IMB_MGR *mb = mgr[dir];

	if (s->key_bits == 128)
		return dir == ESP_SEAL ? mb->gcm128_enc : mb->gcm128_dec;
	if (s->key_bits == 192)
		return dir == ESP_SEAL ? mb->gcm192_enc : mb->gcm192_dec;
	return dir == ESP_SEAL ? mb->gcm256_enc : mb->gcm256_dec;
}

static void
direct(const struct esp_suite *s, enum esp_dir dir, const struct floor_item *it, uint32_t n,
	bool prefetch)
{
	aes_gcm_enc_dec_t call = gcm_call(s, dir);
	struct gcm_context_data ctx;

	for (uint32_t i = 0; i < 2 && i < n && prefetch; i++)
		esp_key_prefetch(s, it[i].key, it[i].bytes);
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *text = it[i].text;

		if (prefetch && i + 2 < n)
			esp_key_prefetch(s, it[i + 2].key, it[i + 2].bytes);
		call((const struct gcm_key_data *)it[i].key, &ctx, text, text, it[i].bytes, iv,
			text - s->iv_bytes - HEADER_BYTES, HEADER_BYTES,
			dir == ESP_SEAL ? text + it[i].bytes : tag, s->icv_bytes);
	}
}

/* ---- jobs ------------------------------------------------------------------------------ */

static void
job_suite(IMB_JOB *job, const struct esp_suite *s, enum esp_dir dir)
{
	bool seal = dir == ESP_SEAL;

	job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->key_len_in_bytes = s->key_bytes;
	job->auth_tag_output_len_in_bytes = s->icv_bytes;
	job->iv_len_in_bytes = s->kind == ESP_KIND_CBC_HMAC ? 16 : 12;
	if (s->kind == ESP_KIND_CBC_HMAC) {
		job->cipher_mode = IMB_CIPHER_CBC;
		job->hash_alg = s->integ_id == AUTH_HMAC_SHA1_96 ? IMB_AUTH_HMAC_SHA_1
			: s->integ_id == AUTH_HMAC_SHA2_256_128  ? IMB_AUTH_HMAC_SHA_256
			: s->integ_id == AUTH_HMAC_SHA2_384_192  ? IMB_AUTH_HMAC_SHA_384
								 : IMB_AUTH_HMAC_SHA_512;
		return;
	}
	job->cipher_mode = s->kind == ESP_KIND_GCM ? IMB_CIPHER_GCM : IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = s->kind == ESP_KIND_GCM ? IMB_AUTH_AES_GMAC : IMB_AUTH_CHACHA20_POLY1305;
}

static void
job_fill(IMB_JOB *job, const struct esp_suite *s, enum esp_dir dir, const struct floor_item *it)
{
	uint8_t *head = it->text - s->iv_bytes - HEADER_BYTES;
	uint32_t before = HEADER_BYTES + s->iv_bytes;

	job_suite(job, s, dir);
	job->enc_keys = it->key;
	job->dec_keys = it->key;
	job->dst = it->text;
	job->msg_len_to_cipher_in_bytes = it->bytes;
	job->hash_start_src_offset_in_bytes = 0;
	job->auth_tag_output = dir == ESP_SEAL ? it->text + it->bytes : tag;
	if (s->kind == ESP_KIND_CBC_HMAC) {
		const struct cbc_hmac_key *key = (const struct cbc_hmac_key *)it->key;

		job->enc_keys = key->sched;
		job->dec_keys = key->sched;
		job->src = head;
		job->cipher_start_src_offset_in_bytes = before;
		job->msg_len_to_hash_in_bytes = before + it->bytes;
		job->iv = it->text - s->iv_bytes;
		job->u.HMAC._hashed_auth_key_xor_ipad = key->inner;
		job->u.HMAC._hashed_auth_key_xor_opad = key->outer;
	} else {
		job->src = it->text;
		job->cipher_start_src_offset_in_bytes = 0;
		job->msg_len_to_hash_in_bytes = it->bytes;
		job->iv = iv;
		job->u.GCM.aad = head; /* ChaCha20-Poly1305 has its two fields at the same place */
		job->u.GCM.aad_len_in_bytes = HEADER_BYTES;
	}
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	memcpy(job->suite_id, session[dir].suite_id, sizeof(job->suite_id));
	job->session_id = session[dir].session_id;
#endif
}

_Static_assert(offsetof(IMB_JOB, u.GCM.aad) == offsetof(IMB_JOB, u.CHACHA20_POLY1305.aad) &&
		offsetof(IMB_JOB, u.GCM.aad_len_in_bytes) ==
			offsetof(IMB_JOB, u.CHACHA20_POLY1305.aad_len_in_bytes),
	"job_fill() writes both by one name");

static void
sessions_set(const struct esp_suite *s)
{
#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)
	for (int dir = ESP_SEAL; dir <= ESP_OPEN; dir++) {
		memset(&session[dir], 0, sizeof(session[dir]));
		job_suite(&session[dir], s, dir);
		session[dir].session_id = imb_set_session(mgr[dir], &session[dir]);
	}
#else
	(void)s;
#endif
}

static void
burst(const struct esp_suite *s, enum esp_dir dir, const struct floor_item *it, uint32_t n)
{
	IMB_JOB *job[FLOOR_GROUP];

	n = IMB_GET_NEXT_BURST(mgr[dir], n, job);
	for (uint32_t i = 0; i < n; i++)
		job_fill(job[i], s, dir, &it[i]);
	IMB_SUBMIT_BURST_NOCHECK(mgr[dir], n, job);
}

static void
jobs(const struct esp_suite *s, enum esp_dir dir, const struct floor_item *it, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		job_fill(IMB_GET_NEXT_JOB(mgr[dir]), s, dir, &it[i]);
		for (IMB_JOB *out = IMB_SUBMIT_JOB_NOCHECK(mgr[dir]); out != NULL;)
			out = IMB_GET_COMPLETED_JOB(mgr[dir]);
	}
}

/* ---- all -------------------------------------------------------------------------------- */

static void
group(enum floor_call call, const struct esp_suite *s, enum esp_dir dir,
	const struct floor_item *it, uint32_t n)
{
	if (call == FLOOR_BURST)
		burst(s, dir, it, n);
	else if (call == FLOOR_JOB)
		jobs(s, dir, it, n);
	else
		direct(s, dir, it, n, call == FLOOR_PREFETCH);
}

void
floor_run(enum floor_call call, const struct esp_suite *suite, const struct floor_item *open,
	const struct floor_item *seal, uint32_t n)
{
	sessions_set(suite);
	for (uint32_t at = 0; at < n; at += FLOOR_GROUP) {
		uint32_t some = n - at < FLOOR_GROUP ? n - at : FLOOR_GROUP;

		if (open != NULL)
			group(call, suite, ESP_OPEN, open + at, some);
		if (seal != NULL)
			group(call, suite, ESP_SEAL, seal + at, some);
	}
}

void
floor_flush(void)
{
	for (int dir = ESP_SEAL; dir <= ESP_OPEN; dir++)
		while (IMB_FLUSH_JOB(mgr[dir]) != NULL)
			;
}

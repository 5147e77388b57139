/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/esp_key.h"

#include <errno.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/suite.h"

#define LINES(bytes) (((bytes) + 63) / 64)

/* Sizes of GCM are the largest there are until esp_suites_fit() knows better. */
#define GCM_SUITE(bits, icv)                                                                       \
	{                                                                                          \
		.name = "aes" #bits "gcm" #icv, .encr_id = ENCR_AES_GCM_##icv, .key_bits = (bits), \
		.key_bytes = (bits) / 8, .salt_bytes = 4, .iv_bytes = 8, .block_bytes = 4,         \
		.icv_bytes = (icv), .kind = ESP_KIND_GCM,                                          \
		.head_lines = LINES(sizeof(struct gcm_key_data) + 4),                              \
		.sched_bytes = LINES(sizeof(struct gcm_key_data) + 4) * 64,                        \
		.salt_at = sizeof(struct gcm_key_data),                                            \
	}

#define CBC_LINES(sched) LINES(sizeof(struct cbc_hmac_key) + (sched))

/* cipher: ENCR_ id, Key Length, octets of key, block and schedule. */
#define CBC_SUITE(cipher_name, hash_name, auth, mac_key, icv, encr, bits, key, block, sched)       \
	{                                                                                          \
		.name = cipher_name "-" hash_name, .encr_id = (encr), .key_bits = (bits),          \
		.integ_id = (auth), .key_bytes = (key), .integ_key_bytes = (mac_key),              \
		.iv_bytes = (block), .block_bytes = (block), .icv_bytes = (icv),                   \
		.kind = ESP_KIND_CBC_HMAC, .head_lines = CBC_LINES(sched),                         \
		.sched_bytes = CBC_LINES(sched) * 64,                                              \
	}

#define CBC_SUITES(name, ...)                                                                      \
	CBC_SUITE(name, "sha1", AUTH_HMAC_SHA1_96, 20, 12, __VA_ARGS__),                           \
		CBC_SUITE(name, "sha256", AUTH_HMAC_SHA2_256_128, 32, 16, __VA_ARGS__),            \
		CBC_SUITE(name, "sha384", AUTH_HMAC_SHA2_384_192, 48, 24, __VA_ARGS__),            \
		CBC_SUITE(name, "sha512", AUTH_HMAC_SHA2_512_256, 64, 32, __VA_ARGS__),            \
		CBC_SUITE(name, "md5", AUTH_HMAC_MD5_96, 16, 12, __VA_ARGS__)

#define AES_SUITES(bits)                                                                           \
	CBC_SUITES("aes" #bits, ENCR_AES_CBC, (bits), (bits) / 8, 16, AES_SCHED_BYTES)

/* clang-format off */
static struct esp_suite suites[ESP_SUITES] = {
	GCM_SUITE(128, 16), GCM_SUITE(192, 16), GCM_SUITE(256, 16),
	GCM_SUITE(128, 12), GCM_SUITE(192, 12), GCM_SUITE(256, 12),
	GCM_SUITE(128, 8),  GCM_SUITE(192, 8),  GCM_SUITE(256, 8),
	AES_SUITES(128), AES_SUITES(192), AES_SUITES(256),
	CBC_SUITES("3des", ENCR_3DES, 0, 24, IMB_DES_BLOCK_SIZE, 3 * IMB_DES_KEY_SCHED_SIZE),
	{
		.name = "chacha20poly1305", .encr_id = ENCR_CHACHA20_POLY1305,
		.key_bytes = 32, .salt_bytes = 4, .iv_bytes = 8, .block_bytes = 4, .icv_bytes = 16,
		.kind = ESP_KIND_CHACHA, .head_lines = 1, .sched_bytes = 64, .salt_at = 32,
	},
};
/* clang-format on */

size_t
esp_suite_index(const struct esp_suite *s)
{
	return (size_t)(s - suites);
}

const struct esp_suite *
esp_suite_at(size_t i)
{
	return i < ESP_SUITES ? &suites[i] : NULL;
}

const struct esp_suite *
esp_suite_find(uint16_t encr_id, uint16_t key_bits, uint16_t integ_id)
{
	for (size_t i = 0; i < ESP_SUITES; i++) {
		const struct esp_suite *s = &suites[i];

		if (s->encr_id == encr_id && s->key_bits == key_bits && s->integ_id == integ_id)
			return s;
	}
	return NULL;
}

static void
expand_gcm(IMB_MGR *mb, const struct esp_suite *s, const uint8_t *keymat, struct gcm_key_data *key)
{
	if (s->key_bits == 128)
		IMB_AES128_GCM_PRE(mb, keymat, key);
	else if (s->key_bits == 192)
		IMB_AES192_GCM_PRE(mb, keymat, key);
	else
		IMB_AES256_GCM_PRE(mb, keymat, key);
}

/**
 * How much of its structure this CPU's code fills decides what a packet reads. The code
 * for AVX-512 with VAES keeps 48 powers of the hash key in falling order, of which a
 * packet reads as many as it has blocks; older code keeps 8 or 16 words and reads them
 * all. From ipsec-mb 1.4 on the long form is two tables: take all of it.
 */
static void
fit_gcm(IMB_MGR *mb, struct esp_suite *s)
{
	static const uint8_t keymat[32] = { 1 };
	_Alignas(ESP_KEY_ALIGN) uint8_t octet[sizeof(struct gcm_key_data)] = { 0 };
	uint16_t end = sizeof(octet);

	expand_gcm(mb, s, keymat, (struct gcm_key_data *)octet);
	while (octet[end - 1] == 0)
		end--;
	end = (uint16_t)((end + 3) & ~3);
	s->salt_at = end;
	s->sched_bytes = LINES(end + s->salt_bytes) * 64;
	s->head_lines = (uint8_t)LINES(end + s->salt_bytes);
	if (IMB_VERSION_NUM < IMB_VERSION(1, 4, 0) && end == sizeof(octet)) {
		s->head_lines = (uint8_t)LINES(16 * (s->key_bits / 32 + 7)); /* round keys */
		s->hash_end = end;
	}
}

void
esp_suites_fit(IMB_MGR *mb)
{
	static bool done;

	for (size_t i = 0; i < ESP_SUITES && !done; i++)
		if (suites[i].kind == ESP_KIND_GCM)
			fit_gcm(mb, &suites[i]);
	done = true;
}

static void
expand_aes(IMB_MGR *mb, const struct esp_suite *s, enum esp_dir dir, const uint8_t *aes_key,
	struct cbc_hmac_key *key)
{
	_Alignas(16) uint8_t other[AES_SCHED_BYTES];
	void *enc = dir == ESP_SEAL ? key->sched : other;
	void *dec = dir == ESP_OPEN ? key->sched : other;

	if (s->key_bits == 128)
		IMB_AES_KEYEXP_128(mb, aes_key, enc, dec);
	else if (s->key_bits == 192)
		IMB_AES_KEYEXP_192(mb, aes_key, enc, dec);
	else
		IMB_AES_KEYEXP_256(mb, aes_key, enc, dec);
	secret_wipe_bytes(other, sizeof(other));
}

/** Encrypt, decrypt, encrypt: the same three schedules for both directions. */
static void
expand_3des(IMB_MGR *mb, const uint8_t *des_keys, struct cbc_hmac_key *key)
{
	for (size_t i = 0; i < 3; i++)
		IMB_DES_KEYSCHED(mb, (uint64_t *)(key->sched + i * IMB_DES_KEY_SCHED_SIZE),
			des_keys + i * IMB_DES_BLOCK_SIZE);
}

/** State of the hash after one block of the key xored with pad (RFC 2104). */
static void
hmac_state(
	IMB_MGR *mb, const struct esp_suite *s, const uint8_t *mac_key, uint8_t pad, uint8_t *state)
{
	uint8_t block[128];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < s->integ_key_bytes; i++)
		block[i] ^= mac_key[i];

	switch (s->integ_id) {
	case AUTH_HMAC_MD5_96:
		IMB_MD5_ONE_BLOCK(mb, block, state);
		break;
	case AUTH_HMAC_SHA1_96:
		IMB_SHA1_ONE_BLOCK(mb, block, state);
		break;
	case AUTH_HMAC_SHA2_256_128:
		IMB_SHA256_ONE_BLOCK(mb, block, state);
		break;
	case AUTH_HMAC_SHA2_384_192:
		IMB_SHA384_ONE_BLOCK(mb, block, state);
		break;
	default:
		IMB_SHA512_ONE_BLOCK(mb, block, state);
		break;
	}
	secret_wipe_bytes(block, sizeof(block));
}

static void
expand_cbc_hmac(IMB_MGR *mb, const struct esp_suite *s, enum esp_dir dir, const uint8_t *keymat,
	struct esp_key *key)
{
	struct cbc_hmac_key *k = (struct cbc_hmac_key *)key;

	if (s->encr_id == ENCR_3DES)
		expand_3des(mb, keymat, k);
	else
		expand_aes(mb, s, dir, keymat, k);
	hmac_state(mb, s, keymat + s->key_bytes, 0x36, k->inner);
	hmac_state(mb, s, keymat + s->key_bytes, 0x5c, k->outer);
}

int
esp_key_expand(struct esp_mgr *mgr, const struct esp_suite *suite, enum esp_dir dir,
	const void *keymat, size_t keymat_bytes, struct esp_key *key)
{
	IMB_MGR *mb = esp_mgr_library(mgr);

	if (keymat_bytes != esp_keymat_bytes(suite) || (uintptr_t)key % ESP_KEY_ALIGN != 0)
		return -EINVAL;

	memset(key, 0, suite->sched_bytes);
	if (suite->kind == ESP_KIND_GCM)
		expand_gcm(mb, suite, keymat, (struct gcm_key_data *)key);
	else if (suite->kind == ESP_KIND_CBC_HMAC)
		expand_cbc_hmac(mb, suite, dir, keymat, key);
	else
		memcpy(key, keymat, suite->key_bytes);
	memcpy((uint8_t *)key + suite->salt_at, (const uint8_t *)keymat + suite->key_bytes,
		suite->salt_bytes);
	return 0;
}

void
esp_key_wipe(const struct esp_suite *suite, struct esp_key *key)
{
	secret_wipe_bytes(key, suite->sched_bytes);
}

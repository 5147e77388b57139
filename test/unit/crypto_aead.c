/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"

#include <errno.h>
#include <time.h>

#include "crypto/ike_aead.h"
#include "crypto/selftest.h"

#define HEAD 32 /* IKE header and SK header */

static const uint8_t keys[128] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static struct ike_aead *
aead_new(const struct encr_alg *encr, const struct integ_alg *integ)
{
	struct ike_aead *a = NULL;

	if (encr->aead)
		integ = NULL;
	CHECK_EQ(ike_aead_new(encr, keys, ike_aead_encr_key_bytes(encr), integ, keys + 40,
			 ike_aead_integ_key_bytes(encr, integ), &a),
		0);
	return a;
}

static size_t
seal(struct ike_aead *a, uint8_t *msg, size_t plain_bytes)
{
	memset(msg, 0x5a, 256);
	for (size_t i = 0; i < plain_bytes; i++)
		msg[HEAD + ike_aead_iv_bytes(a) + i] = (uint8_t)i;
	CHECK_EQ(ike_aead_seal(a, msg, 256, HEAD, plain_bytes), 0);
	return HEAD + ike_aead_sealed_bytes(a, plain_bytes);
}

static void
round_trip(const struct encr_alg *encr, const struct integ_alg *integ)
{
	struct ike_aead *out = aead_new(encr, integ), *in = aead_new(encr, integ);

	for (size_t n = 0; n <= 65; n++) {
		uint8_t msg[256], *plain = NULL;
		size_t plain_bytes = 999, bytes = seal(out, msg, n);

		CHECK_EQ(msg[HEAD - 1], 0x5a);
		CHECK_EQ(msg[bytes], 0x5a);
		CHECK_EQ(ike_aead_open(in, msg, bytes, HEAD, &plain, &plain_bytes), 0);
		CHECK_EQ(plain_bytes, n);
		for (size_t i = 0; i < n && plain != NULL; i++)
			CHECK_EQ(plain[i], i);
	}
	ike_aead_free(out);
	ike_aead_free(in);
}

static void
every_suite_goes_round(void)
{
	for (size_t e = 0; e < ENCR_ALGS; e++) {
		for (size_t i = 0; i < (encr_algs[e].aead ? 1 : INTEG_ALGS); i++)
			round_trip(&encr_algs[e], &integ_algs[i]);
	}
}

static void
damaged_messages_are_refused(void)
{
	for (size_t e = 0; e < ENCR_ALGS; e++) {
		struct ike_aead *a = aead_new(&encr_algs[e], &integ_algs[e % INTEG_ALGS]);
		uint8_t msg[256], bad[256], *plain = NULL;
		size_t n, bytes = seal(a, msg, 20);

		for (size_t at = 0; at < bytes; at++) {
			memcpy(bad, msg, sizeof(bad));
			bad[at] ^= 0x80;
			CHECK_EQ(ike_aead_open(a, bad, bytes, HEAD, &plain, &n), -EBADMSG);
		}
		for (size_t cut = 0; cut < bytes; cut++) {
			memcpy(bad, msg, sizeof(bad));
			CHECK_EQ(ike_aead_open(a, bad, cut, HEAD, &plain, &n), -EBADMSG);
		}
		CHECK(plain == NULL);
		CHECK_EQ(ike_aead_open(a, msg, bytes, HEAD, &plain, &n), 0);
		ike_aead_free(a);
	}
}

static void
ivs_never_repeat(void)
{
	for (size_t e = 0; e < ENCR_ALGS; e++) {
		struct ike_aead *a = aead_new(&encr_algs[e], &integ_algs[0]);
		uint8_t one[256], two[256];

		seal(a, one, 16);
		seal(a, two, 16);
		CHECK(memcmp(one + HEAD, two + HEAD, ike_aead_iv_bytes(a)) != 0);
		ike_aead_free(a);
	}
}

static void
wrong_combinations_are_refused(void)
{
	const struct encr_alg *cbc = encr_find(ENCR_AES_CBC, 256);
	const struct encr_alg *gcm = encr_find(ENCR_AES_GCM_16, 256);
	const struct integ_alg *sha = integ_find(AUTH_HMAC_SHA2_256_128);
	struct ike_aead *a = NULL;

	CHECK_EQ(ike_aead_new(cbc, keys, 32, NULL, NULL, 0, &a), -EINVAL);
	CHECK_EQ(ike_aead_new(gcm, keys, 36, sha, keys, 32, &a), -EINVAL);
	CHECK_EQ(ike_aead_new(gcm, keys, 32, NULL, NULL, 0, &a), -EINVAL);
	CHECK_EQ(ike_aead_new(cbc, keys, 32, sha, keys, 31, &a), -EINVAL);
	CHECK(a == NULL);
	ike_aead_free(NULL);
}

static void
room_is_checked(void)
{
	struct ike_aead *a = aead_new(encr_find(ENCR_AES_CBC, 128), integ_find(AUTH_HMAC_SHA1_96));
	uint8_t msg[256] = { 0 };
	size_t need = HEAD + ike_aead_sealed_bytes(a, 16);

	CHECK_EQ(need, HEAD + 16 + 32 + 12); /* 16 octets and their pad length need two blocks */
	CHECK_EQ(ike_aead_sealed_bytes(a, 15), 16 + 16 + 12);
	CHECK_EQ(ike_aead_seal(a, msg, need - 1, HEAD, 16), -ENOSPC);
	CHECK_EQ(ike_aead_seal(a, msg, HEAD - 1, HEAD, 16), -ENOSPC);
	CHECK_EQ(ike_aead_seal(a, msg, need, HEAD, 16), 0);
	ike_aead_free(a);
}

static void
selftest_passes_quickly(void)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	const char *failed = crypto_selftest();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	long ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;

	printf("# self-test took %ld ms\n", ms);
	CHECK_STR(failed != NULL ? failed : "passed", "passed");
}

int
main(void)
{
	TEST(every_suite_goes_round);
	TEST(damaged_messages_are_refused);
	TEST(ivs_never_repeat);
	TEST(wrong_combinations_are_refused);
	TEST(room_is_checked);
	TEST(selftest_passes_quickly);
	return check_done();
}

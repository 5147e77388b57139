/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"

#include <errno.h>

#include "crypto/prf.h"
#include "crypto/secret.h"
#include "crypto/siphash.h"

static void
is_hex(const void *data, const char *hex)
{
	uint8_t want[256];
	size_t n = check_unhex(hex, want, sizeof(want));

	CHECK_MEM((const uint8_t *)data, want, n);
}

static void
hmac_is(enum hash_id id, const void *key, size_t key_bytes, const char *text, const char *hex)
{
	struct octets part = { text, strlen(text) };
	uint8_t out[HASH_MAX_BYTES];

	CHECK_EQ(hmac(id, key, key_bytes, &part, 1, out), 0);
	is_hex(out, hex);
}

static void
hash_in_parts(void)
{
	struct octets parts[] = { { NULL, 0 }, { "a", 1 }, { "", 0 }, { "bc", 2 } };
	uint8_t out[HASH_MAX_BYTES];

	CHECK_EQ(hash(HASH_SHA1, parts, 4, out), 0);
	is_hex(out, "a9993e364706816aba3e25717850c26c9cd0d89d");
	CHECK_EQ(hash(HASH_SHA256, NULL, 0, out), 0);
	is_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_EQ(hash(0, parts, 4, out), -EINVAL);
	CHECK_EQ(hash(5, parts, 4, out), -EINVAL);
	CHECK_EQ(hash_bytes(HASH_SHA384), 48);
	CHECK_EQ(hash_bytes(99), 0);
}

/* RFC 2202 and RFC 4231, cases 2 and 6 (a key longer than the block). */
static void
hmac_of_rfc4231(void)
{
	static const char what[] = "what do ya want for nothing?";
	static const char larger[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131];

	memset(key, 0xaa, sizeof(key));
	hmac_is(HASH_MD5, "Jefe", 4, what, "750c783e6ab0b503eaa86e310a5db738");
	hmac_is(HASH_SHA1, "Jefe", 4, what, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	hmac_is(HASH_SHA256, "Jefe", 4, what,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_is(HASH_SHA256, key, sizeof(key), larger,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_is(HASH_SHA384, key, sizeof(key), larger,
		"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
		"0c2ef6ab4030fe8296248df163f44952");
	hmac_is(HASH_SHA512, key, sizeof(key), larger,
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
	hmac_is(HASH_SHA256, NULL, 0, "",
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* T1 = prf(K, S | 1), T2 = prf(K, T1 | S | 2), ... cut at the wanted length. */
static void
prf_plus_is_a_chain(void)
{
	const struct prf_alg *alg = prf_find(PRF_HMAC_SHA2_256);
	struct octets seed[] = { { "seed", 4 }, { "more", 4 } };
	uint8_t out[80], t1[32], t2[32], t3[32];

	CHECK_EQ(prf_plus(alg, "key", 3, seed, 2, out, sizeof(out)), 0);

	struct octets first[] = { { "seedmore\001", 9 } };
	struct octets second[] = { { t1, 32 }, { "seedmore\002", 9 } };
	struct octets third[] = { { t2, 32 }, { "seedmore\003", 9 } };

	prf(alg, "key", 3, first, 1, t1);
	prf(alg, "key", 3, second, 2, t2);
	prf(alg, "key", 3, third, 2, t3);
	CHECK_MEM(out, t1, 32);
	CHECK_MEM(out + 32, t2, 32);
	CHECK_MEM(out + 64, t3, 16);
}

static void
prf_plus_has_limits(void)
{
	const struct prf_alg *alg = prf_find(PRF_HMAC_SHA1);
	static uint8_t out[255 * 20 + 1];
	struct octets seed[PRF_PLUS_MAX_PARTS + 1] = { { "x", 1 } };

	CHECK_EQ(prf_plus(alg, "key", 3, seed, 1, out, 255 * 20), 0);
	CHECK_EQ(prf_plus(alg, "key", 3, seed, 1, out, 255 * 20 + 1), -EMSGSIZE);
	CHECK_EQ(prf_plus(alg, "key", 3, seed, PRF_PLUS_MAX_PARTS, out, 20), 0);
	CHECK_EQ(prf_plus(alg, "key", 3, seed, PRF_PLUS_MAX_PARTS + 1, out, 20), -EMSGSIZE);
	CHECK_EQ(prf_plus(alg, "key", 3, seed, 1, out, 0), 0);
}

static void
secrets_move_and_wipe(void)
{
	struct secret a = { 0 }, b = { 0 };
	static const uint8_t big[SECRET_MAX_BYTES + 1];

	CHECK(secret_equal(&a, &b));
	CHECK_EQ(secret_set(&a, "secret", 6), 0);
	CHECK_EQ(secret_set(&b, "secreT", 6), 0);
	CHECK(!secret_equal(&a, &b));
	CHECK_EQ(secret_set(&b, a.data, 5), 0);
	CHECK(!secret_equal(&a, &b));
	CHECK_EQ(secret_set(&a, a.data, 5), 0); /* from its own bytes */
	CHECK(secret_equal(&a, &b));

	secret_move(&a, &a);
	CHECK_EQ(a.bytes, 5);
	secret_move(&b, &a);
	CHECK_EQ(a.bytes, 0);
	CHECK(a.data == NULL);
	CHECK_MEM(b.data, "secre", 5);

	CHECK_EQ(secret_set(&b, big, sizeof(big)), -EMSGSIZE);
	CHECK(b.data == NULL);
	CHECK_EQ(secret_alloc(&b, SECRET_MAX_BYTES), 0);
	CHECK_EQ(b.data[SECRET_MAX_BYTES - 1], 0);
	secret_wipe(&b);
	secret_wipe(&b);
	secret_wipe(NULL);
	CHECK_EQ(b.bytes, 0);
}

/** The vectors of its authors: key 00..0f, input 00.. of growing length. */
static void
siphash_of_its_authors(void)
{
	static const struct {
		size_t n;
		uint64_t want;
	} row[] = { { 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 4, 0xcf2794e0277187b7 },
		{ 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 } };
	struct siphash_key key;
	uint8_t in[16];

	for (uint8_t i = 0; i < 16; i++)
		key.octet[i] = in[i] = i;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		CHECK_EQ(siphash(&key, in, row[i].n), row[i].want);
}

static void
bytes_wiped_and_compared(void)
{
	uint8_t a[9] = "12345678", b[9] = "12345679";

	CHECK(crypto_equal(a, b, 7));
	CHECK(!crypto_equal(a, b, 8));
	CHECK(crypto_equal(a, b, 0));
	secret_wipe_bytes(a, 4);
	CHECK_MEM(a, "\0\0\0\0005678", 8);
}

static void
algorithms_by_number_and_name(void)
{
	CHECK_STR(encr_find(ENCR_AES_CBC, 192)->name, "aes192");
	CHECK_STR(encr_find(ENCR_CHACHA20_POLY1305, 0)->name, "chacha20poly1305");
	CHECK(encr_find(ENCR_AES_CBC, 0) == NULL);
	CHECK(encr_by_name("aes256gcm128") == encr_find(ENCR_AES_GCM_16, 256));
	CHECK(encr_by_name("aes128gcm8") == encr_find(ENCR_AES_GCM_8, 128));
	CHECK(encr_by_name("3des") == encr_find(ENCR_3DES, 0));
	CHECK(encr_by_name("des") == NULL && encr_by_name("null") == NULL);
	CHECK(dh_by_name("x25519") == dh_find(DH_CURVE25519));
	CHECK(dh_find(2)->legacy && dh_find(5)->legacy && !dh_find(14)->legacy);
	CHECK(dh_find(24) == NULL);
	CHECK_EQ(prf_by_name("prfsha384")->out_bytes, 48);
	CHECK_EQ(integ_by_name("sha512")->icv_bytes, 32);
	for (size_t i = 0; i < ENCR_ALGS; i++)
		CHECK(encr_by_name(encr_algs[i].name) == &encr_algs[i]);
	for (size_t i = 0; i < INTEG_ALGS; i++)
		CHECK_EQ(integ_algs[i].key_bytes, hash_bytes(integ_algs[i].hash));
	for (size_t i = 0; i < PRF_ALGS; i++)
		CHECK_EQ(prf_algs[i].out_bytes, hash_bytes(prf_algs[i].hash));
}

int
main(void)
{
	TEST(hash_in_parts);
	TEST(hmac_of_rfc4231);
	TEST(prf_plus_is_a_chain);
	TEST(prf_plus_has_limits);
	TEST(secrets_move_and_wipe);
	TEST(siphash_of_its_authors);
	TEST(bytes_wiped_and_compared);
	TEST(algorithms_by_number_and_name);
	return check_done();
}

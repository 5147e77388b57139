/* SPDX-License-Identifier: BSD-3-Clause */
/* Signatures: every key with every algorithm, algorithm names of RFC 7427, what is refused. */
#include <errno.h>

#include "test/lib/check.h"
#include "test/lib/vector_file.h"

static const char text[] = "what IKE_AUTH signs";
static const struct octets parts[] = { { text, 5 }, { NULL, 0 }, { text + 5, sizeof(text) - 6 } };
#define PARTS 3

static const char *const names[] = { "spoke-rsa", "spoke-rsa4096", "spoke-p256", "spoke-p384",
	"spoke-p521", "spoke-ed25519" };
#define KEYS (sizeof(names) / sizeof(names[0]))

static const struct {
	struct sign_alg alg;
	enum sign_kind kind;
	unsigned bits; /* of the only curve it is for, 0 = all */
} algs[] = {
	{ { SIGN_RSA_PKCS1, HASH_SHA1, 0 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PKCS1, HASH_SHA256, 0 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PKCS1, HASH_SHA384, 0 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PKCS1, HASH_SHA512, 0 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PSS, HASH_SHA1, 20 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PSS, HASH_SHA256, 32 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PSS, HASH_SHA512, 64 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_RSA_PSS, HASH_SHA256, 0 }, SIGN_KEY_RSA, 0 },
	{ { SIGN_ECDSA, HASH_SHA256, 0 }, SIGN_KEY_ECDSA, 0 },
	{ { SIGN_ECDSA, HASH_SHA512, 0 }, SIGN_KEY_ECDSA, 0 },
	{ { SIGN_ECDSA_RAW, HASH_SHA256, 0 }, SIGN_KEY_ECDSA, 256 },
	{ { SIGN_ECDSA_RAW, HASH_SHA384, 0 }, SIGN_KEY_ECDSA, 384 },
	{ { SIGN_ECDSA_RAW, HASH_SHA512, 0 }, SIGN_KEY_ECDSA, 521 },
	{ { SIGN_ED25519, HASH_IDENTITY, 0 }, SIGN_KEY_ED25519, 0 },
};
#define ALGS (sizeof(algs) / sizeof(algs[0]))

/** Signing works exactly where it should, checking finds every changed octet that matters. */
static void
every_key_every_algorithm(void)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct sign_key *k = vector_key(names[i]);
		struct cert *c = vector_cert(names[i]);

		CHECK(sign_key_equal(k, cert_key(c)));
		for (size_t j = 0; j < ALGS; j++) {
			bool fits = algs[j].kind == sign_key_kind(k) &&
				(algs[j].bits == 0 || algs[j].bits == sign_key_bits(k));
			uint8_t sig[SIGN_MAX_BYTES];
			size_t n = 0;

			CHECK_EQ(sign_make(k, &algs[j].alg, parts, PARTS, sig, &n),
				fits ? 0 : -ENOTSUP);
			if (!fits) {
				CHECK_EQ(sign_check(
						 cert_key(c), &algs[j].alg, parts, PARTS, sig, 64),
					-ENOTSUP);
				continue;
			}
			CHECK_EQ(sign_check(cert_key(c), &algs[j].alg, parts, PARTS, sig, n), 0);
			CHECK_EQ(sign_check(cert_key(c), &algs[j].alg, parts, 1, sig, n), -EBADMSG);
			CHECK_EQ(sign_check(cert_key(c), &algs[j].alg, parts, PARTS, sig, n - 1),
				-EBADMSG);
			sig[n / 2] ^= 1;
			CHECK_EQ(sign_check(cert_key(c), &algs[j].alg, parts, PARTS, sig, n),
				-EBADMSG);
		}
		cert_put(c);
		sign_key_put(k);
	}
}

static void
public_half_cannot_sign(void)
{
	struct cert *c = vector_cert("spoke-p256");
	uint8_t sig[SIGN_MAX_BYTES];
	size_t n;

	CHECK_EQ(sign_make(cert_key(c), &algs[8].alg, parts, PARTS, sig, &n), -ENOTSUP);
	cert_put(c);
}

static void
raw_ecdsa_has_fixed_length(void)
{
	static const struct {
		const char *name;
		struct sign_alg alg;
		size_t bytes;
	} rows[] = {
		{ "spoke-p256", { SIGN_ECDSA_RAW, HASH_SHA256, 0 }, 64 },
		{ "spoke-p384", { SIGN_ECDSA_RAW, HASH_SHA384, 0 }, 96 },
		{ "spoke-p521", { SIGN_ECDSA_RAW, HASH_SHA512, 0 }, 132 },
	};

	for (size_t i = 0; i < 3; i++) {
		struct sign_key *k = vector_key(rows[i].name);
		uint8_t sig[SIGN_MAX_BYTES];

		for (int round = 0; round < 20; round++) { /* short numbers are padded */
			size_t n;

			CHECK_EQ(sign_make(k, &rows[i].alg, parts, PARTS, sig, &n), 0);
			CHECK_EQ(n, rows[i].bytes);
			CHECK_EQ(sign_check(k, &rows[i].alg, parts, PARTS, sig, n), 0);
		}
		sign_key_put(k);
	}
}

/** A number with a needless leading zero is another encoding of the same signature. */
static void
ecdsa_der_only_minimal(void)
{
	const struct sign_alg alg = { SIGN_ECDSA, HASH_SHA256, 0 };
	struct sign_key *k = vector_key("spoke-p256");
	uint8_t sig[SIGN_MAX_BYTES], padded[SIGN_MAX_BYTES];
	size_t n;

	CHECK_EQ(sign_make(k, &alg, parts, PARTS, sig, &n), 0);
	CHECK_EQ(sig[0], 0x30);
	CHECK_EQ(sig[2], 0x02);
	memcpy(padded, sig, 4);
	padded[1]++;
	padded[3]++;
	padded[4] = 0;
	memcpy(padded + 5, sig + 4, n - 4);
	CHECK_EQ(sign_check(k, &alg, parts, PARTS, padded, n + 1), -EBADMSG);
	memcpy(padded, sig, n); /* octets behind it */
	padded[n] = 0;
	CHECK_EQ(sign_check(k, &alg, parts, PARTS, padded, n + 1), -EBADMSG);
	CHECK_EQ(sign_check(k, &alg, parts, PARTS, sig, n), 0);
	sign_key_put(k);
}

static void
algorithm_names_there_and_back(void)
{
	for (size_t j = 0; j < ALGS; j++) {
		uint8_t der[SIGN_ALG_MAX_BYTES];
		struct sign_alg back = { 0 };
		size_t n = sign_alg_write(&algs[j].alg, der);

		if (algs[j].alg.scheme ==
				SIGN_ECDSA_RAW || /* no name; PSS row with salt 0: not ours */
			(algs[j].alg.scheme == SIGN_RSA_PSS && algs[j].alg.salt_bytes == 0)) {
			CHECK(n == 0 || algs[j].alg.scheme == SIGN_RSA_PSS);
			continue;
		}
		CHECK_EQ(sign_alg_read(der, n, &back), 0);
		CHECK_EQ(back.scheme, algs[j].alg.scheme);
		CHECK_EQ(back.hash, algs[j].alg.hash);
		CHECK_EQ(back.salt_bytes, algs[j].alg.salt_bytes);
		for (size_t cut = 0; cut < n; cut++)
			CHECK(sign_alg_read(der, cut, &back) != 0);
		der[n] = 0;
		CHECK(sign_alg_read(der, n + 1, &back) != 0);
	}
}

/** Appendix A.4 of RFC 7427, and parameters no row of ours has. */
static void
pss_parameters(void)
{
	static const struct {
		const char *hex;
		int err;
		uint8_t hash;
		uint16_t salt;
	} rows[] = {
		{ "300d06092a864886f70d01010a3000", 0, HASH_SHA1, 20 },
		{ "303e06092a864886f70d01010a3031a00b300906052b0e03021a0500a118301606092a864886f70d"
		  "010108300906052b0e03021a0500a203020114a303020101",
			0, HASH_SHA1, 20 },
		{ "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a86"
		  "4886f70d010108300d06096086480165030402010500a203020120a303020101",
			0, HASH_SHA256, 32 },
		/* salt of 222 octets */
		{ "304206092a864886f70d01010a3035a00f300d06096086480165030402010500a11c301a06092a86"
		  "4886f70d010108300d06096086480165030402010500a204020200de",
			-ENOTSUP, 0, 0 },
		/* SHA-256, mask with SHA-512 */
		{ "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a86"
		  "4886f70d010108300d06096086480165030402030500a203020120",
			-ENOTSUP, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sign_alg alg = { 0 };
		uint8_t der[128];
		size_t n = check_unhex(rows[i].hex, der, sizeof(der));

		CHECK_EQ(sign_alg_read(der, n, &alg), rows[i].err);
		CHECK_EQ(alg.hash, rows[i].hash);
		CHECK_EQ(alg.salt_bytes, rows[i].salt);
	}
}

static void
rsa_hash_is_read_from_the_signature(void)
{
	struct sign_key *k = vector_key("spoke-rsa"), *other = vector_key("spoke-rsa4096"),
			*ec = vector_key("spoke-p256");
	uint8_t sig[SIGN_MAX_BYTES];
	enum hash_id h = 0;
	size_t n;

	for (size_t j = 0; j < 4; j++) {
		CHECK_EQ(sign_make(k, &algs[j].alg, parts, PARTS, sig, &n), 0);
		CHECK_EQ(sign_rsa_hash(k, sig, n, &h), 0);
		CHECK_EQ(h, algs[j].alg.hash);
		CHECK_EQ(sign_rsa_hash(other, sig, n, &h), -EBADMSG);
		CHECK_EQ(sign_rsa_hash(ec, sig, n, &h), -ENOTSUP);
	}
	CHECK_EQ(sign_make(k, &algs[5].alg, parts, PARTS, sig, &n), 0); /* PSS */
	CHECK_EQ(sign_rsa_hash(k, sig, n, &h), -EBADMSG);
	sign_key_put(k);
	sign_key_put(other);
	sign_key_put(ec);
}

static void
keys_that_are_none(void)
{
	static const char locked[] =
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		"MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBB9JFwkTmv7XDvFIuA0\n"
		"k4O+AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ5PZSK+oZc5bHgVqA\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n";
	struct sign_key *k = NULL;

	CHECK_EQ(sign_key_read("", 0, &k), -EBADMSG);
	CHECK_EQ(sign_key_read("hello", 5, &k), -EBADMSG);
	CHECK(sign_key_read(locked, sizeof(locked) - 1, &k) != 0);
	CHECK(k == NULL);
}

int
main(void)
{
	TEST(every_key_every_algorithm);
	TEST(public_half_cannot_sign);
	TEST(raw_ecdsa_has_fixed_length);
	TEST(ecdsa_der_only_minimal);
	TEST(algorithm_names_there_and_back);
	TEST(pss_parameters);
	TEST(rsa_hash_is_read_from_the_signature);
	TEST(keys_that_are_none);
	return check_done();
}

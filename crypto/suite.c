/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/suite.h"

#include <string.h>

/* clang-format off */
const struct encr_alg encr_algs[ENCR_ALGS] = {
	/* id                     bits name                key salt iv block icv aead */
	{ ENCR_AES_GCM_16,        256, "aes256gcm16",       32, 4,  8,  1, 16, true },
	{ ENCR_AES_GCM_16,        192, "aes192gcm16",       24, 4,  8,  1, 16, true },
	{ ENCR_AES_GCM_16,        128, "aes128gcm16",       16, 4,  8,  1, 16, true },
	{ ENCR_CHACHA20_POLY1305,   0, "chacha20poly1305",  32, 4,  8,  1, 16, true },
	{ ENCR_AES_CBC,           256, "aes256",            32, 0, 16, 16,  0, false },
	{ ENCR_AES_CBC,           192, "aes192",            24, 0, 16, 16,  0, false },
	{ ENCR_AES_CBC,           128, "aes128",            16, 0, 16, 16,  0, false },
	{ ENCR_AES_GCM_12,        256, "aes256gcm12",       32, 4,  8,  1, 12, true },
	{ ENCR_AES_GCM_12,        192, "aes192gcm12",       24, 4,  8,  1, 12, true },
	{ ENCR_AES_GCM_12,        128, "aes128gcm12",       16, 4,  8,  1, 12, true },
	{ ENCR_AES_GCM_8,         256, "aes256gcm8",        32, 4,  8,  1,  8, true },
	{ ENCR_AES_GCM_8,         192, "aes192gcm8",        24, 4,  8,  1,  8, true },
	{ ENCR_AES_GCM_8,         128, "aes128gcm8",        16, 4,  8,  1,  8, true },
	{ ENCR_3DES,                0, "3des",              24, 0,  8,  8,  0, false },
};

const struct integ_alg integ_algs[INTEG_ALGS] = {
	/* id                     name      hash         key icv */
	{ AUTH_HMAC_SHA2_256_128, "sha256", HASH_SHA256, 32, 16 },
	{ AUTH_HMAC_SHA2_384_192, "sha384", HASH_SHA384, 48, 24 },
	{ AUTH_HMAC_SHA2_512_256, "sha512", HASH_SHA512, 64, 32 },
	{ AUTH_HMAC_SHA1_96,      "sha1",   HASH_SHA1,   20, 12 },
	{ AUTH_HMAC_MD5_96,       "md5",    HASH_MD5,    16, 12 },
};

const struct prf_alg prf_algs[PRF_ALGS] = {
	{ PRF_HMAC_SHA2_256, "prfsha256", HASH_SHA256, 32 },
	{ PRF_HMAC_SHA2_384, "prfsha384", HASH_SHA384, 48 },
	{ PRF_HMAC_SHA2_512, "prfsha512", HASH_SHA512, 64 },
	{ PRF_HMAC_SHA1,     "prfsha1",   HASH_SHA1,   20 },
	{ PRF_HMAC_MD5,      "prfmd5",    HASH_MD5,    16 },
};

const struct dh_alg dh_algs[DH_ALGS] = {
	/* id            name          public shared legacy */
	{ DH_CURVE25519, "curve25519",  32,  32, false },
	{ DH_ECP_256,    "ecp256",      64,  32, false },
	{ DH_ECP_384,    "ecp384",      96,  48, false },
	{ DH_ECP_521,    "ecp521",     132,  66, false },
	{ DH_MODP_2048,  "modp2048",   256, 256, false },
	{ DH_MODP_3072,  "modp3072",   384, 384, false },
	{ DH_MODP_4096,  "modp4096",   512, 512, false },
	{ DH_MODP_1536,  "modp1536",   192, 192, true },
	{ DH_MODP_1024,  "modp1024",   128, 128, true },
};
/* clang-format on */

/* Other spellings of the same rows: ICV of GCM in bits, x25519 of strongSwan. */
static const struct {
	const char *alias, *name;
} aliases[] = {
	{ "aes128gcm64", "aes128gcm8" },
	{ "aes192gcm64", "aes192gcm8" },
	{ "aes256gcm64", "aes256gcm8" },
	{ "aes128gcm96", "aes128gcm12" },
	{ "aes192gcm96", "aes192gcm12" },
	{ "aes256gcm96", "aes256gcm12" },
	{ "aes128gcm128", "aes128gcm16" },
	{ "aes192gcm128", "aes192gcm16" },
	{ "aes256gcm128", "aes256gcm16" },
	{ "x25519", "curve25519" },
};

/* The first row of a table for which test holds, or NULL. */
#define FIND(table, count, test)                                                                   \
	for (size_t i = 0; i < (count); i++) {                                                     \
		if (test)                                                                          \
			return &(table)[i];                                                        \
	}                                                                                          \
	return NULL

const struct encr_alg *
encr_find(uint16_t id, uint16_t key_bits)
{
	FIND(encr_algs, ENCR_ALGS, encr_algs[i].id == id && encr_algs[i].key_bits == key_bits);
}

const struct integ_alg *
integ_find(uint16_t id)
{
	FIND(integ_algs, INTEG_ALGS, integ_algs[i].id == id);
}

const struct prf_alg *
prf_find(uint16_t id)
{
	FIND(prf_algs, PRF_ALGS, prf_algs[i].id == id);
}

const struct dh_alg *
dh_find(uint16_t id)
{
	FIND(dh_algs, DH_ALGS, dh_algs[i].id == id);
}

static const char *
canonical(const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(aliases[i].alias, name) == 0)
			return aliases[i].name;
	}
	return name;
}

const struct encr_alg *
encr_by_name(const char *name)
{
	name = canonical(name);
	FIND(encr_algs, ENCR_ALGS, strcmp(encr_algs[i].name, name) == 0);
}

const struct integ_alg *
integ_by_name(const char *name)
{
	FIND(integ_algs, INTEG_ALGS, strcmp(integ_algs[i].name, name) == 0);
}

const struct prf_alg *
prf_by_name(const char *name)
{
	FIND(prf_algs, PRF_ALGS, strcmp(prf_algs[i].name, name) == 0);
}

const struct dh_alg *
dh_by_name(const char *name)
{
	name = canonical(name);
	FIND(dh_algs, DH_ALGS, strcmp(dh_algs[i].name, name) == 0);
}

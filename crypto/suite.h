/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SUITE_H
#define CRYPTO_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

/*
 * The algorithms nave can negotiate, by IANA "IKEv2 Parameters" number and by the
 * name strongSwan and libreswan users write. Constant tables, any thread.
 */

enum encr_id { /* Transform Type 1 */
	ENCR_3DES = 3,
	ENCR_AES_CBC = 12,
	ENCR_AES_GCM_8 = 18,
	ENCR_AES_GCM_12 = 19,
	ENCR_AES_GCM_16 = 20,
	ENCR_CHACHA20_POLY1305 = 28,
};

enum prf_id { /* Transform Type 2 */
	PRF_HMAC_MD5 = 1,
	PRF_HMAC_SHA1 = 2,
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
};

enum integ_id { /* Transform Type 3 */
	AUTH_NONE = 0,
	AUTH_HMAC_MD5_96 = 1,
	AUTH_HMAC_SHA1_96 = 2,
	AUTH_HMAC_SHA2_256_128 = 12,
	AUTH_HMAC_SHA2_384_192 = 13,
	AUTH_HMAC_SHA2_512_256 = 14,
};

enum dh_id { /* Transform Type 4 */
	DH_MODP_1024 = 2,
	DH_MODP_1536 = 5,
	DH_MODP_2048 = 14,
	DH_MODP_3072 = 15,
	DH_MODP_4096 = 16,
	DH_ECP_256 = 19,
	DH_ECP_384 = 20,
	DH_ECP_521 = 21,
	DH_CURVE25519 = 31,
};

/** Encryption, of IKE and of ESP alike. An AEAD has icv_bytes, goes without integrity. */
struct encr_alg {
	uint16_t id;
	uint16_t key_bits; /* value of the Key Length attribute; 0: it must be absent */
	const char *name;  /* "aes256", "aes256gcm16", "chacha20poly1305" */
	uint8_t key_bytes; /* without salt */
	uint8_t salt_bytes;
	uint8_t iv_bytes;
	uint8_t block_bytes; /* cipher block; 1 for an AEAD */
	uint8_t icv_bytes;   /* 0 unless AEAD */
	bool aead;
};

struct integ_alg {
	uint16_t id;
	const char *name; /* "sha256" */
	enum hash_id hash;
	uint8_t key_bytes;
	uint8_t icv_bytes;
};

struct prf_alg {
	uint16_t id;
	const char *name; /* "prfsha256" */
	enum hash_id hash;
	uint8_t out_bytes; /* also the length of SK_d, SK_pi, SK_pr */
};

struct dh_alg {
	uint16_t id;
	const char *name;      /* "modp2048", "ecp256", "curve25519" */
	uint16_t public_bytes; /* of the KE payload's data */
	uint16_t shared_bytes;
	bool legacy; /* too weak unless the configuration names it */
};

#define ENCR_ALGS  14
#define INTEG_ALGS 5
#define PRF_ALGS   5
#define DH_ALGS    9

/* Strongest and most usual first inside each kind; for walking. */
extern const struct encr_alg encr_algs[ENCR_ALGS];
extern const struct integ_alg integ_algs[INTEG_ALGS];
extern const struct prf_alg prf_algs[PRF_ALGS];
extern const struct dh_alg dh_algs[DH_ALGS];

/** The row, or NULL. key_bits as on the wire: 0 where the attribute is absent. */
const struct encr_alg *encr_find(uint16_t id, uint16_t key_bits);
const struct integ_alg *integ_find(uint16_t id);
const struct prf_alg *prf_find(uint16_t id);
const struct dh_alg *dh_find(uint16_t id);

/** The row of that name, or NULL; "aes128gcm128" style spellings (ICV in bits) work too. */
const struct encr_alg *encr_by_name(const char *name);
const struct integ_alg *integ_by_name(const char *name);
const struct prf_alg *prf_by_name(const char *name);
const struct dh_alg *dh_by_name(const char *name);

#endif

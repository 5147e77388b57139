/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

/**
 * Signatures of IKE_AUTH: RSA (PKCS#1 1.5 and PSS), ECDSA on P-256, P-384 and P-521,
 * Ed25519. Functions are safe in any thread; keys are immutable and counted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "crypto/octets.h"

#define SIGN_MAX_BYTES     1024 /* of a signature: RSA-8192 */
#define SIGN_ALG_MAX_BYTES 80   /* of an AlgorithmIdentifier of ours */
#define SIGN_RSA_MIN_BITS  2048
#define SIGN_RSA_MAX_BITS  8192 /* beyond, checking one costs a peer nothing and us much */

/** IKEv2 Hash Algorithms registry: the algorithm hashes by itself (RFC 8420). */
#define HASH_IDENTITY 5

enum sign_kind { SIGN_KEY_RSA, SIGN_KEY_ECDSA, SIGN_KEY_ED25519 };

enum sign_scheme {
	SIGN_RSA_PKCS1, /* RFC 8017, 8.2 */
	SIGN_RSA_PSS,   /* RFC 8017, 8.1, MGF1 with the same hash */
	SIGN_ECDSA,     /* DER sequence of r and s (RFC 7427) */
	SIGN_ECDSA_RAW, /* r and s side by side at the curve's length (RFC 4754) */
	SIGN_ED25519,   /* RFC 8420 */
};

struct sign_alg {
	uint8_t scheme;      /* enum sign_scheme */
	uint8_t hash;        /* enum hash_id; HASH_IDENTITY with Ed25519 */
	uint16_t salt_bytes; /* PSS only */
};

/** A public key, with or without its private half. */
struct sign_key;

/**
 * Read a private key, PEM or DER (PKCS#8, PKCS#1, SEC1), not encrypted.
 * Returns 0, -EBADMSG (no key in there), -EACCES (needs a passphrase), -ENOTSUP (kind, curve
 * or size is none of ours), -ENOMEM.
 */
int sign_key_read(const void *data, size_t n, struct sign_key **out);
struct sign_key *sign_key_get(struct sign_key *k);
/** The last one wipes it. NULL is fine. */
void sign_key_put(struct sign_key *k);

enum sign_kind sign_key_kind(const struct sign_key *k);
/** Bits of the modulus or the field: 2048, 256, 521, ... */
unsigned sign_key_bits(const struct sign_key *k);
/** Do both have the same public half? */
bool sign_key_equal(const struct sign_key *a, const struct sign_key *b);
/** "rsa-2048", "ecdsa-256", "ed25519" into buf; returns buf. */
const char *sign_key_print(const struct sign_key *k, char *buf, size_t n);
/** "rsa-pss-sha256", "ecdsa-sha384", "ed25519" into buf; returns buf. */
const char *sign_alg_print(const struct sign_alg *a, char *buf, size_t n);

/** The hash that belongs to an ECDSA key's curve (RFC 4754). */
enum hash_id sign_ecdsa_hash(const struct sign_key *k);

/**
 * Read an AlgorithmIdentifier (RFC 7427, appendix A), DER and nothing after it.
 * Returns 0, -EBADMSG, -ENOTSUP (none of ours, or PSS with two hashes).
 */
int sign_alg_read(const void *der, size_t n, struct sign_alg *out);
/** Write one; octets written, 0 when it has none (SIGN_ECDSA_RAW). */
size_t sign_alg_write(const struct sign_alg *a, uint8_t out[SIGN_ALG_MAX_BYTES]);

/**
 * Which hash a PKCS#1 1.5 signature was made with: RSA under method 1 does not say it
 * elsewhere. Says nothing yet about whose message it is.
 * Returns 0, -EBADMSG (not this key's, or no exact DigestInfo), -ENOTSUP (not RSA, other hash).
 */
int sign_rsa_hash(const struct sign_key *k, const void *sig, size_t n, enum hash_id *out);

/**
 * Sign the parts one after the other into sig[SIGN_MAX_BYTES].
 * Returns 0, -ENOTSUP (key and algorithm do not fit, no private half), -EIO, -ENOMEM.
 */
int sign_make(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts,
	size_t n, uint8_t *sig, size_t *sig_bytes);

/** Returns 0, -EBADMSG (wrong signature), -ENOTSUP (key and algorithm do not fit), -ENOMEM. */
int sign_check(const struct sign_key *k, const struct sign_alg *a, const struct octets *parts,
	size_t n, const void *sig, size_t sig_bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/ike_aead.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "crypto/gcm.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

#define NONCE_BYTES   GCM_NONCE_BYTES
#define MAX_KEY_BYTES 64

struct ike_aead {
	const struct encr_alg *encr;
	const struct integ_alg *integ; /* NULL for an AEAD */
	EVP_CIPHER *cipher;            /* NULL: AES-GCM, by gcm.c */
	uint64_t sealed;               /* messages, and the IV of the next one (RFC 5282, 3.1) */
	uint8_t key[MAX_KEY_BYTES];
	uint8_t salt[4];
	uint8_t integ_key[MAX_KEY_BYTES];
};

size_t
ike_aead_encr_key_bytes(const struct encr_alg *encr)
{
	return encr->key_bytes + encr->salt_bytes;
}

size_t
ike_aead_integ_key_bytes(const struct encr_alg *encr, const struct integ_alg *integ)
{
	return encr->aead || integ == NULL ? 0 : integ->key_bytes;
}

static bool
is_gcm(const struct encr_alg *encr)
{
	return encr->aead && encr->id != ENCR_CHACHA20_POLY1305;
}

/** In libcrypto, for what is not GCM. */
static const char *
cipher_name(const struct encr_alg *encr)
{
	switch (encr->id) {
	case ENCR_3DES:
		return "DES-EDE3-CBC";
	case ENCR_CHACHA20_POLY1305:
		return "ChaCha20-Poly1305";
	default:
		return encr->key_bits == 128    ? "AES-128-CBC"
			: encr->key_bits == 192 ? "AES-192-CBC"
						: "AES-256-CBC";
	}
}

static EVP_CIPHER *ciphers[ENCR_ALGS]; /* NULL: libcrypto has none */

/** Looking one up by its name costs as much as sealing a message with it. */
static void
ciphers_fetch(void)
{
	for (size_t i = 0; i < ENCR_ALGS; i++)
		if (!is_gcm(&encr_algs[i]))
			ciphers[i] = EVP_CIPHER_fetch(NULL, cipher_name(&encr_algs[i]), NULL);
	ERR_clear_error();
}

/** Lives as long as the process. */
static EVP_CIPHER *
cipher_of(const struct encr_alg *encr)
{
	static once_flag fetched = ONCE_FLAG_INIT;

	call_once(&fetched, ciphers_fetch);
	return ciphers[encr - encr_algs];
}

int
ike_aead_new(const struct encr_alg *encr, const void *encr_key, size_t encr_key_bytes,
	const struct integ_alg *integ, const void *integ_key, size_t integ_key_bytes,
	struct ike_aead **out)
{
	if (encr->aead != (integ == NULL) || encr_key_bytes != ike_aead_encr_key_bytes(encr) ||
		integ_key_bytes != ike_aead_integ_key_bytes(encr, integ))
		return -EINVAL;

	struct ike_aead *a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;

	a->encr = encr;
	a->integ = integ;
	memcpy(a->key, encr_key, encr->key_bytes);
	memcpy(a->salt, (const uint8_t *)encr_key + encr->key_bytes, encr->salt_bytes);
	if (integ != NULL)
		memcpy(a->integ_key, integ_key, integ_key_bytes);
	a->cipher = is_gcm(encr) ? NULL : cipher_of(encr);
	if (is_gcm(encr) ? !gcm_can() : a->cipher == NULL) {
		ike_aead_free(a);
		return -ENOTSUP;
	}
	*out = a;
	return 0;
}

void
ike_aead_free(struct ike_aead *a)
{
	if (a == NULL)
		return;
	secret_wipe_bytes(a, sizeof(*a));
	free(a);
}

static size_t
icv_bytes(const struct ike_aead *a)
{
	return a->encr->aead ? a->encr->icv_bytes : a->integ->icv_bytes;
}

/** Plaintext with padding and the pad length octet, in whole blocks. */
static size_t
padded_bytes(const struct ike_aead *a, size_t plain_bytes)
{
	size_t block = a->encr->block_bytes;

	return (plain_bytes + 1 + block - 1) / block * block;
}

size_t
ike_aead_sealed_bytes(const struct ike_aead *a, size_t plain_bytes)
{
	return a->encr->iv_bytes + padded_bytes(a, plain_bytes) + icv_bytes(a);
}

size_t
ike_aead_iv_bytes(const struct ike_aead *a)
{
	return a->encr->iv_bytes;
}

/** CBC over whole blocks in place. */
static int
cbc(const struct ike_aead *a, int encrypt, const uint8_t *iv, uint8_t *text, size_t bytes)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;
	bool ok = ctx != NULL && EVP_CipherInit_ex2(ctx, a->cipher, a->key, iv, encrypt, NULL) &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) &&
		EVP_CipherUpdate(ctx, text, &n, text, (int)bytes) && n == (int)bytes;

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

/** HMAC over everything from the IKE header to the end of the ciphertext, full length. */
static int
mac(const struct ike_aead *a, const uint8_t *msg, size_t bytes, uint8_t *out)
{
	struct octets all = { msg, bytes };

	return hmac(a->integ->hash, a->integ_key, a->integ->key_bytes, &all, 1, out);
}

/** Salt and IV. */
static void
nonce_of(const struct ike_aead *a, const uint8_t *iv, uint8_t nonce[NONCE_BYTES])
{
	memcpy(nonce, a->salt, sizeof(a->salt));
	memcpy(nonce + sizeof(a->salt), iv, a->encr->iv_bytes);
}

static struct gcm_message
gcm_of(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	struct gcm_message m = {
		.key = a->key,
		.key_bits = a->encr->key_bits,
		.head = msg,
		.head_bytes = head_bytes,
		.text = msg + head_bytes + a->encr->iv_bytes,
		.text_bytes = text_bytes,
	};

	nonce_of(a, msg + head_bytes, m.nonce);
	return m;
}

/** libcrypto's context ready for the text: key, nonce (salt and IV), associated data. */
static EVP_CIPHER_CTX *
chacha_begin(const struct ike_aead *a, int encrypt, const uint8_t *msg, size_t head_bytes)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_BYTES];
	int n;

	nonce_of(a, msg + head_bytes, nonce);
	if (ctx != NULL && EVP_CipherInit_ex2(ctx, a->cipher, a->key, nonce, encrypt, NULL) &&
		EVP_CipherUpdate(ctx, NULL, &n, msg, (int)head_bytes))
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int
chacha_seal(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	uint8_t *text = msg + head_bytes + a->encr->iv_bytes;
	EVP_CIPHER_CTX *ctx = chacha_begin(a, 1, msg, head_bytes);
	int n;
	bool ok = ctx != NULL && EVP_CipherUpdate(ctx, text, &n, text, (int)text_bytes) &&
		EVP_CipherFinal_ex(ctx, text + n, &n) &&
		EVP_CIPHER_CTX_ctrl(
			ctx, EVP_CTRL_AEAD_GET_TAG, (int)icv_bytes(a), text + text_bytes);

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

static int
chacha_open(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	uint8_t *text = msg + head_bytes + a->encr->iv_bytes;
	EVP_CIPHER_CTX *ctx = chacha_begin(a, 0, msg, head_bytes);
	int n;

	if (ctx == NULL)
		return -ENOMEM;
	bool ok = EVP_CIPHER_CTX_ctrl(
			  ctx, EVP_CTRL_AEAD_SET_TAG, (int)icv_bytes(a), text + text_bytes) &&
		EVP_CipherUpdate(ctx, text, &n, text, (int)text_bytes) &&
		EVP_CipherFinal_ex(ctx, text + n, &n); /* compares the tag */

	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

static int
aead_seal(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	if (a->cipher != NULL)
		return chacha_seal(a, msg, head_bytes, text_bytes);
	struct gcm_message m = gcm_of(a, msg, head_bytes, text_bytes);

	gcm_seal(&m, m.text + text_bytes, icv_bytes(a));
	return 0;
}

static int
aead_open(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	if (a->cipher != NULL)
		return chacha_open(a, msg, head_bytes, text_bytes);
	struct gcm_message m = gcm_of(a, msg, head_bytes, text_bytes);

	return gcm_open(&m, m.text + text_bytes, icv_bytes(a));
}

static int
cbc_seal(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	uint8_t full[HASH_MAX_BYTES];
	uint8_t *iv = msg + head_bytes, *text = iv + a->encr->iv_bytes;
	int err = cbc(a, 1, iv, text, text_bytes);

	if (err == 0)
		err = mac(a, msg, (size_t)(text + text_bytes - msg), full);
	if (err == 0)
		memcpy(text + text_bytes, full, icv_bytes(a));
	return err;
}

static int
cbc_open(const struct ike_aead *a, uint8_t *msg, size_t head_bytes, size_t text_bytes)
{
	uint8_t full[HASH_MAX_BYTES];
	uint8_t *iv = msg + head_bytes, *text = iv + a->encr->iv_bytes;
	int err = mac(a, msg, (size_t)(text + text_bytes - msg), full);

	if (err != 0)
		return err;
	if (!crypto_equal(full, text + text_bytes, icv_bytes(a)))
		return -EBADMSG;
	return cbc(a, 0, iv, text, text_bytes);
}

/** IV of the next message: unpredictable for CBC, never repeated for an AEAD. */
static int
write_iv(struct ike_aead *a, uint8_t *iv)
{
	if (!a->encr->aead) {
		rand_bytes(iv, a->encr->iv_bytes);
		return 0;
	}
	if (a->sealed == UINT64_MAX)
		return -EOVERFLOW;

	uint64_t be = __builtin_bswap64(a->sealed++);

	memcpy(iv, &be, sizeof(be));
	return 0;
}

int
ike_aead_seal(struct ike_aead *a, uint8_t *msg, size_t room, size_t head_bytes, size_t plain_bytes)
{
	size_t text_bytes = padded_bytes(a, plain_bytes);
	size_t pad = text_bytes - plain_bytes - 1;

	if (head_bytes > room || ike_aead_sealed_bytes(a, plain_bytes) > room - head_bytes)
		return -ENOSPC;

	int err = write_iv(a, msg + head_bytes);
	if (err != 0)
		return err;

	uint8_t *text = msg + head_bytes + a->encr->iv_bytes;

	memset(text + plain_bytes, 0, pad);
	text[text_bytes - 1] = (uint8_t)pad;
	return a->encr->aead ? aead_seal(a, msg, head_bytes, text_bytes)
			     : cbc_seal(a, msg, head_bytes, text_bytes);
}

int
ike_aead_open(const struct ike_aead *a, uint8_t *msg, size_t msg_bytes, size_t head_bytes,
	uint8_t **plain, size_t *plain_bytes)
{
	size_t around = head_bytes + a->encr->iv_bytes + icv_bytes(a);

	if (msg_bytes <= around || (msg_bytes - around) % a->encr->block_bytes != 0)
		return -EBADMSG;

	size_t text_bytes = msg_bytes - around;
	int err = a->encr->aead ? aead_open(a, msg, head_bytes, text_bytes)
				: cbc_open(a, msg, head_bytes, text_bytes);
	if (err != 0)
		return err;

	uint8_t *text = msg + head_bytes + a->encr->iv_bytes;
	size_t pad = text[text_bytes - 1];

	if (pad >= text_bytes)
		return -EBADMSG;
	*plain = text;
	*plain_bytes = text_bytes - pad - 1;
	return 0;
}

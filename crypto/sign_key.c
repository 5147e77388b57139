/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sign_key.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
curve_bits(const EVP_PKEY *pkey, unsigned *bits)
{
	char name[32];
	size_t n;

	if (!EVP_PKEY_get_group_name(pkey, name, sizeof(name), &n))
		return false;
	*bits = strcmp(name, SN_X9_62_prime256v1) == 0 ? 256
		: strcmp(name, SN_secp384r1) == 0      ? 384
		: strcmp(name, SN_secp521r1) == 0      ? 521
						       : 0;
	return *bits != 0;
}

static bool
kind_of(const EVP_PKEY *pkey, enum sign_kind *kind, unsigned *bits)
{
	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		*kind = SIGN_KEY_RSA;
		*bits = (unsigned)EVP_PKEY_get_bits(pkey);
		return *bits <= SIGN_RSA_MAX_BITS;
	case EVP_PKEY_EC:
		*kind = SIGN_KEY_ECDSA;
		return curve_bits(pkey, bits);
	case EVP_PKEY_ED25519:
		*kind = SIGN_KEY_ED25519;
		*bits = 256;
		return true;
	default:
		return false;
	}
}

int
sign_key_of(EVP_PKEY *pkey, bool private_half, struct sign_key **out)
{
	struct sign_key *k = calloc(1, sizeof(*k));

	if (k == NULL || !kind_of(pkey, &k->kind, &k->bits)) {
		int err = k == NULL ? -ENOMEM : -ENOTSUP;

		EVP_PKEY_free(pkey);
		free(k);
		return err;
	}
	k->users = 1;
	k->pkey = pkey;
	k->private_half = private_half;
	*out = k;
	return 0;
}

static int
no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

static EVP_PKEY *
pkey_read(const void *data, size_t n, bool *encrypted)
{
	const unsigned char *at = data;
	BIO *bio = BIO_new_mem_buf(data, (int)n);
	EVP_PKEY *pkey = NULL;

	*encrypted = false;
	if (bio != NULL)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, encrypted);
	BIO_free(bio);
	if (pkey == NULL && !*encrypted)
		pkey = d2i_AutoPrivateKey(NULL, &at, (long)n);
	ERR_clear_error();
	return pkey;
}

int
sign_key_read(const void *data, size_t n, struct sign_key **out)
{
	bool encrypted;
	EVP_PKEY *pkey;

	if (n > INT32_MAX)
		return -EBADMSG;
	pkey = pkey_read(data, n, &encrypted);
	if (pkey == NULL)
		return encrypted ? -EACCES : -EBADMSG;
	return sign_key_of(pkey, true, out);
}

struct sign_key *
sign_key_get(struct sign_key *k)
{
	k->users++;
	return k;
}

void
sign_key_put(struct sign_key *k)
{
	if (k == NULL || --k->users > 0)
		return;
	EVP_PKEY_free(k->pkey); /* wipes the private half */
	free(k);
}

enum sign_kind
sign_key_kind(const struct sign_key *k)
{
	return k->kind;
}

unsigned
sign_key_bits(const struct sign_key *k)
{
	return k->bits;
}

bool
sign_key_equal(const struct sign_key *a, const struct sign_key *b)
{
	return EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

const char *
sign_key_print(const struct sign_key *k, char *buf, size_t n)
{
	if (k->kind == SIGN_KEY_ED25519)
		snprintf(buf, n, "ed25519");
	else
		snprintf(buf, n, "%s-%u", k->kind == SIGN_KEY_RSA ? "rsa" : "ecdsa", k->bits);
	return buf;
}

enum hash_id
sign_ecdsa_hash(const struct sign_key *k)
{
	return k->bits == 256 ? HASH_SHA256 : k->bits == 384 ? HASH_SHA384 : HASH_SHA512;
}

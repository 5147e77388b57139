/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cert.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/cert_context.h"
#include "crypto/cert_inside.h"
#include "crypto/sign_key.h"

static bool
time_read(const ASN1_TIME *from, int64_t *at_s)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(from, &tm))
		return false;
	*at_s = timegm(&tm);
	return true;
}

static int
key_read(struct cert *c)
{
	EVP_PKEY *pkey = X509_get_pubkey(c->x509);

	return pkey == NULL ? -ENOTSUP : sign_key_of(pkey, false, &c->key);
}

static int
parts_read(struct cert *c)
{
	X509_NAME *subject = X509_get_subject_name(c->x509);
	const unsigned char *der;
	size_t n;
	int critical;

	if (!X509_NAME_get0_der(subject, &der, &n) ||
		!time_read(X509_get0_notBefore(c->x509), &c->not_before_s) ||
		!time_read(X509_get0_notAfter(c->x509), &c->not_after_s))
		return -EBADMSG;
	c->subject = (uint8_t *)(uintptr_t)der;
	c->subject_bytes = n;
	c->names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, &critical, NULL);
	if (c->names == NULL && critical != -1)
		return -EBADMSG; /* there, but twice or not readable */
	/* Extensions are looked at once here, so that later nothing is written to it. */
	if (X509_check_purpose(c->x509, -1, 0) != 1)
		return -EBADMSG;
	return key_read(c);
}

/** Takes over x509. */
static int
cert_of(X509 *x509, const void *der, size_t n, struct cert **out)
{
	struct cert *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c == NULL) {
		X509_free(x509);
		return err;
	}
	c->users = 1;
	c->x509 = x509;
	c->der_bytes = n;
	c->der = malloc(n);
	if (c->der != NULL) {
		memcpy(c->der, der, n);
		err = parts_read(c);
	}
	ERR_clear_error();
	if (err == 0)
		*out = c;
	else
		cert_put(c);
	return err;
}

int
cert_read(const void *der, size_t n, struct cert **out)
{
	const unsigned char *at = der;
	X509 *x509;

	if (n == 0 || n > CERT_MAX_BYTES)
		return -EBADMSG;
	x509 = X509_new_ex(cert_context(), NULL);
	if (x509 == NULL)
		return -ENOMEM;
	/* frees it on error */
	if (d2i_X509(&x509, &at, (long)n) == NULL || at != (const unsigned char *)der + n) {
		X509_free(x509);
		ERR_clear_error();
		return -EBADMSG;
	}
	return cert_of(x509, der, n, out);
}

/** The next CERTIFICATE block. 0, -ENODATA at the end, or as cert_read(). */
static int
pem_next(BIO *bio, struct cert **out)
{
	unsigned char *der = NULL;
	char *name = NULL, *header = NULL;
	long n;
	int err = -EAGAIN;

	while (err == -EAGAIN) {
		if (!PEM_read_bio(bio, &name, &header, &der, &n))
			return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
				? -ENODATA
				: -EBADMSG;
		if (strcmp(name, PEM_STRING_X509) == 0)
			err = cert_read(der, (size_t)n, out);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	return err;
}

int
cert_read_file(const void *data, size_t n, struct cert **list, size_t max, size_t *count)
{
	BIO *bio;
	int err;

	*count = 0;
	if (n > 0 && *(const uint8_t *)data == 0x30) {
		err = cert_read(data, n, &list[0]);
		*count = err == 0;
		return err;
	}
	bio = n > 0 && n <= INT32_MAX ? BIO_new_mem_buf(data, (int)n) : NULL;
	if (bio == NULL)
		return n == 0 ? -ENODATA : -ENOMEM;
	do {
		struct cert *c;

		err = pem_next(bio, &c);
		if (err == 0 && *count < max)
			list[(*count)++] = c;
		else if (err == 0) {
			cert_put(c);
			err = -E2BIG;
		}
	} while (err == 0);
	BIO_free(bio);
	ERR_clear_error();
	if (err == -ENODATA && *count > 0)
		return 0;
	for (size_t i = 0; i < *count; i++)
		cert_put(list[i]);
	return err;
}

struct cert *
cert_get(struct cert *c)
{
	c->users++;
	return c;
}

void
cert_put(struct cert *c)
{
	if (c == NULL || --c->users > 0)
		return;
	GENERAL_NAMES_free(c->names);
	sign_key_put(c->key);
	X509_free(c->x509);
	free(c->der);
	free(c);
}

struct octets
cert_der(const struct cert *c)
{
	return (struct octets){ c->der, c->der_bytes };
}

struct octets
cert_subject(const struct cert *c)
{
	return (struct octets){ c->subject, c->subject_bytes };
}

const struct sign_key *
cert_key(const struct cert *c)
{
	return c->key;
}

int64_t
cert_not_before(const struct cert *c)
{
	return c->not_before_s;
}

int64_t
cert_not_after(const struct cert *c)
{
	return c->not_after_s;
}

bool
cert_is_ca(const struct cert *c)
{
	return X509_check_ca(c->x509) > 0;
}

bool
cert_equal(const struct cert *a, const struct cert *b)
{
	return a->der_bytes == b->der_bytes && memcmp(a->der, b->der, a->der_bytes) == 0;
}

const char *
cert_time_print(int64_t at_s, char buf[CERT_TIME_BYTES])
{
	time_t t = (time_t)at_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(buf, CERT_TIME_BYTES, "%F %T UTC", &tm) == 0)
		snprintf(buf, CERT_TIME_BYTES, "(no date)");
	return buf;
}

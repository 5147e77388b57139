/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_CERT_INSIDE_H
#define CRYPTO_CERT_INSIDE_H

/** Inside of a certificate, for crypto/ alone. */
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "crypto/cert.h"

struct cert {
	atomic_uint users;
	X509 *x509;
	struct sign_key *key;
	GENERAL_NAMES *names; /* subjectAltName, or NULL */
	uint8_t *der;
	size_t der_bytes;
	uint8_t *subject; /* DER, belongs to x509 */
	size_t subject_bytes;
	int64_t not_before_s, not_after_s;
};

/** Print a name into buf; returns buf. */
const char *cert_name_text(const X509_NAME *name, char *buf, size_t room);

#endif

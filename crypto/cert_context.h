/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_CERT_CONTEXT_H
#define CRYPTO_CERT_CONTEXT_H

/** Where certificates and the keys in them live in libcrypto; for crypto/ alone. */
#include <openssl/types.h>

/**
 * libcrypto 3.0 reads a public key by trying every decoder its context has, forty of them, at
 * 80 us a certificate. This context has all that checking a signature takes, and of the decoders
 * the few for keys that a certificate here may have. NULL (the default context: as good, slower)
 * when it cannot be had. Any thread; never freed.
 */
OSSL_LIB_CTX *cert_context(void);

#endif

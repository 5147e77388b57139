/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SIGN_KEY_H
#define CRYPTO_SIGN_KEY_H

/** Inside of a key, for crypto/ alone. */
#include <openssl/evp.h>
#include <stdatomic.h>

#include "crypto/sign.h"

struct sign_key {
	atomic_uint users;
	EVP_PKEY *pkey;
	enum sign_kind kind;
	unsigned bits;
	bool private_half;
};

/** Take over a reference to pkey. 0, -ENOTSUP, -ENOMEM; pkey is released on error. */
int sign_key_of(EVP_PKEY *pkey, bool private_half, struct sign_key **out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_COOKIE_H
#define CONTROL_IKE_IKE_COOKIE_H

/** Cookies (RFC 7296, 2.6): a source proves its address before it costs us anything. */
#include "control/ike/ike.h"
#include "control/ike/ike_wire.h"

#include "crypto/siphash.h"

#define IKE_COOKIE_BYTES 9 /* generation, MAC: who guesses it has to be heard 2^64 times */

struct ike_cookies {
	struct siphash_key secret[2];
	uint8_t generation; /* secret[generation & 1] is the newer one */
	uint64_t rotate_ms;
};

/** Change the secret when its time has come; the last one stays valid for one period. */
void ike_cookies_rotate(
	struct ike_cookies *c, const struct ike_ops *ops, void *user, uint64_t now_ms);
/** Cookie of a first message by its source, SPI and nonce. */
void ike_cookie_make(const struct ike_cookies *c, const struct ike_path *path, uint64_t spi_i,
	struct ike_view ni, uint8_t out[IKE_COOKIE_BYTES]);
bool ike_cookie_ok(const struct ike_cookies *c, const struct ike_path *path, uint64_t spi_i,
	struct ike_view ni, struct ike_view cookie);

#endif

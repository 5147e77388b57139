/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_cookie.h"

#include <string.h>

#include "crypto/secret.h"

#define ROTATE_MS 60000u

void
ike_cookies_rotate(struct ike_cookies *c, const struct ike_ops *ops, void *user, uint64_t now_ms)
{
	if (c->rotate_ms != 0 && now_ms < c->rotate_ms)
		return;
	if (now_ms >= c->rotate_ms + ROTATE_MS) /* the first time, or nobody came for long */
		ops->random(user, &c->secret[c->generation & 1], sizeof(c->secret[0]));
	c->generation++;
	c->rotate_ms = now_ms + ROTATE_MS;
	ops->random(user, &c->secret[c->generation & 1], sizeof(c->secret[0]));
}

/** SipHash, because every stranger makes us do this: a tenth of what HMAC with SHA-256 takes. */
static void
cookie_of(const struct ike_cookies *c, uint8_t generation, const struct ike_path *path,
	uint64_t spi_i, struct ike_view ni, uint8_t out[IKE_COOKIE_BYTES])
{
	uint8_t data[1 + sizeof(path->remote) + 2 + 8 + IKE_NONCE_MAX];
	struct writer w = wr_over(data, sizeof(data));

	wr_u8(&w, generation);
	wr_bytes(&w, &path->remote, sizeof(path->remote));
	wr_be16(&w, path->remote_port);
	wr_be64(&w, spi_i);
	wr_bytes(&w, ni.data, ni.bytes);
	uint64_t mac = siphash(&c->secret[generation & 1], data, wr_used(&w));

	out[0] = generation;
	memcpy(out + 1, &mac, IKE_COOKIE_BYTES - 1);
}

void
ike_cookie_make(const struct ike_cookies *c, const struct ike_path *path, uint64_t spi_i,
	struct ike_view ni, uint8_t out[IKE_COOKIE_BYTES])
{
	cookie_of(c, c->generation, path, spi_i, ni, out);
}

bool
ike_cookie_ok(const struct ike_cookies *c, const struct ike_path *path, uint64_t spi_i,
	struct ike_view ni, struct ike_view cookie)
{
	uint8_t want[IKE_COOKIE_BYTES];

	if (cookie.bytes != IKE_COOKIE_BYTES)
		return false;
	uint8_t generation = cookie.data[0];

	if ((uint8_t)(c->generation - generation) > 1)
		return false;
	cookie_of(c, generation, path, spi_i, ni, want);
	return crypto_equal(want, cookie.data, sizeof(want));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_cookie.h"

#include "crypto/hash.h"
#include "crypto/secret.h"

#define ROTATE_MS 60000u

void
ike_cookies_rotate(struct ike_cookies *c, const struct ike_ops *ops, void *user, uint64_t now_ms)
{
	if (c->rotate_ms != 0 && now_ms < c->rotate_ms)
		return;
	if (now_ms >= c->rotate_ms + ROTATE_MS) /* the first time, or nobody came for long */
		ops->random(user, c->secret[c->generation & 1], sizeof(c->secret[0]));
	c->generation++;
	c->rotate_ms = now_ms + ROTATE_MS;
	ops->random(user, c->secret[c->generation & 1], sizeof(c->secret[0]));
}

static void
cookie_of(const struct ike_cookies *c, uint8_t generation, const struct ike_path *path,
	uint64_t spi_i, struct ike_view ni, uint8_t out[IKE_COOKIE_BYTES])
{
	struct octets parts[] = { { &generation, 1 }, { &path->remote, sizeof(path->remote) },
		{ &path->remote_port, sizeof(path->remote_port) }, { &spi_i, sizeof(spi_i) },
		{ ni.data, ni.bytes } };
	uint8_t mac[HASH_MAX_BYTES] = { 0 };

	out[0] = generation;
	if (hmac(HASH_SHA256, c->secret[generation & 1], sizeof(c->secret[0]), parts, 5, mac) != 0)
		mac[0] ^= 1; /* no memory: a cookie that nobody can have been given */
	memcpy(out + 1, mac, IKE_COOKIE_BYTES - 1);
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"

#include <errno.h>

#include "crypto/dh.h"

/** Public value of a private key and the secret it shares with a peer, as an RFC prints them. */
static void
known(uint16_t group, const char *priv_hex, const char *pub_hex, const char *peer_hex,
	const char *shared_hex)
{
	uint8_t priv[DH_MAX_BYTES], pub[DH_MAX_BYTES], peer[DH_MAX_BYTES], want[DH_MAX_BYTES];
	size_t priv_bytes = check_unhex(priv_hex, priv, sizeof(priv));
	size_t peer_bytes = check_unhex(peer_hex, peer, sizeof(peer));
	size_t want_bytes = check_unhex(shared_hex, want, sizeof(want));
	struct secret shared = { 0 };
	struct dh *dh = NULL;

	CHECK_EQ(dh_new_private(group, priv, priv_bytes, &dh), 0);
	if (dh == NULL)
		return;
	CHECK_EQ(check_unhex(pub_hex, pub, sizeof(pub)), dh_alg(dh)->public_bytes);
	CHECK_MEM(dh_public(dh), pub, dh_alg(dh)->public_bytes);
	CHECK_EQ(dh_shared(dh, peer, peer_bytes, &shared), 0);
	CHECK_EQ(shared.bytes, want_bytes);
	if (shared.bytes == want_bytes)
		CHECK_MEM(shared.data, want, want_bytes);
	secret_wipe(&shared);
	dh_free(dh);
}

static void
x25519_of_rfc7748(void)
{
	known(DH_CURVE25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

/* RFC 5903, 8.1 to 8.3, from the responder's side; the self-test has the initiator's. */
static void
ecp_of_rfc5903(void)
{
	known(DH_ECP_256, "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
		"d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		"56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		"dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		"5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
	known(DH_ECP_384,
		"41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
		"e0308312916b8ed2960e4bd55a7448fc",
		"e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
		"0d1ac43a0336def96fda41d0774a3571"
		"dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
		"f83fa40142209dff5eaad96db9e6386c",
		"667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
		"de3ac808acb4bdb4c88732aee95f41aa"
		"9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
		"eb9fcff3c2c947dae69b4c634573a81c",
		"11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
		"d603135569b9e9d09cf5d4a270f59746");
	known(DH_ECP_521,
		"0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
		"9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb15168"
		"5eb9",
		"00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
		"9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b617164001"
		"2d9460f"
		"015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87"
		"220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0f"
		"c56a",
		"0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
		"e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176c"
		"ed3e"
		"017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10a"
		"d8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f"
		"9582",
		"01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
		"d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3"
		"ddea");
}

static void
both_sides_agree(void)
{
	for (size_t i = 0; i < DH_ALGS; i++) {
		const struct dh_alg *alg = &dh_algs[i];
		struct secret a = { 0 }, b = { 0 };
		struct dh *ours = NULL, *theirs = NULL;

		CHECK_EQ(dh_new(alg->id, &ours), 0);
		CHECK_EQ(dh_new(alg->id, &theirs), 0);
		CHECK(memcmp(dh_public(ours), dh_public(theirs), alg->public_bytes) != 0);
		CHECK_EQ(dh_shared(ours, dh_public(theirs), alg->public_bytes, &a), 0);
		CHECK_EQ(dh_shared(theirs, dh_public(ours), alg->public_bytes, &b), 0);
		CHECK_EQ(a.bytes, alg->shared_bytes);
		CHECK(secret_equal(&a, &b));
		CHECK_EQ(dh_shared(ours, dh_public(theirs), alg->public_bytes - 1u, &a), -EBADMSG);
		CHECK(a.data == NULL || a.bytes == alg->shared_bytes);
		secret_wipe(&a);
		secret_wipe(&b);
		dh_free(ours);
		dh_free(theirs);
	}
}

/* A private key of 1 shares the peer's value itself: 2 stays 2, padded in front. */
static void
modp_is_padded(void)
{
	uint8_t one = 1, three[256] = { [255] = 3 }, two[256] = { [255] = 2 };
	struct secret shared = { 0 };
	struct dh *dh = NULL;

	CHECK_EQ(dh_new_private(DH_MODP_2048, &one, 1, &dh), 0);
	CHECK_MEM(dh_public(dh), two, sizeof(two));
	CHECK_EQ(dh_shared(dh, three, sizeof(three), &shared), 0);
	CHECK_EQ(shared.bytes, 256);
	CHECK_MEM(shared.data, three, sizeof(three));
	secret_wipe(&shared);
	dh_free(dh);
}

static int
refused(struct dh *dh, const uint8_t *peer)
{
	struct secret shared = { 0 };
	int err = dh_shared(dh, peer, dh_alg(dh)->public_bytes, &shared);

	CHECK(err == 0 || shared.data == NULL);
	secret_wipe(&shared);
	return err;
}

static void
modp_range_is_checked(void)
{
	static const uint16_t groups[] = { DH_MODP_1024, DH_MODP_1536, DH_MODP_2048, DH_MODP_3072,
		DH_MODP_4096 };

	for (size_t i = 0; i < 5; i++) {
		uint8_t y[DH_MAX_BYTES] = { 0 };
		struct dh *dh = NULL;
		size_t n = dh_find(groups[i])->public_bytes;

		CHECK_EQ(dh_new(groups[i], &dh), 0);
		CHECK_EQ(refused(dh, y), -EBADMSG); /* 0 */
		y[n - 1] = 1;
		CHECK_EQ(refused(dh, y), -EBADMSG);
		y[n - 1] = 2;
		CHECK_EQ(refused(dh, y), 0);
		memset(y, 0xff, n); /* above p */
		CHECK_EQ(refused(dh, y), -EBADMSG);
		dh_free(dh);
	}
}

/* p - 1 of group 2 (RFC 2409, 6.2): shares only 1 or itself. */
static void
modp_minus_one_is_refused(void)
{
	uint8_t y[128];
	struct dh *dh = NULL;

	check_unhex("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
		    "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
		    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed"
		    "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
		y, sizeof(y));
	CHECK_EQ(dh_new(DH_MODP_1024, &dh), 0);
	CHECK_EQ(refused(dh, y), -EBADMSG); /* p */
	y[127]--;
	CHECK_EQ(refused(dh, y), -EBADMSG);
	y[127]--;
	CHECK_EQ(refused(dh, y), 0);
	dh_free(dh);
}

static void
ecp_point_is_checked(void)
{
	static const uint16_t groups[] = { DH_ECP_256, DH_ECP_384, DH_ECP_521 };

	for (size_t i = 0; i < 3; i++) {
		uint8_t point[DH_MAX_BYTES];
		struct dh *dh = NULL, *other = NULL;
		size_t n = dh_find(groups[i])->public_bytes;

		CHECK_EQ(dh_new(groups[i], &dh), 0);
		CHECK_EQ(dh_new(groups[i], &other), 0);
		memcpy(point, dh_public(other), n);
		CHECK_EQ(refused(dh, point), 0);
		point[n - 1] ^= 1;
		CHECK_EQ(refused(dh, point), -EBADMSG);
		memset(point, 0, n);
		CHECK_EQ(refused(dh, point), -EBADMSG);
		memset(point, 0xff, n);
		CHECK_EQ(refused(dh, point), -EBADMSG);
		dh_free(dh);
		dh_free(other);
	}
}

static void
x25519_small_order_is_refused(void)
{
	uint8_t point[32] = { 0 };
	struct dh *dh = NULL;

	CHECK_EQ(dh_new(DH_CURVE25519, &dh), 0);
	CHECK_EQ(refused(dh, point), -EBADMSG);
	point[0] = 1;
	CHECK_EQ(refused(dh, point), -EBADMSG);
	point[0] = 9;
	CHECK_EQ(refused(dh, point), 0);
	dh_free(dh);
}

static void
unknown_groups(void)
{
	struct dh *dh = NULL;

	CHECK_EQ(dh_new(1, &dh), -ENOTSUP);
	CHECK_EQ(dh_new(24, &dh), -ENOTSUP);
	CHECK(dh == NULL);
	dh_free(NULL);
}

int
main(void)
{
	TEST(x25519_of_rfc7748);
	TEST(ecp_of_rfc5903);
	TEST(both_sides_agree);
	TEST(modp_is_padded);
	TEST(modp_range_is_checked);
	TEST(modp_minus_one_is_refused);
	TEST(ecp_point_is_checked);
	TEST(x25519_small_order_is_refused);
	TEST(unknown_groups);
	return check_done();
}

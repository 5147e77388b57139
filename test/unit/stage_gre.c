/* SPDX-License-Identifier: BSD-3-Clause */
/** Which cloud a GRE packet belongs to: endpoint, key or none, sealed or in clear. */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c)
{
	return &hub.spoke[c][0];
}

/** A packet with `key` (-1: none) through the spoke's SA; true when it ended as `v`. */
static bool
ends_as(enum verdict v, enum hub_cloud c, int64_t key)
{
	uint64_t before = hub_count(v);

	packet_payload(&p, 40);
	packet_ip(&p, spoke(c)->overlay_be, hub.spoke[c][1].overlay_be, 253);
	packet_gre(&p, key, RTE_ETHER_TYPE_IPV4);
	hub_protect(&p, spoke(c));
	hub_in(hub.wan, &p);
	hub_drain();
	return hub_count(v) == before + 1;
}

/** 4 or 8 octets of GRE, both ways, and the peer's MTU knows which. */
static void
keyed_and_keyless_clouds(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *a = spoke(c), *b = &hub.spoke[c][1];
		uint16_t keyed, keyless;

		hub.cloud[c].mtu = 1500;
		hub_cloud_set(c);
		keyed = peer_get(&hub.dp->t, b->peer)->mtu;
		hub.cloud[c].has_key = false;
		hub_cloud_set(c);
		keyless = peer_get(&hub.dp->t, b->peer)->mtu;
		CHECK_EQ(keyless, keyed + 4);
		hub_ping(&p, a, b->overlay_be, keyless - 20);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.wan, &p));
		CHECK(p.bytes <= 1514);
		CHECK(hub_unwrap(&p, b, 0));
		CHECK_EQ(p.bytes, keyless);
		CHECK(ends_as(c == CLEAR ? VERDICT_DROP_CLOUD : VERDICT_DROP_GRE_KEY, c, 77));
		hub.cloud[c].mtu = 1400;
		hub.cloud[c].has_key = true;
		hub_cloud_set(c);
	}
}

/** Another cloud's key does not move a packet into that cloud; nor does a half key. */
static void
key_must_be_that_of_the_cloud(void)
{
	for (enum hub_cloud c = TRANSPORT; c < HUB_CLOUDS; c++) {
		CHECK(ends_as(VERDICT_TX, c, hub.cloud[c].key));
		CHECK(ends_as(VERDICT_DROP_GRE_KEY, c, -1));
		CHECK(ends_as(VERDICT_DROP_GRE_KEY, c, hub.cloud[CLEAR].key));
		CHECK(ends_as(VERDICT_DROP_GRE_KEY, c, (int64_t)hub.cloud[c].key << 16));
	}
	CHECK(ends_as(VERDICT_TX, CLEAR, hub.cloud[CLEAR].key));
	CHECK(ends_as(VERDICT_DROP_CLOUD, CLEAR, -1));
	CHECK(ends_as(VERDICT_DROP_CLEAR_GRE, CLEAR, hub.cloud[NATT].key));
}

/** What is no IPv4: to whom it goes or what it is counted as, in clear and sealed. */
static void
payloads_by_type(void)
{
	static const struct {
		uint16_t type;
		enum verdict v;
	} rows[] = {
		{ 0x2001, VERDICT_PUNT_NHRP },
		{ 0x86dd, VERDICT_DROP_INNER_IPV6 },
		{ 0x8847, VERDICT_DROP_GRE_PROTO }, /* MPLS */
		{ 0x6558, VERDICT_DROP_GRE_PROTO }, /* Ethernet */
		{ 0x00fe, VERDICT_DROP_GRE_PROTO }, /* IS-IS */
		{ 0x2000, VERDICT_DROP_GRE_PROTO }, /* CDP */
		{ 0, VERDICT_DROP_GRE_PROTO },
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++)
		for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
			uint64_t before = hub_count(rows[i].v), all = hub_count_all();

			packet_payload(&p, 60);
			packet_gre(&p, hub.cloud[c].key, rows[i].type);
			hub_protect(&p, spoke(c));
			hub_in(hub.wan, &p);
			CHECK_EQ(hub_count(rows[i].v) - before, 1);
			CHECK_EQ(hub_count_all() - all, 1);
		}
	CHECK_EQ(hub_drain(), 0);
}

/** ESP gets nobody into a cloud without protection, whoever made the SA. */
static void
sealed_into_clear_cloud_is_dropped(void)
{
	struct hub_spoke *a = spoke(TRANSPORT);
	struct sa_in *sa;

	hub_rekey(a, &(struct hub_sa){ .encr = ENCR_AES_GCM_16, .bits = 256, .window = 64 });
	sa = hub_sa_in(a);
	sa->peer = spoke(CLEAR)->peer;
	CHECK(ends_as(VERDICT_DROP_CLOUD, TRANSPORT, hub.cloud[CLEAR].key));
	sa->peer = a->peer;
	CHECK(ends_as(VERDICT_TX, TRANSPORT, hub.cloud[TRANSPORT].key));
}

/** In no state does a protected cloud send GRE in clear: not before the SA, not after. */
static void
protected_cloud_never_sends_clear_gre(void)
{
	struct hub_spoke *a = spoke(TRANSPORT), *b = &hub.spoke[TRANSPORT][1];
	uint64_t down = hub_count(VERDICT_DROP_PEER_DOWN);

	CHECK_EQ(dp_peer_sa_out(hub.dp, b->peer, NULL), 0);
	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, b->overlay_be, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	packet_payload(&p, 40); /* NHRP of ours */
	CHECK_EQ(dp_send_gre(hub.dp, b->peer, 0x2001, packet_at(&p), p.bytes), 0);
	packet_payload(&p, 40); /* multicast: one copy would be for it */
	packet_ip(&p, IPV4(10, 0, 2, 1), IPV4(224, 0, 0, 5), 89);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK_EQ(hub_count(VERDICT_DROP_PEER_DOWN), down + 3);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, a, 0)); /* the other's copy, sealed */
	CHECK(!hub_out(hub.wan, &p));
	hub_rekey(b, &(struct hub_sa){ .encr = ENCR_AES_GCM_16, .bits = 256, .window = 64 });
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(keyed_and_keyless_clouds);
	TEST(key_must_be_that_of_the_cloud);
	TEST(payloads_by_type);
	TEST(sealed_into_clear_cloud_is_dropped);
	TEST(protected_cloud_never_sends_clear_gre);
	hub_stop();
	return check_done();
}

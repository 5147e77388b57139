/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Ports of 9000 octets: packets of that length go through every kind of tunnel, in both
 * directions and from spoke to spoke; they are cut for a way that takes less, and put together
 * when they come in pieces.
 */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define MTU   9000
#define INNER 8900 /* of the clouds */

static struct packet p;
static uint8_t got[DP_MTU_MAX];

/** An inner packet of n octets in all, with DF. */
static void
inner(uint32_t src, uint32_t dst, uint16_t n)
{
	packet_payload(&p, (uint16_t)(n - 20));
	packet_ip(&p, src, dst, 253)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	packet_ip_fix(&p);
}

static void
no_df(void)
{
	((struct rte_ipv4_hdr *)packet_at(&p))->fragment_offset = 0;
	packet_ip_fix(&p);
}

static void
from_lan(void)
{
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
}

/** Is p, at IP, of n octets, and the payload what inner() wrote? */
static bool
whole(uint16_t n)
{
	if (p.bytes != n)
		return false;
	for (uint16_t i = 0; i < n - 20; i++)
		if (packet_at(&p)[20 + i] != (uint8_t)i)
			return false;
	return true;
}

static bool
payload_whole(uint16_t bytes, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (got[i] != (uint8_t)i)
			return false;
	return bytes == n;
}

/** Up to the very octet that fills the port. */
static void
encap(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *s = &hub.spoke[c][0];
		uint16_t fits;

		hub.cloud[c].mtu = DP_MTU_MAX;
		hub_cloud_set(c);
		fits = peer_get(&hub.dp->t, s->peer)->mtu;
		CHECK(fits > INNER && fits < MTU - 20);
		inner(LAN_BE, s->overlay_be, fits);
		from_lan();
		CHECK(hub_out(hub.wan, &p));
		CHECK(p.bytes <= MTU + 14 && p.bytes > MTU + 14 - 4);
		CHECK(hub_unwrap(&p, s, 0));
		CHECK(whole(fits));
		hub.cloud[c].mtu = INNER;
		hub_cloud_set(c);
	}
}

static void
decap(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *s = &hub.spoke[c][0];

		inner(s->overlay_be, LAN_BE, INNER);
		hub_wrap(&p, s);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.lan, &p));
		packet_pull(&p, 14);
		CHECK(whole(INNER));
	}
}

static void
hairpin(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *a = &hub.spoke[c][0], *b = &hub.spoke[c][1];

		inner(a->overlay_be, b->net_be, INNER);
		hub_wrap(&p, a);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, b, 0));
		CHECK(whole(INNER));
	}
}

/** Every suite's trailer has room: here the longest, blocks and HMAC. */
static void
longest_trailer(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][1];

	hub_rekey(s, &(struct hub_sa){ .encr = 12, .bits = 256, .integ = 14, .window = 64 });
	for (uint16_t n = INNER - 32; n <= INNER; n++) {
		inner(LAN_BE, s->overlay_be, n);
		from_lan();
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
		CHECK(whole(n));
	}
}

/** A spoke behind an Ethernet: its outer packets come in pieces. */
static void
reassembly(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];
	static struct packet outer;
	uint16_t at = 0, step = 1400 - 24; /* whole eights behind the header */

	inner(s->overlay_be, LAN_BE, INNER);
	hub_wrap(&p, s);
	packet_pull(&p, 14 + 20);
	outer = p;
	for (; at < outer.bytes; at = (uint16_t)(at + step)) {
		uint16_t n = RTE_MIN(step, (uint16_t)(outer.bytes - at));
		uint16_t more = at + n < outer.bytes ? RTE_IPV4_HDR_MF_FLAG : 0;

		CHECK(!hub_out(hub.lan, &p));
		packet_set(&p, packet_at(&outer) + at, n);
		packet_ip(&p, s->outer_be, HUB_BE, IPPROTO_ESP)->fragment_offset =
			rte_cpu_to_be_16((uint16_t)(at / 8 | more));
		packet_ip_fix(&p);
		packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
		hub_in(hub.wan, &p);
	}
	CHECK(hub_out(hub.lan, &p));
	packet_pull(&p, 14);
	CHECK(whole(INNER));
}

/** One spoke's way takes 1400: it gets pieces that do, or the sender hears of it. */
static void
fragments_for_a_short_way(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];
	uint16_t bytes = 0, fits;

	s->spec.path_mtu = 1400;
	hub_peer_set(s);
	fits = peer_get(&hub.dp->t, s->peer)->mtu;
	CHECK(fits > 1300 && fits < 1400);
	inner(LAN_BE, s->overlay_be, INNER);
	no_df();
	from_lan();
	CHECK_EQ(hub_gather(s, 1400, got, &bytes, 0, false), 7);
	CHECK(payload_whole(bytes, INNER - 20));

	inner(LAN_BE, s->overlay_be, INNER);
	from_lan();
	CHECK(!hub_out(hub.wan, &p));
	CHECK(hub_out(hub.lan, &p));
	CHECK_EQ(packet_at(&p)[14 + 20], 3);
	CHECK_EQ(packet_at(&p)[14 + 21], 4);
	CHECK_EQ(packet_at(&p)[14 + 26] << 8 | packet_at(&p)[14 + 27], fits);

	s->spec.path_mtu = 576; /* the most pieces there can be */
	hub_peer_set(s);
	inner(LAN_BE, s->overlay_be, INNER);
	no_df();
	from_lan();
	CHECK(hub_gather(s, 576, got, &bytes, 0, false) > 16);
	CHECK(payload_whole(bytes, INNER - 20));
	s->spec.path_mtu = 0;
	hub_peer_set(s);
}

/** The kernel's own: a packet through the TUN, to one and to all, a frame through the TAP. */
static void
from_the_kernel(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];
	uint32_t own = IPV4(10, 0, 2, 1);
	uint16_t bytes = 0;

	inner(own, s->overlay_be, INNER);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
	CHECK(whole(INNER));

	inner(own, s->overlay_be, MTU);
	no_df();
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK_EQ(hub_gather(s, MTU, got, &bytes, 0, false), 2);
	CHECK(payload_whole(bytes, MTU - 20));

	inner(own, IPV4(224, 0, 0, 5), INNER);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	for (int i = 0; i < HUB_SPOKES; i++) {
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, &hub.spoke[TRANSPORT][i], 0));
		CHECK(whole(INNER));
	}

	inner(HUB_LAN_BE, LAN_BE, MTU);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	CHECK_EQ(dp_send_frame(hub.dp, hub.lan, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK(hub_out(hub.lan, &p));
	packet_pull(&p, 14);
	CHECK(whole(MTU));
}

static void
buffers_are_back(void)
{
	CHECK(hub_buffers_back());
}

int
main(void)
{
	hub.mtu = MTU;
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		hub.cloud[c].mtu = INNER;
		hub_cloud_set(c);
	}
	TEST(encap);
	TEST(decap);
	TEST(hairpin);
	TEST(longest_trailer);
	TEST(reassembly);
	TEST(fragments_for_a_short_way);
	TEST(from_the_kernel);
	TEST(buffers_are_back);
	hub_stop();
	return check_done();
}

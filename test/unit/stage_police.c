/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Floods: of one spoke, of one stranger, of data on a full port, of the kernel. What
 * sessions live of (IKE, NHRP, routing protocols) gets through each of them.
 */
#include <netinet/in.h>

#include <rte_malloc.h>
#include <rte_tcp.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "dataplane/ike_spi.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define FLOOD 6000 /* more than any burst */

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c, int i)
{
	return &hub.spoke[c][i];
}

/** All at one moment, so that no token comes back meanwhile. */
static uint64_t
moment(void)
{
	static uint64_t tsc = 1ull << 50;

	hub_settle();
	hub_forget();
	return tsc += 1ull << 40;
}

static void
nhrp(struct hub_spoke *s, uint64_t tsc)
{
	packet_payload(&p, 80);
	hub_gre(&p, s, 0x2001);
	hub_protect(&p, s);
	hub_in_at(hub.wan, &p, tsc);
	hub_poll();
}

/** To the hub itself: p is what follows the IP header. */
static void
to_hub(struct hub_spoke *s, uint8_t proto, uint32_t dst, uint64_t tsc)
{
	packet_ip(&p, s->overlay_be, dst, proto);
	hub_wrap(&p, s);
	hub_in_at(hub.wan, &p, tsc);
	hub_poll();
}

/* ---- up: one spoke ---------------------------------------------------------------------- */

static void
one_spokes_nhrp_does_not_starve_anothers(void)
{
	uint64_t tsc = moment(), before = hub_count(VERDICT_PUNT_NHRP);
	uint64_t held = hub_count(VERDICT_DROP_PUNT_SHARE), passed;

	for (int i = 0; i < FLOOD; i++)
		nhrp(spoke(TRANSPORT, 0), tsc);
	passed = hub_count(VERDICT_PUNT_NHRP) - before;
	CHECK(passed > 20 && passed < FLOOD / 10);
	CHECK_EQ(hub_count(VERDICT_DROP_PUNT_SHARE) - held, FLOOD - passed);
	for (int i = 0; i < 20; i++)
		nhrp(spoke(TRANSPORT, 1), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_NHRP) - before, passed + 20);
	nhrp(spoke(TRANSPORT, 0), tsc + dp_cycles_per_second()); /* a second later it may again */
	CHECK_EQ(hub_count(VERDICT_PUNT_NHRP) - before, passed + 21);
}

/** Data of a spoke to the hub itself leaves its own BGP, BFD and hellos alone. */
static void
data_does_not_starve_routing(void)
{
	static const uint8_t bgp[4] = { 0, 179, 0x80, 1 }, bfd[4] = { 0xc0, 1, 14, 200 };
	struct hub_spoke *s = spoke(TUNNEL, 0);
	uint64_t tsc = moment(), up = hub_count(VERDICT_PUNT_INNER);
	uint64_t groups = hub_count(VERDICT_PUNT_MULTICAST), passed;

	for (int i = 0; i < FLOOD; i++) {
		packet_payload(&p, 40);
		to_hub(s, 253, IPV4(10, 0, 3, 1), tsc);
	}
	passed = hub_count(VERDICT_PUNT_INNER) - up;
	CHECK(passed > 100 && passed < FLOOD / 2);
	for (int i = 0; i < 20; i++) {
		packet_set(&p, bgp, sizeof(bgp));
		to_hub(s, IPPROTO_TCP, IPV4(10, 0, 3, 1), tsc);
		packet_set(&p, bfd, sizeof(bfd));
		to_hub(s, IPPROTO_UDP, IPV4(10, 0, 3, 1), tsc);
		packet_payload(&p, 24);
		to_hub(s, 89, IPV4(10, 0, 3, 1), tsc);
		packet_payload(&p, 24);
		to_hub(s, 89, IPV4(224, 0, 0, 5), tsc);
	}
	CHECK_EQ(hub_count(VERDICT_PUNT_INNER) - up, passed + 60);
	CHECK_EQ(hub_count(VERDICT_PUNT_MULTICAST) - groups, 20);
}

static void
one_spokes_redirects_do_not_starve_anothers(void)
{
	uint64_t tsc = moment();
	unsigned of_first;

	for (int i = 0; i < 1000; i++) {
		hub_ping(&p, spoke(TRANSPORT, 0), spoke(TRANSPORT, 1)->overlay_be, 40);
		hub_in_at(hub.wan, &p, tsc);
		hub_poll();
		hub_drain();
	}
	of_first = hub.told[DP_REDIRECT];
	CHECK(of_first > 5 && of_first < 150);
	hub_ping(&p, spoke(TUNNEL, 0), spoke(TUNNEL, 1)->overlay_be, 40);
	hub_in_at(hub.wan, &p, tsc);
	hub_poll();
	CHECK_EQ(hub.told[DP_REDIRECT], of_first + 1);
}

/* ---- ICMP errors ------------------------------------------------------------------------- */

/** A packet of this host to nowhere; is it told so? */
static bool
hears_of_it(uint32_t host, struct hub_spoke *behind, uint64_t tsc)
{
	struct dp_icmp_stats before, after;

	packet_payload(&p, 40);
	packet_ip(&p, host, IPV4(8, 8, 8, 8), 253);
	if (behind != NULL)
		hub_wrap(&p, behind);
	else
		packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	dp_icmp_stats(hub.dp, &before);
	hub_in_at(behind != NULL ? hub.wan : hub.lan, &p, tsc);
	hub_drain();
	dp_icmp_stats(hub.dp, &after);
	CHECK_EQ(after.sent + after.held, before.sent + before.held + 1);
	return after.sent > before.sent;
}

/** Of a host that asks for errors without end, on the lan or behind a spoke, none else notices. */
static void
one_hosts_errors_do_not_starve_anothers(void)
{
	struct hub_spoke *s = spoke(TRANSPORT, 0), *other = spoke(TRANSPORT, 1);
	uint32_t host[] = { LAN_BE, s->net_be },
		 next[] = { LAN_BE + IPV4(0, 0, 0, 1), s->net_be + IPV4(0, 0, 0, 1) };

	for (int i = 0; i < 2; i++) {
		struct hub_spoke *behind = i == 0 ? NULL : s;
		uint64_t tsc = moment();
		unsigned n = 0;

		while (n < FLOOD / 10 && hears_of_it(host[i], behind, tsc))
			n++;
		CHECK(n >= 10 && n <= 30);
		for (int more = 0; more < 200; more++)
			CHECK(!hears_of_it(host[i], behind, tsc));
		CHECK(hears_of_it(next[i], behind, tsc));
		CHECK(hears_of_it(other->net_be, other, tsc));
		CHECK(hears_of_it(host[i], behind, tsc + dp_cycles_per_second() / 10));
	}
}

/* ---- up: strangers ---------------------------------------------------------------------- */

/** The header of IKE to us: `spi` is ours, as responder or initiator of the SA. */
static void
ike_header(uint64_t spi, bool responder)
{
	uint8_t header[28] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };

	header[17] = 0x20;
	header[18] = 37; /* INFORMATIONAL */
	header[19] = responder ? 0x08 : 0;
	for (int i = 0; i < 8; i++)
		header[(responder ? 8 : 0) + i] = (uint8_t)(spi >> (56 - 8 * i));
	packet_set(&p, header, sizeof(header));
}

/** The i-th SPI of ours: a peer has begun with it. */
static uint64_t
begun_spi(uint32_t i)
{
	static uint64_t list[5000];

	if (list[i] == 0)
		list[i] = dp_ike_spi(hub.dp, rte_rand());
	return list[i];
}

/** The same of a session. */
static uint64_t
session_spi(uint32_t i)
{
	static uint64_t list[1000];

	if (list[i] == 0)
		list[i] = dp_ike_spi(hub.dp, rte_rand());
	dp_ike_spi_proven(hub.dp, list[i]);
	return list[i];
}

/** p is IKE; with `natt` on port 4500. */
static void
ike_in(uint32_t src_be, bool natt, uint64_t tsc)
{
	if (natt)
		memset(packet_push(&p, 4), 0, 4);
	packet_udp(&p, natt ? 4500 : 500, natt ? 4500 : 500);
	packet_ip(&p, src_be, HUB_BE, IPPROTO_UDP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in_at(hub.wan, &p, tsc);
	hub_poll();
}

static void
ike(uint32_t src_be, uint64_t spi, uint64_t tsc)
{
	ike_header(spi, true);
	ike_in(src_be, false, tsc);
}

static void
strangers_ike_does_not_starve_others(void)
{
	uint64_t tsc = moment(), before = hub_count(VERDICT_PUNT_IKE), passed;

	for (int i = 0; i < FLOOD; i++)
		ike(IPV4(198, 51, 100, 7), 0, tsc);
	passed = hub_count(VERDICT_PUNT_IKE) - before;
	CHECK(passed > 100 && passed < FLOOD / 4);
	ike(spoke(NATT, 0)->outer_be, 0, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed + 1);

	/* From everywhere: no more beginnings, but sessions that are go on. */
	for (uint32_t i = 0; i < FLOOD; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), 0, tsc);
	passed = hub_count(VERDICT_PUNT_IKE) - before;
	CHECK(passed < FLOOD);
	ike(IPV4(192, 0, 2, 201), 0, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed);
	ike(spoke(NATT, 0)->outer_be, session_spi(9), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed + 1);
	ike(spoke(NATT, 0)->outer_be, begun_spi(9), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed + 2);
}

/** They finish IKE_SA_INITs, as many as may be half open, and forge where it goes on from. */
static void
beginners_do_not_starve_sessions(void)
{
	uint64_t tsc = moment(), passed, held;

	for (uint32_t i = 0; i < 4 * FLOOD; i++)
		ike(i % 2 ? spoke(NATT, 0)->outer_be : rte_cpu_to_be_32(0x2d000000 + i),
			begun_spi(i % 1000), tsc);
	passed = hub_count(VERDICT_PUNT_IKE);
	held = hub_count(VERDICT_DROP_PUNT_RATE);
	ike(IPV4(192, 0, 2, 201), begun_spi(2000), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), passed); /* all of theirs is used up */
	CHECK_EQ(hub_count(VERDICT_DROP_PUNT_RATE), held + 1);
	for (uint32_t i = 0; i < 400; i++)
		ike(spoke(NATT, 0)->outer_be, session_spi(i % 10), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), passed + 400);
	ike(IPV4(192, 0, 2, 201), 0, tsc); /* nor who begins */
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), passed + 401);
}

/** What its peer may send while it has proven nothing, and what is left of it when it is gone. */
static void
spi_through_its_life(void)
{
	uint64_t tsc = moment(), before = hub_count(VERDICT_PUNT_IKE), spi = begun_spi(4711);
	uint64_t strangers, second = dp_cycles_per_second();

	for (uint32_t i = 0; i < FLOOD; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), spi, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, 50);
	dp_ike_spi_proven(hub.dp, spi);
	tsc += 100 * second;
	before = hub_count(VERDICT_PUNT_IKE);
	for (uint32_t i = 0; i < FLOOD; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), spi, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, 100);
	dp_ike_spi_free(hub.dp, spi);
	strangers = hub.w->budget[METER_IKE_INIT].full_at;
	ike(spoke(NATT, 0)->outer_be, spi, tsc + second);
	CHECK(hub.w->budget[METER_IKE_INIT].full_at > strangers);
}

/** All it may send before it is proven, in fragments and repeated; then it has a session's share.
 */
static void
what_proved_it_is_not_held_against_a_session(void)
{
	uint64_t tsc = moment(), spi = begun_spi(4712), before;

	for (uint32_t i = 0; i < 60; i++)
		ike(spoke(NATT, 0)->outer_be, spi, tsc);
	dp_ike_spi_proven(hub.dp, spi);
	before = hub_count(VERDICT_PUNT_IKE);
	for (uint32_t i = 0; i < 200; i++)
		ike(spoke(NATT, 0)->outer_be, spi, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, 100);
}

/** From everywhere and from the session's own address, in both roles, on both ports. */
static void
made_up_spis_do_not_starve_sessions(void)
{
	uint32_t session = spoke(NATT, 0)->outer_be;
	uint64_t tsc = moment(), passed;

	for (uint32_t i = 0; i < 4 * FLOOD; i++) {
		uint64_t spi = session_spi(i % 1000) ^ (1ull << i % 64);

		ike_header(spi, i / 2 % 2 == 0);
		ike_in(i % 2 == 0 ? session : rte_cpu_to_be_32(0x2d000000 + i), i / 4 % 2 == 0,
			tsc);
	}
	passed = hub_count(VERDICT_PUNT_IKE);
	ike(session, 0x0123456789abcdef, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), passed);
	for (uint32_t i = 0; i < 400; i++) { /* of ten behind that address */
		ike_header(session_spi(i % 10), i % 2 == 0);
		ike_in(session, i / 2 % 2 == 0, tsc);
	}
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), passed + 400);
}

/** Who has a session and repeats its SPI, from everywhere. */
static void
one_session_does_not_starve_others(void)
{
	uint64_t tsc = moment(), before = hub_count(VERDICT_PUNT_IKE);
	uint64_t held = hub_count(VERDICT_DROP_PUNT_SHARE), passed;

	for (uint32_t i = 0; i < FLOOD; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), session_spi(1), tsc);
	passed = hub_count(VERDICT_PUNT_IKE) - before;
	CHECK(passed >= 50 && passed <= 150);
	CHECK_EQ(hub_count(VERDICT_DROP_PUNT_SHARE) - held, FLOOD - passed);
	for (int i = 0; i < 40; i++)
		ike(spoke(NATT, 0)->outer_be, session_spi(2), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed + 40);
	ike(spoke(NATT, 1)->outer_be, session_spi(1), tsc + dp_cycles_per_second() / 10);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE) - before, passed + 41);
}

/** Who still speaks with SPIs of the process before is heard, to be told so, as a stranger. */
static void
spis_from_before_a_restart_are_strangers(void)
{
	uint64_t tsc = moment(), up = hub_count(VERDICT_PUNT_IKE);
	uint64_t sessions = hub.w->budget[METER_IKE].full_at;

	for (uint32_t i = 0; i < 100; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), rte_rand() << 1, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), up + 100);
	CHECK_EQ(hub.w->budget[METER_IKE].full_at, sessions);
	CHECK(hub.w->budget[METER_IKE_INIT].full_at > tsc);
}

/** One datagram in two IP packets, the second but a few octets; only whole it has an SPI. */
static void
ike_fragments_in(uint64_t spi, uint16_t id, uint64_t tsc)
{
	static struct packet whole;

	packet_payload(&p, 80);
	memset(packet_at(&p), 0, 80);
	whole = p;
	ike_header(spi, true);
	memcpy(packet_at(&whole), packet_at(&p), p.bytes);
	packet_udp(&whole, 500, 500);
	for (uint16_t at = 0; at < whole.bytes; at += 16) {
		bool last = at + 16 >= whole.bytes;
		struct rte_ipv4_hdr *ip;

		packet_set(&p, packet_at(&whole) + at,
			last ? (uint16_t)(whole.bytes - at) : (uint16_t)16);
		ip = packet_ip(&p, spoke(NATT, 1)->outer_be, HUB_BE, IPPROTO_UDP);
		ip->packet_id = rte_cpu_to_be_16(id);
		ip->fragment_offset =
			rte_cpu_to_be_16((uint16_t)(at / 8 | (last ? 0 : RTE_IPV4_HDR_MF_FLAG)));
		packet_ip_fix(&p);
		packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
		hub_in_at(hub.wan, &p, tsc);
	}
	hub_poll();
}

static void
sessions_in_ip_fragments_are_sessions(void)
{
	uint64_t tsc = moment(), up;

	for (uint32_t i = 0; i < FLOOD; i++)
		ike(rte_cpu_to_be_32(0x2d000000 + i), i, tsc);
	up = hub_count(VERDICT_PUNT_IKE);
	ike_fragments_in(0x0123456789abcdef, 1, tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), up);
	for (uint16_t i = 0; i < 10; i++)
		ike_fragments_in(session_spi(5), (uint16_t)(2 + i), tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), up + 10);
}

/* ---- up: ports -------------------------------------------------------------------------- */

/** p is what follows the IP header. */
static void
to_port(uint16_t port, uint8_t proto, uint32_t src, uint32_t dst, uint64_t tsc)
{
	static const uint8_t group[RTE_ETHER_ADDR_LEN] = { 0x01, 0x00, 0x5e };

	packet_ip(&p, src, dst, proto);
	packet_ether(
		&p, rte_be_to_cpu_32(dst) >> 28 == 14 ? group : hub.mac[port], RTE_ETHER_TYPE_IPV4);
	hub_in_at(port, &p, tsc);
}

static void
ping_wan(uint32_t i, uint64_t tsc)
{
	packet_payload(&p, 40);
	packet_at(&p)[0] = 8; /* echo */
	to_port(hub.wan, IPPROTO_ICMP, rte_cpu_to_be_32(0x2d000000 + i), HUB_BE, tsc);
}

/** One of each that holds an adjacency on the lan. */
static unsigned
lan_routing(uint64_t tsc)
{
	static const uint8_t bgp[4] = { 0x80, 1, 0, 179 }, bfd[4] = { 0xc0, 1, 14, 200 },
			     rip[4] = { 2, 8, 2, 8 };
	static const struct {
		uint8_t proto;
		uint32_t dst;
		const uint8_t *ports;
	} row[] = {
		{ 89, IPV4(224, 0, 0, 5), NULL },         /* OSPF hello */
		{ 89, IPV4(10, 9, 0, 1), NULL },          /* its database */
		{ 88, IPV4(10, 9, 0, 1), NULL },          /* EIGRP */
		{ 103, IPV4(224, 0, 0, 13), NULL },       /* PIM */
		{ 103, IPV4(10, 9, 0, 1), NULL },         /* its registers */
		{ 112, IPV4(10, 9, 0, 1), NULL },         /* VRRP, unicast */
		{ IPPROTO_TCP, IPV4(10, 9, 0, 1), bgp },  /* BGP */
		{ IPPROTO_UDP, IPV4(10, 9, 0, 1), bfd },  /* BFD */
		{ IPPROTO_UDP, IPV4(224, 0, 0, 9), rip }, /* RIP: for its group */
	};

	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		packet_payload(&p, 24);
		if (row[i].ports != NULL)
			packet_set(&p, row[i].ports, 4);
		to_port(hub.lan, row[i].proto, LAN_BE, row[i].dst, tsc);
	}
	return RTE_DIM(row);
}

/** Pings to the wan address neither use up what adjacencies on the lan may nor delay them. */
static void
wan_pings_leave_lan_routing_alone(void)
{
	uint64_t tsc = moment(), up = hub_count(VERDICT_PUNT_LOCAL), passed;
	unsigned n;

	for (uint32_t i = 0; i < FLOOD; i++) {
		ping_wan(i, tsc);
		hub_poll();
	}
	passed = hub_count(VERDICT_PUNT_LOCAL) - up;
	CHECK(passed > 50 && passed < FLOOD / 2);
	packet_payload(&p, 40);
	to_port(hub.lan, IPPROTO_TCP, LAN_BE, IPV4(10, 9, 0, 1), tsc); /* SSH there */
	n = lan_routing(tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_LOCAL) - up, passed + 1 + n);

	tsc = moment();
	for (uint32_t i = 0; i < 100; i++)
		ping_wan(i, tsc);
	n = lan_routing(tsc);
	CHECK_EQ(rte_ring_count(hub.dp->up), n);
	CHECK_EQ(rte_ring_count(hub.dp->bulk), 100);
	hub_poll();
}

/** Nor does what the hosts of that network send. */
static void
lan_data_leaves_lan_routing_alone(void)
{
	uint64_t tsc = moment(), up, n;

	for (uint32_t i = 0; i < FLOOD; i++) {
		packet_payload(&p, 40);
		to_port(hub.lan, IPPROTO_UDP, LAN_BE,
			i % 2 == 0 ? IPV4(10, 9, 0, 1) : IPV4(224, 0, 0, 251), tsc);
		hub_poll();
	}
	up = hub_count(VERDICT_PUNT_LOCAL);
	n = lan_routing(tsc);
	CHECK_EQ(hub_count(VERDICT_PUNT_LOCAL) - up, n);
	hub_poll();
}

/** ARP on one side without end leaves that of the other alone. */
static void
arp_of_each_side_is_its_own(void)
{
	const uint16_t port[] = { hub.wan, hub.lan };

	for (int side = 0; side < 2; side++) {
		uint64_t tsc = moment(), up;

		for (int i = 0; i < FLOOD; i++) {
			packet_payload(&p, 28);
			packet_ether(&p, hub.mac[port[side]], RTE_ETHER_TYPE_ARP);
			hub_in_at(port[side], &p, tsc);
			hub_poll();
		}
		up = hub_count(VERDICT_PUNT_ARP);
		for (int other = 0; other < 2; other++) {
			packet_payload(&p, 28);
			packet_ether(&p, hub.mac[port[other]], RTE_ETHER_TYPE_ARP);
			hub_in_at(port[other], &p, tsc);
		}
		CHECK_EQ(hub_count(VERDICT_PUNT_ARP) - up, 1);
		hub_poll();
	}
}

/* ---- up: of several workers --------------------------------------------------------------- */

/**
 * How many of one reason and moment a worker lets through; of all addresses or of one. Two
 * addresses may share a level, by a key that is drawn anew each time: one refusal is not the end.
 */
static unsigned
let_up(struct worker *w, enum meter meter, bool one_address, uint64_t tsc)
{
	unsigned passed = 0;

	w->now_tsc = tsc;
	for (uint32_t i = 0; i < FLOOD; i++) {
		struct addr source =
			addr_from_v4(one_address ? LAN_BE : rte_cpu_to_be_32(0x2d000000 + i));

		passed += police(w, meter, 0, &source) == VERDICT_PASS;
	}
	return passed;
}

/** What one control core can take is not multiplied by the workers that feed it. */
static void
workers_divide_the_budgets(void)
{
	uint64_t tsc = moment();
	unsigned one = let_up(hub.w, METER_IKE_INIT, false, tsc);
	unsigned other = let_up(hub.other, METER_IKE_INIT, false, tsc);

	CHECK(one >= 400 && one <= 500);
	CHECK(other >= 400 && other <= 500);
}

/** However small the part of one of many, it is not nothing, and one sender has half of it. */
static void
many_workers_each_have_a_part(void)
{
	static struct worker w = { .workers_count = DP_WORKERS_MAX };
	uint64_t tsc = moment();

	w.tables = hub.w->tables;
	CHECK_EQ(police_init(&w, dp_cycles_per_second()), 0);
	for (enum meter m = 0; m < METER_COUNT; m++) {
		unsigned all = let_up(&w, m, false, tsc);

		CHECK(all >= 10 && all <= 50);
		CHECK(let_up(&w, m, false, tsc + dp_cycles_per_second() / 50) > 0);
	}
	CHECK(let_up(&w, METER_IKE, true, tsc + 10 * dp_cycles_per_second()) > 0);
	CHECK(let_up(&w, METER_IKE, false, tsc + 10 * dp_cycles_per_second()) > 10);
	rte_free(w.spoke_levels);
	rte_free(w.source_levels);
	rte_free(w.ike_levels);
	rte_free(w.frag_levels);
	rte_free(w.icmp_levels);
}

/* ---- up: order -------------------------------------------------------------------------- */

static unsigned first_of[DP_MSG_TYPES], handed;

static void
note(void *user, const struct dp_msg *msg)
{
	(void)user;
	handed++;
	if (first_of[msg->type] == 0)
		first_of[msg->type] = handed;
}

/** A control core that is behind takes IKE and NHRP first, and still some of the rest. */
static void
protocols_are_taken_first(void)
{
	uint64_t tsc = moment();

	for (int i = 0; i < 200; i++) {
		packet_payload(&p, 40);
		packet_ip(&p, spoke(TUNNEL, 0)->overlay_be, IPV4(10, 0, 3, 1), 253);
		hub_wrap(&p, spoke(TUNNEL, 0));
		hub_in_at(hub.wan, &p, tsc);
	}
	for (int i = 0; i < 20; i++) {
		packet_payload(&p, 80);
		hub_gre(&p, spoke(TRANSPORT, 1), 0x2001);
		hub_protect(&p, spoke(TRANSPORT, 1));
		hub_in_at(hub.wan, &p, tsc);
	}
	handed = 0;
	memset(first_of, 0, sizeof(first_of));
	CHECK_EQ(dp_poll(hub.dp, note, NULL, 16), 20);
	CHECK_EQ(first_of[DP_NHRP], 1);
	CHECK_EQ(first_of[DP_INNER], 17);
}

/* ---- down ------------------------------------------------------------------------------- */

static bool
is_ike(void)
{
	return packet_at(&p)[14 + 9] == IPPROTO_UDP &&
		memcmp(packet_at(&p) + 34, "\x01\xf4\x01\xf4", 4) == 0;
}

/**
 * The port takes half of what is to leave. Of data the other half is lost; IKE, NHRP and
 * hellos all leave, and before the data that came with them.
 */
static void
control_leaves_first_at_double_load(void)
{
	struct addr hub_addr = addr_from_v4(HUB_BE), remote = spoke(NATT, 0)->spec.remote;
	uint64_t lost = hub_count(VERDICT_DROP_TX_FULL);
	unsigned sent[3] = { 0 }, got[3] = { 0 }, data = 0;

	moment();
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 16; i++) {
			hub_ping(&p, spoke(CLEAR, 0), spoke(CLEAR, 1)->overlay_be, 100);
			hub_push(hub.wan, 0, &p);
		}
		if (round % 4 == 0) {
			packet_payload(&p, 60);
			sent[0] += dp_send_udp(hub.dp, &hub_addr, 500, &remote, 500, hub.uplink,
					   packet_at(&p), p.bytes) == 0;
			sent[1] += dp_send_gre(hub.dp, spoke(TRANSPORT, 0)->peer, 0x2001,
					   packet_at(&p), p.bytes) == 0;
			packet_ip(&p, IPV4(10, 0, 3, 1), IPV4(224, 0, 0, 5), 89)->type_of_service =
				0xc0;
			packet_ip_fix(&p);
			sent[2] += 2 * (dp_send_inner(hub.dp, TUNNEL, packet_at(&p), p.bytes) == 0);
		}
		worker_round(hub.w);
		hub_poll();
		for (int i = 0; i < 8 && hub_out(hub.wan, &p); i++) {
			uint8_t proto = packet_at(&p)[14 + 9];

			got[0] += is_ike();
			got[1] += proto == IPPROTO_ESP &&
				packet_at(&p)[15] == 0xc0; /* NHRP and hellos */
			data += proto == IPPROTO_GRE;
		}
	}
	while (hub_settle(), hub_out(hub.wan, &p)) {
		got[0] += is_ike();
		got[1] += packet_at(&p)[14 + 9] == IPPROTO_ESP;
	}
	CHECK_EQ(sent[0], 50);
	CHECK_EQ(got[0], sent[0]);
	CHECK_EQ(got[1], sent[1] + sent[2]);
	CHECK(hub_count(VERDICT_DROP_TX_FULL) - lost > 200 * 16 / 4); /* the load was too much */
	CHECK(data > 500);
}

/** Overtaking: on a port that is full, what was given last leaves first when it is control. */
static void
control_overtakes_data(void)
{
	struct addr hub_addr = addr_from_v4(HUB_BE), remote = spoke(NATT, 0)->spec.remote;

	moment();
	for (int i = 0; i < 30; i++) {
		hub_ping(&p, spoke(CLEAR, 0), spoke(CLEAR, 1)->overlay_be, 100);
		hub_push(hub.wan, 0, &p);
	}
	CHECK_EQ(dp_send_udp(hub.dp, &hub_addr, 500, &remote, 500, hub.uplink, "abc", 3), 0);
	worker_round(hub.w);
	CHECK(hub_out(hub.wan, &p));
	CHECK(is_ike());
	CHECK_EQ(hub_drain(), 30);
}

/** A port that takes nothing for a while: control waits, data does not. */
static void
control_waits_for_a_full_port(void)
{
	struct addr hub_addr = addr_from_v4(HUB_BE), remote = spoke(NATT, 0)->spec.remote;
	unsigned n = 0;

	moment();
	for (int i = 0; i < HUB_RING + 100; i++) {
		hub_ping(&p, spoke(CLEAR, 0), spoke(CLEAR, 1)->overlay_be, 100);
		hub_push(hub.wan, 0, &p);
		worker_round(hub.w);
	}
	for (int i = 0; i < 40; i++)
		CHECK_EQ(
			dp_send_udp(hub.dp, &hub_addr, 500, &remote, 500, hub.uplink, "abc", 3), 0);
	for (int i = 0; i < 10; i++)
		worker_round(hub.w);
	CHECK_EQ(hub_drain(), HUB_RING);
	worker_round(hub.w);
	while (hub_out(hub.wan, &p))
		n += is_ike();
	CHECK_EQ(n, 40);
	CHECK(hub_buffers_back());
}

/** The kernel floods its twin: IKE and NHRP still find room in the worker's ring. */
static void
kernels_flood_leaves_room_for_ike(void)
{
	struct addr hub_addr = addr_from_v4(HUB_BE), remote = spoke(NATT, 0)->spec.remote;
	int n = 0;

	moment();
	packet_payload(&p, 40);
	packet_ip(&p, IPV4(10, 0, 1, 1), spoke(CLEAR, 1)->overlay_be, 253);
	while (n < 100000 && dp_send_inner(hub.dp, CLEAR, packet_at(&p), p.bytes) == 0)
		n++;
	CHECK(n > 1000 && n < 100000);
	for (int i = 0; i < 500; i++)
		CHECK_EQ(
			dp_send_udp(hub.dp, &hub_addr, 500, &remote, 500, hub.uplink, "abc", 3), 0);
	for (int i = 0; i < 200; i++) {
		worker_round(hub.w);
		hub_drain();
	}
	hub_settle();
	hub_drain();
	CHECK(hub_buffers_back());
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(one_spokes_nhrp_does_not_starve_anothers);
	TEST(data_does_not_starve_routing);
	TEST(one_spokes_redirects_do_not_starve_anothers);
	TEST(one_hosts_errors_do_not_starve_anothers);
	TEST(strangers_ike_does_not_starve_others);
	TEST(made_up_spis_do_not_starve_sessions);
	TEST(beginners_do_not_starve_sessions);
	TEST(spi_through_its_life);
	TEST(what_proved_it_is_not_held_against_a_session);
	TEST(one_session_does_not_starve_others);
	TEST(spis_from_before_a_restart_are_strangers);
	TEST(sessions_in_ip_fragments_are_sessions);
	TEST(wan_pings_leave_lan_routing_alone);
	TEST(lan_data_leaves_lan_routing_alone);
	TEST(arp_of_each_side_is_its_own);
	TEST(workers_divide_the_budgets);
	TEST(many_workers_each_have_a_part);
	TEST(protocols_are_taken_first);
	TEST(control_leaves_first_at_double_load);
	TEST(control_overtakes_data);
	TEST(control_waits_for_a_full_port);
	TEST(kernels_flood_leaves_room_for_ike);
	hub_stop();
	return check_done();
}

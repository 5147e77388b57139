/* SPDX-License-Identifier: BSD-3-Clause */
/** Who may send what, who is told, who gets an ICMP error: gre.c, route.c and icmp.c. */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c)
{
	return &hub.spoke[c][0];
}

static void
from(enum hub_cloud c, uint32_t src, uint32_t dst)
{
	packet_payload(&p, 40);
	packet_ip(&p, src, dst, 253);
	hub_wrap(&p, spoke(c));
	hub_in(hub.wan, &p);
}

static bool
out_of(uint16_t port)
{
	return hub_out(port, &p);
}

/* ---- bindings of next hops ---------------------------------------------------------------- */

/** From the lan to a host of the network in question: to which spoke did it go, -1: to none? */
static int
leads_to(uint32_t dst)
{
	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, dst, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	if (!out_of(hub.wan))
		return -1;
	for (int i = 0; i < HUB_SPOKES; i++)
		if (((const struct rte_ipv4_hdr *)(packet_at(&p) + 14))->dst_addr ==
			hub.spoke[TRANSPORT][i].outer_be)
			return i;
	return -1;
}

/** A route made before its next hop registers, moves and leaves, and one moved to another hop. */
static void
routes_follow_their_next_hop(void)
{
	const struct hub_spoke *s = hub.spoke[TRANSPORT];
	const struct addr hop = addr_from_v4(IPV4(10, 0, 2, 77));
	const uint32_t host = IPV4(203, 0, 113, 200);
	struct prefix net = { .addr = addr_from_v4(host), .bits = 32 };
	struct dp_adj to = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = TRANSPORT, .next_hop = hop };
	uint32_t id;

	CHECK_EQ(dp_adj_new(hub.dp, &to, &id), 0);
	CHECK_EQ(dp_fib_set(hub.dp, 0, &net, id), 0);
	CHECK_EQ(leads_to(host), -1);
	for (int i = 1; i >= 0; i--) {
		CHECK_EQ(dp_nbma_set(hub.dp, TRANSPORT, &hop, s[i].peer), 0);
		CHECK_EQ(leads_to(host), i);
	}
	CHECK_EQ(dp_nbma_set(hub.dp, TUNNEL, &hop, hub.spoke[TUNNEL][1].peer), 0); /* not it */
	CHECK_EQ(leads_to(host), 0);
	CHECK_EQ(dp_nbma_del(hub.dp, TUNNEL, &hop), 0);
	to.next_hop = s[1].spec.overlay;
	CHECK_EQ(dp_adj_set(hub.dp, id, &to), 0);
	CHECK_EQ(leads_to(host), 1);
	CHECK_EQ(dp_nbma_del(hub.dp, TRANSPORT, &hop), 0); /* of the old hop: no matter */
	CHECK_EQ(leads_to(host), 1);
	to.next_hop = hop;
	CHECK_EQ(dp_adj_set(hub.dp, id, &to), 0);
	CHECK_EQ(leads_to(host), -1);
	CHECK_EQ(dp_nbma_set(hub.dp, TRANSPORT, &hop, s[0].peer), 0);
	CHECK_EQ(leads_to(host), 0);
	CHECK_EQ(dp_nbma_del(hub.dp, TRANSPORT, &hop), 0);
	CHECK_EQ(leads_to(host), -1);
	CHECK_EQ(dp_fib_del(hub.dp, 0, &net), 0);
	dp_adj_free(hub.dp, id);
	CHECK_EQ(dp_nbma_set(hub.dp, TRANSPORT, &hop, s[0].peer), 0); /* not written to any more */
	hub_settle();
	CHECK_EQ(dp_nbma_del(hub.dp, TRANSPORT, &hop), 0);
	hub_drain();
}

/* ---- anti-spoof ------------------------------------------------------------------------- */

static void
anti_spoof_by_mode(void)
{
	const struct hub_spoke *a = spoke(TRANSPORT), *b = &hub.spoke[TRANSPORT][1];
	const struct {
		uint32_t src;
		bool strict, loose, off;
	} rows[] = {
		{ a->overlay_be, true, true, true },
		{ a->net_be, true, true, true },      /* routed to it */
		{ b->overlay_be, false, true, true }, /* to another of the cloud */
		{ b->net_be, false, true, true },
		{ spoke(NATT)->net_be, false, false, true },   /* in another cloud */
		{ LAN_BE, false, false, true },                /* on our lan */
		{ IPV4(8, 8, 8, 8), false, false, true },      /* nowhere */
		{ IPV4(198, 51, 100, 1), false, false, true }, /* behind nobody */
		{ IPV4(10, 0, 2, 1), false, false, false },    /* ours */
		{ IPV4(127, 0, 0, 1), false, false, false },
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		const bool want[] = { rows[i].strict, rows[i].loose, rows[i].off };

		for (enum dp_spoof mode = DP_SPOOF_STRICT; mode <= DP_SPOOF_OFF; mode++) {
			hub.cloud[TRANSPORT].anti_spoof = mode;
			hub_cloud_set(TRANSPORT);
			from(TRANSPORT, rows[i].src, LAN_BE);
			CHECK_EQ(out_of(hub.lan), want[mode]);
			if (check_bad)
				printf("# row %u, mode %d\n", i, mode);
		}
	}
	hub.cloud[TRANSPORT].anti_spoof = DP_SPOOF_STRICT;
	hub_cloud_set(TRANSPORT);
}

/** What a spoke registered is its own even where a route says it is somewhere else. */
static void
registered_address_always_passes(void)
{
	struct hub_spoke *a = spoke(TRANSPORT);
	struct prefix host = { .addr = a->spec.overlay, .bits = 32 };
	struct addr lan = addr_from_v4(LAN_BE);

	CHECK_EQ(dp_fib_set(hub.dp, 0, &host, dp_fib_lookup(hub.dp, 0, &lan)), 0);
	from(TRANSPORT, a->overlay_be, LAN_BE);
	CHECK(out_of(hub.lan));
	CHECK_EQ(dp_fib_del(hub.dp, 0, &host), 0);
	hub_settle();
}

/** A spoke that has not registered has no source that is its own. */
static void
unregistered_spoke_may_send_nothing(void)
{
	struct hub_spoke *a = spoke(NATT);
	struct addr was = a->spec.overlay;

	a->spec.overlay = (struct addr){ 0 };
	hub_peer_set(a);
	CHECK_EQ(dp_nbma_del(hub.dp, NATT, &was), 0);
	from(NATT, a->overlay_be, LAN_BE);
	CHECK(!out_of(hub.lan));
	a->spec.overlay = was;
	hub_peer_set(a);
	CHECK_EQ(dp_nbma_set(hub.dp, NATT, &was, a->peer), 0);
	from(NATT, a->overlay_be, LAN_BE);
	CHECK(out_of(hub.lan));
}

/** As long as the older peer of the same spoke has the registrations, the newer one may use them.
 */
static void
twin_has_the_same_sources(void)
{
	struct hub_spoke *a = spoke(TRANSPORT), *b = &hub.spoke[TRANSPORT][1];

	from(TRANSPORT, b->overlay_be, LAN_BE);
	CHECK(!out_of(hub.lan));
	a->spec.twin = b->peer;
	hub_peer_set(a);
	from(TRANSPORT, b->overlay_be, LAN_BE);
	CHECK(out_of(hub.lan));
	from(TRANSPORT, b->net_be, LAN_BE);
	CHECK(out_of(hub.lan));
	from(TRANSPORT, IPV4(8, 8, 8, 8), LAN_BE);
	CHECK(!out_of(hub.lan));
	a->spec.twin = 0;
	hub_peer_set(a);
	from(TRANSPORT, b->net_be, LAN_BE);
	CHECK(!out_of(hub.lan));
}

/* ---- redirect ----------------------------------------------------------------------------- */

static unsigned
redirects(enum hub_cloud c, uint32_t dst)
{
	hub_forget();
	from(c, spoke(c)->overlay_be, dst);
	hub_drain();
	return hub.told[DP_REDIRECT];
}

static void
redirect_when_a_shortcut_would_help(void)
{
	struct hub_spoke *b = &hub.spoke[TRANSPORT][1];

	CHECK_EQ(redirects(TRANSPORT, b->overlay_be), 1);
	CHECK_EQ(hub.last[DP_REDIRECT].cloud, TRANSPORT);
	CHECK_EQ(hub.last[DP_REDIRECT].cloud_out, TRANSPORT);
	CHECK_EQ(hub.last[DP_REDIRECT].cookie, spoke(TRANSPORT)->spec.cookie);
	CHECK_EQ(hub.last[DP_REDIRECT].bytes, 60);
	CHECK_EQ(redirects(TRANSPORT, b->net_be), 1);
	CHECK_EQ(redirects(TRANSPORT, spoke(NATT)->overlay_be), 1); /* same NHRP network */
	CHECK_EQ(hub.last[DP_REDIRECT].cloud_out, NATT);
	CHECK_EQ(redirects(TRANSPORT, spoke(TRANSPORT)->net_be), 0); /* back to itself */
	CHECK_EQ(redirects(TRANSPORT, LAN_BE), 0);

	hub.cloud[NATT].network_id = 2;
	hub_cloud_set(NATT);
	CHECK_EQ(redirects(TRANSPORT, spoke(NATT)->overlay_be), 0);
	hub.cloud[NATT].network_id = 1;
	hub_cloud_set(NATT);

	spoke(TRANSPORT)->spec.redirect_group = b->spec.redirect_group = 5;
	hub_peer_set(spoke(TRANSPORT));
	hub_peer_set(b);
	CHECK_EQ(redirects(TRANSPORT, b->overlay_be), 0);
	b->spec.redirect_group = 6;
	hub_peer_set(b);
	CHECK_EQ(redirects(TRANSPORT, b->overlay_be), 1);
	spoke(TRANSPORT)->spec.redirect_group = b->spec.redirect_group = 0;
	hub_peer_set(spoke(TRANSPORT));
	hub_peer_set(b);

	hub.cloud[TRANSPORT].redirect = false;
	hub_cloud_set(TRANSPORT);
	CHECK_EQ(redirects(TRANSPORT, b->overlay_be), 0);
	hub.cloud[TRANSPORT].redirect = true;
	hub_cloud_set(TRANSPORT);
}

/** The meter holds the notice back, never the packet. */
static void
redirect_is_metered(void)
{
	hub_forget();
	hub.w->budget[METER_REDIRECT].full_at = UINT64_MAX / 2;
	from(TRANSPORT, spoke(TRANSPORT)->overlay_be, hub.spoke[TRANSPORT][1].overlay_be);
	CHECK(out_of(hub.wan));
	CHECK_EQ(hub.told[DP_REDIRECT], 0);
	hub_forget();
}

/* ---- ICMP errors ---------------------------------------------------------------------------- */

struct icmp {
	uint8_t type, code;
	uint16_t sum, unused, mtu_be;
};

/** p: the error a spoke got, from its cloud's address; whole and right. */
static bool
error_is(enum hub_cloud c, uint8_t type, uint8_t code, uint16_t mtu)
{
	struct rte_ipv4_hdr *ip;
	struct icmp icmp;

	if (!out_of(hub.wan) || !hub_unwrap(&p, spoke(c), 0))
		return false;
	ip = (struct rte_ipv4_hdr *)packet_at(&p);
	CHECK_EQ(ip->next_proto_id, IPPROTO_ICMP);
	CHECK_EQ(ip->src_addr, addr_v4(&hub.cloud[c].address));
	CHECK_EQ(ip->dst_addr, spoke(c)->overlay_be);
	CHECK_EQ(rte_ipv4_cksum(ip), 0);
	packet_pull(&p, 20);
	CHECK_EQ(rte_raw_cksum(packet_at(&p), p.bytes), 0xffff);
	memcpy(&icmp, packet_at(&p), sizeof(icmp));
	CHECK_EQ(rte_be_to_cpu_16(icmp.mtu_be), mtu);
	packet_pull(&p, 8); /* then the packet it is about */
	CHECK_EQ(packet_at(&p)[0], 0x45);
	return icmp.type == type && icmp.code == code;
}

static void
errors_are_whole(void)
{
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 1000);
	packet_ip(&p, spoke(TUNNEL)->overlay_be, LAN_BE, 253)->time_to_live = 1;
	packet_ip_fix(&p);
	hub_wrap(&p, spoke(TUNNEL));
	hub_in(hub.wan, &p);
	CHECK(error_is(TUNNEL, 11, 0, 0));
	CHECK_EQ(p.bytes, 548); /* 576 in all, as RFC 1812 4.3.2.3 wants */

	from(TUNNEL, spoke(TUNNEL)->overlay_be, IPV4(8, 8, 8, 8));
	CHECK(error_is(TUNNEL, 3, 0, 0));
	from(TUNNEL, spoke(TUNNEL)->overlay_be, IPV4(10, 0, 3, 99));
	CHECK(error_is(TUNNEL, 3, 1, 0));

	packet_payload(&p, 1390);
	ip = packet_ip(&p, spoke(TUNNEL)->overlay_be, hub.spoke[NATT][1].overlay_be, 253);
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	packet_ip_fix(&p);
	hub_wrap(&p, spoke(TUNNEL));
	hub_in(hub.wan, &p);
	CHECK(error_is(TUNNEL, 3, 4, 1400));
}

/** Behind a path of 1280 octets: who sends to it is told that number, by every way there. */
static void
too_big_names_the_peers_mtu(void)
{
	struct hub_spoke *narrow = &hub.spoke[NATT][1];
	/* Without IPv4, UDP, ESP with IV and ICV, trailer in blocks of four, GRE with key. */
	const uint16_t fits = ((1280 - 20 - 8 - 8 - 8 - 16) & ~3) - 2 - 8;

	narrow->spec.path_mtu = 1280;
	hub_peer_set(narrow);
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++)
		for (int over = 0; over < 2; over++) {
			packet_payload(&p, (uint16_t)(fits - 20 + over));
			packet_ip(&p, spoke(c)->overlay_be, narrow->overlay_be, 253)
				->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
			packet_ip_fix(&p);
			hub_wrap(&p, spoke(c));
			hub_in(hub.wan, &p);
			if (over) {
				CHECK(error_is(c, 3, 4, fits));
				continue;
			}
			CHECK(out_of(hub.wan));
			CHECK(p.bytes <= 14 + 1280 && p.bytes > 14 + 1280 - 4); /* cipher blocks */
			CHECK(hub_unwrap(&p, narrow, 0));
		}
	narrow->spec.path_mtu = 0;
	hub_peer_set(narrow);
}

/** RFC 1812, 4.3.2.7: about these there is silence. */
static void
errors_that_are_not_sent(void)
{
	static const struct {
		uint8_t proto, icmp;
		uint16_t off;
		bool answered;
	} rows[] = {
		{ 253, 0, 0, true },
		{ 253, 0, 10, false },                  /* not the first fragment */
		{ 253, 0, RTE_IPV4_HDR_MF_FLAG, true }, /* the first is */
		{ IPPROTO_ICMP, 8, 0, true },           /* echo */
		{ IPPROTO_ICMP, 0, 0, true },
		{ IPPROTO_ICMP, 3, 0, false },
		{ IPPROTO_ICMP, 4, 0, false },
		{ IPPROTO_ICMP, 5, 0, false },
		{ IPPROTO_ICMP, 11, 0, false },
		{ IPPROTO_ICMP, 12, 0, false },
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct rte_ipv4_hdr *ip;

		packet_payload(&p, 40);
		packet_at(&p)[0] = rows[i].icmp;
		ip = packet_ip(&p, spoke(TRANSPORT)->overlay_be, IPV4(8, 8, 8, 8), rows[i].proto);
		ip->fragment_offset = rte_cpu_to_be_16(rows[i].off);
		packet_ip_fix(&p);
		hub_wrap(&p, spoke(TRANSPORT));
		hub_in(hub.wan, &p);
		CHECK_EQ(out_of(hub.wan), rows[i].answered);
		if (check_bad)
			printf("# row %u\n", i);
	}
}

static void
errors_are_metered(void)
{
	uint64_t held = hub.w->c->icmp_held;

	hub.w->budget[METER_ICMP].full_at = UINT64_MAX / 2;
	from(TRANSPORT, spoke(TRANSPORT)->overlay_be, IPV4(8, 8, 8, 8));
	CHECK(!out_of(hub.wan));
	CHECK_EQ(hub.w->c->icmp_held, held + 1);
	hub_forget();
}

/** A host on the lan hears from our address there; our own sockets through the twin. */
static void
errors_to_lan_and_kernel(void)
{
	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, IPV4(8, 8, 8, 8), 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	CHECK(out_of(hub.lan));
	packet_pull(&p, 14);
	CHECK_EQ(((struct rte_ipv4_hdr *)packet_at(&p))->src_addr, HUB_LAN_BE);
	CHECK_EQ(((struct rte_ipv4_hdr *)packet_at(&p))->dst_addr, LAN_BE);

	hub_forget();
	packet_payload(&p, 1390);
	packet_ip(&p, IPV4(10, 0, 2, 1), spoke(TRANSPORT)->overlay_be, 6)->fragment_offset =
		RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	packet_ip_fix(&p);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK_EQ(hub.told[DP_INNER], 1);
	CHECK_EQ(hub.last[DP_INNER].cloud, TRANSPORT);
	CHECK_EQ(hub.last_data[DP_INNER][20], 3);
	CHECK_EQ(hub.last_data[DP_INNER][21], 4);
	CHECK_MEM(hub.last_data[DP_INNER] + 12, &spoke(TRANSPORT)->overlay_be, 4); /* not our own */
}

/* ---- kernel, multicast, keepalive ---------------------------------------------------------- */

static void
kernels_ttl_stays(void)
{
	packet_payload(&p, 40);
	packet_ip(&p, IPV4(10, 0, 2, 1), spoke(TRANSPORT)->overlay_be, 253)->time_to_live = 1;
	packet_ip_fix(&p);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK(out_of(hub.wan));
	CHECK(hub_unwrap(&p, spoke(TRANSPORT), 0));
	CHECK_EQ(((struct rte_ipv4_hdr *)packet_at(&p))->time_to_live, 1);
}

/** A keepalive: GRE around an IP packet back to its sender, GRE of protocol 0 in it. */
static void
keepalive(struct hub_spoke *s, uint32_t back_to, int64_t key)
{
	packet_payload(&p, 0);
	packet_gre(&p, key, 0);
	packet_ip(&p, HUB_BE, back_to, IPPROTO_GRE)->time_to_live = 255;
	packet_ip_fix(&p);
	hub_wrap(&p, s);
	hub_in(hub.wan, &p);
}

static void
keepalive_is_reflected_in_clear_clouds_only(void)
{
	struct rte_ipv4_hdr *ip;

	for (int64_t key = -1; key < 2; key += 2) { /* without, and with the cloud's */
		keepalive(spoke(CLEAR), spoke(CLEAR)->outer_be, key);
		CHECK(out_of(hub.wan));
		packet_pull(&p, 14);
		ip = (struct rte_ipv4_hdr *)packet_at(&p);
		CHECK_EQ(p.bytes, key < 0 ? 24 : 28);
		CHECK_EQ(ip->dst_addr, spoke(CLEAR)->outer_be);
		CHECK_EQ(ip->time_to_live, 255);
		CHECK_EQ(rte_ipv4_cksum(ip), 0);
	}
	keepalive(spoke(CLEAR), IPV4(192, 0, 2, 66), -1); /* to a third: we are no reflector */
	CHECK(!out_of(hub.wan));
	keepalive(spoke(TRANSPORT), spoke(TRANSPORT)->outer_be, -1);
	CHECK(!out_of(hub.wan));
	hub_forget();
}

/** Clouds on one address are told apart by key: NHRP of each comes up as its own. */
static void
nhrp_names_its_cloud_and_spoke(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		hub_forget();
		packet_payload(&p, 80);
		hub_gre(&p, spoke(c), 0x2001);
		hub_protect(&p, spoke(c));
		hub_in(hub.wan, &p);
		CHECK_EQ(hub.told[DP_NHRP], 1);
		CHECK_EQ(hub.last[DP_NHRP].cloud, c);
		CHECK_EQ(hub.last[DP_NHRP].peer, spoke(c)->peer);
		CHECK_EQ(hub.last[DP_NHRP].cookie, spoke(c)->spec.cookie);
		CHECK_EQ(hub.last[DP_NHRP].bytes, 80);
		CHECK_EQ(hub.last[DP_NHRP].natt, c == NATT);
		CHECK_EQ(hub.last[DP_NHRP].remote_port, spoke(c)->udp);
		CHECK_EQ(addr_v4(&hub.last[DP_NHRP].remote), spoke(c)->outer_be);
	}
}

static void
peer_counters_count_what_passed(void)
{
	struct dp_peer_stats a, b, was_a, was_b;
	struct hub_spoke *from_ = spoke(TUNNEL), *to = &hub.spoke[TUNNEL][1];

	dp_peer_stats(hub.dp, from_->peer, &was_a);
	dp_peer_stats(hub.dp, to->peer, &was_b);
	from(TUNNEL, from_->overlay_be, to->overlay_be);
	hub_sa_out(to)->seq = UINT32_MAX;
	from(TUNNEL, from_->overlay_be, to->overlay_be); /* arrives, does not leave */
	dp_peer_stats(hub.dp, from_->peer, &a);
	dp_peer_stats(hub.dp, to->peer, &b);
	CHECK_EQ(a.rx_packets - was_a.rx_packets, 2);
	CHECK_EQ(a.rx_bytes - was_a.rx_bytes, 120);
	CHECK_EQ(b.tx_packets - was_b.tx_packets, 1);
	CHECK_EQ(b.tx_bytes - was_b.tx_bytes, 60);
	hub_forget();
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(anti_spoof_by_mode);
	TEST(registered_address_always_passes);
	TEST(unregistered_spoke_may_send_nothing);
	TEST(twin_has_the_same_sources);
	TEST(redirect_when_a_shortcut_would_help);
	TEST(redirect_is_metered);
	TEST(errors_are_whole);
	TEST(too_big_names_the_peers_mtu);
	TEST(errors_that_are_not_sent);
	TEST(errors_are_metered);
	TEST(routes_follow_their_next_hop);
	TEST(errors_to_lan_and_kernel);
	TEST(kernels_ttl_stays);
	TEST(keepalive_is_reflected_in_clear_clouds_only);
	TEST(nhrp_names_its_cloud_and_spoke);
	TEST(peer_counters_count_what_passed);
	hub_stop();
	return check_done();
}

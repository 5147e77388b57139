/* SPDX-License-Identifier: BSD-3-Clause */
/** Fragments, the MSS clamp, TOS and ECN: what changes in a packet on its way through. */
#include <errno.h>
#include <netinet/in.h>

#include <rte_tcp.h>

#include "crypto/selftest.h"
#include "dataplane/ip.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c)
{
	return &hub.spoke[c][0];
}

static struct rte_ipv4_hdr *
ip_of(struct packet *q)
{
	return (struct rte_ipv4_hdr *)packet_at(q);
}

/** p (at IP) from the lan port. */
static void
from_lan(void)
{
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
}

/* ---- fragments -------------------------------------------------------------------------- */

static void
fragments_make_the_packet(void)
{
	static uint8_t got[2000];

	for (uint16_t n = 1375; n < 1480; n += 7) {
		uint16_t bytes = 0;
		unsigned pieces;

		packet_payload(&p, n);
		packet_ip(&p, LAN_BE, spoke(TRANSPORT)->overlay_be, 253);
		from_lan();
		pieces = hub_gather(spoke(TRANSPORT), 1464, got, &bytes, 0, false);
		CHECK_EQ(pieces, n + 20 > 1400 ? 2 : 1);
		CHECK_EQ(bytes, n);
		for (uint16_t i = 0; i < n && !check_bad; i++)
			CHECK_EQ(got[i], (uint8_t)i);
	}
}

/** A fragment of a fragment: offsets go on, "more" stays where it was. */
static void
fragments_of_a_fragment(void)
{
	static uint8_t got[2000];
	uint16_t bytes = 0;

	packet_payload(&p, 1440);
	packet_ip(&p, LAN_BE, spoke(TRANSPORT)->overlay_be, 253)->fragment_offset =
		rte_cpu_to_be_16(100 | RTE_IPV4_HDR_MF_FLAG);
	packet_ip_fix(&p);
	from_lan();
	CHECK_EQ(hub_gather(spoke(TRANSPORT), 1464, got, &bytes, 800, true), 2);
	CHECK_EQ(bytes, 1440);
}

/** RFC 791: only options with the copy bit go into every fragment. */
static void
options_in_fragments(void)
{
	static const uint8_t options[12] = { 7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 0 };
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 1400);
	memcpy(packet_push(&p, sizeof(options)), options, sizeof(options));
	ip = packet_ip(&p, LAN_BE, spoke(TRANSPORT)->overlay_be, 253);
	ip->version_ihl = 0x48;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, 32);
	from_lan();
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, spoke(TRANSPORT), 0));
	CHECK_MEM(packet_at(&p) + 20, options, sizeof(options));
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, spoke(TRANSPORT), 0));
	CHECK_MEM(packet_at(&p) + 20, "\1\1\1\1\1\1\1\x94\4\0\0", 11);
	CHECK_EQ(rte_raw_cksum(packet_at(&p), 32), 0xffff);
}

/** What the kernel sends through a TUN of a larger MTU fits no ordinary buffer. */
static void
kernel_sends_more_than_buffers_hold(void)
{
	static uint8_t got[9600];
	uint16_t bytes = 0;

	CHECK(rte_pktmbuf_data_room_size(hub.dp->pool) < 9600);
	hub.cloud[TRANSPORT].mtu = 9600;
	hub_cloud_set(TRANSPORT);
	packet_payload(&p, 9580);
	packet_ip(&p, IPV4(10, 0, 2, 1), spoke(TRANSPORT)->overlay_be, 253);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK_EQ(hub_gather(spoke(TRANSPORT), 1500, got, &bytes, 0, false), 7);
	CHECK_EQ(bytes, 9580);
	for (int i = 0; i < HUB_SPOKES; i++) /* a group: one after the other to each spoke */
		hub.spoke[TRANSPORT][i].spec.multicast = i == 1;
	for (int i = 0; i < HUB_SPOKES; i++)
		hub_peer_set(&hub.spoke[TRANSPORT][i]);
	packet_payload(&p, 9580);
	packet_ip(&p, IPV4(10, 0, 2, 1), IPV4(224, 0, 0, 5), 89);
	CHECK_EQ(dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK_EQ(hub_gather(&hub.spoke[TRANSPORT][1], 1500, got, &bytes, 0, false), 7);
	CHECK_EQ(bytes, 9580);
	for (uint16_t i = 0; i < bytes && !check_bad; i++)
		CHECK_EQ(got[i], (uint8_t)i);
	hub.spoke[TRANSPORT][0].spec.multicast = true;
	hub_peer_set(spoke(TRANSPORT));
	hub.cloud[TRANSPORT].mtu = 1400;
	hub_cloud_set(TRANSPORT);
	packet_payload(&p, 11990);
	CHECK_EQ(dp_send_frame(hub.dp, hub.lan, p.buf, sizeof(p.buf)), -ENOBUFS);
	CHECK(hub_buffers_back());
}

static void
peers_own_path_counts(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);
	static uint8_t got[2000];
	uint16_t bytes = 0;

	s->spec.path_mtu = 660;
	hub_peer_set(s);
	packet_payload(&p, 1300);
	packet_ip(&p, LAN_BE, s->overlay_be, 253);
	from_lan();
	CHECK_EQ(hub_gather(s, 660, got, &bytes, 0, false), 3);
	CHECK_EQ(bytes, 1300);
	s->spec.path_mtu = 0;
	hub_peer_set(s);
}

/** A peer's MTU is that of today's uplink and cloud, not of the day it came. */
static void
mtu_follows_uplink_and_cloud(void)
{
	struct hub_spoke *s = spoke(TRANSPORT), *other = spoke(TUNNEL);
	struct dp_adj up = {
		.kind = DP_ADJ_KIND_ETH, .port = hub.wan, .mac = { 2, 0, 0, 0, 0, 9 }
	};
	uint16_t other_mtu = peer_get(&hub.dp->t, other->peer)->mtu, mtu;

	hub.dp->ports[hub.wan].mtu = 1300;
	CHECK_EQ(dp_adj_set(hub.dp, hub.uplink, &up), 0);
	mtu = peer_get(&hub.dp->t, s->peer)->mtu;
	CHECK(mtu > 1200 && mtu < 1300 - 20 - 8 - 8 - 16 - 8);
	packet_payload(&p, (uint16_t)(mtu - 20));
	packet_ip(&p, LAN_BE, s->overlay_be, 253);
	from_lan();
	CHECK(hub_out(hub.wan, &p));
	CHECK(p.bytes <= 1300 + 14 && p.bytes > 1300 + 14 - 4);
	hub.dp->ports[hub.wan].mtu = 1500;
	CHECK_EQ(dp_adj_set(hub.dp, hub.uplink, &up), 0);
	CHECK_EQ(peer_get(&hub.dp->t, s->peer)->mtu, 1400);

	hub.cloud[TRANSPORT].mtu = 1000;
	hub_cloud_set(TRANSPORT);
	CHECK_EQ(peer_get(&hub.dp->t, s->peer)->mtu, 1000);
	CHECK_EQ(peer_get(&hub.dp->t, other->peer)->mtu, other_mtu);
	hub.cloud[TRANSPORT].mtu = 1400;
	hub_cloud_set(TRANSPORT);
	CHECK_EQ(peer_get(&hub.dp->t, s->peer)->mtu, 1400);

	/* What is in flight to its spokes was made for one of the two. */
	hub.cloud[TRANSPORT].protected_ = false;
	CHECK_EQ(dp_cloud_set(hub.dp, TRANSPORT, &hub.cloud[TRANSPORT]), -EBUSY);
	hub.cloud[TRANSPORT].protected_ = true;
	CHECK(cloud_get(&hub.dp->t, TRANSPORT)->conf.protected_);
}

/** What leaves a lan port must fit that, too. */
static void
lan_mtu_counts(void)
{
	struct dp_adj lan = {
		.kind = DP_ADJ_KIND_ETH, .port = hub.lan, .mac = { 2, 0, 0, 0, 0, 8 }
	};
	struct addr dst = addr_from_v4(LAN_BE);
	uint32_t id = dp_fib_lookup(hub.dp, 0, &dst);
	const struct rte_ipv4_hdr *ip;

	hub.dp->ports[hub.lan].mtu = 700;
	CHECK_EQ(dp_adj_set(hub.dp, id, &lan), 0);
	for (int df = 0; df < 2; df++) {
		packet_payload(&p, 1000);
		packet_ip(&p, spoke(TRANSPORT)->overlay_be, LAN_BE, 253)->fragment_offset =
			df ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
		packet_ip_fix(&p);
		hub_wrap(&p, spoke(TRANSPORT));
		hub_in(hub.wan, &p);
		CHECK_EQ(hub_out(hub.lan, &p), df == 0);
		CHECK_EQ(hub_out(hub.lan, &p), df == 0);
		if (df == 0)
			continue;
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, spoke(TRANSPORT), 0));
		ip = ip_of(&p);
		CHECK_EQ(ip->next_proto_id, IPPROTO_ICMP);
		CHECK_EQ(packet_at(&p)[20 + 6] << 8 | packet_at(&p)[20 + 7], 700);
	}
	hub.dp->ports[hub.lan].mtu = 1500;
	CHECK_EQ(dp_adj_set(hub.dp, id, &lan), 0);
}

/* ---- MSS --------------------------------------------------------------------------------- */

static uint16_t
mss_of(struct packet *q, uint8_t nops)
{
	const uint8_t *at = packet_at(q) + 20 + 20 + nops + 2;

	return (uint16_t)(at[0] << 8 | at[1]);
}

/** At any place in the options, odd ones too, the checksum stays right. */
static void
mss_is_clamped_both_ways(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);

	for (uint8_t nops = 0; nops < 4; nops++) {
		packet_syn(&p, LAN_BE, s->overlay_be, 1460, nops);
		from_lan();
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
		CHECK_EQ(mss_of(&p, nops), 1360);
		CHECK(packet_tcp_good(&p));

		packet_syn(&p, s->overlay_be, LAN_BE, 8960, nops);
		hub_wrap(&p, s);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.lan, &p));
		packet_pull(&p, 14);
		CHECK_EQ(mss_of(&p, nops), 1360);
		CHECK(packet_tcp_good(&p));
	}
}

static void
mss_follows_the_smaller_peer(void)
{
	struct hub_spoke *a = spoke(TRANSPORT), *b = &hub.spoke[TRANSPORT][1];

	a->spec.path_mtu = 1060; /* the SYN's sender: what comes back to it must fit */
	hub_peer_set(a);
	packet_syn(&p, a->overlay_be, b->overlay_be, 1460, 0);
	hub_wrap(&p, a);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, b, 0));
	CHECK_EQ(mss_of(&p, 0), 958);
	CHECK(packet_tcp_good(&p));
	a->spec.path_mtu = 0;
	hub_peer_set(a);
}

/** What must come out as it went in but for TTL and header checksum. */
static void
mss_is_left_alone(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);
	static struct packet sent;
	uint8_t *tcp;

	for (int row = 0; row < 7; row++) {
		packet_syn(&p, LAN_BE, s->overlay_be, row == 0 ? 536 : 1460, 0);
		tcp = packet_at(&p) + 20;
		if (row == 1)
			tcp[13] = RTE_TCP_ACK_FLAG; /* no SYN */
		if (row == 2)
			ip_of(&p)->fragment_offset = RTE_BE16(20);
		if (row == 3)
			tcp[12] = 0xf0; /* header longer than the packet */
		if (row == 4)
			tcp[21] = 1; /* option of an impossible length */
		if (row == 5)
			tcp[21] = 3; /* MSS of another length */
		if (row == 6)
			ip_of(&p)->next_proto_id = IPPROTO_UDP;
		packet_ip_fix(&p);
		sent = p;
		from_lan();
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
		CHECK_EQ(p.bytes, sent.bytes);
		CHECK_MEM(packet_at(&p) + 20, packet_at(&sent) + 20, p.bytes - 20u);
	}
	hub.cloud[TRANSPORT].tcp_mss_v4 = 0;
	hub_cloud_set(TRANSPORT);
	packet_syn(&p, LAN_BE, s->overlay_be, 1460, 0);
	from_lan();
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
	CHECK_EQ(mss_of(&p, 0), 1460);
	hub.cloud[TRANSPORT].tcp_mss_v4 = 1360;
	hub_cloud_set(TRANSPORT);
}

/* ---- TOS, ECN, checksums --------------------------------------------------------------------- */

/** RFC 6040, figure 4: rows inner, columns outer, each NOT_ECT, ECT0, ECT1, CE. */
static void
ecn_off_is_the_rfcs_table(void)
{
	static const uint8_t code[] = { ECN_NOT_ECT, ECN_ECT0, ECN_ECT1, ECN_CE };
	static const int want[4][4] = {
		{ ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, -1 },
		{ ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE },
		{ ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE },
		{ ECN_CE, ECN_CE, ECN_CE, ECN_CE },
	};

	for (int in = 0; in < 4; in++)
		for (int out = 0; out < 4; out++) {
			int w = want[in][out];

			CHECK_EQ(ecn_merge(code[out] | 0x20, code[in] | 0xb8),
				w < 0 ? -1 : (w | 0xb8)); /* the inner DSCP stays */
		}
}

/** DSCP and ECN go to every header outside; figure 4 holds through the pipeline too. */
static void
tos_through_the_pipeline(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *a = spoke(c), *b = &hub.spoke[c][1];

		if (c == TUNNEL)
			continue; /* one header more: stage_esp.c */
		packet_payload(&p, 40);
		packet_ip(&p, a->overlay_be, b->overlay_be, 253)->type_of_service = 0xb8 | ECN_ECT0;
		packet_ip_fix(&p);
		hub_wrap(&p, a);
		packet_at(&p)[15] = 0x28 | ECN_CE; /* the path was congested */
		packet_pull(&p, 14);
		packet_ip_fix(&p);
		packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.wan, &p));
		CHECK_EQ(packet_at(&p)[15], 0xb8 | ECN_CE);
		CHECK(hub_unwrap(&p, b, 0));
		CHECK_EQ(ip_of(&p)->type_of_service, 0xb8 | ECN_CE);
		CHECK_EQ(rte_ipv4_cksum(ip_of(&p)), 0);
	}
}

/** Tunnel mode has two headers outside: DSCP and ECN are in both. */
static void
tos_in_tunnel_mode(void)
{
	struct hub_spoke *s = spoke(TUNNEL);
	const struct rte_ipv4_hdr *middle;

	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, s->overlay_be, 253)->type_of_service = 0x88 | ECN_ECT1;
	packet_ip_fix(&p);
	from_lan();
	CHECK(hub_out(hub.wan, &p));
	CHECK_EQ(packet_at(&p)[15], 0x88 | ECN_ECT1);
	packet_pull(&p, 34);
	CHECK_EQ(packet_open(&p, &s->in, 0), IPPROTO_IPIP);
	middle = ip_of(&p);
	CHECK_EQ(middle->type_of_service, 0x88 | ECN_ECT1);
	CHECK_EQ(middle->time_to_live, 64);
}

/**
 * Outer headers have a TTL of their own, an identification that moves on, and no DF unless
 * the cloud says so.
 */
static void
outer_header_of_its_own(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		uint16_t id = 0;

		for (int i = 0; i < 2; i++) {
			struct rte_ipv4_hdr *ip;

			packet_payload(&p, 40);
			ip = packet_ip(&p, LAN_BE, spoke(c)->overlay_be, 253);
			ip->time_to_live = 3;
			ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
			packet_ip_fix(&p);
			from_lan();
			CHECK(hub_out(hub.wan, &p));
			ip = (struct rte_ipv4_hdr *)(packet_at(&p) + 14);
			CHECK_EQ(ip->time_to_live, 64);
			CHECK_EQ(ip->fragment_offset, 0);
			CHECK(i == 0 || rte_be_to_cpu_16(ip->packet_id) == (uint16_t)(id + 1));
			id = rte_be_to_cpu_16(ip->packet_id);
			CHECK(hub_unwrap(&p, spoke(c), 0));
			CHECK_EQ(ip_of(&p)->time_to_live, 2);
			CHECK_EQ(ip_of(&p)->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
		}
	}
}

static const enum dp_df df_rules[] = { DP_DF_CLEAR, DP_DF_COPY, DP_DF_SET };

static void
df_rule(enum hub_cloud c, enum dp_df df)
{
	hub.cloud[c].df = df;
	hub_cloud_set(c);
}

/** Flags of the outer header of the frame in p, whose checksum must be right. */
static uint16_t
outer_flags(void)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(packet_at(&p) + 14);

	CHECK_EQ(rte_ipv4_cksum(ip), 0);
	return rte_be_to_cpu_16(ip->fragment_offset);
}

/** Outer DF by the cloud's rule and the inner DF, in every kind of tunnel. */
static void
outer_df_is_the_clouds(void)
{
	static const uint16_t want[3][2] = {
		[DP_DF_CLEAR] = { 0, 0 },
		[DP_DF_COPY] = { 0, RTE_IPV4_HDR_DF_FLAG },
		[DP_DF_SET] = { RTE_IPV4_HDR_DF_FLAG, RTE_IPV4_HDR_DF_FLAG },
	};

	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		for (unsigned row = 0; row < 6; row++) {
			enum dp_df rule = df_rules[row / 2];
			bool df = row & 1;

			df_rule(c, rule);
			packet_payload(&p, 40);
			packet_ip(&p, LAN_BE, spoke(c)->overlay_be, 253)->fragment_offset =
				df ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
			packet_ip_fix(&p);
			from_lan();
			CHECK(hub_out(hub.wan, &p));
			CHECK_EQ(outer_flags(), want[rule][df]);
			CHECK(hub_unwrap(&p, spoke(c), 0));
			CHECK_EQ(ip_of(&p)->fragment_offset,
				df ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0);
		}
		df_rule(c, DP_DF_CLEAR);
	}
}

/** What NHRP sends has no DF of its own to copy: whatever its octets look like. */
static void
outer_df_of_control_packets(void)
{
	static uint8_t ones[60];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 3; i++) {
		df_rule(TRANSPORT, df_rules[i]);
		CHECK_EQ(
			dp_send_gre(hub.dp, spoke(TRANSPORT)->peer, 0x2001, ones, sizeof(ones)), 0);
		hub_settle();
		CHECK(hub_out(hub.wan, &p));
		CHECK_EQ(outer_flags(), df_rules[i] == DP_DF_SET ? RTE_IPV4_HDR_DF_FLAG : 0);
	}
	df_rule(TRANSPORT, DP_DF_CLEAR);
}

/**
 * Whatever goes outside, the inner DF decides about what is too big for the peer: with it
 * an ICMP error that names the peer's MTU, without it fragments, each with the outer DF of
 * the rule (fragments have no inner DF to copy).
 */
static void
too_big_by_the_inner_df(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);
	uint64_t dropped = hub_count(VERDICT_DROP_MTU);

	s->spec.path_mtu = 1060;
	hub_peer_set(s);
	for (unsigned i = 0; i < 3; i++) {
		df_rule(TRANSPORT, df_rules[i]);
		packet_payload(&p, 1200);
		packet_ip(&p, LAN_BE, s->overlay_be, 253);
		from_lan();
		for (int piece = 0; piece < 2; piece++) {
			CHECK(hub_out(hub.wan, &p));
			CHECK_EQ(
				outer_flags(), df_rules[i] == DP_DF_SET ? RTE_IPV4_HDR_DF_FLAG : 0);
			CHECK(hub_unwrap(&p, s, 0));
		}
		CHECK(!hub_out(hub.wan, &p));

		packet_payload(&p, 1200);
		packet_ip(&p, LAN_BE, s->overlay_be, 253)->fragment_offset =
			RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
		packet_ip_fix(&p);
		from_lan();
		CHECK(!hub_out(hub.wan, &p));
		CHECK(hub_out(hub.lan, &p));
		packet_pull(&p, 14);
		CHECK_EQ(ip_of(&p)->next_proto_id, IPPROTO_ICMP);
		CHECK_EQ(ip_of(&p)->dst_addr, LAN_BE);
		CHECK_EQ(packet_at(&p)[20], 3);
		CHECK_EQ(packet_at(&p)[21], 4);
		CHECK_EQ(packet_at(&p)[20 + 6] << 8 | packet_at(&p)[20 + 7], 998);
	}
	CHECK_EQ(hub_count(VERDICT_DROP_MTU) - dropped, 3);
	df_rule(TRANSPORT, DP_DF_CLEAR);
	s->spec.path_mtu = 0;
	hub_peer_set(s);
}

static void
control_packets_are_cs6(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);

	packet_payload(&p, 60);
	CHECK_EQ(dp_send_gre(hub.dp, s->peer, 0x2001, packet_at(&p), p.bytes), 0);
	hub_settle();
	CHECK(hub_out(hub.wan, &p));
	CHECK_EQ(packet_at(&p)[15], 0xc0);
}

/** RFC 1624 against a sum made anew, for every octet a stage edits. */
static void
checksums_edited_in_place(void)
{
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 0);
	ip = packet_ip(&p, LAN_BE, HUB_BE, 253);
	for (uint32_t i = 0; i < 0x10000; i++) {
		ip->packet_id = (uint16_t)i;
		ip->time_to_live = (uint8_t)(i >> 3 | 1);
		ip->type_of_service = (uint8_t)(i * 7);
		packet_ip_fix(&p);
		ipv4_set_tos(ip, (uint8_t)(i >> 8));
		ipv4_ttl_decrement(ip);
		if (rte_ipv4_cksum(ip) != 0) {
			CHECK_EQ(i, -1);
			return;
		}
	}
}

/** Every sum that is one off, and headers whose words carry at each fold, against the library. */
static void
checksums_seen_as_they_are(void)
{
	static const uint32_t edges[] = { 0, 1, 0xffff, 0xffff0000, 0xfffffffe, 0xffffffff };
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 0);
	ip = packet_ip(&p, LAN_BE, HUB_BE, 253);
	for (uint32_t i = 0; i < 36 * 0x10000; i++) {
		ip->src_addr = edges[(i >> 16) % 6];
		ip->dst_addr = edges[(i >> 16) / 6];
		ip->packet_id = (uint16_t)(i * 40503);
		ip->hdr_checksum = (uint16_t)i;
		if (ipv4_sum_good(ip) != (rte_raw_cksum(ip, sizeof(*ip)) == 0xffff)) {
			CHECK_EQ(i, -1);
			return;
		}
	}
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(fragments_make_the_packet);
	TEST(fragments_of_a_fragment);
	TEST(options_in_fragments);
	TEST(kernel_sends_more_than_buffers_hold);
	TEST(peers_own_path_counts);
	TEST(mtu_follows_uplink_and_cloud);
	TEST(lan_mtu_counts);
	TEST(mss_is_clamped_both_ways);
	TEST(mss_follows_the_smaller_peer);
	TEST(mss_is_left_alone);
	TEST(ecn_off_is_the_rfcs_table);
	TEST(tos_through_the_pipeline);
	TEST(tos_in_tunnel_mode);
	TEST(outer_header_of_its_own);
	TEST(outer_df_is_the_clouds);
	TEST(outer_df_of_control_packets);
	TEST(too_big_by_the_inner_df);
	TEST(control_packets_are_cs6);
	TEST(checksums_edited_in_place);
	TEST(checksums_seen_as_they_are);
	hub_stop();
	return check_done();
}

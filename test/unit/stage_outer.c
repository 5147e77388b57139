/* SPDX-License-Identifier: BSD-3-Clause */
/** From the port to the inner packet in clear: classify.c and reasm.c. */
#include <netinet/in.h>

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

/* ---- sorting ---------------------------------------------------------------------------- */

static void
ethernet_padding_is_cut(void)
{
	packet_payload(&p, 0);
	packet_ip(&p, spoke(CLEAR)->overlay_be, IPV4(10, 0, 1, 1), 253);
	hub_wrap(&p, spoke(CLEAR));
	packet_append(&p, "garbage", 7);
	hub_forget();
	hub_in(hub.wan, &p);
	CHECK_EQ(hub.told[DP_INNER], 1);
	CHECK_EQ(hub.last[DP_INNER].bytes, 20);
}

static void
udp(uint16_t sport, uint16_t dport, const void *data, uint16_t n)
{
	hub_forget();
	packet_set(&p, data, n);
	packet_udp(&p, sport, dport);
	hub_outer(&p, spoke(NATT), IPPROTO_UDP);
	hub_in(hub.wan, &p);
}

/** RFC 3948: 500 is IKE, 4500 with four zeros is IKE behind them, the rest ESP. */
static void
ike_comes_up_from_both_ports(void)
{
	udp(1234, 500, "\0\0\0\0ike", 7);
	CHECK_EQ(hub.told[DP_IKE], 1);
	CHECK(!hub.last[DP_IKE].natt);
	CHECK_EQ(hub.last[DP_IKE].bytes, 7);
	CHECK_EQ(hub.last[DP_IKE].local_port, 500);
	CHECK_EQ(hub.last[DP_IKE].remote_port, 1234);
	CHECK_EQ(addr_v4(&hub.last[DP_IKE].local), HUB_BE);
	CHECK_EQ(addr_v4(&hub.last[DP_IKE].remote), spoke(NATT)->outer_be);

	udp(777, 4500, "\0\0\0\0ike", 7);
	CHECK_EQ(hub.told[DP_IKE], 1);
	CHECK(hub.last[DP_IKE].natt);
	CHECK_MEM(hub.last[DP_IKE].data, "ike", 3);
	CHECK_EQ(hub.last[DP_IKE].bytes, 3);

	udp(777, 4500, "\0\0\1\0notike", 10);
	CHECK_EQ(hub.told[DP_IKE], 0);
	CHECK_EQ(hub.told[DP_BAD_SPI], 1);
	CHECK_EQ(hub.last[DP_BAD_SPI].spi, 256);
	CHECK(hub.last[DP_BAD_SPI].natt);
}

/** The TAP gets the frame as it came, whatever was looked at or cut. */
static void
kernel_gets_whole_frames(void)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static struct packet sent;

	for (int row = 0; row < 5; row++) {
		uint16_t port = row < 2 ? hub.wan : hub.lan;

		packet_payload(&p, 40);
		if (row == 0)
			packet_ip(&p, spoke(CLEAR)->outer_be, HUB_BE, IPPROTO_ICMP);
		if (row == 2)
			packet_ip(&p, LAN_BE, HUB_LAN_BE, IPPROTO_TCP);
		if (row == 3) /* our address in a cloud, from the lan */
			packet_ip(&p, LAN_BE, IPV4(10, 0, 2, 1), IPPROTO_TCP);
		if (row == 4)
			packet_ip(&p, LAN_BE, IPV4(224, 0, 0, 5), 89);
		packet_ether(&p, row == 1 || row == 4 ? all : hub.mac[port],
			row == 1 ? RTE_ETHER_TYPE_ARP : RTE_ETHER_TYPE_IPV4);
		sent = p;
		hub_forget();
		hub_in(port, &p);
		CHECK_EQ(hub.told[DP_FRAME], 1);
		CHECK_EQ(hub.last[DP_FRAME].port, port);
		CHECK_EQ(hub.last[DP_FRAME].bytes, sent.bytes);
		CHECK_MEM(hub.last[DP_FRAME].data, packet_at(&sent), sent.bytes);
	}
}

static void
lan_and_spokes_talk(void)
{
	struct hub_spoke *s = spoke(TUNNEL);
	const struct rte_ipv4_hdr *ip;

	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, s->net_be, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
	ip = (const void *)packet_at(&p);
	CHECK_EQ(ip->src_addr, LAN_BE);
	CHECK_EQ(ip->time_to_live, 63);

	packet_payload(&p, 40);
	packet_ip(&p, s->net_be, LAN_BE, 253);
	hub_wrap(&p, s);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.lan, &p));
	CHECK_MEM(packet_at(&p), "\2\0\0\0\0\10", 6);
	CHECK_MEM(packet_at(&p) + 6, hub.mac[hub.lan], 6);
}

/** `bytes` octets of options behind the IP header at the front of p. */
static void
options_in(const uint8_t *options, uint8_t bytes)
{
	struct rte_ipv4_hdr ip;

	memcpy(&ip, packet_at(&p), sizeof(ip));
	packet_pull(&p, sizeof(ip));
	memcpy(packet_push(&p, bytes), options, bytes);
	ip.version_ihl = (uint8_t)(0x45 + bytes / 4);
	ip.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + p.bytes));
	ip.hdr_checksum = 0;
	memcpy(packet_push(&p, sizeof(ip)), &ip, sizeof(ip));
	ip.hdr_checksum = (uint16_t)~rte_raw_cksum(packet_at(&p), sizeof(ip) + bytes);
	memcpy(packet_at(&p), &ip, sizeof(ip));
}

static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 }; /* RFC 2113 */
static const uint8_t two_and_end[8] = { 1, 0x94, 4, 0, 0, 0, 0x83,
	1 }; /* behind the end: padding */
static const uint8_t record_route[12] = { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

/** Options of an outer header are nothing to us; ESP and GRE behind them are found. */
static void
outer_options_are_stepped_over(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++) {
		struct hub_spoke *to = &hub.spoke[c][1];

		hub_ping(&p, spoke(c), to->overlay_be, 60);
		packet_pull(&p, 14);
		options_in(record_route, sizeof(record_route));
		packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, to, 0));
		CHECK_EQ(p.bytes, 80);
	}
}

/** Options inside pass as they are: in transit a router alert is nothing to us (RFC 6398). */
static void
inner_options_pass(void)
{
	static const struct {
		const uint8_t *options;
		uint8_t bytes;
	} rows[] = { { router_alert, 4 }, { two_and_end, 8 }, { record_route, 12 } };
	struct hub_spoke *from = spoke(TRANSPORT), *to = &hub.spoke[TUNNEL][1];

	for (unsigned i = 0; i < RTE_DIM(rows); i++)
		for (int own = 0; own < 2; own++) {
			packet_payload(&p, 40);
			packet_ip(&p, from->overlay_be, own ? IPV4(10, 0, 2, 1) : to->overlay_be,
				253);
			options_in(rows[i].options, rows[i].bytes);
			hub_wrap(&p, from);
			hub_forget();
			hub_in(hub.wan, &p);
			if (own) {
				CHECK_EQ(hub.told[DP_INNER], 1);
				CHECK_EQ(hub.last[DP_INNER].bytes, 60 + rows[i].bytes);
				continue;
			}
			CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, to, 0));
			CHECK_EQ(p.bytes, 60 + rows[i].bytes);
			CHECK_EQ(packet_at(&p)[8], 63);
			CHECK_EQ(rte_raw_cksum(packet_at(&p), 20u + rows[i].bytes), 0xffff);
			CHECK_MEM(packet_at(&p) + 20, rows[i].options, rows[i].bytes);
		}
}

/** A way of the sender's own choice, and options that lie of their length: by every door. */
static void
bad_options_end_here(void)
{
	static const uint8_t rows[][8] = {
		{ 0x83, 7, 4, 10, 9, 0, 9, 0 },   /* loose source route */
		{ 0x89, 7, 4, 10, 9, 0, 9, 0 },   /* strict */
		{ 1, 0x83, 7, 4, 10, 9, 0, 9 },   /* not the first */
		{ 0x94, 4, 0, 0, 0x83, 3, 4, 0 }, /* behind another */
		{ 0x94, 4, 0, 0, 7, 0, 0, 0 },    /* length 0 */
		{ 0x94, 4, 0, 0, 7, 1, 0, 0 },    /* length 1 */
		{ 0x94, 4, 0, 0, 7, 5, 4, 0 },    /* past the end */
		{ 1, 1, 1, 1, 1, 1, 1, 0x94 },    /* no room for its length */
	};
	struct hub_spoke *s = spoke(TRANSPORT);

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		uint64_t dropped = hub_count(VERDICT_DROP_IP_OPTIONS), all = hub_count_all();
		uint64_t inside = hub_count(VERDICT_DROP_INNER_OPTIONS);

		packet_payload(&p, 40); /* inside, from a spoke: to another, to us */
		packet_ip(&p, s->overlay_be,
			i & 1 ? IPV4(10, 0, 2, 1) : hub.spoke[TRANSPORT][1].overlay_be, 253);
		options_in(rows[i], 8);
		hub_wrap(&p, s);
		hub_in(hub.wan, &p);
		packet_payload(&p, 40); /* from the lan */
		packet_ip(&p, LAN_BE, s->overlay_be, 253);
		options_in(rows[i], 8);
		packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
		hub_in(hub.lan, &p);
		hub_ping(&p, s, LAN_BE, 40); /* outside */
		packet_pull(&p, 14);
		options_in(rows[i], 8);
		packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
		hub_in(hub.wan, &p);
		CHECK_EQ(hub_count(VERDICT_DROP_INNER_OPTIONS) - inside, 1);
		CHECK_EQ(hub_count(VERDICT_DROP_IP_OPTIONS) - dropped, 2);
		CHECK_EQ(hub_count_all() - all, 3);
	}
	CHECK_EQ(hub_drain(), 0);
}

/** A header that is not what was sent is said to be that, whatever its options look like. */
static void
checksum_comes_before_options(void)
{
	uint64_t dropped = hub_count(VERDICT_DROP_INNER_HEADER);

	packet_payload(&p, 40);
	packet_ip(&p, spoke(TRANSPORT)->overlay_be, LAN_BE, 253);
	options_in((const uint8_t[4]){ 7, 0, 0, 0 }, 4);
	packet_at(&p)[23] ^= 1;
	hub_wrap(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_INNER_HEADER) - dropped, 1);
}

/* ---- reassembly --------------------------------------------------------------------------- */

static uint32_t pieces_from; /* 0: the spoke */

static uint8_t pieces_tos;

/** whole's octets off.. as a fragment, worker 0 at time tsc. */
static void
piece(struct packet *whole, uint8_t proto, uint16_t id, uint16_t off, uint16_t n, uint64_t tsc)
{
	bool more = off + n < whole->bytes;
	struct rte_ipv4_hdr *ip;

	packet_set(&p, packet_at(whole) + off, n);
	ip = packet_ip(&p, pieces_from != 0 ? pieces_from : spoke(CLEAR)->outer_be, HUB_BE, proto);
	ip->packet_id = rte_cpu_to_be_16(id);
	ip->type_of_service = pieces_tos;
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(off / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	packet_ip_fix(&p);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in_at(hub.wan, &p, tsc);
}

static void
pieces_in_any_order(void)
{
	static const uint8_t order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };
	static struct packet whole;

	packet_payload(&p, 1000);
	packet_ip(&p, spoke(CLEAR)->overlay_be, IPV4(10, 0, 1, 1), 253);
	hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
	whole = p;
	for (unsigned o = 0; o < RTE_DIM(order); o++) {
		hub_forget();
		for (int i = 0; i < 3; i++)
			piece(&whole, IPPROTO_GRE, (uint16_t)(o + 1), order[o][i] * 400,
				order[o][i] == 2 ? whole.bytes - 800 : 400, 1000);
		hub_settle();
		CHECK_EQ(hub.told[DP_INNER], 1);
		CHECK_EQ(hub.last[DP_INNER].bytes, 1020);
		CHECK_MEM(hub.last[DP_INNER].data, packet_at(&whole) + 8, 1020);
	}
	CHECK(hub_buffers_back());
}

/** An IKE message with certificates: larger than a packet buffer, still in one piece. */
static void
large_datagram_comes_up_whole(void)
{
	static struct packet whole;
	uint64_t large = hub_count(VERDICT_PUNT_IKE);

	packet_payload(&whole, 5000);
	packet_udp(&whole, 500, 500);
	hub_forget();
	for (uint16_t off = 0; off < whole.bytes; off += 1000)
		piece(&whole, IPPROTO_UDP, 50, off, RTE_MIN(1000, whole.bytes - off), 2000);
	hub_settle();
	CHECK_EQ(hub_count(VERDICT_PUNT_IKE), large + 1);
	CHECK_EQ(hub.last[DP_IKE].bytes, 5000);
	CHECK_MEM(hub.last[DP_IKE].data, packet_at(&whole) + 8, 2000);
	CHECK(hub_buffers_back());
}

static void
reassembled_header_is_right(void)
{
	static struct packet whole;
	struct rte_ipv4_hdr ip;

	packet_payload(&whole, 600);
	hub_forget();
	piece(&whole, IPPROTO_ICMP, 60, 0, 400, 3000);
	piece(&whole, IPPROTO_ICMP, 60, 400, 200, 3000);
	hub_settle();
	CHECK_EQ(hub.told[DP_FRAME], 1);
	memcpy(&ip, hub.last[DP_FRAME].data + 14, sizeof(ip));
	CHECK_EQ(rte_ipv4_cksum(&ip), 0);
	CHECK_EQ(rte_be_to_cpu_16(ip.total_length), 620);
	CHECK_EQ(ip.fragment_offset, 0);
}

/** RFC 3168, 5.3: a mark on any piece is one on the packet, or its end. */
static void
congestion_of_pieces_is_kept(void)
{
	static const struct {
		uint8_t piece[3];
		int want; /* -1: dropped */
	} rows[] = {
		{ { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT }, ECN_NOT_ECT },
		{ { ECN_ECT0, ECN_ECT0, ECN_ECT0 }, ECN_ECT0 },
		{ { ECN_CE, ECN_ECT0, ECN_ECT0 }, ECN_CE },
		{ { ECN_ECT1, ECN_CE, ECN_ECT1 }, ECN_CE },
		{ { ECN_ECT0, ECN_ECT0, ECN_CE }, ECN_CE },
		{ { ECN_NOT_ECT, ECN_CE, ECN_NOT_ECT }, -1 },
		{ { ECN_CE, ECN_CE, ECN_NOT_ECT }, -1 },
	};
	static struct packet whole;

	packet_payload(&whole, 1200);
	for (unsigned row = 0; row < RTE_DIM(rows); row++) {
		uint64_t dropped = hub_count(VERDICT_DROP_ECN);
		bool pass = rows[row].want >= 0;

		hub_forget();
		for (int i = 2; i >= 0; i--) {
			pieces_tos = 0x88 | rows[row].piece[i];
			piece(&whole, IPPROTO_ICMP, (uint16_t)(80 + row), (uint16_t)(i * 400), 400,
				3500);
		}
		hub_settle();
		CHECK_EQ(hub.told[DP_FRAME], pass);
		CHECK_EQ(hub_count(VERDICT_DROP_ECN) - dropped, !pass);
		if (pass)
			CHECK_EQ(hub.last[DP_FRAME].data[15], 0x88 | rows[row].want);
	}
	pieces_tos = 0;
	CHECK(hub_buffers_back());
}

/** What waited too long goes, counted once; later pieces begin anew. */
static void
old_pieces_time_out(void)
{
	static struct packet whole;
	uint64_t all = hub_count_all(), late = 4000 + hub.w->tsc_per_ms * 10000;
	uint64_t dropped = hub_count(VERDICT_DROP_REASSEMBLY);

	packet_payload(&whole, 600);
	piece(&whole, IPPROTO_ICMP, 70, 0, 400, 4000);
	CHECK_EQ(hub_count_all(), all);
	piece(&whole, IPPROTO_ICMP, 70, 400, 200, late);
	CHECK_EQ(hub_count(VERDICT_DROP_REASSEMBLY), dropped + 1);
	piece(&whole, IPPROTO_ICMP, 70, 0, 400, late);
	CHECK_EQ(hub_count_all(), all + 3);
	CHECK(hub_buffers_back());
}

/** Buffers that are not in the pool. */
static uint32_t
waiting(void)
{
	struct dp_table_stats t;

	dp_table_stats(hub.dp, &t);
	return t.mbufs_all - t.mbufs_free;
}

/** Pieces whose rest never comes give their buffers back though nothing else comes, either. */
static void
forgotten_pieces_are_freed(void)
{
	const uint64_t ms = hub.w->tsc_per_ms, tsc = 4000 + ms * 15000;
	uint64_t dropped = hub_count(VERDICT_DROP_REASSEMBLY);
	static struct packet whole;

	packet_payload(&whole, 1200);
	for (uint16_t i = 0; i < 50; i++) { /* more than are freed at once */
		pieces_from = rte_cpu_to_be_32(0xc6336400u + i);
		for (uint16_t off = 0; off < 1120; off += 160)
			piece(&whole, IPPROTO_ICMP, 100, off, 160, tsc);
	}
	pieces_from = 0;
	reasm_expire(hub.w, tsc + ms * 1900);
	CHECK_EQ(hub.w->frag_look, tsc + ms * (1900 + 250));
	CHECK_EQ(hub_count(VERDICT_DROP_REASSEMBLY), dropped);
	CHECK_EQ(waiting(), 350);
	reasm_expire(hub.w, tsc + ms * 2100);
	CHECK_EQ(hub.w->frag_look, tsc + ms * 2100); /* the rest in the next round */
	reasm_expire(hub.w, tsc + ms * 2100);
	CHECK_EQ(hub.w->frag_look, tsc + ms * (2100 + 250));
	CHECK_EQ(waiting(), 0);
	CHECK_EQ(hub_count(VERDICT_DROP_REASSEMBLY), dropped + 350);

	hub_forget(); /* and by itself: not by a packet, by the worker's own rounds */
	piece(&whole, IPPROTO_ICMP, 61, 0, 400, rte_rdtsc() - ms * 2100);
	CHECK_EQ(waiting(), 1);
	hub.w->frag_look = 0;
	hub_settle();
	CHECK_EQ(waiting(), 0);
	piece(&whole, IPPROTO_ICMP, 62, 0, 400, rte_rdtsc());
	hub.w->frag_look = 0;
	hub_settle();
	CHECK_EQ(waiting(), 1); /* not yet */
	reasm_expire(hub.w, rte_rdtsc() + ms * 2100);
	CHECK(hub_buffers_back());
}

/** A flood of first pieces: memory stays bounded, and whole packets still pass. */
static void
flood_of_pieces_is_bounded(void)
{
	static struct packet whole;
	uint64_t tsc = 4000 + hub.w->tsc_per_ms * 20000;
	struct dp_table_stats t;

	packet_payload(&whole, 600);
	for (uint16_t id = 1000; id < 21000; id++) {
		pieces_from = rte_cpu_to_be_32(0xc6330000 + id % 1000);
		piece(&whole, IPPROTO_GRE, id, 0, 400, tsc);
	}
	pieces_from = 0;
	hub_settle();
	dp_table_stats(hub.dp, &t);
	CHECK(t.mbufs_all - t.mbufs_free < 2100);
	CHECK(hub_count(VERDICT_DROP_REASSEMBLY) > 17000);
	hub_ping(&p, spoke(CLEAR), hub.spoke[CLEAR][1].overlay_be, 40);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.wan, &p));
}

/** First pieces of n packets, a millisecond apart, and how many were refused. */
static uint64_t
first_pieces(unsigned n, uint16_t id, uint64_t tsc)
{
	static struct packet whole;
	uint64_t refused = hub_count(VERDICT_DROP_REASSEMBLY_SHARE);

	packet_payload(&whole, 600);
	for (unsigned i = 0; i < n; i++)
		piece(&whole, IPPROTO_ICMP, (uint16_t)(id + i), 0, 400,
			tsc + i * hub.w->tsc_per_ms);
	return hub_count(VERDICT_DROP_REASSEMBLY_SHARE) - refused;
}

/** Are n packets of three pieces put together, one after the other? */
static bool
pieces_pass(unsigned n, uint16_t id, uint64_t tsc)
{
	static struct packet whole;
	uint64_t before = hub_count(VERDICT_REASSEMBLED);

	packet_payload(&whole, 600);
	for (unsigned i = 0; i < n; i++)
		for (uint16_t off = 0; off < 600; off += 200)
			piece(&whole, IPPROTO_ICMP, (uint16_t)(id + i), off, 200, tsc);
	return hub_count(VERDICT_REASSEMBLED) == before + 2 * n;
}

/** Who sends first pieces only fills a part of the table; others do not notice. */
static void
one_sender_gets_a_part_of_the_table(void)
{
	uint64_t tsc = 4000 + hub.w->tsc_per_ms * 40000;

	hub_forget();
	pieces_from = IPV4(198, 51, 100, 77);
	CHECK(first_pieces(1000, 1, tsc) >= 1000 - 64 - 16);
	tsc += hub.w->tsc_per_ms * 1000;
	CHECK(!pieces_pass(2, 30000, tsc));
	pieces_from = 0;
	CHECK(pieces_pass(500, 1, tsc)); /* at once: what is whole costs nothing */
	pieces_from = IPV4(198, 51, 100, 77);
	CHECK(pieces_pass(500, 40000, tsc + hub.w->tsc_per_ms * 5000)); /* and later for him */
	pieces_from = 0;
	hub_forget();
}

/** Pieces of what is not for us are no business of ours. */
static void
pieces_for_others_are_not_kept(void)
{
	struct rte_ipv4_hdr *ip;
	uint64_t before = hub_count(VERDICT_DROP_WAN_TRANSIT);

	packet_payload(&p, 400);
	ip = packet_ip(&p, spoke(CLEAR)->outer_be, LAN_BE, IPPROTO_UDP);
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	packet_ip_fix(&p);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_WAN_TRANSIT), before + 1);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(ethernet_padding_is_cut);
	TEST(ike_comes_up_from_both_ports);
	TEST(kernel_gets_whole_frames);
	TEST(lan_and_spokes_talk);
	TEST(outer_options_are_stepped_over);
	TEST(inner_options_pass);
	TEST(bad_options_end_here);
	TEST(checksum_comes_before_options);
	TEST(pieces_in_any_order);
	TEST(large_datagram_comes_up_whole);
	TEST(reassembled_header_is_right);
	TEST(congestion_of_pieces_is_kept);
	TEST(old_pieces_time_out);
	TEST(forgotten_pieces_are_freed);
	TEST(pieces_for_others_are_not_kept);
	TEST(flood_of_pieces_is_bounded);
	TEST(one_sender_gets_a_part_of_the_table);
	hub_stop();
	return check_done();
}

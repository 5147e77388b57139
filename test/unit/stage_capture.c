/* SPDX-License-Identifier: BSD-3-Clause */
/** Capture: what each point shows, what a filter lets through, and that off means off. */
#include <netinet/in.h>
#include <time.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define ALL_POINTS ((1u << DP_POINTS) - 1)

static struct packet p, sent;

static struct hub_spoke *
spoke(enum hub_cloud c, int i)
{
	return &hub.spoke[c][i];
}

static struct dp_capture
everything(void)
{
	return (struct dp_capture){
		.points = ALL_POINTS, .snap_bytes = 2048, .ip_proto = -1, .verdict = -1
	};
}

static void
start(const struct dp_capture *want)
{
	CHECK_EQ(dp_capture_start(hub.dp, want), 0);
	hub_settle();
}

static void
stop(void)
{
	dp_capture_stop(hub.dp);
	hub_settle();
	hub_forget();
	CHECK(hub_buffers_back());
}

/** One packet from the first spoke of a cloud to the second, through the hub. */
static void
hairpin(enum hub_cloud c)
{
	hub_ping(&p, spoke(c, 0), spoke(c, 1)->overlay_be, 100);
	sent = p;
	hub_in(hub.wan, &p);
}

static unsigned
waiting(unsigned of[DP_POINTS])
{
	struct dp_captured c;
	unsigned n = 0;

	memset(of, 0, DP_POINTS * sizeof(of[0]));
	for (; dp_capture_next(hub.dp, &c); n++)
		of[c.point]++;
	return n;
}

/* ---- off ---------------------------------------------------------------------------------- */

static void
off_nothing_is_looked_at(void)
{
	struct dp_captured c;
	struct dp_capture_stats s;
	struct dp_table_stats t;

	hairpin(TRANSPORT);
	CHECK(hub.w->capture == NULL && hub.other->capture == NULL);
	CHECK(!dp_capture_next(hub.dp, &c));
	dp_capture_stats(hub.dp, &s);
	CHECK_EQ(s.taken[DP_POINT_RX] + s.lost[DP_POINT_RX], 0);
	start(&(struct dp_capture){
		.points = ALL_POINTS, .snap_bytes = 64, .ip_proto = -1, .verdict = -1 });
	CHECK(hub.w->capture != NULL && hub.other->capture != NULL);
	stop();
	CHECK(hub.w->capture == NULL && hub.other->capture == NULL);
	dp_capture_stop(hub.dp); /* once more does no harm */
	dp_table_stats(hub.dp, &t);
	CHECK_EQ(t.pending_free, 0);
}

static void
one_at_a_time_and_only_sense(void)
{
	struct dp_capture want = everything();

	start(&want);
	CHECK_EQ(dp_capture_start(hub.dp, &want), -EBUSY);
	stop();
	want.points = 0;
	CHECK_EQ(dp_capture_start(hub.dp, &want), -EINVAL);
	want.points = 1u << DP_POINTS;
	CHECK_EQ(dp_capture_start(hub.dp, &want), -EINVAL);
	want = everything();
	want.snap_bytes = 0;
	CHECK_EQ(dp_capture_start(hub.dp, &want), -EINVAL);
	want.snap_bytes = DP_SNAP_MAX + 1;
	CHECK_EQ(dp_capture_start(hub.dp, &want), -EINVAL);
}

/* ---- points --------------------------------------------------------------------------------- */

/** The made-up outer header and GRE, then the packet of the spoke itself. */
static void
inner_is(const struct dp_captured *c, uint32_t src, uint32_t dst, uint8_t ttl)
{
	const struct rte_ipv4_hdr *outer = (const void *)c->data;
	const uint8_t *gre = c->data + sizeof(*outer);
	unsigned gre_bytes = gre[0] & 0x20 ? 8 : 4;
	const struct rte_ipv4_hdr *in = (const void *)(gre + gre_bytes);

	CHECK_EQ(c->link, DP_LINK_RAW);
	CHECK_EQ(c->captured, c->bytes);
	CHECK_EQ(rte_be_to_cpu_16(outer->total_length), c->bytes);
	CHECK_EQ(rte_raw_cksum(outer, sizeof(*outer)), 0xffff);
	CHECK_EQ(outer->next_proto_id, IPPROTO_GRE);
	CHECK_EQ(outer->src_addr, src);
	CHECK_EQ(outer->dst_addr, dst);
	CHECK_EQ(gre[2] << 8 | gre[3], RTE_ETHER_TYPE_IPV4);
	CHECK_EQ(in->src_addr, spoke(c->cloud, 0)->overlay_be);
	CHECK_EQ(in->dst_addr, spoke(c->cloud, 1)->overlay_be);
	CHECK_EQ(in->time_to_live, ttl);
	CHECK_EQ(c->bytes, sizeof(*outer) + gre_bytes + 20 + 100);
	for (unsigned i = 0; i < 100; i++) /* the payload in clear */
		CHECK_EQ(((const uint8_t *)(in + 1))[i], i);
}

static void
points_of(enum hub_cloud cloud)
{
	struct dp_capture want = everything();
	static struct packet left;
	struct dp_captured c;
	struct timespec now;
	unsigned seen = 0;

	start(&want);
	hairpin(cloud);
	CHECK(hub_out(hub.wan, &left));
	clock_gettime(CLOCK_REALTIME, &now);
	while (dp_capture_next(hub.dp, &c)) {
		CHECK_EQ(c.point,
			seen == 0           ? DP_POINT_RX
				: seen == 1 ? DP_POINT_INNER_IN
				: seen == 2 ? DP_POINT_INNER_OUT
					    : DP_POINT_TX);
		seen++;
		CHECK(c.time_ns / 1000000000 + 60 > (uint64_t)now.tv_sec &&
			c.time_ns / 1000000000 < (uint64_t)now.tv_sec + 60);
		if (c.point == DP_POINT_INNER_IN || c.point == DP_POINT_INNER_OUT)
			CHECK_EQ(c.cloud, cloud);
		if (c.point == DP_POINT_RX || c.point == DP_POINT_TX) {
			struct packet *whole = c.point == DP_POINT_RX ? &sent : &left;

			CHECK_EQ(c.link, DP_LINK_ETHERNET);
			CHECK_EQ(c.port, hub.wan);
			CHECK_EQ(c.captured, whole->bytes);
			CHECK_MEM(c.data, packet_at(whole), whole->bytes);
		} else if (c.point == DP_POINT_INNER_IN) {
			CHECK_EQ(c.spoke_port, spoke(cloud, 0)->udp);
			inner_is(&c, spoke(cloud, 0)->outer_be, HUB_BE, 64);
		} else {
			CHECK_EQ(c.spoke_port, spoke(cloud, 1)->udp);
			inner_is(&c, HUB_BE, spoke(cloud, 1)->outer_be, 63);
		}
	}
	CHECK_EQ(seen, 4);
	stop();
}

static void
each_point_shows_the_packet_there(void)
{
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++)
		points_of(c);
}

/** A port that is full keeps control traffic for later: it is shown when first offered only. */
static void
what_waits_for_a_port_is_shown_once(void)
{
	struct addr hub_addr = addr_from_v4(HUB_BE), remote = spoke(NATT, 0)->spec.remote;
	struct dp_capture want = everything();
	unsigned of[DP_POINTS];

	want.points = 1 << DP_POINT_TX;
	want.ip_proto = IPPROTO_UDP;
	start(&want);
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
	hub_drain();
	worker_round(hub.w);
	CHECK_EQ(hub_drain(), 40);
	CHECK_EQ(waiting(of), 40);
	stop();
}

/* ---- drops ---------------------------------------------------------------------------------- */

static void
a_drop_says_whose_it_was_and_why(void)
{
	struct dp_capture want = everything();
	struct dp_captured c;

	want.points = 1 << DP_POINT_DROPS;
	start(&want);
	packet_payload(&p, 60);
	packet_ip(&p, IPV4(172, 31, 9, 9), LAN_BE, 253); /* not behind this spoke */
	hub_wrap(&p, spoke(NATT, 1));
	hub_in(hub.wan, &p);
	CHECK(dp_capture_next(hub.dp, &c));
	CHECK_EQ(c.verdict, VERDICT_DROP_SPOOF);
	CHECK_EQ(c.cloud, NATT);
	CHECK_EQ(c.link, DP_LINK_RAW);
	CHECK(addr_equal(&c.spoke, &spoke(NATT, 1)->spec.remote));
	CHECK_EQ(c.spoke_port, spoke(NATT, 1)->udp);
	CHECK_EQ(c.bytes, 80);
	CHECK_EQ(
		((const struct rte_ipv4_hdr *)(const void *)c.data)->src_addr, IPV4(172, 31, 9, 9));
	CHECK(!dp_capture_next(hub.dp, &c));
	stop();
}

/** What was opened in place with the wrong key is nobody's clear text. */
static void
what_did_not_decrypt_shows_no_more_than_headers(void)
{
	static const enum hub_cloud clouds[] = { TRANSPORT, NATT };
	struct dp_capture want = everything();
	struct dp_captured c;

	want.points = 1 << DP_POINT_DROPS;
	start(&want);
	for (unsigned i = 0; i < RTE_DIM(clouds); i++) {
		unsigned udp = clouds[i] == NATT ? 8 : 0;

		hub_ping(&p, spoke(clouds[i], 0), spoke(clouds[i], 1)->overlay_be, 100);
		packet_at(&p)[p.bytes - 1] ^= 1;
		sent = p;
		hub_in(hub.wan, &p);
		CHECK(dp_capture_next(hub.dp, &c));
		CHECK_EQ(c.verdict, VERDICT_DROP_ESP_AUTH);
		CHECK_EQ(c.bytes, sent.bytes);
		CHECK_EQ(c.captured, 14 + 20 + udp + 8); /* Ethernet, IP, UDP, ESP */
		CHECK_MEM(c.data, packet_at(&sent), c.captured);
	}
	stop();
}

/* ---- filters and limits ------------------------------------------------------------------------
 */

static unsigned
with(const struct dp_capture *want, unsigned of[DP_POINTS])
{
	unsigned n;

	start(want);
	hairpin(TRANSPORT);
	hairpin(CLEAR);
	hub_ping(&p, spoke(TRANSPORT, 1), IPV4(192, 168, 77, 1), 60); /* no route */
	hub_in(hub.wan, &p);
	n = waiting(of);
	stop();
	return n;
}

static void
filters_let_through_what_fits(void)
{
	struct dp_capture want = everything();
	unsigned of[DP_POINTS];

	/* Each hairpin is seen at four points; the lost one at two and as a drop, and the
	 * hub's ICMP error about it leaves through two. */
	CHECK_EQ(with(&want, of), 4 + 4 + 3 + 2);
	CHECK_EQ(of[DP_POINT_DROPS], 1);

	want.cloud = CLEAR;
	CHECK_EQ(with(&want, of), 2);
	CHECK_EQ(of[DP_POINT_INNER_IN] + of[DP_POINT_INNER_OUT], 2);

	want = everything();
	want.spoke = spoke(TRANSPORT, 1)->spec.remote; /* the same address in CLEAR */
	CHECK_EQ(with(&want, of), 2 + 2 + 3 + 2);
	CHECK_EQ(of[DP_POINT_RX], 1);
	CHECK_EQ(of[DP_POINT_TX], 3);

	want = everything();
	want.host = addr_from_v4(IPV4(192, 168, 77, 1));
	CHECK_EQ(with(&want, of), 2);
	CHECK_EQ(of[DP_POINT_INNER_IN], 1);
	CHECK_EQ(of[DP_POINT_DROPS], 1);

	want = everything();
	want.ip_proto = IPPROTO_ESP;
	CHECK_EQ(with(&want, of), 1 + 1 + 1 + 1);

	want = everything();
	want.verdict = VERDICT_DROP_NO_ROUTE;
	want.points = 1 << DP_POINT_DROPS;
	CHECK_EQ(with(&want, of), 1);
	want.verdict = VERDICT_DROP_SPOOF;
	CHECK_EQ(with(&want, of), 0);

	want = everything();
	want.port = hub.lan;
	CHECK_EQ(with(&want, of), 0);
	want.port = 0;
	want.ether_type = 0x2001; /* NHRP */
	CHECK_EQ(with(&want, of), 0);
	want.ether_type = RTE_ETHER_TYPE_IPV4;
	CHECK_EQ(with(&want, of), 4 + 4 + 3 + 2);
}

static void
a_snap_length_cuts(void)
{
	struct dp_capture want = everything();
	struct dp_captured c;

	want.snap_bytes = 30;
	start(&want);
	hairpin(TRANSPORT);
	while (dp_capture_next(hub.dp, &c)) {
		CHECK_EQ(c.captured, 30);
		CHECK(c.bytes > 120);
	}
	stop();
}

/** Nobody reads: memory is bounded, and what did not fit is counted. */
static void
a_full_ring_loses_and_counts(void)
{
	struct dp_capture want = everything();
	struct dp_capture_stats s;
	unsigned of[DP_POINTS];

	want.points = 1 << DP_POINT_RX;
	want.snap_bytes = 64;
	start(&want);
	for (int i = 0; i < DP_CAPTURE_SLOTS + 10; i++)
		hairpin(CLEAR);
	dp_capture_stats(hub.dp, &s);
	CHECK_EQ(s.taken[DP_POINT_RX], DP_CAPTURE_SLOTS);
	CHECK_EQ(s.lost[DP_POINT_RX], 10);
	CHECK_EQ(waiting(of), DP_CAPTURE_SLOTS);
	hairpin(CLEAR);
	CHECK_EQ(waiting(of), 1);
	stop();
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(off_nothing_is_looked_at);
	TEST(one_at_a_time_and_only_sense);
	TEST(each_point_shows_the_packet_there);
	TEST(what_waits_for_a_port_is_shown_once);
	TEST(a_drop_says_whose_it_was_and_why);
	TEST(what_did_not_decrypt_shows_no_more_than_headers);
	TEST(filters_let_through_what_fits);
	TEST(a_snap_length_cuts);
	TEST(a_full_ring_loses_and_counts);
	hub_stop();
	return check_done();
}

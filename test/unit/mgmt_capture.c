/* SPDX-License-Identifier: BSD-3-Clause */
/** `capture`: the words, the blocks of the stream octet by octet, and how it ends. */
#include <errno.h>

#include "control/mgmt/capture.h"
#include "control/mgmt/capture_want.h"
#include "control/mgmt/pcapng.h"
#include "test/lib/check.h"
#include "test/lib/fake_view.h"

#define NOW_MS 61000

static struct fake_view *f;
static uint8_t buf[CAPTURE_ROOM];

/* ---- blocks -------------------------------------------------------------------------- */

/** As draft-ietf-opsawg-pcapng has them, on a little-endian machine. */
static const uint8_t fixture[] = {
	/* section header: type, length, magic, version 1.0, length of section unknown */
	0x0a, 0x0d, 0x0d, 0x0a, 40, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff,
	/* shb_userappl "nave", end of options, length */
	4, 0, 4, 0, 'n', 'a', 'v', 'e', 0, 0, 0, 0, 40, 0, 0, 0,
	/* interface: LINKTYPE_RAW, snap 96, if_name, if_description, if_tsresol 9 */
	1, 0, 0, 0, 52, 0, 0, 0, 101, 0, 0, 0, 96, 0, 0, 0, 2, 0, 5, 0, 'd', 'm', 'v', 'p', 'n', 0,
	0, 0, 3, 0, 2, 0, 'i', 'n', 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0,
	/* packet: interface 0, time 0x1122334455667788, 5 of 1400 octets, padded */
	6, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55, 5, 0,
	0, 0, 0x78, 5, 0, 0, 0x45, 1, 2, 3, 4, 0, 0, 0,
	/* opt_comment "why?!", epb_flags outbound */
	1, 0, 5, 0, 'w', 'h', 'y', '?', '!', 0, 0, 0, 2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0,
	0,
	/* statistics: interface 0, time 1, comment "c", isb_ifrecv 7, isb_ifdrop 2 */
	5, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 'c', 0, 0, 0, 4, 0,
	8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0
};

/** The fixture's blocks, as many as find room. */
static size_t
blocks(size_t room)
{
	static const uint8_t data[] = { 0x45, 1, 2, 3, 4 };
	struct pcapng p = { .buf = buf, .room = room };
	const struct pcapng_packet packet = {
		.time_ns = 0x1122334455667788,
		.bytes = 1400,
		.captured = sizeof(data),
		.data = data,
		.way = PCAPNG_OUT,
		.comment = "why?!",
	};

	if (pcapng_section(&p, "nave") && pcapng_interface(&p, 101, 96, "dmvpn", "in") &&
		pcapng_packet(&p, &packet))
		pcapng_statistics(&p, 0, 1, 7, 2, "c");
	return p.used;
}

static void
blocks_are_as_the_draft_says(void)
{
	CHECK_EQ(blocks(sizeof(buf)), sizeof(fixture));
	CHECK_MEM(buf, fixture, sizeof(fixture));
}

/** Whatever the room: whole blocks, nothing beyond it. */
static void
blocks_are_whole_or_not_there(void)
{
	for (size_t room = 0; room < sizeof(fixture); room++) {
		size_t want = room < 40 ? 0 : room < 40 + 52 ? 40 : room < 92 + 64 ? 92 : 156;

		memset(buf, 0xee, sizeof(fixture));
		CHECK_EQ(blocks(room), want);
		CHECK_MEM(buf, fixture, want);
		CHECK_EQ(buf[room], 0xee);
	}
}

/* ---- words ----------------------------------------------------------------------------- */

static bool
parse(const char *text, struct capture_want *out, char error[300])
{
	static char copy[256];
	const char *words[16];
	char *save, *word;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	words[n] = NULL;
	error[0] = '\0';
	return capture_want_parse(&f->view, words, NOW_MS, out, error, 300);
}

static void
words_become_points_filters_and_limits(void)
{
	struct capture_want w;
	char error[300], text[ADDR_TEXT_BYTES];

	CHECK(parse("", &w, error));
	CHECK_EQ(w.dp.points, 31);
	CHECK_EQ(w.dp.snap_bytes, 2048);
	CHECK_EQ(w.dp.ip_proto, -1);
	CHECK_EQ(w.dp.verdict, -1);
	CHECK_EQ(w.packets, 0);
	CHECK_EQ(w.seconds, 3600);
	CHECK(parse(
		"rx,tx host 10.0.0.12 proto icmp count 5 seconds 7 snap 96 port lan0", &w, error));
	CHECK_EQ(w.dp.points, 1 << DP_POINT_RX | 1 << DP_POINT_TX);
	CHECK_STR(addr_print(&w.dp.host, text), "10.0.0.12");
	CHECK_EQ(w.dp.ip_proto, 1);
	CHECK_EQ(w.dp.port, 2);
	CHECK_EQ(w.packets, 5);
	CHECK_EQ(w.seconds, 7);
	CHECK_EQ(w.dp.snap_bytes, 96);
	CHECK(parse("inner proto nhrp", &w, error));
	CHECK_EQ(w.dp.points, 1 << DP_POINT_INNER_IN | 1 << DP_POINT_INNER_OUT);
	CHECK_EQ(w.dp.ether_type, 0x2001);
	CHECK_EQ(w.dp.ip_proto, -1);
	CHECK(parse("proto 89", &w, error));
	CHECK_EQ(w.dp.ip_proto, 89);
	/* What can judge the filter, when no point is named. */
	CHECK(parse("cloud dmvpn", &w, error));
	CHECK_EQ(w.dp.cloud, 1);
	CHECK_EQ(w.dp.points,
		1 << DP_POINT_INNER_IN | 1 << DP_POINT_INNER_OUT | 1 << DP_POINT_DROPS);
	CHECK(parse("verdict spoof", &w, error));
	CHECK_EQ(w.dp.verdict, 2);
	CHECK_EQ(w.dp.points, 1 << DP_POINT_DROPS);
	CHECK(parse("drops verdict drop_no_route", &w, error));
	CHECK_EQ(w.dp.verdict, 1);
}

static void
a_spoke_is_found_by_any_name(void)
{
	static const char *const names[] = { "spoke branch12.example.org", "spoke 10.0.0.12",
		"spoke 198.51.100.2" };
	struct capture_want w;
	char error[300], text[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK(parse(names[i], &w, error));
		CHECK_STR(addr_print(&w.dp.spoke, text), "198.51.100.2");
		CHECK_EQ(w.dp.spoke_port, 4500);
	}
	CHECK(parse("spoke 192.0.2.77", &w, error)); /* not here yet: its first packets count */
	CHECK_STR(addr_print(&w.dp.spoke, text), "192.0.2.77");
	CHECK_EQ(w.dp.spoke_port, 0);
}

static void
wrong_words_are_named(void)
{
	static const struct {
		const char *words, *error;
	} rows[] = {
		{ "wan0",
			"capture wan0: a point (rx, tx, inner-in, inner-out, inner, drops, all), "
			"or "
			"cloud, spoke, host, port, proto, verdict, count, seconds, snap with a "
			"value" },
		{ "rx,foo",
			"capture rx,foo: a point (rx, tx, inner-in, inner-out, inner, drops, all), "
			"or cloud, spoke, host, port, proto, verdict, count, seconds, snap with a "
			"value" },
		{ "rx host", "host needs a value" },
		{ "host branch7", "host branch7: an IP address" },
		{ "cloud x", "no cloud x: see clouds in show config" },
		{ "port x", "no port x: see show ports" },
		{ "spoke nobody",
			"no spoke nobody: give an identity or tunnel address as in show spokes, or "
			"an NBMA address" },
		{ "proto ip",
			"proto ip: icmp, tcp, udp, gre, esp, eigrp, ospf, arp, nhrp, or a number "
			"from 0 to 255" },
		{ "proto 256",
			"proto 256: icmp, tcp, udp, gre, esp, eigrp, ospf, arp, nhrp, or a number "
			"from 0 to 255" },
		{ "verdict tx", "verdict tx: one of the drop_... of show counters all" },
		{ "count 0", "count 0: a number from 1 to 1000000000" },
		{ "count -1", "count -1: a number from 1 to 1000000000" },
		{ "seconds 1x", "seconds 1x: a number from 1 to 86400" },
		{ "snap 65535", "snap 65535: a number from 1 to 12288" },
		{ "rx verdict spoof", "only drops have a verdict: leave the other points out" },
		{ "all cloud dmvpn",
			"a cloud is known at inner-in, inner-out and drops: leave rx and tx out" },
		{ "inner port wan0",
			"a port is known at rx, tx and drops: leave the inner points out" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture_want w;
		char error[300];

		CHECK(!parse(rows[i].words, &w, error));
		CHECK_STR(error, rows[i].error);
	}
}

/* ---- the stream ------------------------------------------------------------------------- */

static struct capture_stream *
open_with(const char *a, const char *b)
{
	const char *words[] = { a, b, NULL };
	char error[300] = "";
	struct capture_stream *c = capture_open(&f->view, words, NOW_MS, error, sizeof(error));

	CHECK_STR(error, "");
	return c;
}

static void
waits(unsigned count)
{
	static const uint8_t data[64] = { 0x45 };

	fake_capture.count = count;
	fake_capture.given = 0;
	for (int i = 0; i < FAKE_CAPTURED; i++)
		fake_capture.list[i] = (struct dp_captured){
			.point = i == 0  ? DP_POINT_DROPS
				: i == 1 ? DP_POINT_RX
					 : DP_POINT_INNER_IN,
			.link = i == 1 ? DP_LINK_ETHERNET : DP_LINK_RAW,
			.verdict = 2,
			.port = 1,
			.cloud = 1,
			.time_ns = 1000,
			.bytes = 64,
			.captured = 64,
			.data = data,
		};
}

/** Blocks of each type in what was read. */
static void
count_blocks(size_t n, unsigned of[8])
{
	uint32_t type, bytes;

	memset(of, 0, 8 * sizeof(of[0]));
	for (size_t at = 0; at < n; at += bytes) {
		memcpy(&type, buf + at, 4);
		memcpy(&bytes, buf + at + 4, 4);
		CHECK(bytes >= 12 && at + bytes <= n);
		if (bytes < 12)
			return;
		of[type < 8 ? type : 0]++;
	}
}

static bool
said(size_t n, const char *text)
{
	return memmem(buf, n, text, strlen(text)) != NULL;
}

static void
a_stream_says_where_and_why(void)
{
	struct capture_stream *c = open_with("all", NULL);
	unsigned of[8];
	size_t n;

	waits(4);
	n = capture_read(c, buf, sizeof(buf), NOW_MS);
	count_blocks(n, of);
	CHECK_EQ(of[0], 1);
	CHECK_EQ(of[1], 3); /* wan0, dmvpn, drops-inside */
	CHECK_EQ(of[6], 4);
	CHECK(said(n, "wan0") && said(n, "dmvpn") && said(n, "drops-inside"));
	CHECK(said(n, "drop_spoof: inner source is not theirs; cloud dmvpn; in by wan0"));
	waits(4);
	n = capture_read(c, buf, sizeof(buf), NOW_MS);
	count_blocks(n, of);
	CHECK_EQ(of[0] + of[1], 0); /* made already */
	CHECK_EQ(of[6], 4);
	waits(0);
	CHECK_EQ(capture_read(c, buf, sizeof(buf), NOW_MS), 0);
	CHECK(!capture_over(c));
	capture_close(c);
	CHECK(!fake_capture.runs);
}

static void
it_ends_by_count(void)
{
	struct capture_stream *c = open_with("count", "6");
	unsigned of[8];
	size_t n;

	waits(100);
	n = capture_read(c, buf, sizeof(buf), NOW_MS);
	count_blocks(n, of);
	CHECK_EQ(of[6], 6);
	CHECK_EQ(of[5], 1);
	CHECK(capture_over(c) && !fake_capture.runs);
	CHECK_EQ(capture_read(c, buf, sizeof(buf), NOW_MS), 0);
	capture_close(c);
}

static void
it_ends_by_time(void)
{
	struct capture_stream *c = open_with("seconds", "5");
	unsigned of[8];

	waits(0);
	capture_read(c, buf, sizeof(buf), NOW_MS + 4999);
	CHECK(!capture_over(c));
	waits(3);
	count_blocks(capture_read(c, buf, sizeof(buf), NOW_MS + 5000), of);
	CHECK_EQ(of[6], 3); /* what waited is not lost */
	CHECK_EQ(of[5], 1);
	CHECK(capture_over(c));
	capture_close(c);
}

static void
it_ends_when_the_client_has_enough(void)
{
	struct capture_stream *c = open_with("all", NULL);
	unsigned of[8];

	waits(2);
	capture_finish(c, NOW_MS + 10);
	CHECK_EQ(capture_end_ms(c), NOW_MS + 10);
	count_blocks(capture_read(c, buf, sizeof(buf), NOW_MS + 10), of);
	CHECK_EQ(of[0], 1);
	CHECK_EQ(of[6], 2);
	CHECK_EQ(of[5], 1);
	CHECK(capture_over(c));
	capture_close(c);
}

/** More than one read takes: nothing is lost between two. */
static void
a_small_buffer_takes_several_reads(void)
{
	struct capture_stream *c = open_with("count", "5000");
	unsigned of[8], packets = 0, reads = 0;

	waits(100000);
	for (; !capture_over(c) && reads < 100; reads++) {
		count_blocks(capture_read(c, buf, sizeof(buf), NOW_MS), of);
		packets += of[6];
	}
	CHECK_EQ(packets, 5000);
	CHECK(reads > 5);
	capture_close(c);
}

static void
only_one_runs(void)
{
	static const char *const words[] = { "rx", NULL };
	struct capture_stream *c = open_with("rx", NULL);
	char error[300] = "";

	CHECK(capture_open(&f->view, words, NOW_MS, error, sizeof(error)) == NULL);
	CHECK_STR(error, "a capture runs already: end that one first");
	capture_close(c);
	capture_close(open_with("rx", NULL));
}

int
main(void)
{
	f = fake_view_new();
	TEST(blocks_are_as_the_draft_says);
	TEST(blocks_are_whole_or_not_there);
	TEST(words_become_points_filters_and_limits);
	TEST(a_spoke_is_found_by_any_name);
	TEST(wrong_words_are_named);
	TEST(a_stream_says_where_and_why);
	TEST(it_ends_by_count);
	TEST(it_ends_by_time);
	TEST(it_ends_when_the_client_has_enough);
	TEST(a_small_buffer_takes_several_reads);
	TEST(only_one_runs);
	fake_view_free(f);
	return check_done();
}

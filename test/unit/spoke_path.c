/* SPDX-License-Identifier: BSD-3-Clause */
/** What is believed of ICMP too big, forged ones above all, and what follows for the spoke. */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "test/lib/check.h"
#include "test/lib/spoke_rig.h"

static const struct rig_who seven = { "seven.example", "198.51.100.7", 0 };
static const struct rig_who nat = { "nat.example", "203.0.113.5", 40001 };

/** An ICMP message as a router makes it, to be bent by a test before it is sent. */
struct message {
	uint8_t data[64];
	uint16_t bytes;
};

/** About our packet of 1500 octets with this number to `who`, who sends us to SPI `spi`. */
static struct message
message_about(const struct rig_who *who, uint32_t spi, uint32_t seq, uint16_t mtu)
{
	struct message i = { .bytes = 8 + 20 + (who->port != 0 ? 8 : 0) + 8 };
	struct writer w = wr_over(i.data, sizeof(i.data));
	struct addr local, remote;

	addr_parse("192.0.2.1", &local);
	addr_parse(who->nbma, &remote);
	wr_be32(&w, ICMP_DEST_UNREACH << 24 | ICMP_FRAG_NEEDED << 16);
	wr_be32(&w, mtu);
	wr_be32(&w, 0x45000000 | 1500);
	wr_be32(&w, 0x12344000); /* DF */
	wr_be16(&w, (uint16_t)(60 << 8 | (who->port != 0 ? IPPROTO_UDP : IPPROTO_ESP)));
	wr_be16(&w, 0);
	wr_bytes(&w, local.octet, 4);
	wr_bytes(&w, remote.octet, 4);
	if (who->port != 0) {
		wr_be16(&w, 4500);
		wr_be16(&w, who->port);
		wr_be32(&w, 1480u << 16);
	}
	wr_be32(&w, spi);
	wr_be32(&w, seq);
	return i;
}

static void
checksum_set(struct message *i)
{
	uint32_t sum = 0;

	i->data[2] = i->data[3] = 0;
	for (int at = 0; at < i->bytes; at += 2)
		sum += (uint32_t)(i->data[at] << 8 | i->data[at + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	i->data[2] = (uint8_t)(sum >> 8);
	i->data[3] = (uint8_t)sum;
}

static void
deliver(const struct message *i)
{
	struct dp_msg m = { .type = DP_TOO_BIG, .data = i->data, .bytes = i->bytes };

	addr_parse("192.0.2.1", &m.local);
	addr_parse("203.0.113.1", &m.remote);
	spokes_message(rig.s, &m, rig.now_ms);
}

static void
router_says(const struct rig_who *who, uint32_t spi, uint32_t seq, uint16_t mtu)
{
	struct message i = message_about(who, spi, seq, mtu);

	checksum_set(&i);
	deliver(&i);
}

/** One more of this outcome than before, and of no other? */
static bool
came_out(enum pmtu_outcome o)
{
	static uint64_t before[PMTU_OUTCOMES];
	bool right = true;

	for (unsigned i = 0; i < PMTU_OUTCOMES; i++) {
		uint64_t now = spokes_too_big(rig.s, i), more = now - before[i];

		if (now < before[i])
			more = now; /* the rig is new */
		if (more != (i == o))
			printf("# %s: %llu more\n", pmtu_outcome_name(i), (unsigned long long)more);
		right &= more == (i == o);
		before[i] = now;
	}
	return right;
}

/** Cloud 1 with this rule, and spoke seven in it as peer 1 that 5000 packets were sent to. */
static uint64_t
begin(enum df_policy df)
{
	uint64_t session;

	rig_begin();
	rig.df = df;
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig.dp.peer[1].seq = 5000;
	return session;
}

static uint16_t
path(uint32_t peer)
{
	return rig.dp.peer[peer].spec.path_mtu;
}

static void
believed_once_and_shown(void)
{
	begin(DF_COPY);
	CHECK_EQ(rig_shown("cloud1")->path_mtu, 0);
	router_says(&seven, 900, 4999, 1280);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(1), 1280);
	rig_run(75000);
	CHECK_EQ(rig_shown("cloud1")->path_mtu, 1280);
	CHECK_EQ(rig_shown("cloud1")->path_mtu_s, 75);
	router_says(&seven, 900, 5000, 1280); /* of a packet that was on its way */
	CHECK(came_out(PMTU_NO_LOWER));
	router_says(&seven, 900, 5000, 1400);
	CHECK(came_out(PMTU_NO_LOWER));
	CHECK_EQ(path(1), 1280);
	rig_end();
}

/** One thing wrong in each row; after all of them nothing has changed. */
static void
forged_are_refused(void)
{
	static const struct {
		uint32_t spi, seq;
		uint16_t mtu;
		enum pmtu_outcome want;
	} rows[] = {
		{ 901, 5000, 1280, PMTU_NO_SA },     /* an SPI we do not send on */
		{ 500, 5000, 1280, PMTU_NO_SA },     /* ours, of the other direction */
		{ 900, 5001, 1280, PMTU_OLD },       /* not sent yet */
		{ 900, 0, 1280, PMTU_OLD },          /* never sent */
		{ 900, 3975, 1280, PMTU_OLD },       /* long ago */
		{ 900, 0x80001388, 1280, PMTU_OLD }, /* half the numbers away */
		{ 900, 5000, 575, PMTU_TOO_SMALL },
		{ 900, 5000, 0, PMTU_TOO_SMALL },
		{ 900, 5000, 1500, PMTU_NO_LOWER }, /* the packet itself fits */
		{ 900, 5000, 9000, PMTU_NO_LOWER },
	};

	begin(DF_SET);
	came_out(PMTU_OUTCOMES);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		router_says(&seven, rows[i].spi, rows[i].seq, rows[i].mtu);
		CHECK(came_out(rows[i].want));
		CHECK_EQ(path(1), 0);
		if (check_bad)
			printf("# row %u\n", i);
	}
	router_says(&nat, 900, 5000, 1280); /* right number, another peer's address */
	CHECK(came_out(PMTU_NO_SA));
	router_says(&seven, 900, 3976, 576); /* the last that counts, and the lowest */
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(1), 576);
	rig_end();

	begin(DF_SET);
	came_out(PMTU_OUTCOMES);
	rig.dp.peer[1].seq = 3; /* a young SA: numbers before its first are none */
	router_says(&seven, 900, 0, 1280);
	CHECK(came_out(PMTU_OLD));
	router_says(&seven, 900, UINT32_MAX, 1280);
	CHECK(came_out(PMTU_OLD));
	rig.dp.peer[1].out = 0; /* closed */
	router_says(&seven, 900, 3, 1280);
	CHECK(came_out(PMTU_OLD));
	rig.dp.peer[1].out = 900;
	router_says(&seven, 900, 1, 1280);
	CHECK(came_out(PMTU_LOWERED));
	rig_end();
}

/** Every octet cut off, and every field that must be as we sent it. */
static void
malformed_are_refused(void)
{
	static const struct {
		uint8_t at, value;
	} bent[] = {
		{ 0, ICMP_ECHO },         /* type */
		{ 1, ICMP_PORT_UNREACH }, /* code */
		{ 8, 0x46 },              /* options */
		{ 8, 0x65 },              /* IPv6 */
		{ 14, 0 },                /* DF clear: nobody may complain */
		{ 14, 0x60 },             /* a fragment */
		{ 15, 1 },                /* not the first one */
		{ 17, IPPROTO_TCP },      /* not ESP */
		{ 17, IPPROTO_UDP },      /* the SPI is no port 4500 */
	};
	struct message i;

	begin(DF_SET);
	came_out(PMTU_OUTCOMES);
	for (uint16_t n = 0; n < 36; n += 2) {
		i = message_about(&seven, 900, 5000, 1280);
		i.bytes = n;
		checksum_set(&i);
		deliver(&i);
		CHECK(came_out(PMTU_MALFORMED));
	}
	for (unsigned row = 0; row < sizeof(bent) / sizeof(bent[0]); row++) {
		i = message_about(&seven, 900, 5000, 1280);
		i.data[bent[row].at] = bent[row].value;
		checksum_set(&i);
		deliver(&i);
		CHECK(came_out(PMTU_MALFORMED));
		if (check_bad)
			printf("# row %u\n", row);
	}
	i = message_about(&seven, 900, 5000, 1280);
	checksum_set(&i);
	i.data[7] ^= 1; /* the MTU, behind the checksum's back */
	deliver(&i);
	CHECK(came_out(PMTU_MALFORMED));
	CHECK_EQ(path(1), 0);
	rig_end();
}

static void
not_twice_in_a_hurry(void)
{
	begin(DF_COPY);
	came_out(PMTU_OUTCOMES);
	router_says(&seven, 900, 5000, 1400);
	CHECK(came_out(PMTU_LOWERED));
	rig.now_ms += 99;
	router_says(&seven, 900, 5000, 1300);
	CHECK(came_out(PMTU_TOO_SOON));
	CHECK_EQ(path(1), 1400);
	rig.now_ms += 1;
	router_says(&seven, 900, 5000, 1300);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(1), 1300);
	rig_end();
}

/** After ten minutes larger packets are tried again, and can be learnt about again. */
static void
forgotten_after_ten_minutes(void)
{
	begin(DF_COPY);
	came_out(PMTU_OUTCOMES);
	router_says(&seven, 900, 5000, 1280);
	CHECK(came_out(PMTU_LOWERED));
	rig_run(598000);
	CHECK_EQ(path(1), 1280);
	rig_run(4000);
	CHECK_EQ(path(1), 0);
	CHECK_EQ(rig_shown("cloud1")->path_mtu, 0);
	rig.dp.peer[1].seq = 0x100000005; /* an SA with long numbers: the wire has their half */
	router_says(&seven, 900, 0xfffffffe, 1400);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(1), 1400);
	rig_end();
}

/** What a busy peer was sent in the last two looks is recent, and no longer so afterwards. */
static void
recent_is_what_was_sent_lately(void)
{
	begin(DF_COPY);
	came_out(PMTU_OUTCOMES);
	rig_run(2000);
	rig.dp.peer[1].stats.tx_packets = 50000;
	rig.dp.peer[1].seq = 60000;
	router_says(&seven, 900, 10000, 1400);
	CHECK(came_out(PMTU_LOWERED));
	rig_run(3000);
	router_says(&seven, 900, 10000, 1300);
	CHECK(came_out(PMTU_OLD));
	rig_end();
}

/** Where the outer DF is never set nobody has reason to complain. */
static void
clear_df_is_no_reason(void)
{
	begin(DF_CLEAR);
	came_out(PMTU_OUTCOMES);
	router_says(&seven, 900, 5000, 1280);
	CHECK(came_out(PMTU_NO_DF));
	CHECK_EQ(path(1), 0);
	rig_end();
}

/** A spoke in two clouds has one way to it; of a third, with DF clear, it is nobody's matter. */
static void
all_clouds_of_a_spoke(void)
{
	begin(DF_COPY);
	rig_cloud(2, 2, "branch");
	rig.df = DF_CLEAR;
	rig_cloud(3, 3, "branch");
	rig_register(2, 1, "10.0.2.11", &seven, 600);
	rig_register(3, 1, "10.0.3.11", &seven, 600);
	came_out(PMTU_OUTCOMES);
	router_says(&seven, 900, 5000, 1280);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(1), 1280);
	CHECK_EQ(path(2), 1280);
	CHECK_EQ(path(3), 0);
	rig.df = DF_SET;
	rig_cloud(4, 4, "branch");
	rig_register(4, 1, "10.0.4.11", &seven, 600); /* comes later: the way is known */
	CHECK_EQ(path(4), 1280);
	rig_end();
}

/** Behind a NAT the port belongs to it; a rekey keeps what is known, another address does not. */
static void
follows_the_way(void)
{
	struct rig_who other_port = nat, moved = { "nat.example", "203.0.113.6", 40002 };
	struct ike_path way = { .local_port = 4500, .remote_port = moved.port, .natt = true };
	uint64_t session, child;

	begin(DF_COPY);
	session = rig_up(&nat, "branch"); /* peer 2, sends on 901 */
	rig.dp.peer[2].seq = 10;
	other_port.port = 40002;
	came_out(PMTU_OUTCOMES);
	router_says(&other_port, 901, 10, 1280);
	CHECK(came_out(PMTU_NO_SA));
	router_says(&nat, 901, 10, 1280);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(2), 1280);
	CHECK_EQ(path(1), 0);

	child = rig_child(session); /* sends on 902 now */
	router_says(&nat, 901, 10, 1200);
	CHECK(came_out(PMTU_NO_SA));
	CHECK_EQ(path(2), 1280);

	addr_parse("192.0.2.1", &way.local);
	addr_parse(moved.nbma, &way.remote);
	spoke_ike_ops.child_moved(rig.s, child, &way);
	CHECK_EQ(path(2), 0);
	router_says(&nat, 902, 10, 1280);
	CHECK(came_out(PMTU_NO_SA));
	router_says(&moved, 902, 10, 1280);
	CHECK(came_out(PMTU_LOWERED));
	CHECK_EQ(path(2), 1280);

	rig_gone(session, IKE_REASON_PEER_DELETED);
	router_says(&moved, 902, 10, 1200);
	CHECK(came_out(PMTU_NO_SA));
	rig_end();
}

int
main(void)
{
	TEST(believed_once_and_shown);
	TEST(forged_are_refused);
	TEST(malformed_are_refused);
	TEST(not_twice_in_a_hurry);
	TEST(forgotten_after_ten_minutes);
	TEST(recent_is_what_was_sent_lately);
	TEST(clear_df_is_no_reason);
	TEST(all_clouds_of_a_spoke);
	TEST(follows_the_way);
	return check_done();
}

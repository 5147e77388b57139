/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Routers that say "fragmentation needed" about what the hub sent: what goes up to the judge
 * and is read by him, what to the kernel, and how much of it.
 */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "control/spoke/pmtu.h"
#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define ROUTER_BE IPV4(203, 0, 113, 1)

static struct packet p;

/** The checksum of the ICMP message at the front of p. */
static void
icmp_fix(void)
{
	uint16_t sum;

	memset(packet_at(&p) + 2, 0, sizeof(sum));
	sum = (uint16_t)~rte_raw_cksum(packet_at(&p), p.bytes);
	memcpy(packet_at(&p) + 2, &sum, sizeof(sum));
}

/** p (an outer packet of the hub, at IP) becomes a router's ICMP about it, at ICMP. */
static void
complain(uint8_t type, uint8_t code, uint16_t mtu, uint16_t quote)
{
	uint8_t *icmp;

	p.bytes = RTE_MIN(p.bytes, quote);
	icmp = packet_push(&p, 8);
	memset(icmp, 0, 8);
	icmp[0] = type;
	icmp[1] = code;
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	icmp_fix();
}

static void
from_router(uint16_t port)
{
	packet_ip(&p, ROUTER_BE, port == hub.wan ? HUB_BE : HUB_LAN_BE, IPPROTO_ICMP);
	packet_ether(&p, hub.mac[port], RTE_ETHER_TYPE_IPV4);
	hub_in(port, &p);
}

/** A packet with DF from the lan to s; p is then the outer one, at IP. */
static bool
sent_to(struct hub_spoke *s, uint16_t bytes)
{
	packet_payload(&p, (uint16_t)(bytes - 20));
	packet_ip(&p, LAN_BE, s->overlay_be, 253)->fragment_offset = RTE_BE16(0x4000);
	packet_ip_fix(&p);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.lan, &p);
	if (!hub_out(hub.wan, &p))
		return false;
	packet_pull(&p, 14);
	return true;
}

static void
df(enum hub_cloud c, enum dp_df rule)
{
	hub.cloud[c].df = rule;
	hub_cloud_set(c);
}

/** Plain, in tunnel mode and in UDP: what was sent is what the judge reads. */
static void
judge_reads_what_was_sent(void)
{
	for (enum hub_cloud c = TRANSPORT; c < HUB_CLOUDS; c++) {
		struct hub_spoke *s = &hub.spoke[c][0];
		struct pmtu_claim claim = { 0 };
		const struct dp_msg *m = &hub.last[DP_TOO_BIG];
		uint16_t bytes;
		uint64_t seq;

		hub_forget();
		df(c, DP_DF_COPY);
		CHECK(sent_to(s, 1400 - (c == NATT ? 40 : 20)));
		bytes = p.bytes;
		seq = hub_sa_out(s)->seq;
		complain(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1280, c == NATT ? 36 : 28);
		from_router(hub.wan);
		CHECK_EQ(hub.told[DP_TOO_BIG], 1);
		CHECK_EQ(hub_count(VERDICT_PUNT_TOO_BIG), (uint64_t)(c - TRANSPORT + 1));
		CHECK(addr_is_v4(&m->remote, ROUTER_BE) && addr_is_v4(&m->local, HUB_BE));
		CHECK_EQ(pmtu_claim_read(hub.last_data[DP_TOO_BIG], m->bytes, &claim), 0);
		CHECK_EQ(claim.spi, s->in.spi);
		CHECK_EQ(claim.seq, seq);
		CHECK_EQ(claim.mtu, 1280);
		CHECK_EQ(claim.packet_bytes, bytes);
		CHECK(addr_is_v4(&claim.local, HUB_BE) && addr_is_v4(&claim.remote, s->outer_be));
		CHECK_EQ(claim.udp_remote, s->udp);
		CHECK_EQ(claim.udp_local, s->udp != 0 ? 4500 : 0);
		df(c, DP_DF_CLEAR);
	}
}

/** Once it is believed: nothing longer leaves, and the sender is told what fits inside. */
static void
nothing_longer_leaves(void)
{
	static const uint16_t fits[HUB_CLOUDS] = {
		[TRANSPORT] = 1218, [TUNNEL] = 1198, [NATT] = 1210
	};

	for (enum hub_cloud c = TRANSPORT; c < HUB_CLOUDS; c++) {
		struct hub_spoke *s = &hub.spoke[c][0];

		df(c, DP_DF_COPY);
		CHECK(sent_to(s, 1390));
		CHECK(p.bytes > 1280);
		s->spec.path_mtu = 1280;
		hub_peer_set(s);
		CHECK(sent_to(s, fits[c]));
		CHECK(p.bytes <= 1280 && p.bytes > 1280 - 4); /* whole blocks */
		CHECK(!sent_to(s, fits[c] + 1));
		CHECK(hub_out(hub.lan, &p)); /* the error */
		CHECK_EQ(packet_at(&p)[14 + 20], ICMP_DEST_UNREACH);
		CHECK_EQ(packet_at(&p)[14 + 21], ICMP_FRAG_NEEDED);
		CHECK_EQ(packet_at(&p)[14 + 26] << 8 | packet_at(&p)[14 + 27], fits[c]);
		CHECK(sent_to(&hub.spoke[c][1], 1390)); /* the other spoke's way is its own */
		s->spec.path_mtu = 0;
		hub_peer_set(s);
		CHECK(sent_to(s, 1390));
		df(c, DP_DF_CLEAR);
	}
}

/** The kernel's: anything else, and all of it on a lan port. */
static void
the_rest_is_the_kernels(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0], *nat = &hub.spoke[NATT][0];
	uint64_t was = hub_count(VERDICT_PUNT_TOO_BIG);

	for (int row = 0; row < 7; row++) {
		uint64_t local = hub_count(VERDICT_PUNT_LOCAL);

		CHECK(sent_to(row == 1 ? nat : s, 200));
		if (row == 0)
			packet_at(&p)[9] = IPPROTO_TCP;
		if (row == 1)
			packet_at(&p)[20] ^= 1; /* from another UDP port */
		if (row == 2)
			packet_at(&p)[0] = 0x46;
		complain(row == 3 ? ICMP_ECHO : ICMP_DEST_UNREACH,
			row == 4 ? ICMP_PORT_UNREACH : ICMP_FRAG_NEEDED, 1280, row == 5 ? 21 : 60);
		from_router(row == 6 ? hub.lan : hub.wan);
		CHECK_EQ(hub_count(VERDICT_PUNT_LOCAL) - local, 1);
		if (check_bad)
			printf("# row %d\n", row);
	}
	CHECK_EQ(hub_count(VERDICT_PUNT_TOO_BIG), was);
}

/** Of one router and of all of them no more goes up than may; others' share is untouched. */
static void
floods_are_metered(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];
	uint64_t tsc = 1ull << 60, up, held = hub_count(VERDICT_DROP_PUNT_SHARE);
	static struct packet one;

	hub_forget();
	up = hub_count(VERDICT_PUNT_TOO_BIG);
	CHECK(sent_to(s, 200));
	complain(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 1280, 60);
	packet_ip(&p, ROUTER_BE, HUB_BE, IPPROTO_ICMP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	for (int i = 0; i < 2000; i++) {
		one = p;
		hub_in_at(hub.wan, &one, tsc);
		hub_poll();
	}
	up = hub_count(VERDICT_PUNT_TOO_BIG) - up;
	held = hub_count(VERDICT_DROP_PUNT_SHARE) - held;
	CHECK(up >= 100 && up <= 1000);
	CHECK_EQ(up + held + hub_count(VERDICT_DROP_PUNT_RATE), 2000);
	packet_payload(&p, 40); /* a ping of the same router, at the same moment */
	packet_at(&p)[0] = ICMP_ECHO;
	packet_ip(&p, ROUTER_BE, HUB_BE, IPPROTO_ICMP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	held = hub_count(VERDICT_PUNT_LOCAL);
	hub_in_at(hub.wan, &p, tsc);
	hub_poll();
	CHECK_EQ(hub_count(VERDICT_PUNT_LOCAL) - held, 1);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(judge_reads_what_was_sent);
	TEST(nothing_longer_leaves);
	TEST(the_rest_is_the_kernels);
	TEST(floods_are_metered);
	hub_stop();
	return check_done();
}

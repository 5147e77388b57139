/* SPDX-License-Identifier: BSD-3-Clause */
/** Flows of a lan port with one queue, over two workers: all of them, each in order. */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define FLOWS   32
#define PACKETS 8 /* of each */

static struct packet p;

static struct hub_spoke *
fat(void)
{
	return &hub.spoke[TRANSPORT][0];
}

static uint32_t
word_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/** Packet n of flow f from the lan to the one fat spoke. */
static void
from_lan(uint16_t f, uint8_t n)
{
	packet_payload(&p, 40);
	packet_at(&p)[0] = n;
	packet_udp(&p, (uint16_t)(1000 + f), 9000);
	packet_ip(&p, LAN_BE, fat()->net_be, IPPROTO_UDP);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_push(hub.lan, 0, &p);
}

/** Two workers encrypt for one spoke: every number once, every flow in order. */
static void
one_fat_spoke_by_two_workers(void)
{
	static bool number[FLOWS * PACKETS + 1];
	uint8_t next[FLOWS] = { 0 };
	uint64_t before = hub.other->c->handovers;
	unsigned got = 0;

	for (uint8_t n = 0; n < PACKETS; n++)
		for (uint16_t f = 0; f < FLOWS; f++)
			from_lan(f, n);
	hub_settle();
	CHECK(hub.other->c->handovers - before > FLOWS * PACKETS / 4);
	CHECK(hub.other->c->handovers - before < FLOWS * PACKETS * 3 / 4);
	while (hub_out(hub.wan, &p)) {
		uint32_t seq = word_at(packet_at(&p) + 14 + 20 + 4);
		uint16_t f;

		CHECK(seq >= 1 && seq <= FLOWS * PACKETS && !number[seq]);
		number[seq <= FLOWS * PACKETS ? seq : 0] = true;
		CHECK(hub_unwrap(&p, fat(), 0));
		f = (uint16_t)((word_at(packet_at(&p) + 20) >> 16) - 1000);
		CHECK(f < FLOWS);
		CHECK_EQ(packet_at(&p)[28], next[f % FLOWS]++);
		got++;
	}
	CHECK_EQ(got, FLOWS * PACKETS);
}

/** Fragments show no ports behind the first: all of a packet go one way. */
static void
fragments_stay_together(void)
{
	for (uint16_t host = 0; host < 16; host++) {
		uint64_t before = hub.other->c->handovers, moved;

		for (uint16_t off = 0; off < 3; off++) {
			packet_payload(&p, 80);
			packet_at(&p)[0] = (uint8_t)(off * 77); /* where ports would be */
			packet_ip(&p, LAN_BE + ((uint32_t)host << 24), fat()->net_be, IPPROTO_UDP)
				->fragment_offset = rte_cpu_to_be_16(
				(uint16_t)(off * 10 | (off < 2 ? RTE_IPV4_HDR_MF_FLAG : 0)));
			packet_ip_fix(&p);
			packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
			hub_in(hub.lan, &p);
		}
		moved = hub.other->c->handovers - before;
		CHECK(moved == 0 || moved == 3);
	}
	CHECK_EQ(hub_drain(), 48);
}

/** To the kernel a frame goes whole, whichever worker it came by. */
static void
local_packets_come_up_whole(void)
{
	for (uint16_t f = 0; f < 8; f++) {
		packet_payload(&p, 40);
		packet_udp(&p, (uint16_t)(2000 + f), 53);
		packet_ip(&p, LAN_BE, IPV4(10, 0, 2, 1), IPPROTO_UDP);
		packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
		hub_forget();
		hub_in(hub.lan, &p);
		CHECK_EQ(hub.told[DP_FRAME], 1);
		CHECK_EQ(hub.last[DP_FRAME].bytes, 14 + 20 + 8 + 40);
		CHECK_MEM(hub.last[DP_FRAME].data, packet_at(&p), hub.last[DP_FRAME].bytes);
	}
}

/** A worker that does not come after loses what is for it, and nothing else. */
static void
full_ring_drops_only_its_own(void)
{
	uint64_t full = hub_count(VERDICT_DROP_HANDOVER_FULL);
	struct rte_mbuf *m;
	unsigned own = 0, lost = 0;

	while ((m = rte_pktmbuf_alloc(hub.dp->pool)) != NULL &&
		rte_ring_enqueue(hub.other->handover_in, m) == 0)
		;
	rte_pktmbuf_free(m);
	for (uint16_t f = 0; f < FLOWS; f++)
		from_lan(f, 0);
	worker_round(hub.w);
	lost = (unsigned)(hub_count(VERDICT_DROP_HANDOVER_FULL) - full);
	while (rte_ring_dequeue(hub.other->handover_in, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	hub_settle();
	own = hub_drain();
	CHECK(lost > 0 && own > 0);
	CHECK_EQ(lost + own, FLOWS);
	CHECK(hub_buffers_back());
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(one_fat_spoke_by_two_workers);
	TEST(fragments_stay_together);
	TEST(local_packets_come_up_whole);
	TEST(full_ring_drops_only_its_own);
	hub_stop();
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * One spoke with one SA pair in two clouds of one address, told apart by the GRE key:
 * `first` is its peer in TRANSPORT, `second` in TUNNEL (whose own spokes use tunnel mode;
 * a cloud does not care). Only what the control core linked is one spoke.
 */
#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define SECOND_BE IPV4(10, 0, TUNNEL, 77) /* its address in the second cloud */
#define GRE_NHRP  0x2001

static struct packet p;
static struct hub_spoke *first;
static struct hub_spoke second; /* the same SAs, the other cloud */

static void
second_add(void)
{
	first = &hub.spoke[TRANSPORT][0];
	second = *first;
	second.cloud = TUNNEL;
	second.overlay_be = SECOND_BE;
	second.spec.cloud = TUNNEL;
	second.spec.cookie = 7777;
	second.spec.overlay = addr_from_v4(SECOND_BE);
	CHECK_EQ(dp_peer_new(hub.dp, &second.spec, &second.peer), 0);
	CHECK_EQ(dp_nbma_set(hub.dp, TUNNEL, &second.spec.overlay, second.peer), 0);
	CHECK_EQ(dp_peer_sa_share(hub.dp, second.peer, first->peer), 0);
	first->spec.sibling = second.peer;
	hub_peer_set(first);
}

static void
second_del(void)
{
	first->spec.sibling = 0;
	hub_peer_set(first);
	dp_peer_free(hub.dp, second.peer);
	hub_settle();
}

/** Through the one SA, with this key, from the second cloud's address to the LAN. */
static bool
ends_as(enum verdict v, int64_t key, uint32_t src, uint16_t proto)
{
	uint64_t before = hub_count(v);

	packet_payload(&p, 60);
	packet_ip(&p, src, LAN_BE, 253);
	packet_gre(&p, key, proto);
	hub_protect(&p, first);
	hub_in(hub.wan, &p);
	return hub_count(v) == before + 1;
}

static uint64_t
rx_of(uint32_t peer)
{
	struct dp_peer_stats st;

	dp_peer_stats(hub.dp, peer, &st);
	return st.rx_packets;
}

static void
key_chooses_the_cloud(void)
{
	uint64_t rx_first = rx_of(first->peer), rx_second;

	second_add();
	rx_second = rx_of(second.peer);
	CHECK(ends_as(VERDICT_TX, hub.cloud[TUNNEL].key, SECOND_BE, RTE_ETHER_TYPE_IPV4));
	CHECK(ends_as(
		VERDICT_TX, hub.cloud[TRANSPORT].key, first->overlay_be, RTE_ETHER_TYPE_IPV4));
	CHECK_EQ(rx_of(first->peer), rx_first + 1);
	CHECK_EQ(rx_of(second.peer), rx_second + 1);
	/* The address of one cloud is spoofed in the other. */
	CHECK(ends_as(
		VERDICT_DROP_SPOOF, hub.cloud[TRANSPORT].key, SECOND_BE, RTE_ETHER_TYPE_IPV4));
	CHECK(ends_as(
		VERDICT_DROP_SPOOF, hub.cloud[TUNNEL].key, first->overlay_be, RTE_ETHER_TYPE_IPV4));
	CHECK(ends_as(VERDICT_DROP_GRE_KEY, hub.cloud[NATT].key, SECOND_BE, RTE_ETHER_TYPE_IPV4));
	hub_drain();
	second_del();
	CHECK(ends_as(VERDICT_DROP_GRE_KEY, hub.cloud[TUNNEL].key, SECOND_BE, RTE_ETHER_TYPE_IPV4));
}

/** NHRP of a cloud it is not in yet goes up with its own peer's cookie, into no clear cloud. */
static void
nhrp_asks_to_join(void)
{
	uint64_t rx;

	hub_forget();
	CHECK(ends_as(VERDICT_PUNT_NHRP, hub.cloud[TUNNEL].key, SECOND_BE, GRE_NHRP));
	CHECK_EQ(hub.told[DP_NHRP], 1);
	CHECK_EQ(hub.last[DP_NHRP].cloud, TUNNEL);
	CHECK_EQ(hub.last[DP_NHRP].cookie, first->spec.cookie);
	CHECK(ends_as(VERDICT_DROP_GRE_KEY, hub.cloud[CLEAR].key, SECOND_BE, GRE_NHRP));
	CHECK(ends_as(VERDICT_DROP_GRE_KEY, -1, SECOND_BE, GRE_NHRP));
	second_add();
	hub_forget();
	rx = rx_of(second.peer);
	CHECK(ends_as(VERDICT_PUNT_NHRP, hub.cloud[TUNNEL].key, SECOND_BE, GRE_NHRP));
	CHECK_EQ(hub.last[DP_NHRP].cookie, second.spec.cookie);
	CHECK_EQ(rx_of(second.peer), rx + 1); /* received is received: tx counts NHRP too */
	second_del();
}

/** A packet from the kernel to an overlay address; true when it left for `s`. */
static bool
reaches(enum hub_cloud c, struct hub_spoke *s)
{
	packet_payload(&p, 60);
	packet_ip(&p, LAN_BE, s->overlay_be, 253);
	CHECK_EQ(dp_send_inner(hub.dp, (uint16_t)c, packet_at(&p), p.bytes), 0);
	hub_settle();
	return hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0);
}

static uint64_t
seq_of(uint32_t peer)
{
	struct dp_peer spec;
	uint32_t spi;
	uint64_t seq;

	CHECK(dp_peer_read(hub.dp, peer, &spec, &spi, &seq));
	return seq;
}

/** No number is used twice with one key, whichever cloud a packet is of. */
static void
one_outbound_sa_for_both(void)
{
	struct dp_sa_out_stats before, after;
	uint64_t seq;

	second_add();
	seq = seq_of(first->peer);
	CHECK(dp_sa_out_read(hub.dp, first->peer, &before));
	for (unsigned i = 0; i < 10; i++) {
		CHECK(reaches(TRANSPORT, first));
		CHECK(reaches(TUNNEL, &second));
	}
	CHECK_EQ(seq_of(first->peer), seq + 20);
	CHECK_EQ(seq_of(second.peer), seq + 20);
	CHECK(dp_sa_out_read(hub.dp, first->peer, &after));
	CHECK_EQ(after.packets, seq + 20);
	CHECK_EQ(after.bytes - before.bytes, 20 * 80); /* inner, of both */
	CHECK_EQ(before.packets_left - after.packets_left, 20);
	CHECK(after.bytes_left == UINT64_MAX); /* it has no such limit */
	/* The first closes: the other's is still whole, until it closes too. */
	CHECK_EQ(dp_peer_sa_out(hub.dp, first->peer, NULL), 0);
	hub_settle();
	CHECK(!dp_sa_out_read(hub.dp, first->peer, &after));
	CHECK(!reaches(TRANSPORT, first));
	CHECK(reaches(TUNNEL, &second));
	CHECK_EQ(dp_peer_sa_share(hub.dp, second.peer, first->peer), 0);
	CHECK(!reaches(TUNNEL, &second));
	hub_drain();
	hub_rekey(first, &(struct hub_sa){ .encr = 20, .bits = 256, .window = 64 });
	CHECK_EQ(dp_peer_sa_share(hub.dp, second.peer, first->peer), 0);
	second.in = first->in;
	CHECK(reaches(TUNNEL, &second));
	CHECK(dp_sa_out_read(hub.dp, first->peer, &after));
	CHECK_EQ(after.packets, 1); /* of the new SA alone */
	CHECK_EQ(after.bytes, 80);
	second_del();
	CHECK(reaches(TRANSPORT, first));
	CHECK_EQ(dp_peer_sa_share(hub.dp, second.peer, first->peer), -ENOENT);
}

/** The first peer goes (its cloud was removed): the SA serves the second without a gap. */
static void
sa_moves_to_the_second(void)
{
	struct hub_spoke *a = first;
	uint32_t gone = a->peer;

	second_add();
	CHECK_EQ(dp_sa_in_move(hub.dp, a->out.spi, second.peer), 0);
	dp_nbma_del(hub.dp, TRANSPORT, &a->spec.overlay);
	dp_peer_free(hub.dp, gone);
	hub_settle();
	CHECK(ends_as(VERDICT_TX, hub.cloud[TUNNEL].key, SECOND_BE, RTE_ETHER_TYPE_IPV4));
	CHECK(ends_as(VERDICT_DROP_GRE_KEY, hub.cloud[TRANSPORT].key, a->overlay_be,
		RTE_ETHER_TYPE_IPV4));
	hub_drain();
	CHECK(reaches(TUNNEL, &second));
	CHECK_EQ(dp_sa_in_move(hub.dp, a->out.spi, gone), -ENOENT);
	CHECK_EQ(dp_sa_in_move(hub.dp, a->out.spi + 1, second.peer), -ENOENT);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	first = &hub.spoke[TRANSPORT][0];
	TEST(key_chooses_the_cloud);
	TEST(nhrp_asks_to_join);
	TEST(one_outbound_sa_for_both);
	TEST(sa_moves_to_the_second);
	CHECK(hub_buffers_back());
	hub_stop();
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** What the control core edits or sends, as the workers then act on it. */
#include <netinet/in.h>
#include <unistd.h>

#include <rte_udp.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static const struct hub_sa gcm = { .encr = ENCR_AES_GCM_16, .bits = 256, .window = 64 };

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c)
{
	return &hub.spoke[c][0];
}

/* ---- SAs ------------------------------------------------------------------------------- */

static void
owners_take_turns(void)
{
	struct dp_sa_stats st[3];

	for (int i = 0; i < 3; i++) {
		hub_rekey_live(spoke(TUNNEL), &gcm);
		CHECK(dp_sa_in_read(hub.dp, spoke(TUNNEL)->out.spi, &st[i]));
	}
	CHECK(st[0].owner != st[1].owner);
	CHECK_EQ(st[0].owner, st[2].owner);
	hub_rekey(spoke(TUNNEL), &gcm);
}

static uint64_t
taken_of(uint32_t spi)
{
	struct dp_sa_stats st = { 0 };

	return dp_sa_in_read(hub.dp, spi, &st) ? st.packets : 0;
}

/** What the peer sent before it knew of the new SA is still opened, and then no more. */
static void
retired_sa_has_its_grace(void)
{
	struct hub_spoke *s = spoke(TRANSPORT);
	uint32_t spi = s->out.spi;
	uint64_t before = taken_of(spi), gone = hub_count(VERDICT_DROP_ESP_SPI);

	hub_settle();
	hub_forget();
	CHECK_EQ(dp_sa_in_retire(hub.dp, spi, 300), 0);
	hub_ping(&p, s, IPV4(10, 0, 2, 1), 40);
	hub_in(hub.wan, &p);
	CHECK_EQ(taken_of(spi), before + 1);
	CHECK_EQ(hub.told[DP_SA_RETIRED], 0);
	usleep(350000);
	hub_settle();
	CHECK_EQ(hub.told[DP_SA_RETIRED], 1);
	hub_ping(&p, s, IPV4(10, 0, 2, 1), 40);
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_ESP_SPI), gone + 1);
	s->out.spi = 0;
	hub_rekey(s, &gcm);
}

/* ---- peers ----------------------------------------------------------------------------- */

/** A number given back names nobody else while a worker may still hold it. */
static void
peer_number_is_not_reused_at_once(void)
{
	struct dp_peer spec = spoke(CLEAR)->spec;
	uint32_t a, b, c;

	spec.remote = addr_from_v4(IPV4(192, 0, 2, 150));
	spec.multicast = false;
	CHECK_EQ(dp_peer_new(hub.dp, &spec, &a), 0);
	dp_peer_free(hub.dp, a);
	CHECK_EQ(dp_peer_new(hub.dp, &spec, &b), 0);
	CHECK(a != b);
	dp_peer_free(hub.dp, b);
	hub_settle();
	CHECK_EQ(dp_peer_new(hub.dp, &spec, &c), 0);
	CHECK(c == a || c == b);
	dp_peer_free(hub.dp, c);
	hub_settle();
}

static void
kernel_speaks_to_all(void)
{
	packet_payload(&p, 40);
	packet_ip(&p, IPV4(10, 0, 1, 1), IPV4(224, 0, 0, 5), 89);
	CHECK_EQ(dp_send_inner(hub.dp, CLEAR, packet_at(&p), p.bytes), 0);
	hub_settle();
}

#define MANY 40 /* more than one slice of copies */

static void
multicast_reaches_each_registered_peer_once(void)
{
	struct dp_peer spec = spoke(CLEAR)->spec;
	unsigned seen[MANY] = { 0 };
	uint32_t id[MANY];

	for (int i = 0; i < MANY; i++) {
		spec.remote = addr_from_v4(rte_cpu_to_be_32(0xc6336401 + (uint32_t)i));
		CHECK_EQ(dp_peer_new(hub.dp, &spec, &id[i]), 0);
	}
	spec.multicast = false; /* one is not registered any more */
	CHECK_EQ(dp_peer_set(hub.dp, id[MANY - 1], &spec), 0);
	hub_settle();
	kernel_speaks_to_all();
	while (hub_out(hub.wan, &p)) {
		const struct rte_ipv4_hdr *ip = (const void *)(packet_at(&p) + 14);
		uint32_t i = rte_be_to_cpu_32(ip->dst_addr) - 0xc6336401;

		if (i < MANY)
			seen[i]++;
	}
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(seen[i], i < MANY - 1);
		dp_peer_free(hub.dp, id[i]);
	}
	hub_settle();
	CHECK(hub_buffers_back());
}

/** Groups on a lan port are the kernel's by the port's twin, never a cloud's. */
static void
multicast_stays_on_its_side(void)
{
	uint64_t up = hub_count(VERDICT_PUNT_MULTICAST);

	packet_payload(&p, 40);
	packet_ip(&p, LAN_BE, IPV4(224, 0, 0, 5), 89);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4); /* to our MAC: not as it should */
	hub_in(hub.lan, &p);
	CHECK_EQ(hub_count(VERDICT_PUNT_MULTICAST), up);
	CHECK_EQ(hub_count(VERDICT_DROP_MULTICAST), 1);
	CHECK_EQ(hub_drain(), 0);
}

/* ---- ports ----------------------------------------------------------------------------- */

static void
internet_exit_is_asked_for(void)
{
	struct addr dst = addr_from_v4(IPV4(203, 0, 113, 5));
	uint32_t id = dp_fib_lookup(hub.dp, 0, &dst);
	struct dp_adj out = {
		.kind = DP_ADJ_KIND_ETH, .port = hub.wan, .mac = { 2, 0, 0, 0, 0, 9 }
	};

	for (int open = 1; open >= 0; open--) {
		hub.dp->ports[hub.wan].internet_exit = open;
		CHECK_EQ(dp_adj_set(hub.dp, id, &out), 0);
		hub_ping(&p, spoke(TRANSPORT), addr_v4(&dst), 40);
		hub_in(hub.wan, &p);
		CHECK_EQ(hub_out(hub.wan, &p), open);
	}
}

/** A worker without a queue of its own on a port sends by one that has. */
static void
other_worker_sends_on_the_right_port(void)
{
	hub_sa_in(spoke(TRANSPORT))->owner = 1;
	hub_ping(&p, spoke(TRANSPORT), LAN_BE, 40);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.lan, &p));
	CHECK_EQ(hub.other->c->tx_packets, 0);
	hub_ping(&p, spoke(TRANSPORT), hub.spoke[NATT][1].overlay_be, 40);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, &hub.spoke[NATT][1], 0));
	hub_sa_in(spoke(TRANSPORT))->owner = 0;
}

/* ---- IKE down -------------------------------------------------------------------------- */

/** Certificates make long datagrams: in fragments they are the datagram again, sum included. */
static void
long_datagrams_leave_in_fragments(void)
{
	static uint8_t sent[4000], got[4100];
	struct addr local = addr_from_v4(HUB_BE), remote = spoke(NATT)->spec.remote;
	struct rte_ipv4_hdr whole = { .src_addr = HUB_BE, .next_proto_id = IPPROTO_UDP };
	uint16_t bytes = 0, id = 0;
	bool more = true;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31 + i / 251);
	CHECK_EQ(dp_send_udp(hub.dp, &local, 500, &remote, 501, hub.uplink, sent, sizeof(sent)), 0);
	hub_settle();
	for (int n = 0; more && hub_out(hub.wan, &p); n++) {
		const struct rte_ipv4_hdr *ip;
		uint16_t off;

		CHECK(p.bytes <= 1514);
		packet_pull(&p, 14);
		ip = (const void *)packet_at(&p);
		CHECK_EQ(rte_ipv4_cksum(ip), 0);
		CHECK_EQ(rte_be_to_cpu_16(ip->total_length), p.bytes);
		CHECK_EQ(ip->dst_addr, addr_v4(&remote));
		CHECK_EQ(ip->type_of_service, 0xc0);
		CHECK(n == 0 || ip->packet_id == id);
		id = ip->packet_id;
		off = rte_be_to_cpu_16(ip->fragment_offset);
		more = (off & RTE_IPV4_HDR_MF_FLAG) != 0;
		CHECK_EQ((off & RTE_IPV4_HDR_OFFSET_MASK) * 8, bytes);
		if (bytes + p.bytes - 20 > (int)sizeof(got))
			break;
		memcpy(got + bytes, packet_at(&p) + 20, p.bytes - 20u);
		bytes = (uint16_t)(bytes + p.bytes - 20);
	}
	CHECK(!more);
	CHECK_EQ(bytes, 8 + sizeof(sent));
	CHECK_MEM(got + 8, sent, sizeof(sent));
	CHECK_MEM(got, "\x01\xf4\x01\xf5\x0f\xa8", 6); /* ports 500 and 501, 4008 octets */
	whole.version_ihl = RTE_IPV4_VHL_DEF;
	whole.dst_addr = addr_v4(&remote);
	whole.total_length = rte_cpu_to_be_16((uint16_t)(20 + bytes));
	CHECK_EQ(rte_ipv4_udptcp_cksum(&whole, got), 0xffff); /* UDP writes 0 so */
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(owners_take_turns);
	TEST(retired_sa_has_its_grace);
	TEST(peer_number_is_not_reused_at_once);
	TEST(multicast_reaches_each_registered_peer_once);
	TEST(multicast_stays_on_its_side);
	TEST(internet_exit_is_asked_for);
	TEST(other_worker_sends_on_the_right_port);
	TEST(long_datagrams_leave_in_fragments);
	hub_stop();
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A port that is a bond (net_bonding) of two devices: what comes in on the active member is
 * received, what is sent leaves by it, and by the other once that has lost its link. The members
 * are net_null, which can change their MAC and stop; callbacks put packets in and count them.
 */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>
#include <rte_eth_bond.h>

#include "dataplane/dp_priv.h"
#include "test/lib/check.h"

#define MEMBERS 2

static struct dp *dp;
static uint16_t member[MEMBERS], port;
static uint16_t single, port4; /* of a bond by LACP, and that */
static struct port one;        /* whose member has one queue */
static unsigned lacpdus;
static struct rte_mbuf *coming[MEMBERS]; /* on a member next */
static unsigned left[MEMBERS];           /* by a member so far */
static unsigned told;
static uint8_t mac[6];

static uint16_t
receive(uint16_t ethdev, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint16_t max, void *arg)
{
	struct rte_mbuf **next = arg;

	(void)ethdev;
	(void)queue;
	if (*next == NULL || n == max)
		return n;
	m[n] = *next;
	*next = NULL;
	return n + 1;
}

static uint16_t
transmit(uint16_t ethdev, uint16_t queue, struct rte_mbuf **m, uint16_t n, void *arg)
{
	(void)ethdev;
	(void)queue;
	for (uint16_t i = 0; i < n; i++)
		CHECK_MEM(rte_pktmbuf_mtod(m[i], uint8_t *) + 6, mac, 6);
	*(unsigned *)arg += n;
	return n;
}

static void
hear(void *user, const struct dp_msg *msg)
{
	(void)user;
	told += msg->type == DP_FRAME && msg->port == port;
}

static void
settle(void)
{
	for (int i = 0; i < 8; i++) {
		worker_round(dp->workers[0]);
		worker_round(dp->workers[1]);
		dp_poll(dp, hear, NULL, 64);
	}
}

/** IEEE 802.3, annex 57A: slow protocols. */
static uint16_t
lacp(uint16_t ethdev, uint16_t queue, struct rte_mbuf **m, uint16_t n, void *arg)
{
	(void)ethdev;
	(void)queue;
	(void)arg;
	for (uint16_t i = 0; i < n; i++)
		lacpdus += memcmp(rte_pktmbuf_mtod(m[i], void *), "\x01\x80\xc2\0\0\2", 6) == 0;
	return n;
}

static bool
start(void)
{
	static const char *const no_pci[] = { "--no-pci", NULL };
	struct dp_conf conf = {
		.prog = "test", .workers = 2, .max_peers = 16, .mtu = 9000, .eal_args = no_pci
	};
	struct dp_port_conf bond = {
		.device = "net_bonding0,mode=1,member=net_null0,slave=net_null1",
		.role = DP_WAN,
		.mtu = 9000,
	};
	struct rte_ring *ring;
	uint16_t id;

	if (dp_new(&conf, &dp) != 0)
		return false;
	for (int i = 0; i < MEMBERS; i++) {
		const char *name = i == 0 ? "net_null0" : "net_null1";

		if (rte_dev_probe(i == 0 ? "net_null0,no-rx=1" : "net_null1,no-rx=1") != 0 ||
			rte_eth_dev_get_port_by_name(name, &member[i]) != 0)
			return false;
		rte_eth_add_rx_callback(member[i], 0, receive, &coming[i]);
		rte_eth_add_tx_callback(member[i], 0, transmit, &left[i]);
	}
	if (dp_port_add(dp, &bond, &port) != 0)
		return false;
	bond.device = "net_bonding1,mode=4,member=net_null2";
	if (rte_dev_probe("net_null2,no-rx=1") != 0 ||
		rte_eth_dev_get_port_by_name("net_null2", &single) != 0)
		return false;
	for (uint16_t q = 0; q < 2; q++)
		rte_eth_add_tx_callback(single, q, lacp, NULL);
	if (dp_port_add(dp, &bond, &port4) != 0 || port_start_all(dp) != 0)
		return false;
	/* Only looked at: a ring cannot take the bond's MAC. What counts is its one queue. */
	bond.device = "net_bonding2,mode=1,member=net_ring_one";
	ring = rte_ring_create("one", 64, SOCKET_ID_ANY, 0);
	if (rte_eth_from_rings("one", &ring, 1, &ring, 1, SOCKET_ID_ANY) < 0 ||
		dp_port_add(dp, &bond, &id) != 0)
		return false;
	one = dp->ports[id];
	dp->ports_count--;
	rte_eth_dev_close(one.ethdev);
	dp_port_mac(dp, port, mac);
	dp->running = true;
	for (unsigned w = 0; w < 2; w++) {
		rte_rcu_qsbr_thread_register(dp->qsbr, w);
		rte_rcu_qsbr_thread_online(dp->qsbr, w);
	}
	return true;
}

/** Until the driver's own look at the links says so. */
static bool
link_becomes(bool up)
{
	for (int i = 0; i < 2000 && dp_port_link_up(dp, port) != up; i++)
		rte_delay_ms(5);
	return dp_port_link_up(dp, port) == up;
}

static void
push(int i)
{
	static const uint8_t arp[46] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6 };

	if (m == NULL)
		abort();
	memcpy(frame + 14, arp, sizeof(arp));
	memcpy(rte_pktmbuf_append(m, sizeof(frame)), frame, sizeof(frame));
	coming[i] = m;
	settle();
}

static unsigned
left_by(int i)
{
	unsigned n = left[i];

	left[i] = 0;
	return n;
}

static void
hub_sends(void)
{
	uint8_t frame[60] = { 2, 0, 0, 0, 0, 9 };

	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, "\x08\x06", 2);
	CHECK_EQ(dp_send_frame(dp, port, frame, sizeof(frame)), 0);
	settle();
}

/** One MAC for both, that of the first; the twin gets it. */
static void
bond_has_link_and_mac(void)
{
	struct rte_ether_addr first;

	CHECK(link_becomes(true));
	CHECK_EQ(rte_eth_macaddr_get(member[0], &first), 0);
	CHECK_MEM(mac, first.addr_bytes, 6);
	CHECK(memcmp(mac, "\0\0\0\0\0\0", 6) != 0);
}

static void
active_member_carries(void)
{
	told = 0;
	push(0);
	CHECK_EQ(told, 1);
	hub_sends();
	CHECK_EQ(left_by(0), 1);
	CHECK_EQ(left_by(1), 0);
}

static void
other_takes_over(void)
{
	CHECK_EQ(rte_eth_dev_stop(member[0]), 0);
	for (int i = 0; i < 2000 && rte_eth_bond_primary_get(dp->ports[port].ethdev) != member[1];
		i++)
		rte_delay_ms(5);
	CHECK(dp_port_link_up(dp, port));
	hub_sends();
	CHECK_EQ(left_by(0), 0);
	CHECK_EQ(left_by(1), 1);
	told = 0;
	push(1);
	CHECK_EQ(told, 1);
}

static void
no_member_no_link(void)
{
	CHECK_EQ(rte_eth_dev_stop(member[1]), 0);
	CHECK(link_becomes(false));
	CHECK_EQ(rte_eth_dev_start(member[0]), 0);
	CHECK(link_becomes(true));
	hub_sends();
	CHECK_EQ(left_by(0), 1);
}

/** What the members can is known before queues are made: each worker has one, with RSS. */
static void
workers_have_queues(void)
{
	struct rte_eth_rss_conf rss = { 0 };

	CHECK_EQ(dp->ports[port].rxqs, 2);
	CHECK_EQ(dp->ports[port].txqs, 2);
	CHECK_EQ(one.rxqs, 1);
	CHECK_EQ(one.txqs, 1);
	CHECK_EQ(rte_eth_dev_rss_hash_conf_get(dp->ports[port].ethdev, &rss), 0);
	CHECK(rss.rss_hf != 0);
}

static void
members_have_its_mtu(void)
{
	uint16_t mtu;

	for (int i = 0; i < MEMBERS; i++) {
		CHECK_EQ(rte_eth_dev_get_mtu(member[i], &mtu), 0);
		CHECK_EQ(mtu, 9000);
	}
}

/** LACP goes on while there is nothing else to send. */
static void
lacp_without_traffic(void)
{
	for (int i = 0; i < 2000 && lacpdus == 0; i++) {
		settle();
		rte_delay_ms(5);
	}
	CHECK(lacpdus > 0);
}

int
main(void)
{
	if (!start()) {
		printf("Bail out! no bond here\n");
		return 1;
	}
	TEST(bond_has_link_and_mac);
	TEST(workers_have_queues);
	TEST(members_have_its_mtu);
	TEST(active_member_carries);
	TEST(other_takes_over);
	TEST(no_member_no_link);
	TEST(lacp_without_traffic);
	dp_free(dp);
	return check_done();
}

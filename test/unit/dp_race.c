/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Two workers, each a thread, forward while the control core edits every table they read:
 * spokes come and go, SAs are rekeyed, routes, adjacencies and clouds change. What stays
 * must lose nothing and open with its keys. Built with -Db_sanitize=thread this is where
 * races show; for that the buffers' pool and the ports' queues are made here, of inline
 * code, since the sanitizer does not see into DPDK's own libraries.
 */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#ifdef __SANITIZE_THREAD__
#define SPOKES 1500
#else
#define SPOKES 10000
#endif
#define IN_FLIGHT 256  /* frames; the rings hold more */
#define PATIENCE  2000 /* looks at a queue, a millisecond apart */

static const struct hub_sa gcm = { .encr = ENCR_AES_GCM_16, .bits = 256, .window = 4096 };

static struct packet p;

/* ---- pool and queues the sanitizer can follow ------------------------------------------- */

static int
pool_alloc(struct rte_mempool *mp)
{
	static unsigned n;
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "seen%u", n++);
	mp->pool_data = rte_ring_create(name, rte_align32pow2(mp->size + 1), SOCKET_ID_ANY, 0);
	return mp->pool_data == NULL ? -ENOMEM : 0;
}

static void
pool_free(struct rte_mempool *mp)
{
	rte_ring_free(mp->pool_data);
}

static int
pool_put(struct rte_mempool *mp, void *const *obj, unsigned n)
{
	return rte_ring_enqueue_bulk(mp->pool_data, obj, n, NULL) == 0 ? -ENOBUFS : 0;
}

static int
pool_get(struct rte_mempool *mp, void **obj, unsigned n)
{
	return rte_ring_dequeue_bulk(mp->pool_data, obj, n, NULL) == 0 ? -ENOBUFS : 0;
}

READS_COUNTERS static unsigned
pool_count(const struct rte_mempool *mp)
{
	const struct rte_ring *r = mp->pool_data;

	return (r->prod.tail - r->cons.tail) & r->mask;
}

static const struct rte_mempool_ops seen = {
	.name = "seen",
	.alloc = pool_alloc,
	.free = pool_free,
	.enqueue = pool_put,
	.dequeue = pool_get,
	.get_count = pool_count,
};

static uint16_t
queue_rx(void *ring, struct rte_mbuf **m, uint16_t n)
{
	return (uint16_t)rte_ring_dequeue_burst(ring, (void **)m, n, NULL);
}

static uint16_t
queue_tx(void *ring, struct rte_mbuf **m, uint16_t n)
{
	return (uint16_t)rte_ring_enqueue_burst(ring, (void **)m, n, NULL);
}

static void
queues_replace(uint16_t port, const char *name, unsigned queues)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[hub.dp->ports[port].ethdev];
	char ring[RTE_RING_NAMESIZE];

	for (unsigned q = 0; q < queues; q++) {
		snprintf(ring, sizeof(ring), "%s_in%u", name, q);
		ops->rxq.data[q] = rte_ring_lookup(ring);
		snprintf(ring, sizeof(ring), "%s_out%u", name, q);
		ops->txq.data[q] = rte_ring_lookup(ring);
	}
	ops->rx_pkt_burst = queue_rx;
	ops->tx_pkt_burst = queue_tx;
}

const char *__tsan_default_suppressions(void);

/** A look at how full a ring is is a look, no more. */
const char *
__tsan_default_suppressions(void)
{
	return "race:^rte_ring_count$\n";
}

/* ---- traffic of those who stay ---------------------------------------------------------- */

static uint64_t sent, got, wrong;

static struct hub_spoke *
stays(enum hub_cloud c, int i)
{
	return &hub.spoke[c][i];
}

/** The keys stay over a rekey, the SPI is that of the SA it was sealed with. */
static bool
opens(struct hub_spoke *to)
{
	uint32_t spi;

	memcpy(&spi, packet_at(&p) + 14 + 20 + (to->udp != 0 ? 8 : 0), sizeof(spi));
	to->in.spi = rte_be_to_cpu_32(spi);
	return hub_unwrap(&p, to, 0);
}

/** Whose is it, by outer address and framing? NULL: of those who come and go. */
static struct hub_spoke *
receiver(void)
{
	const struct rte_ipv4_hdr *ip = (const void *)(packet_at(&p) + 14);

	for (enum hub_cloud c = TRANSPORT; c < HUB_CLOUDS; c++)
		if (ip->dst_addr == stays(c, 1)->outer_be && stays(c, 1)->udp == 0 &&
			stays(c, 1)->tunnel_mode == (ip->type_of_service == 0x20) &&
			ip->next_proto_id == IPPROTO_ESP)
			return stays(c, 1);
		else if (ip->dst_addr == stays(c, 1)->outer_be && stays(c, 1)->udp != 0 &&
			ip->next_proto_id == IPPROTO_UDP)
			return stays(c, 1);
	return NULL;
}

static void
drain(void)
{
	while (hub_out(hub.wan, &p)) {
		struct hub_spoke *to = receiver();

		if (to == NULL)
			continue;
		if (!opens(to))
			wrong++;
		else
			got += packet_at(&p)[20] == 0xaa; /* else multicast */
	}
	while (hub_out(hub.lan, &p))
		;
}

/** Routed to all who talk, and by another way to none: only one of many routes back. */
#define SHARED_BE IPV4(10, 88, 0, 1)

/** A packet from a spoke that stays, or from the lan, to a spoke that stays. */
static void
talk(unsigned n)
{
	enum hub_cloud c = TRANSPORT + n % 3;
	struct hub_spoke *from = stays(c, 0), *to = stays(TRANSPORT + n / 3 % 3, 1);
	const uint32_t src[] = { LAN_BE, from->overlay_be, SHARED_BE, from->overlay_be };
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, (uint16_t)(40 + n % 200));
	packet_at(&p)[0] = 0xaa;
	ip = packet_ip(&p, src[n % 4], to->overlay_be, 253);
	ip->type_of_service = to->tunnel_mode ? 0x20 : 0; /* tells the two framings apart */
	packet_ip_fix(&p);
	if (n % 4 == 0)
		packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	else
		hub_wrap(&p, from);
	hub_push(n % 4 == 0 ? hub.lan : hub.wan, n % 4 == 0 ? 0 : n % hub.queues, &p);
	sent++;
}

static void
tell_drops(void)
{
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		if (hub_count(v) != 0)
			printf("# %s %" PRIu64 "\n", dp_verdict_name(v), hub_count(v));
}

static void
wait_for_room(uint64_t in_flight)
{
	drain();
	for (int i = 0; i < PATIENCE && sent - got > in_flight; i++) {
		usleep(1000);
		hub_poll();
		drain();
	}
	CHECK(sent - got <= in_flight);
	if (check_bad)
		tell_drops();
}

/* ---- those who come and go -------------------------------------------------------------- */

static struct hub_spoke visitor[SPOKES];

static void
visitors_route(void)
{
	struct dp_adj into = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = TRANSPORT };
	struct prefix net = { .addr = addr_from_v4(IPV4(10, 100, 0, 0)), .bits = 16 };
	uint32_t id;

	CHECK_EQ(dp_adj_new(hub.dp, &into, &id), 0);
	CHECK_EQ(dp_fib_set(hub.dp, 0, &net, id), 0);
}

static void
visitor_add(unsigned n)
{
	struct hub_spoke *v = &visitor[n];

	*v = (struct hub_spoke){
		.cloud = TRANSPORT,
		.outer_be = rte_cpu_to_be_32(0xc6120000 + n), /* 198.18/15 */
		.overlay_be = rte_cpu_to_be_32(0x0a640000 + n),
	};
	v->spec = stays(TRANSPORT, 0)->spec;
	v->spec.remote = addr_from_v4(v->outer_be);
	v->spec.overlay = addr_from_v4(v->overlay_be);
	v->spec.multicast = n % 1000 == 0; /* few: all copies come back to this thread */
	CHECK_EQ(dp_peer_new(hub.dp, &v->spec, &v->peer), 0);
	CHECK_EQ(dp_nbma_set(hub.dp, TRANSPORT, &v->spec.overlay, v->peer), 0);
	hub_rekey_live(v, &gcm);
}

static void
visitor_del(unsigned n)
{
	struct hub_spoke *v = &visitor[n];

	CHECK_EQ(dp_nbma_del(hub.dp, TRANSPORT, &v->spec.overlay), 0);
	CHECK_EQ(dp_peer_sa_out(hub.dp, v->peer, NULL), 0);
	CHECK_EQ(dp_sa_in_retire(hub.dp, v->out.spi, 0), 0);
	dp_peer_free(hub.dp, v->peer);
	packet_key_free(v->in.suite, v->in.key);
	packet_key_free(v->out.suite, v->out.key);
	v->peer = 0;
}

/** Something for and from a visitor: it may be there, or gone, or going. */
static void
visit(unsigned n)
{
	struct hub_spoke *v = &visitor[n % SPOKES];

	packet_payload(&p, 60);
	packet_ip(&p, LAN_BE, rte_cpu_to_be_32(0x0a640000 + n % SPOKES), 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	hub_push(hub.lan, 0, &p);
	if (v->peer == 0)
		return;
	hub_ping(&p, v, LAN_BE, 60);
	hub_push(hub.wan, n % hub.queues, &p);
}

/* ---- edits ------------------------------------------------------------------------------ */

static void
routes(unsigned n)
{
	struct prefix net = { .addr = addr_from_v4(rte_cpu_to_be_32(0xac200000 + (n << 4))),
		.bits = (uint8_t)(20 + n % 13) };
	struct addr dst = addr_from_v4(LAN_BE);

	net.addr =
		addr_from_v4(addr_v4(&net.addr) & rte_cpu_to_be_32(UINT32_MAX << (32 - net.bits)));
	CHECK_EQ(dp_fib_set(hub.dp, 0, &net, dp_fib_lookup(hub.dp, 0, &dst)), 0);
	if (n % 2)
		CHECK_EQ(dp_fib_del(hub.dp, 0, &net), 0);
}

/** What a source has beside its best route: that of the talkers stays, in ever new company. */
static void
sources(unsigned n)
{
	struct prefix shared = { .addr = addr_from_v4(IPV4(10, 88, 0, 0)), .bits = 16 };
	struct prefix others = { .addr = addr_from_v4(rte_cpu_to_be_32(0x0a580000 + (n << 6))),
		.bits = 26 };
	static struct dp_rpf all;

	for (unsigned i = 0; all.count == 0 && i < 3; i++) {
		struct dp_adj back = {
			.kind = DP_ADJ_KIND_TUNNEL,
			.cloud = (uint16_t)(TRANSPORT + i),
			.next_hop = stays(TRANSPORT + i, 0)->spec.overlay,
		};

		CHECK_EQ(dp_adj_new(hub.dp, &back, &all.adj[i]), 0);
	}
	all.adj[3] = all.adj[0];
	all.count = 3 + n % 2;
	CHECK_EQ(dp_rpf_set(hub.dp, 0, &shared, &all), 0);
	CHECK_EQ(dp_rpf_set(hub.dp, 0, &others, &all), 0);
	if (n % 3 != 0)
		dp_rpf_del(hub.dp, 0, &others);
}

static void
uplink(unsigned n)
{
	struct dp_adj up = {
		.kind = DP_ADJ_KIND_ETH, .port = hub.wan, .mac = { 2, 0, 0, 0, 0, (uint8_t)n }
	};

	CHECK_EQ(dp_adj_set(hub.dp, hub.uplink, &up), 0);
}

static void
neighbours(unsigned n)
{
	struct dp_adj spec = { .kind = DP_ADJ_KIND_GLEAN, .port = hub.lan };
	uint32_t id;

	(void)n;
	CHECK_EQ(dp_adj_new(hub.dp, &spec, &id), 0);
	dp_adj_free(hub.dp, id);
}

static void
cloud(unsigned n)
{
	/* Rarely the one with the visitors: all of them are made anew. */
	enum hub_cloud c = n % 100 == 0 ? TRANSPORT : TUNNEL + n % 2;

	hub.cloud[c].mtu = (uint16_t)(1300 + n % 100);
	hub_cloud_set(c);
}

static void
peer(unsigned n)
{
	struct hub_spoke *s = stays(TRANSPORT + n % 3, (int)(n / 3 % 2));

	s->spec.multicast = n % 5 != 0;
	s->spec.redirect_group = (uint16_t)(n % 2);
	CHECK_EQ(dp_peer_set(hub.dp, s->peer, &s->spec), 0);
}

static void
own_address(unsigned n)
{
	struct addr a = addr_from_v4(IPV4(192, 0, 2, 200));

	CHECK_EQ(n % 2 ? dp_local_add(hub.dp, hub.wan, &a) : dp_local_del(hub.dp, hub.wan, &a), 0);
}

/** Every other time the spoke is the faster one, and sends before the hub has its keys. */
static void
rekey(unsigned n)
{
	struct hub_spoke *s = stays(TRANSPORT + n % 3, (int)(n / 3 % 2));
	uint32_t old_spi = s->out.spi;

	if (n / 6 % 2 == 0) {
		hub_rekey_live(s, &gcm);
		return;
	}
	hub_rekey_begin(s, &gcm);
	for (unsigned i = 0; i < 4; i++)
		talk(n % 3 + 3 * i);
	usleep(n % 7 * 50);
	hub_rekey_end(s, &gcm);
	CHECK_EQ(dp_sa_in_retire(hub.dp, old_spi, HUB_GRACE_MS), 0);
}

/** Two clouds of one spoke: one outbound SA, which either of them may close or rekey first. */
static void
share(unsigned n)
{
	struct hub_spoke *a = stays(TRANSPORT, 0), *b = stays(TUNNEL, 0);

	if (n % 4 < 3)
		CHECK_EQ(dp_peer_sa_share(hub.dp, b->peer, a->peer), 0);
	else
		CHECK_EQ(dp_peer_sa_out(hub.dp, n % 8 < 4 ? a->peer : b->peer, NULL), 0);
	CHECK_EQ(dp_sa_in_move(hub.dp, b->out.spi, b->peer), 0);
}

static void
speak(unsigned n)
{
	struct addr hub_addr = addr_from_v4(HUB_BE);

	packet_payload(&p, 80);
	dp_send_gre(hub.dp, stays(TRANSPORT, 0)->peer, 0x2001, packet_at(&p), p.bytes);
	dp_send_udp(hub.dp, &hub_addr, 500, &stays(NATT, 0)->spec.remote, 500, hub.uplink,
		packet_at(&p), p.bytes);
	packet_ip(&p, IPV4(10, 0, 2, 1), IPV4(224, 0, 0, 5), 89);
	if (n % 3 == 0)
		dp_send_inner(hub.dp, TRANSPORT, packet_at(&p), p.bytes);
}

static void
look(unsigned n)
{
	struct dp_table_stats t;
	struct dp_worker_stats w;
	struct dp_sa_stats sa;

	dp_table_stats(hub.dp, &t);
	dp_worker_stats(hub.dp, n % 2, &w);
	CHECK(dp_sa_in_read(hub.dp, stays(TRANSPORT, 0)->out.spi, &sa));
	hub_count_all();
}

static void (*const edits[])(unsigned) = { routes, uplink, neighbours, cloud, peer, own_address,
	rekey, speak, look, share, sources };

/* ---- tests ------------------------------------------------------------------------------ */

static void
nothing_is_lost_while_everything_changes(void)
{
	visitors_route();
	sources(0);
	for (unsigned n = 0; n < 2 * SPOKES && !check_bad; n++) {
		if (n < SPOKES)
			visitor_add(n);
		else
			visitor_del(n - SPOKES);
		edits[n % RTE_DIM(edits)](n / RTE_DIM(edits));
		talk(n);
		if (n % 8 == 0)
			visit(n * 7);
		hub_poll();
		wait_for_room(IN_FLIGHT);
	}
	wait_for_room(0);
	CHECK_EQ(got, sent);
	CHECK_EQ(wrong, 0);
}

static void
both_workers_had_work(void)
{
	struct dp_worker_stats w;

	for (unsigned i = 0; i < 2; i++) {
		dp_worker_stats(hub.dp, i, &w);
		CHECK(w.rx_packets > 100);
		CHECK(w.tx_packets > 100);
		CHECK(w.handovers > 100);
	}
}

static void
everything_comes_back(void)
{
	struct dp_table_stats t = { 0 };

	for (int i = 0; i < PATIENCE; i++) {
		hub_poll();
		drain();
		dp_table_stats(hub.dp, &t);
		if (t.pending_free == 0 && t.mbufs_free == t.mbufs_all)
			break;
		usleep(1000);
	}
	CHECK_EQ(t.pending_free, 0);
	CHECK_EQ(t.mbufs_free, t.mbufs_all);
	CHECK_EQ(t.peers, HUB_SPOKES * (HUB_CLOUDS - 1));
	CHECK_EQ(t.nbma, HUB_SPOKES * (HUB_CLOUDS - 1));
}

int
main(void)
{
	static const char *const eal[] = { "--no-pci", "--mbuf-pool-ops-name=seen", NULL };

	hub.queues = 2;
	hub.threads = true;
	hub.max_peers = SPOKES + 100;
	if (crypto_selftest() != NULL || rte_mempool_register_ops(&seen) < 0 || !hub_start(eal))
		return 1;
	queues_replace(hub.wan, "wan", hub.queues);
	queues_replace(hub.lan, "lan", 1);
	hub_launch();
	TEST(nothing_is_lost_while_everything_changes);
	TEST(both_workers_had_work);
	TEST(everything_comes_back);
	hub_stop();
	return check_done();
}

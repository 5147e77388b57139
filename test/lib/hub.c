/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/hub.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "crypto/suite.h"

#define ROUNDS 24 /* more than cipher lanes and replication take */

struct hub hub;

static struct rte_ring *to_hub[3][HUB_QUEUES], *from_hub[3][HUB_QUEUES];

static void
must(int err)
{
	if (err == 0)
		return;
	printf("Bail out! hub: error %d\n", err);
	abort();
}

/* ---- building ------------------------------------------------------------------------- */

static uint16_t
port_add(int i, const char *name, enum dp_role role, uint32_t local_be)
{
	unsigned queues = hub.queues != 0 && role == DP_WAN ? hub.queues : 1;
	char device[32], ring[32];
	struct dp_port_conf conf = { .device = device, .role = role, .mtu = hub.mtu };
	struct addr local = addr_from_v4(local_be);
	uint16_t id;

	for (unsigned q = 0; q < queues; q++) {
		snprintf(ring, sizeof(ring), "%s_in%u", name, q);
		to_hub[i][q] = rte_ring_create(ring, 1024, SOCKET_ID_ANY, 0);
		snprintf(ring, sizeof(ring), "%s_out%u", name, q);
		from_hub[i][q] = rte_ring_create(ring, HUB_RING, SOCKET_ID_ANY, RING_F_EXACT_SZ);
	}
	must(rte_eth_from_rings(name, to_hub[i], queues, from_hub[i], queues, SOCKET_ID_ANY) < 0);
	snprintf(device, sizeof(device), "net_ring_%s", name);
	must(dp_port_add(hub.dp, &conf, &id));
	must(id != i);
	must(dp_local_add(hub.dp, id, &local));
	dp_port_mac(hub.dp, id, hub.mac[i]);
	return id;
}

static void
route_add(uint32_t net_be, uint8_t bits, const struct dp_adj *adj)
{
	struct prefix p = { .addr = addr_from_v4(net_be), .bits = bits };
	uint32_t id;

	must(dp_adj_new(hub.dp, adj, &id));
	must(dp_fib_set(hub.dp, 0, &p, id));
}

static void
lan_routes(void)
{
	route_add(IPV4(10, 9, 0, 0), 24,
		&(struct dp_adj){ .kind = DP_ADJ_KIND_GLEAN, .port = hub.lan });
	route_add(LAN_BE, 32,
		&(struct dp_adj){
			.kind = DP_ADJ_KIND_ETH, .port = hub.lan, .mac = { 2, 0, 0, 0, 0, 8 } });
	route_add(HUB_LAN_BE, 32, &(struct dp_adj){ .kind = DP_ADJ_KIND_LOCAL });
	route_add(IPV4(203, 0, 113, 0), 24,
		&(struct dp_adj){
			.kind = DP_ADJ_KIND_ETH, .port = hub.wan, .mac = { 2, 0, 0, 0, 0, 9 } });
	route_add(IPV4(198, 51, 100, 0), 24,
		&(struct dp_adj){
			.kind = DP_ADJ_KIND_TUNNEL,
			.cloud = CLEAR,
			.next_hop = addr_from_v4(IPV4(10, 0, 1, 99)),
		});
}

static void
sa_fill(struct dp_sa *sa, const struct hub_spoke *s, const struct hub_sa *conf,
	const struct esp_suite *suite, const uint8_t *keymat)
{
	*sa = (struct dp_sa){
		.cookie = s->peer * 10,
		.encr = conf->encr,
		.encr_bits = conf->bits,
		.integ = conf->integ,
		.esn = conf->esn,
		.tunnel_mode = s->tunnel_mode,
		.replay_window = conf->window,
		.keymat = keymat,
		.keymat_bytes = esp_keymat_bytes(suite),
		.ts_local = addr_from_v4(HUB_BE),
		.ts_remote = addr_from_v4(s->outer_be),
		.udp_encap = s->udp != 0,
	};
}

struct sa_in *
hub_sa_in(const struct hub_spoke *s)
{
	return sa_in_get(&hub.dp->t, s->out.spi);
}

struct sa_out *
hub_sa_out(const struct hub_spoke *s)
{
	return peer_get(&hub.dp->t, s->peer)->sa;
}

static void
direction(struct packet_sa *d, enum esp_dir dir, uint32_t spi, const struct hub_sa *conf,
	const struct esp_suite *suite, const uint8_t *keymat)
{
	if (d->key != NULL)
		packet_key_free(d->suite, d->key);
	*d = (struct packet_sa){
		.suite = suite,
		.key = packet_key(suite, dir, keymat),
		.dir = dir,
		.spi = spi,
		.esn = conf->esn,
	};
}

void
hub_rekey_begin(struct hub_spoke *s, const struct hub_sa *conf)
{
	const struct esp_suite *suite = esp_suite_find(conf->encr, conf->bits, conf->integ);
	uint32_t spi;

	must(suite == NULL);
	must(dp_spi_new(hub.dp, &spi));
	direction(&s->out, ESP_SEAL, spi, conf, suite, s->keymat[0]);
	s->seq = 0;
}

void
hub_rekey_end(struct hub_spoke *s, const struct hub_sa *conf)
{
	static uint32_t fresh;
	struct dp_sa sa;

	fresh++;
	sa_fill(&sa, s, conf, s->out.suite, s->keymat[0]);
	sa.spi = s->out.spi;
	must(dp_sa_in_attach(hub.dp, s->peer, &sa));
	sa_fill(&sa, s, conf, s->out.suite, s->keymat[1]);
	sa.spi = 0x51000000 + fresh * 16 + s->peer;
	must(dp_peer_sa_out(hub.dp, s->peer, &sa));
	direction(&s->in, ESP_OPEN, sa.spi, conf, s->out.suite, s->keymat[1]);
}

/** New SPIs, keys from s->keymat; the old inbound SA stays for grace_ms. */
static void
sa_pair(struct hub_spoke *s, const struct hub_sa *conf, uint32_t grace_ms)
{
	if (s->out.spi != 0)
		must(dp_sa_in_retire(hub.dp, s->out.spi, grace_ms));
	hub_rekey_begin(s, conf);
	hub_rekey_end(s, conf);
}

void
hub_rekey(struct hub_spoke *s, const struct hub_sa *conf)
{
	static uint8_t fresh;

	fresh++;
	for (unsigned i = 0; i < sizeof(s->keymat); i++)
		s->keymat[i & 1][i / 2] = (uint8_t)(i * 7 + fresh * 31 + s->peer);
	sa_pair(s, conf, 0);
	hub_sa_in(s)->owner = 0;
}

void
hub_rekey_live(struct hub_spoke *s, const struct hub_sa *conf)
{
	sa_pair(s, conf, HUB_GRACE_MS);
}

void
hub_peer_set(struct hub_spoke *s)
{
	must(dp_peer_set(hub.dp, s->peer, &s->spec));
	dp_poll(hub.dp, NULL, NULL, 0);
}

static void
spoke_add(enum hub_cloud c, int i)
{
	struct hub_spoke *s = &hub.spoke[c][i];

	*s = (struct hub_spoke){
		.cloud = c,
		.outer_be = rte_cpu_to_be_32(0xc000020b + (uint32_t)i),
		.overlay_be = rte_cpu_to_be_32(0x0a00000b + ((uint32_t)c << 8) + (uint32_t)i),
		.net_be = rte_cpu_to_be_32(0xac100005 + ((uint32_t)(c * 10 + i) << 8)),
		.udp = c == NATT ? 4500 + 10 * (i + 1) : 0,
		.tunnel_mode = c == TUNNEL,
	};
	s->spec = (struct dp_peer){
		.cookie = (uint64_t)(c * 100 + i),
		.cloud = (uint16_t)c,
		.local = addr_from_v4(HUB_BE),
		.remote = addr_from_v4(s->outer_be),
		.udp_local = s->udp != 0 ? 4500 : 0,
		.udp_remote = s->udp,
		.uplink = hub.uplink,
		.overlay = addr_from_v4(s->overlay_be),
		.multicast = true,
	};
	must(dp_peer_new(hub.dp, &s->spec, &s->peer));
	must(dp_nbma_set(hub.dp, (uint16_t)c, &s->spec.overlay, s->peer));
	route_add(s->net_be & RTE_BE32(0xffffff00), 24,
		&(struct dp_adj){
			.kind = DP_ADJ_KIND_TUNNEL,
			.cloud = (uint16_t)c,
			.next_hop = s->spec.overlay,
		});
	if (c != CLEAR)
		hub_rekey(
			s, &(struct hub_sa){ .encr = ENCR_AES_GCM_16, .bits = 256, .window = 64 });
}

void
hub_cloud_set(enum hub_cloud c)
{
	must(dp_cloud_set(hub.dp, (uint16_t)c, &hub.cloud[c]));
}

static void
cloud_add(enum hub_cloud c)
{
	static const uint32_t key[HUB_CLOUDS] = { 0, 1, 7, 8, 9 };
	uint32_t own_be = rte_cpu_to_be_32(0x0a000001 + ((uint32_t)c << 8));

	hub.cloud[c] = (struct dp_cloud){
		.source = addr_from_v4(HUB_BE),
		.has_key = true,
		.key = key[c],
		.protected_ = c != CLEAR,
		.network_id = 1,
		.redirect = true,
		.mtu = 1400,
		.tcp_mss_v4 = 1360,
		.address = addr_from_v4(own_be),
	};
	hub_cloud_set(c);
	route_add(own_be & RTE_BE32(0xffffff00), 24,
		&(struct dp_adj){ .kind = DP_ADJ_KIND_TUNNEL, .cloud = (uint16_t)c });
	route_add(own_be, 32, &(struct dp_adj){ .kind = DP_ADJ_KIND_LOCAL });
	for (int i = 0; i < HUB_SPOKES; i++)
		spoke_add(c, i);
}

bool
hub_start(const char *const *eal_args)
{
	static const char *const no_pci[] = { "--no-pci", NULL };
	struct dp_conf conf = {
		.prog = "test",
		.workers = 2,
		.max_peers = hub.max_peers != 0 ? hub.max_peers : 64,
		.mtu = hub.mtu,
		.eal_args = eal_args != NULL ? eal_args : no_pci,
		.adaptive_idle = hub.threads,
	};
	struct dp_adj up = { .kind = DP_ADJ_KIND_ETH, .port = 1, .mac = { 2, 0, 0, 0, 0, 9 } };

	if (dp_new(&conf, &hub.dp) != 0)
		return false;
	hub.mtu = hub.dp->mtu;
	hub.wan = port_add(1, "wan", DP_WAN, HUB_BE);
	hub.lan = port_add(2, "lan", DP_LAN, HUB_LAN_BE);
	hub.w = hub.dp->workers[0];
	hub.other = hub.dp->workers[1];
	must(port_start_all(hub.dp));
	/* As far as the tables go the workers run; between rounds they are quiescent. */
	hub.dp->running = true;
	for (unsigned w = 0; w < 2; w++) {
		rte_rcu_qsbr_thread_register(hub.dp->qsbr, w);
		rte_rcu_qsbr_thread_online(hub.dp->qsbr, w);
	}
	must(dp_adj_new(hub.dp, &up, &hub.uplink));
	lan_routes();
	for (enum hub_cloud c = CLEAR; c < HUB_CLOUDS; c++)
		cloud_add(c);
	hub_settle();
	return true;
}

void
hub_launch(void)
{
	unsigned lcore, w = 0;

	for (unsigned i = 0; i < 2; i++)
		rte_rcu_qsbr_thread_offline(hub.dp->qsbr, i);
	RTE_LCORE_FOREACH_WORKER (lcore)
		must(rte_eal_remote_launch(worker_main, hub.dp->workers[w++], lcore));
}

void
hub_stop(void)
{
	hub_drain();
	for (enum hub_cloud c = TRANSPORT; c < HUB_CLOUDS; c++)
		for (int i = 0; i < HUB_SPOKES; i++) {
			packet_key_free(hub.spoke[c][i].in.suite, hub.spoke[c][i].in.key);
			packet_key_free(hub.spoke[c][i].out.suite, hub.spoke[c][i].out.key);
		}
	dp_free(hub.dp);
}

/* ---- a spoke's work ------------------------------------------------------------------------ */

void
hub_gre(struct packet *p, const struct hub_spoke *s, uint16_t proto)
{
	packet_gre(p, hub.cloud[s->cloud].has_key ? (int64_t)hub.cloud[s->cloud].key : -1, proto);
}

void
hub_outer(struct packet *p, const struct hub_spoke *s, uint8_t proto)
{
	packet_ip(p, s->outer_be, HUB_BE, proto);
	packet_ether(p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
}

void
hub_protect(struct packet *p, struct hub_spoke *s)
{
	if (s->cloud == CLEAR) {
		hub_outer(p, s, IPPROTO_GRE);
		return;
	}
	if (s->tunnel_mode)
		packet_ip(p, s->outer_be, HUB_BE, IPPROTO_GRE);
	packet_seal(p, &s->out, ++s->seq, s->tunnel_mode ? IPPROTO_IPIP : IPPROTO_GRE);
	if (s->udp != 0)
		packet_udp(p, s->udp, 4500);
	hub_outer(p, s, s->udp != 0 ? IPPROTO_UDP : IPPROTO_ESP);
}

void
hub_wrap(struct packet *p, struct hub_spoke *s)
{
	hub_gre(p, s, RTE_ETHER_TYPE_IPV4);
	hub_protect(p, s);
}

void
hub_ping(struct packet *p, struct hub_spoke *s, uint32_t dst, uint16_t n)
{
	packet_payload(p, n);
	packet_ip(p, s->overlay_be, dst, 253);
	hub_wrap(p, s);
}

/** An IPv4 header at the front that is right and between these two; taken off. */
static bool
ip_off(struct packet *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	const struct rte_ipv4_hdr *ip = (const void *)packet_at(p);

	if (p->bytes < sizeof(*ip) || ip->version_ihl != RTE_IPV4_VHL_DEF ||
		rte_ipv4_cksum(ip) != 0 || rte_be_to_cpu_16(ip->total_length) != p->bytes ||
		ip->src_addr != src || ip->dst_addr != dst || ip->next_proto_id != proto)
		return false;
	packet_pull(p, sizeof(*ip));
	return true;
}

static bool
gre_off(struct packet *p, const struct hub_spoke *s)
{
	const struct dp_cloud *c = &hub.cloud[s->cloud];
	uint32_t want[2] = { c->has_key ? RTE_BE32(0x20000800) : RTE_BE32(0x00000800),
		rte_cpu_to_be_32(c->key) };
	uint16_t n = c->has_key ? 8 : 4;

	if (p->bytes < n || memcmp(packet_at(p), want, n) != 0)
		return false;
	packet_pull(p, n);
	return true;
}

static bool
udp_off(struct packet *p, uint16_t sport, uint16_t dport)
{
	uint16_t want[4] = { rte_cpu_to_be_16(sport), rte_cpu_to_be_16(dport),
		rte_cpu_to_be_16(p->bytes), 0 };

	if (p->bytes < 8 || memcmp(packet_at(p), want, 8) != 0)
		return false;
	packet_pull(p, 8);
	return true;
}

bool
hub_unwrap(struct packet *p, struct hub_spoke *s, uint32_t seq_hi)
{
	uint8_t proto = s->cloud == CLEAR ? IPPROTO_GRE : s->udp != 0 ? IPPROTO_UDP : IPPROTO_ESP;
	int next;

	packet_pull(p, 14);
	if (!ip_off(p, HUB_BE, s->outer_be, proto))
		return false;
	if (s->cloud == CLEAR)
		return gre_off(p, s);
	if (s->udp != 0 && !udp_off(p, 4500, s->udp))
		return false;
	next = packet_open(p, &s->in, seq_hi);
	if (next != (s->tunnel_mode ? IPPROTO_IPIP : IPPROTO_GRE))
		return false;
	if (s->tunnel_mode && !ip_off(p, HUB_BE, s->outer_be, IPPROTO_GRE))
		return false;
	return gre_off(p, s);
}

/* ---- wire ------------------------------------------------------------------------------------ */

struct rte_mbuf *
hub_mbuf(struct packet *p, uint16_t headroom)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(hub.dp->pool);
	void *room;

	must(m == NULL);
	m->data_off = headroom;
	room = rte_pktmbuf_append(m, p->bytes);
	must(room == NULL);
	memcpy(room, packet_at(p), p->bytes);
	pkt_meta_init(m, 0);
	return m;
}

void
hub_in(uint16_t port, struct packet *p)
{
	hub_push(port, 0, p);
	hub_settle();
}

void
hub_push(uint16_t port, unsigned queue, struct packet *p)
{
	must(rte_ring_enqueue(to_hub[port][queue], hub_mbuf(p, RTE_PKTMBUF_HEADROOM)));
}

void
hub_in_at(uint16_t port, struct packet *p, uint64_t tsc)
{
	struct burst b = { .n = 1, .pkt = { hub_mbuf(p, RTE_PKTMBUF_HEADROOM) } };

	pkt_meta(b.pkt[0])->port = port;
	hub.w->now_tsc = tsc;
	pipeline_rx(hub.w, &b);
	pipeline_flush(hub.w);
}

static void
hear(void *user, const struct dp_msg *msg)
{
	uint32_t n = msg->bytes < sizeof(hub.last_data[0]) ? msg->bytes : sizeof(hub.last_data[0]);

	(void)user;
	hub.told[msg->type]++;
	hub.last[msg->type] = *msg;
	if (n > 0)
		memcpy(hub.last_data[msg->type], msg->data, n);
	hub.last[msg->type].data = hub.last_data[msg->type];
}

void
hub_poll(void)
{
	dp_poll(hub.dp, hear, NULL, 64);
}

void
hub_settle(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		worker_round(hub.w);
		worker_round(hub.other);
		hub_poll();
	}
}

bool
hub_out(uint16_t port, struct packet *p)
{
	struct rte_mbuf *m = NULL;

	for (unsigned q = 0; m == NULL && q < HUB_QUEUES && from_hub[port][q] != NULL; q++)
		rte_ring_dequeue(from_hub[port][q], (void **)&m);
	if (m == NULL)
		return false;
	packet_set(p, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m));
	must(m->nb_segs != 1);
	rte_pktmbuf_free(m);
	return true;
}

unsigned
hub_drain(void)
{
	static struct packet p;
	unsigned n = 0;

	for (uint16_t port = 1; port <= 2; port++)
		while (hub_out(port, &p))
			n++;
	return n;
}

unsigned
hub_gather(struct hub_spoke *to, uint16_t mtu, uint8_t *payload, uint16_t *bytes,
	uint16_t first_off, bool more)
{
	static struct packet p;
	unsigned n = 0;
	uint16_t at = first_off;
	bool last = false;

	while (hub_out(hub.wan, &p)) {
		const struct rte_ipv4_hdr *ip;
		uint16_t off, head;

		if (last || p.bytes > mtu + 14 || !hub_unwrap(&p, to, 0))
			return 0;
		n++;
		ip = (const struct rte_ipv4_hdr *)packet_at(&p);
		head = rte_ipv4_hdr_len(ip);
		off = rte_be_to_cpu_16(ip->fragment_offset);
		last = !(off & RTE_IPV4_HDR_MF_FLAG);
		if ((off & RTE_IPV4_HDR_OFFSET_MASK) * 8 != at ||
			rte_raw_cksum(ip, head) != 0xffff ||
			p.bytes != rte_be_to_cpu_16(ip->total_length))
			return 0;
		memcpy(payload + at - first_off, packet_at(&p) + head, p.bytes - head);
		at = (uint16_t)(at + p.bytes - head);
	}
	*bytes = (uint16_t)(at - first_off);
	return last != more ? n : 0;
}

uint64_t
hub_count(enum verdict v)
{
	return dp_verdict_read(hub.dp, v, -1);
}

uint64_t
hub_count_all(void)
{
	uint64_t n = 0;

	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		n += hub_count(v);
	return n;
}

void
hub_forget(void)
{
	hub_drain();
	memset(hub.told, 0, sizeof(hub.told));
	for (int i = 0; i < METER_COUNT; i++)
		hub.w->budget[i].full_at = hub.other->budget[i].full_at = 0;
	for (int i = 0; i < 2; i++) {
		struct worker *w = hub.dp->workers[i];

		memset(w->spoke_levels, 0, hub.dp->t.peer_max * sizeof(*w->spoke_levels));
		memset(w->source_levels, 0, SOURCE_LEVELS * sizeof(*w->source_levels));
		memset(w->ike_levels, 0, hub.dp->t.ike_spis.slots * sizeof(*w->ike_levels));
		memset(w->frag_levels, 0, SOURCE_LEVELS * sizeof(*w->frag_levels));
		memset(w->icmp_levels, 0, SOURCE_LEVELS * sizeof(*w->icmp_levels));
	}
}

bool
hub_buffers_back(void)
{
	struct dp_table_stats t;

	hub_settle();
	dp_table_stats(hub.dp, &t);
	return t.mbufs_free == t.mbufs_all &&
		rte_mempool_avail_count(hub.dp->large) == hub.dp->large->size;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The real data plane, one worker, one wan port made of rings: frames in at one end,
 * frames out at the other. Three clouds on 192.0.2.1: key 1 in clear, key 7 protected
 * in transport mode and key 8 in tunnel mode; spokes .11 and .12 in each.
 */
#include <netinet/in.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>

#include "crypto/esp_cipher.h"
#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "dataplane/dp.h"
#include "dataplane/nap.h"
#include "dataplane/ip.h"
#include "test/lib/check.h"

#define CLEAR     1
#define TRANSPORT 2
#define TUNNEL    3
#define HUB       0x010200c0u /* 192.0.2.1 as on the wire of a little-endian machine */
#define PORT_RING 4096

static const uint32_t key_of[] = { [CLEAR] = 1, [TRANSPORT] = 7, [TUNNEL] = 8 };
static const uint8_t keymat[36] = "thirty-two octets of key, and salt!";

static struct dp *dp;
static struct rte_ring *to_hub, *from_hub;
static struct rte_mempool *pool;
static struct esp_mgr *mgr;
static uint32_t uplink, peer[4][2], spi_in[4][2];

static struct dp_msg last[32]; /* latest message of each type */
static unsigned told[32];

static void
handler(void *user, const struct dp_msg *m)
{
	(void)user;
	last[m->type] = *m;
	last[m->type].data = NULL;
	told[m->type]++;
}

static uint32_t
spoke_be(int i)
{
	return rte_cpu_to_be_32(0xc000020b + (uint32_t)i); /* 192.0.2.11, .12 */
}

static uint32_t
overlay_be(int cloud, int i)
{
	return rte_cpu_to_be_32(
		0x0a00000b + ((uint32_t)cloud << 8) + (uint32_t)i); /* 10.0.CLOUD.11 */
}

static uint64_t
verdict(const char *name)
{
	for (unsigned v = 0; v < dp_verdict_count(); v++)
		if (strcmp(dp_verdict_name(v), name) == 0)
			return dp_verdict_read(dp, v, -1);
	printf("# no verdict %s\n", name);
	abort();
}

static bool
comes_to(const char *name, uint64_t n)
{
	for (int i = 0; i < 5000 && verdict(name) < n; i++) {
		dp_poll(dp, handler, NULL, 64);
		usleep(1000);
	}
	return verdict(name) == n;
}

/* ---- building the hub ------------------------------------------------------------------ */

static const struct esp_suite *
suite(void)
{
	return esp_suite_find(ENCR_AES_GCM_16, 256, 0);
}

static struct dp_sa
sa_of(int cloud, int i, uint32_t spi)
{
	return (struct dp_sa){
		.cookie = (uint64_t)(cloud * 10 + i),
		.spi = spi,
		.encr = ENCR_AES_GCM_16,
		.encr_bits = 256,
		.tunnel_mode = cloud == TUNNEL,
		.replay_window = 64,
		.keymat = keymat,
		.keymat_bytes = sizeof(keymat),
		.ts_local = addr_from_v4(HUB),
		.ts_remote = addr_from_v4(spoke_be(i)),
	};
}

static void
spoke_add(int cloud, int i)
{
	struct dp_peer spec = {
		.cookie = (uint64_t)(cloud * 100 + i),
		.cloud = (uint16_t)cloud,
		.local = addr_from_v4(HUB),
		.remote = addr_from_v4(spoke_be(i)),
		.uplink = uplink,
		.overlay = addr_from_v4(overlay_be(cloud, i)),
		.multicast = true,
	};
	struct dp_sa sa;

	CHECK_EQ(dp_peer_new(dp, &spec, &peer[cloud][i]), 0);
	CHECK_EQ(dp_nbma_set(dp, (uint16_t)cloud, &spec.overlay, peer[cloud][i]), 0);
	if (cloud == CLEAR)
		return;
	CHECK_EQ(dp_spi_new(dp, &spi_in[cloud][i]), 0);
	CHECK(spi_in[cloud][i] > 255);
	sa = sa_of(cloud, i, spi_in[cloud][i]);
	CHECK_EQ(dp_sa_in_attach(dp, peer[cloud][i], &sa), 0);
	sa = sa_of(cloud, i, 0x1000u + (uint32_t)i);
	CHECK_EQ(dp_peer_sa_out(dp, peer[cloud][i], &sa), 0);
}

static void
cloud_add(int cloud)
{
	struct dp_cloud spec = {
		.source = addr_from_v4(HUB),
		.has_key = true,
		.key = key_of[cloud],
		.protected_ = cloud != CLEAR,
		.network_id = 1,
		.redirect = true,
		.mtu = 1400,
		.tcp_mss_v4 = 1360,
		.address = addr_from_v4(rte_cpu_to_be_32(0x0a000001 + ((uint32_t)cloud << 8))),
	};
	struct dp_adj adj = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = (uint16_t)cloud };
	struct prefix net = { .addr = spec.address, .bits = 24 };
	uint32_t id;

	CHECK_EQ(dp_cloud_set(dp, (uint16_t)cloud, &spec), 0);
	CHECK_EQ(dp_adj_new(dp, &adj, &id), 0);
	CHECK_EQ(dp_fib_set(dp, 0, &net, id), 0);
	adj = (struct dp_adj){ .kind = DP_ADJ_KIND_LOCAL };
	net.bits = 32;
	CHECK_EQ(dp_adj_new(dp, &adj, &id), 0);
	CHECK_EQ(dp_fib_set(dp, 0, &net, id), 0);
	for (int i = 0; i < 2; i++)
		spoke_add(cloud, i);
}

static bool
hub_start(void)
{
	struct dp_conf conf = {
		.prog = "test",
		.workers = 1,
		.max_peers = 12000,
		.adaptive_idle = true,
	};
	struct dp_port_conf port = { .device = "net_ring_wan", .role = DP_WAN, .mtu = 1500 };
	struct addr hub = addr_from_v4(HUB);
	struct dp_adj adj = { .kind = DP_ADJ_KIND_ETH, .port = 1, .mac = { 2, 0, 0, 0, 0, 9 } };
	uint16_t id;

	if (dp_new(&conf, &dp) != 0)
		return false;
	to_hub = rte_ring_create("to_hub", PORT_RING, SOCKET_ID_ANY, 0);
	from_hub = rte_ring_create("from_hub", PORT_RING, SOCKET_ID_ANY, 0);
	pool = rte_mempool_lookup("packets"); /* the hub's own: its metadata must fit */
	mgr = esp_mgr_new();
	if (rte_eth_from_rings("wan", &to_hub, 1, &from_hub, 1, SOCKET_ID_ANY) < 0)
		return false;
	CHECK_EQ(dp_nap_us(dp), NAP_MAX_US); /* nothing can come yet */
	CHECK_EQ(dp_port_add(dp, &port, &id), 0);
	CHECK_EQ(dp_nap_us(dp), nap_longest_us(1024, nap_line_pps(10000))); /* as its driver says */
	CHECK_EQ(id, 1);
	CHECK_EQ(dp_local_add(dp, id, &hub), 0);
	CHECK_EQ(dp_run(dp), 0);
	CHECK_EQ(dp_adj_new(dp, &adj, &uplink), 0);
	for (int c = CLEAR; c <= TUNNEL; c++)
		cloud_add(c);
	return !check_bad;
}

/* ---- a spoke's end ----------------------------------------------------------------------- */

struct frame {
	uint8_t at[2048];
	uint16_t bytes;
};

static void
put(struct frame *f, const void *data, size_t n)
{
	memcpy(f->at + f->bytes, data, n);
	f->bytes = (uint16_t)(f->bytes + n);
}

static void
put_ip(struct frame *f, uint32_t src, uint32_t dst, uint8_t proto, uint8_t ttl, uint16_t payload)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + payload)),
		.time_to_live = ttl,
		.next_proto_id = proto,
		.src_addr = src,
		.dst_addr = dst,
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	put(f, &ip, sizeof(ip));
}

static void
put_gre(struct frame *f, uint32_t key)
{
	uint32_t words[2] = { RTE_BE32(0x20000800), rte_cpu_to_be_32(key) };

	put(f, words, sizeof(words));
}

struct ping {
	int cloud, from;
	uint32_t src, dst; /* inner; 0: the spoke's own, the other spoke's */
	uint8_t ttl;       /* 0: 64 */
	uint16_t payload;  /* inner payload, octets */
};

/** GRE and all inside it. */
static void
put_inner(struct frame *f, const struct ping *p)
{
	static const uint8_t zeros[2000];

	put_gre(f, key_of[p->cloud]);
	put_ip(f, p->src ? p->src : overlay_be(p->cloud, p->from),
		p->dst ? p->dst : overlay_be(p->cloud, 1 - p->from), 253, p->ttl ? p->ttl : 64,
		p->payload);
	put(f, zeros, p->payload);
}

static void
put_ether(struct frame *f)
{
	uint8_t eth[14] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 8, 0 };

	dp_port_mac(dp, 1, eth);
	put(f, eth, sizeof(eth));
}

static void
cipher(enum esp_dir dir, uint8_t *esp, uint16_t ct_bytes, uint8_t *status)
{
	static struct esp_key *key[2];
	struct esp_job job = { .suite = suite(), .esp = esp, .ct_bytes = ct_bytes }, *jobs = &job;

	if (key[dir] == NULL) {
		key[dir] = rte_zmalloc(NULL, esp_key_bytes(suite()), ESP_KEY_ALIGN);
		esp_key_expand(mgr, suite(), dir, keymat, sizeof(keymat), key[dir]);
	}
	job.key = key[dir];
	esp_submit(mgr, dir, &jobs, 1);
	esp_flush(mgr);
	CHECK_EQ(esp_collect(mgr, &jobs, 1), 1);
	*status = job.status;
}

/** The whole frame a spoke would send. */
static struct frame
frame_of(const struct ping *p, uint32_t seq)
{
	struct frame f = { 0 }, in = { 0 }, esp = { 0 };
	uint32_t head[4] = { rte_cpu_to_be_32(spi_in[p->cloud][p->from]), rte_cpu_to_be_32(seq) };
	uint8_t status, pad;

	put_ether(&f);
	if (p->cloud == CLEAR) {
		put_ip(&f, spoke_be(p->from), HUB, IPPROTO_GRE, 64, (uint16_t)(28 + p->payload));
		put_inner(&f, p);
		return f;
	}
	if (p->cloud == TUNNEL)
		put_ip(&in, spoke_be(p->from), HUB, IPPROTO_GRE, 64, (uint16_t)(28 + p->payload));
	put_inner(&in, p);
	pad = (uint8_t)(-(in.bytes + 2) & 3);
	for (uint8_t i = 1; i <= pad; i++)
		put(&in, &i, 1);
	put(&in, &pad, 1);
	put(&in, &(uint8_t){ p->cloud == TUNNEL ? IPPROTO_IPIP : IPPROTO_GRE }, 1);
	put(&esp, head, sizeof(head));
	put(&esp, in.at, in.bytes);
	cipher(ESP_SEAL, esp.at, in.bytes, &status);
	CHECK_EQ(status, ESP_OK);
	esp.bytes = (uint16_t)(esp.bytes + 16);
	put_ip(&f, spoke_be(p->from), HUB, IPPROTO_ESP, 64, esp.bytes);
	put(&f, esp.at, esp.bytes);
	return f;
}

static void
send_frame(const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	CHECK(m != NULL);
	memcpy(rte_pktmbuf_append(m, f->bytes), f->at, f->bytes);
	CHECK_EQ(rte_ring_enqueue(to_hub, m), 0);
}

static struct rte_mbuf *
receive(void)
{
	void *m = NULL;

	for (int i = 0; i < 5000; i++) {
		if (rte_ring_dequeue(from_hub, &m) == 0)
			return m;
		dp_poll(dp, handler, NULL, 64);
		usleep(1000);
	}
	return NULL;
}

/** What left the hub, opened: outer addresses and the inner packet. */
struct got {
	uint32_t src, dst;
	uint8_t proto;
	struct rte_ipv4_hdr inner;
	uint16_t inner_bytes;
	const uint8_t *inner_payload;
	uint8_t buf[2048];
};

static bool
take(int cloud, struct got *g)
{
	struct rte_mbuf *m = receive();
	const struct rte_ipv4_hdr *ip;
	uint8_t *at, status = ESP_OK;
	uint16_t left;

	if (m == NULL)
		return false;
	left = rte_pktmbuf_data_len(m);
	memcpy(g->buf, rte_pktmbuf_mtod(m, void *), left);
	rte_pktmbuf_free(m);
	ip = (const void *)(g->buf + 14);
	CHECK_EQ(rte_ipv4_cksum(ip), 0);
	CHECK_EQ(rte_be_to_cpu_16(ip->total_length), left - 14);
	g->src = ip->src_addr;
	g->dst = ip->dst_addr;
	g->proto = ip->next_proto_id;
	at = g->buf + 34;
	left = (uint16_t)(left - 34);
	if (cloud != CLEAR) {
		uint16_t ct = (uint16_t)(left - 32);

		cipher(ESP_OPEN, at, ct, &status);
		CHECK_EQ(status, ESP_OK);
		at += 16 + (cloud == TUNNEL ? 20 : 0);
	}
	CHECK_EQ(at[0], 0x20);
	CHECK_EQ(rte_be_to_cpu_32(word32(at + 4)), key_of[cloud]);
	memcpy(&g->inner, at + 8, sizeof(g->inner));
	CHECK_EQ(rte_ipv4_cksum(&g->inner), 0);
	g->inner_bytes = rte_be_to_cpu_16(g->inner.total_length);
	g->inner_payload = at + 28;
	return true;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void
hub_starts(void)
{
	CHECK(hub_start());
	dp_poll(dp, handler, NULL, 64);
	CHECK_EQ(told[DP_SA_ATTACHED], 4);
}

static void
hairpin(int cloud, uint32_t seq)
{
	struct ping p = { .cloud = cloud, .payload = 100 };
	struct frame f = frame_of(&p, seq);
	struct got g;

	send_frame(&f);
	CHECK(take(cloud, &g));
	CHECK_EQ(g.src, HUB);
	CHECK_EQ(g.dst, spoke_be(1));
	CHECK_EQ(g.proto, cloud == CLEAR ? IPPROTO_GRE : IPPROTO_ESP);
	CHECK_EQ(g.inner.src_addr, overlay_be(cloud, 0));
	CHECK_EQ(g.inner.dst_addr, overlay_be(cloud, 1));
	CHECK_EQ(g.inner.time_to_live, 63);
	CHECK_EQ(g.inner_bytes, 120);
}

static void
hairpin_in_clear(void)
{
	hairpin(CLEAR, 0);
}

static void
hairpin_transport_mode(void)
{
	hairpin(TRANSPORT, 1);
}

static void
hairpin_tunnel_mode(void)
{
	hairpin(TUNNEL, 1);
}

static void
hairpin_causes_a_redirect(void)
{
	dp_poll(dp, handler, NULL, 64);
	CHECK_EQ(told[DP_REDIRECT], 3);
	CHECK_EQ(last[DP_REDIRECT].cloud, TUNNEL);
	CHECK_EQ(last[DP_REDIRECT].cookie, TUNNEL * 100);
	CHECK_EQ(last[DP_REDIRECT].bytes, 120);
	CHECK_EQ(told[DP_SA_USED], 2);
}

static void
replay_and_forgery_are_dropped(void)
{
	struct ping p = { .cloud = TRANSPORT, .payload = 20 };
	struct frame f = frame_of(&p, 1);
	struct dp_sa_stats st;

	send_frame(&f); /* 1 was used by the hairpin */
	CHECK(comes_to("drop_esp_replay", 1));
	f = frame_of(&p, 2);
	f.at[f.bytes - 1] ^= 1;
	send_frame(&f);
	CHECK(comes_to("drop_esp_auth", 1));
	f.at[f.bytes - 1] ^= 1; /* the forgery did not use the number up */
	send_frame(&f);
	struct got g;
	CHECK(take(TRANSPORT, &g));
	CHECK(dp_sa_in_read(dp, spi_in[TRANSPORT][0], &st));
	CHECK_EQ(st.top, 2);
	CHECK_EQ(st.drops_auth, 1);
	CHECK_EQ(st.drops_replay, 1);
}

static void
unknown_spi_is_told(void)
{
	struct ping p = { .cloud = TRANSPORT, .payload = 20 };
	struct frame f = frame_of(&p, 3);

	f.at[34] ^= 0x40; /* another generation of the slot */
	send_frame(&f);
	CHECK(comes_to("drop_esp_spi", 1));
	dp_poll(dp, handler, NULL, 64);
	CHECK_EQ(told[DP_BAD_SPI], 1);
	CHECK_EQ(addr_v4(&last[DP_BAD_SPI].remote), spoke_be(0));
}

/** A spoke whose IPsec is down must not get in, not even with NHRP. */
static void
clear_gre_into_protected_cloud_is_dropped(void)
{
	struct ping p = { .cloud = CLEAR, .payload = 20 };
	struct frame f = frame_of(&p, 0);

	memcpy(f.at + 38, &(uint32_t){ rte_cpu_to_be_32(key_of[TRANSPORT]) }, 4);
	send_frame(&f);
	CHECK(comes_to("drop_clear_gre", 1));
	memcpy(f.at + 36, "\x20\x01", 2);
	send_frame(&f);
	CHECK(comes_to("drop_clear_gre", 2));
	CHECK_EQ(told[DP_NHRP], 0);
}

/** A spoke of a transport mode SA that frames as tunnel mode does, with another cloud's key. */
static void
framing_of_another_mode_is_dropped(void)
{
	struct ping p = { .cloud = TUNNEL, .payload = 20 };
	uint32_t own = spi_in[TUNNEL][0];
	struct frame f;

	spi_in[TUNNEL][0] = spi_in[TRANSPORT][0];
	f = frame_of(&p, 4);
	spi_in[TUNNEL][0] = own;
	send_frame(&f);
	CHECK(comes_to("drop_esp_format", 1));
}

static void
spoofed_source_is_dropped(void)
{
	struct ping p = { .cloud = TRANSPORT, .payload = 20, .src = overlay_be(TRANSPORT, 1) };
	struct frame f = frame_of(&p, 5);

	send_frame(&f); /* the other spoke's address */
	CHECK(comes_to("drop_spoof", 1));
	p.src = rte_cpu_to_be_32(0x08080808);
	f = frame_of(&p, 6);
	send_frame(&f);
	CHECK(comes_to("drop_spoof", 2));
}

static void
unknown_source_in_clear_cloud(void)
{
	struct ping p = { .cloud = CLEAR, .payload = 20 };
	struct frame f = { 0 };

	put_ether(&f);
	put_ip(&f, spoke_be(40), HUB, IPPROTO_GRE, 64, (uint16_t)(28 + p.payload));
	put_inner(&f, &p);
	send_frame(&f);
	CHECK(comes_to("drop_no_peer_in", 1));
	memcpy(f.at + 36, "\x20\x01", 2); /* NHRP is how it becomes known */
	send_frame(&f);
	CHECK(comes_to("punt_nhrp", 1));
	dp_poll(dp, handler, NULL, 64);
	CHECK_EQ(told[DP_NHRP], 1);
	CHECK_EQ(last[DP_NHRP].cloud, CLEAR);
	CHECK_EQ(last[DP_NHRP].peer, 0);
	CHECK_EQ(addr_v4(&last[DP_NHRP].remote), spoke_be(40));
}

static void
ttl_and_route_errors_are_answered(void)
{
	struct ping p = { .cloud = TRANSPORT, .payload = 20, .ttl = 1 };
	struct frame f = frame_of(&p, 7);
	struct got g;

	send_frame(&f);
	CHECK(take(TRANSPORT, &g));
	CHECK_EQ(verdict("drop_ttl"), 1);
	CHECK_EQ(g.dst, spoke_be(0));
	CHECK_EQ(g.inner.next_proto_id, IPPROTO_ICMP);
	CHECK_EQ(g.inner_payload[0], 11);

	p.ttl = 64;
	p.dst = rte_cpu_to_be_32(0x08080808);
	f = frame_of(&p, 8);
	send_frame(&f);
	CHECK(take(TRANSPORT, &g));
	CHECK_EQ(verdict("drop_no_route"), 1);
	CHECK_EQ(g.inner_payload[0], 3);
	CHECK_EQ(g.inner_payload[1], 0);

	p.dst = overlay_be(TRANSPORT, 90);
	f = frame_of(&p, 9);
	send_frame(&f);
	CHECK(take(TRANSPORT, &g));
	CHECK_EQ(verdict("drop_no_binding"), 1);
	CHECK_EQ(g.inner_payload[1], 1);
}

static void
local_address_goes_to_the_kernel(void)
{
	struct ping p = { .cloud = TRANSPORT, .payload = 20 };
	struct frame f;

	p.dst = rte_cpu_to_be_32(0x0a000201); /* 10.0.2.1 */
	f = frame_of(&p, 10);
	send_frame(&f);
	CHECK(comes_to("punt_inner", 1));
	dp_poll(dp, handler, NULL, 64);
	CHECK_EQ(told[DP_INNER], 1);
	CHECK_EQ(last[DP_INNER].cloud, TRANSPORT);
	CHECK_EQ(last[DP_INNER].bytes, 40);
}

static void
large_packets_are_fragmented_before_encap(void)
{
	struct ping p = { .cloud = CLEAR, .payload = 1440 };
	struct frame f = frame_of(&p, 0);
	struct got g;

	send_frame(&f);
	CHECK(take(CLEAR, &g));
	CHECK_EQ(g.inner_bytes, 20 + 1376);
	CHECK_EQ(rte_be_to_cpu_16(g.inner.fragment_offset), 0x2000);
	CHECK(take(CLEAR, &g));
	CHECK_EQ(g.inner_bytes, 20 + 64);
	CHECK_EQ(rte_be_to_cpu_16(g.inner.fragment_offset), 1376 / 8);
	CHECK_EQ(verdict("fragmented"), 1);
}

static void
multicast_of_the_kernel_reaches_every_spoke(void)
{
	struct frame f = { 0 };
	struct got a, b;

	put_ip(&f, rte_cpu_to_be_32(0x0a000201), rte_cpu_to_be_32(0xe0000005), 89, 1, 0);
	CHECK_EQ(dp_send_inner(dp, TRANSPORT, f.at, f.bytes), 0);
	CHECK(take(TRANSPORT, &a));
	CHECK(take(TRANSPORT, &b));
	CHECK_EQ(a.dst ^ b.dst, spoke_be(0) ^ spoke_be(1));
	CHECK_EQ(a.inner.time_to_live, 1);
	CHECK(comes_to("replicated", 1));
}

static void
closed_peer_gets_nothing(void)
{
	struct ping p = { .cloud = TUNNEL, .payload = 20 };
	struct frame f = frame_of(&p, 20);

	CHECK_EQ(dp_peer_sa_out(dp, peer[TUNNEL][1], NULL), 0);
	send_frame(&f);
	CHECK(comes_to("drop_peer_down", 1));
}

static void
retired_sa_opens_nothing(void)
{
	struct ping p = { .cloud = TUNNEL, .payload = 20 };
	struct frame f = frame_of(&p, 21);
	uint64_t before = verdict("drop_esp_spi");

	CHECK_EQ(dp_sa_in_retire(dp, spi_in[TUNNEL][0], 0), 0);
	send_frame(&f);
	CHECK(comes_to("drop_esp_spi", before + 1));
	for (int i = 0; i < 1000 && told[DP_SA_RETIRED] == 0; i++) {
		dp_poll(dp, handler, NULL, 64);
		usleep(1000);
	}
	CHECK_EQ(told[DP_SA_RETIRED], 1);
	CHECK_EQ(last[DP_SA_RETIRED].cookie, TUNNEL * 10);
}

/* ---- change under traffic ------------------------------------------------------------------- */

#define CHURN 10000

static void
churn_add(uint32_t n, uint32_t *id)
{
	struct dp_peer spec = {
		.cloud = CLEAR,
		.local = addr_from_v4(HUB),
		.remote = addr_from_v4(rte_cpu_to_be_32(0xc6120000 + n)), /* 198.18/15 */
		.uplink = uplink,
		.overlay = addr_from_v4(rte_cpu_to_be_32(0x0a640000 + n)),
	};

	CHECK_EQ(dp_peer_new(dp, &spec, id), 0);
	CHECK_EQ(dp_nbma_set(dp, CLEAR, &spec.overlay, *id), 0);
}

static void
churn_del(uint32_t n, uint32_t id)
{
	struct addr overlay = addr_from_v4(rte_cpu_to_be_32(0x0a640000 + n));

	CHECK_EQ(dp_nbma_del(dp, CLEAR, &overlay), 0);
	dp_peer_free(dp, id);
}

static unsigned
drain(void)
{
	unsigned n = 0;
	void *m = NULL;

	while (rte_ring_dequeue(from_hub, &m) == 0) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

/** Ten thousand spokes come and go; two others talk on and lose nothing. */
static void
ten_thousand_spokes_come_and_go(void)
{
	static uint32_t id[CHURN];
	struct ping p = { .cloud = CLEAR, .payload = 64 };
	struct frame f = frame_of(&p, 0);
	unsigned sent = 0, got = 0;
	struct dp_table_stats t;

	for (uint32_t n = 0; n < 2 * CHURN && !check_bad; n++) {
		if (n < CHURN)
			churn_add(n, &id[n]);
		else
			churn_del(n - CHURN, id[n - CHURN]);
		send_frame(&f);
		sent++;
		got += drain();
		dp_poll(dp, handler, NULL, 64);
		while (sent - got >
			512) { /* the worker naps: do not overrun the test's own rings */
			got += drain();
			usleep(100);
		}
	}
	for (int i = 0; i < 5000 && got < sent; i++) {
		got += drain();
		dp_poll(dp, handler, NULL, 64);
		usleep(1000);
	}
	CHECK_EQ(got, sent);
	for (int i = 0; i < 5000; i++) {
		dp_poll(dp, handler, NULL, 64);
		dp_table_stats(dp, &t);
		if (t.pending_free == 0)
			break;
		usleep(1000);
	}
	CHECK_EQ(t.pending_free, 0);
	CHECK_EQ(t.peers, 6);
	CHECK_EQ(t.nbma, 6);
}

static void
no_buffer_is_lost(void)
{
	struct dp_table_stats t;

	for (int i = 0; i < 2000; i++) {
		dp_poll(dp, handler, NULL, 64);
		dp_table_stats(dp, &t);
		if (t.mbufs_free == t.mbufs_all)
			break;
		usleep(1000);
	}
	CHECK_EQ(t.mbufs_free, t.mbufs_all);
}

/** At the end IKE tells every spoke: those datagrams must not die in a ring. */
static void
what_was_sent_before_the_end_leaves(void)
{
	struct addr hub = addr_from_v4(HUB), spoke = addr_from_v4(spoke_be(0));

	drain();
	for (int i = 0; i < 200; i++)
		CHECK_EQ(dp_send_udp(dp, &hub, 500, &spoke, 500, uplink, "delete", 6), 0);
	dp_free(dp);
	CHECK_EQ(rte_ring_count(from_hub), 200);
	esp_mgr_free(mgr);
}

int
main(void)
{
	if (crypto_selftest() != NULL)
		return 1;
	TEST(hub_starts);
	if (check_failed > 0)
		return check_done();
	TEST(hairpin_in_clear);
	TEST(hairpin_transport_mode);
	TEST(hairpin_tunnel_mode);
	TEST(hairpin_causes_a_redirect);
	TEST(replay_and_forgery_are_dropped);
	TEST(unknown_spi_is_told);
	TEST(clear_gre_into_protected_cloud_is_dropped);
	TEST(framing_of_another_mode_is_dropped);
	TEST(spoofed_source_is_dropped);
	TEST(unknown_source_in_clear_cloud);
	TEST(ttl_and_route_errors_are_answered);
	TEST(local_address_goes_to_the_kernel);
	TEST(large_packets_are_fragmented_before_encap);
	TEST(multicast_of_the_kernel_reaches_every_spoke);
	TEST(closed_peer_gets_nothing);
	TEST(retired_sa_opens_nothing);
	TEST(ten_thousand_spokes_come_and_go);
	TEST(no_buffer_is_lost);
	TEST(what_was_sent_before_the_end_leaves);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/fleet.h"

#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#define CLOUD    1
#define GRACE_MS 500  /* of an inbound SA that was rekeyed */
#define MTU      1600 /* of the ports: 1400 inside fit with the largest headers of any suite */

struct fleet fleet;

static void
must(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* ---- addresses --------------------------------------------------------------------------- */

static struct addr
overlay_of(uint32_t i)
{
	return addr_from_v4(rte_cpu_to_be_32(0x0a800100 + i));
}

void
fleet_keymat(uint32_t spoke, int direction, uint8_t keymat[128])
{
	uint64_t x = ((uint64_t)spoke << 1 | (unsigned)direction) + 0x9e3779b97f4a7c15ull;

	for (int i = 0; i < 128; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		keymat[i] = (uint8_t)(x >> 24);
	}
}

/* ---- ports and routes --------------------------------------------------------------------- */

static struct rte_ring *
ring_new(const char *port, const char *way, unsigned queue)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s_%s%u", port, way, queue);
	r = rte_ring_create(name, FLEET_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	must(r == NULL ? -ENOMEM : 0, "ring");
	return r;
}

static uint16_t
port_add(const char *name, enum dp_role role, uint32_t local_be)
{
	char device[32];
	struct dp_port_conf conf = { .device = device, .role = role, .mtu = MTU };
	struct addr local = addr_from_v4(local_be);
	struct rte_ring *in[DP_WORKERS_MAX], *out[DP_WORKERS_MAX];
	uint16_t id, queues = fleet.dp->workers_count;

	for (uint16_t q = 0; q < queues; q++) {
		in[q] = ring_new(name, "in", q);
		out[q] = ring_new(name, "out", q);
	}
	must(rte_eth_from_rings(name, in, queues, out, queues, SOCKET_ID_ANY) < 0 ? -ENODEV : 0,
		name);
	snprintf(device, sizeof(device), "net_ring_%s", name);
	must(dp_port_add(fleet.dp, &conf, &id), device);
	must(dp_local_add(fleet.dp, id, &local), "address");
	fleet.to_hub[id] = in[0];
	fleet.from_hub[id] = out[0];
	dp_port_mac(fleet.dp, id, fleet.mac[id]);
	return id;
}

static uint32_t
route_add(uint32_t net_be, uint8_t bits, const struct dp_adj *adj)
{
	struct prefix p = { .addr = addr_from_v4(net_be), .bits = bits };
	uint32_t id;

	must(dp_adj_new(fleet.dp, adj, &id), "adjacency");
	must(dp_fib_set(fleet.dp, 0, &p, id), "route");
	return id;
}

static void
tables_fill(void)
{
	struct dp_cloud cloud = {
		.source = addr_from_v4(FLEET_HUB_BE),
		.has_key = true,
		.key = FLEET_KEY,
		.protected_ = true,
		.network_id = 1,
		.redirect = true,
		.mtu = 1400,
		.tcp_mss_v4 = 1360,
		.address = addr_from_v4(IPV4(10, 128, 0, 1)),
	};
	struct dp_adj up = {
		.kind = DP_ADJ_KIND_ETH, .port = fleet.wan, .mac = { 2, 0, 0, 0, 0, 9 }
	};
	struct dp_adj lan = {
		.kind = DP_ADJ_KIND_ETH, .port = fleet.lan, .mac = { 2, 0, 0, 0, 0, 8 }
	};

	must(dp_cloud_set(fleet.dp, CLOUD, &cloud), "cloud");
	must(dp_adj_new(fleet.dp, &up, &fleet.uplink), "uplink");
	route_add(IPV4(10, 9, 0, 0), 16, &lan);
	route_add(IPV4(10, 128, 0, 1), 32, &(struct dp_adj){ .kind = DP_ADJ_KIND_LOCAL });
	for (uint32_t i = 0; i < fleet.max; i++)
		route_add(rte_cpu_to_be_32(0x20000000 + (i << 8)), 24,
			&(struct dp_adj){
				.kind = DP_ADJ_KIND_TUNNEL,
				.cloud = CLOUD,
				.next_hop = overlay_of(i),
			});
}

bool
fleet_start(uint32_t spokes_max, uint16_t workers, bool hugepages, bool oracle)
{
	static const char *const oracle_args[] = { "--vdev=crypto_openssl", NULL };
	struct dp_conf conf = {
		.prog = "bench",
		.workers = workers,
		.hugepages = hugepages,
		.max_peers = spokes_max,
		.mtu = MTU,
		.eal_args = oracle ? oracle_args : NULL,
	};

	if (dp_new(&conf, &fleet.dp) != 0)
		return false;
	fleet.w = fleet.dp->workers[0];
	fleet.max = spokes_max;
	fleet.spoke = calloc(spokes_max, sizeof(*fleet.spoke));
	must(fleet.spoke == NULL ? -ENOMEM : 0, "spokes");
	fleet.wan = port_add("wan", DP_WAN, FLEET_HUB_BE);
	fleet.lan = port_add("lan", DP_LAN, IPV4(10, 9, 0, 1));
	must(port_start_all(fleet.dp), "port start");
	for (uint16_t w = 0; w < workers; w++) {
		rte_rcu_qsbr_thread_register(fleet.dp->qsbr, w);
		rte_rcu_qsbr_thread_online(fleet.dp->qsbr, w);
	}
	tables_fill();
	return true;
}

/* ---- spokes -------------------------------------------------------------------------------- */

static void
spoke_down(struct spoke *s, uint32_t i)
{
	struct addr overlay = overlay_of(i);

	dp_nbma_del(fleet.dp, CLOUD, &overlay);
	dp_sa_in_retire(fleet.dp, s->spi_in, 0);
	dp_peer_free(fleet.dp, s->peer);
	packet_key_free(fleet.conf.suite, s->seal);
}

static struct dp_sa
sa_of(const struct spoke *s, const uint8_t *keymat)
{
	const struct esp_suite *suite = fleet.conf.suite;

	return (struct dp_sa){
		.encr = suite->encr_id,
		.encr_bits = suite->key_bits,
		.integ = suite->integ_id,
		.tunnel_mode = fleet.conf.tunnel_mode,
		.replay_window = 64,
		.keymat = keymat,
		.keymat_bytes = esp_keymat_bytes(suite),
		.ts_local = addr_from_v4(FLEET_HUB_BE),
		.ts_remote = addr_from_v4(s->outer_be),
		.udp_encap = fleet.conf.udp,
	};
}

static void
spoke_secure(struct spoke *s, uint32_t i)
{
	uint8_t keymat[2][128];
	struct dp_sa in, out;
	struct sa_in *sa;

	fleet_keymat(i, 0, keymat[0]);
	fleet_keymat(i, 1, keymat[1]);
	in = sa_of(s, keymat[0]);
	out = sa_of(s, keymat[1]);
	must(dp_spi_new(fleet.dp, &s->spi_in), "SPI");
	in.spi = s->spi_in;
	out.spi = s->spi_out = 0x51000000 + i;
	must(dp_sa_in_attach(fleet.dp, s->peer, &in), "inbound SA");
	must(dp_peer_sa_out(fleet.dp, s->peer, &out), "outbound SA");
	sa = sa_in_get(&fleet.dp->t, s->spi_in);
	sa->used = true; /* the control core was told: not what is measured */
	s->in = sa;
	s->out = peer_get(&fleet.dp->t, s->peer)->sa;
	s->seal = packet_key(fleet.conf.suite, ESP_SEAL, keymat[0]);
}

static void
spoke_up(struct spoke *s, uint32_t i)
{
	struct addr overlay = overlay_of(i);
	struct dp_peer spec = {
		.cloud = CLOUD,
		.local = addr_from_v4(FLEET_HUB_BE),
		.udp_local = fleet.conf.udp ? 4500 : 0,
		.udp_remote = fleet.conf.udp ? 4500 : 0,
		.uplink = fleet.uplink,
		.overlay = overlay,
	};

	*s = (struct spoke){
		.outer_be = rte_cpu_to_be_32(0x64400001 + i),
		.host_be = rte_cpu_to_be_32(0x20000005 + (i << 8)),
	};
	spec.remote = addr_from_v4(s->outer_be);
	must(dp_peer_new(fleet.dp, &spec, &s->peer), "peer");
	must(dp_nbma_set(fleet.dp, CLOUD, &overlay, s->peer), "NHRP entry");
	spoke_secure(s, i);
}

void
fleet_join(uint32_t i)
{
	spoke_up(&fleet.spoke[i], i);
}

void
fleet_leave(uint32_t i)
{
	spoke_down(&fleet.spoke[i], i);
}

void
fleet_rekey(uint32_t i)
{
	struct spoke *s = &fleet.spoke[i];
	uint32_t old = s->spi_in;

	packet_key_free(fleet.conf.suite, s->seal);
	s->seq = 0;
	spoke_secure(s, i);
	must(dp_sa_in_retire(fleet.dp, old, GRACE_MS), "rekey");
}

static void
nothing(void *user, const struct dp_msg *msg)
{
	(void)user, (void)msg;
}

void
fleet_settle(void)
{
	dp_poll(fleet.dp, nothing, NULL, UINT32_MAX);
}

void
fleet_up(const struct fleet_conf *conf, uint32_t n)
{
	for (uint32_t i = 0; i < fleet.spokes; i++)
		spoke_down(&fleet.spoke[i], i);
	fleet_settle();
	fleet.conf = *conf;
	fleet.spokes = n;
	for (uint32_t i = 0; i < n; i++)
		spoke_up(&fleet.spoke[i], i);
}

void
fleet_stop(void)
{
	for (uint32_t i = 0; i < fleet.spokes; i++)
		spoke_down(&fleet.spoke[i], i);
	dp_free(fleet.dp);
	free(fleet.spoke);
}

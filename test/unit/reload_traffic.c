/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Reload under traffic: a real worker and ring ports, the real engines, only twins and the
 * management socket left out. While packets go from one spoke of cloud "steady" to another,
 * other clouds come, change and go, steady itself gets another MTU, files are refused and
 * tried dry; not one packet may be missing, late to the end, or doubled.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "control/dpif.h"
#include "control/ike/ike.h"
#include "control/mgmt/socket.h"
#include "control/reload.h"
#include "control/nhrp/nhrp.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "crypto/selftest.h"
#include "dataplane/dp.h"
#include "test/lib/check.h"
#include "test/lib/packet.h"
#include "test/unit/config_base.h"

#define HUB_BE    IPV4(192, 0, 2, 1)
#define ROUNDS    200
#define IN_FLIGHT 900

static const char hub_yaml[] = "ports:\n"
			       "  - name: wan0\n"
			       "    device: net_ring_wan\n"
			       "    role: wan\n"
			       "    addresses: [192.0.2.1/24]\n"
			       "clouds:\n"
			       "  - name: steady\n"
			       "    addresses: [10.0.1.1/24]\n"
			       "    source: 192.0.2.1\n"
			       "    key: 1\n"
			       "    mtu: %d\n"
			       "    protection: none\n"
			       "    nhrp:\n"
			       "      network_id: 1\n"
			       "      redirect: false\n"
			       "  - name: other%d\n"
			       "    addresses: [10.0.%d.1/24]\n"
			       "    source: 192.0.2.1\n"
			       "    key: %d\n"
			       "    protection: branch\n"
			       "    nhrp:\n"
			       "      network_id: 2\n"
			       "ike:\n"
			       "  - name: branch\n"
			       "%s"
			       "secrets:\n"
			       "  - address: any\n"
			       "    key: file:%s/psk\n";

/* ---- instead of twins and socket ---------------------------------------------------- */

struct dpif {
	struct dp *dp;
	char name[8][CONFIG_NAME_BYTES]; /* by cloud id */
};

static struct dpif dpif;

uint16_t
dpif_cloud_id(const struct dpif *d, const char *name)
{
	for (uint16_t id = 1; id < 8; id++)
		if (strcmp(d->name[id], name) == 0)
			return id;
	return 0;
}

int
dpif_cloud_set(struct dpif *d, const struct config_cloud *cfg)
{
	uint16_t id = dpif_cloud_id(d, cfg->name);
	struct dp_cloud spec = {
		.source = cfg->source,
		.has_key = cfg->has_key,
		.key = cfg->key,
		.protected_ = cfg->protected_,
		.network_id = cfg->nhrp.network_id,
		.redirect = cfg->nhrp.redirect,
		.mtu = cfg->mtu,
		.address = cfg->addresses[0].addr,
	};
	int err;

	if (id == 0)
		id = dpif_cloud_id(d, "");
	err = dp_cloud_set(d->dp, id, &spec);
	if (err == 0)
		snprintf(d->name[id], sizeof(d->name[id]), "%s", cfg->name);
	return err != 0 ? err : id;
}

void
dpif_cloud_del(struct dpif *d, const char *name)
{
	uint16_t id = dpif_cloud_id(d, name);

	dp_cloud_del(d->dp, id);
	d->name[id][0] = '\0';
}

int
dpif_port_set(struct dpif *d, const struct config_port *cfg)
{
	(void)d;
	(void)cfg;
	return 0;
}

void
dpif_settle(struct dpif *d)
{
	(void)d;
}

uint16_t
dpif_overlay_ctx(const struct dpif *d, uint16_t cloud)
{
	(void)d;
	(void)cloud;
	return 0;
}

uint16_t
dpif_transport_ctx(const struct dpif *d, uint16_t cloud)
{
	return dpif_overlay_ctx(d, cloud);
}

int
mgmt_group_set(struct mgmt *m, const char *group)
{
	(void)m;
	(void)group;
	return 0;
}

/* ---- the hub --------------------------------------------------------------------------- */

static struct reload hub;
static struct rib *rib;
static char dir[64], path[128];
static struct rte_ring *to_hub, *from_hub;
static uint64_t now_ms = 1000;

static void
file_write(int mtu, int other, int key, const char *profile_line)
{
	char text[2048];

	snprintf(text, sizeof(text), hub_yaml, mtu, other, other, key, profile_line, dir);
	base_write(path, text, strlen(text), 0600);
}

static void
spoke_add(int i, uint32_t uplink)
{
	struct dp_peer spec = {
		.cloud = 1,
		.local = addr_from_v4(HUB_BE),
		.remote = addr_from_v4(IPV4(192, 0, 2, 11 + i)),
		.uplink = uplink,
		.overlay = addr_from_v4(IPV4(10, 0, 1, 11 + i)),
	};
	uint32_t peer;

	CHECK_EQ(dp_peer_new(dpif.dp, &spec, &peer), 0);
	CHECK_EQ(dp_nbma_set(dpif.dp, 1, &spec.overlay, peer), 0);
}

static bool
hub_start(void)
{
	struct dp_conf conf = { .prog = "test", .workers = 1, .max_peers = 64 };
	struct dp_port_conf port = { .device = "net_ring_wan", .role = DP_WAN, .mtu = 1500 };
	struct dp_adj up = { .kind = DP_ADJ_KIND_ETH, .port = 1, .mac = { 2, 0, 0, 0, 0, 9 } };
	struct dp_adj tunnel = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = 1 };
	struct prefix net = { .addr = addr_from_v4(IPV4(10, 0, 1, 0)), .bits = 24 };
	struct addr local = addr_from_v4(HUB_BE);
	struct config_errors errors;
	static const struct rib_ops no_kernel;
	uint32_t id;
	uint16_t port_id;

	if (dp_new(&conf, &dpif.dp) != 0)
		return false;
	to_hub = rte_ring_create("to_hub", 1024, SOCKET_ID_ANY, 0);
	from_hub = rte_ring_create("from_hub", 1024, SOCKET_ID_ANY, 0);
	if (rte_eth_from_rings("wan", &to_hub, 1, &from_hub, 1, SOCKET_ID_ANY) < 0)
		return false;
	CHECK_EQ(dp_port_add(dpif.dp, &port, &port_id), 0);
	CHECK_EQ(dp_local_add(dpif.dp, port_id, &local), 0);
	CHECK_EQ(dp_run(dpif.dp), 0);

	base_dir(dir, sizeof(dir));
	base_path(path, sizeof(path), dir, "hub.yaml");
	file_write(1400, 2, 2, "");
	hub = (struct reload){ .path = path, .to.dpif = &dpif };
	CHECK_EQ(config_load(path, NULL, &hub.config, &errors), 0);
	config_errors_free(&errors);
	rib = rib_new(dpif.dp, &no_kernel, NULL);
	hub.to.spokes = spokes_new(dpif.dp, 64);
	hub.to.ike = ike_new(&spoke_ike_ops, hub.to.spokes);
	hub.to.nhrp = nhrp_new(&spoke_nhrp_ops, hub.to.spokes);
	spokes_bind(hub.to.spokes, hub.to.ike, hub.to.nhrp, rib);
	CHECK_EQ(apply_all(&hub.to, hub.config, now_ms), 0);
	CHECK_EQ(dp_adj_new(dpif.dp, &up, &id), 0);
	for (int i = 0; i < 2; i++)
		spoke_add(i, id);
	CHECK_EQ(dp_adj_new(dpif.dp, &tunnel, &id), 0);
	CHECK_EQ(dp_fib_set(dpif.dp, 0, &net, id), 0);
	return !check_bad;
}

static void
hub_stop(void)
{
	nhrp_free(hub.to.nhrp);
	spokes_free(hub.to.spokes);
	ike_free(hub.to.ike);
	dp_free(dpif.dp);
	rib_free(rib);
	config_free(hub.config);
	unlink(path);
	base_dir_remove(dir);
}

/* ---- traffic -------------------------------------------------------------------------------- */

static struct {
	struct rte_mempool *pool;
	struct packet frame;
	_Atomic bool stop;
	_Atomic uint64_t sent, came;
	uint64_t wrong; /* not the packet that was sent, or out of order */
} traffic;

/** Spoke 0 to spoke 1; the inner payload begins with a number. */
static void
frame_make(void)
{
	uint8_t mac[6];

	dp_port_mac(dpif.dp, 1, mac);
	packet_payload(&traffic.frame, 64);
	packet_ip(&traffic.frame, IPV4(10, 0, 1, 11), IPV4(10, 0, 1, 12), 253);
	packet_gre(&traffic.frame, 1, 0x0800);
	packet_ip(&traffic.frame, IPV4(192, 0, 2, 11), HUB_BE, 47);
	packet_ether(&traffic.frame, mac, 0x0800);
	traffic.pool = rte_mempool_lookup("packets");
}

/** Octets before the number: Ethernet, IP, GRE with key, IP; the same in and out. */
#define NUMBER_AT (14 + 20 + 8 + 20)

static void
send_one(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(traffic.pool);
	uint64_t n = traffic.sent;

	if (m == NULL)
		return;
	memcpy(rte_pktmbuf_append(m, traffic.frame.bytes), packet_at(&traffic.frame),
		traffic.frame.bytes);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, NUMBER_AT), &n, sizeof(n));
	if (rte_ring_enqueue(to_hub, m) == 0)
		traffic.sent++;
	else
		rte_pktmbuf_free(m);
}

static void
take_all(void)
{
	struct rte_mbuf *m;

	while (rte_ring_dequeue(from_hub, (void **)&m) == 0) {
		uint64_t n;

		memcpy(&n, rte_pktmbuf_mtod_offset(m, void *, NUMBER_AT), sizeof(n));
		traffic.wrong +=
			rte_pktmbuf_data_len(m) != traffic.frame.bytes || n != traffic.came;
		traffic.came++;
		rte_pktmbuf_free(m);
	}
}

static void *
traffic_main(void *arg)
{
	(void)arg;
	while (!traffic.stop) {
		for (int i = 0; i < 256 && traffic.sent - traffic.came < IN_FLIGHT; i++)
			send_one();
		take_all();
		sched_yield();
	}
	for (int i = 0; i < 10000 && traffic.came < traffic.sent; i++) {
		take_all();
		usleep(1000);
	}
	return NULL;
}

static void
no_message(void *user, const struct dp_msg *m)
{
	(void)user;
	(void)m;
}

/** Until some more packets went through, so that each round has its traffic. */
static void
flow(uint64_t packets)
{
	uint64_t goal = traffic.came + packets;

	for (int i = 0; i < 20000 && traffic.came < goal; i++) {
		dp_poll(dpif.dp, no_message, NULL, 64);
		usleep(500);
	}
	CHECK(traffic.came >= goal);
}

/* ---- the test -----------------------------------------------------------------------------------
 */

static void
round_run(int i, unsigned *applied, unsigned *refused)
{
	struct reload_report r;
	bool dry = i % 5 == 3;

	if (i % 5 == 4)
		file_write(13, 2, 2, ""); /* an MTU that is refused */
	else
		file_write(1400 - i % 50, 2 + i % 2, 2 + i % 3, i % 4 == 0 ? "    dpd_s: 7\n" : "");
	reload_run(&hub, dry, ++now_ms, &r);
	CHECK_EQ(r.applied, !dry && i % 5 != 4);
	*applied += r.applied;
	*refused += r.refused[0] != '\0';
	reload_report_free(&r);
	flow(50);
}

static void
no_packet_is_lost(void)
{
	unsigned applied = 0, refused = 0;
	pthread_t thread;

	frame_make();
	CHECK_EQ(pthread_create(&thread, NULL, traffic_main, NULL), 0);
	flow(100);
	for (int i = 0; i < ROUNDS; i++)
		round_run(i, &applied, &refused);
	traffic.stop = true;
	pthread_join(thread, NULL);
	CHECK_EQ(applied, ROUNDS / 5 * 3);
	CHECK_EQ(refused, ROUNDS / 5);
	CHECK(traffic.sent > ROUNDS * 50);
	CHECK_EQ(traffic.came, traffic.sent);
	CHECK_EQ(traffic.wrong, 0);
	for (unsigned v = 0; v < dp_verdict_count(); v++)
		if (strncmp(dp_verdict_name(v), "drop_", 5) == 0)
			CHECK_EQ(dp_verdict_read(dpif.dp, v, -1), 0);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start())
		return 1;
	TEST(no_packet_is_lost);
	hub_stop();
	return check_done();
}

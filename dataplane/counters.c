/* SPDX-License-Identifier: BSD-3-Clause */
/** Reading what workers count; plain loads of 64-bit words, each written by one core. */
#include "dataplane/counters.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/dp_priv.h"
#include "dataplane/fib.h"
#include "dataplane/nbma.h"

static const struct {
	const char *name, *help;
} verdicts[VERDICT_COUNT] = {
#define V(id, text, what) [VERDICT_##id] = { text, what },
	VERDICTS(V)
#undef V
};

unsigned
dp_verdict_count(void)
{
	return VERDICT_COUNT;
}

const char *
dp_verdict_name(unsigned v)
{
	return v < VERDICT_COUNT ? verdicts[v].name : "unknown";
}

const char *
dp_verdict_help(unsigned v)
{
	return v < VERDICT_COUNT ? verdicts[v].help : "";
}

READS_COUNTERS uint64_t
dp_verdict_read(const struct dp *dp, unsigned v, int worker)
{
	uint64_t sum = 0;

	if (v >= VERDICT_COUNT)
		return 0;
	for (int w = 0; w < dp->workers_count; w++)
		if (worker < 0 || worker == w)
			sum += dp->workers[w]->c->verdict[v];
	return sum;
}

READS_COUNTERS void
dp_peer_stats(const struct dp *dp, uint32_t peer, struct dp_peer_stats *out)
{
	*out = (struct dp_peer_stats){ 0 };
	if (peer >= dp->t.peer_max)
		return;
	for (int w = 0; w < dp->workers_count; w++) {
		const struct peer_counters *c = &dp->workers[w]->c->peer[peer];

		out->rx_packets += c->rx_packets;
		out->rx_bytes += c->rx_bytes;
		out->tx_packets += c->tx_packets;
		out->tx_bytes += c->tx_bytes;
	}
	out->rx_packets -= dp->peer_base[peer].rx_packets;
	out->rx_bytes -= dp->peer_base[peer].rx_bytes;
	out->tx_packets -= dp->peer_base[peer].tx_packets;
	out->tx_bytes -= dp->peer_base[peer].tx_bytes;
}

unsigned
dp_workers(const struct dp *dp)
{
	return dp->workers_count;
}

/** The CPU a thread of EAL is pinned to, -1 when there are several. */
static int
lcore_cpu(unsigned lcore)
{
	rte_cpuset_t set = rte_lcore_cpuset(lcore);
	int cpu = 0;

	if (CPU_COUNT(&set) != 1)
		return -1;
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

READS_COUNTERS void
dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out)
{
	const struct worker_counters *c;
	unsigned lcore = dp_worker_lcore(worker);

	*out = (struct dp_worker_stats){ 0 };
	if (worker >= dp->workers_count)
		return;
	c = dp->workers[worker]->c;
	if (lcore < RTE_MAX_LCORE)
		out->core = lcore_cpu(lcore);
	out->rounds = c->rounds;
	out->busy_rounds = c->busy_rounds;
	out->sleeps = c->sleeps;
	out->cycles = c->cycles;
	out->busy_cycles = c->busy_cycles;
	out->rx_packets = c->rx_packets;
	out->tx_packets = c->tx_packets;
	out->handovers = c->handovers;
	out->max_round_cycles = c->max_round_cycles;
	out->rx_bursts = c->rx_bursts;
	for (int i = 0; i < DP_ROUND_BUCKETS; i++)
		out->round_counts[i] = c->round_counts[i];
	for (int i = 0; i < STAGE_COUNT; i++) {
		out->stage_cycles[i] = c->stage_cycles[i];
		out->stage_packets[i] = c->stage_packets[i];
	}
}

void
dp_icmp_stats(const struct dp *dp, struct dp_icmp_stats *out)
{
	*out = (struct dp_icmp_stats){ 0 };
	for (uint16_t w = 0; w < dp->workers_count; w++) {
		out->sent += dp->workers[w]->c->icmp_sent;
		out->held += dp->workers[w]->c->icmp_held;
	}
}

const char *
dp_stage_name(unsigned stage)
{
	static const char *const names[STAGE_COUNT] = {
		[STAGE_RX] = "rx",
		[STAGE_CLASSIFY] = "classify",
		[STAGE_ESP_IN] = "esp_in",
		[STAGE_GRE_IN] = "gre_in",
		[STAGE_ROUTE] = "route",
		[STAGE_FRAG] = "frag",
		[STAGE_GRE_OUT] = "gre_out",
		[STAGE_ESP_OUT] = "esp_out",
		[STAGE_L2] = "l2",
	};

	return stage < STAGE_COUNT ? names[stage] : "unknown";
}

unsigned
dp_round_limit_us(unsigned bucket)
{
	static const uint16_t limits[DP_ROUND_BUCKETS] = { 1, 2, 5, 10, 20, 50, 100, 200, 500,
		1000 };

	return bucket < DP_ROUND_BUCKETS ? limits[bucket] : 0;
}

uint64_t
dp_cycles_per_second(void)
{
	return rte_get_tsc_hz();
}

/** What is lost is the device's matter. */
READS_COUNTERS static void
vlan_stats(const struct dp *dp, uint16_t port, struct dp_port_stats *out)
{
	for (uint16_t w = 0; w < dp->workers_count; w++) {
		const struct vlan_counters *c = &dp->workers[w]->c->vlan[port];

		out->rx_packets += c->rx_packets;
		out->rx_bytes += c->rx_bytes;
		out->tx_packets += c->tx_packets;
		out->tx_bytes += c->tx_bytes;
	}
	out->link_up = dp_port_link_up(dp, port);
}

void
dp_port_stats(const struct dp *dp, uint16_t port, struct dp_port_stats *out)
{
	struct rte_eth_stats s = { 0 };

	*out = (struct dp_port_stats){ 0 };
	if (port == 0 || port > dp->ports_count)
		return;
	if (dp->ports[port].parent != 0) {
		vlan_stats(dp, port, out);
		return;
	}
	rte_eth_stats_get(dp->ports[port].ethdev, &s);
	*out = (struct dp_port_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.rx_missed = s.imissed,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors,
		.link_up = dp_port_link_up(dp, port),
	};
}

void
dp_table_stats(const struct dp *dp, struct dp_table_stats *out)
{
	*out = (struct dp_table_stats){
		.peers = dp->peers,
		.sas_in = dp->t.sas,
		.nbma = nbma_count(dp->t.nbma),
		.adjacencies = dp->adjs,
		.pending_free = dp->later_count,
	};
	pools_count(&dp->pools, &out->mbufs_free, &out->mbufs_all);
	for (int i = 0; i < DP_CONTEXTS_MAX; i++) {
		if (dp->t.fib[i] == NULL)
			continue;
		out->routes_v4 += fib_count(dp->t.fib[i], ADDR_V4);
		out->routes_v6 += fib_count(dp->t.fib[i], ADDR_V6);
	}
}

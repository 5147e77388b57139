/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_COUNTERS_H
#define DATAPLANE_COUNTERS_H

/**
 * Per-worker counters: written by one worker without atomics, summed by the
 * reader. Nothing here shares a cache line with another worker.
 */
#include <stdint.h>

#include <rte_common.h>

#include "dataplane/dp.h"
#include "dataplane/verdict.h"

/** On who reads another core's counters: a word a little old is what is wanted. */
#define READS_COUNTERS __attribute__((no_sanitize("thread")))

struct peer_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* inner packets */
};

/** Of a port that is a VLAN; a device counts for itself. */
struct vlan_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* frames, without tag */
};

enum stage {
	STAGE_RX,
	STAGE_CLASSIFY,
	STAGE_ESP_IN,
	STAGE_GRE_IN,
	STAGE_ROUTE,
	STAGE_FRAG,
	STAGE_GRE_OUT,
	STAGE_ESP_OUT,
	STAGE_L2,
	STAGE_COUNT,
};
_Static_assert(STAGE_COUNT == DP_STAGES, "dp.h counts the stages");

struct worker_counters {
	uint64_t verdict[VERDICT_COUNT];
	uint64_t rounds, busy_rounds, sleeps, cycles, busy_cycles, max_round_cycles;
	uint64_t rx_packets, tx_packets, handovers;
	uint64_t icmp_sent, icmp_held; /* errors of ours about inner packets */
	uint64_t rx_bursts, round_counts[DP_ROUND_BUCKETS];
	uint64_t stage_cycles[STAGE_COUNT], stage_packets[STAGE_COUNT]; /* when measured */
	struct peer_counters *peer;                                     /* [peer_max] */
	struct vlan_counters vlan[DP_PORTS_MAX + 1];                    /* by port */
} __rte_cache_aligned;

#endif

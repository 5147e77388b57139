/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_LOAD_H
#define CONTROL_MGMT_LOAD_H

/** How busy the workers were of late: their counters, kept for some seconds. */
#include <stdint.h>

#include "dataplane/dp.h"

#define LOAD_SAMPLE_MS 5000

/** All zero: no look yet. */
struct load {
	uint64_t taken_ms;                             /* of `last` */
	struct dp_worker_stats last[DP_WORKERS_MAX];   /* 0 to 5 s ago */
	uint64_t before_ms;                            /* of `before` */
	struct dp_worker_stats before[DP_WORKERS_MAX]; /* 5 to 10 s ago */
};

struct load_now {
	uint64_t span_ms;                  /* what the figures are of */
	double busy_percent, idle_percent; /* idle: rounds that moved nothing, and asleep */
	double rx_per_s, tx_per_s;         /* packets */
};

/** Once per round of the control core's loop. */
void load_tick(struct load *l, const struct dp *dp, uint64_t now_ms);

/** The last 5 to 10 s of a worker, or all of its life when it is younger. */
struct load_now load_of(
	const struct load *l, unsigned worker, const struct dp_worker_stats *now, uint64_t now_ms);

#endif

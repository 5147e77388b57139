/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/load.h"

#include <string.h>

void
load_tick(struct load *l, const struct dp *dp, uint64_t now_ms)
{
	if (l->taken_ms != 0 && now_ms - l->taken_ms < LOAD_SAMPLE_MS)
		return;
	memcpy(l->before, l->last, sizeof(l->before));
	l->before_ms = l->taken_ms;
	for (unsigned w = 0; w < dp_workers(dp); w++)
		dp_worker_stats(dp, w, &l->last[w]);
	if (l->before_ms == 0) { /* the first look */
		memcpy(l->before, l->last, sizeof(l->before));
		l->before_ms = now_ms;
	}
	l->taken_ms = now_ms;
}

struct load_now
load_of(const struct load *l, unsigned worker, const struct dp_worker_stats *now, uint64_t now_ms)
{
	const struct dp_worker_stats *then = &l->before[worker];
	uint64_t cycles = now->cycles - then->cycles;
	struct load_now out = { .span_ms = now_ms - l->before_ms };

	if (cycles > 0) {
		out.busy_percent =
			100.0 * (double)(now->busy_cycles - then->busy_cycles) / (double)cycles;
		out.idle_percent = 100.0 - out.busy_percent;
	}
	if (out.span_ms > 0) {
		double seconds = (double)out.span_ms / 1000.0;

		out.rx_per_s = (double)(now->rx_packets - then->rx_packets) / seconds;
		out.tx_per_s = (double)(now->tx_packets - then->tx_packets) / seconds;
	}
	return out;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The part of the Prometheus text that is of the workers. All lines of a family stand together,
 * so the workers are read once and kept for the families.
 */
#include <inttypes.h>

#include "control/mgmt/show.h"
#include "dataplane/dp.h"

struct read {
	unsigned n;
	double hz;
	struct dp_worker_stats of[DP_WORKERS_MAX];
};

static void
seconds(FILE *to, const struct read *r)
{
	metrics_family(
		to, "worker_seconds_total", "counter", "Time of a worker by what it was spent on.");
	for (unsigned w = 0; w < r->n; w++) {
		const struct dp_worker_stats *s = &r->of[w];

		fprintf(to, "nave_worker_seconds_total{worker=\"%u\",mode=\"busy\"} %.3f\n", w,
			(double)s->busy_cycles / r->hz);
		fprintf(to, "nave_worker_seconds_total{worker=\"%u\",mode=\"idle\"} %.3f\n", w,
			(double)(s->cycles - s->busy_cycles) / r->hz);
	}
}

static void
packets(FILE *to, const struct read *r)
{
	metrics_family(to, "worker_packets_total", "counter", "Packets a worker took and gave.");
	for (unsigned w = 0; w < r->n; w++) {
		const struct {
			const char *direction;
			uint64_t n;
		} rows[] = {
			{ "rx", r->of[w].rx_packets },
			{ "tx", r->of[w].tx_packets },
			{ "handover", r->of[w].handovers },
		};

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			fprintf(to,
				"nave_worker_packets_total{worker=\"%u\",direction=\"%s\"} %" PRIu64
				"\n",
				w, rows[i].direction, rows[i].n);
	}
}

/** One counter of each worker. */
static void
counter(FILE *to, const struct read *r, const char *name, const char *help,
	uint64_t (*value)(const struct dp_worker_stats *))
{
	metrics_family(to, name, "counter", help);
	for (unsigned w = 0; w < r->n; w++)
		fprintf(to, "nave_%s{worker=\"%u\"} %" PRIu64 "\n", name, w, value(&r->of[w]));
}

static uint64_t
bursts(const struct dp_worker_stats *s)
{
	return s->rx_bursts;
}

static uint64_t
sleeps(const struct dp_worker_stats *s)
{
	return s->sleeps;
}

static uint64_t
slow_rounds(const struct dp_worker_stats *s)
{
	return rounds_above(s, SLOW_ROUND_US);
}

static void
rounds(FILE *to, const struct read *r)
{
	metrics_family(to, "worker_round_seconds", "histogram",
		"Loop rounds that moved a packet, by how long they took.");
	for (unsigned w = 0; w < r->n; w++) {
		char label[24];

		snprintf(label, sizeof(label), "worker=\"%u\"", w);
		metrics_buckets(to, "worker_round_seconds", label, DP_ROUND_BUCKETS,
			dp_round_limit_us, r->of[w].round_counts,
			(double)r->of[w].busy_cycles / r->hz);
	}
	metrics_family(to, "worker_round_seconds_max", "gauge", "Longest loop round since start.");
	for (unsigned w = 0; w < r->n; w++)
		fprintf(to, "nave_worker_round_seconds_max{worker=\"%u\"} %.6f\n", w,
			(double)r->of[w].max_round_cycles / r->hz);
}

static void
stage_lines(FILE *to, const struct read *r, const char *name, const char *help,
	const uint64_t *(*of)(const struct dp_worker_stats *))
{
	metrics_family(to, name, "counter", help);
	for (unsigned w = 0; w < r->n; w++)
		for (unsigned i = 0; i < DP_STAGES; i++)
			fprintf(to, "nave_%s{worker=\"%u\",stage=\"%s\"} %" PRIu64 "\n", name, w,
				dp_stage_name(i), of(&r->of[w])[i]);
}

static const uint64_t *
stage_cycles(const struct dp_worker_stats *s)
{
	return s->stage_cycles;
}

static const uint64_t *
stage_packets(const struct dp_worker_stats *s)
{
	return s->stage_packets;
}

void
metrics_workers(FILE *to, const struct mgmt_view *v)
{
	static struct read r; /* large; one control core */

	r.n = dp_workers(v->dp);
	r.hz = (double)dp_cycles_per_second();
	for (unsigned w = 0; w < r.n; w++)
		dp_worker_stats(v->dp, w, &r.of[w]);
	seconds(to, &r);
	packets(to, &r);
	counter(to, &r, "worker_rx_bursts_total",
		"Bursts that were not empty; packets received by these are how full they were.",
		bursts);
	counter(to, &r, "worker_sleeps_total", "Times a worker without work slept.", sleeps);
	counter(to, &r, "worker_slow_rounds_total", "Loop rounds of 50 us and more.", slow_rounds);
	rounds(to, &r);
	stage_lines(to, &r, "worker_stage_cycles_total",
		"TSC cycles of a stage in a sample of the loop rounds.", stage_cycles);
	stage_lines(to, &r, "worker_stage_packets_total",
		"Packets of a stage in the same sample of the loop rounds.", stage_packets);
}

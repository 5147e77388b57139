/* SPDX-License-Identifier: BSD-3-Clause */
/** The workers: how busy, how fast, and where the time goes. */
#include <ctype.h>
#include <stdio.h>

#include "control/mgmt/json.h"
#include "control/mgmt/load.h"
#include "control/mgmt/show.h"
#include "dataplane/dp.h"

/** Busy loop rounds that took this long or longer. */
uint64_t
rounds_above(const struct dp_worker_stats *s, unsigned us)
{
	uint64_t n = 0;

	for (unsigned i = 1; i < DP_ROUND_BUCKETS; i++)
		if (dp_round_limit_us(i - 1) >= us)
			n += s->round_counts[i];
	return n;
}

/** {"1": rounds below 1 us, "2": below 2 and not below 1, ..., "more": the rest} */
static json_t *
rounds_by_us(const struct dp_worker_stats *s)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < DP_ROUND_BUCKETS; i++) {
		char limit[16];

		snprintf(limit, sizeof(limit), "%u", dp_round_limit_us(i));
		json_object_set_new(o, dp_round_limit_us(i) != 0 ? limit : "more",
			json_integer((json_int_t)s->round_counts[i]));
	}
	return o;
}

/** Cycles per packet of each stage that had packets in a sampled round. */
static json_t *
stage_cycles(const struct dp_worker_stats *s)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < DP_STAGES; i++)
		if (s->stage_packets[i] != 0)
			json_object_set_new(o, dp_stage_name(i),
				json_real(
					(double)s->stage_cycles[i] / (double)s->stage_packets[i]));
	return o;
}

void
show_workers(const struct mgmt_view *v, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "worker", "WORKER", "core", "CORE", "load_percent",
		"LOAD%", "idle_percent", "IDLE%", "rx_per_s", "RX/s", "tx_per_s", "TX/s",
		"rx_packets", "RX", "tx_packets", "TX", "handovers", "HANDOVER",
		"cycles_per_packet", "CYC/PKT", "sleeps", "SLEEPS", "max_round_us", "MAX-ROUND(us)",
		"burst_fill", "BURST", "slow_rounds", ">50us", NULL };
	double us = (double)dp_cycles_per_second() / 1e6;
	uint64_t span_ms = 0;

	a->data = json_array();
	a->columns = json_columns(columns);
	for (unsigned w = 0; w < dp_workers(v->dp); w++) {
		struct dp_worker_stats s;
		struct load_now l;

		dp_worker_stats(v->dp, w, &s);
		l = load_of(v->load, w, &s, now_ms);
		span_ms = l.span_ms;
		json_array_append_new(a->data,
			json_pack("{s:i, s:o, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, "
				  "s:f, s:f,"
				  " s:I, s:o, s:o}",
				"worker", w, "core",
				s.core >= 0 ? json_integer(s.core) : json_null(), "load_percent",
				l.busy_percent, "idle_percent", l.idle_percent, "rx_per_s",
				(json_int_t)l.rx_per_s, "tx_per_s", (json_int_t)l.tx_per_s,
				"rx_packets", (json_int_t)s.rx_packets, "tx_packets",
				(json_int_t)s.tx_packets, "handovers", (json_int_t)s.handovers,
				"cycles_per_packet",
				s.rx_packets ? (double)s.busy_cycles / (double)s.rx_packets : 0.0,
				"rounds", (json_int_t)s.rounds, "sleeps", (json_int_t)s.sleeps,
				"max_round_us", (double)s.max_round_cycles / us, "burst_fill",
				s.rx_bursts ? (double)s.rx_packets / (double)s.rx_bursts : 0.0,
				"slow_rounds", (json_int_t)rounds_above(&s, SLOW_ROUND_US),
				"rounds_by_us", rounds_by_us(&s), "stage_cycles",
				stage_cycles(&s)));
	}
	snprintf(a->message, sizeof(a->message),
		"LOAD, IDLE, RX/s and TX/s: of the last %.1f s; the others: since start",
		(double)span_ms / 1000.0);
}

/** A column for each stage; a worker that no sampled packet went through has none to show. */
static json_t *
stage_columns(void)
{
	const char *columns[2 * (DP_STAGES + 1) + 1] = { "worker", "WORKER" };
	char titles[DP_STAGES][16];

	for (unsigned i = 0; i < DP_STAGES; i++) {
		const char *name = dp_stage_name(i);
		size_t n = 0;

		for (; name[n] != '\0' && n + 1 < sizeof(titles[i]); n++)
			titles[i][n] = name[n] == '_' ? '-' : (char)toupper(name[n]);
		titles[i][n] = '\0';
		columns[2 * i + 2] = name;
		columns[2 * i + 3] = titles[i];
	}
	return json_columns(columns);
}

void
show_worker_stages(const struct mgmt_view *v, struct mgmt_answer *a)
{
	a->data = json_array();
	a->columns = stage_columns();
	for (unsigned w = 0; w < dp_workers(v->dp); w++) {
		struct dp_worker_stats s;
		json_t *row;

		dp_worker_stats(v->dp, w, &s);
		row = stage_cycles(&s);
		json_object_set_new(row, "worker", json_integer(w));
		json_array_append_new(a->data, row);
	}
	snprintf(a->message, sizeof(a->message),
		"TSC cycles per packet by stage since start, of a sample of the loop rounds");
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "control/base/helpers.h"
#include "control/mgmt/json.h"
#include "control/mgmt/load.h"
#include "control/mgmt/show.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

/* ---- workers and ports ------------------------------------------------------ */

/** Busy loop rounds that took this long or longer. */
static json_int_t
rounds_above(const struct dp_worker_stats *s, unsigned us)
{
	json_int_t n = 0;

	for (unsigned i = 1; i < DP_ROUND_BUCKETS; i++)
		if (dp_round_limit_us(i - 1) >= us)
			n += (json_int_t)s->round_counts[i];
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
		"LOAD%", "rx_per_s", "RX/s", "tx_per_s", "TX/s", "rx_packets", "RX", "tx_packets",
		"TX", "handovers", "HANDOVER", "cycles_per_packet", "CYC/PKT", "sleeps", "SLEEPS",
		"max_round_us", "MAX-ROUND(us)", "burst_fill", "BURST", "slow_rounds", ">50us",
		NULL };
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
			json_pack(
				"{s:i, s:o, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:f,"
				" s:I, s:o, s:o}",
				"worker", w, "core",
				s.core >= 0 ? json_integer(s.core) : json_null(), "load_percent",
				l.busy_percent, "rx_per_s", (json_int_t)l.rx_per_s, "tx_per_s",
				(json_int_t)l.tx_per_s, "rx_packets", (json_int_t)s.rx_packets,
				"tx_packets", (json_int_t)s.tx_packets, "handovers",
				(json_int_t)s.handovers, "cycles_per_packet",
				s.rx_packets ? (double)s.busy_cycles / (double)s.rx_packets : 0.0,
				"rounds", (json_int_t)s.rounds, "sleeps", (json_int_t)s.sleeps,
				"max_round_us", (double)s.max_round_cycles / us, "burst_fill",
				s.rx_bursts ? (double)s.rx_packets / (double)s.rx_bursts : 0.0,
				"slow_rounds", rounds_above(&s, 50), "rounds_by_us",
				rounds_by_us(&s), "stage_cycles", stage_cycles(&s)));
	}
	snprintf(a->message, sizeof(a->message),
		"LOAD, RX/s and TX/s: of the last %.1f s; the others: since start",
		(double)span_ms / 1000.0);
}

static const char *
role_of(const struct mgmt_view *v, const char *port)
{
	const struct config *c = v->config(v->user);

	for (uint32_t i = 0; i < c->ports_count; i++)
		if (strcmp(c->ports[i].name, port) == 0)
			return c->ports[i].role == PORT_WAN ? "wan" : "lan";
	return NULL;
}

void
show_ports(const struct mgmt_view *v, struct mgmt_answer *a)
{
	static const char *const columns[] = { "port", "PORT", "role", "ROLE", "link", "LINK",
		"mac", "MAC", "rx_packets", "RX", "rx_bytes", "RX-BYTES", "tx_packets", "TX",
		"tx_bytes", "TX-BYTES", "rx_missed", "MISSED", "rx_errors", "RX-ERR", "tx_errors",
		"TX-ERR", "tx_full", "TX-FULL", NULL };

	a->data = json_array();
	a->columns = json_columns(columns);
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const char *name = v->port_name(v->user, id);
		struct dp_port_stats s;
		uint8_t m[6];
		char mac[18];

		if (name == NULL)
			continue;
		dp_port_stats(v->dp, id, &s);
		dp_port_mac(v->dp, id, m);
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
			m[4], m[5]);
		json_array_append_new(a->data,
			json_pack("{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				"port", name, "role", json_text(role_of(v, name)), "link",
				s.link_up ? "up" : "down", "mac", mac, "rx_packets",
				(json_int_t)s.rx_packets, "tx_packets", (json_int_t)s.tx_packets,
				"rx_bytes", (json_int_t)s.rx_bytes, "tx_bytes",
				(json_int_t)s.tx_bytes, "rx_missed", (json_int_t)s.rx_missed,
				"rx_errors", (json_int_t)s.rx_errors, "tx_errors",
				(json_int_t)s.tx_errors, "tx_full", (json_int_t)s.tx_full));
	}
}

/* ---- status ------------------------------------------------------------------ */

static json_t *
tables_json(const struct mgmt_view *v)
{
	struct dp_table_stats s;
	struct rib_totals r;

	dp_table_stats(v->dp, &s);
	rib_totals(v->rib, &r);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "peers",
		(json_int_t)s.peers, "sas_in", (json_int_t)s.sas_in, "nhrp", (json_int_t)s.nbma,
		"adjacencies", (json_int_t)s.adjacencies, "kernel_routes", (json_int_t)r.routes,
		"worker_routes_v4", (json_int_t)s.routes_v4, "worker_routes_v6",
		(json_int_t)s.routes_v6, "neighbours_unresolved", (json_int_t)r.unresolved,
		"waiting_to_be_freed", (json_int_t)s.pending_free);
}

static uint64_t
mean(uint64_t sum, uint64_t n)
{
	return n > 0 ? sum / n : 0;
}

/** Public-key work on helper threads; null when it is done on the control core. */
static json_t *
crypto_jobs_json(const struct mgmt_view *v)
{
	struct helpers_stats s;

	if (v->helpers == NULL)
		return json_null();
	helpers_stats_get(v->helpers, &s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I}", "threads",
		(json_int_t)s.threads, "queue", (json_int_t)s.room, "waiting",
		(json_int_t)s.waiting, "waiting_most", (json_int_t)s.waiting_most, "done",
		(json_int_t)s.done, "refused", "session", (json_int_t)s.refused[IKE_JOB_SESSION],
		"known", (json_int_t)s.refused[IKE_JOB_KNOWN], "stranger",
		(json_int_t)s.refused[IKE_JOB_STRANGER], "wait_us_mean",
		(json_int_t)mean(s.wait_us, s.taken), "wait_us_most", (json_int_t)s.wait_us_most,
		"work_us_mean", (json_int_t)mean(s.work_us, s.done));
}

void
show_status(const struct mgmt_view *v, uint64_t now_ms, struct mgmt_answer *a)
{
	struct spokes_totals t;
	struct dp_table_stats s;
	struct ike_totals i;

	spokes_totals(v->spokes, &t);
	dp_table_stats(v->dp, &s);
	ike_totals_get(v->ike, &i);
	a->data = json_pack("{s:s, s:s, s:I, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o, s:o, "
			    "s:{s:I, s:I}}",
		"version", NAVE_VERSION, "config", v->config_path(v->user), "uptime_s",
		(json_int_t)((now_ms - v->started_ms) / 1000), "spokes", "links",
		(json_int_t)t.links, "forwarding", (json_int_t)t.forwarding, "registered",
		(json_int_t)t.registered, "down", (json_int_t)t.down, "ike", "half_open",
		(json_int_t)i.half_open, "sessions", (json_int_t)i.sessions, "children",
		(json_int_t)i.children, "crypto_jobs", crypto_jobs_json(v), "tables",
		tables_json(v), "packet_buffers", "free", (json_int_t)s.mbufs_free, "all",
		(json_int_t)s.mbufs_all);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Counters and gauges as Prometheus text (exposition format 0.0.4). Names are stable:
 * dashboards hang on them. Spokes are only counted unless asked for: ten thousand of them
 * are as many time series, several times.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/base/helpers.h"
#include "control/ike/ike.h"
#include "control/mgmt/show.h"
#include "control/nhrp/nhrp.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

void
metrics_family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP nave_%s %s\n# TYPE nave_%s %s\n", name, help, name, type);
}

void
metrics_buckets(FILE *to, const char *name, const char *label, unsigned n,
	unsigned (*limit_us)(unsigned i), const uint64_t *counts, double sum_s)
{
	const char *open = label[0] != '\0' ? "{" : "", *close = label[0] != '\0' ? "}" : "";
	const char *comma = label[0] != '\0' ? "," : "";
	uint64_t all = 0;

	for (unsigned i = 0; i < n; i++) { /* each holds what those before it do, too */
		char le[16] = "+Inf";

		if (limit_us(i) != 0)
			snprintf(le, sizeof(le), "%g", limit_us(i) / 1e6);
		all += counts[i];
		fprintf(to, "nave_%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, label, comma, le,
			all);
	}
	fprintf(to, "nave_%s_sum%s%s%s %.6f\n", name, open, label, close, sum_s);
	fprintf(to, "nave_%s_count%s%s%s %" PRIu64 "\n", name, open, label, close, all);
}

void
metrics_label(const char *text, char *out, size_t n)
{
	size_t at = 0;

	for (; *text != '\0' && at + 3 < n; text++) {
		if (*text == '"' || *text == '\\')
			out[at++] = '\\';
		out[at++] =
			(unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text;
	}
	out[at] = '\0';
}

static void
gauge(FILE *to, const char *name, uint64_t value, const char *help)
{
	metrics_family(to, name, "gauge", help);
	fprintf(to, "nave_%s %" PRIu64 "\n", name, value);
}

static void
verdicts(FILE *to, const struct mgmt_view *v)
{
	metrics_family(
		to, "packets_total", "counter", "Packets by worker and what became of them.");
	for (unsigned w = 0; w < dp_workers(v->dp); w++)
		for (unsigned i = 0; i < dp_verdict_count(); i++)
			fprintf(to,
				"nave_packets_total{worker=\"%u\",verdict=\"%s\"} %" PRIu64 "\n", w,
				dp_verdict_name(i), dp_verdict_read(v->dp, i, (int)w));
}

/** One counter of all ports. */
static void
port_lines(FILE *to, const struct mgmt_view *v, const char *name, const char *help,
	uint64_t (*rx)(const struct dp_port_stats *), uint64_t (*tx)(const struct dp_port_stats *))
{
	metrics_family(to, name, "counter", help);
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const char *port = v->port_name(v->user, id);
		struct dp_port_stats s;

		if (port == NULL)
			continue;
		dp_port_stats(v->dp, id, &s);
		fprintf(to, "nave_%s{port=\"%s\",direction=\"rx\"} %" PRIu64 "\n", name, port,
			rx(&s));
		fprintf(to, "nave_%s{port=\"%s\",direction=\"tx\"} %" PRIu64 "\n", name, port,
			tx(&s));
	}
}

#define READER(name, expression)                                                                   \
	static uint64_t name(const struct dp_port_stats *s)                                        \
	{                                                                                          \
		return expression;                                                                 \
	}
READER(rx_packets, s->rx_packets)
READER(tx_packets, s->tx_packets)
READER(rx_bytes, s->rx_bytes)
READER(tx_bytes, s->tx_bytes)
READER(rx_lost, s->rx_missed + s->rx_errors)
READER(tx_lost, s->tx_errors + s->tx_full)

static void
ports(FILE *to, const struct mgmt_view *v)
{
	port_lines(to, v, "port_packets_total", "Frames on a port.", rx_packets, tx_packets);
	port_lines(to, v, "port_bytes_total", "Octets on a port.", rx_bytes, tx_bytes);
	port_lines(to, v, "port_lost_total", "Frames a port lost: missed, errors, full queue.",
		rx_lost, tx_lost);
	metrics_family(to, "port_up", "gauge", "Does the port have link?");
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const char *port = v->port_name(v->user, id);

		if (port != NULL)
			fprintf(to, "nave_port_up{port=\"%s\"} %d\n", port,
				dp_port_link_up(v->dp, id));
	}
}

static void
icmp(FILE *to, const struct mgmt_view *v)
{
	struct dp_icmp_stats s;

	dp_icmp_stats(v->dp, &s);
	metrics_family(to, "icmp_errors_total", "counter",
		"ICMP errors of ours about inner packets; held: beyond a rate.");
	fprintf(to, "nave_icmp_errors_total{outcome=\"sent\"} %" PRIu64 "\n", s.sent);
	fprintf(to, "nave_icmp_errors_total{outcome=\"held\"} %" PRIu64 "\n", s.held);
}

static void
spokes(FILE *to, const struct mgmt_view *v)
{
	struct spokes_totals t;

	spokes_totals(v->spokes, &t);
	metrics_family(to, "spokes", "gauge", "Spokes by how far they are.");
	fprintf(to, "nave_spokes{state=\"forwarding\"} %u\n", t.forwarding);
	fprintf(to, "nave_spokes{state=\"registered\"} %u\n", t.registered - t.forwarding);
	fprintf(to, "nave_spokes{state=\"joining\"} %u\n", t.links - t.registered - t.down);
	fprintf(to, "nave_spokes{state=\"down\"} %u\n", t.down);
	metrics_family(to, "icmp_too_big_total", "counter",
		"ICMP fragmentation needed about ESP of ours by what became of it.");
	for (unsigned i = 0; i < PMTU_OUTCOMES; i++)
		fprintf(to, "nave_icmp_too_big_total{outcome=\"%s\"} %" PRIu64 "\n",
			pmtu_outcome_name(i), spokes_too_big(v->spokes, i));
}

/** Failed: refused by the other side for good, not what is tried again at once. */
static void
rekeys(FILE *to, const struct ike_totals *t)
{
	const struct {
		const char *sa, *side, *result;
		uint64_t n;
	} rows[] = {
		{ "ike", "hub", "ok", t->ike_rekeys - t->ike_rekeys_theirs },
		{ "ike", "hub", "failed", t->ike_rekeys_failed },
		{ "ike", "peer", "ok", t->ike_rekeys_theirs },
		{ "ike", "peer", "failed", t->ike_rekeys_refused },
		{ "child", "hub", "ok", t->child_rekeys - t->child_rekeys_theirs },
		{ "child", "hub", "failed", t->child_rekeys_failed },
		{ "child", "peer", "ok", t->child_rekeys_theirs },
		{ "child", "peer", "failed", t->child_rekeys_refused },
	};

	metrics_family(to, "ike_rekeys_total", "counter",
		"Rekeys of SAs by the side that asked for them, and their result.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to,
			"nave_ike_rekeys_total{sa=\"%s\",side=\"%s\",result=\"%s\"} %" PRIu64 "\n",
			rows[i].sa, rows[i].side, rows[i].result, rows[i].n);
}

static void
state_line(void *to, const char *state, uint32_t count)
{
	fprintf(to, "nave_ike_sas{state=\"%s\"} %" PRIu32 "\n", state, count);
}

static void
ike(FILE *to, const struct mgmt_view *v)
{
	struct ike_totals t;

	ike_totals_get(v->ike, &t);
	gauge(to, "ike_half_open", t.half_open, "IKE SAs that are not authenticated yet.");
	gauge(to, "ike_sessions", t.sessions, "Authenticated IKE SAs.");
	gauge(to, "ike_children", t.children, "Child SA pairs.");
	metrics_family(to, "ike_messages_total", "counter", "IKE messages by what became of them.");
	const struct {
		const char *outcome;
		uint64_t n;
	} rows[] = {
		{ "received", t.rx },
		{ "sent", t.tx },
		{ "sent_again", t.retransmitted },
		{ "answered_again", t.replayed_replies },
		{ "dropped_malformed", t.dropped_malformed },
		{ "dropped_limit", t.dropped_limit },
		{ "dropped_unknown_sa", t.dropped_unknown_sa },
		{ "dropped_integrity", t.dropped_integrity },
		{ "dropped_window", t.dropped_window },
		{ "dropped_ikev1", t.dropped_ikev1 },
		{ "cookie_sent", t.cookies_sent },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(to, "nave_ike_messages_total{outcome=\"%s\"} %" PRIu64 "\n",
			rows[i].outcome, rows[i].n);
	metrics_family(to, "ike_authentications_total", "counter",
		"Peers that proved who they are, or not.");
	fprintf(to, "nave_ike_authentications_total{result=\"ok\"} %" PRIu64 "\n", t.auth_ok);
	fprintf(to, "nave_ike_authentications_total{result=\"failed\"} %" PRIu64 "\n",
		t.auth_failed);
	rekeys(to, &t);
	metrics_family(to, "ike_failures_total", "counter",
		"Peers refused or lost, and what else went wrong with one, by reason.");
	for (unsigned r = IKE_REASON_NONE + 1; r < IKE_REASON_COUNT; r++)
		if (ike_reason_is_trouble(r))
			fprintf(to, "nave_ike_failures_total{reason=\"%s\"} %" PRIu64 "\n",
				ike_reason_name(r), t.reasons[r]);
	metrics_family(to, "ike_sas", "gauge", "IKE SAs by state.");
	ike_each_state(v->ike, state_line, to);
}

static void
crypto_jobs(FILE *to, const struct mgmt_view *v)
{
	static const char *const ranks[HELPERS_RANKS] = {
		[IKE_JOB_SESSION] = "session",
		[IKE_JOB_KNOWN] = "known",
		[IKE_JOB_STRANGER] = "stranger",
	};
	struct helpers_stats s = { 0 };

	if (v->helpers != NULL)
		helpers_stats_get(v->helpers, &s);
	gauge(to, "crypto_threads", s.threads, "Threads for public-key work of IKE.");
	gauge(to, "crypto_jobs_waiting", s.waiting, "Public-key jobs no thread has taken yet.");
	metrics_family(to, "crypto_jobs_total", "counter", "Public-key jobs that are done.");
	fprintf(to, "nave_crypto_jobs_total %" PRIu64 "\n", s.done);
	metrics_family(to, "crypto_jobs_refused_total", "counter",
		"Public-key jobs the full queue of their rank refused.");
	for (unsigned i = 0; i < HELPERS_RANKS; i++)
		fprintf(to, "nave_crypto_jobs_refused_total{rank=\"%s\"} %" PRIu64 "\n", ranks[i],
			s.refused[i]);
	metrics_family(to, "crypto_wait_seconds", "histogram",
		"How long public-key jobs waited for a thread.");
	metrics_buckets(to, "crypto_wait_seconds", "", HELPERS_WAIT_BUCKETS, helpers_wait_limit_us,
		s.wait_counts, (double)s.wait_us / 1e6);
	metrics_family(to, "crypto_wait_seconds_max", "gauge", "Longest such wait since start.");
	fprintf(to, "nave_crypto_wait_seconds_max %.6f\n", (double)s.wait_us_most / 1e6);
	metrics_family(
		to, "crypto_work_seconds_total", "counter", "Time the threads worked on them.");
	fprintf(to, "nave_crypto_work_seconds_total %.6f\n", (double)s.work_us / 1e6);
}

/** Only what happened: types times outcomes times clouds are many. */
static void
nhrp(FILE *to, const struct mgmt_view *v)
{
	metrics_family(
		to, "nhrp_packets_total", "counter", "NHRP packets by cloud, type and outcome.");
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		const char *cloud = v->cloud_name(v->user, id);
		const struct nhrp_counters *c = cloud == NULL ? NULL : nhrp_counters(v->nhrp, id);

		for (unsigned t = 0; c != NULL && t < NHRP_TYPES; t++)
			for (unsigned o = 0; o < NHRP_OUTCOMES; o++)
				if (c->packets[t][o] != 0)
					fprintf(to,
						"nave_nhrp_packets_total{cloud=\"%s\",type=\"%s\","
						"outcome=\"%s\"} %" PRIu64 "\n",
						cloud, nhrp_type_name((uint8_t)t),
						nhrp_outcome_name(o), c->packets[t][o]);
	}
}

static void
registrations(FILE *to, const struct mgmt_view *v)
{
	metrics_family(to, "nhrp_registrations", "gauge", "Addresses registered by NHRP.");
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		if (v->cloud_name(v->user, id) != NULL)
			fprintf(to, "nave_nhrp_registrations{cloud=\"%s\"} %" PRIu32 "\n",
				v->cloud_name(v->user, id), nhrp_bindings_count(v->nhrp, id));
}

static void
tables(FILE *to, const struct mgmt_view *v)
{
	struct dp_table_stats s;
	struct rib_totals r;

	dp_table_stats(v->dp, &s);
	rib_totals(v->rib, &r);
	metrics_family(to, "table_entries", "gauge", "Entries of the tables the workers read.");
	fprintf(to,
		"nave_table_entries{table=\"peers\"} %u\nnave_table_entries{table=\"sas_in\"} %u\n"
		"nave_table_entries{table=\"nhrp\"} %u\nnave_table_entries{table=\"adjacencies\"} "
		"%u\n"
		"nave_table_entries{table=\"routes_v4\"} %u\n"
		"nave_table_entries{table=\"routes_v6\"} %u\n",
		s.peers, s.sas_in, s.nbma, s.adjacencies, s.routes_v4, s.routes_v6);
	gauge(to, "kernel_routes", r.routes, "Routes of the kernel and registrations taken in.");
	gauge(to, "neighbours_unresolved", r.unresolved, "Hosts asked for that have not answered.");
	gauge(to, "packet_buffers", s.mbufs_all, "Packet buffers there are.");
	gauge(to, "packet_buffers_free", s.mbufs_free, "Packet buffers not in use.");
}

void
metrics(const struct mgmt_view *v, bool of_spokes, uint64_t now_ms, struct mgmt_answer *a)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (to != NULL) {
		metrics_family(to, "info", "gauge", "Version of the running naved.");
		fprintf(to, "nave_info{version=\"%s\"} 1\n", NAVE_VERSION);
		gauge(to, "uptime_seconds", (now_ms - v->started_ms) / 1000,
			"Since naved started.");
		verdicts(to, v);
		metrics_workers(to, v);
		ports(to, v);
		icmp(to, v);
		spokes(to, v);
		ike(to, v);
		crypto_jobs(to, v);
		nhrp(to, v);
		registrations(to, v);
		metrics_crls(to, v);
		metrics_certs(to, v);
		tables(to, v);
		if (of_spokes)
			metrics_spokes(to, v, now_ms);
		fclose(to);
		a->data = json_stringn(text, bytes);
	}
	free(text);
	if (a->data == NULL)
		snprintf(a->error, sizeof(a->error), "out of memory");
}

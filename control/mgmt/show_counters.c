/* SPDX-License-Identifier: BSD-3-Clause */
/** What became of packets: in all by verdict, and of one spoke by peer and SA. */
#include <stdio.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/nhrp/nhrp.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

/** What is collected: only what counted something, or all there is. */
struct counters {
	json_t *list;
	bool all;
};

static void
row_add(struct counters *c, const char *name, uint64_t n, const char *meaning)
{
	if (n != 0 || c->all)
		json_array_append_new(c->list,
			json_pack("{s:s, s:I, s:s}", "counter", name, "packets", (json_int_t)n,
				"meaning", meaning));
}

static void
verdict_rows(const struct mgmt_view *v, struct counters *c)
{
	for (unsigned i = 0; i < dp_verdict_count(); i++)
		row_add(c, dp_verdict_name(i), dp_verdict_read(v->dp, i, -1), dp_verdict_help(i));
}

static void
nhrp_rows(const struct mgmt_view *v, uint16_t cloud, const char *name, struct counters *c)
{
	const struct nhrp_counters *n = nhrp_counters(v->nhrp, cloud);
	char text[80], meaning[64];

	snprintf(meaning, sizeof(meaning), "NHRP engine, cloud %s", name);
	for (unsigned t = 0; n != NULL && t < NHRP_TYPES; t++)
		for (unsigned o = 0; o < NHRP_OUTCOMES; o++) {
			snprintf(text, sizeof(text), "nhrp_%s_%s", nhrp_type_name((uint8_t)t),
				nhrp_outcome_name(o));
			row_add(c, text, n->packets[t][o], meaning);
		}
}

static void
ike_rows(const struct mgmt_view *v, struct counters *c)
{
	struct ike_totals t;
	ike_totals_get(v->ike, &t);
	const struct {
		const char *name;
		uint64_t n;
		const char *meaning;
	} rows[] = {
		{ "ike_rx", t.rx, "IKE messages taken in" },
		{ "ike_tx", t.tx, "IKE messages sent" },
		{ "ike_retransmitted", t.retransmitted, "requests of ours sent again" },
		{ "ike_replayed_replies", t.replayed_replies, "requests of peers answered again" },
		{ "ike_drop_malformed", t.dropped_malformed, "could not be parsed" },
		{ "ike_drop_limit", t.dropped_limit, "half-open or source limits" },
		{ "ike_drop_unknown_sa", t.dropped_unknown_sa, "for an IKE SA we do not have" },
		{ "ike_drop_integrity", t.dropped_integrity, "integrity check failed" },
		{ "ike_drop_window", t.dropped_window, "message id outside of the window" },
		{ "ike_drop_ikev1", t.dropped_ikev1, "IKEv1: change the spoke to IKEv2" },
		{ "ike_cookies_sent", t.cookies_sent, "cookies asked for under load" },
		{ "ike_auth_ok", t.auth_ok, "peers authenticated" },
		{ "ike_auth_failed", t.auth_failed, "peers refused" },
		{ "ike_jobs_refused", t.jobs_refused,
			"public-key jobs the full queue of the helpers refused" },
		{ "ike_child_rekeys", t.child_rekeys, "child SAs rekeyed" },
		{ "ike_ike_rekeys", t.ike_rekeys, "IKE SAs rekeyed" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		row_add(c, rows[i].name, rows[i].n, rows[i].meaning);
}

static void
icmp_rows(const struct mgmt_view *v, struct counters *c)
{
	struct dp_icmp_stats s;

	dp_icmp_stats(v->dp, &s);
	row_add(c, "icmp_error_sent", s.sent, "ICMP errors of ours about inner packets");
	row_add(c, "icmp_error_held", s.held, "not sent: too many for a host, a spoke or in all");
}

static void
too_big_rows(const struct mgmt_view *v, struct counters *c)
{
	char name[32];

	for (unsigned i = 0; i < PMTU_OUTCOMES; i++) {
		snprintf(name, sizeof(name), "pmtu_%s", pmtu_outcome_name(i));
		row_add(c, name, spokes_too_big(v->spokes, i), pmtu_outcome_help(i));
	}
}

void
show_counters(const struct mgmt_view *v, const char *all, struct mgmt_answer *a)
{
	static const char *const columns[] = { "counter", "COUNTER", "packets", "PACKETS",
		"meaning", "MEANING", NULL };
	struct counters c = { .all = all != NULL };

	if (all != NULL && strcmp(all, "all") != 0) {
		snprintf(a->error, sizeof(a->error),
			"show counters takes nothing, all, or spoke WHICH");
		return;
	}
	c.list = json_array();
	verdict_rows(v, &c);
	icmp_rows(v, &c);
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		if (v->cloud_name(v->user, id) != NULL)
			nhrp_rows(v, id, v->cloud_name(v->user, id), &c);
	ike_rows(v, &c);
	too_big_rows(v, &c);
	a->data = c.list;
	a->columns = json_columns(columns);
}

/* ---- one spoke ------------------------------------------------------------- */

struct of_spoke {
	const struct mgmt_view *v;
	const char *which;
	uint64_t now_ms;
	const struct spoke_info *spoke; /* whose rows are being made */
	json_t *list;
};

/** value < 0: not counted here. */
static json_t *
count_or_null(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

struct of_object {
	const char *object; /* "peer": inner packets; "sa": as IPsec counts them */
	const char *direction;
	uint32_t spi;
	int64_t packets, bytes, replay, auth, worker;
};

static void
object_row(struct of_spoke *r, const struct of_object *o)
{
	json_array_append_new(r->list,
		json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "cloud",
			json_text(r->spoke->cloud), "identity", json_text(r->spoke->identity),
			"tunnel_address", json_addr(&r->spoke->tunnel_address), "nbma",
			json_addr(&r->spoke->nbma), "object", o->object, "direction", o->direction,
			"spi", json_spi(o->spi), "packets", count_or_null(o->packets), "bytes",
			count_or_null(o->bytes), "replay_drops", count_or_null(o->replay),
			"auth_failures", count_or_null(o->auth), "worker",
			count_or_null(o->worker)));
}

bool
sa_out_read(const struct dp *dp, const struct ike_child_info *c, struct dp_sa_out_stats *out)
{
	struct dp_sa_stats in;

	return dp_sa_in_read(dp, c->spi_in, &in) && dp_sa_out_read(dp, in.peer, out) &&
		out->spi == c->spi_out;
}

static void
child_rows(void *arg, const struct ike_child_info *c)
{
	struct of_spoke *r = arg;
	struct dp_sa_stats in;
	struct dp_sa_out_stats sent;

	if (dp_sa_in_read(r->v->dp, c->spi_in, &in))
		object_row(r,
			&(struct of_object){ "sa", "in", c->spi_in, (int64_t)in.packets,
				(int64_t)in.bytes, (int64_t)in.drops_replay, (int64_t)in.drops_auth,
				in.owner });
	if (sa_out_read(r->v->dp, c, &sent))
		object_row(r,
			&(struct of_object){ "sa", "out", c->spi_out, (int64_t)sent.packets,
				(int64_t)sent.bytes, -1, -1, -1 });
}

static void
spoke_rows(void *arg, const struct spoke_info *i)
{
	struct of_spoke *r = arg;

	if (i->link == 0 ||
		!show_wanted(r->which, i->identity, i->group, &i->tunnel_address, &i->nbma))
		return;
	r->spoke = i;
	object_row(r,
		&(struct of_object){ "peer", "in", 0, (int64_t)i->rx_packets, (int64_t)i->rx_bytes,
			-1, -1, -1 });
	object_row(r,
		&(struct of_object){ "peer", "out", 0, (int64_t)i->tx_packets, (int64_t)i->tx_bytes,
			-1, -1, -1 });
	if (i->session != 0)
		ike_each_child(r->v->ike, i->session, r->now_ms, child_rows, r);
}

void
show_counters_spoke(
	const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "cloud", "CLOUD", "identity", "IDENTITY",
		"tunnel_address", "TUNNEL", "nbma", "NBMA", "object", "OF", "direction", "WAY",
		"spi", "SPI", "packets", "PACKETS", "bytes", "BYTES", "replay_drops", "REPLAYED",
		"auth_failures", "FORGED", "worker", "WORKER", NULL };
	struct of_spoke r = { .v = v, .which = which, .now_ms = now_ms, .list = json_array() };

	spokes_each(v->spokes, now_ms, spoke_rows, &r);
	if (json_array_size(r.list) == 0) {
		json_decref(r.list);
		snprintf(a->error, sizeof(a->error),
			"no spoke %.64s with a way to it: give an identity, tunnel or NBMA address "
			"as in show spokes",
			which);
		return;
	}
	a->data = r.list;
	a->columns = json_columns(columns);
	snprintf(a->message, sizeof(a->message),
		"peer: inner packets of its life; sa: of this pair of ESP SAs. REPLAYED, FORGED: "
		"dropped by the SA");
}

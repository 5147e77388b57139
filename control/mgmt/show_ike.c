/* SPDX-License-Identifier: BSD-3-Clause */
/** IKE sessions: what was agreed, what is left of it, what went wrong last; and their end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/rows.h"
#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

#define CLEAR_AT_ONCE 64
#define GROUP_COLUMN  1

struct show {
	struct rows rows; /* sorted by address */
	json_t *failed;
	const char *which;
	const struct mgmt_view *v;
	uint64_t now_ms;
	bool groups; /* any has one */
	struct near near;
};

struct children {
	const struct mgmt_view *v;
	json_t *list;
};

/** What the workers counted on it; null where they do not have it. */
static void
child_counters(const struct dp *dp, const struct ike_child_info *c, json_t *row)
{
	struct dp_sa_stats in = { 0 };
	bool has = dp_sa_in_read(dp, c->spi_in, &in);
	struct dp_sa_out_stats out = { 0 };
	bool sends = sa_out_read(dp, c, &out);
	const struct {
		const char *key;
		uint64_t n;
	} of_in[] = { { "rx_packets", in.packets }, { "rx_bytes", in.bytes },
		{ "replay_drops", in.drops_replay }, { "auth_failures", in.drops_auth },
		{ "sequence_in", in.top }, { "worker", in.owner } };

	for (size_t i = 0; i < sizeof(of_in) / sizeof(of_in[0]); i++)
		json_object_set_new(row, of_in[i].key,
			has ? json_integer((json_int_t)of_in[i].n) : json_null());
	const struct {
		const char *key;
		uint64_t n; /* UINT64_MAX: no limit */
	} of_out[] = { { "tx_packets", out.packets }, { "tx_bytes", out.bytes },
		{ "rekey_in_packets", out.packets_left }, { "rekey_in_bytes", out.bytes_left } };

	for (size_t i = 0; i < sizeof(of_out) / sizeof(of_out[0]); i++)
		json_object_set_new(row, of_out[i].key,
			sends && of_out[i].n != UINT64_MAX ? json_integer((json_int_t)of_out[i].n)
							   : json_null());
}

static void
child_row(void *arg, const struct ike_child_info *c)
{
	const struct children *r = arg;
	json_t *row = json_pack(
		"{s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:o}",
		"spi_in", json_spi(c->spi_in), "spi_out", json_spi(c->spi_out), "state", c->state,
		"begun_by", c->initiator ? "hub" : "peer", "suite", c->suite, "pfs", c->pfs, "mode",
		c->tunnel ? "tunnel" : "transport", "esn", c->esn, "udp", c->udp, "age_s",
		(json_int_t)(c->age_ms / 1000), "rekey_in_s", json_ms_left(c->rekey_in_ms),
		"expires_in_s", json_ms_left(c->expires_in_ms), "ts_local", json_addr(&c->ts_local),
		"ts_remote", json_addr(&c->ts_remote), "remote_claimed",
		json_addr(&c->remote_claimed));

	child_counters(r->v->dp, c, row);
	json_array_append_new(r->list, row);
}

/** What is told of one peer beside what the table of all has. */
static void
session_facts(const struct ike_sa_info *s, json_t *row)
{
	json_object_set_new(row, "begun_by", json_string(s->began ? "hub" : "peer"));
	json_object_set_new(row, "session_age_s",
		s->session != 0 ? json_integer((json_int_t)(s->session_age_ms / 1000))
				: json_null());
	json_object_set_new(row, "expires_in_s", json_ms_left(s->expires_in_ms));
	json_object_set_new(row, "local", json_addr(&s->path.local));
	json_object_set_new(row, "local_port", json_integer(s->path.local_port));
	json_object_set_new(row, "vendor_ids", json_text(s->vendors));
	json_object_set_new(row, "window", json_integer(IKE_WINDOW));
	json_object_set_new(row, "cookie", json_boolean(s->cookie));
}

static void
ike_row(void *arg, const struct ike_sa_info *s)
{
	struct show *r = arg;
	struct row_key key = { .first = s->path.remote };
	struct children children = { .v = r->v };
	char spi_i[20], spi_r[20];
	json_t *row;

	if (!show_wanted(
		    r->which, s->peer_text, s->binding.group, &s->path.remote, &s->path.remote)) {
		near_try(&r->near, r->which, s->peer_text);
		return;
	}
	r->groups |= s->binding.group[0] != '\0';
	snprintf(spi_i, sizeof(spi_i), "%016" PRIx64, s->spi_i);
	snprintf(spi_r, sizeof(spi_r), "%016" PRIx64, s->spi_r);
	children.list = json_array();
	if (s->session != 0)
		ike_each_child(r->v->ike, s->session, r->now_ms, child_row, &children);
	row = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:b, "
			"s:b, s:s, s:s, "
			"s:I, "
			"s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:o}",
		"identity", json_text(s->peer_text), "local_identity", json_text(s->local_text),
		"group", json_text(s->binding.group), "map", json_text(s->binding.map), "nbma",
		json_addr(&s->path.remote), "port", (json_int_t)s->path.remote_port, "state",
		s->state, "role", s->initiator ? "initiator" : "responder", "profile", s->profile,
		"ipsec_profile", s->ipsec_profile, "auth", s->auth, "certificate_until",
		json_time(s->cert_until_s), "suite", s->suite, "nat_remote", s->nat_remote,
		"nat_local", s->nat_local, "spi_i", spi_i, "spi_r", spi_r, "age_s",
		(json_int_t)(s->age_ms / 1000), "rekey_in_s", json_ms_left(s->rekey_in_ms),
		"idle_s", (json_int_t)(s->idle_ms / 1000), "rtt_ms",
		s->send_id > 0 ? json_integer((json_int_t)s->rtt_ms) : json_null(), "next_send_id",
		(json_int_t)s->send_id, "next_recv_id", (json_int_t)s->recv_id, "retransmissions",
		(json_int_t)s->retransmissions, "open_request_sends",
		(json_int_t)s->open_request_sends, "rekeys", (json_int_t)s->rekeys, "fragmentation",
		s->fragmentation, "ppk", s->ppk, "last_reason",
		s->last_reason != IKE_REASON_NONE ? json_string(ike_reason_name(s->last_reason))
						  : json_null());
	session_facts(s, row);
	json_object_set_new(row, "children", children.list);
	rows_add(&r->rows, &key, row);
}

static void
failure_row(void *arg, const struct ike_failure *f)
{
	const struct ike_event *e = &f->event;
	struct show *r = arg;

	if (!show_wanted(r->which, e->identity, "", &e->path.remote, &e->path.remote))
		return;
	json_array_append_new(r->failed,
		json_pack("{s:s, s:o, s:b, s:o, s:I, s:o, s:o, s:o, s:s, s:I, s:o, s:I, s:I}",
			"reason", ike_reason_name(e->reason), "identity", json_text(e->identity),
			"authenticated", e->authenticated, "nbma", json_addr(&e->path.remote),
			"port", (json_int_t)e->path.remote_port, "detail", json_text(e->detail),
			"offered", json_text(e->offered), "would_match", json_text(e->wanted),
			"remedy", e->remedy, "notify", (json_int_t)e->notify, "notify_name",
			json_text(ike_notify_name(e->notify)), "times", (json_int_t)f->count,
			"ago_s", (json_int_t)((r->now_ms - f->at_ms) / 1000)));
}

/** One peer: all that is known of it, its sessions beside what failed last. */
static void
show_one(struct show *r, json_t *list, struct mgmt_answer *a)
{
	json_t *one;

	r->failed = json_array();
	ike_each_failure(r->v->ike, failure_row, r);
	if (json_array_size(list) == 0 && json_array_size(r->failed) == 0) {
		snprintf(a->error, sizeof(a->error),
			"no IKE session of %.64s, and no failed one: give an identity or NBMA "
			"address as in show ike",
			r->which);
		near_say(&r->near, a);
		json_decref(r->failed);
		return;
	}
	/* A single session is shown as a list of facts, several as they are. */
	if (json_array_size(list) == 1)
		one = json_incref(json_array_get(list, 0));
	else
		one = json_pack("{s:O}", "sessions", list);
	json_object_set_new(one, "last_errors", r->failed);
	a->data = one;
}

void
show_ike(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "identity", "IDENTITY", "group", "GROUP", "nbma",
		"NBMA", "port", "PORT", "state", "STATE", "auth", "AUTH", "suite", "SUITE", "age_s",
		"AGE", "rekey_in_s", "REKEY-IN", "idle_s", "IDLE", "retransmissions", "RETR",
		"rekeys", "REKEYS", NULL };
	struct show r = { .which = which, .v = v, .now_ms = now_ms };
	bool of_group = which != NULL && strncmp(which, "group ", 6) == 0;
	json_t *list;

	ike_each_sa(v->ike, now_ms, ike_row, &r);
	list = rows_take(&r.rows);
	if (of_group && json_array_size(list) == 0) {
		snprintf(
			a->error, sizeof(a->error), "no IKE session of %.64s: see show ike", which);
		json_decref(list);
		return;
	}
	if (which != NULL && !of_group) {
		show_one(&r, list, a);
		json_decref(list);
		return;
	}
	a->data = list;
	a->columns = json_columns(columns);
	if (!r.groups)
		json_array_remove(a->columns, GROUP_COLUMN);
}

/* ---- clear ------------------------------------------------------------------ */

struct clearing {
	const char *which;
	uint64_t session[CLEAR_AT_ONCE];
	unsigned count;
};

static void
clear_find(void *arg, const struct ike_sa_info *s)
{
	struct clearing *c = arg;

	if (s->session == 0 || c->count == CLEAR_AT_ONCE ||
		!show_wanted(
			c->which, s->peer_text, s->binding.group, &s->path.remote, &s->path.remote))
		return;
	for (unsigned i = 0; i < c->count; i++)
		if (c->session[i] == s->session) /* a rekey: two SAs of one session */
			return;
	c->session[c->count++] = s->session;
}

void
clear_ike(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	struct clearing c = { .which = which };
	json_int_t closed = 0;

	do {
		c.count = 0;
		ike_each_sa(v->ike, now_ms, clear_find, &c);
		for (unsigned i = 0; i < c.count; i++)
			closed += ike_close(v->ike, c.session[i], IKE_REASON_OPERATOR, now_ms) == 0;
	} while (c.count == CLEAR_AT_ONCE);
	if (closed == 0)
		snprintf(a->error, sizeof(a->error),
			"no IKE session of %.64s: name it by identity, outer address or group as "
			"in "
			"show ike",
			which);
	else
		a->data = json_pack("{s:I}", "cleared", closed);
}

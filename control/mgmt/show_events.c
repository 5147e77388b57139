/* SPDX-License-Identifier: BSD-3-Clause */
/** What befell peers of late, as the log has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"

#define EVENTS_USUALLY 50
#define EVENTS_MAX     1000 /* more are not kept */

struct listing {
	const char *which; /* peer; NULL = all */
	uint64_t now_ms;
	size_t limit;
	json_t *list; /* the oldest first, as in a log */
};

static bool
event_row(void *arg, const struct spoke_event *k)
{
	struct listing *l = arg;
	const struct ike_event *e = &k->ike;
	int64_t ago_s = (int64_t)((l->now_ms - k->at_ms) / 1000);

	if (!show_wanted(l->which, e->identity, e->group, &e->path.remote, &e->path.remote))
		return true;
	json_array_insert_new(l->list, 0,
		json_pack("{s:o, s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:I, s:o, s:o, s:o, "
			  "s:o, "
			  "s:o, s:o, s:I, s:I, s:I}",
			"at", json_time(k->at_s), "ago_s", (json_int_t)ago_s, "reason",
			ike_reason_name(e->reason), "trouble", ike_reason_is_trouble(e->reason),
			"identity", json_text(e->authenticated ? e->identity : ""),
			"claimed_identity", json_text(e->authenticated ? "" : e->identity), "group",
			json_text(e->group), "nbma", json_addr(&e->path.remote), "port",
			(json_int_t)e->path.remote_port, "local", json_addr(&e->path.local),
			"local_port", (json_int_t)e->path.local_port, "cloud", json_text(k->clouds),
			"notify", json_text(ike_notify_name(e->notify)), "detail",
			json_text(e->detail), "offered", json_text(e->offered), "would_match",
			json_text(e->wanted), "remedy", json_text(e->remedy), "repeated",
			(json_int_t)e->suppressed, "left_out", (json_int_t)e->left_out, "session",
			(json_int_t)e->session));
	return json_array_size(l->list) < l->limit;
}

/** A number is how many, anything else a peer. False: a number that is none of events. */
static bool
read_which(const char *which, struct listing *l)
{
	char *end;
	unsigned long n;

	if (which == NULL || which[strspn(which, "0123456789")] != '\0') {
		l->which = which;
		return true;
	}
	errno = 0;
	n = strtoul(which, &end, 10);
	l->limit = n;
	return errno == 0 && n >= 1 && n <= EVENTS_MAX;
}

void
show_events(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "at", "TIME", "reason", "REASON", "identity",
		"IDENTITY", "claimed_identity", "CLAIMS", "nbma", "NBMA", "cloud", "CLOUD",
		"notify", "WE SENT", "detail", "DETAIL", "offered", "OFFERED", "would_match",
		"WOULD MATCH", "remedy", "WHAT TO DO", NULL };
	struct listing l = { .now_ms = now_ms, .limit = EVENTS_USUALLY };

	if (!read_which(which, &l)) {
		snprintf(a->error, sizeof(a->error),
			"show events takes how many (1 to %d), or a peer: identity, outer "
			"address, or group NAME",
			EVENTS_MAX);
		return;
	}
	l.list = json_array();
	spokes_events_each(v->spokes, event_row, &l);
	a->data = l.list;
	a->columns = json_columns(columns);
}

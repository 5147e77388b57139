/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/route/rib.h"
#include "dataplane/dp.h"

#define ROWS_MAX 1000 /* more would hold up the spokes: the control core makes the answer */

struct routes {
	json_t *list;
	const struct mgmt_view *v;
	bool several; /* contexts */
	bool reasons;
	bool cut;
};

/** Who put a route there: numbers of the kernel's rt_protos. */
static const char *
protocol_name(uint8_t protocol, char *buf, size_t n)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {
		{ 1, "redirect" },
		{ 2, "kernel" },
		{ 3, "boot" },
		{ 4, "static" },
		{ 11, "zebra" },
		{ 12, "bird" },
		{ 16, "dhcp" },
		{ 42, "babel" },
		{ 84, "ovn" },
		{ 186, "bgp" },
		{ 187, "isis" },
		{ 188, "ospf" },
		{ 189, "rip" },
		{ 192, "eigrp" },
		{ 191, "nhrpd" },
		{ 196, "frr-static" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].protocol == protocol)
			return names[i].name;
	snprintf(buf, n, "proto-%u", protocol);
	return buf;
}

static const char *
source_of(const struct rib_info *i, char *buf, size_t n)
{
	if (i->neighbour)
		return "neighbour";
	if (i->binding)
		return "nhrp";
	if (i->type == RIB_ROUTE_LOCAL)
		return "local";
	if (i->protocol == 2)
		return "connected";
	return protocol_name(i->protocol, buf, n);
}

static const char *
device_of(const struct mgmt_view *v, const struct rib_hop_info *h)
{
	return h->cloud != 0 ? v->cloud_name(v->user, h->cloud) : v->port_name(v->user, h->port);
}

static const char *
reason_text(enum rib_unresolved why)
{
	static const char *const texts[] = {
		[RIB_NO_ROUTE] = "no route to the next hop",
		[RIB_NO_UNICAST] = "next hop in a blackhole or ours",
		[RIB_OTHER_DEVICE] = "next hop behind another device",
		[RIB_LOOP] = "next hop behind itself",
		[RIB_TOO_DEEP] = "too many routes to the next hop",
	};

	return texts[why];
}

/** Why a route has no next hop that it could lead through; RIB_RESOLVED: it has one. */
static enum rib_unresolved
unresolved(const struct rib_info *i)
{
	if (i->best || i->hops_count == 0)
		return RIB_RESOLVED;
	for (unsigned h = 1; h < i->hops_count; h++)
		if (i->hops[h].why == RIB_RESOLVED)
			return RIB_RESOLVED;
	return i->hops[0].why;
}

/** What becomes of packets for it. */
static const char *
state_of(const struct rib_info *i)
{
	bool works = i->type != RIB_ROUTE_UNICAST || i->neighbour;

	if (unresolved(i) != RIB_RESOLVED)
		return "unresolved";
	for (unsigned h = 0; h < i->hops_count; h++)
		works |= i->hops[h].usable;
	if (!i->best)
		return works ? "spare" : "down";
	if (!i->active)
		return "missing"; /* the workers answer something else: say so */
	return works ? "active" : "down";
}

static json_t *
hops_json(const struct rib_info *i, const struct mgmt_view *v)
{
	json_t *list = json_array();

	for (unsigned h = 0; h < i->hops_count; h++) {
		const struct rib_hop_info *hop = &i->hops[h];

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:o, s:b, s:b, s:o}", "gateway",
				json_addr(&hop->gateway), "through", json_addr(&hop->through),
				"device", json_text(device_of(v, hop)), "usable", hop->usable,
				"used", hop->used, "reason", json_text(reason_text(hop->why))));
	}
	return list;
}

/** The next hop packets take, what it is reached by, and how many others there are. */
static void
via_print(const struct rib_info *i, const struct rib_hop_info *used, char *buf, size_t n)
{
	char text[ADDR_TEXT_BYTES] = "", through[ADDR_TEXT_BYTES] = "", others[16] = "";
	bool behind = used != NULL && used->through.family != ADDR_NONE;

	if (used != NULL && used->gateway.family != ADDR_NONE)
		addr_print(&used->gateway, text);
	if (behind)
		addr_print(&used->through, through);
	if (i->hops_count > 1)
		snprintf(others, sizeof(others), " (+%u)", i->hops_count - 1u);
	snprintf(buf, n, "%s%s%s%s", text, behind ? " by " : "", through, others);
}

/** Or would take; NULL: one of those that do not work. */
static const struct rib_hop_info *
hop_used(const struct rib_info *i)
{
	if (unresolved(i) != RIB_RESOLVED)
		return &i->hops[0];
	for (unsigned h = 0; h < i->hops_count; h++)
		if (i->hops[h].used)
			return &i->hops[h];
	return NULL;
}

static bool
route_row(void *arg, const struct rib_info *i)
{
	struct routes *r = arg;
	const struct rib_hop_info *used = hop_used(i);
	char text[ADDR_TEXT_BYTES], via[2 * ADDR_TEXT_BYTES + 24], source[24];
	enum rib_unresolved why = unresolved(i);
	json_t *metric;

	r->cut = json_array_size(r->list) == ROWS_MAX;
	if (r->cut)
		return false;
	r->several |= i->ctx != 0;
	r->reasons |= why != RIB_RESOLVED;
	metric = i->binding || i->neighbour ? json_null() : json_integer((json_int_t)i->metric);
	via_print(i, used, via, sizeof(via));
	json_array_append_new(r->list,
		json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:s, s:o, s:b, s:o}",
			"vrf", r->v->context_name(r->v->user, i->ctx), "table",
			(json_int_t)i->table, "prefix", prefix_print(&i->prefix, text), "via",
			json_text(via), "gateway",
			used != NULL ? json_addr(&used->gateway) : json_null(), "device",
			used != NULL ? json_text(device_of(r->v, used)) : json_null(), "type",
			i->type == RIB_ROUTE_DROP
				? "drop"
				: (i->type == RIB_ROUTE_LOCAL ? "local" : "unicast"),
			"source", source_of(i, source, sizeof(source)), "metric", metric, "state",
			state_of(i), "reason", json_text(reason_text(why)), "active", i->active,
			"next_hops", hops_json(i, r->v)));
	return true;
}

/** Of every context, or of the one named. Returns false when there is none of that name. */
static bool
rows_of(struct routes *r, const char *which, const struct prefix *within, const struct addr *dst)
{
	bool named = which == NULL || within != NULL || dst != NULL;

	for (uint16_t ctx = 0; ctx < DP_CONTEXTS_MAX && !r->cut; ctx++) {
		const char *name = r->v->context_name(r->v->user, ctx);
		bool hit = name != NULL && which != NULL && strcmp(which, name) == 0;

		if (name == NULL || (!hit && which != NULL && within == NULL && dst == NULL))
			continue;
		named |= hit;
		if (dst != NULL)
			rib_each_of(r->v->rib, ctx, dst, route_row, r);
		else
			rib_each(r->v->rib, ctx, within, route_row, r);
	}
	return named;
}

void
show_routes(const struct mgmt_view *v, const char *which, struct mgmt_answer *a)
{
	/* The first pair only with several contexts, the last with unresolved routes. */
	const char *columns[] = { "vrf", "VRF", "prefix", "PREFIX", "via", "VIA", "device",
		"DEVICE", "type", "TYPE", "source", "FROM", "metric", "METRIC", "state", "STATE",
		NULL, "REASON", NULL };
	struct routes r = { .list = json_array(), .v = v };
	struct rib_totals t;
	struct prefix p;
	struct addr dst;
	bool is_addr = which != NULL && addr_parse(which, &dst) == 0;
	bool is_prefix = which != NULL && !is_addr && prefix_parse(which, &p) == 0;

	if (is_prefix)
		p = prefix_network(&p);
	if (!rows_of(&r, which, is_prefix ? &p : NULL, is_addr ? &dst : NULL)) {
		json_decref(r.list);
		snprintf(a->error, sizeof(a->error),
			"no vrf %.32s: give an address (which route it takes), a prefix (the "
			"routes "
			"within) or a vrf of the configuration (main: those without one)",
			which);
		return;
	}
	rib_totals(v->rib, &t);
	if (r.cut)
		snprintf(a->message, sizeof(a->message),
			"only the first %d of %u routes: give a prefix, an address or a vrf for "
			"others",
			ROWS_MAX, t.routes);
	if (r.reasons)
		columns[16] = "reason";
	a->data = r.list;
	a->columns = json_columns(columns + (r.several ? 0 : 2));
}

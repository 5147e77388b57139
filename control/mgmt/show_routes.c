/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/route/rib.h"
#include "dataplane/dp.h"

struct rows {
	json_t *list;
	const struct mgmt_view *v;
};

/** Where a route comes from: numbers of the kernel's rt_protos. */
static const char *
protocol_name(const struct rib_info *i)
{
	if (i->local)
		return "local";
	switch (i->protocol) {
	case 0:
		return "neighbour";
	case 2:
		return "kernel";
	case 3:
		return "boot";
	case 4:
		return "static";
	case 11:
		return "zebra";
	case 89:
		return "nhrp";
	case 186:
		return "bgp";
	case 188:
		return "ospf";
	case 192:
		return "eigrp";
	default:
		return "other";
	}
}

static void
route_row(void *arg, const struct rib_info *i)
{
	struct rows *r = arg;
	char text[ADDR_TEXT_BYTES];
	const char *dev = i->cloud != 0 ? r->v->cloud_name(r->v->user, i->cloud)
					: r->v->port_name(r->v->user, i->port);
	/* what the workers answer, not what was asked for */
	bool active = i->best && dp_fib_lookup(r->v->dp, 0, &i->prefix.addr) == i->adj;

	json_array_append_new(r->list,
		json_pack("{s:s, s:o, s:o, s:s, s:I, s:b}", "prefix",
			prefix_print(&i->prefix, text), "gateway", json_addr(&i->gateway), "device",
			json_text(dev), "source", protocol_name(i), "metric", (json_int_t)i->metric,
			"active", active));
}

void
show_routes(const struct mgmt_view *v, struct mgmt_answer *a)
{
	static const char *const columns[] = { "prefix", "PREFIX", "gateway", "VIA", "device",
		"DEVICE", "source", "FROM", "metric", "METRIC", "active", "ACTIVE", NULL };
	struct rows r = { .list = json_array(), .v = v };

	rib_each(v->rib, route_row, &r);
	a->data = r.list;
	a->columns = json_columns(columns);
}

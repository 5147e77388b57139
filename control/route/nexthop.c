/* SPDX-License-Identifier: BSD-3-Clause */
/** Nexthop objects of the kernel: what a route may name in place of its next hops. */
#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "control/route/rib_priv.h"

void
nexthop_expand(const struct rib *r, struct rib_route_in *in)
{
	const struct nexthop *group = map_get(&r->nexthops, in->nexthop_id), *nh;

	in->hops_count = 0;
	if (group == NULL)
		return;
	if (group->in.blackhole)
		in->type = RIB_ROUTE_DROP;
	else if (group->in.group_count == 0)
		in->hops[in->hops_count++] = group->in.hop;
	for (unsigned i = 0; i < group->in.group_count; i++) {
		nh = map_get(&r->nexthops, group->in.group[i]);
		if (nh != NULL && !nh->in.blackhole)
			in->hops[in->hops_count++] = nh->in.hop;
	}
}

static bool
same_nexthop(const struct rib_nexthop_in *a, const struct rib_nexthop_in *b)
{
	return a->blackhole == b->blackhole && a->group_count == b->group_count &&
		memcmp(a->group, b->group, sizeof(a->group)) == 0 &&
		a->hop.ifindex == b->hop.ifindex && a->hop.dead == b->hop.dead &&
		a->hop.onlink == b->hop.onlink && addr_equal(&a->hop.gateway, &b->hop.gateway);
}

static bool
uses(const struct rib *r, uint32_t user, uint32_t id)
{
	const struct nexthop *g = map_get(&r->nexthops, user);

	if (user == id)
		return true;
	for (unsigned i = 0; g != NULL && i < g->in.group_count; i++)
		if (g->in.group[i] == id)
			return true;
	return false;
}

struct retell {
	struct rib *r;
	uint32_t id;
};

/** Put the same route again with what its nexthop object says now; edits no tree. */
static bool
net_retell(void *arg, void *value)
{
	const struct retell *t = arg;
	struct net *n = value;

	for (struct route **at = &n->routes; *at != NULL; at = &(*at)->next) {
		const struct route *e = *at;
		struct rib_route_in in = {
			.prefix = n->prefix,
			.metric = e->metric,
			.protocol = e->protocol,
			.nexthop_id = e->nexthop_id,
		};

		if (e->nexthop_id == 0 || !uses(t->r, e->nexthop_id, t->id))
			continue;
		nexthop_expand(t->r, &in);
		route_put(t->r, n, at, &in, RIB_REPLACE);
	}
	return true;
}

void
rib_nexthop(struct rib *r, uint32_t id, const struct rib_nexthop_in *in)
{
	struct nexthop *nh = map_get(&r->nexthops, id);
	struct retell t = { .r = r, .id = id };

	if (in == NULL) {
		free(map_del(&r->nexthops, id));
		return;
	}
	if (nh != NULL && same_nexthop(&nh->in, in)) {
		nh->stale = false;
		return;
	}
	if (nh == NULL) {
		nh = calloc(1, sizeof(*nh));
		if (nh == NULL || map_set(&r->nexthops, id, nh) != 0) {
			free(nh);
			log_limited(LOG_ERR, "rib", "out of memory for next hops");
			return;
		}
	}
	*nh = (struct nexthop){ .id = id, .in = *in };
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		ptree_each(&r->contexts[ctx].nets, NULL, net_retell, &t);
}

void
nexthops_mark(struct rib *r)
{
	struct nexthop *nh;
	size_t at = 0;

	while ((nh = map_next(&r->nexthops, &at)) != NULL)
		nh->stale = true;
}

void
nexthops_sweep(struct rib *r)
{
	struct nexthop *nh;
	bool again = true;

	while (again) { /* a deletion may move others past the walk */
		size_t at = 0;

		again = false;
		while ((nh = map_next(&r->nexthops, &at)) != NULL)
			if (nh->stale) {
				free(map_del(&r->nexthops, nh->id));
				again = true;
			}
	}
}

void
nexthops_free(struct rib *r)
{
	struct nexthop *nh;
	size_t at = 0;

	while ((nh = map_next(&r->nexthops, &at)) != NULL)
		free(nh);
	map_free(&r->nexthops);
}

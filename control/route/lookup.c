/* SPDX-License-Identifier: BSD-3-Clause */
/** Questions to the rib: the NHRP engine's, and those of `show routes`. */
#include <stdlib.h>

#include "control/route/rib_priv.h"

#define SHORTEST 8 /* a shortcut for less would be the whole Internet */

/** RFC 2332, 6.3: lengthen until no more specific route of ours is hidden. */
static struct prefix
not_hiding(const struct rib *r, uint16_t ctx, const struct net *n, const struct addr *dst)
{
	struct prefix p = ptree_lengthen(&r->contexts[ctx].nets, &n->prefix, dst);

	if (p.bits < SHORTEST)
		p = (struct prefix){ .addr = *dst, .bits = SHORTEST };
	return prefix_network(&p);
}

void
rib_lookup(const struct rib *r, uint16_t ctx, const struct addr *dst, struct rib_answer *out)
{
	const struct net *n = net_longest(r, ctx, dst);
	const struct hop *h;

	*out = (struct rib_answer){ .kind = RIB_NONE };
	if (n == NULL || n->best->type == RIB_ROUTE_DROP)
		return;
	if (n->best->type == RIB_ROUTE_LOCAL) {
		out->kind = RIB_LOCAL;
		out->prefix = n->prefix;
		return;
	}
	h = route_hop(n->best)->way.end;
	out->prefix = not_hiding(r, ctx, n, dst);
	if (h->dev->kind == DEVICE_PORT) {
		out->kind = RIB_LAN;
		return;
	}
	out->kind = RIB_CLOUD;
	out->cloud = h->dev->id;
	out->next_hop = h->addr.family != ADDR_NONE ? h->addr : *dst;
}

/* ---- for show ------------------------------------------------------------------------------- */

struct each {
	const struct rib *r;
	bool (*fn)(void *arg, const struct rib_info *);
	void *arg;
};

/** Do the workers answer this adjacency for addresses whose longest match is p? */
static bool
is_active(const struct rib *r, uint16_t ctx, const struct prefix *p, uint32_t adj)
{
	struct addr a;

	if (!ptree_own_address(&r->contexts[ctx].nets, p, &a))
		return true; /* longer ones take all of it: there is nothing to see */
	const struct hop *host = hop_host(r, ctx, &a);
	uint32_t got = dp_fib_lookup(r->dp, ctx, &a);

	return got == adj || (host != NULL && got == host->adj);
}

static void
hop_info(const struct rib *r, const struct route_hop *h, const struct hop *used,
	struct rib_hop_info *out)
{
	const struct device *dev = device_find(r, h->in.ifindex);
	const struct hop *end = h->hop == NULL ? NULL : h->hop->way.end;

	*out = (struct rib_hop_info){
		.gateway = h->in.gateway,
		.through = end != NULL && end != h->hop ? end->addr : (struct addr){ 0 },
		.why = h->hop == NULL ? RIB_RESOLVED : h->hop->way.why,
		.port = dev != NULL && dev->kind == DEVICE_PORT ? dev->id : 0,
		.cloud = dev != NULL && dev->kind == DEVICE_CLOUD ? dev->id : 0,
		.usable = route_hop_rank(h, hop_rank) > HOP_UNUSABLE,
		.used = h->hop != NULL && h->hop == used,
	};
}

static bool
route_each(const struct each *each, const struct net *n, const struct route *e)
{
	const struct hop *used = route_hop(e);
	struct rib_info i = {
		.ctx = n->ctx,
		.table = each->r->contexts[n->ctx].table,
		.prefix = n->prefix,
		.type = (enum rib_route_type)e->type,
		.protocol = e->protocol,
		.metric = e->metric,
		.binding = e->protocol == PROTO_NAVE,
		.best = e == n->best,
		.active = e == n->best && is_active(each->r, n->ctx, &n->prefix, n->adj),
		.hops_count = e->hops_count,
	};

	for (unsigned h = 0; h < e->hops_count; h++) {
		hop_info(each->r, &e->hops[h], used, &i.hops[h]);
		if (e->type == RIB_ROUTE_LOCAL)
			i.hops[h].usable = i.hops[h].used = true;
	}
	return each->fn(each->arg, &i);
}

static bool
net_each(const struct each *each, const struct net *n)
{
	if (n->best != NULL && !route_each(each, n, n->best))
		return false;
	for (const struct route *e = n->routes; e != NULL; e = e->next)
		if (e != n->best && !route_each(each, n, e))
			return false;
	return true;
}

static bool
host_each(const struct each *each, const struct hop *h)
{
	struct rib_info i = {
		.ctx = h->dev->ctx,
		.table = each->r->contexts[h->dev->ctx].table,
		.prefix = prefix_host(&h->addr),
		.neighbour = true,
		.best = true,
		.active = dp_fib_lookup(each->r->dp, h->dev->ctx, &h->addr) == h->adj,
		.hops_count = 1,
		.hops = { { .port = h->dev->id, .usable = h->dev->up, .used = true } },
	};

	return each->fn(each->arg, &i);
}

static int
hop_cmp(const void *a, const void *b)
{
	const struct hop *const *x = a, *const *y = b;

	return addr_cmp(&(*x)->addr, &(*y)->addr);
}

/** The neighbours with host routes, sorted; NULL when out of memory. */
static const struct hop **
hosts_sorted(const struct rib *r, uint16_t ctx, const struct prefix *within, size_t *count)
{
	const struct hop **list = calloc(r->hops_count + 1, sizeof(const struct hop *));

	*count = 0;
	for (size_t b = 0; list != NULL && b < HOP_BUCKETS; b++)
		for (const struct hop *h = r->hops[b]; h != NULL; h = h->next)
			if (h->in_fib && h->dev->ctx == ctx &&
				(within == NULL || prefix_has(within, &h->addr)))
				list[(*count)++] = h;
	if (*count > 0)
		qsort(list, *count, sizeof(list[0]), hop_cmp);
	return list;
}

/** Routes and, in their places among them, the hosts. */
struct merge {
	struct each each;
	const struct hop **hosts;
	size_t count, at;
};

static bool
merge_net(void *arg, void *value)
{
	struct merge *m = arg;
	const struct net *n = value;

	while (m->at < m->count && addr_cmp(&m->hosts[m->at]->addr, &n->prefix.addr) < 0)
		if (!host_each(&m->each, m->hosts[m->at++]))
			return false;
	return net_each(&m->each, n);
}

void
rib_each(const struct rib *r, uint16_t ctx, const struct prefix *within,
	bool (*fn)(void *arg, const struct rib_info *), void *arg)
{
	struct merge m = { .each = { .r = r, .fn = fn, .arg = arg } };
	bool on;

	m.hosts = hosts_sorted(r, ctx, within, &m.count);
	on = ptree_each(&r->contexts[ctx].nets, within, merge_net, &m);
	while (on && m.at < m.count)
		on = host_each(&m.each, m.hosts[m.at++]);
	free(m.hosts);
}

void
rib_each_of(const struct rib *r, uint16_t ctx, const struct addr *a,
	bool (*fn)(void *arg, const struct rib_info *), void *arg)
{
	struct each each = { .r = r, .fn = fn, .arg = arg };
	const struct hop *host = hop_host(r, ctx, a);
	const struct net *n = net_longest(r, ctx, a);

	if (host != NULL && host->in_fib)
		host_each(&each, host);
	else if (n != NULL)
		net_each(&each, n);
}

void
rib_totals(const struct rib *r, struct rib_totals *out)
{
	*out = (struct rib_totals){
		.routes = r->routes_count,
		.neighbours = r->hops_count,
		.unresolved = r->unresolved,
		.watches = r->watches_count,
	};
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		out->prefixes += (uint32_t)r->contexts[ctx].nets.count;
}

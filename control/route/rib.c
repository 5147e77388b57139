/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The kernel's routes, and those of registrations, on their way in. Routes hang at their
 * prefix (net.c), next hops are shared (hop.c) or an object of the kernel (nexthop.c),
 * and lead through devices (device.c); uplinks are watched (uplink.c).
 */
#include "control/route/rib.h"

#include <stdlib.h>

#include <linux/rtnetlink.h>

#include "control/base/log.h"
#include "control/route/rib_priv.h"

/* ---- routes -------------------------------------------------------------------------- */

static void
hops_put(struct rib *r, struct route *e)
{
	for (unsigned i = 0; i < e->hops_count; i++) {
		struct route_hop *h = &e->hops[i];

		if (h->hop == NULL)
			continue;
		LIST_REMOVE(h, same);
		if (!h->in.onlink)
			recursion_vouch(r, h->hop, -1);
		hop_put(r, h->hop);
	}
}

static void
hop_take(struct rib *r, struct route_hop *h, const struct device *dev)
{
	h->hop = hop_get(r, dev, &h->in.gateway);
	if (h->hop == NULL)
		return;
	LIST_INSERT_HEAD(&h->hop->routes, h, same);
	if (!h->in.onlink)
		recursion_vouch(r, h->hop, 1);
}

static void
local_edit(struct rib *r, const struct route *e, const struct addr *a, bool add)
{
	const struct device *dev = e->hops_count > 0 ? device_find(r, e->hops[0].in.ifindex) : NULL;

	if (e->type != RIB_ROUTE_LOCAL || dev == NULL || dev->kind != DEVICE_PORT)
		return;
	if (add)
		dp_local_add(r->dp, dev->id, a);
	else
		dp_local_del(r->dp, dev->id, a);
}

/** What follows from a route that came or goes, beside its prefix. */
static void
note_change(struct rib *r, const struct net *n, const struct route *e)
{
	if (e->protocol != PROTO_NAVE)
		r->moved |= 1ull << n->ctx;
	r->subnets |= route_is_subnet(e); /* decides which neighbours have host routes */
}

static struct route *
route_new(struct rib *r, struct net *n, const struct rib_route_in *in)
{
	struct route *e = calloc(1, sizeof(*e) + in->hops_count * sizeof(e->hops[0]));

	if (e == NULL)
		return NULL;
	e->net = n;
	e->metric = in->metric;
	e->protocol = in->protocol;
	e->type = (uint8_t)in->type;
	e->nexthop_id = in->nexthop_id;
	e->hops_count = in->hops_count;
	for (unsigned i = 0; i < in->hops_count; i++) {
		const struct device *dev = device_find(r, in->hops[i].ifindex);

		e->hops[i].route = e;
		e->hops[i].in = in->hops[i];
		if (dev != NULL && in->type == RIB_ROUTE_UNICAST)
			hop_take(r, &e->hops[i], dev);
	}
	return e;
}

/** Take e, which at points to, out of n; the caller calls net_changed(). */
static void
route_unlink(struct rib *r, struct net *n, struct route **at)
{
	struct route *e = *at;

	*at = e->next;
	note_change(r, n, e);
	local_edit(r, e, &n->prefix.addr, false);
	r->routes_count--;
}

static void
route_link(struct rib *r, struct net *n, struct route **at, struct route *e)
{
	e->next = *at;
	*at = e;
	note_change(r, n, e);
	local_edit(r, e, &n->prefix.addr, true);
	r->routes_count++;
}

static void
route_free(struct rib *r, struct route *e)
{
	if (e == NULL)
		return;
	hops_put(r, e);
	free(e);
}

static bool
same_hops(const struct route *e, const struct rib_route_in *in)
{
	if (e->nexthop_id != in->nexthop_id || e->hops_count != in->hops_count)
		return false;
	for (unsigned i = 0; i < e->hops_count; i++)
		if (e->hops[i].in.ifindex != in->hops[i].ifindex ||
			!addr_equal(&e->hops[i].in.gateway, &in->hops[i].gateway))
			return false;
	return true;
}

static bool
same_flags(const struct route *e, const struct rib_route_in *in)
{
	for (unsigned i = 0; i < e->hops_count; i++)
		if (e->hops[i].in.dead != in->hops[i].dead ||
			e->hops[i].in.onlink != in->hops[i].onlink)
			return false;
	return true;
}

static bool
same_key(const struct route *e, const struct rib_route_in *in)
{
	return e->metric == in->metric &&
		(e->protocol == PROTO_NAVE) == (in->protocol == PROTO_NAVE);
}

/**
 * The route meant: on RIB_REPLACE the first of its prefix and metric, whatever it says
 * (the kernel keeps one such place); else the one that is equal in everything.
 */
static struct route **
route_find(struct net *n, const struct rib_route_in *in, enum rib_change change)
{
	struct route **at = &n->routes;

	for (; *at != NULL; at = &(*at)->next) {
		const struct route *e = *at;

		if (same_key(e, in) &&
			(change == RIB_REPLACE ||
				(e->protocol == in->protocol && e->type == in->type &&
					same_hops(e, in))))
			break;
	}
	return at;
}

/** Of no interest: leads through none of our devices now or ever. */
static bool
is_foreign(const struct rib *r, const struct rib_route_in *in)
{
	if (in->type == RIB_ROUTE_DROP || in->nexthop_id != 0)
		return false;
	for (unsigned i = 0; i < in->hops_count; i++)
		if (device_find(r, in->hops[i].ifindex) != NULL)
			return false;
	return true;
}

void
route_put(struct rib *r, struct net *n, struct route **at, const struct rib_route_in *in,
	enum rib_change change)
{
	struct route *old = *at, *fresh = NULL;
	bool add = change != RIB_DEL && !is_foreign(r, in);

	if (old != NULL && add && old->protocol == in->protocol && old->type == in->type &&
		same_hops(old, in) && same_flags(old, in)) {
		old->stale = false;
		return;
	}
	if (add) {
		fresh = route_new(r, n, in);
		if (fresh == NULL) {
			log_limited(LOG_ERR, "rib", "out of memory for routes");
			return;
		}
	}
	if (old != NULL)
		route_unlink(r, n, at);
	if (fresh != NULL)
		route_link(r, n, at, fresh);
	net_changed(r, n); /* before the old next hops go: workers may still use them */
	route_free(r, old);
}

void
rib_route(struct rib *r, const struct rib_route_in *route, enum rib_change change)
{
	struct rib_route_in in = *route;
	struct net *n;
	int ctx;

	if (in.nexthop_id != 0 && in.hops_count == 0)
		nexthop_expand(r, &in);
	ctx = context_of(r, &in);
	if (ctx < 0)
		return;
	in.prefix = prefix_network(&in.prefix);
	n = ptree_get(&r->contexts[ctx].nets, &in.prefix);
	if (n == NULL && (change == RIB_DEL || is_foreign(r, &in)))
		return;
	if (n == NULL)
		n = net_need(r, (uint16_t)ctx, &in.prefix);
	if (n == NULL)
		log_limited(LOG_ERR, "rib", "out of memory for routes");
	else
		route_put(r, n, route_find(n, &in, change), &in, change);
}

/** Drop the routes that `goes` names, of every context. */
struct purge {
	struct rib *r;
	bool (*goes)(const struct route *e, const void *arg);
	const void *arg;
	struct net **list; /* nets that have such a route: the tree is not edited in a walk */
	size_t count, max;
};

static bool
purge_note(void *arg, void *value)
{
	struct purge *p = arg;
	struct net *n = value;
	bool hit = false;

	for (const struct route *e = n->routes; e != NULL; e = e->next)
		hit |= p->goes(e, p->arg);
	if (hit && p->count < p->max)
		p->list[p->count++] = n;
	return true;
}

static void
net_purge(struct purge *p, struct net *n)
{
	struct route **at = &n->routes, *gone = NULL, *e;

	while (*at != NULL) {
		if (!p->goes(*at, p->arg)) {
			at = &(*at)->next;
			continue;
		}
		e = *at;
		route_unlink(p->r, n, at);
		e->next = gone;
		gone = e;
	}
	net_changed(p->r, n);
	while (gone != NULL) {
		e = gone;
		gone = e->next;
		route_free(p->r, e);
	}
}

static void
routes_purge(struct rib *r, bool (*goes)(const struct route *e, const void *arg), const void *arg)
{
	struct purge p = { .r = r, .goes = goes, .arg = arg };

	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		p.max += r->contexts[ctx].nets.count;
	p.list = calloc(p.max + 1, sizeof(struct net *));
	if (p.list == NULL) {
		log_limited(LOG_ERR, "rib", "out of memory: routes that are gone stay");
		return;
	}
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		ptree_each(&r->contexts[ctx].nets, NULL, purge_note, &p);
	for (size_t i = 0; i < p.count; i++)
		net_purge(&p, p.list[i]);
	free(p.list);
}

static bool
leads_into(const struct route *e, const void *arg)
{
	const struct device *dev = arg;

	for (unsigned i = 0; i < e->hops_count; i++)
		if (e->hops[i].in.ifindex == dev->ifindex)
			return true;
	return false;
}

void
rib_cloud_del(struct rib *r, uint16_t cloud)
{
	struct device *dev = device_of_cloud(r, cloud);

	if (dev == NULL)
		return;
	routes_purge(r, leads_into, dev); /* what has other next hops too the kernel tells again */
	recursion_settle(r);              /* hops in a loop hold each other */
	*dev = (struct device){ 0 };
}

/* ---- settle and resync --------------------------------------------------------------------- */

void
rib_settle(struct rib *r)
{
	while (r->choose || !LIST_EMPTY(&r->doubts)) { /* one may be the cause of the other */
		if (r->choose)
			nets_choose(r);
		r->choose = false;
		recursion_settle(r);
	}
	if (r->subnets)
		hops_hosts_again(r);
	r->subnets = false;
	uplinks_settle(r);
}

static bool
net_mark(void *arg, void *value)
{
	const struct net *n = value;

	(void)arg;
	for (struct route *e = n->routes; e != NULL; e = e->next)
		e->stale = e->protocol != PROTO_NAVE;
	return true;
}

void
rib_resync_start(struct rib *r)
{
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		ptree_each(&r->contexts[ctx].nets, NULL, net_mark, NULL);
	nexthops_mark(r);
	hops_mark(r);
}

static bool
is_stale(const struct route *e, const void *arg)
{
	(void)arg;
	return e->stale;
}

void
rib_resync_end(struct rib *r)
{
	routes_purge(r, is_stale, NULL);
	hops_sweep(r);
	nexthops_sweep(r);
}

/* ---- registrations ----------------------------------------------------------------------- */

static struct route **
binding_find(struct net *n, const struct device *dev)
{
	struct route **at = &n->routes;

	while (*at != NULL &&
		((*at)->protocol != PROTO_NAVE || (*at)->hops[0].in.ifindex != dev->ifindex))
		at = &(*at)->next;
	return at;
}

/** A next hop that registered is better than one that did not. */
static void
registered(struct rib *r, struct route *e, int by)
{
	struct hop *h = e == NULL ? NULL : e->hops[0].hop;

	if (h == NULL)
		return;
	r->choose |= h->registered == 0 || h->registered + (uint32_t)by == 0;
	h->registered += (uint32_t)by;
}

void
rib_binding_set(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p,
	const struct addr *next_hop)
{
	const struct device *dev = device_of_cloud(r, cloud);
	struct rib_route_in in = {
		.prefix = prefix_network(p),
		.metric = METRIC_NAVE,
		.protocol = PROTO_NAVE,
		.hops_count = 1,
	};
	struct route **at;
	struct net *n;

	if (dev == NULL)
		return;
	in.hops[0] = (struct rib_hop_in){ .gateway = *next_hop, .ifindex = dev->ifindex };
	n = net_need(r, ctx, &in.prefix);
	if (n == NULL)
		return;
	at = binding_find(n, dev);
	registered(r, *at, -1);
	route_put(r, n, at, &in, RIB_REPLACE);
	registered(r, *binding_find(n, dev), 1);
}

void
rib_binding_del(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p)
{
	const struct device *dev = device_of_cloud(r, cloud);
	struct prefix net = prefix_network(p);
	struct net *n = ptree_get(&r->contexts[ctx].nets, &net);
	struct rib_route_in in = { .type = RIB_ROUTE_UNICAST };
	struct route **at;

	if (dev == NULL || n == NULL)
		return;
	at = binding_find(n, dev);
	if (*at == NULL)
		return;
	registered(r, *at, -1);
	route_put(r, n, at, &in, RIB_DEL);
}

/* ---- life ----------------------------------------------------------------------- */

struct rib *
rib_new(struct dp *dp, const struct rib_ops *ops, void *user)
{
	struct rib *r = calloc(1, sizeof(*r));
	struct dp_adj local = { .kind = DP_ADJ_KIND_LOCAL };

	if (r == NULL)
		return NULL;
	r->dp = dp;
	r->ops = ops;
	r->user = user;
	r->contexts[0].table = RT_TABLE_MAIN;
	if (dp_adj_new(dp, &local, &r->adj_local) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

static bool
net_free(void *arg, void *value)
{
	struct net *n = value;

	(void)arg;
	while (n->routes != NULL) {
		struct route *e = n->routes;

		n->routes = e->next;
		free(e);
	}
	free(n);
	return true;
}

/** Tables of the data plane stay as they are: it ends with us. */
void
rib_free(struct rib *r)
{
	if (r == NULL)
		return;
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++) {
		ptree_each(&r->contexts[ctx].nets, NULL, net_free, NULL);
		ptree_free(&r->contexts[ctx].nets);
		ptree_free(&r->contexts[ctx].gateways);
	}
	for (size_t b = 0; b < HOP_BUCKETS; b++)
		while (r->hops[b] != NULL) {
			struct hop *h = r->hops[b];

			r->hops[b] = h->next;
			free(h);
		}
	nexthops_free(r);
	uplinks_free(r);
	free(r);
}

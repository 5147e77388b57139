/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/recursion.h"

#include "control/base/log.h"
#include "control/route/rib_priv.h"

#define WAY_MAX 8 /* hops one behind the other */

/* ---- where a hop is ------------------------------------------------------------------- */

static bool
has_subnet_of(const void *arg, const void *value)
{
	const struct device *dev = arg;
	const struct net *n = value;

	for (const struct route *e = n->routes; e != NULL; e = e->next)
		if (route_is_subnet(e) && e->hops[0].hop->dev == dev)
			return true;
	return false;
}

static bool
is_on_link(const struct rib *r, const struct hop *h)
{
	const struct ptree *nets = &r->contexts[h->dev->ctx].nets;

	return h->addr.family == ADDR_NONE || h->way.vouched > 0 || h->resolved ||
		ptree_longest(nets, &h->addr, has_subnet_of, h->dev) != NULL;
}

static bool
leads_somewhere(const void *arg, const void *value)
{
	const struct net *n = value;

	(void)arg;
	return n->lead != NULL && n->prefix.bits > 0;
}

/** The hop by way of which h is reached; NULL: on its link, or why not. */
static struct hop *
via_of(const struct rib *r, const struct hop *h, enum rib_unresolved *why)
{
	const struct net *n;
	struct hop *via;

	*why = RIB_RESOLVED;
	if (is_on_link(r, h))
		return NULL;
	n = ptree_longest(&r->contexts[h->dev->ctx].nets, &h->addr, leads_somewhere, NULL);
	via = n == NULL ? NULL : n->toward;
	if (via != NULL && via != h && via->dev == h->dev)
		return via;
	if (h->dev->kind == DEVICE_PORT)
		return NULL;
	if (n == NULL)
		*why = RIB_NO_ROUTE;
	else if (via == NULL)
		*why = RIB_NO_UNICAST;
	else
		*why = via == h ? RIB_LOOP : RIB_OTHER_DEVICE;
	return NULL;
}

/** The last hop on the way to h; NULL: there is none, for this reason. */
static struct hop *
end_of(struct hop *h, enum rib_unresolved *why)
{
	const struct hop *seen[WAY_MAX];
	unsigned n = 0;

	for (; h->way.via != NULL; h = h->way.via) {
		for (unsigned i = 0; i < n; i++)
			if (seen[i] == h) {
				*why = RIB_LOOP;
				return NULL;
			}
		if (n == WAY_MAX) {
			*why = RIB_TOO_DEEP;
			return NULL;
		}
		seen[n++] = h;
	}
	*why = h->way.why;
	return h->way.why == RIB_RESOLVED ? h : NULL;
}

/* ---- life ----------------------------------------------------------------------------- */

static void
via_set(struct rib *r, struct hop *h, struct hop *via, enum rib_unresolved why)
{
	struct hop *was = h->way.via;

	h->way.why = why;
	if (via == was)
		return;
	if (was != NULL)
		LIST_REMOVE(h, way.user);
	h->way.via = via == NULL ? NULL : hop_get(r, via->dev, &via->addr);
	if (via != NULL)
		LIST_INSERT_HEAD(&via->way.users, h, way.user);
	hop_by_way(r, h);
	hop_put(r, was); /* at last: h may have been there for it alone */
}

static void
gateway_add(struct rib *r, struct hop *h)
{
	struct ptree *t = &r->contexts[h->dev->ctx].gateways;
	struct prefix p = prefix_host(&h->addr);

	h->way.same = ptree_get(t, &p);
	if (ptree_set(t, &p, h) != 0)
		log_limited(LOG_ERR, "rib", "out of memory: a next hop may not follow its route");
}

static void
gateway_del(struct rib *r, struct hop *h)
{
	struct ptree *t = &r->contexts[h->dev->ctx].gateways;
	struct prefix p = prefix_host(&h->addr);
	struct hop *first = ptree_get(t, &p), **at = &first;

	while (*at != NULL && *at != h)
		at = &(*at)->way.same;
	if (*at == NULL)
		return;
	*at = h->way.same;
	if (first == NULL)
		ptree_del(t, &p);
	else
		ptree_set(t, &p, first); /* in its place: takes no memory */
}

void
recursion_init(struct hop *h)
{
	h->way.end = h;
}

static void
look(struct rib *r, struct hop *h)
{
	enum rib_unresolved why;
	struct hop *via = via_of(r, h, &why);

	via_set(r, h, via, why);
}

/** For one that a single route leads through yet: what waits for nothing need not. */
static void
look_at_once(struct rib *r, struct hop *h)
{
	const struct hop *was = h->way.end;

	look(r, h);
	h->way.end = end_of(h, &h->way.why);
	if (h->way.end != was)
		hop_adj_write(r, h);
}

void
recursion_enter(struct rib *r, struct hop *h)
{
	if (h->addr.family == ADDR_NONE)
		return;
	gateway_add(r, h);
	look_at_once(r, h);
}

void
recursion_leave(struct rib *r, struct hop *h)
{
	if (h->addr.family == ADDR_NONE)
		return;
	gateway_del(r, h);
	if (h->way.in_doubt)
		LIST_REMOVE(h, way.doubt);
	h->way.in_doubt = false;
	h->way.end = h;
	via_set(r, h, NULL, RIB_RESOLVED);
}

/* ---- changes -------------------------------------------------------------------------- */

static void
doubt(struct hop_list *list, struct hop *h)
{
	if (h->way.in_doubt)
		return;
	h->way.in_doubt = true;
	LIST_INSERT_HEAD(list, h, way.doubt);
}

void
recursion_doubt(struct rib *r, struct hop *h)
{
	if (h->refs > 0 && h->addr.family != ADDR_NONE)
		doubt(&r->doubts, h);
}

void
recursion_vouch(struct rib *r, struct hop *h, int by)
{
	bool was = h->way.vouched > 0;

	h->way.vouched += (uint32_t)by;
	if (was == (h->way.vouched > 0))
		return;
	if (h->refs == 1 && by > 0)
		look_at_once(r, h);
	else
		recursion_doubt(r, h);
}

static bool
gateway_doubt(void *arg, void *value)
{
	for (struct hop *h = value; h != NULL; h = h->way.same)
		recursion_doubt(arg, h);
	return true;
}

void
recursion_touch(struct rib *r, const struct net *n)
{
	ptree_each(&r->contexts[n->ctx].gateways, &n->prefix, gateway_doubt, r);
}

/** Look at those in doubt anew. What nobody uses any more goes, and out of the lists. */
static void
vias_again(struct rib *r, struct hop_list *seen)
{
	struct hop *h;

	while ((h = LIST_FIRST(&r->doubts)) != NULL) {
		LIST_REMOVE(h, way.doubt);
		LIST_INSERT_HEAD(seen, h, way.doubt);
		look(r, h);
	}
}

/** Those on `from` and all that are reached by way of them; from is empty then. */
static void
users_too(struct hop_list *from, struct hop_list *all)
{
	struct hop *h, *user;

	while ((h = LIST_FIRST(from)) != NULL) {
		LIST_REMOVE(h, way.doubt);
		LIST_INSERT_HEAD(all, h, way.doubt);
		LIST_FOREACH (user, &h->way.users, way.user)
			doubt(from, user);
	}
}

/** Find the ends anew. Left in the list are those that got or lost theirs. */
static void
ends_again(struct rib *r, struct hop_list *all)
{
	struct hop *h, *next, *was;

	for (h = LIST_FIRST(all); h != NULL; h = next) {
		next = LIST_NEXT(h, way.doubt);
		was = h->way.end;
		h->way.end = end_of(h, &h->way.why);
		if (h->way.end != was) {
			hop_adj_write(r, h);
			r->choose = true;
			r->moved |= 1ull << h->dev->ctx;
		}
		if ((h->way.end == NULL) == (was == NULL)) {
			LIST_REMOVE(h, way.doubt);
			h->way.in_doubt = false;
		}
	}
}

void
recursion_settle(struct rib *r)
{
	struct hop_list seen = { 0 }, all = { 0 };
	struct route_hop *e;
	struct hop *h;

	vias_again(r, &seen);
	users_too(&seen, &all);
	ends_again(r, &all);
	while ((h = LIST_FIRST(&all)) != NULL) {
		LIST_REMOVE(h, way.doubt);
		h->way.in_doubt = false;
		LIST_FOREACH (e, &h->routes, same)
			net_install(r, e->route->net);
	}
}

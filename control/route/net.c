/* SPDX-License-Identifier: BSD-3-Clause */
/** The routes of a prefix: which one the workers get, and through which next hop. */
#include <stdlib.h>

#include "control/base/log.h"
#include "control/route/rib_priv.h"

enum hop_rank
route_hop_rank(const struct route_hop *h, hop_rank_fn *rank)
{
	enum hop_rank of = h->hop == NULL ? HOP_NOWHERE : rank(h->hop);

	return h->in.dead && of > HOP_UNUSABLE ? HOP_UNUSABLE : of;
}

/** The first of the best ranked. */
static struct hop *
hop_by(const struct route *e, hop_rank_fn *rank)
{
	enum hop_rank of, most = HOP_NOWHERE;
	struct hop *best = NULL;

	for (unsigned i = 0; i < e->hops_count; i++) {
		of = route_hop_rank(&e->hops[i], rank);
		if (of <= most)
			continue;
		most = of;
		best = e->hops[i].hop;
	}
	return best;
}

struct hop *
route_hop(const struct route *e)
{
	return hop_by(e, hop_rank);
}

bool
route_is_subnet(const struct route *e)
{
	return e->type == RIB_ROUTE_UNICAST && e->hops_count > 0 && e->hops[0].hop != NULL &&
		e->hops[0].hop->addr.family == ADDR_NONE;
}

static bool
is_candidate(const struct route *e, hop_rank_fn *rank)
{
	return e->type != RIB_ROUTE_UNICAST || hop_by(e, rank) != NULL;
}

static bool
is_usable(const struct route *e, hop_rank_fn *rank)
{
	if (e->type != RIB_ROUTE_UNICAST)
		return true;
	for (unsigned i = 0; i < e->hops_count; i++)
		if (route_hop_rank(&e->hops[i], rank) > HOP_UNUSABLE)
			return true;
	return false;
}

/** Ours first, then what works, then the lower metric, then the kernel before a registration. */
static bool
is_better(const struct route *a, const struct route *b, hop_rank_fn *rank)
{
	bool a_local = a->type == RIB_ROUTE_LOCAL, b_local = b->type == RIB_ROUTE_LOCAL;
	bool a_works = is_usable(a, rank), b_works = is_usable(b, rank);

	if (a_local != b_local)
		return a_local;
	if (a_works != b_works)
		return a_works;
	if (a->metric != b->metric)
		return a->metric < b->metric;
	return a->protocol != PROTO_NAVE && b->protocol == PROTO_NAVE;
}

static const struct route *
best_of(const struct net *n, hop_rank_fn *rank)
{
	const struct route *best = NULL;

	for (const struct route *e = n->routes; e != NULL; e = e->next)
		if (is_candidate(e, rank) && (best == NULL || is_better(e, best, rank)))
			best = e;
	return best;
}

static uint32_t
adj_of(const struct rib *r, const struct route *e)
{
	if (e->type == RIB_ROUTE_LOCAL)
		return r->adj_local;
	return e->type == RIB_ROUTE_DROP ? DP_ADJ_DROP : route_hop(e)->adj;
}

void
fib_write(struct rib *r, uint16_t ctx, const struct prefix *p, uint32_t adj)
{
	char text[ADDR_TEXT_BYTES];

	if (dp_fib_set(r->dp, ctx, p, adj) != 0)
		log_limited(LOG_ERR, "fib",
			"route %s does not fit into the workers' table: out of memory",
			prefix_print(p, text));
}

/** A host's neighbour route may have to take the place of a route, or give it up. */
static void
host_again(struct rib *r, const struct net *n)
{
	struct hop *h;

	if (n->prefix.bits != addr_bytes(&n->prefix.addr) * 8)
		return;
	h = hop_host(r, n->ctx, &n->prefix.addr);
	if (h != NULL)
		hop_host_update(r, h);
}

/* ---- anti-spoof ------------------------------------------------------------------------- */

static void
rpf_add(struct dp_rpf *out, const struct route_hop *h)
{
	unsigned i = 0;

	if (route_hop_rank(h, hop_rank) == HOP_NOWHERE || h->in.dead ||
		h->hop->dev->kind != DEVICE_CLOUD)
		return;
	while (i < out->count && out->adj[i] != h->hop->adj)
		i++;
	if (i == out->count && i < DP_RPF_ADJS_MAX)
		out->adj[out->count++] = h->hop->adj;
}

/**
 * A source may come back by any next hop of any route of its prefix, or of a shorter one.
 * Not so where the best route says whose it is: ours, nobody's, or of a connected subnet,
 * on which each address is its holder's alone.
 */
static void
rpf_write(struct rib *r, const struct net *n)
{
	char text[ADDR_TEXT_BYTES];
	struct dp_rpf all = { 0 };
	bool nobodys = n->best != NULL && n->best->type != RIB_ROUTE_UNICAST;

	for (const struct route *e = nobodys ? NULL : n->routes; e != NULL; e = e->next)
		for (unsigned i = 0; i < e->hops_count; i++)
			rpf_add(&all, &e->hops[i]);
	all.final = nobodys || (n->best != NULL && route_is_subnet(n->best));
	if (all.count == 0 && !all.final)
		dp_rpf_del(r->dp, n->ctx, &n->prefix);
	else if (dp_rpf_set(r->dp, n->ctx, &n->prefix, &all) != 0)
		log_limited(LOG_ERR, "rpf",
			"out of memory: anti-spoof knows only the best of the routes of %s",
			prefix_print(&n->prefix, text));
}

/* ---- the best one ------------------------------------------------------------------------ */

/** What next hops are to know of it. */
static void
lead_update(struct rib *r, struct net *n)
{
	const struct hop *was = n->toward;

	n->lead = best_of(n, hop_rank_own);
	n->toward = n->lead == NULL ? NULL : hop_by(n->lead, hop_rank_own);
	if (n->toward != was)
		recursion_touch(r, n);
}

void
net_install(struct rib *r, struct net *n)
{
	uint32_t adj;
	bool was = n->in_fib;

	lead_update(r, n);
	n->best = best_of(n, hop_rank);
	rpf_write(r, n);
	n->in_fib = n->best != NULL;
	if (!n->in_fib) {
		if (was)
			dp_fib_del(r->dp, n->ctx, &n->prefix);
	} else {
		adj = adj_of(r, n->best);
		if (was && adj == n->adj)
			return;
		n->adj = adj;
		fib_write(r, n->ctx, &n->prefix, adj);
	}
	if (was != n->in_fib)
		host_again(r, n);
}

static bool
has_best(const void *arg, const void *value)
{
	(void)arg;
	return ((const struct net *)value)->best != NULL;
}

struct net *
net_longest(const struct rib *r, uint16_t ctx, const struct addr *a)
{
	return ptree_longest(&r->contexts[ctx].nets, a, has_best, NULL);
}

struct net *
net_need(struct rib *r, uint16_t ctx, const struct prefix *p)
{
	struct net *n = ptree_get(&r->contexts[ctx].nets, p);

	if (n != NULL)
		return n;
	n = calloc(1, sizeof(*n));
	if (n == NULL || ptree_set(&r->contexts[ctx].nets, p, n) != 0) {
		free(n);
		return NULL;
	}
	n->prefix = *p;
	n->ctx = ctx;
	return n;
}

static bool
has_choice(const struct net *n)
{
	return n->routes != NULL && (n->routes->next != NULL || n->routes->hops_count > 1);
}

static void
choice_update(struct rib *r, struct net *n)
{
	bool want = has_choice(n);

	if (want == (n->choice_at != NULL))
		return;
	if (want) {
		n->choice_next = r->choices;
		n->choice_at = &r->choices;
		if (n->choice_next != NULL)
			n->choice_next->choice_at = &n->choice_next;
		r->choices = n;
		return;
	}
	*n->choice_at = n->choice_next;
	if (n->choice_next != NULL)
		n->choice_next->choice_at = n->choice_at;
	n->choice_at = NULL;
}

void
net_changed(struct rib *r, struct net *n)
{
	choice_update(r, n);
	net_install(r, n);
	recursion_touch(r, n);
	if (n->routes != NULL)
		return;
	ptree_del(&r->contexts[n->ctx].nets, &n->prefix);
	host_again(r, n);
	free(n);
}

void
nets_choose(struct rib *r)
{
	for (struct net *n = r->choices; n != NULL; n = n->choice_next) {
		net_install(r, n);
		r->moved |= 1ull << n->ctx;
	}
}

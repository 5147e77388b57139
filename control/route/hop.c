/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/hop.h"

#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "control/route/rib_priv.h"

#define MISS_MS      1000  /* between two questions for one neighbour */
#define FORGOTTEN_MS 10000 /* the kernel would have said by then that nobody answers */

/* Devices share buckets, so that all hops of an address are in one. */
static struct hop **
bucket_of(const struct rib *r, const struct addr *a)
{
	struct hop *const *b = &r->hops[addr_hash(a, 0) % HOP_BUCKETS];

	return (struct hop **)(uintptr_t)b;
}

struct hop *
hop_find(const struct rib *r, const struct device *dev, const struct addr *a)
{
	for (struct hop *h = *bucket_of(r, a); h != NULL; h = h->next)
		if (h->dev == dev && addr_equal(&h->addr, a))
			return h;
	return NULL;
}

static bool
is_neighbour(const struct hop *h)
{
	return h->dev->kind == DEVICE_PORT && h->addr.family != ADDR_NONE;
}

enum hop_rank
hop_rank(const struct hop *h)
{
	return h->way.end == NULL ? HOP_NOWHERE : hop_rank_own(h->way.end);
}

enum hop_rank
hop_rank_own(const struct hop *h)
{
	if (!h->dev->up || h->failed)
		return HOP_UNUSABLE;
	if (h->addr.family == ADDR_NONE || h->resolved || h->registered > 0)
		return HOP_GOOD;
	return HOP_MAYBE;
}

static struct dp_adj
adj_spec(const struct hop *h)
{
	struct dp_adj spec = { .next_hop = h->addr };

	if (h->dev->kind == DEVICE_CLOUD) {
		spec.kind = DP_ADJ_KIND_TUNNEL;
		spec.cloud = h->dev->id;
		return spec;
	}
	spec.port = h->dev->id;
	spec.kind = h->resolved ? DP_ADJ_KIND_ETH : DP_ADJ_KIND_GLEAN;
	if (h->resolved)
		memcpy(spec.mac, h->mac, 6);
	return spec;
}

void
hop_adj_write(struct rib *r, struct hop *h)
{
	const struct hop *end = h->way.end;
	struct dp_adj spec = adj_spec(end != NULL ? end : h);
	struct hop *user;

	dp_adj_set(r->dp, h->adj, &spec);
	if (end == NULL)
		return;
	LIST_FOREACH (user, &h->way.users, way.user)
		if (user->way.end == end)
			hop_adj_write(r, user);
}

static bool
is_asked_for(const struct hop *h)
{
	return h->refs > 0 && is_neighbour(h) && !h->fixed && h->way.via == NULL;
}

void
hop_by_way(struct rib *r, struct hop *h)
{
	if (is_asked_for(h) && !h->resolved)
		r->ops->probe(r->user, h->dev->ifindex, &h->addr, true);
}

static struct hop *
hop_new(struct rib *r, const struct device *dev, const struct addr *a)
{
	struct hop *h = calloc(1, sizeof(*h)), **b = bucket_of(r, a);
	struct dp_adj spec;

	if (h == NULL)
		return NULL;
	h->dev = dev;
	h->addr = *a;
	recursion_init(h);
	spec = adj_spec(h);
	if (dp_adj_new(r->dp, &spec, &h->adj) != 0) {
		log_limited(LOG_ERR, "rib", "the data plane has no room for another next hop");
		free(h);
		return NULL;
	}
	h->next = *b;
	*b = h;
	r->hops_count++;
	return h;
}

static void
hop_free(struct rib *r, struct hop *h)
{
	struct hop **at = bucket_of(r, &h->addr);

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	dp_adj_free(r->dp, h->adj);
	r->hops_count--;
	free(h);
}

/** Asked for, without an answer, and nobody depends on it. */
static bool
is_guest(const struct hop *h)
{
	return h->refs == 0 && !h->resolved;
}

struct hop *
hop_get(struct rib *r, const struct device *dev, const struct addr *a)
{
	struct hop *h = hop_find(r, dev, a);
	bool fresh = h == NULL;

	if (fresh)
		h = hop_new(r, dev, a);
	if (h == NULL)
		return NULL;
	r->unresolved -= !fresh && is_guest(h);
	if (h->refs++ > 0)
		return h;
	recursion_enter(r, h);
	if (is_asked_for(h))
		r->ops->probe(r->user, dev->ifindex, a, true);
	return h;
}

void
hop_put(struct rib *r, struct hop *h)
{
	if (h == NULL || --h->refs > 0)
		return;
	recursion_leave(r, h);
	if (!h->resolved)
		hop_free(r, h);
	else if (!h->fixed)
		r->ops->probe(r->user, h->dev->ifindex, &h->addr, false);
}

void
hop_linger(struct rib *r, struct hop *h)
{
	h->refs = 0;
	recursion_leave(r, h);
	r->unresolved++;
}

/* ---- host routes -------------------------------------------------------------------------- */

/** Is a's subnet the device's own? Then a resolved a is reached past the subnet's glean. */
static bool
on_subnet(const struct rib *r, const struct device *dev, const struct addr *a)
{
	const struct net *n = net_longest(r, dev->ctx, a);
	const struct hop *via = n == NULL ? NULL : route_hop(n->best);

	return via != NULL && via->dev == dev && via->addr.family == ADDR_NONE;
}

void
hop_host_update(struct rib *r, struct hop *h)
{
	struct prefix p = prefix_host(&h->addr);
	const struct net *n = ptree_get(&r->contexts[h->dev->ctx].nets, &p);
	bool want;

	if (n != NULL && n->in_fib) { /* a route of the kernel's is in its place */
		h->in_fib = false;
		return;
	}
	want = h->resolved && on_subnet(r, h->dev, &h->addr);
	if (want == h->in_fib)
		return;
	h->in_fib = want;
	if (want)
		fib_write(r, h->dev->ctx, &p, h->adj);
	else
		dp_fib_del(r->dp, h->dev->ctx, &p);
}

struct hop *
hop_host(const struct rib *r, uint16_t ctx, const struct addr *a)
{
	for (struct hop *h = *bucket_of(r, a); h != NULL; h = h->next)
		if (is_neighbour(h) && h->dev->ctx == ctx && h->resolved && addr_equal(&h->addr, a))
			return h;
	return NULL;
}

void
hops_hosts_again(struct rib *r)
{
	for (size_t b = 0; b < HOP_BUCKETS; b++)
		for (struct hop *h = r->hops[b]; h != NULL; h = h->next)
			if (is_neighbour(h))
				hop_host_update(r, h);
}

/** With the link the kernel forgot its neighbours; what it still has is static. */
void
hops_ask_again(struct rib *r, const struct device *dev)
{
	for (size_t b = 0; b < HOP_BUCKETS; b++)
		for (struct hop *h = r->hops[b]; h != NULL; h = h->next)
			if (h->dev == dev && is_asked_for(h) && !h->resolved)
				r->ops->probe(r->user, dev->ifindex, &h->addr, true);
}

/* ---- neighbours ----------------------------------------------------------------------------- */

static void
neigh_up(struct rib *r, const struct device *dev, const struct addr *a, const uint8_t *mac)
{
	struct hop *h = hop_find(r, dev, a);
	bool fresh = h == NULL;

	if (fresh)
		h = hop_new(r, dev, a);
	if (h == NULL)
		return;
	r->unresolved -= !fresh && is_guest(h);
	r->choose |= !h->resolved;
	if (!h->resolved)
		recursion_doubt(r, h);
	h->resolved = true;
	h->failed = h->stale = false;
	memcpy(h->mac, mac, 6);
	hop_adj_write(r, h);
	hop_host_update(r, h);
}

static void
neigh_down(struct rib *r, struct hop *h, bool failed)
{
	r->choose |= h->resolved || h->failed != failed;
	r->unresolved -= is_guest(h);
	if (h->resolved)
		recursion_doubt(r, h);
	h->resolved = h->stale = h->fixed = false;
	h->failed = failed;
	hop_host_update(r, h);
	if (h->refs == 0) {
		hop_free(r, h);
		return;
	}
	hop_adj_write(r, h);
	if (is_asked_for(h))
		r->ops->probe(r->user, h->dev->ifindex, &h->addr, true);
}

void
rib_neigh(struct rib *r, int ifindex, const struct addr *a, enum rib_neigh_state state,
	const uint8_t *mac, bool kept)
{
	const struct device *dev = device_find(r, ifindex);
	struct hop *h;

	if (dev == NULL || dev->kind != DEVICE_PORT || a->family == ADDR_NONE)
		return;
	if (state <= RIB_NEIGH_STALE)
		neigh_up(r, dev, a, mac);
	h = hop_find(r, dev, a);
	if (h == NULL)
		return;
	h->fixed = state == RIB_NEIGH_STATIC;
	if (state == RIB_NEIGH_STALE && !kept) /* else one that is gone would stay for good */
		r->ops->probe(r->user, ifindex, a, h->refs > 0);
	if (state == RIB_NEIGH_FAILED || state == RIB_NEIGH_GONE)
		neigh_down(r, h, state == RIB_NEIGH_FAILED);
}

void
hops_mark(struct rib *r)
{
	for (size_t b = 0; b < HOP_BUCKETS; b++)
		for (struct hop *h = r->hops[b]; h != NULL; h = h->next)
			h->stale = h->resolved;
}

void
hops_sweep(struct rib *r)
{
	for (size_t b = 0; b < HOP_BUCKETS; b++) {
		struct hop *next;

		for (struct hop *h = r->hops[b]; h != NULL; h = next) {
			next = h->next;
			if (h->stale)
				neigh_down(r, h, false);
		}
	}
}

/** Forget guests the kernel never spoke of (its table is full, say). */
static void
guests_sweep(struct rib *r, uint64_t now_ms)
{
	if (now_ms - r->swept_ms < MISS_MS)
		return;
	r->swept_ms = now_ms;
	for (size_t b = 0; b < HOP_BUCKETS; b++) {
		struct hop *next;

		for (struct hop *h = r->hops[b]; h != NULL; h = next) {
			next = h->next;
			if (!is_guest(h) || now_ms - h->asked_ms < FORGOTTEN_MS)
				continue;
			r->unresolved--;
			hop_free(r, h);
		}
	}
}

void
rib_neigh_miss(struct rib *r, uint16_t port, const struct addr *a, uint64_t now_ms)
{
	const struct device *dev = NULL;
	struct hop *h;

	for (size_t i = 0; i < DEVICES && dev == NULL; i++)
		if (r->devices[i].kind == DEVICE_PORT && r->devices[i].id == port)
			dev = &r->devices[i];
	if (dev == NULL || a->family == ADDR_NONE)
		return;
	h = hop_find(r, dev, a);
	if (h == NULL) {
		if (r->unresolved >= UNRESOLVED)
			guests_sweep(r, now_ms);
		if (r->unresolved >= UNRESOLVED)
			return;
		h = hop_new(r, dev, a);
		if (h == NULL)
			return;
		r->unresolved++;
	} else if (h->resolved || now_ms - h->asked_ms < MISS_MS) {
		return;
	}
	h->asked_ms = now_ms;
	r->ops->probe(r->user, dev->ifindex, a, h->refs > 0);
}

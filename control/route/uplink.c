/* SPDX-License-Identifier: BSD-3-Clause */
/** Uplinks: the way to an NBMA address, and who wants to know when it changes. */
#include <stdlib.h>

#include "control/route/rib_priv.h"

/** Usable for the transport: a port of the context itself. */
static bool
is_uplink(const struct device *dev, uint16_t ctx)
{
	return dev->kind == DEVICE_PORT && dev->ctx == ctx;
}

static bool
route_is_uplink(const struct route *e, uint16_t ctx)
{
	const struct hop *h = e->type == RIB_ROUTE_UNICAST ? route_hop(e) : NULL;

	return h != NULL && is_uplink(h->dev, ctx);
}

/** The best route of a prefix for the transport, which looks past those into clouds. */
static const struct route *
uplink_route(const struct net *n)
{
	const struct route *best = n->best;

	if (best == NULL || best->type != RIB_ROUTE_UNICAST || route_is_uplink(best, n->ctx))
		return best;
	best = NULL;
	for (const struct route *e = n->routes; e != NULL; e = e->next)
		if (route_is_uplink(e, n->ctx) && (best == NULL || e->metric < best->metric))
			best = e;
	return best;
}

static bool
net_is_uplink(const void *arg, const void *value)
{
	(void)arg;
	return uplink_route(value) != NULL;
}

/** The hop towards remote with a reference, or NULL. */
static struct hop *
uplink_hop(struct rib *r, uint16_t ctx, const struct addr *remote)
{
	const struct net *n = ptree_longest(&r->contexts[ctx].nets, remote, net_is_uplink, NULL);
	const struct hop *via = n == NULL ? NULL : route_hop(uplink_route(n));

	if (via == NULL)
		return NULL;
	via = via->way.end; /* routes without one are not in use */
	return hop_get(r, via->dev, via->addr.family != ADDR_NONE ? &via->addr : remote);
}

static uint32_t
adj_of(const struct hop *h)
{
	return h == NULL ? DP_ADJ_DROP : h->adj;
}

static struct watch **
bucket_of(struct rib *r, uint64_t token)
{
	return &r->watches[token * 0x9e3779b97f4a7c15ull >> 32 & (WATCH_BUCKET - 1)];
}

uint32_t
rib_uplink_find(struct rib *r, uint16_t ctx, const struct addr *remote)
{
	struct hop *h = uplink_hop(r, ctx, remote);
	uint32_t adj = adj_of(h);

	if (h == NULL)
		return adj;
	if (h->refs == 1 && !h->resolved && r->unresolved < UNRESOLVED) {
		hop_linger(r, h);
		return adj;
	}
	hop_put(r, h);
	return adj;
}

uint32_t
rib_uplink_get(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	struct watch *w = calloc(1, sizeof(*w)), **b = bucket_of(r, token);

	if (w == NULL)
		return DP_ADJ_DROP;
	*w = (struct watch){ .next = *b, .ctx = ctx, .token = token, .remote = *remote };
	w->hop = uplink_hop(r, ctx, remote);
	*b = w;
	r->watches_count++;
	return adj_of(w->hop);
}

void
rib_uplink_put(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	for (struct watch **at = bucket_of(r, token); *at != NULL; at = &(*at)->next) {
		struct watch *w = *at;

		if (w->token != token || w->ctx != ctx || !addr_equal(&w->remote, remote))
			continue;
		*at = w->next;
		hop_put(r, w->hop);
		r->watches_count--;
		free(w);
		return;
	}
}

void
uplinks_settle(struct rib *r)
{
	uint64_t moved = r->moved;

	r->moved = 0;
	for (size_t b = 0; moved != 0 && b < WATCH_BUCKET; b++)
		for (struct watch *w = r->watches[b]; w != NULL; w = w->next) {
			struct hop *was = w->hop;

			if ((moved >> w->ctx & 1) == 0)
				continue;
			w->hop = uplink_hop(r, w->ctx, &w->remote);
			if (w->hop != was)
				r->ops->uplink_changed(r->user, w->token, adj_of(w->hop));
			hop_put(r, was);
		}
}

void
uplinks_free(struct rib *r)
{
	for (size_t b = 0; b < WATCH_BUCKET; b++)
		while (r->watches[b] != NULL) {
			struct watch *w = r->watches[b];

			r->watches[b] = w->next;
			free(w);
		}
}

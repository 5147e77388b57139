/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Routes hang in buckets by prefix; of equal prefixes the lowest metric is in the
 * forwarding table. A neighbour owns one adjacency for as long as the process lives:
 * all routes and peers behind it share it, so a changed MAC address is one write.
 */
#include "control/route/rib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "dataplane/dp.h"

#define BUCKETS    4096
#define MISS_MS    1000 /* between two questions for one neighbour */
#define PROTO_NAVE 89   /* registrations, in rib_info */
#define SHORTEST   8    /* a shortcut for less would be the whole Internet */

enum device_kind { DEVICE_NONE, DEVICE_PORT, DEVICE_CLOUD };

struct device {
	enum device_kind kind;
	uint16_t id; /* port or cloud */
	int ifindex;
};

struct neigh {
	struct neigh *next;
	struct device dev;
	struct addr addr;
	uint32_t adj;
	bool resolved, host_route;
	uint64_t asked_ms;
};

struct tunnel_adj {
	struct tunnel_adj *next;
	uint16_t cloud;
	struct addr next_hop;
	uint32_t adj;
};

struct route {
	struct route *next;
	struct rib_route_in in;
	struct device dev;
	uint32_t adj;
	bool stale, best;
};

struct watch {
	struct watch *next;
	uint64_t token;
	struct addr remote;
	uint32_t adj;
};

struct rib {
	struct dp *dp;
	const struct rib_ops *ops;
	void *user;
	struct device devices[DP_PORTS_MAX + DP_CLOUDS_MAX];
	struct route *routes[BUCKETS];
	struct neigh *neighs;
	struct tunnel_adj *tunnels;
	struct watch *watches;
	bool moved; /* a route changed that an uplink may hang on */
	uint32_t adj_local, adj_glean[DP_PORTS_MAX + 1];
};

static struct route **
bucket(struct rib *r, const struct prefix *p)
{
	return &r->routes[addr_hash(&p->addr, p->bits) % BUCKETS];
}

static const struct device *
device_of(const struct rib *r, int ifindex)
{
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(r->devices[0]); i++)
		if (r->devices[i].kind != DEVICE_NONE && r->devices[i].ifindex == ifindex)
			return &r->devices[i];
	return NULL;
}

static int
device_add(struct rib *r, enum device_kind kind, uint16_t id, int ifindex)
{
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(r->devices[0]); i++) {
		if (r->devices[i].kind != DEVICE_NONE)
			continue;
		r->devices[i] = (struct device){ .kind = kind, .id = id, .ifindex = ifindex };
		return 0;
	}
	return -ENOSPC;
}

/* ---- adjacencies ------------------------------------------------------------------ */

static struct neigh *
neigh_find(const struct rib *r, int ifindex, const struct addr *a)
{
	for (struct neigh *n = r->neighs; n != NULL; n = n->next)
		if (n->dev.ifindex == ifindex && addr_equal(&n->addr, a))
			return n;
	return NULL;
}

/** The neighbour and its adjacency; unresolved ones say in it whom to ask for. */
static struct neigh *
neigh_need(struct rib *r, const struct device *dev, const struct addr *a)
{
	struct neigh *n = neigh_find(r, dev->ifindex, a);
	struct dp_adj spec = { .kind = DP_ADJ_KIND_GLEAN, .port = dev->id, .next_hop = *a };

	if (n != NULL)
		return n;
	n = calloc(1, sizeof(*n));
	if (n == NULL || dp_adj_new(r->dp, &spec, &n->adj) != 0) {
		free(n);
		return NULL;
	}
	n->dev = *dev;
	n->addr = *a;
	n->next = r->neighs;
	r->neighs = n;
	r->ops->probe(r->user, dev->ifindex, a);
	return n;
}

static uint32_t
tunnel_adj(struct rib *r, uint16_t cloud, const struct addr *next_hop)
{
	struct dp_adj spec = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = cloud, .next_hop = *next_hop };
	struct tunnel_adj *t;

	for (t = r->tunnels; t != NULL; t = t->next)
		if (t->cloud == cloud && addr_equal(&t->next_hop, next_hop))
			return t->adj;
	t = calloc(1, sizeof(*t));
	if (t == NULL || dp_adj_new(r->dp, &spec, &t->adj) != 0) {
		free(t);
		return DP_ADJ_DROP;
	}
	t->cloud = cloud;
	t->next_hop = *next_hop;
	t->next = r->tunnels;
	r->tunnels = t;
	return t->adj;
}

static uint32_t
glean_adj(struct rib *r, uint16_t port)
{
	struct dp_adj spec = { .kind = DP_ADJ_KIND_GLEAN, .port = port };

	if (r->adj_glean[port] == 0)
		dp_adj_new(r->dp, &spec, &r->adj_glean[port]);
	return r->adj_glean[port];
}

static uint32_t
route_adj(struct rib *r, const struct route *e)
{
	struct neigh *n;

	if (e->in.local)
		return r->adj_local;
	if (e->dev.kind == DEVICE_CLOUD)
		return tunnel_adj(r, e->dev.id, &e->in.gateway);
	if (e->in.gateway.family == ADDR_NONE)
		return glean_adj(r, e->dev.id);
	n = neigh_need(r, &e->dev, &e->in.gateway);
	return n == NULL ? DP_ADJ_DROP : n->adj;
}

/* ---- routes ------------------------------------------------------------------------- */

/** The best of equal prefixes into the forwarding table; none: the resolved host, or nothing. */
static void
install(struct rib *r, const struct prefix *p)
{
	struct route *best = NULL;

	for (struct route *e = *bucket(r, p); e != NULL; e = e->next) {
		if (!prefix_equal(&e->in.prefix, p))
			continue;
		e->best = false;
		if (best == NULL || (e->in.local && !best->in.local) ||
			(e->in.local == best->in.local && e->in.metric < best->in.metric))
			best = e;
	}
	if (best == NULL) {
		dp_fib_del(r->dp, 0, p);
		return;
	}
	best->best = true;
	if (dp_fib_set(r->dp, 0, p, best->adj) != 0)
		log_error("route table of the data plane is out of memory");
}

static const struct route *
longest(const struct rib *r, const struct addr *dst)
{
	for (int bits = addr_bytes(dst) * 8; bits >= 0; bits--) {
		struct prefix p = { .addr = *dst, .bits = (uint8_t)bits };

		p = prefix_network(&p);
		for (const struct route *e = *bucket((struct rib *)(uintptr_t)r, &p); e != NULL;
			e = e->next)
			if (e->best && prefix_equal(&e->in.prefix, &p))
				return e;
	}
	return NULL;
}

static uint32_t
uplink_of(struct rib *r, const struct addr *remote)
{
	const struct route *e = longest(r, remote);
	const struct neigh *n;

	if (e == NULL || e->in.local || e->dev.kind != DEVICE_PORT)
		return DP_ADJ_DROP;
	n = neigh_need(r, &e->dev, e->in.gateway.family != ADDR_NONE ? &e->in.gateway : remote);
	return n == NULL ? DP_ADJ_DROP : n->adj;
}

void
rib_settle(struct rib *r)
{
	if (!r->moved)
		return;
	r->moved = false;
	for (struct watch *w = r->watches; w != NULL; w = w->next) {
		uint32_t adj = uplink_of(r, &w->remote);

		if (adj == w->adj)
			continue;
		w->adj = adj;
		r->ops->uplink_changed(r->user, w->token, adj);
	}
}

static bool
same_route(const struct route *e, const struct rib_route_in *in)
{
	return prefix_equal(&e->in.prefix, &in->prefix) && e->in.ifindex == in->ifindex &&
		e->in.metric == in->metric && e->in.local == in->local &&
		e->in.protocol == in->protocol;
}

static void
route_del(struct rib *r, struct route **at)
{
	struct route *e = *at;
	struct prefix p = e->in.prefix;

	*at = e->next;
	if (e->in.local && e->dev.kind == DEVICE_PORT)
		dp_local_del(r->dp, e->dev.id, &p.addr);
	free(e);
	install(r, &p);
}

static void
route_add(struct rib *r, const struct device *dev, const struct rib_route_in *in)
{
	struct route **b = bucket(r, &in->prefix);
	struct route *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		log_error("out of memory for a route");
		return;
	}
	e->in = *in;
	e->dev = *dev;
	e->adj = route_adj(r, e);
	e->next = *b;
	*b = e;
	if (in->local && dev->kind == DEVICE_PORT)
		dp_local_add(r->dp, dev->id, &in->prefix.addr);
	install(r, &in->prefix);
}

void
rib_route(struct rib *r, const struct rib_route_in *in, bool add)
{
	const struct device *dev = device_of(r, in->ifindex);
	struct route **at;

	if (dev == NULL)
		return;
	for (at = bucket(r, &in->prefix); *at != NULL && !same_route(*at, in); at = &(*at)->next)
		;
	if (*at != NULL && add && addr_equal(&(*at)->in.gateway, &in->gateway)) {
		(*at)->stale = false;
		return;
	}
	if (*at != NULL)
		route_del(r, at);
	if (add)
		route_add(r, dev, in);
	r->moved |= in->protocol != PROTO_NAVE;
}

/* ---- neighbours ---------------------------------------------------------------------- */

/** A resolved host on the port's own subnet has a route of its own, past the glean. */
static void
host_route(struct rib *r, struct neigh *n, bool want)
{
	struct rib_route_in in = {
		.prefix = prefix_host(&n->addr),
		.gateway = n->addr,
		.ifindex = n->dev.ifindex,
		.metric = UINT32_MAX,
	};

	if (n->host_route == want)
		return;
	n->host_route = want;
	rib_route(r, &in, want);
}

void
rib_neigh(struct rib *r, int ifindex, const struct addr *a, const uint8_t *mac)
{
	const struct device *dev = device_of(r, ifindex);
	struct dp_adj spec = { .kind = DP_ADJ_KIND_GLEAN, .next_hop = *a };
	struct neigh *n;

	if (dev == NULL || dev->kind != DEVICE_PORT)
		return;
	n = mac != NULL ? neigh_need(r, dev, a) : neigh_find(r, ifindex, a);
	if (n == NULL)
		return;
	spec.port = dev->id;
	if (mac != NULL) {
		spec.kind = DP_ADJ_KIND_ETH;
		memcpy(spec.mac, mac, 6);
	}
	dp_adj_set(r->dp, n->adj, &spec);
	n->resolved = mac != NULL;
	host_route(r, n, n->resolved);
	if (!n->resolved)
		r->ops->probe(r->user, ifindex, a);
}

void
rib_neigh_miss(struct rib *r, uint16_t port, const struct addr *a, uint64_t now_ms)
{
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(r->devices[0]); i++) {
		const struct device *dev = &r->devices[i];
		struct neigh *n;

		if (dev->kind != DEVICE_PORT || dev->id != port)
			continue;
		n = neigh_need(r, dev, a);
		if (n == NULL || n->resolved || now_ms - n->asked_ms < MISS_MS)
			return;
		n->asked_ms = now_ms;
		r->ops->probe(r->user, dev->ifindex, a);
		return;
	}
}

/* ---- resync ---------------------------------------------------------------------------- */

void
rib_resync_start(struct rib *r)
{
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct route *e = r->routes[b]; e != NULL; e = e->next)
			e->stale = e->in.protocol != PROTO_NAVE && e->in.metric != UINT32_MAX;
}

void
rib_resync_end(struct rib *r)
{
	for (size_t b = 0; b < BUCKETS; b++) {
		struct route **at = &r->routes[b];

		while (*at != NULL) {
			if ((*at)->stale)
				route_del(r, at);
			else
				at = &(*at)->next;
		}
	}
	r->moved = true;
}

/* ---- uplinks and registrations ------------------------------------------------------------ */

uint32_t
rib_uplink_find(struct rib *r, uint16_t ctx, const struct addr *remote)
{
	(void)ctx;
	return uplink_of(r, remote);
}

uint32_t
rib_uplink_get(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	struct watch *w = calloc(1, sizeof(*w));
	uint32_t adj = rib_uplink_find(r, ctx, remote);

	if (w == NULL)
		return adj; /* works until the route changes */
	*w = (struct watch){ .next = r->watches, .token = token, .remote = *remote, .adj = adj };
	r->watches = w;
	return adj;
}

void
rib_uplink_put(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token)
{
	(void)ctx;
	for (struct watch **at = &r->watches; *at != NULL; at = &(*at)->next) {
		struct watch *w = *at;

		if (w->token != token || !addr_equal(&w->remote, remote))
			continue;
		*at = w->next;
		free(w);
		return;
	}
}

static int
ifindex_of_cloud(const struct rib *r, uint16_t cloud)
{
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(r->devices[0]); i++)
		if (r->devices[i].kind == DEVICE_CLOUD && r->devices[i].id == cloud)
			return r->devices[i].ifindex;
	return 0;
}

static void
binding(struct rib *r, uint16_t cloud, const struct prefix *p, const struct addr *next_hop,
	bool add)
{
	struct rib_route_in in = {
		.prefix = prefix_network(p),
		.gateway = *next_hop,
		.ifindex = ifindex_of_cloud(r, cloud),
		.metric = UINT32_MAX - 1,
		.protocol = PROTO_NAVE,
	};

	rib_route(r, &in, add);
}

void
rib_binding_set(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p,
	const struct addr *next_hop)
{
	(void)ctx;
	binding(r, cloud, p, next_hop, true);
}

void
rib_binding_del(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p)
{
	struct addr none = { 0 };

	(void)ctx;
	binding(r, cloud, p, &none, false);
}

/* ---- questions ------------------------------------------------------------------------------ */

/** Lengthen p (which covers dst) until it hides none of the more specific routes beside dst. */
static struct prefix
not_hiding(const struct rib *r, struct prefix p, const struct addr *dst)
{
	p.addr = *dst;
	if (p.bits < SHORTEST)
		p.bits = SHORTEST;
	for (size_t b = 0; b < BUCKETS; b++)
		for (const struct route *e = r->routes[b]; e != NULL; e = e->next) {
			struct prefix net = prefix_network(&p);

			if (e->in.metric == UINT32_MAX) /* a resolved host is part of its subnet */
				continue;
			while (e->in.prefix.bits > p.bits && prefix_covers(&net, &e->in.prefix) &&
				!prefix_has(&e->in.prefix, dst)) {
				p.bits++;
				net = prefix_network(&p);
			}
		}
	return prefix_network(&p);
}

void
rib_lookup(const struct rib *r, uint16_t ctx, const struct addr *dst, struct rib_answer *out)
{
	const struct route *e = longest(r, dst);

	(void)ctx;
	*out = (struct rib_answer){ .kind = RIB_NONE };
	if (e == NULL)
		return;
	out->prefix = e->in.prefix;
	if (e->in.local) {
		out->kind = RIB_LOCAL;
	} else if (e->dev.kind == DEVICE_CLOUD) {
		out->kind = RIB_CLOUD;
		out->cloud = e->dev.id;
		out->next_hop = e->in.gateway.family != ADDR_NONE ? e->in.gateway : *dst;
	} else {
		out->kind = RIB_LAN;
		out->prefix = not_hiding(r, e->in.prefix, dst);
	}
}

void
rib_each(const struct rib *r, void (*fn)(void *arg, const struct rib_info *), void *arg)
{
	for (size_t b = 0; b < BUCKETS; b++)
		for (const struct route *e = r->routes[b]; e != NULL; e = e->next) {
			struct rib_info i = {
				.prefix = e->in.prefix,
				.gateway = e->in.gateway,
				.port = e->dev.kind == DEVICE_PORT ? e->dev.id : 0,
				.cloud = e->dev.kind == DEVICE_CLOUD ? e->dev.id : 0,
				.protocol = e->in.protocol,
				.metric = e->in.metric,
				.adj = e->adj,
				.local = e->in.local,
				.best = e->best,
			};

			fn(arg, &i);
		}
}

/* ---- life ------------------------------------------------------------------------------------ */

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
	if (dp_adj_new(dp, &local, &r->adj_local) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

int
rib_port_add(struct rib *r, uint16_t port, int ifindex)
{
	return device_add(r, DEVICE_PORT, port, ifindex);
}

int
rib_cloud_add(struct rib *r, uint16_t cloud, int ifindex)
{
	return device_add(r, DEVICE_CLOUD, cloud, ifindex);
}

void
rib_cloud_del(struct rib *r, uint16_t cloud)
{
	for (size_t b = 0; b < BUCKETS; b++) {
		struct route **at = &r->routes[b];

		while (*at != NULL) {
			if ((*at)->dev.kind == DEVICE_CLOUD && (*at)->dev.id == cloud)
				route_del(r, at);
			else
				at = &(*at)->next;
		}
	}
	for (size_t i = 0; i < sizeof(r->devices) / sizeof(r->devices[0]); i++)
		if (r->devices[i].kind == DEVICE_CLOUD && r->devices[i].id == cloud)
			r->devices[i] = (struct device){ 0 };
}

#define LIST_FREE(list)                                                                            \
	while ((list) != NULL) {                                                                   \
		void *next = (list)->next;                                                         \
		free(list);                                                                        \
		(list) = next;                                                                     \
	}

void
rib_free(struct rib *r)
{
	if (r == NULL)
		return;
	for (size_t b = 0; b < BUCKETS; b++)
		LIST_FREE(r->routes[b]);
	LIST_FREE(r->neighs);
	LIST_FREE(r->tunnels);
	LIST_FREE(r->watches);
	free(r);
}

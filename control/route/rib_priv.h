/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_RIB_PRIV_H
#define CONTROL_ROUTE_RIB_PRIV_H

/** Private to control/route: the rib from within. */
#include <assert.h>

#include "control/base/map.h"
#include "control/route/hop.h"
#include "control/route/ptree.h"
#include "dataplane/dp.h"

#define DEVICES      (DP_PORTS_MAX + DP_CLOUDS_MAX)
#define HOP_BUCKETS  4096
#define PROTO_NAVE   89         /* registrations */
#define METRIC_NAVE  UINT32_MAX /* behind all routes of the kernel */
#define WATCH_BUCKET 4096
#define UNRESOLVED   4096 /* neighbours asked for because a packet came; a scan makes many */

struct route {
	struct route *next; /* of the same prefix */
	uint32_t metric;
	uint32_t nexthop_id;
	uint8_t protocol;
	uint8_t type; /* enum rib_route_type */
	bool stale;   /* not told again yet, during a resync */
	uint8_t hops_count;
	struct net *net;
	struct route_hop {
		struct hop *hop; /* NULL: not ours */
		struct rib_hop_in in;
		struct route *route;
		LIST_ENTRY(route_hop) same; /* of the same hop */
	} hops[];
};

/** All routes of one prefix. */
struct net {
	struct prefix prefix;
	uint16_t ctx;
	bool in_fib;
	uint32_t adj; /* in the workers' table when in_fib */
	struct route *routes;
	const struct route *best; /* NULL: none leads through a device of ours */
	/* What it says of next hops that it covers (recursion.h), resolved or not. */
	const struct route *lead; /* NULL: nothing */
	struct hop *toward;       /* NULL: not unicast */
	/* Those with a choice hang in a list; at: what points to this one, NULL: not in it. */
	struct net *choice_next, **choice_at;
};

struct nexthop {
	uint32_t id;
	bool stale;
	struct rib_nexthop_in in;
};

struct watch {
	struct watch *next;
	uint16_t ctx;
	uint64_t token;
	struct addr remote;
	struct hop *hop; /* NULL: no way */
};

struct context {
	uint32_t table; /* 0: none */
	struct ptree nets;
	struct ptree gateways; /* hops by address */
};

struct rib {
	struct dp *dp;
	const struct rib_ops *ops;
	void *user;
	struct device devices[DEVICES];
	size_t devices_end; /* none is in use from here on */
	struct context contexts[DP_CONTEXTS_MAX];
	struct hop *hops[HOP_BUCKETS];
	uint32_t hops_count, unresolved; /* unresolved: asked for and not in use */
	struct map nexthops;
	struct net *choices; /* prefixes with several routes or next hops */
	struct watch *watches[WATCH_BUCKET];
	uint32_t watches_count, routes_count;
	uint64_t swept_ms;
	uint32_t adj_local;
	/* what rib_settle() has to look at again */
	struct hop_list doubts; /* hops that may be reached by way of others than before */
	uint64_t moved; /* contexts, one bit each, a route of which changed that an uplink may
			   hang on */
	bool choose;    /* a next hop became better or worse */
	bool subnets;   /* a connected subnet came or went */
};

static_assert(DP_CONTEXTS_MAX <= 64, "struct rib.moved has a bit for each");

const struct device *device_find(const struct rib *r, int ifindex);
struct device *device_of_cloud(struct rib *r, uint16_t cloud);

/** The context a route belongs to, or -1: none of ours. */
int context_of(const struct rib *r, const struct rib_route_in *in);

/**
 * The route of n that at points to (NULL: none) becomes in, or goes (RIB_DEL); without
 * memory it stays as it was, which is logged.
 */
void route_put(struct rib *r, struct net *n, struct route **at, const struct rib_route_in *in,
	enum rib_change change);

/** Give in the next hops of the object it names. */
void nexthop_expand(const struct rib *r, struct rib_route_in *in);
/** Around a resync: those not told again in between go. */
void nexthops_mark(struct rib *r);
void nexthops_sweep(struct rib *r);
void nexthops_free(struct rib *r);

/** Bring the workers' table in step with what is known of a prefix. */
void net_install(struct rib *r, struct net *n);
struct net *net_longest(const struct rib *r, uint16_t ctx, const struct addr *a);
struct net *net_need(struct rib *r, uint16_t ctx, const struct prefix *p);
/** Its routes are others than before: n is gone when there are none. */
void net_changed(struct rib *r, struct net *n);

/** A connected subnet: its addresses are reached on the device itself. */
bool route_is_subnet(const struct route *e);

/** The next hop a route's packets take; NULL: local or dropped or none. */
struct hop *route_hop(const struct route *e);

enum hop_rank route_hop_rank(const struct route_hop *h, hop_rank_fn *rank);

/** Into the workers' table; logs when that is out of memory. */
void fib_write(struct rib *r, uint16_t ctx, const struct prefix *p, uint32_t adj);

/** Choose again among the routes and next hops of prefixes that have several. */
void nets_choose(struct rib *r);

void uplinks_settle(struct rib *r);
void uplinks_free(struct rib *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_RIB_H
#define CONTROL_ROUTE_RIB_H

/**
 * What the kernel knows of routes, addresses and neighbours behind our twins, turned
 * into the data plane's tables. Input are parsed kernel messages (netlink.c) and
 * registrations (spoke); output are dp.h's edits.
 *
 * A context is one routing table of the kernel (context.h). A route belongs to the
 * context of its table, a connected subnet and an address of ours to that of their
 * device. Nothing is looked up in a second table when the first has no answer.
 *
 * Control core only. Clock and kernel are the caller's, so tests need neither.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/addr.h"

struct dp;
struct rib;

struct rib_ops {
	/** Ask the kernel to resolve a neighbour; keep: to watch over it from now on, else
	 * no longer. */
	void (*probe)(void *user, int ifindex, const struct addr *a, bool keep);
	/** The way to an NBMA address changed: adjacency `uplink` (0: none) for the holder of
	 * token. */
	void (*uplink_changed)(void *user, uint64_t token, uint32_t uplink);
};

struct rib *rib_new(struct dp *dp, const struct rib_ops *ops, void *user);
void rib_free(struct rib *r);

/* ---- contexts and devices: only what concerns them is taken in ---- */

/** Context ctx is the kernel's table; 0 is the main one from the start. */
void rib_context_set(struct rib *r, uint16_t ctx, uint32_t table);

int rib_port_add(struct rib *r, uint16_t port, uint16_t ctx, int ifindex);
int rib_cloud_add(struct rib *r, uint16_t cloud, uint16_t ctx, int ifindex);
void rib_cloud_del(struct rib *r, uint16_t cloud);

/** Is this a twin of ours? */
bool rib_device_known(const struct rib *r, int ifindex);

/* ---- from the kernel ---- */

/**
 * A twin's state; up: administratively and with carrier. Returns true when it changed:
 * the kernel takes routes of a device that went down without a word.
 */
bool rib_link(struct rib *r, int ifindex, bool up);

#define RIB_HOPS_MAX 16 /* of one route; further ones are left out */

struct rib_hop_in {
	struct addr gateway; /* or ADDR_NONE: on the device itself */
	int ifindex;
	bool dead;   /* the kernel does not use it */
	bool onlink; /* the kernel did not look whether the gateway is on the device's link */
};

enum rib_route_type {
	RIB_ROUTE_UNICAST,
	RIB_ROUTE_LOCAL, /* an address of ours */
	RIB_ROUTE_DROP,  /* blackhole, unreachable, prohibit, throw */
};

struct rib_route_in {
	struct prefix prefix;
	uint32_t table; /* RT_TABLE_*, or a VRF's */
	uint32_t metric;
	uint8_t protocol; /* RTPROT_* */
	enum rib_route_type type;
	uint32_t nexthop_id; /* the nexthop object that stands for hops, or 0 */
	uint8_t hops_count;
	struct rib_hop_in hops[RIB_HOPS_MAX];
};

enum rib_change {
	RIB_ADD,
	RIB_REPLACE, /* takes the place of the route of equal prefix and metric */
	RIB_DEL,
};

void rib_route(struct rib *r, const struct rib_route_in *in, enum rib_change change);

/** A nexthop object; in NULL: gone (and the routes that used it, says the kernel). */
struct rib_nexthop_in {
	bool blackhole;
	uint8_t group_count; /* 0: one hop, else ids of the group's members */
	uint32_t group[RIB_HOPS_MAX];
	struct rib_hop_in hop;
};

void rib_nexthop(struct rib *r, uint32_t id, const struct rib_nexthop_in *in);

/**
 * After a batch of changes: find again what next hops behind other routes are reached by,
 * choose again among next hops whose state changed and tell holders of uplinks whose way
 * changed. Not done per route: a table of routes times a table of spokes would stall the
 * control core.
 */
void rib_settle(struct rib *r);

enum rib_neigh_state {
	RIB_NEIGH_STATIC, /* by the operator: to be asked for would make it an ordinary one */
	RIB_NEIGH_OK,
	RIB_NEIGH_STALE,  /* usable, and the kernel will not look again by itself */
	RIB_NEIGH_FAILED, /* asked for without an answer */
	RIB_NEIGH_GONE,
};

/** mac: for STATIC, OK and STALE, else NULL. kept: the kernel watches over it by itself. */
void rib_neigh(struct rib *r, int ifindex, const struct addr *a, enum rib_neigh_state state,
	const uint8_t *mac, bool kept);

/** Between these two everything that the kernel still has is told again; the rest goes. */
void rib_resync_start(struct rib *r);
void rib_resync_end(struct rib *r);

/* ---- from the data plane and the spokes ---- */

void rib_neigh_miss(struct rib *r, uint16_t port, const struct addr *a, uint64_t now_ms);

/**
 * Adjacency towards an NBMA address, DP_ADJ_DROP when there is no way; watched until
 * put. Only routes through ports of the context count, none into a cloud: what is
 * learned inside of a tunnel never moves the tunnel.
 */
uint32_t rib_uplink_get(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token);
void rib_uplink_put(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token);
/** The same once, without watching. */
uint32_t rib_uplink_find(struct rib *r, uint16_t ctx, const struct addr *remote);

/** A registered prefix is a route into its cloud, behind any of equal length the kernel has,
 * until deleted. */
void rib_binding_set(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p,
	const struct addr *next_hop);
void rib_binding_del(struct rib *r, uint16_t ctx, uint16_t cloud, const struct prefix *p);

enum rib_kind { RIB_NONE, RIB_LOCAL, RIB_LAN, RIB_CLOUD };

struct rib_answer {
	enum rib_kind kind;
	struct prefix prefix; /* covers dst, long enough to hide no more specific route */
	uint16_t cloud;
	struct addr next_hop;
};

void rib_lookup(const struct rib *r, uint16_t ctx, const struct addr *dst, struct rib_answer *out);

/* ---- for show ---- */

/** Why a next hop in a cloud leads nowhere. */
enum rib_unresolved {
	RIB_RESOLVED,
	RIB_NO_ROUTE,     /* not registered, in no subnet, behind no route but a default */
	RIB_NO_UNICAST,   /* what it is behind is a blackhole or an address of ours */
	RIB_OTHER_DEVICE, /* the route to it leaves its cloud */
	RIB_LOOP,         /* it is behind itself */
	RIB_TOO_DEEP,     /* too many routes one behind the other */
};

struct rib_hop_info {
	struct addr gateway;
	struct addr through; /* that it is reached by; ADDR_NONE: by itself, or not at all */
	enum rib_unresolved why;
	uint16_t port, cloud; /* the device; both 0: not ours */
	bool usable;
	bool used; /* the one that packets take */
};

struct rib_info {
	uint16_t ctx;
	uint32_t table;
	struct prefix prefix;
	enum rib_route_type type;
	uint8_t protocol;
	uint32_t metric;
	bool neighbour; /* a resolved host, not a route */
	bool binding;   /* an NHRP registration */
	bool best;      /* of its prefix */
	bool active;    /* what the workers' table answers for it */
	uint8_t hops_count;
	struct rib_hop_info hops[RIB_HOPS_MAX];
};

/**
 * The routes of a context sorted by address and length, the best of a prefix first;
 * within: only those it covers, NULL: all. fn returns false to stop.
 */
void rib_each(const struct rib *r, uint16_t ctx, const struct prefix *within,
	bool (*fn)(void *arg, const struct rib_info *), void *arg);

/** Those of the longest prefix that covers an address. */
void rib_each_of(const struct rib *r, uint16_t ctx, const struct addr *a,
	bool (*fn)(void *arg, const struct rib_info *), void *arg);

struct rib_totals {
	uint32_t prefixes, routes, neighbours, unresolved, watches;
};

void rib_totals(const struct rib *r, struct rib_totals *out);

#endif

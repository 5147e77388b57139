/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_RIB_H
#define CONTROL_ROUTE_RIB_H

/**
 * What the kernel knows of routes, addresses and neighbours behind our twins, turned
 * into the data plane's tables. Input are parsed kernel messages (netlink.c) and
 * registrations (spoke); output are dp.h's edits. One context for now: the main table.
 * Control core only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/addr.h"

struct dp;
struct rib;

struct rib_ops {
	/** Ask the kernel to resolve a neighbour on this device, and to keep it. */
	void (*probe)(void *user, int ifindex, const struct addr *a);
	/** The way to an NBMA address changed: adjacency `uplink` (0: none) for the holder of
	 * token. */
	void (*uplink_changed)(void *user, uint64_t token, uint32_t uplink);
};

struct rib *rib_new(struct dp *dp, const struct rib_ops *ops, void *user);
void rib_free(struct rib *r);

/* ---- devices: only what concerns them is taken in ---- */

int rib_port_add(struct rib *r, uint16_t port, int ifindex);
int rib_cloud_add(struct rib *r, uint16_t cloud, int ifindex);
void rib_cloud_del(struct rib *r, uint16_t cloud);

/* ---- from the kernel ---- */

struct rib_route_in {
	struct prefix prefix;
	struct addr gateway; /* or ADDR_NONE */
	int ifindex;
	uint32_t metric;
	uint8_t protocol; /* RTPROT_* */
	bool local;       /* an address of ours, not a route */
};

void rib_route(struct rib *r, const struct rib_route_in *in, bool add);

/**
 * After a batch of routes: tell holders of uplinks whose way changed. Not done per
 * route: a table of routes times a table of spokes would stall the control core.
 */
void rib_settle(struct rib *r);

/** mac NULL: not resolved, failed or gone. */
void rib_neigh(struct rib *r, int ifindex, const struct addr *a, const uint8_t *mac);

/** Between these two everything that the kernel still has is told again; the rest goes. */
void rib_resync_start(struct rib *r);
void rib_resync_end(struct rib *r);

/* ---- from the data plane and the spokes ---- */

void rib_neigh_miss(struct rib *r, uint16_t port, const struct addr *a, uint64_t now_ms);

/** Adjacency towards an NBMA address, DP_ADJ_DROP when there is no way; watched until put. */
uint32_t rib_uplink_get(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token);
void rib_uplink_put(struct rib *r, uint16_t ctx, const struct addr *remote, uint64_t token);
/** The same once, without watching. */
uint32_t rib_uplink_find(struct rib *r, uint16_t ctx, const struct addr *remote);

/** A registered prefix is a route into its cloud (it never moves an uplink), as good as any the
 * kernel has, until deleted. */
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

struct rib_info {
	struct prefix prefix;
	struct addr gateway;
	uint16_t port, cloud; /* the device; both 0 for a local address */
	uint8_t protocol;
	uint32_t metric;
	uint32_t adj;
	bool local, best;
};

void rib_each(const struct rib *r, void (*fn)(void *arg, const struct rib_info *), void *arg);

#endif

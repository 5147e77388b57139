/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_HOP_H
#define CONTROL_ROUTE_HOP_H

/**
 * Private to control/route: next hops. A hop is a device and an address on it (or the
 * device alone) and owns one adjacency, which all routes and peers behind it share:
 * a changed MAC address is one write. Hops of ports are neighbours of the kernel.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/addr.h"
#include "control/route/recursion.h"
#include "control/route/rib.h"

enum device_kind { DEVICE_NONE, DEVICE_PORT, DEVICE_CLOUD };

struct device {
	enum device_kind kind;
	uint16_t id; /* port or cloud */
	uint16_t ctx;
	int ifindex;
	bool up;
};

struct route_hop;
LIST_HEAD(route_hops, route_hop);

struct hop {
	struct hop *next; /* of its bucket */
	const struct device *dev;
	struct addr addr; /* or ADDR_NONE: whoever the packet is for */
	uint32_t adj;
	uint32_t refs;       /* routes, uplinks and hops reached by way of it */
	uint32_t registered; /* cloud: bindings with this next hop */
	bool resolved, failed;
	bool fixed;     /* by a static entry of the kernel's, which is never asked for */
	bool stale;     /* resolved and not told again yet, during a resync */
	bool in_fib;    /* port: has a host route of its own, past its subnet's glean */
	uint8_t mac[6]; /* while resolved */
	uint64_t asked_ms;
	struct route_hops routes; /* that lead through it */
	struct recursion way;
};

/** How good a next hop is; the first of the best is taken. */
enum hop_rank {
	HOP_NOWHERE,  /* no device of ours, or unresolved */
	HOP_UNUSABLE, /* its device is down, or nobody answers */
	HOP_MAYBE,    /* not resolved or not registered (yet) */
	HOP_GOOD,
};

typedef enum hop_rank hop_rank_fn(const struct hop *h);
/** By the end of its way. */
hop_rank_fn hop_rank;
/** As if it were on its link. */
hop_rank_fn hop_rank_own;

struct hop *hop_find(const struct rib *r, const struct device *dev, const struct addr *a);

/** The hop with a reference more, made when needed; NULL when out of memory or adjacencies. */
struct hop *hop_get(struct rib *r, const struct device *dev, const struct addr *a);
/** NULL is fine. The last reference of a hop that did not answer frees it. */
void hop_put(struct rib *r, struct hop *h);
/** Give the only reference back, but keep h for an answer, as if a packet had asked for it. */
void hop_linger(struct rib *r, struct hop *h);

/** Its adjacency, and those of what is reached by way of it, say what the end of its way says. */
void hop_adj_write(struct rib *r, struct hop *h);
/** It came to be reached by way of another, or is no more: then it is asked for. */
void hop_by_way(struct rib *r, struct hop *h);

/** The resolved neighbour of this address in a context that deserves a host route, or NULL. */
struct hop *hop_host(const struct rib *r, uint16_t ctx, const struct addr *a);

/** Subnets changed: give and take host routes. */
void hops_hosts_again(struct rib *r);

/** The same for one, whose state changed or whose place a route took or left. */
void hop_host_update(struct rib *r, struct hop *h);

/** Begin and end of a resync: neighbours that were not told again are gone. */
void hops_mark(struct rib *r);
void hops_sweep(struct rib *r);

/** The device is back: ask for its neighbours in use. */
void hops_ask_again(struct rib *r, const struct device *dev);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_RECURSION_H
#define CONTROL_ROUTE_RECURSION_H

/**
 * Private to control/route: next hops that are no neighbours on their device, but lie
 * behind another route. The kernel takes such a route as "onlink" only.
 *
 * A hop's address is on its link when a route says so that is not "onlink" (a registration
 * too), or a subnet of its device has it, or a neighbour answered for it. Else the longest route
 * but the default says by way of which hop of the same device it is reached, which may be reached
 * by way of another again. A route that leads elsewhere does not count: what names a tunnel stays
 * in it. Without such a route a port's gateway is asked for on its link, as the kernel would; one
 * in a cloud is unresolved, and routes that have no other next hop stay out of the workers' table.
 *
 * Which hop that is depends on what is there, never on what is resolved: no answer hangs on
 * itself, nor on the order of arrival. A hop's adjacency says what the end of its way says,
 * so that 100 000 routes behind one move by one write.
 */
#include <sys/queue.h>

#include "control/route/rib.h"

struct hop;
struct net;

LIST_HEAD(hop_list, hop);

/** Of a hop; only recursion.c writes it. */
struct recursion {
	struct hop *via; /* by way of this one; NULL: on its link, or unresolved */
	struct hop *end; /* of the way; NULL: unresolved */
	enum rib_unresolved why;
	uint32_t vouched;      /* routes that say it is on its link */
	struct hop_list users; /* whose via it is */
	LIST_ENTRY(hop) user;
	LIST_ENTRY(hop) doubt; /* while in_doubt: among those to look at again */
	bool in_doubt;
	struct hop *same; /* another of this address and context */
};

/** A hop that nobody uses yet. */
void recursion_init(struct hop *h);
/** The first reference came, the last one went. */
void recursion_enter(struct rib *r, struct hop *h);
void recursion_leave(struct rib *r, struct hop *h);

/** A route came (1) or went (-1) that says it is on its link. */
void recursion_vouch(struct rib *r, struct hop *h, int by);
/** A neighbour came or went: is it on its link? */
void recursion_doubt(struct rib *r, struct hop *h);
/** Routes of a prefix are others than before: what became of the hops it covers? */
void recursion_touch(struct rib *r, const struct net *n);

/** Look at those in doubt, and all that are reached by way of them. */
void recursion_settle(struct rib *r);

#endif

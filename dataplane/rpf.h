/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_RPF_H
#define DATAPLANE_RPF_H

/**
 * All routes back: which adjacencies into clouds the routes of a prefix have, best or not.
 * Anti-spoof asks here when the best route of a source does not lead to its sender
 * (feasible path reverse path forwarding, RFC 3704, 2.3, and over shorter prefixes too).
 * Entries never change and hang in chains: one writer, readers need no lock. Nothing is
 * kept for a prefix without a route into a cloud.
 */
#include "config/addr.h"
#include "dataplane/dp.h"

struct dp_tables;
struct pkt_meta;
struct rpf;

/** free_later(user, memory) must free after a grace period; seed makes chains unguessable. */
struct rpf *rpf_new(uint32_t seed, void (*free_later)(void *user, void *memory), void *user);
void rpf_free(struct rpf *t);

/** As dp_rpf_set() and dp_rpf_del(), of dp.h. */
int rpf_set(struct rpf *t, uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes);
void rpf_del(struct rpf *t, uint16_t ctx, const struct prefix *p);

/* ---- workers ---- */

/** Does any route of src lead to the spoke the packet came from? */
bool rpf_feasible(const struct dp_tables *t, const struct pkt_meta *meta, const struct addr *src);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_RIB_RIG_H
#define TEST_LIB_RIB_RIG_H

/**
 * A rib over a fake data plane, told of the kernel by texts. Devices: port N is
 * ifindex N, cloud N is ifindex 100 + N.
 */
#include "control/route/rib.h"
#include "test/lib/fake_dp.h"
#include "test/lib/route_text.h"

#define RIG_PROBES 64

struct rib_rig {
	struct dp *dp;
	struct rib *rib;
	unsigned probes;
	struct {
		int ifindex;
		struct addr addr;
		bool keep;
	} probe[RIG_PROBES]; /* the last ones, newest at (probes - 1) % RIG_PROBES */
	unsigned changes;
	uint64_t token;  /* of the last change of an uplink */
	uint32_t uplink; /* and what it changed to */
	char text[128];  /* of the last answer */
};

/** Ports 1 (wan) and 2, 3 (lan), clouds 1 and 2, all in the main table. */
struct rib_rig *rib_rig_new(void);
/** The same with ports and clouds of the caller's choice. */
struct rib_rig *rib_rig_bare(void);
void rib_rig_free(struct rib_rig *g);

/** Routes as route_text.h has them. */
void rig_add(struct rib_rig *g, const char *route);
void rig_replace(struct rib_rig *g, const char *route);
void rig_del(struct rib_rig *g, const char *route);

/** A neighbour on a device whose MAC ends in `mac`; 0: it failed. */
void rig_neigh(struct rib_rig *g, int ifindex, const char *address, uint8_t mac);
void rig_neigh_gone(struct rib_rig *g, int ifindex, const char *address);

void rig_bind(struct rib_rig *g, uint16_t ctx, uint16_t cloud, const char *prefix, const char *hop);
void rig_unbind(struct rib_rig *g, uint16_t ctx, uint16_t cloud, const char *prefix);

/** What the workers of a context do with a packet to dst, after rib_settle(). */
const char *rig_way(struct rib_rig *g, uint16_t ctx, const char *dst);

/** What anti-spoof may believe of a source there, as fake_dp_rpf(). */
const char *rig_rpf(struct rib_rig *g, uint16_t ctx, const char *src);

/** The uplink of a remote address, watched under a token. */
const char *rig_uplink(struct rib_rig *g, uint16_t ctx, const char *remote, uint64_t token);
void rig_uplink_put(struct rib_rig *g, uint16_t ctx, const char *remote, uint64_t token);

/** "none", "local P", "lan P", "cloud N HOP P" of rib_lookup(). */
const char *rig_lookup(struct rib_rig *g, uint16_t ctx, const char *dst);

#endif

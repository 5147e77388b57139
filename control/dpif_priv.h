/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_DPIF_PRIV_H
#define CONTROL_DPIF_PRIV_H

/** Private to control/dpif*.c: the switchboard's ports and clouds, each with its twin. */
#include "control/dpif.h"
#include "control/route/context.h"
#include "dataplane/dp.h"

#define TWIN_BUDGET 64 /* packets from one twin per round */
#define FRAME_BYTES DP_FRAME_BYTES(DP_MTU_MAX)

struct netlink;
struct twin;

/** The addresses a twin was given: for a while those of two configurations. */
struct held {
	struct prefix list[2 * CONFIG_ADDRESSES];
	uint32_t n;
};

struct port {
	uint16_t id; /* 0: free */
	uint16_t ctx;
	struct config_port cfg;
	struct held held;
	struct addr gateway;       /* of the default route we set, or ADDR_NONE */
	int gateway_err;           /* why it is not the configured one yet */
	uint64_t gateway_again_ms; /* then: when to try again */
	struct twin *tap;
	struct dpif *d;
	bool link_up;
};

struct cloud {
	uint16_t id; /* 0: free */
	uint16_t ctx;
	struct config_cloud cfg; /* its secrets stay with the engines */
	struct held held;
	struct twin *tun;
	struct dpif *d;
};

struct dpif {
	struct loop *loop;
	struct dp *dp;
	struct rib *rib;
	struct netlink *netlink;
	struct spokes *spokes;
	struct contexts contexts;
	struct port ports[DP_PORTS_MAX + 1];
	struct cloud clouds[DP_CLOUDS_MAX];
	uint64_t now_ms, link_look_ms;
};

/* dpif_addresses.c */

/** Give a twin the addresses it does not have yet. 0 or -errno, which is logged. */
int addresses_add(const struct twin *t, struct held *held, const struct prefix *list, uint32_t n);
/** Take back the addresses that are not in the list. True when any went. */
bool addresses_prune(
	const struct twin *t, struct held *held, const struct prefix *list, uint32_t n);

/* dpif_context.c */

/** The context of a port's or cloud's `vrf`, or -errno, which is logged. */
int context_need(struct dpif *d, const char *kind, const char *name, const char *vrf);
/** The device joins its VRF, before it has addresses. 0 or -errno, which is logged. */
int context_join(struct dpif *d, const char *name, uint16_t ctx, int ifindex);

/* dpif_port.c */

/** Add it to the data plane, open its twin. 0 or -errno, which is logged. */
int port_start(struct dpif *d, const struct config_port *cfg);
/** Tell the rib of all of them, before the kernel is heard. */
void ports_bind(struct dpif *d);
/** Give the twins of all of them their VRF, addresses and gateway. 0 or -errno, logged. */
int ports_settle_first(struct dpif *d);
/** Try again with gateways that the kernel refused; when that is due next. */
void ports_gateways_again(struct dpif *d);
uint64_t ports_next_ms(const struct dpif *d);
/** The twins' carrier follows the ports' link, so that FRR sees what the port sees. */
void ports_follow_links(struct dpif *d);
/** One: what its configuration does not name any more goes. */
void port_settle(struct dpif *d, struct port *p);

/* dpif.c */

/** Closes a twin (it vanishes); NULL is allowed. */
void twin_end(struct dpif *d, struct twin *t);

#endif

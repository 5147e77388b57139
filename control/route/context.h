/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_CONTEXT_H
#define CONTROL_ROUTE_CONTEXT_H

/**
 * Contexts: what `vrf:` of a port or cloud names. A name is a VRF device of the kernel,
 * which the twin joins; a number is a routing table without one, for kernels that have
 * no VRFs: nave then takes the routes of that table, and connected subnets of the
 * twins. No value is the main table. Two values never share a table.
 */
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "dataplane/dp.h"

struct context_spec {
	char vrf[CONFIG_NAME_BYTES]; /* as configured; "" = the main table */
	uint32_t table;              /* of the kernel */
	int master;                  /* ifindex of the VRF device, 0 = none */
};

struct contexts {
	struct context_spec list[DP_CONTEXTS_MAX]; /* by context id */
	uint16_t count;                            /* 0: not even the main table yet */
};

/**
 * The context id of a `vrf` value, made on first use. Returns -ENODEV when there is no
 * such VRF, -EEXIST when its table is another value's, -ENOSPC when there are too many;
 * what to do about it is in why[n].
 */
int context_get(struct contexts *c, const char *vrf, char *why, size_t n);

/** Is every `vrf` of a configuration there? r is told of each that is not. */
config_host_check contexts_check;

struct nlmsghdr;

/** The table of a VRF out of its RTM_NEWLINK; 0: it is no VRF. Any content is legal. */
uint32_t context_table_of_link(const struct nlmsghdr *h);

#endif

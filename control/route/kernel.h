/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_KERNEL_H
#define CONTROL_ROUTE_KERNEL_H

/**
 * What we tell the kernel to do with our twins. Each request waits for its answer, which
 * the kernel gives before it lets go of the request: 0 or -errno, the kernel's own.
 * Control core only.
 */
#include <stdint.h>

#include "config/addr.h"

int kernel_address_add(int ifindex, const struct prefix *p);
int kernel_address_del(int ifindex, const struct prefix *p);

/** Replaces the one of this table and metric 0. */
int kernel_default_route(uint32_t table, int ifindex, const struct addr *gateway);
int kernel_default_route_del(uint32_t table, int ifindex, const struct addr *gateway);

/** Make it a slave of a VRF: before it has addresses, whose routes would move. */
int kernel_enslave(int ifindex, int master);

/** What may be done about a request that ended in err. */
const char *kernel_remedy(int err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_NETLINK_H
#define CONTROL_ROUTE_NETLINK_H

/**
 * rtnetlink: the kernel's addresses, routes and neighbours into the rib, dumped at
 * start and followed from then on; after an overrun everything is asked for again.
 * Also the few things we ask of the kernel. Control core only.
 */
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"

struct netlink;
struct rib;

/** Opens, subscribes and asks for all there is; netlink_read() brings it. 0 or -errno. */
int netlink_open(struct rib *rib, struct netlink **out);
void netlink_close(struct netlink *n);
int netlink_fd(const struct netlink *n);

/** Take what is there. */
void netlink_read(struct netlink *n);

/** One kernel message stream as read from the socket; for tests. Any bytes are legal. */
void netlink_parse(struct rib *rib, const void *buf, size_t bytes);

int netlink_address_add(struct netlink *n, int ifindex, const struct prefix *p);
int netlink_address_del(struct netlink *n, int ifindex, const struct prefix *p);
int netlink_default_route(struct netlink *n, int ifindex, const struct addr *gateway);
int netlink_default_route_del(struct netlink *n, int ifindex, const struct addr *gateway);

/** Have the kernel resolve a neighbour and keep it resolved where it can (Linux 5.16). */
void netlink_probe(struct netlink *n, int ifindex, const struct addr *a);

#endif

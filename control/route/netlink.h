/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_NETLINK_H
#define CONTROL_ROUTE_NETLINK_H

/**
 * rtnetlink: the kernel's links, routes, nexthop objects and neighbours into the rib,
 * dumped at start and followed from then on. After an overrun, and whenever the kernel
 * may have dropped routes without saying so, everything is asked for again.
 * Also asks it for neighbours. Control core only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"

struct netlink;
struct nlmsghdr;
struct rib;

/** Opens, subscribes and asks for all there is; netlink_read() brings it. 0 or -errno. */
int netlink_open(struct rib *rib, struct netlink **out);
void netlink_close(struct netlink *n);
int netlink_fd(const struct netlink *n);

/** Take what is there, but not for long: the fd stays readable when there is more. */
void netlink_read(struct netlink *n);

/** When netlink_tick() has something to do: the kernel failed to answer and is asked again. */
uint64_t netlink_next_ms(const struct netlink *n);
void netlink_tick(struct netlink *n, uint64_t now_ms);

/**
 * One kernel message stream as read from the socket; any bytes are legal. Returns true
 * when the kernel may have dropped routes without a message (IPv4: a link went down, an
 * address or a nexthop object went away): time to ask for all of them again.
 */
bool netlink_parse(struct rib *rib, const void *buf, size_t bytes);
/** The same for one message, whose nlmsg_len is within the buffer. */
bool netlink_take(struct rib *rib, const struct nlmsghdr *h);
/** The message at *at (0 at first), which moves on; NULL when there is no whole one. */
const struct nlmsghdr *netlink_next(const void *buf, size_t bytes, size_t *at);

/**
 * Have the kernel resolve a neighbour; keep: and keep it resolved by itself (Linux 5.16,
 * older ones ignore that), else no longer.
 */
void netlink_probe(struct netlink *n, int ifindex, const struct addr *a, bool keep);

#endif

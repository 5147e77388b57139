/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_REQUEST_H
#define CONTROL_ROUTE_REQUEST_H

/** Private to control/route: messages to rtnetlink. */
#include <stddef.h>
#include <stdint.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

struct request {
	struct nlmsghdr h;
	union {
		struct rtmsg route;
		struct ndmsg neigh;
		struct ifaddrmsg addr;
		struct ifinfomsg link;
		struct nhmsg nexthop;
	} body;
	uint8_t attrs[128];
};

/** body: bytes of its fixed part, all zero yet. */
struct request request_of(uint16_t type, uint16_t flags, size_t body);
/** The attributes of one request fit. */
void request_attr(struct request *q, uint16_t type, const void *data, size_t n);
/** 0 or -errno of sending. */
int request_send(int fd, struct request *q, uint32_t seq);
/** The errno (negative) an error message or the end of a dump carries; 0: none. */
int request_errno(const struct nlmsghdr *h);

#endif

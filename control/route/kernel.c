/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/kernel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>

#include "control/route/netlink.h"
#include "control/route/request.h"

#define ANSWER_S 2 /* it is there at once, unless the kernel is out of memory for it */

/** The errno of the answer in buf. */
static int
answer_of(const void *buf, size_t bytes)
{
	const struct nlmsghdr *h;
	size_t at = 0;

	while ((h = netlink_next(buf, bytes, &at)) != NULL)
		if (h->nlmsg_type == NLMSG_ERROR &&
			h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			return request_errno(h);
	return -EBADMSG;
}

/** A socket for each request: they are few, and no answer can be taken for another's. */
static int
ask(struct request *q)
{
	_Alignas(8) uint8_t buf[1024];
	struct timeval t = { .tv_sec = ANSWER_S };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err;
	ssize_t got;

	if (fd < 0)
		return -errno;
	q->h.nlmsg_flags |= NLM_F_ACK;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	err = request_send(fd, q, 1);
	if (err == 0) {
		got = recv(fd, buf, sizeof(buf), 0);
		err = got < 0 ? -errno : answer_of(buf, (size_t)got);
	}
	close(fd);
	return err == -EAGAIN ? -ETIMEDOUT : err;
}

static int
address_edit(uint16_t type, uint16_t flags, int ifindex, const struct prefix *p)
{
	struct request q = request_of(type, flags, sizeof(q.body.addr));

	q.body.addr = (struct ifaddrmsg){
		.ifa_family = AF_INET,
		.ifa_prefixlen = p->bits,
		.ifa_index = (unsigned)ifindex,
	};
	if (p->addr.family != ADDR_V4)
		return -EAFNOSUPPORT;
	request_attr(&q, IFA_LOCAL, p->addr.octet, 4);
	request_attr(&q, IFA_ADDRESS, p->addr.octet, 4);
	return ask(&q);
}

int
kernel_address_add(int ifindex, const struct prefix *p)
{
	return address_edit(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, p);
}

int
kernel_address_del(int ifindex, const struct prefix *p)
{
	return address_edit(RTM_DELADDR, 0, ifindex, p);
}

static int
default_route_edit(
	uint16_t type, uint16_t flags, uint32_t table, int ifindex, const struct addr *gateway)
{
	struct request q = request_of(type, flags, sizeof(q.body.route));

	q.body.route = (struct rtmsg){
		.rtm_family = AF_INET,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	if (gateway->family != ADDR_V4)
		return -EAFNOSUPPORT;
	request_attr(&q, RTA_GATEWAY, gateway->octet, 4);
	request_attr(&q, RTA_OIF, &ifindex, sizeof(ifindex));
	request_attr(&q, RTA_TABLE, &table, sizeof(table));
	return ask(&q);
}

int
kernel_default_route(uint32_t table, int ifindex, const struct addr *gateway)
{
	return default_route_edit(
		RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, ifindex, gateway);
}

int
kernel_default_route_del(uint32_t table, int ifindex, const struct addr *gateway)
{
	return default_route_edit(RTM_DELROUTE, 0, table, ifindex, gateway);
}

int
kernel_enslave(int ifindex, int master)
{
	struct request q = request_of(RTM_NEWLINK, 0, sizeof(q.body.link));

	q.body.link = (struct ifinfomsg){ .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	request_attr(&q, IFLA_MASTER, &master, sizeof(master));
	return ask(&q);
}

const char *
kernel_remedy(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return "naved needs CAP_NET_ADMIN";
	case -ENODEV:
	case -ENXIO:
		return "the device is gone from this machine: make it again, then restart naved";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "the gateway must be in the network of an address of its port, "
		       "and the device up";
	case -EAFNOSUPPORT:
		return "only IPv4 is carried there: leave it out";
	default:
		return "see dmesg of this machine";
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "control/base/log.h"
#include "control/route/rib.h"

#define RECEIVE_BYTES (8 << 20) /* a routing daemon may pour 100 000 routes at once */
#define READ_BYTES    65536
#define READ_BUDGET   1024 /* datagrams a round, so that IKE and clients get their turn */

/** Asked for one after the other: the kernel takes one dump at a time. */
static const struct {
	uint16_t type;
	uint16_t body_bytes; /* the kernel is strict about it */
} dumps[] = {
	{ RTM_GETLINK, sizeof(struct ifinfomsg) },
	{ RTM_GETNEXTHOP, sizeof(struct nhmsg) }, /* refused before Linux 5.3: nothing there */
	{ RTM_GETROUTE, sizeof(struct rtmsg) },
	{ RTM_GETNEIGH, sizeof(struct ndmsg) },
};
#define DUMPS (sizeof(dumps) / sizeof(dumps[0]))

struct netlink {
	int fd;
	struct rib *rib;
	uint32_t seq, dump_seq;
	size_t dumping; /* index in dumps, DUMPS: none under way */
	bool again;     /* something was missed during the dump: another one after it */
};

/* ---- requests ------------------------------------------------------------------------- */

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

static void
attr_put(struct request *q, uint16_t type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)&q->h + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static struct request
request_of(uint16_t type, uint16_t flags, size_t body)
{
	struct request q = { .h = {
				     .nlmsg_len = (uint32_t)NLMSG_LENGTH(body),
				     .nlmsg_type = type,
				     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
			     } };

	return q;
}

static int
request_send(struct netlink *n, struct request *q)
{
	q->h.nlmsg_seq = ++n->seq;
	return send(n->fd, q, q->h.nlmsg_len, 0) < 0 ? -errno : 0;
}

static int
address_edit(struct netlink *n, uint16_t type, uint16_t flags, int ifindex, const struct prefix *p)
{
	struct request q = request_of(type, flags, sizeof(q.body.addr));

	q.body.addr = (struct ifaddrmsg){
		.ifa_family = AF_INET,
		.ifa_prefixlen = p->bits,
		.ifa_index = (unsigned)ifindex,
	};
	if (p->addr.family != ADDR_V4)
		return -EAFNOSUPPORT;
	attr_put(&q, IFA_LOCAL, p->addr.octet, 4);
	attr_put(&q, IFA_ADDRESS, p->addr.octet, 4);
	return request_send(n, &q);
}

int
netlink_address_add(struct netlink *n, int ifindex, const struct prefix *p)
{
	return address_edit(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, p);
}

int
netlink_address_del(struct netlink *n, int ifindex, const struct prefix *p)
{
	return address_edit(n, RTM_DELADDR, 0, ifindex, p);
}

static int
default_route_edit(struct netlink *n, uint16_t type, uint16_t flags, uint32_t table, int ifindex,
	const struct addr *gateway)
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
	attr_put(&q, RTA_GATEWAY, gateway->octet, 4);
	attr_put(&q, RTA_OIF, &ifindex, sizeof(ifindex));
	attr_put(&q, RTA_TABLE, &table, sizeof(table));
	return request_send(n, &q);
}

int
netlink_enslave(struct netlink *n, int ifindex, int master)
{
	struct request q = request_of(RTM_NEWLINK, 0, sizeof(q.body.link));

	q.body.link = (struct ifinfomsg){ .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	attr_put(&q, IFLA_MASTER, &master, sizeof(master));
	return request_send(n, &q);
}

int
netlink_default_route(struct netlink *n, uint32_t table, int ifindex, const struct addr *gateway)
{
	return default_route_edit(
		n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, table, ifindex, gateway);
}

int
netlink_default_route_del(
	struct netlink *n, uint32_t table, int ifindex, const struct addr *gateway)
{
	return default_route_edit(n, RTM_DELROUTE, 0, table, ifindex, gateway);
}

void
netlink_probe(struct netlink *n, int ifindex, const struct addr *a, bool keep)
{
	struct request q = request_of(RTM_NEWNEIGH, NLM_F_CREATE, sizeof(q.body.neigh));
	uint32_t managed = NTF_EXT_MANAGED;

	q.body.neigh = (struct ndmsg){
		.ndm_family = AF_INET,
		.ndm_ifindex = ifindex,
		.ndm_flags = NTF_USE,
	};
	if (a->family != ADDR_V4)
		return;
	attr_put(&q, NDA_DST, a->octet, 4);
	if (keep)
		attr_put(&q, NDA_FLAGS_EXT, &managed, sizeof(managed));
	request_send(n, &q);
}

/* ---- dump and follow -------------------------------------------------------------------- */

static void
resync(struct netlink *n)
{
	struct request q;

	if (n->dumping == DUMPS) {
		rib_resync_start(n->rib);
		n->dumping = 0;
	}
	q = request_of(dumps[n->dumping].type, NLM_F_DUMP, dumps[n->dumping].body_bytes);
	if (dumps[n->dumping].type == RTM_GETROUTE || dumps[n->dumping].type == RTM_GETNEIGH)
		q.body.route.rtm_family = AF_INET;
	request_send(n, &q);
	n->dump_seq = n->seq;
}

/** One dump is complete, or refused; the next, or the end of all. */
static void
dump_done(struct netlink *n)
{
	if (++n->dumping < DUMPS) {
		resync(n);
		return;
	}
	if (!n->again) {
		rib_resync_end(n->rib);
		return;
	}
	n->again = false;
	resync(n);
}

/** Everything anew, at once or after the dump that is under way. */
static void
doubt(struct netlink *n)
{
	if (n->dumping < DUMPS)
		n->again = true;
	else
		resync(n);
}

static const char *
request_name(uint16_t type)
{
	switch (type) {
	case RTM_NEWADDR:
		return "an address of a twin";
	case RTM_NEWROUTE:
		return "the default route through a port's gateway";
	case RTM_NEWLINK:
		return "to put a twin into its VRF";
	default:
		return "a request";
	}
}

static void
on_error(struct netlink *n, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->error == 0)
		return;
	if (n->dumping < DUMPS && h->nlmsg_seq == n->dump_seq)
		dump_done(n);
	else if (e->msg.nlmsg_type == RTM_NEWNEIGH)
		log_debug("kernel: a neighbour cannot be asked for: %s", strerror(-e->error));
	else if (e->msg.nlmsg_type != RTM_DELADDR)
		log_error("the kernel refuses %s: %s", request_name(e->msg.nlmsg_type),
			strerror(-e->error));
}

static void
take(struct netlink *n, const void *buf, size_t bytes)
{
	const struct nlmsghdr *h;
	size_t at = 0;

	while ((h = netlink_next(buf, bytes, &at)) != NULL) {
		n->again |= n->dumping < DUMPS && (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			on_error(n, h);
		else if (h->nlmsg_type == NLMSG_DONE && h->nlmsg_seq == n->dump_seq &&
			n->dumping < DUMPS)
			dump_done(n);
		else if (netlink_take(n->rib, h))
			doubt(n);
	}
}

void
netlink_read(struct netlink *n)
{
	static _Alignas(8) uint8_t buf[READ_BYTES];
	ssize_t got = 1;

	for (int i = 0; i < READ_BUDGET && got > 0; i++) {
		got = recv(n->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got > 0)
			take(n, buf, (size_t)got);
	}
	if (got < 0 && errno == ENOBUFS) {
		log_limited(LOG_WARNING, "netlink",
			"kernel routes came faster than they were taken: asking for all of them");
		doubt(n);
	}
}

static int
subscribe(int fd)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV4_IFADDR, RTNLGRP_NEXTHOP };
	int bytes = RECEIVE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			    sizeof(groups[i])) != 0 &&
			groups[i] != RTNLGRP_NEXTHOP)
			return -errno;
	return 0;
}

int
netlink_open(struct rib *rib, struct netlink **out)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	struct netlink *n = calloc(1, sizeof(*n));
	int err;

	if (n == NULL)
		return -ENOMEM;
	n->rib = rib;
	n->dumping = DUMPS;
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		err = -errno;
	else
		err = subscribe(n->fd);
	if (err != 0) {
		netlink_close(n);
		return err;
	}
	resync(n);
	*out = n;
	return 0;
}

void
netlink_close(struct netlink *n)
{
	if (n == NULL)
		return;
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

int
netlink_fd(const struct netlink *n)
{
	return n->fd;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "control/base/log.h"
#include "control/route/rib.h"

#define RECEIVE_BYTES (8 << 20) /* a routing daemon may pour 100 000 routes at once */
#define READ_BYTES    65536

#ifndef NTF_EXT_MANAGED
#define NTF_EXT_MANAGED (1 << 0)
#endif
#ifndef NDA_FLAGS_EXT
#define NDA_FLAGS_EXT 15
#endif

/** The tables are asked for one after the other: the kernel takes one dump at a time. */
static const uint16_t dumps[] = { RTM_GETADDR, RTM_GETNEIGH, RTM_GETROUTE };
#define DUMPS (sizeof(dumps) / sizeof(dumps[0]))

struct netlink {
	int fd;
	struct rib *rib;
	uint32_t seq;
	size_t dumping; /* index in dumps, DUMPS: none under way */
};

/* ---- parsing ------------------------------------------------------------------------- */

#define ATTRS 32

/** Attributes by type, bounded by len; unknown ones are left out. */
static void
attrs_of(const struct rtattr *a, int len, const struct rtattr *out[ATTRS])
{
	memset(out, 0, ATTRS * sizeof(out[0]));
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) < ATTRS)
			out[a->rta_type & NLA_TYPE_MASK] = a;
}

static struct addr
addr_of(const struct rtattr *a)
{
	struct addr out = { 0 };

	if (a != NULL)
		addr_from_bytes(&out, RTA_DATA(a), RTA_PAYLOAD(a));
	return out;
}

static uint32_t
u32_of(const struct rtattr *a)
{
	uint32_t v = 0;

	if (a != NULL && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

/** The first usable next hop of a multipath route. */
static void
multipath(const struct rtattr *a, struct rib_route_in *in)
{
	const struct rtattr *attrs[ATTRS];
	const struct rtnexthop *nh;

	if (a == NULL || RTA_PAYLOAD(a) < sizeof(*nh))
		return;
	nh = RTA_DATA(a);
	if (nh->rtnh_len < sizeof(*nh) || nh->rtnh_len > RTA_PAYLOAD(a))
		return;
	attrs_of(RTNH_DATA(nh), nh->rtnh_len - (int)sizeof(*nh), attrs);
	in->ifindex = nh->rtnh_ifindex;
	in->gateway = addr_of(attrs[RTA_GATEWAY]);
}

static void
on_route(struct rib *rib, const struct nlmsghdr *h)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *attrs[ATTRS];
	struct rib_route_in in = { 0 };
	uint32_t table;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->rtm_family != AF_INET ||
		m->rtm_flags & RTM_F_CLONED)
		return;
	attrs_of(RTM_RTA(m), (int)RTM_PAYLOAD(h), attrs);
	table = attrs[RTA_TABLE] != NULL ? u32_of(attrs[RTA_TABLE]) : m->rtm_table;
	if (table == RT_TABLE_LOCAL && m->rtm_type != RTN_LOCAL)
		return; /* broadcasts: the twin's kernel sees them as frames anyway */
	if ((table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) || m->rtm_dst_len > 32)
		return;
	if (m->rtm_type != RTN_UNICAST && m->rtm_type != RTN_LOCAL)
		return;
	in.prefix.addr = attrs[RTA_DST] != NULL ? addr_of(attrs[RTA_DST]) : addr_from_v4(0);
	in.prefix.bits = m->rtm_dst_len;
	in.gateway = addr_of(attrs[RTA_GATEWAY]);
	in.ifindex = (int)u32_of(attrs[RTA_OIF]);
	in.metric = u32_of(attrs[RTA_PRIORITY]);
	in.protocol = m->rtm_protocol;
	in.local = m->rtm_type == RTN_LOCAL;
	if (in.ifindex == 0)
		multipath(attrs[RTA_MULTIPATH], &in);
	if (in.prefix.addr.family == ADDR_V4)
		rib_route(rib, &in, h->nlmsg_type == RTM_NEWROUTE);
}

static void
on_neigh(struct rib *rib, const struct nlmsghdr *h)
{
	const struct ndmsg *m = NLMSG_DATA(h);
	const struct rtattr *attrs[ATTRS], *ll;
	struct addr a;
	bool usable;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->ndm_family != AF_INET)
		return;
	attrs_of((const struct rtattr *)(const void *)((const char *)m + NLMSG_ALIGN(sizeof(*m))),
		(int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m))), attrs);
	a = addr_of(attrs[NDA_DST]);
	ll = attrs[NDA_LLADDR];
	usable = h->nlmsg_type == RTM_NEWNEIGH && ll != NULL && RTA_PAYLOAD(ll) == 6 &&
		(m->ndm_state &
			(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)) != 0;
	if (a.family == ADDR_NONE)
		return;
	if (usable)
		rib_neigh(rib, m->ndm_ifindex, &a, RTA_DATA(ll));
	else if (h->nlmsg_type == RTM_DELNEIGH || m->ndm_state & NUD_FAILED)
		rib_neigh(rib, m->ndm_ifindex, &a, NULL);
}

static void
on_message(struct rib *rib, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route(rib, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neigh(rib, h);
		break;
	default:
		break;
	}
}

void
netlink_parse(struct rib *rib, const void *buf, size_t bytes)
{
	const struct nlmsghdr *h = buf;
	uint32_t left = (uint32_t)bytes;

	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		on_message(rib, h);
}

/* ---- requests ------------------------------------------------------------------------- */

struct request {
	struct nlmsghdr h;
	union {
		struct rtmsg route;
		struct ndmsg neigh;
		struct ifaddrmsg addr;
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
default_route_edit(
	struct netlink *n, uint16_t type, uint16_t flags, int ifindex, const struct addr *gateway)
{
	struct request q = request_of(type, flags, sizeof(q.body.route));

	q.body.route = (struct rtmsg){
		.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	if (gateway->family != ADDR_V4)
		return -EAFNOSUPPORT;
	attr_put(&q, RTA_GATEWAY, gateway->octet, 4);
	attr_put(&q, RTA_OIF, &ifindex, sizeof(ifindex));
	return request_send(n, &q);
}

int
netlink_default_route(struct netlink *n, int ifindex, const struct addr *gateway)
{
	return default_route_edit(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, ifindex, gateway);
}

int
netlink_default_route_del(struct netlink *n, int ifindex, const struct addr *gateway)
{
	return default_route_edit(n, RTM_DELROUTE, 0, ifindex, gateway);
}

void
netlink_probe(struct netlink *n, int ifindex, const struct addr *a)
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
	attr_put(&q, NDA_FLAGS_EXT, &managed, sizeof(managed));
	request_send(n, &q);
}

/* ---- dump and follow -------------------------------------------------------------------- */

static void
dump_next(struct netlink *n)
{
	struct request q;

	if (n->dumping == DUMPS) {
		rib_resync_end(n->rib);
		return;
	}
	q = request_of(dumps[n->dumping], NLM_F_DUMP, sizeof(q.body.route));
	q.body.route.rtm_family = AF_INET;
	request_send(n, &q);
}

static void
resync(struct netlink *n)
{
	rib_resync_start(n->rib);
	n->dumping = 0;
	dump_next(n);
}

static void
take(struct netlink *n, const void *buf, size_t bytes)
{
	const struct nlmsghdr *h = buf;
	uint32_t left = (uint32_t)bytes;

	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE && n->dumping < DUMPS) {
			n->dumping++;
			dump_next(n);
		} else {
			on_message(n->rib, h);
		}
	}
}

void
netlink_read(struct netlink *n)
{
	static _Alignas(8) uint8_t buf[READ_BYTES];
	ssize_t got;

	while ((got = recv(n->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		take(n, buf, (size_t)got);
	if (got < 0 && errno == ENOBUFS) {
		log_warning(
			"kernel routes came faster than they were taken: asking for all of them");
		resync(n);
	}
	rib_settle(n->rib);
}

int
netlink_open(struct rib *rib, struct netlink **out)
{
	struct sockaddr_nl sa = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_IFADDR,
	};
	struct netlink *n = calloc(1, sizeof(*n));
	int bytes = RECEIVE_BYTES, err;

	if (n == NULL)
		return -ENOMEM;
	n->rib = rib;
	n->dumping = DUMPS;
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		err = -errno;
		netlink_close(n);
		return err;
	}
	if (setsockopt(n->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(n->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
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

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
	{ RTM_GETNEIGH, sizeof(struct ndmsg) },   /* before routes use them: which are static? */
	{ RTM_GETROUTE, sizeof(struct rtmsg) },
};
#define DUMPS     (sizeof(dumps) / sizeof(dumps[0]))
#define TRIES_MAX 3 /* of all dumps, while the kernel does not bring one to its end */

/*
 * A dump is asked for only when all that waited has been read: a socket that overran drops
 * what is told until then, and what was told before must not pass for what the dump tells.
 */
struct netlink {
	int fd;
	struct rib *rib;
	uint32_t seq, dump_seq;
	size_t dumping; /* index in dumps, DUMPS: none under way */
	bool asked;     /* for it */
	bool doubt;     /* something was or may have been missed: everything anew */
	bool failed;    /* one of these dumps was not whole */
	unsigned tries;
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
dump_ask(struct netlink *n)
{
	struct request q =
		request_of(dumps[n->dumping].type, NLM_F_DUMP, dumps[n->dumping].body_bytes);
	int err;

	if (dumps[n->dumping].type == RTM_GETROUTE || dumps[n->dumping].type == RTM_GETNEIGH)
		q.body.route.rtm_family = AF_INET;
	err = request_send(n, &q);
	if (err != 0)
		log_limited(LOG_ERR, "netlink", "cannot ask the kernel for its routes: %s",
			strerror(-err));
	n->asked = err == 0; /* else with what comes next */
	n->dump_seq = n->seq;
}

/** All that was there has been read. */
static void
drained(struct netlink *n)
{
	if (n->dumping == DUMPS && n->doubt) {
		n->doubt = n->failed = false;
		n->dumping = 0;
		rib_resync_start(n->rib);
	}
	if (n->dumping < DUMPS && !n->asked)
		dump_ask(n);
}

/** What no dump told goes, if they told all there is. */
static void
dumps_end(struct netlink *n)
{
	if (!n->failed) {
		n->tries = 0;
		if (!n->doubt)
			rib_resync_end(n->rib);
	} else if (++n->tries < TRIES_MAX) {
		n->doubt = true;
	} else {
		n->tries = 0;
		log_limited(LOG_ERR, "netlink",
			"the kernel does not tell all its routes: those that went may stay here");
	}
}

/** One dump is over, with this errno (negative) or 0. */
static void
dump_done(struct netlink *n, int err)
{
	n->failed |= err != 0;
	n->asked = false;
	if (++n->dumping == DUMPS)
		dumps_end(n);
}

static bool
is_of_dump(const struct netlink *n, const struct nlmsghdr *h)
{
	return n->asked && h->nlmsg_seq == n->dump_seq;
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

/** The errno (negative) an error message or the end of a dump carries; 0: none. */
static int
errno_of(const struct nlmsghdr *h)
{
	int err = 0;

	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(err)))
		memcpy(&err, NLMSG_DATA(h), sizeof(err));
	return err;
}

static void
on_error(struct netlink *n, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	int err = errno_of(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || err == 0)
		return;
	if (is_of_dump(n, h)) /* not supported: there is nothing of that kind */
		dump_done(n, err == -EOPNOTSUPP ? 0 : err);
	else if (e->msg.nlmsg_type == RTM_NEWNEIGH)
		log_debug("kernel: a neighbour cannot be asked for: %s", strerror(-err));
	else if (e->msg.nlmsg_type != RTM_DELADDR)
		log_error("the kernel refuses %s: %s", request_name(e->msg.nlmsg_type),
			strerror(-err));
}

static void
on_message(struct netlink *n, const struct nlmsghdr *h)
{
	n->doubt |= is_of_dump(n, h) && (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_ERROR)
		on_error(n, h);
	else if (h->nlmsg_type == NLMSG_DONE && is_of_dump(n, h))
		dump_done(n, errno_of(h));
	else if (netlink_take(n->rib, h))
		n->doubt = true;
}

/** One datagram, of which READ_BYTES are in buf when there were more. */
static void
take(struct netlink *n, const void *buf, size_t bytes)
{
	size_t have = bytes < READ_BYTES ? bytes : READ_BYTES, at = 0;
	const struct nlmsghdr *h;

	while ((h = netlink_next(buf, have, &at)) != NULL)
		on_message(n, h);
	if (at >= bytes)
		return;
	log_limited(LOG_WARNING, "netlink", "a message of the kernel came cut short");
	if (n->dumping < DUMPS)
		n->failed = true;
	else
		n->doubt = true;
}

void
netlink_read(struct netlink *n)
{
	static _Alignas(8) uint8_t buf[READ_BYTES];

	for (int i = 0; i < READ_BUDGET; i++) {
		ssize_t got = recv(n->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

		if (got > 0) {
			take(n, buf, (size_t)got);
		} else if (got < 0 && errno == ENOBUFS) {
			log_limited(LOG_WARNING, "netlink",
				"kernel routes came faster than they were taken: asking for all "
				"of them");
			n->doubt = true;
		} else {
			drained(n);
			return;
		}
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
	n->doubt = true;
	drained(n);
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "control/base/log.h"
#include "control/base/timer.h"
#include "control/route/request.h"
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
#define TRIES_MAX 3     /* of all dumps, while the kernel does not bring one to its end */
#define PAUSE_MS  10000 /* then, and when it does not even take the question */

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
	bool pausing;       /* the kernel gets time before it is asked again */
	uint64_t resume_ms; /* TIMER_NEVER: not set yet */
};

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
	request_attr(&q, NDA_DST, a->octet, 4);
	if (keep)
		request_attr(&q, NDA_FLAGS_EXT, &managed, sizeof(managed));
	request_send(n->fd, &q, ++n->seq);
}

/* ---- dump and follow -------------------------------------------------------------------- */

static void
pause_start(struct netlink *n)
{
	n->pausing = true;
	n->resume_ms = TIMER_NEVER; /* netlink_tick() has the clock */
}

static void
dump_ask(struct netlink *n)
{
	struct request q =
		request_of(dumps[n->dumping].type, NLM_F_DUMP, dumps[n->dumping].body_bytes);
	int err;

	if (dumps[n->dumping].type == RTM_GETROUTE || dumps[n->dumping].type == RTM_GETNEIGH)
		q.body.route.rtm_family = AF_INET;
	n->dump_seq = ++n->seq;
	err = request_send(n->fd, &q, n->dump_seq);
	n->asked = err == 0;
	if (n->asked)
		return;
	log_limited(LOG_ERR, "netlink",
		"cannot ask the kernel for its routes: %s; asking again in %d s", strerror(-err),
		PAUSE_MS / 1000);
	pause_start(n); /* or with what comes next */
}

/** All that was there has been read. */
static void
drained(struct netlink *n)
{
	if (n->dumping == DUMPS && n->doubt) {
		n->doubt = n->failed = n->pausing = false;
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
			"the kernel does not tell all its routes: those that went may stay here; "
			"asking again in %d s",
			PAUSE_MS / 1000);
		pause_start(n);
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

static void
on_error(struct netlink *n, const struct nlmsghdr *h)
{
	int err = request_errno(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || err == 0)
		return;
	if (is_of_dump(n, h)) /* not supported: there is nothing of that kind */
		dump_done(n, err == -EOPNOTSUPP ? 0 : err);
	else
		log_debug("kernel: a neighbour cannot be asked for: %s", strerror(-err));
}

static void
on_message(struct netlink *n, const struct nlmsghdr *h)
{
	n->doubt |= is_of_dump(n, h) && (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_ERROR)
		on_error(n, h);
	else if (h->nlmsg_type == NLMSG_DONE && is_of_dump(n, h))
		dump_done(n, request_errno(h));
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

uint64_t
netlink_next_ms(const struct netlink *n)
{
	if (!n->pausing)
		return TIMER_NEVER;
	return n->resume_ms == TIMER_NEVER ? 0 : n->resume_ms;
}

void
netlink_tick(struct netlink *n, uint64_t now_ms)
{
	if (!n->pausing)
		return;
	if (n->resume_ms == TIMER_NEVER)
		n->resume_ms = now_ms + PAUSE_MS;
	if (now_ms < n->resume_ms)
		return;
	n->pausing = false;
	n->doubt |= n->dumping == DUMPS;
	drained(n);
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

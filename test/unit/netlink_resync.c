/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The socket of netlink.c: the dumps one after the other, what is missed and asked for
 * anew. First against a kernel that the test plays, then against the real one in a
 * network namespace of its own, whose messages come faster than the buffer takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "control/route/netlink.h"
#include "test/lib/check.h"
#include "test/lib/rib_rig.h"

#define WAY(dst, want) CHECK_STR(rig_way(g, 0, dst), want)

static struct rib_rig *g;
static struct netlink *n;
static int kernel;   /* the played one's end */
static uint32_t seq; /* of the last request */

/* ---- a played kernel ----------------------------------------------------------------- */

/** The socket becomes one of the test's. */
static void
plug(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0 ||
		dup2(pair[0], netlink_fd(n)) < 0)
		abort();
	close(pair[0]);
	kernel = pair[1];
}

/** Ports as usual. */
static void
start(void)
{
	g = rib_rig_new();
	if (netlink_open(g->rib, &n) != 0)
		abort();
	plug();
	seq = 1; /* the first request went to the real kernel */
}

static void
stop(void)
{
	CHECK(g->dp->misuse == NULL);
	netlink_close(n);
	close(kernel);
	rib_rig_free(g);
}

/** The type of the one request that waits, which is for a dump; 0: none waits. */
static int
asked(void)
{
	struct {
		struct nlmsghdr h;
		uint8_t rest[256];
	} q;

	if (recv(kernel, &q, sizeof(q), 0) < (ssize_t)sizeof(q.h))
		return 0;
	CHECK_EQ(q.h.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	seq = q.h.nlmsg_seq;
	return q.h.nlmsg_type;
}

static struct {
	uint8_t octet[70000];
	size_t n;
} out;

static void *
message(uint16_t type, uint16_t flags, size_t body)
{
	struct nlmsghdr *h = (void *)(out.octet + out.n);

	memset(h, 0, NLMSG_SPACE(body));
	*h = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(body),
		.nlmsg_type = type,
		.nlmsg_flags = flags,
		.nlmsg_seq = seq,
	};
	out.n += NLMSG_SPACE(body);
	return NLMSG_DATA(h);
}

static void
tell(void)
{
	CHECK_EQ(send(kernel, out.octet, out.n, 0), out.n);
	out.n = 0;
}

/** The end of a dump, with an errno (negative) or 0. */
static void
end(int err)
{
	int *at = message(NLMSG_DONE, NLM_F_MULTI, sizeof(err));

	*at = err;
	tell();
	netlink_read(n);
}

static void
refuse(int err)
{
	struct nlmsgerr *e = message(NLMSG_ERROR, 0, sizeof(*e));

	e->error = err;
	tell();
	netlink_read(n);
}

/** 10.N.0.0/16 on lan port 2. */
struct route_message {
	struct rtmsg m;
	struct rtattr dst_attr;
	uint8_t dst[4];
	struct rtattr oif_attr;
	int oif;
};

static struct route_message
route_of(uint8_t net, int ifindex)
{
	return (struct route_message){
		.m = { .rtm_family = AF_INET,
			.rtm_dst_len = 16,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_STATIC,
			.rtm_scope = RT_SCOPE_LINK,
			.rtm_type = RTN_UNICAST },
		.dst_attr = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_DST },
		.dst = { 10, net },
		.oif_attr = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_OIF },
		.oif = ifindex,
	};
}

static void
route(uint16_t type, uint16_t flags, uint8_t net)
{
	struct route_message *r = message(type, flags, sizeof(*r));

	*r = route_of(net, 2);
}

static void
neighbour(uint8_t host)
{
	struct {
		struct ndmsg m;
		struct rtattr dst_attr;
		uint8_t dst[4];
		struct rtattr mac_attr;
		uint8_t mac[6], pad[2];
	} *e = message(RTM_NEWNEIGH, NLM_F_MULTI, sizeof(*e));

	e->m = (struct ndmsg){
		.ndm_family = AF_INET, .ndm_ifindex = 2, .ndm_state = NUD_REACHABLE
	};
	e->dst_attr = (struct rtattr){ .rta_len = RTA_LENGTH(4), .rta_type = NDA_DST };
	memcpy(e->dst, (uint8_t[]){ 172, 16, 0, host }, 4);
	e->mac_attr = (struct rtattr){ .rta_len = RTA_LENGTH(6), .rta_type = NDA_LLADDR };
	memcpy(e->mac, (uint8_t[]){ 2, 0, 0, 0, 0, host }, 6);
}

/** Dumps with one route in it. */
static void
dump_all(uint8_t net)
{
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	route(RTM_NEWROUTE, NLM_F_MULTI, net);
	end(0);
}

/** Something that makes doubtful what is known. */
static void
link_gone(void)
{
	uint32_t was = seq;

	seq = 0;
	message(RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	seq = was;
	tell();
}

static void
dumps_come_one_after_the_other(void)
{
	start();
	dump_all(1);
	CHECK_EQ(asked(), 0);
	WAY("10.1.0.1", "glean 2");
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	CHECK_EQ(asked(), 0);
	dump_all(2);
	CHECK_EQ(asked(), 0);
	WAY("10.1.0.1", "drop");
	WAY("10.2.0.1", "glean 2");
	stop();
}

/** Told before the dump, and gone without a word: it must not pass for told by the dump. */
static void
asked_when_all_is_read(void)
{
	start();
	dump_all(1);
	link_gone();
	route(RTM_NEWROUTE, NLM_F_CREATE, 3);
	tell();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	WAY("10.3.0.1", "glean 2");
	dump_all(1);
	WAY("10.3.0.1", "drop");
	WAY("10.1.0.1", "glean 2");
	stop();
}

static void
doubt_in_a_dump_makes_another(void)
{
	start();
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	link_gone();
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	route(RTM_NEWROUTE, NLM_F_MULTI, 1);
	end(0);
	CHECK_EQ(asked(), RTM_GETLINK);
	dump_all(2);
	CHECK_EQ(asked(), 0);
	WAY("10.1.0.1", "drop");
	stop();
}

/** The kernel changed its tables in the middle of telling them. */
static void
interrupted_dump_is_asked_again(void)
{
	start();
	dump_all(1);
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	route(RTM_NEWROUTE, NLM_F_MULTI | NLM_F_DUMP_INTR, 2); /* 10.1 was skipped */
	end(0);
	CHECK_EQ(asked(), RTM_GETLINK);
	WAY("10.1.0.1", "glean 2");
	dump_all(1);
	WAY("10.1.0.1", "glean 2");
	WAY("10.2.0.1", "drop");
	stop();
}

/** Before Linux 5.3 there are no nexthop objects to tell of. */
static void
unsupported_dump_is_empty(void)
{
	start();
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	refuse(-EOPNOTSUPP);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	end(0);
	CHECK_EQ(asked(), 0);
	stop();
}

/** One round of dumps whose routes end badly. */
static void
dump_badly(void (*badly)(int err), int err)
{
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	badly(err);
}

/** One after the other, until netlink.c gives up for now. */
static void
dumps_badly(void (*badly)(int err), int err)
{
	for (int t = 1; t <= 3; t++) {
		dump_badly(badly, err);
		CHECK_EQ(asked(), t < 3 ? RTM_GETLINK : 0);
	}
}

/** Cut short within the header, within the message, and by a buffer too small for it. */
static void
cut(int how)
{
	route(RTM_NEWROUTE, NLM_F_MULTI, 2);
	if (how == 0)
		message(RTM_NEWROUTE, NLM_F_MULTI, 0);
	else
		route(RTM_NEWROUTE, NLM_F_MULTI, 3);
	out.n -= 4;
	if (how == 2) {
		memset(out.octet + out.n, 0, sizeof(out.octet) - out.n);
		((struct nlmsghdr *)(void *)(out.octet + NLMSG_SPACE(sizeof(struct route_message))))
			->nlmsg_len = (uint32_t)(sizeof(out.octet) - out.n);
		out.n = sizeof(out.octet);
	}
	tell();
	end(0);
}

/** What was not told to its end takes nothing away; tried anew, but not for ever. */
static void
failed_dumps_take_nothing_away(void)
{
	static const struct {
		void (*badly)(int err);
		int err;
	} rows[] = { { refuse, -EBUSY }, { refuse, -ENOBUFS }, { end, -ENOMEM }, { cut, 0 },
		{ cut, 1 }, { cut, 2 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start();
		dump_all(1);
		link_gone();
		netlink_read(n);
		CHECK_EQ(asked(), RTM_GETLINK);
		dumps_badly(rows[i].badly, rows[i].err);
		WAY("10.1.0.1", "glean 2");
		WAY("10.2.0.1", rows[i].badly == cut ? "glean 2" : "drop"); /* was whole */
		WAY("10.3.0.1", "drop");
		link_gone();
		netlink_read(n);
		CHECK_EQ(asked(), RTM_GETLINK);
		dump_all(2);
		WAY("10.1.0.1", "drop");
		stop();
		if (check_bad)
			printf("# row %zu\n", i);
	}
}

/** A kernel that does not bring a dump to its end gets time, and is asked again. */
static void
failed_dumps_are_asked_for_later(void)
{
	start();
	dump_all(1);
	netlink_tick(n, 1000);
	CHECK_EQ(netlink_next_ms(n), UINT64_MAX);
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	dumps_badly(refuse, -ENOBUFS);
	CHECK_EQ(netlink_next_ms(n), 0); /* it has no clock yet */
	netlink_tick(n, 1000);
	CHECK_EQ(netlink_next_ms(n), 11000);
	netlink_tick(n, 10999);
	CHECK_EQ(asked(), 0);
	netlink_tick(n, 11000);
	CHECK_EQ(asked(), RTM_GETLINK);
	CHECK_EQ(netlink_next_ms(n), UINT64_MAX);
	dumps_badly(refuse, -ENOBUFS); /* and again, for as long as it takes */
	netlink_tick(n, 20000);
	netlink_tick(n, 30000);
	CHECK_EQ(asked(), RTM_GETLINK);
	dump_all(2);
	WAY("10.1.0.1", "drop");
	netlink_tick(n, 90000);
	CHECK_EQ(asked(), 0);
	link_gone(); /* what comes by itself ends the pause */
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	dumps_badly(refuse, -ENOBUFS);
	netlink_tick(n, 100000);
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	CHECK_EQ(netlink_next_ms(n), UINT64_MAX);
	dump_all(1);
	stop();
}

/** A question that cannot even be sent is put again. */
static void
unsent_questions_are_put_later(void)
{
	start();
	dump_all(1);
	signal(SIGPIPE, SIG_IGN); /* of this played kernel only */
	shutdown(netlink_fd(n), SHUT_WR);
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), 0);
	netlink_tick(n, 1000);
	CHECK_EQ(netlink_next_ms(n), 11000);
	close(kernel);
	plug();
	netlink_tick(n, 11000);
	CHECK_EQ(asked(), RTM_GETLINK);
	dump_all(2);
	WAY("10.1.0.1", "drop");
	stop();
}

static void
message_cut_short_makes_doubt(void)
{
	start();
	dump_all(1);
	route(RTM_DELROUTE, 0, 1);
	out.n -= 4;
	tell();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	stop();
}

static void
neighbours_that_are_gone_go_too(void)
{
	start();
	end(0);
	asked();
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	neighbour(8);
	neighbour(9);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.1.0.0/16 via 172.16.0.9 dev 2");
	end(0);
	WAY("172.16.0.8", "eth 2 02:00:00:00:00:08");
	WAY("10.1.0.1", "eth 2 02:00:00:00:00:09");
	link_gone();
	netlink_read(n);
	CHECK_EQ(asked(), RTM_GETLINK);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEXTHOP);
	end(0);
	CHECK_EQ(asked(), RTM_GETNEIGH);
	neighbour(8);
	end(0);
	CHECK_EQ(asked(), RTM_GETROUTE);
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.1.0.0/16 via 172.16.0.9 dev 2");
	end(0);
	WAY("172.16.0.8", "eth 2 02:00:00:00:00:08");
	WAY("10.1.0.1", "glean 2 172.16.0.9");
	stop();
}

/* ---- the real kernel ----------------------------------------------------------------- */

#define NETS 200 /* 10.0.0.0/16 to 10.199.0.0/16, on lo */

static int editor; /* a socket that changes the kernel's routes */
static bool there[NETS];

/** lo is all a new namespace has, and enough. */
static bool
namespace_enter(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(s, SIOCSIFFLAGS, &lo) != 0)
		abort();
	close(s);
	editor = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	return editor >= 0;
}

static void
toggle(uint8_t net)
{
	struct {
		struct nlmsghdr h;
		struct route_message r;
	} q = {
		.h = { .nlmsg_len = sizeof(q),
			.nlmsg_type = there[net] ? RTM_DELROUTE : RTM_NEWROUTE,
			.nlmsg_flags = NLM_F_REQUEST | (there[net] ? 0 : NLM_F_CREATE) },
		.r = route_of(net, 1),
	};

	if (send(editor, &q, sizeof(q), 0) != sizeof(q))
		abort();
	there[net] = !there[net];
}

/** Messages the kernel had to drop so far. */
static uint32_t
dropped(void)
{
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(mem);

	CHECK_EQ(getsockopt(netlink_fd(n), SOL_SOCKET, SO_MEMINFO, mem, &size), 0);
	return mem[SK_MEMINFO_DROPS];
}

/** Until the kernel has no more to say: all it has to say to us is there when it returns. */
static void
read_all(void)
{
	struct pollfd fd = { .fd = netlink_fd(n), .events = POLLIN };

	while (poll(&fd, 1, 0) > 0)
		netlink_read(n);
}

static unsigned
differences(void)
{
	unsigned bad = 0;
	char dst[32];

	for (unsigned net = 0; net < NETS; net++) {
		snprintf(dst, sizeof(dst), "10.%u.0.1", net);
		bad += strcmp(rig_way(g, 0, dst), there[net] ? "glean 1" : "drop") != 0;
	}
	return bad;
}

/**
 * Each round overruns the socket at another point of what netlink.c does: before, between
 * and in the dumps. What it knows at the end is what the kernel has.
 */
static void
overruns_lose_nothing(void)
{
	int bytes = 1; /* the least there is: a few messages */
	unsigned overruns = 0, rounds = 300;
	uint32_t x = 1;

	g = rib_rig_bare();
	rib_port_add(g->rib, 1, 0, 1);
	if (netlink_open(g->rib, &n) != 0)
		abort();
	read_all();
	if (setsockopt(netlink_fd(n), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) != 0)
		abort();
	for (unsigned round = 0; round < rounds; round++) {
		uint32_t before = dropped();

		for (unsigned i = 0; i < 1 + round % 60; i++) {
			x = x * 1664525 + 1013904223;
			toggle((uint8_t)((x >> 8) % NETS));
		}
		overruns += dropped() != before;
		if (round % 5 != 0)
			netlink_read(n);
		if (round % 7 != 0)
			continue;
		read_all();
		CHECK_EQ(differences(), 0);
	}
	read_all();
	CHECK_EQ(differences(), 0);
	CHECK(overruns > rounds / 4);
	CHECK(g->dp->misuse == NULL);
	printf("# %u rounds with an overrun, %u messages dropped\n", overruns, dropped());
	netlink_close(n);
	rib_rig_free(g);
}

int
main(void)
{
	TEST(dumps_come_one_after_the_other);
	TEST(asked_when_all_is_read);
	TEST(doubt_in_a_dump_makes_another);
	TEST(interrupted_dump_is_asked_again);
	TEST(unsupported_dump_is_empty);
	TEST(failed_dumps_take_nothing_away);
	TEST(failed_dumps_are_asked_for_later);
	TEST(unsent_questions_are_put_later);
	TEST(message_cut_short_makes_doubt);
	TEST(neighbours_that_are_gone_go_too);
	if (namespace_enter())
		TEST(overruns_lose_nothing);
	else
		printf("ok %d - overruns_lose_nothing # SKIP no network namespace: %s\n",
			++check_count, strerror(errno));
	return check_done();
}

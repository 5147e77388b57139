/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Messages of a kernel (6.18), recorded while the commands beside each were run, into a
 * rib: wan0 is ifindex 10 and port 1, lan0 11 and port 2, dmvpn 12 and cloud 1; tables
 * 100 and 100000 are contexts 1 and 2. The fuzzer starts from the same files.
 */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "control/route/netlink.h"
#include "test/lib/check.h"
#include "test/lib/rib_rig.h"

#define WAY(ctx, dst, want) CHECK_STR(rig_way(g, ctx, dst), want)

static struct rib_rig *
host(void)
{
	struct rib_rig *g = rib_rig_bare();

	rib_context_set(g->rib, 1, 100);
	rib_context_set(g->rib, 2, 100000);
	rib_port_add(g->rib, 1, 0, 10);
	rib_port_add(g->rib, 2, 0, 11);
	rib_cloud_add(g->rib, 1, 0, 12);
	return g;
}

/** A recorded stream, in memory of just its size. */
static uint8_t *
recorded(const char *name, size_t *bytes)
{
	char path[512];
	uint8_t *buf;
	FILE *f;

	snprintf(path, sizeof(path), "%s/fuzz/netlink/%s", TEST_VECTORS, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		printf("# cannot read %s\n", path);
		abort();
	}
	fseek(f, 0, SEEK_END);
	*bytes = (size_t)ftell(f);
	rewind(f);
	buf = malloc(*bytes);
	if (fread(buf, 1, *bytes, f) != *bytes)
		abort();
	fclose(f);
	return buf;
}

static bool
play(struct rib_rig *g, const char *name)
{
	size_t bytes;
	uint8_t *buf = recorded(name, &bytes);
	bool doubt = netlink_parse(g->rib, buf, bytes);

	free(buf);
	return doubt;
}

static void
done(struct rib_rig *g)
{
	CHECK(g->dp->misuse == NULL);
	rib_rig_free(g);
}

static void
routes_of_commands(void)
{
	struct rib_rig *g = host();

	/* ip addr add 192.0.2.1/24 dev wan0; 172.16.0.1/24 dev lan0; 10.0.0.1/24 dev dmvpn */
	CHECK(!play(g, "addresses"));
	WAY(0, "192.0.2.1", "local");
	WAY(0, "192.0.2.9", "glean 1");
	WAY(0, "172.16.0.9", "glean 2");
	WAY(0, "10.0.0.9", "tunnel 1");
	WAY(0, "192.0.2.255", "glean 1"); /* a broadcast is no route */
	CHECK(fake_dp_local(g->dp, 1, "192.0.2.1"));
	/* ip route add default via 192.0.2.254; 10.9.0.0/16 via 10.0.0.12 dev dmvpn;
	 * 10.8.0.0/16 nexthop via 172.16.0.2 nexthop via 10.0.0.13 dev dmvpn */
	CHECK(!play(g, "routes"));
	WAY(0, "8.8.8.8", "glean 1 192.0.2.254");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.8.0.1", "glean 2 172.16.0.2");
	rib_link(g->rib, 11, false);
	WAY(0, "10.8.0.1", "tunnel 1 10.0.0.13");
	rib_link(g->rib, 11, true);
	/* ip route replace 10.9.0.0/16 via 172.16.0.2; 10.8.0.0/16 via 172.16.0.3 */
	CHECK(!play(g, "replace"));
	WAY(0, "10.9.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.8.0.1", "glean 2 172.16.0.3");
	/* ip route add blackhole 10.0.0.0/8; unreachable 10.64.0.0/10 metric 7; throw 10.65.0.0/16
	 */
	CHECK(!play(g, "blackhole"));
	WAY(0, "10.1.0.1", "drop");
	CHECK_STR(rig_lookup(g, 0, "10.65.0.1"), "none");
	/* ip route add default via 192.0.2.254 table 100; 10.77.0.0/16 via 172.16.0.2 table 100000
	 */
	CHECK(!play(g, "tables"));
	WAY(1, "8.8.8.8", "glean 1 192.0.2.254");
	WAY(2, "10.77.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.77.0.1", "drop");
	done(g);
}

static void
nexthop_objects_of_commands(void)
{
	struct rib_rig *g = host();

	/* ip nexthop add id 5 via 172.16.0.2 dev lan0; 6 via 10.0.0.14 dev dmvpn; 7 group 5/6;
	 * 8 blackhole */
	CHECK(!play(g, "nexthops"));
	/* ip route add 10.7.0.0/16 nhid 7; 10.6.0.0/16 nhid 8: the kernel spells them out */
	CHECK(!play(g, "nexthop-routes"));
	WAY(0, "10.7.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.6.0.1", "drop");
	/* with net.ipv4.nexthop_compat_mode=0: ip route add 10.5.0.0/16 nhid 7;
	 * ip nexthop replace id 5 via 172.16.0.4 dev lan0 */
	CHECK(!play(g, "nexthop-compat-off"));
	WAY(0, "10.5.0.1", "glean 2 172.16.0.4");
	done(g);
}

/** Next hops that the kernel takes on trust, of routes and of objects. */
static void
onlink_of_commands(void)
{
	struct rib_rig *g = host();

	/* ip route add 10.1.1.0/24 via 10.0.0.12 dev dmvpn;
	 * 10.9.0.0/16 via 10.1.1.1 dev dmvpn onlink; 10.8.0.0/16 nexthop via 10.2.2.2 dev dmvpn
	 * onlink nexthop via 10.1.1.2 dev dmvpn onlink;
	 * ip nexthop add id 9 via 10.1.1.3 dev dmvpn onlink; ip route add 10.7.0.0/16 nhid 9;
	 * with net.ipv4.nexthop_compat_mode=0: 10.6.0.0/16 nhid 9 */
	CHECK(!play(g, "onlink"));
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.8.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.7.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.6.0.1", "tunnel 1 10.0.0.12");
	done(g);
}

/** A gateway of the other family is nothing the workers could use. */
static void
ipv6_gateways_lead_nowhere(void)
{
	struct rib_rig *g = host();

	play(g, "addresses");
	rig_add(g, "10.0.0.0/8 via 172.16.0.7 dev 11");
	play(g, "via-ipv6"); /* ip route add 10.4.0.0/16 via inet6 fe80::9 dev lan0 */
	WAY(0, "10.4.0.1", "glean 2 172.16.0.7");
	done(g);
}

static void
neighbours_of_commands(void)
{
	struct rib_rig *g = host();

	play(g, "addresses");
	/* ip neigh: 172.16.0.2 reachable, then stale; 172.16.0.3 permanent, then deleted */
	CHECK(!play(g, "neighbours"));
	WAY(0, "172.16.0.2", "eth 2 02:00:00:00:00:02");
	WAY(0, "172.16.0.3", "glean 2");
	CHECK(g->probes > 0); /* the stale one was asked for again */
	/* ip neigh add 172.16.0.5 dev lan0 managed; 172.16.0.66 use: nobody answers */
	play(g, "managed");
	WAY(0, "172.16.0.5", "glean 2");
	done(g);
}

static void
a_dump_tells_all(void)
{
	struct rib_rig *g = host();

	play(g, "dump-links");
	play(g, "dump-nexthops");
	play(g, "dump-routes");
	play(g, "dump-neighbours");
	WAY(0, "192.0.2.1", "local");
	WAY(0, "10.9.0.1", "eth 2 02:00:00:00:00:02");
	WAY(0, "10.5.0.1", "glean 2 172.16.0.4");
	WAY(1, "8.8.8.8", "glean 1 192.0.2.254");
	rib_resync_start(g->rib);
	unsigned sets = g->dp->fib_sets;
	play(g, "dump-links");
	play(g, "dump-nexthops");
	play(g, "dump-routes");
	play(g, "dump-neighbours");
	rib_resync_end(g->rib);
	rib_settle(g->rib);
	CHECK_EQ(g->dp->fib_sets, sets);
	CHECK_EQ(g->dp->fib_dels, 0);
	WAY(0, "10.9.0.1", "eth 2 02:00:00:00:00:02");
	done(g);
}

/** IPv4 routes of a device that goes down vanish without a message: time for a dump. */
static void
silent_losses_are_noticed(void)
{
	struct rib_rig *g = host();

	play(g, "addresses");
	CHECK(play(g, "link-down"));    /* ip link set lan0 down */
	CHECK(play(g, "address-gone")); /* ip addr del 192.0.2.1/24 dev wan0 */
	WAY(0, "192.0.2.1", "drop");
	CHECK(!fake_dp_local(g->dp, 1, "192.0.2.1"));
	CHECK(play(g, "device-gone")); /* ip link del lan0 */
	done(g);
}

/** Cut at every length, in memory of just that size: the sanitizers watch. */
static void
short_streams(void)
{
	static const char *const names[] = { "routes", "nexthops", "neighbours", "address-gone",
		"nexthop-compat-off", "via-ipv6", "dump-routes" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rib_rig *g = host();
		size_t bytes;
		uint8_t *buf = recorded(names[i], &bytes);

		for (size_t n = 0; n <= bytes; n++) {
			uint8_t *cut = malloc(n + 1);
			struct nlmsghdr h;

			memcpy(cut, buf, n);
			netlink_parse(g->rib, cut, n);
			if (n >= sizeof(h)) { /* a length that agrees with the cut */
				memcpy(&h, cut, sizeof(h));
				h.nlmsg_len = (uint32_t)n;
				memcpy(cut, &h, sizeof(h));
				netlink_parse(g->rib, cut, n);
			}
			free(cut);
		}
		free(buf);
		done(g);
	}
}

/** Constructed: what no kernel sends, and what this one did not. */
static void
odd_messages(void)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg m;
		struct rtattr a;
		uint32_t oif;
	} q = {
		.h = { .nlmsg_len = sizeof(q), .nlmsg_type = RTM_NEWROUTE },
		.m = { .rtm_family = AF_INET,
			.rtm_dst_len = 0,
			.rtm_type = RTN_UNICAST,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_STATIC },
		.a = { .rta_len = 8, .rta_type = RTA_OIF },
		.oif = 11,
	};
	struct rib_rig *g = host();

	q.m.rtm_dst_len = 33;
	netlink_parse(g->rib, &q, sizeof(q));
	q.m.rtm_dst_len = 0;
	q.m.rtm_tos = 0x10;
	netlink_parse(g->rib, &q, sizeof(q));
	q.m.rtm_tos = 0;
	q.m.rtm_family = AF_INET6;
	netlink_parse(g->rib, &q, sizeof(q));
	q.m.rtm_family = AF_INET;
	q.m.rtm_flags = RTM_F_CLONED;
	netlink_parse(g->rib, &q, sizeof(q));
	q.m.rtm_flags = 0;
	q.a.rta_len = 5; /* an interface number of one octet */
	netlink_parse(g->rib, &q, sizeof(q));
	CHECK_EQ(g->dp->fib_sets, 0);
	q.a.rta_len = 8;
	netlink_parse(g->rib, &q, sizeof(q));
	WAY(0, "8.8.8.8", "glean 2");
	q.m.rtm_flags = RTNH_F_DEAD;
	rig_add(g, "0.0.0.0/0 via 10.0.0.12 dev 12 metric 50");
	netlink_parse(g->rib, &q, sizeof(q));
	WAY(0, "8.8.8.8", "tunnel 1 10.0.0.12");
	done(g);
}

int
main(void)
{
	TEST(routes_of_commands);
	TEST(nexthop_objects_of_commands);
	TEST(onlink_of_commands);
	TEST(ipv6_gateways_lead_nowhere);
	TEST(neighbours_of_commands);
	TEST(a_dump_tells_all);
	TEST(silent_losses_are_noticed);
	TEST(short_streams);
	TEST(odd_messages);
	return check_done();
}

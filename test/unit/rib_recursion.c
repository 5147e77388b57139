/* SPDX-License-Identifier: BSD-3-Clause */
/** Next hops that lie behind another route: what they are reached by, and when that changes. */
#include "test/lib/rib_check.h"

#define WHY(prefix, want) CHECK_EQ(why(g, prefix), want)

static bool
note_why(void *arg, const struct rib_info *i)
{
	*(int *)arg = i->best ? -1 : (int)i->hops[0].why;
	return false;
}

/** Why the first route of a prefix is not in use; -1: it is, -2: there is none. */
static int
why(struct rib_rig *g, const char *prefix)
{
	struct prefix p = prefix_of_text(prefix);
	int reason = -2;

	rib_settle(g->rib);
	rib_each(g->rib, 0, &p, note_why, &reason);
	return reason;
}

/** The cloud's subnet, and two spokes in it. */
static struct rib_rig *
hub(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_bind(g, 0, 1, "10.0.0.11/32", "10.0.0.11");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	return g;
}

#define NEAR11 "10.1.1.0/24 via 10.0.0.11 dev 101"
#define NEAR12 "10.1.1.0/24 via 10.0.0.12 dev 101"
#define FAR    "10.9.0.0/16 via 10.1.1.1 dev 101 onlink"

/* ---- one step ------------------------------------------------------------------------- */

static void
behind_another_route_in_any_order(void)
{
	static const char *const orders[][2] = { { NEAR11, FAR }, { FAR, NEAR11 } };

	for (size_t i = 0; i < 2; i++) {
		struct rib_rig *g = hub();

		rig_add(g, orders[i][0]);
		rib_settle(g->rib);
		rig_add(g, orders[i][1]);
		WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
		CHECK_STR(rig_lookup(g, 0, "10.9.1.1"), "cloud 1 10.0.0.11 10.9.0.0/16");
		CHECK_STR(rig_rpf(g, 0, "10.9.1.1"), "1 10.0.0.11");
		WHY("10.9.0.0/16", -1);
		done(g);
	}
}

static void
unresolved_stays_out(void)
{
	struct rib_rig *g = hub();

	rig_add(g, "0.0.0.0/0 via 172.16.0.2 dev 2"); /* no way to a next hop */
	rig_add(g, FAR);
	WAY(0, "10.9.1.1", "glean 2 172.16.0.2"); /* of the shorter route, as if it were not */
	CHECK_STR(rig_lookup(g, 0, "10.9.1.1"), "lan 10.8.0.0/13");
	CHECK_STR(rig_rpf(g, 0, "10.9.1.1"), "");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	done(g);
}

static void
follows_the_route_it_is_behind(void)
{
	struct rib_rig *g = hub();
	unsigned sets;

	rig_add(g, NEAR11);
	rig_add(g, FAR);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	sets = g->dp->fib_sets;
	rig_replace(g, NEAR12);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	CHECK_EQ(g->dp->fib_sets, sets + 1); /* that of the near network alone */
	CHECK_STR(rig_rpf(g, 0, "10.9.1.1"), "1 10.0.0.12");
	rig_add(g, "10.1.1.1/32 via 10.0.0.11 dev 101"); /* a longer one comes and goes */
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_del(g, "10.1.1.1/32 via 10.0.0.11 dev 101");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_del(g, NEAR12); /* what it is behind goes first */
	WAY(0, "10.9.1.1", "drop");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	CHECK_STR(rig_rpf(g, 0, "10.9.1.1"), "");
	rig_add(g, NEAR11);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_del(g, FAR);
	WAY(0, "10.9.1.1", "drop");
	WAY(0, "10.1.1.1", "tunnel 1 10.0.0.11");
	done(g);
}

/** Nothing is left behind when all goes, in either order. */
static void
all_is_given_back(void)
{
	for (int first = 0; first < 2; first++) {
		struct rib_rig *g = rib_rig_new();

		rig_add(g, NEAR11);
		rig_add(g, FAR);
		rib_settle(g->rib);
		CHECK_EQ(g->dp->adjs, 3);
		rig_del(g, first == 0 ? NEAR11 : FAR);
		rig_del(g, first == 0 ? FAR : NEAR11);
		rib_settle(g->rib);
		CHECK_EQ(g->dp->adjs, 1);
		CHECK_EQ(g->dp->fib_sets, g->dp->fib_dels);
		done(g);
	}
}

/** A registered network is as good as a route; so is a registration of the address itself. */
static void
behind_a_registration(void)
{
	struct rib_rig *g = hub();

	rig_add(g, FAR);
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	rig_bind(g, 0, 1, "10.1.0.0/16", "10.0.0.12");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_bind(g, 0, 1, "10.1.1.1/32", "10.1.1.1");
	WAY(0, "10.9.1.1", "tunnel 1 10.1.1.1");
	rig_unbind(g, 0, 1, "10.1.1.1/32");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_unbind(g, 0, 1, "10.1.0.0/16");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	done(g);
}

/** Routing daemons say "onlink" of neighbours too. */
static void
neighbours_need_no_route(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101 onlink");
	WHY("10.9.0.0/16", RIB_NO_ROUTE); /* a tunnel with a /32, and nobody registered */
	rig_bind(g, 0, 1, "10.0.0.11/32", "10.0.0.11");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_unbind(g, 0, 1, "10.0.0.11/32");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_add(g, "10.0.0.8/29 via 10.0.0.12 dev 101"); /* a subnet has its own neighbours */
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_del(g, "10.0.0.0/24 dev 101 proto kernel");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_add(g, "10.8.0.0/16 via 10.0.0.11 dev 101"); /* the kernel looked, and found it there */
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_del(g, "10.8.0.0/16 via 10.0.0.11 dev 101");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	done(g);
}

/** What names a tunnel stays in it, and what names the LAN out of it. */
static void
no_way_leaves_its_device(void)
{
	struct rib_rig *g = hub();

	rig_add(g, FAR);
	rig_add(g, "10.1.1.0/24 via 172.16.0.2 dev 2");
	WHY("10.9.0.0/16", RIB_OTHER_DEVICE);
	rig_replace(g, "10.1.1.0/24 drop");
	WHY("10.9.0.0/16", RIB_NO_UNICAST);
	rig_replace(g, "10.1.1.0/24 via 10.0.2.9 dev 102");
	WHY("10.9.0.0/16", RIB_OTHER_DEVICE);
	rig_add(g, "10.1.1.1/32 local dev 2 proto kernel");
	WHY("10.9.0.0/16", RIB_NO_UNICAST);
	/* A port's is asked for there, whatever a spoke says of its address. */
	rig_add(g, "10.7.0.0/16 via 10.2.1.1 dev 2 onlink");
	rig_add(g, "10.2.1.0/24 via 10.0.0.11 dev 101");
	WAY(0, "10.7.1.1", "glean 2 10.2.1.1");
	done(g);
}

static void
a_port_has_its_gateway(void)
{
	struct rib_rig *g = rib_rig_new();
	unsigned asked;

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.9.0.0/16 via 10.1.1.1 dev 2 onlink");
	WAY(0, "10.9.1.1", "glean 2 10.1.1.1");
	rig_neigh(g, 2, "10.1.1.1", 0); /* nobody answers there */
	rig_add(g, "10.1.1.0/24 via 172.16.0.2 dev 2");
	WAY(0, "10.9.1.1", "glean 2 172.16.0.2");
	asked = g->probes;
	rig_neigh(g, 2, "10.1.1.1", 0); /* nor need it */
	CHECK_EQ(g->probes, asked);
	rig_neigh(g, 2, "172.16.0.2", 6);
	WAY(0, "10.9.1.1", "eth 2 02:00:00:00:00:06");
	rig_neigh(g, 2, "172.16.0.2", 7);
	WAY(0, "10.9.1.1", "eth 2 02:00:00:00:00:07");
	CHECK_STR(rig_uplink(g, 0, "10.9.1.1", 7), "eth 2 02:00:00:00:00:07");
	rig_neigh(g, 2, "172.16.0.2", 0);
	WAY(0, "10.9.1.1", "glean 2 172.16.0.2");
	rig_replace(g, "10.1.1.0/24 via 172.16.0.3 dev 2");
	WAY(0, "10.9.1.1", "glean 2 172.16.0.3");
	CHECK_EQ(g->changes, 1);
	CHECK_STR(fake_dp_adj(g->dp, g->uplink, g->text, sizeof(g->text)), "glean 2 172.16.0.3");
	rig_neigh(g, 2, "10.1.1.1", 9); /* it does answer: the kernel knows best */
	WAY(0, "10.9.1.1", "eth 2 02:00:00:00:00:09");
	CHECK_EQ(g->changes, 2);
	rig_uplink_put(g, 0, "10.9.1.1", 7);
	rig_neigh(g, 2, "10.1.1.1", 0);
	WAY(0, "10.9.1.1", "glean 2 172.16.0.3");
	asked = g->probes;
	rig_del(g, "10.1.1.0/24 via 172.16.0.3 dev 2");
	WAY(0, "10.9.1.1", "glean 2 10.1.1.1");
	CHECK(g->probes > asked);
	done(g);
}

/* ---- several steps -------------------------------------------------------------------- */

static void
one_behind_the_other(void)
{
	struct rib_rig *g = hub();
	char text[80];

	for (int i = 8; i > 1; i--) { /* the last first: all wait for what comes */
		snprintf(text, sizeof(text), "10.%d.0.0/16 via 10.%d.0.1 dev 101 onlink", i, i - 1);
		rig_add(g, text);
	}
	WHY("10.8.0.0/16", RIB_NO_ROUTE);
	rig_add(g, "10.1.0.0/16 via 10.0.0.11 dev 101");
	WAY(0, "10.8.1.1", "tunnel 1 10.0.0.11");
	rig_replace(g, "10.1.0.0/16 via 10.0.0.12 dev 101");
	WAY(0, "10.8.1.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.5.1.1", "tunnel 1 10.0.0.12");
	rig_add(g, "10.9.0.0/16 via 10.8.0.1 dev 101 onlink"); /* 8 steps: all that is allowed */
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_add(g, "10.10.0.0/16 via 10.9.0.1 dev 101 onlink");
	WHY("10.10.0.0/16", RIB_TOO_DEEP);
	WAY(0, "10.10.1.1", "drop");
	rig_add(g, "10.5.0.1/32 via 10.0.0.11 dev 101"); /* a way that is shorter */
	WAY(0, "10.10.1.1", "tunnel 1 10.0.0.11");
	WAY(0, "10.5.1.1", "tunnel 1 10.0.0.12");
	done(g);
}

static void
loops_are_no_ways(void)
{
	struct rib_rig *g = hub();

	rig_add(g, "10.8.0.0/13 via 10.9.0.1 dev 101 onlink"); /* through itself */
	WHY("10.8.0.0/13", RIB_LOOP);
	rig_del(g, "10.8.0.0/13 via 10.9.0.1 dev 101 onlink");
	rig_add(g, "10.1.0.0/16 via 10.2.0.1 dev 101 onlink");
	rig_add(g, "10.2.0.0/16 via 10.3.0.1 dev 101 onlink");
	rig_add(g, "10.3.0.0/16 via 10.1.0.1 dev 101 onlink");
	rig_add(g, "10.4.0.0/16 via 10.1.0.9 dev 101 onlink"); /* behind the loop */
	WHY("10.1.0.0/16", RIB_LOOP);
	WHY("10.2.0.0/16", RIB_LOOP);
	WHY("10.3.0.0/16", RIB_LOOP);
	WHY("10.4.0.0/16", RIB_LOOP);
	rig_replace(g, "10.3.0.0/16 via 10.0.0.12 dev 101");
	WAY(0, "10.1.1.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.4.1.1", "tunnel 1 10.0.0.12");
	rig_replace(g, "10.3.0.0/16 via 10.1.0.1 dev 101 onlink");
	WAY(0, "10.4.1.1", "drop");
	rig_del(g, "10.4.0.0/16 via 10.1.0.9 dev 101 onlink");
	rig_del(g, "10.1.0.0/16 via 10.2.0.1 dev 101 onlink");
	rig_del(g, "10.2.0.0/16 via 10.3.0.1 dev 101 onlink");
	rig_del(g, "10.3.0.0/16 via 10.1.0.1 dev 101 onlink");
	rib_settle(g->rib);
	CHECK_EQ(
		g->dp->adjs, 4); /* ours, the subnet's, those of the spokes: no hop holds another */
	done(g);
}

/** The spare of a route whose next hop it would itself resolve: no endless change. */
static void
spare_takes_over_for_good(void)
{
	struct rib_rig *g = hub();
	unsigned sets;

	rig_add(g, "10.1.0.0/16 via 10.1.5.5 dev 101 metric 1 onlink");
	rig_add(g, "10.1.0.0/16 via 10.0.0.11 dev 101 metric 2");
	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 via 10.2.5.5 dev 101 onlink");
	WAY(0, "10.1.1.1", "tunnel 1 10.0.0.11");
	WHY("10.1.0.0/16", -1);
	WAY(0, "10.9.1.1", "glean 2 172.16.0.2");
	rig_neigh(g, 2, "172.16.0.2", 0);
	rig_add(g, "10.2.0.0/16 via 10.0.0.12 dev 101");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12"); /* of several next hops, one that is reached */
	sets = g->dp->fib_sets;
	for (int i = 0; i < 5; i++)
		rib_settle(g->rib);
	CHECK_EQ(g->dp->fib_sets, sets);
	rig_add(g, "10.1.5.0/24 via 10.0.0.12 dev 101");
	WAY(0, "10.1.1.1", "tunnel 1 10.0.0.12");
	done(g);
}

/** Of several routes to a next hop, the one that works. */
static void
the_best_way_to_a_next_hop(void)
{
	struct rib_rig *g = hub();

	rig_add(g, "10.1.1.0/24 via 10.0.0.11 dev 101 via 10.0.0.12 dev 101");
	rig_add(g, FAR);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_unbind(g, 0, 1, "10.0.0.11/32");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	rig_bind(g, 0, 1, "10.0.0.11/32", "10.0.0.11");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	done(g);
}

/* ---- around it ------------------------------------------------------------------------ */

static void
each_context_by_itself(void)
{
	struct rib_rig *g = rib_rig_bare();

	rib_context_set(g->rib, 1, 100);
	rib_context_set(g->rib, 2, 200);
	rib_cloud_add(g->rib, 1, 1, 101);
	rib_cloud_add(g->rib, 2, 2, 102);
	rig_add(g, "10.9.0.0/16 via 10.1.1.1 dev 101 onlink table 100");
	rig_add(g, "10.9.0.0/16 via 10.1.1.1 dev 102 onlink table 200");
	rig_add(g, "10.1.1.0/24 via 10.0.0.12 dev 102 table 200");
	WAY(1, "10.9.1.1", "drop");
	WAY(2, "10.9.1.1", "tunnel 2 10.0.0.12");
	rig_add(g, "10.1.1.0/24 via 10.0.0.11 dev 101 table 100");
	WAY(1, "10.9.1.1", "tunnel 1 10.0.0.11");
	rig_del(g, "10.1.1.0/24 via 10.0.0.12 dev 102 table 200");
	WAY(1, "10.9.1.1", "tunnel 1 10.0.0.11");
	WAY(2, "10.9.1.1", "drop");
	done(g);
}

static void
resync_finds_what_went(void)
{
	struct rib_rig *g = hub();
	unsigned sets;

	rig_add(g, NEAR11);
	rig_add(g, FAR);
	rib_settle(g->rib);
	sets = g->dp->fib_sets;
	rib_resync_start(g->rib);
	rig_add(g, FAR);
	rig_add(g, NEAR11);
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rib_resync_end(g->rib);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	CHECK_EQ(g->dp->fib_sets, sets);
	rib_resync_start(g->rib);
	rig_add(g, FAR);
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.11");
	rib_resync_end(g->rib);
	WAY(0, "10.9.1.1", "drop");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	done(g);
}

static void
nexthop_objects_too(void)
{
	struct rib_rig *g = hub();
	struct rib_nexthop_in far = { .hop = { .ifindex = 101, .onlink = true } };

	far.hop.gateway = addr_of_text("10.1.1.1");
	rib_nexthop(g->rib, 7, &far);
	rig_add(g, "10.9.0.0/16 nhid 7");
	WHY("10.9.0.0/16", RIB_NO_ROUTE);
	rig_add(g, NEAR12);
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	far.hop.onlink = false;
	rib_nexthop(g->rib, 7, &far);
	WAY(0, "10.9.1.1", "tunnel 1 10.1.1.1");
	done(g);
}

/** With loops and all. */
static void
cloud_goes_with_its_ways(void)
{
	struct rib_rig *g = hub();

	rig_add(g, NEAR11);
	rig_add(g, FAR);
	rig_add(g, "10.2.0.0/16 via 10.3.0.1 dev 101 onlink");
	rig_add(g, "10.3.0.0/16 via 10.2.0.1 dev 101 onlink");
	rib_settle(g->rib);
	rib_cloud_del(g->rib, 1);
	CHECK_EQ(g->dp->adjs, 1);
	rib_cloud_add(g->rib, 5, 0, 105);
	rig_add(g, "10.1.1.0/24 via 10.0.0.12 dev 105");
	rig_add(g, "10.9.0.0/16 via 10.1.1.1 dev 105 onlink");
	WAY(0, "10.9.1.1", "tunnel 5 10.0.0.12");
	done(g);
}

static void
of_the_other_family(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "fd00::/64 dev 101 proto kernel");
	rig_add(g, "fd09::/32 via fd01::1 dev 101 onlink");
	WHY("fd09::/32", RIB_NO_ROUTE);
	rig_add(g, "fd01::/64 via fd00::11 dev 101");
	WAY(0, "fd09::1", "tunnel 1 fd00::11");
	done(g);
}

/* ---- any order of anything ------------------------------------------------------------ */

#define NETS 12

static uint32_t seed = 1;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/** 10.N.0.0/16, or a longer one within, behind the spoke, another net, itself or nothing. */
static struct rib_route_in
random_route(uint32_t net)
{
	struct rib_route_in in = route_of_text("10.0.0.0/16 via 10.0.0.11 dev 101");
	uint32_t behind = random_below(NETS + 2);

	in.prefix.addr = addr_from_v4(__builtin_bswap32(0x0a000000 + ((net / 2 + 1) << 16)));
	in.prefix.bits = net % 2 == 0 ? 16 : 24;
	if (behind >= NETS)
		return in;
	in.hops[0].gateway = addr_from_v4(__builtin_bswap32(0x0a000001 + ((behind / 2 + 1) << 16)));
	in.hops[0].onlink = true;
	if (random_below(8) == 0)
		in.hops[0].ifindex = 2;
	return in;
}

/** What is known after many changes is what one finds who is told it all at once. */
static void
history_leaves_no_trace(void)
{
	struct rib_rig *g = hub(), *fresh;
	struct rib_route_in in[NETS];
	char dst[32], want[64];

	for (uint32_t net = 0; net < NETS; net++) {
		in[net] = random_route(net);
		rib_route(g->rib, &in[net], RIB_REPLACE);
	}
	for (unsigned round = 0; round < 2000; round++) {
		for (uint32_t n = random_below(4); n > 0; n--) {
			uint32_t net = random_below(NETS);

			if (random_below(3) == 0)
				rib_route(g->rib, &in[net], RIB_DEL);
			in[net] = random_route(net);
			rib_route(g->rib, &in[net], RIB_REPLACE);
		}
		fresh = hub();
		for (uint32_t net = 0; net < NETS; net++)
			rib_route(fresh->rib, &in[NETS - 1 - net], RIB_ADD);
		for (uint32_t net = 0; net < NETS; net++) {
			snprintf(dst, sizeof(dst), "10.%u.%u.9", net / 2 + 1, net % 2);
			snprintf(want, sizeof(want), "%s", rig_way(fresh, 0, dst));
			WAY(0, dst, want);
		}
		done(fresh);
		if (check_bad)
			break;
	}
	for (uint32_t net = 0; net < NETS; net++)
		rib_route(g->rib, &in[net], RIB_DEL);
	rib_settle(g->rib);
	CHECK_EQ(g->dp->adjs, 4); /* ours, the subnet's, those of the spokes */
	done(g);
}

/* ---- a full table --------------------------------------------------------------------- */

#define MANY 100000

/** The nth route of a table behind ten next hops. */
static struct rib_route_in
nth(uint32_t i)
{
	struct rib_route_in in = route_of_text("20.0.0.0/24 via 10.1.1.1 dev 101 onlink proto bgp");

	in.prefix.addr = addr_from_v4(__builtin_bswap32(0x14000000 + (i << 8)));
	in.hops[0].gateway = addr_from_v4(__builtin_bswap32(0x0a010101 + i % 10));
	return in;
}

/** Edits of the workers' tables stand for the work: those of next hops, not of routes. */
static void
full_table_moves_by_its_next_hops(void)
{
	struct rib_rig *g = hub();
	unsigned sets, dels;

	rig_add(g, NEAR11);
	for (uint32_t i = 0; i < MANY; i++) {
		struct rib_route_in in = nth(i);

		rib_route(g->rib, &in, RIB_ADD);
	}
	WAY(0, "20.0.0.1", "tunnel 1 10.0.0.11");
	sets = g->dp->fib_sets;
	dels = g->dp->fib_dels;
	for (unsigned i = 0; i < 1000; i++) {
		rig_replace(g, i % 2 == 0 ? NEAR12 : NEAR11);
		rib_settle(g->rib);
	}
	CHECK_EQ(g->dp->fib_sets, sets + 1000);
	rig_del(g, NEAR11);
	WAY(0, "20.0.0.1", "drop");
	CHECK_EQ(g->dp->fib_dels, dels + 1 + MANY);
	rig_add(g, NEAR12);
	WAY(0, "20.0.0.1", "tunnel 1 10.0.0.12");
	CHECK_EQ(g->dp->fib_sets, sets + 1000 + 1 + MANY);
	done(g);
}

int
main(void)
{
	TEST(behind_another_route_in_any_order);
	TEST(unresolved_stays_out);
	TEST(follows_the_route_it_is_behind);
	TEST(all_is_given_back);
	TEST(behind_a_registration);
	TEST(neighbours_need_no_route);
	TEST(no_way_leaves_its_device);
	TEST(a_port_has_its_gateway);
	TEST(one_behind_the_other);
	TEST(loops_are_no_ways);
	TEST(spare_takes_over_for_good);
	TEST(the_best_way_to_a_next_hop);
	TEST(each_context_by_itself);
	TEST(resync_finds_what_went);
	TEST(nexthop_objects_too);
	TEST(cloud_goes_with_its_ways);
	TEST(of_the_other_family);
	TEST(history_leaves_no_trace);
	TEST(full_table_moves_by_its_next_hops);
	return check_done();
}

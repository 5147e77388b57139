/* SPDX-License-Identifier: BSD-3-Clause */
/** The kernel's routes into the workers' tables: which route, which next hop, which context. */
#include "test/lib/rib_check.h"

static void
routes_of_every_kind(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "172.16.0.1/32 local dev 2 proto kernel");
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_add(g, "10.0.0.1/32 local dev 101 proto kernel");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101 proto bgp");
	rig_add(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.0.0.0/8 drop");
	WAY(0, "172.16.0.9", "glean 2");
	WAY(0, "172.16.0.1", "local");
	WAY(0, "10.0.0.7", "tunnel 1");
	WAY(0, "10.0.0.1", "local");
	WAY(0, "10.9.1.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.8.1.1", "glean 2 172.16.0.2");
	WAY(0, "10.7.1.1", "drop");
	CHECK(fake_dp_local(g->dp, 2, "172.16.0.1"));
	rig_del(g, "172.16.0.1/32 local dev 2 proto kernel");
	CHECK(!fake_dp_local(g->dp, 2, "172.16.0.1"));
	WAY(0, "172.16.0.1", "glean 2");
	done(g);
}

static void
routes_of_other_devices_are_left_out(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 203.0.113.1 dev 77");
	rig_add(g, "203.0.113.5/32 local dev 77 proto kernel");
	WAY(0, "8.8.8.8", "drop");
	CHECK_EQ(g->dp->fib_sets, 0);
	rig_add(g, "0.0.0.0/0 via 192.0.2.9 dev 1 metric 100");
	WAY(0, "8.8.8.8", "glean 1 192.0.2.9");
	done(g);
}

static void
metric_decides_and_the_next_takes_over(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 20");
	rig_add(g, "10.9.0.0/16 via 172.17.0.2 dev 3 metric 10 proto bgp");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101 metric 30");
	WAY(0, "10.9.0.1", "glean 3 172.17.0.2");
	rig_del(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 10"); /* no such route */
	WAY(0, "10.9.0.1", "glean 3 172.17.0.2");
	rig_del(g, "10.9.0.0/16 via 172.17.0.2 dev 3 metric 10 proto bgp");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.2");
	rig_del(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 20");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	rig_del(g, "10.9.0.0/16 via 10.0.0.12 dev 101 metric 30");
	WAY(0, "10.9.0.1", "drop");
	CHECK_EQ(g->dp->adjs, 1); /* that of our own addresses: all others were given back */
	done(g);
}

/** NLM_F_REPLACE tells of the new route only; the old one goes without a word. */
static void
replace_takes_the_place(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 20");
	rig_replace(g, "10.9.0.0/16 via 10.0.0.12 dev 101 metric 20 proto bgp");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	rig_replace(g, "10.9.0.0/16 metric 20 drop");
	WAY(0, "10.9.0.1", "drop");
	rig_replace(g, "10.9.0.0/16 via 172.16.0.3 dev 2 metric 20");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.3");
	rig_replace(g, "10.9.0.0/16 via 172.16.0.4 dev 2 metric 21"); /* another place */
	WAY(0, "10.9.0.1", "glean 2 172.16.0.3");
	rig_replace(g, "10.9.0.0/16 via 203.0.113.1 dev 77 metric 20"); /* away from our devices */
	WAY(0, "10.9.0.1", "glean 2 172.16.0.4");
	rig_del(g, "10.9.0.0/16 via 172.16.0.4 dev 2 metric 21");
	WAY(0, "10.9.0.1", "drop");
	done(g);
}

/** `ip route append`: equal prefix and metric, several routes; each goes by itself. */
static void
appended_routes_go_one_by_one(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.9.0.0/16 via 172.16.0.3 dev 2");
	rig_add(g, "10.9.0.0/16 via 172.16.0.3 dev 2"); /* told again: no second one */
	rig_del(g, "10.9.0.0/16 via 172.16.0.2 dev 2");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.3");
	rig_del(g, "10.9.0.0/16 via 172.16.0.3 dev 2");
	WAY(0, "10.9.0.1", "drop");
	done(g);
}

static void
multipath_takes_the_first_that_works(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 via 172.17.0.2 dev 3 via 10.0.0.12 dev 101");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.2");
	rig_neigh(g, 3, "172.17.0.2", 7); /* resolved beats not yet resolved */
	WAY(0, "10.9.0.1", "eth 3 02:00:00:00:00:07");
	unsigned sets = g->dp->fib_sets;
	rig_neigh(g, 3, "172.17.0.2", 8); /* another MAC: the adjacency's matter alone */
	rib_link(g->rib, 101, false);
	WAY(0, "10.9.0.1", "eth 3 02:00:00:00:00:08");
	CHECK_EQ(g->dp->fib_sets, sets);
	rib_link(g->rib, 101, true);
	rig_neigh(g, 2, "172.16.0.2", 6);
	WAY(0, "10.9.0.1", "eth 2 02:00:00:00:00:06");
	rig_neigh(g, 2, "172.16.0.2", 0);
	WAY(0, "10.9.0.1", "eth 3 02:00:00:00:00:08");
	CHECK(rib_link(g->rib, 3, false));
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	CHECK(rib_link(g->rib, 3, true));
	WAY(0, "10.9.0.1", "eth 3 02:00:00:00:00:08");
	rig_replace(g, "10.9.0.0/16 via 172.16.0.2 dev 2 via 172.17.0.2 dev 3 dead");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.2"); /* none works: the first that is ours */
	rig_del(g, "10.9.0.0/16 via 172.16.0.2 dev 2 via 172.17.0.2 dev 3");
	WAY(0, "10.9.0.1", "drop");
	done(g);
}

/** Of spokes that announce one network, one that is registered is taken. */
static void
multipath_prefers_registered_spokes(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101 via 10.0.0.12 dev 101 proto bgp");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.11");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	rig_bind(g, 0, 1, "10.0.0.11/32", "10.0.0.11");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.11");
	rig_unbind(g, 0, 1, "10.0.0.11/32");
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "10.0.0.11", "drop");
	done(g);
}

/** A worse metric through a port that has link beats a better one through one that has none. */
static void
link_down_gives_way_to_a_spare_route(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 172.16.0.2 dev 2 metric 10");
	rig_add(g, "0.0.0.0/0 via 172.17.0.2 dev 3 metric 20");
	WAY(0, "8.8.8.8", "glean 2 172.16.0.2");
	rib_link(g->rib, 2, false);
	WAY(0, "8.8.8.8", "glean 3 172.17.0.2");
	CHECK(!rib_link(g->rib, 2, false));
	unsigned asked = g->probes;
	rib_link(g->rib, 2, true);
	WAY(0, "8.8.8.8", "glean 2 172.16.0.2");
	CHECK_EQ(g->probes, asked + 1); /* the kernel forgot its neighbours meanwhile */

	/* But for a static one, which a question would turn into one that has to be asked for. */
	rig_neigh(g, 2, "172.16.0.2", 5);
	rib_link(g->rib, 2, false);
	rib_link(g->rib, 2, true);
	WAY(0, "8.8.8.8", "eth 2 02:00:00:00:00:05");
	CHECK_EQ(g->probes, asked + 1);
	done(g);
}

static void
nexthop_objects_stand_for_hops(void)
{
	struct rib_rig *g = rib_rig_new();
	struct rib_nexthop_in one = { .hop = { .ifindex = 2 } }, two = { .hop = { .ifindex = 3 } };
	struct rib_nexthop_in both = { .group_count = 2, .group = { 11, 12 } };
	struct rib_nexthop_in hole = { .blackhole = true };

	addr_parse("172.16.0.2", &one.hop.gateway);
	addr_parse("172.17.0.2", &two.hop.gateway);
	rib_nexthop(g->rib, 11, &one);
	rib_nexthop(g->rib, 12, &two);
	rib_nexthop(g->rib, 20, &both);
	rig_add(g, "10.1.0.0/16 nhid 11");
	rig_add(g, "10.2.0.0/16 nhid 20");
	rig_add(g, "10.3.0.0/16 nhid 99"); /* its object comes later */
	WAY(0, "10.1.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.2.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.3.0.1", "drop");
	rib_nexthop(g->rib, 99, &two);
	WAY(0, "10.3.0.1", "glean 3 172.17.0.2");
	rib_nexthop(g->rib, 11, &two); /* replaced: all its routes move, those of groups too */
	WAY(0, "10.1.0.1", "glean 3 172.17.0.2");
	WAY(0, "10.2.0.1", "glean 3 172.17.0.2");
	rib_nexthop(g->rib, 11, &hole);
	WAY(0, "10.1.0.1", "drop");
	rib_nexthop(g->rib, 11, &one);
	WAY(0, "10.1.0.1", "glean 2 172.16.0.2");
	rig_del(g, "10.2.0.0/16 nhid 20");
	WAY(0, "10.2.0.1", "drop");
	done(g);
}

/* ---- contexts ------------------------------------------------------------------------- */

/** wan port 1 in table 100, lan port 2 and cloud 1 in table 200. */
static struct rib_rig *
two_contexts(void)
{
	struct rib_rig *g = rib_rig_bare();

	rib_context_set(g->rib, 1, 100);
	rib_context_set(g->rib, 2, 200);
	rib_port_add(g->rib, 1, 1, 1);
	rib_port_add(g->rib, 2, 2, 2);
	rib_cloud_add(g->rib, 1, 2, 101);
	return g;
}

static void
contexts_do_not_leak(void)
{
	struct rib_rig *g = two_contexts();

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1 table 100");
	rig_add(g, "0.0.0.0/0 via 172.16.0.254 dev 2 table 200");
	rig_add(g, "198.51.100.0/24 via 10.0.0.12 dev 101 table 200");
	WAY(1, "198.51.100.7", "glean 1 192.0.2.254");
	WAY(2, "198.51.100.7", "tunnel 1 10.0.0.12");
	WAY(1, "8.8.8.8", "glean 1 192.0.2.254");
	WAY(2, "8.8.8.8", "glean 2 172.16.0.254");
	WAY(0, "8.8.8.8", "drop");
	CHECK_STR(rig_uplink(g, 1, "198.51.100.7", 5), "glean 1 192.0.2.254");
	CHECK_STR(rig_uplink(g, 0, "198.51.100.7", 6), "drop");
	rig_del(g, "0.0.0.0/0 via 192.0.2.254 dev 1 table 100");
	rib_settle(g->rib);
	CHECK_EQ(g->token, 5);
	CHECK_EQ(g->uplink, DP_ADJ_DROP); /* never the inner default route */
	CHECK_STR(rig_lookup(g, 2, "8.8.8.8"), "lan 8.0.0.0/8");
	CHECK_STR(rig_lookup(g, 1, "8.8.8.8"), "none");
	done(g);
}

/** Without a VRF the kernel keeps addresses and subnets in tables of its own. */
static void
addresses_belong_to_their_device(void)
{
	struct rib_rig *g = two_contexts();

	rig_add(g, "192.0.2.0/24 dev 1 proto kernel table 254");
	rig_add(g, "192.0.2.1/32 local dev 1 proto kernel table 255");
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel table 254");
	rig_add(g, "8.0.0.0/8 via 192.0.2.254 dev 1 table 254"); /* not a subnet: main's own */
	WAY(1, "192.0.2.9", "glean 1");
	WAY(1, "192.0.2.1", "local");
	WAY(2, "10.0.0.9", "tunnel 1");
	WAY(2, "192.0.2.1", "drop");
	WAY(1, "8.8.8.8", "drop");
	WAY(0, "8.8.8.8", "glean 1 192.0.2.254");
	done(g);
}

/** A route may name a device of another table: on purpose, and for inner packets only. */
static void
leaking_is_for_inner_packets_alone(void)
{
	struct rib_rig *g = two_contexts();

	rig_add(g, "0.0.0.0/0 via 172.16.0.254 dev 2 table 100");
	WAY(1, "8.8.8.8", "glean 2 172.16.0.254");
	CHECK_STR(rig_uplink(g, 1, "198.51.100.7", 5), "drop");
	done(g);
}

/* ---- resync ----------------------------------------------------------------------------- */

static void
resync_keeps_what_is_told_again(void)
{
	struct rib_rig *g = rib_rig_new();
	struct rib_nexthop_in nh = { .hop = { .ifindex = 2 } };
	unsigned sets, dels;

	rib_nexthop(g->rib, 7, &nh);
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.1.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.2.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.3.0.0/16 nhid 7");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	rig_neigh(g, 2, "172.16.0.2", 6);
	rig_neigh(g, 2, "172.16.0.3", 7);
	rib_settle(g->rib);
	sets = g->dp->fib_sets;
	dels = g->dp->fib_dels;
	rib_resync_start(g->rib);
	rib_nexthop(g->rib, 7, &nh);
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.2.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.3.0.0/16 nhid 7");
	rig_add(g, "10.4.0.0/16 via 172.16.0.2 dev 2"); /* while the dump was under way */
	rig_neigh(g, 2, "172.16.0.2", 6);
	WAY(0, "10.1.0.1", "eth 2 02:00:00:00:00:06"); /* not yet: it may still come */
	rib_resync_end(g->rib);
	WAY(0, "10.1.0.1", "drop");
	WAY(0, "10.2.0.1", "eth 2 02:00:00:00:00:06");
	WAY(0, "10.3.0.1", "glean 2");
	WAY(0, "10.4.0.1", "eth 2 02:00:00:00:00:06");
	WAY(0, "172.16.0.2", "eth 2 02:00:00:00:00:06");
	WAY(0, "10.0.0.12", "tunnel 1 10.0.0.12"); /* registrations are not the kernel's */
	CHECK_EQ(g->dp->fib_sets, sets + 1);       /* what stayed was not touched */
	WAY(0, "172.16.0.3", "glean 2");           /* a neighbour that is gone */
	CHECK_EQ(g->dp->fib_dels, dels + 2);
	done(g);
}

static void
cloud_goes_with_its_routes(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101");
	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 50");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	rib_cloud_del(g->rib, 1);
	WAY(0, "10.0.0.12", "drop");
	WAY(0, "10.9.0.1", "glean 2 172.16.0.2");
	rib_cloud_add(g->rib, 5, 0, 105);
	rig_bind(g, 0, 5, "10.0.0.12/32", "10.0.0.12");
	WAY(0, "10.0.0.12", "tunnel 5 10.0.0.12");
	done(g);
}

int
main(void)
{
	TEST(routes_of_every_kind);
	TEST(routes_of_other_devices_are_left_out);
	TEST(metric_decides_and_the_next_takes_over);
	TEST(replace_takes_the_place);
	TEST(appended_routes_go_one_by_one);
	TEST(multipath_takes_the_first_that_works);
	TEST(multipath_prefers_registered_spokes);
	TEST(link_down_gives_way_to_a_spare_route);
	TEST(nexthop_objects_stand_for_hops);
	TEST(contexts_do_not_leak);
	TEST(addresses_belong_to_their_device);
	TEST(leaking_is_for_inner_packets_alone);
	TEST(resync_keeps_what_is_told_again);
	TEST(cloud_goes_with_its_routes);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** What of the kernel's routes anti-spoof is told: all ways back, not only the best. */
#include "test/lib/rib_check.h"

#define RPF(src, want) CHECK_STR(rig_rpf(g, 0, src), want)

static void
every_next_hop_of_a_multipath(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101 via 172.16.0.2 dev 2 via 10.0.1.12 dev 102");
	RPF("10.9.0.1", "1 10.0.0.11, 2 10.0.1.12");
	RPF("10.10.0.1", "");
	rig_replace(g, "10.9.0.0/16 via 10.0.0.11 dev 101 via 10.0.1.12 dev 102 dead");
	RPF("10.9.0.1", "1 10.0.0.11"); /* the kernel does not use the other */
	rig_replace(g, "10.9.0.0/16 via 10.0.0.11 dev 101 via 10.0.0.11 dev 101");
	RPF("10.9.0.1", "1 10.0.0.11"); /* once is enough */
	rig_replace(g, "10.9.0.0/16 via 172.16.0.2 dev 2");
	RPF("10.9.0.1", "");
	done(g);
}

static void
every_route_of_a_prefix(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 172.16.0.2 dev 2 metric 5");
	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101 metric 10");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101 metric 20 proto bgp");
	rig_bind(g, 0, 1, "10.9.0.0/16", "10.0.0.13"); /* and who registered it */
	CHECK_STR(rig_way(g, 0, "10.9.0.1"), "glean 2 172.16.0.2");
	RPF("10.9.0.1", "1 10.0.0.11, 1 10.0.0.12, 1 10.0.0.13");
	rig_del(g, "10.9.0.0/16 via 10.0.0.11 dev 101 metric 10");
	RPF("10.9.0.1", "1 10.0.0.12, 1 10.0.0.13");
	rig_unbind(g, 0, 1, "10.9.0.0/16");
	RPF("10.9.0.1", "1 10.0.0.12");
	rig_del(g, "10.9.0.0/16 via 10.0.0.12 dev 101 metric 20 proto bgp");
	RPF("10.9.0.1", "");
	done(g);
}

static void
shorter_prefixes_too(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.1.0/24 via 10.0.0.12 dev 101");
	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101");
	rig_add(g, "10.8.0.0/14 via 172.16.0.2 dev 2");
	rig_add(g, "0.0.0.0/0 via 10.0.1.13 dev 102");
	RPF("10.9.1.1", "1 10.0.0.12 < 1 10.0.0.11 < 2 10.0.1.13");
	RPF("10.9.2.1", "1 10.0.0.11 < 2 10.0.1.13");
	RPF("10.10.0.1", "2 10.0.1.13");
	rig_del(g, "10.9.0.0/16 via 10.0.0.11 dev 101");
	RPF("10.9.1.1", "1 10.0.0.12 < 2 10.0.1.13");
	done(g);
}

/** A default route into a spoke does not make it the owner of what is somebody's. */
static void
what_is_somebodys_is_not_by_a_shorter_prefix(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 10.0.0.11 dev 101");
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_add(g, "10.0.0.1/32 local dev 101 proto kernel");
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "172.16.0.1/32 local dev 2 proto kernel");
	rig_add(g, "10.66.0.0/16 drop");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	RPF("10.0.0.1", ".");
	RPF("10.0.0.9", "1 -."); /* whoever registered it */
	RPF("10.0.0.12", "1 10.0.0.12 < 1 -.");
	RPF("172.16.0.9", ".");
	RPF("10.66.1.1", ".");
	RPF("10.67.1.1", "1 10.0.0.11");
	rig_add(g, "10.66.7.0/24 via 10.0.0.13 dev 101"); /* out of the blackhole */
	RPF("10.66.7.1", "1 10.0.0.13.");
	rig_del(g, "10.66.0.0/16 drop");
	RPF("10.66.1.1", "1 10.0.0.11");
	done(g);
}

/** A blackhole counts where it is the best: before a spare route, not behind a good one. */
static void
blackhole_beside_a_route(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101 metric 10");
	rig_add(g, "10.9.0.0/16 metric 250 drop");
	RPF("10.9.0.1", "1 10.0.0.11");
	rig_add(g, "10.9.0.0/16 metric 5 drop");
	RPF("10.9.0.1", ".");
	rig_del(g, "10.9.0.0/16 metric 5 drop");
	RPF("10.9.0.1", "1 10.0.0.11");
	done(g);
}

static void
nexthop_objects_and_contexts(void)
{
	struct rib_rig *g = rib_rig_bare();
	struct rib_nexthop_in one = { .hop = { .ifindex = 101 } }, two = one;
	struct rib_nexthop_in both = { .group_count = 2, .group = { 11, 12 } };

	rib_context_set(g->rib, 3, 100);
	rib_cloud_add(g->rib, 1, 3, 101);
	one.hop.gateway = addr_of_text("10.0.0.11");
	two.hop.gateway = addr_of_text("10.0.0.12");
	rib_nexthop(g->rib, 11, &one);
	rib_nexthop(g->rib, 12, &one);
	rib_nexthop(g->rib, 20, &both);
	rig_add(g, "10.9.0.0/16 nhid 20 table 100");
	CHECK_STR(rig_rpf(g, 3, "10.9.0.1"), "1 10.0.0.11");
	rib_nexthop(g->rib, 12, &two);
	CHECK_STR(rig_rpf(g, 3, "10.9.0.1"), "1 10.0.0.11, 1 10.0.0.12");
	RPF("10.9.0.1", "");
	done(g);
}

static void
cloud_takes_its_ways_along(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.9.0.0/16 via 10.0.0.11 dev 101");
	rig_add(g, "10.9.0.0/16 via 10.0.1.12 dev 102 metric 5");
	rig_bind(g, 0, 1, "10.0.0.11/32", "10.0.0.11");
	rib_cloud_del(g->rib, 1);
	RPF("10.9.0.1", "2 10.0.1.12");
	RPF("10.0.0.11", "");
	done(g);
}

/** Many routes of one prefix: the first ones count, the rest is left out. */
static void
too_many_are_cut(void)
{
	struct rib_rig *g = rib_rig_new();
	char text[4096], route[80];
	unsigned hops = 1;

	for (int i = 0; i < DP_RPF_ADJS_MAX + 8; i++) {
		snprintf(route, sizeof(route), "10.9.0.0/16 via 10.0.0.%d dev 101 metric %d",
			10 + i, i);
		rig_add(g, route);
	}
	fake_dp_rpf(g->dp, 0, "10.9.0.1", text, sizeof(text));
	for (const char *at = text; (at = strchr(at, ',')) != NULL; at++)
		hops++;
	CHECK_EQ(hops, DP_RPF_ADJS_MAX);
	done(g);
}

int
main(void)
{
	TEST(every_next_hop_of_a_multipath);
	TEST(every_route_of_a_prefix);
	TEST(shorter_prefixes_too);
	TEST(what_is_somebodys_is_not_by_a_shorter_prefix);
	TEST(blackhole_beside_a_route);
	TEST(nexthop_objects_and_contexts);
	TEST(cloud_takes_its_ways_along);
	TEST(too_many_are_cut);
	return check_done();
}

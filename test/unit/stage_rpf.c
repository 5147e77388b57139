/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Who may send from what is routed to more than one: the kernel's routes through the rib
 * into the real tables, and packets of spokes against them.
 */
#include <errno.h>

#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"
#include "test/lib/route_text.h"

static struct rib *rib;
static struct packet p;

/* a and b are in one cloud behind device 102, other in that behind 104. */
static struct hub_spoke *const a = &hub.spoke[TRANSPORT][0], *const b = &hub.spoke[TRANSPORT][1];
static struct hub_spoke *const other = &hub.spoke[NATT][0];

static void
op_probe(void *user, int ifindex, const struct addr *addr, bool keep)
{
	(void)user, (void)ifindex, (void)addr, (void)keep;
}

static void
op_uplink_changed(void *user, uint64_t token, uint32_t uplink)
{
	(void)user, (void)token, (void)uplink;
}

static const struct rib_ops ops = { .probe = op_probe, .uplink_changed = op_uplink_changed };

static void
route_edit(const char *text, enum rib_change change)
{
	struct rib_route_in in = route_of_text(text);

	rib_route(rib, &in, change);
	rib_settle(rib);
	hub_settle();
}

static void
add(const char *text)
{
	route_edit(text, RIB_ADD);
}

static void
del(const char *text)
{
	route_edit(text, RIB_DEL);
}

/** Does a packet of s from src arrive at the lan? If not, it is counted as spoofed. */
static bool
may_send(struct hub_spoke *s, const char *src)
{
	struct addr from = addr_of_text(src);
	uint64_t drops = hub_count(VERDICT_DROP_SPOOF);
	bool came;

	packet_payload(&p, 40);
	packet_ip(&p, addr_v4(&from), LAN_BE, 253);
	hub_wrap(&p, s);
	hub_in(hub.wan, &p);
	came = hub_out(hub.lan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_SPOOF) - drops, came ? 0 : 1);
	return came;
}

static void
mode_set(enum dp_spoof mode)
{
	hub.cloud[TRANSPORT].anti_spoof = mode;
	hub_cloud_set(TRANSPORT);
}

static void
both_ends_of_a_multipath(void)
{
	add("10.77.0.0/16 via 10.0.2.11 dev 102 via 10.0.2.12 dev 102 proto bgp");
	CHECK(may_send(a, "10.77.0.1"));
	CHECK(may_send(b, "10.77.0.1"));
	CHECK(!may_send(other, "10.77.0.1"));
	CHECK(!may_send(b, "10.78.0.1"));
	route_edit("10.77.0.0/16 via 10.0.2.11 dev 102 proto bgp", RIB_REPLACE);
	CHECK(may_send(a, "10.77.0.1"));
	CHECK(!may_send(b, "10.77.0.1"));
	del("10.77.0.0/16 via 10.0.2.11 dev 102 proto bgp");
	CHECK(!may_send(a, "10.77.0.1"));
}

static void
worse_metric_counts(void)
{
	add("10.77.0.0/16 via 10.0.2.11 dev 102 metric 10");
	add("10.77.0.0/16 via 10.0.2.12 dev 102 metric 20");
	add("10.77.0.0/16 via 10.0.4.11 dev 104 metric 30");
	CHECK(may_send(a, "10.77.0.1"));
	CHECK(may_send(b, "10.77.0.1"));
	CHECK(may_send(other, "10.77.0.1")); /* through its own cloud */
	del("10.77.0.0/16 via 10.0.2.12 dev 102 metric 20");
	CHECK(!may_send(b, "10.77.0.1"));
	add("10.77.0.0/16 via 10.9.0.9 dev 2 metric 5"); /* the best is on the lan */
	CHECK(may_send(a, "10.77.0.1"));
	CHECK(!may_send(b, "10.77.0.1"));
	del("10.77.0.0/16 via 10.9.0.9 dev 2 metric 5");
	del("10.77.0.0/16 via 10.0.2.11 dev 102 metric 10");
	del("10.77.0.0/16 via 10.0.4.11 dev 104 metric 30");
	CHECK(!may_send(other, "10.77.0.1"));
}

static void
less_specific_counts(void)
{
	add("10.77.1.0/24 via 10.0.2.12 dev 102");
	add("10.76.0.0/14 via 10.0.2.11 dev 102");
	CHECK(may_send(b, "10.77.1.1"));
	CHECK(may_send(a, "10.77.1.1"));
	CHECK(!may_send(other, "10.77.1.1"));
	CHECK(may_send(a, "10.77.2.1"));
	CHECK(!may_send(b, "10.77.2.1"));
	del("10.76.0.0/14 via 10.0.2.11 dev 102");
	CHECK(!may_send(a, "10.77.1.1"));
	del("10.77.1.0/24 via 10.0.2.12 dev 102");
}

/** Who is the way out to everywhere is not everybody. */
static void
default_route_takes_nobodys_address(void)
{
	add("0.0.0.0/0 via 10.0.2.11 dev 102");
	CHECK(may_send(a, "8.8.8.8"));
	CHECK(!may_send(b, "8.8.8.8"));
	CHECK(!may_send(a, "10.0.2.12")); /* b's tunnel address */
	CHECK(!may_send(a, "10.0.2.99")); /* nobody's yet */
	CHECK(!may_send(a, "10.9.0.9"));  /* of our lan */
	CHECK(!may_send(a, "10.9.0.1"));  /* ours */
	add("10.66.0.0/16 drop");
	CHECK(!may_send(a, "10.66.0.1"));
	del("10.66.0.0/16 drop");
	CHECK(may_send(a, "10.66.0.1"));
	del("0.0.0.0/0 via 10.0.2.11 dev 102");
}

/** Whatever routes say; and routes may lead to any address a spoke registered. */
static void
registered_addresses_always_count(void)
{
	struct addr second = addr_of_text("10.0.2.50");

	add("10.0.2.11/32 drop");
	CHECK(may_send(a, "10.0.2.11"));
	del("10.0.2.11/32 drop");
	add("10.77.0.0/16 via 10.0.2.12 dev 102 via 10.0.2.50 dev 102");
	CHECK(!may_send(a, "10.77.0.1"));
	CHECK_EQ(dp_nbma_set(hub.dp, TRANSPORT, &second, a->peer), 0);
	CHECK(may_send(a, "10.77.0.1"));
	CHECK(may_send(b, "10.77.0.1"));
	CHECK_EQ(dp_nbma_del(hub.dp, TRANSPORT, &second), 0);
	CHECK(!may_send(a, "10.77.0.1"));
	del("10.77.0.0/16 via 10.0.2.12 dev 102 via 10.0.2.50 dev 102");
}

/** Loose asks for any spoke of the best route, and is never stricter than strict; off is off. */
static void
other_modes(void)
{
	add("10.77.1.0/24 via 10.0.2.12 dev 102");
	add("10.77.2.0/24 via 10.9.0.9 dev 2");
	add("10.76.0.0/14 via 10.0.4.11 dev 104");
	add("10.72.0.0/13 via 10.0.2.11 dev 102");
	mode_set(DP_SPOOF_LOOSE);
	CHECK(may_send(a, "10.77.1.1"));
	CHECK(may_send(b, "10.77.1.1"));
	CHECK(may_send(a, "10.77.2.1"));
	CHECK(!may_send(b, "10.77.2.1"));
	CHECK(!may_send(b, "10.77.3.1")); /* into the other cloud */
	CHECK(!may_send(b, "8.8.8.8"));
	mode_set(DP_SPOOF_STRICT);
	CHECK(may_send(a, "10.77.2.1"));
	CHECK(!may_send(b, "10.77.2.1"));
	mode_set(DP_SPOOF_OFF);
	CHECK(may_send(b, "10.77.2.1"));
	CHECK(may_send(b, "8.8.8.8"));
	mode_set(DP_SPOOF_STRICT);
	del("10.77.1.0/24 via 10.0.2.12 dev 102");
	del("10.77.2.0/24 via 10.9.0.9 dev 2");
	del("10.76.0.0/14 via 10.0.4.11 dev 104");
	del("10.72.0.0/13 via 10.0.2.11 dev 102");
}

/** The i-th of many networks, several to a chain. */
static struct prefix
network(uint32_t i)
{
	return (struct prefix){ .addr = addr_from_v4(rte_cpu_to_be_32((i + 1) << 12)), .bits = 20 };
}

static void
each_of_many_goes_by_itself(void)
{
	const uint32_t n = 200000;
	struct dp_rpf one = { .count = 1 };
	struct dp_adj to_a = { .kind = DP_ADJ_KIND_TUNNEL, .cloud = TRANSPORT };
	struct prefix net;

	to_a.next_hop = a->spec.overlay;
	CHECK_EQ(dp_adj_new(hub.dp, &to_a, &one.adj[0]), 0);
	for (uint32_t i = 0; i < n; i++) {
		net = network(i);
		CHECK_EQ(dp_rpf_set(hub.dp, 0, &net, &one), 0);
	}
	CHECK(may_send(a, "11.22.33.44"));
	CHECK(!may_send(b, "11.22.33.44"));
	for (uint32_t i = 0; i < n; i += 2) { /* of two neighbours one goes */
		net = network(i);
		dp_rpf_del(hub.dp, 0, &net);
		dp_rpf_del(hub.dp, 0, &net); /* fine */
	}
	CHECK(may_send(a, "11.22.32.1"));
	CHECK(!may_send(a, "11.22.48.1"));
	for (uint32_t i = 1; i < n; i += 2) {
		net = network(i);
		dp_rpf_del(hub.dp, 0, &net);
	}
	CHECK(!may_send(a, "11.22.32.1"));
	one.count = DP_RPF_ADJS_MAX + 1;
	CHECK_EQ(dp_rpf_set(hub.dp, 0, &net, &one), -EINVAL);
	dp_adj_free(hub.dp, one.adj[0]);
	hub_settle();
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	rib = rib_new(hub.dp, &ops, NULL);
	rib_port_add(rib, hub.lan, 0, 2);
	rib_cloud_add(rib, TRANSPORT, 0, 102);
	rib_cloud_add(rib, NATT, 0, 104);
	add("10.0.2.0/24 dev 102 proto kernel");
	add("10.0.4.0/24 dev 104 proto kernel");
	add("10.9.0.0/24 dev 2 proto kernel");
	add("10.9.0.1/32 local dev 2 proto kernel");
	TEST(both_ends_of_a_multipath);
	TEST(worse_metric_counts);
	TEST(less_specific_counts);
	TEST(default_route_takes_nobodys_address);
	TEST(registered_addresses_always_count);
	TEST(other_modes);
	TEST(each_of_many_goes_by_itself);
	rib_free(rib);
	hub_stop();
	return check_done();
}

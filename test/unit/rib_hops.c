/* SPDX-License-Identifier: BSD-3-Clause */
/** Neighbours, uplinks, and the questions of the NHRP engine. */
#include "test/lib/rib_check.h"

#define LOOKUP(ctx, dst, want) CHECK_STR(rig_lookup(g, ctx, dst), want)

/** "10.0.0.1 on 2 keep" of the last question to the kernel. */
static const char *
asked(const struct rib_rig *g)
{
	static char text[96];
	char a[ADDR_TEXT_BYTES];
	unsigned i = (g->probes - 1) % RIG_PROBES;

	if (g->probes == 0)
		return "nothing";
	snprintf(text, sizeof(text), "%s on %d%s", addr_print(&g->probe[i].addr, a),
		g->probe[i].ifindex, g->probe[i].keep ? " keep" : "");
	return text;
}

static void
neigh(struct rib_rig *g, const char *address, enum rib_neigh_state state, bool kept)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct addr a;

	addr_parse(address, &a);
	rib_neigh(g->rib, 2, &a, state, state <= RIB_NEIGH_STALE ? mac : NULL, kept);
}

/* ---- neighbours --------------------------------------------------------------------- */

static void
gateways_are_watched_over(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	CHECK_STR(asked(g), "172.16.0.2 on 2 keep");
	neigh(g, "172.16.0.2", RIB_NEIGH_OK, true);
	CHECK_EQ(g->probes, 1);
	WAY(0, "10.8.0.1", "eth 2 02:00:00:00:00:09");
	neigh(g, "172.16.0.2", RIB_NEIGH_STALE, true); /* the kernel looks by itself */
	CHECK_EQ(g->probes, 1);
	neigh(g, "172.16.0.2", RIB_NEIGH_STALE, false); /* before Linux 5.16 */
	CHECK_EQ(g->probes, 2);
	WAY(0, "10.8.0.1", "eth 2 02:00:00:00:00:09"); /* usable meanwhile */
	neigh(g, "172.16.0.2", RIB_NEIGH_FAILED, false);
	CHECK_EQ(g->probes, 3);
	WAY(0, "10.8.0.1", "glean 2 172.16.0.2");
	neigh(g, "172.16.0.2", RIB_NEIGH_OK, false);
	rig_del(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	CHECK_STR(asked(g), "172.16.0.2 on 2"); /* no longer */
	done(g);
}

/** Asking for a static neighbour would take its being static from it. */
static void
static_ones_are_left_alone(void)
{
	struct rib_rig *g = rib_rig_new();

	neigh(g, "172.16.0.2", RIB_NEIGH_STATIC, false);
	neigh(g, "172.16.0.3", RIB_NEIGH_OK, false);
	rig_add(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	CHECK_EQ(g->probes, 0);
	WAY(0, "10.8.0.1", "eth 2 02:00:00:00:00:09");
	rig_add(g, "10.9.0.0/16 via 172.16.0.3 dev 2"); /* was nobody's before */
	CHECK_STR(asked(g), "172.16.0.3 on 2 keep");
	rig_del(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	CHECK_EQ(g->probes, 1);
	rig_add(g, "10.8.0.0/16 via 172.16.0.2 dev 2");
	neigh(g, "172.16.0.2", RIB_NEIGH_GONE, false);
	CHECK_STR(asked(g), "172.16.0.2 on 2 keep");
	done(g);
}

static void
hosts_of_a_subnet_get_routes(void)
{
	struct rib_rig *g = rib_rig_new();
	struct addr a;

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	addr_parse("172.16.0.9", &a);
	rib_neigh_miss(g->rib, 2, &a, 1000);
	CHECK_STR(asked(g), "172.16.0.9 on 2");
	rib_neigh_miss(g->rib, 2, &a, 1500); /* asked a moment ago */
	CHECK_EQ(g->probes, 1);
	rib_neigh_miss(g->rib, 2, &a, 2000);
	CHECK_EQ(g->probes, 2);
	neigh(g, "172.16.0.9", RIB_NEIGH_OK, false);
	WAY(0, "172.16.0.9", "eth 2 02:00:00:00:00:09");
	WAY(0, "172.16.0.10", "glean 2");
	rig_add(g, "172.16.0.9/32 via 10.0.0.12 dev 101"); /* a route of its own wins */
	WAY(0, "172.16.0.9", "tunnel 1 10.0.0.12");
	rig_del(g, "172.16.0.9/32 via 10.0.0.12 dev 101");
	WAY(0, "172.16.0.9", "eth 2 02:00:00:00:00:09");
	rig_del(g, "172.16.0.0/24 dev 2 proto kernel");
	WAY(0, "172.16.0.9", "drop");
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	WAY(0, "172.16.0.9", "eth 2 02:00:00:00:00:09");
	rig_neigh_gone(g, 2, "172.16.0.9");
	WAY(0, "172.16.0.9", "glean 2");
	CHECK_EQ(g->dp->adjs, 2); /* ours, the subnet's */
	done(g);
}

/** Anybody on a LAN can claim any address by ARP; that makes no route. */
static void
claims_outside_of_the_subnet_are_no_routes(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "172.17.0.0/24 dev 3 proto kernel");
	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101");
	neigh(g, "10.9.0.1", RIB_NEIGH_OK, false);
	neigh(g, "172.17.0.5", RIB_NEIGH_OK, false); /* another port's subnet */
	neigh(g, "8.8.8.8", RIB_NEIGH_OK, false);
	WAY(0, "10.9.0.1", "tunnel 1 10.0.0.12");
	WAY(0, "172.17.0.5", "glean 3");
	WAY(0, "8.8.8.8", "glean 1 192.0.2.254");
	done(g);
}

/** A spoke that scans the LAN must not use up the adjacencies. */
static void
scans_cost_a_bounded_number_of_adjacencies(void)
{
	struct rib_rig *g = rib_rig_new();
	struct rib_totals t;
	struct addr a;

	rig_add(g, "172.16.0.0/12 dev 2 proto kernel");
	for (uint32_t i = 0; i < 20000; i++) {
		a = addr_from_v4(__builtin_bswap32(0xac100000 + i));
		rib_neigh_miss(g->rib, 2, &a, 1000);
	}
	rib_totals(g->rib, &t);
	CHECK_EQ(t.unresolved, 4096);
	CHECK_EQ(g->dp->adjs, 4096 + 2);
	/* the kernel says that nobody answers: all is given back */
	for (uint32_t i = 0; i < 20000; i++) {
		a = addr_from_v4(__builtin_bswap32(0xac100000 + i));
		rib_neigh(g->rib, 2, &a, RIB_NEIGH_FAILED, NULL, false);
	}
	CHECK_EQ(g->dp->adjs, 2);
	/* or it never says a word: forgotten after a while, when there is need */
	for (uint32_t i = 0; i < 5000; i++) {
		a = addr_from_v4(__builtin_bswap32(0xac100000 + i));
		rib_neigh_miss(g->rib, 2, &a, 2000);
	}
	addr_parse("172.20.0.1", &a);
	rib_neigh_miss(g->rib, 2, &a, 5000);
	rib_totals(g->rib, &t);
	CHECK_EQ(t.unresolved, 4096);
	rib_neigh_miss(g->rib, 2, &a, 60000);
	rib_totals(g->rib, &t);
	CHECK_EQ(t.unresolved, 1);
	done(g);
}

static void
full_tables_are_survived(void)
{
	struct rib_rig *g = rib_rig_new();

	g->dp->adj_limit = 3;
	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "10.1.0.0/16 via 172.16.0.2 dev 2");
	rig_add(g, "10.2.0.0/16 via 172.16.0.3 dev 2"); /* no adjacency left for it */
	WAY(0, "10.1.0.1", "glean 2 172.16.0.2");
	WAY(0, "10.2.0.1", "drop");
	rig_del(g, "10.1.0.0/16 via 172.16.0.2 dev 2");
	rig_del(g, "10.2.0.0/16 via 172.16.0.3 dev 2");
	rig_add(g, "10.2.0.0/16 via 172.16.0.3 dev 2");
	WAY(0, "10.2.0.1", "glean 2 172.16.0.3");
	done(g);
}

/* ---- uplinks ---------------------------------------------------------------------------- */

static void
uplinks_follow_the_routes(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1");
	CHECK_STR(rig_uplink(g, 0, "198.51.100.7", 7), "glean 1 192.0.2.254");
	CHECK_STR(rig_uplink(g, 0, "198.51.100.8", 8), "glean 1 192.0.2.254");
	rig_neigh(g, 1, "192.0.2.254", 5); /* one write for all of them */
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 0);
	rig_add(g, "198.51.100.8/32 via 192.0.2.253 dev 1");
	CHECK_EQ(g->changes, 0); /* told once the batch is over */
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 1);
	CHECK_EQ(g->token, 8);
	CHECK_STR(fake_dp_adj(g->dp, g->uplink, g->text, sizeof(g->text)), "glean 1 192.0.2.253");
	rig_uplink_put(g, 0, "198.51.100.8", 8);
	rig_del(g, "198.51.100.8/32 via 192.0.2.253 dev 1");
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 1);
	rig_del(g, "0.0.0.0/0 via 192.0.2.254 dev 1");
	rib_settle(g->rib);
	CHECK_EQ(g->token, 7);
	CHECK_EQ(g->uplink, DP_ADJ_DROP);
	rig_uplink_put(g, 0, "198.51.100.7", 7);
	done(g);
}

static void
uplinks_on_the_subnet_ask_for_the_host(void)
{
	struct rib_rig *g = rib_rig_new();
	struct addr a;

	rig_add(g, "192.0.2.0/24 dev 1 proto kernel");
	CHECK_STR(rig_uplink(g, 0, "192.0.2.77", 7), "glean 1 192.0.2.77");
	CHECK_STR(asked(g), "192.0.2.77 on 1 keep");
	rig_uplink_put(g, 0, "192.0.2.77", 7);
	addr_parse("192.0.2.78", &a); /* once, for a reply: it may still resolve */
	CHECK(rib_uplink_find(g->rib, 0, &a) != DP_ADJ_DROP);
	rig_neigh(g, 1, "192.0.2.78", 5);
	WAY(0, "192.0.2.78", "eth 1 02:00:00:00:00:05");
	done(g);
}

/** What is learned inside of a tunnel never moves the tunnel. */
static void
uplinks_look_past_clouds(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1 metric 100");
	rig_uplink(g, 0, "198.51.100.7", 7);
	rig_add(g, "0.0.0.0/0 via 10.0.0.12 dev 101 metric 20 proto bgp");
	rig_add(g, "198.51.100.0/24 via 10.0.0.12 dev 101 proto bgp");
	rig_bind(g, 0, 1, "198.51.100.7/32", "198.51.100.7"); /* a spoke claims another's NBMA */
	WAY(0, "8.8.8.8", "tunnel 1 10.0.0.12");
	WAY(0, "198.51.100.7", "tunnel 1 198.51.100.7");
	CHECK_EQ(g->changes, 0);
	CHECK_STR(rig_uplink(g, 0, "198.51.100.9", 9), "glean 1 192.0.2.254");
	rig_add(g, "198.51.100.0/25 drop"); /* but a blackhole is meant */
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 2);
	CHECK_EQ(g->uplink, DP_ADJ_DROP);
	done(g);
}

static void
uplinks_move_to_the_gateway_that_answers(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1 via 192.0.2.253 dev 1");
	rig_neigh(g, 1, "192.0.2.254", 4);
	rig_neigh(g, 1, "192.0.2.253", 3);
	rib_settle(g->rib);
	CHECK_STR(rig_uplink(g, 0, "198.51.100.7", 7), "eth 1 02:00:00:00:00:04");
	rig_neigh(g, 1, "192.0.2.254", 0);
	rib_settle(g->rib);
	CHECK_STR(
		fake_dp_adj(g->dp, g->uplink, g->text, sizeof(g->text)), "eth 1 02:00:00:00:00:03");
	done(g);
}

/* ---- questions --------------------------------------------------------------------------- */

static void
answers_hide_no_more_specific_route(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "172.16.0.0/12 via 172.31.0.2 dev 2");
	rig_add(g, "172.16.0.1/32 local dev 2 proto kernel");
	rig_add(g, "172.20.0.0/16 via 10.0.0.12 dev 101");
	rig_add(g, "10.9.0.0/16 via 10.0.0.12 dev 101");
	rig_add(g, "10.9.128.0/24 via 172.31.0.2 dev 2");
	rig_add(g, "0.0.0.0/0 via 172.31.0.2 dev 2");
	LOOKUP(0, "172.16.0.1", "local 172.16.0.1/32");
	LOOKUP(0, "172.16.0.2", "lan 172.16.0.2/31");
	LOOKUP(0, "172.17.0.1", "lan 172.17.0.0/16");
	LOOKUP(0, "172.24.0.1", "lan 172.24.0.0/13");
	LOOKUP(0, "172.20.9.9", "cloud 1 10.0.0.12 172.20.0.0/16");
	LOOKUP(0, "10.9.1.1", "cloud 1 10.0.0.12 10.9.0.0/17");
	LOOKUP(0, "10.9.129.1", "cloud 1 10.0.0.12 10.9.129.0/24");
	LOOKUP(0, "10.9.128.9", "lan 10.9.128.0/24");
	LOOKUP(0, "9.1.1.1", "lan 9.0.0.0/8");
	LOOKUP(0, "8.8.8.8", "lan 8.0.0.0/8");
	rig_del(g, "10.9.128.0/24 via 172.31.0.2 dev 2");
	LOOKUP(0, "10.9.1.1", "cloud 1 10.0.0.12 10.9.0.0/16");
	done(g);
}

static void
answers_of_other_kinds(void)
{
	struct rib_rig *g = rib_rig_new();

	LOOKUP(0, "10.0.0.7", "none");
	rig_add(g, "10.0.0.0/8 drop");
	LOOKUP(0, "10.1.0.7", "none");
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	LOOKUP(0, "10.0.0.7", "cloud 1 10.0.0.7 10.0.0.0/24");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	LOOKUP(0, "10.0.0.12", "cloud 1 10.0.0.12 10.0.0.12/32");
	LOOKUP(0, "10.0.0.13", "cloud 1 10.0.0.13 10.0.0.13/32");
	rig_bind(g, 0, 1, "10.7.0.0/16", "10.0.0.12"); /* a registered network */
	LOOKUP(0, "10.7.1.1", "cloud 1 10.0.0.12 10.7.0.0/16");
	rig_add(g,
		"10.7.0.0/16 via 172.16.0.2 dev 2 metric 4278198272"); /* the kernel's is first */
	LOOKUP(0, "10.7.1.1", "lan 10.7.0.0/16");
	done(g);
}

/** A resolved host is part of its subnet: it does not shorten the answer. */
static void
answers_take_hosts_as_part_of_their_subnet(void)
{
	struct rib_rig *g = rib_rig_new();

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_neigh(g, 2, "172.16.0.9", 9);
	WAY(0, "172.16.0.9", "eth 2 02:00:00:00:00:09");
	LOOKUP(0, "172.16.0.9", "lan 172.16.0.0/24");
	LOOKUP(0, "172.16.0.8", "lan 172.16.0.0/24");
	done(g);
}

/* ---- show ----------------------------------------------------------------------------------- */

static bool
line(void *arg, const struct rib_info *i)
{
	char p[ADDR_TEXT_BYTES], *text = arg;

	snprintf(text + strlen(text), 400 - strlen(text), "%s%s%s%s ", prefix_print(&i->prefix, p),
		i->neighbour         ? "n"
			: i->binding ? "r"
				     : "",
		i->best ? "" : "-", i->best && !i->active ? "!" : "");
	return strlen(text) < 380;
}

static const char *
listed(struct rib_rig *g, const char *within)
{
	static char text[400];
	struct prefix p;

	text[0] = '\0';
	rib_settle(g->rib);
	if (within != NULL)
		prefix_parse(within, &p);
	rib_each(g->rib, 0, within != NULL ? &p : NULL, line, text);
	return text;
}

static void
lists_are_sorted_and_say_what_workers_hold(void)
{
	struct rib_rig *g = rib_rig_new();
	struct prefix p;

	rig_add(g, "172.16.0.0/24 dev 2 proto kernel");
	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1 metric 9");
	rig_add(g, "0.0.0.0/0 via 192.0.2.253 dev 1 metric 3");
	rig_add(g, "10.0.0.0/24 dev 101 proto kernel");
	rig_add(g, "10.0.0.0/8 drop");
	rig_add(g, "9.0.0.0/9 via 172.16.0.9 dev 2"); /* both halves */
	rig_add(g, "9.128.0.0/9 via 172.16.0.9 dev 2");
	rig_add(g, "9.0.0.0/8 drop");
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	rig_neigh(g, 2, "172.16.0.9", 9);
	CHECK_STR(listed(g, NULL),
		"0.0.0.0/0 0.0.0.0/0- 9.0.0.0/8 9.0.0.0/9 9.128.0.0/9 10.0.0.0/8 10.0.0.0/24 "
		"10.0.0.12/32r 172.16.0.0/24 172.16.0.9/32n ");
	CHECK_STR(listed(g, "10.0.0.0/8"), "10.0.0.0/8 10.0.0.0/24 10.0.0.12/32r ");
	CHECK_STR(listed(g, "172.16.0.8/30"), "172.16.0.9/32n ");
	CHECK_STR(listed(g, "11.0.0.0/8"), "");
	prefix_parse("10.0.0.0/8", &p); /* the workers have something else */
	dp_fib_set(g->dp, 0, &p, 1);
	CHECK_STR(listed(g, "10.0.0.0/8"), "10.0.0.0/8! 10.0.0.0/24 10.0.0.12/32r ");
	done(g);
}

int
main(void)
{
	TEST(gateways_are_watched_over);
	TEST(static_ones_are_left_alone);
	TEST(hosts_of_a_subnet_get_routes);
	TEST(claims_outside_of_the_subnet_are_no_routes);
	TEST(scans_cost_a_bounded_number_of_adjacencies);
	TEST(full_tables_are_survived);
	TEST(uplinks_follow_the_routes);
	TEST(uplinks_on_the_subnet_ask_for_the_host);
	TEST(uplinks_look_past_clouds);
	TEST(uplinks_move_to_the_gateway_that_answers);
	TEST(answers_hide_no_more_specific_route);
	TEST(answers_of_other_kinds);
	TEST(answers_take_hosts_as_part_of_their_subnet);
	TEST(lists_are_sorted_and_say_what_workers_hold);
	return check_done();
}

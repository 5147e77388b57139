/* SPDX-License-Identifier: BSD-3-Clause */
/** The prefix tree against a plain list, and what a full table costs. */
#include <time.h>

#include "control/route/ptree.h"
#include "test/lib/check.h"
#include "test/lib/rib_rig.h"

static uint64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t seed = 1;

static uint32_t
random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* ---- the tree ---------------------------------------------------------------------- */

#define PLAIN 400

struct plain {
	struct prefix p[PLAIN];
	bool there[PLAIN];
};

/** Few distinct octets, so that prefixes nest. */
static struct prefix
random_prefix(void)
{
	uint32_t r = random_next();
	struct prefix p = { .addr = addr_from_v4(__builtin_bswap32(r & 0x0f0f0303)),
		.bits = (uint8_t)(random_next() % 33) };

	if (random_next() % 4 == 0) {
		p.addr.family = ADDR_V6;
		p.bits = (uint8_t)(random_next() % 129);
		for (int i = 4; i < 16; i++)
			p.addr.octet[i] = random_next() % 8 == 0 ? (uint8_t)random_next() : 0;
	}
	return prefix_network(&p);
}

static void *
plain_longest(const struct plain *l, const struct addr *a)
{
	const struct prefix *best = NULL;

	for (int i = 0; i < PLAIN; i++)
		if (l->there[i] && prefix_has(&l->p[i], a) &&
			(best == NULL || l->p[i].bits > best->bits))
			best = &l->p[i];
	return (void *)(uintptr_t)best;
}

/** By trying each length. */
static struct prefix
plain_lengthen(const struct plain *l, const struct prefix *p, const struct addr *a)
{
	for (uint8_t bits = p->bits; bits < addr_bytes(a) * 8; bits++) {
		struct prefix q = { .addr = *a, .bits = bits };
		bool hides = false;

		q = prefix_network(&q);
		for (int i = 0; i < PLAIN; i++)
			hides |= l->there[i] && prefix_covers(&q, &l->p[i]) &&
				!prefix_has(&l->p[i], a);
		if (!hides)
			return q;
	}
	return prefix_host(a);
}

static void
question(const struct ptree *t, const struct plain *l)
{
	struct addr a = random_prefix().addr, own;
	const struct prefix *want = plain_longest(l, &a);
	struct prefix p, q;

	CHECK(ptree_longest(t, &a, NULL, NULL) == want);
	if (want == NULL)
		return;
	p = ptree_lengthen(t, want, &a);
	q = plain_lengthen(l, want, &a);
	CHECK(prefix_equal(&p, &q));
	if (ptree_own_address(t, want, &own))
		CHECK(plain_longest(l, &own) == want);
	else
		CHECK(want->bits < addr_bytes(&a) * 8);
}

struct order {
	const struct prefix *last;
	size_t count;
	bool bad;
};

static bool
in_order(void *arg, void *value)
{
	struct order *o = arg;
	const struct prefix *p = value;
	int cmp = o->last == NULL ? -1 : addr_cmp(&o->last->addr, &p->addr);

	o->bad |= cmp > 0 || (cmp == 0 && o->last->bits >= p->bits);
	o->last = p;
	o->count++;
	return true;
}

static void
tree_agrees_with_a_list(void)
{
	static struct plain l;
	struct ptree t = { 0 };
	size_t count = 0;

	for (int i = 0; i < PLAIN; i++) {
		bool twice = true;

		while (twice) {
			l.p[i] = random_prefix();
			twice = false;
			for (int j = 0; j < i; j++)
				twice |= prefix_equal(&l.p[i], &l.p[j]);
		}
	}
	for (int round = 0; round < 20000; round++) {
		int i = (int)(random_next() % PLAIN);

		if (l.there[i]) {
			CHECK(ptree_del(&t, &l.p[i]) == &l.p[i]);
		} else {
			CHECK(ptree_del(&t, &l.p[i]) == NULL);
			CHECK_EQ(ptree_set(&t, &l.p[i], &l.p[i]), 0);
		}
		l.there[i] = !l.there[i];
		count = l.there[i] ? count + 1 : count - 1;
		CHECK_EQ(t.count, count);
		CHECK(ptree_get(&t, &l.p[i]) == (l.there[i] ? &l.p[i] : NULL));
		question(&t, &l);
		if (check_bad)
			break;
	}
	struct order o = { 0 };
	CHECK(ptree_each(&t, NULL, in_order, &o));
	CHECK_EQ(o.count, count);
	CHECK(!o.bad);
	ptree_free(&t);
}

/* ---- a full table --------------------------------------------------------------------- */

static struct rib_route_in
nth_route(uint32_t i)
{
	struct rib_route_in in = route_of_text("10.0.0.0/24 via 10.0.0.2 dev 101 proto bgp");

	in.prefix.addr = addr_from_v4(__builtin_bswap32(0x14000000 + (i << 8)));
	in.hops[0].gateway = addr_from_v4(__builtin_bswap32(0x0a000002 + i % 250));
	return in;
}

/** Routes from..to into the rib, settled now and then as the loop would. CPU time, us. */
static uint64_t
pour(struct rib_rig *g, uint32_t from, uint32_t to, enum rib_change change)
{
	uint64_t start_us = cpu_us();

	for (uint32_t i = from; i < to; i++) {
		struct rib_route_in in = nth_route(i);

		rib_route(g->rib, &in, change);
		if (i % 1024 == 0)
			rib_settle(g->rib);
	}
	rib_settle(g->rib);
	return cpu_us() - start_us;
}

static uint64_t
ask(struct rib_rig *g, unsigned n)
{
	uint64_t start_us = cpu_us();

	for (unsigned i = 0; i < n; i++) {
		struct addr a = addr_from_v4(__builtin_bswap32(0x14000000 + i * 7919));
		struct rib_answer answer;

		rib_lookup(g->rib, 0, &a, &answer);
	}
	return cpu_us() - start_us;
}

/** 100 000 routes beside 1000 watched spokes cost about ten times what 10 000 do. */
static void
hundred_thousand_routes(void)
{
	struct rib_rig *g = rib_rig_new();
	char remote[32];
	uint64_t small_us, large_us, few_us, many_us, gone_us;

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(remote, sizeof(remote), "198.51.%u.%u", i / 250, i % 250 + 1);
		rig_uplink(g, 0, remote, i + 1);
	}
	small_us = pour(g, 0, 10000, RIB_ADD);
	few_us = ask(g, 10000);
	pour(g, 10000, 90000, RIB_ADD);
	large_us = pour(g, 90000, 100000, RIB_ADD);
	many_us = ask(g, 10000);
	gone_us = pour(g, 0, 100000, RIB_DEL);
	printf("# routes in: first 10 000 %" PRIu64 " us, last of 100 000 %" PRIu64
	       " us; all out %" PRIu64 " us; 10 000 questions: %" PRIu64 " us, %" PRIu64 " us\n",
		small_us, large_us, gone_us, few_us, many_us);
	CHECK(large_us < small_us * 20 + 20000);
	CHECK(gone_us < small_us * 100 + 100000);
	CHECK(many_us < few_us * 20 + 20000);
	CHECK_EQ(g->changes, 0);
	CHECK(g->dp->misuse == NULL);
	CHECK_STR(rig_way(g, 0, "20.0.0.1"), "glean 1 192.0.2.254");
	rib_rig_free(g);
}

/** An address that flaps in front of 10 000 spokes: each is told, once. */
static void
ten_thousand_uplinks_move(void)
{
	struct rib_rig *g = rib_rig_new();
	char remote[32];
	uint64_t start_us;

	rig_add(g, "0.0.0.0/0 via 192.0.2.254 dev 1 metric 10");
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(remote, sizeof(remote), "198.%u.%u.1", i / 250, i % 250);
		rig_uplink(g, 0, remote, (uint64_t)i << 32 | (i + 1));
	}
	start_us = cpu_us();
	rig_add(g, "0.0.0.0/0 via 192.0.2.253 dev 1 metric 5");
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 10000);
	rib_settle(g->rib);
	CHECK_EQ(g->changes, 10000);
	printf("# 10 000 uplinks moved in %" PRIu64 " us\n", cpu_us() - start_us);
	start_us = cpu_us();
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(remote, sizeof(remote), "198.%u.%u.1", i / 250, i % 250);
		rig_uplink_put(g, 0, remote, (uint64_t)i << 32 | (i + 1));
	}
	printf("# and put back in %" PRIu64 " us\n", cpu_us() - start_us);
	struct rib_totals t;
	rib_totals(g->rib, &t);
	CHECK_EQ(t.watches, 0);
	rib_rig_free(g);
}

int
main(void)
{
	TEST(tree_agrees_with_a_list);
	TEST(hundred_thousand_routes);
	TEST(ten_thousand_uplinks_move);
	return check_done();
}

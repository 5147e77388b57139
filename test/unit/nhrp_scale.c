/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "test/lib/check.h"
#include "test/lib/nhrp_rig.h"

static uint64_t
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t
register_many(struct rig *r, unsigned from, unsigned to)
{
	uint64_t start_us = cpu_us();

	for (unsigned i = from; i < to; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		s.hold_s = (uint16_t)(600 + i % 100);
		rig_forget(r);
		CHECK_EQ(rig_register(r, &s), 0);
	}
	return cpu_us() - start_us;
}

/** The last thousand of 10 000 may not cost much more than the first. */
static void
ten_thousand_spokes(void)
{
	struct rig *r = rig_new();
	uint64_t first_us = register_many(r, 0, 1000);

	register_many(r, 1000, 9000);
	uint64_t last_us = register_many(r, 9000, 10000);
	printf("# first 1000: %" PRIu64 " us, last 1000: %" PRIu64 " us\n", first_us, last_us);
	CHECK(last_us < first_us * 8 + 20000);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 10000);
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_TAKEN), 10000);

	uint64_t start_us = cpu_us();
	rig_sleep(r, 650000);
	uint32_t left = nhrp_bindings_count(r->n, 1);
	CHECK(left > 4500 && left < 5500);
	rig_sleep(r, 60000);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
	CHECK_EQ(r->events[NHRP_EXPIRED], 10000);
	CHECK(cpu_us() - start_us < (first_us + 2000) * 100);
	rig_free(r);
}

/** All links drop and come back at once: each finds its own binding. */
static void
ten_thousand_come_back(void)
{
	struct rig *r = rig_new();

	register_many(r, 0, 10000);
	uint64_t start_us = cpu_us();
	for (unsigned i = 0; i < 10000; i++)
		nhrp_link_down(r->n, 1, 100 + i, r->now_ms);
	for (unsigned i = 0; i < 10000; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		s.from.sa += 50000;
		s.from.identity = &s.identity;
		nhrp_link_up(r->n, 1, &s.from, r->now_ms);
	}
	printf("# down and up: %" PRIu64 " us\n", cpu_us() - start_us);
	CHECK_EQ(r->events[NHRP_LINK_LOST], 10000);
	CHECK_EQ(r->events[NHRP_REATTACHED], 10000);

	struct rig_spoke s = rig_spoke(7777, true);
	const struct nhrp_binding *b = nhrp_binding_find(r->n, 1, &s.proto);
	CHECK(b != NULL && b->link == s.from.sa + 50000);
	rig_free(r);
}

static bool
count_until_five(void *ctx, const struct nhrp_binding *b)
{
	unsigned *n = ctx;

	(void)b;
	return ++*n < 5;
}

static bool
count_all(void *ctx, const struct nhrp_binding *b)
{
	unsigned *n = ctx;

	*n += b->link != NHRP_NO_LINK;
	return true;
}

static void
iteration_sees_each_once(void)
{
	struct rig *r = rig_new();
	unsigned n = 0;

	register_many(r, 0, 500);
	nhrp_bindings_each(r->n, 1, count_all, &n);
	CHECK_EQ(n, 500);
	n = 0;
	nhrp_bindings_each(r->n, 1, count_until_five, &n);
	CHECK_EQ(n, 5);
	n = 0;
	nhrp_bindings_each(r->n, 99, count_all, &n);
	CHECK_EQ(n, 0);
	rig_free(r);
}

/** Two hubs, each a registered station of the other: 10.0.0.1 and 10.0.0.2. */
struct pair {
	struct rig *hub[2];
	struct rig_spoke as_spoke[2]; /* [i]: how hub i looks to the other one */
	unsigned moved;
};

static struct pair
pair_new(const char *password0, const char *password1)
{
	struct pair p = { .hub = { rig_new(), rig_new() } };

	if (password0 != NULL)
		rig_password(p.hub[0], password0);
	if (password1 != NULL)
		rig_password(p.hub[1], password1);
	rig_cloud(p.hub[1], 1, "10.0.0.2/24", "fd00::2/64", "198.51.100.2");
	for (unsigned i = 0; i < 2; i++) {
		p.as_spoke[i] = rig_spoke(0, true);
		p.as_spoke[i].identity.data[6] = (uint8_t)('a' + i);
		p.as_spoke[i].proto = rig_addr(i == 0 ? "10.0.0.1" : "10.0.0.2");
		p.as_spoke[i].nbma = rig_addr(i == 0 ? "198.51.100.1" : "198.51.100.2");
		p.as_spoke[i].from.outer = p.as_spoke[i].nbma;
		p.as_spoke[i].from.sa = 9000;
	}
	return p;
}

static void
pair_free(struct pair *p)
{
	rig_free(p->hub[0]);
	rig_free(p->hub[1]);
}

static int
pair_register(struct pair *p, unsigned at, struct rig_spoke *s)
{
	struct nhrp_msg m =
		rig_request(s, NHRP_REGISTRATION_REQUEST, at == 0 ? "10.0.0.1" : "10.0.0.2");
	uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 2, 0 };
	struct nhrp_cie got;

	m.body = (struct nhrp_slice){ cie, 12 };
	rig_forget(p->hub[at]);
	rig_feed(p->hub[at], s, &m);
	struct rig_packet *reply = rig_last(p->hub[at]);
	return reply != NULL && rig_cie(&reply->msg, reply->msg.body, 0, &got) ? got.code : -1;
}

/** Carry packets over the hub-hub link until it is quiet; stops at 100. */
static void
pair_run(struct pair *p)
{
	bool busy = true;

	while (busy && p->moved < 100) {
		busy = false;
		for (unsigned i = 0; i < 2; i++) {
			struct rig *from = p->hub[i];
			unsigned n = from->sent_count;

			for (unsigned k = 0; k < n; k++) {
				struct rig_packet pkt = from->sent[k];
				struct nhrp_from f = p->as_spoke[i].from;

				if (pkt.link != 9000)
					continue;
				from->sent[k].link = 0; /* delivered */
				f.identity = &p->as_spoke[i].identity;
				nhrp_input(
					p->hub[1 - i]->n, 1, &f, pkt.data, pkt.len, from->now_ms);
				p->moved++;
				busy = true;
			}
		}
	}
}

/** A at hub 0 asks for what is behind B at hub 1; the answer comes back the same way. */
static void
two_engines_relay_a_resolution(void)
{
	struct pair p = pair_new("one4both", "one4both");
	struct rig_spoke a = rig_spoke(1, true), b = rig_spoke(2, true);
	struct nhrp_cie cie;
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	rig_route(p.hub[0], "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.2");
	rig_route(p.hub[1], "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.12");
	rig_route(p.hub[1], "10.0.0.11/32", NHRP_ROUTE_CLOUD, 1, "10.0.0.1");
	CHECK_EQ(pair_register(&p, 0, &p.as_spoke[1]), 0);
	CHECK_EQ(pair_register(&p, 1, &p.as_spoke[0]), 0);
	rig_spoke_nat(&a, "203.0.113.7", 4500);
	CHECK_EQ(pair_register(&p, 0, &a), 0);
	CHECK_EQ(pair_register(&p, 1, &b), 0);
	rig_forget(p.hub[0]);
	rig_forget(p.hub[1]);

	struct nhrp_msg q = rig_request(&a, NHRP_RESOLUTION_REQUEST, "10.2.0.9");
	rig_feed(p.hub[0], &a, &q);
	pair_run(&p);
	CHECK_EQ(p.moved, 1);
	struct rig_packet *at_b = rig_last(p.hub[1]);
	CHECK(at_b != NULL && at_b->link == b.from.sa);
	if (at_b == NULL)
		return pair_free(&p);
	CHECK_EQ(at_b->msg.hops, 62);
	CHECK(rig_cie(&at_b->msg, rig_ext(&at_b->msg, NHRP_EXT_FORWARD), 1, &cie));
	CHECK(rig_cie(&at_b->msg, rig_ext(&at_b->msg, NHRP_EXT_NAT), 0, &cie));
	CHECK(addr_equal(&cie.nbma, &a.from.outer)); /* filled in by hub 0, kept by hub 1 */
	CHECK(!rig_cie(&at_b->msg, rig_ext(&at_b->msg, NHRP_EXT_NAT), 1, &cie));

	struct nhrp_msg reply = at_b->msg;
	nhrp_cie_write(&w,
		&(struct nhrp_cie){
			.prefix_bits = 16, .hold_s = 600, .nbma = b.nbma, .proto = b.proto });
	reply.type = NHRP_RESOLUTION_REPLY;
	reply.hops = 64;
	reply.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(p.hub[1], &b, &reply);
	pair_run(&p);
	CHECK_EQ(p.moved, 2);
	struct rig_packet *at_a = rig_last(p.hub[0]);
	CHECK(at_a != NULL && at_a->link == a.from.sa);
	CHECK_EQ(at_a->msg.type, NHRP_RESOLUTION_REPLY);
	CHECK_EQ(at_a->msg.request_id, q.request_id);
	CHECK(rig_cie(&at_a->msg, rig_ext(&at_a->msg, NHRP_EXT_REVERSE), 1, &cie));
	pair_free(&p);
}

/** Routes that point at each other: the record stops it after one round. */
static void
two_engines_break_a_loop(void)
{
	struct pair p = pair_new(NULL, NULL);
	struct rig_spoke a = rig_spoke(1, true);

	rig_route(p.hub[0], "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.2");
	rig_route(p.hub[1], "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.1");
	CHECK_EQ(pair_register(&p, 0, &p.as_spoke[1]), 0);
	CHECK_EQ(pair_register(&p, 1, &p.as_spoke[0]), 0);
	CHECK_EQ(pair_register(&p, 0, &a), 0);
	rig_forget(p.hub[0]);
	rig_forget(p.hub[1]);
	struct nhrp_msg q = rig_request(&a, NHRP_RESOLUTION_REQUEST, "10.2.0.9");
	rig_feed(p.hub[0], &a, &q);
	pair_run(&p);
	CHECK(p.moved <= 4);
	pair_free(&p);
}

/** Different strings: one error, and silence. */
static void
two_engines_do_not_argue_about_passwords(void)
{
	struct pair p = pair_new("left", "right");
	uint8_t pkt[64];
	struct nhrp_msg m = rig_request(&p.as_spoke[0], NHRP_TRAFFIC_INDICATION, "10.0.0.2");
	struct nhrp_from f = p.as_spoke[0].from;
	int len;

	m.ext_count = 0;
	len = nhrp_msg_write(&m, pkt, sizeof(pkt));
	nhrp_input(p.hub[1]->n, 1, &f, pkt, (size_t)len, p.hub[1]->now_ms);
	CHECK_EQ(p.hub[1]->sent_count, 1);
	pair_run(&p);
	CHECK_EQ(p.moved, 1);
	CHECK_EQ(p.hub[0]->sent_count, 0);
	pair_free(&p);
}

int
main(void)
{
	TEST(ten_thousand_spokes);
	TEST(ten_thousand_come_back);
	TEST(iteration_sees_each_once);
	TEST(two_engines_relay_a_resolution);
	TEST(two_engines_break_a_loop);
	TEST(two_engines_do_not_argue_about_passwords);
	return check_done();
}

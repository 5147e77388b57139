/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"
#include "test/lib/nhrp_rig.h"

/**
 * Spokes A and B; 10.2.0.0/16 is behind B (next hop 10.0.0.12), 10.9.0.0/16 is a LAN
 * of the hub, the rest is unreachable.
 */
struct bench {
	struct rig *r;
	struct rig_spoke a, b;
};

static struct bench
bench_new(void)
{
	struct bench t = { .r = rig_new(), .a = rig_spoke(1, true), .b = rig_spoke(2, true) };

	rig_route(t.r, "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.12");
	rig_route(t.r, "10.9.0.0/16", NHRP_ROUTE_PLAIN, 0, NULL);
	rig_route(t.r, "10.0.0.0/24", NHRP_ROUTE_CLOUD, 1, NULL);
	return t;
}

static void
bench_register(struct bench *t)
{
	CHECK_EQ(rig_register(t->r, &t->a), 0);
	CHECK_EQ(rig_register(t->r, &t->b), 0);
	rig_forget(t->r);
}

static struct rig_packet *
resolve(struct bench *t, struct rig_spoke *from, const char *dst)
{
	struct nhrp_msg m = rig_request(from, NHRP_RESOLUTION_REQUEST, dst);

	m.flags |= NHRP_FLAG_ROUTER | NHRP_FLAG_SRC_STABLE;
	rig_forget(t->r);
	rig_feed(t->r, from, &m);
	return rig_last(t->r);
}

static struct nhrp_cie
first_cie(const struct rig_packet *p)
{
	struct nhrp_cie cie = { .code = 0xee };

	CHECK(p != NULL && rig_cie(&p->msg, p->msg.body, 0, &cie));
	return cie;
}

static void
own_and_connected_targets_are_answered(void)
{
	static const struct {
		const char *dst;
		uint8_t bits;
	} cases[] = { { "10.0.0.1", 32 }, { "10.9.1.2", 16 } };
	struct addr hub_nbma = rig_addr("198.51.100.1"), hub = rig_addr("10.0.0.1");
	struct bench t = bench_new();

	bench_register(&t);
	for (size_t i = 0; i < 2; i++) {
		struct rig_packet *p = resolve(&t, &t.a, cases[i].dst);
		struct nhrp_cie cie = first_cie(p), responder;

		CHECK_EQ(p->link, t.a.from.sa);
		CHECK_EQ(p->msg.type, NHRP_RESOLUTION_REPLY);
		CHECK_EQ(p->msg.hops, 255);
		CHECK_EQ(p->msg.request_id, t.a.next_id - 1);
		CHECK(addr_equal(&p->msg.src_proto, &t.a.proto));
		CHECK(p->msg.flags & NHRP_FLAG_AUTHORITATIVE);
		CHECK(p->msg.flags & NHRP_FLAG_ROUTER);
		CHECK_EQ(cie.code, 0);
		CHECK_EQ(cie.prefix_bits, cases[i].bits);
		CHECK_EQ(cie.hold_s, 7200);
		CHECK(addr_equal(&cie.nbma, &hub_nbma));
		CHECK(addr_equal(&cie.proto, &hub));
		CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_RESPONDER), 0, &responder));
		CHECK(nhrp_ext_find(&p->msg, NHRP_EXT_FORWARD) != NULL);
		CHECK(nhrp_ext_find(&p->msg, NHRP_EXT_NAT) != NULL);
	}
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_TAKEN), 2);
	rig_free(t.r);
}

static void
default_route_is_not_answered_as_such(void)
{
	struct bench t = bench_new();

	rig_route(t.r, "0.0.0.0/0", NHRP_ROUTE_PLAIN, 0, NULL);
	bench_register(&t);
	CHECK_EQ(first_cie(resolve(&t, &t.a, "198.18.0.1")).prefix_bits, 8);
	rig_free(t.r);
}

static void
unreachable_gets_code_12(void)
{
	struct bench t = bench_new();

	bench_register(&t);
	CHECK_EQ(first_cie(resolve(&t, &t.a, "172.16.0.1")).code, NHRP_CODE_NO_BINDING);
	CHECK_EQ(first_cie(resolve(&t, &t.a, "10.0.0.77")).code, NHRP_CODE_NO_BINDING);
	CHECK_EQ(first_cie(resolve(&t, &t.b, "10.2.0.1")).code, NHRP_CODE_NO_BINDING); /* itself */
	nhrp_link_down(t.r->n, 1, t.b.from.sa, t.r->now_ms);
	CHECK_EQ(first_cie(resolve(&t, &t.a, "10.2.0.1")).code, NHRP_CODE_NO_BINDING);
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_REFUSED), 4);
	rig_free(t.r);
}

static void
request_is_forwarded_to_the_egress_spoke(void)
{
	struct addr hub_nbma = rig_addr("198.51.100.1"), hub = rig_addr("10.0.0.1");
	struct bench t = bench_new();
	struct nhrp_cie record;

	bench_register(&t);
	struct rig_packet *p = resolve(&t, &t.a, "10.2.0.1");
	CHECK_EQ(t.r->sent_count, 1);
	CHECK_EQ(p->link, t.b.from.sa);
	CHECK_EQ(p->msg.type, NHRP_RESOLUTION_REQUEST);
	CHECK_EQ(p->msg.hops, 63);
	CHECK_EQ(p->msg.request_id, t.a.next_id - 1);
	CHECK(addr_equal(&p->msg.src_nbma, &t.a.nbma));
	CHECK(addr_equal(&p->msg.src_proto, &t.a.proto));
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_FORWARD), 0, &record));
	CHECK(addr_equal(&record.nbma, &hub_nbma));
	CHECK(addr_equal(&record.proto, &hub));
	CHECK_EQ(rig_ext(&p->msg, NHRP_EXT_REVERSE).bytes, 0);
	CHECK_EQ(rig_ext(&p->msg, NHRP_EXT_NAT).bytes, 0); /* nobody is behind a NAT */
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_FORWARDED), 1);

	CHECK_EQ(resolve(&t, &t.a, "10.0.0.12")->link, t.b.from.sa); /* phase 2: the spoke itself */
	rig_free(t.r);
}

/** B's answer to A's request comes through the hub. */
static void
reply_goes_back_to_the_requester(void)
{
	struct addr hub_nbma = rig_addr("198.51.100.1");
	struct bench t = bench_new();
	struct nhrp_cie cie, record;
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	bench_register(&t);
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REPLY, "10.2.0.1");
	cie = (struct nhrp_cie){
		.prefix_bits = 16, .hold_s = 600, .nbma = t.b.nbma, .proto = t.b.proto
	};
	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(t.r, &t.b, &m);
	CHECK_EQ(t.r->sent_count, 1);
	struct rig_packet *p = rig_last(t.r);
	CHECK_EQ(p->link, t.a.from.sa);
	CHECK_EQ(p->msg.hops, 63);
	CHECK_EQ(p->msg.body.bytes, m.body.bytes);
	CHECK_MEM(p->msg.body.data, room, m.body.bytes);
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_REVERSE), 0, &record));
	CHECK(addr_equal(&record.nbma, &hub_nbma));
	CHECK_EQ(rig_ext(&p->msg, NHRP_EXT_FORWARD).bytes, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REPLY, NHRP_FORWARDED), 1);
	rig_free(t.r);
}

/** In every direction the one behind the NAT gets its outside address added by the hub. */
static void
nat_addresses_are_filled_in(void)
{
	struct bench t = bench_new();
	struct nhrp_cie cie;
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	rig_spoke_nat(&t.a, "203.0.113.7", 4500);
	rig_spoke_nat(&t.b, "203.0.113.8", 4500);
	bench_register(&t);
	struct rig_packet *p = resolve(&t, &t.a, "10.2.0.1");
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_NAT), 0, &cie));
	CHECK(addr_equal(&cie.nbma, &t.a.from.outer));
	CHECK(addr_equal(&cie.proto, &t.a.proto));

	struct nhrp_msg bare = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
	nhrp_ext_remove(&bare, NHRP_EXT_NAT); /* as Cisco's guide has it: absent */
	rig_forget(t.r);
	rig_feed(t.r, &t.a, &bare);
	p = rig_last(t.r);
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_NAT), 0, &cie));
	CHECK(addr_equal(&cie.nbma, &t.a.from.outer));

	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REPLY, "10.2.0.1");
	nhrp_cie_write(&w,
		&(struct nhrp_cie){
			.prefix_bits = 16, .hold_s = 600, .nbma = t.b.nbma, .proto = t.b.proto });
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_forget(t.r);
	rig_feed(t.r, &t.b, &m);
	p = rig_last(t.r);
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_NAT), 0, &cie));
	CHECK(addr_equal(&cie.nbma, &t.b.from.outer));
	CHECK(addr_equal(&cie.proto, &t.b.proto));
	CHECK(!rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_NAT), 1, &cie));

	/* What the answering spoke knows itself is left alone. */
	uint8_t own_room[64];
	struct writer own = wr_over(own_room, sizeof(own_room));
	nhrp_cie_write(
		&own, &(struct nhrp_cie){ .nbma = rig_addr("203.0.113.80"), .proto = t.b.proto });
	nhrp_ext_set(&m, NHRP_EXT_NAT, (struct nhrp_slice){ own_room, wr_used(&own) });
	rig_forget(t.r);
	rig_feed(t.r, &t.b, &m);
	p = rig_last(t.r);
	CHECK_EQ(rig_ext(&p->msg, NHRP_EXT_NAT).bytes, wr_used(&own));
	CHECK_MEM(rig_ext(&p->msg, NHRP_EXT_NAT).data, own_room, wr_used(&own));
	rig_free(t.r);
}

static void
forwarding_strips_and_regenerates_authentication(void)
{
	struct bench t = bench_new();
	unsigned found = 0;

	rig_password(t.r, "secret");
	bench_register(&t);
	struct rig_packet *p = resolve(&t, &t.a, "10.2.0.1");
	for (unsigned i = 0; i < p->msg.ext_count; i++)
		found += p->msg.ext[i].type == NHRP_EXT_AUTH;
	CHECK_EQ(found, 1);
	CHECK_EQ(rig_ext(&p->msg, NHRP_EXT_AUTH).bytes, 10);
	CHECK_MEM(rig_ext(&p->msg, NHRP_EXT_AUTH).data, "\0\0\0\1secret", 10);

	/* A cloud without authentication does not pass on what a spoke sent. */
	t.r->conf.authentication.bytes = 0;
	rig_cloud(t.r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
	nhrp_ext_set(&m, NHRP_EXT_AUTH, (struct nhrp_slice){ (const uint8_t *)"\0\0\0\1xx", 6 });
	rig_forget(t.r);
	rig_feed(t.r, &t.a, &m);
	CHECK(nhrp_ext_find(&rig_last(t.r)->msg, NHRP_EXT_AUTH) == NULL);
	rig_free(t.r);
}

/** A transit station copies what it does not know, compulsory or not (FRR drops it). */
static void
transit_copies_unknown_extensions(void)
{
	struct bench t = bench_new();
	struct nhrp_msg m;
	uint8_t value[5] = { 1, 2, 3, 4, 5 };

	bench_register(&t);
	m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
	m.ext[m.ext_count++] = (struct nhrp_ext){ 0x234, true, { value, 5 } };
	rig_feed(t.r, &t.a, &m);
	struct rig_packet *p = rig_last(t.r);
	CHECK_EQ(p->msg.type, NHRP_RESOLUTION_REQUEST);
	CHECK_EQ(rig_ext(&p->msg, 0x234).bytes, 5);
	CHECK(nhrp_ext_find(&p->msg, 0x234)->compulsory);

	m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.9.0.1"); /* we answer: error */
	m.ext[m.ext_count++] = (struct nhrp_ext){ 0x234, true, { value, 5 } };
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(rig_last(t.r)->msg.code, NHRP_ERROR_EXTENSION);
	rig_free(t.r);
}

static void
hop_count_ends_at_one(void)
{
	struct bench t = bench_new();
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");

	bench_register(&t);
	for (uint8_t hops = 0; hops < 3; hops++) {
		m.hops = hops;
		rig_forget(t.r);
		rig_feed(t.r, &t.a, &m);
		CHECK_EQ(t.r->sent_count, 1);
		if (hops < 2) {
			CHECK_EQ(rig_last(t.r)->msg.type, NHRP_ERROR_INDICATION);
			CHECK_EQ(rig_last(t.r)->msg.code, NHRP_ERROR_HOPS);
			CHECK_EQ(rig_last(t.r)->link, t.a.from.sa);
		} else
			CHECK_EQ(rig_last(t.r)->msg.hops, 1);
	}
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_DROP_HOPS), 2);
	rig_free(t.r);
}

static void
loop_is_found_in_the_record(void)
{
	static const struct {
		const char *nbma, *proto;
		bool loop;
	} cases[] = { { "198.51.100.1", "10.0.0.200", true },
		{ "198.51.100.200", "10.0.0.1", true }, { "198.51.100.200", "10.0.0.200", false } };
	struct bench t = bench_new();

	bench_register(&t);
	for (size_t i = 0; i < 3; i++) {
		struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
		struct nhrp_cie cie = { .nbma = rig_addr(cases[i].nbma),
			.proto = rig_addr(cases[i].proto) };
		uint8_t room[64];
		struct writer w = wr_over(room, sizeof(room));

		nhrp_cie_write(&w, &cie);
		nhrp_ext_set(&m, NHRP_EXT_FORWARD, (struct nhrp_slice){ room, wr_used(&w) });
		rig_forget(t.r);
		rig_feed(t.r, &t.a, &m);
		CHECK_EQ(rig_last(t.r)->msg.type,
			cases[i].loop ? NHRP_ERROR_INDICATION : NHRP_RESOLUTION_REQUEST);
		if (cases[i].loop)
			CHECK_EQ(rig_last(t.r)->msg.code, NHRP_ERROR_LOOP);
		else
			CHECK_EQ(rig_ext(&rig_last(t.r)->msg, NHRP_EXT_FORWARD).bytes, 40);
	}
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_DROP_LOOP), 2);
	rig_free(t.r);
}

static void
source_must_be_the_senders(void)
{
	struct bench t = bench_new();
	struct rig_spoke stranger = rig_spoke(3, true);

	bench_register(&t);
	CHECK(resolve(&t, &stranger, "10.2.0.1") == NULL); /* not registered */
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.9.0.1");
	rig_feed(t.r, &t.b, &m); /* B writes A's address */
	CHECK_EQ(t.r->sent_count, 0);
	m.src_proto = rig_addr("10.0.0.1");
	rig_feed(t.r, &t.b, &m);
	CHECK_EQ(t.r->sent_count, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_DROP_SOURCE), 3);
	rig_free(t.r);
}

/** Another hub, registered as a station, relays for its spoke and says so in the record. */
static void
another_hub_may_relay(void)
{
	struct bench t = bench_new();
	struct rig_spoke hub2 = rig_spoke(40, true);
	struct nhrp_cie cie = { .nbma = hub2.nbma, .proto = hub2.proto };
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	bench_register(&t);
	CHECK_EQ(rig_register(t.r, &hub2), 0);
	nhrp_cie_write(&w, &cie);
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
	nhrp_ext_set(&m, NHRP_EXT_FORWARD, (struct nhrp_slice){ room, wr_used(&w) });
	rig_forget(t.r);
	rig_feed(t.r, &hub2, &m);
	CHECK_EQ(t.r->sent_count, 1);
	CHECK_EQ(rig_last(t.r)->link, t.b.from.sa);
	CHECK_EQ(rig_ext(&rig_last(t.r)->msg, NHRP_EXT_FORWARD).bytes, 40);
	rig_free(t.r);
}

static void
forbidden_pairs_get_code_4(void)
{
	struct bench t = bench_new();

	rig_spoke_nat(&t.a, "203.0.113.7", 4500);
	rig_spoke_nat(&t.b, "203.0.113.7", 4501);
	bench_register(&t);
	CHECK_EQ(first_cie(resolve(&t, &t.a, "10.2.0.1")).code, NHRP_CODE_PROHIBITED);
	rig_free(t.r);

	t = bench_new();
	bench_register(&t);
	t.r->deny_shortcuts = true;
	CHECK_EQ(first_cie(resolve(&t, &t.a, "10.2.0.1")).code, NHRP_CODE_PROHIBITED);
	rig_free(t.r);
}

static void
cache_bench(struct bench *t)
{
	t->r->conf.answer_from_cache = true;
	rig_cloud(t->r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	rig_spoke_nat(&t->b, "203.0.113.8", 4500);
	bench_register(t);
}

static void
answer_from_cache(void)
{
	struct bench t = bench_new();
	struct nhrp_cie nat;

	cache_bench(&t);
	rig_sleep(t.r, 100000);
	struct rig_packet *p = resolve(&t, &t.a, "10.0.0.12");
	struct nhrp_cie cie = first_cie(p);
	CHECK_EQ(p->link, t.a.from.sa);
	CHECK_EQ(p->msg.type, NHRP_RESOLUTION_REPLY);
	CHECK(p->msg.flags & NHRP_FLAG_AUTHORITATIVE);
	CHECK_EQ(cie.hold_s, 500); /* what is left */
	CHECK_EQ(cie.prefix_bits, 32);
	CHECK(addr_equal(&cie.nbma, &t.b.nbma));
	CHECK(rig_cie(&p->msg, rig_ext(&p->msg, NHRP_EXT_NAT), 0, &nat));
	CHECK(addr_equal(&nat.nbma, &t.b.from.outer));

	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.0.0.12");
	nhrp_ext_remove(&m, NHRP_EXT_NAT); /* one that does not know NAT gets what works */
	rig_feed(t.r, &t.a, &m);
	cie = first_cie(rig_last(t.r));
	CHECK(addr_equal(&cie.nbma, &t.b.from.outer));

	CHECK_EQ(resolve(&t, &t.a, "10.2.0.1")->link, t.b.from.sa); /* its networks: forwarded */
	rig_free(t.r);
}

/** Who was told a binding hears when it moves; repeated until answered. */
static void
askers_are_purged(void)
{
	struct bench t = bench_new();
	struct addr old;
	struct nhrp_cie cie;

	cache_bench(&t);
	old = t.b.from.outer;
	resolve(&t, &t.a, "10.0.0.12");
	resolve(&t, &t.a, "10.0.0.12"); /* twice asked, once purged */
	rig_spoke_nat(&t.b, "203.0.113.9", 4500);
	rig_forget(t.r);
	CHECK_EQ(rig_register(t.r, &t.b), 0);
	rig_sleep(t.r, 0);
	CHECK_EQ(t.r->sent_count, 2);
	struct rig_packet *p = rig_last(t.r);
	CHECK_EQ(p->msg.type, NHRP_PURGE_REQUEST);
	CHECK_EQ(p->link, t.a.from.sa);
	CHECK(addr_equal(&p->msg.dst_proto, &t.a.proto));
	cie = first_cie(p);
	CHECK(addr_equal(&cie.proto, &t.b.proto));
	CHECK(addr_equal(&cie.nbma, &old));
	CHECK_EQ(cie.prefix_bits, 32);

	rig_sleep(t.r, 5000);
	CHECK_EQ(t.r->sent_count, 3);
	CHECK_EQ(rig_last(t.r)->msg.request_id, p->msg.request_id);

	struct nhrp_msg reply = p->msg;
	reply.type = NHRP_PURGE_REPLY;
	reply.request_id++;
	rig_feed(t.r, &t.a, &reply);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REPLY, NHRP_DROP_UNEXPECTED), 1);
	reply.request_id--;
	reply.dst_proto = t.b.proto; /* right id, another station */
	rig_feed(t.r, &t.b, &reply);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REPLY, NHRP_DROP_UNEXPECTED), 2);
	reply.dst_proto = t.a.proto;
	rig_feed(t.r, &t.a, &reply);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REPLY, NHRP_TAKEN), 1);
	rig_sleep(t.r, 30000);
	CHECK_EQ(t.r->sent_count, 3);
	CHECK_EQ(t.r->events[NHRP_PURGE_UNANSWERED], 0);
	rig_free(t.r);
}

/** The list of those who were told is short, and the purges under way are limited. */
static void
askers_are_bounded(void)
{
	enum { TARGETS = 300, ASKERS = 20 };
	struct bench t = bench_new();
	char dst[ADDR_TEXT_BYTES];

	cache_bench(&t);
	for (unsigned i = 100; i < 100 + TARGETS; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		rig_forget(t.r);
		CHECK_EQ(rig_register(t.r, &s), 0);
	}
	for (unsigned k = 0; k < ASKERS; k++) {
		struct rig_spoke s = rig_spoke(1000 + k, true);

		rig_forget(t.r);
		CHECK_EQ(rig_register(t.r, &s), 0);
		for (unsigned i = 100; i < 100 + TARGETS; i++) {
			struct addr target = rig_spoke(i, true).proto;

			resolve(&t, &s, addr_print(&target, dst));
		}
	}
	struct addr one = rig_spoke(100, true).proto;
	struct prefix p = prefix_host(&one);
	CHECK_EQ(nhrp_bindings_clear(t.r->n, 1, &p, t.r->now_ms), 1);
	rig_sleep(t.r, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REQUEST, NHRP_SENT), 16);
	for (unsigned i = 101; i < 100 + TARGETS; i++) {
		one = rig_spoke(i, true).proto;
		p = prefix_host(&one);
		nhrp_bindings_clear(t.r->n, 1, &p, t.r->now_ms);
	}
	rig_sleep(t.r, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REQUEST, NHRP_SENT), 4096);
	rig_free(t.r);
}

static void
what_ran_out_is_not_purged(void)
{
	struct bench t = bench_new();

	cache_bench(&t);
	resolve(&t, &t.a, "10.0.0.12"); /* told for 600 s */
	rig_sleep(t.r, 599000);
	CHECK_EQ(rig_register(t.r, &t.a), 0);
	CHECK_EQ(rig_register(t.r, &t.b), 0);
	rig_sleep(t.r, 2000);
	rig_forget(t.r);
	CHECK_EQ(nhrp_bindings_clear(
			 t.r->n, 1, &(struct prefix){ .addr = t.b.proto, .bits = 32 }, t.r->now_ms),
		1);
	rig_sleep(t.r, 1000);
	CHECK_EQ(t.r->sent_count, 0);
	rig_free(t.r);
}

static void
purge_gives_up_after_three(void)
{
	struct bench t = bench_new();

	cache_bench(&t);
	resolve(&t, &t.a, "10.0.0.12");
	rig_forget(t.r);
	nhrp_bindings_clear(
		t.r->n, 1, &(struct prefix){ .addr = t.b.proto, .bits = 32 }, t.r->now_ms);
	rig_sleep(t.r, 60000);
	CHECK_EQ(t.r->sent_count, 3);
	CHECK_EQ(t.r->events[NHRP_PURGE_UNANSWERED], 1);
	rig_free(t.r);
}

/** A shortcut that the egress spoke announced through us is purged when that spoke moves. */
static void
relayed_answers_are_purged_too(void)
{
	struct bench t = bench_new();
	struct nhrp_cie cie = { .prefix_bits = 16, .hold_s = 600 };
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	bench_register(&t);
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REPLY, "10.2.0.1");
	cie.nbma = t.b.nbma;
	cie.proto = t.b.proto;
	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(t.r, &t.b, &m);
	t.b.from.outer = t.b.nbma = rig_addr("203.0.113.9");
	CHECK_EQ(rig_register(t.r, &t.b), 0);
	rig_sleep(t.r, 0);
	struct nhrp_cie purged = first_cie(rig_last(t.r));
	struct addr net = rig_addr("10.2.0.0");
	CHECK_EQ(rig_last(t.r)->msg.type, NHRP_PURGE_REQUEST);
	CHECK(addr_equal(&purged.proto, &net));
	CHECK_EQ(purged.prefix_bits, 16);
	rig_free(t.r);
}

static void
purges_travel_through(void)
{
	struct bench t = bench_new();
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	bench_register(&t);
	nhrp_cie_write(&w, &(struct nhrp_cie){ .prefix_bits = 16, .proto = rig_addr("10.2.0.0") });
	struct nhrp_msg m = rig_request(&t.b, NHRP_PURGE_REQUEST, "10.0.0.11");
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(t.r, &t.b, &m);
	CHECK_EQ(rig_last(t.r)->link, t.a.from.sa);
	CHECK_EQ(nhrp_bindings_count(t.r->n, 1), 2);
	m.type = NHRP_PURGE_REPLY;
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(rig_last(t.r)->link, t.b.from.sa);
	CHECK_EQ(rig_counted(t.r, NHRP_PURGE_REPLY, NHRP_FORWARDED), 1);
	rig_free(t.r);
}

static void
replies_we_did_not_ask_for(void)
{
	struct bench t = bench_new();

	bench_register(&t);
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REPLY, "10.2.0.1");
	m.src_proto = rig_addr("10.0.0.1");
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(rig_last(t.r)->msg.code, NHRP_ERROR_REPLY);
	m.type = NHRP_REGISTRATION_REPLY;
	rig_forget(t.r);
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(t.r->sent_count, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_REGISTRATION_REPLY, NHRP_DROP_UNEXPECTED), 1);
	rig_free(t.r);
}

static void
errors_are_counted_and_never_answered(void)
{
	struct bench t = bench_new();
	struct nhrp_msg m;

	bench_register(&t);
	m = rig_request(&t.a, NHRP_ERROR_INDICATION, "10.0.0.1");
	m.code = 6;
	m.has_exts = false;
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(t.r->events[NHRP_ERROR_RECEIVED], 1);
	m.src_proto = rig_addr("10.0.0.1"); /* our own coming back */
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(rig_counted(t.r, NHRP_ERROR_INDICATION, NHRP_DROP_LOOP), 1);
	m.src_proto = t.a.proto;
	m.dst_proto = t.b.proto; /* for another station */
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(t.r->sent_count, 1);
	CHECK_EQ(rig_last(t.r)->link, t.b.from.sa);
	m.hops = 0; /* as FRR sends them */
	rig_feed(t.r, &t.a, &m);
	m.dst_proto = rig_addr("172.16.0.1");
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(t.r->sent_count, 1);
	CHECK_EQ(rig_counted(t.r, NHRP_ERROR_INDICATION, NHRP_DROP_HOPS), 1);
	CHECK_EQ(rig_counted(t.r, NHRP_ERROR_INDICATION, NHRP_DROP_NO_PEER), 1);
	rig_free(t.r);
}

static void
other_network_id_ends_the_shortcut(void)
{
	struct bench t = bench_new();
	struct addr hub_nbma = rig_addr("198.51.100.1");

	rig_route(t.r, "10.5.0.0/16", NHRP_ROUTE_CLOUD, 2, "10.1.0.12");
	bench_register(&t);
	rig_cloud(t.r, 2, "10.1.0.1/24", "fd01::1/64", "198.51.100.1"); /* equal id */
	struct rig_spoke c = rig_spoke(2, true);
	c.cloud = 2;
	c.proto = rig_addr("10.1.0.12");
	c.from.sa = 300;
	c.from.outer = c.nbma = rig_addr("203.0.113.30");
	struct nhrp_msg m = rig_request(&c, NHRP_REGISTRATION_REQUEST, "10.1.0.1");
	uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 2, 0 };
	m.body = (struct nhrp_slice){ cie, 12 };
	rig_feed(t.r, &c, &m);
	CHECK_EQ(nhrp_bindings_count(t.r->n, 2), 1);

	struct rig_packet *p = resolve(&t, &t.a, "10.5.0.1");
	CHECK_EQ(p->cloud, 2);
	CHECK_EQ(p->link, 300);

	t.r->conf.network_id = 2;
	rig_cloud(t.r, 2, "10.1.0.1/24", "fd01::1/64", "198.51.100.1");
	p = resolve(&t, &t.a, "10.5.0.1");
	CHECK_EQ(p->cloud, 1);
	CHECK_EQ(p->msg.type, NHRP_RESOLUTION_REPLY);
	struct nhrp_cie answer = first_cie(p);
	CHECK(addr_equal(&answer.nbma, &hub_nbma));
	CHECK_EQ(answer.prefix_bits, 16);
	rig_free(t.r);
}

static void
too_long_for_one_more_record(void)
{
	struct bench t = bench_new();
	static uint8_t filler[1316];

	bench_register(&t);
	struct nhrp_msg m = rig_request(&t.a, NHRP_RESOLUTION_REQUEST, "10.2.0.1");
	m.ext[m.ext_count++] = (struct nhrp_ext){ NHRP_EXT_VENDOR, false, { filler, 1316 } };
	rig_feed(t.r, &t.a, &m); /* fits */
	CHECK_EQ(rig_last(t.r)->msg.type, NHRP_RESOLUTION_REQUEST);
	m.ext[m.ext_count++] = (struct nhrp_ext){ NHRP_EXT_VENDOR, false, { filler, 12 } };
	rig_forget(t.r);
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(rig_last(t.r)->msg.code, NHRP_ERROR_TOO_BIG);
	CHECK_EQ(rig_counted(t.r, NHRP_RESOLUTION_REQUEST, NHRP_DROP_TOO_BIG), 1);
	rig_free(t.r);
}

/** Each packet in ends in exactly one outcome. */
static void
every_packet_is_counted_once(void)
{
	struct bench t = bench_new();
	uint64_t sum = 0, before;

	bench_register(&t);
	before = 2;
	for (uint8_t type = 1; type <= 8; type++) {
		struct nhrp_msg m = rig_request(&t.a, type, "10.2.0.1");

		rig_feed(t.r, &t.a, &m);
		before++;
	}
	for (int type = 0; type < NHRP_TYPES; type++)
		for (int o = NHRP_TAKEN; o < NHRP_HELD_PAIR; o++)
			sum += rig_counted(t.r, (uint8_t)type, (enum nhrp_outcome)o);
	CHECK_EQ(sum, before);
	for (int o = 0; o < NHRP_OUTCOMES; o++)
		CHECK(nhrp_outcome_name((enum nhrp_outcome)o) != NULL);
	for (int i = 0; i < NHRP_REASONS; i++)
		CHECK(nhrp_reason_name((enum nhrp_reason)i) != NULL);
	rig_free(t.r);
}

int
main(void)
{
	TEST(own_and_connected_targets_are_answered);
	TEST(default_route_is_not_answered_as_such);
	TEST(unreachable_gets_code_12);
	TEST(request_is_forwarded_to_the_egress_spoke);
	TEST(reply_goes_back_to_the_requester);
	TEST(nat_addresses_are_filled_in);
	TEST(forwarding_strips_and_regenerates_authentication);
	TEST(transit_copies_unknown_extensions);
	TEST(hop_count_ends_at_one);
	TEST(loop_is_found_in_the_record);
	TEST(source_must_be_the_senders);
	TEST(another_hub_may_relay);
	TEST(forbidden_pairs_get_code_4);
	TEST(answer_from_cache);
	TEST(askers_are_purged);
	TEST(askers_are_bounded);
	TEST(what_ran_out_is_not_purged);
	TEST(purge_gives_up_after_three);
	TEST(relayed_answers_are_purged_too);
	TEST(purges_travel_through);
	TEST(replies_we_did_not_ask_for);
	TEST(errors_are_counted_and_never_answered);
	TEST(other_network_id_ends_the_shortcut);
	TEST(too_long_for_one_more_record);
	TEST(every_packet_is_counted_once);
	return check_done();
}

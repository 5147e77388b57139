/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"
#include "test/lib/nhrp_rig.h"
#include "test/lib/nhrp_vectors.h"

static const struct nhrp_binding *
bound(const struct rig *r, const struct rig_spoke *s)
{
	return nhrp_binding_find(r->n, 1, &s->proto);
}

/** The vectors' spoke at 203.0.113.7 asks; the hub's answer is the vector, octet by octet. */
static void
vector_request_gets_vector_reply(void)
{
	struct rig *r = rig_new();
	struct nhrp_from from = { .sa = 7, .outer = rig_addr("203.0.113.7"), .udp_port = 4500 };
	struct addr proto = rig_addr("10.0.0.13"), claimed = rig_addr("192.0.2.13");
	uint8_t request[256], reply[256];
	size_t len = check_unhex(VECTOR_REQUEST_AUTH, request, sizeof(request));
	size_t reply_len = check_unhex(VECTOR_REPLY, reply, sizeof(reply));

	rig_password(r, "cisco123");
	nhrp_input(r->n, 1, &from, request, len, r->now_ms);
	CHECK_EQ(r->sent_count, 1);
	CHECK_EQ(r->sent[0].link, 7);
	CHECK_EQ(r->sent[0].len, reply_len);
	CHECK_MEM(r->sent[0].data, reply, reply_len);
	CHECK_EQ(r->changes_count, 1);

	const struct nhrp_binding *b = nhrp_binding_find(r->n, 1, &proto);
	CHECK(b != NULL);
	if (b != NULL) {
		CHECK(addr_equal(&b->claimed, &claimed));
		CHECK(addr_equal(&b->nbma, &from.outer));
		CHECK_EQ(b->udp_port, 4500);
		CHECK_EQ(b->mtu, 17916);
		CHECK_EQ(b->flags, NHRP_UNIQUE | NHRP_NAT | NHRP_UP);
		CHECK_EQ(b->expires_ms, r->now_ms + 7200000);
	}
	rig_free(r);
}

/** What FRR 8.4 really sends is taken, and answered with its two-extension order undisturbed. */
static void
captured_frr_request_is_taken(void)
{
	static const struct {
		const char *file, *hub4, *hub6;
	} cases[] = { { "frr-plain-3-1", "10.255.0.1/32", "fd00::1/64" },
		{ "frr-v6-3-2", "10.255.0.1/32", "fd00:255::1/64" } };
	uint8_t pkt[256];
	char path[512];

	for (size_t i = 0; i < 2; i++) {
		struct rig *r = rig_new();
		struct nhrp_from from = { .sa = 9, .outer = rig_addr("192.0.2.12") };

		rig_cloud(r, 1, cases[i].hub4, cases[i].hub6, "192.0.2.1");
		snprintf(path, sizeof(path), "%s/fuzz/nhrp/%s", TEST_VECTORS, cases[i].file);
		FILE *f = fopen(path, "rb");
		CHECK(f != NULL);
		if (f != NULL) {
			size_t len = fread(pkt, 1, sizeof(pkt), f);

			fclose(f);
			nhrp_input(r->n, 1, &from, pkt, len, r->now_ms);
		}
		CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_TAKEN), 1);
		CHECK_EQ(nhrp_bindings_count(r->n, 1), 1);
		CHECK_EQ(r->sent_count, 1);
		rig_free(r);
	}
}

static void
refresh_and_expiry(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	s.hold_s = 60;
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK_EQ(r->changes_count, 1);
	rig_sleep(r, 50000);
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK_EQ(r->changes_count, 1); /* nothing changed for the data path */
	rig_sleep(r, 59999);
	CHECK(bound(r, &s) != NULL);
	rig_sleep(r, 1);
	CHECK(bound(r, &s) == NULL);
	CHECK_EQ(r->changes_count, 2);
	CHECK(!r->changes[1].up);
	CHECK_EQ(r->changes[1].reason, NHRP_EXPIRED);
	CHECK_EQ(r->changes[1].b.link, s.from.sa);
	CHECK_EQ(r->events[NHRP_EXPIRED], 1);
	CHECK_EQ(nhrp_next_ms(r->n), UINT64_MAX);
	rig_free(r);
}

static void
same_request_id_is_only_answered_again(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	CHECK_EQ(rig_register(r, &s), 0);
	uint64_t expires_ms = bound(r, &s)->expires_ms;
	rig_sleep(r, 1000);
	s.next_id = 1;
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK_EQ(r->sent_count, 2);
	CHECK_EQ(r->changes_count, 1);
	CHECK_EQ(bound(r, &s)->expires_ms, expires_ms);
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_REPEATED), 1);

	rig_sleep(r, 200000); /* a third of 600 s: now it is a renewal */
	s.next_id = 1;
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK_EQ(bound(r, &s)->expires_ms, r->now_ms + 600000);
	rig_free(r);
}

static void
holding_time_default_and_clamp(void)
{
	static const struct {
		uint16_t asked_s, granted_s;
	} cases[] = { { 0, 300 }, { 1, 20 }, { 20, 20 }, { 599, 599 }, { 65535, 600 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke s = rig_spoke(1, true);
		struct nhrp_cie cie;

		r->conf.holdtime_s = 300;
		r->conf.holdtime_min_s = 20;
		r->conf.holdtime_max_s = 600;
		rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
		s.hold_s = cases[i].asked_s;
		CHECK_EQ(rig_register(r, &s), 0);
		CHECK_EQ(bound(r, &s)->hold_s, cases[i].granted_s);
		CHECK(rig_cie(&rig_last(r)->msg, rig_last(r)->msg.body, 0, &cie));
		CHECK_EQ(cie.hold_s, cases[i].granted_s);
		rig_free(r);
	}
}

/** Who may replace whom, for each rule of the configuration. */
static void
unique_rules(void)
{
	static const struct {
		enum nhrp_unique rule;
		bool protected, unique, same_identity, same_nbma;
		int code;
	} cases[] = {
		/* rule, protected, unique, same identity, same NBMA, code */
		{ UNIQUE_SAME_IDENTITY, true, true, true, false, 0 },
		{ UNIQUE_SAME_IDENTITY, true, true, false, false, 14 },
		{ UNIQUE_SAME_IDENTITY, true, false, true, false, 0 },
		{ UNIQUE_SAME_IDENTITY, true, false, false, false, 4 },
		{ UNIQUE_SAME_IDENTITY, true, false, false, true, 4 },
		{ UNIQUE_SAME_IDENTITY, false, true, true, false, 14 },
		{ UNIQUE_SAME_IDENTITY, false, true, true, true, 0 },
		{ UNIQUE_SAME_IDENTITY, false, false, true, false, 0 },
		{ UNIQUE_HONOUR, true, true, true, false, 14 },
		{ UNIQUE_HONOUR, true, true, true, true, 0 },
		{ UNIQUE_HONOUR, true, false, true, false, 0 },
		{ UNIQUE_HONOUR, true, true, false, true, 14 },
		{ UNIQUE_HONOUR, false, true, true, false, 14 },
		{ UNIQUE_REPLACE, true, true, false, false, 0 },
		{ UNIQUE_REPLACE, false, true, true, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke a = rig_spoke(1, cases[i].protected), b = a;

		r->conf.unique = cases[i].rule;
		rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
		if (cases[i].unique)
			a.flags = b.flags |= NHRP_FLAG_REG_UNIQUE;
		if (!cases[i].same_identity)
			b.identity.data[6] = '9';
		if (!cases[i].same_nbma)
			b.from.outer = b.nbma = rig_addr("203.0.113.99");
		b.from.sa = 999;
		b.next_id = 50;
		CHECK_EQ(rig_register(r, &a), 0);
		int code = rig_register(r, &b);
		if (code != cases[i].code)
			printf("# case %zu\n", i);
		CHECK_EQ(code, cases[i].code);
		CHECK_EQ(bound(r, &a)->link, cases[i].code == 0 ? 999 : a.from.sa);
		CHECK_EQ(r->changes_count, cases[i].code == 0 ? 2 : 1);
		CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_REFUSED),
			cases[i].code == 0 ? 0 : 1);
		rig_free(r);
	}
}

/** A name is the same owner by the same authority, by a stronger one, or when the other is gone. */
static void
owner_is_name_and_authority(void)
{
	static const struct authority several = { AUTHORITY_KEY, { 1 } },
				      others = { AUTHORITY_KEY, { 2 } },
				      own = { AUTHORITY_OWN_KEY, { 0 } },
				      ca = { AUTHORITY_CERTIFICATE, { 1 } },
				      other_ca = { AUTHORITY_CERTIFICATE, { 2 } };
	static const struct {
		const struct authority *older, *newer;
		bool takes;
	} cases[] = {
		{ &several, &several, true },
		{ &several, &others, false },
		{ &several, &own, true },
		{ &several, &ca, true },
		{ &own, &several, false },
		{ &own, &own, true },
		{ &own, &ca, true },
		{ &ca, &several, false },
		{ &ca, &own, false },
		{ &ca, &ca, true },
		{ &ca, &other_ca, false },
	};

	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke a = rig_spoke(1, true), b = a;
		bool unique = i % 2, gone = i / 2 % 2, takes = cases[i / 4].takes || gone;

		if (unique)
			a.flags = b.flags |= NHRP_FLAG_REG_UNIQUE;
		a.from.authority = *cases[i / 4].older;
		b.from.authority = *cases[i / 4].newer;
		b.from.outer = b.nbma = rig_addr("203.0.113.99");
		b.from.sa = 999;
		b.next_id = 50;
		CHECK_EQ(rig_register(r, &a), 0);
		if (gone)
			nhrp_link_down(r->n, 1, a.from.sa, r->now_ms);
		int code = rig_register(r, &b);
		if (code != (takes ? 0 : unique ? 14 : 4))
			printf("# case %zu\n", i);
		CHECK_EQ(code, takes ? 0 : unique ? 14 : 4);
		CHECK_EQ(bound(r, &a)->link, takes ? 999 : a.from.sa);
		CHECK_EQ(r->events[NHRP_REFUSED_OWNER], !takes);
		CHECK_EQ(r->events[NHRP_REFUSED_UNIQUE] + r->events[NHRP_REFUSED_ADMIN], 0);
		/* And back again: it is of the newer's authority now. */
		CHECK_EQ(rig_register(r, &a) == 0,
			!takes || authority_may_take(&b.from.authority, &a.from.authority));
		rig_free(r);
	}
}

/** What is down comes back by itself only to who might have taken it. */
static void
reattached_by_authority(void)
{
	for (int kind = AUTHORITY_KEY; kind <= AUTHORITY_CERTIFICATE; kind++)
		for (int beside = 0; beside < 2; beside++) {
			struct rig *r = rig_new();
			struct rig_spoke s = rig_spoke(1, true);
			struct nhrp_from next;

			s.from.authority.kind = AUTHORITY_OWN_KEY;
			next = s.from;
			next.sa = 700;
			next.identity = &s.identity;
			next.authority.kind = (uint8_t)kind;
			CHECK_EQ(rig_register(r, &s), 0);
			if (beside) /* before the older goes */
				nhrp_link_up(r->n, 1, &next, r->now_ms);
			nhrp_link_down(r->n, 1, s.from.sa, r->now_ms);
			if (!beside)
				nhrp_link_up(r->n, 1, &next, r->now_ms);
			CHECK_EQ(bound(r, &s)->link, kind < AUTHORITY_OWN_KEY ? 0 : 700);
			rig_free(r);
		}
}

/** Unprotected: claiming the victim's NBMA address does not help, the outer address counts. */
static void
forged_claim_does_not_move_a_unique_binding(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, false), evil = a;

	a.flags = evil.flags |= NHRP_FLAG_REG_UNIQUE;
	evil.from.sa = 666;
	evil.from.outer = rig_addr("203.0.113.66");
	evil.next_id = 77;
	CHECK_EQ(rig_register(r, &a), 0);
	CHECK_EQ(rig_register(r, &evil), 14);
	CHECK_EQ(bound(r, &a)->link, a.from.sa);
	CHECK_EQ(r->events[NHRP_REFUSED_UNIQUE], 1);
	rig_free(r);
}

static void
addresses_nobody_may_register(void)
{
	static const char *bad[] = { "10.0.0.1", "0.0.0.0", "224.0.0.5", "255.255.255.255",
		"127.0.0.1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke s = rig_spoke(1, true);
		struct nhrp_cie cie = {
			.prefix_bits = 32, .hold_s = 60, .proto = rig_addr(bad[i])
		};
		struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");
		uint8_t room[64];
		struct writer w = wr_over(room, sizeof(room));

		nhrp_cie_write(&w, &cie);
		m.body = (struct nhrp_slice){ room, wr_used(&w) };
		rig_feed(r, &s, &m);
		CHECK(rig_last(r) != NULL &&
			rig_cie(&rig_last(r)->msg, rig_last(r)->msg.body, 0, &cie));
		CHECK_EQ(cie.code, NHRP_CODE_PROHIBITED);
		CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
		CHECK_EQ(r->changes_count, 0);
		rig_free(r);
	}
}

static int
register_prefix(struct rig *r, struct rig_spoke *s, uint8_t wire_bits)
{
	struct nhrp_cie cie = { .prefix_bits = wire_bits, .hold_s = 60 };
	struct nhrp_msg m = rig_request(s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(r, s, &m);
	return rig_cie(&rig_last(r)->msg, rig_last(r)->msg.body, 0, &cie) ? cie.code : -1;
}

static void
prefix_rules(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	struct addr other = rig_addr("10.0.0.12");

	CHECK_EQ(register_prefix(r, &s, 0), 0);
	CHECK_EQ(register_prefix(r, &s, 32), 0);
	CHECK_EQ(register_prefix(r, &s, 0xff), 0);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 1);
	CHECK_EQ(register_prefix(r, &s, 31), 4);

	r->conf.max_prefix_bits_v4 = 29;
	rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	CHECK_EQ(register_prefix(r, &s, 30), 0); /* 10.0.0.8/30 holds 10.0.0.11 */
	CHECK_EQ(register_prefix(r, &s, 28), 4);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 2);
	CHECK_EQ(bound(r, &s)->bits, 32);
	CHECK(nhrp_binding_find(r->n, 1, &other) == NULL);
	other = rig_addr("10.0.0.9");
	CHECK(nhrp_binding_find(r->n, 1, &other) != NULL);
	CHECK_EQ(nhrp_binding_find(r->n, 1, &other)->bits, 30);

	s.flags |= NHRP_FLAG_REG_UNIQUE; /* unique is for hosts */
	CHECK_EQ(register_prefix(r, &s, 30), 4);

	struct rig_spoke near = rig_spoke(0, true); /* its /29 would hold the hub's own 10.0.0.1 */
	near.proto = rig_addr("10.0.0.2");
	CHECK_EQ(register_prefix(r, &near, 29), 4);
	rig_free(r);
}

static void
policy_may_refuse_an_identity(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, true), b = rig_spoke(2, true);

	r->deny_link = a.from.sa;
	CHECK_EQ(rig_register(r, &a), 4);
	CHECK_EQ(rig_register(r, &b), 0);
	CHECK_EQ(r->events[NHRP_REFUSED_OVERLAY], 1);
	CHECK_EQ(r->events[NHRP_REFUSED_ADMIN], 0);
	rig_free(r);
}

/** A registration does not outlive what it was allowed by: the spoke comes again, it does not. */
static void
policy_may_refuse_what_was_registered(void)
{
	for (int twin = 0; twin < 2; twin++) {
		struct rig *r = rig_new();
		struct rig_spoke s = rig_spoke(1, true);
		struct nhrp_from again = s.from;

		again.sa = 200;
		again.identity = &s.identity;
		CHECK_EQ(rig_register(r, &s), 0);
		r->deny_link = again.sa;
		if (twin) /* the new link is there before the old one goes */
			nhrp_link_up(r->n, 1, &again, r->now_ms);
		nhrp_link_down(r->n, 1, s.from.sa, r->now_ms);
		CHECK_EQ(r->changes_count, 2);
		CHECK(!r->changes[1].up);
		CHECK_EQ(r->changes[1].reason, NHRP_LINK_LOST);
		nhrp_link_up(r->n, 1, &again, r->now_ms);
		CHECK_EQ(r->changes_count, 2);
		CHECK_EQ(r->events[NHRP_REATTACHED], 0);
		CHECK_EQ(r->events[NHRP_REFUSED_OVERLAY], 1);
		CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
		s.from.sa = again.sa;
		CHECK_EQ(rig_register(r, &s), 4);
		rig_free(r);
	}
}

static void
hub_is_named_in_three_ways(void)
{
	static const struct {
		const char *dst;
		int sent;
		enum nhrp_outcome o;
	} cases[] = { { "10.0.0.1", 4, NHRP_TAKEN }, { "10.0.0.11", 4, NHRP_TAKEN },
		{ "10.0.0.255", 4, NHRP_TAKEN }, { "10.0.0.77", 7, NHRP_DROP_NO_PEER } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke s = rig_spoke(1, true);
		struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, cases[i].dst);
		uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 0, 60 };

		m.body = (struct nhrp_slice){ cie, 12 };
		rig_feed(r, &s, &m);
		CHECK(rig_last(r) != NULL && rig_last(r)->msg.type == cases[i].sent);
		CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, cases[i].o), 1);
		rig_free(r);
	}
}

static void
link_loss_keeps_the_record(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true), other = rig_spoke(2, true);
	struct nhrp_from again = s.from;

	CHECK_EQ(rig_register(r, &s), 0);
	nhrp_link_down(r->n, 1, s.from.sa, r->now_ms);
	CHECK_EQ(r->changes_count, 2);
	CHECK_EQ(r->changes[1].reason, NHRP_LINK_LOST);
	CHECK_EQ(r->changes[1].b.link, s.from.sa);
	CHECK(bound(r, &s) != NULL);
	CHECK_EQ(bound(r, &s)->flags & NHRP_UP, 0);
	CHECK_EQ(bound(r, &s)->link, NHRP_NO_LINK);

	again.sa = 500;
	again.identity = &other.identity; /* somebody else at the same address */
	nhrp_link_up(r->n, 1, &again, r->now_ms);
	CHECK_EQ(r->changes_count, 2);

	again.sa = 501;
	again.identity = &s.identity;
	again.outer = rig_addr("203.0.113.50"); /* same name from elsewhere: has to register */
	nhrp_link_up(r->n, 1, &again, r->now_ms);
	CHECK_EQ(r->changes_count, 2);

	again.sa = 502;
	again.outer = s.from.outer;
	nhrp_link_up(r->n, 1, &again, r->now_ms);
	CHECK_EQ(r->changes_count, 3);
	CHECK(r->changes[2].up);
	CHECK_EQ(r->changes[2].b.link, 502);
	CHECK_EQ(r->events[NHRP_REATTACHED], 1);
	rig_sleep(r, 600000);
	CHECK(bound(r, &s) == NULL);
	rig_free(r);
}

/** A new SA comes up before the old one goes: forwarding moves without a gap. */
static void
make_before_break(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	struct nhrp_from next = s.from;

	CHECK_EQ(rig_register(r, &s), 0);
	next.sa = 700;
	next.udp_port = 4500;
	next.identity = &s.identity;
	nhrp_link_up(r->n, 1, &next, r->now_ms);
	CHECK_EQ(bound(r, &s)->link, s.from.sa);
	nhrp_link_down(r->n, 1, s.from.sa, r->now_ms);
	CHECK_EQ(r->changes_count, 2);
	CHECK(r->changes[1].up);
	CHECK_EQ(bound(r, &s)->link, 700);
	CHECK_EQ(bound(r, &s)->udp_port, 4500);
	rig_free(r);
}

static void
expiry_while_down_is_quiet_for_the_data_path(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	CHECK_EQ(rig_register(r, &s), 0);
	nhrp_link_down(r->n, 1, s.from.sa, r->now_ms);
	rig_sleep(r, 600000);
	CHECK_EQ(r->changes_count, 2); /* up, down; not down twice */
	CHECK_EQ(r->events[NHRP_EXPIRED], 1);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
	rig_free(r);
}

static void
nat_moves_a_link(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	struct nhrp_from moved;

	rig_spoke_nat(&s, "203.0.113.7", 4500);
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK(bound(r, &s)->flags & NHRP_NAT);
	moved = s.from;
	moved.outer = rig_addr("203.0.113.8");
	moved.udp_port = 1024;
	moved.identity = &s.identity;
	nhrp_link_up(r->n, 1, &moved, r->now_ms);
	CHECK_EQ(r->changes_count, 2);
	CHECK(addr_equal(&r->changes[1].b.nbma, &moved.outer));
	CHECK_EQ(r->changes[1].b.udp_port, 1024);
	CHECK(addr_equal(&bound(r, &s)->claimed, &s.nbma));
	rig_free(r);
}

static void
nat_extension_of_the_reply(void)
{
	struct rig *r = rig_new();
	struct rig_spoke plain = rig_spoke(1, true), nat = rig_spoke(2, true);
	struct nhrp_cie cie;

	CHECK_EQ(rig_register(r, &plain), 0);
	CHECK_EQ(rig_ext(&rig_last(r)->msg, NHRP_EXT_NAT).bytes, 0); /* echoed as it came */
	rig_spoke_nat(&nat, "203.0.113.7", 4500);
	CHECK_EQ(rig_register(r, &nat), 0);
	struct nhrp_msg *m = &rig_last(r)->msg;
	CHECK(rig_cie(m, rig_ext(m, NHRP_EXT_NAT), 0, &cie));
	CHECK(addr_equal(&cie.nbma, &nat.from.outer));
	CHECK(addr_equal(&cie.proto, &nat.proto));
	CHECK_EQ(cie.prefix_bits, 32);
	rig_free(r);
}

/** Missing, short, long, twice, wrong: refused with error 11 and without any effect. */
static void
bad_authentication_is_refused(void)
{
	static const struct {
		const char *what;
		size_t bytes;
		uint8_t value[16];
	} cases[] = {
		{ "wrong", 12, { 0, 0, 0, 1, 'c', 'i', 's', 'c', 'o', '1', '2', '4' } },
		{ "short", 11, { 0, 0, 0, 1, 'c', 'i', 's', 'c', 'o', '1', '2' } },
		{ "long", 13, { 0, 0, 0, 1, 'c', 'i', 's', 'c', 'o', '1', '2', '3' } },
		{ "SPI 2", 12, { 0, 0, 0, 2, 'c', 'i', 's', 'c', 'o', '1', '2', '3' } },
		{ "empty", 0, { 0 } },
		{ "string alone", 8, { 'c', 'i', 's', 'c', 'o', '1', '2', '3' } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new();
		struct rig_spoke s = rig_spoke(1, true);
		struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");
		uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 0, 60 };

		rig_password(r, "cisco123");
		m.body = (struct nhrp_slice){ cie, 12 };
		nhrp_ext_set(
			&m, NHRP_EXT_AUTH, (struct nhrp_slice){ cases[i].value, cases[i].bytes });
		rig_feed(r, &s, &m);
		CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_AUTH), 1);
		CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
		CHECK_EQ(r->sent_count, 1);
		CHECK_EQ(r->sent[0].msg.type, NHRP_ERROR_INDICATION);
		CHECK_EQ(r->sent[0].msg.code, NHRP_ERROR_AUTH);
		CHECK(!r->sent[0].msg.has_exts);
		CHECK_EQ(r->events[NHRP_BAD_AUTH], 1);
		rig_free(r);
	}
}

static void
missing_authentication_is_refused_on_every_type(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	uint8_t pkt[256];

	rig_password(r, "cisco123");
	s.from.identity = &s.identity;
	for (uint8_t type = 1; type <= 8; type++) {
		struct nhrp_msg m = rig_request(&s, type, "10.0.0.1");
		int len = nhrp_msg_write(&m, pkt, sizeof(pkt));

		rig_forget(r);
		nhrp_input(r->n, 1, &s.from, pkt, (size_t)len, r->now_ms);
		CHECK_EQ(rig_counted(r, type, NHRP_DROP_AUTH), 1);
		/* Never an error about an error. */
		CHECK_EQ(r->sent_count, type == NHRP_ERROR_INDICATION ? 0 : 1);
	}
	struct nhrp_msg m = rig_request(&s, NHRP_ERROR_INDICATION, "10.0.0.1");
	m.code = NHRP_ERROR_AUTH; /* exempt, or two stations would go on for ever */
	int len = nhrp_msg_write(&m, pkt, sizeof(pkt));
	rig_forget(r);
	nhrp_input(r->n, 1, &s.from, pkt, (size_t)len, r->now_ms);
	CHECK_EQ(rig_counted(r, NHRP_ERROR_INDICATION, NHRP_TAKEN), 1);
	CHECK_EQ(r->sent_count, 0);
	rig_free(r);
}

static void
doubled_authentication_is_malformed(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");
	uint8_t auth[12] = { 0, 0, 0, 1, 'c', 'i', 's', 'c', 'o', '1', '2', '3' };
	uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 0, 60 };

	rig_password(r, "cisco123");
	m.body = (struct nhrp_slice){ cie, 12 };
	for (int i = 0; i < 2; i++)
		m.ext[m.ext_count++] = (struct nhrp_ext){ NHRP_EXT_AUTH, true, { auth, 12 } };
	rig_feed(r, &s, &m);
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_MALFORMED), 1);
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
	rig_free(r);
}

static void
auth_errors_are_rate_limited(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	uint8_t pkt[256];

	rig_password(r, "cisco123");
	for (int i = 0; i < 1000; i++) {
		struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");
		int len = nhrp_msg_write(&m, pkt, sizeof(pkt));

		nhrp_input(r->n, 1, &s.from, pkt, (size_t)len, r->now_ms);
	}
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_AUTH), 1000);
	CHECK(r->sent_count >= 1 && r->sent_count <= 20);
	CHECK(r->events[NHRP_BAD_AUTH] >= 1 && r->events[NHRP_BAD_AUTH] <= 10);
	rig_free(r);
}

static void
unknown_compulsory_extension_is_an_error(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);
	uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 0, 60 }, value[3] = { 0, 0, 0x0c };

	for (int compulsory = 0; compulsory < 2; compulsory++) {
		struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.0.0.1");

		m.body = (struct nhrp_slice){ cie, 12 };
		m.ext[m.ext_count++] =
			(struct nhrp_ext){ 0x123, compulsory != 0, { value, sizeof(value) } };
		rig_feed(r, &s, &m);
		CHECK_EQ(rig_last(r)->msg.type,
			compulsory ? NHRP_ERROR_INDICATION : NHRP_REGISTRATION_REPLY);
	}
	CHECK_EQ(r->sent[1].msg.code, NHRP_ERROR_EXTENSION);
	CHECK_EQ(rig_ext(&r->sent[0].msg, 0x123).bytes, 3); /* not compulsory: comes back */
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_EXTENSION), 1);
	rig_free(r);
}

static void
unknown_sender_and_cloud_are_dropped(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	s.from.sa = NHRP_NO_LINK;
	CHECK_EQ(rig_register(r, &s), -1);
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_LINK), 1);
	s.from.sa = 5;
	s.cloud = 2;
	CHECK_EQ(rig_register(r, &s), -1);
	CHECK_EQ(nhrp_unknown_cloud_count(r->n), 1);
	CHECK_EQ(r->sent_count, 0);
	rig_free(r);
}

/** Its own purge and nobody else's. */
static void
purge_by_owner_only(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, true), b = rig_spoke(2, true);
	struct nhrp_cie cie = { .prefix_bits = 0xff, .proto = a.proto };
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	a.from.authority.kind = AUTHORITY_OWN_KEY;
	nhrp_cie_write(&w, &cie);
	CHECK_EQ(rig_register(r, &a), 0);
	CHECK_EQ(rig_register(r, &b), 0);
	rig_forget(r);
	struct nhrp_msg m = rig_request(&b, NHRP_PURGE_REQUEST, "10.0.0.1");
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	m.flags = 0;
	rig_feed(r, &b, &m);
	CHECK(bound(r, &a) != NULL);
	CHECK_EQ(r->sent_count, 0);
	CHECK_EQ(rig_counted(r, NHRP_PURGE_REQUEST, NHRP_DROP_SOURCE), 1);

	a.from.sa = 4711; /* the same identity through its next SA, but less proven */
	a.from.authority.kind = AUTHORITY_KEY;
	rig_feed(r, &a, &m);
	CHECK(bound(r, &a) != NULL);
	CHECK_EQ(r->sent_count, 0);

	a.from.authority.kind = AUTHORITY_OWN_KEY;
	rig_feed(r, &a, &m);
	CHECK(bound(r, &a) == NULL);
	CHECK_EQ(r->changes[0].reason, NHRP_PURGED);
	CHECK_EQ(r->sent_count, 1);
	CHECK_EQ(r->sent[0].msg.type, NHRP_PURGE_REPLY);
	CHECK_EQ(r->sent[0].msg.request_id, m.request_id);
	CHECK_EQ(r->sent[0].link, 4711);

	m.flags = NHRP_FLAG_PURGE_NO_REPLY;
	rig_forget(r);
	rig_feed(r, &a, &m);
	CHECK_EQ(r->sent_count, 0);
	rig_free(r);
}

/** A purge of a whole prefix takes the sender's bindings in it, not those of others. */
static void
purge_by_prefix(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, false), b = rig_spoke(2, false);
	struct nhrp_cie cie = { .prefix_bits = 24, .proto = a.proto };
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));

	nhrp_cie_write(&w, &cie);
	CHECK_EQ(rig_register(r, &a), 0);
	CHECK_EQ(rig_register(r, &b), 0);
	struct nhrp_msg m = rig_request(&a, NHRP_PURGE_REQUEST, "10.0.0.1");
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(r, &a, &m);
	CHECK(bound(r, &a) == NULL);
	CHECK(bound(r, &b) != NULL);
	rig_free(r);
}

/** One of two bindings goes; and none when the purge names another NBMA address. */
static void
purge_takes_no_more_than_it_names(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, true), second = a;
	struct nhrp_cie cie = { .prefix_bits = 32, .proto = a.proto };
	uint8_t room[64];

	second.proto = rig_addr("10.0.0.99");
	CHECK_EQ(rig_register(r, &a), 0);
	CHECK_EQ(rig_register(r, &second), 0);
	for (int i = 0; i < 2; i++) {
		struct writer w = wr_over(room, sizeof(room));
		struct nhrp_msg m = rig_request(&a, NHRP_PURGE_REQUEST, "10.0.0.1");

		cie.nbma = i == 0 ? rig_addr("203.0.113.200") : a.nbma;
		nhrp_cie_write(&w, &cie);
		m.body = (struct nhrp_slice){ room, wr_used(&w) };
		rig_feed(r, &a, &m);
		CHECK_EQ(nhrp_bindings_count(r->n, 1), i == 0 ? 2 : 1);
	}
	CHECK(bound(r, &second) != NULL);
	rig_free(r);
}

static void
address_that_becomes_ours_is_taken_back(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	CHECK_EQ(rig_register(r, &s), 0);
	rig_cloud(r, 1, "10.0.0.11/24", "fd00::1/64", "198.51.100.1");
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 0);
	CHECK_EQ(r->changes[1].reason, NHRP_CLEARED);
	rig_free(r);
}

static void
bad_cloud_settings_are_refused(void)
{
	struct rig *r = rig_new();
	struct nhrp_cloud_conf good = { .nbma = rig_addr("198.51.100.1"),
		.mtu = 1400,
		.nhrp = &r->conf,
		.addresses_count = 1 },
			       c;

	prefix_parse("10.0.0.1/24", &good.addresses[0]);
	CHECK_EQ(nhrp_cloud_set(r->n, 5, &good), 0);
	c = good;
	c.addresses_count = 0;
	CHECK(nhrp_cloud_set(r->n, 5, &c) < 0);
	c = good;
	c.nbma.family = ADDR_NONE;
	CHECK(nhrp_cloud_set(r->n, 5, &c) < 0);
	c = good;
	c.mtu = 255;
	CHECK(nhrp_cloud_set(r->n, 5, &c) < 0);
	r->conf.authentication.data = r->password;
	r->conf.authentication.bytes = 9;
	CHECK(nhrp_cloud_set(r->n, 5, &good) < 0);
	rig_free(r);
}

static void
memory_is_bounded(void)
{
	struct rig *r = rig_new();
	struct nhrp_cloud_conf c = { .nbma = rig_addr("198.51.100.1"),
		.mtu = 1400,
		.nhrp = &r->conf,
		.addresses_count = 1,
		.max_bindings = 20,
		.max_bindings_per_link = 3 };

	prefix_parse("10.0.0.1/24", &c.addresses[0]);
	CHECK_EQ(nhrp_cloud_set(r->n, 1, &c), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		s.from.sa = 5; /* all through one link, one identity */
		s.identity = rig_spoke(0, true).identity;
		rig_forget(r);
		CHECK_EQ(rig_register(r, &s), i < 3 ? 0 : 5);
	}
	for (unsigned i = 20; i < 60; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		rig_forget(r);
		CHECK_EQ(rig_register(r, &s), i < 37 ? 0 : 5);
	}
	CHECK_EQ(nhrp_bindings_count(r->n, 1), 20);
	rig_free(r);
}

static void
clear_and_cloud_removal(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, true), b = rig_spoke(2, true), c = rig_spoke(3, true);
	struct prefix p = prefix_host(&a.proto);

	rig_register(r, &a);
	rig_register(r, &b);
	rig_register(r, &c);
	CHECK_EQ(nhrp_bindings_clear(r->n, 1, &p, r->now_ms), 1);
	CHECK_EQ(r->changes[3].reason, NHRP_CLEARED);
	CHECK(bound(r, &a) == NULL);
	CHECK_EQ(nhrp_bindings_clear(r->n, 1, NULL, r->now_ms), 2);
	rig_register(r, &a);
	rig_forget(r);
	nhrp_cloud_remove(r->n, 1);
	CHECK_EQ(r->changes_count, 1);
	CHECK_EQ(r->changes[0].reason, NHRP_CLOUD_GONE);
	CHECK(nhrp_counters(r->n, 1) == NULL);
	CHECK_EQ(nhrp_next_ms(r->n), UINT64_MAX);
	rig_free(r);
}

static void
registration_flood_of_one_link_is_limited(void)
{
	struct rig *r = rig_new();
	struct rig_spoke a = rig_spoke(1, true), b = rig_spoke(2, true);

	for (int i = 0; i < 1000; i++)
		rig_register(r, &a);
	CHECK(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_RATE) > 800);
	rig_forget(r);
	CHECK_EQ(rig_register(r, &b), 0); /* others do not suffer */
	rig_sleep(r, 1000);
	rig_forget(r);
	CHECK_EQ(rig_register(r, &a), 0);
	rig_free(r);
}

static void
ipv6_overlay(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	s.proto = rig_addr("fd00::11");
	CHECK_EQ(rig_register(r, &s), 0);
	CHECK_EQ(bound(r, &s)->bits, 128);
	CHECK_EQ(rig_last(r)->msg.proto_family, ADDR_V6);
	CHECK_EQ(rig_last(r)->msg.nbma_family, ADDR_V4);
	rig_free(r);
}

static void
ipv6_transport(void)
{
	struct rig *r = rig_new();
	struct rig_spoke s = rig_spoke(1, true);

	CHECK_EQ(rig_register(r, &s), 0);
	s.nbma = s.from.outer = rig_addr("2001:db8::11");
	CHECK_EQ(rig_register(r, &s), -1); /* the cloud is on IPv4 */
	CHECK_EQ(rig_counted(r, NHRP_REGISTRATION_REQUEST, NHRP_DROP_CLOUD), 1);
	rig_cloud(r, 2, "10.1.0.1/24", "fd01::1/64", "2001:db8::1");
	s.cloud = 2;
	s.next_id = 9;
	struct nhrp_msg m = rig_request(&s, NHRP_REGISTRATION_REQUEST, "10.1.0.1");
	uint8_t cie[12] = { 0, 0xff, 0, 0, 0, 0, 0, 60 };
	m.body = (struct nhrp_slice){ cie, 12 };
	rig_feed(r, &s, &m);
	CHECK_EQ(nhrp_bindings_count(r->n, 2), 1);
	rig_free(r);
}

int
main(void)
{
	TEST(vector_request_gets_vector_reply);
	TEST(captured_frr_request_is_taken);
	TEST(refresh_and_expiry);
	TEST(same_request_id_is_only_answered_again);
	TEST(holding_time_default_and_clamp);
	TEST(unique_rules);
	TEST(owner_is_name_and_authority);
	TEST(reattached_by_authority);
	TEST(forged_claim_does_not_move_a_unique_binding);
	TEST(addresses_nobody_may_register);
	TEST(prefix_rules);
	TEST(policy_may_refuse_an_identity);
	TEST(policy_may_refuse_what_was_registered);
	TEST(hub_is_named_in_three_ways);
	TEST(link_loss_keeps_the_record);
	TEST(make_before_break);
	TEST(expiry_while_down_is_quiet_for_the_data_path);
	TEST(nat_moves_a_link);
	TEST(nat_extension_of_the_reply);
	TEST(bad_authentication_is_refused);
	TEST(missing_authentication_is_refused_on_every_type);
	TEST(doubled_authentication_is_malformed);
	TEST(auth_errors_are_rate_limited);
	TEST(unknown_compulsory_extension_is_an_error);
	TEST(unknown_sender_and_cloud_are_dropped);
	TEST(purge_by_owner_only);
	TEST(purge_by_prefix);
	TEST(purge_takes_no_more_than_it_names);
	TEST(address_that_becomes_ours_is_taken_back);
	TEST(bad_cloud_settings_are_refused);
	TEST(memory_is_bounded);
	TEST(clear_and_cloud_removal);
	TEST(registration_flood_of_one_link_is_limited);
	TEST(ipv6_overlay);
	TEST(ipv6_transport);
	return check_done();
}

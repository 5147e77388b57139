/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"
#include "test/lib/nhrp_rig.h"

struct bench {
	struct rig *r;
	struct rig_spoke a, b;
};

static struct bench
bench_new(void)
{
	struct bench t = { .r = rig_new(), .a = rig_spoke(1, true), .b = rig_spoke(2, true) };

	rig_route(t.r, "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.12");
	rig_route(t.r, "10.1.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.11");
	rig_route(t.r, "10.9.0.0/16", NHRP_ROUTE_PLAIN, 0, NULL);
	return t;
}

static void
bench_register(struct bench *t)
{
	CHECK_EQ(rig_register(t->r, &t->a), 0);
	CHECK_EQ(rig_register(t->r, &t->b), 0);
	rig_forget(t->r);
}

static size_t
head_v4(uint8_t *head, size_t len, const char *src, const char *dst)
{
	struct addr s = rig_addr(src), d = rig_addr(dst);

	for (size_t i = 0; i < len; i++)
		head[i] = (uint8_t)i;
	head[0] = 0x45;
	memcpy(head + 12, s.octet, 4);
	memcpy(head + 16, d.octet, 4);
	return len;
}

static void
notice(struct bench *t, const char *src, const char *dst)
{
	uint8_t head[200];
	size_t len = head_v4(head, sizeof(head), src, dst);

	nhrp_redirect(t->r->n, 1, t->a.from.sa, 1, head, len, t->r->now_ms);
}

static void
indication_as_deployed(void)
{
	struct addr hub_nbma = rig_addr("198.51.100.1"), hub = rig_addr("10.0.0.1");
	struct addr src = rig_addr("10.1.0.5");
	struct bench t = bench_new();
	uint8_t head[200];

	rig_password(t.r, "secret");
	bench_register(&t);
	notice(&t, "10.1.0.5", "10.2.0.5");
	CHECK_EQ(t.r->sent_count, 1);
	struct rig_packet *p = rig_last(t.r);
	CHECK_EQ(p->link, t.a.from.sa);
	CHECK_EQ(p->msg.type, NHRP_TRAFFIC_INDICATION);
	CHECK_EQ(p->msg.code, 0);
	CHECK_EQ(p->msg.hops, 255);
	CHECK(addr_equal(&p->msg.src_nbma, &hub_nbma));
	CHECK(addr_equal(&p->msg.src_proto, &hub));
	CHECK(addr_equal(&p->msg.dst_proto, &src)); /* source host, not destination */
	CHECK_EQ(p->msg.body.bytes, 128);
	head_v4(head, sizeof(head), "10.1.0.5", "10.2.0.5");
	CHECK_MEM(p->msg.body.data, head, 128);
	CHECK_EQ(p->msg.ext_count, 1);
	CHECK_EQ(p->msg.ext[0].type, NHRP_EXT_AUTH);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_SENT), 1);
	rig_free(t.r);
}

static void
no_authentication_no_extension_part(void)
{
	struct bench t = bench_new();

	bench_register(&t);
	notice(&t, "10.1.0.5", "10.2.0.5");
	CHECK(!rig_last(t.r)->msg.has_exts); /* as FRR sends it */
	rig_free(t.r);
}

/** After 5, 10, 20, 40 and then 60 s; after 6 quiet minutes from the start. */
static void
pair_limit(void)
{
	struct bench t = bench_new();
	unsigned sent_at[8] = { 0, 5, 15, 35, 75, 135, 195, 255 }, n = 0;

	bench_register(&t);
	for (unsigned s = 0; s < 300; s++) {
		rig_forget(t.r);
		notice(&t, "10.1.0.5", "10.2.0.5");
		if (t.r->sent_count > 0 && n < 8) {
			CHECK_EQ(s, sent_at[n]);
			n++;
		}
		notice(&t, "10.1.0.5", "10.2.0.5");
		rig_sleep(t.r, 1000);
	}
	CHECK_EQ(n, 8);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_SENT), 8);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_HELD_PAIR), 592);

	rig_sleep(t.r, 360000);
	rig_register(t.r, &t.a);
	rig_register(t.r, &t.b);
	rig_forget(t.r);
	notice(&t, "10.1.0.5", "10.2.0.5");
	rig_sleep(t.r, 5000);
	notice(&t, "10.1.0.5", "10.2.0.5");
	CHECK_EQ(t.r->sent_count, 2);
	rig_free(t.r);
}

static void
spoke_limit(void)
{
	struct bench t = bench_new();
	char dst[32];

	bench_register(&t);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(dst, sizeof(dst), "10.2.1.%u", i);
		notice(&t, "10.1.0.5", dst);
	}
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_SENT), 10);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_HELD_LINK), 90);
	rig_sleep(t.r, 500);
	for (unsigned i = 0; i < 100; i++) { /* what was held is not punished */
		snprintf(dst, sizeof(dst), "10.2.1.%u", i);
		notice(&t, "10.1.0.5", dst);
	}
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_SENT), 15);
	rig_free(t.r);
}

static void
hub_limit(void)
{
	struct bench t = bench_new();
	uint8_t head[64];

	bench_register(&t);
	head_v4(head, sizeof(head), "10.1.0.5", "10.2.0.5");
	for (unsigned i = 10; i < 200; i++) {
		struct rig_spoke s = rig_spoke(i, true);

		rig_forget(t.r);
		CHECK_EQ(rig_register(t.r, &s), 0);
		for (unsigned j = 0; j < 10; j++) {
			head[15] = (uint8_t)(j + 1);
			nhrp_redirect(t.r->n, 1, s.from.sa, 1, head, sizeof(head), t.r->now_ms);
		}
	}
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_SENT), 1000);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_HELD_HUB), 900);
	rig_free(t.r);
}

static void
pointless_and_forbidden_ones_are_held(void)
{
	static const struct {
		const char *src, *dst, *why;
	} cases[] = {
		{ "10.1.0.5", "224.0.0.5", "multicast" },
		{ "10.1.0.5", "10.0.0.1", "to the hub" },
		{ "10.1.0.5", "10.9.0.1", "to a LAN of the hub" },
		{ "10.1.0.5", "10.1.0.6", "back to the sender" },
		{ "10.1.0.5", "172.16.0.1", "no route" },
		{ "10.0.0.1", "10.2.0.1", "from the hub" },
	};
	struct bench t = bench_new();

	rig_route(t.r, "224.0.0.0/4", NHRP_ROUTE_CLOUD, 1, "10.0.0.12");
	bench_register(&t);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		notice(&t, cases[i].src, cases[i].dst);
		if (t.r->sent_count != 0)
			printf("# %s\n", cases[i].why);
		CHECK_EQ(t.r->sent_count, 0);
		CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_HELD_POLICY), i + 1);
	}
	t.r->deny_shortcuts = true;
	notice(&t, "10.1.0.5", "10.2.0.1");
	CHECK_EQ(t.r->sent_count, 0);
	t.r->deny_shortcuts = false;
	t.r->conf.redirect = false;
	rig_cloud(t.r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	notice(&t, "10.1.0.5", "10.2.0.1");
	CHECK_EQ(t.r->sent_count, 0);
	t.r->conf.redirect = true;
	rig_cloud(t.r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	notice(&t, "10.1.0.5", "10.2.0.1");
	CHECK_EQ(t.r->sent_count, 1);
	rig_free(t.r);
}

static void
pairs_behind_one_nat_stay_on_the_hub(void)
{
	struct bench t = bench_new();

	rig_spoke_nat(&t.a, "203.0.113.7", 4500);
	rig_spoke_nat(&t.b, "203.0.113.7", 4501);
	bench_register(&t);
	notice(&t, "10.1.0.5", "10.2.0.5");
	CHECK_EQ(t.r->sent_count, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_HELD_POLICY), 1);
	rig_free(t.r);
}

/** Between clouds only within one NHRP domain. */
static void
clouds_share_shortcuts_by_network_id(void)
{
	struct bench t = bench_new();
	uint8_t head[64];

	bench_register(&t);
	head_v4(head, sizeof(head), "10.1.0.5", "10.2.0.5");
	t.r->conf.network_id = 2;
	rig_cloud(t.r, 2, "10.5.0.1/24", "fd05::1/64", "198.51.100.1");
	nhrp_redirect(t.r->n, 1, t.a.from.sa, 2, head, sizeof(head), t.r->now_ms);
	CHECK_EQ(t.r->sent_count, 0);
	t.r->conf.network_id = 1;
	rig_cloud(t.r, 2, "10.5.0.1/24", "fd05::1/64", "198.51.100.1");
	nhrp_redirect(t.r->n, 1, t.a.from.sa, 2, head, sizeof(head), t.r->now_ms);
	CHECK_EQ(t.r->sent_count, 1);
	rig_free(t.r);
}

static void
egress_must_be_there(void)
{
	struct bench t = bench_new();

	bench_register(&t);
	nhrp_link_down(t.r->n, 1, t.b.from.sa, t.r->now_ms);
	notice(&t, "10.1.0.5", "10.2.0.5");
	CHECK_EQ(t.r->sent_count, 0);
	rig_free(t.r);
}

static void
short_heads_are_safe(void)
{
	struct bench t = bench_new();
	uint8_t *head;

	bench_register(&t);
	for (size_t len = 0; len < 20; len++) {
		uint8_t full[20];

		head_v4(full, sizeof(full), "10.1.0.5", "10.2.0.5");
		head = malloc(len + 1); /* exact, so that the sanitizer sees a read too far */
		memcpy(head, full, len);
		head = realloc(head, len == 0 ? 1 : len);
		nhrp_redirect(t.r->n, 1, t.a.from.sa, 1, head, len, t.r->now_ms);
		free(head);
	}
	CHECK_EQ(t.r->sent_count, 0);
	rig_free(t.r);
}

static void
ipv6_packets_too(void)
{
	struct bench t = bench_new();
	struct addr src = rig_addr("fd01::5"), dst = rig_addr("fd02::5");
	uint8_t head[60] = { 0x60 };

	t.a.proto = rig_addr("fd00::11");
	t.b.proto = rig_addr("fd00::12");
	rig_route(t.r, "fd02::/16", NHRP_ROUTE_CLOUD, 1, "fd00::12");
	bench_register(&t);
	memcpy(head + 8, src.octet, 16);
	memcpy(head + 24, dst.octet, 16);
	nhrp_redirect(t.r->n, 1, t.a.from.sa, 1, head, sizeof(head), t.r->now_ms);
	CHECK_EQ(t.r->sent_count, 1);
	CHECK(addr_equal(&rig_last(t.r)->msg.dst_proto, &src));
	CHECK_EQ(rig_last(t.r)->msg.body.bytes, 60);
	rig_free(t.r);
}

static void
received_ones_are_ignored(void)
{
	struct bench t = bench_new();

	bench_register(&t);
	struct nhrp_msg m = rig_request(&t.a, NHRP_TRAFFIC_INDICATION, "10.0.0.1");
	rig_feed(t.r, &t.a, &m);
	CHECK_EQ(t.r->sent_count, 0);
	CHECK_EQ(rig_counted(t.r, NHRP_TRAFFIC_INDICATION, NHRP_IGNORED), 1);
	rig_free(t.r);
}

int
main(void)
{
	TEST(indication_as_deployed);
	TEST(no_authentication_no_extension_part);
	TEST(pair_limit);
	TEST(spoke_limit);
	TEST(hub_limit);
	TEST(pointless_and_forbidden_ones_are_held);
	TEST(pairs_behind_one_nat_stay_on_the_hub);
	TEST(clouds_share_shortcuts_by_network_id);
	TEST(egress_must_be_there);
	TEST(short_heads_are_safe);
	TEST(ipv6_packets_too);
	TEST(received_ones_are_ignored);
	return check_done();
}

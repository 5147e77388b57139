/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/addr.h"

#include "test/lib/check.h"

static void
parse_and_print_round_trip(void)
{
	static const char *good[] = { "192.0.2.1", "0.0.0.0", "2001:db8::1", "::" };
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(addr_parse(good[i], &a), 0);
		CHECK_STR(addr_print(&a, text), good[i]);
	}
}

static void
parse_refuses_rubbish(void)
{
	static const char *bad[] = { "", "1.2.3", "1.2.3.4 ", "300.1.1.1", "x", "1::2::3" };
	static const char *bad_prefix[] = { "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8x", "::/129", "/8", "10.0.0.0/+8" };
	struct prefix p;
	struct addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(addr_parse(bad[i], &a) < 0);
	for (size_t i = 0; i < sizeof(bad_prefix) / sizeof(bad_prefix[0]); i++)
		CHECK(prefix_parse(bad_prefix[i], &p) < 0);
}

static void
prefix_covers_by_bits(void)
{
	struct prefix p, q;
	struct addr in, out;

	CHECK_EQ(prefix_parse("10.1.128.0/17", &p), 0);
	CHECK_EQ(addr_parse("10.1.200.7", &in), 0);
	CHECK_EQ(addr_parse("10.1.127.255", &out), 0);
	CHECK(prefix_has(&p, &in));
	CHECK(!prefix_has(&p, &out));
	CHECK_EQ(prefix_parse("0.0.0.0/0", &q), 0);
	CHECK(prefix_covers(&q, &p));
	CHECK(!prefix_covers(&p, &q));
	CHECK_EQ(addr_parse("2001:db8::1", &out), 0);
	CHECK(!prefix_has(&q, &out));
}

static void
network_clears_host_bits(void)
{
	char text[ADDR_TEXT_BYTES];
	struct prefix p, n;

	CHECK_EQ(prefix_parse("10.1.255.77/17", &p), 0);
	n = prefix_network(&p);
	CHECK_STR(prefix_print(&n, text), "10.1.128.0/17");
	CHECK_EQ(prefix_parse("2001:db8::ffff/112", &p), 0);
	n = prefix_network(&p);
	CHECK_STR(prefix_print(&n, text), "2001:db8::/112");
}

int
main(void)
{
	TEST(parse_and_print_round_trip);
	TEST(parse_refuses_rubbish);
	TEST(prefix_covers_by_bits);
	TEST(network_clears_host_bits);
	return check_done();
}

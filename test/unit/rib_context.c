/* SPDX-License-Identifier: BSD-3-Clause */
/** What a `vrf` value stands for, on a machine without VRFs of those names. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "config/report.h"
#include "control/route/context.h"
#include "test/lib/check.h"

static char why[256];

static int
get(struct contexts *c, const char *vrf)
{
	why[0] = '\0';
	return context_get(c, vrf, why, sizeof(why));
}

static void
values_become_contexts(void)
{
	struct contexts c = { 0 };

	CHECK_EQ(get(&c, "100"), 1); /* the main table is 0, asked for or not */
	CHECK_EQ(get(&c, ""), 0);
	CHECK_EQ(get(&c, "4294967295"), 2);
	CHECK_EQ(get(&c, "100"), 1);
	CHECK_EQ(c.count, 3);
	CHECK_EQ(c.list[0].table, RT_TABLE_MAIN);
	CHECK_EQ(c.list[1].table, 100);
	CHECK_EQ(c.list[2].table, 4294967295u);
	CHECK_EQ(c.list[1].master, 0);
}

static void
what_is_not_there_is_refused(void)
{
	struct contexts c = { 0 };

	CHECK_EQ(get(&c, "no-such-vrf"), -ENODEV);
	CHECK_STR(why,
		"this machine has no VRF \"no-such-vrf\"; make it (ip link add no-such-vrf "
		"type vrf table NUMBER && ip link set no-such-vrf up) or write the number of "
		"a routing table");
	CHECK_EQ(get(&c, "lo"), -ENODEV);
	CHECK_STR(why,
		"the device \"lo\" is no VRF; make one (ip link add NAME type vrf table "
		"NUMBER) or write the number of a routing table");
	CHECK_EQ(c.count, 1);
	for (int table = 1000; c.count < DP_CONTEXTS_MAX; table++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", table);
		CHECK(get(&c, text) > 0);
	}
	CHECK_EQ(get(&c, "77"), -ENOSPC);
	CHECK_STR(why, "more than 64 routing tables; use fewer");
	CHECK_EQ(get(&c, "1000"), 1);
}

static void
a_configuration_is_checked_as_a_whole(void)
{
	struct config_port ports[] = { { .name = "wan0", .vrf = "100" }, { .name = "lan0" } };
	struct config_cloud clouds[] = { { .name = "a" }, { .name = "b", .vrf = "no-such-vrf" } };
	struct config cfg = {
		.ports = ports, .ports_count = 2, .clouds = clouds, .clouds_count = 1
	};
	struct report r = { 0 };

	contexts_check(&cfg, &r);
	CHECK_EQ(r.errors.count, 0);
	cfg.clouds_count = 2;
	strcpy(ports[1].vrf, "lo");
	contexts_check(&cfg, &r);
	CHECK_EQ(r.errors.count, 2);
	CHECK_STR(r.errors.list[0].path, "ports[1].vrf");
	CHECK_STR(r.errors.list[1].path, "clouds[1].vrf");
	CHECK(strstr(r.errors.list[1].text, "no-such-vrf") != NULL);
	config_errors_free(&r.errors);
}

/** As the kernel describes a VRF of table 4711. */
static void
tables_of_vrfs_are_read(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
		struct rtattr info, kind;
		char name[4];
		struct rtattr data, table;
		uint32_t number;
	} q = {
		.h = { .nlmsg_len = sizeof(q), .nlmsg_type = RTM_NEWLINK },
		.info = { .rta_len = 24, .rta_type = IFLA_LINKINFO },
		.kind = { .rta_len = 8, .rta_type = IFLA_INFO_KIND },
		.name = "vrf",
		.data = { .rta_len = 12, .rta_type = IFLA_INFO_DATA | NLA_F_NESTED },
		.table = { .rta_len = 8, .rta_type = IFLA_VRF_TABLE },
		.number = 4711,
	};

	CHECK_EQ(context_table_of_link(&q.h), 4711);
	for (uint32_t n = sizeof(q.h); n < sizeof(q); n++) {
		void *cut = malloc(n); /* of just that size: the sanitizers watch */

		memcpy(cut, &q, n);
		((struct nlmsghdr *)cut)->nlmsg_len = n;
		CHECK_EQ(context_table_of_link(cut), 0);
		free(cut);
	}
	memcpy(q.name, "tun", 4);
	CHECK_EQ(context_table_of_link(&q.h), 0);
	memcpy(q.name, "vrf", 4);
	q.h.nlmsg_type = NLMSG_ERROR;
	CHECK_EQ(context_table_of_link(&q.h), 0);
}

int
main(void)
{
	TEST(values_become_contexts);
	TEST(what_is_not_there_is_refused);
	TEST(a_configuration_is_checked_as_a_whole);
	TEST(tables_of_vrfs_are_read);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/cores.h"

#include <errno.h>

#include "config/config.h"
#include "test/lib/check.h"

static void
lists_keep_their_order(void)
{
	static const struct {
		const char *text;
		uint32_t count, first, last;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "0", 1, 0, 0 },
		{ "1-3", 3, 1, 3 },
		{ "7,1-3", 4, 7, 3 },
		{ "3,2,1", 3, 3, 1 },
		{ "0-1023", 1024, 0, 1023 },
	};
	struct cores c;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(cores_parse(cases[i].text, &c), 0);
		CHECK_EQ(c.count, cases[i].count);
		if (c.count == 0)
			continue;
		CHECK_EQ(c.list[0], cases[i].first);
		CHECK_EQ(c.list[c.count - 1], cases[i].last);
	}
}

static void
others_are_refused(void)
{
	static const char *const texts[] = { ",", "1,", ",1", "1-", "-1", "3-1", "1,,2", "1 ,2",
		"a", "1024", "0-1024", "99999999999999999999", "1,1", "1-3,2", "0-1023,0" };
	struct cores c;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CHECK_EQ(cores_parse(texts[i], &c), -EINVAL);
		CHECK(c.count <= CORES_LIMIT);
	}
}

static void
workers_follow_the_cores(void)
{
	static const struct {
		const char *cores;
		unsigned workers, ours, wanted;
	} cases[] = {
		{ "1-3", CONFIG_WORKERS_AUTO, 64, 2 },
		{ "7,1", CONFIG_WORKERS_AUTO, 1, 1 },
		{ "1-3", 2, 64, 2 },
		{ "", 3, 64, 3 },
		{ "", CONFIG_WORKERS_AUTO, 1, 1 },
		{ "", CONFIG_WORKERS_AUTO, 2, 1 },
		{ "", CONFIG_WORKERS_AUTO, 4, 3 },
		{ "", CONFIG_WORKERS_AUTO, 256, CONFIG_WORKERS_MAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_system s = { .workers = (uint16_t)cases[i].workers };

		snprintf(s.cores, sizeof(s.cores), "%s", cases[i].cores);
		CHECK_EQ(config_workers(&s, cases[i].ours), cases[i].wanted);
	}
}

int
main(void)
{
	TEST(lists_keep_their_order);
	TEST(others_are_refused);
	TEST(workers_follow_the_cores);
	return check_done();
}

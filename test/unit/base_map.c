/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/map.h"

#include "test/lib/check.h"

/** Random sets and deletes against an array that cannot be wrong. */
static void
map_agrees_with_array(void)
{
	static char value[500];
	bool there[500] = { false };
	struct map m = { 0 };
	size_t count = 0;
	uint32_t x = 1;

	for (int round = 0; round < 200000; round++) {
		x = x * 1664525u + 1013904223u;
		unsigned k = (x >> 8) % 500;
		uint64_t key = (uint64_t)k << 32 | 7; /* alike in the low bits */

		if (x >> 31) {
			CHECK_EQ(map_set(&m, key, &value[k]), 0);
			count += !there[k];
			there[k] = true;
		} else {
			CHECK(map_del(&m, key) == (there[k] ? &value[k] : NULL));
			count -= there[k];
			there[k] = false;
		}
		CHECK_EQ(m.count, count);
	}
	for (unsigned k = 0; k < 500; k++)
		CHECK(map_get(&m, (uint64_t)k << 32 | 7) == (there[k] ? &value[k] : NULL));

	size_t at = 0, walked = 0;
	while (map_next(&m, &at) != NULL)
		walked++;
	CHECK_EQ(walked, count);
	map_free(&m);
}

static void
empty_map_is_harmless(void)
{
	struct map m = { 0 };
	size_t at = 0;

	CHECK(map_get(&m, 1) == NULL);
	CHECK(map_del(&m, 1) == NULL);
	CHECK(map_next(&m, &at) == NULL);
	map_free(&m);
}

int
main(void)
{
	TEST(map_agrees_with_array);
	TEST(empty_map_is_harmless);
	return check_done();
}

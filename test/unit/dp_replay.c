/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/replay.h"

#include "test/lib/check.h"

#define WORDS_MAX 128

static uint64_t top, word[WORDS_MAX];

static struct replay
window(uint16_t packets)
{
	uint16_t words = 2;

	while (words * 64 < packets + 64)
		words *= 2;
	top = 0;
	memset(word, 0, sizeof(word));
	return (struct replay){ .top = &top, .word = word, .words = words, .packets = packets };
}

/** The window by its definition: a set of all numbers ever taken. */
static void
agrees_with_definition(void)
{
	static const uint16_t sizes[] = { 64, 128, 1024, 4096 };
	static bool taken[40000];
	uint32_t x = 3;

	for (unsigned s = 0; s < 4; s++) {
		struct replay r = window(sizes[s]);
		uint64_t high = 0;

		memset(taken, 0, sizeof(taken));
		for (int i = 0; i < 30000 && !check_bad; i++) {
			x = x * 1664525u + 1013904223u;
			uint64_t around = high + (x >> 8) % 9 + 1;
			uint64_t back = (x >> 16) % (sizes[s] + 200u);
			uint64_t seq = (x & 0x80) != 0 || back > around ? around : around - back;
			bool fresh = seq != 0 && (seq > high || high - seq < sizes[s]) &&
				!taken[seq % 40000];

			if (seq >= 40000)
				break;
			CHECK_EQ(replay_check(&r, seq), fresh);
			CHECK_EQ(replay_commit(&r, seq), fresh);
			if (fresh) {
				taken[seq] = true;
				high = seq > high ? seq : high;
			}
			CHECK_EQ(top, high);
		}
		CHECK(high > 20000);
	}
}

static void
limits_of_the_window(void)
{
	struct replay r = window(64);

	CHECK(!replay_check(&r, 0));
	CHECK(replay_commit(&r, 100));
	CHECK(!replay_commit(&r, 100));
	CHECK(replay_check(&r, 37));          /* 63 behind: the last inside */
	CHECK(!replay_check(&r, 36));         /* 64 behind */
	CHECK(replay_commit(&r, 1ull << 40)); /* a jump over everything forgets everything */
	CHECK(replay_check(&r, (1ull << 40) - 63));
	CHECK(!replay_check(&r, (1ull << 40) - 64));
}

static void
esn_finds_the_high_half(void)
{
	static const struct {
		uint64_t top;
		uint32_t low;
		uint64_t want;
	} rows[] = {
		{ 0, 1, 1 }, { 1000, 2000, 2000 }, { 1000, 990, 990 },
		{ 0xffffffff, 0, 0x100000000 }, /* next half begins */
		{ 0xffffffff, 5, 0x100000005 },
		{ 0xffffffff, 0xfffffff0, 0xfffffff0 },  /* late one of this half */
		{ 0x100000005, 0xfffffff0, 0xfffffff0 }, /* late one of the half before */
		{ 0x100000005, 6, 0x100000006 },
		{ 0x2000001000, 0x800,
			0x2100000800 }, /* older than the window: read as the next half */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(replay_esn(rows[i].top, rows[i].low, 64), rows[i].want);
}

int
main(void)
{
	TEST(agrees_with_definition);
	TEST(limits_of_the_window);
	TEST(esn_finds_the_high_half);
	return check_done();
}

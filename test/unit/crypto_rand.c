/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "crypto/selftest.h"

#define DRAWS 4096

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/** Pieces of any length between them, so that pools end everywhere. */
static void
no_eight_octets_come_twice(void)
{
	static uint64_t drawn[DRAWS];
	uint8_t rest[100];
	unsigned same = 0;

	for (unsigned i = 0; i < DRAWS; i++) {
		rand_bytes(&drawn[i], sizeof(drawn[i]));
		rand_bytes(rest, i % sizeof(rest));
	}
	qsort(drawn, DRAWS, sizeof(drawn[0]), by_value);
	for (unsigned i = 1; i < DRAWS; i++)
		same += drawn[i] == drawn[i - 1];
	CHECK_EQ(same, 0);
}

/** No more and no less than asked for, at the pool's length and around it. */
static void
fills(void (*fill)(void *p, size_t n))
{
	for (size_t n = 0; n < 300; n++) {
		uint8_t room[302] = { 0 }, seen[302] = { 0 };
		bool all = true;

		for (int round = 0; round < 8; round++) {
			fill(room + 1, n);
			for (size_t i = 0; i < sizeof(room); i++)
				seen[i] |= room[i];
		}
		for (size_t i = 1; i <= n; i++)
			all &= seen[i] != 0;
		CHECK(all);
		CHECK(seen[0] == 0 && seen[n + 1] == 0);
	}
}

static void
fills_what_it_was_given(void)
{
	fills(rand_bytes);
	fills(rand_secret);
}

static void
a_child_has_random_octets_of_its_own(void)
{
	uint8_t ours[32], theirs[32] = { 0 };
	int ends[2], status;

	rand_bytes(ours, 8); /* so that there is a pool to inherit */
	CHECK_EQ(pipe(ends), 0);
	pid_t child = fork();

	if (child == 0) {
		rand_bytes(theirs, sizeof(theirs));
		_exit(write(ends[1], theirs, sizeof(theirs)) != (ssize_t)sizeof(theirs));
	}
	CHECK(child > 0);
	rand_bytes(ours, sizeof(ours));
	CHECK_EQ(read(ends[0], theirs, sizeof(theirs)), sizeof(theirs));
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(memcmp(ours, theirs, sizeof(ours)) != 0);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	CHECK(crypto_selftest() == NULL);
	TEST(no_eight_octets_come_twice);
	TEST(fills_what_it_was_given);
	TEST(a_child_has_random_octets_of_its_own);
	return check_done();
}

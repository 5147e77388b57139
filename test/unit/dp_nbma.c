/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nbma.h"

#include "test/lib/check.h"

#define ADDRESSES 2000
#define ROOM      1000

static void
free_at_once(void *user, void *memory)
{
	(void)user;
	free(memory);
}

static struct addr
address(uint32_t i)
{
	return addr_from_v4(i * 0x01010101u);
}

/** Random edits, enough to relay the table many times, against an array. */
static void
agrees_with_array(void)
{
	struct nbma *t = nbma_new(ROOM, free_at_once, NULL);
	static uint32_t peer[2][ADDRESSES];
	uint32_t x = 1, n = 0;

	for (int round = 0; round < 100000 && !check_bad; round++) {
		x = x * 1664525u + 1013904223u;
		uint32_t i = (x >> 8) % ADDRESSES, cloud = x >> 31;
		struct addr a = address(i);
		int err;

		if (x & 0x40000000) {
			err = nbma_set(t, (uint16_t)(cloud + 1), &a, round + 1u);
			CHECK_EQ(err, peer[cloud][i] == 0 && n == ROOM ? -28 : 0);
			n += err == 0 && peer[cloud][i] == 0;
			if (err == 0)
				peer[cloud][i] = round + 1u;
		} else {
			err = nbma_del(t, (uint16_t)(cloud + 1), &a);
			CHECK_EQ(err, peer[cloud][i] == 0 ? -2 : 0);
			n -= err == 0;
			peer[cloud][i] = 0;
		}
		CHECK_EQ(nbma_count(t), n);
		CHECK_EQ(nbma_lookup(t, (uint16_t)(cloud + 1), &a), peer[cloud][i]);
	}
	for (uint32_t i = 0; i + 64 <= ADDRESSES; i += 64) {
		struct nbma_key key[64];
		uint32_t got[64];

		for (uint32_t k = 0; k < 64; k++)
			key[k] = (struct nbma_key){ .addr = address(i + k), .cloud = 2 };
		nbma_lookup_bulk(t, key, got, 64);
		CHECK_MEM(got, &peer[1][i], sizeof(got));
	}
	nbma_free(t);
}

static void
same_address_in_two_clouds(void)
{
	struct nbma *t = nbma_new(8, free_at_once, NULL);
	struct addr a = address(9);

	CHECK_EQ(nbma_set(t, 1, &a, 11), 0);
	CHECK_EQ(nbma_set(t, 2, &a, 22), 0);
	CHECK_EQ(nbma_lookup(t, 1, &a), 11);
	CHECK_EQ(nbma_lookup(t, 2, &a), 22);
	CHECK_EQ(nbma_lookup(t, 3, &a), 0);
	CHECK_EQ(nbma_del(t, 1, &a), 0);
	CHECK_EQ(nbma_lookup(t, 2, &a), 22);
	nbma_free(t);
}

int
main(void)
{
	TEST(agrees_with_array);
	TEST(same_address_in_two_clouds);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** IKE SPIs that know themselves: which ones are ours, and where they are in a header. */
#include <string.h>

#include "dataplane/ike_spi.h"
#include "test/lib/check.h"

static const struct siphash_key key = { { 0x1e, 0xa1, 3, 0, 0xff } }, other = { { 0x1f } };

static void
ours_are_genuine(void)
{
	uint32_t slot;

	for (uint32_t i = 0; i < 10000; i++) {
		uint64_t spi = ike_spi_make(&key, i * 429497);

		CHECK(ike_spi_genuine(&key, spi, &slot));
		CHECK_EQ(spi >> 32, i * 429497);
		CHECK(!ike_spi_genuine(&other, spi, &slot)); /* of another process */
	}
}

/** Not one octet may differ; none is more likely than another. */
static void
made_up_ones_are_not(void)
{
	uint64_t spi = ike_spi_make(&key, 0xc0ffee);
	uint32_t slot;

	for (int bit = 0; bit < 64; bit++)
		CHECK(!ike_spi_genuine(&key, spi ^ (1ull << bit), &slot));
	CHECK(!ike_spi_genuine(&key, spi << 32 | spi >> 32, &slot));
	CHECK(!ike_spi_genuine(&key, 0, &slot));
	for (uint64_t i = 1; i < 10000; i++) {
		CHECK(!ike_spi_genuine(&key, i, &slot));
		CHECK(!ike_spi_genuine(&key, i << 32, &slot));
	}
}

/** 4000 SPIs leave few of 1000 slots empty, and the slot is not what stands in the SPI. */
static void
slots_are_spread(void)
{
	bool used[1000] = { false };
	unsigned n = 0, told = 0;

	for (uint32_t i = 0; i < 4000; i++) {
		uint64_t spi = ike_spi_make(&key, i);
		uint32_t slot, again;

		CHECK(ike_spi_genuine(&key, spi, &slot) && ike_spi_genuine(&key, spi, &again));
		CHECK_EQ(slot, again);
		n += !used[slot % 1000];
		used[slot % 1000] = true;
		told += slot % 1000 == (uint32_t)spi % 1000;
	}
	CHECK(n > 950);
	CHECK(told < 40);
}

/** RFC 7296, 3.1: initiator's SPI, responder's SPI, ..., flags in octet 19. */
static void
the_hubs_half_of_a_header(void)
{
	uint8_t h[28] = { 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24,
		0x25, 0x26, 0x27, 0x28 };

	static const struct {
		uint8_t flags;
		uint64_t want;
	} row[] = {
		{ 0x08, 0x2122232425262728 }, /* a request of the initiator: we are the responder */
		{ 0x28, 0x2122232425262728 }, /* its response */
		{ 0x00, 0x1112131415161718 }, /* we are the initiator */
		{ 0x20, 0x1112131415161718 },
		{ 0xd7, 0x1112131415161718 }, /* every bit but that one */
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		h[19] = row[i].flags;
		CHECK_EQ(ike_spi_of_hub(h, sizeof(h)), row[i].want);
		for (uint32_t n = 0; n < sizeof(h); n++)
			CHECK_EQ(ike_spi_of_hub(h, n), 0);
	}
	memset(h + 8, 0, 8);
	h[19] = 0x08;
	CHECK_EQ(ike_spi_of_hub(h, sizeof(h)), 0); /* a first message */
}

int
main(void)
{
	TEST(ours_are_genuine);
	TEST(made_up_ones_are_not);
	TEST(slots_are_spread);
	TEST(the_hubs_half_of_a_header);
	return check_done();
}

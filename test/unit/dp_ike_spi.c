/* SPDX-License-Identifier: BSD-3-Clause */
/** IKE SPIs: which ones are in use, by whom, and where they are in a header. */
#include <string.h>

#include "dataplane/ike_spi.h"
#include "test/lib/check.h"

#define SLOTS 1024

static _Atomic uint64_t places[SLOTS];
static struct ike_spis spis = { places, SLOTS };

static uint64_t
random_next(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static enum ike_spi_kind
kind(uint64_t spi)
{
	uint32_t slot;

	return ike_spi_find(&spis, spi, &slot);
}

/** Each has a place of its own, is what it was made, and is nothing once it is given back. */
static void
in_use_until_dropped(void)
{
	static uint64_t list[SLOTS / 2];
	bool used[SLOTS] = { false };
	uint32_t slot;

	for (unsigned i = 0; i < SLOTS / 2; i++) {
		list[i] = ike_spi_take(&spis, random_next());
		CHECK(list[i] != 0);
		CHECK_EQ(ike_spi_find(&spis, list[i], &slot), IKE_SPI_BEGUN);
		CHECK(slot < SLOTS && !used[slot]);
		used[slot] = true;
		if (i % 2 == 0)
			ike_spi_prove(&spis, list[i]);
	}
	for (unsigned i = 0; i < SLOTS / 2; i++)
		CHECK_EQ(kind(list[i]), i % 2 == 0 ? IKE_SPI_PROVEN : IKE_SPI_BEGUN);
	for (unsigned i = 0; i < SLOTS / 2; i++) {
		ike_spi_drop(&spis, list[i]);
		CHECK_EQ(kind(list[i]), IKE_SPI_ALIEN);
		ike_spi_prove(&spis, list[i]); /* too late */
		CHECK_EQ(kind(list[i]), IKE_SPI_ALIEN);
		ike_spi_drop(&spis, list[i]);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		CHECK_EQ(places[i], 0);
}

/** Not one bit may differ, in either state; who has one cannot drop or prove another. */
static void
made_up_ones_are_alien(void)
{
	uint64_t spi = ike_spi_take(&spis, random_next());

	for (int proven = 0; proven < 2; proven++) {
		for (int bit = 0; bit < 64; bit++) {
			CHECK_EQ(kind(spi ^ 1ull << bit), IKE_SPI_ALIEN);
			ike_spi_drop(&spis, spi ^ 1ull << bit);
		}
		CHECK_EQ(kind(spi), proven ? IKE_SPI_PROVEN : IKE_SPI_BEGUN);
		ike_spi_prove(&spis, spi);
	}
	ike_spi_drop(&spis, spi);
	CHECK_EQ(kind(0), IKE_SPI_ALIEN);
	CHECK_EQ(kind(1), IKE_SPI_ALIEN);
	for (uint64_t i = 0; i < 4 * SLOTS; i++)
		CHECK_EQ(kind(i), IKE_SPI_ALIEN);
}

/** The same number twice, and the only one whose SPI would be 0. */
static void
any_random_number_will_do(void)
{
	const uint64_t random[] = { 0, 1, ~0ull, 0x0123456789abcdef };

	for (unsigned i = 0; i < 4; i++) {
		uint64_t a = ike_spi_take(&spis, random[i]), b = ike_spi_take(&spis, random[i]);

		CHECK(a != 0 && b != 0 && a != b);
		CHECK_EQ(kind(a), IKE_SPI_BEGUN);
		CHECK_EQ(kind(b), IKE_SPI_BEGUN);
		ike_spi_drop(&spis, a);
		CHECK_EQ(kind(b), IKE_SPI_BEGUN);
		ike_spi_drop(&spis, b);
	}
}

/** There is one for everybody; of who has no place it is not known. */
static void
full_table(void)
{
	unsigned known = 0;
	uint64_t spi;

	for (unsigned i = 0; i < 64 * SLOTS; i++)
		known += kind(ike_spi_take(&spis, random_next())) == IKE_SPI_BEGUN;
	CHECK_EQ(known, SLOTS);
	spi = ike_spi_take(&spis, random_next());
	CHECK(spi != 0);
	CHECK_EQ(kind(spi), IKE_SPI_ALIEN);
	ike_spi_prove(&spis, spi);
	ike_spi_drop(&spis, spi);
	for (unsigned i = 0; i < SLOTS; i++)
		CHECK(places[i] != 0);
	memset((void *)places, 0, sizeof(places));
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
	TEST(in_use_until_dropped);
	TEST(made_up_ones_are_alien);
	TEST(any_random_number_will_do);
	TEST(full_table);
	TEST(the_hubs_half_of_a_header);
	return check_done();
}

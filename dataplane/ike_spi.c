/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ike_spi.h"

#include <string.h>

#include <rte_byteorder.h>

#define IKE_HEADER_BYTES 28
#define FLAGS_AT         19
#define FLAG_INITIATOR   0x08

#define PROVEN 1u
#define PROBES 32 /* places tried for a new one */

static uint32_t
slot_of(const struct ike_spis *s, uint64_t spi)
{
	return (uint32_t)(spi >> 1) & (s->slots - 1);
}

static uint64_t
seen(const struct ike_spis *s, uint32_t slot)
{
	return atomic_load_explicit(&s->at[slot], memory_order_relaxed);
}

static void
put(struct ike_spis *s, uint32_t slot, uint64_t value)
{
	atomic_store_explicit(&s->at[slot], value, memory_order_relaxed);
}

uint64_t
ike_spi_take(struct ike_spis *s, uint64_t random)
{
	const uint64_t place = (uint64_t)(s->slots - 1) << 1;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t slot = slot_of(s, random + 2 * i);
		uint64_t spi = (random & ~(place | PROVEN)) | (uint64_t)slot << 1;

		if (spi == 0 || seen(s, slot) != 0)
			continue;
		put(s, slot, spi);
		return spi;
	}
	return random | PROVEN;
}

void
ike_spi_prove(struct ike_spis *s, uint64_t spi)
{
	uint32_t slot = slot_of(s, spi);

	if (seen(s, slot) == spi && spi != 0)
		put(s, slot, spi | PROVEN);
}

void
ike_spi_drop(struct ike_spis *s, uint64_t spi)
{
	uint32_t slot;

	if (ike_spi_find(s, spi, &slot) != IKE_SPI_ALIEN)
		put(s, slot, 0);
}

enum ike_spi_kind
ike_spi_find(const struct ike_spis *s, uint64_t spi, uint32_t *slot)
{
	uint64_t is = seen(s, slot_of(s, spi));

	if (spi == 0 || (is & ~(uint64_t)PROVEN) != spi)
		return IKE_SPI_ALIEN;
	*slot = slot_of(s, spi);
	return (is & PROVEN) != 0 ? IKE_SPI_PROVEN : IKE_SPI_BEGUN;
}

uint64_t
ike_spi_of_hub(const uint8_t *ike, uint32_t bytes)
{
	uint64_t spi;

	if (bytes < IKE_HEADER_BYTES)
		return 0;
	memcpy(&spi, ike + ((ike[FLAGS_AT] & FLAG_INITIATOR) != 0 ? 8 : 0), sizeof(spi));
	return rte_be_to_cpu_64(spi);
}

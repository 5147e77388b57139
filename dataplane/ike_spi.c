/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ike_spi.h"

#include <string.h>

#include <rte_byteorder.h>

#define IKE_HEADER_BYTES 28
#define FLAGS_AT         19
#define FLAG_INITIATOR   0x08

uint64_t
ike_spi_make(const struct siphash_key *key, uint32_t random)
{
	return (uint64_t)random << 32 | (uint32_t)siphash(key, &random, sizeof(random));
}

bool
ike_spi_genuine(const struct siphash_key *key, uint64_t spi, uint32_t *slot)
{
	uint32_t random = (uint32_t)(spi >> 32);
	uint64_t tag = siphash(key, &random, sizeof(random));

	*slot = (uint32_t)(tag >> 32); /* the half that is never told */
	return spi != 0 && (uint32_t)tag == (uint32_t)spi;
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nap.h"

#include <rte_common.h>

#define FRAME_BITS     ((64 + 20) * 8)
#define SPIN_ROUNDS    256 /* empty ones before the first nap */
#define DOUBLED_ROUNDS 32  /* naps until it is twice as long */
#define DOUBLED_MAX    6

uint32_t
nap_line_pps(uint32_t mbps)
{
	return (uint32_t)RTE_MIN((uint64_t)mbps * 1000000 / FRAME_BITS, UINT32_MAX);
}

uint32_t
nap_longest_us(uint32_t slots, uint32_t pps)
{
	uint64_t us = pps == 0 ? NAP_MAX_US : (uint64_t)slots / 2 * 1000000 / pps;

	return us < NAP_MIN_US ? 0 : (uint32_t)RTE_MIN(us, (uint64_t)NAP_MAX_US);
}

uint32_t
nap_us(uint32_t empty_rounds, uint32_t longest_us)
{
	uint32_t doubled;

	if (empty_rounds < SPIN_ROUNDS)
		return 0;
	doubled = RTE_MIN((empty_rounds - SPIN_ROUNDS) / DOUBLED_ROUNDS, (uint32_t)DOUBLED_MAX);
	return RTE_MIN((uint32_t)NAP_MIN_US << doubled, longest_us);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/options.h"

#include <string.h>

/* RFC 791, 3.1 */
#define OPTION_END    0
#define OPTION_NOP    1
#define OPTION_LSRR   131
#define OPTION_SSRR   137
#define OPTION_COPIED 0x80

/** Octets of the option at `at`, which is in front of `end` and not OPTION_END; 0: cut short. */
static uint8_t
option_bytes(const uint8_t *at, const uint8_t *end)
{
	if (*at == OPTION_NOP)
		return 1;
	return end - at < 2 || at[1] < 2 || at[1] > end - at ? 0 : at[1];
}

bool
options_good(const struct rte_ipv4_hdr *ip, uint32_t head)
{
	const uint8_t *at = (const uint8_t *)(ip + 1), *end = (const uint8_t *)ip + head;

	while (at < end && *at != OPTION_END) {
		uint8_t n = option_bytes(at, end);

		if (n == 0 || *at == OPTION_LSRR || *at == OPTION_SSRR)
			return false;
		at += n;
	}
	return true;
}

void
options_of_rest(struct rte_ipv4_hdr *ip, uint32_t head)
{
	uint8_t *at = (uint8_t *)(ip + 1), *end = (uint8_t *)ip + head;

	while (at < end && *at != OPTION_END) {
		uint8_t n = option_bytes(at, end);

		if (n == 0)
			return;
		if (!(*at & OPTION_COPIED))
			memset(at, OPTION_NOP, n);
		at += n;
	}
}

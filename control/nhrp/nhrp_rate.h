/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_RATE_H
#define CONTROL_NHRP_NHRP_RATE_H

/** Token bucket; all zero is a full one. Time may start anywhere. */
#include <stdbool.h>
#include <stdint.h>

struct nhrp_bucket {
	uint64_t at_ms;  /* when used was last right */
	uint64_t used_m; /* thousandths of tokens taken */
};

/** Take one token of a bucket that refills per_s each second up to burst. */
static inline bool
nhrp_bucket_take(struct nhrp_bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
	uint64_t back_m = (now_ms - b->at_ms) * per_s;

	b->used_m = back_m >= b->used_m ? 0 : b->used_m - back_m;
	b->at_ms = now_ms;
	if (b->used_m + 1000 > burst * 1000ull)
		return false;
	b->used_m += 1000;
	return true;
}

#endif

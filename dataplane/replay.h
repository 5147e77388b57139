/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_REPLAY_H
#define DATAPLANE_REPLAY_H

/**
 * Anti-replay window (RFC 4303, 3.4.3) as a ring of words (RFC 6479). Pure: check
 * before the cipher, commit after it. Sequence numbers are 64 bits wide; without ESN
 * the high half is zero. 0 is never valid.
 */
#include <stdbool.h>
#include <stdint.h>

struct replay {
	uint64_t *top;  /* highest number committed */
	uint64_t *word; /* [words], power of two, (words - 1) * 64 >= packets */
	uint16_t words;
	uint16_t packets; /* how far behind top a number may be */
};

/** Could this number be new? */
static inline bool
replay_check(const struct replay *r, uint64_t seq)
{
	if (seq == 0)
		return false;
	if (seq > *r->top)
		return true;
	if (*r->top - seq >= r->packets)
		return false;
	return (r->word[seq / 64 & (r->words - 1u)] >> seq % 64 & 1) == 0;
}

/** Take an authenticated number. False when it was taken or fell behind meanwhile. */
static inline bool
replay_commit(struct replay *r, uint64_t seq)
{
	if (!replay_check(r, seq))
		return false;
	if (seq > *r->top) {
		uint64_t steps = seq / 64 - *r->top / 64;

		for (uint64_t i = 1; i <= steps && i <= r->words; i++)
			r->word[(*r->top / 64 + i) & (r->words - 1u)] = 0;
		*r->top = seq;
	}
	r->word[seq / 64 & (r->words - 1u)] |= 1ull << seq % 64;
	return true;
}

/** The 64-bit number whose low half was received (RFC 4303, appendix A2.1). */
static inline uint64_t
replay_esn(uint64_t top, uint32_t low, uint16_t packets)
{
	uint32_t top_low = (uint32_t)top, high = (uint32_t)(top >> 32);
	uint32_t bottom = top_low - packets + 1u;

	if (top_low >= packets - 1u)
		high += low < bottom; /* window inside one half: lower means the next */
	else
		high -= low >= bottom && high > 0; /* window spans two: high part is the last one */
	return (uint64_t)high << 32 | low;
}

#endif

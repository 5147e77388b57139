/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_METER_H
#define DATAPLANE_METER_H

/**
 * Token buckets: what one worker may pass up or answer, per reason, so that a
 * flood of one kind never starves another. Times are TSC cycles.
 */
#include <stdbool.h>
#include <stdint.h>

enum meter {
	METER_IKE,
	METER_NHRP,
	METER_ARP,
	METER_LOCAL,     /* to the kernel through a port's twin */
	METER_INNER,     /* to the kernel through a cloud's twin: BGP, ping */
	METER_MULTICAST, /* routing hellos */
	METER_NEIGH,
	METER_REDIRECT,
	METER_NO_PEER,
	METER_BAD_SPI,
	METER_EVENT, /* SA used, soft limit, NAT moved: follow authenticated packets */
	METER_ICMP,  /* ICMP errors made by us */
	METER_COUNT,
};

struct token_bucket {
	uint64_t cycles_per_token;
	uint64_t full_at; /* TSC when the bucket is full again */
	uint64_t depth;   /* cycles a full bucket is worth */
};

/** rate: tokens per second; burst: tokens in a full bucket. */
static inline void
bucket_init(struct token_bucket *b, uint64_t tsc_hz, uint32_t rate, uint32_t burst)
{
	b->cycles_per_token = tsc_hz / rate;
	b->depth = b->cycles_per_token * burst;
	b->full_at = 0;
}

/** Would bucket_take() succeed? */
static inline bool
bucket_ready(const struct token_bucket *b, uint64_t now)
{
	uint64_t from = b->full_at > now ? b->full_at : now;

	return from + b->cycles_per_token <= now + b->depth;
}

static inline bool
bucket_take(struct token_bucket *b, uint64_t now)
{
	if (!bucket_ready(b, now))
		return false;
	b->full_at = (b->full_at > now ? b->full_at : now) + b->cycles_per_token;
	return true;
}

/** The budgets of a worker as it starts (meter.c). */
void meters_init(struct token_bucket budget[METER_COUNT], uint64_t tsc_hz);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_METER_H
#define DATAPLANE_METER_H

/**
 * Token buckets: what one worker may pass up or answer, per reason, so that a
 * flood of one kind never starves another; and of some reasons, what one spoke or
 * one unknown sender may use of that. Times are TSC cycles.
 */
#include <stdbool.h>
#include <stdint.h>

enum meter {
	METER_IKE,      /* of a session, by its SPI (ike_spi.h) */
	METER_IKE_AUTH, /* of who has begun one, and yet has to prove who it is */
	METER_IKE_INIT, /* all else: a first message, an SPI from before a restart, or made up */
	METER_NHRP,
	METER_ARP_WAN,
	METER_ARP_LAN,
	METER_ICMP_WAN,    /* to the kernel through a port's twin: ping from anywhere */
	METER_LOCAL_LAN,   /* the same: from the site's network, what is not the next */
	METER_ROUTING_LAN, /* its routing protocols, BFD and VRRP */
	METER_TOO_BIG,     /* ICMP about ESP of ours: anybody can send it */
	METER_INNER,       /* to the kernel through a cloud's twin: ping, SSH */
	METER_ROUTING,     /* through that, too: routing protocols and BFD */
	METER_MULTICAST,   /* routing hellos */
	METER_NEIGH,
	METER_REDIRECT,
	METER_NO_PEER,
	METER_BAD_SPI,
	METER_EVENT, /* SA used, soft limit, NAT moved: follow authenticated packets */
	METER_ICMP,  /* ICMP errors made by us */
	METER_COUNT,
};

/** Parts of those budgets that one sender is held to. */
enum share {
	SHARE_NHRP,
	SHARE_ROUTING, /* METER_ROUTING, METER_MULTICAST */
	SHARE_INNER,
	SHARE_NOTICE, /* redirects, missing bindings and neighbours, ICMP errors */
	SHARE_COUNT,
	SHARE_NONE = SHARE_COUNT,
};

/** What each share was used up to, of one spoke. */
struct share_levels {
	uint64_t full_at[SHARE_COUNT];
};

/** Senders nobody vouched for share levels by a keyed hash of their address. */
#define SOURCE_LEVELS 4096

/** Up to what. Who forges the address of a session cannot use up what that one may. */
struct source_levels {
	uint64_t full_at, ike_full_at, ike_auth_full_at; /* of METER_IKE, METER_IKE_AUTH */
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

/** Is there a token for who has used up to `full_at` at the rate of `b`? */
static inline bool
level_ready(uint64_t full_at, const struct token_bucket *b, uint64_t now)
{
	uint64_t from = full_at > now ? full_at : now;

	return from + b->cycles_per_token <= now + b->depth;
}

static inline void
level_take(uint64_t *full_at, const struct token_bucket *b, uint64_t now)
{
	*full_at = (*full_at > now ? *full_at : now) + b->cycles_per_token;
}

/** Give back n tokens that were taken at the rate of `b`. */
static inline void
level_give(uint64_t *full_at, const struct token_bucket *b, uint32_t n)
{
	uint64_t cycles = b->cycles_per_token * n;

	*full_at = *full_at > cycles ? *full_at - cycles : 0;
}

static inline bool
bucket_ready(const struct token_bucket *b, uint64_t now)
{
	return level_ready(b->full_at, b, now);
}

#endif

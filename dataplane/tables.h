/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_TABLES_H
#define DATAPLANE_TABLES_H

/**
 * The hot structures, as workers read them. All are published by one pointer
 * write of the control core (release) and never change afterwards, except where a
 * field says who writes it. Freed after a grace period (dp.c).
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "config/addr.h"
#include "crypto/esp_cipher.h"
#include "dataplane/dp.h"

/** Where a packet goes next; immutable. dp->adj[id] points here. */
struct adj {
	enum dp_adj_kind kind;
	uint16_t port;
	uint16_t mtu; /* bytes, IP, of the port */
	uint16_t cloud;
	bool wan;                 /* ETH: on a wan port that must not see inner packets */
	struct rte_ether_hdr eth; /* ETH: ready header but for the type */
	struct addr next_hop;
} __rte_cache_aligned;

/** A tunnel; immutable. dp->cloud[id] points here. */
struct cloud {
	uint16_t id;
	struct dp_cloud conf;
	uint8_t gre_bytes; /* 4 or 8 */
	uint32_t key_be;
} __rte_cache_aligned;

/** Outbound SA; key schedule behind it in the same memory. */
struct sa_out {
	const struct esp_suite *suite;
	uint32_t spi_be;
	bool esn;
	bool tunnel_mode;
	uint32_t ts_local_be, ts_remote_be; /* tunnel mode: addresses of the header inside */
	uint64_t cookie;
	uint64_t soft_packets, soft_bytes;
	struct esp_key *key; /* behind this struct, cache aligned */
	uint32_t users;      /* peers that send on it; control core only */
	/* Written by every worker that sends on it; alone on its line. */
	_Atomic uint64_t seq __rte_cache_aligned; /* last number given out */
	_Atomic uint64_t bytes;
	_Atomic bool soft_told;
} __rte_cache_aligned;

/** One spoke in one cloud; immutable. dp->peer[id] points here. */
struct peer {
	uint32_t id;
	uint32_t sibling; /* next peer of the same SAs, in another cloud; 0 = none */
	uint16_t cloud_id;
	uint16_t mtu; /* bytes, inner IP: cloud's, peer's, or what fits the uplink with the SA's
			 headers */
	uint16_t redirect_group;
	uint16_t udp_local, udp_remote; /* host order, 0 = plain ESP */
	bool multicast;
	uint32_t uplink; /* adjacency id */
	uint64_t cookie;
	struct sa_out *sa; /* NULL: closed */
	struct addr local, remote;
	struct addr overlay;
	/* Ready outer header: IPv4 (20) and, with NAT-T, UDP (8); length, id, TOS, checksum
	 * patched. */
	uint8_t outer[28];
	uint8_t outer_bytes;
	uint16_t outer_sum; /* IPv4 checksum of the header with zero length, id and TOS */
} __rte_cache_aligned;

/**
 * Inbound SA. Published to all workers so that each can find the owner; `owner`
 * alone writes what is below the line, others only hand packets over.
 */
struct sa_in {
	uint32_t spi; /* host order */
	uint16_t owner;
	bool esn;
	bool tunnel_mode;
	bool udp_encap;
	_Atomic uint32_t peer; /* first of its chain; the control core may change it */
	uint64_t cookie;
	const struct esp_suite *suite;
	struct esp_key *key;
	struct addr ts_local, ts_remote; /* tunnel mode: addresses of the header inside */
	/* ---- written by the owner worker only ---- */
	uint64_t top __rte_cache_aligned; /* highest sequence number authenticated */
	uint64_t packets, bytes, drops_replay, drops_auth;
	struct addr seen_src; /* last outer source told to control (NAT-T) */
	uint16_t seen_sport;
	bool used;
	uint16_t window_packets; /* how far back is accepted */
	uint16_t window_words;   /* 64-bit words of the bitmap, power of two */
	uint64_t window[];       /* RFC 6479 bitmap */
} __rte_cache_aligned;

/** SPI = generation << SPI_SLOT_BITS | slot; generation starts at 1, so SPI > 255. */
#define SPI_SLOT_BITS 20
#define SPI_SLOT(spi) ((spi) & ((1u << SPI_SLOT_BITS) - 1))

struct fib;  /* fib.h */
struct nbma; /* nbma.h */

/** Our addresses on ports; few. */
struct local {
	uint32_t n;
	struct local_entry {
		struct addr addr;
		uint16_t port, ctx;
	} entry[];
};

/** Clouds by GRE endpoint; open addressing, id 0 is free. */
#define ENDPOINT_SLOTS (DP_CLOUDS_MAX * 2)
struct endpoints {
	uint16_t id[ENDPOINT_SLOTS];
};

struct mcast_list {
	uint32_t n;
	uint32_t peer[];
};

/** Everything shared, owned by dp.c. Workers only read. */
struct dp_tables {
	const struct adj *_Atomic *adj;   /* [adj_max] */
	const struct peer *_Atomic *peer; /* [peer_max] */
	struct sa_in *_Atomic *sa_in;     /* [sa_max], by SPI slot */
	const struct cloud *_Atomic cloud[DP_CLOUDS_MAX];
	struct fib *_Atomic fib[DP_CONTEXTS_MAX];
	struct nbma *nbma;  /* (cloud, overlay address) -> peer id */
	struct nbma *outer; /* (cloud, outer source) -> peer id; unprotected clouds */
	const struct local *_Atomic local;                     /* our addresses on ports */
	const struct endpoints *_Atomic endpoints;             /* (source, key) -> cloud */
	const struct mcast_list *_Atomic mcast[DP_CLOUDS_MAX]; /* peers that get multicast */
	uint32_t adj_max, peer_max, sa_max;
};

static inline const struct adj *
adj_get(const struct dp_tables *t, uint32_t id)
{
	return atomic_load_explicit(&t->adj[id], memory_order_acquire);
}

static inline const struct peer *
peer_get(const struct dp_tables *t, uint32_t id)
{
	return atomic_load_explicit(&t->peer[id], memory_order_acquire);
}

static inline const struct cloud *
cloud_get(const struct dp_tables *t, uint16_t id)
{
	return atomic_load_explicit(&t->cloud[id], memory_order_acquire);
}

/** The SA of this SPI, or NULL when there is none (any more). */
static inline struct sa_in *
sa_in_get(const struct dp_tables *t, uint32_t spi)
{
	uint32_t slot = SPI_SLOT(spi);
	struct sa_in *sa;

	if (slot >= t->sa_max)
		return NULL;
	sa = atomic_load_explicit(&t->sa_in[slot], memory_order_acquire);
	return sa != NULL && sa->spi == spi ? sa : NULL;
}

#endif

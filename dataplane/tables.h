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
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "config/addr.h"
#include "crypto/esp_cipher.h"
#include "dataplane/dp.h"
#include "dataplane/ike_spi.h"

/** Where a packet goes next; immutable but for `peer`. dp->adj[id] points here. */
struct adj {
	enum dp_adj_kind kind;
	uint16_t port;
	uint16_t mtu; /* bytes, IP, of the port */
	uint16_t cloud;
	bool wan;                 /* ETH: on a wan port that must not see inner packets */
	struct rte_ether_hdr eth; /* ETH: ready header but for the type */
	struct addr next_hop;
	_Atomic uint32_t peer; /* TUNNEL with a next hop: bound to that, 0 = nobody (hop.c) */
	struct adj *hop_next;  /* control core only */
} __rte_cache_aligned;

static_assert(sizeof(struct adj) == 64, "an adjacency is one line");

/** A tunnel; immutable. dp->cloud[id] points here. */
struct cloud {
	uint16_t id;
	struct dp_cloud conf;
	uint8_t gre_bytes; /* 4 or 8 */
	uint32_t key_be;
	uint16_t df_copy_be, df_set_be; /* outer DF: bit taken from the inner packet, bit set */
	uint64_t gre_ipv4;              /* header with IPv4 behind it, as on the wire, then zeros */
} __rte_cache_aligned;

/**
 * Outbound SA; key schedule behind it in the same memory. Who sends on it writes to it
 * (the number), so what is only read may stand on the same line.
 */
struct sa_out {
	/* Written by every worker that sends on it. */
	_Atomic uint64_t seq; /* last number given out */
	_Atomic uint64_t bytes;
	_Atomic bool soft_told;

	bool esn;
	bool tunnel_mode;
	uint32_t spi_be;
	uint32_t ts_local_be, ts_remote_be; /* tunnel mode: addresses of the header inside */
	const struct esp_suite *suite;
	uint64_t soft_packets, soft_bytes;

	uint64_t cookie __rte_cache_aligned; /* seldom looked at */
	uint32_t users;                      /* peers that send on it; control core only */
} __rte_cache_aligned;

static_assert(offsetof(struct sa_out, cookie) == 64, "a packet needs one line of its SA");

static inline struct esp_key *
sa_out_key(struct sa_out *sa)
{
	return (struct esp_key *)(sa + 1);
}

/** One spoke in one cloud; immutable. dp->peer[id] points here. */
struct peer {
	/* What a packet to it needs: one line. */
	struct sa_out *sa; /* NULL: closed */
	uint32_t id;
	uint32_t uplink;  /* adjacency id */
	uint32_t sibling; /* next peer of the same SAs, in another cloud; 0 = none */
	uint16_t cloud_id;
	uint16_t mtu; /* bytes, inner IP: cloud's, or what fits uplink and path with the SA's
			 headers */
	uint16_t redirect_group;
	uint16_t udp_remote; /* host order, 0 = plain ESP */
	/* Ready outer header: IPv4 (20) and, with NAT-T, UDP (8); length, id, TOS, checksum
	 * patched. */
	uint16_t outer_sum; /* IPv4 checksum of the header with zero length, id, DF, TOS */
	uint8_t outer_bytes;
	bool multicast;
	uint8_t outer[28];
	/* And one from it. */
	struct addr overlay __rte_cache_aligned;
	struct addr remote, local;
	uint16_t udp_local;
	uint32_t twin; /* whose sources it may have, too; 0 = nobody's */
	uint64_t cookie;
} __rte_cache_aligned;

/** Does what leads to the peer with this id lead back to p? */
static inline bool
peer_is(const struct peer *p, uint32_t id)
{
	return id == p->id || (p->twin != 0 && id == p->twin);
}

static_assert(offsetof(struct peer, overlay) == 64, "what is sent to a peer is in one line");

/**
 * Inbound SA; key schedule behind it in the same memory. Published to all workers so
 * that each can find the owner; `owner` alone reads and writes the rest, others only
 * hand packets over.
 */
struct sa_in {
	uint32_t spi;          /* host order */
	_Atomic uint32_t peer; /* first of its chain; the control core may change it */
	const struct esp_suite *suite;
	uint16_t owner;
	uint16_t window_packets; /* how far back is accepted */
	uint8_t window_words;    /* 64-bit words of the bitmap, power of two */
	bool esn : 1;
	bool tunnel_mode : 1;
	bool udp_encap : 1;
	struct addr ts_local, ts_remote; /* tunnel mode: addresses of the header inside */
	/* ---- written by the owner worker only; first what is seldom looked at ---- */
	uint64_t drops_replay __rte_cache_aligned;
	uint64_t drops_auth;
	uint64_t cookie;      /* (constant) */
	struct addr seen_src; /* last outer source told to control (NAT-T) */
	uint16_t seen_sport;
	/* With each packet. */
	uint64_t top __rte_cache_aligned; /* highest sequence number authenticated */
	uint64_t packets, bytes;
	bool used;
	uint64_t window[]; /* RFC 6479 bitmap */
} __rte_cache_aligned;

static_assert(offsetof(struct sa_in, drops_replay) == 64 && offsetof(struct sa_in, top) == 128,
	"a packet on an inbound SA reads one line and writes one, as long as its window is short");

static inline struct esp_key *
sa_in_key(struct sa_in *sa)
{
	size_t head = offsetof(struct sa_in, window) + sa->window_words * sizeof(sa->window[0]);

	return (struct esp_key *)((uint8_t *)sa + RTE_ALIGN_CEIL(head, RTE_CACHE_LINE_SIZE));
}

/** SPI = generation << SPI_SLOT_BITS | slot; generation starts at 1, so SPI > 255. */
#define SPI_SLOT_BITS 20
#define SPI_SLOT(spi) ((spi) & ((1u << SPI_SLOT_BITS) - 1))

struct capture; /* capture.h */
struct fib;     /* fib.h */
struct nbma;    /* nbma.h */
struct rpf;     /* rpf.h */

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
	_Atomic uint32_t *spi; /* [sa_max], by slot: given out and not taken back, 0 = none */
	const struct cloud *_Atomic cloud[DP_CLOUDS_MAX];
	struct fib *_Atomic fib[DP_CONTEXTS_MAX];
	struct rpf *rpf;    /* (context, prefix) -> all its routes into clouds */
	struct nbma *nbma;  /* (cloud, overlay address) -> peer id */
	struct nbma *outer; /* (cloud, outer source) -> peer id; unprotected clouds */
	const struct local *_Atomic local;                     /* our addresses on ports */
	const struct endpoints *_Atomic endpoints;             /* (source, key) -> cloud */
	const struct mcast_list *_Atomic mcast[DP_CLOUDS_MAX]; /* peers that get multicast */
	struct ike_spis ike_spis;
	uint32_t adj_max, peer_max, sa_max;
	struct capture *_Atomic capture; /* NULL: off */
	_Atomic uint32_t sas; /* inbound SAs attached: about as many keys are in use each way */
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

/** Where the SA of this SPI is, if there is one: sa_max is a power of two. */
static inline struct sa_in *_Atomic *
sa_in_slot(const struct dp_tables *t, uint32_t spi)
{
	return &t->sa_in[spi & (t->sa_max - 1)];
}

/** The SA of this SPI, or NULL when there is none (any more). */
static inline struct sa_in *
sa_in_get(const struct dp_tables *t, uint32_t spi)
{
	struct sa_in *sa;

	if (SPI_SLOT(spi) >= t->sa_max)
		return NULL;
	sa = atomic_load_explicit(sa_in_slot(t, spi), memory_order_acquire);
	return sa != NULL && sa->spi == spi ? sa : NULL;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_BUFFER_H
#define DATAPLANE_BUFFER_H

/**
 * Packet buffers: what one holds, which follows from the largest MTU of all ports, and where
 * to get one for what is longer. A packet is always one segment.
 */
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/dp.h"

/** Of the pool for the few packets that fit no ordinary buffer: what was reassembled (eight
 * fragments of an Ethernet: IKE with certificates), what the kernel sends in one piece. */
#define BUFFER_LARGE 12288

/** Beside a frame: behind it ESP's trailer and ICV, or in front of it the header of a ring that
 * a port shares with the kernel. */
#define BUFFER_SPARE 80

/**
 * Octets of a buffer behind its headroom; what grows in front (GRE, ESP, UDP, IP, Ethernet) has
 * its place in that. 2048 for an ordinary Ethernet. Whole kilobytes: cards count in these.
 */
static inline uint16_t
buffer_bytes(uint16_t mtu)
{
	return RTE_MAX((uint16_t)RTE_MBUF_DEFAULT_DATAROOM,
		(uint16_t)RTE_ALIGN_CEIL(DP_FRAME_BYTES(mtu) + BUFFER_SPARE, 1024));
}

static inline bool
buffer_fits(struct rte_mempool *pool, uint32_t bytes)
{
	return bytes + RTE_PKTMBUF_HEADROOM + BUFFER_SPARE <= rte_pktmbuf_data_room_size(pool);
}

/** The pool whose buffers hold so many octets; NULL: neither. */
static inline struct rte_mempool *
buffer_pool(struct rte_mempool *pool, struct rte_mempool *large, uint32_t bytes)
{
	if (likely(buffer_fits(pool, bytes)))
		return pool;
	return buffer_fits(large, bytes) ? large : NULL;
}

#endif

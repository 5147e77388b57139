/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_SEGMENT_H
#define DATAPLANE_SEGMENT_H

/**
 * The end of a packet of one segment, which all are behind classify. The library's own
 * functions look for the last segment on the mbuf's second cache line: a miss a packet.
 */
#include <rte_mbuf.h>

/** n octets less at the end; n is at most what is there. */
static inline void
segment_trim(struct rte_mbuf *m, uint16_t n)
{
	m->data_len = (uint16_t)(m->data_len - n);
	m->pkt_len = m->data_len;
}

/** Only the n octets from `off` on; they must be there. */
static inline void
segment_cut(struct rte_mbuf *m, uint16_t off, uint16_t n)
{
	m->data_off = (uint16_t)(m->data_off + off);
	m->data_len = n;
	m->pkt_len = n;
}

/** n octets more at the end: where, or NULL when there is no room. */
static inline uint8_t *
segment_append(struct rte_mbuf *m, uint16_t n)
{
	uint8_t *end = rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len);

	if (unlikely(n > rte_pktmbuf_tailroom(m)))
		return NULL;
	m->data_len = (uint16_t)(m->data_len + n);
	m->pkt_len = m->data_len;
	return end;
}

#endif

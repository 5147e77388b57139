/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_VLAN_H
#define DATAPLANE_VLAN_H

/**
 * The tag of a port that is a VLAN of another (IEEE 802.1Q, 9.3), off where a frame came in
 * and on where it leaves; all between sees plain Ethernet. m is at Ethernet.
 */
#include <stdbool.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/pipeline.h"

#define VLAN_TAG_BYTES sizeof(struct rte_vlan_hdr)
#define VLAN_VIDS      4096 /* 0: a priority without a VLAN; 4095: reserved */
#define VLAN_MACS      (2 * RTE_ETHER_ADDR_LEN)

static inline bool
vlan_tagged(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	return rte_pktmbuf_data_len(m) >= sizeof(*eth) + VLAN_TAG_BYTES &&
		eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN);
}

/** The tag off a frame that has one; returns its VID. */
static inline uint16_t
vlan_off(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t vid = (uint16_t)(frame[VLAN_MACS + 2] << 8 | frame[VLAN_MACS + 3]) % VLAN_VIDS;

	memmove(frame + VLAN_TAG_BYTES, frame, VLAN_MACS);
	rte_pktmbuf_adj(m, VLAN_TAG_BYTES);
	if (m->data_off > RTE_PKTMBUF_HEADROOM) /* a driver that stripped it made room itself */
		pkt_meta(m)->flags |= META_UNTAGGED;
	return vid;
}

#define VLAN_PCP_CONTROL 6 /* internetwork control, IEEE 802.1Q table I-2 */

/** The priority of a frame without a tag: of what networks stand on, and of all else. */
static inline uint8_t
vlan_pcp(struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *),
		      *ip = frame + RTE_ETHER_HDR_LEN;
	uint8_t tos = 0;

	if (pkt_meta(m)->flags & META_FIRST)
		return VLAN_PCP_CONTROL;
	if (unlikely(rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN + 2))
		return 0;
	switch (frame[VLAN_MACS] << 8 | frame[VLAN_MACS + 1]) {
	case RTE_ETHER_TYPE_IPV4:
		tos = ip[1];
		break;
	case RTE_ETHER_TYPE_IPV6:
		tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	}
	return tos >= TOS_CS6 ? VLAN_PCP_CONTROL : 0;
}

/** The tag on; false: no room. */
static inline bool
vlan_on(struct rte_mbuf *m, uint16_t vid)
{
	uint8_t pcp = vlan_pcp(m), *frame = (uint8_t *)rte_pktmbuf_prepend(m, VLAN_TAG_BYTES);

	if (unlikely(frame == NULL))
		return false;
	memmove(frame, frame + VLAN_TAG_BYTES, VLAN_MACS);
	frame[VLAN_MACS] = RTE_ETHER_TYPE_VLAN >> 8;
	frame[VLAN_MACS + 1] = RTE_ETHER_TYPE_VLAN & 0xff;
	frame[VLAN_MACS + 2] = (uint8_t)(pcp << 5 | vid >> 8);
	frame[VLAN_MACS + 3] = (uint8_t)vid;
	return true;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Flows from a port with fewer receive queues than there are workers, over all of them. A
 * flow stays with one worker, so its order is kept; one fat spoke's traffic is many flows,
 * so several workers encrypt for it. ESP needs none of this: its SA's owner is its worker.
 */
#include <netinet/in.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>

#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

/** Which worker; ports count only where every packet of the flow shows them. */
static uint16_t
worker_of(const struct worker *w, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(m);
	uint16_t head = rte_ipv4_hdr_len(ip);
	bool whole = (ip->fragment_offset &
			     RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) == 0;
	uint32_t hash = rte_hash_crc_4byte(ip->src_addr, ip->next_proto_id);

	hash = rte_hash_crc_4byte(ip->dst_addr, hash);
	if (whole && (ip->next_proto_id == IPPROTO_TCP || ip->next_proto_id == IPPROTO_UDP) &&
		rte_pktmbuf_data_len(m) >= head + 4)
		hash = rte_hash_crc_4byte(word32((const uint8_t *)ip + head), hash);
	/* The upper half of a product instead of a division. */
	return (uint16_t)((uint64_t)hash * w->workers_count >> 32);
}

void
spread(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		uint16_t to = worker_of(w, m);

		if (to == w->id) {
			b->pkt[kept++] = m;
			continue;
		}
		pkt_meta(m)->flags |= META_SPREAD;
		if (rte_ring_mp_enqueue(w->workers[to]->handover_in, m) != 0)
			pkt_finish(w, m, VERDICT_DROP_HANDOVER_FULL);
	}
	b->n = kept;
}

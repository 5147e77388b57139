/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 10: Ethernet in front, by the adjacency, and into the port's queue. */
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

/** Not resolved: the control core asks the kernel for the gateway or the destination itself. */
static void
tell_neigh_miss(struct worker *w, const struct adj *a, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const struct peer *in = pkt_meta(m)->peer_in;
	struct dp_msg msg = {
		.type = DP_NEIGH_MISS,
		.port = a->port,
		.peer = in != NULL ? in->id : 0,
		.remote =
			a->next_hop.family != ADDR_NONE ? a->next_hop : addr_from_v4(ip->dst_addr),
	};

	worker_tell(w, METER_NEIGH, &msg, NULL, VERDICT_PASS);
}

static enum verdict
l2_one(struct worker *w, struct rte_mbuf *m, uint16_t *port)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const struct adj *a = meta->adj;
	void *eth;

	if (meta->peer_out != NULL)
		a = adj_get(w->tables, meta->peer_out->uplink);
	if (unlikely(a == NULL))
		return VERDICT_DROP_UPLINK;
	if (unlikely(a->kind == DP_ADJ_KIND_GLEAN)) {
		tell_neigh_miss(w, a, m);
		return meta->peer_out != NULL ? VERDICT_DROP_UPLINK : VERDICT_DROP_NEIGH;
	}
	if (unlikely(a->kind != DP_ADJ_KIND_ETH))
		return VERDICT_DROP_UPLINK;
	if (unlikely(rte_pktmbuf_data_len(m) > a->mtu))
		return VERDICT_DROP_OUTER_MTU;
	eth = rte_pktmbuf_prepend(m, sizeof(a->eth));
	if (unlikely(eth == NULL))
		return VERDICT_DROP_HEADROOM;
	memcpy(eth, &a->eth, sizeof(a->eth));
	((struct rte_ether_hdr *)eth)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*port = a->port;
	if (meta->peer_out != NULL) {
		w->c->peer[meta->peer_out->id].tx_packets++;
		w->c->peer[meta->peer_out->id].tx_bytes += meta->inner_bytes;
	}
	return VERDICT_PASS;
}

void
l2_send(struct worker *w, struct burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		uint16_t port = 0;
		enum verdict v = l2_one(w, m, &port);

		if (likely(v == VERDICT_PASS))
			worker_tx(w, port, m);
		else
			pkt_finish(w, m, v);
	}
	b->n = 0;
}

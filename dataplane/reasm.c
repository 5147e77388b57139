/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 2: fragments of outer packets for us, in a table of fixed size per worker. */
#include <rte_ether.h>
#include <rte_ip_frag.h>

#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

/** Old fragments are freed a few at a time; they were counted when they were taken in. */
#define DEATH_PREFETCH 3

struct rte_mbuf *
reasm(struct worker *w, struct rte_mbuf *m, uint64_t now)
{
	struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	struct rte_ip_frag_death_row row = { .cnt = 0 };
	struct pkt_meta kept = *pkt_meta(m);
	struct rte_mbuf *whole;

	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = rte_ipv4_hdr_len(ip);
	whole = rte_ipv4_frag_reassemble_packet(w->frag_tbl, &row, m, now, ip);
	w->c->verdict[VERDICT_DROP_REASSEMBLY] += row.cnt;
	rte_ip_frag_free_death_row(&row, DEATH_PREFETCH);
	if (whole == NULL) {
		w->c->verdict[VERDICT_FRAGMENT_HELD]++;
		return NULL;
	}
	if (rte_pktmbuf_linearize(whole) != 0) {
		/* Larger than one buffer: nothing a spoke sends when its MTU is right. */
		pkt_finish(w, whole, VERDICT_DROP_REASSEMBLY);
		return NULL;
	}
	*pkt_meta(whole) = kept;
	return whole;
}

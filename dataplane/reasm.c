/* SPDX-License-Identifier: BSD-3-Clause */
#define ALLOW_EXPERIMENTAL_API /* to free what is old without a packet that meets it */
/**
 * Step 2: fragments of outer packets for us, in a table of fixed size per worker, of which
 * one sender gets a part. A fragment has no verdict while it waits there, as a packet in a
 * cipher lane has none.
 */
#include <rte_ether.h>
#include <rte_ip_frag.h>

#include "dataplane/capture.h"
#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

/** Old fragments are freed a few at a time. */
#define DEATH_PREFETCH 3

#define LOOK_MS 250 /* how often a worker looks for those whose rest did not come */

static struct rte_ipv4_hdr *
ip_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
}

/** One segment, which is what everything behind here reads; NULL: fits no buffer, m is freed. */
static struct rte_mbuf *
linear(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (rte_pktmbuf_linearize(m) == 0)
		return m;
	copy = rte_pktmbuf_copy(m, w->large, 0, UINT32_MAX);
	if (copy != NULL && copy->nb_segs != 1) {
		rte_pktmbuf_free(copy);
		copy = NULL;
	}
	if (copy == NULL)
		pkt_finish(w, m, VERDICT_DROP_REASSEMBLY);
	else
		rte_pktmbuf_free(m);
	return copy;
}

/**
 * RFC 3168, 5.3: what one fragment met, the packet met. False: it is to be dropped, since
 * another fragment says that it cannot carry the mark. Each piece but the first starts
 * behind its own header, which still is there.
 */
static bool
ecn_join(struct rte_mbuf *whole)
{
	struct rte_ipv4_hdr *first = ip_of(whole);
	bool marked = false, deaf = false;

	for (const struct rte_mbuf *s = whole; s != NULL; s = s->next) {
		const struct rte_ipv4_hdr *ip = s == whole
			? first
			: rte_pktmbuf_mtod_offset(s, const struct rte_ipv4_hdr *, -(int)s->l3_len);
		uint8_t ecn = ip->type_of_service & ECN_MASK;

		marked |= ecn == ECN_CE;
		deaf |= ecn == ECN_NOT_ECT;
	}
	if (marked)
		first->type_of_service |= ECN_CE;
	return !marked || !deaf;
}

/** The library leaves the checksum to a NIC; the kernel behind the twin wants it in place. */
static void
header_finish(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = ip_of(m);

	m->ol_flags &= ~(uint64_t)RTE_MBUF_F_TX_IP_CKSUM;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

/** Whose rest did not come, or did not fit. */
static void
bury(struct worker *w, struct rte_ip_frag_death_row *row)
{
	w->c->verdict[VERDICT_DROP_REASSEMBLY] += row->cnt;
	for (uint32_t i = 0; unlikely(w->capture != NULL) && i < row->cnt; i++)
		capture_drop(w, row->row[i], VERDICT_DROP_REASSEMBLY, VERDICT_DROP_REASSEMBLY);
	rte_ip_frag_free_death_row(row, DEATH_PREFETCH);
}

void
reasm_expire(struct worker *w, uint64_t now)
{
	struct rte_ip_frag_death_row row;
	bool full;

	row.cnt = 0;
	rte_ip_frag_table_del_expired_entries(w->frag_tbl, &row, now);
	full = row.cnt + RTE_LIBRTE_IP_FRAG_MAX_FRAG > RTE_DIM(row.row); /* there may be more */
	w->frag_look = full ? now : now + LOOK_MS * w->tsc_per_ms;
	bury(w, &row);
}

struct rte_mbuf *
reasm(struct worker *w, struct rte_mbuf *m, uint64_t now)
{
	struct rte_ip_frag_death_row row;
	struct pkt_meta kept = *pkt_meta(m);
	struct addr source = addr_from_v4(ip_of(m)->src_addr);
	uint64_t *level = &w->frag_levels[source_slot(w, &source)];
	struct rte_mbuf *whole;

	if (unlikely(!level_ready(*level, &w->frag_share, now))) {
		pkt_finish(w, m, VERDICT_DROP_REASSEMBLY_SHARE);
		return NULL;
	}
	level_take(level, &w->frag_share, now);
	row.cnt = 0;
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = rte_ipv4_hdr_len(ip_of(m));
	whole = rte_ipv4_frag_reassemble_packet(w->frag_tbl, &row, m, now, ip_of(m));
	bury(w, &row);
	if (whole == NULL)
		return NULL;
	level_give(level, &w->frag_share, whole->nb_segs);
	w->c->verdict[VERDICT_REASSEMBLED] += whole->nb_segs - 1u; /* the last goes on as whole */
	if (unlikely(!ecn_join(whole))) {
		pkt_finish(w, whole, VERDICT_DROP_ECN);
		return NULL;
	}
	whole = linear(w, whole);
	if (whole == NULL)
		return NULL;
	header_finish(whole);
	*pkt_meta(whole) = kept;
	return whole;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 9: ESP (RFC 4303) and the outer header on, in two halves around the cipher. */
#include <netinet/in.h>
#include <string.h>

#include <rte_esp.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/segment.h"
#include "dataplane/worker.h"

static uint16_t
outer_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/** The peer's ready header in front; m then starts at outer IP. */
static bool
outer_on(struct worker *w, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct peer *p = meta->peer_out;
	uint16_t payload = rte_pktmbuf_data_len(m);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, p->outer_bytes);
	uint16_t total = rte_cpu_to_be_16((uint16_t)(payload + p->outer_bytes));
	uint16_t id = rte_cpu_to_be_16((uint16_t)w->ip_id++);

	if (unlikely(ip == NULL))
		return false;
	memcpy(ip, p->outer, p->outer_bytes);
	ip->type_of_service = meta->tos_out;
	ip->total_length = total;
	ip->packet_id = id;
	ip->fragment_offset = meta->df_out_be;
	ip->hdr_checksum = outer_fold((uint32_t)p->outer_sum + total + id + meta->df_out_be +
		rte_cpu_to_be_16(meta->tos_out));
	if (p->outer_bytes > sizeof(*ip)) {
		struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

		udp->dgram_len = rte_cpu_to_be_16((uint16_t)(payload + sizeof(*udp)));
	}
	return true;
}

/** Tunnel mode: an IP header between the two ends around the GRE packet. */
static bool
tunnel_header_on(struct rte_mbuf *m, const struct sa_out *sa, uint8_t tos)
{
	uint16_t total = rte_pktmbuf_data_len(m) + (uint16_t)sizeof(struct rte_ipv4_hdr);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, sizeof(*ip));

	if (unlikely(ip == NULL))
		return false;
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16(total),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_GRE,
		.src_addr = sa->ts_local_be,
		.dst_addr = sa->ts_remote_be,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return true;
}

/** Trailer (padding 1, 2, 3..., its length, next header) and room for the ICV. */
static bool
trailer_on(struct rte_mbuf *m, const struct sa_out *sa)
{
	uint16_t block = sa->suite->block_bytes;
	uint8_t pad = (uint8_t)(-(rte_pktmbuf_data_len(m) + 2u) & (block - 1u));
	uint8_t *t = segment_append(m, (uint16_t)(pad + 2u + sa->suite->icv_bytes));

	if (unlikely(t == NULL))
		return false;
	for (uint8_t i = 0; i < pad; i++)
		t[i] = i + 1;
	t[pad] = pad;
	t[pad + 1] = sa->tunnel_mode ? IPPROTO_IPIP : IPPROTO_GRE;
	return true;
}

/** Near the end of what the SA may send: the engine rekeys. Told once per SA, as soon as the
 * meter lets it through. */
static void
soft_limit(struct worker *w, struct sa_out *sa, uint64_t seq, uint16_t bytes)
{
	bool due = seq >= sa->soft_packets;

	if (sa->soft_bytes != UINT64_MAX)
		due |= atomic_fetch_add_explicit(&sa->bytes, bytes, memory_order_relaxed) + bytes >=
			sa->soft_bytes;
	if (likely(!due) || atomic_load_explicit(&sa->soft_told, memory_order_relaxed) ||
		!bucket_ready(&w->budget[METER_EVENT], w->now_tsc))
		return;
	if (atomic_exchange_explicit(&sa->soft_told, true, memory_order_relaxed))
		return;

	struct dp_msg msg = { .type = DP_SA_SOFT, .cookie = sa->cookie };
	worker_tell(w, METER_EVENT, &msg, NULL, VERDICT_PASS);
}

/** m at GRE becomes m at outer IP with everything but the cipher's work done. */
static enum verdict
seal_prepare(struct worker *w, struct rte_mbuf *m, uint64_t seq, struct esp_job *job)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct sa_out *sa = meta->peer_out->sa;
	const struct esp_suite *s = sa->suite;
	struct rte_esp_hdr *esp;
	uint16_t ct_bytes;

	if (unlikely(!sa->esn && seq > UINT32_MAX))
		return VERDICT_DROP_SEQ_END;
	soft_limit(w, sa, seq, rte_pktmbuf_data_len(m));
	if (unlikely((sa->tunnel_mode && !tunnel_header_on(m, sa, meta->tos_out)) ||
		    !trailer_on(m, sa)))
		return VERDICT_DROP_HEADROOM;
	ct_bytes = rte_pktmbuf_data_len(m) - s->icv_bytes;
	esp = (struct rte_esp_hdr *)rte_pktmbuf_prepend(m, (uint16_t)(sizeof(*esp) + s->iv_bytes));
	if (unlikely(esp == NULL))
		return VERDICT_DROP_HEADROOM;
	esp->spi = sa->spi_be;
	esp->seq = rte_cpu_to_be_32((uint32_t)seq);
	*job = (struct esp_job){
		.suite = s,
		.key = sa_out_key(sa),
		.esp = (uint8_t *)esp,
		.user = m,
		.seq_hi = (uint32_t)(seq >> 32),
		.ct_bytes = ct_bytes,
		.esn = sa->esn,
	};
	return outer_on(w, m, meta) ? VERDICT_PASS : VERDICT_DROP_HEADROOM;
}

/** How many packets from i on go to the same SA: one addition serves them all. */
static uint16_t
run_length(const struct burst *b, uint16_t i)
{
	const struct sa_out *sa = pkt_meta(b->pkt[i])->peer_out->sa;
	uint16_t n = 1;

	while (i + n < b->n && pkt_meta(b->pkt[i + n])->peer_out->sa == sa)
		n++;
	return n;
}

/** Packets of a cloud without protection need the outer header only. */
static void
clear_on(struct worker *w, struct rte_mbuf *m, struct burst *out)
{
	if (likely(outer_on(w, m, pkt_meta(m))))
		burst_add(out, m);
	else
		pkt_finish(w, m, VERDICT_DROP_HEADROOM);
}

void
esp_out_submit(struct worker *w, struct burst *b, struct burst *out)
{
	struct esp_job *jobs[BURST_MAX];
	const struct sa_out *run_sa = NULL; /* a number is never used with another SA's key */
	uint64_t seq = 0;
	uint16_t n = 0, run = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		const struct pkt_meta *meta = pkt_meta(m);
		struct sa_out *sa = meta->peer_out->sa;
		enum verdict v;

		if (!meta->cloud_out->conf.protected_) {
			clear_on(w, m, out);
			continue;
		}
		if (unlikely(sa == NULL)) {
			pkt_finish(w, m, VERDICT_DROP_PEER_DOWN);
			continue;
		}
		if (run == 0 || unlikely(sa != run_sa)) {
			run = run_length(b, i);
			run_sa = sa;
			seq = atomic_fetch_add_explicit(&sa->seq, run, memory_order_relaxed);
		}
		run--;
		jobs[n] = job_of(w->seal_jobs, n, m, sa->suite);
		v = seal_prepare(w, m, ++seq, jobs[n]);
		if (likely(v == VERDICT_PASS))
			n++;
		else
			pkt_finish(w, m, v);
	}
	b->n = 0;
	if (n > 0)
		esp_submit(w->seal, ESP_SEAL, jobs, n);
}

uint16_t
esp_out_collect(struct worker *w, struct burst *out)
{
	struct esp_job *done[BURST_MAX];
	uint16_t n = (uint16_t)esp_collect(w->seal, done, BURST_MAX - out->n);

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = done[i]->user;

		if (likely(done[i]->status == ESP_OK))
			burst_add(out, m);
		else
			pkt_finish(w, m, VERDICT_DROP_CIPHER);
	}
	return n;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 3: ESP (RFC 4303) off, in two halves around the cipher. */
#include <netinet/in.h>

#include <rte_esp.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "dataplane/early.h"
#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/replay.h"
#include "dataplane/segment.h"
#include "dataplane/worker.h"

#define NEXT_HEADER_DUMMY 59 /* RFC 4303, 2.6 */

static struct replay
window_of(struct sa_in *sa)
{
	return (struct replay){
		.top = &sa->top,
		.word = sa->window,
		.words = sa->window_words,
		.packets = sa->window_packets,
	};
}

/** An SA we do not have: the peer missed a delete or our restart. The engine may tell it. */
static void
tell_bad_spi(struct worker *w, const struct pkt_meta *meta, uint32_t spi)
{
	struct dp_msg msg = {
		.type = DP_BAD_SPI,
		.natt = meta->outer_dport != 0,
		.local_port = meta->outer_dport,
		.remote_port = meta->outer_sport,
		.spi = spi,
		.local = meta->outer_dst,
		.remote = meta->outer_src,
	};

	worker_tell(w, METER_BAD_SPI, &msg, NULL, VERDICT_PASS);
}

/** What a burst is opened with: its packets and the SAs at their SPIs' slots. */
struct opening {
	struct rte_mbuf *m;
	struct sa_in *sa; /* of this slot; whether of this SPI is still to be seen */
};

/** Is it the SA? PASS: ours to open; what is handed over, or waits for keys, leaves with *gone. */
static enum verdict
sa_take(struct worker *w, const struct opening *o, bool *gone)
{
	uint32_t spi = rte_be_to_cpu_32(rte_pktmbuf_mtod(o->m, const struct rte_esp_hdr *)->spi);
	struct pkt_meta *meta = pkt_meta(o->m);

	if (unlikely(o->sa == NULL || o->sa->spi != spi)) {
		if (early_expected(w->tables, spi)) {
			enum verdict v = early_hold(w, o->m, spi);

			*gone = v == VERDICT_PASS;
			return v;
		}
		tell_bad_spi(w, meta, spi);
		return VERDICT_DROP_ESP_SPI;
	}
	meta->sa_in = o->sa;
	if (unlikely(o->sa->owner != w->id)) {
		*gone = rte_ring_mp_enqueue(w->workers[o->sa->owner]->handover_in, o->m) == 0;
		return *gone ? VERDICT_PASS : VERDICT_DROP_HANDOVER_FULL;
	}
	return VERDICT_PASS;
}

/** Length and replay checks, then the job. */
static enum verdict
open_prepare(const struct worker *w, struct rte_mbuf *m, struct esp_job *job)
{
	const struct rte_esp_hdr *esp = rte_pktmbuf_mtod(m, const struct rte_esp_hdr *);
	struct sa_in *sa = pkt_meta(m)->sa_in;
	const struct esp_suite *s = sa->suite;
	uint64_t seq;
	uint32_t low = rte_be_to_cpu_32(esp->seq);
	uint16_t around = sizeof(*esp) + s->iv_bytes + s->icv_bytes;
	uint16_t have = rte_pktmbuf_data_len(m);
	struct replay r = window_of(sa);
	uint32_t peer;

	if (unlikely(have < around + s->block_bytes ||
		    ((have - around) & (s->block_bytes - 1u)) != 0))
		return VERDICT_DROP_ESP_SHORT;
	seq = sa->esn ? replay_esn(sa->top, low, sa->window_packets) : low;
	if (unlikely(!replay_check(&r, seq))) {
		sa->drops_replay++;
		return VERDICT_DROP_ESP_REPLAY;
	}
	*job = (struct esp_job){
		.suite = s,
		.key = sa_in_key(sa),
		.esp = rte_pktmbuf_mtod(m, uint8_t *),
		.user = m,
		.seq_hi = (uint32_t)(seq >> 32),
		.ct_bytes = have - around,
		.esn = sa->esn,
	};
	/* What comes after the cipher. */
	peer = atomic_load_explicit(&sa->peer, memory_order_relaxed);
	rte_prefetch0(&w->tables->peer[peer]);
	rte_prefetch0(&w->c->peer[peer]);
	return VERDICT_PASS;
}

/** Slots of a burst, then the SAs in them, on their way before the first is looked at. */
static uint16_t
fetch(struct worker *w, const struct burst *b, struct opening *o)
{
	const struct dp_tables *t = w->tables;
	struct sa_in *_Atomic *slot[BURST_MAX];
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		const struct rte_esp_hdr *esp =
			rte_pktmbuf_mtod(b->pkt[i], const struct rte_esp_hdr *);

		if (unlikely(rte_pktmbuf_data_len(b->pkt[i]) < sizeof(*esp))) {
			pkt_finish(w, b->pkt[i], VERDICT_DROP_ESP_SHORT);
			continue;
		}
		o[n].m = b->pkt[i];
		slot[n] = sa_in_slot(t, rte_be_to_cpu_32(esp->spi));
		rte_prefetch0(slot[n++]);
	}
	for (uint16_t i = 0; i < n; i++) {
		o[i].sa = atomic_load_explicit(slot[i], memory_order_acquire);
		if (unlikely(o[i].sa == NULL))
			continue;
		rte_prefetch0(o[i].sa);
		rte_prefetch0(&o[i].sa->top);
	}
	return n;
}

void
esp_in_submit(struct worker *w, struct burst *b)
{
	struct opening o[BURST_MAX];
	struct esp_job *jobs[BURST_MAX];
	uint16_t n = 0, all = fetch(w, b, o);

	for (uint16_t i = 0; i < all; i++) {
		bool gone = false;
		enum verdict v = sa_take(w, &o[i], &gone);

		if (unlikely(gone))
			continue;
		if (likely(v == VERDICT_PASS)) {
			jobs[n] = job_of(w->open_jobs, n, o[i].m, o[i].sa->suite);
			v = open_prepare(w, o[i].m, jobs[n]);
		}
		if (likely(v == VERDICT_PASS))
			n++;
		else
			pkt_finish(w, o[i].m, v);
	}
	b->n = 0;
	if (n > 0)
		esp_submit(w->open, ESP_OPEN, jobs, n);
}

/* ---- after the cipher ------------------------------------------------------------------ */

/**
 * Do the n octets in front of `end` count 1, 2, 3... (RFC 4303, 2.4)? Eight at a time, the last
 * ones as the upper part of the word in front of `end`: ESP header and IV are before it at least.
 */
static bool
padding_good(const uint8_t *end, uint8_t n)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t count = 0x0807060504030201, wrong = 0;
	unsigned beside; /* bits of the last word that are not padding, less 8 */

	for (; unlikely(n >= 8); n -= 8, count += 8 * each)
		wrong |= word64(end - n) ^ count;
	beside = 8 * (7u - n);
	wrong |= (word64(end - 8) >> beside >> 8 ^ count) << beside << 8;
	return wrong == 0;
}

/** m is cut to the payload. Returns the next header, -1: bad padding. */
static int
trailer_off(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct esp_suite *s = meta->sa_in->suite;
	uint16_t head = (uint16_t)(sizeof(struct rte_esp_hdr) + s->iv_bytes);
	uint16_t text = (uint16_t)(rte_pktmbuf_data_len(m) - head - s->icv_bytes);
	const uint8_t *end = rte_pktmbuf_mtod_offset(m, const uint8_t *, head + text) - 2;

	if (unlikely(end[0] + 2 > text))
		return -1;
	segment_cut(m, head, (uint16_t)(text - 2 - end[0]));
	return padding_good(end, end[0]) ? end[1] : -1;
}

/** Tunnel mode: one more IP header, between the very addresses of the SA, carrying GRE. */
static enum verdict
tunnel_header_off(struct rte_mbuf *m, struct pkt_meta *meta)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	int ecn;

	if (ipv4_check(m, 0, VERDICT_DROP_ESP_FORMAT, VERDICT_DROP_ESP_FORMAT,
		    VERDICT_DROP_ESP_FORMAT) != VERDICT_PASS)
		return VERDICT_DROP_ESP_FORMAT;
	if (ip->next_proto_id != IPPROTO_GRE ||
		(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) !=
			0)
		return VERDICT_DROP_ESP_FORMAT;
	if (ip->dst_addr != addr_v4(&meta->sa_in->ts_local) ||
		ip->src_addr != addr_v4(&meta->sa_in->ts_remote))
		return VERDICT_DROP_ESP_FORMAT;
	ecn = ecn_merge(meta->outer_tos, ip->type_of_service);
	if (unlikely(ecn < 0))
		return VERDICT_DROP_ECN;
	meta->outer_tos = (uint8_t)ecn; /* what GRE's own outer header says now */
	rte_pktmbuf_adj(m, rte_ipv4_hdr_len(ip));
	return VERDICT_PASS;
}

/** Transport mode: the outer addresses are the selectors, unless a NAT rewrote them. */
static bool
outer_fits(const struct pkt_meta *meta)
{
	const struct sa_in *sa = meta->sa_in;

	return sa->udp_encap ||
		(addr_equal(&meta->outer_src, &sa->ts_remote) &&
			addr_equal(&meta->outer_dst, &sa->ts_local));
}

/** Selectors of a DMVPN child: GRE between the two ends, as this SA's mode frames it. */
static enum verdict
selectors(struct rte_mbuf *m, struct pkt_meta *meta, int next)
{
	if (next == NEXT_HEADER_DUMMY)
		return VERDICT_DROP_ESP_DUMMY;
	if (meta->sa_in->tunnel_mode)
		return next == IPPROTO_IPIP ? tunnel_header_off(m, meta) : VERDICT_DROP_ESP_FORMAT;
	return next == IPPROTO_GRE && outer_fits(meta) ? VERDICT_PASS : VERDICT_DROP_ESP_FORMAT;
}

/** Is there anything to say of where this packet came from? */
static bool
moved(const struct pkt_meta *meta)
{
	const struct sa_in *sa = meta->sa_in;
	const struct peer *p = meta->peer_in;

	if (!sa->udp_encap || meta->outer_sport == 0)
		return false;
	if (likely(meta->outer_sport == p->udp_remote && addr_equal(&meta->outer_src, &p->remote)))
		return false;
	/* told already; control has not moved the peer yet */
	return meta->outer_sport != sa->seen_sport || !addr_equal(&meta->outer_src, &sa->seen_src);
}

static void
tell_of_sa(struct worker *w, const struct pkt_meta *meta, enum dp_msg_type type)
{
	struct dp_msg msg = {
		.type = type,
		.cookie = meta->sa_in->cookie,
		.spi = meta->sa_in->spi,
		.remote = meta->outer_src,
		.remote_port = meta->outer_sport,
	};

	worker_tell(w, METER_EVENT, &msg, NULL, VERDICT_PASS);
}

/**
 * The first packet on an SA, and packets from elsewhere than we send to, are told.
 * What the meter holds back is told by a later packet.
 */
static void
watch(struct worker *w, const struct pkt_meta *meta, bool newest)
{
	struct sa_in *sa = meta->sa_in;

	if (unlikely(!sa->used) && bucket_ready(&w->budget[METER_EVENT], w->now_tsc)) {
		sa->used = true;
		tell_of_sa(w, meta, DP_SA_USED);
	}
	if (likely(!newest || !moved(meta)) || !bucket_ready(&w->budget[METER_EVENT], w->now_tsc))
		return;
	sa->seen_sport = meta->outer_sport;
	sa->seen_src = meta->outer_src;
	tell_of_sa(w, meta, DP_NAT_MOVED);
}

static uint64_t
seq_of(const struct esp_job *job)
{
	const struct rte_esp_hdr *esp = (const struct rte_esp_hdr *)job->esp;

	return (uint64_t)job->seq_hi << 32 | rte_be_to_cpu_32(esp->seq);
}

static enum verdict
open_finish(struct worker *w, struct rte_mbuf *m, const struct esp_job *job)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct sa_in *sa = meta->sa_in;
	struct replay r = window_of(sa);
	uint64_t seq = seq_of(job);
	bool newest = seq > sa->top;
	int next;

	if (unlikely(job->status != ESP_OK)) {
		sa->drops_auth++;
		return VERDICT_DROP_ESP_AUTH;
	}
	if (unlikely(!replay_commit(&r, seq))) {
		sa->drops_replay++;
		return VERDICT_DROP_ESP_REPLAY;
	}
	next = trailer_off(m, meta);
	if (unlikely(next < 0))
		return VERDICT_DROP_ESP_FORMAT;
	sa->packets++;
	sa->bytes += rte_pktmbuf_data_len(m);
	meta->peer_in = peer_get(w->tables, sa->peer);
	if (unlikely(meta->peer_in == NULL)) /* gone: did another take the SA over just now? */
		meta->peer_in = peer_get(w->tables, sa->peer);
	if (unlikely(meta->peer_in == NULL))
		return VERDICT_DROP_ESP_SPI;
	watch(w, meta, newest);
	return selectors(m, meta, next);
}

uint16_t
esp_in_collect(struct worker *w, struct burst *out)
{
	struct esp_job *done[BURST_MAX];
	uint16_t n = (uint16_t)esp_collect(w->open, done, BURST_MAX - out->n);

	for (uint16_t i = 0; i < n; i++) {
		const struct sa_in *sa = pkt_meta(done[i]->user)->sa_in;
		const struct peer *p = peer_get(w->tables, sa->peer);

		if (unlikely(p == NULL))
			continue;
		rte_prefetch0(p);
		rte_prefetch0(&p->overlay);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = done[i]->user;
		enum verdict v = open_finish(w, m, done[i]);

		if (likely(v == VERDICT_PASS))
			burst_add(out, m);
		else
			pkt_finish(w, m, v);
	}
	return n;
}

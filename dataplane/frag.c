/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 7: what has to fit is made to fit before encap: TCP MSS, fragments, "too big". */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/ip.h"
#include "dataplane/options.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

#define FRAGMENTS_MAX 24 /* of one packet: DP_MTU_MAX octets on a way of 576 with all headers */

#define UNREACH        3
#define UNREACH_FRAG   4 /* fragmentation needed and DF set */
#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2

/* ---- MSS --------------------------------------------------------------------------------- */

/** The MSS option's value in a SYN's options, or NULL. */
static uint8_t *
mss_find(uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != TCP_OPTION_END) {
		if (*at == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return NULL;
		if (at[0] == TCP_OPTION_MSS)
			return at[1] == 4 ? at + 2 : NULL;
		at += at[1];
	}
	return NULL;
}

/** Lower an MSS above max; RFC 1624 keeps the checksum right at odd offsets too. */
static void
mss_lower(struct rte_tcp_hdr *tcp, uint8_t *value, uint16_t max)
{
	uint16_t old, new = rte_cpu_to_be_16(max);

	memcpy(&old, value, sizeof(old));
	if (rte_be_to_cpu_16(old) <= max)
		return;
	memcpy(value, &new, sizeof(new));
	if (((uintptr_t)value - (uintptr_t)tcp) & 1) {
		old = rte_bswap16(old);
		new = rte_bswap16(new);
	}
	tcp->cksum = checksum_edit(tcp->cksum, old, new);
}

/** The header of a TCP SYN with its options, or NULL: nearly always. */
static struct rte_tcp_hdr *
syn_of(const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(m);
	uint16_t head = rte_ipv4_hdr_len(ip), have = rte_pktmbuf_data_len(m), tcp_bytes;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)((uintptr_t)ip + head);

	if (ip->next_proto_id != IPPROTO_TCP || have < head + sizeof(*tcp) ||
		(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return NULL;
	if (likely(!(tcp->tcp_flags & RTE_TCP_SYN_FLAG)))
		return NULL;
	tcp_bytes = (uint16_t)((tcp->data_off >> 4) * 4);
	return tcp_bytes < sizeof(*tcp) || tcp_bytes > have - head ? NULL : tcp;
}

/** max 0: no clamp. */
static void
mss_clamp(struct rte_tcp_hdr *tcp, uint16_t max)
{
	const uint8_t *end = (const uint8_t *)tcp + (tcp->data_off >> 4) * 4;
	uint8_t *value = max == 0 ? NULL : mss_find((uint8_t *)(tcp + 1), end);

	if (value != NULL)
		mss_lower(tcp, value, max);
}

/** The clamp of a cloud, lower where the way to the peer holds less. */
static uint16_t
mss_of(const struct cloud *c, const struct peer *p)
{
	uint16_t fits;

	if (c == NULL || c->conf.tcp_mss_v4 == 0)
		return 0;
	fits = p == NULL ? UINT16_MAX
			 : p->mtu - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_tcp_hdr);
	return RTE_MIN(fits, c->conf.tcp_mss_v4);
}

/** A SYN says what its sender takes, so the way back to it counts as much as the way on. */
static void
mss_check(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct rte_tcp_hdr *syn = syn_of(m);

	if (likely(syn == NULL))
		return;
	mss_clamp(syn, mss_of(meta->cloud, meta->peer_in));
	mss_clamp(syn, mss_of(meta->cloud_out, meta->peer_out));
}

/* ---- fragments ---------------------------------------------------------------------------- */

static struct rte_mbuf *
fragment_make(struct worker *w, struct rte_mbuf *m, uint16_t off, uint16_t bytes, bool more)
{
	const struct rte_ipv4_hdr *whole = ipv4_of(m);
	uint16_t head = rte_ipv4_hdr_len(whole);
	uint16_t was = rte_be_to_cpu_16(whole->fragment_offset);
	struct rte_mbuf *f = rte_pktmbuf_alloc(w->pool);
	struct rte_ipv4_hdr *ip;

	if (f == NULL)
		return NULL;
	ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(f, head + bytes);
	if (ip == NULL) {
		rte_pktmbuf_free(f);
		return NULL;
	}
	*pkt_meta(f) = *pkt_meta(m);
	memcpy(ip, whole, head);
	memcpy((uint8_t *)ip + head, (const uint8_t *)whole + head + off, bytes);
	if (off > 0)
		options_of_rest(ip, head);
	ip->total_length = rte_cpu_to_be_16(head + bytes);
	was = (uint16_t)(was + off / 8);
	ip->fragment_offset = rte_cpu_to_be_16(more ? was | RTE_IPV4_HDR_MF_FLAG : was);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, head);
	return f;
}

static enum verdict
fragment(struct worker *w, struct rte_mbuf *m, uint16_t mtu, struct burst *out)
{
	uint16_t head = rte_ipv4_hdr_len(ipv4_of(m)), payload = rte_pktmbuf_data_len(m) - head;
	uint16_t step = mtu > head + 8 ? (mtu - head) & ~7u : 0, first = out->n;
	bool last_more = (ipv4_of(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG)) != 0;

	if (step == 0 || payload > (uint32_t)step * FRAGMENTS_MAX)
		return VERDICT_DROP_MTU;
	for (uint16_t off = 0; off < payload; off += step) {
		uint16_t n = payload - off < step ? payload - off : step;
		struct rte_mbuf *f = fragment_make(w, m, off, n, off + n < payload || last_more);

		if (f == NULL) {
			while (out->n > first)
				rte_pktmbuf_free(out->pkt[--out->n]);
			return VERDICT_DROP_NO_MBUF;
		}
		burst_add(out, f);
	}
	return VERDICT_FRAGMENTED;
}

static uint16_t
mtu_of(const struct pkt_meta *meta)
{
	return meta->peer_out != NULL ? meta->peer_out->mtu : meta->adj->mtu;
}

static enum verdict
frag_one(struct worker *w, struct rte_mbuf *m, struct burst *out)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint16_t mtu = mtu_of(meta);

	mss_check(m, meta);
	if (likely(rte_pktmbuf_data_len(m) <= mtu)) {
		burst_add(out, m);
		return VERDICT_PASS;
	}
	if (ipv4_of(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) {
		icmp_error(w, m, UNREACH, UNREACH_FRAG, mtu);
		return VERDICT_DROP_MTU;
	}
	return fragment(w, m, mtu, out);
}

uint16_t
frag(struct worker *w, const struct burst *in, uint16_t from, struct burst *out)
{
	for (; from < in->n && out->n + FRAGMENTS_MAX <= BURST_MAX; from++) {
		enum verdict v = frag_one(w, in->pkt[from], out);

		if (unlikely(v != VERDICT_PASS))
			pkt_finish(w, in->pkt[from], v);
	}
	return from;
}

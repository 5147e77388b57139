/* SPDX-License-Identifier: BSD-3-Clause */
/** ICMP errors of ours about inner packets, as RFC 1812 4.3.2 wants and forbids them. */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

#define QUOTE_BYTES 548 /* of the packet in error: 576 in all (RFC 1812 4.3.2.3) */

struct icmp_error_hdr {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t unused;
	uint16_t mtu_be; /* RFC 1191; 0 for other errors */
} __attribute__((packed));

/** Echo and timestamps may be answered with an error, errors may not. */
static bool
is_icmp_error(const struct rte_ipv4_hdr *ip, uint16_t bytes)
{
	const uint8_t *icmp = (const uint8_t *)ip + rte_ipv4_hdr_len(ip);

	if (ip->next_proto_id != IPPROTO_ICMP)
		return false;
	if (bytes <= rte_ipv4_hdr_len(ip))
		return true;
	return *icmp == 3 || *icmp == 4 || *icmp == 5 || *icmp == 11 || *icmp == 12;
}

static bool
allowed(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);

	if (meta->flags & META_NO_ICMP)
		return false;
	if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false; /* only about the first fragment */
	if (!ipv4_is_host(ip->src_addr) || !ipv4_is_host(ip->dst_addr))
		return false;
	return !is_icmp_error(ip, rte_pktmbuf_data_len(m));
}

/**
 * Who speaks: our address where the packet came in. To the kernel it is who the packet was for:
 * from an address of its own it would believe nothing that comes in by a device.
 */
static uint32_t
speaker(const struct worker *w, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct local *l = atomic_load_explicit(&w->tables->local, memory_order_acquire);

	if (meta->cloud != NULL)
		return addr_v4(&meta->cloud->conf.address);
	if (meta->flags & META_FROM_KERNEL)
		return ipv4_of(m)->dst_addr;
	for (uint32_t i = 0; l != NULL && i < l->n; i++)
		if (l->entry[i].port == meta->port && l->entry[i].addr.family == ADDR_V4)
			return addr_v4(&l->entry[i].addr);
	return meta->cloud_out != NULL ? addr_v4(&meta->cloud_out->conf.address) : 0;
}

/** The cloud whose twin gets the error when the packet came down from the kernel: so its own
 * sockets learn of a peer's smaller MTU. */
static const struct cloud *
twin_of(const struct worker *w, const struct pkt_meta *meta)
{
	if (meta->cloud != NULL || !(meta->flags & META_FROM_KERNEL))
		return meta->cloud;
	return cloud_get(w->tables, (uint16_t)meta->id);
}

/** May one more go to who sent m, to the spoke he is behind, to anybody? */
static bool
within_rate(struct worker *w, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct addr host = addr_from_v4(ipv4_of(m)->src_addr);
	uint64_t *level = &w->icmp_levels[source_slot(w, &host)];

	if (!level_ready(*level, &w->icmp_share, w->now_tsc) ||
		police(w, METER_ICMP, meta->peer_in != NULL ? meta->peer_in->id : 0, NULL) !=
			VERDICT_PASS)
		return false;
	level_take(level, &w->icmp_share, w->now_tsc);
	return true;
}

static struct rte_mbuf *
error_make(
	struct worker *w, const struct rte_mbuf *m, const struct icmp_error_hdr *head, uint32_t src)
{
	const struct rte_ipv4_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	uint16_t quote = RTE_MIN(rte_pktmbuf_data_len(m), QUOTE_BYTES);
	uint16_t total = (uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(*head) + quote);
	struct rte_mbuf *e = rte_pktmbuf_alloc(w->pool);
	struct icmp_error_hdr *icmp;
	struct rte_ipv4_hdr *ip;

	if (e == NULL)
		return NULL;
	ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(e, total);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = TOS_CS6,
		.total_length = rte_cpu_to_be_16(total),
		.packet_id = rte_cpu_to_be_16((uint16_t)w->ip_id++),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = src,
		.dst_addr = about->src_addr,
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	icmp = (struct icmp_error_hdr *)(ip + 1);
	*icmp = *head;
	memcpy(icmp + 1, about, quote);
	icmp->checksum = (uint16_t)~rte_raw_cksum(icmp, sizeof(*icmp) + quote);
	return e;
}

void
icmp_error(struct worker *w, const struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu)
{
	const struct pkt_meta *meta = pkt_meta((struct rte_mbuf *)(uintptr_t)m);
	struct icmp_error_hdr head = {
		.type = type, .code = code, .mtu_be = rte_cpu_to_be_16(mtu)
	};
	uint32_t src = speaker(w, m, meta);
	struct rte_mbuf *e;

	if (src == 0 || !allowed(m, meta))
		return;
	e = w->errors.n < BURST_MAX && within_rate(w, m, meta) ? error_make(w, m, &head, src)
							       : NULL;
	if (e == NULL) {
		w->c->icmp_held++;
		return;
	}
	w->c->icmp_sent++;
	pkt_meta_init(e, 0);
	pkt_meta(e)->ctx = meta->ctx;
	pkt_meta(e)->flags = META_FROM_KERNEL | META_NO_ICMP;
	pkt_meta(e)->cloud = twin_of(w, meta);
	burst_add(&w->errors, e);
}

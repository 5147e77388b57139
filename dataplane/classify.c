/* SPDX-License-Identifier: BSD-3-Clause */
/** Step 1: what came in on a port, checked in the order of RFC 1812 5.2.2 and sorted. */
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/ip.h"
#include "dataplane/pipeline.h"
#include "dataplane/segment.h"
#include "dataplane/vlan.h"
#include "dataplane/worker.h"

#define PORT_IKE  500
#define PORT_NATT 4500

#define ETHER_BYTES sizeof(struct rte_ether_hdr)

static struct rte_ipv4_hdr *
ip_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, ETHER_BYTES);
}

static enum verdict
ether_check(const struct port *p, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (unlikely(rte_pktmbuf_data_len(m) < ETHER_BYTES))
		return VERDICT_DROP_IP_SHORT;
	if (unlikely(!rte_is_same_ether_addr(&eth->dst_addr, &p->mac) &&
		    !rte_is_multicast_ether_addr(&eth->dst_addr)))
		return VERDICT_DROP_NOT_FOR_US;
	switch (eth->ether_type) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
		return VERDICT_PASS;
	case RTE_BE16(RTE_ETHER_TYPE_ARP):
		return VERDICT_PUNT_ARP;
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		return VERDICT_DROP_OUTER_IPV6;
	default:
		return VERDICT_DROP_ETHER_TYPE;
	}
}

/** The UDP payload of a datagram for us: IKE, ESP or nothing. m ends up at it. */
static enum verdict
udp_sort(struct rte_mbuf *m, struct classified *out)
{
	const struct rte_udp_hdr *udp = rte_pktmbuf_mtod(m, const struct rte_udp_hdr *);
	struct pkt_meta *meta = pkt_meta(m);
	uint16_t have = rte_pktmbuf_data_len(m), len;

	if (unlikely(have < sizeof(*udp)))
		return VERDICT_DROP_IP_SHORT;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (unlikely(len < sizeof(*udp) || len > have))
		return VERDICT_DROP_IP_SHORT;
	meta->outer_sport = rte_be_to_cpu_16(udp->src_port);
	meta->outer_dport = rte_be_to_cpu_16(udp->dst_port);
	segment_trim(m, have - len);
	rte_pktmbuf_adj(m, sizeof(*udp));
	if (meta->outer_dport == PORT_IKE)
		return VERDICT_PUNT_IKE;
	if (meta->outer_dport != PORT_NATT)
		return VERDICT_DROP_WAN_REFUSED;

	/* RFC 3948, 2.2 to 2.4: one 0xff keeps a NAT open, four zeros mark IKE. */
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	if (rte_pktmbuf_data_len(m) == 1 && data[0] == 0xff)
		return VERDICT_DROP_NATT_KEEPALIVE;
	if (rte_pktmbuf_data_len(m) < 4)
		return VERDICT_DROP_ESP_SHORT;
	if (word32(data) == 0) {
		rte_pktmbuf_adj(m, 4);
		return VERDICT_PUNT_IKE;
	}
	burst_add(&out->esp, m);
	return VERDICT_PASS;
}

/**
 * ICMP "fragmentation needed" (RFC 792, 1191) about what looks like ESP of ours? Anybody can
 * send that: the control core, which knows the SAs, judges it.
 */
static bool
too_big_of_esp(const struct rte_mbuf *m, uint16_t head)
{
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, head);
	const struct rte_ipv4_hdr *about = (const void *)(icmp + sizeof(struct icmphdr));
	const uint8_t *l4 = (const uint8_t *)(about + 1);

	if (rte_pktmbuf_data_len(m) < head + sizeof(struct icmphdr) + sizeof(*about) + 2 ||
		icmp[0] != ICMP_DEST_UNREACH || icmp[1] != ICMP_FRAG_NEEDED ||
		about->version_ihl != RTE_IPV4_VHL_DEF)
		return false;
	return about->next_proto_id == IPPROTO_ESP ||
		(about->next_proto_id == IPPROTO_UDP && (l4[0] << 8 | l4[1]) == PORT_NATT);
}

/** A packet to an address of ours on a wan port, whole and checked; m at Ethernet. */
static enum verdict
wan_sort(struct rte_mbuf *m, struct classified *out)
{
	const struct rte_ipv4_hdr *ip = ip_of(m);
	struct pkt_meta *meta = pkt_meta(m);
	uint16_t head = ETHER_BYTES + rte_ipv4_hdr_len(ip);
	uint8_t proto = ip->next_proto_id;

	addr_set_v4(&meta->outer_src, ip->src_addr);
	addr_set_v4(&meta->outer_dst, ip->dst_addr);
	if (proto == IPPROTO_ICMP) {
		if (!too_big_of_esp(m, head))
			return VERDICT_PUNT_LOCAL;
		rte_pktmbuf_adj(m, head);
		return VERDICT_PUNT_TOO_BIG;
	}
	meta->outer_tos = ip->type_of_service;
	if (proto != IPPROTO_UDP && proto != IPPROTO_ESP && proto != IPPROTO_GRE)
		return VERDICT_DROP_WAN_REFUSED;
	rte_pktmbuf_adj(m, head);
	if (proto == IPPROTO_UDP)
		return udp_sort(m, out);
	burst_add(proto == IPPROTO_ESP ? &out->esp : &out->gre, m);
	return VERDICT_PASS;
}

static bool
is_fragment(const struct rte_ipv4_hdr *ip)
{
	return (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) !=
		0;
}

static enum verdict
lan_sort(const struct port *p, struct rte_mbuf *m, bool local, struct classified *out)
{
	if (local ||
		!rte_is_same_ether_addr(
			&rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr, &p->mac))
		return VERDICT_PUNT_LOCAL; /* for us, or a group or broadcast on this segment */
	pkt_meta(m)->ctx = p->ctx;
	pkt_meta(m)->ether_type = RTE_ETHER_TYPE_IPV4;
	pkt_meta(m)->flags |= META_CHECKED;
	rte_pktmbuf_adj(m, ETHER_BYTES);
	burst_add(&out->inner, m);
	return VERDICT_PASS;
}

/** The tag off: from here on m came in on the port of its VLAN. NULL: there is none. */
static const struct port *
vlan_port(struct worker *w, struct rte_mbuf *m)
{
	const struct port *p = &w->ports[pkt_meta(m)->port];
	uint16_t vid = vlan_off(m);
	struct vlan_counters *c;

	if (vid == 0)
		return p; /* tagged for its priority only */
	if (p->vlan_ports == NULL || p->vlan_ports[vid] == 0)
		return NULL;
	p = &w->ports[p->vlan_ports[vid]];
	pkt_meta(m)->port = p->id;
	c = &w->c->vlan[p->id];
	c->rx_packets++;
	c->rx_bytes += rte_pktmbuf_data_len(m);
	return p;
}

/** PASS: m is in one of out's bursts, or (fragment) in the reassembly table. */
static enum verdict
classify_one(struct worker *w, struct rte_mbuf **pm, struct classified *out)
{
	struct rte_mbuf *m = *pm;
	const struct port *p =
		unlikely(vlan_tagged(m)) ? vlan_port(w, m) : &w->ports[pkt_meta(m)->port];
	enum verdict v;
	bool local;

	if (unlikely(p == NULL))
		return VERDICT_DROP_VLAN;
	v = ether_check(p, m);
	if (v != VERDICT_PASS)
		return v;
	v = ipv4_check(m, ETHER_BYTES, VERDICT_DROP_IP_SHORT, VERDICT_DROP_IP_HEADER,
		VERDICT_DROP_IP_OPTIONS);
	if (unlikely(v != VERDICT_PASS))
		return v;

	local = local_has_v4(w->tables, p->ctx, ip_of(m)->dst_addr);
	if (p->role == DP_LAN)
		return lan_sort(p, m, local, out);
	if (!local)
		return VERDICT_DROP_WAN_TRANSIT;
	if (unlikely(!ipv4_is_host(ip_of(m)->src_addr)))
		return VERDICT_DROP_IP_HEADER; /* RFC 1812 5.3.7 */
	if (unlikely(is_fragment(ip_of(m)))) {
		m = reasm(w, m, w->now_tsc);
		if (m == NULL)
			return VERDICT_PASS;
		*pm = m;
	}
	return wan_sort(m, out);
}

void
classify(struct worker *w, const struct burst *in, struct classified *out)
{
	out->esp.n = out->gre.n = out->inner.n = 0;
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		enum verdict v = classify_one(w, &m, out);

		if (unlikely(v != VERDICT_PASS))
			pkt_finish(w, m, v);
	}
}

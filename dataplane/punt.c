/* SPDX-License-Identifier: BSD-3-Clause */
/** The end of a packet: counted under one verdict, then freed or passed up. */
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "dataplane/capture.h"
#include "dataplane/dp_priv.h"
#include "dataplane/ip.h"

#define PORT_BGP    179
#define PORT_BFD    3784 /* RFC 5881, and 3785 echo */
#define PORT_BFD_M  4784 /* RFC 5883 */
#define PROTO_EIGRP 88
#define PROTO_OSPF  89
#define PROTO_VRRP  112

/** The end; `was`: of what the packet was before it found no room, else v. */
static void
drop(struct worker *w, struct rte_mbuf *m, enum verdict v, enum verdict was)
{
	w->c->verdict[v]++;
	if (unlikely(w->capture != NULL))
		capture_drop(w, m, v, was);
	rte_pktmbuf_free(m);
}

void
worker_tell(struct worker *w, enum meter meter, const struct dp_msg *msg, struct rte_mbuf *m,
	enum verdict v)
{
	_Static_assert(
		sizeof(struct dp_msg) <= sizeof(struct pkt_meta), "a message fits the metadata");

	enum verdict held = police(w, meter, msg->peer, &msg->remote);

	struct rte_ring *ring = police_first(meter) ? w->up : w->bulk;

	if (held == VERDICT_PASS && v != VERDICT_PASS && rte_ring_full(ring))
		held = VERDICT_DROP_PUNT_FULL;
	if (held != VERDICT_PASS) {
		if (v != VERDICT_PASS)
			drop(w, m, held, v);
		else
			rte_pktmbuf_free(m);
		return;
	}
	struct rte_mbuf *carrier = m != NULL ? m : rte_pktmbuf_alloc(w->pool);
	if (carrier == NULL)
		return;
	/* What is said of a packet may point into its metadata: copy first. */
	struct dp_msg copy = *msg;
	*(struct dp_msg *)pkt_meta(carrier) = copy;
	if (rte_ring_mp_enqueue(ring, carrier) != 0) { /* another worker's took the room */
		w->c->verdict[VERDICT_DROP_PUNT_FULL] += v != VERDICT_PASS;
		rte_pktmbuf_free(carrier);
		return;
	}
	w->c->verdict[v] += v != VERDICT_PASS;
	worker_wake_control(w);
}

/** The facts of a packet that every message about it carries. */
static struct dp_msg
msg_of(enum dp_msg_type type, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta =
		(const struct pkt_meta *)rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)m);

	return (struct dp_msg){
		.type = type,
		.natt = meta->outer_dport == 4500,
		.port = meta->port,
		.cloud = meta->cloud != NULL ? meta->cloud->id : 0,
		.local_port = meta->outer_dport,
		.remote_port = meta->outer_sport,
		.peer = meta->peer_in != NULL ? meta->peer_in->id : 0,
		.cookie = meta->peer_in != NULL ? meta->peer_in->cookie : 0,
		.local = meta->outer_dst,
		.remote = meta->outer_src,
	};
}

static void
tell(struct worker *w, enum meter meter, enum dp_msg_type type, struct rte_mbuf *m, enum verdict v)
{
	struct dp_msg msg = msg_of(type, m);

	if (rte_pktmbuf_linearize(m) != 0) {
		drop(w, m, VERDICT_DROP_NO_MBUF, v);
		return;
	}
	worker_tell(w, meter, &msg, m, v);
}

/** Sessions beside strangers, and each session beside the others. */
static void
tell_ike(struct worker *w, struct rte_mbuf *m)
{
	enum meter meter = police_ike(w, m);

	if (meter == METER_COUNT)
		drop(w, m, VERDICT_DROP_PUNT_SHARE, VERDICT_PUNT_IKE);
	else
		tell(w, meter, DP_IKE, m, VERDICT_PUNT_IKE);
}

/** What keeps an adjacency up: EIGRP, OSPF, PIM, VRRP, BGP and BFD. `bytes`: there from ip on. */
static bool
of_routing(const struct rte_ipv4_hdr *ip, uint32_t bytes)
{
	const uint8_t *l4 = (const uint8_t *)ip + rte_ipv4_hdr_len(ip);
	uint8_t proto = ip->next_proto_id;
	uint16_t sport, dport;

	if (proto == PROTO_EIGRP || proto == PROTO_OSPF || proto == IPPROTO_PIM ||
		proto == PROTO_VRRP)
		return true;
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || bytes < rte_ipv4_hdr_len(ip) + 4u)
		return false;
	sport = (uint16_t)(l4[0] << 8 | l4[1]);
	dport = (uint16_t)(l4[2] << 8 | l4[3]);
	if (proto == IPPROTO_TCP)
		return sport == PORT_BGP || dport == PORT_BGP;
	return dport == PORT_BFD || dport == PORT_BFD + 1 || dport == PORT_BFD_M;
}

/** Adjacencies of routing protocols must not fall with the data around them. */
static enum meter
inner_meter(const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(m);

	return ip->type_of_service >= TOS_CS6 || of_routing(ip, rte_pktmbuf_data_len(m))
		? METER_ROUTING
		: METER_INNER;
}

static bool
on_wan(const struct worker *w, const struct rte_mbuf *m)
{
	return w->ports[pkt_meta((struct rte_mbuf *)(uintptr_t)m)->port].role == DP_WAN;
}

/**
 * Of a frame to us. On a lan the groups of routing protocols count as these; the upper half of
 * 224.0.0.0/24 is where hosts announce themselves (mDNS .251, LLMNR .252) and does not.
 */
static enum meter
local_meter(const struct worker *w, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
		m, const struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));

	if (on_wan(w, m))
		return METER_ICMP_WAN;
	return (ip->dst_addr & RTE_BE32(0xffffff80)) == RTE_BE32(0xe0000000) ||
			of_routing(ip, rte_pktmbuf_data_len(m) - sizeof(struct rte_ether_hdr))
		? METER_ROUTING_LAN
		: METER_LOCAL_LAN;
}

void
pkt_finish(struct worker *w, struct rte_mbuf *m, enum verdict v)
{
	switch (v) {
	case VERDICT_PUNT_IKE:
		tell_ike(w, m);
		return;
	case VERDICT_PUNT_NHRP:
		tell(w, METER_NHRP, DP_NHRP, m, v);
		return;
	case VERDICT_PUNT_ARP:
		tell(w, on_wan(w, m) ? METER_ARP_WAN : METER_ARP_LAN, DP_FRAME, m, v);
		return;
	case VERDICT_PUNT_LOCAL:
		tell(w, local_meter(w, m), DP_FRAME, m, v);
		return;
	case VERDICT_PUNT_TOO_BIG:
		tell(w, METER_TOO_BIG, DP_TOO_BIG, m, v);
		return;
	case VERDICT_PUNT_INNER:
		tell(w, inner_meter(m), DP_INNER, m, v);
		return;
	case VERDICT_PUNT_MULTICAST:
		tell(w, METER_MULTICAST, DP_INNER, m, v);
		return;
	default:
		drop(w, m, v, v);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/capture_view.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_esp.h>
#include <rte_ether.h>
#include <rte_gre.h>
#include <rte_udp.h>

#include "dataplane/ip.h"
#include "dataplane/vlan.h"

/** Where a packet stands when it ends in a verdict. */
enum layer {
	LAYER_UNKNOWN,  /* in more than one way: only the verdict is shown */
	LAYER_FRAME,    /* its frame is whole in front of it, but for what was decrypted */
	LAYER_GRE,      /* at GRE; in clear the frame is still in front */
	LAYER_PAYLOAD,  /* the same, just behind GRE */
	LAYER_IP,       /* at an IP header: the inner one, or the outer one of ours */
	LAYER_GRE_OUT,  /* at GRE of ours, not sealed yet */
	LAYER_FRAME_OUT /* at Ethernet of ours */
};

static const uint8_t layers[VERDICT_COUNT] = {
	[VERDICT_PUNT_IKE] = LAYER_FRAME,
	[VERDICT_PUNT_NHRP] = LAYER_PAYLOAD,
	[VERDICT_PUNT_ARP] = LAYER_FRAME,
	[VERDICT_PUNT_LOCAL] = LAYER_FRAME,
	[VERDICT_PUNT_TOO_BIG] = LAYER_FRAME,
	[VERDICT_PUNT_INNER] = LAYER_IP,
	[VERDICT_PUNT_MULTICAST] = LAYER_IP,
	[VERDICT_DROP_ETHER_TYPE] = LAYER_FRAME,
	[VERDICT_DROP_VLAN] = LAYER_FRAME,
	[VERDICT_DROP_NOT_FOR_US] = LAYER_FRAME,
	[VERDICT_DROP_IP_SHORT] = LAYER_FRAME,
	[VERDICT_DROP_IP_HEADER] = LAYER_FRAME,
	[VERDICT_DROP_IP_OPTIONS] = LAYER_FRAME,
	[VERDICT_DROP_WAN_TRANSIT] = LAYER_FRAME,
	[VERDICT_DROP_WAN_REFUSED] = LAYER_FRAME,
	[VERDICT_DROP_OUTER_IPV6] = LAYER_FRAME,
	[VERDICT_DROP_REASSEMBLY] = LAYER_FRAME,
	[VERDICT_DROP_REASSEMBLY_SHARE] = LAYER_FRAME,
	[VERDICT_DROP_NATT_KEEPALIVE] = LAYER_FRAME,
	[VERDICT_DROP_CLEAR_GRE] = LAYER_GRE,
	[VERDICT_DROP_CLOUD] = LAYER_GRE,
	[VERDICT_DROP_ESP_SHORT] = LAYER_FRAME,
	[VERDICT_DROP_ESP_SPI] = LAYER_FRAME,
	[VERDICT_DROP_ESP_EARLY] = LAYER_FRAME,
	[VERDICT_DROP_ESP_REPLAY] = LAYER_FRAME,
	[VERDICT_DROP_ESP_AUTH] = LAYER_FRAME,
	[VERDICT_DROP_ESP_FORMAT] = LAYER_FRAME,
	[VERDICT_DROP_ESP_DUMMY] = LAYER_FRAME,
	[VERDICT_DROP_HANDOVER_FULL] = LAYER_FRAME,
	[VERDICT_DROP_GRE_SHORT] = LAYER_GRE,
	[VERDICT_DROP_GRE_UNSUPPORTED] = LAYER_GRE,
	[VERDICT_DROP_GRE_KEY] = LAYER_GRE,
	[VERDICT_DROP_GRE_PROTO] = LAYER_PAYLOAD,
	[VERDICT_DROP_NO_PEER_IN] = LAYER_PAYLOAD,
	[VERDICT_DROP_INNER_IPV6] = LAYER_PAYLOAD,
	[VERDICT_DROP_INNER_SHORT] = LAYER_IP,
	[VERDICT_DROP_INNER_HEADER] = LAYER_IP,
	[VERDICT_DROP_INNER_OPTIONS] = LAYER_IP,
	[VERDICT_DROP_INNER_SOURCE] = LAYER_IP,
	[VERDICT_DROP_SPOOF] = LAYER_IP,
	[VERDICT_DROP_ECN] = LAYER_IP,
	[VERDICT_DROP_TTL] = LAYER_IP,
	[VERDICT_DROP_NO_ROUTE] = LAYER_IP,
	[VERDICT_DROP_NO_BINDING] = LAYER_IP,
	[VERDICT_DROP_NEIGH] = LAYER_IP,
	[VERDICT_DROP_WAN_CLEAR] = LAYER_IP,
	[VERDICT_DROP_MTU] = LAYER_IP,
	[VERDICT_DROP_MULTICAST] = LAYER_IP,
	[VERDICT_DROP_REPLICATION] = LAYER_IP,
	[VERDICT_DROP_LINK_SCOPE] = LAYER_IP,
	[VERDICT_DROP_NO_MBUF] = LAYER_IP,
	[VERDICT_DROP_PEER_DOWN] = LAYER_GRE_OUT,
	[VERDICT_DROP_SEQ_END] = LAYER_GRE_OUT,
	[VERDICT_DROP_CIPHER] = LAYER_IP,
	[VERDICT_DROP_OUTER_MTU] = LAYER_IP,
	[VERDICT_DROP_UPLINK] = LAYER_IP,
	[VERDICT_DROP_TX_FULL] = LAYER_FRAME_OUT,
};

static const struct pkt_meta *
meta_of(const struct rte_mbuf *m)
{
	return pkt_meta((struct rte_mbuf *)(uintptr_t)m);
}

static uint16_t
word16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* ---- what stands in it --------------------------------------------------------------- */

/** The IP header at `off` of the data: whose packet it is. Returns its length, 0: none. */
static uint16_t
look_ip(struct capture_view *v, uint32_t off)
{
	const uint8_t *ip = v->data + off;
	uint32_t have = v->shown > off ? v->shown - off : 0;

	if (have >= 20 && ip[0] >> 4 == 4) {
		v->src = addr_from_v4(word32(ip + 12));
		v->dst = addr_from_v4(word32(ip + 16));
		v->ip_proto = ip[9];
		return (uint16_t)((ip[0] & 15) * 4);
	}
	if (have >= 40 && ip[0] >> 4 == 6) {
		addr_from_bytes(&v->src, ip + 8, 16);
		addr_from_bytes(&v->dst, ip + 24, 16);
		v->ip_proto = ip[6];
		return 40;
	}
	return 0;
}

/** GRE at the beginning of the data, then what it carries. */
static void
look_gre(struct capture_view *v)
{
	if (v->shown < 4)
		return;
	v->ether_type = word16(v->data + 2);
	look_ip(v, v->data[0] & 0x20 ? 8 : 4);
}

/** Ethernet, then the addresses; the spoke's are the source or (tx) the destination. */
static void
look_frame(struct capture_view *v, bool tx)
{
	uint32_t off = sizeof(struct rte_ether_hdr);
	uint16_t ip_bytes;

	if (v->shown < off)
		return;
	v->ether_type = word16(v->data + VLAN_MACS);
	if (v->ether_type == RTE_ETHER_TYPE_VLAN && v->shown >= off + VLAN_TAG_BYTES) {
		v->ether_type = word16(v->data + off + 2);
		off += VLAN_TAG_BYTES;
	}
	if (v->ether_type != RTE_ETHER_TYPE_IPV4 && v->ether_type != RTE_ETHER_TYPE_IPV6)
		return;
	ip_bytes = look_ip(v, off);
	v->spoke = tx ? v->dst : v->src;
	if (v->ip_proto == IPPROTO_UDP && v->shown >= off + ip_bytes + 4)
		v->spoke_port = word16(v->data + off + ip_bytes + (tx ? 2 : 0));
}

/* ---- views --------------------------------------------------------------------------- */

static struct capture_view
view_of(const struct rte_mbuf *m, enum dp_link link, uint16_t rewind)
{
	return (struct capture_view){
		.link = link,
		.data = rte_pktmbuf_mtod(m, const uint8_t *) - rewind,
		.bytes = m->pkt_len + rewind,
		.shown = (uint32_t)m->data_len + rewind,
		.ip_proto = -1,
	};
}

/** The port a frame of this device belongs to: that of its VLAN, where there is one. */
static uint16_t
port_of_frame(const struct worker *w, const struct rte_mbuf *m, uint16_t port)
{
	const uint8_t *vlans = w->ports[port].vlan_ports;
	const uint8_t *tag = rte_pktmbuf_mtod_offset(m, const uint8_t *, VLAN_MACS + 2);
	uint16_t vid;

	if (vlans == NULL || !vlan_tagged(m))
		return port;
	vid = word16(tag) % VLAN_VIDS;
	return vlans[vid] != 0 ? vlans[vid] : port;
}

struct capture_view
capture_view_frame(const struct worker *w, const struct rte_mbuf *m, uint16_t port, bool tx)
{
	struct capture_view v = view_of(m, DP_LINK_ETHERNET, 0);

	v.port = port_of_frame(w, m, port);
	look_frame(&v, tx);
	return v;
}

/** An IP header as it would be without ESP. */
static void
head_make(struct capture_view *v, const struct addr *src, const struct addr *dst, uint8_t tos)
{
	if (src->family != ADDR_V4 || dst->family != ADDR_V4) {
		v->shown = 0;
		return;
	}
	v->head_bytes = sizeof(v->head);
	v->head = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = rte_cpu_to_be_16((uint16_t)(v->bytes + sizeof(v->head))),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_GRE,
		.src_addr = addr_v4(src),
		.dst_addr = addr_v4(dst),
	};
	v->head.hdr_checksum = rte_ipv4_cksum(&v->head);
}

static uint16_t
cloud_of_gre(const struct worker *w, const struct capture_view *v, const struct pkt_meta *meta)
{
	bool keyed = v->shown >= 8 && (v->data[0] & 0x20) != 0;
	const struct cloud *c =
		cloud_find(w->tables, &meta->outer_dst, keyed, keyed ? word32(v->data + 4) : 0);

	return c == NULL ? 0 : c->id;
}

static struct capture_view
gre_in(const struct worker *w, const struct rte_mbuf *m, uint16_t rewind)
{
	const struct pkt_meta *meta = meta_of(m);
	struct capture_view v = view_of(m, DP_LINK_RAW, rewind);

	look_gre(&v);
	v.cloud = cloud_of_gre(w, &v, meta);
	v.spoke = meta->outer_src;
	v.spoke_port = meta->outer_sport;
	head_make(&v, &meta->outer_src, &meta->outer_dst, meta->outer_tos);
	return v;
}

static struct capture_view
gre_out(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = meta_of(m);
	const struct peer *p = meta->peer_out;
	struct capture_view v = view_of(m, DP_LINK_RAW, 0);

	look_gre(&v);
	v.cloud = meta->cloud_out->id;
	v.spoke = p->remote;
	v.spoke_port = p->udp_remote;
	head_make(&v, &p->local, &p->remote, meta->tos_out);
	return v;
}

struct capture_view
capture_view_gre(const struct worker *w, const struct rte_mbuf *m, bool out)
{
	return out ? gre_out(m) : gre_in(w, m, 0);
}

/* ---- drops --------------------------------------------------------------------------- */

/** Ciphertext that was worked on in place is neither: leave it out. */
static void
headers_only(struct capture_view *v)
{
	const uint32_t off = sizeof(struct rte_ether_hdr);
	uint32_t end = off + (uint32_t)(v->data[off] & 15) * 4 + sizeof(struct rte_esp_hdr);

	if (v->ip_proto == IPPROTO_UDP)
		end += sizeof(struct rte_udp_hdr);
	v->shown = RTE_MIN(v->shown, end);
}

/** Receiving leaves a frame behind the usual headroom; stages only moved its beginning (a VLAN's
 *  tag is off). */
static struct capture_view
frame_in(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	uint16_t begin = (uint16_t)(RTE_PKTMBUF_HEADROOM +
		(meta->flags & META_UNTAGGED ? VLAN_TAG_BYTES : 0));
	bool whole = meta->port != 0 && m->data_off >= begin;
	struct capture_view v =
		view_of(m, DP_LINK_ETHERNET, whole ? (uint16_t)(m->data_off - begin) : 0);

	if (!whole) {
		v.shown = 0;
		return v;
	}
	look_frame(&v, false);
	if (meta->sa_in != NULL)
		headers_only(&v);
	return v;
}

static struct capture_view
at_ip(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct capture_view v = view_of(m, DP_LINK_RAW, 0);

	look_ip(&v, 0);
	v.ether_type = v.src.family == ADDR_V6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	if (meta->peer_in != NULL) {
		v.spoke = meta->outer_src;
		v.spoke_port = meta->outer_sport;
	} else if (meta->peer_out != NULL) {
		v.spoke = meta->peer_out->remote;
		v.spoke_port = meta->peer_out->udp_remote;
	}
	return v;
}

static struct capture_view
by_layer(const struct worker *w, const struct rte_mbuf *m, enum layer layer)
{
	const struct pkt_meta *meta = meta_of(m);
	uint16_t gre_bytes = meta->cloud != NULL ? meta->cloud->gre_bytes : 0;
	struct capture_view nothing;

	switch (layer) {
	case LAYER_GRE:
		return meta->sa_in != NULL ? gre_in(w, m, 0) : frame_in(m, meta);
	case LAYER_PAYLOAD:
		return meta->sa_in != NULL ? gre_in(w, m, gre_bytes) : frame_in(m, meta);
	case LAYER_FRAME:
		return frame_in(m, meta);
	case LAYER_IP:
		return at_ip(m, meta);
	case LAYER_FRAME_OUT:
		return capture_view_frame(w, m, 0, true);
	case LAYER_GRE_OUT:
		if (meta->peer_out != NULL && meta->cloud_out != NULL)
			return gre_out(m);
		/* fall through */
	case LAYER_UNKNOWN:
		break;
	}
	nothing = view_of(m, DP_LINK_RAW, 0);
	nothing.shown = 0;
	return nothing;
}

struct capture_view
capture_view_drop(const struct worker *w, const struct rte_mbuf *m, enum verdict verdict)
{
	const struct pkt_meta *meta = meta_of(m);
	struct capture_view v = by_layer(w, m, layers[verdict]);

	if (v.cloud == 0 && meta->cloud != NULL)
		v.cloud = meta->cloud->id;
	if (v.cloud == 0 && meta->cloud_out != NULL)
		v.cloud = meta->cloud_out->id;
	if (v.port == 0)
		v.port = meta->port;
	return v;
}

bool
capture_view_fits(const struct capture_view *v, const struct dp_capture *want)
{
	if ((want->port != 0 && want->port != v->port) ||
		(want->cloud != 0 && want->cloud != v->cloud) ||
		(want->ether_type != 0 && want->ether_type != v->ether_type) ||
		(want->ip_proto >= 0 && want->ip_proto != v->ip_proto))
		return false;
	if (want->spoke.family != ADDR_NONE && !addr_equal(&want->spoke, &v->spoke))
		return false;
	/* A spoke behind a NAT is told apart by its port, where there is one to see. */
	if (want->spoke_port != 0 && v->spoke_port != 0 && want->spoke_port != v->spoke_port)
		return false;
	return want->host.family == ADDR_NONE || addr_equal(&want->host, &v->src) ||
		addr_equal(&want->host, &v->dst);
}

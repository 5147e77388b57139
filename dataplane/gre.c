/* SPDX-License-Identifier: BSD-3-Clause */
/** Steps 4 and 8: the GRE header (RFC 2784, key of RFC 2890), off and on. */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_gre.h>
#include <rte_ip.h>

#include "dataplane/ip.h"
#include "dataplane/nbma.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker.h"

#define ETHER_TYPE_NHRP 0x2001

/** Header of a packet that was checked to be there. */
struct gre {
	uint16_t bytes; /* 4 or 8 */
	uint16_t proto; /* host order */
	bool keyed;
	uint32_t key_be;
};

static enum verdict
gre_read(const struct rte_mbuf *m, struct gre *out)
{
	const struct rte_gre_hdr *h = rte_pktmbuf_mtod(m, const struct rte_gre_hdr *);

	if (unlikely(rte_pktmbuf_data_len(m) < sizeof(*h)))
		return VERDICT_DROP_GRE_SHORT;
	/* Everything but the key bit must be zero: checksum, sequence, version, reserved. */
	if (unlikely((word32(h) & RTE_BE32(0xdfff0000)) != 0))
		return VERDICT_DROP_GRE_UNSUPPORTED;
	out->keyed = h->k;
	out->bytes = h->k ? 8 : 4;
	out->proto = rte_be_to_cpu_16(h->proto);
	if (unlikely(rte_pktmbuf_data_len(m) < out->bytes))
		return VERDICT_DROP_GRE_SHORT;
	out->key_be = h->k ? word32(h + 1) : 0;
	return VERDICT_PASS;
}

/** Cloud and peer of a packet that came in clear: by endpoint, key and outer source. */
static enum verdict
clear_owner(const struct worker *w, struct pkt_meta *meta, const struct gre *g)
{
	uint32_t peer;

	meta->cloud = cloud_find(w->tables, &meta->outer_dst, g->keyed, g->key_be);
	if (unlikely(meta->cloud == NULL))
		return VERDICT_DROP_CLOUD;
	if (unlikely(meta->cloud->conf.protected_))
		return VERDICT_DROP_CLEAR_GRE;
	peer = nbma_lookup(w->tables->outer, meta->cloud->id, &meta->outer_src);
	meta->peer_in = peer == 0 ? NULL : peer_get(w->tables, peer);
	return VERDICT_PASS;
}

static inline bool
key_fits(const struct cloud *c, const struct gre *g)
{
	return c->conf.has_key == g->keyed && (!g->keyed || c->key_be == g->key_be);
}

/**
 * Not for the cloud of the SA's own peer. The spoke may be in further clouds of this
 * address; to one of which we do not know yet it comes with NHRP, of which the control
 * core makes what the SA's profile allows (the peer stays the SA's own until then).
 */
static enum verdict
sealed_sibling(const struct worker *w, struct pkt_meta *meta, const struct gre *g)
{
	const struct peer *p = peer_get(w->tables, meta->peer_in->sibling);
	const struct cloud *c;

	for (; p != NULL; p = peer_get(w->tables, p->sibling)) {
		c = cloud_get(w->tables, p->cloud_id);
		if (c == NULL || !c->conf.protected_ || !key_fits(c, g))
			continue;
		meta->peer_in = p;
		meta->cloud = c;
		return VERDICT_PASS;
	}
	c = g->proto != ETHER_TYPE_NHRP
		? NULL
		: cloud_find(w->tables, &meta->outer_dst, g->keyed, g->key_be);
	if (c == NULL || !c->conf.protected_)
		return VERDICT_DROP_GRE_KEY;
	meta->cloud = c;
	return VERDICT_PASS;
}

/** The SA made the peer, the peer its cloud; the packet's key must name the same cloud. */
static enum verdict
sealed_owner(const struct worker *w, struct pkt_meta *meta, const struct gre *g)
{
	const struct cloud *c = cloud_get(w->tables, meta->peer_in->cloud_id);

	if (unlikely(c == NULL || !c->conf.protected_))
		return VERDICT_DROP_CLOUD;
	if (unlikely(!key_fits(c, g)))
		return sealed_sibling(w, meta, g);
	meta->cloud = c;
	return VERDICT_PASS;
}

/**
 * A keepalive as Cisco sends it in clear tunnels: inside is the answer ready made, an
 * IP packet to the sender's own outer address carrying GRE of protocol 0. Never in a
 * protected cloud: the answer would leave in clear.
 */
static bool
keepalive(struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const struct rte_gre_hdr *h = (const void *)(ip + 1);

	if (meta->sa_in != NULL || rte_pktmbuf_data_len(m) < sizeof(*ip) + sizeof(*h))
		return false;
	return ip->version_ihl == RTE_IPV4_VHL_DEF && ip->next_proto_id == IPPROTO_GRE &&
		ip->dst_addr == addr_v4(&meta->outer_src) &&
		ip->src_addr == addr_v4(&meta->outer_dst) && h->proto == 0 &&
		ipv4_check(m, 0, VERDICT_DROP_INNER_SHORT, VERDICT_DROP_INNER_HEADER,
			VERDICT_DROP_INNER_OPTIONS) == VERDICT_PASS;
}

static void
keepalive_answer(struct worker *w, struct rte_mbuf *m)
{
	struct burst one = { .n = 1, .pkt = { m } };

	pkt_meta(m)->adj = adj_get(w->tables, pkt_meta(m)->peer_in->uplink);
	l2_send(w, &one);
}

static inline void
count_rx(struct worker *w, const struct rte_mbuf *m, const struct peer *p)
{
	struct peer_counters *c = &w->c->peer[p->id];

	c->rx_packets++;
	c->rx_bytes += rte_pktmbuf_data_len(m);
}

/**
 * Nearly all packets: IPv4 behind the very header that the cloud of the SA's own peer has.
 * True: taken off and counted, m starts at inner IP; false: nothing was done.
 */
static inline bool
sealed_ipv4(struct worker *w, struct rte_mbuf *m, struct pkt_meta *meta)
{
	const struct cloud *c;
	uint64_t other;

	if (meta->sa_in == NULL || rte_pktmbuf_data_len(m) < sizeof(other))
		return false;
	c = cloud_get(w->tables, meta->peer_in->cloud_id);
	if (unlikely(c == NULL || !c->conf.protected_))
		return false;
	other = word64(rte_pktmbuf_mtod(m, const void *)) ^ c->gre_ipv4;
	if (unlikely((c->gre_bytes == sizeof(other) ? other : (uint32_t)other) != 0))
		return false;
	segment_cut(m, c->gre_bytes, (uint16_t)(rte_pktmbuf_data_len(m) - c->gre_bytes));
	meta->cloud = c;
	meta->ctx = c->conf.ctx;
	meta->ether_type = RTE_ETHER_TYPE_IPV4;
	count_rx(w, m, meta->peer_in);
	return true;
}

/** PASS: m starts at inner IP. */
static enum verdict
gre_decap_one(struct worker *w, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct gre g;
	enum verdict v = gre_read(m, &g);

	if (likely(v == VERDICT_PASS))
		v = meta->sa_in != NULL ? sealed_owner(w, meta, &g) : clear_owner(w, meta, &g);
	if (unlikely(v != VERDICT_PASS))
		return v;
	rte_pktmbuf_adj(m, g.bytes);
	meta->ether_type = g.proto;
	meta->ctx = meta->cloud->conf.ctx;
	if (unlikely(meta->peer_in == NULL)) /* its first registration may come so */
		return g.proto == ETHER_TYPE_NHRP ? VERDICT_PUNT_NHRP : VERDICT_DROP_NO_PEER_IN;
	count_rx(w, m, meta->peer_in);
	if (likely(g.proto == RTE_ETHER_TYPE_IPV4))
		return VERDICT_PASS;
	if (g.proto == ETHER_TYPE_NHRP)
		return VERDICT_PUNT_NHRP;
	return g.proto == RTE_ETHER_TYPE_IPV6 ? VERDICT_DROP_INNER_IPV6 : VERDICT_DROP_GRE_PROTO;
}

void
gre_decap(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		enum verdict v;

		if (likely(sealed_ipv4(w, m, pkt_meta(m)))) {
			b->pkt[kept++] = m;
			continue;
		}
		v = gre_decap_one(w, m);
		if (unlikely(v != VERDICT_PASS))
			pkt_finish(w, m, v);
		else if (unlikely(keepalive(m, pkt_meta(m))))
			keepalive_answer(w, m);
		else
			b->pkt[kept++] = m;
	}
	b->n = kept;
}

/**
 * What the outer header takes from the inner: DSCP and ECN (RFC 2983 uniform model,
 * RFC 6040 4.1 normal mode), DF as the cloud says.
 */
static void
outer_fields(const struct rte_mbuf *m, struct pkt_meta *meta, const struct cloud *c)
{
	const struct rte_ipv4_hdr *ip = ipv4_of(m);

	meta->tos_out = TOS_CS6;
	meta->df_out_be = c->df_set_be;
	if (meta->flags & META_CONTROL)
		return;
	meta->tos_out = ip->type_of_service;
	meta->df_out_be |= ip->fragment_offset & c->df_copy_be;
}

void
gre_encap(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		struct pkt_meta *meta = pkt_meta(m);
		const struct cloud *c = meta->cloud_out;
		struct rte_gre_hdr *h;

		outer_fields(m, meta, c);
		meta->inner_bytes = rte_pktmbuf_data_len(m);
		h = (struct rte_gre_hdr *)rte_pktmbuf_prepend(m, c->gre_bytes);
		if (unlikely(h == NULL)) {
			pkt_finish(w, m, VERDICT_DROP_HEADROOM);
			continue;
		}
		memcpy(h, &c->gre_ipv4, sizeof(uint32_t));
		h->proto = rte_cpu_to_be_16(meta->ether_type);
		if (c->gre_bytes > sizeof(*h))
			memcpy(h + 1, &c->key_be, sizeof(c->key_be));
		b->pkt[kept++] = m;
	}
	b->n = kept;
}

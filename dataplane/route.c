/* SPDX-License-Identifier: BSD-3-Clause */
/** Steps 5 and 6: inner checks, anti-spoof, forwarding table, NHRP table. */
#include <netinet/in.h>

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "dataplane/fib.h"
#include "dataplane/ip.h"
#include "dataplane/nbma.h"
#include "dataplane/pipeline.h"
#include "dataplane/rpf.h"
#include "dataplane/worker.h"

#define REDIRECT_HEAD_BYTES 128 /* of the data packet, for the traffic indication */

/* ICMP, RFC 792 and 1812 */
#define UNREACH       3
#define UNREACH_NET   0
#define UNREACH_HOST  1
#define TIME_EXCEEDED 11

static const struct fib *
fib_of(const struct worker *w, uint16_t ctx)
{
	return atomic_load_explicit(&w->tables->fib[ctx], memory_order_acquire);
}

/* ---- tables ---------------------------------------------------------------------------- */

static const struct adj nowhere = { .kind = DP_ADJ_KIND_DROP };

static void
lookup_in(const struct worker *w, uint16_t ctx, const uint32_t *addr_be, uint32_t *id, uint16_t n)
{
	const struct fib *f = fib_of(w, ctx);

	if (likely(f != NULL))
		fib_lookup_v4(f, addr_be, id, n);
	for (uint16_t i = 0; f == NULL && i < n; i++)
		id[i] = DP_ADJ_DROP;
}

/**
 * The adjacency of an address of each packet, in the packet's context. In bulk, since
 * nearly always all are of one context.
 */
static void
lookup(const struct worker *w, const struct burst *b, const uint32_t *addr_be,
	const struct adj **adj)
{
	uint16_t ctx = pkt_meta(b->pkt[0])->ctx;
	uint32_t id[BURST_MAX];
	bool one = true;

	for (uint16_t i = 0; i < b->n; i++)
		one &= pkt_meta(b->pkt[i])->ctx == ctx;
	for (uint16_t i = 0; i < b->n; i += one ? b->n : 1)
		lookup_in(w, pkt_meta(b->pkt[i])->ctx, &addr_be[i], &id[i], one ? b->n : 1);
	for (uint16_t i = 0; i < b->n; i++)
		rte_prefetch0(&w->tables->adj[id[i]]);
	for (uint16_t i = 0; i < b->n; i++) {
		const struct adj *a = adj_get(w->tables, id[i]);

		adj[i] = likely(a != NULL) ? a : &nowhere;
		rte_prefetch0(adj[i]);
	}
}

/** Where the adjacency leads inside its cloud. */
static struct addr
overlay_hop(const struct adj *a, uint32_t addr_be)
{
	return a->next_hop.family != ADDR_NONE ? a->next_hop : addr_from_v4(addr_be);
}

/**
 * Who is bound to where each adjacency leads; 0: nobody. A next hop knows; what is on the
 * overlay itself is looked up.
 */
static void
bindings(const struct worker *w, const struct adj *const *adj, const uint32_t *addr_be,
	uint32_t *peer, uint16_t n)
{
	struct nbma_key key[BURST_MAX];
	uint32_t found[BURST_MAX];
	uint16_t at[BURST_MAX], asked = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(adj[i]->next_hop.family != ADDR_NONE)) {
			peer[i] = atomic_load_explicit(&adj[i]->peer, memory_order_relaxed);
			continue;
		}
		key[asked] = (struct nbma_key){
			.addr = addr_from_v4(addr_be[i]),
			.cloud = adj[i]->cloud,
		};
		at[asked++] = i;
	}
	if (likely(asked == 0))
		return;
	nbma_lookup_bulk(w->tables->nbma, key, found, asked);
	for (uint16_t i = 0; i < asked; i++)
		peer[at[i]] = found[i];
}

/* ---- checks ---------------------------------------------------------------------------- */

/**
 * RFC 6040, 4.2: what the outer header says of congestion goes into the inner one. In
 * transport mode the outer header is GRE's own; esp_in.c merged tunnel mode's two.
 */
static enum verdict
ecn_in(struct rte_mbuf *m, uint8_t outer_tos)
{
	struct rte_ipv4_hdr *ip = ipv4_of(m);
	int tos = ecn_merge(outer_tos, ip->type_of_service);

	if (unlikely(tos < 0))
		return VERDICT_DROP_ECN;
	if (unlikely(tos != ip->type_of_service))
		ipv4_set_tos(ip, (uint8_t)tos);
	return VERDICT_PASS;
}

static enum verdict
inner_check(struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	enum verdict v = VERDICT_PASS;

	if (!(meta->flags & META_CHECKED))
		v = ipv4_check(m, 0, VERDICT_DROP_INNER_SHORT, VERDICT_DROP_INNER_HEADER,
			VERDICT_DROP_INNER_OPTIONS);
	if (unlikely(v != VERDICT_PASS) || meta->flags & META_FROM_KERNEL)
		return v;
	if (unlikely(!ipv4_is_host(ipv4_of(m)->src_addr)))
		return VERDICT_DROP_INNER_SOURCE;
	if (meta->peer_in == NULL)
		return VERDICT_PASS;
	if (unlikely(ipv4_of(m)->src_addr == addr_v4(&meta->cloud->conf.address)))
		return VERDICT_DROP_INNER_SOURCE;
	return ecn_in(m, meta->outer_tos);
}

/* ---- anti-spoof -------------------------------------------------------------------------- */

/** Is it certain without a look into the tables? The registered address always passes. */
static bool
source_is_known(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta((struct rte_mbuf *)(uintptr_t)m);

	return meta->peer_in == NULL || meta->cloud->conf.anti_spoof == DP_SPOOF_OFF ||
		addr_is_v4(&meta->peer_in->overlay, ipv4_of(m)->src_addr);
}

/**
 * Loose: the best route of the source leads to any spoke of the cloud. Both: some route of it
 * leads to the very spoke it came from. That is nearly always the best one, and what is left
 * is looked for at length.
 */
static bool
source_fits(const struct worker *w, struct rte_mbuf *m, const struct adj *a, uint32_t peer)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct addr src;

	if (likely(a->kind == DP_ADJ_KIND_TUNNEL && a->cloud == meta->cloud->id) &&
		(likely(peer_is(meta->peer_in, peer)) ||
			meta->cloud->conf.anti_spoof == DP_SPOOF_LOOSE))
		return true;
	src = addr_from_v4(ipv4_of(m)->src_addr);
	return rpf_feasible(w->tables, meta, &src);
}

/** Drop what a spoke may not have sent; the sources that must be looked up are so in bulk. */
static void
anti_spoof(struct worker *w, struct burst *b)
{
	struct burst ask;
	const struct adj *adj[BURST_MAX];
	uint32_t src[BURST_MAX], peer[BURST_MAX];
	uint16_t kept = 0, at[BURST_MAX];
	uint64_t spoofed = 0; /* a bit for each packet */

	ask.n = 0;
	for (uint16_t i = 0; i < b->n; i++) {
		if (source_is_known(b->pkt[i]))
			continue;
		src[ask.n] = ipv4_of(b->pkt[i])->src_addr;
		at[ask.n] = i;
		burst_add(&ask, b->pkt[i]);
	}
	if (ask.n == 0)
		return;
	lookup(w, &ask, src, adj);
	bindings(w, adj, src, peer, ask.n);
	for (uint16_t i = 0; i < ask.n; i++)
		if (unlikely(!source_fits(w, ask.pkt[i], adj[i], peer[i])))
			spoofed |= 1ull << at[i];
	if (likely(spoofed == 0))
		return;
	for (uint16_t i = 0; i < b->n; i++) {
		if (spoofed >> i & 1)
			pkt_finish(w, b->pkt[i], VERDICT_DROP_SPOOF);
		else
			b->pkt[kept++] = b->pkt[i];
	}
	b->n = kept;
}

/* ---- multicast and local ------------------------------------------------------------------ */

/** From a spoke: hellos go up. From the kernel: copies to every spoke. Nothing is forwarded. */
static void
multicast(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct addr dst = addr_from_v4(ipv4_of(m)->dst_addr);

	if (meta->flags & META_FROM_KERNEL) {
		const struct cloud *c = cloud_get(w->tables, (uint16_t)meta->id);

		pkt_meta(m)->ether_type = RTE_ETHER_TYPE_IPV4;
		if (c != NULL)
			worker_replicate(w, m, c);
		else
			pkt_finish(w, m, VERDICT_DROP_MULTICAST);
		return;
	}
	pkt_finish(w, m,
		meta->peer_in != NULL && addr_is_link_multicast(&dst) ? VERDICT_PUNT_MULTICAST
								      : VERDICT_DROP_MULTICAST);
}

/** Ours: up through the twin it came by. */
static enum verdict
local(struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);

	if (meta->cloud != NULL)
		return VERDICT_PUNT_INNER;
	/* From a lan port: the frame is still in front of the packet, the TAP wants it whole. */
	if (meta->port != 0 && rte_pktmbuf_prepend(m, sizeof(struct rte_ether_hdr)) != NULL)
		return VERDICT_PUNT_LOCAL;
	return VERDICT_DROP_NO_ROUTE;
}

/* ---- forwarding ---------------------------------------------------------------------------- */

static enum verdict
ttl_spend(struct worker *w, struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = ipv4_of(m);

	if (pkt_meta(m)->flags & META_FROM_KERNEL)
		return VERDICT_PASS;
	if (unlikely(ip->time_to_live <= 1)) {
		icmp_error(w, m, TIME_EXCEEDED, 0, 0);
		return VERDICT_DROP_TTL;
	}
	ipv4_ttl_decrement(ip);
	return VERDICT_PASS;
}

/** Where the adjacency leads: PASS into a tunnel (cloud_out set) or out of a port. */
static enum verdict
follow(struct worker *w, struct rte_mbuf *m, const struct adj *a)
{
	struct pkt_meta *meta = pkt_meta(m);

	meta->adj = a;
	switch (a->kind) {
	case DP_ADJ_KIND_LOCAL:
		return local(m);
	case DP_ADJ_KIND_ETH:
	case DP_ADJ_KIND_GLEAN:
		if (unlikely(a->wan))
			return VERDICT_DROP_WAN_CLEAR;
		return ttl_spend(w, m);
	case DP_ADJ_KIND_TUNNEL:
		meta->cloud_out = cloud_get(w->tables, a->cloud);
		if (likely(meta->cloud_out != NULL))
			return ttl_spend(w, m);
		/* fall through */
	default:
		icmp_error(w, m, UNREACH, UNREACH_NET, 0);
		return VERDICT_DROP_NO_ROUTE;
	}
}

/** A hairpin inside one NHRP network: the spoke could go direct. Tell control, metered. */
static void
redirect(struct worker *w, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta((struct rte_mbuf *)(uintptr_t)m);
	const struct peer *in = meta->peer_in, *out = meta->peer_out;
	const struct cloud *c = meta->cloud;
	struct rte_mbuf *head;
	struct dp_msg msg;

	if (in == NULL || in == out || !c->conf.redirect ||
		c->conf.network_id != meta->cloud_out->conf.network_id)
		return;
	if (in->redirect_group != 0 && in->redirect_group == out->redirect_group)
		return;
	if (meta->flags & META_FROM_KERNEL)
		return;
	if (!police_ready(w, METER_REDIRECT, in->id))
		return; /* before the copy, not after it */
	head = rte_pktmbuf_copy(m, w->pool, 0, REDIRECT_HEAD_BYTES);
	if (head == NULL)
		return;
	msg = (struct dp_msg){
		.type = DP_REDIRECT,
		.cloud = c->id,
		.cloud_out = meta->cloud_out->id,
		.peer = in->id,
		.cookie = in->cookie,
		.remote = meta->outer_src,
	};
	worker_tell(w, METER_REDIRECT, &msg, head, VERDICT_PASS);
}

static void
tell_no_peer(struct worker *w, const struct pkt_meta *meta, struct addr overlay)
{
	struct dp_msg msg = {
		.type = DP_NO_PEER,
		.cloud = meta->cloud_out->id,
		.peer = meta->peer_in != NULL ? meta->peer_in->id : 0,
		.remote = overlay,
	};

	worker_tell(w, METER_NO_PEER, &msg, NULL, VERDICT_PASS);
}

/** Peers of a burst on their way before the first is looked at. */
static void
peers_fetch(const struct worker *w, const uint32_t *id, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(&w->tables->peer[id[i]]);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(peer_get(w->tables, id[i]));
}

/** Step 6 for the packets that go into a tunnel: their overlay next hops, all at once. */
static void
resolve(struct worker *w, const struct burst *b, const struct adj *const *adj,
	const uint32_t *dst_be, struct burst *tunnel)
{
	uint32_t id[BURST_MAX];

	bindings(w, adj, dst_be, id, b->n);
	peers_fetch(w, id, b->n);
	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		struct pkt_meta *meta = pkt_meta(m);

		meta->peer_out = peer_get(w->tables, id[i]); /* none has number 0 */
		if (unlikely(meta->peer_out == NULL)) {
			tell_no_peer(w, meta, overlay_hop(adj[i], dst_be[i]));
			icmp_error(w, m, UNREACH, UNREACH_HOST, 0);
			pkt_finish(w, m, VERDICT_DROP_NO_BINDING);
			continue;
		}
		rte_prefetch0(meta->peer_out->sa);
		rte_prefetch0(&w->c->peer[id[i]]);
		redirect(w, m);
		meta->ether_type = RTE_ETHER_TYPE_IPV4;
		burst_add(tunnel, m);
	}
}

/** What is wrong in itself ends here. */
static void
check(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		enum verdict v = inner_check(m);

		if (likely(v == VERDICT_PASS))
			b->pkt[kept++] = m;
		else
			pkt_finish(w, m, v);
	}
	b->n = kept;
}

/** 240/4 but for broadcast: of no use yet, but a route may lead there. */
static bool
is_class_e(uint32_t dst_be)
{
	return (dst_be & RTE_BE32(0xf0000000)) == RTE_BE32(0xf0000000) && dst_be != UINT32_MAX;
}

/** Keep what is to be looked up, and by which address; multicast and broadcast end here. */
static void
scope(struct worker *w, struct burst *b, uint32_t dst_be[BURST_MAX])
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->n; i++) {
		struct rte_mbuf *m = b->pkt[i];
		uint32_t dst = ipv4_of(m)->dst_addr;

		if (likely(ipv4_is_host(dst)) || is_class_e(dst)) {
			dst_be[kept] = dst;
			b->pkt[kept++] = m;
		} else if ((dst & RTE_BE32(0xf0000000)) == RTE_BE32(0xe0000000)) {
			multicast(w, m);
		} else {
			pkt_finish(w, m, VERDICT_DROP_LINK_SCOPE);
		}
	}
	b->n = kept;
}

void
route(struct worker *w, struct burst *in, struct burst *tunnel, struct burst *eth)
{
	const struct adj *adj[BURST_MAX];
	struct burst to_tunnel;
	uint32_t dst[BURST_MAX];

	check(w, in);
	anti_spoof(w, in);
	scope(w, in, dst);
	if (in->n == 0)
		return;
	lookup(w, in, dst, adj);
	to_tunnel.n = 0;
	for (uint16_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		enum verdict v = follow(w, m, adj[i]);

		if (unlikely(v != VERDICT_PASS)) {
			pkt_finish(w, m, v);
		} else if (pkt_meta(m)->cloud_out == NULL) {
			burst_add(eth, m);
		} else {
			adj[to_tunnel.n] = adj[i];
			dst[to_tunnel.n] = dst[i];
			burst_add(&to_tunnel, m);
		}
	}
	in->n = 0;
	resolve(w, &to_tunnel, adj, dst, tunnel);
}

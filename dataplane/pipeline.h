/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PIPELINE_H
#define DATAPLANE_PIPELINE_H

/**
 * What the stages share: the burst, the metadata beside each packet, and the
 * stages themselves in the order a packet meets them (pipeline.c calls them so).
 * Runs on workers. A pointer found in a table is valid until the end of the loop
 * round; a packet that waits in a cipher lane keeps the worker from reporting
 * quiescent (worker.c), so what it points to stays.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "config/addr.h"
#include "crypto/esp_cipher.h"
#include "dataplane/dp.h"
#include "dataplane/verdict.h"

struct worker;
struct adj;
struct cloud;
struct peer;
struct sa_in;
struct sa_out;

#define BURST_MAX 64

struct burst {
	uint16_t n;
	struct rte_mbuf *pkt[BURST_MAX];
};

/** Beside each packet, in the mbuf's private area. */
struct pkt_meta {
	/* One line for every packet, set by pkt_meta_init(): where it came from... */
	const struct cloud *cloud;         /* ingress tunnel, NULL: from a port or the kernel */
	const struct peer *peer_in;        /* spoke it came from, NULL: none or not known */
	struct sa_in *sa_in;               /* SA that authenticated it, NULL: clear */
	uint16_t outer_sport, outer_dport; /* UDP ports, host order; 0 = not in UDP */
	uint8_t port;                      /* ingress port, 0 = none */
	uint8_t ctx;                       /* context the inner destination is looked up in */
	uint8_t outer_tos;                 /* of the packet as received, for RFC 6040 */
	uint8_t flags;                     /* META_* */
	/* ...and where it goes. */
	const struct adj *adj;
	const struct cloud *cloud_out;
	const struct peer *peer_out;
	uint16_t ether_type;  /* of the payload behind L2 or GRE, host order */
	uint16_t inner_bytes; /* into a tunnel: what the peer's counters take it for */
	uint16_t df_out_be;   /* flags of the outer header to be written */
	uint8_t tos_out;      /* TOS of the outer header to be written */

	/* One for what came through a tunnel, or by a command. */
	struct addr outer_src;
	struct addr outer_dst;
	uint32_t id; /* of a command: peer or adjacency (dp_priv.h) */

	struct esp_job job; /* one while in a cipher lane */
};

static_assert(offsetof(struct pkt_meta, outer_src) <= 64 && offsetof(struct pkt_meta, job) <= 128 &&
		sizeof(struct pkt_meta) <= 192 && DP_PORTS_MAX <= UINT8_MAX &&
		DP_CONTEXTS_MAX <= UINT8_MAX,
	"three lines beside a packet, of which most packets need one");

#define TOS_CS6 0xc0 /* network control, RFC 4594 */

#define META_FROM_KERNEL 0x01 /* TTL stays, no anti-spoof, no redirect */
#define META_CONTROL     0x02 /* our own NHRP: CS6 */
#define META_NO_ICMP     0x04 /* an ICMP error itself: never answered by one */
#define META_FIRST       0x08 /* of our IKE, NHRP, routing protocols: leaves before all else */
#define META_SPREAD      0x10 /* handed over as an inner packet, not as ESP */
#define META_UNTAGGED    0x20 /* its frame begins the length of a VLAN tag behind the headroom */
#define META_CHECKED     0x40 /* its IP header is right: classify looked */

static inline struct pkt_meta *
pkt_meta(struct rte_mbuf *m)
{
	return (struct pkt_meta *)rte_mbuf_to_priv(m);
}

/** Whole lines, so that the frame behind it begins with one. */
#define PKT_META_BYTES RTE_ALIGN_CEIL(sizeof(struct pkt_meta), RTE_CACHE_LINE_SIZE)

/**
 * Where the job of packet number i of a burst is. What an AEAD is done with at once needs no
 * place beside the packet, where it would be one more line to fetch.
 */
static inline struct esp_job *
job_of(struct esp_job at_once[BURST_MAX], uint16_t i, struct rte_mbuf *m, const struct esp_suite *s)
{
	return likely(esp_at_once(s)) ? &at_once[i] : &pkt_meta(m)->job;
}

static inline void
burst_add(struct burst *b, struct rte_mbuf *m)
{
	b->pkt[b->n++] = m;
}

/** A packet that just came: nothing is known of it but its port (0: from the control core). */
static inline void
pkt_meta_init(struct rte_mbuf *m, uint16_t port)
{
	struct pkt_meta *meta = pkt_meta(m);

	meta->cloud = NULL;
	meta->peer_in = NULL;
	meta->sa_in = NULL;
	meta->adj = NULL;
	meta->cloud_out = NULL;
	meta->peer_out = NULL;
	meta->outer_sport = 0;
	meta->outer_dport = 0;
	meta->port = (uint8_t)port;
	meta->ctx = 0;
	meta->outer_tos = 0;
	meta->flags = 0;
	if (port == 0)
		meta->id = 0;
}

/** Count v for m, then free it, or pass it up where v is a PUNT_*. Takes m in every case. */
void pkt_finish(struct worker *w, struct rte_mbuf *m, enum verdict v);

/* ---- the stages, in order; each keeps the order of what it passes on ------ */

/** 1 Ethernet, outer IP and L4: sorts `in` by what it carries. m then starts at... */
struct classified {
	struct burst esp;   /* ...the ESP header (outer addresses and ports in the meta) */
	struct burst gre;   /* ...the GRE header (came in clear) */
	struct burst inner; /* ...the IP header: from a lan port, to be routed */
};
void classify(struct worker *w, const struct burst *in, struct classified *out);

/** Of packets to be routed (m at IP) keeps this worker's flows, hands the others over. */
void spread(struct worker *w, struct burst *b);

/** 2 An outer fragment (m at IP): the whole packet when complete, else NULL (m is taken). */
struct rte_mbuf *reasm(struct worker *w, struct rte_mbuf *m, uint64_t now);
/** Now and then (w->frag_look says when): fragments whose rest did not come in time go. */
void reasm_expire(struct worker *w, uint64_t now);

/** 3 SPI, owner hand-over, replay check, cipher submit. Takes the whole burst. */
void esp_in_submit(struct worker *w, struct burst *b);
/** 3 What the cipher finished: replay commit, trailer, mode; m then starts at GRE. Returns how
 *  many packets it took from the cipher, good or bad. */
uint16_t esp_in_collect(struct worker *w, struct burst *out);

/** 4 GRE header, cloud and peer; m then starts at the inner IP header. */
void gre_decap(struct worker *w, struct burst *b);

/** 5, 6 Inner checks, anti-spoof, FIB, NHRP table: meta says where it goes. Fills
 *  `tunnel` (m at inner IP, peer_out set) and `eth` (m at IP, adj set). */
void route(struct worker *w, struct burst *in, struct burst *tunnel, struct burst *eth);

/**
 * 7 MSS clamp and fragmentation before encap, from packet `from` of `in` on, as far as
 * `out` has room for fragments. Returns where to go on; in->n at the end.
 */
uint16_t frag(struct worker *w, const struct burst *in, uint16_t from, struct burst *out);

/** 8 GRE in front; m then starts at GRE. */
void gre_encap(struct worker *w, struct burst *b);

/** 9 Outer headers and cipher submit; clear clouds pass straight to `out`. */
void esp_out_submit(struct worker *w, struct burst *b, struct burst *out);
/** 9 What the cipher finished; m then starts at outer IP. Returns how many it took. */
uint16_t esp_out_collect(struct worker *w, struct burst *out);

/** An ICMP error about m (at inner IP, not taken), queued until the stages are through. */
void icmp_error(
	struct worker *w, const struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu);

/** 10 Ethernet in front by the adjacency (uplink or LAN neighbour), then the port. */
void l2_send(struct worker *w, struct burst *b);

/* ---- the order ------------------------------------------------------------ */

/** Packets just received from a port. */
void pipeline_rx(struct worker *w, struct burst *b);
/** What another worker handed over: ESP of our SAs (m at ESP), flows of ours (m at IP). */
void pipeline_handover(struct worker *w, const struct burst *b);
/** Inner packets from the kernel (TUN) or made by us (m at IP, meta filled). */
void pipeline_inner(struct worker *w, struct burst *b);
/** Inner packets with peer_out and cloud_out known (copies of multicast), from step 7 on. */
void pipeline_tunnel(struct worker *w, struct burst *b);
/** GRE payload of our own to one peer (m at GRE payload, meta: peer_out, cloud_out, ether_type). */
void pipeline_gre_out(struct worker *w, struct burst *b);
/** An outer IP packet of ours (m at IP, meta->adj set). */
void pipeline_l2(struct worker *w, struct burst *b);
/** Nothing came this round: finish what waits in cipher lanes. */
void pipeline_flush(struct worker *w);

#endif

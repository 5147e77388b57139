/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_DP_PRIV_H
#define DATAPLANE_DP_PRIV_H

/**
 * The data plane from the inside, for the files that make up dp.h. Everything is
 * written by the control core alone, except what workers own (worker.h).
 */
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "dataplane/dp.h"
#include "dataplane/pool.h"
#include "dataplane/tables.h"
#include "dataplane/worker.h"

struct dp;
typedef void later_fn(struct dp *dp, void *arg);

/** Something to be done once no worker can still read what was unpublished before. */
struct later {
	struct later *next;
	uint64_t token; /* of rte_rcu_qsbr_start() */
	later_fn *fn;
	void *arg;
};

/** An inbound SA on its way out: stays published until due. */
struct retiring {
	struct retiring *next;
	uint64_t due_tsc;
	uint32_t spi;
};

/** What is said to the control core by this side itself. */
struct notice {
	struct notice *next;
	struct dp_msg msg;
};

/** What a worker is asked to do with an mbuf (meta filled). */
enum command_type {
	CMD_FRAME, /* Ethernet frame, out of m->port */
	CMD_IP,    /* outer IP packet of ours, by the uplink adjacency in meta->adj_id */
	CMD_INNER, /* inner IP packet from the kernel */
	CMD_GRE,   /* GRE payload to the peer in meta->peer_id */
};

struct command {
	uint64_t type; /* enum command_type */
	struct rte_mbuf *m;
};

struct dp {
	struct dp_tables t;
	struct port ports[DP_PORTS_MAX + 1];
	char port_netdev[DP_PORTS_MAX + 1][16]; /* IFNAMSIZ; whose link is the port's, or "" */
	uint16_t ports_count;
	struct worker *workers[DP_WORKERS_MAX];
	uint16_t workers_count;
	bool running;
	uint32_t nap_us; /* longest of a worker (nap.h), by what its ports hold; 0 = none */
	_Atomic bool stop;

	uint16_t mtu;                     /* bytes, IP: the largest of any port */
	struct pools pools;               /* of the workers, by NUMA node */
	struct rte_mempool *pool, *large; /* buffer.h; pool: the first of those, of worker 0 */
	struct rte_rcu_qsbr *qsbr;
	struct rte_ring *up, *bulk; /* messages: taken first, and after that */
	int event_fd;
	_Atomic bool sleeping; /* the control core waits on event_fd */

	struct later *later_first, **later_end;
	uint32_t later_count;
	struct retiring *retiring;
	struct notice *notice_first, **notice_end;

	struct esp_mgr *expand; /* key expansion on the control core */

	uint32_t *spi_free; /* stack of slots */
	uint32_t spi_free_n;
	uint16_t *spi_generation;
	uint32_t *peer_free_ids, peer_free_n;
	uint32_t *adj_free_ids, adj_free_n;
	uint32_t peers, adjs;
	struct adj **hops; /* [HOP_CHAINS], hop.c */
	uint16_t next_owner;
	struct dp_peer *peer_spec;       /* [peer_max] as told, for reading back */
	struct dp_peer_stats *peer_base; /* counters when the id was given out */
	uint64_t *peer_sa_base;          /* tx_bytes when it began to send on its present SA */
	bool mcast_dirty[DP_CLOUDS_MAX];
};

/** fn(dp, arg) after a grace period; at once when workers do not run. */
void dp_later(struct dp *dp, later_fn *fn, void *arg);
/** As dp_later(), for rte_malloc'ed and malloc'ed memory. */
void dp_free_later(struct dp *dp, void *rte_memory);
void dp_malloc_free_later(void *dp, void *memory);

/** Hand a message to the control core at its next dp_poll(). */
void dp_notice(struct dp *dp, const struct dp_msg *msg);

/** The EAL's thread of a worker; RTE_MAX_LCORE: there is none. */
unsigned dp_worker_lcore(unsigned worker);

/** Zeroed, cache aligned, from the same memory as packets. */
void *dp_alloc(size_t bytes);
/** The same on the NUMA node of the worker that uses it most, as long as there is some. */
void *dp_alloc_for(unsigned worker, size_t bytes);
/** A ring of that worker's, likewise. */
struct rte_ring *dp_ring_for(
	unsigned worker, const char *name, unsigned slot_bytes, unsigned slots, unsigned flags);
/** The NUMA node of the CPUs a worker may run on; SOCKET_ID_ANY: of several, or not known. */
int dp_worker_node(unsigned worker);

/** From now on the worker has the command; false when its ring is full (m is freed). */
bool dp_command(struct dp *dp, enum command_type type, struct rte_mbuf *m);

/** Make anew the peers in `cloud` or behind `uplink` (0: none): their MTU follows from both. */
void peers_refresh(struct dp *dp, uint16_t cloud, uint32_t uplink);
/** Is any peer in this cloud? */
bool peers_any(const struct dp *dp, uint16_t cloud);

#define HOP_CHAINS 65536u

/** An adjacency that is to be published: from now on it knows who is bound to its next hop. */
void hop_add(struct dp *dp, struct adj *a);
/** It is not published any more. */
void hop_del(struct dp *dp, const struct adj *a);
/** The NHRP table has another peer (0: none) for this address: tell its adjacencies. */
void hop_bind(struct dp *dp, uint16_t cloud, const struct addr *overlay, uint32_t peer);

/** Rebuild the multicast lists that changed. */
void mcast_rebuild(struct dp *dp);

/** Unpublish and free what is due; part of dp_poll(). */
void sa_retire_due(struct dp *dp);

/** End the grace of a peer's SAs: its number will be given to another. */
void sa_retire_peer(struct dp *dp, uint32_t peer);

/** At the end: everything still there, wiped. */
void sa_free_all(struct dp *dp);
/** Returns 0, -EINVAL (suite or key length), -ENOMEM. */
int sa_out_new(struct dp *dp, const struct dp_sa *spec, struct sa_out **out);
/** One peer less sends on it (NULL: on none); after the last, wiped and freed in time. */
void sa_out_put(struct dp *dp, struct sa_out *sa);

/**
 * The hashes (RTE_ETH_RSS_*) to ask a device for that offers these: over outer addresses and
 * ports, and over the SPI where it knows ESP, so that the SAs behind one address spread, too. TCP
 * is that of a LAN: what some cards are not asked to hash all goes to one queue. 0: no RSS.
 */
uint64_t port_rss(uint64_t offered, uint16_t rxqs);
int port_start_all(struct dp *dp);
void port_stop_all(struct dp *dp);

/** Number `id` of `workers`. */
int worker_new(struct dp *dp, uint16_t id, uint16_t workers, struct worker **out);
int worker_main(void *worker);
/** One round of the loop; worker_main() calls it, and tests that run without threads. */
void worker_round(struct worker *w);
void worker_free(struct worker *w);
/** The ring this worker takes commands from. */
struct rte_ring *worker_commands(const struct worker *w);

#endif

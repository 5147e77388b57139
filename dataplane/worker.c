/* SPDX-License-Identifier: BSD-3-Clause */
/** The loop of one worker core, its queues and its idling. */
#include "dataplane/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip_frag.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "dataplane/buffer.h"
#include "dataplane/capture.h"
#include "dataplane/dp_priv.h"
#include "dataplane/nap.h"
#include "dataplane/vlan.h"
#include "dataplane/early.h"

#define RX_BURST        32
#define COMMAND_SLOTS   4096
#define HANDOVER_SLOTS  4096
#define TX_BUFFER       64
#define REPLICATE_SLICE 32 /* copies per loop round: a fan-out never holds up the rest */
#define REPLICATE_JOBS  16
#define HOLD_ROUNDS     16 /* rounds without quiescence before lanes are flushed for it */

/* Reassembly: bounded by these, per worker. */
#define FRAG_FLOWS      256
#define FRAG_BUCKET     8
#define FRAG_TIMEOUT_MS 2000

struct replication {
	struct rte_mbuf *m; /* inner packet, NULL: free */
	uint16_t cloud;
	uint32_t at; /* next index in the cloud's list */
};

/** What only this file needs of a worker. */
struct io {
	struct dp *dp;
	struct rte_ring *commands; /* SP/SC, struct command */
	struct rte_ring *tx_in;    /* MP/SC, frames of workers that share our transmit queue */
	/* What leaves a port this round; `first` before the rest, and kept when it is full. */
	struct tx_buffer {
		uint16_t n;
		uint16_t seen; /* of these, by a capture: those that wait are offered again */
		struct rte_mbuf *m[TX_BUFFER];
	} tx[DP_PORTS_MAX + 1], first[DP_PORTS_MAX + 1];
	struct replication replication[REPLICATE_JOBS];
	unsigned empty_rounds, held_rounds;
};

static struct io *
io_of(const struct worker *w)
{
	return w->priv;
}

struct rte_ring *
worker_commands(const struct worker *w)
{
	return io_of(w)->commands;
}

/* ---- transmit ---------------------------------------------------------------------- */

/** As much of the buffer as the port takes; the rest is still in it, moved up. */
static void
tx_burst(struct worker *w, uint16_t port, struct tx_buffer *b)
{
	uint16_t sent;

	capture_port(w, DP_POINT_TX, port, b->m + b->seen, b->n - b->seen);
	sent = rte_eth_tx_burst(w->ports[port].ethdev, w->id, b->m, b->n);
	w->c->verdict[VERDICT_TX] += sent;
	w->c->tx_packets += sent;
	b->n -= sent;
	b->seen = b->n;
	memmove(b->m, b->m + sent, b->n * sizeof(b->m[0]));
}

static __rte_noinline void
tx_flush(struct worker *w, uint16_t port)
{
	struct tx_buffer *b = &io_of(w)->tx[port], *first = &io_of(w)->first[port];

	if (unlikely(first->n > 0))
		tx_burst(w, port, first);
	if (b->n == 0)
		return;
	tx_burst(w, port, b);
	while (unlikely(b->n > 0))
		pkt_finish(w, b->m[--b->n], VERDICT_DROP_TX_FULL);
	b->seen = 0;
}

/** Control traffic waits for a full port, as long as there is room to wait in. */
static __rte_noinline void
tx_first(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct tx_buffer *first = &io_of(w)->first[port];

	if (first->n == TX_BUFFER)
		tx_burst(w, port, first);
	if (first->n == TX_BUFFER)
		pkt_finish(w, m, VERDICT_DROP_TX_FULL);
	else
		first->m[first->n++] = m;
}

/** By the worker that has the queue. */
static __rte_noinline void
tx_by_other(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	const struct worker *owner = io_of(w)->dp->workers[w->id % w->ports[port].txqs];

	m->port = port;
	if (rte_ring_mp_enqueue(io_of(owner)->tx_in, m) != 0)
		pkt_finish(w, m, VERDICT_DROP_TX_FULL);
}

/** Out of the port that has the device, with the VLAN's tag. */
static __rte_noinline void
tx_tagged(struct worker *w, const struct port *p, struct rte_mbuf *m)
{
	struct vlan_counters *c = &w->c->vlan[p->id];

	c->tx_packets++;
	c->tx_bytes += rte_pktmbuf_pkt_len(m);
	if (vlan_on(m, p->vid))
		worker_tx(w, p->parent, m);
	else
		pkt_finish(w, m, VERDICT_DROP_HEADROOM);
}

void
worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct tx_buffer *b = &io_of(w)->tx[port];

	if (unlikely(w->ports[port].parent != 0)) {
		tx_tagged(w, &w->ports[port], m);
		return;
	}
	if (unlikely(w->id >= w->ports[port].txqs)) {
		tx_by_other(w, port, m);
		return;
	}
	if (unlikely(pkt_meta(m)->flags & META_FIRST)) {
		tx_first(w, port, m);
		return;
	}
	b->m[b->n++] = m;
	if (unlikely(b->n == TX_BUFFER))
		tx_flush(w, port);
}

static unsigned
tx_shared(struct worker *w)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(io_of(w)->tx_in, (void **)m, BURST_MAX, NULL);

	for (unsigned i = 0; i < n; i++)
		worker_tx(w, m[i]->port, m[i]);
	return n;
}

static void
tx_flush_all(struct worker *w)
{
	for (uint16_t p = 1; p <= io_of(w)->dp->ports_count; p++) {
		tx_flush(w, p);
		if (unlikely(w->ports[p].bond) && w->id == 0)
			rte_eth_tx_burst(w->ports[p].ethdev, 0, NULL, 0);
	}
}

/* ---- receive ----------------------------------------------------------------------- */

/** What the stages will read and write of a packet: from a wan port what is in ESP and where it
 * came from, from a lan port the room for the headers in front. */
static inline void
fetch(const struct port *p, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	rte_prefetch0(pkt_meta(m));
	rte_prefetch0(frame);
	if (p->role == DP_WAN) {
		rte_prefetch0(&pkt_meta(m)->outer_src);
		rte_prefetch0(frame + RTE_CACHE_LINE_SIZE);
	} else {
		rte_prefetch0(frame - RTE_CACHE_LINE_SIZE);
	}
}

static unsigned
rx_port(struct worker *w, const struct port *p)
{
	struct burst b;

	b.n = rte_eth_rx_burst(p->ethdev, w->id, b.pkt, RX_BURST);
	if (b.n == 0)
		return 0;
	for (uint16_t i = 0; i < b.n; i++)
		fetch(p, b.pkt[i]);
	for (uint16_t i = 0; i < b.n; i++)
		pkt_meta_init(b.pkt[i], p->id);
	w->c->rx_packets += b.n;
	w->c->rx_bursts++;
	capture_port(w, DP_POINT_RX, p->id, b.pkt, b.n);
	unsigned n = b.n;
	pipeline_rx(w, &b);
	return n;
}

static unsigned
rx_all(struct worker *w)
{
	unsigned n = 0;

	for (uint16_t p = 1; p <= io_of(w)->dp->ports_count; p++)
		if (w->id < w->ports[p].rxqs)
			n += rx_port(w, &w->ports[p]);
	return n;
}

static unsigned
rx_handover(struct worker *w)
{
	struct burst b;

	b.n = (uint16_t)rte_ring_sc_dequeue_burst(w->handover_in, (void **)b.pkt, RX_BURST, NULL);
	if (b.n == 0)
		return 0;
	w->c->handovers += b.n;
	unsigned n = b.n;
	pipeline_handover(w, &b);
	return n;
}

/** Before what comes now, so that a spoke's packets stay in order. */
static unsigned
rx_early(struct worker *w)
{
	struct burst b;

	if (likely(w->early->n == 0))
		return 0;
	b.n = 0;
	early_take(w, &b);
	unsigned n = b.n;
	if (n > 0)
		pipeline_handover(w, &b);
	return n;
}

/* ---- commands ---------------------------------------------------------------------- */

/** A GRE payload of the control core: the peer may have gone meanwhile. */
static void
command_gre(struct worker *w, struct rte_mbuf *m, struct burst *b)
{
	struct pkt_meta *meta = pkt_meta(m);

	meta->peer_out = peer_get(w->tables, meta->id);
	meta->cloud_out =
		meta->peer_out == NULL ? NULL : cloud_get(w->tables, meta->peer_out->cloud_id);
	if (meta->cloud_out == NULL)
		pkt_finish(w, m, VERDICT_DROP_PEER_DOWN);
	else
		burst_add(b, m);
}

static void
command_ip(struct worker *w, struct rte_mbuf *m, struct burst *b)
{
	struct pkt_meta *meta = pkt_meta(m);

	meta->adj = adj_get(w->tables, meta->id);
	if (meta->adj == NULL)
		pkt_finish(w, m, VERDICT_DROP_UPLINK);
	else
		burst_add(b, m);
}

static unsigned
commands(struct worker *w)
{
	struct command cmd[RX_BURST];
	struct burst inner, gre, ip;
	unsigned n = rte_ring_sc_dequeue_burst_elem(
		io_of(w)->commands, cmd, sizeof(cmd[0]), RX_BURST, NULL);

	inner.n = gre.n = ip.n = 0;
	for (unsigned i = 0; i < n; i++) {
		switch ((enum command_type)cmd[i].type) {
		case CMD_FRAME:
			worker_tx(w, cmd[i].m->port, cmd[i].m);
			break;
		case CMD_IP:
			command_ip(w, cmd[i].m, &ip);
			break;
		case CMD_INNER:
			burst_add(&inner, cmd[i].m);
			break;
		case CMD_GRE:
			command_gre(w, cmd[i].m, &gre);
			break;
		}
	}
	if (ip.n > 0)
		pipeline_l2(w, &ip);
	if (gre.n > 0)
		pipeline_gre_out(w, &gre);
	if (inner.n > 0)
		pipeline_inner(w, &inner);
	return n;
}

/* ---- replication -------------------------------------------------------------------- */

void
worker_replicate(struct worker *w, struct rte_mbuf *m, const struct cloud *cloud)
{
	for (int i = 0; i < REPLICATE_JOBS; i++) {
		struct replication *r = &io_of(w)->replication[i];

		if (r->m != NULL)
			continue;
		*r = (struct replication){ .m = m, .cloud = cloud->id };
		return;
	}
	pkt_finish(w, m, VERDICT_DROP_REPLICATION);
}

static struct rte_mbuf *
copy_for(struct worker *w, struct rte_mbuf *m, const struct peer *p, const struct cloud *c)
{
	struct rte_mempool *pool = buffer_pool(w->pool, w->large, rte_pktmbuf_data_len(m));
	struct rte_mbuf *copy = pool == NULL ? NULL : rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	if (copy == NULL) {
		w->c->verdict[VERDICT_DROP_NO_MBUF]++;
		return NULL;
	}
	pkt_meta_init(copy, 0);
	pkt_meta(copy)->flags = pkt_meta(m)->flags;
	pkt_meta(copy)->ether_type = pkt_meta(m)->ether_type;
	pkt_meta(copy)->peer_out = p;
	pkt_meta(copy)->cloud_out = c;
	return copy;
}

/** One slice of one packet's copies; done when the list is through. */
static void
replicate_slice(struct worker *w, struct replication *r)
{
	const struct cloud *c = cloud_get(w->tables, r->cloud);
	const struct mcast_list *l =
		atomic_load_explicit(&w->tables->mcast[r->cloud], memory_order_acquire);
	struct burst b = { 0 };

	while (c != NULL && l != NULL && r->at < l->n && b.n < REPLICATE_SLICE) {
		const struct peer *p = peer_get(w->tables, l->peer[r->at++]);
		struct rte_mbuf *copy;

		if (p == NULL || !p->multicast || p->cloud_id != r->cloud)
			continue;
		copy = copy_for(w, r->m, p, c);
		if (copy != NULL)
			burst_add(&b, copy);
	}
	if (b.n > 0)
		pipeline_tunnel(w, &b);
	if (c == NULL || l == NULL || r->at >= l->n) {
		pkt_finish(w, r->m, VERDICT_REPLICATED);
		r->m = NULL;
	}
}

static unsigned
replicate(struct worker *w)
{
	for (int i = 0; i < REPLICATE_JOBS; i++) {
		if (io_of(w)->replication[i].m == NULL)
			continue;
		replicate_slice(w, &io_of(w)->replication[i]);
		return 1; /* one slice a round */
	}
	return 0;
}

/* ---- idling and quiescence ------------------------------------------------------------ */

void
worker_wake_control(struct worker *w)
{
	struct dp *dp = io_of(w)->dp;

	atomic_thread_fence(memory_order_seq_cst); /* the message is in the ring before we look */
	if (atomic_load_explicit(&dp->sleeping, memory_order_relaxed) &&
		atomic_exchange(&dp->sleeping, false))
		eventfd_write(dp->event_fd, 1);
}

static void
nap(struct worker *w, uint32_t us)
{
	struct io *io = io_of(w);
	uint64_t start = rte_rdtsc();
	struct timespec ts = { .tv_nsec = (long)us * 1000 };

	rte_rcu_qsbr_thread_offline(io->dp->qsbr, w->id);
	nanosleep(&ts, NULL);
	rte_rcu_qsbr_thread_online(io->dp->qsbr, w->id);
	w->c->sleeps++;
	w->c->cycles += rte_rdtsc() - start; /* time asleep is time not loaded */
}

/** Nothing in a lane points into the tables: say so. Otherwise flush the lanes, in time. */
static bool
quiesce(struct worker *w)
{
	struct io *io = io_of(w);

	if (esp_pending(w->seal) + esp_pending(w->open) > 0) {
		if (++io->held_rounds < HOLD_ROUNDS)
			return false;
		pipeline_flush(w);
		tx_flush_all(w);
	}
	io->held_rounds = 0;
	rte_rcu_qsbr_quiescent(io->dp->qsbr, w->id);
	return true;
}

static void
account(struct worker *w, uint64_t start, bool busy)
{
	uint64_t spent = rte_rdtsc() - start;

	w->c->rounds++;
	w->c->cycles += spent;
	if (!busy)
		return;
	w->c->busy_rounds++;
	w->c->busy_cycles += spent;
	w->c->round_counts[worker_round_bucket(w, spent)]++;
	if (spent > w->c->max_round_cycles)
		w->c->max_round_cycles = spent;
}

static void
tell_live_keys(struct worker *w)
{
	uint32_t sas = atomic_load_explicit(&w->tables->sas, memory_order_relaxed);

	esp_mgr_live_keys(w->seal, sas);
	esp_mgr_live_keys(w->open, sas);
}

void
worker_round(struct worker *w)
{
	struct io *io = io_of(w);
	uint64_t start = rte_rdtsc();
	unsigned moved;
	uint32_t us;

	w->now_tsc = start;
	if (w->sample)
		w->measure = w->c->rounds % SAMPLE_ROUNDS == 0;
	w->capture = atomic_load_explicit(&w->tables->capture, memory_order_acquire);
	tell_live_keys(w);
	if (unlikely(start >= w->frag_look))
		reasm_expire(w, start);
	moved = commands(w) + rx_early(w) + rx_handover(w) + rx_all(w) + tx_shared(w) +
		replicate(w);
	if (moved == 0)
		pipeline_flush(w);
	tx_flush_all(w);
	bool quiet = quiesce(w);
	account(w, start, moved > 0);
	if (moved > 0) {
		io->empty_rounds = 0;
		return;
	}
	us = nap_us(++io->empty_rounds, io->dp->nap_us);
	if (us == 0)
		rte_pause();
	else if (quiet)
		nap(w, us);
}

int
worker_main(void *arg)
{
	struct worker *w = arg;
	struct dp *dp = io_of(w)->dp;

	prctl(PR_SET_TIMERSLACK, 1);
	w->sample = true;
	rte_rcu_qsbr_thread_online(dp->qsbr, w->id);
	while (!atomic_load_explicit(&dp->stop, memory_order_relaxed))
		worker_round(w);
	/* What the control core said last (deletes to every spoke) still leaves. */
	while (commands(w) > 0)
		tx_flush_all(w);
	pipeline_flush(w);
	tx_flush_all(w);
	rte_rcu_qsbr_thread_offline(dp->qsbr, w->id);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------- */

static int
rings_new(struct worker *w, struct io *io)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "commands%u", w->id);
	io->commands = dp_ring_for(
		w->id, name, sizeof(struct command), COMMAND_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "handover%u", w->id);
	w->handover_in = dp_ring_for(w->id, name, sizeof(void *), HANDOVER_SLOTS, RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "tx%u", w->id);
	io->tx_in = dp_ring_for(w->id, name, sizeof(void *), HANDOVER_SLOTS, RING_F_SC_DEQ);
	return io->commands == NULL || w->handover_in == NULL || io->tx_in == NULL ? -ENOMEM : 0;
}

static struct rte_ip_frag_tbl *
frag_table_new(const struct worker *w, int node)
{
	return rte_ip_frag_table_create(
		FRAG_FLOWS, FRAG_BUCKET, FRAG_FLOWS, w->tsc_per_ms * FRAG_TIMEOUT_MS, node);
}

int
worker_new(struct dp *dp, uint16_t id, uint16_t workers, struct worker **out)
{
	struct worker *w = dp_alloc_for(id, sizeof(*w));
	struct io *io = dp_alloc_for(id, sizeof(*io));
	uint64_t hz = rte_get_tsc_hz();

	if (w == NULL || io == NULL) {
		rte_free(w);
		rte_free(io);
		return -ENOMEM;
	}
	*out = w;
	io->dp = dp;
	w->id = id;
	w->priv = io;
	w->tables = &dp->t;
	w->ports = dp->ports;
	w->workers = dp->workers;
	w->workers_count = workers;
	w->pool = pools_find(&dp->pools, dp_worker_node(id))->mbufs;
	w->large = dp->large;
	w->up = dp->up;
	w->bulk = dp->bulk;
	w->tsc_per_ms = hz / 1000;
	for (unsigned i = 0; i < DP_ROUND_BUCKETS - 1; i++)
		w->round_limit[i] = hz * dp_round_limit_us(i) / 1000000;
	w->c = dp_alloc_for(id, sizeof(*w->c));
	w->early = dp_alloc_for(id, sizeof(*w->early));
	w->seal = esp_mgr_new();
	w->open = esp_mgr_new();
	w->frag_tbl = frag_table_new(w, dp_worker_node(id));
	if (w->frag_tbl == NULL)
		w->frag_tbl = frag_table_new(w, SOCKET_ID_ANY);
	if (w->c == NULL || w->early == NULL || w->seal == NULL || w->open == NULL ||
		w->frag_tbl == NULL || police_init(w, hz) != 0)
		return -ENOMEM;
	w->c->peer = dp_alloc_for(id, dp->t.peer_max * sizeof(*w->c->peer));
	if (w->c->peer == NULL)
		return -ENOMEM;
	return rings_new(w, io);
}

static void
ring_empty_free(struct rte_ring *r)
{
	struct rte_mbuf *m;

	if (r == NULL)
		return;
	while (rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void
worker_free(struct worker *w)
{
	struct io *io = io_of(w);
	struct command cmd;

	while (io->commands != NULL && rte_ring_dequeue_elem(io->commands, &cmd, sizeof(cmd)) == 0)
		rte_pktmbuf_free(cmd.m);
	rte_ring_free(io->commands);
	for (int port = 0; port <= DP_PORTS_MAX; port++)
		while (io->first[port].n > 0)
			rte_pktmbuf_free(io->first[port].m[--io->first[port].n]);
	ring_empty_free(w->handover_in);
	ring_empty_free(io->tx_in);
	for (int i = 0; i < REPLICATE_JOBS; i++)
		rte_pktmbuf_free(io->replication[i].m);
	for (uint16_t i = 0; w->early != NULL && i < w->early->n; i++)
		rte_pktmbuf_free(w->early->packet[i].m);
	rte_free(w->early);
	rte_ip_frag_table_destroy(w->frag_tbl);
	esp_mgr_free(w->seal);
	esp_mgr_free(w->open);
	if (w->c != NULL)
		rte_free(w->c->peer);
	rte_free(w->c);
	rte_free(w->spoke_levels);
	rte_free(w->source_levels);
	rte_free(w->ike_levels);
	rte_free(w->frag_levels);
	rte_free(w->icmp_levels);
	rte_free(io);
	rte_free(w);
}

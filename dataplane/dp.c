/* SPDX-License-Identifier: BSD-3-Clause */
/** Life of the data plane: EAL, pools, tables, workers; grace periods; messages up. */
#include "dataplane/dp.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "crypto/secret.h"
#include "dataplane/buffer.h"
#include "dataplane/dp_priv.h"
#include "dataplane/fib.h"
#include "dataplane/ike_spi.h"
#include "dataplane/nap.h"
#include "dataplane/nbma.h"
#include "dataplane/rpf.h"

#define EAL_ARGS_MAX    48
#define UP_RING_SLOTS   8192
#define BULK_RING_SLOTS 4096
#define LARGE_BUFFERS   128
#define IKE_SPIS_LEAST  16384 /* places beside those of peers, several for each half open SA */

/* ---- memory and grace ---------------------------------------------------------------- */

void *
dp_alloc(size_t bytes)
{
	return rte_zmalloc(NULL, bytes, RTE_CACHE_LINE_SIZE);
}

unsigned
dp_worker_lcore(unsigned worker)
{
	unsigned lcore, n = 0;

	RTE_LCORE_FOREACH_WORKER (lcore)
		if (n++ == worker)
			return lcore;
	return RTE_MAX_LCORE;
}

static int
cpu_node(unsigned cpu)
{
	/* The library keeps it by CPU, whichever of its threads runs there. */
	return cpu < RTE_MAX_LCORE ? (int)rte_lcore_to_socket_id(cpu) : SOCKET_ID_ANY;
}

int
dp_worker_node(unsigned worker)
{
	unsigned lcore = dp_worker_lcore(worker);
	rte_cpuset_t cpus;

	if (lcore == RTE_MAX_LCORE)
		return SOCKET_ID_ANY;
	cpus = rte_lcore_cpuset(lcore);
	return node_of_cpus(&cpus, cpu_node);
}

void *
dp_alloc_for(unsigned worker, size_t bytes)
{
	void *p = rte_zmalloc_socket(NULL, bytes, RTE_CACHE_LINE_SIZE, dp_worker_node(worker));

	return p != NULL ? p : dp_alloc(bytes);
}

struct rte_ring *
dp_ring_for(unsigned worker, const char *name, unsigned slot_bytes, unsigned slots, unsigned flags)
{
	int node = dp_worker_node(worker);
	struct rte_ring *r = rte_ring_create_elem(name, slot_bytes, slots, node, flags);

	if (r == NULL && node != SOCKET_ID_ANY)
		r = rte_ring_create_elem(name, slot_bytes, slots, SOCKET_ID_ANY, flags);
	return r;
}

void
dp_later(struct dp *dp, later_fn *fn, void *arg)
{
	struct later *l = dp->running ? malloc(sizeof(*l)) : NULL;

	if (l == NULL) {
		/* No reader, or no memory for a note: wait here, which is right but slow. */
		if (dp->running)
			rte_rcu_qsbr_synchronize(dp->qsbr, RTE_QSBR_THRID_INVALID);
		fn(dp, arg);
		return;
	}
	*l = (struct later){ .token = rte_rcu_qsbr_start(dp->qsbr), .fn = fn, .arg = arg };
	*dp->later_end = l;
	dp->later_end = &l->next;
	dp->later_count++;
}

static void
free_rte(struct dp *dp, void *memory)
{
	(void)dp;
	rte_free(memory);
}

static void
free_malloc(struct dp *dp, void *memory)
{
	(void)dp;
	free(memory);
}

void
dp_free_later(struct dp *dp, void *rte_memory)
{
	if (rte_memory != NULL)
		dp_later(dp, free_rte, rte_memory);
}

void
dp_malloc_free_later(void *dp, void *memory)
{
	dp_later(dp, free_malloc, memory);
}

/** Do what is due; all of it when no worker runs any more. */
static void
later_run(struct dp *dp)
{
	while (dp->later_first != NULL) {
		struct later *l = dp->later_first;

		if (dp->running && rte_rcu_qsbr_check(dp->qsbr, l->token, false) != 1)
			return;
		dp->later_first = l->next;
		if (dp->later_first == NULL)
			dp->later_end = &dp->later_first;
		dp->later_count--;
		l->fn(dp, l->arg);
		free(l);
	}
}

/* ---- EAL ------------------------------------------------------------------------------- */

/** "0-3,8" of a set of CPUs. */
static void
cpus_text(const cpu_set_t *set, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE && at < n; cpu++) {
		int last = cpu;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		at += (size_t)snprintf(out + at, n - at, "%s%d-%d", at > 0 ? "," : "", cpu, last);
		cpu = last;
	}
}

/** The CPU of a set with so many before it, counted round and round. */
static int
cpu_nth(const cpu_set_t *set, unsigned n)
{
	int cpu = 0;

	for (n %= (unsigned)CPU_COUNT(set); !CPU_ISSET(cpu, set) || n-- > 0; cpu++)
		;
	return cpu;
}

/**
 * Lcore 0 is the control core, 1..n are workers. With a list of cores each has its own.
 * Without, all float over the CPUs we were started on when idling is allowed (a laptop, a CI
 * machine); workers that poll sit one to a CPU.
 */
static void
lcores_text(const struct dp_conf *conf, char *out, size_t n)
{
	static char cpus[3072]; /* holds every other CPU of a full set */
	cpu_set_t ours;
	size_t at = 0;

	CPU_ZERO(&ours);
	if (sched_getaffinity(0, sizeof(ours), &ours) != 0)
		CPU_SET(0, &ours);
	cpus_text(&ours, cpus, sizeof(cpus));
	if (conf->cores == NULL && conf->adaptive_idle) {
		snprintf(out, n, "(0-%u)@(%s)", conf->workers, cpus);
		return;
	}
	if (conf->cores == NULL)
		at += (size_t)snprintf(out, n, "0@(%s)", cpus);
	else
		at += (size_t)snprintf(out, n, "0@%u", conf->cores[0]);
	for (unsigned w = 1; w <= conf->workers && at < n; w++)
		at += (size_t)snprintf(out + at, n - at, ",%u@%u", w,
			conf->cores != NULL ? conf->cores[w] : (unsigned)cpu_nth(&ours, w));
}

static uint16_t
mtu_of(const struct dp_conf *conf)
{
	return conf->mtu != 0 ? conf->mtu : RTE_ETHER_MTU;
}

uint32_t
dp_memory_mb(const struct dp_conf *conf)
{
	uint64_t longer = buffer_bytes(mtu_of(conf)) - RTE_MBUF_DEFAULT_DATAROOM;

	if (conf->memory_mb != 0)
		return conf->memory_mb;
	/* Two expanded keys, window, peer, NHRP entry and counters: 8 KiB a peer with room. */
	return 160 + 32u * conf->workers + conf->max_peers / 128 +
		(uint32_t)(pool_buffers(conf->workers) * longer >> 20);
}

static int
eal_start(const struct dp_conf *conf)
{
	static char mem[16], lcores[4096], prefix[48];
	const char *argv[EAL_ARGS_MAX];
	int argc = 0;

	snprintf(mem, sizeof(mem), "%u", dp_memory_mb(conf));
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s%d", conf->prog, (int)getpid());
	lcores_text(conf, lcores, sizeof(lcores));
	argv[argc++] = conf->prog;
	argv[argc++] = "--lcores";
	argv[argc++] = lcores;
	argv[argc++] = "--main-lcore";
	argv[argc++] = "0";
	argv[argc++] = conf->hugepages ? "--in-memory" : "--no-huge";
	argv[argc++] = "-m";
	argv[argc++] = mem;
	if (!conf->hugepages)
		argv[argc++] = prefix;
	if (!conf->pci)
		argv[argc++] = "--no-pci";
	argv[argc++] = "--iova-mode=va";
	argv[argc++] = "--no-telemetry";
	argv[argc++] = "--log-level=lib.*:4";
	for (int i = 0; conf->eal_args != NULL && conf->eal_args[i] != NULL && argc < EAL_ARGS_MAX;
		i++)
		argv[argc++] = conf->eal_args[i];
	return rte_eal_init(argc, (char **)(uintptr_t)argv) < 0 ? -rte_errno : 0;
}

/* ---- tables ----------------------------------------------------------------------------- */

static int
ids_new(uint32_t **ids, uint32_t *n, uint32_t max)
{
	*ids = calloc(max, sizeof(**ids));
	if (*ids == NULL)
		return -ENOMEM;
	*n = 0;
	for (uint32_t id = max - 1; id >= 1; id--) /* low numbers are given out first */
		(*ids)[(*n)++] = id;
	return 0;
}

static int
tables_new(struct dp *dp, uint32_t max_peers)
{
	struct dp_tables *t = &dp->t;

	t->peer_max = max_peers + 1;
	t->sa_max = 1024;
	while (t->sa_max < max_peers * 4 && t->sa_max < 1u << SPI_SLOT_BITS)
		t->sa_max *= 2;
	t->ike_spis.slots = IKE_SPIS_LEAST;
	while (t->ike_spis.slots < max_peers * 4 + IKE_SPIS_LEAST)
		t->ike_spis.slots *= 2;
	t->adj_max = max_peers < 32768 ? 65536 : max_peers * 2; /* each spoke routes of its own */
	t->adj = dp_alloc(t->adj_max * sizeof(*t->adj));
	t->peer = dp_alloc(t->peer_max * sizeof(*t->peer));
	t->sa_in = dp_alloc(t->sa_max * sizeof(*t->sa_in));
	t->spi = dp_alloc(t->sa_max * sizeof(*t->spi));
	t->ike_spis.at = dp_alloc(t->ike_spis.slots * sizeof(*t->ike_spis.at));
	t->nbma = nbma_new(max_peers * 4, dp_malloc_free_later, dp);
	t->outer = nbma_new(max_peers, dp_malloc_free_later, dp);
	t->rpf = rpf_new((uint32_t)rte_rand(), dp_malloc_free_later, dp);
	dp->hops = calloc(HOP_CHAINS, sizeof(*dp->hops));
	dp->peer_spec = calloc(t->peer_max, sizeof(*dp->peer_spec));
	dp->peer_base = calloc(t->peer_max, sizeof(*dp->peer_base));
	dp->peer_sa_base = calloc(t->peer_max, sizeof(*dp->peer_sa_base));
	dp->spi_generation = calloc(t->sa_max, sizeof(*dp->spi_generation));
	if (t->adj == NULL || t->peer == NULL || t->sa_in == NULL || t->spi == NULL ||
		t->nbma == NULL || t->outer == NULL || t->rpf == NULL || dp->peer_spec == NULL ||
		dp->peer_base == NULL || dp->peer_sa_base == NULL || dp->hops == NULL ||
		dp->spi_generation == NULL || t->ike_spis.at == NULL)
		return -ENOMEM;
	if (ids_new(&dp->peer_free_ids, &dp->peer_free_n, t->peer_max) != 0 ||
		ids_new(&dp->adj_free_ids, &dp->adj_free_n, t->adj_max) != 0 ||
		ids_new(&dp->spi_free, &dp->spi_free_n, t->sa_max) != 0)
		return -ENOMEM;
	return 0;
}

static int
qsbr_new(struct dp *dp, uint16_t workers)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(workers);

	dp->qsbr = dp_alloc(bytes);
	return dp->qsbr == NULL ? -ENOMEM : -rte_rcu_qsbr_init(dp->qsbr, workers);
}

static int
buffers_new(struct dp *dp, const struct dp_conf *conf)
{
	int node[DP_WORKERS_MAX], err;

	for (unsigned w = 0; w < conf->workers; w++) /* small pages are the library's on node 0 */
		node[w] = conf->hugepages ? dp_worker_node(w) : SOCKET_ID_ANY;
	pools_plan(&dp->pools, node, conf->workers);
	err = pools_new(&dp->pools, buffer_bytes(dp->mtu) + RTE_PKTMBUF_HEADROOM);
	if (err != 0)
		return err;
	dp->pool = dp->pools.of[0].mbufs;
	dp->large = rte_pktmbuf_pool_create("large", LARGE_BUFFERS, 0, PKT_META_BYTES,
		BUFFER_LARGE + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return dp->large == NULL ? -ENOMEM : 0;
}

static int
rings_new(struct dp *dp)
{
	dp->up = rte_ring_create("up", UP_RING_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
	dp->bulk = rte_ring_create("bulk", BULK_RING_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
	dp->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (dp->up == NULL || dp->bulk == NULL)
		return -ENOMEM;
	return dp->event_fd < 0 ? -errno : 0;
}

static int
workers_new(struct dp *dp, uint16_t n)
{
	for (uint16_t w = 0; w < n; w++) {
		int err = worker_new(dp, w, n, &dp->workers[w]);

		if (err != 0)
			return err;
		dp->workers_count++;
	}
	return 0;
}

int
dp_new(const struct dp_conf *conf, struct dp **out)
{
	struct dp *dp;
	int err;

	if (conf->workers == 0 || conf->workers > DP_WORKERS_MAX || conf->max_peers == 0 ||
		conf->mtu > DP_MTU_MAX)
		return -EINVAL;
	dp = calloc(1, sizeof(*dp));
	if (dp == NULL)
		return -ENOMEM;
	dp->later_end = &dp->later_first;
	dp->notice_end = &dp->notice_first;
	dp->nap_us = conf->adaptive_idle ? NAP_MAX_US : 0;
	dp->mtu = mtu_of(conf);
	dp->event_fd = -1;
	err = eal_start(conf);
	if (err == 0)
		err = tables_new(dp, conf->max_peers);
	if (err == 0)
		err = qsbr_new(dp, conf->workers);
	if (err == 0)
		err = buffers_new(dp, conf);
	if (err == 0)
		err = rings_new(dp);
	if (err == 0)
		err = workers_new(dp, conf->workers);
	if (err == 0) {
		dp->expand = esp_mgr_new();
		err = dp->expand == NULL ? -ENOTSUP : 0;
	}
	if (err != 0) {
		dp_free(dp);
		return err;
	}
	*out = dp;
	return 0;
}

int
dp_run(struct dp *dp)
{
	unsigned lcore, w = 0;
	int err = port_start_all(dp);

	if (err != 0)
		return err;
	for (w = 0; w < dp->workers_count; w++)
		rte_rcu_qsbr_thread_register(dp->qsbr, w);
	dp->running = true;
	w = 0;
	RTE_LCORE_FOREACH_WORKER (lcore) {
		if (w == dp->workers_count)
			break;
		err = rte_eal_remote_launch(worker_main, dp->workers[w++], lcore);
		if (err != 0)
			return err;
	}
	return w == dp->workers_count ? 0 : -ENODEV;
}

static void
stop_workers(struct dp *dp)
{
	if (!dp->running)
		return;
	atomic_store(&dp->stop, true);
	rte_eal_mp_wait_lcore();
	/* All are offline; asking makes what they wrote last visible here. */
	rte_rcu_qsbr_check(dp->qsbr, rte_rcu_qsbr_start(dp->qsbr), false);
	dp->running = false;
}

static void
tables_free(struct dp *dp)
{
	struct dp_tables *t = &dp->t;

	for (uint32_t id = 1; t->peer != NULL && id < t->peer_max; id++)
		dp_peer_free(dp, id);
	if (t->sa_in != NULL)
		sa_free_all(dp);
	for (uint32_t id = 1; t->adj != NULL && id < t->adj_max; id++)
		rte_free((void *)(uintptr_t)t->adj[id]);
	for (int i = 0; i < DP_CLOUDS_MAX; i++) {
		rte_free((void *)(uintptr_t)t->cloud[i]);
		rte_free((void *)(uintptr_t)t->mcast[i]);
	}
	for (int i = 0; i < DP_CONTEXTS_MAX; i++)
		fib_free(t->fib[i]);
	rte_free((void *)(uintptr_t)t->local);
	rte_free((void *)(uintptr_t)t->endpoints);
	nbma_free(t->nbma);
	nbma_free(t->outer);
	rpf_free(t->rpf);
	rte_free(t->adj);
	rte_free(t->peer);
	rte_free(t->sa_in);
	rte_free(t->spi);
	rte_free(t->ike_spis.at);
}

static void
notices_free(struct dp *dp)
{
	while (dp->notice_first != NULL) {
		struct notice *n = dp->notice_first;

		dp->notice_first = n->next;
		free(n);
	}
}

void
dp_free(struct dp *dp)
{
	struct rte_mbuf *m;

	if (dp == NULL)
		return;
	stop_workers(dp);
	dp_capture_stop(dp);
	later_run(dp);
	port_stop_all(dp);
	while (dp->up != NULL && rte_ring_dequeue(dp->up, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	while (dp->bulk != NULL && rte_ring_dequeue(dp->bulk, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	for (uint16_t w = 0; w < dp->workers_count; w++)
		worker_free(dp->workers[w]);
	tables_free(dp);
	notices_free(dp);
	esp_mgr_free(dp->expand);
	rte_free(dp->qsbr);
	rte_ring_free(dp->up);
	rte_ring_free(dp->bulk);
	pools_free(&dp->pools);
	rte_mempool_free(dp->large);
	if (dp->event_fd >= 0)
		close(dp->event_fd);
	free(dp->peer_spec);
	free(dp->peer_base);
	free(dp->peer_sa_base);
	free(dp->spi_generation);
	free(dp->peer_free_ids);
	free(dp->adj_free_ids);
	free(dp->hops);
	free(dp->spi_free);
	free(dp);
}

uint64_t
dp_ike_spi(struct dp *dp, uint64_t random)
{
	return ike_spi_take(&dp->t.ike_spis, random);
}

void
dp_ike_spi_proven(struct dp *dp, uint64_t spi)
{
	ike_spi_prove(&dp->t.ike_spis, spi);
}

void
dp_ike_spi_free(struct dp *dp, uint64_t spi)
{
	ike_spi_drop(&dp->t.ike_spis, spi);
}

/* ---- messages up --------------------------------------------------------------------------- */

void
dp_notice(struct dp *dp, const struct dp_msg *msg)
{
	struct notice *n = malloc(sizeof(*n));

	if (n == NULL)
		return; /* the engine's own time-out covers it */
	*n = (struct notice){ .msg = *msg };
	*dp->notice_end = n;
	dp->notice_end = &n->next;
}

static unsigned
notices_hand(struct dp *dp, dp_handler handler, void *user, unsigned budget)
{
	unsigned n = 0;

	for (; n < budget && dp->notice_first != NULL; n++) {
		struct notice *e = dp->notice_first;

		dp->notice_first = e->next;
		if (dp->notice_first == NULL)
			dp->notice_end = &dp->notice_first;
		handler(user, &e->msg);
		free(e);
	}
	return n;
}

static unsigned
ring_hand(struct rte_ring *r, dp_handler handler, void *user, unsigned budget)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (; n < budget && rte_ring_sc_dequeue(r, (void **)&m) == 0; n++) {
		struct dp_msg *msg = (struct dp_msg *)pkt_meta(m);

		msg->data = rte_pktmbuf_mtod(m, const uint8_t *);
		msg->bytes = rte_pktmbuf_data_len(m);
		handler(user, msg);
		rte_pktmbuf_free(m);
	}
	return n;
}

/** What protocols live of comes first; the rest gets a quarter even then. */
unsigned
dp_poll(struct dp *dp, dp_handler handler, void *user, unsigned budget)
{
	eventfd_t ignored;
	unsigned n;

	atomic_store(&dp->sleeping, false);
	eventfd_read(dp->event_fd, &ignored);
	sa_retire_due(dp);
	mcast_rebuild(dp);
	later_run(dp);
	n = notices_hand(dp, handler, user, budget);
	n += ring_hand(dp->up, handler, user, budget - n);
	return n + ring_hand(dp->bulk, handler, user, RTE_MAX(budget - n, budget / 4));
}

unsigned
dp_nap_us(const struct dp *dp)
{
	return dp->nap_us;
}

int
dp_event_fd(const struct dp *dp)
{
	return dp->event_fd;
}

bool
dp_waiting(const struct dp *dp)
{
	return dp->later_first != NULL || dp->retiring != NULL;
}

/** The flag is up before the ring is looked at, and workers look at it after they put: no lost
 * wake-up. */
bool
dp_sleep(struct dp *dp)
{
	atomic_store(&dp->sleeping, true);
	if (rte_ring_empty(dp->up) && rte_ring_empty(dp->bulk) && dp->notice_first == NULL)
		return true;
	atomic_store(&dp->sleeping, false);
	return false;
}

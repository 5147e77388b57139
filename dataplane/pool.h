/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_POOL_H
#define DATAPLANE_POOL_H

/**
 * Packet buffers by NUMA node: a pool for each node that workers are on, so that no worker fetches
 * a packet across nodes that need not. Control core only.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_config.h>
#include <rte_mempool.h>

struct pool {
	int node;         /* SOCKET_ID_ANY: not known, or workers that float over several */
	unsigned workers; /* on it */
	struct rte_mempool *mbufs;
};

struct pools {
	unsigned count;
	struct pool of[RTE_MAX_NUMA_NODES];
};

/** The node that all of these CPUs are on; SOCKET_ID_ANY: there is no such. Pure. */
int node_of_cpus(const cpu_set_t *cpus, int (*node_of_cpu)(unsigned cpu));

/** Which pools there must be, by the node of each worker: that of the first comes first. Pure. */
void pools_plan(struct pools *p, const int *node, unsigned workers);

/** Of a node in the plan; of others the first. */
struct pool *pools_find(struct pools *p, int node);

/**
 * Make those of the plan, of buffers with so many octets behind the metadata. A node without memory
 * takes what there is elsewhere, or the first pool. 0 or -ENOMEM.
 */
int pools_new(struct pools *p, uint16_t bytes);
void pools_free(struct pools *p);

/** Buffers of one pool for so many workers. */
unsigned pool_buffers(unsigned workers);

/** Of all pools together. */
void pools_count(const struct pools *p, uint32_t *free_now, uint32_t *all);

#endif

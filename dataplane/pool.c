/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/pool.h"

#include <errno.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "dataplane/pipeline.h"

#define POOL_CACHE    256
#define MBUFS_BASE    16384 /* what rings to the control core hold, and more */
#define MBUFS_WORKER  8192
#define POOL_NAME_MAX 32

int
node_of_cpus(const cpu_set_t *cpus, int (*node_of_cpu)(unsigned cpu))
{
	int node = SOCKET_ID_ANY;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int its;

		if (!CPU_ISSET(cpu, cpus))
			continue;
		its = node_of_cpu(cpu);
		if (its == SOCKET_ID_ANY || (node != SOCKET_ID_ANY && its != node))
			return SOCKET_ID_ANY;
		node = its;
	}
	return node;
}

struct pool *
pools_find(struct pools *p, int node)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->of[i].node == node)
			return &p->of[i];
	return &p->of[0];
}

void
pools_plan(struct pools *p, const int *node, unsigned workers)
{
	*p = (struct pools){ 0 };
	for (unsigned w = 0; w < workers; w++) {
		struct pool *pool = pools_find(p, node[w]);

		if ((p->count == 0 || pool->node != node[w]) && p->count < RTE_MAX_NUMA_NODES) {
			pool = &p->of[p->count++];
			pool->node = node[w];
		}
		pool->workers++;
	}
}

unsigned
pool_buffers(unsigned workers)
{
	return MBUFS_BASE + MBUFS_WORKER * workers;
}

static struct rte_mempool *
mbufs_new(unsigned number, const struct pool *pool, uint16_t bytes, int node)
{
	char name[POOL_NAME_MAX] = "packets";

	if (number > 0)
		snprintf(name, sizeof(name), "packets%u", number);
	return rte_pktmbuf_pool_create(
		name, pool_buffers(pool->workers), POOL_CACHE, PKT_META_BYTES, bytes, node);
}

int
pools_new(struct pools *p, uint16_t bytes)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct pool *pool = &p->of[i];

		pool->mbufs = mbufs_new(i, pool, bytes, pool->node);
		if (pool->mbufs == NULL && pool->node != SOCKET_ID_ANY)
			pool->mbufs = mbufs_new(i, pool, bytes, SOCKET_ID_ANY);
		if (pool->mbufs == NULL)
			pool->mbufs = p->of[0].mbufs;
		if (pool->mbufs == NULL)
			return -ENOMEM;
	}
	return 0;
}

/** Not the first one over again. */
static bool
is_own(const struct pools *p, unsigned i)
{
	return i == 0 || p->of[i].mbufs != p->of[0].mbufs;
}

void
pools_free(struct pools *p)
{
	for (unsigned i = p->count; i-- > 0;)
		if (is_own(p, i))
			rte_mempool_free(p->of[i].mbufs);
	p->count = 0;
}

void
pools_count(const struct pools *p, uint32_t *free_now, uint32_t *all)
{
	*free_now = *all = 0;
	for (unsigned i = 0; i < p->count; i++) {
		if (!is_own(p, i))
			continue;
		*free_now += rte_mempool_avail_count(p->of[i].mbufs);
		*all += p->of[i].mbufs->size;
	}
}

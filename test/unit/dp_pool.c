/* SPDX-License-Identifier: BSD-3-Clause */
/** Packet buffers by NUMA node, of machines that are not there. */
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "dataplane/pool.h"
#include "test/lib/check.h"

/** Two nodes, CPUs numbered in turn; from 64 on nobody knows. */
static int
in_turn(unsigned cpu)
{
	return cpu >= 64 ? SOCKET_ID_ANY : (int)(cpu % 2);
}

static void
node_of_a_workers_cpus(void)
{
	static const struct {
		int cpu[4], node;
	} row[] = {
		{ { 17, -1 }, 1 }, /* whatever thread of the library it is that runs there */
		{ { 2, -1 }, 0 },
		{ { 1, 3, 5, -1 }, 1 },
		{ { 1, 2, -1 }, SOCKET_ID_ANY }, /* it floats */
		{ { 2, 1, 3, -1 }, SOCKET_ID_ANY },
		{ { 3, 70, -1 }, SOCKET_ID_ANY },
		{ { -1 }, SOCKET_ID_ANY },
	};

	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		for (int n = 0; n < 4 && row[i].cpu[n] >= 0; n++)
			CPU_SET(row[i].cpu[n], &set);
		CHECK_EQ(node_of_cpus(&set, in_turn), row[i].node);
	}
}

static void
a_pool_for_each_node_in_use(void)
{
	static const int mixed[] = { 1, 0, 1, 1, 3 }, one[] = { 0, 0, 0 }, floats[] = { -1, -1 };
	struct pools p;

	pools_plan(&p, mixed, 5);
	CHECK_EQ(p.count, 3);
	CHECK_EQ(p.of[0].node, 1); /* of worker 0, who gets the commands */
	CHECK_EQ(pools_find(&p, 1)->workers, 3);
	CHECK_EQ(pools_find(&p, 0)->workers, 1);
	CHECK_EQ(pools_find(&p, 3)->workers, 1);
	CHECK(pools_find(&p, 2) == &p.of[0]); /* nobody is there */
	pools_plan(&p, one, 3);
	CHECK_EQ(p.count, 1);
	CHECK_EQ(p.of[0].workers, 3);
	pools_plan(&p, floats, 2);
	CHECK_EQ(p.count, 1);
	CHECK_EQ(p.of[0].node, SOCKET_ID_ANY);
	CHECK_EQ(p.of[0].workers, 2);
}

/** However many: they all have one, none is out of bounds. */
static void
more_nodes_than_there_can_be(void)
{
	int node[RTE_MAX_NUMA_NODES + 8];
	unsigned workers = 0;
	struct pools p;

	for (unsigned i = 0; i < RTE_DIM(node); i++)
		node[i] = (int)i;
	pools_plan(&p, node, RTE_DIM(node));
	CHECK_EQ(p.count, RTE_MAX_NUMA_NODES);
	for (unsigned i = 0; i < p.count; i++)
		workers += p.of[i].workers;
	CHECK_EQ(workers, RTE_DIM(node));
}

/** Node 0 is here, node 1 is not: its workers have buffers of their own all the same. */
static void
pools_are_made(void)
{
	static const int node[] = { 0, 1, 0 };
	uint32_t all, left;
	struct rte_mbuf *m;
	struct pools p;

	pools_plan(&p, node, 3);
	CHECK_EQ(pools_new(&p, 512), 0);
	CHECK(p.of[0].mbufs != p.of[1].mbufs && p.of[1].mbufs != NULL);
	CHECK_EQ(p.of[0].mbufs->size, pool_buffers(2));
	CHECK_EQ(p.of[1].mbufs->size, pool_buffers(1));
	CHECK_EQ(rte_pktmbuf_data_room_size(p.of[1].mbufs), 512);
	m = rte_pktmbuf_alloc(p.of[1].mbufs);
	pools_count(&p, &left, &all);
	CHECK_EQ(all, pool_buffers(2) + pool_buffers(1));
	CHECK_EQ(left, all - 1);
	rte_pktmbuf_free(m);
	pools_free(&p);
	CHECK(rte_mempool_lookup("packets") == NULL && rte_mempool_lookup("packets1") == NULL);
}

/** No memory for a second one: the first serves all, and is counted and freed once. */
static void
one_pool_when_there_is_no_memory(void)
{
	static const int node[] = { 0, 1 };
	uint32_t all, left;
	struct pools p;

	pools_plan(&p, node, 2);
	p.of[1].workers = 1000;
	CHECK_EQ(pools_new(&p, 512), 0);
	CHECK(p.of[0].mbufs != NULL && p.of[1].mbufs == p.of[0].mbufs);
	pools_count(&p, &left, &all);
	CHECK_EQ(all, pool_buffers(1));
	CHECK_EQ(left, all);
	pools_free(&p);
	p.of[0].workers = 1000;
	p.count = 1;
	CHECK(pools_new(&p, 512) < 0);
	pools_free(&p);
}

int
main(void)
{
	static char prefix[32];
	const char *argv[] = { "test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry", "-l",
		"0", "--file-prefix", prefix, NULL };

	snprintf(prefix, sizeof(prefix), "pool%d", (int)getpid());
	TEST(node_of_a_workers_cpus);
	TEST(a_pool_for_each_node_in_use);
	TEST(more_nodes_than_there_can_be);
	if (rte_eal_init(RTE_DIM(argv) - 1, (char **)(uintptr_t)argv) < 0)
		return 1;
	TEST(pools_are_made);
	TEST(one_pool_when_there_is_no_memory);
	rte_eal_cleanup();
	return check_done();
}

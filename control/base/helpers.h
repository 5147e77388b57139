/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_HELPERS_H
#define CONTROL_BASE_HELPERS_H

/**
 * Threads beside the control core for work that takes long and touches nothing shared:
 * public-key operations. Bounded queues lead in, one per rank, the lowest rank first; one leads
 * back and rings the loop's bell. The threads know no other module and none of the data plane.
 *
 * All functions are for the control core; run() is called on a helper thread and may
 * touch nothing but the job, done() on the control core again.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct helpers;

struct helpers_ops {
	void (*run)(void *job);
	void (*done)(void *user, void *job, uint64_t now_ms);
	void *user;
};

#define HELPERS_RANKS        3
#define HELPERS_WAIT_BUCKETS 10

/** Waits up to so long are counted in bucket i; 0: in the last, what took longer. */
unsigned helpers_wait_limit_us(unsigned i);

/** Sums and maxima since the start. */
struct helpers_stats {
	unsigned threads;
	uint32_t room;    /* of each queue */
	uint32_t waiting; /* now, in all queues */
	uint32_t waiting_most;
	uint64_t done;                              /* and handed back */
	uint64_t refused[HELPERS_RANKS];            /* the queue was full */
	uint64_t taken;                             /* by a thread */
	uint64_t wait_us, wait_us_most;             /* from submit until then */
	uint64_t wait_counts[HELPERS_WAIT_BUCKETS]; /* the same by how long */
	uint64_t work_us;                           /* of all threads */
};

/**
 * threads (>= 1) that run on any of cores (NULL: on those of the caller); each queue takes
 * room jobs. Returns 0, -ENOMEM, or -errno of the thread or descriptor that was refused.
 */
int helpers_new(struct loop *loop, unsigned threads, uint32_t room, const cpu_set_t *cores,
	const struct helpers_ops *ops, struct helpers **out);

/**
 * The job belongs to the helpers until done(). rank < HELPERS_RANKS. 0, or -EAGAIN when the
 * queue of its rank is full.
 */
int helpers_submit(struct helpers *h, void *job, unsigned rank);

void helpers_stats_get(struct helpers *h, struct helpers_stats *out);

/** Finishes and hands back what was submitted, then ends the threads. NULL is fine. */
void helpers_free(struct helpers *h);

#endif

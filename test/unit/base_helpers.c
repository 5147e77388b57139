/* SPDX-License-Identifier: BSD-3-Clause */
/* Helper threads: nothing lost, nothing twice, by rank, bounded, and a quiet end. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "control/base/helpers.h"
#include "control/base/loop.h"
#include "test/lib/check.h"

#define JOBS 5000

struct job {
	atomic_int ran;
	int done;
	bool elsewhere; /* than on the control core */
	unsigned order; /* of running */
	bool wait;      /* for the gate */
};

static struct job job[JOBS];
static pthread_t control;
static atomic_uint order;
static atomic_bool gate;
static unsigned back, stop_at;
static struct loop *loop;
static struct helpers *helpers;

static void
run(void *arg)
{
	struct job *j = arg;

	while (j->wait && !atomic_load(&gate))
		usleep(100);
	j->elsewhere = !pthread_equal(pthread_self(), control);
	j->order = atomic_fetch_add(&order, 1);
	atomic_fetch_add(&j->ran, 1);
}

static void
done(void *user, void *arg, uint64_t now_ms)
{
	struct job *j = arg;

	CHECK(pthread_equal(pthread_self(), control));
	j->done++;
	if (++back == stop_at)
		loop_stop(loop);
}

static void
begin(unsigned threads, uint32_t room)
{
	struct helpers_ops ops = { .run = run, .done = done };

	memset(job, 0, sizeof(job));
	back = 0;
	stop_at = JOBS;
	atomic_store(&order, 0);
	atomic_store(&gate, false);
	loop = loop_new();
	CHECK(loop != NULL);
	CHECK_EQ(helpers_new(loop, threads, room, NULL, &ops, &helpers), 0);
}

static void
end(void)
{
	helpers_free(helpers);
	loop_free(loop);
}

static void
every_job_once(void)
{
	for (unsigned threads = 1; threads <= 3; threads++) {
		unsigned given = 0;

		begin(threads, 64);
		while (given < JOBS) { /* as much as it takes, then let it hand back */
			if (helpers_submit(helpers, &job[given], given % 3) == 0) {
				given++;
				continue;
			}
			stop_at = back + 1;
			loop_run(loop);
		}
		stop_at = JOBS;
		if (back < JOBS)
			loop_run(loop);
		for (unsigned i = 0; i < JOBS; i++)
			if (atomic_load(&job[i].ran) != 1 || job[i].done != 1 || !job[i].elsewhere)
				CHECK_EQ(i, JOBS);
		struct helpers_stats st;

		helpers_stats_get(helpers, &st);
		CHECK_EQ(st.done, JOBS);
		CHECK_EQ(st.waiting, 0);
		CHECK_EQ(st.taken, JOBS);
		CHECK_EQ(st.threads, threads);
		/* 3 * 64 places for 5000 jobs */
		CHECK(st.refused[0] + st.refused[1] + st.refused[2] > 0);
		CHECK(st.waiting_most <= HELPERS_RANKS * 64);
		end();
	}
}

/** The queue is full: refused at once; every rank has places of its own, the lowest goes first. */
static void
bounded_and_by_rank(void)
{
	struct helpers_stats st = { .waiting = 1 };

	begin(1, 8);
	job[0].wait = true; /* keeps the one thread busy */
	CHECK_EQ(helpers_submit(helpers, &job[0], 2), 0);
	for (; st.waiting > 0; usleep(1000))
		helpers_stats_get(helpers, &st);
	for (unsigned rank = HELPERS_RANKS; rank-- > 0;) {
		for (unsigned i = 0; i < 8; i++)
			CHECK_EQ(helpers_submit(helpers, &job[10 * (rank + 1) + i], rank), 0);
		for (unsigned i = 0; i <= rank; i++)
			CHECK_EQ(helpers_submit(helpers, &job[99], rank), -EAGAIN);
	}
	stop_at = 1 + 3 * 8;
	usleep(200); /* all of those wait longer than the first bucket has it */
	atomic_store(&gate, true);
	loop_run(loop);
	for (unsigned rank = 0; rank < HELPERS_RANKS; rank++)
		for (unsigned i = 0; i < 8; i++) /* and in their order */
			CHECK_EQ(job[10 * (rank + 1) + i].order, 1 + 8 * rank + i);
	helpers_stats_get(helpers, &st);
	CHECK_EQ(st.waiting_most, 24);
	CHECK_EQ(st.room, 8);
	CHECK_EQ(st.refused[0], 1);
	CHECK_EQ(st.refused[1], 2);
	CHECK_EQ(st.refused[2], 3);
	CHECK(st.wait_us_most > 0 && st.wait_us >= st.wait_us_most);
	CHECK(st.work_us > 0); /* the first one waited for the gate */
	uint64_t counted = 0, longer = 0;

	for (unsigned i = 0; i < HELPERS_WAIT_BUCKETS; i++) {
		counted += st.wait_counts[i];
		if (i > 0 && helpers_wait_limit_us(i - 1) >= st.wait_us_most)
			longer += st.wait_counts[i];
		CHECK_EQ(helpers_wait_limit_us(i) == 0, i == HELPERS_WAIT_BUCKETS - 1);
	}
	CHECK_EQ(counted, st.taken);
	CHECK_EQ(longer, 0);
	CHECK(st.wait_counts[0] <= 1); /* the first one alone may not have had to wait */
	end();
}

/** Freed with work in it: all of it comes back, nobody waits for ever. */
static void
freed_while_busy(void)
{
	for (unsigned round = 0; round < 50; round++) {
		begin(2, 32);
		for (unsigned i = 0; i < 20; i++)
			CHECK_EQ(helpers_submit(helpers, &job[i], i & 1), 0);
		end();
		for (unsigned i = 0; i < 20; i++)
			CHECK_EQ(job[i].done, 1);
	}
}

int
main(void)
{
	control = pthread_self();
	TEST(every_job_once);
	TEST(bounded_and_by_rank);
	TEST(freed_while_busy);
	return check_done();
}

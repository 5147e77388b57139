/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "control/base/loop.h"

struct entry {
	void *job;
	uint64_t since_us;
};

/** A ring of fixed size; the lock of struct helpers guards it. */
struct queue {
	struct entry *entry;
	uint32_t room, first, count;
};

struct helpers {
	struct helpers_ops ops;
	struct loop *loop;
	int bell; /* eventfd */
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool ending;
	struct queue in[HELPERS_RANKS];
	struct queue back; /* never full: takes what the others and the threads hold */
	struct helpers_stats stats;
	unsigned threads;
	pthread_t thread[];
};

static uint64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
queue_put(struct queue *q, struct entry e)
{
	q->entry[(q->first + q->count++) % q->room] = e;
}

static struct entry
queue_take(struct queue *q)
{
	struct entry e = q->entry[q->first];

	q->first = (q->first + 1) % q->room;
	q->count--;
	return e;
}

static uint32_t
waiting(const struct helpers *h)
{
	uint32_t n = 0;

	for (int i = 0; i < HELPERS_RANKS; i++)
		n += h->in[i].count;
	return n;
}

unsigned
helpers_wait_limit_us(unsigned i)
{
	static const unsigned limits[HELPERS_WAIT_BUCKETS] = { 100, 500, 1000, 5000, 10000, 50000,
		100000, 500000, 1000000, 0 };

	return limits[i];
}

static void
wait_count(struct helpers_stats *s, uint64_t us)
{
	unsigned i = 0;

	while (helpers_wait_limit_us(i) != 0 && us > helpers_wait_limit_us(i))
		i++;
	s->wait_counts[i]++;
	s->taken++;
	s->wait_us += us;
	if (us > s->wait_us_most)
		s->wait_us_most = us;
}

/** The next job, or false when the helpers end. Called with the lock held. */
static bool
next_job(struct helpers *h, struct entry *e)
{
	for (;;) {
		for (int i = 0; i < HELPERS_RANKS; i++) {
			if (h->in[i].count == 0)
				continue;
			*e = queue_take(&h->in[i]);
			wait_count(&h->stats, clock_us() - e->since_us);
			return true;
		}
		if (h->ending)
			return false;
		pthread_cond_wait(&h->work, &h->lock);
	}
}

static void *
helper(void *arg)
{
	struct helpers *h = arg;
	struct entry e;
	uint64_t one = 1;

	pthread_mutex_lock(&h->lock);
	while (next_job(h, &e)) {
		pthread_mutex_unlock(&h->lock);
		uint64_t begun_us = clock_us();

		h->ops.run(e.job);
		uint64_t worked_us = clock_us() - begun_us;

		pthread_mutex_lock(&h->lock);
		h->stats.work_us += worked_us;
		queue_put(&h->back, e);
		if (write(h->bell, &one, sizeof(one)) < 0)
			continue; /* it is full: it rings already */
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/** Hand back all that is finished. done() may submit again. */
static void
hand_back(struct helpers *h, uint64_t now_ms)
{
	struct entry e;
	bool more;

	for (;;) {
		pthread_mutex_lock(&h->lock);
		more = h->back.count > 0;
		if (more) {
			e = queue_take(&h->back);
			h->stats.done++;
		}
		pthread_mutex_unlock(&h->lock);
		if (!more)
			return;
		h->ops.done(h->ops.user, e.job, now_ms);
	}
}

static void
bell_rang(void *user, uint32_t events, uint64_t now_ms)
{
	struct helpers *h = user;
	uint64_t count;

	(void)events;
	if (read(h->bell, &count, sizeof(count)) < 0)
		return;
	hand_back(h, now_ms);
}

static int
queues_new(struct helpers *h, uint32_t room)
{
	h->back.room = HELPERS_RANKS * room + h->threads;
	h->back.entry = calloc(h->back.room, sizeof(*h->back.entry));
	for (int i = 0; i < HELPERS_RANKS; i++) {
		h->in[i].room = room;
		h->in[i].entry = calloc(room, sizeof(*h->in[i].entry));
		if (h->in[i].entry == NULL)
			return -ENOMEM;
	}
	return h->back.entry == NULL ? -ENOMEM : 0;
}

static int
threads_start(struct helpers *h, unsigned threads, const cpu_set_t *cores)
{
	int err = 0;

	while (h->threads < threads && err == 0) {
		err = pthread_create(&h->thread[h->threads], NULL, helper, h);
		if (err != 0)
			break;
		if (cores != NULL)
			err = pthread_setaffinity_np(h->thread[h->threads], sizeof(*cores), cores);
		h->threads++;
	}
	return -err;
}

int
helpers_new(struct loop *loop, unsigned threads, uint32_t room, const cpu_set_t *cores,
	const struct helpers_ops *ops, struct helpers **out)
{
	struct helpers *h = calloc(1, sizeof(*h) + threads * sizeof(h->thread[0]));

	if (h == NULL)
		return -ENOMEM;
	h->ops = *ops;
	h->loop = loop;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	h->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int err = h->bell < 0 ? -errno : loop_fd_add(loop, h->bell, EPOLLIN, bell_rang, h);

	h->threads = threads; /* what the queue back has to hold */
	if (err == 0)
		err = queues_new(h, room);
	h->threads = 0;
	if (err == 0)
		err = threads_start(h, threads, cores);
	h->stats.threads = h->threads;
	h->stats.room = room;
	if (err != 0) {
		helpers_free(h);
		return err;
	}
	*out = h;
	return 0;
}

int
helpers_submit(struct helpers *h, void *job, unsigned rank)
{
	struct queue *q = &h->in[rank];
	int err = 0;

	pthread_mutex_lock(&h->lock);
	uint32_t before = waiting(h);

	/* All that waits, is worked on or is done must fit into the queue back. */
	if (h->ending || q->count == q->room ||
		before + h->threads + h->back.count >= h->back.room) {
		h->stats.refused[rank]++;
		err = -EAGAIN;
	} else {
		queue_put(q, (struct entry){ job, clock_us() });
		if (before + 1 > h->stats.waiting_most)
			h->stats.waiting_most = before + 1;
		pthread_cond_signal(&h->work);
	}
	pthread_mutex_unlock(&h->lock);
	return err;
}

void
helpers_stats_get(struct helpers *h, struct helpers_stats *out)
{
	pthread_mutex_lock(&h->lock);
	h->stats.waiting = waiting(h);
	*out = h->stats;
	pthread_mutex_unlock(&h->lock);
}

void
helpers_free(struct helpers *h)
{
	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->ending = true;
	pthread_cond_broadcast(&h->work);
	pthread_mutex_unlock(&h->lock);
	for (unsigned i = 0; i < h->threads; i++)
		pthread_join(h->thread[i], NULL);
	hand_back(h, clock_ms());
	if (h->bell >= 0) {
		loop_fd_del(h->loop, h->bell);
		close(h->bell);
	}
	for (int i = 0; i < HELPERS_RANKS; i++)
		free(h->in[i].entry);
	free(h->back.entry);
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

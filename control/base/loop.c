/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "control/base/map.h"

#define EVENTS 32

struct watch {
	int fd;
	uint32_t events;
	loop_fd_fn *fn;
	void *user;
	struct watch *next_dead;
};

struct loop {
	int epoll;
	int signal_fd;
	loop_signal_fn *signal_fn;
	void *signal_user;
	struct loop_idle idle;
	struct map watches; /* fd -> watch */
	struct watch *dead; /* deleted this round: events may still name them */
	bool stop;
};

uint64_t
clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct loop *
loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->signal_fd = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	return l;
}

static void
bury(struct loop *l)
{
	while (l->dead != NULL) {
		struct watch *w = l->dead;

		l->dead = w->next_dead;
		free(w);
	}
}

void
loop_free(struct loop *l)
{
	struct watch *w;
	size_t at = 0;

	if (l == NULL)
		return;
	while ((w = map_next(&l->watches, &at)) != NULL)
		free(w);
	map_free(&l->watches);
	bury(l);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	close(l->epoll);
	free(l);
}

int
loop_fd_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *user)
{
	struct watch *w = calloc(1, sizeof(*w));
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w == NULL || map_set(&l->watches, (uint64_t)fd, w) != 0) {
		free(w);
		return -ENOMEM;
	}
	*w = (struct watch){ .fd = fd, .events = events, .fn = fn, .user = user };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
		int err = -errno;

		map_del(&l->watches, (uint64_t)fd);
		free(w);
		return err;
	}
	return 0;
}

int
loop_fd_mod(struct loop *l, int fd, uint32_t events)
{
	struct watch *w = map_get(&l->watches, (uint64_t)fd);
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (w == NULL)
		return -ENOENT;
	if (w->events == events)
		return 0;
	w->events = events;
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &ev) == 0 ? 0 : -errno;
}

void
loop_fd_del(struct loop *l, int fd)
{
	struct watch *w = map_del(&l->watches, (uint64_t)fd);

	if (w == NULL)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
	w->fn = NULL;
	w->next_dead = l->dead;
	l->dead = w;
}

static void
signal_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct loop *l = user;
	struct signalfd_siginfo info;

	(void)events;
	if (read(l->signal_fd, &info, sizeof(info)) == sizeof(info))
		l->signal_fn(l->signal_user, (int)info.ssi_signo, now_ms);
}

int
loop_signals(struct loop *l, const int *signals, int n, loop_signal_fn *fn, void *user)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	l->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signal_fd < 0)
		return -errno;
	l->signal_fn = fn;
	l->signal_user = user;
	return loop_fd_add(l, l->signal_fd, EPOLLIN, signal_ready, l);
}

void
loop_idle_set(struct loop *l, const struct loop_idle *idle)
{
	l->idle = *idle;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}

/** How long epoll may wait, milliseconds; -1 = until something happens. */
static int
patience(const struct loop *l)
{
	uint64_t next, now;

	if (l->idle.sleep != NULL && !l->idle.sleep(l->idle.user))
		return 0;
	next = l->idle.next_ms == NULL ? LOOP_NEVER : l->idle.next_ms(l->idle.user);
	if (next == LOOP_NEVER)
		return -1;
	now = clock_ms();
	if (next <= now)
		return 0;
	return next - now > 60000 ? 60000 : (int)(next - now);
}

void
loop_run(struct loop *l)
{
	struct epoll_event ev[EVENTS];

	l->stop = false;
	while (!l->stop) {
		int n = epoll_wait(l->epoll, ev, EVENTS, patience(l));
		uint64_t now_ms = clock_ms();

		for (int i = 0; i < n; i++) {
			struct watch *w = ev[i].data.ptr;

			if (w->fn != NULL)
				w->fn(w->user, ev[i].events, now_ms);
		}
		bury(l);
		if (l->idle.run != NULL)
			l->idle.run(l->idle.user, now_ms);
	}
}

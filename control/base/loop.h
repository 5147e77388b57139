/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_LOOP_H
#define CONTROL_BASE_LOOP_H

/**
 * The event loop of the control core: epoll over file descriptors, signals as a
 * descriptor, and one place that is asked when something is due. It knows nothing
 * of what it serves.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

#define LOOP_NEVER UINT64_MAX

typedef void loop_fd_fn(void *user, uint32_t epoll_events, uint64_t now_ms);
typedef void loop_signal_fn(void *user, int signal, uint64_t now_ms);

/** Work that is not bound to a descriptor: polled once per round. */
struct loop_idle {
	/** Milliseconds (monotonic) when run() wants to be called, LOOP_NEVER: not at all. */
	uint64_t (*next_ms)(void *user);
	void (*run)(void *user, uint64_t now_ms);
	/** About to wait: false when there is work already. May be NULL. */
	bool (*sleep)(void *user);
	void *user;
};

/** Monotonic milliseconds; the only clock of the control core. */
uint64_t clock_ms(void);

struct loop *loop_new(void);
void loop_free(struct loop *l);

/** fd is watched, not owned. Returns 0 or -errno. */
int loop_fd_add(struct loop *l, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *user);
int loop_fd_mod(struct loop *l, int fd, uint32_t epoll_events);
void loop_fd_del(struct loop *l, int fd);

/** Take these signals as events from now on; before any thread is started. */
int loop_signals(struct loop *l, const int *signals, int n, loop_signal_fn *fn, void *user);

void loop_idle_set(struct loop *l, const struct loop_idle *idle);

/** Until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_TIMER_H
#define CONTROL_BASE_TIMER_H

/**
 * Timers in a binary heap. The clock is passed in, so tests own it. A timer is
 * part of the object it serves (no allocation per timer); arm, move and cancel
 * take O(log n). Control core only, no locks.
 *
 *	struct peer { struct timer retry; ... };
 *	static void peer_retry(struct timer *t, uint64_t now_ms)
 *	{
 *		struct peer *p = timer_owner(t, struct peer, retry);
 *		...
 *	}
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer;
typedef void timer_fire(struct timer *t, uint64_t now_ms);

/** All zero is a timer at rest. Only timer.c writes due_ms and slot. */
struct timer {
	uint64_t due_ms;  /* monotonic; meaningful while armed */
	uint32_t slot;    /* place in the heap + 1; 0 = at rest */
	timer_fire *fire; /* called once per arming, with the timer at rest again */
};

#define timer_owner(t, type, member) ((type *)(void *)((char *)(t)-offsetof(type, member)))

/** All zero is an empty set. */
struct timer_set {
	struct timer **heap; /* heap[0] is due first */
	uint32_t count;
	uint32_t size; /* slots allocated */
};

/** Free the heap itself; timers still armed are put to rest, not fired. */
void timers_free(struct timer_set *s);

/**
 * Arm t to fire at due_ms; an armed timer is moved. TIMER_NEVER cancels.
 * Returns 0, or -ENOMEM with t at rest (only when the heap had to grow).
 */
int timer_arm(struct timer_set *s, struct timer *t, uint64_t due_ms, timer_fire *fire);

/** Put t to rest; harmless when it is. Must happen before the owner is freed. */
void timer_cancel(struct timer_set *s, struct timer *t);

static inline bool
timer_armed(const struct timer *t)
{
	return t->slot != 0;
}

/** When the first timer is due, or TIMER_NEVER. */
static inline uint64_t
timers_next_ms(const struct timer_set *s)
{
	return s->count == 0 ? TIMER_NEVER : s->heap[0]->due_ms;
}

/**
 * Fire what is due, earliest first; returns how many. A fire function may arm,
 * cancel and free any timer, its own too. No more fire than were armed at the
 * start, so one that always re-arms itself for now cannot hold the loop.
 */
uint32_t timers_run(struct timer_set *s, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/timer.h"

#include <errno.h>
#include <stdlib.h>

static void
put(struct timer_set *s, uint32_t i, struct timer *t)
{
	s->heap[i] = t;
	t->slot = i + 1;
}

/** Move t from hole i towards the root until its parent is not later. */
static void
sift_up(struct timer_set *s, uint32_t i, struct timer *t)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 2;

		if (s->heap[parent]->due_ms <= t->due_ms)
			break;
		put(s, i, s->heap[parent]);
		i = parent;
	}
	put(s, i, t);
}

/** Move t from hole i towards the leaves until no child is earlier. */
static void
sift_down(struct timer_set *s, uint32_t i, struct timer *t)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child + 1 < s->count && s->heap[child + 1]->due_ms < s->heap[child]->due_ms)
			child++;
		if (child >= s->count || s->heap[child]->due_ms >= t->due_ms)
			break;
		put(s, i, s->heap[child]);
		i = child;
	}
	put(s, i, t);
}

/** Fill hole i with t, whichever way it has to go. */
static void
settle(struct timer_set *s, uint32_t i, struct timer *t)
{
	if (i > 0 && s->heap[(i - 1) / 2]->due_ms > t->due_ms)
		sift_up(s, i, t);
	else
		sift_down(s, i, t);
}

static int
grow(struct timer_set *s)
{
	uint32_t size = s->size == 0 ? 64 : s->size * 2;
	struct timer **heap = realloc(s->heap, size * sizeof(*heap));

	if (heap == NULL)
		return -ENOMEM;
	s->heap = heap;
	s->size = size;
	return 0;
}

void
timers_free(struct timer_set *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		s->heap[i]->slot = 0;
	free(s->heap);
	*s = (struct timer_set){ 0 };
}

int
timer_arm(struct timer_set *s, struct timer *t, uint64_t due_ms, timer_fire *fire)
{
	if (due_ms == TIMER_NEVER) {
		timer_cancel(s, t);
		return 0;
	}
	t->fire = fire;
	if (timer_armed(t)) {
		t->due_ms = due_ms;
		settle(s, t->slot - 1, t);
		return 0;
	}
	if (s->count == s->size && grow(s) != 0)
		return -ENOMEM;
	t->due_ms = due_ms;
	s->count++;
	sift_up(s, s->count - 1, t);
	return 0;
}

void
timer_cancel(struct timer_set *s, struct timer *t)
{
	if (!timer_armed(t))
		return;

	uint32_t hole = t->slot - 1;
	struct timer *last = s->heap[--s->count];

	t->slot = 0;
	if (last != t)
		settle(s, hole, last);
}

uint32_t
timers_run(struct timer_set *s, uint64_t now_ms)
{
	uint32_t most = s->count, fired = 0;

	while (fired < most && s->count > 0 && s->heap[0]->due_ms <= now_ms) {
		struct timer *t = s->heap[0];

		timer_cancel(s, t);
		t->fire(t, now_ms);
		fired++;
	}
	return fired;
}

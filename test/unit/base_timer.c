/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/timer.h"

#include "test/lib/check.h"

struct item {
	struct timer timer;
	uint64_t due_ms;
	unsigned fired;
};

static struct timer_set set;
static uint64_t last_due_ms;
static unsigned out_of_order;

static void
item_fire(struct timer *t, uint64_t now_ms)
{
	struct item *it = timer_owner(t, struct item, timer);

	(void)now_ms;
	it->fired++;
	out_of_order += it->due_ms < last_due_ms;
	last_due_ms = it->due_ms;
}

static void
rearm_for_now(struct timer *t, uint64_t now_ms)
{
	timer_owner(t, struct item, timer)->fired++;
	timer_arm(&set, t, now_ms, rearm_for_now);
}

static void
arm(struct item *it, uint64_t due_ms)
{
	it->due_ms = due_ms;
	CHECK_EQ(timer_arm(&set, &it->timer, due_ms, item_fire), 0);
}

static void
empty_set_never_fires(void)
{
	CHECK_EQ(timers_next_ms(&set), TIMER_NEVER);
	CHECK_EQ(timers_run(&set, 1000), 0);
}

static void
fires_in_order_and_once(void)
{
	struct item a = { 0 }, b = { 0 }, c = { 0 };

	last_due_ms = out_of_order = 0;
	arm(&a, 30);
	arm(&b, 10);
	arm(&c, 20);
	CHECK_EQ(timers_next_ms(&set), 10);
	CHECK_EQ(timers_run(&set, 9), 0);
	CHECK_EQ(timers_run(&set, 20), 2);
	CHECK(!timer_armed(&b.timer) && !timer_armed(&c.timer) && timer_armed(&a.timer));
	CHECK_EQ(timers_run(&set, 100), 1);
	CHECK_EQ(timers_run(&set, 100), 0);
	CHECK_EQ(a.fired + b.fired + c.fired, 3);
	CHECK_EQ(out_of_order, 0);
	timers_free(&set);
}

static void
move_and_cancel(void)
{
	struct item a = { 0 }, b = { 0 };

	arm(&a, 10);
	arm(&b, 20);
	arm(&a, 30); /* moved, not doubled */
	CHECK_EQ(set.count, 2);
	CHECK_EQ(timers_next_ms(&set), 20);
	timer_cancel(&set, &b.timer);
	timer_cancel(&set, &b.timer);
	CHECK_EQ(timers_next_ms(&set), 30);
	CHECK_EQ(timer_arm(&set, &a.timer, TIMER_NEVER, item_fire), 0);
	CHECK_EQ(timers_next_ms(&set), TIMER_NEVER);
	CHECK_EQ(a.fired + b.fired, 0);
	timers_free(&set);
}

static void
self_rearming_cannot_hold_the_loop(void)
{
	struct item a = { 0 };

	CHECK_EQ(timer_arm(&set, &a.timer, 5, rearm_for_now), 0);
	CHECK_EQ(timers_run(&set, 7), 1);
	CHECK_EQ(a.fired, 1);
	CHECK(timer_armed(&a.timer));
	timers_free(&set);
	CHECK(!timer_armed(&a.timer));
}

/** Arms, moves and cancels at random must keep the heap sorted and lose nobody. */
static void
random_use_keeps_order(void)
{
	enum { ITEMS = 3000, STEPS = 30000 };
	struct item *items = calloc(ITEMS, sizeof(*items));
	uint32_t rnd = 1, armed = 0, fired = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		rnd = rnd * 1664525u + 1013904223u;
		struct item *it = &items[(rnd >> 8) % ITEMS];

		if (rnd >> 30 == 0)
			timer_cancel(&set, &it->timer);
		else
			arm(it, (rnd >> 4) % 100000);
	}
	for (unsigned i = 0; i < ITEMS; i++)
		armed += timer_armed(&items[i].timer);
	CHECK_EQ(set.count, armed);
	last_due_ms = out_of_order = 0;
	for (uint64_t now_ms = 0; now_ms <= 100000; now_ms += 500)
		fired += timers_run(&set, now_ms);
	CHECK_EQ(fired, armed);
	CHECK_EQ(out_of_order, 0);
	CHECK_EQ(timers_next_ms(&set), TIMER_NEVER);
	timers_free(&set);
	free(items);
}

int
main(void)
{
	TEST(empty_set_never_fires);
	TEST(fires_in_order_and_once);
	TEST(move_and_cancel);
	TEST(self_rearming_cannot_hold_the_loop);
	TEST(random_use_keeps_order);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fib.h"

#include <pthread.h>
#include <stdatomic.h>

#include "test/lib/check.h"

#define PREFIXES 400

static void
free_at_once(void *user, void *memory)
{
	(void)user;
	free(memory);
}

static uint32_t
rnd(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/** A prefix out of few distinct octets, so that many cover one another. */
static struct prefix
random_prefix(uint32_t *x, bool v6)
{
	struct prefix p = { .addr.family = v6 ? ADDR_V6 : ADDR_V4 };

	for (int i = 0; i < (v6 ? 16 : 4); i++)
		p.addr.octet[i] = (uint8_t)(rnd(x) % 3 * 85);
	p.bits = (uint8_t)(rnd(x) % (v6 ? 129 : 33));
	return prefix_network(&p);
}

struct table {
	struct prefix p[PREFIXES];
	uint32_t adj[PREFIXES]; /* 0: free */
};

static uint32_t
slow_lookup(const struct table *t, const struct addr *a)
{
	uint32_t best = 0;
	int bits = -1;

	for (int i = 0; i < PREFIXES; i++)
		if (t->adj[i] != 0 && t->p[i].bits > bits && prefix_has(&t->p[i], a)) {
			bits = t->p[i].bits;
			best = t->adj[i];
		}
	return best;
}

static int
find(const struct table *t, const struct prefix *p)
{
	for (int i = 0; i < PREFIXES; i++)
		if (t->adj[i] != 0 && prefix_equal(&t->p[i], p))
			return i;
	return -1;
}

static int
free_place(const struct table *t)
{
	for (int i = 0; i < PREFIXES; i++)
		if (t->adj[i] == 0)
			return i;
	return -1;
}

static void
edit_both(struct fib *f, struct table *t, uint32_t *x, bool v6)
{
	struct prefix p = random_prefix(x, v6);
	int at = find(t, &p);

	if (rnd(x) % 3 == 0) {
		CHECK_EQ(fib_del(f, &p), at < 0 ? -2 : 0);
		if (at >= 0)
			t->adj[at] = 0;
		return;
	}
	if (at < 0)
		at = free_place(t);
	if (at < 0)
		return;
	t->p[at] = p;
	t->adj[at] = rnd(x) % 7 + 1; /* few values, so that nodes fold */
	CHECK_EQ(fib_set(f, &p, t->adj[at]), 0);
}

static void
agrees(bool v6)
{
	struct fib *f = fib_new(free_at_once, NULL);
	static struct table t;
	uint32_t x = v6 ? 7 : 1;

	memset(&t, 0, sizeof(t));
	for (int round = 0; round < 3000 && !check_bad; round++) {
		edit_both(f, &t, &x, v6);
		for (int i = 0; i < 20; i++) {
			struct prefix q = random_prefix(&x, v6);
			uint32_t bulk, want = slow_lookup(&t, &q.addr), be = addr_v4(&q.addr);

			CHECK_EQ(fib_lookup(f, &q.addr), want);
			if (v6)
				continue;
			fib_lookup_v4(f, &be, &bulk, 1);
			CHECK_EQ(bulk, want);
		}
	}
	uint32_t n = 0;
	for (int i = 0; i < PREFIXES; i++)
		n += t.adj[i] != 0;
	CHECK_EQ(fib_count(f, v6 ? ADDR_V6 : ADDR_V4), n);
	fib_free(f);
}

static void
agrees_with_linear_search_v4(void)
{
	agrees(false);
}

static void
agrees_with_linear_search_v6(void)
{
	agrees(true);
}

/* ---- one writer, one reader --------------------------------------------------------- */

static struct fib *shared;
static _Atomic bool stop;
static _Atomic uint32_t wrong;

/** The reader reports no grace period: what it may still see is freed at the end. */
struct kept {
	struct kept *next;
	void *memory;
};

static void
keep(void *user, void *memory)
{
	struct kept **list = user, *k = malloc(sizeof(*k));

	*k = (struct kept){ .next = *list, .memory = memory };
	*list = k;
}

static void *
reader(void *arg)
{
	struct prefix p;

	(void)arg;
	prefix_parse("10.1.2.3/32", &p);
	while (!atomic_load(&stop)) {
		uint32_t got = fib_lookup(shared, &p.addr);

		if (got < 1 || got > 3) /* the default is never out of sight */
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

static void
reader_sees_old_or_new(void)
{
	struct kept *kept = NULL;
	struct prefix any, net, host;
	pthread_t thread;

	prefix_parse("0.0.0.0/0", &any);
	prefix_parse("10.1.2.0/23", &net);
	prefix_parse("10.1.2.3/32", &host);
	shared = fib_new(keep, &kept);
	fib_set(shared, &any, 1);
	pthread_create(&thread, NULL, reader, NULL);
	for (int i = 0; i < 2000; i++) {
		fib_set(shared, &net, 2);
		fib_set(shared, &host, 3);
		fib_del(shared, i % 2 ? &net : &host);
		fib_del(shared, i % 2 ? &host : &net);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	CHECK_EQ(atomic_load(&wrong), 0);
	fib_free(shared);
	while (kept != NULL) {
		struct kept *next = kept->next;

		free(kept->memory);
		free(kept);
		kept = next;
	}
}

int
main(void)
{
	TEST(agrees_with_linear_search_v4);
	TEST(agrees_with_linear_search_v6);
	TEST(reader_sees_old_or_new);
	return check_done();
}

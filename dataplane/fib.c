/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A slot of the trie is 64 bits and always written whole: a leaf (adjacency and
 * the length of the prefix that put it there) or a pointer to a node of the next
 * eight bits. The writer prepares a node completely before its pointer appears.
 * Beside the trie the writer keeps all prefixes in a hash: when one goes, the
 * longest that covers it takes its slots.
 */
#include "dataplane/fib.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>

#define ROOT_SLOTS (1u << 16)
#define NODE_SLOTS 256u

typedef _Atomic uint64_t slot_t;

struct node {
	slot_t slot[NODE_SLOTS];
};

struct rule {
	struct prefix p; /* bits 255: free */
	uint32_t adj;
};

#define RULE_FREE 255

struct fib {
	slot_t *root_v4, *root_v6; /* [ROOT_SLOTS]; v6 from the first route on */
	struct rule *rules;        /* open addressing */
	size_t rules_size, rules_count;
	uint32_t count_v4, count_v6;
	void (*free_later)(void *user, void *memory);
	void *user;
};

/* ---- slots -------------------------------------------------------------------- */

static inline uint64_t
leaf(uint32_t adj, uint8_t bits)
{
	return (uint64_t)adj << 32 | (uint64_t)bits << 8;
}

static inline bool
is_node(uint64_t s)
{
	return s & 1;
}

static inline struct node *
node_of(uint64_t s)
{
	return (struct node *)(uintptr_t)(s & ~1ull);
}

static inline uint64_t
slot_of(const struct node *n)
{
	return (uint64_t)(uintptr_t)n | 1;
}

static inline uint8_t
leaf_bits(uint64_t s)
{
	return (uint8_t)(s >> 8);
}

static inline uint64_t
slot_read(const slot_t *s)
{
	return atomic_load_explicit(s, memory_order_acquire);
}

static inline void
slot_write(slot_t *s, uint64_t v)
{
	atomic_store_explicit(s, v, memory_order_release);
}

/* ---- rules: what was set, for the writer only ----------------------------------- */

static size_t
rule_home(const struct fib *f, const struct prefix *p)
{
	return addr_hash(&p->addr, p->bits) & (f->rules_size - 1);
}

static struct rule *
rule_find(const struct fib *f, const struct prefix *p)
{
	size_t i = rule_home(f, p);

	while (f->rules[i].p.bits != RULE_FREE && !prefix_equal(&f->rules[i].p, p))
		i = (i + 1) & (f->rules_size - 1);
	return &f->rules[i];
}

static int
rules_grow(struct fib *f)
{
	struct fib bigger = { .rules_size = f->rules_size ? f->rules_size * 2 : 64 };

	bigger.rules = calloc(bigger.rules_size, sizeof(*bigger.rules));
	if (bigger.rules == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < bigger.rules_size; i++)
		bigger.rules[i].p.bits = RULE_FREE;
	for (size_t i = 0; i < f->rules_size; i++)
		if (f->rules[i].p.bits != RULE_FREE)
			*rule_find(&bigger, &f->rules[i].p) = f->rules[i];
	free(f->rules);
	f->rules = bigger.rules;
	f->rules_size = bigger.rules_size;
	return 0;
}

static void
rule_del(struct fib *f, struct rule *r)
{
	size_t gap = (size_t)(r - f->rules), mask = f->rules_size - 1;

	for (size_t i = (gap + 1) & mask; f->rules[i].p.bits != RULE_FREE; i = (i + 1) & mask) {
		size_t want = rule_home(f, &f->rules[i].p);

		if (((i - want) & mask) >= ((i - gap) & mask)) {
			f->rules[gap] = f->rules[i];
			gap = i;
		}
	}
	f->rules[gap].p.bits = RULE_FREE;
	f->rules_count--;
}

/** The leaf of the longest prefix shorter than p that covers it; 0 when there is none. */
static uint64_t
cover_of(const struct fib *f, const struct prefix *p)
{
	for (int bits = (int)p->bits - 1; bits >= 0; bits--) {
		struct prefix shorter = { .addr = p->addr, .bits = (uint8_t)bits };

		shorter = prefix_network(&shorter);
		const struct rule *r = rule_find(f, &shorter);
		if (r->p.bits != RULE_FREE)
			return leaf(r->adj, r->p.bits);
	}
	return 0;
}

/* ---- edits ---------------------------------------------------------------------- */

/** Which leaves an edit takes over: all not longer than bits, or exactly those. */
struct edit {
	uint64_t to;
	uint8_t bits;
	bool exact;
};

static void
slot_edit(slot_t *s, const struct edit *e)
{
	uint64_t v = slot_read(s);

	if (is_node(v)) {
		for (unsigned i = 0; i < NODE_SLOTS; i++)
			slot_edit(&node_of(v)->slot[i], e);
		return;
	}
	if (e->exact ? leaf_bits(v) == e->bits : leaf_bits(v) <= e->bits)
		slot_write(s, e->to);
}

/** Turn a leaf slot into a node whose slots all say the same. */
static struct node *
slot_split(slot_t *s)
{
	uint64_t v = slot_read(s);
	struct node *n;

	if (is_node(v))
		return node_of(v);
	n = malloc(sizeof(*n));
	if (n == NULL)
		return NULL;
	for (unsigned i = 0; i < NODE_SLOTS; i++)
		atomic_init(&n->slot[i], v);
	slot_write(s, slot_of(n));
	return n;
}

/**
 * Fold a node all of whose slots are one leaf back into its parent's slot, if that
 * leaf reaches up there (bits long at most): so a deletion never has to split again.
 */
static void
slot_fold(struct fib *f, slot_t *s, unsigned bits)
{
	struct node *n = node_of(slot_read(s));
	uint64_t first = slot_read(&n->slot[0]);

	if (is_node(first) || leaf_bits(first) > bits)
		return;
	for (unsigned i = 1; i < NODE_SLOTS; i++)
		if (slot_read(&n->slot[i]) != first)
			return;
	slot_write(s, first);
	f->free_later(f->user, n);
}

/**
 * Apply an edit to all slots of p. first is the table at this level, at the octet
 * its index begins with, width its octets (2 for the root, 1 below).
 */
static int
edit_range(struct fib *f, slot_t *first, const struct prefix *p, unsigned at, unsigned width,
	const struct edit *e)
{
	unsigned end_bits = (at + width) * 8, index = 0;

	for (unsigned i = 0; i < width; i++)
		index = index << 8 | p->addr.octet[at + i];
	if (p->bits <= end_bits) {
		unsigned n = 1u << (end_bits - p->bits);

		index &= ~(n - 1);
		for (unsigned i = 0; i < n; i++)
			slot_edit(&first[index + i], e);
		return 0;
	}
	struct node *below = slot_split(&first[index]);
	if (below == NULL)
		return -ENOMEM;
	int err = edit_range(f, below->slot, p, at + width, 1, e);
	slot_fold(f, &first[index], end_bits);
	return err;
}

static slot_t **
root_of(struct fib *f, const struct prefix *p)
{
	return p->addr.family == ADDR_V6 ? &f->root_v6 : &f->root_v4;
}

static int
root_need(slot_t **root)
{
	if (*root == NULL)
		*root = calloc(ROOT_SLOTS, sizeof(slot_t));
	return *root == NULL ? -ENOMEM : 0;
}

int
fib_set(struct fib *f, const struct prefix *prefix, uint32_t adj)
{
	struct prefix p = prefix_network(prefix);
	struct edit e = { .to = leaf(adj, p.bits), .bits = p.bits };
	slot_t **root = root_of(f, &p);
	struct rule *r;
	int err;

	if (f->rules_count * 4 >= f->rules_size * 3 && rules_grow(f) != 0)
		return -ENOMEM;
	if (root_need(root) != 0)
		return -ENOMEM;
	err = edit_range(f, *root, &p, 0, 2, &e);
	if (err != 0)
		return err;
	r = rule_find(f, &p);
	if (r->p.bits == RULE_FREE) {
		f->rules_count++;
		*(p.addr.family == ADDR_V6 ? &f->count_v6 : &f->count_v4) += 1;
	}
	*r = (struct rule){ .p = p, .adj = adj };
	return 0;
}

int
fib_del(struct fib *f, const struct prefix *prefix)
{
	struct prefix p = prefix_network(prefix);
	struct edit e = { .bits = p.bits, .exact = true };
	struct rule *r = f->rules_size == 0 ? NULL : rule_find(f, &p);

	if (r == NULL || r->p.bits == RULE_FREE)
		return -ENOENT;
	rule_del(f, r);
	*(p.addr.family == ADDR_V6 ? &f->count_v6 : &f->count_v4) -= 1;
	e.to = cover_of(f, &p);
	return edit_range(f, *root_of(f, &p), &p, 0, 2, &e);
}

uint32_t
fib_count(const struct fib *f, enum addr_family family)
{
	return family == ADDR_V6 ? f->count_v6 : f->count_v4;
}

/* ---- life ----------------------------------------------------------------------- */

struct fib *
fib_new(void (*free_later)(void *user, void *memory), void *user)
{
	struct fib *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->free_later = free_later;
	f->user = user;
	if (root_need(&f->root_v4) != 0 || rules_grow(f) != 0) {
		fib_free(f);
		return NULL;
	}
	return f;
}

static void
slots_free(slot_t *first, unsigned n)
{
	for (unsigned i = 0; first != NULL && i < n; i++) {
		uint64_t v = slot_read(&first[i]);

		if (is_node(v)) {
			slots_free(node_of(v)->slot, NODE_SLOTS);
			free(node_of(v));
		}
	}
}

void
fib_free(struct fib *f)
{
	if (f == NULL)
		return;
	slots_free(f->root_v4, ROOT_SLOTS);
	slots_free(f->root_v6, ROOT_SLOTS);
	free(f->root_v4);
	free(f->root_v6);
	free(f->rules);
	free(f);
}

/* ---- workers -------------------------------------------------------------------- */

void
fib_lookup_v4(const struct fib *f, const uint32_t *dst_be, uint32_t *adj, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *o = (const uint8_t *)&dst_be[i];

		rte_prefetch0(&f->root_v4[o[0] << 8 | o[1]]);
	}
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *o = (const uint8_t *)&dst_be[i];
		uint64_t v = slot_read(&f->root_v4[o[0] << 8 | o[1]]);

		if (is_node(v))
			v = slot_read(&node_of(v)->slot[o[2]]);
		if (is_node(v))
			v = slot_read(&node_of(v)->slot[o[3]]);
		adj[i] = (uint32_t)(v >> 32);
	}
}

uint32_t
fib_lookup(const struct fib *f, const struct addr *dst)
{
	const slot_t *root = dst->family == ADDR_V6 ? f->root_v6 : f->root_v4;
	uint64_t v;

	if (root == NULL)
		return 0;
	v = slot_read(&root[dst->octet[0] << 8 | dst->octet[1]]);
	for (unsigned at = 2; is_node(v); at++)
		v = slot_read(&node_of(v)->slot[dst->octet[at]]);
	return (uint32_t)(v >> 32);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/rpf.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/nbma.h"
#include "dataplane/pipeline.h"
#include "dataplane/tables.h"

#define BUCKETS (1u << 16)
#define LENGTHS 129 /* 0 to 128 bits */

/** The routes of one prefix; immutable but for next. */
struct entry {
	struct entry *_Atomic next; /* of its bucket */
	struct prefix prefix;
	uint16_t ctx;
	bool final;
	uint8_t count;
	uint32_t adj[];
};

struct rpf {
	struct entry *_Atomic *buckets; /* [BUCKETS] */
	/* Prefixes by length: most lengths are in use by none, and are not looked for. */
	_Atomic uint32_t lengths[DP_CONTEXTS_MAX][2][LENGTHS];
	uint32_t seed;
	void (*free_later)(void *user, void *memory);
	void *user;
};

static struct entry *_Atomic *
bucket_of(const struct rpf *t, uint16_t ctx, const struct prefix *p)
{
	uint32_t seed = t->seed ^ ((uint32_t)ctx << 8 | p->bits) * 0x9e3779b9u;

	return &t->buckets[addr_hash(&p->addr, seed) % BUCKETS];
}

static const _Atomic uint32_t *
lengths_of(const struct rpf *t, uint16_t ctx, enum addr_family family)
{
	return t->lengths[ctx][family == ADDR_V6];
}

static struct entry *
entry_next(struct entry *_Atomic const *at)
{
	return atomic_load_explicit(at, memory_order_acquire);
}

/** What points to the entry of p, or to the end of its chain. */
static struct entry *_Atomic *
find(const struct rpf *t, uint16_t ctx, const struct prefix *p)
{
	struct entry *_Atomic *at = bucket_of(t, ctx, p);

	for (struct entry *e; (e = entry_next(at)) != NULL; at = &e->next)
		if (e->ctx == ctx && prefix_equal(&e->prefix, p))
			break;
	return at;
}

/* ---- edits ------------------------------------------------------------------------- */

static struct entry *
entry_new(uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes)
{
	struct entry *e = calloc(1, sizeof(*e) + routes->count * sizeof(e->adj[0]));

	if (e == NULL)
		return NULL;
	e->prefix = *p;
	e->ctx = ctx;
	e->final = routes->final;
	e->count = routes->count;
	memcpy(e->adj, routes->adj, routes->count * sizeof(e->adj[0]));
	return e;
}

static bool
entry_says(const struct entry *e, const struct dp_rpf *routes)
{
	return e->final == routes->final && e->count == routes->count &&
		memcmp(e->adj, routes->adj, e->count * sizeof(e->adj[0])) == 0;
}

/** Put e (NULL: nothing) in the place of what `at` points to (NULL: the end of a chain). */
static void
entry_swap(struct rpf *t, struct entry *_Atomic *at, struct entry *e)
{
	struct entry *old = entry_next(at);
	struct entry *rest = old == NULL ? NULL : entry_next(&old->next);

	if (e != NULL)
		atomic_store_explicit(&e->next, rest, memory_order_relaxed);
	atomic_store_explicit(at, e != NULL ? e : rest, memory_order_release);
	if (old != NULL)
		t->free_later(t->user, old);
}

static void
length_count(struct rpf *t, uint16_t ctx, const struct prefix *p, int by)
{
	_Atomic uint32_t *n = &t->lengths[ctx][p->addr.family == ADDR_V6][p->bits];

	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + (uint32_t)by,
		memory_order_relaxed);
}

int
rpf_set(struct rpf *t, uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes)
{
	struct entry *_Atomic *at = find(t, ctx, p);
	struct entry *old = entry_next(at), *e;

	if (old != NULL && entry_says(old, routes))
		return 0;
	e = entry_new(ctx, p, routes);
	if (e == NULL) {
		rpf_del(t, ctx, p);
		return -ENOMEM;
	}
	entry_swap(t, at, e);
	if (old == NULL)
		length_count(t, ctx, p, 1);
	return 0;
}

void
rpf_del(struct rpf *t, uint16_t ctx, const struct prefix *p)
{
	struct entry *_Atomic *at = find(t, ctx, p);

	if (entry_next(at) == NULL)
		return;
	length_count(t, ctx, p, -1);
	entry_swap(t, at, NULL);
}

/* ---- life ---------------------------------------------------------------------------- */

struct rpf *
rpf_new(uint32_t seed, void (*free_later)(void *user, void *memory), void *user)
{
	struct rpf *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->buckets = calloc(BUCKETS, sizeof(*t->buckets));
	t->seed = seed;
	t->free_later = free_later;
	t->user = user;
	if (t->buckets == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
rpf_free(struct rpf *t)
{
	if (t == NULL)
		return;
	for (uint32_t b = 0; b < BUCKETS; b++)
		for (struct entry *e = t->buckets[b], *next; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	free(t->buckets);
	free(t);
}

/* ---- workers --------------------------------------------------------------------------- */

/** The entry of the longest prefix of a, of at most `bits`; NULL: there is none. */
static const struct entry *
longest(const struct rpf *t, uint16_t ctx, const struct addr *a, int bits)
{
	const _Atomic uint32_t *used = lengths_of(t, ctx, (enum addr_family)a->family);

	for (; bits >= 0; bits--) {
		struct prefix p = { .addr = *a, .bits = (uint8_t)bits };
		const struct entry *e;

		if (atomic_load_explicit(&used[bits], memory_order_relaxed) == 0)
			continue;
		p = prefix_network(&p);
		e = entry_next(find(t, ctx, &p));
		if (e != NULL)
			return e;
	}
	return NULL;
}

/** Does an adjacency lead to the sender, as the NHRP table has it now? */
static bool
leads_back(const struct dp_tables *t, const struct pkt_meta *meta, const struct addr *src,
	const struct adj *a)
{
	if (a == NULL || a->kind != DP_ADJ_KIND_TUNNEL || a->cloud != meta->cloud->id)
		return false;
	if (a->next_hop.family != ADDR_NONE)
		src = &a->next_hop;
	return peer_is(meta->peer_in, nbma_lookup(t->nbma, a->cloud, src));
}

bool
rpf_feasible(const struct dp_tables *t, const struct pkt_meta *meta, const struct addr *src)
{
	int bits = addr_bytes(src) * 8;

	while (true) {
		const struct entry *e = longest(t->rpf, meta->ctx, src, bits);

		if (e == NULL)
			return false;
		for (unsigned i = 0; i < e->count; i++)
			if (leads_back(t, meta, src, adj_get(t, e->adj[i])))
				return true;
		if (e->final)
			return false;
		bits = e->prefix.bits - 1;
	}
}

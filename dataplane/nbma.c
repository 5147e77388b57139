/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Open addressing over pointers to entries that never change. The pointer carries
 * 16 bits of the hash in its unused top, so that a probe touches the entry only
 * when it is most likely the right one: two cache lines a lookup, both prefetched
 * by the bulk form. A deleted slot becomes a mark; when marks and entries fill
 * three quarters, the writer lays a new table and swaps one pointer.
 */
#include "dataplane/nbma.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>
#include <rte_prefetch.h>

#define BULK_MAX  64
#define DELETED   1ull /* a mark: probes go on */
#define TAG_SHIFT 48

struct entry {
	struct nbma_key key;
	uint32_t peer;
};

_Static_assert(sizeof(struct nbma_key) == 24, "nbma_key must have no padding");

struct slots {
	uint32_t mask;
	_Atomic uint64_t slot[];
};

struct nbma {
	struct slots *_Atomic slots;
	uint32_t entries_max, entries, marks;
	void (*free_later)(void *user, void *memory);
	void *user;
};

static inline uint64_t
hash_of(const struct nbma_key *k)
{
	uint64_t w[2];
	uint32_t tail;

	memcpy(w, &k->addr, sizeof(w));
	memcpy(&tail, (const uint8_t *)&k->addr + sizeof(w), sizeof(tail));
	return (uint64_t)rte_hash_crc_8byte(
		       w[0], rte_hash_crc_8byte(w[1], tail ^ (uint32_t)k->cloud << 16)) *
		0x9e3779b97f4a7c15ull;
}

static inline const struct entry *
entry_of(uint64_t slot)
{
	return (const struct entry *)(uintptr_t)(slot & ((1ull << TAG_SHIFT) - 1));
}

static inline uint64_t
tag_of(uint64_t hash)
{
	return hash << TAG_SHIFT;
}

static inline uint32_t
home_of(uint64_t hash, const struct slots *s)
{
	return (uint32_t)(hash >> 32) & s->mask;
}

/** Index of the key's slot, and what it held; or -1, and 0. */
static inline int64_t
find(const struct slots *s, const struct nbma_key *k, uint64_t hash, uint64_t *held)
{
	for (uint32_t i = home_of(hash, s);; i = (i + 1) & s->mask) {
		uint64_t v = atomic_load_explicit(&s->slot[i], memory_order_acquire);

		*held = v;
		if (v == 0)
			return -1;
		if (v == DELETED || (v ^ tag_of(hash)) >> TAG_SHIFT != 0)
			continue;
		if (memcmp(&entry_of(v)->key, k, sizeof(*k)) == 0)
			return i;
	}
}

static struct slots *
slots_new(uint32_t n)
{
	struct slots *s = calloc(1, sizeof(*s) + n * sizeof(s->slot[0]));

	if (s != NULL)
		s->mask = n - 1;
	return s;
}

struct nbma *
nbma_new(uint32_t entries, void (*free_later)(void *user, void *memory), void *user)
{
	struct nbma *t = calloc(1, sizeof(*t));
	uint32_t n = 64;

	while (n < entries * 2)
		n *= 2;
	if (t == NULL)
		return NULL;
	t->entries_max = entries;
	t->free_later = free_later;
	t->user = user;
	atomic_init(&t->slots, slots_new(n));
	if (t->slots == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
nbma_free(struct nbma *t)
{
	struct slots *s;

	if (t == NULL)
		return;
	s = t->slots;
	for (uint32_t i = 0; i <= s->mask; i++)
		if (s->slot[i] > DELETED)
			free((void *)(uintptr_t)entry_of(s->slot[i]));
	free(s);
	free(t);
}

static void
slots_put(struct slots *s, uint64_t hash, uint64_t value)
{
	uint32_t i = home_of(hash, s);

	while (s->slot[i] > DELETED)
		i = (i + 1) & s->mask;
	atomic_store_explicit(&s->slot[i], value, memory_order_release);
}

/** The same entries without the marks. */
static int
relay(struct nbma *t)
{
	struct slots *old = t->slots, *s = slots_new(old->mask + 1);

	if (s == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i <= old->mask; i++)
		if (old->slot[i] > DELETED)
			slots_put(s, hash_of(&entry_of(old->slot[i])->key), old->slot[i]);
	atomic_store_explicit(&t->slots, s, memory_order_release);
	t->marks = 0;
	t->free_later(t->user, old);
	return 0;
}

static struct nbma_key
key_of(uint16_t cloud, const struct addr *a)
{
	return (struct nbma_key){ .addr = *a, .cloud = cloud };
}

int
nbma_set(struct nbma *t, uint16_t cloud, const struct addr *a, uint32_t peer)
{
	struct nbma_key k = key_of(cloud, a);
	uint64_t hash = hash_of(&k);
	uint64_t held;
	int64_t at = find(t->slots, &k, hash, &held);
	struct entry *e;

	if (at < 0 && t->entries == t->entries_max)
		return -ENOSPC;
	if (at < 0 && (t->entries + t->marks + 1) * 4ull > (t->slots->mask + 1) * 3ull &&
		relay(t) != 0)
		return -ENOMEM;
	e = malloc(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	*e = (struct entry){ .key = k, .peer = peer };

	uint64_t value = tag_of(hash) | (uint64_t)(uintptr_t)e;
	if (at < 0) {
		slots_put(t->slots, hash, value);
		t->entries++;
		/* cppcheck-suppress memleak ; the slot owns it, as a number with a tag */
		return 0;
	}
	uint64_t old = atomic_exchange_explicit(&t->slots->slot[at], value, memory_order_acq_rel);
	t->free_later(t->user, (void *)(uintptr_t)entry_of(old));
	/* cppcheck-suppress memleak ; likewise */
	return 0;
}

int
nbma_del(struct nbma *t, uint16_t cloud, const struct addr *a)
{
	struct nbma_key k = key_of(cloud, a);
	uint64_t held;
	int64_t at = find(t->slots, &k, hash_of(&k), &held);

	if (at < 0)
		return -ENOENT;
	uint64_t old = atomic_exchange_explicit(&t->slots->slot[at], DELETED, memory_order_acq_rel);
	t->free_later(t->user, (void *)(uintptr_t)entry_of(old));
	t->entries--;
	t->marks++;
	return 0;
}

uint32_t
nbma_count(const struct nbma *t)
{
	return t->entries;
}

/* ---- workers -------------------------------------------------------------------- */

static inline uint32_t
lookup(const struct slots *s, const struct nbma_key *k, uint64_t hash)
{
	uint64_t held;

	return find(s, k, hash, &held) < 0 ? 0 : entry_of(held)->peer;
}

uint32_t
nbma_lookup(const struct nbma *t, uint16_t cloud, const struct addr *a)
{
	struct nbma_key k = key_of(cloud, a);

	return lookup(atomic_load_explicit(&t->slots, memory_order_acquire), &k, hash_of(&k));
}

void
nbma_lookup_bulk(const struct nbma *t, const struct nbma_key *key, uint32_t *peer, unsigned n)
{
	const struct slots *s = atomic_load_explicit(&t->slots, memory_order_acquire);
	uint64_t hash[BULK_MAX];

	for (unsigned i = 0; i < n; i++) {
		hash[i] = hash_of(&key[i]);
		rte_prefetch0(&s->slot[home_of(hash[i], s)]);
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t v =
			atomic_load_explicit(&s->slot[home_of(hash[i], s)], memory_order_acquire);
		if (v > DELETED)
			rte_prefetch0(entry_of(v));
	}
	for (unsigned i = 0; i < n; i++)
		peer[i] = lookup(s, &key[i], hash[i]);
}

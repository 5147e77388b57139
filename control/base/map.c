/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/map.h"

#include <errno.h>
#include <stdlib.h>

static size_t
home(const struct map *m, uint64_t key)
{
	key ^= key >> 33; /* finaliser of MurmurHash3: all bits of the key count */
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 33;
	return key & (m->size - 1);
}

/** The slot that holds key, or the free one where it belongs. */
static struct map_slot *
find(const struct map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->slots[i].value != NULL && m->slots[i].key != key)
		i = (i + 1) & (m->size - 1);
	return &m->slots[i];
}

static int
grow(struct map *m)
{
	struct map bigger = { .size = m->size == 0 ? 16 : m->size * 2 };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++)
		if (m->slots[i].value != NULL)
			*find(&bigger, m->slots[i].key) = m->slots[i];
	bigger.count = m->count;
	free(m->slots);
	*m = bigger;
	return 0;
}

void
map_free(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

int
map_set(struct map *m, uint64_t key, void *value)
{
	if (m->count * 4 >= m->size * 3 && grow(m) != 0)
		return -ENOMEM;

	struct map_slot *s = find(m, key);
	m->count += s->value == NULL;
	*s = (struct map_slot){ .key = key, .value = value };
	return 0;
}

void *
map_get(const struct map *m, uint64_t key)
{
	return m->size == 0 ? NULL : find(m, key)->value;
}

void *
map_del(struct map *m, uint64_t key)
{
	if (m->size == 0)
		return NULL;

	struct map_slot *s = find(m, key);
	void *value = s->value;
	if (value == NULL)
		return NULL;

	/* Close the gap: move up whatever was pushed past it. */
	size_t gap = (size_t)(s - m->slots);
	for (size_t i = (gap + 1) & (m->size - 1); m->slots[i].value != NULL;
		i = (i + 1) & (m->size - 1)) {
		size_t want = home(m, m->slots[i].key);
		if (((i - want) & (m->size - 1)) >= ((i - gap) & (m->size - 1))) {
			m->slots[gap] = m->slots[i];
			gap = i;
		}
	}
	m->slots[gap].value = NULL;
	m->count--;
	return value;
}

void *
map_next(const struct map *m, size_t *at)
{
	while (*at < m->size) {
		void *value = m->slots[(*at)++].value;
		if (value != NULL)
			return value;
	}
	return NULL;
}

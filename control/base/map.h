/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_MAP_H
#define CONTROL_BASE_MAP_H

/**
 * A hash map from a 64-bit number to a pointer, for objects that are named by
 * numbers across module borders. Open addressing, grows by itself; the objects
 * belong to the caller. Control core only.
 */
#include <stddef.h>
#include <stdint.h>

/** All zero is an empty map. */
struct map {
	struct map_slot {
		uint64_t key;
		void *value; /* NULL: free */
	} * slots;
	size_t size; /* power of two, or 0 */
	size_t count;
};

void map_free(struct map *m);

/** Set or replace; value is not NULL. Returns 0 or -ENOMEM (map unchanged). */
int map_set(struct map *m, uint64_t key, void *value);

/** NULL when there is none. */
void *map_get(const struct map *m, uint64_t key);

/** Returns what was there, or NULL. */
void *map_del(struct map *m, uint64_t key);

/**
 * Walk: *at starts at 0; NULL at the end. The entry just returned may be deleted,
 * but then the walk may give others twice: collect first where that matters.
 */
void *map_next(const struct map *m, size_t *at);

#endif

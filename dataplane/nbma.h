/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NBMA_H
#define DATAPLANE_NBMA_H

/**
 * The lock-free NHRP table: (cloud, address) -> peer id. One writer, many
 * readers; entries may appear and vanish between two lookups, never half.
 */
#include "config/addr.h"

#include <stdint.h>

struct nbma;

/** Room for `entries`; free_later(user, memory) must free after a grace period. */
struct nbma *nbma_new(uint32_t entries, void (*free_later)(void *user, void *memory), void *user);
void nbma_free(struct nbma *t);

/** Set or replace. Returns 0, -ENOSPC or -ENOMEM. */
int nbma_set(struct nbma *t, uint16_t cloud, const struct addr *a, uint32_t peer);
/** Returns 0 or -ENOENT. */
int nbma_del(struct nbma *t, uint16_t cloud, const struct addr *a);
uint32_t nbma_count(const struct nbma *t);

/* ---- workers ---- */

struct nbma_key {
	struct addr addr;
	uint16_t cloud;
	uint16_t zero; /* always zero: keys are compared as octets */
};

uint32_t nbma_lookup(const struct nbma *t, uint16_t cloud, const struct addr *a); /* 0 = none */

/** peer[i] = 0 where there is none. n <= 64. */
void nbma_lookup_bulk(const struct nbma *t, const struct nbma_key *key, uint32_t *peer, unsigned n);

#endif

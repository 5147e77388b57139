/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_FIB_H
#define DATAPLANE_FIB_H

/**
 * Longest-prefix match for both families: a multibit trie (16 then 8 bits a
 * step) whose nodes are replaced or grown by one pointer write, so that readers
 * need no lock. One writer; detached nodes go to `free_later`.
 */
#include "config/addr.h"

struct fib;

/** free_later(user, memory) must free after a grace period. */
struct fib *fib_new(void (*free_later)(void *user, void *memory), void *user);
void fib_free(struct fib *f);

/** Set or replace. Returns 0 or -ENOMEM (table unchanged). */
int fib_set(struct fib *f, const struct prefix *p, uint32_t adj);
/** Returns 0 or -ENOENT. */
int fib_del(struct fib *f, const struct prefix *p);

uint32_t fib_count(const struct fib *f, enum addr_family family);

/* ---- workers ---- */

/** Adjacency id for each destination (IPv4, network order); 0 = no route. */
void fib_lookup_v4(const struct fib *f, const uint32_t *dst_be, uint32_t *adj, unsigned n);
uint32_t fib_lookup(const struct fib *f, const struct addr *dst);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_PTREE_H
#define CONTROL_ROUTE_PTREE_H

/**
 * Prefixes of both families in a path-compressed binary tree, each with a value of
 * the caller's. Every question takes at most as many steps as an address has bits.
 * Control core only.
 */
#include <stdbool.h>
#include <stddef.h>

#include "config/addr.h"

struct ptree_node;

/** All zero is an empty tree. */
struct ptree {
	struct ptree_node *root[2]; /* IPv4, IPv6 */
	size_t count;
};

/** Values are the caller's to free; ptree_each() finds them. */
void ptree_free(struct ptree *t);

/** Set or replace; p is a network, value not NULL. Returns 0 or -ENOMEM. */
int ptree_set(struct ptree *t, const struct prefix *p, void *value);
void *ptree_get(const struct ptree *t, const struct prefix *p);
/** Returns what was there, or NULL. */
void *ptree_del(struct ptree *t, const struct prefix *p);

/** The value of the longest prefix that covers a and that `takes` accepts (NULL: all). */
void *ptree_longest(const struct ptree *t, const struct addr *a,
	bool (*takes)(const void *arg, const void *value), const void *arg);

/**
 * The shortest prefix within p that covers a (which p covers) and none of the prefixes
 * below p that do not cover a.
 */
struct prefix ptree_lengthen(const struct ptree *t, const struct prefix *p, const struct addr *a);

/** An address whose longest match is p; false when longer ones take all of it. */
bool ptree_own_address(const struct ptree *t, const struct prefix *p, struct addr *out);

/**
 * In order of address, shorter before longer; within: only what it covers, NULL: all.
 * fn returns false to stop and may not edit the tree. Returns false when it was stopped.
 */
bool ptree_each(const struct ptree *t, const struct prefix *within,
	bool (*fn)(void *arg, void *value), void *arg);

#endif

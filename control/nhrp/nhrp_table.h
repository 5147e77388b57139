/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_TABLE_H
#define CONTROL_NHRP_NHRP_TABLE_H

/**
 * Hash table whose nodes are part of the objects. It knows hashes only; the user
 * compares. Doubles as it fills, so adding costs O(1) and may fail only by memory
 * of the first bucket array: later growth that fails just makes chains longer.
 */
#include <stdint.h>

struct nhrp_node {
	struct nhrp_node *next;
	uint32_t hash;
};

/** All zero is an empty table. */
struct nhrp_table {
	struct nhrp_node **bucket;
	uint32_t size; /* power of two, or 0 */
	uint32_t count;
};

/** Returns 0 or -ENOMEM. */
int nhrp_table_add(struct nhrp_table *t, struct nhrp_node *node, uint32_t hash);

/** node must be in t. */
void nhrp_table_remove(struct nhrp_table *t, struct nhrp_node *node);

/** First node of this hash after prev (NULL: from the start), or NULL. */
struct nhrp_node *nhrp_table_find(
	const struct nhrp_table *t, uint32_t hash, const struct nhrp_node *prev);

/** Walk: *bucket starts at 0. prev may not have been removed. */
struct nhrp_node *nhrp_table_next(
	const struct nhrp_table *t, uint32_t *bucket, const struct nhrp_node *prev);

void nhrp_table_free(struct nhrp_table *t);

#endif

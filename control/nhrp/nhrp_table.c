/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nhrp/nhrp_table.h"

#include <errno.h>
#include <stdlib.h>

static void
push(struct nhrp_node **bucket, uint32_t size, struct nhrp_node *node)
{
	struct nhrp_node **head = &bucket[node->hash & (size - 1)];

	node->next = *head;
	*head = node;
}

static int
grow(struct nhrp_table *t)
{
	uint32_t size = t->size == 0 ? 64 : t->size * 2;
	struct nhrp_node **bucket = calloc(size, sizeof(*bucket));

	if (bucket == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->size; i++) {
		struct nhrp_node *node = t->bucket[i];

		while (node != NULL) {
			struct nhrp_node *next = node->next;

			push(bucket, size, node);
			node = next;
		}
	}
	free(t->bucket);
	t->bucket = bucket;
	t->size = size;
	return 0;
}

int
nhrp_table_add(struct nhrp_table *t, struct nhrp_node *node, uint32_t hash)
{
	if (t->count >= t->size && grow(t) != 0 && t->size == 0)
		return -ENOMEM;
	node->hash = hash;
	push(t->bucket, t->size, node);
	t->count++;
	return 0;
}

void
nhrp_table_remove(struct nhrp_table *t, struct nhrp_node *node)
{
	struct nhrp_node **at = &t->bucket[node->hash & (t->size - 1)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->count--;
}

struct nhrp_node *
nhrp_table_find(const struct nhrp_table *t, uint32_t hash, const struct nhrp_node *prev)
{
	struct nhrp_node *node;

	if (t->size == 0)
		return NULL;
	node = prev != NULL ? prev->next : t->bucket[hash & (t->size - 1)];
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct nhrp_node *
nhrp_table_next(const struct nhrp_table *t, uint32_t *bucket, const struct nhrp_node *prev)
{
	if (prev != NULL && prev->next != NULL)
		return prev->next;
	while (*bucket < t->size) {
		struct nhrp_node *node = t->bucket[(*bucket)++];

		if (node != NULL)
			return node;
	}
	return NULL;
}

void
nhrp_table_free(struct nhrp_table *t)
{
	free(t->bucket);
	*t = (struct nhrp_table){ 0 };
}

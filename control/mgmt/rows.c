/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/rows.h"

#include <stdlib.h>
#include <string.h>

void
rows_add(struct rows *r, const struct row_key *key, json_t *value)
{
	if (value == NULL)
		return;
	if (r->count == r->size) {
		size_t size = r->size == 0 ? 64 : r->size * 2;
		struct row *list = realloc(r->list, size * sizeof(*list));

		if (list == NULL) {
			json_decref(value);
			return;
		}
		r->list = list;
		r->size = size;
	}
	r->list[r->count++] = (struct row){ .key = *key, .value = value };
}

static int
addr_order(const struct addr *a, const struct addr *b)
{
	if ((a->family == ADDR_NONE) != (b->family == ADDR_NONE))
		return a->family == ADDR_NONE ? 1 : -1;
	return addr_cmp(a, b);
}

static int
row_order(const void *x, const void *y)
{
	const struct row_key *a = &((const struct row *)x)->key;
	const struct row_key *b = &((const struct row *)y)->key;
	int order = strncmp(a->name, b->name, sizeof(a->name));

	if (order == 0)
		order = addr_order(&a->first, &b->first);
	return order != 0 ? order : addr_order(&a->second, &b->second);
}

json_t *
rows_take(struct rows *r)
{
	json_t *list = json_array();

	if (r->count > 0)
		qsort(r->list, r->count, sizeof(r->list[0]), row_order);
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, r->list[i].value);
	free(r->list);
	*r = (struct rows){ 0 };
	return list;
}

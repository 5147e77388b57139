/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_ROWS_H
#define CONTROL_MGMT_ROWS_H

/** Rows of a table, collected in any order and taken sorted. */
#include <stddef.h>

#include <jansson.h>

#include "config/addr.h"

/** First by name, then by addresses, the unset ones last. */
struct row_key {
	char name[16];
	struct addr first, second;
};

/** All zero is empty. */
struct rows {
	struct row {
		struct row_key key;
		json_t *value;
	} * list;
	size_t count, size;
};

/** Takes the reference; a row that finds no memory is left out. */
void rows_add(struct rows *r, const struct row_key *key, json_t *value);

/** The sorted array, a new reference; r is empty afterwards. */
json_t *rows_take(struct rows *r);

#endif

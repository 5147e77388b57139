/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

/**
 * JSON for people: an array of objects as an aligned table (without columns no row has
 * a value for; numbers under a key that ends in _s as a time), an object as
 * "name: value" lines, a text as it is. Control characters are shown as "?".
 * A last column of words is broken into lines when the table is wider than `width` characters
 * and a fair part of them is left for it; 0: never.
 */
#include <stdio.h>

#include <jansson.h>

/** columns: [{"key": "rx_packets", "title": "RX"}, ...] or NULL for all keys of the first row. */
void table_print(FILE *to, const json_t *columns, const json_t *data, int width);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

/**
 * JSON for people: an array of objects as an aligned table, an object as
 * "name: value" lines, anything else as it is.
 */
#include <stdio.h>

#include <jansson.h>

/** columns: [{"key": "rx_packets", "title": "RX"}, ...] or NULL for all keys of the first row. */
void table_print(FILE *to, const json_t *columns, const json_t *data);

#endif

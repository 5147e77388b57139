/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24

struct column {
	const char *key;
	char title[40];
	int width;
	bool number; /* all values are numbers: right aligned */
};

/** One value as text into buf; "-" where there is nothing to say. */
static const char *
cell(const json_t *v, char *buf, size_t n)
{
	if (json_is_string(v))
		return json_string_value(v)[0] ? json_string_value(v) : "-";
	if (json_is_integer(v))
		snprintf(buf, n, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, n, "%.1f", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, n, "%s", json_is_true(v) ? "yes" : "no");
	else
		snprintf(buf, n, "-");
	return buf;
}

static void
title_of_key(char *out, size_t n, const char *key)
{
	size_t i = 0;

	for (; key[i] != '\0' && i + 1 < n; i++)
		out[i] = key[i] == '_' ? '-'
				       : (key[i] >= 'a' && key[i] <= 'z' ? key[i] - 32 : key[i]);
	out[i] = '\0';
}

static int
columns_of(const json_t *columns, const json_t *rows, struct column *out)
{
	const json_t *first = json_array_get(rows, 0);
	const char *key;
	json_t *value;
	size_t i;
	int n = 0;

	if (columns != NULL) {
		json_array_foreach ((json_t *)columns, i, value) {
			if (n == COLUMNS_MAX)
				break;
			out[n].key = json_string_value(json_object_get(value, "key"));
			snprintf(out[n].title, sizeof(out[n].title), "%s",
				json_string_value(json_object_get(value, "title")));
			n++;
		}
		return n;
	}
	json_object_foreach ((json_t *)first, key, value) {
		if (n == COLUMNS_MAX)
			break;
		out[n].key = key;
		title_of_key(out[n].title, sizeof(out[n].title), key);
		n++;
	}
	return n;
}

static void
measure(struct column *c, const json_t *rows)
{
	char buf[64];
	json_t *row;
	size_t i;

	c->width = (int)strlen(c->title);
	c->number = true;
	json_array_foreach ((json_t *)rows, i, row) {
		const json_t *v = json_object_get(row, c->key);
		int width = (int)strlen(cell(v, buf, sizeof(buf)));

		if (width > c->width)
			c->width = width;
		if (!json_is_number(v) && !json_is_null(v))
			c->number = false;
	}
}

static void
print_cell(FILE *to, const struct column *c, const char *text, bool last)
{
	if (c->number)
		fprintf(to, "%*s", c->width, text);
	else
		fprintf(to, "%-*s", last ? 0 : c->width, text);
	fputs(last ? "\n" : "  ", to);
}

static void
print_rows(FILE *to, const json_t *columns, const json_t *rows)
{
	struct column cols[COLUMNS_MAX] = { 0 };
	int n = columns_of(columns, rows, cols);
	char buf[64];
	json_t *row;
	size_t i;

	if (n == 0 || json_array_size(rows) == 0) {
		fputs("(none)\n", to);
		return;
	}
	for (int c = 0; c < n; c++)
		measure(&cols[c], rows);
	for (int c = 0; c < n; c++)
		print_cell(to, &cols[c], cols[c].title, c == n - 1);
	json_array_foreach ((json_t *)rows, i, row)
		for (int c = 0; c < n; c++)
			print_cell(to, &cols[c],
				cell(json_object_get(row, cols[c].key), buf, sizeof(buf)),
				c == n - 1);
}

static void
print_object(FILE *to, const json_t *object, int indent)
{
	const char *key;
	json_t *value;
	char buf[64];

	json_object_foreach ((json_t *)object, key, value) {
		if (json_is_object(value)) {
			fprintf(to, "%*s%s:\n", indent, "", key);
			print_object(to, value, indent + 2);
		} else if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
			json_t *item;
			size_t i;

			fprintf(to, "%*s%s:\n", indent, "", key);
			json_array_foreach (value, i, item) {
				fprintf(to, "%*s-\n", indent + 2, "");
				print_object(to, item, indent + 4);
			}
		} else if (json_is_array(value)) {
			json_t *item;
			size_t i;

			fprintf(to, "%*s%s: [", indent, "", key);
			json_array_foreach (value, i, item)
				fprintf(to, "%s%s", i ? ", " : "", cell(item, buf, sizeof(buf)));
			fputs("]\n", to);
		} else {
			fprintf(to, "%*s%s: %s\n", indent, "", key, cell(value, buf, sizeof(buf)));
		}
	}
}

void
table_print(FILE *to, const json_t *columns, const json_t *data)
{
	if (json_is_array(data) &&
		(json_array_size(data) == 0 || json_is_object(json_array_get(data, 0))))
		print_rows(to, columns, data);
	else if (json_is_object(data))
		print_object(to, data, 0);
	else if (json_is_string(data))
		fprintf(to, "%s\n", json_string_value(data));
}

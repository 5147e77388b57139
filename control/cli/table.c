/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24
#define WRAP_ROOM   30 /* characters a last column needs at least to be broken into lines */

struct column {
	const char *key;
	char title[40];
	int width;
	bool number; /* all values are numbers: right aligned */
};

/** Seconds as people say them. */
static void
duration(json_int_t s, char *buf, size_t n)
{
	if (s < 60)
		snprintf(buf, n, "%" JSON_INTEGER_FORMAT "s", s);
	else if (s < 3600)
		snprintf(buf, n, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(buf, n, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(buf, n, "%" JSON_INTEGER_FORMAT "d%02dh", s / 86400, (int)(s / 3600 % 24));
}

/** Numbers under such a key are seconds. */
static bool
is_duration(const char *key)
{
	size_t n = strlen(key);

	return n > 2 && strcmp(key + n - 2, "_s") == 0 && strstr(key, "_per_s") == NULL;
}

/** One value as text into buf; "-" where there is nothing to say. */
static const char *
cell(const char *key, const json_t *v, char *buf, size_t n)
{
	if (json_is_string(v))
		return json_string_value(v)[0] ? json_string_value(v) : "-";
	if (json_is_integer(v) && key != NULL && is_duration(key))
		duration(json_integer_value(v), buf, n);
	else if (json_is_integer(v))
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

/** Width and alignment; false when no row has anything to say in it. */
static bool
measure(struct column *c, const json_t *rows)
{
	bool said = false;
	char buf[64];
	json_t *row;
	size_t i;

	c->width = (int)strlen(c->title);
	c->number = true;
	json_array_foreach ((json_t *)rows, i, row) {
		const json_t *v = json_object_get(row, c->key);
		int width = (int)strlen(cell(c->key, v, buf, sizeof(buf)));

		if (width > c->width)
			c->width = width;
		if (!json_is_number(v) && !json_is_null(v))
			c->number = false;
		said |= v != NULL && !json_is_null(v);
	}
	return said;
}

/** What a peer calls itself must not steer the terminal. */
static void
put_octets(FILE *to, const char *text, size_t n)
{
	for (; n > 0; n--, text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, to);
}

static void
put_text(FILE *to, const char *text)
{
	put_octets(to, text, strlen(text));
}

static void
print_cell(FILE *to, const struct column *c, const char *text, bool last)
{
	int pad = c->width - (int)strlen(text);

	if (c->number)
		fprintf(to, "%*s", pad, "");
	put_text(to, text);
	if (!c->number && !last)
		fprintf(to, "%*s", pad, "");
	fputs(last ? "\n" : "  ", to);
}

/** As many words as fit into so many characters, at least one; a longer one alone is cut. */
static size_t
line_bytes(const char *text, int room)
{
	size_t all = strlen(text), n = (size_t)room;

	if (all <= n)
		return all;
	while (n > 0 && text[n] != ' ')
		n--;
	return n > 0 ? n : (size_t)room;
}

/** The last column from its place on, its further lines below each other. */
static void
print_last(FILE *to, const struct column *c, const char *text, int at, int width)
{
	int room = width - at;

	if (room < WRAP_ROOM || c->number) {
		print_cell(to, c, text, true);
		return;
	}
	for (;;) {
		size_t n = line_bytes(text, room);

		put_octets(to, text, n);
		fputc('\n', to);
		text += n + (text[n] == ' ');
		if (*text == '\0')
			return;
		fprintf(to, "%*s", at, "");
	}
}

static void
print_row(FILE *to, const struct column *cols, int n, const json_t *row, int width)
{
	char buf[64];
	int at = 0;

	for (int c = 0; c < n; c++) {
		const char *text =
			cell(cols[c].key, json_object_get(row, cols[c].key), buf, sizeof(buf));

		if (c == n - 1)
			print_last(to, &cols[c], text, at, width);
		else
			print_cell(to, &cols[c], text, false);
		at += cols[c].width + 2;
	}
}

static void
print_rows(FILE *to, const json_t *columns, const json_t *rows, int width)
{
	struct column cols[COLUMNS_MAX] = { 0 };
	int n = columns_of(columns, rows, cols), kept = 0;
	json_t *row;
	size_t i;

	if (n == 0 || json_array_size(rows) == 0) {
		fputs("(none)\n", to);
		return;
	}
	for (int c = 0; c < n; c++) {
		cols[kept] = cols[c];
		kept += measure(&cols[kept], rows);
	}
	n = kept;
	for (int c = 0; c < n; c++)
		print_cell(to, &cols[c], cols[c].title, c == n - 1);
	json_array_foreach ((json_t *)rows, i, row)
		print_row(to, cols, n, row, width);
}

static void print_object(FILE *to, const json_t *object, int indent);

static void
print_list(FILE *to, const char *key, const json_t *list, int indent)
{
	bool objects = json_is_object(json_array_get(list, 0));
	char buf[64];
	json_t *item;
	size_t i;

	fprintf(to, objects ? "%*s%s:\n" : "%*s%s: [", indent, "", key);
	json_array_foreach ((json_t *)list, i, item) {
		if (objects) {
			fprintf(to, "%*s-\n", indent + 2, "");
			print_object(to, item, indent + 4);
			continue;
		}
		fputs(i > 0 ? ", " : "", to);
		put_text(to, cell(NULL, item, buf, sizeof(buf)));
	}
	fputs(objects ? "" : "]\n", to);
}

/** Seconds stay a number here, as in the configuration; long ones are explained. */
static void
print_value(FILE *to, const char *key, const json_t *value, int indent)
{
	char buf[64], time[32];

	fprintf(to, "%*s%s: ", indent, "", key);
	put_text(to, cell(NULL, value, buf, sizeof(buf)));
	if (json_is_integer(value) && is_duration(key) && json_integer_value(value) >= 3600) {
		duration(json_integer_value(value), time, sizeof(time));
		fprintf(to, " (%s)", time);
	}
	fputc('\n', to);
}

static void
print_object(FILE *to, const json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		if (json_is_object(value)) {
			fprintf(to, "%*s%s:\n", indent, "", key);
			print_object(to, value, indent + 2);
		} else if (json_is_array(value)) {
			print_list(to, key, value, indent);
		} else {
			print_value(to, key, value, indent);
		}
	}
}

void
table_print(FILE *to, const json_t *columns, const json_t *data, int width)
{
	if (json_is_array(data) &&
		(json_array_size(data) == 0 || json_is_object(json_array_get(data, 0))))
		print_rows(to, columns, data, width);
	else if (json_is_object(data))
		print_object(to, data, 0);
	else if (json_is_string(data))
		fputs(json_string_value(data), to);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text of the file may end up on a terminal: nothing of it may steer one. */
static void
text_tame(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

static void
report_add(struct report *r, struct config_errors *to, struct doc_mark at, const char *path,
	const char *fmt, va_list args)
{
	if (to->count >= REPORT_MAX) {
		to->left_out++;
		return;
	}
	struct config_error *list = realloc(to->list, (to->count + 1) * sizeof(*list));
	if (list == NULL) {
		r->out_of_memory = true;
		return;
	}
	struct config_error *e = &list[to->count++];

	to->list = list;
	e->line = at.line;
	e->column = at.column;
	snprintf(e->path, sizeof(e->path), "%s", path);
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	text_tame(e->path);
	text_tame(e->text);
}

void
report_at(struct report *r, struct doc_mark at, const char *path, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_add(r, &r->errors, at, path, fmt, args);
	va_end(args);
}

void
report_error(struct report *r, const char *path, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_add(r, &r->errors, doc_find(r->doc, path), path, fmt, args);
	va_end(args);
}

void
report_warn(struct report *r, const char *path, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_add(r, &r->warnings, doc_find(r->doc, path), path, fmt, args);
	va_end(args);
}

static bool
error_after(const struct config_error *a, const struct config_error *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* Stable, unlike qsort: findings of one place stay in the order they were made. */
static void
errors_sort(struct config_errors *e)
{
	for (size_t i = 1; i < e->count; i++) {
		struct config_error moved = e->list[i];
		size_t j = i;

		for (; j > 0 && error_after(&e->list[j - 1], &moved); j--)
			e->list[j] = e->list[j - 1];
		e->list[j] = moved;
	}
}

void
report_finish(struct report *r, struct config_errors *out)
{
	bool failed = r->errors.count > 0;

	*out = failed ? r->errors : r->warnings;
	out->warnings = failed ? 0 : out->count;
	free(failed ? r->warnings.list : r->errors.list);
	memset(&r->errors, 0, sizeof(r->errors));
	memset(&r->warnings, 0, sizeof(r->warnings));
	errors_sort(out);
}

void
config_errors_free(struct config_errors *e)
{
	free(e->list);
	memset(e, 0, sizeof(*e));
}

const char *
config_errors_rest(const struct config_errors *e, char *buf, size_t n)
{
	char more[64] = "";

	if (e->left_out > 0)
		snprintf(more, sizeof(more), "%zu more are not shown%s", e->left_out,
			e->partial ? "; " : "");
	snprintf(buf, n, "%s%s", more,
		e->partial ? "there may be others, looked for when these are corrected" : "");
	return buf;
}

const char *
config_error_print(const char *file, const struct config_error *e, char *buf, size_t n)
{
	const char *sep = e->path[0] != '\0' ? ": " : "";

	if (e->line == 0)
		snprintf(buf, n, "%s: %s%s%s", file, e->path, sep, e->text);
	else
		snprintf(buf, n, "%s:%u:%u: %s%s%s", file, e->line, e->column, e->path, sep,
			e->text);
	return buf;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/keyval.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct keyval
keyval_over(char *text, size_t bytes)
{
	text[0] = '\0';
	return (struct keyval){ .text = text, .bytes = bytes };
}

static bool
is_plain(const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._:/@+-[],*";

	return value[0] != '\0' && value[strspn(value, plain)] == '\0';
}

/** One octet inside quotes; at most four. */
static void
escape(unsigned char c, char out[5])
{
	if (c < 0x20 || c > 0x7e)
		snprintf(out, 5, "\\x%02x", c);
	else
		snprintf(out, 5, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
}

/** False, and as before, when there is no room. */
static bool
put(struct keyval *k, const char *text)
{
	size_t n = strlen(text);

	if (n >= k->bytes - k->at)
		return false;
	memcpy(k->text + k->at, text, n + 1);
	k->at += n;
	return true;
}

static bool
put_value(struct keyval *k, const char *value)
{
	bool ok;

	if (is_plain(value))
		return put(k, value);
	ok = put(k, "\"");
	for (; ok && *value != '\0'; value++) {
		char octet[5];

		escape((unsigned char)*value, octet);
		ok = put(k, octet);
	}
	return ok && put(k, "\"");
}

/** Whole, or not at all. */
static void
whole(struct keyval *k, size_t from, bool ok)
{
	if (ok)
		return;
	k->at = from;
	k->text[from] = '\0';
}

void
keyval_words(struct keyval *k, const char *words)
{
	put(k, words);
}

void
keyval_value(struct keyval *k, const char *value)
{
	size_t from = k->at;

	whole(k, from, put_value(k, value));
}

void
keyval_add(struct keyval *k, const char *key, const char *value)
{
	size_t from = k->at;

	if (value[0] != '\0')
		whole(k, from, put(k, " ") && put(k, key) && put(k, "=") && put_value(k, value));
}

void
keyval_number(struct keyval *k, const char *key, uint64_t value)
{
	char digits[24] = "";

	if (value != 0)
		snprintf(digits, sizeof(digits), "%" PRIu64, value);
	keyval_add(k, key, digits);
}

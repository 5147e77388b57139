/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_KEYVAL_H
#define CONTROL_BASE_KEYVAL_H

/**
 * Pairs for a line of the log: key=value, in quotes unless the value is one plain word. Quotes
 * and backslashes inside get a backslash, and what is not printable ASCII is \xHH, so that no
 * value, whoever made it up, ends its quotes, its line, or looks like another key.
 */
#include <stddef.h>
#include <stdint.h>

/** A text being made; always closed by a zero. */
struct keyval {
	char *text;
	size_t bytes, at;
};

struct keyval keyval_over(char *text, size_t bytes);
/** As it is: trusted words, no peer's. What does not fit is left out whole, here and below. */
void keyval_words(struct keyval *k, const char *words);
/** The value alone. */
void keyval_value(struct keyval *k, const char *value);
/** " key=value"; an empty value is left out. */
void keyval_add(struct keyval *k, const char *key, const char *value);
/** " key=7"; 0 is left out. */
void keyval_number(struct keyval *k, const char *key, uint64_t value);

#endif

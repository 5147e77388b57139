/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_CHECK_H
#define TEST_LIB_CHECK_H

/**
 * The whole test framework: a test program is a list of functions. Each prints
 * one TAP line; a failed CHECK names file, line and the values, and the function
 * goes on, so that one run shows all that is wrong.
 *
 *	static void replay_refuses_old(void) { CHECK(...); CHECK_EQ(a, b); }
 *	int main(void) { TEST(replay_refuses_old); return check_done(); }
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_count, check_failed;
static bool check_bad;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                        \
			check_bad = true;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long long check_a = (long long)(a), check_b = (long long)(b);                      \
		if (check_a != check_b) {                                                          \
			printf("# %s:%d: %s is %lld, not %s (%lld)\n", __FILE__, __LINE__, #a,     \
				check_a, #b, check_b);                                             \
			check_bad = true;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *check_a = (a), *check_b = (b);                                         \
		if (check_a == NULL || check_b == NULL || strcmp(check_a, check_b) != 0) {         \
			printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #a,      \
				check_a ? check_a : "(null)", check_b ? check_b : "(null)");       \
			check_bad = true;                                                          \
		}                                                                                  \
	} while (0)

#define CHECK_MEM(a, b, n)                                                                         \
	do {                                                                                       \
		if (memcmp((a), (b), (n)) != 0) {                                                  \
			printf("# %s:%d: %s differs from %s\n", __FILE__, __LINE__, #a, #b);       \
			check_hex(#a, (a), (n));                                                   \
			check_hex(#b, (b), (n));                                                   \
			check_bad = true;                                                          \
		}                                                                                  \
	} while (0)

#define TEST(fn)                                                                                   \
	do {                                                                                       \
		check_bad = false;                                                                 \
		fn();                                                                              \
		check_count++;                                                                     \
		check_failed += check_bad;                                                         \
		printf("%sok %d - %s\n", check_bad ? "not " : "", check_count, #fn);               \
		fflush(stdout);                                                                    \
	} while (0)

static inline void
check_hex(const char *name, const void *data, size_t n)
{
	const uint8_t *p = data;

	printf("#   %s:", name);
	for (size_t i = 0; i < n && i < 256; i++)
		printf("%s%02x", i % 4 == 0 ? " " : "", p[i]);
	printf("\n");
}

/** Turn hexadecimal text (blanks allowed) into octets; returns how many. */
static inline size_t
check_unhex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned v;

	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '\n')
			continue;
		if (n == max || sscanf(text, "%2x", &v) != 1) {
			printf("# bad hex text\n");
			abort();
		}
		out[n++] = (uint8_t)v;
		text++;
	}
	return n;
}

/** Close the TAP plan; the exit status of main(). */
static inline int
check_done(void)
{
	printf("1..%d\n", check_count);
	return check_failed == 0 ? 0 : 1;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/base/loop.h"

#define SOURCES   64
#define BURST     5
#define REFILL_MS 10000

static int level_max = LOG_INFO;

/** One token bucket per source; the table is small because sources are constants. */
static struct source {
	const char *name;
	unsigned tokens;
	unsigned left_out;
	uint64_t refilled_ms;
} sources[SOURCES];

void
log_level_set(int level)
{
	level_max = level;
}

int
log_level(void)
{
	return level_max;
}

static void
write_line(int level, const char *text)
{
	static const char *const names[] = { "emerg", "alert", "crit", "error", "warning", "notice",
		"info", "debug" };
	static int journal = -1;
	char stamp[32];
	struct timespec ts;
	struct tm tm;

	if (journal < 0)
		journal = getenv("JOURNAL_STREAM") != NULL;
	if (journal) {
		fprintf(stderr, "<%d>%s\n", level, text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%F %T", &tm);
	fprintf(stderr, "%s.%03ld %s: %s\n", stamp, ts.tv_nsec / 1000000, names[level & 7], text);
}

static void
write_formatted(int level, const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p != '\0'; p++) /* a peer's identity must not forge lines */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	write_line(level, text);
}

void
log_line(int level, const char *fmt, ...)
{
	va_list ap;

	if (level > level_max)
		return;
	va_start(ap, fmt);
	write_formatted(level, fmt, ap);
	va_end(ap);
}

static struct source *
source_find(const char *name)
{
	for (int i = 0; i < SOURCES; i++) {
		if (sources[i].name == NULL) {
			sources[i] = (struct source){
				.name = name, .tokens = BURST, .refilled_ms = clock_ms()
			};
			return &sources[i];
		}
		if (strcmp(sources[i].name, name) == 0)
			return &sources[i];
	}
	return &sources[SOURCES - 1]; /* more sources than places share the last */
}

static bool
source_take(struct source *s)
{
	uint64_t now_ms = clock_ms();
	uint64_t periods = (now_ms - s->refilled_ms) / REFILL_MS;

	if (periods > 0) {
		s->tokens = s->tokens + periods > BURST ? BURST : s->tokens + (unsigned)periods;
		s->refilled_ms = now_ms;
	}
	if (s->tokens == 0) {
		s->left_out++;
		return false;
	}
	s->tokens--;
	return true;
}

void
log_limited(int level, const char *source, const char *fmt, ...)
{
	struct source *s = source_find(source);
	va_list ap;

	if (level > level_max || !source_take(s))
		return;
	if (s->left_out > 0) {
		log_line(level, "%s: %u lines like the next were left out", source, s->left_out);
		s->left_out = 0;
	}
	va_start(ap, fmt);
	write_formatted(level, fmt, ap);
	va_end(ap);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_LOG_H
#define CONTROL_BASE_LOG_H

/**
 * Lines an operator can act on, to stderr; under systemd with the <N> level prefix
 * of the journal. Never a secret. What a peer can cause goes through log_limited().
 */
#include <stdint.h>
#include <syslog.h> /* LOG_ERR ... LOG_DEBUG */

/** Lines above this level are not written; default LOG_INFO. */
void log_level_set(int level);
int log_level(void);

void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * At most 5 lines at once and then one per 10 s for each source (a short constant
 * name); the first line after a silence says how many were left out.
 */
void log_limited(int level, const char *source, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

#endif

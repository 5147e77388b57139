/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

/**
 * What a check of one file says: errors and warnings, each with its place. Shared by
 * the steps of loading (document, schema, values, cross-checks); one report per load.
 */
#include "config/config.h"
#include "config/doc.h"

#define REPORT_MAX 200 /* findings kept of each kind; a file worse than this is another file */

struct report {
	struct config_errors errors;
	struct config_errors warnings;
	const struct doc *doc; /* to turn key paths into lines; NULL before it exists */
	bool out_of_memory;
};

/** Add an error at a place given by the caller. */
void report_at(struct report *r, struct doc_mark at, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** Add an error at the value of a key path (or its nearest parent that is in the file). */
void report_error(struct report *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** As report_error(), but the file stays acceptable. */
void report_warn(struct report *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Sort by place and hand over: the errors if any, else the warnings. Empties r. */
void report_finish(struct report *r, struct config_errors *out);

#endif

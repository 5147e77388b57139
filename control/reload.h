/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_RELOAD_H
#define CONTROL_RELOAD_H

/**
 * Another configuration for the running hub: read and check the file, list what
 * differs, apply all of it or nothing. Control core only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "control/apply.h"

struct mgmt;

/** What came of it; free with reload_report_free(). */
struct reload_report {
	bool applied;
	char refused[256];           /* why nothing was or would be done; "" = all is well */
	struct config_errors errors; /* of the file: all of them, or the warnings of a good one */
	struct config_change *changes;
	size_t changes_count;
};

struct reload {
	const char *path;      /* of the file naved was started with */
	struct config *config; /* in force; replaced when a reload is applied */
	struct apply to;
	struct mgmt *mgmt; /* NULL: not there yet */
};

/**
 * Read, check and, unless dry, apply. Refused whole on any error of the file, on
 * changes that need a restart, and when a step fails: the hub then is as it was.
 * Fills *out in every case and logs what an operator should know.
 */
void reload_run(struct reload *r, bool dry, uint64_t now_ms, struct reload_report *out);
void reload_report_free(struct reload_report *out);

/** "clouds[0].mtu (dmvpn): mtu 1400 -> 1380"; returns buf. */
const char *reload_change_print(const struct config_change *c, char *buf, size_t n);

#endif

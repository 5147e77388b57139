/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_CAPTURE_WANT_H
#define CONTROL_MGMT_CAPTURE_WANT_H

/** The words behind `capture`: points, filters, limits. */
#include "control/mgmt/commands.h"
#include "dataplane/dp.h"

#define CAPTURE_SECONDS 3600 /* nobody forgets one for longer, unless asked to */
#define CAPTURE_SNAP    2048 /* octets: a packet buffer */

struct capture_want {
	struct dp_capture dp;
	uint64_t packets; /* 0 = no limit */
	uint64_t seconds;
};

/** words: NULL-terminated. False: error names the word and what is allowed. */
bool capture_want_parse(const struct mgmt_view *v, const char *const *words, uint64_t now_ms,
	struct capture_want *out, char *error, size_t error_bytes);

#endif

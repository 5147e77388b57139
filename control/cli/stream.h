/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CLI_STREAM_H
#define CONTROL_CLI_STREAM_H

/** A pcapng stream from the daemon to a file or pipe, whole blocks at a time. */
#include <stdint.h>

struct stream_totals {
	uint64_t packets, lost; /* lost: as the daemon says at the end */
};

/**
 * Copy from one descriptor to the other until the end. SIGINT and SIGTERM ask the daemon
 * to end it; a second one ends us. Returns 0, or -errno of the writing, -EBADMSG: what
 * comes are no blocks.
 */
int stream_copy(int from, int to, struct stream_totals *out);

#endif

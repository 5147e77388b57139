/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_CAPTURE_H
#define CONTROL_MGMT_CAPTURE_H

/**
 * `navectl capture`: what the data plane copies (dp.h), as a pcapng stream. One runs at a
 * time; it is bounded in packets and time, and in memory by the data plane's ring.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/mgmt/commands.h"

struct capture_stream;

/**
 * Start by the words behind `capture` (NULL-terminated). NULL: error says what is wrong
 * with them. The view must outlive the stream.
 */
struct capture_stream *capture_open(const struct mgmt_view *v, const char *const *words,
	uint64_t now_ms, char *error, size_t error_bytes);

/** Smallest room capture_read() makes use of. */
#define CAPTURE_ROOM (64u << 10)

/** Whole blocks that are due into buf. Returns how many octets; 0: nothing for now. */
size_t capture_read(struct capture_stream *c, uint8_t *buf, size_t room, uint64_t now_ms);

/** The client has enough: the next reads give what waits, and the end. */
void capture_finish(struct capture_stream *c, uint64_t now_ms);

/** All of it was read. */
bool capture_over(const struct capture_stream *c);

/** When its time is over at the latest. */
uint64_t capture_end_ms(const struct capture_stream *c);

/** Stops it if it still runs. NULL is allowed. */
void capture_close(struct capture_stream *c);

#endif

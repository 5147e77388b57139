/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_SOCKET_H
#define CONTROL_MGMT_SOCKET_H

/**
 * The management socket: UNIX stream, mode 0660, one JSON object per line in and
 * out. Clients are few and local; each has a bounded buffer and a time limit. An answer
 * {"stream": ...} ends with a newline and goes on with octets (capture.h) until its end,
 * or until the client has shut down its sending side and was given what waited. What takes long
 * to write down is collected on the control core, all at one moment, and written by a helper.
 */
#include <stdint.h>

#include "control/mgmt/commands.h"

struct loop;
struct mgmt;

/**
 * Listen on path (directories are made, a stale socket is replaced, a live one is
 * not); group "" leaves the owner group. Returns 0 or -errno, -EADDRINUSE when
 * another daemon answers there.
 */
int mgmt_open(struct loop *loop, const char *path, const char *group, const struct mgmt_view *view,
	struct mgmt **out);
/** Give the socket to another group, "" = our own. 0, -ENOENT: no such group, or -errno. */
int mgmt_group_set(struct mgmt *m, const char *group);
/** When mgmt_tick() is due, milliseconds; LOOP_NEVER: no stream runs. */
uint64_t mgmt_next_ms(const struct mgmt *m);
void mgmt_tick(struct mgmt *m, uint64_t now_ms);
/** The threads below must have ended. */
void mgmt_close(struct mgmt *m);

struct helpers;
struct mgmt_job;

/**
 * Write long answers down on these threads, whose run() and done() are the two below, from now
 * on. NULL: on the control core.
 */
void mgmt_helpers_set(struct mgmt *m, struct helpers *h);
/** Any thread; touches nothing but the job. */
void mgmt_run(struct mgmt_job *job);
/** Control core; consumes the job, whose client may be gone by now. */
void mgmt_done(struct mgmt_job *job, uint64_t now_ms);

#endif

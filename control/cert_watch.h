/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CERT_WATCH_H
#define CONTROL_CERT_WATCH_H

/**
 * Our own certificates and those sent with them end while the hub runs, and then no spoke comes
 * up any more: the log says so 30, 7 and 1 days before, and when it has happened, each once.
 * (That it is near when a configuration is read, is said there.) Control core only.
 */
#include <stdint.h>

#include "config/config.h"

struct cert_watch;

/** NULL: no memory. */
struct cert_watch *cert_watch_new(void);
/** NULL is fine. */
void cert_watch_free(struct cert_watch *w);

/** Watch those of this configuration. wall_s: seconds since 1970, UTC. 0 or -ENOMEM: then as
 * before. */
int cert_watch_set(struct cert_watch *w, const struct config *c, uint64_t now_ms, int64_t wall_s);

/** When cert_watch_tick() wants to be called, UINT64_MAX = nothing is watched. */
uint64_t cert_watch_next_ms(const struct cert_watch *w);
void cert_watch_tick(struct cert_watch *w, uint64_t now_ms, int64_t wall_s);

#endif

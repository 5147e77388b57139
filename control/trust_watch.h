/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_TRUST_WATCH_H
#define CONTROL_TRUST_WATCH_H

/**
 * CRLs and CA certificates change while the hub runs: their files are looked at every few
 * seconds and read again when they did, on a helper thread: a list of 100 000 entries takes a
 * tenth of a second. Control core only but where stated. A file that cannot be read, or
 * is half written, changes nothing; it is said once, until it changes again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct cert_trust;
struct helpers;
struct ike;
struct trust_job;
struct trust_watch;

struct trust_watch *trust_watch_new(struct ike *ike);
void trust_watch_free(struct trust_watch *w);

/** Watch the files of this configuration, as its profiles read them. 0 or -ENOMEM: then as before.
 */
int trust_watch_set(struct trust_watch *w, const struct config *c, uint64_t now_ms);

/**
 * Read on these threads, whose run() and done() are the two below, from now on; they end before
 * the watch does. NULL: read within trust_watch_tick().
 */
void trust_watch_helpers_set(struct trust_watch *w, struct helpers *h);
/** Any thread; touches nothing but the job. */
void trust_watch_run(struct trust_job *job);
/** Control core; consumes the job. */
void trust_watch_done(struct trust_job *job, uint64_t now_ms);

/** The trust in force of a profile, valid until the next call of trust_watch. */
struct trust_info {
	const char *profile;
	const struct config_pki *pki;
	const struct cert_trust *trust;
};
/** By index, from 0. False: there are no more. */
bool trust_watch_get(const struct trust_watch *w, size_t index, struct trust_info *out);

/** When trust_watch_tick() wants to be called, UINT64_MAX = nothing is watched. */
uint64_t trust_watch_next_ms(const struct trust_watch *w);
void trust_watch_tick(struct trust_watch *w, uint64_t now_ms);

#endif

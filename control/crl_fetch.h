/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CRL_FETCH_H
#define CONTROL_CRL_FETCH_H

/**
 * CRLs by HTTP: each URL of a profile is asked, on a helper thread, when half of the time its CRL
 * still has is over, at least every four hours; after a failure sooner, at growing distances. What
 * comes is kept in the state directory if one of the profile's CAs signed it and it is not older
 * than the copy there; control/trust_watch.h reads the copies as it reads any file. So the last
 * good CRL stays in force while a server is away, also over a restart. Control core only but
 * where stated. wall_s: seconds since 1970, UTC.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define CRL_FETCH_TEXT_BYTES 200

struct crl_fetch;
struct crl_job;
struct helpers;

/** random: where the spread of the times comes from. NULL: no memory. */
struct crl_fetch *crl_fetch_new(uint32_t (*random)(void));
void crl_fetch_free(struct crl_fetch *f);

/** The URLs of this configuration; one that was there before keeps its times. 0 or -ENOMEM. */
int crl_fetch_set(struct crl_fetch *f, const struct config *c, uint64_t now_ms);

/**
 * Fetch on these threads, whose run() and done() are the two below, from now on; they end before
 * this does. NULL: fetched within crl_fetch_tick().
 */
void crl_fetch_helpers_set(struct crl_fetch *f, struct helpers *h);
/** Before the helpers are freed: what is under way ends soon, without a result. */
void crl_fetch_stop(struct crl_fetch *f);
/** Any thread; touches nothing but the job. */
void crl_fetch_run(struct crl_job *job);
/** Control core; consumes the job. */
void crl_fetch_done(struct crl_job *job, uint64_t now_ms, int64_t wall_s);

/** When crl_fetch_tick() wants to be called, UINT64_MAX = never. */
uint64_t crl_fetch_next_ms(const struct crl_fetch *f);
void crl_fetch_tick(struct crl_fetch *f, uint64_t now_ms, int64_t wall_s);

/** What is known of a URL. */
struct crl_fetch_info {
	char profile[CONFIG_NAME_BYTES];
	uint32_t index; /* of the URL in its profile */
	const char *url;
	uint64_t good_ms; /* of the last success; 0 = none yet */
	uint64_t due_ms;
	bool busy;
	uint32_t failures;  /* since then */
	const char *reason; /* of the last failure, "" after a success */
};
/** The one with that index, from 0; valid until crl_fetch_set(). False: there are no more. */
bool crl_fetch_get(const struct crl_fetch *f, size_t index, struct crl_fetch_info *out);

#endif

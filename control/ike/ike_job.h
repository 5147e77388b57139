/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_JOB_H
#define CONTROL_IKE_IKE_JOB_H

/** Public-key work, apart from the SA it is for, so that any thread may do it. */
#include "control/ike/ike_engine.h"

/**
 * Make a key pair of x->group unless x has one, and with a peer's value the shared
 * secret. x becomes ready with x->err, x->dh and x->shared set, never before this
 * returns. 0, -ENOMEM, or -EAGAIN when the helpers are too busy: told as an event.
 */
int ike_job_start(struct ike_exchange *x, struct ike_view peer_public, uint64_t now_ms);

/** Have x->proof worked on; until x is ready it is away. Returns as above. */
int ike_job_prove(struct ike_exchange *x, uint64_t now_ms);

/** Continue what ran inline. */
void ike_jobs_drain(struct ike *ike);
void ike_jobs_free(struct ike *ike);

#endif

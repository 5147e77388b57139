/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_EVENT_H
#define CONTROL_IKE_IKE_EVENT_H

/** Reasons in words, and rate limits; failures go to control/ike/ike_failure.h, too. */
#include "control/ike/ike_failure.h"

#define IKE_RATE_SLOTS 256

struct ike_peer;
struct ike_sa;

struct ike_events {
	struct ike_event draft;
	struct ike_failures failures;
	struct ike_rate {
		uint64_t key, last_ms;
		uint32_t suppressed;
	} rate[IKE_RATE_SLOTS];
	/* Of senders that proved nothing: those without an identity may be forged, the others
	 * went through a key exchange. All sources together, whatever they are called. */
	struct ike_flood {
		uint64_t paid_ms; /* events told are paid for until then */
		uint32_t left_out;
	} strangers, claimants;
};

/** An event about a path, with reason and remedy filled in; one at a time. */
struct ike_event *ike_event_begin(
	struct ike *ike, enum ike_reason reason, const struct ike_path *path);
/** It is about this one, who has proven himself. */
void ike_event_whose(struct ike_event *e, const struct ike_peer *peer);
/** The same about the peer of an SA that is up; the reason is noted with the peer. */
struct ike_event *ike_event_of_peer(
	struct ike_sa *sa, enum ike_reason reason, const struct ike_path *path, uint16_t notify);
/** Give it to the owner unless it comes too often; failures are also kept. */
void ike_event_send(struct ike *ike, struct ike_event *e, uint64_t now_ms);
/** Is it a failure to be kept for `show`, or only news? */
bool ike_reason_is_failure(enum ike_reason reason);
/** What to do about it, in general; never NULL. */
const char *ike_reason_remedy(enum ike_reason reason);

#endif

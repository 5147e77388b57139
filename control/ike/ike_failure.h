/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_FAILURE_H
#define CONTROL_IKE_IKE_FAILURE_H

/**
 * The last failure of each peer, for `show`: by the identity it showed, else by its address.
 * Bounded: every rank has room of its own, where the oldest gives way, so that those who
 * prove less, or nothing, cannot push out those who are known.
 */
#include "control/base/map.h"
#include "control/ike/ike.h"

#define IKE_FAILURES_MIN       512
#define IKE_FAILURES_MAX       65536
#define IKE_FAILURES_STRANGERS 16384 /* at most, of addresses that may be forged */

enum ike_failure_rank {
	FAILURE_STRANGER, /* an address that never proved anything: maybe forged */
	FAILURE_ADDRESS,  /* one that a peer proved itself from */
	FAILURE_CLAIM,    /* an identity, after a key exchange */
	FAILURE_EXPECTED, /* one that has a key of its own here, or was proven */
	FAILURE_RANKS
};

struct ike_failure_kept;

struct ike_failures {
	struct map by_peer; /* hash of identity or address -> the one kept of it */
	struct ike_failure_list {
		struct ike_failure_kept *oldest, *newest;
		uint32_t count;
	} list[FAILURE_RANKS];
	uint32_t most; /* of each rank; 0 keeps none */
};

/** Room for the failures of so many peers, within the bounds above. */
void ike_failures_room(struct ike_failures *f, uint32_t peers);
void ike_failures_free(struct ike_failures *f);

/** It failed; e->expected tells how much the identity is worth. */
void ike_failure_keep(struct ike *ike, const struct ike_event *e, uint64_t now_ms);
/** A peer came up: its failures are history. */
void ike_failure_forget(struct ike *ike, const char *identity, const struct addr *remote);

/* As ike_each_failure() and ike_failure_find(). */
void ike_failures_each(
	const struct ike_failures *f, void (*fn)(void *arg, const struct ike_failure *), void *arg);
bool ike_failure_read(const struct ike *ike, const char *identity, struct ike_failure *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_ENGINE_H
#define CONTROL_IKE_IKE_ENGINE_H

/** The engine itself: tables and what all exchanges share. Not for other folders. */
#include "control/ike/ike_cookie.h"
#include "control/ike/ike_event.h"
#include "control/ike/ike_sa.h"

#define IKE_SOURCE_BUCKETS 4096  /* counters of half-open SAs, per source */
#define IKE_KNOWN_BUCKETS  65536 /* of ten thousand peers nine in ten are remembered */

struct ike_psk {
	struct config_whom whom;
	struct config_binding binding;
	struct secret key;
};

/** A PPK and whom it is for (RFC 8784). */
struct ike_ppk {
	uint8_t id[CONFIG_PPK_ID_BYTES];
	uint8_t id_bytes;
	struct secret key;
	struct config_whom whom; /* by identity alone, or whoever names it */
	bool required;
};

/** Keys, and where to find the one for a peer (config/whom.h). */
struct ike_keyring {
	struct ike_psk *psks;
	size_t psks_count;
	struct whom_index *psks_by;
	struct ike_ppk *ppks;
	size_t ppks_count;
	struct whom_index *ppks_by;     /* by id, too */
	struct whom_index *ppks_needed; /* those that are required, by identity */
};

struct ike {
	const struct ike_ops *ops;
	void *user;
	struct ike_policy_set **policies; /* of the listeners, then of the profiles by name */
	size_t policies_count, listeners_count;
	struct ike_policy_set policy_none; /* for what waits for its end without a listener */
	struct ike_keyring ring;
	struct ike_limits limits;
	bool closing; /* takes no new peers */

	struct map by_spi;      /* our SPI -> struct ike_sa */
	struct map by_init;     /* key of the first message -> struct ike_sa */
	struct map by_session;  /* -> struct ike_peer */
	struct map by_identity; /* hash of the identity -> struct ike_peer, a list of them */
	struct map by_child;    /* -> struct ike_child */
	struct timer_set timers;
	uint64_t last_id; /* sessions and children */
	uint64_t now_ms;  /* of the call that is running */

	uint16_t by_source[IKE_SOURCE_BUCKETS];  /* half-open, address and port */
	uint16_t by_address[IKE_SOURCE_BUCKETS]; /* half-open, address */
	uint16_t by_prefix[IKE_SOURCE_BUCKETS];  /* half-open, network of the address */
	uint32_t *known; /* [IKE_KNOWN_BUCKETS] digests of addresses that proved themselves */
	uint32_t hash_seed;
	uint64_t told_ms[IKE_SOURCE_BUCKETS]; /* unprotected notifies, last time per source */

	struct ike_sa *dead;  /* to be freed at the end of the call */
	struct ike_sa *ready; /* with exchanges whose deferred work is done */
	struct ike_job *jobs; /* run inline, to be continued */
	struct ike_cookies cookies;
	struct ike_events events;
	struct ike_totals totals;

	uint8_t in[IKE_MSG_MAX];     /* the message being read, decrypted in place */
	uint8_t joined[IKE_MSG_MAX]; /* fragments put together */
	uint8_t plain[IKE_MSG_MAX];  /* payloads being written */
	uint8_t plain_first;         /* type of the first of them */
	uint8_t out[IKE_MSG_MAX + 256];
};

/** End of every public call: continue deferred work, bury the dead. */
void ike_settle(struct ike *ike, uint64_t now_ms);
/** Deferred work of one of the SA's exchanges is done; continued by ike_settle(). */
void ike_ready(struct ike_sa *sa);
/** Bury at the end of this call. */
void ike_bury(struct ike_sa *sa);

struct ike_policy_set *ike_policy_find(const struct ike *ike, const struct addr *local);
/** Those of a profile by name; "", and a name that nobody has: the listener's, policy. */
struct ike_policy_set *ike_terms_find(
	const struct ike *ike, const char *name, struct ike_policy_set *policy);
/** Keep it over a reload, in place of the one that *at has held so far; either may be NULL. */
void ike_policy_hold(struct ike_policy_set **at, struct ike_policy_set *set);
/** What we accept and offer for IKE SAs there; ke_group as in struct ike_policy. */
struct ike_policy ike_sa_policy(const struct ike_policy_set *set, uint16_t ke_group);
/** By identity, then address (longest prefix), then wildcard. NULL when none. id may be NULL. */
const struct ike_psk *ike_psk_find(
	const struct ike *ike, const struct config_identity *id, const struct addr *remote);
/** The key that is for this identity alone, or NULL. */
const struct ike_psk *ike_psk_own(const struct ike *ike, const struct config_identity *id);

uint64_t ike_random_u64(struct ike *ike);
/** 0 .. n-1 */
uint32_t ike_random_below(struct ike *ike, uint32_t n);

/** Index into by_source or by_address. */
uint32_t ike_source_bucket(const struct ike *ike, const struct addr *a, uint16_t port);
/** Index into by_prefix. */
uint32_t ike_prefix_bucket(const struct ike *ike, const struct addr *a);

/** Remember where a peer proved itself; later ones may push it out. */
void ike_known_add(struct ike *ike, const struct addr *a);
bool ike_known_has(const struct ike *ike, const struct addr *a);

#endif

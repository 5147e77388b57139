/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_CACHE_H
#define CONTROL_NHRP_NHRP_CACHE_H

/**
 * What one cloud knows: bindings, found by overlay prefix, and links, found by
 * handle. Both are also found by owner, which is the pair of outer address and
 * identity (and the authority for it), so that a spoke that comes back meets its bindings. Every
 * operation is O(1); only structure is kept here, no rule of the protocol.
 */
#include <stdbool.h>
#include <stdint.h>

#include "control/base/map.h"
#include "control/base/timer.h"
#include "control/nhrp/nhrp.h"
#include "control/nhrp/nhrp_rate.h"
#include "control/nhrp/nhrp_table.h"

struct nhrp_cloud;
struct nhrp_asker;

struct nhrp_link {
	uint64_t id;
	struct addr outer;
	uint16_t udp_port;
	struct config_identity identity; /* ID_NONE = none; octets after the end are zero */
	struct authority authority;      /* by what it was proven */
	bool announced;                  /* by nhrp_link_up(): lives until nhrp_link_down() */
	struct nhrp_entry *entries;
	uint32_t entries_count;
	struct nhrp_bucket registrations, others, redirects;
	struct nhrp_node by_owner;
};

struct nhrp_entry {
	struct nhrp_binding b;
	struct nhrp_cloud *cloud;
	struct nhrp_link *link; /* NULL while down */
	struct nhrp_entry *link_next, **link_prev;
	uint64_t registered_ms; /* last registration that had an effect */
	struct timer expiry;
	struct nhrp_asker *askers; /* stations that were told this binding */
	struct nhrp_node by_prefix, by_owner;
};

struct nhrp_cache {
	struct nhrp_table prefixes, owners, link_owners;
	struct map links;
	uint32_t lengths[129]; /* bindings per prefix length, both families */
	uint32_t seed;
};

struct nhrp_entry *nhrp_cache_exact(const struct nhrp_cache *c, const struct prefix *p);

/** Longest prefix that covers a, up or down. */
struct nhrp_entry *nhrp_cache_find(const struct nhrp_cache *c, const struct addr *a);

/** New entry, down, of this owner. NULL: no memory. */
struct nhrp_entry *nhrp_cache_add(struct nhrp_cache *c, const struct addr *protocol, uint8_t bits,
	const struct nhrp_link *owner);

/** Unlinks and frees; timer and askers must be at rest. */
void nhrp_cache_remove(struct nhrp_cache *c, struct nhrp_entry *e);

/** Set outer address, port, identity and authority of e from its owner. */
void nhrp_cache_own(struct nhrp_cache *c, struct nhrp_entry *e, const struct nhrp_link *owner);

void nhrp_cache_attach(struct nhrp_entry *e, struct nhrp_link *link);
void nhrp_cache_detach(struct nhrp_entry *e);

/** Walk over all bindings: *bucket starts at 0, prev at NULL. */
struct nhrp_entry *nhrp_cache_next(
	const struct nhrp_cache *c, uint32_t *bucket, const struct nhrp_entry *prev);

/** A binding that is down, was registered from where link is, and may be its; or NULL. */
struct nhrp_entry *nhrp_cache_lost(const struct nhrp_cache *c, const struct nhrp_link *link);

struct nhrp_link *nhrp_link_find(const struct nhrp_cache *c, uint64_t id);

/** Another link in the same place that may take over what this one has, or NULL. */
struct nhrp_link *nhrp_link_twin(const struct nhrp_cache *c, const struct nhrp_link *link);

/** Find or make the link of this sender and note its outer address. NULL: no memory. */
struct nhrp_link *nhrp_link_note(struct nhrp_cache *c, const struct nhrp_from *from);

/** Frees a link without bindings. */
void nhrp_link_forget(struct nhrp_cache *c, struct nhrp_link *link);

bool nhrp_identity_equal(const struct config_identity *a, const struct config_identity *b);

/** The cache must be empty. */
void nhrp_cache_free(struct nhrp_cache *c);

#endif

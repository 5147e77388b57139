/* SPDX-License-Identifier: BSD-3-Clause */
/** Where messages come from, in buckets: half-open SAs are counted there, proven peers known. */
#include "control/ike/ike_engine.h"

uint32_t
ike_source_bucket(const struct ike *ike, const struct addr *a, uint16_t port)
{
	return addr_hash(a, ike->hash_seed ^ port) % IKE_SOURCE_BUCKETS;
}

uint32_t
ike_prefix_bucket(const struct ike *ike, const struct addr *a)
{
	struct prefix p = { .addr = *a, .bits = a->family == ADDR_V4 ? 24 : 48 };

	p = prefix_network(&p);
	return ike_source_bucket(ike, &p.addr, 0);
}

static uint32_t
known_digest(const struct ike *ike, const struct addr *a)
{
	return addr_hash(a, ~ike->hash_seed) | 1; /* 0 is an empty place */
}

static uint32_t *
known_place(const struct ike *ike, const struct addr *a)
{
	return &ike->known[addr_hash(a, ike->hash_seed) % IKE_KNOWN_BUCKETS];
}

void
ike_known_add(struct ike *ike, const struct addr *a)
{
	*known_place(ike, a) = known_digest(ike, a);
}

bool
ike_known_has(const struct ike *ike, const struct addr *a)
{
	return *known_place(ike, a) == known_digest(ike, a);
}

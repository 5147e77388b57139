/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A route into a tunnel has an overlay next hop, and the NHRP table says which peer is bound to
 * that. So that no packet has to ask, each such adjacency carries the answer: it is written
 * here whenever an adjacency or a binding changes. Chains by hash, of the control core alone.
 */
#include "dataplane/dp_priv.h"
#include "dataplane/nbma.h"

static struct adj **
chain_of(const struct dp *dp, uint16_t cloud, const struct addr *a)
{
	return &dp->hops[addr_hash(a, cloud) % HOP_CHAINS];
}

static bool
has_hop(const struct adj *a)
{
	return a->kind == DP_ADJ_KIND_TUNNEL && a->next_hop.family != ADDR_NONE;
}

void
hop_add(struct dp *dp, struct adj *a)
{
	struct adj **chain;

	if (!has_hop(a))
		return;
	chain = chain_of(dp, a->cloud, &a->next_hop);
	atomic_store_explicit(
		&a->peer, nbma_lookup(dp->t.nbma, a->cloud, &a->next_hop), memory_order_relaxed);
	a->hop_next = *chain;
	*chain = a;
}

void
hop_del(struct dp *dp, const struct adj *a)
{
	struct adj **at;

	if (!has_hop(a))
		return;
	for (at = chain_of(dp, a->cloud, &a->next_hop); *at != NULL; at = &(*at)->hop_next)
		if (*at == a) {
			*at = a->hop_next;
			return;
		}
}

void
hop_bind(struct dp *dp, uint16_t cloud, const struct addr *overlay, uint32_t peer)
{
	for (struct adj *a = *chain_of(dp, cloud, overlay); a != NULL; a = a->hop_next)
		if (a->cloud == cloud && addr_equal(&a->next_hop, overlay))
			atomic_store_explicit(&a->peer, peer, memory_order_relaxed);
}

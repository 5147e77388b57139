/* SPDX-License-Identifier: BSD-3-Clause */
/** Adjacencies, forwarding tables, clouds and local addresses: edits by the control core. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>
#include <rte_ip.h>
#include <rte_malloc.h>

#include "dataplane/dp_priv.h"
#include "dataplane/fib.h"
#include "dataplane/nbma.h"
#include "dataplane/rpf.h"

/* ---- adjacencies ---------------------------------------------------------------- */

static struct adj *
adj_make(struct dp *dp, const struct dp_adj *spec)
{
	struct adj *a = dp_alloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	a->kind = spec->kind;
	a->cloud = spec->cloud;
	a->next_hop = spec->next_hop;
	if (spec->port != 0 && spec->port <= DP_PORTS_MAX) {
		const struct port *p = &dp->ports[spec->port];

		a->port = spec->port;
		a->mtu = p->mtu;
		a->wan = p->role == DP_WAN && !p->internet_exit;
		memcpy(&a->eth.dst_addr, spec->mac, 6);
		rte_ether_addr_copy(&p->mac, &a->eth.src_addr);
	}
	return a;
}

int
dp_adj_new(struct dp *dp, const struct dp_adj *spec, uint32_t *id)
{
	struct adj *a;

	if (dp->adj_free_n == 0)
		return -ENOSPC;
	a = adj_make(dp, spec);
	if (a == NULL)
		return -ENOMEM;
	hop_add(dp, a);
	*id = dp->adj_free_ids[--dp->adj_free_n];
	atomic_store_explicit(&dp->t.adj[*id], a, memory_order_release);
	dp->adjs++;
	return 0;
}

int
dp_adj_set(struct dp *dp, uint32_t id, const struct dp_adj *spec)
{
	struct adj *a;
	const struct adj *old;
	bool other_mtu;

	if (id == 0 || id >= dp->t.adj_max || adj_get(&dp->t, id) == NULL)
		return -ENOENT;
	a = adj_make(dp, spec);
	if (a == NULL)
		return -ENOMEM;
	hop_add(dp, a);
	old = atomic_exchange_explicit(&dp->t.adj[id], a, memory_order_acq_rel);
	hop_del(dp, old);
	other_mtu = old->mtu != a->mtu;
	dp_free_later(dp, (void *)(uintptr_t)old);
	if (other_mtu)
		peers_refresh(dp, 0, id);
	return 0;
}

/** The id is given out again only when no lookup made before can still hold it. */
static void
adj_release(struct dp *dp, void *arg)
{
	dp->adj_free_ids[dp->adj_free_n++] = (uint32_t)(uintptr_t)arg;
}

void
dp_adj_free(struct dp *dp, uint32_t id)
{
	const struct adj *old;

	if (id == 0 || id >= dp->t.adj_max)
		return;
	old = atomic_exchange_explicit(&dp->t.adj[id], NULL, memory_order_acq_rel);
	if (old == NULL)
		return;
	dp->adjs--;
	hop_del(dp, old);
	dp_free_later(dp, (void *)(uintptr_t)old);
	dp_later(dp, adj_release, (void *)(uintptr_t)id);
}

/* ---- forwarding tables ------------------------------------------------------------ */

int
dp_fib_set(struct dp *dp, uint16_t ctx, const struct prefix *p, uint32_t adj)
{
	struct fib *f;

	if (ctx >= DP_CONTEXTS_MAX)
		return -EINVAL;
	f = dp->t.fib[ctx];
	if (f == NULL) {
		f = fib_new(dp_malloc_free_later, dp);
		if (f == NULL)
			return -ENOMEM;
		atomic_store_explicit(&dp->t.fib[ctx], f, memory_order_release);
	}
	return fib_set(f, p, adj);
}

int
dp_fib_del(struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	if (ctx >= DP_CONTEXTS_MAX || dp->t.fib[ctx] == NULL)
		return -ENOENT;
	return fib_del(dp->t.fib[ctx], p);
}

int
dp_rpf_set(struct dp *dp, uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes)
{
	if (ctx >= DP_CONTEXTS_MAX || routes->count > DP_RPF_ADJS_MAX)
		return -EINVAL;
	return rpf_set(dp->t.rpf, ctx, p, routes);
}

void
dp_rpf_del(struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	if (ctx < DP_CONTEXTS_MAX)
		rpf_del(dp->t.rpf, ctx, p);
}

uint32_t
dp_fib_lookup(const struct dp *dp, uint16_t ctx, const struct addr *dst)
{
	if (ctx >= DP_CONTEXTS_MAX || dp->t.fib[ctx] == NULL)
		return DP_ADJ_DROP;
	return fib_lookup(dp->t.fib[ctx], dst);
}

/* ---- clouds ------------------------------------------------------------------------ */

static uint32_t
endpoint_home(const struct addr *local, bool has_key, uint32_t key_be)
{
	return addr_hash(local, has_key ? key_be * 0x9e3779b9u + 1 : 0) % ENDPOINT_SLOTS;
}

static bool
cloud_is(const struct cloud *c, const struct addr *local, bool has_key, uint32_t key_be)
{
	return c->conf.has_key == has_key && (!has_key || c->key_be == key_be) &&
		addr_equal(&c->conf.source, local);
}

const struct cloud *
cloud_find(const struct dp_tables *t, const struct addr *local, bool has_key, uint32_t key_be)
{
	const struct endpoints *e = atomic_load_explicit(&t->endpoints, memory_order_acquire);
	uint32_t i;

	if (e == NULL)
		return NULL;
	for (i = endpoint_home(local, has_key, key_be); e->id[i] != 0;
		i = (i + 1) % ENDPOINT_SLOTS) {
		const struct cloud *c = cloud_get(t, e->id[i]);

		if (c != NULL && cloud_is(c, local, has_key, key_be))
			return c;
	}
	return NULL;
}

static int
endpoints_rebuild(struct dp *dp)
{
	struct endpoints *e = dp_alloc(sizeof(*e));
	const struct endpoints *old;

	if (e == NULL)
		return -ENOMEM;
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		const struct cloud *c = cloud_get(&dp->t, id);
		uint32_t i;

		if (c == NULL)
			continue;
		i = endpoint_home(&c->conf.source, c->conf.has_key, c->key_be);
		while (e->id[i] != 0)
			i = (i + 1) % ENDPOINT_SLOTS;
		e->id[i] = id;
	}
	old = atomic_exchange_explicit(&dp->t.endpoints, e, memory_order_acq_rel);
	dp_free_later(dp, (void *)(uintptr_t)old);
	return 0;
}

int
dp_cloud_set(struct dp *dp, uint16_t id, const struct dp_cloud *spec)
{
	struct cloud *c;
	const struct cloud *old;
	int err;

	if (id == 0 || id >= DP_CLOUDS_MAX || spec->ctx >= DP_CONTEXTS_MAX)
		return -EINVAL;
	old = cloud_get(&dp->t, id);
	if (old != NULL && old->conf.protected_ != spec->protected_ && peers_any(dp, id))
		return -EBUSY;
	c = dp_alloc(sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->id = id;
	c->conf = *spec;
	c->gre_bytes = spec->has_key ? 8 : 4;
	c->key_be = rte_cpu_to_be_32(spec->key);
	c->df_copy_be = spec->df == DP_DF_COPY ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
	c->df_set_be = spec->df == DP_DF_SET ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
	c->gre_ipv4 = RTE_BE16(RTE_ETHER_TYPE_IPV4) << 16; /* x86; RFC 2784 and 2890 */
	if (spec->has_key)
		c->gre_ipv4 |= RTE_BE16(0x2000) | (uint64_t)c->key_be << 32;
	atomic_store_explicit(&dp->t.cloud[id], c, memory_order_release);
	err = endpoints_rebuild(dp);
	if (err != 0) { /* the index still is that of the old one */
		atomic_store_explicit(&dp->t.cloud[id], old, memory_order_release);
		dp_free_later(dp, c);
		return err;
	}
	dp_free_later(dp, (void *)(uintptr_t)old);
	peers_refresh(dp, id, 0);
	return 0;
}

void
dp_cloud_del(struct dp *dp, uint16_t id)
{
	const struct cloud *old;

	if (id == 0 || id >= DP_CLOUDS_MAX)
		return;
	old = atomic_exchange_explicit(&dp->t.cloud[id], NULL, memory_order_acq_rel);
	dp_free_later(dp, (void *)(uintptr_t)old);
	endpoints_rebuild(dp); /* when out of memory the old index finds no cloud there: fine */
}

/* ---- our addresses on ports ---------------------------------------------------------- */

bool
local_has_v4(const struct dp_tables *t, uint16_t ctx, uint32_t addr_be)
{
	const struct local *l = atomic_load_explicit(&t->local, memory_order_acquire);

	for (uint32_t i = 0; l != NULL && i < l->n; i++)
		if (l->entry[i].ctx == ctx && addr_is_v4(&l->entry[i].addr, addr_be))
			return true;
	return false;
}

/** The table with one address more (add) or less; the old one is freed later. */
static int
local_edit(struct dp *dp, uint16_t port, const struct addr *a, bool add)
{
	const struct local *old = dp->t.local;
	uint32_t n = old == NULL ? 0 : old->n;
	struct local *l;

	if (port == 0 || port > DP_PORTS_MAX)
		return -EINVAL;
	l = dp_alloc(sizeof(*l) + (n + 1) * sizeof(l->entry[0]));
	if (l == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		if (old->entry[i].port != port || !addr_equal(&old->entry[i].addr, a))
			l->entry[l->n++] = old->entry[i];
	if (add)
		l->entry[l->n++] = (struct local_entry){
			.addr = *a,
			.port = port,
			.ctx = dp->ports[port].ctx,
		};
	atomic_store_explicit(&dp->t.local, l, memory_order_release);
	dp_free_later(dp, (void *)(uintptr_t)old);
	return 0;
}

int
dp_local_add(struct dp *dp, uint16_t port, const struct addr *a)
{
	return local_edit(dp, port, a, true);
}

int
dp_local_del(struct dp *dp, uint16_t port, const struct addr *a)
{
	return local_edit(dp, port, a, false);
}

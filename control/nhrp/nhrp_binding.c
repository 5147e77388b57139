/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bindings and the links they are behind.
 *
 * A binding is on record from its registration until its holding time is over or
 * its owner purges it. It is up while its link is there. Timers: one per binding,
 * started by each registration that has an effect, holding time long.
 */
#include "control/nhrp/nhrp_engine.h"

static void
say(struct nhrp_entry *e, uint64_t link, enum nhrp_reason reason)
{
	char proto[ADDR_TEXT_BYTES], nbma[ADDR_TEXT_BYTES], claimed[ADDR_TEXT_BYTES];

	nhrp_event(e->cloud, link, reason, "%s/%u at %s port %u, claims %s, hold %u s",
		addr_print(&e->b.protocol, proto), e->b.bits, addr_print(&e->b.nbma, nbma),
		e->b.udp_port, addr_print(&e->b.claimed, claimed), e->b.hold_s);
}

static void
nat_flag_set(struct nhrp_binding *b)
{
	b->flags &= ~(uint32_t)NHRP_NAT;
	if (!addr_equal(&b->claimed, &b->nbma))
		b->flags |= NHRP_NAT;
}

void
nhrp_binding_up(struct nhrp_entry *e, struct nhrp_link *link, enum nhrp_reason reason)
{
	struct nhrp *n = e->cloud->n;

	if (!addr_equal(&e->b.nbma, &link->outer))
		nhrp_askers_purge(e);
	nhrp_cache_own(&e->cloud->cache, e, link);
	nhrp_cache_attach(e, link);
	nat_flag_set(&e->b);
	e->b.flags |= NHRP_UP;
	n->ops->binding_up(n->user, &e->b);
	say(e, link->id, reason);
}

/** The link of e is gone or is no longer its own. */
static void
binding_down(struct nhrp_entry *e, enum nhrp_reason reason)
{
	struct nhrp *n = e->cloud->n;

	if (e->link == NULL)
		return;
	e->b.flags &= ~(uint32_t)NHRP_UP;
	n->ops->binding_down(n->user, &e->b, reason);
	nhrp_cache_detach(e);
}

void
nhrp_binding_remove(struct nhrp_entry *e, enum nhrp_reason reason)
{
	struct nhrp_cloud *cl = e->cloud;
	struct nhrp_link *link = e->link;

	say(e, e->b.link, reason);
	binding_down(e, reason);
	if (reason == NHRP_CLOUD_GONE)
		nhrp_askers_free(e);
	else
		nhrp_askers_purge(e);
	timer_cancel(&cl->n->timers, &e->expiry);
	nhrp_cache_remove(&cl->cache, e);
	if (link != NULL && link->entries_count == 0 && !link->announced)
		nhrp_link_forget(&cl->cache, link);
}

void
nhrp_binding_expire(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	nhrp_binding_remove(timer_owner(t, struct nhrp_entry, expiry), NHRP_EXPIRED);
}

struct nhrp_link *
nhrp_link_follow(struct nhrp_cloud *cl, const struct nhrp_from *from)
{
	struct nhrp_link *link = nhrp_link_note(&cl->cache, from);

	if (link == NULL)
		return NULL;
	for (struct nhrp_entry *e = link->entries, *next; e != NULL; e = next) {
		next = e->link_next;
		if (!addr_equal(&e->b.nbma, &link->outer) || e->b.udp_port != link->udp_port)
			nhrp_binding_up(e, link, NHRP_REPLACED);
	}
	return link;
}

bool
nhrp_is_of(const struct nhrp_entry *e, const struct nhrp_from *from)
{
	static const struct config_identity none;

	return nhrp_identity_equal(&e->b.identity, from->identity != NULL ? from->identity : &none);
}

bool
nhrp_owns(const struct nhrp_from *from, const struct nhrp_entry *e)
{
	return nhrp_is_of(e, from) &&
		(e->link == NULL || authority_may_take(&e->b.authority, &from->authority));
}

bool
nhrp_allowed(const struct nhrp_cloud *cl, uint64_t link, const struct prefix *p)
{
	const struct nhrp_ops *ops = cl->n->ops;

	return ops->register_allowed == NULL || ops->register_allowed(cl->n->user, cl->id, link, p);
}

/** What it has registered before may be more than it is allowed now. */
static bool
entry_allowed(const struct nhrp_entry *e, const struct nhrp_link *link)
{
	struct prefix p = { .addr = e->b.protocol, .bits = e->b.bits };

	return nhrp_allowed(e->cloud, link->id, &p);
}

void
nhrp_link_up(struct nhrp *n, uint32_t cloud, const struct nhrp_from *from, uint64_t now_ms)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);
	struct nhrp_entry *e;

	nhrp_clock(n, now_ms);
	if (cl == NULL || from->sa == NHRP_NO_LINK)
		return;
	struct nhrp_link *link = nhrp_link_follow(cl, from);
	if (link == NULL)
		return;
	link->announced = true;
	while ((e = nhrp_cache_lost(&cl->cache, link)) != NULL) {
		if (entry_allowed(e, link))
			nhrp_binding_up(e, link, NHRP_REATTACHED);
		else
			nhrp_binding_remove(e, NHRP_REFUSED_OVERLAY);
	}
}

void
nhrp_link_down(struct nhrp *n, uint32_t cloud, uint64_t id, uint64_t now_ms)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);
	struct nhrp_link *link = cl == NULL ? NULL : nhrp_link_find(&cl->cache, id);

	nhrp_clock(n, now_ms);
	if (link == NULL)
		return;
	struct nhrp_link *twin = nhrp_link_twin(&cl->cache, link);
	while (link->entries != NULL) {
		struct nhrp_entry *e = link->entries;

		if (twin != NULL && entry_allowed(e, twin)) {
			nhrp_binding_up(e, twin, NHRP_REATTACHED);
			continue;
		}
		say(e, id, NHRP_LINK_LOST);
		binding_down(e, NHRP_LINK_LOST);
	}
	nhrp_link_forget(&cl->cache, link);
}

struct nhrp_entry *
nhrp_egress(struct nhrp_cloud *cl, const struct addr *a, struct nhrp_route *route)
{
	struct prefix host = prefix_host(a);
	struct nhrp *n = cl->n;

	*route = (struct nhrp_route){ .kind = NHRP_ROUTE_NONE };
	if (nhrp_is_own(cl, a)) {
		route->kind = NHRP_ROUTE_LOCAL;
		return NULL;
	}
	/* A registered station is where it registered, whatever the RIB thinks. */
	struct nhrp_entry *e = nhrp_cache_exact(&cl->cache, &host);
	if (e != NULL) {
		*route = (struct nhrp_route){
			.kind = NHRP_ROUTE_CLOUD, .prefix = host, .cloud = cl->id, .next_hop = *a
		};
		return e;
	}
	n->ops->route(n->user, cl->id, a, route);
	if (route->kind != NHRP_ROUTE_CLOUD)
		return NULL;

	const struct nhrp_cloud *out = nhrp_cloud_find(n, route->cloud);
	return out == NULL ? NULL : nhrp_cache_find(&out->cache, &route->next_hop);
}

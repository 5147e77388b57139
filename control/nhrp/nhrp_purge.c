/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Purges (RFC 2332, 5.2.5 and 5.2.6), both ways. A spoke may purge only what it
 * registered. Stations that were told a binding hear from us when it ends or moves;
 * their list is bounded and lives no longer than what they were told.
 *
 * Timer: one per purge request of ours, every 5 s until it is answered, 3 times.
 */
#include "control/nhrp/nhrp_engine.h"

#include <stdlib.h>

enum { PURGE_RETRY_MS = 5000, PURGE_TRIES = 3 };

struct nhrp_asker {
	struct nhrp_asker *next;
	uint32_t cloud; /* where the station is */
	struct addr station;
	struct prefix told; /* overlay prefix it was told about */
	uint64_t until_ms;
};

struct pending {
	struct timer retry;
	struct nhrp *n;
	uint32_t id;
	uint32_t cloud;
	unsigned tries;
	struct addr station;
	struct prefix told;
	struct addr nbma; /* the one that is no longer right */
};

static void
pending_free(struct pending *p)
{
	timer_cancel(&p->n->timers, &p->retry);
	map_del(&p->n->pending, p->id);
	free(p);
}

static void
purge_send(struct pending *p, struct nhrp_cloud *cl, const struct nhrp_entry *station)
{
	const struct addr *own = nhrp_own_addr(cl, &p->station);
	uint8_t room[NHRP_CIE_BYTES + 2 * 16];
	struct writer w = wr_over(room, sizeof(room));
	struct nhrp_cie cie = {
		.prefix_bits = p->told.bits, .nbma = p->nbma, .proto = p->told.addr
	};

	nhrp_cie_write(&w, &cie);
	struct nhrp_msg m = {
		.type = NHRP_PURGE_REQUEST,
		.hops = NHRP_HOPS,
		.nbma_family = cl->nbma.family,
		.proto_family = p->station.family,
		.request_id = p->id,
		.src_nbma = cl->nbma,
		.src_proto = *own,
		.dst_proto = p->station,
		.body = { room, wr_used(&w) },
		.has_exts = true,
	};
	nhrp_send_own(cl, station->link->id, &m);
}

static void
purge_try(struct timer *t, uint64_t now_ms)
{
	struct pending *p = timer_owner(t, struct pending, retry);
	struct nhrp_cloud *cl = nhrp_cloud_find(p->n, p->cloud);
	struct nhrp_route route;
	char text[ADDR_TEXT_BYTES];

	struct nhrp_entry *e = cl == NULL ? NULL : nhrp_egress(cl, &p->station, &route);
	if (e == NULL || e->link == NULL || nhrp_own_addr(e->cloud, &p->station) == NULL ||
		e->cloud->nbma.family != p->nbma.family) {
		pending_free(p); /* the station itself is gone */
		return;
	}
	if (p->tries == PURGE_TRIES) {
		nhrp_event(cl, e->link->id, NHRP_PURGE_UNANSWERED, "%s",
			addr_print(&p->station, text));
		pending_free(p);
		return;
	}
	p->tries++;
	purge_send(p, e->cloud, e);
	if (timer_arm(&p->n->timers, &p->retry, now_ms + PURGE_RETRY_MS, purge_try) != 0)
		pending_free(p);
}

/** A purge that cannot be kept is not sent: what the station was told runs out by itself. */
static void
purge_start(struct nhrp *n, const struct nhrp_asker *a, const struct addr *nbma)
{
	if (n->pending.count >= NHRP_PENDING_MAX)
		return;
	struct pending *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return;
	p->n = n;
	p->id = n->next_id++;
	p->cloud = a->cloud;
	p->station = a->station;
	p->told = a->told;
	p->nbma = *nbma;
	/* Sent by the timer, so that nothing is sent from the middle of a change. */
	if (map_set(&n->pending, p->id, p) != 0 ||
		timer_arm(&n->timers, &p->retry, n->now_ms, purge_try) != 0)
		pending_free(p);
}

void
nhrp_askers_free(struct nhrp_entry *e)
{
	while (e->askers != NULL) {
		struct nhrp_asker *a = e->askers;

		e->askers = a->next;
		free(a);
	}
}

void
nhrp_askers_purge(struct nhrp_entry *e)
{
	struct nhrp *n = e->cloud->n;

	for (const struct nhrp_asker *a = e->askers; a != NULL; a = a->next)
		if (a->until_ms > n->now_ms)
			purge_start(n, a, &e->b.nbma);
	nhrp_askers_free(e);
}

/** Drop what has run out; of a full list also the oldest, which is the last. */
static void
askers_trim(struct nhrp_entry *e, uint64_t now_ms)
{
	struct nhrp_asker **at = &e->askers;
	uint32_t kept = 0;

	while (*at != NULL) {
		struct nhrp_asker *a = *at;

		if (a->until_ms > now_ms && kept < NHRP_ASKERS_PER_BINDING - 1) {
			kept++;
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
}

void
nhrp_asker_add(struct nhrp_entry *e, struct nhrp_cloud *cl, const struct addr *asker,
	const struct addr *dst, uint8_t bits, uint16_t hold_s)
{
	struct prefix told = { .addr = *dst, .bits = bits };
	uint64_t until_ms = cl->n->now_ms + hold_s * 1000ull;

	told = prefix_network(&told);
	for (struct nhrp_asker *a = e->askers; a != NULL; a = a->next) {
		if (addr_equal(&a->station, asker) && prefix_equal(&a->told, &told)) {
			a->until_ms = until_ms;
			return;
		}
	}
	askers_trim(e, cl->n->now_ms);
	struct nhrp_asker *a = malloc(sizeof(*a));
	if (a == NULL)
		return;
	*a = (struct nhrp_asker){ .next = e->askers,
		.cloud = cl->id,
		.station = *asker,
		.told = told,
		.until_ms = until_ms };
	e->askers = a;
}

void
nhrp_pending_drop(struct nhrp *n, const struct nhrp_cloud *cl)
{
	struct pending *p;

	for (size_t at = 0; (p = map_next(&n->pending, &at)) != NULL;) {
		if (cl != NULL && p->cloud != cl->id)
			continue;
		pending_free(p);
		at = 0; /* deleting moves others */
	}
}

bool
nhrp_pending_done(struct nhrp *n, uint32_t id, const struct addr *station)
{
	struct pending *p = map_get(&n->pending, id);

	if (p == NULL || !addr_equal(&p->station, station))
		return false;
	pending_free(p);
	return true;
}

enum nhrp_outcome
nhrp_purge_reply(struct nhrp_in *in)
{
	if (!nhrp_is_own(in->cloud, &in->msg.src_proto))
		return nhrp_forward_to(in, &in->msg.src_proto);
	if (!nhrp_pending_done(in->n, in->msg.request_id, &in->msg.dst_proto))
		return NHRP_DROP_UNEXPECTED;
	return NHRP_TAKEN;
}

/** The link it is behind may purge it, and the same owner through any link. */
static bool
may_purge(const struct nhrp_in *in, const struct nhrp_entry *e)
{
	if (e->link != NULL && e->link->id == in->from->sa)
		return true;
	return e->b.identity.type != ID_NONE && nhrp_owns(in->from, e);
}

static bool
nbma_fits(const struct nhrp_entry *e, const struct addr *nbma)
{
	return nbma->family == ADDR_NONE || addr_is_zero(nbma) || addr_equal(nbma, &e->b.claimed) ||
		addr_equal(nbma, &e->b.nbma);
}

/** All bindings of the sender's link inside p. Returns how many went. */
static unsigned
purge_covered(struct nhrp_in *in, const struct prefix *p, const struct addr *nbma)
{
	struct nhrp_link *link = nhrp_link_find(&in->cloud->cache, in->from->sa);
	struct nhrp_entry *e = link == NULL ? NULL : link->entries;
	unsigned gone = 0;

	while (e != NULL) {
		struct nhrp_entry *next = e->link_next; /* removing the last one frees link too */
		struct prefix own = { .addr = e->b.protocol, .bits = e->b.bits };

		if (prefix_covers(p, &own) && nbma_fits(e, nbma)) {
			nhrp_binding_remove(e, NHRP_PURGED);
			gone++;
		}
		e = next;
	}
	return gone;
}

/** Returns false when there was something the sender does not own. */
static bool
purge_one(struct nhrp_in *in, const struct nhrp_cie *cie)
{
	struct prefix p = {
		.addr = cie->proto.family != ADDR_NONE ? cie->proto : in->msg.src_proto,
		.bits = nhrp_prefix_bits(cie->prefix_bits, in->msg.proto_family),
	};
	struct nhrp_entry *e = nhrp_cache_exact(&in->cloud->cache, &p);

	if (e != NULL && !may_purge(in, e))
		return false;
	if (e != NULL && nbma_fits(e, &cie->nbma))
		nhrp_binding_remove(e, NHRP_PURGED);
	purge_covered(in, &p, &cie->nbma);
	return true;
}

enum nhrp_outcome
nhrp_purge_request(struct nhrp_in *in)
{
	struct cursor c = cur_over(in->msg.body.data, in->msg.body.bytes);
	struct nhrp_cie cie;
	bool refused = false;

	if (in->from->sa == NHRP_NO_LINK)
		return NHRP_DROP_LINK;
	if (!nhrp_is_for_us(in))
		return nhrp_forward_to(in, &in->msg.dst_proto);
	if (in->msg.src_proto.family == ADDR_NONE || nhrp_is_own(in->cloud, &in->msg.src_proto))
		return NHRP_DROP_SOURCE;

	while (cur_left(&c) > 0 && nhrp_cie_read(&c, in->msg.nbma_family, &cie) == 0)
		refused |= !purge_one(in, &cie);
	if (refused)
		return NHRP_DROP_SOURCE; /* no reply: it was not purged */
	if ((in->msg.flags & NHRP_FLAG_PURGE_NO_REPLY) == 0)
		nhrp_reply(in, NHRP_PURGE_REPLY, in->msg.flags, in->msg.body,
			(struct nhrp_slice){ 0 });
	return NHRP_TAKEN;
}

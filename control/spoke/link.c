/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spoke/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/identity.h"
#include "control/base/log.h"
#include "control/route/rib.h"

/** How long a link stays that nobody registered through and no session holds. */
#define LINK_IDLE_MS 30000

struct cloud_entry *
cloud_entry(struct spokes *s, uint16_t id)
{
	if (id == 0 || id >= DP_CLOUDS_MAX || s->clouds[id].id == 0)
		return NULL;
	return &s->clouds[id];
}

struct link *
link_get(const struct spokes *s, uint64_t id)
{
	uint32_t slot = (uint32_t)id - 1;

	if ((uint32_t)id == 0 || slot >= s->max_links || s->slots[slot] == NULL)
		return NULL;
	return s->slots[slot]->id == id ? s->slots[slot] : NULL;
}

/** A free slot, searched round robin so that numbers are not reused at once. */
static int
slot_find(struct spokes *s, uint32_t *slot)
{
	if (s->links == s->max_links)
		return -ENOSPC;
	while (s->slots[s->search_from] != NULL)
		s->search_from = (s->search_from + 1) % s->max_links;
	*slot = s->search_from;
	s->search_from = (s->search_from + 1) % s->max_links;
	return 0;
}

/** Clear clouds find a link by its outer source; exact for IPv4, the only transport there. */
static uint64_t
outer_key(uint16_t cloud, const struct addr *outer)
{
	return (uint64_t)cloud << 32 | addr_v4(outer);
}

struct link *
link_new(struct spokes *s, struct cloud_entry *cloud, const struct dp_peer *spec)
{
	struct link *l = calloc(1, sizeof(*l));
	uint32_t slot;

	if (l == NULL || slot_find(s, &slot) != 0) {
		free(l);
		return NULL;
	}
	l->id = (uint64_t)++s->generations[slot] << 32 | (slot + 1);
	l->owner = s;
	l->cloud = cloud;
	l->spec = *spec;
	l->spec.cloud = cloud->id;
	l->spec.cookie = l->id;
	l->rx_ms = s->now_ms;
	l->spec.uplink = rib_uplink_get(s->rib, cloud->transport_ctx, &spec->remote, l->id);
	if (dp_peer_new(s->dp, &l->spec, &l->peer) != 0) {
		rib_uplink_put(s->rib, cloud->transport_ctx, &spec->remote, l->id);
		free(l);
		return NULL;
	}
	s->slots[slot] = l;
	s->links++;
	if (!cloud->cfg.protected_)
		map_set(&s->by_outer, outer_key(cloud->id, &spec->remote), l);
	return l;
}

/* ---- the links of one identity ------------------------------------------------ */

/** FNV-1a; equal for links that may be the same spoke in the same cloud. */
static uint64_t
identity_key(uint16_t cloud, const struct config_identity *id)
{
	uint64_t h = 14695981039346656037u ^ ((uint64_t)cloud << 8 | id->type);

	for (unsigned i = 0; i < id->bytes; i++)
		h = (h ^ id->data[i]) * 1099511628211u;
	return h;
}

static void
identity_enter(struct spokes *s, struct link *l)
{
	uint64_t key = identity_key(l->cloud->id, &l->identity);

	l->next_same = map_get(&s->by_identity, key);
	if (map_set(&s->by_identity, key, l) != 0)
		l->next_same = NULL; /* it will end by its own timer */
}

static void
identity_leave(struct spokes *s, struct link *l)
{
	uint64_t key = identity_key(l->cloud->id, &l->identity);
	struct link *first = map_get(&s->by_identity, key), **at = &first;

	while (*at != NULL && *at != l)
		at = &(*at)->next_same;
	if (*at == NULL)
		return;
	*at = l->next_same;
	if (first == NULL)
		map_del(&s->by_identity, key);
	else
		map_set(&s->by_identity, key, first);
}

/** Another link of this identity in this cloud that has lost its session. */
static struct link *
link_lost(const struct spokes *s, const struct cloud_entry *cloud, const struct config_identity *id)
{
	struct link *l = map_get(&s->by_identity, identity_key(cloud->id, id));

	while (l != NULL &&
		(l->session != NULL || l->cloud != cloud || !identity_equal(&l->identity, id)))
		l = l->next_same;
	return l;
}

/**
 * A link of this identity, cloud and outer address whose session is still there and has the
 * registrations: the spoke authenticates anew before it lets go (make before break).
 */
static const struct link *
link_older(const struct spokes *s, const struct cloud_entry *cloud, const struct ike_session *by,
	const struct dp_peer *spec)
{
	const struct link *l = map_get(&s->by_identity, identity_key(cloud->id, &by->peer));

	while (l != NULL &&
		(l->session == NULL || l->overlay_count == 0 || l->cloud != cloud ||
			!identity_equal(&l->identity, &by->peer) ||
			!authority_may_take(&l->authority, &by->authority) ||
			!addr_equal(&l->spec.remote, &spec->remote) ||
			l->spec.udp_remote != spec->udp_remote))
		l = l->next_same;
	return l;
}

/** Its number may soon be another spoke's. */
static void
twins_forget(struct spokes *s, const struct link *gone)
{
	struct link *l = map_get(&s->by_identity, identity_key(gone->cloud->id, &gone->identity));

	for (; l != NULL; l = l->next_same) {
		if (l->spec.twin != gone->peer)
			continue;
		l->spec.twin = 0;
		link_publish(s, l);
	}
}

static void
link_supersede(struct spokes *s, const struct link *l)
{
	struct link *old;

	while ((old = link_lost(s, l->cloud, &l->identity)) != NULL)
		link_drop(s, old);
}

/* ---- the links of one session --------------------------------------------------- */

static bool
session_allows(const struct session *e, const struct cloud_entry *c)
{
	const char *only = e->info.binding.cloud; /* by its secret or certificate map */

	if (only[0] != '\0' && strcmp(only, c->cfg.name) != 0)
		return false;
	return c->cfg.protected_ && addr_equal(&c->cfg.source, &e->info.path.local) &&
		strcmp(c->cfg.protection, e->info.profile) == 0;
}

/** Behind the others: what comes on the session's SAs may be this one's from now on. */
static void
session_append(struct spokes *s, struct session *e, struct link *l)
{
	struct link **at = &e->links, *last = NULL;

	for (; *at != NULL; at = &(*at)->next_of_session)
		last = *at;
	*at = l;
	l->session = e;
	if (last == NULL)
		return;
	last->spec.sibling = l->peer;
	link_publish(s, last);
}

static void
session_leave(struct spokes *s, struct link *l)
{
	struct session *e = l->session;
	struct link *before = NULL, *next = l->next_of_session;

	if (e->links == l) {
		e->links = next;
		for (struct child *c = e->children; next != NULL && c != NULL; c = c->next)
			dp_sa_in_move(s->dp, c->spi_in, next->peer);
	} else {
		for (before = e->links; before->next_of_session != l;)
			before = before->next_of_session;
		before->next_of_session = next;
		before->spec.sibling = l->spec.sibling;
		link_publish(s, before);
	}
	l->session = NULL;
	l->next_of_session = NULL;
}

void
link_orphan(struct spokes *s, struct link *l)
{
	l->session->links = l->next_of_session;
	l->session = NULL;
	l->next_of_session = NULL;
	if (l->spec.sibling == 0)
		return;
	l->spec.sibling = 0; /* that number may soon be another spoke's */
	link_publish(s, l);
}

static struct link *
link_make(struct spokes *s, struct session *e, struct cloud_entry *cloud)
{
	struct dp_peer spec = {
		.local = e->info.path.local,
		.remote = e->info.path.remote,
		.udp_local = e->udp ? e->info.path.local_port : 0,
		.udp_remote = e->udp ? e->info.path.remote_port : 0,
		.path_mtu = session_path_mtu(e, cloud),
	};
	const struct link *older = link_older(s, cloud, &e->info, &spec);

	spec.twin = older != NULL ? older->peer : 0;
	struct link *l = link_new(s, cloud, &spec);

	if (l == NULL)
		return NULL;
	l->identity = e->info.peer;
	l->authority = e->info.authority;
	l->claimed = e->claimed;
	memcpy(l->identity_text, e->info.peer_text, sizeof(l->identity_text));
	memcpy(l->group, e->info.binding.group, sizeof(l->group));
	identity_enter(s, l);
	session_append(s, e, l);
	return l;
}

struct link *
link_join(struct spokes *s, struct session *e, struct cloud_entry *cloud)
{
	struct link *l = e->links, *first = e->links;

	while (l != NULL && l->cloud != cloud)
		l = l->next_of_session;
	if (l != NULL || !session_allows(e, cloud))
		return l;
	l = link_make(s, e, cloud);
	if (l == NULL)
		return NULL;
	if (first != NULL && e->sending != NULL)
		link_open(s, l);
	if (first != NULL && first->guess)
		link_drop(s, first); /* now we know better */
	return l;
}

int
link_enter(struct spokes *s, struct session *e)
{
	struct cloud_entry *guess = NULL;
	unsigned candidates = 0;

	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		struct cloud_entry *c = cloud_entry(s, id);

		if (c == NULL || !session_allows(e, c))
			continue;
		if (candidates++ == 0)
			guess = c;
		if (link_lost(s, c, &e->info.peer) != NULL)
			link_make(s, e, c);
	}
	if (guess == NULL && e->info.binding.cloud[0] != '\0')
		return -EACCES;
	if (e->links == NULL && guess != NULL) {
		struct link *l = link_make(s, e, guess);

		if (l != NULL)
			l->guess = candidates > 1;
	}
	return e->links != NULL ? 0 : -ENOSPC;
}

void
link_open(struct spokes *s, struct link *l)
{
	const struct link *first = l->session->links;
	int err = l == first ? 0 : dp_peer_sa_share(s->dp, l->peer, first->peer);

	if (err != 0)
		log_error("spoke %s cloud %s: outbound SA refused by the data plane: %s",
			l->identity_text, l->cloud->cfg.name, strerror(-err));
	if (l->up_ms != 0)
		return;
	l->up_ms = s->now_ms;
	l->reason = NULL;
	link_announce(s, l);
	link_supersede(s, l);
	link_log(l, "child SA up", NULL);
}

/* ---- registered addresses ----------------------------------------------------------- */

static uint64_t
overlay_key(uint16_t cloud, const struct addr *a)
{
	return (uint64_t)addr_hash(a, cloud) << 32 | addr_hash(a, ~(uint32_t)cloud);
}

static int
overlay_slot(const struct link *l, const struct addr *a)
{
	for (int i = 0; i < l->overlay_count; i++)
		if (addr_equal(&l->overlay[i], a))
			return i;
	return -1;
}

bool
link_outlived(const struct spokes *s, const struct link *l)
{
	const struct link *o = map_get(&s->by_identity, identity_key(l->cloud->id, &l->identity));

	for (; l->overlay_count == 0 && o != NULL; o = o->next_same)
		if (o->session != NULL && o->session != l->session && o->cloud == l->cloud &&
			identity_equal(&o->identity, &l->identity) &&
			authority_may_take(&l->authority, &o->authority) &&
			overlay_slot(o, &l->shown) >= 0)
			return true;
	return false;
}

bool
session_outlived(const struct spokes *s, const struct session *e)
{
	bool outlived = false;

	for (const struct link *l = e->links; l != NULL; l = l->next_of_session) {
		if (l->overlay_count > 0)
			return false;
		outlived |= link_outlived(s, l);
	}
	return outlived;
}

static bool
overlay_allowed(const struct config_binding *b, const struct prefix *p)
{
	for (uint32_t i = 0; i < b->overlay_count; i++)
		if (prefix_covers(&b->overlay[i], p))
			return true;
	return b->overlay_count == 0;
}

bool
link_may_register(struct link *l, const struct prefix *p)
{
	bool allowed = l->session != NULL && overlay_allowed(&l->session->info.binding, p);

	if (l->session == NULL || allowed)
		return allowed;
	l->refused = *p;
	if (l->overlay_count == 0)
		l->reason = nhrp_reason_name(NHRP_REFUSED_OVERLAY);
	return false;
}

/** As it registered it: an address, or a prefix. */
static struct prefix
registered_prefix(const struct spokes *s, const struct link *l, const struct addr *overlay)
{
	const struct nhrp_binding *b = nhrp_binding_find(s->nhrp, l->cloud->id, overlay);
	struct prefix p = prefix_host(overlay);

	if (b != NULL && addr_equal(&b->protocol, overlay))
		p.bits = b->bits;
	return p;
}

bool
link_fits(const struct spokes *s, const struct link *l)
{
	if (!session_allows(l->session, l->cloud))
		return false;
	for (int i = 0; i < l->overlay_count; i++) {
		struct prefix p = registered_prefix(s, l, &l->overlay[i]);

		if (!overlay_allowed(&l->session->info.binding, &p))
			return false;
	}
	return true;
}

/** Is this registered address bound to the link already? */
static bool
link_bound(const struct spokes *s, const struct link *l, const struct addr *overlay)
{
	return map_get(&s->by_overlay, overlay_key(l->cloud->id, overlay)) == l;
}

/** Take note of it; more than the table holds are left out. */
static void
overlay_edit(struct link *l, const struct addr *a, bool add)
{
	int i = overlay_slot(l, a);

	if (add && i < 0 && l->overlay_count < LINK_OVERLAYS)
		l->overlay[l->overlay_count++] = *a;
	if (add || i < 0)
		return;
	l->overlay_count--;
	memmove(&l->overlay[i], &l->overlay[i + 1],
		(size_t)(l->overlay_count - i) * sizeof(l->overlay[0]));
	l->overlay[l->overlay_count] = (struct addr){ 0 };
}

/** The peer's own address and its share of multicast follow the registrations. */
static void
registration_publish(struct spokes *s, struct link *l)
{
	l->spec.overlay = l->overlay[0];
	l->spec.multicast = l->overlay_count > 0;
	link_publish(s, l);
}

void
link_bind(struct spokes *s, struct link *l, const struct addr *overlay, bool add)
{
	uint64_t key = overlay_key(l->cloud->id, overlay);
	struct link *before = map_del(&s->by_overlay, key);

	if (before != NULL && before != l) {
		overlay_edit(before, overlay, false);
		registration_publish(s, before);
		link_release(s, before);
	}
	overlay_edit(l, overlay, add);
	registration_publish(s, l);
	if (add && overlay_slot(l, overlay) >= 0 && map_set(&s->by_overlay, key, l) != 0)
		log_limited(LOG_ERR, "links", "out of memory for a registration");
}

/* ---- the end of a link ------------------------------------------------------------ */

void
link_free(struct spokes *s, struct link *l)
{
	uint32_t slot = (uint32_t)l->id - 1;

	timer_cancel(&s->timers, &l->idle);
	dp_peer_sa_out(s->dp, l->peer, NULL);
	for (int i = 0; i < l->overlay_count; i++)
		if (link_bound(s, l, &l->overlay[i]))
			map_del(&s->by_overlay, overlay_key(l->cloud->id, &l->overlay[i]));
	if (l->session != NULL)
		session_leave(s, l);
	if (l->cloud->cfg.protected_) {
		identity_leave(s, l);
		twins_forget(s, l);
	} else {
		map_del(&s->by_outer, outer_key(l->cloud->id, &l->spec.remote));
	}
	dp_peer_free(s->dp, l->peer);
	rib_uplink_put(s->rib, l->cloud->transport_ctx, &l->spec.remote, l->id);
	s->slots[slot] = NULL;
	s->links--;
	free(l);
}

void
link_drop(struct spokes *s, struct link *l)
{
	nhrp_link_down(s->nhrp, l->cloud->id, l->id, s->now_ms);
	link_free(s, l);
}

void
link_publish(struct spokes *s, struct link *l)
{
	int err = dp_peer_set(s->dp, l->peer, &l->spec);

	if (err != 0)
		log_error("spoke %s: data plane refused an update: %s", l->identity_text,
			strerror(-err));
}

void
link_move(struct spokes *s, struct link *l, const struct ike_path *path, bool udp)
{
	struct addr old = l->spec.remote;

	l->spec.local = path->local;
	l->spec.remote = path->remote;
	l->spec.udp_local = udp ? path->local_port : 0;
	l->spec.udp_remote = udp ? path->remote_port : 0;
	if (!addr_equal(&old, &path->remote)) {
		l->spec.uplink =
			rib_uplink_get(s->rib, l->cloud->transport_ctx, &path->remote, l->id);
		rib_uplink_put(s->rib, l->cloud->transport_ctx, &old, l->id);
	}
	link_publish(s, l);
}

struct nhrp_from
link_from(const struct link *l)
{
	return (struct nhrp_from){
		.sa = l->id,
		.outer = l->spec.remote,
		.udp_port = l->spec.udp_remote,
		.identity = l->cloud->cfg.protected_ ? &l->identity : NULL,
		.authority = l->authority,
	};
}

void
link_announce(struct spokes *s, struct link *l)
{
	struct nhrp_from from = link_from(l);

	nhrp_link_up(s->nhrp, l->cloud->id, &from, s->now_ms);
}

struct link *
link_of_outer(struct spokes *s, struct cloud_entry *cloud, const struct dp_msg *msg, bool make)
{
	struct link *l = map_get(&s->by_outer, outer_key(cloud->id, &msg->remote));
	struct dp_peer spec = { .local = msg->local, .remote = msg->remote };

	if (l != NULL || !make)
		return l;
	l = link_new(s, cloud, &spec);
	if (l == NULL) {
		log_limited(LOG_WARNING, "links",
			"no room for another spoke: raise system.max_spokes (%u)", s->max_links);
		return NULL;
	}
	l->up_ms = s->now_ms;
	l->claimed = msg->remote;
	link_announce(s, l);
	link_release(s, l);
	return l;
}

static void
idle_fired(struct timer *t, uint64_t now_ms)
{
	struct link *l = timer_owner(t, struct link, idle);
	struct spokes *s = l->owner;

	if (l->session != NULL || l->overlay_count > 0)
		return;
	s->now_ms = now_ms;
	link_drop(s, l);
}

void
link_release(struct spokes *s, struct link *l)
{
	uint64_t stay_ms = l->hold_ms > LINK_IDLE_MS ? l->hold_ms : LINK_IDLE_MS;

	if (l->session == NULL && l->overlay_count == 0)
		timer_arm(&s->timers, &l->idle, s->now_ms + stay_ms, idle_fired);
}

enum spoke_state
link_state(const struct link *l)
{
	bool clear = !l->cloud->cfg.protected_;
	bool esp = clear || (l->session != NULL && l->session->sending != NULL);

	if (!clear && l->session == NULL)
		return SPOKE_DOWN;
	if (l->overlay_count > 0)
		return esp && l->spec.uplink != DP_ADJ_DROP ? SPOKE_FORWARDING : SPOKE_REGISTERED;
	return esp ? SPOKE_CHILD : SPOKE_IKE;
}

void
link_log(const struct link *l, const char *what, const char *why)
{
	char nbma[ADDR_TEXT_BYTES], tunnel[ADDR_TEXT_BYTES];

	log_info("spoke %s cloud %s nbma %s tunnel %s: %s%s%s",
		l->identity_text[0] ? l->identity_text : "-", l->cloud->cfg.name,
		addr_print(&l->spec.remote, nbma), addr_print(&l->shown, tunnel), what,
		why != NULL ? ": " : "", why != NULL ? why : "");
}

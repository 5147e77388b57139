/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spoke/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/identity.h"
#include "control/base/log.h"
#include "control/route/rib.h"
#include "crypto/secret.h"

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

static void
children_free(struct spokes *s, struct link *l)
{
	while (l->children != NULL) {
		struct child *c = l->children;

		l->children = c->next;
		dp_sa_in_retire(s->dp, c->spi_in, 0);
		map_del(&s->by_child, c->id);
		secret_wipe_bytes(c, sizeof(*c));
		free(c);
	}
}

static void
leave_session(struct spokes *s, struct link *l)
{
	struct link *first = map_get(&s->by_session, l->session);
	struct link **at = &first;

	while (*at != NULL && *at != l)
		at = &(*at)->next_of_session;
	if (*at == NULL)
		return;
	*at = l->next_of_session;
	if (first == NULL)
		map_del(&s->by_session, l->session);
	else
		map_set(&s->by_session, l->session, first);
}

void
link_free(struct spokes *s, struct link *l)
{
	uint32_t slot = (uint32_t)l->id - 1;

	timer_cancel(&s->timers, &l->idle);
	if (l->session != 0)
		leave_session(s, l);
	if (!l->cloud->cfg.protected_)
		map_del(&s->by_outer, outer_key(l->cloud->id, &l->spec.remote));
	dp_peer_sa_out(s->dp, l->peer, NULL);
	children_free(s, l);
	dp_peer_free(s->dp, l->peer);
	rib_uplink_put(s->rib, l->cloud->transport_ctx, &l->spec.remote, l->id);
	s->slots[slot] = NULL;
	s->links--;
	free(l);
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

	if (l->session != 0 || l->overlay_count > 0)
		return;
	nhrp_link_down(s->nhrp, l->cloud->id, l->id, now_ms);
	link_free(s, l);
}

void
link_release(struct spokes *s, struct link *l)
{
	uint64_t stay_ms = l->hold_ms > LINK_IDLE_MS ? l->hold_ms : LINK_IDLE_MS;

	if (l->session == 0 && l->overlay_count == 0)
		timer_arm(&s->timers, &l->idle, s->now_ms + stay_ms, idle_fired);
}

void
link_supersede(struct spokes *s, const struct link *l)
{
	for (uint32_t i = 0; i < s->max_links; i++) {
		struct link *old = s->slots[i];

		if (old == NULL || old == l || old->session != 0 || old->cloud != l->cloud ||
			!identity_equal(&old->identity, &l->identity))
			continue;
		nhrp_link_down(s->nhrp, old->cloud->id, old->id, s->now_ms);
		link_free(s, old);
	}
}

/** Can packets be sent to it? */
static bool
link_open(const struct link *l)
{
	return l->spec.uplink != DP_ADJ_DROP && (!l->cloud->cfg.protected_ || l->sending != NULL);
}

enum spoke_state
link_state(const struct link *l)
{
	bool esp = !l->cloud->cfg.protected_ || l->sending != NULL;

	if (l->overlay_count > 0 && (!l->cloud->cfg.protected_ || l->session != 0))
		return link_open(l) ? SPOKE_FORWARDING : SPOKE_REGISTERED;
	if (l->cloud->cfg.protected_ && l->session == 0)
		return SPOKE_DOWN;
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spoke/spoke.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "control/route/rib.h"
#include "control/spoke/link.h"

/** How often the data plane's counters are looked at for proof of life. */
#define LOOK_MS 1000

static void look_fired(struct timer *t, uint64_t now_ms);

struct spokes *
spokes_new(struct dp *dp, uint32_t max_links)
{
	struct spokes *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->dp = dp;
	s->max_links = max_links;
	s->slots = calloc(max_links, sizeof(*s->slots));
	s->generations = calloc(max_links, sizeof(*s->generations));
	if (s->slots == NULL || s->generations == NULL || spokes_events_init(s) != 0) {
		spokes_free(s);
		return NULL;
	}
	return s;
}

void
spokes_bind(struct spokes *s, struct ike *ike, struct nhrp *nhrp, struct rib *rib)
{
	s->ike = ike;
	s->nhrp = nhrp;
	s->rib = rib;
	timer_arm(&s->timers, &s->look, s->now_ms + LOOK_MS, look_fired);
}

void
spokes_helpers_set(struct spokes *s, struct helpers *helpers)
{
	s->helpers = helpers;
}

void
spokes_free(struct spokes *s)
{
	size_t at = 0;
	struct session *e;

	if (s == NULL)
		return;
	while ((e = map_next(&s->sessions, &at)) != NULL)
		session_free(s, e);
	for (uint32_t i = 0; s->slots != NULL && i < s->max_links; i++)
		if (s->slots[i] != NULL)
			link_free(s, s->slots[i]);
	map_free(&s->sessions);
	map_free(&s->by_child);
	map_free(&s->by_sending);
	map_free(&s->by_outer);
	map_free(&s->by_overlay);
	map_free(&s->by_identity);
	timers_free(&s->timers);
	spokes_events_free(s);
	free(s->slots);
	free(s->generations);
	free(s);
}

uint64_t
spokes_next_ms(const struct spokes *s)
{
	return timers_next_ms(&s->timers);
}

void
spokes_tick(struct spokes *s, uint64_t now_ms)
{
	s->now_ms = now_ms;
	timers_run(&s->timers, now_ms);
}

/* ---- clouds ---------------------------------------------------------------- */

int
spokes_cloud_set(struct spokes *s, uint16_t id, const struct config_cloud *cfg,
	uint16_t overlay_ctx, uint16_t transport_ctx, uint64_t now_ms)
{
	struct cloud_entry *c = &s->clouds[id];

	s->now_ms = now_ms;
	c->id = id;
	c->ctx = overlay_ctx;
	c->transport_ctx = transport_ctx;
	c->cfg = *cfg;
	c->cfg.nhrp.authentication = (struct secret){ 0 }; /* the engine has it; no second copy */
	return 0;
}

/** Has the session links in other clouds than this one? */
static bool
elsewhere(const struct session *e, const struct cloud_entry *cloud)
{
	for (const struct link *l = e->links; l != NULL; l = l->next_of_session)
		if (l->cloud != cloud)
			return true;
	return false;
}

void
spokes_cloud_close(struct spokes *s, uint16_t id, uint64_t now_ms)
{
	const struct cloud_entry *cloud = cloud_entry(s, id);

	s->now_ms = now_ms;
	for (uint32_t i = 0; cloud != NULL && i < s->max_links; i++) {
		struct link *l = s->slots[i];

		if (l == NULL || l->cloud != cloud)
			continue;
		if (l->session != NULL && !elsewhere(l->session, cloud))
			ike_close(s->ike, l->session->id, IKE_REASON_CONFIG, now_ms);
		link_drop(s, l); /* a session that ended only left it without one */
	}
}

void
spokes_cloud_del(struct spokes *s, uint16_t id)
{
	s->clouds[id] = (struct cloud_entry){ 0 };
}

struct cloud_entry *
cloud_of_local(struct spokes *s, const struct addr *local)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		struct cloud_entry *c = cloud_entry(s, id);

		if (c != NULL && addr_equal(&c->cfg.source, local))
			return c;
	}
	return NULL;
}

/* ---- proof of life --------------------------------------------------------- */

/** One link: packets in prove life; packets out without an answer ask for it. */
static void
link_look(struct spokes *s, struct link *l)
{
	struct dp_peer_stats st;

	dp_peer_stats(s->dp, l->peer, &st);
	if (st.tx_packets != l->seen_tx)
		ike_sent(s->ike, l->session->id, s->looked_ms);
	if (st.rx_packets != l->seen_rx) {
		l->rx_ms = s->now_ms;
		ike_proof_of_life(s->ike, l->session->id, s->now_ms);
	} else if (st.tx_packets != l->seen_tx) {
		ike_probe(s->ike, l->session->id, s->now_ms);
	}
	l->seen_rx = st.rx_packets;
	l->seen_tx_before = l->seen_tx;
	l->seen_tx = st.tx_packets;
}

static void
session_look(struct spokes *s, struct link *l)
{
	link_look(s, l);
	if (l != l->session->links)
		return;
	session_path_age(s, l->session);
	if (session_outlived(s, l->session))
		ike_close(s->ike, l->session->id, IKE_REASON_REPLACED, s->now_ms);
}

static void
look_fired(struct timer *t, uint64_t now_ms)
{
	struct spokes *s = timer_owner(t, struct spokes, look);

	s->now_ms = now_ms;
	for (uint32_t i = 0; i < s->max_links; i++) {
		struct link *l = s->slots[i];

		if (l != NULL && l->session != NULL)
			session_look(s, l);
		else if (l != NULL && link_outlived(s, l))
			link_drop(s, l);
	}
	s->looked_ms = now_ms;
	timer_arm(&s->timers, &s->look, now_ms + LOOK_MS, look_fired);
}

void
spokes_uplink_changed(struct spokes *s, uint64_t token, uint32_t uplink, uint64_t now_ms)
{
	struct link *l = link_get(s, token);

	s->now_ms = now_ms;
	if (l == NULL || l->spec.uplink == uplink)
		return;
	l->spec.uplink = uplink;
	link_publish(s, l);
}

/* ---- messages of the data plane -------------------------------------------- */

static struct ike_path
path_of(const struct dp_msg *m)
{
	return (struct ike_path){
		.local = m->local,
		.remote = m->remote,
		.local_port = m->local_port,
		.remote_port = m->remote_port,
		.natt = m->natt,
	};
}

static void
on_ike(struct spokes *s, const struct dp_msg *m)
{
	struct ike_path path = path_of(m);

	ike_input(s->ike, &path, m->data, m->bytes, s->now_ms);
}

static void
on_nhrp(struct spokes *s, const struct dp_msg *m)
{
	struct cloud_entry *cloud = cloud_entry(s, m->cloud);
	struct link *l = link_get(s, m->cookie);

	if (cloud == NULL)
		return;
	if (l == NULL && !cloud->cfg.protected_)
		l = link_of_outer(s, cloud, m, true);
	if (l != NULL && l->cloud != cloud) /* another cloud of its address: may it be there? */
		l = l->session != NULL ? link_join(s, l->session, cloud) : NULL;
	if (l == NULL)
		return; /* it may not, or its SA went while the packet was on its way */
	l->guess = false;

	struct nhrp_from from = link_from(l);
	from.outer = m->remote; /* as this packet had it */
	from.udp_port = m->remote_port;
	nhrp_input(s->nhrp, cloud->id, &from, m->data, m->bytes, s->now_ms);
}

static void
on_redirect(struct spokes *s, const struct dp_msg *m)
{
	if (link_get(s, m->cookie) != NULL)
		nhrp_redirect(
			s->nhrp, m->cloud, m->cookie, m->cloud_out, m->data, m->bytes, s->now_ms);
}

static void
on_bad_spi(struct spokes *s, const struct dp_msg *m)
{
	struct ike_path path = path_of(m);

	ike_unknown_spi(s->ike, &path, m->spi, s->now_ms);
}

void
spokes_message(struct spokes *s, const struct dp_msg *m, uint64_t now_ms)
{
	s->now_ms = now_ms;
	switch (m->type) {
	case DP_IKE:
		on_ike(s, m);
		break;
	case DP_NHRP:
		on_nhrp(s, m);
		break;
	case DP_REDIRECT:
		on_redirect(s, m);
		break;
	case DP_SA_ATTACHED:
		ike_child_installed(s->ike, m->cookie, 0, now_ms);
		break;
	case DP_SA_USED:
		ike_child_used(s->ike, m->cookie, now_ms);
		break;
	case DP_SA_SOFT:
		ike_child_soft(s->ike, m->cookie, now_ms);
		break;
	case DP_NAT_MOVED:
		ike_path_moved(s->ike, m->cookie, &m->remote, m->remote_port, now_ms);
		break;
	case DP_BAD_SPI:
		on_bad_spi(s, m);
		break;
	case DP_TOO_BIG:
		session_too_big(s, m);
		break;
	default:
		break;
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What an operator sees of the spokes, and `clear`.
 */
#include <stdio.h>
#include <string.h>

#include "control/spoke/link.h"
#include "control/spoke/spoke_best.h"

const char *
spoke_state_name(enum spoke_state s)
{
	static const char *const names[] = { "down", "ike", "child", "registered", "forwarding" };

	return names[s];
}

/** It wants a tunnel address that it may not have. */
static void
refusal_tell(const struct link *l, struct spoke_info *i)
{
	const struct config_binding *b = &l->session->info.binding;
	char text[ADDR_TEXT_BYTES];
	size_t at = (size_t)snprintf(i->detail, sizeof(i->detail),
		"it wants to register %s, but \"overlay\" of its %s%s allows",
		prefix_print(&l->refused, text), b->map[0] != '\0' ? "map " : "entry under secrets",
		b->map);

	for (uint32_t k = 0; k < b->overlay_count && at < sizeof(i->detail); k++)
		at += (size_t)snprintf(i->detail + at, sizeof(i->detail) - at, "%s %s",
			k > 0 ? "," : "", prefix_print(&b->overlay[k], text));
	if (at < sizeof(i->detail))
		snprintf(i->detail + at, sizeof(i->detail) - at,
			": change the address of its tunnel, or \"overlay\" here");
}

/** Why a link is not forwarding, and what to look at. */
static void
explain(const struct link *l, struct spoke_info *i)
{
	switch (i->state) {
	case SPOKE_FORWARDING:
		return;
	case SPOKE_REGISTERED:
		i->reason = l->spec.uplink == DP_ADJ_DROP ? "no_uplink" : "no_outbound_sa";
		snprintf(i->detail, sizeof(i->detail), "%s",
			l->spec.uplink == DP_ADJ_DROP
				? "no resolved route to its NBMA address: check the wan port's "
				  "gateway"
				: "the outbound SA is closed: waiting for a new child SA");
		return;
	case SPOKE_CHILD:
		i->reason = l->reason != NULL ? l->reason : "not_registered";
		if (l->reason == nhrp_reason_name(NHRP_REFUSED_OVERLAY)) {
			refusal_tell(l, i);
			return;
		}
		if (l->reason == nhrp_reason_name(NHRP_REFUSED_OWNER)) {
			snprintf(i->detail, sizeof(i->detail),
				"a live session of this name that was proven otherwise has its "
				"tunnel address, and this one, proven by %s, may not take it: see "
				"show ike",
				authority_name(&l->authority));
			return;
		}
		snprintf(i->detail, sizeof(i->detail),
			"ESP is up, no NHRP registration: check nhs, network-id, authentication "
			"and key on the spoke");
		return;
	case SPOKE_IKE:
		i->reason = l->reason != NULL ? l->reason : "no_child_sa";
		snprintf(i->detail, sizeof(i->detail), "IKE is up without a child SA");
		return;
	case SPOKE_DOWN:
		i->reason = l->reason != NULL ? l->reason : "no_session";
		snprintf(i->detail, sizeof(i->detail),
			"IKE session ended; its registration is kept until the holding time is "
			"over");
		return;
	}
}

/** Without a child it is the session that is up. */
static uint64_t
up_since_ms(const struct link *l)
{
	return l->up_ms == 0 && l->session != NULL ? l->session->since_ms : l->up_ms;
}

static void
link_info(const struct spokes *s, const struct link *l, uint64_t now_ms, struct spoke_info *i)
{
	struct dp_peer_stats st;

	*i = (struct spoke_info){
		.link = l->id,
		.session = l->session != NULL ? l->session->id : 0,
		.state = link_state(l),
		.tunnel_address = l->shown,
		.nbma = l->spec.remote,
		.port = l->spec.udp_remote,
	};
	snprintf(i->cloud, sizeof(i->cloud), "%s", l->guess ? "" : l->cloud->cfg.name);
	snprintf(i->identity, sizeof(i->identity), "%s", l->identity_text);
	memcpy(i->group, l->group, sizeof(i->group));
	i->nat = l->spec.udp_remote != 0 ||
		(!addr_is_zero(&l->claimed) && !addr_equal(&l->claimed, &l->spec.remote));
	if (i->nat)
		i->nbma_claimed = l->claimed;
	if (i->state != SPOKE_DOWN)
		i->uptime_s = (now_ms - up_since_ms(l)) / 1000;
	dp_peer_stats(s->dp, l->peer, &st);
	i->rx_packets = st.rx_packets;
	i->rx_bytes = st.rx_bytes;
	i->tx_packets = st.tx_packets;
	i->tx_bytes = st.tx_bytes;
	if (l->session != NULL && l->session->sending != NULL) {
		i->spi_in = l->session->sending->spi_in;
		i->spi_out = l->session->sending->spi_out;
	}
	if (l->session != NULL && l->spec.path_mtu != 0) {
		i->path_mtu = l->spec.path_mtu;
		i->path_mtu_s = (now_ms - l->session->pmtu.since_ms) / 1000;
	}
	explain(l, i);
}

/** What a failure of IKE says to an operator. */
static void
failure_tell(const struct ike_event *e, struct spoke_info *i)
{
	i->reason = ike_reason_name(e->reason);
	snprintf(i->detail, sizeof(i->detail), "%s%s%s%s%s%s%s%s%s%s",
		i->claimed_identity[0] ? "it says it is " : "", i->claimed_identity,
		i->claimed_identity[0] ? ": " : "", e->detail, e->detail[0] ? "; " : "", e->remedy,
		e->offered[0] ? "; offered " : "", e->offered, e->wanted[0] ? "; would match " : "",
		e->wanted);
}

/** A link that is not up says of its last failure what there is to say; its line is the only one.
 */
static void
link_failure(const struct spokes *s, const struct link *l, struct spoke_info *i)
{
	struct ike_failure f;
	struct spoke_info told = *i;

	if (i->state > SPOKE_IKE || l->identity_text[0] == '\0' ||
		!ike_failure_find(s->ike, l->identity_text, &f) || !f.event.authenticated ||
		(l->session != NULL && f.at_ms < l->session->since_ms))
		return;
	failure_tell(&f.event, &told);
	i->reason = told.reason;
	if (told.detail[0] != '\0')
		memcpy(i->detail, told.detail, sizeof(i->detail));
}

/**
 * A session that is authenticated and has no link (yet, or its child was refused: then
 * that is its reason). What i says of an earlier link of the spoke stays.
 */
static void
session_info(const struct spokes *s, const struct session *e, uint64_t now_ms, struct spoke_info *i)
{
	struct ike_failure f;

	i->session = e->id;
	i->state = SPOKE_IKE;
	i->nbma = e->info.path.remote;
	i->port = e->info.path.natt ? e->info.path.remote_port : 0;
	i->nat = e->info.nat_remote;
	i->uptime_s = (now_ms - e->since_ms) / 1000;
	snprintf(i->identity, sizeof(i->identity), "%s", e->info.peer_text);
	memcpy(i->group, e->info.binding.group, sizeof(i->group));
	if (ike_failure_find(s->ike, e->info.peer_text, &f) && f.event.authenticated &&
		f.at_ms >= e->since_ms) {
		failure_tell(&f.event, i);
		return;
	}
	i->reason = "no_child_sa";
	snprintf(i->detail, sizeof(i->detail), "IKE is up without a child SA: see show ike");
}

struct each {
	const struct spokes *s;
	struct spoke_best best;
	uint64_t now_ms;
	void (*fn)(void *arg, const struct spoke_info *);
	void *arg;
};

static void
failure_info(void *arg, const struct ike_failure *f)
{
	const struct each *each = arg;
	const struct ike_event *e = &f->event;
	struct spoke_info i = {
		.state = SPOKE_DOWN,
		.nbma = e->path.remote,
		.port = e->path.natt ? e->path.remote_port : 0,
		.nat = e->path.natt,
	};

	if (spoke_best_recovered(&each->best, e->identity, &e->path.remote) ||
		(e->authenticated &&
			(spoke_best_session(&each->best, e->identity) != NULL ||
				spoke_best_link(&each->best, e->identity) != NULL)))
		return; /* told with that */
	snprintf(e->authenticated ? i.identity : i.claimed_identity, IKE_ID_BYTES, "%s",
		e->identity);
	memcpy(i.group, e->group, sizeof(i.group));
	failure_tell(e, &i);
	each->fn(each->arg, &i);
}

/** Is it left over from before the spoke came again, in the same place? */
static bool
replaced(const struct each *each, const struct link *l)
{
	const struct link *best = spoke_best_link(&each->best, l->identity_text);

	return best != NULL && best != l && best->cloud == l->cloud &&
		link_state(l) == SPOKE_DOWN && link_state(best) > SPOKE_DOWN &&
		(l->shown.family == ADDR_NONE || addr_equal(&l->shown, &best->shown));
}

/** One line of a link; of one that is down, how far the spoke is again. */
static void
each_link(const struct each *each, const struct link *l)
{
	const struct session *again = link_state(l) != SPOKE_DOWN || l->identity_text[0] == '\0'
		? NULL
		: spoke_best_session(&each->best, l->identity_text);
	struct spoke_info info;

	if (replaced(each, l))
		return;
	link_info(each->s, l, each->now_ms, &info);
	if (spoke_best_link(&each->best, l->identity_text) == l)
		link_failure(each->s, l, &info);
	if (again != NULL && spoke_best_link(&each->best, l->identity_text) == l)
		session_info(each->s, again, each->now_ms, &info);
	each->fn(each->arg, &info);
}

/** One line of a session without a link, unless the spoke has one already. */
static void
each_session(const struct each *each, const struct session *e)
{
	struct spoke_info info = { 0 };

	if (e->links != NULL || spoke_best_link(&each->best, e->info.peer_text) != NULL ||
		spoke_best_session(&each->best, e->info.peer_text) != e)
		return;
	session_info(each->s, e, each->now_ms, &info);
	each->fn(each->arg, &info);
}

void
spokes_each(const struct spokes *s, uint64_t now_ms,
	void (*fn)(void *arg, const struct spoke_info *), void *arg)
{
	struct each each = { .s = s, .now_ms = now_ms, .fn = fn, .arg = arg };
	const struct session *e;
	size_t at = 0;

	spoke_best_make(s, &each.best);
	for (uint32_t i = 0; i < s->max_links; i++)
		if (s->slots[i] != NULL)
			each_link(&each, s->slots[i]);
	while ((e = map_next(&s->sessions, &at)) != NULL)
		each_session(&each, e);
	ike_each_failure(s->ike, failure_info, &each);
	spoke_best_free(&each.best);
}

void
spokes_totals(const struct spokes *s, struct spokes_totals *out)
{
	*out = (struct spokes_totals){ .links = s->links };
	for (uint32_t i = 0; i < s->max_links; i++) {
		if (s->slots[i] == NULL)
			continue;
		enum spoke_state st = link_state(s->slots[i]);
		out->forwarding += st == SPOKE_FORWARDING;
		out->registered += st >= SPOKE_REGISTERED;
		out->down += st == SPOKE_DOWN;
	}
}

/* ---- clear, rekey ---------------------------------------------------------- */

bool
link_named(const struct link *l, const char *what)
{
	struct addr a;

	if (strncmp(what, "group ", 6) == 0)
		return strcmp(l->group, what + 6) == 0;
	if (strcmp(l->identity_text, what) == 0)
		return true;
	if (addr_parse(what, &a) != 0)
		return false;
	for (int i = 0; i < l->overlay_count; i++)
		if (addr_equal(&l->overlay[i], &a))
			return true;
	return addr_equal(&l->shown, &a) || addr_equal(&l->spec.remote, &a);
}

static void
link_clear(struct spokes *s, struct link *l)
{
	uint16_t cloud = l->cloud->id;
	uint64_t id = l->id, session = l->session != NULL ? l->session->id : 0;

	for (int i = l->overlay_count - 1; i >= 0; i--) {
		struct prefix p = prefix_host(&l->overlay[i]);

		nhrp_bindings_clear(s->nhrp, cloud, &p, s->now_ms);
	}
	if (session != 0)
		ike_close(s->ike, session, IKE_REASON_OPERATOR, s->now_ms);
	l = link_get(s, id);
	if (l != NULL && l->session == NULL)
		link_drop(s, l);
}

/** IKE sessions that no cloud has a link of: shown as spokes, so named as such. */
static unsigned
linkless_clear(struct spokes *s, const char *what)
{
	const struct session *e;
	struct addr a;
	bool by_address = addr_parse(what, &a) == 0, by_group = strncmp(what, "group ", 6) == 0;
	size_t at = 0;
	unsigned n = 0;

	while ((e = map_next(&s->sessions, &at)) != NULL) {
		bool named = by_group ? strcmp(e->info.binding.group, what + 6) == 0
			: by_address  ? addr_equal(&e->info.path.remote, &a)
				      : strcmp(e->info.peer_text, what) == 0;

		if (e->links != NULL || !named)
			continue;
		if (ike_close(s->ike, e->id, IKE_REASON_OPERATOR, s->now_ms) != 0)
			continue;
		n++;
		at = 0; /* a deletion may move others past the walk */
	}
	return n;
}

unsigned
spokes_clear(struct spokes *s, const char *what, uint64_t now_ms)
{
	unsigned n = 0;

	s->now_ms = now_ms;
	for (uint32_t i = 0; i < s->max_links; i++) {
		if (s->slots[i] == NULL || !link_named(s->slots[i], what))
			continue;
		link_clear(s, s->slots[i]);
		n++;
	}
	return n + linkless_clear(s, what);
}

static bool
session_named(const struct session *e, const char *what)
{
	for (const struct link *l = e->links; l != NULL; l = l->next_of_session)
		if (link_named(l, what))
			return true;
	return false;
}

unsigned
spokes_rekey(struct spokes *s, const char *what, uint64_t now_ms)
{
	const struct session *e;
	size_t at = 0;
	unsigned n = 0;

	s->now_ms = now_ms;
	while ((e = map_next(&s->sessions, &at)) != NULL)
		if (session_named(e, what) && ike_rekey(s->ike, e->id, now_ms) == 0)
			n++;
	return n;
}

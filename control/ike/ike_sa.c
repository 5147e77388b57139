/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_sa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_proof.h"
#include "crypto/secret.h"

#define LIFE_FACTOR   3     /* unasked liveness after so many times dpd_s */
#define KEEPALIVE_MS  20000 /* RFC 3948, 4 */
#define EXPIRY_LOOK_S 600   /* the wall clock may be set: look at it so often */

static uint64_t
spi_new(struct ike *ike)
{
	return ike->ops->ike_spi != NULL ? ike->ops->ike_spi(ike->user) : ike_random_u64(ike);
}

static void
spi_free(struct ike_sa *sa)
{
	if (sa->ike->ops->ike_spi_free != NULL)
		sa->ike->ops->ike_spi_free(sa->ike->user, ike_sa_spi(sa));
}

struct ike_sa *
ike_sa_new(struct ike *ike, bool initiator, const struct ike_path *path,
	struct ike_policy_set *policy, uint64_t now_ms)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));
	uint64_t spi;

	if (sa == NULL)
		return NULL;
	do {
		spi = spi_new(ike);
	} while (spi == 0 || map_get(&ike->by_spi, spi) != NULL);
	*(initiator ? &sa->spi_i : &sa->spi_r) = spi;
	sa->ike = ike;
	sa->initiator = initiator;
	if (map_set(&ike->by_spi, spi, sa) != 0) {
		spi_free(sa);
		free(sa);
		return NULL;
	}
	sa->path = *path;
	sa->policy = policy;
	sa->created_ms = now_ms;
	sa->deadline_ms = sa->soft_ms = sa->hard_ms = IKE_TIMER_NEVER;
	sa->window.retry_ms = IKE_TIMER_NEVER;
	return sa;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t
ike_sa_life_due_ms(const struct ike_sa *sa)
{
	uint32_t dpd_s = ike_terms(sa)->profile.dpd_s;

	if (sa->state != IKE_UP || sa->peer == NULL || sa->peer->sa != sa || dpd_s == 0 ||
		sa->ours != NULL)
		return IKE_TIMER_NEVER;
	return sa->peer->life_ms + (uint64_t)dpd_s * LIFE_FACTOR * 1000;
}

static void
sa_fire(struct timer *t, uint64_t now_ms)
{
	struct ike_sa *sa = timer_owner(t, struct ike_sa, timer);

	ike_sa_timer(sa, now_ms);
	if (sa->state != IKE_DEAD)
		ike_sa_arm(sa);
}

void
ike_sa_arm(struct ike_sa *sa)
{
	uint64_t due = earlier(sa->deadline_ms, sa->window.retry_ms);

	if (sa->state == IKE_UP) {
		due = earlier(due, earlier(sa->soft_ms, sa->hard_ms));
		due = earlier(due, ike_sa_life_due_ms(sa));
		if (sa->peer != NULL && sa->peer->sa == sa)
			due = earlier(due, earlier(sa->peer->expiry_ms, sa->peer->keepalive_ms));
	}
	timer_arm(&sa->ike->timers, &sa->timer, due, sa_fire);
}

void
ike_sa_not_half_open(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	if (!sa->half_open)
		return;
	sa->half_open = false;
	ike->totals.half_open--;
	ike->by_source[sa->source_bucket]--;
	ike->by_address[sa->address_bucket]--;
	ike->by_prefix[sa->prefix_bucket]--;
}

static void
setup_free(struct ike_setup *s)
{
	if (s == NULL)
		return;
	ike_packets_free(&s->msg_i);
	ike_packets_free(&s->msg_r);
	secret_wipe_bytes(s, sizeof(*s));
	free(s);
}

void
ike_sa_free(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	timer_cancel(&ike->timers, &sa->timer);
	map_del(&ike->by_spi, ike_sa_spi(sa));
	spi_free(sa);
	if (sa->init_key != 0 && map_get(&ike->by_init, sa->init_key) == sa)
		map_del(&ike->by_init, sa->init_key);
	ike_exchange_free(sa->ours);
	ike_exchange_free(sa->theirs);
	setup_free(sa->setup);
	ike_window_clear(&sa->window);
	ike_keys_wipe(&sa->keys);
	free(sa);
}

struct ike_exchange *
ike_exchange_new(struct ike_sa *sa, bool ours, enum ike_task task)
{
	struct ike_exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->sa = sa;
	x->ours = ours;
	x->task = task;
	x->path = sa->path;
	sa->ike->ops->random(sa->ike->user, x->nonce_ours, sizeof(x->nonce_ours));
	*(ours ? &sa->ours : &sa->theirs) = x;
	return x;
}

/** What it was making and did not finish goes with it. */
void
ike_exchange_free(struct ike_exchange *x)
{
	if (x == NULL)
		return;
	if (x->child != NULL)
		ike_child_drop(x->child, IKE_REASON_REKEY_FAILED, x->sa->ike->now_ms);
	if (x->next_sa != NULL)
		ike_step(x->next_sa, EV_CLOSED, NULL, x->sa->ike->now_ms);
	if (x->spi_in != 0)
		x->sa->ike->ops->spi_free(x->sa->ike->user, x->spi_in);
	dh_free(x->dh);
	ike_proof_free(x->proof);
	ike_policy_hold(&x->asked_by, NULL);
	secret_wipe(&x->shared);
	*(x->ours ? &x->sa->ours : &x->sa->theirs) = NULL;
	secret_wipe_bytes(x, sizeof(*x));
	free(x);
}

void
ike_exchange_nonce(struct ike_exchange *x, struct ike_view nonce)
{
	x->nonce_theirs_bytes = (uint16_t)nonce.bytes;
	memcpy(x->nonce_theirs, nonce.data, nonce.bytes);
}

struct ike_seed
ike_exchange_seed(const struct ike_exchange *x, bool initiator)
{
	struct ike_view mine = ike_view_of(x->nonce_ours, sizeof(x->nonce_ours));
	struct ike_view theirs = ike_view_of(x->nonce_theirs, x->nonce_theirs_bytes);

	return (struct ike_seed){
		.ni = x->ours ? mine : theirs,
		.nr = x->ours ? theirs : mine,
		.initiator = initiator,
	};
}

void
ike_exchange_write(struct ike_chain *c, const struct ike_exchange *x)
{
	ike_chain_put(c, PAYLOAD_NONCE, x->nonce_ours, sizeof(x->nonce_ours));
	if (x->group != DH_NONE)
		ike_chain_ke(c, x->group, dh_public(x->dh), dh_alg(x->dh)->public_bytes);
}

void
ike_exchange_nonce_min(const struct ike_exchange *x, uint8_t out[IKE_NONCE_BYTES])
{
	uint8_t theirs[IKE_NONCE_BYTES] = { 0 };
	size_t n = x->nonce_theirs_bytes;

	memcpy(theirs, x->nonce_theirs, n < sizeof(theirs) ? n : sizeof(theirs));
	bool mine = memcmp(x->nonce_ours, theirs, sizeof(theirs)) < 0;

	memcpy(out, mine ? x->nonce_ours : theirs, sizeof(theirs));
}

void
ike_sa_belong(struct ike_sa *sa, struct ike_peer *peer)
{
	if (sa->peer != NULL) {
		struct ike_sa **at = &sa->peer->sas;

		while (*at != sa)
			at = &(*at)->next_of_peer;
		*at = sa->next_of_peer;
	}
	sa->peer = peer;
	if (peer == NULL)
		return;
	sa->next_of_peer = peer->sas;
	peer->sas = sa;
	if (sa->ike->ops->ike_spi_proven != NULL)
		sa->ike->ops->ike_spi_proven(sa->ike->user, ike_sa_spi(sa));
}

struct ike_peer *
ike_peer_new(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike *ike = sa->ike;
	struct ike_peer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->id = sa->session != 0 ? sa->session : ++ike->last_id;
	if (map_set(&ike->by_session, p->id, p) != 0) {
		free(p);
		return NULL;
	}
	p->ike = ike;
	p->path = sa->path;
	p->nat_local = sa->nat_local;
	p->nat_remote = sa->nat_remote;
	p->policy = p->terms = sa->policy;
	p->sa = sa;
	p->began = sa->initiator;
	p->created_ms = p->life_ms = now_ms;
	p->expiry_ms = p->keepalive_ms = IKE_TIMER_NEVER;
	if (p->nat_local && p->path.natt && ike->ops->keepalive != NULL)
		p->keepalive_ms = now_ms + KEEPALIVE_MS;
	ike_sa_belong(sa, p);
	sa->session = p->id;
	ike->totals.sessions++;
	return p;
}

static uint64_t
identity_key(const struct config_identity *id)
{
	return ike_fingerprint(id->data, id->bytes) ^ id->type;
}

struct ike_peer *
ike_peer_by_identity(const struct ike *ike, const struct config_identity *id)
{
	return map_get(&ike->by_identity, identity_key(id));
}

/** Not found by its identity any more. */
static void
peer_unlist(struct ike_peer *p)
{
	struct map *m = &p->ike->by_identity;
	uint64_t key = identity_key(&p->identity);
	struct ike_peer *first = map_get(m, key), **at = &first;

	while (*at != NULL && *at != p)
		at = &(*at)->next_same;
	if (*at == NULL)
		return;
	*at = p->next_same;
	if (first == NULL)
		map_del(m, key);
	else
		(void)map_set(m, key, first); /* replaces: cannot fail */
}

int
ike_peer_identify(struct ike_peer *p, const struct config_identity *id)
{
	peer_unlist(p);
	p->identity = *id;
	p->next_same = ike_peer_by_identity(p->ike, id);
	return map_set(&p->ike->by_identity, identity_key(id), p);
}

struct ike_session
ike_peer_session(const struct ike_peer *p, const char *text)
{
	struct ike_session s = {
		.session = p->id,
		.path = p->path,
		.peer = p->identity,
		.authority = p->authority,
		.binding = p->binding,
		.nat_remote = p->nat_remote,
		.nat_local = p->nat_local,
	};

	if (text[0] != '\0')
		snprintf(s.peer_text, sizeof(s.peer_text), "%s", text);
	else
		ike_identity_print(&p->identity, s.peer_text, sizeof(s.peer_text));
	memcpy(s.profile, p->policy->profile.name, sizeof(s.profile));
	ike_proof_print(&p->theirs, s.auth, sizeof(s.auth));
	return s;
}

void
ike_peer_close(struct ike_peer *p, enum ike_reason reason, uint64_t now_ms)
{
	struct ike_sa *sa = p->sa;

	sa->reason = reason;
	sa->rival = NULL; /* not the heir of a session that has to end */
	ike_step(sa, EV_CLOSE, NULL, now_ms);
}

/** IKE SAs of the peer beside the current one no longer belong to anybody. */
static void
peer_orphan_sas(struct ike_peer *p, uint64_t now_ms)
{
	struct ike_sa *sa;

	while ((sa = p->sas) != NULL) {
		ike_sa_belong(sa, NULL);
		ike_step(sa, EV_CLOSE, NULL, now_ms);
	}
}

/** Which certificate, when, and by what clock. */
static void
say_expiry(const struct ike_peer *p, struct ike_event *e)
{
	char until[CERT_TIME_BYTES], now[CERT_TIME_BYTES];

	snprintf(e->detail, sizeof(e->detail), "%s expired %s; our clock says %s",
		p->mark.until_ca ? "a CA certificate in its chain" : "its certificate",
		cert_time_print(p->mark.until_s, until),
		cert_time_print(p->ike->ops->wall_s(p->ike->user), now));
}

void
ike_peer_down(struct ike_peer *p, enum ike_reason reason, uint64_t now_ms)
{
	struct ike *ike = p->ike;
	struct ike_session s = ike_peer_session(p, "");
	p->sa = NULL;
	p->sending_on = 0;
	while (p->children != NULL)
		ike_child_drop(p->children, reason, now_ms);
	peer_orphan_sas(p, now_ms);
	ike->ops->peer_down(ike->user, &s, reason);
	struct ike_event *e = ike_event_begin(ike, reason, &p->path);

	ike_event_whose(e, p);
	if (reason == IKE_REASON_CERT_EXPIRED)
		say_expiry(p, e);
	ike_event_send(ike, e, now_ms);
	ike->totals.sessions--;
	map_del(&ike->by_session, p->id);
	peer_unlist(p);
	free(p->vendors);
	free(p);
}

static bool
path_equal(const struct ike_path *a, const struct ike_path *b)
{
	return a->remote_port == b->remote_port && a->local_port == b->local_port &&
		a->natt == b->natt && addr_equal(&a->remote, &b->remote) &&
		addr_equal(&a->local, &b->local);
}

void
ike_peer_move(struct ike_peer *p, const struct ike_path *path, uint64_t now_ms)
{
	if (path_equal(&p->path, path) || !p->nat_remote || !path->natt)
		return;
	p->path = *path;
	if (p->sa != NULL)
		p->sa->path = *path;
	for (struct ike_child *c = p->children; c != NULL; c = c->next) {
		if (c->transport)
			c->ts_remote = path->remote;
		if (c->installed)
			p->ike->ops->child_moved(p->ike->user, c->id, path);
	}
	struct ike_event *e = ike_event_begin(p->ike, IKE_REASON_PATH_MOVED, path);

	ike_event_whose(e, p);
	ike_event_send(p->ike, e, now_ms);
}

void
ike_peer_has_answer(struct ike_peer *p)
{
	for (struct ike_child *c = p->children; c != NULL; c = c->next)
		c->sure_ms = IKE_TIMER_NEVER;
}

void
ike_peer_alive(struct ike_peer *p, uint64_t now_ms)
{
	p->life_ms = now_ms;
}

void
ike_peer_sent(struct ike_peer *p, const struct ike_path *path, uint64_t now_ms)
{
	if (path_equal(&p->path, path))
		p->sent_ms = now_ms;
}

void
ike_peer_keepalive(struct ike_peer *p, uint64_t now_ms)
{
	if (now_ms >= p->sent_ms + KEEPALIVE_MS) {
		p->ike->ops->keepalive(p->ike->user, &p->path);
		p->sent_ms = now_ms;
	}
	p->keepalive_ms = p->sent_ms + KEEPALIVE_MS;
}

bool
ike_peer_expired(struct ike_peer *p, uint64_t now_ms)
{
	int64_t left_s;

	if (p->mark.until_s == 0)
		return false;
	left_s = p->mark.until_s - p->ike->ops->wall_s(p->ike->user);
	if (left_s <= 0)
		left_s = 0;
	else if (left_s > EXPIRY_LOOK_S)
		left_s = EXPIRY_LOOK_S;
	p->expiry_ms = now_ms + (uint64_t)left_s * 1000;
	return left_s == 0;
}

struct ike_child *
ike_child_new(struct ike_exchange *x, uint32_t spi_in, uint64_t now_ms)
{
	struct ike_peer *peer = x->sa->peer;
	struct ike *ike = peer->ike;
	struct ike_child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->id = ++ike->last_id;
	c->spi_in = spi_in != 0 ? spi_in : ike->ops->spi_alloc(ike->user);
	if (c->spi_in == 0 || map_set(&ike->by_child, c->id, c) != 0) {
		if (c->spi_in != 0)
			ike->ops->spi_free(ike->user, c->spi_in);
		free(c);
		return NULL;
	}
	c->peer = peer;
	c->maker = x;
	x->child = c;
	c->created_ms = now_ms;
	c->soft_ms = c->hard_ms = c->switch_ms = c->sure_ms = IKE_TIMER_NEVER;
	c->next = peer->children;
	peer->children = c;
	peer->children_count++;
	ike->totals.children++;
	return c;
}

struct ike_child *
ike_child_by_spi_out(const struct ike_peer *peer, uint32_t spi)
{
	for (struct ike_child *c = peer->children; c != NULL; c = c->next)
		if (c->spi_out == spi && c->state != CHILD_NEW)
			return c;
	return NULL;
}

/** The newest child that can carry traffic, the one to be replaced last. */
static struct ike_child *
child_best(const struct ike_peer *peer)
{
	struct ike_child *best = NULL;

	for (struct ike_child *c = peer->children; c != NULL; c = c->next) {
		if (!c->installed || c->state == CHILD_NEW || c->state == CHILD_DELETING)
			continue;
		if (best == NULL || (best->state == CHILD_REPLACED && c->state != CHILD_REPLACED))
			best = c;
	}
	return best;
}

static void
child_unlink(struct ike_child *c)
{
	struct ike_child **at = &c->peer->children;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->peer->children_count--;
}

void
ike_child_drop(struct ike_child *c, enum ike_reason reason, uint64_t now_ms)
{
	struct ike_peer *peer = c->peer;
	struct ike *ike = peer->ike;

	timer_cancel(&ike->timers, &c->timer);
	map_del(&ike->by_child, c->id);
	child_unlink(c);
	ike->totals.children--;
	if (c->maker != NULL)
		c->maker->child = NULL;
	if (c->installed)
		ike->ops->child_remove(ike->user, c->id, reason);
	else
		ike->ops->spi_free(ike->user, c->spi_in);
	if (peer->sending_on == c->id && peer->sa != NULL) {
		struct ike_child *other = child_best(peer);

		peer->sending_on = 0;
		if (other != NULL)
			ike_child_send_on(other);
	}
	free(c);
}

void
ike_child_send_on(struct ike_child *c)
{
	c->switch_ms = IKE_TIMER_NEVER;
	ike_child_arm(c);
	if (c->peer->sending_on == c->id)
		return;
	c->peer->sending_on = c->id;
	c->peer->ike->ops->child_use_outbound(c->peer->ike->user, c->id);
}

static void
child_fire(struct timer *t, uint64_t now_ms)
{
	ike_child_timer(timer_owner(t, struct ike_child, timer), now_ms);
}

void
ike_child_arm(struct ike_child *c)
{
	uint64_t due = earlier(earlier(c->switch_ms, c->sure_ms), earlier(c->soft_ms, c->hard_ms));

	timer_arm(&c->peer->ike->timers, &c->timer, due, child_fire);
}

void
ike_child_up(struct ike_child *c, uint64_t now_ms)
{
	uint64_t life_ms = (uint64_t)c->peer->terms->profile.esp_lifetime_s * 1000;
	struct ike *ike = c->peer->ike;

	c->state = CHILD_UP;
	if (life_ms == 0)
		return;
	/* Jitter, so that ten thousand that came up together do not rekey together. */
	c->soft_ms = now_ms + life_ms + ike_random_below(ike, (uint32_t)(life_ms / 10) + 1);
	c->hard_ms = c->soft_ms + (life_ms / 10 > 120000 ? life_ms / 10 : 120000);
	ike_child_arm(c);
}

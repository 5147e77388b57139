/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike.h"

#include <errno.h>
#include <stdlib.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_conf.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_proof.h"
#include "crypto/secret.h"

struct ike *
ike_new(const struct ike_ops *ops, void *user)
{
	struct ike *ike = calloc(1, sizeof(*ike));

	if (ike == NULL)
		return NULL;
	ike->ops = ops;
	ike->user = user;
	ike->policy_none.users = 1;
	ops->random(user, &ike->hash_seed, sizeof(ike->hash_seed));
	ike->known = calloc(IKE_KNOWN_BUCKETS, sizeof(*ike->known));
	if (ike->known == NULL) {
		free(ike);
		return NULL;
	}
	return ike;
}

/* Freeing tells nobody: operations of an engine that is going. */

static void
quiet_free(void *user, uint32_t spi)
{
}

static void
quiet_remove(void *user, uint64_t child, enum ike_reason reason)
{
}

static void
quiet_use(void *user, uint64_t child)
{
}

static void
quiet_down(void *user, const struct ike_session *s, enum ike_reason reason)
{
}

static void
quiet_event(void *user, const struct ike_event *e)
{
}

static const struct ike_ops quiet = {
	.spi_free = quiet_free,
	.child_remove = quiet_remove,
	.child_use_outbound = quiet_use,
	.peer_down = quiet_down,
	.event = quiet_event,
};

static bool
is_current(const struct ike_sa *sa)
{
	return sa->peer != NULL && sa->peer->sa == sa;
}

/** Those that are a peer's current SA, or all others. */
static void
close_all(struct ike *ike, bool current)
{
	struct ike_sa *sa;
	size_t at = 0;

	while ((sa = map_next(&ike->by_spi, &at)) != NULL) {
		if (sa->state != IKE_DEAD && is_current(sa) == current)
			ike_step(sa, EV_CLOSED, NULL, ike->now_ms);
	}
}

void
ike_free(struct ike *ike)
{
	if (ike == NULL)
		return;
	ike->ops = &quiet;
	close_all(ike, false); /* a current SA that goes would have its peer's others deleted */
	close_all(ike, true);
	ike_settle(ike, ike->now_ms);
	ike_jobs_free(ike);
	ike_conf_free(ike);
	map_free(&ike->by_spi);
	map_free(&ike->by_init);
	map_free(&ike->by_session);
	map_free(&ike->by_identity);
	map_free(&ike->by_child);
	timers_free(&ike->timers);
	ike_failures_free(&ike->events.failures);
	free(ike->known);
	secret_wipe_bytes(ike, sizeof(*ike));
	free(ike);
}

void
ike_ready(struct ike_sa *sa)
{
	if (sa->ready_listed)
		return;
	sa->ready_listed = true;
	sa->ready_next = sa->ike->ready;
	sa->ike->ready = sa;
}

void
ike_bury(struct ike_sa *sa)
{
	if (sa->dead_listed)
		return;
	sa->dead_listed = true;
	sa->dead_next = sa->ike->dead;
	sa->ike->dead = sa;
}

static void
ready_continue(struct ike_sa *sa, uint64_t now_ms)
{
	sa->ready_listed = false;
	if (sa->theirs != NULL && sa->theirs->ready) {
		sa->theirs->ready = false;
		ike_step(sa, EV_THEIRS_READY, NULL, now_ms);
	}
	if (sa->ours != NULL && sa->ours->ready) {
		sa->ours->ready = false;
		ike_step(sa, EV_OURS_READY, NULL, now_ms);
	}
}

void
ike_settle(struct ike *ike, uint64_t now_ms)
{
	struct ike_sa *sa;

	for (;;) {
		ike_jobs_drain(ike);
		if ((sa = ike->ready) != NULL) {
			ike->ready = sa->ready_next;
			ready_continue(sa, now_ms);
		} else if ((sa = ike->dead) != NULL) {
			ike->dead = sa->dead_next;
			ike_sa_free(sa);
		} else {
			return;
		}
	}
}

uint64_t
ike_random_u64(struct ike *ike)
{
	uint64_t v;

	ike->ops->random(ike->user, &v, sizeof(v));
	return v;
}

uint32_t
ike_random_below(struct ike *ike, uint32_t n)
{
	uint32_t v;

	ike->ops->random(ike->user, &v, sizeof(v));
	return (uint32_t)((uint64_t)v * n >> 32);
}

uint64_t
ike_next_ms(const struct ike *ike)
{
	return timers_next_ms(&ike->timers);
}

void
ike_tick(struct ike *ike, uint64_t now_ms)
{
	ike->now_ms = now_ms;
	timers_run(&ike->timers, now_ms);
	ike_settle(ike, now_ms);
}

/**
 * What is wanted of whom. The child is asked for before the peer is proven: by the terms of the
 * shared key that we expect it to have; with certificates nothing is known of it yet.
 */
static void
setup_dial(struct ike_sa *sa, const struct ike_dial *dial)
{
	struct ike_setup *s = sa->setup;
	const struct ike_psk *psk;

	s->psk_wanted = dial->psk;
	s->claimed = dial->peer;
	psk = ike_proof_by_key(sa) ? ike_psk_find(sa->ike, &dial->peer, &dial->path.remote) : NULL;
	if (psk != NULL)
		memcpy(s->terms, psk->binding.profile, sizeof(s->terms));
	s->transport =
		ike_child_transport(ike_terms_find(sa->ike, s->terms, sa->policy), dial->transport);
}

uint64_t
ike_initiate(struct ike *ike, const struct ike_dial *dial, uint64_t now_ms)
{
	struct ike_policy_set *set = ike_policy_find(ike, &dial->path.local);
	struct ike_sa *sa;
	uint64_t session;

	if (set == NULL || ike->closing)
		return 0;
	ike->now_ms = now_ms;
	sa = ike_sa_new(ike, true, &dial->path, set, now_ms);
	if (sa == NULL)
		return 0;
	session = sa->session = ++ike->last_id;
	sa->setup = calloc(1, sizeof(*sa->setup));
	if (sa->setup != NULL)
		setup_dial(sa, dial);
	int err = ike_step(sa, EV_INITIATE, NULL, now_ms);

	ike_settle(ike, now_ms);
	return err == 0 ? session : 0;
}

void
ike_child_installed(struct ike *ike, uint64_t child, int err, uint64_t now_ms)
{
	struct ike_child *c = map_get(&ike->by_child, child);

	if (c == NULL || c->maker == NULL || !c->maker->keyed || c->maker->err != -EINPROGRESS)
		return;
	ike->now_ms = now_ms;
	c->maker->err = err;
	if (err != 0)
		c->installed = false;
	c->maker->ready = true;
	ike_ready(c->maker->sa);
	ike_settle(ike, now_ms);
}

/** The session's SA has something new to do. */
static void
nudge(struct ike_peer *peer, uint64_t now_ms)
{
	struct ike_sa *sa = peer->sa;

	ike_task_next(sa, now_ms);
	ike_sa_arm(sa);
	ike_settle(sa->ike, now_ms);
}

void
ike_child_used(struct ike *ike, uint64_t child, uint64_t now_ms)
{
	struct ike_child *c = map_get(&ike->by_child, child);

	if (c == NULL)
		return;
	ike->now_ms = now_ms;
	ike_peer_alive(c->peer, now_ms);
	c->used = true;
	/* It has the answer by which it learnt of this child, and will not ask for it again. */
	if (c->sure_ms != IKE_TIMER_NEVER && c->peer->sa != NULL)
		ike_packets_free(&c->peer->sa->window.reply);
	c->sure_ms = IKE_TIMER_NEVER;
	if (c->state == CHILD_UP && c->switch_ms != IKE_TIMER_NEVER &&
		c->switch_ms > now_ms + IKE_SETTLE_MS) {
		c->switch_ms = now_ms + IKE_SETTLE_MS;
		ike_child_arm(c);
	}
	if (c->peer->sa != NULL)
		nudge(c->peer, now_ms);
}

void
ike_child_soft(struct ike *ike, uint64_t child, uint64_t now_ms)
{
	struct ike_child *c = map_get(&ike->by_child, child);

	if (c == NULL || c->state != CHILD_UP || c->peer->sa == NULL)
		return;
	ike->now_ms = now_ms;
	c->want_rekey = true;
	nudge(c->peer, now_ms);
}

void
ike_path_moved(
	struct ike *ike, uint64_t child, const struct addr *remote, uint16_t port, uint64_t now_ms)
{
	struct ike_child *c = map_get(&ike->by_child, child);

	if (c == NULL)
		return;
	struct ike_path path = c->peer->path;

	ike->now_ms = now_ms;
	path.remote = *remote;
	path.remote_port = port;
	ike_peer_alive(c->peer, now_ms);
	ike_peer_move(c->peer, &path, now_ms);
}

void
ike_proof_of_life(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	struct ike_peer *p = map_get(&ike->by_session, session);

	if (p != NULL)
		ike_peer_alive(p, now_ms);
}

void
ike_sent(struct ike *ike, uint64_t session, uint64_t since_ms)
{
	struct ike_peer *p = map_get(&ike->by_session, session);

	if (p != NULL && p->sent_ms < since_ms)
		p->sent_ms = since_ms;
}

void
ike_probe(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	struct ike_peer *p = map_get(&ike->by_session, session);

	if (p == NULL || p->sa == NULL || p->terms->profile.dpd_s == 0 ||
		now_ms < p->life_ms + (uint64_t)p->terms->profile.dpd_s * 1000)
		return;
	ike->now_ms = now_ms;
	p->sa->want_probe = true;
	nudge(p, now_ms);
}

int
ike_rekey(struct ike *ike, uint64_t session, uint64_t now_ms)
{
	struct ike_peer *p = map_get(&ike->by_session, session);

	if (p == NULL || p->sa == NULL)
		return -ENOENT;
	ike->now_ms = now_ms;
	p->sa->want_rekey = true;
	for (struct ike_child *c = p->children; c != NULL; c = c->next)
		if (c->state == CHILD_UP)
			c->want_rekey = true;
	nudge(p, now_ms);
	return 0;
}

int
ike_close(struct ike *ike, uint64_t session, enum ike_reason reason, uint64_t now_ms)
{
	struct ike_peer *p = map_get(&ike->by_session, session);

	if (p == NULL || p->sa == NULL)
		return -ENOENT;
	ike->now_ms = now_ms;
	ike_peer_close(p, reason, now_ms);
	ike_settle(ike, now_ms);
	return 0;
}

void
ike_shutdown(struct ike *ike, uint64_t now_ms)
{
	struct ike_peer *p;
	struct ike_sa *sa;
	size_t at = 0;

	ike->now_ms = now_ms;
	ike->closing = true;
	while ((p = map_next(&ike->by_session, &at)) != NULL) {
		if (p->sa == NULL)
			continue;
		ike_peer_close(p, IKE_REASON_SHUTDOWN, now_ms);
		at = 0;
	}
	at = 0;
	while ((sa = map_next(&ike->by_spi, &at)) != NULL)
		if (sa->state != IKE_DEAD && sa->state != IKE_DELETING)
			ike_step(sa, EV_CLOSED, NULL, now_ms);
	ike_settle(ike, now_ms);
}

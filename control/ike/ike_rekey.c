/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_rekey.h"

#include <errno.h>
#include <stdio.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_pack.h"

#define RETRY_MS      5000u
#define RETRY_LATE_MS 60000u
#define ROUNDS_MAX    3
#define PUT_OFF_MAX   3 /* that is told: collisions end sooner */

static int
refuse(struct ike_sa *sa, const struct ike_path *path, uint16_t notify, const void *data, size_t n)
{
	ike_msg_reply_notify(sa, EXCHANGE_CREATE_CHILD, path, notify, data, n);
	return 0;
}

static int
refuse_suite(struct ike_sa *sa, const struct ike_msg *in, const struct ike_policy *policy,
	uint64_t now_ms)
{
	refuse(sa, &in->path, N_NO_PROPOSAL_CHOSEN, NULL, 0);
	sa->ike->totals.ike_rekeys_refused++;
	struct ike_event *e = ike_event_of_peer(
		sa, IKE_REASON_NO_PROPOSAL_CHOSEN, &in->path, N_NO_PROPOSAL_CHOSEN);

	snprintf(e->detail, sizeof(e->detail), "rekey of the IKE SA");
	ike_offer_print(in->p.sa, e->offered, sizeof(e->offered));
	ike_lines_print(policy, e->wanted, sizeof(e->wanted));
	ike_event_send(sa->ike, e, now_ms);
	return 0;
}

/** Rows of the collision table: while one of us works on children, the IKE SA stays. */
static bool
is_bad_moment(const struct ike_sa *sa)
{
	enum ike_task ours = sa->ours != NULL ? sa->ours->task : TASK_NONE;

	return sa->peer->sa != sa || sa->rival != NULL || ours == TASK_AUTH ||
		ours == TASK_REKEY_CHILD || ours == TASK_CHILD || ours == TASK_DELETE_CHILD;
}

/** A new SA that takes over from sa, not yet keyed. */
static struct ike_sa *
successor_new(struct ike_exchange *x, bool initiator, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_sa *next = ike_sa_new(sa->ike, initiator, &sa->path, sa->policy, now_ms);

	if (next == NULL)
		return NULL;
	next->nat_local = sa->nat_local;
	next->nat_remote = sa->nat_remote;
	next->fragments = sa->fragments;
	next->ppk = sa->ppk;
	next->cookie = sa->cookie;
	next->session = sa->session;
	x->next_sa = next;
	return next;
}

/** Keys are there: the new SA works, beside the old one. */
static int
successor_key(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *next = x->next_sa;
	struct ike_seed seed = ike_exchange_seed(x, next->initiator);

	next->suite = x->suite;
	seed.spi_i = next->spi_i;
	seed.spi_r = next->spi_r;
	int err = ike_keys_rekey(&next->keys, &next->suite, &seed, &x->shared, &x->sa->keys);

	if (err != 0)
		return err;
	ike_exchange_nonce_min(x, next->nonce_min);
	ike_sa_belong(next, x->sa->peer);
	x->next_sa = NULL;
	ike_step(next, EV_INHERIT, NULL, now_ms);
	ike_sa_up(next, now_ms);
	ike_sa_arm(next);
	return 0;
}

/** The new SA is the session's; what had to wait for the rekey goes on there. */
static void
take_over(struct ike_sa *next, bool theirs, uint64_t now_ms)
{
	struct ike_peer *peer = next->peer;

	peer->sa = next;
	peer->rekeys++;
	next->ike->totals.ike_rekeys++;
	next->ike->totals.ike_rekeys_theirs += theirs;
	ike_task_next(next, now_ms);
	ike_sa_arm(next);
}

int
ike_rekey_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_policy policy = ike_sa_policy(sa->policy, in->p.ke_group);
	struct ike_exchange *x;
	struct ike_suite suite;

	if (is_bad_moment(sa))
		return refuse(sa, &in->path, N_TEMPORARY_FAILURE, NULL, 0);
	if (in->p.nonce.data == NULL || in->p.ke.data == NULL)
		return refuse(sa, &in->path, N_INVALID_SYNTAX, NULL, 0);
	if (ike_suite_choose(in->p.sa, &policy, &suite) != 0 || suite.spi == 0)
		return refuse_suite(sa, in, &policy, now_ms);
	if (suite.dh != in->p.ke_group) {
		uint8_t group[2] = { (uint8_t)(suite.dh >> 8), (uint8_t)suite.dh };

		return refuse(sa, &in->path, N_INVALID_KE_PAYLOAD, group, sizeof(group));
	}
	x = ike_exchange_new(sa, false, TASK_REKEY_IKE);
	if (x == NULL)
		return refuse(sa, &in->path, N_TEMPORARY_FAILURE, NULL, 0);
	x->path = in->path;
	x->suite = suite;
	x->group = suite.dh;
	ike_exchange_nonce(x, in->p.nonce);
	struct ike_sa *next = successor_new(x, false, now_ms);

	if (next != NULL)
		next->spi_i = suite.spi;
	if (next == NULL || ike_job_start(x, in->p.ke, now_ms) != 0) {
		ike_exchange_free(x);
		refuse(sa, &in->path, N_TEMPORARY_FAILURE, NULL, 0);
	}
	return 0;
}

void
ike_rekey_theirs_ready(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa, *next = x->next_sa;
	struct ike_chain c;
	int err = x->err;

	if (err == 0)
		err = successor_key(x, now_ms);
	if (err != 0) {
		refuse(sa, &x->path, err == -EBADMSG ? N_INVALID_SYNTAX : N_TEMPORARY_FAILURE, NULL,
			0);
		ike_exchange_free(x);
		return;
	}
	ike_msg_begin(sa->ike, &c);
	ike_suites_write(&c, PROTO_IKE, &next->suite, 1, next->spi_r, 8);
	ike_exchange_write(&c, x);
	ike_msg_reply(sa, &c, EXCHANGE_CREATE_CHILD, &x->path);
	ike_exchange_free(x);
	if (sa->ours != NULL && sa->ours->task == TASK_REKEY_IKE) {
		sa->rival = next; /* crossed: decided with the answer to ours */
		return;
	}
	take_over(next, true, now_ms);
	ike_post(sa, EV_REPLACED);
}

/** Ours failed: the peer's, if it crossed, stands; otherwise again after a while. */
static void
ask_again_later(struct ike_exchange *x, uint32_t wait_ms, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;

	ike_exchange_free(x);
	if (sa->rival != NULL) {
		take_over(sa->rival, true, now_ms);
		sa->rival = NULL;
		ike_post(sa, EV_REPLACED);
		return;
	}
	sa->ike->totals.ike_rekeys_failed += wait_ms == RETRY_LATE_MS;
	sa->soft_ms = now_ms + wait_ms + ike_random_below(sa->ike, wait_ms);
	ike_sa_arm(sa);
}

static void
key_pair_make(struct ike_exchange *x, uint64_t now_ms)
{
	x->asked = false;
	dh_free(x->dh);
	x->dh = NULL;
	if (ike_job_start(x, ike_view_of(NULL, 0), now_ms) != 0)
		ask_again_later(x, RETRY_MS, now_ms);
}

void
ike_rekey_begin(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_exchange *x = ike_exchange_new(sa, true, TASK_REKEY_IKE);

	sa->want_rekey = false;
	if (x == NULL)
		return;
	x->group = ike_policy_has_group(sa->policy, sa->suite.dh) ? sa->suite.dh
								  : sa->policy->groups[0];
	if (successor_new(x, true, now_ms) == NULL)
		ask_again_later(x, RETRY_MS, now_ms);
	else
		key_pair_make(x, now_ms);
}

/** Small: near what is in use. */
static int
distance(const struct config_proposal *line, const struct ike_suite *s, uint16_t group)
{
	bool other = line->encr != s->encr || line->encr_bits != s->encr_bits ||
		line->integ != s->integ || line->prf != s->prf;

	return other * 2 + (line->dh != group);
}

/**
 * All that the profile has now: of what is equally weak the present suite first, with the group
 * of the key exchange. The peer may have come to want another.
 */
static void
offer_write(struct ike_chain *c, const struct ike_exchange *x)
{
	struct config_proposal lines[CONFIG_PROPOSALS];
	struct ike_policy all = ike_sa_policy(x->sa->policy, x->group), offer = all;
	size_t n = 0, end;

	for (size_t i = 0; i < all.lines_count; i = end) {
		for (end = i; end < all.lines_count && all.lines[end].weak == all.lines[i].weak;)
			end++;
		for (int far = 0; far <= 3; far++)
			for (size_t j = i; j < end; j++)
				if (distance(&all.lines[j], &x->sa->suite, x->group) == far)
					lines[n++] = all.lines[j];
	}
	offer.lines = lines;
	ike_lines_write(c, &offer, x->next_sa->spi_i, 8);
}

static void
ask_send(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_chain c;

	if (x->err != 0) {
		ask_again_later(x, RETRY_MS, now_ms);
		return;
	}
	x->asked = true;
	ike_policy_hold(&x->asked_by, sa->policy);
	ike_msg_begin(sa->ike, &c);
	offer_write(&c, x);
	ike_exchange_write(&c, x);
	if (ike_msg_request(sa, &c, EXCHANGE_CREATE_CHILD, now_ms) != 0)
		ask_again_later(x, RETRY_MS, now_ms);
}

void
ike_rekey_ours_ready(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa, *next = x->next_sa;

	if (!x->asked) {
		ask_send(x, now_ms);
		return;
	}
	if (x->err != 0 || successor_key(x, now_ms) != 0) {
		ask_again_later(x, RETRY_LATE_MS, now_ms);
		return;
	}
	ike_exchange_free(x);
	struct ike_sa *rival = sa->rival;

	sa->rival = NULL;
	if (rival != NULL && memcmp(next->nonce_min, rival->nonce_min, IKE_NONCE_BYTES) < 0) {
		take_over(rival, true, now_ms);
		next->reason = IKE_REASON_REKEY_REDUNDANT;
		ike_step(next, EV_CLOSE, NULL, now_ms);
		ike_post(sa, EV_REPLACED);
		return;
	}
	take_over(next, false, now_ms);
	if (rival != NULL)
		ike_step(rival, EV_REPLACED, NULL, now_ms);
	sa->reason = IKE_REASON_REKEYED;
	ike_post(sa, EV_CLOSE);
}

/** INVALID_KE_PAYLOAD with a group that we have, too. True: asked anew. */
static bool
ask_with_its_group(struct ike_exchange *x, const struct ike_notify *error, uint64_t now_ms)
{
	if (error->type != N_INVALID_KE_PAYLOAD || error->data.bytes != 2 ||
		x->rounds++ >= ROUNDS_MAX)
		return false;
	uint16_t group = (uint16_t)(error->data.data[0] << 8 | error->data.data[1]);

	if (group == x->group || !ike_policy_has_group(x->sa->policy, group))
		return false;
	x->group = group;
	key_pair_make(x, now_ms);
	return true;
}

/**
 * Told, and asked again after a minute or two: until the hard limit that leaves an operator
 * time. error NULL: the answer does not fit what was asked for. Nothing is lost when the
 * peer's own rekey crossed.
 */
static void
rekey_failed(struct ike_exchange *x, const struct ike_notify *error, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_policy policy = ike_sa_policy(sa->policy, x->group);

	if (sa->rival == NULL) {
		struct ike_event *e = ike_event_of_peer(sa, IKE_REASON_REKEY_FAILED, &sa->path, 0);

		snprintf(e->detail, sizeof(e->detail), "rekey of the IKE SA: the peer answered %s",
			error != NULL ? ike_notify_name(error->type)
				      : "with what was not asked for");
		ike_lines_print(&policy, e->wanted, sizeof(e->wanted));
		ike_event_send(sa->ike, e, now_ms);
	}
	ask_again_later(x, RETRY_LATE_MS, now_ms);
}

static void
answered_error(struct ike_exchange *x, const struct ike_notify *error, uint64_t now_ms)
{
	if (ask_with_its_group(x, error, now_ms))
		return;
	if (error->type == N_TEMPORARY_FAILURE && ++x->sa->put_off % PUT_OFF_MAX != 0)
		ask_again_later(x, RETRY_MS, now_ms);
	else
		rekey_failed(x, error, now_ms);
}

void
ike_rekey_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_notify *error = ike_notify_error(&in->p);
	struct ike_policy policy = ike_sa_policy(x->asked_by, x->group);

	if (error != NULL) {
		answered_error(x, error, now_ms);
		return;
	}
	if (in->p.sa.data == NULL || in->p.nonce.data == NULL || in->p.ke.data == NULL) {
		rekey_failed(x, NULL, now_ms);
		return;
	}
	ike_exchange_nonce(x, in->p.nonce);
	if (ike_suite_accept(in->p.sa, &policy, &x->suite) != 0 || x->suite.spi == 0 ||
		x->suite.dh != x->group || in->p.ke_group != x->group) {
		rekey_failed(x, NULL, now_ms);
		return;
	}
	x->next_sa->spi_r = x->suite.spi;
	if (ike_job_start(x, in->p.ke, now_ms) != 0)
		ask_again_later(x, RETRY_MS, now_ms);
}

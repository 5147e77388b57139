/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_pack.h"

#define PROTOCOL_GRE  47
#define RETRY_MS      5000u  /* after TEMPORARY_FAILURE, plus as much again at random */
#define RETRY_LATE_MS 30000u /* after a refusal that an operator may have to mend */
#define ROUNDS_MAX    3
#define OFFERS_MAX    16 /* groups of one request, and none */

static struct ike_child *
old_child(const struct ike_exchange *x)
{
	return map_get(&x->sa->ike->by_child, x->child_id);
}

/**
 * Group of the key exchange: the one the peer took or offered last, else that of the IKE SA, if
 * the profile still has it.
 * Whether it wants any is not known after the first child, whose keys come from the IKE SA.
 */
static uint16_t
pfs_group(const struct ike_sa *sa)
{
	const struct ike_policy_set *set = ike_terms(sa);

	if (set->profile.pfs == PFS_OFF || (set->profile.pfs == PFS_PEER && sa->peer->pfs_seen < 0))
		return DH_NONE;
	if (ike_policy_has_group(set, sa->peer->pfs_group))
		return sa->peer->pfs_group;
	return ike_policy_has_group(set, sa->suite.dh) ? sa->suite.dh : set->groups[0];
}

static void
ask_again_later(struct ike_exchange *x, uint32_t wait_ms, uint64_t now_ms)
{
	struct ike_child *old = old_child(x);

	if (old != NULL && old->state == CHILD_REKEYING) {
		old->state = CHILD_UP;
		if (old->successor != 0) {
			ike_child_replaced(old, now_ms);
		} else {
			old->soft_ms = now_ms + wait_ms + ike_random_below(x->sa->ike, wait_ms);
			ike_child_arm(old);
		}
	}
	ike_exchange_free(x);
}

static void
key_pair_make(struct ike_exchange *x, uint64_t now_ms)
{
	x->asked = false;
	dh_free(x->dh);
	x->dh = NULL;
	if (x->group == DH_NONE) {
		x->err = 0;
		x->ready = true;
		ike_ready(x->sa);
	} else if (ike_job_start(x, ike_view_of(NULL, 0), now_ms) != 0) {
		ask_again_later(x, RETRY_MS, now_ms);
	}
}

void
ike_child_rekey_begin(struct ike_sa *sa, struct ike_child *old, uint64_t now_ms)
{
	struct ike_exchange *x = ike_exchange_new(sa, true, TASK_REKEY_CHILD);

	old->want_rekey = false;
	if (x == NULL)
		return;
	x->child_id = old->id;
	x->group = pfs_group(sa);
	old->state = CHILD_REKEYING;
	if (ike_child_new(x, 0, now_ms) == NULL)
		ask_again_later(x, RETRY_MS, now_ms);
	else
		key_pair_make(x, now_ms);
}

/**
 * Each group that would do, that of the key exchange first: the peer may ask for another of them.
 * And none, while it is not known whether the peer wants any.
 */
static size_t
groups_offered(const struct ike_exchange *x, uint16_t out[OFFERS_MAX])
{
	const struct ike_policy_set *set = ike_terms(x->sa);
	size_t n = 0;

	out[n++] = x->group;
	if (x->group == DH_NONE)
		return n;
	for (size_t i = 0; i < set->groups_count && n < OFFERS_MAX - 1; i++)
		if (set->groups[i] != x->group)
			out[n++] = set->groups[i];
	if (x->sa->peer->pfs_seen == 0 && set->profile.pfs == PFS_PEER)
		out[n++] = DH_NONE;
	return n;
}

/** The old suite with each of the groups; where it no longer applies, all that do. */
static void
offer_write(struct ike_chain *c, const struct ike_exchange *x, const struct ike_suite *old)
{
	const struct ike_policy_set *set = ike_terms(x->sa);
	struct ike_suite suites[OFFERS_MAX];
	uint16_t groups[OFFERS_MAX];
	size_t n = groups_offered(x, groups);

	if (!ike_child_suite_fits(set, old)) {
		struct ike_policy policy = ike_child_policy(
			set, x->group != DH_NONE ? DH_RULE_REQUIRE : DH_RULE_NONE, x->group);

		policy.groups = groups;
		policy.groups_count = n;
		ike_lines_write(c, &policy, x->child->spi_in, 4);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		suites[i] = *old;
		suites[i].number = 0;
		suites[i].integ_none = suites[i].dh_none = false;
		suites[i].dh = groups[i];
	}
	ike_suites_write(c, PROTO_ESP, suites, n, x->child->spi_in, 4);
}

/**
 * In the other mode the peer behind a NAT is selected by its other address: who never told that
 * says which.
 */
static void
remote_write(
	struct ike_chain *c, const struct ike_sa *sa, const struct ike_child *old, bool transport)
{
	if (transport == old->transport)
		ike_chain_ts(c, PAYLOAD_TSR, ike_child_ts_remote(old), PROTOCOL_GRE);
	else if (transport || !sa->nat_remote)
		ike_chain_ts(c, PAYLOAD_TSR, &sa->path.remote, PROTOCOL_GRE);
	else if (old->remote_claimed.family != ADDR_NONE)
		ike_chain_ts(c, PAYLOAD_TSR, &old->remote_claimed, PROTOCOL_GRE);
	else
		ike_chain_ts_any(c, PAYLOAD_TSR, sa->path.remote.family, PROTOCOL_GRE);
}

static void
ask_send(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	const struct ike_child *old = old_child(x);
	struct ike_chain c;

	if (old == NULL || x->child == NULL || x->err != 0) {
		ask_again_later(x, RETRY_MS, now_ms);
		return;
	}
	bool transport = ike_child_transport(ike_terms(sa), old->transport);

	x->asked = true;
	ike_policy_hold(&x->asked_by, ike_terms(sa));
	ike_msg_begin(sa->ike, &c);
	ike_chain_notify_esp(&c, N_REKEY_SA, old->spi_in);
	if (transport)
		ike_chain_notify(&c, N_USE_TRANSPORT_MODE, NULL, 0);
	offer_write(&c, x, &old->suite);
	ike_exchange_write(&c, x);
	ike_chain_ts(&c, PAYLOAD_TSI, ike_child_ts_local(old), PROTOCOL_GRE);
	remote_write(&c, sa, old, transport);
	if (ike_msg_request(sa, &c, EXCHANGE_CREATE_CHILD, now_ms) != 0)
		ask_again_later(x, RETRY_MS, now_ms);
}

void
ike_child_unwanted(struct ike_child *c, enum ike_reason reason)
{
	c->state = CHILD_REPLACED;
	c->want_delete = true;
	c->reason = reason;
}

/** Traffic goes over to the new one in a moment, and the old one is deleted then. */
static void
switch_soon(struct ike_child *made, struct ike_child *old, uint64_t now_ms)
{
	uint64_t at_ms = now_ms;

	if (made->switch_ms != IKE_TIMER_NEVER) { /* else there was no other to send on */
		at_ms = made->switch_ms = now_ms + IKE_SETTLE_MS;
		ike_child_arm(made);
	}
	if (old == NULL)
		return;
	old->hard_ms = at_ms;
	ike_child_arm(old);
}

static void
rekey_done(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_child *old = old_child(x);
	struct ike_child *rival =
		old == NULL ? NULL : map_get(&x->sa->ike->by_child, old->successor);
	struct ike_child *made;

	/* Two rekeys crossed: the exchange with the smallest nonce is the redundant one. */
	if (rival == NULL)
		rival = map_get(&x->sa->ike->by_child, x->rival);
	bool lost = rival != NULL && rival->state == CHILD_UP &&
		memcmp(x->child->nonce_min, rival->nonce_min, IKE_NONCE_BYTES) < 0;

	x->sa->ike->totals.child_rekeys++;
	ike_child_pfs_note(x);
	made = ike_child_done(x, false, now_ms);
	if (old != NULL)
		ike_child_replaced(old, now_ms);
	if (lost) {
		made->switch_ms = IKE_TIMER_NEVER;
		ike_child_unwanted(made, IKE_REASON_REKEY_REDUNDANT);
	} else {
		switch_soon(made, old, now_ms);
		if (rival != NULL)
			ike_child_replaced(rival, now_ms);
	}
	ike_exchange_free(x);
}

void
ike_child_ours_ready(struct ike_exchange *x, uint64_t now_ms)
{
	if (!x->asked) {
		ask_send(x, now_ms);
		return;
	}
	if (x->child == NULL) { /* closed while the data path or a helper worked */
		ask_again_later(x, RETRY_MS, now_ms);
		return;
	}
	if (!x->keyed && x->err == 0 && ike_child_install(x, now_ms) == -EINPROGRESS)
		return;
	if (x->err == 0) {
		rekey_done(x, now_ms);
		return;
	}
	struct ike_child *made = x->child;

	x->child = NULL;
	made->maker = NULL;
	ike_child_unwanted(made, IKE_REASON_INSTALL_FAILED);
	ask_again_later(x, RETRY_LATE_MS, now_ms);
}

/** The peer wants another group, or none. True: asked anew. */
static bool
ask_differently(struct ike_exchange *x, const struct ike_notify *error, uint64_t now_ms)
{
	const struct ike_policy_set *set = ike_terms(x->sa);
	uint16_t group = DH_NONE;

	if (x->rounds++ >= ROUNDS_MAX || x->child == NULL)
		return false;
	if (error->type == N_NO_PROPOSAL_CHOSEN && x->group != DH_NONE &&
		set->profile.pfs == PFS_PEER) {
		x->group = DH_NONE;
		key_pair_make(x, now_ms);
		return true;
	}
	if (error->type != N_INVALID_KE_PAYLOAD || error->data.bytes != 2)
		return false;
	group = (uint16_t)(error->data.data[0] << 8 | error->data.data[1]);
	if (group == x->group || !ike_policy_has_group(set, group))
		return false;
	x->group = group;
	key_pair_make(x, now_ms);
	return true;
}

static void
answered_error(struct ike_exchange *x, const struct ike_notify *error, uint64_t now_ms)
{
	struct ike_child *old = old_child(x);
	if (ask_differently(x, error, now_ms))
		return;
	if (error->type == N_TEMPORARY_FAILURE) {
		ask_again_later(x, RETRY_MS, now_ms);
		return;
	}
	if (error->type == N_CHILD_SA_NOT_FOUND) {
		if (old != NULL)
			ike_child_drop(old,
				old->successor != 0 ? IKE_REASON_REKEYED : IKE_REASON_PEER_DELETED,
				now_ms);
		ike_exchange_free(x);
		return;
	}
	struct ike_event *e = ike_event_begin(x->sa->ike, IKE_REASON_REKEY_FAILED, &x->sa->path);

	ike_event_whose(e, x->sa->peer);
	snprintf(e->detail, sizeof(e->detail), "of a child SA: the peer answered %s",
		ike_notify_name(error->type));
	ike_event_send(x->sa->ike, e, now_ms);
	x->sa->ike->totals.child_rekeys_failed++;
	ask_again_later(x, RETRY_LATE_MS, now_ms);
}

void
ike_child_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_notify *error = ike_notify_error(&in->p);
	uint16_t group;

	if (error != NULL) {
		answered_error(x, error, now_ms);
		return;
	}
	if (in->p.sa.data == NULL || in->p.nonce.data == NULL || x->child == NULL) {
		ask_again_later(x, RETRY_LATE_MS, now_ms);
		return;
	}
	ike_exchange_nonce(x, in->p.nonce);
	group = x->group;
	if (ike_child_agree(x, in, x->asked_by, now_ms) != 0 ||
		(x->suite.dh != DH_NONE &&
			(x->suite.dh != group || in->p.ke.data == NULL ||
				in->p.ke_group != group))) {
		struct ike_child *made = x->child;

		x->child = NULL;
		made->maker = NULL;
		ike_child_unwanted(made, IKE_REASON_REKEY_FAILED);
		ask_again_later(x, RETRY_LATE_MS, now_ms);
		return;
	}
	x->group = x->suite.dh;
	if (x->group == DH_NONE) {
		x->ready = true;
		ike_ready(x->sa);
	} else if (ike_job_start(x, in->p.ke, now_ms) != 0) {
		ask_again_later(x, RETRY_MS, now_ms);
	}
}

/** Is it what applies to its peer, which was not known to be it when we asked? */
static bool
fits(const struct ike_child *c)
{
	const struct ike_policy_set *terms = c->peer->terms;

	return ike_child_suite_fits(terms, &c->suite) &&
		ike_child_transport(terms, c->transport) == c->transport;
}

void
ike_child_auth_ready(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_child *made = x->child;

	if (made != NULL && x->err == 0) {
		ike_child_done(x, true, now_ms);
		made->want_rekey = !fits(made);
	} else if (made != NULL) {
		x->child = NULL;
		made->maker = NULL;
		ike_child_unwanted(made, IKE_REASON_INSTALL_FAILED);
	}
	ike_exchange_free(x);
}

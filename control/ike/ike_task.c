/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_rekey.h"

static void
probe_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	ike_exchange_free(x); /* that it is authentic was all we asked for */
}

static void
delete_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_child *c = map_get(&x->sa->ike->by_child, x->child_id);

	if (c != NULL)
		ike_child_drop(c, c->reason, now_ms);
	ike_exchange_free(x);
}

/** What each kind of exchange does when deferred work is done and when the answer comes. */
static const struct task_row {
	void (*theirs_ready)(struct ike_exchange *x, uint64_t now_ms);
	void (*ours_ready)(struct ike_exchange *x, uint64_t now_ms);
	void (*answered)(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms);
} tasks[] = {
	[TASK_AUTH] = { NULL, ike_child_auth_ready, NULL },
	[TASK_CHILD] = { ike_child_theirs_ready, NULL, NULL },
	[TASK_REKEY_CHILD] = { ike_child_theirs_ready, ike_child_ours_ready, ike_child_answered },
	[TASK_REKEY_IKE] = { ike_rekey_theirs_ready, ike_rekey_ours_ready, ike_rekey_answered },
	[TASK_DELETE_CHILD] = { NULL, NULL, delete_answered },
	[TASK_PROBE] = { NULL, NULL, probe_answered },
};

int
ike_task_answered(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;

	ike_window_answered(&sa->window, now_ms);
	if (x != NULL)
		tasks[x->task].answered(x, in, now_ms);
	return 0;
}

int
ike_task_theirs_ready(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	tasks[sa->theirs->task].theirs_ready(sa->theirs, now_ms);
	return 0;
}

int
ike_task_ours_ready(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	tasks[sa->ours->task].ours_ready(sa->ours, now_ms);
	return 0;
}

int
ike_task_refuse(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	ike_msg_reply_notify(sa, EXCHANGE_CREATE_CHILD, &in->path, N_TEMPORARY_FAILURE, NULL, 0);
	return 0;
}

static void
probe_begin(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_chain c;

	sa->want_probe = false;
	if (ike_exchange_new(sa, true, TASK_PROBE) == NULL)
		return;
	ike_msg_begin(sa->ike, &c);
	if (ike_msg_request(sa, &c, EXCHANGE_INFORMATIONAL, now_ms) != 0)
		ike_exchange_free(sa->ours);
}

static void
delete_begin(struct ike_sa *sa, struct ike_child *c, uint64_t now_ms)
{
	struct ike_exchange *x = ike_exchange_new(sa, true, TASK_DELETE_CHILD);
	struct ike_chain chain;

	if (x == NULL)
		return;
	x->child_id = c->id;
	c->want_delete = false;
	c->state = CHILD_DELETING;
	c->soft_ms = c->hard_ms = c->switch_ms = IKE_TIMER_NEVER;
	ike_child_arm(c);
	ike_msg_begin(sa->ike, &chain);
	ike_chain_delete_esp(&chain, &c->spi_in, 1);
	if (ike_msg_request(sa, &chain, EXCHANGE_INFORMATIONAL, now_ms) != 0)
		ike_exchange_free(x);
}

/** What the peer made but may not know of yet, our answer being lost, is left in peace. */
void
ike_task_next(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_peer *peer = sa->peer;

	if (sa->state != IKE_UP || sa->ours != NULL || sa->window.request.data != NULL ||
		peer == NULL || peer->sa != sa)
		return;
	for (struct ike_child *c = peer->children; c != NULL; c = c->next) {
		if (!c->want_delete || c->state == CHILD_NEW || c->state == CHILD_DELETING ||
			c->sure_ms != IKE_TIMER_NEVER)
			continue;
		delete_begin(sa, c, now_ms);
		return;
	}
	if (sa->want_rekey && sa->theirs == NULL) {
		ike_rekey_begin(sa, now_ms);
		return;
	}
	for (struct ike_child *c = peer->children; c != NULL; c = c->next) {
		if (!c->want_rekey || c->state != CHILD_UP || c->sure_ms != IKE_TIMER_NEVER)
			continue;
		ike_child_rekey_begin(sa, c, now_ms);
		return;
	}
	if (sa->want_probe)
		probe_begin(sa, now_ms);
}

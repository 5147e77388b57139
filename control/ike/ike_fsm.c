/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_fsm.h"

#include <errno.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_msg.h"

const char *const ike_state_name[IKE_STATES] = {
	[IKE_NEW] = "new",
	[IKE_R_KEYING] = "keying",
	[IKE_R_KEYED] = "keyed",
	[IKE_R_PROVING] = "proving",
	[IKE_R_AUTH] = "auth",
	[IKE_I_KEYGEN] = "keygen",
	[IKE_I_INIT] = "init-sent",
	[IKE_I_KEYING] = "keying",
	[IKE_I_SIGNING] = "signing",
	[IKE_I_AUTH] = "auth-sent",
	[IKE_I_PROVING] = "proving",
	[IKE_UP] = "up",
	[IKE_REPLACED] = "replaced",
	[IKE_DELETING] = "deleting",
	[IKE_GONE] = "gone",
	[IKE_DEAD] = "dead",
};

static int
nothing(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	return 0;
}

/** The first exchange was answered, nothing authenticated followed: only rubbish, or nothing. */
static int
half_open_over(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	bool garbled = sa->setup != NULL && sa->setup->garbled;
	struct ike_event *e = ike_event_begin(
		sa->ike, garbled ? IKE_REASON_INTEGRITY : IKE_REASON_TIMEOUT_HALF_OPEN, &sa->path);

	e->session = sa->session;
	ike_event_send(sa->ike, e, now_ms);
	return 0;
}

static int
silent(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	sa->reason = IKE_REASON_PEER_SILENT;
	if (sa->peer != NULL || sa->session == 0)
		return 0; /* told when the peer goes down, if it was the current SA */
	struct ike_event *e = ike_event_begin(sa->ike, IKE_REASON_PEER_SILENT, &sa->path);

	e->session = sa->session;
	ike_event_send(sa->ike, e, now_ms);
	return 0;
}

static const struct ike_rule {
	enum ike_state in;
	enum ike_ev on;
	ike_action *act;
	enum ike_state then, on_error;
} rules[] = {
	/* in state       on event          do                    then          on error */
	{ IKE_NEW, EV_INIT_REQ, ike_init_take, IKE_R_KEYING, IKE_DEAD },
	{ IKE_NEW, EV_INITIATE, ike_init_keygen, IKE_I_KEYGEN, IKE_DEAD },
	{ IKE_NEW, EV_INHERIT, nothing, IKE_UP, IKE_DEAD },
	{ IKE_NEW, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_R_KEYING, EV_THEIRS_READY, ike_init_answer, IKE_R_KEYED, IKE_DEAD },
	{ IKE_R_KEYING, EV_TIMEOUT, half_open_over, IKE_DEAD, IKE_DEAD },
	{ IKE_R_KEYING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_R_KEYED, EV_AUTH_REQ, ike_auth_take, IKE_R_PROVING, IKE_GONE },
	{ IKE_R_KEYED, EV_TIMEOUT, half_open_over, IKE_DEAD, IKE_DEAD },
	{ IKE_R_KEYED, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_R_PROVING, EV_THEIRS_READY, ike_auth_proven, IKE_R_AUTH, IKE_GONE },
	{ IKE_R_PROVING, EV_TIMEOUT, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_R_PROVING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_R_AUTH, EV_THEIRS_READY, ike_auth_answer, IKE_UP, IKE_DEAD },
	{ IKE_R_AUTH, EV_TIMEOUT, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_R_AUTH, EV_CLOSE, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_R_AUTH, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_I_KEYGEN, EV_OURS_READY, ike_init_ask, IKE_I_INIT, IKE_DEAD },
	{ IKE_I_KEYGEN, EV_TIMEOUT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_KEYGEN, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_I_INIT, EV_INIT_RESP, ike_init_answered, IKE_I_KEYING, IKE_DEAD },
	{ IKE_I_INIT, EV_INITIATE, ike_init_keygen, IKE_I_KEYGEN, IKE_DEAD },
	{ IKE_I_INIT, EV_SILENT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_INIT, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_I_KEYING, EV_OURS_READY, ike_auth_sign, IKE_I_SIGNING, IKE_DEAD },
	{ IKE_I_KEYING, EV_TIMEOUT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_KEYING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_I_SIGNING, EV_OURS_READY, ike_auth_ask, IKE_I_AUTH, IKE_DEAD },
	{ IKE_I_SIGNING, EV_TIMEOUT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_SIGNING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_I_AUTH, EV_AUTH_RESP, ike_auth_answered, IKE_I_PROVING, IKE_DEAD },
	{ IKE_I_AUTH, EV_SILENT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_AUTH, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_I_PROVING, EV_OURS_READY, ike_auth_concluded, IKE_UP, IKE_DEAD },
	{ IKE_I_PROVING, EV_TIMEOUT, silent, IKE_DEAD, IKE_DEAD },
	{ IKE_I_PROVING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_UP, EV_CHILD_REQ, ike_child_take, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_REKEY_REQ, ike_rekey_take, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_INFO_REQ, ike_info_take, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_DELETE_REQ, ike_delete_take, IKE_GONE, IKE_DEAD },
	{ IKE_UP, EV_TASK_RESP, ike_task_answered, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_THEIRS_READY, ike_task_theirs_ready, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_OURS_READY, ike_task_ours_ready, IKE_UP, IKE_DEAD },
	{ IKE_UP, EV_REPLACED, nothing, IKE_REPLACED, IKE_DEAD },
	{ IKE_UP, EV_CLOSE, ike_close_ask, IKE_DELETING, IKE_DEAD },
	{ IKE_UP, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_UP, EV_SILENT, silent, IKE_DEAD, IKE_DEAD },

	{ IKE_REPLACED, EV_CHILD_REQ, ike_task_refuse, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_REKEY_REQ, ike_task_refuse, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_INFO_REQ, ike_info_take, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_DELETE_REQ, ike_delete_take, IKE_GONE, IKE_DEAD },
	{ IKE_REPLACED, EV_TASK_RESP, ike_task_answered, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_THEIRS_READY, ike_task_theirs_ready, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_OURS_READY, ike_task_ours_ready, IKE_REPLACED, IKE_DEAD },
	{ IKE_REPLACED, EV_CLOSE, ike_close_ask, IKE_DELETING, IKE_DEAD },
	{ IKE_REPLACED, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_REPLACED, EV_TIMEOUT, ike_close_ask, IKE_DELETING, IKE_DEAD },
	{ IKE_REPLACED, EV_SILENT, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_DELETING, EV_CHILD_REQ, ike_task_refuse, IKE_DELETING, IKE_DEAD },
	{ IKE_DELETING, EV_REKEY_REQ, ike_task_refuse, IKE_DELETING, IKE_DEAD },
	{ IKE_DELETING, EV_INFO_REQ, ike_info_take, IKE_DELETING, IKE_DEAD },
	{ IKE_DELETING, EV_DELETE_REQ, ike_delete_take, IKE_GONE, IKE_DEAD },
	{ IKE_DELETING, EV_TASK_RESP, ike_close_answered, IKE_DEAD, IKE_DEAD },
	{ IKE_DELETING, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_DELETING, EV_SILENT, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_DELETING, EV_TIMEOUT, nothing, IKE_DEAD, IKE_DEAD },

	{ IKE_GONE, EV_TIMEOUT, nothing, IKE_DEAD, IKE_DEAD },
	{ IKE_GONE, EV_CLOSED, nothing, IKE_DEAD, IKE_DEAD },
};

/** Longest stay in a state before EV_TIMEOUT, seconds; 0 = no limit. */
static const uint16_t stay_s[IKE_STATES] = {
	[IKE_R_KEYING] = 30,
	[IKE_R_KEYED] = 30,
	[IKE_R_PROVING] = 30,
	[IKE_R_AUTH] = 30,
	[IKE_I_KEYGEN] = 30,
	[IKE_I_KEYING] = 30,
	[IKE_I_SIGNING] = 30,
	[IKE_I_PROVING] = 30,
	[IKE_REPLACED] = 30, /* then we delete it ourselves (interop table: never deleted) */
	[IKE_DELETING] = 40,
	[IKE_GONE] = 15,
};

static const struct ike_rule *
rule_find(enum ike_state state, enum ike_ev ev)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].in == state && rules[i].on == ev)
			return &rules[i];
	return NULL;
}

bool
ike_step_has(const struct ike_sa *sa, enum ike_ev ev)
{
	return rule_find(sa->state, ev) != NULL;
}

void
ike_post(struct ike_sa *sa, enum ike_ev ev)
{
	sa->posted |= 1u << ev;
}

/** What belongs to being in a state, wherever it was entered from. */
static void
state_enter(struct ike_sa *sa, enum ike_state next, uint64_t now_ms)
{
	enum ike_state was = sa->state;

	sa->state = next;
	if (was == next)
		return;
	sa->deadline_ms = stay_s[next] != 0 ? now_ms + stay_s[next] * 1000u : IKE_TIMER_NEVER;
	if (next == IKE_UP || next == IKE_DEAD)
		ike_sa_not_half_open(sa);
	if ((next == IKE_DELETING || next == IKE_GONE || next == IKE_DEAD) && sa->peer != NULL) {
		struct ike_peer *peer = sa->peer;

		ike_sa_belong(sa, NULL);
		if (peer->sa == sa && sa->rival != NULL) {
			peer->sa = sa->rival; /* its rekey goes on although ours is lost */
			ike_task_next(peer->sa, now_ms);
			ike_sa_arm(peer->sa);
		} else if (peer->sa == sa)
			ike_peer_down(peer, sa->reason, now_ms);
		else if (peer->sa != NULL && peer->sa->rival == sa)
			peer->sa->rival = NULL;
	}
	if (next != IKE_DEAD)
		return;
	/* Now, not at the burial: the SA an exchange was making may be buried before this one. */
	ike_exchange_free(sa->ours);
	ike_exchange_free(sa->theirs);
	ike_bury(sa);
}

static int
step_one(struct ike_sa *sa, enum ike_ev ev, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_rule *r = rule_find(sa->state, ev);

	if (r == NULL)
		return -EPROTO;
	int err = r->act(sa, in, now_ms);

	if (err != -EAGAIN)
		state_enter(sa, err == 0 ? r->then : r->on_error, now_ms);
	return err;
}

int
ike_step(struct ike_sa *sa, enum ike_ev ev, const struct ike_msg *in, uint64_t now_ms)
{
	int err = step_one(sa, ev, in, now_ms);

	while (sa->posted != 0 && sa->state != IKE_DEAD) {
		unsigned next = (unsigned)__builtin_ctz(sa->posted);

		sa->posted &= sa->posted - 1;
		step_one(sa, (enum ike_ev)next, NULL, now_ms);
	}
	if (sa->state != IKE_DEAD) {
		ike_task_next(sa, now_ms);
		ike_sa_arm(sa);
	}
	return err;
}

/** The open request was not answered in time. */
static void
retry(struct ike_sa *sa, uint64_t now_ms)
{
	if (ike_window_retry(&sa->window, now_ms)) {
		sa->ike->totals.retransmitted++;
		ike_msg_send_of(sa, &sa->window.request, &sa->window.request_path);
		return;
	}
	sa->window.retry_ms = IKE_TIMER_NEVER;
	ike_step(sa, EV_SILENT, NULL, now_ms);
}

void
ike_sa_timer(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_peer *peer = sa->peer;
	bool current = sa->state == IKE_UP && peer != NULL && peer->sa == sa;

	if (current && now_ms >= peer->keepalive_ms)
		ike_peer_keepalive(peer, now_ms);
	if (now_ms >= sa->window.retry_ms) {
		retry(sa, now_ms);
		return;
	}
	if (now_ms >= sa->deadline_ms) {
		sa->deadline_ms = IKE_TIMER_NEVER;
		ike_step(sa, EV_TIMEOUT, NULL, now_ms);
		return;
	}
	if (!current)
		return;
	if (now_ms >= sa->hard_ms) {
		sa->hard_ms = IKE_TIMER_NEVER;
		sa->reason = IKE_REASON_LIFETIME;
		ike_step(sa, EV_CLOSE, NULL, now_ms);
		return;
	}
	if (now_ms >= peer->expiry_ms && ike_peer_expired(peer, now_ms)) {
		ike_peer_close(peer, IKE_REASON_CERT_EXPIRED, now_ms);
		return;
	}
	if (now_ms >= sa->soft_ms) {
		sa->soft_ms = IKE_TIMER_NEVER;
		sa->want_rekey = true;
	} else if (now_ms >= ike_sa_life_due_ms(sa)) { /* ESP may have come since it was armed */
		sa->want_probe = true;
	}
	ike_task_next(sa, now_ms);
}

/** Peer's rekey without traffic, our limits, in the order of urgency. */
void
ike_child_timer(struct ike_child *c, uint64_t now_ms)
{
	struct ike_sa *sa = c->peer->sa;

	if (now_ms >= c->switch_ms) {
		ike_child_send_on(c);
	} else if (now_ms >= c->hard_ms) {
		c->hard_ms = IKE_TIMER_NEVER;
		c->want_delete = true;
		if (c->state != CHILD_REPLACED)
			c->reason = IKE_REASON_LIFETIME;
	} else if (now_ms >= c->soft_ms) {
		c->soft_ms = IKE_TIMER_NEVER;
		c->want_rekey = true;
	} else if (now_ms >= c->sure_ms) {
		c->sure_ms = IKE_TIMER_NEVER;
	}
	ike_child_arm(c);
	if (sa != NULL) {
		ike_task_next(sa, now_ms);
		ike_sa_arm(sa);
	}
}

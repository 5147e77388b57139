/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_FSM_H
#define CONTROL_IKE_IKE_FSM_H

/** The state machine of an IKE SA and the actions its table names. */
#include "control/ike/ike_sa.h"

extern const char *const ike_state_name[IKE_STATES];

/** Is there an edge for this event? A request without one is dropped, window untouched. */
bool ike_step_has(const struct ike_sa *sa, enum ike_ev ev);

/**
 * Feed one event to an IKE SA. The only code that writes sa->state; sa may be buried
 * afterwards (freed at the end of the public call, so pointers stay good until then).
 * Returns 0 when the edge was taken; -EPROTO when there is none or -EAGAIN when the
 * action kept the state (both: unchanged; a request then counts as not received); another negative
 * errno when it took the edge for errors.
 */
int ike_step(struct ike_sa *sa, enum ike_ev ev, const struct ike_msg *in, uint64_t now_ms);

/** An event to follow the one being handled. */
void ike_post(struct ike_sa *sa, enum ike_ev ev);

/** One of the times an SA, a child waits for has come. */
void ike_sa_timer(struct ike_sa *sa, uint64_t now_ms);
void ike_child_timer(struct ike_child *c, uint64_t now_ms);

typedef int ike_action(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms);

/* ike_init.c */
ike_action ike_init_take;     /* IKE_SA_INIT request accepted by the stateless checks */
ike_action ike_init_answer;   /* key exchange done */
ike_action ike_init_keygen;   /* initiator: begin, or begin again with another group */
ike_action ike_init_ask;      /* key pair there */
ike_action ike_init_answered; /* response */
/* ike_auth.c */
ike_action ike_auth_take;      /* request: have it proven */
ike_action ike_auth_proven;    /* or not */
ike_action ike_auth_answer;    /* the child is there */
ike_action ike_auth_sign;      /* initiator: keys are there, find our proof */
ike_action ike_auth_ask;       /* it is there */
ike_action ike_auth_answered;  /* response: have it proven */
ike_action ike_auth_concluded; /* or not */
/* ike_child.c */
ike_action ike_child_take;
/* ike_rekey.c */
ike_action ike_rekey_take;
/* ike_info.c */
ike_action ike_info_take;
ike_action ike_delete_take;
ike_action ike_close_ask;      /* send the delete of the IKE SA */
ike_action ike_close_answered; /* to the delete, or to what was open before it */
/* ike_task.c */
ike_action ike_task_answered;
ike_action ike_task_theirs_ready;
ike_action ike_task_ours_ready;
ike_action ike_task_refuse; /* TEMPORARY_FAILURE */

/** Begin the next exchange of our own if there is something to do and none is open. */
void ike_task_next(struct ike_sa *sa, uint64_t now_ms);

#endif

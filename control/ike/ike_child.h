/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_CHILD_H
#define CONTROL_IKE_IKE_CHILD_H

/** Child SAs: what IKE_AUTH and CREATE_CHILD_SA share. */
#include "control/ike/ike_engine.h"

/**
 * The old SA stays in use so long after the exchange of ours, or the peer's first packet, that made
 * the new one: there are peers whose data path has it later than they answer (OpenIKED), or that
 * send on it before they can receive (libreswan).
 */
#define IKE_SETTLE_MS 500u

/** Responder: choose suite, mode and selectors into x->child, or set x->refuse and tell why. */
void ike_child_choose(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms);
/** Why the owner did not install it. */
enum ike_reason ike_child_fault(int err);
/** Refuse: drop x->child, tell the operator; the answer is left to the exchange. */
void ike_child_refused(
	struct ike_exchange *x, enum ike_reason reason, uint16_t notify, uint64_t now_ms);
/**
 * Initiator: take the answer's suite, mode and selectors into x->child, by the terms it was asked
 * by. 0 or -EACCES (told).
 */
int ike_child_agree(struct ike_exchange *x, const struct ike_msg *in,
	const struct ike_policy_set *terms, uint64_t now_ms);

/**
 * Derive the keys of x->child and give it to the data path. 0, -EINPROGRESS (x becomes
 * ready later), or another negative errno, also in x->err.
 */
int ike_child_install(struct ike_exchange *x, uint64_t now_ms);

/** Do the terms allow a child with this suite, whatever its group? */
bool ike_child_suite_fits(const struct ike_policy_set *terms, const struct ike_suite *s);
/** The mode to ask for, where the terms leave it open the one wanted. */
bool ike_child_transport(const struct ike_policy_set *terms, bool wanted);

/** The two sides of a child's pair, as its peer wants to read them. */
const struct addr *ike_child_ts_local(const struct ike_child *c);
const struct addr *ike_child_ts_remote(const struct ike_child *c);

/** SA, TSi, TSr and the mode of x->child as answer. */
void ike_child_write(struct ike_chain *c, const struct ike_exchange *x);
/** The same as request of the first child, by the terms of the setup. */
void ike_child_offer(struct ike_chain *c, const struct ike_sa *sa, uint32_t spi);

/**
 * The exchange is complete: x->child carries traffic, at once (send) or when the peer
 * was seen using it. x->child is taken out of x.
 */
struct ike_child *ike_child_done(struct ike_exchange *x, bool send, uint64_t now_ms);

/** Remember with which group, or that without one, the peer makes new keys. */
void ike_child_pfs_note(const struct ike_exchange *x);

/** A newer one took over: wait for its delete, at most 30 s. */
void ike_child_replaced(struct ike_child *old, uint64_t now_ms);

/** What is acceptable for ESP; ke_group is that of the KE payload, 0 = none. */
struct ike_policy ike_child_policy(
	const struct ike_policy_set *set, enum ike_dh_rule rule, uint16_t ke_group);

/** The peer's CREATE_CHILD_SA: deferred work is done. */
void ike_child_theirs_ready(struct ike_exchange *x, uint64_t now_ms);

/** Our IKE_AUTH: the first child is installed, or cannot be. */
void ike_child_auth_ready(struct ike_exchange *x, uint64_t now_ms);
/** Have a child deleted that the peer made but we cannot or need not use. */
void ike_child_unwanted(struct ike_child *c, enum ike_reason reason);

/* Our own CREATE_CHILD_SA: ike_child_ask.c */

void ike_child_rekey_begin(struct ike_sa *sa, struct ike_child *old, uint64_t now_ms);
void ike_child_ours_ready(struct ike_exchange *x, uint64_t now_ms);
void ike_child_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms);

/* ike_auth.c */

/** Lifetimes of an IKE SA that is up begin; the setup's data is wiped. */
void ike_sa_up(struct ike_sa *sa, uint64_t now_ms);

#endif

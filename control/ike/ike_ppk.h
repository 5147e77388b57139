/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PPK_H
#define CONTROL_IKE_IKE_PPK_H

/**
 * Post-quantum preshared keys (RFC 8784): a second secret mixed into the key tree after
 * IKE_SA_INIT, so that a recorded session stays closed to one who breaks its groups later.
 */
#include "control/ike/ike_proof.h"

/** Do we know any, so that USE_PPK is worth saying? */
bool ike_ppk_known(const struct ike *ike);

/**
 * Responder, once the claimed identity is read: mix the key the message names into the
 * tree, or find that none is to be used. Where the peer does without, *in's AUTH becomes
 * its NO_PPK_AUTH. A reason: refuse.
 */
enum ike_reason ike_ppk_take(struct ike_sa *sa, struct ike_msg *in, struct ike_finding *f);
/** Back to the tree without the key, if one was mixed in. */
void ike_ppk_undo(struct ike_sa *sa);
/** Responder: tell that the key was used. */
void ike_ppk_answer(struct ike_chain *c, const struct ike_sa *sa);

/**
 * Initiator: mix our key in when both sides said USE_PPK, and keep the tree without it.
 * Writes nothing. -ENOENT: the key is required and the peer knows of no PPK.
 */
int ike_ppk_begin(struct ike_sa *sa);
/** Has our proof without the key to go along? */
bool ike_ppk_optional(const struct ike_sa *sa);
/** Initiator, behind AUTH: which key, and the proof for a peer that does not have it. */
int ike_ppk_write(struct ike_chain *c, const struct ike_exchange *x);
/** Initiator: the answer; without PPK_IDENTITY the tree without the key counts. */
enum ike_reason ike_ppk_answered(
	struct ike_sa *sa, const struct ike_payloads *p, struct ike_finding *f);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_REKEY_H
#define CONTROL_IKE_IKE_REKEY_H

/** Rekey of the IKE SA itself (RFC 7296, 1.3.2 and 2.8), both roles. */
#include "control/ike/ike_engine.h"

void ike_rekey_theirs_ready(struct ike_exchange *x, uint64_t now_ms);

void ike_rekey_begin(struct ike_sa *sa, uint64_t now_ms);
void ike_rekey_ours_ready(struct ike_exchange *x, uint64_t now_ms);
void ike_rekey_answered(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_INIT_H
#define CONTROL_IKE_IKE_INIT_H

#include "control/ike/ike_engine.h"

/**
 * A first message (RFC 7296, 1.2), in the order of what it costs us: repeats, syntax,
 * cookie, policy and group without any state; only then limits and an SA.
 */
void ike_init_request(struct ike *ike, struct ike_msg *in, uint64_t now_ms);

#endif

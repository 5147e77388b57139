/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_CONF_H
#define CONTROL_IKE_IKE_CONF_H

#include "control/ike/ike_engine.h"

/** Wipe and free what ike_configure() copied. */
void ike_conf_free(struct ike *ike);

#endif

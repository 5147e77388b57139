/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_VERIFY_H
#define TEST_PERF_VERIFY_H

#include "test/perf/lap.h"

/**
 * One lap whose frames are looked at: of every VERIFY_EVERY packets one is opened with
 * lib/ipsec where it is ESP, and must be the packet that went in, one hop older.
 * Returns how many were not; *looked_at: how many were compared.
 */
uint32_t verify_lap(const struct lap_case *c, uint32_t *looked_at);

#define VERIFY_EVERY 32

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_JSON_H
#define CONTROL_MGMT_JSON_H

/** Values of ours as JSON; each returns a new reference. What is not there is null. */
#include <stdint.h>

#include <jansson.h>

#include "config/addr.h"

/** Any octets: what is no UTF-8 is shown with "?". */
json_t *json_text(const char *text);
json_t *json_addr(const struct addr *a);
json_t *json_spi(uint32_t spi);
/** Milliseconds as whole seconds; UINT64_MAX (never) is null. */
json_t *json_ms_left(uint64_t ms);

/** Seconds since 1970 as "2026-11-24 13:00:00 UTC"; 0 is null. */
json_t *json_time(int64_t at_s);

/** NULL-terminated pairs: key, title. */
json_t *json_columns(const char *const *pairs);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_SCALAR_H
#define CONFIG_SCALAR_H

#include <stddef.h>

#include "config/addr.h"
#include "config/schema.h"

/**
 * Is this text a value of the schema's type and within its rule (may be NULL)?
 * Returns 0, or -EINVAL with what was found and what is allowed in why[n]. Text of a
 * secret is never repeated in why.
 */
int scalar_check(const char *text, const cyaml_schema_value_t *schema,
	const struct schema_rule *rule, char *why, size_t n);

/** Decimal digits only, no sign, no leading zero. Returns 0 or -EINVAL. */
int scalar_number(const char *text, uint32_t *value);

/** KIND_ADDRESS_OR_NET: "any" gives ADDR_NONE, an address its host prefix. */
int scalar_address_or_net(const char *text, struct prefix *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_WALK_H
#define CONFIG_WALK_H

#include "config/report.h"

/**
 * Compare a document with the schema and report everything that does not fit: unknown,
 * missing and repeated keys, wrong types, numbers and texts out of their rule. What
 * passes here loads in libcyaml without an error.
 */
void walk_document(const struct doc *d, struct report *r);

#endif

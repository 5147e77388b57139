/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_PROPOSAL_H
#define CONFIG_PROPOSAL_H

/**
 * Suites in strongSwan's spelling, "aes256-aes128-sha256-ecp256-modp2048". Several
 * algorithms of one kind stand for every combination. Without a prf each integrity
 * algorithm brings its own; with prfs named, every pairing is meant.
 */
#include "config/config.h"

enum proposal_use { PROPOSAL_IKE, PROPOSAL_ESP };

/**
 * Append the combinations of one line to list[*count..max). Returns 0; -EINVAL with the
 * reason in why[why_bytes]; list and *count are unchanged then.
 */
int proposal_parse(const char *text, enum proposal_use use, struct config_proposal *list,
	uint32_t *count, uint32_t max, char *why, size_t why_bytes);

/** Print one combination, "aes256-sha256-ecp256", into buf[n]; returns buf. */
const char *proposal_print(const struct config_proposal *p, char *buf, size_t n);

/** The name of the first algorithm in the list that only `legacy: true` allows, or NULL. */
const char *proposal_weak(const struct config_proposal *list, uint32_t count);

/** Those with weak algorithms last, the weakest at the end; otherwise in their order. */
void proposal_sort(struct config_proposal *list, uint32_t count);

/** The lines used when a profile names none, sorted; list[CONFIG_PROPOSALS]. legacy adds the
 * weak algorithms.
 */
void proposal_defaults(
	enum proposal_use use, bool legacy, struct config_proposal *list, uint32_t *count);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_FAKE_DP_H
#define TEST_LIB_FAKE_DP_H

/**
 * dataplane/dp.h without a data plane, for tests of what edits it: adjacencies and
 * forwarding tables are kept as plain lists and can be looked at. Linked instead of
 * the dataplane library. What no caller may do is noted in `misuse`.
 */
#include "dataplane/dp.h"

#define FAKE_ADJS 8192

struct fake_rule {
	struct prefix p;
	uint16_t ctx;
	bool used, dead; /* dead: deleted, but others may lie behind it */
	uint32_t adj;
	bool has_rpf; /* beside the rule, or without one (dead) */
	struct dp_rpf rpf;
};

struct dp {
	struct {
		bool used;
		uint32_t refs; /* places that name it */
		struct dp_adj spec;
	} adj[FAKE_ADJS];
	uint32_t adjs, adj_limit; /* dp_adj_new() fails beyond adj_limit */
	struct fake_rule *rules;
	size_t rules_size, rules_count;
	unsigned fib_sets, fib_dels; /* edits so far */
	struct addr local[DP_PORTS_MAX + 1][8];
	unsigned local_count[DP_PORTS_MAX + 1];
	const char *misuse; /* NULL: none */
};

struct dp *fake_dp_new(void);
void fake_dp_free(struct dp *dp);

/** "eth PORT MAC", "glean PORT [ADDRESS]", "tunnel CLOUD [ADDRESS]", "local", "drop". */
const char *fake_dp_adj(const struct dp *dp, uint32_t adj, char *buf, size_t n);

/** The same of what a context answers for an address. */
const char *fake_dp_way(const struct dp *dp, uint16_t ctx, const char *dst, char *buf, size_t n);

/**
 * What anti-spoof may believe of a source beside its best route: next hops in clouds from
 * longer to shorter prefixes ("1 10.0.0.11, 1 10.0.0.12 < 2"), "." where nothing shorter counts.
 */
const char *fake_dp_rpf(const struct dp *dp, uint16_t ctx, const char *src, char *buf, size_t n);

bool fake_dp_local(const struct dp *dp, uint16_t port, const char *address);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/fake_dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dp *
fake_dp_new(void)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	dp->adj_limit = FAKE_ADJS - 1;
	dp->rules_size = 1 << 12;
	dp->rules = calloc(dp->rules_size, sizeof(*dp->rules));
	return dp;
}

void
fake_dp_free(struct dp *dp)
{
	free(dp->rules);
	free(dp);
}

/* ---- adjacencies ------------------------------------------------------------------ */

int
dp_adj_new(struct dp *dp, const struct dp_adj *spec, uint32_t *id)
{
	if (dp->adjs >= dp->adj_limit)
		return -ENOSPC;
	for (*id = 1; dp->adj[*id].used; (*id)++)
		;
	dp->adj[*id].used = true;
	dp->adj[*id].spec = *spec;
	dp->adjs++;
	return 0;
}

int
dp_adj_set(struct dp *dp, uint32_t id, const struct dp_adj *spec)
{
	if (id == 0 || id >= FAKE_ADJS || !dp->adj[id].used) {
		dp->misuse = "dp_adj_set of an adjacency that is not there";
		return -ENOENT;
	}
	dp->adj[id].spec = *spec;
	return 0;
}

void
dp_adj_free(struct dp *dp, uint32_t id)
{
	if (id == 0 || id >= FAKE_ADJS || !dp->adj[id].used)
		dp->misuse = "dp_adj_free of an adjacency that is not there";
	else if (dp->adj[id].refs > 0)
		dp->misuse = "dp_adj_free of an adjacency that routes still name";
	else
		dp->adjs--;
	dp->adj[id].used = false;
}

const char *
fake_dp_adj(const struct dp *dp, uint32_t adj, char *buf, size_t n)
{
	const struct dp_adj *a = &dp->adj[adj].spec;
	char text[ADDR_TEXT_BYTES] = "";
	const char *gap = a->next_hop.family != ADDR_NONE ? " " : "";

	if (a->next_hop.family != ADDR_NONE)
		addr_print(&a->next_hop, text);
	if (adj == DP_ADJ_DROP)
		snprintf(buf, n, "drop");
	else if (!dp->adj[adj].used)
		snprintf(buf, n, "freed");
	else if (a->kind == DP_ADJ_KIND_LOCAL)
		snprintf(buf, n, "local");
	else if (a->kind == DP_ADJ_KIND_ETH)
		snprintf(buf, n, "eth %u %02x:%02x:%02x:%02x:%02x:%02x", a->port, a->mac[0],
			a->mac[1], a->mac[2], a->mac[3], a->mac[4], a->mac[5]);
	else if (a->kind == DP_ADJ_KIND_GLEAN)
		snprintf(buf, n, "glean %u%s%s", a->port, gap, text);
	else if (a->kind == DP_ADJ_KIND_TUNNEL)
		snprintf(buf, n, "tunnel %u%s%s", a->cloud, gap, text);
	else
		snprintf(buf, n, "kind %d", a->kind);
	return buf;
}

/* ---- forwarding tables ------------------------------------------------------------- */

/** Where the rule is, or the free place where it belongs. */
static struct fake_rule *
rule_at(const struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	size_t i = addr_hash(&p->addr, p->bits + ctx * 251u) & (dp->rules_size - 1);

	while (dp->rules[i].used && (dp->rules[i].ctx != ctx || !prefix_equal(&dp->rules[i].p, p)))
		i = (i + 1) & (dp->rules_size - 1);
	return &dp->rules[i];
}

static void
rules_grow(struct dp *dp)
{
	struct fake_rule *old = dp->rules;
	size_t size = dp->rules_size;

	dp->rules_size = size * 4;
	dp->rules = calloc(dp->rules_size, sizeof(*old));
	dp->rules_count = 0;
	for (size_t i = 0; i < size; i++)
		if (old[i].used && (!old[i].dead || old[i].has_rpf)) {
			*rule_at(dp, old[i].ctx, &old[i].p) = old[i];
			dp->rules_count++;
		}
	free(old);
}

/** The place of a rule, made when there is none. */
static struct fake_rule *
rule_need(struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	struct fake_rule *r;

	if (dp->rules_count * 2 > dp->rules_size)
		rules_grow(dp);
	r = rule_at(dp, ctx, p);
	if (!r->used) {
		*r = (struct fake_rule){ .p = *p, .ctx = ctx, .used = true, .dead = true };
		dp->rules_count++;
	}
	return r;
}

int
dp_fib_set(struct dp *dp, uint16_t ctx, const struct prefix *p, uint32_t adj)
{
	struct prefix net = prefix_network(p);
	struct fake_rule *r = rule_need(dp, ctx, &net);

	if (!prefix_equal(&net, p))
		dp->misuse = "dp_fib_set of a prefix with host bits";
	if (adj != DP_ADJ_DROP && !dp->adj[adj].used)
		dp->misuse = "dp_fib_set to an adjacency that is not there";
	if (!r->dead)
		dp->adj[r->adj].refs--;
	r->dead = false;
	r->adj = adj;
	dp->adj[adj].refs++;
	dp->fib_sets++;
	return 0;
}

int
dp_fib_del(struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	struct prefix net = prefix_network(p);
	struct fake_rule *r = rule_at(dp, ctx, &net);

	if (!r->used || r->dead) {
		dp->misuse = "dp_fib_del of a route that is not there";
		return -ENOENT;
	}
	dp->adj[r->adj].refs--;
	r->dead = true;
	dp->fib_dels++;
	return 0;
}

uint32_t
dp_fib_lookup(const struct dp *dp, uint16_t ctx, const struct addr *dst)
{
	for (int bits = addr_bytes(dst) * 8; bits >= 0; bits--) {
		struct prefix p = { .addr = *dst, .bits = (uint8_t)bits };

		p = prefix_network(&p);
		const struct fake_rule *r = rule_at(dp, ctx, &p);
		if (r->used && !r->dead)
			return r->adj;
	}
	return DP_ADJ_DROP;
}

/* ---- anti-spoof --------------------------------------------------------------------- */

static void
rpf_refs(struct dp *dp, const struct dp_rpf *r, int by)
{
	for (unsigned i = 0; i < r->count; i++)
		dp->adj[r->adj[i]].refs += (uint32_t)by;
}

void
dp_rpf_del(struct dp *dp, uint16_t ctx, const struct prefix *p)
{
	struct fake_rule *r = rule_at(dp, ctx, p);

	if (!r->used || !r->has_rpf)
		return;
	rpf_refs(dp, &r->rpf, -1);
	r->has_rpf = false;
}

int
dp_rpf_set(struct dp *dp, uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes)
{
	struct fake_rule *r = rule_need(dp, ctx, p);

	for (unsigned i = 0; i < routes->count; i++)
		if (!dp->adj[routes->adj[i]].used)
			dp->misuse = "dp_rpf_set to an adjacency that is not there";
	dp_rpf_del(dp, ctx, p);
	r->has_rpf = true;
	r->rpf = *routes;
	rpf_refs(dp, routes, 1);
	return 0;
}

const char *
fake_dp_rpf(const struct dp *dp, uint16_t ctx, const char *src, char *buf, size_t n)
{
	size_t len = 0;
	struct addr a;

	if (addr_parse(src, &a) != 0)
		abort();
	buf[0] = '\0';
	for (int bits = addr_bytes(&a) * 8; bits >= 0; bits--) {
		struct prefix p = { .addr = a, .bits = (uint8_t)bits };
		const struct fake_rule *r;

		p = prefix_network(&p);
		r = rule_at(dp, ctx, &p);
		if (!r->used || !r->has_rpf)
			continue;
		for (unsigned i = 0; i < r->rpf.count; i++) {
			const struct dp_adj *adj = &dp->adj[r->rpf.adj[i]].spec;
			char text[ADDR_TEXT_BYTES];

			len += (size_t)snprintf(buf + len, n - len, "%s%u %s",
				i > 0             ? ", "
					: len > 0 ? " < "
						  : "",
				adj->cloud, addr_print(&adj->next_hop, text));
		}
		if (r->rpf.final) {
			snprintf(buf + len, n - len, ".");
			break;
		}
	}
	return buf;
}

/* ---- looking ------------------------------------------------------------------------ */

const char *
fake_dp_way(const struct dp *dp, uint16_t ctx, const char *dst, char *buf, size_t n)
{
	struct addr a;

	if (addr_parse(dst, &a) != 0)
		abort();
	return fake_dp_adj(dp, dp_fib_lookup(dp, ctx, &a), buf, n);
}

/* ---- our addresses ------------------------------------------------------------------ */

static unsigned
local_at(const struct dp *dp, uint16_t port, const struct addr *a)
{
	unsigned i = 0;

	while (i < dp->local_count[port] && !addr_equal(&dp->local[port][i], a))
		i++;
	return i;
}

int
dp_local_add(struct dp *dp, uint16_t port, const struct addr *a)
{
	unsigned i = local_at(dp, port, a);

	if (i == dp->local_count[port] && i < 8)
		dp->local[port][dp->local_count[port]++] = *a;
	return 0;
}

int
dp_local_del(struct dp *dp, uint16_t port, const struct addr *a)
{
	unsigned i = local_at(dp, port, a);

	if (i < dp->local_count[port])
		dp->local[port][i] = dp->local[port][--dp->local_count[port]];
	return 0;
}

bool
fake_dp_local(const struct dp *dp, uint16_t port, const char *address)
{
	struct addr a;

	if (addr_parse(address, &a) != 0)
		abort();
	return local_at(dp, port, &a) < dp->local_count[port];
}

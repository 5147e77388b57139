/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/rib_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
op_probe(void *user, int ifindex, const struct addr *a, bool keep)
{
	struct rib_rig *g = user;
	unsigned i = g->probes++ % RIG_PROBES;

	g->probe[i].ifindex = ifindex;
	g->probe[i].addr = *a;
	g->probe[i].keep = keep;
}

static void
op_uplink_changed(void *user, uint64_t token, uint32_t uplink)
{
	struct rib_rig *g = user;

	g->changes++;
	g->token = token;
	g->uplink = uplink;
}

static const struct rib_ops ops = { .probe = op_probe, .uplink_changed = op_uplink_changed };

struct rib_rig *
rib_rig_bare(void)
{
	struct rib_rig *g = calloc(1, sizeof(*g));

	g->dp = fake_dp_new();
	g->rib = rib_new(g->dp, &ops, g);
	return g;
}

struct rib_rig *
rib_rig_new(void)
{
	struct rib_rig *g = rib_rig_bare();

	for (uint16_t port = 1; port <= 3; port++)
		rib_port_add(g->rib, port, 0, port);
	for (uint16_t cloud = 1; cloud <= 2; cloud++)
		rib_cloud_add(g->rib, cloud, 0, 100 + cloud);
	return g;
}

void
rib_rig_free(struct rib_rig *g)
{
	rib_free(g->rib);
	fake_dp_free(g->dp);
	free(g);
}

static void
route(struct rib_rig *g, const char *text, enum rib_change change)
{
	struct rib_route_in in = route_of_text(text);

	rib_route(g->rib, &in, change);
}

void
rig_add(struct rib_rig *g, const char *text)
{
	route(g, text, RIB_ADD);
}

void
rig_replace(struct rib_rig *g, const char *text)
{
	route(g, text, RIB_REPLACE);
}

void
rig_del(struct rib_rig *g, const char *text)
{
	route(g, text, RIB_DEL);
}

void
rig_neigh(struct rib_rig *g, int ifindex, const char *address, uint8_t mac)
{
	const uint8_t full[6] = { 2, 0, 0, 0, 0, mac };
	struct addr a = addr_of_text(address);

	rib_neigh(g->rib, ifindex, &a, mac != 0 ? RIB_NEIGH_OK : RIB_NEIGH_FAILED,
		mac != 0 ? full : NULL, true);
}

void
rig_neigh_gone(struct rib_rig *g, int ifindex, const char *address)
{
	struct addr a = addr_of_text(address);

	rib_neigh(g->rib, ifindex, &a, RIB_NEIGH_GONE, NULL, false);
}

void
rig_bind(struct rib_rig *g, uint16_t ctx, uint16_t cloud, const char *prefix, const char *hop)
{
	struct prefix p = prefix_of_text(prefix);
	struct addr a = addr_of_text(hop);

	rib_binding_set(g->rib, ctx, cloud, &p, &a);
}

void
rig_unbind(struct rib_rig *g, uint16_t ctx, uint16_t cloud, const char *prefix)
{
	struct prefix p = prefix_of_text(prefix);

	rib_binding_del(g->rib, ctx, cloud, &p);
}

const char *
rig_way(struct rib_rig *g, uint16_t ctx, const char *dst)
{
	rib_settle(g->rib);
	return fake_dp_way(g->dp, ctx, dst, g->text, sizeof(g->text));
}

const char *
rig_rpf(struct rib_rig *g, uint16_t ctx, const char *src)
{
	rib_settle(g->rib);
	return fake_dp_rpf(g->dp, ctx, src, g->text, sizeof(g->text));
}

const char *
rig_uplink(struct rib_rig *g, uint16_t ctx, const char *remote, uint64_t token)
{
	struct addr a = addr_of_text(remote);
	uint32_t adj = rib_uplink_get(g->rib, ctx, &a, token);

	return fake_dp_adj(g->dp, adj, g->text, sizeof(g->text));
}

void
rig_uplink_put(struct rib_rig *g, uint16_t ctx, const char *remote, uint64_t token)
{
	struct addr a = addr_of_text(remote);

	rib_uplink_put(g->rib, ctx, &a, token);
}

const char *
rig_lookup(struct rib_rig *g, uint16_t ctx, const char *dst)
{
	char prefix[ADDR_TEXT_BYTES], hop[ADDR_TEXT_BYTES];
	struct addr a = addr_of_text(dst);
	struct rib_answer answer;

	rib_lookup(g->rib, ctx, &a, &answer);
	prefix_print(&answer.prefix, prefix);
	switch (answer.kind) {
	case RIB_LOCAL:
		snprintf(g->text, sizeof(g->text), "local %s", prefix);
		break;
	case RIB_LAN:
		snprintf(g->text, sizeof(g->text), "lan %s", prefix);
		break;
	case RIB_CLOUD:
		snprintf(g->text, sizeof(g->text), "cloud %u %s %s", answer.cloud,
			addr_print(&answer.next_hop, hop), prefix);
		break;
	default:
		snprintf(g->text, sizeof(g->text), "none");
		break;
	}
	return g->text;
}

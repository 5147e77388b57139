/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the NHRP engine wants done: packets out through a link, registrations
 * into the data plane's NHRP table.
 */
#include <errno.h>
#include <string.h>

#include "control/base/log.h"
#include "control/route/rib.h"
#include "control/spoke/link.h"
#include "crypto/rand.h"

#define ETHER_TYPE_NHRP 0x2001

static void
op_send(void *user, uint32_t cloud, uint64_t link, const uint8_t *pkt, size_t len)
{
	struct spokes *s = user;
	struct link *l = link_get(s, link);

	(void)cloud;
	if (l != NULL)
		dp_send_gre(s->dp, l->peer, ETHER_TYPE_NHRP, pkt, len);
}

/** The prefix a binding stands for; a host in all but rare cases. */
static struct prefix
binding_prefix(const struct nhrp_binding *b)
{
	return (struct prefix){ .addr = b->protocol, .bits = b->bits };
}

/** Not logged here nor below: the engine's event of the same, with the address, follows. */
static void
op_binding_up(void *user, const struct nhrp_binding *b)
{
	struct spokes *s = user;
	struct link *l = link_get(s, b->link);
	struct prefix p = binding_prefix(b);

	if (l == NULL)
		return;
	link_bind(s, l, &b->protocol, true);
	l->claimed = b->claimed;
	l->shown = l->overlay[0];
	l->hold_ms = b->hold_s * 1000u;
	l->reason = NULL;
	int err = dp_nbma_set(s->dp, (uint16_t)b->cloud, &b->protocol, l->peer);
	if (err != 0)
		log_error("spoke %s: NHRP table refused its address: %s", l->identity_text,
			strerror(-err));
	rib_binding_set(s->rib, l->cloud->ctx, l->cloud->id, &p, &b->protocol);
}

static void
op_binding_down(void *user, const struct nhrp_binding *b, enum nhrp_reason reason)
{
	struct spokes *s = user;
	struct link *l = link_get(s, b->link);
	struct cloud_entry *c = cloud_entry(s, (uint16_t)b->cloud);
	struct prefix p = binding_prefix(b);

	dp_nbma_del(s->dp, (uint16_t)b->cloud, &b->protocol);
	if (c != NULL)
		rib_binding_del(s->rib, c->ctx, c->id, &p);
	if (l == NULL)
		return;
	link_bind(s, l, &b->protocol, false);
	if (l->reason == NULL)
		l->reason = nhrp_reason_name(reason);
	link_release(s, l);
}

static void
op_route(void *user, uint32_t cloud, const struct addr *dst, struct nhrp_route *out)
{
	struct spokes *s = user;
	struct cloud_entry *c = cloud_entry(s, (uint16_t)cloud);
	struct rib_answer a;

	*out = (struct nhrp_route){ .kind = NHRP_ROUTE_NONE };
	if (c == NULL)
		return;
	rib_lookup(s->rib, c->ctx, dst, &a);
	out->prefix = a.prefix;
	switch (a.kind) {
	case RIB_LOCAL:
		out->kind = NHRP_ROUTE_LOCAL;
		break;
	case RIB_LAN:
		out->kind = NHRP_ROUTE_PLAIN;
		break;
	case RIB_CLOUD:
		out->kind = NHRP_ROUTE_CLOUD;
		out->cloud = a.cloud;
		out->next_hop = a.next_hop;
		break;
	default:
		break;
	}
}

/** Two spokes behind one public address cannot be told apart by each other: stay on the hub. */
static bool
op_shortcut_allowed(
	void *user, uint32_t cloud_a, uint64_t link_a, uint32_t cloud_b, uint64_t link_b)
{
	struct spokes *s = user;
	const struct link *a = link_get(s, link_a), *b = link_get(s, link_b);

	(void)cloud_a;
	(void)cloud_b;
	return a == NULL || b == NULL || !addr_equal(&a->spec.remote, &b->spec.remote);
}

static bool
op_register_allowed(void *user, uint32_t cloud, uint64_t link, const struct prefix *p)
{
	struct spokes *s = user;
	const struct cloud_entry *c = cloud_entry(s, (uint16_t)cloud);
	struct link *l = link_get(s, link);

	if (c == NULL || l == NULL || l->cloud != c)
		return false;
	return !c->cfg.protected_ || link_may_register(l, p);
}

static void
op_event(void *user, uint32_t cloud, uint64_t link, enum nhrp_reason reason, const char *text)
{
	struct spokes *s = user;
	struct link *l = link_get(s, link);
	const struct cloud_entry *c = cloud_entry(s, (uint16_t)cloud);
	char nbma[ADDR_TEXT_BYTES] = "-";

	if (l != NULL)
		addr_print(&l->spec.remote, nbma);
	log_notice("nhrp cloud %s spoke %s nbma %s: %s: %s", c != NULL ? c->cfg.name : "-",
		l != NULL && l->identity_text[0] ? l->identity_text : "-", nbma,
		nhrp_reason_name(reason), text);
	if (reason == NHRP_REFUSED_OWNER && l != NULL && l->overlay_count == 0)
		l->reason = nhrp_reason_name(reason); /* until it registers something */
}

static void
op_random(void *user, void *out, size_t n)
{
	(void)user;
	rand_bytes(out, n);
}

const struct nhrp_ops spoke_nhrp_ops = {
	.send = op_send,
	.binding_up = op_binding_up,
	.binding_down = op_binding_down,
	.route = op_route,
	.shortcut_allowed = op_shortcut_allowed,
	.register_allowed = op_register_allowed,
	.event = op_event,
	.random = op_random,
};

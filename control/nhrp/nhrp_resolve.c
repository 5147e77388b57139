/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resolution requests (RFC 2332, 5.2.1): what is ours we answer, what is behind a
 * spoke the spoke answers (or we from its registration, when told to), the rest is
 * refused. Nothing is learned from a request.
 */
#include "control/nhrp/nhrp_engine.h"

enum { FLOOR_BITS = 8 }; /* shortest prefix ever answered */

static void
answer(struct nhrp_in *in, const struct nhrp_cie *cie, uint16_t extra_flags, struct nhrp_slice nat)
{
	uint16_t keep = NHRP_FLAG_ROUTER | NHRP_FLAG_UNIQUE | NHRP_FLAG_SRC_STABLE | NHRP_FLAG_NAT;

	nhrp_reply(in, NHRP_RESOLUTION_REPLY, (in->msg.flags & keep) | extra_flags,
		nhrp_scratch_cie(in->n, cie), nat);
}

static enum nhrp_outcome
refuse(struct nhrp_in *in, uint8_t code)
{
	struct nhrp_cie cie = { .code = code, .prefix_bits = NHRP_PREFIX_HOST };

	answer(in, &cie, 0, (struct nhrp_slice){ 0 });
	return NHRP_REFUSED;
}

/** It is one of ours, or we are the way to it. */
static enum nhrp_outcome
answer_own(struct nhrp_in *in, uint8_t bits)
{
	const struct nhrp_cloud *cl = in->cloud;
	struct nhrp_cie cie = {
		.prefix_bits = bits,
		.mtu = cl->mtu,
		.hold_s = cl->hold_s,
		.nbma = cl->nbma,
		.proto = *nhrp_own_addr(cl, &in->msg.src_proto),
	};

	answer(in, &cie, NHRP_FLAG_AUTHORITATIVE, (struct nhrp_slice){ 0 });
	return NHRP_TAKEN;
}

/** Length of the RIB's prefix if it makes sense for dst, else that of a host. */
static uint8_t
route_bits(const struct nhrp_route *r, const struct addr *dst)
{
	if (!prefix_has(&r->prefix, dst))
		return (uint8_t)(addr_bytes(dst) * 8);
	return r->prefix.bits < FLOOR_BITS ? FLOOR_BITS : r->prefix.bits;
}

/**
 * Answer for a registered station. A requester that knows extension 9 gets both
 * addresses, another one only that which works.
 */
static enum nhrp_outcome
answer_cached(struct nhrp_in *in, struct nhrp_entry *e)
{
	uint64_t left_s = (e->b.expires_ms - in->n->now_ms) / 1000;
	bool knows_nat = nhrp_ext_find(&in->msg, NHRP_EXT_NAT) != NULL;
	struct nhrp_slice nat = { 0 };
	struct nhrp_cie cie = {
		.prefix_bits = e->b.bits,
		.mtu = e->b.mtu,
		.hold_s = (uint16_t)left_s,
		.nbma = e->b.nbma,
		.proto = e->b.protocol,
	};

	if (knows_nat && (e->b.flags & NHRP_NAT) != 0 &&
		e->b.claimed.family == in->msg.nbma_family) {
		nat = nhrp_scratch_cie(in->n,
			&(struct nhrp_cie){ .prefix_bits = (uint8_t)(addr_bytes(&cie.proto) * 8),
				.nbma = e->b.nbma,
				.proto = e->b.protocol });
		cie.nbma = e->b.claimed;
	}
	answer(in, &cie, NHRP_FLAG_AUTHORITATIVE, nat);
	nhrp_asker_add(e, in->cloud, &in->msg.src_proto, &in->msg.dst_proto, e->b.bits, cie.hold_s);
	return NHRP_TAKEN;
}

static bool
same_domain(const struct nhrp_cloud *a, const struct nhrp_cloud *b)
{
	return a == b || a->network_id == b->network_id;
}

static enum nhrp_outcome
resolve_through(struct nhrp_in *in, struct nhrp_entry *e, const struct nhrp_route *route)
{
	const struct addr *dst = &in->msg.dst_proto;
	const struct prefix p = { .addr = e->b.protocol, .bits = e->b.bits };

	if (!same_domain(in->cloud, e->cloud)) /* another NHRP domain: the shortcut ends here */
		return answer_own(in, route_bits(route, dst));
	if (e->link == NULL || e->link == in->link)
		return refuse(in, NHRP_CODE_NO_BINDING);
	if (!nhrp_shortcut_fits(in->cloud, in->link, e))
		return refuse(in, NHRP_CODE_PROHIBITED);
	if (in->cloud->answer_from_cache && prefix_has(&p, dst) &&
		e->b.nbma.family == in->msg.nbma_family)
		return answer_cached(in, e);
	return nhrp_forward(in, e);
}

enum nhrp_outcome
nhrp_resolve(struct nhrp_in *in)
{
	const struct addr *dst = &in->msg.dst_proto;
	struct nhrp_route route;
	struct nhrp_entry *e;

	if (!nhrp_source_fits(in))
		return NHRP_DROP_SOURCE;
	if (dst->family == ADDR_NONE) {
		nhrp_error_send(in, NHRP_ERROR_PROTOCOL);
		return NHRP_DROP_MALFORMED;
	}
	e = nhrp_egress(in->cloud, dst, &route);
	if (route.kind == NHRP_ROUTE_LOCAL)
		return answer_own(in, (uint8_t)(addr_bytes(dst) * 8));
	if (route.kind == NHRP_ROUTE_PLAIN)
		return answer_own(in, route_bits(&route, dst));
	if (e == NULL)
		return refuse(in, NHRP_CODE_NO_BINDING);
	return resolve_through(in, e, &route);
}

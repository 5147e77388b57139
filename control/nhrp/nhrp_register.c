/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registration (RFC 2332, 5.2.3 and 5.2.4). What a spoke claims is checked against
 * who it is: the real NBMA address is always the outer address of its link, the one
 * it wrote is only kept to be shown to others.
 */
#include "control/nhrp/nhrp_engine.h"

enum { CIE_OFFSET_CODE = 0, CIE_OFFSET_HOLD = 6 };

/** One CIE of a request with everything filled in that it left to the header. */
struct claim {
	struct addr protocol;
	struct addr nbma;
	uint8_t bits;
	uint16_t mtu;
	uint16_t hold_s; /* granted */
	bool unique;
	bool not_allowed; /* refused for what its identity may have */
	/* Refused: by what its identity was proven that has the address, NULL: not for that. */
	const struct authority *held_by;
};

static uint16_t
hold_clamp(const struct nhrp_cloud *cl, uint16_t asked_s)
{
	uint16_t s = asked_s == 0 ? cl->hold_s : asked_s;

	if (s < cl->hold_min_s)
		s = cl->hold_min_s;
	return s > cl->hold_max_s ? cl->hold_max_s : s;
}

static struct claim
claim_of(const struct nhrp_in *in, const struct nhrp_cie *cie)
{
	const struct nhrp_msg *m = &in->msg;
	struct claim c = {
		.protocol = cie->proto.family != ADDR_NONE ? cie->proto : m->src_proto,
		.nbma = cie->nbma.family != ADDR_NONE ? cie->nbma : m->src_nbma,
		.bits = nhrp_prefix_bits(cie->prefix_bits, m->proto_family),
		.mtu = cie->mtu,
		.hold_s = hold_clamp(in->cloud, cie->hold_s),
		.unique = (m->flags & NHRP_FLAG_REG_UNIQUE) != 0,
	};

	if (c.nbma.family == ADDR_NONE)
		c.nbma = in->from->outer;
	return c;
}

static bool
address_fits(const struct addr *a)
{
	static const uint8_t v6_loopback[16] = { [15] = 1 };

	if (a->family == ADDR_NONE || addr_is_zero(a) || addr_is_multicast(a))
		return false;
	if (a->family == ADDR_V4)
		return a->octet[0] != 127 && a->octet[0] < 240;
	return memcmp(a->octet, v6_loopback, 16) != 0;
}

/** Shapes no spoke may register, whoever it is. */
static bool
claim_prohibited(const struct nhrp_in *in, const struct claim *c)
{
	const struct nhrp_cloud *cl = in->cloud;
	struct prefix p = { .addr = c->protocol, .bits = c->bits };
	bool v4 = c->protocol.family == ADDR_V4;

	if (!address_fits(&c->protocol))
		return true;
	if (c->bits == 0 || c->bits < (v4 ? cl->max_prefix_bits_v4 : cl->max_prefix_bits_v6))
		return true;
	if (c->unique && c->bits != addr_bytes(&c->protocol) * 8) /* RFC: unique is for hosts */
		return true;
	for (uint32_t i = 0; i < cl->addresses_count; i++)
		if (prefix_has(&p, &cl->addresses[i].addr))
			return true;
	return false;
}

/**
 * May a claim replace e? Another owner never may, unless the operator said that
 * the newest wins. Without identities (unprotected cloud) the RFC's unique flag is
 * all there is, and then the outer address counts, for the claimed one can be forged.
 */
static uint8_t
replace_code(const struct nhrp_in *in, const struct nhrp_entry *e, const struct claim *c)
{
	bool unique = (e->b.flags & NHRP_UNIQUE) != 0;
	bool anonymous = e->b.identity.type == ID_NONE;
	bool moved = !addr_equal(&e->b.claimed, &c->nbma) ||
		(anonymous && !addr_equal(&e->b.nbma, &in->from->outer));

	if (in->cloud->unique == UNIQUE_REPLACE)
		return NHRP_CODE_OK;
	if (!nhrp_owns(in->from, e))
		return unique ? NHRP_CODE_UNIQUE_EXISTS : NHRP_CODE_PROHIBITED;
	if (in->cloud->unique == UNIQUE_SAME_IDENTITY && !anonymous)
		return NHRP_CODE_OK;
	return unique && moved ? NHRP_CODE_UNIQUE_EXISTS : NHRP_CODE_OK;
}

static bool
is_repeat(const struct nhrp_in *in, const struct nhrp_entry *e, const struct claim *c)
{
	uint64_t renewal_ms = e->b.hold_s * 1000u / 3;

	return e->link != NULL && e->link == in->link && e->b.request_id == in->msg.request_id &&
		e->b.hold_s == c->hold_s && addr_equal(&e->b.claimed, &c->nbma) &&
		addr_equal(&e->b.nbma, &in->from->outer) && e->b.udp_port == in->from->udp_port &&
		in->n->now_ms - e->registered_ms < renewal_ms;
}

/** Write the claim into e, which may be new; forwarding starts or moves if anything changed. */
static void
entry_take(struct nhrp_in *in, struct nhrp_entry *e, const struct claim *c)
{
	bool fresh = e->b.requests == 0;
	bool changed = e->link != in->link || !addr_equal(&e->b.nbma, &in->from->outer) ||
		e->b.udp_port != in->from->udp_port || e->b.mtu != c->mtu ||
		!addr_equal(&e->b.claimed, &c->nbma);
	struct nhrp_link *old = e->link;

	e->b.protocol = c->protocol;
	e->b.claimed = c->nbma;
	e->b.mtu = c->mtu;
	e->b.hold_s = c->hold_s;
	e->b.flags = (e->b.flags & ~(uint32_t)NHRP_UNIQUE) | (c->unique ? NHRP_UNIQUE : 0);
	e->b.request_id = in->msg.request_id;
	e->b.requests++;
	e->registered_ms = in->n->now_ms;
	e->b.expires_ms = in->n->now_ms + c->hold_s * 1000ull;
	timer_arm(&in->n->timers, &e->expiry, e->b.expires_ms, nhrp_binding_expire);
	if (changed)
		nhrp_binding_up(e, in->link, fresh ? NHRP_REGISTERED : NHRP_REPLACED);
	if (old != NULL && old != in->link && old->entries_count == 0 && !old->announced)
		nhrp_link_forget(&in->cloud->cache, old);
}

/** A new binding with its timer armed, or NULL when a table is full. */
static struct nhrp_entry *
entry_new(struct nhrp_in *in, const struct claim *c)
{
	struct nhrp_cloud *cl = in->cloud;
	struct nhrp_entry *e;

	if (cl->cache.prefixes.count >= cl->max_bindings ||
		in->link->entries_count >= cl->max_bindings_per_link)
		return NULL;
	e = nhrp_cache_add(&cl->cache, &c->protocol, c->bits, in->link);
	if (e == NULL)
		return NULL;
	e->cloud = cl;
	e->b.cloud = cl->id;
	/* Armed here, so that entry_take() only moves it, which cannot fail. */
	if (timer_arm(&in->n->timers, &e->expiry, in->n->now_ms, nhrp_binding_expire) != 0) {
		nhrp_cache_remove(&cl->cache, e);
		return NULL;
	}
	return e;
}

/** Decide about one claim and carry it out; returns the CIE code. */
static uint8_t
claim_apply(struct nhrp_in *in, struct claim *c, bool *repeat)
{
	struct prefix p = { .addr = c->protocol, .bits = c->bits };
	struct nhrp_entry *e;

	if (claim_prohibited(in, c))
		return NHRP_CODE_PROHIBITED;
	c->not_allowed = !nhrp_allowed(in->cloud, in->from->sa, &p);
	if (c->not_allowed)
		return NHRP_CODE_PROHIBITED;
	e = nhrp_cache_exact(&in->cloud->cache, &p);
	if (e != NULL && is_repeat(in, e, c)) {
		e->b.requests++;
		*repeat = true;
		return NHRP_CODE_OK;
	}
	if (e != NULL) {
		uint8_t code = replace_code(in, e, c);

		if (code != NHRP_CODE_OK && nhrp_is_of(e, in->from) && !nhrp_owns(in->from, e))
			c->held_by = &e->b.authority;
		if (code != NHRP_CODE_OK)
			return code;
	}
	if (in->link == NULL)
		in->link = nhrp_link_note(&in->cloud->cache, in->from);
	if (in->link == NULL)
		return NHRP_CODE_RESOURCES;
	if (e == NULL)
		e = entry_new(in, c);
	if (e == NULL)
		return NHRP_CODE_RESOURCES;
	entry_take(in, e, c);
	return NHRP_CODE_OK;
}

static void
refusal_say(struct nhrp_in *in, const struct claim *c, uint8_t code)
{
	char proto[ADDR_TEXT_BYTES], nbma[ADDR_TEXT_BYTES], outer[ADDR_TEXT_BYTES];
	enum nhrp_reason reason = c->held_by != NULL ? NHRP_REFUSED_OWNER
		: code == NHRP_CODE_UNIQUE_EXISTS    ? NHRP_REFUSED_UNIQUE
		: code == NHRP_CODE_RESOURCES        ? NHRP_REFUSED_RESOURCES
		: c->not_allowed                     ? NHRP_REFUSED_OVERLAY
						     : NHRP_REFUSED_ADMIN;

	nhrp_event_limited(in->cloud, in->from->sa, reason,
		"%s/%u from %s, claims %s: refused with code %u%s%s%s%s",
		addr_print(&c->protocol, proto), c->bits, addr_print(&in->from->outer, outer),
		addr_print(&c->nbma, nbma), code,
		c->held_by != NULL ? ": its name is proven by " : "",
		c->held_by != NULL ? authority_name(&in->from->authority) : "",
		c->held_by != NULL ? ", that of the live registration by " : "",
		c->held_by != NULL ? authority_name(c->held_by) : "");
}

/** The CIE list of the reply is that of the request with codes and holding times patched in. */
static struct nhrp_slice
claims_apply(struct nhrp_in *in, bool *refused, bool *repeat)
{
	struct nhrp_slice list = in->msg.body;
	struct cursor cur = cur_over(list.data, list.bytes);
	uint8_t *reply = wr_room(&in->n->scratch, list.bytes);
	struct nhrp_cie cie;

	if (reply == NULL)
		return (struct nhrp_slice){ 0 };
	memcpy(reply, list.data, list.bytes);
	while (cur_left(&cur) > 0) {
		uint8_t *at = reply + (cur.at - list.data);

		if (nhrp_cie_read(&cur, in->msg.nbma_family, &cie) != 0)
			break; /* cannot be: the list was read before */
		struct claim c = claim_of(in, &cie);
		uint8_t code = claim_apply(in, &c, repeat);

		at[CIE_OFFSET_CODE] = code;
		if (code != NHRP_CODE_OK) {
			*refused = true;
			refusal_say(in, &c, code);
			continue;
		}
		at[CIE_OFFSET_HOLD] = (uint8_t)(c.hold_s >> 8);
		at[CIE_OFFSET_HOLD + 1] = (uint8_t)c.hold_s;
	}
	return (struct nhrp_slice){ reply, list.bytes };
}

/** Extension 9 of the reply: as received, and behind a NAT the address we see (Cisco guide). */
static struct nhrp_slice
nat_list(struct nhrp_in *in)
{
	const struct nhrp_ext *nat = nhrp_ext_find(&in->msg, NHRP_EXT_NAT);
	const struct nhrp_ext *record = nhrp_ext_find(&in->msg, NHRP_EXT_FORWARD);
	struct nhrp_cie seen = {
		.prefix_bits = (uint8_t)(addr_bytes(&in->msg.src_proto) * 8),
		.nbma = in->from->outer,
		.proto = in->msg.src_proto,
	};

	if (nat == NULL)
		return (struct nhrp_slice){ 0 };
	if (addr_equal(&in->msg.src_nbma, &in->from->outer) ||
		in->msg.src_nbma.family == ADDR_NONE || !nhrp_cies_valid(&in->msg, nat->value) ||
		(record != NULL && record->value.bytes != 0))
		return nat->value;
	return nhrp_scratch_append(in->n, nat->value, &seen);
}

enum nhrp_outcome
nhrp_register(struct nhrp_in *in)
{
	bool refused = false, repeat = false;

	if (in->from->sa == NHRP_NO_LINK || in->from->outer.family != in->cloud->nbma.family)
		return NHRP_DROP_LINK;
	if (in->msg.src_proto.family == ADDR_NONE || nhrp_is_own(in->cloud, &in->msg.src_proto))
		return NHRP_DROP_SOURCE;
	if (!nhrp_is_for_us(in)) {
		nhrp_error_send(in, NHRP_ERROR_UNREACHABLE);
		return NHRP_DROP_NO_PEER;
	}
	if (in->msg.body.bytes == 0) {
		nhrp_error_send(in, NHRP_ERROR_PROTOCOL);
		return NHRP_DROP_MALFORMED;
	}

	if (in->link != NULL)
		nhrp_link_follow(in->cloud, in->from); /* a NAT may have moved it */
	struct nhrp_slice cies = claims_apply(in, &refused, &repeat);
	if (in->link != NULL && in->link->entries_count == 0 && !in->link->announced)
		nhrp_link_forget(&in->cloud->cache, in->link);
	uint16_t flags = in->msg.flags & (NHRP_FLAG_REG_UNIQUE | NHRP_FLAG_NAT);
	nhrp_reply(in, NHRP_REGISTRATION_REPLY, flags, cies, nat_list(in));
	return refused ? NHRP_REFUSED : repeat ? NHRP_REPEATED : NHRP_TAKEN;
}

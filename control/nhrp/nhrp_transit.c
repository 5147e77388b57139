/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets for others: checked, marked with our passing, and sent into the link of
 * the next station. Header, CIEs and unknown extensions stay as they are.
 */
#include "control/nhrp/nhrp_engine.h"

/** The protocol address of the last NHS in a transit record; ADDR_NONE when empty. */
static struct addr
record_last(const struct nhrp_msg *m, const struct nhrp_ext *record)
{
	struct nhrp_cie cie = { 0 };

	if (record != NULL) {
		struct cursor c = cur_over(record->value.data, record->value.bytes);

		while (cur_left(&c) > 0 && nhrp_cie_read(&c, m->nbma_family, &cie) == 0)
			;
	}
	return cie.proto;
}

static bool
owned_by_link(const struct nhrp_in *in, const struct addr *a)
{
	const struct nhrp_entry *e = nhrp_cache_find(&in->cloud->cache, a);

	return e != NULL && e->link == in->link;
}

bool
nhrp_source_fits(struct nhrp_in *in)
{
	if (in->link == NULL || in->link->entries_count == 0)
		return false;
	/* Replies name the requester as source; whoever is registered may answer it. */
	if (nhrp_is_reply(in->msg.type) || in->msg.type == NHRP_ERROR_INDICATION)
		return true;
	if (in->msg.src_proto.family == ADDR_NONE || nhrp_is_own(in->cloud, &in->msg.src_proto))
		return false;
	if (owned_by_link(in, &in->msg.src_proto))
		return true;

	struct addr relay = record_last(&in->msg, nhrp_ext_find(&in->msg, NHRP_EXT_FORWARD));
	return relay.family != ADDR_NONE && owned_by_link(in, &relay);
}

bool
nhrp_shortcut_fits(
	const struct nhrp_cloud *cl, const struct nhrp_link *asker, const struct nhrp_entry *target)
{
	const struct nhrp *n = cl->n;

	/* The same station, or two behind one NAT, which a third party cannot tell apart. */
	if (addr_equal(&asker->outer, &target->link->outer))
		return false;
	return n->ops->shortcut_allowed == NULL ||
		n->ops->shortcut_allowed(
			n->user, cl->id, asker->id, target->cloud->id, target->link->id);
}

/** We are in the record already: the packet came round. */
static bool
record_loops(const struct nhrp_cloud *cl, const struct nhrp_msg *m, const struct nhrp_ext *record)
{
	struct cursor c = cur_over(record->value.data, record->value.bytes);
	struct nhrp_cie cie;

	while (cur_left(&c) > 0 && nhrp_cie_read(&c, m->nbma_family, &cie) == 0)
		if (addr_equal(&cie.nbma, &cl->nbma) || nhrp_is_own(cl, &cie.proto))
			return true;
	return false;
}

/** Extensions 4 and 5 exist only when the requester wants them. */
static void
record_append(struct nhrp_in *in, const struct nhrp_cloud *out, struct nhrp_ext *record)
{
	struct nhrp_cie cie = { .hold_s = out->hold_s, .nbma = out->nbma };
	const struct addr *own = nhrp_own_addr(out, &in->msg.src_proto);

	if (own != NULL)
		cie.proto = *own;
	record->value = nhrp_scratch_append(in->n, record->value, &cie);
}

/** The station whose real address the next one needs: requester, or answering station. */
static struct addr
nat_station(const struct nhrp_msg *m)
{
	struct cursor c = cur_over(m->body.data, m->body.bytes);
	struct nhrp_cie cie = { 0 };

	if (m->type == NHRP_RESOLUTION_REQUEST)
		return m->src_proto;
	if (m->type == NHRP_RESOLUTION_REPLY && cur_left(&c) > 0 &&
		nhrp_cie_read(&c, m->nbma_family, &cie) == 0 && cie.code == NHRP_CODE_OK)
		return cie.proto;
	return (struct addr){ 0 };
}

/** Add the address behind the NAT when its station did not (Cisco guide: absent, FRR: empty). */
static int
nat_fill(struct nhrp_in *in, struct nhrp_msg *m)
{
	const struct nhrp_ext *nat = nhrp_ext_find(m, NHRP_EXT_NAT);
	struct addr station = nat_station(m);
	const struct nhrp_entry *e = nhrp_cache_find(&in->cloud->cache, &station);

	if ((nat != NULL && nat->value.bytes != 0) || e == NULL || e->link != in->link ||
		(e->b.flags & NHRP_NAT) == 0)
		return 0;
	struct nhrp_cie cie = {
		.prefix_bits = (uint8_t)(addr_bytes(&station) * 8),
		.nbma = e->b.nbma,
		.proto = station,
	};
	return nhrp_ext_set(m, NHRP_EXT_NAT, nhrp_scratch_cie(in->n, &cie));
}

/** Remember who passes on what a reply says about a registered station, to purge it later. */
static void
asker_note(struct nhrp_in *in, struct nhrp_entry *to)
{
	const struct nhrp_msg *m = &in->msg;
	struct cursor c = cur_over(m->body.data, m->body.bytes);
	struct nhrp_cie cie;

	if (m->type != NHRP_RESOLUTION_REPLY || in->link->entries == NULL ||
		nhrp_cie_read(&c, m->nbma_family, &cie) != 0 || cie.code != NHRP_CODE_OK ||
		m->dst_proto.family == ADDR_NONE)
		return;
	struct nhrp_entry *teller = nhrp_cache_find(&in->cloud->cache, &cie.proto);
	if (teller != NULL && teller->link == in->link)
		nhrp_asker_add(teller, to->cloud, &m->src_proto, &m->dst_proto,
			nhrp_prefix_bits(cie.prefix_bits, m->proto_family), cie.hold_s);
}

enum nhrp_outcome
nhrp_forward(struct nhrp_in *in, struct nhrp_entry *e)
{
	struct nhrp_msg m = in->msg;
	bool reply = nhrp_is_reply(m.type);
	struct nhrp_ext *record = nhrp_ext_find(&m, reply ? NHRP_EXT_REVERSE : NHRP_EXT_FORWARD);

	if (m.hops <= 1) {
		nhrp_error_send(in, NHRP_ERROR_HOPS);
		return NHRP_DROP_HOPS;
	}
	if (record != NULL && record_loops(in->cloud, &in->msg, record)) {
		nhrp_error_send(in, NHRP_ERROR_LOOP);
		return NHRP_DROP_LOOP;
	}
	if (e->link == NULL || e->link == in->link || e->cloud->nbma.family != m.nbma_family)
		return NHRP_DROP_NO_PEER;

	m.hops--;
	if (record != NULL)
		record_append(in, e->cloud, record);
	if (nat_fill(in, &m) != 0 || nhrp_send(e->cloud, e->link->id, &m) != 0) {
		nhrp_error_send(in, NHRP_ERROR_TOO_BIG);
		return NHRP_DROP_TOO_BIG;
	}
	asker_note(in, e);
	return NHRP_FORWARDED;
}

enum nhrp_outcome
nhrp_forward_to(struct nhrp_in *in, const struct addr *dst)
{
	struct nhrp_route route;
	struct nhrp_entry *e;

	if (!nhrp_source_fits(in))
		return NHRP_DROP_SOURCE;
	e = dst->family == ADDR_NONE ? NULL : nhrp_egress(in->cloud, dst, &route);
	if (e == NULL || e->link == NULL) {
		nhrp_error_send(in, NHRP_ERROR_UNREACHABLE);
		return NHRP_DROP_NO_PEER;
	}
	return nhrp_forward(in, e);
}

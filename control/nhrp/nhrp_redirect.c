/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traffic indications (Cisco's redirect): tell a spoke that its packet left again
 * towards another spoke of the same NHRP domain, so that it asks for a shortcut.
 * Per pair after 5 s, 10 s, 20 s, 40 s and then every 60 s, from the start after 6
 * quiet minutes; per spoke and for the whole hub so many a second. All memory is fixed.
 * The gaps grow because a spoke whose resolution got lost (the first packet of a new
 * SA pair does) is deaf for a while: FRR's nhrpd gives up on it after 30 s. The one
 * at 35 s reaches it then.
 */
#include "control/nhrp/nhrp_engine.h"

enum {
	PAIR_GAP_MS = 5000,
	PAIR_DOUBLINGS = 4,
	PAIR_LONGEST_GAP_MS = 60000,
	PAIR_FORGET_MS = 360000,
	LINK_PER_S = 10,
	HUB_PER_S = 1000,
	HEAD_BYTES = 128, /* of the data packet */
};

/** Source and destination of an IP packet. Returns false when there is no whole header. */
static bool
hosts_read(const uint8_t *head, size_t len, struct addr *src, struct addr *dst)
{
	struct cursor c = cur_over(head, len);
	uint8_t version = cur_u8(&c) >> 4;
	size_t before = version == 4 ? 11 : 7, bytes = version == 4 ? 4 : 16;

	if (version != 4 && version != 6)
		return false;
	cur_skip(&c, before);
	const uint8_t *s = cur_take(&c, bytes);
	const uint8_t *d = cur_take(&c, bytes);
	if (d == NULL)
		return false;
	return addr_from_bytes(src, s, bytes) == 0 && addr_from_bytes(dst, d, bytes) == 0;
}

static uint64_t
pair_key(const struct nhrp *n, uint64_t link, const struct addr *src, const struct addr *dst)
{
	uint32_t seed = (uint32_t)(n->pair_seed ^ link ^ link >> 32);
	uint32_t high = addr_hash(src, addr_hash(dst, seed));
	uint32_t low = addr_hash(dst, addr_hash(src, high ^ (uint32_t)(n->pair_seed >> 32)));

	return (uint64_t)high << 32 | low | 1; /* 0 means free */
}

/** The record of this pair; a new one takes the place of the one longest silent. */
static struct nhrp_pair *
pair_get(struct nhrp *n, uint64_t key)
{
	size_t set = (size_t)(key >> 32) % (NHRP_PAIRS / NHRP_PAIR_WAYS);
	struct nhrp_pair *way = &n->pairs[set * NHRP_PAIR_WAYS], *oldest = way;

	for (size_t i = 0; i < NHRP_PAIR_WAYS; i++) {
		if (way[i].key == key)
			return &way[i];
		if (way[i].key == 0 || (oldest->key != 0 && way[i].last_ms < oldest->last_ms))
			oldest = &way[i];
	}
	*oldest = (struct nhrp_pair){ .key = key };
	return oldest;
}

/** How long to be quiet after so many were sent. */
static uint64_t
pair_gap_ms(unsigned sent)
{
	unsigned doublings = sent - 1 < PAIR_DOUBLINGS ? sent - 1 : PAIR_DOUBLINGS;
	uint64_t gap_ms = (uint64_t)PAIR_GAP_MS << doublings;

	return gap_ms < PAIR_LONGEST_GAP_MS ? gap_ms : PAIR_LONGEST_GAP_MS;
}

static bool
pair_due(struct nhrp_pair *p, uint64_t now_ms)
{
	uint64_t quiet_ms = now_ms - p->last_ms;

	if (p->sent != 0 && quiet_ms >= PAIR_FORGET_MS)
		p->sent = 0;
	return p->sent == 0 || quiet_ms >= pair_gap_ms(p->sent);
}

/** Would a shortcut from link to dst make sense, and may it be? */
static bool
worth_telling(struct nhrp_cloud *in, const struct nhrp_cloud *out, const struct nhrp_link *link,
	const struct addr *src, const struct addr *dst)
{
	struct nhrp_route route;

	if (link == NULL || link->entries == NULL || !in->redirect ||
		(in != out && in->network_id != out->network_id))
		return false;
	if (addr_is_multicast(dst) || addr_is_zero(src) || addr_is_multicast(src) ||
		nhrp_is_own(in, src) || nhrp_own_addr(in, src) == NULL)
		return false;

	const struct nhrp_entry *e = nhrp_egress(in, dst, &route);
	return e != NULL && e->link != NULL && nhrp_shortcut_fits(in, link, e);
}

static void
indication_send(struct nhrp_cloud *cl, const struct nhrp_link *link, const struct addr *src,
	const uint8_t *head, size_t len)
{
	struct nhrp_msg m = {
		.type = NHRP_TRAFFIC_INDICATION,
		.hops = NHRP_HOPS,
		.nbma_family = cl->nbma.family,
		.proto_family = src->family,
		.src_nbma = cl->nbma,
		.src_proto = *nhrp_own_addr(cl, src),
		.dst_proto = *src, /* deployed practice; receivers look at the packet inside */
		.body = { head, len < HEAD_BYTES ? len : HEAD_BYTES },
	};

	nhrp_send_own(cl, link->id, &m);
}

void
nhrp_redirect(struct nhrp *n, uint32_t cloud_in, uint64_t link_id, uint32_t cloud_out,
	const uint8_t *head, size_t len, uint64_t now_ms)
{
	struct nhrp_cloud *in = nhrp_cloud_find(n, cloud_in);
	const struct nhrp_cloud *out = nhrp_cloud_find(n, cloud_out);
	struct addr src, dst;

	nhrp_clock(n, now_ms);
	if (in == NULL)
		return;
	struct nhrp_link *link = nhrp_link_find(&in->cache, link_id);
	if (out == NULL || !hosts_read(head, len, &src, &dst) ||
		!worth_telling(in, out, link, &src, &dst)) {
		nhrp_count(in, NHRP_TRAFFIC_INDICATION, NHRP_HELD_POLICY);
		return;
	}

	struct nhrp_pair *pair = pair_get(n, pair_key(n, link_id, &src, &dst));
	if (!pair_due(pair, now_ms))
		nhrp_count(in, NHRP_TRAFFIC_INDICATION, NHRP_HELD_PAIR);
	else if (!nhrp_bucket_take(&link->redirects, LINK_PER_S, LINK_PER_S, now_ms))
		nhrp_count(in, NHRP_TRAFFIC_INDICATION, NHRP_HELD_LINK);
	else if (!nhrp_bucket_take(&n->redirects, HUB_PER_S, HUB_PER_S, now_ms))
		nhrp_count(in, NHRP_TRAFFIC_INDICATION, NHRP_HELD_HUB);
	else {
		pair->sent++;
		pair->last_ms = now_ms;
		indication_send(in, link, &src, head, len);
	}
}

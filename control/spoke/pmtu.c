/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spoke/pmtu.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>

#include "control/base/cursor.h"

#define VERSION_IHL 0x45   /* IPv4 without options, as we send it */
#define FLAG_DF     0x4000 /* RFC 791 */
#define FLAG_OFFSET 0x3fff /* more fragments, offset */
#define PORT_NATT   4500
#define ADDR_BYTES  4

static const struct {
	const char *name, *help;
} outcomes[PMTU_OUTCOMES] = {
	[PMTU_LOWERED] = { "lowered", "believed: path MTU of a spoke lowered" },
	[PMTU_MALFORMED] = { "malformed", "refused: cut short, checksum or not about ESP with DF" },
	[PMTU_NO_SA] = { "no_sa", "refused: SPI, address or port of no SA we send on" },
	[PMTU_NO_DF] = { "no_df", "refused: the spoke's clouds have df: clear" },
	[PMTU_OLD] = { "old", "refused: sequence number not sent lately (forged, or very late)" },
	[PMTU_TOO_SMALL] = { "too_small", "refused: MTU below 576" },
	[PMTU_NO_LOWER] = { "no_lower", "nothing new: not below what is sent already" },
	[PMTU_TOO_SOON] = { "too_soon", "refused: within 100 ms of the last change" },
};

const char *
pmtu_outcome_name(enum pmtu_outcome o)
{
	return outcomes[o].name;
}

const char *
pmtu_outcome_help(enum pmtu_outcome o)
{
	return outcomes[o].help;
}

/** RFC 1071 over all of it, its checksum included. */
static bool
checksum_good(const uint8_t *data, size_t bytes)
{
	struct cursor c = cur_over(data, bytes);
	uint64_t sum = 0;

	while (cur_left(&c) >= 2)
		sum += cur_be16(&c);
	if (cur_left(&c) > 0)
		sum += (uint32_t)cur_u8(&c) << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/** The quoted header: ours to this peer, whole and not to be fragmented? Returns its protocol. */
static int
quote_read(struct cursor *c, struct pmtu_claim *out)
{
	uint8_t version_ihl = cur_u8(c);
	uint16_t fragment;
	uint8_t proto;

	cur_skip(c, 1); /* TOS */
	out->packet_bytes = cur_be16(c);
	cur_skip(c, 2); /* identification */
	fragment = cur_be16(c);
	cur_skip(c, 1); /* TTL */
	proto = cur_u8(c);
	cur_skip(c, 2); /* checksum: routers differ in whether it fits the TTL */
	const uint8_t *addresses = cur_take(c, (size_t)2 * ADDR_BYTES);
	if (c->short_read || version_ihl != VERSION_IHL || (fragment & FLAG_DF) == 0 ||
		(fragment & FLAG_OFFSET) != 0)
		return -EBADMSG;
	addr_from_bytes(&out->local, addresses, ADDR_BYTES);
	addr_from_bytes(&out->remote, addresses + ADDR_BYTES, ADDR_BYTES);
	return proto;
}

int
pmtu_claim_read(const uint8_t *icmp, size_t bytes, struct pmtu_claim *out)
{
	struct cursor c = cur_over(icmp, bytes);
	struct pmtu_claim claim = { 0 };
	uint8_t type = cur_u8(&c);
	uint8_t code = cur_u8(&c);
	int proto;

	cur_skip(&c, 2); /* checksum */
	cur_skip(&c, 2); /* unused, or length (RFC 4884) */
	claim.mtu = cur_be16(&c);
	if (type != ICMP_DEST_UNREACH || code != ICMP_FRAG_NEEDED || !checksum_good(icmp, bytes))
		return -EBADMSG;
	proto = quote_read(&c, &claim);
	if (proto == IPPROTO_UDP) {
		claim.udp_local = cur_be16(&c);
		claim.udp_remote = cur_be16(&c);
		cur_skip(&c, 4); /* length, checksum */
		if (claim.udp_local != PORT_NATT || claim.udp_remote == 0)
			return -EBADMSG;
	} else if (proto != IPPROTO_ESP) {
		return -EBADMSG;
	}
	claim.spi = cur_be32(&c);
	claim.seq = cur_be32(&c);
	if (c.short_read)
		return -EBADMSG;
	*out = claim;
	return 0;
}

static bool
sent_lately(const struct pmtu_sent *sent, uint32_t seq)
{
	uint32_t ago = (uint32_t)sent->seq - seq; /* packets; ESN: the wire has the lower half */

	return ago < sent->seq && ago <= sent->lately + PMTU_RECENT;
}

enum pmtu_outcome
pmtu_take(struct pmtu *p, const struct pmtu_claim *c, const struct pmtu_sent *sent, uint64_t now_ms)
{
	if (!sent_lately(sent, c->seq))
		return PMTU_OLD;
	if (c->mtu < PMTU_MIN_BYTES)
		return PMTU_TOO_SMALL;
	if (c->mtu >= c->packet_bytes || (p->bytes != 0 && c->mtu >= p->bytes))
		return PMTU_NO_LOWER;
	if (p->bytes != 0 && now_ms - p->since_ms < PMTU_PAUSE_MS)
		return PMTU_TOO_SOON;
	p->bytes = c->mtu;
	p->since_ms = now_ms;
	return PMTU_LOWERED;
}

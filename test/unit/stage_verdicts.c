/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * One row per verdict, and a row for every verdict: what provokes it, and how many ends
 * that makes in all. A packet that ended twice, or nowhere, shows in the sum.
 */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "dataplane/early.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static struct packet p;

static struct hub_spoke *
spoke(enum hub_cloud c)
{
	return &hub.spoke[c][0];
}

static uint32_t
other_be(enum hub_cloud c)
{
	return hub.spoke[c][1].overlay_be;
}

/** Wrap p (at inner IP) for a cloud and send it. */
static unsigned
from_spoke(enum hub_cloud c)
{
	hub_wrap(&p, spoke(c));
	hub_in(hub.wan, &p);
	return 1;
}

/** p (at outer payload) as it is, from the first spoke. */
static unsigned
outer(uint8_t proto)
{
	hub_outer(&p, spoke(CLEAR), proto);
	hub_in(hub.wan, &p);
	return 1;
}

static struct rte_ipv4_hdr *
inner(enum hub_cloud c, uint32_t src, uint32_t dst, uint16_t n)
{
	packet_payload(&p, n);
	return packet_ip(&p, src != 0 ? src : spoke(c)->overlay_be, dst, 253);
}

/* ---- ends of the way ----------------------------------------------------------------- */

static unsigned
tx(void)
{
	packet_payload(&p, 40);
	packet_ether(&p, hub.mac[1], 0x0806);
	CHECK_EQ(dp_send_frame(hub.dp, hub.wan, packet_at(&p), p.bytes), 0);
	hub_settle();
	return 1;
}

static void
kernel_multicast(unsigned n)
{
	inner(CLEAR, IPV4(10, 0, 1, 1), IPV4(224, 0, 0, 5), 40);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(dp_send_inner(hub.dp, CLEAR, packet_at(&p), p.bytes), 0);
	hub_settle();
}

static unsigned
replicated(void)
{
	kernel_multicast(1);
	return 1 + HUB_SPOKES;
}

static unsigned
fragmented(void)
{
	inner(CLEAR, 0, other_be(CLEAR), 1440);
	from_spoke(CLEAR);
	return 1 + 2;
}

/** Octets off.. of an outer packet's payload, as a fragment of it. */
static void
fragment(const struct packet *whole, uint16_t off, uint16_t n, bool more)
{
	struct rte_ipv4_hdr *ip;

	packet_set(&p, whole->buf + whole->start + off, n);
	ip = packet_ip(&p, spoke(CLEAR)->outer_be, HUB_BE, IPPROTO_GRE);
	ip->packet_id = RTE_BE16(77);
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(off / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	packet_ip_fix(&p);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
}

static unsigned
reassembled(void)
{
	static struct packet whole;

	inner(CLEAR, 0, other_be(CLEAR), 100);
	hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
	whole = p;
	fragment(&whole, 64, (uint16_t)(whole.bytes - 64), false);
	fragment(&whole, 0, 64, true);
	return 1 + 1;
}

/* ---- to the control core ---------------------------------------------------------------- */

static unsigned
punt_ike(void)
{
	packet_payload(&p, 300);
	packet_udp(&p, 500, 500);
	return outer(IPPROTO_UDP);
}

static unsigned
punt_nhrp(void)
{
	packet_payload(&p, 80);
	hub_gre(&p, spoke(TRANSPORT), 0x2001);
	hub_protect(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
punt_arp(void)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

	packet_payload(&p, 46);
	packet_ether(&p, all, RTE_ETHER_TYPE_ARP);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
punt_local(void)
{
	packet_payload(&p, 64);
	return outer(IPPROTO_ICMP);
}

static unsigned
punt_too_big(void)
{
	packet_payload(&p, 8);
	packet_ip(&p, HUB_BE, spoke(TRANSPORT)->outer_be, IPPROTO_ESP);
	memcpy(packet_push(&p, 8), "\3\4\0\0\0\0\5\0", 8);
	return outer(IPPROTO_ICMP);
}

static unsigned
punt_inner(void)
{
	inner(TRANSPORT, 0, IPV4(10, 0, 2, 1), 40);
	return from_spoke(TRANSPORT);
}

static unsigned
punt_multicast(void)
{
	inner(TRANSPORT, 0, IPV4(224, 0, 0, 5), 40);
	return from_spoke(TRANSPORT);
}

/* ---- refused before decryption ---------------------------------------------------------- */

static unsigned
ether_type(void)
{
	packet_payload(&p, 46);
	packet_ether(&p, hub.mac[hub.wan], 0x88cc);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
outer_ipv6(void)
{
	packet_payload(&p, 46);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV6);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
vlan(void)
{
	packet_set(&p, "\0\7\x08\0rest", 8); /* VID 7, then IPv4 */
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_VLAN);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
not_for_us(void)
{
	static const uint8_t stranger[6] = { 2, 0, 0, 0, 0, 0x33 };

	packet_payload(&p, 46);
	packet_ether(&p, stranger, RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
ip_short(void)
{
	packet_payload(&p, 10);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	packet_payload(&p, 13); /* not even an Ethernet header */
	hub_in(hub.wan, &p);
	return 2;
}

static unsigned
ip_header(void)
{
	packet_payload(&p, 40);
	packet_ip(&p, spoke(CLEAR)->outer_be, HUB_BE, IPPROTO_ICMP)->hdr_checksum ^= 1;
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	packet_payload(&p, 40);
	packet_ip(&p, IPV4(224, 0, 0, 1), HUB_BE, IPPROTO_ICMP); /* no host sends that */
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 2;
}

static unsigned
wan_transit(void)
{
	packet_payload(&p, 40);
	packet_ip(&p, spoke(CLEAR)->outer_be, LAN_BE, IPPROTO_ICMP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
wan_refused(void)
{
	packet_payload(&p, 40);
	outer(IPPROTO_TCP);
	packet_payload(&p, 40);
	packet_udp(&p, 53, 53);
	outer(IPPROTO_UDP);
	return 2;
}

/** More pieces than the table keeps for one packet. */
static unsigned
reassembly(void)
{
	static struct packet whole;
	uint64_t before = hub_count(VERDICT_DROP_REASSEMBLY);
	unsigned n = 0;

	packet_payload(&whole, 400);
	while (hub_count(VERDICT_DROP_REASSEMBLY) == before && ++n < 20)
		fragment(&whole, (uint16_t)(16 * n), 8, true);
	return n;
}

/** Its sender has used up its part of the table. */
static unsigned
reassembly_share(void)
{
	static struct packet whole;

	packet_payload(&whole, 400);
	for (unsigned i = 0; i < SOURCE_LEVELS; i++)
		hub.w->frag_levels[i] = UINT64_MAX / 2;
	fragment(&whole, 0, 200, true);
	memset(hub.w->frag_levels, 0, SOURCE_LEVELS * sizeof(*hub.w->frag_levels));
	return 1;
}

static unsigned
natt_keepalive(void)
{
	packet_set(&p, "\xff", 1);
	packet_udp(&p, 4500, 4500);
	return outer(IPPROTO_UDP);
}

static unsigned
clear_gre(void)
{
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40);
	hub_gre(&p, spoke(TRANSPORT), RTE_ETHER_TYPE_IPV4);
	return outer(IPPROTO_GRE);
}

static unsigned
cloud(void)
{
	inner(CLEAR, 0, other_be(CLEAR), 40);
	packet_gre(&p, 77, RTE_ETHER_TYPE_IPV4);
	return outer(IPPROTO_GRE);
}

/* ---- ESP in ----------------------------------------------------------------------------- */

static unsigned
esp_short(void)
{
	packet_payload(&p, 7);
	outer(IPPROTO_ESP);
	packet_payload(&p, 3);
	packet_udp(&p, 4500, 4500);
	outer(IPPROTO_UDP);
	hub_ping(&p, spoke(TRANSPORT), other_be(TRANSPORT), 40);
	packet_pull(&p, 34);
	p.bytes -= 1; /* not whole blocks any more */
	outer(IPPROTO_ESP);
	return 3;
}

static unsigned
esp_spi(void)
{
	hub_ping(&p, spoke(TRANSPORT), other_be(TRANSPORT), 40);
	packet_at(&p)[34] ^= 0x40;
	hub_in(hub.wan, &p);
	CHECK_EQ(hub.told[DP_BAD_SPI], 1);
	CHECK(hub.last[DP_BAD_SPI].spi == (spoke(TRANSPORT)->out.spi ^ 0x40000000));
	return 1;
}

/** One more than may wait for the keys; the others end when the SPI is given back. */
static unsigned
esp_early(void)
{
	struct hub_spoke s = *spoke(TRANSPORT);

	CHECK_EQ(dp_spi_new(hub.dp, &s.out.spi), 0);
	for (int i = 0; i <= EARLY_PER_SPI; i++) {
		hub_ping(&p, &s, other_be(TRANSPORT), 40);
		hub_in(hub.wan, &p);
	}
	dp_spi_free(hub.dp, s.out.spi);
	hub_settle();
	return EARLY_PER_SPI + 1;
}

static unsigned
esp_replay(void)
{
	static struct packet again;

	hub_ping(&p, spoke(TRANSPORT), IPV4(10, 0, 2, 1), 40);
	again = p;
	hub_in(hub.wan, &p);
	hub_in(hub.wan, &again);
	return 2;
}

static unsigned
esp_auth(void)
{
	hub_ping(&p, spoke(TRANSPORT), other_be(TRANSPORT), 40);
	packet_at(&p)[p.bytes - 1] ^= 1;
	hub_in(hub.wan, &p);
	return 1;
}

/** p (at GRE) through the spoke's SA with another next header. */
static unsigned
next_header(enum hub_cloud c, uint8_t next)
{
	inner(c, 0, other_be(c), 40);
	hub_gre(&p, spoke(c), RTE_ETHER_TYPE_IPV4);
	packet_seal(&p, &spoke(c)->out, ++spoke(c)->seq, next);
	return outer(IPPROTO_ESP);
}

static unsigned
esp_format(void)
{
	return next_header(TRANSPORT, IPPROTO_TCP);
}

static unsigned
esp_dummy(void)
{
	return next_header(TRANSPORT, 59);
}

static unsigned
handover_full(void)
{
	struct sa_in *sa = hub_sa_in(spoke(TRANSPORT));
	struct rte_mbuf *m;

	sa->owner = 1;
	while ((m = rte_pktmbuf_alloc(hub.dp->pool)) != NULL &&
		rte_ring_enqueue(hub.other->handover_in, m) == 0)
		;
	rte_pktmbuf_free(m);
	hub_ping(&p, spoke(TRANSPORT), other_be(TRANSPORT), 40);
	hub_in_at(hub.wan, &p, 0);
	while (rte_ring_dequeue(hub.other->handover_in, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	sa->owner = 0;
	return 1;
}

/* ---- GRE and inner ----------------------------------------------------------------------- */

static unsigned
gre_short(void)
{
	packet_payload(&p, 3);
	hub_protect(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	packet_set(&p, "\x20\x00\x08\x00\x00", 5); /* key announced, cut off */
	outer(IPPROTO_GRE);
	return 2;
}

static unsigned
gre_unsupported(void)
{
	static const uint8_t first[] = { 0xa0, 0x60, 0x30, 0x28 }; /* C, R, S, s */

	for (unsigned i = 0; i < sizeof(first); i++) {
		inner(CLEAR, 0, other_be(CLEAR), 40);
		hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
		packet_at(&p)[0] = first[i];
		outer(IPPROTO_GRE);
	}
	inner(CLEAR, 0, other_be(CLEAR), 40);
	hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
	packet_at(&p)[1] = 1; /* PPTP */
	outer(IPPROTO_GRE);
	return sizeof(first) + 1;
}

/** Another cloud's key, and none at all, through a good SA. */
static unsigned
gre_key(void)
{
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40);
	hub_gre(&p, spoke(NATT), RTE_ETHER_TYPE_IPV4);
	hub_protect(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40);
	packet_gre(&p, -1, RTE_ETHER_TYPE_IPV4);
	hub_protect(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	return 2;
}

/** Four octets of the payload are options now. */
static void
with_options(struct rte_ipv4_hdr *ip)
{
	ip->version_ihl++;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, 24);
}

static unsigned
ip_options(void)
{
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 40);
	packet_at(&p)[0] = 7; /* record route, of no octets */
	ip = packet_ip(&p, spoke(CLEAR)->outer_be, HUB_BE, IPPROTO_ICMP);
	with_options(ip);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
inner_options(void)
{
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 40);
	packet_at(&p)[0] = 7;
	ip = packet_ip(&p, spoke(TRANSPORT)->overlay_be, other_be(TRANSPORT), 253);
	with_options(ip);
	from_spoke(TRANSPORT);
	return 1;
}

static unsigned
gre_proto(void)
{
	packet_payload(&p, 40);
	hub_gre(&p, spoke(CLEAR), 0x8847);
	return outer(IPPROTO_GRE);
}

static unsigned
inner_short(void)
{
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40)->total_length = RTE_BE16(61);
	packet_ip_fix(&p);
	from_spoke(TRANSPORT);
	packet_payload(&p, 19);
	return 1 + from_spoke(TRANSPORT);
}

static unsigned
inner_header(void)
{
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40)->hdr_checksum ^= 0x100;
	from_spoke(TRANSPORT);
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40)->version_ihl = 0x65;
	return 1 + from_spoke(TRANSPORT);
}

static unsigned
inner_source(void)
{
	static const uint32_t bad[] = { IPV4(127, 0, 0, 1), IPV4(0, 0, 0, 0), IPV4(224, 0, 0, 9),
		IPV4(255, 255, 255, 255), IPV4(10, 0, 2, 1) };

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		packet_payload(&p, 40);
		packet_ip(&p, bad[i], other_be(TRANSPORT), 253);
		from_spoke(TRANSPORT);
	}
	return RTE_DIM(bad);
}

static unsigned
spoof(void)
{
	inner(TRANSPORT, other_be(TRANSPORT), LAN_BE, 40);
	return from_spoke(TRANSPORT);
}

static unsigned
no_peer_in(void)
{
	inner(CLEAR, 0, other_be(CLEAR), 40);
	hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
	packet_ip(&p, IPV4(192, 0, 2, 200), HUB_BE, IPPROTO_GRE);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
ecn(void)
{
	inner(CLEAR, 0, other_be(CLEAR), 40);
	hub_gre(&p, spoke(CLEAR), RTE_ETHER_TYPE_IPV4);
	packet_ip(&p, spoke(CLEAR)->outer_be, HUB_BE, IPPROTO_GRE)->type_of_service = 3;
	packet_ip_fix(&p);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_in(hub.wan, &p);
	return 1;
}

static unsigned
ttl(void)
{
	inner(TRANSPORT, 0, other_be(TRANSPORT), 40)->time_to_live = 1;
	packet_ip_fix(&p);
	return 1 + from_spoke(TRANSPORT); /* and the ICMP error, sent */
}

static unsigned
no_route(void)
{
	inner(TRANSPORT, 0, IPV4(8, 8, 8, 8), 40);
	return 1 + from_spoke(TRANSPORT);
}

static unsigned
no_binding(void)
{
	inner(TRANSPORT, 0, IPV4(198, 51, 100, 1), 40);
	from_spoke(TRANSPORT);
	CHECK_EQ(hub.told[DP_NO_PEER], 1);
	CHECK_EQ(hub.last[DP_NO_PEER].cloud, CLEAR);
	CHECK(addr_v4(&hub.last[DP_NO_PEER].remote) == IPV4(10, 0, 1, 99));
	return 2;
}

static unsigned
neigh(void)
{
	inner(TRANSPORT, 0, IPV4(10, 9, 0, 77), 40);
	from_spoke(TRANSPORT);
	CHECK_EQ(hub.told[DP_NEIGH_MISS], 1);
	CHECK_EQ(hub.last[DP_NEIGH_MISS].port, hub.lan);
	CHECK(addr_v4(&hub.last[DP_NEIGH_MISS].remote) == IPV4(10, 9, 0, 77));
	return 1;
}

static unsigned
wan_clear(void)
{
	inner(TRANSPORT, 0, IPV4(203, 0, 113, 5), 40);
	return from_spoke(TRANSPORT);
}

static unsigned
mtu(void)
{
	inner(CLEAR, 0, other_be(CLEAR), 1400)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	packet_ip_fix(&p);
	return 1 + from_spoke(CLEAR);
}

static unsigned
multicast(void)
{
	inner(TRANSPORT, 0, IPV4(239, 1, 1, 1), 40);
	return from_spoke(TRANSPORT);
}

static unsigned
replication(void)
{
	kernel_multicast(17);
	return 16 * (1 + HUB_SPOKES) + 1;
}

static unsigned
link_scope(void)
{
	inner(TRANSPORT, 0, IPV4(255, 255, 255, 255), 40);
	return from_spoke(TRANSPORT);
}

static unsigned
inner_ipv6(void)
{
	packet_payload(&p, 40);
	hub_gre(&p, spoke(TRANSPORT), RTE_ETHER_TYPE_IPV6);
	hub_protect(&p, spoke(TRANSPORT));
	hub_in(hub.wan, &p);
	return 1;
}

/* ---- out ------------------------------------------------------------------------------------ */

static unsigned
peer_down(void)
{
	struct hub_spoke *to = &hub.spoke[TRANSPORT][1];
	struct hub_sa conf = { .encr = 20, .bits = 256, .window = 64 };

	CHECK_EQ(dp_peer_sa_out(hub.dp, to->peer, NULL), 0);
	inner(CLEAR, 0, to->overlay_be, 40);
	from_spoke(CLEAR);
	hub_rekey(to, &conf);
	return 1;
}

/** The library is asked for the impossible: no length. Then the packet must not leave. */
static unsigned
cipher(void)
{
	struct sa_out *sa = hub_sa_out(spoke(TRANSPORT));
	struct burst out = { 0 };
	struct esp_job *job;
	struct rte_mbuf *m;

	inner(CLEAR, 0, other_be(CLEAR), 40);
	m = hub_mbuf(&p, 128);
	job = &pkt_meta(m)->job;
	*job = (struct esp_job){ .suite = sa->suite, .key = sa_out_key(sa), .user = m };
	job->esp = rte_pktmbuf_mtod(m, uint8_t *);
	esp_submit(hub.w->seal, ESP_SEAL, &job, 1);
	CHECK_EQ(esp_out_collect(hub.w, &out), 1);
	CHECK_EQ(out.n, 0);
	return 1;
}

static unsigned
seq_end(void)
{
	struct hub_spoke *to = &hub.spoke[TRANSPORT][1];
	struct hub_sa conf = { .encr = 20, .bits = 256, .window = 64 };

	hub_sa_out(to)->seq = UINT32_MAX - 1;
	for (int i = 0; i < 2; i++) { /* the very last number is used, the next is not */
		inner(CLEAR, 0, to->overlay_be, 40);
		from_spoke(CLEAR);
	}
	hub_rekey(to, &conf);
	return 2;
}

/** Nobody fragments what is no IP inside: an NHRP packet of ours that is too long. */
static unsigned
outer_mtu(void)
{
	packet_payload(&p, 1460);
	CHECK_EQ(dp_send_gre(hub.dp, spoke(TRANSPORT)->peer, 0x2001, packet_at(&p), p.bytes), 0);
	hub_settle();
	return 1;
}

static unsigned
uplink(void)
{
	struct hub_spoke *to = &hub.spoke[TRANSPORT][1];

	to->spec.uplink = DP_ADJ_DROP;
	hub_peer_set(to);
	inner(CLEAR, 0, to->overlay_be, 40);
	from_spoke(CLEAR);
	to->spec.uplink = hub.uplink;
	hub_peer_set(to);
	return 1;
}

/** Whatever header finds no room: GRE, ESP, outer IP, Ethernet. */
static unsigned
headroom(void)
{
	static const uint8_t room[] = { 0, 8, 8 + 16, 8 + 16 + 20 };

	for (unsigned i = 0; i < RTE_DIM(room); i++) {
		struct burst b = { .n = 1 };

		inner(CLEAR, IPV4(10, 0, 2, 1), other_be(TRANSPORT), 40);
		b.pkt[0] = hub_mbuf(&p, room[i]);
		pkt_meta(b.pkt[0])->flags = META_FROM_KERNEL;
		pipeline_inner(hub.w, &b);
	}
	return RTE_DIM(room);
}

static unsigned
tx_full(void)
{
	packet_payload(&p, 40);
	packet_ether(&p, hub.mac[1], RTE_ETHER_TYPE_IPV4); /* not ARP, which would wait */
	for (unsigned i = 0; i < HUB_RING + 5; i++)
		CHECK_EQ(dp_send_frame(hub.dp, hub.wan, packet_at(&p), p.bytes), 0);
	hub_settle();
	return HUB_RING + 5;
}

static unsigned
punt_rate(void)
{
	struct token_bucket *b = &hub.w->budget[METER_IKE_INIT];

	b->full_at = UINT64_MAX / 2;
	punt_ike();
	b->full_at = 0;
	return 1;
}

static unsigned
punt_share(void)
{
	hub.w->spoke_levels[spoke(TRANSPORT)->peer].full_at[SHARE_NHRP] = UINT64_MAX / 2;
	punt_nhrp();
	return 1;
}

static unsigned
punt_full(void)
{
	struct rte_mbuf *m;

	while ((m = rte_pktmbuf_alloc(hub.dp->pool)) != NULL &&
		rte_ring_enqueue(hub.dp->up, m) == 0)
		;
	rte_pktmbuf_free(m);
	packet_payload(&p, 300);
	packet_udp(&p, 500, 500);
	hub_outer(&p, spoke(CLEAR), IPPROTO_UDP);
	hub_in_at(hub.wan, &p, 0);
	while (rte_ring_dequeue(hub.dp->up, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	return 1;
}

static unsigned
no_mbuf(void)
{
	struct burst b = { .n = 1 };
	struct rte_mbuf *m, *chain = NULL;

	inner(CLEAR, 0, other_be(CLEAR), 1440);
	hub_wrap(&p, spoke(CLEAR));
	b.pkt[0] = hub_mbuf(&p, 128);
	pkt_meta(b.pkt[0])->port = hub.wan;
	while ((m = rte_pktmbuf_alloc(hub.dp->pool)) != NULL) {
		m->next = chain;
		chain = m;
	}
	pipeline_rx(hub.w, &b);
	while (chain != NULL) {
		m = chain;
		chain = m->next;
		m->next = NULL;
		rte_pktmbuf_free(m);
	}
	return 1;
}

static const struct row {
	enum verdict v;
	unsigned (*provoke)(void); /* returns how many ends it makes, of any verdict */
} rows[] = {
	{ VERDICT_TX, tx },
	{ VERDICT_REPLICATED, replicated },
	{ VERDICT_FRAGMENTED, fragmented },
	{ VERDICT_REASSEMBLED, reassembled },
	{ VERDICT_PUNT_IKE, punt_ike },
	{ VERDICT_PUNT_NHRP, punt_nhrp },
	{ VERDICT_PUNT_ARP, punt_arp },
	{ VERDICT_PUNT_LOCAL, punt_local },
	{ VERDICT_PUNT_TOO_BIG, punt_too_big },
	{ VERDICT_PUNT_INNER, punt_inner },
	{ VERDICT_PUNT_MULTICAST, punt_multicast },
	{ VERDICT_DROP_ETHER_TYPE, ether_type },
	{ VERDICT_DROP_VLAN, vlan },
	{ VERDICT_DROP_NOT_FOR_US, not_for_us },
	{ VERDICT_DROP_IP_SHORT, ip_short },
	{ VERDICT_DROP_IP_HEADER, ip_header },
	{ VERDICT_DROP_IP_OPTIONS, ip_options },
	{ VERDICT_DROP_WAN_TRANSIT, wan_transit },
	{ VERDICT_DROP_WAN_REFUSED, wan_refused },
	{ VERDICT_DROP_OUTER_IPV6, outer_ipv6 },
	{ VERDICT_DROP_REASSEMBLY, reassembly },
	{ VERDICT_DROP_REASSEMBLY_SHARE, reassembly_share },
	{ VERDICT_DROP_NATT_KEEPALIVE, natt_keepalive },
	{ VERDICT_DROP_CLEAR_GRE, clear_gre },
	{ VERDICT_DROP_CLOUD, cloud },
	{ VERDICT_DROP_ESP_SHORT, esp_short },
	{ VERDICT_DROP_ESP_SPI, esp_spi },
	{ VERDICT_DROP_ESP_EARLY, esp_early },
	{ VERDICT_DROP_ESP_REPLAY, esp_replay },
	{ VERDICT_DROP_ESP_AUTH, esp_auth },
	{ VERDICT_DROP_ESP_FORMAT, esp_format },
	{ VERDICT_DROP_ESP_DUMMY, esp_dummy },
	{ VERDICT_DROP_HANDOVER_FULL, handover_full },
	{ VERDICT_DROP_GRE_SHORT, gre_short },
	{ VERDICT_DROP_GRE_UNSUPPORTED, gre_unsupported },
	{ VERDICT_DROP_GRE_KEY, gre_key },
	{ VERDICT_DROP_GRE_PROTO, gre_proto },
	{ VERDICT_DROP_INNER_SHORT, inner_short },
	{ VERDICT_DROP_INNER_OPTIONS, inner_options },
	{ VERDICT_DROP_INNER_HEADER, inner_header },
	{ VERDICT_DROP_INNER_SOURCE, inner_source },
	{ VERDICT_DROP_SPOOF, spoof },
	{ VERDICT_DROP_NO_PEER_IN, no_peer_in },
	{ VERDICT_DROP_ECN, ecn },
	{ VERDICT_DROP_TTL, ttl },
	{ VERDICT_DROP_NO_ROUTE, no_route },
	{ VERDICT_DROP_NO_BINDING, no_binding },
	{ VERDICT_DROP_NEIGH, neigh },
	{ VERDICT_DROP_WAN_CLEAR, wan_clear },
	{ VERDICT_DROP_MTU, mtu },
	{ VERDICT_DROP_MULTICAST, multicast },
	{ VERDICT_DROP_REPLICATION, replication },
	{ VERDICT_DROP_LINK_SCOPE, link_scope },
	{ VERDICT_DROP_INNER_IPV6, inner_ipv6 },
	{ VERDICT_DROP_PEER_DOWN, peer_down },
	{ VERDICT_DROP_CIPHER, cipher },
	{ VERDICT_DROP_SEQ_END, seq_end },
	{ VERDICT_DROP_OUTER_MTU, outer_mtu },
	{ VERDICT_DROP_UPLINK, uplink },
	{ VERDICT_DROP_HEADROOM, headroom },
	{ VERDICT_DROP_TX_FULL, tx_full },
	{ VERDICT_DROP_PUNT_RATE, punt_rate },
	{ VERDICT_DROP_PUNT_SHARE, punt_share },
	{ VERDICT_DROP_PUNT_FULL, punt_full },
	{ VERDICT_DROP_NO_MBUF, no_mbuf },
};

/** Ends where what was wrong is the very beginning, so it need not look like IP. */
static bool
no_ip(enum verdict v)
{
	return v == VERDICT_DROP_INNER_SHORT || v == VERDICT_DROP_INNER_HEADER ||
		v == VERDICT_DROP_SPOOF;
}

/** Each drop of v was shown to the capture, in a form that a reader can make sense of. */
static void
drops_are_shown(enum verdict v, uint64_t count)
{
	struct dp_captured c;
	uint64_t shown = 0;

	while (dp_capture_next(hub.dp, &c)) {
		if (c.verdict != v)
			continue;
		shown++;
		CHECK_EQ(c.point, DP_POINT_DROPS);
		CHECK((c.captured == 0) == (v == VERDICT_DROP_HEADROOM));
		CHECK(c.captured <= c.bytes);
		if (c.link == DP_LINK_RAW && c.captured > 0 && !no_ip(v))
			CHECK_EQ(c.data[0] >> 4, 4);
		if (c.link == DP_LINK_ETHERNET && c.captured >= 14 && v != VERDICT_DROP_NOT_FOR_US)
			CHECK(memcmp(c.data, hub.mac[1], 6) == 0 ||
				memcmp(c.data, hub.mac[2], 6) == 0 || c.data[0] & 1);
	}
	CHECK_EQ(shown, v < VERDICT_DROP_ETHER_TYPE ? 0 : count);
}

static void
row_holds(const struct row *r)
{
	const char *name = dp_verdict_name(r->v);
	uint64_t of_v = hub_count(r->v), all = hub_count_all();
	unsigned ends = r->provoke();

	CHECK(hub_count(r->v) > of_v);
	CHECK_EQ(hub_count_all() - all, ends);
	drops_are_shown(r->v, hub_count(r->v) - of_v);
	hub_forget();
	CHECK(hub_buffers_back());
	if (check_bad)
		printf("# in the row of %s\n", name);
}

static void
each_verdict_is_provoked_counted_once_and_shown(void)
{
	struct dp_capture want = {
		.points = 1 << DP_POINT_DROPS, .snap_bytes = 256, .ip_proto = -1, .verdict = -1
	};

	CHECK_EQ(dp_capture_start(hub.dp, &want), 0);
	hub_settle();
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		bool before = check_bad;

		check_bad = false;
		row_holds(&rows[i]);
		check_bad |= before;
	}
	dp_capture_stop(hub.dp);
}

static void
every_verdict_has_a_row(void)
{
	for (unsigned v = VERDICT_PASS + 1; v < VERDICT_COUNT; v++) {
		bool found = false;

		for (unsigned i = 0; i < RTE_DIM(rows); i++)
			found |= rows[i].v == v;
		CHECK(found);
		if (!found)
			printf("# no row for %s\n", dp_verdict_name(v));
	}
	CHECK_EQ(hub_count(VERDICT_PASS), 0);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(each_verdict_is_provoked_counted_once_and_shown);
	TEST(every_verdict_has_a_row);
	hub_stop();
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The packet path from the port on. The input is records: one octet of how, one of
 * which spoke, two of length, then octets: a raw frame, an outer payload, GRE or ESP
 * plaintext through a live SA, a packet of the kernel. Octets that make up a frame
 * lie in memory of exactly their size, so that a read behind them is seen.
 *
 * Of what leaves a port it is demanded that it is a frame; on the wan port an IPv4
 * packet of ours that carries ESP, UDP or GRE of the clear cloud, and nothing else.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/spoke/pmtu.h"
#include "crypto/selftest.h"
#include "test/lib/hub.h"

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum how { FRAME_WAN, FRAME_LAN, OUTER, GRE, INNER, ESP_PLAIN, KERNEL, LATER, HOWS };

struct record {
	uint8_t how, who, bytes[2];
};

static uint64_t clock_tsc = 1;

#define DEMAND(cond)                                                                               \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ---- memory of exactly the size ----------------------------------------------------- */

struct exact {
	struct rte_mbuf_ext_shared_info info;
	uint8_t *octets;
};

static void
exact_free(void *octets, void *exact)
{
	(void)octets;
	free(((struct exact *)exact)->octets);
	free(exact);
}

/** Headroom and octets in one piece of memory, and not one octet behind. */
static struct rte_mbuf *
exact_mbuf(struct packet *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(hub.dp->pool);
	struct exact *e = malloc(sizeof(*e));
	uint16_t bytes = RTE_PKTMBUF_HEADROOM + p->bytes;

	DEMAND(m != NULL && e != NULL);
	e->octets = malloc(bytes);
	DEMAND(e->octets != NULL);
	e->info.free_cb = exact_free;
	e->info.fcb_opaque = e;
	rte_mbuf_ext_refcnt_set(&e->info, 1);
	rte_pktmbuf_attach_extbuf(m, e->octets, 0, bytes, &e->info);
	m->data_off = RTE_PKTMBUF_HEADROOM;
	memcpy(rte_pktmbuf_append(m, p->bytes), packet_at(p), p->bytes);
	pkt_meta_init(m, 0);
	return m;
}

static struct rte_mbuf *
mbuf_of(struct packet *p, uint8_t who)
{
	return who & 0x80 ? exact_mbuf(p) : hub_mbuf(p, RTE_PKTMBUF_HEADROOM);
}

/* ---- in ------------------------------------------------------------------------------- */

static struct hub_spoke *
spoke_of(uint8_t who)
{
	return &hub.spoke[CLEAR + (who & 3)][who >> 2 & 1];
}

static void
from_port(uint16_t port, struct packet *p, uint8_t who)
{
	struct burst b = { .n = 1, .pkt = { mbuf_of(p, who) } };

	pkt_meta(b.pkt[0])->port = port;
	hub.w->now_tsc = clock_tsc;
	pipeline_rx(hub.w, &b);
}

static void
from_kernel(struct packet *p, uint8_t who)
{
	struct burst b = { .n = 1, .pkt = { mbuf_of(p, who) } };

	pkt_meta(b.pkt[0])->flags = META_FROM_KERNEL;
	pkt_meta(b.pkt[0])->id = CLEAR + (who & 3);
	pipeline_inner(hub.w, &b);
}

/** Make a checksum right, so that not every input ends at it. */
static void
checksum(struct packet *p, uint16_t off, uint8_t who)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(packet_at(p) + off);

	if (!(who & 0x40) || p->bytes < off + sizeof(*ip) ||
		rte_ipv4_hdr_len(ip) > p->bytes - off || rte_ipv4_hdr_len(ip) < sizeof(*ip))
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

static void
frame(uint16_t port, struct packet *p, uint8_t who)
{
	if (p->bytes >= 14 && (who & 0x20) == 0)
		memcpy(packet_at(p), hub.mac[port], 6);
	checksum(p, 14, who);
	from_port(port, p, who);
}

static void
esp_plain(struct packet *p, struct hub_spoke *s, uint8_t who)
{
	p->bytes &= (uint16_t)~3u;
	if (s->cloud == CLEAR || p->bytes == 0)
		return;
	packet_seal_trailer(p, &s->out, ++s->seq, NULL, 0);
	if (s->udp != 0)
		packet_udp(p, s->udp, 4500);
	hub_outer(p, s, s->udp != 0 ? IPPROTO_UDP : IPPROTO_ESP);
	from_port(hub.wan, p, who);
}

/** ICMP (p) as the judge of path MTUs reads it, and in front of it what sorts it out. */
static void
icmp(struct packet *p, struct hub_spoke *s, uint8_t who)
{
	struct pmtu_claim claim;
	uint8_t *exact = malloc(p->bytes);

	DEMAND(exact != NULL || p->bytes == 0);
	if ((who & 0x40) && p->bytes >= 4) {
		uint16_t sum;

		memset(packet_at(p) + 2, 0, sizeof(sum));
		sum = (uint16_t)~rte_raw_cksum(packet_at(p), p->bytes);
		memcpy(packet_at(p) + 2, &sum, sizeof(sum));
	}
	if (p->bytes > 0)
		memcpy(exact, packet_at(p), p->bytes);
	if (pmtu_claim_read(exact, p->bytes, &claim) == 0)
		DEMAND(claim.local.family == ADDR_V4 && claim.remote.family == ADDR_V4 &&
			(claim.udp_local == 0) == (claim.udp_remote == 0));
	free(exact);
	hub_outer(p, s, IPPROTO_ICMP);
	from_port(hub.wan, p, who);
}

static void
feed(const struct record *r, struct packet *p)
{
	static const uint8_t protocols[] = { IPPROTO_GRE, IPPROTO_ESP, IPPROTO_UDP };
	struct hub_spoke *s = spoke_of(r->who);

	switch ((enum how)(r->how % HOWS)) {
	case FRAME_WAN:
	case FRAME_LAN:
		frame(r->how % HOWS == FRAME_WAN ? hub.wan : hub.lan, p, r->who);
		break;
	case OUTER:
		if ((r->who >> 3 & 3) == 3) {
			icmp(p, s, r->who);
			break;
		}
		hub_outer(p, s, protocols[r->who >> 3 & 3]);
		from_port(hub.wan, p, r->who);
		break;
	case GRE:
		hub_protect(p, s);
		from_port(hub.wan, p, r->who);
		break;
	case INNER:
		checksum(p, 0, r->who);
		hub_wrap(p, s);
		from_port(hub.wan, p, r->who);
		break;
	case ESP_PLAIN:
		esp_plain(p, s, r->who);
		break;
	case KERNEL:
		checksum(p, 0, r->who);
		from_kernel(p, r->who);
		break;
	case LATER:
	case HOWS:
		clock_tsc += hub.w->tsc_per_ms * 100 * r->who;
	}
}

/* ---- out ------------------------------------------------------------------------------ */

/** GRE in clear is the clear cloud's, or the answer to a keepalive. */
static void
gre_allowed(struct packet *p)
{
	uint32_t word[2];

	DEMAND(p->bytes >= 4);
	memcpy(word, packet_at(p), 4);
	if ((word[0] & RTE_BE32(0xffff)) == 0)
		return;
	DEMAND(p->bytes >= 8);
	memcpy(word, packet_at(p), 8);
	DEMAND((word[0] & RTE_BE32(0xffff0000)) == RTE_BE32(0x20000000));
	DEMAND(word[1] == rte_cpu_to_be_32(hub.cloud[CLEAR].key));
}

static const struct rte_ipv4_hdr *
ip_allowed(struct packet *p)
{
	const struct rte_ipv4_hdr *ip;

	DEMAND(p->bytes >= 34 && p->bytes <= 1514);
	DEMAND(packet_at(p)[12] == 8 && packet_at(p)[13] == 0);
	packet_pull(p, 14);
	ip = (const void *)packet_at(p);
	DEMAND(ip->version_ihl >> 4 == 4 && rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) == 0xffff);
	DEMAND(rte_be_to_cpu_16(ip->total_length) == p->bytes);
	return ip;
}

static void
out_allowed(void)
{
	static struct packet p;

	while (hub_out(hub.lan, &p))
		ip_allowed(&p);
	while (hub_out(hub.wan, &p)) {
		const struct rte_ipv4_hdr *ip = ip_allowed(&p);

		DEMAND(ip->version_ihl == RTE_IPV4_VHL_DEF && ip->src_addr == HUB_BE);
		packet_pull(&p, sizeof(*ip));
		if (ip->next_proto_id == IPPROTO_GRE)
			gre_allowed(&p);
		else
			DEMAND(ip->next_proto_id == IPPROTO_ESP ||
				ip->next_proto_id == IPPROTO_UDP);
	}
}

/** All but what may wait in the reassembly table. */
static void
nothing_leaks(void)
{
	struct dp_table_stats t;

	dp_table_stats(hub.dp, &t);
	DEMAND(t.mbufs_free + 4096 > t.mbufs_all);
}

/** The leak checker does not look into EAL's memory; nothing_leaks() counts buffers instead. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	DEMAND(crypto_selftest() == NULL);
	DEMAND(hub_start(NULL));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet p;
	struct record r;

	hub_forget();
	while (size >= sizeof(r)) {
		uint16_t n;

		memcpy(&r, data, sizeof(r));
		data += sizeof(r);
		size -= sizeof(r);
		n = (uint16_t)((r.bytes[0] << 8 | r.bytes[1]) % 1900);
		n = size < n ? (uint16_t)size : n;
		packet_set(&p, data, n);
		data += n;
		size -= n;
		feed(&r, &p);
	}
	hub_settle();
	out_allowed();
	nothing_leaks();
	return 0;
}

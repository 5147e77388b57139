/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/packet.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_tcp.h>
#include <rte_udp.h>

void
packet_payload(struct packet *p, uint16_t n)
{
	p->start = PACKET_HEAD;
	p->bytes = n;
	for (uint16_t i = 0; i < n; i++)
		p->buf[PACKET_HEAD + i] = (uint8_t)i;
}

void
packet_set(struct packet *p, const void *data, uint16_t n)
{
	p->start = PACKET_HEAD;
	p->bytes = n;
	if (n > 0)
		memcpy(packet_at(p), data, n);
}

uint8_t *
packet_push(struct packet *p, uint16_t n)
{
	if (n > p->start)
		abort();
	p->start -= n;
	p->bytes += n;
	memset(packet_at(p), 0, n);
	return packet_at(p);
}

void
packet_pull(struct packet *p, uint16_t n)
{
	if (n > p->bytes)
		abort();
	p->start += n;
	p->bytes -= n;
}

void
packet_append(struct packet *p, const void *data, uint16_t n)
{
	if (p->start + p->bytes + n > (int)sizeof(p->buf))
		abort();
	if (n > 0) /* data may be NULL then */
		memcpy(packet_at(p) + p->bytes, data, n);
	p->bytes += n;
}

struct rte_ipv4_hdr *
packet_ip(struct packet *p, uint32_t src, uint32_t dst, uint8_t proto)
{
	uint16_t total = (uint16_t)(p->bytes + sizeof(struct rte_ipv4_hdr));
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)packet_push(p, sizeof(*ip));

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(total),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = src,
		.dst_addr = dst,
	};
	packet_ip_fix(p);
	return ip;
}

void
packet_ip_fix(struct packet *p)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)packet_at(p);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void
packet_udp(struct packet *p, uint16_t sport, uint16_t dport)
{
	uint16_t len = (uint16_t)(p->bytes + sizeof(struct rte_udp_hdr));
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)packet_push(p, sizeof(*udp));

	udp->src_port = rte_cpu_to_be_16(sport);
	udp->dst_port = rte_cpu_to_be_16(dport);
	udp->dgram_len = rte_cpu_to_be_16(len);
}

void
packet_gre(struct packet *p, int64_t key, uint16_t proto)
{
	uint32_t words[2] = {
		rte_cpu_to_be_32(proto | (key >= 0 ? 0x20000000u : 0)),
		rte_cpu_to_be_32((uint32_t)key),
	};
	uint16_t n = key >= 0 ? 8 : 4;

	memcpy(packet_push(p, n), words, n);
}

void
packet_ether(struct packet *p, const uint8_t dst[6], uint16_t type)
{
	static const uint8_t src[6] = { 2, 0, 0, 0, 0, 9 };
	uint8_t *eth = packet_push(p, 14);

	memcpy(eth, dst, 6);
	memcpy(eth + 6, src, 6);
	eth[12] = (uint8_t)(type >> 8);
	eth[13] = (uint8_t)type;
}

void
packet_syn(struct packet *p, uint32_t src, uint32_t dst, uint16_t mss, uint8_t nops)
{
	uint8_t options[40] = { 0 }, head;
	struct rte_tcp_hdr *tcp;

	memset(options, 1, nops);
	options[nops] = 2;
	options[nops + 1] = 4;
	options[nops + 2] = (uint8_t)(mss >> 8);
	options[nops + 3] = (uint8_t)mss;
	head = (uint8_t)(sizeof(*tcp) + RTE_ALIGN_CEIL(nops + 4u, 4u));
	packet_payload(p, 0);
	packet_append(p, options, (uint16_t)(head - sizeof(*tcp)));
	tcp = (struct rte_tcp_hdr *)packet_push(p, sizeof(*tcp));
	tcp->src_port = RTE_BE16(1024);
	tcp->dst_port = RTE_BE16(80);
	tcp->data_off = (uint8_t)(head / 4 << 4);
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	packet_ip(p, src, dst, IPPROTO_TCP);
	tcp->cksum = rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)packet_at(p), tcp);
}

bool
packet_tcp_good(struct packet *p)
{
	const struct rte_ipv4_hdr *ip = (const void *)packet_at(p);

	return rte_ipv4_udptcp_cksum(ip, packet_at(p) + rte_ipv4_hdr_len(ip)) == 0;
}

/* ---- ESP ------------------------------------------------------------------------------------ */

static struct esp_mgr *
manager(void)
{
	static struct esp_mgr *mgr;

	if (mgr == NULL)
		mgr = esp_mgr_new();
	if (mgr == NULL)
		abort();
	return mgr;
}

struct esp_key *
packet_key(const struct esp_suite *s, enum esp_dir dir, const uint8_t *keymat)
{
	size_t bytes = RTE_ALIGN_CEIL(esp_key_bytes(s), (size_t)ESP_KEY_ALIGN);
	struct esp_key *key = aligned_alloc(ESP_KEY_ALIGN, bytes);

	if (key == NULL || esp_key_expand(manager(), s, dir, keymat, esp_keymat_bytes(s), key) != 0)
		abort();
	return key;
}

void
packet_key_free(const struct esp_suite *s, struct esp_key *key)
{
	if (key != NULL)
		esp_key_wipe(s, key);
	free(key);
}

/** One job through the lanes, at once. */
static enum esp_status
cipher(struct packet *p, const struct packet_sa *sa, uint32_t seq_hi)
{
	const struct esp_suite *s = sa->suite;
	struct esp_job job = {
		.suite = s,
		.key = sa->key,
		.esp = packet_at(p),
		.seq_hi = seq_hi,
		.esn = sa->esn,
		.ct_bytes = (uint16_t)(p->bytes - 8 - s->iv_bytes - s->icv_bytes),
	};
	struct esp_job *jobs = &job;

	esp_submit(manager(), sa->dir, &jobs, 1);
	esp_flush(manager());
	if (esp_collect(manager(), &jobs, 1) != 1)
		abort();
	return job.status;
}

void
packet_seal_trailer(struct packet *p, const struct packet_sa *sa, uint64_t seq,
	const uint8_t *trailer, uint8_t trailer_bytes)
{
	static const uint8_t icv[64];
	uint32_t head[2] = { rte_cpu_to_be_32(sa->spi), rte_cpu_to_be_32((uint32_t)seq) };

	packet_append(p, trailer, trailer_bytes);
	packet_append(p, icv, sa->suite->icv_bytes);
	memcpy(packet_push(p, (uint16_t)(8 + sa->suite->iv_bytes)), head, sizeof(head));
	if (cipher(p, sa, (uint32_t)(seq >> 32)) != ESP_OK)
		abort();
}

void
packet_seal(struct packet *p, const struct packet_sa *sa, uint64_t seq, uint8_t next)
{
	uint8_t trailer[258];
	uint8_t pad = (uint8_t)(-(p->bytes + 2) & (sa->suite->block_bytes - 1));

	for (uint8_t i = 0; i < pad; i++)
		trailer[i] = i + 1;
	trailer[pad] = pad;
	trailer[pad + 1] = next;
	packet_seal_trailer(p, sa, seq, trailer, (uint8_t)(pad + 2));
}

int
packet_open(struct packet *p, const struct packet_sa *sa, uint32_t seq_hi)
{
	const struct esp_suite *s = sa->suite;
	const uint8_t *end;
	uint32_t spi;
	uint8_t pad;

	if (p->bytes < 8 + s->iv_bytes + s->icv_bytes + 2)
		return -1;
	memcpy(&spi, packet_at(p), sizeof(spi));
	if (rte_be_to_cpu_32(spi) != sa->spi || cipher(p, sa, seq_hi) != ESP_OK)
		return -1;
	packet_pull(p, (uint16_t)(8 + s->iv_bytes));
	p->bytes -= s->icv_bytes;
	end = packet_at(p) + p->bytes;
	pad = end[-2];
	if (pad + 2 > p->bytes)
		return -1;
	for (uint8_t i = 0; i < pad; i++)
		if (end[-2 - pad + i] != i + 1)
			return -1;
	p->bytes -= (uint16_t)(pad + 2);
	return end[-1];
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/source.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#define HEAD_BYTES  34  /* Ethernet and IP: what the hub overwrites */
#define INNER_PROTO 253 /* for experiments, RFC 3692 */

static void
head_make(uint8_t *head, uint16_t bytes, uint64_t *random)
{
	struct rte_ether_hdr eth = { .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4) };
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(bytes),
		.time_to_live = 64,
		.next_proto_id = INNER_PROTO,
		.src_addr = rte_cpu_to_be_32(0x0a090100 + draw(random, 4096)),
		.dst_addr = fleet.spoke[draw(random, fleet.spokes)].host_be,
	};

	memcpy(&eth.dst_addr, fleet.mac[fleet.lan], 6);
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(head, &eth, sizeof(eth));
	memcpy(head + sizeof(eth), &ip, sizeof(ip));
}

/* ---- the port's driver -------------------------------------------------------------------- */

/** When the packet came that is given as number n of its run. */
static uint64_t
came_tsc(const struct source *s, uint64_t n, uint64_t now)
{
	return s->per_tsc == 0 ? now : s->start_tsc + (uint64_t)((double)n * s->tsc_per);
}

/** Packets of the run that need no more attention. */
static uint64_t
taken(const struct source *s)
{
	return s->given - s->given_before + s->missed;
}

/** How many wait in the descriptors; those beyond are gone. */
static uint64_t
waiting(struct source *s, uint64_t now, uint16_t asked)
{
	uint64_t n;

	if (s->per_tsc == 0)
		return asked;
	s->offered = (uint64_t)((double)(now - s->start_tsc) * s->per_tsc);
	n = s->offered > taken(s) ? s->offered - taken(s) : 0;
	if (n > SOURCE_SLOTS) {
		s->missed += n - SOURCE_SLOTS;
		n = SOURCE_SLOTS;
	}
	return n;
}

static uint16_t
lan_rx(void *queue, struct rte_mbuf **m, uint16_t asked)
{
	struct source *s = queue;
	uint64_t now = rte_rdtsc(), n = s->open ? waiting(s, now, asked) : 0;
	uint64_t number = taken(s);

	n = RTE_MIN(n, (uint64_t)asked);
	n = RTE_MIN(n, SOURCE_FRAMES - (s->given - s->back));
	for (uint64_t i = 0; i < n; i++) {
		unsigned slot = s->given++ % SOURCE_FRAMES;
		uint64_t came = came_tsc(s, number + i, now);

		m[i] = s->m[slot];
		m[i]->data_off = RTE_PKTMBUF_HEADROOM;
		m[i]->ol_flags = 0;
		m[i]->pkt_len = m[i]->data_len = s->frame_bytes;
		memcpy(&m[i]->hash, &came, sizeof(came));
		memcpy(rte_pktmbuf_mtod(m[i], void *), s->head[slot], HEAD_BYTES);
	}
	return (uint16_t)n;
}

static uint16_t
wan_tx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct source *s = queue;
	uint64_t now = rte_rdtsc(), came;

	for (uint16_t i = 0; i < n; i++) {
		memcpy(&came, &m[i]->hash, sizeof(came));
		s->took[s->took_n++] = now > came ? now - came : 0;
		s->m[s->back++ % SOURCE_FRAMES] = m[i];
	}
	s->left += n;
	return n;
}

static uint16_t
lan_tx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct source *s = queue;

	rte_pktmbuf_free_bulk(m, n);
	s->inbound += n;
	return n;
}

/* ---- runs ----------------------------------------------------------------------------------- */

void
source_open(struct source *s, unsigned w, uint16_t bytes)
{
	struct rte_eth_fp_ops *wan = &rte_eth_fp_ops[fleet.dp->ports[fleet.wan].ethdev];
	uint64_t random = DRAW_SEED + w;
	struct rte_eth_fp_ops *lan = &rte_eth_fp_ops[fleet.dp->ports[fleet.lan].ethdev];

	s->frame_bytes = (uint16_t)(sizeof(struct rte_ether_hdr) + bytes);
	for (unsigned i = 0; i < SOURCE_FRAMES; i++) {
		s->m[i] = rte_pktmbuf_alloc(fleet.dp->pool);
		if (s->m[i] == NULL) {
			fprintf(stderr, "bench: no buffers for %u frames\n", SOURCE_FRAMES);
			exit(1);
		}
		s->m[i]->port = fleet.lan;
		head_make(s->head[i], bytes, &random);
	}
	lan->rx_pkt_burst = lan_rx;
	lan->tx_pkt_burst = lan_tx;
	wan->tx_pkt_burst = wan_tx;
	lan->rxq.data[w] = lan->txq.data[w] = wan->txq.data[w] = s;
}

void
source_close(struct source *s)
{
	while (s->given - s->back < SOURCE_FRAMES)
		rte_pktmbuf_free(s->m[s->given++ % SOURCE_FRAMES]);
}

void
source_start(struct source *s, double per_s)
{
	memset(s, 0, offsetof(struct source, m));
	s->per_tsc = per_s / (double)rte_get_tsc_hz();
	s->tsc_per = per_s == 0 ? 0 : 1 / s->per_tsc;
	s->given_before = s->given;
	s->took_n = 0;
	s->start_tsc = rte_rdtsc();
	s->open = true;
}

void
source_stop(struct source *s)
{
	s->open = false;
	s->offered = taken(s);
}

void
source_round(struct source *s, bool away)
{
	uint64_t per_us = rte_get_tsc_hz() / 1000000;

	for (unsigned i = 0; i < s->took_n && !away; i++) {
		uint64_t us = s->took[i] / per_us;

		s->latency[RTE_MIN(us, (uint64_t)SOURCE_LATENCY_US)]++;
		s->longest_tsc = RTE_MAX(s->longest_tsc, s->took[i]);
	}
	s->took_n = 0;
	if (away && s->open)
		s->missed += waiting(s, rte_rdtsc(), 0);
}

uint64_t
source_under_way(const struct source *s)
{
	return s->given - s->given_before - s->left;
}

double
source_latency_us(const struct source *s, double part)
{
	uint64_t all = 0, sum = 0;
	unsigned us = 0;

	for (unsigned i = 0; i <= SOURCE_LATENCY_US; i++)
		all += s->latency[i];
	for (; us < SOURCE_LATENCY_US; us++) {
		sum += s->latency[us];
		if ((double)sum >= part * (double)all)
			break;
	}
	return us + 1;
}

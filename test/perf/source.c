/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/source.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#define FRAMES      (2 * SOURCE_SLOTS) /* a power of two: those that wait, and as many in the hub */
#define HEAD_BYTES  34                 /* Ethernet and IP: what the hub overwrites */
#define INNER_PROTO 253                /* for experiments, RFC 3692 */

struct source source;

/** Frames in the order they are given; a slot's head is written anew each time. */
static struct {
	struct rte_mbuf *m[FRAMES];
	uint8_t head[FRAMES][64];
	uint64_t given, back; /* frames handed out, and put back, ever */
	uint16_t frame_bytes;
	bool open; /* packets come */
	uint64_t start_tsc;
	double per_tsc, tsc_per; /* packets; 0: whenever asked */
	uint64_t given_before;   /* the run: frames handed out when it began */
	uint64_t tsc_per_us;
	uint64_t took[FRAMES]; /* cycles, of the packets of this loop round */
	unsigned took_n;
} port;

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
came_tsc(uint64_t n, uint64_t now)
{
	return port.per_tsc == 0 ? now : port.start_tsc + (uint64_t)((double)n * port.tsc_per);
}

/** Packets of the run that need no more attention. */
static uint64_t
taken(void)
{
	return port.given - port.given_before + source.missed;
}

/** How many wait in the descriptors; those beyond are gone. */
static uint64_t
waiting(uint64_t now, uint16_t asked)
{
	uint64_t n;

	if (port.per_tsc == 0)
		return asked;
	source.offered = (uint64_t)((double)(now - port.start_tsc) * port.per_tsc);
	n = source.offered > taken() ? source.offered - taken() : 0;
	if (n > SOURCE_SLOTS) {
		source.missed += n - SOURCE_SLOTS;
		n = SOURCE_SLOTS;
	}
	return n;
}

static uint16_t
lan_rx(void *queue, struct rte_mbuf **m, uint16_t asked)
{
	uint64_t now = rte_rdtsc(), n = port.open ? waiting(now, asked) : 0;
	uint64_t number = taken();

	(void)queue;
	n = RTE_MIN(n, (uint64_t)asked);
	n = RTE_MIN(n, FRAMES - (port.given - port.back));
	for (uint64_t i = 0; i < n; i++) {
		unsigned slot = port.given++ % FRAMES;
		uint64_t came = came_tsc(number + i, now);

		m[i] = port.m[slot];
		m[i]->data_off = RTE_PKTMBUF_HEADROOM;
		m[i]->ol_flags = 0;
		m[i]->pkt_len = m[i]->data_len = port.frame_bytes;
		memcpy(&m[i]->hash, &came, sizeof(came));
		memcpy(rte_pktmbuf_mtod(m[i], void *), port.head[slot], HEAD_BYTES);
	}
	return (uint16_t)n;
}

static uint16_t
wan_tx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t now = rte_rdtsc(), came;

	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		memcpy(&came, &m[i]->hash, sizeof(came));
		port.took[port.took_n++] = now > came ? now - came : 0;
		port.m[port.back++ % FRAMES] = m[i];
	}
	source.left += n;
	return n;
}

static uint16_t
lan_tx(void *queue, struct rte_mbuf **m, uint16_t n)
{
	(void)queue;
	rte_pktmbuf_free_bulk(m, n);
	source.inbound += n;
	return n;
}

/* ---- runs ----------------------------------------------------------------------------------- */

void
source_open(uint16_t bytes)
{
	uint64_t random = DRAW_SEED;
	struct rte_eth_fp_ops *lan = &rte_eth_fp_ops[fleet.dp->ports[fleet.lan].ethdev];

	port.frame_bytes = (uint16_t)(sizeof(struct rte_ether_hdr) + bytes);
	port.tsc_per_us = rte_get_tsc_hz() / 1000000;
	for (unsigned i = 0; i < FRAMES; i++) {
		port.m[i] = rte_pktmbuf_alloc(fleet.dp->pool);
		if (port.m[i] == NULL) {
			fprintf(stderr, "bench: no buffers for %u frames\n", FRAMES);
			exit(1);
		}
		port.m[i]->port = fleet.lan;
		head_make(port.head[i], bytes, &random);
	}
	lan->rx_pkt_burst = lan_rx;
	lan->tx_pkt_burst = lan_tx;
	rte_eth_fp_ops[fleet.dp->ports[fleet.wan].ethdev].tx_pkt_burst = wan_tx;
}

void
source_close(void)
{
	while (port.given - port.back < FRAMES)
		rte_pktmbuf_free(port.m[port.given++ % FRAMES]);
}

void
source_start(double per_s)
{
	memset(&source, 0, sizeof(source));
	port.per_tsc = per_s / (double)rte_get_tsc_hz();
	port.tsc_per = per_s == 0 ? 0 : 1 / port.per_tsc;
	port.given_before = port.given;
	port.took_n = 0;
	port.start_tsc = rte_rdtsc();
	port.open = true;
}

void
source_stop(void)
{
	port.open = false;
	source.offered = taken();
}

void
source_round(bool away)
{
	for (unsigned i = 0; i < port.took_n && !away; i++) {
		uint64_t us = port.took[i] / port.tsc_per_us;

		source.latency[RTE_MIN(us, (uint64_t)SOURCE_LATENCY_US)]++;
		source.longest_tsc = RTE_MAX(source.longest_tsc, port.took[i]);
	}
	port.took_n = 0;
	if (away && port.open)
		source.missed += waiting(rte_rdtsc(), 0);
}

uint64_t
source_under_way(void)
{
	return port.given - port.given_before - source.left;
}

double
source_latency_us(double part)
{
	uint64_t all = 0, sum = 0;
	unsigned us = 0;

	for (unsigned i = 0; i <= SOURCE_LATENCY_US; i++)
		all += source.latency[i];
	for (; us < SOURCE_LATENCY_US; us++) {
		sum += source.latency[us];
		if ((double)sum >= part * (double)all)
			break;
	}
	return us + 1;
}

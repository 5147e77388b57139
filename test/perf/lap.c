/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/lap.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_esp.h>
#include <rte_ethdev.h>
#include <rte_gre.h>
#include <rte_udp.h>

#define FLUSH_ROUNDS 64
#define BURST        32
#define INNER_PROTO  253 /* for experiments, RFC 3692 */

static struct lap lap;
static struct esp_mgr *mgr;

/* ---- the port ------------------------------------------------------------------------------ */

/** What a driver writes into each mbuf it hands out. */
static uint16_t
receive(uint16_t port, uint16_t queue, struct rte_mbuf *m[], uint16_t n, uint16_t max, void *user)
{
	(void)queue, (void)max, (void)user;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t bytes = lap.frame[lap.next++].frame_bytes;

		m[i]->data_off = RTE_PKTMBUF_HEADROOM;
		m[i]->port = port;
		m[i]->ol_flags = 0;
		m[i]->pkt_len = bytes;
		m[i]->data_len = bytes;
	}
	return n;
}

static uint16_t
port_in(void)
{
	return lap.c.direction == ENCAP ? fleet.lan : fleet.wan;
}

static uint16_t
port_out(void)
{
	return lap.c.direction == DECAP ? fleet.lan : fleet.wan;
}

void
lap_start(uint32_t n)
{
	lap.n = n;
	lap.random = DRAW_SEED;
	mgr = esp_mgr_new();
	if (mgr == NULL)
		exit(1);
	for (uint32_t k = 0; k < n; k++) {
		lap.frame[k].m = rte_pktmbuf_alloc(fleet.dp->pool);
		if (lap.frame[k].m == NULL)
			exit(1);
	}
	for (uint16_t p = 1; p <= 2; p++)
		rte_eth_add_rx_callback(fleet.dp->ports[p].ethdev, 0, receive, NULL);
}

void
lap_stop(void)
{
	for (uint32_t k = 0; k < lap.n; k++)
		rte_pktmbuf_free(lap.frame[k].m);
	esp_mgr_free(mgr);
}

/* ---- building frames ------------------------------------------------------------------------ */

static uint16_t
draw_bytes(void)
{
	uint32_t r;

	if (lap.c.bytes != IMIX)
		return lap.c.bytes;
	r = draw(&lap.random, 12);
	return r < 7 ? 64 : r < 11 ? 570 : 1400;
}

static uint8_t *
ether_put(uint8_t *at)
{
	static const uint8_t src[6] = { 2, 0, 0, 0, 0, 9 };
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)at;

	memcpy(&eth->dst_addr, fleet.mac[port_in()], 6);
	memcpy(&eth->src_addr, src, 6);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	return at + sizeof(*eth);
}

static uint8_t *
ip_put(uint8_t *at, uint32_t src, uint32_t dst, uint8_t proto, uint16_t bytes)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(bytes),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = src,
		.dst_addr = dst,
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static void
inner_put(uint8_t *at, const struct lap_frame *f)
{
	uint32_t lan = rte_cpu_to_be_32(0x0a090100 + draw(&lap.random, 4096));

	ip_put(at, lap.c.direction == ENCAP ? lan : fleet.spoke[f->from].host_be,
		lap.c.direction == DECAP ? lan : fleet.spoke[f->to].host_be, INNER_PROTO,
		f->inner_bytes);
}

/** Payload of ESP with its trailer: GRE with key, tunnel mode's header, whole blocks. */
static uint16_t
text_bytes(uint16_t inner)
{
	uint16_t block = fleet.conf.suite->block_bytes;
	uint16_t n = (uint16_t)(inner + 8 + (fleet.conf.tunnel_mode ? 20 : 0) + 2);

	return (uint16_t)((n + block - 1) / block * block);
}

static uint8_t *
gre_put(uint8_t *at)
{
	uint32_t words[2] = { RTE_BE32(0x20000800), RTE_BE32(FLEET_KEY) };

	memcpy(at, words, sizeof(words));
	return at + sizeof(words);
}

static void
trailer_put(uint8_t *from, uint8_t *text, uint16_t bytes)
{
	uint8_t pad = (uint8_t)(text + bytes - from - 2);

	for (uint8_t i = 0; i < pad; i++)
		from[i] = i + 1;
	from[pad] = pad;
	from[pad + 1] = fleet.conf.tunnel_mode ? IPPROTO_IPIP : IPPROTO_GRE;
}

/** From the spoke, all but the cipher's work; the job for that is beside the packet. */
static struct esp_job *
wan_frame(struct lap_frame *f, struct floor_item *item)
{
	const struct esp_suite *suite = fleet.conf.suite;
	struct spoke *s = &fleet.spoke[f->from];
	uint16_t bytes = text_bytes(f->inner_bytes);
	uint16_t esp_bytes = (uint16_t)(8 + suite->iv_bytes + bytes + suite->icv_bytes);
	uint16_t udp_bytes = fleet.conf.udp ? (uint16_t)sizeof(struct rte_udp_hdr) : 0;
	uint8_t *start = (uint8_t *)f->m->buf_addr + RTE_PKTMBUF_HEADROOM, *at = ether_put(start);
	uint32_t head[2] = { rte_cpu_to_be_32(s->spi_in), rte_cpu_to_be_32((uint32_t)++s->seq) };
	struct esp_job *job = &pkt_meta(f->m)->job;
	uint8_t *text;

	at = ip_put(at, s->outer_be, FLEET_HUB_BE, udp_bytes != 0 ? IPPROTO_UDP : IPPROTO_ESP,
		(uint16_t)(20 + udp_bytes + esp_bytes));
	if (udp_bytes != 0) {
		struct rte_udp_hdr udp = {
			.src_port = RTE_BE16(4500),
			.dst_port = RTE_BE16(4500),
			.dgram_len = rte_cpu_to_be_16((uint16_t)(udp_bytes + esp_bytes)),
		};

		memcpy(at, &udp, sizeof(udp));
		at += sizeof(udp);
	}
	memcpy(at, head, sizeof(head));
	*job = (struct esp_job){ .suite = suite, .key = s->seal, .esp = at, .ct_bytes = bytes };
	text = at += 8 + suite->iv_bytes;
	if (fleet.conf.tunnel_mode)
		at = ip_put(at, s->outer_be, FLEET_HUB_BE, IPPROTO_GRE,
			(uint16_t)(28 + f->inner_bytes));
	at = gre_put(at);
	inner_put(at, f);
	trailer_put(at + f->inner_bytes, text, bytes);
	*item = (struct floor_item){ .text = text, .key = sa_in_key(s->in), .bytes = bytes };
	f->frame_bytes = (uint16_t)(14 + 20 + udp_bytes + esp_bytes);
	return job;
}

/** To be sealed by the hub: GRE and tunnel mode's header go in front of the inner packet. */
static void
seal_item(const struct lap_frame *f, uint8_t *inner, struct floor_item *item)
{
	*item = (struct floor_item){
		.text = inner - 8 - (fleet.conf.tunnel_mode ? 20 : 0),
		.key = sa_out_key(fleet.spoke[f->to].out),
		.bytes = text_bytes(f->inner_bytes),
	};
}

static void
lan_frame(struct lap_frame *f, struct floor_item *item)
{
	uint8_t *start = (uint8_t *)f->m->buf_addr + RTE_PKTMBUF_HEADROOM;
	uint8_t *inner = ether_put(start);

	inner_put(inner, f);
	f->frame_bytes = (uint16_t)(14 + f->inner_bytes);
	seal_item(f, inner, item);
}

static void
seal_all(struct esp_job *jobs[], uint32_t n)
{
	struct esp_job *done[BURST];

	esp_submit(mgr, ESP_SEAL, jobs, n);
	while (esp_collect(mgr, done, BURST) > 0)
		;
}

static void
wan_frames(void)
{
	struct esp_job *jobs[BURST], *done[BURST];
	uint32_t n = 0;

	for (uint32_t k = 0; k < lap.n; k++) {
		struct lap_frame *f = &lap.frame[k];

		jobs[n++] = wan_frame(f, &lap.open[k]);
		if (lap.c.direction == HAIRPIN)
			seal_item(f, lap.open[k].text + 8 + (fleet.conf.tunnel_mode ? 20 : 0),
				&lap.seal[k]);
		if (n == BURST || k + 1 == lap.n) {
			seal_all(jobs, n);
			n = 0;
		}
	}
	esp_flush(mgr);
	while (esp_collect(mgr, done, BURST) > 0)
		;
}

struct lap *
lap_prepare(const struct lap_case *c)
{
	lap.c = *c;
	lap.next = 0;
	fleet_settle();
	for (uint32_t k = 0; k < lap.n; k++) {
		lap.frame[k].from = draw(&lap.random, c->spokes);
		lap.frame[k].to = draw(&lap.random, c->spokes);
		lap.frame[k].inner_bytes = draw_bytes();
	}
	if (c->direction != ENCAP) {
		wan_frames();
		return &lap;
	}
	for (uint32_t k = 0; k < lap.n; k++)
		lan_frame(&lap.frame[k], &lap.seal[k]);
	return &lap;
}

/* ---- laps ------------------------------------------------------------------------------------ */

static void
hand_over(void)
{
	for (uint32_t k = 0; k < lap.n; k++)
		rte_ring_sp_enqueue(fleet.to_hub[port_in()], lap.frame[k].m);
}

/** All must have left by the right port; one that did not is told by its verdict. */
static void
take_back(const uint64_t before[VERDICT_COUNT])
{
	struct rte_mbuf *m;
	uint32_t n = 0;

	while (rte_ring_sc_dequeue(fleet.from_hub[port_out()], (void **)&m) == 0)
		n++;
	if (n == lap.n)
		return;
	fprintf(stderr, "bench: %u of %u packets left the hub\n", n, lap.n);
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		if (fleet.w->c->verdict[v] != before[v])
			fprintf(stderr, "bench: %s %" PRIu64 "\n", dp_verdict_name(v),
				fleet.w->c->verdict[v] - before[v]);
	exit(1);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static uint32_t
part_end(unsigned part)
{
	return lap.n / LAP_PARTS * (part + 1);
}

static void
part_run(unsigned part)
{
	while (lap.next < part_end(part))
		worker_round(fleet.w);
}

double
lap_run(double stage[STAGE_COUNT])
{
	const struct rte_ring *out = fleet.from_hub[port_out()];
	double all[LAP_PARTS], of_stage[STAGE_COUNT][LAP_PARTS];
	uint64_t before[VERDICT_COUNT], stages[STAGE_COUNT], start;

	memcpy(before, fleet.w->c->verdict, sizeof(before));
	hand_over();
	fleet.w->measure = stage != NULL;
	for (unsigned p = 0; p < LAP_PARTS; p++) {
		memcpy(stages, fleet.w->c->stage_cycles, sizeof(stages));
		start = rte_rdtsc_precise();
		part_run(p);
		all[p] = (double)(rte_rdtsc_precise() - start);
		for (int s = 0; s < STAGE_COUNT; s++)
			of_stage[s][p] = (double)(fleet.w->c->stage_cycles[s] - stages[s]);
	}
	fleet.w->measure = false;
	for (int i = 0; i < FLUSH_ROUNDS && rte_ring_count(out) < lap.n; i++)
		worker_round(fleet.w);
	take_back(before);
	for (int s = 0; s < STAGE_COUNT && stage != NULL; s++)
		stage[s] = median(of_stage[s], LAP_PARTS) / part_end(0);
	return median(all, LAP_PARTS) / part_end(0);
}

double
lap_io(void)
{
	uint16_t in = fleet.dp->ports[port_in()].ethdev, out = fleet.dp->ports[port_out()].ethdev;
	double all[LAP_PARTS];
	struct rte_mbuf *m[BURST];

	hand_over();
	for (unsigned p = 0; p < LAP_PARTS; p++) {
		uint64_t start = rte_rdtsc_precise();

		while (lap.next < part_end(p)) {
			uint16_t n = rte_eth_rx_burst(in, 0, m, BURST);

			rte_eth_tx_burst(out, 0, m, n);
		}
		all[p] = (double)(rte_rdtsc_precise() - start);
	}
	take_back(fleet.w->c->verdict);
	return median(all, LAP_PARTS) / part_end(0);
}

double
lap_floor(enum floor_call call)
{
	const struct floor_item *open = lap.c.direction == ENCAP ? NULL : lap.open;
	const struct floor_item *seal = lap.c.direction == DECAP ? NULL : lap.seal;
	double all[LAP_PARTS];

	for (unsigned p = 0; p < LAP_PARTS; p++) {
		uint32_t at = p * part_end(0);
		uint64_t start = rte_rdtsc_precise();

		floor_run(call, fleet.conf.suite, open == NULL ? NULL : open + at,
			seal == NULL ? NULL : seal + at, part_end(0));
		all[p] = (double)(rte_rdtsc_precise() - start);
	}
	floor_flush();
	return median(all, LAP_PARTS) / part_end(0);
}

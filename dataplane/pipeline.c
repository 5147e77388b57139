/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The packet's way, top to bottom. Every stage takes a burst and ends some packets of
 * it in a verdict; what is left goes on. The cipher stands twice in the way, as submit
 * and collect: a packet may come out of its lane in a later call than it went in.
 */
#include "dataplane/pipeline.h"

#include <rte_cycles.h>

#include "dataplane/capture.h"
#include "dataplane/worker.h"

static void inner_to_out(struct worker *w, struct burst *b);

/** From here on it is the next stage's time; what was before is nobody's. */
static inline void
stamp_begin(struct worker *w)
{
	if (unlikely(w->measure))
		w->stage_start = rte_rdtsc();
}

/** Cycles since the last stamp are this stage's; asked for by benchmark and samples. */
static inline void
stamp(struct worker *w, enum stage stage, uint16_t packets)
{
	uint64_t now;

	if (likely(!w->measure))
		return;
	now = rte_rdtsc();
	w->c->stage_cycles[stage] += now - w->stage_start;
	w->c->stage_packets[stage] += packets;
	w->stage_start = now;
}

/** 10: what the cipher has finished, to the port. */
static void
out_to_wire(struct worker *w, struct burst *b)
{
	uint16_t room, taken;

	do {
		room = BURST_MAX - b->n;
		taken = esp_out_collect(w, b);
		stamp(w, STAGE_ESP_OUT, taken);

		uint16_t n = b->n;
		l2_send(w, b);
		stamp(w, STAGE_L2, n);
	} while (taken == room);
}

/** 7 to 10, for packets whose peer or neighbour is known. */
static void
fit_and_send(struct worker *w, const struct burst *in, bool tunnel)
{
	uint16_t from = 0;

	while (from < in->n) {
		struct burst fit, out;

		fit.n = out.n = 0;
		from = frag(w, in, from, &fit);
		stamp(w, STAGE_FRAG, fit.n);
		if (!tunnel) {
			l2_send(w, &fit);
			stamp(w, STAGE_L2, fit.n);
			continue;
		}
		gre_encap(w, &fit);
		stamp(w, STAGE_GRE_OUT, fit.n);
		capture_inner(w, DP_POINT_INNER_OUT, &fit);
		esp_out_submit(w, &fit, &out);
		out_to_wire(w, &out);
	}
}

/** ICMP errors the stages made are inner packets like others, but never cause one. */
static void
send_errors(struct worker *w)
{
	struct burst b = w->errors;

	w->errors.n = 0;
	if (b.n > 0)
		inner_to_out(w, &b);
}

/** 5 to 10. */
static void
inner_to_out(struct worker *w, struct burst *b)
{
	struct burst tunnel, eth;

	tunnel.n = eth.n = 0;
	route(w, b, &tunnel, &eth);
	stamp(w, STAGE_ROUTE, tunnel.n + eth.n);
	fit_and_send(w, &tunnel, true);
	fit_and_send(w, &eth, false);
	if (unlikely(w->errors.n > 0))
		send_errors(w);
}

/** 4 to 10: GRE that is ours to read, clear or opened. */
static void
gre_to_out(struct worker *w, struct burst *b)
{
	capture_inner(w, DP_POINT_INNER_IN, b);
	gre_decap(w, b);
	stamp(w, STAGE_GRE_IN, b->n);
	if (b->n > 0)
		inner_to_out(w, b);
}

/** 3: as long as full bursts come out of the cipher. */
static void
opened_to_out(struct worker *w)
{
	uint16_t taken;

	do {
		struct burst open;

		open.n = 0;
		taken = esp_in_collect(w, &open);
		stamp(w, STAGE_ESP_IN, taken);
		if (open.n > 0)
			gre_to_out(w, &open);
	} while (taken == BURST_MAX);
}

static void
esp_to_out(struct worker *w, struct burst *b)
{
	esp_in_submit(w, b);
	opened_to_out(w);
}

void
pipeline_rx(struct worker *w, struct burst *b)
{
	struct classified c;

	stamp_begin(w);
	classify(w, b, &c);
	stamp(w, STAGE_CLASSIFY, b->n);
	esp_to_out(w, &c.esp);
	if (c.gre.n > 0)
		gre_to_out(w, &c.gre);
	if (c.inner.n > 0 && w->ports[pkt_meta(c.inner.pkt[0])->port].spread)
		spread(w, &c.inner);
	if (c.inner.n > 0)
		inner_to_out(w, &c.inner);
}

void
pipeline_handover(struct worker *w, const struct burst *b)
{
	struct burst esp = { 0 }, inner = { 0 };

	stamp_begin(w);
	for (uint16_t i = 0; i < b->n; i++) {
		bool flow = pkt_meta(b->pkt[i])->flags & META_SPREAD;

		burst_add(flow ? &inner : &esp, b->pkt[i]);
	}
	esp_to_out(w, &esp);
	if (inner.n > 0)
		inner_to_out(w, &inner);
}

void
pipeline_inner(struct worker *w, struct burst *b)
{
	stamp_begin(w);
	inner_to_out(w, b);
}

void
pipeline_tunnel(struct worker *w, struct burst *b)
{
	stamp_begin(w);
	fit_and_send(w, b, true);
}

void
pipeline_gre_out(struct worker *w, struct burst *b)
{
	struct burst out = { 0 };

	stamp_begin(w);
	gre_encap(w, b);
	capture_inner(w, DP_POINT_INNER_OUT, b);
	esp_out_submit(w, b, &out);
	out_to_wire(w, &out);
}

void
pipeline_l2(struct worker *w, struct burst *b)
{
	l2_send(w, b);
}

void
pipeline_flush(struct worker *w)
{
	struct burst out = { 0 };

	if (likely(esp_pending(w->open) + esp_pending(w->seal) == 0))
		return;
	stamp_begin(w);
	esp_flush(w->open);
	opened_to_out(w);
	esp_flush(w->seal);
	out_to_wire(w, &out);
}

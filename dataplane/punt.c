/* SPDX-License-Identifier: BSD-3-Clause */
/** The end of a packet: counted under one verdict, then freed or passed up. */
#include "dataplane/dp_priv.h"

/** Per second and at once. The control core is one core: these add up to what it can take. */
static const struct {
	uint32_t rate, burst;
} budgets[METER_COUNT] = {
	[METER_IKE] = { 20000, 4000 },
	[METER_NHRP] = { 20000, 4000 },
	[METER_ARP] = { 2000, 500 },
	[METER_LOCAL] = { 20000, 2000 },
	[METER_INNER] = { 50000, 4000 },
	[METER_MULTICAST] = { 10000, 2000 },
	[METER_NEIGH] = { 500, 100 },
	[METER_REDIRECT] = { 2000, 200 },
	[METER_NO_PEER] = { 100, 20 },
	[METER_BAD_SPI] = { 100, 20 },
	[METER_EVENT] = { 20000, 4000 },
	[METER_ICMP] = { 1000, 100 },
};

void
meters_init(struct token_bucket budget[METER_COUNT], uint64_t tsc_hz)
{
	for (int i = 0; i < METER_COUNT; i++)
		bucket_init(&budget[i], tsc_hz, budgets[i].rate, budgets[i].burst);
}

void
worker_tell(struct worker *w, enum meter meter, const struct dp_msg *msg, struct rte_mbuf *m,
	enum verdict v)
{
	_Static_assert(
		sizeof(struct dp_msg) <= sizeof(struct pkt_meta), "a message fits the metadata");

	if (!bucket_take(&w->budget[meter], w->now_tsc)) {
		w->c->verdict[VERDICT_DROP_PUNT_RATE] += v != VERDICT_PASS;
		rte_pktmbuf_free(m);
		return;
	}
	struct rte_mbuf *carrier = m != NULL ? m : rte_pktmbuf_alloc(w->pool);
	if (carrier == NULL)
		return;
	/* What is said of a packet may point into its metadata: copy first. */
	struct dp_msg copy = *msg;
	*(struct dp_msg *)pkt_meta(carrier) = copy;
	if (rte_ring_mp_enqueue(w->up, carrier) != 0) {
		w->c->verdict[VERDICT_DROP_PUNT_FULL] += v != VERDICT_PASS;
		rte_pktmbuf_free(carrier);
		return;
	}
	w->c->verdict[v] += v != VERDICT_PASS;
	worker_wake_control(w);
}

/** The facts of a packet that every message about it carries. */
static struct dp_msg
msg_of(enum dp_msg_type type, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta =
		(const struct pkt_meta *)rte_mbuf_to_priv((struct rte_mbuf *)(uintptr_t)m);

	return (struct dp_msg){
		.type = type,
		.natt = meta->outer_dport == 4500,
		.port = meta->port,
		.cloud = meta->cloud != NULL ? meta->cloud->id : 0,
		.local_port = meta->outer_dport,
		.remote_port = meta->outer_sport,
		.peer = meta->peer_in != NULL ? meta->peer_in->id : 0,
		.cookie = meta->peer_in != NULL ? meta->peer_in->cookie : 0,
		.local = meta->outer_dst,
		.remote = meta->outer_src,
	};
}

static void
tell(struct worker *w, enum meter meter, enum dp_msg_type type, struct rte_mbuf *m, enum verdict v)
{
	struct dp_msg msg = msg_of(type, m);

	if (rte_pktmbuf_linearize(m) != 0) {
		w->c->verdict[VERDICT_DROP_NO_MBUF]++;
		rte_pktmbuf_free(m);
		return;
	}
	worker_tell(w, meter, &msg, m, v);
}

void
pkt_finish(struct worker *w, struct rte_mbuf *m, enum verdict v)
{
	switch (v) {
	case VERDICT_PUNT_IKE:
		tell(w, METER_IKE, DP_IKE, m, v);
		return;
	case VERDICT_PUNT_NHRP:
		tell(w, METER_NHRP, DP_NHRP, m, v);
		return;
	case VERDICT_PUNT_ARP:
		tell(w, METER_ARP, DP_FRAME, m, v);
		return;
	case VERDICT_PUNT_LOCAL:
		tell(w, METER_LOCAL, DP_FRAME, m, v);
		return;
	case VERDICT_PUNT_INNER:
		tell(w, METER_INNER, DP_INNER, m, v);
		return;
	case VERDICT_PUNT_MULTICAST:
		tell(w, METER_MULTICAST, DP_INNER, m, v);
		return;
	default:
		w->c->verdict[v]++;
		rte_pktmbuf_free(m);
	}
}

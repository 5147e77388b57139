/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/verify.h"

#include <netinet/in.h>
#include <string.h>

#include "dataplane/ip.h"
#include "test/lib/oracle.h"

#define SAMPLES (LAP_FRAMES_MAX / VERIFY_EVERY)

/** A frame as it went in, and whose it is. */
static struct sample {
	struct rte_mbuf *m;
	uint32_t from, to;
	struct packet in;
} sample[SAMPLES];

/** ESP frame to GRE payload, in the hands of lib/ipsec. */
static bool
open_frame(struct packet *p, uint32_t spoke, bool to_hub)
{
	const struct spoke *s = &fleet.spoke[spoke];
	uint8_t keymat[128];
	struct oracle_sa sa = {
		.suite = fleet.conf.suite,
		.keymat = keymat,
		.spi = to_hub ? s->spi_in : s->spi_out,
		.tunnel_mode = fleet.conf.tunnel_mode,
	};
	struct oracle *o;
	bool good;

	fleet_keymat(spoke, to_hub ? 0 : 1, keymat);
	packet_pull(p, fleet.conf.udp ? 14 + 20 + 8 : 14 + 20);
	packet_ip(p, to_hub ? s->outer_be : FLEET_HUB_BE, to_hub ? FLEET_HUB_BE : s->outer_be,
		IPPROTO_ESP);
	o = oracle_open(&sa);
	good = o != NULL && oracle_pass(o, p);
	if (o != NULL)
		oracle_close(o);
	if (good)
		packet_pull(p, 20 + 8); /* the header around GRE, GRE with its key */
	return good;
}

/** Does this frame carry the sampled packet, `hops` older? */
static bool
carries(struct sample *s, struct packet *out, const struct lap_case *c)
{
	static struct packet in;

	in = s->in;
	if (c->direction == ENCAP)
		packet_pull(&in, 14);
	else if (!open_frame(&in, s->from, true))
		return false;
	if (c->direction == DECAP)
		packet_pull(out, 14);
	else if (!open_frame(out, s->to, false))
		return false;
	ipv4_ttl_decrement((struct rte_ipv4_hdr *)packet_at(&in));
	return in.bytes == out->bytes && memcmp(packet_at(&in), packet_at(out), in.bytes) == 0;
}

uint32_t
verify_lap(const struct lap_case *c, uint32_t *looked_at)
{
	static struct packet out;
	const struct lap *lap = lap_prepare(c);
	uint32_t n = 0, bad = 0;

	for (uint32_t k = 0; k < lap->n; k += VERIFY_EVERY) {
		const struct lap_frame *f = &lap->frame[k];
		struct sample *s = &sample[n++];

		s->m = f->m;
		s->from = f->from;
		s->to = f->to;
		packet_set(
			&s->in, (uint8_t *)f->m->buf_addr + RTE_PKTMBUF_HEADROOM, f->frame_bytes);
	}
	lap_run(NULL);
	for (uint32_t i = 0; i < n; i++) {
		packet_set(&out, rte_pktmbuf_mtod(sample[i].m, void *),
			rte_pktmbuf_data_len(sample[i].m));
		bad += !carries(&sample[i], &out, c);
	}
	*looked_at = n;
	return bad;
}

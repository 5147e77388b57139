/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CAPTURE_H
#define DATAPLANE_CAPTURE_H

/**
 * Copies of packets at named points, while an operator asks for them. A worker looks once
 * a round whether one is wanted; off, a point is one predicted branch per burst. Copies
 * wait in a ring of fixed size for the control core; what finds it full is counted.
 */
#include "dataplane/worker.h"

/** Copy what fits; the packets stay as they are. */
void capture_burst(struct worker *w, enum dp_point point, uint16_t port, struct rte_mbuf *const *m,
	uint16_t n);

/**
 * A packet about to be freed under verdict v; `was` is what it would have ended in had
 * there been room (a PUNT_*), else v.
 */
void capture_drop(struct worker *w, struct rte_mbuf *m, enum verdict v, enum verdict was);

static inline void
capture_port(
	struct worker *w, enum dp_point point, uint16_t port, struct rte_mbuf *const *m, uint16_t n)
{
	if (unlikely(w->capture != NULL))
		capture_burst(w, point, port, m, n);
}

static inline void
capture_inner(struct worker *w, enum dp_point point, const struct burst *b)
{
	capture_port(w, point, 0, b->pkt, b->n);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CAPTURE_VIEW_H
#define DATAPLANE_CAPTURE_VIEW_H

/**
 * How a packet is shown that is somewhere on its way, some headers already off or not yet
 * on: as its frame where that is still there, else as IP. A GRE packet that was (or will
 * be) inside ESP gets the IP header that it would have without. Nothing is changed.
 */
#include <rte_ip.h>

#include "dataplane/worker.h"

struct capture_view {
	enum dp_link link;
	uint8_t head_bytes; /* of head, which stands before data: 0 or all of it */
	struct rte_ipv4_hdr head;
	const uint8_t *data;   /* in the packet's buffer */
	uint32_t bytes, shown; /* of data; shown: what is there and may be seen */
	uint16_t port, cloud;
	struct addr spoke; /* its outer address, where known */
	uint16_t spoke_port;
	struct addr src, dst; /* that a host filter looks at */
	uint16_t ether_type;  /* host order */
	int16_t ip_proto;     /* -1: none */
};

/** A frame that came in by port, or (tx) is to leave by it. */
struct capture_view capture_view_frame(
	const struct worker *w, const struct rte_mbuf *m, uint16_t port, bool tx);

/** m at GRE, from a spoke or (out) to one. */
struct capture_view capture_view_gre(const struct worker *w, const struct rte_mbuf *m, bool out);

/**
 * A dropped packet, wherever it was: its verdict tells (that without the drop where it is
 * one of room). Of what did not decrypt only the headers are shown.
 */
struct capture_view capture_view_drop(
	const struct worker *w, const struct rte_mbuf *m, enum verdict v);

/** Does it fit what is wanted? Point and verdict are the caller's. */
bool capture_view_fits(const struct capture_view *v, const struct dp_capture *want);

#endif

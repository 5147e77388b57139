/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_DP_MSG_H
#define DATAPLANE_DP_MSG_H

/**
 * What workers tell the control core. A message is valid during the handler
 * only; `data` points into the packet it came from.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/addr.h"

enum dp_msg_type {
	DP_IKE = 1, /* a datagram for IKE: local, remote, ports, data (after the non-ESP marker) */
	DP_NHRP,    /* NHRP from a cloud: cloud, peer and cookie (0 = unknown), remote, data */
	DP_FRAME,   /* an Ethernet frame for the TAP twin of `port` */
	DP_INNER,   /* an inner IP packet for the TUN twin of `cloud` */
	DP_NEIGH_MISS, /* `remote` on `port` is not resolved */
	DP_REDIRECT, /* a hairpin: cloud, cookie of the ingress peer, cloud_out, head of the packet
		      */
	DP_NO_PEER,  /* overlay next hop `remote` of `cloud` has no binding */
	DP_SA_ATTACHED, /* cookie of an inbound SA */
	DP_SA_RETIRED,  /* cookie of an inbound SA; its SPI may be used again */
	DP_SA_USED,     /* first authenticated packet on an inbound SA */
	DP_SA_SOFT,     /* an outbound SA reached its soft limit */
	DP_NAT_MOVED,   /* authenticated ESP of SA cookie came from remote:remote_port */
	DP_BAD_SPI,     /* ESP for no SA of ours, rate limited: local, remote, ports, spi */
	DP_TOO_BIG, /* ICMP fragmentation needed that quotes ESP: local, remote (who says so), data
		       from its header on; nothing but that is checked */
	DP_MSG_TYPES
};

struct dp_msg {
	uint8_t type; /* enum dp_msg_type */
	bool natt;    /* IKE: came on 4500; NHRP, BAD_SPI: came in UDP */
	uint16_t port;
	uint16_t cloud, cloud_out;
	uint16_t local_port, remote_port; /* UDP, host order; 0 without UDP */
	uint32_t peer;
	uint32_t spi;
	uint64_t cookie;
	struct addr local, remote; /* outer addresses, unless said otherwise */
	const uint8_t *data;
	uint32_t bytes;
};

#endif

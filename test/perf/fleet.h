/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_FLEET_H
#define TEST_PERF_FLEET_H

/**
 * The real data plane with one worker or more, two ports made of rings and many spokes:
 *
 *	wan port 192.0.2.1, one uplink      spoke i at 100.64.0.1 + i
 *	lan port 10.9.0.1/16, one next hop  for every address in it
 *	cloud 1, keyed, strict anti-spoof, redirects on: spoke i is 10.128.1.0 + i, with
 *	32.0.0.0/24 + i behind it, which is where its packets come from and go to
 *
 * The workers' rounds are called by the benchmark itself.
 */
#include "dataplane/dp_priv.h"
#include "test/lib/packet.h"

#define FLEET_HUB_BE IPV4(192, 0, 2, 1)
#define FLEET_KEY    77 /* of GRE */
#define FLEET_RING   16384

struct spoke {
	uint32_t peer;
	uint32_t spi_in, spi_out; /* the hub's view, host order */
	uint32_t outer_be, host_be;
	uint64_t seq; /* last number it sent */
	struct sa_in *in;
	struct sa_out *out;
	struct esp_key *seal; /* what the spoke seals with */
};

struct fleet_conf {
	const struct esp_suite *suite;
	bool tunnel_mode, udp;
};

struct fleet {
	struct dp *dp;
	struct worker *w; /* the first */
	uint16_t wan, lan;
	struct rte_ring *to_hub[3], *from_hub[3]; /* by port; of the first worker's queues */
	uint8_t mac[3][6];
	uint32_t uplink;
	struct fleet_conf conf;
	uint32_t spokes, max;
	struct spoke *spoke;
};

extern struct fleet fleet;

/** False: no EAL here. oracle: with the crypto device of test/lib/oracle.h. */
bool fleet_start(uint32_t spokes_max, uint16_t workers, bool hugepages, bool oracle);
void fleet_stop(void);

/** The first n spokes come up with new SAs, those that were there go. */
void fleet_up(const struct fleet_conf *conf, uint32_t n);

/** The control core's turn: messages of the worker are read and forgotten. */
void fleet_settle(void);

/** Spoke i of fleet.max comes up with new SAs, or goes; in front of it those of fleet_up() stay. */
void fleet_join(uint32_t i);
void fleet_leave(uint32_t i);

/** New SAs for spoke i as a rekey makes them: packets on the old inbound one are taken a while. */
void fleet_rekey(uint32_t i);

/** A number below `below`, always in the same sequence; *state is not 0. */
static inline uint32_t
draw(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) * below >> 32);
}

#define DRAW_SEED 0x2545f4914f6cdd1dull

/** Key material of a spoke; 0: what it seals with, 1: what it opens with. */
void fleet_keymat(uint32_t spoke, int direction, uint8_t keymat[128]);

#endif

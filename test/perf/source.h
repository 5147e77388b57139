/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_SOURCE_H
#define TEST_PERF_SOURCE_H

/**
 * A queue of the lan port that packets come in on at a given rate, as from a wire: what the hub
 * does not fetch waits in SOURCE_SLOTS descriptors, and what finds those full is missed. They go
 * to random spokes of the fleet; how long each took is known when the wan port gets it. A worker
 * has one of its own, and all of it runs on that worker's thread, a few cycles a packet, since
 * there is no core for more.
 */
#include "test/perf/fleet.h"

#define SOURCE_SLOTS      4096
#define SOURCE_FRAMES     (2 * SOURCE_SLOTS) /* a power of two: those that wait, as many in the hub */
#define SOURCE_LATENCY_US 2000               /* longer ones count as this */

struct source {
	/* Of one run: */
	uint64_t offered; /* came by the wire */
	uint64_t missed;  /* of these, found no descriptor free, or came while the core was away */
	uint64_t left;    /* through the wan port */
	uint64_t inbound; /* from spokes, through the lan port */
	uint64_t latency[SOURCE_LATENCY_US + 1]; /* packets by whole microseconds */
	uint64_t longest_tsc;
	/* Private. Frames in the order they are given; a slot's head is written anew each time. */
	struct rte_mbuf *m[SOURCE_FRAMES];
	uint8_t head[SOURCE_FRAMES][64];
	uint64_t given, back;  /* frames handed out, and put back, ever */
	uint64_t given_before; /* the run: frames handed out when it began */
	uint64_t start_tsc;
	double per_tsc, tsc_per; /* packets; 0: whenever asked */
	uint16_t frame_bytes;
	bool open;                    /* packets come */
	uint64_t took[SOURCE_FRAMES]; /* cycles, of the packets of this loop round */
	unsigned took_n;
};

/** Takes the place of worker w's queues of the fleet's ports. bytes: of the inner packet. */
void source_open(struct source *s, unsigned w, uint16_t bytes);
void source_close(struct source *s);

/** Worker's thread: forget the last run; from now on packets come. per_s 0: whenever asked. */
void source_start(struct source *s, double per_s);
/** Worker's thread: no more come. */
void source_stop(struct source *s);

/**
 * Worker's thread, after each loop round. away: the kernel gave the core to another process
 * meanwhile. What came by then is missed, and how long the packets of this round took says
 * nothing about the hub.
 */
void source_round(struct source *s, bool away);

/** Packets in the hub. */
uint64_t source_under_way(const struct source *s);

/** Within how many microseconds did this part of the packets get through? */
double source_latency_us(const struct source *s, double part);

#endif

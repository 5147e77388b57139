/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_SOURCE_H
#define TEST_PERF_SOURCE_H

/**
 * A lan port that packets come in on at a given rate, as from a wire: what the hub does not
 * fetch waits in SOURCE_SLOTS descriptors, and what finds those full is missed. They go to
 * random spokes of the fleet; how long each took is known when the wan port gets it. All of it
 * runs on the worker's own thread, a few cycles a packet, since there is no core for more.
 */
#include "test/perf/fleet.h"

#define SOURCE_SLOTS      4096
#define SOURCE_LATENCY_US 2000 /* longer ones count as this */

struct source {
	/* Of one run: */
	uint64_t offered;                        /* came by the wire */
	uint64_t missed;                         /* of these, found no descriptor free */
	uint64_t left;                           /* through the wan port */
	uint64_t inbound;                        /* from spokes, through the lan port */
	uint64_t latency[SOURCE_LATENCY_US + 1]; /* packets by whole microseconds */
	uint64_t longest_tsc;
};

extern struct source source;

/** Takes the place of the fleet's ports. bytes: of the inner packet. */
void source_open(uint16_t bytes);
void source_close(void);

/** Worker's thread: forget the last run; from now on packets come. per_s 0: whenever asked. */
void source_start(double per_s);
/** Worker's thread: no more come. */
void source_stop(void);

/**
 * Worker's thread, after each loop round. away: the kernel gave the core to another process
 * meanwhile. What came by then is missed, and how long the packets of this round took says
 * nothing about the hub.
 */
void source_round(bool away);

/** Packets in the hub. */
uint64_t source_under_way(void);

/** Within how many microseconds did this part of the packets get through? */
double source_latency_us(double part);

#endif

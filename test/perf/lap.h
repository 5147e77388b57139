/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_LAP_H
#define TEST_PERF_LAP_H

/**
 * One lap: all frames of the bench's port once through the hub. Building the frames
 * is not measured. The port hands them out as a driver does, from memory larger than
 * the L2 cache, and takes them back on the other side.
 */
#include "test/perf/fleet.h"
#include "test/perf/floor.h"

enum direction { ENCAP, DECAP, HAIRPIN, DIRECTIONS };

#define IMIX 0

struct lap_case {
	enum direction direction;
	uint16_t bytes; /* of the inner IP packet; IMIX: 7:4:1 of 64, 570 and 1400 */
	uint32_t spokes;
};

#define LAP_FRAMES_MAX 8192 /* a multiple of LAP_PARTS * 32 */

/** One frame as the port hands it out. */
struct lap_frame {
	struct rte_mbuf *m;
	uint32_t from, to; /* spokes; only those the direction has */
	uint16_t inner_bytes;
	uint16_t frame_bytes;
};

struct lap {
	struct lap_case c;
	uint32_t n;
	struct lap_frame frame[LAP_FRAMES_MAX];
	struct floor_item open[LAP_FRAMES_MAX], seal[LAP_FRAMES_MAX]; /* the same work, bare */
	uint64_t random;
	uint32_t next; /* frame the port hands out next */
};

/** Frames from the data plane's pool, n at most LAP_FRAMES_MAX. After fleet_start(). */
void lap_start(uint32_t n);
void lap_stop(void);

/** Draw spokes and lengths, build every frame; of the same kind until told otherwise. */
struct lap *lap_prepare(const struct lap_case *c);

/**
 * Through the hub; exits with a message when a packet did not leave. Cycles per packet:
 * the median over LAP_PARTS parts of the lap, so that a part in which another process had
 * the core does not count. stage: the same by stage, with stamps taken; or NULL.
 */
double lap_run(double stage[STAGE_COUNT]);
/** From port to port without a hub between: what the bench's own port costs. */
double lap_io(void);
/** The same work by bare calls of the cipher. */
double lap_floor(enum floor_call call);

#define LAP_PARTS 16

/** The middle one; sorts v. */
double median(double *v, unsigned n);

#endif

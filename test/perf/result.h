/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_RESULT_H
#define TEST_PERF_RESULT_H

#include <jansson.h>

#include "test/perf/lap.h"

/** Figures of one case: medians over the repetitions, TSC cycles per packet. */
struct result {
	struct lap_case c;
	struct fleet_conf conf;
	double path;   /* between the port's receive and transmit */
	double io;     /* the port itself, not part of `path` */
	double cipher; /* the cheapest bare call of the cipher */
	enum floor_call call;
	double floor[FLOOR_CALLS]; /* each of the calls that fit; 0: does not */
	double ratio;              /* path / cipher */
	double spread;             /* of path: (highest - lowest) / median of the repetitions */
	double stage[STAGE_COUNT]; /* of laps with stamps, which cost a little themselves */
	double rest;        /* of those laps: what no stage has, that is the worker's round */
	uint64_t packets;   /* that left the hub for this case */
	double inner_bytes; /* mean of a packet */
};

const char *direction_name(enum direction d);
json_t *result_json(const struct result *r);
void result_header(FILE *out);
void result_row(FILE *out, const struct result *r);

#endif

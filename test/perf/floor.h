/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_FLOOR_H
#define TEST_PERF_FLOOR_H

/**
 * What the cipher alone costs: the library called as barely as its API allows, over
 * the same octets, keys and order as the packets of a lap.
 */
#include "crypto/esp_cipher.h"

/** The ways to call it. */
enum floor_call {
	FLOOR_DIRECT,   /* GCM: one function call a packet */
	FLOOR_PREFETCH, /* the same, the key's lines fetched two packets ahead */
	FLOOR_BURST,    /* GCM, ChaCha20: 32 jobs a call */
	FLOOR_JOB,      /* CBC + HMAC: job by job, lanes filled across keys, flushed at the end */
	FLOOR_CALLS,
};

const char *floor_name(enum floor_call call);
bool floor_fits(enum floor_call call, const struct esp_suite *suite);

/** One packet's crypto work: SPI, number and IV lie in front of the text, the ICV behind. */
struct floor_item {
	uint8_t *text;
	const struct esp_key *key;
	uint16_t bytes;
};

#define FLOOR_GROUP 32 /* opened, then sealed, as a burst is on its way through a hub */

bool floor_start(void);
void floor_stop(void);

/** All n items; open or seal may be NULL. A hairpin has both. Jobs may stay in lanes. */
void floor_run(enum floor_call call, const struct esp_suite *suite, const struct floor_item *open,
	const struct floor_item *seal, uint32_t n);
/** Empty the lanes. */
void floor_flush(void);

#endif

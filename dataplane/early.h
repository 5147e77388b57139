/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EARLY_H
#define DATAPLANE_EARLY_H

/**
 * ESP that comes ahead of its SA: we asked for new keys, the peer has answered and sends on
 * them, and ours are still being computed. Such packets wait, each worker's with that worker,
 * until the control core attaches the SA or gives the SPI back. Bounded in number and time,
 * since anybody may send to an SPI that he guessed.
 */
#include <stdint.h>

#include "dataplane/pipeline.h"

struct dp_tables;

#define EARLY_MAX     256  /* packets, of a worker */
#define EARLY_PER_SPI 64   /* packets */
#define EARLY_MS      1000 /* a helper thread's queue and a key exchange take less */

struct early {
	uint16_t n;
	struct early_packet {
		struct rte_mbuf *m; /* at ESP */
		uint32_t spi;
		uint64_t until_tsc;
	} packet[EARLY_MAX]; /* in the order they came */
};

/** Was this SPI given out and not taken back? Then its SA is attached, or will be. */
bool early_expected(const struct dp_tables *t, uint32_t spi);

/** Keep m (at ESP): PASS. Otherwise m is still the caller's, to be finished with the verdict. */
enum verdict early_hold(struct worker *w, struct rte_mbuf *m, uint32_t spi);

/** What need not wait any more, in the order it came; what waited too long ends here. */
void early_take(struct worker *w, struct burst *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PERF_IKE_FLEET_H
#define TEST_PERF_IKE_FLEET_H

/**
 * One hub's IKE engine and spokes that call it, in one thread, their messages handed over in
 * memory. Only what the hub does is timed, by the thread's processor time, a batch of messages
 * at once: what the spokes do, and who else uses the machine, does not count.
 */
#include <stdbool.h>
#include <stdint.h>

#include "control/ike/ike.h"

#define IKE_FLEET_WINDOW 64 /* spokes that come up together */

/** How the spokes prove themselves and what they agree on. */
struct ike_case {
	const char *name; /* "psk-x25519" */
	const char *hub;  /* certificates of test/vectors/cert; NULL: shared key */
	const char *spoke;
	uint16_t group;
	bool own_keys; /* the hub has a shared key for every spoke, not one for all */
};

/** Processor time of the hub, seconds; memory it holds more than before, bytes. */
struct ike_cost {
	double control_s; /* on the control core */
	double helper_s;  /* public-key jobs, anywhere */
	int64_t bytes;
	uint64_t done; /* handshakes or rekeys */
};

/** spokes: at most so many will join; own_keys makes keys for 10 000 at least. */
void ike_fleet_start(const struct ike_case *c, uint32_t spokes);
void ike_fleet_stop(void);

/** So many spokes come up with one child SA each; added to *cost. False: some did not. */
bool ike_fleet_join(uint32_t spokes, struct ike_cost *cost);

enum ike_fleet_rekey { FLEET_CHILD, FLEET_CHILD_PFS, FLEET_IKE, FLEET_REKEYS };

/** The spokes of the last window rekey, this often each, with the deletes that go with it. */
bool ike_fleet_rekey(enum ike_fleet_rekey what, uint32_t times, struct ike_cost *cost);

double ike_cpu_s(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NAP_H
#define DATAPLANE_NAP_H

/**
 * How long a worker without work may sleep: no longer than its receive queues, empty when it
 * begins, hold what can come meanwhile, with as much again for waking up. Pure functions.
 */
#include <stdint.h>

#define NAP_MIN_US 20   /* less is not worth the system call */
#define NAP_MAX_US 1000 /* what the control core has to say waits no longer */

/**
 * What the kernel brings to a device of its own, packets a second, whatever speed it claims: twice
 * what a core of today does for af_packet.
 */
#define NAP_KERNEL_PPS 2000000u

/** Shortest frames a second on a link: 64 octets, and 20 of preamble and gap. Any speed will do. */
uint32_t nap_line_pps(uint32_t mbps);

/** Of a queue for so many packets, us; 0: none at all. */
uint32_t nap_longest_us(uint32_t slots, uint32_t pps);

/** After so many rounds without work: longer and longer, up to longest_us. 0: not yet. */
uint32_t nap_us(uint32_t empty_rounds, uint32_t longest_us);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PACK_H
#define CONTROL_IKE_IKE_PACK_H

/**
 * What we offer: the lines of a profile in few proposals. Lines that make up all combinations
 * of some algorithms are one proposal, and nothing that is on no line is offered. A hundred lines
 * one by one would not fit into the 1280 octets that every peer takes (RFC 7296, 2).
 */
#include "control/ike/ike_prop.h"

/**
 * An SA payload of what policy allows, spi_bytes as ike_suites_write() has it: of an IKE SA with
 * the groups of its lines; of ESP each line with each of the policy's groups (DH_NONE among them:
 * or without one), if its rule asks for any. The order is kept as far as it can be; weak algorithms
 * stand apart, last.
 */
void ike_lines_write(
	struct ike_chain *c, const struct ike_policy *policy, uint64_t spi, size_t spi_bytes);

#endif

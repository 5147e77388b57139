/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PACK_H
#define CONTROL_IKE_IKE_PACK_H

/**
 * What we offer first: the lines of a profile in few proposals. Lines that make up all combinations
 * of some algorithms are one proposal, and nothing that is on no line is offered. A hundred lines
 * one by one would not fit into the 1280 octets that every peer takes (RFC 7296, 2).
 */
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "control/ike/ike_wire.h"

/**
 * An SA payload of an initiator's first two messages: IKE with groups, ESP with an SPI and without
 * groups. The order of the lines is kept as far as it can be; weak algorithms stand apart, last.
 */
void ike_lines_write(struct ike_chain *c, uint8_t protocol, const struct config_proposal *lines,
	size_t n, uint32_t spi);

#endif

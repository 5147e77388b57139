/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_IKE_SPI_H
#define DATAPLANE_IKE_SPI_H

/**
 * SPIs of our own for IKE SAs (RFC 7296, 2.6) that a worker tells from made-up ones without
 * knowing a single SA: half of one is random, the other half a keyed hash of that. The key is of
 * this process, so those of the process before it count as made up. Who had an SPI of us keeps
 * one that is genuine after his SA is gone: what may come for one SPI is bounded, too (police.c).
 *
 * Pure functions, any thread. SPIs are in host order; 0 is none.
 */
#include <stdbool.h>
#include <stdint.h>

#include "crypto/siphash.h"

/** From a random number; may be 0 for one of four thousand million, then take another. */
uint64_t ike_spi_make(const struct siphash_key *key, uint32_t random);

/**
 * Did ike_spi_make() make it? Never so for 0. Then *slot is a number that goes with it, all over
 * 32 bits, which no outsider can tell nor find another SPI for.
 */
bool ike_spi_genuine(const struct siphash_key *key, uint64_t spi, uint32_t *slot);

/**
 * Our side's SPI in an IKE header: the sender sets the I flag when it was the initiator
 * (RFC 7296, 3.1). 0: none (a first message) or no whole header.
 */
uint64_t ike_spi_of_hub(const uint8_t *ike, uint32_t bytes);

#endif

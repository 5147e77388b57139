/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_IKE_SPI_H
#define DATAPLANE_IKE_SPI_H

/**
 * SPIs of our own for IKE SAs (RFC 7296, 2.6) and which of them are in use, so that a worker
 * tells the IKE of sessions from that of peers that proved nothing yet, and both from what is
 * made up, without knowing a single SA. Who once had an SPI of us has nothing of it when his SA
 * is gone.
 *
 * In an SPI stands its place in a table, the rest is random. Bit 0 is never set in an SPI; in
 * the table it says that the peer of its SA has proven itself. One thread writes, any reads.
 * SPIs are in host order; 0 is none.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ike_spis {
	_Atomic uint64_t *at; /* [slots], all 0 at first; 0 = free */
	uint32_t slots;       /* a power of two */
};

/** One that is in use from now on, by a random number. Of a table that is all but full one that
 * it does not know. Never 0. */
uint64_t ike_spi_take(struct ike_spis *s, uint64_t random);
/** The peer of its SA has proven itself. */
void ike_spi_prove(struct ike_spis *s, uint64_t spi);
/** Its SA is gone. Of one that is not in use: nothing. */
void ike_spi_drop(struct ike_spis *s, uint64_t spi);

enum ike_spi_kind {
	IKE_SPI_ALIEN,  /* not in use: none, made up, of an SA that is gone, of another process */
	IKE_SPI_BEGUN,  /* its peer has proven nothing */
	IKE_SPI_PROVEN, /* of a session */
};

/** slot: where it is in the table, no other is there; not set for an alien. */
enum ike_spi_kind ike_spi_find(const struct ike_spis *s, uint64_t spi, uint32_t *slot);

/**
 * Our side's SPI in an IKE header: the sender sets the I flag when it was the initiator
 * (RFC 7296, 3.1). 0: none (a first message) or no whole header.
 */
uint64_t ike_spi_of_hub(const uint8_t *ike, uint32_t bytes);

#endif

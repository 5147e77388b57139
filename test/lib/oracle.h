/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_ORACLE_H
#define TEST_LIB_ORACLE_H

/**
 * ESP by another implementation: DPDK's lib/ipsec on the software crypto device that
 * EAL was started with (--vdev=crypto_openssl).
 */
#include "test/lib/packet.h"

struct rte_mempool;
struct oracle;

/** One direction of an SA. */
struct oracle_sa {
	const struct esp_suite *suite; /* CBC + HMAC, or GCM with 16 octets of ICV */
	const uint8_t *keymat;         /* as dp_sa; stays until oracle_close() */
	uint32_t spi;                  /* host order */
	bool esn, tunnel_mode;
	bool seal;                     /* false: open */
	uint64_t last;                 /* seal: the number used before the first packet */
	uint32_t outer_src, outer_dst; /* seal in tunnel mode: of the header it puts in front */
};

/** pool: mbufs for the packets. False: no such device. */
bool oracle_start(struct rte_mempool *pool);
void oracle_stop(void);

/** NULL: the library refused it. */
struct oracle *oracle_open(const struct oracle_sa *sa);
void oracle_close(struct oracle *o);

/** q (at its outer IP header, never UDP) through it, in place. False: not good, q as it was. */
bool oracle_pass(struct oracle *o, struct packet *q);

#endif

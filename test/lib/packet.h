/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_PACKET_H
#define TEST_LIB_PACKET_H

/**
 * A packet built from the inside out: start with a payload, then put one header
 * after the other in front of it. Lengths follow from what is there already.
 * Addresses are as on the wire.
 */
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "crypto/esp_cipher.h"

#define PACKET_HEAD 256
#define PACKET_ROOM 12000

struct packet {
	uint16_t start, bytes;
	uint8_t buf[PACKET_HEAD + PACKET_ROOM];
};

#define IPV4(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static inline uint8_t *
packet_at(struct packet *p)
{
	return p->buf + p->start;
}

/** Begin anew with n octets 0, 1, 2... */
void packet_payload(struct packet *p, uint16_t n);
/** Begin anew with these octets. */
void packet_set(struct packet *p, const void *data, uint16_t n);
/** n octets more in front; returns where. */
uint8_t *packet_push(struct packet *p, uint16_t n);
/** n octets less in front. */
void packet_pull(struct packet *p, uint16_t n);
/** These octets behind. */
void packet_append(struct packet *p, const void *data, uint16_t n);

struct rte_ipv4_hdr *packet_ip(struct packet *p, uint32_t src, uint32_t dst, uint8_t proto);
/** The checksum after a test changed the header at the front. */
void packet_ip_fix(struct packet *p);
void packet_udp(struct packet *p, uint16_t sport, uint16_t dport);
/** key < 0: without. */
void packet_gre(struct packet *p, int64_t key, uint16_t proto);
void packet_ether(struct packet *p, const uint8_t dst[6], uint16_t type);

/** A TCP SYN segment with an MSS option, `nops` no-operations before it, checksum right. */
void packet_syn(struct packet *p, uint32_t src, uint32_t dst, uint16_t mss, uint8_t nops);

/** Its TCP checksum over all of it (p at IP). */
bool packet_tcp_good(struct packet *p);

/** One direction of an ESP SA, from the spoke's side. */
struct packet_sa {
	const struct esp_suite *suite;
	struct esp_key *key; /* packet_key() */
	enum esp_dir dir;
	uint32_t spi; /* host order */
	bool esn;
};

/** Expanded key in memory of its own; packet_key_free() frees. */
struct esp_key *packet_key(const struct esp_suite *s, enum esp_dir dir, const uint8_t *keymat);
void packet_key_free(const struct esp_suite *s, struct esp_key *key);

/** ESP around p: trailer of next header `next`, header, cipher. */
void packet_seal(struct packet *p, const struct packet_sa *sa, uint64_t seq, uint8_t next);
/** The same, `trailer` (padding, its length, next header) as it is: for wrong ones. */
void packet_seal_trailer(struct packet *p, const struct packet_sa *sa, uint64_t seq,
	const uint8_t *trailer, uint8_t trailer_bytes);
/** ESP off; seq_hi: what the reader expects. Next header, or -1: not authentic or malformed. */
int packet_open(struct packet *p, const struct packet_sa *sa, uint32_t seq_hi);

#endif

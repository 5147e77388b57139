/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_IP_H
#define DATAPLANE_IP_H

/** Small IPv4 matters that several stages share. */
#include <stdbool.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "dataplane/options.h"
#include "dataplane/segment.h"
#include "dataplane/verdict.h"

/** The IPv4 header m starts with. */
static inline struct rte_ipv4_hdr *
ipv4_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
}

/** A word at any address; x86 loads it as it is, the compiler must not assume more. */
static inline uint32_t
word32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
word64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/**
 * Is the header's checksum right? Nearly all are without options: three loads, no loop. The
 * sum of halves, each with the other's carry, is in the upper half of a word and its rotation.
 */
static inline bool
ipv4_sum_good(const struct rte_ipv4_hdr *ip)
{
	const uint8_t *p = (const uint8_t *)ip;
	uint64_t sum, more;
	uint32_t half;

	if (unlikely(ip->version_ihl != RTE_IPV4_VHL_DEF))
		return rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) == 0xffff;
	sum = word64(p) + word32(p + 16);
	sum += sum < word32(p + 16);
	more = word64(p + 8);
	sum += more;
	sum += sum < more;
	sum += sum >> 32 | sum << 32;
	half = (uint32_t)(sum >> 32);
	half += half >> 16 | half << 16;
	return half >> 16 == 0xffff;
}

/**
 * RFC 1812 5.2.2 on the header at `off`: length, checksum, version, header length,
 * total length; then the packet is trimmed to it. shorter, broken and options (options_good())
 * are the verdicts.
 */
static inline enum verdict
ipv4_check(struct rte_mbuf *m, uint16_t off, enum verdict shorter, enum verdict broken,
	enum verdict options)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, off);
	uint32_t have = rte_pktmbuf_data_len(m), total, head = sizeof(*ip);

	if (unlikely(have < off + sizeof(*ip) || m->nb_segs != 1))
		return shorter;
	have -= off;
	if (unlikely(ip->version_ihl != RTE_IPV4_VHL_DEF)) {
		head = rte_ipv4_hdr_len(ip);
		if (ip->version_ihl >> 4 != 4 || head < sizeof(*ip))
			return broken;
		if (head > have)
			return shorter;
	}
	if (unlikely(!ipv4_sum_good(ip)))
		return broken;
	if (unlikely(head != sizeof(*ip)) && !options_good(ip, head))
		return options;
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(total < head || total > have))
		return shorter;
	if (total < have)
		segment_trim(m, (uint16_t)(have - total)); /* Ethernet padding */
	return VERDICT_PASS;
}

/** Checksum after one 16-bit word changed (RFC 1624, eqn. 3); all in network order. */
static inline uint16_t
checksum_edit(uint16_t sum, uint16_t from, uint16_t to)
{
	uint32_t s = (uint16_t)~sum + (uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/** Change the TOS octet, checksum included. */
static inline void
ipv4_set_tos(struct rte_ipv4_hdr *ip, uint8_t tos)
{
	uint16_t from = rte_cpu_to_be_16((uint16_t)(ip->version_ihl << 8 | ip->type_of_service));
	uint16_t to = rte_cpu_to_be_16((uint16_t)(ip->version_ihl << 8 | tos));

	ip->type_of_service = tos;
	ip->hdr_checksum = checksum_edit(ip->hdr_checksum, from, to);
}

/** One less in the first octet of its word: 0x0100 more in the sum, carry around. */
static inline void
ipv4_ttl_decrement(struct rte_ipv4_hdr *ip)
{
	uint32_t sum = (uint32_t)ip->hdr_checksum + RTE_BE16(0x0100);

	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
}

#define ECN_MASK    3
#define ECN_NOT_ECT 0
#define ECN_ECT1    1
#define ECN_ECT0    2
#define ECN_CE      3

/**
 * RFC 6040, figure 4: the inner TOS after an outer header with `outer` was taken off;
 * -1: to be dropped, since a packet that cannot carry the mark met congestion.
 */
static inline int
ecn_merge(uint8_t outer, uint8_t inner)
{
	uint8_t o = outer & ECN_MASK, i = inner & ECN_MASK;

	if (likely(o == ECN_NOT_ECT || o == ECN_ECT0 || o == i || i == ECN_CE))
		return inner;
	if (i == ECN_NOT_ECT)
		return o == ECN_CE ? -1 : inner;
	return (inner & ~ECN_MASK) | o;
}

/** Can a host have this address? Not 0/8, 127/8, a group or broadcast. */
static inline bool
ipv4_is_host(uint32_t addr_be)
{
	uint8_t first = addr_be & 0xff; /* x86 */

	return (uint8_t)(first - 1) < 0xe0 - 1 && first != 127;
}

#endif

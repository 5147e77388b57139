/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_ADDR_H
#define CONFIG_ADDR_H

/**
 * Addresses and prefixes as values. No family is special: code that only
 * carries an address never looks inside. Octets are in network order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_V4 = 4,
	ADDR_V6 = 6,
};

/** An IP address; unused octets are zero, so memcmp and hashing are safe. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t pad[3]; /* always zero */
	uint8_t octet[16];
};

/** A prefix, or (in configuration) an interface address with its length. */
struct prefix {
	struct addr addr;
	uint8_t bits; /* 0..32 or 0..128 */
};

/** Longest text of an address or prefix, with the closing zero. */
#define ADDR_TEXT_BYTES 56

static inline void
addr_set_v4(struct addr *a, uint32_t be)
{
	uint64_t head = ADDR_V4 | (uint64_t)be << 32; /* x86: family, pad, four octets */

	memcpy(a, &head, sizeof(head));
	memset(a->octet + 4, 0, sizeof(a->octet) - 4);
}

static inline struct addr
addr_from_v4(uint32_t be)
{
	struct addr a;

	addr_set_v4(&a, be);
	return a;
}

/** Is it this IPv4 address? */
static inline bool
addr_is_v4(const struct addr *a, uint32_t be)
{
	uint64_t head;

	memcpy(&head, a, sizeof(head));
	return head == (ADDR_V4 | (uint64_t)be << 32);
}

/** The four octets as they are on the wire; only for ADDR_V4. */
static inline uint32_t
addr_v4(const struct addr *a)
{
	uint32_t be;

	memcpy(&be, a->octet, sizeof(be));
	return be;
}

/** Octets of an address of this family: 4, 16, or 0 for none. */
static inline uint8_t
addr_bytes(const struct addr *a)
{
	return a->family == ADDR_V4 ? 4 : a->family == ADDR_V6 ? 16 : 0;
}

static inline bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/** Total order (family, then octets): <0, 0, >0. */
int addr_cmp(const struct addr *a, const struct addr *b);

/** True for 0.0.0.0, :: and the empty value. */
bool addr_is_zero(const struct addr *a);

bool addr_is_multicast(const struct addr *a);

/** 224.0.0.0/24 or ff02::/16: never forwarded by a router. */
bool addr_is_link_multicast(const struct addr *a);

uint32_t addr_hash(const struct addr *a, uint32_t seed);

/** Make an address of n octets (4 or 16). Returns 0 or -EAFNOSUPPORT; n = 0 gives ADDR_NONE. */
int addr_from_bytes(struct addr *a, const uint8_t *octets, size_t n);

/** Parse text; nothing may follow. Returns 0 or -EINVAL, *a untouched on error. */
int addr_parse(const char *text, struct addr *a);

/** Print into buf[ADDR_TEXT_BYTES]; returns buf. ADDR_NONE prints "-". */
const char *addr_print(const struct addr *a, char *buf);

/** Parse "address/bits"; host bits are kept. Returns 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *p);

const char *prefix_print(const struct prefix *p, char *buf);

/** Does p cover a? False across families. */
bool prefix_has(const struct prefix *p, const struct addr *a);

/** Does p cover all of q? */
bool prefix_covers(const struct prefix *p, const struct prefix *q);

bool prefix_equal(const struct prefix *a, const struct prefix *b);

/** The network of p: host bits cleared. */
struct prefix prefix_network(const struct prefix *p);

/** The host prefix of a (/32 or /128). */
struct prefix prefix_host(const struct addr *a);

#endif

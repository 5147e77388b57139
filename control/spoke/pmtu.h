/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_SPOKE_PMTU_H
#define CONTROL_SPOKE_PMTU_H

/**
 * What is believed of ICMP "fragmentation needed" (RFC 1191) about ESP of ours (RFC 4301, 8.2).
 * It cannot be authenticated; what it quotes can be compared with what was sent:
 *
 *	the ICMP checksum, a quoted IPv4 header with DF, ESP plain or in UDP 4500
 *	an SPI we send on now, to that address and port
 *	a sequence number of the last second or two
 *	a packet larger than the MTU that is told
 *
 * And then only downwards, not below PMTU_MIN_BYTES, once in PMTU_PAUSE_MS, for PMTU_KEEP_MS:
 * after that larger packets are tried again. Who sees our packets can still lower the MTU of
 * their peer to that, and nothing else.
 *
 * Bytes and time come in, an outcome goes out: no I/O, no memory, no clock.
 */
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"

#define PMTU_MIN_BYTES 576    /* what every host can take (RFC 791) */
#define PMTU_PAUSE_MS  100    /* between two changes */
#define PMTU_KEEP_MS   600000 /* RFC 1191, 6.3 */
#define PMTU_RECENT    1024   /* numbers that always count as recent: a peer that is sent little */

enum pmtu_outcome {
	PMTU_LOWERED,
	PMTU_MALFORMED, /* cut short, checksum, not about ESP with DF */
	PMTU_NO_SA,     /* SPI, addresses or ports of no SA that we send on */
	PMTU_NO_DF,     /* its clouds leave DF clear: nobody has reason to complain */
	PMTU_OLD,       /* a sequence number not sent, or not lately */
	PMTU_TOO_SMALL, /* below PMTU_MIN_BYTES */
	PMTU_NO_LOWER,  /* the quoted packet fits it, or it is what we send already */
	PMTU_TOO_SOON,  /* within PMTU_PAUSE_MS of a change */
	PMTU_OUTCOMES
};

/** "lowered", "old" and the like, for counters. */
const char *pmtu_outcome_name(enum pmtu_outcome o);
/** One line for an operator. */
const char *pmtu_outcome_help(enum pmtu_outcome o);

/** What such a message says. */
struct pmtu_claim {
	struct addr local, remote;      /* outer addresses of the packet that was too big */
	uint16_t udp_local, udp_remote; /* host order; 0 = plain ESP */
	uint32_t spi, seq;              /* host order; seq: the 32 bits on the wire */
	uint16_t packet_bytes;          /* of it, IP */
	uint16_t mtu;                   /* bytes, IP; 0: a router from before RFC 1191 */
};

/**
 * Read from the ICMP header on. Returns 0, or -EBADMSG (then *out is as it was): short, another
 * type, checksum, no IPv4 header without options, a fragment, DF not set, neither ESP nor ESP
 * in UDP from port 4500. Of the latter more must be quoted than the 8 octets RFC 792 asks for.
 */
int pmtu_claim_read(const uint8_t *icmp, size_t bytes, struct pmtu_claim *out);

/** Of one peer's path; all zero: nothing is known. */
struct pmtu {
	uint16_t bytes; /* IP; 0 = not known */
	uint64_t since_ms;
};

/** What we send to that peer. */
struct pmtu_sent {
	uint64_t seq;    /* last number given out */
	uint64_t lately; /* packets sent in the last second or two */
};

/** Judge a claim about an SA in use; *p changes only with PMTU_LOWERED. */
enum pmtu_outcome pmtu_take(
	struct pmtu *p, const struct pmtu_claim *c, const struct pmtu_sent *sent, uint64_t now_ms);

#endif

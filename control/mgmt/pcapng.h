/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_PCAPNG_H
#define CONTROL_MGMT_PCAPNG_H

/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in the byte order of this machine,
 * times in nanoseconds since 1970. Pure: each call appends one whole block, or nothing
 * and returns false when there is no room for it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcapng {
	uint8_t *buf;
	size_t room, used; /* bytes */
};

/** What a packet's block takes beside its data and comment, at most. */
#define PCAPNG_PACKET_BYTES 72

/** Once, at the beginning. */
bool pcapng_section(struct pcapng *p, const char *application);

/** Interfaces count from 0 in the order they are made. link: LINKTYPE_ value. */
bool pcapng_interface(
	struct pcapng *p, uint16_t link, uint32_t snap_bytes, const char *name, const char *what);

enum pcapng_way { PCAPNG_NO_WAY = 0, PCAPNG_IN = 1, PCAPNG_OUT = 2 };

struct pcapng_packet {
	uint32_t interface;
	uint64_t time_ns;
	uint32_t bytes, captured; /* of the packet; of these in data */
	const uint8_t *data;
	enum pcapng_way way;
	const char *comment; /* "" = none */
};

bool pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet);

/** Of an interface, at the end. */
bool pcapng_statistics(struct pcapng *p, uint32_t interface, uint64_t time_ns, uint64_t received,
	uint64_t dropped, const char *comment);

#endif

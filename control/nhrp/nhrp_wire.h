/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_WIRE_H
#define CONTROL_NHRP_NHRP_WIRE_H

/**
 * NHRP packets (RFC 2332) to structs and back. Pure: no state, no allocation. A
 * struct nhrp_msg points into the packet it was read from, or into whatever the
 * caller builds from, and lives no longer than that.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "control/base/cursor.h"

enum nhrp_type {
	NHRP_RESOLUTION_REQUEST = 1,
	NHRP_RESOLUTION_REPLY = 2,
	NHRP_REGISTRATION_REQUEST = 3,
	NHRP_REGISTRATION_REPLY = 4,
	NHRP_PURGE_REQUEST = 5,
	NHRP_PURGE_REPLY = 6,
	NHRP_ERROR_INDICATION = 7,
	NHRP_TRAFFIC_INDICATION = 8, /* Cisco's "redirect" */
};

enum nhrp_flag {
	NHRP_FLAG_ROUTER = 0x8000,         /* Q, types 1 and 2 */
	NHRP_FLAG_AUTHORITATIVE = 0x4000,  /* A, types 1 and 2 */
	NHRP_FLAG_DST_STABLE = 0x2000,     /* D, type 2 */
	NHRP_FLAG_UNIQUE = 0x1000,         /* U, types 1 and 2 */
	NHRP_FLAG_SRC_STABLE = 0x0800,     /* S, types 1 and 2 */
	NHRP_FLAG_REG_UNIQUE = 0x8000,     /* U, types 3 and 4 */
	NHRP_FLAG_PURGE_NO_REPLY = 0x8000, /* N, types 5 and 6 */
	NHRP_FLAG_NAT = 0x0002,            /* Cisco: sender knows extension 9, types 1 to 4 */
};

enum nhrp_cie_code { /* IANA "NHRP CIE codes" */
	NHRP_CODE_OK = 0,
	NHRP_CODE_PROHIBITED = 4,
	NHRP_CODE_RESOURCES = 5,
	NHRP_CODE_NO_BINDING = 12, /* FRR and OpenNHRP send 11 */
	NHRP_CODE_NOT_UNIQUE = 13,
	NHRP_CODE_UNIQUE_EXISTS = 14,
};

enum nhrp_error {                 /* IANA "NHRP error codes" */
	NHRP_ERROR_EXTENSION = 1, /* unrecognised extension */
	NHRP_ERROR_LOOP = 3,      /* FRR and OpenNHRP send 2 */
	NHRP_ERROR_UNREACHABLE = 6,
	NHRP_ERROR_PROTOCOL = 7,
	NHRP_ERROR_TOO_BIG = 8,
	NHRP_ERROR_BAD_EXTENSION = 9,
	NHRP_ERROR_REPLY = 10, /* invalid resolution reply */
	NHRP_ERROR_AUTH = 11,
	NHRP_ERROR_HOPS = 15,
};

enum nhrp_ext_type {
	NHRP_EXT_END = 0,
	NHRP_EXT_RESPONDER = 3,
	NHRP_EXT_FORWARD = 4, /* forward transit NHS record */
	NHRP_EXT_REVERSE = 5, /* reverse transit NHS record */
	NHRP_EXT_AUTH = 7,
	NHRP_EXT_VENDOR = 8,
	NHRP_EXT_NAT = 9, /* Cisco; RFC 2735 has another meaning for it */
	NHRP_EXT_MOBILE_AUTH = 10,
};

#define NHRP_HEAD_BYTES  28 /* fixed header and mandatory part, before the addresses */
#define NHRP_CIE_BYTES   12 /* without addresses */
#define NHRP_EXTS        16 /* most extensions in one packet */
#define NHRP_HOPS        255
#define NHRP_PREFIX_HOST 0xff

struct nhrp_slice {
	const uint8_t *data;
	size_t bytes;
};

struct nhrp_ext {
	uint16_t type; /* 14 bits */
	bool compulsory;
	struct nhrp_slice value;
};

struct nhrp_msg {
	uint8_t type; /* enum nhrp_type */
	uint8_t hops;
	uint8_t nbma_family;  /* enum addr_family; the wire has it as afn */
	uint8_t proto_family; /* enum addr_family; the wire has it as ethertype */
	uint16_t flags;       /* types 1 to 6 */
	uint32_t request_id;  /* types 1 to 6 */
	uint16_t code;        /* types 7 and 8 */
	uint16_t code_offset; /* type 7 */
	struct addr src_nbma; /* ADDR_NONE when not given, as all three */
	struct addr src_proto;
	struct addr dst_proto;
	struct nhrp_slice body; /* 1-6: CIE list, 7: packet in error, 8: head of the data packet */
	bool has_exts;          /* extension part present, End included */
	uint8_t ext_count;
	struct nhrp_ext ext[NHRP_EXTS]; /* without End, in the order of the packet */
};

/** Client Information Entry (RFC 2332, 5.2.0.1). */
struct nhrp_cie {
	uint8_t code;        /* enum nhrp_cie_code */
	uint8_t prefix_bits; /* as on the wire: 0 and 0xff mean host */
	uint16_t mtu;        /* bytes, 0 = not stated */
	uint16_t hold_s;
	uint8_t preference;
	struct addr nbma; /* ADDR_NONE when not given */
	struct addr proto;
};

/**
 * Read a whole packet: lengths, checksum, addresses, CIE list, extensions up to End.
 * *out is written only on success. Octets after the packet size are ignored.
 * Returns 0; -EBADMSG malformed; -EILSEQ checksum; -EPROTONOSUPPORT version or type;
 * -EAFNOSUPPORT address families or lengths that do not fit them.
 */
int nhrp_msg_read(const uint8_t *pkt, size_t len, struct nhrp_msg *out);

/**
 * Read header and addresses only, as of the cut-off packet inside an error
 * indication: no length beyond the addresses and no checksum is looked at.
 */
int nhrp_head_read(const uint8_t *pkt, size_t len, struct nhrp_msg *out);

/**
 * Write m with size, extension offset, checksum and End (when has_exts).
 * Returns the length, or -EMSGSIZE when size octets do not suffice.
 */
int nhrp_msg_write(const struct nhrp_msg *m, uint8_t *buf, size_t size);

/** The type octet of something that may be an NHRP packet: 1..8, or 0. */
uint8_t nhrp_type_peek(const uint8_t *pkt, size_t len);

/**
 * Read one entry and move past it. nbma_family is that of the header; the protocol
 * address may be of either family, for FRR puts its IPv4 address into extensions of
 * IPv6 packets. Returns 0, -EBADMSG when cut short, -EAFNOSUPPORT for a length that
 * is no address. *out is written only on success.
 */
int nhrp_cie_read(struct cursor *c, uint8_t nbma_family, struct nhrp_cie *out);

void nhrp_cie_write(struct writer *w, const struct nhrp_cie *cie);

/** Does the slice consist of whole CIEs (none is fine)? */
bool nhrp_cies_valid(const struct nhrp_msg *m, struct nhrp_slice list);

/** Prefix length of the wire to bits: 0, 0xff and too long ones mean host. */
uint8_t nhrp_prefix_bits(uint8_t wire, uint8_t proto_family);

/** The extension of this type, or NULL. */
struct nhrp_ext *nhrp_ext_find(struct nhrp_msg *m, uint16_t type);

/** Set or append; a NULL value is an empty one. Returns 0 or -ENOSPC. */
int nhrp_ext_set(struct nhrp_msg *m, uint16_t type, struct nhrp_slice value);

void nhrp_ext_remove(struct nhrp_msg *m, uint16_t type);

/** Is this the request or indication direction (transit record 4), not a reply (5)? */
static inline bool
nhrp_is_reply(uint8_t type)
{
	return type == NHRP_RESOLUTION_REPLY || type == NHRP_REGISTRATION_REPLY ||
		type == NHRP_PURGE_REPLY;
}

#endif

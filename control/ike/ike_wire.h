/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_WIRE_H
#define CONTROL_IKE_IKE_WIRE_H

/**
 * IKEv2 messages to structs and back (RFC 7296, 3). Pure: no I/O, log, allocation
 * or state. What is parsed points into the message, which has to outlive it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "config/config.h"
#include "control/base/cursor.h"

#define IKE_HEADER_BYTES  28
#define IKE_PAYLOAD_BYTES 4     /* generic payload header */
#define IKE_SKF_BYTES     8     /* generic header, fragment number, total */
#define IKE_MSG_MAX       16384 /* bytes of a message, reassembled or ours */
#define IKE_NONCE_MIN     16
#define IKE_NONCE_MAX     256
#define IKE_NOTIFIES_MAX  32
#define IKE_DELETES_MAX   4
#define IKE_VENDORS_MAX   8 /* read of one message */
#define IKE_CERTS_MAX     8

enum ike_exchange_type { /* RFC 7296, 3.1 */
	EXCHANGE_SA_INIT = 34,
	EXCHANGE_AUTH = 35,
	EXCHANGE_CREATE_CHILD = 36,
	EXCHANGE_INFORMATIONAL = 37,
};

enum ike_flag { FLAG_INITIATOR = 0x08, FLAG_VERSION = 0x10, FLAG_RESPONSE = 0x20 };

enum ike_payload_type { /* RFC 7296, 3.2 */
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 33,
	PAYLOAD_KE = 34,
	PAYLOAD_IDI = 35,
	PAYLOAD_IDR = 36,
	PAYLOAD_CERT = 37,
	PAYLOAD_CERTREQ = 38,
	PAYLOAD_AUTH = 39,
	PAYLOAD_NONCE = 40,
	PAYLOAD_NOTIFY = 41,
	PAYLOAD_DELETE = 42,
	PAYLOAD_VENDOR = 43,
	PAYLOAD_TSI = 44,
	PAYLOAD_TSR = 45,
	PAYLOAD_SK = 46,
	PAYLOAD_CP = 47,
	PAYLOAD_EAP = 48,
	PAYLOAD_SKF = 53, /* RFC 7383 */
};

enum ike_protocol { PROTO_IKE = 1, PROTO_AH = 2, PROTO_ESP = 3 };

enum ike_notify_type { /* RFC 7296, 3.10.1 */
	N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	N_INVALID_IKE_SPI = 4,
	N_INVALID_MAJOR_VERSION = 5,
	N_INVALID_SYNTAX = 7,
	N_INVALID_MESSAGE_ID = 9,
	N_INVALID_SPI = 11,
	N_NO_PROPOSAL_CHOSEN = 14,
	N_INVALID_KE_PAYLOAD = 17,
	N_AUTHENTICATION_FAILED = 24,
	N_SINGLE_PAIR_REQUIRED = 34,
	N_NO_ADDITIONAL_SAS = 35,
	N_TS_UNACCEPTABLE = 38,
	N_TEMPORARY_FAILURE = 43,
	N_CHILD_SA_NOT_FOUND = 44,
	N_ERROR_LAST = 16383,
	N_INITIAL_CONTACT = 16384,
	N_SET_WINDOW_SIZE = 16385,
	N_NAT_DETECTION_SOURCE_IP = 16388,
	N_NAT_DETECTION_DESTINATION_IP = 16389,
	N_COOKIE = 16390,
	N_USE_TRANSPORT_MODE = 16391,
	N_REKEY_SA = 16393,
	N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	N_CHILDLESS_IKEV2_SUPPORTED = 16418,     /* RFC 6023 */
	N_IKEV2_FRAGMENTATION_SUPPORTED = 16430, /* RFC 7383 */
	N_USE_PPK = 16435,                       /* RFC 8784 */
	N_PPK_IDENTITY = 16436,
	N_NO_PPK_AUTH = 16437,
	N_SIGNATURE_HASH_ALGORITHMS = 16431, /* RFC 7427 */
};

enum ike_auth_method { /* RFC 7296, 3.8 */
	AUTH_METHOD_RSA = 1,
	AUTH_METHOD_PSK = 2,
	AUTH_METHOD_ECDSA_256 = 9, /* RFC 4754 */
	AUTH_METHOD_ECDSA_384 = 10,
	AUTH_METHOD_ECDSA_521 = 11,
	AUTH_METHOD_DIGITAL = 14, /* RFC 7427 */
};

enum ike_ts_type { TS_IPV4_ADDR_RANGE = 7, TS_IPV6_ADDR_RANGE = 8 };

/** Octets inside a message; data NULL = not there. */
struct ike_view {
	const uint8_t *data;
	size_t bytes;
};

struct ike_header {
	uint64_t spi_i, spi_r;
	uint8_t next_payload;
	uint8_t version; /* major in the high nibble */
	uint8_t exchange;
	uint8_t flags;
	uint32_t id;
	uint32_t length; /* bytes */
};

struct ike_notify {
	uint16_t type;
	uint8_t protocol;
	struct ike_view spi;
	struct ike_view data;
};

struct ike_delete {
	uint8_t protocol;
	uint8_t spi_bytes;
	uint16_t count;
	struct ike_view spis; /* count * spi_bytes */
};

/** A message taken apart. What may come only once and is absent has data NULL. */
struct ike_payloads {
	struct ike_view all; /* what it was read from, */
	uint8_t first;       /* beginning with this type */
	struct ike_view sa, nonce, cp;
	struct ike_view idi, idr; /* payload body: type, three reserved octets, data */
	struct ike_view ke;       /* public value */
	uint16_t ke_group;
	struct ike_view auth; /* after the method and its reserved octets */
	uint8_t auth_method;
	struct ike_view tsi, tsr;            /* payload body: count, reserved, selectors */
	struct ike_view cert[IKE_CERTS_MAX]; /* encoding, data */
	uint8_t certs;
	struct ike_view sk; /* body of SK or SKF, the last payload of its message */
	uint8_t sk_type;    /* PAYLOAD_SK, PAYLOAD_SKF, or 0 */
	uint8_t sk_inner;   /* type of the first payload inside */
	uint16_t fragment, fragments;
	struct ike_notify notify[IKE_NOTIFIES_MAX];
	uint8_t notifies;
	struct ike_delete del[IKE_DELETES_MAX];
	uint8_t deletes;
	struct ike_view vendor[IKE_VENDORS_MAX];
	uint8_t vendors;
	bool eap;
	uint8_t critical; /* unknown payload type with the critical bit, 0 = none */
};

/** One traffic selector. */
struct ike_ts {
	uint8_t protocol; /* 0 = any */
	uint16_t port_first, port_last;
	struct addr first, last;
};

/** Returns 0 or -EBADMSG (short, or the length field is not n). *out only on success. */
int ike_header_read(const uint8_t *msg, size_t n, struct ike_header *out);

/**
 * Read a chain of payloads that begins with type first and fills all of data.
 * Unknown ones without the critical bit are skipped; with it, out->critical is set and
 * the rest is read. Returns 0 or -EBADMSG: cut short, trailing octets, a payload twice
 * that may come once, a bad length inside. *out is unspecified on error.
 */
int ike_payloads_read(uint8_t first, const uint8_t *data, size_t n, struct ike_payloads *out);

/** The first notify of that type, or NULL. */
const struct ike_notify *ike_notify_find(const struct ike_payloads *p, uint16_t type);

/** The first error notify (types below 16384), or NULL. */
const struct ike_notify *ike_notify_error(const struct ike_payloads *p);

/** Read the body of an ID payload. 0 or -EBADMSG (length wrong for the type, too long). */
int ike_id_read(struct ike_view body, struct config_identity *out);

/** A cursor over the selectors of a TS payload; count is how many there have to be. */
int ike_ts_open(struct ike_view body, struct cursor *c, unsigned *count);

/** Next selector. 1 when one was read, 0 for an unknown type (skipped), -EBADMSG. */
int ike_ts_next(struct cursor *c, struct ike_ts *out);

/** Builds a chain of payloads: each one tells the one before which type follows. */
struct ike_chain {
	struct writer w;
	uint8_t *next; /* where the type of the next payload has to be written */
	size_t open;   /* offset of the payload being written */
};

/** Begin a message: header with length still open. */
void ike_chain_message(struct ike_chain *c, void *room, size_t n, const struct ike_header *h);
/** Begin a bare chain (inside SK); *first receives the type of its first payload. */
void ike_chain_bare(struct ike_chain *c, void *room, size_t n, uint8_t *first);

/** Payload header; the body follows through c->w, then ike_chain_close(). */
void ike_chain_open(struct ike_chain *c, enum ike_payload_type type);
void ike_chain_close(struct ike_chain *c);

/** A whole payload. */
void ike_chain_put(struct ike_chain *c, enum ike_payload_type type, const void *body, size_t n);
void ike_chain_notify(struct ike_chain *c, uint16_t type, const void *data, size_t n);
/** A notify that names an ESP SPI. */
void ike_chain_notify_esp(struct ike_chain *c, uint16_t type, uint32_t spi);
void ike_chain_ke(struct ike_chain *c, uint16_t group, const void *value, size_t n);
void ike_chain_id(
	struct ike_chain *c, enum ike_payload_type type, const struct config_identity *id);
/** One selector: host, protocol, all ports. */
void ike_chain_ts(
	struct ike_chain *c, enum ike_payload_type type, const struct addr *host, uint8_t protocol);
/** The same for all hosts of that family: who answers says which. */
void ike_chain_ts_any(
	struct ike_chain *c, enum ike_payload_type type, enum addr_family family, uint8_t protocol);
void ike_chain_delete_esp(struct ike_chain *c, const uint32_t *spis, size_t n);
void ike_chain_delete_ike(struct ike_chain *c);

/** Write the final length into the header; returns bytes, or 0 when it did not fit. */
size_t ike_chain_finish(struct ike_chain *c);

#endif

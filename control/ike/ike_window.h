/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_WINDOW_H
#define CONTROL_IKE_IKE_WINDOW_H

/**
 * Message ids, retransmission, the reply cache (RFC 7296, 2.1 to 2.3) and the
 * fragments of one message (RFC 7383). Both windows are of size one. No I/O.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/base/cursor.h"
#include "control/ike/ike.h"

#define IKE_FRAGMENTS_MAX 32

/** Datagrams as they were sent, each with two octets of length ahead. Owns data. */
struct ike_packets {
	uint8_t *data;
	uint32_t bytes;
};

int ike_packets_add(struct ike_packets *p, const void *datagram, size_t n);
void ike_packets_free(struct ike_packets *p);
/** Next datagram of a walk (*at from 0), NULL at the end. */
const uint8_t *ike_packets_next(const struct ike_packets *p, uint32_t *at, size_t *n);

/** Plaintexts of the fragments of one message. */
struct ike_fragments {
	uint16_t total, have;
	uint8_t first_payload; /* told by fragment 1 */
	uint32_t bytes;
	struct ike_fragment {
		uint8_t *data;
		uint32_t bytes;
	} part[IKE_FRAGMENTS_MAX];
};

struct ike_window {
	uint32_t send_id; /* of our next request */
	uint32_t recv_id; /* of the peer's next request */

	struct ike_packets request; /* ours, while unanswered; id send_id - 1 */
	struct ike_path request_path;
	uint8_t sends;
	uint64_t sent_ms, retry_ms; /* first sent, next retransmission */
	uint32_t retransmissions;
	uint32_t rtt_ms;

	struct ike_packets reply;           /* to the peer's request recv_id - 1 */
	uint64_t mark;                      /* of that request */
	struct ike_fragments *fragments[2]; /* of a request, of a reply */
};

enum ike_window_verdict { WINDOW_NEW, WINDOW_AGAIN, WINDOW_OUTSIDE };

enum ike_window_verdict ike_window_request(const struct ike_window *w, uint32_t id);
bool ike_window_awaits(const struct ike_window *w, uint32_t id);

/** Of short octets, to find something by; not for protection. */
uint64_t ike_fingerprint(const void *data, size_t n);

/**
 * Tells a repeated protected message from another one: its last octets, which are of the
 * integrity check value. Only of one that was found authentic.
 */
uint64_t ike_window_mark(const uint8_t *msg, size_t n);

/** A new request of the peer was taken: forget the reply to the one before. */
void ike_window_taken(struct ike_window *w, uint64_t mark);

/** It was as good as lost: the same again will be new again. */
void ike_window_not_taken(struct ike_window *w);

/** Our request went out for the first time. */
void ike_window_sent(struct ike_window *w, const struct ike_path *path, uint64_t now_ms);
/** The answer came. */
void ike_window_answered(struct ike_window *w, uint64_t now_ms);
/** retry_ms has come: true = send again; false = given up. */
bool ike_window_retry(struct ike_window *w, uint64_t now_ms);

/**
 * Keep one decrypted fragment. Returns 1 when the message is complete (then joined
 * into room, *n set, fragments freed), 0 when more are needed, also after one that is
 * here already or late from a smaller set (RFC 7383, 2.6: dropped without a word),
 * -EBADMSG for a number or total that cannot be, -ENOMEM, -EMSGSIZE when it would not fit.
 */
int ike_fragment_add(struct ike_fragments **f, uint16_t number, uint16_t total, uint8_t inner,
	const uint8_t *plain, size_t bytes, uint8_t *room, size_t *n, uint8_t *first_payload);
void ike_fragments_free(struct ike_fragments **f);

void ike_window_clear(struct ike_window *w);

#endif

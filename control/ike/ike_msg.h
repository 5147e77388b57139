/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_MSG_H
#define CONTROL_IKE_IKE_MSG_H

/** Messages of an SA: sealed and sent, received and opened. */
#include "control/ike/ike_engine.h"

/** Begin the payloads of a protected message; one at a time. */
void ike_msg_begin(struct ike *ike, struct ike_chain *c);

/** Seal what was begun as answer to the peer's last request, keep and send it. */
int ike_msg_reply(struct ike_sa *sa, struct ike_chain *c, enum ike_exchange_type type,
	const struct ike_path *path);
/** An answer of one notify, or of nothing for type 0. */
int ike_msg_reply_notify(struct ike_sa *sa, enum ike_exchange_type type,
	const struct ike_path *path, uint16_t notify, const void *data, size_t n);
/** Seal what was begun as our next request, keep, send and repeat it. */
int ike_msg_request(
	struct ike_sa *sa, struct ike_chain *c, enum ike_exchange_type type, uint64_t now_ms);

/**
 * Seal n octets of payloads, the type of the first in plain_first, as one datagram more
 * in to; fragments 0 = not fragmented. 0, -EMSGSIZE or another negative errno.
 */
int ike_msg_seal(struct ike_sa *sa, const struct ike_header *h, const uint8_t *from, size_t n,
	uint16_t fragment, uint16_t fragments, struct ike_packets *to);

/** Send a stored message, for the first time or once more; ike_msg_send_of(): of this SA. */
void ike_msg_send(struct ike *ike, const struct ike_packets *p, const struct ike_path *path);
void ike_msg_send_of(struct ike_sa *sa, const struct ike_packets *p, const struct ike_path *path);

/** One notify, unprotected: an answer to the header given, or of our own (response false). */
void ike_msg_bare_notify(struct ike *ike, const struct ike_header *h, const struct ike_path *path,
	bool response, uint16_t notify, const void *data, size_t n);

/**
 * Verify and open a protected message into out (which points into the engine's
 * buffers). Returns 1; 0 when it is a fragment and more are missing; -EBADMSG with
 * *authentic telling whether the peer wrote it, or another negative errno.
 */
int ike_msg_open(struct ike_sa *sa, const uint8_t *bytes, size_t n, const struct ike_header *h,
	struct ike_payloads *out, bool *authentic);

/** The peer's last request came once more: repeat the answer, if it is really the same. */
void ike_msg_repeated(struct ike_sa *sa, const uint8_t *bytes, size_t n, const struct ike_header *h,
	const struct ike_path *path);

#endif

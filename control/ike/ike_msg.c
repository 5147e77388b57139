/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_msg.h"

#include <errno.h>

void
ike_msg_begin(struct ike *ike, struct ike_chain *c)
{
	ike_chain_bare(c, ike->plain, sizeof(ike->plain), &ike->plain_first);
}

void
ike_msg_send(struct ike *ike, const struct ike_packets *p, const struct ike_path *path)
{
	const uint8_t *d;
	uint32_t at = 0;
	size_t n;

	while ((d = ike_packets_next(p, &at, &n)) != NULL) {
		ike->totals.tx++;
		ike->ops->send(ike->user, path, d, n);
	}
}

static struct ike_header
header_of(const struct ike_sa *sa, enum ike_exchange_type type, uint8_t flags, uint32_t id)
{
	return (struct ike_header){
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = (uint8_t)type,
		.flags = (uint8_t)(flags | (sa->initiator ? FLAG_INITIATOR : 0)),
		.id = id,
	};
}

int
ike_msg_seal(struct ike_sa *sa, const struct ike_header *h, const uint8_t *from, size_t n,
	uint16_t fragment, uint16_t fragments, struct ike_packets *to)
{
	struct ike *ike = sa->ike;
	size_t body = ike_aead_sealed_bytes(sa->keys.send, n);
	struct ike_chain c;
	uint8_t *room;

	ike_chain_message(&c, ike->out, sizeof(ike->out), h);
	ike_chain_open(&c, fragments == 0 ? PAYLOAD_SK : PAYLOAD_SKF);
	*c.next = fragment <= 1 ? ike->plain_first : PAYLOAD_NONE;
	if (fragments != 0) {
		wr_be16(&c.w, fragment);
		wr_be16(&c.w, fragments);
	}
	size_t head = wr_used(&c.w);

	room = wr_room(&c.w, body);
	if (room == NULL)
		return -EMSGSIZE;
	memcpy(room + ike_aead_iv_bytes(sa->keys.send), from, n);
	ike_chain_close(&c);
	size_t total = ike_chain_finish(&c);
	int err = ike_aead_seal(sa->keys.send, ike->out, sizeof(ike->out), head, n);

	return err != 0 ? err : ike_packets_add(to, ike->out, total);
}

static int
seal(struct ike_sa *sa, struct ike_chain *c, const struct ike_header *h, struct ike_packets *to)
{
	const uint8_t *plain = sa->ike->plain;
	size_t n = wr_used(&c->w);
	size_t room = sa->ike->limits.fragment_bytes - IKE_HEADER_BYTES - IKE_SKF_BYTES -
		IKE_AEAD_MAX_OVERHEAD;
	int err = 0;

	if (c->w.full)
		return -EMSGSIZE;
	ike_packets_free(to);
	if (!sa->fragments || n <= room)
		return ike_msg_seal(sa, h, plain, n, 0, 0, to);
	uint16_t fragments = (uint16_t)((n + room - 1) / room);

	for (uint16_t i = 0; err == 0 && i < fragments; i++) {
		size_t at = i * room;

		err = ike_msg_seal(sa, h, plain + at, n - at < room ? n - at : room,
			(uint16_t)(i + 1), fragments, to);
	}
	return err;
}

void
ike_msg_send_of(struct ike_sa *sa, const struct ike_packets *p, const struct ike_path *path)
{
	if (sa->peer != NULL)
		ike_peer_sent(sa->peer, path, sa->ike->now_ms);
	ike_msg_send(sa->ike, p, path);
}

int
ike_msg_reply(struct ike_sa *sa, struct ike_chain *c, enum ike_exchange_type type,
	const struct ike_path *path)
{
	struct ike_header h = header_of(sa, type, FLAG_RESPONSE, sa->window.recv_id - 1);
	int err = seal(sa, c, &h, &sa->window.reply);

	if (err == 0)
		ike_msg_send_of(sa, &sa->window.reply, path);
	return err;
}

int
ike_msg_reply_notify(struct ike_sa *sa, enum ike_exchange_type type, const struct ike_path *path,
	uint16_t notify, const void *data, size_t n)
{
	struct ike_chain c;

	ike_msg_begin(sa->ike, &c);
	if (notify != 0)
		ike_chain_notify(&c, notify, data, n);
	return ike_msg_reply(sa, &c, type, path);
}

int
ike_msg_request(
	struct ike_sa *sa, struct ike_chain *c, enum ike_exchange_type type, uint64_t now_ms)
{
	struct ike_header h = header_of(sa, type, 0, sa->window.send_id);
	int err = seal(sa, c, &h, &sa->window.request);

	if (err != 0)
		return err;
	ike_window_sent(&sa->window, &sa->path, now_ms);
	ike_msg_send_of(sa, &sa->window.request, &sa->path);
	return 0;
}

void
ike_msg_bare_notify(struct ike *ike, const struct ike_header *h, const struct ike_path *path,
	bool response, uint16_t notify, const void *data, size_t n)
{
	struct ike_header reply = *h;
	struct ike_chain c;

	reply.flags =
		response ? (uint8_t)(FLAG_RESPONSE | (~h->flags & FLAG_INITIATOR)) : FLAG_INITIATOR;
	ike_chain_message(&c, ike->out, sizeof(ike->out), &reply);
	ike_chain_notify(&c, notify, data, n);
	size_t bytes = ike_chain_finish(&c);

	if (bytes == 0)
		return;
	ike->totals.tx++;
	ike->ops->send(ike->user, path, ike->out, bytes);
}

static int
fragment_take(struct ike_sa *sa, const struct ike_header *h, const struct ike_payloads *outer,
	const uint8_t *plain, size_t bytes, struct ike_payloads *out)
{
	struct ike_fragments **set = &sa->window.fragments[(h->flags & FLAG_RESPONSE) != 0];
	uint8_t first;
	size_t n;
	int got;

	if (!sa->fragments)
		return -EBADMSG;
	got = ike_fragment_add(set, outer->fragment, outer->fragments, outer->sk_inner, plain,
		bytes, sa->ike->joined, &n, &first);
	if (got <= 0)
		return got;
	return ike_payloads_read(first, sa->ike->joined, n, out) == 0 ? 1 : -EBADMSG;
}

/** Check and decrypt into the engine's buffer. */
static int
verify(struct ike_sa *sa, const uint8_t *bytes, size_t n, const struct ike_header *h,
	struct ike_payloads *outer, struct ike_view *plain)
{
	struct ike *ike = sa->ike;
	uint8_t *at;

	if (n > sizeof(ike->in) || sa->keys.recv == NULL)
		return -EBADMSG;
	memcpy(ike->in, bytes, n);
	if (ike_payloads_read(h->next_payload, ike->in + IKE_HEADER_BYTES, n - IKE_HEADER_BYTES,
		    outer) != 0 ||
		outer->sk_type == 0)
		return -EBADMSG;
	size_t head = (size_t)(outer->sk.data - ike->in);

	if (ike_aead_open(sa->keys.recv, ike->in, n, head, &at, &plain->bytes) != 0) {
		ike->totals.dropped_integrity++;
		if (sa->setup != NULL)
			sa->setup->garbled = true;
		return -EBADMSG;
	}
	plain->data = at;
	return 0;
}

int
ike_msg_open(struct ike_sa *sa, const uint8_t *bytes, size_t n, const struct ike_header *h,
	struct ike_payloads *out, bool *authentic)
{
	struct ike_payloads outer;
	struct ike_view plain;

	*authentic = verify(sa, bytes, n, h, &outer, &plain) == 0;
	if (!*authentic)
		return -EBADMSG;
	if (outer.sk_type == PAYLOAD_SKF)
		return fragment_take(sa, h, &outer, plain.data, plain.bytes, out);
	return ike_payloads_read(outer.sk_inner, plain.data, plain.bytes, out) == 0 ? 1 : -EBADMSG;
}

void
ike_msg_repeated(struct ike_sa *sa, const uint8_t *bytes, size_t n, const struct ike_header *h,
	const struct ike_path *path)
{
	struct ike_payloads outer;
	struct ike_view plain;

	if (verify(sa, bytes, n, h, &outer, &plain) != 0)
		return;
	/* Of a fragmented request the first fragment stands for all (RFC 7383, 2.6.1). */
	if (outer.sk_type == PAYLOAD_SKF ? outer.fragment != 1
					 : ike_window_mark(bytes, n) != sa->window.mark) {
		sa->ike->totals.dropped_window++;
		return;
	}
	if (sa->window.reply.data == NULL) /* still being worked on */
		return;
	sa->ike->totals.replayed_replies++;
	ike_msg_send_of(sa, &sa->window.reply, path);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_window.h"

#include <errno.h>
#include <stdlib.h>

#include "control/ike/ike_wire.h"
#include "crypto/secret.h"

/* 1, 2, 4, 8, 8, 8: a silent peer is given up after 31 s. */
#define RETRY_FIRST_MS   1000u
#define RETRY_LONGEST_MS 8000u
#define SENDS_MAX        6

int
ike_packets_add(struct ike_packets *p, const void *datagram, size_t n)
{
	if (n > UINT16_MAX)
		return -EMSGSIZE;
	uint8_t *data = realloc(p->data, p->bytes + 2 + n);

	if (data == NULL)
		return -ENOMEM;
	data[p->bytes] = (uint8_t)(n >> 8);
	data[p->bytes + 1] = (uint8_t)n;
	memcpy(data + p->bytes + 2, datagram, n);
	p->data = data;
	p->bytes += (uint32_t)(2 + n);
	return 0;
}

void
ike_packets_free(struct ike_packets *p)
{
	free(p->data);
	*p = (struct ike_packets){ 0 };
}

const uint8_t *
ike_packets_next(const struct ike_packets *p, uint32_t *at, size_t *n)
{
	if (*at >= p->bytes)
		return NULL;
	const uint8_t *d = p->data + *at;

	*n = (size_t)(d[0] << 8 | d[1]);
	*at += (uint32_t)(2 + *n);
	return d + 2;
}

enum ike_window_verdict
ike_window_request(const struct ike_window *w, uint32_t id)
{
	if (id == w->recv_id)
		return WINDOW_NEW;
	return w->recv_id > 0 && id == w->recv_id - 1 ? WINDOW_AGAIN : WINDOW_OUTSIDE;
}

bool
ike_window_awaits(const struct ike_window *w, uint32_t id)
{
	return w->request.data != NULL && id + 1 == w->send_id;
}

uint64_t
ike_fingerprint(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

uint64_t
ike_window_mark(const uint8_t *msg, size_t n)
{
	uint64_t mark = 0;

	memcpy(&mark, msg + n - sizeof(mark), sizeof(mark)); /* a header is longer */
	return mark;
}

void
ike_window_taken(struct ike_window *w, uint64_t mark)
{
	w->recv_id++;
	w->mark = mark;
	ike_packets_free(&w->reply);
	ike_fragments_free(&w->fragments[0]);
}

void
ike_window_not_taken(struct ike_window *w)
{
	w->recv_id--;
}

void
ike_window_sent(struct ike_window *w, const struct ike_path *path, uint64_t now_ms)
{
	w->send_id++;
	w->request_path = *path;
	w->sends = 1;
	w->sent_ms = now_ms;
	w->retry_ms = now_ms + RETRY_FIRST_MS;
}

void
ike_window_answered(struct ike_window *w, uint64_t now_ms)
{
	if (w->sends == 1)
		w->rtt_ms = (uint32_t)(now_ms - w->sent_ms);
	ike_packets_free(&w->request);
	ike_fragments_free(&w->fragments[1]);
	w->retry_ms = IKE_TIMER_NEVER;
}

bool
ike_window_retry(struct ike_window *w, uint64_t now_ms)
{
	uint64_t wait_ms = (uint64_t)RETRY_FIRST_MS << w->sends;

	if (w->sends == SENDS_MAX)
		return false;
	w->sends++;
	w->retransmissions++;
	w->retry_ms = now_ms + (wait_ms < RETRY_LONGEST_MS ? wait_ms : RETRY_LONGEST_MS);
	return true;
}

void
ike_fragments_free(struct ike_fragments **f)
{
	if (*f == NULL)
		return;
	for (unsigned i = 0; i < IKE_FRAGMENTS_MAX; i++) {
		if ((*f)->part[i].data == NULL)
			continue;
		secret_wipe_bytes((*f)->part[i].data, (*f)->part[i].bytes);
		free((*f)->part[i].data);
	}
	free(*f);
	*f = NULL;
}

static void
fragments_join(const struct ike_fragments *f, uint8_t *room, size_t *n)
{
	*n = 0;
	for (unsigned i = 0; i < f->total; i++) {
		memcpy(room + *n, f->part[i].data, f->part[i].bytes);
		*n += f->part[i].bytes;
	}
}

/** RFC 7383, 2.6: a set with a larger total replaces the one begun, a smaller one is old. */
static int
fragments_begin(struct ike_fragments **f, uint16_t total)
{
	if (*f != NULL && total > (*f)->total)
		ike_fragments_free(f);
	if (*f == NULL) {
		*f = calloc(1, sizeof(**f));
		if (*f == NULL)
			return -ENOMEM;
		(*f)->total = total;
	}
	return 0;
}

int
ike_fragment_add(struct ike_fragments **f, uint16_t number, uint16_t total, uint8_t inner,
	const uint8_t *plain, size_t bytes, uint8_t *room, size_t *n, uint8_t *first_payload)
{
	if (total > IKE_FRAGMENTS_MAX || number == 0 || number > total || bytes == 0)
		return -EBADMSG;
	int err = fragments_begin(f, total);

	if (err != 0)
		return err;
	struct ike_fragment *part = &(*f)->part[number - 1];

	if (total < (*f)->total || part->data != NULL)
		return 0;
	if ((*f)->bytes + bytes > IKE_MSG_MAX)
		return -EMSGSIZE;
	part->data = malloc(bytes);
	if (part->data == NULL)
		return -ENOMEM;
	memcpy(part->data, plain, bytes);
	part->bytes = (uint32_t)bytes;
	(*f)->bytes += (uint32_t)bytes;
	if (number == 1)
		(*f)->first_payload = inner;
	if (++(*f)->have < total)
		return 0;
	fragments_join(*f, room, n);
	*first_payload = (*f)->first_payload;
	ike_fragments_free(f);
	return 1;
}

void
ike_window_clear(struct ike_window *w)
{
	ike_packets_free(&w->request);
	ike_packets_free(&w->reply);
	ike_fragments_free(&w->fragments[0]);
	ike_fragments_free(&w->fragments[1]);
}

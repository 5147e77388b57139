/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_init.h"
#include "control/ike/ike_msg.h"

#define TELL_MS 5000u /* unprotected notifies to one source: one in so long */

/** True when this source was not told something unprotected lately. */
static bool
may_tell(struct ike *ike, const struct ike_path *path, uint64_t now_ms)
{
	uint32_t bucket = ike_source_bucket(ike, &path->remote, path->remote_port);
	uint64_t *last = &ike->told_ms[bucket];

	if (*last != 0 && now_ms < *last + TELL_MS)
		return false;
	*last = now_ms + 1;
	return true;
}

void
ike_unknown_spi(struct ike *ike, const struct ike_path *path, uint32_t spi, uint64_t now_ms)
{
	struct ike_header h = { .exchange = EXCHANGE_INFORMATIONAL };
	struct ike_path to = *path;
	uint8_t data[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8),
		(uint8_t)spi };

	if (!may_tell(ike, path, now_ms))
		return;
	if (!path->natt)
		to.local_port = to.remote_port = IKE_PORT;
	ike_msg_bare_notify(ike, &h, &to, false, N_INVALID_SPI, data, sizeof(data));
	struct ike_event *e = ike_event_begin(ike, IKE_REASON_INVALID_SPI, path);

	e->notify = N_INVALID_SPI;
	snprintf(e->detail, sizeof(e->detail), "ESP with SPI 0x%08x, which nobody has here", spi);
	ike_event_send(ike, e, now_ms);
}

static void
refuse_version(
	struct ike *ike, const struct ike_header *h, const struct ike_path *path, uint64_t now_ms)
{
	if (h->version >> 4 == 1) {
		ike->totals.dropped_ikev1++;
		struct ike_event *e = ike_event_begin(ike, IKE_REASON_IKEV1, path);

		ike_event_send(ike, e, now_ms);
		return;
	}
	ike->totals.dropped_malformed++;
	if ((h->flags & FLAG_RESPONSE) == 0 && may_tell(ike, path, now_ms))
		ike_msg_bare_notify(ike, h, path, true, N_INVALID_MAJOR_VERSION, NULL, 0);
}

/** Which event a request is; false for one that belongs to no exchange. */
static bool
request_event(const struct ike_msg *m, enum ike_ev *ev)
{
	struct cursor c;
	bool rekey_ike;

	switch (m->h.exchange) {
	case EXCHANGE_AUTH:
		*ev = EV_AUTH_REQ;
		return true;
	case EXCHANGE_CREATE_CHILD:
		c = cur_over(m->p.sa.data, m->p.sa.bytes);
		cur_skip(&c, 5);
		rekey_ike = m->p.sa.data != NULL && cur_u8(&c) == PROTO_IKE;
		*ev = rekey_ike ? EV_REKEY_REQ : EV_CHILD_REQ;
		return true;
	case EXCHANGE_INFORMATIONAL:
		*ev = EV_INFO_REQ;
		for (unsigned i = 0; i < m->p.deletes; i++)
			if (m->p.del[i].protocol == PROTO_IKE)
				*ev = EV_DELETE_REQ;
		return true;
	default:
		return false;
	}
}

/** It came authenticated and for the first time: the peer is alive, and there. */
static void
fresh(struct ike_sa *sa, const struct ike_msg *m, uint64_t now_ms)
{
	if (sa->peer == NULL)
		return;
	ike_peer_alive(sa->peer, now_ms);
	if (sa->peer->sa == sa)
		ike_peer_move(sa->peer, &m->path, now_ms);
}

static void
refuse_request(struct ike_sa *sa, const struct ike_msg *m, uint16_t notify, uint64_t now_ms)
{
	struct ike_event *e = ike_event_begin(sa->ike,
		notify == N_INVALID_SYNTAX ? IKE_REASON_MALFORMED : IKE_REASON_UNKNOWN_CRITICAL,
		&m->path);

	e->session = sa->session;
	e->notify = notify;
	ike_event_send(sa->ike, e, now_ms);
	ike_msg_reply_notify(sa, (enum ike_exchange_type)m->h.exchange, &m->path, notify,
		&m->p.critical, notify == N_UNSUPPORTED_CRITICAL_PAYLOAD ? 1 : 0);
}

/** Until it is proven, a peer stays at the address it began from, unless a NAT was seen. */
static bool
may_come_from(const struct ike_sa *sa, const struct addr *remote)
{
	return sa->peer != NULL || sa->nat_remote || addr_equal(&sa->path.remote, remote);
}

static void
request_in(struct ike_sa *sa, struct ike_msg *m, uint64_t now_ms)
{
	struct ike *ike = sa->ike;
	enum ike_ev ev = EV_COUNT;
	bool authentic;

	switch (ike_window_request(&sa->window, m->h.id)) {
	case WINDOW_OUTSIDE:
		ike->totals.dropped_window++;
		return;
	case WINDOW_AGAIN:
		ike_msg_repeated(sa, m->bytes, m->n, &m->h, &m->path);
		return;
	case WINDOW_NEW:
		break;
	}
	/* One at a time; it will be repeated. */
	if (sa->theirs != NULL || !may_come_from(sa, &m->path.remote)) {
		ike->totals.dropped_window++;
		return;
	}
	int got = ike_msg_open(sa, m->bytes, m->n, &m->h, &m->p, &authentic);

	if (got == 0 || !authentic)
		return;
	if (got > 0 && (!request_event(m, &ev) || !ike_step_has(sa, ev))) {
		ike->totals.dropped_window++;
		return;
	}
	if (got < 0 && sa->peer == NULL) {
		ike->totals.dropped_malformed++;
		return;
	}
	ike_window_taken(&sa->window, ike_window_mark(m->bytes, m->n));
	fresh(sa, m, now_ms);
	if (sa->peer != NULL && sa->peer->sa == sa) /* on a replaced one it says nothing of this */
		ike_peer_has_answer(sa->peer);
	if (got < 0)
		refuse_request(sa, m, N_INVALID_SYNTAX, now_ms);
	else if (m->p.critical != 0)
		refuse_request(sa, m, N_UNSUPPORTED_CRITICAL_PAYLOAD, now_ms);
	else if (ike_step(sa, ev, m, now_ms) == -EAGAIN)
		ike_window_not_taken(&sa->window);
}

static void
response_in(struct ike_sa *sa, struct ike_msg *m, uint64_t now_ms)
{
	enum ike_ev ev = m->h.exchange == EXCHANGE_AUTH ? EV_AUTH_RESP : EV_TASK_RESP;
	bool authentic;

	if (!ike_window_awaits(&sa->window, m->h.id)) {
		sa->ike->totals.dropped_window++;
		return;
	}
	int got = ike_msg_open(sa, m->bytes, m->n, &m->h, &m->p, &authentic);

	if (got == 0 || !authentic)
		return;
	if (got < 0 || !ike_step_has(sa, ev)) {
		sa->ike->totals.dropped_malformed++;
		return;
	}
	fresh(sa, m, now_ms);
	ike_step(sa, ev, m, now_ms);
}

static void
first_exchange(struct ike *ike, struct ike_msg *m, uint64_t now_ms)
{
	bool response = (m->h.flags & FLAG_RESPONSE) != 0;
	struct ike_sa *sa;

	if (m->h.id != 0 ||
		ike_payloads_read(m->h.next_payload, m->bytes + IKE_HEADER_BYTES,
			m->n - IKE_HEADER_BYTES, &m->p) != 0) {
		ike->totals.dropped_malformed++;
		return;
	}
	if (!response && (m->h.flags & FLAG_INITIATOR) && m->h.spi_r == 0 && m->h.spi_i != 0) {
		ike_init_request(ike, m, now_ms);
		return;
	}
	sa = map_get(&ike->by_spi, m->h.spi_i);
	if (!response || sa == NULL || !sa->initiator || sa->state != IKE_I_INIT ||
		!ike_window_awaits(&sa->window, 0) ||
		!addr_equal(&sa->path.remote, &m->path.remote)) {
		ike->totals.dropped_unknown_sa++;
		return;
	}
	ike_step(sa, EV_INIT_RESP, m, now_ms);
}

static void
unknown_sa(struct ike *ike, const struct ike_msg *m, uint64_t now_ms)
{
	ike->totals.dropped_unknown_sa++;
	if ((m->h.flags & FLAG_RESPONSE) != 0 || !may_tell(ike, &m->path, now_ms))
		return;
	ike_msg_bare_notify(ike, &m->h, &m->path, true, N_INVALID_IKE_SPI, NULL, 0);
}

static void
dispatch(struct ike *ike, struct ike_msg *m, uint64_t now_ms)
{
	bool from_initiator = (m->h.flags & FLAG_INITIATOR) != 0;
	struct ike_sa *sa;

	if (m->h.version >> 4 != 2) {
		refuse_version(ike, &m->h, &m->path, now_ms);
		return;
	}
	if (m->h.exchange == EXCHANGE_SA_INIT) {
		first_exchange(ike, m, now_ms);
		return;
	}
	sa = map_get(&ike->by_spi, from_initiator ? m->h.spi_r : m->h.spi_i);
	if (sa == NULL || sa->initiator == from_initiator || sa->state == IKE_DEAD ||
		(from_initiator ? sa->spi_i != m->h.spi_i : sa->spi_r != m->h.spi_r)) {
		unknown_sa(ike, m, now_ms);
		return;
	}
	if (m->h.flags & FLAG_RESPONSE)
		response_in(sa, m, now_ms);
	else
		request_in(sa, m, now_ms);
}

void
ike_input(
	struct ike *ike, const struct ike_path *path, const uint8_t *msg, size_t n, uint64_t now_ms)
{
	struct ike_msg m = { .path = *path, .bytes = msg, .n = n };

	ike->now_ms = now_ms;
	ike->totals.rx++;
	if (n > IKE_MSG_MAX || ike_header_read(msg, n, &m.h) != 0) {
		ike->totals.dropped_malformed++;
		return;
	}
	dispatch(ike, &m, now_ms);
	ike_settle(ike, now_ms);
}

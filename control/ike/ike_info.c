/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"

#define TAKEN_BACK_MS 1000u
#define DELETES_TOLD  64 /* SPIs of one answer; more children than that has nobody */

/**
 * Made by the peer's request, and deleted in the first second without a packet: it has no other way
 * to say that it does not like our answer.
 */
static bool
taken_back(const struct ike_child *c, uint64_t now_ms)
{
	return !c->initiator && c->replaces == 0 && c->state == CHILD_UP && !c->used &&
		now_ms < c->created_ms + TAKEN_BACK_MS;
}

/**
 * libreswan wants back the selectors that it sent, though RFC 7296, 2.23.1 has them replaced in
 * transport mode through a NAT: when it asks again it gets them.
 */
static void
taken_back_tell(struct ike_sa *sa, const struct ike_msg *in, bool transport, uint64_t now_ms)
{
	struct ike_peer *p = sa->peer;

	p->ts_as_sent = transport && (p->nat_local || p->nat_remote);
	struct ike_event *e = ike_event_of_peer(sa, IKE_REASON_CHILD_TAKEN_BACK, &in->path, 0);

	ike_event_send(sa->ike, e, now_ms);
}

/** Close the children a delete names; collects our halves for the answer. */
static size_t
children_delete(struct ike_sa *sa, const struct ike_msg *in, const struct ike_delete *d,
	uint32_t *spis, size_t room, uint64_t now_ms)
{
	struct cursor c = cur_over(d->spis.data, d->spis.bytes);
	size_t n = 0;

	for (unsigned i = 0; i < d->count && n < room; i++) {
		struct ike_child *child = ike_child_by_spi_out(sa->peer, cur_be32(&c));

		if (child == NULL)
			continue;
		/* Deleted by both at once: each names its own half in its own request. */
		if (child->state != CHILD_DELETING)
			spis[n++] = child->spi_in;
		bool rekeyed = child->state == CHILD_REPLACED || child->successor != 0 ||
			(child->state == CHILD_DELETING && child->reason == IKE_REASON_REKEYED);

		if (taken_back(child, now_ms))
			taken_back_tell(sa, in, child->transport, now_ms);
		ike_child_drop(
			child, rekeyed ? IKE_REASON_REKEYED : IKE_REASON_PEER_DELETED, now_ms);
	}
	return n;
}

int
ike_info_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	uint32_t spis[DELETES_TOLD];
	size_t n = 0;
	struct ike_chain c;

	for (unsigned i = 0; i < in->p.deletes && sa->peer != NULL; i++)
		if (in->p.del[i].protocol == PROTO_ESP && in->p.del[i].spi_bytes == 4)
			n += children_delete(
				sa, in, &in->p.del[i], spis + n, DELETES_TOLD - n, now_ms);
	ike_msg_begin(sa->ike, &c);
	if (n > 0)
		ike_chain_delete_esp(&c, spis, n);
	ike_msg_reply(sa, &c, EXCHANGE_INFORMATIONAL, &in->path);
	return 0;
}

int
ike_delete_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	if (sa->reason == IKE_REASON_NONE)
		sa->reason = IKE_REASON_PEER_DELETED;
	ike_msg_reply_notify(sa, EXCHANGE_INFORMATIONAL, &in->path, 0, NULL, 0);
	ike_exchange_free(sa->ours);
	ike_packets_free(&sa->window.request);
	sa->window.retry_ms = IKE_TIMER_NEVER;
	return 0;
}

static int
delete_send(struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_chain c;

	sa->delete_sent = true;
	ike_msg_begin(sa->ike, &c);
	ike_chain_delete_ike(&c);
	return ike_msg_request(sa, &c, EXCHANGE_INFORMATIONAL, now_ms);
}

/** What is open has to be answered first: the peer takes no second request before. */
int
ike_close_ask(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	ike_exchange_free(sa->ours);
	ike_exchange_free(sa->theirs);
	if (sa->window.request.data != NULL && !sa->ike->closing)
		return 0;
	return delete_send(sa, now_ms);
}

int
ike_close_answered(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	bool was_delete = sa->delete_sent;

	ike_window_answered(&sa->window, now_ms);
	if (was_delete)
		return 0;
	int err = delete_send(sa, now_ms);

	return err != 0 ? err : -EAGAIN;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hub answers to requests that come at a bad moment, or are of a kind a polite
 * peer would not send: rekeys and deletes that cross, twice, of unknown SAs. The spoke's
 * requests are written by hand over a session that two engines brought up.
 */
#include "control/ike/ike_child.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */
static struct ike_chain c;
static struct ike_payloads reply; /* of the hub, decrypted */

static void
up(void)
{
	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(net_agrees(&n));
	n.esp_lost = 0;
}

/** Read what the hub sent last. */
static void
reply_read(void)
{
	static uint8_t msg[8192];
	struct ike_payloads outer;
	struct ike_header h;
	uint8_t *plain;
	size_t bytes;

	memset(&reply, 0, sizeof(reply));
	memcpy(msg, n.hub.last, n.hub.last_bytes);
	CHECK_EQ(ike_header_read(msg, n.hub.last_bytes, &h), 0);
	CHECK_EQ(ike_payloads_read(h.next_payload, msg + 28, n.hub.last_bytes - 28, &outer), 0);
	if (ike_aead_open(net_sa(&n.spoke)->keys.recv, msg, n.hub.last_bytes,
		    (size_t)(outer.sk.data - msg), &plain, &bytes) != 0 ||
		ike_payloads_read(outer.sk_inner, plain, bytes, &reply) != 0)
		CHECK(!"readable");
}

static void
begin(void)
{
	ike_msg_begin(n.spoke.ike, &c);
}

/** Send what was begun and read the answer. */
static void
ask(enum ike_exchange_type exchange)
{
	struct ike_sa *sa = net_sa(&n.spoke);

	sa->window.retry_ms = IKE_TIMER_NEVER;
	CHECK_EQ(ike_msg_request(sa, &c, exchange, n.now_ms), 0);
	net_run(&n, 50);
	reply_read();
}

static uint16_t
notify(void)
{
	return reply.notifies > 0 ? reply.notify[0].type : 0;
}

/** A CREATE_CHILD_SA request; spi 0: without REKEY_SA. group 0: no key exchange. */
static void
ask_child(uint32_t rekeyed, uint32_t spi, bool transport, uint16_t offer, const char *ts)
{
	struct ike_suite suite = net_child(&n.spoke)->suite;
	uint8_t nonce[32] = { (uint8_t)spi, 1, 2, 3 }, ke[256] = { 9 };
	struct addr remote;

	suite.number = 0;
	suite.dh = offer;
	addr_parse(ts, &remote);
	begin();
	if (rekeyed != 0)
		ike_chain_notify_esp(&c, N_REKEY_SA, rekeyed);
	if (transport)
		ike_chain_notify(&c, N_USE_TRANSPORT_MODE, NULL, 0);
	ike_suites_write(&c, PROTO_ESP, &suite, 1, spi, 4);
	ike_chain_put(&c, PAYLOAD_NONCE, nonce, sizeof(nonce));
	if (offer != 0)
		ike_chain_ke(&c, 14, ke, sizeof(ke)); /* whatever was offered */
	ike_chain_ts(&c, PAYLOAD_TSI, &remote, 47);
	ike_chain_ts(&c, PAYLOAD_TSR, &n.hub.addr, 47);
	ask(EXCHANGE_CREATE_CHILD);
}

static void
rekey_of_unknown_spi(void)
{
	up();
	ask_child(0xdeadbeef, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_CHILD_SA_NOT_FOUND);
	CHECK_EQ(reply.notify[0].protocol, PROTO_ESP);
	CHECK(reply.notify[0].spi.bytes == 4 && reply.notify[0].spi.data[0] == 0xde);
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK_EQ(n.hub.installs, 1);
	/* Told so ourselves: the stale SA goes, the session stays. */
	ike_child_drop(net_child(&n.spoke), IKE_REASON_PEER_DELETED, n.now_ms);
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	net_run(&n, 2000);
	CHECK_EQ(net_children(&n.hub), 0);
	CHECK_EQ(n.hub.child[0].reason, IKE_REASON_PEER_DELETED);
	CHECK_EQ(n.hub.downs, 0);
	CHECK_EQ(n.hub.spis, 0);
	net_end(&n);
}

static void
rekey_of_a_protocol_that_is_not_esp(void)
{
	struct ike_child *old;

	up();
	old = net_child(&n.spoke);
	begin();
	ike_chain_notify_esp(&c, N_REKEY_SA, old->spi_in);
	n.spoke.ike->plain[4] = PROTO_AH; /* behind the payload's header */
	ike_suites_write(&c, PROTO_ESP, &old->suite, 1, 0x7001, 4);
	ike_chain_put(&c, PAYLOAD_NONCE, "0123456789abcdef", 16);
	ask(EXCHANGE_CREATE_CHILD);
	CHECK_EQ(notify(), N_CHILD_SA_NOT_FOUND);
	net_end(&n);
}

static void
second_rekey_of_one_sa(void)
{
	uint32_t old;

	up();
	old = net_child(&n.spoke)->spi_in;
	ask_child(old, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_USE_TRANSPORT_MODE);
	CHECK_EQ(net_children(&n.hub), 2);
	ask_child(old, 0x7002, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(net_children(&n.hub), 2);
	net_run(&n, 40000); /* nobody deletes the old one: we do after 30 s */
	CHECK_EQ(net_children(&n.hub), 1);
	net_end(&n);
}

static void
rekey_of_what_we_delete(void)
{
	struct ike_child *old;
	uint32_t spi;

	up();
	spi = net_child(&n.spoke)->spi_in;
	old = net_child(&n.hub);
	n.cut = true;
	old->want_delete = true;
	old->reason = IKE_REASON_LIFETIME;
	ike_task_next(old->peer->sa, n.now_ms);
	CHECK_EQ(old->state, CHILD_DELETING);
	n.cut = false;
	ask_child(spi, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(n.hub.installs, 1);
	ike_sa_arm(net_sa(&n.hub));
	net_run(&n, 5000);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);
}

static void
delete_of_what_we_rekey(void)
{
	uint32_t spi, ours;

	up();
	spi = net_child(&n.spoke)->spi_in;
	ours = net_child(&n.hub)->spi_in;
	n.cut = true;
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	CHECK_EQ(net_child(&n.hub)->next->state, CHILD_REKEYING);
	n.cut = false;
	ike_child_drop(net_child(&n.spoke), IKE_REASON_PEER_DELETED, n.now_ms);
	begin();
	ike_chain_delete_esp(&c, &spi, 1);
	ask(EXCHANGE_INFORMATIONAL);
	CHECK_EQ(reply.deletes, 1);
	struct cursor at = cur_over(reply.del[0].spis.data, reply.del[0].spis.bytes);

	CHECK_EQ(cur_be32(&at), ours);
	net_run(&n, 5000); /* the repeated rekey meets nothing */
	CHECK_EQ(net_children(&n.hub), 0);
	CHECK_EQ(n.hub.spis, 0);
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	net_end(&n);
}

/** ke: group of the KE payload, 0 = the one offered. */
static void
ask_ike_rekey(uint16_t ke)
{
	struct ike_sa *sa = net_sa(&n.spoke);
	struct ike_suite suite = sa->suite;
	struct dh *dh = NULL;

	suite.number = 0;
	ke = ke != 0 ? ke : suite.dh;
	CHECK_EQ(dh_new(ke, &dh), 0);
	begin();
	ike_suites_write(&c, PROTO_IKE, &suite, 1, 0x1122334455667788, 8);
	ike_chain_put(&c, PAYLOAD_NONCE, "0123456789abcdef", 16);
	ike_chain_ke(&c, ke, dh_public(dh), dh_alg(dh)->public_bytes);
	dh_free(dh);
	ask(EXCHANGE_CREATE_CHILD);
}

/** While a child is in work the IKE SA stays, and the other way round. */
static void
ike_rekey_meets_child_rekey(void)
{
	struct ike_totals t;

	up();
	n.cut = true;
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	n.cut = false;
	ask_ike_rekey(0);
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	net_run(&n, 5000);
	CHECK_EQ(net_children(&n.hub), 1);
	net_end(&n);

	up();
	n.cut = true;
	net_sa(&n.hub)->want_rekey = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	ike_settle(n.hub.ike, n.now_ms);
	CHECK_EQ(net_sa(&n.hub)->ours->task, TASK_REKEY_IKE);
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms); /* waits its turn */
	n.cut = false;
	ask_child(net_child(&n.spoke)->spi_in, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(n.hub.installs, 1);
	ike_sa_arm(net_sa(&n.hub));
	net_run(&n, 8000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.ike_rekeys, 1);
	CHECK_EQ(n.hub.installs, 2); /* done on the new SA */
	CHECK(net_agrees(&n));
	CHECK_EQ(n.esp_lost, 0);
	net_end(&n);
}

/** A delete of a child that is open, too: its answer has to come on the SA it was asked on. */
static void
ike_rekey_meets_child_delete(void)
{
	up();
	n.cut = true;
	net_child(&n.hub)->want_delete = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	CHECK_EQ(net_sa(&n.hub)->ours->task, TASK_DELETE_CHILD);
	n.cut = false;
	ask_ike_rekey(0);
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	net_end(&n);
}

/** A session that we end ends for good, also when both sides' rekeys of its IKE SA cross. */
static void
closed_while_ike_rekeys_cross(void)
{
	static const enum ike_reason reasons[] = { IKE_REASON_OPERATOR, IKE_REASON_CONFIG,
		IKE_REASON_SHUTDOWN };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct ike_totals t;
		struct ike_conf none = { 0 };
		uint64_t session;

		up();
		session = n.hub.session.session;
		n.cut = true;
		net_sa(&n.hub)->want_rekey = true;
		ike_task_next(net_sa(&n.hub), n.now_ms);
		ike_settle(n.hub.ike, n.now_ms);
		n.cut = false;
		ask_ike_rekey(0);
		CHECK(net_sa(&n.hub)->rival != NULL);
		if (reasons[i] == IKE_REASON_OPERATOR)
			CHECK_EQ(ike_close(n.hub.ike, session, reasons[i], n.now_ms), 0);
		else if (reasons[i] == IKE_REASON_CONFIG)
			CHECK_EQ(ike_configure(n.hub.ike, &none, n.now_ms), 0);
		else
			ike_shutdown(n.hub.ike, n.now_ms);
		CHECK_EQ(n.hub.downs, 1);
		CHECK_EQ(n.hub.down_reason, reasons[i]);
		CHECK_EQ(n.hub.spis, 0);
		net_run(&n, 100000);
		CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 0); /* the other SA went with it */
		ike_totals_get(n.hub.ike, &t);
		CHECK_EQ(t.sessions, 0);
		CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
		net_end(&n);
	}
}

/** We get TEMPORARY_FAILURE: again after some seconds, not at once, and it succeeds. */
static void
temporary_failure_is_followed_by_another_try(void)
{
	uint64_t old;

	up();
	net_sa(&n.spoke)->rival = net_sa(&n.spoke); /* anything: a bad moment */
	net_sa(&n.hub)->want_rekey = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	ike_settle(n.hub.ike, n.now_ms);
	net_run(&n, 4000);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	CHECK(net_sa(&n.hub)->ours == NULL);
	CHECK(net_sa(&n.hub)->soft_ms <= n.now_ms + 10000);
	net_sa(&n.spoke)->rival = NULL;
	old = net_sa(&n.hub)->spi_r;
	net_run(&n, 12000);
	CHECK(net_sa(&n.hub)->spi_r != old);
	CHECK(net_agrees(&n));
	net_end(&n);

	up();
	old = net_child(&n.hub)->id;
	net_child(&n.spoke)->successor = 4711; /* as if rekeyed by the hub a moment ago */
	ike_child_soft(n.hub.ike, old, n.now_ms);
	net_run(&n, 1500);
	CHECK_EQ(net_child(&n.hub)->id, old);
	CHECK_EQ(net_child(&n.hub)->state, CHILD_UP);
	CHECK(net_child(&n.hub)->soft_ms > n.now_ms + 3000);
	CHECK(net_child(&n.hub)->soft_ms <= n.now_ms + 10000);
	CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], 0);
	net_end(&n);
}

static void
old_ike_sa_is_never_deleted(void)
{
	up();
	n.spoke.profile.dpd_s = 0;
	net_sa(&n.spoke)->want_rekey = true;
	ike_task_next(net_sa(&n.spoke), n.now_ms);
	ike_settle(n.spoke.ike, n.now_ms);
	net_run(&n, 1); /* request */
	n.spoke.last_bytes = 0;
	while (n.spoke.last_bytes == 0) /* answer, then the delete is on its way */
		net_run(&n, 1);
	for (unsigned i = 0; i < NET_PACKETS; i++)
		n.packet[i].at_ms += 300000;
	CHECK_EQ(net_sas(&n.hub, "replaced", n.now_ms), 1);
	n.cut = true; /* neither it nor its repetitions arrive */
	net_run(&n, 29000);
	CHECK_EQ(net_sas(&n.hub, "replaced", n.now_ms), 1);
	net_run(&n, 2000);
	CHECK_EQ(net_sas(&n.hub, "replaced", n.now_ms), 0);
	CHECK_EQ(net_sas(&n.hub, "deleting", n.now_ms), 1);
	n.cut = false;
	net_run(&n, 50000);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	CHECK_EQ(n.hub.downs, 0);
	CHECK(net_agrees(&n));
	net_end(&n);
}

static void
rekey_with_other_selectors_or_mode(void)
{
	uint32_t old;

	up();
	old = net_child(&n.spoke)->spi_in;
	ask_child(old, 0x7001, true, 0, "10.66.0.1"); /* somebody else's address */
	CHECK_EQ(notify(), N_TS_UNACCEPTABLE);
	CHECK_EQ(n.hub.events[IKE_REASON_TS_UNACCEPTABLE], 1);
	CHECK(n.hub.last_event.authenticated);
	CHECK_EQ(net_children(&n.hub), 1);
	ask_child(old, 0x7002, false, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_ESP_TFC_PADDING_NOT_SUPPORTED); /* tunnel now: no transport notify */
	CHECK_EQ(net_children(&n.hub), 2);
	CHECK(!net_child(&n.hub)->transport);
	net_end(&n);
}

static void
further_children(void)
{
	uint32_t first;

	up();
	first = net_child(&n.spoke)->spi_in;
	for (uint32_t i = 2; i <= 4; i++) {
		ask_child(0, 0x7000 + i, true, 0, "192.0.2.99");
		CHECK_EQ(net_children(&n.hub), i);
		CHECK(n.hub.sending !=
			net_child(&n.hub)->id); /* the peer may not have the answer */
		net_run(&n, 11000);
		CHECK_EQ(n.hub.sending, net_child(&n.hub)->id); /* traffic moves to the newest */
	}
	ask_child(0, 0x7005, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_NO_ADDITIONAL_SAS);
	CHECK_EQ(n.hub.events[IKE_REASON_TOO_MANY_CHILDREN], 1);
	CHECK(n.hub.last_event.authenticated && n.hub.last_event.remedy[0] != '\0');
	CHECK_EQ(net_sa(&n.hub)->peer->last_reason, IKE_REASON_TOO_MANY_CHILDREN);
	CHECK_EQ(net_children(&n.hub), 4);
	ask_child(first, 0x7006, true, 0, "192.0.2.99"); /* never the answer to a rekey */
	CHECK_EQ(notify(), N_USE_TRANSPORT_MODE);
	CHECK_EQ(net_children(&n.hub), 5);
	net_end(&n);
}

/** "No more" is for a further child; a rekey may come again. */
static void
no_spi_left(void)
{
	up();
	n.hub.spis_gone = true;
	ask_child(net_child(&n.spoke)->spi_in, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	ask_child(0, 0x7002, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_NO_ADDITIONAL_SAS);
	CHECK_EQ(net_children(&n.hub), 1);
	n.hub.spis_gone = false;
	ask_child(net_child(&n.spoke)->spi_in, 0x7003, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_USE_TRANSPORT_MODE);
	net_end(&n);
}

static void
rekey_with_a_group_that_was_not_offered(void)
{
	up();
	ask_child(net_child(&n.spoke)->spi_in, 0x7001, true, 31, "192.0.2.99");
	CHECK_EQ(notify(), N_INVALID_KE_PAYLOAD);
	CHECK(reply.notify[0].data.bytes == 2 && reply.notify[0].data.data[1] == 31);
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK_EQ(n.hub.spis, 1);
	net_end(&n);
}

static void
ike_rekey_with_another_suite(void)
{
	up();
	net_sa(&n.spoke)->suite.encr_bits ^= 128 ^ 256; /* what it will ask for */
	ask_ike_rekey(0);
	CHECK_EQ(notify(), N_NO_PROPOSAL_CHOSEN);
	CHECK_EQ(n.hub.events[IKE_REASON_NO_PROPOSAL_CHOSEN], 1);
	CHECK(n.hub.last_event.authenticated && n.hub.last_event.session != 0);
	CHECK(n.hub.last_event.offered[0] != '\0' && n.hub.last_event.wanted[0] != '\0');
	CHECK(strcmp(n.hub.last_event.offered, n.hub.last_event.wanted) != 0);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	net_end(&n);
}

static void
ike_rekey_with_another_group(void)
{
	up();
	ask_ike_rekey(19);
	CHECK_EQ(notify(), N_INVALID_KE_PAYLOAD);
	CHECK(reply.notify[0].data.bytes == 2 && reply.notify[0].data.data[1] == 31);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	ask_ike_rekey(0);
	CHECK_EQ(notify(), 0);
	CHECK(reply.sa.data != NULL && reply.ke.data != NULL);
	net_end(&n);
}

/** The hub rekeys its IKE SA, and this is the spoke's answer. */
static void
refuse_ours(uint16_t type, const void *data, size_t bytes)
{
	struct ike_sa *sa = net_sa(&n.spoke);

	n.cut = true;
	net_sa(&n.hub)->want_rekey = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	ike_settle(n.hub.ike, n.now_ms);
	CHECK_EQ(net_sa(&n.hub)->ours->task, TASK_REKEY_IKE);
	n.cut = false;
	sa->window.recv_id++; /* as if it had come */
	begin();
	ike_chain_notify(&c, type, data, bytes);
	CHECK_EQ(ike_msg_reply(sa, &c, EXCHANGE_CREATE_CHILD, &sa->path), 0);
	net_run(&n, 50);
}

/** Our rekey of the IKE SA is refused: the session stays, it is told, and tried again. */
static void
ike_rekey_refused(void)
{
	static const struct {
		uint16_t type;
		unsigned times; /* until it is told */
		unsigned wait_ms;
	} rows[] = {
		{ N_NO_PROPOSAL_CHOSEN, 1, 60000 },
		{ N_NO_ADDITIONAL_SAS, 1, 60000 },
		{ N_INVALID_KE_PAYLOAD, 1, 60000 }, /* a group that we do not have */
		{ N_TEMPORARY_FAILURE, 3, 5000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t group = rows[i].type == N_INVALID_KE_PAYLOAD ? 0x0e00 : 0; /* 14 */
		uint64_t old;

		up();
		old = net_sa(&n.hub)->spi_r;
		for (unsigned k = 1; k <= rows[i].times; k++) {
			struct ike_sa *sa = net_sa(&n.hub);

			refuse_ours(rows[i].type, &group, group != 0 ? 2 : 0);
			CHECK(sa->ours == NULL);
			CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], k == rows[i].times);
			unsigned wait_ms = k == rows[i].times ? 60000 : rows[i].wait_ms;

			CHECK(sa->soft_ms >= n.now_ms - 100 + wait_ms);
			CHECK(sa->soft_ms <= n.now_ms + 2 * wait_ms);
		}
		CHECK(strstr(n.hub.last_event.detail, "rekey of the IKE SA") != NULL);
		CHECK(strstr(n.hub.last_event.detail, ike_notify_name(rows[i].type)) != NULL);
		CHECK(n.hub.last_event.authenticated);
		CHECK_EQ(net_sa(&n.hub)->spi_r, old);
		net_run(&n, 125000); /* by now the peer has changed its mind */
		CHECK(net_sa(&n.hub)->spi_r != old);
		CHECK(net_agrees(&n));
		CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
		net_end(&n);
	}
}

/** The peer wants another group of ours for the new IKE SA: it is asked anew at once. */
static void
ike_rekey_with_its_group(void)
{
	uint64_t old;

	net_begin(&n);
	n.hub.profile.ike[1] = n.spoke.profile.ike[1] = n.hub.profile.ike[0];
	n.hub.profile.ike[1].dh = n.spoke.profile.ike[1].dh = 14;
	n.hub.profile.ike_count = n.spoke.profile.ike_count = 2;
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_EQ(net_sa(&n.hub)->suite.dh, 31);
	old = net_sa(&n.hub)->spi_r;
	refuse_ours(N_INVALID_KE_PAYLOAD, "\0\16", 2);
	net_run(&n, 2000);
	CHECK(net_sa(&n.hub)->spi_r != old);
	CHECK_EQ(net_sa(&n.hub)->suite.dh, 14);
	CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], 0);
	CHECK(net_agrees(&n));
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	net_end(&n);
}

/** When the child that is sent on goes, another one of the pair takes over at once. */
static void
another_child_takes_over(void)
{
	uint32_t spi;

	up();
	spi = net_child(&n.spoke)->spi_in;
	ask_child(0, 0x7002, true, 0, "192.0.2.99");
	uint64_t newest = net_child(&n.hub)->id;

	CHECK(n.hub.sending != newest);
	begin();
	ike_chain_delete_esp(&c, &spi, 1);
	ask(EXCHANGE_INFORMATIONAL);
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK_EQ(n.hub.sending, newest);
	net_end(&n);
}

/** RFC 7383, 2.6.1: a fragmented request that comes again is answered once, not per part. */
static void
fragmented_request_repeated(void)
{
	static uint8_t part[8][2000];
	struct ike_path path;
	size_t bytes[8];
	unsigned parts = 0, sent;

	net_begin(&n);
	n.hub.limits.fragment_bytes = n.spoke.limits.fragment_bytes = 576;
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	begin();
	for (int i = 0; i < 30; i++)
		ike_chain_notify(&c, 40000, "some octets to make it long enough", 34);
	CHECK_EQ(ike_msg_request(net_sa(&n.spoke), &c, EXCHANGE_INFORMATIONAL, n.now_ms), 0);
	for (unsigned i = 0; i < NET_PACKETS && parts < 8; i++)
		if (n.packet[i].used) {
			path = n.packet[i].path;
			bytes[parts] = n.packet[i].n;
			memcpy(part[parts++], n.packet[i].bytes, n.packet[i].n);
		}
	CHECK(parts > 2);
	net_run(&n, 100);
	sent = n.sent;
	for (unsigned i = 0; i < parts; i++)
		ike_input(n.hub.ike, &path, part[i], bytes[i], n.now_ms);
	CHECK_EQ(n.sent, sent + 1);
	net_end(&n);
}

/** The window is one, both ways: what runs ahead is dropped and does no harm. */
static void
window_of_one(void)
{
	struct ike_totals before, after;
	struct ike_sa *hub, *sa;

	up();
	sa = net_sa(&n.spoke);
	hub = net_sa(&n.hub);
	ike_totals_get(n.hub.ike, &before);
	sa->window.send_id += 3;
	begin();
	CHECK_EQ(ike_msg_request(sa, &c, EXCHANGE_INFORMATIONAL, n.now_ms), 0);
	sa->window.retry_ms = IKE_TIMER_NEVER;
	net_run(&n, 50);
	ike_totals_get(n.hub.ike, &after);
	CHECK_EQ(after.dropped_window, before.dropped_window + 1);
	CHECK_EQ(hub->window.recv_id, 2);
	ike_packets_free(&sa->window.request);
	sa->window.send_id -= 4;

	uint8_t five[4] = { 0, 0, 0, 5 };

	begin();
	ike_chain_notify(&c, N_SET_WINDOW_SIZE, five, 4);
	ask(EXCHANGE_INFORMATIONAL);
	CHECK_EQ(notify(), 0);
	n.cut = true;
	uint32_t id = hub->window.send_id;

	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	hub->want_probe = hub->want_rekey = true;
	net_run(&n, 20000);
	CHECK_EQ(hub->window.send_id, id + 1); /* one request open, whatever the peer allows */
	net_end(&n);
}

static void
one_delete_of_several(void)
{
	uint32_t spis[3], ours[2];

	up();
	spis[0] = net_child(&n.spoke)->spi_in;
	ours[1] = net_child(&n.hub)->spi_in;
	ask_child(0, 0x7002, true, 0, "192.0.2.99");
	ours[0] = net_child(&n.hub)->spi_in;
	spis[1] = 0x9999; /* unknown: passed over */
	spis[2] = 0x7002;
	begin();
	ike_chain_delete_esp(&c, spis, 3);
	ask(EXCHANGE_INFORMATIONAL);
	CHECK_EQ(reply.deletes, 1);
	CHECK_EQ(reply.del[0].count, 2);
	struct cursor at = cur_over(reply.del[0].spis.data, reply.del[0].spis.bytes);

	CHECK_EQ(cur_be32(&at), ours[1]);
	CHECK_EQ(cur_be32(&at), ours[0]);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);
}

/** RFC 7296, 2.8.1: of two SAs made at once the one with the smallest of four nonces goes. */
static void
smallest_nonce_loses(void)
{
	for (unsigned seed = 0; seed < 6; seed++) {
		uint8_t smallest[IKE_NONCE_BYTES];
		struct ike_child *child;

		net_begin(&n);
		n.hub.random ^= seed * 0x9e3779b97f4a7c15ull;
		net_start(&n);
		net_initiate(&n, true);
		net_run(&n, 2000);
		n.esp_lost = 0;
		ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
		ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
		net_run(&n, 2); /* both asked, both answered */
		child = net_child(&n.hub);
		CHECK(child->next != NULL && child->next->next != NULL);
		memcpy(smallest, child->nonce_min, sizeof(smallest));
		if (memcmp(child->next->nonce_min, smallest, sizeof(smallest)) < 0)
			memcpy(smallest, child->next->nonce_min, sizeof(smallest));
		net_run(&n, 40000);
		CHECK(net_child(&n.hub)->next == NULL);
		CHECK(memcmp(net_child(&n.hub)->nonce_min, smallest, sizeof(smallest)) > 0);
		CHECK(memcmp(net_child(&n.spoke)->nonce_min, smallest, sizeof(smallest)) > 0);
		CHECK(net_agrees(&n));
		CHECK_EQ(n.esp_lost, 0);
		net_end(&n);
	}
}

/** Both delete the same child: each answers without naming it again. */
/** On an IKE SA that was replaced nothing new is made; what is there may still be deleted. */
static void
child_on_a_replaced_ike_sa(void)
{
	up();
	ask_ike_rekey(0);
	CHECK(reply.sa.data != NULL);
	CHECK_EQ(net_sas(&n.hub, "replaced", n.now_ms), 1);
	ask_child(net_child(&n.spoke)->spi_in, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	ask_child(0, 0x7002, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_TEMPORARY_FAILURE);
	CHECK_EQ(n.hub.installs, 1);
	net_end(&n);
}

/** A child the peer asked for is not deleted before the peer can know that it is there. */
static void
delete_waits_for_the_peer_to_know(void)
{
	struct ike_child *made;

	up();
	ask_child(net_child(&n.spoke)->spi_in, 0x7001, true, 0, "192.0.2.99");
	CHECK_EQ(notify(), N_USE_TRANSPORT_MODE);
	made = net_child(&n.hub);
	CHECK(made->sure_ms != IKE_TIMER_NEVER); /* our answer may have been lost */
	made->want_delete = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	CHECK_EQ(made->state, CHILD_UP);
	n.cut = true; /* the delete goes nowhere */
	struct ike_path path = net_sa(&n.hub)->path;
	static uint8_t probe[4096];
	size_t bytes;

	begin();
	CHECK_EQ(ike_msg_request(net_sa(&n.spoke), &c, EXCHANGE_INFORMATIONAL, n.now_ms), 0);
	bytes = n.spoke.last_bytes;
	memcpy(probe, n.spoke.last, bytes);
	ike_input(n.hub.ike, &path, probe, bytes, n.now_ms);
	CHECK_EQ(made->state, CHILD_DELETING);
	net_end(&n);
}

/** The peer takes one request at a time: a delete waits for the answer to what is open. */
static void
close_waits_for_an_answer(void)
{
	unsigned sent;

	up();
	n.cut = true;
	net_sa(&n.hub)->want_probe = true;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	CHECK_EQ(net_sa(&n.hub)->ours->task, TASK_PROBE);
	sent = n.sent;
	CHECK_EQ(ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms), 0);
	CHECK_EQ(n.sent, sent);
	n.cut = false;
	net_run(&n, 2000); /* the probe again, its answer, the delete */
	CHECK_EQ(n.spoke.downs, 1);
	CHECK_EQ(n.spoke.down_reason, IKE_REASON_PEER_DELETED);
	net_end(&n);
}

/** Port 4500 alone is no NAT: such a peer stays where it proved itself. */
static void
no_move_without_nat(void)
{
	struct addr elsewhere;

	net_begin(&n);
	net_start(&n);
	CHECK(net_initiate_natt(&n) != 0);
	net_run(&n, 2000);
	CHECK(net_agrees(&n));
	CHECK(net_sa(&n.hub)->path.natt && !net_sa(&n.hub)->nat_remote);
	addr_parse("198.51.100.66", &elsewhere);
	ike_path_moved(n.hub.ike, net_child(&n.hub)->id, &elsewhere, 4500, n.now_ms);
	CHECK_EQ(n.hub.moved, 0);
	CHECK_EQ(n.hub.events[IKE_REASON_PATH_MOVED], 0);
	CHECK(addr_equal(&net_sa(&n.hub)->path.remote, &n.spoke.addr));
	net_end(&n);
}

/** Of the IKE SAs two crossing rekeys made: [0] the hub's first seen, then the other. */
struct made {
	unsigned count;
	uint64_t spi_i[2];
	uint8_t nonce_min[2][IKE_NONCE_BYTES];
};

static void
made_look(struct made *m, uint64_t old)
{
	struct ike_sa *sa;
	size_t at = 0;

	while ((sa = map_next(&n.hub.ike->by_spi, &at)) != NULL) {
		bool keyed = sa->state == IKE_UP || sa->state == IKE_DELETING ||
			sa->state == IKE_REPLACED;

		if (!keyed || sa->spi_i == old || m->count == 2 ||
			(m->count == 1 && m->spi_i[0] == sa->spi_i))
			continue;
		m->spi_i[m->count] = sa->spi_i;
		memcpy(m->nonce_min[m->count++], sa->nonce_min, IKE_NONCE_BYTES);
	}
}

/** RFC 7296, 2.8.1, for IKE SAs: the one made with the smallest nonce is redundant. */
static void
smallest_nonce_of_ike_rekeys_loses(void)
{
	for (unsigned seed = 0; seed < 6; seed++) {
		struct node *side[] = { &n.hub, &n.spoke };
		struct made m = { 0 };
		uint64_t old;

		up();
		n.hub.random += seed * 104729;
		old = net_sa(&n.hub)->spi_i;
		for (int i = 0; i < 2; i++) {
			struct ike_sa *sa = net_sa(side[i]);

			sa->want_rekey = true;
			ike_task_next(sa, n.now_ms);
			ike_settle(side[i]->ike, n.now_ms);
		}
		for (int ms = 0; ms < 20; ms++) {
			net_run(&n, 1);
			made_look(&m, old);
		}
		CHECK_EQ(m.count, 2);
		net_run(&n, 5000);
		int won = net_sa(&n.hub)->spi_i == m.spi_i[1];

		CHECK_EQ(net_sa(&n.hub)->spi_i, m.spi_i[won]);
		CHECK(memcmp(m.nonce_min[won], m.nonce_min[!won], IKE_NONCE_BYTES) > 0);
		CHECK(net_sa(&n.hub)->fragments); /* agreed upon once, for the session */
		CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
		CHECK(net_agrees(&n));
		net_end(&n);
	}
}

static void
deletes_cross(void)
{
	uint32_t spi;

	up();
	spi = net_child(&n.spoke)->spi_in;
	n.cut = true;
	net_child(&n.hub)->want_delete = true;
	net_child(&n.hub)->reason = IKE_REASON_LIFETIME;
	ike_task_next(net_sa(&n.hub), n.now_ms);
	n.cut = false;
	begin();
	ike_chain_delete_esp(&c, &spi, 1);
	ask(EXCHANGE_INFORMATIONAL);
	CHECK_EQ(reply.deletes, 0);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);
}

/** Notifies nobody authenticated are never acted upon. */
static void
bare_notifies_change_nothing(void)
{
	static const uint16_t types[] = { N_INVALID_SPI, N_INVALID_IKE_SPI, N_AUTHENTICATION_FAILED,
		N_INVALID_MESSAGE_ID, N_CHILD_SA_NOT_FOUND };

	up();
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (unsigned flags = 0; flags < 0x40; flags += 8) {
			struct ike_header h = { .spi_i = net_sa(&n.hub)->spi_i,
				.spi_r = net_sa(&n.hub)->spi_r,
				.exchange = EXCHANGE_INFORMATIONAL,
				.flags = (uint8_t)flags,
				.id = net_sa(&n.hub)->window.recv_id };
			struct ike_path path = net_sa(&n.hub)->path;
			static uint8_t msg[200];
			struct ike_chain bare;

			ike_chain_message(&bare, msg, sizeof(msg), &h);
			ike_chain_notify(&bare, types[i], "\1\2\3\4", 4);
			ike_input(n.hub.ike, &path, msg, ike_chain_finish(&bare), n.now_ms);
		}
	}
	CHECK_EQ(net_sa(&n.hub)->window.recv_id, 2);
	net_run(&n, 1000);
	CHECK(net_agrees(&n));
	CHECK_EQ(net_children(&n.hub), 1);
	net_end(&n);
}

int
main(void)
{
	TEST(rekey_of_unknown_spi);
	TEST(rekey_of_a_protocol_that_is_not_esp);
	TEST(second_rekey_of_one_sa);
	TEST(rekey_of_what_we_delete);
	TEST(delete_of_what_we_rekey);
	TEST(ike_rekey_meets_child_rekey);
	TEST(ike_rekey_meets_child_delete);
	TEST(closed_while_ike_rekeys_cross);
	TEST(temporary_failure_is_followed_by_another_try);
	TEST(old_ike_sa_is_never_deleted);
	TEST(rekey_with_other_selectors_or_mode);
	TEST(further_children);
	TEST(no_spi_left);
	TEST(rekey_with_a_group_that_was_not_offered);
	TEST(ike_rekey_with_another_suite);
	TEST(ike_rekey_with_another_group);
	TEST(ike_rekey_refused);
	TEST(ike_rekey_with_its_group);
	TEST(another_child_takes_over);
	TEST(fragmented_request_repeated);
	TEST(window_of_one);
	TEST(one_delete_of_several);
	TEST(smallest_nonce_loses);
	TEST(smallest_nonce_of_ike_rekeys_loses);
	TEST(child_on_a_replaced_ike_sa);
	TEST(delete_waits_for_the_peer_to_know);
	TEST(close_waits_for_an_answer);
	TEST(no_move_without_nat);
	TEST(deletes_cross);
	TEST(bare_notifies_change_nothing);
	return check_done();
}

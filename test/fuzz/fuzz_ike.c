/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IKE engine under arbitrary input. The first octet chooses where the rest goes:
 *	0  a datagram to a hub that has a live session and a half-open SA
 *	1  the payload parsers alone: first payload's type, then the chain
 *	2  inside SK, as the peer's next request: exchange, first payload, chain
 *	3  inside SK, as answer to our open request (a rekey of child or IKE SA)
 *	4  two or more datagrams of the first kind, each with a length octet ahead (words), to a
 *	   hub that asks for cookies; a first message with one brings the cookie asked for last
 *	5  inside SK, as IKE_AUTH of a spoke whose IKE_SA_INIT was answered, to a hub with
 *	   shared keys, PPKs and certificates: first payload, chain
 *	6  inside SKF, as the peer's next request in pieces: exchange, first payload, then
 *	   number, total, octets and the octets of each (RFC 7383); total 0 sends it whole
 *	7  inside SK, as the peer's next requests, each with an octet ahead: octets of its chain
 *	8  answers to the hub's own IKE_SA_INIT, each with an octet ahead: octets of first payload
 *	   and chain
 * Whatever came, the hub can be looked at, renews its keys and hangs up, and nothing it
 * shows of the peer's words would disturb a terminal.
 */
#include <stdlib.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_nat.h"
#include "crypto/suite.h"
#include "test/fuzz/aftermath.h"
#include "test/lib/ike_net.h"

enum { MODES = 9, COOKIE_AT = IKE_HEADER_BYTES + 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net n; /* large */

static void
parse_all(const uint8_t *data, size_t size)
{
	struct ike_payloads p;
	struct config_identity id;
	struct ike_offer offer;
	char text[200];
	struct cursor c;

	if (size < 1 || ike_payloads_read(data[0], data + 1, size - 1, &p) != 0)
		return;
	c = cur_over(p.sa.data, p.sa.bytes);
	while (p.sa.data != NULL && ike_offer_next(&c, &offer) > 0)
		;
	if (p.sa.data != NULL)
		ike_offer_print(p.sa, text, sizeof(text));
	if (p.idi.data != NULL && ike_id_read(p.idi, &id) == 0)
		ike_identity_print(&id, text, sizeof(text));
	if (p.tsi.data != NULL)
		ike_ts_print(p.tsi, text, sizeof(text));
}

/** bound: the spoke's key names a further profile with terms of its own. */
static void
live(uint32_t cookie_from, bool bound)
{
	net_begin(&n);
	n.hub.limits.cookie_from = cookie_from;
	n.hub.profile.dpd_s = 2;
	n.hub.profile.ike[1] = n.hub.profile.ike[0];
	n.hub.profile.ike[1].encr = ENCR_AES_GCM_16;
	n.hub.profile.ike[1].integ = 0;
	n.hub.profile.ike_count = 2;
	if (bound) {
		struct config_ike_profile *p = net_bind(&n.hub, "vans");

		p->esp[p->esp_count++] = net_esp_line(ENCR_AES_GCM_16, 256, 0);
		p->pfs = PFS_OFF;
	}
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 500);
	if (!net_agrees(&n))
		__builtin_trap();
}

static struct ike_path
from_spoke(void)
{
	return (struct ike_path){
		.local = n.hub.addr, .remote = n.spoke.addr, .local_port = 500, .remote_port = 500
	};
}

static struct ike_sa *
sa_of(struct node *nd)
{
	struct ike_peer *p = map_get(&nd->ike->by_session, nd->session.session);

	return p == NULL ? NULL : p->sa;
}

static void
datagram(const uint8_t *data, size_t size)
{
	struct ike_path path = from_spoke();
	static uint8_t copy[IKE_MSG_MAX];
	struct ike_sa *sa = sa_of(&n.hub);

	if (size > sizeof(copy))
		return;
	memcpy(copy, data, size);
	/* Let half of the inputs meet the live SA. */
	if (size >= 28 && (copy[0] & 1) && copy[18] != EXCHANGE_SA_INIT && sa != NULL)
		for (int i = 0; i < 8; i++) {
			copy[i] = (uint8_t)(sa->spi_i >> (56 - 8 * i));
			copy[8 + i] = (uint8_t)(sa->spi_r >> (56 - 8 * i));
		}
	ike_input(n.hub.ike, &path, copy, size, n.now_ms);
}

/** Where the octets of a first COOKIE notify are, NULL when there is none. */
static uint8_t *
cookie_in(uint8_t *msg, size_t size)
{
	if (size < COOKIE_AT + IKE_COOKIE_BYTES || msg[16] != PAYLOAD_NOTIFY ||
		msg[18] != EXCHANGE_SA_INIT || msg[COOKIE_AT - 2] != N_COOKIE >> 8 ||
		msg[COOKIE_AT - 1] != (N_COOKIE & 0xff))
		return NULL;
	return msg + COOKIE_AT;
}

static void
datagrams(const uint8_t *data, size_t size)
{
	static uint8_t copy[255 * 4];

	while (size > 1) {
		size_t one = data[0] * 4u;

		data++;
		size--;
		if (one > size)
			one = size;
		memcpy(copy, data, one);
		uint8_t *to = cookie_in(copy, one);
		const uint8_t *asked = cookie_in(n.hub.last, n.hub.last_bytes);

		if (to != NULL && asked != NULL)
			memcpy(to, asked, IKE_COOKIE_BYTES);
		datagram(copy, one);
		data += one;
		size -= one;
	}
}

static void
sealed_request(const uint8_t *data, size_t size)
{
	struct ike_sa *sa = sa_of(&n.spoke);
	struct ike_chain c;

	if (size < 2 || sa == NULL)
		return;
	ike_msg_begin(sa->ike, &c);
	wr_bytes(&c.w, data + 2, size - 2);
	sa->ike->plain_first = data[1];
	ike_msg_request(sa, &c, (enum ike_exchange_type)data[0], n.now_ms);
	net_run(&n, 50);
}

static void
sealed_requests(const uint8_t *data, size_t size)
{
	while (size > 1) {
		size_t one = data[0] + 2u;

		if (one > --size)
			one = size;
		sealed_request(++data, one);
		data += one;
		size -= one;
	}
}

static void
sealed_fragments(const uint8_t *data, size_t size)
{
	struct ike_sa *sa = sa_of(&n.spoke);
	struct cursor c = cur_over(data, size);
	struct ike_packets packets = { 0 };

	if (sa == NULL)
		return;
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = cur_u8(&c),
		.flags = FLAG_INITIATOR,
		.id = sa->window.send_id,
	};

	sa->ike->plain_first = cur_u8(&c);
	while (!c.short_read && cur_left(&c) > 0) {
		uint8_t number = cur_u8(&c);
		uint8_t total = cur_u8(&c);
		uint8_t bytes = cur_u8(&c);
		const uint8_t *from = cur_take(&c, bytes);

		if (from != NULL && ike_msg_seal(sa, &h, from, bytes, number, total, &packets) == 0)
			ike_msg_send(sa->ike, &packets, &sa->path);
		ike_packets_free(&packets);
		net_run(&n, 5);
	}
	net_run(&n, 50);
}

static void
sealed_response(const uint8_t *data, size_t size)
{
	struct ike_sa *sa = sa_of(&n.spoke);
	struct ike_path path = {
		.local = n.spoke.addr, .remote = n.hub.addr, .local_port = 500, .remote_port = 500
	};
	struct ike_chain c;

	if (size < 3 || sa == NULL || sa_of(&n.hub) == NULL)
		return;
	n.cut = true; /* the true answer gets lost */
	if (data[0] & 1)
		ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
	else {
		sa_of(&n.hub)->want_rekey = true;
		ike_task_next(sa_of(&n.hub), n.now_ms);
		ike_settle(n.hub.ike, n.now_ms);
	}
	n.cut = false;
	sa->window.recv_id = 1; /* as if it had been received */
	ike_msg_begin(sa->ike, &c);
	wr_bytes(&c.w, data + 3, size - 3);
	sa->ike->plain_first = data[2];
	ike_msg_reply(sa, &c, (enum ike_exchange_type)data[1], &path);
	net_run(&n, 50);
}

/** The spoke has keys, and its own IKE_AUTH got lost. */
static struct ike_sa *
half(void)
{
	net_begin(&n);
	n.hub.ppks[0] = net_ppk("one", "0123456789abcdef0123456789abcdef");
	n.spoke.ppks[0] = net_ppk("one", "0123456789abcdef0123456789abcdef");
	n.hub.ppks_count = n.spoke.ppks_count = 1;
	n.hub.profile.pki = net_pki("hub");
	net_start(&n);
	struct ike_sa *sa = net_until_auth(&n, &n.spoke, true);

	if (sa == NULL)
		__builtin_trap();
	return sa;
}

static void
sealed_auth(const uint8_t *data, size_t size)
{
	struct ike_sa *sa = half();
	struct ike_chain c;

	if (size < 1)
		return;
	sa->window.send_id = 1;
	ike_msg_begin(sa->ike, &c);
	wr_bytes(&c.w, data + 1, size - 1);
	sa->ike->plain_first = data[0];
	ike_msg_request(sa, &c, EXCHANGE_AUTH, n.now_ms);
	net_run(&n, 50);
}

/** first payload and chain as the answer to what the hub began */
static void
answer(const struct ike_sa *sa, const uint8_t *data, size_t size)
{
	struct ike_path path = from_spoke();
	static uint8_t room[300];
	struct ike_header h = { .spi_i = sa->spi_i,
		.spi_r = 0x0123456789abcdefull,
		.exchange = EXCHANGE_SA_INIT,
		.flags = FLAG_RESPONSE };
	struct ike_chain c;

	ike_chain_message(&c, room, sizeof(room), &h);
	wr_bytes(&c.w, data + 1, size - 1);
	*c.next = data[0];
	ike_input(n.hub.ike, &path, room, ike_chain_finish(&c), n.now_ms);
	net_run(&n, 5);
}

static void
answers(const uint8_t *data, size_t size)
{
	const struct ike_sa *sa;
	size_t at = 0;

	net_begin(&n);
	n.hub.profile.ike[1] = n.hub.profile.ike[0];
	n.hub.profile.ike[1].dh = 19;
	n.hub.profile.ike_count = 2;
	net_start(&n);
	n.cut = true;
	net_initiate_from(&n.hub, true);
	while (size > 2 && (sa = map_next(&n.hub.ike->by_spi, &at)) != NULL) {
		size_t one = data[0] == 0 ? 1 : data[0];

		if (one > --size)
			one = size;
		answer(sa, ++data, one);
		data += one;
		size -= one;
		at = 0;
	}
	n.cut = false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 8000)
		return 0;
	if (data[0] % MODES == 1) {
		parse_all(data + 1, size - 1);
		return 0;
	}
	if (data[0] % MODES == 5 || data[0] % MODES == 8) {
		(data[0] % MODES == 5 ? sealed_auth : answers)(data + 1, size - 1);
		aftermath(&n);
		return 0;
	}
	live(data[0] % MODES == 4 ? 1 : 0, (size & 2) != 0);
	n.hub.install_ms = size % 2 * 5; /* children are ready later, or at once */
	switch (data[0] % MODES) {
	case 0:
		datagram(data + 1, size - 1);
		break;
	case 2:
		sealed_request(data + 1, size - 1);
		break;
	case 6:
		sealed_fragments(data + 1, size - 1);
		break;
	case 7:
		sealed_requests(data + 1, size - 1);
		break;
	case 3:
		sealed_response(data + 1, size - 1);
		break;
	default:
		datagrams(data + 1, size - 1);
	}
	aftermath(&n);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What strangers can do: forged, replayed, truncated and changed messages, cookies of
 * others, floods. None of it changes an SA, and what it costs is bounded.
 */
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */
static uint8_t init[2048], msg[8192];
static size_t init_bytes, msg_bytes;

static struct ike_path
from(const char *addr, uint16_t port)
{
	struct ike_path p = { .local = n.hub.addr, .local_port = IKE_PORT, .remote_port = port };

	addr_parse(addr, &p.remote);
	return p;
}

static struct ike_totals
totals(void)
{
	struct ike_totals t;

	ike_totals_get(n.hub.ike, &t);
	return t;
}

/** Both engines; the spoke's first message is in init and did not arrive. */
static void
begin(void)
{
	net_start(&n);
	n.cut = true;
	net_initiate(&n, true);
	net_run(&n, 1);
	n.cut = false;
	memcpy(init, n.spoke.last, n.spoke.last_bytes);
	init_bytes = n.spoke.last_bytes;
	memcpy(msg, init, init_bytes);
	msg_bytes = init_bytes;
}

static void
input(const char *addr, uint16_t port)
{
	struct ike_path p = from(addr, port);

	ike_input(n.hub.ike, &p, msg, msg_bytes, n.now_ms);
}

/** Payload of that type in msg, or NULL. */
static uint8_t *
payload(uint8_t type)
{
	uint8_t next = msg[16];

	for (size_t at = 28; at + 4 <= msg_bytes; at += (size_t)(msg[at + 2] << 8 | msg[at + 3])) {
		if (next == type)
			return msg + at;
		next = msg[at];
	}
	CHECK(!"found");
	return msg;
}

/** msg = init with another SPI. */
static void
other_spi(uint32_t i)
{
	memcpy(msg, init, init_bytes);
	msg_bytes = init_bytes;
	memcpy(msg, &i, 4);
}

/** Type of the only notify in what the hub sent last; its data in *data. */
static uint16_t
told(const uint8_t **data, size_t *bytes)
{
	static struct ike_payloads p;
	struct ike_header h;

	*data = (const uint8_t *)"";
	*bytes = 0;
	if (ike_header_read(n.hub.last, n.hub.last_bytes, &h) != 0 ||
		ike_payloads_read(h.next_payload, n.hub.last + 28, n.hub.last_bytes - 28, &p) !=
			0 ||
		p.notifies != 1)
		return 0;
	*data = p.notify[0].data.data;
	*bytes = p.notify[0].data.bytes;
	return p.notify[0].type;
}

static void
first_message_is_checked(void)
{
	const uint8_t *data;
	size_t bytes;
	uint8_t *ke;

	net_begin(&n);
	begin();
	ke = payload(PAYLOAD_KE); /* one octet short, the message otherwise sound */
	ke[3]--;
	size_t at = (size_t)(ke - msg) + ke[3];

	memmove(msg + at, msg + at + 1, msg_bytes - at - 1);
	msg_bytes--;
	msg[26] = (uint8_t)(msg_bytes >> 8);
	msg[27] = (uint8_t)msg_bytes;
	input("192.0.2.99", 500);
	CHECK_EQ(told(&data, &bytes), N_INVALID_KE_PAYLOAD);
	CHECK_EQ(totals().half_open, 0);

	other_spi(1);
	uint8_t *nonce = payload(PAYLOAD_NONCE);

	nonce[0] = 99; /* the next one is of an unknown type, and critical */
	nonce[(nonce[2] << 8 | nonce[3]) + 1] = 0x80;
	input("192.0.2.99", 500);
	CHECK_EQ(told(&data, &bytes), N_UNSUPPORTED_CRITICAL_PAYLOAD);
	CHECK(bytes == 1 && data[0] == 99);
	CHECK_EQ(n.hub.events[IKE_REASON_UNKNOWN_CRITICAL], 1);
	CHECK_STR(n.hub.last_event.detail, "payload type 99");
	CHECK_EQ(totals().half_open, 0);

	other_spi(2);
	struct ike_path p = from("192.0.2.99", 500);

	addr_parse("192.0.2.2", &p.local);
	ike_input(n.hub.ike, &p, msg, msg_bytes, n.now_ms);
	CHECK_EQ(n.hub.events[IKE_REASON_NO_LISTENER], 1);
	CHECK_EQ(totals().half_open, 0);
	net_end(&n);
}

static void
first_message_repeated(void)
{
	uint64_t sent;

	net_begin(&n);
	begin();
	n.cut = true; /* the answers get lost */
	input("192.0.2.99", 500);
	sent = totals().tx;
	CHECK_EQ(totals().half_open, 1);
	net_run(&n, 500);
	input("192.0.2.99", 500); /* the same: the same answer */
	CHECK_EQ(totals().tx, sent + 1);
	net_run(&n, 500);
	payload(PAYLOAD_NONCE)[8] ^= 1; /* same SPI, not the same message */
	input("192.0.2.99", 500);
	CHECK_EQ(totals().tx, sent + 1);
	CHECK_EQ(totals().half_open, 1);
	CHECK_EQ(totals().replayed_replies, 1);
	net_end(&n);
}

/** A repeat needs no cookie: who forges the sender does not get an answer to each of them. */
static void
first_message_repeated_by_a_flood(void)
{
	uint64_t sent, answers;
	size_t in_bytes = 0;

	net_begin(&n);
	begin();
	n.cut = true; /* the answers get lost */
	input("192.0.2.99", 500);
	sent = totals().tx;
	for (unsigned ms = 0; ms < 5000; ms += 5) {
		input("192.0.2.99", 500);
		in_bytes += msg_bytes;
		net_run(&n, 5);
	}
	answers = totals().tx - sent;
	CHECK(answers >= 8 && answers <= 10);
	CHECK(answers * n.hub.last_bytes * 50 < in_bytes);
	CHECK_EQ(totals().replayed_replies, answers);
	net_run(&n, 500);
	input("192.0.2.99", 500); /* the true one, which lost its answer */
	CHECK_EQ(totals().tx, sent + answers + 1);
	net_end(&n);
}

/** msg = init with the cookie the hub asked for, in front. */
static void
with_cookie(const uint8_t *cookie, size_t bytes)
{
	memcpy(msg, init, 28);
	msg[16] = PAYLOAD_NOTIFY;
	memset(msg + 28, 0, 8);
	msg[28] = init[16];
	msg[31] = (uint8_t)(8 + bytes);
	msg[34] = N_COOKIE >> 8;
	msg[35] = N_COOKIE & 0xff;
	memcpy(msg + 36, cookie, bytes);
	memcpy(msg + 36 + bytes, init + 28, init_bytes - 28);
	msg_bytes = init_bytes + 8 + bytes;
	msg[26] = (uint8_t)(msg_bytes >> 8);
	msg[27] = (uint8_t)msg_bytes;
}

static void
cookies_belong_to_one_sender(void)
{
	const uint8_t *data;
	uint8_t cookie[64];
	size_t bytes;

	net_begin(&n);
	n.hub.limits.cookie_from = 1;
	begin();
	other_spi(77);
	input("198.51.100.1", 500); /* half open: from now on cookies */
	CHECK_EQ(totals().half_open, 1);
	other_spi(78);
	memcpy(init, msg, init_bytes);
	input("192.0.2.99", 500);
	CHECK_EQ(told(&data, &bytes), N_COOKIE);
	CHECK(n.hub.last_bytes < init_bytes); /* amplifies nothing */
	memcpy(cookie, data, bytes);

	with_cookie(cookie, bytes);
	input("192.0.2.98", 500);
	input("192.0.2.99", 501);
	msg[0] ^= 1;
	input("192.0.2.99", 500);
	msg[0] ^= 1;
	payload(PAYLOAD_NONCE)[8] ^= 1;
	input("192.0.2.99", 500);
	payload(PAYLOAD_NONCE)[8] ^= 1;
	msg[36 + bytes - 1] ^= 1;
	input("192.0.2.99", 500);
	CHECK_EQ(totals().half_open, 1);
	CHECK_EQ(totals().cookies_sent, 6);
	msg[36 + bytes - 1] ^= 1;
	input("192.0.2.99", 500);
	CHECK_EQ(totals().half_open, 2);
	net_end(&n);
}

static void
cookies_age(void)
{
	const uint8_t *data;
	uint8_t cookie[64];
	size_t bytes;

	static const unsigned waits_s[] = { 20, 70, 130, 3600 }; /* the secret changes every 60 */

	for (unsigned i = 0; i < 4; i++) {
		net_begin(&n);
		n.hub.limits.cookie_from = 1;
		begin();
		other_spi(77);
		input("198.51.100.1", 500);
		other_spi(78);
		memcpy(init, msg, init_bytes);
		input("192.0.2.99", 500);
		CHECK_EQ(told(&data, &bytes), N_COOKIE);
		memcpy(cookie, data, bytes);
		n.now_ms += waits_s[i] * 1000;
		ike_tick(n.hub.ike, n.now_ms);
		other_spi(79);
		input("198.51.100.2", 500); /* again one half open: cookies again */
		with_cookie(cookie, bytes);
		input("192.0.2.99", 500);
		CHECK_EQ(totals().half_open, i <= 1 ? 2 : 1);
		net_end(&n);
	}
}

static void
half_open_is_capped(void)
{
	char addr[32];

	net_begin(&n);
	n.hub.limits.half_open_max = 50;
	n.hub.limits.cookie_from = 1000;
	begin();
	for (uint32_t i = 1; i < 200; i++) {
		other_spi(i);
		snprintf(addr, sizeof(addr), "203.%u.113.9", i);
		input(addr, 500);
	}
	CHECK_EQ(totals().half_open, 38); /* three quarters */
	CHECK_EQ(n.hub.events[IKE_REASON_HALF_OPEN_LIMIT] > 0, true);
	net_end(&n);

	net_begin(&n);
	n.hub.limits.half_open_per_address = 20; /* many ports of one address */
	n.hub.limits.cookie_from = 1000;
	begin();
	for (uint32_t i = 1; i < 200; i++) {
		other_spi(i);
		input("203.0.113.9", (uint16_t)(1000 + i));
	}
	CHECK_EQ(totals().half_open, 20);
	other_spi(999);
	input("203.0.113.10", 500); /* its neighbour does not suffer */
	CHECK_EQ(totals().half_open, 21);
	net_end(&n);
}

static void
half_open_per_prefix(void)
{
	char addr[40];

	net_begin(&n);
	n.hub.limits.half_open_per_prefix = 10;
	n.hub.limits.cookie_from = 1000;
	begin();
	for (uint32_t i = 1; i < 100; i++) {
		other_spi(i);
		snprintf(addr, sizeof(addr), "203.0.113.%u", i);
		input(addr, 500);
	}
	CHECK_EQ(totals().half_open, 10);
	other_spi(200);
	input("203.0.114.1", 500); /* the network beside it */
	CHECK_EQ(totals().half_open, 11);
	n.now_ms += 31000;
	ike_tick(n.hub.ike, n.now_ms);
	CHECK_EQ(totals().half_open, 0);
	other_spi(201);
	input("203.0.113.1", 500); /* counted down again, too */
	CHECK_EQ(totals().half_open, 1);
	net_end(&n);
}

/** Under a flood of strangers a spoke that was up before still gets in. */
static void
known_peers_first(void)
{
	char addr[32];

	net_begin(&n);
	n.hub.limits.half_open_max = 40;
	n.hub.limits.cookie_from = 1000;
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.ups, 1);
	memcpy(init, n.spoke.last, n.spoke.last_bytes);
	net_restart(&n.spoke);
	n.cut = true;
	net_initiate(&n, true);
	net_run(&n, 1);
	memcpy(init, n.spoke.last, n.spoke.last_bytes);
	init_bytes = n.spoke.last_bytes;
	for (uint32_t i = 1; i < 200; i++) {
		other_spi(i);
		snprintf(addr, sizeof(addr), "203.%u.113.9", i);
		input(addr, 500);
	}
	CHECK_EQ(totals().half_open, 30);
	n.cut = false;
	net_run(&n, 5000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_REPLACED);
	CHECK_EQ(totals().half_open, 30);
	net_end(&n);
}

/** All that decides how an SA goes on. */
static uint64_t
fingerprint(const struct node *nd)
{
	struct ike_peer *p = map_get(&nd->ike->by_session, nd->session.session);
	uint64_t h = p == NULL ? 0 : ike_fingerprint(&p->sa->window, sizeof(p->sa->window));

	if (p == NULL)
		return 0;
	h ^= ike_fingerprint(&p->path, sizeof(p->path)) * 3;
	h ^= ike_fingerprint(p->sa, offsetof(struct ike_sa, keys)) * 5;
	for (const struct ike_child *c = p->children; c != NULL; c = c->next)
		h = h * 31 + ike_fingerprint(c, sizeof(*c));
	return h + p->children_count + p->life_ms * 7;
}

/** Every octet of a message changed, every length cut: the receiver stays as it is. */
static void
battered(struct node *to, const struct net_packet *p)
{
	static uint8_t bad[8192];
	uint64_t before = fingerprint(to);
	struct ike_path path = p->path;

	addr_parse("198.51.100.9", &path.remote); /* from elsewhere: must not move it either */
	for (size_t i = 0; i < p->n; i++) {
		memcpy(bad, p->bytes, p->n);
		bad[i] ^= (uint8_t)(1u << i % 8);
		ike_input(to->ike, &path, bad, p->n, n.now_ms);
		ike_input(to->ike, &path, p->bytes, i, n.now_ms);
		/* cut short with a length that says so */
		memcpy(bad, p->bytes, p->n);
		if (i < 28)
			continue;
		bad[26] = (uint8_t)(i >> 8);
		bad[27] = (uint8_t)i;
		ike_input(to->ike, &path, bad, i, n.now_ms);
	}
	CHECK(fingerprint(to) == before);
}

static struct net_packet *
first_packet(void)
{
	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n.packet[i].used)
			return &n.packet[i];
	return NULL;
}

/** The next one, also when it is sent in a while only: the delete after a rekey. */
static struct net_packet *
packet_or_later(void)
{
	struct net_packet *p = first_packet();

	if (p != NULL)
		return p;
	n.now_ms += 1000;
	ike_tick(n.hub.ike, n.now_ms);
	ike_tick(n.spoke.ike, n.now_ms);
	return first_packet();
}

static void
forged_messages_change_nothing(void)
{
	static uint8_t old[40][2048];
	static struct ike_path old_path[40];
	static size_t old_bytes[40];
	static struct node *old_to[40];
	unsigned count = 0;

	net_begin(&n);
	n.nat_spoke = true; /* so that moves are possible at all */
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 3000);
	CHECK(net_agrees(&n));
	for (int what = 0; what < 4; what++) {
		struct node *nd = what & 1 ? &n.hub : &n.spoke;
		struct ike_peer *peer = map_get(&nd->ike->by_session, nd->session.session);

		if (what < 2)
			ike_child_soft(nd->ike, nd->sending, n.now_ms);
		else
			peer->sa->want_rekey = true;
		ike_task_next(peer->sa, n.now_ms);
		ike_settle(nd->ike, n.now_ms);
		ike_sa_arm(peer->sa);
		/* request, answer, delete, answer: each battered, then delivered */
		for (struct net_packet *p; (p = packet_or_later()) != NULL && count < 40;) {
			CHECK(p->n <= sizeof(old[0]));
			battered(p->to, p);
			memcpy(old[count], p->bytes, p->n);
			old_path[count] = p->path;
			old_to[count] = p->to;
			old_bytes[count++] = p->n;
			net_run(&n, p->at_ms - n.now_ms);
		}
	}
	CHECK(count >= 14);
	net_run(&n, 40000);
	CHECK(net_agrees(&n));
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	/* Replayed later: nothing. */
	uint64_t hub = fingerprint(&n.hub), spoke = fingerprint(&n.spoke);

	for (unsigned i = 0; i < count; i++)
		ike_input(old_to[i]->ike, &old_path[i], old[i], old_bytes[i], n.now_ms);
	CHECK(fingerprint(&n.hub) == hub && fingerprint(&n.spoke) == spoke);
	net_end(&n);
}

/** The last request once more gets its answer once more, from the cache and only so. */
static void
request_repeated(void)
{
	struct ike_peer *peer;
	struct ike_path path;
	unsigned sent;
	struct ike_chain c;

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	peer = map_get(&n.spoke.ike->by_session, n.spoke.session.session);
	path = from("192.0.2.99", 500);
	ike_msg_begin(n.spoke.ike, &c);
	CHECK_EQ(ike_msg_request(peer->sa, &c, EXCHANGE_INFORMATIONAL, n.now_ms), 0);
	memcpy(msg, n.spoke.last, n.spoke.last_bytes);
	msg_bytes = n.spoke.last_bytes;
	net_run(&n, 100);
	uint8_t answer[200];
	size_t answer_bytes = n.hub.last_bytes;

	memcpy(answer, n.hub.last, answer_bytes);
	sent = n.sent;
	ike_input(n.hub.ike, &path, msg, msg_bytes, n.now_ms);
	CHECK_EQ(n.sent, sent + 1);
	CHECK_EQ(n.hub.last_bytes, answer_bytes);
	CHECK_MEM(n.hub.last, answer, answer_bytes);
	for (size_t i = 16; i < msg_bytes; i++) { /* forged: not even that */
		msg[i] ^= 4;
		ike_input(n.hub.ike, &path, msg, msg_bytes, n.now_ms);
		msg[i] ^= 4;
	}
	CHECK_EQ(n.sent, sent + 1);
	/* Authentic, same id, other content: dropped. */
	peer->sa->window.send_id--;
	ike_msg_begin(n.spoke.ike, &c);
	ike_chain_notify(&c, 40000, "x", 1);
	CHECK_EQ(ike_msg_request(peer->sa, &c, EXCHANGE_INFORMATIONAL, n.now_ms), 0);
	sent = n.sent;
	net_run(&n, 500);
	CHECK_EQ(n.sent, sent);
	net_end(&n);
}

/** A second copy while the first is being worked on (data path not ready) makes nothing twice. */
static void
request_repeated_while_in_work(void)
{
	net_begin(&n);
	n.hub.install_ms = 3500; /* the spoke repeats meanwhile */
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 15000);
	CHECK_EQ(n.hub.installs, 1);
	ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
	net_run(&n, 15000);
	CHECK_EQ(n.hub.installs, 2);
	CHECK(net_agrees(&n));
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	net_end(&n);
}

/** Answers to what was not asked, or from where nothing was asked, are dropped. */
static void
answers_nobody_awaits(void)
{
	struct ike_sa *sa;
	struct ike_path path;
	size_t at = 0;

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 1);
	sa = map_next(&n.spoke.ike->by_spi, &at);
	struct net_packet *p = first_packet();

	CHECK(p != NULL && p->to == &n.spoke);
	path = p->path;
	addr_parse("192.0.2.200", &path.remote);
	ike_input(n.spoke.ike, &path, p->bytes, p->n, n.now_ms);
	CHECK_EQ(sa->state, IKE_I_INIT);
	net_run(&n, 3000);
	CHECK(net_agrees(&n));

	struct ike_peer *hub = map_get(&n.hub.ike->by_session, n.hub.session.session);
	struct ike_chain c;

	hub->sa->window.recv_id++; /* an answer to a request the spoke never made */
	ike_msg_begin(n.hub.ike, &c);
	ike_chain_delete_ike(&c);
	path = hub->path;
	ike_msg_reply(hub->sa, &c, EXCHANGE_INFORMATIONAL, &path);
	struct ike_totals before, after;

	ike_totals_get(n.spoke.ike, &before);
	net_run(&n, 100);
	ike_totals_get(n.spoke.ike, &after);
	CHECK_EQ(after.dropped_window, before.dropped_window + 1);
	CHECK_EQ(n.spoke.downs, 0);
	net_end(&n);
}

/** Identities are chosen by strangers: nothing of them may reach a terminal as it is. */
static void
identities_print_safely(void)
{
	struct config_identity id = { .type = ID_FQDN, .bytes = 8, .data = "a\x1b[2J\n\xff\"" };
	char text[64];

	CHECK_STR(ike_identity_print(&id, text, sizeof(text)), "0x611b5b324a0aff22");
	id.type = ID_KEY_ID;
	CHECK(strncmp(ike_identity_print(&id, text, sizeof(text)), "keyid:0x611b", 12) == 0);
	CHECK_EQ(strlen(ike_identity_print(&id, text, 10)) < 10, true);
}

/** IKE_AUTH from another address than IKE_SA_INIT, where no NAT was seen: not taken. */
static void
auth_from_elsewhere(void)
{
	struct ike_path path;

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 1);
	n.cut = true;
	while (n.spoke.last[18] != EXCHANGE_AUTH)
		n.cut = false, net_run(&n, 1), n.cut = true;
	struct net_packet *p = first_packet();

	CHECK(p != NULL && p->to == &n.hub);
	path = p->path;
	addr_parse("198.51.100.9", &path.remote);
	ike_input(n.hub.ike, &path, p->bytes, p->n, n.now_ms);
	CHECK_EQ(n.hub.ups, 0);
	n.cut = false;
	net_run(&n, 5000); /* the true one is still good, repeated */
	CHECK_EQ(n.hub.ups, 1);
	CHECK(net_agrees(&n));
	net_end(&n);
}

int
main(void)
{
	TEST(first_message_is_checked);
	TEST(first_message_repeated);
	TEST(first_message_repeated_by_a_flood);
	TEST(cookies_belong_to_one_sender);
	TEST(cookies_age);
	TEST(half_open_is_capped);
	TEST(half_open_per_prefix);
	TEST(known_peers_first);
	TEST(forged_messages_change_nothing);
	TEST(request_repeated);
	TEST(request_repeated_while_in_work);
	TEST(answers_nobody_awaits);
	TEST(identities_print_safely);
	TEST(auth_from_elsewhere);
	return check_done();
}

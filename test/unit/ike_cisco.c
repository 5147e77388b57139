/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Cisco spokes send, played by a script: smart defaults that open with group 5,
 * many transforms in one proposal, vendor ids, a configuration request with a version
 * string of 257 octets, a private address as identity behind NAT. And what an attacker
 * makes of such messages.
 */
#include <errno.h>

#include "control/ike/ike.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_keys.h"
#include "control/ike/ike_nat.h"
#include "control/ike/ike_prop.h"
#include "control/ike/ike_wire.h"
#include "crypto/dh.h"
#include "test/lib/check.h"

#define PSK "cisco123 and more of it"

static uint8_t sent[4096]; /* last message of the hub */
static size_t sent_bytes;
static unsigned sends, ups, downs;
static struct ike_path sent_path;
static struct ike_event event;
static unsigned events[IKE_REASON_COUNT];
static struct ike_child_sa child;
static struct ike_session session;
static uint64_t seed;

static void
op_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	memcpy(sent, bytes, n);
	sent_bytes = n;
	sent_path = *path;
	sends++;
}

static void
op_random(void *user, void *out, size_t n)
{
	uint8_t *p = out;

	while (n-- > 0) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		*p++ = (uint8_t)(seed >> 40);
	}
}

static uint32_t
op_spi_alloc(void *user)
{
	return 0xc0000001;
}

static void
op_spi_free(void *user, uint32_t spi)
{
}

static int
op_child_install(void *user, const struct ike_child_sa *c)
{
	child = *c;
	return 0;
}

static void
op_use(void *user, uint64_t id)
{
}

static void
op_remove(void *user, uint64_t id, enum ike_reason reason)
{
}

static void
op_moved(void *user, uint64_t id, const struct ike_path *path)
{
}

static void
op_up(void *user, const struct ike_session *s)
{
	session = *s;
	ups++;
}

static void
op_down(void *user, const struct ike_session *s, enum ike_reason reason)
{
	downs++;
}

static void
op_event(void *user, const struct ike_event *e)
{
	event = *e;
	events[e->reason]++;
}

static const struct ike_ops ops = {
	.send = op_send,
	.random = op_random,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = op_child_install,
	.child_use_outbound = op_use,
	.child_remove = op_remove,
	.child_moved = op_moved,
	.peer_up = op_up,
	.peer_down = op_down,
	.event = op_event,
};

static struct ike *hub;
static enum pfs hub_pfs;
static struct config_ike_profile profile;
static struct ike_path wan = { .local_port = 500, .remote_port = 500 };
static uint64_t now_ms;

static void
hub_start(const struct config_proposal *ike, size_t ike_count)
{
	struct config_psk psk = { 0 };
	struct ike_listener l = { .profile = &profile };
	struct ike_conf conf = {
		.listeners = &l, .listeners_count = 1, .psks = &psk, .psks_count = 1
	};

	seed = 42;
	now_ms = 1000;
	sends = ups = downs = 0;
	sent_bytes = 0;
	memset(events, 0, sizeof(events));
	memset(&event, 0, sizeof(event));
	memset(&profile, 0, sizeof(profile));
	strcpy(profile.name, "iwan");
	memcpy(profile.ike, ike, ike_count * sizeof(*ike));
	profile.ike_count = (uint32_t)ike_count;
	profile.esp[0] = (struct config_proposal){ .encr = 20, .encr_bits = 128 };
	profile.esp[1] = (struct config_proposal){ .encr = 12, .encr_bits = 128, .integ = 2 };
	profile.esp_count = 2;
	profile.max_children = 4;
	profile.pfs = hub_pfs;
	addr_parse("203.0.113.1", &wan.local);
	addr_parse("198.51.100.7", &wan.remote);
	l.local = wan.local;
	secret_set(&psk.key, PSK, strlen(PSK));
	hub = ike_new(&ops, NULL);
	CHECK_EQ(ike_configure(hub, &conf, now_ms), 0);
	secret_wipe(&psk.key);
}

/* The spoke of the script. */
static struct {
	uint64_t spi_i, spi_r;
	uint8_t nonce[20];
	uint8_t init[2048], init_r[2048];
	size_t init_bytes, init_r_bytes;
	struct dh *dh;
	uint16_t group;
	struct ike_keys keys;
	struct ike_suite suite;
} spoke;

static const uint16_t smart_groups[] = { 5, 2 };
static const uint16_t xe17_groups[] = { 19, 14, 21, 5 };

static void
put_transform(struct writer *w, bool last, uint8_t type, uint16_t id, uint16_t bits)
{
	wr_be16(w, last ? 0 : 0x0300);
	wr_be16(w, bits ? 12 : 8);
	wr_be16(w, (uint16_t)(type << 8));
	wr_be16(w, id);
	if (bits) {
		wr_be16(w, 0x800e);
		wr_be16(w, bits);
	}
}

/** All in one proposal, as IOS does. */
static void
put_smart_default(struct ike_chain *c, const uint16_t *groups, size_t groups_count)
{
	static const uint16_t prf[] = { 7, 6, 5, 2, 1 }, integ[] = { 14, 13, 12, 2, 1 };
	size_t start;

	ike_chain_open(c, PAYLOAD_SA);
	start = wr_used(&c->w);
	wr_be32(&c->w, 0);
	wr_be32(&c->w, 0x01010000u | (uint32_t)(3 + 5 + 5 + groups_count));
	for (uint16_t bits = 256; bits >= 128; bits -= 64)
		put_transform(&c->w, false, T_ENCR, 12, bits);
	for (int i = 0; i < 5; i++)
		put_transform(&c->w, false, T_INTEG, integ[i], 0);
	for (int i = 0; i < 5; i++)
		put_transform(&c->w, false, T_PRF, prf[i], 0);
	for (size_t i = 0; i < groups_count; i++)
		put_transform(&c->w, i + 1 == groups_count, T_DH, groups[i], 0);
	wr_patch_be16(&c->w, start + 2, (uint16_t)(wr_used(&c->w) - start));
	ike_chain_close(c);
}

static void
send_init(const uint16_t *groups, size_t groups_count, uint16_t ke)
{
	struct ike_header h = {
		.spi_i = spoke.spi_i, .exchange = EXCHANGE_SA_INIT, .flags = FLAG_INITIATOR
	};
	uint8_t hash[20] = { 1 }; /* of a private address: NAT */
	struct ike_chain c;

	dh_free(spoke.dh);
	CHECK_EQ(dh_new(ke, &spoke.dh), 0);
	spoke.group = ke;
	memset(spoke.nonce, 0x5a, sizeof(spoke.nonce));
	ike_chain_message(&c, spoke.init, sizeof(spoke.init), &h);
	put_smart_default(&c, groups, groups_count);
	ike_chain_ke(&c, ke, dh_public(spoke.dh), dh_alg(spoke.dh)->public_bytes);
	ike_chain_put(&c, PAYLOAD_NONCE, spoke.nonce, sizeof(spoke.nonce));
	ike_chain_put(&c, PAYLOAD_VENDOR, "CISCO-DELETE-REASON", 19);
	ike_chain_put(&c, PAYLOAD_VENDOR, "CISCO(COPYRIGHT)&Copyright (c) 2009", 35);
	ike_chain_put(&c, PAYLOAD_VENDOR, "CISCO-GRE-MODE", 14);
	ike_chain_notify(&c, N_NAT_DETECTION_SOURCE_IP, hash, sizeof(hash));
	ike_nat_hash(spoke.spi_i, 0, &wan.local, 500, hash);
	ike_chain_notify(&c, N_NAT_DETECTION_DESTINATION_IP, hash, sizeof(hash));
	spoke.init_bytes = ike_chain_finish(&c);
	ike_input(hub, &wan, spoke.init, spoke.init_bytes, now_ms);
}

static void
read_init(struct ike_payloads *p)
{
	struct ike_header h;

	CHECK_EQ(ike_header_read(sent, sent_bytes, &h), 0);
	CHECK_EQ(h.exchange, EXCHANGE_SA_INIT);
	memcpy(spoke.init_r, sent, sent_bytes);
	spoke.init_r_bytes = sent_bytes;
	spoke.spi_r = h.spi_r;
	CHECK_EQ(ike_payloads_read(h.next_payload, spoke.init_r + 28, sent_bytes - 28, p), 0);
}

static void
take_keys(void)
{
	struct ike_policy policy = { .protocol = PROTO_IKE,
		.lines = profile.ike,
		.lines_count = profile.ike_count,
		.dh_rule = DH_RULE_LINE,
		.ke_group = spoke.group };
	struct ike_payloads p;
	struct secret shared = { 0 };
	struct ike_seed s = { .initiator = true, .spi_i = spoke.spi_i };

	read_init(&p);
	CHECK_EQ(ike_suite_accept(p.sa, &policy, &spoke.suite), 0);
	CHECK_EQ(p.ke_group, spoke.group);
	CHECK_EQ(dh_shared(spoke.dh, p.ke.data, p.ke.bytes, &shared), 0);
	s.ni = (struct ike_view){ spoke.nonce, sizeof(spoke.nonce) };
	s.nr = p.nonce;
	s.spi_r = spoke.spi_r;
	ike_keys_wipe(&spoke.keys);
	CHECK_EQ(ike_keys_first(&spoke.keys, &spoke.suite, &s, &shared), 0);
	secret_wipe(&shared);
}

/** Configuration request: version of 257 octets, private attributes. */
static void
put_config_request(struct ike_chain *c)
{
	ike_chain_open(c, PAYLOAD_CP);
	wr_be32(&c->w, 1u << 24);
	wr_be16(&c->w, 7); /* APPLICATION_VERSION */
	wr_be16(&c->w, 257);
	for (int i = 0; i < 257; i++)
		wr_u8(&c->w, 'C');
	wr_be32(&c->w, 0x70010000);
	wr_be32(&c->w, 0x70020000);
	ike_chain_close(c);
}

static uint16_t esp_group; /* a group the spoke names with its first child, 0 = none */

static void
put_esp(struct ike_chain *c)
{
	size_t start;

	ike_chain_open(c, PAYLOAD_SA);
	start = wr_used(&c->w);
	wr_be32(&c->w, 0);
	wr_be32(&c->w, 0x01030400u | (esp_group != 0 ? 4 : 3));
	wr_be32(&c->w, 0xa1a2a3a4);
	put_transform(&c->w, false, T_ENCR, 12, 128);
	put_transform(&c->w, false, T_INTEG, 2, 0);
	if (esp_group != 0)
		put_transform(&c->w, false, T_DH, esp_group, 0);
	put_transform(&c->w, true, T_ESN, 0, 0);
	wr_patch_be16(&c->w, start + 2, (uint16_t)(wr_used(&c->w) - start));
	ike_chain_close(c);
}

static size_t
build_sealed(uint8_t *msg, size_t room, uint8_t exchange, uint32_t id, const uint8_t *plain,
	size_t n, uint8_t first)
{
	struct ike_header h = { .spi_i = spoke.spi_i,
		.spi_r = spoke.spi_r,
		.exchange = exchange,
		.flags = FLAG_INITIATOR,
		.id = id };
	struct ike_chain c;

	ike_chain_message(&c, msg, room, &h);
	ike_chain_open(&c, PAYLOAD_SK);
	*c.next = first;
	uint8_t *body = wr_room(&c.w, ike_aead_sealed_bytes(spoke.keys.send, n));

	memcpy(body + ike_aead_iv_bytes(spoke.keys.send), plain, n);
	ike_chain_close(&c);
	size_t total = ike_chain_finish(&c);

	CHECK_EQ(ike_aead_seal(spoke.keys.send, msg, room, 32, n), 0);
	return total;
}

static bool auth_spoilt, without_child;

static size_t
build_auth(uint8_t *msg, size_t room, const struct ike_payloads *init_r, const char *psk_text)
{
	static uint8_t plain[2048];
	struct config_identity id = {
		.type = ID_IPV4_ADDR, .bytes = 4, .data = { 192, 168, 1, 2 }
	};
	uint8_t id_body[8] = { ID_IPV4_ADDR, 0, 0, 0, 192, 168, 1, 2 };
	uint8_t auth[4 + 64] = { 2 }, window[4] = { 0, 0, 0, 5 }, first;
	struct secret psk = { 0 };
	struct addr private;
	struct ike_chain c;

	addr_parse("192.168.1.2", &private);
	secret_set(&psk, psk_text, strlen(psk_text));
	CHECK_EQ(ike_keys_psk_auth(&spoke.keys, true, &psk,
			 (struct ike_view){ spoke.init, spoke.init_bytes }, init_r->nonce,
			 (struct ike_view){ id_body, 8 }, auth + 4),
		0);
	secret_wipe(&psk);
	auth[3 + spoke.keys.prf->out_bytes] ^= auth_spoilt;
	ike_chain_bare(&c, plain, sizeof(plain), &first);
	ike_chain_put(&c, PAYLOAD_VENDOR, "CISCO-GRE-MODE", 14);
	ike_chain_id(&c, PAYLOAD_IDI, &id);
	/* hash and URL, bundle, and one whose key id is cut short: skipped, as any encoding */
	ike_chain_put(&c, PAYLOAD_CERTREQ, (const uint8_t[]){ 12, 1, 2, 3 }, 4);
	ike_chain_put(&c, PAYLOAD_CERTREQ, (const uint8_t[]){ 13 }, 1);
	ike_chain_put(&c, PAYLOAD_CERTREQ, (const uint8_t[]){ 4, 1, 2, 3 }, 4);
	ike_chain_put(&c, PAYLOAD_CERTREQ, (const uint8_t[]){ 255, 0 }, 2);
	ike_chain_put(&c, PAYLOAD_AUTH, auth, 4u + spoke.keys.prf->out_bytes);
	put_config_request(&c);
	if (!without_child) {
		put_esp(&c);
		ike_chain_ts(&c, PAYLOAD_TSI, &private, 47);
		ike_chain_ts(&c, PAYLOAD_TSR, &wan.local, 47);
	}
	ike_chain_notify(&c, N_INITIAL_CONTACT, NULL, 0);
	ike_chain_notify(&c, N_USE_TRANSPORT_MODE, NULL, 0);
	ike_chain_notify(&c, N_SET_WINDOW_SIZE, window, 4);
	ike_chain_notify(&c, N_ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	ike_chain_notify(&c, 16395, NULL, 0); /* NON_FIRST_FRAGMENTS_ALSO */
	return build_sealed(msg, room, EXCHANGE_AUTH, 1, plain, wr_used(&c.w), first);
}

static struct ike_path
floated(void)
{
	struct ike_path p = wan;

	p.natt = true;
	p.local_port = 4500;
	p.remote_port = 31337;
	return p;
}

static const struct config_proposal iwan[] = {
	{ .encr = 12, .encr_bits = 256, .integ = 14, .prf = 7, .dh = 14 },
	{ .encr = 12, .encr_bits = 256, .integ = 12, .prf = 5, .dh = 14 },
};

static void
smart_default_group_5(void)
{
	struct config_proposal legacy[] = { iwan[0], iwan[0] };
	struct ike_payloads p;

	spoke.spi_i = 0x1111;
	hub_start(iwan, 2);
	send_init(smart_groups, 2, 5);
	CHECK_EQ(events[IKE_REASON_LEGACY_ONLY], 1);
	CHECK(strstr(event.offered, "aes256-aes192-aes128-sha512") != NULL);
	CHECK(strstr(event.offered, "modp1536-modp1024") != NULL);
	CHECK(strstr(event.wanted, "modp2048") != NULL);
	CHECK(strstr(event.remedy, "crypto ikev2 proposal") != NULL);
	read_init(&p);
	CHECK(ike_notify_find(&p, N_NO_PROPOSAL_CHOSEN) != NULL);
	ike_free(hub);

	legacy[1].dh = 5;
	legacy[1].weak = 1;
	hub_start(legacy, 2);
	send_init(smart_groups, 2, 5);
	take_keys();
	CHECK_EQ(spoke.suite.dh, 5);
	CHECK_EQ(spoke.suite.encr_bits, 256);
	ike_free(hub);
}

/** Up to the answered IKE_SA_INIT with group 14, after one with 19. */
static void
to_keyed(struct ike_payloads *init_r)
{
	struct ike_payloads p;

	spoke.spi_i = 0x2222;
	hub_start(iwan, 2);
	send_init(xe17_groups, 4, 19);
	read_init(&p);
	const struct ike_notify *n = ike_notify_find(&p, N_INVALID_KE_PAYLOAD);

	CHECK(n != NULL && n->data.bytes == 2 && n->data.data[1] == 14);
	CHECK_EQ(spoke.spi_r, 0); /* no state for it */
	send_init(xe17_groups, 4, 14);
	take_keys();
	read_init(init_r);
}

static void
whole_setup(void)
{
	struct ike_path path = floated();
	struct ike_payloads init_r, p;
	static uint8_t msg[2048];
	uint8_t *plain;
	struct ike_header h;
	size_t n, plain_bytes;
	struct ike_ts ts;
	struct cursor c;
	unsigned count;

	to_keyed(&init_r);
	n = build_auth(msg, sizeof(msg), &init_r, PSK);
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(ups, 1);
	CHECK_STR(session.peer_text, "192.168.1.2");
	CHECK(session.nat_remote && !session.nat_local);
	CHECK_EQ(child.encr, 12);
	CHECK_EQ(child.integ, 2);
	CHECK(!child.tunnel && child.udp && !child.esn);
	CHECK_EQ(child.spi_out, 0xa1a2a3a4);
	CHECK_EQ(child.path.remote_port, 31337);
	CHECK(addr_equal(&child.ts_remote, &wan.remote));
	CHECK_EQ(sent_path.remote_port, 31337);

	CHECK_EQ(ike_header_read(sent, sent_bytes, &h), 0);
	CHECK_EQ(ike_aead_open(spoke.keys.recv, sent, sent_bytes, 32, &plain, &plain_bytes), 0);
	CHECK_EQ(ike_payloads_read(sent[28], plain, plain_bytes, &p), 0);
	CHECK(p.idr.data != NULL && p.auth.data != NULL && p.cp.data == NULL);
	CHECK(ike_notify_find(&p, N_USE_TRANSPORT_MODE) != NULL);
	CHECK(ike_notify_find(&p, N_SET_WINDOW_SIZE) == NULL);
	CHECK_EQ(ike_ts_open(p.tsi, &c, &count), 0);
	CHECK_EQ(ike_ts_next(&c, &ts), 1);
	CHECK(addr_equal(&ts.first, &wan.remote)); /* it learns its outer address here */
	CHECK_EQ(ts.protocol, 47);
	ike_free(hub);
}

/** No bit of a first or second message may be changed and still do something. */
static void
forged_messages_change_nothing(void)
{
	struct ike_path path = floated();
	struct ike_payloads init_r;
	static uint8_t msg[2048], bad[2048];
	size_t n;

	to_keyed(&init_r);
	n = build_auth(msg, sizeof(msg), &init_r, PSK);
	for (size_t i = 0; i < n; i++) {
		memcpy(bad, msg, n);
		bad[i] ^= (uint8_t)(1u << i % 8);
		ike_input(hub, &path, bad, n, now_ms);
		ike_input(hub, &path, msg, i, now_ms); /* cut short */
	}
	CHECK_EQ(ups, 0);
	CHECK_EQ(events[IKE_REASON_PSK_MISMATCH], 0);
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(ups, 1);
	unsigned before = sends;

	ike_input(hub, &path, msg, n, now_ms); /* repeated: same answer */
	CHECK_EQ(sends, before + 1);
	CHECK_EQ(ups, 1);
	ike_input(hub, &wan, spoke.init, spoke.init_bytes, now_ms);
	CHECK_EQ(sends, before + 1); /* an old first message: neither answer nor new SA */
	struct ike_totals t;

	ike_totals_get(hub, &t);
	CHECK_EQ(t.half_open, 0);
	CHECK_EQ(t.sessions, 1);
	ike_free(hub);
}

/** Authenticated requests of all kinds of rubbish are answered and harmless. */
static void
strange_requests(void)
{
	static const struct {
		uint8_t first;
		uint8_t plain[32];
		size_t n;
		uint16_t notify; /* in the answer, 0 = none */
	} cases[] = {
		{ 0, { 0 }, 0, 0 },                                     /* liveness */
		{ 200, { 0, 0x80, 0, 4 }, 4, 1 },                       /* unknown, critical */
		{ 200, { 0, 0, 0, 4 }, 4, 0 },                          /* unknown */
		{ 41, { 0, 0, 0, 3 }, 4, 7 },                           /* length below 4 */
		{ 41, { 0, 0, 0, 8, 0, 0, 0x9c, 0x40 }, 8, 0 },         /* private notify */
		{ 42, { 0, 0, 0, 8, 3, 4, 0, 9 }, 8, 7 },               /* SPIs missing */
		{ 42, { 0, 0, 0, 12, 3, 4, 0, 1, 9, 9, 9, 9 }, 12, 0 }, /* unknown SPI */
		{ 42, { 0, 0, 0, 10, 2, 2, 0, 1, 9, 9 }, 10, 0 },       /* AH */
		{ 47, { 0, 0, 0, 8, 3, 0, 0, 0 }, 8, 0 },               /* CFG_SET */
		{ 43, { 43, 0, 0, 4, 0, 0, 0, 5, 1 }, 9, 0 },
	};
	struct ike_path path = floated();
	struct ike_payloads init_r, p;
	static uint8_t msg[2048];
	uint8_t *plain;
	size_t n, plain_bytes;

	to_keyed(&init_r);
	n = build_auth(msg, sizeof(msg), &init_r, PSK);
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(ups, 1);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before = sends;

		n = build_sealed(msg, sizeof(msg), EXCHANGE_INFORMATIONAL, i + 2, cases[i].plain,
			cases[i].n, cases[i].first);
		ike_input(hub, &path, msg, n, now_ms);
		CHECK_EQ(sends, before + 1);
		CHECK_EQ(ike_aead_open(spoke.keys.recv, sent, sent_bytes, 32, &plain, &plain_bytes),
			0);
		CHECK_EQ(ike_payloads_read(sent[28], plain, plain_bytes, &p), 0);
		CHECK_EQ(p.notifies > 0 ? p.notify[0].type : 0, cases[i].notify);
	}
	CHECK_EQ(downs, 0);
	ike_free(hub);
}

static void
wrong_key_then_right_one(void)
{
	struct ike_path path = floated();
	struct ike_payloads init_r;
	static uint8_t msg[2048];
	size_t n;

	to_keyed(&init_r);
	n = build_auth(msg, sizeof(msg), &init_r, "something else");
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(events[IKE_REASON_PSK_MISMATCH], 1);
	CHECK_STR(event.identity, "192.168.1.2");
	n = build_auth(msg, sizeof(msg), &init_r, PSK); /* no second try on the same SA */
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(ups, 0);
	ike_free(hub);
}

/** The last octet of AUTH counts as much as the first. */
static void
almost_right_key(void)
{
	struct ike_path path = floated();
	struct ike_payloads init_r;
	static uint8_t msg[2048];

	to_keyed(&init_r);
	auth_spoilt = true;
	size_t n = build_auth(msg, sizeof(msg), &init_r, PSK);

	auth_spoilt = false;
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(events[IKE_REASON_PSK_MISMATCH], 1);
	CHECK_EQ(ups, 0);
	ike_free(hub);
}

/** Groups a spoke names with its first child: what the first rekey would stumble on is told. */
static void
pfs_mismatch_is_named_at_first_setup(void)
{
	static const struct {
		enum pfs pfs;
		uint16_t group;
		const char *wanted; /* NULL: nothing to tell */
	} cases[] = {
		{ PFS_PEER, 0, NULL },
		{ PFS_PEER, 14, NULL },
		{ PFS_REQUIRE, 14, NULL },
		{ PFS_OFF, 0, NULL },
		{ PFS_REQUIRE, 0, NULL }, /* most peers name it at the rekey only */
		{ PFS_PEER, 5, "modp2048" },
		{ PFS_REQUIRE, 24, "modp2048" },
		{ PFS_OFF, 14, "no group: pfs is off" },
	};
	struct ike_path path = floated();
	struct ike_payloads init_r;
	static uint8_t msg[2048];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hub_pfs = cases[i].pfs;
		esp_group = cases[i].group;
		to_keyed(&init_r);
		ike_input(hub, &path, msg, build_auth(msg, sizeof(msg), &init_r, PSK), now_ms);
		CHECK_EQ(ups, 1);
		CHECK_EQ(child.encr, 12);
		CHECK_EQ(events[IKE_REASON_PFS_MISMATCH_AHEAD], cases[i].wanted != NULL);
		size_t at = 0;
		const struct ike_peer *peer = map_next(&hub->by_session, &at);

		/* What both know is where the hub's own rekey begins. */
		CHECK_EQ(peer->pfs_group, cases[i].wanted == NULL ? cases[i].group : 0);
		if (cases[i].wanted != NULL) {
			CHECK_STR(event.wanted, cases[i].wanted);
			CHECK(event.authenticated);
			CHECK(strstr(event.offered, "modp") != NULL);
		}
		ike_free(hub);
	}
	hub_pfs = PFS_PEER;
	esp_group = 0;
}

/** RFC 6023: accepted, and a child can follow. */
static void
childless(void)
{
	struct ike_path path = floated();
	struct ike_payloads init_r, p;
	static uint8_t msg[2048];
	uint8_t *plain;
	size_t plain_bytes;

	to_keyed(&init_r);
	CHECK(ike_notify_find(&init_r, N_CHILDLESS_IKEV2_SUPPORTED) != NULL);
	without_child = true;
	memset(&child, 0, sizeof(child));
	size_t n = build_auth(msg, sizeof(msg), &init_r, PSK);

	without_child = false;
	ike_input(hub, &path, msg, n, now_ms);
	CHECK_EQ(ups, 1);
	CHECK_EQ(child.child, 0);
	CHECK_EQ(ike_aead_open(spoke.keys.recv, sent, sent_bytes, 32, &plain, &plain_bytes), 0);
	CHECK_EQ(ike_payloads_read(sent[28], plain, plain_bytes, &p), 0);
	CHECK(p.auth.data != NULL && p.sa.data == NULL && p.tsi.data == NULL);
	CHECK(ike_notify_error(&p) == NULL);
	ike_free(hub);
}

static void
ikev1_and_other_versions(void)
{
	uint8_t msg[64] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	hub_start(iwan, 2);
	msg[16] = 1;
	msg[17] = 0x10;
	msg[18] = 2; /* main mode */
	msg[27] = sizeof(msg);
	for (int i = 0; i < 5; i++)
		ike_input(hub, &wan, msg, sizeof(msg), now_ms);
	CHECK_EQ(events[IKE_REASON_IKEV1], 1);
	CHECK_EQ(sends, 0);
	now_ms += 60000;
	ike_input(hub, &wan, msg, sizeof(msg), now_ms);
	CHECK_EQ(events[IKE_REASON_IKEV1], 2);
	CHECK_EQ(event.suppressed, 4);
	CHECK(strstr(event.remedy, "ikev2-profile") != NULL);
	msg[17] = 0x30;
	ike_input(hub, &wan, msg, sizeof(msg), now_ms);
	CHECK_EQ(sends, 1);
	ike_free(hub);
}

static void
unknown_spis_are_told_rarely(void)
{
	struct ike_path path = floated();
	struct ike_header h;
	struct ike_payloads p;

	hub_start(iwan, 2);
	for (int i = 0; i < 9; i++)
		ike_unknown_spi(hub, &path, 0xdeadbeef, now_ms);
	CHECK_EQ(sends, 1);
	CHECK(sent_path.natt);
	CHECK_EQ(ike_header_read(sent, sent_bytes, &h), 0);
	CHECK_EQ(ike_payloads_read(h.next_payload, sent + 28, sent_bytes - 28, &p), 0);
	CHECK(p.notify[0].type == N_INVALID_SPI && p.notify[0].data.bytes == 4);
	CHECK_EQ(events[IKE_REASON_INVALID_SPI], 1);
	CHECK_STR(event.detail, "ESP with SPI 0xdeadbeef, which nobody has here");
	/* After a restart all of them send at once: most are told in the first seconds. */
	sends = 0;
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 4000; i++) {
			path.remote.octet[1] = (uint8_t)(i >> 8);
			path.remote.octet[2] = (uint8_t)i;
			ike_unknown_spi(hub, &path, 0xdeadbeef, now_ms);
		}
		if (round == 0)
			CHECK(sends > 2000);
		now_ms += 5001;
	}
	CHECK(sends > 6000);
	CHECK(events[IKE_REASON_INVALID_SPI] < 30); /* forged senders do not fill the log */
	ike_free(hub);
}

static void
limits_hold(void)
{
	struct ike_totals t;

	hub_start(iwan, 2);
	for (uint64_t i = 1; i < 200; i++) {
		spoke.spi_i = i << 20;
		send_init(xe17_groups, 4, 14);
	}
	ike_totals_get(hub, &t);
	CHECK_EQ(t.half_open, 8); /* per source */
	CHECK(t.dropped_limit > 100);
	now_ms += 31000;
	ike_tick(hub, now_ms);
	ike_totals_get(hub, &t);
	CHECK_EQ(t.half_open, 0);
	ike_free(hub);
}

int
main(void)
{
	TEST(smart_default_group_5);
	TEST(whole_setup);
	TEST(forged_messages_change_nothing);
	TEST(strange_requests);
	TEST(wrong_key_then_right_one);
	TEST(almost_right_key);
	TEST(pfs_mismatch_is_named_at_first_setup);
	TEST(childless);
	TEST(ikev1_and_other_versions);
	TEST(unknown_spis_are_told_rarely);
	TEST(limits_hold);
	ike_keys_wipe(&spoke.keys);
	dh_free(spoke.dh);
	return check_done();
}

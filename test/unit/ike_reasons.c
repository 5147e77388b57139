/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason there is, raised: a row for each says how. A reason without a row fails, so
 * that none is declared, and told to operators, that nothing ever says.
 */
#include "control/ike/ike_cert.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

static struct net n; /* large: not on the stack */
static uint8_t init[2048];
static size_t init_bytes;

/* ---- how far a session comes ------------------------------------------------------------- */

static void
run(void)
{
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 40000);
}

static void
up(void)
{
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(net_agrees(&n));
}

/** The spoke's first message is in init and goes nowhere. */
static void
take_init(void)
{
	net_start(&n);
	n.cut = true;
	net_initiate(&n, true);
	net_run(&n, 1);
	init_bytes = n.spoke.last_bytes;
	memcpy(init, n.spoke.last, init_bytes);
}

/** A stranger with a first message like the spoke's. */
static void
stranger(uint8_t spi, const char *local)
{
	struct ike_path p = { .remote = n.spoke.addr, .local_port = 500, .remote_port = 500 };

	addr_parse(local, &p.local);
	init[0] = spi;
	ike_input(n.hub.ike, &p, init, init_bytes, n.now_ms);
}

/** Until IKE_AUTH is on its way, which is spoilt or lost, and so is all that follows. */
static void
no_auth(bool spoilt)
{
	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	while (n.sent < 3)
		net_run(&n, 1);
	n.cut = true;
	for (unsigned i = 0; i < NET_PACKETS; i++) {
		struct net_packet *p = &n.packet[i];

		if (p->used && spoilt)
			p->bytes[p->n - 1] ^= 1;
		else if (p->used)
			p->at_ms += 100000;
	}
	net_run(&n, 40000);
}

/** The chain from into c, without CERT payloads, or its ESP proposal with a group. */
static void
rewrite(struct ike_chain *c, uint8_t type, const uint8_t *from, uint8_t change)
{
	struct ike_suite suite = { .encr = ENCR_AES_GCM_16, .encr_bits = 128, .dh = 14 };

	while (type != PAYLOAD_NONE) {
		uint16_t bytes = (uint16_t)(from[2] << 8 | from[3]);

		if (type != change)
			ike_chain_put(c, (enum ike_payload_type)type, from + 4, bytes - 4u);
		else if (type == PAYLOAD_SA)
			ike_suites_write(c, PROTO_ESP, &suite, 1, 0x7001, 4);
		type = from[0];
		from += bytes;
	}
}

/** The spoke's IKE_AUTH gets lost; it comes again, one kind of payload changed by rewrite(). */
static void
auth_otherwise(uint8_t change)
{
	static uint8_t was[IKE_MSG_MAX];
	struct ike_chain c;
	size_t at = 0;

	net_start(&n);
	net_initiate(&n, true);
	struct ike_sa *sa = map_next(&n.spoke.ike->by_spi, &at);

	while (sa->state != IKE_I_AUTH)
		net_run(&n, 1);
	for (unsigned i = 0; i < NET_PACKETS; i++)
		n.packet[i].at_ms += 100000;
	uint8_t first = n.spoke.ike->plain_first;

	memcpy(was, n.spoke.ike->plain, sizeof(was));
	ike_msg_begin(n.spoke.ike, &c);
	rewrite(&c, first, was, change);
	sa->window.send_id = 1;
	CHECK_EQ(ike_msg_request(sa, &c, EXCHANGE_AUTH, n.now_ms), 0);
	net_run(&n, 2000);
}

/** A request on the spoke's session, payloads as given. */
static void
ask(uint8_t first, const void *payloads, size_t bytes)
{
	struct ike_chain c;

	net_begin(&n);
	up();
	ike_msg_begin(n.spoke.ike, &c);
	wr_bytes(&c.w, payloads, bytes);
	n.spoke.ike->plain_first = first;
	ike_msg_request(net_sa(&n.spoke), &c, EXCHANGE_INFORMATIONAL, n.now_ms);
	net_run(&n, 50);
}

/* ---- one way to each of them ------------------------------------------------------------- */

static void
malformed(const char *unused)
{
	ask(PAYLOAD_NOTIFY, "\0\0\0\3", 4);
}

static void
critical(const char *unused)
{
	ask(200, "\0\x80\0\4", 4);
}

static void
ikev1(const char *unused)
{
	struct ike_path p = { .local_port = 500, .remote_port = 500 };
	uint8_t msg[28] = { 1, 2, 3, 4, 5, 6, 7, 8, [17] = 0x10, [27] = 28 };

	net_begin(&n);
	net_start(&n);
	p.local = n.hub.addr;
	p.remote = n.spoke.addr;
	ike_input(n.hub.ike, &p, msg, sizeof(msg), n.now_ms);
}

static void
no_listener(const char *unused)
{
	net_begin(&n);
	take_init();
	stranger(1, "192.0.2.2");
}

static void
half_open_limit(const char *unused)
{
	net_begin(&n);
	n.hub.limits.half_open_per_source = 1;
	take_init();
	stranger(1, "192.0.2.1");
	stranger(2, "192.0.2.1");
}

static void
helpers_busy(const char *unused)
{
	net_begin(&n);
	n.hub.jobs_room = 1;
	take_init();
	stranger(1, "192.0.2.1");
	stranger(2, "192.0.2.1");
}

static void
ike_proposal(const char *unused)
{
	net_begin(&n);
	n.spoke.profile.ike[0].dh = 14;
	run();
}

static void
ike_legacy(const char *unused)
{
	net_begin(&n);
	n.spoke.profile.ike[0] =
		net_ike_line(ENCR_3DES, 0, AUTH_HMAC_MD5_96, PRF_HMAC_MD5, DH_MODP_1024);
	run();
}

static void
auth_garbled(const char *unused)
{
	no_auth(true);
	CHECK_EQ(n.hub.events[IKE_REASON_TIMEOUT_HALF_OPEN], 0);
	CHECK(n.hub.last_event.remedy[0] != '\0');
}

static void
auth_lost(const char *unused)
{
	no_auth(false);
	CHECK_EQ(n.hub.events[IKE_REASON_INTEGRITY], 0);
}

static void
key_of_nobody(const char *unused)
{
	net_begin(&n);
	n.hub.psks[0].whom.identity = net_fqdn("branch8.example");
	run();
}

static void
other_key(const char *unused)
{
	net_begin(&n);
	secret_wipe(&n.spoke.psks[0].key);
	n.spoke.psks[0] = net_psk("another key");
	run();
}

static void
signs_for_keys(const char *unused)
{
	net_begin(&n);
	n.spoke.profile.pki = net_pki("spoke-p256");
	run();
}

static void
ppk(const char *spoke_has)
{
	net_begin(&n);
	n.hub.ppks[0] = net_ppk("p", "0123456789abcdef0123456789abcdef");
	n.hub.ppks[0].required = spoke_has[0] == '\0';
	n.hub.ppks_count = 1;
	if (spoke_has[0] != '\0') {
		n.spoke.ppks[0] = net_ppk(spoke_has, "0123456789abcdef0123456789abcdef");
		n.spoke.ppks[0].required = true;
		n.spoke.ppks_count = 1;
	}
	run();
}

static void
certificate(const char *spoke)
{
	net_begin_pki(&n, "hub", spoke);
	run();
}

static void
certificate_missing(const char *unused)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	auth_otherwise(PAYLOAD_CERT);
}

static void
certificate_malformed(const char *unused)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	struct octets der = cert_der(n.spoke.profile.pki->own[0]);

	*(uint8_t *)(uintptr_t)der.data ^= 0xff; /* what it writes, not what it has read */
	run();
}

static void
crls(const char *spoke)
{
	bool revoked = strcmp(spoke, "revoked") == 0;

	net_begin_pki(&n, "hub", spoke);
	cert_trust_put(n.hub.profile.pki->trust);
	n.hub.profile.pki->trust =
		vector_trust("root", CERT_CRL_FAIL_CLOSED, false, revoked ? "root sub" : "root");
	run();
}

static void
no_map(const char *unused)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	struct config_pki *pki = n.hub.profile.pki;
	char why[100];

	pki->maps = calloc(1, sizeof(*pki->maps));
	pki->maps_count = pki->maps[0].match_count = 1;
	CHECK_EQ(pki_match_parse("CN = nobody", &pki->maps[0].match[0], why, sizeof(why)), 0);
	run();
}

static void
other_name(const char *unused)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	n.spoke.profile.local_identity = net_fqdn("branch8.example.org");
	n.hub.profile.pki->id_rule = ID_RULE_STRICT;
	run();
}

static void
key_of(const char *spoke, const char *owner)
{
	net_begin_pki(&n, "hub", spoke);
	sign_key_put(n.spoke.profile.pki->key);
	n.spoke.profile.pki->key = vector_key(owner);
	run();
}

static void
stolen_certificate(const char *unused)
{
	key_of("spoke-rsa", "hub");
}

static void
other_kind_of_key(const char *unused)
{
	key_of("spoke-p256", "spoke-rsa");
}

/** Method 1 with SHA-1: the spoke does not say what it can while it writes the first message. */
static void
sha1(const char *unused)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	n.spoke.profile.pki->sha1 = true;
	net_start(&n);
	n.spoke.ike->policies[0]->profile.pki = NULL;
	net_initiate(&n, true);
	n.spoke.ike->policies[0]->profile.pki = n.spoke.profile.pki;
	net_run(&n, 40000);
}

static void
esp_proposal(const char *unused)
{
	net_begin(&n);
	n.spoke.profile.esp[0] = net_esp_line(ENCR_AES_CBC, 256, AUTH_HMAC_SHA1_96);
	run();
}

static void
esp_legacy(const char *unused)
{
	net_begin(&n);
	n.spoke.profile.esp[0] = net_esp_line(ENCR_3DES, 0, AUTH_HMAC_MD5_96);
	run();
}

static void
other_selectors(const char *unused)
{
	net_begin(&n);
	up();
	addr_parse("10.9.9.9", &net_child(&n.spoke)->ts_local);
	ike_child_soft(n.spoke.ike, net_child(&n.spoke)->id, n.now_ms);
	net_run(&n, 2000);
}

static void
other_mode(const char *unused)
{
	net_begin(&n);
	n.hub.profile.mode = MODE_TRANSPORT;
	net_start(&n);
	net_initiate(&n, false);
	net_run(&n, 2000);
}

/** A second child beside the first. */
static void
second_child(const char *unused)
{
	net_begin(&n);
	n.hub.profile.max_children = 1;
	up();
	net_ask_child(&n);
}

/** As libreswan does that does not like the selectors. used: a packet came on it before. */
static void
child_deleted(uint64_t after_ms, bool used)
{
	struct ike_chain c;

	n.hub.in_late_ms = used ? 0 : 60000;
	net_start(&n);
	net_initiate(&n, true);
	while (n.spoke.ups == 0)
		net_run(&n, 1);
	net_run(&n, after_ms);
	ike_msg_begin(n.spoke.ike, &c);
	ike_chain_delete_esp(&c, &net_child(&n.spoke)->spi_in, 1);
	ike_msg_request(net_sa(&n.spoke), &c, EXCHANGE_INFORMATIONAL, n.now_ms);
	net_run(&n, 50);
	CHECK_EQ(n.hub.removals[IKE_REASON_PEER_DELETED], 1);
}

static void
child_taken_back(const char *unused)
{
	net_begin(&n);
	child_deleted(0, false);
}

/** What was in use, or lasted, just ends. */
static void
child_ends(void)
{
	for (int used = 0; used < 2; used++) {
		net_begin(&n);
		child_deleted(used ? 0 : 2000, used);
		CHECK_EQ(n.hub.events[IKE_REASON_CHILD_TAKEN_BACK], 0);
		net_end(&n);
	}
}

static void
no_room(const char *unused)
{
	net_begin(&n);
	n.hub.install_fails = true;
	run();
}

static void
peer_closes(const char *unused)
{
	net_begin(&n);
	up();
	ike_close(n.spoke.ike, n.spoke.session.session, IKE_REASON_OPERATOR, n.now_ms);
	net_run(&n, 1000);
}

static void
peer_is_gone(const char *unused)
{
	net_begin(&n);
	up();
	n.cut = true;
	ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
	net_run(&n, 60000);
}

static void
peer_comes_anew(const char *unused)
{
	net_begin(&n);
	up();
	net_restart(&n.spoke);
	net_initiate(&n, true);
	net_run(&n, 2000);
}

/** Who signs is there already when somebody comes with a key and says the same name. */
static void
name_by_a_key(const char *unused)
{
	net_begin(&n);
	n.hub.profile.pki = net_pki("hub");
	n.spoke.profile.pki = net_pki("spoke-p256");
	n.spoke.profile.local_identity = net_fqdn("branch7.example.org");
	up();
	config_pki_put(n.spoke.profile.pki);
	n.spoke.profile.pki = NULL;
	net_initiate_from(net_more(&n, "192.0.2.98"), true);
	net_run(&n, 2000);
}

static void
child_is_rekeyed(const char *unused)
{
	net_begin(&n);
	up();
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	net_run(&n, 6000);
}

static void
child_rekeys_cross(const char *unused)
{
	net_begin(&n);
	up();
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	ike_child_soft(n.spoke.ike, net_child(&n.spoke)->id, n.now_ms);
	net_run(&n, 6000);
}

/** The hub, with another configuration, rekeys with what the spoke does not take. */
static void
child_rekey_is_refused(const char *unused)
{
	net_begin(&n);
	n.hub.profile.esp_lifetime_s = 100;
	up();
	n.hub.profile.esp[0].encr_bits = 256;
	net_configure(&n.hub);
	net_run(&n, 300000);
}

static void
operator_closes(const char *unused)
{
	net_begin(&n);
	up();
	ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
}

static void
hub_ends(const char *unused)
{
	net_begin(&n);
	up();
	ike_shutdown(n.hub.ike, n.now_ms);
	net_run(&n, 1000);
}

static void
listener_is_taken_out(const char *unused)
{
	struct ike_conf conf = { 0 };

	net_begin(&n);
	up();
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
}

static void
key_allows_less(const char *unused)
{
	net_begin(&n);
	n.hub.binding_misfits = true;
	up();
	strcpy(n.hub.psks[0].binding.cloud, "other");
	net_configure(&n.hub);
}

static void
esp_of_nobody(const char *unused)
{
	struct ike_path p = { .local_port = 500, .remote_port = 500 };

	net_begin(&n);
	net_start(&n);
	p.local = n.hub.addr;
	p.remote = n.spoke.addr;
	ike_unknown_spi(n.hub.ike, &p, 0xdeadbeef, n.now_ms);
}

/** As Cisco does, the spoke names a group with its first child. */
static void
other_pfs(const char *unused)
{
	net_begin(&n);
	n.hub.profile.pfs = PFS_OFF;
	auth_otherwise(PAYLOAD_SA);
}

static void
nat_moves(const char *unused)
{
	net_begin(&n);
	n.nat_spoke = true;
	up();
	n.nat_port_shift = 500;
	ike_child_soft(n.spoke.ike, net_child(&n.spoke)->id, n.now_ms);
	net_run(&n, 6000);
}

static const struct row {
	enum ike_reason reason;
	void (*provoke)(const char *arg);
	const char *arg;
} rows[] = {
	{ IKE_REASON_MALFORMED, malformed, NULL },
	{ IKE_REASON_IKEV1, ikev1, NULL },
	{ IKE_REASON_NO_LISTENER, no_listener, NULL },
	{ IKE_REASON_HALF_OPEN_LIMIT, half_open_limit, NULL },
	{ IKE_REASON_HELPERS_BUSY, helpers_busy, NULL },
	{ IKE_REASON_NO_PROPOSAL_CHOSEN, ike_proposal, NULL },
	{ IKE_REASON_LEGACY_ONLY, ike_legacy, NULL },
	{ IKE_REASON_UNKNOWN_CRITICAL, critical, NULL },
	{ IKE_REASON_INTEGRITY, auth_garbled, NULL },
	{ IKE_REASON_TIMEOUT_HALF_OPEN, auth_lost, NULL },
	{ IKE_REASON_NO_PSK_FOR_IDENTITY, key_of_nobody, NULL },
	{ IKE_REASON_PSK_MISMATCH, other_key, NULL },
	{ IKE_REASON_AUTH_METHOD, signs_for_keys, NULL },
	{ IKE_REASON_AUTH_REFUSED, other_key, NULL },
	{ IKE_REASON_PPK_REQUIRED, ppk, "" },
	{ IKE_REASON_PPK_UNKNOWN, ppk, "q" },
	{ IKE_REASON_CERT_MISSING, certificate_missing, NULL },
	{ IKE_REASON_CERT_MALFORMED, certificate_malformed, NULL },
	{ IKE_REASON_CERT_EXPIRED, certificate, "expired" },
	{ IKE_REASON_CERT_NOT_YET_VALID, certificate, "future" },
	{ IKE_REASON_CERT_UNTRUSTED, certificate, "stranger" },
	{ IKE_REASON_CERT_REVOKED, crls, "revoked" },
	{ IKE_REASON_CRL_UNAVAILABLE, crls, "spoke-p256" },
	{ IKE_REASON_CERT_USAGE, certificate, "usage" },
	{ IKE_REASON_CERT_WEAK, certificate, "weak" },
	{ IKE_REASON_CERT_NO_MAP, no_map, NULL },
	{ IKE_REASON_ID_NOT_IN_CERT, other_name, NULL },
	{ IKE_REASON_SIGNATURE_MISMATCH, stolen_certificate, NULL },
	{ IKE_REASON_SIGNATURE_HASH, sha1, NULL },
	{ IKE_REASON_SIGNATURE_ALGORITHM, other_kind_of_key, NULL },
	{ IKE_REASON_ESP_NO_PROPOSAL_CHOSEN, esp_proposal, NULL },
	{ IKE_REASON_ESP_LEGACY_ONLY, esp_legacy, NULL },
	{ IKE_REASON_TS_UNACCEPTABLE, other_selectors, NULL },
	{ IKE_REASON_MODE_MISMATCH, other_mode, NULL },
	{ IKE_REASON_TOO_MANY_CHILDREN, second_child, NULL },
	{ IKE_REASON_INSTALL_FAILED, no_room, NULL },
	{ IKE_REASON_CHILD_REFUSED, no_room, NULL },
	{ IKE_REASON_CHILD_TAKEN_BACK, child_taken_back, NULL },
	{ IKE_REASON_PEER_DELETED, peer_closes, NULL },
	{ IKE_REASON_PEER_SILENT, peer_is_gone, NULL },
	{ IKE_REASON_REPLACED, peer_comes_anew, NULL },
	{ IKE_REASON_REKEYED, child_is_rekeyed, NULL },
	{ IKE_REASON_REKEY_REDUNDANT, child_rekeys_cross, NULL },
	{ IKE_REASON_REKEY_FAILED, child_rekey_is_refused, NULL },
	{ IKE_REASON_LIFETIME, child_rekey_is_refused, NULL },
	{ IKE_REASON_OPERATOR, operator_closes, NULL },
	{ IKE_REASON_SHUTDOWN, hub_ends, NULL },
	{ IKE_REASON_CONFIG, listener_is_taken_out, NULL },
	{ IKE_REASON_BINDING, key_allows_less, NULL },
	{ IKE_REASON_INVALID_SPI, esp_of_nobody, NULL },
	{ IKE_REASON_PFS_MISMATCH_AHEAD, other_pfs, NULL },
	{ IKE_REASON_PATH_MOVED, nat_moves, NULL },
	{ IKE_REASON_NAME_TAKEN, name_by_a_key, NULL },
};

static unsigned
said_by(const struct node *nd, enum ike_reason r)
{
	return nd->events[r] + nd->removals[r] + (nd->downs > 0 && nd->down_reason == r);
}

static void
every_reason_is_raised(void)
{
	bool has_row[IKE_REASON_COUNT] = { [IKE_REASON_NONE] = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum ike_reason r = rows[i].reason;

		rows[i].provoke(rows[i].arg);
		has_row[r] = true;
		if (said_by(&n.hub, r) + said_by(&n.spoke, r) == 0)
			printf("# %s is not raised, but %s: %s\n", ike_reason_name(r),
				ike_reason_name(n.hub.last_event.reason), n.hub.last_event.detail);
		CHECK(said_by(&n.hub, r) + said_by(&n.spoke, r) > 0);
		net_end(&n);
	}
	for (int r = 0; r < IKE_REASON_COUNT; r++) {
		if (!has_row[r])
			printf("# nothing here raises %s\n", ike_reason_name((enum ike_reason)r));
		CHECK(has_row[r]);
	}
}

/** Each has a name of its own, by which programs know it. */
static void
names_are_their_own(void)
{
	for (int a = 0; a < IKE_REASON_COUNT; a++) {
		const char *name = ike_reason_name((enum ike_reason)a);

		CHECK(strcmp(name, "unknown") != 0);
		for (int b = 0; b < a; b++)
			CHECK(strcmp(name, ike_reason_name((enum ike_reason)b)) != 0);
	}
}

/** Refused so by the profile of its key, which is named; before the peer gives up. */
static bool
refused_by_vans(bool transport, enum ike_reason reason)
{
	net_start(&n);
	net_initiate_from(&n.spoke, transport);
	for (int i = 0; i < 2000 && n.hub.events[reason] == 0; i++)
		net_run(&n, 1);
	return n.hub.last_event.reason == reason &&
		strcmp(n.hub.last_event.detail, "by profile vans") == 0;
}

/** It is the profile of its key by which a peer fails, and which is named. */
static void
profile_of_the_key_is_named(void)
{
	net_begin(&n);
	net_bind(&n.hub, "vans")->pfs = PFS_OFF;
	auth_otherwise(PAYLOAD_SA);
	CHECK_EQ(n.hub.events[IKE_REASON_PFS_MISMATCH_AHEAD], 1);
	CHECK_STR(n.hub.last_event.detail, "by profile vans");
	CHECK_STR(n.hub.last_event.wanted, "no group: pfs is off");
	net_end(&n);
	net_begin(&n);
	net_bind(&n.hub, "vans")->max_children = 1;
	up();
	net_ask_child(&n);
	CHECK_EQ(n.hub.events[IKE_REASON_TOO_MANY_CHILDREN], 1);
	CHECK_STR(n.hub.last_event.detail, "by profile vans");
	net_end(&n);
	net_begin(&n);
	net_bind(&n.hub, "vans")->mode = MODE_TRANSPORT;
	CHECK(refused_by_vans(false, IKE_REASON_MODE_MISMATCH));
	net_end(&n);
	net_begin(&n);
	net_bind(&n.hub, "vans")->esp[0].encr_bits = 256;
	CHECK(refused_by_vans(true, IKE_REASON_ESP_NO_PROPOSAL_CHOSEN));
	CHECK_STR(n.hub.last_event.offered, "aes128gcm16-esn-noesn");
	CHECK_STR(n.hub.last_event.wanted, "aes256gcm16");
	net_end(&n);
}

int
main(void)
{
	TEST(every_reason_is_raised);
	TEST(child_ends);
	TEST(names_are_their_own);
	TEST(profile_of_the_key_is_named);
	return check_done();
}

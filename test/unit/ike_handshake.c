/* SPDX-License-Identifier: BSD-3-Clause */
/* IKE_SA_INIT and IKE_AUTH between two engines: what comes up, what is refused and why. */
#include "config/identity.h"
#include "config/whom.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_child.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_pack.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

static bool
is_up(void)
{
	return n.hub.ups == 1 && n.spoke.ups == 1 && n.hub.downs == 0 && n.spoke.downs == 0 &&
		net_children(&n.hub) == 1 && net_children(&n.spoke) == 1 && net_agrees(&n);
}

static void
one(bool transport)
{
	net_start(&n);
	CHECK(net_initiate(&n, transport) != 0);
	net_run(&n, 40000);
}

static void
psk_transport_and_tunnel(void)
{
	for (int transport = 0; transport < 2; transport++) {
		net_begin(&n);
		one(transport);
		CHECK(is_up());
		CHECK_EQ(n.hub.child[0].sa.tunnel, !transport);
		CHECK(!n.hub.child[0].sa.udp);
		CHECK(addr_equal(&n.hub.child[0].sa.ts_remote, &n.spoke.addr));
		CHECK(addr_equal(&n.hub.child[0].sa.ts_local, &n.hub.addr));
		CHECK_STR(n.hub.session.peer_text, "192.0.2.99");
		net_end(&n);
	}
}

static void
every_group(void)
{
	for (unsigned i = 0; i < DH_ALGS; i++) {
		net_begin(&n);
		n.hub.profile.ike[0].dh = n.spoke.profile.ike[0].dh = dh_algs[i].id;
		one(true);
		if (!is_up())
			printf("# group %s\n", dh_algs[i].name);
		CHECK(is_up());
		net_end(&n);
	}
}

static void
every_ike_suite(void)
{
	for (unsigned e = 0; e < ENCR_ALGS; e++) {
		for (unsigned p = 0; p < PRF_ALGS; p++) {
			struct config_proposal line = net_ike_line(encr_algs[e].id,
				encr_algs[e].key_bits, encr_algs[e].aead ? 0 : integ_algs[p].id,
				prf_algs[p].id, 31);

			net_begin(&n);
			n.hub.profile.ike[0] = n.spoke.profile.ike[0] = line;
			one(true);
			if (!is_up())
				printf("# %s %s\n", encr_algs[e].name, prf_algs[p].name);
			CHECK(is_up());
			net_end(&n);
		}
	}
}

static void
every_esp_suite(void)
{
	for (unsigned e = 0; e < ENCR_ALGS; e++) {
		for (unsigned a = 0; a < INTEG_ALGS; a++) {
			net_begin(&n);
			n.hub.profile.esp[0] = n.spoke.profile.esp[0] =
				net_esp_line(encr_algs[e].id, encr_algs[e].key_bits,
					encr_algs[e].aead ? 0 : integ_algs[a].id);
			n.spoke.profile.esp[0].esn = (uint8_t)(a % 3);
			one(a % 2);
			CHECK(is_up());
			CHECK_EQ(n.hub.child[0].sa.esn, a % 3 != 1);
			net_end(&n);
		}
	}
}

static void
wrong_key_is_named(void)
{
	net_begin(&n);
	secret_wipe(&n.spoke.psks[0].key);
	n.spoke.psks[0] = net_psk("another key");
	one(true);
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.events[IKE_REASON_PSK_MISMATCH], 1);
	CHECK_STR(n.hub.last_event.identity, "192.0.2.99");
	CHECK_EQ(n.hub.last_event.notify, 24);
	CHECK(!n.hub.last_event.authenticated);
	CHECK_EQ(n.spoke.events[IKE_REASON_AUTH_REFUSED], 1);
	CHECK_EQ(n.hub.spis + n.spoke.spis, 0);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
	net_end(&n);
}

static void
key_by_identity_address_wildcard(void)
{
	struct config_identity id = net_fqdn("branch7.example");

	net_begin(&n);
	n.spoke.profile.local_identity = id;
	n.hub.psks[1] = net_psk("for the prefix");
	CHECK_EQ(prefix_parse("192.0.2.96/28", &n.hub.psks[1].whom.address), 0);
	n.hub.psks[2] = net_psk("for the name");
	n.hub.psks[2].whom.identity = id;
	n.hub.psks_count = 3;
	secret_wipe(&n.spoke.psks[0].key);
	n.spoke.psks[0] = net_psk("for the name");
	one(true);
	CHECK(is_up());
	CHECK_STR(n.hub.session.peer_text, "branch7.example");
	net_end(&n);

	net_begin(&n);
	n.hub.psks[1] = net_psk("for the prefix");
	CHECK_EQ(prefix_parse("192.0.2.96/28", &n.hub.psks[1].whom.address), 0);
	n.hub.psks_count = 2;
	secret_wipe(&n.spoke.psks[0].key);
	n.spoke.psks[0] = net_psk("for the prefix");
	one(true);
	CHECK(is_up());
	net_end(&n);

	/* The longest prefix that holds the address, whatever the order. */
	net_begin(&n);
	n.hub.psks[1] = net_psk("of the whole net");
	CHECK_EQ(prefix_parse("192.0.2.0/24", &n.hub.psks[1].whom.address), 0);
	n.hub.psks[2] = net_psk("for the prefix");
	CHECK_EQ(prefix_parse("192.0.2.96/28", &n.hub.psks[2].whom.address), 0);
	n.hub.psks[3] = net_psk("of another net");
	CHECK_EQ(prefix_parse("192.0.2.100/31", &n.hub.psks[3].whom.address), 0);
	n.hub.psks_count = 4;
	secret_wipe(&n.spoke.psks[0].key);
	n.spoke.psks[0] = net_psk("for the prefix");
	one(true);
	CHECK(is_up());
	net_end(&n);

	net_begin(&n);
	n.hub.psks[0].whom.identity = id;
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_NO_PSK_FOR_IDENTITY], 1);
	net_end(&n);
}

/** A distinguished name in another order and case than the file has it; a name by pattern. */
static void
key_by_form_of_identity(void)
{
	static const struct {
		const char *file, *sends;
	} rows[] = {
		{ "dn:CN=branch7,OU=Branches,O=Example Corp",
			"dn:O=EXAMPLE corp,OU=branches,CN=Branch7" },
		{ "*.branch.example", "7.branch.example" },
		{ "*@branch.example", "seven@branch.example" },
		{ "keyid:branch-*", "keyid:branch-7" },
		{ "10.7.0.0/16", "10.7.0.1" },
		{ "2001:db8::/32", "2001:db8::7" },
	};
	char why[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin(&n);
		CHECK_EQ(identity_parse(rows[i].sends, &n.spoke.profile.local_identity), 0);
		n.hub.psks[1] = net_psk("for its identity");
		CHECK_EQ(whom_parse(rows[i].file, &n.hub.psks[1].whom, why, sizeof(why)), 0);
		n.hub.psks_count = 2;
		secret_wipe(&n.spoke.psks[0].key);
		n.spoke.psks[0] = net_psk("for its identity");
		one(true);
		CHECK(is_up());
		net_end(&n);
	}
}

static void
no_common_proposal_names_both(void)
{
	net_begin(&n);
	n.spoke.profile.ike[0].dh = 14;
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_NO_PROPOSAL_CHOSEN], 1);
	CHECK_STR(n.hub.last_event.offered, "aes128-sha256-prfsha256-modp2048");
	CHECK_STR(n.hub.last_event.wanted, "aes128-sha256-prfsha256-curve25519");
	CHECK_EQ(n.hub.ups, 0);
	net_end(&n);

	net_begin(&n);
	n.spoke.profile.esp[0] = net_esp_line(ENCR_AES_CBC, 256, AUTH_HMAC_SHA1_96);
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_ESP_NO_PROPOSAL_CHOSEN], 1);
	CHECK_EQ(n.hub.ups, 1); /* authenticated, as RFC 7296 1.2 asks */
	CHECK_EQ(n.spoke.down_reason, IKE_REASON_CHILD_REFUSED);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_PEER_DELETED);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);
}

static void
suite_of(void *arg, const struct ike_sa_info *i)
{
	memcpy(arg, i->suite, sizeof(i->suite));
}

/** The IKE suite the hub says it uses, "" without an SA. */
static const char *
hub_suite(void)
{
	static char suite[sizeof(((struct ike_sa_info *)0)->suite)];

	suite[0] = '\0';
	ike_each_sa(n.hub.ike, n.now_ms, suite_of, suite);
	return suite;
}

static const struct config_proposal weak_ike = { .encr = ENCR_3DES,
	.integ = AUTH_HMAC_MD5_96,
	.prf = PRF_HMAC_MD5,
	.dh = DH_MODP_1024,
	.weak = 3 };
static const struct config_proposal weak_esp = {
	.encr = ENCR_3DES, .integ = AUTH_HMAC_MD5_96, .weak = 2
};

static void
only_legacy_is_named(void)
{
	net_begin(&n);
	n.spoke.profile.ike[0] = weak_ike;
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_LEGACY_ONLY], 1);
	CHECK_EQ(n.hub.events[IKE_REASON_NO_PROPOSAL_CHOSEN], 0);
	CHECK_STR(n.hub.last_event.offered, "3des-md5-prfmd5-modp1024");
	CHECK(strstr(n.hub.last_event.remedy, "'encryption aes-cbc-256'") != NULL);
	CHECK(strstr(n.hub.last_event.remedy, "legacy: true in the profile") != NULL);
	CHECK_EQ(n.hub.ups, 0);
	net_end(&n);

	net_begin(&n);
	n.spoke.profile.esp[0] = weak_esp;
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_ESP_LEGACY_ONLY], 1);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);
}

/** What has no switch at all is no matter of legacy: true. */
static void
never_taken_is_not_called_legacy(void)
{
	static const struct config_proposal never[] = {
		{ .encr = 2, .integ = AUTH_HMAC_MD5_96, .prf = PRF_HMAC_MD5, .dh = 2 },
		{ .encr = 11, .integ = AUTH_HMAC_SHA1_96, .prf = PRF_HMAC_SHA1, .dh = 2 },
		{ .encr = ENCR_3DES, .integ = AUTH_HMAC_MD5_96, .prf = PRF_HMAC_MD5, .dh = 1 },
		{ .encr = ENCR_3DES, .integ = AUTH_HMAC_MD5_96, .prf = PRF_HMAC_MD5, .dh = 22 },
		{ .encr = ENCR_3DES, .integ = AUTH_HMAC_MD5_96, .prf = PRF_HMAC_MD5, .dh = 24 },
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		uint8_t sa[256], first;
		struct ike_chain c;
		struct ike_policy policy = { .protocol = PROTO_IKE, .lines = &weak_ike };
		struct ike_policy offer = {
			.protocol = PROTO_IKE, .lines = &never[i], .lines_count = 1
		};

		ike_chain_bare(&c, sa, sizeof(sa), &first);
		ike_lines_write(&c, &offer, 0, 0);
		size_t bytes = wr_used(&c.w); /* no message: there is no header to finish */

		CHECK(!ike_offer_is_legacy(ike_view_of(sa + 4, bytes - 4), &policy));
	}
}

/** The spoke likes it and came with its group, but offers better: that is taken. */
static void
legacy_comes_last(void)
{
	for (int better = 0; better < 2; better++) {
		net_begin(&n);
		n.hub.profile.legacy = true;
		n.hub.profile.ike[0] = net_ike_line(ENCR_AES_CBC, 256, 12, 5, 14);
		n.hub.profile.ike[1] = weak_ike;
		n.hub.profile.ike_count = 2;
		n.hub.profile.esp[0] = net_esp_line(ENCR_AES_CBC, 256, 12);
		n.hub.profile.esp[1] = weak_esp;
		n.hub.profile.esp_count = 2;
		n.spoke.profile.ike[0] = weak_ike;
		n.spoke.profile.ike[1] = n.hub.profile.ike[0];
		n.spoke.profile.esp[0] = weak_esp;
		n.spoke.profile.esp[1] = n.hub.profile.esp[0];
		n.spoke.profile.ike_count = n.spoke.profile.esp_count = better ? 2 : 1;
		one(true);
		CHECK(is_up());
		CHECK_STR(hub_suite(),
			better ? "aes256-sha256-prfsha256-modp2048" : "3des-md5-prfmd5-modp1024");
		CHECK_EQ(n.hub.child[0].sa.encr, better ? ENCR_AES_CBC : ENCR_3DES);
		CHECK_EQ(n.hub.child[0].sa.in.encr_bytes, better ? 32 : 24);
		net_end(&n);
	}
}

static void
other_group_costs_one_round(void)
{
	net_begin(&n);
	n.spoke.profile.ike[1] = n.spoke.profile.ike[0];
	n.spoke.profile.ike[0].dh = 5;
	n.spoke.profile.ike_count = 2;
	one(true);
	CHECK(is_up());
	CHECK_EQ(n.sent, 6);
	net_end(&n);
}

struct cookies {
	unsigned with, without;
};

static void
count_cookie(void *arg, const struct ike_sa_info *i)
{
	struct cookies *c = arg;

	c->with += i->cookie;
	c->without += !i->cookie;
}

static void
cookies_are_asked_and_taken(void)
{
	struct cookies hub = { 0 }, spoke = { 0 };
	struct ike_totals t;

	net_begin(&n);
	n.hub.limits.cookie_from = 1;
	net_start(&n);
	n.lose = 2; /* leaves one half open */
	CHECK(net_initiate(&n, true) != 0);
	net_run(&n, 100);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 1);
	CHECK(net_initiate(&n, true) != 0);
	net_run(&n, 100);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.cookies_sent, 1);
	CHECK_EQ(t.auth_ok, 1);
	ike_each_sa(n.hub.ike, n.now_ms, count_cookie, &hub);
	ike_each_sa(n.spoke.ike, n.now_ms, count_cookie, &spoke);
	CHECK(hub.with == 1 && hub.without == 1);
	CHECK(spoke.with == 1 && spoke.without == 1);
	net_run(&n, 60000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 0);
	net_end(&n);
}

/** Any one message lost, then any one doubled: it comes up, and once only. */
static void
each_message_lost_and_doubled(void)
{
	for (int k = 0; k < 6; k++) {
		for (int twice = 0; twice < 2; twice++) {
			for (unsigned wait = 0; wait < 2; wait++) {
				net_begin(&n);
				n.hub.install_ms = wait * 1300;
				n.spoke.install_ms = wait * 400;
				*(twice ? &n.twice : &n.lose) = k;
				one(true);
				CHECK(is_up());
				CHECK_EQ(n.hub.installs, 1);
				CHECK_EQ(n.spoke.installs, 1);
				CHECK_EQ(n.hub.events[IKE_REASON_TIMEOUT_HALF_OPEN], 0);
				net_end(&n);
			}
		}
	}
}

static void
nat_on_either_side(void)
{
	for (int where = 1; where < 4; where++) {
		for (int transport = 0; transport < 2; transport++) {
			net_begin(&n);
			n.nat_spoke = where & 1;
			n.nat_hub = where & 2;
			one(transport);
			CHECK(is_up());
			CHECK(n.hub.child[0].sa.udp && n.spoke.child[0].sa.udp);
			CHECK(n.hub.child[0].sa.path.natt);
			CHECK_EQ(n.hub.session.nat_remote, n.nat_spoke);
			CHECK_EQ(n.hub.session.nat_local, n.nat_hub);
			CHECK(addr_equal(&n.hub.child[0].sa.remote_claimed, &n.spoke.addr));
			if (transport)
				CHECK(addr_equal(&n.hub.child[0].sa.ts_remote,
					&n.hub.child[0].sa.path.remote));
			else if (n.nat_spoke)
				CHECK(addr_equal(&n.hub.child[0].sa.ts_remote, &n.spoke.addr));
			net_end(&n);
		}
	}
}

/** The spoke asks for a second child and takes it back. */
static void
takes_a_child_back(void)
{
	struct ike_chain c;

	net_ask_child(&n);
	ike_msg_begin(n.spoke.ike, &c);
	ike_chain_delete_esp(&c, &(uint32_t){ NET_ASKED_SPI }, 1);
	ike_msg_request(net_sa(&n.spoke), &c, EXCHANGE_INFORMATIONAL, n.now_ms);
	net_run(&n, 50);
	CHECK_EQ(n.hub.events[IKE_REASON_CHILD_TAKEN_BACK], 1);
}

/** Selectors of transport mode are replaced where a NAT is, but for who does not take that. */
static void
selectors_as_sent(void)
{
	for (int where = 1; where < 4; where++) {
		for (int how = 0; how < 4; how++) {
			bool as_sent = how & 1;

			net_begin(&n);
			n.nat_spoke = where & 1;
			n.nat_hub = where & 2;
			one(true);
			if (as_sent)
				takes_a_child_back();
			struct node *nd = how & 2 ? &n.hub : &n.spoke;

			ike_rekey(nd->ike, nd->session.session, n.now_ms);
			net_run(&n, 20000);
			const struct ike_child *c = net_child(&n.spoke);

			CHECK(net_children(&n.hub) == 1 && net_agrees(&n));
			CHECK(addr_equal(&c->local_claimed,
				as_sent ? &n.spoke.addr : &net_sa(&n.hub)->path.remote));
			CHECK(addr_equal(&c->remote_claimed,
				as_sent ? &net_sa(&n.spoke)->path.remote : &n.hub.addr));
			net_end(&n);
		}
	}
}

/**
 * Who is behind a NAT keeps it open, while there is a session and whatever IKE SA it has, when
 * nothing else was sent for so long.
 */
static void
nat_is_kept_open(void)
{
	for (int where = 0; where < 4; where++) {
		net_begin(&n);
		n.nat_spoke = where & 1;
		n.nat_hub = where & 2;
		one(true);
		CHECK(is_up());
		n.hub.keepalives = n.spoke.keepalives = 0;
		net_run(&n, 45000);
		ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
		net_run(&n, 20000);
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 3 : 0);
		CHECK_EQ(n.spoke.keepalives, n.nat_spoke ? 3 : 0);
		n.cut = true;
		net_run(&n, 100000); /* they alone open it again */
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 8 : 0);
		n.cut = false;
		for (int i = 0; i < 10; i++) { /* ESP does, too */
			ike_sent(n.hub.ike, n.hub.session.session, n.now_ms - 1000);
			net_run(&n, 10000);
		}
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 8 : 0);
		net_run(&n, 8000);
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 8 : 0);
		net_run(&n, 2000);
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 9 : 0);
		ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
		net_run(&n, 100000);
		CHECK_EQ(n.hub.keepalives, n.nat_hub ? 9 : 0);
		CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
		net_end(&n);
	}
}

/** Begun on port 4500 by a peer without NAT: ESP goes without UDP all the same. */
static void
port_4500_from_the_start(void)
{
	net_begin(&n);
	net_start(&n);
	CHECK(net_initiate_natt(&n) != 0);
	net_run(&n, 2000);
	CHECK(is_up());
	CHECK(n.hub.child[0].sa.path.natt);
	CHECK(!n.hub.child[0].sa.udp);
	CHECK(!n.spoke.child[0].sa.udp);
	net_end(&n);
}

/** The hub begins: what the responder can, the initiator can; the mode is the profile's. */
static void
hub_initiates(void)
{
	static const enum ipsec_mode mode[] = { MODE_ANY, MODE_TRANSPORT, MODE_TUNNEL };

	for (size_t i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		net_begin(&n);
		n.hub.profile.mode = mode[i];
		net_start(&n);
		CHECK(net_initiate_from(&n.hub, true) != 0);
		net_run(&n, 2000);
		CHECK(is_up());
		CHECK_EQ(n.spoke.child[0].sa.tunnel, mode[i] == MODE_TUNNEL);
		CHECK(n.hub.child[0].sa.initiator);
		CHECK_STR(n.hub.session.peer_text, "192.0.2.99");
		net_end(&n);
	}
}

/** Through a NAT on either side; in tunnel mode a spoke behind one says what is inside. */
static void
hub_initiates_through_nat(void)
{
	for (int where = 1; where < 4; where++) {
		for (int transport = 0; transport < 2; transport++) {
			net_begin(&n);
			n.nat_spoke = where & 1;
			n.nat_hub = where & 2;
			net_start(&n);
			CHECK(net_initiate_from(&n.hub, transport) != 0);
			net_run(&n, 2000);
			CHECK(is_up());
			const struct ike_child_sa *sa = &n.hub.child[0].sa;

			CHECK_EQ(sa->tunnel, !transport);
			CHECK(addr_equal(&sa->remote_claimed, &n.spoke.addr));
			CHECK(addr_equal(
				&sa->ts_remote, transport ? &sa->path.remote : &n.spoke.addr));
			CHECK(addr_equal(&sa->ts_local, &n.hub.addr));
			net_end(&n);
		}
	}
}

/** The hub dials the spoke, expecting who it is or not, by its key or its certificate. */
static void
dial(bool expected, bool psk)
{
	struct ike_dial d = { .path = { .local = n.hub.addr,
				      .remote = n.spoke.addr,
				      .local_port = IKE_PORT,
				      .remote_port = IKE_PORT },
		.transport = true,
		.psk = psk };

	if (expected)
		d.peer = n.spoke.profile.local_identity;
	net_start(&n);
	CHECK(ike_initiate(n.hub.ike, &d, n.now_ms) != 0);
	net_run(&n, 2000);
}

/** A key of an identity serves who is expected to have it; without any key the reason is told. */
static void
hub_initiates_with_key_of_identity(void)
{
	for (int expected = 0; expected < 2; expected++) {
		net_begin(&n);
		n.spoke.profile.local_identity = net_fqdn("branch7.example");
		n.hub.psks[0].whom.identity = n.spoke.profile.local_identity;
		dial(expected, false);
		CHECK_EQ(is_up(), expected);
		CHECK_EQ(n.hub.events[IKE_REASON_NO_PSK_FOR_IDENTITY], !expected);
		CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), (unsigned)expected);
		net_end(&n);
	}
}

/** With a certificate and a key, the certificate is shown unless the key is wanted. */
static void
hub_initiates_by_certificate_or_key(void)
{
	for (int psk = 0; psk < 2; psk++) {
		net_begin(&n);
		n.hub.profile.pki = net_pki("hub");
		n.hub.profile.accept = ACCEPT_ANY;
		dial(false, psk);
		CHECK_EQ(is_up(), psk); /* the spoke knows of no certificate */
		net_end(&n);
	}
}

/** RFC 7383 both ways; any one fragment lost or doubled. */
static void
fragments(void)
{
	for (int k = -1; k < 9; k++) {
		for (int twice = 0; twice < 2; twice++) {
			net_begin_pki(&n, "hub", "spoke-p256");
			n.hub.limits.fragment_bytes = n.spoke.limits.fragment_bytes = 576;
			if (k >= 0)
				*(twice ? &n.twice : &n.lose) = k;
			one(true);
			CHECK(is_up());
			CHECK(k >= 0 || n.sent > 4);
			net_end(&n);
		}
	}
}

static void
half_open_ends(void)
{
	struct ike_totals t;

	net_begin(&n);
	n.lose = 2;
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 50);
	n.cut = true;
	net_run(&n, 60000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 0);
	CHECK_EQ(n.hub.events[IKE_REASON_TIMEOUT_HALF_OPEN], 1);
	CHECK_EQ(n.spoke.events[IKE_REASON_PEER_SILENT], 1);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
	CHECK(ike_next_ms(n.spoke.ike) == IKE_TIMER_NEVER);
	net_end(&n);
}

static void
initial_contact_replaces(void)
{
	net_begin(&n);
	one(true);
	CHECK(is_up());
	/* The spoke forgets everything and comes back. */
	ike_free(n.spoke.ike);
	memset(n.spoke.child, 0, sizeof(n.spoke.child));
	n.spoke.sending = 0;
	n.spoke.random = 4711;
	static struct node hub;

	hub = n.hub;

	net_start(&n); /* makes both new: keep the hub that knows the old session */
	ike_free(n.hub.ike);
	n.hub = hub;
	net_initiate(&n, true);
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_REPLACED);
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK(net_agrees(&n));
	net_end(&n);
}

static void
install_failure_is_told(void)
{
	net_begin(&n);
	n.hub.install_fails = true;
	one(true);
	CHECK_EQ(n.hub.events[IKE_REASON_INSTALL_FAILED], 1);
	CHECK_EQ(net_children(&n.hub), 0);
	CHECK_EQ(n.hub.spis, 0);
	net_end(&n);
}

static void
mode_policy(void)
{
	net_begin(&n);
	n.hub.profile.mode = MODE_TRANSPORT;
	one(false);
	CHECK_EQ(n.hub.events[IKE_REASON_MODE_MISMATCH], 1);
	CHECK_EQ(net_children(&n.hub), 0);
	net_end(&n);

	net_begin(&n);
	n.hub.profile.mode = MODE_TUNNEL;
	one(true);
	CHECK(is_up());
	CHECK(n.spoke.child[0].sa.tunnel);
	net_end(&n);
}

static struct ike_failure found;
static unsigned found_count;

static void
failure_found(void *arg, const struct ike_failure *f)
{
	found = *f;
	found_count++;
}

static void
failure_is_kept_until_up(void)
{
	net_begin(&n);
	n.hub.psks[1] = net_psk("another key");
	n.hub.psks[1].whom.address = prefix_host(&n.spoke.addr);
	n.hub.psks_count = 2;
	one(true);
	net_initiate(&n, true);
	net_run(&n, 10000);
	found_count = 0;
	ike_each_failure(n.hub.ike, failure_found, NULL);
	CHECK_EQ(found_count, 1);
	CHECK_EQ(found.event.reason, IKE_REASON_PSK_MISMATCH);
	CHECK_EQ(found.count, 2);
	struct ike_listener l = { .local = n.hub.addr, .profile = &n.hub.profile };
	struct ike_conf conf = {
		.listeners = &l, .listeners_count = 1, .psks = n.hub.psks, .psks_count = 1
	};

	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	net_initiate(&n, true);
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 1);
	found_count = 0;
	ike_each_failure(n.hub.ike, failure_found, NULL);
	CHECK_EQ(found_count, 0);
	net_end(&n);
}

/** The answer to IKE_AUTH may be long: it is kept until the peer shows that it has it. */
static void
answer_is_kept_until_the_child_is_used(void)
{
	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	while (n.hub.ups == 0)
		net_run(&n, 1);
	struct ike_peer *p = map_get(&n.hub.ike->by_session, n.hub.session.session);

	CHECK(p->sa->window.reply.data != NULL);
	net_run(&n, 100);
	CHECK(n.hub.child[0].told);
	CHECK(p->sa->window.reply.data == NULL);
	net_end(&n);
}

int
main(void)
{
	TEST(psk_transport_and_tunnel);
	TEST(every_group);
	TEST(every_ike_suite);
	TEST(every_esp_suite);
	TEST(wrong_key_is_named);
	TEST(key_by_identity_address_wildcard);
	TEST(key_by_form_of_identity);
	TEST(no_common_proposal_names_both);
	TEST(only_legacy_is_named);
	TEST(never_taken_is_not_called_legacy);
	TEST(legacy_comes_last);
	TEST(other_group_costs_one_round);
	TEST(cookies_are_asked_and_taken);
	TEST(each_message_lost_and_doubled);
	TEST(nat_on_either_side);
	TEST(nat_is_kept_open);
	TEST(port_4500_from_the_start);
	TEST(selectors_as_sent);
	TEST(hub_initiates);
	TEST(hub_initiates_through_nat);
	TEST(hub_initiates_with_key_of_identity);
	TEST(hub_initiates_by_certificate_or_key);
	TEST(fragments);
	TEST(half_open_ends);
	TEST(initial_contact_replaces);
	TEST(install_failure_is_told);
	TEST(mode_policy);
	TEST(failure_is_kept_until_up);
	TEST(answer_is_kept_until_the_child_is_used);
	return check_done();
}

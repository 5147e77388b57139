/* SPDX-License-Identifier: BSD-3-Clause */
/* Authentication by certificate between two engines: every method, every way to be refused. */
#include "config/identity.h"
#include "config/pki.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_sign.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

#define BEFORE_THIRD_ENDS_S (1609459200 - 86400) /* "third-sub" does, 2021-01-01 */

static struct net n; /* large: not on the stack */

static bool
is_up(void)
{
	return n.hub.ups == 1 && n.spoke.ups == 1 && n.hub.downs == 0 && n.spoke.downs == 0 &&
		net_children(&n.hub) == 1 && net_children(&n.spoke) == 1 && net_agrees(&n);
}

static void
run(void)
{
	net_start(&n);
	CHECK(net_initiate(&n, true) != 0);
	net_run(&n, 40000);
}

/**
 * The same with a spoke that does not announce RFC 7427: its profile has no certificates
 * while it writes the first message.
 */
static void
run_silent(void)
{
	net_start(&n);
	n.spoke.ike->policies[0]->profile.pki = NULL;
	CHECK(net_initiate(&n, true) != 0);
	n.spoke.ike->policies[0]->profile.pki = n.spoke.profile.pki;
	net_run(&n, 40000);
}

/** As a side has it whose certificate another CA issued. */
static void
chain_of_third(struct config_pki *pki)
{
	cert_put(pki->own[1]);
	pki->own[1] = vector_cert("third-sub");
}

static void
trust_third(struct cert_trust *t)
{
	struct cert *third = vector_cert("third");

	CHECK_EQ(cert_trust_add(t, third), 0);
	cert_put(third);
}

static const char *const names[] = { "spoke-rsa", "spoke-rsa4096", "spoke-p256", "spoke-p384",
	"spoke-p521", "spoke-ed25519" };
#define NAMES (sizeof(names) / sizeof(names[0]))

/** Every kind of key against every other, through method 14. */
static void
every_pair_of_keys(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		for (size_t j = 0; j < NAMES; j++) {
			net_begin_pki(&n, names[i], names[j]);
			run();
			if (!is_up())
				printf("# hub %s, spoke %s: %s %s\n", names[i], names[j],
					ike_reason_name(n.hub.last_event.reason),
					n.hub.last_event.detail);
			CHECK(is_up());
			net_end(&n);
		}
	}
}

static void
identities_come_from_certificates(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	run();
	CHECK(is_up());
	CHECK_STR(n.spoke.session.peer_text, "C=CH, O=Nave Test, CN=hub");
	CHECK_STR(n.hub.session.peer_text,
		"C=CH, O=Nave Test, OU=Branches + unstructuredName=branch7.example.org, "
		"CN=branch 7");
	net_end(&n);
}

/* ---- a peer that does not know RFC 7427, as Cisco gear ---------------------------------- */

/** What the hub sees of the peer's AUTH and what it answers, without the two engines' choice. */
static struct ike_auth_plan
planned(const char *key, struct ike_auth_plan *theirs, uint8_t hashes, bool sha1, enum hash_id prf)
{
	struct sign_key *k = vector_key(key);
	struct ike_auth_plan out;

	if (ike_sign_plan(k, theirs, hashes, sha1, prf, &out) != 0)
		out.method = 0;
	sign_key_put(k);
	return out;
}

#define SHA2 (1u << HASH_SHA256 | 1u << HASH_SHA384 | 1u << HASH_SHA512)
#define RSA(h)                                                                                     \
	{                                                                                          \
		AUTH_METHOD_RSA,                                                                   \
		{                                                                                  \
			SIGN_RSA_PKCS1, h, 0                                                       \
		}                                                                                  \
	}

static void
answers_with_what_the_peer_used(void)
{
	static const struct {
		const char *key;
		struct ike_auth_plan theirs;
		uint8_t hashes;
		bool sha1;
		struct ike_auth_plan ours; /* method 0: cannot be done */
	} rows[] = {
		/* method 1: the hash it used, even if it announced RFC 7427 */
		{ "spoke-rsa", RSA(HASH_SHA512), 0, false, RSA(HASH_SHA512) },
		{ "spoke-rsa", RSA(HASH_SHA256), SHA2, false, RSA(HASH_SHA256) },
		{ "spoke-rsa", RSA(HASH_SHA1), 0, true, RSA(HASH_SHA1) },
		{ "spoke-rsa", RSA(HASH_SHA1), 0, false, { 0 } },
		/* method 14: its padding and hash */
		{ "spoke-rsa", { AUTH_METHOD_DIGITAL, { SIGN_RSA_PKCS1, HASH_SHA384, 0 } }, SHA2,
			false, { AUTH_METHOD_DIGITAL, { SIGN_RSA_PKCS1, HASH_SHA384, 0 } } },
		{ "spoke-rsa", { AUTH_METHOD_DIGITAL, { SIGN_RSA_PSS, HASH_SHA512, 64 } }, SHA2,
			false, { AUTH_METHOD_DIGITAL, { SIGN_RSA_PSS, HASH_SHA512, 64 } } },
		{ "spoke-rsa", { AUTH_METHOD_DIGITAL, { SIGN_ECDSA, HASH_SHA384, 0 } }, SHA2, false,
			{ AUTH_METHOD_DIGITAL, { SIGN_RSA_PSS, HASH_SHA384, 48 } } },
		/* SHA-1 announced alone, and not welcome here */
		{ "spoke-rsa", { AUTH_METHOD_DIGITAL, { SIGN_RSA_PKCS1, HASH_SHA1, 0 } },
			1u << HASH_SHA1, false, { 0 } },
		/* another kind of key than the peer's, which does not know RFC 7427 */
		{ "spoke-p384", RSA(HASH_SHA256), 0, false,
			{ AUTH_METHOD_ECDSA_384, { SIGN_ECDSA_RAW, HASH_SHA384, 0 } } },
		{ "spoke-p256", { AUTH_METHOD_ECDSA_521, { SIGN_ECDSA_RAW, HASH_SHA512, 0 } }, SHA2,
			false, { AUTH_METHOD_ECDSA_256, { SIGN_ECDSA_RAW, HASH_SHA256, 0 } } },
		{ "spoke-p521", { AUTH_METHOD_DIGITAL, { SIGN_RSA_PSS, HASH_SHA256, 32 } },
			1u << HASH_SHA256, false,
			{ AUTH_METHOD_DIGITAL, { SIGN_ECDSA, HASH_SHA256, 0 } } },
		{ "spoke-ed25519", RSA(HASH_SHA256), SHA2, false, { 0 } },
		{ "spoke-ed25519", RSA(HASH_SHA256), SHA2 | 1u << HASH_IDENTITY, false,
			{ AUTH_METHOD_DIGITAL, { SIGN_ED25519, HASH_IDENTITY, 0 } } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_auth_plan theirs = rows[i].theirs;
		struct ike_auth_plan got =
			planned(rows[i].key, &theirs, rows[i].hashes, rows[i].sha1, HASH_SHA256);

		if (got.method != rows[i].ours.method)
			printf("# row %zu\n", i);
		CHECK_EQ(got.method, rows[i].ours.method);
		if (got.method == 0)
			continue;
		CHECK_EQ(got.alg.scheme, rows[i].ours.alg.scheme);
		CHECK_EQ(got.alg.hash, rows[i].ours.alg.hash);
		CHECK_EQ(got.alg.salt_bytes, rows[i].ours.alg.salt_bytes);
	}
}

/**
 * A spoke that does not announce RFC 7427, as Cisco gear: method 1 with the hash of the
 * PRF, 9, 10, 11. The hub answers by the same rules.
 */
static void
without_rfc_7427(void)
{
	static const struct {
		const char *spoke, *hub;
		uint16_t prf;
		const char *spoke_auth, *hub_auth;
	} rows[] = {
		{ "spoke-rsa", "hub", PRF_HMAC_SHA2_512, "rsa-pkcs1-sha512 (method 1)",
			"rsa-pkcs1-sha512 (method 1)" },
		{ "spoke-rsa4096", "spoke-p384", PRF_HMAC_SHA2_256, "rsa-pkcs1-sha256 (method 1)",
			"ecdsa-sha384 (method 10)" },
		{ "spoke-p256", "hub", PRF_HMAC_SHA2_384, "ecdsa-sha256 (method 9)",
			"rsa-pkcs1-sha384 (method 1)" },
		{ "spoke-p384", "spoke-p521", PRF_HMAC_SHA2_256, "ecdsa-sha384 (method 10)",
			"ecdsa-sha512 (method 11)" },
		{ "spoke-p521", "spoke-p256", PRF_HMAC_SHA2_256, "ecdsa-sha512 (method 11)",
			"ecdsa-sha256 (method 9)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin_pki(&n, rows[i].hub, rows[i].spoke);
		n.hub.profile.ike[0].prf = n.spoke.profile.ike[0].prf = rows[i].prf;
		run_silent();
		if (!is_up())
			printf("# row %zu: %s %s\n", i, ike_reason_name(n.hub.last_event.reason),
				n.hub.last_event.detail);
		CHECK(is_up());
		CHECK_STR(n.hub.session.auth, rows[i].spoke_auth);
		CHECK_STR(n.spoke.session.auth, rows[i].hub_auth);
		net_end(&n);
	}
}

static void
sha1_only_by_switch(void)
{
	for (int hub = 0; hub < 2; hub++) {
		net_begin_pki(&n, "hub", "spoke-rsa");
		n.spoke.profile.pki->sha1 = true; /* signs by method 1 with SHA-1 */
		n.hub.profile.pki->sha1 = hub;
		run_silent();
		CHECK_EQ(is_up(), hub);
		CHECK_EQ(n.hub.events[IKE_REASON_SIGNATURE_HASH], !hub);
		if (hub)
			CHECK_STR(n.spoke.session.auth, "rsa-pkcs1-sha1 (method 1)");
		net_end(&n);
	}
}

/** Method 1: the hash of the PRF or a stronger one, read out of the signature. */
static void
rsa_hash_not_below_the_prf(void)
{
	static const struct {
		enum hash_id signed_with, prf;
		enum ike_reason reason;
	} rows[] = {
		{ HASH_SHA256, HASH_SHA256, IKE_REASON_NONE },
		{ HASH_SHA512, HASH_SHA256, IKE_REASON_NONE },
		{ HASH_SHA256, HASH_SHA1, IKE_REASON_NONE },
		{ HASH_SHA256, HASH_SHA512, IKE_REASON_SIGNATURE_HASH },
		{ HASH_SHA1, HASH_SHA1, IKE_REASON_SIGNATURE_HASH },
	};
	struct config_pki pki = { .sha1 = false };
	struct sign_key *k = vector_key("spoke-rsa");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sign_alg a = { SIGN_RSA_PKCS1, (uint8_t)rows[i].signed_with, 0 };
		struct ike_payloads p = { .auth_method = AUTH_METHOD_RSA };
		struct octets text = { "text", 4 };
		struct ike_auth_plan used;
		uint8_t room[SIGN_MAX_BYTES];
		struct ike_finding f;
		struct ike_view sig;
		size_t bytes;

		CHECK_EQ(sign_make(k, &a, &text, 1, room, &bytes), 0);
		p.auth = (struct ike_view){ room, bytes };
		CHECK_EQ(ike_sign_read(&p, k, &pki, rows[i].prf, &used, &sig, &f), rows[i].reason);
	}
	sign_key_put(k);
}

static void
ed25519_needs_rfc_7427(void)
{
	net_begin_pki(&n, "spoke-ed25519", "spoke-rsa");
	run_silent();
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.events[IKE_REASON_SIGNATURE_ALGORITHM], 1);
	CHECK(strstr(n.hub.last_event.detail, "ed25519") != NULL);
	net_end(&n);
}

/* ---- who is refused, and what is said ---------------------------------------------------- */

/** The hub refuses this spoke for that reason, tells it only AUTHENTICATION_FAILED. */
static void
refused(const char *spoke, enum ike_reason reason, const char *detail)
{
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.spoke.ups, 0);
	if (n.hub.events[reason] != 1 || strstr(n.hub.last_event.detail, detail) == NULL)
		printf("# %s: %s: %s\n", spoke, ike_reason_name(n.hub.last_event.reason),
			n.hub.last_event.detail);
	CHECK_EQ(n.hub.events[reason], 1);
	CHECK(strstr(n.hub.last_event.detail, detail) != NULL);
	CHECK(n.hub.last_event.remedy[0] != '\0');
	CHECK(!n.hub.last_event.authenticated);
	CHECK_EQ(n.hub.last_event.notify, N_AUTHENTICATION_FAILED);
	CHECK_EQ(n.spoke.events[IKE_REASON_AUTH_REFUSED], 1);
	CHECK_EQ(n.hub.spis + n.spoke.spis, 0);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
}

static void
certificates_refused(void)
{
	static const struct {
		const char *spoke;
		enum ike_reason reason;
		const char *detail;
	} rows[] = {
		{ "expired", IKE_REASON_CERT_EXPIRED, "expired 2021-01-01" },
		{ "future", IKE_REASON_CERT_NOT_YET_VALID, "our clock says 2026-06-01" },
		{ "stranger", IKE_REASON_CERT_UNTRUSTED, "Other Root" },
		{ "usage", IKE_REASON_CERT_USAGE, "digitalSignature" },
		{ "purpose", IKE_REASON_CERT_USAGE, "ipsecIKE" },
		{ "weak", IKE_REASON_CERT_WEAK, "key too weak" },
		{ "sha1", IKE_REASON_CERT_WEAK, "too weak" },
		{ "forged", IKE_REASON_CERT_UNTRUSTED, "branch7.example.org" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin_pki(&n, "hub", rows[i].spoke);
		run();
		refused(rows[i].spoke, rows[i].reason, rows[i].detail);
		net_end(&n);
	}
}

static void
intermediate_left_out(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	n.spoke.profile.pki->send_chain = false;
	run();
	refused("leaf only", IKE_REASON_CERT_UNTRUSTED, "Nave Test Sub");
	net_end(&n);
}

/** Somebody else's certificate, which anybody can read off the wire, without its key. */
static void
key_of_another_certificate(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	sign_key_put(n.spoke.profile.pki->key);
	n.spoke.profile.pki->key = vector_key("hub");
	run();
	refused("stolen", IKE_REASON_SIGNATURE_MISMATCH, "rsa-pss-sha256");
	net_end(&n);

	net_begin_pki(&n, "hub", "spoke-p256");
	sign_key_put(n.spoke.profile.pki->key);
	n.spoke.profile.pki->key = vector_key("spoke-rsa");
	run();
	refused("other kind", IKE_REASON_SIGNATURE_ALGORITHM, "rsa-pss-sha256");
	net_end(&n);
}

static void
crl_decides(void)
{
	static const struct {
		enum cert_crl_rule rule;
		const char *spoke, *crls;
		enum ike_reason reason;
	} rows[] = {
		{ CERT_CRL_FAIL_CLOSED, "spoke-p256", "root sub", IKE_REASON_NONE },
		{ CERT_CRL_FAIL_CLOSED, "revoked", "root sub", IKE_REASON_CERT_REVOKED },
		{ CERT_CRL_FAIL_OPEN, "revoked", "sub", IKE_REASON_CERT_REVOKED },
		{ CERT_CRL_FAIL_CLOSED, "spoke-p256", "root", IKE_REASON_CRL_UNAVAILABLE },
		{ CERT_CRL_FAIL_OPEN, "spoke-p256", "root", IKE_REASON_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin_pki(&n, "hub", rows[i].spoke);
		cert_trust_put(n.hub.profile.pki->trust);
		n.hub.profile.pki->trust = vector_trust("root", rows[i].rule, false, rows[i].crls);
		run();
		if (rows[i].reason == IKE_REASON_NONE)
			CHECK(is_up());
		else
			refused(rows[i].spoke, rows[i].reason, "");
		net_end(&n);
	}
}

/** A CRL read again ends the sessions of those it names, and of nobody else. */
static void
revoked_while_up(void)
{
	/* by the anchor, not at all, by an intermediate only the spoke brought */
	static const char *const spokes[] = { "sha1", "spoke-rsa", "revoked" };

	for (int i = 0; i < 3; i++) {
		net_begin_pki(&n, "hub", spokes[i]);
		cert_trust_put(n.hub.profile.pki->trust);
		n.hub.profile.pki->trust = vector_trust("root", CERT_CRL_FAIL_OPEN, true, NULL);
		n.hub.profile.pki->sha1 = true;
		run();
		CHECK(is_up());
		struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_OPEN, true, "root sub");

		ike_trust_set(n.hub.ike, "another", t, n.now_ms);
		CHECK_EQ(n.hub.downs, 0);
		ike_trust_set(n.hub.ike, "dmvpn", t, n.now_ms);
		cert_trust_put(t);
		net_run(&n, 1000);
		CHECK_EQ(n.hub.downs, i != 1);
		CHECK_EQ(n.spoke.downs, i != 1);
		if (i != 1)
			CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);
		else
			CHECK(is_up());
		net_end(&n);
	}
}

/** A configuration without the anchor a peer was believed by ends its session. */
static void
anchor_taken_out(void)
{
	for (int keep = 0; keep < 2; keep++) {
		net_begin_pki(&n, "hub", "spoke-rsa");
		run();
		CHECK(is_up());
		struct config_ike_profile profile = n.hub.profile;
		struct ike_listener listener = { .local = n.hub.addr, .profile = &profile };
		struct ike_conf conf = { .listeners = &listener, .listeners_count = 1 };

		profile.pki = net_pki("hub");
		if (!keep) {
			cert_trust_put(profile.pki->trust);
			profile.pki->trust = vector_trust("other", CERT_CRL_OFF, false, NULL);
		}
		CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
		net_run(&n, 1000);
		CHECK_EQ(n.hub.downs, !keep);
		CHECK_EQ(n.hub.down_reason, keep ? IKE_REASON_NONE : IKE_REASON_CONFIG);
		config_pki_put(profile.pki);
		net_end(&n);
	}
}

/** Our certificate is taken out between the peer's proof and our answer: no answer, no crash. */
static void
certificate_taken_out_meanwhile(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	n.hub.install_ms = 100;
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 50);
	CHECK_EQ(n.hub.ups, 1);
	struct config_ike_profile profile = n.hub.profile;
	struct ike_listener listener = { .local = n.hub.addr, .profile = &profile };
	struct ike_conf conf = { .listeners = &listener, .listeners_count = 1 };

	profile.pki = net_pki("hub");
	sign_key_put(profile.pki->key);
	profile.pki->key = NULL;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	net_run(&n, 60000);
	CHECK_EQ(n.spoke.ups, 0);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.spis + n.spoke.spis, 0);
	config_pki_put(profile.pki);
	net_end(&n);
}

/* ---- identities -------------------------------------------------------------------------- */

static void
identity_rules(void)
{
	static const struct {
		const char *id, *spoke;
		enum config_id_rule rule;
		const char *peer; /* NULL: refused */
	} rows[] = {
		{ "branch7.example.org", "spoke-p256", ID_RULE_STRICT, "branch7.example.org" },
		{ "192.0.2.99", "spoke-p256", ID_RULE_STRICT, "192.0.2.99" },
		{ "2001:db8::99", "spoke-p256", ID_RULE_STRICT, "2001:db8::99" },
		{ "branch7@example.org", "spoke-p256", ID_RULE_STRICT, "branch7@example.org" },
		{ "branch8.example.org", "spoke-p256", ID_RULE_STRICT, NULL },
		{ "10.0.0.1", "spoke-p256", ID_RULE_STRICT, NULL },
		{ "keyid:branch7.example.org", "spoke-p256", ID_RULE_STRICT, NULL },
		/* Cisco's usual pattern: an address in front of the NAT, which no certificate names
		 */
		{ "10.0.0.1", "spoke-p256", ID_RULE_CERTIFICATE, "branch7.example.org" },
		{ "keyid:branch7", "spoke-p256", ID_RULE_CERTIFICATE, "branch7.example.org" },
		{ "hub.example.org", "spoke-p256", ID_RULE_CERTIFICATE, "branch7.example.org" },
		{ "192.0.2.99", "spoke-p256", ID_RULE_CERTIFICATE, "192.0.2.99" },
		{ "192.0.2.99", "noname", ID_RULE_CERTIFICATE,
			"C=CH, O=Nave Test, OU=Branches, CN=branch 8" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin_pki(&n, "hub", rows[i].spoke);
		CHECK_EQ(identity_parse(rows[i].id, &n.spoke.profile.local_identity), 0);
		n.hub.profile.pki->id_rule = rows[i].rule;
		run();
		if (rows[i].peer == NULL) {
			refused(rows[i].id, IKE_REASON_ID_NOT_IN_CERT, "dns:branch7.example.org");
		} else {
			CHECK(is_up());
			CHECK_STR(n.hub.session.peer_text, rows[i].peer);
		}
		net_end(&n);
	}
}

/** A distinguished name as IDi: octet for octet that of the certificate, or refused. */
static void
dn_as_identity(void)
{
	static const char *const whose[] = { "spoke-p256", "hub" };

	for (size_t i = 0; i < 2; i++) {
		struct config_pki *pki = net_pki(whose[i]);
		struct octets dn = cert_name_first(pki->own[0], CERT_DN);
		struct config_identity *id = &n.spoke.profile.local_identity;

		net_begin_pki(&n, "hub", "spoke-p256");
		n.hub.profile.pki->id_rule = ID_RULE_STRICT;
		*id = (struct config_identity){ .type = ID_DER_ASN1_DN,
			.bytes = (uint16_t)dn.bytes };
		memcpy(id->data, dn.data, dn.bytes);
		run();
		if (i == 0) {
			CHECK(is_up());
			CHECK_EQ(n.hub.session.peer.type, ID_DER_ASN1_DN);
			CHECK(identity_equal(&n.hub.session.peer, id));
		} else {
			refused(whose[i], IKE_REASON_ID_NOT_IN_CERT, "dns:branch7.example.org");
		}
		net_end(&n);
		config_pki_put(pki);
	}
}

/* ---- maps -------------------------------------------------------------------------------- */

static struct config_cert_match
match(bool unlike, const char *field, const char *pattern)
{
	struct config_cert_match m = { .unlike = unlike };

	snprintf(m.field, sizeof(m.field), "%s", field);
	snprintf(m.pattern, sizeof(m.pattern), "%s", pattern);
	return m;
}

static void
conditions(void)
{
	static const struct {
		bool unlike;
		const char *field, *pattern;
		bool fits;
	} rows[] = {
		{ false, "CN", "branch 7", true },
		{ false, "cn", "BRANCH*", true },
		{ false, "CN", "*7", true },
		{ false, "CN", "*a*h*", true },
		{ false, "CN", "branch ?", true },
		{ false, "CN", "branch", false },
		{ false, "CN", "?branch 7", false },
		{ false, "CN", "*8", false },
		{ false, "CN", "", false },
		{ true, "CN", "branch 8", true },
		{ true, "CN", "branch 7", false },
		{ true, "L", "*", true }, /* no such attribute */
		{ false, "L", "*", false },
		{ false, "unstructuredName", "branch7.*", true }, /* second in its RDN */
		{ false, "dns", "*.example.org", true },
		{ false, "dns", "*.example.com", false },
		{ false, "email", "*@example.org", true },
		{ false, "ip", "192.0.2.*", true },
		{ false, "ip", "2001:db8:*", true },
		{ true, "ip", "192.0.2.*",
			false }, /* one of several values is enough to be like it */
		{ false, "issuer.CN", "Nave Test Sub", true },
		{ false, "issuer.CN", "Nave Test Root", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_begin_pki(&n, "hub", "spoke-rsa");
		struct config_pki *pki = n.hub.profile.pki;

		pki->maps = calloc(1, sizeof(*pki->maps));
		pki->maps_count = 1;
		pki->maps[0].match[0] = match(rows[i].unlike, rows[i].field, rows[i].pattern);
		pki->maps[0].match_count = 1;
		run();
		if (is_up() != rows[i].fits)
			printf("# %s %s\n", rows[i].field, rows[i].pattern);
		CHECK_EQ(is_up(), rows[i].fits);
		CHECK_EQ(n.hub.events[IKE_REASON_CERT_NO_MAP], !rows[i].fits);
		net_end(&n);
	}
}

/** The first map all of whose conditions are met says where the peer belongs. */
static void
map_binds(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	struct config_pki *pki = n.hub.profile.pki;

	pki->maps = calloc(3, sizeof(*pki->maps));
	pki->maps_count = 3;
	pki->maps[0].match[0] = match(false, "O", "Nave Test");
	pki->maps[0].match[1] = match(false, "OU", "Partners");
	pki->maps[0].match_count = 2;
	strcpy(pki->maps[0].binding.cloud, "partners");
	pki->maps[1].match[0] = match(false, "O", "Nave Test");
	pki->maps[1].match[1] = match(true, "OU", "Partners");
	pki->maps[1].match_count = 2;
	strcpy(pki->maps[1].binding.map, "branches");
	strcpy(pki->maps[1].binding.cloud, "dmvpn");
	CHECK_EQ(prefix_parse("10.0.7.0/24", &pki->maps[1].binding.overlay[0]), 0);
	pki->maps[1].binding.overlay_count = 1;
	run();
	CHECK(is_up());
	CHECK_STR(n.hub.session.binding.map, "branches");
	CHECK_STR(n.hub.session.binding.cloud, "dmvpn");
	CHECK_EQ(n.hub.session.binding.overlay_count, 1);
	CHECK_STR(n.hub.child[0].sa.binding.cloud, "dmvpn");
	net_end(&n);
}

/** A map that is changed binds those it let in anew, one that is gone ends them. */
static void
map_changes_and_goes(void)
{
	struct ike_listener l = { .profile = &n.hub.profile };
	struct ike_conf conf = { .listeners = &l, .listeners_count = 1 };

	net_begin_pki(&n, "hub", "spoke-rsa");
	struct config_pki *pki = n.hub.profile.pki;

	pki->maps = calloc(2, sizeof(*pki->maps));
	pki->maps_count = 2;
	pki->maps[0].match[0] = match(false, "OU", "Partners");
	pki->maps[0].match_count = 1;
	strcpy(pki->maps[0].binding.map, "partners");
	pki->maps[1].match[0] = match(false, "O", "Nave Test");
	pki->maps[1].match_count = 1;
	strcpy(pki->maps[1].binding.map, "branches");
	run();
	CHECK(is_up());
	l.local = n.hub.addr;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.rebound, 0);
	strcpy(pki->maps[1].binding.group, "branches");
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.rebound, 1);
	CHECK_STR(n.hub.session.binding.group, "branches");
	CHECK_EQ(n.hub.downs, 0);
	pki->maps_count = 1;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CONFIG);
	net_end(&n);
}

/* ---- side by side ------------------------------------------------------------------------ */

/** One profile, one address: who comes with a key is answered by key, who signs by signature. */
static void
keys_and_certificates_side_by_side(void)
{
	for (int by_cert = 0; by_cert < 2; by_cert++) {
		net_begin(&n);
		n.hub.profile.pki = net_pki("hub");
		if (by_cert)
			n.spoke.profile.pki = net_pki("spoke-p256");
		run();
		CHECK(is_up());
		CHECK_STR(n.hub.session.auth, by_cert ? "ecdsa-sha256" : "psk");
		CHECK_STR(n.spoke.session.auth, by_cert ? "rsa-pss-sha256" : "psk");
		CHECK_STR(n.spoke.session.peer_text,
			by_cert ? "C=CH, O=Nave Test, CN=hub" : "192.0.2.1");
		net_end(&n);
	}
}

/** The same name from elsewhere with INITIAL_CONTACT, by another proof, or by the same. */
static void
name_comes_again(const char *first, const char *second, unsigned ends)
{
	struct config_identity name;
	struct node *other;

	CHECK_EQ(identity_parse("branch7.example.org", &name), 0);
	net_begin(&n);
	n.hub.profile.pki = net_pki("hub");
	trust_third(n.hub.profile.pki->trust);
	n.spoke.profile.local_identity = name;
	n.spoke.profile.pki = first != NULL ? net_pki(first) : NULL;
	if (first != NULL && strcmp(first, "third-spoke") == 0)
		chain_of_third(n.spoke.profile.pki);
	net_start(&n);
	n.hub.wall_s = n.spoke.wall_s = BEFORE_THIRD_ENDS_S;
	net_initiate(&n, true);
	net_run(&n, 5000);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_STR(n.hub.session.peer_text, "branch7.example.org");
	config_pki_put(n.spoke.profile.pki);
	n.spoke.profile.pki = second != NULL ? net_pki(second) : NULL;
	other = net_more(&n, "192.0.2.98");
	config_pki_put(n.spoke.profile.pki); /* it is the other's now */
	n.spoke.profile.pki = NULL;
	other->wall_s = BEFORE_THIRD_ENDS_S;
	net_initiate_from(other, true);
	net_run(&n, 5000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, ends);
	CHECK_EQ(n.hub.events[IKE_REASON_NAME_TAKEN], 1 - ends);
	net_end(&n);
}

/**
 * Who has a key for several can say to be anybody: by INITIAL_CONTACT it does not end the
 * session of a spoke that signs, nor does another CA that has given that name away. A spoke that
 * has a new certificate of its CA, or one at last, is believed.
 */
static void
who_ends_what_a_certificate_began(void)
{
	name_comes_again("spoke-p256", NULL, 0);
	CHECK(strstr(n.hub.last_event.detail, "by a key for several; ") != NULL);
	CHECK(strstr(n.hub.last_event.detail, "from 192.0.2.99, proven by a certificate") != NULL);
	name_comes_again("third-spoke", "spoke-p256", 0);
	CHECK(strstr(n.hub.last_event.detail, "proven by another") != NULL);
	name_comes_again("spoke-p256", "spoke-rsa", 1);
	name_comes_again(NULL, "spoke-rsa", 1);
	name_comes_again(NULL, NULL, 1);
}

static void
profile_accepts(void)
{
	static const struct {
		enum config_accept accept;
		bool by_cert, up;
	} rows[] = {
		{ ACCEPT_PSK, false, true },
		{ ACCEPT_PSK, true, false },
		{ ACCEPT_CERTIFICATE, false, false },
		{ ACCEPT_CERTIFICATE, true, true },
	};

	for (size_t i = 0; i < 4; i++) {
		net_begin(&n);
		n.hub.profile.pki = net_pki("hub");
		n.hub.profile.accept = rows[i].accept;
		if (rows[i].by_cert)
			n.spoke.profile.pki = net_pki("spoke-p256");
		run();
		CHECK_EQ(is_up(), rows[i].up);
		CHECK_EQ(n.hub.events[IKE_REASON_AUTH_METHOD], !rows[i].up);
		net_end(&n);
	}
}

/** No trust: a signature is refused before anything of it is looked at. */
static void
no_trust_no_certificates(void)
{
	net_begin(&n);
	n.spoke.profile.pki = net_pki("spoke-p256");
	run();
	refused("spoke-p256", IKE_REASON_AUTH_METHOD, "takes shared keys");
	net_end(&n);
}

static void
initiator_judges_the_hub(void)
{
	net_begin_pki(&n, "expired", "spoke-rsa");
	run();
	CHECK_EQ(n.spoke.ups, 0);
	CHECK_EQ(n.spoke.events[IKE_REASON_CERT_EXPIRED], 1);
	CHECK(strstr(n.spoke.last_event.detail, "expired 2021-01-01") != NULL);
	net_end(&n);
}

/* ---- size -------------------------------------------------------------------------------- */

/** Chains of RSA-4096 need more than one packet; with RFC 7383 none is longer than the limit. */
static void
longer_than_a_packet(void)
{
	for (int lost = -1; lost < 8; lost++) {
		net_begin_pki(&n, "spoke-rsa4096", "spoke-rsa4096");
		n.lose = lost;
		run();
		CHECK(is_up());
		CHECK(n.longest <= 1232);
		CHECK(lost >= 0 || n.sent >= 6);
		net_end(&n);
	}
}

static void
longer_than_a_packet_without_fragments(void)
{
	net_begin_pki(&n, "spoke-rsa4096", "spoke-rsa4096");
	n.hub.limits.fragment_bytes = n.spoke.limits.fragment_bytes = 16000;
	run();
	CHECK(is_up());
	CHECK(n.longest > 1500);
	net_end(&n);
}

/** More certificates than a chain can have: those beyond are not even kept. */
static void
oversized_chain(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	struct config_pki *pki = n.spoke.profile.pki;

	for (; pki->own_count < CERT_CHAIN_MAX; pki->own_count++)
		pki->own[pki->own_count] = vector_cert("spoke-rsa4096");
	run();
	CHECK(is_up());
	net_end(&n);

	net_begin_pki(&n, "hub", "spoke-rsa"); /* the one that matters comes last */
	pki = n.spoke.profile.pki;
	for (; pki->own_count < CERT_CHAIN_MAX; pki->own_count++)
		pki->own[pki->own_count] = vector_cert("stranger");
	struct cert *sub = pki->own[1];

	pki->own[1] = pki->own[CERT_CHAIN_MAX - 1];
	pki->own[CERT_CHAIN_MAX - 1] = sub;
	run();
	CHECK(is_up());
	net_end(&n);
}

/* ---- single octets ----------------------------------------------------------------------- */

static void
hashes_of_the_notify(void)
{
	static const struct {
		const char *hex;
		uint8_t mask;
	} rows[] = {
		{ "", 0 }, { "0002", 1u << 2 }, { "000200030004", 1u << 2 | 1u << 3 | 1u << 4 },
		{ "00020005ff", 1u << 2 | 1u << 5 }, /* half of one at the end */
		{ "00070008ffff0102", 1u << 7 },     /* unknown ones */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t data[16];
		struct ike_payloads p = { .notifies = 1 };
		size_t bytes = check_unhex(rows[i].hex, data, sizeof(data));

		p.notify[0].type = N_SIGNATURE_HASH_ALGORITHMS;
		p.notify[0].data = (struct ike_view){ data, bytes };
		CHECK_EQ(ike_sign_hashes_read(&p), rows[i].mask);
	}
}

/** CERTREQ: the anchors' key ids; more than 16 anchors and we ask for nothing in particular. */
static void
certreq(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, false, NULL);
	struct cert *root = vector_cert("root");
	uint8_t room[1024], first = 0, id[1][CERT_KEY_ID_BYTES];
	struct ike_chain c;

	ike_chain_bare(&c, room, sizeof(room), &first);
	ike_certreq_write(&c, t);
	CHECK_EQ(first, PAYLOAD_CERTREQ);
	CHECK_EQ(wr_used(&c.w), 4 + 1 + 20);
	CHECK_EQ(room[4], 4);
	cert_trust_key_ids(t, id, 1);
	CHECK_MEM(room + 5, id[0], 20);
	for (int i = 1; i < 17; i++)
		CHECK_EQ(cert_trust_add(t, root), 0);
	ike_chain_bare(&c, room, sizeof(room), &first);
	ike_certreq_write(&c, t);
	CHECK_EQ(wr_used(&c.w), 0);
	ike_certreq_write(&c, NULL);
	CHECK_EQ(wr_used(&c.w), 0);
	cert_put(root);
	cert_trust_put(t);
}

int
main(void)
{
	TEST(every_pair_of_keys);
	TEST(identities_come_from_certificates);
	TEST(answers_with_what_the_peer_used);
	TEST(without_rfc_7427);
	TEST(sha1_only_by_switch);
	TEST(rsa_hash_not_below_the_prf);
	TEST(ed25519_needs_rfc_7427);
	TEST(certificates_refused);
	TEST(intermediate_left_out);
	TEST(key_of_another_certificate);
	TEST(crl_decides);
	TEST(revoked_while_up);
	TEST(anchor_taken_out);
	TEST(certificate_taken_out_meanwhile);
	TEST(identity_rules);
	TEST(dn_as_identity);
	TEST(conditions);
	TEST(map_binds);
	TEST(map_changes_and_goes);
	TEST(keys_and_certificates_side_by_side);
	TEST(who_ends_what_a_certificate_began);
	TEST(profile_accepts);
	TEST(no_trust_no_certificates);
	TEST(initiator_judges_the_hub);
	TEST(longer_than_a_packet);
	TEST(longer_than_a_packet_without_fragments);
	TEST(oversized_chain);
	TEST(hashes_of_the_notify);
	TEST(certreq);
	return check_done();
}

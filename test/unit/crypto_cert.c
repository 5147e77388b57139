/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates: what they name, whom a chain convinces, and when a CRL has its say. */
#include <errno.h>
#include <openssl/decoder.h>
#include <pthread.h>

#include "crypto/cert_context.h"
#include "test/lib/check.h"
#include "test/lib/vector_file.h"

static enum cert_fault
check_with(struct cert_trust *t, const char *leaf, const char *helper, int64_t now_s,
	struct cert_finding *f)
{
	struct cert *c = vector_cert(leaf), *h = helper != NULL ? vector_cert(helper) : NULL;

	cert_check(t, c, &h, h != NULL, now_s, f);
	cert_put(c);
	cert_put(h);
	return f->fault;
}

static void
chains(void)
{
	static const struct {
		const char *leaf, *helper;
		enum cert_fault fault;
		const char *text;
	} rows[] = {
		{ "hub", NULL, CERT_GOOD, "" },
		{ "spoke-rsa", "sub", CERT_GOOD, "" },
		{ "spoke-rsa4096", "sub", CERT_GOOD, "" },
		{ "spoke-p521", "sub", CERT_GOOD, "" },
		{ "spoke-ed25519", "sub", CERT_GOOD, "" },
		{ "revoked", "sub", CERT_GOOD, "" }, /* no CRL is looked at */
		{ "spoke-rsa", NULL, CERT_UNTRUSTED, "no trusted way to its issuer" },
		{ "spoke-rsa", "other", CERT_UNTRUSTED, "CN=Nave Test Sub" },
		{ "stranger", "other", CERT_UNTRUSTED, "CN=Other Root" },
		{ "expired", "sub", CERT_EXPIRED,
			"expired 2021-01-01 00:00:00 UTC; our clock says 2026-06-01 00:00:00 UTC" },
		{ "future", "sub", CERT_NOT_YET_VALID, "not valid before 2040-01-01 00:00:00 UTC" },
		{ "usage", "sub", CERT_USAGE, "digitalSignature" },
		{ "purpose", "sub", CERT_USAGE, "ipsecIKE" },
		{ "weak", NULL, CERT_WEAK, "branch 7" },
		{ "sha1", NULL, CERT_WEAK, "digest algorithm too weak" },
		{ "forged", "spoke-p256", CERT_UNTRUSTED, "branch7.example.org" },
	};
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, false, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cert_finding f;

		check_with(t, rows[i].leaf, rows[i].helper, VECTOR_NOW_S, &f);
		if (f.fault != rows[i].fault || strstr(f.text, rows[i].text) == NULL)
			printf("# %s: fault %d, \"%s\"\n", rows[i].leaf, f.fault, f.text);
		CHECK_EQ(f.fault, rows[i].fault);
		CHECK(strstr(f.text, rows[i].text) != NULL);
	}
	cert_trust_put(t);
}

/** Somebody who is no CA cannot issue, whatever else is in the message. */
static void
leaf_is_no_issuer(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, false, NULL);
	struct cert *forged = vector_cert("forged");
	struct cert *helpers[] = { vector_cert("spoke-p256"), vector_cert("sub") };
	struct cert_finding f;

	CHECK_EQ(cert_check(t, forged, helpers, 2, VECTOR_NOW_S, &f), CERT_UNTRUSTED);
	CHECK_EQ(cert_trust_add(t, helpers[0]), -EINVAL);
	cert_put(forged);
	cert_put(helpers[0]);
	cert_put(helpers[1]);
	cert_trust_put(t);
}

static void
our_clock_decides(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, false, NULL);
	struct cert_finding f;

	CHECK_EQ(check_with(t, "expired", "sub", 1600000000, &f), CERT_GOOD);    /* 2020 */
	CHECK_EQ(check_with(t, "hub", NULL, 725846400, &f), CERT_NOT_YET_VALID); /* 1993 */
	CHECK(strstr(f.text, "our clock says 1993-01-01") != NULL);
	cert_trust_put(t);
}

static void
sha1_by_switch(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, true, NULL);
	struct cert_finding f;

	CHECK_EQ(check_with(t, "sha1", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	CHECK_EQ(check_with(t, "weak", NULL, VECTOR_NOW_S, &f), CERT_WEAK); /* RSA-1024 stays out */
	cert_trust_put(t);
}

/** An intermediate named as anchor is enough. */
static void
anchor_need_not_be_self_signed(void)
{
	struct cert_trust *t = vector_trust("sub", CERT_CRL_FAIL_CLOSED, false, "sub");
	struct cert_finding f;

	CHECK_EQ(check_with(t, "spoke-rsa", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	CHECK_EQ(check_with(t, "hub", NULL, VECTOR_NOW_S, &f), CERT_UNTRUSTED);
	cert_trust_put(t);
}

static void
revocation(void)
{
	static const struct {
		enum cert_crl_rule rule;
		const char *crls, *leaf;
		enum cert_fault fault;
	} rows[] = {
		{ CERT_CRL_FAIL_CLOSED, "root sub", "spoke-rsa", CERT_GOOD },
		{ CERT_CRL_FAIL_CLOSED, "root sub", "revoked", CERT_REVOKED },
		{ CERT_CRL_FAIL_CLOSED, "root", "spoke-rsa", CERT_NO_CRL },
		{ CERT_CRL_FAIL_CLOSED, "sub", "spoke-rsa", CERT_NO_CRL }, /* none for sub itself */
		{ CERT_CRL_FAIL_CLOSED, NULL, "spoke-rsa", CERT_NO_CRL },
		{ CERT_CRL_FAIL_CLOSED, "root sub-old", "spoke-rsa", CERT_NO_CRL },
		{ CERT_CRL_FAIL_OPEN, "root sub", "revoked", CERT_REVOKED },
		{ CERT_CRL_FAIL_OPEN, "sub-old", "revoked",
			CERT_REVOKED }, /* late, but it says so */
		{ CERT_CRL_FAIL_OPEN, "sub-old", "spoke-rsa", CERT_GOOD },
		{ CERT_CRL_FAIL_OPEN, NULL, "revoked", CERT_GOOD },
		{ CERT_CRL_OFF, "root sub", "revoked", CERT_GOOD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cert_trust *t = vector_trust("root", rows[i].rule, false, rows[i].crls);
		struct cert_finding f;

		check_with(t, rows[i].leaf, "sub", VECTOR_NOW_S, &f);
		if (f.fault != rows[i].fault)
			printf("# row %zu: %s\n", i, f.text);
		CHECK_EQ(f.fault, rows[i].fault);
		cert_trust_put(t);
	}
}

/** Marks of running peers are found on lists the anchor signed, on no others. */
static void
marks(void)
{
	struct cert_trust *before = vector_trust("root", CERT_CRL_FAIL_OPEN, true, NULL);
	struct cert_finding f;

	CHECK_EQ(check_with(before, "sha1", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	struct cert_mark revoked = f.mark;

	CHECK_EQ(check_with(before, "hub", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	struct cert_mark good = f.mark;
	static const uint8_t no_key[32];

	CHECK(memcmp(good.anchor_key, no_key, 32) != 0); /* one CA, whatever it signed */
	CHECK_EQ(memcmp(good.anchor_key, revoked.anchor_key, 32), 0);
	CHECK(memcmp(good.anchor_key, good.anchor, 32) != 0);
	struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_OPEN, false, "root");
	struct cert_trust *off = vector_trust("root", CERT_CRL_OFF, false, "root");
	struct cert_trust *alien = vector_trust("other", CERT_CRL_FAIL_OPEN, false, "root");

	CHECK(cert_trust_revokes(t, &revoked));
	CHECK(!cert_trust_revokes(t, &good));
	CHECK(!cert_trust_revokes(off, &revoked));
	CHECK(!cert_trust_revokes(alien, &revoked));
	CHECK(cert_trust_anchors(t, &good));
	CHECK(!cert_trust_anchors(alien, &good));
	cert_trust_put(before);
	cert_trust_put(t);
	cert_trust_put(off);
	cert_trust_put(alien);
}

/** The anchor that a chain ended at, wherever it stands among those there are. */
static void
marks_name_the_anchor(void)
{
	struct cert_trust *one = vector_trust("root", CERT_CRL_OFF, false, NULL);
	struct cert_trust *two = vector_trust("other", CERT_CRL_OFF, false, NULL);
	struct cert_finding f, g;
	struct cert *root = vector_cert("root");

	CHECK_EQ(cert_trust_add(two, root), 0);
	CHECK_EQ(check_with(one, "hub", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	CHECK_EQ(check_with(two, "hub", NULL, VECTOR_NOW_S, &g), CERT_GOOD);
	CHECK_MEM(g.mark.anchor, f.mark.anchor, sizeof(f.mark.anchor));
	CHECK_MEM(g.mark.anchor_key, f.mark.anchor_key, sizeof(f.mark.anchor_key));
	cert_put(root);
	cert_trust_put(one);
	cert_trust_put(two);
}

/** A list under the anchor's name without its signature revokes nobody. */
static void
forged_crl(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_OPEN, true, NULL);
	struct cert_finding f;
	size_t n;
	uint8_t *data = vector_read("cert/root.crl", &n);

	CHECK_EQ(check_with(t, "sha1", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	struct cert_mark mark = f.mark;
	uint8_t *end = memmem(data, n, "-----END", 8);

	CHECK(end != NULL);
	end[-20] = end[-20] == 'A' ? 'B' : 'A'; /* within the signature, in base64 */
	CHECK_EQ(cert_trust_add_crls(t, data, n, 0), 0);
	CHECK(!cert_trust_revokes(t, &mark));
	for (int i = 0; i < 3; i++) /* nor does it become good by being seen before */
		CHECK_EQ(check_with(t, "sha1", NULL, VECTOR_NOW_S, &f), CERT_GOOD);
	cert_trust_put(t);

	t = vector_trust("root", CERT_CRL_FAIL_CLOSED, true, NULL);
	CHECK_EQ(cert_trust_add_crls(t, data, n, 0), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(check_with(t, "hub", NULL, VECTOR_NOW_S, &f), CERT_NO_CRL);
	free(data);
	cert_trust_put(t);
}

/** What was found good once is looked at again for its time, and for every certificate. */
static void
seen_crl(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_CLOSED, false, "root sub");
	struct cert_finding f;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(check_with(t, "spoke-rsa", "sub", VECTOR_NOW_S, &f), CERT_GOOD);
		CHECK_EQ(check_with(t, "revoked", "sub", VECTOR_NOW_S, &f), CERT_REVOKED);
		CHECK_EQ(check_with(t, "spoke-rsa", "sub", 1750000000, &f), CERT_NO_CRL); /* 2025 */
	}
	cert_trust_put(t);
}

/** What `show` says of them. */
static void
crl_facts(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_OPEN, false, "root sub sub-old");
	struct cert *sub = vector_cert("sub");
	struct cert_crl_info i;

	CHECK(cert_trust_crl(t, 0, &i));
	CHECK_STR(i.issuer, "C=CH, O=Nave Test, CN=Nave Test Root");
	CHECK_EQ(i.this_update_s, 1767225600); /* 2026-01-01 */
	CHECK_EQ(i.next_update_s, 2524607999);
	CHECK_EQ(i.entries, 1);
	CHECK(i.known);
	CHECK(cert_trust_crl(t, 1, &i));
	CHECK_STR(i.issuer, "C=CH, O=Nave Test, CN=Nave Test Sub");
	CHECK(!i.known);
	CHECK(!cert_trust_has_issuer(t, sub));
	CHECK_EQ(cert_trust_add_issuer(t, sub), 0);
	CHECK(cert_trust_has_issuer(t, sub));
	CHECK(cert_trust_crl(t, 1, &i) && i.known);
	CHECK(cert_trust_crl(t, 2, &i) && i.known);
	CHECK_EQ(i.next_update_s, 1609459200);
	CHECK(!cert_trust_crl(t, 3, &i));
	cert_put(sub);
	cert_trust_put(t);
}

static bool
has(const struct cert *c, enum cert_name type, const char *name)
{
	return cert_has_name(c, type, name, strlen(name));
}

static void
names(void)
{
	static const uint8_t v4[] = { 192, 0, 2, 99 }, other[] = { 192, 0, 2, 98 };
	struct cert *c = vector_cert("spoke-rsa"), *none = vector_cert("noname");
	struct octets subject = cert_subject(c);
	char text[CERT_NAME_BYTES];

	CHECK(has(c, CERT_DNS, "branch7.example.org"));
	CHECK(has(c, CERT_DNS, "Branch7.EXAMPLE.org"));
	CHECK(!has(c, CERT_DNS, "branch7.example.or"));
	CHECK(!has(c, CERT_DNS, "branch 7")); /* the common name is not a host name */
	CHECK(has(c, CERT_EMAIL, "branch7@Example.org"));
	CHECK(!has(c, CERT_EMAIL, "Branch7@example.org"));
	CHECK(!has(c, CERT_EMAIL, "branch7.example.org"));
	CHECK(cert_has_name(c, CERT_IPV4, v4, 4));
	CHECK(!cert_has_name(c, CERT_IPV4, other, 4));
	CHECK(!cert_has_name(c, CERT_IPV6, v4, 4));
	CHECK(cert_has_name(c, CERT_DN, subject.data, subject.bytes));
	CHECK(!cert_has_name(none, CERT_DN, subject.data, subject.bytes));
	CHECK_EQ(cert_name_first(c, CERT_IPV6).bytes, 16);
	CHECK_EQ(cert_name_first(none, CERT_DNS).bytes, 0);
	CHECK_STR(cert_dn_print(subject.data, subject.bytes, text, sizeof(text)),
		"C=CH, O=Nave Test, OU=Branches + unstructuredName=branch7.example.org, CN=branch "
		"7");
	for (size_t cut = 0; cut < subject.bytes; cut++)
		CHECK_STR(cert_dn_print(subject.data, cut, text, sizeof(text)), "");
	for (size_t room = 1; room < 40; room++) { /* cut short, never beyond */
		memset(text, 'x', sizeof(text));
		cert_dn_print(subject.data, subject.bytes, text, room);
		CHECK(strlen(text) < room);
	}
	cert_put(c);
	cert_put(none);
}

/** Case, blanks and string type of a name do not count, one letter does. */
static void
distinguished_names_compare(void)
{
	uint8_t a[64], b[64], c[64];
	/* O = "Nave Test" as UTF8String, "nave  test" as PrintableString, "Nave Tesd" */
	size_t a_bytes = check_unhex(
		"3014 3112 3010 06 03 55 04 0a 0c 09 4e617665 20 54657374", a, sizeof(a));
	size_t b_bytes = check_unhex(
		"3015 3113 3011 06 03 55 04 0a 13 0a 6e617665 2020 74657374", b, sizeof(b));
	size_t c_bytes = check_unhex(
		"3014 3112 3010 06 03 55 04 0a 0c 09 4e617665 20 54657364", c, sizeof(c));

	CHECK(cert_dn_equal(a, a_bytes, b, b_bytes));
	CHECK(!cert_dn_equal(a, a_bytes, c, c_bytes));
	CHECK(!cert_dn_equal(a, a_bytes, b, b_bytes - 1));
}

struct seen {
	char all[1024];
};

static bool
collect(void *arg, const char *field, const char *text)
{
	struct seen *s = arg;
	size_t at = strlen(s->all);

	snprintf(s->all + at, sizeof(s->all) - at, "[%s=%s]", field, text);
	return false;
}

static void
fields_of_every_rdn(void)
{
	struct cert *c = vector_cert("spoke-rsa");
	struct seen s = { "" };

	CHECK(!cert_each_field(c, collect, &s));
	CHECK(strstr(s.all, "[unstructuredName=branch7.example.org]") != NULL);
	CHECK(strstr(s.all, "[OU=Branches]") != NULL);
	CHECK(strstr(s.all, "[CN=branch 7]") != NULL);
	CHECK(strstr(s.all, "[dns=branch7.example.org]") != NULL);
	CHECK(strstr(s.all, "[email=branch7@example.org]") != NULL);
	CHECK(strstr(s.all, "[ip=192.0.2.99]") != NULL);
	CHECK(strstr(s.all, "[ip=2001:db8:0:0:0:0:0:99]") != NULL);
	CHECK(strstr(s.all, "[issuer.CN=Nave Test Sub]") != NULL);
	CHECK(strstr(s.all, "[serial=") != NULL);
	cert_put(c);
}

static void
every_cut_is_refused(void)
{
	struct cert *c = vector_cert("spoke-p256"), *back;
	struct octets der = cert_der(c);
	uint8_t *copy = malloc(der.bytes + 1);

	memcpy(copy, der.data, der.bytes);
	copy[der.bytes] = 0;
	for (size_t n = 0; n < der.bytes; n++)
		CHECK_EQ(cert_read(copy, n, &back), -EBADMSG);
	CHECK_EQ(cert_read(copy, der.bytes + 1, &back), -EBADMSG);
	CHECK_EQ(cert_read(copy, der.bytes, &back), 0);
	CHECK(cert_equal(c, back));
	cert_put(back);
	cert_put(c);
	free(copy);
}

static void
files(void)
{
	struct cert *list[2];
	size_t n, more, count;
	uint8_t *one = vector_read("cert/hub.pem", &n), *two = vector_read("cert/sub.pem", &more);
	uint8_t *both = malloc(2 * (n + more));

	memcpy(both, one, n);
	memcpy(both + n, two, more);
	CHECK_EQ(cert_read_file(both, n + more, list, 2, &count), 0);
	CHECK_EQ(count, 2);
	CHECK(!cert_is_ca(list[0]));
	CHECK(cert_is_ca(list[1]));
	cert_put(list[0]);
	cert_put(list[1]);
	CHECK_EQ(cert_read_file(both, n + more, list, 1, &count), -E2BIG);
	CHECK_EQ(cert_read_file(both, n + more / 2, list, 2, &count), -EBADMSG);
	CHECK_EQ(cert_read_file("nothing", 7, list, 2, &count), -ENODATA);
	CHECK_EQ(cert_read_file("", 0, list, 2, &count), -ENODATA);
	free(one);
	free(two);
	free(both);
}

static void
crl_files(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_FAIL_CLOSED, false, NULL);
	size_t n;
	uint8_t *data = vector_read("cert/sub.crl", &n);

	CHECK_EQ(cert_trust_crl_until(t), 0);
	CHECK_EQ(cert_trust_add_crls(t, data, n, 0), 0);
	CHECK_EQ(cert_trust_crl_until(t), 2524607999); /* 2049-12-31 23:59:59 */
	CHECK_EQ(cert_trust_add_crls(t, data, n / 2, 0), -EBADMSG);
	CHECK_EQ(cert_trust_add_crls(t, "", 0, 0), -ENODATA);
	CHECK_EQ(cert_trust_add_crls(t, "nothing", 7, 0), -ENODATA);
	CHECK_EQ(cert_trust_add_crls(t, "0\x82 garbage", 10, 0), -EBADMSG);
	free(data);
	cert_trust_put(t);
}

/** openssl x509 -in root.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha1sum */
static void
key_ids(void)
{
	struct cert_trust *t = vector_trust("root", CERT_CRL_OFF, false, NULL);
	uint8_t id[2][CERT_KEY_ID_BYTES] = { { 0 } }, want[CERT_KEY_ID_BYTES];

	check_unhex("c3e0a3ad25bffa98d72a5c3cc058c4df1e8b012c", want, sizeof(want));
	CHECK_EQ(cert_trust_key_ids(t, id, 2), 1);
	CHECK_MEM(id[0], want, sizeof(want));
	CHECK_EQ(cert_trust_key_ids(t, id, 0), 1);
	cert_trust_put(t);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define CHECKS 200 /* per thread */

static void *
checker(void *arg)
{
	struct cert *sub = vector_cert("sub"), *good = vector_cert("spoke-p256");
	struct cert *revoked = vector_cert("revoked");
	struct cert_finding f;
	long wrong = 0;

	for (int i = 0; i < CHECKS; i++) {
		wrong += cert_check(arg, good, &sub, 1, VECTOR_NOW_S, &f) != CERT_GOOD;
		wrong += cert_check(arg, revoked, &sub, 1, VECTOR_NOW_S, &f) != CERT_REVOKED;
	}
	cert_put(sub);
	cert_put(good);
	cert_put(revoked);
	return (void *)wrong;
}

/** Helper threads check by a trust while the control core learns an issuer and asks for marks. */
static void
checked_by_threads_while_issuers_are_learnt(void)
{
	for (int round = 0; round < 10; round++) {
		struct cert_trust *t =
			vector_trust("root", CERT_CRL_FAIL_CLOSED, false, "root sub");
		struct cert_trust *off = vector_trust("root", CERT_CRL_OFF, false, NULL);
		struct cert *sub = vector_cert("sub"), *revoked = vector_cert("revoked");
		struct cert_finding f;
		pthread_t thread[2];
		void *wrong;

		cert_check(off, revoked, &sub, 1, VECTOR_NOW_S, &f);
		CHECK(!cert_trust_revokes(t, &f.mark));
		for (int i = 0; i < 2; i++)
			CHECK_EQ(pthread_create(&thread[i], NULL, checker, t), 0);
		for (int i = 0; i < 20; i++)
			CHECK_EQ(cert_trust_add_issuer(t, sub), 0);
		CHECK(cert_trust_revokes(t, &f.mark));
		for (int i = 0; i < 2; i++) {
			pthread_join(thread[i], &wrong);
			CHECK_EQ((long)wrong, 0);
		}
		cert_put(sub);
		cert_put(revoked);
		cert_trust_put(off);
		cert_trust_put(t);
	}
}

/** Whole lists of the issuer itself; whatever scheme. */
static void
crl_distribution_points(void)
{
	struct cert *c = vector_cert("points"), *none = vector_cert("hub");
	char uri[64] = "as it was", small[31];

	CHECK(cert_crl_uri(c, 0, uri, sizeof(uri)));
	CHECK_STR(uri, "ldap://pki.example.org/");
	CHECK(cert_crl_uri(c, 1, uri, sizeof(uri)));
	CHECK_STR(uri, "http://pki.example.org/a.crl");
	CHECK(cert_crl_uri(c, 2, uri, sizeof(uri)));
	CHECK_STR(uri, "http://pki.example.org/d.crl");
	CHECK(!cert_crl_uri(c, 3, uri, sizeof(uri)));
	CHECK(!cert_crl_uri(none, 0, uri, sizeof(uri)));
	CHECK(cert_crl_uri(c, 0, small, 24));
	CHECK(!cert_crl_uri(c, 1, small, 24)); /* the others do not fit */
	cert_put(c);
	cert_put(none);
}

static void
decoder_count(OSSL_DECODER *decoder, void *n)
{
	(void)decoder;
	++*(unsigned *)n;
}

/* Each one costs time at every certificate; without them all others are asked. */
static void
few_decoders_are_asked(void)
{
	static const char *const leaves[] = { "spoke-rsa", "spoke-p256", "spoke-p384", "spoke-p521",
		"spoke-ed25519" };
	unsigned n = 0;

	CHECK(cert_context() != NULL);
	OSSL_DECODER_do_all_provided(cert_context(), decoder_count, &n);
	CHECK_EQ(n, 4);
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		struct cert *c = vector_cert(leaves[i]);
		struct sign_key *k = vector_key(leaves[i]); /* of the default context */

		CHECK(sign_key_equal(k, cert_key(c)));
		sign_key_put(k);
		cert_put(c);
	}
}

/** Text of RFC 4514 to DER: the last RDN first, escapes, several attributes in one RDN. */
static void
names_from_text(void)
{
	static const struct {
		const char *text, *printed; /* as it is on the wire: the other way round */
	} good[] = {
		{ "CN=branch7,OU=Branches,O=Example Corp,C=US",
			"C=US, O=Example Corp, OU=Branches, CN=branch7" },
		{ " cn = branch7 , o = Example  Corp ", "O=Example  Corp, CN=branch7" },
		{ "UID=7+CN=b,DC=example,DC=org", "DC=org, DC=example, CN=b + UID=7" },
		{ "CN=a\\,b\\+c\\\"\\\\\\ ,E=a@b", "emailAddress=a@b, CN=a\\,b\\+c\\\"\\\\ " },
		{ "CN=\\c3\\a4x", "CN=??x" },
		{ "1.3.6.1.4.1.99999.1=x,OID.2.5.4.5=7", "serialNumber=7, 1.3.6.1.4.1.99999.1=x" },
	};
	static const char *const bad[] = { "", ",", "CN", "CN=", "CN=a,", "CN=a+", "=a",
		"CN=a,,O=b", "XX=a", "C=Germany", "CN=\"a\"", "CN=a\\", "CN=a\\q", "CN=a\\00b",
		"CN=#0c0161", "CN=a<b" };
	uint8_t der[CERT_DN_MAX_BYTES];
	char text[CERT_NAME_BYTES], why[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int n = cert_dn_parse(good[i].text, der, sizeof(der), why, sizeof(why));

		CHECK(n > 0);
		CHECK_STR(cert_dn_print(der, (size_t)(n > 0 ? n : 0), text, sizeof(text)),
			good[i].printed);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		CHECK_EQ(cert_dn_parse(bad[i], der, sizeof(der), why, sizeof(why)), -EINVAL);
		CHECK(why[0] != '\0');
	}
	CHECK_EQ(cert_dn_parse("CN=abcdefgh", der, 8, why, sizeof(why)), -EINVAL);
}

static size_t
key_of(const char *text, char key[CERT_DN_KEY_BYTES])
{
	uint8_t der[CERT_DN_MAX_BYTES];
	char why[200];
	int n = cert_dn_parse(text, der, sizeof(der), why, sizeof(why));

	CHECK(n > 0);
	return cert_dn_key(der, (size_t)n, key);
}

/** What devices write differently does not count, everything else does. */
static void
names_compare_by_attributes(void)
{
	static const char *const same[] = { "CN=branch7,OU=Branches,O=Example Corp",
		"O=Example Corp,OU=Branches,CN=branch7", "cn=BRANCH7, ou=branches, o=example  corp",
		"CN=branch7+OU=Branches,O=Example Corp" };
	static const char *const other[] = { "CN=branch7,OU=Branches",
		"CN=branch7,OU=Branches,O=Other", "CN=branch7,OU=Branches,O=Example Corp,C=US",
		"CN=branch7,O=Branches,OU=Example Corp",
		"CN=branch7,CN=branch7,OU=Branches,O=Example Corp",
		"CN=branch7,OU=Branches,O=ExampleCorp" };
	/* The same in the string types of an old device: PrintableString and T61String. */
	static const uint8_t old[] = "\x30\x24\x31\x22\x30\x0e\x06\x03\x55\x04\x03\x13\x07"
				     "branch7\x30\x10\x06\x03\x55\x04\x0a\x14\x09"
				     "Example X";
	char key[CERT_DN_KEY_BYTES], of[CERT_DN_KEY_BYTES];
	size_t n = key_of(same[0], key);

	CHECK(n > 0);
	for (size_t i = 1; i < sizeof(same) / sizeof(same[0]); i++) {
		CHECK_EQ(key_of(same[i], of), n);
		CHECK_MEM(of, key, n);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CHECK(key_of(other[i], of) != n || memcmp(of, key, n) != 0);
	n = key_of("O=example x,CN=Branch7", key);
	CHECK_EQ(cert_dn_key(old, sizeof(old) - 1, of), n);
	CHECK_MEM(of, key, n);
	for (size_t cut = 0; cut < sizeof(old) - 1; cut++)
		CHECK_EQ(cert_dn_key(old, cut, of), 0);
	CHECK_EQ(cert_dn_key("\x30\x00", 2, of), 0); /* an empty one names nobody */
}

int
main(void)
{
	TEST(names_from_text);
	TEST(names_compare_by_attributes);
	TEST(chains);
	TEST(leaf_is_no_issuer);
	TEST(our_clock_decides);
	TEST(sha1_by_switch);
	TEST(anchor_need_not_be_self_signed);
	TEST(revocation);
	TEST(marks);
	TEST(marks_name_the_anchor);
	TEST(forged_crl);
	TEST(names);
	TEST(distinguished_names_compare);
	TEST(fields_of_every_rdn);
	TEST(every_cut_is_refused);
	TEST(files);
	TEST(crl_files);
	TEST(seen_crl);
	TEST(crl_facts);
	TEST(key_ids);
	TEST(checked_by_threads_while_issuers_are_learnt);
	TEST(crl_distribution_points);
	TEST(few_decoders_are_asked);
	return check_done();
}

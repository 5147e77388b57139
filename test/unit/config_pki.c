/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates in the configuration: what comes out of good files, what is said about bad ones. */
#include "config/pki.h"

#include <errno.h>

#include "config/load.h"
#include "test/lib/check.h"
#include "test/lib/vector_file.h"
#include "test/unit/config_base.h"

/* The good profile; each line may be replaced. */
static const char profile[] = "    certificate: DIR/hub.pem\n"
			      "    private_key: file:DIR/hub.key\n"
			      "    trust: [DIR/root.pem]\n"
			      "    crls: [DIR/root.crl]\n"
			      "    crl: fail-closed\n"
			      "    identity: strict\n"
			      "    maps:\n"
			      "      - name: some\n"
			      "        match: [\"O = Nave Test\", \"dns!=*.other\"]\n"
			      "        group: some-kind.of_group\n"
			      "        cloud: dmvpn\n"
			      "        profile: vans\n"
			      "        overlay: [10.0.0.0/25, 10.0.0.200]\n"
			      "  - name: vans\n"; /* needs no certificate, and no cloud */

static const char *const files[] = { "hub.pem", "hub.key", "root.pem", "root.crl", "sub.pem",
	"sub.crl", "sub-old.crl", "expired.pem", "future.pem", "spoke-p256.pem", "spoke-p256.key",
	"weak.pem", "weak.key", "locked.key", "points.pem" };
#define FILES (sizeof(files) / sizeof(files[0]))

static char dir[64];

/** A copy of a vector in DIR under another name. */
static void
put(const char *vector, const char *name, mode_t mode)
{
	char from[128], to[128];
	size_t n;

	snprintf(from, sizeof(from), "cert/%s", vector);
	base_path(to, sizeof(to), dir, name);
	uint8_t *data = vector_read(from, &n);

	base_write(to, (char *)data, n, mode);
	free(data);
}

static void
dir_make(void)
{
	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < FILES; i++)
		put(files[i], files[i], strstr(files[i], ".key") != NULL ? 0600 : 0644);
	put("hub.key", "open.key", 0640);
}

static void
dir_remove(void)
{
	char path[128];

	for (size_t i = 0; i < FILES; i++) {
		base_path(path, sizeof(path), dir, files[i]);
		unlink(path);
	}
	base_path(path, sizeof(path), dir, "open.key");
	unlink(path);
	base_dir_remove(dir);
}

/** The good file with the good profile, `find` in the latter replaced once. */
static struct config *
load(const char *find, const char *replace, char *messages, size_t n)
{
	static char lines[4096], text[65536];
	const char *at = find == NULL ? profile : strstr(profile, find);
	struct config_errors errors;
	struct config *c = NULL;

	if (at == NULL)
		abort();
	snprintf(lines, sizeof(lines), "  - name: branch\n%.*s%s%s", (int)(at - profile), profile,
		find == NULL ? "" : replace, at + (find == NULL ? 0 : strlen(find)));
	base_text(text, sizeof(text), "  - name: branch\n", lines, dir);
	config_load_buffer(text, strlen(text), NULL, &c, &errors);
	base_messages(messages, n, &errors);
	config_errors_free(&errors);
	return c;
}

static void
good_profile(void)
{
	char messages[1024];
	struct config *c = load(NULL, NULL, messages, sizeof(messages));

	CHECK_STR(messages, "");
	CHECK(c != NULL);
	if (c == NULL)
		return;
	const struct config_pki *p = c->ike[0].pki;

	CHECK_EQ(c->ike[0].accept, ACCEPT_ANY);
	CHECK_EQ(p->own_count, 1);
	CHECK(sign_key_equal(p->key, cert_key(p->own[0])));
	CHECK(p->send_chain);
	CHECK(!p->sha1);
	CHECK_EQ(p->id_rule, ID_RULE_STRICT);
	CHECK_EQ(p->crl_rule, CERT_CRL_FAIL_CLOSED);
	CHECK_EQ(cert_trust_key_ids(p->trust, NULL, 0), 1);
	CHECK_EQ(cert_trust_crl_until(p->trust), 2524607999);
	CHECK_EQ(p->maps_count, 1);
	CHECK_EQ(p->maps[0].match_count, 2);
	CHECK_STR(p->maps[0].match[0].field, "O");
	CHECK_STR(p->maps[0].match[0].pattern, "Nave Test");
	CHECK(!p->maps[0].match[0].unlike);
	CHECK_STR(p->maps[0].match[1].field, "dns");
	CHECK_STR(p->maps[0].match[1].pattern, "*.other");
	CHECK(p->maps[0].match[1].unlike);
	CHECK_STR(p->maps[0].binding.map, "some");
	CHECK_STR(p->maps[0].binding.cloud, "dmvpn");
	CHECK_STR(p->maps[0].binding.profile, "vans");
	CHECK_STR(p->maps[0].binding.group, "some-kind.of_group");
	CHECK_EQ(p->maps[0].binding.overlay_count, 2);
	CHECK_EQ(p->maps[0].binding.overlay[1].bits, 32);
	config_free(c);
}

static void
urls_of_crls(void)
{
	char messages[1024];
	struct config *c = load("crls: [DIR/root.crl]",
		"crl_urls: [\"http://pki/a.crl\", \"http://pki/b.crl\"]", messages,
		sizeof(messages));
	struct config *other = load("crls: [DIR/root.crl]",
		"crl_urls: [\"http://pki/a.crl\", \"http://pki/c.crl\"]", messages,
		sizeof(messages));

	CHECK_STR(messages, "");
	const struct config_pki *p = c->ike[0].pki;

	CHECK_EQ(p->crl_urls_count, 2);
	CHECK_STR(p->crl_urls[1], "http://pki/b.crl");
	CHECK(strncmp(p->crl_copies[0], "/var/lib/nave/branch-", 21) == 0);
	CHECK(strcmp(p->crl_copies[0], p->crl_copies[1]) != 0);
	CHECK_STR(other->ike[0].pki->crl_copies[0], p->crl_copies[0]);
	CHECK(!config_pki_equal(p, other->ike[0].pki));
	config_free(c);
	config_free(other);
}

/** What our own certificate says, once, beside what is written out; no ldap, no others' lists. */
static void
points_of_our_certificate(void)
{
	char messages[1024];
	struct config *c = load("DIR/hub.pem\n"
				"    private_key: file:DIR/hub.key\n"
				"    trust: [DIR/root.pem]\n"
				"    crls: [DIR/root.crl]\n",
		"DIR/points.pem\n"
		"    private_key: file:DIR/spoke-p256.key\n"
		"    trust: [DIR/root.pem]\n"
		"    crl_fetch: true\n"
		"    crl_urls: [\"http://pki/x.crl\", \"http://pki.example.org/d.crl\"]\n",
		messages, sizeof(messages));

	CHECK(c != NULL);
	if (c == NULL) {
		printf("# %s\n", messages);
		return;
	}
	const struct config_pki *p = c->ike[0].pki;

	CHECK_EQ(p->crl_urls_count, 3);
	CHECK_STR(p->crl_urls[0], "http://pki/x.crl");
	CHECK_STR(p->crl_urls[1], "http://pki.example.org/d.crl");
	CHECK_STR(p->crl_urls[2], "http://pki.example.org/a.crl");
	CHECK(p->crl_copies[2][0] == '/');
	config_free(c);
}

static const struct bad {
	const char *find, *replace, *messages; /* messages: a part of what is said */
} bads[] = {
	{ "DIR/hub.pem", "DIR/none.pem",
		"ike[0].certificate: DIR/none.pem cannot be read: No such file or directory" },
	{ "DIR/hub.pem", "hub.pem",
		"ike[0].certificate: found \"hub.pem\"; allowed: an absolute path" },
	{ "DIR/hub.pem", "DIR/root.crl", "DIR/root.crl holds no certificate that can be read" },
	{ "DIR/hub.pem", "DIR/spoke-p256.pem",
		"ike[0].private_key: DIR/hub.key (rsa-2048) is not the key of the first "
		"certificate "
		"in DIR/spoke-p256.pem (ecdsa-256)" },
	{ "hub.pem\n    private_key: file:DIR/hub.key",
		"expired.pem\n    private_key: "
		"file:DIR/spoke-p256.key",
		"ike[0].certificate: DIR/expired.pem expired 2021-01-01 00:00:00 UTC, our clock "
		"says "
		"20" },
	{ "hub.pem\n    private_key: file:DIR/hub.key",
		"future.pem\n    private_key: file:DIR/spoke-p256.key",
		"ike[0].certificate: DIR/future.pem is not valid before 2040-01-01 00:00:00 UTC" },
	{ "hub.pem\n    private_key: file:DIR/hub.key",
		"weak.pem\n    private_key: file:DIR/weak.key",
		"ike[0].private_key: DIR/weak.key is an RSA key of 1024 bits; needed are 2048 or "
		"more" },
	{ "DIR/hub.key", "DIR/open.key",
		"ike[0].private_key: secret file DIR/open.key has mode 0640, others than its owner "
		"can use it; run: chmod 600 DIR/open.key" },
	{ "DIR/hub.key", "DIR/none.key",
		"secret file DIR/none.key cannot be opened: No such file or directory" },
	{ "file:DIR/hub.key", "DIR/hub.key", "ike[0].private_key: a secret may not stand" },
	{ "DIR/hub.key", "DIR/locked.key", "DIR/locked.key needs a passphrase" },
	{ "DIR/hub.key", "DIR/psk", "DIR/psk holds no private key" },
	{ "    private_key: file:DIR/hub.key\n", "",
		"ike[0].certificate: needs \"private_key\" beside it" },
	{ "    certificate: DIR/hub.pem\n", "",
		"ike[0].private_key: needs \"certificate\" beside it" },
	{ "    certificate: DIR/hub.pem\n    private_key: file:DIR/hub.key\n", "",
		"ike[0].trust: spokes that prove themselves by certificate have to be answered" },
	{ "    trust: [DIR/root.pem]\n", "", "ike[0].certificate: needs \"trust\" beside it" },
	{ "DIR/root.pem", "DIR/root.pem, DIR/none.pem",
		"ike[0].trust[1]: DIR/none.pem cannot be read" },
	{ "DIR/root.pem", "DIR/hub.pem",
		"ike[0].trust[0]: DIR/hub.pem holds a certificate that is no CA's" },
	{ "DIR/root.pem", "DIR/psk", "ike[0].trust[0]: DIR/psk holds no certificate" },
	{ "DIR/root.crl", "DIR/root.pem", "ike[0].crls[0]: DIR/root.pem holds no CRL" },
	{ "DIR/root.crl", "DIR", "ike[0].crls[0]: DIR cannot be read: Invalid argument" },
	{ "DIR/root.crl", "DIR/sub-old.crl",
		"ike[0].crls: a CRL ran out 2021-01-01 00:00:00 UTC; its CA's spokes are refused" },
	{ "    crl: fail-closed\n", "",
		"ike[0].crls: say what counts when no CRL is in force: crl: fail-closed" },
	{ "    crls: [DIR/root.crl]\n", "", "ike[0].crl: fail-closed without \"crls\"" },
	{ "crls: [DIR/root.crl]\n    crl: fail-closed", "crl_urls: [\"http://pki/ca.crl\"]",
		"ike[0].crl_urls: say what counts when no CRL is in force: crl: fail-closed" },
	{ "crls: [DIR/root.crl]", "crl_urls: [\"https://pki/ca.crl\"]",
		"ike[0].crl_urls[0]: found \"https://pki/ca.crl\"; allowed: "
		"http://HOST[:PORT]/PATH "
		"of at most 127 characters; a CRL is signed, https would add nothing" },
	{ "crls: [DIR/root.crl]", "crl_urls: [\"http://u@pki/\"]", "allowed: http://HOST" },
	{ "crls: [DIR/root.crl]", "crl_fetch: true",
		"ike[0].crl_fetch: neither our certificate nor its intermediates name a CRL by "
		"http://; name it under \"crl_urls\"" },
	{ "fail-closed", "sometimes",
		"ike[0].crl: found \"sometimes\"; allowed: off, fail-open, fail-closed" },
	{ "strict", "loose", "ike[0].identity: found \"loose\"; allowed: certificate, strict" },
	{ "O = Nave Test", "Nave Test",
		"ike[0].maps[0].match[0]: \"Nave Test\": neither FIELD = PATTERN nor" },
	{ "O = Nave Test", "CNN = x", "ike[0].maps[0].match[0]: \"CNN = x\": no field \"CNN\"" },
	{ "O = Nave Test", "O =", "the pattern has 0 characters; allowed: 1..127" },
	{ "cloud: dmvpn", "cloud: other",
		"ike[0].maps[0].cloud: found \"other\"; allowed: a cloud with protection: branch" },
	{ "profile: vans", "profile: van",
		"ike[0].maps[0].profile: found \"van\"; allowed: the name of a profile under "
		"\"ike\" (branch, vans)" },
	{ "  - name: vans\n", "  - name: vans\n    mode: tunnel\n",
		"clouds[0].mtu: a full packet of 1400 bytes needs up to 1508" },
	{ "        profile: vans\n", "",
		"ike[1].name: no cloud names \"vans\" as its protection, no key or map" },
	{ "10.0.0.0/25", "10.0.0.1/25",
		"ike[0].maps[0].overlay[0]: found \"10.0.0.1/25\"; allowed: an address or a "
		"network" },
	{ "10.0.0.0/25", "any", "found \"any\"; allowed: an address or a network" },
	{ "    identity: strict\n", "    local_identity: hub.example.com\n",
		"ike[0].local_identity: hub.example.com is no subjectAltName of DIR/hub.pem" },
};

static void
bad_profiles(void)
{
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		char messages[2048], want[512];
		struct config *c = load(bads[i].find, bads[i].replace, messages, sizeof(messages));

		base_expand(want, sizeof(want), bads[i].messages, dir);
		if (strstr(messages, want) == NULL)
			printf("# row %zu: \"%s\", not \"%s\"\n", i, messages, want);
		CHECK(strstr(messages, want) != NULL);
		config_free(c);
	}
}

static void
accept_needs_trust(void)
{
	static char text[65536];
	struct config_errors errors;
	struct config *c = NULL;
	char messages[1024];

	base_text(text, sizeof(text), "  - name: branch\n",
		"  - name: branch\n    accept: certificate\n", dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), NULL, &c, &errors), -EINVAL);
	base_messages(messages, sizeof(messages), &errors);
	CHECK(strstr(messages, "ike[0].accept: certificates are to be accepted, but there is no") !=
		NULL);
	config_errors_free(&errors);
}

/** Certificates alone are enough for a protected cloud. */
static void
no_shared_key_needed(void)
{
	static char text[65536], lines[4096];
	struct config_errors errors;
	struct config *c = NULL;
	char *secrets;

	snprintf(lines, sizeof(lines), "  - name: branch\n%s", profile);
	base_text(text, sizeof(text), "  - name: branch\n", lines, dir);
	secrets = strstr(text, "secrets:");
	CHECK(secrets != NULL);
	*secrets = '\0';
	CHECK_EQ(config_load_buffer(text, strlen(text), NULL, &c, &errors), 0);
	config_errors_free(&errors);
	config_free(c);
}

/** Trust is another one when a file is, and the stamp says so before anybody reads it. */
static void
files_that_change(void)
{
	char messages[1024];
	struct config *c = load(NULL, NULL, messages, sizeof(messages));
	struct config *same = load(NULL, NULL, messages, sizeof(messages));
	struct config_pki *p = c->ike[0].pki;
	struct pki_problem bad;
	struct cert_trust *t = NULL;
	uint64_t stamp = pki_trust_stamp(p);

	CHECK(config_pki_equal(p, same->ike[0].pki));
	CHECK_EQ(pki_trust_stamp(p), stamp);
	put("sub.crl", "root.crl", 0644);
	CHECK(pki_trust_stamp(p) != stamp);
	CHECK_EQ(pki_trust_read(p, &t, &bad), 0);
	CHECK(!cert_trust_equal(t, p->trust));
	cert_trust_put(t);
	struct config *other = load(NULL, NULL, messages, sizeof(messages));

	CHECK(!config_pki_equal(p, other->ike[0].pki));
	CHECK_EQ(config_diff(c, same, NULL, 10), 0);
	CHECK_EQ(config_diff(c, other, NULL, 10), 1);
	put("hub.pem", "root.crl", 0644); /* half written, or something else */
	CHECK_EQ(pki_trust_read(p, &t, &bad), -EINVAL);
	CHECK_STR(bad.list, "crls");
	CHECK(strstr(bad.text, "holds no CRL") != NULL);
	put("root.crl", "root.crl", 0644);
	config_free(c);
	config_free(same);
	config_free(other);
}

int
main(void)
{
	dir_make();
	TEST(good_profile);
	TEST(urls_of_crls);
	TEST(points_of_our_certificate);
	TEST(bad_profiles);
	TEST(accept_needs_trust);
	TEST(no_shared_key_needed);
	TEST(files_that_change);
	dir_remove();
	return check_done();
}

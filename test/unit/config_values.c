/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include <errno.h>

#include "config/identity.h"
#include "config/proposal.h"
#include "test/lib/check.h"
#include "test/unit/config_base.h"

/** Load the good file changed as in base_text(); NULL and messages when refused. */
static struct config *
load(const char *find, const char *replace, const char *dir, char *messages, size_t n)
{
	static char text[65536];
	struct config_errors errors;
	struct config *c = NULL;

	base_text(text, sizeof(text), find, replace, dir);
	int err = config_load_buffer(text, strlen(text), NULL, &c, &errors);

	base_messages(messages, n, &errors);
	CHECK_EQ(errors.warnings, err == 0 ? errors.count : 0);
	config_errors_free(&errors);
	return c;
}

static void
good_file_gives_its_values_and_the_defaults(void)
{
	char dir[64], messages[1024], text[ADDR_TEXT_BYTES];

	base_dir(dir, sizeof(dir));
	struct config *c = load("", "", dir, messages, sizeof(messages));

	CHECK_STR(messages, "");
	CHECK(c != NULL);
	if (c == NULL)
		return;
	CHECK_EQ(c->system.workers, 2);
	CHECK(c->system.hugepages);
	CHECK_EQ(c->system.max_spokes, 4096);
	CHECK_EQ(c->system.idle, IDLE_AUTO);
	CHECK_EQ(c->ports_count, 2);
	CHECK_STR(c->ports[1].device, "net_null1");
	CHECK_EQ(c->ports[1].role, PORT_LAN);
	CHECK_EQ(c->ports[0].mtu, 1500);
	CHECK_EQ(c->ports[0].gateway.family, ADDR_NONE);
	CHECK_STR(prefix_print(&c->ports[0].addresses[0], text), "192.0.2.1/24");

	const struct config_cloud *t = config_cloud_find(c, "dmvpn");

	CHECK(t == &c->clouds[0]);
	CHECK_STR(addr_print(&t->source, text), "192.0.2.1");
	CHECK(t->has_key && t->key == 42);
	CHECK_EQ(t->mtu, 1400);
	CHECK_EQ(t->tcp_mss, 0);
	CHECK_EQ(t->anti_spoof, SPOOF_STRICT);
	CHECK_EQ(t->df, DF_CLEAR);
	CHECK(t->protected_);
	CHECK_EQ(t->nhrp.network_id, 1);
	CHECK_EQ(t->nhrp.holdtime_s, 7200);
	CHECK_EQ(t->nhrp.holdtime_min_s, 10);
	CHECK_EQ(t->nhrp.holdtime_max_s, 65535);
	CHECK(t->nhrp.redirect && !t->nhrp.answer_from_cache);
	CHECK_EQ(t->nhrp.unique, UNIQUE_SAME_IDENTITY);
	CHECK_EQ(t->nhrp.max_prefix_bits_v4, 32);
	CHECK_EQ(t->nhrp.max_prefix_bits_v6, 128);

	const struct config_ike_profile *p = config_ike_find(c, "branch");

	CHECK(p == &c->ike[0]);
	CHECK_EQ(p->local_identity.type, ID_NONE);
	CHECK_EQ(p->ike_count, 126);
	CHECK_EQ(p->esp_count, 12);
	CHECK(!p->legacy);
	CHECK_EQ(p->esp_lifetime_mb, 0);
	CHECK_EQ(p->esp_lifetime_packets, 0);
	CHECK_EQ(p->mode, MODE_ANY);
	CHECK_EQ(p->pfs, PFS_PEER);
	CHECK_EQ(p->replay_window, 1024);
	CHECK_EQ(p->ike_lifetime_s, 90000);
	CHECK_EQ(p->esp_lifetime_s, 4000);
	CHECK_EQ(p->max_children, 4);
	CHECK_EQ(c->system.crypto_threads, 1);
	CHECK_EQ(c->psks[0].whom.identity.type, ID_NONE);
	CHECK_EQ(c->psks[0].whom.address.addr.family, ADDR_NONE);
	CHECK_STR(c->management.socket, "/run/nave/naved.sock");
	CHECK_EQ(c->management.log_level, 6);
	CHECK(config_cloud_find(c, "none") == NULL && config_ike_find(c, "none") == NULL);
	config_free(c);
	base_dir_remove(dir);
}

static void
secret_files_are_read_and_decoded(void)
{
	static const struct {
		const char *replace, *octets;
	} rows[] = {
		{ "file:DIR/psk", "correct horse battery staple" },
		{ "file:DIR/psk-crlf", "correct horse battery staple" },
		{ "file:DIR/psk-hex",
			"\x00\xff\x10\x20\x30\x40\x50\x60\x70\x80\x9a\x0b\x0c\x0d\x0e\x0f\x10\x11"
			"\x12\x13" },
		{ "file:DIR/psk-base64", "\x00\xff\x10\x20\x30\x40\x50\x60\x70\x80\x90" },
	};
	static const size_t bytes[] = { 28, 28, 20, 11 };
	char dir[64], messages[1024];

	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c =
			load("file:DIR/psk", rows[i].replace, dir, messages, sizeof(messages));

		CHECK(c != NULL);
		if (c == NULL)
			continue;
		CHECK_EQ(c->psks[0].key.bytes, bytes[i]);
		CHECK_MEM(c->psks[0].key.data, rows[i].octets, bytes[i]);
		config_free(c);
	}
	base_dir_remove(dir);
}

/** One key for several identities: each finds it, in whatever form it comes. */
static void
one_key_for_several_identities(void)
{
	static const char identities[] = "identities: [branch7.example.org, \"2001:db8::7\", "
					 "ops@example.org, \"keyid:0x00ff\", "
					 "\"dn:CN=branch7,O=Example Corp\", \"*.b.example.org\"]\n"
					 "    group: branches\n"
					 "    cloud: dmvpn\n"
					 "    profile: branch\n"
					 "    overlay: [10.0.0.128/25, 10.0.0.7]\n"
					 "    key: file:DIR/psk\n"
					 "  - address: any";
	static const uint8_t types[] = { ID_FQDN, ID_IPV6_ADDR, ID_RFC822_ADDR, ID_KEY_ID,
		ID_DER_ASN1_DN, ID_FQDN, ID_NONE };
	char dir[64], messages[1024];

	base_dir(dir, sizeof(dir));
	struct config *c = load("address: any", identities, dir, messages, sizeof(messages));

	CHECK(c != NULL);
	CHECK_STR(messages, "");
	CHECK_EQ(c->psks_count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		CHECK_EQ(c->psks[i].whom.identity.type, types[i]);
		CHECK_EQ(c->psks[i].whom.fit, i == 5 ? FIT_END : FIT_WHOLE);
		CHECK_EQ(c->psks[i].entry, i == 6);
		CHECK_EQ(c->psks[i].item, i % 6);
		CHECK_EQ(c->psks[i].key.bytes, 28);
		CHECK_MEM(c->psks[i].key.data, "correct horse battery staple", 28);
		CHECK_STR(c->psks[i].binding.group, i == 6 ? "" : "branches");
		CHECK_STR(c->psks[i].binding.cloud, i == 6 ? "" : "dmvpn");
		CHECK_STR(c->psks[i].binding.profile, i == 6 ? "" : "branch");
		CHECK_EQ(c->psks[i].binding.overlay_count, i == 6 ? 0 : 2);
		CHECK_STR(c->psks[i].binding.map, "");
	}
	CHECK_EQ(c->psks[3].binding.overlay[0].bits, 25);
	CHECK_EQ(c->psks[3].binding.overlay[1].bits, 32);
	config_free(c);
	base_dir_remove(dir);
}

static void
doubtful_files_load_with_warnings(void)
{
	static const struct {
		const char *find, *replace, *messages;
	} rows[] = {
		{ "file:DIR/psk", "file:DIR/short",
			"24:10: secrets[0].key: the key in DIR/short has 6 characters and can be "
			"guessed; use 20 or more, as from: openssl rand -base64 24" },
		{ "key: 42", "key: 42\n    mtu: 1460",
			"17:10: clouds[0].mtu: a full packet of 1460 bytes needs up to 1540 on "
			"port \"wan0\", which takes 1500; it will be fragmented, lower the "
			"cloud's mtu" },
		{ "role: wan", "role: wan\n    gateway: 198.51.100.1",
			"7:14: ports[0].gateway: 198.51.100.1 is in no network of this port's "
			"addresses; it will not resolve" },
		{ "[10.0.0.1/24]", "[\"2001:db8:7::/64\"]",
			"14:17: clouds[0].addresses[0]: 2001:db8:7::/64 is the anycast address of "
			"all routers in its network, which others answer to as well; take one of a "
			"host" },
		{ "key: file:DIR/psk",
			"key: file:DIR/psk\nppks:\n  - id: one\n"
			"    key: file:DIR/psk-hex",
			"27:10: ppks[0].key: the key in DIR/psk-hex has 20 octets; against a "
			"quantum "
			"computer it takes 32: echo base64:$(openssl rand -base64 32)" },
		{ "- name: branch", "- name: branch\n    legacy: true",
			"22:13: ike[0].legacy: 3des, md5, modp1536 and modp1024 can be broken by "
			"those who record traffic: move the spokes to aes, sha256 and modp2048 or "
			"ecp256 (IOS: aes-cbc-256, sha256, group 14 or 19), then take the line "
			"out" },
		{ "- name: branch", "- name: branch\n  - name: spare",
			"22:11: ike[1].name: no cloud names \"spare\" as its protection, no key or "
			"map as its profile" },
		{ "secrets:\n  - address: any",
			"  - {name: vans, legacy: true}\nsecrets:\n  - address: any\n"
			"    profile: vans",
			"22:26: ike[1].legacy: 3des, md5, modp1536 and modp1024 can be broken by "
			"those who record traffic: move the spokes to aes, sha256 and modp2048 or "
			"ecp256 (IOS: aes-cbc-256, sha256, group 14 or 19), then take the line "
			"out" },
		{ "secrets:\n  - address: any",
			"  - {name: vans, mode: tunnel}\nsecrets:\n  - address: any\n"
			"    cloud: dmvpn\n    profile: vans",
			"13:5: clouds[0].mtu: a full packet of 1400 bytes needs up to 1508 on port "
			"\"wan0\", which takes 1500; it will be fragmented, lower the cloud's "
			"mtu" },
	};
	char dir[64], messages[1024], want[1024];

	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c =
			load(rows[i].find, rows[i].replace, dir, messages, sizeof(messages));

		CHECK(c != NULL);
		base_expand(want, sizeof(want), rows[i].messages, dir);
		CHECK_STR(messages, want);
		config_free(c);
	}
	base_dir_remove(dir);
}

static void
good_variants_load_in_silence(void)
{
	static const char *const rows[][2] = {
		{ "key: 42", "anti_spoof: off" },
		{ "key: 42", "vrf: blue\n    key: 0" },
		{ "key: 42", "vrf: 100\n    key: 0" },
		{ "[10.0.0.1/24]", "[10.0.0.1/24, \"2001:db8::1/64\"]" },
		{ "[10.0.0.1/24]", "[172.16.0.9/24]\n    vrf: blue" },
		{ "[10.0.0.1/24]", "[10.0.0.0/31, 10.0.0.255/32, 10.0.1.255/31, 10.0.2.0/32]" },
		{ "[10.0.0.1/24]", "[\"2001:db8:7::/127\", \"2001:db8:8::/128\"]" },
		{ "[10.0.0.1/24]",
			"[10.0.1.0/16, 10.1.0.255/16, \"2001:db8::ffff:ffff:ffff:ffff/64\"]" },
		{ "role: wan", "role: wan\n    gateway: 192.0.2.254" },
		{ "role: wan", "role: wan\n    gateway: fe80::1" },
		{ "      network_id: 1\n",
			"      network_id: 1\n  - name: clear\n    addresses: [10.1.0.1/24]\n"
			"    source: 192.0.2.1\n    protection: none\n    nhrp: {network_id: "
			"2}\n" },
		{ "workers: 2", "workers: auto\n  cores: 0-2,5" },
		{ "- name: branch", "- name: branch\n    local_identity: keyid:0x00ff" },
		{ "address: any", "address: 2001:db8::/32" },
		{ "address: any", "identity: branch+7@example.org" },
		{ "system:\n  workers: 2\n", "" },
		{ "secrets:\n  - address: any",
			"  - {name: vans, pfs: require}\nsecrets:\n  - address: any\n"
			"    profile: vans" },
		{ "ike:\n  - name: branch\nsecrets:\n  - address: any",
			"  - name: vans\n    addresses: [10.7.0.1/24]\n    source: 192.0.2.1\n"
			"    key: 7\n    mtu: 1300\n    protection: branch\n"
			"    nhrp: {network_id: 7}\nike:\n  - name: branch\n"
			"  - {name: vans, mode: tunnel}\nsecrets:\n  - address: any\n"
			"    cloud: vans\n    profile: vans" },
	};
	char dir[64], messages[1024];

	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = load(rows[i][0], rows[i][1], dir, messages, sizeof(messages));

		CHECK(c != NULL);
		CHECK_STR(messages, "");
		config_free(c);
	}
	base_dir_remove(dir);
}

/* Whatever its mode in the tree: a private key is taken only when its owner alone can read it. */
static void
key_copy(const char *dir)
{
	static char data[8192];
	char path[128];
	FILE *f = fopen(SOURCE_ROOT "/test/vectors/cert/hub.key", "r");

	CHECK(f != NULL);
	size_t n = f == NULL ? 0 : fread(data, 1, sizeof(data), f);

	if (f != NULL)
		fclose(f);
	base_path(path, sizeof(path), dir, "key");
	base_write(path, data, n, 0600);
}

/* The shipped files, with their secret files taken from the test's folder. */
static void
shipped_file_checks_clean(const char *name, uint32_t clouds, uint32_t psks)
{
	static char raw[65536], text[65536];
	static const char *const secrets[][2] = {
		{ "file:/etc/nave/nhrp-auth", "file:DIR/short" },
		{ "file:/etc/nave/branch7.psk", "file:DIR/psk" },
		{ "file:/etc/nave/partner.psk", "file:DIR/psk" },
		{ "file:/etc/nave/branches.psk", "file:DIR/psk" },
		{ "file:/etc/nave/vans.psk", "file:DIR/psk" },
		{ "file:/run/nave-demo/psk", "file:DIR/psk" },
		{ "/etc/nave/hub.pem", SOURCE_ROOT "/test/vectors/cert/hub.pem" },
		{ "file:/etc/nave/hub.key", "file:DIR/key" },
		{ "/etc/nave/branch-ca.pem", SOURCE_ROOT "/test/vectors/cert/root.pem" },
		{ "/etc/nave/branch-ca.crl", SOURCE_ROOT "/test/vectors/cert/root.crl" },
	};
	struct config_errors errors;
	struct config *c = NULL;
	char dir[64], messages[2048], path[256];

	snprintf(path, sizeof(path), "%s/config/%s", SOURCE_ROOT, name);
	FILE *f = fopen(path, "r");

	CHECK(f != NULL);
	if (f == NULL)
		return;
	raw[fread(raw, 1, sizeof(raw) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		char *at = strstr(raw, secrets[i][0]);
		size_t gone = strlen(secrets[i][0]), put = strlen(secrets[i][1]);

		if (at == NULL)
			continue;
		memmove(at + put, at + gone, strlen(at + gone) + 1);
		memcpy(at, secrets[i][1], put);
	}
	base_dir(dir, sizeof(dir));
	key_copy(dir);
	base_expand(text, sizeof(text), raw, dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), NULL, &c, &errors), 0);
	base_messages(messages, sizeof(messages), &errors);
	CHECK_STR(messages, "");
	CHECK(c != NULL && c->clouds_count == clouds && c->psks_count == psks);
	config_errors_free(&errors);
	config_free(c);
	snprintf(path, sizeof(path), "%s/key", dir);
	unlink(path);
	base_dir_remove(dir);
}

static void
example_and_demo_check_clean(void)
{
	shipped_file_checks_clean("example.yaml", 1, 8);
	shipped_file_checks_clean("demo.yaml", 1, 1);
}

/* Every key of the schema stands in the example, so that none stays undocumented. */
static void
fields_are_in(const char *text, const cyaml_schema_value_t *v)
{
	char needle[64];

	if (v->type == CYAML_SEQUENCE)
		fields_are_in(text, v->sequence.entry);
	if (v->type != CYAML_MAPPING)
		return;
	for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++) {
		snprintf(needle, sizeof(needle), "%s:", f->key);
		if (strstr(text, needle) == NULL)
			printf("# %s is not in example.yaml\n", f->key);
		CHECK(strstr(text, needle) != NULL);
		fields_are_in(text, &f->value);
	}
}

static void
example_names_every_key(void)
{
	static char text[65536];
	FILE *f = fopen(SOURCE_ROOT "/config/example.yaml", "r");

	CHECK(f != NULL);
	if (f == NULL)
		return;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	fields_are_in(text, &schema_config);
}

int
main(void)
{
	TEST(good_file_gives_its_values_and_the_defaults);
	TEST(secret_files_are_read_and_decoded);
	TEST(one_key_for_several_identities);
	TEST(doubtful_files_load_with_warnings);
	TEST(good_variants_load_in_silence);
	TEST(example_and_demo_check_clean);
	TEST(example_names_every_key);
	return check_done();
}

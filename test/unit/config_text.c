/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "config/identity.h"
#include "config/proposal.h"
#include "test/lib/check.h"

static void
identities_have_type_and_octets(void)
{
	static const struct {
		const char *text;
		uint8_t type, bytes;
		const char *octets, *printed;
	} rows[] = {
		{ "192.0.2.1", ID_IPV4_ADDR, 4, "\xc0\x00\x02\x01", "192.0.2.1" },
		{ "::1", ID_IPV6_ADDR, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "::1" },
		{ "hub.example.org", ID_FQDN, 15, "hub.example.org", "hub.example.org" },
		{ "a@b", ID_RFC822_ADDR, 3, "a@b", "a@b" },
		{ "keyid:branch7", ID_KEY_ID, 7, "branch7", "keyid:branch7" },
		{ "keyid:0x00fF", ID_KEY_ID, 2, "\x00\xff", "keyid:0x00ff" },
		{ "keyid:0x3078", ID_KEY_ID, 2, "0x", "keyid:0x3078" },
		{ "dn:CN=a", ID_DER_ASN1_DN, 14,
			"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61", "dn:CN=a" },
		{ "dn:0x300c310a300806035504030c0161", ID_DER_ASN1_DN, 14,
			"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61", "dn:CN=a" },
	};
	char text[IDENTITY_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_identity id = { 0 }, again = { 0 };

		CHECK_EQ(identity_parse(rows[i].text, &id), 0);
		CHECK_EQ(id.type, rows[i].type);
		CHECK_EQ(id.bytes, rows[i].bytes);
		CHECK_MEM(id.data, rows[i].octets, rows[i].bytes);
		CHECK_STR(identity_print(&id, text, sizeof(text)), rows[i].printed);
		CHECK_EQ(identity_parse(text, &again), 0);
		CHECK(identity_equal(&id, &again));
	}
}

static void
identities_refuse_rubbish(void)
{
	static const char *const bad[] = { "", "a b", "@", "a@", "@b", "a@b@c",
		"keyid:", "keyid:0x", "keyid:0x0", "keyid:0xzz", "CN=hub", "a\x1b[2J",
		"dn:", "dn:0x", "dn:0x00", "dn:CN", "dn:CN=a,", "*.example", "10.0.0.0/8" };
	struct config_identity id = { .type = 77 };
	char text[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(identity_parse(bad[i], &id), -EINVAL);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(identity_parse(text, &id), -EINVAL);
	CHECK_EQ(id.type, 77);
}

/* What a peer sends may hold anything, in any length, and must print harmlessly. */
static void
identities_of_peers_print_tame(void)
{
	struct config_identity id = { .type = ID_FQDN, .bytes = 4, .data = "a\x1b[c" };
	char text[IDENTITY_TEXT_BYTES], small[6];

	CHECK_STR(identity_print(&id, text, sizeof(text)), "0x611b5b63");
	CHECK_STR(identity_print(&id, small, sizeof(small)), "0x61");
	id.type = 200;
	CHECK_STR(identity_print(&id, text, sizeof(text)), "type200:0x611b5b63");
	id.type = ID_IPV4_ADDR; /* of the wrong length */
	id.bytes = 3;
	CHECK_STR(identity_print(&id, text, sizeof(text)), "type1:0x611b5b");
	id.type = ID_NONE;
	CHECK_STR(identity_print(&id, text, sizeof(text)), "-");
	id.type = ID_DER_ASN1_DN;
	id.bytes = sizeof(id.data);
	memset(id.data, 0xff, sizeof(id.data));
	CHECK_EQ(strlen(identity_print(&id, text, sizeof(text))), 5 + 2 * sizeof(id.data));
}

static void
proposals_become_combinations(void)
{
	static const struct {
		enum proposal_use use;
		const char *text, *printed;
	} rows[] = {
		{ PROPOSAL_IKE, "aes256-sha256-modp2048", "aes256-sha256-prfsha256-modp2048" },
		{ PROPOSAL_IKE, "aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384" },
		{ PROPOSAL_IKE, "aes256-aes128-sha256-ecp256-modp2048",
			"aes256-sha256-prfsha256-ecp256 aes256-sha256-prfsha256-modp2048 "
			"aes128-sha256-prfsha256-ecp256 aes128-sha256-prfsha256-modp2048" },
		{ PROPOSAL_IKE, "aes128-sha1-sha512-x25519",
			"aes128-sha1-prfsha1-curve25519 aes128-sha512-prfsha512-curve25519" },
		{ PROPOSAL_IKE, "aes128-sha1-prfsha256-prfsha1-ecp521",
			"aes128-sha1-prfsha256-ecp521 aes128-sha1-prfsha1-ecp521" },
		{ PROPOSAL_ESP, "aes128gcm16", "aes128gcm16" },
		{ PROPOSAL_ESP, "aes256-sha1", "aes256-sha1" },
		{ PROPOSAL_ESP, "aes256gcm12-aes192gcm12", "aes256gcm12 aes192gcm12" },
		{ PROPOSAL_ESP, "aes128gcm8", "aes128gcm8" },
		{ PROPOSAL_ESP, "chacha20poly1305-esn", "chacha20poly1305-esn" },
		{ PROPOSAL_ESP, "aes192-sha384", "aes192-sha384" },
		{ PROPOSAL_IKE, "aes256gcm12-prfsha512-ecp384", "aes256gcm12-prfsha512-ecp384" },
		{ PROPOSAL_IKE, "aes256-sha1-modp1536-modp1024",
			"aes256-sha1-prfsha1-modp1536 aes256-sha1-prfsha1-modp1024" },
		{ PROPOSAL_IKE, "3des-aes256-md5-prfmd5-modp1024",
			"3des-md5-prfmd5-modp1024 aes256-md5-prfmd5-modp1024" },
		{ PROPOSAL_ESP, "3des-md5-sha1", "3des-md5 3des-sha1" },
		{ PROPOSAL_ESP, "aes128gcm16-modp2048-esn", "aes128gcm16-modp2048-esn" },
		{ PROPOSAL_ESP, "aes256-sha512-noesn", "aes256-sha512-noesn" },
		{ PROPOSAL_ESP, "aes256gcm16-esn-noesn", "aes256gcm16" },
	};
	struct config_proposal list[CONFIG_PROPOSALS];
	char all[512], one[80], why[120];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t n = 0;
		size_t at = 0;

		CHECK_EQ(proposal_parse(rows[i].text, rows[i].use, list, &n, CONFIG_PROPOSALS, why,
				 sizeof(why)),
			0);
		for (uint32_t j = 0; j < n; j++)
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", j > 0 ? " " : "",
				proposal_print(&list[j], one, sizeof(one)));
		CHECK_STR(all, rows[i].printed);
	}
}

static void
proposals_carry_iana_numbers(void)
{
	struct config_proposal p[2];
	uint32_t n = 0;
	char why[120];

	CHECK_EQ(proposal_parse("aes192-sha384-ecp521", PROPOSAL_IKE, p, &n, 2, why, sizeof(why)),
		0);
	CHECK_EQ(proposal_parse(
			 "aes128gcm16-curve25519-esn", PROPOSAL_ESP, p, &n, 2, why, sizeof(why)),
		0);
	CHECK_EQ(n, 2);
	CHECK(p[0].encr == 12 && p[0].encr_bits == 192 && p[0].integ == 13 && p[0].prf == 6 &&
		p[0].dh == 21 && p[0].esn == 0);
	CHECK(p[1].encr == 20 && p[1].encr_bits == 128 && p[1].integ == 0 && p[1].prf == 0 &&
		p[1].dh == 31 && p[1].esn == 2);
	CHECK_EQ(proposal_parse("aes128gcm16", PROPOSAL_ESP, p, &n, 2, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "stands for 1 combinations, 0 are left of 2");
	CHECK_EQ(n, 2);
}

static void
proposals_refuse_what_cannot_be(void)
{
	static const struct {
		enum proposal_use use;
		const char *text, *why;
	} rows[] = {
		{ PROPOSAL_IKE, "", "\"\" is not a known algorithm" },
		{ PROPOSAL_IKE, "aes256-", "\"\" is not a known algorithm" },
		{ PROPOSAL_IKE, "AES256-sha256-ecp256", "\"AES256\" is not a known algorithm" },
		{ PROPOSAL_IKE, "sha256-ecp256", "an encryption algorithm is missing" },
		{ PROPOSAL_IKE, "aes256-aes256-sha256-ecp256", "\"aes256\" is named twice" },
		{ PROPOSAL_IKE, "aes256-sha256-ecp256-esn", "\"esn\" cannot be used for IKE" },
		{ PROPOSAL_ESP, "des-sha1", "\"des\" is not a known algorithm" },
		{ PROPOSAL_ESP, "null-sha1", "\"null\" is not a known algorithm" },
		{ PROPOSAL_IKE, "aes256-sha256-modp768", "\"modp768\" is not a known algorithm" },
		{ PROPOSAL_IKE, "aes256-sha256-modp1024s160",
			"\"modp1024s160\" is not a known algorithm" },
		{ PROPOSAL_IKE, "aes256-sha256-modp2048s224",
			"\"modp2048s224\" is not a known algorithm" },
		{ PROPOSAL_IKE, "aes256-sha256-modp2048s256",
			"\"modp2048s256\" is not a known algorithm" },
		{ PROPOSAL_ESP, "aes256-sha1-prfsha1", "\"prfsha1\" cannot be used for ESP" },
		{ PROPOSAL_IKE, "aes256gcm16-sha256-ecp256",
			"\"aes256gcm16\" carries its integrity itself; remove \"sha256\" or write "
			"prfsha256 for the PRF" },
	};
	struct config_proposal p[8];
	char why[160];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t n = 0;

		CHECK_EQ(proposal_parse(rows[i].text, rows[i].use, p, &n, 8, why, sizeof(why)),
			-EINVAL);
		CHECK_STR(why, rows[i].why);
		CHECK_EQ(n, 0);
	}
}

static void
weak_proposals_go_behind(void)
{
	static const char *const lines[] = { "3des-md5-modp2048", "aes128-sha1-modp1024-modp2048",
		"aes256-sha256-modp2048" };
	static const char *const sorted[] = { "aes128-sha1-prfsha1-modp2048",
		"aes256-sha256-prfsha256-modp2048", "aes128-sha1-prfsha1-modp1024",
		"3des-md5-prfmd5-modp2048" };
	struct config_proposal list[4];
	char text[80], why[120];
	uint32_t n = 0;

	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(proposal_parse(lines[i], PROPOSAL_IKE, list, &n, 4, why, sizeof(why)), 0);
	proposal_sort(list, n);
	for (size_t i = 0; i < 4; i++)
		CHECK_STR(proposal_print(&list[i], text, sizeof(text)), sorted[i]);
	CHECK_STR(proposal_weak(list, 3), "modp1024");
	CHECK_STR(proposal_weak(list + 3, 1), "3des");
}

static void
default_proposals_hold_what_spokes_offer(void)
{
	struct config_proposal list[CONFIG_PROPOSALS];
	uint32_t n, found = 0;
	char text[80];

	proposal_defaults(PROPOSAL_IKE, false, list, &n);
	CHECK_EQ(n, 126);
	CHECK(proposal_weak(list, n) == NULL);
	CHECK_STR(proposal_print(&list[0], text, sizeof(text)), "aes256gcm16-prfsha256-curve25519");
	for (uint32_t i = 0; i < n; i++) {
		proposal_print(&list[i], text, sizeof(text));
		found += strcmp(text, "aes128-sha1-prfsha1-modp2048") == 0;
		found += strcmp(text, "aes256-sha512-prfsha512-ecp256") == 0;
	}
	CHECK_EQ(found, 2);
	proposal_defaults(PROPOSAL_IKE, true, list, &n); /* the weak ones come last */
	CHECK_EQ(n, 168);
	CHECK(proposal_weak(list, 126) == NULL);
	CHECK_STR(proposal_weak(list, n), "modp1536");
	CHECK_STR(proposal_print(&list[167], text, sizeof(text)), "3des-md5-prfmd5-modp1024");
	for (uint32_t i = 1; i < n; i++)
		CHECK(list[i - 1].weak <= list[i].weak);
	proposal_defaults(PROPOSAL_ESP, true, list, &n);
	CHECK_EQ(n, 18);
	CHECK(proposal_weak(list, 12) == NULL);
	CHECK_STR(proposal_weak(list + 12, 1), "md5");
	CHECK_STR(proposal_print(&list[17], text, sizeof(text)), "3des-md5");
	CHECK_STR(proposal_print(&list[6], text, sizeof(text)), "aes128-sha1");
}

int
main(void)
{
	TEST(identities_have_type_and_octets);
	TEST(identities_refuse_rubbish);
	TEST(identities_of_peers_print_tame);
	TEST(proposals_become_combinations);
	TEST(proposals_carry_iana_numbers);
	TEST(proposals_refuse_what_cannot_be);
	TEST(weak_proposals_go_behind);
	TEST(default_proposals_hold_what_spokes_offer);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the hub offers when it begins: its lines, each of them, nothing else, in few octets. */
#include "config/proposal.h"
#include "control/ike/ike_pack.h"
#include "control/ike/ike_prop.h"
#include "control/ike/ike_sa.h"
#include "crypto/suite.h"
#include "test/lib/check.h"

#define SPI 0xc0ffee01

static struct config_proposal lines[CONFIG_PROPOSALS];
static uint32_t lines_count;
static uint8_t written[16384];
static struct ike_view sa; /* the payload's body */
static unsigned proposals;

static void
write_lines(uint8_t protocol)
{
	struct ike_policy policy = {
		.protocol = protocol, .lines = lines, .lines_count = lines_count
	};
	struct ike_chain c;
	uint8_t first;

	ike_chain_bare(&c, written, sizeof(written), &first);
	ike_lines_write(&c, &policy, SPI, policy.protocol == PROTO_IKE ? 0 : 4);
	size_t n = c.w.full ? 0 : wr_used(&c.w); /* no message: there is no header to finish */

	CHECK(n > 4);
	CHECK_EQ(first, PAYLOAD_SA);
	sa = ike_view_of(written + 4, n - 4);
}

static unsigned
of_kind(const struct ike_offer *o, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->count; i++)
		n += o->transforms[i].type == type;
	return n > 0 ? n : 1;
}

/** How many suites the payload stands for, with and without ESN counted as one. */
static unsigned
suites_offered(uint8_t protocol)
{
	struct cursor c = cur_over(sa.data, sa.bytes);
	struct ike_offer o;
	unsigned suites = 0;

	proposals = 0;
	while (ike_offer_next(&c, &o) == 1) {
		CHECK(!o.unacceptable);
		CHECK_EQ(o.protocol, protocol);
		CHECK_EQ(o.number, ++proposals);
		CHECK_EQ(o.spi, protocol == PROTO_IKE ? 0 : SPI);
		suites += of_kind(&o, T_ENCR) * of_kind(&o, T_INTEG) * of_kind(&o, T_PRF) *
			of_kind(&o, T_DH);
	}
	CHECK_EQ(cur_left(&c), 0);
	return suites;
}

/** A peer that takes nothing but this line finds it. */
static bool
is_offered(uint8_t protocol, const struct config_proposal *line)
{
	struct ike_policy policy = {
		.protocol = protocol,
		.lines = line,
		.lines_count = 1,
		.dh_rule = protocol == PROTO_IKE ? DH_RULE_LINE : DH_RULE_NONE,
	};
	struct ike_suite s;

	return ike_suite_choose(sa, &policy, &s) == 0;
}

static void
offers_lines(uint8_t protocol)
{
	write_lines(protocol);
	CHECK_EQ(suites_offered(protocol), lines_count);
	for (uint32_t i = 0; i < lines_count; i++)
		CHECK(is_offered(protocol, &lines[i]));
}

/** These lines of a configuration make so many proposals. */
static void
packed(enum proposal_use use, const char *const *text, unsigned want)
{
	uint8_t protocol = use == PROPOSAL_IKE ? PROTO_IKE : PROTO_ESP;
	char why[256] = "";

	lines_count = 0;
	for (; *text != NULL; text++)
		CHECK_EQ(proposal_parse(*text, use, lines, &lines_count, CONFIG_PROPOSALS, why,
				 sizeof(why)),
			0);
	proposal_sort(lines, lines_count);
	offers_lines(protocol);
	CHECK_EQ(proposals, want);
}

#define PACKED(use, want, ...) packed(use, (const char *const[]){ __VA_ARGS__, NULL }, want)

/** Combinations that are all there become one proposal; what would add one to them does not. */
static void
nothing_else_is_offered(void)
{
	PACKED(PROPOSAL_IKE, 1, "aes256-sha256-ecp256");
	PACKED(PROPOSAL_IKE, 1, "aes256-aes128-sha256-ecp256-modp2048-curve25519");
	PACKED(PROPOSAL_IKE, 1, "aes256-sha256-ecp256", "aes128-sha256-ecp256");
	PACKED(PROPOSAL_IKE, 2, "aes256-sha256-ecp256", "aes128-sha256-modp2048");
	PACKED(PROPOSAL_IKE, 2, "aes256gcm16-prfsha256-ecp256", "aes256-sha256-prfsha256-ecp256");
	PACKED(PROPOSAL_IKE, 2, "aes256-sha256-ecp256-modp2048", "aes128-sha256-modp2048");
	PACKED(PROPOSAL_IKE, 2, "aes256-sha256-modp2048", "aes256-sha256-modp1024"); /* weak */
	PACKED(PROPOSAL_ESP, 1, "aes256gcm16", "aes128gcm16", "chacha20poly1305");
	PACKED(PROPOSAL_ESP, 2, "aes256gcm16", "aes256-sha256");
	PACKED(PROPOSAL_ESP, 2, "aes256gcm16-esn", "aes128gcm16-noesn");
}

/** What is wanted most comes first: of proposals, and of the algorithms in one. */
static void
order_is_kept(void)
{
	struct ike_offer o;

	PACKED(PROPOSAL_IKE, 2, "aes256gcm16-prfsha384-ecp384-ecp256",
		"aes256-aes128-sha256-modp2048");
	struct cursor c = cur_over(sa.data, sa.bytes);

	CHECK_EQ(ike_offer_next(&c, &o), 1);
	CHECK_EQ(o.transforms[0].id, ENCR_AES_GCM_16);
	CHECK_EQ(o.transforms[2].id, 20);
	CHECK_EQ(o.transforms[3].id, 19);
	CHECK_EQ(ike_offer_next(&c, &o), 1);
	CHECK_EQ(o.transforms[0].key_bits, 256);
	CHECK_EQ(o.transforms[1].key_bits, 128);
}

/**
 * RFC 7296, 2: 1280 octets every peer takes, with a KE of up to 512; with legacy algorithms more
 * than that, but less than the 3000 it should take.
 */
static void
defaults_are_short(void)
{
	for (int legacy = 0; legacy < 2; legacy++) {
		lines_count = 0;
		proposal_defaults(PROPOSAL_IKE, legacy, lines, &lines_count);
		CHECK(lines_count > 50);
		offers_lines(PROTO_IKE);
		CHECK(sa.bytes < (legacy ? 1400 : 900)); /* one by one: 5000 and more */
		lines_count = 0;
		proposal_defaults(PROPOSAL_ESP, legacy, lines, &lines_count);
		offers_lines(PROTO_ESP);
		CHECK(sa.bytes < 500);
	}
}

int
main(void)
{
	TEST(nothing_else_is_offered);
	TEST(order_is_kept);
	TEST(defaults_are_short);
	return check_done();
}

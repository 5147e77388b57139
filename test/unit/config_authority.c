/* SPDX-License-Identifier: BSD-3-Clause */
/* By what somebody proved a name, and who may take the place of whom for that. */
#include "config/authority.h"

#include "config/whom.h"
#include "test/lib/check.h"

static struct authority
key_for(const char *whom)
{
	struct config_whom w;
	char why[200];

	CHECK_EQ(whom_parse(whom, &w, why, sizeof(why)), 0);
	return authority_of_key(&w);
}

static struct authority
key_at(const char *net)
{
	struct config_whom w = { 0 };

	if (net[0] != '\0')
		CHECK_EQ(prefix_parse(net, &w.address), 0);
	return authority_of_key(&w);
}

static void
kinds(void)
{
	const uint8_t digest[AUTHORITY_BYTES] = { 1 };

	CHECK_EQ(authority_of_ca(digest).kind, AUTHORITY_CERTIFICATE);
	CHECK_EQ(key_for("branch7.example").kind, AUTHORITY_OWN_KEY);
	CHECK_EQ(key_for("10.1.0.7").kind, AUTHORITY_OWN_KEY);
	CHECK_EQ(key_for("*.example").kind, AUTHORITY_KEY);
	CHECK_EQ(key_for("branch*").kind, AUTHORITY_KEY);
	CHECK_EQ(key_for("10.1.0.7/32").kind, AUTHORITY_KEY);
	CHECK_EQ(key_at("").kind, AUTHORITY_KEY);
	/* Who is at that address may still say any name. */
	CHECK_EQ(key_at("192.0.2.7/32").kind, AUTHORITY_KEY);
}

/** Each takes the place of the weaker and its own, and no other's. */
static void
order(void)
{
	const uint8_t one[AUTHORITY_BYTES] = { 1 }, two[AUTHORITY_BYTES] = { [15] = 2 };
	const struct authority list[] = { { 0 }, key_at(""), key_at("192.0.2.0/24"),
		key_at("192.0.2.0/25"), key_for("*.example"), key_for("branch*"),
		key_for("*branch"), key_for("10.0.0.0/8"), key_for("branch7.example"),
		authority_of_ca(one), authority_of_ca(two) };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (size_t j = 0; j < sizeof(list) / sizeof(list[0]); j++)
			CHECK_EQ(authority_may_take(&list[i], &list[j]),
				i == j || list[j].kind > list[i].kind);
	/* However the file spells them, and however it did before a reload. */
	const struct authority own = key_for("Branch7.Example"), several = key_for("*.Example");
	CHECK(authority_may_take(&list[8], &own));
	CHECK(authority_may_take(&list[4], &several));
}

static void
names(void)
{
	const struct authority nothing = { 0 }, several = key_at(""), own = key_for("a.example");

	CHECK_STR(authority_name(&nothing), "nothing");
	CHECK_STR(authority_name(&several), "a key for several");
	CHECK_STR(authority_name(&own), "a key of its own");
	CHECK_STR(authority_name(&(struct authority){ .kind = AUTHORITY_CERTIFICATE }),
		"a certificate");
}

int
main(void)
{
	TEST(kinds);
	TEST(order);
	TEST(names);
	return check_done();
}

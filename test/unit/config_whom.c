/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of many keys is the one for a peer, and what it costs to find out. */
#include "config/whom.h"

#include "config/identity.h"
#include "test/lib/check.h"

#define MANY 10000

static const struct config_whom for_anybody;

static struct config_whom
for_identity(const char *text)
{
	struct config_whom w = { 0 };

	char why[200];

	CHECK_EQ(whom_parse(text, &w, why, sizeof(why)), 0);
	return w;
}

static struct config_whom
for_net(const char *text)
{
	struct config_whom w = { 0 };

	CHECK_EQ(prefix_parse(text, &w.address), 0);
	return w;
}

static uint32_t
find(struct whom_index *x, const char *id, const char *remote)
{
	struct config_identity i = { 0 };
	struct addr a = { 0 };

	if (id[0] != '\0')
		CHECK_EQ(identity_parse(id, &i), 0);
	if (remote[0] != '\0')
		CHECK_EQ(addr_parse(remote, &a), 0);
	return whom_find(x, &i, &a, NULL, 0);
}

static void
most_exact_counts(void)
{
	const struct config_whom w[] = {
		for_anybody,
		for_net("192.0.2.0/24"),
		for_net("192.0.2.96/28"),
		for_net("0.0.0.0/0"),
		for_net("2001:db8::/32"),
		for_net("2001:db8:7::1/128"),
		for_identity("branch7.example"),
		for_identity("user@example.org"),
		for_identity("192.0.2.99"),
		for_identity("2001:db8:7::9"),
		for_identity("keyid:branch7.example"),
	};
	static const struct {
		const char *id, *remote;
		uint32_t entry;
	} rows[] = {
		{ "branch7.example", "192.0.2.99", 6 },
		{ "user@example.org", "192.0.2.99", 7 },
		{ "192.0.2.99", "203.0.113.1", 8 }, /* the identity, not the address */
		{ "2001:db8:7::9", "2001:db8::1", 9 },
		{ "keyid:branch7.example", "192.0.2.1", 10 },
		{ "branch8.example", "192.0.2.99", 2 },
		{ "branch8.example", "192.0.2.1", 1 },
		{ "branch8.example", "203.0.113.1", 3 },
		{ "branch8.example", "2001:db8:7::1", 5 },
		{ "branch8.example", "2001:db8:8::1", 4 },
		{ "branch8.example", "2001:db9::1", 0 },
		{ "", "192.0.2.99", 2 },
		{ "branch8.example", "", 0 },
		{ "", "", 0 },
	};
	uint32_t count = sizeof(w) / sizeof(w[0]);
	struct whom_index *x = whom_index_new(count);

	for (uint32_t i = count; i-- > 0;) /* whatever the order */
		whom_index_add(x, &w[i], NULL, 0, i);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(find(x, rows[i].id, rows[i].remote), rows[i].entry);
	CHECK_EQ(whom_find(x, NULL, NULL, NULL, 0), 0);
	for (uint32_t i = 0; i < count; i++)
		CHECK_EQ(whom_same(x, &w[i], NULL, 0), i);
	whom_index_free(x);
}

static void
nobody_without_an_entry(void)
{
	const struct config_whom w[] = { for_identity("branch7.example"),
		for_net("192.0.2.96/28") };
	struct whom_index *x = whom_index_new(2);

	CHECK_EQ(find(x, "branch7.example", "192.0.2.99"), WHOM_NONE);
	CHECK_EQ(find(NULL, "branch7.example", "192.0.2.99"), WHOM_NONE);
	CHECK_EQ(whom_same(NULL, &w[0], NULL, 0), WHOM_NONE);
	whom_index_add(x, &w[0], NULL, 0, 0);
	whom_index_add(x, &w[1], NULL, 0, 1);
	CHECK_EQ(find(x, "branch8.example", "192.0.2.1"), WHOM_NONE);
	CHECK_EQ(find(x, "branch8.example", "2001:db8::1"), WHOM_NONE);
	CHECK_EQ(find(x, "", ""), WHOM_NONE);
	whom_index_free(x);
	whom_index_free(NULL);
}

/** An id beside the peer, as PPKs have it: both have to fit. */
static void
named_entries(void)
{
	const struct config_whom w[] = { for_identity("branch7.example"), for_anybody };
	struct whom_index *x = whom_index_new(3);

	whom_index_add(x, &w[0], "p", 1, 0);
	whom_index_add(x, &w[1], "p", 1, 1);
	whom_index_add(x, &w[0], "pq", 2, 2);
	CHECK_EQ(whom_find(x, &w[0].identity, NULL, "p", 1), 0);
	CHECK_EQ(whom_find(x, NULL, NULL, "p", 1), 1);
	CHECK_EQ(whom_find(x, &w[0].identity, NULL, "pq", 2), 2);
	CHECK_EQ(whom_find(x, NULL, NULL, "pq", 2), WHOM_NONE);
	CHECK_EQ(whom_find(x, &w[0].identity, NULL, "q", 1), WHOM_NONE);
	CHECK_EQ(whom_find(x, &w[0].identity, NULL, NULL, 0), WHOM_NONE);
	whom_index_free(x);
}

/** Networks of ten lengths that lie in each other, and as many identities. */
static void
many_make(struct config_whom w[MANY])
{
	char text[64];

	for (uint32_t i = 0; i < MANY; i += 2) {
		uint32_t k = i / 2, bits = 20 + k % 10, net = k / 10 << (32 - bits);

		snprintf(text, sizeof(text), "10.%u.%u.%u/%u", net >> 16, net >> 8 & 255, net & 255,
			bits);
		w[i] = for_net(text);
		snprintf(text, sizeof(text), "branch%u.example.org", i);
		w[i + 1] = for_identity(text);
	}
}

/** One after the other. */
static uint32_t
longest(const struct config_whom w[MANY], const struct addr *a)
{
	uint32_t best = WHOM_NONE;

	for (uint32_t i = 0; i < MANY; i++)
		if (prefix_has(&w[i].address, a) &&
			(best == WHOM_NONE || w[i].address.bits > w[best].address.bits))
			best = i;
	return best;
}

/** Ten thousand entries cost what a few do: entries looked at, not time. */
static void
number_of_entries_does_not_count(void)
{
	static struct config_whom w[MANY];
	struct whom_index *x = whom_index_new(MANY);
	uint64_t before, most = 0;

	many_make(w);
	for (uint32_t i = 0; i < MANY; i++)
		whom_index_add(x, &w[i], NULL, 0, i);
	for (uint32_t i = 0; i < MANY; i++) {
		struct config_whom stranger = for_identity("stranger.example");
		struct addr remote = w[i].address.addr; /* none for an identity */

		remote.octet[3] |= remote.family == ADDR_V4;
		before = whom_index_looked(x);
		uint32_t entry = i % 2 ? whom_find(x, &w[i].identity, &remote, NULL, 0)
				       : whom_find(x, &stranger.identity, &remote, NULL, 0);

		before = whom_index_looked(x) - before;
		most = before > most ? before : most;
		if (i % 2)
			CHECK_EQ(entry, i);
		else if (i % 50 == 0)
			CHECK_EQ(entry, longest(w, &remote));
	}
	CHECK(whom_index_looked(x) / MANY < 10);
	CHECK(most < 200);
	printf("# entries looked at: %.1f each, %u at most\n", (double)whom_index_looked(x) / MANY,
		(unsigned)most);
	whom_index_free(x);
}

/** Patterns and networks of identities: behind the identity itself, ahead of the address. */
static void
patterns(void)
{
	const struct config_whom w[] = {
		for_anybody,
		for_net("192.0.2.0/24"),
		for_identity("branch7.b.example.org"),
		for_identity("*.example.org"),
		for_identity("*.b.example.org"),
		for_identity("branch*"),
		for_identity("*@example.org"),
		for_identity("keyid:branch-*"),
		for_identity("keyid:*-7"),
		for_identity("10.1.0.0/16"),
		for_identity("10.0.0.0/8"),
		for_identity("2001:db8::/32"),
		for_identity("10.1.2.3"),
		for_identity("dn:CN=branch7,O=Example Corp"),
	};
	static const struct {
		const char *id;
		uint32_t entry;
	} rows[] = {
		{ "branch7.b.example.org", 2 },
		{ "BRANCH7.B.example.ORG", 2 },
		{ "branch8.b.example.org", 4 }, /* the longest pattern, at whichever end */
		{ "Branch8.B.Example.org", 4 },
		{ "x.y.b.example.org", 4 },
		{ "b.example.org", 3 },
		{ "branch8.other.org", 5 },
		{ "branch", 1 }, /* a star is one character at least */
		{ ".example.org", 1 },
		{ "ops@Example.Org", 6 },
		{ "ops@sub.example.org", 1 }, /* another kind of identity than *.example.org */
		{ "keyid:branch-8", 7 },
		{ "keyid:branch-7", 7 },
		{ "keyid:Branch-7", 8 }, /* octets, no letters */
		{ "10.1.2.3", 12 },
		{ "10.1.2.4", 9 },
		{ "10.2.2.4", 10 },
		{ "11.2.2.4", 1 },
		{ "2001:db8:7::9", 11 },
		{ "2001:db9:7::9", 1 },
		{ "dn:O=Example Corp,CN=branch7", 13 },
		{ "dn:CN=branch7", 1 },
	};
	uint32_t count = sizeof(w) / sizeof(w[0]);
	struct whom_index *x = whom_index_new(count);

	for (uint32_t i = 0; i < count; i++)
		whom_index_add(x, &w[i], NULL, 0, i);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (find(x, rows[i].id, "192.0.2.9") == rows[i].entry)
			continue;
		printf("# %s\n", rows[i].id);
		CHECK_EQ(find(x, rows[i].id, "192.0.2.9"), rows[i].entry);
	}
	/* An outer address in a network of identities says nothing. */
	CHECK_EQ(find(x, "stranger.example", "10.1.2.4"), 0);
	whom_index_free(x);
}

static void
patterns_print_as_they_are_read(void)
{
	static const char *const texts[] = { "*.b.example.org", "branch*", "*@example.org",
		"keyid:*-7", "keyid:b*", "10.1.0.0/16", "2001:db8::/32", "a.example",
		"keyid:0x00" };
	char text[IDENTITY_TEXT_BYTES];
	struct config_whom w = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		w = for_identity(texts[i]);
		CHECK_STR(whom_print(&w, text, sizeof(text)), texts[i]);
		CHECK(whom_equal(&w, &w));
		CHECK(!whom_equal(&w, &for_anybody));
	}
	CHECK_STR(whom_print(&for_anybody, text, sizeof(text)), "any peer");
	w = for_net("192.0.2.0/24");
	CHECK_STR(whom_print(&w, text, sizeof(text)), "192.0.2.0/24");
}

int
main(void)
{
	TEST(patterns);
	TEST(patterns_print_as_they_are_read);
	TEST(most_exact_counts);
	TEST(nobody_without_an_entry);
	TEST(named_entries);
	TEST(number_of_entries_does_not_count);
	return check_done();
}

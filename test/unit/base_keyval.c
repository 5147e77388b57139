/* SPDX-License-Identifier: BSD-3-Clause */
/* key=value: nothing a value says looks like another key, and nothing is cut in half. */
#include "control/base/keyval.h"
#include "test/lib/check.h"

static char text[128];
static struct keyval k;

static const char *
added(const char *value)
{
	k = keyval_over(text, sizeof(text));
	keyval_add(&k, "id", value);
	return text;
}

static void
plain_words_are_not_quoted(void)
{
	CHECK_STR(added("s1.example"), " id=s1.example");
	CHECK_STR(added("[2001:db8::1]:4500"), " id=[2001:db8::1]:4500");
	CHECK_STR(added("a@b"), " id=a@b");
	CHECK_STR(added(""), "");
}

static void
no_value_forges_a_key(void)
{
	CHECK_STR(added("x reason=ok"), " id=\"x reason=ok\"");
	CHECK_STR(added("x\" reason=ok y=\""), " id=\"x\\\" reason=ok y=\\\"\"");
	CHECK_STR(added("a=b"), " id=\"a=b\"");
	CHECK_STR(added("\\"), " id=\"\\\\\"");
	CHECK_STR(added("a\nb\t\x1b[2J\x7f\xc3"), " id=\"a\\x0ab\\x09\\x1b[2J\\x7f\\xc3\"");
}

static void
what_has_no_room_is_left_out_whole(void)
{
	char small[20];

	k = keyval_over(small, sizeof(small));
	keyval_words(&k, "ike ");
	keyval_add(&k, "long", "much too long for it");
	keyval_add(&k, "q", "\n\n\n\n\n");
	CHECK_STR(small, "ike ");
	keyval_number(&k, "n", 1234567);
	CHECK_STR(small, "ike  n=1234567");
	keyval_number(&k, "m", 0);
	keyval_add(&k, "a", "bc");
	CHECK_STR(small, "ike  n=1234567 a=bc");
	keyval_value(&k, "x");
	CHECK_STR(small, "ike  n=1234567 a=bc");
}

int
main(void)
{
	TEST(plain_words_are_not_quoted);
	TEST(no_value_forges_a_key);
	TEST(what_has_no_room_is_left_out_whole);
	return check_done();
}

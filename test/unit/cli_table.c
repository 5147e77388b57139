/* SPDX-License-Identifier: BSD-3-Clause */
/** JSON as people see it. */
#include "control/cli/table.h"

#include "test/lib/check.h"

static int width;

static const char *
printed(const char *columns, const char *data)
{
	static char text[2048];
	json_t *c = columns != NULL ? json_loads(columns, 0, NULL) : NULL;
	json_t *d = json_loads(data, JSON_DECODE_ANY, NULL);
	FILE *to = fmemopen(text, sizeof(text), "w");

	CHECK(d != NULL);
	table_print(to, c, d, width);
	fclose(to);
	json_decref(c);
	json_decref(d);
	return text;
}

static void
columns_are_aligned(void)
{
	CHECK_STR(printed("[{\"key\":\"name\",\"title\":\"NAME\"},{\"key\":\"n\",\"title\":"
			  "\"COUNT\"},"
			  "{\"key\":\"what\",\"title\":\"WHAT\"}]",
			  "[{\"name\":\"a\",\"n\":5,\"what\":\"x y\"},"
			  "{\"name\":\"longer\",\"n\":1234567,\"what\":\"\"},"
			  "{\"name\":\"b\",\"n\":null}]"),
		"NAME      COUNT  WHAT\n"
		"a             5  x y\n"
		"longer  1234567  -\n"
		"b             -  -\n");
	CHECK_STR(printed(NULL,
			  "[{\"up_since\":true,\"rate\":1.25},{\"up_since\":false,\"rate\":10}]"),
		"UP-SINCE  RATE\n"
		"yes        1.2\n"
		"no          10\n");
}

/** At a terminal a long last column goes on below itself. */
static void
last_column_is_broken_into_lines(void)
{
	static const char columns[] = "[{\"key\":\"a\",\"title\":\"A\"},{\"key\":\"what\","
				      "\"title\":\"WHAT\"}]";
	static const char rows[] =
		"[{\"a\":\"x\",\"what\":\"the shared keys differ; compare both of them\"},"
		"{\"a\":\"y\",\"what\":\"aVeryLongWordThatHasNoBlankInItAnywhere.\"}]";

	width = 33;
	CHECK_STR(printed(columns, rows),
		"A  WHAT\n"
		"x  the shared keys differ;\n"
		"   compare both of them\n"
		"y  aVeryLongWordThatHasNoBlankInI\n"
		"   tAnywhere.\n");
	width = 32; /* too little is left for it: as it is */
	CHECK(strstr(printed(columns, rows), "differ; compare both of them\n") != NULL);
	width = 0;
	CHECK(strstr(printed(columns, rows), "differ; compare both of them\n") != NULL);
}

static void
columns_without_values_are_left_out(void)
{
	CHECK_STR(printed("[{\"key\":\"a\",\"title\":\"A\"},{\"key\":\"b\",\"title\":\"B\"},"
			  "{\"key\":\"c\",\"title\":\"C\"}]",
			  "[{\"a\":1,\"b\":null},{\"a\":2,\"b\":null,\"c\":3}]"),
		"A  C\n1  -\n2  3\n");
	CHECK_STR(printed(NULL, "[]"), "(none)\n");
}

static void
seconds_are_times(void)
{
	CHECK_STR(
		printed("[{\"key\":\"uptime_s\",\"title\":\"UP\"}]",
			"[{\"uptime_s\":0},{\"uptime_s\":59},{\"uptime_s\":60},{\"uptime_s\":3599},"
			"{\"uptime_s\":3600},{\"uptime_s\":86399},{\"uptime_s\":93784}]"),
		"    UP\n    0s\n   59s\n 1m00s\n59m59s\n 1h00m\n23h59m\n 1d02h\n");
}

static void
rates_are_numbers(void)
{
	CHECK_STR(printed("[{\"key\":\"rx_per_s\",\"title\":\"RX/s\"}]", "[{\"rx_per_s\":7200}]"),
		"RX/s\n7200\n");
}

static void
objects_are_lines(void)
{
	CHECK_STR(printed(NULL,
			  "{\"name\":\"x\",\"hold_s\":7200,\"min_s\":10,\"none\":null,\"list\":[1,"
			  "\"b\"],"
			  "\"empty\":[],\"in\":{\"deep\":true},\"many\":[{\"a\":1},{\"a\":2}]}"),
		"name: x\n"
		"hold_s: 7200 (2h00m)\n"
		"min_s: 10\n"
		"none: -\n"
		"list: [1, b]\n"
		"empty: []\n"
		"in:\n"
		"  deep: yes\n"
		"many:\n"
		"  -\n"
		"    a: 1\n"
		"  -\n"
		"    a: 2\n");
	CHECK_STR(printed(NULL, "\"two\\nlines\\n\""), "two\nlines\n");
}

/** A peer chooses its identity; it must not choose what the terminal does. */
static void
control_characters_are_not_printed(void)
{
	CHECK_STR(printed("[{\"key\":\"id\",\"title\":\"ID\"}]",
			  "[{\"id\":\"a\\u001b[2Jb\\u007f\\nc\"}]"),
		"ID\na?[2Jb??c\n");
	CHECK_STR(printed(NULL, "{\"id\":\"a\\u001bb\",\"l\":[\"\\u0007\"]}"), "id: a?b\nl: [?]\n");
}

int
main(void)
{
	TEST(columns_are_aligned);
	TEST(last_column_is_broken_into_lines);
	TEST(columns_without_values_are_left_out);
	TEST(seconds_are_times);
	TEST(rates_are_numbers);
	TEST(objects_are_lines);
	TEST(control_characters_are_not_printed);
	return check_done();
}

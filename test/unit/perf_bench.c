/* SPDX-License-Identifier: BSD-3-Clause */
/** The benchmark works: its output has the promised shape, its packets are right and left. */
#include <jansson.h>

#include "test/lib/check.h"

#define FRAMES 512 /* of a lap: the least there is */
#define LAPS   1   /* of each kind */
#define LAP    " --frames 1 --laps 1 --repetitions 2 --check"

/** What the program prints; *status: how it ended. */
static json_t *
run(const char *program, const char *options, int *status)
{
	char command[512];
	json_t *out;
	FILE *f;

	snprintf(command, sizeof(command), "%s --no-huge --json %s", program, options);
	f = popen(command, "r");
	if (f == NULL)
		return NULL;
	out = json_loadf(f, 0, NULL);
	*status = pclose(f);
	return out;
}

static bool
is_positive(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key)) > 0;
}

static bool
is_mix(const json_t *o)
{
	const char *bytes = json_string_value(json_object_get(o, "bytes"));

	return bytes != NULL && strcmp(bytes, "imix") == 0;
}

static void
row_is_whole(const json_t *o)
{
	static const char *const numbers[] = { "cycles_per_packet", "cipher_cycles_per_packet",
		"ratio", "mpps", "gbit_per_s", "io_cycles", "peers", "workers" };
	static const char *const texts[] = { "direction", "suite", "mode", "cipher_call" };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		CHECK(is_positive(o, numbers[i]));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(json_is_string(json_object_get(o, texts[i])));
	CHECK(is_positive(o, "bytes") || is_mix(o));
	CHECK(json_is_boolean(json_object_get(o, "udp")));
	CHECK(json_is_number(json_object_get(o, "spread")));
	CHECK(is_positive(json_object_get(o, "stages"), "route"));
	/* A warm-up and two repetitions, each with a plain and a stamped lap, and the checked one.
	 */
	CHECK_EQ(json_integer_value(json_object_get(o, "packets")), FRAMES * (LAPS * 6 + 1));
}

static void
every_packet_leaves_in_every_direction(void)
{
	int status = -1, mixes = 0;
	json_t *a = run(
		BENCH LAP, "--suites aes128gcm16,aes256-sha1 --bytes 64,imix --peers 1,3", &status);

	CHECK_EQ(status, 0);
	CHECK_EQ(json_array_size(a), 2 * 2 * 2 * 3);
	for (size_t i = 0; i < json_array_size(a); i++) {
		row_is_whole(json_array_get(a, i));
		mixes += is_mix(json_array_get(a, i));
	}
	CHECK_EQ(mixes, 2 * 2 * 3);
	json_decref(a);
}

static void
modes_and_udp_are_told_apart(void)
{
	int status = -1, tunnel = 0, udp = 0;
	json_t *a = run(BENCH LAP,
		"--suites aes256gcm16 --bytes 1400 --peers 2 --directions hairpin "
		"--modes transport,tunnel --udp plain,udp",
		&status);

	CHECK_EQ(status, 0);
	CHECK_EQ(json_array_size(a), 4);
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *o = json_array_get(a, i);
		const char *mode = json_string_value(json_object_get(o, "mode"));

		row_is_whole(o);
		CHECK_EQ(json_integer_value(json_object_get(o, "bytes")), 1400);
		tunnel += mode != NULL && strcmp(mode, "tunnel") == 0;
		udp += json_is_true(json_object_get(o, "udp"));
	}
	CHECK_EQ(tunnel, 2);
	CHECK_EQ(udp, 2);
	json_decref(a);
}

/** A worker beside a control core that changes everything: all packets leave, whatever changed. */
static void
no_change_loses_a_packet(void)
{
	int status = -1;
	json_t *a = run(BENCH "_change", "--spokes 40 --seconds 0.2", &status);

	CHECK_EQ(status, 0);
	CHECK_EQ(json_array_size(a), 8);
	for (size_t i = 1; i < json_array_size(a); i++) {
		const json_t *o = json_array_get(a, i);

		CHECK(is_positive(o, "packets"));
		CHECK(is_positive(o, "mpps"));
		CHECK(json_is_number(json_object_get(o, "latency_p999_us")));
		CHECK_EQ(json_integer_value(json_object_get(o, "lost")), 0);
		CHECK(i < 4 || is_positive(o, "changes_per_s"));
	}
	json_decref(a);
}

static void
nonsense_is_refused(void)
{
	static const char *const bad[] = { "--suites des", "--bytes 9000", "--peers 0",
		"--directions sideways", "extra" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = 0;

		CHECK(run(BENCH LAP, bad[i], &status) == NULL);
		CHECK(status != 0);
	}
}

int
main(void)
{
	TEST(every_packet_leaves_in_every_direction);
	TEST(modes_and_udp_are_told_apart);
	TEST(no_change_loses_a_packet);
	TEST(nonsense_is_refused);
	return check_done();
}

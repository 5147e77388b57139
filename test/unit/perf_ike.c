/* SPDX-License-Identifier: BSD-3-Clause */
/** The benchmark of IKE works: every spoke comes up, its figures fit together. */
#include <jansson.h>
#include <math.h>

#include "test/lib/check.h"

#define SPOKES 70 /* more than come up together */
#define REKEYS 2
#define LAST   (SPOKES % 64) /* spokes of the last window: those that rekey */

/** What the program prints; *status: how it ended. */
static json_t *
run(const char *options, int *status)
{
	char command[512];
	json_t *out;
	FILE *f;

	snprintf(command, sizeof(command), BENCH_IKE " --json %s 2>/dev/null", options);
	f = popen(command, "r");
	if (f == NULL)
		return NULL;
	out = json_loadf(f, 0, NULL);
	*status = pclose(f);
	return out;
}

static double
get(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/** Figures are rounded to two decimals. */
static bool
near(double a, double b)
{
	return fabs(a - b) <= 0.02 + 0.01 * fabs(b);
}

static void
row_fits_together(const json_t *o)
{
	const json_t *op;
	const char *name;
	double sum = 0;

	json_object_foreach (json_object_get(o, "public_key_ops"), name, op)
		sum += json_number_value(op);
	CHECK(near(get(o, "public_key_us"), sum));
	CHECK(get(o, "control_us") > 0);
	CHECK(near(get(o, "total_us"), get(o, "control_us") + get(o, "helper_us")));
	CHECK(near(get(o, "per_second"), 1e6 / get(o, "total_us")));
	CHECK(near(get(o, "ratio"), get(o, "public_key_us") / get(o, "total_us")));
	CHECK(near(get(o, "core_seconds"), get(o, "total_us") * get(o, "count") / 1e6));
}

static size_t
ops(const json_t *o)
{
	return json_object_size(json_object_get(o, "public_key_ops"));
}

static void
every_case_has_its_rows(void)
{
	static const char *const cases[] = { "psk-x25519", "psk-own-x25519", "ecdsa-p256",
		"rsa2048-modp2048" };
	static const char *const what[] = { "handshake", "rekey-child", "rekey-child-pfs",
		"rekey-ike" };
	char options[64];
	int status = -1;

	snprintf(options, sizeof(options), "--spokes %d --rekeys %d", SPOKES, REKEYS);
	json_t *a = run(options, &status);

	CHECK_EQ(status, 0);
	CHECK_EQ(json_array_size(a), 16);
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *o = json_array_get(a, i);
		bool handshake = i % 4 == 0;

		CHECK_STR(json_string_value(json_object_get(o, "case")), cases[i / 4]);
		CHECK_STR(json_string_value(json_object_get(o, "what")), what[i % 4]);
		CHECK_EQ(json_integer_value(json_object_get(o, "count")),
			handshake ? SPOKES : LAST * REKEYS);
		/* key pair, secret; with certificates signature, check, chain */
		CHECK_EQ(ops(o), handshake ? i < 8 ? 2 : 5 : i % 4 == 1 ? 0 : 2);
		CHECK((json_object_get(o, "memory_bytes") != NULL) == handshake);
		row_fits_together(o);
		if (!handshake)
			continue;
		CHECK(get(o, "engine_bytes") > 1000); /* an SA and a child there are */
		CHECK(near(get(o, "memory_bytes"), get(o, "engine_bytes") + get(o, "spoke_bytes")));
	}
	json_decref(a);
}

static void
one_case_alone(void)
{
	int status = -1;
	json_t *a = run("--case psk-x25519 --spokes 3 --rekeys 1", &status);

	CHECK_EQ(status, 0);
	CHECK_EQ(json_array_size(a), 4);
	json_decref(a);
}

static void
nonsense_is_refused(void)
{
	static const char *const bad[] = { "--spokes 0", "--rekeys many", "--case des", "extra",
		"--unknown" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = 0;

		CHECK(run(bad[i], &status) == NULL);
		CHECK(status != 0);
	}
}

int
main(void)
{
	TEST(every_case_has_its_rows);
	TEST(one_case_alone);
	TEST(nonsense_is_refused);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What IKE costs the hub: handshakes, rekeys, memory; scripts/bench ike runs it. Beside each
 * stands the bare cost of the public-key operations in it, measured in turn with it.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/nhrp/nhrp_cache.h"
#include "control/spoke/link.h"
#include "crypto/dh.h"
#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/vector_file.h"
#include "test/perf/ike_fleet.h"

#define SLICE     500 /* spokes between two looks at the bare cost */
#define FLOOR_OPS 40  /* of each kind at one look */

static const struct ike_case cases[] = {
	{ "psk-x25519", NULL, NULL, 31, false },
	{ "psk-own-x25519", NULL, NULL, 31, true },
	{ "ecdsa-p256", "spoke-p256", "spoke-p256", 19, false },
	{ "rsa2048-modp2048", "hub", "spoke-rsa", 14, false },
};

static const char *const rekey_names[FLEET_REKEYS] = {
	[FLEET_CHILD] = "rekey-child",
	[FLEET_CHILD_PFS] = "rekey-child-pfs",
	[FLEET_IKE] = "rekey-ike",
};

static struct {
	uint32_t spokes, rekeys;
	const char *only; /* this case; NULL: all */
	bool json;
} opt = { .spokes = 10000, .rekeys = 50 };

/* ---- the bare cost ----------------------------------------------------------------------------
 */

enum op { OP_KEYGEN, OP_SHARED, OP_SIGN, OP_VERIFY, OP_CHAIN, OPS };

static const char *const op_names[OPS] = { "keygen", "shared", "sign", "verify", "chain" };

/** Sums over all looks at it. */
struct floor {
	double s[OPS];
	uint64_t n;
	struct dh *peer;
	struct sign_key *ours, *theirs, *sub, *root; /* NULL: shared key */
};

/** Signs 250 octets by k, and a check of it; *check_s added when not NULL. */
static void
signature(const struct sign_key *k, double *sign_s, double *check_s)
{
	struct sign_alg alg = { .hash = HASH_SHA256 };
	uint8_t text[250] = { 0 }, sig[SIGN_MAX_BYTES];
	struct octets all = { text, sizeof(text) };
	size_t bytes;
	double at = ike_cpu_s(), signed_at;
	int err = 0;

	alg.scheme = sign_key_kind(k) == SIGN_KEY_RSA ? SIGN_RSA_PSS : SIGN_ECDSA;
	alg.salt_bytes = alg.scheme == SIGN_RSA_PSS ? 32 : 0;
	for (int i = 0; i < FLOOR_OPS; i++)
		err |= sign_make(k, &alg, &all, 1, sig, &bytes);
	signed_at = ike_cpu_s();
	for (int i = 0; i < FLOOR_OPS && check_s != NULL; i++)
		err |= sign_check(k, &alg, &all, 1, sig, bytes);
	if (check_s != NULL)
		*check_s += ike_cpu_s() - signed_at;
	if (sign_s != NULL)
		*sign_s += signed_at - at;
	if (err != 0)
		abort();
}

static void
key_exchange(struct floor *f, uint16_t group)
{
	struct dh *dh[FLOOR_OPS];
	double at = ike_cpu_s(), made_at;
	int err = 0;

	for (int i = 0; i < FLOOR_OPS; i++)
		err |= dh_new(group, &dh[i]);
	made_at = ike_cpu_s();
	f->s[OP_KEYGEN] += made_at - at;
	for (int i = 0; i < FLOOR_OPS && err == 0; i++) {
		struct secret shared = { 0 };

		err |= dh_shared(dh[i], dh_public(f->peer), dh_alg(f->peer)->public_bytes, &shared);
		secret_wipe(&shared);
	}
	f->s[OP_SHARED] += ike_cpu_s() - made_at;
	for (int i = 0; i < FLOOR_OPS; i++)
		dh_free(dh[i]);
	if (err != 0)
		abort();
}

/**
 * The spoke's certificate is signed by an intermediate CA on P-256, that one's by an RSA-2048
 * root: keys of the same kinds stand for theirs.
 */
static void
floor_start(struct floor *f, const struct ike_case *c)
{
	*f = (struct floor){ 0 };
	if (dh_new(c->group, &f->peer) != 0)
		abort();
	if (c->hub == NULL)
		return;
	f->ours = vector_key(c->hub);
	f->theirs = vector_key(c->spoke);
	f->sub = vector_key("spoke-p256");
	f->root = vector_key("spoke-rsa");
}

static void
floor_look(struct floor *f, const struct ike_case *c)
{
	key_exchange(f, c->group);
	if (f->ours != NULL) {
		signature(f->ours, &f->s[OP_SIGN], NULL);
		signature(f->theirs, NULL, &f->s[OP_VERIFY]);
		signature(f->sub, NULL, &f->s[OP_CHAIN]);
		signature(f->root, NULL, &f->s[OP_CHAIN]);
	}
	f->n += FLOOR_OPS;
}

static void
floor_stop(struct floor *f)
{
	dh_free(f->peer);
	sign_key_put(f->ours);
	sign_key_put(f->theirs);
	sign_key_put(f->sub);
	sign_key_put(f->root);
}

/** Of one operation, microseconds. */
static double
floor_us(const struct floor *f, enum op op)
{
	return f->n > 0 ? f->s[op] / (double)f->n * 1e6 : 0;
}

/* ---- results ----------------------------------------------------------------------------------
 */

struct result {
	const char *what, *name;
	struct ike_cost cost;
	const struct floor *floor;
	unsigned ops; /* mask of enum op: what is in it */
	double memory_bytes;
};

static double
public_key_us(const struct result *r)
{
	double sum = 0;

	for (int op = 0; op < OPS; op++)
		if (r->ops & 1u << op)
			sum += floor_us(r->floor, op);
	return sum;
}

/** Two decimals are more than any of it is good for. */
static json_t *
number(double v)
{
	return json_real(round(v * 100) / 100);
}

/** What the layers above the engine keep for a spoke with one child SA and one registration. */
static size_t
upper_bytes(void)
{
	static const size_t sizes[] = { sizeof(struct session), sizeof(struct child),
		sizeof(struct link), sizeof(struct nhrp_link), sizeof(struct nhrp_entry) };
	size_t sum = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		sum += (sizes[i] + 8 + 15) / 16 * 16; /* as glibc hands them out */
	return sum;
}

static json_t *
result_json(const struct result *r)
{
	double n = (double)r->cost.done, control = r->cost.control_s / n * 1e6;
	double helper = r->cost.helper_s / n * 1e6, bare = public_key_us(r);
	json_t *parts = json_object();

	for (int op = 0; op < OPS; op++)
		if (r->ops & 1u << op && floor_us(r->floor, op) > 0)
			json_object_set_new(parts, op_names[op], number(floor_us(r->floor, op)));
	json_t *o = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "what",
		r->what, "case", r->name, "count", (json_int_t)r->cost.done, "core_seconds",
		number(r->cost.control_s + r->cost.helper_s), "control_us", number(control),
		"helper_us", number(helper), "total_us", number(control + helper), "per_second",
		number(1e6 / (control + helper)), "public_key_us", number(bare), "public_key_ops",
		parts, "ratio", number(bare / (control + helper)));

	if (r->memory_bytes > 0) {
		json_object_set_new(o, "engine_bytes", number(r->memory_bytes));
		json_object_set_new(o, "spoke_bytes", json_integer((json_int_t)upper_bytes()));
		json_object_set_new(
			o, "memory_bytes", number(r->memory_bytes + (double)upper_bytes()));
	}
	return o;
}

static double
get(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void
row_print(FILE *to, const json_t *o)
{
	fprintf(to, "%-15s %-17s %6.0f | %8.1f %8.1f %8.1f | %7.0f | %8.1f %5.2f |",
		json_string_value(json_object_get(o, "what")),
		json_string_value(json_object_get(o, "case")), get(o, "count"),
		get(o, "control_us"), get(o, "helper_us"), get(o, "total_us"), get(o, "per_second"),
		get(o, "public_key_us"), get(o, "ratio"));
	if (json_object_get(o, "memory_bytes") != NULL)
		fprintf(to, " %5.0f B (IKE %.0f), %.2f core s", get(o, "memory_bytes"),
			get(o, "engine_bytes"), get(o, "core_seconds"));
	fputc('\n', to);
}

static void
result_add(json_t *list, const struct result *r)
{
	json_t *o = result_json(r);

	row_print(opt.json ? stderr : stdout, o);
	json_array_append_new(list, o);
}

/* ---- cases ------------------------------------------------------------------------------------
 */

static bool
handshakes(const struct ike_case *c, struct floor *f, json_t *list)
{
	struct result r = { .what = "handshake", .name = c->name, .floor = f, .ops = ~0u };
	bool good = true;

	for (uint32_t up = 0; up < opt.spokes; up += SLICE) {
		uint32_t left = opt.spokes - up;

		good &= ike_fleet_join(left < SLICE ? left : SLICE, &r.cost);
		floor_look(f, c);
	}
	r.memory_bytes = (double)r.cost.bytes / (double)r.cost.done;
	result_add(list, &r);
	return good;
}

static bool
rekeys(const struct ike_case *c, struct floor *f, enum ike_fleet_rekey what, json_t *list)
{
	struct result r = { .what = rekey_names[what], .name = c->name, .floor = f };

	r.ops = what == FLEET_CHILD ? 0 : 1u << OP_KEYGEN | 1u << OP_SHARED;
	bool good = ike_fleet_rekey(what, opt.rekeys, &r.cost);

	floor_look(f, c);
	result_add(list, &r);
	return good;
}

static bool
case_run(const struct ike_case *c, json_t *list)
{
	struct floor f;
	bool good;

	floor_start(&f, c);
	ike_fleet_start(c, opt.spokes);
	good = handshakes(c, &f, list);
	for (int what = 0; what < FLEET_REKEYS; what++)
		good &= rekeys(c, &f, (enum ike_fleet_rekey)what, list);
	ike_fleet_stop();
	floor_stop(&f);
	if (!good)
		fprintf(stderr, "bench: %s: not every spoke came up or rekeyed\n", c->name);
	return good;
}

static uint32_t
count_read(const char *text, uint32_t most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v == 0 || v > most) {
		fprintf(stderr, "bench: %s: wanted is a number from 1 to %u\n", text, most);
		exit(2);
	}
	return (uint32_t)v;
}

static void
options_read(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "spokes", required_argument, NULL, 's' },
		{ "rekeys", required_argument, NULL, 'r' },
		{ "case", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 's')
			opt.spokes = count_read(optarg, 1000000);
		else if (o == 'r')
			opt.rekeys = count_read(optarg, 100000);
		else if (o == 'c')
			opt.only = optarg;
		else if (o == 'j')
			opt.json = true;
		else
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "bench: what is %s?\n", argv[optind]);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	json_t *list = json_array();
	bool good = true, found = false;

	options_read(argc, argv);
	if (crypto_selftest() != NULL)
		return 1;
	fprintf(opt.json ? stderr : stdout,
		"microseconds of processor time of the hub, each; bare: the public-key operations "
		"alone\n%-15s %-17s %6s | %8s %8s %8s | %7s | %8s %5s | memory of a spoke\n",
		"what", "case", "count", "control", "helper", "in all", "per s", "bare", "ratio");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (opt.only != NULL && strcmp(opt.only, cases[i].name) != 0)
			continue;
		found = true;
		good &= case_run(&cases[i], list);
	}
	if (!found) {
		fprintf(stderr, "bench: no case %s\n", opt.only);
		return 2;
	}
	if (opt.json)
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
	json_decref(list);
	return !good;
}

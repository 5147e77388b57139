/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The speed of the data path on one core, fed from memory; scripts/bench runs it. Every
 * repetition takes laps through the hub, laps of the bench's port alone and laps of the
 * bare cipher in turn, so that what disturbs the machine disturbs all of them.
 */
#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "crypto/selftest.h"
#include "test/lib/oracle.h"
#include "test/perf/result.h"
#include "test/perf/verify.h"

#define LIST_MAX        16
#define FRAMES_STEP     (LAP_PARTS * 32)
#define LAPS_MAX        64
#define REPETITIONS_MAX 32

struct list {
	unsigned n;
	uint32_t v[LIST_MAX];
};

static struct options {
	struct list suite, bytes, spokes, direction, mode, udp;
	unsigned repetitions, laps, frames;
	bool json, check, hugepages;
	int core;
} opt;

static json_t *results;
static uint32_t compared, wrong;

/* ---- options ---------------------------------------------------------------------------- */

/** Its position, for esp_suite_at(). */
static uint32_t
suite_named(const char *name)
{
	for (size_t i = 0; esp_suite_at(i) != NULL; i++)
		if (strcmp(esp_suite_at(i)->name, name) == 0)
			return (uint32_t)i;
	fprintf(stderr, "bench: no suite %s; there are:", name);
	for (size_t i = 0; esp_suite_at(i) != NULL; i++)
		fprintf(stderr, " %s", esp_suite_at(i)->name);
	fprintf(stderr, "\n");
	exit(2);
}

/** Position of name among the n names; exits where it is none. */
static uint32_t
choice(const char *name, const char *const names[], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	fprintf(stderr, "bench: %s is none of:", name);
	for (uint32_t i = 0; i < n; i++)
		fprintf(stderr, " %s", names[i]);
	fprintf(stderr, "\n");
	exit(2);
}

static uint32_t
number(const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end == '\0' && v >= min && v <= max)
		return (uint32_t)v;
	fprintf(stderr, "bench: %s is no number from %u to %u\n", text, min, max);
	exit(2);
}

/** One word of a list option, as number. */
static uint32_t
word(char kind, const char *w)
{
	static const char *const directions[] = { "encap", "decap", "hairpin" };
	static const char *const modes[] = { "transport", "tunnel" };
	static const char *const udps[] = { "plain", "udp" };

	switch (kind) {
	case 's':
		return suite_named(w);
	case 'b':
		return strcmp(w, "imix") == 0 ? IMIX : number(w, 28, 1400);
	case 'p':
		return number(w, 1, 1u << 20);
	case 'd':
		return choice(w, directions, DIRECTIONS);
	case 'm':
		return choice(w, modes, 2);
	default:
		return choice(w, udps, 2);
	}
}

static struct list *
list_of(char kind)
{
	switch (kind) {
	case 's':
		return &opt.suite;
	case 'b':
		return &opt.bytes;
	case 'p':
		return &opt.spokes;
	case 'd':
		return &opt.direction;
	case 'm':
		return &opt.mode;
	default:
		return &opt.udp;
	}
}

static void
list(char kind, const char *text)
{
	struct list *l = list_of(kind);
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	l->n = 0;
	for (char *w = strtok_r(copy, ",", &save); w != NULL && l->n < LIST_MAX;
		w = strtok_r(NULL, ",", &save))
		l->v[l->n++] = word(kind, w);
}

static const struct option longs[] = {
	{ "suites", required_argument, NULL, 's' },
	{ "bytes", required_argument, NULL, 'b' },
	{ "peers", required_argument, NULL, 'p' },
	{ "directions", required_argument, NULL, 'd' },
	{ "modes", required_argument, NULL, 'm' },
	{ "udp", required_argument, NULL, 'u' },
	{ "repetitions", required_argument, NULL, 'r' },
	{ "laps", required_argument, NULL, 'l' },
	{ "frames", required_argument, NULL, 'f' },
	{ "core", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "check", no_argument, NULL, 'k' },
	{ "no-huge", no_argument, NULL, 'h' },
	{ 0 },
};

static void
options_default(void)
{
	opt.repetitions = 5;
	opt.laps = 9;
	opt.frames = sysconf(_SC_LEVEL2_CACHE_SIZE) > 1 << 20 ? 8192 : 4096;
	opt.hugepages = true;
	opt.core = -1;
	list('s', "aes128gcm16,aes256gcm16,aes256-sha1");
	list('b', "64,512,1400,imix");
	list('p', "1,100,1000,10000");
	list('d', "encap,decap,hairpin");
	list('m', "transport");
	list('u', "plain");
}

static void
options_read(int argc, char **argv)
{
	int o;

	options_default();
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == '?')
			exit(2);
		else if (o == 'r')
			opt.repetitions = number(optarg, 1, REPETITIONS_MAX);
		else if (o == 'l')
			opt.laps = number(optarg, 1, LAPS_MAX);
		else if (o == 'f')
			opt.frames = number(optarg, 1, LAP_FRAMES_MAX / FRAMES_STEP) * FRAMES_STEP;
		else if (o == 'c')
			opt.core = (int)number(optarg, 0, CPU_SETSIZE - 1);
		else if (o == 'j')
			opt.json = true;
		else if (o == 'k')
			opt.check = true;
		else if (o == 'h')
			opt.hugepages = false;
		else
			list((char)o, optarg);
	}
	if (optind < argc) {
		fprintf(stderr, "bench: what is %s?\n", argv[optind]);
		exit(2);
	}
}

/* ---- measuring ------------------------------------------------------------------------------ */

/** Pure arithmetic, always the same: how much of the time did this core belong to us? */
static uint64_t
reference(void)
{
	uint64_t start = rte_rdtsc_precise(), x = 1;

	for (int i = 0; i < 100000; i++)
		__asm__ volatile("imul $3, %0, %0" : "+r"(x));
	return rte_rdtsc_precise() - start;
}

static double references[4096];
static unsigned references_n;

/** Medians over the laps of one repetition. */
struct repetition {
	double all, io, floor[FLOOR_CALLS], stage[STAGE_COUNT], stamped;
};

static void
repeat(const struct lap_case *c, unsigned laps, struct repetition *rep)
{
	static double all[LAPS_MAX], io[LAPS_MAX], floors[FLOOR_CALLS][LAPS_MAX],
		stage[STAGE_COUNT][LAPS_MAX], stamped[LAPS_MAX];
	double one[STAGE_COUNT];

	memset(rep, 0, sizeof(*rep));
	for (unsigned l = 0; l < laps; l++) {
		lap_prepare(c);
		all[l] = lap_run(NULL);
		for (int call = 0; call < FLOOR_CALLS; call++) {
			if (!floor_fits((enum floor_call)call, fleet.conf.suite))
				continue;
			lap_prepare(c);
			floors[call][l] = lap_floor((enum floor_call)call);
		}
		lap_prepare(c);
		io[l] = lap_io();
		lap_prepare(c);
		stamped[l] = lap_run(one);
		for (int s = 0; s < STAGE_COUNT; s++)
			stage[s][l] = one[s];
	}
	rep->all = median(all, laps);
	rep->io = median(io, laps);
	rep->stamped = median(stamped, laps);
	for (int s = 0; s < STAGE_COUNT; s++)
		rep->stage[s] = median(stage[s], laps);
	for (int call = 0; call < FLOOR_CALLS; call++)
		if (floor_fits((enum floor_call)call, fleet.conf.suite))
			rep->floor[call] = median(floors[call], laps);
	if (references_n < RTE_DIM(references))
		references[references_n++] = (double)reference();
}

/** The median of one figure over the repetitions. */
static double
over(const struct repetition *rep, size_t offset)
{
	double v[REPETITIONS_MAX];

	for (unsigned i = 0; i < opt.repetitions; i++)
		v[i] = *(const double *)((const char *)&rep[i] + offset);
	return median(v, opt.repetitions);
}

static void
summarize(struct repetition *rep, struct result *r)
{
	double low = rep[0].all, high = rep[0].all;

	for (unsigned i = 0; i < opt.repetitions; i++) {
		low = RTE_MIN(low, rep[i].all);
		high = RTE_MAX(high, rep[i].all);
	}
	r->io = over(rep, offsetof(struct repetition, io));
	r->path = over(rep, offsetof(struct repetition, all)) - r->io;
	r->spread = (high - low) / r->path;
	r->rest = over(rep, offsetof(struct repetition, stamped)) - r->io;
	for (int s = 0; s < STAGE_COUNT; s++) {
		r->stage[s] = over(rep, offsetof(struct repetition, stage[s]));
		r->rest -= r->stage[s];
	}
	for (int call = 0; call < FLOOR_CALLS; call++) {
		r->floor[call] = over(rep, offsetof(struct repetition, floor[call]));
		if (r->floor[call] > 0 && (r->cipher == 0 || r->floor[call] < r->cipher)) {
			r->cipher = r->floor[call];
			r->call = (enum floor_call)call;
		}
	}
	r->ratio = r->path / r->cipher;
}

static double
mean_bytes(const struct lap_case *c)
{
	return c->bytes == IMIX ? (7 * 64 + 4 * 570 + 1400) / 12.0 : c->bytes;
}

static void
check(const struct lap_case *c)
{
	uint32_t n, bad = verify_lap(c, &n);

	compared += n;
	wrong += bad;
	if (bad > 0)
		fprintf(stderr, "bench: %u of %u packets are not what lib/ipsec says (%s, %s)\n",
			bad, n, direction_name(c->direction), fleet.conf.suite->name);
}

static void
one_case(const struct lap_case *c)
{
	static struct repetition rep[REPETITIONS_MAX];
	struct result r = { .c = *c, .conf = fleet.conf, .inner_bytes = mean_bytes(c) };

	uint64_t sent = fleet.w->c->verdict[VERDICT_TX];

	if (opt.check)
		check(c);
	repeat(c, RTE_MIN(opt.laps, 2u), &rep[0]); /* warm up */
	for (unsigned i = 0; i < opt.repetitions; i++)
		repeat(c, opt.laps, &rep[i]);
	r.packets = fleet.w->c->verdict[VERDICT_TX] - sent;
	summarize(rep, &r);
	if (opt.json)
		json_array_append_new(results, result_json(&r));
	result_row(opt.json ? stderr : stdout, &r);
}

static uint32_t
most_spokes(void)
{
	uint32_t most = 1;

	for (unsigned p = 0; p < opt.spokes.n; p++)
		most = RTE_MAX(most, opt.spokes.v[p]);
	return most;
}

/** All cases of one fleet. */
static void
fleet_cases(const struct fleet_conf *conf, uint32_t spokes)
{
	fleet_up(conf, spokes);
	for (unsigned d = 0; d < opt.direction.n; d++)
		for (unsigned b = 0; b < opt.bytes.n; b++)
			one_case(&(struct lap_case){
				.direction = (enum direction)opt.direction.v[d],
				.bytes = (uint16_t)opt.bytes.v[b],
				.spokes = spokes,
			});
}

static void
all_cases(void)
{
	for (unsigned s = 0; s < opt.suite.n; s++)
		for (unsigned m = 0; m < opt.mode.n; m++)
			for (unsigned u = 0; u < opt.udp.n; u++) {
				struct fleet_conf conf = {
					.suite = esp_suite_at(opt.suite.v[s]),
					.tunnel_mode = opt.mode.v[m],
					.udp = opt.udp.v[u],
				};

				for (unsigned p = 0; p < opt.spokes.n; p++)
					fleet_cases(&conf, opt.spokes.v[p]);
			}
}

/** The benchmark runs on EAL's main thread; the worker's own core stays idle. */
static void
pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(opt.core >= 0 ? opt.core : sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fprintf(stderr, "bench: not pinned to a core\n");
}

int
main(int argc, char **argv)
{
	const char *failed = crypto_selftest();

	options_read(argc, argv);
	if (failed != NULL || !fleet_start(most_spokes(), 1, opt.hugepages, opt.check) ||
		!floor_start()) {
		fprintf(stderr, "bench: cannot start%s\n",
			opt.hugepages ? "; are there enough huge pages?" : "");
		return 1;
	}
	if (opt.check && !oracle_start(fleet.dp->pool)) {
		fprintf(stderr, "bench: no crypto_openssl device for --check\n");
		return 1;
	}
	pin();
	lap_start(opt.frames);
	results = json_array();
	result_header(opt.json ? stderr : stdout);
	all_cases();
	double middle = median(references, references_n);

	fprintf(stderr,
		"bench: reference loop of arithmetic: lowest %.0f, median %.0f, highest %.0f "
		"cycles\n",
		references[0], middle, references[references_n - 1]);
	if (opt.check) {
		fprintf(stderr, "bench: %u packets compared with lib/ipsec, %u wrong\n", compared,
			wrong);
		oracle_stop();
	}
	if (opt.json)
		json_dumpf(results, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	lap_stop();
	floor_stop();
	fleet_stop();
	return wrong > 0;
}

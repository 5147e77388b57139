/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Does the data path lose or delay packets while its tables change under it? `scripts/bench
 * change` runs it: one worker on its own core forwards at a part of what it can, the other core
 * does to the tables what a busy control core does. Every packet in is looked for at the way out.
 * `scripts/bench scale` compares the peaks of one worker and of several.
 */
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/perf/source.h"

#define ROUND_US      50   /* a loop round that takes longer is told */
#define TICK_US       1000 /* of the control core's work */
#define DRAIN_ROUNDS  100000
#define DRAIN_TICKS   1000
#define VISITORS      1000 /* spokes that come and go */
#define INBOUND       20   /* packets of spokes in a tick */
#define ROUTES        (1u << 20)
#define ROUTES_A_TICK 200
#define PEAK_PART     0.9

static struct options {
	uint32_t spokes;
	uint16_t bytes, workers;
	double seconds;
	bool json, hugepages, peak_only;
} opt = { .spokes = 10000, .bytes = 64, .workers = 1, .seconds = 5, .hugepages = true };

/** What is asked of the workers; unchanged while they run but for `stop`. */
static struct {
	double per_s;          /* packets, of each; 0: as fast as it can */
	bool idle;             /* no rounds at all: what the machine itself does to a loop */
	_Atomic unsigned over; /* workers that have seen the end of their packets, */
	_Atomic bool stop;     /* and need not look for more of the spokes' */
} run;

/** One of them, by its own thread. */
static struct runner {
	struct worker *w;
	struct source source;
	double took_s, had_s; /* by the clock; of it, time the core was ours */
	uint64_t long_rounds; /* longer than ROUND_US, */
	uint64_t switched;    /* of these, with the core taken away meanwhile */
	uint64_t longest_tsc; /* of the others */
} * runner;

/* ---- the worker's core ---------------------------------------------------------------------- */

static long
switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nivcsw;
}

static void
core_take(unsigned n)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(n, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/** Was the core taken away in this round? Asked only when it was long, which is seldom. */
static bool
round_long(struct runner *r, uint64_t spent, long *seen)
{
	long now = switches();
	bool away = now != *seen;

	*seen = now;
	r->long_rounds++;
	r->switched += away;
	if (!away)
		r->longest_tsc = RTE_MAX(r->longest_tsc, spent);
	return away;
}

static void
one_round(struct runner *r)
{
	if (run.idle)
		rte_pause();
	else
		worker_round(r->w);
}

static double
core_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
rounds_timed(struct runner *r)
{
	double before_s = core_s();
	uint64_t hz = rte_get_tsc_hz(), limit = hz / 1000000 * ROUND_US;
	uint64_t start = rte_rdtsc(), now = start;
	uint64_t end = start + (uint64_t)(opt.seconds * (double)hz);
	long seen = switches();

	while (now < end) {
		uint64_t before = now;

		one_round(r);
		now = rte_rdtsc();
		source_round(
			&r->source, now - before > limit && round_long(r, now - before, &seen));
	}
	r->took_s = (double)(now - start) / (double)hz;
	r->had_s = core_s() - before_s;
}

/** Those that are on their way still arrive, from spokes until the control core says so. */
static void
rounds_last(struct runner *r)
{
	source_stop(&r->source);
	for (unsigned i = 0; i < DRAIN_ROUNDS && source_under_way(&r->source) > 0; i++) {
		worker_round(r->w);
		source_round(&r->source, true);
	}
	run.over++;
	while (!run.stop)
		worker_round(r->w);
}

static int
worker_run(void *arg)
{
	struct runner *r = arg;

	r->long_rounds = r->switched = r->longest_tsc = 0;
	core_take((r->w->id + 1u) % (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	rte_rcu_qsbr_thread_online(fleet.dp->qsbr, r->w->id);
	source_start(&r->source, run.per_s);
	rounds_timed(r);
	rounds_last(r);
	rte_rcu_qsbr_thread_offline(fleet.dp->qsbr, r->w->id);
	return 0;
}

/* ---- changes, by ticks of the control core -------------------------------------------------- */

static uint64_t changes, inbound_sent;

static void
nothing_changes(unsigned tick)
{
	(void)tick;
}

/** 1000 a second. */
static void
rekeys(unsigned tick)
{
	fleet_rekey(tick % fleet.spokes);
	changes++;
}

static bool visits[VISITORS];

static void
visitor(uint32_t n, bool comes)
{
	if (visits[n] == comes)
		return;
	visits[n] = comes;
	if (comes)
		fleet_join(fleet.spokes + n);
	else
		fleet_leave(fleet.spokes + n);
	changes++;
}

/** A thousand spokes come, and go again. */
static void
spokes(unsigned tick)
{
	visitor(tick % VISITORS, tick / VISITORS % 2 == 0);
}

/** A full table of a million routes is learnt, of all lengths, and lost again. */
static void
routes(unsigned tick)
{
	struct addr lan = addr_from_v4(IPV4(10, 9, 1, 1));
	uint32_t adj = dp_fib_lookup(fleet.dp, 0, &lan);

	for (unsigned i = 0; i < ROUTES_A_TICK; i++) {
		uint32_t n = tick * ROUTES_A_TICK + i, at = n % ROUTES;
		struct prefix p = {
			.addr = addr_from_v4(rte_cpu_to_be_32(0x40000000 + (at << 10))),
			.bits = (uint8_t)(22 + at % 11),
		};

		if (n / ROUTES % 2 == 0)
			dp_fib_set(fleet.dp, 0, &p, adj);
		else
			dp_fib_del(fleet.dp, 0, &p);
		changes++;
	}
}

static void
all_at_once(unsigned tick)
{
	rekeys(tick);
	spokes(tick);
	routes(tick);
}

static const struct change {
	const char *name;
	void (*tick)(unsigned n);
	double part; /* of the peak */
} change[] = {
	{ "half-load", nothing_changes, 0.5 },
	{ "nothing", nothing_changes, PEAK_PART },
	{ "rekeys", rekeys, PEAK_PART },
	{ "spokes", spokes, PEAK_PART },
	{ "routes", routes, PEAK_PART },
	{ "all", all_at_once, PEAK_PART },
};

/* ---- the control core ------------------------------------------------------------------------ */

static void
inbound_one(struct spoke *s, struct packet *p)
{
	struct packet_sa sa = { fleet.conf.suite, s->seal, ESP_SEAL, s->spi_in, false };
	struct rte_mbuf *m = rte_pktmbuf_alloc(fleet.dp->pool);

	packet_payload(p, (uint16_t)(opt.bytes - sizeof(struct rte_ipv4_hdr)));
	packet_ip(p, s->host_be, IPV4(10, 9, 1, 1), IPPROTO_UDP);
	packet_gre(p, FLEET_KEY, RTE_ETHER_TYPE_IPV4);
	packet_seal(p, &sa, ++s->seq, IPPROTO_GRE);
	packet_ip(p, s->outer_be, FLEET_HUB_BE, IPPROTO_ESP);
	packet_ether(p, fleet.mac[fleet.wan], RTE_ETHER_TYPE_IPV4);
	if (m == NULL)
		return;
	memcpy(rte_pktmbuf_append(m, p->bytes), packet_at(p), p->bytes);
	if (rte_ring_enqueue(fleet.to_hub[fleet.wan], m) == 0)
		inbound_sent++;
	else
		rte_pktmbuf_free(m);
}

/** Some packets of spokes, sealed with the keys of the moment. */
static void
inbound(void)
{
	static uint64_t random = DRAW_SEED;
	static struct packet p;

	for (unsigned i = 0; i < INBOUND; i++)
		inbound_one(&fleet.spoke[draw(&random, fleet.spokes)], &p);
}

static void
sleep_until(uint64_t tsc)
{
	uint64_t now = rte_rdtsc();
	struct timespec ts = { 0 };

	if (now >= tsc)
		return;
	ts.tv_nsec = (long)((double)(tsc - now) * 1e9 / (double)rte_get_tsc_hz());
	nanosleep(&ts, NULL);
}

/** What came of a run, of all workers together. */
static struct tally {
	struct source source; /* sums */
	double per_s;         /* packets that left by the wan port while the cores were ours */
	double took_s;
	uint64_t lost, long_rounds, switched, longest_tsc;
} tally;

static void
tally_add(const struct runner *r)
{
	const struct source *s = &r->source;

	tally.source.offered += s->offered;
	tally.source.missed += s->missed;
	tally.source.inbound += s->inbound;
	tally.source.longest_tsc = RTE_MAX(tally.source.longest_tsc, s->longest_tsc);
	for (unsigned i = 0; i <= SOURCE_LATENCY_US; i++)
		tally.source.latency[i] += s->latency[i];
	tally.per_s += (double)s->left / r->had_s;
	tally.took_s = RTE_MAX(tally.took_s, r->took_s);
	tally.lost += source_under_way(s);
	tally.long_rounds += r->long_rounds;
	tally.switched += r->switched;
	tally.longest_tsc = RTE_MAX(tally.longest_tsc, r->longest_tsc);
}

static void
tally_take(void)
{
	memset(&tally, 0, sizeof(tally));
	for (unsigned w = 0; w < opt.workers; w++)
		tally_add(&runner[w]);
	tally.lost += inbound_sent - tally.source.inbound;
}

static void
workers_launch(double per_s, bool idle)
{
	unsigned lcore = rte_get_next_lcore(UINT_MAX, 1, 0);

	run.per_s = per_s;
	run.idle = idle;
	run.over = 0;
	run.stop = false;
	for (unsigned w = 0; w < opt.workers; w++) {
		rte_eal_remote_launch(worker_run, &runner[w], lcore);
		lcore = rte_get_next_lcore(lcore, 1, 0);
	}
}

/** Packets of spokes that are still in the hub: a look, no more, while the workers run. */
static uint64_t
inbound_left(void)
{
	uint64_t n = inbound_sent;

	for (unsigned w = 0; w < opt.workers; w++)
		n -= *(volatile uint64_t *)&runner[w].source.inbound;
	return n;
}

/** One run with what the control core does beside it. */
static void
run_with(double per_s, bool idle, void (*tick)(unsigned n))
{
	uint64_t step = rte_get_tsc_hz() / 1000000 * TICK_US, next;
	unsigned n = 0;

	changes = inbound_sent = 0;
	workers_launch(per_s, idle);
	for (next = rte_rdtsc() + step; run.over < opt.workers; next += step) {
		sleep_until(next);
		if (!idle) {
			inbound();
			tick(n++);
		}
		fleet_settle();
	}
	for (n = 0; n < DRAIN_TICKS && inbound_left() > 0; n++)
		sleep_until(rte_rdtsc() + step);
	run.stop = true;
	rte_eal_mp_wait_lcore();
	for (uint32_t i = 0; i < VISITORS; i++)
		visitor(i, false);
	fleet_settle();
	tally_take();
}

/* ---- results --------------------------------------------------------------------------------- */

static json_t *rows;
static uint64_t lost_all;

static double
us(uint64_t tsc)
{
	return (double)tsc * 1e6 / (double)rte_get_tsc_hz();
}

static uint64_t
verdicts(unsigned v)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < opt.workers; w++)
		sum += runner[w].w->c->verdict[v];
	return sum;
}

static void
drops_tell(const uint64_t before[VERDICT_COUNT])
{
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		if (v != VERDICT_TX && verdicts(v) != before[v])
			fprintf(stderr, "bench: %s %" PRIu64 "\n", dp_verdict_name(v),
				verdicts(v) - before[v]);
}

static void
header(FILE *out)
{
	fprintf(out,
		"%u worker%s, 1000 ticks a second of the control core beside; %u spokes, %u bytes, "
		"AES-256-GCM\n%-10s %6s %9s %10s | %6s %8s | %7s %7s %7s %8s | %7s %8s %9s\n",
		opt.workers, opt.workers > 1 ? "s" : "", opt.spokes, opt.bytes, "change", "Mpps",
		"changes/s", "packets", "lost", "missed", "p50 us", "p99 us", "p99.9", "longest",
		"> 50 us", "switched", "others us");
}

/** A line and an object for the run that was. */
static void
row(FILE *out, const char *name)
{
	const struct source *s = &tally.source;
	double p50 = source_latency_us(s, 0.5), p99 = source_latency_us(s, 0.99),
	       p999 = source_latency_us(s, 0.999), per_s = (double)changes / tally.took_s;
	uint64_t packets = s->offered + inbound_sent;

	fprintf(out,
		"%-10s %6.2f %9.0f %10" PRIu64 " | %6" PRIu64 " %8" PRIu64
		" | %7.0f %7.0f %7.0f %8.0f | %7" PRIu64 " %8" PRIu64 " %9.0f\n",
		name, tally.per_s / 1e6, per_s, packets, tally.lost, s->missed, p50, p99, p999,
		us(s->longest_tsc), tally.long_rounds, tally.switched, us(tally.longest_tsc));
	lost_all += tally.lost;
	json_array_append_new(rows,
		json_pack("{s:s, s:i, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, "
			  "s:I, s:f}",
			"change", name, "workers", opt.workers, "peers", opt.spokes, "bytes",
			opt.bytes, "mpps", tally.per_s / 1e6, "changes_per_s", per_s, "packets",
			(json_int_t)packets, "lost", (json_int_t)tally.lost, "missed",
			(json_int_t)s->missed, "latency_p50_us", p50, "latency_p99_us", p99,
			"latency_p999_us", p999, "latency_max_us", us(s->longest_tsc),
			"rounds_over_50_us", (json_int_t)tally.long_rounds, "rounds_switched",
			(json_int_t)tally.switched, "round_max_us", us(tally.longest_tsc)));
}

static void
one_change(FILE *out, const struct change *c, double peak)
{
	uint64_t before[VERDICT_COUNT];

	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		before[v] = verdicts(v);
	run_with(c->part * peak, false, c->tick);
	row(out, c->name);
	if (tally.lost > 0)
		drops_tell(before);
}

static void
all_changes(FILE *out)
{
	double peak;

	header(out);
	run_with(0, true, nothing_changes);
	row(out, "(no work)");
	run_with(0, false, nothing_changes);
	row(out, "(peak)");
	peak = tally.per_s / opt.workers;
	for (size_t i = 0; i < RTE_DIM(change) && !opt.peak_only; i++)
		one_change(out, &change[i], peak);
}

/* ---- options --------------------------------------------------------------------------------- */

static double
number(const char *text, double min, double max)
{
	char *end;
	double v = strtod(text, &end);

	if (*end == '\0' && v >= min && v <= max)
		return v;
	fprintf(stderr, "bench: %s is no number from %g to %g\n", text, min, max);
	exit(2);
}

static void
options_read(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "spokes", required_argument, NULL, 's' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "seconds", required_argument, NULL, 't' },
		{ "workers", required_argument, NULL, 'w' },
		{ "peak", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "no-huge", no_argument, NULL, 'h' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == '?')
			exit(2);
		else if (o == 's')
			opt.spokes = (uint32_t)number(optarg, 1, 100000);
		else if (o == 'b')
			opt.bytes = (uint16_t)number(optarg, 28, 1400);
		else if (o == 't')
			opt.seconds = number(optarg, 0.1, 3600);
		else if (o == 'w')
			opt.workers = (uint16_t)number(optarg, 1, 16);
		else if (o == 'p')
			opt.peak_only = true;
		else if (o == 'j')
			opt.json = true;
		else
			opt.hugepages = false;
	}
	if (optind < argc) {
		fprintf(stderr, "bench: what is %s?\n", argv[optind]);
		exit(2);
	}
}

static void
runners_new(void)
{
	runner = calloc(opt.workers, sizeof(*runner));
	if (runner == NULL)
		exit(1);
	for (unsigned w = 0; w < opt.workers; w++) {
		runner[w].w = fleet.dp->workers[w];
		source_open(&runner[w].source, w, opt.bytes);
		rte_rcu_qsbr_thread_offline(fleet.dp->qsbr, w);
	}
}

static void
runners_free(void)
{
	for (unsigned w = 0; w < opt.workers; w++)
		source_close(&runner[w].source);
	free(runner);
}

int
main(int argc, char **argv)
{
	struct fleet_conf conf = { .suite = esp_suite_find(ENCR_AES_GCM_16, 256, 0) };

	options_read(argc, argv);
	if (crypto_selftest() != NULL ||
		!fleet_start(opt.spokes + VISITORS, opt.workers, opt.hugepages, false))
		return 1;
	rows = json_array();
	core_take(0);
	fleet_up(&conf, opt.spokes);
	runners_new();
	fleet.dp->running = true; /* what a worker may still look at is not freed */
	all_changes(opt.json ? stderr : stdout);
	runners_free();
	fleet_stop();
	if (opt.json)
		json_dumpf(rows, stdout, JSON_INDENT(1));
	json_decref(rows);
	return lost_all > 0;
}

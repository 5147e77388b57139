/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Does the data path lose or delay packets while its tables change under it? `scripts/bench
 * change` runs it: one worker on its own core forwards at a part of what it can, the other core
 * does to the tables what a busy control core does. Every packet in is looked for at the way out.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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
#define FLUSH_ROUNDS  64
#define VISITORS      1000 /* spokes that come and go */
#define INBOUND       20   /* packets of spokes in a tick */
#define ROUTES        (1u << 20)
#define ROUTES_A_TICK 200
#define PEAK_PART     0.9

static struct options {
	uint32_t spokes;
	uint16_t bytes;
	double seconds;
	bool json, hugepages;
} opt = { .spokes = 10000, .bytes = 64, .seconds = 5, .hugepages = true };

/** One run of the worker, by its own thread. */
static struct run {
	double per_s; /* packets; 0: as fast as it can */
	bool idle;    /* no rounds at all: what the machine itself does to a loop */
	/* What came of it: */
	uint64_t long_rounds; /* longer than ROUND_US, */
	uint64_t switched;    /* of these, with the core taken away meanwhile */
	uint64_t longest_tsc; /* of the others */
	double took_s;
	_Atomic bool over; /* the worker has seen the end of its packets, */
	_Atomic bool stop; /* and need not look for more of the spokes' */
} run;

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
round_long(uint64_t spent, long *seen)
{
	long now = switches();
	bool away = now != *seen;

	*seen = now;
	run.long_rounds++;
	run.switched += away;
	if (!away)
		run.longest_tsc = RTE_MAX(run.longest_tsc, spent);
	return away;
}

static void
one_round(void)
{
	if (run.idle)
		rte_pause();
	else
		worker_round(fleet.w);
}

static int
worker_run(void *arg)
{
	uint64_t hz = rte_get_tsc_hz(), limit = hz / 1000000 * ROUND_US;
	uint64_t start, now, end;
	long seen;

	(void)arg;
	core_take(1);
	rte_rcu_qsbr_thread_online(fleet.dp->qsbr, 0);
	source_start(run.per_s);
	seen = switches();
	start = now = rte_rdtsc();
	end = start + (uint64_t)(opt.seconds * (double)hz);
	while (now < end) {
		uint64_t before = now;

		one_round();
		now = rte_rdtsc();
		source_round(now - before > limit && round_long(now - before, &seen));
	}
	run.took_s = (double)(now - start) / (double)hz;
	source_stop();
	for (unsigned i = 0; i < DRAIN_ROUNDS && source_under_way() > 0; i++) {
		worker_round(fleet.w);
		source_round(true);
	}
	run.over = true;
	while (!run.stop)
		worker_round(fleet.w);
	while (rte_ring_count(fleet.to_hub[fleet.wan]) > 0)
		worker_round(fleet.w);
	for (unsigned i = 0; i < FLUSH_ROUNDS; i++)
		worker_round(fleet.w);
	rte_rcu_qsbr_thread_offline(fleet.dp->qsbr, 0);
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

/** One run with what the control core does beside it. */
static void
run_with(double per_s, bool idle, void (*tick)(unsigned n))
{
	uint64_t step = rte_get_tsc_hz() / 1000000 * TICK_US, next;
	unsigned n = 0;

	memset(&run, 0, sizeof(run));
	run.per_s = per_s;
	run.idle = idle;
	changes = inbound_sent = 0;
	rte_eal_remote_launch(worker_run, NULL, rte_get_next_lcore(-1, 1, 0));
	for (next = rte_rdtsc() + step; !run.over; next += step) {
		sleep_until(next);
		if (!idle) {
			inbound();
			tick(n++);
		}
		fleet_settle();
	}
	run.stop = true;
	rte_eal_mp_wait_lcore();
	for (uint32_t i = 0; i < VISITORS; i++)
		visitor(i, false);
	fleet_settle();
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
lost(void)
{
	return source_under_way() + inbound_sent - source.inbound;
}

static void
drops_tell(const uint64_t before[VERDICT_COUNT])
{
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		if (v != VERDICT_TX && fleet.w->c->verdict[v] != before[v])
			fprintf(stderr, "bench: %s %" PRIu64 "\n", dp_verdict_name(v),
				fleet.w->c->verdict[v] - before[v]);
}

static void
header(FILE *out)
{
	fprintf(out,
		"one worker, 1000 ticks a second of the control core beside it; %u spokes, %u "
		"bytes, "
		"AES-256-GCM\n%-10s %6s %9s %10s | %6s %8s | %7s %7s %7s %8s | %7s %8s %9s\n",
		opt.spokes, opt.bytes, "change", "Mpps", "changes/s", "packets", "lost", "missed",
		"p50 us", "p99 us", "p99.9", "longest", "> 50 us", "switched", "others us");
}

/** A line and an object for the run that was. */
static void
row(FILE *out, const char *name)
{
	double mpps = (double)source.left / run.took_s / 1e6;

	fprintf(out,
		"%-10s %6.2f %9.0f %10" PRIu64 " | %6" PRIu64 " %8" PRIu64
		" | %7.0f %7.0f %7.0f %8.0f | %7" PRIu64 " %8" PRIu64 " %9.0f\n",
		name, mpps, (double)changes / run.took_s, source.offered + inbound_sent, lost(),
		source.missed, source_latency_us(0.5), source_latency_us(0.99),
		source_latency_us(0.999), us(source.longest_tsc), run.long_rounds, run.switched,
		us(run.longest_tsc));
	lost_all += lost();
	json_array_append_new(rows,
		json_pack("{s:s, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, "
			  "s:f}",
			"change", name, "peers", opt.spokes, "bytes", opt.bytes, "mpps", mpps,
			"changes_per_s", (double)changes / run.took_s, "packets",
			(json_int_t)(source.offered + inbound_sent), "lost", (json_int_t)lost(),
			"missed", (json_int_t)source.missed, "latency_p50_us",
			source_latency_us(0.5), "latency_p99_us", source_latency_us(0.99),
			"latency_p999_us", source_latency_us(0.999), "latency_max_us",
			us(source.longest_tsc), "rounds_over_50_us", (json_int_t)run.long_rounds,
			"rounds_switched", (json_int_t)run.switched, "round_max_us",
			us(run.longest_tsc)));
}

static void
one_change(FILE *out, const struct change *c, double peak)
{
	uint64_t before[VERDICT_COUNT];

	memcpy(before, fleet.w->c->verdict, sizeof(before));
	run_with(c->part * peak, false, c->tick);
	row(out, c->name);
	if (lost() > 0)
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
	peak = (double)source.left / run.took_s;
	row(out, "(peak)");
	for (size_t i = 0; i < RTE_DIM(change); i++)
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

int
main(int argc, char **argv)
{
	struct fleet_conf conf = { .suite = esp_suite_find(ENCR_AES_GCM_16, 256, 0) };

	options_read(argc, argv);
	if (crypto_selftest() != NULL || !fleet_start(opt.spokes + VISITORS, opt.hugepages, false))
		return 1;
	rows = json_array();
	rte_rcu_qsbr_thread_offline(fleet.dp->qsbr, 0);
	fleet.dp->running = true; /* what the worker may still look at is not freed */
	core_take(0);
	fleet_up(&conf, opt.spokes);
	source_open(opt.bytes);
	all_changes(opt.json ? stderr : stdout);
	source_close();
	fleet_stop();
	if (opt.json)
		json_dumpf(rows, stdout, JSON_INDENT(1));
	json_decref(rows);
	return lost_all > 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** naved: arguments, configuration, start, loop, stop. The only file that sees every module. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/epoll.h>

#include "config/config.h"
#include "control/base/helpers.h"
#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/base/service.h"
#include "control/cert_watch.h"
#include "control/crl_fetch.h"
#include "control/dpif.h"
#include "control/host_check.h"
#include "control/ike/ike.h"
#include "control/mgmt/load.h"
#include "control/mgmt/socket.h"
#include "control/nhrp/nhrp.h"
#include "control/reload.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "control/trust_watch.h"
#include "crypto/rand.h"
#include "crypto/selftest.h"
#include "dataplane/dp.h"

#define HELPER_JOBS   512 /* that wait for a thread, of each rank */
#define CRL_JOBS      128 /* of each kind */
#define ANSWER_JOBS   32  /* of clients of the management socket */
#define GRACE_POLL_MS 2   /* while memory waits for the workers' quiescence */

enum { STOP_FAILED = 1, STOP_USAGE = 2 };

struct hub {
	struct reload reload;        /* the one in force, and what a new one is applied to */
	struct reload_report report; /* of the last reload asked for by navectl */
	struct loop *loop;
	struct dpif *dpif;
	struct rib *rib;
	struct spokes *spokes;
	struct ike *ike;
	struct nhrp *nhrp;
	struct helpers *helpers, *readers, *fetchers, *writers;
	cpu_set_t cores; /* that the host lets us run on */
	struct mgmt *mgmt;
	struct trust_watch *watch;
	struct cert_watch *own;
	struct crl_fetch *fetch;
	struct load load;
	bool more; /* the workers had more to say than one round takes */
};

/* ---- configuration ------------------------------------------------------------------- */

static void
report(const char *path, const struct config_errors *e)
{
	char line[640];

	for (size_t i = 0; i < e->count; i++)
		fprintf(stderr, "%s%s\n", i < e->warnings ? "warning: " : "",
			config_error_print(path, &e->list[i], line, sizeof(line)));
	if (config_errors_rest(e, line, sizeof(line))[0] != '\0')
		fprintf(stderr, "%s: %s\n", path, line);
}

static struct config *
load(const char *path, config_host_check *host)
{
	struct config_errors errors = { 0 };
	struct config *c = NULL;
	int err = config_load(path, host, &c, &errors);

	report(path, &errors);
	if (err != 0 && errors.count == 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	config_errors_free(&errors);
	return err == 0 ? c : NULL;
}

/* ---- the management's view -------------------------------------------------------------- */

static const struct config *
view_config(void *user)
{
	return ((struct hub *)user)->reload.config;
}

static const char *
view_path(void *user)
{
	return ((struct hub *)user)->reload.path;
}

static const char *
view_cloud_name(void *user, uint16_t id)
{
	return dpif_cloud_name(((struct hub *)user)->dpif, id);
}

static const char *
view_port_name(void *user, uint16_t id)
{
	return dpif_port_name(((struct hub *)user)->dpif, id);
}

static void
reload_now(struct hub *h, bool dry, uint64_t now_ms, struct reload_report *report)
{
	if (dry) {
		reload_run(&h->reload, true, now_ms, report);
		return;
	}
	service_reloading();
	reload_run(&h->reload, false, now_ms, report);
	if (report->applied)
		service_ready("configuration reloaded");
	else
		service_ready("reload refused, nothing changed: %s", report->refused);
	if (trust_watch_set(h->watch, h->reload.config, now_ms) != 0)
		log_error("no memory: CRLs are not read again before the next reload");
	if (cert_watch_set(h->own, h->reload.config, now_ms, (int64_t)time(NULL)) != 0)
		log_error("no memory: certificates are watched as before the reload");
	if (crl_fetch_set(h->fetch, h->reload.config, now_ms) != 0)
		log_error("no memory: CRLs are fetched as before the reload");
}

static const struct reload_report *
view_reload(void *user, bool dry, uint64_t now_ms)
{
	struct hub *h = user;

	reload_report_free(&h->report);
	reload_now(h, dry, now_ms, &h->report);
	return &h->report;
}

static const char *
view_context_name(void *user, uint16_t ctx)
{
	return dpif_context_name(((struct hub *)user)->dpif, ctx);
}

static bool
view_trust(void *user, size_t index, struct trust_info *out)
{
	return trust_watch_get(((struct hub *)user)->watch, index, out);
}

static bool
view_crl_url(void *user, size_t index, struct crl_fetch_info *out)
{
	return crl_fetch_get(((struct hub *)user)->fetch, index, out);
}

static struct mgmt_view
view_of(struct hub *h)
{
	return (struct mgmt_view){
		.dp = dpif_dp(h->dpif),
		.ike = h->ike,
		.nhrp = h->nhrp,
		.rib = h->rib,
		.spokes = h->spokes,
		.helpers = h->helpers,
		.load = &h->load,
		.config = view_config,
		.config_path = view_path,
		.cloud_name = view_cloud_name,
		.port_name = view_port_name,
		.reload = view_reload,
		.context_name = view_context_name,
		.trust = view_trust,
		.crl_url = view_crl_url,
		.user = h,
		.started_ms = clock_ms(),
	};
}

/* ---- loop ---------------------------------------------------------------------------------- */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
idle_next_ms(void *user)
{
	struct hub *h = user;
	uint64_t next = earlier(ike_next_ms(h->ike), nhrp_next_ms(h->nhrp));

	next = earlier(next, spokes_next_ms(h->spokes));
	next = earlier(next, trust_watch_next_ms(h->watch));
	next = earlier(next, cert_watch_next_ms(h->own));
	next = earlier(next, crl_fetch_next_ms(h->fetch));
	next = earlier(next, mgmt_next_ms(h->mgmt));
	next = earlier(next, dpif_next_ms(h->dpif));
	if (dp_waiting(dpif_dp(h->dpif)))
		next = earlier(next, clock_ms() + GRACE_POLL_MS);
	return h->more ? 0 : next;
}

static void
idle_run(void *user, uint64_t now_ms)
{
	struct hub *h = user;

	h->more = !dpif_poll(h->dpif, now_ms);
	spokes_tick(h->spokes, now_ms);
	ike_tick(h->ike, now_ms);
	nhrp_tick(h->nhrp, now_ms);
	trust_watch_tick(h->watch, now_ms);
	cert_watch_tick(h->own, now_ms, (int64_t)time(NULL));
	crl_fetch_tick(h->fetch, now_ms, (int64_t)time(NULL));
	mgmt_tick(h->mgmt, now_ms);
	load_tick(&h->load, dpif_dp(h->dpif), now_ms);
}

static bool
idle_sleep(void *user)
{
	return dp_sleep(dpif_dp(((struct hub *)user)->dpif));
}

static void
event_ready(void *user, uint32_t events, uint64_t now_ms)
{
	(void)user; /* the doorbell: idle_run() does the work */
	(void)events;
	(void)now_ms;
}

static void
on_signal(void *user, int sig, uint64_t now_ms)
{
	struct hub *h = user;

	if (sig == SIGHUP) {
		struct reload_report report;

		reload_now(h, false, now_ms, &report);
		reload_report_free(&report);
		return;
	}
	log_notice("%s: telling the spokes, then stopping", strsignal(sig));
	service_stopping("telling the spokes");
	ike_shutdown(h->ike, now_ms);
	loop_stop(h->loop);
}

/* ---- start and stop -------------------------------------------------------------------------- */

/* ---- helpers: public-key work of IKE ------------------------------------------------------- */

static void
helper_run(void *job)
{
	ike_job_run(job);
}

static void
helper_done(void *user, void *job, uint64_t now_ms)
{
	ike_job_done(((struct hub *)user)->ike, job, now_ms);
}

static void
reader_run(void *job)
{
	trust_watch_run(job);
}

static void
reader_done(void *user, void *job, uint64_t now_ms)
{
	(void)user;
	trust_watch_done(job, now_ms);
}

/** One thread for CRLs beside those for public-key work, on which no handshake waits. */
static int
crl_thread_start(
	struct hub *h, const char *what, const struct helpers_ops *ops, struct helpers **out)
{
	int err = helpers_new(h->loop, 1, CRL_JOBS, &h->cores, ops, out);

	if (err != 0)
		log_error("thread to %s CRLs: %s", what, strerror(-err));
	return err;
}

static void
fetcher_run(void *job)
{
	crl_fetch_run(job);
}

static void
fetcher_done(void *user, void *job, uint64_t now_ms)
{
	(void)user;
	crl_fetch_done(job, now_ms, (int64_t)time(NULL));
}

/** Reading may take long and fetching waits for others: one thread for each. */
static int
crl_threads_start(struct hub *h)
{
	struct helpers_ops read = { .run = reader_run, .done = reader_done };
	struct helpers_ops fetch = { .run = fetcher_run, .done = fetcher_done };
	int err = crl_thread_start(h, "read", &read, &h->readers);

	if (err == 0)
		err = crl_thread_start(h, "fetch", &fetch, &h->fetchers);
	if (err == 0) {
		trust_watch_helpers_set(h->watch, h->readers);
		crl_fetch_helpers_set(h->fetch, h->fetchers);
	}
	return err;
}

static void
writer_run(void *job)
{
	mgmt_run(job);
}

static void
writer_done(void *user, void *job, uint64_t now_ms)
{
	(void)user;
	mgmt_done(job, now_ms);
}

/** The socket, and a thread that writes long answers of it down: of all spokes, say. */
static int
management_start(struct hub *h, const struct config_management *c)
{
	struct helpers_ops ops = { .run = writer_run, .done = writer_done };
	struct mgmt_view view = view_of(h);
	int err = mgmt_open(h->loop, c->socket, c->group, &view, &h->mgmt);

	h->reload.mgmt = h->mgmt;
	if (err != 0) {
		log_error("management socket %s: %s", c->socket, strerror(-err));
		return err;
	}
	err = helpers_new(h->loop, 1, ANSWER_JOBS, &h->cores, &ops, &h->writers);
	if (err != 0)
		log_error("thread to write answers: %s", strerror(-err));
	mgmt_helpers_set(h->mgmt, h->writers);
	return err;
}

static int
helpers_start(struct hub *h)
{
	struct helpers_ops ops = { .run = helper_run, .done = helper_done, .user = h };
	unsigned threads = h->reload.config->system.crypto_threads;
	int err;

	if (threads == 0)
		return 0;
	err = helpers_new(h->loop, threads, HELPER_JOBS, &h->cores, &ops, &h->helpers);
	if (err == 0)
		spokes_helpers_set(h->spokes, h->helpers);
	else
		log_error("threads for public-key work: %s", strerror(-err));
	return err;
}

static uint32_t
random_u32(void)
{
	uint32_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

static int
engines_start(struct hub *h)
{
	struct dp *dp = dpif_dp(h->dpif);

	h->spokes = spokes_new(dp, h->reload.config->system.max_spokes);
	h->rib = rib_new(dp, &dpif_rib_ops, h->dpif);
	h->ike = h->spokes == NULL ? NULL : ike_new(&spoke_ike_ops, h->spokes);
	h->nhrp = h->spokes == NULL ? NULL : nhrp_new(&spoke_nhrp_ops, h->spokes);
	h->watch = h->ike == NULL ? NULL : trust_watch_new(h->ike);
	h->fetch = crl_fetch_new(random_u32);
	h->own = cert_watch_new();
	if (h->rib == NULL || h->ike == NULL || h->nhrp == NULL || h->watch == NULL ||
		h->fetch == NULL || h->own == NULL)
		return -ENOMEM;
	spokes_bind(h->spokes, h->ike, h->nhrp, h->rib);
	h->reload.to = (struct apply){
		.dpif = h->dpif, .ike = h->ike, .nhrp = h->nhrp, .spokes = h->spokes
	};
	return dpif_bind(h->dpif, h->rib, h->spokes);
}

static int
hub_start(struct hub *h)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	const struct config *c = h->reload.config;
	uint64_t now_ms = clock_ms();
	int err;

	h->loop = loop_new();
	if (h->loop == NULL)
		return -ENOMEM;
	err = loop_signals(h->loop, signals, 3, on_signal, h);
	if (err == 0)
		err = dpif_start(h->loop, c, &h->dpif);
	if (err == 0)
		err = engines_start(h);
	if (err == 0)
		err = helpers_start(h);
	if (err == 0)
		err = crl_threads_start(h);
	if (err == 0)
		err = apply_all(&h->reload.to, c, now_ms);
	if (err == 0)
		err = trust_watch_set(h->watch, c, now_ms);
	if (err == 0)
		err = cert_watch_set(h->own, c, now_ms, (int64_t)time(NULL));
	if (err == 0)
		err = crl_fetch_set(h->fetch, c, now_ms);
	if (err == 0)
		err = loop_fd_add(h->loop, dp_event_fd(dpif_dp(h->dpif)), EPOLLIN, event_ready, h);
	return err == 0 ? management_start(h, &c->management) : err;
}

static void
hub_stop(struct hub *h)
{
	helpers_free(h->writers);
	mgmt_close(h->mgmt);
	if (h->fetch != NULL)
		crl_fetch_stop(h->fetch);
	helpers_free(h->readers);
	helpers_free(h->helpers); /* what it hands back still meets the engines */
	nhrp_free(h->nhrp);
	spokes_free(h->spokes);
	trust_watch_free(h->watch);
	cert_watch_free(h->own);
	ike_free(h->ike);
	dpif_stop(h->dpif);
	rib_free(h->rib);
	helpers_free(h->fetchers); /* last: it may be waiting for a name server */
	crl_fetch_free(h->fetch);
	loop_free(h->loop);
	reload_report_free(&h->report);
	config_free(h->reload.config);
}

static int
run(struct hub *h)
{
	struct loop_idle idle = {
		.next_ms = idle_next_ms, .run = idle_run, .sleep = idle_sleep, .user = h
	};
	sched_getaffinity(0, sizeof(h->cores), &h->cores); /* before EAL takes one of them */
	int err = hub_start(h);

	if (err != 0) {
		log_error("naved does not start: %s", strerror(-err));
		hub_stop(h);
		return STOP_FAILED;
	}
	log_notice("naved %s: %u cloud%s, waiting for spokes", NAVE_VERSION,
		h->reload.config->clouds_count, h->reload.config->clouds_count == 1 ? "" : "s");
	service_ready("waiting for spokes");
	loop_idle_set(h->loop, &idle);
	loop_run(h->loop);
	hub_stop(h);
	return 0;
}

static void
usage(FILE *to)
{
	fputs("usage: naved -c FILE         run the hub\n"
	      "       naved --check FILE    check a configuration: exit 0 when it is good, 1 when "
	      "not\n"
	      "       naved --version\n",
		to);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct hub hub; /* too large for a stack */
	bool check = false;
	const char *failed;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'k':
			check = true;
			/* fall through */
		case 'c':
			hub.reload.path = optarg;
			break;
		case 'v':
			puts("naved " NAVE_VERSION);
			return 0;
		default:
			usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : STOP_USAGE;
		}
	}
	if (hub.reload.path == NULL || optind < argc) {
		usage(stderr);
		return STOP_USAGE;
	}
	hub.reload.config = load(hub.reload.path, check ? host_check_look : host_check_start);
	if (hub.reload.config == NULL)
		return STOP_FAILED;
	if (check) {
		config_free(hub.reload.config);
		return 0;
	}
	log_level_set(hub.reload.config->management.log_level);
	failed = crypto_selftest();
	if (failed != NULL) {
		log_error(
			"self-test of %s failed: this build or machine cannot be trusted", failed);
		return STOP_FAILED;
	}
	return run(&hub);
}

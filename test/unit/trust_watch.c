/* SPDX-License-Identifier: BSD-3-Clause */
/* CRL files that change under a running hub. */
#include "control/trust_watch.h"

#include <unistd.h>

#include "config/pki.h"
#include "control/base/helpers.h"
#include "control/base/loop.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

static struct net n; /* large: not on the stack */
static char crl[64];

/** The CRL file becomes that vector, or rubbish for NULL. */
static void
crl_write(const char *name)
{
	char path[64];
	size_t bytes = 7;
	uint8_t *data = NULL;
	FILE *f = fopen(crl, "wb");

	if (name != NULL) {
		snprintf(path, sizeof(path), "cert/%s.crl", name);
		data = vector_read(path, &bytes);
	}
	CHECK_EQ(fwrite(name != NULL ? data : (const uint8_t *)"rubbish", 1, bytes, f), bytes);
	fclose(f);
	free(data);
}

static struct config_ike_profile profile;
static struct config c = { .ike = &profile, .ike_count = 1 };

/** A hub with a CRL in a file that does not name the spoke, which is up. */
static struct trust_watch *
watch_begin(void)
{
	struct pki_problem bad;

	strcpy(crl, "/tmp/nave-crl-XXXXXX");
	close(mkstemp(crl));
	crl_write("sub"); /* does not name the spoke */
	net_begin(&n);
	struct config_pki *pki = n.hub.profile.pki = net_pki("hub");

	n.spoke.profile.pki = net_pki("sha1");
	pki->sha1 = true;
	pki->crl_rule = CERT_CRL_FAIL_OPEN;
	snprintf(pki->trust_files[0], CONFIG_TEXT_BYTES, "%s/cert/root.pem", TEST_VECTORS);
	snprintf(pki->crl_files[0], CONFIG_TEXT_BYTES, "%s", crl);
	pki->trust_files_count = pki->crl_files_count = 1;
	cert_trust_put(pki->trust);
	CHECK_EQ(pki_trust_read(pki, &pki->trust, &bad), 0);
	profile = n.hub.profile;
	net_start(&n);
	struct trust_watch *w = trust_watch_new(n.hub.ike);

	CHECK(trust_watch_next_ms(w) == UINT64_MAX);
	CHECK_EQ(trust_watch_set(w, &c, n.now_ms), 0);
	net_initiate(&n, true);
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 1);
	CHECK(trust_watch_next_ms(w) <= n.now_ms);
	trust_watch_tick(w, n.now_ms);
	CHECK_EQ(n.hub.downs, 0);
	CHECK(trust_watch_next_ms(w) > n.now_ms);

	return w;
}

static void
watch_end(struct trust_watch *w)
{
	trust_watch_free(w);
	net_end(&n);
	unlink(crl);
}

static void
crl_read_again(void)
{
	struct trust_watch *w = watch_begin();

	crl_write("root"); /* does, but it is not yet time to look */
	trust_watch_tick(w, n.now_ms);
	CHECK_EQ(n.hub.downs, 0);
	crl_write(NULL);
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms); /* rubbish changes nothing */
	CHECK_EQ(n.hub.downs, 0);
	crl_write("root");
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms);
	net_run(&n, 1000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);

	net_initiate(&n, true); /* and it does not come in again */
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_EQ(n.hub.events[IKE_REASON_CERT_REVOKED], 2);
	watch_end(w);
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

static struct helpers *
reader_new(struct loop *l, struct trust_watch *w)
{
	struct helpers_ops ops = { .run = reader_run, .done = reader_done };
	struct helpers *h;

	CHECK_EQ(helpers_new(l, 1, 4, NULL, &ops, &h), 0);
	trust_watch_helpers_set(w, h);
	return h;
}

struct waiting {
	struct loop *loop;
	struct helpers *helpers;
	uint64_t jobs;
};

static uint64_t
soon(void *user)
{
	(void)user;
	return clock_ms() + 1;
}

static void
stop_when_done(void *user, uint64_t now_ms)
{
	const struct waiting *w = user;
	struct helpers_stats s;

	(void)now_ms;
	helpers_stats_get(w->helpers, &s);
	if (s.done >= w->jobs)
		loop_stop(w->loop);
}

/** Until so many jobs came back. */
static void
handed_back(struct loop *l, struct helpers *h, uint64_t jobs)
{
	struct waiting w = { .loop = l, .helpers = h, .jobs = jobs };
	struct loop_idle idle = { .next_ms = soon, .run = stop_when_done, .user = &w };

	loop_idle_set(l, &idle);
	loop_run(l);
}

/** With a thread to read, the tick only asks; what was read counts when it is handed back. */
static void
read_by_a_thread(void)
{
	struct trust_watch *w = watch_begin();
	struct loop *l = loop_new();
	struct helpers *h = reader_new(l, w);

	crl_write("root");
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms);
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms); /* not twice */
	CHECK_EQ(n.hub.downs, 0);
	handed_back(l, h, 1);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);

	crl_write("sub"); /* back again: the thread lets go of the trust before, too */
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms);
	handed_back(l, h, 3);
	helpers_free(h);
	trust_watch_helpers_set(w, NULL);
	net_initiate(&n, true);
	net_run(&n, 10000);
	CHECK_EQ(n.hub.ups, 2);
	loop_free(l);
	watch_end(w);
}

/** Another configuration while files are being read: what comes back is of no use. */
static void
reload_meanwhile(void)
{
	struct trust_watch *w = watch_begin();
	struct config_ike_profile without = profile; /* CRLs */
	struct config other = { .ike = &without, .ike_count = 1 };
	struct loop *l = loop_new();
	struct helpers *h = reader_new(l, w);

	without.pki = net_pki("hub");
	crl_write("root");
	net_run(&n, 10000);
	trust_watch_tick(w, n.now_ms);
	CHECK_EQ(trust_watch_set(w, &other, n.now_ms), 0);
	helpers_free(h);
	trust_watch_helpers_set(w, NULL);
	CHECK_EQ(n.hub.downs, 0);
	config_pki_put(without.pki);
	loop_free(l);
	watch_end(w);
}

int
main(void)
{
	TEST(crl_read_again);
	TEST(read_by_a_thread);
	TEST(reload_meanwhile);
	return check_done();
}

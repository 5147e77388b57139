/* SPDX-License-Identifier: BSD-3-Clause */
/* What the log says of certificates of ours that come to their end. */
#include "control/cert_watch.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config/pki.h"
#include "test/lib/check.h"
#include "test/lib/vector_file.h"

#define DAY_S 86400
#define END_S 1609459200 /* 2021-01-01 00:00:00 UTC, when "expired" and "third-sub" do */

static struct config_ike_profile profile[2] = { { .name = "branches" }, { .name = "psk" } };
static struct config config = { .ike = profile, .ike_count = 2 };
static struct cert_watch *w;
static uint64_t now_ms;

/** What was said at that time, in a static buffer. */
static const char *
at(int64_t wall_s)
{
	static char said[4096];
	int before = dup(2), to = memfd_create("said", 0);
	ssize_t n;

	fflush(stderr);
	dup2(to, 2);
	now_ms = cert_watch_next_ms(w);
	cert_watch_tick(w, now_ms, wall_s);
	fflush(stderr);
	dup2(before, 2);
	close(before);
	n = pread(to, said, sizeof(said) - 1, 0);
	close(to);
	said[n < 0 ? 0 : n] = '\0';
	return said;
}

static void
begin(const char *own, const char *issuer, int64_t wall_s)
{
	struct config_pki *p = config_pki_new();

	p->own[p->own_count++] = vector_cert(own);
	p->own[p->own_count++] = vector_cert(issuer);
	strcpy(p->own_file, "/etc/nave/hub.pem");
	config_pki_put(profile[0].pki);
	profile[0].pki = p;
	if (w == NULL)
		w = cert_watch_new();
	CHECK_EQ(cert_watch_set(w, &config, now_ms, wall_s), 0);
}

static void
end(void)
{
	cert_watch_free(w);
	w = NULL;
	config_pki_put(profile[0].pki);
	profile[0].pki = NULL;
}

/** 30, 7 and 1 days before, and when it is over; each once, whatever of the chain it is. */
static void
said_in_time(void)
{
	static const char *const chain[][2] = { { "expired", "sub" }, { "hub", "third-sub" } };

	for (int i = 0; i < 2; i++) {
		begin(chain[i][0], chain[i][1], END_S - 100 * DAY_S);
		CHECK_STR(at(END_S - 31 * DAY_S), "");
		CHECK(strstr(at(END_S - 30 * DAY_S), "expires 2021-01-01 00:00:00 UTC, in 720 h") !=
			NULL);
		CHECK_STR(at(END_S - 8 * DAY_S), "");
		CHECK(strstr(at(END_S - 6 * DAY_S), "ike profile branches: the certificate of ") !=
			NULL);
		CHECK_STR(at(END_S - 2 * DAY_S), "");
		CHECK(strstr(at(END_S - DAY_S / 2), "in 12 hours") != NULL);
		CHECK(strstr(at(END_S), "in /etc/nave/hub.pem expired 2021-") != NULL);
		CHECK_STR(at(END_S + DAY_S), "");
		CHECK_STR(at(END_S - 40 * DAY_S), ""); /* somebody sets the clock */
		CHECK(strstr(at(END_S + 1), "expired") != NULL);
		end();
	}
}

/** What the configuration was read with is said there; a renewed one is another matter. */
static void
said_once(void)
{
	begin("expired", "sub", END_S - 3 * DAY_S);
	CHECK_STR(at(END_S - 2 * DAY_S), "");
	begin("hub", "sub", END_S - 2 * DAY_S);
	CHECK_STR(at(END_S + 1), "");
	config.ike_count = 0;
	CHECK_EQ(cert_watch_set(w, &config, now_ms, END_S), 0);
	CHECK(cert_watch_next_ms(w) == UINT64_MAX);
	config.ike_count = 2;
	end();
}

int
main(void)
{
	TEST(said_in_time);
	TEST(said_once);
	return check_done();
}

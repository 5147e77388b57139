/* SPDX-License-Identifier: BSD-3-Clause */
/* CRLs by HTTP, from a server in this process that says what the test wants it to. */
#include "control/crl_fetch.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/pki.h"
#include "control/base/helpers.h"
#include "control/base/loop.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

/* ---- server --------------------------------------------------------------------------------- */

static struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	uint8_t answer[16384];
	size_t bytes;
	bool silent; /* takes the request and says nothing */
	char request[1024];
	atomic_uint requests;
} server;

static void
serve_one(int fd)
{
	size_t n = 0;
	char rest;

	memset(server.request, 0, sizeof(server.request));
	while (n < sizeof(server.request) - 1 && strstr(server.request, "\r\n\r\n") == NULL) {
		ssize_t got = read(fd, server.request + n, sizeof(server.request) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	server.requests++;
	if (server.silent)
		while (read(fd, &rest, 1) > 0)
			;
	else if (write(fd, server.answer, server.bytes) < 0)
		perror("# server");
	close(fd);
}

static void *
serve(void *unused)
{
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0)
		serve_one(fd);
	return unused;
}

static void
server_start(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.fd, (struct sockaddr *)&a, n) != 0 || listen(server.fd, 4) != 0 ||
		getsockname(server.fd, (struct sockaddr *)&a, &n) != 0 ||
		pthread_create(&server.thread, NULL, serve, NULL) != 0)
		abort();
	server.port = ntohs(a.sin_port);
}

static void
server_stop(void)
{
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
}

/** From now on it says this, then body[n]. */
static void
says(const char *head, const void *body, size_t n)
{
	server.bytes = strlen(head);
	memcpy(server.answer, head, server.bytes);
	memcpy(server.answer + server.bytes, body, n);
	server.bytes += n;
}

static void
says_crl(const char *name)
{
	char path[64];
	size_t n;

	snprintf(path, sizeof(path), "cert/%s.crl", name);
	uint8_t *data = vector_read(path, &n);

	says("HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\n\r\n", data, n);
	free(data);
}

/* ---- rig --------------------------------------------------------------------------------------
 */

static struct config_ike_profile profile;
static struct config c = { .ike = &profile, .ike_count = 1 };
static struct crl_fetch *fetch;
static char dir[32], copy[CONFIG_TEXT_BYTES];
static uint64_t now_ms;

static uint32_t
no_spread(void)
{
	return 0;
}

static uint32_t
most_spread(void)
{
	return 1023;
}

/** A hub that trusts the root and has its own certificate from an intermediate. */
static void
begin(uint32_t (*random)(void))
{
	struct config_pki *pki = profile.pki = net_pki("hub");

	strcpy(dir, "/tmp/nave-fetch-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	strcpy(profile.name, "branch");
	snprintf(copy, sizeof(copy), "%s/branch.crl", dir);
	snprintf(pki->trust_files[0], CONFIG_TEXT_BYTES, "%s/cert/root.pem", TEST_VECTORS);
	pki->trust_files_count = 1;
	snprintf(pki->crl_urls[0], CONFIG_TEXT_BYTES, "http://127.0.0.1:%u/pki/a.crl?b",
		server.port);
	strcpy(pki->crl_copies[0], copy);
	pki->crl_urls_count = 1;
	now_ms = 1000;
	fetch = crl_fetch_new(random);
	CHECK(crl_fetch_next_ms(fetch) == UINT64_MAX);
	CHECK_EQ(crl_fetch_set(fetch, &c, now_ms), 0);
	CHECK_EQ(crl_fetch_next_ms(fetch), now_ms);
}

static void
end(void)
{
	crl_fetch_free(fetch);
	config_pki_put(profile.pki);
	unlink(copy);
	CHECK_EQ(rmdir(dir), 0); /* nothing else is left in there */
}

static struct crl_fetch_info
info(void)
{
	struct crl_fetch_info i = { 0 };

	CHECK(crl_fetch_get(fetch, 0, &i));
	return i;
}

/** The time has come: one request. */
static void
tick_at(int64_t wall_s)
{
	unsigned before = server.requests;

	now_ms = crl_fetch_next_ms(fetch);
	crl_fetch_tick(fetch, now_ms, wall_s);
	CHECK_EQ(server.requests, before + 1);
}

static bool
copy_is(const char *name)
{
	char path[64];
	size_t want_bytes, n = 0;
	uint8_t *data = NULL;

	if (name == NULL)
		return access(copy, F_OK) != 0;
	snprintf(path, sizeof(path), "cert/%s.crl", name);
	uint8_t *want = vector_read(path, &want_bytes);
	bool same = pki_file_read(copy, 1 << 20, &data, &n) == 0 && n == want_bytes &&
		memcmp(data, want, n) == 0;

	free(data);
	free(want);
	return same;
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void
good_crl_is_kept_and_read(void)
{
	struct cert_crl_info crl;
	struct cert_trust *t;
	struct pki_problem bad;

	begin(no_spread);
	uint64_t stamp = pki_trust_stamp(profile.pki);

	says_crl("root");
	tick_at(VECTOR_NOW_S);
	CHECK_STR(info().reason, "");
	CHECK(strncmp(server.request, "GET /pki/a.crl?b HTTP/1.0\r\nHost: 127.0.0.1:", 43) == 0);
	CHECK(copy_is("root"));
	CHECK_EQ(info().good_ms, now_ms);
	CHECK_EQ(info().due_ms, now_ms + 4 * 3600 * 1000); /* it is in force for long */

	/* It counts as a CRL file does, and is known by where it came from. */
	CHECK(pki_trust_stamp(profile.pki) != stamp);
	CHECK_EQ(pki_trust_read(profile.pki, &t, &bad), 0);
	CHECK(cert_trust_crl(t, 0, &crl) && crl.known);
	CHECK_EQ(crl.source, PKI_FILES);
	CHECK(!cert_trust_crl(t, 1, &crl));
	cert_trust_put(t);

	/* The same again is no news: the file stays. */
	stamp = pki_trust_stamp(profile.pki);
	tick_at(VECTOR_NOW_S);
	CHECK_EQ(info().failures, 0);
	CHECK(pki_trust_stamp(profile.pki) == stamp);
	end();
}

/** Also of the intermediate our own certificate came from, which is no anchor. */
static void
older_crl_does_not_come_back(void)
{
	begin(no_spread);
	says_crl("sub-old");
	tick_at(VECTOR_NOW_S);
	CHECK(copy_is("sub-old")); /* better than none, but not good */
	CHECK_STR(info().reason, "the CRL it sends ran out 2021-01-01 00:00:00 UTC");
	CHECK_EQ(info().due_ms - now_ms, 30000);
	says_crl("sub");
	tick_at(VECTOR_NOW_S);
	CHECK(copy_is("sub"));
	CHECK_STR(info().reason, "");
	says_crl("sub-old");
	tick_at(VECTOR_NOW_S);
	CHECK(copy_is("sub"));
	CHECK(strstr(info().reason, "older than that of") != NULL);
	end();
}

static void
damaged_copy_is_replaced(void)
{
	FILE *f;

	begin(no_spread);
	f = fopen(copy, "w");
	fputs("rubbish", f);
	fclose(f);
	says_crl("root");
	tick_at(VECTOR_NOW_S);
	CHECK(copy_is("root"));
	end();
}

static void
bad_answers_change_nothing(void)
{
	static const struct {
		const char *head, *crl, *reason;
	} rows[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\n", "root", "status 404" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", "root", "redirect" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "root", "encoding" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "root", "cut short" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "root", "more than" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "root", "no CRL" },
		{ "HTTP/1.1 200 OK\r\n", "root", "cut short" },
		{ "SSH-2.0-x\r\n\r\n", "root", "not HTTP" },
		{ "HTTP/1.1 200 OK\r\n\r\n", "third", "that no CA of \"trust\" has signed" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[64];
		size_t n;

		begin(no_spread);
		snprintf(path, sizeof(path), "cert/%s.crl", rows[i].crl);
		uint8_t *data = vector_read(path, &n);

		says(rows[i].head, data, n);
		tick_at(VECTOR_NOW_S);
		if (strstr(info().reason, rows[i].reason) == NULL)
			printf("# %s: %s\n", rows[i].reason, info().reason);
		CHECK(strstr(info().reason, rows[i].reason) != NULL);
		CHECK_EQ(info().failures, 1);
		CHECK_EQ(info().good_ms, 0);
		CHECK(copy_is(NULL));
		free(data);
		end();
	}
}

static void
failures_wait_longer_and_longer(void)
{
	uint64_t want_s = 30;

	begin(no_spread);
	says("HTTP/1.1 500 no\r\n\r\n", "", 0);
	for (int i = 0; i < 10; i++) {
		tick_at(VECTOR_NOW_S);
		CHECK_EQ(info().due_ms - now_ms, want_s * 1000);
		if (want_s < 3840)
			want_s *= 2;
	}
	says_crl("root");
	tick_at(VECTOR_NOW_S);
	CHECK_EQ(info().failures, 0);
	end();

	begin(most_spread);
	says("HTTP/1.1 500 no\r\n\r\n", "", 0);
	tick_at(VECTOR_NOW_S);
	CHECK(info().due_ms - now_ms > 22500 && info().due_ms - now_ms < 22600);
	end();
}

/** Half of what is left, but no less than a minute. */
static void
due_by_the_time_left(void)
{
	struct cert_crl_info crl;
	struct cert_trust *t;
	struct pki_problem bad;

	begin(no_spread);
	says_crl("root");
	tick_at(VECTOR_NOW_S);
	CHECK_EQ(pki_trust_read(profile.pki, &t, &bad), 0);
	CHECK(cert_trust_crl(t, 0, &crl));
	cert_trust_put(t);
	tick_at(crl.next_update_s - 1000);
	CHECK_EQ(info().due_ms - now_ms, 500 * 1000);
	tick_at(crl.next_update_s - 10);
	CHECK_EQ(info().due_ms - now_ms, 60 * 1000);
	end();
}

static void
no_server_and_no_folder(void)
{
	begin(no_spread);
	says_crl("root");
	snprintf(profile.pki->crl_copies[0], CONFIG_TEXT_BYTES, "%s/none/x.crl", dir);
	tick_at(VECTOR_NOW_S);
	CHECK(strstr(info().reason, "none/x.crl cannot be written: No such file") != NULL);
	CHECK(strstr(info().reason, "system.state_directory") != NULL);
	strcpy(profile.pki->crl_urls[0], "http://127.0.0.1:1/");
	crl_fetch_tick(fetch, crl_fetch_next_ms(fetch), VECTOR_NOW_S);
	CHECK_STR(info().reason, "127.0.0.1 port 1: Connection refused");
	end();
}

static void
reload_keeps_the_times(void)
{
	begin(no_spread);
	says_crl("root");
	tick_at(VECTOR_NOW_S);
	uint64_t due_ms = crl_fetch_next_ms(fetch);

	CHECK_EQ(crl_fetch_set(fetch, &c, now_ms + 5), 0);
	CHECK_EQ(crl_fetch_next_ms(fetch), due_ms);
	CHECK_EQ(info().good_ms, now_ms);

	struct config_pki *other = net_pki("hub");

	strcpy(other->crl_urls[0], profile.pki->crl_urls[0]);
	strcpy(other->crl_copies[0], "/tmp/nave-none/other.crl");
	other->crl_urls_count = 1;
	config_pki_put(profile.pki);
	profile.pki = other;
	CHECK_EQ(crl_fetch_set(fetch, &c, now_ms + 5), 0);
	CHECK_EQ(crl_fetch_next_ms(fetch), now_ms + 5); /* another one: at once */
	end();
}

/* ---- on a thread ------------------------------------------------------------------------------
 */

static void
fetcher_run(void *job)
{
	crl_fetch_run(job);
}

static void
fetcher_done(void *user, void *job, uint64_t at_ms)
{
	(void)user;
	crl_fetch_done(job, at_ms, VECTOR_NOW_S);
}

/** A server that says nothing holds up neither the control core nor the end. */
static void
silent_server_holds_up_nobody(void)
{
	struct helpers_ops ops = { .run = fetcher_run, .done = fetcher_done };
	struct loop *loop = loop_new();
	struct helpers *h;
	uint64_t from = clock_ms();

	begin(no_spread);
	CHECK_EQ(helpers_new(loop, 1, 4, NULL, &ops, &h), 0);
	crl_fetch_helpers_set(fetch, h);
	server.silent = true;
	unsigned before = server.requests;

	crl_fetch_tick(fetch, now_ms, VECTOR_NOW_S);
	CHECK(info().busy);
	CHECK(crl_fetch_next_ms(fetch) == UINT64_MAX); /* not again meanwhile */
	while (server.requests == before && clock_ms() - from < 5000)
		usleep(1000);
	crl_fetch_stop(fetch);
	helpers_free(h);
	CHECK(clock_ms() - from < 5000);
	CHECK(!info().busy);
	CHECK_STR(info().reason, "given up, naved ends");
	server.silent = false;
	loop_free(loop);
	end();
}

int
main(void)
{
	server_start();
	TEST(good_crl_is_kept_and_read);
	TEST(older_crl_does_not_come_back);
	TEST(damaged_copy_is_replaced);
	TEST(bad_answers_change_nothing);
	TEST(failures_wait_longer_and_longer);
	TEST(due_by_the_time_left);
	TEST(no_server_and_no_folder);
	TEST(reload_keeps_the_times);
	TEST(silent_server_holds_up_nobody);
	server_stop();
	return check_done();
}

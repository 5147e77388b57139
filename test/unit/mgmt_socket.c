/* SPDX-License-Identifier: BSD-3-Clause */
/** The socket against clients of every kind; the loop runs in a thread of its own. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/base/helpers.h"
#include "control/base/loop.h"
#include "control/mgmt/socket.h"
#include "test/lib/check.h"
#include "test/lib/fake_view.h"

#define CLIENTS 16 /* at a time, as in socket.c */

static struct fake_view *f;
static struct loop *loop;
static struct mgmt *mgmt;
static atomic_uint begun;
static atomic_bool gate = true; /* answers may be written */
static char dir[] = "/tmp/nave-mgmt.XXXXXX", path[64];

static int
dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval t = { .tv_sec = 60 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/** All that comes until the daemon closes, as JSON; NULL when nothing does. */
static json_t *
reply_of(int fd)
{
	static char text[8 << 20];
	size_t have = 0;
	ssize_t n;

	while ((n = recv(fd, text + have, sizeof(text) - have, 0)) > 0)
		have += (size_t)n;
	close(fd);
	return json_loadb(text, have, 0, NULL);
}

static json_t *
ask(const void *request, size_t n)
{
	int fd = dial();

	CHECK(fd >= 0);
	send(fd, request, n, MSG_NOSIGNAL);
	return reply_of(fd);
}

static bool
well(void)
{
	static const char request[] = "{\"command\": [\"show\", \"status\"]}\n";
	json_t *reply = ask(request, strlen(request));
	bool ok = json_is_object(json_object_get(reply, "data"));

	json_decref(reply);
	return ok;
}

static void
error_is(json_t *reply, const char *want)
{
	CHECK_STR(json_string_value(json_object_get(reply, "error")), want);
	json_decref(reply);
}

static void
only_owner_and_group_may_use_it(void)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0660);
	CHECK(S_ISSOCK(st.st_mode));
}

/** Before the loop runs: opening is not for two threads. */
static void
a_live_daemon_is_not_replaced_and_a_dead_one_is(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct mgmt *second;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_EQ(mgmt_open(loop, path, "", &f->view, &second), -EADDRINUSE);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/stale.sock", dir);
	CHECK_EQ(mgmt_open(loop, sun.sun_path, "no-such-group", &f->view, &second), -ENOENT);
	CHECK_EQ(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* the file stays */
	CHECK_EQ(mgmt_open(loop, sun.sun_path, "", &f->view, &second), 0);
	mgmt_close(second);
	CHECK(access(sun.sun_path, F_OK) != 0);
}

static void
garbage_gets_an_error(void)
{
	static const char object[] = "a request is one JSON object on one line";

	error_is(ask("\n", 1), object);
	error_is(ask("hello\n", 6), object);
	error_is(ask("[1, 2]\n", 7), object);
}

static void
noise_is_survived(void)
{
	uint32_t seed = 7;

	for (int round = 0; round < 300; round++) {
		uint8_t noise[700];
		size_t n = 1 + seed % sizeof(noise);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = round % 2
				? (uint8_t)(seed >> 16)
				: (uint8_t) "{}[]\",:command show\\u0\n"[seed >> 16 & 15];
		}
		noise[n - 1] = '\n';
		json_t *reply = ask(noise, n);
		CHECK(json_is_object(reply));
		json_decref(reply);
	}
	CHECK(well());
}

static void
long_requests_are_refused(void)
{
	static char much[100000];
	int fd = dial();

	memset(much, ' ', sizeof(much));
	send(fd, much, sizeof(much), MSG_NOSIGNAL);
	json_t *reply = reply_of(fd); /* may be lost: we were still sending when it closed */
	if (reply != NULL)
		error_is(reply, "request longer than 4096 octets");
	memset(much, ' ', 4096);
	error_is(ask(much, 4096), "request longer than 4096 octets");
	CHECK(well());
}

static void
requests_may_come_in_pieces(void)
{
	static const char request[] = "{\"command\": [\"show\", \"status\"]}\n{\"command\": []}\n";
	int fd = dial();

	for (size_t i = 0; i < strlen(request); i++) {
		if (send(fd, &request[i], 1, MSG_NOSIGNAL) != 1)
			break; /* answered at the first line */
	}
	json_t *reply = reply_of(fd);
	CHECK(json_is_object(json_object_get(reply, "data")));
	json_decref(reply);
	fd = dial(); /* no newline, but an end */
	send(fd, request, strlen("{\"command\": [\"show\", \"status\"]}"), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	reply = reply_of(fd);
	CHECK(json_is_object(json_object_get(reply, "data")));
	json_decref(reply);
	close(dial()); /* one that says nothing */
	CHECK(well());
}

/** Clients that ask and never read, or never ask: a bounded number, and others wait. */
static void
silent_clients_are_bounded(void)
{
	int fds[CLIENTS + 4], refused = 0;

	for (int i = 0; i < CLIENTS + 4; i++)
		fds[i] = dial();
	for (int i = CLIENTS; i < CLIENTS + 4; i++) {
		json_t *reply = reply_of(fds[i]);
		const char *error = json_string_value(json_object_get(reply, "error"));

		refused += error != NULL &&
			strcmp(error, "too many clients at a time: try again") == 0;
		json_decref(reply);
	}
	CHECK_EQ(refused, 4);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	/* their places are free once the daemon saw it */
	int tries = 0;
	while (!well() && ++tries < 1000)
		usleep(10000);
	CHECK(tries < 1000);
}

/** Nobody waits for an answer that takes long to write, not even for one who has left. */
static void
long_answers_are_written_beside(void)
{
	static const char request[] = "{\"command\": [\"show\", \"spokes\"]}\n";
	int fds[3];

	f->more = 9997;
	atomic_store(&gate, false);
	for (int i = 0; i < 3; i++) {
		fds[i] = dial();
		send(fds[i], request, strlen(request), MSG_NOSIGNAL);
	}
	for (int tries = 0; atomic_load(&begun) == 0 && tries < 5000; tries++)
		usleep(1000);
	CHECK_EQ(atomic_load(&begun), 1); /* there is one thread */
	CHECK(well());
	close(fds[0]); /* its answer is in work, or still to be written */
	close(fds[1]);
	CHECK(well());
	for (int i = 0; i < 2; i++) { /* their places are others' by now, who have yet to ask */
		fds[i] = dial();
		usleep(20000);
	}
	atomic_store(&gate, true);
	json_t *reply = reply_of(fds[2]);

	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 10000);
	CHECK(json_array_size(json_object_get(reply, "columns")) > 10);
	CHECK(json_is_string(json_object_get(reply, "message")));
	json_decref(reply);
	CHECK_EQ(atomic_load(&begun), 3);

	/* What is collected as rows is at least written there. */
	static const char nhrp[] = "{\"command\": [\"show\", \"nhrp\"]}\n";

	reply = ask(nhrp, strlen(nhrp));
	CHECK_EQ(json_array_size(json_object_get(reply, "data")), 9998);
	json_decref(reply);
	CHECK_EQ(atomic_load(&begun), 4);
	f->more = 0;
	json_decref(ask(nhrp, strlen(nhrp)));
	CHECK_EQ(atomic_load(&begun), 4); /* one row is not worth it */
	for (int i = 0; i < 2; i++) {
		static const char status[] = "{\"command\": [\"show\", \"status\"]}\n";

		send(fds[i], status, strlen(status), MSG_NOSIGNAL);
		reply = reply_of(fds[i]);
		CHECK(json_is_object(json_object_get(reply, "data"))); /* not spokes */
		json_decref(reply);
	}
}

static void
a_client_that_leaves_early_does_no_harm(void)
{
	static const char request[] = "{\"command\": [\"metrics\"]}\n";

	for (int i = 0; i < 50; i++) {
		int fd = dial();

		send(fd, request, strlen(request), MSG_NOSIGNAL);
		close(fd);
	}
	CHECK(well());
}

/* ---- streams ---------------------------------------------------------------------------- */

/** A capture with `count` packets waiting; its answer is a line, and read. */
static int
capture(const char *request, unsigned count)
{
	static const char line[] = "{\"stream\":\"pcapng\"}\n";
	static const uint8_t data[1000];
	char text[sizeof(line) - 1];
	int fd;

	fake_capture.count = count;
	fake_capture.given = 0;
	for (int i = 0; i < FAKE_CAPTURED; i++)
		fake_capture.list[i] = (struct dp_captured){ .point = DP_POINT_RX,
			.link = DP_LINK_ETHERNET,
			.port = 1,
			.bytes = sizeof(data),
			.captured = sizeof(data),
			.data = data };
	fd = dial();
	send(fd, request, strlen(request), MSG_NOSIGNAL);
	CHECK_EQ(recv(fd, text, sizeof(text), MSG_WAITALL), sizeof(text));
	CHECK_MEM(text, line, sizeof(text));
	return fd;
}

/** Blocks of packets until the end; the last block must be the statistics. */
static unsigned
packets_of(int fd)
{
	static uint8_t block[1 << 16];
	uint32_t head[2] = { 0 };
	unsigned n = 0;

	while (recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head)) {
		CHECK(head[1] >= 12 && head[1] <= sizeof(block));
		if (recv(fd, block, head[1] - 8, MSG_WAITALL) != (ssize_t)head[1] - 8)
			break;
		n += head[0] == 6;
	}
	CHECK_EQ(head[0], 5);
	close(fd);
	return n;
}

/** Far more than the socket holds, to a client that takes its time. */
static void
a_stream_waits_for_its_reader(void)
{
	int fd = capture("{\"command\": [\"capture\", \"count\", \"5000\"]}\n", 1000000);

	usleep(100000);
	CHECK(well()); /* others are served meanwhile */
	CHECK_EQ(packets_of(fd), 5000);
	CHECK(!fake_capture.runs);
}

static void
a_client_that_has_enough_says_so(void)
{
	int fd = capture("{\"command\": [\"capture\", \"rx\"]}\n", 7);

	usleep(50000);
	shutdown(fd, SHUT_WR);
	CHECK_EQ(packets_of(fd), 7);
	CHECK(well());
	CHECK(!fake_capture.runs);
}

/** One that just goes does not keep the capture for others. */
static void
a_stream_ends_with_its_client(void)
{
	int tries = 0;

	close(capture("{\"command\": [\"capture\"]}\n", 0)); /* idle */
	while (well() && fake_capture.runs && ++tries < 1000)
		usleep(10000);
	CHECK(!fake_capture.runs);
	close(capture("{\"command\": [\"capture\"]}\n", 100000)); /* in the middle */
	while (well() && fake_capture.runs && ++tries < 1000)
		usleep(10000);
	CHECK(!fake_capture.runs);
}

static uint64_t
next_ms(void *user)
{
	(void)user;
	return mgmt_next_ms(mgmt);
}

static void
tick(void *user, uint64_t now_ms)
{
	(void)user;
	mgmt_tick(mgmt, now_ms);
}

static void
stop_ready(void *user, uint32_t events, uint64_t now_ms)
{
	(void)user;
	(void)events;
	(void)now_ms;
	loop_stop(loop);
}

static void
gated_run(void *job)
{
	atomic_fetch_add(&begun, 1);
	while (!atomic_load(&gate))
		usleep(1000);
	mgmt_run(job);
}

static void
done(void *user, void *job, uint64_t now_ms)
{
	mgmt_done(job, now_ms);
}

static void *
run(void *arg)
{
	loop_run(loop);
	return arg;
}

int
main(void)
{
	int stop = eventfd(0, EFD_NONBLOCK);
	struct helpers *helpers;
	pthread_t thread;

	f = fake_view_new();
	loop = loop_new();
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/naved.sock", dir);
	if (mgmt_open(loop, path, "", &f->view, &mgmt) != 0 ||
		loop_fd_add(loop, stop, EPOLLIN, stop_ready, NULL) != 0)
		return 1;
	TEST(a_live_daemon_is_not_replaced_and_a_dead_one_is);
	if (helpers_new(loop, 1, CLIENTS, NULL,
		    &(struct helpers_ops){ .run = gated_run, .done = done }, &helpers) != 0)
		return 1;
	mgmt_helpers_set(mgmt, helpers);
	loop_idle_set(loop, &(struct loop_idle){ .next_ms = next_ms, .run = tick });
	pthread_create(&thread, NULL, run, NULL);
	TEST(only_owner_and_group_may_use_it);
	TEST(garbage_gets_an_error);
	TEST(noise_is_survived);
	TEST(long_requests_are_refused);
	TEST(requests_may_come_in_pieces);
	TEST(silent_clients_are_bounded);
	TEST(a_client_that_leaves_early_does_no_harm);
	TEST(long_answers_are_written_beside);
	TEST(a_stream_waits_for_its_reader);
	TEST(a_client_that_has_enough_says_so);
	TEST(a_stream_ends_with_its_client);
	if (write(stop, &(uint64_t){ 1 }, 8) != 8)
		return 1;
	pthread_join(thread, NULL);
	helpers_free(helpers);
	mgmt_close(mgmt);
	loop_free(loop);
	fake_view_free(f);
	rmdir(dir);
	return check_done();
}

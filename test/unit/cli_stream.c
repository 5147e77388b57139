/* SPDX-License-Identifier: BSD-3-Clause */
/** What navectl writes of a stream: whole blocks only, counted; and that a signal ends it well. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/cli/stream.h"
#include "test/lib/check.h"

static int daemon_fd, client_fd, out[2];
static uint8_t sent[1 << 15], got[1 << 16];
static size_t sent_bytes;

static void
begin(void)
{
	int fds[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_EQ(pipe(out), 0);
	daemon_fd = fds[0];
	client_fd = fds[1];
	sent_bytes = 0;
}

/** A block of this type, body of n octets. */
static void
block(uint32_t type, uint32_t n, const void *body)
{
	uint32_t bytes = n + 12;

	memcpy(sent + sent_bytes, &type, 4);
	memcpy(sent + sent_bytes + 4, &bytes, 4);
	memcpy(sent + sent_bytes + 8, body, n);
	memcpy(sent + sent_bytes + 8 + n, &bytes, 4);
	sent_bytes += bytes;
}

/** Statistics of interface 0 with isb_ifrecv 9 and isb_ifdrop 5. */
static void
statistics(void)
{
	static const uint8_t body[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 'h', 'i', 0,
		0, 4, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0 };

	block(5, sizeof(body), body);
}

static size_t
end(void)
{
	ssize_t n;

	close(out[1]);
	n = read(out[0], got, sizeof(got));
	close(out[0]);
	close(client_fd);
	close(daemon_fd);
	return n < 0 ? 0 : (size_t)n;
}

static void
blocks_are_copied_and_counted(void)
{
	static const uint8_t body[1000] = { 1, 2, 3 };
	struct stream_totals t;

	begin();
	block(0x0a0d0d0a, 16, body);
	for (int i = 0; i < 20; i++)
		block(6, 1000, body);
	statistics();
	CHECK_EQ(send(daemon_fd, sent, sent_bytes, 0), sent_bytes);
	shutdown(daemon_fd, SHUT_WR);
	CHECK_EQ(stream_copy(client_fd, out[1], &t), 0);
	CHECK_EQ(t.packets, 20);
	CHECK_EQ(t.lost, 5);
	CHECK_EQ(end(), sent_bytes);
	CHECK_MEM(got, sent, sent_bytes);
}

/** The daemon died in the middle: the file still ends with a block. */
static void
half_a_block_is_not_written(void)
{
	struct stream_totals t;
	static const uint8_t body[100] = { 7 };
	size_t first;

	for (size_t cut = 1; cut < 112; cut += 5) {
		begin();
		block(6, 100, body);
		first = sent_bytes;
		block(6, 100, body);
		CHECK_EQ(send(daemon_fd, sent, sent_bytes - cut, 0), sent_bytes - cut);
		shutdown(daemon_fd, SHUT_WR);
		CHECK_EQ(stream_copy(client_fd, out[1], &t), 0);
		CHECK_EQ(t.packets, 1);
		CHECK_EQ(end(), first);
	}
}

static void
what_are_no_blocks_is_refused(void)
{
	static const uint32_t lengths[] = { 0, 8, 13, 1 << 20 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint32_t head[4] = { 6, lengths[i] };
		struct stream_totals t;

		begin();
		CHECK_EQ(send(daemon_fd, head, sizeof(head), 0), sizeof(head));
		shutdown(daemon_fd, SHUT_WR);
		CHECK_EQ(stream_copy(client_fd, out[1], &t), -EBADMSG);
		CHECK_EQ(end(), 0);
	}
}

static pthread_t client;

/** A daemon: one packet, and when the client has enough, the statistics. */
static void *
serve(void *arg)
{
	char word;

	CHECK_EQ(send(daemon_fd, sent, sent_bytes, 0), sent_bytes);
	while (read(out[0], got, 112) != 112) /* the client is at work */
		;
	pthread_kill(client, SIGINT);
	CHECK_EQ(recv(daemon_fd, &word, 1, 0), 0);
	sent_bytes = 0;
	statistics();
	CHECK_EQ(send(daemon_fd, sent, sent_bytes, 0), sent_bytes);
	shutdown(daemon_fd, SHUT_WR);
	return arg;
}

static void
a_signal_ends_it_in_order(void)
{
	static const uint8_t body[100] = { 7 };
	struct stream_totals t;
	pthread_t daemon;

	begin();
	block(6, 100, body);
	client = pthread_self();
	pthread_create(&daemon, NULL, serve, NULL);
	CHECK_EQ(stream_copy(client_fd, out[1], &t), 0);
	pthread_join(daemon, NULL);
	CHECK_EQ(t.packets, 1);
	CHECK_EQ(t.lost, 5);
	CHECK_EQ(end(), sent_bytes);
}

static void
a_reader_that_leaves_is_told(void)
{
	static const uint8_t body[100] = { 7 };
	struct stream_totals t;

	begin();
	block(6, 100, body);
	CHECK_EQ(send(daemon_fd, sent, sent_bytes, 0), sent_bytes);
	close(out[0]);
	CHECK_EQ(stream_copy(client_fd, out[1], &t), -EPIPE);
	out[0] = dup(daemon_fd);
	shutdown(daemon_fd, SHUT_RDWR);
	end();
}

int
main(void)
{
	TEST(blocks_are_copied_and_counted);
	TEST(half_a_block_is_not_written);
	TEST(what_are_no_blocks_is_refused);
	TEST(a_signal_ends_it_in_order);
	TEST(a_reader_that_leaves_is_told);
	return check_done();
}

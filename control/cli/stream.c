/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/stream.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (256u << 10) /* several of the largest blocks */

/* pcapng: type, length of the block, body, length again */
#define BLOCK_HEAD  8
#define BLOCK_MIN   12
#define STATISTICS  5
#define PACKET      6
#define ISB_OPTIONS 20 /* behind interface and time */
#define ISB_IFDROP  5
#define BLOCK_MAX   (128u << 10)

static int asked; /* the descriptor a signal shuts down */

static void
on_signal(int sig)
{
	(void)sig;
	shutdown(asked, SHUT_WR);
}

static uint32_t
u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/** The drops an interface statistics block tells of. */
static uint64_t
dropped(const uint8_t *block, uint32_t bytes)
{
	uint32_t at = ISB_OPTIONS;
	uint64_t n = 0;

	while (at + 4 <= bytes - 4) {
		uint16_t code = (uint16_t)(u32(block + at) & 0xffff);
		uint32_t len = u32(block + at) >> 16;

		if (code == ISB_IFDROP && len == sizeof(n) && at + 4 + len <= bytes - 4)
			memcpy(&n, block + at + 4, sizeof(n));
		at += 4 + ((len + 3) & ~3u);
	}
	return n;
}

/** How many octets of whole blocks the buffer begins with, -EBADMSG: none can be. */
static long
whole(const uint8_t *buf, size_t have, struct stream_totals *t)
{
	size_t at = 0;

	while (have - at >= BLOCK_HEAD) {
		uint32_t type = u32(buf + at), bytes = u32(buf + at + 4);

		if (bytes < BLOCK_MIN || bytes > BLOCK_MAX || bytes % 4 != 0)
			return -EBADMSG;
		if (have - at < bytes)
			break;
		t->packets += type == PACKET;
		if (type == STATISTICS)
			t->lost += dropped(buf + at, bytes);
		at += bytes;
	}
	return (long)at;
}

static int
write_all(int to, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t put = write(to, data, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		n -= (size_t)put;
	}
	return 0;
}

int
stream_copy(int from, int to, struct stream_totals *out)
{
	struct sigaction ask = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	static uint8_t buf[ROOM];
	size_t have = 0;
	int err = 0;

	*out = (struct stream_totals){ 0 };
	asked = from;
	sigaction(SIGINT, &ask, NULL);
	sigaction(SIGTERM, &ask, NULL);
	signal(SIGPIPE, SIG_IGN);
	while (err == 0) {
		ssize_t n = recv(from, buf + have, sizeof(buf) - have, 0);
		long ready;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		ready = whole(buf, have, out);
		if (ready < 0)
			return (int)ready;
		err = write_all(to, buf, (size_t)ready);
		have -= (size_t)ready;
		memmove(buf, buf + ready, have);
	}
	return err;
}

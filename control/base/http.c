/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/base/http.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/url.h"
#include "control/base/loop.h"

#define SLICE_MS   200 /* until stop is looked at again */
#define FIRST_ROOM 65536u

/* ---- head --------------------------------------------------------------------------------- */

/** Octets of the head with its empty line, 0 = it has not ended. */
static size_t
head_bytes(const char *data, size_t n)
{
	const char *end = memmem(data, n, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end - data) + 4;
}

/** "Name: value" of one line? Then the value, without blanks around, of *n octets. */
static const char *
field_value(const char *line, size_t bytes, const char *name, size_t *n)
{
	size_t at = strlen(name);

	if (bytes <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return NULL;
	for (at++; at < bytes && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (bytes > at && (line[bytes - 1] == ' ' || line[bytes - 1] == '\t'))
		bytes--;
	*n = bytes - at;
	return line + at;
}

/** A number of digits alone; -1 for anything else. */
static int64_t
number(const char *text, size_t n)
{
	int64_t v = 0;

	if (n == 0 || n > 15)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		v = v * 10 + (text[i] - '0');
	}
	return v;
}

static int
field_take(struct http_head *h, const char *line, size_t bytes)
{
	size_t n;
	const char *value = field_value(line, bytes, "Content-Length", &n);

	if (value != NULL) {
		int64_t length = number(value, n);

		if (length < 0 || (h->length >= 0 && h->length != length))
			return -EBADMSG;
		h->length = length;
	}
	h->coded |= field_value(line, bytes, "Transfer-Encoding", &n) != NULL ||
		field_value(line, bytes, "Content-Encoding", &n) != NULL;
	return 0;
}

/** "HTTP/1.x NNN ...". */
static bool
status_line(const char *line, size_t bytes, struct http_head *h)
{
	int64_t status = bytes >= 12 ? number(line + 9, 3) : -1;

	if (status < 100 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
		(bytes > 12 && line[12] != ' '))
		return false;
	h->status = (unsigned)status;
	return true;
}

int
http_head_read(const void *data, size_t n, struct http_head *out)
{
	struct http_head h = { .length = -1 };
	const char *line = data, *end;

	h.bytes = head_bytes(data, n < HTTP_HEAD_BYTES ? n : HTTP_HEAD_BYTES);
	if (h.bytes == 0)
		return n < HTTP_HEAD_BYTES ? -EAGAIN : -EBADMSG;
	for (size_t left = h.bytes - 2; left > 0;
		left -= (size_t)(end + 2 - line), line = end + 2) {
		end = memmem(line, left, "\r\n", 2);
		size_t bytes = (size_t)(end - line);

		if (line == data ? !status_line(line, bytes, &h) : field_take(&h, line, bytes) != 0)
			return -EBADMSG;
	}
	*out = h;
	return 0;
}

/* ---- transfer ----------------------------------------------------------------------------- */

struct transfer {
	const struct url *url;
	const atomic_bool *stop;
	uint64_t end_ms;
	size_t max;
	int fd;
	uint8_t *data; /* head and body */
	size_t n, room;
	struct http_head head;
	bool has_head;
	char *why;
	size_t why_bytes;
};

static int __attribute__((format(printf, 2, 3))) failed(struct transfer *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->why, t->why_bytes, fmt, args);
	va_end(args);
	return -EIO;
}

/** Until the socket is ready for it, the time is up, or somebody wants an end. */
static int
wait_for(struct transfer *t, short events)
{
	struct pollfd p = { .fd = t->fd, .events = events };

	while (!atomic_load(t->stop)) {
		if (clock_ms() >= t->end_ms)
			return failed(t, "no whole answer within %u s", HTTP_TIME_MS / 1000);
		if (poll(&p, 1, SLICE_MS) > 0)
			return 0;
	}
	return failed(t, "given up, naved ends");
}

/** Connected, or the error of it in *err; the socket is closed then. */
static bool
try_one(struct transfer *t, const struct addrinfo *a, int *err)
{
	socklen_t n = sizeof(*err);

	t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*err = t->fd < 0 || connect(t->fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	if (t->fd < 0)
		*err = errno;
	if (*err == EINPROGRESS && wait_for(t, POLLOUT) != 0)
		*err = ETIMEDOUT;
	else if (*err == EINPROGRESS && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, err, &n) != 0)
		*err = errno;
	if (*err != 0 && t->fd >= 0) {
		close(t->fd);
		t->fd = -1;
	}
	return *err == 0;
}

static int
connect_any(struct transfer *t)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL, *a;
	int err = getaddrinfo(t->url->host, t->url->port, &want, &list), last = 0;

	if (err != 0)
		return failed(t, "%s: %s", t->url->host, gai_strerror(err));
	for (a = list; a != NULL && !try_one(t, a, &last) && !atomic_load(t->stop);)
		a = a->ai_next;
	freeaddrinfo(list);
	return t->fd >= 0 ? 0
			  : failed(t, "%s port %s: %s", t->url->host, t->url->port, strerror(last));
}

static int
ask(struct transfer *t)
{
	char text[512];
	bool v6 = strchr(t->url->host, ':') != NULL;
	int n = snprintf(text, sizeof(text),
		"GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\nUser-Agent: nave\r\n"
		"Accept: application/pkix-crl, */*\r\nConnection: close\r\n\r\n",
		t->url->path, v6 ? "[" : "", t->url->host, v6 ? "]" : "", t->url->port);

	for (int at = 0; at < n;) {
		int err = wait_for(t, POLLOUT);
		ssize_t sent;

		if (err != 0)
			return err;
		sent = send(t->fd, text + at, (size_t)(n - at), MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return failed(t, "request: %s", strerror(errno));
		at += sent > 0 ? (int)sent : 0;
	}
	return 0;
}

/** Is what came so far what is asked for? Looked at as soon as the head is there. */
static int
head_judge(struct transfer *t)
{
	int err = t->has_head ? 0 : http_head_read(t->data, t->n, &t->head);

	if (err == -EBADMSG)
		return failed(t, "the answer is not HTTP");
	t->has_head = err == 0;
	if (!t->has_head)
		return 0;
	if (t->head.status / 100 == 3)
		return failed(t,
			"it answers with a redirect (%u), which is not followed: name the "
			"address where the file is",
			t->head.status);
	if (t->head.status != 200)
		return failed(t, "it answers with status %u", t->head.status);
	if (t->head.coded)
		return failed(t, "it sends the file in an encoding nobody asked for");
	if (t->head.length > (int64_t)t->max || t->n - t->head.bytes > t->max)
		return failed(t, "the file has more than %zu octets", t->max);
	return 0;
}

static bool
is_whole(const struct transfer *t)
{
	return t->has_head && t->head.length >= 0 &&
		t->n - t->head.bytes >= (uint64_t)t->head.length;
}

static int
grow(struct transfer *t)
{
	size_t room = t->room == 0 ? FIRST_ROOM : 2 * t->room;
	uint8_t *data;

	if (t->n < t->room)
		return 0;
	data = realloc(t->data, room);
	if (data == NULL)
		return failed(t, "out of memory");
	t->data = data;
	t->room = room;
	return 0;
}

static int
receive(struct transfer *t)
{
	ssize_t got = 1;
	int err = 0;

	while (err == 0 && got != 0 && !is_whole(t)) {
		err = grow(t);
		if (err == 0)
			err = wait_for(t, POLLIN);
		if (err != 0)
			break;
		got = recv(t->fd, t->data + t->n, t->room - t->n, 0);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return failed(t, "connection: %s", strerror(errno));
		t->n += got > 0 ? (size_t)got : 0;
		err = head_judge(t);
	}
	if (err != 0)
		return err;
	if (!t->has_head || (t->head.length >= 0 && !is_whole(t)))
		return failed(t, "the answer was cut short after %zu octets", t->n);
	return 0;
}

int
http_get(const struct url *url, size_t max, const atomic_bool *stop, uint8_t **body, size_t *n,
	char *why, size_t why_bytes)
{
	struct transfer t = {
		.url = url,
		.stop = stop,
		.end_ms = clock_ms() + HTTP_TIME_MS,
		.max = max,
		.fd = -1,
		.why = why,
		.why_bytes = why_bytes,
	};
	int err = connect_any(&t);

	if (err == 0)
		err = ask(&t);
	if (err == 0)
		err = receive(&t);
	if (t.fd >= 0)
		close(t.fd);
	if (err != 0) {
		free(t.data);
		return err;
	}
	*n = t.head.length >= 0 ? (size_t)t.head.length : t.n - t.head.bytes;
	memmove(t.data, t.data + t.head.bytes, *n);
	*body = t.data;
	return 0;
}

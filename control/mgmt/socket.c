/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/base/helpers.h"
#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/mgmt/capture.h"

#define CLIENTS_MAX   16
#define REQUEST_BYTES 4096 /* said in an error text */
#define BUSY          "{\"error\": \"too many clients at a time: try again\"}"
#define CLIENT_MS     10000 /* a client that neither asks nor reads is dropped */
#define STREAM_MS     10    /* how long packets of a stream may wait */
#define ROWS_AT_ONCE  256   /* of a table: more are written down by a helper */

/** An answer that a helper writes down. */
struct mgmt_job {
	struct client *client; /* control core only; NULL: it is gone */
	struct mgmt_answer answer;
	char *text;
};

struct client {
	struct mgmt *m;
	struct mgmt_job *job; /* its answer is being written */
	int fd;               /* -1: free */
	uint64_t since_ms;
	char request[REQUEST_BYTES];
	size_t have;
	char *reply; /* being sent, or NULL */
	size_t reply_bytes, sent;
	struct capture_stream *stream; /* behind the reply, or NULL */
	bool ended;                    /* the client will not say more */
};

struct mgmt {
	struct loop *loop;
	struct helpers *helpers; /* or NULL */
	struct mgmt_view view;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client clients[CLIENTS_MAX];
};

static void
client_close(struct client *c)
{
	loop_fd_del(c->m->loop, c->fd);
	close(c->fd);
	free(c->reply);
	if (c->job != NULL)
		c->job->client = NULL;
	c->job = NULL;
	capture_close(c->stream);
	c->reply = NULL;
	c->stream = NULL;
	c->fd = -1;
}

/** What a stream has by now, in place of what was sent. False: nothing. */
static bool
stream_more(struct client *c, uint64_t now_ms)
{
	c->reply_bytes = capture_read(c->stream, (uint8_t *)c->reply, CAPTURE_ROOM, now_ms);
	c->sent = 0;
	return c->reply_bytes > 0;
}

static void
client_write(struct client *c, uint64_t now_ms)
{
	do {
		while (c->sent < c->reply_bytes) {
			ssize_t n = send(
				c->fd, c->reply + c->sent, c->reply_bytes - c->sent, MSG_NOSIGNAL);

			if (n < 0 && errno == EAGAIN) {
				loop_fd_mod(c->m->loop, c->fd, EPOLLOUT);
				return;
			}
			if (n <= 0) {
				client_close(c);
				return;
			}
			c->sent += (size_t)n;
		}
	} while (c->stream != NULL && stream_more(c, now_ms));
	if (c->stream == NULL || capture_over(c->stream))
		client_close(c);
	else /* nothing more waits; a word of the client, if it may still say one */
		loop_fd_mod(c->m->loop, c->fd, c->ended ? 0 : EPOLLIN);
}

/** Takes what it is given; a stream's answer is a line, and its buffer serves the stream. */
static void
client_reply(struct client *c, char *text, struct capture_stream *stream, uint64_t now_ms)
{
	c->stream = stream;
	c->sent = 0;
	c->reply_bytes = text == NULL ? 0 : strlen(text);
	if (text != NULL && stream != NULL) {
		char *room = realloc(text, CAPTURE_ROOM);

		if (room == NULL)
			free(text);
		else
			room[c->reply_bytes++] = '\n';
		text = room;
	}
	c->reply = text;
	if (text == NULL)
		client_close(c);
	else
		client_write(c, now_ms);
}

/** It has enough, or is gone: what waits is still sent, if anybody reads. */
static void
stream_input(struct client *c, uint64_t now_ms)
{
	char ignored[64];
	ssize_t n = recv(c->fd, ignored, sizeof(ignored), 0);

	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	if (n < 0) {
		client_close(c);
		return;
	}
	c->ended = true;
	capture_finish(c->stream, now_ms);
	client_write(c, now_ms);
}

/** As it is sent. NULL: no memory. */
static char *
text_of(json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);

	json_decref(reply);
	return text;
}

static void
client_refuse(struct client *c, const char *why)
{
	client_reply(c, text_of(json_pack("{s:s}", "error", why)), NULL, 0);
}

void
mgmt_helpers_set(struct mgmt *m, struct helpers *h)
{
	m->helpers = h;
}

void
mgmt_run(struct mgmt_job *job)
{
	job->text = text_of(mgmt_finish(&job->answer));
}

void
mgmt_done(struct mgmt_job *job, uint64_t now_ms)
{
	struct client *c = job->client;

	if (c != NULL) {
		c->job = NULL;
		client_reply(c, job->text, job->answer.stream, now_ms);
	} else {
		free(job->text);
	}
	free(job);
}

/** To collect or only to write down: of sessions, registrations and routes there are many, too. */
static bool
takes_long(const struct mgmt_answer *a)
{
	return a->later != NULL || json_array_size(a->data) > ROWS_AT_ONCE;
}

/** True: a helper writes it down, and there is nothing to hear from the client until then. */
static bool
client_wait(struct client *c, const struct mgmt_answer *a)
{
	struct mgmt_job *job =
		takes_long(a) && c->m->helpers != NULL ? calloc(1, sizeof(*job)) : NULL;

	if (job == NULL)
		return false;
	*job = (struct mgmt_job){ .client = c, .answer = *a };
	if (helpers_submit(c->m->helpers, job, 0) != 0) {
		free(job);
		return false;
	}
	c->job = job;
	loop_fd_mod(c->m->loop, c->fd, 0);
	return true;
}

static void
client_answer(struct client *c, size_t line_bytes, uint64_t now_ms)
{
	json_error_t err;
	json_t *request = json_loadb(c->request, line_bytes, JSON_REJECT_DUPLICATES, &err);
	struct mgmt_answer a;

	if (!json_is_object(request)) {
		client_refuse(c, "a request is one JSON object on one line");
	} else {
		mgmt_begin(&c->m->view, request, now_ms, &a);
		if (!client_wait(c, &a))
			client_reply(c, text_of(mgmt_finish(&a)), a.stream, now_ms);
	}
	json_decref(request);
}

static void
client_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct client *c = user;
	char *end;
	ssize_t n;

	if (c->stream != NULL && (events & EPOLLIN) != 0) {
		stream_input(c, now_ms);
		return;
	}
	if (c->reply != NULL) {
		client_write(c, now_ms);
		return;
	}
	if (c->job != NULL) { /* nothing but its end is heard of */
		client_close(c);
		return;
	}
	n = recv(c->fd, c->request + c->have, sizeof(c->request) - c->have, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 0 && c->have > 0) { /* no more is coming: the line is what there is */
		client_answer(c, c->have, now_ms);
		return;
	}
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->have += (size_t)n;
	end = memchr(c->request, '\n', c->have);
	if (end != NULL)
		client_answer(c, (size_t)(end - c->request), now_ms);
	else if (c->have == sizeof(c->request))
		client_refuse(c, "request longer than 4096 octets");
}

/** How long a client may take: a stream as long as it was asked for. */
static bool
overdue(const struct client *c, uint64_t now_ms)
{
	uint64_t since_ms = c->stream != NULL ? capture_end_ms(c->stream) : c->since_ms;

	return now_ms > since_ms && now_ms - since_ms > CLIENT_MS;
}

/** A free place, made by dropping a client that has been idle for too long. */
static struct client *
client_slot(struct mgmt *m, uint64_t now_ms)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (m->clients[i].fd >= 0 && overdue(&m->clients[i], now_ms))
			client_close(&m->clients[i]);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (m->clients[i].fd < 0)
			return &m->clients[i];
	return NULL;
}

static void
accept_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct mgmt *m = user;
	int fd = accept4(m->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = client_slot(m, now_ms);
	if (c == NULL) {
		send(fd, BUSY, strlen(BUSY), MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	*c = (struct client){ .m = m, .fd = fd, .since_ms = now_ms };
	if (loop_fd_add(m->loop, fd, EPOLLIN, client_ready, c) != 0) {
		close(fd);
		c->fd = -1;
	}
}

/** Is a daemon answering on this path? Otherwise the file is a leftover. */
static bool
alive(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static void
make_parents(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = strchr(dir + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(dir, 0755);
		*p = '/';
	}
}

static int
listen_on(const char *path, const char *group)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct group *gr = group[0] ? getgrnam(group) : NULL;
	int fd, err = 0;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	if (group[0] && gr == NULL)
		return -ENOENT;
	strcpy(sun.sun_path, path);
	make_parents(path);
	if (alive(&sun))
		return -EADDRINUSE;
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	mode_t old = umask(0117); /* 0660 from the first moment */
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, CLIENTS_MAX) != 0)
		err = -errno;
	umask(old);
	if (err == 0 && gr != NULL && chown(path, (uid_t)-1, gr->gr_gid) != 0)
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

int
mgmt_open(struct loop *loop, const char *path, const char *group, const struct mgmt_view *view,
	struct mgmt **out)
{
	struct mgmt *m = calloc(1, sizeof(*m));
	int err;

	if (m == NULL)
		return -ENOMEM;
	m->loop = loop;
	m->view = *view;
	for (int i = 0; i < CLIENTS_MAX; i++)
		m->clients[i] = (struct client){ .m = m, .fd = -1 };
	m->fd = listen_on(path, group);
	err = m->fd < 0 ? m->fd : loop_fd_add(loop, m->fd, EPOLLIN, accept_ready, m);
	if (err != 0) {
		if (m->fd >= 0)
			close(m->fd);
		free(m);
		return err;
	}
	snprintf(m->path, sizeof(m->path), "%s", path);
	*out = m;
	return 0;
}

int
mgmt_group_set(struct mgmt *m, const char *group)
{
	const struct group *gr = group[0] ? getgrnam(group) : NULL;

	if (group[0] && gr == NULL)
		return -ENOENT;
	return chown(m->path, (uid_t)-1, gr != NULL ? gr->gr_gid : getegid()) == 0 ? 0 : -errno;
}

uint64_t
mgmt_next_ms(const struct mgmt *m)
{
	for (int i = 0; m != NULL && i < CLIENTS_MAX; i++)
		if (m->clients[i].fd >= 0 && m->clients[i].stream != NULL)
			return clock_ms() + STREAM_MS;
	return LOOP_NEVER;
}

void
mgmt_tick(struct mgmt *m, uint64_t now_ms)
{
	for (int i = 0; m != NULL && i < CLIENTS_MAX; i++) {
		struct client *c = &m->clients[i];

		if (c->fd < 0 || c->stream == NULL)
			continue;
		if (c->sent == c->reply_bytes)
			client_write(c, now_ms);
		else if (overdue(c, now_ms)) /* it does not read, and others wait for a capture */
			client_close(c);
	}
}

void
mgmt_close(struct mgmt *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (m->clients[i].fd >= 0)
			client_close(&m->clients[i]);
	loop_fd_del(m->loop, m->fd);
	close(m->fd);
	unlink(m->path);
	free(m);
}

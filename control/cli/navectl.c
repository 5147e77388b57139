/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * navectl: the client. It sends one JSON object to the daemon's socket and
 * prints the answer: as a table for people (the daemon says which columns), or
 * with --json as the daemon sent it. It knows no command by itself, so client and
 * daemon cannot disagree about one.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "control/cli/stream.h"
#include "control/cli/table.h"

#define DEFAULT_SOCKET "/run/nave/naved.sock"
#define WORDS_MAX      32

enum {
	EXIT_REFUSED = 1, /* the daemon said no */
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
};

static void
usage(FILE *to)
{
	fputs("usage: navectl [-s SOCKET] [--json] [-w FILE] COMMAND...\n"
	      "       navectl --help\n",
		to);
}

static void
manual(void)
{
	fputs("NAME\n"
	      "  navectl - ask and steer a running naved\n"
	      "\n"
	      "SYNOPSIS\n"
	      "  navectl [-s SOCKET] [--json] [-w FILE] COMMAND...\n"
	      "\n"
	      "COMMANDS\n"
	      "  The daemon knows them, so `navectl help` lists those of the one that runs. Any\n"
	      "  unambiguous beginning of a word will do: navectl sh sp.\n"
	      "\n"
	      "  help [WORD]                all commands, or those with that word\n"
	      "  show status                is it well? uptime, totals, how full the tables are\n"
	      "  show spokes [WHICH]        who is up, and why the others are not\n"
	      "  show ike [PEER]            IKE sessions; of one peer all that is known\n"
	      "  show events [N|PEER]       who was refused or lost of late, and what to change\n"
	      "  show routes [WHICH]        what the workers forward by, and who put it there\n"
	      "  show counters [all]        what became of the packets; all: zeros, too\n"
	      "  reload [--dry-run]         apply a changed configuration file\n"
	      "  capture [POINT|FILTER...]  copies of packets, also in clear text, as pcapng\n"
	      "\n"
	      "OPTIONS\n"
	      "  -s, --socket PATH  the daemon's socket; default: the environment's NAVE_SOCKET, "
	      "or\n"
	      "                     " DEFAULT_SOCKET "\n"
	      "  -j, --json         JSON instead of tables: all keys, times in seconds\n"
	      "  -w, --write FILE   where a capture goes, made readable by its owner alone; "
	      "without\n"
	      "                     it: standard output, which then is not a terminal\n"
	      "  -h, --help         this text\n"
	      "\n"
	      "EXIT STATUS\n"
	      "  0  done\n"
	      "  1  refused by the daemon; the reason is on stderr\n"
	      "  2  wrong usage\n"
	      "  3  no daemon at the socket, or not allowed to use it (be root, or in the group\n"
	      "     that management.group of the configuration names)\n"
	      "\n"
	      "EXAMPLES\n"
	      "  navectl show spokes down                 the spokes to look after\n"
	      "  navectl show routes 10.7.1.1             which way that address goes\n"
	      "  navectl --json show spokes | jq '.[].reason'\n"
	      "  navectl -w hub.pcapng capture spoke branch7 seconds 60\n"
	      "  navectl capture drops | tshark -r - -T fields -e frame.comment\n"
	      "  navectl metrics >/run/nave/nave.prom     for a Prometheus textfile collector\n",
		stdout);
}

static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
no_daemon(const char *path, int err)
{
	fprintf(stderr, "navectl: no daemon at %s: %s\n", path, strerror(err));
	if (err == EACCES)
		fputs("navectl: be root, or a member of the socket's group\n", stderr);
	else
		fputs("navectl: does it run (systemctl status naved), and what does it say "
		      "(journalctl -u naved)? Its\n"
		      "navectl: socket is management.socket of its configuration: give it by -s or "
		      "NAVE_SOCKET; try navectl --help\n",
			stderr);
}

/** {"command": ["show", "spokes"]}: the words as typed; the daemon finds the command. */
static json_t *
request_of(char **words, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_string(words[i]));
	return json_pack("{s:o}", "command", list);
}

/** All of it, or -1. */
static int
say(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n = text == NULL ? 0 : strlen(text), done = 0;

	if (text == NULL)
		return -1;
	text[n++] = '\n'; /* in place of the closing zero */
	while (done < n) {
		ssize_t put = send(fd, text + done, n - done, MSG_NOSIGNAL);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	free(text);
	return done == n ? 0 : -1;
}

/**
 * The answer: what comes until the daemon closes, or a line when it goes on behind it.
 * From a stream of unknown length no octet behind the line is taken.
 */
static json_t *
hear(int fd)
{
	size_t have = 0, room = 0, peeked, take;
	char *text = NULL;
	json_t *reply;
	const char *line;

	for (;;) {
		if (room - have < 65536) {
			char *more = realloc(text, room = room * 2 + 131072);

			if (more == NULL)
				break;
			text = more;
		}
		ssize_t n = recv(fd, text + have, room - have, MSG_PEEK);
		if (n <= 0)
			break;
		peeked = (size_t)n;
		line = memchr(text + have, '\n', peeked);
		take = line == NULL ? peeked : (size_t)(line + 1 - (text + have));
		if (recv(fd, text + have, take, 0) != (ssize_t)take)
			break;
		have += take;
		if (line != NULL)
			break;
	}
	reply = text == NULL ? NULL : json_loadb(text, have, 0, NULL);
	free(text);
	return reply;
}

static json_t *
ask(int fd, const json_t *request)
{
	return say(fd, request) == 0 ? hear(fd) : NULL;
}

/** Why not: one line each on stderr; programs get all of it on stdout. */
static int
refusal(const json_t *reply, const char *error, bool as_json)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(reply, "details"), i, item)
		fprintf(stderr, "%s\n", json_string_value(json_object_get(item, "message")));
	fprintf(stderr, "navectl: %s\n", error);
	if (as_json) {
		json_dumpf(reply, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return EXIT_REFUSED;
}

/** Characters in a line; 0: nobody knows, or it is no terminal. */
static int
terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

static int
show(const json_t *reply, bool as_json)
{
	const json_t *data = json_object_get(reply, "data");
	const char *error = json_string_value(json_object_get(reply, "error"));
	const char *rows = json_string_value(json_object_get(reply, "rows"));
	const char *message = json_string_value(json_object_get(reply, "message"));

	if (error != NULL)
		return refusal(reply, error, as_json);
	if (as_json) {
		json_dumpf(data, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
		if (message != NULL)
			fprintf(stderr, "navectl: %s\n", message);
		return 0;
	}
	table_print(stdout, json_object_get(reply, "columns"),
		rows != NULL ? json_object_get(data, rows) : data, terminal_width());
	if (message != NULL)
		puts(message);
	return 0;
}

static int
out_open(const char *path)
{
	int fd;

	if (path == NULL) {
		if (!isatty(STDOUT_FILENO))
			return STDOUT_FILENO;
		fputs("navectl: a capture is not for a terminal: add -w FILE, or pipe it, as in "
		      "| tshark -r -\n",
			stderr);
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); /* clear text */
	if (fd < 0)
		fprintf(stderr, "navectl: %s: %s\n", path, strerror(errno));
	return fd;
}

/** What follows the answer; a reader that closes the pipe has had enough. */
static int
save(int fd, const char *path)
{
	struct stream_totals t;
	int to = out_open(path), err;

	if (to < 0)
		return EXIT_USAGE;
	err = stream_copy(fd, to, &t);
	fprintf(stderr, "navectl: %" PRIu64 " packets, %" PRIu64 " lost on the way\n", t.packets,
		t.lost);
	if (err == 0 || err == -EPIPE)
		return 0;
	fprintf(stderr, "navectl: %s: %s\n", path != NULL ? path : "standard output",
		strerror(-err));
	return EXIT_REFUSED;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "write", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = getenv("NAVE_SOCKET"), *file = NULL;
	bool as_json = false;
	char *words[WORDS_MAX];
	int n = 0, opt;

	if (path == NULL)
		path = DEFAULT_SOCKET;
	opterr = 0;
	/* "-" keeps the order: words go to the daemon, with their own options. */
	while ((opt = getopt_long(argc, argv, "-s:jw:h", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			path = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'w':
			file = optarg;
			break;
		case 'h':
			manual();
			return 0;
		case 1:
			if (n < WORDS_MAX)
				words[n++] = optarg;
			break;
		default: /* a long option may be the command's: the daemon knows */
			if (strncmp(argv[optind - 1], "--", 2) != 0 || n == 0 || n == WORDS_MAX) {
				usage(stderr);
				return EXIT_USAGE;
			}
			words[n++] = argv[optind - 1];
			break;
		}
	}
	if (n == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}

	int fd = dial(path);
	if (fd < 0) {
		no_daemon(path, errno);
		return EXIT_NO_DAEMON;
	}
	json_t *request = request_of(words, n);
	json_t *reply = ask(fd, request);
	json_decref(request);
	if (reply == NULL) {
		fprintf(stderr, "navectl: the daemon at %s closed without an answer\n", path);
		return EXIT_NO_DAEMON;
	}
	int status =
		json_object_get(reply, "stream") != NULL ? save(fd, file) : show(reply, as_json);
	json_decref(reply);
	return status;
}

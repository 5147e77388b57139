/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * navectl: the client. It sends one JSON object to the daemon's socket and
 * prints the answer: as a table for people (the daemon says which columns), or
 * with --json as the daemon sent it. It knows no command by itself, so client and
 * daemon cannot disagree about one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "control/cli/table.h"

#define DEFAULT_SOCKET "/run/nave/naved.sock"
#define WORDS_MAX      16

enum {
	EXIT_REFUSED = 1, /* the daemon said no */
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
};

static void
usage(FILE *to)
{
	fputs("usage: navectl [-s SOCKET] [--json] COMMAND...\n"
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
	      "  navectl [-s SOCKET] [--json] COMMAND...\n"
	      "\n"
	      "COMMANDS\n"
	      "  The daemon knows them, so `navectl help` lists those of the one that runs. Any\n"
	      "  unambiguous beginning of a word will do: navectl sh sp.\n"
	      "\n"
	      "  help                       all commands\n"
	      "  show status                is it well? uptime, totals, how full the tables are\n"
	      "  show spokes [WHICH]        who is up, and why the others are not\n"
	      "  show routes [WHICH]        what the workers forward by, and who put it there\n"
	      "  show counters [all]        what became of the packets\n"
	      "  reload [--dry-run]         apply a changed configuration file\n"
	      "\n"
	      "OPTIONS\n"
	      "  -s, --socket PATH  the daemon's socket; default: the environment's NAVE_SOCKET, "
	      "or\n"
	      "                     " DEFAULT_SOCKET "\n"
	      "  -j, --json         JSON instead of tables: all keys, times in seconds\n"
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

/** {"command": ["show", "spokes"]}: the words as typed; the daemon finds the command. */
static json_t *
request_of(char **words, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_string(words[i]));
	return json_pack("{s:o}", "command", list);
}

static json_t *
ask(int fd, const json_t *request)
{
	json_error_t err;
	FILE *f = fdopen(fd, "r+");
	json_t *reply;

	if (f == NULL)
		return NULL;
	if (json_dumpf(request, f, JSON_COMPACT) != 0 || fputc('\n', f) == EOF || fflush(f) != 0) {
		fclose(f);
		return NULL;
	}
	reply = json_loadf(f, 0, &err);
	fclose(f);
	return reply;
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
		rows != NULL ? json_object_get(data, rows) : data);
	if (message != NULL)
		puts(message);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = getenv("NAVE_SOCKET");
	bool as_json = false;
	char *words[WORDS_MAX];
	int n = 0, opt;

	if (path == NULL)
		path = DEFAULT_SOCKET;
	opterr = 0;
	/* "-" keeps the order: words go to the daemon, with their own options. */
	while ((opt = getopt_long(argc, argv, "-s:jh", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			path = optarg;
			break;
		case 'j':
			as_json = true;
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
		fprintf(stderr, "navectl: no daemon at %s: %s\n", path, strerror(errno));
		if (errno == EACCES)
			fprintf(stderr, "navectl: be root, or a member of the socket's group\n");
		return EXIT_NO_DAEMON;
	}
	json_t *request = request_of(words, n);
	json_t *reply = ask(fd, request);
	json_decref(request);
	if (reply == NULL) {
		fprintf(stderr, "navectl: the daemon at %s closed without an answer\n", path);
		return EXIT_NO_DAEMON;
	}
	int status = show(reply, as_json);
	json_decref(reply);
	return status;
}

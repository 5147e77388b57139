/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/mgmt/capture.h"
#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"

#define WORDS_MAX 32

struct request {
	const struct mgmt_view *v;
	const char *arg;          /* the word behind the command, or NULL */
	const char *const *words; /* all of them, NULL-terminated */
	uint64_t now_ms;
	char group[64]; /* "group NAME" as one word */
};

enum { ARG_OPTIONAL = 0, ARG_NEEDED = 1, ARG_MANY = 2, ARG_GROUP = 4 /* or: group NAME */ };

struct command {
	const char *words;
	const char *arg; /* name of the argument for help, NULL = takes none */
	unsigned args;
	void (*run)(const struct request *r, struct mgmt_answer *a);
	const char *help;
};

static void
run_spokes(const struct request *r, struct mgmt_answer *a)
{
	show_spokes(r->v, r->arg, r->now_ms, a);
}

static void
run_ike(const struct request *r, struct mgmt_answer *a)
{
	show_ike(r->v, r->arg, r->now_ms, a);
}

static void
run_nhrp(const struct request *r, struct mgmt_answer *a)
{
	show_nhrp(r->v, r->arg, r->now_ms, a);
}

static void
run_counters(const struct request *r, struct mgmt_answer *a)
{
	show_counters(r->v, r->arg, a);
}

static void
run_counters_spoke(const struct request *r, struct mgmt_answer *a)
{
	show_counters_spoke(r->v, r->arg, r->now_ms, a);
}

static void
run_workers(const struct request *r, struct mgmt_answer *a)
{
	show_workers(r->v, r->now_ms, a);
}

static void
run_worker_stages(const struct request *r, struct mgmt_answer *a)
{
	show_worker_stages(r->v, a);
}

static void
run_ports(const struct request *r, struct mgmt_answer *a)
{
	show_ports(r->v, a);
}

static void
run_routes(const struct request *r, struct mgmt_answer *a)
{
	show_routes(r->v, r->arg, a);
}

static void
run_config(const struct request *r, struct mgmt_answer *a)
{
	show_config(r->v, a);
}

static void
run_status(const struct request *r, struct mgmt_answer *a)
{
	show_status(r->v, r->now_ms, a);
}

static void
run_clear_spoke(const struct request *r, struct mgmt_answer *a)
{
	unsigned n = spokes_clear(r->v->spokes, r->arg, r->now_ms);

	if (n == 0)
		snprintf(a->error, sizeof(a->error),
			"no spoke %.64s: name it by tunnel address, NBMA address, identity or "
			"group as in show spokes",
			r->arg);
	else
		a->data = json_pack("{s:i}", "cleared", n);
}

static void
run_crls(const struct request *r, struct mgmt_answer *a)
{
	show_crls(r->v, r->now_ms, (int64_t)time(NULL), a);
}

static void
run_events(const struct request *r, struct mgmt_answer *a)
{
	show_events(r->v, r->arg, r->now_ms, a);
}

static void
run_reload(const struct request *r, struct mgmt_answer *a)
{
	if (r->arg != NULL && strcmp(r->arg, "--dry-run") != 0)
		snprintf(a->error, sizeof(a->error), "reload takes --dry-run or nothing");
	else
		show_reload(r->v, r->arg != NULL, r->now_ms, a);
}

static void
run_clear_ike(const struct request *r, struct mgmt_answer *a)
{
	clear_ike(r->v, r->arg, r->now_ms, a);
}

static void
run_rekey_spoke(const struct request *r, struct mgmt_answer *a)
{
	unsigned n = spokes_rekey(r->v->spokes, r->arg, r->now_ms);

	if (n == 0)
		snprintf(a->error, sizeof(a->error),
			"no spoke %.64s with an IKE session: see show spokes", r->arg);
	else
		a->data = json_pack("{s:i}", "rekeying", n);
}

/** Whom to begin with, the last word, and how, those before it. NULL: that cannot be told. */
static const char *
initiate_words(const char *const *words, unsigned *how)
{
	for (; words[0] != NULL && words[1] != NULL; words++) {
		if (strcmp(words[0], "psk") == 0)
			*how |= SPOKE_BY_PSK;
		else if (strcmp(words[0], "tunnel") == 0)
			*how |= SPOKE_IN_TUNNEL_MODE;
		else
			return NULL;
	}
	return words[0];
}

/** "initiating": where to, "from": our address; `show` tells what became of it. */
static void
run_initiate(const struct request *r, struct mgmt_answer *a)
{
	char to[ADDR_TEXT_BYTES], from[ADDR_TEXT_BYTES];
	struct ike_path path;
	unsigned how = 0;
	const char *whom = initiate_words(r->words, &how);

	if (whom == NULL) {
		snprintf(a->error, sizeof(a->error),
			"initiate spoke takes psk, tunnel, both or none, and WHICH");
		return;
	}
	switch (spokes_initiate(r->v->spokes, whom, how, r->now_ms, &path)) {
	case 0:
		a->data = json_pack("{s:s, s:s}", "initiating", addr_print(&path.remote, to),
			"from", addr_print(&path.local, from));
		break;
	case -EEXIST:
		snprintf(a->error, sizeof(a->error),
			"%.64s has an IKE session: rekey spoke makes new keys, clear spoke ends it",
			whom);
		break;
	case -EXDEV:
		snprintf(a->error, sizeof(a->error),
			"no telling from which of our addresses: protected clouds have none or "
			"several; let it come up by itself once, then its name will do");
		break;
	case -EBUSY:
		snprintf(a->error, sizeof(a->error),
			"IKE takes no more now: see half-open sessions in show ike, system."
			"max_spokes");
		break;
	default:
		snprintf(a->error, sizeof(a->error),
			"no spoke %.64s is known any more: give its outer address", whom);
	}
}

static void
run_metrics(const struct request *r, struct mgmt_answer *a)
{
	if (r->arg != NULL && strcmp(r->arg, "--spokes") != 0)
		snprintf(a->error, sizeof(a->error), "metrics takes --spokes or nothing");
	else
		metrics(r->v, r->arg != NULL, r->now_ms, a);
}

static void
run_capture(const struct request *r, struct mgmt_answer *a)
{
	a->stream = capture_open(r->v, r->words, r->now_ms, a->error, sizeof(a->error));
}

static void run_help(const struct request *r, struct mgmt_answer *a);

static const struct command commands[] = {
	{ "show spokes", "WHICH|group NAME", ARG_GROUP, run_spokes,
		"every spoke: stage, addresses, traffic, and why it is down; WHICH: an address, "
		"an identity, or a state (down, ike, child, registered, forwarding)" },
	{ "show ike", "PEER|group NAME", ARG_GROUP, run_ike,
		"IKE sessions; of one peer all: child SAs, lifetimes, last errors" },
	{ "show events", "N|PEER|group NAME", ARG_GROUP, run_events,
		"peers that were refused or lost, and other news of them, the newest last; N: how "
		"many (50), PEER: of one" },
	{ "show nhrp", "CLOUD", ARG_OPTIONAL, run_nhrp, "NHRP registrations" },
	{ "show counters", "all", ARG_OPTIONAL, run_counters,
		"what became of packets, by verdict, and of NHRP and IKE messages; what counted "
		"nothing is left out; all: zero ones too, so that a program finds each" },
	{ "show counters spoke", "WHICH", ARG_NEEDED, run_counters_spoke,
		"packets and octets of a spoke and of its SAs, with what those dropped as replayed "
		"or forged" },
	{ "show workers", NULL, ARG_OPTIONAL, run_workers,
		"load of the worker cores, of late and since start" },
	{ "show workers stages", NULL, ARG_OPTIONAL, run_worker_stages,
		"cycles per packet of each stage of the packet's way, by worker" },
	{ "show ports", NULL, ARG_OPTIONAL, run_ports, "ports: link, role, traffic, errors" },
	{ "show routes", "WHICH", ARG_OPTIONAL, run_routes,
		"routes, who made them, and whether the workers have them; WHICH: an address "
		"(its route), a prefix or a vrf" },
	{ "show config", NULL, ARG_OPTIONAL, run_config,
		"the configuration in force, without secrets" },
	{ "show crls", NULL, ARG_OPTIONAL, run_crls,
		"revocation lists: whose, from where, until when, and why one could not be "
		"fetched" },
	{ "show status", NULL, ARG_OPTIONAL, run_status, "uptime, totals, table and buffer use" },
	{ "metrics", "--spokes", ARG_OPTIONAL, run_metrics,
		"all counters as Prometheus text; --spokes: also of each spoke, a dozen series "
		"each" },
	{ "clear spoke", "WHICH|group NAME", ARG_NEEDED | ARG_GROUP, run_clear_spoke,
		"drop a spoke so that it starts anew (address or identity)" },
	{ "reload", "--dry-run", ARG_OPTIONAL, run_reload,
		"read the file again and apply what changed, all or nothing; --dry-run: only list "
		"it" },
	{ "clear ike", "PEER|group NAME", ARG_NEEDED | ARG_GROUP, run_clear_ike,
		"end the IKE sessions of a peer (address or identity); it starts anew" },
	{ "rekey spoke", "WHICH|group NAME", ARG_NEEDED | ARG_GROUP, run_rekey_spoke,
		"new keys for a spoke's IKE and child SAs now, without a gap" },
	{ "initiate spoke", "[psk] [tunnel] WHICH", ARG_NEEDED | ARG_MANY, run_initiate,
		"begin IKE with a spoke that has no session: as in show spokes, or any outer "
		"address; psk: by pre-shared key, where the profile has a certificate, too; "
		"tunnel: ask for tunnel mode, where the profile takes any" },
	{ "capture", "POINT|FILTER...", ARG_MANY, run_capture,
		"copies of packets as pcapng: navectl -w FILE capture ..., or | tshark -r -; "
		"POINT: "
		"rx, tx (ports), inner-in, inner-out (in CLEAR TEXT, without IPsec), drops (with "
		"the verdict as comment); FILTER: cloud NAME, spoke WHICH, host ADDRESS, port "
		"NAME, proto NAME, verdict NAME; limits: count N, seconds N (default 3600), snap "
		"OCTETS" },
	{ "help", "WORD", ARG_OPTIONAL, run_help, "this list; WORD: of commands with it" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
run_help(const struct request *r, struct mgmt_answer *a)
{
	a->data = json_array();
	for (size_t i = 0; i < COMMANDS; i++) {
		char line[64];

		if (r->arg != NULL && strstr(commands[i].words, r->arg) == NULL)
			continue;
		snprintf(line, sizeof(line), "%s%s%s%s", commands[i].words,
			commands[i].arg ? commands[i].args & ARG_NEEDED ? " " : " [" : "",
			commands[i].arg ? commands[i].arg : "",
			commands[i].arg && !(commands[i].args & ARG_NEEDED) ? "]" : "");
		json_array_append_new(a->data,
			json_pack("{s:s, s:s}", "command", line, "what", commands[i].help));
	}
	if (json_array_size(a->data) > 0)
		return;
	json_decref(a->data);
	a->data = NULL;
	snprintf(
		a->error, sizeof(a->error), "no command has %.32s in it: try navectl help", r->arg);
}

/** Does the typed word stand for this one? Any unambiguous beginning does. */
static bool
abbreviates(const char *typed, size_t typed_len, const char *word, size_t word_len)
{
	return typed_len <= word_len && strncmp(typed, word, typed_len) == 0;
}

/** How many of the typed words this command takes; 0 = not this command. */
static size_t
match(const struct command *c, const char *const *words, size_t n)
{
	const char *at = c->words;
	size_t taken = 0;

	while (*at != '\0') {
		size_t len = strcspn(at, " ");

		if (taken == n || !abbreviates(words[taken], strlen(words[taken]), at, len))
			return 0;
		taken++;
		at += len;
		at += *at == ' ';
	}
	return taken;
}

/**
 * The first word is right, the second is missing or wrong: say which there are. False
 * when no command begins so.
 */
static bool
list_second_words(const char *first, struct mgmt_answer *a)
{
	size_t at = 0;

	for (size_t i = 0; i < COMMANDS; i++) {
		const char *words = commands[i].words, *second = strchr(words, ' ');
		size_t len = second == NULL ? 0 : (size_t)(second - words);

		if (len == 0 || strchr(second + 1, ' ') != NULL ||
			!abbreviates(first, strlen(first), words, len) || at >= sizeof(a->error))
			continue;
		if (at == 0)
			at = (size_t)snprintf(
				a->error, sizeof(a->error), "%.*s what? One of:", (int)len, words);
		at += (size_t)snprintf(a->error + at, sizeof(a->error) - at, "%s", second);
	}
	return at > 0;
}

/** Find the command; on failure a->error says what could have been meant. */
static const struct command *
find(const char *const *words, size_t n, size_t *taken, struct mgmt_answer *a)
{
	const struct command *found = NULL;

	for (size_t i = 0; i < COMMANDS; i++) {
		size_t t = match(&commands[i], words, n);

		if (t == 0 || (found != NULL && t < *taken))
			continue;
		if (found != NULL && t == *taken) {
			snprintf(a->error, sizeof(a->error), "ambiguous: %s or %s", found->words,
				commands[i].words);
			return NULL;
		}
		found = &commands[i];
		*taken = t;
	}
	if (found == NULL && !list_second_words(words[0], a))
		snprintf(a->error, sizeof(a->error), "unknown command %.32s: try navectl help",
			words[0]);
	return found;
}

static size_t
words_of(const json_t *request, const char **words)
{
	const json_t *list = json_object_get(request, "command");
	size_t n = 0;

	for (; n < WORDS_MAX && n < json_array_size(list); n++) {
		words[n] = json_string_value(json_array_get(list, n));
		if (words[n] == NULL)
			return 0;
	}
	return json_array_size(list) > WORDS_MAX ? 0 : n;
}

static void
execute(struct request *r, const json_t *request, struct mgmt_answer *a)
{
	const char *words[WORDS_MAX + 1];
	size_t n = words_of(request, words), taken = 0;
	const struct command *c;

	if (n == 0) {
		snprintf(a->error, sizeof(a->error),
			"a request is {\"command\": [\"show\", \"spokes\"]}, at most %d words",
			WORDS_MAX);
		return;
	}
	c = find(words, n, &taken, a);
	if (c == NULL)
		return;
	words[n] = NULL;
	if (c->args & ARG_GROUP && n - taken == 2 && strcmp(words[taken], "group") == 0) {
		snprintf(r->group, sizeof(r->group), "group %s", words[taken + 1]);
		words[taken] = r->group;
		words[--n] = NULL;
	}
	if (!(c->args & ARG_MANY) && n - taken > (c->arg != NULL ? 1u : 0u)) {
		snprintf(a->error, sizeof(a->error), "%s takes %s", c->words,
			c->arg != NULL ? "one argument" : "no argument");
		return;
	}
	if ((c->args & ARG_NEEDED) && n == taken) {
		snprintf(a->error, sizeof(a->error), "%s needs %s", c->words, c->arg);
		return;
	}
	r->arg = words[taken];
	r->words = words + taken;
	c->run(r, a);
}

void
mgmt_begin(const struct mgmt_view *v, const json_t *request, uint64_t now_ms, struct mgmt_answer *a)
{
	struct request r = {
		.v = v,
		.now_ms = now_ms,
	};

	*a = (struct mgmt_answer){ 0 };
	execute(&r, request, a);
}

json_t *
mgmt_finish(struct mgmt_answer *a)
{
	json_t *reply = json_object();

	if (a->later != NULL)
		a->later(a->later_arg, a);
	a->later = NULL;
	if (a->error[0] != '\0')
		json_object_set_new(reply, "error", json_string(a->error));
	if (a->data != NULL)
		json_object_set_new(reply, "data", a->data);
	if (a->columns != NULL)
		json_object_set_new(reply, "columns", a->columns);
	if (a->rows != NULL)
		json_object_set_new(reply, "rows", json_string(a->rows));
	if (a->message[0] != '\0')
		json_object_set_new(reply, "message", json_string(a->message));
	if (a->details != NULL)
		json_object_set_new(reply, "details", a->details);
	if (a->stream != NULL)
		json_object_set_new(reply, "stream", json_string("pcapng"));
	return reply;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Peers that were refused or lost, and other news of them: one line of the log for people and
 * programs, and the last ones kept. Keys and their order do not change between versions.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/base/keyval.h"
#include "control/base/log.h"
#include "control/spoke/link.h"

#define LINE_BYTES 3072

/** Names of the clouds a peer may have meant: those with the address it came to. */
static void
clouds_of(struct spokes *s, const struct addr *local, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		const struct cloud_entry *c = cloud_entry(s, id);

		if (c == NULL || !addr_equal(&c->cfg.source, local))
			continue;
		if (at + strlen(c->cfg.name) + 2 > n)
			return;
		at += (size_t)snprintf(out + at, n - at, "%s%s", at > 0 ? "," : "", c->cfg.name);
	}
}

static const char *
endpoint(const struct addr *a, uint16_t port, char *out, size_t n)
{
	char text[ADDR_TEXT_BYTES];
	bool v6 = a->family == ADDR_V6;

	snprintf(out, n, "%s%s%s:%u", v6 ? "[" : "", addr_print(a, text), v6 ? "]" : "", port);
	return out;
}

/** For people: who, and what is the matter. */
static void
beginning(struct keyval *k, const struct ike_event *e)
{
	char nbma[ADDR_TEXT_BYTES];

	keyval_words(k, "ike ");
	keyval_words(k, addr_print(&e->path.remote, nbma));
	if (e->identity[0] != '\0') {
		keyval_words(k, e->authenticated ? " identity " : " claims identity ");
		keyval_value(k, e->identity);
	}
	keyval_words(k, ": ");
	keyval_words(k, ike_reason_name(e->reason));
}

void
spoke_event_line(const struct spoke_event *kept, char *line, size_t n)
{
	const struct ike_event *e = &kept->ike;
	char at[ADDR_TEXT_BYTES + 8];
	struct keyval k = keyval_over(line, n);

	beginning(&k, e);
	keyval_add(&k, "reason", ike_reason_name(e->reason));
	keyval_add(&k, "identity", e->identity);
	keyval_add(&k, "proven", e->authenticated ? "yes" : "no");
	keyval_add(&k, "group", e->group);
	keyval_add(&k, "peer", endpoint(&e->path.remote, e->path.remote_port, at, sizeof(at)));
	keyval_add(&k, "local", endpoint(&e->path.local, e->path.local_port, at, sizeof(at)));
	keyval_add(&k, "cloud", kept->clouds);
	keyval_add(&k, "notify", ike_notify_name(e->notify));
	keyval_add(&k, "detail", e->detail);
	keyval_add(&k, "offered", e->offered);
	keyval_add(&k, "would_match", e->wanted);
	keyval_add(&k, "hint", e->remedy);
	keyval_number(&k, "repeated", e->suppressed);
	keyval_number(&k, "left_out", e->left_out);
}

void
spokes_event(struct spokes *s, const struct ike_event *e)
{
	struct spoke_events *of = e->authenticated ? &s->proven : &s->claimed;
	struct spoke_event *kept = &of->list[of->next++ % SPOKE_EVENTS_KEPT];
	char line[LINE_BYTES];

	kept->at_ms = s->now_ms;
	kept->at_s = (int64_t)time(NULL);
	kept->ike = *e;
	clouds_of(s, &e->path.local, kept->clouds, sizeof(kept->clouds));
	spoke_event_line(kept, line, sizeof(line));
	log_line(ike_reason_is_trouble(e->reason) ? LOG_WARNING : LOG_NOTICE, "%s", line);
}

int
spokes_events_init(struct spokes *s)
{
	s->proven.list = calloc(SPOKE_EVENTS_KEPT, sizeof(*s->proven.list));
	s->claimed.list = calloc(SPOKE_EVENTS_KEPT, sizeof(*s->claimed.list));
	return s->proven.list == NULL || s->claimed.list == NULL ? -ENOMEM : 0;
}

void
spokes_events_free(struct spokes *s)
{
	free(s->proven.list);
	free(s->claimed.list);
}

/** The one so many places behind the newest; NULL: it is not kept (any more). */
static const struct spoke_event *
nth_newest(const struct spoke_events *of, uint64_t n)
{
	if (n >= of->next || n >= SPOKE_EVENTS_KEPT)
		return NULL;
	return &of->list[(of->next - 1 - n) % SPOKE_EVENTS_KEPT];
}

void
spokes_events_each(
	const struct spokes *s, bool (*fn)(void *arg, const struct spoke_event *), void *arg)
{
	uint64_t proven = 0, claimed = 0;

	for (;;) {
		const struct spoke_event *p = nth_newest(&s->proven, proven);
		const struct spoke_event *c = nth_newest(&s->claimed, claimed);
		bool take_p = p != NULL && (c == NULL || p->at_ms >= c->at_ms);

		if ((p == NULL && c == NULL) || !fn(arg, take_p ? p : c))
			return;
		proven += take_p;
		claimed += !take_p;
	}
}

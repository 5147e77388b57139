/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spoke/spoke_best.h"

#include <string.h>

/** FNV-1a. Who finds two identities of one hash gains a line of his own: texts are compared. */
static uint64_t
key_of(const char *identity)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *identity != '\0'; identity++)
		h = (h ^ (uint8_t)*identity) * 0x100000001b3;
	return h;
}

const struct link *
spoke_best_link(const struct spoke_best *b, const char *identity)
{
	const struct link *l = map_get(&b->links, key_of(identity));

	return l != NULL && strcmp(l->identity_text, identity) == 0 ? l : NULL;
}

const struct session *
spoke_best_session(const struct spoke_best *b, const char *identity)
{
	const struct session *e = map_get(&b->sessions, key_of(identity));

	return e != NULL && strcmp(e->info.peer_text, identity) == 0 ? e : NULL;
}

const struct ike_failure *
spoke_best_failure(const struct spoke_best *b, const char *identity)
{
	const struct ike_failure *f = map_get(&b->failures, key_of(identity));

	return f != NULL && strcmp(f->event.identity, identity) == 0 ? f : NULL;
}

static void
add_failure(void *arg, const struct ike_failure *f)
{
	struct spoke_best *b = arg;
	const struct ike_failure *other;

	if (!f->event.authenticated || f->event.identity[0] == '\0')
		return;
	other = map_get(&b->failures, key_of(f->event.identity));
	if (other == NULL || other->at_ms < f->at_ms)
		map_set(&b->failures, key_of(f->event.identity), (void *)(uintptr_t)f);
}

void
spoke_best_make(const struct spokes *s, struct spoke_best *out)
{
	struct session *e;
	size_t at = 0;

	*out = (struct spoke_best){ 0 };
	for (uint32_t i = 0; i < s->max_links; i++) {
		struct link *l = s->slots[i], *other;

		if (l == NULL || l->identity_text[0] == '\0')
			continue;
		other = map_get(&out->links, key_of(l->identity_text));
		if (other == NULL || link_state(other) < link_state(l))
			map_set(&out->links, key_of(l->identity_text), l);
	}
	while ((e = map_next(&s->sessions, &at)) != NULL) {
		const struct session *other;

		if (e->links != NULL)
			continue;
		other = map_get(&out->sessions, key_of(e->info.peer_text));
		if (other == NULL || other->since_ms < e->since_ms)
			map_set(&out->sessions, key_of(e->info.peer_text), e);
	}
	ike_each_failure(s->ike, add_failure, out);
}

void
spoke_best_free(struct spoke_best *b)
{
	map_free(&b->links);
	map_free(&b->sessions);
	map_free(&b->failures);
}

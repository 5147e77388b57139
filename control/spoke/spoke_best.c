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

static uint64_t
key_of_addr(const struct addr *a)
{
	return (uint64_t)addr_hash(a, 0) << 32 | addr_hash(a, 1);
}

bool
spoke_best_recovered(const struct spoke_best *b, const char *identity, const struct addr *nbma)
{
	const struct link *l = identity[0] != '\0' ? spoke_best_link(b, identity)
						   : map_get(&b->by_nbma, key_of_addr(nbma));

	return l != NULL && link_state(l) > SPOKE_IKE &&
		(identity[0] != '\0' || addr_equal(&l->spec.remote, nbma));
}

/** The farther of two counts. */
static void
add_link(struct map *m, uint64_t key, struct link *l)
{
	const struct link *other = map_get(m, key);

	if (other == NULL || link_state(other) < link_state(l))
		map_set(m, key, l);
}

void
spoke_best_make(const struct spokes *s, struct spoke_best *out)
{
	struct session *e;
	size_t at = 0;

	*out = (struct spoke_best){ 0 };
	for (uint32_t i = 0; i < s->max_links; i++) {
		struct link *l = s->slots[i];

		if (l == NULL)
			continue;
		add_link(&out->by_nbma, key_of_addr(&l->spec.remote), l);
		if (l->identity_text[0] != '\0')
			add_link(&out->links, key_of(l->identity_text), l);
	}
	while ((e = map_next(&s->sessions, &at)) != NULL) {
		const struct session *other;

		if (e->links != NULL)
			continue;
		other = map_get(&out->sessions, key_of(e->info.peer_text));
		if (other == NULL || other->since_ms < e->since_ms)
			map_set(&out->sessions, key_of(e->info.peer_text), e);
	}
}

void
spoke_best_free(struct spoke_best *b)
{
	map_free(&b->links);
	map_free(&b->sessions);
	map_free(&b->by_nbma);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_failure.h"

#include <stdlib.h>
#include <string.h>

#include "control/ike/ike_engine.h"

/* identity, group, detail, offered, wanted; remedy where it is not the reason's own */
#define TEXTS 5

/** An event without the room its texts might need. */
struct ike_failure_kept {
	struct ike_failure_kept *older, *newer;
	uint64_t key;
	enum ike_failure_rank rank;
	uint32_t count;
	uint64_t at_ms, session;
	enum ike_reason reason;
	struct ike_path path;
	bool authenticated, expected, remedy_own;
	uint16_t notify;
	char texts[]; /* one after the other, each with its zero; the first is the identity */
};

/* ---- packing ------------------------------------------------------------------------------- */

static size_t
text_put(char *to, size_t at, const char *text)
{
	size_t n = strlen(text) + 1;

	if (to != NULL)
		memcpy(to + at, text, n);
	return at + n;
}

static size_t
texts_put(char *to, const struct ike_event *e, bool remedy_own)
{
	const char *const texts[TEXTS] = { e->identity, e->group, e->detail, e->offered,
		e->wanted };
	size_t at = 0;

	for (int i = 0; i < TEXTS; i++)
		at = text_put(to, at, texts[i]);
	return remedy_own ? text_put(to, at, e->remedy) : at;
}

static struct ike_failure_kept *
pack(const struct ike_event *e)
{
	bool own = strcmp(e->remedy, ike_reason_remedy(e->reason)) != 0;
	struct ike_failure_kept *k = malloc(sizeof(*k) + texts_put(NULL, e, own));

	if (k == NULL)
		return NULL;
	*k = (struct ike_failure_kept){
		.session = e->session,
		.reason = e->reason,
		.path = e->path,
		.authenticated = e->authenticated,
		.expected = e->expected,
		.remedy_own = own,
		.notify = e->notify,
	};
	texts_put(k->texts, e, own);
	return k;
}

static const char *
text_get(const char *from, char *to)
{
	size_t n = strlen(from) + 1;

	memcpy(to, from, n);
	return from + n;
}

static void
unpack(const struct ike_failure_kept *k, struct ike_failure *out)
{
	struct ike_event *e = &out->event;
	const char *at = k->texts;

	*out = (struct ike_failure){ .at_ms = k->at_ms, .count = k->count };
	e->reason = k->reason;
	e->session = k->session;
	e->path = k->path;
	e->authenticated = k->authenticated;
	e->expected = k->expected;
	e->notify = k->notify;
	at = text_get(at, e->identity);
	at = text_get(at, e->group);
	at = text_get(at, e->detail);
	at = text_get(at, e->offered);
	at = text_get(at, e->wanted);
	text_get(k->remedy_own ? at : ike_reason_remedy(k->reason), e->remedy);
}

/* ---- the lists ----------------------------------------------------------------------------- */

/** Behind the others of its rank: it is the newest. */
static void
list_append(struct ike_failure_list *l, struct ike_failure_kept *k)
{
	k->older = l->newest;
	k->newer = NULL;
	if (l->newest != NULL)
		l->newest->newer = k;
	else
		l->oldest = k;
	l->newest = k;
	l->count++;
}

static void
list_remove(struct ike_failure_list *l, struct ike_failure_kept *k)
{
	if (k->older != NULL)
		k->older->newer = k->newer;
	else
		l->oldest = k->newer;
	if (k->newer != NULL)
		k->newer->older = k->older;
	else
		l->newest = k->older;
	l->count--;
}

static void
kept_free(struct ike_failures *f, struct ike_failure_kept *k)
{
	map_del(&f->by_peer, k->key);
	list_remove(&f->list[k->rank], k);
	free(k);
}

static uint32_t
room_of(const struct ike_failures *f, enum ike_failure_rank rank)
{
	return rank == FAILURE_STRANGER && f->most > IKE_FAILURES_STRANGERS ? IKE_FAILURES_STRANGERS
									    : f->most;
}

void
ike_failures_room(struct ike_failures *f, uint32_t peers)
{
	f->most = peers < IKE_FAILURES_MIN ? IKE_FAILURES_MIN
		: peers > IKE_FAILURES_MAX ? IKE_FAILURES_MAX
					   : peers;
	for (int rank = 0; rank < FAILURE_RANKS; rank++)
		while (f->list[rank].count > room_of(f, (enum ike_failure_rank)rank))
			kept_free(f, f->list[rank].oldest);
}

void
ike_failures_free(struct ike_failures *f)
{
	for (int rank = 0; rank < FAILURE_RANKS; rank++)
		while (f->list[rank].oldest != NULL)
			kept_free(f, f->list[rank].oldest);
	map_free(&f->by_peer);
}

/* ---- whose it is --------------------------------------------------------------------------- */

static uint64_t
key_of(const struct ike *ike, const char *identity, const struct addr *remote)
{
	if (identity[0] != '\0')
		return ike_fingerprint(identity, strlen(identity)) ^ ike->hash_seed;
	return (uint64_t)addr_hash(remote, ike->hash_seed) << 32 |
		addr_hash(remote, ~ike->hash_seed);
}

/** What is kept of exactly this peer, or NULL. */
static struct ike_failure_kept *
find(const struct ike *ike, const char *identity, const struct addr *remote)
{
	struct ike_failure_kept *k =
		map_get(&ike->events.failures.by_peer, key_of(ike, identity, remote));

	if (k == NULL || strcmp(k->texts, identity) != 0 ||
		(identity[0] == '\0' && !addr_equal(&k->path.remote, remote)))
		return NULL;
	return k;
}

static enum ike_failure_rank
rank_of(const struct ike *ike, const struct ike_event *e)
{
	if (e->identity[0] == '\0')
		return ike_known_has(ike, &e->path.remote) ? FAILURE_ADDRESS : FAILURE_STRANGER;
	return e->authenticated || e->expected ? FAILURE_EXPECTED : FAILURE_CLAIM;
}

/** Room for a new one of that rank; two peers of one hash: the better known stays. */
static bool
room_make(struct ike_failures *f, uint64_t key, enum ike_failure_rank rank)
{
	struct ike_failure_kept *other = map_get(&f->by_peer, key);

	if (other != NULL && other->rank > rank)
		return false;
	if (other != NULL)
		kept_free(f, other);
	if (f->list[rank].count >= room_of(f, rank) && f->list[rank].oldest != NULL)
		kept_free(f, f->list[rank].oldest);
	return f->list[rank].count < room_of(f, rank);
}

void
ike_failure_keep(struct ike *ike, const struct ike_event *e, uint64_t now_ms)
{
	struct ike_failures *f = &ike->events.failures;
	struct ike_failure_kept *before = find(ike, e->identity, &e->path.remote);
	struct ike_failure_kept *k = pack(e);

	if (k == NULL)
		return;
	k->key = key_of(ike, e->identity, &e->path.remote);
	k->rank = rank_of(ike, e);
	k->at_ms = now_ms;
	k->count = 1 + (before != NULL ? before->count : 0);
	if (before != NULL)
		kept_free(f, before);
	if (!room_make(f, k->key, k->rank) || map_set(&f->by_peer, k->key, k) != 0)
		free(k);
	else
		list_append(&f->list[k->rank], k);
}

void
ike_failure_forget(struct ike *ike, const char *identity, const struct addr *remote)
{
	struct ike_failure_kept *named = find(ike, identity, remote);

	if (named != NULL)
		kept_free(&ike->events.failures, named);
	struct ike_failure_kept *nameless = find(ike, "", remote);

	if (nameless != NULL)
		kept_free(&ike->events.failures, nameless);
}

void
ike_failures_each(
	const struct ike_failures *f, void (*fn)(void *arg, const struct ike_failure *), void *arg)
{
	struct ike_failure out;

	for (int rank = 0; rank < FAILURE_RANKS; rank++)
		for (const struct ike_failure_kept *k = f->list[rank].oldest; k != NULL;
			k = k->newer) {
			unpack(k, &out);
			fn(arg, &out);
		}
}

bool
ike_failure_read(const struct ike *ike, const char *identity, struct ike_failure *out)
{
	const struct addr none = { 0 };
	const struct ike_failure_kept *k = identity[0] != '\0' ? find(ike, identity, &none) : NULL;

	if (k != NULL)
		unpack(k, out);
	return k != NULL;
}

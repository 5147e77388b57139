/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nhrp/nhrp_cache.h"

#include <stdlib.h>

#define owner_of(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static struct prefix
entry_prefix(const struct nhrp_entry *e)
{
	return prefix_network(&(struct prefix){ .addr = e->b.protocol, .bits = e->b.bits });
}

static uint32_t
prefix_hash(const struct nhrp_cache *c, const struct prefix *p)
{
	return addr_hash(&p->addr, c->seed + p->bits);
}

static uint32_t
owner_hash(const struct nhrp_cache *c, const struct addr *outer, const struct config_identity *id)
{
	uint32_t h = addr_hash(outer, c->seed);

	for (size_t i = 0; i < id->bytes; i++)
		h = (h ^ id->data[i]) * 16777619u;
	return h ^ (h >> 15);
}

bool
nhrp_identity_equal(const struct config_identity *a, const struct config_identity *b)
{
	return a->type == b->type && a->bytes == b->bytes &&
		memcmp(a->data, b->data, a->bytes) == 0;
}

static struct config_identity
identity_copy(const struct config_identity *id)
{
	struct config_identity out = { 0 };

	if (id == NULL || id->type == ID_NONE || id->bytes > sizeof(out.data))
		return out;
	out.type = id->type;
	out.bytes = id->bytes;
	memcpy(out.data, id->data, id->bytes);
	return out;
}

struct nhrp_entry *
nhrp_cache_exact(const struct nhrp_cache *c, const struct prefix *p)
{
	struct prefix want = prefix_network(p);
	uint32_t hash = prefix_hash(c, &want);
	struct nhrp_node *node = NULL;

	while ((node = nhrp_table_find(&c->prefixes, hash, node)) != NULL) {
		struct nhrp_entry *e = owner_of(node, struct nhrp_entry, by_prefix);
		struct prefix have = entry_prefix(e);

		if (prefix_equal(&have, &want))
			return e;
	}
	return NULL;
}

struct nhrp_entry *
nhrp_cache_find(const struct nhrp_cache *c, const struct addr *a)
{
	for (int bits = addr_bytes(a) * 8; bits > 0; bits--) {
		if (c->lengths[bits] == 0)
			continue;
		struct prefix p = { .addr = *a, .bits = (uint8_t)bits };
		struct nhrp_entry *e = nhrp_cache_exact(c, &p);

		if (e != NULL)
			return e;
	}
	return NULL;
}

static void
owner_set(struct nhrp_entry *e, const struct nhrp_link *owner)
{
	e->b.nbma = owner->outer;
	e->b.udp_port = owner->udp_port;
	e->b.identity = owner->identity;
	e->b.authority = owner->authority;
}

struct nhrp_entry *
nhrp_cache_add(struct nhrp_cache *c, const struct addr *protocol, uint8_t bits,
	const struct nhrp_link *owner)
{
	struct nhrp_entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->b.protocol = *protocol;
	e->b.bits = bits;
	owner_set(e, owner);

	struct prefix p = entry_prefix(e);
	if (nhrp_table_add(&c->prefixes, &e->by_prefix, prefix_hash(c, &p)) != 0)
		goto no_prefix;
	if (nhrp_table_add(&c->owners, &e->by_owner, owner_hash(c, &e->b.nbma, &e->b.identity)) !=
		0)
		goto no_owner;
	c->lengths[bits]++;
	return e;

no_owner:
	nhrp_table_remove(&c->prefixes, &e->by_prefix);
no_prefix:
	free(e);
	return NULL;
}

void
nhrp_cache_remove(struct nhrp_cache *c, struct nhrp_entry *e)
{
	nhrp_cache_detach(e);
	nhrp_table_remove(&c->prefixes, &e->by_prefix);
	nhrp_table_remove(&c->owners, &e->by_owner);
	c->lengths[e->b.bits]--;
	free(e);
}

void
nhrp_cache_own(struct nhrp_cache *c, struct nhrp_entry *e, const struct nhrp_link *owner)
{
	nhrp_table_remove(&c->owners, &e->by_owner);
	owner_set(e, owner);
	/* Cannot fail: the table has its buckets since e was added. */
	(void)nhrp_table_add(&c->owners, &e->by_owner, owner_hash(c, &e->b.nbma, &e->b.identity));
}

void
nhrp_cache_attach(struct nhrp_entry *e, struct nhrp_link *link)
{
	nhrp_cache_detach(e);
	e->link = link;
	e->b.link = link->id;
	e->link_next = link->entries;
	e->link_prev = &link->entries;
	if (e->link_next != NULL)
		e->link_next->link_prev = &e->link_next;
	link->entries = e;
	link->entries_count++;
}

void
nhrp_cache_detach(struct nhrp_entry *e)
{
	if (e->link == NULL)
		return;
	*e->link_prev = e->link_next;
	if (e->link_next != NULL)
		e->link_next->link_prev = e->link_prev;
	e->link->entries_count--;
	e->link = NULL;
	e->b.link = NHRP_NO_LINK;
}

struct nhrp_entry *
nhrp_cache_next(const struct nhrp_cache *c, uint32_t *bucket, const struct nhrp_entry *prev)
{
	struct nhrp_node *node =
		nhrp_table_next(&c->prefixes, bucket, prev == NULL ? NULL : &prev->by_prefix);

	return node == NULL ? NULL : owner_of(node, struct nhrp_entry, by_prefix);
}

struct nhrp_entry *
nhrp_cache_lost(const struct nhrp_cache *c, const struct nhrp_link *link)
{
	struct nhrp_node *node = NULL;

	while ((node = nhrp_table_find(&c->owners, link->by_owner.hash, node)) != NULL) {
		struct nhrp_entry *e = owner_of(node, struct nhrp_entry, by_owner);

		if (e->link == NULL && addr_equal(&e->b.nbma, &link->outer) &&
			nhrp_identity_equal(&e->b.identity, &link->identity) &&
			authority_may_take(&e->b.authority, &link->authority))
			return e;
	}
	return NULL;
}

struct nhrp_link *
nhrp_link_find(const struct nhrp_cache *c, uint64_t id)
{
	return id == NHRP_NO_LINK ? NULL : map_get(&c->links, id);
}

struct nhrp_link *
nhrp_link_twin(const struct nhrp_cache *c, const struct nhrp_link *link)
{
	struct nhrp_node *node = NULL;

	while ((node = nhrp_table_find(&c->link_owners, link->by_owner.hash, node)) != NULL) {
		struct nhrp_link *l = owner_of(node, struct nhrp_link, by_owner);

		if (l != link && addr_equal(&l->outer, &link->outer) &&
			nhrp_identity_equal(&l->identity, &link->identity) &&
			authority_may_take(&link->authority, &l->authority))
			return l;
	}
	return NULL;
}

static void
link_set(struct nhrp_link *l, const struct nhrp_from *from)
{
	l->outer = from->outer;
	l->udp_port = from->udp_port;
	l->identity = identity_copy(from->identity);
	l->authority = from->authority;
}

static struct nhrp_link *
link_new(struct nhrp_cache *c, const struct nhrp_from *from)
{
	struct nhrp_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->id = from->sa;
	link_set(l, from);
	if (nhrp_table_add(&c->link_owners, &l->by_owner, owner_hash(c, &l->outer, &l->identity)) !=
		0)
		goto no_owner;
	if (map_set(&c->links, l->id, l) != 0)
		goto no_map;
	return l;

no_map:
	nhrp_table_remove(&c->link_owners, &l->by_owner);
no_owner:
	free(l);
	return NULL;
}

struct nhrp_link *
nhrp_link_note(struct nhrp_cache *c, const struct nhrp_from *from)
{
	struct nhrp_link *l = nhrp_link_find(c, from->sa);

	if (l == NULL)
		return link_new(c, from);
	nhrp_table_remove(&c->link_owners, &l->by_owner);
	link_set(l, from);
	(void)nhrp_table_add(&c->link_owners, &l->by_owner, owner_hash(c, &l->outer, &l->identity));
	return l;
}

void
nhrp_link_forget(struct nhrp_cache *c, struct nhrp_link *link)
{
	nhrp_table_remove(&c->link_owners, &link->by_owner);
	map_del(&c->links, link->id);
	free(link);
}

void
nhrp_cache_free(struct nhrp_cache *c)
{
	nhrp_table_free(&c->prefixes);
	nhrp_table_free(&c->owners);
	nhrp_table_free(&c->link_owners);
	map_free(&c->links);
}

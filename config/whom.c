/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/whom.h"

#include <stdlib.h>

#include "config/identity.h"

/** Where an entry is: open addressing, never more than half full. */
struct slot {
	uint64_t hash;
	const struct config_whom *whom; /* NULL: free */
	const void *name;
	uint32_t name_bytes, entry;
};

/** A bit per length of a prefix, 0 to 128. */
struct lengths {
	uint64_t bits[3];
};

struct whom_index {
	struct slot *slots;
	size_t size;           /* power of two */
	struct lengths v4, v6; /* prefix lengths there are entries of */
	uint64_t looked;
};

struct whom_index *
whom_index_new(size_t most)
{
	struct whom_index *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	for (x->size = 4; x->size < most * 2;)
		x->size *= 2;
	x->slots = calloc(x->size, sizeof(*x->slots));
	if (x->slots != NULL)
		return x;
	free(x);
	return NULL;
}

void
whom_index_free(struct whom_index *x)
{
	if (x == NULL)
		return;
	free(x->slots);
	free(x);
}

/* ---- hashing ----------------------------------------------------------------------------- */

/** FNV-1a over one more piece. Entries come from our own file: nobody else chooses them. */
static uint64_t
hash_more(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static uint64_t
hash_of(const struct config_whom *w, const void *name, size_t n)
{
	const struct config_identity *id = &w->identity;
	uint64_t h = 14695981039346656037u;

	h = hash_more(h, &id->type, sizeof(id->type));
	h = hash_more(h, id->data, id->bytes);
	h = hash_more(h, &w->address.addr, sizeof(w->address.addr));
	h = hash_more(h, &w->address.bits, sizeof(w->address.bits));
	h = hash_more(h, name, n);
	return h ^ h >> 32;
}

static struct lengths *
lengths_of(struct whom_index *x, const struct addr *a)
{
	return a->family == ADDR_V6 ? &x->v6 : &x->v4;
}

void
whom_index_add(struct whom_index *x, const struct config_whom *w, const void *name, size_t n,
	uint32_t entry)
{
	uint64_t hash = hash_of(w, name, n);
	size_t i = hash;

	while (x->slots[i & (x->size - 1)].whom != NULL)
		i++;
	x->slots[i & (x->size - 1)] = (struct slot){ hash, w, name, (uint32_t)n, entry };
	if (w->identity.type == ID_NONE && w->address.addr.family != ADDR_NONE)
		lengths_of(x, &w->address.addr)->bits[w->address.bits / 64] |= 1ull
			<< w->address.bits % 64;
}

static bool
slot_is(const struct slot *s, const struct config_whom *w, const void *name, size_t n)
{
	return s->name_bytes == n && (n == 0 || memcmp(s->name, name, n) == 0) &&
		identity_equal(&s->whom->identity, &w->identity) &&
		prefix_equal(&s->whom->address, &w->address);
}

uint32_t
whom_same(struct whom_index *x, const struct config_whom *w, const void *name, size_t n)
{
	uint64_t hash = hash_of(w, name, n);

	if (x == NULL)
		return WHOM_NONE;
	for (size_t i = hash; x->slots[i & (x->size - 1)].whom != NULL; i++) {
		const struct slot *s = &x->slots[i & (x->size - 1)];

		x->looked++;
		if (s->hash == hash && slot_is(s, w, name, n))
			return s->entry;
	}
	return WHOM_NONE;
}

/* ---- finding ------------------------------------------------------------------------------ */

/** By the outer address, longest prefix first. */
static uint32_t
find_address(struct whom_index *x, const struct addr *remote, const void *name, size_t n)
{
	const struct lengths *l = lengths_of(x, remote);
	uint32_t entry = WHOM_NONE;

	for (int bits = addr_bytes(remote) * 8; bits >= 0 && entry == WHOM_NONE; bits--) {
		struct config_whom w = { .address = { *remote, (uint8_t)bits } };

		if ((l->bits[bits / 64] & 1ull << bits % 64) == 0)
			continue;
		w.address = prefix_network(&w.address);
		entry = whom_same(x, &w, name, n);
	}
	return entry;
}

uint32_t
whom_find(struct whom_index *x, const struct config_identity *id, const struct addr *remote,
	const void *name, size_t n)
{
	struct config_whom w = { 0 };
	uint32_t entry = WHOM_NONE;

	if (id != NULL && id->type != ID_NONE) {
		w.identity = *id;
		entry = whom_same(x, &w, name, n);
	}
	if (entry == WHOM_NONE && x != NULL && remote != NULL && remote->family != ADDR_NONE)
		entry = find_address(x, remote, name, n);
	if (entry != WHOM_NONE)
		return entry;
	w.identity = (struct config_identity){ 0 };
	return whom_same(x, &w, name, n);
}

uint64_t
whom_index_looked(const struct whom_index *x)
{
	return x->looked;
}

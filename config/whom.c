/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/whom.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/identity.h"
#include "crypto/cert.h"

/* ---- as text -------------------------------------------------------------------------------- */

/** What a pattern has beside its star, as identity_parse() would take the whole. */
static int
literal_set(const char *text, size_t n, enum whom_fit fit, struct config_whom *w)
{
	struct config_whom out = { .fit = (uint8_t)fit };
	bool key_id = strncmp(text, "keyid:", 6) == 0;

	if (n > IDENTITY_NAME_BYTES)
		return -EINVAL;
	text += key_id ? 6 : 0;
	n -= key_id ? 6 : 0;
	text += fit == FIT_END; /* the star */
	n -= 1;
	out.identity.type = key_id ? ID_KEY_ID : memchr(text, '@', n) ? ID_RFC822_ADDR : ID_FQDN;
	for (size_t i = 0; i < n && !key_id; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@+",
			    text[i]) == NULL)
			return -EINVAL;
	if (n == 0 || memchr(text, '*', n) != NULL)
		return -EINVAL;
	memcpy(out.identity.data, text, n);
	out.identity.bytes = (uint16_t)n;
	*w = out;
	return 0;
}

static int
net_set(const struct prefix *p, struct config_whom *w)
{
	const struct prefix net = prefix_network(p);

	if (!prefix_equal(&net, p))
		return -EINVAL;
	*w = (struct config_whom){
		.fit = FIT_NET,
		.identity.type = p->addr.family == ADDR_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR,
		.address = *p,
	};
	return 0;
}

static int
pattern_parse(const char *text, const char *star, struct config_whom *w, char *why, size_t n)
{
	bool first = star == text || (star == text + 6 && strncmp(text, "keyid:", 6) == 0);
	bool last = star[1] == '\0';

	if (strspn(text, "0123456789.:*") == strlen(text) && text[1] != '\0')
		snprintf(why, n, "write a range of addresses as a network, 10.1.0.0/16");
	else if (!(first || last) ||
		literal_set(text, strlen(text), last ? FIT_BEGIN : FIT_END, w) != 0)
		snprintf(why, n,
			"one \"*\" may stand at the beginning or the end, beside characters of a "
			"host name, mail address or key id");
	else
		return 0;
	return -EINVAL;
}

int
whom_parse(const char *text, struct config_whom *w, char *why, size_t n)
{
	const char *star = strchr(text, '*');
	struct config_whom out = { 0 };
	struct prefix p;

	why[0] = '\0';
	if (prefix_parse(text, &p) == 0)
		return net_set(&p, w);
	if (star != NULL && strncmp(text, "dn:", 3) != 0)
		return pattern_parse(text, star, w, why, n);
	int err = identity_parse_why(text, &out.identity, why, n);

	if (err == 0)
		*w = out;
	return err;
}

/** The star where it was. */
static void
pattern_print(const struct config_whom *w, char *buf, size_t n)
{
	const struct config_identity *id = &w->identity;

	snprintf(buf, n, "%s%s%.*s%s", id->type == ID_KEY_ID ? "keyid:" : "",
		w->fit == FIT_END ? "*" : "", id->bytes, (const char *)id->data,
		w->fit == FIT_BEGIN ? "*" : "");
}

const char *
whom_print(const struct config_whom *w, char *buf, size_t n)
{
	char text[ADDR_TEXT_BYTES];

	if (w->fit == FIT_END || w->fit == FIT_BEGIN)
		pattern_print(w, buf, n);
	else if (w->fit == FIT_WHOLE && w->identity.type != ID_NONE)
		identity_print(&w->identity, buf, n);
	else if (w->address.addr.family == ADDR_NONE)
		snprintf(buf, n, "any peer");
	else
		snprintf(buf, n, "%s", prefix_print(&w->address, text));
	return buf;
}

/* ---- the index ------------------------------------------------------------------------------ */

/** Where an entry is: open addressing, never more than half full. */
struct slot {
	uint64_t hash;
	const struct config_whom *whom; /* NULL: free */
	const void *name;
	uint32_t name_bytes, entry;
};

/** A bit per length: of a prefix, or of the literal part of a pattern. */
struct lengths {
	uint64_t bits[CONFIG_IDENTITY_BYTES / 64 + 1];
};

/** Of entries by identity, and by outer address. */
enum { BY_IDENTITY, BY_ADDRESS };

struct whom_index {
	struct slot *slots;
	size_t size; /* power of two */
	size_t used;
	struct lengths v4[2], v6[2]; /* of prefixes, BY_... */
	struct lengths end, begin;   /* of patterns */
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

/* ---- what is the same --------------------------------------------------------------------- */

/** An identity without what makes no difference. */
struct plain {
	size_t bytes;
	uint8_t data[CERT_DN_KEY_BYTES];
};

static void
lower(uint8_t *c, size_t n)
{
	for (; n > 0; n--, c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (uint8_t)(*c - 'A' + 'a');
}

static void
plain_of(const struct config_identity *id, struct plain *p)
{
	const uint8_t *at;

	static_assert(sizeof(p->data) >= sizeof(id->data), "any identity fits");
	p->bytes = 0;
	if (id->type == ID_DER_ASN1_DN)
		p->bytes = cert_dn_key(id->data, id->bytes, (char *)p->data);
	if (p->bytes > 0)
		return;
	p->bytes = id->bytes;
	memcpy(p->data, id->data, id->bytes);
	if (id->type == ID_FQDN)
		lower(p->data, p->bytes);
	at = id->type == ID_RFC822_ADDR ? memchr(p->data, '@', p->bytes) : NULL;
	if (at != NULL)
		lower(p->data + (at - p->data), p->bytes - (size_t)(at - p->data));
}

/** Where an entry belongs: everything that tells it from others. */
struct key {
	uint8_t fit, type; /* of the identity */
	const uint8_t *data;
	size_t bytes;
	const struct prefix *address;
	const void *name;
	size_t name_bytes;
	uint64_t hash;
};

/** FNV-1a over one more piece. Entries come from our own file: nobody else chooses them. */
static uint64_t
hash_more(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static void
key_hash(struct key *k)
{
	uint64_t h = 14695981039346656037u ^ ((uint64_t)k->fit << 8 | k->type);

	h = hash_more(h, k->data, k->bytes);
	h = hash_more(h, &k->address->addr, sizeof(k->address->addr));
	h = hash_more(h, &k->address->bits, sizeof(k->address->bits));
	h = hash_more(h, k->name, k->name_bytes);
	k->hash = h ^ h >> 32;
}

/** p is the room for w's identity. */
static struct key
key_of(const struct config_whom *w, struct plain *p, const void *name, size_t n)
{
	struct key k = { .fit = w->fit,
		.type = w->identity.type,
		.address = &w->address,
		.name = name,
		.name_bytes = n };

	plain_of(&w->identity, p);
	k.data = p->data;
	k.bytes = p->bytes;
	key_hash(&k);
	return k;
}

uint64_t
whom_hash(const struct config_whom *w)
{
	struct plain p;

	return key_of(w, &p, NULL, 0).hash;
}

bool
whom_equal(const struct config_whom *a, const struct config_whom *b)
{
	struct plain of_a, of_b;

	plain_of(&a->identity, &of_a);
	plain_of(&b->identity, &of_b);
	return a->fit == b->fit && a->identity.type == b->identity.type &&
		of_a.bytes == of_b.bytes && memcmp(of_a.data, of_b.data, of_a.bytes) == 0 &&
		prefix_equal(&a->address, &b->address);
}

static bool
slot_is(const struct slot *s, const struct key *k)
{
	struct plain p;

	if (s->hash != k->hash || s->whom->fit != k->fit || s->whom->identity.type != k->type ||
		s->name_bytes != k->name_bytes || !prefix_equal(&s->whom->address, k->address))
		return false;
	if (k->name_bytes > 0 && memcmp(s->name, k->name, k->name_bytes) != 0)
		return false;
	plain_of(&s->whom->identity, &p);
	return p.bytes == k->bytes && memcmp(p.data, k->data, k->bytes) == 0;
}

static uint32_t
entry_at(struct whom_index *x, const struct key *k)
{
	for (size_t i = k->hash; x->slots[i & (x->size - 1)].whom != NULL; i++) {
		x->looked++;
		if (slot_is(&x->slots[i & (x->size - 1)], k))
			return x->slots[i & (x->size - 1)].entry;
	}
	return WHOM_NONE;
}

static void
length_note(struct lengths *l, size_t length)
{
	l->bits[length / 64] |= 1ull << length % 64;
}

static bool
length_there(const struct lengths *l, size_t length)
{
	return (l->bits[length / 64] & 1ull << length % 64) != 0;
}

static void
lengths_note(struct whom_index *x, const struct config_whom *w, const struct key *k)
{
	int by = w->fit == FIT_NET ? BY_IDENTITY : BY_ADDRESS;

	if (w->fit == FIT_END || w->fit == FIT_BEGIN)
		length_note(w->fit == FIT_END ? &x->end : &x->begin, k->bytes);
	else if (w->address.addr.family != ADDR_NONE)
		length_note(w->address.addr.family == ADDR_V6 ? &x->v6[by] : &x->v4[by],
			w->address.bits);
}

void
whom_index_add(struct whom_index *x, const struct config_whom *w, const void *name, size_t n,
	uint32_t entry)
{
	struct plain room;
	struct key k = key_of(w, &room, name, n);
	size_t i = k.hash;

	while (x->slots[i & (x->size - 1)].whom != NULL)
		i++;
	x->slots[i & (x->size - 1)] = (struct slot){ k.hash, w, name, (uint32_t)n, entry };
	x->used++;
	lengths_note(x, w, &k);
}

uint32_t
whom_same(struct whom_index *x, const struct config_whom *w, const void *name, size_t n)
{
	struct plain room;
	struct key k = key_of(w, &room, name, n);

	return x == NULL ? WHOM_NONE : entry_at(x, &k);
}

/* ---- finding ------------------------------------------------------------------------------ */

/** By an address, longest prefix first; k has the rest. */
static uint32_t
find_net(struct whom_index *x, struct key k, int by, const struct addr *a)
{
	const struct lengths *l = a->family == ADDR_V6 ? &x->v6[by] : &x->v4[by];
	uint32_t entry = WHOM_NONE;

	for (int bits = addr_bytes(a) * 8; bits >= 0 && entry == WHOM_NONE; bits--) {
		struct prefix p = { *a, (uint8_t)bits };

		if (!length_there(l, (size_t)bits))
			continue;
		p = prefix_network(&p);
		k.address = &p;
		key_hash(&k);
		entry = entry_at(x, &k);
	}
	return entry;
}

/** By a pattern, longest literal part first. A star stands for one character at least. */
static uint32_t
find_pattern(struct whom_index *x, struct key k)
{
	const uint8_t *data = k.data;
	size_t all = k.bytes < CONFIG_IDENTITY_BYTES ? k.bytes : CONFIG_IDENTITY_BYTES;
	uint32_t entry = WHOM_NONE;

	if (k.type != ID_FQDN && k.type != ID_RFC822_ADDR && k.type != ID_KEY_ID)
		return WHOM_NONE;
	for (k.bytes = all; k.bytes-- > 1 && entry == WHOM_NONE;) {
		if (length_there(&x->end, k.bytes)) {
			k.fit = FIT_END;
			k.data = data + all - k.bytes;
			key_hash(&k);
			entry = entry_at(x, &k);
		}
		if (entry == WHOM_NONE && length_there(&x->begin, k.bytes)) {
			k.fit = FIT_BEGIN;
			k.data = data;
			key_hash(&k);
			entry = entry_at(x, &k);
		}
	}
	return entry;
}

/** By the identity itself, a network or a pattern that fits it. */
static uint32_t
find_identity(struct whom_index *x, const struct config_identity *id, const void *name, size_t n)
{
	const struct config_whom w = { .identity = *id };
	struct plain room;
	struct key k = key_of(&w, &room, name, n);
	uint32_t entry = entry_at(x, &k);
	struct addr a;

	if (entry != WHOM_NONE)
		return entry;
	if ((id->type != ID_IPV4_ADDR && id->type != ID_IPV6_ADDR) ||
		addr_from_bytes(&a, id->data, id->bytes) != 0)
		return find_pattern(x, k);
	k.fit = FIT_NET;
	k.bytes = 0;
	return find_net(x, k, BY_IDENTITY, &a);
}

uint32_t
whom_find(struct whom_index *x, const struct config_identity *id, const struct addr *remote,
	const void *name, size_t n)
{
	const struct config_whom anybody = { 0 };
	struct plain room;
	struct key k = key_of(&anybody, &room, name, n);
	uint32_t entry = WHOM_NONE;

	if (x == NULL || x->used == 0) /* without a look at a distinguished name */
		return WHOM_NONE;
	if (id != NULL && id->type != ID_NONE)
		entry = find_identity(x, id, name, n);
	if (entry == WHOM_NONE && remote != NULL && remote->family != ADDR_NONE)
		entry = find_net(x, k, BY_ADDRESS, remote);
	return entry != WHOM_NONE ? entry : entry_at(x, &k);
}

uint64_t
whom_index_looked(const struct whom_index *x)
{
	return x->looked;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A node is a prefix with a value, or the fork of two longer ones (value NULL, both
 * children there). A child's prefix is longer than its parent's and within it.
 */
#include "control/route/ptree.h"

#include <errno.h>
#include <stdlib.h>

struct ptree_node {
	struct prefix p;
	void *value;
	struct ptree_node *child[2]; /* by the bit that follows p */
};

static unsigned
bit(const struct addr *a, unsigned i)
{
	return a->octet[i / 8] >> (7 - i % 8) & 1;
}

/** Leading bits a and b share, at most max. */
static unsigned
common_bits(const struct addr *a, const struct addr *b, unsigned max)
{
	for (unsigned i = 0; i * 8 < max; i++) {
		unsigned differ = a->octet[i] ^ b->octet[i];

		if (differ != 0) {
			unsigned n = i * 8 + (unsigned)__builtin_clz(differ) - 24;

			return n < max ? n : max;
		}
	}
	return max;
}

static struct ptree_node **
root_of(const struct ptree *t, enum addr_family family)
{
	return (struct ptree_node **)(uintptr_t)&t->root[family == ADDR_V6];
}

static struct ptree_node *
node_new(const struct prefix *p, void *value)
{
	struct ptree_node *n = calloc(1, sizeof(*n));

	if (n != NULL) {
		n->p = *p;
		n->value = value;
	}
	return n;
}

/** Put fresh in the place of old, which becomes its child or its sibling below a fork. */
static int
node_split(struct ptree_node **at, struct ptree_node *fresh)
{
	struct ptree_node *old = *at, *fork = fresh;
	unsigned most = fresh->p.bits < old->p.bits ? fresh->p.bits : old->p.bits;
	unsigned shared = common_bits(&fresh->p.addr, &old->p.addr, most);

	if (shared < fresh->p.bits) {
		struct prefix p = { .addr = old->p.addr, .bits = (uint8_t)shared };

		p = prefix_network(&p);
		fork = node_new(&p, NULL);
		if (fork == NULL)
			return -ENOMEM;
		fork->child[bit(&fresh->p.addr, shared)] = fresh;
	}
	fork->child[bit(&old->p.addr, shared)] = old;
	*at = fork;
	return 0;
}

/** Where the node of p is or would be: the first one on p's way not shorter than p. */
static struct ptree_node **
place_of(const struct ptree *t, const struct prefix *p)
{
	struct ptree_node **at = root_of(t, p->addr.family);

	while (*at != NULL && (*at)->p.bits < p->bits && prefix_has(&(*at)->p, &p->addr))
		at = &(*at)->child[bit(&p->addr, (*at)->p.bits)];
	return at;
}

int
ptree_set(struct ptree *t, const struct prefix *p, void *value)
{
	struct ptree_node **at = place_of(t, p);
	struct ptree_node *fresh;

	if (*at != NULL && prefix_equal(&(*at)->p, p)) {
		t->count += (*at)->value == NULL;
		(*at)->value = value;
		return 0;
	}
	fresh = node_new(p, value);
	if (fresh == NULL)
		return -ENOMEM;
	if (*at == NULL) {
		*at = fresh;
	} else if (node_split(at, fresh) != 0) {
		free(fresh);
		return -ENOMEM;
	}
	t->count++;
	return 0;
}

void *
ptree_get(const struct ptree *t, const struct prefix *p)
{
	const struct ptree_node *n = *place_of(t, p);

	return n != NULL && prefix_equal(&n->p, p) ? n->value : NULL;
}

/** A node without value stays only as a fork. */
static void
node_prune(struct ptree_node **at)
{
	struct ptree_node *n = *at;

	if (n->value != NULL || (n->child[0] != NULL && n->child[1] != NULL))
		return;
	*at = n->child[n->child[0] == NULL];
	free(n);
}

void *
ptree_del(struct ptree *t, const struct prefix *p)
{
	struct ptree_node **at = root_of(t, p->addr.family), **above = NULL;
	void *value;

	while (*at != NULL && (*at)->p.bits < p->bits && prefix_has(&(*at)->p, &p->addr)) {
		above = at;
		at = &(*at)->child[bit(&p->addr, (*at)->p.bits)];
	}
	if (*at == NULL || !prefix_equal(&(*at)->p, p) || (*at)->value == NULL)
		return NULL;
	value = (*at)->value;
	(*at)->value = NULL;
	t->count--;
	node_prune(at);
	if (above != NULL)
		node_prune(above);
	return value;
}

void *
ptree_longest(const struct ptree *t, const struct addr *a,
	bool (*takes)(const void *arg, const void *value), const void *arg)
{
	const struct ptree_node *n = *root_of(t, a->family);
	unsigned bits = addr_bytes(a) * 8;
	void *best = NULL;

	while (n != NULL && prefix_has(&n->p, a)) {
		if (n->value != NULL && (takes == NULL || takes(arg, n->value)))
			best = n->value;
		n = n->p.bits < bits ? n->child[bit(a, n->p.bits)] : NULL;
	}
	return best;
}

struct prefix
ptree_lengthen(const struct ptree *t, const struct prefix *p, const struct addr *a)
{
	const struct ptree_node *n = *place_of(t, p);
	unsigned bits = p->bits;

	while (n != NULL && prefix_covers(p, &n->p)) {
		if (!prefix_has(&n->p, a)) {
			unsigned shared = common_bits(&n->p.addr, a, n->p.bits);

			bits = shared + 1 > bits ? shared + 1 : bits;
			break;
		}
		if (n->p.bits == addr_bytes(a) * 8)
			break;
		unsigned side = bit(a, n->p.bits);
		if (n->child[!side] != NULL)
			bits = n->p.bits + 1u > bits ? n->p.bits + 1u : bits;
		n = n->child[side];
	}
	return prefix_network(&(struct prefix){ .addr = *a, .bits = (uint8_t)bits });
}

/** An address below n that no value at or below n's children covers. */
static bool
own_address(const struct ptree_node *n, struct addr *out)
{
	if (n->p.bits == addr_bytes(&n->p.addr) * 8) {
		*out = n->p.addr;
		return true;
	}
	for (unsigned side = 0; side < 2; side++) {
		const struct ptree_node *c = n->child[side];
		unsigned last = c == NULL ? n->p.bits : c->p.bits - 1u;

		if (c == NULL || c->p.bits > n->p.bits + 1) {
			/* the half is empty, or c leaves its sibling free */
			*out = c == NULL ? n->p.addr : c->p.addr;
			if (c != NULL || side == 1)
				out->octet[last / 8] ^= (uint8_t)(0x80 >> last % 8);
			return true;
		}
		if (c->value == NULL && own_address(c, out))
			return true;
	}
	return false;
}

bool
ptree_own_address(const struct ptree *t, const struct prefix *p, struct addr *out)
{
	const struct ptree_node *n = *place_of(t, p);

	return n != NULL && prefix_equal(&n->p, p) && own_address(n, out);
}

static bool
each(const struct ptree_node *n, bool (*fn)(void *arg, void *value), void *arg)
{
	if (n == NULL)
		return true;
	if (n->value != NULL && !fn(arg, n->value))
		return false;
	return each(n->child[0], fn, arg) && each(n->child[1], fn, arg);
}

bool
ptree_each(const struct ptree *t, const struct prefix *within, bool (*fn)(void *arg, void *value),
	void *arg)
{
	const struct ptree_node *n;

	if (within == NULL)
		return each(t->root[0], fn, arg) && each(t->root[1], fn, arg);
	n = *place_of(t, within);
	return n == NULL || !prefix_covers(within, &n->p) || each(n, fn, arg);
}

static void
node_free(struct ptree_node *n)
{
	if (n == NULL)
		return;
	node_free(n->child[0]);
	node_free(n->child[1]);
	free(n);
}

void
ptree_free(struct ptree *t)
{
	node_free(t->root[0]);
	node_free(t->root[1]);
	*t = (struct ptree){ 0 };
}

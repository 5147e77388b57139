/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_pack.h"

#include <stdlib.h>

#include "crypto/suite.h"

#define VALUES_MAX 32 /* of one kind: bits of a set */

enum kind { K_ENCR, K_INTEG, K_PRF, K_DH, K_ESN, KINDS };

/** Every combination of one value of each kind; a kind without any is not named at all. */
struct pack {
	uint32_t has[KINDS]; /* bit per value */
	uint8_t weak;
};

struct packer {
	const struct ike_policy *policy;
	struct ike_transform value[KINDS][VALUES_MAX]; /* as they came */
	unsigned values[KINDS];
	struct pack *packs;
	size_t count;
};

/** The bit of a value, which is entered if it is new. There is room. */
static uint32_t
value_bit(struct packer *p, enum kind kind, uint8_t type, uint16_t id, uint16_t key_bits)
{
	unsigned i = 0;

	while (i < p->values[kind] &&
		(p->value[kind][i].id != id || p->value[kind][i].key_bits != key_bits))
		i++;
	if (i == p->values[kind])
		p->value[kind][p->values[kind]++] =
			(struct ike_transform){ .type = type, .id = id, .key_bits = key_bits };
	return 1u << i;
}

static uint32_t
groups_add(struct packer *p)
{
	const struct ike_policy *policy = p->policy;
	bool any = policy->dh_rule == DH_RULE_PEER || policy->dh_rule == DH_RULE_REQUIRE;
	uint32_t bits = 0;

	for (size_t i = 0; any && i < policy->groups_count; i++)
		bits |= value_bit(p, K_DH, T_DH, policy->groups[i], 0);
	return bits;
}

static void
line_add(struct packer *p, const struct config_proposal *line)
{
	struct pack k = { .weak = line->weak };

	for (enum kind i = 0; i < KINDS; i++)
		if (p->values[i] + 2 > VALUES_MAX)
			return; /* more than there are algorithms */
	k.has[K_ENCR] = value_bit(p, K_ENCR, T_ENCR, line->encr, line->encr_bits);
	if (line->integ != AUTH_NONE)
		k.has[K_INTEG] = value_bit(p, K_INTEG, T_INTEG, line->integ, 0);
	if (p->policy->protocol == PROTO_IKE) {
		k.has[K_PRF] = value_bit(p, K_PRF, T_PRF, line->prf, 0);
		k.has[K_DH] = value_bit(p, K_DH, T_DH, line->dh, 0);
	} else {
		k.has[K_DH] = groups_add(p);
		if (line->esn != 1)
			k.has[K_ESN] |= value_bit(p, K_ESN, T_ESN, 1, 0);
		if (line->esn != 2)
			k.has[K_ESN] |= value_bit(p, K_ESN, T_ESN, 0, 0);
	}
	p->packs[p->count++] = k;
}

/** Do they differ in this kind only, which both name? */
static bool
differ_in(const struct pack *a, const struct pack *b, enum kind kind)
{
	if (a->weak != b->weak || a->has[kind] == 0 || b->has[kind] == 0)
		return false;
	for (enum kind k = 0; k < KINDS; k++)
		if (k != kind && a->has[k] != b->has[k])
			return false;
	return true;
}

static void
merge(struct packer *p, enum kind kind)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->count; i++) {
		size_t j = 0;

		while (j < kept && !differ_in(&p->packs[j], &p->packs[i], kind))
			j++;
		if (j < kept)
			p->packs[j].has[kind] |= p->packs[i].has[kind];
		else
			p->packs[kept++] = p->packs[i];
	}
	p->count = kept;
}

static void
pack_write(struct packer *p, size_t i, struct writer *w, uint64_t spi, size_t spi_bytes)
{
	struct ike_transform t[KINDS * VALUES_MAX];
	unsigned n = 0;

	for (enum kind k = 0; k < KINDS; k++)
		for (unsigned v = 0; v < p->values[k]; v++)
			if (p->packs[i].has[k] & 1u << v)
				t[n++] = p->value[k][v];
	ike_proposal_write(
		w, p->policy->protocol, (uint8_t)(i + 1), t, n, i + 1 == p->count, spi, spi_bytes);
}

void
ike_lines_write(
	struct ike_chain *c, const struct ike_policy *policy, uint64_t spi, size_t spi_bytes)
{
	/* Groups first: they go with everything. */
	static const enum kind order[] = { K_DH, K_PRF, K_INTEG, K_ENCR, K_ESN };
	struct packer p = { .policy = policy };

	p.packs = calloc(policy->lines_count + 1, sizeof(*p.packs));
	ike_chain_open(c, PAYLOAD_SA);
	if (p.packs == NULL)
		c->w.full = true; /* the message is not sent, as if it did not fit */
	for (size_t i = 0; i < policy->lines_count && p.packs != NULL; i++)
		line_add(&p, &policy->lines[i]);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		merge(&p, order[i]);
	for (size_t i = 0; i < p.count; i++)
		pack_write(&p, i, &c->w, spi, spi_bytes);
	ike_chain_close(c);
	free(p.packs);
}

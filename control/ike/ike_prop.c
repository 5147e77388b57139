/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_prop.h"

#include <errno.h>
#include <stdio.h>

#include "config/proposal.h"
#include "crypto/suite.h"

#define ATTR_KEY_LENGTH 0x800e /* fixed-length form of attribute 14 */

static int
transform_read(struct cursor *c, struct ike_offer *o)
{
	struct ike_transform t = { 0 };
	size_t bytes;

	cur_skip(c, 2); /* last or more, reserved: the lengths say the same */
	bytes = cur_be16(c);
	if (c->short_read || bytes < 8)
		return -EBADMSG;
	struct cursor body = cur_sub(c, bytes - 4);

	t.type = cur_u8(&body);
	cur_skip(&body, 1);
	t.id = cur_be16(&body);
	while (cur_left(&body) > 0) {
		uint16_t type = cur_be16(&body);
		uint16_t value = cur_be16(&body);

		if (type == ATTR_KEY_LENGTH)
			t.key_bits = value;
		else if (type & 0x8000)
			o->unacceptable = true;
		else {
			o->unacceptable = true;
			cur_skip(&body, value);
		}
	}
	if (c->short_read || body.short_read)
		return -EBADMSG;
	if (t.type == 0 || t.type >= T_KINDS || o->count == IKE_TRANSFORMS_MAX) {
		o->unacceptable = true;
		return 0;
	}
	o->kinds |= (uint8_t)(1u << t.type);
	o->transforms[o->count++] = t;
	return 0;
}

int
ike_offer_next(struct cursor *sa, struct ike_offer *o)
{
	size_t bytes;
	unsigned transforms;

	if (cur_left(sa) == 0)
		return sa->short_read ? -EBADMSG : 0;
	*o = (struct ike_offer){ 0 };
	cur_skip(sa, 2);
	bytes = cur_be16(sa);
	if (sa->short_read || bytes < 8)
		return -EBADMSG;
	struct cursor body = cur_sub(sa, bytes - 4);

	o->number = cur_u8(&body);
	o->protocol = cur_u8(&body);
	o->spi_bytes = cur_u8(&body);
	transforms = cur_u8(&body);
	if (o->spi_bytes == 4)
		o->spi = cur_be32(&body);
	else if (o->spi_bytes == 8)
		o->spi = cur_be64(&body);
	else
		cur_skip(&body, o->spi_bytes);
	while (transforms-- > 0 && !body.short_read)
		if (transform_read(&body, o) != 0)
			return -EBADMSG;
	return sa->short_read || body.short_read || cur_left(&body) != 0 ? -EBADMSG : 1;
}

static bool
offers(const struct ike_offer *o, uint8_t type, uint16_t id, uint16_t key_bits)
{
	for (unsigned i = 0; i < o->count; i++) {
		const struct ike_transform *t = &o->transforms[i];

		if (t->type == type && t->id == id && t->key_bits == key_bits)
			return true;
	}
	return false;
}

static bool
has_kind(const struct ike_offer *o, enum ike_transform_type type)
{
	return (o->kinds & 1u << type) != 0;
}

/** Is it to be taken instead of the one found so far: a strong one, then that of the KE. */
static bool
group_better(uint16_t group, uint16_t than, uint16_t ke_group)
{
	if (than == DH_NONE)
		return true;
	if (dh_find(group)->legacy != dh_find(than)->legacy)
		return dh_find(than)->legacy;
	return group == ke_group;
}

/** The group among those we allow; DH_NONE where none is wanted. False: no agreement. */
static bool
group_choose(const struct ike_offer *o, const struct ike_policy *p, uint16_t *group)
{
	bool none_ok = !has_kind(o, T_DH) || offers(o, T_DH, DH_NONE, 0);

	*group = DH_NONE;
	if (p->dh_rule == DH_RULE_IGNORE)
		return true;
	if (p->dh_rule == DH_RULE_NONE)
		return none_ok;
	if (p->dh_rule == DH_RULE_PEER && p->ke_group == DH_NONE && none_ok)
		return true;
	for (size_t i = 0; i < p->groups_count; i++) {
		if (offers(o, T_DH, p->groups[i], 0) &&
			group_better(p->groups[i], *group, p->ke_group))
			*group = p->groups[i];
	}
	return *group != DH_NONE || (p->dh_rule == DH_RULE_PEER && none_ok);
}

static bool
group_match(const struct config_proposal *line, const struct ike_offer *o,
	const struct ike_policy *p, struct ike_suite *s)
{
	s->dh_none = offers(o, T_DH, DH_NONE, 0);
	if (p->dh_rule != DH_RULE_LINE)
		return group_choose(o, p, &s->dh);
	s->dh = line->dh;
	return offers(o, T_DH, line->dh, 0);
}

static bool
integ_match(const struct config_proposal *line, const struct ike_offer *o, struct ike_suite *s)
{
	s->integ = line->integ;
	if (line->integ != AUTH_NONE)
		return offers(o, T_INTEG, line->integ, 0);
	s->integ_none = offers(o, T_INTEG, AUTH_NONE, 0);
	return s->integ_none || !has_kind(o, T_INTEG);
}

/** ESN where both sides can: a fast peer outlives 2^32 packets between rekeys. */
static bool
esn_match(const struct config_proposal *line, const struct ike_offer *o, struct ike_suite *s)
{
	bool without = !has_kind(o, T_ESN) || offers(o, T_ESN, 0, 0);

	s->esn = line->esn != 1 && offers(o, T_ESN, 1, 0);
	return s->esn || (line->esn != 2 && without);
}

static bool
line_match(const struct config_proposal *line, const struct ike_offer *o,
	const struct ike_policy *p, struct ike_suite *out)
{
	struct ike_suite s = {
		.encr = line->encr,
		.encr_bits = line->encr_bits,
		.weak = line->weak,
		.number = o->number,
		.spi = o->spi,
	};

	if (o->unacceptable || o->protocol != p->protocol)
		return false;
	if (!offers(o, T_ENCR, line->encr, line->encr_bits) || !integ_match(line, o, &s))
		return false;
	if (p->protocol == PROTO_IKE) {
		s.prf = line->prf;
		if (!offers(o, T_PRF, line->prf, 0) || has_kind(o, T_ESN))
			return false;
	} else if (has_kind(o, T_PRF) || o->spi_bytes != 4 || !esn_match(line, o, &s)) {
		return false;
	}
	if (!group_match(line, o, p, &s))
		return false;
	*out = s;
	return true;
}

/** One walk over lines x proposals; same_ke: only what goes with the KE that came. */
static int
choose(struct ike_view sa, const struct ike_policy *p, bool same_ke, struct ike_suite *out)
{
	struct ike_offer offer;
	struct ike_suite s;
	int more;

	for (size_t i = 0; i < p->lines_count; i++) {
		struct cursor c = cur_over(sa.data, sa.bytes);

		while ((more = ike_offer_next(&c, &offer)) > 0) {
			if (!line_match(&p->lines[i], &offer, p, &s))
				continue;
			if (same_ke && s.dh != p->ke_group)
				continue;
			*out = s;
			return 0;
		}
		if (more < 0)
			return more;
	}
	return -ENOENT;
}

int
ike_suite_choose(struct ike_view sa, const struct ike_policy *p, struct ike_suite *out)
{
	const struct config_proposal *line = p->lines, *end = p->lines + p->lines_count;
	int err = -ENOENT;

	while (err == -ENOENT && line < end) { /* a run of equal weakness at a time */
		struct ike_policy run = *p;

		run.lines = line;
		while (line < end && line->weak == run.lines->weak)
			line++;
		run.lines_count = (size_t)(line - run.lines);
		err = choose(sa, &run, true, out);
		if (err == -ENOENT)
			err = choose(sa, &run, false, out);
	}
	return err;
}

bool
ike_offer_is_legacy(struct ike_view sa, const struct ike_policy *p)
{
	struct config_proposal lines[CONFIG_PROPOSALS];
	struct ike_policy all = *p;
	struct ike_suite s;
	uint32_t n;

	proposal_defaults(p->protocol == PROTO_IKE ? PROPOSAL_IKE : PROPOSAL_ESP, true, lines, &n);
	all.lines = lines;
	all.lines_count = n;
	return ike_suite_choose(sa, &all, &s) == 0 && s.weak > 0;
}

bool
ike_offer_has_group(struct ike_view sa)
{
	struct cursor c = cur_over(sa.data, sa.bytes);
	struct ike_offer o;

	while (ike_offer_next(&c, &o) > 0)
		for (unsigned i = 0; i < o.count; i++)
			if (o.transforms[i].type == T_DH && o.transforms[i].id != DH_NONE)
				return true;
	return false;
}

int
ike_suite_accept(struct ike_view sa, const struct ike_policy *p, struct ike_suite *out)
{
	struct cursor c = cur_over(sa.data, sa.bytes);
	struct ike_offer offer;
	uint8_t seen = 0;

	if (ike_offer_next(&c, &offer) != 1)
		return -EBADMSG;
	for (unsigned i = 0; i < offer.count; i++) {
		if (seen & 1u << offer.transforms[i].type)
			return -EBADMSG;
		seen |= (uint8_t)(1u << offer.transforms[i].type);
	}
	if (cur_left(&c) != 0)
		return -EBADMSG;
	return ike_suite_choose(sa, p, out);
}

struct ike_suite
ike_line_suite(const struct config_proposal *line, bool dh)
{
	return (struct ike_suite){
		.encr = line->encr,
		.encr_bits = line->encr_bits,
		.integ = line->integ,
		.prf = line->prf,
		.dh = dh ? line->dh : DH_NONE,
		.esn = line->esn == 2,
	};
}

/** The transforms of a suite in the order people write them; returns how many. */
static unsigned
suite_transforms(uint8_t protocol, const struct ike_suite *s, struct ike_transform t[T_KINDS + 1])
{
	unsigned n = 0;

	t[n++] = (struct ike_transform){ T_ENCR, s->encr, s->encr_bits };
	if (s->integ != AUTH_NONE || s->integ_none)
		t[n++] = (struct ike_transform){ T_INTEG, s->integ, 0 };
	if (protocol == PROTO_IKE)
		t[n++] = (struct ike_transform){ T_PRF, s->prf, 0 };
	if (s->dh != DH_NONE || s->dh_none)
		t[n++] = (struct ike_transform){ T_DH, s->dh, 0 };
	if (protocol == PROTO_ESP)
		t[n++] = (struct ike_transform){ T_ESN, s->esn, 0 };
	return n;
}

static void
transform_write(struct writer *w, const struct ike_transform *t, bool last)
{
	wr_be16(w, last ? 0 : 3 << 8);
	wr_be16(w, t->key_bits != 0 ? 12 : 8);
	wr_be16(w, (uint16_t)(t->type << 8));
	wr_be16(w, t->id);
	if (t->key_bits != 0) {
		wr_be16(w, ATTR_KEY_LENGTH);
		wr_be16(w, t->key_bits);
	}
}

void
ike_proposal_write(struct writer *w, uint8_t protocol, uint8_t number,
	const struct ike_transform *t, unsigned n, bool last, uint64_t spi, size_t spi_bytes)
{
	size_t start = wr_used(w);

	wr_be32(w, last ? 0 : 2u << 24); /* length follows below */
	wr_u8(w, number);
	wr_u8(w, protocol);
	wr_u8(w, (uint8_t)spi_bytes);
	wr_u8(w, (uint8_t)n);
	if (spi_bytes == 8)
		wr_be64(w, spi);
	else if (spi_bytes == 4)
		wr_be32(w, (uint32_t)spi);
	for (unsigned i = 0; i < n; i++)
		transform_write(w, &t[i], i + 1 == n);
	wr_patch_be16(w, start + 2, (uint16_t)(wr_used(w) - start));
}

void
ike_suites_write(struct ike_chain *c, uint8_t protocol, const struct ike_suite *s, size_t n,
	uint64_t spi, size_t spi_bytes)
{
	ike_chain_open(c, PAYLOAD_SA);
	for (size_t i = 0; i < n; i++) {
		uint8_t number = s[i].number != 0 ? s[i].number : (uint8_t)(i + 1);
		struct ike_transform t[T_KINDS + 1];
		unsigned count = suite_transforms(protocol, &s[i], t);

		ike_proposal_write(&c->w, protocol, number, t, count, i + 1 == n, spi, spi_bytes);
	}
	ike_chain_close(c);
}

/** What we cannot do but peers offer: so that an operator reads words. */
static const struct {
	uint8_t type;
	uint16_t id;
	const char *name;
} foreign[] = {
	{ T_ENCR, 2, "des" },
	{ T_ENCR, 11, "null" },
	{ T_ENCR, 13, "aesctr" },
	{ T_ENCR, 23, "camellia" },
	{ T_PRF, 4, "prfaesxcbc" },
	{ T_PRF, 8, "prfaescmac" },
	{ T_INTEG, 5, "aesxcbc" },
	{ T_INTEG, 8, "aescmac" },
	{ T_DH, 1, "modp768" },
	{ T_DH, 17, "modp6144" },
	{ T_DH, 18, "modp8192" },
	{ T_DH, 22, "modp1024s160" },
	{ T_DH, 23, "modp2048s224" },
	{ T_DH, 24, "modp2048s256" },
	{ T_DH, 25, "ecp192" },
	{ T_DH, 26, "ecp224" },
	{ T_DH, 28, "ecp256bp" },
	{ T_DH, 29, "ecp384bp" },
	{ T_DH, 30, "ecp512bp" },
	{ T_DH, 32, "curve448" },
	{ T_DH, DH_NONE, "none" },
	{ T_INTEG, AUTH_NONE, "none" },
	{ T_ESN, 0, "noesn" },
	{ T_ESN, 1, "esn" },
};

static const char *
foreign_name(const struct ike_transform *t)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (foreign[i].type == t->type && foreign[i].id == t->id)
			return foreign[i].name;
	return NULL;
}

static const char *
own_name(const struct ike_transform *t)
{
	const struct encr_alg *encr;
	const struct prf_alg *prf;
	const struct integ_alg *integ;
	const struct dh_alg *dh;

	switch (t->type) {
	case T_ENCR:
		encr = encr_find(t->id, t->key_bits);
		return encr == NULL ? NULL : encr->name;
	case T_PRF:
		prf = prf_find(t->id);
		return prf == NULL ? NULL : prf->name;
	case T_INTEG:
		integ = t->id == AUTH_NONE ? NULL : integ_find(t->id);
		return integ == NULL ? NULL : integ->name;
	case T_DH:
		dh = dh_find(t->id);
		return dh == NULL ? NULL : dh->name;
	default:
		return NULL;
	}
}

/** Appends text and tells whether it fitted. */
static bool
append(char *buf, size_t n, const char *separator, const char *text)
{
	size_t used = strlen(buf);
	size_t want = strlen(separator) + strlen(text);

	if (used + want + 1 > n)
		return false;
	strcat(buf, separator);
	strcat(buf, text);
	return true;
}

static bool
transform_print(const struct ike_transform *t, char *buf, size_t n, const char *separator)
{
	static const char *const kinds[T_KINDS] = { "", "encr", "prf", "integ", "dh", "esn" };
	const char *name = own_name(t);
	char unknown[32];

	if (name == NULL)
		name = foreign_name(t);
	if (name == NULL) {
		snprintf(unknown, sizeof(unknown), "%s%u", kinds[t->type], t->id);
		name = unknown;
	}
	return append(buf, n, separator, name);
}

const char *
ike_offer_print(struct ike_view sa, char *buf, size_t n)
{
	struct cursor c = cur_over(sa.data, sa.bytes);
	struct ike_offer o;
	bool room = true;
	size_t whole = 0;

	buf[0] = '\0';
	while (room && ike_offer_next(&c, &o) > 0) {
		for (unsigned i = 0; room && i < o.count; i++)
			room = transform_print(&o.transforms[i], buf, n,
				i > 0                    ? "-"
					: buf[0] != '\0' ? ", "
							 : "");
		if (room)
			whole = strlen(buf);
	}
	/* One proposal of many transforms may fill it all: then the beginning is shown. */
	if (!room && whole > 0)
		buf[whole] = '\0';
	return buf;
}

const char *
ike_suite_print(uint8_t protocol, const struct ike_suite *s, char *buf, size_t n)
{
	struct ike_transform t[T_KINDS + 1];
	unsigned count = suite_transforms(protocol, s, t);
	const char *separator = "";

	buf[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (t[i].id == 0) /* NONE and "no ESN" go without saying */
			continue;
		transform_print(&t[i], buf, n, separator);
		separator = "-";
	}
	return buf;
}

const char *
ike_lines_print(const struct ike_policy *p, char *buf, size_t n)
{
	char one[96];

	buf[0] = '\0';
	for (size_t i = 0; i < p->lines_count; i++) {
		struct ike_suite s = ike_line_suite(&p->lines[i], p->dh_rule == DH_RULE_LINE);

		ike_suite_print(p->protocol, &s, one, sizeof(one));
		if (!append(buf, n, i > 0 ? ", " : "", one))
			break;
	}
	return buf;
}

const char *
ike_groups_print(const uint16_t *groups, size_t count, char *buf, size_t n)
{
	buf[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		struct ike_transform t = { T_DH, groups[i], 0 };

		if (!transform_print(&t, buf, n, i > 0 ? ", " : ""))
			break;
	}
	return buf;
}

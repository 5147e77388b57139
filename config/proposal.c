/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/proposal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define TOKENS_MAX 12 /* of one kind on one line */

enum token_kind { TOKEN_CIPHER, TOKEN_AEAD, TOKEN_INTEG, TOKEN_PRF, TOKEN_GROUP, TOKEN_ESN };

struct token {
	const char *name;
	enum token_kind kind;
	uint16_t id;   /* IANA; ESN: value of config_proposal.esn */
	uint16_t bits; /* key length attribute; 0 = none */
	uint16_t prf;  /* that goes with an integrity algorithm */
	bool ike, esp;
	bool weak; /* only `legacy: true` allows it */
};

/* The first name of an id is the one printed. */
static const struct token tokens[] = {
	{ "aes256gcm16", TOKEN_AEAD, 20, 256, 0, true, true, false },
	{ "aes192gcm16", TOKEN_AEAD, 20, 192, 0, true, true, false },
	{ "aes128gcm16", TOKEN_AEAD, 20, 128, 0, true, true, false },
	{ "aes256gcm12", TOKEN_AEAD, 19, 256, 0, true, true, false },
	{ "aes192gcm12", TOKEN_AEAD, 19, 192, 0, true, true, false },
	{ "aes128gcm12", TOKEN_AEAD, 19, 128, 0, true, true, false },
	{ "aes256gcm8", TOKEN_AEAD, 18, 256, 0, true, true, false },
	{ "aes192gcm8", TOKEN_AEAD, 18, 192, 0, true, true, false },
	{ "aes128gcm8", TOKEN_AEAD, 18, 128, 0, true, true, false },
	{ "aes256gcm", TOKEN_AEAD, 20, 256, 0, true, true, false },
	{ "aes192gcm", TOKEN_AEAD, 20, 192, 0, true, true, false },
	{ "aes128gcm", TOKEN_AEAD, 20, 128, 0, true, true, false },
	{ "chacha20poly1305", TOKEN_AEAD, 28, 0, 0, true, true, false },
	{ "aes256", TOKEN_CIPHER, 12, 256, 0, true, true, false },
	{ "aes192", TOKEN_CIPHER, 12, 192, 0, true, true, false },
	{ "aes128", TOKEN_CIPHER, 12, 128, 0, true, true, false },
	{ "3des", TOKEN_CIPHER, 3, 0, 0, true, true, true },
	{ "sha256", TOKEN_INTEG, 12, 0, 5, true, true, false },
	{ "sha384", TOKEN_INTEG, 13, 0, 6, true, true, false },
	{ "sha512", TOKEN_INTEG, 14, 0, 7, true, true, false },
	{ "sha1", TOKEN_INTEG, 2, 0, 2, true, true, false },
	{ "md5", TOKEN_INTEG, 1, 0, 1, true, true, true },
	{ "prfsha256", TOKEN_PRF, 5, 0, 0, true, false, false },
	{ "prfsha384", TOKEN_PRF, 6, 0, 0, true, false, false },
	{ "prfsha512", TOKEN_PRF, 7, 0, 0, true, false, false },
	{ "prfsha1", TOKEN_PRF, 2, 0, 0, true, false, false },
	{ "prfmd5", TOKEN_PRF, 1, 0, 0, true, false, true },
	{ "curve25519", TOKEN_GROUP, 31, 0, 0, true, true, false },
	{ "x25519", TOKEN_GROUP, 31, 0, 0, true, true, false },
	{ "ecp256", TOKEN_GROUP, 19, 0, 0, true, true, false },
	{ "ecp384", TOKEN_GROUP, 20, 0, 0, true, true, false },
	{ "ecp521", TOKEN_GROUP, 21, 0, 0, true, true, false },
	{ "modp2048", TOKEN_GROUP, 14, 0, 0, true, true, false },
	{ "modp3072", TOKEN_GROUP, 15, 0, 0, true, true, false },
	{ "modp4096", TOKEN_GROUP, 16, 0, 0, true, true, false },
	{ "modp1536", TOKEN_GROUP, 5, 0, 0, true, true, true },
	{ "modp1024", TOKEN_GROUP, 2, 0, 0, true, true, true },
	{ "esn", TOKEN_ESN, 2, 0, 0, false, true, false },
	{ "noesn", TOKEN_ESN, 1, 0, 0, false, true, false },
};

#define TOKEN_COUNT (sizeof(tokens) / sizeof(tokens[0]))

struct bag {
	const struct token *of[TOKENS_MAX];
	uint32_t count;
};

/** A line taken apart: what it names of each kind, in its order. */
struct line {
	struct bag cipher; /* TOKEN_CIPHER or TOKEN_AEAD, never both */
	struct bag integ, prf, group, esn;
};

static int __attribute__((format(printf, 3, 4))) refuse(char *why, size_t n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, n, fmt, args);
	va_end(args);
	return -EINVAL;
}

static const struct token *
token_find(const char *name, size_t n)
{
	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		if (strlen(tokens[i].name) == n && memcmp(tokens[i].name, name, n) == 0)
			return &tokens[i];
	}
	return NULL;
}

/** The first token of one of these kinds, a bit each. */
static const struct token *
token_of(unsigned kinds, uint16_t id, uint16_t bits)
{
	for (size_t i = 0; i < TOKEN_COUNT; i++) {
		const struct token *t = &tokens[i];

		if ((kinds >> t->kind & 1) != 0 && t->id == id && t->bits == bits)
			return t;
	}
	return NULL;
}

static struct bag *
line_bag(struct line *l, const struct token *t)
{
	switch (t->kind) {
	case TOKEN_CIPHER:
	case TOKEN_AEAD:
		return &l->cipher;
	case TOKEN_INTEG:
		return &l->integ;
	case TOKEN_PRF:
		return &l->prf;
	case TOKEN_GROUP:
		return &l->group;
	default:
		return &l->esn;
	}
}

static int
line_add(struct line *l, const struct token *t, char *why, size_t n)
{
	struct bag *b = line_bag(l, t);

	for (uint32_t i = 0; i < b->count; i++) {
		if (b->of[i]->id == t->id && b->of[i]->bits == t->bits)
			return refuse(why, n, "\"%s\" is named twice", t->name);
	}
	if (b->count > 0 && b->of[0]->kind != t->kind)
		return refuse(why, n,
			"\"%s\" and \"%s\" cannot share a line, one carries its integrity itself; "
			"use two lines",
			b->of[0]->name, t->name);
	if (b->count == TOKENS_MAX)
		return refuse(why, n, "too many algorithms on one line");
	b->of[b->count++] = t;
	return 0;
}

static int
line_split(const char *text, enum proposal_use use, struct line *l, char *why, size_t n)
{
	const char *name = text;

	for (;;) {
		size_t bytes = strcspn(name, "-");
		const struct token *t = token_find(name, bytes);

		if (t == NULL)
			return refuse(
				why, n, "\"%.*s\" is not a known algorithm", (int)bytes, name);
		if (use == PROPOSAL_IKE ? !t->ike : !t->esp)
			return refuse(why, n, "\"%s\" cannot be used for %s", t->name,
				use == PROPOSAL_IKE ? "IKE" : "ESP");
		int err = line_add(l, t, why, n);
		if (err != 0)
			return err;
		if (name[bytes] == '\0')
			return 0;
		name += bytes + 1;
	}
}

static int
line_check(const struct line *l, enum proposal_use use, char *why, size_t n)
{
	if (l->cipher.count == 0)
		return refuse(why, n, "an encryption algorithm is missing");
	bool aead = l->cipher.of[0]->kind == TOKEN_AEAD;

	if (!aead && l->integ.count == 0)
		return refuse(why, n, "\"%s\" needs an integrity algorithm, as sha256",
			l->cipher.of[0]->name);
	if (aead && l->integ.count > 0)
		return refuse(why, n, "\"%s\" carries its integrity itself; remove \"%s\"%s",
			l->cipher.of[0]->name, l->integ.of[0]->name,
			use == PROPOSAL_IKE ? " or write prfsha256 for the PRF" : "");
	if (use == PROPOSAL_ESP)
		return 0;
	if (aead && l->prf.count == 0)
		return refuse(why, n, "\"%s\" needs a PRF, as prfsha256", l->cipher.of[0]->name);
	if (l->group.count == 0)
		return refuse(why, n, "a Diffie-Hellman group is missing, as ecp256");
	return 0;
}

/** What stands at place i of a bag; an empty bag has one place with nothing in it. */
static const struct token *
bag_at(const struct bag *b, uint32_t i)
{
	return b->count == 0 ? NULL : b->of[i];
}

static uint32_t
bag_places(const struct bag *b)
{
	return b->count == 0 ? 1 : b->count;
}

/** The n-th combination, counting the group fastest and encryption slowest. */
static struct config_proposal
line_combination(const struct line *l, enum proposal_use use, uint32_t n)
{
	struct config_proposal p = { 0 };
	const struct token *group = bag_at(&l->group, n % bag_places(&l->group));
	n /= bag_places(&l->group);
	const struct token *prf = bag_at(&l->prf, n % bag_places(&l->prf));
	n /= bag_places(&l->prf);
	const struct token *integ = bag_at(&l->integ, n % bag_places(&l->integ));
	n /= bag_places(&l->integ);
	const struct token *cipher = l->cipher.of[n % l->cipher.count];

	p.encr = cipher->id;
	p.encr_bits = cipher->bits;
	p.integ = integ != NULL ? integ->id : 0;
	p.dh = group != NULL ? group->id : 0;
	p.esn = l->esn.count == 1 ? (uint8_t)l->esn.of[0]->id : 0;
	if (use == PROPOSAL_IKE)
		p.prf = prf != NULL ? prf->id : integ->prf;
	p.weak = (uint8_t)(cipher->weak + (integ != NULL && integ->weak) +
		(prf != NULL && prf->weak) + (group != NULL && group->weak));
	return p;
}

int
proposal_parse(const char *text, enum proposal_use use, struct config_proposal *list,
	uint32_t *count, uint32_t max, char *why, size_t why_bytes)
{
	struct line l = { 0 };
	int err = line_split(text, use, &l, why, why_bytes);

	if (err == 0)
		err = line_check(&l, use, why, why_bytes);
	if (err != 0)
		return err;
	uint32_t n =
		l.cipher.count * bag_places(&l.integ) * bag_places(&l.prf) * bag_places(&l.group);

	if (n > max - *count)
		return refuse(why, why_bytes, "stands for %u combinations, %u are left of %u", n,
			max - *count, max);
	for (uint32_t i = 0; i < n; i++)
		list[(*count)++] = line_combination(&l, use, i);
	return 0;
}

static void
token_print(char *buf, size_t n, unsigned kinds, uint16_t id, uint16_t bits)
{
	size_t at = strlen(buf);
	const struct token *t = token_of(kinds, id, bits);

	if (t != NULL)
		snprintf(buf + at, n - at, "%s%s", at > 0 ? "-" : "", t->name);
	else
		snprintf(buf + at, n - at, "%s%u", at > 0 ? "-" : "", id);
}

const char *
proposal_print(const struct config_proposal *p, char *buf, size_t n)
{
	buf[0] = '\0';
	token_print(buf, n, 1u << TOKEN_CIPHER | 1u << TOKEN_AEAD, p->encr, p->encr_bits);
	if (p->integ != 0)
		token_print(buf, n, 1u << TOKEN_INTEG, p->integ, 0);
	if (p->prf != 0)
		token_print(buf, n, 1u << TOKEN_PRF, p->prf, 0);
	if (p->dh != 0)
		token_print(buf, n, 1u << TOKEN_GROUP, p->dh, 0);
	if (p->esn != 0)
		token_print(buf, n, 1u << TOKEN_ESN, p->esn, 0);
	return buf;
}

const char *
proposal_weak(const struct config_proposal *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct config_proposal *p = &list[i];
		const struct token *of[] = {
			token_of(1u << TOKEN_CIPHER, p->encr, p->encr_bits),
			token_of(1u << TOKEN_INTEG, p->integ, 0),
			token_of(1u << TOKEN_PRF, p->prf, 0),
			token_of(1u << TOKEN_GROUP, p->dh, 0),
		};

		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++)
			if (of[k] != NULL && of[k]->weak)
				return of[k]->name;
	}
	return NULL;
}

void
proposal_sort(struct config_proposal *list, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct config_proposal p = list[i];
		uint32_t at = i;

		for (; at > 0 && list[at - 1].weak > p.weak; at--)
			list[at] = list[at - 1];
		list[at] = p;
	}
}

static void
lines_add(const char *const *lines, enum proposal_use use, struct config_proposal *list,
	uint32_t *count)
{
	char why[8];

	for (; *lines != NULL; lines++)
		(void)proposal_parse(*lines, use, list, count, CONFIG_PROPOSALS, why, sizeof(why));
}

void
proposal_defaults(enum proposal_use use, bool legacy, struct config_proposal *list, uint32_t *count)
{
#define GROUPS "curve25519-ecp256-ecp384-modp2048-ecp521-modp3072-modp4096"
	static const char *const ike[] = {
		"aes256gcm16-aes128gcm16-prfsha256-prfsha384-prfsha512-" GROUPS,
		"aes256-aes192-aes128-sha256-sha384-sha512-sha1-" GROUPS,
		NULL,
	};
	/* What IOS before 17 offers by itself (smart defaults), and older templates. */
	static const char *const ike_legacy[] = {
		"aes256-aes192-aes128-sha512-sha384-sha256-sha1-modp1536-modp1024",
		"aes256-aes192-aes128-md5-modp2048-modp1536-modp1024",
		"3des-sha256-sha1-md5-modp2048-modp1536-modp1024",
		NULL,
	};
	static const char *const esp[] = { "aes256gcm16", "aes128gcm16", "aes256-sha256",
		"aes128-sha256", "aes256-sha512", "aes256-sha1", "aes128-sha1", "aes192-sha256",
		"aes192-sha1", "aes256gcm12", "aes128gcm12", "chacha20poly1305", NULL };
	static const char *const esp_legacy[] = { "aes256-aes192-aes128-md5",
		"3des-sha256-sha1-md5", NULL };

	*count = 0;
	lines_add(use == PROPOSAL_IKE ? ike : esp, use, list, count);
	if (!legacy)
		return;
	lines_add(use == PROPOSAL_IKE ? ike_legacy : esp_legacy, use, list, count);
	proposal_sort(list, *count);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/cert_inside.h"

#define PARTS_MAX 32 /* attributes of one name */

/* ---- from text ----------------------------------------------------------------------------- */

/** One attribute of the text. */
struct part {
	ASN1_OBJECT *type;
	char value[CERT_DN_MAX_BYTES];
	size_t bytes;
	bool joined; /* by '+' with the one before it */
};

struct reading {
	const char *at;
	struct part part[PARTS_MAX];
	unsigned count;
	char *why;
	size_t why_bytes;
};

static int __attribute__((format(printf, 2, 3))) refuse(struct reading *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why, r->why_bytes, fmt, args);
	va_end(args);
	return -EINVAL;
}

/** Names of attributes without case; two of them have a second one. */
static const struct attribute {
	const char *name;
	int nid;
} attributes[] = {
	{ "CN", NID_commonName },
	{ "O", NID_organizationName },
	{ "OU", NID_organizationalUnitName },
	{ "C", NID_countryName },
	{ "L", NID_localityName },
	{ "ST", NID_stateOrProvinceName },
	{ "S", NID_stateOrProvinceName },
	{ "street", NID_streetAddress },
	{ "SN", NID_surname },
	{ "GN", NID_givenName },
	{ "initials", NID_initials },
	{ "title", NID_title },
	{ "DC", NID_domainComponent },
	{ "UID", NID_userId },
	{ "serialNumber", NID_serialNumber },
	{ "emailAddress", NID_pkcs9_emailAddress },
	{ "E", NID_pkcs9_emailAddress },
	{ "unstructuredName", NID_pkcs9_unstructuredName },
	{ "unstructuredAddress", NID_pkcs9_unstructuredAddress },
	{ "dnQualifier", NID_dnQualifier },
	{ "pseudonym", NID_pseudonym },
};

static ASN1_OBJECT *
type_of(const char *name)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (strcasecmp(attributes[i].name, name) == 0)
			return OBJ_nid2obj(attributes[i].nid);
	if (strncasecmp(name, "OID.", 4) == 0)
		name += 4;
	return name[0] >= '0' && name[0] <= '2' ? OBJ_txt2obj(name, 1) : NULL;
}

static void
blanks_skip(struct reading *r)
{
	r->at += strspn(r->at, " ");
}

static int
type_read(struct reading *r, struct part *p)
{
	size_t n = strcspn(r->at, "=,+; ");
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)n, r->at);
	r->at += n;
	blanks_skip(r);
	if (n == 0 || *r->at != '=')
		return refuse(r, "\"%.30s\" is not followed by = and a value", name);
	r->at++;
	blanks_skip(r);
	p->type = n < sizeof(name) ? type_of(name) : NULL;
	if (p->type == NULL)
		return refuse(r,
			"no attribute \"%.30s\"; allowed: CN, O, OU, C, L, ST, DC, UID, "
			"serialNumber, emailAddress, unstructuredName, or an OID",
			name);
	return 0;
}

static int
hex_of(const char *at)
{
	static const char digits[] = "0123456789abcdef";
	int octet = 0;

	for (int i = 0; i < 2; i++) {
		char c = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] - 'A' + 'a') : at[i];
		const char *d = c != '\0' ? strchr(digits, c) : NULL;

		if (d == NULL)
			return -1;
		octet = octet << 4 | (int)(d - digits);
	}
	return octet;
}

/** Behind a backslash: two hexadecimal digits, or a character that would mean something. */
static int
escaped_read(struct reading *r)
{
	int c = hex_of(r->at);

	if (c > 0) {
		r->at += 2;
		return c;
	}
	if (*r->at == '\0' || strchr(" \"#+,;<=>\\", *r->at) == NULL)
		return -1;
	return (unsigned char)*r->at++;
}

/** RFC 4514, 3: up to a comma or plus sign; blanks at its ends count only when escaped. */
static int
value_read(struct reading *r, struct part *p)
{
	size_t kept = 0; /* of p->bytes, without blanks at the end */

	if (*r->at == '#')
		return refuse(r, "a value in hexadecimal is not supported; write it as text");
	while (*r->at != '\0' && strchr(",+;", *r->at) == NULL) {
		bool plain = *r->at != '\\';
		int c = (unsigned char)*r->at++;

		if (!plain)
			c = escaped_read(r);
		if (c < 0 || (plain && strchr("\"<>", c) != NULL))
			return refuse(r, "write \\ ahead of \" + , ; < > and \\ in a value");
		if (p->bytes == sizeof(p->value))
			return refuse(r, "a value is too long");
		p->value[p->bytes++] = (char)c;
		if (!plain || c != ' ')
			kept = p->bytes;
	}
	p->bytes = kept;
	return kept > 0 ? 0 : refuse(r, "a value is empty");
}

static int
text_read(struct reading *r)
{
	bool joined = false;

	for (;;) {
		struct part *p = &r->part[r->count];

		if (r->count == PARTS_MAX)
			return refuse(r, "more than %d attributes", PARTS_MAX);
		r->count++; /* whatever comes of it: its type is to be freed */
		blanks_skip(r);
		p->joined = joined;
		if (type_read(r, p) != 0 || value_read(r, p) != 0)
			return -EINVAL;
		if (*r->at == '\0')
			return 0;
		joined = *r->at++ == '+';
	}
}

static int
part_add(struct reading *r, X509_NAME *name, const struct part *p, bool joined)
{
	if (X509_NAME_add_entry_by_OBJ(name, p->type, MBSTRING_UTF8,
		    (const unsigned char *)p->value, (int)p->bytes, -1, joined ? -1 : 0) == 1)
		return 0;
	return refuse(r,
		"\"%.*s\" is no possible value of its attribute: wrong characters or length",
		(int)(p->bytes < 40 ? p->bytes : 40), p->value);
}

/** The text has the last RDN first (RFC 4514, 2.1). */
static int
name_build(struct reading *r, X509_NAME *name)
{
	unsigned end = r->count;

	while (end > 0) {
		unsigned first = end - 1;

		while (r->part[first].joined)
			first--;
		for (unsigned i = first; i < end; i++)
			if (part_add(r, name, &r->part[i], i > first) != 0)
				return -EINVAL;
		end = first;
	}
	return 0;
}

static int
name_write(struct reading *r, X509_NAME *name, void *der, size_t room)
{
	int n = i2d_X509_NAME(name, NULL);
	unsigned char *at = der;

	if (n <= 0 || (size_t)n > room)
		return refuse(r, "it is longer than %zu octets", room);
	return i2d_X509_NAME(name, &at);
}

int
cert_dn_parse(const char *text, void *der, size_t room, char *why, size_t why_bytes)
{
	struct reading *r = calloc(1, sizeof(*r));
	X509_NAME *name = X509_NAME_new();
	int n = -ENOMEM;

	if (r != NULL && name != NULL) {
		r->at = text;
		r->why = why;
		r->why_bytes = why_bytes;
		n = text_read(r);
		if (n == 0)
			n = name_build(r, name);
		if (n == 0)
			n = name_write(r, name, der, room);
	}
	for (unsigned i = 0; r != NULL && i < r->count; i++)
		ASN1_OBJECT_free(r->part[i].type);
	X509_NAME_free(name);
	free(r);
	ERR_clear_error();
	return n;
}

/* ---- to compare ---------------------------------------------------------------------------- */

/** Attributes, one after the other, sorted when all are there. */
struct keying {
	char text[CERT_DN_KEY_BYTES];
	size_t at;
	const char *line[PARTS_MAX * 4];
	unsigned count;
	bool full;
};

/** "cn=branch 7": without case of ASCII letters; blanks as RFC 5280, 7.1 wants it. */
static bool
key_collect(void *arg, const char *field, const char *text)
{
	struct keying *k = arg;
	size_t n = strlen(field) + 1 + strlen(text) + 1;
	char *to = k->text + k->at;

	if (k->count == sizeof(k->line) / sizeof(k->line[0]) || k->at + n > sizeof(k->text)) {
		k->full = true;
		return true;
	}
	k->line[k->count++] = to;
	to += sprintf(to, "%s=", field);
	for (text += strspn(text, " "); *text != '\0'; text++)
		if (*text != ' ' || (text[1] != ' ' && text[1] != '\0'))
			*to++ = *text;
	*to++ = '\0';
	for (char *c = k->text + k->at; c < to; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	k->at = (size_t)(to - k->text);
	return false;
}

static int
line_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t
cert_dn_key(const void *der, size_t n, char out[CERT_DN_KEY_BYTES])
{
	struct keying k = { .at = 0 };
	size_t at = 0;

	if (!cert_dn_each_field(der, n, key_collect, &k) || k.full || k.count == 0)
		return 0;
	qsort(k.line, k.count, sizeof(k.line[0]), line_cmp);
	for (unsigned i = 0; i < k.count; i++) {
		size_t line = strlen(k.line[i]) + 1;

		memcpy(out + at, k.line[i], line);
		at += line;
	}
	return at;
}

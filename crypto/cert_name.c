/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto/cert_inside.h"

#define VALUE_MAX_BYTES 512 /* of one attribute or name, as text */

/** Text for people and patterns: what could move a cursor or end a string becomes '?'. */
static void
clean(const uint8_t *from, size_t n, char out[VALUE_MAX_BYTES])
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + 1 < VALUE_MAX_BYTES; i++)
		out[at++] = from[i] < 0x20 || from[i] == 0x7f ? '?' : (char)from[i];
	out[at] = '\0';
}

static void
string_clean(const ASN1_STRING *s, char out[VALUE_MAX_BYTES])
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);

	clean(n > 0 ? utf8 : (const uint8_t *)"", n > 0 ? (size_t)n : 0, out);
	OPENSSL_free(utf8);
}

/** "CN", "unstructuredName", or the dotted number of an unknown one. */
static void
attribute_name(const X509_NAME_ENTRY *e, char out[CERT_FIELD_BYTES])
{
	const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(e);
	int nid = OBJ_obj2nid(oid);

	if (nid != NID_undef)
		snprintf(out, CERT_FIELD_BYTES, "%s", OBJ_nid2sn(nid));
	else if (OBJ_obj2txt(out, CERT_FIELD_BYTES, oid, 1) <= 0)
		snprintf(out, CERT_FIELD_BYTES, "?");
}

/** Commas and plus signs of a value would pass for our own; non-ASCII stays as UTF-8. */
static size_t
escape(const char *text, char *buf, size_t at, size_t room)
{
	for (; *text != '\0' && at + 3 < room; text++) {
		if (strchr(",+=\"\\<>;", *text) != NULL)
			buf[at++] = '\\';
		buf[at++] = (unsigned char)*text < 0x80 ? *text : '?';
	}
	buf[at] = '\0';
	return at;
}

/** A URI that fits, of printable ASCII alone. */
static bool
uri_copy(const GENERAL_NAME *name, char *buf, size_t room)
{
	const ASN1_STRING *s = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;
	size_t n = s == NULL ? 0 : (size_t)ASN1_STRING_length(s);

	if (n == 0 || n >= room)
		return false;
	memcpy(buf, ASN1_STRING_get0_data(s), n);
	buf[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (buf[i] <= 0x20 || buf[i] >= 0x7f)
			return false;
	return true;
}

/** The index-th URI of a point, or what is left of index. */
static bool
point_uri(const DIST_POINT *p, size_t *index, char *buf, size_t room)
{
	bool whole = p->distpoint != NULL && p->distpoint->type == 0 && p->reasons == NULL &&
		p->CRLissuer == NULL;
	int n = whole ? sk_GENERAL_NAME_num(p->distpoint->name.fullname) : 0;

	for (int i = 0; i < n; i++)
		if (uri_copy(sk_GENERAL_NAME_value(p->distpoint->name.fullname, i), buf, room) &&
			(*index)-- == 0)
			return true;
	return false;
}

bool
cert_crl_uri(const struct cert *c, size_t index, char *buf, size_t room)
{
	CRL_DIST_POINTS *points =
		X509_get_ext_d2i(c->x509, NID_crl_distribution_points, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_DIST_POINT_num(points); i++)
		found = point_uri(sk_DIST_POINT_value(points, i), &index, buf, room);
	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
	return found;
}

const char *
cert_name_text(const X509_NAME *name, char *buf, size_t room)
{
	char field[CERT_FIELD_BYTES], value[VALUE_MAX_BYTES];
	size_t at = 0;
	int set = -1;

	buf[0] = '\0';
	for (int i = 0; i < X509_NAME_entry_count(name) && at + 3 < room; i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);

		attribute_name(e, field);
		string_clean(X509_NAME_ENTRY_get_data(e), value);
		at += (size_t)snprintf(buf + at, room - at, "%s%s=",
			i == 0                                  ? ""
				: X509_NAME_ENTRY_set(e) == set ? " + "
								: ", ",
			field);
		if (at + 3 >= room)
			break;
		at = escape(value, buf, at, room);
		set = X509_NAME_ENTRY_set(e);
	}
	return buf;
}

static X509_NAME *
name_read(const void *der, size_t n)
{
	const unsigned char *at = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)n);

	ERR_clear_error();
	if (name == NULL || at == (const unsigned char *)der + n)
		return name;
	X509_NAME_free(name);
	return NULL;
}

const char *
cert_dn_print(const void *der, size_t n, char *buf, size_t room)
{
	X509_NAME *name = name_read(der, n);

	buf[0] = '\0';
	if (name != NULL)
		cert_name_text(name, buf, room);
	X509_NAME_free(name);
	return buf;
}

const char *
cert_subject_print(const struct cert *c, char *buf, size_t room)
{
	return cert_name_text(X509_get_subject_name(c->x509), buf, room);
}

bool
cert_dn_equal(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
	if (a_bytes == b_bytes && memcmp(a, b, a_bytes) == 0)
		return true; /* as nearly always, and by far cheaper */

	X509_NAME *left = name_read(a, a_bytes), *right = name_read(b, b_bytes);
	bool equal = left != NULL && right != NULL && X509_NAME_cmp(left, right) == 0;

	X509_NAME_free(left);
	X509_NAME_free(right);
	return equal;
}

/** The octets of a subjectAltName when it is of that type. */
static struct octets
alt_name(const GENERAL_NAME *g, enum cert_name type)
{
	static const struct octets none = { 0 };
	const ASN1_STRING *s = NULL;
	int want = type == CERT_DNS ? GEN_DNS : type == CERT_EMAIL ? GEN_EMAIL : GEN_IPADD;

	if (type == CERT_DN || g->type != want)
		return none;
	s = g->type == GEN_IPADD ? g->d.iPAddress : g->d.ia5;
	struct octets o = { ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };

	if ((type == CERT_IPV4 && o.bytes != 4) || (type == CERT_IPV6 && o.bytes != 16))
		return none;
	return o;
}

/* The local part of a mail address keeps its case (RFC 5280, 7.5). */
static bool
same_name(enum cert_name type, struct octets have, const void *data, size_t n)
{
	const char *a = have.data, *b = data;
	const char *at;

	if (have.bytes == 0 || have.bytes != n)
		return false;
	switch (type) {
	case CERT_DNS:
		return memchr(a, 0, n) == NULL && memchr(b, 0, n) == NULL &&
			strncasecmp(a, b, n) == 0;
	case CERT_EMAIL:
		at = memchr(a, '@', n);
		return at != NULL && memchr(a, 0, n) == NULL && memchr(b, 0, n) == NULL &&
			memcmp(a, b, (size_t)(at - a)) == 0 &&
			strncasecmp(at, b + (at - a), n - (size_t)(at - a)) == 0;
	default:
		return memcmp(a, b, n) == 0;
	}
}

bool
cert_has_name(const struct cert *c, enum cert_name type, const void *data, size_t n)
{
	if (type == CERT_DN)
		return cert_dn_equal(c->subject, c->subject_bytes, data, n);
	for (int i = 0; i < sk_GENERAL_NAME_num(c->names); i++)
		if (same_name(type, alt_name(sk_GENERAL_NAME_value(c->names, i), type), data, n))
			return true;
	return false;
}

struct octets
cert_name_first(const struct cert *c, enum cert_name type)
{
	struct octets o = { 0 };

	if (type == CERT_DN)
		return X509_NAME_entry_count(X509_get_subject_name(c->x509)) > 0 ? cert_subject(c)
										 : o;
	for (int i = 0; i < sk_GENERAL_NAME_num(c->names) && o.bytes == 0; i++)
		o = alt_name(sk_GENERAL_NAME_value(c->names, i), type);
	return o;
}

static bool
each_attribute(const X509_NAME *name, const char *prefix, cert_field_fn *fn, void *arg)
{
	char field[CERT_FIELD_BYTES], full[CERT_FIELD_BYTES + 8], value[VALUE_MAX_BYTES];

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);

		attribute_name(e, field);
		snprintf(full, sizeof(full), "%s%s", prefix, field);
		string_clean(X509_NAME_ENTRY_get_data(e), value);
		if (fn(arg, full, value))
			return true;
	}
	return false;
}

bool
cert_dn_each_field(const void *der, size_t n, cert_field_fn *fn, void *arg)
{
	X509_NAME *name = name_read(der, n);

	if (name == NULL)
		return false;
	each_attribute(name, "", fn, arg);
	X509_NAME_free(name);
	return true;
}

static void
address_text(const ASN1_OCTET_STRING *s, char out[VALUE_MAX_BYTES])
{
	const uint8_t *p = ASN1_STRING_get0_data(s);
	size_t at = 0;

	out[0] = '\0';
	if (ASN1_STRING_length(s) == 4)
		snprintf(out, VALUE_MAX_BYTES, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	for (int i = 0; ASN1_STRING_length(s) == 16 && i < 16; i += 2)
		at += (size_t)snprintf(out + at, VALUE_MAX_BYTES - at, "%s%x", i > 0 ? ":" : "",
			(unsigned)(p[i] << 8 | p[i + 1]));
}

static bool
each_alt_name(const struct cert *c, cert_field_fn *fn, void *arg)
{
	char value[VALUE_MAX_BYTES];

	for (int i = 0; i < sk_GENERAL_NAME_num(c->names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(c->names, i);
		const char *field = g->type == GEN_DNS ? "dns"
			: g->type == GEN_EMAIL         ? "email"
			: g->type == GEN_URI           ? "uri"
						       : "ip";

		if (g->type == GEN_IPADD)
			address_text(g->d.iPAddress, value);
		else if (g->type == GEN_DNS || g->type == GEN_EMAIL || g->type == GEN_URI)
			clean(ASN1_STRING_get0_data(g->d.ia5), (size_t)ASN1_STRING_length(g->d.ia5),
				value);
		else
			continue;
		if (fn(arg, field, value))
			return true;
	}
	return false;
}

bool
cert_each_field(const struct cert *c, cert_field_fn *fn, void *arg)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(c->x509);
	char text[64];
	size_t at = 0;

	text[0] = '\0';
	for (int i = 0; i < ASN1_STRING_length(serial) && at + 3 < sizeof(text); i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%02x", ASN1_STRING_get0_data(serial)[i]);
	return fn(arg, "serial", text) ||
		each_attribute(X509_get_subject_name(c->x509), "", fn, arg) ||
		each_alt_name(c, fn, arg) ||
		each_attribute(X509_get_issuer_name(c->x509), "issuer.", fn, arg);
}

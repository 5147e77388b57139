/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/pki.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct config_pki *
config_pki_new(void)
{
	struct config_pki *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->users = 1;
	return p;
}

struct config_pki *
config_pki_get(struct config_pki *p)
{
	if (p != NULL)
		p->users++;
	return p;
}

void
config_pki_put(struct config_pki *p)
{
	if (p == NULL || --p->users > 0)
		return;
	for (uint32_t i = 0; i < p->own_count; i++)
		cert_put(p->own[i]);
	sign_key_put(p->key);
	cert_trust_put(p->trust);
	free(p->maps);
	free(p);
}

static bool
own_equal(const struct config_pki *a, const struct config_pki *b)
{
	if (a->own_count != b->own_count || (a->key == NULL) != (b->key == NULL) ||
		(a->key != NULL && !sign_key_equal(a->key, b->key)))
		return false;
	for (uint32_t i = 0; i < a->own_count; i++)
		if (!cert_equal(a->own[i], b->own[i]))
			return false;
	return true;
}

bool
config_pki_equal(const struct config_pki *a, const struct config_pki *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return own_equal(a, b) && (a->trust == NULL) == (b->trust == NULL) &&
		(a->trust == NULL || cert_trust_equal(a->trust, b->trust)) &&
		a->send_chain == b->send_chain && a->id_rule == b->id_rule && a->sha1 == b->sha1 &&
		memcmp(a->trust_files, b->trust_files, sizeof(a->trust_files)) == 0 &&
		memcmp(a->crl_files, b->crl_files, sizeof(a->crl_files)) == 0 &&
		memcmp(a->crl_urls, b->crl_urls, sizeof(a->crl_urls)) == 0 &&
		a->maps_count == b->maps_count &&
		(a->maps_count == 0 ||
			memcmp(a->maps, b->maps, a->maps_count * sizeof(*a->maps)) == 0);
}

/* Names of attributes as libcrypto prints them, and of alternative names. */
static const char *const fields[] = { "CN", "O", "OU", "C", "L", "ST", "street", "SN", "GN",
	"initials", "title", "DC", "UID", "serialNumber", "emailAddress", "unstructuredName",
	"unstructuredAddress", "dnQualifier", "pseudonym", "dns", "email", "ip", "uri", "serial" };

static bool
field_known(const char *field)
{
	if (strncmp(field, "issuer.", 7) == 0)
		field += 7;
	if (field[0] >= '0' && field[0] <= '9')
		return strspn(field, "0123456789.") == strlen(field);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcasecmp(fields[i], field) == 0)
			return true;
	return false;
}

int
pki_match_parse(const char *text, struct config_cert_match *out, char *why, size_t n)
{
	struct config_cert_match m = { 0 };
	size_t field = strcspn(text, " =!");
	const char *at = text + field + strspn(text + field, " ");

	m.unlike = *at == '!';
	at += m.unlike;
	if (field == 0 || *at != '=') {
		snprintf(why, n, "neither FIELD = PATTERN nor FIELD != PATTERN");
		return -EINVAL;
	}
	at++;
	at += strspn(at, " ");
	if (*at == '\0' || strlen(at) >= sizeof(m.pattern)) {
		snprintf(why, n, "the pattern has %zu characters; allowed: 1..%zu", strlen(at),
			sizeof(m.pattern) - 1);
		return -EINVAL;
	}
	if (field < sizeof(m.field))
		memcpy(m.field, text, field);
	if (field >= sizeof(m.field) || !field_known(m.field)) {
		snprintf(why, n,
			"no field \"%.*s\"; allowed: CN, O, OU, C, L, ST, DC, UID, "
			"serialNumber, unstructuredName, emailAddress, an OID, the same after "
			"issuer., dns, email, ip, uri, serial",
			(int)(field < 40 ? field : 40), text);
		return -EINVAL;
	}
	memcpy(m.pattern, at, strlen(at));
	*out = m;
	return 0;
}

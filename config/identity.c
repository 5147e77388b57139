/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/identity.h"

#include "config/hex.h"
#include "crypto/cert.h"

#include <errno.h>
#include <stdio.h>

static int
identity_set(struct config_identity *id, enum id_type type, const void *data, size_t n)
{
	struct config_identity out = { .type = (uint8_t)type, .bytes = (uint16_t)n };

	if (n == 0 || n > sizeof(out.data))
		return -EINVAL;
	memcpy(out.data, data, n);
	*id = out;
	return 0;
}

/** Octets of "0x00ff", at most CONFIG_IDENTITY_BYTES. -1: it is none. */
static int
hex_read(const char *text, uint8_t *octets)
{
	int n = 0;

	if (strncmp(text, "0x", 2) != 0)
		return -1;
	for (const char *p = text + 2; *p != '\0'; p += 2) {
		int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

		if (low < 0 || n == CONFIG_IDENTITY_BYTES)
			return -1;
		octets[n++] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static int
key_id_parse(const char *text, struct config_identity *id)
{
	uint8_t octets[CONFIG_IDENTITY_BYTES];
	int n;

	if (strncmp(text, "0x", 2) != 0)
		return identity_set(id, ID_KEY_ID, text, strlen(text));
	n = hex_read(text, octets);
	return n > 0 ? identity_set(id, ID_KEY_ID, octets, (size_t)n) : -EINVAL;
}

static int
dn_parse(const char *text, struct config_identity *id, char *why, size_t room)
{
	uint8_t der[CONFIG_IDENTITY_BYTES];
	char key[CERT_DN_KEY_BYTES];
	int n = hex_read(text, der);

	if (n > 0 && cert_dn_key(der, (size_t)n, key) == 0)
		return -EINVAL;
	if (n <= 0)
		n = cert_dn_parse(text, der, sizeof(der), why, room);
	return n > 0 ? identity_set(id, ID_DER_ASN1_DN, der, (size_t)n) : -EINVAL;
}

/* Letters, digits and ". - _" make a host name; with one '@' inside, a mail address. */
static int
name_parse(const char *text, struct config_identity *id)
{
	const char *at = strchr(text, '@');

	if (at == text || (at != NULL && (at[1] == '\0' || strchr(at + 1, '@') != NULL)))
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			(*p >= 'A' && *p <= 'Z') || strchr(".-_", *p) != NULL;

		if (!plain && p != at && !(at != NULL && p < at && *p == '+'))
			return -EINVAL;
	}
	return identity_set(id, at != NULL ? ID_RFC822_ADDR : ID_FQDN, text, strlen(text));
}

int
identity_parse(const char *text, struct config_identity *id)
{
	char why[200];

	return identity_parse_why(text, id, why, sizeof(why));
}

int
identity_parse_why(const char *text, struct config_identity *id, char *why, size_t n)
{
	struct addr a;

	why[0] = '\0';
	if (strncmp(text, "dn:", 3) == 0 && strlen(text) <= IDENTITY_LINE_BYTES)
		return dn_parse(text + 3, id, why, n);
	if (strlen(text) > IDENTITY_NAME_BYTES)
		return -EINVAL;
	if (strncmp(text, "keyid:", 6) == 0)
		return key_id_parse(text + 6, id);
	if (addr_parse(text, &a) == 0)
		return identity_set(id, a.family == ADDR_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR, a.octet,
			addr_bytes(&a));
	return name_parse(text, id);
}

static bool
all_printable(const struct config_identity *id)
{
	for (size_t i = 0; i < id->bytes; i++) {
		if (id->data[i] <= 0x20 || id->data[i] >= 0x7f)
			return false;
	}
	return id->bytes > 0 && !(id->bytes > 1 && memcmp(id->data, "0x", 2) == 0);
}

static void
hex_print(const struct config_identity *id, const char *prefix, char *buf, size_t n)
{
	size_t at = (size_t)snprintf(buf, n, "%s0x", prefix);

	for (size_t i = 0; i < id->bytes && at + 2 < n; i++)
		at += (size_t)snprintf(buf + at, n - at, "%02x", id->data[i]);
}

const char *
identity_print(const struct config_identity *id, char *buf, size_t n)
{
	char text[ADDR_TEXT_BYTES], words[CERT_NAME_BYTES];
	char prefix[16] = "";
	struct addr a;

	if (id->type == ID_NONE) {
		snprintf(buf, n, "-");
		return buf;
	}
	if ((id->type == ID_IPV4_ADDR && id->bytes == 4) ||
		(id->type == ID_IPV6_ADDR && id->bytes == 16)) {
		addr_from_bytes(&a, id->data, id->bytes);
		snprintf(buf, n, "%s", addr_print(&a, text));
		return buf;
	}
	if (id->type == ID_KEY_ID)
		snprintf(prefix, sizeof(prefix), "keyid:");
	else if (id->type == ID_DER_ASN1_DN)
		snprintf(prefix, sizeof(prefix), "dn:");
	else if (id->type != ID_FQDN && id->type != ID_RFC822_ADDR)
		snprintf(prefix, sizeof(prefix), "type%u:", id->type);
	if (id->type == ID_DER_ASN1_DN &&
		cert_dn_print(id->data, id->bytes, words, sizeof(words))[0] != '\0')
		snprintf(buf, n, "%s%s", prefix, words);
	else if (all_printable(id) && id->type != ID_DER_ASN1_DN)
		snprintf(buf, n, "%s%.*s", prefix, id->bytes, (const char *)id->data);
	else
		hex_print(id, prefix, buf, n);
	return buf;
}

bool
identity_equal(const struct config_identity *a, const struct config_identity *b)
{
	return a->type == b->type && a->bytes == b->bytes &&
		memcmp(a->data, b->data, a->bytes) == 0;
}

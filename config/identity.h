/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_IDENTITY_H
#define CONFIG_IDENTITY_H

/**
 * IKE identities as people write them:
 *	hub.example.org         ID_FQDN
 *	branch7@example.org     ID_RFC822_ADDR
 *	192.0.2.1, 2001:db8::1  ID_IPV4_ADDR, ID_IPV6_ADDR
 *	keyid:branch 7          ID_KEY_ID; keyid:0x00ff for octets
 *	dn:CN=branch7,O=Example ID_DER_ASN1_DN (RFC 4514); dn:0x3011... for its DER
 */
#include "config/config.h"

/** Longest printed identity with the closing zero. */
#define IDENTITY_TEXT_BYTES (16 + 2 * CONFIG_IDENTITY_BYTES)

/** Longest text that is read, without the closing zero: of names, and of distinguished names. */
#define IDENTITY_NAME_BYTES (CONFIG_TEXT_BYTES - 1)
#define IDENTITY_LINE_BYTES 255

/** Returns 0 or -EINVAL; *id is untouched on error. */
int identity_parse(const char *text, struct config_identity *id);
/** The same; why says what is wrong where the form alone does not, else "". */
int identity_parse_why(const char *text, struct config_identity *id, char *why, size_t n);

/**
 * Print into buf[n]; returns buf. Octets a peer chose freely come out as text only
 * when all are printable ASCII, so the result is safe for logs and terminals.
 */
const char *identity_print(const struct config_identity *id, char *buf, size_t n);

bool identity_equal(const struct config_identity *a, const struct config_identity *b);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_cert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ENCODING_X509   4  /* X.509 Certificate - Signature, RFC 7296, 3.6 */
#define CERTREQ_ANCHORS 16 /* more would only make the message longer */

enum ike_reason
ike_find(struct ike_finding *f, enum ike_reason reason, const char *fmt, ...)
{
	va_list args;

	f->reason = reason;
	va_start(args, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, args);
	va_end(args);
	return reason;
}

/* ---- payloads -------------------------------------------------------------------------- */

static int
cert_of(const uint8_t *der, size_t n, struct cert *const *known, size_t known_count,
	struct cert **out)
{
	for (size_t i = 0; i < known_count; i++) {
		struct octets k = cert_der(known[i]);

		if (k.bytes != n || memcmp(k.data, der, n) != 0)
			continue;
		*out = cert_get(known[i]);
		return 0;
	}
	return cert_read(der, n, out);
}

enum ike_reason
ike_certs_read(const struct ike_payloads *p, struct cert *const *known, size_t known_count,
	struct ike_certs *out, struct ike_finding *f)
{
	out->count = 0;
	for (unsigned i = 0; i < p->certs && out->count < CERT_CHAIN_MAX; i++) {
		const struct ike_view *v = &p->cert[i];

		if (v->data[0] != ENCODING_X509)
			continue;
		int err = cert_of(
			v->data + 1, v->bytes - 1, known, known_count, &out->cert[out->count]);

		if (err == 0)
			out->count++;
		else if (out->count == 0)
			return ike_find(f, IKE_REASON_CERT_MALFORMED,
				"its certificate (%zu octets) cannot be read: %s", v->bytes - 1,
				err == -ENOTSUP
					? "no RSA, ECDSA (P-256, P-384, P-521) or Ed25519 key"
					: "it is no X.509 certificate of a usual size");
	}
	if (out->count == 0)
		return ike_find(f, IKE_REASON_CERT_MISSING, "it signed, but sent %s",
			p->certs == 0 ? "no certificate"
				      : "only certificates in encodings other than X.509 (4)");
	return IKE_REASON_NONE;
}

void
ike_certs_put(struct ike_certs *c)
{
	for (size_t i = 0; i < c->count; i++)
		cert_put(c->cert[i]);
	c->count = 0;
}

void
ike_certs_write(struct ike_chain *c, const struct config_pki *pki)
{
	uint32_t n = pki->send_chain ? pki->own_count : 1;

	for (uint32_t i = 0; i < n; i++) {
		struct octets der = cert_der(pki->own[i]);

		ike_chain_open(c, PAYLOAD_CERT);
		wr_u8(&c->w, ENCODING_X509);
		wr_bytes(&c->w, der.data, der.bytes);
		ike_chain_close(c);
	}
}

void
ike_certreq_write(struct ike_chain *c, const struct cert_trust *trust)
{
	uint8_t ids[CERTREQ_ANCHORS][CERT_KEY_ID_BYTES];
	size_t n;

	if (trust == NULL)
		return;
	n = cert_trust_key_ids(trust, ids, CERTREQ_ANCHORS);
	if (n == 0 || n > CERTREQ_ANCHORS)
		return;
	ike_chain_open(c, PAYLOAD_CERTREQ);
	wr_u8(&c->w, ENCODING_X509);
	wr_bytes(&c->w, ids, n * CERT_KEY_ID_BYTES);
	ike_chain_close(c);
}

/* ---- intermediates ---------------------------------------------------------------------- */

static bool
is_among(struct cert *const *list, size_t n, const struct cert *c)
{
	for (size_t i = 0; i < n; i++)
		if (cert_equal(list[i], c))
			return true;
	return false;
}

uint32_t
ike_issuers_find(const struct ike_certs *c, struct cert_trust *trust, struct cert *const *known,
	size_t known_count, int64_t now_s)
{
	uint32_t vouched = 0;

	for (size_t i = 1; i < c->count && known_count < IKE_ISSUERS; i++)
		if (!is_among(known, known_count, c->cert[i]) &&
			cert_trust_vouches(trust, c->cert[i], c->cert + 1, c->count - 1, now_s))
			vouched |= 1u << i;
	return vouched;
}

void
ike_issuers_learn(struct ike_policy_set *set, const struct ike_certs *c, uint32_t vouched)
{
	for (size_t i = 1; i < c->count && set->issuers_count < IKE_ISSUERS; i++) {
		if ((vouched & 1u << i) == 0 ||
			is_among(set->issuers, set->issuers_count, c->cert[i]))
			continue;
		set->issuers[set->issuers_count++] = cert_get(c->cert[i]);
		cert_trust_add_issuer(set->trust, c->cert[i]);
	}
}

void
ike_issuers_teach(const struct ike_policy_set *set, struct cert_trust *trust, int64_t now_s)
{
	for (size_t i = 0; i < set->issuers_count; i++)
		if (cert_trust_vouches(
			    trust, set->issuers[i], set->issuers, set->issuers_count, now_s))
			cert_trust_add_issuer(trust, set->issuers[i]);
}

/* ---- identity -------------------------------------------------------------------------- */

static bool
id_set(struct config_identity *id, enum cert_name type, struct octets name)
{
	if (name.bytes == 0 || name.bytes > sizeof(id->data))
		return false;
	*id = (struct config_identity){ .type = (uint8_t)type, .bytes = (uint16_t)name.bytes };
	memcpy(id->data, name.data, name.bytes);
	return true;
}

static bool
id_in_cert(const struct cert *c, const struct config_identity *id)
{
	switch (id->type) {
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
	case ID_FQDN:
	case ID_RFC822_ADDR:
	case ID_DER_ASN1_DN:
		return cert_has_name(c, (enum cert_name)id->type, id->data, id->bytes);
	default:
		return false; /* a key id names no certificate (RFC 4945, 3.1.6) */
	}
}

/** A name out of the certificate, the same one every time. */
static bool
id_from_cert(const struct cert *c, bool subject_first, struct config_identity *id)
{
	return (subject_first && id_set(id, CERT_DN, cert_name_first(c, CERT_DN))) ||
		id_set(id, CERT_DNS, cert_name_first(c, CERT_DNS)) ||
		id_set(id, CERT_EMAIL, cert_name_first(c, CERT_EMAIL)) ||
		id_set(id, CERT_DN, cert_name_first(c, CERT_DN)) ||
		id_set(id, CERT_IPV4, cert_name_first(c, CERT_IPV4)) ||
		id_set(id, CERT_IPV6, cert_name_first(c, CERT_IPV6));
}

struct config_identity
ike_cert_identity(const struct config_pki *pki, const struct config_identity *asked)
{
	struct config_identity id = { 0 };

	if (asked != NULL && id_in_cert(pki->own[0], asked))
		return *asked;
	id_from_cert(pki->own[0], true, &id);
	return id;
}

struct names {
	char text[IKE_TEXT_BYTES];
	size_t at;
};

static bool
name_collect(void *arg, const char *field, const char *text)
{
	struct names *n = arg;

	if (strcmp(field, "dns") == 0 || strcmp(field, "email") == 0 || strcmp(field, "ip") == 0)
		n->at += (size_t)snprintf(n->text + n->at, sizeof(n->text) - n->at, "%s%s:%.60s",
			n->at > 0 ? ", " : "", field, text);
	return n->at >= sizeof(n->text) - 80;
}

/** The identity the peer has from now on. */
static enum ike_reason
identity_judge(const struct cert *c, enum config_id_rule rule, struct config_identity *id,
	struct ike_finding *f)
{
	char claimed[IKE_ID_BYTES], subject[CERT_NAME_BYTES];
	struct octets dn = cert_subject(c);
	struct names names = { .at = 0 };

	if (id_in_cert(c, id))
		return IKE_REASON_NONE;
	if (rule == ID_RULE_CERTIFICATE && id_from_cert(c, false, id))
		return IKE_REASON_NONE;
	cert_each_field(c, name_collect, &names);
	return ike_find(f, IKE_REASON_ID_NOT_IN_CERT,
		"claims %.80s; its certificate names %.80s%s%.70s",
		ike_identity_print(id, claimed, sizeof(claimed)),
		cert_dn_print(dn.data, dn.bytes, subject, sizeof(subject)),
		names.at > 0 ? ", " : "", names.text);
}

/* ---- maps ------------------------------------------------------------------------------ */

static char
lower(char ch)
{
	return ch >= 'A' && ch <= 'Z' ? (char)(ch - 'A' + 'a') : ch;
}

/** '*' stands for any octets, '?' for one. Back-tracks to the last star only: linear times length.
 */
static bool
pattern_fits(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (*pattern != '\0' &&
			(*pattern == '?' || lower(*pattern) == lower(*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
field_fits(void *arg, const char *field, const char *text)
{
	const struct config_cert_match *m = arg;

	return strcasecmp(m->field, field) == 0 && pattern_fits(m->pattern, text);
}

static bool
map_fits(const struct config_cert_map *map, const struct cert *c)
{
	for (uint32_t i = 0; i < map->match_count; i++) {
		struct config_cert_match m = map->match[i];

		if (cert_each_field(c, field_fits, &m) == m.unlike)
			return false;
	}
	return true;
}

static enum ike_reason
map_find(const struct cert *c, const struct config_pki *pki, const struct config_cert_map **out,
	struct ike_finding *f)
{
	struct octets dn = cert_subject(c);
	char subject[CERT_NAME_BYTES];

	*out = NULL;
	if (pki->maps_count == 0)
		return IKE_REASON_NONE;
	for (uint32_t i = 0; i < pki->maps_count; i++) {
		if (!map_fits(&pki->maps[i], c))
			continue;
		*out = &pki->maps[i];
		return IKE_REASON_NONE;
	}
	return ike_find(f, IKE_REASON_CERT_NO_MAP, "none of %u certificate maps takes %.160s",
		pki->maps_count, cert_dn_print(dn.data, dn.bytes, subject, sizeof(subject)));
}

/* ---- all of it ------------------------------------------------------------------------- */

static const enum ike_reason reason_of[CERT_FAULTS] = {
	[CERT_EXPIRED] = IKE_REASON_CERT_EXPIRED,
	[CERT_NOT_YET_VALID] = IKE_REASON_CERT_NOT_YET_VALID,
	[CERT_UNTRUSTED] = IKE_REASON_CERT_UNTRUSTED,
	[CERT_REVOKED] = IKE_REASON_CERT_REVOKED,
	[CERT_NO_CRL] = IKE_REASON_CRL_UNAVAILABLE,
	[CERT_USAGE] = IKE_REASON_CERT_USAGE,
	[CERT_WEAK] = IKE_REASON_CERT_WEAK,
	[CERT_BROKEN] = IKE_REASON_CERT_MALFORMED,
};

enum ike_reason
ike_certs_judge(const struct ike_certs *c, const struct config_pki *pki, struct cert_trust *trust,
	int64_t now_s, struct config_identity *id, const struct config_cert_map **map,
	struct cert_mark *mark, struct ike_finding *f)
{
	struct cert_finding cf;
	enum ike_reason reason;

	if (cert_check(trust, c->cert[0], c->cert + 1, c->count - 1, now_s, &cf) != CERT_GOOD)
		return ike_find(f, reason_of[cf.fault], "%s", cf.text);
	*mark = cf.mark;
	reason = map_find(c->cert[0], pki, map, f);
	return reason != IKE_REASON_NONE ? reason : identity_judge(c->cert[0], pki->id_rule, id, f);
}

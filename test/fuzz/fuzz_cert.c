/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer sends to prove itself, under arbitrary input. The first octet chooses:
 *	0  a certificate: names, fields, and a check against an anchor and CRLs
 *	1  the name of a signature algorithm
 *	2  a CRL or a file of certificates
 *	3  a chain of CERT and AUTH payloads, judged as the hub does
 *	4  two distinguished names
 */
#include <stdlib.h>
#include <string.h>

#include "control/ike/ike_sign.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cert_trust *trust;
static struct config_pki *pki;
static struct cert *sub;

static bool
field(void *arg, const char *name, const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20) /* must not reach a terminal */
			__builtin_trap();
	return name[0] == '\0';
}

static void
certificate(const uint8_t *data, size_t size)
{
	static const enum cert_name types[] = { CERT_IPV4, CERT_DNS, CERT_EMAIL, CERT_IPV6,
		CERT_DN };
	struct cert_finding f;
	struct cert *c;

	if (cert_read(data, size, &c) != 0)
		return;
	cert_each_field(c, field, NULL);
	for (size_t i = 0; i < 5; i++) {
		struct octets name = cert_name_first(c, types[i]);

		if (name.bytes > 0)
			cert_has_name(c, types[i], name.data, name.bytes);
	}
	char uri[100];

	for (size_t i = 0; cert_crl_uri(c, i, uri, sizeof(uri)); i++)
		if (uri[0] == '\0' || strchr(uri, ' ') != NULL)
			__builtin_trap();
	cert_check(trust, c, &sub, 1, VECTOR_NOW_S, &f);
	cert_put(c);
}

static void
algorithm(const uint8_t *data, size_t size)
{
	uint8_t der[SIGN_ALG_MAX_BYTES];
	struct sign_alg a, back;

	if (sign_alg_read(data, size, &a) != 0)
		return;
	size_t n = sign_alg_write(&a, der);

	if (n == 0 || sign_alg_read(der, n, &back) != 0 || back.scheme != a.scheme ||
		back.hash != a.hash)
		__builtin_trap();
}

static void
file(const uint8_t *data, size_t size)
{
	struct cert_trust *t = cert_trust_new(CERT_CRL_FAIL_CLOSED, false);
	struct cert *list[4];
	size_t count;

	cert_trust_add(t, sub);
	cert_trust_add_crls(t, data, size, 0);
	if (cert_read_file(data, size, list, 4, &count) == 0)
		while (count > 0)
			cert_put(list[--count]);
	cert_trust_put(t);
}

static void
proof(const uint8_t *data, size_t size)
{
	struct config_identity id = { .type = ID_FQDN, .bytes = 3, .data = "hub" };
	const struct config_cert_map *map;
	struct ike_auth_plan plan;
	struct cert_mark mark;
	struct ike_payloads p;
	struct ike_finding f;
	struct ike_certs certs;
	struct ike_view sig;

	if (ike_payloads_read(PAYLOAD_CERT, data, size, &p) != 0 || p.auth.data == NULL)
		return;
	if (ike_certs_read(&p, NULL, 0, &certs, &f) == IKE_REASON_NONE) {
		const struct sign_key *key = cert_key(certs.cert[0]);

		if (ike_sign_read(&p, key, pki, HASH_SHA256, &plan, &sig, &f) == IKE_REASON_NONE)
			sign_check(
				key, &plan.alg, &(struct octets){ "x", 1 }, 1, sig.data, sig.bytes);
		pki->id_rule = p.certs % 2 == 0 ? ID_RULE_STRICT : ID_RULE_CERTIFICATE;
		ike_certs_judge(&certs, pki, trust, VECTOR_NOW_S, &id, &map, &mark, &f);
		ike_issuers_find(&certs, trust, NULL, 0, VECTOR_NOW_S);
	}
	ike_certs_put(&certs);
}

static void
names(const uint8_t *data, size_t size)
{
	char text[CERT_NAME_BYTES], key[CERT_DN_KEY_BYTES];
	size_t half = size / 2;

	cert_dn_print(data, size, text, sizeof(text));
	cert_dn_key(data, size, key);
	cert_dn_print(data, half, text, 20);
	cert_dn_equal(data, half, data + half, size - half);
}

/** Conditions on every kind of field, none of which a good certificate meets but the last. */
static struct config_pki *
pki_with_maps(void)
{
	static const char *const fields[] = { "CN = *?nobody", "dns = ?*.nowhere", "email = *@*.no",
		"ip = 10.?.*", "issuer.CN != *e*", "CN = *" };
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	struct config_pki *p = net_pki("hub");
	char why[100];

	p->maps = calloc(count, sizeof(*p->maps));
	p->maps_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		if (pki_match_parse(fields[i], &p->maps[i].match[0], why, sizeof(why)) != 0)
			__builtin_trap();
		p->maps[i].match_count = 1;
	}
	return p;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(
		const uint8_t *, size_t) = { certificate, algorithm, file, proof, names };

	if (trust == NULL) {
		trust = vector_trust("root", CERT_CRL_FAIL_CLOSED, true, "root sub");
		pki = pki_with_maps();
		sub = vector_cert("sub");
	}
	if (size > 0 && size <= 16384)
		ways[data[0] % 5](data + 1, size - 1);
	return 0;
}

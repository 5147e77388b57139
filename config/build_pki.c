/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/load.h"
#include "config/pki.h"
#include "config/secret_file.h"
#include "config/url.h"
#include "crypto/secret.h"

#define OWN_MAX_BYTES (CERT_CHAIN_MAX * 2 * CERT_MAX_BYTES)
#define KEY_MAX_BYTES 7168 /* RSA-8192 in PEM has 6400 */

static bool
names_certificates(const struct raw_profile *raw)
{
	return raw->certificate != NULL || raw->private_key != NULL || raw->trust_count > 0 ||
		raw->crls_count > 0 || raw->crl_urls_count > 0 || raw->crl_fetch != NULL ||
		raw->maps_count > 0;
}

static void
own_read(struct config_pki *p, const char *key, struct report *r)
{
	uint8_t *data;
	size_t n, count = 0;
	int err = pki_file_read(p->own_file, OWN_MAX_BYTES, &data, &n);

	if (err != 0) {
		report_error(r, key, "%s cannot be read: %s", p->own_file, strerror(-err));
		return;
	}
	err = cert_read_file(data, n, p->own, CERT_CHAIN_MAX, &count);
	p->own_count = (uint32_t)(err == 0 ? count : 0);
	free(data);
	if (err == -E2BIG)
		report_error(
			r, key, "%s holds more than %d certificates", p->own_file, CERT_CHAIN_MAX);
	else if (err == -ENOTSUP)
		report_error(r, key,
			"%s: the key in it is neither RSA, ECDSA (P-256, P-384, P-521) nor "
			"Ed25519",
			p->own_file);
	else if (err != 0)
		report_error(r, key,
			"%s holds no certificate that can be read; needed is our own, then its "
			"intermediates, PEM or DER",
			p->own_file);
}

static void
key_take(struct config_pki *p, const uint8_t *data, ssize_t n, const char *key, struct report *r)
{
	int err = n <= 0 || n > KEY_MAX_BYTES ? -EBADMSG : sign_key_read(data, (size_t)n, &p->key);

	if (err == -EACCES)
		report_error(r, key,
			"%s needs a passphrase, naved has nobody to ask; write the key anew with: "
			"openssl pkey -in %s -out NEW, then chmod 600",
			p->key_file, p->key_file);
	else if (err == -ENOTSUP)
		report_error(r, key,
			"%s: the key is neither RSA, ECDSA (P-256, P-384, P-521) nor Ed25519",
			p->key_file);
	else if (err != 0)
		report_error(r, key, "%s holds no private key, PEM or DER", p->key_file);
}

static void
key_read(struct config_pki *p, const char *value, const char *key, struct report *r)
{
	uint8_t data[KEY_MAX_BYTES + 1];
	int fd = secret_file_open(value, key, r);

	if (fd < 0)
		return;
	key_take(p, data, read(fd, data, sizeof(data)), key, r);
	secret_wipe_bytes(data, sizeof(data));
	close(fd);
}

static uint32_t
files_copy(char (*to)[CONFIG_TEXT_BYTES], char *const *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		snprintf(to[i], CONFIG_TEXT_BYTES, "%s", from[i]);
	return n;
}

/** Named by what it is a copy of: a profile's, as another may trust other CAs. */
static void
copies_name(struct config_pki *p, const char *profile, const char *directory)
{
	for (uint32_t i = 0; i < p->crl_urls_count; i++) {
		uint64_t hash = 14695981039346656037u;

		for (const char *c = p->crl_urls[i]; *c != '\0'; c++) /* FNV-1a */
			hash = (hash ^ (uint8_t)*c) * 1099511628211u;
		snprintf(p->crl_copies[i], sizeof(p->crl_copies[i]), "%s/%s-%08x.crl", directory,
			profile, (uint32_t)(hash ^ hash >> 32));
	}
}

static void
url_add(struct config_pki *p, const char *text)
{
	for (uint32_t i = 0; i < p->crl_urls_count; i++)
		if (strcmp(p->crl_urls[i], text) == 0)
			return;
	if (p->crl_urls_count < PKI_FILES)
		snprintf(p->crl_urls[p->crl_urls_count++], CONFIG_TEXT_BYTES, "%s", text);
}

/**
 * What our own certificate and its intermediates say: they come from who wrote the file. What a
 * peer's certificate says is never asked, it could send us anywhere.
 */
static void
points_add(struct config_pki *p, uint32_t i, struct report *r)
{
	char text[CONFIG_TEXT_BYTES], path[64];
	struct url url;

	for (uint32_t k = 0; k < p->own_count; k++)
		for (size_t n = 0; cert_crl_uri(p->own[k], n, text, sizeof(text)); n++)
			if (url_parse(text, &url) == 0)
				url_add(p, text);
	snprintf(path, sizeof(path), "ike[%u].crl_fetch", i);
	if (p->crl_urls_count == 0)
		report_error(r, path,
			"neither our certificate nor its intermediates name a CRL by http://; name "
			"it under \"crl_urls\"");
}

static void
trust_build(struct config_pki *p, uint32_t i, struct report *r)
{
	struct pki_problem bad;
	char path[64];

	if (p->trust_files_count == 0 || pki_trust_read(p, &p->trust, &bad) == 0)
		return;
	snprintf(path, sizeof(path), "ike[%u].%s[%u]", i, bad.list, bad.index);
	report_error(r, path, "%s", bad.text);
}

static void
map_build(const struct raw_cert_map *raw, struct config_cert_map *m)
{
	struct config_binding *b = &m->binding;
	char why[200];

	snprintf(b->map, sizeof(b->map), "%s", raw->name);
	build_binding(&raw->binding, b);
	for (uint32_t i = 0; i < raw->match_count; i++)
		if (pki_match_parse(raw->match[i], &m->match[m->match_count], why, sizeof(why)) ==
			0)
			m->match_count++;
}

void
build_pki(const struct raw_profile *raw, uint32_t i, const char *state_directory,
	struct config_ike_profile *profile, struct report *r)
{
	struct config_pki *p;
	char path[64];

	if (!names_certificates(raw))
		return;
	p = profile->pki = config_pki_new();
	if (p != NULL && raw->maps_count > 0)
		p->maps = calloc(raw->maps_count, sizeof(*p->maps));
	if (p == NULL || (raw->maps_count > 0 && p->maps == NULL)) {
		r->out_of_memory = true;
		return;
	}
	p->send_chain = raw->send_chain == NULL || *raw->send_chain;
	p->id_rule = (enum config_id_rule)raw->identity;
	p->sha1 = raw->sha1_signatures != NULL && *raw->sha1_signatures;
	p->crl_rule = raw->crl != NULL ? (enum cert_crl_rule) * raw->crl : CERT_CRL_OFF;
	p->trust_files_count = files_copy(p->trust_files, raw->trust, raw->trust_count);
	p->crl_files_count = files_copy(p->crl_files, raw->crls, raw->crls_count);
	p->crl_urls_count = files_copy(p->crl_urls, raw->crl_urls, raw->crl_urls_count);
	for (; p->maps_count < raw->maps_count; p->maps_count++)
		map_build(&raw->maps[p->maps_count], &p->maps[p->maps_count]);
	snprintf(path, sizeof(path), "ike[%u].certificate", i);
	if (raw->certificate != NULL) {
		snprintf(p->own_file, sizeof(p->own_file), "%s", raw->certificate);
		own_read(p, path, r);
	}
	snprintf(path, sizeof(path), "ike[%u].private_key", i);
	if (raw->private_key != NULL) {
		snprintf(
			p->key_file, sizeof(p->key_file), "%s", raw->private_key + strlen("file:"));
		key_read(p, raw->private_key, path, r);
	}
	if (raw->crl_fetch != NULL && *raw->crl_fetch)
		points_add(p, i, r);
	copies_name(p, profile->name, state_directory);
	snprintf(path, sizeof(path), "ike[%u].%s", i,
		raw->crls_count > 0               ? "crls"
			: raw->crl_urls_count > 0 ? "crl_urls"
						  : "crl_fetch");
	if (p->crl_files_count + p->crl_urls_count > 0 && raw->crl == NULL)
		report_error(r, path,
			"say what counts when no CRL is in force: crl: fail-closed (nobody comes "
			"in), fail-open (everybody does), or off");
	trust_build(p, i, r);
}

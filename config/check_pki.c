/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/check_binding.h"
#include "config/identity.h"
#include "config/load.h"
#include "config/pki.h"

#define SOON_S (30 * 86400) /* warn so long before our certificate expires */

/** A key path below one profile. */
struct at {
	char path[96];
};

static struct at
at(uint32_t profile, const char *key)
{
	struct at a;

	snprintf(a.path, sizeof(a.path), "ike[%u].%s", profile, key);
	return a;
}

/** Certificate, key and trust go together: who is believed has to be answered. */
static bool
complete(const struct config_pki *p, uint32_t i, struct report *r)
{
	bool own = p->own_file[0] != '\0', key = p->key_file[0] != '\0';

	if (own != key)
		report_error(r, at(i, own ? "certificate" : "private_key").path,
			"needs \"%s\" beside it", own ? "private_key" : "certificate");
	else if (!own)
		report_error(r, at(i, "trust").path,
			"spokes that prove themselves by certificate have to be answered by one; "
			"add "
			"\"certificate\" and \"private_key\"");
	if (p->trust_files_count == 0)
		report_error(r, at(i, own ? "certificate" : "private_key").path,
			"needs \"trust\" beside it: the CA certificates of the spokes");
	return own && key && p->trust_files_count > 0 && p->own_count > 0 && p->key != NULL;
}

static void
check_dates(const struct config_pki *p, uint32_t i, int64_t now_s, struct report *r)
{
	char limit[CERT_TIME_BYTES], now[CERT_TIME_BYTES];
	int64_t from = cert_not_before(p->own[0]), until = cert_not_after(p->own[0]);

	cert_time_print(now_s, now);
	if (now_s > until)
		report_error(r, at(i, "certificate").path,
			"%s expired %s, our clock says %s; renew it", p->own_file,
			cert_time_print(until, limit), now);
	else if (now_s < from)
		report_error(r, at(i, "certificate").path,
			"%s is not valid before %s, our clock says %s; set the clock, or wait",
			p->own_file, cert_time_print(from, limit), now);
	else if (now_s + SOON_S > until)
		report_warn(r, at(i, "certificate").path, "%s expires %s; renew it", p->own_file,
			cert_time_print(until, limit));
}

static void
check_own(const struct config_ike_profile *profile, uint32_t i, int64_t now_s, struct report *r)
{
	const struct config_pki *p = profile->pki;
	char ours[32], theirs[32], text[IDENTITY_TEXT_BYTES];
	const struct config_identity *id = &profile->local_identity;

	if (!sign_key_equal(p->key, cert_key(p->own[0])))
		report_error(r, at(i, "private_key").path,
			"%s (%s) is not the key of the first certificate in %s (%s); put our own "
			"certificate first, or name its key",
			p->key_file, sign_key_print(p->key, ours, sizeof(ours)), p->own_file,
			sign_key_print(cert_key(p->own[0]), theirs, sizeof(theirs)));
	else if (sign_key_kind(p->key) == SIGN_KEY_RSA && sign_key_bits(p->key) < SIGN_RSA_MIN_BITS)
		report_error(r, at(i, "private_key").path,
			"%s is an RSA key of %u bits; needed are %d or more", p->key_file,
			sign_key_bits(p->key), SIGN_RSA_MIN_BITS);
	check_dates(p, i, now_s, r);
	if (id->type == ID_NONE || id->type == ID_KEY_ID ||
		cert_has_name(p->own[0], (enum cert_name)id->type, id->data, id->bytes))
		return;
	report_warn(r, at(i, "local_identity").path,
		"%.80s is no subjectAltName of %s: strict spokes will refuse us",
		identity_print(id, text, sizeof(text)), p->own_file);
}

static void
check_crls(const struct config_pki *p, uint32_t i, int64_t now_s, struct report *r)
{
	int64_t until = p->trust != NULL ? cert_trust_crl_until(p->trust) : 0;
	bool any = p->crl_files_count + p->crl_urls_count > 0;
	char limit[CERT_TIME_BYTES];

	if (p->crl_rule == CERT_CRL_FAIL_CLOSED && !any)
		report_error(r, at(i, "crl").path,
			"fail-closed without \"crls\": nobody could come in; name a CRL file or "
			"one of \"crl_urls\" for every CA");
	if (p->crl_rule == CERT_CRL_FAIL_OPEN && !any)
		report_warn(
			r, at(i, "crl").path, "no \"crls\" to look at: nothing is ever revoked");
	if (p->crl_rule != CERT_CRL_OFF && until != 0 && until < now_s)
		report_warn(r, at(i, "crls").path,
			"a CRL ran out %s; %s until a newer one is in its file",
			cert_time_print(until, limit),
			p->crl_rule == CERT_CRL_FAIL_CLOSED ? "its CA's spokes are refused"
							    : "it counts as it is");
}

static void
check_maps(const struct config *c, const struct config_pki *p, uint32_t i, struct report *r)
{
	char key[40];

	for (uint32_t j = 0; j < p->maps_count; j++) {
		const struct config_binding *b = &p->maps[j].binding;
		const struct config_cloud *cloud = config_cloud_find(c, b->cloud);

		snprintf(key, sizeof(key), "maps[%u].cloud", j);
		if (b->cloud[0] != '\0' &&
			(cloud == NULL || strcmp(cloud->protection, c->ike[i].name) != 0))
			report_error(r, at(i, key).path,
				"found \"%s\"; allowed: a cloud with protection: %s", b->cloud,
				c->ike[i].name);
		snprintf(key, sizeof(key), "maps[%u].profile", j);
		check_binding(c, b, at(i, key).path, r);
		snprintf(key, sizeof(key), "maps[%u].name", j);
		for (uint32_t k = 0; k < j; k++)
			if (strcmp(p->maps[k].binding.map, b->map) == 0)
				report_error(r, at(i, key).path,
					"\"%s\" is already the name of maps[%u]; choose another",
					b->map, k);
	}
}

void
check_pki(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_ike_profile *profile = &c->ike[i];
	int64_t now_s = (int64_t)time(NULL);

	if (profile->pki == NULL) {
		if (profile->accept == ACCEPT_CERTIFICATE)
			report_error(r, at(i, "accept").path,
				"certificates are to be accepted, but there is no \"trust\"; add "
				"\"certificate\", \"private_key\" and \"trust\"");
		return;
	}
	if (complete(profile->pki, i, r))
		check_own(profile, i, now_s, r);
	check_crls(profile->pki, i, now_s, r);
	check_maps(c, profile->pki, i, r);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** The part of the Prometheus text that is of revocation lists: until when each is in force. */
#include <inttypes.h>
#include <string.h>

#include "config/pki.h"
#include "control/crl_fetch.h"
#include "control/mgmt/show.h"
#include "control/trust_watch.h"

static void
crl_line(FILE *to, const struct trust_info *t, const struct cert_crl_info *c)
{
	const char *source = c->source < PKI_FILES ? t->pki->crl_files[c->source]
						   : t->pki->crl_urls[c->source - PKI_FILES];
	char issuer[2 * CERT_NAME_BYTES], from[2 * CONFIG_TEXT_BYTES];

	metrics_label(c->issuer, issuer, sizeof(issuer));
	metrics_label(source, from, sizeof(from));
	fprintf(to,
		"nave_crl_next_update_timestamp_seconds{profile=\"%s\",issuer=\"%s\",source=\"%s\"}"
		" "
		"%" PRId64 "\n",
		t->profile, issuer, from, c->next_update_s);
}

/** An issuer may stand in several lists of one file: each series once, the first that ends. */
static bool
ends_first(const struct trust_info *t, size_t index, const struct cert_crl_info *c)
{
	struct cert_crl_info other;

	for (size_t i = 0; cert_trust_crl(t->trust, i, &other); i++) {
		if (i == index || other.source != c->source || other.next_update_s == 0 ||
			strcmp(other.issuer, c->issuer) != 0)
			continue;
		if (other.next_update_s < c->next_update_s ||
			(other.next_update_s == c->next_update_s && i < index))
			return false;
	}
	return true;
}

static void
profile_lines(FILE *to, const struct trust_info *t)
{
	struct cert_crl_info c;

	for (size_t i = 0; cert_trust_crl(t->trust, i, &c); i++)
		if (c.next_update_s != 0 && ends_first(t, i, &c))
			crl_line(to, t, &c);
}

void
metrics_crls(FILE *to, const struct mgmt_view *v)
{
	char url[2 * CONFIG_TEXT_BYTES];
	struct crl_fetch_info f;
	struct trust_info t;

	metrics_family(to, "crl_next_update_timestamp_seconds", "gauge",
		"When a revocation list is no longer in force, seconds since 1970 UTC; one without "
		"an end has no line.");
	for (size_t i = 0; v->trust(v->user, i, &t); i++)
		profile_lines(to, &t);
	metrics_family(to, "crl_fetch_failures", "gauge",
		"Attempts to fetch a revocation list that failed since the last success.");
	for (size_t i = 0; v->crl_url(v->user, i, &f); i++) {
		metrics_label(f.url, url, sizeof(url));
		fprintf(to, "nave_crl_fetch_failures{profile=\"%s\",source=\"%s\"} %" PRIu32 "\n",
			f.profile, url, f.failures);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** The part of the Prometheus text that is of certificates: until when each is valid. */
#include <inttypes.h>
#include <stdio.h>

#include "config/pki.h"
#include "control/mgmt/show.h"
#include "control/trust_watch.h"

/** Two of one name are told apart by their numbers. */
static bool
take_serial(void *arg, const char *field, const char *text)
{
	char *out = arg;

	if (strcmp(field, "serial") != 0)
		return false;
	metrics_label(text, out, 2 * CERT_NUMBER_BYTES);
	return true;
}

static void
line(FILE *to, const char *profile, const char *use, const struct cert *c)
{
	struct octets name = cert_subject(c);
	char text[CERT_NAME_BYTES], subject[2 * CERT_NAME_BYTES];
	char serial[2 * CERT_NUMBER_BYTES] = "";

	metrics_label(
		cert_dn_print(name.data, name.bytes, text, sizeof(text)), subject, sizeof(subject));
	(void)cert_each_field(c, take_serial, serial);
	fprintf(to, "nave_certificate_expiry_timestamp_seconds{profile=\"%s\",use=\"%s\",", profile,
		use);
	fprintf(to, "subject=\"%s\",serial=\"%s\"} %" PRId64 "\n", subject, serial,
		cert_not_after(c));
}

/** A file of anchors may have one twice: each series once. */
static bool
was_before(const struct cert_trust *t, size_t index)
{
	const struct cert *c = cert_trust_anchor(t, index);

	for (size_t i = 0; i < index; i++)
		if (cert_equal(cert_trust_anchor(t, i), c))
			return true;
	return false;
}

static void
own_lines(FILE *to, const struct config_ike_profile *p)
{
	for (uint32_t i = 0; p->pki != NULL && i < p->pki->own_count; i++)
		line(to, p->name, i == 0 ? "own" : "chain", p->pki->own[i]);
}

void
metrics_certs(FILE *to, const struct mgmt_view *v)
{
	const struct config *config = v->config(v->user);
	struct trust_info t;

	metrics_family(to, "certificate_expiry_timestamp_seconds", "gauge",
		"When a certificate expires, seconds since 1970 UTC: our own, those sent with it "
		"(chain), and those of trusted CAs (trust).");
	for (uint32_t i = 0; i < config->ike_count; i++)
		own_lines(to, &config->ike[i]);
	for (size_t i = 0; v->trust(v->user, i, &t); i++)
		for (size_t k = 0; cert_trust_anchor(t.trust, k) != NULL; k++)
			if (!was_before(t.trust, k))
				line(to, t.profile, "trust", cert_trust_anchor(t.trust, k));
}

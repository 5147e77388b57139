/* SPDX-License-Identifier: BSD-3-Clause */
/* show crls: of files and of URLs, those that are there and those that are missing. */
#include <jansson.h>

#include "config/pki.h"
#include "control/crl_fetch.h"
#include "control/mgmt/show.h"
#include "control/reload.h"
#include "control/trust_watch.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

static struct config_pki *pki;
static struct cert_trust *trust;
static struct crl_fetch_info urls[2];

/** Not asked for here; the true one would bring the ports along. */
const char *
reload_change_print(const struct config_change *c, char *buf, size_t bytes)
{
	snprintf(buf, bytes, "%s", c->path);
	return buf;
}

static bool
view_trust(void *user, size_t index, struct trust_info *out)
{
	(void)user;
	*out = (struct trust_info){ "branch", pki, trust };
	return index == 0;
}

static bool
view_url(void *user, size_t index, struct crl_fetch_info *out)
{
	(void)user;
	if (index < 2)
		*out = urls[index];
	return index < 2;
}

/** A file with one CRL, a URL whose copy holds one, and a URL that never brought any. */
static void
begin(void)
{
	struct pki_problem bad;

	pki = net_pki("hub");
	pki->crl_rule = CERT_CRL_FAIL_CLOSED;
	pki->trust_files_count = pki->crl_files_count = 1;
	pki->crl_urls_count = 2;
	snprintf(pki->trust_files[0], CONFIG_TEXT_BYTES, "%s/cert/root.pem", TEST_VECTORS);
	snprintf(pki->crl_files[0], CONFIG_TEXT_BYTES, "%s/cert/sub-old.crl", TEST_VECTORS);
	snprintf(pki->crl_copies[0], CONFIG_TEXT_BYTES, "%s/cert/root.crl", TEST_VECTORS);
	snprintf(pki->crl_copies[1], CONFIG_TEXT_BYTES, "%s/cert/none.crl", TEST_VECTORS);
	strcpy(pki->crl_urls[0], "http://pki/root.crl");
	strcpy(pki->crl_urls[1], "http://pki/none.crl");
	CHECK_EQ(pki_trust_read(pki, &trust, &bad), 0);
	for (uint32_t i = 0; i < 2; i++)
		urls[i] = (struct crl_fetch_info){ .profile = "branch",
			.index = i,
			.url = pki->crl_urls[i],
			.due_ms = 90000,
			.reason = "" };
	urls[0].good_ms = 20000;
	urls[1].failures = 3;
	urls[1].reason = "it answers with status 404";
}

static void
end(void)
{
	cert_trust_put(trust);
	config_pki_put(pki);
}

static json_t *
ask(int64_t wall_s)
{
	struct mgmt_view v = { .trust = view_trust, .crl_url = view_url };
	struct mgmt_answer a = { 0 };

	show_crls(&v, 60000, wall_s, &a);
	json_decref(a.columns);
	return a.data;
}

static const char *
text(const json_t *list, size_t row, const char *key)
{
	const char *t = json_string_value(json_object_get(json_array_get(list, row), key));

	return t != NULL ? t : "";
}

static json_int_t
number(const json_t *list, size_t row, const char *key)
{
	const json_t *v = json_object_get(json_array_get(list, row), key);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static void
rows_of_files_and_urls(void)
{
	begin();
	json_t *list = ask(VECTOR_NOW_S);

	CHECK_EQ(json_array_size(list), 3);
	CHECK_STR(text(list, 0, "source"), pki->crl_files[0]);
	CHECK_STR(text(list, 0, "state"), "unproven"); /* the root did not sign it */
	CHECK_EQ(number(list, 0, "fetch_in_s"), -1);

	CHECK_STR(text(list, 1, "issuer"), "C=CH, O=Nave Test, CN=Nave Test Root");
	CHECK(text(list, 1, "number")[0] != '\0');
	CHECK_STR(text(list, 1, "state"), "in-force");
	CHECK_STR(text(list, 1, "source"), "http://pki/root.crl");
	CHECK_STR(text(list, 1, "next_update"), "2049-12-31 23:59:59 UTC");
	CHECK(number(list, 1, "entries") > 0 && number(list, 1, "age_s") > 0);
	CHECK_EQ(number(list, 1, "fetched_ago_s"), 40);
	CHECK_EQ(number(list, 1, "fetch_in_s"), 30);

	CHECK_STR(text(list, 2, "state"), "missing");
	CHECK_STR(text(list, 2, "source"), "http://pki/none.crl");
	CHECK_STR(text(list, 2, "reason"), "it answers with status 404");
	CHECK_EQ(number(list, 2, "failures"), 3);
	CHECK_EQ(number(list, 2, "fetched_ago_s"), -1);
	json_decref(list);
	end();
}

/** An intermediate that was vouched for proves its own; time decides about the rest. */
static void
states_follow_time_and_issuer(void)
{
	struct cert_crl_info c;
	json_t *list;

	begin();
	CHECK_EQ(cert_trust_add_issuer(trust, pki->own[1]), 0);
	list = ask(VECTOR_NOW_S);
	CHECK_STR(text(list, 0, "state"), "expired");
	json_decref(list);
	CHECK(cert_trust_crl(trust, 1, &c));
	list = ask(c.this_update_s - 1);
	CHECK_STR(text(list, 1, "state"), "not-yet");
	json_decref(list);
	list = ask(c.next_update_s + 1);
	CHECK_STR(text(list, 1, "state"), "expired");
	json_decref(list);
	end();
}

static const struct config *
view_config(void *user)
{
	static struct config_ike_profile profile = { .name = "branch" };
	static struct config c = { .ike = &profile, .ike_count = 1 };

	profile.pki = pki;
	return &c;
}

static const char *
metrics_text(void)
{
	struct mgmt_view v = { .config = view_config, .trust = view_trust, .crl_url = view_url };
	static char text[8192];
	FILE *to = fmemopen(text, sizeof(text), "w");

	metrics_crls(to, &v);
	metrics_certs(to, &v);
	fclose(to);
	return text;
}

/** An alert hangs on the end of a list; one of 2049 in UTC, one that was never fetched. */
static void
metrics_say_until_when(void)
{
	begin();
	CHECK(strstr(metrics_text(),
		      "nave_crl_next_update_timestamp_seconds{profile=\"branch\",issuer=\"C=CH, "
		      "O=Nave Test, CN=Nave Test Root\",source=\"http://pki/root.crl\"} "
		      "2524607999\n") != NULL);
	CHECK(strstr(metrics_text(),
		      "nave_crl_fetch_failures{profile=\"branch\",source=\"http://pki/none.crl\"} "
		      "3\n") != NULL);
	CHECK(strstr(metrics_text(), "root.crl\"} 0\n") != NULL);
	end();
}

static unsigned
times(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)) != NULL; in++)
		n++;
	return n;
}

/** Ours, what goes with it, and every CA once; of 2049, and one that has ended. */
static void
metrics_say_when_certificates_end(void)
{
	struct cert *twice[] = { vector_cert("root"), vector_cert("third"), vector_cert("third") };
	const char *t;

	begin();
	for (int i = 0; i < 3; i++) {
		CHECK(i != 0 || cert_equal(cert_trust_anchor(trust, 0), twice[0]));
		(void)cert_trust_add(trust, twice[i]);
		cert_put(twice[i]);
	}
	cert_put(pki->own[1]);
	pki->own[1] = vector_cert("third-sub");
	t = metrics_text();
	CHECK(strstr(t,
		      "nave_certificate_expiry_timestamp_seconds{profile=\"branch\",use=\"own\","
		      "subject=\"C=CH, O=Nave Test, CN=hub\",serial=\"") != NULL);
	CHECK_EQ(times(t, "use=\"own\""), 1);
	CHECK_EQ(times(t, "use=\"chain\""), 1);
	const char *chain = strstr(t, "use=\"chain\"");

	CHECK(strncmp(strchr(chain, '}'), "} 1609459200\n", 13) == 0);
	CHECK_EQ(times(t, "use=\"trust\""), 2);
	CHECK_EQ(times(t, "use=\"trust\",subject=\"C=CH, O=Nave Test, CN=Nave Test Root\""), 1);
	end();
}

int
main(void)
{
	TEST(metrics_say_when_certificates_end);
	TEST(metrics_say_until_when);
	TEST(rows_of_files_and_urls);
	TEST(states_follow_time_and_issuer);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/scalar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/cores.h"
#include "config/identity.h"
#include "config/pki.h"
#include "config/proposal.h"
#include "config/url.h"
#include "config/whom.h"

int
scalar_number(const char *text, uint32_t *value)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 10 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
		return -EINVAL;
	unsigned long long v = strtoull(text, NULL, 10);

	if (v > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)v;
	return 0;
}

int
scalar_address_or_net(const char *text, struct prefix *p)
{
	struct prefix out = { 0 };
	struct addr a;

	if (addr_parse(text, &a) == 0) {
		out = prefix_host(&a);
	} else if (strcmp(text, "any") != 0) {
		if (prefix_parse(text, &out) != 0)
			return -EINVAL;
		const struct prefix net = prefix_network(&out);

		if (!prefix_equal(&out, &net))
			return -EINVAL;
	}
	*p = out;
	return 0;
}

static bool
in_range(const char *text, const struct schema_rule *r)
{
	uint32_t v;

	return scalar_number(text, &v) == 0 && v >= r->min && v <= r->max;
}

static bool
is_power_of_two(const char *text)
{
	uint32_t v;

	return scalar_number(text, &v) == 0 && v != 0 && (v & (v - 1)) == 0;
}

static bool
is_text(const char *text, const struct schema_rule *r)
{
	size_t n = strlen(text);

	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	}
	return n >= r->min && n <= r->max;
}

static bool
is_name(const char *text, const struct schema_rule *r)
{
	static const char *const taken[] = { "lo", "all", "default", "none" };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (strcmp(text, taken[i]) == 0)
			return false;
	}
	return is_text(text, r) && strspn(text, letters) == strlen(text) &&
		strchr("_.-", text[0]) == NULL;
}

/** Digits alone are a routing table of the kernel, but for those it has of itself. */
static bool
is_vrf(const char *text, const struct schema_rule *r)
{
	uint32_t table;

	if (strspn(text, "0123456789") < strlen(text))
		return is_name(text, r);
	return scalar_number(text, &table) == 0 && table != 0 && (table < 253 || table > 255);
}

static bool
is_cores(const char *text, const struct schema_rule *r)
{
	struct cores cores;

	return is_text(text, r) && cores_parse(text, &cores) == 0;
}

static bool
is_unicast(const struct addr *a)
{
	return !addr_is_zero(a) && !addr_is_multicast(a);
}

static bool
is_interface(const char *text)
{
	struct prefix p;

	return prefix_parse(text, &p) == 0 && p.bits > 0 && is_unicast(&p.addr);
}

static bool
fits(const char *text, const struct schema_rule *r)
{
	struct prefix p;
	struct addr a;
	struct url url;

	switch (r->kind) {
	case KIND_TEXT:
		return is_text(text, r);
	case KIND_URL:
		return is_text(text, r) && url_parse(text, &url) == 0;
	case KIND_NUMBER:
		return in_range(text, r);
	case KIND_AUTO_NUMBER:
		return strcmp(text, "auto") == 0 || in_range(text, r);
	case KIND_POWER_OF_TWO:
		return in_range(text, r) && is_power_of_two(text);
	case KIND_NAME:
		return is_name(text, r);
	case KIND_VRF:
		return is_vrf(text, r);
	case KIND_CORES:
		return is_cores(text, r);
	case KIND_ADDRESS:
		return addr_parse(text, &a) == 0 && is_unicast(&a);
	case KIND_INTERFACE:
		return is_interface(text);
	case KIND_ADDRESS_OR_NET:
		return scalar_address_or_net(text, &p) == 0;
	case KIND_NET:
		return strcmp(text, "any") != 0 && scalar_address_or_net(text, &p) == 0;
	case KIND_PATH:
		return text[0] == '/' && is_text(text, r);
	default:
		return false;
	}
}

/* The value may be the secret itself, so it is not shown. */
static int
secret_check(const char *text, const struct schema_rule *r, char *why, size_t n)
{
	size_t length = strlen(text);

	if (strncmp(text, "file:/", 6) == 0 && text[6] != '\0' && length - 5 < CONFIG_TEXT_BYTES)
		return 0;
	if (strncmp(text, "file:", 5) == 0)
		snprintf(why, n, "not an absolute path of at most %d characters; allowed: %s",
			CONFIG_TEXT_BYTES - 1, r->allowed);
	else
		snprintf(why, n,
			"a secret may not stand in this file; put it into a file of its own "
			"(chmod 600) and write file:/path here");
	return -EINVAL;
}

static int
proposal_check(const char *text, const struct schema_rule *r, char *why, size_t n)
{
	struct config_proposal list[CONFIG_PROPOSALS];
	uint32_t count = 0;
	char reason[120];

	if (proposal_parse(text, r->kind == KIND_IKE_PROPOSAL ? PROPOSAL_IKE : PROPOSAL_ESP, list,
		    &count, CONFIG_PROPOSALS, reason, sizeof(reason)) == 0)
		return 0;
	int at = snprintf(why, n, "\"%.40s\": %s; ", text, reason);
	if (at > 0 && (size_t)at < n)
		snprintf(why + at, n - (size_t)at, "allowed: %s", r->allowed);
	return -EINVAL;
}

static int
match_check(const char *text, char *why, size_t n)
{
	struct config_cert_match m;
	char reason[200];

	if (pki_match_parse(text, &m, reason, sizeof(reason)) == 0)
		return 0;
	snprintf(why, n, "\"%.40s\": %s", text, reason);
	return -EINVAL;
}

static int
identity_check(const char *text, const struct schema_rule *r, char *why, size_t n)
{
	struct config_identity id;
	struct config_whom whom;
	char reason[200] = "";
	int err = -EINVAL;

	if (is_text(text, r))
		err = r->kind == KIND_WHOM ? whom_parse(text, &whom, reason, sizeof(reason))
					   : identity_parse_why(text, &id, reason, sizeof(reason));
	if (err != 0 && reason[0] != '\0')
		snprintf(why, n, "\"%.40s\": %s", text, reason);
	else if (err != 0)
		snprintf(why, n, "found \"%.40s\"; allowed: %s", text, r->allowed);
	return err;
}

static int
enum_check(const char *text, const cyaml_schema_value_t *schema, char *why, size_t n)
{
	size_t at;

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(text, schema->enumeration.strings[i].str) == 0)
			return 0;
	}
	at = (size_t)snprintf(why, n, "found \"%.40s\"; allowed: ", text);
	for (uint32_t i = 0; i < schema->enumeration.count && at < n; i++)
		at += (size_t)snprintf(why + at, n - at, "%s%s", i > 0 ? ", " : "",
			schema->enumeration.strings[i].str);
	return -EINVAL;
}

int
scalar_check(const char *text, const cyaml_schema_value_t *schema, const struct schema_rule *rule,
	char *why, size_t n)
{
	if (schema->type == CYAML_ENUM)
		return enum_check(text, schema, why, n);
	if (schema->type == CYAML_BOOL) {
		if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
			return 0;
		snprintf(why, n, "found \"%.40s\"; allowed: true, false", text);
		return -EINVAL;
	}
	if (rule == NULL)
		return 0;
	if (rule->kind == KIND_SECRET)
		return secret_check(text, rule, why, n);
	if (rule->kind == KIND_CERT_MATCH)
		return match_check(text, why, n);
	if (rule->kind == KIND_IDENTITY || rule->kind == KIND_WHOM)
		return identity_check(text, rule, why, n);
	if (rule->kind == KIND_IKE_PROPOSAL || rule->kind == KIND_ESP_PROPOSAL)
		return proposal_check(text, rule, why, n);
	if (fits(text, rule))
		return 0;
	snprintf(why, n, "found \"%.40s\"; allowed: %s", text, rule->allowed);
	return -EINVAL;
}

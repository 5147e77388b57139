/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/pki.h"
#include "control/crl_fetch.h"
#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/trust_watch.h"

struct listing {
	const struct mgmt_view *v;
	uint64_t now_ms;
	int64_t wall_s;
	json_t *list;
};

static const char *
state_of(const struct cert_crl_info *c, int64_t wall_s)
{
	if (!c->known) /* or by an intermediate that no peer has brought yet */
		return "unproven";
	if (c->this_update_s > wall_s)
		return "not-yet";
	return c->next_update_s != 0 && c->next_update_s < wall_s ? "expired" : "in-force";
}

/** What is known of the URL behind a CRL of that source. False: it is of a file. */
static bool
fetch_of(const struct listing *l, const struct trust_info *t, uint32_t source,
	struct crl_fetch_info *out)
{
	for (size_t i = 0; l->v->crl_url(l->v->user, i, out); i++)
		if (source == PKI_FILES + out->index && strcmp(out->profile, t->profile) == 0)
			return true;
	return false;
}

static json_t *
since(const struct listing *l, uint64_t at_ms)
{
	return at_ms == 0 ? json_null() : json_integer((json_int_t)((l->now_ms - at_ms) / 1000));
}

/** The part of a row about fetching, for what no URL stands behind all null. */
static void
fetch_add(const struct listing *l, json_t *row, const struct crl_fetch_info *f)
{
	uint64_t in_ms = f == NULL || f->due_ms < l->now_ms ? 0 : f->due_ms - l->now_ms;

	json_object_set_new(row, "fetched_ago_s", since(l, f == NULL ? 0 : f->good_ms));
	json_object_set_new(
		row, "fetch_in_s", f == NULL ? json_null() : json_ms_left(f->busy ? 0 : in_ms));
	json_object_set_new(row, "failures", json_integer(f == NULL ? 0 : f->failures));
	json_object_set_new(row, "reason", json_text(f == NULL ? "" : f->reason));
}

static void
crl_row(const struct listing *l, const struct trust_info *t, const struct cert_crl_info *c)
{
	struct crl_fetch_info f;
	bool fetched = fetch_of(l, t, c->source, &f);
	json_t *row = json_pack("{s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:I, s:s}", "profile",
		t->profile, "issuer", c->issuer, "number", json_text(c->number), "state",
		state_of(c, l->wall_s), "entries", (json_int_t)c->entries, "this_update",
		json_time(c->this_update_s), "next_update", json_time(c->next_update_s), "age_s",
		(json_int_t)(l->wall_s - c->this_update_s), "source",
		fetched                         ? f.url
			: c->source < PKI_FILES ? t->pki->crl_files[c->source]
						: t->pki->crl_urls[c->source - PKI_FILES]);

	fetch_add(l, row, fetched ? &f : NULL);
	json_array_append_new(l->list, row);
}

/** A URL that has not brought a CRL, in this life or an earlier one. */
static void
missing_row(const struct listing *l, const struct crl_fetch_info *f)
{
	json_t *row = json_pack("{s:s, s:n, s:n, s:s, s:I, s:n, s:n, s:n, s:s}", "profile",
		f->profile, "issuer", "number", "state", "missing", "entries", (json_int_t)0,
		"this_update", "next_update", "age_s", "source", f->url);

	fetch_add(l, row, f);
	json_array_append_new(l->list, row);
}

static void
profile_rows(const struct listing *l, const struct trust_info *t)
{
	uint32_t seen = 0; /* URLs with a CRL, a bit each */
	struct cert_crl_info c;
	struct crl_fetch_info f;

	for (size_t i = 0; cert_trust_crl(t->trust, i, &c); i++) {
		crl_row(l, t, &c);
		if (c.source >= PKI_FILES)
			seen |= 1u << (c.source - PKI_FILES);
	}
	for (size_t i = 0; l->v->crl_url(l->v->user, i, &f); i++)
		if (strcmp(f.profile, t->profile) == 0 && (seen >> f.index & 1) == 0)
			missing_row(l, &f);
}

void
show_crls(const struct mgmt_view *v, uint64_t now_ms, int64_t wall_s, struct mgmt_answer *a)
{
	static const char *const columns[] = { "profile", "PROFILE", "issuer", "ISSUER", "number",
		"NUMBER", "state", "STATE", "entries", "ENTRIES", "next_update", "IN FORCE UNTIL",
		"age_s", "AGE", "source", "SOURCE", "fetched_ago_s", "FETCHED", "fetch_in_s",
		"NEXT", "reason", "REASON", NULL };
	struct listing l = { v, now_ms, wall_s, json_array() };
	struct trust_info t;

	for (size_t i = 0; v->trust(v->user, i, &t); i++)
		profile_rows(&l, &t);
	a->data = l.list;
	a->columns = json_columns(columns);
}

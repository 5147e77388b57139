/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/walk.h"

#include <stdio.h>
#include <string.h>

#include "config/scalar.h"
#include "config/schema.h"

#define KEY_MAX_BYTES 40 /* longest key shown in a message */

struct walk {
	const struct doc *doc;
	struct report *report;
};

/** Where the walk is: as people write it, and as rules are filed. */
struct place {
	char path[96]; /* "clouds[0].nhrp.key" */
	char rule[96]; /* "clouds.nhrp.key" */
};

static void walk_value(struct walk *w, const yaml_node_t *node, const cyaml_schema_value_t *schema,
	const struct place *at);

static yaml_node_t *
node_get(const struct walk *w, int index)
{
	return yaml_document_get_node((yaml_document_t *)&w->doc->yaml, index);
}

static struct place
place_member(const struct place *parent, const char *key)
{
	struct place p = *parent;
	const char *dot = parent->path[0] != '\0' ? "." : "";
	size_t path = strlen(p.path), rule = strlen(p.rule);

	snprintf(p.path + path, sizeof(p.path) - path, "%s%.*s", dot, KEY_MAX_BYTES, key);
	snprintf(p.rule + rule, sizeof(p.rule) - rule, "%s%.*s", dot, KEY_MAX_BYTES, key);
	return p;
}

static struct place
place_entry(const struct place *parent, size_t i)
{
	struct place p = *parent;
	size_t path = strlen(p.path);

	snprintf(p.path + path, sizeof(p.path) - path, "[%zu]", i);
	return p;
}

static const char *
node_kind(const yaml_node_t *node)
{
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping (key: value)";
	return node->type == YAML_SEQUENCE_NODE ? "a list" : "a single value";
}

static const cyaml_schema_field_t *
field_find(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key != NULL; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	return NULL;
}

/* Levenshtein distance, cut off at KEY_MAX_BYTES. */
static size_t
key_distance(const char *a, const char *b)
{
	size_t row[KEY_MAX_BYTES + 1], la = strlen(a), lb = strlen(b);

	if (la > KEY_MAX_BYTES || lb > KEY_MAX_BYTES)
		return KEY_MAX_BYTES;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[lb];
}

static const char *
key_nearest(const cyaml_schema_field_t *fields, const char *key)
{
	size_t limit = strlen(key) / 3 + 1, best = limit + 1;
	const char *nearest = NULL;

	for (; fields->key != NULL; fields++) {
		size_t d = key_distance(fields->key, key);

		if (d < best) {
			best = d;
			nearest = fields->key;
		}
	}
	return nearest;
}

static void
unknown_key(struct walk *w, const yaml_node_t *key, const cyaml_schema_field_t *fields,
	const struct place *at)
{
	const char *name = (const char *)key->data.scalar.value;
	const char *nearest = key_nearest(fields, name);
	char allowed[180] = "";
	size_t n = 0;

	if (nearest != NULL) {
		report_at(w->report, doc_mark(key), at->path,
			"unknown key \"%.*s\"; did you mean \"%s\"?", KEY_MAX_BYTES, name, nearest);
		return;
	}
	for (; fields->key != NULL && n < sizeof(allowed); fields++)
		n += (size_t)snprintf(
			allowed + n, sizeof(allowed) - n, "%s%s", n > 0 ? ", " : "", fields->key);
	report_at(w->report, doc_mark(key), at->path, "unknown key \"%.*s\"; allowed: %s",
		KEY_MAX_BYTES, name, allowed);
}

/** An earlier key of the mapping with the same text, or NULL. */
static const yaml_node_t *
key_before(const struct walk *w, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node_get(w, pair->key);

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = node_get(w, p->key);

		if (other->type == YAML_SCALAR_NODE &&
			strcmp((char *)other->data.scalar.value, (char *)key->data.scalar.value) ==
				0)
			return other;
	}
	return NULL;
}

static void
walk_pair(struct walk *w, const yaml_node_t *map, const yaml_node_pair_t *pair,
	const cyaml_schema_field_t *fields, const struct place *at)
{
	const yaml_node_t *key = node_get(w, pair->key);

	if (key->type != YAML_SCALAR_NODE ||
		strlen((char *)key->data.scalar.value) != key->data.scalar.length) {
		report_at(w->report, doc_mark(key), at->path, "a key must be plain text, found %s",
			key->type == YAML_SCALAR_NODE ? "a zero octet in it" : node_kind(key));
		return;
	}
	const char *name = (const char *)key->data.scalar.value;
	const struct place member = place_member(at, name);
	const cyaml_schema_field_t *field = field_find(fields, name);
	const yaml_node_t *first = key_before(w, map, pair);

	if (field == NULL)
		unknown_key(w, key, fields, &member);
	else if (first != NULL)
		report_at(w->report, doc_mark(key), member.path,
			"key given twice, first in line %u; remove one", doc_mark(first).line);
	else
		walk_value(w, node_get(w, pair->value), &field->value, &member);
}

static bool
has_key(const struct walk *w, const yaml_node_t *map, const char *name)
{
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;

	for (; pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_get(w, pair->key);

		if (key->type == YAML_SCALAR_NODE &&
			strcmp((char *)key->data.scalar.value, name) == 0)
			return true;
	}
	return false;
}

static void
missing_keys(struct walk *w, const yaml_node_t *map, const cyaml_schema_field_t *fields,
	const struct place *at)
{
	for (; fields->key != NULL; fields++) {
		if ((fields->value.flags & CYAML_FLAG_OPTIONAL) != 0 ||
			has_key(w, map, fields->key))
			continue;
		const struct place member = place_member(at, fields->key);
		const struct schema_rule *rule = schema_rule_find(member.rule);

		report_at(w->report, doc_mark(map), member.path, "needed key \"%s\" is missing%s%s",
			fields->key, rule != NULL ? "; allowed: " : "",
			rule != NULL ? rule->allowed : "");
	}
}

static void
walk_mapping(struct walk *w, const yaml_node_t *node, const cyaml_schema_value_t *schema,
	const struct place *at)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

	missing_keys(w, node, schema->mapping.fields, at);
	for (; pair < node->data.mapping.pairs.top; pair++)
		walk_pair(w, node, pair, schema->mapping.fields, at);
}

static void
walk_sequence(struct walk *w, const yaml_node_t *node, const cyaml_schema_value_t *schema,
	const struct place *at)
{
	const yaml_node_item_t *items = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - items);

	if (n < schema->sequence.min || n > schema->sequence.max)
		report_at(w->report, doc_mark(node), at->path, "%zu entries; allowed: %u..%u", n,
			schema->sequence.min, schema->sequence.max);
	for (size_t i = 0; i < n && i < schema->sequence.max; i++) {
		const struct place entry = place_entry(at, i);

		walk_value(w, node_get(w, items[i]), schema->sequence.entry, &entry);
	}
}

static void
walk_scalar(struct walk *w, const yaml_node_t *node, const cyaml_schema_value_t *schema,
	const struct place *at)
{
	const char *text = (const char *)node->data.scalar.value;
	const struct schema_rule *rule = schema_rule_find(at->rule);
	char why[240];

	if (strlen(text) != node->data.scalar.length) {
		report_at(w->report, doc_mark(node), at->path, "the value has a zero octet in it");
		return;
	}
	if (scalar_check(text, schema, rule, why, sizeof(why)) != 0)
		report_at(w->report, doc_mark(node), at->path, "%s", why);
}

static bool
is_empty(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
		node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void
walk_value(struct walk *w, const yaml_node_t *node, const cyaml_schema_value_t *schema,
	const struct place *at)
{
	bool mapping = schema->type == CYAML_MAPPING, sequence = schema->type == CYAML_SEQUENCE;
	yaml_node_type_t want = mapping ? YAML_MAPPING_NODE
		: sequence              ? YAML_SEQUENCE_NODE
					: YAML_SCALAR_NODE;

	if (is_empty(node)) {
		report_at(w->report, doc_mark(node), at->path,
			"no value; write %s or remove the key",
			mapping            ? "its keys below it"
				: sequence ? "a list"
					   : "one");
		return;
	}
	if (node->type != want) {
		report_at(w->report, doc_mark(node), at->path, "found %s; allowed: %s",
			node_kind(node),
			mapping            ? "a mapping (key: value)"
				: sequence ? "a list ([a, b] or lines with \"- \")"
					   : "a single value");
		return;
	}
	if (mapping)
		walk_mapping(w, node, schema, at);
	else if (sequence)
		walk_sequence(w, node, schema, at);
	else
		walk_scalar(w, node, schema, at);
}

void
walk_document(const struct doc *d, struct report *r)
{
	struct walk w = { .doc = d, .report = r };
	const struct place top = { "", "" };

	walk_value(
		&w, yaml_document_get_root_node((yaml_document_t *)&d->yaml), &schema_config, &top);
}

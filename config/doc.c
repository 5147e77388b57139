/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/doc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/report.h"

static struct doc_mark
mark_from(yaml_mark_t m)
{
	return (struct doc_mark){ (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

struct doc_mark
doc_mark(const yaml_node_t *node)
{
	return mark_from(node->start_mark);
}

/** A mapping or a list that is open. */
struct level {
	bool mapping, key_next; /* key_next: in a mapping, what comes is a key */
	size_t entry;           /* of a list */
	size_t path_bytes;      /* of its own path */
};

#define LEVELS 16 /* deeper ones share the path of the last; no good file has so many */

struct scan {
	unsigned documents;
	bool no_tree;   /* not to be walked: wrong syntax, or aliases, which may form circles */
	unsigned depth; /* open levels, also those beyond LEVELS */
	struct level level[LEVELS];
	char path[96]; /* "clouds[0].key" of what is read */
};

static void path_add(struct scan *s, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void
path_add(struct scan *s, size_t at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->path + at, sizeof(s->path) - at, fmt, args);
	va_end(args);
}

/** A key, a value or an entry begins: its path. */
static void
path_enter(struct scan *s, const yaml_event_t *ev)
{
	struct level *l = s->depth == 0 || s->depth > LEVELS ? NULL : &s->level[s->depth - 1];

	if (l == NULL)
		return;
	if (!l->mapping) {
		path_add(s, l->path_bytes, "[%zu]", l->entry++);
		return;
	}
	if (l->key_next && ev->type == YAML_SCALAR_EVENT)
		path_add(s, l->path_bytes, "%s%.40s", l->path_bytes > 0 ? "." : "",
			(const char *)ev->data.scalar.value);
	else if (l->key_next)
		s->path[l->path_bytes] = '\0';
	l->key_next = !l->key_next;
}

static void
level_open(struct scan *s, bool mapping)
{
	if (s->depth < LEVELS)
		s->level[s->depth] = (struct level){
			.mapping = mapping, .key_next = mapping, .path_bytes = strlen(s->path)
		};
	s->depth++;
}

static void
level_close(struct scan *s)
{
	s->depth--;
	if (s->depth < LEVELS)
		s->path[s->level[s->depth].path_bytes] = '\0';
}

static void
document_begins(const yaml_event_t *ev, struct scan *s, struct report *r)
{
	if (++s->documents != 2)
		return;
	r->errors.partial = true; /* nobody looks at it, and the first may lack what is in it */
	report_at(r, mark_from(ev->start_mark), "",
		"a second document starts here; allowed is one: remove the '---' and merge its "
		"keys into the first");
}

static void
extras_check(const struct scan *s, const yaml_event_t *ev, const yaml_char_t *anchor,
	const yaml_char_t *tag, struct report *r)
{
	if (anchor != NULL)
		report_at(r, mark_from(ev->start_mark), s->path,
			"anchor \"&%.40s\" is not supported; remove it", (const char *)anchor);
	if (tag != NULL)
		report_at(r, mark_from(ev->start_mark), s->path,
			"tag \"%.40s\" is not supported; remove it", (const char *)tag);
}

/* What YAML can do beyond a plain tree; the places are lost once a tree is built. */
static void
event_check(const yaml_event_t *ev, struct scan *s, struct report *r)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		document_begins(ev, s, r);
		break;
	case YAML_ALIAS_EVENT:
		path_enter(s, ev);
		s->no_tree = true;
		report_at(r, mark_from(ev->start_mark), s->path,
			"alias \"*%.40s\" is not supported; write the value out",
			(const char *)ev->data.alias.anchor);
		break;
	case YAML_SCALAR_EVENT:
		path_enter(s, ev);
		extras_check(s, ev, ev->data.scalar.anchor, ev->data.scalar.tag, r);
		break;
	case YAML_SEQUENCE_START_EVENT:
		path_enter(s, ev);
		extras_check(s, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag, r);
		level_open(s, false);
		break;
	case YAML_MAPPING_START_EVENT:
		path_enter(s, ev);
		extras_check(s, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, r);
		level_open(s, true);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		level_close(s);
		break;
	default:
		break;
	}
}

/** Line and column of an octet; columns are characters of UTF-8, as libyaml counts them. */
static struct doc_mark
mark_of_octet(const struct doc *d, size_t octet)
{
	struct doc_mark at = { 1, 1 };

	for (size_t i = 0; i < octet && i < d->bytes; i++) {
		if (d->data[i] == '\n')
			at = (struct doc_mark){ at.line + 1, 1 };
		else if (((unsigned char)d->data[i] & 0xc0) != 0x80)
			at.column++;
	}
	return at;
}

static void
syntax_error(const struct doc *d, const yaml_parser_t *p, struct report *r)
{
	struct doc_mark at = mark_from(p->problem_mark);
	const char *problem = p->problem != NULL ? p->problem : "out of memory";

	if (p->error == YAML_READER_ERROR) {
		char value[16] = "";

		if (p->problem_value >= 0)
			snprintf(value, sizeof(value), " (0x%02x)", (unsigned)p->problem_value);
		report_at(r, mark_of_octet(d, p->problem_offset), "",
			"not YAML text: %s%s; save the file as UTF-8", problem, value);
		return;
	}
	if (p->context != NULL)
		report_at(r, at, "", "not valid YAML: %s %s (begun on line %zu)", problem,
			p->context, p->context_mark.line + 1);
	else
		report_at(r, at, "", "not valid YAML: %s", problem);
}

/** First pass: syntax, and nothing but a plain tree. Adds to r. */
static struct scan
events_scan(const struct doc *d, struct report *r)
{
	struct scan s = { 0 };
	yaml_parser_t p;
	yaml_event_t ev;
	bool more = true;

	if (!yaml_parser_initialize(&p)) {
		r->out_of_memory = true;
		return s;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)d->data, d->bytes);
	while (more) {
		if (!yaml_parser_parse(&p, &ev)) {
			syntax_error(d, &p, r);
			s.no_tree = true;
			break;
		}
		more = ev.type != YAML_STREAM_END_EVENT;
		event_check(&ev, &s, r);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	return s;
}

static int
tree_load(struct doc *d, struct report *r)
{
	yaml_parser_t p;
	int err = 0;

	if (!yaml_parser_initialize(&p)) {
		r->out_of_memory = true;
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)d->data, d->bytes);
	if (!yaml_parser_load(&p, &d->yaml)) {
		syntax_error(d, &p, r);
		err = -EINVAL;
	}
	yaml_parser_delete(&p);
	return err;
}

int
doc_open(struct doc *d, const char *data, size_t bytes, struct report *r)
{
	*d = (struct doc){ .data = data, .bytes = bytes };
	if (bytes > DOC_MAX_BYTES) {
		report_at(r, (struct doc_mark){ 0 }, "", "the file has %zu octets; allowed are %u",
			bytes, DOC_MAX_BYTES);
		r->errors.partial = true;
		return -EINVAL;
	}
	struct scan s = events_scan(d, r);

	if (r->out_of_memory)
		return -ENOMEM;
	if (s.no_tree) {
		r->errors.partial = true;
		return -EINVAL;
	}
	if (s.documents == 0) {
		report_at(r, (struct doc_mark){ 0 }, "",
			"the file is empty; needed are at least \"ports\" and \"clouds\"");
		return -EINVAL;
	}
	return tree_load(d, r);
}

void
doc_close(struct doc *d)
{
	yaml_document_delete(&d->yaml);
}

/* Trees here are read only, but libyaml's accessor takes no const. */
static yaml_node_t *
node_get(const struct doc *d, int index)
{
	return yaml_document_get_node((yaml_document_t *)&d->yaml, index);
}

static yaml_node_t *
member_find(const struct doc *d, const yaml_node_t *map, const char *key, size_t n)
{
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;

	for (; pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *k = node_get(d, pair->key);

		if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == n &&
			memcmp(k->data.scalar.value, key, n) == 0)
			return node_get(d, pair->value);
	}
	return NULL;
}

/** One step of a path, "[3]" or "key" or ".key"; moves *path. NULL when not in the file. */
static yaml_node_t *
path_step(const struct doc *d, const yaml_node_t *node, const char **path)
{
	if (**path == '[') {
		char *end;
		unsigned long i = strtoul(*path + 1, &end, 10);

		*path = *end == ']' ? end + 1 : end;
		if (node->type != YAML_SEQUENCE_NODE)
			return NULL;
		const yaml_node_item_t *item = node->data.sequence.items.start;
		return i < (size_t)(node->data.sequence.items.top - item) ? node_get(d, item[i])
									  : NULL;
	}
	if (**path == '.')
		(*path)++;
	const char *key = *path;
	size_t n = strcspn(key, ".[");

	*path += n;
	return n > 0 && node->type == YAML_MAPPING_NODE ? member_find(d, node, key, n) : NULL;
}

struct doc_mark
doc_find(const struct doc *d, const char *path)
{
	yaml_node_t *node = d == NULL ? NULL : yaml_document_get_root_node((void *)&d->yaml);

	if (node == NULL)
		return (struct doc_mark){ 0 };
	while (*path != '\0') {
		yaml_node_t *next = path_step(d, node, &path);

		if (next == NULL)
			break;
		node = next;
	}
	return doc_mark(node);
}

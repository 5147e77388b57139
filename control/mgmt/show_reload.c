/* SPDX-License-Identifier: BSD-3-Clause */
/** `reload`: what changed, or why nothing did. */
#include <stdio.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/reload.h"

#define LINE_BYTES 640

static json_t *
errors_json(const char *file, const struct config_errors *e)
{
	json_t *list = json_array();
	char line[LINE_BYTES];

	for (size_t i = 0; i < e->count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:I, s:s, s:s, s:s}", "file", file, "line",
				(json_int_t)e->list[i].line, "column",
				(json_int_t)e->list[i].column, "path", e->list[i].path, "text",
				e->list[i].text, "message",
				config_error_print(file, &e->list[i], line, sizeof(line))));
	return list;
}

static json_t *
change_json(const struct config_change *c)
{
	char line[LINE_BYTES];

	return json_pack("{s:s, s:s, s:o, s:s, s:s}", "kind", config_change_name(c->kind), "path",
		c->path, "name", json_text(c->name), "text", c->text, "message",
		reload_change_print(c, line, sizeof(line)));
}

/** What stands in the way: the file's errors, or the changes that need a restart. */
static json_t *
obstacles(const char *file, const struct reload_report *r)
{
	json_t *list = errors_json(file, &r->errors);

	for (size_t i = 0; i < r->changes_count; i++)
		if (r->changes[i].kind == CHANGE_RESTART)
			json_array_append_new(list, change_json(&r->changes[i]));
	return list;
}

void
show_reload(const struct mgmt_view *v, bool dry, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "kind", "KIND", "path", "KEY", "name", "NAME",
		"text", "CHANGE", NULL };
	const struct reload_report *r = v->reload(v->user, dry, now_ms);
	const char *file = v->config_path(v->user);
	json_t *changes;

	if (r->refused[0] != '\0') {
		snprintf(a->error, sizeof(a->error), "reload refused: %s", r->refused);
		a->details = obstacles(file, r);
		return;
	}
	changes = json_array();
	for (size_t i = 0; i < r->changes_count; i++)
		json_array_append_new(changes, change_json(&r->changes[i]));
	a->data = json_pack("{s:b, s:b, s:s, s:o, s:o}", "applied", r->applied, "dry_run", dry,
		"file", file, "changes", changes, "warnings", errors_json(file, &r->errors));
	a->columns = json_columns(columns);
	a->rows = "changes";
	snprintf(a->message, sizeof(a->message), "%zu change%s %s", r->changes_count,
		r->changes_count == 1 ? "" : "s", dry ? "would be applied" : "applied");
}

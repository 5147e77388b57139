/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "control/dpif.h"
#include "control/route/context.h"
#include "control/mgmt/socket.h"

#define LINE_BYTES 640

/* ---- what differs -------------------------------------------------------------------- */

static bool
changed(const struct reload_report *out, enum config_change_kind kind, const char *name)
{
	for (size_t i = 0; i < out->changes_count; i++)
		if (out->changes[i].kind == kind &&
			(name == NULL || strcmp(out->changes[i].name, name) == 0))
			return true;
	return false;
}

static bool
cloud_changed(const struct reload_report *out, const char *name)
{
	return changed(out, CHANGE_CLOUD_ADD, name) || changed(out, CHANGE_CLOUD_REBUILD, name) ||
		changed(out, CHANGE_CLOUD_UPDATE, name);
}

static const struct config_port *
port_find(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->ports_count; i++)
		if (strcmp(c->ports[i].name, name) == 0)
			return &c->ports[i];
	return NULL;
}

static int
compare(const struct config *old, const struct config *new, struct reload_report *out)
{
	size_t n = config_diff(old, new, NULL, 0);

	out->changes = calloc(n + 1, sizeof(*out->changes));
	if (out->changes == NULL)
		return -ENOMEM;
	out->changes_count = config_diff(old, new, out->changes, n);
	return 0;
}

/* ---- first half: what may fail, and the way back ----------------------------------------- */

/** How far the first half came. */
struct progress {
	uint32_t clouds, ports; /* of the new configuration, from the first */
	bool group;
	const char *failed; /* what could not be done */
	const char *name;
};

static int
clouds_prepare(const struct reload *r, const struct config *new, const struct reload_report *out,
	struct progress *p)
{
	for (; p->clouds < new->clouds_count; p->clouds++) {
		const struct config_cloud *c = &new->clouds[p->clouds];
		int err;

		if (!cloud_changed(out, c->name))
			continue;
		p->name = c->name;
		err = apply_cloud_prepare(&r->to, c, config_cloud_find(r->config, c->name));
		if (err != 0)
			return err;
	}
	return 0;
}

static int
ports_prepare(const struct reload *r, const struct config *new, const struct reload_report *out,
	struct progress *p)
{
	for (; p->ports < new->ports_count; p->ports++) {
		int err;

		p->name = new->ports[p->ports].name;
		if (!changed(out, CHANGE_PORT_ADDRESS, p->name))
			continue;
		err = dpif_port_set(r->to.dpif, &new->ports[p->ports]);
		if (err != 0)
			return err;
	}
	return 0;
}

static int
group_prepare(const struct reload *r, const struct config *new, struct progress *p)
{
	int err;

	if (r->mgmt == NULL || strcmp(new->management.group, r->config->management.group) == 0)
		return 0;
	p->name = new->management.group;
	err = mgmt_group_set(r->mgmt, new->management.group);
	p->group = err == 0;
	return err;
}

/** The IKE engine comes last: what it takes over it does not give back. */
static int
prepare(const struct reload *r, const struct config *new, const struct reload_report *out,
	uint64_t now_ms, struct progress *p)
{
	int err;

	p->failed = "management.group (is it on this host?)";
	err = group_prepare(r, new, p);
	if (err != 0)
		return err;
	p->failed = "port";
	err = ports_prepare(r, new, out, p);
	if (err != 0)
		return err;
	p->failed = "cloud";
	err = clouds_prepare(r, new, out, p);
	if (err != 0)
		return err;
	p->failed = "IKE profiles and keys";
	p->name = "";
	return apply_ike(&r->to, new, now_ms);
}

static void
undo(const struct reload *r, const struct config *new, const struct reload_report *out,
	const struct progress *p)
{
	for (uint32_t i = p->clouds; i-- > 0;)
		if (cloud_changed(out, new->clouds[i].name))
			apply_cloud_undo(&r->to, &new->clouds[i],
				config_cloud_find(r->config, new->clouds[i].name));
	for (uint32_t i = p->ports; i-- > 0;)
		if (changed(out, CHANGE_PORT_ADDRESS, new->ports[i].name))
			dpif_port_set(r->to.dpif, port_find(r->config, new->ports[i].name));
	if (p->group)
		mgmt_group_set(r->mgmt, r->config->management.group);
	dpif_settle(r->to.dpif);
}

/* ---- second half: nothing of this fails --------------------------------------------------- */

static void
commit(struct reload *r, struct config *new, const struct reload_report *out, uint64_t now_ms)
{
	struct config *old = r->config;

	for (uint32_t i = 0; i < old->clouds_count; i++)
		if (changed(out, CHANGE_CLOUD_REMOVE, old->clouds[i].name))
			apply_cloud_remove(&r->to, &old->clouds[i], now_ms);
	for (uint32_t i = 0; i < new->clouds_count; i++)
		if (cloud_changed(out, new->clouds[i].name))
			apply_cloud_commit(&r->to, &new->clouds[i],
				config_cloud_find(old, new->clouds[i].name), now_ms);
	dpif_settle(r->to.dpif);
	log_level_set(new->management.log_level);
	r->config = new;
	config_free(old);
}

static void
apply(struct reload *r, struct config *new, uint64_t now_ms, struct reload_report *out)
{
	struct progress p = { 0 };
	int err = prepare(r, new, out, now_ms, &p);

	if (err != 0) {
		undo(r, new, out, &p);
		snprintf(out->refused, sizeof(out->refused),
			"%s %s cannot be set up: %s; everything is as it was", p.failed, p.name,
			strerror(-err));
		config_free(new);
		return;
	}
	commit(r, new, out, now_ms);
	out->applied = true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/** Read, check and compare. NULL when it is refused: out->refused says why. */
static struct config *
judge(const struct reload *r, struct reload_report *out)
{
	struct config *new = NULL;
	int err = config_load(r->path, contexts_check, &new, &out->errors);
	unsigned restart = 0;
	char rest[100];

	config_errors_rest(&out->errors, rest, sizeof(rest));
	if (err == 0)
		err = compare(r->config, new, out);
	if (err != 0 && out->errors.count > out->errors.warnings)
		snprintf(out->refused, sizeof(out->refused), "%zu error%s in %.120s%s%s",
			out->errors.count, out->errors.count == 1 ? "" : "s", r->path,
			rest[0] != '\0' ? "; " : "", rest);
	else if (err != 0 && out->refused[0] == '\0')
		snprintf(out->refused, sizeof(out->refused), "%.180s: %s", r->path, strerror(-err));
	for (size_t i = 0; i < out->changes_count; i++)
		restart += out->changes[i].kind == CHANGE_RESTART;
	if (restart > 0)
		snprintf(out->refused, sizeof(out->refused),
			"%u change%s a restart (systemctl restart naved): restart, or take %s back "
			"in the file; a cloud may get another name instead",
			restart, restart == 1 ? " needs" : "s need", restart == 1 ? "it" : "them");
	if (out->refused[0] == '\0')
		return new;
	config_free(new);
	return NULL;
}

static void
log_report(const struct reload *r, const struct reload_report *out)
{
	char line[LINE_BYTES];

	for (size_t i = 0; i < out->errors.count; i++)
		log_warning("reload: %s",
			config_error_print(r->path, &out->errors.list[i], line, sizeof(line)));
	if (config_errors_rest(&out->errors, line, sizeof(line))[0] != '\0')
		log_warning("reload: %s: %s", r->path, line);
	for (size_t i = 0; i < out->changes_count; i++)
		if (out->applied || out->changes[i].kind == CHANGE_RESTART)
			log_notice("reload: %s",
				reload_change_print(&out->changes[i], line, sizeof(line)));
	if (out->refused[0] != '\0')
		log_error("reload refused, nothing changed: %s", out->refused);
	else
		log_notice("reload of %s: %zu change%s", r->path, out->changes_count,
			out->changes_count == 1 ? "" : "s");
}

void
reload_run(struct reload *r, bool dry, uint64_t now_ms, struct reload_report *out)
{
	struct config *new;

	*out = (struct reload_report){ 0 };
	new = judge(r, out);
	if (new != NULL && dry)
		config_free(new);
	else if (new != NULL)
		apply(r, new, now_ms, out);
	if (!dry)
		log_report(r, out);
}

void
reload_report_free(struct reload_report *out)
{
	config_errors_free(&out->errors);
	free(out->changes);
	*out = (struct reload_report){ 0 };
}

const char *
reload_change_print(const struct config_change *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s%s%s%s: %s", c->path, c->name[0] ? " (" : "", c->name,
		c->name[0] ? ")" : "", c->text);
	return buf;
}

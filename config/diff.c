/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/identity.h"
#include "config/pki.h"
#include "config/whom.h"

struct diff {
	struct config_change *list; /* NULL: count only */
	size_t max, count;
};

/** What the fields of one port, cloud or profile that differ would mean. */
struct scope {
	struct diff *diff;
	enum config_change_kind kind;
	const char *path; /* "clouds[0]" in the new file (the old one for what is gone) */
	const char *name;
};

static void __attribute__((format(printf, 3, 4)))
change(const struct scope *s, const char *key, const char *fmt, ...)
{
	struct diff *d = s->diff;
	va_list args;

	if (d->list != NULL && d->count < d->max) {
		struct config_change *c = &d->list[d->count];

		*c = (struct config_change){ .kind = s->kind };
		snprintf(c->path, sizeof(c->path), "%s%s%s", s->path, key[0] != '\0' ? "." : "",
			key);
		snprintf(c->name, sizeof(c->name), "%s", s->name);
		va_start(args, fmt);
		vsnprintf(c->text, sizeof(c->text), fmt, args);
		va_end(args);
	}
	if (d->list == NULL || d->count < d->max)
		d->count++;
}

static void
diff_number(const struct scope *s, const char *key, unsigned long old, unsigned long new)
{
	if (old != new)
		change(s, key, "%s %lu -> %lu", key, old, new);
}

static void
diff_text(const struct scope *s, const char *key, const char *old, const char *new)
{
	if (strcmp(old, new) != 0)
		change(s, key, "%s \"%.48s\" -> \"%.48s\"", key, old, new);
}

static void
diff_bool(const struct scope *s, const char *key, bool old, bool new)
{
	if (old != new)
		change(s, key, "%s %s -> %s", key, old ? "true" : "false", new ? "true" : "false");
}

static void
diff_addr(const struct scope *s, const char *key, const struct addr *old, const struct addr *new)
{
	char was[ADDR_TEXT_BYTES], is[ADDR_TEXT_BYTES];

	if (!addr_equal(old, new))
		change(s, key, "%s %s -> %s", key, addr_print(old, was), addr_print(new, is));
}

static bool
prefix_in(const struct prefix *list, uint32_t n, const struct prefix *p)
{
	for (uint32_t i = 0; i < n; i++) {
		if (prefix_equal(&list[i], p))
			return true;
	}
	return false;
}

/* Order has no meaning among addresses, so only those that come or go count. */
static void
diff_addresses(const struct scope *s, const struct prefix *old, uint32_t old_count,
	const struct prefix *new, uint32_t new_count)
{
	char text[ADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < old_count; i++) {
		if (!prefix_in(new, new_count, &old[i]))
			change(s, "addresses", "remove %s", prefix_print(&old[i], text));
	}
	for (uint32_t i = 0; i < new_count; i++) {
		if (!prefix_in(old, old_count, &new[i]))
			change(s, "addresses", "add %s", prefix_print(&new[i], text));
	}
}

static void
diff_system(struct diff *d, const struct config_system *old, const struct config_system *new)
{
	const struct scope s = { d, CHANGE_RESTART, "system", "" };
	static const char *const idle[] = { "auto", "poll", "adaptive" };

	diff_number(&s, "workers", old->workers, new->workers);
	diff_text(&s, "cores", old->cores, new->cores);
	diff_bool(&s, "hugepages", old->hugepages, new->hugepages);
	diff_number(&s, "memory_mb", old->memory_mb, new->memory_mb);
	diff_number(&s, "max_spokes", old->max_spokes, new->max_spokes);
	diff_number(&s, "crypto_threads", old->crypto_threads, new->crypto_threads);
	diff_text(&s, "idle", idle[old->idle], idle[new->idle]);
	diff_text(&s, "state_directory", old->state_directory, new->state_directory);
}

static void
diff_port(struct diff *d, const char *path, const struct config_port *old,
	const struct config_port *new)
{
	struct scope s = { d, CHANGE_RESTART, path, new->name };
	static const char *const role[] = { "wan", "lan" };

	diff_text(&s, "device", old->device, new->device);
	diff_text(&s, "parent", old->parent, new->parent);
	diff_number(&s, "vlan", old->vlan, new->vlan);
	diff_text(&s, "role", role[old->role], role[new->role]);
	diff_number(&s, "mtu", old->mtu, new->mtu);
	diff_bool(&s, "internet_exit", old->internet_exit, new->internet_exit);
	diff_text(&s, "vrf", old->vrf, new->vrf);
	s.kind = CHANGE_PORT_ADDRESS;
	diff_addresses(
		&s, old->addresses, old->addresses_count, new->addresses, new->addresses_count);
	diff_addr(&s, "gateway", &old->gateway, &new->gateway);
}

static const struct config_port *
port_find(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->ports_count; i++) {
		if (strcmp(c->ports[i].name, name) == 0)
			return &c->ports[i];
	}
	return NULL;
}

static void
diff_ports(struct diff *d, const struct config *old, const struct config *new)
{
	char path[32];

	for (uint32_t i = 0; i < old->ports_count; i++) {
		snprintf(path, sizeof(path), "ports[%u]", i);
		const struct scope s = { d, CHANGE_RESTART, path, old->ports[i].name };

		if (port_find(new, s.name) == NULL)
			change(&s, "", "port removed");
	}
	for (uint32_t i = 0; i < new->ports_count; i++) {
		snprintf(path, sizeof(path), "ports[%u]", i);
		const struct scope s = { d, CHANGE_RESTART, path, new->ports[i].name };
		const struct config_port *was = port_find(old, s.name);

		if (was == NULL)
			change(&s, "", "port added");
		else
			diff_port(d, path, was, &new->ports[i]);
	}
}

static void
key_print(const struct config_cloud *c, char *buf, size_t n)
{
	if (c->has_key)
		snprintf(buf, n, "%u", c->key);
	else
		snprintf(buf, n, "none");
}

/* What makes a tunnel another one: every spoke has to come anew. */
static void
diff_tunnel(const struct scope *s, const struct config_cloud *old, const struct config_cloud *new)
{
	char was[16], is[16];

	diff_addr(s, "source", &old->source, &new->source);
	key_print(old, was, sizeof(was));
	key_print(new, is, sizeof(is));
	if (strcmp(was, is) != 0)
		change(s, "key", "key %s -> %s", was, is);
	if (old->protected_ && new->protected_)
		diff_text(s, "protection", old->protection, new->protection);
}

/* What a device cannot change while packets pass it: another name does. */
static void
diff_nature(const struct scope *s, const struct config_cloud *old, const struct config_cloud *new)
{
	if (old->protected_ != new->protected_)
		diff_text(s, "protection", old->protection, new->protection);
	diff_text(s, "vrf", old->vrf, new->vrf);
}

static void
diff_nhrp(const struct scope *s, const struct config_nhrp *old, const struct config_nhrp *new)
{
	static const char *const unique[] = { "same-identity", "honour", "replace" };

	diff_number(s, "nhrp.network_id", old->network_id, new->network_id);
	if (!secret_equal(&old->authentication, &new->authentication))
		change(s, "nhrp.authentication", "authentication changed");
	diff_number(s, "nhrp.holdtime_s", old->holdtime_s, new->holdtime_s);
	diff_number(s, "nhrp.holdtime_min_s", old->holdtime_min_s, new->holdtime_min_s);
	diff_number(s, "nhrp.holdtime_max_s", old->holdtime_max_s, new->holdtime_max_s);
	diff_bool(s, "nhrp.redirect", old->redirect, new->redirect);
	diff_bool(s, "nhrp.answer_from_cache", old->answer_from_cache, new->answer_from_cache);
	diff_text(s, "nhrp.unique", unique[old->unique], unique[new->unique]);
	diff_number(s, "nhrp.max_prefix_bits_v4", old->max_prefix_bits_v4, new->max_prefix_bits_v4);
	diff_number(s, "nhrp.max_prefix_bits_v6", old->max_prefix_bits_v6, new->max_prefix_bits_v6);
}

static void
diff_cloud(const struct scope *s, const struct config_cloud *old, const struct config_cloud *new)
{
	static const char *const spoof[] = { "strict", "loose", "off" };
	static const char *const df[] = { "clear", "copy", "set" };

	diff_addresses(
		s, old->addresses, old->addresses_count, new->addresses, new->addresses_count);
	diff_number(s, "mtu", old->mtu, new->mtu);
	diff_number(s, "tcp_mss", old->tcp_mss, new->tcp_mss);
	diff_text(s, "anti_spoof", spoof[old->anti_spoof], spoof[new->anti_spoof]);
	diff_text(s, "df", df[old->df], df[new->df]);
	diff_nhrp(s, &old->nhrp, &new->nhrp);
}

static void
diff_clouds(struct diff *d, const struct config *old, const struct config *new)
{
	char path[32];

	for (uint32_t i = 0; i < old->clouds_count; i++) {
		snprintf(path, sizeof(path), "clouds[%u]", i);
		const struct scope s = { d, CHANGE_CLOUD_REMOVE, path, old->clouds[i].name };

		if (config_cloud_find(new, s.name) == NULL)
			change(&s, "", "cloud removed");
	}
	for (uint32_t i = 0; i < new->clouds_count; i++) {
		snprintf(path, sizeof(path), "clouds[%u]", i);
		struct scope s = { d, CHANGE_CLOUD_ADD, path, new->clouds[i].name };
		const struct config_cloud *was = config_cloud_find(old, s.name);

		if (was == NULL) {
			change(&s, "", "cloud added");
			continue;
		}
		s.kind = CHANGE_RESTART;
		diff_nature(&s, was, &new->clouds[i]);
		s.kind = CHANGE_CLOUD_REBUILD;
		diff_tunnel(&s, was, &new->clouds[i]);
		s.kind = CHANGE_CLOUD_UPDATE;
		diff_cloud(&s, was, &new->clouds[i]);
	}
}

static bool
proposals_equal(const struct config_proposal *a, uint32_t a_count, const struct config_proposal *b,
	uint32_t b_count)
{
	return a_count == b_count && memcmp(a, b, a_count * sizeof(*a)) == 0;
}

static void
diff_identity(
	const struct scope *s, const struct config_identity *old, const struct config_identity *new)
{
	char was[IDENTITY_TEXT_BYTES], is[IDENTITY_TEXT_BYTES];

	if (!identity_equal(old, new))
		change(s, "local_identity", "local_identity \"%.48s\" -> \"%.48s\"",
			identity_print(old, was, sizeof(was)), identity_print(new, is, sizeof(is)));
}

static void
diff_profile(const struct scope *s, const struct config_ike_profile *old,
	const struct config_ike_profile *new)
{
	static const char *const mode[] = { "any", "transport", "tunnel" };
	static const char *const pfs[] = { "peer", "require", "off" };
	static const char *const accept[] = { "any", "psk", "certificate" };

	diff_text(s, "accept", accept[old->accept], accept[new->accept]);
	if (!config_pki_equal(old->pki, new->pki))
		change(s, "certificate", "certificates, trust or maps changed");
	diff_identity(s, &old->local_identity, &new->local_identity);
	if (!proposals_equal(old->ike, old->ike_count, new->ike, new->ike_count))
		change(s, "proposals", "proposals changed");
	if (!proposals_equal(old->esp, old->esp_count, new->esp, new->esp_count))
		change(s, "esp_proposals", "esp_proposals changed");
	diff_text(s, "mode", mode[old->mode], mode[new->mode]);
	diff_text(s, "pfs", pfs[old->pfs], pfs[new->pfs]);
	diff_number(s, "replay_window", old->replay_window, new->replay_window);
	diff_number(s, "dpd_s", old->dpd_s, new->dpd_s);
	diff_number(s, "ike_lifetime_s", old->ike_lifetime_s, new->ike_lifetime_s);
	diff_number(s, "esp_lifetime_s", old->esp_lifetime_s, new->esp_lifetime_s);
	diff_number(s, "esp_lifetime_mb", old->esp_lifetime_mb, new->esp_lifetime_mb);
	diff_number(
		s, "esp_lifetime_packets", old->esp_lifetime_packets, new->esp_lifetime_packets);
	if (old->legacy != new->legacy)
		change(s, "legacy", "legacy changed");
	diff_number(s, "max_children", old->max_children, new->max_children);
}

static void
diff_profiles(struct diff *d, const struct config *old, const struct config *new)
{
	char path[32];

	for (uint32_t i = 0; i < old->ike_count; i++) {
		snprintf(path, sizeof(path), "ike[%u]", i);
		const struct scope s = { d, CHANGE_IKE, path, old->ike[i].name };

		if (config_ike_find(new, s.name) == NULL)
			change(&s, "", "profile removed");
	}
	for (uint32_t i = 0; i < new->ike_count; i++) {
		snprintf(path, sizeof(path), "ike[%u]", i);
		const struct scope s = { d, CHANGE_IKE, path, new->ike[i].name };
		const struct config_ike_profile *was = config_ike_find(old, s.name);

		if (was == NULL)
			change(&s, "", "profile added");
		else
			diff_profile(&s, was, &new->ike[i]);
	}
}

/** All keys of a configuration by whom they are for. NULL: no memory. */
static struct whom_index *
psk_index(const struct config *c)
{
	struct whom_index *x = whom_index_new(c->psks_count);

	for (uint32_t i = 0; x != NULL && i < c->psks_count; i++)
		whom_index_add(x, &c->psks[i].whom, NULL, 0, i);
	return x;
}

static const struct config_psk *
psk_find(const struct config *c, struct whom_index *of_c, const struct config_psk *like)
{
	uint32_t i = whom_same(of_c, &like->whom, NULL, 0);

	return i == WHOM_NONE ? NULL : &c->psks[i];
}

static void
diff_psks_by(struct diff *d, const struct config *old, struct whom_index *of_old,
	const struct config *new, struct whom_index *of_new)
{
	char path[32], who[IDENTITY_TEXT_BYTES];
	const struct scope s = { d, CHANGE_IKE, path, "" };

	for (uint32_t i = 0; i < old->psks_count; i++) {
		snprintf(path, sizeof(path), "secrets[%u]", old->psks[i].entry);
		if (psk_find(new, of_new, &old->psks[i]) == NULL)
			change(&s, "", "key removed for %.100s",
				whom_print(&old->psks[i].whom, who, sizeof(who)));
	}
	for (uint32_t i = 0; i < new->psks_count; i++) {
		const struct config_psk *was = psk_find(old, of_old, &new->psks[i]);

		snprintf(path, sizeof(path), "secrets[%u]", new->psks[i].entry);
		whom_print(&new->psks[i].whom, who, sizeof(who));
		if (was == NULL)
			change(&s, "", "key added for %.100s", who);
		else if (!secret_equal(&was->key, &new->psks[i].key))
			change(&s, "key", "key changed for %.100s", who);
		if (was != NULL &&
			memcmp(&was->binding, &new->psks[i].binding, sizeof(was->binding)))
			change(&s, "", "group, cloud, overlay or profile changed for %.100s", who);
	}
}

static void
diff_psks(struct diff *d, const struct config *old, const struct config *new)
{
	struct whom_index *of_old = psk_index(old), *of_new = psk_index(new);
	const struct scope s = { d, CHANGE_RESTART, "secrets", "" };

	if (of_old != NULL && of_new != NULL)
		diff_psks_by(d, old, of_old, new, of_new);
	else
		change(&s, "", "no memory to compare the keys");
	whom_index_free(of_old);
	whom_index_free(of_new);
}

static bool
ppk_equal(const struct config_ppk *a, const struct config_ppk *b)
{
	return a->id_bytes == b->id_bytes && memcmp(a->id, b->id, a->id_bytes) == 0 &&
		a->required == b->required && whom_equal(&a->whom, &b->whom) &&
		secret_equal(&a->key, &b->key);
}

/** Place by place: few have any, and the order counts (the first is ours as initiator). */
static void
diff_ppks(struct diff *d, const struct config *old, const struct config *new)
{
	uint32_t most = old->ppks_count > new->ppks_count ? old->ppks_count : new->ppks_count;
	char path[32];
	const struct scope s = { d, CHANGE_IKE, path, "" };

	for (uint32_t i = 0; i < most; i++) {
		snprintf(path, sizeof(path), "ppks[%u]", i);
		if (i >= old->ppks_count)
			change(&s, "", "PPK added");
		else if (i >= new->ppks_count)
			change(&s, "", "PPK removed");
		else if (!ppk_equal(&old->ppks[i], &new->ppks[i]))
			change(&s, "", "PPK changed");
	}
}

static void
diff_management(
	struct diff *d, const struct config_management *old, const struct config_management *new)
{
	struct scope s = { d, CHANGE_RESTART, "management", "" };

	diff_text(&s, "socket", old->socket, new->socket);
	s.kind = CHANGE_MANAGEMENT;
	diff_text(&s, "group", old->group, new->group);
	diff_number(&s, "log_level", old->log_level, new->log_level);
}

const char *
config_change_name(enum config_change_kind kind)
{
	static const char *const names[] = {
		[CHANGE_RESTART] = "restart",
		[CHANGE_PORT_ADDRESS] = "port_address",
		[CHANGE_CLOUD_ADD] = "cloud_add",
		[CHANGE_CLOUD_REMOVE] = "cloud_remove",
		[CHANGE_CLOUD_REBUILD] = "cloud_rebuild",
		[CHANGE_CLOUD_UPDATE] = "cloud_update",
		[CHANGE_IKE] = "ike",
		[CHANGE_MANAGEMENT] = "management",
	};

	return names[kind];
}

size_t
config_diff(
	const struct config *old, const struct config *new, struct config_change *list, size_t max)
{
	struct diff d = { .list = list, .max = max };

	diff_system(&d, &old->system, &new->system);
	diff_ports(&d, old, new);
	diff_clouds(&d, old, new);
	diff_profiles(&d, old, new);
	diff_psks(&d, old, new);
	diff_ppks(&d, old, new);
	diff_management(&d, &old->management, &new->management);
	return d.count;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The configuration in force, defaults filled in, key by key as in the file.
 * Secrets are only said to be there.
 */
#include <stdio.h>

#include "config/identity.h"
#include "config/pki.h"
#include "config/proposal.h"
#include "config/whom.h"
#include "control/ike/ike.h"
#include "control/mgmt/json.h"
#include "control/mgmt/show.h"

static json_t *
prefixes(const struct prefix *p, uint32_t n)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(prefix_print(&p[i], text)));
	return list;
}

/** 0 is what nave computes by itself. */
static json_t *
auto_or(uint32_t v)
{
	return v == 0 ? json_string("auto") : json_integer(v);
}

static json_t *
proposals(const struct config_proposal *p, uint32_t n)
{
	json_t *list = json_array();
	char text[120];

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(proposal_print(&p[i], text, sizeof(text))));
	return list;
}

/** What those are and may be whom a key lets in: keys that the file has, no others. */
static void
binding_json(const struct config_binding *b, json_t *row)
{
	if (b->group[0] != '\0')
		json_object_set_new(row, "group", json_string(b->group));
	if (b->cloud[0] != '\0')
		json_object_set_new(row, "cloud", json_string(b->cloud));
	if (b->profile[0] != '\0')
		json_object_set_new(row, "profile", json_string(b->profile));
	if (b->overlay_count > 0)
		json_object_set_new(row, "overlay", prefixes(b->overlay, b->overlay_count));
}

/** For whom a key is and where it came from; never the key. */
static json_t *
psk_json(const struct config_psk *p)
{
	bool by_identity = p->whom.identity.type != ID_NONE;
	bool anybody = !by_identity && p->whom.address.addr.family == ADDR_NONE;
	char text[IDENTITY_TEXT_BYTES], file[CONFIG_TEXT_BYTES + 8];
	json_t *row;

	snprintf(file, sizeof(file), "file:%s", p->file);
	whom_print(&p->whom, text, sizeof(text));
	row = json_pack("{s:o, s:s}", by_identity ? "identity" : "address",
		json_text(anybody ? "any" : text), "key", file);
	binding_json(&p->binding, row);
	return row;
}

static const char *
level_name(uint8_t level)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };

	return level >= 3 && level <= 7 ? names[level - 3] : "info";
}

static json_t *
system_json(const struct config_system *s)
{
	static const char *const idle[] = { "auto", "poll", "adaptive" };

	return json_pack("{s:o, s:o, s:b, s:o, s:I, s:I, s:s, s:s}", "workers", auto_or(s->workers),
		"cores", json_text(s->cores), "hugepages", s->hugepages, "memory_mb",
		auto_or(s->memory_mb), "max_spokes", (json_int_t)s->max_spokes, "crypto_threads",
		(json_int_t)s->crypto_threads, "idle", idle[s->idle], "state_directory",
		s->state_directory);
}

static json_t *
port_json(const struct config_port *p)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:b, s:o}", "name", p->name,
		"device", json_text(p->device), "parent", json_text(p->parent), "vlan",
		p->vlan != 0 ? json_integer(p->vlan) : json_null(), "role",
		p->role == PORT_WAN ? "wan" : "lan", "mtu", (json_int_t)p->mtu, "addresses",
		prefixes(p->addresses, p->addresses_count), "gateway", json_addr(&p->gateway),
		"internet_exit", p->internet_exit, "vrf", json_text(p->vrf));
}

static json_t *
nhrp_json(const struct config_nhrp *n)
{
	static const char *const unique[] = { "same-identity", "honour", "replace" };

	return json_pack("{s:I, s:s, s:I, s:I, s:I, s:b, s:b, s:s, s:I, s:I}", "network_id",
		(json_int_t)n->network_id, "authentication",
		n->authentication.bytes == 0 ? "none" : "set", "holdtime_s",
		(json_int_t)n->holdtime_s, "holdtime_min_s", (json_int_t)n->holdtime_min_s,
		"holdtime_max_s", (json_int_t)n->holdtime_max_s, "redirect", n->redirect,
		"answer_from_cache", n->answer_from_cache, "unique", unique[n->unique],
		"max_prefix_bits_v4", (json_int_t)n->max_prefix_bits_v4, "max_prefix_bits_v6",
		(json_int_t)n->max_prefix_bits_v6);
}

static json_t *
cloud_json(const struct config_cloud *c)
{
	static const char *const spoof[] = { "strict", "loose", "off" };
	static const char *const df[] = { "clear", "copy", "set" };

	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:s, s:s, s:s, s:o, s:o}", "name", c->name,
		"addresses", prefixes(c->addresses, c->addresses_count), "source",
		json_addr(&c->source), "key", c->has_key ? json_integer(c->key) : json_null(),
		"mtu", (json_int_t)c->mtu, "tcp_mss", auto_or(c->tcp_mss), "anti_spoof",
		spoof[c->anti_spoof], "df", df[c->df], "protection", c->protection, "vrf",
		json_text(c->vrf), "nhrp", nhrp_json(&c->nhrp));
}

static json_t *
map_json(const struct config_cert_map *m)
{
	char text[PKI_FIELD_BYTES + CONFIG_TEXT_BYTES + 8];
	json_t *match = json_array(), *row;

	for (uint32_t i = 0; i < m->match_count; i++) {
		snprintf(text, sizeof(text), "%s %s %s", m->match[i].field,
			m->match[i].unlike ? "!=" : "=", m->match[i].pattern);
		json_array_append_new(match, json_string(text));
	}
	row = json_pack("{s:s, s:o}", "name", m->binding.map, "match", match);
	binding_json(&m->binding, row);
	return row;
}

static json_t *
maps_json(const struct config_pki *pki)
{
	json_t *list = json_array();

	for (uint32_t i = 0; pki != NULL && i < pki->maps_count; i++)
		json_array_append_new(list, map_json(&pki->maps[i]));
	return list;
}

static json_t *
profile_json(const struct config_ike_profile *p)
{
	static const char *const mode[] = { "any", "transport", "tunnel" };
	static const char *const pfs[] = { "peer", "require", "off" };
	char id[IKE_ID_BYTES] = "";

	if (p->local_identity.type != ID_NONE)
		ike_identity_print(&p->local_identity, id, sizeof(id));
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}",
		"name", p->name, "local_identity", json_text(id), "maps", maps_json(p->pki),
		"proposals", proposals(p->ike, p->ike_count), "esp_proposals",
		proposals(p->esp, p->esp_count), "mode", mode[p->mode], "pfs", pfs[p->pfs],
		"replay_window", (json_int_t)p->replay_window, "dpd_s", (json_int_t)p->dpd_s,
		"ike_lifetime_s", (json_int_t)p->ike_lifetime_s, "esp_lifetime_s",
		(json_int_t)p->esp_lifetime_s, "esp_lifetime_mb", (json_int_t)p->esp_lifetime_mb,
		"esp_lifetime_packets", (json_int_t)p->esp_lifetime_packets, "legacy", p->legacy,
		"max_children", (json_int_t)p->max_children);
}

void
show_config(const struct mgmt_view *v, struct mgmt_answer *a)
{
	const struct config *c = v->config(v->user);
	json_t *ports = json_array(), *clouds = json_array(), *ike = json_array();
	json_t *secrets = json_array();

	for (uint32_t i = 0; i < c->ports_count; i++)
		json_array_append_new(ports, port_json(&c->ports[i]));
	for (uint32_t i = 0; i < c->clouds_count; i++)
		json_array_append_new(clouds, cloud_json(&c->clouds[i]));
	for (uint32_t i = 0; i < c->ike_count; i++)
		json_array_append_new(ike, profile_json(&c->ike[i]));
	for (uint32_t i = 0; i < c->psks_count; i++)
		json_array_append_new(secrets, psk_json(&c->psks[i]));
	a->data = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:o, s:s}}", "file",
		v->config_path(v->user), "system", system_json(&c->system), "ports", ports,
		"clouds", clouds, "ike", ike, "secrets", secrets, "management", "socket",
		c->management.socket, "group", json_text(c->management.group), "log_level",
		level_name(c->management.log_level));
}

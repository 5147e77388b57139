/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/identity.h"
#include "config/load.h"
#include "config/proposal.h"
#include "config/scalar.h"
#include "config/secret_file.h"
#include "config/whom.h"
#include "crypto/secret.h"

#define DEFAULT_PORT_MTU       1500
#define DEFAULT_CLOUD_MTU      1400
#define DEFAULT_SPOKES         4096
#define DEFAULT_CRYPTO_THREADS 1
#define DEFAULT_HOLDTIME_S     7200
#define DEFAULT_HOLDTIME_MIN_S 10
#define DEFAULT_HOLDTIME_MAX_S 65535
#define DEFAULT_REPLAY_WINDOW  1024
#define DEFAULT_DPD_S          30
#define DEFAULT_IKE_LIFETIME_S 90000 /* longer than peers' own day, so that they rekey first */
#define DEFAULT_ESP_LIFETIME_S 4000  /* the same against Cisco's hour */
#define DEFAULT_CHILDREN       4
#define DEFAULT_LOG_LEVEL      6
#define DEFAULT_SOCKET         "/run/nave/naved.sock"

static uint32_t
number_or(const uint32_t *value, uint32_t fallback)
{
	return value != NULL ? *value : fallback;
}

static bool
bool_or(const bool *value, bool fallback)
{
	return value != NULL ? *value : fallback;
}

/* Lengths were checked against the same arrays by the rules. */
static void
text_copy(char *to, size_t n, const char *from)
{
	snprintf(to, n, "%s", from != NULL ? from : "");
}

static uint16_t
auto_or_number(const char *text)
{
	uint32_t v = 0;

	if (text != NULL)
		(void)scalar_number(text, &v); /* "auto" leaves 0 */
	return (uint16_t)v;
}

static uint32_t
prefixes_parse(char *const *texts, uint32_t n, struct prefix *list)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (prefix_parse(texts[i], &list[count]) == 0)
			count++;
	}
	return count;
}

static void
build_system(const struct raw_system *raw, struct config_system *s)
{
	static const struct raw_system none = { 0 };

	raw = raw != NULL ? raw : &none;
	s->workers = auto_or_number(raw->workers);
	text_copy(s->cores, sizeof(s->cores), raw->cores);
	s->hugepages = bool_or(raw->hugepages, true);
	s->memory_mb = number_or(raw->memory_mb, 0);
	s->max_spokes = number_or(raw->max_spokes, DEFAULT_SPOKES);
	s->crypto_threads = (uint8_t)number_or(raw->crypto_threads, DEFAULT_CRYPTO_THREADS);
	text_copy(s->state_directory, sizeof(s->state_directory),
		raw->state_directory != NULL ? raw->state_directory : "/var/lib/nave");
	s->idle = (enum config_idle)raw->idle;
}

static void
build_port(const struct raw_port *raw, struct config_port *p)
{
	text_copy(p->name, sizeof(p->name), raw->name);
	text_copy(p->device, sizeof(p->device), raw->device);
	text_copy(p->parent, sizeof(p->parent), raw->parent);
	p->vlan = (uint16_t)number_or(raw->vlan, 0);
	p->role = (enum port_role)raw->role;
	p->mtu = (uint16_t)number_or(raw->mtu, DEFAULT_PORT_MTU);
	p->addresses_count = prefixes_parse(raw->addresses, raw->addresses_count, p->addresses);
	if (raw->gateway != NULL)
		(void)addr_parse(raw->gateway, &p->gateway);
	p->internet_exit = bool_or(raw->internet_exit, false);
	text_copy(p->vrf, sizeof(p->vrf), raw->vrf);
}

static void
build_nhrp(const struct raw_nhrp *raw, uint32_t cloud, struct config_nhrp *n, struct report *r)
{
	char path[64];

	n->network_id = raw->network_id;
	if (raw->authentication != NULL) {
		snprintf(path, sizeof(path), "clouds[%u].nhrp.authentication", cloud);
		(void)secret_file_read(raw->authentication, path, &n->authentication, r);
	}
	n->holdtime_s = (uint16_t)number_or(raw->holdtime_s, DEFAULT_HOLDTIME_S);
	n->holdtime_min_s = (uint16_t)number_or(raw->holdtime_min_s, DEFAULT_HOLDTIME_MIN_S);
	n->holdtime_max_s = (uint16_t)number_or(raw->holdtime_max_s, DEFAULT_HOLDTIME_MAX_S);
	n->redirect = bool_or(raw->redirect, true);
	n->answer_from_cache = bool_or(raw->answer_from_cache, false);
	n->unique = (enum nhrp_unique)raw->unique;
	n->max_prefix_bits_v4 = (uint8_t)number_or(raw->max_prefix_bits_v4, 32);
	n->max_prefix_bits_v6 = (uint8_t)number_or(raw->max_prefix_bits_v6, 128);
}

static void
build_cloud(const struct raw_cloud *raw, uint32_t i, struct config_cloud *c, struct report *r)
{
	text_copy(c->name, sizeof(c->name), raw->name);
	c->addresses_count = prefixes_parse(raw->addresses, raw->addresses_count, c->addresses);
	(void)addr_parse(raw->source, &c->source);
	c->has_key = raw->key != NULL;
	c->key = number_or(raw->key, 0);
	c->mtu = (uint16_t)number_or(raw->mtu, DEFAULT_CLOUD_MTU);
	c->tcp_mss = auto_or_number(raw->tcp_mss);
	c->anti_spoof = (enum anti_spoof)raw->anti_spoof;
	c->df = (enum df_policy)raw->df;
	text_copy(c->protection, sizeof(c->protection), raw->protection);
	c->protected_ = strcmp(c->protection, "none") != 0;
	text_copy(c->vrf, sizeof(c->vrf), raw->vrf);
	build_nhrp(raw->nhrp, i, &c->nhrp, r);
}

/** Lines into combinations; the one that no longer fits is an error at its line. */
static void
build_proposals(char *const *lines, uint32_t n, enum proposal_use use, bool legacy,
	const char *path, struct config_proposal *list, uint32_t *count, struct report *r)
{
	char why[120], at[96];

	if (n == 0)
		proposal_defaults(use, legacy, list, count);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = *count;

		snprintf(at, sizeof(at), "%s[%u]", path, i);
		if (proposal_parse(
			    lines[i], use, list, count, CONFIG_PROPOSALS, why, sizeof(why)) != 0) {
			report_error(r, at, "%s; shorten the list", why);
			continue;
		}
		const char *weak = legacy ? NULL : proposal_weak(list + from, *count - from);

		if (weak != NULL)
			report_error(r, at,
				"\"%s\" is too weak to be taken by mistake; leave it out, or add "
				"legacy: true to the profile for as long as old spokes need it",
				weak);
	}
	proposal_sort(list, *count);
}

static void
build_profile(const struct raw_profile *raw, uint32_t i, const struct config_system *system,
	struct config_ike_profile *p, struct report *r)
{
	char path[64];

	text_copy(p->name, sizeof(p->name), raw->name);
	if (raw->local_identity != NULL)
		(void)identity_parse(raw->local_identity, &p->local_identity);
	p->accept = (enum config_accept)raw->accept;
	build_pki(raw, i, system->state_directory, p, r);
	p->legacy = bool_or(raw->legacy, false);
	snprintf(path, sizeof(path), "ike[%u].proposals", i);
	build_proposals(raw->proposals, raw->proposals_count, PROPOSAL_IKE, p->legacy, path, p->ike,
		&p->ike_count, r);
	snprintf(path, sizeof(path), "ike[%u].esp_proposals", i);
	build_proposals(raw->esp_proposals, raw->esp_proposals_count, PROPOSAL_ESP, p->legacy, path,
		p->esp, &p->esp_count, r);
	p->mode = (enum ipsec_mode)raw->mode;
	p->pfs = (enum pfs)raw->pfs;
	p->replay_window = (uint16_t)number_or(raw->replay_window, DEFAULT_REPLAY_WINDOW);
	p->dpd_s = number_or(raw->dpd_s, DEFAULT_DPD_S);
	p->ike_lifetime_s = number_or(raw->ike_lifetime_s, DEFAULT_IKE_LIFETIME_S);
	p->esp_lifetime_s = number_or(raw->esp_lifetime_s, DEFAULT_ESP_LIFETIME_S);
	p->esp_lifetime_mb = number_or(raw->esp_lifetime_mb, 0);
	p->esp_lifetime_packets = number_or(raw->esp_lifetime_packets, 0);
	p->max_children = (uint16_t)number_or(raw->max_children, DEFAULT_CHILDREN);
}

void
build_binding(const struct raw_binding *raw, struct config_binding *b)
{
	text_copy(b->group, sizeof(b->group), raw->group);
	text_copy(b->cloud, sizeof(b->cloud), raw->cloud);
	text_copy(b->profile, sizeof(b->profile), raw->profile);
	for (uint32_t i = 0; i < raw->overlay_count; i++)
		if (scalar_address_or_net(raw->overlay[i], &b->overlay[b->overlay_count]) == 0)
			b->overlay_count++;
}

/** Whom it is for is said in exactly one way. */
static void
psk_whom_check(const struct raw_psk *raw, uint32_t i, struct report *r)
{
	int ways = (raw->identity != NULL) + (raw->identities_count > 0) + (raw->address != NULL);
	char path[64];

	if (ways == 1)
		return;
	snprintf(path, sizeof(path), "secrets[%u]", i);
	report_error(r, path,
		"found %s of \"identity\", \"identities\" and \"address\"; needed is exactly one "
		"of them (address: any for every peer)",
		ways == 0           ? "none"
			: ways == 2 ? "two"
				    : "all");
}

/** One key, for one or several identities: an entry for each. */
static void
build_psk(const struct raw_psk *raw, uint32_t i, struct config *c, struct report *r)
{
	char *const one[] = { raw->identity };
	char *const *texts = raw->identities_count > 0 ? raw->identities : one;
	uint32_t n = raw->identities_count > 0 ? raw->identities_count : 1;
	struct config_psk *first = &c->psks[c->psks_count];
	char path[64], why[200];

	psk_whom_check(raw, i, r);
	snprintf(path, sizeof(path), "secrets[%u].key", i);
	(void)secret_file_read(raw->key, path, &first->key, r);
	for (uint32_t j = 0; j < n; j++) {
		struct config_psk *p = &c->psks[c->psks_count++];

		p->entry = i;
		p->item = j;
		p->listed = raw->identities_count > 0;
		build_binding(&raw->binding, &p->binding);
		if (texts[j] != NULL)
			(void)whom_parse(texts[j], &p->whom, why, sizeof(why));
		else if (raw->address != NULL)
			(void)scalar_address_or_net(raw->address, &p->whom.address);
		text_copy(p->file, sizeof(p->file), raw->key + strlen("file:"));
		if (j > 0 && secret_set(&p->key, first->key.data, first->key.bytes) != 0)
			r->out_of_memory = true;
	}
}

/** How many keys the entries stand for. */
static uint32_t
psks_count(const struct raw_config *raw)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < raw->secrets_count; i++)
		n += raw->secrets[i].identities_count > 0 ? raw->secrets[i].identities_count : 1;
	return n;
}

static void
build_ppk(const struct raw_ppk *raw, uint32_t i, struct config_ppk *p, struct report *r)
{
	char path[64], why[200];

	p->id_bytes = (uint8_t)strlen(raw->id);
	memcpy(p->id, raw->id, p->id_bytes);
	if (raw->identity != NULL)
		(void)whom_parse(raw->identity, &p->whom, why, sizeof(why));
	p->required = bool_or(raw->required, false);
	text_copy(p->file, sizeof(p->file), raw->key + strlen("file:"));
	snprintf(path, sizeof(path), "ppks[%u].key", i);
	(void)secret_file_read(raw->key, path, &p->key, r);
}

static void
build_management(const struct raw_management *raw, struct config_management *m)
{
	static const struct raw_management none = { 0 };

	raw = raw != NULL ? raw : &none;
	text_copy(m->socket, sizeof(m->socket), raw->socket != NULL ? raw->socket : DEFAULT_SOCKET);
	text_copy(m->group, sizeof(m->group), raw->group);
	m->log_level = raw->log_level != NULL ? (uint8_t)*raw->log_level : DEFAULT_LOG_LEVEL;
}

/* calloc that is no failure for nothing */
static void *
list_new(uint32_t n, size_t bytes, bool *failed)
{
	void *list = n > 0 ? calloc(n, bytes) : NULL;

	*failed |= n > 0 && list == NULL;
	return list;
}

struct config *
build_config(const struct raw_config *raw, struct report *r)
{
	struct config *c = calloc(1, sizeof(*c));
	bool failed = false;

	if (c == NULL)
		return NULL;
	c->ports = list_new(raw->ports_count, sizeof(*c->ports), &failed);
	c->clouds = list_new(raw->clouds_count, sizeof(*c->clouds), &failed);
	c->ike = list_new(raw->ike_count, sizeof(*c->ike), &failed);
	c->ppks = list_new(raw->ppks_count, sizeof(*c->ppks), &failed);
	c->psks = list_new(psks_count(raw), sizeof(*c->psks), &failed);
	if (failed) {
		config_free(c);
		return NULL;
	}
	build_system(raw->system, &c->system);
	for (; c->ports_count < raw->ports_count; c->ports_count++)
		build_port(&raw->ports[c->ports_count], &c->ports[c->ports_count]);
	for (uint32_t i = 0; i < raw->clouds_count; i++, c->clouds_count++)
		build_cloud(&raw->clouds[i], i, &c->clouds[i], r);
	for (uint32_t i = 0; i < raw->ike_count; i++, c->ike_count++)
		build_profile(&raw->ike[i], i, &c->system, &c->ike[i], r);
	for (uint32_t i = 0; i < raw->secrets_count; i++)
		build_psk(&raw->secrets[i], i, c, r);
	for (uint32_t i = 0; i < raw->ppks_count; i++, c->ppks_count++)
		build_ppk(&raw->ppks[i], i, &c->ppks[i], r);
	build_management(raw->management, &c->management);
	return c;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/check.h"
#include "config/check_binding.h"
#include "config/cores.h"
#include "config/identity.h"
#include "config/load.h"
#include "config/pki.h"
#include "config/whom.h"

#define PSK_SHORT_CHARS 20 /* below this a key is guessable by whoever sees one handshake */
#define PPK_SHORT_BYTES 32 /* RFC 8784, 6: 256 bits */

struct at
at(const char *fmt, ...)
{
	struct at a;
	va_list args;

	va_start(args, fmt);
	vsnprintf(a.path, sizeof(a.path), fmt, args);
	va_end(args);
	return a;
}

static void
check_system(const struct config *c, struct report *r)
{
	const struct config_system *s = &c->system;
	struct cores cores;

	(void)cores_parse(s->cores, &cores);
	if (cores.count == 0)
		return;
	if (s->workers != CONFIG_WORKERS_AUTO && cores.count != s->workers + 1u)
		report_error(r, "system.cores",
			"names %u cores, but %u workers and the control core need %u; change "
			"\"cores\" or \"workers\"",
			cores.count, s->workers, s->workers + 1u);
	else if (cores.count < 2)
		report_error(r, "system.cores",
			"names one core; needed are two or more, the first for control, the "
			"others for workers");
	else if (cores.count > CONFIG_WORKERS_MAX + 1)
		report_error(r, "system.cores",
			"names %u cores; allowed: at most %u, the first for control, the others "
			"for workers",
			cores.count, CONFIG_WORKERS_MAX + 1);
}

static const struct config_port *
port_named(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->ports_count; i++) {
		if (strcmp(c->ports[i].name, name) == 0)
			return &c->ports[i];
	}
	return NULL;
}

/** A port that is a VLAN on another. */
static void
check_vlan(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_port *p = &c->ports[i], *parent = port_named(c, p->parent);

	if (p->vlan == 0)
		report_error(r, at("ports[%u].parent", i).path,
			"a port on \"%s\" is one of its VLANs; add \"vlan\"", p->parent);
	if (parent == NULL || parent->device[0] == '\0') {
		report_error(r, at("ports[%u].parent", i).path,
			"found \"%s\"; allowed: the name of a port that has a device", p->parent);
		return;
	}
	for (uint32_t j = 0; j < i; j++) {
		if (strcmp(c->ports[j].parent, p->parent) == 0 && c->ports[j].vlan == p->vlan &&
			p->vlan != 0)
			report_error(r, at("ports[%u].vlan", i).path,
				"%u on \"%s\" is already port \"%s\"", p->vlan, p->parent,
				c->ports[j].name);
	}
	if (p->mtu > parent->mtu)
		report_error(r, at("ports[%u].mtu", i).path,
			"mtu %u does not fit \"%s\", which takes %u; raise that one's or lower "
			"this",
			p->mtu, p->parent, parent->mtu);
}

/** Where its frames come from: a device, or a VLAN on one. */
static void
check_device_of_port(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_port *p = &c->ports[i];

	if (p->device[0] == '\0' && p->parent[0] == '\0')
		report_error(r, at("ports[%u]", i).path,
			"port \"%s\" needs a \"device\", or \"parent\" and \"vlan\"", p->name);
	else if (p->device[0] != '\0' && p->parent[0] != '\0')
		report_error(r, at("ports[%u].parent", i).path,
			"a port has a device or is a VLAN on \"%s\", not both; remove one",
			p->parent);
	else if (p->parent[0] != '\0')
		check_vlan(c, i, r);
	else if (p->vlan != 0)
		report_error(r, at("ports[%u].vlan", i).path,
			"a VLAN is a port of its own; name the port with the device as \"parent\" "
			"instead of \"device\"");
	for (uint32_t j = 0; j < i && p->device[0] != '\0'; j++) {
		if (strcmp(c->ports[j].device, p->device) == 0)
			report_error(r, at("ports[%u].device", i).path,
				"\"%s\" is already the device of port \"%s\"", p->device,
				c->ports[j].name);
	}
}

static void
check_port(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_port *p = &c->ports[i];

	check_device_of_port(c, i, r);
	if (p->internet_exit && p->role != PORT_WAN)
		report_error(r, at("ports[%u].internet_exit", i).path,
			"is for ports with role wan, a lan port forwards in clear anyway; remove "
			"it");
}

static bool
port_has(const struct config_port *p, const struct addr *a)
{
	for (uint32_t i = 0; i < p->addresses_count; i++) {
		if (addr_equal(&p->addresses[i].addr, a))
			return true;
	}
	return false;
}

/** The port that has this address; from: where to look. */
static const struct config_port *
source_port(const struct config *c, const struct addr *source, uint32_t from)
{
	for (uint32_t i = from; i < c->ports_count; i++) {
		if (port_has(&c->ports[i], source))
			return &c->ports[i];
	}
	return NULL;
}

/**
 * Outer bytes around an inner packet of mtu bytes: GRE, ESP in its usual worst case
 * (CBC with a 16-octet ICV, in UDP for NAT), tunnel mode only where it is demanded.
 */
static unsigned
outer_bytes(const struct config *c, const struct config_cloud *t)
{
	unsigned ip = t->source.family == ADDR_V6 ? 40 : 20;
	unsigned n = t->mtu + (t->has_key ? 8u : 4u);

	if (!t->protected_)
		return ip + n;
	if (check_tunnel_demanded(c, t))
		n += ip;
	n = (n + 2 + 15) / 16 * 16; /* trailer, padded to the cipher's block */
	return ip + 8 /* UDP */ + 8 /* SPI, sequence */ + 16 /* IV */ + n + 16 /* ICV */;
}

static void
check_source(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_cloud *t = &c->clouds[i];
	const struct config_port *port = source_port(c, &t->source, 0), *other;
	const struct at where = at("clouds[%u].source", i);
	char text[ADDR_TEXT_BYTES];

	addr_print(&t->source, text);
	if (port == NULL) {
		report_error(r, where.path,
			"%s is not an address of any port; add it to a port with role wan", text);
		return;
	}
	other = source_port(c, &t->source, (uint32_t)(port - c->ports) + 1);
	if (other != NULL)
		report_error(r, where.path,
			"%s is an address of \"%s\" and of \"%s\"; a source must be on one port, "
			"whatever their vrf",
			text, port->name, other->name);
	if (port->role != PORT_WAN)
		report_error(r, where.path,
			"%s belongs to port \"%s\" with role lan; allowed: an address of a port "
			"with role wan",
			text, port->name);
	if (outer_bytes(c, t) > port->mtu)
		report_warn(r, at("clouds[%u].mtu", i).path,
			"a full packet of %u bytes needs up to %u on port \"%s\", which takes %u; "
			"it will be fragmented, lower the cloud's mtu",
			t->mtu, outer_bytes(c, t), port->name, port->mtu);
}

static void
check_endpoint(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_cloud *t = &c->clouds[i];
	char text[ADDR_TEXT_BYTES], key[24] = "no key";

	if (t->has_key)
		snprintf(key, sizeof(key), "key %u", t->key);
	for (uint32_t j = 0; j < i; j++) {
		const struct config_cloud *o = &c->clouds[j];

		if (!addr_equal(&o->source, &t->source) || o->has_key != t->has_key ||
			o->key != t->key)
			continue;
		report_error(r, at("clouds[%u]%s", i, t->has_key ? ".key" : ".source").path,
			"source %s with %s is already cloud \"%s\"%s; give each its own key",
			addr_print(&t->source, text), key, o->name,
			o->protected_ != t->protected_
				? ", and only one of the two is protected: clear packets could "
				  "pass for protected ones"
				: "");
	}
}

/** A spoke dials an address, no cloud: which profile answers must be plain from that. */
static void
check_profile_of_source(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_cloud *t = &c->clouds[i];
	char text[ADDR_TEXT_BYTES];

	for (uint32_t j = 0; j < i; j++) {
		const struct config_cloud *o = &c->clouds[j];

		if (!t->protected_ || !o->protected_ || !addr_equal(&o->source, &t->source) ||
			strcmp(o->protection, t->protection) == 0)
			continue;
		report_error(r, at("clouds[%u].protection", i).path,
			"\"%s\", but cloud \"%s\" of the same source %s has \"%s\"; give both "
			"the same profile, or this cloud another source",
			t->protection, o->name, addr_print(&t->source, text), o->protection);
		return;
	}
}

static void
check_protection(const struct config *c, uint32_t i, struct report *r)
{
	const struct config_cloud *t = &c->clouds[i];

	if (t->protected_ && config_ike_find(c, t->protection) == NULL)
		report_error(r, at("clouds[%u].protection", i).path,
			"found \"%s\"; allowed: none or the name of a profile under \"ike\"",
			t->protection);
	const struct config_ike_profile *p = config_ike_find(c, t->protection);
	bool by_cert = p != NULL && p->pki != NULL && p->accept != ACCEPT_PSK;

	if (t->protected_ && c->psks_count == 0 && !by_cert)
		report_error(r, at("clouds[%u].protection", i).path,
			"\"%s\" needs a pre-shared key; add one under \"secrets\", or certificates "
			"to the profile",
			t->protection);
}

static void
check_nhrp(const struct config_cloud *t, uint32_t i, struct report *r)
{
	const struct config_nhrp *n = &t->nhrp;
	const struct secret *auth = &n->authentication;

	if (auth->bytes >= CONFIG_NHRP_AUTH_BYTES)
		report_error(r, at("clouds[%u].nhrp.authentication", i).path,
			"the file holds %zu characters; allowed: 1..%d", auth->bytes,
			CONFIG_NHRP_AUTH_BYTES - 1);
	if (n->holdtime_min_s > n->holdtime_max_s)
		report_error(r, at("clouds[%u].nhrp.holdtime_min_s", i).path,
			"%u is above holdtime_max_s %u", n->holdtime_min_s, n->holdtime_max_s);
	else if (n->holdtime_s < n->holdtime_min_s || n->holdtime_s > n->holdtime_max_s)
		report_error(r, at("clouds[%u].nhrp.holdtime_s", i).path,
			"%u is outside of holdtime_min_s..holdtime_max_s; allowed: %u..%u",
			n->holdtime_s, n->holdtime_min_s, n->holdtime_max_s);
	if (t->tcp_mss > t->mtu - 40)
		report_error(r, at("clouds[%u].tcp_mss", i).path,
			"%u does not fit into mtu %u; allowed: auto or 216..%u", t->tcp_mss, t->mtu,
			t->mtu - 40);
}

static bool
profile_used(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->clouds_count; i++) {
		if (strcmp(c->clouds[i].protection, name) == 0)
			return true;
	}
	return check_profile_bound(c, name);
}

static void
check_profile(const struct config *c, uint32_t i, struct report *r)
{
	const char *name = c->ike[i].name;

	if (config_ike_find(c, name) != &c->ike[i])
		report_error(r, at("ike[%u].name", i).path,
			"\"%s\" is already the name of another profile; choose another", name);
	else if (!profile_used(c, name))
		report_warn(r, at("ike[%u].name", i).path,
			"no cloud names \"%s\" as its protection, no key or map as its profile",
			name);
	if (c->ike[i].legacy)
		report_warn(r, at("ike[%u].legacy", i).path,
			"3des, md5, modp1536 and modp1024 can be broken by those who record "
			"traffic: move the spokes to aes, sha256 and modp2048 or ecp256 (IOS: "
			"aes-cbc-256, sha256, group 14 or 19), then take the line out");
}

/** The key of the file that says whom it is for. */
static struct at
psk_at(const struct config_psk *p)
{
	if (p->listed)
		return at("secrets[%u].identities[%u]", p->entry, p->item);
	return at("secrets[%u].%s", p->entry,
		p->whom.identity.type != ID_NONE ? "identity" : "address");
}

/** A key of its own line: seen once for all its identities. */
static void
check_psk_entry(const struct config *c, const struct config_psk *p, struct report *r)
{
	const struct config_cloud *cloud = config_cloud_find(c, p->binding.cloud);

	if (p->binding.cloud[0] != '\0' && (cloud == NULL || !cloud->protected_))
		report_error(r, at("secrets[%u].cloud", p->entry).path,
			"found \"%s\"; allowed: a cloud whose protection is a profile",
			p->binding.cloud);
	check_binding(c, &p->binding, at("secrets[%u].profile", p->entry).path, r);
	if (p->key.bytes > 0 && p->key.bytes < PSK_SHORT_CHARS)
		report_warn(r, at("secrets[%u].key", p->entry).path,
			"the key in %s has %zu characters and can be guessed; use %d or more, as "
			"from: "
			"openssl rand -base64 24",
			p->file, p->key.bytes, PSK_SHORT_CHARS);
}

static void
check_psk(const struct config *c, uint32_t i, struct whom_index *before, struct report *r)
{
	const struct config_psk *p = &c->psks[i];
	uint32_t same = whom_same(before, &p->whom, NULL, 0);

	if (same != WHOM_NONE)
		report_error(r, psk_at(p).path, "the same peer as in secrets[%u]; remove one",
			c->psks[same].entry);
	else
		whom_index_add(before, &p->whom, NULL, 0, i);
	if (p->item == 0)
		check_psk_entry(c, p, r);
}

static void
check_ppk(const struct config *c, uint32_t i, struct whom_index *before, struct report *r)
{
	const struct config_ppk *p = &c->ppks[i];
	uint32_t same = whom_same(before, &p->whom, p->id, p->id_bytes);

	if (p->required && p->whom.identity.type == ID_NONE)
		report_error(r, at("ppks[%u].required", i).path,
			"true says which peer must use it; add the peer's identity");
	if (same != WHOM_NONE)
		report_error(r, at("ppks[%u].id", i).path,
			"the same id for the same peer as in ppks[%u]; remove one", same);
	else
		whom_index_add(before, &p->whom, p->id, p->id_bytes, i);
	if (p->key.bytes > 0 && p->key.bytes < PPK_SHORT_BYTES)
		report_warn(r, at("ppks[%u].key", i).path,
			"the key in %s has %zu octets; against a quantum computer it takes %d: "
			"echo base64:$(openssl rand -base64 32)",
			p->file, p->key.bytes, PPK_SHORT_BYTES);
}

static void
check_keys(const struct config *c, struct report *r)
{
	struct whom_index *psks = whom_index_new(c->psks_count);
	struct whom_index *ppks = whom_index_new(c->ppks_count);

	r->out_of_memory |= psks == NULL || ppks == NULL;
	for (uint32_t i = 0; psks != NULL && i < c->psks_count; i++)
		check_psk(c, i, psks, r);
	for (uint32_t i = 0; ppks != NULL && i < c->ppks_count; i++)
		check_ppk(c, i, ppks, r);
	whom_index_free(psks);
	whom_index_free(ppks);
}

void
check_config(const struct config *c, struct report *r)
{
	check_system(c, r);
	check_devices(c, r);
	for (uint32_t i = 0; i < c->ports_count; i++)
		check_port(c, i, r);
	for (uint32_t i = 0; i < c->clouds_count; i++) {
		check_source(c, i, r);
		check_endpoint(c, i, r);
		check_protection(c, i, r);
		check_profile_of_source(c, i, r);
		check_nhrp(&c->clouds[i], i, r);
	}
	for (uint32_t i = 0; i < c->ike_count; i++) {
		check_profile(c, i, r);
		check_pki(c, i, r);
	}
	check_keys(c, r);
}

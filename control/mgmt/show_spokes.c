/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/rows.h"
#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

/** Spokes as they are now, to be written down by whoever has the time. */
struct show {
	struct spoke_info **list; /* [count], each allocated as far as its detail goes */
	size_t count, size;
	const char *which; /* while they are collected; NULL = all */
	struct rows rows;
	unsigned states[SPOKE_FORWARDING + 1];
	bool path_mtu, groups; /* any has one */
	struct near near;
};

bool
show_wanted(const char *which, const char *identity, const char *group, const struct addr *a,
	const struct addr *b)
{
	struct addr x;

	if (which == NULL || strcmp(which, identity) == 0)
		return true;
	if (strncmp(which, "group ", 6) == 0)
		return strcmp(which + 6, group) == 0;
	return addr_parse(which, &x) == 0 && (addr_equal(&x, a) || addr_equal(&x, b));
}

void
near_try(struct near *n, const char *which, const char *name)
{
	if (n->name[0] == '\0' && strlen(which) > 1 && strcasestr(name, which) != NULL)
		snprintf(n->name, sizeof(n->name), "%s", name);
}

void
near_say(const struct near *n, struct mgmt_answer *a)
{
	size_t at = strlen(a->error);

	if (n->name[0] != '\0')
		snprintf(a->error + at, sizeof(a->error) - at, "; is it %.96s?", n->name);
}

static json_t *
known_or_null(bool known, uint64_t n)
{
	return known ? json_integer((json_int_t)n) : json_null();
}

static void
spoke_row(struct show *r, const struct spoke_info *i)
{
	struct row_key key = { .first = i->tunnel_address, .second = i->nbma };

	r->states[i->state]++;
	r->path_mtu |= i->path_mtu != 0;
	r->groups |= i->group[0] != '\0';
	snprintf(key.name, sizeof(key.name), "%s", i->cloud);
	rows_add(&r->rows, &key,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:s, s:s?, s:o, s:I, s:I, "
			  "s:I, "
			  "s:I, s:I, s:o, s:o, s:o, s:o}",
			"cloud", json_text(i->cloud), "identity", json_text(i->identity), "group",
			json_text(i->group), "claimed_identity", json_text(i->claimed_identity),
			"tunnel_address", json_addr(&i->tunnel_address), "nbma",
			json_addr(&i->nbma), "nbma_claimed", json_addr(&i->nbma_claimed), "port",
			(json_int_t)i->port, "nat", i->nat, "state", spoke_state_name(i->state),
			"reason", i->reason, "detail",
			i->detail[0] ? json_text(i->detail) : json_string(""), "uptime_s",
			(json_int_t)i->uptime_s, "rx_packets", (json_int_t)i->rx_packets,
			"tx_packets", (json_int_t)i->tx_packets, "rx_bytes",
			(json_int_t)i->rx_bytes, "tx_bytes", (json_int_t)i->tx_bytes, "spi_in",
			json_spi(i->spi_in), "spi_out", json_spi(i->spi_out), "path_mtu",
			known_or_null(i->path_mtu, i->path_mtu), "path_mtu_s",
			known_or_null(i->path_mtu, i->path_mtu_s)));
}

/** Of all that is shown nothing is left to look up later. One without memory is left out. */
static void
spoke_keep(void *arg, const struct spoke_info *i)
{
	struct show *r = arg;
	const char *name = i->identity[0] ? i->identity : i->claimed_identity;
	size_t bytes = offsetof(struct spoke_info, detail) + strlen(i->detail) + 1;

	if (!show_wanted(r->which, name, i->group, &i->tunnel_address, &i->nbma) &&
		strcmp(r->which, spoke_state_name(i->state)) != 0) {
		near_try(&r->near, r->which, i->identity);
		return;
	}
	if (r->count == r->size) {
		size_t size = r->size == 0 ? 64 : r->size * 2;
		struct spoke_info **list = realloc(r->list, size * sizeof(*list));

		if (list == NULL)
			return;
		r->list = list;
		r->size = size;
	}
	r->list[r->count] = malloc(bytes);
	if (r->list[r->count] != NULL)
		memcpy(r->list[r->count++], i, bytes);
}

/** "5 spokes: 3 forwarding, 2 down" */
static void
summary(const struct show *r, char *out, size_t n)
{
	size_t total = r->rows.count, at;

	at = (size_t)snprintf(out, n, "%zu spoke%s", total, total == 1 ? "" : "s");
	for (int s = SPOKE_FORWARDING, first = 1; s >= SPOKE_DOWN && at < n; s--) {
		if (r->states[s] == 0)
			continue;
		at += (size_t)snprintf(out + at, n - at, "%s %u %s", first ? ":" : ",",
			r->states[s], spoke_state_name((enum spoke_state)s));
		first = 0;
	}
}

static bool
is_state(const char *word)
{
	for (int s = SPOKE_DOWN; s <= SPOKE_FORWARDING; s++)
		if (strcmp(word, spoke_state_name((enum spoke_state)s)) == 0)
			return true;
	return false;
}

#define GROUP_COLUMN 2
#define PATH_COLUMN  11 /* path_mtu, and path_mtu_s behind it */

static void
spokes_write(void *arg, struct mgmt_answer *a)
{
	static const char *const columns[] = { "cloud", "CLOUD", "identity", "IDENTITY", "group",
		"GROUP", "claimed_identity", "CLAIMS", "tunnel_address", "TUNNEL", "nbma", "NBMA",
		"nat", "NAT", "state", "STATE", "uptime_s", "UP", "rx_packets", "RX", "tx_packets",
		"TX", "path_mtu", "PATH MTU", "path_mtu_s", "SINCE", "reason", "REASON", "detail",
		"WHAT TO DO", NULL };
	struct show *r = arg;

	for (size_t i = 0; i < r->count; i++) {
		spoke_row(r, r->list[i]);
		free(r->list[i]);
	}
	summary(r, a->message, sizeof(a->message));
	a->data = rows_take(&r->rows);
	a->columns = json_columns(columns);
	for (int i = 0; !r->path_mtu && i < 2; i++) /* nearly always: two columns less */
		json_array_remove(a->columns, PATH_COLUMN);
	if (!r->groups)
		json_array_remove(a->columns, GROUP_COLUMN);
	free(r->list);
	free(r);
}

void
show_spokes(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	struct show *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		snprintf(a->error, sizeof(a->error), "out of memory");
		return;
	}
	r->which = which;
	spokes_each(v->spokes, now_ms, spoke_keep, r);
	if (which == NULL || r->count > 0 || is_state(which)) {
		a->later = spokes_write; /* that nobody is in a state is an answer */
		a->later_arg = r;
		return;
	}
	snprintf(a->error, sizeof(a->error),
		"no spoke %.64s: give a tunnel or NBMA address, an identity, group NAME, or a "
		"state "
		"(down, ike, child, registered, forwarding)",
		which);
	near_say(&r->near, a);
	free(r);
}

/* ---- NHRP ------------------------------------------------------------------ */

struct bindings {
	struct rows rows;
	const char *cloud;
	uint64_t now_ms;
};

static bool
binding_row(void *arg, const struct nhrp_binding *b)
{
	struct bindings *r = arg;
	struct prefix p = { .addr = b->protocol, .bits = b->bits };
	struct row_key key = { .first = b->protocol, .second = b->nbma };
	char text[ADDR_TEXT_BYTES], id[IKE_ID_BYTES] = "";

	if (b->identity.type != ID_NONE)
		ike_identity_print(&b->identity, id, sizeof(id));
	snprintf(key.name, sizeof(key.name), "%s", r->cloud);
	rows_add(&r->rows, &key,
		json_pack("{s:s, s:s, s:o, s:o, s:I, s:b, s:b, s:b, s:I, s:I, s:I, s:o}", "cloud",
			r->cloud, "protocol", prefix_print(&p, text), "nbma", json_addr(&b->nbma),
			"nbma_claimed", json_addr(&b->claimed), "port", (json_int_t)b->udp_port,
			"up", (b->flags & NHRP_UP) != 0, "unique", (b->flags & NHRP_UNIQUE) != 0,
			"nat", (b->flags & NHRP_NAT) != 0, "hold_s", (json_int_t)b->hold_s,
			"expires_in_s",
			(json_int_t)(b->expires_ms > r->now_ms ? (b->expires_ms - r->now_ms) / 1000
							       : 0),
			"requests", (json_int_t)b->requests, "identity", json_text(id)));
	return true;
}

void
show_nhrp(const struct mgmt_view *v, const char *cloud, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "cloud", "CLOUD", "protocol", "TUNNEL", "nbma",
		"NBMA", "nbma_claimed", "CLAIMED", "up", "UP", "unique", "UNIQUE", "nat", "NAT",
		"expires_in_s", "EXPIRES", "requests", "REQUESTS", "identity", "IDENTITY", NULL };
	struct bindings r = { .now_ms = now_ms };
	bool known = cloud == NULL;

	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		r.cloud = v->cloud_name(v->user, id);
		if (r.cloud == NULL || (cloud != NULL && strcmp(cloud, r.cloud) != 0))
			continue;
		known = true;
		nhrp_bindings_each(v->nhrp, id, binding_row, &r);
	}
	a->data = rows_take(&r.rows);
	a->columns = json_columns(columns);
	if (known)
		return;
	json_decref(a->data);
	json_decref(a->columns);
	a->data = a->columns = NULL;
	snprintf(a->error, sizeof(a->error), "no cloud %.32s: see clouds in show config", cloud);
}

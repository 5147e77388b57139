/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"

struct rows {
	json_t *list;
	const char *which;
	const struct mgmt_view *v;
	uint64_t now_ms;
};

static bool
wanted(const char *which, const char *identity, const struct addr *a, const struct addr *b)
{
	struct addr x;

	if (which == NULL || strcmp(which, identity) == 0)
		return true;
	return addr_parse(which, &x) == 0 && (addr_equal(&x, a) || addr_equal(&x, b));
}

static void
spoke_row(void *arg, const struct spoke_info *i)
{
	struct rows *r = arg;

	if (!wanted(r->which, i->identity[0] ? i->identity : i->claimed_identity,
		    &i->tunnel_address, &i->nbma))
		return;
	json_array_append_new(r->list,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:s, s:s?, s:s, s:I, s:I, s:I, "
			  "s:I, s:I, s:o, s:o}",
			"cloud", json_text(i->cloud), "identity", json_text(i->identity),
			"claimed_identity", json_text(i->claimed_identity), "tunnel_address",
			json_addr(&i->tunnel_address), "nbma", json_addr(&i->nbma), "nbma_claimed",
			json_addr(&i->nbma_claimed), "port", (json_int_t)i->port, "nat", i->nat,
			"state", spoke_state_name(i->state), "reason", i->reason, "detail",
			i->detail, "uptime_s", (json_int_t)i->uptime_s, "rx_packets",
			(json_int_t)i->rx_packets, "tx_packets", (json_int_t)i->tx_packets,
			"rx_bytes", (json_int_t)i->rx_bytes, "tx_bytes", (json_int_t)i->tx_bytes,
			"spi_in", json_spi(i->spi_in), "spi_out", json_spi(i->spi_out)));
}

void
show_spokes(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "cloud", "CLOUD", "identity", "IDENTITY",
		"tunnel_address", "TUNNEL", "nbma", "NBMA", "nat", "NAT", "state", "STATE",
		"uptime_s", "UP(s)", "rx_packets", "RX", "tx_packets", "TX", "reason", "REASON",
		"detail", "WHAT TO DO", NULL };
	struct rows r = { .list = json_array(), .which = which, .v = v, .now_ms = now_ms };

	spokes_each(v->spokes, now_ms, spoke_row, &r);
	a->data = r.list;
	a->columns = json_columns(columns);
}

/* ---- IKE ------------------------------------------------------------------- */

static void
child_row(void *arg, const struct ike_child_info *c)
{
	json_array_append_new(arg,
		json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:b, s:I, s:o, s:o, s:o, s:o, s:o}",
			"spi_in", json_spi(c->spi_in), "spi_out", json_spi(c->spi_out), "state",
			c->state, "suite", c->suite, "pfs", c->pfs, "mode",
			c->tunnel ? "tunnel" : "transport", "udp", c->udp, "age_s",
			(json_int_t)(c->age_ms / 1000), "rekey_in_s", json_ms_left(c->rekey_in_ms),
			"expires_in_s", json_ms_left(c->expires_in_ms), "ts_local",
			json_addr(&c->ts_local), "ts_remote", json_addr(&c->ts_remote),
			"remote_claimed", json_addr(&c->remote_claimed)));
}

static void
ike_row(void *arg, const struct ike_sa_info *s)
{
	struct rows *r = arg;
	json_t *children;
	char spi_i[20], spi_r[20];

	if (!wanted(r->which, s->peer_text, &s->path.remote, &s->path.remote))
		return;
	snprintf(spi_i, sizeof(spi_i), "%016" PRIx64, s->spi_i);
	snprintf(spi_r, sizeof(spi_r), "%016" PRIx64, s->spi_r);
	children = json_array();
	if (s->session != 0)
		ike_each_child(r->v->ike, s->session, r->now_ms, child_row, children);
	json_array_append_new(r->list,
		json_pack("{s:o, s:o, s:o, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:I, "
			  "s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			"identity", json_text(s->peer_text), "local_identity",
			json_text(s->local_text), "nbma", json_addr(&s->path.remote), "port",
			(json_int_t)s->path.remote_port, "state", s->state, "role",
			s->initiator ? "initiator" : "responder", "profile", s->profile, "auth",
			s->auth, "suite", s->suite, "nat_remote", s->nat_remote, "nat_local",
			s->nat_local, "spi_i", spi_i, "spi_r", spi_r, "age_s",
			(json_int_t)(s->age_ms / 1000), "rekey_in_s", json_ms_left(s->rekey_in_ms),
			"idle_s", (json_int_t)(s->idle_ms / 1000), "rtt_ms", (json_int_t)s->rtt_ms,
			"next_send_id", (json_int_t)s->send_id, "next_recv_id",
			(json_int_t)s->recv_id, "retransmissions", (json_int_t)s->retransmissions,
			"rekeys", (json_int_t)s->rekeys, "children", children));
}

void
show_ike(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a)
{
	static const char *const columns[] = { "identity", "IDENTITY", "nbma", "NBMA", "port",
		"PORT", "state", "STATE", "auth", "AUTH", "suite", "SUITE", "age_s", "AGE(s)",
		"rekey_in_s", "REKEY(s)", "idle_s", "IDLE(s)", "retransmissions", "RETR", "rekeys",
		"REKEYS", NULL };
	struct rows r = { .list = json_array(), .which = which, .v = v, .now_ms = now_ms };

	ike_each_sa(v->ike, now_ms, ike_row, &r);
	if (which != NULL && json_array_size(r.list) == 0) {
		json_decref(r.list);
		snprintf(a->error, sizeof(a->error), "no IKE session of %.64s", which);
		return;
	}
	a->data = r.list;
	if (which == NULL || json_array_size(r.list) != 1) {
		a->columns = json_columns(columns);
		return;
	}
	a->data = json_incref(json_array_get(r.list, 0)); /* one: all of it, as a list of facts */
	json_decref(r.list);
}

/* ---- NHRP ------------------------------------------------------------------ */

static bool
binding_row(void *arg, const struct nhrp_binding *b)
{
	struct rows *r = arg;
	struct prefix p = { .addr = b->protocol, .bits = b->bits };
	char text[ADDR_TEXT_BYTES], id[IKE_ID_BYTES] = "";

	if (b->identity.type != ID_NONE)
		ike_identity_print(&b->identity, id, sizeof(id));
	json_array_append_new(r->list,
		json_pack("{s:s, s:s, s:o, s:o, s:I, s:b, s:b, s:b, s:I, s:I, s:I, s:o}", "cloud",
			r->which, "protocol", prefix_print(&p, text), "nbma", json_addr(&b->nbma),
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
		"expires_in_s", "EXPIRES(s)", "requests", "REQUESTS", "identity", "IDENTITY",
		NULL };
	struct rows r = { .list = json_array(), .v = v, .now_ms = now_ms };

	for (uint16_t id = 1; id < 256; id++) {
		r.which = v->cloud_name(v->user, id);
		if (r.which != NULL && (cloud == NULL || strcmp(cloud, r.which) == 0))
			nhrp_bindings_each(v->nhrp, id, binding_row, &r);
	}
	a->data = r.list;
	a->columns = json_columns(columns);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "control/base/helpers.h"
#include "control/mgmt/json.h"
#include "control/mgmt/show.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

/* ---- ports -------------------------------------------------------------------- */

static const char *
role_of(const struct mgmt_view *v, const char *port)
{
	const struct config *c = v->config(v->user);

	for (uint32_t i = 0; i < c->ports_count; i++)
		if (strcmp(c->ports[i].name, port) == 0)
			return c->ports[i].role == PORT_WAN ? "wan" : "lan";
	return NULL;
}

void
show_ports(const struct mgmt_view *v, struct mgmt_answer *a)
{
	static const char *const columns[] = { "port", "PORT", "role", "ROLE", "link", "LINK",
		"mac", "MAC", "rx_packets", "RX", "rx_bytes", "RX-BYTES", "tx_packets", "TX",
		"tx_bytes", "TX-BYTES", "rx_missed", "MISSED", "rx_errors", "RX-ERR", "tx_errors",
		"TX-ERR", "tx_full", "TX-FULL", NULL };

	a->data = json_array();
	a->columns = json_columns(columns);
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const char *name = v->port_name(v->user, id);
		struct dp_port_stats s;
		uint8_t m[6];
		char mac[18];

		if (name == NULL)
			continue;
		dp_port_stats(v->dp, id, &s);
		dp_port_mac(v->dp, id, m);
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
			m[4], m[5]);
		json_array_append_new(a->data,
			json_pack("{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				"port", name, "role", json_text(role_of(v, name)), "link",
				s.link_up ? "up" : "down", "mac", mac, "rx_packets",
				(json_int_t)s.rx_packets, "tx_packets", (json_int_t)s.tx_packets,
				"rx_bytes", (json_int_t)s.rx_bytes, "tx_bytes",
				(json_int_t)s.tx_bytes, "rx_missed", (json_int_t)s.rx_missed,
				"rx_errors", (json_int_t)s.rx_errors, "tx_errors",
				(json_int_t)s.tx_errors, "tx_full", (json_int_t)s.tx_full));
	}
}

/* ---- status ------------------------------------------------------------------ */

static json_t *
tables_json(const struct mgmt_view *v)
{
	struct dp_table_stats s;
	struct rib_totals r;

	dp_table_stats(v->dp, &s);
	rib_totals(v->rib, &r);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "peers",
		(json_int_t)s.peers, "sas_in", (json_int_t)s.sas_in, "nhrp", (json_int_t)s.nbma,
		"adjacencies", (json_int_t)s.adjacencies, "kernel_routes", (json_int_t)r.routes,
		"worker_routes_v4", (json_int_t)s.routes_v4, "worker_routes_v6",
		(json_int_t)s.routes_v6, "neighbours_unresolved", (json_int_t)r.unresolved,
		"waiting_to_be_freed", (json_int_t)s.pending_free);
}

static uint64_t
mean(uint64_t sum, uint64_t n)
{
	return n > 0 ? sum / n : 0;
}

/** Public-key work on helper threads; null when it is done on the control core. */
static json_t *
crypto_jobs_json(const struct mgmt_view *v)
{
	struct helpers_stats s;

	if (v->helpers == NULL)
		return json_null();
	helpers_stats_get(v->helpers, &s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I}", "threads",
		(json_int_t)s.threads, "queue", (json_int_t)s.room, "waiting",
		(json_int_t)s.waiting, "waiting_most", (json_int_t)s.waiting_most, "done",
		(json_int_t)s.done, "refused", "session", (json_int_t)s.refused[IKE_JOB_SESSION],
		"known", (json_int_t)s.refused[IKE_JOB_KNOWN], "stranger",
		(json_int_t)s.refused[IKE_JOB_STRANGER], "wait_us_mean",
		(json_int_t)mean(s.wait_us, s.taken), "wait_us_most", (json_int_t)s.wait_us_most,
		"work_us_mean", (json_int_t)mean(s.work_us, s.done));
}

void
show_status(const struct mgmt_view *v, uint64_t now_ms, struct mgmt_answer *a)
{
	struct spokes_totals t;
	struct dp_table_stats s;
	struct ike_totals i;

	spokes_totals(v->spokes, &t);
	dp_table_stats(v->dp, &s);
	ike_totals_get(v->ike, &i);
	a->data = json_pack("{s:s, s:s, s:I, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o, s:o, "
			    "s:{s:I, s:I}}",
		"version", NAVE_VERSION, "config", v->config_path(v->user), "uptime_s",
		(json_int_t)((now_ms - v->started_ms) / 1000), "spokes", "links",
		(json_int_t)t.links, "forwarding", (json_int_t)t.forwarding, "registered",
		(json_int_t)t.registered, "down", (json_int_t)t.down, "ike", "half_open",
		(json_int_t)i.half_open, "sessions", (json_int_t)i.sessions, "children",
		(json_int_t)i.children, "crypto_jobs", crypto_jobs_json(v), "tables",
		tables_json(v), "packet_buffers", "free", (json_int_t)s.mbufs_free, "all",
		(json_int_t)s.mbufs_all);
}

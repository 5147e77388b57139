/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The part of the Prometheus text that is for each spoke. All lines of a family stand
 * together, so the spokes are read once and kept for the families.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

struct of_spoke {
	char labels[CONFIG_NAME_BYTES + 2 * IKE_ID_BYTES + 2 * ADDR_TEXT_BYTES +
		CONFIG_GROUP_BYTES + 96];
	enum spoke_state state;
	uint16_t path_mtu;
	uint64_t uptime_s, rx_packets, rx_bytes, tx_packets, tx_bytes, replayed, forged;
};

struct collect {
	const struct mgmt_view *v;
	uint64_t now_ms;
	struct of_spoke *list;
	size_t count, size;
};

static void
sa_add(void *arg, const struct ike_child_info *c)
{
	struct collect *r = arg;
	struct of_spoke *s = &r->list[r->count];
	struct dp_sa_stats in;

	if (!dp_sa_in_read(r->v->dp, c->spi_in, &in))
		return;
	s->replayed += in.drops_replay;
	s->forged += in.drops_auth;
}

static bool
room(struct collect *r)
{
	size_t size = r->size == 0 ? 64 : r->size * 2;
	struct of_spoke *list;

	if (r->count < r->size)
		return true;
	list = realloc(r->list, size * sizeof(*list));
	if (list == NULL)
		return false;
	r->list = list;
	r->size = size;
	return true;
}

/** Failed attempts are no spokes: anybody could make series of them. */
static void
spoke_add(void *arg, const struct spoke_info *i)
{
	char identity[2 * IKE_ID_BYTES], tunnel[ADDR_TEXT_BYTES], nbma[ADDR_TEXT_BYTES];
	struct collect *r = arg;
	struct of_spoke *s;
	size_t at;

	if ((i->link == 0 && i->session == 0) || !room(r))
		return;
	s = &r->list[r->count];
	*s = (struct of_spoke){
		.state = i->state,
		.uptime_s = i->uptime_s,
		.path_mtu = i->path_mtu,
		.rx_packets = i->rx_packets,
		.rx_bytes = i->rx_bytes,
		.tx_packets = i->tx_packets,
		.tx_bytes = i->tx_bytes,
	};
	metrics_label(i->identity, identity, sizeof(identity));
	at = (size_t)snprintf(s->labels, sizeof(s->labels),
		"cloud=\"%s\",identity=\"%s\",tunnel=\"%s\",nbma=\"%s\",port=\"%u\"", i->cloud,
		identity,
		i->tunnel_address.family != ADDR_NONE ? addr_print(&i->tunnel_address, tunnel) : "",
		addr_print(&i->nbma, nbma), i->port);
	if (i->group[0] != '\0' && at < sizeof(s->labels))
		snprintf(s->labels + at, sizeof(s->labels) - at, ",group=\"%s\"", i->group);
	if (i->session != 0)
		ike_each_child(r->v->ike, i->session, r->now_ms, sa_add, r);
	r->count++;
}

static void
traffic(FILE *to, const struct collect *r)
{
	metrics_family(to, "spoke_packets_total", "counter", "Inner packets of a spoke.");
	for (size_t i = 0; i < r->count; i++)
		fprintf(to,
			"nave_spoke_packets_total{%s,direction=\"rx\"} %" PRIu64 "\n"
			"nave_spoke_packets_total{%s,direction=\"tx\"} %" PRIu64 "\n",
			r->list[i].labels, r->list[i].rx_packets, r->list[i].labels,
			r->list[i].tx_packets);
	metrics_family(to, "spoke_bytes_total", "counter", "Octets in inner packets of a spoke.");
	for (size_t i = 0; i < r->count; i++)
		fprintf(to,
			"nave_spoke_bytes_total{%s,direction=\"rx\"} %" PRIu64 "\n"
			"nave_spoke_bytes_total{%s,direction=\"tx\"} %" PRIu64 "\n",
			r->list[i].labels, r->list[i].rx_bytes, r->list[i].labels,
			r->list[i].tx_bytes);
	metrics_family(to, "spoke_sa_drops_total", "counter",
		"Packets that the inbound SAs a spoke has now dropped.");
	for (size_t i = 0; i < r->count; i++)
		fprintf(to,
			"nave_spoke_sa_drops_total{%s,reason=\"replay\"} %" PRIu64 "\n"
			"nave_spoke_sa_drops_total{%s,reason=\"auth\"} %" PRIu64 "\n",
			r->list[i].labels, r->list[i].replayed, r->list[i].labels,
			r->list[i].forged);
}

void
metrics_spokes(FILE *to, const struct mgmt_view *v, uint64_t now_ms)
{
	struct collect r = { .v = v, .now_ms = now_ms };

	spokes_each(v->spokes, now_ms, spoke_add, &r);
	traffic(to, &r);
	metrics_family(to, "spoke_state", "gauge",
		"How far a spoke is: 0 down, 1 ike, 2 child, 3 registered, 4 forwarding.");
	for (size_t i = 0; i < r.count; i++)
		fprintf(to, "nave_spoke_state{%s} %d\n", r.list[i].labels, r.list[i].state);
	metrics_family(to, "spoke_uptime_seconds", "gauge", "Since a spoke is up, 0 when down.");
	for (size_t i = 0; i < r.count; i++)
		fprintf(to, "nave_spoke_uptime_seconds{%s} %" PRIu64 "\n", r.list[i].labels,
			r.list[i].uptime_s);
	metrics_family(to, "spoke_path_mtu_bytes", "gauge",
		"Path MTU towards a spoke as routers on the way told it; none did: no line.");
	for (size_t i = 0; i < r.count; i++)
		if (r.list[i].path_mtu != 0)
			fprintf(to, "nave_spoke_path_mtu_bytes{%s} %u\n", r.list[i].labels,
				r.list[i].path_mtu);
	free(r.list);
}

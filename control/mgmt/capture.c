/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/base/log.h"
#include "control/mgmt/capture_want.h"
#include "control/mgmt/pcapng.h"
#include "dataplane/dp.h"

#define COMMENT_BYTES 320
#define BLOCK_BYTES   (PCAPNG_PACKET_BYTES + DP_SNAP_MAX + COMMENT_BYTES)
_Static_assert(4 * BLOCK_BYTES <= CAPTURE_ROOM, "a read always moves on");

enum stage { BEGINNING, PACKETS, LAST_PACKETS, STATISTICS, OVER };

struct capture_stream {
	const struct mgmt_view *v;
	struct capture_want want;
	enum stage stage;
	uint64_t end_ms, packets, last_ns;
	/* pcapng interfaces made so far, and which they are: number + 1, 0 = not made. */
	uint32_t interfaces;
	uint16_t of_port[DP_PORTS_MAX + 1], of_cloud[DP_CLOUDS_MAX], drops_frame, drops_ip;
};

struct capture_stream *
capture_open(const struct mgmt_view *v, const char *const *words, uint64_t now_ms, char *error,
	size_t error_bytes)
{
	struct capture_stream *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL) {
		snprintf(error, error_bytes, "out of memory");
		return NULL;
	}
	c->v = v;
	if (!capture_want_parse(v, words, now_ms, &c->want, error, error_bytes)) {
		free(c);
		return NULL;
	}
	err = dp_capture_start(v->dp, &c->want.dp);
	if (err != 0) {
		snprintf(error, error_bytes, "%s",
			err == -EBUSY ? "a capture runs already: end that one first"
				      : "no memory for a capture");
		free(c);
		return NULL;
	}
	c->end_ms = now_ms + c->want.seconds * 1000;
	log_notice("capture started%s",
		c->want.dp.points & (1u << DP_POINT_INNER_IN | 1u << DP_POINT_INNER_OUT)
			? ", of clear text, too"
			: "");
	return c;
}

/* ---- interfaces ------------------------------------------------------------------------ */

/** The interface of a packet's place, by what it is kept in; made when it is the first. */
static bool
interface_of(struct capture_stream *c, struct pcapng *p, uint16_t *kept, const char *name,
	const char *what, enum dp_link link)
{
	if (*kept != 0)
		return true;
	if (!pcapng_interface(p, (uint16_t)link, c->want.dp.snap_bytes, name, what))
		return false;
	*kept = (uint16_t)++c->interfaces;
	return true;
}

static bool
interface_find(
	struct capture_stream *c, struct pcapng *p, const struct dp_captured *d, uint32_t *out)
{
	const char *name;
	uint16_t *kept;
	bool made;

	switch (d->point) {
	case DP_POINT_RX:
	case DP_POINT_TX:
		name = c->v->port_name(c->v->user, d->port);
		kept = &c->of_port[d->port];
		made = interface_of(
			c, p, kept, name != NULL ? name : "port", "frames of a port", d->link);
		break;
	case DP_POINT_INNER_IN:
	case DP_POINT_INNER_OUT:
		name = c->v->cloud_name(c->v->user, d->cloud);
		kept = &c->of_cloud[d->cloud];
		made = interface_of(c, p, kept, name != NULL ? name : "no-cloud",
			"GRE of a cloud in clear text, its outer IP header as without IPsec",
			d->link);
		break;
	default:
		kept = d->link == DP_LINK_ETHERNET ? &c->drops_frame : &c->drops_ip;
		made = interface_of(c, p, kept,
			d->link == DP_LINK_ETHERNET ? "drops" : "drops-inside",
			"dropped packets, each with its verdict as comment", d->link);
		break;
	}
	*out = *kept - 1u;
	return made;
}

/* ---- packets ----------------------------------------------------------------------------- */

/** "drop_spoof: inner source is not ...; spoke 192.0.2.11 port 4500, cloud dmvpn" */
static void
comment(const struct capture_stream *c, const struct dp_captured *d, char *out, size_t n)
{
	const char *cloud = c->v->cloud_name(c->v->user, d->cloud);
	const char *port = c->v->port_name(c->v->user, d->port);
	char spoke[ADDR_TEXT_BYTES + 24] = "", udp[16] = "", addr[ADDR_TEXT_BYTES];

	out[0] = '\0';
	if (d->point != DP_POINT_DROPS)
		return;
	if (d->spoke.family != ADDR_NONE && d->spoke_port != 0)
		snprintf(udp, sizeof(udp), " port %u", d->spoke_port);
	if (d->spoke.family != ADDR_NONE)
		snprintf(spoke, sizeof(spoke), "; peer %s%s", addr_print(&d->spoke, addr), udp);
	snprintf(out, n, "%s: %s%s%s%s%s%s", dp_verdict_name(d->verdict),
		dp_verdict_help(d->verdict), spoke, cloud != NULL ? "; cloud " : "",
		cloud != NULL ? cloud : "", port != NULL ? "; in by " : "",
		port != NULL ? port : "");
}

static enum pcapng_way
way_of(enum dp_point point)
{
	switch (point) {
	case DP_POINT_RX:
	case DP_POINT_INNER_IN:
		return PCAPNG_IN;
	case DP_POINT_TX:
	case DP_POINT_INNER_OUT:
		return PCAPNG_OUT;
	default:
		return PCAPNG_NO_WAY;
	}
}

static void
packet(struct capture_stream *c, struct pcapng *p, const struct dp_captured *d)
{
	char text[COMMENT_BYTES];
	struct pcapng_packet e = {
		.time_ns = d->time_ns,
		.bytes = d->bytes,
		.captured = d->captured,
		.data = d->data,
		.way = way_of(d->point),
		.comment = text,
	};

	comment(c, d, text, sizeof(text));
	if (!interface_find(c, p, d, &e.interface) || !pcapng_packet(p, &e))
		return;
	c->packets++;
	c->last_ns = d->time_ns;
}

/** True: all that waits is in p, or the limit is reached. */
static bool
packets(struct capture_stream *c, struct pcapng *p)
{
	struct dp_captured d;

	while (p->room - p->used >= 2 * BLOCK_BYTES) {
		if (c->want.packets != 0 && c->packets == c->want.packets)
			return true;
		if (!dp_capture_next(c->v->dp, &d))
			return true;
		packet(c, p, &d);
	}
	return false;
}

static void
statistics(struct capture_stream *c, struct pcapng *p)
{
	struct dp_capture_stats s;
	uint64_t lost = 0;
	char text[128];

	dp_capture_stats(c->v->dp, &s);
	for (int i = 0; i < DP_POINTS; i++)
		lost += s.lost[i];
	snprintf(text, sizeof(text),
		"all interfaces together; dropped: fitted, but the reader was too slow");
	if (c->interfaces > 0)
		pcapng_statistics(p, 0, c->last_ns, c->packets + lost, lost, text);
	log_notice("capture ended: %" PRIu64 " packets, %" PRIu64 " lost", c->packets, lost);
}

size_t
capture_read(struct capture_stream *c, uint8_t *buf, size_t room, uint64_t now_ms)
{
	struct pcapng p = { .buf = buf, .room = room };
	bool all;

	if (c->stage == BEGINNING) {
		pcapng_section(&p, "naved " NAVE_VERSION);
		c->stage = PACKETS;
	}
	if (c->stage == PACKETS && now_ms >= c->end_ms)
		c->stage = LAST_PACKETS;
	if (c->stage == PACKETS || c->stage == LAST_PACKETS) {
		all = packets(c, &p);
		if (c->want.packets != 0 && c->packets == c->want.packets)
			c->stage = STATISTICS;
		else if (all && c->stage == LAST_PACKETS)
			c->stage = STATISTICS;
	}
	if (c->stage == STATISTICS) {
		statistics(c, &p);
		dp_capture_stop(c->v->dp);
		c->stage = OVER;
	}
	return p.used;
}

void
capture_finish(struct capture_stream *c, uint64_t now_ms)
{
	if (c->end_ms > now_ms)
		c->end_ms = now_ms;
}

bool
capture_over(const struct capture_stream *c)
{
	return c->stage == OVER;
}

uint64_t
capture_end_ms(const struct capture_stream *c)
{
	return c->end_ms;
}

void
capture_close(struct capture_stream *c)
{
	if (c == NULL)
		return;
	if (c->stage != OVER)
		dp_capture_stop(c->v->dp);
	free(c);
}

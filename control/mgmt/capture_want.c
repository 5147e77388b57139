/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/capture_want.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/mgmt/show.h"
#include "control/spoke/spoke.h"

#define PORT_POINTS  (1u << DP_POINT_RX | 1u << DP_POINT_TX)
#define INNER_POINTS (1u << DP_POINT_INNER_IN | 1u << DP_POINT_INNER_OUT)
#define DROP_POINT   (1u << DP_POINT_DROPS)
#define ALL_POINTS   (PORT_POINTS | INNER_POINTS | DROP_POINT)

#define ETHER_TYPE_ARP  0x0806
#define ETHER_TYPE_NHRP 0x2001
#define SECONDS_MAX     86400
#define PACKETS_MAX     1000000000

struct parse {
	const struct mgmt_view *v;
	uint64_t now_ms;
	struct capture_want *out;
	char *error;
	size_t error_bytes;
};

#define FAIL(p, ...) (snprintf((p)->error, (p)->error_bytes, __VA_ARGS__), false)

/* ---- points ------------------------------------------------------------------------------ */

static unsigned
point_named(const char *word, size_t n)
{
	static const struct {
		const char *name;
		unsigned points;
	} groups[] = { { "all", ALL_POINTS }, { "inner", INNER_POINTS } };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (strlen(groups[i].name) == n && strncmp(groups[i].name, word, n) == 0)
			return groups[i].points;
	for (int i = 0; i < DP_POINTS; i++)
		if (strlen(dp_point_name(i)) == n && strncmp(dp_point_name(i), word, n) == 0)
			return 1u << i;
	return 0;
}

/** "rx,drops"; 0: not all of it are points. */
static unsigned
points_of(const char *word)
{
	unsigned points = 0;

	for (const char *at = word;; at++) {
		size_t n = strcspn(at, ",");
		unsigned one = point_named(at, n);

		if (one == 0)
			return 0;
		points |= one;
		at += n;
		if (*at == '\0')
			return points;
	}
}

/* ---- values ------------------------------------------------------------------------------ */

static bool
number(struct parse *p, const char *key, const char *text, uint64_t min, uint64_t max,
	uint64_t *out)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || n < min || n > max)
		return FAIL(p, "%s %.32s: a number from %llu to %llu", key, text,
			(unsigned long long)min, (unsigned long long)max);
	*out = n;
	return true;
}

static bool
take_cloud(struct parse *p, const char *value)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		const char *name = p->v->cloud_name(p->v->user, id);

		if (name != NULL && strcmp(name, value) == 0) {
			p->out->dp.cloud = id;
			return true;
		}
	}
	return FAIL(p, "no cloud %.32s: see clouds in show config", value);
}

static bool
take_port(struct parse *p, const char *value)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const char *name = p->v->port_name(p->v->user, id);

		if (name != NULL && strcmp(name, value) == 0) {
			p->out->dp.port = id;
			return true;
		}
	}
	return FAIL(p, "no port %.32s: see show ports", value);
}

static bool
take_host(struct parse *p, const char *value)
{
	if (addr_parse(value, &p->out->dp.host) == 0)
		return true;
	return FAIL(p, "host %.64s: an IP address", value);
}

struct spoke_search {
	const char *which;
	struct spoke_info best;
	bool found;
};

static void
spoke_seen(void *arg, const struct spoke_info *i)
{
	struct spoke_search *s = arg;

	if (!show_wanted(s->which, i->identity[0] ? i->identity : i->claimed_identity, i->group,
		    &i->tunnel_address, &i->nbma))
		return;
	if (s->found && s->best.state >= i->state)
		return;
	s->best = *i;
	s->found = true;
}

/** By any of its names; an address we do not know yet is taken for an NBMA address. */
static bool
take_spoke(struct parse *p, const char *value)
{
	struct spoke_search *s = calloc(1, sizeof(*s)); /* large for a stack */
	bool found;

	if (s == NULL)
		return FAIL(p, "out of memory");
	s->which = value;
	spokes_each(p->v->spokes, p->now_ms, spoke_seen, s);
	found = s->found;
	if (found) {
		p->out->dp.spoke = s->best.nbma;
		p->out->dp.spoke_port = s->best.port;
	}
	free(s);
	if (found || addr_parse(value, &p->out->dp.spoke) == 0)
		return true;
	return FAIL(p,
		"no spoke %.64s: give an identity or tunnel address as in show spokes, or an NBMA "
		"address",
		value);
}

static bool
take_proto(struct parse *p, const char *value)
{
	static const struct {
		const char *name;
		uint8_t proto;
		uint16_t ether_type;
	} names[] = { { "icmp", IPPROTO_ICMP, 0 }, { "tcp", IPPROTO_TCP, 0 },
		{ "udp", IPPROTO_UDP, 0 }, { "gre", IPPROTO_GRE, 0 }, { "esp", IPPROTO_ESP, 0 },
		{ "eigrp", 88, 0 }, { "ospf", 89, 0 }, { "arp", 0, ETHER_TYPE_ARP },
		{ "nhrp", 0, ETHER_TYPE_NHRP } };
	uint64_t n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, value) != 0)
			continue;
		p->out->dp.ether_type = names[i].ether_type;
		p->out->dp.ip_proto = names[i].ether_type != 0 ? -1 : names[i].proto;
		return true;
	}
	if (!number(p, "proto", value, 0, 255, &n))
		return FAIL(p,
			"proto %.32s: icmp, tcp, udp, gre, esp, eigrp, ospf, arp, nhrp, or a "
			"number from 0 to 255",
			value);
	p->out->dp.ip_proto = (int16_t)n;
	return true;
}

/** With or without its "drop_". */
static bool
take_verdict(struct parse *p, const char *value)
{
	for (unsigned i = 0; i < dp_verdict_count(); i++) {
		const char *name = dp_verdict_name(i);

		if (strncmp(name, "drop_", 5) != 0 ||
			(strcmp(name, value) != 0 && strcmp(name + 5, value) != 0))
			continue;
		p->out->dp.verdict = (int16_t)i;
		return true;
	}
	return FAIL(p, "verdict %.32s: one of the drop_... of show counters all", value);
}

static bool
take_count(struct parse *p, const char *value)
{
	return number(p, "count", value, 1, PACKETS_MAX, &p->out->packets);
}

static bool
take_seconds(struct parse *p, const char *value)
{
	return number(p, "seconds", value, 1, SECONDS_MAX, &p->out->seconds);
}

static bool
take_snap(struct parse *p, const char *value)
{
	uint64_t n;

	if (!number(p, "snap", value, 1, DP_SNAP_MAX, &n))
		return false;
	p->out->dp.snap_bytes = (uint16_t)n;
	return true;
}

static const struct {
	const char *key;
	bool (*take)(struct parse *p, const char *value);
} keys[] = {
	{ "cloud", take_cloud },
	{ "count", take_count },
	{ "host", take_host },
	{ "port", take_port },
	{ "proto", take_proto },
	{ "seconds", take_seconds },
	{ "snap", take_snap },
	{ "spoke", take_spoke },
	{ "verdict", take_verdict },
};

/* ---- all together ------------------------------------------------------------------------- */

/** A key with its value: 2 words, a point: 1; 0: neither, error is set. */
static int
take(struct parse *p, const char *const *words)
{
	unsigned points = points_of(words[0]);

	if (points != 0) {
		p->out->dp.points |= points;
		return 1;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, words[0]) != 0)
			continue;
		if (words[1] == NULL)
			return FAIL(p, "%s needs a value", keys[i].key);
		return keys[i].take(p, words[1]) ? 2 : 0;
	}
	return FAIL(p,
		"capture %.32s: a point (rx, tx, inner-in, inner-out, inner, drops, all), or "
		"cloud, spoke, host, port, proto, verdict, count, seconds, snap with a value",
		words[0]);
}

/** Points that can judge what is asked for; all of those when none are named. */
static bool
points_settle(struct parse *p)
{
	struct dp_capture *dp = &p->out->dp;
	unsigned can = dp->verdict >= 0 ? DROP_POINT
		: dp->cloud != 0        ? INNER_POINTS | DROP_POINT
		: dp->port != 0         ? PORT_POINTS | DROP_POINT
					: ALL_POINTS;

	if (dp->points == 0)
		dp->points = can;
	if ((dp->points & ~can) == 0)
		return true;
	return FAIL(p, "%s",
		dp->verdict >= 0 ? "only drops have a verdict: leave the other points out"
			: dp->cloud != 0
			? "a cloud is known at inner-in, inner-out and drops: leave rx and tx out"
			: "a port is known at rx, tx and drops: leave the inner points out");
}

bool
capture_want_parse(const struct mgmt_view *v, const char *const *words, uint64_t now_ms,
	struct capture_want *out, char *error, size_t error_bytes)
{
	struct parse p = {
		.v = v, .now_ms = now_ms, .out = out, .error = error, .error_bytes = error_bytes
	};

	*out = (struct capture_want){
		.dp = { .snap_bytes = CAPTURE_SNAP, .ip_proto = -1, .verdict = -1 },
		.seconds = CAPTURE_SECONDS,
	};
	for (int n; *words != NULL; words += n) {
		n = take(&p, words);
		if (n == 0)
			return false;
	}
	return points_settle(&p);
}

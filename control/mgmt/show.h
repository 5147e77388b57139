/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_SHOW_H
#define CONTROL_MGMT_SHOW_H

/** The `show` commands: live state as JSON, and which columns a table has. */
#include <stdio.h>

#include "control/ike/ike.h"
#include "control/mgmt/commands.h"
#include "dataplane/dp.h"

/** which: identity, address, "group NAME" or (spokes) state; NULL = all. */
void show_spokes(
	const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a);
void show_ike(const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a);
/** Tell the peer and close its sessions; its spokes come again by themselves. */
void clear_ike(
	const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a);
/** which: how many, or of which peer; NULL: the last fifty of all. */
void show_events(
	const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a);
void show_nhrp(
	const struct mgmt_view *v, const char *cloud, uint64_t now_ms, struct mgmt_answer *a);
void show_counters(const struct mgmt_view *v, const char *all, struct mgmt_answer *a);
/** Of one spoke, by peer and SA. */
void show_counters_spoke(
	const struct mgmt_view *v, const char *which, uint64_t now_ms, struct mgmt_answer *a);
void show_workers(const struct mgmt_view *v, uint64_t now_ms, struct mgmt_answer *a);
/** Cycles per packet of each stage. */
void show_worker_stages(const struct mgmt_view *v, struct mgmt_answer *a);
void show_ports(const struct mgmt_view *v, struct mgmt_answer *a);
/** Reload, or with dry only list what would change. */
void show_reload(const struct mgmt_view *v, bool dry, uint64_t now_ms, struct mgmt_answer *a);
/** which: an address, a prefix or a vrf; NULL = all. */
void show_routes(const struct mgmt_view *v, const char *which, struct mgmt_answer *a);
void show_config(const struct mgmt_view *v, struct mgmt_answer *a);
/** wall_s: seconds since 1970, UTC. */
void show_crls(const struct mgmt_view *v, uint64_t now_ms, int64_t wall_s, struct mgmt_answer *a);
void show_status(const struct mgmt_view *v, uint64_t now_ms, struct mgmt_answer *a);

/** Does `which`, an identity, address or "group NAME", name one of these? NULL names all. */
bool show_wanted(const char *which, const char *identity, const char *group, const struct addr *a,
	const struct addr *b);

/** A name that was meant, perhaps: what has `which` in it. Keeps the first. */
struct near {
	char name[IKE_ID_BYTES];
};
void near_try(struct near *n, const char *which, const char *name);
/** Behind an error that says there is none: "; is it NAME?", when one is near. */
void near_say(const struct near *n, struct mgmt_answer *a);

#define SLOW_ROUND_US 50
/** Busy loop rounds that took this long or longer. */
uint64_t rounds_above(const struct dp_worker_stats *s, unsigned us);

/** What left by a child's outbound SA; false: it is not in use (any more). */
bool sa_out_read(const struct dp *dp, const struct ike_child_info *c, struct dp_sa_out_stats *out);

/** All counters and gauges, a text in Prometheus' exposition format 0.0.4; spokes: also of
 *  each spoke. */
void metrics(const struct mgmt_view *v, bool spokes, uint64_t now_ms, struct mgmt_answer *a);
/** That part. */
void metrics_spokes(FILE *to, const struct mgmt_view *v, uint64_t now_ms);
/** The part of the workers. */
void metrics_workers(FILE *to, const struct mgmt_view *v);
/** The part of the revocation lists. */
void metrics_crls(FILE *to, const struct mgmt_view *v);
/** A label's value, escaped; what a peer or a CA says of itself is no syntax. */
void metrics_label(const char *text, char *out, size_t n);
/** The part of the certificates: ours, and of the CAs that are trusted. */
void metrics_certs(FILE *to, const struct mgmt_view *v);
/**
 * Of a family that is a histogram, in seconds: n buckets, each up to limit_us(i), the last one
 * (0) all the rest. label: "worker=\"0\"", or "" for none.
 */
void metrics_buckets(FILE *to, const char *name, const char *label, unsigned n,
	unsigned (*limit_us)(unsigned i), const uint64_t *counts, double sum_s);
/** HELP and TYPE of a family. */
void metrics_family(FILE *to, const char *name, const char *type, const char *help);

#endif

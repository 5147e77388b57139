/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of the engine and of its clouds, and what show commands read. */
#include "control/nhrp/nhrp_engine.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/secret.h"

enum { MTU_MIN = 256 }; /* bytes; a registration with all extensions fits */

struct nhrp *
nhrp_new(const struct nhrp_ops *ops, void *user)
{
	struct nhrp *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->pairs = calloc(NHRP_PAIRS, sizeof(*n->pairs));
	if (n->pairs == NULL) {
		free(n);
		return NULL;
	}
	n->ops = ops;
	n->user = user;
	ops->random(user, &n->next_id, sizeof(n->next_id));
	ops->random(user, &n->pair_seed, sizeof(n->pair_seed));
	nhrp_clock(n, 0);
	return n;
}

static void
cloud_free(struct nhrp_cloud *cl)
{
	struct nhrp_entry *e;
	struct nhrp_link *l;

	for (uint32_t at = 0; (e = nhrp_cache_next(&cl->cache, &at, NULL)) != NULL; at = 0)
		nhrp_binding_remove(e, NHRP_CLOUD_GONE);
	for (size_t at = 0; (l = map_next(&cl->cache.links, &at)) != NULL; at = 0)
		nhrp_link_forget(&cl->cache, l);
	nhrp_pending_drop(cl->n, cl);
	nhrp_cache_free(&cl->cache);
	map_del(&cl->n->clouds, cl->id);
	secret_wipe_bytes(cl->auth, sizeof(cl->auth));
	free(cl);
}

void
nhrp_free(struct nhrp *n)
{
	struct nhrp_cloud *cl;

	if (n == NULL)
		return;
	for (size_t at = 0; (cl = map_next(&n->clouds, &at)) != NULL; at = 0)
		cloud_free(cl);
	nhrp_pending_drop(n, NULL);
	map_free(&n->clouds);
	map_free(&n->pending);
	timers_free(&n->timers);
	secret_wipe_bytes(n->out, sizeof(n->out)); /* packets carry authentication strings */
	free(n->pairs);
	free(n);
}

struct nhrp_cloud *
nhrp_cloud_find(const struct nhrp *n, uint32_t cloud)
{
	return map_get(&n->clouds, cloud);
}

static void
auth_take(struct nhrp_cloud *cl, const struct secret *s)
{
	secret_wipe_bytes(cl->auth, sizeof(cl->auth));
	cl->auth_bytes = 0;
	if (s->bytes == 0)
		return;
	cl->auth[3] = 1; /* SPI 1: clear text */
	memcpy(cl->auth + 4, s->data, s->bytes);
	cl->auth_bytes = (uint8_t)(4 + s->bytes);
}

static void
conf_take(struct nhrp_cloud *cl, const struct nhrp_cloud_conf *conf)
{
	const struct config_nhrp *c = conf->nhrp;

	memcpy(cl->addresses, conf->addresses, sizeof(cl->addresses));
	cl->addresses_count = conf->addresses_count;
	cl->nbma = conf->nbma;
	cl->mtu = conf->mtu;
	cl->max_bindings = conf->max_bindings != 0 ? conf->max_bindings : NHRP_BINDINGS_DEFAULT;
	cl->max_bindings_per_link = conf->max_bindings_per_link != 0 ? conf->max_bindings_per_link
								     : NHRP_BINDINGS_PER_LINK;
	cl->network_id = c->network_id;
	cl->hold_s = c->holdtime_s;
	cl->hold_min_s = c->holdtime_min_s;
	cl->hold_max_s = c->holdtime_max_s;
	cl->redirect = c->redirect;
	cl->answer_from_cache = c->answer_from_cache;
	cl->unique = c->unique;
	cl->max_prefix_bits_v4 = c->max_prefix_bits_v4;
	cl->max_prefix_bits_v6 = c->max_prefix_bits_v6;
	auth_take(cl, &c->authentication);
}

static struct nhrp_cloud *
cloud_new(struct nhrp *n, uint32_t id)
{
	struct nhrp_cloud *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return NULL;
	cl->n = n;
	cl->id = id;
	n->ops->random(n->user, &cl->cache.seed, sizeof(cl->cache.seed));
	if (map_set(&n->clouds, id, cl) != 0) {
		free(cl);
		return NULL;
	}
	return cl;
}

/** A spoke may hold an address that became ours. */
static void
own_addresses_clear(struct nhrp_cloud *cl)
{
	for (uint32_t i = 0; i < cl->addresses_count; i++) {
		struct prefix host = prefix_host(&cl->addresses[i].addr);
		struct nhrp_entry *e = nhrp_cache_exact(&cl->cache, &host);

		if (e != NULL)
			nhrp_binding_remove(e, NHRP_CLEARED);
	}
}

int
nhrp_cloud_set(struct nhrp *n, uint32_t cloud, const struct nhrp_cloud_conf *conf)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);

	if (conf->addresses_count == 0 || conf->addresses_count > CONFIG_ADDRESSES ||
		conf->nbma.family == ADDR_NONE || conf->mtu < MTU_MIN ||
		conf->nhrp->holdtime_s == 0 || conf->nhrp->authentication.bytes > NHRP_AUTH_BYTES)
		return -EINVAL;
	if (cl == NULL)
		cl = cloud_new(n, cloud);
	if (cl == NULL)
		return -ENOMEM;
	conf_take(cl, conf);
	own_addresses_clear(cl);
	return 0;
}

void
nhrp_cloud_remove(struct nhrp *n, uint32_t cloud)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);

	if (cl != NULL)
		cloud_free(cl);
}

uint64_t
nhrp_next_ms(const struct nhrp *n)
{
	return timers_next_ms(&n->timers);
}

void
nhrp_tick(struct nhrp *n, uint64_t now_ms)
{
	nhrp_clock(n, now_ms);
	timers_run(&n->timers, now_ms);
}

const struct nhrp_binding *
nhrp_binding_find(const struct nhrp *n, uint32_t cloud, const struct addr *protocol)
{
	const struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);
	const struct nhrp_entry *e = cl == NULL ? NULL : nhrp_cache_find(&cl->cache, protocol);

	return e == NULL ? NULL : &e->b;
}

void
nhrp_bindings_each(const struct nhrp *n, uint32_t cloud,
	bool (*each)(void *ctx, const struct nhrp_binding *b), void *ctx)
{
	const struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);
	const struct nhrp_entry *e = NULL;
	uint32_t at = 0;

	while (cl != NULL && (e = nhrp_cache_next(&cl->cache, &at, e)) != NULL)
		if (!each(ctx, &e->b))
			return;
}

uint32_t
nhrp_bindings_count(const struct nhrp *n, uint32_t cloud)
{
	const struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);

	return cl == NULL ? 0 : cl->cache.prefixes.count;
}

uint32_t
nhrp_bindings_clear(struct nhrp *n, uint32_t cloud, const struct prefix *p, uint64_t now_ms)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);
	struct nhrp_entry *e, *next;
	uint32_t at = 0, gone = 0;

	nhrp_clock(n, now_ms);
	if (cl == NULL)
		return 0;
	for (e = nhrp_cache_next(&cl->cache, &at, NULL); e != NULL; e = next) {
		struct prefix own = { .addr = e->b.protocol, .bits = e->b.bits };

		next = nhrp_cache_next(&cl->cache, &at, e);
		if (p == NULL || prefix_covers(p, &own)) {
			nhrp_binding_remove(e, NHRP_CLEARED);
			gone++;
		}
	}
	return gone;
}

const struct nhrp_counters *
nhrp_counters(const struct nhrp *n, uint32_t cloud)
{
	const struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);

	return cl == NULL ? NULL : &cl->counters;
}

uint64_t
nhrp_unknown_cloud_count(const struct nhrp *n)
{
	return n->unknown_cloud;
}

const char *
nhrp_outcome_name(enum nhrp_outcome o)
{
	static const char *names[NHRP_OUTCOMES] = {
		[NHRP_SENT] = "sent",
		[NHRP_TAKEN] = "taken",
		[NHRP_REPEATED] = "repeated",
		[NHRP_REFUSED] = "refused",
		[NHRP_FORWARDED] = "forwarded",
		[NHRP_IGNORED] = "ignored",
		[NHRP_DROP_MALFORMED] = "drop_malformed",
		[NHRP_DROP_CHECKSUM] = "drop_checksum",
		[NHRP_DROP_UNSUPPORTED] = "drop_unsupported",
		[NHRP_DROP_EXTENSION] = "drop_extension",
		[NHRP_DROP_AUTH] = "drop_auth",
		[NHRP_DROP_CLOUD] = "drop_cloud",
		[NHRP_DROP_LINK] = "drop_link",
		[NHRP_DROP_SOURCE] = "drop_source",
		[NHRP_DROP_RATE] = "drop_rate",
		[NHRP_DROP_HOPS] = "drop_hops",
		[NHRP_DROP_LOOP] = "drop_loop",
		[NHRP_DROP_NO_PEER] = "drop_no_peer",
		[NHRP_DROP_UNEXPECTED] = "drop_unexpected",
		[NHRP_DROP_TOO_BIG] = "drop_too_big",
		[NHRP_HELD_PAIR] = "held_pair",
		[NHRP_HELD_LINK] = "held_link",
		[NHRP_HELD_HUB] = "held_hub",
		[NHRP_HELD_POLICY] = "held_policy",
	};

	return o < NHRP_OUTCOMES ? names[o] : "unknown";
}

const char *
nhrp_reason_name(enum nhrp_reason r)
{
	static const char *names[NHRP_REASONS] = {
		[NHRP_REGISTERED] = "registered",
		[NHRP_REPLACED] = "replaced",
		[NHRP_REATTACHED] = "reattached",
		[NHRP_LINK_LOST] = "link_lost",
		[NHRP_EXPIRED] = "expired",
		[NHRP_PURGED] = "purged",
		[NHRP_CLEARED] = "cleared",
		[NHRP_CLOUD_GONE] = "cloud_gone",
		[NHRP_REFUSED_UNIQUE] = "refused_unique",
		[NHRP_REFUSED_OWNER] = "refused_owner",
		[NHRP_REFUSED_ADMIN] = "refused_admin",
		[NHRP_REFUSED_OVERLAY] = "overlay_not_allowed",
		[NHRP_REFUSED_RESOURCES] = "refused_resources",
		[NHRP_BAD_AUTH] = "bad_auth",
		[NHRP_ERROR_RECEIVED] = "error_received",
		[NHRP_PURGE_UNANSWERED] = "purge_unanswered",
	};

	return r < NHRP_REASONS ? names[r] : "unknown";
}

const char *
nhrp_type_name(uint8_t type)
{
	static const char *names[NHRP_TYPES] = { "unreadable", "resolution_request",
		"resolution_reply", "registration_request", "registration_reply", "purge_request",
		"purge_reply", "error_indication", "traffic_indication" };

	return type < NHRP_TYPES ? names[type] : "unknown";
}

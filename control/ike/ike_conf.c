/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "config/pki.h"
#include "config/whom.h"
#include "control/ike/ike_cert.h"
#include "control/ike/ike_conf.h"
#include "control/ike/ike_fsm.h"
#include "crypto/secret.h"

static void
policy_put(struct ike_policy_set *set)
{
	if (set == NULL || --set->users > 0)
		return;
	config_pki_put(set->profile.pki);
	cert_trust_put(set->trust);
	for (size_t i = 0; i < set->issuers_count; i++)
		cert_put(set->issuers[i]);
	free(set);
}

void
ike_policy_hold(struct ike_policy_set **at, struct ike_policy_set *set)
{
	struct ike_policy_set *was = *at;

	if (set != NULL)
		set->users++;
	*at = set;
	policy_put(was);
}

static void
policies_free(struct ike_policy_set **list, size_t n)
{
	for (size_t i = 0; list != NULL && i < n; i++)
		policy_put(list[i]);
	free(list);
}

static void
keyring_free(struct ike_keyring *r)
{
	for (size_t i = 0; r->psks != NULL && i < r->psks_count; i++)
		secret_wipe(&r->psks[i].key);
	for (size_t i = 0; r->ppks != NULL && i < r->ppks_count; i++)
		secret_wipe(&r->ppks[i].key);
	whom_index_free(r->psks_by);
	whom_index_free(r->ppks_by);
	whom_index_free(r->ppks_needed);
	free(r->psks);
	free(r->ppks);
	*r = (struct ike_keyring){ 0 };
}

void
ike_conf_free(struct ike *ike)
{
	policies_free(ike->policies, ike->policies_count);
	keyring_free(&ike->ring);
}

static void
groups_collect(struct ike_policy_set *set)
{
	for (size_t i = 0; i < set->profile.ike_count; i++) {
		size_t j = 0;

		while (j < set->groups_count && set->groups[j] != set->profile.ike[i].dh)
			j++;
		if (j == set->groups_count)
			set->groups[set->groups_count++] = set->profile.ike[i].dh;
	}
}

static struct ike_policy_set *
policy_copy(const struct config_ike_profile *from)
{
	struct ike_policy_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->users = 1;
	set->profile = *from;
	config_pki_get(set->profile.pki);
	groups_collect(set);
	return set;
}

/** Copy the listeners; equal entries fold, contradicting ones are refused. */
static int
listeners_copy(const struct ike_conf *conf, struct ike_policy_set **list, size_t *count)
{
	for (size_t i = 0; i < conf->listeners_count; i++) {
		const struct ike_listener *l = &conf->listeners[i];
		size_t j = 0;

		while (j < *count && !addr_equal(&list[j]->local, &l->local))
			j++;
		if (j < *count) {
			if (strcmp(list[j]->profile.name, l->profile->name) != 0)
				return -EEXIST;
			continue;
		}
		list[j] = policy_copy(l->profile);
		if (list[j] == NULL)
			return -ENOMEM;
		list[j]->local = l->local;
		if (l->profile->pki != NULL && l->profile->pki->trust != NULL)
			list[j]->trust = cert_trust_get(l->profile->pki->trust);
		++*count;
	}
	return 0;
}

/** The profiles by name, behind the listeners. */
static int
profiles_copy(const struct ike_conf *conf, struct ike_policy_set **list, size_t *count)
{
	for (size_t i = 0; i < conf->profiles_count; i++) {
		list[*count] = policy_copy(&conf->profiles[i]);
		if (list[*count] == NULL)
			return -ENOMEM;
		++*count;
	}
	return 0;
}

static int
psks_copy(const struct ike_conf *conf, struct ike_keyring *r)
{
	for (size_t i = 0; i < conf->psks_count; i++) {
		const struct config_psk *from = &conf->psks[i];
		struct ike_psk *k = &r->psks[i];

		k->whom = from->whom;
		k->binding = from->binding;
		if (secret_set(&k->key, from->key.data, from->key.bytes) != 0)
			return -ENOMEM;
		whom_index_add(r->psks_by, &k->whom, NULL, 0, (uint32_t)i);
	}
	return 0;
}

static int
ppks_copy(const struct ike_conf *conf, struct ike_keyring *r)
{
	for (size_t i = 0; i < conf->ppks_count; i++) {
		const struct config_ppk *from = &conf->ppks[i];
		struct ike_ppk *k = &r->ppks[i];

		memcpy(k->id, from->id, sizeof(k->id));
		k->id_bytes = from->id_bytes;
		k->whom = from->whom;
		k->required = from->required;
		if (secret_set(&k->key, from->key.data, from->key.bytes) != 0)
			return -ENOMEM;
		whom_index_add(r->ppks_by, &k->whom, k->id, k->id_bytes, (uint32_t)i);
		if (k->required)
			whom_index_add(r->ppks_needed, &k->whom, NULL, 0, (uint32_t)i);
	}
	return 0;
}

/** Copies of all keys. On -ENOMEM *r is to be freed, too. */
static int
keyring_make(const struct ike_conf *conf, struct ike_keyring *r)
{
	*r = (struct ike_keyring){
		.psks = calloc(conf->psks_count + 1, sizeof(*r->psks)),
		.psks_count = conf->psks_count,
		.psks_by = whom_index_new(conf->psks_count),
		.ppks = calloc(conf->ppks_count + 1, sizeof(*r->ppks)),
		.ppks_count = conf->ppks_count,
		.ppks_by = whom_index_new(conf->ppks_count),
		.ppks_needed = whom_index_new(conf->ppks_count),
	};
	if (r->psks == NULL || r->psks_by == NULL || r->ppks == NULL || r->ppks_by == NULL ||
		r->ppks_needed == NULL)
		return -ENOMEM;
	int err = psks_copy(conf, r);

	return err != 0 ? err : ppks_copy(conf, r);
}

/** The intermediates known so far go along to the listeners' new trust. */
static void
issuers_move(struct ike *ike, struct ike_policy_set *to)
{
	const struct ike_policy_set *from = ike_policy_find(ike, &to->local);

	if (from == NULL || to->trust == NULL)
		return;
	for (size_t i = 0; i < from->issuers_count; i++)
		to->issuers[to->issuers_count++] = cert_get(from->issuers[i]);
	if (to->issuers_count > 0)
		ike_issuers_teach(to, to->trust, ike->ops->wall_s(ike->user));
}

static bool
same_profile(const struct ike_policy_set *a, const struct ike_policy_set *b)
{
	return strcmp(a->profile.name, b->profile.name) == 0;
}

/**
 * Is what it was authenticated by still there: a key for the same peers, changed or not, or
 * the anchor, and no CRL against it? NONE, or why not.
 */
static enum ike_reason
proof_lost(const struct ike *ike, const struct ike_peer *peer)
{
	const struct cert_trust *trust = peer->policy->trust;

	if (peer->theirs.method != AUTH_METHOD_PSK) {
		if (trust == NULL || !cert_trust_anchors(trust, &peer->mark))
			return IKE_REASON_CONFIG;
		return cert_trust_revokes(trust, &peer->mark) ? IKE_REASON_CERT_REVOKED
							      : IKE_REASON_NONE;
	}
	return whom_same(ike->ring.psks_by, &peer->psk, NULL, 0) != WHOM_NONE ? IKE_REASON_NONE
									      : IKE_REASON_CONFIG;
}

/** What lets it in now: its key, or the map of that name; NULL: nothing does, or any certificate.
 */
static const struct config_binding *
binding_now(const struct ike *ike, const struct ike_peer *peer)
{
	const struct config_pki *pki = peer->policy->profile.pki;

	if (peer->theirs.method == AUTH_METHOD_PSK) {
		uint32_t i = whom_same(ike->ring.psks_by, &peer->psk, NULL, 0);

		return i == WHOM_NONE ? NULL : &ike->ring.psks[i].binding;
	}
	for (uint32_t i = 0; pki != NULL && i < pki->maps_count; i++)
		if (strcmp(pki->maps[i].binding.map, peer->binding.map) == 0)
			return &pki->maps[i].binding;
	return NULL;
}

/**
 * It gets what its key or map allows now. What a map looks for in a certificate may have
 * changed as well: that is for the next authentication.
 */
static enum ike_reason
binding_renew(struct ike *ike, struct ike_peer *peer)
{
	const struct config_binding *now = binding_now(ike, peer);

	if (now == NULL)
		return peer->binding.map[0] != '\0' ? IKE_REASON_CONFIG : IKE_REASON_NONE;
	if (memcmp(now, &peer->binding, sizeof(*now)) == 0)
		return IKE_REASON_NONE;
	peer->binding = *now;
	if (ike->ops->binding_changed == NULL)
		return IKE_REASON_NONE;
	struct ike_session s = ike_peer_session(peer, "");

	return ike->ops->binding_changed(ike->user, &s) ? IKE_REASON_NONE : IKE_REASON_BINDING;
}

/** Point a session to the new policies. NONE, or why it ends by them. */
static enum ike_reason
peer_move(struct ike *ike, struct ike_peer *peer)
{
	struct ike_policy_set *set = ike_policy_find(ike, &peer->path.local);
	enum ike_reason lost;

	if (set == NULL || !same_profile(set, peer->policy))
		return IKE_REASON_CONFIG;
	peer->policy = set;
	lost = proof_lost(ike, peer);
	if (lost == IKE_REASON_NONE)
		lost = binding_renew(ike, peer);
	peer->terms = ike_terms_find(ike, peer->binding.profile, set);
	return lost;
}

/** Sessions that end, some at a time: closing one changes the map under the walk. */
struct lost {
	struct {
		uint64_t session;
		enum ike_reason reason;
	} list[64];
	unsigned count;
};

/** True: there may be more. */
static bool
peers_move(struct ike *ike, struct lost *l)
{
	struct ike_peer *peer;
	size_t at = 0;

	l->count = 0;
	while (l->count < sizeof(l->list) / sizeof(l->list[0]) &&
		(peer = map_next(&ike->by_session, &at)) != NULL) {
		enum ike_reason reason = peer_move(ike, peer);

		if (reason == IKE_REASON_NONE || peer->sa == NULL)
			continue;
		l->list[l->count].session = peer->id;
		l->list[l->count++].reason = reason;
	}
	return l->count == sizeof(l->list) / sizeof(l->list[0]);
}

static void
peers_close(struct ike *ike, const struct lost *l, uint64_t now_ms)
{
	for (unsigned i = 0; i < l->count; i++) {
		struct ike_peer *peer = map_get(&ike->by_session, l->list[i].session);

		if (peer == NULL || peer->sa == NULL)
			continue;
		ike_peer_close(peer, l->list[i].reason, now_ms);
	}
}

/** Point every SA and session to the new policies; close those that have none. */
static void
policies_move(struct ike *ike, uint64_t now_ms)
{
	struct ike_sa *sa;
	struct lost lost;
	size_t at = 0;
	bool more;

	do {
		more = peers_move(ike, &lost);
		peers_close(ike, &lost, now_ms);
	} while (more);
	while ((sa = map_next(&ike->by_spi, &at)) != NULL) {
		struct ike_policy_set *set = ike_policy_find(ike, &sa->path.local);
		bool same = set != NULL && same_profile(set, sa->policy);

		sa->policy = same ? set : &ike->policy_none;
		if (!same && sa->state < IKE_UP)
			ike_step(sa, EV_CLOSED, NULL, now_ms);
	}
}

void
ike_trust_set(struct ike *ike, const char *profile, struct cert_trust *trust, uint64_t now_ms)
{
	struct ike_peer *peer;
	size_t at = 0;

	ike->now_ms = now_ms;
	for (size_t i = 0; i < ike->listeners_count; i++) {
		struct ike_policy_set *set = ike->policies[i];

		if (strcmp(set->profile.name, profile) != 0)
			continue;
		if (set->issuers_count > 0)
			ike_issuers_teach(set, trust, ike->ops->wall_s(ike->user));
		cert_trust_put(set->trust);
		set->trust = cert_trust_get(trust);
	}
	while ((peer = map_next(&ike->by_session, &at)) != NULL) {
		if (peer->sa == NULL || strcmp(peer->policy->profile.name, profile) != 0)
			continue;
		enum ike_reason lost = proof_lost(ike, peer);

		if (lost == IKE_REASON_NONE)
			continue;
		ike_peer_close(peer, lost, now_ms);
		at = 0; /* the map changed under the walk */
	}
	ike_settle(ike, now_ms);
}

static struct ike_limits
limits_of(const struct ike_limits *l)
{
	return (struct ike_limits){
		.half_open_max = l->half_open_max ? l->half_open_max : 4096,
		.half_open_per_source = l->half_open_per_source ? l->half_open_per_source : 8,
		.half_open_per_address = l->half_open_per_address ? l->half_open_per_address : 128,
		.half_open_per_prefix = l->half_open_per_prefix ? l->half_open_per_prefix : 1024,
		.fragment_bytes = l->fragment_bytes >= 576 ? l->fragment_bytes : 1232,
		.cookie_from = l->cookie_from ? l->cookie_from : 30,
	};
}

int
ike_configure(struct ike *ike, const struct ike_conf *conf, uint64_t now_ms)
{
	struct ike_policy_set **policies =
		calloc(conf->listeners_count + conf->profiles_count + 1, sizeof(*policies));
	struct ike_keyring ring = { 0 };
	size_t count = 0, listeners;
	int err = policies == NULL ? -ENOMEM : listeners_copy(conf, policies, &count);

	listeners = count;
	if (err == 0)
		err = profiles_copy(conf, policies, &count);
	if (err == 0)
		err = keyring_make(conf, &ring);
	if (err != 0) {
		policies_free(policies, count);
		keyring_free(&ring);
		return err;
	}
	for (size_t i = 0; i < listeners; i++)
		issuers_move(ike, policies[i]);
	struct ike_policy_set **old = ike->policies;
	size_t old_count = ike->policies_count;

	keyring_free(&ike->ring);
	ike->ring = ring;
	ike->policies = policies;
	ike->policies_count = count;
	ike->listeners_count = listeners;
	ike->limits = limits_of(&conf->limits);
	ike_failures_room(&ike->events.failures, conf->limits.peers);
	ike->now_ms = now_ms;
	policies_move(ike, now_ms);
	ike_settle(ike, now_ms);
	policies_free(old, old_count);
	return 0;
}

struct ike_policy
ike_sa_policy(const struct ike_policy_set *set, uint16_t ke_group)
{
	return (struct ike_policy){
		.protocol = PROTO_IKE,
		.lines = set->profile.ike,
		.lines_count = set->profile.ike_count,
		.dh_rule = DH_RULE_LINE,
		.ke_group = ke_group,
	};
}

struct ike_policy_set *
ike_policy_find(const struct ike *ike, const struct addr *local)
{
	for (size_t i = 0; i < ike->listeners_count; i++)
		if (addr_equal(&ike->policies[i]->local, local))
			return ike->policies[i];
	return NULL;
}

struct ike_policy_set *
ike_terms_find(const struct ike *ike, const char *name, struct ike_policy_set *policy)
{
	for (size_t i = ike->listeners_count; i < ike->policies_count; i++)
		if (strcmp(ike->policies[i]->profile.name, name) == 0)
			return ike->policies[i];
	return policy;
}

const struct ike_psk *
ike_psk_find(const struct ike *ike, const struct config_identity *id, const struct addr *remote)
{
	uint32_t i = whom_find(ike->ring.psks_by, id, remote, NULL, 0);

	return i == WHOM_NONE ? NULL : &ike->ring.psks[i];
}

const struct ike_psk *
ike_psk_own(const struct ike *ike, const struct config_identity *id)
{
	const struct config_whom w = { .identity = *id };
	uint32_t i = id->type == ID_NONE ? WHOM_NONE : whom_same(ike->ring.psks_by, &w, NULL, 0);

	return i == WHOM_NONE ? NULL : &ike->ring.psks[i];
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_child.h"

#include <errno.h>
#include <stdio.h>

#include "control/ike/ike_fsm.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_nat.h"
#include "control/ike/ike_pack.h"
#include "crypto/secret.h"

#define PROTOCOL_GRE 47
/*
 * Start sending on a new SA the peer neither used nor made good by deleting the old one.
 * Longer than it takes a peer to repeat its request twice: our answer may be lost.
 */
#define SWITCH_MS 10000u
#define SURE_MS   60000u /* by then the peer has our answer, or has given up */

struct ike_policy
ike_child_policy(const struct ike_policy_set *set, enum ike_dh_rule rule, uint16_t ke_group)
{
	return (struct ike_policy){
		.protocol = PROTO_ESP,
		.lines = set->profile.esp,
		.lines_count = set->profile.esp_count,
		.dh_rule = rule,
		.groups = set->groups,
		.groups_count = set->groups_count,
		.ke_group = ke_group,
	};
}

enum ike_reason
ike_child_fault(int err)
{
	return err == -EACCES ? IKE_REASON_BINDING : IKE_REASON_INSTALL_FAILED;
}

void
ike_child_refused(struct ike_exchange *x, enum ike_reason reason, uint16_t notify, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	x->refuse = notify;
	if (x->child != NULL)
		ike_child_drop(x->child, reason, now_ms);
	struct ike_event *e = ike_event_of_peer(sa, reason, &x->path, notify);

	ike_event_send(sa->ike, e, now_ms);
}

/** Where to look, when it is not the profile of the cloud that was applied. */
static void
say_terms(struct ike_event *e, const struct ike_sa *sa, const struct ike_policy_set *terms)
{
	if (strcmp(terms->profile.name, sa->policy->profile.name) != 0)
		snprintf(e->detail, sizeof(e->detail), "by profile %s", terms->profile.name);
}

/** As above, with what the peer offered and what by these terms would have matched. */
static void
refused_offer(struct ike_exchange *x, const struct ike_msg *in, const struct ike_policy_set *terms,
	enum ike_reason reason, uint64_t now_ms)
{
	struct ike_policy policy = ike_child_policy(terms, DH_RULE_IGNORE, 0);

	x->refuse = x->ours ? 0 : N_NO_PROPOSAL_CHOSEN;
	struct ike_event *e = ike_event_of_peer(x->sa, reason, &x->path, x->refuse);

	say_terms(e, x->sa, terms);
	ike_offer_print(in->p.sa, e->offered, sizeof(e->offered));
	ike_lines_print(&policy, e->wanted, sizeof(e->wanted));
	ike_event_send(x->sa->ike, e, now_ms);
}

static void
refused_selectors(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	char theirs[IKE_TEXT_BYTES / 2 - 8], ours[IKE_TEXT_BYTES / 2 - 8];
	char local[ADDR_TEXT_BYTES], remote[ADDR_TEXT_BYTES];

	x->refuse = N_TS_UNACCEPTABLE;
	struct ike_event *e =
		ike_event_of_peer(x->sa, IKE_REASON_TS_UNACCEPTABLE, &x->path, N_TS_UNACCEPTABLE);

	snprintf(e->offered, sizeof(e->offered), "%s === %s",
		ike_ts_print(in->p.tsi, theirs, sizeof(theirs)),
		ike_ts_print(in->p.tsr, ours, sizeof(ours)));
	snprintf(e->wanted, sizeof(e->wanted), "%s === %s proto 47",
		addr_print(&x->path.remote, remote), addr_print(&x->path.local, local));
	ike_event_send(x->sa->ike, e, now_ms);
}

static const enum ike_dh_rule rule_of_pfs[] = {
	[PFS_PEER] = DH_RULE_PEER,
	[PFS_REQUIRE] = DH_RULE_REQUIRE,
	[PFS_OFF] = DH_RULE_NONE,
};

static enum ike_dh_rule
dh_rule(const struct ike_exchange *x)
{
	return x->task == TASK_AUTH ? DH_RULE_IGNORE : rule_of_pfs[ike_terms(x->sa)->profile.pfs];
}

/**
 * The first child takes its keys from the IKE SA whatever groups are offered with it; a
 * disagreement about them would come to light at the first rekey only. Told now. Where there is
 * none, ours will begin with the group both know.
 */
static void
foresee_pfs(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_policy_set *set = ike_terms(x->sa);
	struct ike_policy policy = ike_child_policy(set, rule_of_pfs[set->profile.pfs], DH_NONE);
	struct ike_suite rekey;

	if (x->task != TASK_AUTH || !ike_offer_has_group(in->p.sa))
		return;
	if (ike_suite_choose(in->p.sa, &policy, &rekey) == 0) {
		x->sa->peer->pfs_group = rekey.dh;
		return;
	}
	struct ike_event *e = ike_event_of_peer(x->sa, IKE_REASON_PFS_MISMATCH_AHEAD, &x->path, 0);

	say_terms(e, x->sa, set);
	ike_offer_print(in->p.sa, e->offered, sizeof(e->offered));
	if (set->profile.pfs == PFS_OFF)
		snprintf(e->wanted, sizeof(e->wanted), "no group: pfs is off");
	else
		ike_groups_print(set->groups, set->groups_count, e->wanted, sizeof(e->wanted));
	ike_event_send(x->sa->ike, e, now_ms);
}

static bool
choose_suite(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	uint16_t ke_group = in->p.ke.data != NULL ? in->p.ke_group : DH_NONE;
	struct ike_policy policy = ike_child_policy(ike_terms(x->sa), dh_rule(x), ke_group);

	if (ike_suite_choose(in->p.sa, &policy, &x->suite) != 0) {
		enum ike_reason reason = ike_offer_is_legacy(in->p.sa, &policy)
			? IKE_REASON_ESP_LEGACY_ONLY
			: IKE_REASON_ESP_NO_PROPOSAL_CHOSEN;

		refused_offer(x, in, ike_terms(x->sa), reason, now_ms);
		return false;
	}
	foresee_pfs(x, in, now_ms);
	if (x->suite.dh != DH_NONE && x->suite.dh != ke_group) {
		x->refuse = N_INVALID_KE_PAYLOAD;
		x->refuse_data[0] = (uint8_t)(x->suite.dh >> 8);
		x->refuse_data[1] = (uint8_t)x->suite.dh;
		x->refuse_bytes = 2;
		return false;
	}
	return true;
}

static bool
choose_selectors(struct ike_exchange *x, const struct ike_msg *in, bool transport, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_child *c = x->child;
	struct ike_selectors s = { 0 };
	struct ike_ts_rule rule = {
		.path = &x->path,
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.transport = transport,
	};

	if (in->p.tsi.data == NULL || in->p.tsr.data == NULL ||
		ike_ts_narrow(x->ours ? in->p.tsi : in->p.tsr, x->ours ? in->p.tsr : in->p.tsi,
			&rule, &s) != 0) {
		refused_selectors(x, in, now_ms);
		return false;
	}
	c->ts_local = s.local;
	c->ts_remote = s.remote;
	c->local_claimed = s.local_claimed;
	c->remote_claimed = s.claimed;
	return true;
}

bool
ike_child_suite_fits(const struct ike_policy_set *terms, const struct ike_suite *s)
{
	for (uint32_t i = 0; i < terms->profile.esp_count; i++) {
		const struct config_proposal *line = &terms->profile.esp[i];

		if (line->encr == s->encr && line->encr_bits == s->encr_bits &&
			line->integ == s->integ && (line->esn == 0 || (line->esn == 2) == s->esn))
			return true;
	}
	return false;
}

bool
ike_child_transport(const struct ike_policy_set *terms, bool wanted)
{
	return terms->profile.mode == MODE_ANY ? wanted : terms->profile.mode == MODE_TRANSPORT;
}

static void
child_fill(struct ike_exchange *x, bool transport)
{
	struct ike_sa *sa = x->sa;
	struct ike_child *c = x->child;

	c->suite = x->suite;
	c->spi_out = (uint32_t)x->suite.spi;
	c->transport = transport;
	c->udp = sa->path.natt && (sa->nat_local || sa->nat_remote);
	c->initiator = x->ours;
	c->replaces = x->child_id;
	ike_exchange_nonce_min(x, c->nonce_min);
}

void
ike_child_choose(struct ike_exchange *x, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_policy_set *terms = ike_terms(x->sa);
	bool offered = ike_notify_find(&in->p, N_USE_TRANSPORT_MODE) != NULL;
	bool transport = offered && terms->profile.mode != MODE_TUNNEL;

	if (terms->profile.mode == MODE_TRANSPORT && !offered) {
		refused_offer(x, in, terms, IKE_REASON_MODE_MISMATCH, now_ms);
		return;
	}
	if (!choose_suite(x, in, now_ms))
		return;
	if (ike_child_new(x, 0, now_ms) == NULL) {
		/* To a rekey "no more" would mean never: the peer lets the child run out. */
		uint16_t notify =
			x->task == TASK_REKEY_CHILD ? N_TEMPORARY_FAILURE : N_NO_ADDITIONAL_SAS;

		ike_child_refused(x, IKE_REASON_INSTALL_FAILED, notify, now_ms);
		return;
	}
	child_fill(x, transport);
	if (!choose_selectors(x, in, transport, now_ms))
		ike_child_drop(x->child, IKE_REASON_TS_UNACCEPTABLE, now_ms);
}

int
ike_child_agree(struct ike_exchange *x, const struct ike_msg *in,
	const struct ike_policy_set *terms, uint64_t now_ms)
{
	bool transport = ike_notify_find(&in->p, N_USE_TRANSPORT_MODE) != NULL;
	enum ike_dh_rule rule = x->task == TASK_AUTH ? DH_RULE_IGNORE : DH_RULE_PEER;
	struct ike_policy policy = ike_child_policy(terms, rule, x->group);

	if (ike_suite_accept(in->p.sa, &policy, &x->suite) != 0) {
		refused_offer(x, in, terms, IKE_REASON_ESP_NO_PROPOSAL_CHOSEN, now_ms);
		return -EACCES;
	}
	if (terms->profile.mode == MODE_TRANSPORT && !transport) {
		refused_offer(x, in, terms, IKE_REASON_MODE_MISMATCH, now_ms);
		return -EACCES;
	}
	if (x->child == NULL && ike_child_new(x, x->spi_in, now_ms) == NULL)
		return -EACCES;
	x->spi_in = 0;
	child_fill(x, transport);
	return choose_selectors(x, in, transport, now_ms) ? 0 : -EACCES;
}

/** Up to a tenth below the limit, so that a fleet under load does not rekey in step. */
static uint64_t
soft_limit(struct ike *ike, uint64_t limit)
{
	uint32_t part;

	if (limit == 0)
		return 0;
	part = ike_random_below(ike, 1024);
	return limit - limit / 10 * part / 1024;
}

static void
child_describe(const struct ike_child *c, struct ike_child_sa *out)
{
	const struct ike_peer *p = c->peer;
	const struct config_ike_profile *applies = &p->terms->profile;

	out->child = c->id;
	out->session = p->id;
	out->replaces = c->replaces;
	out->spi_in = c->spi_in;
	out->spi_out = c->spi_out;
	out->encr = c->suite.encr;
	out->encr_bits = c->suite.encr_bits;
	out->integ = c->suite.integ;
	out->esn = c->suite.esn;
	out->tunnel = !c->transport;
	out->udp = c->udp;
	out->initiator = c->initiator;
	out->replay_window = applies->replay_window;
	out->soft_packets = soft_limit(p->ike, applies->esp_lifetime_packets);
	out->soft_bytes = soft_limit(p->ike, applies->esp_lifetime_mb * 1000000ull);
	out->path = p->path;
	out->ts_local = c->ts_local;
	out->ts_remote = c->ts_remote;
	out->remote_claimed = c->remote_claimed;
	out->peer = p->identity;
	memcpy(out->profile, p->policy->profile.name, sizeof(out->profile));
	out->binding = p->binding;
}

int
ike_child_install(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike *ike = x->sa->ike;
	struct ike_seed seed = ike_exchange_seed(x, x->ours);
	struct ike_child_sa sa = { 0 };

	child_describe(x->child, &sa);
	x->keyed = true;
	x->err = ike_keys_child(&x->sa->keys, &x->child->suite, &seed, &x->shared, &sa.in, &sa.out);
	secret_wipe(&x->shared);
	if (x->err == 0) {
		x->err = ike->ops->child_install(ike->user, &sa);
		x->child->installed = x->err == 0 || x->err == -EINPROGRESS;
	}
	secret_wipe_bytes(&sa, sizeof(sa));
	return x->err;
}

const struct addr *
ike_child_ts_local(const struct ike_child *c)
{
	return c->peer->ts_as_sent && c->local_claimed.family != ADDR_NONE ? &c->local_claimed
									   : &c->ts_local;
}

const struct addr *
ike_child_ts_remote(const struct ike_child *c)
{
	return c->peer->ts_as_sent && c->remote_claimed.family != ADDR_NONE ? &c->remote_claimed
									    : &c->ts_remote;
}

void
ike_child_write(struct ike_chain *c, const struct ike_exchange *x)
{
	const struct ike_child *child = x->child;

	if (child->transport)
		ike_chain_notify(c, N_USE_TRANSPORT_MODE, NULL, 0);
	ike_chain_notify(c, N_ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	ike_suites_write(c, PROTO_ESP, &child->suite, 1, child->spi_in, 4);
	if (x->task != TASK_AUTH)
		ike_exchange_write(c, x);
	ike_chain_ts(c, PAYLOAD_TSI, ike_child_ts_remote(child), PROTOCOL_GRE);
	ike_chain_ts(c, PAYLOAD_TSR, ike_child_ts_local(child), PROTOCOL_GRE);
}

void
ike_child_offer(struct ike_chain *c, const struct ike_sa *sa, uint32_t spi)
{
	struct ike_policy policy = ike_child_policy(
		ike_terms_find(sa->ike, sa->setup->terms, sa->policy), DH_RULE_IGNORE, DH_NONE);

	if (sa->setup->transport)
		ike_chain_notify(c, N_USE_TRANSPORT_MODE, NULL, 0);
	ike_chain_notify(c, N_ESP_TFC_PADDING_NOT_SUPPORTED, NULL, 0);
	ike_lines_write(c, &policy, spi, 4);
	ike_chain_ts(c, PAYLOAD_TSI, &sa->path.local, PROTOCOL_GRE);
	/* In tunnel mode the header inside has the peer's address behind its NAT: it tells which.
	 */
	if (sa->nat_remote && !sa->setup->transport)
		ike_chain_ts_any(c, PAYLOAD_TSR, sa->path.remote.family, PROTOCOL_GRE);
	else
		ike_chain_ts(c, PAYLOAD_TSR, &sa->path.remote, PROTOCOL_GRE);
}

struct ike_child *
ike_child_done(struct ike_exchange *x, bool send, uint64_t now_ms)
{
	struct ike_child *c = x->child;

	x->child = NULL;
	c->maker = NULL;
	ike_child_up(c, now_ms);
	if (!x->ours)
		c->sure_ms = now_ms + SURE_MS;
	if (send || c->peer->sending_on == 0) {
		ike_child_send_on(c);
	} else {
		c->switch_ms = now_ms + SWITCH_MS;
		ike_child_arm(c);
	}
	return c;
}

/** Children that are there to stay: a replaced one waits for its delete only. */
static unsigned
children_living(const struct ike_peer *p)
{
	unsigned n = 0;

	for (const struct ike_child *c = p->children; c != NULL; c = c->next)
		n += c->state == CHILD_UP || c->state == CHILD_REKEYING;
	return n;
}

static int
reply_temporary(struct ike_sa *sa, const struct ike_msg *in)
{
	return ike_msg_reply_notify(
		sa, EXCHANGE_CREATE_CHILD, &in->path, N_TEMPORARY_FAILURE, NULL, 0);
}

static void
reply_too_many(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	ike_msg_reply_notify(sa, EXCHANGE_CREATE_CHILD, &in->path, N_NO_ADDITIONAL_SAS, NULL, 0);
	struct ike_event *e =
		ike_event_of_peer(sa, IKE_REASON_TOO_MANY_CHILDREN, &in->path, N_NO_ADDITIONAL_SAS);

	say_terms(e, sa, ike_terms(sa));
	ike_event_send(sa->ike, e, now_ms);
}

/** Rows of the collision table that refuse at once. True when answered. */
static bool
answered_at_once(
	struct ike_sa *sa, const struct ike_msg *in, struct ike_child **old, uint64_t now_ms)
{
	const struct ike_notify *rekey = ike_notify_find(&in->p, N_REKEY_SA);

	*old = NULL;
	if (in->p.nonce.data == NULL) {
		ike_msg_reply_notify(
			sa, EXCHANGE_CREATE_CHILD, &in->path, N_INVALID_SYNTAX, NULL, 0);
		return true;
	}
	if (sa->peer->sa != sa || (sa->ours != NULL && sa->ours->task == TASK_REKEY_IKE)) {
		reply_temporary(sa, in);
		return true;
	}
	if (rekey == NULL) {
		if (children_living(sa->peer) < ike_terms(sa)->profile.max_children)
			return false;
		reply_too_many(sa, in, now_ms);
		return true;
	}
	struct cursor c = cur_over(rekey->spi.data, rekey->spi.bytes);
	uint32_t spi = cur_be32(&c);

	*old = rekey->protocol == PROTO_ESP && !c.short_read ? ike_child_by_spi_out(sa->peer, spi)
							     : NULL;
	if (*old == NULL) {
		struct ike_chain chain;

		ike_msg_begin(sa->ike, &chain);
		ike_chain_notify_esp(&chain, N_CHILD_SA_NOT_FOUND, spi);
		ike_msg_reply(sa, &chain, EXCHANGE_CREATE_CHILD, &in->path);
		return true;
	}
	if ((*old)->state == CHILD_UP || (*old)->state == CHILD_REKEYING) {
		if (!(*old)->want_delete && (*old)->successor == 0)
			return false;
	}
	reply_temporary(sa, in);
	return true;
}

static void
theirs_refuse(struct ike_exchange *x)
{
	x->sa->ike->totals.child_rekeys_refused += x->child_id != 0 &&
		x->refuse != N_TEMPORARY_FAILURE && x->refuse != N_INVALID_KE_PAYLOAD;
	ike_msg_reply_notify(
		x->sa, EXCHANGE_CREATE_CHILD, &x->path, x->refuse, x->refuse_data, x->refuse_bytes);
	ike_exchange_free(x);
}

void
ike_child_pfs_note(const struct ike_exchange *x)
{
	struct ike_peer *peer = x->sa->peer;

	peer->pfs_seen = x->suite.dh != DH_NONE ? 1 : -1;
	if (x->suite.dh != DH_NONE)
		peer->pfs_group = x->suite.dh;
}

int
ike_child_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_child *old;
	struct ike_exchange *x;

	if (answered_at_once(sa, in, &old, now_ms))
		return 0;
	x = ike_exchange_new(sa, false, old != NULL ? TASK_REKEY_CHILD : TASK_CHILD);
	if (x == NULL) {
		reply_temporary(sa, in);
		return 0;
	}
	x->path = in->path;
	x->child_id = old != NULL ? old->id : 0;
	ike_exchange_nonce(x, in->p.nonce);
	if (in->p.sa.data == NULL)
		x->refuse = N_INVALID_SYNTAX;
	else
		ike_child_choose(x, in, now_ms);
	if (x->refuse != 0) {
		theirs_refuse(x);
		return 0;
	}
	ike_child_pfs_note(x);
	x->group = x->suite.dh;
	if (x->group == DH_NONE) {
		x->ready = true;
		ike_ready(sa);
	} else if (ike_job_start(x, in->p.ke, now_ms) != 0) {
		x->refuse = N_TEMPORARY_FAILURE;
		theirs_refuse(x);
	}
	return 0;
}

static void
theirs_answer(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	struct ike_child *old = map_get(&sa->ike->by_child, x->child_id);
	struct ike_chain c;

	ike_msg_begin(sa->ike, &c);
	ike_child_write(&c, x);
	if (ike_msg_reply(sa, &c, EXCHANGE_CREATE_CHILD, &x->path) == 0) {
		struct ike_child *child = ike_child_done(x, false, now_ms);

		sa->ike->totals.child_rekeys += old != NULL;
		sa->ike->totals.child_rekeys_theirs += old != NULL;
		if (old != NULL) {
			old->successor = child->id;
			if (old->state == CHILD_UP)
				ike_child_replaced(old, now_ms);
			else if (sa->ours != NULL && sa->ours->child_id == old->id)
				sa->ours->rival = child->id; /* crossed: decided with our answer */
		}
	}
	ike_exchange_free(x);
}

void
ike_child_theirs_ready(struct ike_exchange *x, uint64_t now_ms)
{
	if (x->child == NULL) { /* the session's children were closed meanwhile */
		x->refuse = N_TEMPORARY_FAILURE;
		theirs_refuse(x);
		return;
	}
	if (!x->keyed && x->err == 0 && ike_child_install(x, now_ms) == -EINPROGRESS)
		return;
	if (x->err == 0) {
		theirs_answer(x, now_ms);
		return;
	}
	if (x->err == -EBADMSG) /* a public value that is none */
		x->refuse = N_INVALID_SYNTAX;
	else
		ike_child_refused(x, ike_child_fault(x->err), N_TEMPORARY_FAILURE, now_ms);
	theirs_refuse(x);
}

void
ike_child_replaced(struct ike_child *old, uint64_t now_ms)
{
	old->state = CHILD_REPLACED;
	old->reason = IKE_REASON_REKEYED;
	old->want_rekey = false;
	old->soft_ms = IKE_TIMER_NEVER;
	old->hard_ms = now_ms + 30000; /* should its rekeyer forget to delete it */
	ike_child_arm(old);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/identity.h"
#include "control/ike/ike_child.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_nat.h"
#include "control/ike/ike_ppk.h"
#include "crypto/secret.h"

/**
 * Whom it says it is, and what is known of that one: by a key of its own; by the key it did not
 * have, also one for several.
 */
static void
say_claim(const struct ike_sa *sa, struct ike_event *e)
{
	const struct config_identity *id = &sa->setup->claimed;
	const struct ike_psk *own = ike_psk_own(sa->ike, id);
	const struct ike_psk *psk = e->reason == IKE_REASON_PSK_MISMATCH
		? ike_psk_find(sa->ike, id, &sa->path.remote)
		: own;

	ike_identity_print(id, e->identity, sizeof(e->identity));
	e->expected = own != NULL;
	if (psk != NULL)
		memcpy(e->group, psk->binding.group, sizeof(e->group));
}

/** Refuse in the protected answer, tell the operator, and end in the error state. */
static int
auth_refuse(struct ike_sa *sa, const struct ike_msg *in, const struct ike_finding *f,
	uint16_t notify, uint64_t now_ms)
{
	struct ike_event *e = ike_event_begin(sa->ike, f->reason, &in->path);

	memcpy(e->detail, f->detail, sizeof(e->detail));
	say_claim(sa, e);
	e->notify = notify;
	ike_event_send(sa->ike, e, now_ms);
	sa->ike->totals.auth_failed++;
	ike_msg_reply_notify(sa, EXCHANGE_AUTH, &in->path, notify, NULL, 0);
	return -EACCES;
}

static bool
is_by_address(const struct ike_peer *peer)
{
	return peer->identity.type == ID_IPV4_ADDR || peer->identity.type == ID_IPV6_ADDR;
}

/** Another session of this identity. */
static bool
is_namesake(const struct ike_peer *old, const struct ike_peer *peer)
{
	return old != peer && old->sa != NULL && old->policy == peer->policy &&
		identity_equal(&old->identity, &peer->identity);
}

/** Tell of an older session whose place the new one may not take. */
static void
name_taken(struct ike_peer *peer, uint64_t now_ms)
{
	struct ike_peer *old = ike_peer_by_identity(peer->ike, &peer->identity);
	char at[ADDR_TEXT_BYTES];

	while (old != NULL &&
		(!is_namesake(old, peer) || is_by_address(peer) ||
			authority_may_take(&old->authority, &peer->authority)))
		old = old->next_same;
	if (old == NULL)
		return;
	struct ike_event *e = ike_event_of_peer(peer->sa, IKE_REASON_NAME_TAKEN, &peer->path, 0);

	snprintf(e->detail, sizeof(e->detail),
		"it is proven by %s; there is a session of this name from %s, proven by %s",
		authority_name(&peer->authority), addr_print(&old->path.remote, at),
		old->authority.kind == peer->authority.kind ? "another"
							    : authority_name(&old->authority));
	ike_event_send(peer->ike, e, now_ms);
}

/** Proven by one and the same certificate? */
static bool
is_same_certificate(const struct cert_mark *a, const struct cert_mark *b)
{
	return a->until_s != 0 && memcmp(a->chain[0], b->chain[0], sizeof(a->chain[0])) == 0 &&
		memcmp(a->anchor, b->anchor, sizeof(a->anchor)) == 0;
}

/**
 * INITIAL_CONTACT: older sessions of this identity are gone at the peer. An address as
 * identity says little behind NAT (two branches may both be 192.168.1.2): then the
 * certificate has to be the same, too, or the outer address.
 */
static bool
is_gone(const struct ike_peer *old, const struct ike_peer *peer)
{
	if (!is_namesake(old, peer) || !authority_may_take(&old->authority, &peer->authority))
		return false;
	return !is_by_address(peer) || is_same_certificate(&old->mark, &peer->mark) ||
		(addr_equal(&old->path.remote, &peer->path.remote) &&
			!(old->nat_remote && peer->nat_remote &&
				old->path.remote_port != peer->path.remote_port));
}

static void
initial_contact(struct ike_peer *peer, uint64_t now_ms)
{
	struct ike_peer *old = ike_peer_by_identity(peer->ike, &peer->identity);

	while (old != NULL) {
		if (!is_gone(old, peer)) {
			old = old->next_same;
			continue;
		}
		old->sa->reason = IKE_REASON_REPLACED;
		ike_step(old->sa, EV_CLOSED, NULL, now_ms);
		old = ike_peer_by_identity(peer->ike, &peer->identity); /* the list changed */
	}
}

static struct authority
authority_of(const struct ike_setup *s)
{
	return s->theirs.method == AUTH_METHOD_PSK ? authority_of_key(&s->psk)
						   : authority_of_ca(s->mark.anchor_key);
}

static struct ike_peer *
peer_begin(struct ike_sa *sa, const struct ike_proof *proof, uint64_t now_ms)
{
	struct ike_peer *peer = ike_peer_new(sa, now_ms);

	if (peer == NULL)
		return NULL;
	if (ike_peer_identify(peer, &sa->setup->claimed) != 0)
		return NULL;
	peer->psk = sa->setup->psk;
	peer->binding = sa->setup->binding;
	peer->terms = ike_terms_find(sa->ike, peer->binding.profile, peer->policy);
	peer->mark = sa->setup->mark;
	(void)ike_peer_expired(peer, now_ms);
	peer->theirs = sa->setup->theirs;
	peer->authority = authority_of(sa->setup);
	if (sa->setup->vendors[0] != '\0')
		peer->vendors = strdup(sa->setup->vendors);
	peer->local_identity = proof->local;
	sa->ike->totals.auth_ok++;
	ike_known_add(sa->ike, &sa->path.remote);
	sa->reason = IKE_REASON_NONE;
	struct ike_session s = ike_peer_session(peer, proof->text);

	ike_failure_forget(sa->ike, s.peer_text, &sa->path.remote);
	sa->ike->ops->peer_up(sa->ike->user, &s);
	name_taken(peer, now_ms);
	return peer;
}

static struct ike_exchange *
auth_exchange(struct ike_sa *sa, bool ours)
{
	struct ike_exchange *x = ike_exchange_new(sa, ours, TASK_AUTH);
	const struct ike_setup *s = sa->setup;
	bool mine_is_i = sa->initiator;

	if (x == NULL)
		return NULL;
	memcpy(x->nonce_ours, mine_is_i ? s->ni : s->nr, sizeof(x->nonce_ours));
	ike_exchange_nonce(
		x, mine_is_i ? ike_view_of(s->nr, s->nr_bytes) : ike_view_of(s->ni, s->ni_bytes));
	return x;
}

/** Away to be proven; without room there the request is as good as lost, and repeated. */
static int
auth_start(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_sa *sa = x->sa;
	int err = ike_proof_start(x, now_ms);

	if (err == -EAGAIN) {
		ike_ppk_undo(sa);
		ike_exchange_free(x);
	}
	return err;
}

int
ike_auth_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_finding f = { .reason = IKE_REASON_MALFORMED };
	struct ike_exchange *x;

	sa->path = in->path; /* where it floated to */
	if (in->p.idi.data == NULL || ike_id_read(in->p.idi, &sa->setup->claimed) != 0)
		return auth_refuse(sa, in, &f, N_INVALID_SYNTAX, now_ms);
	x = auth_exchange(sa, false);
	if (x == NULL || ike_proof_hold(x, in) != 0)
		return -ENOMEM;
	/* Without a PPK another payload may be the proof. */
	if (ike_ppk_take(sa, &x->proof->msg, &f) != IKE_REASON_NONE)
		return auth_refuse(sa, in, &f, N_AUTHENTICATION_FAILED, now_ms);
	return auth_start(x, now_ms);
}

/** Once more by what is in force now. -EAGAIN: it is under way. */
static int
prove_again(struct ike_exchange *x, uint64_t now_ms)
{
	int err = ike_proof_start(x, now_ms);

	return err == 0 ? -EAGAIN : err == -EAGAIN ? -EBUSY : err;
}

int
ike_auth_proven(struct ike_sa *sa, const struct ike_msg *none, uint64_t now_ms)
{
	struct ike_exchange *x = sa->theirs;
	const struct ike_proof *proof = x->proof;
	const struct ike_msg *in = &proof->msg;

	if (ike_proof_stale(x))
		return prove_again(x, now_ms);
	if (proof->err != 0)
		return proof->err;
	if (proof->found.reason != IKE_REASON_NONE)
		return auth_refuse(sa, in, &proof->found, N_AUTHENTICATION_FAILED, now_ms);
	ike_proof_accept(x);
	struct ike_peer *peer = peer_begin(sa, proof, now_ms);

	if (peer == NULL)
		return -ENOMEM;
	if (ike_notify_find(&in->p, N_INITIAL_CONTACT) != NULL)
		initial_contact(peer, now_ms);
	x->auth_only = in->p.sa.data == NULL;
	if (!x->auth_only)
		ike_child_choose(x, in, now_ms);
	if (x->refuse == 0 && !x->auth_only && ike_child_install(x, now_ms) == -EINPROGRESS)
		return 0;
	x->ready = true;
	ike_ready(sa);
	return 0;
}

static void
lifetimes_begin(struct ike_sa *sa, uint64_t now_ms)
{
	uint64_t life_ms = (uint64_t)ike_terms(sa)->profile.ike_lifetime_s * 1000;

	if (life_ms == 0)
		return;
	sa->soft_ms = now_ms + life_ms + ike_random_below(sa->ike, (uint32_t)(life_ms / 10) + 1);
	sa->hard_ms = sa->soft_ms + (life_ms / 10 > 300000 ? life_ms / 10 : 300000);
}

static void
setup_drop(struct ike_sa *sa)
{
	ike_packets_free(&sa->setup->msg_i);
	ike_packets_free(&sa->setup->msg_r);
	sa->ppk = sa->setup->ppk_used;
	secret_wipe_bytes(sa->setup, sizeof(*sa->setup));
	free(sa->setup);
	sa->setup = NULL;
	secret_wipe_bytes(sa->keys.pi, sizeof(sa->keys.pi));
	secret_wipe_bytes(sa->keys.pr, sizeof(sa->keys.pr));
}

void
ike_sa_up(struct ike_sa *sa, uint64_t now_ms)
{
	if (sa->setup != NULL)
		setup_drop(sa);
	lifetimes_begin(sa, now_ms);
}

int
ike_auth_answer(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->theirs;
	struct ike_chain c;

	if (x->err != 0 && x->refuse == 0)
		ike_child_refused(x, ike_child_fault(x->err), N_NO_ADDITIONAL_SAS, now_ms);
	ike_msg_begin(sa->ike, &c);
	ike_chain_id(&c, PAYLOAD_IDR, &sa->peer->local_identity);
	ike_proof_write_certs(&c, x->proof);
	int err = ike_proof_write(&c, x, PROOF_AUTH);

	if (err != 0)
		return err;
	ike_ppk_answer(&c, sa);
	if (x->refuse != 0)
		ike_chain_notify(&c, x->refuse, x->refuse_data, x->refuse_bytes);
	else if (!x->auth_only)
		ike_child_write(&c, x);
	err = ike_msg_reply(sa, &c, EXCHANGE_AUTH, &x->path);
	if (err != 0)
		return err;
	if (x->child != NULL)
		ike_child_done(x, true, now_ms);
	ike_exchange_free(x);
	ike_sa_up(sa, now_ms);
	return 0;
}

static int
auth_lost(struct ike_sa *sa, const struct ike_finding *f, uint64_t now_ms)
{
	struct ike_event *e = ike_event_begin(sa->ike, f->reason, &sa->path);

	memcpy(e->detail, f->detail, sizeof(e->detail));
	e->session = sa->session;
	say_claim(sa, e);
	ike_event_send(sa->ike, e, now_ms);
	sa->ike->totals.auth_failed++;
	return -EACCES;
}

/** No other session between the two addresses: what we tell by INITIAL_CONTACT. */
static bool
is_only_session(const struct ike_sa *sa)
{
	const struct ike_peer *p;
	size_t at = 0;

	while ((p = map_next(&sa->ike->by_session, &at)) != NULL)
		if (addr_equal(&p->path.remote, &sa->path.remote) &&
			addr_equal(&p->path.local, &sa->path.local))
			return false;
	return true;
}

int
ike_auth_sign(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;
	struct ike_seed seed = ike_exchange_seed(x, true);
	struct ike_setup *s = sa->setup;
	struct ike_finding f;

	seed.spi_i = sa->spi_i;
	seed.spi_r = sa->spi_r;
	memcpy(s->ni, seed.ni.data, seed.ni.bytes);
	memcpy(s->nr, seed.nr.data, seed.nr.bytes);
	s->ni_bytes = (uint16_t)seed.ni.bytes;
	s->nr_bytes = (uint16_t)seed.nr.bytes;
	int err = x->err;

	if (err == 0)
		err = ike_keys_first(&sa->keys, &sa->suite, &seed, &x->shared);
	if (err != 0)
		return err;
	ike_exchange_free(x);
	x = auth_exchange(sa, true);
	if (x == NULL)
		return -ENOMEM;
	if (ike_ppk_begin(sa) != 0) {
		ike_find(&f, IKE_REASON_PPK_REQUIRED, "it knows of no PPK");
		return auth_lost(sa, &f, now_ms);
	}
	err = ike_proof_sign(x, now_ms);
	return err == -EAGAIN ? -EBUSY : err;
}

int
ike_auth_ask(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;
	const struct ike_proof *proof = x->proof;
	struct ike_finding f;
	struct ike_chain c;
	int err = proof->err;

	if (ike_proof_stale(x)) {
		err = ike_proof_sign(x, now_ms);
		return err == 0 ? -EAGAIN : err == -EAGAIN ? -EBUSY : err;
	}
	if (proof->found.reason != IKE_REASON_NONE)
		return auth_lost(sa, &proof->found, now_ms);
	if (err != 0)
		return err;
	/* The inbound SPI is asked for before there is a session to own the child. */
	x->spi_in = sa->ike->ops->spi_alloc(sa->ike->user);
	if (x->spi_in == 0)
		return -ENOSPC;
	ike_msg_begin(sa->ike, &c);
	ike_chain_id(&c, PAYLOAD_IDI, &proof->local);
	ike_proof_write_certs(&c, proof);
	if (is_only_session(sa))
		ike_chain_notify(&c, N_INITIAL_CONTACT, NULL, 0);
	ike_certreq_write(&c, sa->policy->trust);
	err = ike_proof_write(&c, x, PROOF_AUTH);
	if (err == -ENOENT) {
		ike_find(&f, IKE_REASON_NO_PSK_FOR_IDENTITY, "none for this address");
		return auth_lost(sa, &f, now_ms);
	}
	if (err != 0)
		return err;
	ike_child_offer(&c, sa, x->spi_in);
	err = ike_ppk_write(&c, x);
	if (err != 0)
		return err;
	return ike_msg_request(sa, &c, EXCHANGE_AUTH, now_ms);
}

int
ike_auth_answered(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;
	struct ike_finding f = { .reason = IKE_REASON_AUTH_REFUSED };

	if (in->p.idr.data == NULL || in->p.auth.data == NULL)
		return auth_lost(sa, &f, now_ms);
	f.reason = IKE_REASON_MALFORMED;
	if (ike_id_read(in->p.idr, &sa->setup->claimed) != 0 ||
		ike_ppk_answered(sa, &in->p, &f) != IKE_REASON_NONE)
		return auth_lost(sa, &f, now_ms);
	int err = ike_proof_hold(x, in);

	if (err == 0)
		err = ike_proof_start(x, now_ms);
	if (err == 0) /* not before: without room at the helpers it has to come again */
		ike_window_answered(&sa->window, now_ms);
	return err;
}

int
ike_auth_concluded(struct ike_sa *sa, const struct ike_msg *none, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;
	const struct ike_proof *proof = x->proof;

	if (ike_proof_stale(x))
		return prove_again(x, now_ms);
	if (proof->found.reason != IKE_REASON_NONE)
		return auth_lost(sa, &proof->found, now_ms);
	ike_proof_accept(x);
	struct ike_peer *peer = peer_begin(sa, proof, now_ms);

	if (peer == NULL)
		return -ENOMEM;
	const struct ike_policy_set *asked_by =
		ike_terms_find(sa->ike, sa->setup->terms, sa->policy);

	ike_sa_up(sa, now_ms);
	/* Nothing but the child was wanted: without it the session is of no use. */
	if (proof->msg.p.sa.data == NULL ||
		ike_child_agree(x, &proof->msg, asked_by, now_ms) != 0) {
		ike_exchange_free(x);
		sa->reason = IKE_REASON_CHILD_REFUSED;
		ike_post(sa, EV_CLOSE);
		return 0;
	}
	if (ike_child_install(x, now_ms) == -EINPROGRESS)
		return 0;
	x->ready = true;
	ike_ready(sa);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/ike/ike_fsm.h"
#include "control/ike/ike_job.h"
#include "control/ike/ike_msg.h"
#include "control/ike/ike_nat.h"
#include "control/ike/ike_pack.h"
#include "control/ike/ike_ppk.h"
#include "control/ike/ike_sign.h"
#include "control/ike/ike_vendor.h"

#define ROUNDS_MAX 5   /* COOKIE and INVALID_KE answers an initiator follows */
#define REPEAT_MS  500 /* no peer repeats its first message sooner; one answer in so long */

static uint64_t
init_key_of(const struct ike_msg *in)
{
	uint8_t data[8 + sizeof(struct addr) + 2];
	struct writer w = wr_over(data, sizeof(data));

	wr_be64(&w, in->h.spi_i);
	wr_bytes(&w, &in->path.remote, sizeof(in->path.remote));
	wr_be16(&w, in->path.remote_port);
	return ike_fingerprint(data, sizeof(data)) | 1;
}

static bool
is_first_message(const struct ike_setup *s, const struct ike_msg *in)
{
	uint32_t at = 0;
	size_t n;
	const uint8_t *first = ike_packets_next(&s->msg_i, &at, &n);

	return first != NULL && n == in->n && memcmp(first, in->bytes, n) == 0;
}

/**
 * True when the message belongs to an SA we have: answered again or dropped. It is not
 * asked for a cookie, so the sender may be forged: hence seldom.
 */
static bool
is_repeat(struct ike *ike, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_sa *sa = map_get(&ike->by_init, init_key_of(in));

	if (sa == NULL)
		return false;
	if (sa->setup != NULL && sa->setup->msg_r.data != NULL &&
		now_ms >= sa->setup->answered_ms + REPEAT_MS && is_first_message(sa->setup, in)) {
		sa->setup->answered_ms = now_ms;
		ike->totals.replayed_replies++;
		ike_msg_send(ike, &sa->setup->msg_r, &in->path);
	}
	return true;
}

static bool
cookie_asked(const struct ike *ike)
{
	return ike->totals.half_open >= ike->limits.cookie_from;
}

static bool
cookie_pass(struct ike *ike, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_notify *n =
		in->p.notifies > 0 && in->p.notify[0].type == N_COOKIE ? &in->p.notify[0] : NULL;
	uint8_t cookie[IKE_COOKIE_BYTES];

	if (!cookie_asked(ike))
		return true;
	ike_cookies_rotate(&ike->cookies, ike->ops, ike->user, now_ms);
	if (n != NULL && ike_cookie_ok(&ike->cookies, &in->path, in->h.spi_i, in->p.nonce, n->data))
		return true;
	ike_cookie_make(&ike->cookies, &in->path, in->h.spi_i, in->p.nonce, cookie);
	ike->totals.cookies_sent++;
	ike_msg_bare_notify(ike, &in->h, &in->path, true, N_COOKIE, cookie, sizeof(cookie));
	return false;
}

static void
refuse_proposal(
	struct ike *ike, const struct ike_msg *in, const struct ike_policy *policy, uint64_t now_ms)
{
	ike_msg_bare_notify(ike, &in->h, &in->path, true, N_NO_PROPOSAL_CHOSEN, NULL, 0);
	bool legacy = ike_offer_is_legacy(in->p.sa, policy);
	struct ike_event *e = ike_event_begin(
		ike, legacy ? IKE_REASON_LEGACY_ONLY : IKE_REASON_NO_PROPOSAL_CHOSEN, &in->path);

	ike_offer_print(in->p.sa, e->offered, sizeof(e->offered));
	ike_lines_print(policy, e->wanted, sizeof(e->wanted));
	e->notify = N_NO_PROPOSAL_CHOSEN;
	ike_event_send(ike, e, now_ms);
}

/** Choose algorithms, or answer why not; both without state. */
static bool
suite_pass(struct ike *ike, const struct ike_msg *in, const struct ike_policy_set *set,
	struct ike_suite *suite, uint64_t now_ms)
{
	struct ike_policy policy = ike_sa_policy(set, in->p.ke_group);
	int err = ike_suite_choose(in->p.sa, &policy, suite);

	if (err == -ENOENT) {
		refuse_proposal(ike, in, &policy, now_ms);
		return false;
	}
	if (err != 0) {
		ike->totals.dropped_malformed++;
		return false;
	}
	if (suite->dh == in->p.ke_group && in->p.ke.bytes == dh_find(suite->dh)->public_bytes)
		return true;
	uint8_t group[2] = { (uint8_t)(suite->dh >> 8), (uint8_t)suite->dh };

	ike_msg_bare_notify(
		ike, &in->h, &in->path, true, N_INVALID_KE_PAYLOAD, group, sizeof(group));
	return false;
}

/** Those who were here before find a place when strangers have taken all of theirs. */
static uint32_t
half_open_room(const struct ike *ike, const struct addr *remote)
{
	uint32_t all = ike->limits.half_open_max;

	return ike_known_has(ike, remote) ? all : all - all / 4;
}

static bool
limits_pass(struct ike *ike, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_path *p = &in->path;

	if (ike->totals.half_open < half_open_room(ike, &p->remote) &&
		ike->by_prefix[ike_prefix_bucket(ike, &p->remote)] <
			ike->limits.half_open_per_prefix &&
		ike->by_source[ike_source_bucket(ike, &p->remote, p->remote_port)] <
			ike->limits.half_open_per_source &&
		ike->by_address[ike_source_bucket(ike, &p->remote, 0)] <
			ike->limits.half_open_per_address)
		return true;
	ike->totals.dropped_limit++;
	struct ike_event *e = ike_event_begin(ike, IKE_REASON_HALF_OPEN_LIMIT, p);

	ike_event_send(ike, e, now_ms);
	return false;
}

static void
half_open_count(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	sa->half_open = true;
	ike->totals.half_open++;
	sa->source_bucket =
		(uint16_t)ike_source_bucket(ike, &sa->path.remote, sa->path.remote_port);
	sa->address_bucket = (uint16_t)ike_source_bucket(ike, &sa->path.remote, 0);
	sa->prefix_bucket = (uint16_t)ike_prefix_bucket(ike, &sa->path.remote);
	ike->by_source[sa->source_bucket]++;
	ike->by_address[sa->address_bucket]++;
	ike->by_prefix[sa->prefix_bucket]++;
}

void
ike_init_request(struct ike *ike, struct ike_msg *in, uint64_t now_ms)
{
	struct ike_policy_set *set = ike_policy_find(ike, &in->path.local);
	struct ike_suite suite;

	if (is_repeat(ike, in, now_ms) || ike->closing)
		return;
	if (in->p.sa.data == NULL || in->p.ke.data == NULL || in->p.nonce.data == NULL) {
		ike->totals.dropped_malformed++;
		return;
	}
	if (in->p.critical != 0) {
		ike_msg_bare_notify(ike, &in->h, &in->path, true, N_UNSUPPORTED_CRITICAL_PAYLOAD,
			&in->p.critical, 1);
		struct ike_event *e = ike_event_begin(ike, IKE_REASON_UNKNOWN_CRITICAL, &in->path);

		e->notify = N_UNSUPPORTED_CRITICAL_PAYLOAD;
		snprintf(e->detail, sizeof(e->detail), "payload type %u", in->p.critical);
		ike_event_send(ike, e, now_ms);
		return;
	}
	if (set == NULL) {
		struct ike_event *e = ike_event_begin(ike, IKE_REASON_NO_LISTENER, &in->path);

		ike_event_send(ike, e, now_ms);
		return;
	}
	if (!cookie_pass(ike, in, now_ms) || !suite_pass(ike, in, set, &suite, now_ms) ||
		!limits_pass(ike, in, now_ms))
		return;
	struct ike_sa *sa = ike_sa_new(ike, false, &in->path, set, now_ms);

	if (sa == NULL)
		return;
	sa->suite = suite;
	sa->cookie = cookie_asked(ike);
	ike_step(sa, EV_INIT_REQ, in, now_ms);
}

int
ike_init_take(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = ike_exchange_new(sa, false, TASK_INIT);

	sa->spi_i = in->h.spi_i;
	sa->setup = calloc(1, sizeof(*sa->setup));
	if (x == NULL || sa->setup == NULL ||
		ike_packets_add(&sa->setup->msg_i, in->bytes, in->n) != 0)
		return -ENOMEM;
	half_open_count(sa);
	ike_exchange_nonce(x, in->p.nonce);
	ike_nat_detect(&in->p, sa->spi_i, in->h.spi_r, &in->path, &sa->nat_local, &sa->nat_remote);
	sa->fragments = ike_notify_find(&in->p, N_IKEV2_FRAGMENTATION_SUPPORTED) != NULL;
	sa->setup->hashes = ike_sign_hashes_read(&in->p);
	sa->setup->use_ppk = ike_ppk_known(sa->ike) && ike_notify_find(&in->p, N_USE_PPK) != NULL;
	ike_vendors_print(&in->p, sa->setup->vendors, sizeof(sa->setup->vendors));
	sa->init_key = init_key_of(in);
	if (map_set(&sa->ike->by_init, sa->init_key, sa) != 0)
		return -ENOMEM;
	sa->window.recv_id = 1;
	x->group = sa->suite.dh;
	return ike_job_start(x, in->p.ke, now_ms) == 0 ? 0 : -ENOMEM;
}

static void
setup_nonces(struct ike_sa *sa, const struct ike_exchange *x)
{
	struct ike_seed seed = ike_exchange_seed(x, sa->initiator);

	memcpy(sa->setup->ni, seed.ni.data, seed.ni.bytes);
	memcpy(sa->setup->nr, seed.nr.data, seed.nr.bytes);
	sa->setup->ni_bytes = (uint16_t)seed.ni.bytes;
	sa->setup->nr_bytes = (uint16_t)seed.nr.bytes;
}

static int
init_keys(struct ike_sa *sa, struct ike_exchange *x)
{
	struct ike_seed seed = ike_exchange_seed(x, sa->initiator);

	seed.spi_i = sa->spi_i;
	seed.spi_r = sa->spi_r;
	setup_nonces(sa, x);
	return ike_keys_first(&sa->keys, &sa->suite, &seed, &x->shared);
}

/** Write an IKE_SA_INIT message, keep it for AUTH, send it. */
static int
init_send(struct ike_sa *sa, struct ike_exchange *x, bool response)
{
	const struct config_ike_profile *profile = &sa->policy->profile;
	struct ike *ike = sa->ike;
	struct ike_packets *keep = response ? &sa->setup->msg_r : &sa->setup->msg_i;
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = EXCHANGE_SA_INIT,
		.flags = response ? FLAG_RESPONSE : FLAG_INITIATOR,
	};
	struct ike_policy policy = ike_sa_policy(sa->policy, DH_NONE);
	struct ike_chain c;

	ike_chain_message(&c, ike->out, sizeof(ike->out), &h);
	if (!response && sa->setup->cookie_bytes > 0)
		ike_chain_notify(&c, N_COOKIE, sa->setup->cookie, sa->setup->cookie_bytes);
	if (response)
		ike_suites_write(&c, PROTO_IKE, &sa->suite, 1, 0, 0);
	else
		ike_lines_write(&c, &policy, 0, 0);
	ike_chain_ke(&c, x->group, dh_public(x->dh), dh_alg(x->dh)->public_bytes);
	ike_chain_put(&c, PAYLOAD_NONCE, x->nonce_ours, sizeof(x->nonce_ours));
	ike_nat_write(&c, sa->spi_i, sa->spi_r, &x->path);
	if (response ? sa->setup->use_ppk : ike_ppk_known(ike))
		ike_chain_notify(&c, N_USE_PPK, NULL, 0);
	if (!response || sa->fragments)
		ike_chain_notify(&c, N_IKEV2_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (profile->pki != NULL && (!response || sa->setup->hashes != 0))
		ike_sign_hashes_write(&c, profile->pki);
	if (response) {
		ike_chain_notify(&c, N_CHILDLESS_IKEV2_SUPPORTED, NULL, 0);
		ike_certreq_write(&c, sa->policy->trust);
	}
	size_t n = ike_chain_finish(&c);

	ike_packets_free(keep);
	if (n == 0 || ike_packets_add(keep, ike->out, n) != 0)
		return -ENOMEM;
	ike_msg_send(ike, keep, &x->path);
	return 0;
}

int
ike_init_answer(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->theirs;
	int err = x->err;

	if (err == 0)
		err = init_keys(sa, x);
	if (err == 0)
		err = init_send(sa, x, true);
	ike_exchange_free(x);
	sa->setup->answered_ms = now_ms;
	if (err == 0)
		sa->ike->totals.init_ok++;
	return err;
}

int
ike_init_keygen(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;

	if (sa->setup == NULL)
		sa->setup = calloc(1, sizeof(*sa->setup));
	if (x == NULL)
		x = ike_exchange_new(sa, true, TASK_INIT);
	if (x == NULL || sa->setup == NULL)
		return -ENOMEM;
	if (x->group == 0)
		x->group = sa->policy->profile.ike[0].dh;
	dh_free(x->dh);
	x->dh = NULL;
	return ike_job_start(x, ike_view_of(NULL, 0), now_ms) == 0 ? 0 : -ENOMEM;
}

static int
init_ask_send(struct ike_sa *sa, uint64_t now_ms)
{
	int err = init_send(sa, sa->ours, false);

	if (err != 0)
		return err;
	const uint8_t *d;
	uint32_t at = 0;
	size_t n;

	d = ike_packets_next(&sa->setup->msg_i, &at, &n);
	ike_packets_free(&sa->window.request);
	err = ike_packets_add(&sa->window.request, d, n);
	sa->window.send_id = 0;
	if (err == 0)
		ike_window_sent(&sa->window, &sa->path, now_ms);
	return err;
}

int
ike_init_ask(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	int err = sa->ours->err;

	return err != 0 ? err : init_ask_send(sa, now_ms);
}

/** COOKIE and INVALID_KE: ask again, at most so often. -EAGAIN: done so. */
static int
init_again(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	const struct ike_notify *cookie = ike_notify_find(&in->p, N_COOKIE);
	const struct ike_notify *ke = ike_notify_find(&in->p, N_INVALID_KE_PAYLOAD);
	struct ike_setup *s = sa->setup;

	if ((cookie == NULL && ke == NULL) || s->rounds++ >= ROUNDS_MAX)
		return -EACCES;
	if (cookie != NULL) {
		if (cookie->data.bytes == 0 || cookie->data.bytes > sizeof(s->cookie))
			return -EAGAIN;
		sa->cookie = true;
		s->cookie_bytes = (uint8_t)cookie->data.bytes;
		memcpy(s->cookie, cookie->data.data, cookie->data.bytes);
		int err = init_ask_send(sa, now_ms);

		return err != 0 ? err : -EAGAIN;
	}
	if (ke->data.bytes != 2)
		return -EAGAIN;
	uint16_t group = (uint16_t)(ke->data.data[0] << 8 | ke->data.data[1]);

	for (size_t i = 0; i < sa->policy->groups_count; i++) {
		if (sa->policy->groups[i] != group || group == sa->ours->group)
			continue;
		sa->ours->group = group;
		ike_window_answered(&sa->window, now_ms);
		ike_post(sa, EV_INITIATE);
		return -EAGAIN;
	}
	return -EACCES;
}

static int
init_refused(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_policy policy = ike_sa_policy(sa->policy, 0);
	struct ike_event *e = ike_event_begin(sa->ike, IKE_REASON_NO_PROPOSAL_CHOSEN, &sa->path);

	e->session = sa->session;
	ike_lines_print(&policy, e->offered, sizeof(e->offered));
	ike_event_send(sa->ike, e, now_ms);
	return -EACCES;
}

/**
 * Unauthenticated: an error notify alone does not end the attempt (RFC 7296, 2.21.1),
 * the request is repeated until it times out; only what continues it is taken.
 */
int
ike_init_answered(struct ike_sa *sa, const struct ike_msg *in, uint64_t now_ms)
{
	struct ike_exchange *x = sa->ours;
	struct ike_policy policy = ike_sa_policy(sa->policy, x->group);

	if (in->p.sa.data == NULL || in->p.ke.data == NULL || in->p.nonce.data == NULL) {
		int err = init_again(sa, in, now_ms);

		return err == -EACCES && ike_notify_find(&in->p, N_NO_PROPOSAL_CHOSEN) != NULL
			? init_refused(sa, in, now_ms)
			: -EAGAIN;
	}
	if (in->h.spi_r == 0 || in->p.ke_group != x->group ||
		ike_suite_accept(in->p.sa, &policy, &sa->suite) != 0 || sa->suite.dh != x->group)
		return -EAGAIN;
	sa->spi_r = in->h.spi_r;
	ike_packets_free(&sa->setup->msg_r);
	if (ike_packets_add(&sa->setup->msg_r, in->bytes, in->n) != 0)
		return -ENOMEM;
	ike_exchange_nonce(x, in->p.nonce);
	ike_nat_detect(&in->p, sa->spi_i, sa->spi_r, &in->path, &sa->nat_local, &sa->nat_remote);
	sa->setup->use_ppk = ike_ppk_known(sa->ike) && ike_notify_find(&in->p, N_USE_PPK) != NULL;
	sa->fragments = ike_notify_find(&in->p, N_IKEV2_FRAGMENTATION_SUPPORTED) != NULL;
	sa->setup->hashes = ike_sign_hashes_read(&in->p);
	ike_vendors_print(&in->p, sa->setup->vendors, sizeof(sa->setup->vendors));
	if ((sa->nat_local || sa->nat_remote) && !sa->path.natt) {
		sa->path.natt = true;
		sa->path.local_port = sa->path.remote_port = IKE_PORT_NATT;
	}
	int err = ike_job_start(x, in->p.ke, now_ms);

	if (err == 0) /* not before: without room at the helpers it has to come again */
		ike_window_answered(&sa->window, now_ms);
	return err;
}

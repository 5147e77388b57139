/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "control/ike/ike_proof.h"

static uint64_t
left_ms(uint64_t due_ms, uint64_t now_ms)
{
	return due_ms == IKE_TIMER_NEVER ? IKE_TIMER_NEVER : due_ms > now_ms ? due_ms - now_ms : 0;
}

static void
describe_peer(const struct ike_sa *sa, uint64_t now_ms, struct ike_sa_info *i)
{
	const struct ike_peer *p = sa->peer;

	i->peer = p->identity;
	ike_identity_print(&p->identity, i->peer_text, sizeof(i->peer_text));
	ike_proof_print(&p->theirs, i->auth, sizeof(i->auth));
	ike_identity_print(&p->local_identity, i->local_text, sizeof(i->local_text));
	i->binding = p->binding;
	i->cert_until_s = p->mark.until_s;
	i->idle_ms = now_ms - p->life_ms;
	i->rekeys = p->rekeys;
	i->began = p->began;
	i->session_age_ms = now_ms - p->created_ms;
	snprintf(i->vendors, sizeof(i->vendors), "%s", p->vendors != NULL ? p->vendors : "");
	i->children = p->sa == sa ? p->children_count : 0;
	i->last_reason = p->last_reason;
}

static struct ike_sa_info
describe(const struct ike_sa *sa, uint64_t now_ms)
{
	struct ike_sa_info i = {
		.session = sa->peer != NULL ? sa->peer->id : 0,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.state = ike_state_name[sa->state],
		.initiator = sa->initiator,
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.fragmentation = sa->fragments,
		.ppk = sa->ppk,
		.cookie = sa->cookie,
		.began = sa->initiator,
		.path = sa->path,
		.age_ms = now_ms - sa->created_ms,
		.rekey_in_ms = left_ms(sa->soft_ms, now_ms),
		.expires_in_ms = left_ms(sa->hard_ms, now_ms),
		.rtt_ms = sa->window.rtt_ms,
		.send_id = sa->window.send_id,
		.recv_id = sa->window.recv_id,
		.retransmissions = sa->window.retransmissions,
		.open_request_sends = sa->window.request.data != NULL ? sa->window.sends : 0,
		.last_reason = sa->reason,
	};

	memcpy(i.profile, sa->policy->profile.name, sizeof(i.profile));
	memcpy(i.ipsec_profile, ike_terms(sa)->profile.name, sizeof(i.ipsec_profile));
	ike_suite_print(PROTO_IKE, &sa->suite, i.suite, sizeof(i.suite));
	if (sa->setup != NULL)
		snprintf(i.vendors, sizeof(i.vendors), "%s", sa->setup->vendors);
	if (sa->peer != NULL)
		describe_peer(sa, now_ms, &i);
	return i;
}

void
ike_each_sa(const struct ike *ike, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_sa_info *), void *arg)
{
	const struct ike_sa *sa;
	size_t at = 0;

	while ((sa = map_next(&ike->by_spi, &at)) != NULL) {
		struct ike_sa_info i = describe(sa, now_ms);

		fn(arg, &i);
	}
}

static struct ike_child_info
describe_child(const struct ike_child *c, uint64_t now_ms)
{
	static const char *const names[] = {
		[CHILD_NEW] = "new",
		[CHILD_UP] = "up",
		[CHILD_REKEYING] = "rekeying",
		[CHILD_REPLACED] = "replaced",
		[CHILD_DELETING] = "deleting",
	};
	struct ike_child_info i = {
		.child = c->id,
		.session = c->peer->id,
		.spi_in = c->spi_in,
		.spi_out = c->spi_out,
		.state = names[c->state],
		.tunnel = !c->transport,
		.udp = c->udp,
		.esn = c->suite.esn,
		.initiator = c->initiator,
		.age_ms = now_ms - c->created_ms,
		.rekey_in_ms = left_ms(c->soft_ms, now_ms),
		.expires_in_ms = left_ms(c->hard_ms, now_ms),
		.ts_local = c->ts_local,
		.ts_remote = c->ts_remote,
		.remote_claimed = c->remote_claimed,
	};
	const struct dh_alg *dh = dh_find(c->suite.dh);
	struct ike_suite suite = c->suite;

	suite.dh = DH_NONE; /* told by itself */
	ike_suite_print(PROTO_ESP, &suite, i.suite, sizeof(i.suite));
	snprintf(i.pfs, sizeof(i.pfs), "%s", dh != NULL ? dh->name : "");
	return i;
}

static void
each_child_of(const struct ike_peer *peer, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_child_info *), void *arg)
{
	for (const struct ike_child *c = peer->children; c != NULL; c = c->next) {
		struct ike_child_info i = describe_child(c, now_ms);

		fn(arg, &i);
	}
}

void
ike_each_child(const struct ike *ike, uint64_t session, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_child_info *), void *arg)
{
	const struct ike_peer *peer = map_get(&ike->by_session, session);
	size_t at = 0;

	if (peer != NULL)
		each_child_of(peer, now_ms, fn, arg);
	while (session == 0 && (peer = map_next(&ike->by_session, &at)) != NULL)
		each_child_of(peer, now_ms, fn, arg);
}

void
ike_each_failure(
	const struct ike *ike, void (*fn)(void *arg, const struct ike_failure *), void *arg)
{
	ike_failures_each(&ike->events.failures, fn, arg);
}

bool
ike_failure_find(const struct ike *ike, const char *identity, struct ike_failure *out)
{
	return ike_failure_read(ike, identity, out);
}

void
ike_totals_get(const struct ike *ike, struct ike_totals *out)
{
	*out = ike->totals;
}

/** Which states have one name is for the table to say; each name comes once. */
static bool
named_before(unsigned state)
{
	for (unsigned s = IKE_NEW; s < state; s++)
		if (strcmp(ike_state_name[s], ike_state_name[state]) == 0)
			return true;
	return false;
}

void
ike_each_state(
	const struct ike *ike, void (*fn)(void *arg, const char *state, uint32_t count), void *arg)
{
	uint32_t count[IKE_STATES] = { 0 };
	const struct ike_sa *sa;
	size_t at = 0;

	while ((sa = map_next(&ike->by_spi, &at)) != NULL)
		count[sa->state]++;
	for (unsigned s = IKE_NEW; s < IKE_DEAD; s++) {
		uint32_t n = count[s];

		for (unsigned other = s + 1; other < IKE_DEAD; other++)
			if (strcmp(ike_state_name[s], ike_state_name[other]) == 0)
				n += count[other];
		if (!named_before(s))
			fn(arg, ike_state_name[s], n);
	}
}

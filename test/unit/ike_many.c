/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several spokes, one hub: behind one address, with equal private identities, coming
 * again without a goodbye, with a second session, without a child.
 */
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "config/identity.h"
#include "config/pki.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */
static struct node *second;

/** Two spokes behind one NAT; both call themselves 10.9.9.9, their private address. */
static void
two_behind_nat(bool transport)
{
	net_begin(&n);
	n.nat_spoke = true;
	n.hub.profile.dpd_s = 20;
	net_start(&n);
	second = net_more(&n, "10.9.9.9");
	net_initiate(&n, transport);
	net_run(&n, 2000);
	net_initiate_from(second, transport);
	net_run(&n, 2000);
}

static const struct net_child *
child_towards(uint16_t port)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++)
		if (n.hub.child[i].used && !n.hub.child[i].removed &&
			n.hub.child[i].sa.path.remote_port == port)
			return &n.hub.child[i];
	return NULL;
}

static void
equal_private_identities_behind_one_address(void)
{
	for (int transport = 0; transport < 2; transport++) {
		two_behind_nat(transport);
		CHECK_EQ(n.hub.ups, 2);
		CHECK_EQ(n.hub.downs, 0); /* INITIAL_CONTACT of the one is not about the other */
		CHECK_EQ(net_children(&n.hub), 2);
		const struct net_child *a = child_towards(14500), *b = child_towards(14600);

		CHECK(a != NULL && b != NULL);
		if (a == NULL || b == NULL)
			continue;
		CHECK(a->sa.session != b->sa.session);
		CHECK(addr_equal(&a->sa.path.remote, &b->sa.path.remote));
		CHECK(addr_equal(&a->sa.remote_claimed, &n.spoke.addr));
		CHECK(addr_equal(&b->sa.remote_claimed, &n.spoke.addr));
		/* Each lives on by itself: rekeys, liveness, end. */
		ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
		ike_child_soft(n.hub.ike, b->sa.child, n.now_ms);
		net_run(&n, 100000);
		CHECK_EQ(n.hub.downs, 0);
		CHECK_EQ(net_children(&n.hub), 2);
		ike_close(second->ike, second->session.session, IKE_REASON_OPERATOR, n.now_ms);
		net_run(&n, 1000);
		CHECK_EQ(n.hub.downs, 1);
		CHECK_EQ(net_children(&n.hub), 1);
		CHECK(child_towards(14500) != NULL);
		net_end(&n);
	}
}

struct told {
	unsigned count;
	uint64_t session[4];
};

static void
tell(void *arg, const struct ike_child_info *i)
{
	struct told *t = arg;

	if (t->count < 4)
		t->session[t->count] = i->session;
	t->count++;
}

/** Asked for one session, the children of that session only; for none, all. */
static void
children_of_each_session(void)
{
	two_behind_nat(true);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t session = n.hub.child[i].sa.session;
		struct told told = { 0 };

		ike_each_child(n.hub.ike, session, n.now_ms, tell, &told);
		CHECK_EQ(told.count, 1);
		CHECK_EQ(told.session[0], session);
	}
	struct told all = { 0 }, none = { 0 };

	ike_each_child(n.hub.ike, 0, n.now_ms, tell, &all);
	CHECK_EQ(all.count, 2);
	CHECK(all.session[0] != all.session[1]);
	ike_each_child(n.hub.ike, 12345678, n.now_ms, tell, &none);
	CHECK_EQ(none.count, 0);
	net_end(&n);
}

/** A mapping change of one is followed for it alone. */
static void
one_of_them_moves(void)
{
	struct ike_totals t;

	two_behind_nat(true);
	const struct net_child *b = child_towards(14600);
	uint64_t session = b->sa.session;

	second->nat_port += 77;
	ike_child_soft(second->ike, second->sending, n.now_ms);
	net_run(&n, 3000);
	CHECK_EQ(n.hub.events[IKE_REASON_PATH_MOVED], 1);
	b = child_towards(14677);
	CHECK(b != NULL && b->sa.session == session);
	CHECK(child_towards(14500) != NULL);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.sessions, 2);
	net_end(&n);
}

/** A branch that lost its memory comes back from the same place: the old session goes. */
static void
comes_again(struct node *nd)
{
	net_restart(nd);
	net_initiate_from(nd, true);
	net_run(&n, 3000);
}

static void
initial_contact_by_identity(void)
{
	two_behind_nat(true);
	comes_again(second); /* same address and port */
	CHECK_EQ(n.hub.ups, 3);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_REPLACED);
	CHECK_EQ(net_children(&n.hub), 2);
	second->nat_port += 7; /* from another port: may be another branch */
	comes_again(second);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(net_children(&n.hub), 3);
	net_end(&n);

	/* A name says who it is wherever it comes from. */
	net_begin(&n);
	n.nat_spoke = true;
	n.spoke.profile.local_identity = net_fqdn("branch7.example");
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	n.nat_port_shift = 500;
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 1);
	/* Another name from the same place replaces nobody. */
	n.spoke.profile.local_identity = net_fqdn("branch8.example");
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.ups, 3);
	CHECK_EQ(n.hub.downs, 1);
	net_end(&n);

	/* An address as identity without NAT: the same address replaces, another does not. */
	net_begin(&n);
	struct config_identity id = { .type = ID_IPV4_ADDR, .bytes = 4, .data = { 10, 0, 0, 1 } };

	n.spoke.profile.local_identity = id;
	net_start(&n);
	second = net_more(&n, "192.0.2.77");
	net_initiate(&n, true);
	net_run(&n, 2000);
	net_initiate_from(second, true);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 0);
	comes_again(second);
	CHECK_EQ(n.hub.downs, 1);
	net_end(&n);
}

/**
 * An address as identity, behind a NAT whose port has changed: the same certificate is the
 * same spoke, another one with the same address in it is not.
 */
static void
initial_contact_by_certificate(void)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	n.nat_spoke = true;
	CHECK_EQ(identity_parse("192.0.2.99", &n.spoke.profile.local_identity), 0);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_STR(n.hub.session.peer_text, "192.0.2.99");
	n.nat_port_shift = 500;
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_REPLACED);

	config_pki_put(n.spoke.profile.pki);
	n.spoke.profile.pki = net_pki("spoke-rsa");
	n.nat_port_shift = 1000;
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.ups, 3);
	CHECK_STR(n.hub.session.peer_text, "192.0.2.99");
	CHECK_EQ(n.hub.downs, 1);
	net_end(&n);
}

/** Let in by the key for all first, then by one of its own: the name is more its than before. */
static void
initial_contact_by_key(void)
{
	struct ike_listener at = { .local = n.hub.addr, .profile = &n.hub.profile };
	struct config_psk keys[2];
	struct ike_conf conf = {
		.listeners = &at, .listeners_count = 1, .psks = keys, .psks_count = 2
	};

	net_begin(&n);
	n.spoke.profile.local_identity = net_fqdn("branch7.example");
	net_start(&n);
	at.local = n.hub.addr;
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.session.authority.kind, AUTHORITY_KEY);
	keys[0] = keys[1] = n.hub.psks[0];
	keys[1].whom.identity = n.spoke.profile.local_identity;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.downs, 0);
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.session.authority.kind, AUTHORITY_OWN_KEY);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.events[IKE_REASON_NAME_TAKEN], 0);
	comes_again(&n.spoke);
	CHECK_EQ(n.hub.downs, 2);
	net_end(&n);
}

/** A spoke with a tunnel to each of two addresses of the hub: to each it is a first contact. */
static void
initial_contact_of_one_listener(void)
{
	struct ike_dial dial = { .path = { .local_port = IKE_PORT, .remote_port = IKE_PORT },
		.transport = true };
	const struct net_child *first = &n.hub.child[0], *second_child = &n.hub.child[1];

	net_begin(&n);
	addr_parse("192.0.2.2", &n.hub.also);
	n.spoke.profile.local_identity = net_fqdn("branch7.example");
	net_start(&n);
	dial.path.local = n.spoke.addr;
	dial.path.remote = n.hub.also;
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(ike_initiate(n.spoke.ike, &dial, n.now_ms) != 0);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 0);
	CHECK(addr_equal(&first->sa.path.local, &n.hub.addr));
	CHECK(addr_equal(&second_child->sa.path.local, &n.hub.also));
	CHECK_EQ(net_children(&n.hub), 2);

	/* It lost its memory and begins with the second: the first waits for its own contact. */
	net_restart(&n.spoke);
	ike_initiate(n.spoke.ike, &dial, n.now_ms);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_REPLACED);
	CHECK(!first->removed && second_child->removed);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.downs, 2);
	CHECK(first->removed);
	CHECK_EQ(net_children(&n.hub), 2);
	net_end(&n);
}

/** Reauthentication: a new IKE SA beside the old one, then the old one is deleted. */
static void
reauthentication_overlaps(void)
{
	uint64_t first;

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	first = n.spoke.session.session;
	net_initiate(&n, true); /* not its only one: no INITIAL_CONTACT */
	net_run(&n, 4000);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 0);
	CHECK_EQ(net_children(&n.hub), 2);
	ike_close(n.spoke.ike, first, IKE_REASON_OPERATOR, n.now_ms);
	net_run(&n, 2000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK(net_agrees(&n));
	net_end(&n);
}

int
main(void)
{
	TEST(equal_private_identities_behind_one_address);
	TEST(children_of_each_session);
	TEST(one_of_them_moves);
	TEST(initial_contact_by_identity);
	TEST(initial_contact_by_certificate);
	TEST(initial_contact_by_key);
	TEST(initial_contact_of_one_listener);
	TEST(reauthentication_overlaps);
	return check_done();
}

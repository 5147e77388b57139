/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to a session that is up: rekeys, collisions, deletes, liveness, moves. */
#include <errno.h>

#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

static void
up(uint16_t pfs_group)
{
	net_begin(&n);
	n.hub.profile.esp[0].dh = n.spoke.profile.esp[0].dh = pfs_group;
}

static void
go(void)
{
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(net_agrees(&n));
	CHECK_EQ(n.hub.ups, 1);
	n.esp_lost = 0; /* before the spoke had the answer */
}

static bool
still_up(unsigned children)
{
	bool good = n.hub.ups == 1 && n.spoke.ups == 1 && n.hub.downs == 0 && n.spoke.downs == 0 &&
		net_children(&n.hub) == children && net_children(&n.spoke) == children &&
		net_agrees(&n) && n.esp_lost == 0 && net_sas(&n.hub, "up", n.now_ms) == 1 &&
		net_sas(&n.spoke, "up", n.now_ms) == 1;

	if (!good)
		printf("# ups %u %u downs %u %u children %u %u agree %d esp lost %u sas %u %u\n",
			n.hub.ups, n.spoke.ups, n.hub.downs, n.spoke.downs, net_children(&n.hub),
			net_children(&n.spoke), net_agrees(&n), n.esp_lost,
			net_sas(&n.hub, "up", n.now_ms), net_sas(&n.spoke, "up", n.now_ms));
	return good;
}

static uint64_t
first_child(const struct node *nd)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++)
		if (nd->child[i].used && !nd->child[i].removed)
			return nd->child[i].sa.child;
	return 0;
}

static void
child_rekey_by_each_side(void)
{
	for (int hub = 0; hub < 2; hub++) {
		for (unsigned wait = 0; wait < 2; wait++) {
			struct node *nd;
			uint64_t old;

			up(0);
			n.hub.install_ms = wait * 300;
			n.spoke.install_ms = wait * 700;
			go();
			nd = hub ? &n.hub : &n.spoke;
			for (int round = 0; round < 3; round++) {
				old = first_child(nd);
				ike_child_soft(nd->ike, old, n.now_ms);
				net_run(&n, 6000);
				CHECK(first_child(nd) != old);
				CHECK(still_up(1));
			}
			CHECK_EQ(n.hub.installs, 4);
			net_end(&n);
		}
	}
}

/**
 * The data path of the peer has the new SA later than it says by its answer, or by its first packet
 * on it when the rekey was its own: nothing is sent there yet.
 */
static void
child_rekey_of_late_peer(void)
{
	static const uint32_t late_ms[] = { 0, 100, 400 };

	for (size_t i = 0; i < 2 * sizeof(late_ms) / sizeof(late_ms[0]); i++) {
		struct node *nd = i % 2 ? &n.hub : &n.spoke;
		uint64_t old;

		up(0);
		n.spoke.in_late_ms = late_ms[i / 2];
		go();
		net_run(&n, 1000);
		n.esp_lost = 0;
		old = first_child(nd);
		ike_child_soft(nd->ike, old, n.now_ms);
		for (int step = 0; step < 200; step++) {
			net_run(&n, 10);
			net_traffic(&n);
		}
		CHECK(first_child(nd) != old);
		CHECK(still_up(1));
		net_end(&n);
	}
}

static void
pfs_text(void *arg, const struct ike_child_info *i)
{
	strcpy(arg, i->pfs);
	CHECK_STR(i->suite, "aes128gcm16-esn"); /* without the group */
}

static void
child_rekey_pfs_policies(void)
{
	static const struct {
		enum pfs hub, spoke;
		const char *want; /* NULL: the rekey has to fail */
	} cases[] = {
		{ PFS_PEER, PFS_PEER, "curve25519" },
		{ PFS_OFF, PFS_PEER, "" },
		{ PFS_REQUIRE, PFS_PEER, "curve25519" },
		{ PFS_REQUIRE, PFS_OFF, NULL },
		{ PFS_PEER, PFS_OFF, "" },
		{ PFS_OFF, PFS_OFF, "" },
	};
	char pfs[24];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		up(0);
		n.hub.profile.pfs = cases[i].hub;
		n.spoke.profile.pfs = cases[i].spoke;
		go();
		uint64_t old = first_child(&n.spoke);

		ike_child_soft(n.spoke.ike, old, n.now_ms);
		net_run(&n, 6000);
		CHECK(still_up(1));
		CHECK_EQ(first_child(&n.spoke) != old, cases[i].want != NULL);
		ike_each_child(n.hub.ike, 0, n.now_ms, pfs_text, pfs);
		CHECK_STR(pfs, cases[i].want ? cases[i].want : "");
		CHECK_EQ(n.spoke.events[IKE_REASON_REKEY_FAILED], cases[i].want == NULL);
		struct ike_totals hub, spoke;

		ike_totals_get(n.hub.ike, &hub);
		ike_totals_get(n.spoke.ike, &spoke);
		CHECK_EQ(spoke.child_rekeys_failed, cases[i].want == NULL);
		CHECK_EQ(hub.child_rekeys_refused, cases[i].want == NULL);
		CHECK_EQ(hub.child_rekeys_failed + spoke.child_rekeys_refused, 0);
		net_end(&n);
	}
}

/** From now on the spoke takes this group only; the IKE SA stays with the one it has. */
static void
spoke_takes_group(uint16_t group)
{
	struct ike_listener l = { .local = n.spoke.addr, .profile = &n.spoke.profile };
	struct ike_conf conf = { .listeners = &l,
		.listeners_count = 1,
		.psks = n.spoke.psks,
		.psks_count = n.spoke.psks_count };

	n.spoke.profile.ike[0].dh = group;
	CHECK_EQ(ike_configure(n.spoke.ike, &conf, n.now_ms), 0);
}

/** The hub makes new keys for its child; returns how many messages that took. */
static unsigned
hub_rekeys_child(const char *group)
{
	uint64_t old = first_child(&n.hub);
	unsigned sent = n.sent;
	char pfs[24];

	ike_child_soft(n.hub.ike, old, n.now_ms);
	net_run(&n, 6000);
	CHECK(first_child(&n.hub) != old);
	CHECK(still_up(1));
	ike_each_child(n.hub.ike, 0, n.now_ms, pfs_text, pfs);
	CHECK_STR(pfs, group);
	return n.sent - sent;
}

/** A peer whose group for PFS is another than that of the IKE SA, and whether it was seen before.
 */
static void
child_rekey_with_another_group(void)
{
	static const enum pfs pfs[] = { PFS_PEER, PFS_REQUIRE };

	for (int seen = 0; seen < 2; seen++) {
		for (size_t i = 0; i < sizeof(pfs) / sizeof(pfs[0]); i++) {
			up(0);
			n.hub.profile.ike_count = 3;
			n.hub.profile.ike[1] = n.hub.profile.ike[2] = n.hub.profile.ike[0];
			n.hub.profile.ike[1].dh = 14;
			n.hub.profile.ike[2].dh = 19;
			n.hub.profile.pfs = n.spoke.profile.pfs = pfs[i];
			n.hub.profile.esp_lifetime_s = n.spoke.profile.esp_lifetime_s = 3600;
			n.hub.profile.ike_lifetime_s = n.spoke.profile.ike_lifetime_s = 86400;
			go();
			spoke_takes_group(19);
			if (seen) {
				ike_child_soft(n.spoke.ike, first_child(&n.spoke), n.now_ms);
				net_run(&n, 61000); /* the hub leaves it in peace so long */
			}
			/* New keys, told which group, delete; two messages each. */
			CHECK_EQ(hub_rekeys_child("ecp256"), seen ? 4 : 6);
			CHECK_EQ(hub_rekeys_child("ecp256"), 4);
			CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], 0);
			spoke_takes_group(14); /* an operator's change */
			CHECK_EQ(hub_rekeys_child("modp2048"), 6);
			spoke_takes_group(15); /* one the hub does not take */
			ike_child_soft(n.hub.ike, first_child(&n.hub), n.now_ms);
			net_run(&n, 6000);
			CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], pfs[i] == PFS_REQUIRE);
			CHECK(still_up(1));
			net_end(&n);
		}
	}
}

/** Limits in octets and packets go to the data path, each a little below, never above. */
static void
volume_limits_have_jitter(void)
{
	uint64_t packets[8], bytes[8];
	unsigned different = 0;

	for (unsigned i = 0; i < 8; i++) {
		up(0);
		n.hub.random ^= i * 0x9e3779b97f4a7c15ull;
		n.hub.profile.esp_lifetime_packets = 1000000;
		n.hub.profile.esp_lifetime_mb = 4608;
		go();
		packets[i] = n.hub.child[0].sa.soft_packets;
		bytes[i] = n.hub.child[0].sa.soft_bytes;
		CHECK(packets[i] > 900000 && packets[i] <= 1000000);
		CHECK(bytes[i] > 4147200000 && bytes[i] <= 4608000000);
		different += i > 0 && packets[i] != packets[i - 1] && bytes[i] != bytes[i - 1];
		CHECK_EQ(n.spoke.child[0].sa.soft_packets, 0); /* none configured: its own */
		net_end(&n);
	}
	CHECK(different > 4);
}

static void
ike_rekey_by_time(void)
{
	for (int hub = 0; hub < 2; hub++) {
		up(0);
		(hub ? &n.hub : &n.spoke)->profile.ike_lifetime_s = 60;
		go();
		net_run(&n, 100000);
		CHECK(still_up(1));
		CHECK(net_sas(&n.hub, "up", n.now_ms) == 1);
		struct ike_totals t;

		ike_totals_get(n.hub.ike, &t);
		CHECK_EQ(t.ike_rekeys, 1);
		CHECK_EQ(t.ike_rekeys_theirs, !hub);
		CHECK_EQ(t.ike_rekeys_failed + t.ike_rekeys_refused, 0);
		/* children can be rekeyed under the new SA */
		ike_child_soft(n.hub.ike, first_child(&n.hub), n.now_ms);
		net_run(&n, 3000);
		CHECK(still_up(1));
		net_end(&n);
	}
}

static void
owners_spi(void *arg, const struct ike_sa_info *i)
{
	unsigned *others = arg;

	*others += ((i->initiator ? i->spi_i : i->spi_r) & 0xffff) != NET_SPI_MARK;
}

/** Of one side of a session that is up. */
static void
proposals_become(struct node *nd, const struct config_proposal *lines, uint32_t count)
{
	struct ike_listener at = { .local = nd->addr, .profile = &nd->profile };
	struct ike_conf conf = {
		.listeners = &at, .listeners_count = 1, .psks = nd->psks, .psks_count = 1
	};

	memcpy(nd->profile.ike, lines, count * sizeof(*lines));
	nd->profile.ike_count = count;
	CHECK_EQ(ike_configure(nd->ike, &conf, n.now_ms), 0);
}

static void
rekey_without_children(struct node *nd)
{
	net_sa(nd)->want_rekey = true;
	ike_task_next(net_sa(nd), n.now_ms);
	ike_settle(nd->ike, n.now_ms);
}

static void
suite_of(void *arg, const struct ike_sa_info *i)
{
	if (strcmp(i->state, "up") == 0)
		memcpy(arg, i->suite, sizeof(i->suite));
}

/** One side's proposals are changed while a session is up: a rekey by the other finds the new. */
static void
ike_rekey_with_another_suite(void)
{
	const struct config_proposal first = net_ike_line(ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128,
					     PRF_HMAC_SHA2_256, 31),
				     third = net_ike_line(
					     ENCR_AES_GCM_16, 256, 0, PRF_HMAC_SHA2_384, 31);
	const struct config_proposal second =
		net_ike_line(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256, PRF_HMAC_SHA2_512, 14);
	static const struct {
		const char *suite;
		unsigned messages; /* rekey, and delete of the old SA; another group: asked anew */
	} want[] = { { "aes128-sha256-prfsha256-curve25519", 4 },
		{ "aes256-sha512-prfsha512-modp2048", 6 },
		{ "aes256gcm16-prfsha384-curve25519", 4 } };
	const struct config_proposal all[] = { first, second, third };

	for (int hub = 0; hub < 2; hub++)
		for (unsigned i = 0; i < 3; i++) {
			struct node *asks = hub ? &n.hub : &n.spoke;
			char suite[64] = "";
			unsigned sent;

			up(0);
			go();
			proposals_become(asks, all, 3);
			proposals_become(hub ? &n.spoke : &n.hub, &all[i], 1);
			net_run(&n, 30000);
			CHECK(still_up(1));
			sent = n.sent;
			rekey_without_children(asks);
			net_run(&n, 3000);
			ike_each_sa(asks->ike, n.now_ms, suite_of, suite);
			CHECK_STR(suite, want[i].suite);
			CHECK_EQ(n.sent - sent, want[i].messages);
			CHECK(still_up(1));
			net_end(&n);
		}
}

/** The present suite is the first of what is offered; what the profile has no more is not. */
static void
ike_rekey_offers_what_the_profile_has(void)
{
	struct config_proposal lines[] = { net_ike_line(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256,
						   PRF_HMAC_SHA2_512, 14),
		net_ike_line(ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256, 31) };
	const struct config_proposal other =
		net_ike_line(ENCR_AES_GCM_16, 256, 0, PRF_HMAC_SHA2_384, 31);
	const char *offered = n.hub.last_event.offered;

	up(0);
	go();
	proposals_become(&n.spoke, lines, 2);
	proposals_become(&n.hub, &other, 1);
	rekey_without_children(&n.spoke);
	net_run(&n, 3000);
	CHECK_EQ(n.hub.last_event.reason, IKE_REASON_NO_PROPOSAL_CHOSEN);
	CHECK_STR(offered, "aes128-sha256-prfsha256-curve25519, aes256-sha512-prfsha512-modp2048");
	CHECK_EQ(n.spoke.last_event.reason, IKE_REASON_REKEY_FAILED);
	CHECK(strstr(n.spoke.last_event.wanted, "modp2048") != NULL);
	proposals_become(&n.spoke, lines, 1);
	net_run(&n, 125000);
	CHECK_STR(offered, "aes256-sha512-prfsha512-modp2048");
	CHECK(still_up(1));
	proposals_become(&n.hub, lines, 1);
	unsigned sent = n.sent;

	rekey_without_children(&n.spoke);
	net_run(&n, 3000);
	CHECK_EQ(n.sent - sent, 4); /* with a group of the profile at once */
	CHECK(still_up(1));
	net_end(&n);
}

/** Every IKE SA has an SPI its owner chose, whoever began it or its rekey; never twice the same. */
static void
ike_spis_are_the_owners(void)
{
	unsigned others = 0;

	for (int hub = 0; hub < 2; hub++) {
		struct node *nd = hub ? &n.hub : &n.spoke;

		up(0);
		nd->profile.ike_lifetime_s = 60;
		go();
		for (int i = 0; i < 3; i++) {
			unsigned asked = n.hub.ike_spis;

			ike_each_sa(n.hub.ike, n.now_ms, owners_spi, &others);
			ike_each_sa(n.spoke.ike, n.now_ms, owners_spi, &others);
			net_run(&n, 70000);
			CHECK(n.hub.ike_spis > asked); /* there was a rekey */
			CHECK(still_up(1));
		}
		net_end(&n);
	}
	CHECK_EQ(others, 0);
}

/** Proven with the peer, a new one with the SA it replaces; given back with the SA, each once. */
static void
ike_spis_go_with_their_sa(void)
{
	up(0);
	go();
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(n.hub.ike_spis_proven, i);
		CHECK_EQ(n.spoke.ike_spis_proven, i);
		net_run(&n, 60000); /* the SA before is forgotten, too */
		CHECK_EQ(n.hub.ike_spis_freed, i - 1);
		CHECK_EQ(n.spoke.ike_spis_freed, i - 1);
		CHECK_EQ(ike_rekey(i % 2 ? n.hub.ike : n.spoke.ike,
				 i % 2 ? n.hub.session.session : n.spoke.session.session, n.now_ms),
			0);
		net_run(&n, 2000);
	}
	ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
	net_run(&n, 100000);
	CHECK_EQ(n.hub.ike_spis_proven, 4);
	CHECK_EQ(n.hub.ike_spis_freed, 4);
	CHECK_EQ(n.spoke.ike_spis_freed, 4);

	/* One who never comes with IKE_AUTH. */
	n.lose = (int)n.sent + 2;
	net_initiate(&n, true);
	net_run(&n, 10);
	n.cut = true;
	net_run(&n, 100000);
	CHECK_EQ(n.hub.ike_spis_proven, 4);
	CHECK_EQ(n.hub.ike_spis_freed, 5);
	net_end(&n);
}

/** By command: both kinds of SA are new afterwards, and there is one of each. */
static void
rekey_when_told(void)
{
	struct ike_totals t;
	uint64_t old;

	up(0);
	go();
	old = first_child(&n.hub);
	CHECK_EQ(ike_rekey(n.hub.ike, n.hub.child[0].sa.session, n.now_ms), 0);
	net_run(&n, 10000);
	CHECK(still_up(1));
	CHECK(first_child(&n.hub) != old);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.ike_rekeys, 1);
	CHECK_EQ(t.child_rekeys, 1);
	CHECK_EQ(t.ike_rekeys_theirs + t.child_rekeys_theirs, 0);
	ike_totals_get(n.spoke.ike, &t);
	CHECK_EQ(t.ike_rekeys_theirs, 1);
	CHECK_EQ(t.child_rekeys_theirs, 1);
	CHECK_EQ(ike_rekey(n.hub.ike, 12345, n.now_ms), -ENOENT);
	net_end(&n);
}

static void
lifetimes_run_for_hours(void)
{
	up(0);
	n.hub.profile.esp_lifetime_s = 100;
	n.spoke.profile.esp_lifetime_s = 90;
	n.hub.profile.ike_lifetime_s = 700;
	n.spoke.profile.ike_lifetime_s = 600;
	n.hub.profile.dpd_s = 20;
	go();
	for (int i = 0; i < 60; i++) {
		net_run(&n, 60000);
		CHECK_EQ(n.esp_lost, 0);
	}
	net_run(&n, 8000);
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	CHECK(n.hub.installs > 30);
	net_end(&n);
}

/** Both begin a rekey of the child at once; any message of it lost or doubled. */
static void
crossing_child_rekeys(void)
{
	for (int k = -1; k < 10; k++) {
		for (int twice = 0; twice < 2; twice++) {
			for (unsigned seed = 1; seed < 5; seed++) {
				up(seed & 1 ? 0 : 31);
				n.hub.random += seed * 7919;
				go();
				if (k >= 0)
					*(twice ? &n.twice : &n.lose) = (int)n.sent + k;
				n.delay_ms = seed & 2 ? 40 : 0;
				ike_child_soft(n.hub.ike, first_child(&n.hub), n.now_ms);
				ike_child_soft(n.spoke.ike, first_child(&n.spoke), n.now_ms);
				net_run(&n, 80000);
				if (!still_up(1))
					printf("# k %d twice %d seed %u\n", k, twice, seed);
				CHECK(still_up(1));
				net_end(&n);
			}
		}
	}
}

/** Both sides rekey their IKE SA every few seconds. */
static void
up_rekeying(unsigned seed)
{
	up(0);
	n.hub.random += seed * 104729;
	n.hub.profile.ike_lifetime_s = n.spoke.profile.ike_lifetime_s = 9;
	net_start(&n);
	net_initiate(&n, true);
}

/** The same for the IKE SA: lifetimes equal, so that both timers fire together. */
static void
crossing_ike_rekeys(void)
{
	for (int k = -1; k < 10; k++) {
		for (int twice = 0; twice < 2; twice++) {
			for (unsigned seed = 1; seed < 5; seed++) {
				up_rekeying(seed);
				net_run(&n, 6000);
				n.esp_lost = 0;
				n.delay_ms = 900; /* crossing is the rule with so slow a wire */
				if (k >= 0)
					*(twice ? &n.twice : &n.lose) = (int)n.sent + k;
				net_run(&n, 60000);
				bool good = n.hub.downs + n.spoke.downs == 0 && n.hub.ups == 1 &&
					net_agrees(&n) && n.esp_lost == 0;
				if (!good)
					printf("# k %d twice %d seed %u: downs %u %u esp lost %u\n",
						k, twice, seed, n.hub.downs, n.spoke.downs,
						n.esp_lost);
				CHECK(good);
				net_end(&n);
			}
		}
	}
}

/** An engine that is freed says nothing, whatever it was in the midst of. */
static void
freed_at_any_moment(void)
{
	for (unsigned ms = 0; ms < 9000; ms += 100) {
		for (unsigned seed = 1; seed < 4; seed++) {
			up_rekeying(seed);
			n.delay_ms = 900; /* rekeys cross: a peer has two SAs for a while */
			net_run(&n, 4000 + ms);
			uint64_t sent = n.sent;
			net_end(&n);
			CHECK_EQ(n.sent, sent);
		}
	}
}

static void
delete_by_each_side(void)
{
	for (int hub = 0; hub < 2; hub++) {
		struct node *nd, *other;

		up(0);
		go();
		nd = hub ? &n.hub : &n.spoke;
		other = hub ? &n.spoke : &n.hub;
		CHECK_EQ(ike_close(nd->ike, nd->session.session, IKE_REASON_OPERATOR, n.now_ms), 0);
		CHECK_EQ(nd->downs, 1);
		CHECK_EQ(net_children(nd), 0);
		net_run(&n, 100000);
		CHECK_EQ(other->downs, 1);
		CHECK_EQ(other->down_reason, IKE_REASON_PEER_DELETED);
		CHECK_EQ(n.hub.spis + n.spoke.spis, 0);
		CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
		CHECK(ike_next_ms(n.spoke.ike) == IKE_TIMER_NEVER);
		net_end(&n);
	}
}

static void
delete_crosses_delete_and_rekey(void)
{
	for (int k = -1; k < 6; k++) {
		up(0);
		go();
		if (k >= 0)
			n.lose = (int)n.sent + k;
		ike_child_soft(n.spoke.ike, first_child(&n.spoke), n.now_ms);
		ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
		ike_close(n.spoke.ike, n.spoke.session.session, IKE_REASON_OPERATOR, n.now_ms);
		net_run(&n, 200000);
		CHECK_EQ(n.hub.spis + n.spoke.spis, 0);
		CHECK_EQ(n.hub.downs, 1);
		CHECK_EQ(n.spoke.downs, 1);
		CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
		net_end(&n);
	}
}

static void
shutdown_tells_all(void)
{
	up(0);
	go();
	ike_shutdown(n.hub.ike, n.now_ms);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_SHUTDOWN);
	net_run(&n, 1000);
	CHECK_EQ(n.spoke.downs, 1);
	CHECK_EQ(net_initiate(&n, true) != 0, true);
	net_run(&n, 1000);
	CHECK_EQ(n.hub.ups, 1);
	net_end(&n);
}

static void
dead_peer_is_noticed(void)
{
	up(0);
	n.hub.profile.dpd_s = 20;
	go();
	net_run(&n, 300000); /* nobody sends data: the engine asks now and then */
	CHECK_EQ(n.hub.downs, 0);
	n.cut = true;
	net_run(&n, 10000);
	ike_probe(n.hub.ike, n.hub.session.session, n.now_ms);
	net_run(&n, 200000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_PEER_SILENT);
	CHECK_EQ(n.hub.spis, 0);
	net_end(&n);
}

/** Nobody has anything to send: after three times dpd_s the engine asks by itself. */
static void
dead_peer_is_noticed_unasked(void)
{
	up(0);
	n.hub.profile.dpd_s = 20;
	go();
	n.cut = true;
	net_run(&n, 55000);
	CHECK_EQ(n.hub.downs, 0);
	net_run(&n, 45000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_PEER_SILENT);
	net_end(&n);
}

static void
esp_is_proof_of_life(void)
{
	up(0);
	n.hub.profile.dpd_s = 20;
	go();
	unsigned sent = n.sent;

	for (int i = 0; i < 30; i++) {
		net_run(&n, 10000);
		ike_proof_of_life(n.hub.ike, n.hub.session.session, n.now_ms);
	}
	CHECK_EQ(n.sent, sent);
	net_end(&n);
}

static void
probe_only_when_quiet(void)
{
	up(0);
	n.hub.profile.dpd_s = 20;
	go();
	unsigned before = n.sent;

	ike_probe(n.hub.ike, n.hub.session.session, n.now_ms);
	net_run(&n, 100);
	CHECK_EQ(n.sent, before);
	net_run(&n, 20000);
	ike_probe(n.hub.ike, n.hub.session.session, n.now_ms);
	net_run(&n, 100);
	CHECK_EQ(n.sent, before + 2);
	net_end(&n);
}

static void
mapping_change_is_followed_only_behind_nat(void)
{
	struct addr elsewhere;

	up(0);
	n.nat_spoke = true;
	go();
	n.nat_port_shift = 33;
	ike_child_soft(n.spoke.ike, first_child(&n.spoke), n.now_ms);
	net_run(&n, 6000);
	CHECK(still_up(1));
	CHECK(n.hub.moved > 0);
	ike_child_soft(n.hub.ike, first_child(&n.hub), n.now_ms);
	net_run(&n, 6000);
	CHECK(still_up(1));
	n.nat_port_shift = 44;
	unsigned moved = n.hub.moved;

	addr_parse("198.51.100.77", &elsewhere);
	ike_path_moved(n.hub.ike, first_child(&n.hub), &elsewhere, 14544, n.now_ms);
	CHECK_EQ(n.hub.moved, moved + 1);
	net_end(&n);

	up(0);
	go();
	addr_parse("203.0.113.5", &elsewhere);
	ike_path_moved(n.hub.ike, first_child(&n.hub), &elsewhere, 4500, n.now_ms);
	CHECK_EQ(n.hub.moved, 0);
	net_end(&n);
}

/* A changed key is for the next authentication; a removed one ends what it let in. */
static void
reload_of_keys(void)
{
	struct config_psk old, keys[2];
	struct ike_listener l;
	struct ike_conf conf;

	up(0);
	go();
	l = (struct ike_listener){ .local = n.hub.addr, .profile = &n.hub.profile };
	conf = (struct ike_conf){
		.listeners = &l, .listeners_count = 1, .psks = keys, .psks_count = 2
	};
	old = n.hub.psks[0];
	keys[0] = old;
	keys[0].key = net_psk("another key for the same peers").key;
	keys[1] = net_psk("a key for one address, which is not the spoke's");
	addr_parse("203.0.113.77", &keys[1].whom.address.addr);
	keys[1].whom.address.bits = 32;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	net_run(&n, 5000);
	CHECK(still_up(1));
	conf.psks = &keys[1];
	conf.psks_count = 1;
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CONFIG);
	net_run(&n, 5000);
	CHECK_EQ(n.spoke.downs, 1); /* it was told */
	secret_wipe(&keys[0].key);
	secret_wipe(&keys[1].key);
	net_end(&n);
}

static void
group_seen(void *arg, const struct ike_sa_info *i)
{
	memcpy(arg, i->binding.group, sizeof(i->binding.group));
}

/**
 * What an entry allows holds from the start, and as it is changed: who fits stays, who does not
 * is told and closed.
 */
static void
reload_of_what_keys_allow(void)
{
	struct ike_listener l;
	struct ike_conf conf;
	struct config_psk key;
	char seen[CONFIG_GROUP_BYTES];

	for (int misfits = 0; misfits < 2; misfits++) {
		net_begin(&n);
		strcpy(n.hub.psks[0].binding.group, "branches");
		strcpy(n.hub.psks[0].binding.cloud, "dmvpn");
		n.hub.binding_misfits = misfits;
		go();
		CHECK_STR(n.hub.session.binding.group, "branches");
		CHECK_STR(n.hub.session.binding.cloud, "dmvpn");
		l = (struct ike_listener){ .local = n.hub.addr, .profile = &n.hub.profile };
		conf = (struct ike_conf){
			.listeners = &l, .listeners_count = 1, .psks = &key, .psks_count = 1
		};
		key = n.hub.psks[0];
		CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
		CHECK_EQ(n.hub.rebound, 0); /* nothing changed */
		strcpy(key.binding.group, "vans");
		CHECK_EQ(prefix_parse("10.0.7.0/24", &key.binding.overlay[0]), 0);
		key.binding.overlay_count = 1;
		CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
		CHECK_EQ(n.hub.rebound, 1);
		CHECK_STR(n.hub.session.binding.group, "vans");
		ike_each_sa(n.hub.ike, n.now_ms, group_seen, seen);
		CHECK_STR(seen, misfits ? "" : "vans");
		CHECK_EQ(n.hub.session.binding.overlay_count, 1);
		CHECK_EQ(n.hub.downs, misfits);
		net_run(&n, 5000);
		CHECK_EQ(n.spoke.downs, misfits);
		if (misfits) {
			CHECK_EQ(n.hub.down_reason, IKE_REASON_BINDING);
			CHECK_STR(ike_reason_name(IKE_REASON_BINDING), "binding");
		}
		net_end(&n);
	}
}

static void
reload_keeps_or_closes(void)
{
	struct ike_listener l;
	struct ike_conf conf;

	up(0);
	go();
	l = (struct ike_listener){ .local = n.hub.addr, .profile = &n.hub.profile };
	conf = (struct ike_conf){ .listeners = &l,
		.listeners_count = 1,
		.psks = n.hub.psks,
		.psks_count = n.hub.psks_count };
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	ike_child_soft(n.hub.ike, first_child(&n.hub), n.now_ms);
	net_run(&n, 5000);
	CHECK(still_up(1));
	strcpy(n.hub.profile.name, "other");
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CONFIG);
	net_run(&n, 5000);
	CHECK_EQ(n.spoke.downs, 1);
	net_end(&n);
}

static uint64_t walk_state;

static unsigned
dice(unsigned sides)
{
	walk_state = walk_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(walk_state >> 33) % sides;
}

static void
walk_step(void)
{
	struct node *nd = dice(2) ? &n.hub : &n.spoke;

	switch (dice(12)) {
	case 0:
	case 1:
	case 2:
		ike_child_soft(nd->ike, first_child(nd), n.now_ms);
		break;
	case 3:
		if (dice(20) == 0)
			ike_close(nd->ike, nd->session.session, IKE_REASON_OPERATOR, n.now_ms);
		break;
	case 4:
		if (net_children(&n.spoke) == 0)
			net_initiate(&n, dice(2));
		break;
	case 5:
		ike_probe(nd->ike, nd->session.session, n.now_ms);
		break;
	case 6:
		nd->install_ms = dice(3) * 200;
		break;
	case 7:
		n.nat_port_shift = (uint16_t)dice(3);
		break;
	default:
		net_run(&n, dice(3000));
	}
}

/** After any mess, on a good wire, both sides hold the same SAs and nothing leaks. */
static void
random_walk(void)
{
	const char *steps = getenv("IKE_WALK_STEPS");
	unsigned total = steps != NULL ? (unsigned)atoi(steps) : 100000;
	unsigned checked = 0;

	for (unsigned seed = 1, done = 0; done < total; seed++) {
		walk_state = seed * 2654435761u;
		up(0);
		n.random += seed;
		n.hub.random += seed;
		n.spoke.random += seed;
		n.nat_spoke = seed & 1;
		n.hub.profile.dpd_s = n.spoke.profile.dpd_s = 5;
		n.hub.profile.esp_lifetime_s = 40;
		n.spoke.profile.ike_lifetime_s = 61;
		n.hub.profile.ike_lifetime_s = 67;
		net_start(&n);
		net_initiate(&n, true);
		n.lose_percent = dice(25);
		n.twice_percent = dice(25);
		n.delay_ms = dice(2) ? 1500 : 5;
		for (int i = 0; i < 1000; i++, done++)
			walk_step();
		n.lose_percent = n.twice_percent = n.delay_ms = 0;
		n.hub.install_ms = n.spoke.install_ms = 0;
		net_run(&n, 130000);
		if (!net_agrees(&n)) {
			printf("# seed %u: children %u %u\n", seed, net_children(&n.hub),
				net_children(&n.spoke));
			CHECK(net_agrees(&n));
		}
		checked++;
		if (net_children(&n.hub) > 4)
			CHECK_EQ(net_children(&n.hub), 1);
		ike_shutdown(n.hub.ike, n.now_ms);
		ike_shutdown(n.spoke.ike, n.now_ms);
		net_run(&n, 100000);
		CHECK_EQ(n.hub.spis, 0);
		CHECK_EQ(n.spoke.spis, 0);
		CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
		net_end(&n);
	}
	CHECK(checked > 0);
}

/** We began, and the peer makes new keys before our data path took the first child. */
static void
before_our_first_child_is_installed(void)
{
	net_begin(&n);
	n.hub.install_ms = 1000;
	net_start(&n);
	CHECK(net_initiate_from(&n.hub, true) != 0);
	net_run(&n, 500);
	CHECK_EQ(n.spoke.ups, 1);
	ike_rekey(n.spoke.ike, n.spoke.session.session, n.now_ms);
	net_run(&n, 30000);
	CHECK(net_agrees(&n));
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK_EQ(net_sa(&n.hub)->peer->rekeys, 1);
	net_end(&n);
}

/** A child whose maker has yet to install it is not rekeyed for its delete of an older IKE SA. */
static void
before_its_child_is_installed(void)
{
	up(0);
	go();
	n.spoke.install_ms = 5000;
	n.lose = (int)n.sent + 2; /* the delete: it comes again behind the child */
	ike_rekey(n.spoke.ike, n.spoke.session.session,
		n.now_ms); /* and the child's, on the new SA */
	net_run(&n, 4000);
	CHECK_EQ(net_sa(&n.hub)->peer->rekeys, 1);
	CHECK_EQ(n.hub.installs, 2);
	ike_child_soft(n.hub.ike, net_child(&n.hub)->id, n.now_ms);
	net_run(&n, 30000);
	CHECK(net_agrees(&n));
	CHECK_EQ(net_children(&n.hub), 1);
	net_end(&n);
}

int
main(void)
{
	TEST(child_rekey_by_each_side);
	TEST(child_rekey_of_late_peer);
	TEST(child_rekey_pfs_policies);
	TEST(child_rekey_with_another_group);
	TEST(volume_limits_have_jitter);
	TEST(ike_rekey_by_time);
	TEST(ike_rekey_with_another_suite);
	TEST(ike_rekey_offers_what_the_profile_has);
	TEST(ike_spis_are_the_owners);
	TEST(ike_spis_go_with_their_sa);
	TEST(rekey_when_told);
	TEST(lifetimes_run_for_hours);
	TEST(crossing_child_rekeys);
	TEST(crossing_ike_rekeys);
	TEST(freed_at_any_moment);
	TEST(delete_by_each_side);
	TEST(delete_crosses_delete_and_rekey);
	TEST(shutdown_tells_all);
	TEST(dead_peer_is_noticed);
	TEST(dead_peer_is_noticed_unasked);
	TEST(esp_is_proof_of_life);
	TEST(probe_only_when_quiet);
	TEST(mapping_change_is_followed_only_behind_nat);
	TEST(reload_keeps_or_closes);
	TEST(reload_of_keys);
	TEST(reload_of_what_keys_allow);
	TEST(random_walk);
	TEST(before_our_first_child_is_installed);
	TEST(before_its_child_is_installed);
	return check_done();
}

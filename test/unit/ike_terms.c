/* SPDX-License-Identifier: BSD-3-Clause */
/* The profile that a peer's key or certificate map names: what of it applies, and from when. */
#include "config/pki.h"
#include "control/ike/ike_engine.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

/** The spoke offers both sizes of key, the smaller one first, as the hub's profile has it. */
static void
begin(void)
{
	net_begin(&n);
	n.hub.profile.pfs = n.spoke.profile.pfs = PFS_OFF;
	n.spoke.profile.esp[n.spoke.profile.esp_count++] = net_esp_line(ENCR_AES_GCM_16, 256, 0);
}

/** Its key gets it a profile in which only the larger one is left. */
static struct config_ike_profile *
begin_bound(void)
{
	begin();
	struct config_ike_profile *p = net_bind(&n.hub, "vans");

	p->esp[0].encr_bits = 256;
	return p;
}

static void
begin_pki(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	n.spoke.profile.esp[n.spoke.profile.esp_count++] = net_esp_line(ENCR_AES_GCM_16, 256, 0);
}

static void
go(void)
{
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(n.hub.ups == 1 && net_agrees(&n));
}

static void
rekey(struct node *nd)
{
	ike_child_soft(nd->ike, nd->sending, n.now_ms);
	net_run(&n, 6000);
	CHECK(net_agrees(&n));
	CHECK_EQ(net_children(&n.hub), 1);
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
}

/** What the hub sends on. */
static const struct ike_child_sa *
sending(void)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++)
		if (n.hub.child[i].used && n.hub.child[i].sa.child == n.hub.sending)
			return &n.hub.child[i].sa;
	abort();
}

static void
profiles_seen(void *arg, const struct ike_sa_info *i)
{
	snprintf(arg, 40, "%s %s", i->profile, i->ipsec_profile);
}

/** "LISTENER'S APPLYING" */
static const char *
profiles(void)
{
	static char text[40];

	ike_each_sa(n.hub.ike, n.now_ms, profiles_seen, text);
	return text;
}

/** From the first child on; clouds still see the profile of their address. */
static void
by_key(void)
{
	begin();
	go();
	CHECK_EQ(sending()->encr_bits, 128);
	CHECK_STR(profiles(), "dmvpn dmvpn");
	net_end(&n);
	begin_bound();
	go();
	CHECK_EQ(n.hub.installs, 1);
	CHECK_EQ(sending()->encr_bits, 256);
	CHECK_STR(sending()->profile, "dmvpn");
	CHECK_STR(n.hub.session.profile, "dmvpn");
	CHECK_STR(n.hub.session.binding.profile, "vans");
	CHECK_STR(profiles(), "dmvpn vans");
	rekey(&n.spoke);
	CHECK_EQ(sending()->encr_bits, 256);
	rekey(&n.hub);
	CHECK_EQ(sending()->encr_bits, 256);
	net_end(&n);
}

/** Only the map that lets it in counts, and only once it has. */
static void
by_certificate_map(void)
{
	for (int second = 0; second < 2; second++) {
		begin_pki();
		struct config_ike_profile *p = net_bind(&n.hub, "vans");
		struct config_pki *pki = n.hub.profile.pki;

		p->esp[0].encr_bits = 256;
		pki->maps = calloc(2, sizeof(*pki->maps));
		pki->maps_count = 2;
		for (int i = 0; i < 2; i++) {
			struct config_cert_map *m = &pki->maps[i];

			strcpy(m->match[0].field, "OU");
			strcpy(m->match[0].pattern, "Partners");
			m->match[0].unlike = i == second;
			m->match_count = 1;
			sprintf(m->binding.map, "map%d", i);
		}
		strcpy(pki->maps[1].binding.profile, "vans");
		go();
		CHECK_STR(n.hub.session.binding.map, second ? "map1" : "map0");
		CHECK_EQ(sending()->encr_bits, second ? 256 : 128);
		CHECK_STR(profiles(), second ? "dmvpn vans" : "dmvpn dmvpn");
		net_end(&n);
	}
}

static void
mode(void)
{
	static const struct {
		enum ipsec_mode cloud, key;
		bool asked, tunnel;
	} rows[] = {
		{ MODE_ANY, MODE_TUNNEL, true, true },
		{ MODE_TUNNEL, MODE_ANY, true, false },
		{ MODE_TUNNEL, MODE_TRANSPORT, true, false },
		{ MODE_TRANSPORT, MODE_TUNNEL, false, true },
		{ MODE_TRANSPORT, MODE_ANY, false, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_bound()->mode = rows[i].key;
		n.hub.profile.mode = rows[i].cloud;
		net_start(&n);
		net_initiate(&n, rows[i].asked);
		net_run(&n, 2000);
		CHECK_EQ(sending()->tunnel, rows[i].tunnel);
		rekey(&n.hub);
		CHECK_EQ(sending()->tunnel, rows[i].tunnel);
		net_end(&n);
	}
}

/** A peer that answers our wish for transport mode in tunnel mode: refused, or taken. */
static void
mode_of_an_answer(void)
{
	for (int must = 0; must < 2; must++) {
		begin_bound()->mode = must ? MODE_TRANSPORT : MODE_ANY;
		n.spoke.profile.mode = MODE_TUNNEL;
		net_start(&n);
		net_initiate_from(&n.hub, true);
		net_run(&n, 5000);
		CHECK_EQ(net_children(&n.hub), !must);
		CHECK_EQ(n.hub.events[IKE_REASON_MODE_MISMATCH], must);
		net_end(&n);
	}
}

/** Whether groups are wanted, and which: those that go with its proposals for IKE. */
static void
pfs(void)
{
	static const struct {
		enum pfs cloud, key;
		uint16_t want;
	} rows[] = {
		{ PFS_OFF, PFS_REQUIRE, 19 },
		{ PFS_OFF, PFS_PEER, 19 },
		{ PFS_REQUIRE, PFS_OFF, DH_NONE },
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_ike_profile *p = begin_bound();

		p->pfs = rows[i / 2].key;
		p->ike[0].dh = 19;
		n.hub.profile.pfs = rows[i / 2].cloud;
		n.spoke.profile.pfs = PFS_PEER;
		n.spoke.profile.ike[1] = n.spoke.profile.ike[0];
		n.spoke.profile.ike[1].dh = 19;
		n.spoke.profile.ike_count = 2;
		go();
		CHECK_EQ(net_sa(&n.hub)->suite.dh, 31);
		rekey(i % 2 ? &n.hub : &n.spoke);
		CHECK_EQ(net_child(&n.hub)->suite.dh, rows[i / 2].want);
		ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
		net_run(&n, 6000);
		CHECK_EQ(net_sa(&n.hub)->suite.dh, 31); /* which is none of them */
		CHECK_EQ(net_sa(&n.hub)->peer->rekeys, 1);
		net_end(&n);
	}
}

/** Ours begins with the first group there is; the spoke wants another one of them. */
static void
pfs_with_its_other_group(void)
{
	struct config_ike_profile *p = begin_bound();

	p->pfs = PFS_REQUIRE;
	p->ike[0].dh = 19;
	p->ike[1] = p->ike[0];
	p->ike[1].dh = 20;
	p->ike_count = 2;
	n.spoke.profile.pfs = PFS_REQUIRE;
	n.spoke.profile.ike[1] = n.spoke.profile.ike[0];
	n.spoke.profile.ike[1].dh = 20;
	n.spoke.profile.ike_count = 2;
	go();
	rekey(&n.hub);
	CHECK_EQ(net_child(&n.hub)->suite.dh, 20);
	net_end(&n);
}

/** In seconds, up to a tenth later. */
static bool
is_in(uint64_t at_ms, uint64_t s)
{
	return at_ms >= n.now_ms + (s - 10) * 1000 && at_ms <= n.now_ms + s * 1100;
}

/** Also of the IKE SA that follows. */
static void
lifetimes(void)
{
	struct config_ike_profile *p = begin_bound();

	p->esp_lifetime_s = 1000;
	p->ike_lifetime_s = 5000;
	p->esp_lifetime_packets = 1000000;
	p->esp_lifetime_mb = 100;
	p->replay_window = 64;
	p->dpd_s = 20;
	n.hub.profile.dpd_s = 3;
	n.hub.profile.esp_lifetime_s = 300;
	n.hub.profile.ike_lifetime_s = 600;
	go();
	for (int round = 0; round < 2; round++) {
		const struct ike_child_sa *c = sending();
		const struct ike_sa *sa = net_sa(&n.hub);

		CHECK(is_in(net_child(&n.hub)->soft_ms, 1000));
		CHECK(is_in(sa->soft_ms, 5000));
		CHECK(c->soft_packets >= 900000 && c->soft_packets <= 1000000);
		CHECK(c->soft_bytes >= 90000000 && c->soft_bytes <= 100000000);
		CHECK_EQ(c->replay_window, 64);
		CHECK_EQ(ike_sa_life_due_ms(sa), sa->peer->life_ms + 60000);
		CHECK_STR(profiles(), "dmvpn vans");
		ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
		net_run(&n, 6000);
		CHECK_EQ(net_sa(&n.hub)->peer->rekeys, round + 1);
		CHECK_EQ(n.hub.installs, round + 2);
	}
	net_end(&n);
}

static void
liveness(void)
{
	for (int never = 0; never < 2; never++) {
		begin_bound()->dpd_s = never ? 0 : 10;
		n.hub.profile.dpd_s = never ? 10 : 0;
		go();
		n.cut = true;
		net_run(&n, 5000);
		unsigned sent = n.sent;

		ike_probe(n.hub.ike, n.hub.session.session, n.now_ms);
		CHECK_EQ(n.sent - sent, 0);
		net_run(&n, 6000);
		ike_probe(n.hub.ike, n.hub.session.session, n.now_ms);
		CHECK_EQ(n.sent - sent, !never);
		net_run(&n, 120000);
		CHECK_EQ(n.hub.downs, !never);
		net_end(&n);
	}
}

static void
children_at_a_time(void)
{
	for (uint16_t most = 1; most <= 2; most++) {
		begin_bound()->max_children = most;
		n.hub.profile.max_children = 3 - most;
		go();
		net_ask_child(&n);
		CHECK_EQ(net_children(&n.hub), most);
		CHECK_EQ(n.hub.events[IKE_REASON_TOO_MANY_CHILDREN], most == 1);
		net_end(&n);
	}
}

/** What is broken is for those alone whose key says so. */
static void
legacy(void)
{
	static const struct config_proposal weak = {
		.encr = ENCR_3DES, .integ = AUTH_HMAC_SHA1_96, .weak = 1
	};

	for (int bound = 0; bound < 2; bound++) {
		begin();
		n.spoke.profile.esp[0] = weak;
		n.spoke.profile.esp_count = 1;
		struct config_ike_profile *p = net_bind(&n.hub, "vans");

		p->esp[p->esp_count++] = weak;
		if (!bound)
			n.hub.psks[0].binding.profile[0] = '\0';
		net_start(&n);
		net_initiate(&n, true);
		net_run(&n, 2000);
		CHECK_EQ(n.hub.installs, bound);
		CHECK_EQ(n.hub.events[IKE_REASON_ESP_LEGACY_ONLY], !bound);
		net_end(&n);
	}
}

/** A key that gets another profile: the spoke stays, its next rekey is by that one. */
static void
reload_to_another(void)
{
	for (int way = 0; way < 4; way++) {
		struct node *nd = way & 1 ? &n.hub : &n.spoke;
		bool back = way & 2;

		begin_bound()->mode = MODE_TUNNEL;
		if (!back)
			n.hub.psks[0].binding.profile[0] = '\0';
		go();
		CHECK_EQ(sending()->encr_bits, back ? 256 : 128);
		strcpy(n.hub.psks[0].binding.profile, back ? "" : "vans");
		net_configure(&n.hub);
		CHECK_STR(profiles(), back ? "dmvpn dmvpn" : "dmvpn vans");
		CHECK_STR(n.hub.session.binding.profile, back ? "" : "vans");
		CHECK_EQ(n.hub.rebound, 1);
		net_run(&n, 10000);
		CHECK_EQ(n.hub.installs, 1);
		CHECK_EQ(sending()->encr_bits, back ? 256 : 128);
		CHECK_EQ(sending()->tunnel, back);
		/* Its own rekeys are by what it was configured with: that follows ours. */
		n.spoke.profile.esp[0].encr_bits = back ? 128 : 256;
		n.spoke.profile.esp_count = 1;
		net_configure(&n.spoke);
		rekey(nd);
		CHECK_EQ(sending()->encr_bits, back ? 128 : 256);
		CHECK(sending()->tunnel); /* where any mode will do it stays as it is */
		net_end(&n);
	}
}

/** Behind a NAT the selectors of the two modes differ. */
static void
reload_of_mode_through_nat(void)
{
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		begin_bound()->mode = tunnel ? MODE_TUNNEL : MODE_TRANSPORT;
		n.hub.psks[0].binding.profile[0] = '\0';
		n.hub.profile.mode = tunnel ? MODE_TRANSPORT : MODE_TUNNEL;
		n.nat_spoke = true;
		go();
		CHECK_EQ(sending()->tunnel, !tunnel);
		strcpy(n.hub.psks[0].binding.profile, "vans");
		net_configure(&n.hub);
		rekey(&n.hub);
		CHECK_EQ(sending()->tunnel, tunnel);
		CHECK_EQ(sending()->encr_bits, 256);
		CHECK(addr_equal(
			&sending()->ts_remote, tunnel ? &n.spoke.addr : &sending()->path.remote));
		CHECK(addr_equal(&sending()->remote_claimed, &n.spoke.addr));
		net_end(&n);
	}
}

/** A spoke that selects by ranges never says what it is behind its NAT. */
static void
reload_of_mode_of_who_selects_ranges(void)
{
	begin_bound()->mode = MODE_TUNNEL;
	n.hub.psks[0].binding.profile[0] = '\0';
	n.nat_spoke = true;
	go();
	net_child(&n.hub)->remote_claimed = (struct addr){ 0 };
	strcpy(n.hub.psks[0].binding.profile, "vans");
	net_configure(&n.hub);
	rekey(&n.hub);
	CHECK(sending()->tunnel);
	CHECK(addr_equal(&sending()->ts_remote, &n.spoke.addr));
	net_end(&n);
}

/** What was asked for before a reload is taken as it was asked. */
static void
reload_before_an_answer(void)
{
	for (int ike = 0; ike < 2; ike++) {
		begin_bound();
		n.hub.psks[0].binding.profile[0] = '\0';
		n.spoke.profile.ike[1] = n.spoke.profile.ike[0];
		n.spoke.profile.ike[1].dh = 19;
		n.spoke.profile.ike_count = 2;
		go();
		unsigned lost = n.esp_lost;

		if (ike)
			ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
		else
			ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
		net_run(&n, 1);
		n.hub.profile.ike[0].dh = 19;
		strcpy(n.hub.psks[0].binding.profile, "vans");
		net_configure(&n.hub);
		net_run(&n, 50000);
		CHECK(net_agrees(&n));
		CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
		CHECK_EQ(n.hub.ups, 1);
		CHECK_EQ(n.hub.events[IKE_REASON_REKEY_FAILED], 0);
		CHECK_EQ(n.esp_lost, lost);
		CHECK_EQ(net_sa(&n.hub)->peer->rekeys, ike);
		CHECK_EQ(n.hub.installs, 2);
		CHECK_EQ(sending()->encr_bits, ike ? 256 : 128); /* its child: asked for later */
		rekey(&n.hub); /* and the next is by what is new */
		ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms);
		net_run(&n, 6000);
		CHECK_EQ(net_sa(&n.hub)->suite.dh, 19);
		CHECK_EQ(sending()->encr_bits, 256);
		net_end(&n);
	}
}

/** All that now applies is asked for at once: suites, with every group or none, and ESN. */
static void
reload_asks_for_all(void)
{
	for (int way = 0; way < 4; way++) {
		bool esn = way & 1, group = way & 2;
		struct config_ike_profile *p = begin_bound();

		p->pfs = PFS_PEER;
		n.spoke.profile.pfs = group ? PFS_REQUIRE : PFS_OFF;
		n.hub.profile.esp[0].esn = 1;
		n.hub.psks[0].binding.profile[0] = '\0';
		if (esn) {
			p->esp[0] = n.hub.profile.esp[0];
			p->esp[0].esn = 2;
		}
		go();
		CHECK(!sending()->esn);
		strcpy(n.hub.psks[0].binding.profile, "vans");
		net_configure(&n.hub);
		unsigned sent = n.sent;

		rekey(&n.hub);
		CHECK_EQ(n.sent - sent, 4); /* new keys, and the old SA's delete */
		CHECK_EQ(sending()->encr_bits, esn ? 128 : 256);
		CHECK_EQ(sending()->esn, 1);
		CHECK_EQ(net_child(&n.hub)->suite.dh, group ? 31 : DH_NONE);
		net_end(&n);
	}
}

/** The profile is as it is named by the key, not as it was when the session began. */
static void
reload_of_the_profile(void)
{
	begin_bound()->esp_lifetime_s = 1000;
	go();
	n.hub.bound[0].esp_lifetime_s = 3000;
	net_configure(&n.hub);
	CHECK_EQ(n.hub.rebound, 0);
	CHECK(is_in(net_child(&n.hub)->soft_ms, 1000));
	rekey(&n.spoke);
	CHECK(is_in(net_child(&n.hub)->soft_ms, 3000));
	CHECK_EQ(n.hub.downs, 0);
	net_end(&n);
}

/** We begin. By a shared key its profile is expected, and the child asked for by that. */
static void
begun_by_us_with_a_key(void)
{
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		begin_bound()->mode = tunnel ? MODE_TUNNEL : MODE_ANY;
		net_start(&n);
		CHECK(net_initiate_from(&n.hub, true) != 0);
		net_run(&n, 2000);
		CHECK(net_agrees(&n));
		CHECK_EQ(n.hub.installs, 1);
		CHECK_EQ(sending()->encr_bits, 256);
		CHECK_EQ(sending()->tunnel, tunnel);
		CHECK_STR(profiles(), "dmvpn vans");
		net_end(&n);
	}
}

/** Who will prove what by certificate is not known: what was agreed without is made anew at once.
 */
static void
begun_by_us_with_a_certificate(void)
{
	static const struct {
		uint16_t bits; /* of the map's profile */
		enum ipsec_mode mode;
		unsigned installs;
	} rows[] = {
		{ 256, MODE_ANY, 2 },
		{ 128, MODE_ANY, 1 },
		{ 128, MODE_TUNNEL, 2 },
		{ 128, MODE_TRANSPORT, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin_pki();
		struct config_ike_profile *p = net_bind(&n.hub, "vans");
		struct config_pki *pki = n.hub.profile.pki;

		p->esp[0].encr_bits = rows[i].bits;
		p->mode = rows[i].mode;
		pki->maps = calloc(1, sizeof(*pki->maps));
		pki->maps_count = 1;
		strcpy(pki->maps[0].binding.profile, "vans");
		net_start(&n);
		CHECK(net_initiate_from(&n.hub, true) != 0);
		net_run(&n, 6000);
		CHECK(net_agrees(&n));
		CHECK_EQ(net_children(&n.hub), 1);
		CHECK_EQ(n.hub.installs, rows[i].installs);
		CHECK_EQ(sending()->encr_bits, rows[i].bits);
		CHECK_EQ(sending()->tunnel, rows[i].mode == MODE_TUNNEL);
		net_end(&n);
	}
}

/** A key is nothing to go by, unless it is what we begin with. */
static void
begun_by_us_beside_a_key(void)
{
	for (int by_key = 0; by_key < 2; by_key++) {
		begin_pki();
		n.hub.psks[0] = net_psk("a key of others");
		n.hub.psks_count = n.spoke.psks_count = 1;
		n.spoke.psks[0] = net_psk("a key of others");
		net_bind(&n.hub, "vans")->esp[0].encr_bits = 256;
		net_start(&n);
		struct ike_dial dial = { .path = { .local = n.hub.addr,
						 .remote = n.spoke.addr,
						 .local_port = IKE_PORT,
						 .remote_port = IKE_PORT },
			.psk = by_key };

		CHECK(ike_initiate(n.hub.ike, &dial, n.now_ms) != 0);
		net_run(&n, 6000);
		CHECK_EQ(n.hub.ups, 1);
		CHECK_EQ(n.hub.installs, 1);
		CHECK_EQ(sending()->encr_bits, by_key ? 256 : 128);
		net_end(&n);
	}
}

int
main(void)
{
	TEST(by_key);
	TEST(by_certificate_map);
	TEST(mode);
	TEST(mode_of_an_answer);
	TEST(pfs);
	TEST(pfs_with_its_other_group);
	TEST(lifetimes);
	TEST(liveness);
	TEST(children_at_a_time);
	TEST(legacy);
	TEST(reload_to_another);
	TEST(reload_of_mode_through_nat);
	TEST(reload_of_mode_of_who_selects_ranges);
	TEST(reload_before_an_answer);
	TEST(reload_asks_for_all);
	TEST(reload_of_the_profile);
	TEST(begun_by_us_with_a_key);
	TEST(begun_by_us_with_a_certificate);
	TEST(begun_by_us_beside_a_key);
	return check_done();
}

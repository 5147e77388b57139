/* SPDX-License-Identifier: BSD-3-Clause */
/** Several clouds of one address: one session, one pair of SAs, a link in each cloud. */
#include <errno.h>

#include "test/lib/check.h"
#include "test/lib/spoke_rig.h"

static const struct rig_who seven = { "seven.example", "198.51.100.7", 0 };

/** Three protected clouds with keys 1, 2, 3, one of another profile, one in clear. */
static void
begin(void)
{
	rig_begin();
	for (uint16_t id = 1; id <= 3; id++)
		rig_cloud(id, id, "branch");
	rig_cloud(4, 4, "other");
	rig_cloud(5, 5, NULL);
}

static void
end(void)
{
	rig_end();
	for (int i = 0; i < RIG_PEERS; i++)
		CHECK(!rig.dp.peer[i].used);
	for (int i = 0; i < RIG_SAS; i++)
		CHECK_EQ(rig.dp.sa[i].spi, 0);
}

/** The chain of peers from the one the SA is attached to, as "2 3 1". */
static const char *
chain(uint32_t spi)
{
	static char text[64];
	size_t at = 0;
	uint32_t peer = 0;

	for (int i = 0; i < RIG_SAS; i++)
		if (rig.dp.sa[i].spi == spi)
			peer = rig.dp.sa[i].peer;
	for (text[0] = '\0'; peer != 0; peer = rig.dp.peer[peer].spec.sibling) {
		if (at > sizeof(text) - 16 || !rig.dp.peer[peer].used)
			return "broken";
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s%u", at > 0 ? " " : "", peer);
	}
	return text;
}

/** Nobody can say which cloud a spoke means until it speaks NHRP there. */
static void
cloud_is_known_by_nhrp(void)
{
	begin();
	rig_up(&seven, "branch");
	CHECK_EQ(rig_shown("")->state, SPOKE_CHILD); /* not said to be in the first one */
	rig_mark();
	rig_register(2, 1, "10.0.2.11", &seven, 600);
	CHECK(rig_did("peer+2", "share2=1", "move500@2", "peer-1", "nbma+10.0.2.11@2", NULL));
	CHECK_STR(chain(500), "2");
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig.dp.peer[2].spec.cloud, 2);
	CHECK_EQ(rig.dp.peer[2].out, 900);
	end();
}

static void
two_clouds_one_sa(void)
{
	uint64_t session;

	begin();
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_register(2, 1, "10.0.2.11", &seven, 600); /* through the SA's own peer */
	CHECK_STR(chain(500), "1 2");
	CHECK_EQ(rig.dp.peer[2].out, 900);
	rig_register(2, 2, "10.0.2.11", &seven, 600); /* from now on as its own */
	rig_register(2, 1, "10.0.2.11", &seven, 600); /* one that was on its way */
	CHECK_EQ(rig_rows(), 2);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig_shown("cloud1")->session, rig_shown("cloud2")->session);
	/* A rekey switches both, a loss closes both before anything else. */
	rig_mark();
	rig_child(session);
	rig_child_gone(session, 22, IKE_REASON_REKEYED);
	CHECK(rig_did("in+501@1", "out1=901", "share2=1", "in-500/5000", NULL));
	CHECK_EQ(rig.dp.peer[2].out, 901);
	rig_mark();
	rig_gone(session, IKE_REASON_PEER_SILENT);
	CHECK(rig_did("out1=0", "out2=0", "nbma-10.0.1.11", "nbma-10.0.2.11", "in-501/0", NULL));
	CHECK_EQ(rig.dp.peer[1].spec.sibling, 0); /* its number may be another's soon */
	CHECK_STR(rig_shown("cloud1")->reason, "peer_silent");
	CHECK_STR(rig_shown("cloud2")->reason, "peer_silent");
	/* It comes back: in both clouds at once, not by a guess. */
	rig_up(&seven, "branch");
	CHECK_EQ(rig_rows(), 2);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	end();
}

/** The profile that made the SA decides, not the key a spoke writes. */
static void
only_clouds_of_its_profile(void)
{
	begin();
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_mark();
	rig_register(4, 1, "10.0.4.11", &seven, 600);
	CHECK_EQ(rig_bound(4, "10.0.4.11"), 0);
	rig_register(5, 1, "10.0.5.11", &seven, 600);
	CHECK_EQ(rig_bound(5, "10.0.5.11"), 0);
	CHECK_STR(rig.trace, "");
	CHECK_EQ(rig_rows(), 1);
	end();
}

/** Clouds go one by one: who stays in the others loses nothing. */
static void
clouds_go(void)
{
	uint64_t session;

	begin();
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_register(2, 1, "10.0.2.11", &seven, 600);
	rig_register(3, 1, "10.0.3.11", &seven, 600);
	rig_child(session); /* SAs 500 and 501 */
	CHECK_STR(chain(500), "1 2 3");
	rig_mark();
	spokes_cloud_close(rig.s, 2, rig.now_ms);
	CHECK_STR(chain(500), "1 3");
	spokes_cloud_close(rig.s, 1, rig.now_ms);
	CHECK_STR(chain(500), "3");
	CHECK_STR(chain(501), "3");
	CHECK(rig_did("move501@3", "peer-1", NULL));
	CHECK(rig_did_not("out3=0"));
	CHECK(rig_did_not("nbma-10.0.3.11"));
	CHECK(rig_did_not("close:21"));
	CHECK_EQ(rig_shown("cloud3")->state, SPOKE_FORWARDING);
	rig_child(session);
	CHECK_EQ(rig.dp.peer[3].out, 902);
	rig_mark();
	spokes_cloud_close(rig.s, 3, rig.now_ms); /* the last: the spoke is told */
	CHECK(rig_did("close:21", "out3=0", "nbma-10.0.3.11", "peer-3", NULL));
	CHECK_EQ(rig_rows(), 0);
	end();
}

/** A session whose key or map allows one cloud, addresses of a network there, as a group. */
static uint64_t
bound_session(const char *map, const char *cloud, const char *overlay)
{
	struct config_binding *b = &rig.session[0].info.binding;
	uint64_t session = rig_session(&seven, "branch");

	spoke_ike_ops.peer_down(rig.s, &rig.session[0].info, IKE_REASON_OPERATOR);
	*b = (struct config_binding){ 0 };
	strcpy(b->map, map);
	strcpy(b->cloud, cloud);
	strcpy(b->profile, "vans"); /* whose IPsec applies: clouds are of the listener's */
	b->overlay_count = prefix_parse(overlay, &b->overlay[0]) == 0;
	spoke_ike_ops.peer_up(rig.s, &rig.session[0].info);
	return session;
}

/** What a secret or certificate map binds a spoke to holds, whatever it asks for. */
static void
bound_to_cloud_and_addresses(void)
{
	for (int by_map = 0; by_map < 2; by_map++) {
		begin();
		rig_child(bound_session(by_map ? "branches" : "", "cloud2", "10.0.2.16/28"));
		CHECK_EQ(rig_shown("cloud2")->state, SPOKE_CHILD); /* no guess: there is one only */
		CHECK_STR(rig_shown("cloud2")->reason, "not_registered");
		rig_register(1, 1, "10.0.1.11", &seven, 600);
		CHECK_EQ(rig_bound(1, "10.0.1.11"), 0);
		rig_register(2, 1, "10.0.2.11", &seven, 600);
		CHECK_EQ(rig_bound(2, "10.0.2.11"), 0);
		CHECK_STR(rig_shown("cloud2")->reason, "overlay_not_allowed");
		CHECK_STR(rig_shown("cloud2")->detail,
			by_map ? "it wants to register 10.0.2.11/32, but \"overlay\" of its map "
				 "branches allows 10.0.2.16/28: change the address of its tunnel, "
				 "or "
				 "\"overlay\" here"
			       : "it wants to register 10.0.2.11/32, but \"overlay\" of its entry "
				 "under secrets allows 10.0.2.16/28: change the address of its "
				 "tunnel, or \"overlay\" here");
		rig_register(2, 1, "10.0.2.17", &seven, 600);
		CHECK_EQ(rig_bound(2, "10.0.2.17"), 1);
		CHECK(rig_shown("cloud2")->reason == NULL);
		end();
	}
}

/** Another spoke that says it is the same one has its own limits: each session counts alone. */
static void
bound_by_its_own_session(void)
{
	begin();
	rig_child(bound_session("", "cloud2", "10.0.2.16/28"));
	rig_up(&seven, "branch"); /* let in by a key that allows anything */
	rig_register(2, 2, "10.0.2.11", &seven, 600);
	CHECK_EQ(rig_bound(2, "10.0.2.11"), 3);
	rig_register(2, 1, "10.0.2.12", &seven, 600);
	CHECK_EQ(rig_bound(2, "10.0.2.12"), 0);
	end();
}

/** Its cloud is not at the address it dials: no child SA, and the engine knows why. */
static void
bound_to_a_cloud_elsewhere(void)
{
	uint64_t child;

	begin();
	CHECK_EQ(rig_child_install(bound_session("", "cloud4", ""), &child), -EACCES);
	end();
}

static bool
rebind(const char *cloud, const char *overlay)
{
	struct ike_session s = rig.session[0].info;

	s.binding = (struct config_binding){ 0 };
	strcpy(s.binding.cloud, cloud);
	s.binding.overlay_count = prefix_parse(overlay, &s.binding.overlay[0]) == 0;
	return spoke_ike_ops.binding_changed(rig.s, &s);
}

/** The configuration changed: does what it has still fit? From now on the new rules count. */
static void
bound_anew(void)
{
	begin();
	rig_child(bound_session("", "", ""));
	rig_register(2, 1, "10.0.2.17", &seven, 600);
	CHECK_EQ(rig_bound(2, "10.0.2.17"), 2);
	CHECK(rebind("cloud2", "10.0.2.16/28"));
	rig_register(2, 2, "10.0.2.11", &seven, 600);
	CHECK_EQ(rig_bound(2, "10.0.2.11"), 0);
	CHECK_EQ(rig_bound(2, "10.0.2.17"), 2);
	CHECK(!rebind("cloud2", "10.0.2.0/28"));
	CHECK(!rebind("cloud1", ""));
	CHECK(rebind("", ""));
	end();
}

/** Two IKE SAs from one address, one for each tunnel: both stay, each in its cloud. */
static void
two_sessions_of_one_spoke(void)
{
	begin();
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&seven, "branch");
	rig_register(2, 2, "10.0.2.11", &seven, 600);
	CHECK_EQ(rig_rows(), 2);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	CHECK(rig_shown("cloud1")->session != rig_shown("cloud2")->session);
	CHECK_STR(chain(500), "1");
	end();
}

int
main(void)
{
	TEST(cloud_is_known_by_nhrp);
	TEST(two_clouds_one_sa);
	TEST(only_clouds_of_its_profile);
	TEST(clouds_go);
	TEST(bound_to_cloud_and_addresses);
	TEST(bound_by_its_own_session);
	TEST(bound_to_a_cloud_elsewhere);
	TEST(bound_anew);
	TEST(two_sessions_of_one_spoke);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** What becomes of a spoke: the order of its coming and going, and who keeps what. */
#include <errno.h>

#include "test/lib/check.h"
#include "test/lib/spoke_rig.h"

static const struct rig_who seven = { "seven.example", "198.51.100.7", 0 };
static const struct rig_who eight = { "eight.example", "198.51.100.8", 0 };

/** Nothing is left in the data plane once everybody is gone. */
static void
nothing_left(void)
{
	for (int i = 0; i < RIG_PEERS; i++) {
		CHECK(!rig.dp.peer[i].used);
		CHECK_EQ(rig.dp.nbma[i].cloud, 0);
	}
	for (int i = 0; i < RIG_SAS; i++)
		CHECK_EQ(rig.dp.sa[i].spi, 0);
}

static void
end(void)
{
	rig_end();
	nothing_left();
}

static void
inbound_first_outbound_last(void)
{
	uint64_t session, child;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_session(&seven, "branch");
	CHECK_EQ(rig_shown("")->state, SPOKE_IKE);
	CHECK_EQ(rig_child_install(session, &child), 0);
	CHECK(rig_did("peer+1", "in+500@1", NULL));
	CHECK(rig_did_not("installed:22")); /* the answer waits for the data plane */
	CHECK_EQ(rig.dp.peer[1].out, 0);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_IKE);
	spokes_message(
		rig.s, &(struct dp_msg){ .type = DP_SA_ATTACHED, .cookie = child }, rig.now_ms);
	CHECK(rig_did("in+500@1", "installed:22", NULL));
	spoke_ike_ops.child_use_outbound(rig.s, child);
	CHECK(rig_did("installed:22", "out1=900", NULL));
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_CHILD);
	rig_register(1, 1, "10.0.1.11", &seven, 60);
	CHECK(rig_did("out1=900", "nbma+10.0.1.11@1", "route+10.0.1.11/32#1", NULL));
	CHECK_EQ(rig.dp.gre_peer, 1);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	CHECK(rig_shown("cloud1")->reason == NULL);
	end();
}

/** The data plane makes the SPIs of IKE SAs, so that it knows them; each from a new number. */
static void
ike_spis_are_the_data_planes(void)
{
	uint64_t a, b;

	rig_begin();
	a = spoke_ike_ops.ike_spi(rig.s);
	b = spoke_ike_ops.ike_spi(rig.s);
	CHECK_EQ((uint32_t)a, RIG_SPI_MARK);
	CHECK_EQ((uint32_t)b, RIG_SPI_MARK);
	CHECK(a != b);
	spoke_ike_ops.ike_spi_proven(rig.s, a);
	spoke_ike_ops.ike_spi_free(rig.s, b);
	CHECK_EQ(rig.dp.ike_spi_proven, a);
	CHECK_EQ(rig.dp.ike_spi_free, b);
	end();
}

/** Loss closes at once; the outbound half before anything else. */
static void
close_first(void)
{
	uint64_t session;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 60);
	rig_mark();
	rig_gone(session, IKE_REASON_PEER_SILENT);
	CHECK(rig_did("out1=0", "nbma-10.0.1.11", "in-500/0", NULL));
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 0);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_DOWN);
	CHECK_STR(rig_shown("cloud1")->reason, "peer_silent");
	CHECK(nhrp_bindings_count(rig.nhrp, 1) == 1); /* remembered until its holding time */
	rig_run(120000);
	CHECK_EQ(nhrp_bindings_count(rig.nhrp, 1), 0);
	CHECK_EQ(rig_rows(), 0);
	nothing_left();
	end();
}

static void
comes_back_at_once(void)
{
	struct rig_who other = { "other.example", "198.51.100.7", 0 };
	uint64_t session;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_gone(session, IKE_REASON_PEER_DELETED);
	rig_run(5000);
	rig_mark();
	rig_up(&seven, "branch"); /* without a new registration */
	CHECK(rig_did("in+501@2", "out2=901", "nbma+10.0.1.11@2", "peer-1", NULL));
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	/* Another identity at the same address gets nothing of it. */
	rig_gone(rig_shown("cloud1")->session, IKE_REASON_PEER_DELETED);
	rig_up(&other, "branch");
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 0);
	CHECK_EQ(rig_rows(), 2);
	end();
}

/** A rekey: the old inbound SA stays for what is in flight, nothing is closed between. */
static void
rekey_keeps_it_open(void)
{
	uint64_t session;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_mark();
	rig_child(session);
	rig_child_gone(session, 22, IKE_REASON_REKEYED);
	CHECK(rig_did("in+501@1", "out1=901", "in-500/5000", NULL));
	CHECK(rig_did_not("out1=0"));
	CHECK(rig_did_not("nbma-10.0.1.11"));
	/* The one in use goes while another was never switched to: that one takes over. */
	uint64_t spare;

	CHECK_EQ(rig_child_install(session, &spare), 0);
	rig_child_gone(session, 23, IKE_REASON_PEER_DELETED);
	CHECK(rig_did("out1=902", "in-501/0", NULL));
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 1);
	/* The engine says so later: its keys were wiped, nothing may be switched again. */
	rig_mark();
	spoke_ike_ops.child_use_outbound(rig.s, spare);
	CHECK(rig_did_not("out1=902"));
	end();
}

static void
address_changes_behind_nat(void)
{
	struct rig_who nat = { "seven.example", "203.0.113.5", 40001 };
	struct ike_path path;
	uint64_t session;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&nat, "branch");
	rig_register(1, 1, "10.0.1.11", &nat, 600);
	CHECK_EQ(rig_shown("cloud1")->port, 40001);
	CHECK(rig_shown("cloud1")->nat);
	path = rig.session[0].info.path;
	path.remote_port = 40002;
	addr_parse("203.0.113.6", &path.remote);
	spoke_ike_ops.child_moved(rig.s, 22, &path);
	CHECK_EQ(rig.dp.peer[1].spec.udp_remote, 40002);
	CHECK(addr_equal(&rig.dp.peer[1].spec.remote, &path.remote));
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 1);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	CHECK_EQ(rig_shown("cloud1")->session, session);
	end();
}

/** A second session of the same spoke: the registration passes to it, the first link ends. */
static void
binding_passes_to_the_twin(void)
{
	uint64_t one;

	rig_begin();
	rig_cloud(1, 1, "branch");
	one = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&seven, "branch");
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 1);
	rig_gone(one, IKE_REASON_REPLACED);
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 2);
	CHECK_EQ(rig.dp.peer[2].spec.multicast, true);
	CHECK_EQ(rig.dp.peer[1].spec.multicast, false);
	rig_run(700000);
	rig_register(1, 2, "10.0.1.11", &seven, 600);
	CHECK_EQ(rig_rows(), 1); /* not kept alive by an address it no longer has */
	CHECK(!rig.dp.peer[1].used);
	end();
}

/** A spoke that restarted without a word: its old session goes when the new one registered. */
static void
newer_session_ends_the_older(void)
{
	static const struct rig_who moved = { "seven.example", "198.51.100.77", 0 };

	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&eight, "branch");
	rig_up(&moved, "branch");
	rig_mark();
	rig_run(5000);
	CHECK(rig_did_not("close:21")); /* still the only one with the address */
	rig_register(1, 3, "10.0.1.11", &moved, 600);
	rig_run(3000);
	CHECK(rig_did("close:21", NULL));
	CHECK(rig_did_not("close:23"));
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 3);
	CHECK_EQ(rig_rows(), 2); /* eight never registered and stays */
	end();
}

/**
 * Authenticated anew before the older session ends: what comes by the newer one is as good, from
 * the same outer address only, and until the older peer's number may be another's.
 */
static void
newer_session_beside_the_older(void)
{
	static const struct rig_who moved = { "seven.example", "198.51.100.77", 0 };
	uint64_t older;

	rig_begin();
	rig_cloud(1, 1, "branch");
	older = rig_up(&seven, "branch");
	CHECK_EQ(rig.dp.peer[1].spec.twin, 0);
	rig_up(&seven, "branch");
	CHECK_EQ(rig.dp.peer[2].spec.twin, 0); /* nothing is registered yet */
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&seven, "branch");
	CHECK_EQ(rig.dp.peer[3].spec.twin, 1);
	rig_up(&moved, "branch");
	CHECK_EQ(rig.dp.peer[4].spec.twin, 0);
	rig_up(&eight, "branch");
	CHECK_EQ(rig.dp.peer[5].spec.twin, 0);
	rig_gone(older, IKE_REASON_PEER_DELETED);
	rig_run(1000);
	CHECK(rig_bound(1, "10.0.1.11") != 1);
	CHECK(!rig.dp.peer[1].used);
	CHECK_EQ(rig.dp.peer[3].spec.twin, 0);
	end();
}

static void
count_refused(void *arg, const struct spoke_info *i)
{
	unsigned *n = arg;

	if (i->reason != NULL && strcmp(i->reason, "refused_owner") == 0 &&
		strstr(i->detail, "a key for several") != NULL)
		++*n;
}

/**
 * Who proves the name of a spoke by less neither sends as that spoke while it is there, nor gets
 * its address, nor ends its session; and is told why. By more, or when it is gone: all of that.
 */
static void
name_proven_by_less(void)
{
	const struct authority weak = { .kind = AUTHORITY_KEY },
			       strong = { .kind = AUTHORITY_CERTIFICATE };

	for (int stronger = 0; stronger < 2; stronger++) {
		uint64_t older;

		rig_begin();
		rig_cloud(1, 1, "branch");
		rig.authority = stronger ? weak : strong;
		older = rig_up(&seven, "branch");
		rig_register(1, 1, "10.0.1.11", &seven, 600);
		rig.authority = stronger ? strong : weak;
		rig_up(&seven, "branch");
		CHECK_EQ(rig.dp.peer[2].spec.twin, stronger);
		rig_register(1, 2, "10.0.1.11", &seven, 600);
		CHECK_EQ(rig_bound(1, "10.0.1.11"), stronger ? 2 : 1);
		rig_mark();
		rig_run(3000);
		CHECK(stronger ? rig_did("close:21", NULL) : rig_did_not("close:21"));
		if (!stronger) {
			unsigned told = 0;

			spokes_each(rig.s, rig.now_ms, count_refused, &told);
			CHECK_EQ(told, 1);
			CHECK_EQ(rig_rows(), 2);
			rig_gone(older, IKE_REASON_PEER_SILENT);
			CHECK_EQ(rig_bound(1, "10.0.1.11"), 0); /* not by itself */
			rig_register(1, 2, "10.0.1.11", &seven, 600);
			CHECK_EQ(rig_bound(1, "10.0.1.11"), 2);
			CHECK_EQ(rig_rows(), 1);
			CHECK(rig_shown("cloud1")->reason == NULL);
		}
		end();
	}
}

/** Nor does it when the address was let go: the session that had it stays. */
static void
weaker_session_outlives_nobody(void)
{
	rig_begin();
	rig_cloud(1, 1, "branch");
	rig.authority.kind = AUTHORITY_CERTIFICATE;
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 60);
	rig.authority.kind = AUTHORITY_OWN_KEY;
	rig_up(&seven, "branch");
	rig_run(61000);
	rig_register(1, 2, "10.0.1.11", &seven, 60);
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 2);
	rig_mark();
	rig_run(3000);
	CHECK(rig_did_not("close:21"));
	end();
}

static void
clear_starts_it_anew(void)
{
	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&eight, "branch");
	rig_register(1, 2, "10.0.1.12", &eight, 600);
	CHECK_EQ(spokes_clear(rig.s, "nobody", rig.now_ms), 0);
	CHECK_EQ(spokes_clear(rig.s, "10.0.1.11", rig.now_ms), 1);
	CHECK(rig_did("close:21", NULL));
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 0);
	CHECK_EQ(nhrp_bindings_count(rig.nhrp, 1), 1);
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(spokes_clear(rig.s, "eight.example", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 0);
	nothing_left();
	end();
}

/** By a name that is known still, else by an address; never beside a session. */
static void
begun_from_here(void)
{
	static const struct rig_who nine = { "nine.example", "198.51.100.9", 4711 };
	struct ike_path path;
	uint64_t session;

	rig_begin();
	CHECK_EQ(spokes_initiate(rig.s, "198.51.100.7", 0, rig.now_ms, &path), -EXDEV);
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	CHECK_EQ(spokes_initiate(rig.s, "10.0.1.11", 0, rig.now_ms, &path), -EEXIST);
	CHECK_EQ(spokes_initiate(rig.s, "198.51.100.7", 0, rig.now_ms, &path), -EEXIST);
	rig_gone(session, IKE_REASON_PEER_SILENT);
	CHECK_EQ(spokes_initiate(rig.s, "nobody", 0, rig.now_ms, &path), -ENOENT);
	CHECK_EQ(spokes_initiate(rig.s, "10.0.1.11", 0, rig.now_ms, &path), 0);
	CHECK(rig_did("dial:198.51.100.7:500>500/seven.example", NULL));
	CHECK(addr_equal(&path.local, &rig.dp.peer[1].spec.local));
	rig_mark();
	CHECK_EQ(spokes_initiate(rig.s, "198.51.100.8", SPOKE_BY_PSK, rig.now_ms, &path), 0);
	CHECK(rig_did("dial:198.51.100.8:500>500/psk/", NULL));
	rig_mark();
	CHECK_EQ(
		spokes_initiate(rig.s, "198.51.100.8", SPOKE_IN_TUNNEL_MODE, rig.now_ms, &path), 0);
	CHECK(rig_did("dial:198.51.100.8:500>500/tunnel/", NULL));

	/* Behind a NAT: by the port it had. */
	session = rig_up(&nine, "branch");
	rig_register(1, 2, "10.0.1.19", &nine, 600);
	rig_gone(session, IKE_REASON_PEER_SILENT);
	CHECK_EQ(spokes_initiate(rig.s, "nine.example", 0, rig.now_ms, &path), 0);
	CHECK(rig_did("dial:198.51.100.9:4711>4500/natt/nine.example", NULL));
	rig.refuse_dial = true;
	CHECK_EQ(spokes_initiate(rig.s, "nine.example", 0, rig.now_ms, &path), -EBUSY);
	CHECK_EQ(spokes_clear(rig.s, "nine.example", rig.now_ms), 1);
	CHECK_EQ(spokes_clear(rig.s, "seven.example", rig.now_ms), 1);
	end();
}

/** A spoke whose child SA was refused has a row as well, and may be asked to try again. */
static void
clear_takes_a_session_without_child(void)
{
	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_session(&seven, "branch");
	rig_session(&eight, "branch");
	CHECK_EQ(rig_rows(), 2);
	CHECK_EQ(spokes_clear(rig.s, "nobody", rig.now_ms), 0);
	CHECK_EQ(spokes_clear(rig.s, "seven.example", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(spokes_clear(rig.s, "198.51.100.8", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 0);
	nothing_left();
	end();
}

/** A spoke that is down is named by the address that show spokes has of it. */
static void
clear_takes_the_address_shown(void)
{
	uint64_t session;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_gone(session, IKE_REASON_PEER_DELETED);
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(spokes_clear(rig.s, "10.0.1.12", rig.now_ms), 0);
	CHECK_EQ(spokes_clear(rig.s, "10.0.1.11", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 0);
	end();
}

static void
rekey_is_asked_of_the_named_only(void)
{
	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_up(&eight, "branch");
	rig_register(1, 2, "10.0.1.12", &eight, 600);
	CHECK_EQ(spokes_rekey(rig.s, "nobody", rig.now_ms), 0);
	CHECK_EQ(spokes_rekey(rig.s, "10.0.1.11", rig.now_ms), 1);
	CHECK(rig_did("rekey:21", NULL));
	CHECK_EQ(spokes_rekey(rig.s, "eight.example", rig.now_ms), 1);
	CHECK_EQ(rig_rows(), 2);
	end();
}

static void
life_is_seen_in_the_counters(void)
{
	rig_begin();
	rig_cloud(1, 1, "branch");
	rig_up(&seven, "branch");
	rig_run(3000);
	CHECK_EQ(rig.lives + rig.probes, 0);
	CHECK_EQ(rig.sent_session, 0);
	rig.dp.peer[1].stats.tx_packets = 5;
	uint64_t since_ms = rig.now_ms;

	rig_run(3000);
	CHECK_EQ(rig.probes, 1); /* sent, and nothing came */
	CHECK_EQ(rig.sent_session, 21);
	CHECK(rig.sent_since_ms <= since_ms && rig.sent_since_ms + 1000 >= since_ms);
	rig.dp.peer[1].stats.tx_packets = 9;
	rig.dp.peer[1].stats.rx_packets = 9;
	rig_run(3000);
	CHECK_EQ(rig.probes, 1);
	CHECK_EQ(rig.lives, 1);
	end();
}

/** The data plane has no room: refused, nothing is left over, and later it works. */
static void
no_room(void)
{
	uint64_t session, child;

	rig_begin();
	rig_cloud(1, 1, "branch");
	session = rig_session(&seven, "branch");
	rig.dp.fail_peer = -ENOSPC;
	CHECK_EQ(rig_child_install(session, &child), -ENOSPC);
	rig.dp.fail_peer = 0;
	rig.dp.fail_attach = -ENOMEM;
	CHECK_EQ(rig_child_install(session, &child), -ENOMEM);
	rig.dp.fail_attach = 0;
	CHECK_EQ(rig_child_install(session, &child), 0);
	end();
}

/** In a clear cloud the first NHRP packet of an outer source makes the spoke. */
static void
clear_cloud(void)
{
	rig_begin();
	rig_cloud(2, 2, NULL);
	rig_register(2, 0, "10.0.2.11", &seven, 60);
	CHECK_EQ(rig_bound(2, "10.0.2.11"), 1);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	CHECK_STR(rig_shown("cloud2")->identity, "");
	rig_register(2, 0, "10.0.2.11", &seven, 60);
	CHECK_EQ(rig_rows(), 1);
	spokes_uplink_changed(rig.s, rig.dp.peer[1].spec.cookie, DP_ADJ_DROP, rig.now_ms);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_REGISTERED);
	CHECK_STR(rig_shown("cloud2")->reason, "no_uplink");
	rig_run(200000);
	CHECK_EQ(rig_rows(), 0);
	nothing_left();
	end();
}

/** On 4500 IKE has four zeros ahead, and what keeps a NAT open is one octet without them. */
static void
datagrams_of_port_4500(void)
{
	struct ike_path path = { .local_port = 4500, .remote_port = 40001, .natt = true };
	const struct rig_udp *sent = &rig.dp.udp;

	rig_begin();
	rig_cloud(1, 1, "p");
	addr_parse("192.0.2.1", &path.local);
	addr_parse("203.0.113.5", &path.remote);
	spoke_ike_ops.send(rig.s, &path, (const uint8_t *)"abc", 3);
	CHECK_EQ(sent->bytes, 7);
	CHECK_MEM(sent->first, "\0\0\0\0abc", 7);
	spoke_ike_ops.keepalive(rig.s, &path);
	CHECK_EQ(sent->bytes, 1);
	CHECK_EQ(sent->first[0], 0xff);
	CHECK_EQ(sent->local_port, 4500);
	CHECK_EQ(sent->remote_port, 40001);
	rig_end();
}

int
main(void)
{
	TEST(inbound_first_outbound_last);
	TEST(ike_spis_are_the_data_planes);
	TEST(close_first);
	TEST(comes_back_at_once);
	TEST(rekey_keeps_it_open);
	TEST(address_changes_behind_nat);
	TEST(binding_passes_to_the_twin);
	TEST(newer_session_ends_the_older);
	TEST(newer_session_beside_the_older);
	TEST(name_proven_by_less);
	TEST(weaker_session_outlives_nobody);
	TEST(clear_starts_it_anew);
	TEST(rekey_is_asked_of_the_named_only);
	TEST(begun_from_here);
	TEST(clear_takes_a_session_without_child);
	TEST(clear_takes_the_address_shown);
	TEST(life_is_seen_in_the_counters);
	TEST(no_room);
	TEST(clear_cloud);
	TEST(datagrams_of_port_4500);
	return check_done();
}

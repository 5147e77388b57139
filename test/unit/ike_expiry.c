/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates that expire, and CAs that are taken back, while a session is up. */
#include "config/pki.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

#define END_S 1609459200 /* 2021-01-01, when "expired" and "third-sub" do */

static struct net n; /* large: not on the stack */

/** Both clocks go on, the one of the wall in steps of a minute. */
static void
pass(int64_t s)
{
	for (; s > 0; s -= 60) {
		n.hub.wall_s += s < 60 ? s : 60;
		n.spoke.wall_s = n.hub.wall_s;
		net_run(&n, s < 60 ? (uint64_t)s * 1000 : 60000);
	}
}

static void
clocks_set(int64_t at_s)
{
	n.hub.wall_s = n.spoke.wall_s = at_s;
}

/** Put the chain of another CA into a side. */
static void
third_party(struct config_pki *own, struct config_pki *other)
{
	cert_put(own->own[1]);
	own->own[1] = vector_cert("third-sub");
	cert_trust_put(other->trust);
	other->trust = vector_trust("third", CERT_CRL_OFF, false, NULL);
}

static void
up(const char *hub, const char *spoke, int64_t at_s)
{
	net_begin_pki(&n, hub, spoke);
	if (strncmp(spoke, "third", 5) == 0)
		third_party(n.spoke.profile.pki, n.hub.profile.pki);
	net_start(&n);
	clocks_set(at_s);
	net_initiate(&n, true);
	pass(10);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_EQ(n.hub.downs, 0);
}

static void
failure_look(void *arg, const struct ike_failure *f)
{
	*(struct ike_failure *)arg = *f;
}

static void
ended(const char *detail)
{
	struct ike_failure kept = { 0 };

	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_EXPIRED);
	CHECK_EQ(n.hub.events[IKE_REASON_CERT_EXPIRED], 1);
	CHECK_STR(n.hub.last_event.detail, detail);
	CHECK(n.hub.last_event.authenticated);
	CHECK(strstr(n.hub.last_event.remedy, "renew") != NULL);
	ike_each_failure(n.hub.ike, failure_look, &kept);
	CHECK_EQ(kept.event.reason, IKE_REASON_CERT_EXPIRED);
	CHECK_EQ(net_children(&n.hub), 0);
	/* The spoke was told: it does not find out by silence. */
	CHECK_EQ(n.spoke.downs, 1);
	CHECK_EQ(n.spoke.down_reason, IKE_REASON_PEER_DELETED);
	CHECK_EQ(net_children(&n.spoke), 0);
}

/** It ends when the leaf does, not before; an expired one is refused, a fresh one welcome. */
static void
leaf_expires(void)
{
	up("hub", "expired", END_S - 3600);
	pass(3580);
	CHECK_EQ(n.hub.downs, 0);
	pass(20);
	ended("its certificate expired 2021-01-01 00:00:00 UTC; our clock says 2021-01-01 "
	      "00:00:10 UTC");

	net_initiate(&n, true);
	pass(20);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_EQ(n.hub.events[IKE_REASON_CERT_EXPIRED], 2);

	struct config_ike_profile profile = n.spoke.profile;
	struct ike_listener listener = { .local = n.spoke.addr, .profile = &profile };
	struct ike_conf conf = { .listeners = &listener, .listeners_count = 1 };

	profile.pki = net_pki("spoke-p256"); /* enrolled anew */
	CHECK_EQ(ike_configure(n.spoke.ike, &conf, n.now_ms), 0);
	net_initiate(&n, true);
	pass(20);
	CHECK_EQ(n.hub.ups, 2);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(net_children(&n.hub), 1);
	config_pki_put(profile.pki);
	net_end(&n);
}

static void
ca_of_the_chain_expires(void)
{
	up("hub", "third-spoke", END_S - 30);
	pass(60);
	ended("a CA certificate in its chain expired 2021-01-01 00:00:00 UTC; our clock says "
	      "2021-01-01 00:00:40 UTC");
	net_end(&n);
}

/** A spoke looks at the hub's certificate alike. */
static void
hub_expires(void)
{
	up("expired", "spoke-p256", END_S - 30);
	pass(60);
	CHECK_EQ(n.spoke.downs, 1);
	CHECK_EQ(n.spoke.down_reason, IKE_REASON_CERT_EXPIRED);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_PEER_DELETED);
	net_end(&n);
}

/** New keys for the IKE SA do not make the certificate younger. */
static void
rekey_does_not_help(void)
{
	up("hub", "expired", END_S - 300);
	CHECK_EQ(ike_rekey(n.hub.ike, n.hub.session.session, n.now_ms), 0);
	pass(120);
	CHECK_EQ(net_sas(&n.hub, "up", n.now_ms), 1);
	CHECK_EQ(n.hub.downs, 0);
	pass(240);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_EXPIRED);
	CHECK_EQ(n.spoke.downs, 1);
	net_end(&n);
}

/** The clock is set: noticed within minutes, in both directions. */
static void
clock_is_set(void)
{
	up("hub", "expired", END_S - 86400);
	clocks_set(END_S + 86400);
	pass(660);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_EXPIRED);
	net_end(&n);

	up("hub", "expired", END_S - 90);
	clocks_set(END_S - 86400);
	pass(3600);
	CHECK_EQ(n.hub.downs, 0);
	net_end(&n);
}

/** Valid for long, or proven by shared key: nothing ends. */
static void
others_stay(void)
{
	up("hub", "spoke-p256", VECTOR_NOW_S);
	pass(3600);
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	net_end(&n);

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	clocks_set(END_S);
	pass(3600);
	CHECK_EQ(n.hub.ups, 1);
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	net_end(&n);
}

/** A CRL that names the CA between the spoke and the anchor ends the session, too. */
static void
intermediate_is_revoked(void)
{
	up("hub", "third-spoke", END_S - 86400);
	struct cert_trust *same = vector_trust("third", CERT_CRL_FAIL_OPEN, false, NULL);
	struct cert_trust *t = vector_trust("third", CERT_CRL_FAIL_OPEN, false, "third");

	ike_trust_set(n.hub.ike, "dmvpn", same, n.now_ms);
	CHECK_EQ(n.hub.downs, 0);
	ike_trust_set(n.hub.ike, "dmvpn", t, n.now_ms);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);
	cert_trust_put(same);
	cert_trust_put(t);
	net_end(&n);
}

/** Revoked by the configuration that is loaded: the reason says so. */
static void
revoked_by_reload(void)
{
	up("hub", "third-spoke", END_S - 86400);
	struct config_ike_profile profile = n.hub.profile;
	struct ike_listener listener = { .local = n.hub.addr, .profile = &profile };
	struct ike_conf conf = { .listeners = &listener, .listeners_count = 1 };

	profile.pki = net_pki("hub");
	cert_trust_put(profile.pki->trust);
	profile.pki->trust = vector_trust("third", CERT_CRL_FAIL_OPEN, false, "third");
	CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
	CHECK_EQ(n.hub.down_reason, IKE_REASON_CERT_REVOKED);
	config_pki_put(profile.pki);
	net_end(&n);
}

static void
info_look(void *arg, const struct ike_sa_info *i)
{
	*(int64_t *)arg = i->cert_until_s;
}

static void
shown(void)
{
	int64_t until_s = -1;

	up("hub", "expired", END_S - 86400);
	ike_each_sa(n.hub.ike, n.now_ms, info_look, &until_s);
	CHECK_EQ(until_s, END_S);
	net_end(&n);

	net_begin(&n);
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 10000);
	ike_each_sa(n.hub.ike, n.now_ms, info_look, &until_s);
	CHECK_EQ(until_s, 0);
	net_end(&n);
}

int
main(void)
{
	TEST(leaf_expires);
	TEST(ca_of_the_chain_expires);
	TEST(hub_expires);
	TEST(rekey_does_not_help);
	TEST(clock_is_set);
	TEST(others_stay);
	TEST(intermediate_is_revoked);
	TEST(revoked_by_reload);
	TEST(shown);
	return check_done();
}

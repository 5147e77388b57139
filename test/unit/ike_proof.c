/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signatures and certificate chains on helper threads: nothing of it is done on the control
 * core, and what comes back late meets an SA that is gone, other trust, another key, or never
 * found a place in the queue.
 */
#include "config/pki.h"
#include "control/ike/ike_engine.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"
#include "test/lib/vector_file.h"

static struct net n; /* large: not on the stack */

static void
start(unsigned hub, unsigned spoke)
{
	net_start(&n);
	n.hub.jobs_room = hub;
	n.spoke.jobs_room = spoke;
	net_initiate(&n, true);
}

/** The hub's key exchange is done, the IKE_AUTH request waits with the helpers. */
static void
until_proving(void)
{
	start(4, 0);
	net_run(&n, 100);
	CHECK_EQ(n.hub.jobs, 1);
	net_jobs(&n.hub);
	net_run(&n, 100);
	CHECK_EQ(n.hub.jobs, 1);
	CHECK_EQ(net_sas(&n.hub, "proving", n.now_ms), 1);
	CHECK_EQ(n.hub.jobs_of[IKE_JOB_STRANGER], 1);
	CHECK_EQ(n.hub.jobs_of[IKE_JOB_KNOWN], 1);
}

static bool
is_up(void)
{
	return n.hub.ups == 1 && n.spoke.ups == 1 && n.hub.downs + n.spoke.downs == 0 &&
		net_agrees(&n);
}

static void
everybody_comes_up_with_slow_helpers(void)
{
	static const char *const names[] = { "spoke-rsa", "spoke-p256", "spoke-ed25519" };

	for (size_t i = 0; i < 3; i++) {
		for (unsigned who = 1; who < 4; who++) {
			for (uint64_t slow_ms = 10; slow_ms <= 2500; slow_ms *= 5) {
				net_begin_pki(&n, "hub", names[i]);
				start(who & 1 ? 4 : 0, who & 2 ? 4 : 0);
				net_pass(&n, 20000, slow_ms);
				CHECK(is_up());
				net_end(&n);
			}
		}
	}
}

/** While the proof waits nobody is believed, repeats are not worked on, others are served. */
static void
nothing_is_believed_before(void)
{
	struct ike_totals t;

	net_begin_pki(&n, "hub", "spoke-rsa");
	until_proving();
	net_run(&n, 9000); /* asked four times */
	CHECK_EQ(n.hub.jobs, 1);
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.installs, 0);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 1);
	CHECK_EQ(t.auth_ok + t.auth_failed, 0);
	net_pass(&n, 9000, 10);
	CHECK(is_up());
	net_end(&n);
}

/** What is wrong with a proof is told as it is without helpers. */
static void
refusals_come_back_too(void)
{
	net_begin_pki(&n, "hub", "expired");
	until_proving();
	net_pass(&n, 3000, 10);
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.events[IKE_REASON_CERT_EXPIRED], 1);
	CHECK_EQ(n.spoke.events[IKE_REASON_AUTH_REFUSED], 1);
	net_end(&n);

	net_begin_pki(&n, "expired", "spoke-rsa"); /* the initiator's helpers find it */
	start(0, 4);
	net_pass(&n, 3000, 10);
	CHECK_EQ(n.spoke.ups, 0);
	CHECK_EQ(n.spoke.events[IKE_REASON_CERT_EXPIRED], 1);
	net_end(&n);
}

/** The SA is gone when its proof comes back: timed out, shut down, or never to come back. */
static void
deleted_meanwhile(void)
{
	struct ike_totals t;

	net_begin_pki(&n, "hub", "spoke-rsa");
	until_proving();
	n.cut = true;
	net_run(&n, 60000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 0);
	net_jobs(&n.hub);
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.spis, 0);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
	net_end(&n);

	net_begin_pki(&n, "hub", "spoke-rsa");
	until_proving();
	ike_shutdown(n.hub.ike, n.now_ms);
	net_jobs(&n.hub);
	net_run(&n, 100);
	CHECK_EQ(n.hub.ups, 0);
	CHECK_EQ(n.hub.spis, 0);
	net_end(&n);

	net_begin_pki(&n, "hub",
		"spoke-rsa"); /* the initiator gives up while it signs, and while it checks */
	start(0, 4);
	net_run(&n, 40000);
	net_jobs(&n.spoke);
	CHECK(ike_next_ms(n.spoke.ike) == IKE_TIMER_NEVER);
	CHECK_EQ(n.spoke.spis, 0);
	net_end(&n);
}

/** Trust is read again while a proof by the old one is under way, or done but not yet seen. */
static void
trust_reloaded_meanwhile(void)
{
	static const struct {
		const char *spoke, *crls;
		enum ike_reason reason;
	} rows[] = {
		{ "spoke-p256", "root sub", IKE_REASON_NONE },
		{ "revoked", "root sub", IKE_REASON_CERT_REVOKED },
		{ "spoke-p256", "root", IKE_REASON_CRL_UNAVAILABLE },
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		bool ran = i & 1;
		enum ike_reason reason = rows[i / 2].reason;

		net_begin_pki(&n, "hub", rows[i / 2].spoke);
		until_proving();
		if (ran)
			ike_job_run(n.hub.job[0]);
		struct cert_trust *t =
			vector_trust("root", CERT_CRL_FAIL_CLOSED, false, rows[i / 2].crls);

		ike_trust_set(n.hub.ike, "dmvpn", t, n.now_ms);
		cert_trust_put(t);
		if (ran) { /* good by the old trust: asked once more by the new one */
			struct ike_job *job = n.hub.job[--n.hub.jobs];

			ike_job_done(n.hub.ike, job, n.now_ms);
			CHECK_EQ(n.hub.ups, 0);
			CHECK_EQ(n.hub.jobs, 1);
		}
		net_pass(&n, 3000, 10);
		CHECK_EQ(n.hub.ups, reason == IKE_REASON_NONE);
		if (reason != IKE_REASON_NONE)
			CHECK_EQ(n.hub.events[reason], 1);
		else
			CHECK(is_up());
		net_end(&n);
	}
}

/** The profile takes no certificates any more, or has another one of its own. */
static void
configured_anew_meanwhile(void)
{
	for (int i = 0; i < 2; i++) {
		net_begin_pki(&n, "hub", "spoke-rsa");
		until_proving();
		struct config_ike_profile profile = n.hub.profile;
		struct ike_listener listener = { .local = n.hub.addr, .profile = &profile };
		struct ike_conf conf = { .listeners = &listener, .listeners_count = 1 };

		if (i == 0)
			profile.accept = ACCEPT_PSK;
		profile.pki = net_pki("spoke-p384");
		CHECK_EQ(ike_configure(n.hub.ike, &conf, n.now_ms), 0);
		net_pass(&n, 3000, 10);
		if (i == 0) {
			CHECK_EQ(n.hub.ups, 0);
			CHECK_EQ(n.hub.events[IKE_REASON_AUTH_METHOD], 1);
		} else {
			CHECK(is_up());
			CHECK_STR(n.spoke.session.auth, "ecdsa-sha384");
		}
		config_pki_put(profile.pki);
		net_end(&n);
	}
}

/** No place for the proof: the reason is named, the message as good as lost, and repeated. */
static void
queue_is_full(void)
{
	struct node *second;
	struct ike_totals t;

	for (int ppk = 0; ppk < 2; ppk++) {
		net_begin_pki(&n, "hub", "spoke-rsa4096"); /* in fragments */
		if (ppk) {
			n.hub.ppks[0] = net_ppk("a", "0123456789abcdef0123456789abcdef");
			n.spoke.ppks[0] = net_ppk("a", "0123456789abcdef0123456789abcdef");
			n.hub.ppks_count = n.spoke.ppks_count = 1;
		}
		start(1, 0);
		net_run(&n, 5);
		CHECK_EQ(n.hub.jobs, 1);
		net_jobs(&n.hub);
		second = net_more(&n, "192.0.2.77"); /* has the place before IKE_AUTH is there */
		net_initiate_from(second, true);
		struct net_packet *p = &n.packet[0];

		for (unsigned i = 0; i < NET_PACKETS; i++)
			if (n.packet[i].used && n.packet[i].to == &n.hub)
				p = &n.packet[i];
		p->at_ms = n.now_ms; /* the stranger's is there first */
		net_run(&n, 500);
		CHECK_EQ(n.hub.jobs, 1);
		CHECK_EQ(n.hub.events[IKE_REASON_HELPERS_BUSY], 1);
		CHECK(strstr(n.hub.last_event.remedy, "crypto_threads") != NULL);
		ike_totals_get(n.hub.ike, &t);
		CHECK(t.jobs_refused > 0);
		CHECK_EQ(net_sas(&n.hub, "keyed", n.now_ms), 1);
		net_pass(&n, 20000, 10);
		CHECK_EQ(n.spoke.ups, 1);
		CHECK_EQ(n.hub.events[IKE_REASON_SIGNATURE_MISMATCH], 0);
		net_end(&n);
	}
}

/** The initiator's helpers have no place: for the answers it asks again. */
static void
initiators_queue_is_full(void)
{
	net_begin_pki(&n, "hub", "spoke-rsa");
	start(0, 1);
	CHECK_EQ(n.spoke.jobs, 1);
	net_jobs(&n.spoke);               /* key pair */
	n.spoke.jobs = n.spoke.jobs_room; /* taken by somebody else's */
	net_run(&n, 500);                 /* the answer finds no place */
	CHECK_EQ(net_sas(&n.spoke, "init-sent", n.now_ms), 1);
	CHECK_EQ(n.spoke.events[IKE_REASON_HELPERS_BUSY], 1);
	n.spoke.jobs = 0;
	net_run(&n, 1000); /* asked again, answered from the cache */
	CHECK_EQ(n.spoke.jobs, 1);
	net_jobs(&n.spoke); /* secret, then signature */
	CHECK_EQ(n.spoke.jobs_of[IKE_JOB_KNOWN], 3);
	n.spoke.jobs = n.spoke.jobs_room;
	net_run(&n, 500);
	CHECK_EQ(net_sas(&n.spoke, "auth-sent", n.now_ms), 1);
	CHECK_EQ(n.hub.ups, 1);
	n.spoke.jobs = 0;
	net_pass(&n, 5000, 10);
	CHECK(is_up());
	net_end(&n);
}

/** Our proof without the PPK goes along, signed in the same job, and counts at a hub without. */
static void
signed_without_ppk(void)
{
	net_begin_pki(&n, "hub", "spoke-p256");
	n.spoke.ppks[0] = net_ppk("a", "0123456789abcdef0123456789abcdef");
	n.spoke.ppks_count = 1;
	n.hub.ppks[0] = net_ppk("b", "fedcba9876543210fedcba9876543210");
	n.hub.ppks_count = 1;
	start(4, 4);
	net_pass(&n, 5000, 10);
	CHECK(is_up());
	net_end(&n);
}

int
main(void)
{
	TEST(everybody_comes_up_with_slow_helpers);
	TEST(nothing_is_believed_before);
	TEST(refusals_come_back_too);
	TEST(deleted_meanwhile);
	TEST(trust_reloaded_meanwhile);
	TEST(configured_anew_meanwhile);
	TEST(queue_is_full);
	TEST(initiators_queue_is_full);
	TEST(signed_without_ppk);
	return check_done();
}

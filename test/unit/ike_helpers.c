/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Public-key work outside the control core: answers wait for it, nothing else does, and
 * what it was for may be gone or the queue full when it is done.
 */
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

static void
begin(unsigned hub, unsigned spoke)
{
	net_begin(&n);
	n.hub.profile.esp[0].dh = n.spoke.profile.esp[0].dh = 31;
	n.hub.profile.pfs = n.spoke.profile.pfs = PFS_REQUIRE;
	net_start(&n);
	n.hub.jobs_room = hub;
	n.spoke.jobs_room = spoke;
}

/** Setup, rekey of child and IKE SA, whoever is slow, and so slow that peers repeat. */
static void
everything_comes_up_with_slow_helpers(void)
{
	for (unsigned who = 1; who < 4; who++) {
		for (uint64_t slow_ms = 10; slow_ms <= 2500; slow_ms *= 5) {
			struct ike_totals t;

			begin(who & 1 ? 4 : 0, who & 2 ? 4 : 0);
			net_initiate(&n, true);
			net_pass(&n, 20000, slow_ms);
			CHECK_EQ(n.hub.ups, 1);
			CHECK(net_agrees(&n));
			CHECK_EQ(n.hub.jobs_of[IKE_JOB_SESSION], 0);
			CHECK_EQ(n.spoke.jobs_of[IKE_JOB_SESSION], 0);
			n.esp_lost = 0;
			ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
			ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
			net_pass(&n, 60000, slow_ms);
			CHECK(net_agrees(&n));
			CHECK_EQ(net_children(&n.hub), 1);
			CHECK(n.hub.installs > 1);
			struct ike_peer *p = map_get(&n.hub.ike->by_session, n.hub.session.session);

			p->sa->soft_ms = n.now_ms;
			ike_sa_arm(p->sa);
			net_pass(&n, 40000, slow_ms);
			ike_totals_get(n.hub.ike, &t);
			CHECK_EQ(t.ike_rekeys, 1);
			CHECK(net_agrees(&n));
			CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
			CHECK_EQ(n.esp_lost, 0);
			if (who & 1) /* those of a session that is up go ahead of strangers' */
				CHECK(n.hub.jobs_of[IKE_JOB_SESSION] > 0);
			net_end(&n);
		}
	}
}

/** A repeated first message while its key exchange waits is not worked on twice. */
static void
repeats_are_not_queued_twice(void)
{
	begin(4, 0);
	net_initiate(&n, true);
	net_run(&n, 9000); /* sent four times */
	CHECK_EQ(n.hub.jobs, 1);
	net_pass(&n, 20000, 10);
	CHECK_EQ(n.hub.ups, 1);
	CHECK(net_agrees(&n));
	net_end(&n);
}

/** The queue is full: the message is as good as lost, the peer repeats it. */
static void
full_queue_is_like_a_loss(void)
{
	struct node *second;
	struct ike_totals t;

	begin(1, 0);
	second = net_more(&n, "192.0.2.77");
	net_initiate(&n, true);
	net_initiate_from(second, true);
	net_run(&n, 500);
	CHECK_EQ(n.hub.jobs, 1);
	CHECK_EQ(n.hub.jobs_refused, 1);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.jobs_refused, 1);
	CHECK_EQ(t.half_open, 1);
	net_pass(&n, 20000, 10);
	CHECK_EQ(n.hub.ups, 2);
	net_end(&n);

	/* A rekey that finds it full is tried again. */
	begin(1, 0);
	net_initiate(&n, true);
	net_pass(&n, 5000, 10);
	uint64_t old = n.hub.sending;
	struct ike_peer *p = map_get(&n.hub.ike->by_session, n.hub.session.session);

	second = net_more(&n, "192.0.2.77");
	net_initiate_from(second, true);
	net_run(&n, 10);
	CHECK_EQ(n.hub.jobs, 1);
	ike_child_soft(n.hub.ike, old, n.now_ms);
	CHECK_EQ(n.hub.jobs_refused, 1);
	CHECK(p->sa->ours == NULL);
	net_pass(&n, 30000, 10);
	CHECK(n.hub.child[0].sa.child != n.hub.sending);
	CHECK_EQ(n.hub.downs, 0);
	net_end(&n);
}

/** Done for an SA that is gone by now, or whose exchange is another one. */
static void
too_late(void)
{
	struct ike_totals t;

	begin(4, 0);
	net_initiate(&n, true);
	net_run(&n, 100);
	n.cut = true;
	net_run(&n, 60000);
	ike_totals_get(n.hub.ike, &t);
	CHECK_EQ(t.half_open, 0);
	CHECK_EQ(n.hub.jobs, 1);
	net_jobs(&n.hub);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
	net_end(&n);

	begin(4, 0);
	net_initiate(&n, true);
	net_pass(&n, 5000, 10);
	ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
	CHECK_EQ(n.hub.jobs, 1);
	ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
	net_jobs(&n.hub);
	net_run(&n, 50000);
	CHECK_EQ(n.hub.downs, 1);
	CHECK_EQ(n.hub.spis, 0);
	CHECK(ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER);
	net_end(&n);
}

/** Liveness, deletes and answers of others go on while a job waits. */
static void
nothing_else_waits(void)
{
	struct node *second;
	unsigned before;

	begin(4, 0);
	n.hub.profile.dpd_s = 0;
	net_initiate(&n, true);
	net_pass(&n, 5000, 10);
	second = net_more(&n, "192.0.2.77");
	net_initiate_from(second, true);
	net_run(&n, 100);
	CHECK_EQ(n.hub.jobs, 1);
	before = n.sent;
	struct ike_peer *p = map_get(&n.spoke.ike->by_session, n.spoke.session.session);

	p->sa->want_probe = true;
	ike_task_next(p->sa, n.now_ms);
	net_run(&n, 100);
	CHECK_EQ(n.sent, before + 2); /* asked and answered */
	CHECK_EQ(n.hub.jobs, 1);
	net_end(&n);
}

int
main(void)
{
	TEST(everything_comes_up_with_slow_helpers);
	TEST(repeats_are_not_queued_twice);
	TEST(full_queue_is_like_a_loss);
	TEST(too_late);
	TEST(nothing_else_waits);
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ten new peers for every one the helpers can serve, for minutes of the test's clock: spokes
 * that are up notice nothing, those that were up before come back first, memory stays bounded.
 */
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

#define ROOM     16 /* of the helpers, per rank */
#define JOB_MS   4  /* one helper thread needs so long for one job */
#define PER_MS   2  /* first messages of strangers */
#define HALF_MAX 512

static struct net n; /* large: not on the stack */
static uint8_t first[2048];
static size_t first_bytes;
static uint32_t strangers;
static unsigned job_due;

static void
begin(uint32_t cookie_from, uint32_t half_open_max)
{
	net_begin(&n);
	n.hub.limits.half_open_max = half_open_max;
	n.hub.limits.half_open_per_prefix = 200;
	n.hub.limits.cookie_from = cookie_from;
	n.hub.profile.dpd_s = n.spoke.profile.dpd_s = 5;
	n.hub.profile.esp[0].dh = n.spoke.profile.esp[0].dh = 31;
	n.hub.profile.pfs = n.spoke.profile.pfs = PFS_REQUIRE;
	net_start(&n);
	net_initiate(&n, true);
	memcpy(first, n.spoke.last, n.spoke.last_bytes);
	first_bytes = n.spoke.last_bytes;
	net_run(&n, 2000);
	CHECK_EQ(n.hub.ups, 1);
	n.esp_lost = 0;
	n.hub.jobs_room = ROOM;
	n.hub.ranked = true;
	strangers = job_due = 0;
}

/** A first message nobody sent before, from an address of its own (or of one, one network). */
static void
stranger(unsigned same_octets)
{
	struct ike_path path = {
		.local = n.hub.addr, .local_port = IKE_PORT, .remote_port = IKE_PORT
	};
	uint32_t number = ++strangers * 2654435761u; /* all over the place */
	uint8_t octet[4] = { 10, 1, 2, 3 };

	for (unsigned i = same_octets; i < 4; i++)
		octet[i] = (uint8_t)(i == 0 ? 11 + (number >> 24) % 100 : number >> 8 * (3 - i));
	path.remote.family = ADDR_V4;
	memcpy(path.remote.octet, octet, 4);
	if (same_octets == 4)
		path.remote_port = (uint16_t)(1024 + strangers);
	memcpy(first, &number, 4); /* its SPI */
	memcpy(first + 4, &strangers, 4);
	ike_input(n.hub.ike, &path, first, first_bytes, n.now_ms);
}

static void
storm(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		for (unsigned j = 0; j < PER_MS; j++)
			stranger(0);
		if (++job_due % JOB_MS == 0)
			net_job(&n.hub);
		net_run(&n, 1);
	}
}

static struct ike_totals
totals(void)
{
	struct ike_totals t;

	ike_totals_get(n.hub.ike, &t);
	return t;
}

/** Liveness both ways, rekeys of child and IKE SA both ways, with the queue full all the time. */
static void
established_spokes_notice_nothing(void)
{
	/* as if every stranger had brought its cookie, and no bound but the queue */
	begin(1000000, 1000000);
	storm(2000);
	CHECK(totals().jobs_refused > 0);
	CHECK(n.hub.events[IKE_REASON_HELPERS_BUSY] > 0);
	for (int round = 0; round < 10; round++) {
		struct ike_peer *hub = map_get(&n.hub.ike->by_session, n.hub.session.session);
		struct ike_peer *spoke = map_get(&n.spoke.ike->by_session, n.spoke.session.session);
		struct ike_totals before = totals();
		unsigned installs = n.hub.installs;

		if (hub == NULL || spoke == NULL) {
			CHECK(false);
			break;
		}
		spoke->sa->want_probe = hub->sa->want_probe = true;
		ike_task_next(spoke->sa, n.now_ms);
		ike_task_next(hub->sa, n.now_ms);
		storm(200);
		CHECK(spoke->life_ms + 200 >= n.now_ms && hub->life_ms + 200 >= n.now_ms);
		if (round & 1)
			ike_child_soft(n.hub.ike, n.hub.sending, n.now_ms);
		else
			ike_child_soft(n.spoke.ike, n.spoke.sending, n.now_ms);
		storm(200); /* no message needs to be sent twice */
		CHECK_EQ(n.hub.installs, installs + 1);
		struct ike_sa *sa = round & 2 ? hub->sa : spoke->sa;

		sa->soft_ms = n.now_ms;
		ike_sa_arm(sa);
		storm(400);
		CHECK_EQ(totals().ike_rekeys, before.ike_rekeys + 1);
		CHECK_EQ(totals().retransmitted, before.retransmitted);
		CHECK(totals().jobs_refused > before.jobs_refused + 1000);
	}
	CHECK_EQ(n.hub.downs + n.spoke.downs, 0);
	CHECK_EQ(n.esp_lost, 0);
	CHECK(net_agrees(&n));
	CHECK(n.hub.jobs_of[IKE_JOB_SESSION] > 0);
	net_end(&n);
}

/** A spoke that was up and lost its memory is back at once; one nobody knows has to wait. */
static void
known_peers_come_back_first(void)
{
	struct node *second;

	begin(1000000, HALF_MAX);
	storm(6000); /* strangers have all the places strangers may have */
	CHECK_EQ(totals().half_open, HALF_MAX - HALF_MAX / 4);
	net_restart(&n.spoke);
	second = net_more(&n, "192.0.2.77");
	net_initiate(&n, true);
	net_initiate_from(second, true);
	storm(500);
	CHECK_EQ(n.spoke.ups, 2);
	CHECK_EQ(second->ups, 0);
	CHECK(totals().half_open <= HALF_MAX);
	net_end(&n);
}

/** Without cookies hardly anything gets in, and nothing is remembered of those outside. */
static void
cookies_keep_forged_senders_out(void)
{
	begin(ROOM - 2, HALF_MAX);
	storm(3000);
	CHECK(totals().half_open <= ROOM - 2);
	CHECK(totals().cookies_sent > 5000);
	CHECK_EQ(totals().jobs_refused, 0);
	net_end(&n);
}

/** One address with many ports, or one network, has its own bound: others still come in. */
static void
one_source_does_not_take_all_places(void)
{
	struct node *second;

	for (unsigned same = 3; same <= 4; same++) {
		begin(1000000, HALF_MAX);
		n.hub.jobs_room = 0;
		for (unsigned i = 0; i < 2000; i++)
			stranger(same);
		CHECK_EQ(totals().half_open, same == 4 ? 128 : 200);
		second = net_more(&n, "192.0.2.77");
		net_initiate_from(second, true);
		net_run(&n, 500);
		CHECK_EQ(second->ups, 1);
		net_end(&n);
	}
}

/** Somebody went through a key exchange and named himself, no more. */
static void
claim(const struct ike_path *path)
{
	struct ike_event *e = ike_event_begin(n.hub.ike, IKE_REASON_PSK_MISMATCH, path);

	snprintf(e->identity, sizeof(e->identity), "fqdn:somebody");
	ike_event_send(n.hub.ike, e, n.now_ms);
}

/** A forged sender for every datagram: few lines, none of a peer that proved itself missing. */
static void
events_of_forged_senders_are_few(void)
{
	struct ike_path path = { .local_port = IKE_PORT, .remote_port = IKE_PORT };
	uint8_t v1[64] = { 1, [16] = 1, [17] = 0x10, [18] = 2, [27] = sizeof(v1) };
	unsigned told, claims;

	begin(1000000, HALF_MAX);
	path.local = n.hub.addr;
	path.remote.family = ADDR_V4;
	for (unsigned i = 0; i < 5500; i++) {
		path.remote.octet[2] = (uint8_t)(i >> 8);
		path.remote.octet[3] = (uint8_t)i;
		ike_input(n.hub.ike, &path, v1, sizeof(v1), n.now_ms);
		claim(&path);
		net_run(&n, 10);
	}
	told = n.hub.events[IKE_REASON_IKEV1];
	claims = n.hub.events[IKE_REASON_PSK_MISMATCH];
	CHECK(told >= 24 && told <= 26); /* 20 at once, then one in ten seconds */
	CHECK(claims >= 24 && claims <= 26);
	ike_close(n.hub.ike, n.hub.session.session, IKE_REASON_OPERATOR, n.now_ms);
	CHECK_EQ(n.hub.events[IKE_REASON_OPERATOR], 1);
	net_run(&n, 10000);
	path.remote.octet[0] = 12;
	ike_input(n.hub.ike, &path, v1, sizeof(v1), n.now_ms);
	claim(&path);
	CHECK_EQ(n.hub.events[IKE_REASON_IKEV1], told + 1);
	CHECK_EQ(n.hub.left_out, 5500 - told + 5500 - claims);
	net_end(&n);
}

/** When it is over nothing of it is left. */
static void
nothing_is_left_behind(void)
{
	begin(1000000, HALF_MAX);
	storm(4000);
	for (unsigned ms = 0; ms < 40000; ms += JOB_MS) {
		net_job(&n.hub);
		net_run(&n, JOB_MS);
	}
	CHECK_EQ(totals().half_open, 0);
	CHECK_EQ(n.hub.jobs, 0);
	CHECK_EQ(n.hub.ike->by_spi.count, 1);
	CHECK_EQ(n.hub.ike->by_init.count, 1);
	CHECK_EQ(n.hub.downs, 0);
	net_end(&n);
}

int
main(void)
{
	TEST(established_spokes_notice_nothing);
	TEST(known_peers_come_back_first);
	TEST(cookies_keep_forged_senders_out);
	TEST(one_source_does_not_take_all_places);
	TEST(events_of_forged_senders_are_few);
	TEST(nothing_is_left_behind);
	return check_done();
}

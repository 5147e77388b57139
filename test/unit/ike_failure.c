/* SPDX-License-Identifier: BSD-3-Clause */
/* The last failure of each peer: how many are kept, and who cannot push out whom. */
#include "control/ike/ike_engine.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

static struct net n; /* large: not on the stack */

static void
start(uint32_t peers)
{
	net_begin(&n);
	n.hub.limits.peers = peers;
	net_start(&n);
}

/** A failure of one of many, by number: of an identity, or of the address alone. */
static void
fail(uint32_t number, bool named, bool expected, enum ike_reason reason)
{
	struct ike_path path = { .remote = { .family = ADDR_V4 } };
	struct ike_event *e;

	memcpy(path.remote.octet, (uint8_t[]){ 10, number >> 16, number >> 8, number }, 4);
	e = ike_event_begin(n.hub.ike, reason, &path);
	if (named)
		snprintf(e->identity, sizeof(e->identity), "branch%u.example", number);
	e->expected = expected;
	snprintf(e->offered, sizeof(e->offered), "offer of %u", number);
	ike_event_send(n.hub.ike, e, n.now_ms++);
}

static void
count_one(void *arg, const struct ike_failure *f)
{
	++*(unsigned *)arg;
}

static unsigned
kept(void)
{
	unsigned count = 0;

	ike_each_failure(n.hub.ike, count_one, &count);
	return count;
}

static bool
found(uint32_t number, struct ike_failure *f)
{
	char name[64];

	snprintf(name, sizeof(name), "branch%u.example", number);
	return ike_failure_find(n.hub.ike, name, f);
}

/** Each of ten thousand refused spokes says why it is not there. */
static void
every_spoke_keeps_its_reason(void)
{
	const uint32_t spokes = 10000;
	struct ike_failure f;
	char offer[64];

	start(spokes);
	for (uint32_t i = 0; i < spokes; i++) {
		fail(i, true, false, IKE_REASON_PSK_MISMATCH);
		fail(i, false, false, IKE_REASON_NO_PROPOSAL_CHOSEN);
	}
	CHECK_EQ(kept(), 2 * spokes);
	for (uint32_t i = 0; i < spokes; i++) {
		snprintf(offer, sizeof(offer), "offer of %u", i);
		CHECK(found(i, &f));
		CHECK_EQ(f.event.reason, IKE_REASON_PSK_MISMATCH);
		CHECK_EQ(f.count, 1);
		CHECK_STR(f.event.offered, offer);
		CHECK_STR(f.event.wanted, "");
		CHECK(strstr(f.event.remedy, "shared keys differ") != NULL);
	}
	net_end(&n);
}

static void
last_one_counts(void)
{
	struct ike_failure f;
	struct ike_event *e;
	struct addr from = { .family = ADDR_V4, .octet = { 10, 0, 0, 7 } };

	start(0);
	fail(7, true, false, IKE_REASON_NO_PSK_FOR_IDENTITY);
	fail(7, true, true, IKE_REASON_PSK_MISMATCH); /* its key was added meanwhile */
	fail(7, false, false, IKE_REASON_TIMEOUT_HALF_OPEN);
	CHECK(found(7, &f));
	CHECK_EQ(f.event.reason, IKE_REASON_PSK_MISMATCH);
	CHECK_EQ(f.count, 2);
	CHECK_EQ(f.at_ms, n.now_ms - 2);
	CHECK(addr_equal(&f.event.path.remote, &from));
	CHECK_EQ(kept(), 2);
	e = ike_event_begin(n.hub.ike, IKE_REASON_PSK_MISMATCH, &f.event.path);
	strcpy(e->identity, "branch7.example");
	strcpy(e->detail, "a detail");
	strcpy(e->remedy, "a remedy of its own");
	ike_event_send(n.hub.ike, e, n.now_ms);
	CHECK(found(7, &f));
	CHECK_STR(f.event.remedy, "a remedy of its own");
	CHECK_STR(f.event.detail, "a detail");
	ike_failure_forget(n.hub.ike, "branch7.example", &from);
	CHECK_EQ(kept(), 0);
	CHECK(!found(7, &f));
	CHECK(!ike_failure_find(n.hub.ike, "", &f));
	net_end(&n);
}

/** Forged addresses and made-up names have room of their own, and no more. */
static void
strangers_push_nobody_out(void)
{
	struct ike_failure f;

	start(600);
	ike_known_add(n.hub.ike, &(struct addr){ .family = ADDR_V4, .octet = { 10, 0, 0, 1 } });
	fail(1, false, false, IKE_REASON_NO_PROPOSAL_CHOSEN); /* a spoke that was up before */
	for (uint32_t i = 0; i < 600; i++)
		fail(i, true, true, IKE_REASON_PSK_MISMATCH);
	for (uint32_t i = 1000; i < 5000; i++) {
		fail(i, true, false, IKE_REASON_NO_PSK_FOR_IDENTITY);
		fail(i, false, false, IKE_REASON_NO_PROPOSAL_CHOSEN);
	}
	CHECK_EQ(kept(), 1 + 600 + 600 + 600);
	for (uint32_t i = 0; i < 600; i++)
		CHECK(found(i, &f));
	for (uint32_t i = 1000; i < 5000; i++)
		CHECK_EQ(found(i, &f), i >= 4400); /* of strangers the newest */
	CHECK_EQ(n.hub.ike->events.failures.list[FAILURE_ADDRESS].count, 1);
	/* One more that is expected: the oldest of those gives way. */
	fail(600, true, true, IKE_REASON_PSK_MISMATCH);
	CHECK(!found(0, &f));
	CHECK(found(1, &f) && found(600, &f));
	net_end(&n);
}

static void
room_has_bounds(void)
{
	struct ike_failures *f;

	start(1000000);
	f = &n.hub.ike->events.failures;
	CHECK_EQ(f->most, IKE_FAILURES_MAX);
	for (uint32_t i = 0; i < IKE_FAILURES_STRANGERS + 10; i++)
		fail(i, false, false, IKE_REASON_NO_PROPOSAL_CHOSEN);
	CHECK_EQ(kept(), IKE_FAILURES_STRANGERS);
	ike_failures_room(f, 1000);
	CHECK_EQ(kept(), 1000);
	ike_failures_room(f, 1);
	CHECK_EQ(kept(), IKE_FAILURES_MIN);
	net_end(&n);
}

static void
failure_look(void *arg, const struct ike_failure *f)
{
	*(struct ike_failure *)arg = *f;
}

/**
 * The group a key gives is told of who does not have that key, and of who has a key of its own and
 * is refused for something else; not that of a key for several, which it did not try.
 */
static void
group_of_who_failed(void)
{
	static const struct {
		bool own, by_key;
		const char *group;
	} rows[] = { { true, true, "seven" }, { false, true, "all" }, { true, false, "seven" },
		{ false, false, "" } };

	for (size_t i = 0; i < 4; i++) {
		struct ike_failure kept = { 0 };

		net_begin(&n);
		n.spoke.profile.local_identity = net_fqdn("branch7.example");
		secret_wipe(&n.hub.psks[0].key);
		n.hub.psks[0] = net_psk("a key of the rest");
		strcpy(n.hub.psks[0].binding.group, "all");
		n.hub.psks[1] = net_psk("a key of branch 7");
		n.hub.psks[1].whom.identity = net_fqdn(rows[i].own ? "branch7.example" : "other");
		strcpy(n.hub.psks[1].binding.group, "seven");
		n.hub.psks_count = 2;
		if (!rows[i].by_key)
			n.hub.profile.accept = ACCEPT_CERTIFICATE;
		net_start(&n);
		net_initiate(&n, true);
		net_run(&n, 10000);
		CHECK_EQ(n.hub.events[rows[i].by_key ? IKE_REASON_PSK_MISMATCH
						     : IKE_REASON_AUTH_METHOD],
			1);
		CHECK_STR(n.hub.last_event.group, rows[i].group);
		ike_each_failure(n.hub.ike, failure_look, &kept);
		CHECK_STR(kept.event.group, rows[i].group);
		CHECK_STR(kept.event.identity, "branch7.example");
		CHECK_STR(kept.event.detail, n.hub.last_event.detail);
		net_end(&n);
	}
}

/** And of who is up, as what it has. */
static void
group_of_who_is_lost(void)
{
	net_begin(&n);
	strcpy(n.hub.psks[0].binding.group, "vans");
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 3000);
	ike_close(n.spoke.ike, n.spoke.session.session, IKE_REASON_OPERATOR, n.now_ms);
	net_run(&n, 3000);
	CHECK_EQ(n.hub.last_event.reason, IKE_REASON_PEER_DELETED);
	CHECK_STR(n.hub.last_event.group, "vans");
	CHECK_STR(n.hub.last_event.identity, n.hub.session.peer_text);
	CHECK_EQ(n.hub.last_event.session, n.hub.session.session);
	net_end(&n);
}

/** Who has a key of its own is expected, whatever it is refused for; a made-up name is not. */
static void
own_key_makes_it_expected(void)
{
	for (int own = 0; own < 2; own++) {
		net_begin(&n);
		n.spoke.profile.local_identity = net_fqdn("branch7.example");
		n.hub.psks[1] = net_psk("another key");
		n.hub.psks[1].whom.identity = net_fqdn("branch7.example");
		n.hub.psks_count = 2;
		secret_wipe(&n.hub.psks[0].key);
		n.hub.psks[0] = net_psk("and another one for the rest");
		if (own == 0)
			n.spoke.profile.local_identity = net_fqdn("branch8.example");
		net_start(&n);
		net_initiate(&n, true);
		net_run(&n, 10000);
		CHECK_EQ(n.hub.events[IKE_REASON_PSK_MISMATCH], 1);
		CHECK_EQ(n.hub.last_event.expected, own);
		CHECK_EQ(n.hub.ike->events.failures.list[FAILURE_EXPECTED].count, own);
		CHECK_EQ(n.hub.ike->events.failures.list[FAILURE_CLAIM].count, !own);
		net_end(&n);
	}
}

int
main(void)
{
	TEST(every_spoke_keeps_its_reason);
	TEST(last_one_counts);
	TEST(strangers_push_nobody_out);
	TEST(room_has_bounds);
	TEST(own_key_makes_it_expected);
	TEST(group_of_who_failed);
	TEST(group_of_who_is_lost);
	return check_done();
}

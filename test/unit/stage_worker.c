/* SPDX-License-Identifier: BSD-3-Clause */
/** What a worker tells of its own time: rounds by length, bursts, cycles of stages. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "dataplane/nap.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static struct packet p;

static void
ping(void)
{
	hub_ping(&p, &hub.spoke[TRANSPORT][0], hub.spoke[NATT][1].overlay_be, 100);
	hub_push(hub.wan, 0, &p);
}

static void
rounds_fall_into_the_right_bucket(void)
{
	double us = (double)dp_cycles_per_second() / 1e6;
	static const struct {
		double us;
		unsigned limit;
	} rows[] = { { 0.1, 1 }, { 1.1, 2 }, { 4.9, 5 }, { 5.1, 10 }, { 49, 50 }, { 51, 100 },
		{ 999, 1000 }, { 1001, 0 }, { 1e6, 0 } };

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		unsigned b = worker_round_bucket(hub.w, (uint64_t)(rows[i].us * us));

		CHECK_EQ(dp_round_limit_us(b), rows[i].limit);
		CHECK(b < DP_ROUND_BUCKETS);
	}
}

static void
every_busy_round_is_counted(void)
{
	struct dp_worker_stats a, b;
	uint64_t rounds = 0;

	dp_worker_stats(hub.dp, 0, &a);
	for (int i = 0; i < 10; i++)
		ping();
	hub_settle();
	hub_settle();
	dp_worker_stats(hub.dp, 0, &b);
	for (int i = 0; i < DP_ROUND_BUCKETS; i++)
		rounds += b.round_counts[i] - a.round_counts[i];
	CHECK_EQ(rounds, b.busy_rounds - a.busy_rounds);
	CHECK(rounds > 0 && b.rounds - a.rounds > rounds);
	CHECK_EQ(b.rx_bursts - a.rx_bursts, 1); /* ten at once */
	CHECK_EQ(b.rx_packets - a.rx_packets, 10);
	CHECK(b.busy_cycles > a.busy_cycles && b.cycles > b.busy_cycles);
	hub_forget();
}

/** Some rounds are measured, stage by stage; their sum is no more than the worker's time. */
static void
stages_are_sampled(void)
{
	struct dp_worker_stats a, b;
	uint64_t cycles = 0, packets = 0;

	dp_worker_stats(hub.dp, 0, &a);
	hub.w->sample = true;
	for (int i = 0; i < 4 * SAMPLE_ROUNDS; i++) {
		ping();
		worker_round(hub.w);
		hub_poll();
		hub_drain();
	}
	hub.w->sample = hub.w->measure = false;
	dp_worker_stats(hub.dp, 0, &b);
	for (int i = 0; i < DP_STAGES; i++) {
		cycles += b.stage_cycles[i] - a.stage_cycles[i];
		packets += b.stage_packets[i] - a.stage_packets[i];
		if (b.stage_packets[i] > a.stage_packets[i])
			CHECK(b.stage_cycles[i] > a.stage_cycles[i]);
	}
	CHECK(packets >= 4 * 3 && packets < 4 * SAMPLE_ROUNDS);
	CHECK(cycles > 0 && cycles < b.busy_cycles - a.busy_cycles);
	CHECK_STR(dp_stage_name(2), "esp_in");
	CHECK_STR(dp_stage_name(DP_STAGES - 1), "l2");
	hub_forget();
}

/** A worker without work sleeps if its ports let it, and never after it had some. */
static void
naps_are_what_the_ports_allow(void)
{
	struct dp_worker_stats a, b;

	for (uint32_t us = 0; us <= NAP_MIN_US; us += NAP_MIN_US) {
		hub.dp->nap_us = us;
		dp_worker_stats(hub.dp, 0, &a);
		for (int i = 0; i < 1000; i++)
			worker_round(hub.w);
		dp_worker_stats(hub.dp, 0, &b);
		CHECK_EQ(b.sleeps > a.sleeps, us != 0);
		for (int i = 0; i < 1000; i++) {
			if (i % 100 == 0)
				ping();
			worker_round(hub.w);
		}
		dp_worker_stats(hub.dp, 0, &a);
		CHECK_EQ(a.sleeps, b.sleeps);
	}
	hub.dp->nap_us = 0;
	hub_forget();
}

/** What the kernel says of a device, asked another way than the port does. */
static bool
running(const char *name)
{
	struct ifaddrs *all, *a;
	bool is = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (a = all; a != NULL; a = a->ifa_next)
		if (strcmp(a->ifa_name, name) == 0 &&
			(a->ifa_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING))
			is = true;
	freeifaddrs(all);
	return is;
}

/** A software port's link is that of the kernel's device, and down when that is gone. */
static void
link_is_that_of_the_netdev(void)
{
	char *netdev = hub.dp->port_netdev[hub.wan];

	CHECK_STR(netdev, ""); /* a ring: the driver is asked */
	CHECK(dp_port_link_up(hub.dp, hub.wan));
	strcpy(netdev, "lo");
	CHECK_EQ(dp_port_link_up(hub.dp, hub.wan), running("lo"));
	strcpy(netdev, "nave-gone");
	CHECK(!dp_port_link_up(hub.dp, hub.wan));
	netdev[0] = '\0';
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(rounds_fall_into_the_right_bucket);
	TEST(every_busy_round_is_counted);
	TEST(stages_are_sampled);
	TEST(naps_are_what_the_ports_allow);
	TEST(link_is_that_of_the_netdev);
	hub_stop();
	return check_done();
}

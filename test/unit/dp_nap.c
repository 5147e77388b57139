/* SPDX-License-Identifier: BSD-3-Clause */
/** Sleeping workers and what comes meanwhile: at line rate it all has room in the queues. */
#include "dataplane/device.h"
#include "dataplane/nap.h"
#include "test/lib/check.h"

static void
line_rates(void)
{
	CHECK_EQ(nap_line_pps(1000), 1488095); /* as everybody knows them */
	CHECK_EQ(nap_line_pps(10000), 14880952);
	CHECK_EQ(nap_line_pps(100000), 148809523);
	CHECK_EQ(nap_line_pps(UINT32_MAX), UINT32_MAX); /* not known */
}

/** Whatever queue and speed: what comes during the longest nap fills no more than half of it. */
static void
a_nap_loses_nothing(void)
{
	static const uint32_t mbps[] = { 10, 100, 1000, 2500, 5000, 10000, 20000, 25000, 40000,
		50000, 100000, 200000, UINT32_MAX };
	unsigned naps = 0;

	for (unsigned i = 0; i < sizeof(mbps) / sizeof(mbps[0]); i++)
		for (uint32_t slots = 1; slots <= 32768; slots += slots < 64 ? 1 : 61) {
			uint32_t pps = nap_line_pps(mbps[i]), longest = nap_longest_us(slots, pps);

			CHECK(longest == 0 || (longest >= NAP_MIN_US && longest <= NAP_MAX_US));
			for (uint32_t rounds = 0; rounds < 3000; rounds += 13) {
				uint32_t us = nap_us(rounds, longest);

				CHECK((uint64_t)us * pps <= (uint64_t)slots * 1000000 / 2);
				naps += us > 0;
			}
		}
	CHECK(naps > 10000);
}

/** Fast cards are polled, slow ones and the kernel's devices are not without need. */
static void
naps_of_ports(void)
{
	CHECK_EQ(nap_longest_us(1024, nap_line_pps(1000)), 344);
	CHECK_EQ(nap_longest_us(1024, nap_line_pps(10000)), 34);
	CHECK_EQ(nap_longest_us(4096, nap_line_pps(10000)), 137);
	CHECK_EQ(nap_longest_us(1024, nap_line_pps(25000)), 0);
	CHECK_EQ(nap_longest_us(4096, nap_line_pps(100000)), 0);
	CHECK_EQ(nap_longest_us(512, NAP_KERNEL_PPS), 128);
	CHECK_EQ(nap_longest_us(65535, NAP_KERNEL_PPS), NAP_MAX_US);
	CHECK_EQ(nap_longest_us(0, NAP_KERNEL_PPS), 0);
	CHECK_EQ(nap_longest_us(1024, 0), NAP_MAX_US); /* nothing can come */
}

static void
longer_the_longer_nothing_comes(void)
{
	uint32_t before = 0;

	CHECK_EQ(nap_us(0, NAP_MAX_US), 0);
	CHECK_EQ(nap_us(255, NAP_MAX_US), 0);
	CHECK_EQ(nap_us(256, NAP_MAX_US), NAP_MIN_US);
	CHECK_EQ(nap_us(UINT32_MAX, NAP_MAX_US), NAP_MAX_US);
	CHECK_EQ(nap_us(UINT32_MAX, 50), 50);
	CHECK_EQ(nap_us(UINT32_MAX, 0), 0);
	for (uint32_t rounds = 0; rounds < 2000; rounds++) {
		CHECK(nap_us(rounds, NAP_MAX_US) >= before);
		before = nap_us(rounds, NAP_MAX_US);
	}
	CHECK_EQ(before, NAP_MAX_US);
}

static void
frames_of_a_ring(void)
{
	CHECK_EQ(device_ring_frames("net_af_packet0,iface=eth0"), 512);
	CHECK_EQ(device_ring_frames("net_af_packet0,iface=eth0,framecnt=4096,framesz=2048"), 4096);
}

int
main(void)
{
	TEST(line_rates);
	TEST(a_nap_loses_nothing);
	TEST(naps_of_ports);
	TEST(longer_the_longer_nothing_comes);
	TEST(frames_of_a_ring);
	return check_done();
}

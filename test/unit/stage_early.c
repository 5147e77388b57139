/* SPDX-License-Identifier: BSD-3-Clause */
/** ESP that a peer sends on its new SA while the hub still computes the keys: it waits. */
#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "dataplane/early.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static const struct hub_sa conf = { .encr = ENCR_AES_GCM_16, .bits = 256, .window = 4096 };

static struct packet p;

static void
send_one(struct hub_spoke *from, const struct hub_spoke *to, uint16_t n)
{
	hub_ping(&p, from, to->overlay_be, n);
	hub_push(hub.wan, 0, &p);
}

/** The number of octets says which one it is. */
static bool
arrived(struct hub_spoke *to, uint16_t n)
{
	return hub_out(hub.wan, &p) && hub_unwrap(&p, to, 0) && p.bytes == 20 + n;
}

/** In all framings, whichever worker the SA will belong to: all arrive, in their order. */
static void
nothing_is_lost_and_order_is_kept(void)
{
	for (unsigned round = 0; round < 12; round++) {
		enum hub_cloud c = TRANSPORT + round % 3;
		struct hub_spoke *from = &hub.spoke[c][0], *to = &hub.spoke[c][1];
		uint32_t old_spi = from->out.spi;
		uint64_t ends;

		hub_forget();
		ends = hub_count_all();
		hub_rekey_begin(from, &conf);
		for (uint16_t i = 0; i < EARLY_PER_SPI; i++) {
			send_one(from, to, i);
			hub_settle();
		}
		CHECK_EQ(hub_count_all(), ends);
		CHECK_EQ(hub.told[DP_BAD_SPI], 0);
		CHECK_EQ(hub.w->early->n, EARLY_PER_SPI);

		hub_rekey_end(from, &conf);
		send_one(from, to, EARLY_PER_SPI); /* on time, but not ahead of those that wait */
		hub_settle();
		for (uint16_t i = 0; i <= EARLY_PER_SPI; i++)
			CHECK(arrived(to, i));
		CHECK_EQ(hub_count_all() - ends, EARLY_PER_SPI + 1);
		CHECK_EQ(hub.w->early->n, 0);
		CHECK_EQ(dp_sa_in_retire(hub.dp, old_spi, 0), 0);
		CHECK(hub_buffers_back());
	}
}

/** The exchange failed: as if the SPI had never been, and the peer is told. */
static void
spi_given_back(void)
{
	struct hub_spoke s = hub.spoke[NATT][0];
	uint64_t unknown = hub_count(VERDICT_DROP_ESP_SPI);

	hub_forget();
	CHECK_EQ(dp_spi_new(hub.dp, &s.out.spi), 0);
	send_one(&s, &hub.spoke[NATT][1], 10);
	hub_settle();
	CHECK_EQ(hub.told[DP_BAD_SPI], 0);
	dp_spi_free(hub.dp, s.out.spi);
	hub_settle();
	CHECK_EQ(hub.told[DP_BAD_SPI], 1);
	CHECK_EQ(hub.last[DP_BAD_SPI].spi, s.out.spi);
	send_one(&s, &hub.spoke[NATT][1], 10);
	hub_settle();
	CHECK_EQ(hub_count(VERDICT_DROP_ESP_SPI) - unknown, 2);
	CHECK_EQ(hub.w->early->n, 0);
	CHECK(hub_buffers_back());
}

/** An SA that ended, too, is unknown at once; its grace is not ours to stretch. */
static void
retired_sa_is_not_expected(void)
{
	struct hub_spoke *s = &hub.spoke[TUNNEL][0];
	uint64_t unknown = hub_count(VERDICT_DROP_ESP_SPI);

	hub_ping(&p, s, hub.spoke[TUNNEL][1].overlay_be, 10); /* sealed by the old SA */
	hub_rekey(s, &conf);
	hub_settle();
	hub_push(hub.wan, 0, &p);
	hub_settle();
	CHECK_EQ(hub_count(VERDICT_DROP_ESP_SPI) - unknown, 1);
	CHECK_EQ(hub.w->early->n, 0);
}

/** Neither one SPI nor all of them together can take more than their part. */
static void
bounded_in_number(void)
{
	struct hub_spoke s[EARLY_MAX / EARLY_PER_SPI + 1];
	uint64_t drops = hub_count(VERDICT_DROP_ESP_EARLY);

	for (unsigned i = 0; i < RTE_DIM(s); i++) {
		s[i] = hub.spoke[TRANSPORT][0];
		CHECK_EQ(dp_spi_new(hub.dp, &s[i].out.spi), 0);
		for (unsigned n = 0; n < EARLY_PER_SPI + 10; n++)
			send_one(&s[i], &hub.spoke[TRANSPORT][1], 10);
		hub_settle();
		CHECK_EQ(hub.w->early->n, i < RTE_DIM(s) - 1 ? (i + 1) * EARLY_PER_SPI : EARLY_MAX);
	}
	CHECK_EQ(hub_count(VERDICT_DROP_ESP_EARLY) - drops,
		RTE_DIM(s) * (EARLY_PER_SPI + 10) - EARLY_MAX);
	for (unsigned i = 0; i < RTE_DIM(s); i++)
		dp_spi_free(hub.dp, s[i].out.spi);
	hub_forget();
	CHECK(hub_buffers_back());
}

static void
bounded_in_time(void)
{
	struct hub_spoke s = hub.spoke[TRANSPORT][0];
	uint64_t drops = hub_count(VERDICT_DROP_ESP_EARLY);
	uint64_t before, after;

	CHECK_EQ(dp_spi_new(hub.dp, &s.out.spi), 0);
	before = rte_rdtsc();
	send_one(&s, &hub.spoke[TRANSPORT][1], 10);
	send_one(&s, &hub.spoke[TRANSPORT][1], 10);
	hub_settle();
	after = rte_rdtsc();
	CHECK_EQ(hub.w->early->n, 2);
	CHECK(hub.w->early->packet[0].until_tsc >= before + EARLY_MS * hub.w->tsc_per_ms);
	CHECK(hub.w->early->packet[0].until_tsc <= after + EARLY_MS * hub.w->tsc_per_ms);
	hub.w->early->packet[0].until_tsc = before;
	hub_settle();
	CHECK_EQ(hub.w->early->n, 1);
	CHECK_EQ(hub_count(VERDICT_DROP_ESP_EARLY) - drops, 1);
	dp_spi_free(hub.dp, s.out.spi);
	CHECK(hub_buffers_back());
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(nothing_is_lost_and_order_is_kept);
	TEST(spi_given_back);
	TEST(retired_sa_is_not_expected);
	TEST(bounded_in_number);
	TEST(bounded_in_time);
	hub_stop();
	return check_done();
}

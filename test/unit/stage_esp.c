/* SPDX-License-Identifier: BSD-3-Clause */
/** ESP in and out through the pipeline: suites, modes, numbers, selectors, what is told. */
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

static const struct hub_sa gcm = { .encr = ENCR_AES_GCM_16, .bits = 256, .window = 64 };
static const struct hub_sa gcm_esn = {
	.encr = ENCR_AES_GCM_16, .bits = 128, .window = 128, .esn = true
};

static struct packet p;

static bool
arrives(struct hub_spoke *to, uint32_t seq_hi)
{
	return hub_out(hub.wan, &p) && hub_unwrap(&p, to, seq_hi);
}

static bool
hairpin(struct hub_spoke *from, struct hub_spoke *to, uint16_t n, uint32_t seq_hi)
{
	const struct rte_ipv4_hdr *ip = (const void *)(p.buf + PACKET_HEAD);

	hub_ping(&p, from, to->overlay_be, n);
	hub_in(hub.wan, &p);
	if (!arrives(to, seq_hi) || p.bytes != 20 + n)
		return false;
	ip = (const void *)packet_at(&p);
	for (uint16_t i = 0; i < n; i++)
		if (packet_at(&p)[20 + i] != (uint8_t)i)
			return false;
	return ip->time_to_live == 63 && rte_ipv4_cksum(ip) == 0;
}

/** Every suite, all three framings, lengths around the block sizes, 32 and 64-bit numbers. */
static void
every_suite_and_mode(void)
{
	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		const struct esp_suite *s = esp_suite_at(i);
		struct hub_sa conf = {
			.encr = s->encr_id, .bits = s->key_bits, .integ = s->integ_id, .window = 64
		};

		for (int n = 0; n < 6; n++) {
			enum hub_cloud c = TRANSPORT + n % 3;
			struct hub_spoke *a = &hub.spoke[c][0], *b = &hub.spoke[c][1];
			bool good = true;

			conf.esn = n >= 3;
			hub_rekey(a, &conf);
			hub_rekey(b, &conf);
			for (uint16_t len = 0; len < 34; len++)
				good &= hairpin(a, b, len, 0);
			good &= hairpin(a, b, peer_get(&hub.dp->t, b->peer)->mtu - 20, 0);
			CHECK(good);
			if (!good)
				printf("# %s, cloud %d, esn %d\n", s->name, c, conf.esn);
			hub_forget();
		}
	}
}

/**
 * The inner MTU is what fits the port: a packet of that size leaves in one piece, one
 * octet more is refused with just that number, or fragmented before the cipher.
 */
static void
inner_mtu_fits_the_port(void)
{
	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		const struct esp_suite *s = esp_suite_at(i);
		struct hub_sa conf = {
			.encr = s->encr_id, .bits = s->key_bits, .integ = s->integ_id, .window = 64
		};

		for (enum hub_cloud c = TRANSPORT; c <= NATT; c++) {
			struct hub_spoke *a = &hub.spoke[CLEAR][0], *b = &hub.spoke[c][1];
			uint16_t mtu;

			hub.cloud[c].mtu = 1500;
			hub_cloud_set(c);
			hub_peer_set(b);
			hub_rekey(b, &conf);
			mtu = peer_get(&hub.dp->t, b->peer)->mtu;
			CHECK(mtu > 1370 && mtu < 1450);
			packet_payload(&p, (uint16_t)(mtu - 20));
			packet_ip(&p, LAN_BE, b->overlay_be, 253);
			packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
			hub_in(hub.lan, &p);
			CHECK(hub_out(hub.wan, &p));
			/* Full to the last block. */
			CHECK(p.bytes <= 1514 && p.bytes + s->block_bytes > 1514);
			CHECK(hub_unwrap(&p, b, 0));
			hub_ping(&p, a, b->overlay_be, (uint16_t)(mtu + 1 - 20));
			hub_in(hub.wan, &p);
			CHECK(arrives(b, 0));
			CHECK(arrives(b, 0));
			hub.cloud[c].mtu = 1400;
			hub_cloud_set(c);
			hub_peer_set(b);
			hub_forget();
		}
	}
}

static void
number_passes_the_half_with_esn(void)
{
	struct hub_spoke *a = &hub.spoke[TRANSPORT][0], *b = &hub.spoke[TRANSPORT][1];
	uint64_t start = UINT32_MAX - 2ull;

	hub_rekey(a, &gcm_esn);
	hub_rekey(b, &gcm_esn);
	hub_sa_in(a)->top = a->seq = start;
	hub_sa_out(b)->seq = start;
	for (int i = 0; i < 6; i++)
		CHECK(hairpin(a, b, 40, i < 2 ? 0 : 1));
	CHECK_EQ(hub_sa_in(a)->top, start + 6);
	CHECK_EQ(hub_sa_out(b)->seq, start + 6);

	/* One that was late, from the half before, and the same again. */
	hub_sa_in(a)->window[(start - 3) / 64 & (hub_sa_in(a)->window_words - 1u)] = 0;
	a->seq = start - 4;
	CHECK(hairpin(a, b, 40, 1));
	a->seq = start - 4;
	CHECK(!hairpin(a, b, 40, 1));
	hub_forget();
}

static void
window_through_the_pipeline(void)
{
	struct hub_spoke *a = &hub.spoke[TUNNEL][0], *b = &hub.spoke[TUNNEL][1];
	static const struct {
		uint64_t seq;
		bool passes;
	} steps[] = {
		{ 100, true },
		{ 37, true },  /* the last inside 64 */
		{ 36, false }, /* one too old */
		{ 37, false },
		{ 101, true },
		{ 38, true },
		{ 37, false },
		{ 100, false },
		{ 5000, true },
		{ 101, false },
	};

	hub_rekey(a, &gcm);
	hub_rekey(b, &gcm);
	for (unsigned i = 0; i < RTE_DIM(steps); i++) {
		a->seq = steps[i].seq - 1;
		CHECK_EQ(hairpin(a, b, 20, 0), steps[i].passes);
	}
	CHECK_EQ(hub_sa_in(a)->drops_replay, 5);

	/* What is too old is refused before the cipher is asked, even when it is forged. */
	a->seq = 99;
	hub_ping(&p, a, b->overlay_be, 20);
	packet_at(&p)[p.bytes - 1] ^= 1;
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_sa_in(a)->drops_replay, 6);
	CHECK_EQ(hub_sa_in(a)->drops_auth, 0);
}

/** Numbers count only when they are authentic: neither window nor port moves for a forgery. */
static void
forgery_moves_nothing(void)
{
	struct hub_spoke *a = &hub.spoke[NATT][0];

	hub_rekey(a, &gcm);
	hub_forget();
	a->seq = 999;
	a->udp = 7777;
	hub_ping(&p, a, IPV4(10, 0, 4, 1), 20);
	packet_at(&p)[p.bytes - 1] ^= 1;
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_sa_in(a)->top, 0);
	CHECK_EQ(hub_sa_in(a)->drops_auth, 1);
	CHECK_EQ(hub.told[DP_NAT_MOVED], 0);
	CHECK_EQ(hub.told[DP_SA_USED], 0);
	a->udp = a->spec.udp_remote;
}

static void
ping_hub(struct hub_spoke *a)
{
	hub_ping(&p, a, IPV4(10, 0, 4, 1), 20);
	hub_in(hub.wan, &p);
}

static void
nat_that_moves_is_told_once(void)
{
	struct hub_spoke *a = &hub.spoke[NATT][0];

	hub_rekey(a, &gcm);
	hub_forget();
	ping_hub(a);
	CHECK_EQ(hub.told[DP_SA_USED], 1);
	CHECK_EQ(hub.told[DP_NAT_MOVED], 0);

	a->udp = 7777;
	hub.w->budget[METER_EVENT].full_at = UINT64_MAX / 2;
	ping_hub(a); /* the meter holds it back: later, then */
	CHECK_EQ(hub.told[DP_NAT_MOVED], 0);
	hub.w->budget[METER_EVENT].full_at = 0;
	ping_hub(a);
	ping_hub(a);
	CHECK_EQ(hub.told[DP_NAT_MOVED], 1);
	CHECK_EQ(hub.last[DP_NAT_MOVED].remote_port, 7777);
	CHECK_EQ(hub.last[DP_NAT_MOVED].cookie, a->peer * 10);

	a->seq -= 2; /* an older packet that arrives late from the old place says nothing */
	hub_sa_in(a)->window[0] = 0;
	a->udp = 8888;
	ping_hub(a);
	CHECK_EQ(hub.told[DP_NAT_MOVED], 1);
	CHECK_EQ(hub.told[DP_SA_USED], 1);
	a->udp = a->spec.udp_remote;
}

static void
soft_limits_are_told_once(void)
{
	struct hub_spoke *a = &hub.spoke[CLEAR][0], *b = &hub.spoke[TRANSPORT][1];

	hub_rekey(b, &gcm);
	hub_sa_out(b)->soft_packets = 3;
	hub_forget();
	CHECK(hairpin(a, b, 20, 0));
	CHECK(hairpin(a, b, 20, 0));
	CHECK_EQ(hub.told[DP_SA_SOFT], 0);
	hub.w->budget[METER_EVENT].full_at = UINT64_MAX / 2;
	CHECK(hairpin(a, b, 20, 0));
	CHECK_EQ(hub.told[DP_SA_SOFT], 0);
	hub.w->budget[METER_EVENT].full_at = 0;
	CHECK(hairpin(a, b, 20, 0));
	CHECK(hairpin(a, b, 20, 0));
	CHECK_EQ(hub.told[DP_SA_SOFT], 1);
	CHECK_EQ(hub.last[DP_SA_SOFT].cookie, b->peer * 10);

	hub_rekey(b, &gcm);
	hub_sa_out(b)->soft_bytes = 100;
	hub_forget();
	CHECK(hairpin(a, b, 20, 0)); /* 48 octets from GRE on */
	CHECK(hairpin(a, b, 20, 0));
	CHECK_EQ(hub.told[DP_SA_SOFT], 0);
	CHECK(hairpin(a, b, 20, 0));
	CHECK_EQ(hub.told[DP_SA_SOFT], 1);
}

static void
other_workers_sa_is_handed_over(void)
{
	struct hub_spoke *a = &hub.spoke[TRANSPORT][0], *b = &hub.spoke[TRANSPORT][1];
	uint64_t handovers;

	hub_rekey(a, &gcm);
	hub_rekey(b, &gcm);
	hub_sa_in(a)->owner = 1;
	handovers = hub.other->c->handovers;
	CHECK(hairpin(a, b, 100, 0));
	CHECK_EQ(hub.other->c->handovers - handovers, 1);
	CHECK_EQ(hub_sa_in(a)->packets, 1);
}

/* ---- what is inside must be what the SA is for ------------------------------------------- */

static bool
refused_as_format(void)
{
	uint64_t before = hub_count(VERDICT_DROP_ESP_FORMAT);

	hub_in(hub.wan, &p);
	return hub_count(VERDICT_DROP_ESP_FORMAT) == before + 1;
}

static void
padding_must_count_up(void)
{
	static const struct {
		uint8_t bytes[6], n;
		bool good;
	} rows[] = { { { 0, IPPROTO_GRE }, 2, true }, { { 1, 2, 3, 4, 4, IPPROTO_GRE }, 6, true },
		{ { 1, 2, 3, 5, 4, IPPROTO_GRE }, 6, false },
		{ { 0, 0, 0, 0, 4, IPPROTO_GRE }, 6, false },
		{ { 1, 2, 3, 4, 255, IPPROTO_GRE }, 6, false } };
	struct hub_spoke *a = &hub.spoke[TRANSPORT][0];

	hub_rekey(a, &gcm);
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		packet_payload(&p, 22); /* with IP and GRE 50: two or six more are whole words */
		packet_ip(&p, a->overlay_be, IPV4(10, 0, 2, 1), 253);
		hub_gre(&p, a, RTE_ETHER_TYPE_IPV4);
		packet_seal_trailer(&p, &a->out, ++a->seq, rows[i].bytes, rows[i].n);
		hub_outer(&p, a, IPPROTO_ESP);
		CHECK_EQ(refused_as_format(), !rows[i].good);
	}
}

/** A packet with so much padding, one octet of which is wrong (-1: none). Was it refused? */
static bool
padding_refused(struct hub_spoke *a, uint8_t n, int wrong)
{
	uint8_t trailer[254];

	for (int i = 0; i < n; i++)
		trailer[i] = (uint8_t)(i + 1 + (i == wrong ? 0x80 : 0));
	trailer[n] = n;
	trailer[n + 1] = IPPROTO_GRE;
	packet_payload(&p, (uint16_t)(22 + (-n & 3)));
	packet_ip(&p, a->overlay_be, IPV4(10, 0, 2, 1), 253);
	hub_gre(&p, a, RTE_ETHER_TYPE_IPV4);
	packet_seal_trailer(&p, &a->out, ++a->seq, trailer, (uint8_t)(n + 2));
	hub_outer(&p, a, IPPROTO_ESP);
	return refused_as_format();
}

static void
every_octet_of_padding_counts(void)
{
	struct hub_spoke *a = &hub.spoke[TRANSPORT][0];

	hub_rekey(a, &gcm);
	for (int n = 0; n <= 252; n += n < 24 ? 1 : 114)
		for (int wrong = -1; wrong < n; wrong++)
			if (padding_refused(a, (uint8_t)n, wrong) != (wrong >= 0))
				CHECK_EQ(n, wrong);
}

/** As hub_protect() in tunnel mode, with these addresses and protocol inside. */
static void
tunnel(struct hub_spoke *a, uint32_t src, uint32_t dst, uint8_t proto, uint16_t frag, uint8_t tos)
{
	struct rte_ipv4_hdr *ip;

	packet_payload(&p, 20);
	packet_ip(&p, a->overlay_be, IPV4(10, 0, 3, 1), 253)->type_of_service = 2; /* ECT0 */
	packet_ip_fix(&p);
	hub_gre(&p, a, RTE_ETHER_TYPE_IPV4);
	ip = packet_ip(&p, src, dst, proto);
	ip->fragment_offset = rte_cpu_to_be_16(frag);
	ip->type_of_service = tos;
	packet_ip_fix(&p);
	packet_seal(&p, &a->out, ++a->seq, IPPROTO_IPIP);
	hub_outer(&p, a, IPPROTO_ESP);
}

static void
selectors_of_tunnel_mode(void)
{
	struct hub_spoke *a = &hub.spoke[TUNNEL][0];

	hub_rekey(a, &gcm);
	hub_forget();
	tunnel(a, a->outer_be, HUB_BE, IPPROTO_GRE, 0, 3);
	CHECK(!refused_as_format());
	CHECK_EQ(hub.told[DP_INNER], 1);
	CHECK_EQ(hub.last_data[DP_INNER][1], 3); /* congestion in the middle header goes in */
	tunnel(a, IPV4(192, 0, 2, 77), HUB_BE, IPPROTO_GRE, 0, 0);
	CHECK(refused_as_format());
	tunnel(a, a->outer_be, IPV4(192, 0, 2, 2), IPPROTO_GRE, 0, 0);
	CHECK(refused_as_format());
	tunnel(a, a->outer_be, HUB_BE, IPPROTO_TCP, 0, 0);
	CHECK(refused_as_format());
	tunnel(a, a->outer_be, HUB_BE, IPPROTO_GRE, RTE_IPV4_HDR_MF_FLAG, 0);
	CHECK(refused_as_format());
	/* Transport framing on it. */
	packet_payload(&p, 20);
	hub_gre(&p, a, RTE_ETHER_TYPE_IPV4);
	packet_seal(&p, &a->out, ++a->seq, IPPROTO_GRE);
	hub_outer(&p, a, IPPROTO_ESP);
	CHECK(refused_as_format());
}

/** In transport mode the outer addresses are what IKE agreed on, unless a NAT is in between. */
static void
selectors_of_transport_mode(void)
{
	struct hub_spoke *a = &hub.spoke[TRANSPORT][0], *n = &hub.spoke[NATT][0];
	uint32_t own = a->outer_be;

	hub_rekey(a, &gcm);
	hub_rekey(n, &gcm);
	a->outer_be = n->outer_be = IPV4(192, 0, 2, 99);
	hub_ping(&p, a, IPV4(10, 0, 2, 1), 20);
	CHECK(refused_as_format());
	hub_ping(&p, n, IPV4(10, 0, 4, 1), 20);
	CHECK(!refused_as_format());
	a->outer_be = n->outer_be = own;
	hub_ping(&p, a, IPV4(10, 0, 2, 1), 20);
	CHECK(!refused_as_format());
}

/* ---- bursts --------------------------------------------------------------------------------- */

/** A full burst of many SAs and suites, some forged: all others come out, at once, in number. */
static void
mixed_burst(void)
{
	static const struct hub_sa cbc = {
		.encr = ENCR_AES_CBC, .bits = 128, .integ = AUTH_HMAC_SHA2_256_128, .window = 1024
	};
	struct burst b = { 0 };
	uint64_t sent = hub_count(VERDICT_TX), forged = 0;

	for (enum hub_cloud c = TRANSPORT; c <= NATT; c++)
		for (int i = 0; i < HUB_SPOKES; i++)
			hub_rekey(&hub.spoke[c][i], (c + i) % 2 ? &gcm : &cbc);
	while (b.n < BURST_MAX) {
		enum hub_cloud c = TRANSPORT + b.n % 3;
		struct hub_spoke *a = &hub.spoke[c][b.n / 3 % 2];

		hub_ping(&p, a, hub.spoke[TRANSPORT + b.n / 7 % 3][b.n % 2].overlay_be, 64);
		if (b.n % 5 == 0) {
			packet_at(&p)[p.bytes - 1] ^= 1;
			forged++;
		}
		burst_add(&b, hub_mbuf(&p, 128));
		pkt_meta(b.pkt[b.n - 1])->port = hub.wan;
	}
	pipeline_rx(hub.w, &b);
	pipeline_flush(hub.w);
	CHECK_EQ(esp_pending(hub.w->open) + esp_pending(hub.w->seal), 0);
	hub_settle();
	CHECK_EQ(hub_count(VERDICT_TX) - sent, BURST_MAX - forged);
	CHECK(hub_buffers_back() || hub_drain() == BURST_MAX - forged);
	hub_forget();
	CHECK(hub_buffers_back());
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL))
		return 1;
	TEST(every_suite_and_mode);
	TEST(inner_mtu_fits_the_port);
	TEST(number_passes_the_half_with_esn);
	TEST(window_through_the_pipeline);
	TEST(forgery_moves_nothing);
	TEST(nat_that_moves_is_told_once);
	TEST(soft_limits_are_told_once);
	TEST(other_workers_sa_is_handed_over);
	TEST(padding_must_count_up);
	TEST(every_octet_of_padding_counts);
	TEST(selectors_of_tunnel_mode);
	TEST(selectors_of_transport_mode);
	TEST(mixed_burst);
	hub_stop();
	return check_done();
}

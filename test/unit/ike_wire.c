/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec, negotiation, NAT detection and window, against messages of real peers. */
#include <errno.h>

#include "control/ike/ike_nat.h"
#include "control/ike/ike_prop.h"
#include "control/ike/ike_window.h"
#include "control/ike/ike_vendor.h"
#include "control/ike/ike_wire.h"
#include "test/lib/check.h"

static uint8_t pcap[200000];
static size_t pcap_bytes;

struct datagram {
	const uint8_t *ip; /* header */
	const uint8_t *ike;
	size_t n;
	uint16_t sport, dport;
};

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/** Next IKE datagram of strongSwan, libreswan and openiked; *at from 24. */
static bool
next_ike(size_t *at, struct datagram *d)
{
	while (*at + 16 < pcap_bytes) {
		const uint8_t *p = pcap + *at + 16;
		uint32_t bytes;

		memcpy(&bytes, pcap + *at + 8, 4);
		*at += 16 + bytes;
		if (be16(p + 12) != 0x0800 || p[14 + 9] != 17 || (be16(p + 20) & 0x3fff) != 0)
			continue;
		const uint8_t *udp = p + 14 + (p[14] & 15) * 4;

		*d = (struct datagram){ .ip = p + 14,
			.ike = udp + 8,
			.sport = be16(udp),
			.dport = be16(udp + 2),
			.n = be16(udp + 4) - 8u };
		if (d->sport == 500 || d->dport == 500)
			return true;
		if ((d->sport != 4500 && d->dport != 4500) || d->n < 4 ||
			memcmp(d->ike, "\0\0\0\0", 4) != 0)
			continue;
		d->ike += 4;
		d->n -= 4;
		return true;
	}
	return false;
}

static void
real_messages_parse(void)
{
	unsigned init = 0, sealed = 0, fragments = 0, offers = 0, chosen = 0;
	struct config_proposal ours[] = {
		{ .encr = 12, .encr_bits = 128, .integ = 12, .prf = 5, .dh = 19 },
		{ .encr = 12, .encr_bits = 128, .integ = 12, .prf = 5, .dh = 14 },
		{ .encr = 12, .encr_bits = 256, .integ = 12, .prf = 5, .dh = 14 },
		{ .encr = 12, .encr_bits = 256, .integ = 12, .prf = 5, .dh = 31 },
		{ .encr = 20, .encr_bits = 256, .prf = 7, .dh = 20 },
		{ .encr = 20, .encr_bits = 128, .prf = 5, .dh = 31 },
	};
	struct ike_policy policy = { .protocol = PROTO_IKE, .lines = ours, .lines_count = 6 };
	struct ike_payloads p;
	struct ike_header h;
	struct ike_offer o;
	struct ike_suite s;
	struct datagram d;
	size_t at = 24;

	while (next_ike(&at, &d)) {
		CHECK_EQ(ike_header_read(d.ike, d.n, &h), 0);
		CHECK_EQ(ike_header_read(d.ike, d.n - 1, &h), -EBADMSG);
		CHECK_EQ(h.version, 0x20);
		CHECK_EQ(ike_payloads_read(h.next_payload, d.ike + 28, d.n - 28, &p), 0);
		for (size_t cut = 0; cut < d.n - 28; cut++)
			CHECK_EQ(ike_payloads_read(h.next_payload, d.ike + 28, cut, &p), -EBADMSG);
		CHECK_EQ(ike_payloads_read(h.next_payload, d.ike + 28, d.n - 28, &p), 0);
		sealed += p.sk_type == PAYLOAD_SK;
		fragments += p.sk_type == PAYLOAD_SKF;
		if (h.exchange != EXCHANGE_SA_INIT)
			continue;
		init++;
		CHECK(p.sa.data != NULL && p.ke.data != NULL && p.nonce.data != NULL);
		struct cursor c = cur_over(p.sa.data, p.sa.bytes);
		int more;

		while ((more = ike_offer_next(&c, &o)) > 0) {
			CHECK_EQ(o.protocol, PROTO_IKE);
			offers++;
		}
		CHECK_EQ(more, 0);
		policy.ke_group = p.ke_group;
		if (ike_suite_choose(p.sa, &policy, &s) == 0) {
			chosen++;
			CHECK_EQ(s.dh, p.ke_group);
		}
	}
	CHECK_EQ(init, 16);
	CHECK_EQ(sealed, 37);
	CHECK_EQ(fragments, 16);
	CHECK(offers >= 16);
	CHECK(chosen > 0);
}

/** A KE payload with a group but no value counts as none: libreswan 4 answers a rekey so. */
static void
empty_ke_is_none(void)
{
	uint8_t ke[] = { 0, 0, 0, 9, 0, 19, 0, 0, 77 };
	struct ike_payloads p;

	CHECK_EQ(ike_payloads_read(PAYLOAD_KE, ke, sizeof(ke), &p), 0);
	CHECK(p.ke.data != NULL && p.ke.bytes == 1 && p.ke_group == 19);
	ke[3] = 8;
	CHECK_EQ(ike_payloads_read(PAYLOAD_KE, ke, 8, &p), 0);
	CHECK(p.ke.data == NULL && p.ke_group == DH_NONE);
	ke[3] = 7;
	CHECK_EQ(ike_payloads_read(PAYLOAD_KE, ke, 7, &p), -EBADMSG);
}

static void
real_nat_hashes_fit(void)
{
	unsigned fits = 0, natted = 0;
	struct ike_payloads p;
	struct ike_header h;
	struct datagram d;
	size_t at = 24;
	bool local, remote;

	while (next_ike(&at, &d)) {
		struct ike_path path = { .local_port = d.dport, .remote_port = d.sport };

		ike_header_read(d.ike, d.n, &h);
		if (h.exchange != EXCHANGE_SA_INIT)
			continue;
		ike_payloads_read(h.next_payload, d.ike + 28, d.n - 28, &p);
		addr_from_bytes(&path.remote, d.ip + 12, 4);
		addr_from_bytes(&path.local, d.ip + 16, 4);
		ike_nat_detect(&p, h.spi_i, h.spi_r, &path, &local, &remote);
		fits += !local && !remote;
		natted += local || remote;
		path.remote_port ^= 1;
		ike_nat_detect(&p, h.spi_i, h.spi_r, &path, &local, &remote);
		CHECK(remote || ike_notify_find(&p, N_NAT_DETECTION_SOURCE_IP) == NULL);
	}
	CHECK(fits >= 6);
	CHECK(natted > 0); /* one of the peers was behind a NAT */
}

static void
choice_follows_our_order(void)
{
	/* The peer: CBC-256/128 with SHA2-512/256 and SHA1, groups 19, 14, 5, one proposal. */

	static const struct ike_transform all[] = { { T_ENCR, 12, 256 }, { T_ENCR, 12, 128 },
		{ T_INTEG, 14, 0 }, { T_INTEG, 12, 0 }, { T_INTEG, 2, 0 }, { T_PRF, 7, 0 },
		{ T_PRF, 5, 0 }, { T_PRF, 2, 0 }, { T_DH, 19, 0 }, { T_DH, 14, 0 },
		{ T_DH, 5, 0 } };
	static const struct {
		struct config_proposal ours[2];
		uint16_t ke, want; /* index of our line + 1, 0 = none */
	} cases[] = {
		{ { { 12, 128, 12, 5, 14, 0, 0 }, { 12, 256, 14, 7, 19, 0, 0 } }, 14, 1 },
		{ { { 12, 128, 12, 5, 14, 0, 0 }, { 12, 256, 14, 7, 19, 0, 0 } }, 19,
			2 }, /* its KE */
		{ { { 12, 128, 12, 5, 14, 0, 0 }, { 12, 256, 14, 7, 19, 0, 0 } }, 5, 1 },
		{ { { 12, 128, 12, 5, 14, 0, 0 }, { 12, 256, 14, 7, 5, 0, 1 } }, 5, 1 }, /* weak */
		{ { { 20, 128, 0, 5, 14, 0, 0 }, { 12, 256, 2, 2, 5, 0, 0 } }, 14, 2 },
		{ { { 20, 128, 0, 5, 14, 0, 0 }, { 12, 192, 2, 2, 5, 0, 0 } }, 14, 0 },
		{ { { 12, 256, 12, 6, 14, 0, 0 }, { 12, 256, 12, 5, 31, 0, 0 } }, 14, 0 },
	};
	uint8_t sa[256];
	struct writer w = wr_over(sa, sizeof(sa));
	struct ike_suite s;

	wr_be32(&w, 0);
	wr_be32(&w, 0x05010000u | 11);
	for (int i = 0; i < 11; i++) {
		wr_be16(&w, i == 10 ? 0 : 0x0300);
		wr_be16(&w, all[i].key_bits ? 12 : 8);
		wr_be16(&w, (uint16_t)(all[i].type << 8));
		wr_be16(&w, all[i].id);
		if (all[i].key_bits)
			wr_be32(&w, 0x800e0000u | all[i].key_bits);
	}
	wr_patch_be16(&w, 2, (uint16_t)wr_used(&w));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_policy p = { .protocol = PROTO_IKE,
			.lines = cases[i].ours,
			.lines_count = 2,
			.ke_group = cases[i].ke };
		int err = ike_suite_choose((struct ike_view){ sa, wr_used(&w) }, &p, &s);

		CHECK_EQ(err, cases[i].want ? 0 : -ENOENT);
		if (err != 0)
			continue;
		CHECK_EQ(s.encr_bits, cases[i].ours[cases[i].want - 1].encr_bits);
		CHECK_EQ(s.dh, cases[i].ours[cases[i].want - 1].dh);
		CHECK_EQ(s.number, 5);
	}

	/* Of free groups a strong one before that of the KE, and that before our order. */
	static const uint16_t groups[] = { 5, 14, 19 };
	static const struct {
		size_t known;
		uint16_t ke, want;
	} free_choice[] = { { 1, 5, 5 }, { 2, 5, 14 }, { 3, 5, 14 }, { 3, 19, 19 }, { 3, 0, 0 } };

	for (size_t i = 0; i < sizeof(free_choice) / sizeof(free_choice[0]); i++) {
		struct ike_policy p = { .protocol = PROTO_IKE,
			.lines = cases[0].ours,
			.lines_count = 2,
			.dh_rule = free_choice[i].ke != 0 ? DH_RULE_PEER : DH_RULE_NONE,
			.groups = groups,
			.groups_count = free_choice[i].known,
			.ke_group = free_choice[i].ke };
		int err = ike_suite_choose((struct ike_view){ sa, wr_used(&w) }, &p, &s);

		CHECK_EQ(err, free_choice[i].want != 0 ? 0 : -ENOENT);
		if (err == 0)
			CHECK_EQ(s.dh, free_choice[i].want);
	}
}

/** Additional key exchanges (RFC 9370) make their proposal unfit, not the message. */
static void
unknown_transform_skips_the_proposal(void)
{
	static const uint8_t sa[] = {
		2, 0, 0, 48, 1, 1, 0, 5, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 2, 0,
		0, 5, 3, 0, 0, 8, 4, 0, 0, 31, 3, 0, 0, 8, 6, 0, 0, 36, 0, 0, 0, 4, /* too short */
	};
	static const uint8_t good[] = {
		2,
		0,
		0,
		44,
		1,
		1,
		0,
		4,
		3,
		0,
		0,
		12,
		1,
		0,
		0,
		20,
		0x80,
		14,
		1,
		0,
		3,
		0,
		0,
		8,
		2,
		0,
		0,
		5,
		3,
		0,
		0,
		8,
		4,
		0,
		0,
		31,
		0,
		0,
		0,
		8,
		6,
		0,
		0,
		36,
		0,
		0,
		0,
		36,
		2,
		1,
		0,
		3,
		3,
		0,
		0,
		12,
		1,
		0,
		0,
		20,
		0x80,
		14,
		1,
		0,
		3,
		0,
		0,
		8,
		2,
		0,
		0,
		5,
		0,
		0,
		0,
		8,
		4,
		0,
		0,
		31,
	};
	struct config_proposal line = { .encr = 20, .encr_bits = 256, .prf = 5, .dh = 31 };
	struct ike_policy p = { .protocol = PROTO_IKE, .lines = &line, .lines_count = 1 };
	struct ike_suite s;

	CHECK_EQ(ike_suite_choose((struct ike_view){ sa, sizeof(sa) }, &p, &s), -EBADMSG);
	CHECK_EQ(ike_suite_choose((struct ike_view){ good, sizeof(good) }, &p, &s), 0);
	CHECK_EQ(s.number, 2);
}

/** One ESP proposal: AES-CBC-128, SHA1 twice when asked for, ESN as given. */
static size_t
put_esp(uint8_t sa[64], size_t spi_bytes, uint16_t encr, unsigned integs, uint16_t esn)
{
	struct writer w = wr_over(sa, 64);

	wr_be32(&w, 0);
	wr_be32(&w, 0x01030000u | (uint32_t)spi_bytes << 8 | (2 + integs));
	for (size_t i = 0; i < spi_bytes; i++)
		wr_u8(&w, 0xa5);
	wr_be32(&w, 0x0300000c);
	wr_be32(&w, 0x01000000u | encr);
	wr_be32(&w, 0x800e0080);
	for (unsigned i = 0; i < integs; i++) {
		wr_be32(&w, 0x03000008);
		wr_be32(&w, 0x03000002);
	}
	wr_be32(&w, 8);
	wr_be32(&w, 0x05000000u | esn);
	wr_patch_be16(&w, 2, (uint16_t)wr_used(&w));
	return wr_used(&w);
}

static void
esp_offers(void)
{
	static const struct {
		size_t spi_bytes;
		uint16_t encr;
		unsigned integs;
		uint16_t esn;
		uint8_t our_esn; /* of the line */
		int chosen, accepted;
	} cases[] = {
		{ 4, 12, 1, 0, 0, 0, 0 },
		{ 8, 12, 1, 0, 0, -ENOENT, -ENOENT }, /* an SPI of ESP has four octets */
		{ 0, 12, 1, 0, 0, -ENOENT, -ENOENT },
		{ 4, 12, 2, 0, 0, 0, -EBADMSG },      /* an answer names one of each kind */
		{ 4, 12, 1, 0, 2, -ENOENT, -ENOENT }, /* ESN is demanded */
		{ 4, 12, 1, 1, 2, 0, 0 }, { 4, 12, 1, 1, 1, -ENOENT, -ENOENT },
		{ 4, 12, 0, 0, 0, -ENOENT, -ENOENT }, /* CBC without integrity */
		{ 4, 20, 0, 0, 0, 0, 0 },
		{ 4, 20, 1, 0, 0, -ENOENT, -ENOENT }, /* an AEAD goes without */
		{ 4, 11, 1, 0, 0, -ENOENT, -ENOENT }, /* NULL */
	};
	static const struct config_proposal lines[] = { { 12, 128, 2, 0, 0, 0, 0 },
		{ 20, 128, 0, 0, 0, 0, 0 } };
	uint8_t sa[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_proposal line[2] = { lines[0], lines[1] };
		struct ike_policy p = { .protocol = PROTO_ESP,
			.lines = line,
			.lines_count = 2,
			.dh_rule = DH_RULE_IGNORE };
		struct ike_view v = { sa,
			put_esp(sa, cases[i].spi_bytes, cases[i].encr, cases[i].integs,
				cases[i].esn) };
		struct ike_suite s;

		line[0].esn = line[1].esn = cases[i].our_esn;
		CHECK_EQ(ike_suite_choose(v, &p, &s), cases[i].chosen);
		CHECK_EQ(ike_suite_accept(v, &p, &s), cases[i].accepted);
	}
}

static void
selectors_narrow(void)
{
	static const struct {
		const char *first, *last;
		uint8_t protocol;
		bool nat, transport;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "192.0.2.9", "192.0.2.9", 47, false, true, "192.0.2.9" },
		{ "0.0.0.0", "255.255.255.255", 0, false, true, "192.0.2.9" },
		{ "0.0.0.0", "255.255.255.255", 47, false, false, "192.0.2.9" },
		{ "10.0.0.5", "10.0.0.5", 47, false, false, NULL }, /* another's address */
		{ "10.0.0.5", "10.0.0.5", 47, true, true, "192.0.2.9" },
		{ "10.0.0.5", "10.0.0.5", 47, true, false, "10.0.0.5" },
		{ "10.0.0.0", "10.0.0.255", 47, true, false, NULL },
		{ "192.0.2.9", "192.0.2.9", 6, false, true, NULL },
	};
	struct ike_path path = { 0 };
	struct ike_selectors s;
	struct addr want;

	addr_parse("192.0.2.1", &path.local);
	addr_parse("192.0.2.9", &path.remote);
	for (int part = 0; part < 2; part++) { /* GRE has no ports: a part of them is none */
		struct ike_ts_rule rule = { .path = &path, .transport = true };
		uint8_t local[20] = { 1, 0, 0, 0, 7, 47, 0, 16, 0, 0, 255, 255, 192, 0, 2, 1, 192,
			0, 2, 1 };
		uint8_t remote[20] = { 1, 0, 0, 0, 7, 47, 0, 16, 0, part == 0, 255,
			part == 0 ? 255 : 254, 192, 0, 2, 9, 192, 0, 2, 9 };

		CHECK_EQ(ike_ts_narrow((struct ike_view){ local, 20 },
				 (struct ike_view){ remote, 20 }, &rule, &s),
			-ENOENT);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_ts_rule rule = {
			.path = &path, .nat_remote = cases[i].nat, .transport = cases[i].transport
		};
		uint8_t local[20] = { 1, 0, 0, 0, 7, 47, 0, 16, 0, 0, 255, 255, 192, 0, 2, 1, 192,
			0, 2, 1 };
		uint8_t remote[20] = { 1, 0, 0, 0, 7, cases[i].protocol, 0, 16, 0, 0, 255, 255 };
		struct addr a;

		addr_parse(cases[i].first, &a);
		memcpy(remote + 12, a.octet, 4);
		addr_parse(cases[i].last, &a);
		memcpy(remote + 16, a.octet, 4);
		int err = ike_ts_narrow(
			(struct ike_view){ local, 20 }, (struct ike_view){ remote, 20 }, &rule, &s);

		CHECK_EQ(err, cases[i].want != NULL ? 0 : -ENOENT);
		if (err != 0)
			continue;
		addr_parse(cases[i].want, &want);
		CHECK(addr_equal(&s.remote, &want));
		for (size_t cut = 0; cut < 20; cut++)
			CHECK_EQ(ike_ts_narrow((struct ike_view){ local, 20 },
					 (struct ike_view){ remote, cut }, &rule, &s),
				-EBADMSG);
	}
}

/** An absent payload is read like an empty one (UBSan: nothing is added to NULL). */
static void
absent_is_empty(void)
{
	struct cursor c = cur_over(NULL, 0);

	cur_skip(&c, 0);
	CHECK(!c.short_read);
	CHECK_EQ(cur_be32(&c), 0);
	CHECK(c.short_read);
}

static void
fragments_join_in_any_order(void)
{
	struct ike_fragments *f = NULL;
	static uint8_t room[IKE_MSG_MAX];
	uint8_t first = 0;
	size_t n = 0;

	CHECK_EQ(ike_fragment_add(&f, 2, 3, 0, (const uint8_t *)"cd", 2, room, &n, &first), 0);
	CHECK_EQ(ike_fragment_add(&f, 2, 3, 0, (const uint8_t *)"xx", 2, room, &n, &first), 0);
	CHECK_EQ(ike_fragment_add(&f, 3, 3, 0, (const uint8_t *)"ef", 2, room, &n, &first), 0);
	CHECK_EQ(ike_fragment_add(&f, 1, 2, 35, (const uint8_t *)"zz", 2, room, &n, &first), 0);
	CHECK_EQ(f->have, 2); /* smaller total: an old one, dropped */
	CHECK_EQ(ike_fragment_add(&f, 1, 3, 35, (const uint8_t *)"ab", 2, room, &n, &first), 1);
	CHECK(n == 6 && memcmp(room, "abcdef", 6) == 0 && first == 35 && f == NULL);
	CHECK_EQ(ike_fragment_add(&f, 1, 2, 1, (const uint8_t *)"a", 1, room, &n, &first), 0);
	CHECK_EQ(ike_fragment_add(&f, 1, 3, 1, (const uint8_t *)"a", 1, room, &n, &first), 0);
	CHECK_EQ(f->total, 3); /* larger total: begun anew */
	CHECK_EQ(ike_fragment_add(&f, 1, 33, 1, (const uint8_t *)"a", 1, room, &n, &first),
		-EBADMSG);
	CHECK_EQ(
		ike_fragment_add(&f, 4, 3, 1, (const uint8_t *)"a", 1, room, &n, &first), -EBADMSG);
	ike_fragments_free(&f);
}

/** Together fragments are no longer than a message: they are joined into room for one. */
static void
fragments_are_bounded(void)
{
	struct ike_fragments *f = NULL;
	static uint8_t part[IKE_MSG_MAX / 2 + 1], room[IKE_MSG_MAX];
	uint8_t first;
	size_t n;

	CHECK_EQ(ike_fragment_add(&f, 1, 2, 1, part, sizeof(part), room, &n, &first), 0);
	CHECK_EQ(ike_fragment_add(&f, 2, 2, 1, part, sizeof(part), room, &n, &first), -EMSGSIZE);
	CHECK_EQ(ike_fragment_add(&f, 2, 2, 1, part, sizeof(part) - 2, room, &n, &first), 1);
	CHECK_EQ(n, sizeof(room));
	CHECK(f == NULL);
}

/** What is left of a fragmented message is no part of the next one. */
static void
window_forgets_fragments(void)
{
	struct ike_window w = { 0 };
	static uint8_t room[IKE_MSG_MAX];
	uint8_t first;
	size_t n;

	for (int i = 0; i < 2; i++)
		ike_fragment_add(&w.fragments[i], 1, 2, 1, room, 1, room, &n, &first);
	ike_window_taken(&w, 7);
	CHECK(w.fragments[0] == NULL);
	CHECK(w.fragments[1] != NULL);
	ike_window_answered(&w, 1000);
	CHECK(w.fragments[1] == NULL);
	ike_window_clear(&w);
}

/** Of a request that was repeated nobody knows which copy the answer is to. */
static void
round_trip_of_the_first_copy(void)
{
	struct ike_path path = { 0 };
	struct ike_window w = { 0 };

	ike_window_sent(&w, &path, 1000);
	ike_window_answered(&w, 1030);
	CHECK_EQ(w.rtt_ms, 30);
	ike_window_sent(&w, &path, 2000);
	CHECK(ike_window_retry(&w, 3000));
	ike_window_answered(&w, 3020);
	CHECK_EQ(w.rtt_ms, 30);
	ike_window_clear(&w);
}

static void
window_gives_up(void)
{
	struct ike_path path = { 0 };
	struct ike_window w = { 0 };
	uint64_t now = 5000;
	unsigned again = 0;

	CHECK_EQ(ike_window_request(&w, 0), WINDOW_NEW);
	CHECK_EQ(ike_window_request(&w, 1), WINDOW_OUTSIDE);
	ike_window_taken(&w, 7);
	CHECK_EQ(ike_window_request(&w, 0), WINDOW_AGAIN);
	CHECK_EQ(ike_window_request(&w, 1), WINDOW_NEW);
	CHECK_EQ(ike_packets_add(&w.request, "x", 1), 0);
	ike_window_sent(&w, &path, now);
	CHECK(ike_window_awaits(&w, 0));
	CHECK(!ike_window_awaits(&w, 1));
	for (;;) {
		now = w.retry_ms;
		if (!ike_window_retry(&w, now))
			break;
		again++;
	}
	CHECK_EQ(again, 5);
	CHECK_EQ(now, 5000 + 31000);
	ike_window_clear(&w);
}

/** One payload of a chain; the last one is told by `more`. */
static size_t
vendor_put(uint8_t *at, bool more, const void *id, size_t n)
{
	at[0] = more ? PAYLOAD_VENDOR : 0;
	at[1] = 0;
	at[2] = (uint8_t)((n + 4) >> 8);
	at[3] = (uint8_t)(n + 4);
	memcpy(at + 4, id, n);
	return n + 4;
}

static const char *
vendors_of(const struct ike_view *ids, size_t count)
{
	static char text[IKE_VENDORS_BYTES];
	struct ike_payloads p;
	uint8_t chain[4096];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += vendor_put(chain + n, i + 1 < count, ids[i].data, ids[i].bytes);
	CHECK_EQ(ike_payloads_read(PAYLOAD_VENDOR, chain, n, &p), 0);
	ike_vendors_print(&p, text, sizeof(text));
	return text;
}

#define ID(text)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(text), sizeof(text) - 1                                          \
	}

/** Products are named; whatever a peer sends is short, printable and no end of the list. */
static void
vendors_in_words(void)
{
	static const struct ike_view usual[] = { ID("CISCO-DELETE-REASON"),
		ID("CISCO(COPYRIGHT)&Copyright (c) 2009 Cisco Systems, Inc."),
		ID("FLEXVPN-SUPPORTED") };
	static const struct ike_view linux_[] = {
		ID("\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb"),
		ID("OpenIKED-7.2"), ID("OE-Libreswan-4.10"), ID("Another 1.0")
	};
	static const struct ike_view odd[] = { ID("a\033[2Jb"), ID("two, in one"), ID(""),
		ID("123456789012345678901234567890123"), ID("\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0") };
	struct ike_view many[20];
	uint8_t large[300];

	CHECK_STR(vendors_of(usual, 3), "Cisco delete reason, Cisco, Cisco FlexVPN");
	CHECK_STR(vendors_of(linux_, 4), "strongSwan, OpenIKED-7.2, libreswan-4.10, Another 1.0");
	CHECK_STR(vendors_of(odd, 5),
		"611b5b324a62, 74776f2c20696e206f6e65, 12345678901234567890123456789012, "
		"00010203040506070001020304050607");
	memset(large, 'x', sizeof(large));
	for (unsigned i = 0; i < 20; i++)
		many[i] = (struct ike_view){ large, sizeof(large) - i };
	CHECK_EQ(strlen(vendors_of(many, 12)), 3 * 32 + 2 * 2);
}

int
main(void)
{
	FILE *f = fopen(TEST_VECTORS "/ike-mix-wan.pcap", "rb");

	if (f == NULL)
		return 1;
	pcap_bytes = fread(pcap, 1, sizeof(pcap), f);
	fclose(f);
	TEST(real_messages_parse);
	TEST(empty_ke_is_none);
	TEST(real_nat_hashes_fit);
	TEST(choice_follows_our_order);
	TEST(unknown_transform_skips_the_proposal);
	TEST(esp_offers);
	TEST(selectors_narrow);
	TEST(absent_is_empty);
	TEST(fragments_join_in_any_order);
	TEST(vendors_in_words);
	TEST(fragments_are_bounded);
	TEST(window_forgets_fragments);
	TEST(round_trip_of_the_first_copy);
	TEST(window_gives_up);
	return check_done();
}

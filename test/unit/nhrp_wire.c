/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nhrp/nhrp_wire.h"

#include <dirent.h>
#include <errno.h>

#include "test/lib/check.h"
#include "test/lib/nhrp_rig.h"
#include "test/lib/nhrp_vectors.h"

static const char *vectors[] = { VECTOR_REQUEST, VECTOR_REQUEST_AUTH, VECTOR_REPLY };

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void
vectors_read_and_write_back(void)
{
	uint8_t pkt[256], out[256];
	struct nhrp_msg m;

	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = check_unhex(vectors[i], pkt, sizeof(pkt));

		CHECK_EQ(nhrp_msg_read(pkt, len, &m), 0);
		CHECK_EQ(nhrp_msg_write(&m, out, sizeof(out)), (int)len);
		CHECK_MEM(pkt, out, len);
		CHECK_EQ(nhrp_msg_write(&m, out, len - 1), -EMSGSIZE);
	}
}

static void
vector_has_the_fields_it_should(void)
{
	struct addr nbma = rig_addr("192.0.2.13"), proto = rig_addr("10.0.0.13");
	struct addr public = rig_addr("203.0.113.7");
	struct nhrp_cie cie;
	struct nhrp_msg m;
	uint8_t pkt[256];
	size_t len = check_unhex(VECTOR_REPLY, pkt, sizeof(pkt));

	CHECK_EQ(nhrp_msg_read(pkt, len, &m), 0);
	CHECK_EQ(m.type, NHRP_REGISTRATION_REPLY);
	CHECK_EQ(m.hops, 255);
	CHECK_EQ(m.flags, NHRP_FLAG_REG_UNIQUE | NHRP_FLAG_NAT);
	CHECK_EQ(m.request_id, 3);
	CHECK(addr_equal(&m.src_nbma, &nbma));
	CHECK(addr_equal(&m.src_proto, &proto));
	CHECK_EQ(m.ext_count, 5);
	CHECK(rig_cie(&m, m.body, 0, &cie));
	CHECK_EQ(cie.prefix_bits, 0xff);
	CHECK_EQ(cie.mtu, 17916);
	CHECK_EQ(cie.hold_s, 7200);
	CHECK(!rig_cie(&m, m.body, 1, &cie));
	CHECK(rig_cie(&m, rig_ext(&m, NHRP_EXT_NAT), 1, &cie));
	CHECK(addr_equal(&cie.nbma, &public));
	CHECK(addr_equal(&cie.proto, &proto));
}

/** Cut at every length; again with a size field and checksum that fit the cut. */
static void
every_truncation_is_refused(void)
{
	uint8_t pkt[256], cut[256];
	struct nhrp_msg m;

	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = check_unhex(vectors[i], pkt, sizeof(pkt));

		for (size_t n = 0; n < len; n++) {
			memcpy(cut, pkt, n);
			CHECK(nhrp_msg_read(cut, n, &m) != 0);
			if (n < NHRP_HEAD_BYTES)
				continue;
			cut[10] = (uint8_t)(n >> 8);
			cut[11] = (uint8_t)n;
			rig_checksum(cut, n);
			CHECK(nhrp_msg_read(cut, n, &m) != 0);
		}
	}
}

static void
every_single_bit_flip_is_caught(void)
{
	uint8_t pkt[256];
	struct nhrp_msg m;
	size_t len = check_unhex(VECTOR_REQUEST_AUTH, pkt, sizeof(pkt));

	for (size_t bit = 0; bit < len * 8; bit++) {
		pkt[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(nhrp_msg_read(pkt, len, &m) != 0);
		pkt[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK_EQ(nhrp_msg_read(pkt, len, &m), 0);
}

/** One octet changed, checksum put right: what the reader must say. */
static void
bad_fields_have_their_own_errors(void)
{
	static const struct {
		const char *what;
		size_t offset;
		uint8_t value;
		int err;
	} cases[] = {
		{ "address family 3", 1, 3, -EAFNOSUPPORT },
		{ "SNAP protocol type", 2, 0, -EAFNOSUPPORT },
		{ "version 2", 16, 2, -EPROTONOSUPPORT },
		{ "type 0", 17, 0, -EPROTONOSUPPORT },
		{ "type 9", 17, 9, -EPROTONOSUPPORT },
		{ "NBMA length 5", 18, 5, -EAFNOSUPPORT },
		{ "NBMA length 16 with afn 1", 18, 16, -EAFNOSUPPORT },
		{ "E.164 flag", 18, 0x44, -EAFNOSUPPORT },
		{ "subaddress", 19, 4, -EAFNOSUPPORT },
		{ "source length 3", 20, 3, -EAFNOSUPPORT },
		{ "destination length 16 with 0800", 21, 16, -EAFNOSUPPORT },
		{ "extensions inside addresses", 15, 39, -EBADMSG },
		{ "extensions at the end", 15, 89, -EBADMSG },
		{ "size below the addresses", 11, 39, -EBADMSG },
		{ "size beyond the packet", 10, 1, -EBADMSG },
		{ "CIE with a 5 octet address", 48, 5, -EBADMSG },
		{ "extension length over the end", 55, 200, -EBADMSG },
		{ "two forward records", 61, 4, -EBADMSG },
		{ "record that is no CIE list", 59, 4, -EBADMSG },
	};
	uint8_t pkt[256];
	struct nhrp_msg m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = check_unhex(VECTOR_REQUEST, pkt, sizeof(pkt));

		pkt[cases[i].offset] = cases[i].value;
		rig_checksum(pkt, len);
		int err = nhrp_msg_read(pkt, len, &m);
		if (err != cases[i].err)
			printf("# %s\n", cases[i].what);
		CHECK_EQ(err, cases[i].err);
	}
}

static void
octets_after_the_packet_do_not_matter(void)
{
	uint8_t pkt[256] = { 0 };
	struct nhrp_msg m;
	size_t len = check_unhex(VECTOR_REQUEST, pkt, sizeof(pkt));

	memset(pkt + len, 0xab, 20);
	CHECK_EQ(nhrp_msg_read(pkt, len + 20, &m), 0);
	CHECK_EQ(nhrp_msg_read(pkt, len + 19, &m), 0); /* odd */
}

/** OpenNHRP puts 16 zero octets after End into its error indications. */
static void
padding_after_end_is_read(void)
{
	uint8_t pkt[256] = { 0 };
	struct nhrp_msg m;
	size_t len = check_unhex(VECTOR_REQUEST, pkt, sizeof(pkt)) + 16;

	memset(pkt + len - 16, 0, 16);
	pkt[11] = (uint8_t)len;
	rig_checksum(pkt, len);
	CHECK_EQ(nhrp_msg_read(pkt, len, &m), 0);
	CHECK_EQ(m.ext_count, 4);
}

/** RFC 2735 gave number 9 to device capabilities, an 8 octet value: copied, not refused. */
static void
device_capabilities_are_opaque(void)
{
	struct rig_spoke s = rig_spoke(1, false);
	struct nhrp_msg m = rig_request(&s, NHRP_RESOLUTION_REQUEST, "10.0.0.1"), got;
	uint8_t value[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, pkt[256];

	nhrp_ext_set(&m, NHRP_EXT_NAT, (struct nhrp_slice){ value, 8 });
	int len = nhrp_msg_write(&m, pkt, sizeof(pkt));
	CHECK(len > 0);
	CHECK_EQ(nhrp_msg_read(pkt, (size_t)len, &got), 0);
	CHECK(!nhrp_cies_valid(&got, rig_ext(&got, NHRP_EXT_NAT)));
	CHECK_EQ(rig_ext(&got, NHRP_EXT_NAT).bytes, 8);
}

static void
prefix_lengths_mean_host(void)
{
	CHECK_EQ(nhrp_prefix_bits(0, ADDR_V4), 32);
	CHECK_EQ(nhrp_prefix_bits(32, ADDR_V4), 32);
	CHECK_EQ(nhrp_prefix_bits(0xff, ADDR_V4), 32);
	CHECK_EQ(nhrp_prefix_bits(24, ADDR_V4), 24);
	CHECK_EQ(nhrp_prefix_bits(0xff, ADDR_V6), 128);
	CHECK_EQ(nhrp_prefix_bits(64, ADDR_V6), 64);
}

static void
absent_addresses_are_legal(void)
{
	struct rig_spoke s = rig_spoke(1, false);
	struct nhrp_msg m = rig_request(&s, NHRP_RESOLUTION_REQUEST, "10.0.0.1"), got;
	uint8_t pkt[256];

	m.src_nbma = (struct addr){ 0 };
	int len = nhrp_msg_write(&m, pkt, sizeof(pkt));
	CHECK_EQ(nhrp_msg_read(pkt, (size_t)len, &got), 0);
	CHECK_EQ(got.src_nbma.family, ADDR_NONE);
	CHECK(addr_equal(&got.src_proto, &s.proto));
}

static unsigned
file_round_trip(const char *name)
{
	char path[512];
	uint8_t pkt[NHRP_PACKET_BYTES], out[NHRP_PACKET_BYTES];
	struct nhrp_msg m;

	snprintf(path, sizeof(path), "%s/fuzz/nhrp/%s", TEST_VECTORS, name);
	FILE *f = fopen(path, "rb");
	CHECK(f != NULL);
	if (f == NULL)
		return 0;
	size_t len = fread(pkt, 1, sizeof(pkt), f);
	fclose(f);
	if (nhrp_msg_read(pkt, len, &m) != 0 || nhrp_msg_write(&m, out, sizeof(out)) != (int)len) {
		printf("# %s\n", name);
		CHECK(false);
		return 0;
	}
	CHECK_MEM(pkt, out, len);
	return 1u << m.type;
}

/** Every captured packet of FRR is written back as it was. */
static void
captured_packets_round_trip(void)
{
	DIR *d = opendir(TEST_VECTORS "/fuzz/nhrp");
	unsigned types = 0, files = 0;

	CHECK(d != NULL);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (strncmp(e->d_name, "frr-", 4) != 0)
			continue;
		types |= file_round_trip(e->d_name);
		files++;
	}
	if (d != NULL)
		closedir(d);
	CHECK(files >= 40);
	CHECK_EQ(types, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8);
}

int
main(void)
{
	TEST(vectors_read_and_write_back);
	TEST(vector_has_the_fields_it_should);
	TEST(every_truncation_is_refused);
	TEST(every_single_bit_flip_is_caught);
	TEST(bad_fields_have_their_own_errors);
	TEST(octets_after_the_packet_do_not_matter);
	TEST(padding_after_end_is_read);
	TEST(device_capabilities_are_opaque);
	TEST(prefix_lengths_mean_host);
	TEST(absent_addresses_are_legal);
	TEST(captured_packets_round_trip);
	return check_done();
}

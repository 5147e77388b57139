/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The codec and a live hub. The input is a row of packets, each as long as its own
 * size field says. The SNAP octets, which nobody reads, steer: [0] who sends it,
 * [1] how many seconds pass before, [2] what happens to the sender's link first.
 * Checksums are put right, so that the fuzzer gets behind them.
 */
#include <stdlib.h>

#include "control/nhrp/nhrp.h"
#include "control/nhrp/nhrp_wire.h"
#include "test/lib/nhrp_rig.h"

enum { OFFSET_SNAP = 4, OFFSET_SIZE = 10, SENDERS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/** What was read must be written back to something that reads the same. */
static void
codec(const uint8_t *pkt, size_t len)
{
	uint8_t once[NHRP_PACKET_BYTES], twice[NHRP_PACKET_BYTES];
	struct nhrp_msg m;

	if (nhrp_msg_read(pkt, len, &m) != 0)
		return;
	int n = nhrp_msg_write(&m, once, sizeof(once));
	if (n < 0)
		return;
	if (nhrp_msg_read(once, (size_t)n, &m) != 0 ||
		nhrp_msg_write(&m, twice, sizeof(twice)) != n ||
		memcmp(once, twice, (size_t)n) != 0)
		abort();
}

static struct rig_spoke
sender(uint8_t steer)
{
	struct rig_spoke s = rig_spoke(steer % SENDERS, steer % 2 == 0);

	if (steer & 0x80)
		rig_spoke_nat(&s, "203.0.113.7", 4500);
	if (steer & 0x40)
		s.from.sa += 100;
	if (steer == 0xff)
		s.from.sa = NHRP_NO_LINK;
	return s;
}

static void
link_event(struct rig *r, struct rig_spoke *s, uint8_t steer)
{
	s->from.identity = s->identity.type == ID_NONE ? NULL : &s->identity;
	if (steer & 1)
		nhrp_link_down(r->n, 1, s->from.sa, r->now_ms);
	if (steer & 2)
		nhrp_link_up(r->n, 1, &s->from, r->now_ms);
	if (steer & 4)
		rig_register(r, s);
}

static void
packet(struct rig *r, uint8_t *pkt, size_t len)
{
	struct rig_spoke s = sender(pkt[OFFSET_SNAP]);

	rig_sleep(r, pkt[OFFSET_SNAP + 1] * 1000u);
	link_event(r, &s, pkt[OFFSET_SNAP + 2]);
	rig_forget(r);
	rig_checksum(pkt, len);
	codec(pkt, len);
	nhrp_input(r->n, 1, &s.from, pkt, len, r->now_ms);
	nhrp_redirect(r->n, 1, s.from.sa, 1, pkt + OFFSET_SIZE, len - OFFSET_SIZE, r->now_ms);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rig *r = rig_new();

	r->conf.answer_from_cache = len % 2 == 0;
	rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	rig_route(r, "10.2.0.0/16", NHRP_ROUTE_CLOUD, 1, "10.0.0.12");
	rig_route(r, "10.9.0.0/16", NHRP_ROUTE_PLAIN, 0, NULL);
	rig_route(r, "0.0.0.0/0", NHRP_ROUTE_CLOUD, 1, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct rig_spoke s = rig_spoke(i, i % 2 == 0);

		rig_register(r, &s);
	}
	while (len >= NHRP_HEAD_BYTES) {
		size_t size = (size_t)data[OFFSET_SIZE] << 8 | data[OFFSET_SIZE + 1];

		if (size < NHRP_HEAD_BYTES || size > len)
			size = len;
		uint8_t *pkt = malloc(size); /* exact, so that reading too far is seen */
		memcpy(pkt, data, size);
		packet(r, pkt, size);
		free(pkt);
		data += size;
		len -= size;
	}
	rig_free(r);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Ports that are VLANs of another: VLAN 7 on the lan port is a lan, 10.77.0.1/24 with a host at
 * .9; VLAN 8 on the same card is a wan. Tags come off and go on, everything else is as on any port.
 */
#include <errno.h>
#include <netinet/in.h>

#include "crypto/selftest.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define LAN7_BE  IPV4(10, 77, 0, 1)
#define HOST7_BE IPV4(10, 77, 0, 9)
#define WAN8_BE  IPV4(192, 0, 2, 99)

static struct packet p;
static uint16_t lan7, wan8;

static bool
vlans_add(void)
{
	struct dp_port_conf conf = { .parent = hub.lan, .vid = 7, .role = DP_LAN, .mtu = 1400 };
	const struct addr lan7_addr = addr_from_v4(LAN7_BE), wan8_addr = addr_from_v4(WAN8_BE);
	const struct prefix host = { .addr = addr_from_v4(HOST7_BE), .bits = 32 };
	struct dp_adj adj = { .kind = DP_ADJ_KIND_ETH, .mac = { 2, 0, 0, 0, 0, 7 } };
	uint32_t id;
	int err;

	hub.dp->running = false; /* ports are made before the workers run */
	err = dp_port_add(hub.dp, &conf, &lan7);
	conf.vid = 8;
	conf.role = DP_WAN;
	if (err == 0)
		err = dp_port_add(hub.dp, &conf, &wan8);
	hub.dp->running = true;
	if (err != 0 || dp_local_add(hub.dp, lan7, &lan7_addr) != 0 ||
		dp_local_add(hub.dp, wan8, &wan8_addr) != 0)
		return false;
	adj.port = lan7;
	return dp_adj_new(hub.dp, &adj, &id) == 0 && dp_fib_set(hub.dp, 0, &host, id) == 0;
}

/** A tag into the frame in p. */
static void
tag(uint16_t tci)
{
	uint8_t macs[12], *frame;

	memcpy(macs, packet_at(&p), sizeof(macs));
	frame = packet_push(&p, 4);
	memcpy(frame, macs, sizeof(macs));
	frame[12] = 0x81;
	frame[13] = 0;
	frame[14] = (uint8_t)(tci >> 8);
	frame[15] = (uint8_t)tci;
}

/** The tag of the frame in p, which is then without; -1: it has none. */
static int
untag(void)
{
	uint8_t macs[12];
	int tci;

	if (packet_at(&p)[12] != 0x81 || packet_at(&p)[13] != 0)
		return -1;
	tci = packet_at(&p)[14] << 8 | packet_at(&p)[15];
	memcpy(macs, packet_at(&p), sizeof(macs));
	packet_pull(&p, 4);
	memcpy(packet_at(&p), macs, sizeof(macs));
	return tci;
}

static void
host_sends(uint32_t dst, uint16_t bytes, uint16_t tci)
{
	packet_payload(&p, bytes);
	packet_ip(&p, HOST7_BE, dst, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	tag(tci);
	hub_in(hub.lan, &p);
}

/** From a host in the VLAN to a spoke and back; a priority in the tag changes nothing. */
static void
host_and_spoke(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];
	struct dp_port_stats st;
	uint8_t mac[6];

	host_sends(s->overlay_be, 100, 0xe007);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
	CHECK_EQ(p.bytes, 120);

	packet_payload(&p, 100);
	packet_ip(&p, s->overlay_be, HOST7_BE, 253);
	hub_wrap(&p, s);
	hub_in(hub.wan, &p);
	CHECK(hub_out(hub.lan, &p));
	CHECK_EQ(p.bytes, 14 + 4 + 120);
	CHECK_EQ(untag(), 7);
	CHECK_MEM(packet_at(&p), "\2\0\0\0\0\7", 6);
	dp_port_mac(hub.dp, lan7, mac);
	CHECK_MEM(mac, hub.mac[hub.lan], 6);
	CHECK_MEM(packet_at(&p) + 6, mac, 6);
	CHECK_EQ(packet_at(&p)[12] << 8 | packet_at(&p)[13], RTE_ETHER_TYPE_IPV4);

	dp_port_stats(hub.dp, lan7, &st);
	CHECK_EQ(st.rx_packets, 1);
	CHECK_EQ(st.tx_packets, 1);
	CHECK_EQ(st.rx_bytes, 14 + 120);
	CHECK_EQ(st.tx_bytes, 14 + 120);
	CHECK_EQ(st.link_up, dp_port_link_up(hub.dp, hub.lan));
}

/** Its own MTU, not the card's: what is too big comes as fragments, each tagged. */
static void
mtu_of_its_own(void)
{
	struct hub_spoke *s = &hub.spoke[CLEAR][0];
	unsigned n = 0;

	packet_payload(&p, 1400);
	packet_ip(&p, s->overlay_be, HOST7_BE, 253);
	hub_wrap(&p, s);
	hub_in(hub.wan, &p);
	for (; hub_out(hub.lan, &p); n++) {
		CHECK_EQ(untag(), 7);
		CHECK(p.bytes <= 14 + 1400);
	}
	CHECK_EQ(n, 2);
}

/** The twin of the VLAN gets its frames as they are without a tag, and sends through it. */
static void
twin_sees_no_tag(void)
{
	const struct dp_msg *m = &hub.last[DP_FRAME];

	hub_forget();
	packet_payload(&p, 46);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_ARP);
	tag(7);
	hub_in(hub.lan, &p);
	CHECK_EQ(hub.told[DP_FRAME], 1);
	CHECK_EQ(m->port, lan7);
	CHECK_EQ(m->bytes, 60);
	CHECK_MEM(hub.last_data[DP_FRAME], hub.mac[hub.lan], 6);
	CHECK_EQ(hub.last_data[DP_FRAME][12] << 8 | hub.last_data[DP_FRAME][13], 0x0806);
	CHECK_EQ(hub.last_data[DP_FRAME][15], 1); /* its payload */

	host_sends(LAN7_BE, 60, 7); /* a ping to our address in the VLAN, say */
	CHECK_EQ(hub.told[DP_FRAME], 2);
	CHECK_EQ(m->port, lan7);
	CHECK_EQ(m->bytes, 14 + 80);
	CHECK_EQ(hub.last_data[DP_FRAME][12] << 8 | hub.last_data[DP_FRAME][13], 0x0800);

	CHECK_EQ(dp_send_frame(hub.dp, lan7, hub.last_data[DP_FRAME], m->bytes), 0);
	hub_settle();
	CHECK(hub_out(hub.lan, &p));
	CHECK_EQ(untag(), 7);
	CHECK_MEM(packet_at(&p), hub.last_data[DP_FRAME], 14 + 80);
}

/** What networks stand on leaves with a priority: what the twin sends, and what is forwarded. */
static void
control_has_priority(void)
{
	static const struct {
		uint16_t type;
		uint8_t ip[2];
		int tci;
	} of_twin[] = {
		{ RTE_ETHER_TYPE_ARP, { 0, 1 }, 0xc007 },
		{ RTE_ETHER_TYPE_IPV4, { 0x45, 0xc0 }, 0xc007 },
		{ RTE_ETHER_TYPE_IPV4, { 0x45, 0xe0 }, 0xc007 },
		{ RTE_ETHER_TYPE_IPV4, { 0x45, 0xb8 }, 0x0007 },
		{ RTE_ETHER_TYPE_IPV6, { 0x6c, 0x0f }, 0xc007 },
		{ RTE_ETHER_TYPE_IPV6, { 0x6b, 0xff }, 0x0007 },
		{ RTE_ETHER_TYPE_LLDP, { 0xff, 0xff }, 0x0007 },
	};
	static const uint8_t of_spoke[] = { 0xc0, 0xbf };
	struct hub_spoke *s = &hub.spoke[CLEAR][0];
	uint8_t frame[60] = { 2 };

	for (size_t i = 0; i < sizeof(of_twin) / sizeof(of_twin[0]); i++) {
		frame[12] = (uint8_t)(of_twin[i].type >> 8);
		frame[13] = (uint8_t)of_twin[i].type;
		memcpy(frame + 14, of_twin[i].ip, 2);
		CHECK_EQ(dp_send_frame(hub.dp, lan7, frame, sizeof(frame)), 0);
		hub_settle();
		CHECK(hub_out(hub.lan, &p));
		CHECK_EQ(untag(), of_twin[i].tci);
	}
	for (size_t i = 0; i < sizeof(of_spoke); i++) {
		packet_payload(&p, 100);
		packet_ip(&p, s->overlay_be, HOST7_BE, 253)->type_of_service = of_spoke[i];
		packet_ip_fix(&p);
		hub_wrap(&p, s);
		hub_in(hub.wan, &p);
		CHECK(hub_out(hub.lan, &p));
		CHECK_EQ(untag(), of_spoke[i] == 0xc0 ? 0xc007 : 0x0007);
	}
	CHECK_EQ(dp_send_frame(hub.dp, lan7, frame, 14), 0); /* nothing behind Ethernet */
	hub_settle();
	CHECK(hub_out(hub.lan, &p));
	CHECK_EQ(untag(), 7);
}

/** Another VLAN of the same card has another role: no transit there. */
static void
role_of_its_own(void)
{
	uint64_t transit = hub_count(VERDICT_DROP_WAN_TRANSIT);

	host_sends(hub.spoke[TRANSPORT][0].overlay_be, 100, 8);
	CHECK_EQ(hub_count(VERDICT_DROP_WAN_TRANSIT) - transit, 1);
	CHECK(!hub_out(hub.wan, &p));
	host_sends(WAN8_BE, 100, 8);
	CHECK(!hub_out(hub.lan, &p));
}

/** One verdict for frames of no VLAN of ours, of any card; a tag cut short is no tag. */
static void
unknown_vlans_are_counted(void)
{
	uint64_t was = hub_count(VERDICT_DROP_VLAN), type = hub_count(VERDICT_DROP_ETHER_TYPE);
	const uint16_t others[] = { 1, 6, 9, 4094, 4095 };

	for (unsigned i = 0; i < 5; i++)
		host_sends(hub.spoke[TRANSPORT][0].overlay_be, 100, others[i]);
	CHECK_EQ(hub_count(VERDICT_DROP_VLAN) - was, 5);
	packet_payload(&p, 100);
	packet_ip(&p, HOST7_BE, HUB_BE, IPPROTO_ESP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	tag(7); /* a VLAN of the other card */
	hub_in(hub.wan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_VLAN) - was, 6);
	packet_payload(&p, 3);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_VLAN);
	hub_in(hub.lan, &p);
	packet_payload(&p, 60);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	tag(7);
	tag(7); /* a VLAN in a VLAN */
	hub_in(hub.lan, &p);
	CHECK_EQ(hub_count(VERDICT_DROP_ETHER_TYPE) - type, 2);
	CHECK(!hub_out(hub.wan, &p));
}

/** VID 0 carries a priority only: the port's own frame. */
static void
priority_tag_is_no_vlan(void)
{
	struct hub_spoke *s = &hub.spoke[TRANSPORT][0];

	packet_payload(&p, 100);
	packet_ip(&p, LAN_BE, s->overlay_be, 253);
	packet_ether(&p, hub.mac[hub.lan], RTE_ETHER_TYPE_IPV4);
	tag(0xa000);
	hub_in(hub.lan, &p);
	CHECK(hub_out(hub.wan, &p) && hub_unwrap(&p, s, 0));
	CHECK_EQ(p.bytes, 120);
}

/** A capture names the VLAN's port and looks behind the tag; a drop is shown without it. */
static void
captured_by_its_port(void)
{
	struct dp_capture want = { .points = 1u << DP_POINT_RX | 1u << DP_POINT_DROPS,
		.snap_bytes = 200,
		.port = lan7,
		.host = addr_from_v4(HOST7_BE),
		.ip_proto = 253,
		.verdict = -1 };
	struct dp_captured c;

	CHECK_EQ(dp_capture_start(hub.dp, &want), 0);
	host_sends(IPV4(10, 200, 0, 1), 100, 7); /* no route */
	CHECK(dp_capture_next(hub.dp, &c));
	CHECK_EQ(c.point, DP_POINT_RX);
	CHECK_EQ(c.port, lan7);
	CHECK_EQ(c.bytes, 14 + 4 + 120);
	CHECK(dp_capture_next(hub.dp, &c));
	CHECK_EQ(c.point, DP_POINT_DROPS);
	CHECK_EQ(c.port, lan7);
	CHECK(!dp_capture_next(hub.dp, &c));
	dp_capture_stop(hub.dp);

	want = (struct dp_capture){
		.points = 1u << DP_POINT_DROPS, .snap_bytes = 200, .ip_proto = -1, .verdict = -1
	};
	CHECK_EQ(dp_capture_start(hub.dp, &want), 0);
	host_sends(hub.spoke[TRANSPORT][0].overlay_be, 100, 8); /* transit on a wan */
	CHECK(dp_capture_next(hub.dp, &c));
	CHECK_EQ(c.port, wan8);
	CHECK_EQ(c.bytes, 14 + 120);
	CHECK_MEM(c.data, hub.mac[hub.lan], 6);
	CHECK_EQ(c.data[12] << 8 | c.data[13], RTE_ETHER_TYPE_IPV4);
	dp_capture_stop(hub.dp);
	hub_drain();
}

static void
wrong_ports_are_refused(void)
{
	struct dp_port_conf conf = { .parent = hub.lan, .vid = 7, .role = DP_LAN, .mtu = 1500 };
	uint16_t id;

	CHECK_EQ(dp_port_add(hub.dp, &conf, &id), -EBUSY); /* workers run */
	hub.dp->running = false;
	CHECK_EQ(dp_port_add(hub.dp, &conf, &id), -EEXIST);
	conf.vid = 4095;
	CHECK_EQ(dp_port_add(hub.dp, &conf, &id), -EINVAL);
	conf.vid = 9;
	conf.parent = lan7;
	CHECK_EQ(dp_port_add(hub.dp, &conf, &id), -EINVAL);
	conf.parent = 30;
	CHECK_EQ(dp_port_add(hub.dp, &conf, &id), -EINVAL);
	hub.dp->running = true;
}

int
main(void)
{
	if (crypto_selftest() != NULL || !hub_start(NULL) || !vlans_add())
		return 1;
	TEST(host_and_spoke);
	TEST(mtu_of_its_own);
	TEST(twin_sees_no_tag);
	TEST(control_has_priority);
	TEST(role_of_its_own);
	TEST(unknown_vlans_are_counted);
	TEST(priority_tag_is_no_vlan);
	TEST(captured_by_its_port);
	TEST(wrong_ports_are_refused);
	hub_stop();
	return check_done();
}

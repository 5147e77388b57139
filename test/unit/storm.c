/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A storm over the whole hub but its sockets: workers, ports and tables, spokes, rib, IKE and NHRP
 * engines as they are in naved. Data for twice what the wan port takes, first messages of IKE and
 * messages with made-up SPIs without end, while a spoke with an IKE engine of its own registers,
 * rekeys and looks whether the hub is alive: nothing of that may be lost, nothing sent twice.
 *
 * Not part of it: a receive queue that is full. What a card drops there nobody has looked at.
 */
#include <errno.h>
#include <netinet/in.h>

#include <rte_udp.h>

#include "control/ike/ike_fsm.h"
#include "control/nhrp/nhrp.h"
#include "control/nhrp/nhrp_wire.h"
#include "control/route/rib.h"
#include "control/spoke/spoke.h"
#include "crypto/rand.h"
#include "crypto/selftest.h"
#include "crypto/suite.h"
#include "test/lib/check.h"
#include "test/lib/hub.h"

#define CLOUD       9 /* beside those of the hub of the tests: 10.0.9.1/24 */
#define GRE_KEY     99
#define SPOKE_BE    IPV4(192, 0, 2, 51)
#define OVERLAY_BE  IPV4(10, 0, 9, 51)
#define GATEWAY_BE  IPV4(192, 0, 2, 254)
#define WAN_IF      1
#define POLL_BUDGET 64
#define CHILDREN    8

/* Of one millisecond, as both engines have it. */
#define WIRE   8  /* frames that leave */
#define DATA   16 /* packets that should */
#define FORGED 24 /* IKE from anywhere */

#define QUEUE_MS (HUB_RING / WIRE) /* what the port has taken leaves in turn, whatever it is */

static struct {
	struct spokes *spokes;
	struct rib *rib;
	struct ike *ike;
	struct nhrp *nhrp;
} ctl;

/** The spoke: of its children as many as a few rekeys make. */
static struct {
	struct ike *ike;
	uint64_t session;
	unsigned ups, downs;
	struct spoke_child {
		uint64_t id; /* 0: free */
		struct packet_sa in, out;
		uint64_t seq;
	} child[CHILDREN];
	struct spoke_child *sending;
	uint8_t first[2048]; /* message of it */
	size_t first_bytes;
	uint32_t spi;
	uint32_t asked, answered; /* registrations */
	uint64_t asked_ms, slowest_ms;
} spoke;

static uint64_t now_ms = 1000;
static struct packet p;
static unsigned left_as_data, left_as_control;

/* ---- the spoke's IKE ----------------------------------------------------------------------- */

static void
udp_in(uint32_t src_be, const uint8_t *bytes, size_t n)
{
	packet_set(&p, bytes, (uint16_t)n);
	packet_udp(&p, IKE_PORT, IKE_PORT);
	packet_ip(&p, src_be, HUB_BE, IPPROTO_UDP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_push(hub.wan, 0, &p);
}

static void
op_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	if (spoke.first_bytes == 0 && n <= sizeof(spoke.first)) {
		memcpy(spoke.first, bytes, n);
		spoke.first_bytes = n;
	}
	udp_in(SPOKE_BE, bytes, n);
}

static void
op_random(void *user, void *out, size_t n)
{
	rand_bytes(out, n);
}

static uint32_t
op_spi_alloc(void *user)
{
	return 0x5000 + ++spoke.spi;
}

static void
op_spi_free(void *user, uint32_t spi)
{
}

static struct packet_sa
direction(const struct ike_child_sa *c, const struct ike_esp_keys *keys, enum esp_dir dir,
	uint32_t spi)
{
	struct packet_sa sa = {
		.suite = esp_suite_find(c->encr, c->encr_bits, c->integ),
		.dir = dir,
		.spi = spi,
		.esn = c->esn,
	};

	sa.key = packet_key(sa.suite, dir, keys->encr); /* an AEAD: there is no other */
	return sa;
}

static int
op_child_install(void *user, const struct ike_child_sa *c)
{
	for (int i = 0; i < CHILDREN; i++) {
		struct spoke_child *child = &spoke.child[i];

		if (child->id != 0)
			continue;
		*child = (struct spoke_child){
			.id = c->child,
			.in = direction(c, &c->in, ESP_OPEN, c->spi_in),
			.out = direction(c, &c->out, ESP_SEAL, c->spi_out),
		};
		return 0;
	}
	return -ENOSPC;
}

static struct spoke_child *
child_find(uint64_t id)
{
	for (int i = 0; i < CHILDREN; i++)
		if (spoke.child[i].id == id)
			return &spoke.child[i];
	return NULL;
}

static void
op_child_use(void *user, uint64_t child)
{
	spoke.sending = child_find(child);
}

static void
op_child_remove(void *user, uint64_t child, enum ike_reason reason)
{
	struct spoke_child *c = child_find(child);

	if (c == spoke.sending)
		spoke.sending = NULL;
	packet_key_free(c->in.suite, c->in.key);
	packet_key_free(c->out.suite, c->out.key);
	*c = (struct spoke_child){ 0 };
}

static void
op_child_moved(void *user, uint64_t child, const struct ike_path *path)
{
}

static void
op_peer_up(void *user, const struct ike_session *s)
{
	spoke.session = s->session;
	spoke.ups++;
}

static void
op_peer_down(void *user, const struct ike_session *s, enum ike_reason reason)
{
	spoke.downs++;
}

static void
op_event(void *user, const struct ike_event *e)
{
	printf("# spoke: %s %s\n", ike_reason_name(e->reason), e->detail);
}

static const struct ike_ops spoke_ops = {
	.send = op_send,
	.random = op_random,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = op_child_install,
	.child_use_outbound = op_child_use,
	.child_remove = op_child_remove,
	.child_moved = op_child_moved,
	.peer_up = op_peer_up,
	.peer_down = op_peer_down,
	.event = op_event,
};

/* ---- the spoke's NHRP ---------------------------------------------------------------------- */

static void
registration_send(void)
{
	static const uint8_t none[1];
	struct nhrp_cie cie = { .prefix_bits = NHRP_PREFIX_HOST, .mtu = 1400, .hold_s = 600 };
	struct nhrp_msg m = {
		.type = NHRP_REGISTRATION_REQUEST,
		.hops = 64,
		.nbma_family = ADDR_V4,
		.proto_family = ADDR_V4,
		.request_id = ++spoke.asked,
		.src_nbma = addr_from_v4(SPOKE_BE),
		.src_proto = addr_from_v4(OVERLAY_BE),
		.dst_proto = addr_from_v4(IPV4(10, 0, 9, 1)),
	};
	uint8_t room[64], pkt[NHRP_PACKET_BYTES];
	struct writer w = wr_over(room, sizeof(room));
	struct spoke_child *c = spoke.sending;

	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	nhrp_ext_set(&m, NHRP_EXT_RESPONDER, (struct nhrp_slice){ none, 0 });
	spoke.asked_ms = now_ms;
	packet_set(&p, pkt, (uint16_t)nhrp_msg_write(&m, pkt, sizeof(pkt)));
	packet_gre(&p, GRE_KEY, 0x2001);
	packet_seal(&p, &c->out, ++c->seq, IPPROTO_GRE);
	packet_ip(&p, SPOKE_BE, HUB_BE, IPPROTO_ESP);
	packet_ether(&p, hub.mac[hub.wan], RTE_ETHER_TYPE_IPV4);
	hub_push(hub.wan, 0, &p);
}

/** p is ESP for the spoke: the answer to what it asked last? */
static void
registration_answered(void)
{
	struct nhrp_msg m;
	struct nhrp_cie cie;
	struct cursor body;
	uint32_t spi;

	memcpy(&spi, packet_at(&p), sizeof(spi));
	for (int i = 0; i < CHILDREN; i++) {
		if (spoke.child[i].id == 0 || spoke.child[i].in.spi != rte_be_to_cpu_32(spi))
			continue;
		CHECK_EQ(packet_open(&p, &spoke.child[i].in, 0), IPPROTO_GRE);
		packet_pull(&p, 8);
		CHECK_EQ(nhrp_msg_read(packet_at(&p), p.bytes, &m), 0);
		body = cur_over(m.body.data, m.body.bytes);
		if (m.type != NHRP_REGISTRATION_REPLY || m.request_id != spoke.asked ||
			nhrp_cie_read(&body, ADDR_V4, &cie) != 0 || cie.code != NHRP_CODE_OK)
			continue;
		spoke.answered++;
		spoke.slowest_ms = RTE_MAX(spoke.slowest_ms, now_ms - spoke.asked_ms);
		return;
	}
	CHECK(!"ESP that the spoke can read");
}

/* ---- the hub -------------------------------------------------------------------------------- */

static const struct config_ike_profile profile = {
	.name = "branch",
	.max_children = 4,
	.replay_window = 64,
	.dpd_s = 5,
	.ike = { { .encr = ENCR_AES_GCM_16,
		.encr_bits = 128,
		.prf = PRF_HMAC_SHA2_256,
		.dh = DH_CURVE25519 } },
	.ike_count = 1,
	.esp = { { .encr = ENCR_AES_GCM_16, .encr_bits = 128 } },
	.esp_count = 1,
};

static struct ike *
ike_start(const struct ike_ops *ops, void *user, uint32_t local_be)
{
	struct ike *ike = ike_new(ops, user);
	struct config_psk psk = { 0 };
	struct ike_listener l = { .local = addr_from_v4(local_be), .profile = &profile };
	struct ike_conf conf = {
		.listeners = &l, .listeners_count = 1, .psks = &psk, .psks_count = 1
	};

	secret_set(&psk.key, "a shared key of the test", 24);
	CHECK_EQ(ike_configure(ike, &conf, now_ms), 0);
	secret_wipe(&psk.key);
	return ike;
}

static void
cloud_start(void)
{
	struct dp_cloud spec = {
		.source = addr_from_v4(HUB_BE),
		.has_key = true,
		.key = GRE_KEY,
		.protected_ = true,
		.network_id = 9,
		.mtu = 1400,
		.address = addr_from_v4(IPV4(10, 0, 9, 1)),
	};
	struct config_cloud c = {
		.name = "storm",
		.protection = "branch",
		.addresses = { { .addr = spec.address, .bits = 24 } },
		.addresses_count = 1,
		.source = spec.source,
		.has_key = true,
		.key = GRE_KEY,
		.mtu = 1400,
		.protected_ = true,
		.nhrp = { .network_id = 9,
			.holdtime_s = 600,
			.holdtime_min_s = 10,
			.holdtime_max_s = 65535,
			.max_prefix_bits_v4 = 32,
			.max_prefix_bits_v6 = 128 },
	};
	struct nhrp_cloud_conf conf = { .addresses = { c.addresses[0] },
		.addresses_count = 1,
		.nbma = c.source,
		.mtu = 1400,
		.nhrp = &c.nhrp };

	CHECK_EQ(dp_cloud_set(hub.dp, CLOUD, &spec), 0);
	CHECK_EQ(nhrp_cloud_set(ctl.nhrp, CLOUD, &conf), 0);
	CHECK_EQ(spokes_cloud_set(ctl.spokes, CLOUD, &c, 0, 0, now_ms), 0);
}

/** The way to the spoke, and to everybody else. */
static void
uplinks_start(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct addr at[] = { addr_from_v4(SPOKE_BE), addr_from_v4(GATEWAY_BE) };
	struct rib_route_in link = {
		.prefix = { .addr = addr_from_v4(IPV4(192, 0, 2, 0)), .bits = 24 },
		.table = 254,
		.hops_count = 1,
		.hops = { { .ifindex = WAN_IF } },
	};
	struct rib_route_in all = link;

	CHECK_EQ(rib_port_add(ctl.rib, hub.wan, 0, WAN_IF), 0);
	rib_link(ctl.rib, WAN_IF, true);
	rib_route(ctl.rib, &link, RIB_ADD);
	all.prefix = (struct prefix){ .addr = addr_from_v4(0) };
	all.hops[0].gateway = at[1];
	rib_route(ctl.rib, &all, RIB_ADD);
	for (int i = 0; i < 2; i++)
		rib_neigh(ctl.rib, WAN_IF, &at[i], RIB_NEIGH_STATIC, mac, true);
	rib_settle(ctl.rib);
}

static void
op_probe(void *user, int ifindex, const struct addr *a, bool keep)
{
}

static void
op_uplink_changed(void *user, uint64_t token, uint32_t uplink)
{
	spokes_uplink_changed(ctl.spokes, token, uplink, now_ms);
}

static const struct rib_ops rib_ops = { .probe = op_probe, .uplink_changed = op_uplink_changed };

static bool
start(void)
{
	if (!hub_start(NULL))
		return false;
	ctl.rib = rib_new(hub.dp, &rib_ops, NULL);
	ctl.spokes = spokes_new(hub.dp, 64);
	ctl.ike = ike_start(&spoke_ike_ops, ctl.spokes, HUB_BE);
	ctl.nhrp = nhrp_new(&spoke_nhrp_ops, ctl.spokes);
	spokes_bind(ctl.spokes, ctl.ike, ctl.nhrp, ctl.rib);
	uplinks_start();
	cloud_start();
	spoke.ike = ike_start(&spoke_ops, NULL, SPOKE_BE);
	return !check_bad;
}

static void
stop(void)
{
	nhrp_free(ctl.nhrp);
	spokes_free(ctl.spokes);
	ike_free(ctl.ike);
	ike_free(spoke.ike);
	for (int i = 0; i < CHILDREN; i++)
		if (spoke.child[i].id != 0)
			op_child_remove(NULL, spoke.child[i].id, IKE_REASON_NONE);
	hub_stop();
	rib_free(ctl.rib);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void
on_message(void *user, const struct dp_msg *msg)
{
	spokes_message(ctl.spokes, msg, now_ms);
}

/** A frame that left the hub; p at Ethernet. */
static void
frame_left(void)
{
	const struct rte_ipv4_hdr *ip;
	struct ike_path path = {
		.local_port = IKE_PORT,
		.remote_port = IKE_PORT,
		.local = addr_from_v4(SPOKE_BE),
		.remote = addr_from_v4(HUB_BE),
	};
	bool ours;

	packet_pull(&p, sizeof(struct rte_ether_hdr));
	ip = (const struct rte_ipv4_hdr *)packet_at(&p);
	ours = ip->dst_addr == SPOKE_BE;
	if (ip->next_proto_id == IPPROTO_GRE) {
		left_as_data++;
		return;
	}
	left_as_control++;
	CHECK_EQ(ip->type_of_service, TOS_CS6);
	if (!ours)
		return; /* to strangers */
	uint8_t proto = ip->next_proto_id;

	packet_pull(&p, rte_ipv4_hdr_len(ip));
	if (proto == IPPROTO_ESP) {
		registration_answered();
		return;
	}
	packet_pull(&p, sizeof(struct rte_udp_hdr));
	ike_input(spoke.ike, &path, packet_at(&p), p.bytes, now_ms);
}

/**
 * What strangers may say refills by the clock of the test, not that of a machine that may be slow:
 * then it would be more of them in each millisecond here.
 */
static unsigned
strangers_per_ms(void)
{
	static unsigned per_ms;
	struct token_bucket *b = &hub.w->budget[METER_IKE_INIT];
	uint64_t tokens = b->depth / b->cycles_per_token;

	if (per_ms != 0)
		return per_ms;
	per_ms = (unsigned)((hub.w->tsc_per_ms + b->cycles_per_token / 2) / b->cycles_per_token);
	b->cycles_per_token = hub.w->tsc_per_ms * 10000;
	b->depth = b->cycles_per_token * tokens;
	return per_ms;
}

static void
workers(void)
{
	for (int i = 0; i < 4; i++) { /* all that came is taken */
		worker_round(hub.w);
		worker_round(hub.other);
	}
}

/** One millisecond of everything; the wire takes so many frames. */
static void
millisecond(unsigned wire)
{
	level_give(&hub.w->budget[METER_IKE_INIT].full_at, &hub.w->budget[METER_IKE_INIT],
		strangers_per_ms());
	now_ms++;
	ike_tick(spoke.ike, now_ms);
	workers();
	dp_poll(hub.dp, on_message, NULL, POLL_BUDGET);
	ike_tick(ctl.ike, now_ms);
	nhrp_tick(ctl.nhrp, now_ms);
	spokes_tick(ctl.spokes, now_ms);
	rib_settle(ctl.rib);
	workers();
	for (unsigned i = 0; i < wire && hub_out(hub.wan, &p); i++)
		frame_left();
}

static void
calm(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		millisecond(HUB_RING);
}

/** A first message nobody sent before, or one of a session there is not, from anywhere. */
static void
forged(void)
{
	static uint32_t number;
	uint8_t m[sizeof(spoke.first)];
	uint32_t from = rte_cpu_to_be_32(0x2d000000 + ++number);

	memcpy(m, spoke.first, spoke.first_bytes);
	memcpy(m, &number, sizeof(number)); /* its SPI */
	if (number % 2 == 0) {
		memcpy(m + 8, &number, sizeof(number));
		m[18] = 37; /* INFORMATIONAL */
	}
	udp_in(number % 4 < 2 ? from : SPOKE_BE, m, spoke.first_bytes);
}

static void
data(void)
{
	hub_ping(&p, &hub.spoke[CLEAR][0], hub.spoke[CLEAR][1].overlay_be, 100);
	hub_push(hub.wan, 0, &p);
}

static void
storm(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		for (int n = 0; n < DATA; n++)
			data();
		for (int n = 0; n < FORGED; n++)
			forged();
		millisecond(WIRE);
	}
}

/* ---- tests ----------------------------------------------------------------------------------- */

static struct ike_totals
totals(const struct ike *ike)
{
	struct ike_totals t;

	ike_totals_get(ike, &t);
	return t;
}

static void
a_spoke_comes_up(void)
{
	struct ike_dial dial = {
		.path = {
			.local_port = IKE_PORT,
			.remote_port = IKE_PORT,
			.local = addr_from_v4(SPOKE_BE),
			.remote = addr_from_v4(HUB_BE),
		},
		.transport = true,
	};

	ike_initiate(spoke.ike, &dial, now_ms);
	calm(50);
	CHECK_EQ(spoke.ups, 1);
	CHECK(spoke.sending != NULL);
	if (spoke.sending == NULL)
		return;
	registration_send();
	calm(10);
	CHECK_EQ(spoke.answered, 1);
	CHECK_EQ(nhrp_bindings_count(ctl.nhrp, CLOUD), 1);
}

static void
a_storm_takes_nothing_from_it(void)
{
	uint64_t lost = hub_count(VERDICT_DROP_TX_FULL), held = hub_count(VERDICT_DROP_PUNT_RATE);
	struct ike_totals t;

	if (spoke.sending == NULL)
		return;
	storm(300);
	left_as_data = left_as_control = 0;
	for (int i = 0; i < 40; i++) {
		registration_send();
		if (i % 20 == 3)
			CHECK_EQ(spokes_rekey(ctl.spokes, "10.0.9.51", now_ms), 1);
		if (i % 20 == 13)
			CHECK_EQ(ike_rekey(spoke.ike, spoke.session, now_ms), 0);
		storm(100);
		CHECK_EQ(spoke.answered, spoke.asked);
	}
	t = totals(ctl.ike);
	printf("# data out %u, control out %u, lost on the full port %u, IKE refused %u, cookies "
	       "%u, slowest answer %u ms\n",
		left_as_data, left_as_control, (unsigned)(hub_count(VERDICT_DROP_TX_FULL) - lost),
		(unsigned)(hub_count(VERDICT_DROP_PUNT_RATE) - held), (unsigned)t.cookies_sent,
		(unsigned)spoke.slowest_ms);
	CHECK(hub_count(VERDICT_DROP_TX_FULL) - lost > left_as_data / 2);
	CHECK(hub_count(VERDICT_DROP_PUNT_RATE) > held);
	CHECK(t.cookies_sent > 100);
	CHECK_EQ(t.retransmitted + t.replayed_replies, 0);
	CHECK(t.ike_rekeys >= 4);
	CHECK(t.child_rekeys >= 4);
	t = totals(spoke.ike);
	CHECK_EQ(t.retransmitted + t.replayed_replies, 0);
	CHECK_EQ(t.sessions, 1);
	CHECK_EQ(spoke.ups, 1);
	CHECK_EQ(spoke.downs, 0);
	CHECK_EQ(nhrp_bindings_count(ctl.nhrp, CLOUD), 1);
	CHECK(spoke.slowest_ms <= QUEUE_MS + 10);
}

int
main(void)
{
	if (crypto_selftest() != NULL || !start())
		return 1;
	TEST(a_spoke_comes_up);
	TEST(a_storm_takes_nothing_from_it);
	stop();
	return check_done();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/fake_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/crl_fetch.h"
#include "control/ike/ike.h"
#include "control/mgmt/load.h"
#include "control/nhrp/nhrp.h"
#include "control/reload.h"
#include "control/spoke/spoke.h"

static struct addr
addr_of(const char *text)
{
	struct addr a = { 0 };

	if (addr_parse(text, &a) != 0)
		abort();
	return a;
}

/* ---- the data plane's figures ------------------------------------------------------------ */

static const struct {
	const char *name, *help;
	uint64_t packets;
} verdicts[] = {
	{ "tx", "sent on a port", 1000 },
	{ "drop_no_route", "no route to the inner destination", 0 },
	{ "drop_spoof", "inner source is not theirs", 7 },
};

unsigned
dp_verdict_count(void)
{
	return 3;
}

const char *
dp_verdict_name(unsigned verdict)
{
	return verdicts[verdict].name;
}

const char *
dp_verdict_help(unsigned verdict)
{
	return verdicts[verdict].help;
}

uint64_t
dp_verdict_read(const struct dp *dp, unsigned verdict, int worker)
{
	(void)dp;
	return worker < 0 ? verdicts[verdict].packets : verdicts[verdict].packets / 2;
}

unsigned
dp_workers(const struct dp *dp)
{
	(void)dp;
	return 2;
}

/** Worker 1 was busy a quarter of its time, worker 0 not at all. */
void
dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out)
{
	(void)dp;
	*out = (struct dp_worker_stats){
		.core = (int)worker + 1,
		.cycles = 8000000000,
		.busy_cycles = worker * 2000000000ull,
		.rx_packets = worker * 1000,
		.rx_bursts = worker * 100,
		.sleeps = worker * 7,
		.round_counts = { [0] = worker * 40,
			[2] = worker * 50,
			[7] = worker * 6,
			[DP_ROUND_BUCKETS - 1] = worker * 4 },
		.stage_cycles = { [1] = worker * 3000 },
		.stage_packets = { [1] = worker * 20 },
		.max_round_cycles = 50000,
	};
}

void
dp_icmp_stats(const struct dp *dp, struct dp_icmp_stats *out)
{
	(void)dp;
	*out = (struct dp_icmp_stats){ .sent = 12, .held = 3 };
}

const char *
dp_stage_name(unsigned stage)
{
	static const char *const names[DP_STAGES] = { "rx", "classify", "esp_in", "gre_in", "route",
		"frag", "gre_out", "esp_out", "l2" };

	return names[stage];
}

unsigned
dp_round_limit_us(unsigned bucket)
{
	return bucket + 1 == DP_ROUND_BUCKETS ? 0 : 1u << bucket;
}

uint64_t
dp_cycles_per_second(void)
{
	return 1000000000;
}

void
dp_port_stats(const struct dp *dp, uint16_t port, struct dp_port_stats *out)
{
	(void)dp;
	*out = (struct dp_port_stats){ .rx_packets = port, .rx_bytes = port * 100u, .tx_full = 3 };
	out->link_up = port == 1;
}

void
dp_port_mac(const struct dp *dp, uint16_t port, uint8_t mac[6])
{
	(void)dp;
	memcpy(mac, (uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)port }, 6);
}

bool
dp_port_link_up(const struct dp *dp, uint16_t port)
{
	(void)dp;
	return port == 1;
}

void
dp_table_stats(const struct dp *dp, struct dp_table_stats *out)
{
	(void)dp;
	*out = (struct dp_table_stats){ .peers = 2, .mbufs_free = 90, .mbufs_all = 100 };
}

/** The one child of the one session: forgeries came with its SPI. */
bool
dp_sa_in_read(const struct dp *dp, uint32_t spi, struct dp_sa_stats *out)
{
	(void)dp;
	*out = (struct dp_sa_stats){
		.peer = 5,
		.owner = 1,
		.top = 44,
		.packets = 40,
		.bytes = 4000,
		.drops_replay = 3,
		.drops_auth = 2,
	};
	return spi == 0x1234;
}

bool
dp_sa_out_read(const struct dp *dp, uint32_t peer, struct dp_sa_out_stats *out)
{
	(void)dp;
	*out = (struct dp_sa_out_stats){
		.spi = 0x5678,
		.packets = 77,
		.bytes = 7700,
		.packets_left = 1000,
		.bytes_left = UINT64_MAX,
	};
	return peer == 5;
}

/* ---- capture ----------------------------------------------------------------------------- */

struct fake_capture fake_capture;

const char *
dp_point_name(enum dp_point point)
{
	static const char *const names[] = { "rx", "tx", "inner-in", "inner-out", "drops" };

	return names[point];
}

int
dp_capture_start(struct dp *dp, const struct dp_capture *want)
{
	(void)dp;
	if (fake_capture.runs)
		return -EBUSY;
	fake_capture.runs = true;
	fake_capture.want = *want;
	return 0;
}

bool
dp_capture_next(struct dp *dp, struct dp_captured *out)
{
	(void)dp;
	if (!fake_capture.runs || fake_capture.given == fake_capture.count)
		return false;
	*out = fake_capture.list[fake_capture.given++ % FAKE_CAPTURED];
	return true;
}

void
dp_capture_stats(const struct dp *dp, struct dp_capture_stats *out)
{
	(void)dp;
	*out = (struct dp_capture_stats){ .lost = { 3, 4 } };
}

void
dp_capture_stop(struct dp *dp)
{
	(void)dp;
	fake_capture.runs = false;
}

/* ---- spokes ---------------------------------------------------------------------------------- */

const char *
spoke_state_name(enum spoke_state s)
{
	static const char *const names[] = { "down", "ike", "child", "registered", "forwarding" };

	return names[s];
}

/** The newest first: of one who proved nothing, then of one who did, whose name is no syntax. */
void
spokes_events_each(
	const struct spokes *s, bool (*fn)(void *arg, const struct spoke_event *), void *arg)
{
	struct spoke_event k = { .at_ms = 51000, .at_s = 1800000000, .clouds = "dmvpn" };

	(void)s;
	k.ike.reason = IKE_REASON_PSK_MISMATCH;
	k.ike.path = (struct ike_path){ .remote = addr_of("203.0.113.9"), .remote_port = 4500 };
	strcpy(k.ike.identity, "mallory");
	strcpy(k.ike.group, "vans");
	k.ike.notify = 24;
	k.ike.suppressed = 3;
	if (!fn(arg, &k))
		return;
	for (k.at_ms = 31000; k.at_ms > 0; k.at_ms -= 500) {
		k.ike.reason = IKE_REASON_PEER_SILENT;
		k.ike.authenticated = true;
		k.ike.group[0] = '\0';
		k.ike.path.remote = addr_of("198.51.100.2");
		strcpy(k.ike.identity, "branch12.example.org");
		if (!fn(arg, &k))
			return;
	}
}

/** Out of order, as slots of a table are; the last one failed before it had any address. */
void
spokes_each(const struct spokes *s, uint64_t now_ms,
	void (*fn)(void *arg, const struct spoke_info *), void *arg)
{
	struct spoke_info far = {
		.link = 12,
		.session = 1,
		.cloud = "dmvpn",
		.state = SPOKE_FORWARDING,
		.identity = "branch12.example.org",
		.group = "vans",
		.tunnel_address = addr_of("10.0.0.12"),
		.nbma = addr_of("198.51.100.2"),
		.nat = true,
		.port = 4500,
		.uptime_s = 93784,
		.rx_packets = 5,
		.spi_in = 0x1234,
	};
	struct spoke_info near = far, failed = { .nbma = addr_of("203.0.113.9") };

	(void)now_ms;
	strcpy(failed.claimed_identity, "mallory\033[2J");
	failed.reason = "auth_failed";
	strcpy(failed.detail, "wrong pre-shared key: compare the key files");
	strcpy(near.identity,
		((const struct fake_view *)(const void *)s)->odd_name ? "branch7\"\\\n\xc3"
								      : "branch7");
	near.session = 0;
	near.group[0] = '\0';
	near.tunnel_address = addr_of("10.0.0.7");
	near.state = SPOKE_REGISTERED;
	near.reason = "no_uplink";
	near.path_mtu = 1280;
	near.path_mtu_s = 75;
	fn(arg, &failed);
	fn(arg, &far);
	fn(arg, &near);
	for (unsigned i = ((const struct fake_view *)(const void *)s)->more; i > 0; i--) {
		char address[32];

		snprintf(address, sizeof(address), "10.1.%u.%u", i >> 8, i & 255);
		far.tunnel_address = addr_of(address);
		snprintf(far.identity, sizeof(far.identity), "branch%u.example.org", 1000 + i);
		fn(arg, &far);
	}
}

void
spokes_totals(const struct spokes *s, struct spokes_totals *out)
{
	(void)s;
	*out = (struct spokes_totals){ .links = 3, .forwarding = 1, .registered = 2, .down = 1 };
}

uint64_t
spokes_too_big(const struct spokes *s, enum pmtu_outcome outcome)
{
	(void)s;
	return outcome == PMTU_OLD ? 3 : 0;
}

unsigned
spokes_clear(struct spokes *s, const char *what, uint64_t now_ms)
{
	struct fake_view *f = (void *)s;

	(void)now_ms;
	snprintf(f->cleared, sizeof(f->cleared), "%s", what);
	return strcmp(what, "branch7") == 0;
}

unsigned
spokes_rekey(struct spokes *s, const char *what, uint64_t now_ms)
{
	(void)s;
	(void)now_ms;
	return strcmp(what, "branch7") == 0;
}

int
spokes_initiate(
	struct spokes *s, const char *what, unsigned how, uint64_t now_ms, struct ike_path *path)
{
	static const struct {
		const char *what;
		int err;
	} answers[] = { { "branch7", -EEXIST }, { "198.51.100.66", -EXDEV },
		{ "198.51.100.67", -EBUSY }, { "198.51.100.68", 0 } };

	(void)s;
	(void)now_ms;
	addr_parse(what, &path->remote);
	path->remote.octet[0] = (uint8_t)(path->remote.octet[0] + how);
	addr_parse("192.0.2.1", &path->local);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(what, answers[i].what) == 0)
			return answers[i].err;
	return -ENOENT;
}

/* ---- IKE and NHRP ------------------------------------------------------------------------------
 */

void
ike_each_sa(const struct ike *ike, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_sa_info *), void *arg)
{
	struct ike_sa_info s = {
		.session = 1,
		.spi_i = 0xabc,
		.state = "up",
		.path = { .remote = addr_of("198.51.100.2"), .remote_port = 4500 },
		.peer_text = "branch12.example.org",
		.profile = "branches",
		.ipsec_profile = "vans",
		.binding = { .map = "some", .group = "vans" },
		.suite = "aes256-sha256-ecp256",
		.age_ms = 7000,
		.rekey_in_ms = UINT64_MAX,
	};

	(void)ike;
	(void)now_ms;
	fn(arg, &s);
	s.session = 0;
	s.state = "init";
	s.path.remote = addr_of("198.51.100.1");
	s.peer_text[0] = '\0';
	s.binding = (struct config_binding){ 0 };
	fn(arg, &s);
}

void
ike_each_child(const struct ike *ike, uint64_t session, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_child_info *), void *arg)
{
	struct ike_child_info c = {
		.state = "up", .suite = "aes128gcm16", .spi_in = 0x1234, .spi_out = 0x5678
	};

	(void)ike;
	(void)session;
	(void)now_ms;
	fn(arg, &c);
}

void
ike_each_failure(
	const struct ike *ike, void (*fn)(void *arg, const struct ike_failure *), void *arg)
{
	struct ike_failure f = { .count = 3, .at_ms = 1000 };

	(void)ike;
	f.event.path.remote = addr_of("203.0.113.9");
	f.event.remedy[0] = '\0';
	fn(arg, &f);
}

/** Each its own, as of the true ones; one that failed stands for what is shown of failures. */
const char *
ike_reason_name(enum ike_reason reason)
{
	static char name[16];

	snprintf(name, sizeof(name), "reason_%d", (int)reason);
	return reason == IKE_REASON_NONE ? "auth_failed" : name;
}

bool
ike_reason_is_trouble(enum ike_reason reason)
{
	return reason != IKE_REASON_REKEYED;
}

const char *
ike_notify_name(uint16_t notify)
{
	return notify == 24 ? "AUTHENTICATION_FAILED" : "";
}

void
ike_each_state(
	const struct ike *ike, void (*fn)(void *arg, const char *state, uint32_t count), void *arg)
{
	(void)ike;
	fn(arg, "keying", 0);
	fn(arg, "up", 2);
}

int
ike_close(struct ike *ike, uint64_t session, enum ike_reason reason, uint64_t now_ms)
{
	(void)ike;
	(void)reason;
	(void)now_ms;
	return session == 1 ? 0 : -ENOENT;
}

void
ike_totals_get(const struct ike *ike, struct ike_totals *out)
{
	(void)ike;
	*out = (struct ike_totals){ .sessions = 1,
		.rx = 10,
		.auth_failed = 2,
		.jobs_refused = 5,
		.ike_rekeys = 9,
		.ike_rekeys_theirs = 7,
		.child_rekeys_refused = 4,
		.reasons = { [IKE_REASON_PEER_SILENT] = 6, [IKE_REASON_REKEYED] = 8 } };
}

const char *
ike_identity_print(const struct config_identity *id, char *buf, size_t n)
{
	snprintf(buf, n, "%.*s", id->bytes, (const char *)id->data);
	return buf;
}

void
nhrp_bindings_each(const struct nhrp *n, uint32_t cloud,
	bool (*fn)(void *arg, const struct nhrp_binding *), void *arg)
{
	struct nhrp_binding b = {
		.cloud = cloud,
		.protocol = addr_of("10.0.0.12"),
		.bits = 32,
		.nbma = addr_of("198.51.100.2"),
		.hold_s = 600,
		.flags = NHRP_UP,
		.expires_ms = 100000,
	};

	for (unsigned i = 0; i <= ((const struct fake_view *)(const void *)n)->more; i++)
		if (!fn(arg, &b))
			return;
}

uint32_t
nhrp_bindings_count(const struct nhrp *n, uint32_t cloud)
{
	(void)n;
	return cloud * 11;
}

const struct nhrp_counters *
nhrp_counters(const struct nhrp *n, uint32_t cloud)
{
	static struct nhrp_counters c;

	(void)n;
	(void)cloud;
	c.packets[3][1] = 4;
	return &c;
}

const char *
nhrp_type_name(uint8_t type)
{
	return type == 3 ? "registration_request" : "other";
}

const char *
nhrp_outcome_name(enum nhrp_outcome o)
{
	return (int)o == 1 ? "taken" : "left";
}

/* ---- reload
 * --------------------------------------------------------------------------------------- */

const char *
reload_change_print(const struct config_change *c, char *buf, size_t n)
{
	snprintf(buf, n, "%s: %s", c->path, c->text);
	return buf;
}

static const struct reload_report *
view_reload(void *user, bool dry, uint64_t now_ms)
{
	static struct config_change change = { .kind = CHANGE_CLOUD_UPDATE,
		.path = "clouds[0].mtu",
		.name = "dmvpn",
		.text = "mtu 1400 -> 1380" };
	static struct reload_report r = { .changes = &change, .changes_count = 1 };

	(void)user;
	(void)now_ms;
	r.applied = !dry;
	return &r;
}

/* ---- the view
 * ------------------------------------------------------------------------------------- */

static const struct config *
view_config(void *user)
{
	static struct config_port ports[] = {
		{ .name = "wan0", .device = "net_null0", .role = PORT_WAN, .mtu = 1500 },
		{ .name = "lan0", .device = "net_null1", .role = PORT_LAN, .mtu = 1500 },
	};
	static struct config_cloud cloud = {
		.name = "dmvpn", .protection = "branches", .mtu = 1400
	};
	static struct config_cert_map map = {
		.match = { { .field = "O", .pattern = "Example" },
			{ .unlike = true, .field = "OU", .pattern = "Partners" } },
		.match_count = 2,
		.binding = { .map = "some", .group = "vans", .profile = "vans" },
	};
	static struct config_pki pki = { .maps = &map, .maps_count = 1 };
	static struct config_ike_profile ike = { .name = "branches", .pki = &pki };
	static struct config_psk psk = { .file = "/etc/nave/branches.psk",
		.binding = { .group = "vans",
			.cloud = "dmvpn",
			.profile = "vans",
			.overlay = { { { .family = ADDR_V4, .octet = { 10, 0, 0, 128 } }, 25 } },
			.overlay_count = 1 } };
	static struct config c = { .ports = ports,
		.ports_count = 2,
		.clouds = &cloud,
		.clouds_count = 1,
		.ike = &ike,
		.ike_count = 1,
		.psks = &psk,
		.psks_count = 1,
		.management = { .socket = "/run/nave/naved.sock", .log_level = 6 } };
	static uint8_t key[] = "do not show me", auth[] = "nor me";

	(void)user;
	psk.key = (struct secret){ .data = key, .bytes = sizeof(key) - 1 };
	cloud.nhrp.authentication = (struct secret){ .data = auth, .bytes = sizeof(auth) - 1 };
	return &c;
}

static const char *
view_path(void *user)
{
	(void)user;
	return "/etc/nave/nave.yaml";
}

static const char *
view_cloud_name(void *user, uint16_t id)
{
	(void)user;
	return id == 1 ? "dmvpn" : NULL;
}

static const char *
view_port_name(void *user, uint16_t id)
{
	(void)user;
	return id == 1 ? "wan0" : id == 2 ? "lan0" : NULL;
}

static const char *
view_context_name(void *user, uint16_t ctx)
{
	(void)user;
	return ctx == 0 ? "main" : NULL;
}

static bool
view_trust(void *user, size_t index, struct trust_info *out)
{
	(void)user, (void)index, (void)out;
	return false;
}

static bool
view_crl_url(void *user, size_t index, struct crl_fetch_info *out)
{
	(void)user;
	*out = (struct crl_fetch_info){
		.profile = "branches", .url = "http://pki/\"q\".crl", .failures = 3, .reason = ""
	};
	return index == 0;
}

struct fake_view *
fake_view_new(void)
{
	struct fake_view *f = calloc(1, sizeof(*f));
	static struct load load;

	f->rib = rib_rig_new();
	f->view = (struct mgmt_view){
		.dp = f->rib->dp,
		.rib = f->rib->rib,
		.spokes = (struct spokes *)(void *)f,
		.nhrp = (struct nhrp *)(void *)f,
		.load = &load,
		.config = view_config,
		.config_path = view_path,
		.cloud_name = view_cloud_name,
		.port_name = view_port_name,
		.context_name = view_context_name,
		.trust = view_trust,
		.crl_url = view_crl_url,
		.reload = view_reload,
		.user = f,
		.started_ms = 1000,
	};
	return f;
}

void
fake_view_free(struct fake_view *f)
{
	rib_rig_free(f->rib);
	free(f);
}

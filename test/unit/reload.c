/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Reload between real files, real spokes, the real NHRP engine, and twins, sockets and an
 * IKE engine that only remember, and can be told to fail at their n-th call.
 */
#include <errno.h>

#include "config/report.h"
#include "control/base/log.h"
#include "control/dpif.h"
#include "control/mgmt/socket.h"
#include "control/reload.h"
#include "control/route/context.h"
#include "test/lib/check.h"
#include "test/lib/spoke_rig.h"
#include "test/unit/config_base.h"

#define CLOUDS 8

/* ---- what only remembers ------------------------------------------------------------ */

struct dpif {
	struct config_cloud cloud[CLOUDS]; /* by id, from 1; no name: free */
	struct config_port port[2];
	unsigned settled;
};

static struct dpif dpif;
static struct {
	char group[32];
	char ike[512]; /* listeners and keys */
	uint32_t peers;
	int fail_at; /* this call fails, 0: none */
	int calls;
} fake;

/** Does this call fail? */
static bool
fails(void)
{
	return ++fake.calls == fake.fail_at;
}

uint16_t
dpif_cloud_id(const struct dpif *d, const char *name)
{
	for (uint16_t id = 1; id < CLOUDS; id++)
		if (strcmp(d->cloud[id].name, name) == 0)
			return id;
	return 0;
}

int
dpif_cloud_set(struct dpif *d, const struct config_cloud *cfg)
{
	uint16_t id = dpif_cloud_id(d, cfg->name);

	if (fails())
		return -EBUSY;
	if (id == 0)
		id = dpif_cloud_id(d, "");
	d->cloud[id] = *cfg;
	d->cloud[id].nhrp.authentication = (struct secret){ 0 };
	return id;
}

void
dpif_cloud_del(struct dpif *d, const char *name)
{
	uint16_t id = dpif_cloud_id(d, name);

	if (id != 0)
		d->cloud[id].name[0] = '\0';
}

int
dpif_port_set(struct dpif *d, const struct config_port *cfg)
{
	if (fails())
		return -EPERM;
	for (int i = 0; i < 2; i++)
		if (strcmp(d->port[i].name, cfg->name) == 0)
			d->port[i] = *cfg;
	return 0;
}

void
contexts_check(const struct config *cfg, struct report *r)
{
	if (cfg->clouds[cfg->clouds_count - 1].vrf[0] != '\0')
		report_error(r, "clouds[2].vrf", "no such VRF here");
}

uint16_t
dpif_overlay_ctx(const struct dpif *d, uint16_t cloud)
{
	(void)d;
	(void)cloud;
	return 0;
}

uint16_t
dpif_transport_ctx(const struct dpif *d, uint16_t cloud)
{
	return dpif_overlay_ctx(d, cloud);
}

void
dpif_settle(struct dpif *d)
{
	d->settled++;
}

int
mgmt_group_set(struct mgmt *m, const char *group)
{
	(void)m;
	if (fails())
		return -ENOENT;
	snprintf(fake.group, sizeof(fake.group), "%s", group);
	return 0;
}

int
ike_configure(struct ike *ike, const struct ike_conf *conf, uint64_t now_ms)
{
	size_t at = 0;
	char text[ADDR_TEXT_BYTES];

	(void)ike;
	(void)now_ms;
	if (fails())
		return -ENOMEM;
	fake.peers = conf->limits.peers;
	for (size_t i = 0; i < conf->listeners_count; i++)
		at += (size_t)snprintf(fake.ike + at, sizeof(fake.ike) - at, "%s %s dpd %u; ",
			addr_print(&conf->listeners[i].local, text),
			conf->listeners[i].profile->name, conf->listeners[i].profile->dpd_s);
	for (size_t i = 0; i < conf->psks_count; i++)
		at += (size_t)snprintf(fake.ike + at, sizeof(fake.ike) - at, "key %s; ",
			prefix_print(&conf->psks[i].whom.address, text));
	for (size_t i = 0; i < conf->profiles_count; i++)
		at += (size_t)snprintf(fake.ike + at, sizeof(fake.ike) - at, "profile %s; ",
			conf->profiles[i].name);
	return 0;
}

/* ---- the hub -------------------------------------------------------------------------- */

static struct reload hub;
static struct reload_report report;
static char dir[64], path[128];

static const char *const good = "ports:\n"
				"  - name: wan0\n"
				"    device: net_null0\n"
				"    role: wan\n"
				"    addresses: [192.0.2.1/24]\n"
				"clouds:\n"
				"  - name: cloud1\n"
				"    addresses: [10.0.1.1/24]\n"
				"    source: 192.0.2.1\n"
				"    key: 1\n"
				"    protection: branch\n"
				"    nhrp:\n"
				"      network_id: 1\n"
				"  - name: cloud2\n"
				"    addresses: [10.0.2.1/24]\n"
				"    source: 192.0.2.1\n"
				"    key: 2\n"
				"    protection: branch\n"
				"    nhrp:\n"
				"      network_id: 2\n"
				"ike:\n"
				"  - name: branch\n"
				"secrets:\n"
				"  - address: any\n"
				"    key: file:DIR/psk\n";

static const char third[] = "ike:\n",
		  third_cloud[] = "  - name: cloud3\n"
				  "    addresses: [10.0.3.1/24]\n"
				  "    source: 192.0.2.1\n"
				  "    key: 3\n"
				  "    protection: branch\n"
				  "    nhrp:\n"
				  "      network_id: 3\n"
				  "ike:\n";

/** The good file with pairs of what is found and what replaces it, up to NULL. */
static void
file_write(const char *const *edits)
{
	static char text[8192], more[8192];

	snprintf(text, sizeof(text), "%s", good);
	for (; *edits != NULL; edits += 2) {
		const char *at = strstr(text, edits[0]);

		if (at == NULL)
			abort();
		snprintf(more, sizeof(more), "%.*s%s%s", (int)(at - text), text, edits[1],
			at + strlen(edits[0]));
		memcpy(text, more, sizeof(text));
	}
	base_expand(more, sizeof(more), text, dir);
	base_write(path, more, strlen(more), 0600);
}

#define FILE_IS(...) file_write((const char *const[]){ __VA_ARGS__, NULL })

static const struct rig_who seven = { "seven.example", "198.51.100.7", 0 };
static const struct rig_who eight = { "eight.example", "198.51.100.8", 0 };

/** Two clouds; seven is in both, eight in the second. */
static void
begin(void)
{
	struct config_errors errors;

	base_dir(dir, sizeof(dir));
	base_path(path, sizeof(path), dir, "hub.yaml");
	FILE_IS("", "");
	memset(&dpif, 0, sizeof(dpif));
	memset(&fake, 0, sizeof(fake));
	rig_begin();
	hub = (struct reload){ .path = path,
		.mgmt = (struct mgmt *)&fake,
		.to = { .dpif = &dpif, .nhrp = rig.nhrp, .spokes = rig.s } };
	CHECK_EQ(config_load(path, NULL, &hub.config, &errors), 0);
	config_errors_free(&errors);
	dpif.port[0] = hub.config->ports[0];
	CHECK_EQ(apply_all(&hub.to, hub.config, rig.now_ms), 0);
	rig_up(&seven, "branch");
	rig_register(1, 1, "10.0.1.11", &seven, 600);
	rig_register(2, 1, "10.0.2.11", &seven, 600);
	rig_up(&eight, "branch");
	rig_register(2, 3, "10.0.2.12", &eight, 600);
	CHECK_EQ(rig_rows(), 3);
	rig_mark();
}

static void
end(void)
{
	rig_end();
	config_free(hub.config);
	unlink(path);
	base_dir_remove(dir);
}

static void
go(bool dry)
{
	reload_report_free(&report);
	reload_run(&hub, dry, rig.now_ms, &report);
}

/** Everything a reload could have touched, as text. */
static const char *
state(void)
{
	static char text[8192];
	size_t at = 0;

#define SAY(...) at += (size_t)snprintf(text + at, sizeof(text) - at, __VA_ARGS__)
	SAY("group %s level %u ike %s\n", fake.group, hub.config->management.log_level, fake.ike);
	for (uint16_t id = 1; id < CLOUDS; id++) {
		const struct config_cloud *c = &dpif.cloud[id];
		char addr[ADDR_TEXT_BYTES];

		if (c->name[0] != '\0')
			SAY("cloud %u %s key %u mtu %u addresses %u %s\n", id, c->name, c->key,
				c->mtu, c->addresses_count, prefix_print(&c->addresses[0], addr));
		SAY("nhrp %u: %d, %u bindings\n", id, nhrp_counters(rig.nhrp, id) != NULL,
			nhrp_bindings_count(rig.nhrp, id));
	}
	SAY("port: %u addresses\n", dpif.port[0].addresses_count);
	for (int i = 1; i < RIG_PEERS; i++)
		if (rig.dp.peer[i].used)
			SAY("peer %d cloud %u out %u sibling %u\n", i, rig.dp.peer[i].spec.cloud,
				rig.dp.peer[i].out, rig.dp.peer[i].spec.sibling);
	SAY("%u rows; asked: %s\n", rig_rows(), rig.trace);
#undef SAY
	return text;
}

static char before[8192];

static void
remember(void)
{
	snprintf(before, sizeof(before), "%s", state());
}

/* ---- tests ------------------------------------------------------------------------------- */

static void
nothing_changed_nothing_done(void)
{
	begin();
	remember();
	go(false);
	CHECK(report.applied);
	CHECK_EQ(report.changes_count, 0);
	CHECK_STR(report.refused, "");
	CHECK_STR(state(), before);
	end();
}

static void
update_closes_nobody(void)
{
	begin();
	FILE_IS("key: 2\n", "key: 2\n    mtu: 1380\n", "[10.0.2.1/24]",
		"[10.0.2.1/24, 10.8.0.1/24]", "- name: branch\n", "- name: branch\n    dpd_s: 11\n",
		"[192.0.2.1/24]", "[192.0.2.1/24, 192.0.2.9/24]", "secrets:\n",
		"management:\n  group: operators\n  log_level: notice\nsecrets:\n");
	go(false);
	CHECK(report.applied);
	CHECK_EQ(report.changes_count, 6);
	CHECK_EQ(dpif.cloud[2].mtu, 1380);
	CHECK_EQ(dpif.cloud[2].addresses_count, 2);
	CHECK_EQ(dpif.port[0].addresses_count, 2);
	CHECK_EQ(dpif.settled, 1);
	CHECK_STR(fake.group, "operators");
	CHECK_STR(fake.ike, "192.0.2.1 branch dpd 11; key -/0; profile branch; ");
	CHECK_EQ(fake.peers, 4096); /* max_spokes */
	CHECK_STR(rig.trace, "");
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	log_level_set(6);
	end();
}

/** A cloud comes, one goes: who is only in that one is told, the others notice nothing. */
static void
cloud_added_and_removed(void)
{
	begin();
	FILE_IS("name: cloud2", "name: cloud3", "10.0.2.1", "10.0.3.1", "key: 2", "key: 3");
	go(false);
	CHECK(report.applied);
	CHECK_EQ(report.changes_count, 2);
	CHECK_EQ(dpif_cloud_id(&dpif, "cloud2"), 0);
	CHECK_EQ(dpif_cloud_id(&dpif, "cloud3"), 3);
	CHECK(nhrp_counters(rig.nhrp, 2) == NULL);
	CHECK(rig_did("close:23", NULL));
	CHECK(rig_did_not("close:21"));
	CHECK(rig_did("nbma-10.0.2.11", "peer-2", NULL));
	CHECK(rig_did_not("nbma-10.0.1.11"));
	CHECK(rig_did_not("out1=0"));
	CHECK_EQ(rig_rows(), 1);
	CHECK_EQ(rig_shown("cloud1")->state, SPOKE_FORWARDING);
	rig_register(3, 1, "10.0.3.11", &seven, 600); /* it may join the new one */
	CHECK_EQ(rig_shown("cloud3")->state, SPOKE_FORWARDING);
	end();
}

/** Another key is another tunnel: its spokes come anew. */
static void
cloud_rebuilt(void)
{
	begin();
	FILE_IS("key: 2\n", "key: 22\n");
	go(false);
	CHECK(report.applied);
	CHECK_EQ(dpif.cloud[2].key, 22);
	CHECK(rig_did("close:23", NULL));
	CHECK_EQ(rig_bound(2, "10.0.2.11"), 0);
	CHECK_EQ(nhrp_bindings_count(rig.nhrp, 2), 0);
	CHECK_EQ(rig_bound(1, "10.0.1.11"), 1);
	rig_register(2, 1, "10.0.2.11", &seven, 600);
	CHECK_EQ(rig_shown("cloud2")->state, SPOKE_FORWARDING);
	end();
}

static void
bad_file_changes_nothing(void)
{
	begin();
	remember();
	FILE_IS("key: 2\n", "key: 2\n    mtu: 13\n", "name: cloud1", "name: cloud9",
		"[10.0.2.1/24]", "[10.0.2.1]");
	go(false);
	CHECK(!report.applied);
	CHECK_EQ(report.errors.count, 2);
	CHECK(report.errors.list[0].line == 15 && report.errors.list[1].line == 18);
	CHECK_STR(state(), before);
	unlink(path);
	go(false);
	CHECK(!report.applied);
	CHECK(report.errors.count == 1 && strstr(report.errors.list[0].text, "No such file"));
	CHECK_STR(state(), before);
	end();
}

static void
restart_is_named(void)
{
	begin();
	remember();
	FILE_IS("ports:", "system:\n  workers: 3\nports:", "protection: branch", "protection: none",
		"key: 2\n", "key: 2\n    mtu: 1380\n");
	go(false);
	CHECK(!report.applied);
	CHECK(strstr(report.refused, "2 changes need a restart") != NULL);
	CHECK_STR(report.changes[0].path, "system.workers");
	CHECK_EQ(report.changes[0].kind, CHANGE_RESTART);
	CHECK_STR(state(), before);
	end();
}

/** A VRF that the host does not have. */
static void
host_is_asked(void)
{
	begin();
	remember();
	FILE_IS(third, third_cloud, "key: 3\n", "key: 3\n    vrf: blue\n");
	go(true);
	CHECK_EQ(report.errors.count, 1);
	CHECK_STR(report.errors.list[0].path, "clouds[2].vrf");
	CHECK(report.errors.list[0].line > 0);
	go(false);
	CHECK(!report.applied);
	CHECK_STR(state(), before);
	end();
}

static void
dry_run_changes_nothing(void)
{
	begin();
	remember();
	FILE_IS("key: 2\n", "key: 2\n    mtu: 1380\n", third, third_cloud);
	go(true);
	CHECK(!report.applied);
	CHECK_STR(report.refused, "");
	CHECK_EQ(report.changes_count, 2);
	CHECK_EQ(fake.calls, 3); /* of the start */
	CHECK_STR(state(), before);
	end();
}

/** Whichever step fails, what was done before it is taken back. */
static void
any_step_may_fail(void)
{
	unsigned refused = 0;

	begin();
	remember();
	FILE_IS("name: cloud1", "name: cloud7", "10.0.1.1", "10.0.7.1", "key: 2\n",
		"key: 22\n    mtu: 1380\n", third, third_cloud, "[192.0.2.1/24]",
		"[192.0.2.1/24, 192.0.2.9/24]", "secrets:\n",
		"management:\n  group: operators\nsecrets:\n");
	for (int at = 1;; at++) {
		fake.calls = 0;
		fake.fail_at = at;
		go(false);
		if (report.applied)
			break;
		refused++;
		CHECK(strstr(report.refused, "cannot be set up") != NULL);
		fake.fail_at = 0;
		CHECK_STR(state(), before);
	}
	CHECK_EQ(refused, 6); /* group, port, three clouds, IKE */
	CHECK_EQ(dpif_cloud_id(&dpif, "cloud1"), 0);
	CHECK(rig_did("close:21", "close:23", NULL));
	CHECK_EQ(rig_rows(), 0);
	end();
}

int
main(void)
{
	TEST(nothing_changed_nothing_done);
	TEST(update_closes_nobody);
	TEST(cloud_added_and_removed);
	TEST(cloud_rebuilt);
	TEST(bad_file_changes_nothing);
	TEST(restart_is_named);
	TEST(host_is_asked);
	TEST(dry_run_changes_nothing);
	TEST(any_step_may_fail);
	reload_report_free(&report);
	return check_done();
}

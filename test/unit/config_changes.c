/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include "test/lib/check.h"
#include "test/unit/config_base.h"

/* The good file with `find` replaced, and what has to be done to get there. */
static const struct {
	const char *find, *replace, *changes;
} rows[] = {
	{ "", "", "" },
	{ "", "# a comment\n", "" },
	{ "workers: 2", "workers: 3", "restart system.workers (): workers 2 -> 3" },
	{ "device: net_null1", "device: net_null7",
		"restart ports[1].device (lan0): device \"net_null1\" -> \"net_null7\"" },
	{ "clouds:", "  - name: v7\n    parent: wan0\n    vlan: 7\n    role: lan\nclouds:",
		"restart ports[2] (v7): port added" },
	{ "device: net_null1", "parent: wan0\n    vlan: 7",
		"restart ports[1].device (lan0): device \"net_null1\" -> \"\"\n"
		"restart ports[1].parent (lan0): parent \"\" -> \"wan0\"\n"
		"restart ports[1].vlan (lan0): vlan 0 -> 7" },
	{ "role: lan", "role: lan\n    mtu: 1400",
		"restart ports[1].mtu (lan0): mtu 1500 -> 1400" },
	{ "name: lan0", "name: lan1",
		"restart ports[1] (lan0): port removed\nrestart ports[1] (lan1): port added" },
	{ "[172.16.0.1/24]", "[172.16.1.1/24]",
		"port_address ports[1].addresses (lan0): remove 172.16.0.1/24\n"
		"port_address ports[1].addresses (lan0): add 172.16.1.1/24" },
	{ "role: wan", "role: wan\n    gateway: 192.0.2.9",
		"port_address ports[0].gateway (wan0): gateway - -> 192.0.2.9" },
	{ "key: 42", "key: 42\n    mtu: 1380",
		"cloud_update clouds[0].mtu (dmvpn): mtu 1400 -> 1380" },
	{ "key: 42", "key: 42\n    df: copy",
		"cloud_update clouds[0].df (dmvpn): df \"clear\" -> \"copy\"" },
	{ "network_id: 1", "network_id: 1\n      redirect: false",
		"cloud_update clouds[0].nhrp.redirect (dmvpn): nhrp.redirect true -> false" },
	{ "network_id: 1", "network_id: 1\n      authentication: file:DIR/short",
		"cloud_update clouds[0].nhrp.authentication (dmvpn): authentication changed" },
	{ "[10.0.0.1/24]", "[10.0.0.1/24, 10.9.0.1/24]",
		"cloud_update clouds[0].addresses (dmvpn): add 10.9.0.1/24" },
	{ "key: 42", "key: 43", "cloud_rebuild clouds[0].key (dmvpn): key 42 -> 43" },
	{ "    key: 42\n", "", "cloud_rebuild clouds[0].key (dmvpn): key 42 -> none" },
	{ "protection: branch", "protection: none",
		"restart clouds[0].protection (dmvpn): protection \"branch\" -> \"none\"" },
	{ "key: 42", "key: 43\n    vrf: blue\n    mtu: 1380",
		"restart clouds[0].vrf (dmvpn): vrf \"\" -> \"blue\"\n"
		"cloud_rebuild clouds[0].key (dmvpn): key 42 -> 43\n"
		"cloud_update clouds[0].mtu (dmvpn): mtu 1400 -> 1380" },
	{ "name: dmvpn", "name: other",
		"cloud_remove clouds[0] (dmvpn): cloud removed\ncloud_add clouds[0] (other): cloud "
		"added" },
	{ "- name: branch", "- name: branch\n    dpd_s: 10",
		"ike ike[0].dpd_s (branch): dpd_s 30 -> 10" },
	{ "- name: branch", "- name: branch\n    local_identity: hub.example.org",
		"ike ike[0].local_identity (branch): local_identity \"-\" -> \"hub.example.org\"" },
	{ "key: file:DIR/psk", "key: file:DIR/psk\nppks:\n  - id: one\n    key: file:DIR/psk-hex",
		"ike ppks[0] (): PPK added" },
	{ "- name: branch", "- name: branch\n    legacy: true\n    esp_lifetime_mb: 4608",
		"ike ike[0].proposals (branch): proposals changed\n"
		"ike ike[0].esp_proposals (branch): esp_proposals changed\n"
		"ike ike[0].esp_lifetime_mb (branch): esp_lifetime_mb 0 -> 4608\n"
		"ike ike[0].legacy (branch): legacy changed" },
	{ "- name: branch", "- name: branch\n    esp_proposals: [aes128gcm16]",
		"ike ike[0].esp_proposals (branch): esp_proposals changed" },
	{ "- name: branch", "- name: branch\n  - name: spare",
		"ike ike[1] (spare): profile added" },
	{ "file:DIR/psk", "file:DIR/psk-hex", "ike secrets[0].key (): key changed for any peer" },
	{ "address: any", "address: 198.51.100.0/24",
		"ike secrets[0] (): key removed for any peer\n"
		"ike secrets[0] (): key added for 198.51.100.0/24" },
	{ "address: any", "address: any\n    group: vans\n    overlay: [10.0.0.0/25]",
		"ike secrets[0] (): group, cloud, overlay or profile changed for any peer" },
	{ "address: any", "address: any\n    profile: branch",
		"ike secrets[0] (): group, cloud, overlay or profile changed for any peer" },
	{ "address: any", "identities: [\"*.a.example\", 10.1.0.0/16]",
		"ike secrets[0] (): key removed for any peer\n"
		"ike secrets[0] (): key added for *.a.example\n"
		"ike secrets[0] (): key added for 10.1.0.0/16" },
	{ "secrets:", "management:\n  log_level: debug\nsecrets:",
		"management management.log_level (): log_level 6 -> 7" },
	{ "secrets:", "management:\n  socket: /run/other.sock\nsecrets:",
		"restart management.socket (): socket \"/run/nave/naved.sock\" -> "
		"\"/run/other.sock\"" },
};

static struct config *
load(const char *find, const char *replace, const char *dir)
{
	static char text[65536];
	struct config_errors errors;
	struct config *c = NULL;

	base_text(text, sizeof(text), find, replace, dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), NULL, &c, &errors), 0);
	config_errors_free(&errors);
	return c;
}

static void
changes_are_named_by_kind_and_key(void)
{
	char dir[64], got[2048];
	static struct config_change list[16];

	base_dir(dir, sizeof(dir));
	struct config *old = load("", "", dir);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *new = load(rows[i].find, rows[i].replace, dir);
		size_t at = 0;

		got[0] = '\0';
		CHECK(old != NULL && new != NULL);
		if (old == NULL || new == NULL)
			break;
		size_t n = config_diff(old, new, list, 16);

		CHECK_EQ(config_diff(old, new, NULL, 0), n);
		for (size_t j = 0; j < n; j++)
			at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%s %s (%s): %s",
				j > 0 ? "\n" : "", config_change_name(list[j].kind), list[j].path,
				list[j].name, list[j].text);
		CHECK_STR(got, rows[i].changes);
		config_free(new);
	}
	config_free(old);
	base_dir_remove(dir);
}

static void
list_is_never_overrun(void)
{
	char dir[64];
	struct config_change list[2] = { 0 };

	base_dir(dir, sizeof(dir));
	struct config *old = load("", "", dir), *new = load("name: dmvpn", "name: other", dir);

	CHECK_EQ(config_diff(old, new, list, 1), 1);
	CHECK_EQ(list[0].kind, CHANGE_CLOUD_REMOVE);
	CHECK_STR(list[1].path, "");
	config_free(old);
	config_free(new);
	base_dir_remove(dir);
}

int
main(void)
{
	TEST(changes_are_named_by_kind_and_key);
	TEST(list_is_never_overrun);
	return check_done();
}

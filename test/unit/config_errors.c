/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include <errno.h>

#include "test/lib/check.h"
#include "test/unit/config_base.h"

/*
 * Bad files: the good one of config_base.h with `find` replaced once (NULL: the whole
 * text), and every message that must come, one per line. DIR is the folder of secrets.
 */
static const struct bad {
	const char *find, *replace, *messages;
} bads[] = {
	/* clang-format off */
	{ "system:\n"
		"  workers: 2\n", "system: [\n",
		"3:3: not valid YAML: did not find expected node content while parsing a flow "
		"node (begun on line 3)" },
	{ "workers: 2", "workers: 2\n"
		" wrong: 1",
		"3:2: not valid YAML: did not find expected key while parsing a block mapping "
		"(begun on line 1)" },
	{ "  workers: 2", "\tworkers: 2",
		"2:1: not valid YAML: found character that cannot start any token while "
		"scanning for the next token (begun on line 2)" },
	{ "workers: 2", "workers: \x01" "",
		"2:12: not YAML text: control characters are not allowed (0x01); save the file "
		"as UTF-8" },
	{ "key: 42", "key: 42 # h\xc3\xa4 \xff",
		"16:18: not YAML text: invalid leading UTF-8 octet (0xff); save the file as "
		"UTF-8" },
	{ "ike:\n", "---\n"
		"ike:\n",
		"20:1: a second document starts here; allowed is one: remove the '---' and "
		"merge its keys into the first" },
	{ "workers: 2", "workers: 2\n"
		"  idle: x\n"
		"---",
		"1:1: ports: needed key \"ports\" is missing\n"
		"1:1: clouds: needed key \"clouds\" is missing\n"
		"3:9: system.idle: found \"x\"; allowed: auto, poll, adaptive\n"
		"4:1: a second document starts here; allowed is one: remove the '---' and merge "
		"its keys into the first" },
	{ "addresses: [10.0.0.1/24]", "addresses: &a [10.0.0.1/24]",
		"14:16: clouds[0].addresses: anchor \"&a\" is not supported; remove it" },
	{ "addresses: [172.16.0.1/24]", "addresses: *a",
		"11:16: ports[1].addresses: alias \"*a\" is not supported; write the value out" },
	{ "- name: branch", "- &p\n"
		"    name: branch\n"
		"    &q proposals: [aes256-sha256-ecp256, &r aes128-sha256-ecp256]\n"
		"    ? [a, &s b]\n"
		"    : &t c\n"
		"    maps: [{name: a, match: [*r]}, *p]",
		"21:5: ike[0]: anchor \"&p\" is not supported; remove it\n"
		"23:5: ike[0].proposals: anchor \"&q\" is not supported; remove it\n"
		"23:42: ike[0].proposals[1]: anchor \"&r\" is not supported; remove it\n"
		"24:11: ike[0][1]: anchor \"&s\" is not supported; remove it\n"
		"25:7: ike[0]: anchor \"&t\" is not supported; remove it\n"
		"26:30: ike[0].maps[0].match[0]: alias \"*r\" is not supported; write the value "
		"out\n"
		"26:36: ike[0].maps[1]: alias \"*p\" is not supported; write the value out" },
	{ "workers: 2", "workers: !!int 2\n"
		"  cores: &c \"3\"",
		"2:12: system.workers: tag \"tag:yaml.org,2002:int\" is not supported; remove it\n"
		"3:10: system.cores: anchor \"&c\" is not supported; remove it\n"
		"3:10: system.cores: names 1 cores, but 2 workers and the control core need 3; "
		"change \"cores\" or \"workers\"" },
	{ "key: 42", "key: !!int 42",
		"16:10: clouds[0].key: tag \"tag:yaml.org,2002:int\" is not supported; remove it" },
	{ NULL, "",
		"the file is empty; needed are at least \"ports\" and \"clouds\"" },
	{ NULL, "# only a comment\n",
		"the file is empty; needed are at least \"ports\" and \"clouds\"" },
	{ NULL, "just text\n",
		"1:1: found a single value; allowed: a mapping (key: value)" },
	{ NULL, "- a\n"
		"- b\n",
		"1:1: found a list; allowed: a mapping (key: value)" },
	{ NULL, "system: {}\n",
		"1:1: ports: needed key \"ports\" is missing\n"
		"1:1: clouds: needed key \"clouds\" is missing" },
	{ "workers: 2", "worker: 2",
		"2:3: system.worker: unknown key \"worker\"; did you mean \"workers\"?" },
	{ "workers: 2", "zzzzzzzz: 2",
		"2:3: system.zzzzzzzz: unknown key \"zzzzzzzz\"; allowed: workers, cores, "
		"hugepages, memory_mb, max_spokes, crypto_threads, idle, "
		"state_directory" },
	{ "workers: 2", "workers: 2\n"
		"  workers: 3",
		"3:3: system.workers: key given twice, first in line 2; remove one" },
	{ "workers: 2", "workers: 0",
		"2:12: system.workers: found \"0\"; allowed: auto or 1..64" },
	{ "workers: 2", "workers: 65",
		"2:12: system.workers: found \"65\"; allowed: auto or 1..64" },
	{ "workers: 2", "workers: two",
		"2:12: system.workers: found \"two\"; allowed: auto or 1..64" },
	{ "workers: 2", "workers:",
		"2:11: system.workers: no value; write one or remove the key" },
	{ "workers: 2", "workers: [2]",
		"2:12: system.workers: found a list; allowed: a single value" },
	{ "workers: 2", "[a]: 2",
		"2:3: system: a key must be plain text, found a list" },
	{ "workers: 2", "hugepages: yes",
		"2:14: system.hugepages: found \"yes\"; allowed: true, false" },
	{ "workers: 2", "idle: sometimes",
		"2:9: system.idle: found \"sometimes\"; allowed: auto, poll, adaptive" },
	{ "workers: 2", "max_spokes: 010",
		"2:15: system.max_spokes: found \"010\"; allowed: 1..1000000" },
	{ "workers: 2", "max_spokes: 99999999999",
		"2:15: system.max_spokes: found \"99999999999\"; allowed: 1..1000000" },
	{ "workers: 2", "max_spokes: -1",
		"2:15: system.max_spokes: found \"-1\"; allowed: 1..1000000" },
	{ "workers: 2", "workers: 2\n"
		"  cores: 3-1",
		"3:10: system.cores: found \"3-1\"; allowed: a list of cores, each once, "
		"as \"1-3,7\"" },
	{ "workers: 2", "cores: 0-2,1",
		"2:10: system.cores: found \"0-2,1\"; allowed: a list of cores, each once, as "
		"\"1-3,7\"" },
	{ "workers: 2", "workers: auto\n"
		"  cores: 0-65",
		"3:10: system.cores: names 66 cores; allowed: at most 65, the first for control, "
		"the others for workers" },
	{ "workers: 2", "workers: 2\n"
		"  cores: 0,1",
		"3:10: system.cores: names 2 cores, but 2 workers and the control core need 3; "
		"change \"cores\" or \"workers\"" },
	{ "workers: 2", "cores: \"3\"",
		"2:10: system.cores: names one core; needed are two or more, the first for "
		"control, the others for workers" },
	{ "system:\n"
		"  workers: 2\n", "system:\n",
		"1:8: system: no value; write its keys below it or remove the key" },
	{ "name: wan0", "name: a234567890123456",
		"4:11: ports[0].name: found \"a234567890123456\"; allowed: 1..15 characters of "
		"A-Z a-z 0-9 _ . -, beginning with a letter or digit, not \"lo\", \"all\", "
		"\"default\" or \"none\"" },
	{ "name: wan0", "name: lo",
		"4:11: ports[0].name: found \"lo\"; allowed: 1..15 characters of A-Z a-z 0-9 _ "
		". -, beginning with a letter or digit, not \"lo\", \"all\", \"default\" or "
		"\"none\"" },
	{ "name: wan0", "name: a/b",
		"4:11: ports[0].name: found \"a/b\"; allowed: 1..15 characters of A-Z a-z 0-9 "
		"_ . -, beginning with a letter or digit, not \"lo\", \"all\", \"default\" or "
		"\"none\"" },
	{ "name: wan0", "name: lan0",
		"8:11: ports[1].name: \"lan0\" is already the name of ports[0]; each name "
		"becomes a network device, choose another" },
	{ "name: dmvpn", "name: lan0",
		"13:11: clouds[0].name: \"lan0\" is already the name of ports[1]; each name "
		"becomes a network device, choose another" },
	{ "name: wan0", "name: \"wan\\0\"",
		"4:11: ports[0].name: the value has a zero octet in it" },
	{ "role: wan", "role: dmz",
		"6:11: ports[0].role: found \"dmz\"; allowed: wan, lan" },
	{ "    role: wan\n", "",
		"4:5: ports[0].role: needed key \"role\" is missing" },
	{ "role: lan", "role: lan\n"
		"    internet_exit: true",
		"11:20: ports[1].internet_exit: is for ports with role wan, a lan port "
		"forwards in clear anyway; remove it" },
	{ "device: net_null1", "device: net_null0",
		"9:13: ports[1].device: \"net_null0\" is already the device of port \"wan0\"" },
	{ "    device: net_null1\n", "",
		"8:5: ports[1]: port \"lan0\" needs a \"device\", or \"parent\" and \"vlan\"" },
	{ "device: net_null1", "device: net_null1\n"
		"    vlan: 7",
		"10:11: ports[1].vlan: a VLAN is a port of its own; name the port with the "
		"device as \"parent\" instead of \"device\"" },
	{ "device: net_null1", "device: net_null1\n"
		"    parent: wan0\n"
		"    vlan: 7",
		"10:13: ports[1].parent: a port has a device or is a VLAN on \"wan0\", not "
		"both; remove one" },
	{ "device: net_null1", "parent: wan0",
		"9:13: ports[1].parent: a port on \"wan0\" is one of its VLANs; add \"vlan\"" },
	{ "device: net_null1", "parent: wan1\n"
		"    vlan: 7",
		"9:13: ports[1].parent: found \"wan1\"; allowed: the name of a port that has a "
		"device" },
	{ "device: net_null1", "parent: lan0\n"
		"    vlan: 7",
		"9:13: ports[1].parent: found \"lan0\"; allowed: the name of a port that has a "
		"device" },
	{ "device: net_null1", "parent: wan0\n"
		"    vlan: 4095",
		"10:11: ports[1].vlan: found \"4095\"; allowed: 1..4094" },
	{ "device: net_null1", "parent: wan0\n"
		"    vlan: 0",
		"10:11: ports[1].vlan: found \"0\"; allowed: 1..4094" },
	{ "device: net_null1", "parent: wan0\n"
		"    vlan: 7\n"
		"    mtu: 1504",
		"11:10: ports[1].mtu: mtu 1504 does not fit \"wan0\", which takes 1500; raise "
		"that one's or lower this" },
	{ "clouds:", "  - name: v7\n"
		"    parent: wan0\n"
		"    vlan: 7\n"
		"    role: lan\n"
		"  - name: again\n"
		"    parent: wan0\n"
		"    vlan: 7\n"
		"    role: lan\n"
		"clouds:",
		"18:11: ports[3].vlan: 7 on \"wan0\" is already port \"v7\"" },
	{ "clouds:", "  - name: v7\n"
		"    parent: wan0\n"
		"    vlan: 7\n"
		"    role: lan\n"
		"  - name: inner\n"
		"    parent: v7\n"
		"    vlan: 8\n"
		"    role: lan\n"
		"clouds:",
		"17:13: ports[3].parent: found \"v7\"; allowed: the name of a port that has a "
		"device" },
	{ "device: net_null1", "device: net_null1\n"
		"    mtu: 100",
		"10:10: ports[1].mtu: found \"100\"; allowed: 576..9600 (bytes)" },
	{ "device: net_null1", "device: net_null1\n"
		"    vrf: dmvpn",
		"10:10: ports[1].vrf: \"dmvpn\" is the name of clouds[0], a vrf needs one of "
		"its own" },
	{ "device: net_null1", "device: net_null1\n"
		"    vrf: 254",
		"10:10: ports[1].vrf: found \"254\"; allowed: the name of a VRF device (1..15 "
		"characters of A-Z a-z 0-9 _ . -), or the number of a routing table, 1..252 or "
		"256..4294967295" },
	{ "device: net_null1", "device: net_null1\n"
		"    vrf: 0100",
		"10:10: ports[1].vrf: found \"0100\"; allowed: the name of a VRF device (1..15 "
		"characters of A-Z a-z 0-9 _ . -), or the number of a routing table, 1..252 or "
		"256..4294967295" },
	{ "[172.16.0.1/24]", "[192.0.2.1/24]\n"
		"    vrf: blue",
		"16:13: clouds[0].source: 192.0.2.1 is an address of \"wan0\" and of \"lan0\"; a "
		"source must be on one port, whatever their vrf" },
	{ "[192.0.2.1/24]", "192.0.2.1/24",
		"7:16: ports[0].addresses: found a single value; allowed: a list ([a, b] or "
		"lines with \"- \")" },
	{ "[192.0.2.1/24]", "[192.0.2.1]",
		"7:17: ports[0].addresses[0]: found \"192.0.2.1\"; allowed: an address with "
		"its prefix length, as 10.0.0.1/24" },
	{ "[192.0.2.1/24]", "[192.0.2.1/33, 224.0.0.1/4, 192.0.2.1/24]",
		"7:17: ports[0].addresses[0]: found \"192.0.2.1/33\"; allowed: an address with "
		"its prefix length, as 10.0.0.1/24\n"
		"7:31: ports[0].addresses[1]: found \"224.0.0.1/4\"; allowed: an address with "
		"its prefix length, as 10.0.0.1/24" },
	{ "[10.0.0.1/24]", "[10.0.0.0/24, 10.1.0.255/24, 10.2.0.3/30, 10.3.0.0/16, 10.4.0.255/16]",
		"14:17: clouds[0].addresses[0]: 10.0.0.0/24 is the network address of its "
		"network; allowed: that of a host\n"
		"14:30: clouds[0].addresses[1]: 10.1.0.255/24 is the broadcast address of its "
		"network; allowed: that of a host\n"
		"14:45: clouds[0].addresses[2]: 10.2.0.3/30 is the broadcast address of its "
		"network; allowed: that of a host\n"
		"14:58: clouds[0].addresses[3]: 10.3.0.0/16 is the network address of its "
		"network; allowed: that of a host" },
	{ "[192.0.2.1/24]", "[192.0.2.1/24]\n"
		"    gateway: 192.0.2.1",
		"8:14: ports[0].gateway: 192.0.2.1 is the hub's own address, of \"wan0\"; name "
		"the router's" },
	{ "[192.0.2.1/24]", "[192.0.2.1/24]\n"
		"    gateway: 10.0.0.1",
		"8:14: ports[0].gateway: 10.0.0.1 is the hub's own address, of \"dmvpn\"; name "
		"the router's" },
	{ "[192.0.2.1/24]", "[192.0.2.1/24]\n"
		"    gateway: 192.0.2.255",
		"8:14: ports[0].gateway: 192.0.2.255 is the broadcast address of its network; "
		"name the router's" },
	{ "[10.0.0.1/24]", "[]",
		"14:16: clouds[0].addresses: 0 entries; allowed: 1..8" },
	{ "[10.0.0.1/24]", "[172.16.0.9/16]",
		"14:17: clouds[0].addresses[0]: 172.16.0.9/16 overlaps 172.16.0.1/24 of "
		"\"lan0\"; allowed only in another vrf" },
	{ "[10.0.0.1/24]", "[\"2001:db8::1/64\"]\n"
		"    mtu: 1200",
		"15:10: clouds[0].mtu: mtu 1200 is too small for the IPv6 address; allowed: at "
		"least 1280" },
	{ "source: 192.0.2.1", "source: 192.0.2.2",
		"15:13: clouds[0].source: 192.0.2.2 is not an address of any port; add it to a "
		"port with role wan" },
	{ "source: 192.0.2.1", "source: 172.16.0.1",
		"15:13: clouds[0].source: 172.16.0.1 belongs to port \"lan0\" with role lan; "
		"allowed: an address of a port with role wan" },
	{ "source: 192.0.2.1", "source: hub.example.org",
		"15:13: clouds[0].source: found \"hub.example.org\"; allowed: an IP address of "
		"a port with role wan" },
	{ "key: 42", "key: 4294967296",
		"16:10: clouds[0].key: found \"4294967296\"; allowed: 0..4294967295 (leave it "
		"out for no key)" },
	{ "key: 42", "mut: 1400",
		"16:5: clouds[0].mut: unknown key \"mut\"; did you mean \"mtu\"?" },
	{ "key: 42", "key: 42\n"
		"    df: honour",
		"17:9: clouds[0].df: found \"honour\"; allowed: clear, copy, set" },
	{ "key: 42", "key: 42\n"
		"    tcp_mss: 1400",
		"17:14: clouds[0].tcp_mss: 1400 does not fit into mtu 1400; allowed: auto or "
		"216..1360" },
	{ "      network_id: 1\n", "      network_id: 1\n"
		"  - name: other\n"
		"    addresses: [10.1.0.1/24]\n"
		"    source: 192.0.2.1\n"
		"    key: 42\n"
		"    protection: none\n"
		"    nhrp:\n"
		"      network_id: 2\n",
		"23:10: clouds[1].key: source 192.0.2.1 with key 42 is already cloud "
		"\"dmvpn\", and only one of the two is protected: clear packets could pass for "
		"protected ones; give each its own key" },
	{ "      network_id: 1\n", "      network_id: 1\n"
		"  - name: other\n"
		"    addresses: [10.1.0.1/24]\n"
		"    source: 192.0.2.1\n"
		"    key: 42\n"
		"    protection: branch\n"
		"    nhrp:\n"
		"      network_id: 2\n",
		"23:10: clouds[1].key: source 192.0.2.1 with key 42 is already cloud "
		"\"dmvpn\"; give each its own key" },
	{ "      network_id: 1\nike:\n", "      network_id: 1\n"
		"  - name: other\n"
		"    addresses: [10.1.0.1/24]\n"
		"    source: 192.0.2.1\n"
		"    key: 43\n"
		"    protection: second\n"
		"    nhrp:\n"
		"      network_id: 2\n"
		"ike:\n"
		"  - name: second\n",
		"24:17: clouds[1].protection: \"second\", but cloud \"dmvpn\" of the same source "
		"192.0.2.1 has \"branch\"; give both the same profile, or this cloud another "
		"source" },
	{ "      network_id: 1\n", "      network_id: 1\n"
		"  - name: other\n"
		"    addresses: [10.0.0.2/25]\n"
		"    source: 192.0.2.1\n"
		"    key: 43\n"
		"    protection: none\n"
		"    nhrp:\n"
		"      network_id: 2\n",
		"21:17: clouds[1].addresses[0]: 10.0.0.2/25 overlaps 10.0.0.1/24 of \"dmvpn\"; "
		"allowed only in another vrf" },
	{ "      network_id: 1\n", "      network_id: 1\n"
		"  - name: dmvpn\n"
		"    addresses: [10.1.0.1/24]\n"
		"    source: 192.0.2.1\n"
		"    key: 43\n"
		"    protection: none\n"
		"    nhrp:\n"
		"      network_id: 2\n",
		"20:11: clouds[1].name: \"dmvpn\" is already the name of clouds[0]; each name "
		"becomes a network device, choose another" },
	{ "protection: branch", "protection: brunch",
		"17:17: clouds[0].protection: found \"brunch\"; allowed: none or the name of a "
		"profile under \"ike\"" },
	{ "    protection: branch\n", "",
		"13:5: clouds[0].protection: needed key \"protection\" is missing; allowed: "
		"none or the name of a profile under \"ike\"" },
	{ "secrets:\n"
		"  - address: any\n"
		"    key: file:DIR/psk\n", "",
		"17:17: clouds[0].protection: \"branch\" needs a pre-shared key; add one under "
		"\"secrets\", or certificates to the profile" },
	{ "    nhrp:\n"
		"      network_id: 1\n", "",
		"13:5: clouds[0].nhrp: needed key \"nhrp\" is missing" },
	{ "network_id: 1", "network_id: 0",
		"19:19: clouds[0].nhrp.network_id: found \"0\"; allowed: 1..4294967295" },
	{ "network_id: 1", "network_id: 1\n"
		"      authentication: secret",
		"20:23: clouds[0].nhrp.authentication: a secret may not stand in this file; "
		"put it into a file of its own (chmod 600) and write file:/path here" },
	{ "network_id: 1", "network_id: 1\n"
		"      authentication: file:DIR/psk",
		"20:23: clouds[0].nhrp.authentication: the file holds 28 characters; allowed: "
		"1..8" },
	{ "network_id: 1", "network_id: 1\n"
		"      holdtime_min_s: 600\n"
		"      holdtime_max_s: 500",
		"20:23: clouds[0].nhrp.holdtime_min_s: 600 is above holdtime_max_s 500" },
	{ "network_id: 1", "network_id: 1\n"
		"      holdtime_s: 5",
		"20:19: clouds[0].nhrp.holdtime_s: 5 is outside of "
		"holdtime_min_s..holdtime_max_s; allowed: 10..65535" },
	{ "network_id: 1", "network_id: 1\n"
		"      redirect: on",
		"20:17: clouds[0].nhrp.redirect: found \"on\"; allowed: true, false" },
	{ "- name: branch", "- name: branch\n"
		"  - name: branch",
		"22:11: ike[1].name: \"branch\" is already the name of another profile; choose "
		"another" },
	{ "- name: branch", "- name: branch\n"
		"    local_identity: a b",
		"22:21: ike[0].local_identity: found \"a b\"; allowed: a host name, user@host, "
		"an IP address, keyid:TEXT or dn:CN=NAME,O=NAME" },
	{ "- name: branch", "- name: branch\n"
		"    proposals: [aes256]",
		"22:17: ike[0].proposals[0]: \"aes256\": \"aes256\" needs an integrity "
		"algorithm, as sha256; allowed: ENCRYPTION-INTEGRITY[-PRF]-GROUP, as "
		"aes256-sha256-ecp256 or aes256gcm16-prfsha384-ecp384" },
	{ "- name: branch", "- name: branch\n"
		"    proposals: [aes256-sha256, des-md5-modp768, aes256gcm16-ecp256]",
		"22:17: ike[0].proposals[0]: \"aes256-sha256\": a Diffie-Hellman group is "
		"missing, as ecp256; allowed: ENCRYPTION-INTEGRITY[-PRF]-GROUP, as "
		"aes256-sha256-ecp256 or aes256gcm16-prfsha384-ecp384\n"
		"22:32: ike[0].proposals[1]: \"des-md5-modp768\": \"des\" is not a known "
		"algorithm; allowed: ENCRYPTION-INTEGRITY[-PRF]-GROUP, as aes256-sha256-ecp256 "
		"or aes256gcm16-prfsha384-ecp384\n"
		"22:49: ike[0].proposals[2]: \"aes256gcm16-ecp256\": \"aes256gcm16\" needs a "
		"PRF, as prfsha256; allowed: ENCRYPTION-INTEGRITY[-PRF]-GROUP, as "
		"aes256-sha256-ecp256 or aes256gcm16-prfsha384-ecp384" },
	{ "- name: branch", "- name: branch\n"
		"    proposals: [aes256-aes256gcm16-sha256-ecp256]",
		"22:17: ike[0].proposals[0]: \"aes256-aes256gcm16-sha256-ecp256\": \"aes256\" "
		"and \"aes256gcm16\" cannot share a line, one carries its integrity itself; "
		"use two lines; allowed: ENCRYPTION-INTEGRITY[-PRF]-GROUP, as "
		"aes256-sha256-ecp256 or aes256gcm16-prfsha384-ecp384" },
	{ "- name: branch", "- name: branch\n"
		"    esp_proposals: [aes256, aes128gcm16-sha1, aes192-prfsha1]",
		"22:21: ike[0].esp_proposals[0]: \"aes256\": \"aes256\" needs an integrity "
		"algorithm, as sha256; allowed: ENCRYPTION[-INTEGRITY][-GROUP][-esn|-noesn], "
		"as aes128gcm16 or aes256-sha1\n"
		"22:29: ike[0].esp_proposals[1]: \"aes128gcm16-sha1\": \"aes128gcm16\" carries "
		"its integrity itself; remove \"sha1\"; allowed: "
		"ENCRYPTION[-INTEGRITY][-GROUP][-esn|-noesn], as aes128gcm16 or aes256-sha1\n"
		"22:47: ike[0].esp_proposals[2]: \"aes192-prfsha1\": \"prfsha1\" cannot be used "
		"for ESP; allowed: ENCRYPTION[-INTEGRITY][-GROUP][-esn|-noesn], as aes128gcm16 "
		"or aes256-sha1" },
	{ "- name: branch", "- name: branch\n"
		"    proposals:\n"
		"      - aes256-aes192-aes128-sha256-sha384-sha512-sha1-curve25519-ecp256-ecp38"
		"4-modp2048-ecp521\n"
		"      - aes256-aes192-aes128-sha256-sha384-sha512-sha1-curve25519-ecp256-ecp38"
		"4-modp2048-ecp521\n"
		"      - aes256-aes192-aes128-sha256-sha384-sha512-sha1-curve25519-ecp256-ecp38"
		"4-modp2048\n"
		"      - aes256-aes192-aes128-sha256-sha384-sha512-sha1-curve25519-ecp256-ecp38"
		"4-modp2048",
		"26:9: ike[0].proposals[3]: stands for 48 combinations, 24 are left of 192; "
		"shorten the list" },
	{ "- name: branch", "- name: branch\n"
		"    proposals: [aes256-sha256-modp2048, aes256-sha1-modp2048-modp1536]\n"
		"    esp_proposals: [aes256-sha1-modp1024, aes128-md5, 3des-sha1]",
		"22:41: ike[0].proposals[1]: \"modp1536\" is too weak to be taken by mistake; "
		"leave it out, or add legacy: true to the profile for as long as old spokes need "
		"it\n"
		"23:21: ike[0].esp_proposals[0]: \"modp1024\" is too weak to be taken by mistake; "
		"leave it out, or add legacy: true to the profile for as long as old spokes need "
		"it\n"
		"23:43: ike[0].esp_proposals[1]: \"md5\" is too weak to be taken by mistake; leave "
		"it out, or add legacy: true to the profile for as long as old spokes need it\n"
		"23:55: ike[0].esp_proposals[2]: \"3des\" is too weak to be taken by mistake; "
		"leave it out, or add legacy: true to the profile for as long as old spokes need "
		"it" },
	{ "- name: branch", "- name: branch\n"
		"    esp_lifetime_mb: 1\n"
		"    esp_lifetime_packets: 4294967295",
		"22:22: ike[0].esp_lifetime_mb: found \"1\"; allowed: 100..4000000000 (millions of "
		"octets; leave it out for no limit)\n"
		"23:27: ike[0].esp_lifetime_packets: found \"4294967295\"; allowed: "
		"100000..2147483648 (packets; leave it out for half of all sequence numbers)" },
	{ "    key: file:DIR/psk\n", "    key: file:DIR/psk\n"
		"ppks:\n"
		"  - id: one\n"
		"    identity: 1 2\n"
		"    key: inline\n",
		"27:15: ppks[0].identity: found \"1 2\"; allowed: a host name, user@host, an IP "
		"address, keyid:TEXT, dn:CN=NAME,O=NAME, a pattern (*.example.org) or a network\n"
		"28:10: ppks[0].key: a secret may not stand in this file; put it into a file of its "
		"own (chmod 600) and write file:/path here" },
	{ "    key: file:DIR/psk\n", "    key: file:DIR/psk\n"
		"ppks:\n"
		"  - id: one\n"
		"    required: true\n"
		"    key: file:DIR/psk-hex\n"
		"  - id: one\n"
		"    key: file:DIR/psk-hex\n",
		"27:15: ppks[0].required: true says which peer must use it; add the peer's identity\n"
		"29:9: ppks[1].id: the same id for the same peer as in ppks[0]; remove one" },
	{ "- name: branch", "- name: branch\n"
		"    replay_window: 1000",
		"22:20: ike[0].replay_window: found \"1000\"; allowed: 64, 128, 256, 512, "
		"1024, 2048 or 4096 (packets)" },
	{ "- name: branch", "- name: branch\n"
		"    mode: both",
		"22:11: ike[0].mode: found \"both\"; allowed: any, transport, tunnel" },
	{ "key: file:DIR/psk", "key: correct horse battery staple",
		"24:10: secrets[0].key: a secret may not stand in this file; put it into a "
		"file of its own (chmod 600) and write file:/path here" },
	{ "key: file:DIR/psk", "key: file:psk",
		"24:10: secrets[0].key: not an absolute path of at most 127 characters; "
		"allowed: file:/absolute/path of a file only its owner can read" },
	{ "key: file:DIR/psk", "key: file:DIR/absent",
		"24:10: secrets[0].key: secret file DIR/absent cannot be opened: No such file "
		"or directory; create it with mode 600" },
	{ "key: file:DIR/psk", "key: file:DIR/open",
		"24:10: secrets[0].key: secret file DIR/open has mode 0640, others than its "
		"owner can use it; run: chmod 600 DIR/open" },
	{ "key: file:DIR/psk", "key: file:DIR/open-others",
		"24:10: secrets[0].key: secret file DIR/open-others has mode 0604, others than "
		"its owner can use it; run: chmod 600 DIR/open-others" },
	{ "key: file:DIR/psk", "key: file:DIR/empty",
		"24:10: secrets[0].key: secret file DIR/empty is empty; put the secret into it" },
	{ "key: file:DIR/psk", "key: file:DIR",
		"24:10: secrets[0].key: secret file DIR is not a regular file" },
	{ "key: file:DIR/psk", "key: file:DIR/badhex",
		"24:10: secrets[0].key: secret file DIR/badhex has characters that are not of "
		"its hex: or base64: coding" },
	{ "key: file:DIR/psk", "key: file:DIR/long",
		"24:10: secrets[0].key: secret file DIR/long is longer than 1024 octets" },
	{ "address: any", "address: any\n"
		"    identity: a.example",
		"23:5: secrets[0]: found two of \"identity\", \"identities\" and \"address\"; "
		"needed is exactly one of them (address: any for every peer)" },
	{ "  - address: any\n"
		"    key", "  - key",
		"23:5: secrets[0]: found none of \"identity\", \"identities\" and \"address\"; "
		"needed is exactly one of them (address: any for every peer)" },
	{ "address: any", "identities: [\"dn:CN=a,XX=b\", \"dn:CN=\", \"dn:C=Germany\", "
		"\"dn:CN=a\\\\qb\",\n"
		"     \"dn:0x3000ff\", \"a*b.example\", \"*\", \"10.1.*\", 10.1.0.1/16, \"keyid:*\"]",
		"23:18: secrets[0].identities[0]: \"dn:CN=a,XX=b\": no attribute \"XX\"; allowed: CN, "
		"O, OU, C, L, ST, DC, UID, serialNumber, emailAddress, unstructuredName, or an "
		"OID\n"
		"23:34: secrets[0].identities[1]: \"dn:CN=\": a value is empty\n"
		"23:44: secrets[0].identities[2]: \"dn:C=Germany\": \"Germany\" is no possible value "
		"of its attribute: wrong characters or length\n"
		"23:60: secrets[0].identities[3]: \"dn:CN=a\\qb\": write \\ ahead of \" + , ; < > and "
		"\\ in a value\n"
		"24:6: secrets[0].identities[4]: found \"dn:0x3000ff\"; allowed: a host name, user@host, an IP "
		"address, keyid:TEXT, dn:CN=NAME,O=NAME, a pattern (*.example.org) or a network\n"
		"24:21: secrets[0].identities[5]: \"a*b.example\": one \"*\" may stand at the "
		"beginning or the end, beside characters of a host name, mail address or key id\n"
		"24:36: secrets[0].identities[6]: \"*\": one \"*\" may stand at the beginning or the "
		"end, beside characters of a host name, mail address or key id\n"
		"24:41: secrets[0].identities[7]: \"10.1.*\": write a range of addresses as a network, "
		"10.1.0.0/16\n"
		"24:51: secrets[0].identities[8]: found \"10.1.0.1/16\"; allowed: a host name, user@host, an IP "
		"address, keyid:TEXT, dn:CN=NAME,O=NAME, a pattern (*.example.org) or a network\n"
		"24:64: secrets[0].identities[9]: \"keyid:*\": one \"*\" may stand at the beginning or "
		"the end, beside characters of a host name, mail address or key id" },
	{ "address: any", "address: any\n"
		"    group: all\n"
		"    overlay: [10.0.0.1/24, any]",
		"24:12: secrets[0].group: found \"all\"; allowed: 1..31 characters of A-Z a-z 0-9 _ . "
		"-, beginning with a letter or digit, not \"lo\", \"all\", \"default\" or "
		"\"none\"\n"
		"25:15: secrets[0].overlay[0]: found \"10.0.0.1/24\"; allowed: an address or a "
		"network\n"
		"25:28: secrets[0].overlay[1]: found \"any\"; allowed: an address or a network" },
	{ "address: any", "address: any\n"
		"    cloud: other",
		"24:12: secrets[0].cloud: found \"other\"; allowed: a cloud whose protection is a "
		"profile" },
	{ "secrets:\n  - address: any", "  - name: other\nsecrets:\n  - address: any\n"
		"    profile: othr",
		"25:14: secrets[0].profile: found \"othr\"; allowed: the name of a profile under "
		"\"ike\" (branch, other); correct it, or leave it out for the one of the cloud" },
	{ "secrets:\n  - address: any",
		"  - {name: a23456789012345}\n  - {name: b23456789012345}\n"
		"  - {name: c23456789012345}\n  - {name: d23456789012345}\n"
		"  - {name: e23456789012345}\n  - {name: f23456789012345}\n"
		"  - {name: g23456789012345}\nsecrets:\n  - address: any\n    profile: none",
		"31:14: secrets[0].profile: found \"none\"; allowed: the name of a profile under "
		"\"ike\" (branch, a23456789012345, b23456789012345, c23456789012345, "
		"d23456789012345, e23456789012345, f23456789012345, ...); correct it, or leave it "
		"out for the one of the cloud" },
	{ "address: any", "address: any\n    profile: a234567890123456",
		"24:14: secrets[0].profile: found \"a234567890123456\"; allowed: the name of a "
		"profile under \"ike\"" },
	{ "address: any", "identities: []",
		"23:17: secrets[0].identities: 0 entries; allowed: 1..4096" },
	{ "    key: file:DIR/psk", "    key: file:DIR/psk\n"
		"  - identities: [branch7.example, \"dn:CN=a,O=b\", Branch7.Example]\n"
		"    key: file:DIR/psk\n"
		"  - identity: \"dn:O=B + CN=A\"\n"
		"    key: file:DIR/psk",
		"25:50: secrets[1].identities[2]: the same peer as in secrets[1]; remove one\n"
		"27:15: secrets[2].identity: the same peer as in secrets[1]; remove one" },
	{ "address: any", "address: 10.0.0.1/24",
		"23:14: secrets[0].address: found \"10.0.0.1/24\"; allowed: an address, a "
		"network or any" },
	{ "    key: file:DIR/psk", "    key: file:DIR/psk\n"
		"  - address: any\n"
		"    key: file:DIR/psk",
		"25:14: secrets[1].address: the same peer as in secrets[0]; remove one" },
	{ "secrets:", "management:\n"
		"  socket: naved.sock\n"
		"  log_level: loud\n"
		"secrets:",
		"23:11: management.socket: found \"naved.sock\"; allowed: an absolute path of "
		"at most 107 characters\n"
		"24:14: management.log_level: found \"loud\"; allowed: error, warning, notice, "
		"info, debug" },
	{ "workers: 2\n"
		"ports:", "workers: !!int 200\n"
		"ports:",
		"2:12: system.workers: tag \"tag:yaml.org,2002:int\" is not supported; remove it\n"
		"2:12: system.workers: found \"200\"; allowed: auto or 1..64" },
	{ "workers: 2\n"
		"ports:", "workers: 200\n"
		"  idle: x\n"
		"port:",
		"1:1: ports: needed key \"ports\" is missing\n"
		"2:12: system.workers: found \"200\"; allowed: auto or 1..64\n"
		"3:9: system.idle: found \"x\"; allowed: auto, poll, adaptive\n"
		"4:1: port: unknown key \"port\"; did you mean \"ports\"?" },
	/* clang-format on */
};

static void
check_bad_file(const struct bad *b, const char *dir)
{
	static char text[65536], want[8192], got[8192];
	struct config_errors errors;
	struct config *c = NULL;

	base_text(text, sizeof(text), b->find, b->replace, dir);
	base_expand(want, sizeof(want), b->messages, dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), NULL, &c, &errors), -EINVAL);
	CHECK(c == NULL);
	CHECK_EQ(errors.warnings, 0);
	base_messages(got, sizeof(got), &errors);
	CHECK_STR(got, want);
	config_errors_free(&errors);
}

static void
bad_files_say_all_that_is_wrong(void)
{
	char dir[64];

	base_dir(dir, sizeof(dir));
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
		check_bad_file(&bads[i], dir);
	base_dir_remove(dir);
}

/* Every prefix of a good file either loads or is refused with a reason. */
static void
cut_files_are_refused_with_a_reason(void)
{
	static char text[65536];
	struct config_errors errors;
	struct config *c;
	char dir[64];

	base_dir(dir, sizeof(dir));
	base_text(text, sizeof(text), "", "", dir);
	for (size_t n = 0; n < strlen(text); n++) {
		c = NULL;
		int err = config_load_buffer(text, n, NULL, &c, &errors);

		CHECK((err == 0) == (c != NULL));
		CHECK(err == 0 || errors.count > 0);
		config_errors_free(&errors);
		config_free(c);
	}
	base_dir_remove(dir);
}

static void
what_was_not_looked_for_is_told(void)
{
	/* broken syntax, an octet that is no text, an alias, a second document */
	static const char *const partial[] = { "ports: [", "a: \x01", "a: *b\n", "---\n---\n" };
	static char text[65536];
	struct config_errors errors;
	struct config *c = NULL;
	char rest[100];
	size_t n = 0;

	n += (size_t)snprintf(text, sizeof(text), "ports: []\nclouds: []\n");
	for (int i = 0; i < 230; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "wrong%d: 1\n", i);
	CHECK_EQ(config_load_buffer(text, n, NULL, &c, &errors), -EINVAL);
	CHECK_EQ(errors.count + errors.left_out, 232);
	CHECK_STR(config_errors_rest(&errors, rest, sizeof(rest)),
		"32 more are not shown; there may be others, looked for when these are corrected");
	config_errors_free(&errors);
	for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]); i++) {
		CHECK_EQ(config_load_buffer(partial[i], strlen(partial[i]), NULL, &c, &errors),
			-EINVAL);
		CHECK_STR(config_errors_rest(&errors, rest, sizeof(rest)),
			"there may be others, looked for when these are corrected");
		config_errors_free(&errors);
	}
}

static void
host_finds(const struct config *c, struct report *r)
{
	(void)c;
	report_error(r, "system.workers", "not on this machine");
}

static void
what_the_host_lacks_has_its_place(void)
{
	static char text[65536];
	struct config_errors errors;
	struct config *c = NULL;
	char dir[64], line[640], rest[100];

	base_dir(dir, sizeof(dir));
	base_text(text, sizeof(text), "", "", dir);
	CHECK_EQ(config_load_buffer(text, strlen(text), host_finds, &c, &errors), -EINVAL);
	CHECK_EQ(errors.count, 1);
	CHECK_STR(config_error_print("f", &errors.list[0], line, sizeof(line)),
		"f:2:12: system.workers: not on this machine");
	CHECK_STR(config_errors_rest(&errors, rest, sizeof(rest)), "");
	config_errors_free(&errors);
	base_dir_remove(dir);
}

static void
too_long_is_refused(void)
{
	size_t n = (1u << 20) + 1;
	char *text = malloc(n);
	struct config_errors errors;
	struct config *c = NULL;

	memset(text, '#', n);
	CHECK_EQ(config_load_buffer(text, n, NULL, &c, &errors), -EINVAL);
	CHECK_EQ(errors.count, 1);
	CHECK_STR(errors.list[0].text, "the file has 1048577 octets; allowed are 1048576");
	CHECK(errors.partial);
	config_errors_free(&errors);
	free(text);
}

static void
missing_file_gives_its_errno(void)
{
	struct config_errors errors;
	struct config *c = NULL;

	CHECK_EQ(config_load("/nonexistent/nave.yaml", NULL, &c, &errors), -ENOENT);
	CHECK_EQ(errors.count, 1);
	CHECK_STR(errors.list[0].text, "cannot be read: No such file or directory");
	CHECK_EQ(errors.list[0].line, 0);
	config_errors_free(&errors);
}

int
main(void)
{
	TEST(bad_files_say_all_that_is_wrong);
	TEST(cut_files_are_refused_with_a_reason);
	TEST(what_was_not_looked_for_is_told);
	TEST(what_the_host_lacks_has_its_place);
	TEST(too_long_is_refused);
	TEST(missing_file_gives_its_errno);
	return check_done();
}

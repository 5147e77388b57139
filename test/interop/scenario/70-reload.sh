# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Another configuration for the running hub, and a spoke in several clouds of it.

# A second protected cloud of the same address, told apart by its key
second_tunnel=10.254.0.1
second_cloud='  - {name: second, addresses: [10.254.0.1/24], source: 192.0.2.1, key: 43, protection: lab, nhrp: {network_id: 2}}'

# hub_edit SED-SCRIPT: of the configuration file; the hub does not know yet.
hub_edit()
{
	sed -i "$1" "$lab_dir/hub.yaml"
}

hub_add_second()
{
	hub_edit "/^ike:/i\\$second_cloud"
}

# hub_answers JQ-FILTER WORD...: navectl's answer meets the filter.
hub_answers()
{
	local filter=$1
	shift
	json_holds "$filter" hub_ctl --json "$@"
}

# refused_with REGEX WORD...: navectl says no with exit code 1, and why.
refused_with()
{
	local why=$1
	shift
	hub_ctl "$@"
	[ $? = 1 ] && grep -Eq "$why" "$lab_dir/check.out"
}

# What a reload could have touched: kernel side and the hub's own view
hub_picture()
{
	ip -n "$ns_hub" -o addr
	ip -n "$ns_hub" -o link | sed 's/state .*//'
	ip -n "$ns_hub" route
	hub_ctl show config --json
	hub_ctl show spokes --json | jq 'map({cloud, identity, tunnel_address, state, spi_in, spi_out})'
}

same_picture() # FILE
{
	hub_picture >"$lab_dir/picture"
	diff "$1" "$lab_dir/picture"
}

# Every row as programs are promised it
spokes_contract()
{
	hub_spokes 'length > 0 and all(.[];
		(.cloud | type | IN("string", "null")) and
		(.identity | type | IN("string", "null")) and
		(.claimed_identity | type | IN("string", "null")) and
		(.tunnel_address | type | IN("string", "null")) and
		(.nbma | type == "string") and (.nat | type == "boolean") and
		(.state | IN("down", "ike", "child", "registered", "forwarding")) and
		(.reason | type | IN("string", "null")) and (.detail | type == "string") and
		all(.uptime_s, .rx_packets, .tx_packets; type == "number" and floor == .))'
}

# stream_start COUNT: a hundred pings a second from behind s1 to the LAN behind the hub
stream_start()
{
	guest_run s1 "ping -n -q -i 0.01 -c $1 -W 5 -I $s1_lan $lan_host >/run/stream 2>&1 &"
}

stream_over()
{
	guest_run s1 "! pgrep -x ping"
}

stream_whole() # COUNT
{
	wait_until $(($1 / 20 + 30)) stream_over
	guest_run s1 "cat /run/stream; grep -q '^$1 packets transmitted, $1 received, 0%' /run/stream"
}

scenario_reload()
{
	local before=$lab_dir/before rows='map(select(.state == "forwarding")) | length'

	check "naved starts" hub_restart
	check "spokes are configured: PSK, ESP transport" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_within 90 "s1 reaches the LAN behind the hub" spoke_ping s1 $lan_host -I $s1_lan
	check "every row of show spokes keeps its contract" spokes_contract
	hub_picture >"$before"
	check "traffic flows while the configuration changes" stream_start 2000

	hub_edit 's/mtu: 1400/mtu: 1380/'
	hub_add_second
	check "dry run lists both changes" hub_answers \
		'[.applied, .dry_run, (.changes | length)] == [false, true, 2]' reload --dry-run
	check "dry run changed nothing" same_picture "$before"

	hub_edit 's/mtu: 1380/mtu: 13/'
	check "a bad value is refused with file, line and column" \
		refused_with 'hub.yaml:[0-9]+:[0-9]+: clouds\[0\].mtu: found "13"' reload
	check "refused: nothing changed" same_picture "$before"
	hub_edit 's/mtu: 13$/mtu: 1380/; s/workers: 1/workers: 2/'
	check "a key that needs a restart is refused by name" \
		refused_with 'system.workers: workers 1 -> 2' reload
	ip -n "$ns_hub" tuntap add dev second mode tun
	hub_edit 's/workers: 2/workers: 1/'
	check "a step that fails is refused: another device has the name" \
		refused_with 'cloud second cannot be set up: Device or resource busy' reload
	ip -n "$ns_hub" tuntap del dev second mode tun
	check "taken back: nothing changed" same_picture "$before"

	check "reload applies cloud and MTU" hub_ctl reload
	check "the new cloud has its twin and address" eval \
		"ip -n $ns_hub -o addr show dev second | grep -q 10.254.0.1/24"
	check "the twin has the new MTU" eval "ip -n $ns_hub -o link show dmvpn | grep -q 'mtu 1380'"
	check "both spokes are still forwarding" hub_spokes "$rows == 2"
	hub_edit '/name: second/d'
	check "SIGHUP takes the cloud away again" eval \
		"kill -s HUP $(cat "$lab_dir/naved.pid"); wait_until 60 gives 1 ip -n $ns_hub link show second"
	check "not one packet of 2000 was lost" stream_whole 2000

	hub_edit 's/address: any/address: 192.0.2.11/'
	check "a key is taken out" hub_ctl reload
	check_within 90 "the spoke that has a key of its own comes back" \
		hub_spoke $s1_tunnel '.state == "forwarding"'
	check_within 90 "the other is refused, and show spokes says why" hub_spokes \
		'any(.[]; .claimed_identity == "s2.example" and .identity == null and .reason == "no_psk_for_identity")'
	check "every row of show spokes keeps its contract" spokes_contract
}

# s1 in the second cloud: one more tunnel with another key, under the same IPsec
s1_second_tunnel()
{
	guest_run s1 "ip tunnel add gre2 mode gre local $s1_wan key 43 ttl 64 &&
		ip addr add 10.254.0.11/32 dev gre2 && ip link set gre2 mtu 1400 up &&
		ip route add 10.254.0.0/24 via $second_tunnel dev gre2 onlink &&
		vtysh -d nhrpd -c 'configure terminal' -c 'interface gre2' -c 'ip nhrp network-id 2' \
			-c 'ip nhrp holdtime 60' -c 'ip nhrp registration no-unique' \
			-c 'ip nhrp nhs dynamic nbma $hub_wan'"
}

scenario_clouds()
{
	check "naved starts" hub_restart
	hub_add_second
	check "a second cloud of the same address" hub_ctl reload
	check "spoke s1 is configured" s1_configure
	check_forwarding s1
	check "s1 gets a second tunnel" s1_second_tunnel
	check_within 90 "s1 is forwarding in both clouds" hub_spokes '
		[.[] | select(.identity == "s1.example" and .state == "forwarding") |
			[.cloud, .tunnel_address]] | sort ==
		[["dmvpn", "10.255.0.11"], ["second", "10.254.0.11"]]'
	check "by one IKE session" hub_answers \
		'map(select(.identity == "s1.example")) | length == 1' show ike
	check "s1 reaches the hub in the first cloud" spoke_ping s1 $hub_tunnel
	check "s1 reaches the hub in the second cloud" spoke_ping s1 $second_tunnel
	check "hub host reaches s1 in the second cloud" hub_ping 10.254.0.11
	check_within 90 "s1 reaches the LAN behind the hub" spoke_ping s1 $lan_host -I $s1_lan
	check "traffic flows in the first cloud" stream_start 1000
	hub_edit '/name: second/d'
	check "the second cloud is taken out" hub_ctl reload
	check "s1 stays in the first only" hub_spokes \
		'map([.cloud, .state]) == [["dmvpn", "forwarding"]]'
	check "not one packet of 1000 was lost" stream_whole 1000
	guest_run s1 "ip link del gre2"
}

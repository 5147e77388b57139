# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Spokes behind NAT: one, two behind one address, and a mapping that changes.

scenario_nat()
{
	local port ike

	check "naved starts" hub_restart
	guest_net s1 nat
	check "spokes are configured: s1 behind a NAT, s2 not" \
		together "s1_configure wan=10.99.0.11/24 gw=10.99.0.1" s2_configure
	check_forwarding s1
	check_forwarding s2
	check "the hub knows both addresses of s1 and its port" hub_spoke $s1_tunnel \
		".nat and .nbma == \"$nat_wan\" and .nbma_claimed == \"10.99.0.11\" and .port > 0"
	check "and none of that of s2" hub_spoke $s2_tunnel '(.nat | not) and .port == 0'
	check "ESP goes in UDP" guest_run s1 "ip xfrm state | grep -q 'encap type espinudp'"
	check_reach
	check "LAN host reaches the network behind s1" lan_ping $s1_lan

	port=$(hub_value $s1_tunnel port) ike=$(ike_sas)
	check "the NAT forgets its mappings" nat_forget nat
	check_within 90 "the hub follows s1 to its new port" mapping_moved "$port"
	check "LAN host still reaches the network behind s1" lan_ping $s1_lan
	check "by the same IKE SAs, one for each spoke" ike_sas_are 2 "$ike"
}

ike_sas()
{
	json_value '[.[].spi_i] | sort' hub_ctl show ike --json
}

ike_sas_are() # COUNT LIST
{
	[ "$(jq length <<<"$2")" = "$1" ] && [ "$(ike_sas)" = "$2" ]
}

mapping_moved() # OLD-PORT
{
	spoke_ping s1 $lan_host -I $s1_lan && hub_spoke $s1_tunnel ".port != $1 and .port > 0"
}

# To the hub both are 192.0.2.200, and both call themselves 10.99.0.11.
scenario_nat-pair()
{
	check "naved starts" hub_restart
	guest_net s1 nat
	guest_net s2 nat2
	check "spokes are configured with one private address" together \
		"s1_configure wan=10.99.0.11/24 gw=10.99.0.1" \
		"s2_configure wan=10.99.0.11/24 gw=10.99.0.254"
	check_forwarding s1
	check_forwarding s2
	check "they differ by port only" hub_spokes "length == 2 and
		all(.nbma == \"$nat_wan\" and .nbma_claimed == \"10.99.0.11\") and .[0].port != .[1].port"
	check_reach
	check "s2 reaches s1 through the hub" spoke_ping s2 $s1_lan -I $s2_lan
	check "LAN host reaches the network behind s1" lan_ping $s1_lan
	check "the hub never told them of each other" test "$(hub_counter nhrp_traffic_indication_sent)" = 0
	check "so s1 has no shortcut" gives 1 spoke_shortcut s1 10.1.2
}

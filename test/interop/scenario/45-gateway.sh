# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# A spoke that is not on the hub's link: the way there is the WAN port's gateway, in the main table
# or in one of its own (front-door VRF).

scenario_gateway()
{
	gateway_case "gateway: $nat_wan"
	check_within 150 "s1 and s2 go direct, by the router" shortcut_made s1 $s1_lan $s2_lan
}

gateway_case() # KEYS-OF-THE-WAN-PORT
{
	check "naved starts, its WAN port has $1" hub_restart wan="$1"
	guest_net s1 nat
	check "spokes are configured: s1 behind a router, s2 not" together \
		"s1_configure wan=198.51.100.11/24 gw=$far_gw peers=192.0.0.0/2" \
		"s2_configure gw=$nat_wan peers=192.0.0.0/2"
	check_forwarding s1
	check_forwarding s2
	check "s1 is known by its own address" hub_spoke $s1_tunnel \
		'(.nat | not) and .nbma == "198.51.100.11"'
	check_reach
	check "LAN host reaches the network behind s1" lan_ping $s1_lan
}

scenario_front-vrf()
{
	echo "# a table without a VRF"
	front_vrf_case 100
	echo "# a VRF"
	if ! ip -n "$ns_hub" link add front type vrf table 101 2>/dev/null; then
		skip "the same with a VRF" "this kernel has none"
		return
	fi
	ip -n "$ns_hub" link set front up
	spokes_reset
	front_vrf_case front
	hub_stop
	ip -n "$ns_hub" link del front
}

front_vrf_case() # VRF-OR-TABLE
{
	gateway_case "vrf: $1, gateway: $nat_wan"
	check "the way to s1 is in that table" hub_route_in "$1" 0.0.0.0/0 $nat_wan
	check "and not in the main table" gives 1 hub_route_in main 0.0.0.0/0 $nat_wan
	check "s1 does not reach its own router through the hub" \
		gives 1 spoke_ping s1 $nat_wan -I $s1_lan
}

hub_route_in() # VRF-OR-TABLE PREFIX GATEWAY: the workers have it there.
{
	json_holds "any(.[]; .vrf == \"$1\" and .prefix == \"$2\" and .gateway == \"$3\" and .active)" \
		hub_ctl show routes --json
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The hub behind a NAT that passes IKE and ESP on: spokes dial the NAT's address, and know the hub
# by that one, while the hub's NHRP and the answered selectors (RFC 7296, 2.23.1) name its own.

scenario_hub-nat()
{
	local hub_wan=10.99.0.50

	hub_net nat
	hub_outside=$hub_public
	check "the NAT has an address for the hub" nat_static nat $hub_public $hub_wan
	check "naved starts behind it" hub_restart wan="gateway: 10.99.0.1"
	check "spokes that know that address are configured: s1 dials it, s2 waits" together \
		"s1_configure hub=$hub_public" "s2_configure hub=$hub_public by=hub"
	check "the hub begins with s2" hub_ctl initiate spoke $s2_wan
	check_forwarding s1
	check_forwarding s2
	check "the hub knows that a NAT is before it, and none before s1" hub_ike s1.example \
		".nat_local and (.nat_remote | not) and .local == \"$hub_wan\" and
		 (.children[0] | .udp and .mode == \"transport\")"
	check "to s1 the hub is at the NAT's address, and claims its own" guest_run s1 \
		"vtysh -d nhrpd -c 'show ip nhrp cache' | grep -qE 'nhs +$hub_tunnel +$hub_public +$hub_wan '"
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check_within 150 "s1 and s2 go direct" shortcut_made s1 $s1_lan $s2_lan
	check_within 150 "s2 and s1, too" shortcut_made s2 $s2_lan $s1_lan

	check "a hundred packets a second begin" guest_run s1 bash /nave/traffic start $s1_lan $lan_host
	check_new_child "s1 rekeys the child SA" guest_run s1 swanctl --rekey --child gre
	check_new_ike "s1 rekeys the IKE SA" guest_run s1 swanctl --rekey --ike dmvpn
	check_new_both "the hub rekeys both" hub_ctl rekey spoke s1.example
	check "every packet was answered" guest_run s1 bash /nave/traffic end

	check "s2 dials it, too, wants tunnel mode, and is quiet" s2_configure hub=$hub_public \
		mode=tunnel dpd=600s holdtime=600
	check_forwarding s2
	check "the header inside has the NAT's address" hub_ike s2.example \
		".children[0] | .mode == \"tunnel\" and .ts_local == \"$hub_public\""
	check "LAN host reaches the network behind s2" lan_ping $s2_lan
	check_within 60 "nothing else is sent to s2: the hub keeps its NAT open" frames hub-nat \
		"src $hub_public and dst $s2_wan and udp src port 4500 and udp[4:2] = 9 and udp[8] = 0xff"
}

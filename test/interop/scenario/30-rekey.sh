# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# New keys under traffic, begun by either side: not one packet is lost.

scenario_rekey()
{
	local packets=3000 round

	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check "a hundred packets a second begin" spoke_traffic s1 $s1_lan $lan_host $packets
	for round in 1 2; do
		check_new_child "the spoke rekeys the child SA" guest_run s1 swanctl --rekey --child gre
		check_new_ike "the spoke rekeys the IKE SA" guest_run s1 swanctl --rekey --ike dmvpn
		check_new_both "the hub rekeys both" hub_ctl rekey spoke s1.example
	done
	check "traffic ran all the while" spoke_traffic_runs s1
	check "all $packets packets were answered" spoke_traffic_whole s1 $packets
	check_counter_zero drop_esp_spi drop_esp_auth drop_esp_replay drop_peer_down
	check "one IKE SA and one child SA are left" hub_ike s1.example '.children | length == 1'
	check "at the spoke too" guest_run s1 "swanctl --list-sas | grep -c INSTALLED | grep -qx 1"
}

s1_spi() # of the child SA in use
{
	hub_value $s1_tunnel spi_in
}

s1_spi_is_not()
{
	local now
	now=$(s1_spi) && [ "$now" != "$1" ]
}

s1_ike()
{
	json_value '.[-1].spi_i' hub_ctl show ike --json
}

check_new_child() # TEXT CMD...
{
	local text=$1 spi
	shift
	spi=$(s1_spi)
	check "$text" "$@"
	check_within 90 "the hub sends on the new child SA" s1_spi_is_not "$spi"
}

check_new_ike() # TEXT CMD...
{
	local text=$1 spi
	shift
	spi=$(s1_ike)
	check "$text" "$@"
	check_within 90 "the hub has only the new IKE SA" hub_ike s1.example ".spi_i != \"$spi\""
}

check_new_both() # TEXT CMD...
{
	local ike
	ike=$(s1_ike)
	check_new_child "$@"
	check_within 90 "the hub has only the new IKE SA" hub_ike s1.example ".spi_i != \"$ike\""
}

check_counter_zero() # NAME...
{
	local name
	for name; do
		check "$name is zero" test "$(hub_counter "$name")" = 0
	done
}

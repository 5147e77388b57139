# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Several workers share the spokes and the packets of each.

scenario_workers()
{
	local packets=1000

	check "naved starts with two workers" hub_restart workers=2 redirect=false
	check "spokes are configured" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_reach
	check "s1 sends to the LAN" spoke_traffic s1 $s1_lan $lan_host $packets
	check "s2 sends to s1" spoke_traffic s2 $s2_lan $s1_lan $packets
	check "all $packets of s1 were answered" spoke_traffic_whole s1 $packets
	check "all $packets of s2 were answered" spoke_traffic_whole s2 $packets
	check "show workers has two, both with packets" json_holds \
		'map(.rx_packets > 100 and .tx_packets > 100) == [true, true]' hub_ctl show workers --json
	check_within 90 "ports, workers and counters agree on what was sent" sent_agrees
	check_counter_zero drop_handover_full drop_esp_replay
}

sent_agrees()
{
	local workers ports counted
	workers=$(json_value 'map(.tx_packets) | add' hub_ctl show workers --json) &&
		ports=$(json_value 'map(.tx_packets) | add' hub_ctl show ports --json) &&
		counted=$(hub_counter tx) || return
	echo "workers $workers, ports $ports, counted $counted"
	[ "$workers" = "$ports" ] && [ "$workers" = "$counted" ]
}

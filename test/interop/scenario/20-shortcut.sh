# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Phase 3: the hub tells two spokes of each other, then their traffic leaves it.

scenario_shortcut()
{
	check "naved starts" hub_restart
	check "spokes are configured" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_within 150 "the hub told s1 to go direct: shortcut to the network behind s2" \
		shortcut_made s1 $s1_lan $s2_lan
	# A reply lost while the spokes' own IKE runs is asked for again half a minute later.
	check_within 150 "and s2 to the network behind s1" shortcut_made s2 $s2_lan $s1_lan
	check_within 90 "pings take it: no router on the way" went_direct
	check "the spokes have an SA of their own" guest_run s1 \
		"swanctl --list-sas | grep -q 'remote .*@ $s2_wan'"
	check "traffic goes from spoke to spoke, none through the hub" traffic_is_direct
}

# The traffic that makes the hub send a redirect, and what must come of it
shortcut_made() # NAME SOURCE DESTINATION
{
	spoke_ping "$1" "$3" -I "$2"
	spoke_shortcut "$1" "${3%.*}"
}

went_direct() # the answer of s2 has its whole TTL
{
	guest_run s1 "ping -n -c 1 -W 2 -I $s1_lan $s2_lan | grep -q ttl=64"
}

direct_esp()
{
	capture_count shortcut "esp and host $s1_wan and host $s2_wan"
}

hub_carried()
{
	json_value '[.[].rx_packets] | add' hub_ctl show spokes --json
}

traffic_is_direct()
{
	local esp before after carried
	esp=$(direct_esp) && before=$(hub_carried) || return 1
	guest_run s1 ping -n -q -c 100 -i 0.02 -W 2 -I $s1_lan $s2_lan && after=$(hub_carried) ||
		return 1
	carried=$((after - before))
	echo "$carried of 200 packets came to the hub"
	[ $carried -lt 20 ] && wait_until 10 direct_esp_is $((esp + 200)) # registrations go on
}

direct_esp_is() # AT-LEAST
{
	[ "$(direct_esp)" -ge "$1" ]
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What strangers send costs them more than it costs the spokes.

scenario_flood()
{
	local spi registered

	check "naved starts" hub_restart redirect=false
	check "s1 is configured" s1_configure
	check_forwarding s1
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	spi=$(s1_spi)
	check "strangers begin: IKE, ESP, GRE and garbage, from made-up addresses" flood_start 2000
	check "s2 is configured meanwhile" s2_configure
	check_forwarding s2
	check "it had to bring a cookie" guest_run s2 "grep -q 'parsed IKE_SA_INIT response 0 .*N(COOKIE)' /run/charon.log"
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
	check_within 90 "s2 reaches the LAN" spoke_ping s2 $lan_host -I $s2_lan
	registered=$(registrations)
	check_within 90 "registrations are answered meanwhile" registered_since "$registered"
	check "they did not stop meanwhile" flood_runs
	check "s1 is forwarding by the same SA" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .spi_in == \"$spi\""
	check "they end" flood_stop
	check "nobody else came past the first message" hub_spokes "
		([.[] | select(.state != \"down\").nbma] | sort) == [\"$s1_wan\", \"$s2_wan\"] and
		all(.[]; .state != \"down\" or .identity == null)"
	check_flood esp drop_esp_spi
	check_flood gre drop_clear_gre
	check_flood garbage_500 ike_drop_malformed drop_punt_rate drop_punt_share
	check_flood ike_init ike_cookies_sent drop_punt_rate drop_punt_share
}

flood_start() # PACKETS-PER-SECOND
{
	local mac
	mac=$(json_value '.[] | select(.port == "wan0") | .mac' hub_ctl show ports --json) || return
	ip netns exec "$ns_wan" "$interop/flood" br-wan "$mac" $hub_wan "$1" \
		8>&- </dev/null >"$lab_dir/flood.json" 2>&1 &
	echo $! >"$lab_dir/flood.pid"
}

flood_runs()
{
	kill -0 "$(cat "$lab_dir/flood.pid")"
}

flood_stop()
{
	kill -s TERM "$(cat "$lab_dir/flood.pid")" && wait_until 30 gives 1 flood_runs
}

# check_flood KIND COUNTER...: these have most of what was sent; what a full queue of the software
# port lost has no verdict.
check_flood()
{
	check "${*:2} has what was sent of $1" flood_counted "$@"
}

flood_counted()
{
	local kind=$1 sent counted=0 n name
	sent=$(json_value ".$kind" cat "$lab_dir/flood.json") || return
	shift
	for name; do
		n=$(hub_counter "$name") || return
		counted=$((counted + n))
	done
	echo "$sent sent, $counted counted"
	[ "$sent" -ge 1000 ] && [ $counted -ge $((sent / 2)) ]
}

registrations() # answered by the hub so far
{
	hub_counter nhrp_registration_reply_sent
}

registered_since() # COUNT
{
	local now
	now=$(registrations) && [ "$now" -gt "$1" ]
}

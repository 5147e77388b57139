# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Links that take more than an Ethernet, and one that takes less.

# The links between hub and s1 take 9000 octets, and that of the LAN.
scenario_jumbo()
{
	wan_mtu 9000 && ip -n "$ns_lan" link set lan0 mtu 9000
	hub_config port_mtu=9000 mtu=8900
	sed -i 's/iface=veth-lan/&,framesz=2048,blocksz=4096/' "$lab_dir/hub.yaml"
	check "a port whose rings are too short for its mtu is refused" refused_for_mtu lan0
	check "naved starts with ports of 9000 octets" hub_restart port_mtu=9000 mtu=8900
	check "the kernel's devices got that, too" device_mtu "$ns_hub" veth-wan 9000
	check "s1 boots anew: its card never takes more again than it was once set to" \
		guest_reboot s1
	check "spokes are configured: s1 with 9000 octets, s2 not" \
		together "s1_configure wan_mtu=9000 mtu=8900" s2_configure
	check_forwarding s1
	check_forwarding s2
	check_within 90 "LAN host reaches the network behind s1, 8000 octets in one packet" \
		whole_ping lan_run $s1_lan 8000
	check "and what just fits the cloud's mtu" whole_ping lan_run $s1_lan $((8900 - 28))
	check "one octet more is too big, and the LAN host hears what fits" \
		too_big lan_run $s1_lan $((8901 - 28)) 8900
	check "s1 reaches the LAN with 8000 octets" \
		spoke_ping s1 $lan_host -I $s1_lan -s 8000 -M 'do'
	check "hub host reaches s1 with 8000 octets" whole_ping hub_run $s1_tunnel 8000
	check "s2 is no worse off: LAN host reaches it with 1372" whole_ping lan_run $s2_lan 1372
	check "nothing was too big for a buffer or a port" no_counts drop_headroom drop_outer_mtu \
		drop_no_mbuf
	hub_stop
	wan_mtu 1500
	ip -n "$ns_lan" link set lan0 mtu 1500
	ip -n "$ns_hub" link set veth-wan mtu 1500 && ip -n "$ns_hub" link set veth-lan mtu 1500
}

# wan_mtu OCTETS: of all between hub and s1
wan_mtu()
{
	local dev
	for dev in hub-wan tap-s1 br-wan; do
		ip -n "$ns_wan" link set "$dev" mtu "$1" || return 1
	done
}

guest_reboot() # NAME
{
	guest_stop "$1" && guests_boot "$1"
}

device_mtu() # NAMESPACE DEVICE OCTETS
{
	ip -n "$1" link show dev "$2" | grep -q " mtu $3 "
}

refused_for_mtu() # PORT
{
	local log=$lab_dir/refused.log
	ip netns exec "$ns_hub" timeout 20 "$(program naved)" -c "$lab_dir/hub.yaml" \
		>"$log" 2>&1 8>&- </dev/null
	[ $? = 1 ] && grep "port $1: mtu 9000: .* carries 1[0-9][0-9][0-9] at most" "$log"
}

hub_run()
{
	ip netns exec "$ns_hub" "$@"
}

whole_ping() # RUN DESTINATION OCTETS: three answers of three, in one packet each
{
	"$1" ping -n -q -c 3 -i 0.2 -w 5 -s "$3" -M 'do' "$2"
}

too_big() # RUN DESTINATION OCTETS MTU: by a word of the hub, or of one's own kernel that believed it
{
	! "$1" ping -n -c 2 -i 0.2 -W 2 -s "$3" -M 'do' "$2" >"$lab_dir/too-big" 2>&1 &&
		cat "$lab_dir/too-big" && grep -q "mtu *= *$4\|mtu=$4" "$lab_dir/too-big"
}

no_counts() # COUNTER...
{
	local name
	for name; do
		[ "$(hub_counter "$name")" = 0 ] || { echo "$name"; return 1; }
	done
}

# The link behind the router before s1 takes 1280 octets. The hub sends with DF, so the router
# says so.
scenario_path()
{
	check "naved starts, DF of the outer header as inside" hub_restart df=copy
	guest_net s1 nat
	path_mtu 1280
	check "spokes are configured: s1 behind the router, s2 not" together \
		"s1_configure wan=10.99.0.11/24 gw=10.99.0.1 wan_mtu=1280" s2_configure
	check_forwarding s1
	check_forwarding s2
	check_reach
	check "nothing was said of the path so far" hub_spoke $s1_tunnel '.path_mtu == null'

	check "TCP gets through from the LAN to the network behind s1" transfer s1
	check "and from there to the LAN" transfer s1 -R
	check "LAN host sends 1400 octets with DF: they do not arrive" \
		gives 1 whole_ping lan_run $s1_lan 1372
	check_within 90 "the hub has learned the path MTU of s1" hub_spoke $s1_tunnel \
		'.path_mtu == 1280 and .path_mtu_s < 60'
	check "but none of s2" hub_spoke $s2_tunnel '.path_mtu == null'
	check "the LAN host hears what fits inside" too_big lan_run $s1_lan 1372 1210
	check "that much fits" whole_ping lan_run $s1_lan $((1210 - 28))
	check "without DF 1400 octets arrive, in fragments" \
		lan_run ping -n -q -c 3 -i 0.2 -W 2 -s 1372 $s1_lan
	check "the hub host hears it, too" too_big hub_run $s1_tunnel 1372 1210
	check "s2 still gets 1400 octets in one packet" whole_ping lan_run $s2_lan 1372
	check "the router had nothing to say any more" path_quiet
	check "TCP gets through, now that the path is known" transfer s1
	check "fragments to the hub's own address arrive" spoke_ping s2 $hub_wan -s 3000
	path_mtu 1500
}

# path_mtu OCTETS: of the link between the router and s1
path_mtu()
{
	ip -n "$ns_nat" link set nat0 mtu "$1"
}

# transfer NAME [IPERF3-OPTION...]: 2 MiB by TCP between LAN host and the spoke
transfer()
{
	local to=${1}_lan
	guest_run "$1" "iperf3 -s -1 -D -B ${!to}" || return 1
	shift
	sleep 1
	lan_run timeout 60 iperf3 -c "${!to}" -n 2M "$@"
}

# path_quiet: what the hub knows it does not try again.
path_quiet()
{
	local said
	said=$(hub_counter punt_too_big)
	[ "$said" -gt 0 ] && whole_ping lan_run $s1_lan $((1210 - 28)) &&
		[ "$(hub_counter punt_too_big)" = "$said" ]
}

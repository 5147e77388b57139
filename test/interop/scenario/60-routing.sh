# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Routes of the hub host reach the workers: from the kernel, and from FRR beside naved's twins.

# ---- FRR in the hub's namespace ----------------------------------------------------------
# Configuration, pid files and sockets in a folder of the lab: the host's own FRR is another.

hub_frr=$lab_dir/frr

# hub_frr_start DAEMON: zebra and this daemon; configuration of the daemon on standard input.
hub_frr_start()
{
	local daemon
	install -d -o frr -g frr "$hub_frr" || return 1
	cat >"$hub_frr/$1.conf"
	echo "hostname hub" >"$hub_frr/zebra.conf"
	for daemon in zebra "$1"; do
		ip netns exec "$ns_hub" "/usr/lib/frr/$daemon" -d -A 127.0.0.1 -P 0 \
			-f "$hub_frr/$daemon.conf" -i "$hub_frr/$daemon.pid" \
			-z "$hub_frr/zserv.api" --vty_socket "$hub_frr" \
			--log "file:$hub_frr/$daemon.log" 8>&- || return 1
	done
}

hub_frr_stop()
{
	local file pid
	for file in "$hub_frr"/*.pid; do
		pid=$(cat "$file" 2>/dev/null) || continue
		kill -s TERM "$pid" 2>/dev/null
		wait_until 10 process_gone "$pid"
	done
	rm -rf "$hub_frr"
}

# hub_vtysh DAEMON COMMAND
hub_vtysh()
{
	vtysh --vty_socket "$hub_frr" -d "$1" -c "$2" 2>/dev/null
}

# ---- what is asked -----------------------------------------------------------------------

# The hub with no static routes: all it knows comes from the protocol under test.
hub_restart_bare()
{
	hub_stop
	hub_config "$@" && hub_start "$lab_dir/hub.yaml"
}

# hub_route PREFIX VIA SOURCE: the workers use it.
hub_route()
{
	json_holds "any(.[]; .prefix == \"$1\" and .gateway == \"$2\" and .source == \"$3\" and .active)" \
		hub_ctl show routes --json
}

# The workers use it, and reach its next hop by another one.
hub_route_by() # PREFIX VIA BY
{
	json_holds "any(.[]; .prefix == \"$1\" and .active and .via == \"$2 by $3\")" \
		hub_ctl show routes --json
}

hub_route_unresolved() # PREFIX
{
	json_holds "any(.[]; .prefix == \"$1\" and .state == \"unresolved\" and .reason != null)" \
		hub_ctl show routes --json
}

no_hub_route() # PREFIX
{
	json_holds "all(.[]; .prefix != \"$1\")" hub_ctl show routes --json
}

learnt() # SOURCE: the networks behind both spokes
{
	hub_route 10.1.1.0/24 $s1_tunnel "$1" && hub_route 10.1.2.0/24 $s2_tunnel "$1"
}

# The spoke's kernel has the routes of the others through the hub.
spoke_learnt() # NAME PROTOCOL PREFIX...
{
	local name=$1 protocol=$2 prefix
	shift 2
	for prefix; do
		guest_run "$name" "ip route show proto $protocol $prefix | grep -q ." || return 1
	done
}

# ---- scenarios ---------------------------------------------------------------------------

check_learnt() # SOURCE: hub, workers and both spokes know every network, and traffic flows
{
	check_within 90 "the workers use the $1 routes to both spokes (navectl show routes)" learnt "$1"
	check_within 90 "s1 learns the LAN and the network behind s2" \
		spoke_learnt s1 "$1" 172.16.0.0/24 10.1.2.0/24
	check_within 90 "s2 learns the LAN and the network behind s1" \
		spoke_learnt s2 "$1" 172.16.0.0/24 10.1.1.0/24
	check_reach
	# As in scenario shortcut, a lost reply is asked for again half a minute later.
	check_within 150 "shortcut to a network learnt by $1" shortcut_made s1 $s1_lan $s2_lan
	check_within 150 "and s2 to the network behind s1" shortcut_made s2 $s2_lan $s1_lan
	check_within 90 "pings take the shortcut: no router on the way" went_direct
}

scenario_bgp()
{
	check "naved starts, without routes of ours" hub_restart_bare
	check "FRR bgpd starts on the hub host: listen range, route reflector" hub_frr_start bgpd <<-END
		hostname hub
		router bgp 65000
		 bgp router-id $hub_tunnel
		 timers bgp 3 9
		 neighbor spokes peer-group
		 neighbor spokes remote-as 65000
		 neighbor spokes disable-connected-check
		 bgp listen range 10.255.0.0/24 peer-group spokes
		 address-family ipv4 unicast
		  network 172.16.0.0/24
		  neighbor spokes route-reflector-client
		  neighbor spokes next-hop-self force
		 exit-address-family
	END
	check "spokes are configured with bgpd" spokes_configure routing=bgp
	check_forwarding s1
	check_forwarding s2
	check_within 90 "bgpd has both spokes established" bgp_established
	check_learnt bgp
	check "bgpd of s1 ends" guest_run s1 pkill -x bgpd
	check_within 90 "its route leaves the workers" no_hub_route 10.1.1.0/24
	hub_frr_stop
}

bgp_established()
{
	json_holds '[.peers[] | select(.state == "Established")] | length == 2' \
		hub_vtysh bgpd "show bgp ipv4 unicast summary json"
}

scenario_ospf()
{
	# ospfd wants the same mask at all ends, and nhrpd of the spokes wants 32 bits.
	check "naved starts with a /32 in the cloud" hub_restart_bare tunnel_bits=32
	check "the kernel's way to the cloud is a route" \
		ip -n "$ns_hub" route add 10.255.0.0/24 dev dmvpn
	check "FRR ospfd starts on the hub host: point-to-multipoint" hub_frr_start ospfd <<-END
		hostname hub
		interface dmvpn
		 ip ospf network point-to-multipoint
		 ip ospf hello-interval 2
		 ip ospf dead-interval 8
		router ospf
		 ospf router-id $hub_tunnel
		 passive-interface lan0
		 network 10.255.0.0/24 area 0
		 network 172.16.0.0/24 area 0
	END
	check "spokes are configured with ospfd" spokes_configure routing=ospf
	check_forwarding s1
	check_forwarding s2
	check_within 90 "ospfd has both spokes Full: multicast goes both ways" ospf_full
	check_learnt ospf
	check "ospfd of s1 ends" guest_run s1 pkill -KILL -x ospfd
	check_within 90 "after the dead interval its route leaves the workers" no_hub_route 10.1.1.0/24
	hub_frr_stop
}

ospf_full()
{
	json_holds '[.neighbors[][] | select((.nbrState // .state) | startswith("Full"))] | length == 2' \
		hub_vtysh ospfd "show ip ospf neighbor json"
}

s1_far=10.9.0.1

scenario_kernel-routes()
{
	check "naved starts, without routes of ours" hub_restart_bare
	check "s1 is configured" s1_configure
	check_forwarding s1
	check_within 90 "hub host pings the spoke (kernel, TUN twin)" hub_ping $s1_tunnel
	check "without a route the LAN host does not reach the network behind s1" \
		gives 1 lan_ping $s1_lan
	check "a static route is set in the kernel" \
		ip -n "$ns_hub" route add 10.1.1.0/24 via $s1_tunnel dev dmvpn proto static
	check_within 90 "the workers use it" hub_route 10.1.1.0/24 $s1_tunnel static
	check_within 90 "LAN host reaches the network behind s1" lan_ping $s1_lan
	check "s1 reaches the LAN host" spoke_ping s1 $lan_host -I $s1_lan
	check "s1 has an address in a network behind its own" \
		guest_run s1 "ip address add $s1_far/16 dev lan0"
	check "a route to it names a next hop in the network behind s1" \
		ip -n "$ns_hub" route add 10.9.0.0/16 via $s1_lan dev dmvpn onlink
	check_within 90 "the workers reach that by s1" hub_route_by 10.9.0.0/16 $s1_lan $s1_tunnel
	check_within 90 "LAN host reaches the network behind that behind s1" lan_ping $s1_far
	check "the route is taken away" ip -n "$ns_hub" route del 10.1.1.0/24 dev dmvpn
	check_within 90 "it leaves the workers" no_hub_route 10.1.1.0/24
	check "the LAN host does not reach the network behind s1 any more" gives 1 lan_ping $s1_lan
	check "the one behind it is unresolved, and says why" hub_route_unresolved 10.9.0.0/16
	check "the LAN host does not reach what is behind it either" gives 1 lan_ping $s1_far
	check "the route is back" \
		ip -n "$ns_hub" route add 10.1.1.0/24 via $s1_tunnel dev dmvpn proto static
	check_within 90 "the other is back with it" hub_route_by 10.9.0.0/16 $s1_lan $s1_tunnel
	check_within 90 "LAN host reaches it again" lan_ping $s1_far

	check "LAN host forgets its neighbours" ip -n "$ns_lan" neigh flush dev lan0
	check "it pings the hub, each ping answered once" three_answers lan_run $hub_lan
	check "the hub's ARP answer named the port's own MAC" arp_is_of_port
	check "s1 pings the hub's tunnel address, each ping answered once" \
		three_answers "guest_run s1" $hub_tunnel
	check "s1 pings the hub's WAN address in clear, each ping answered once" \
		three_answers "guest_run s1" $hub_wan
}

three_answers() # RUNNER DESTINATION
{
	local out
	out=$($1 ping -n -q -c 3 -i 0.2 -w 5 "$2") || { echo "$out"; return 1; }
	echo "$out"
	grep -q '3 received' <<<"$out" && ! grep -q duplicates <<<"$out"
}

arp_is_of_port()
{
	local mac
	mac=$(json_value '.[] | select(.port == "lan0") | .mac' hub_ctl show ports --json) || return
	ip -n "$ns_lan" neigh show $hub_lan | grep -q "lladdr $mac"
}

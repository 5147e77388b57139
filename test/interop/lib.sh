# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: BSD-3-Clause
#
# The interop lab: network namespaces, guests, naved. Source it; needs root.
#
#   nave-wan                                nave-hub                    nave-lan
#   +---------------------------------+     +---------------------+     +----------------+
#   | br-wan 192.0.2.0/24             |     | naved, its twins,   |     |                |
#   |  tap-s1 tap-s2 .. guests  hub-wan=====veth-wan     veth-lan======lan0              |
#   |  nat-out==+                     |     | FRR of the hub host |     | 172.16.0.10/24 |
#   | br-nat    |  10.99.0.0/24       |     +---------------------+     +----------------+
#   |  nat-in==+|                     |
#   |  nat2-out=||=+                  |
#   | br-nat2   || |  10.99.0.0/24    |
#   |  nat2-in==||+|                  |
#   +-----------||||------------------+
#               ||++== nave-nat2: 10.99.0.254 masqueraded to 10.99.0.2
#               ++==== nave-nat: 10.99.0.1 masqueraded to 192.0.2.200
#                      and router of 198.51.100.0/24, which is not masqueraded
#
# A guest is a user-mode-linux process in nave-wan whose NIC is a tap on one of the bridges:
# the WAN, behind one NAT, or behind two of them with the same private network.
# No interface, address or rule outside these five namespaces is touched.

interop=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
top=$(dirname "$(dirname "$interop")")

lab=${NAVE_LAB:-nave}              # prefix of the namespaces, so that two labs can coexist
lab_dir=${NAVE_LAB_DIR:-/run/$lab-lab} # what the running lab knows about itself
lab_log=${NAVE_LAB_LOG:-$top/build/interop} # captures and logs, kept after the run
build=${NAVE_BUILD:-$top/build}
ns_wan=$lab-wan ns_hub=$lab-hub ns_lan=$lab-lan ns_nat=$lab-nat ns_nat2=$lab-nat2

hub_wan=192.0.2.1
hub_tunnel=10.255.0.1
hub_lan=172.16.0.1
lan_host=172.16.0.10
nat_wan=192.0.2.200
hub_public=192.0.2.201             # the hub's where that of its port, behind a NAT, is another
far_gw=198.51.100.1                # the router's address in the network that is not on our link
lab_psk='correct horse battery staple'

# ---- waiting and reporting ---------------------------------------------------------------

# wait_until SECONDS CMD...: poll until CMD succeeds; its last exit code otherwise.
wait_until()
{
	local end=$((SECONDS + $1)) rc
	shift
	while :; do
		"$@" >/dev/null 2>&1 && return 0
		rc=$?
		[ $SECONDS -ge $end ] && return $rc
		sleep 0.3
	done
}

# together COMMAND-LINE...: run them side by side; 0 if all of them succeed.
together()
{
	local line pids=() pid rc=0
	for line in "$@"; do
		eval "$line" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || rc=1
	done
	return $rc
}

tap_count=0
tap_failed=0

# result EXIT-CODE TEXT: one TAP line; a failure is followed by what the lab can tell.
result()
{
	tap_count=$((tap_count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_count - $2"
		return 0
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $2"
	diagnose 2>&1 | sed 's/^/# /'
	return 1
}

# check TEXT CMD...
check()
{
	local text=$1
	shift
	"$@" >"$lab_dir/check.out" 2>&1
	result $? "$text"
}

# gives EXIT-CODE CMD...: it ends with exactly this code. What must fail is asked for by the code
# of a no: nobody there to answer is another (guest_run 124 and 125, timeout 124, navectl 3).
gives()
{
	local want=$1
	shift
	"$@"
	[ $? = "$want" ]
}

# check_within SECONDS TEXT CMD...: tells the time it took
check_within()
{
	local limit_s=$1 text=$2 start=$EPOCHREALTIME
	shift 2
	if wait_until "$limit_s" "$@"; then
		result 0 "$text ($(seconds_since "$start") s)"
	else
		result 1 "$text (not within $limit_s s)"
	fi
}

seconds_since() # EPOCHREALTIME
{
	local us=$((${EPOCHREALTIME/./} - ${1/./}))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# skip TEXT REASON
skip()
{
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

diagnose()
{
	if [ -s "$lab_dir/check.out" ]; then
		echo "-- output of the check"
		tail -n 20 "$lab_dir/check.out"
	fi
	if hub_runs; then
		echo "-- navectl show spokes"
		hub_ctl show spokes
		echo "-- counters that are not zero"
		hub_ctl show counters | grep -v ' 0$'
	else
		echo "-- naved does not run"
	fi
	echo "-- end of naved's log"
	tail -n 20 "$lab_log/naved.log"
	local name
	for name in $(guests_running); do
		echo "-- guest $name"
		guest_run "$name" bash /nave/spoke-state
	done
}

# ---- namespaces --------------------------------------------------------------------------

netns_new()
{
	ip netns add "$1"
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip -n "$1" link set lo up
}

# port_new NAME PEER PEER-NAMESPACE: a veth end in nave-hub that only naved may act on.
# The kernel sees every frame of it too and would answer ARP and ping a second time.
port_new()
{
	local name=$1 peer=$2 peer_ns=$3

	ip -n "$ns_hub" link add "$name" type veth peer name "$peer" netns "$peer_ns"
	ip netns exec "$ns_hub" nft -f - <<-END
		table netdev nave_${name//-/_} {
			chain i {
				type filter hook ingress device "$name" priority -500; policy drop;
			}
		}
	END
	# Guests and veth leave checksums to a NIC that is not there.
	ip netns exec "$ns_hub" ethtool -K "$name" tx off tso off gso off gro off >/dev/null
	ip netns exec "$peer_ns" ethtool -K "$peer" tx off tso off gso off gro off >/dev/null
	ip -n "$ns_hub" link set "$name" up
	ip -n "$peer_ns" link set "$peer" up
}

bridge_new()
{
	ip -n "$ns_wan" link add "$1" type bridge mcast_snooping 0
	ip -n "$ns_wan" link set "$1" up
}

# nat_new NAME OUTER-BRIDGE OUTER-ADDRESS INNER-ADDRESS: a gateway before br-NAME that hides
# what is behind it. Ports outside are drawn at random, so no flow keeps its own.
nat_new()
{
	local name=$1 ns=$lab-$1 outer_bridge=$2 outer=$3 inner=$4

	ip -n "$ns" link add wan0 type veth peer name "$name-out" netns "$ns_wan"
	ip -n "$ns" link add nat0 type veth peer name "$name-in" netns "$ns_wan"
	ip -n "$ns_wan" link set "$name-out" master "$outer_bridge" up
	ip -n "$ns_wan" link set "$name-in" master "br-$name" up
	ip -n "$ns" addr add "$outer" dev wan0
	ip -n "$ns" addr add "$inner" dev nat0
	ip -n "$ns" link set wan0 up
	ip -n "$ns" link set nat0 up
	ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
	ip netns exec "$ns" nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority srcnat; policy accept;
				oifname "wan0" ip saddr 10.99.0.0/24 masquerade random
			}
		}
	END
}

# nat_forward NAME OUTER INNER: it has a further address outside, of which it passes IKE and ESP in
# UDP on to one inside.
nat_forward()
{
	local ns=$lab-$1

	ip -n "$ns" addr replace "$2/32" dev wan0 && ip netns exec "$ns" nft -f - <<-END
		table ip nat {
			chain pre {
				type nat hook prerouting priority dstnat; policy accept;
				ip daddr $2 udp dport { 500, 4500 } dnat to $3
			}
		}
	END
}

# nat_static NAME OUTER INNER: the same, and all that the one inside begins comes from there.
nat_static()
{
	nat_forward "$@" && ip netns exec "$lab-$1" \
		nft insert rule ip nat post oifname wan0 ip saddr "$3" snat to "$2"
}

# nat_forget NAME: the gateway loses its mappings, as after a change of line; the next packet
# of a flow gets a new one.
nat_forget()
{
	ip -n "$lab-$1" link set wan0 down && ip -n "$lab-$1" link set wan0 up
}

# lab_up: everything but guests and naved. Takes the place of a lab left by a killed run.
lab_up()
{
	[ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
	guest_root=$("$interop/guest-root" --path) || return 1
	exec 8>"/run/lock/$lab-lab"
	flock -n 8 || { echo "another lab '$lab' is running" >&2; return 1; }
	lab_clean
	mkdir -p "$lab_dir" "$lab_log"
	install -d -m 700 "$lab_dir/guests" # commands name keys
	local ns
	for ns in "$ns_wan" "$ns_hub" "$ns_lan" "$ns_nat" "$ns_nat2"; do
		netns_new "$ns"
	done
	bridge_new br-wan
	bridge_new br-nat
	bridge_new br-nat2
	port_new veth-wan hub-wan "$ns_wan"
	ip -n "$ns_wan" link set hub-wan master br-wan
	port_new veth-lan lan0 "$ns_lan"
	ip -n "$ns_lan" addr add $lan_host/24 dev lan0
	ip -n "$ns_lan" route add default via $hub_lan
	nat_new nat br-wan $nat_wan/24 10.99.0.1/24
	ip -n "$ns_nat" addr add $far_gw/24 dev nat0
	# The second has the network of the first on both sides, hence a host route outside.
	nat_new nat2 br-nat 10.99.0.2/32 10.99.0.254/24
	ip -n "$ns_nat2" route add 10.99.0.1 dev wan0
	ip -n "$ns_nat2" route add default via 10.99.0.1
}

lab_down()
{
	lab_clean
	exec 8>&-
}

# Whatever runs in our namespaces was started by a lab of this name.
lab_clean()
{
	local ns pids signal
	for ns in "$ns_wan" "$ns_hub" "$ns_lan" "$ns_nat" "$ns_nat2"; do
		[ -e "/run/netns/$ns" ] || continue
		for signal in TERM KILL KILL; do
			mapfile -t pids < <(ip netns pids "$ns" 2>/dev/null)
			[ ${#pids[@]} -gt 0 ] || break
			[ "$ns" = "$ns_wan" ] && signal=KILL # guests have nothing to save
			kill -s $signal "${pids[@]}" 2>/dev/null
			sleep 0.3
		done
		ip netns del "$ns"
	done
	rm -rf "$lab_dir"
}

# ---- guests ------------------------------------------------------------------------------

guest_dir()
{
	echo "$lab_dir/guests/$1"
}

guests_running()
{
	local dir
	for dir in "$lab_dir"/guests/*/; do
		[ -e "$dir/ready" ] && basename "$dir"
	done
}

# guest_start NAME: does not wait. The MAC address is made from the name.
guest_start()
{
	local name=$1 dir tap=tap-$1 mac
	dir=$(guest_dir "$name")
	mac=02:00:5e:$(md5sum <<<"$name" | sed 's/\(..\)\(..\)\(..\).*/\1:\2:\3/')

	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$interop"/guest/* "$dir"
	mkfifo "$dir/ctl"
	if ! [ -e "/run/netns/$ns_wan" ] || ! ip -n "$ns_wan" link show "$tap" >/dev/null 2>&1; then
		ip -n "$ns_wan" tuntap add dev "$tap" mode tap
	fi
	ip -n "$ns_wan" link set "$tap" master br-wan up
	ip netns exec "$ns_wan" linux.uml mem=128M root=/dev/root rootfstype=hostfs \
		rootflags="$guest_root" ro init=/nave-boot nave_dir="$dir" \
		ipv6.disable_ipv6=1 ssl0=fd:3,null con=null con0=null,fd:1 \
		"vec0:transport=tap,ifname=$tap,mac=$mac,depth=128,gro=0,mtu=9000" \
		3<>"$dir/ctl" 8>&- </dev/null >"$dir/console" 2>&1 &
	echo $! >"$dir/pid"
	disown # its end is nothing to report
}

# guests_boot NAME...: in parallel; one that does not come up is started a second time.
guests_boot()
{
	local name limit_s=${guest_boot_limit_s:-90}
	for name in "$@"; do
		guest_start "$name"
	done
	for name in "$@"; do
		wait_until "$limit_s" test -e "$(guest_dir "$name")/ready" && continue
		echo "# guest $name did not boot, second try"
		guest_stop "$name"
		guest_start "$name"
		wait_until "$limit_s" test -e "$(guest_dir "$name")/ready" && continue
		tail -n 20 "$(guest_dir "$name")/console" >&2
		return 1
	done
}

# The kernel of the guest leads a process group of its own.
guest_stop()
{
	local dir pid
	dir=$(guest_dir "$1")
	pid=$(cat "$dir/pid" 2>/dev/null) || return 0
	kill -s KILL -- "-$pid" "$pid" 2>/dev/null
	wait_until 10 process_gone "$pid"
	rm -f "$dir/ready" "$dir/pid"
}

# guest_run [-t SECONDS] NAME WORD...: run the words as a bash command line in the guest.
# Gives its output, errors and exit code; 124 after the time limit (20 s if not stated).
guest_run()
{
	local limit_s=20 dir cmd id rc
	if [ "$1" = -t ]; then
		limit_s=$2
		shift 2
	fi
	dir=$(guest_dir "$1")
	shift
	[ -e "$dir/ready" ] || { echo "guest_run: no such guest: $dir" >&2; return 125; }

	cmd=$(mktemp "$dir/cmd.XXXXXXXX")
	id=${cmd##*.}
	echo "$*" >"$cmd"
	echo "$id $limit_s" >"$dir/ctl"
	local end=$((SECONDS + limit_s + 15))
	until [ -e "$dir/rc.$id" ]; do
		[ $SECONDS -ge $end ] && break
		sleep 0.05
	done
	cat "$dir/err.$id" >&2 2>/dev/null
	cat "$dir/out.$id" 2>/dev/null
	rc=$(cat "$dir/rc.$id" 2>/dev/null || echo 124)
	rm -f "$dir"/{cmd,out,err,rc}."$id"
	return "$rc"
}

# guest_net NAME wan|nat|nat2: plug the guest's cable into one of the bridges.
guest_net()
{
	ip -n "$ns_wan" link set "tap-$1" master "br-$2"
}

# ---- spokes ------------------------------------------------------------------------------

# spoke_configure NAME KEY=VALUE...: see guest/spoke-up for the keys and their defaults.
# Whatever the guest was before is undone first.
spoke_configure()
{
	local name=$1 words=""
	shift
	[ $# -gt 0 ] && words=$(printf '%q ' "$@")
	guest_run -t 150 "$name" "env name=$name $words bash /nave/spoke-up"
}

spoke_reset()
{
	guest_run -t 60 "$1" bash /nave/spoke-down
	guest_net "$1" wan
}

# spoke_ping NAME DESTINATION [PING-OPTION...]: three answers of three from behind the spoke.
spoke_ping()
{
	local name=$1 to=$2
	shift 2
	guest_run "$name" ping -n -q -c 3 -i 0.2 -W 2 "$@" "$to"
}

# spoke_registered NAME: nhrpd has its registration confirmed.
spoke_registered()
{
	guest_run "$1" "vtysh -d nhrpd -c 'show ip nhrp nhs' | grep -q '$hub_tunnel'" &&
		guest_run "$1" "vtysh -d nhrpd -c 'show ip nhrp cache' | grep -q 'nhs.*$hub_tunnel'"
}

# spoke_sas NAME: IKE SA and child SA are both up.
spoke_sas()
{
	guest_run "$1" "swanctl --list-sas | grep -q ESTABLISHED &&
		swanctl --list-sas | grep -q INSTALLED"
}

# spoke_crash NAME: its daemons die without a word to anyone.
spoke_crash()
{
	guest_run "$1" bash /nave/spoke-down --crash
}

# spoke_traffic NAME SOURCE DESTINATION COUNT: a hundred pings a second, in the background
spoke_traffic()
{
	guest_run "$1" "ping -n -q -i 0.01 -c $4 -W 5 -I $2 $3 >/run/traffic 2>&1 &"
}

spoke_traffic_runs()
{
	guest_run "$1" pgrep -x ping
}

# spoke_traffic_whole NAME COUNT: it has ended and every packet was answered, once.
spoke_traffic_whole()
{
	wait_until $(($2 / 20)) spoke_traffic_over "$1"
	guest_run "$1" "cat /run/traffic
		grep -q '^$2 packets transmitted, $2 received, 0% packet loss' /run/traffic"
}

spoke_traffic_over()
{
	gives 1 spoke_traffic_runs "$1"
}

# spoke_shortcut NAME PREFIX-START: traffic to it goes directly to the other spoke. 1 if not, 2
# if nhrpd does not say.
spoke_shortcut()
{
	guest_run "$1" "list=\$(vtysh -d nhrpd -c 'show ip nhrp shortcut') || exit 2
		grep -v incomplete <<<\"\$list\" | grep -q '$2'"
}

# The two usual spokes, s1 and s2: 10.255.0.11 before 10.1.1.0/24, 10.255.0.12 before 10.1.2.0/24.
s1_tunnel=10.255.0.11 s1_wan=192.0.2.11 s1_lan=10.1.1.1
s2_tunnel=10.255.0.12 s2_wan=192.0.2.12 s2_lan=10.1.2.1

s1_configure() # KEY=VALUE...
{
	spoke_configure s1 wan=$s1_wan/24 tunnel=$s1_tunnel lan=$s1_lan/24 key=42 protect=psk "$@"
}

s2_configure() # KEY=VALUE...
{
	spoke_configure s2 wan=$s2_wan/24 tunnel=$s2_tunnel lan=$s2_lan/24 key=42 protect=psk "$@"
}

# spokes_configure KEY=VALUE...: both, with the same keys
spokes_configure()
{
	local words=""
	[ $# -gt 0 ] && words=$(printf '%q ' "$@")
	together "s1_configure $words" "s2_configure $words"
}

# spokes_reset: every guest back to a bare NIC on the WAN
spokes_reset()
{
	local name lines=()
	for name in $(guests_running); do
		lines+=("spoke_reset $name")
	done
	[ ${#lines[@]} = 0 ] || together "${lines[@]}"
}

# Checks that most scenarios share.

# check_forwarding NAME: hub and spoke agree that it is up.
check_forwarding()
{
	local tunnel=${1}_tunnel
	check_within 90 "$1 is forwarding in navectl show spokes" \
		hub_spoke "${!tunnel}" '.state == "forwarding" and .reason == null'
	check_within 90 "$1 has its registration confirmed" spoke_registered "$1"
}

# check_reach: s1, s2, the LAN and the hub host reach each other through the hub.
check_reach()
{
	check_within 90 "s1 reaches the hub's tunnel address" spoke_ping s1 $hub_tunnel
	check_within 90 "s1 reaches the LAN behind the hub" spoke_ping s1 $lan_host -I $s1_lan
	check_within 90 "LAN host reaches the network behind s2" lan_ping $s2_lan
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
	check_within 90 "hub host reaches s2 (kernel, TUN twin)" hub_ping $s2_tunnel
}

# ---- naved -------------------------------------------------------------------------------

hub_socket=$lab_dir/naved.sock

# program NAME: its path in the build folder
program()
{
	local path
	for path in "$build/$1" "$build/control/$1" "$build/control/cli/$1"; do
		[ -x "$path" ] && { echo "$path"; return 0; }
	done
	echo "no $1 in $build, build it first" >&2
	return 1
}

# hub_start CONFIG: returns when naved answers on its socket.
hub_start()
{
	local naved
	naved=$(program naved) || return 1
	ip netns exec "$ns_hub" "$naved" -c "$1" 8>&- </dev/null >>"$lab_log/naved.log" 2>&1 &
	echo $! >"$lab_dir/naved.pid"
	wait_until 60 hub_ctl show spokes --json
}

# hub_stop [SIGNAL]: TERM unless stated; gives naved's exit code.
hub_stop()
{
	local pid rc
	pid=$(cat "$lab_dir/naved.pid" 2>/dev/null) || return 0
	kill -s "${1:-TERM}" "$pid" 2>/dev/null
	wait_until 30 process_gone "$pid" || kill -s KILL "$pid"
	wait "$pid" 2>/dev/null
	rc=$?
	rm -f "$lab_dir/naved.pid"
	return $rc
}

# hub_net wan|nat|nat2: plug the hub's cable into one of the bridges.
hub_net()
{
	ip -n "$ns_wan" link set hub-wan master "br-$1"
}

process_gone()
{
	! kill -0 "$1" 2>/dev/null
}

hub_runs()
{
	[ -e "$lab_dir/naved.pid" ] && kill -0 "$(cat "$lab_dir/naved.pid")" 2>/dev/null
}

# hub_ctl WORD...: navectl on this naved
hub_ctl()
{
	local navectl
	navectl=$(program navectl) || return 1
	timeout 10 "$navectl" -s "$hub_socket" "$@"
}

# json_value JQ-FILTER CMD...: what the filter makes of the JSON that CMD prints; fails if that is
# nothing. (jq alone is content with no input at all, when nobody answers.)
json_value()
{
	local filter=$1 answer value
	shift
	answer=$("$@" 2>/dev/null) && [ -n "$answer" ] && value=$(jq -cr "$filter" <<<"$answer") &&
		[ -n "$value" ] && echo "$value"
}

# json_holds JQ-FILTER CMD...: it makes true of it. 1 if not, 2 if there was no answer.
json_holds()
{
	local value
	value=$(json_value "$@") || return 2
	[ "$value" = true ]
}

# hub_spokes JQ-FILTER: exit 0 if the filter on the array of spokes gives true.
hub_spokes()
{
	json_holds "$1" hub_ctl show spokes --json
}

# hub_ike IDENTITY JQ-CONDITION: one IKE session with this identity, and it meets the condition.
hub_ike()
{
	json_holds "map(select(.identity == \"$1\")) | length == 1 and (.[0] | $2)" \
		hub_ctl show ike --json
}

# hub_spoke TUNNEL-ADDRESS JQ-CONDITION: one spoke with this address meets the condition.
hub_spoke()
{
	hub_spokes "[.[] | select(.tunnel_address == \"$1\") | select($2)] | length == 1"
}

# hub_value TUNNEL-ADDRESS KEY: of one spoke in navectl show spokes; fails if it has none
hub_value()
{
	json_value ".[] | select(.tunnel_address == \"$1\") | .$2 // empty" \
		hub_ctl show spokes --json
}

# hub_config [KEY=VALUE...]: the hub's YAML, in $lab_dir/hub.yaml. The keys and their defaults:
hub_config()
{
	local protection=lab # or none
	local mtu=1400       # of the cloud
	local port_mtu=1500
	local df=clear
	local redirect=true
	local profile=''     # more keys of the IKE profile, "key: value, ..."
	local nhrp=''        # more keys of the cloud's nhrp
	local ppks=''        # "{id: ..., ...}, ..."
	local workers=1
	local wan=''         # more keys of the WAN port
	local tunnel_bits=24 # of the hub's overlay address
	local "$@"
	printf '%s\n' "$lab_psk" >"$lab_dir/psk"
	chmod 600 "$lab_dir/psk"
	cat >"$lab_dir/hub.yaml" <<-END
		system: {workers: $workers, hugepages: false, max_spokes: 64, idle: adaptive,
		  state_directory: $lab_dir}
		ports:
		  - {name: wan0, device: "net_af_packet0,iface=veth-wan", role: wan, mtu: $port_mtu, addresses: [$hub_wan/24]${wan:+, $wan}}
		  - {name: lan0, device: "net_af_packet1,iface=veth-lan", role: lan, mtu: $port_mtu, addresses: [$hub_lan/24]}
		clouds:
		  - name: dmvpn
		    addresses: [$hub_tunnel/$tunnel_bits]
		    source: $hub_wan
		    key: 42
		    mtu: $mtu
		    df: $df
		    protection: $protection
		    nhrp: {network_id: 1, redirect: $redirect${nhrp:+, $nhrp}}
		ike:
		  - {name: lab${profile:+, $profile}}
		secrets:
		  - {address: any, key: "file:$lab_dir/psk"}
		${ppks:+ppks: [$ppks]}
		management: {socket: $hub_socket}
	END
}

# hub_restart [KEY=VALUE...]: a new naved; keys as for hub_config.
hub_restart()
{
	hub_stop
	hub_config "$@" && hub_start "$lab_dir/hub.yaml" && hub_routes
}

# The networks behind the spokes, as a routing protocol would bring them.
hub_routes()
{
	ip -n "$ns_hub" route replace 10.1.1.0/24 via 10.255.0.11 dev dmvpn &&
		ip -n "$ns_hub" route replace 10.1.2.0/24 via 10.255.0.12 dev dmvpn
}

# hub_protected: does the hub's configuration forbid clear GRE?
hub_protected()
{
	! grep -q 'protection: none' "$lab_dir/hub.yaml"
}

# hub_counter NAME: its value; counters that never moved are 0
hub_counter()
{
	json_value "[.[] | select(.counter == \"$1\") | .packets] | add // 0" \
		hub_ctl show counters --json
}

lan_run()
{
	ip netns exec "$ns_lan" "$@"
}

lan_ping() # DESTINATION
{
	lan_run ping -n -q -c 3 -i 0.2 -W 2 "$1"
}

hub_ping() # DESTINATION: from the kernel of the hub host
{
	ip netns exec "$ns_hub" ping -n -q -c 3 -i 0.2 -W 2 "$1"
}

# ---- certificates: the PKI of the unit tests, its dates are wide ---------------------------

vectors=$top/test/vectors/cert

# hub_pki MORE-KEYS [ACCEPT [CA]]: of an IKE profile. A private key must be readable by its owner only.
hub_pki()
{
	install -m 600 "$vectors/hub.key" "$lab_dir/hub.key"
	install -m 644 "$vectors/root.crl" "$vectors/sub.crl" "$lab_dir"
	echo "certificate: $vectors/hub.pem, private_key: \"file:$lab_dir/hub.key\"," \
		"trust: [$vectors/root.pem${3:+, $3}], accept: ${2:-certificate}${1:+, $1}"
}

# spoke_pki NAME CERTIFICATE: what the spoke needs, where it finds it
spoke_pki()
{
	local key=$vectors/$2.key
	[ -e "$key" ] || key=$vectors/spoke-p256.key # the one key of all that are wrong otherwise
	cp "$vectors/$2.pem" "$vectors/root.pem" "$vectors/sub.pem" "$(guest_dir "$1")"
	cp "$key" "$(guest_dir "$1")/$2.key"
}

# ---- captures ----------------------------------------------------------------------------

# capture_start NAME: every frame on the WAN bridge, whichever way.
capture_start()
{
	local file=$lab_log/$1.pcap
	rm -f "$file"
	ip netns exec "$ns_wan" tcpdump -i br-wan -n -U --immediate-mode -w "$file" -Z root \
		8>&- </dev/null >"$lab_dir/capture.log" 2>&1 &
	echo $! >"$lab_dir/capture.pid"
	wait_until 10 grep -q 'listening on' "$lab_dir/capture.log"
}

# capture_stop: ends the capture when what was sent so far is in the file; fails if it had ended
# before.
capture_stop()
{
	local pid rc
	pid=$(cat "$lab_dir/capture.pid" 2>/dev/null) || return 0
	sleep 0.5
	kill -s INT "$pid"
	rc=$?
	wait "$pid" 2>/dev/null || rc=$?
	rm -f "$lab_dir/capture.pid"
	return $rc
}

# capture_count NAME FILTER: how many frames so far match the tcpdump filter, which may not have
# written the last one whole; fails if there is no such file.
capture_count()
{
	[ -s "$lab_log/$1.pcap" ] && tcpdump -r "$lab_log/$1.pcap" -n "$2" 2>/dev/null | wc -l
}

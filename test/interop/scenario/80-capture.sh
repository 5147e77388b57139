# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What an operator sees by navectl capture, read by tshark. Each capture ends by itself.

scenario_capture()
{
	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	check "tshark is here" command -v tshark || return

	hub_capture inner 'inner host' $lan_host proto icmp count 4
	check "in clear text: requests of s1 in, replies out, behind the GRE of s1" \
		captured inner "gre && ip.addr == $s1_wan && icmp.type == 8" 2
	check "the file is its owner's alone" test "$(stat -c %a "$lab_dir/inner.pcapng")" = 600
	hub_capture wire 'rx,tx spoke s1.example proto esp' count 4
	check "on the wire it is ESP" captured wire "eth && esp && !icmp" 4
	hub_capture drops 'drops spoke' $s1_wan count 1 seconds 60 10.1.77.1
	check "a ping to nowhere has its verdict beside it" captured drops \
		"frame.comment contains \"drop_no_route\" && icmp && ip.dst == 10.1.77.1" 1
	check "tshark reads it from a pipe as it comes" piped_capture
	check "forwarding goes on" spoke_ping s1 $lan_host -I $s1_lan
}

# hub_capture NAME 'WORDS' WORD... : while s1 pings the last word when that is no number, else the LAN
hub_capture()
{
	local name=$1 pid to=$lan_host
	local words=($2 "${@:3}")
	case ${words[-1]} in
	*.*.*.*) to=${words[-1]} && unset 'words[-1]' ;;
	esac
	NAVE_SOCKET=$hub_socket timeout 60 "$(program navectl)" -w "$lab_dir/$name.pcapng" \
		capture "${words[@]}" 8>&- </dev/null >"$lab_dir/$name.log" 2>&1 &
	pid=$!
	check_within 60 "capture $name ends by its count" pinged_until_gone $pid "$to"
}

pinged_until_gone() # PID DESTINATION
{
	guest_run s1 "ping -n -q -c 1 -W 1 -I $s1_lan $2 >/dev/null; true"
	process_gone "$1"
}

captured() # NAME FILTER COUNT: as many of its packets fit, or more
{
	local n
	n=$(tshark -r "$lab_dir/$1.pcapng" -Y "$2" 2>/dev/null | wc -l)
	[ "$n" -ge "$3" ]
}

piped_capture()
{
	local n
	spoke_ping s1 $lan_host -I $s1_lan -c 20 >/dev/null &
	n=$(NAVE_SOCKET=$hub_socket timeout 60 "$(program navectl)" capture inner count 3 \
		2>/dev/null | tshark -r - 2>/dev/null | wc -l)
	wait $!
	[ "$n" = 3 ]
}

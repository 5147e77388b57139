# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel sees every frame of a software port too; it must answer none of them.

scenario_duplicates()
{
	local s1_told lan_told

	check "naved starts" hub_restart
	check "spokes are configured" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_reach # the first packet to a LAN host is spent on finding it
	s1_told=$(unreachables guest_run s1) lan_told=$(unreachables lan_run)
	check "ARP is answered once" guest_run s1 \
		"arping -c 5 -w 10 -I vec0 $hub_wan | grep -q '^Received 5 response(s)'"
	check "a ping of the WAN port is answered once" answered_once guest_run s1 \
		ping -n -c 20 -i 0.05 -w 10 $hub_wan
	check "so is one of the tunnel address" answered_once guest_run s1 \
		ping -n -c 20 -i 0.05 -w 10 $hub_tunnel
	check "and one of a LAN host" answered_once guest_run s1 \
		ping -n -c 20 -i 0.05 -w 10 -I $s1_lan $lan_host
	check "and one of the LAN port, from there" answered_once lan_run \
		ping -n -c 20 -i 0.05 -w 10 $hub_lan
	check "and one from the LAN to a spoke" answered_once lan_run \
		ping -n -c 20 -i 0.05 -w 10 $s2_lan
	check "nobody on the WAN was told that something is unreachable" test \
		"$(capture_count duplicates 'icmp[icmptype] == icmp-unreach')" = 0
	check "nor s1 in its tunnel" told_nothing "$s1_told" guest_run s1
	check "nor the LAN host" told_nothing "$lan_told" lan_run
}

unreachables() # RUNNER...: ICMP of that kind which the kernel there has got
{
	"$@" cat /proc/net/snmp | awk '$1 == "Icmp:" && !at { for (at = 1; $at != "InDestUnreachs"; at++); next }
		$1 == "Icmp:" { print $at }'
}

told_nothing() # COUNT-BEFORE RUNNER...
{
	local now
	now=$(unreachables "${@:2}")
	echo "$1 before, now $now"
	[ -n "$1" ] && [ "$now" = "$1" ]
}

# answered_once CMD...: a ping of 20 packets. It goes on until so many are answered (-w): of those
# that are sent one by one -c alone gives the last 50 ms. None missing, none twice: in their order.
answered_once()
{
	"$@" | tee /dev/stderr | awk 'sub(/.*icmp_seq=/, "") { right += $1 == ++answers }
		END { exit answers != 20 || right != 20 }'
}

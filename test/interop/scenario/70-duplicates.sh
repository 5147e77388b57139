# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel sees every frame of a software port too; it must answer none of them.

scenario_duplicates()
{
	check "naved starts" hub_restart
	check "spokes are configured" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_reach # the first packet to a LAN host is spent on finding it
	check "ARP is answered once" guest_run s1 \
		"arping -c 5 -w 10 -I vec0 $hub_wan | grep -q '^Received 5 response(s)'"
	check "a ping of the WAN port is answered once" answered_once guest_run s1 \
		ping -n -q -c 20 -i 0.05 -W 2 $hub_wan
	check "so is one of the tunnel address" answered_once guest_run s1 \
		ping -n -q -c 20 -i 0.05 -W 2 $hub_tunnel
	check "and one of a LAN host" answered_once guest_run s1 \
		ping -n -q -c 20 -i 0.05 -W 2 -I $s1_lan $lan_host
	check "and one of the LAN port, from there" answered_once lan_run \
		ping -n -q -c 20 -i 0.05 -W 2 $hub_lan
	check "and one from the LAN to a spoke" answered_once lan_run \
		ping -n -q -c 20 -i 0.05 -W 2 $s2_lan
	check "nobody was told that something is unreachable" test \
		"$(capture_count duplicates 'icmp[icmptype] == icmp-unreach')" = 0
}

answered_once() # CMD...: a ping of 20 packets
{
	"$@" | tee /dev/stderr | grep -q '^20 packets transmitted, 20 received, 0% packet loss'
}

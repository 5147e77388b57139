# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# A twin has the carrier of its port: FRR and the kernel on the hub host must see a cable pulled.

scenario_link()
{
	check "naved starts" hub_restart protection=none # nothing crosses the WAN here
	check_within 60 "the twin of the LAN port has a carrier" twin_state LOWER_UP
	ip -n "$ns_lan" link set lan0 down
	check_within 60 "the other end goes down: the twin has none" twin_state NO-CARRIER
	check_within 60 "show ports says so" lan_port_link down
	ip -n "$ns_lan" link set lan0 up
	ip -n "$ns_lan" route add default via $hub_lan # went with the link
	check_within 60 "up again: so is the twin" twin_state LOWER_UP
	check_within 60 "show ports says that, too" lan_port_link up
	check_within 60 "the hub host reaches the LAN" \
		ip netns exec "$ns_hub" ping -c 1 -W 2 $lan_host
}

twin_state() # FLAG
{
	ip -n "$ns_hub" link show dev lan0 | grep -qE "<.*\\b$1\\b.*>"
}

lan_port_link() # up|down
{
	json_holds ".[] | select(.port == \"lan0\") | .link == \"$1\"" hub_ctl show ports --json
}

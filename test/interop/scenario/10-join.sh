# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Spokes join, with and without protection, and go direct when the hub tells them to.

scenario_psk()
{
	check "naved starts" hub_restart
	check "spokes are configured: PSK, ESP transport" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_reach
	check_within 40 "the hub told s1 to go direct: shortcut to the network behind s2" shortcut_made
}

# The traffic that makes the hub send a redirect, and what must come of it
shortcut_made()
{
	spoke_ping s1 $s2_lan -I $s1_lan
	spoke_shortcut s1 10.1.2
}

scenario_clear()
{
	check "naved starts with an unprotected cloud" hub_restart protection=none
	check "spokes are configured without protection" spokes_configure protect=none
	check_forwarding s1
	check_forwarding s2
	check_reach
}

# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Ends that restart, and spokes that are refused.

scenario_restart()
{
	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	check "naved restarts" hub_restart
	check_within 90 "s1 comes back by itself" hub_spoke $s1_tunnel '.state == "forwarding"'
	check_within 30 "s1 reaches the hub's tunnel address again" spoke_ping s1 $hub_tunnel
}

scenario_wrong-psk()
{
	check "naved starts" hub_restart
	check "s1 is configured with another key" s1_configure psk=nonsense
	check_within 40 "navectl names the reason" hub_spokes \
		'[.[] | select(.nbma == "192.0.2.11" and .state == "down" and .reason == "psk_mismatch")] | length == 1'
	check "it names who claimed to be it" hub_spokes \
		'[.[] | select(.claimed_identity == "s1.example" and .identity == null)] | length == 1'
}

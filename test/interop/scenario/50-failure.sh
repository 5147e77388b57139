# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Ends that stop, die, or come back as another.

scenario_hub-restart()
{
	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	check "naved restarts after a goodbye" hub_restart
	check_back
	hub_stop KILL
	check "naved restarts after a kill" hub_restart
	check_back
}

check_back()
{
	check_within 90 "s1 comes back by itself" hub_spoke $s1_tunnel '.state == "forwarding"'
	check_within 90 "s1 reaches the hub's tunnel address again" spoke_ping s1 $hub_tunnel
	check_within 90 "LAN host reaches the network behind s1 again" lan_ping $s1_lan
}

# Deletes are what ends the SAs here: the spoke would notice by itself after ten minutes.
scenario_hub-stop()
{
	check "naved starts" hub_restart
	check "spokes are configured" spokes_configure dpd=600s
	check_forwarding s1
	check_forwarding s2
	check "naved stops with exit code 0" hub_stop
	check_within 60 "s1 has no IKE SA" spoke_alone s1
	check_within 60 "s2 has no IKE SA" spoke_alone s2
}

spoke_alone()
{
	guest_run "$1" "list=\$(swanctl --list-sas) && ! grep -q ESTABLISHED <<<\"\$list\" &&
		list=\$(ip xfrm state) && ! grep -q 'mode transport' <<<\"\$list\""
}

scenario_spoke-restart()
{
	local spi

	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	spi=$(hub_value $s1_tunnel spi_in)
	check "s1 dies without a word" spoke_crash s1
	check "the hub still has it" hub_spoke $s1_tunnel ".spi_in == \"$spi\""
	check "s1 starts again" s1_configure
	check_within 90 "it is forwarding by a new SA" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .spi_in != \"$spi\""
	check_within 90 "nothing is left of the old one" hub_spokes 'length == 1'
	check_within 90 "in IKE neither" hub_ike s1.example '.children | length == 1'
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check_within 90 "LAN host reaches the network behind s1" lan_ping $s1_lan
}

# A dynamic address: the spoke is somewhere else before the old session could end.
scenario_spoke-move()
{
	local other=192.0.2.21

	check "naved starts" hub_restart
	check "s1 is configured" s1_configure
	check_forwarding s1
	check "s1 loses its address" spoke_crash s1
	check "s1 comes with another address" s1_configure wan=$other/24
	check_within 90 "it is forwarding from there" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .nbma == \"$other\""
	check_within 90 "nothing is left of the old one" hub_spokes 'length == 1'
	check_within 90 "in IKE neither" hub_ike s1.example ".nbma == \"$other\""
	check "NHRP has the new address only" hub_registered_at $other
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check_within 90 "LAN host reaches the network behind s1" lan_ping $s1_lan
}

hub_registered_at() # NBMA-ADDRESS: of the only registration
{
	json_holds "length == 1 and .[0].nbma == \"$1\" and .[0].up" hub_ctl show nhrp --json
}

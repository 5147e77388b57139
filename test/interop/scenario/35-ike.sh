# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# IKE as strongSwan can be told to speak it: reauthentication, PPK, without a first child, without
# fragments of its own; and begun by the hub.

# s1 sets up the new SAs before it deletes the old ones, s2 (the default) after.
scenario_reauth()
{
	local old

	check "naved starts" hub_restart redirect=false
	check "spokes are configured" together "s1_configure 'charon=make_before_break = yes'" s2_configure
	check_forwarding s1
	check_forwarding s2
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check "a hundred packets a second begin" guest_run s1 bash /nave/traffic start $s1_lan $lan_host
	old=$(ike_spi s1)
	check "s1 authenticates anew" guest_run s1 swanctl --rekey --ike dmvpn --reauth
	check_within 60 "the hub has the new session only" hub_ike s1.example ".spi_i != \"$old\""
	check "every packet was answered" guest_run s1 bash /nave/traffic end
	check_forwarding s1
	old=$(ike_spi s2)
	check "s2 authenticates anew" guest_run s2 swanctl --rekey --ike dmvpn --reauth
	check_within 60 "the hub has the new session only" hub_ike s2.example ".spi_i != \"$old\""
	check_forwarding s2
	check_within 90 "s2 reaches s1 through the hub" spoke_ping s2 $s1_lan -I $s2_lan
}

ike_spi() # NAME: of its only IKE SA
{
	json_value "map(select(.identity == \"$1.example\")) | select(length == 1) | .[0].spi_i" \
		hub_ctl show ike --json
}

# Post-quantum preshared keys (RFC 8784).
scenario_ppk()
{
	local key='0123456789 of a key for s1 alone' old

	printf '%s\n' "$key" >"$lab_dir/ppk"
	chmod 600 "$lab_dir/ppk"
	check "naved starts, s1 has to bring its PPK" hub_restart redirect=false \
		"ppks={id: s1, identity: s1.example, required: true, key: \"file:$lab_dir/ppk\"}"
	check "s1 has it, s2 has none" together \
		"s1_configure 'ppk=$key' $'conn=ppk_id = s1\nppk_required = yes'" s2_configure
	check_forwarding s1
	check_forwarding s2
	check "it is mixed into the keys of s1" hub_ike s1.example '.ppk'
	check "not of s2" hub_ike s2.example '.ppk | not'
	old=$(ike_spi s1)
	check "s1 rekeys its IKE SA" guest_run s1 swanctl --rekey --ike dmvpn
	check_within 60 "it is in the new one, too" hub_ike s1.example ".spi_i != \"$old\" and .ppk"
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
	check "s1 forgets it" s1_configure
	check_within 90 "navectl names the reason" hub_spokes \
		'any(.[]; .reason == "ppk_required" and (.detail | contains("ppk_id")))'
}

# Without a child in IKE_AUTH (RFC 6023), and without RFC 7383, so that IP has to cut it in pieces.
scenario_ike-options()
{
	local spi

	check "naved starts with a certificate" hub_restart redirect=false \
		"profile=$(hub_pki 'identity: strict')"
	spoke_pki s1 spoke-rsa
	spoke_pki s2 spoke-p256
	check "spokes are configured: s1 without fragmentation, s2 childless" together \
		"s1_configure protect=cert cert=spoke-rsa id=branch7.example.org 'conn=fragmentation = no'" \
		"s2_configure protect=cert cert=spoke-p256 id=branch7@example.org 'conn=childless = force'"
	check_forwarding s1
	check_forwarding s2
	check "s1 has no fragments of IKE" hub_ike branch7.example.org '.fragmentation | not'
	check "what it sent came in pieces of IP" frames ike-options "src $s1_wan and ip[6:2] & 0x3fff != 0"
	check "s2 has them" hub_ike branch7@example.org '.fragmentation'
	check "its first child came by an exchange of its own" guest_run s2 \
		"grep -qE 'generating CREATE_CHILD_SA request .*TSi' /run/charon.log"
	spi=$(hub_value $s2_tunnel spi_in)
	check "s2 rekeys it" guest_run s2 swanctl --rekey --child gre
	check_within 60 "the hub has the new one only" hub_ike branch7@example.org \
		"(.children | length == 1) and .children[0].spi_in != \"$spi\""
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
}

frames() # NAME FILTER: at least one on the WAN
{
	local n
	n=$(capture_count "$@") && [ "$n" -gt 0 ]
}

# Nobody but the hub begins, in the mode of its profile: in the matrix it asks for transport.
scenario_initiate()
{
	check "naved starts, tunnel mode only" hub_restart redirect=false profile="mode: tunnel"
	check "spokes that wait are configured: strongSwan and libreswan" together \
		"s1_configure by=hub mode=tunnel" "s2_configure by=hub mode=tunnel peer=libreswan"
	check "nobody is there" hub_spokes 'length == 0'
	check "the hub begins with s1" hub_ctl initiate spoke $s1_wan
	check "and with s2" hub_ctl initiate spoke $s2_wan
	check_forwarding s1
	check_forwarding s2
	check "in tunnel mode" hub_ike s1.example '.role == "initiator" and .children[0].mode == "tunnel"'
	check "with s2, too" hub_ike s2.example '.role == "initiator" and .children[0].mode == "tunnel"'
	check "it does not begin twice" gives 1 hub_ctl initiate spoke s1.example
	check "its sessions end" hub_ctl clear ike s1.example
	check_within 30 "s1 is down" hub_spoke $s1_tunnel '.state == "down"'
	check "the hub begins again, by the spoke's tunnel address" hub_ctl initiate spoke $s1_tunnel
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
}

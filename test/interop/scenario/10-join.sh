# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Spokes join, as they are configured in the field, and reach what they should.

scenario_psk()
{
	check "naved starts" hub_restart
	check "spokes are configured: PSK, ESP transport" spokes_configure
	check_forwarding s1
	check_forwarding s2
	check_reach
}

scenario_clear()
{
	check "naved starts with an unprotected cloud" hub_restart protection=none
	check "spokes are configured without protection" spokes_configure protect=none
	check_forwarding s1
	check_forwarding s2
	check_reach
}

scenario_phase1()
{
	check "naved starts" hub_restart redirect=false
	check "spokes are configured: s1 point-to-point GRE, s2 mGRE" \
		together "s1_configure phase=1" s2_configure
	check "s1's tunnel has one end only" guest_run s1 \
		"ip -d link show gre1 | grep -q 'gre remote $hub_wan local $s1_wan'"
	check_within 90 "s1 is forwarding in navectl show spokes" \
		hub_spoke $s1_tunnel '.state == "forwarding" and .reason == null'
	# nhrpd takes no answer there: the kernel names no sender on a device with one end.
	check_within 90 "the hub's answer came out of s1's tunnel" guest_run s1 \
		"ip -s -j link show gre1 | grep -q '\"rx\":{\"bytes\":[1-9]'"
	check_forwarding s2
	check_reach
	check "s2 reaches s1 through the hub" spoke_ping s2 $s1_lan -I $s2_lan
}

# Two spokes at a time, each with a suite and mode of its own; the hub is between them.
scenario_suites()
{
	check "naved starts" hub_restart redirect=false
	suite_pair "transport aes256-sha512-modp2048 aes256-sha1 aes256-sha1" \
		"tunnel aes128gcm16-prfsha256-ecp256 aes128gcm16 aes128gcm16"
	suite_pair "tunnel aes256-sha256-modp2048 aes256-sha256 aes256-sha256" \
		"transport aes256-sha384-ecp384 aes256gcm16 aes256gcm16"
	suite_pair "transport aes128-sha256-curve25519 aes128-sha256-esn aes128-sha256-esn" \
		"tunnel aes128-sha1-modp2048 aes128-sha1 aes128-sha1"
}

suite_pair() # "MODE IKE ESP ESP-AS-THE-HUB-NAMES-IT" of s1 and of s2
{
	# shellcheck disable=SC2086
	set -- $1 $2
	echo "# s1 $1 $2 $3, s2 $5 $6 $7"
	check "spokes are configured" together "s1_configure mode=$1 ike=$2 esp=$3" \
		"s2_configure mode=$5 ike=$6 esp=$7"
	check_forwarding s1
	check_forwarding s2
	check_reach
	check "the hub names suite and mode of s1" hub_ike s1.example \
		".children | length == 1 and .[0].mode == \"$1\" and .[0].suite == \"$4\""
	check "the hub names suite and mode of s2" hub_ike s2.example \
		".children | length == 1 and .[0].mode == \"$5\" and .[0].suite == \"$8\""
	check "s1's kernel has the mode" guest_run s1 "ip xfrm state | grep -q 'mode $1'"
	check "s2's kernel has the mode" guest_run s2 "ip xfrm state | grep -q 'mode $5'"
}

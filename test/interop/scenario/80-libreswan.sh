# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# libreswan spokes: another IKE, another opinion of what the RFCs say.

# check_suites NAME IKE ESP MODE: both ends name what was agreed.
check_suites()
{
	check "the hub names suites and mode of $1: $2, $3, $4" hub_ike "$1.example" \
		".suite == \"$2\" and (.children | length == 1) and
		 .children[0].suite == \"$3\" and .children[0].mode == \"$4\""
	check "the spoke names the same suites" spoke_suites "$1" "$2" "$3"
}

spoke_suites() # NAME IKE ESP
{
	guest_run "$1" "bash /nave/spoke-ike suites | tee /dev/stderr | sort | tr '\n' ' ' |
		grep -qxF 'esp $3 ike $2 '"
}

scenario_libreswan()
{
	local packets=3000 round

	check "naved starts" hub_restart
	check "s1 is configured with libreswan: PSK, transport, AES-GCM" \
		s1_configure peer=libreswan
	check_forwarding s1
	check_suites s1 aes256-sha256-prfsha256-ecp256 aes128gcm16 transport
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check "a hundred packets a second begin" spoke_traffic s1 $s1_lan $lan_host $packets
	for round in 1 2; do
		check_new_child "the spoke rekeys the child SA" spoke_rekey s1 child
		check_new_ike "the spoke rekeys the IKE SA" spoke_rekey s1 ike
		check_new_both "the hub rekeys both" hub_ctl rekey spoke s1.example
	done
	check "traffic ran all the while" spoke_traffic_runs s1
	check "all $packets packets were answered" spoke_traffic_whole s1 $packets
	check_counter_zero drop_esp_spi drop_esp_auth drop_esp_replay drop_peer_down
	check "one IKE SA and one child SA are left" hub_ike s1.example '.children | length == 1'
	check "at the spoke too" guest_run s1 "ip xfrm state | grep -c ^src | grep -qx 2"
}

spoke_rekey() # NAME child|ike
{
	guest_run "$1" bash /nave/spoke-ike rekey "$2"
}

# Suites that Cisco spokes use, and PFS, which only a rekey shows.
scenario_libreswan-suites()
{
	local spi pfs=ecp256
	# libreswan 4 rekeys the child of IKE_AUTH with the IKE SA's group, whatever esp= says.
	[ "${NAVE_GUESTS:-bookworm}" = bookworm ] && pfs=modp2048

	check "naved starts" hub_restart redirect=false
	check "spokes are configured: CBC with SHA1, CBC with SHA2 in tunnel mode" together \
		"s1_configure peer=libreswan ike=aes256-sha512-modp2048 esp=aes256-sha1-ecp256" \
		"s2_configure peer=libreswan ike=aes128-sha256-ecp384 esp=aes256-sha256-ecp384 mode=tunnel"
	check_forwarding s1
	check_forwarding s2
	check_reach
	check_suites s1 aes256-sha512-prfsha512-modp2048 aes256-sha1 transport
	check_suites s2 aes128-sha256-prfsha256-ecp384 aes256-sha256 tunnel
	check_new_child "s1 rekeys its child SA" spoke_rekey s1 child
	check "with the group it wants, $pfs" hub_ike s1.example ".children[0].pfs == \"$pfs\""
	check "s2 rekeys its child SA" spoke_rekey s2 child
	check_within 90 "with another Diffie-Hellman" hub_ike s2.example \
		'.children | length == 1 and .[0].pfs == "ecp384"'
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
	spi=$(hub_value $s2_tunnel spi_in)
	check "naved rekeys both of s2" hub_ctl rekey spoke s2.example
	check_within 90 "with another Diffie-Hellman, too" hub_ike s2.example \
		".children | length == 1 and .[0].pfs == \"ecp384\" and .[0].spi_in != \"$spi\""
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
}

scenario_libreswan-restart()
{
	local spi

	check "naved starts" hub_restart
	check "s1 is configured with libreswan" s1_configure peer=libreswan
	check_forwarding s1
	check "s1 takes its connection down" guest_run s1 bash /nave/spoke-ike stop
	check_within 60 "the hub has no session of it" hub_spoke $s1_tunnel \
		'.state == "down" and .reason == "peer_deleted"'
	check "s1 takes it up again" guest_run s1 bash /nave/spoke-ike go
	check_forwarding s1
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan

	spi=$(hub_value $s1_tunnel spi_in)
	check "the hub clears s1" hub_ctl clear spoke s1.example
	check_within 90 "it comes back by itself" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .spi_in != \"$spi\""
	check "naved restarts after a goodbye" hub_restart
	check_back
	hub_stop KILL
	check "naved restarts after a kill" hub_restart
	check_back

	spi=$(hub_value $s1_tunnel spi_in)
	check "s1 dies without a word" spoke_crash s1
	check "s1 starts again" s1_configure peer=libreswan
	check_within 90 "it is forwarding by a new SA" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .spi_in != \"$spi\""
	check_within 90 "nothing is left of the old one" hub_ike s1.example '.children | length == 1'
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
}

# By certificate, and behind a NAT, where libreswan 4 speaks tunnel mode only: it refuses the outer
# address in the selectors of transport mode (RFC 7296, 2.23.1).
scenario_libreswan-cert()
{
	check "naved starts with a certificate" hub_restart \
		"profile=$(hub_pki "local_identity: hub.example.org, identity: strict, crls: [$lab_dir/root.crl, $lab_dir/sub.crl], crl: fail-closed")"
	guest_net s1 nat
	spoke_pki s1 spoke-rsa
	spoke_pki s2 spoke-p256
	check "spokes are configured with libreswan: RSA behind a NAT, ECDSA" together \
		"s1_configure peer=libreswan hub_id=hub.example.org protect=cert cert=spoke-rsa id=branch7.example.org \
			mode=tunnel wan=10.99.0.11/24 gw=10.99.0.1" \
		"s2_configure peer=libreswan hub_id=hub.example.org protect=cert cert=spoke-p256 id=branch7@example.org"
	check_forwarding s1
	check_forwarding s2
	check "s1 signed with RSA" hub_auth branch7.example.org rsa-pss-sha512
	check "s2 signed with ECDSA" hub_auth branch7@example.org ecdsa-sha512
	check "the hub knows that s1 is behind a NAT" hub_spoke $s1_tunnel \
		".nat and .nbma == \"$nat_wan\" and .nbma_claimed == \"10.99.0.11\""
	check_reach
}

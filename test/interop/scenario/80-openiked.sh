# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# OpenIKED spokes, as far as its Linux port goes (guest/ike-openiked): a third opinion of the RFCs.

scenario_openiked()
{
	local spi ike

	check "naved starts" hub_restart "profile=dpd_s: 5"
	check "spokes are configured with OpenIKED: transport with short lives, tunnel with PFS" together \
		"s1_configure peer=openiked ike=aes256-sha256-ecp256 esp=aes256-sha1 ike_rekey=25s esp_rekey=20s" \
		"s2_configure peer=openiked ike=aes256gcm16-prfsha384-ecp384 esp=aes256-sha512-ecp384 mode=tunnel"
	check_forwarding s1
	check_forwarding s2
	check_suites s1 aes256-sha256-prfsha256-ecp256 aes256-sha1 transport
	check_suites s2 aes256gcm16-prfsha384-ecp384 aes256-sha512 tunnel
	check_reach

	spi=$(s1_spi) ike=$(hub_ctl show ike --json | jq -r '.[] | select(.identity == "s1.example").spi_i')
	check "a hundred packets a second begin" guest_run s1 bash /nave/traffic start $s1_lan $lan_host
	check_within 90 "s1 rekeys its child SA before its life is over" s1_spi_is_not "$spi"
	check_within 90 "and its IKE SA" hub_ike s1.example ".spi_i != \"$ike\""
	check "every packet was answered" guest_run s1 bash /nave/traffic end
	check "they begin again" guest_run s1 bash /nave/traffic start $s1_lan $lan_host
	check_new_both "the hub rekeys both" hub_ctl rekey spoke s1.example
	check "every packet was answered" guest_run s1 bash /nave/traffic end
	check "the hub rekeys both of s2" hub_ctl rekey spoke s2.example
	check_within 90 "the child SA with another Diffie-Hellman" hub_ike s2.example \
		'.children | length == 1 and .[0].pfs == "ecp384"'
	check_within 90 "s2 names it, too" spoke_suites s2 aes256gcm16-prfsha384-ecp384 aes256-sha512-ecp384

	check "s2 takes its connection down" guest_run s2 bash /nave/spoke-ike stop
	check_within 60 "the hub has no session of it" hub_spoke $s2_tunnel \
		'.state == "down" and .reason == "peer_deleted"'
	check "s2 takes it up again" guest_run s2 bash /nave/spoke-ike go
	check_forwarding s2
	check "s1 dies without a word" spoke_crash s1
	check_within 90 "the hub notices (DPD)" hub_spoke $s1_tunnel \
		'.state == "down" and .reason == "peer_silent"'
	check "s1 starts again" s1_configure peer=openiked esp=aes256-sha1
	check_forwarding s1
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
}

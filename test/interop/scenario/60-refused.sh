# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Spokes that may not join: the operator can read why.

scenario_wrong-psk()
{
	check "naved starts" hub_restart
	check "s1 is configured with another key" s1_configure psk=nonsense
	check_within 90 "navectl names the reason and who claimed to be it" hub_refuses down \
		'.reason == "psk_mismatch" and .claimed_identity == "s1.example" and .identity == null'
	check "and what to do" hub_refuses down '.detail | contains("pre-shared-key")'
	check "the log names it" grep -q "ike $s1_wan claims identity s1.example: psk_mismatch" \
		"$lab_log/naved.log"
	check "s1 gets the right key" s1_configure
	check_forwarding s1
	check "the failure is forgotten" hub_spokes 'length == 1'
}

# hub_refuses STATE JQ-CONDITION: s1 has one line, which says that it came as far as this (a spoke
# that is refused its child SA only is in "ike"), and meets the condition.
hub_refuses()
{
	hub_spokes "map(select(.nbma == \"$s1_wan\")) |
		length == 1 and (.[0] | .state == \"$1\" and ($2))"
}

# A key for s1 says which tunnel addresses it may have; what a reload changes holds at once.
scenario_binding()
{
	check "naved starts" hub_restart
	hub_edit 's|{address: any,|{identity: "*.example", group: branches, overlay: [10.255.0.12],|'
	check "one key for all names that end in .example, for other tunnel addresses" hub_ctl reload
	check "s1 is configured" s1_configure
	check_within 90 "it is let in, its address is not, and show spokes says why" \
		hub_refuses child '.reason == "overlay_not_allowed" and .identity == "s1.example" and
			(.detail | (contains("10.255.0.11/32") and contains("10.255.0.12/32")))'
	check "the log names it" grep -q "spoke s1.example .*overlay_not_allowed: $s1_tunnel/32" \
		"$lab_log/naved.log"
	check "nothing is registered" hub_answers 'length == 0' show nhrp
	hub_edit 's|\[10.255.0.12\]|[10.255.0.8/29]|'
	check "the key allows its address from now on" hub_ctl reload
	check "and s1 stays" hub_refuses child '.identity == "s1.example"'
	check_forwarding s1
	check "it is found by its group" hub_answers \
		'map(.identity) == ["s1.example"]' show spokes group branches
	hub_edit 's|\[10.255.0.8/29\]|[10.255.0.12]|'
	check "the key no longer allows what s1 has registered" hub_ctl reload
	check "its session ends for that" wait_until 30 grep -q "identity s1.example: binding" \
		"$lab_log/naved.log"
	check_within 90 "it comes again, to the same refusal" hub_refuses child \
		'.reason == "overlay_not_allowed" and .identity == "s1.example"'
	check "nothing is registered any more" hub_answers 'length == 0' show nhrp
}

# A key and a certificate map name another profile than that of the address both spokes dial.
scenario_binding-profile()
{
	local spi s2=branch7@example.org

	check "naved starts" hub_restart redirect=false \
		"profile=$(hub_pki 'identity: strict, maps: [{name: some, match: ["O = Nave Test"]}]' any)"
	spoke_pki s2 spoke-p256
	check "spokes that have two suites are configured: s1 with a key, s2 with a certificate" together \
		"s1_configure esp=aes128gcm16,aes256-sha256" \
		"s2_configure protect=cert cert=spoke-p256 id=$s2 esp=aes128gcm16,aes256-sha256"
	check_forwarding s1
	check_forwarding s2
	check "s1's IPsec is by the profile of the address" hub_ipsec s1.example lab aes128gcm16
	check "s2's, too" hub_ipsec $s2 lab aes128gcm16

	hub_edit 's|{address: any,|{address: any, profile: vans,|; s|"O = Nave Test".|&, profile: vans|'
	check "a profile that is not there is refused by name" refused_with 'found "vans"; allowed: .*lab' reload
	hub_edit 's|^secrets:|  - {name: vans, esp_proposals: [aes256-sha256], dpd_s: 5}\n&|'
	check "key and map name another profile" hub_ctl reload
	check "s1 stays as it is, the other profile applies" hub_ipsec s1.example vans aes128gcm16
	check_new_child "the hub rekeys s1" hub_ctl rekey spoke s1.example
	check_within 60 "by what applies" hub_ipsec s1.example vans aes256-sha256
	check_within 60 "s1 says the same" guest_run s1 "bash /nave/spoke-ike suites | grep -qx 'esp aes256-sha256'"
	spi=$(hub_value $s2_tunnel spi_in)
	check "s2 has to come anew" hub_ctl clear spoke $s2
	check_within 90 "it is back" hub_spoke $s2_tunnel \
		".state == \"forwarding\" and .spi_in != \"$spi\""
	check "its first child is by what applies" hub_ipsec $s2 vans aes256-sha256
	check "s2 says the same" guest_run s2 "bash /nave/spoke-ike suites | grep -qx 'esp aes256-sha256'"
	check_reach
	check "s1 gives up the suite" s1_configure esp=aes128gcm16
	check_within 90 "it is told which profile that is against" hub_refuses ike \
		'.reason == "esp_no_proposal_chosen" and
			(.detail | test("by profile vans.*offered .*aes128gcm16.*would match .*aes256-sha256"))'
}

# hub_ipsec IDENTITY PROFILE SUITE: both spokes dialled lab; this profile applies, this is in use.
hub_ipsec()
{
	hub_ike "$1" ".profile == \"lab\" and .ipsec_profile == \"$2\" and
		(.children | length == 1) and .children[0].suite == \"$3\""
}

scenario_no-proposal()
{
	check "naved starts" hub_restart profile="proposals: [aes256-sha256-ecp256], esp_proposals: [aes128gcm16]"
	check "s1 offers an IKE suite the hub does not take" s1_configure ike=aes128-sha1-modp2048
	check_within 90 "navectl shows what was offered and what would match" hub_refuses down \
		'.reason == "no_proposal_chosen" and (.detail | test("offered .*aes128-sha1.*would match .*aes256-sha256"; "i"))'
	check "s1 offers an ESP suite the hub does not take" s1_configure esp=aes256-sha1
	check_within 90 "navectl shows what was offered and what would match" hub_refuses ike \
		'.reason == "esp_no_proposal_chosen" and .identity == "s1.example" and
			(.detail | test("offered .*aes256-sha1.*would match .*aes128gcm16"; "i"))'
	check "s1 offers what the hub takes" s1_configure
	check_forwarding s1
	check "the failure is forgotten" hub_spokes 'all(.state != "down")'
}

# What only legacy: true allows: refused without it, with the lines to change on the spoke; taken
# with it, last.
scenario_legacy()
{
	check "naved starts without legacy" hub_restart
	check "s1's IKE offers nothing else" s1_configure ike=3des-sha1-modp1024
	check_within 90 "navectl says so, and what to change" hub_refuses down \
		'.reason == "legacy_only" and (.detail |
			(contains("3des-sha1") and contains("aes-cbc-256") and contains("legacy: true")))'
	check "s1's ESP offers nothing else" s1_configure esp=3des-md5
	check_within 90 "navectl says so, and what to change" hub_refuses ike \
		'.reason == "esp_legacy_only" and .identity == "s1.example" and
			(.detail | (contains("3des-md5") and contains("esp-sha256-hmac")))'

	check "naved starts with legacy" hub_restart redirect=false profile="legacy: true"
	check "and warns" grep -q "legacy: 3des, md5, modp1536 and modp1024 can be broken" \
		"$lab_log/naved.log"
	suite_pair "transport 3des-sha1-modp1024 3des-md5 3des-md5" \
		"tunnel 3des-md5-modp1536 aes128-md5 aes128-md5"
	suite_pair "tunnel 3des-md5-modp1024,aes128-sha1-modp2048 3des-md5,aes128-sha1 aes128-sha1" \
		"transport aes256-sha256-modp1536 3des-sha1-esn 3des-sha1-esn"
	check "of two IKE suites s1's better one was taken" hub_ike s1.example \
		'.suite == "aes128-sha1-prfsha1-modp2048"'
	check "s2 had none" hub_ike s2.example '.suite == "aes256-sha256-prfsha256-modp1536"'
}

scenario_clear-spoke()
{
	local spi

	check "naved starts" hub_restart
	check "s1 is configured" s1_configure dpd=600s
	check_forwarding s1
	spi=$(hub_value $s1_tunnel spi_in)
	check "navectl clears it" hub_ctl clear spoke s1.example
	check_within 90 "it is back by a new SA" hub_spoke $s1_tunnel \
		".state == \"forwarding\" and .spi_in != \"$spi\""
	check "nothing is left of the old one" hub_spokes 'length == 1'
	check_within 90 "s1 reaches the LAN" spoke_ping s1 $lan_host -I $s1_lan
	check "a spoke that is not there is refused" gives 1 hub_ctl clear spoke 10.255.0.99
}

# s2 has no IPsec at all and dials a cloud that demands it.
scenario_clear-gre()
{
	check "naved starts" hub_restart
	check "spokes are configured, s2 without protection" \
		together s1_configure "s2_configure protect=none"
	check_forwarding s1
	check_within 90 "clear GRE of s2 is counted" clear_gre_counted
	check "s1 does not reach s2" gives 1 spoke_ping s1 $s2_tunnel
	check "s2 does not reach the hub" gives 1 spoke_ping s2 $hub_tunnel
	check "s2 is not registered" hub_spokes "all(.nbma != \"$s2_wan\")"
	check_within 90 "every clear packet was counted" clear_gre_all_counted
	check "the hub never sent s2 an IP packet" test \
		"$(capture_count clear-gre "ip and src $hub_wan and dst $s2_wan")" = 0
}

clear_gre_counted()
{
	[ "$(hub_counter drop_clear_gre)" -ge 2 ]
}

clear_gre_all_counted()
{
	local sent counted
	sent=$(capture_count clear-gre "proto 47 and src $s2_wan and dst $hub_wan")
	counted=$(hub_counter drop_clear_gre)
	echo "$sent sent, $counted counted"
	[ "$sent" -gt 0 ] && [ "$sent" = "$counted" ]
}

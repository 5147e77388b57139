# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Spokes that prove themselves by certificate: strongSwan with RSA and ECDSA, with RFC 7427 and
# without.

# hub_auth IDENTITY AUTH: how that spoke proved itself
hub_auth()
{
	json_holds "[.[] | select(.state == \"up\" and .identity == \"$1\" and .auth == \"$2\")] | length > 0" \
		hub_ctl show ike --json
}

two_certs() # KEY=VALUE...: of both spokes
{
	spoke_pki s1 spoke-rsa
	spoke_pki s2 spoke-p256
	together "s1_configure protect=cert cert=spoke-rsa id=branch7.example.org $*" \
		"s2_configure protect=cert cert=spoke-p256 id=branch7@example.org $*"
}

scenario_cert()
{
	check "naved starts with a certificate" hub_restart \
		"profile=$(hub_pki "identity: strict, crls: [$lab_dir/root.crl, $lab_dir/sub.crl], crl: fail-closed")"
	check "spokes are configured: RSA and ECDSA certificates" two_certs
	check_forwarding s1
	check_forwarding s2
	check "s1 signed with RSA (RFC 7427)" hub_auth branch7.example.org rsa-pkcs1-sha256
	check "s2 signed with ECDSA (RFC 7427)" hub_auth branch7@example.org ecdsa-sha256
	check_reach
}

scenario_cert-classic()
{
	check "naved starts, SHA-1 welcome" hub_restart "profile=$(hub_pki 'sha1_signatures: true')"
	check "spokes are configured without RFC 7427" two_certs sigauth=no
	check_forwarding s1
	check_forwarding s2
	check "s1 signed by method 1" hub_auth branch7.example.org 'rsa-pkcs1-sha1 (method 1)'
	check "s2 signed by method 9" hub_auth branch7@example.org 'ecdsa-sha256 (method 9)'
	check_within 90 "s1 reaches s2 through the hub" spoke_ping s1 $s2_lan -I $s1_lan
}

# A list that naved fetches itself, from the LAN: without it nobody comes in, and its copy counts
# after a restart while the server is away.
scenario_cert-crl-http()
{
	local keys="crls: [$lab_dir/sub.crl], crl_urls: [\"http://$lan_host:8080/root.crl\"]"
	local www=$lab_dir/www

	rm -f "$lab_dir"/lab-*.crl
	check "naved starts, the server is away" hub_restart \
		"profile=$(hub_pki "identity: strict, $keys, crl: fail-closed")"
	spoke_pki s1 spoke-rsa
	check "s1 is configured" s1_configure protect=cert cert=spoke-rsa id=branch7.example.org
	check_within 90 "it does not come in without a CRL of the root" hub_spokes \
		'any(.nbma == "192.0.2.11" and .reason == "crl_unavailable")'
	check "navectl says why there is none" hub_crl http \
		'.state == "missing" and .failures > 0 and (.reason | contains("port 8080"))'
	mkdir -p "$www"
	cp "$vectors/root.crl" "$www"
	ip netns exec "$ns_lan" python3 -m http.server 8080 --bind $lan_host --directory "$www" \
		>"$lab_log/http.log" 2>&1 8>&- &
	echo $! >"$lab_dir/http.pid"
	check_within 150 "it is fetched" hub_crl http '.state == "in-force" and .reason == null'
	check_forwarding s1
	kill "$(cat "$lab_dir/http.pid")"
	check "naved starts anew, the server is away again" hub_restart \
		"profile=$(hub_pki "identity: strict, $keys, crl: fail-closed")"
	check_forwarding s1
	check_within 30 "by the copy that is left" hub_crl http \
		'.state == "in-force" and .failures > 0 and .fetched_ago_s == null'
}

hub_crl() # START-OF-SOURCE JQ-CONDITION: that one list meets it
{
	json_holds "[.[] | select(.source | startswith(\"$1\"))] | length == 1 and (.[0] | $2)" \
		hub_ctl show crls --json >/dev/null
}

# One that is expired, and one whose CRL changes while it is up.
scenario_cert-refused()
{
	local profile
	profile=$(hub_pki "crls: [$lab_dir/sub.crl], crl: fail-open")
	cp "$vectors/root.crl" "$lab_dir/sub.crl" # nothing of sub is revoked yet
	check "naved starts" hub_restart "profile=$profile"
	spoke_pki s1 expired
	spoke_pki s2 revoked
	check "s1 is configured with an expired certificate" \
		s1_configure protect=cert cert=expired id=branch7.example.org
	check "s2 is configured with one that will be revoked" \
		s2_configure protect=cert cert=revoked id=branch7@example.org
	check_within 90 "navectl says that it expired, and when" hub_spokes \
		'[.[] | select(.nbma == "192.0.2.11" and .reason == "cert_expired"
			and (.detail | test("expired 2021-01-01")))] | length == 1'
	check_forwarding s2
	cp "$vectors/sub.crl" "$lab_dir/sub.crl"
	check_within 90 "a CRL that names s2 ends its session" hub_spokes \
		'[.[] | select(.identity == "branch7@example.org" and .state == "down"
			and .reason == "cert_revoked")] | length == 1'
	check_within 90 "and it does not come back" hub_spokes \
		'[.[] | select(.claimed_identity == "branch7@example.org" and .state == "down"
			and .reason == "cert_revoked")] | length == 1'
}

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_VERDICT_H
#define DATAPLANE_VERDICT_H

/**
 * The one list of verdicts. Every packet ends in exactly one of them; each is an
 * enumerator, a per-worker counter and a metric at once. Text is for operators:
 * what happened and what to look at.
 */
#define VERDICTS(V)                                                                                \
	V(PASS, "pass", "not finished: never counted")                                             \
	/* ends of the way */                                                                      \
	V(TX, "tx", "sent on a port")                                                              \
	V(REPLICATED, "replicated", "multicast original, after its copies were queued")            \
	V(FRAGMENTED, "fragmented", "packet replaced by its fragments")                            \
	V(REASSEMBLED, "reassembled", "outer fragment, put together with others to one packet")    \
	/* to the control core */                                                                  \
	V(PUNT_IKE, "punt_ike", "IKE datagram, to the IKEv2 engine")                               \
	V(PUNT_NHRP, "punt_nhrp", "NHRP packet, to the NHRP engine")                               \
	V(PUNT_ARP, "punt_arp", "ARP frame, to the kernel")                                        \
	V(PUNT_LOCAL, "punt_local", "packet to an address of ours on a port, to the kernel")       \
	V(PUNT_TOO_BIG, "punt_too_big",                                                            \
		"ICMP too big about ESP of ours, to who judges it: see pmtu_*")                    \
	V(PUNT_INNER, "punt_inner", "packet from a cloud to an address of ours, to the kernel")    \
	V(PUNT_MULTICAST, "punt_multicast", "link-local multicast, to the kernel")                 \
	/* refused before decryption */                                                            \
	V(DROP_ETHER_TYPE, "drop_ether_type", "neither IPv4, IPv6 nor ARP")                        \
	V(DROP_VLAN, "drop_vlan", "frame of a VLAN that no port has")                              \
	V(DROP_NOT_FOR_US, "drop_not_for_us", "frame to another MAC address")                      \
	V(DROP_IP_SHORT, "drop_ip_short", "IP header or length does not fit the frame")            \
	V(DROP_IP_HEADER, "drop_ip_header",                                                        \
		"bad IP version, header length, checksum or addresses")                            \
	V(DROP_IP_OPTIONS, "drop_ip_options",                                                      \
		"IP options of a frame are cut short or a source route")                           \
	V(DROP_WAN_TRANSIT, "drop_wan_transit",                                                    \
		"not for us on a wan port: no transit outside tunnels")                            \
	V(DROP_WAN_REFUSED, "drop_wan_refused",                                                    \
		"a wan port takes only IKE, ESP, GRE, ICMP and ARP")                               \
	V(DROP_OUTER_IPV6, "drop_outer_ipv6", "IPv6 transport is not configured")                  \
	V(DROP_REASSEMBLY, "drop_reassembly", "outer fragments: overlap, limit or time-out")       \
	V(DROP_REASSEMBLY_SHARE, "drop_reassembly_share",                                          \
		"outer fragment refused: too many of its sender wait for the rest")                \
	V(DROP_NATT_KEEPALIVE, "drop_natt_keepalive", "NAT keep-alive: taken, nothing to do")      \
	V(DROP_CLEAR_GRE, "drop_clear_gre",                                                        \
		"clear GRE for a protected cloud: spoke has no IPsec up")                          \
	V(DROP_CLOUD, "drop_cloud", "GRE for no cloud of ours: check source address and key")      \
	/* ESP in */                                                                               \
	V(DROP_ESP_SHORT, "drop_esp_short", "ESP shorter than its suite's smallest packet")        \
	V(DROP_ESP_SPI, "drop_esp_spi",                                                            \
		"ESP for an SA we do not have: peer missed a delete or restart")                   \
	V(DROP_ESP_EARLY, "drop_esp_early",                                                        \
		"ESP ahead of its SA's keys: too many came, or waited too long")                   \
	V(DROP_ESP_REPLAY, "drop_esp_replay",                                                      \
		"sequence number seen before or older than the window")                            \
	V(DROP_ESP_AUTH, "drop_esp_auth", "ESP integrity check failed")                            \
	V(DROP_ESP_FORMAT, "drop_esp_format",                                                      \
		"decrypted padding, next header or selectors are wrong")                           \
	V(DROP_ESP_DUMMY, "drop_esp_dummy", "traffic flow confidentiality dummy packet")           \
	V(DROP_HANDOVER_FULL, "drop_handover_full",                                                \
		"ring to another worker is full: workers are overloaded")                          \
	/* GRE and inner */                                                                        \
	V(DROP_GRE_SHORT, "drop_gre_short", "GRE header cut short")                                \
	V(DROP_GRE_UNSUPPORTED, "drop_gre_unsupported",                                            \
		"GRE version, checksum, routing or sequence bits")                                 \
	V(DROP_GRE_KEY, "drop_gre_key", "GRE key is not the cloud's")                              \
	V(DROP_GRE_PROTO, "drop_gre_proto", "GRE payload that is neither IP nor NHRP")             \
	V(DROP_INNER_SHORT, "drop_inner_short", "inner packet cut short")                          \
	V(DROP_INNER_HEADER, "drop_inner_header", "inner IP version, length or checksum is wrong") \
	V(DROP_INNER_OPTIONS, "drop_inner_options",                                                \
		"IP options of an inner packet are cut short or a source route")                   \
	V(DROP_INNER_SOURCE, "drop_inner_source",                                                  \
		"inner source is multicast, broadcast, loopback or ours")                          \
	V(DROP_SPOOF, "drop_spoof", "inner source is not registered by or routed to this spoke")   \
	V(DROP_NO_PEER_IN, "drop_no_peer_in",                                                      \
		"GRE from a spoke that is not registered in this cloud")                           \
	V(DROP_ECN, "drop_ecn", "congestion mark on a packet that cannot carry it (RFC 6040)")     \
	V(DROP_TTL, "drop_ttl", "TTL expired here")                                                \
	V(DROP_NO_ROUTE, "drop_no_route", "no route to the inner destination")                     \
	V(DROP_NO_BINDING, "drop_no_binding", "overlay next hop has no NHRP registration")         \
	V(DROP_NEIGH, "drop_neigh", "neighbour not resolved yet: asked the kernel")                \
	V(DROP_WAN_CLEAR, "drop_wan_clear", "inner packet would leave a wan port in clear")        \
	V(DROP_MTU, "drop_mtu", "too big for the tunnel and DF set")                               \
	V(DROP_MULTICAST, "drop_multicast", "multicast that is not for this cloud or its peers")   \
	V(DROP_REPLICATION, "drop_replication", "multicast: too many packets wait to be copied")   \
	V(DROP_LINK_SCOPE, "drop_link_scope",                                                      \
		"link-local or broadcast destination is not forwarded")                            \
	V(DROP_INNER_IPV6, "drop_inner_ipv6", "IPv6 inside the cloud is not configured")           \
	/* out */                                                                                  \
	V(DROP_PEER_DOWN, "drop_peer_down", "peer has no outbound SA: fail closed")                \
	V(DROP_CIPHER, "drop_cipher", "the cipher library refused a packet to seal: report it")    \
	V(DROP_SEQ_END, "drop_seq_end", "outbound sequence numbers used up")                       \
	V(DROP_OUTER_MTU, "drop_outer_mtu",                                                        \
		"too big for the port with its outer headers: lower the cloud's mtu")              \
	V(DROP_UPLINK, "drop_uplink", "no resolved uplink towards the peer's NBMA address")        \
	V(DROP_HEADROOM, "drop_headroom", "no room in the buffer for the outer headers")           \
	V(DROP_TX_FULL, "drop_tx_full", "port's transmit queue is full")                           \
	V(DROP_PUNT_RATE, "drop_punt_rate", "punt refused: budget of its kind is used up")         \
	V(DROP_PUNT_SHARE, "drop_punt_share",                                                      \
		"punt refused: this spoke or sender used up its part of the budget")               \
	V(DROP_PUNT_FULL, "drop_punt_full", "ring to the control core is full")                    \
	V(DROP_NO_MBUF, "drop_no_mbuf", "no packet buffer for a copy")

enum verdict {
#define V(name, text, help) VERDICT_##name,
	VERDICTS(V)
#undef V
		VERDICT_COUNT,
};

#endif

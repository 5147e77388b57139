/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/schema.h"

#include <string.h>

#include "config/config.h"
#include "config/identity.h"
#include "config/pki.h"

#define NEED   CYAML_FLAG_DEFAULT
#define OPT    CYAML_FLAG_OPTIONAL
#define LIST   CYAML_FLAG_POINTER
#define CHOICE (CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT)
#define ANY    CYAML_UNLIMITED
#define TEXT(key_, flags, type, member)                                                            \
	CYAML_FIELD_STRING_PTR(key_, CYAML_FLAG_POINTER | (flags), type, member, 0, ANY)
#define PICK(key_, flags, type, member, from)                                                      \
	CYAML_FIELD_ENUM(key_, flags, type, member, from, CYAML_ARRAY_LEN(from))

/* What those may be in here whom this key or map lets in. */
#define BINDING(type)                                                                              \
	TEXT("group", OPT, type, binding.group), TEXT("cloud", OPT, type, binding.cloud),          \
		TEXT("profile", OPT, type, binding.profile),                                       \
		CYAML_FIELD_SEQUENCE("overlay", LIST | OPT, type, binding.overlay, &text_entry, 1, \
			CONFIG_ADDRESSES)

static const cyaml_strval_t idle_names[] = {
	{ "auto", IDLE_AUTO },
	{ "poll", IDLE_POLL },
	{ "adaptive", IDLE_ADAPTIVE },
};
static const cyaml_strval_t role_names[] = {
	{ "wan", PORT_WAN },
	{ "lan", PORT_LAN },
};
static const cyaml_strval_t spoof_names[] = {
	{ "strict", SPOOF_STRICT },
	{ "loose", SPOOF_LOOSE },
	{ "off", SPOOF_OFF },
};
static const cyaml_strval_t df_names[] = {
	{ "clear", DF_CLEAR },
	{ "copy", DF_COPY },
	{ "set", DF_SET },
};
static const cyaml_strval_t unique_names[] = {
	{ "same-identity", UNIQUE_SAME_IDENTITY },
	{ "honour", UNIQUE_HONOUR },
	{ "replace", UNIQUE_REPLACE },
};
static const cyaml_strval_t accept_names[] = {
	{ "any", ACCEPT_ANY },
	{ "psk", ACCEPT_PSK },
	{ "certificate", ACCEPT_CERTIFICATE },
};
static const cyaml_strval_t crl_names[] = {
	{ "off", CERT_CRL_OFF },
	{ "fail-open", CERT_CRL_FAIL_OPEN },
	{ "fail-closed", CERT_CRL_FAIL_CLOSED },
};
static const cyaml_strval_t identity_names[] = {
	{ "certificate", ID_RULE_CERTIFICATE },
	{ "strict", ID_RULE_STRICT },
};
static const cyaml_strval_t pfs_names[] = {
	{ "peer", PFS_PEER },
	{ "require", PFS_REQUIRE },
	{ "off", PFS_OFF },
};
static const cyaml_strval_t mode_names[] = {
	{ "any", MODE_ANY },
	{ "transport", MODE_TRANSPORT },
	{ "tunnel", MODE_TUNNEL },
};
static const cyaml_strval_t level_names[] = {
	{ "error", 3 },
	{ "warning", 4 },
	{ "notice", 5 },
	{ "info", 6 },
	{ "debug", 7 },
};

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, ANY),
};

static const cyaml_schema_field_t system_fields[] = {
	TEXT("workers", OPT, struct raw_system, workers),
	TEXT("cores", OPT, struct raw_system, cores),
	CYAML_FIELD_BOOL_PTR("hugepages", OPT, struct raw_system, hugepages),
	CYAML_FIELD_UINT_PTR("memory_mb", OPT, struct raw_system, memory_mb),
	CYAML_FIELD_UINT_PTR("max_spokes", OPT, struct raw_system, max_spokes),
	CYAML_FIELD_UINT_PTR("crypto_threads", OPT, struct raw_system, crypto_threads),
	PICK("idle", CHOICE, struct raw_system, idle, idle_names),
	TEXT("state_directory", OPT, struct raw_system, state_directory),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t port_fields[] = {
	TEXT("name", NEED, struct raw_port, name),
	TEXT("device", OPT, struct raw_port, device),
	TEXT("parent", OPT, struct raw_port, parent),
	CYAML_FIELD_UINT_PTR("vlan", OPT, struct raw_port, vlan),
	PICK("role", CYAML_FLAG_STRICT, struct raw_port, role, role_names),
	CYAML_FIELD_UINT_PTR("mtu", OPT, struct raw_port, mtu),
	CYAML_FIELD_SEQUENCE("addresses", LIST | OPT, struct raw_port, addresses, &text_entry, 0,
		CONFIG_ADDRESSES),
	TEXT("gateway", OPT, struct raw_port, gateway),
	CYAML_FIELD_BOOL_PTR("internet_exit", OPT, struct raw_port, internet_exit),
	TEXT("vrf", OPT, struct raw_port, vrf),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t port_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_port, port_fields),
};

static const cyaml_schema_field_t nhrp_fields[] = {
	CYAML_FIELD_UINT("network_id", NEED, struct raw_nhrp, network_id),
	TEXT("authentication", OPT, struct raw_nhrp, authentication),
	CYAML_FIELD_UINT_PTR("holdtime_s", OPT, struct raw_nhrp, holdtime_s),
	CYAML_FIELD_UINT_PTR("holdtime_min_s", OPT, struct raw_nhrp, holdtime_min_s),
	CYAML_FIELD_UINT_PTR("holdtime_max_s", OPT, struct raw_nhrp, holdtime_max_s),
	CYAML_FIELD_BOOL_PTR("redirect", OPT, struct raw_nhrp, redirect),
	CYAML_FIELD_BOOL_PTR("answer_from_cache", OPT, struct raw_nhrp, answer_from_cache),
	PICK("unique", CHOICE, struct raw_nhrp, unique, unique_names),
	CYAML_FIELD_UINT_PTR("max_prefix_bits_v4", OPT, struct raw_nhrp, max_prefix_bits_v4),
	CYAML_FIELD_UINT_PTR("max_prefix_bits_v6", OPT, struct raw_nhrp, max_prefix_bits_v6),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t cloud_fields[] = {
	TEXT("name", NEED, struct raw_cloud, name),
	CYAML_FIELD_SEQUENCE(
		"addresses", LIST, struct raw_cloud, addresses, &text_entry, 1, CONFIG_ADDRESSES),
	TEXT("source", NEED, struct raw_cloud, source),
	CYAML_FIELD_UINT_PTR("key", OPT, struct raw_cloud, key),
	CYAML_FIELD_UINT_PTR("mtu", OPT, struct raw_cloud, mtu),
	TEXT("tcp_mss", OPT, struct raw_cloud, tcp_mss),
	PICK("anti_spoof", CHOICE, struct raw_cloud, anti_spoof, spoof_names),
	PICK("df", CHOICE, struct raw_cloud, df, df_names),
	TEXT("protection", NEED, struct raw_cloud, protection),
	TEXT("vrf", OPT, struct raw_cloud, vrf),
	CYAML_FIELD_MAPPING_PTR("nhrp", NEED, struct raw_cloud, nhrp, nhrp_fields),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t cloud_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_cloud, cloud_fields),
};

static const cyaml_schema_field_t cert_map_fields[] = {
	TEXT("name", NEED, struct raw_cert_map, name),
	CYAML_FIELD_SEQUENCE(
		"match", LIST, struct raw_cert_map, match, &text_entry, 1, PKI_MATCHES),
	BINDING(struct raw_cert_map),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t cert_map_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_cert_map, cert_map_fields),
};

static const cyaml_schema_field_t profile_fields[] = {
	TEXT("name", NEED, struct raw_profile, name),
	PICK("accept", CHOICE, struct raw_profile, accept, accept_names),
	TEXT("certificate", OPT, struct raw_profile, certificate),
	TEXT("private_key", OPT, struct raw_profile, private_key),
	CYAML_FIELD_BOOL_PTR("send_chain", OPT, struct raw_profile, send_chain),
	CYAML_FIELD_SEQUENCE(
		"trust", LIST | OPT, struct raw_profile, trust, &text_entry, 1, PKI_FILES),
	CYAML_FIELD_SEQUENCE(
		"crls", LIST | OPT, struct raw_profile, crls, &text_entry, 1, PKI_FILES),
	CYAML_FIELD_SEQUENCE(
		"crl_urls", LIST | OPT, struct raw_profile, crl_urls, &text_entry, 1, PKI_FILES),
	CYAML_FIELD_BOOL_PTR("crl_fetch", OPT, struct raw_profile, crl_fetch),
	CYAML_FIELD_ENUM_PTR(
		"crl", CHOICE, struct raw_profile, crl, crl_names, CYAML_ARRAY_LEN(crl_names)),
	PICK("identity", CHOICE, struct raw_profile, identity, identity_names),
	CYAML_FIELD_BOOL_PTR("sha1_signatures", OPT, struct raw_profile, sha1_signatures),
	CYAML_FIELD_SEQUENCE(
		"maps", LIST | OPT, struct raw_profile, maps, &cert_map_entry, 1, PKI_MAPS),
	TEXT("local_identity", OPT, struct raw_profile, local_identity),
	CYAML_FIELD_SEQUENCE(
		"proposals", LIST | OPT, struct raw_profile, proposals, &text_entry, 1, 32),
	CYAML_FIELD_SEQUENCE(
		"esp_proposals", LIST | OPT, struct raw_profile, esp_proposals, &text_entry, 1, 32),
	PICK("mode", CHOICE, struct raw_profile, mode, mode_names),
	PICK("pfs", CHOICE, struct raw_profile, pfs, pfs_names),
	CYAML_FIELD_UINT_PTR("replay_window", OPT, struct raw_profile, replay_window),
	CYAML_FIELD_UINT_PTR("dpd_s", OPT, struct raw_profile, dpd_s),
	CYAML_FIELD_UINT_PTR("ike_lifetime_s", OPT, struct raw_profile, ike_lifetime_s),
	CYAML_FIELD_UINT_PTR("esp_lifetime_s", OPT, struct raw_profile, esp_lifetime_s),
	CYAML_FIELD_UINT_PTR("esp_lifetime_mb", OPT, struct raw_profile, esp_lifetime_mb),
	CYAML_FIELD_UINT_PTR("esp_lifetime_packets", OPT, struct raw_profile, esp_lifetime_packets),
	CYAML_FIELD_UINT_PTR("max_children", OPT, struct raw_profile, max_children),
	CYAML_FIELD_BOOL_PTR("legacy", OPT, struct raw_profile, legacy),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t profile_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_profile, profile_fields),
};

static const cyaml_schema_field_t psk_fields[] = {
	TEXT("identity", OPT, struct raw_psk, identity),
	CYAML_FIELD_SEQUENCE("identities", LIST | OPT, struct raw_psk, identities, &text_entry, 1,
		CONFIG_IDENTITIES),
	TEXT("address", OPT, struct raw_psk, address),
	BINDING(struct raw_psk),
	TEXT("key", NEED, struct raw_psk, key),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t psk_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_psk, psk_fields),
};

static const cyaml_schema_field_t ppk_fields[] = {
	TEXT("id", NEED, struct raw_ppk, id),
	TEXT("identity", OPT, struct raw_ppk, identity),
	CYAML_FIELD_BOOL_PTR("required", OPT, struct raw_ppk, required),
	TEXT("key", NEED, struct raw_ppk, key),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t ppk_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_ppk, ppk_fields),
};

static const cyaml_schema_field_t management_fields[] = {
	TEXT("socket", OPT, struct raw_management, socket),
	TEXT("group", OPT, struct raw_management, group),
	CYAML_FIELD_ENUM_PTR("log_level", CHOICE, struct raw_management, log_level, level_names,
		CYAML_ARRAY_LEN(level_names)),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
	CYAML_FIELD_MAPPING_PTR("system", OPT, struct raw_config, system, system_fields),
	CYAML_FIELD_SEQUENCE("ports", LIST, struct raw_config, ports, &port_entry, 1, 32),
	CYAML_FIELD_SEQUENCE("clouds", LIST, struct raw_config, clouds, &cloud_entry, 1, 256),
	CYAML_FIELD_SEQUENCE("ike", LIST | OPT, struct raw_config, ike, &profile_entry, 0, 64),
	CYAML_FIELD_SEQUENCE(
		"secrets", LIST | OPT, struct raw_config, secrets, &psk_entry, 0, 100000),
	CYAML_FIELD_SEQUENCE("ppks", LIST | OPT, struct raw_config, ppks, &ppk_entry, 0, 100000),
	CYAML_FIELD_MAPPING_PTR(
		"management", OPT, struct raw_config, management, management_fields),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t schema_config = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_config, config_fields),
};

static const char name_text[] = "1..15 characters of A-Z a-z 0-9 _ . -, beginning with a letter "
				"or digit, not \"lo\", \"all\", \"default\" or \"none\"";
static const char vrf_text[] =
	"the name of a VRF device (1..15 characters of A-Z a-z 0-9 _ . -), or "
	"the number of a routing table, 1..252 or 256..4294967295";
static const char file_text[] = "file:/absolute/path of a file only its owner can read";
static const char path_text[] = "an absolute path of at most 127 characters";
static const char group_text[] = "1..31 characters of A-Z a-z 0-9 _ . -, beginning with a letter "
				 "or digit, not \"lo\", \"all\", \"default\" or \"none\"";
static const char cloud_text[] = "the name of a cloud under \"clouds\"";
static const char profile_text[] = "the name of a profile under \"ike\"";
static const char net_text[] = "an address or a network";
static const char identity_text[] = "a host name, user@host, an IP address, keyid:TEXT or "
				    "dn:CN=NAME,O=NAME";
static const char whom_text[] = "a host name, user@host, an IP address, keyid:TEXT, "
				"dn:CN=NAME,O=NAME, a pattern (*.example.org) or a network";
static const char interface_text[] = "an address with its prefix length, as 10.0.0.1/24";

static const struct schema_rule rules[] = {
	{ "system.workers", KIND_AUTO_NUMBER, 1, CONFIG_WORKERS_MAX, "auto or 1..64" },
	{ "system.cores", KIND_CORES, 1, 63, "a list of cores, each once, as \"1-3,7\"" },
	{ "system.memory_mb", KIND_NUMBER, 64, 1048576, "64..1048576 (MiB)" },
	{ "system.max_spokes", KIND_NUMBER, 1, 1000000, "1..1000000" },
	{ "system.state_directory", KIND_PATH, 2, CONFIG_STATE_BYTES - 1,
		"an absolute path of at most 95 characters" },
	{ "system.crypto_threads", KIND_NUMBER, 0, 32, "0..32 (0: on the control core)" },

	{ "ports.name", KIND_NAME, 1, CONFIG_NAME_BYTES - 1, name_text },
	{ "ports.device", KIND_TEXT, 1, CONFIG_TEXT_BYTES - 1,
		"a DPDK device of 1..127 characters, as 0000:03:00.0 or "
		"net_af_packet0,iface=eth1" },
	{ "ports.parent", KIND_NAME, 1, CONFIG_NAME_BYTES - 1,
		"the name of a port that has a device" },
	{ "ports.vlan", KIND_NUMBER, 1, 4094, "1..4094" },
	{ "ports.mtu", KIND_NUMBER, 576, 9600, "576..9600 (bytes)" },
	{ "ports.addresses", KIND_INTERFACE, 0, 0, interface_text },
	{ "ports.gateway", KIND_ADDRESS, 0, 0, "an IP address" },
	{ "ports.vrf", KIND_VRF, 1, CONFIG_NAME_BYTES - 1, vrf_text },

	{ "clouds.name", KIND_NAME, 1, CONFIG_NAME_BYTES - 1, name_text },
	{ "clouds.addresses", KIND_INTERFACE, 0, 0, interface_text },
	{ "clouds.source", KIND_ADDRESS, 0, 0, "an IP address of a port with role wan" },
	{ "clouds.key", KIND_NUMBER, 0, UINT32_MAX, "0..4294967295 (leave it out for no key)" },
	{ "clouds.mtu", KIND_NUMBER, 576, 9600, "576..9600 (bytes)" },
	{ "clouds.tcp_mss", KIND_AUTO_NUMBER, 216, 9560, "auto or 216..9560 (bytes)" },
	{ "clouds.protection", KIND_TEXT, 1, CONFIG_NAME_BYTES - 1,
		"none or the name of a profile under \"ike\"" },
	{ "clouds.vrf", KIND_VRF, 1, CONFIG_NAME_BYTES - 1, vrf_text },
	{ "clouds.nhrp.network_id", KIND_NUMBER, 1, UINT32_MAX, "1..4294967295" },
	{ "clouds.nhrp.authentication", KIND_SECRET, 0, 0, file_text },
	{ "clouds.nhrp.holdtime_s", KIND_NUMBER, 1, 65535, "1..65535 (seconds)" },
	{ "clouds.nhrp.holdtime_min_s", KIND_NUMBER, 1, 65535, "1..65535 (seconds)" },
	{ "clouds.nhrp.holdtime_max_s", KIND_NUMBER, 1, 65535, "1..65535 (seconds)" },
	{ "clouds.nhrp.max_prefix_bits_v4", KIND_NUMBER, 1, 32, "1..32" },
	{ "clouds.nhrp.max_prefix_bits_v6", KIND_NUMBER, 1, 128, "1..128" },

	{ "ike.name", KIND_NAME, 1, CONFIG_NAME_BYTES - 1, name_text },
	{ "ike.local_identity", KIND_IDENTITY, 1, IDENTITY_LINE_BYTES, identity_text },
	{ "ike.certificate", KIND_PATH, 2, CONFIG_TEXT_BYTES - 1, path_text },
	{ "ike.private_key", KIND_SECRET, 0, 0, file_text },
	{ "ike.trust", KIND_PATH, 2, CONFIG_TEXT_BYTES - 1, path_text },
	{ "ike.crls", KIND_PATH, 2, CONFIG_TEXT_BYTES - 1, path_text },
	{ "ike.crl_urls", KIND_URL, 8, CONFIG_TEXT_BYTES - 1,
		"http://HOST[:PORT]/PATH of at most 127 characters; a CRL is signed, https would "
		"add "
		"nothing" },
	{ "ike.maps.name", KIND_NAME, 1, CONFIG_NAME_BYTES - 1, name_text },
	{ "ike.maps.match", KIND_CERT_MATCH, 0, 0, "FIELD = PATTERN or FIELD != PATTERN" },
	{ "ike.maps.group", KIND_NAME, 1, CONFIG_GROUP_BYTES - 1, group_text },
	{ "ike.maps.cloud", KIND_TEXT, 1, CONFIG_NAME_BYTES - 1, cloud_text },
	{ "ike.maps.profile", KIND_TEXT, 1, CONFIG_NAME_BYTES - 1, profile_text },
	{ "ike.maps.overlay", KIND_NET, 0, 0, net_text },
	{ "ike.proposals", KIND_IKE_PROPOSAL, 0, 0,
		"ENCRYPTION-INTEGRITY[-PRF]-GROUP, as aes256-sha256-ecp256 or "
		"aes256gcm16-prfsha384-ecp384" },
	{ "ike.esp_proposals", KIND_ESP_PROPOSAL, 0, 0,
		"ENCRYPTION[-INTEGRITY][-GROUP][-esn|-noesn], as aes128gcm16 or aes256-sha1" },
	{ "ike.replay_window", KIND_POWER_OF_TWO, 64, 4096,
		"64, 128, 256, 512, 1024, 2048 or 4096 (packets)" },
	{ "ike.dpd_s", KIND_NUMBER, 0, 3600, "0..3600 (seconds, 0 = never)" },
	{ "ike.ike_lifetime_s", KIND_NUMBER, 300, 604800, "300..604800 (seconds)" },
	{ "ike.esp_lifetime_s", KIND_NUMBER, 120, 86400, "120..86400 (seconds)" },
	{ "ike.esp_lifetime_mb", KIND_NUMBER, 100, 4000000000,
		"100..4000000000 (millions of octets; leave it out for no limit)" },
	{ "ike.esp_lifetime_packets", KIND_NUMBER, 100000, 2147483648,
		"100000..2147483648 (packets; leave it out for half of all sequence numbers)" },
	{ "ike.max_children", KIND_NUMBER, 1, 64, "1..64" },

	{ "secrets.identity", KIND_WHOM, 1, IDENTITY_LINE_BYTES, whom_text },
	{ "secrets.identities", KIND_WHOM, 1, IDENTITY_LINE_BYTES, whom_text },
	{ "secrets.address", KIND_ADDRESS_OR_NET, 0, 0, "an address, a network or any" },
	{ "secrets.group", KIND_NAME, 1, CONFIG_GROUP_BYTES - 1, group_text },
	{ "secrets.cloud", KIND_TEXT, 1, CONFIG_NAME_BYTES - 1, cloud_text },
	{ "secrets.profile", KIND_TEXT, 1, CONFIG_NAME_BYTES - 1, profile_text },
	{ "secrets.overlay", KIND_NET, 0, 0, net_text },
	{ "secrets.key", KIND_SECRET, 0, 0, file_text },

	{ "ppks.id", KIND_TEXT, 1, CONFIG_PPK_ID_BYTES - 1, "a name of 1..63 characters" },
	{ "ppks.identity", KIND_WHOM, 1, IDENTITY_LINE_BYTES, whom_text },
	{ "ppks.key", KIND_SECRET, 0, 0, file_text },

	{ "management.socket", KIND_PATH, 2, 107, "an absolute path of at most 107 characters" },
	{ "management.group", KIND_TEXT, 1, 31, "the name of a group, 1..31 characters" },
};

const struct schema_rule *
schema_rule_find(const char *path)
{
	for (size_t i = 0; i < CYAML_ARRAY_LEN(rules); i++) {
		if (strcmp(rules[i].path, path) == 0)
			return &rules[i];
	}
	return NULL;
}

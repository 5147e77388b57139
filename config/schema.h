/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

/**
 * What a file may say, as tables: libcyaml's schema for the shape, and one rule per
 * key for what its text or number may be. Both the check that collects every error
 * and the loading of values read these tables, so they cannot disagree.
 */
#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stdint.h>

/* The file as libcyaml loads it: text still text, NULL where the key is absent. */

struct raw_system {
	char *workers;
	char *cores;
	bool *hugepages;
	uint32_t *memory_mb;
	uint32_t *max_spokes;
	uint32_t *crypto_threads;
	char *state_directory;
	int32_t idle; /* enum config_idle */
};

struct raw_port {
	char *name;
	char *device;
	char *parent;
	uint32_t *vlan;
	int32_t role; /* enum port_role */
	uint32_t *mtu;
	char **addresses;
	uint32_t addresses_count;
	char *gateway;
	bool *internet_exit;
	char *vrf;
};

struct raw_nhrp {
	uint32_t network_id;
	char *authentication;
	uint32_t *holdtime_s;
	uint32_t *holdtime_min_s;
	uint32_t *holdtime_max_s;
	bool *redirect;
	bool *answer_from_cache;
	int32_t unique; /* enum nhrp_unique */
	uint32_t *max_prefix_bits_v4;
	uint32_t *max_prefix_bits_v6;
};

struct raw_cloud {
	char *name;
	char **addresses;
	uint32_t addresses_count;
	char *source;
	uint32_t *key;
	uint32_t *mtu;
	char *tcp_mss;
	int32_t anti_spoof; /* enum anti_spoof */
	int32_t df;         /* enum df_policy */
	char *protection;
	char *vrf;
	struct raw_nhrp *nhrp;
};

struct raw_binding {
	char *group;
	char *cloud;
	char *profile;
	char **overlay;
	uint32_t overlay_count;
};

struct raw_cert_map {
	char *name;
	char **match;
	uint32_t match_count;
	struct raw_binding binding;
};

struct raw_profile {
	char *name;
	int32_t accept; /* enum config_accept */
	char *certificate;
	char *private_key;
	bool *send_chain;
	char **trust;
	uint32_t trust_count;
	char **crls;
	uint32_t crls_count;
	char **crl_urls;
	uint32_t crl_urls_count;
	bool *crl_fetch;
	int32_t *crl;     /* enum cert_crl_rule */
	int32_t identity; /* enum config_id_rule */
	bool *sha1_signatures;
	struct raw_cert_map *maps;
	uint32_t maps_count;
	char *local_identity;
	char **proposals;
	uint32_t proposals_count;
	char **esp_proposals;
	uint32_t esp_proposals_count;
	int32_t mode; /* enum ipsec_mode */
	int32_t pfs;  /* enum pfs */
	uint32_t *replay_window;
	uint32_t *dpd_s;
	uint32_t *ike_lifetime_s;
	uint32_t *esp_lifetime_s;
	uint32_t *esp_lifetime_mb;
	uint32_t *esp_lifetime_packets;
	uint32_t *max_children;
	bool *legacy;
};

struct raw_ppk {
	char *id;
	char *identity;
	bool *required;
	char *key;
};

struct raw_psk {
	char *identity;
	char **identities;
	uint32_t identities_count;
	char *address;
	struct raw_binding binding;
	char *key;
};

struct raw_management {
	char *socket;
	char *group;
	int32_t *log_level; /* syslog level */
};

struct raw_config {
	struct raw_system *system;
	struct raw_port *ports;
	uint32_t ports_count;
	struct raw_cloud *clouds;
	uint32_t clouds_count;
	struct raw_profile *ike;
	uint32_t ike_count;
	struct raw_psk *secrets;
	uint32_t secrets_count;
	struct raw_ppk *ppks;
	uint32_t ppks_count;
	struct raw_management *management;
};

extern const cyaml_schema_value_t schema_config;

/** What a scalar may be, beyond its type. */
enum schema_kind {
	KIND_TEXT,           /* min..max octets, no control characters */
	KIND_NUMBER,         /* min..max */
	KIND_AUTO_NUMBER,    /* "auto" or min..max */
	KIND_POWER_OF_TWO,   /* min..max */
	KIND_NAME,           /* of a network device we create */
	KIND_VRF,            /* name of a device we join, or number of a routing table */
	KIND_CORES,          /* "1-3,7" */
	KIND_ADDRESS,        /* unicast */
	KIND_INTERFACE,      /* unicast address with its prefix length */
	KIND_ADDRESS_OR_NET, /* 192.0.2.1, 192.0.2.0/24 or "any" */
	KIND_NET,            /* the same without "any" */
	KIND_IDENTITY,
	KIND_WHOM, /* an identity or a pattern of some */
	KIND_IKE_PROPOSAL,
	KIND_ESP_PROPOSAL,
	KIND_SECRET, /* file:/path */
	KIND_CERT_MATCH,
	KIND_PATH, /* absolute, min..max octets */
	KIND_URL,  /* http://, at most max octets */
};

struct schema_rule {
	const char *path; /* key path without indices: "ports.mtu" */
	enum schema_kind kind;
	uint32_t min, max;
	const char *allowed; /* for people, after "allowed: " */
};

/** The rule of a path, or NULL (booleans, enumerations and containers need none). */
const struct schema_rule *schema_rule_find(const char *path);

#endif

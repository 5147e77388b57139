/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

/**
 * The whole configuration as plain values, and the way from YAML to it.
 * After config_load() succeeded everything in here is complete and
 * cross-checked: names resolve, addresses are parsed, secrets are read.
 * Control core only; free of I/O except for reading the files named.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "crypto/secret.h"

#define CONFIG_NAME_BYTES      16   /* with the closing zero: names become netdevs (IFNAMSIZ) */
#define CONFIG_GROUP_BYTES     32   /* with the closing zero */
#define CONFIG_TEXT_BYTES      128  /* device strings, paths, identities */
#define CONFIG_STATE_BYTES     96   /* path of a folder, with room for a name behind it */
#define CONFIG_IDENTITY_BYTES  384  /* of an IKE identity: distinguished names are long */
#define CONFIG_IDENTITIES      4096 /* of one shared key */
#define CONFIG_ADDRESSES       8    /* per port or cloud */
#define CONFIG_PROPOSALS       192  /* per profile, after each line was taken apart */
#define CONFIG_WORKERS_AUTO    0
#define CONFIG_WORKERS_MAX     64
#define CONFIG_NHRP_AUTH_BYTES 9 /* 8 characters and the closing zero, as Cisco has it */

enum config_idle {
	IDLE_AUTO,     /* poll on bound NICs, adaptive on software ports */
	IDLE_POLL,     /* never sleep */
	IDLE_ADAPTIVE, /* sleep up to 1 ms when nothing comes */
};

struct config_system {
	uint16_t workers;       /* CONFIG_WORKERS_AUTO or 1..CONFIG_WORKERS_MAX */
	char cores[64];         /* config/cores.h; "" = those we are started on */
	bool hugepages;         /* false: --no-huge */
	uint32_t memory_mb;     /* 0 = computed from max_spokes */
	uint32_t max_spokes;    /* sizes the tables; default 4096 */
	uint8_t crypto_threads; /* beside the control core, for public-key work; 0: none */
	enum config_idle idle;
	char state_directory[CONFIG_STATE_BYTES]; /* what outlives us; default /var/lib/nave */
};

enum port_role { PORT_WAN, PORT_LAN };

struct config_port {
	char name[CONFIG_NAME_BYTES];   /* also the name of its TAP twin */
	char device[CONFIG_TEXT_BYTES]; /* "net_af_packet0,iface=veth0", "0000:03:00.0", ... */
	char parent[CONFIG_NAME_BYTES]; /* instead of a device: `vlan` on that port, else "" */
	uint16_t vlan;                  /* VID, 1..4094; 0 = none */
	enum port_role role;
	uint16_t mtu; /* bytes, IP; default 1500 */
	struct prefix addresses[CONFIG_ADDRESSES];
	uint32_t addresses_count;
	struct addr gateway;         /* default route through this port, or ADDR_NONE */
	bool internet_exit;          /* wan: inner packets may leave in clear */
	char vrf[CONFIG_NAME_BYTES]; /* VRF or table number, "" = main table */
};

enum anti_spoof { SPOOF_STRICT, SPOOF_LOOSE, SPOOF_OFF };

/** DF of the outer header. What is too big for the way to a spoke is fitted before the cipher. */
enum df_policy {
	DF_CLEAR, /* default: routers on the way may fragment */
	DF_COPY,  /* as the inner packet has it */
	DF_SET,   /* always */
};

enum nhrp_unique {
	UNIQUE_SAME_IDENTITY, /* default: the same IKE identity may replace its own */
	UNIQUE_HONOUR,        /* as the RFC: refused (code 14) until expiry */
	UNIQUE_REPLACE,       /* the newest wins */
};

struct config_nhrp {
	uint32_t network_id;          /* clouds with equal ids share shortcuts */
	struct secret authentication; /* 0..8 octets; empty = none */
	uint16_t holdtime_s;          /* for registrations that name none; default 7200 */
	uint16_t holdtime_min_s;      /* clamp; default 10 */
	uint16_t holdtime_max_s;      /* clamp; default 65535 */
	bool redirect;                /* send traffic indications (phase 3); default true */
	bool answer_from_cache;       /* resolution answered from registrations (phase 2) */
	enum nhrp_unique unique;
	uint8_t max_prefix_bits_v4; /* shortest prefix a spoke may register; default 32 */
	uint8_t max_prefix_bits_v6; /* the same for IPv6; default 128 */
};

struct config_cloud {
	char name[CONFIG_NAME_BYTES];              /* also the name of its TUN twin */
	struct prefix addresses[CONFIG_ADDRESSES]; /* overlay addresses of the hub */
	uint32_t addresses_count;
	struct addr source; /* NBMA address: one of a wan port's */
	bool has_key;
	uint32_t key;     /* GRE key when has_key */
	uint16_t mtu;     /* bytes, inner IP; default 1400 */
	uint16_t tcp_mss; /* bytes, 0 = mtu - 40 */
	enum anti_spoof anti_spoof;
	enum df_policy df;
	char protection[CONFIG_NAME_BYTES]; /* name of an IKE profile, or "none" */
	bool protected_;                    /* protection != "none" */
	char vrf[CONFIG_NAME_BYTES];        /* the same for inner packets */
	struct config_nhrp nhrp;
};

enum id_type { /* RFC 7296, 3.5; the value is on the wire */
	ID_NONE = 0,
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_RFC822_ADDR = 3,
	ID_IPV6_ADDR = 5,
	ID_DER_ASN1_DN = 9,
	ID_KEY_ID = 11,
};

struct config_pki;

/** An IKE identity: type and the octets that follow it on the wire. */
struct config_identity {
	uint8_t type; /* enum id_type */
	uint16_t bytes;
	uint8_t data[CONFIG_IDENTITY_BYTES];
};

/**
 * One combination, ids of IANA's IKEv2 registry, 0 = not of this kind. A line of the
 * file that names several algorithms of a kind becomes several of these, in order of
 * preference: encryption varies slowest, the group fastest.
 */
struct config_proposal {
	uint16_t encr;
	uint16_t encr_bits;
	uint16_t integ; /* 0 for AEAD */
	uint16_t prf;   /* IKE only */
	uint16_t dh;    /* IKE: group; ESP: PFS group or 0 */
	uint8_t esn;    /* ESP: 0 both accepted, 1 without, 2 with */
	uint8_t weak;   /* how many of these only `legacy: true` allows */
};

/** What an authenticated peer may be in here, beyond being a peer. Compared as octets. */
struct config_binding {
	char map[CONFIG_NAME_BYTES];             /* name of the certificate map, "" = by secret */
	char group[CONFIG_GROUP_BYTES];          /* the operator's name for its kind, "" = none */
	char cloud[CONFIG_NAME_BYTES];           /* the only one it may join, "" = any */
	char profile[CONFIG_NAME_BYTES];         /* whose IPsec part applies, "" = the cloud's */
	struct prefix overlay[CONFIG_ADDRESSES]; /* what it may register; none = anything */
	uint32_t overlay_count;
};

enum config_accept { ACCEPT_ANY, ACCEPT_PSK, ACCEPT_CERTIFICATE };

enum pfs { PFS_PEER, PFS_REQUIRE, PFS_OFF };
enum ipsec_mode { MODE_ANY, MODE_TRANSPORT, MODE_TUNNEL };

struct config_ike_profile {
	char name[CONFIG_NAME_BYTES];
	/* ID_NONE: the subject of our certificate, or the address the peer dialled */
	struct config_identity local_identity;
	enum config_accept accept; /* how peers may prove themselves; default any */
	struct config_pki *pki;    /* config/pki.h; NULL: shared keys only */
	struct config_proposal ike[CONFIG_PROPOSALS];
	uint32_t ike_count; /* never 0 after loading: defaults are filled in; by weak, rising */
	struct config_proposal esp[CONFIG_PROPOSALS];
	uint32_t esp_count;
	enum ipsec_mode mode; /* default any */
	enum pfs pfs;
	uint16_t replay_window;  /* packets, 64..4096, power of two; default 1024 */
	uint32_t dpd_s;          /* probe after so long without proof of life; 0 = never */
	uint32_t ike_lifetime_s; /* our own rekey, default 90000 */
	uint32_t esp_lifetime_s; /* default 4000 */
	/* Rekey after so much sent on one SA, up to a tenth earlier; 0 = no limit of ours. */
	uint32_t esp_lifetime_mb;      /* 10^6 octets */
	uint32_t esp_lifetime_packets; /* 0: long before sequence numbers end */
	bool legacy;           /* weak algorithms may be named, and are among the defaults */
	uint16_t max_children; /* per IKE SA; default 4 */
};

/** How an identity has to fit. */
enum whom_fit {
	FIT_WHOLE,
	FIT_END,   /* *.branch.example.org, *@example.org, keyid:*-7 */
	FIT_BEGIN, /* branch*, keyid:branch-* */
	FIT_NET,   /* an address of a network: identity has the type, address the network */
};

/** For whom a key is; both unset: for anybody. config/whom.h finds the one for a peer. */
struct config_whom {
	uint8_t fit;                     /* enum whom_fit, of the identity */
	struct config_identity identity; /* ID_NONE: by address, or anybody */
	struct prefix address;           /* of networks; ADDR_NONE: by identity, or anybody */
};

/** A pre-shared key and whom it is for. */
struct config_psk {
	uint32_t entry, item; /* place in the file: secrets[entry].identities[item] */
	bool listed;          /* there under "identities", with others of the same key */
	struct config_whom whom;
	struct config_binding binding;
	struct secret key;
	char file[CONFIG_TEXT_BYTES]; /* where it came from, for messages */
};

#define CONFIG_PPK_ID_BYTES 64

/** A post-quantum preshared key (RFC 8784) and who has it. */
struct config_ppk {
	uint8_t id[CONFIG_PPK_ID_BYTES]; /* what peers call it, as it is on the wire */
	uint8_t id_bytes;
	struct config_whom
		whom;  /* by identity alone: the one peer it is for; or whoever names it */
	bool required; /* that peer must use it */
	struct secret key;
	char file[CONFIG_TEXT_BYTES]; /* where it came from, for messages */
};

struct config_management {
	char socket[CONFIG_TEXT_BYTES]; /* default /run/nave/naved.sock, mode 0660 */
	char group[32];                 /* owner group of the socket; "" = leave */
	uint8_t log_level;              /* syslog level 3..7; default 6 */
};

struct config {
	struct config_system system;
	struct config_port *ports;
	uint32_t ports_count;
	struct config_cloud *clouds;
	uint32_t clouds_count;
	struct config_ike_profile *ike;
	uint32_t ike_count;
	struct config_psk *psks;
	uint32_t psks_count;
	struct config_ppk *ppks;
	uint32_t ppks_count;
	struct config_management management;
};

/** All that is wrong with a file, in the order of the file. */
struct config_errors {
	struct config_error {
		unsigned line, column; /* 1-based; 0 = the file as a whole */
		char path[96];         /* "clouds[0].nhrp.network_id" */
		char text[256];        /* what was found, what is allowed, the remedy */
	} * list;
	size_t count;
	size_t warnings; /* the first `warnings` of a successful load are warnings only */
	size_t left_out; /* found as well, but not kept: a file this bad is another file */
	bool partial;    /* what takes more than one key to judge was not judged yet */
};

struct report; /* config/report.h */

/** What only the machine can tell of a configuration, as report_error() on r. */
typedef void config_host_check(const struct config *c, struct report *r);

/**
 * Read a file. On success returns 0 and sets *out (free with config_free); errors
 * then holds warnings. On failure returns -EINVAL (or the errno of opening it) and
 * *errors lists everything found, not only the first. Free errors in both cases.
 * host looks at what the machine has; NULL: the file is judged by itself.
 */
int config_load(const char *path, config_host_check *host, struct config **out,
	struct config_errors *errors);
void config_free(struct config *c);
void config_errors_free(struct config_errors *e);

/** "FILE:LINE:COL: PATH: TEXT" of one error into buf; returns buf. */
const char *config_error_print(const char *file, const struct config_error *e, char *buf, size_t n);
/** What e does not list, "" if that is nothing; returns buf. */
const char *config_errors_rest(const struct config_errors *e, char *buf, size_t n);

const struct config_ike_profile *config_ike_find(const struct config *c, const char *name);
const struct config_cloud *config_cloud_find(const struct config *c, const char *name);

/** How many workers to run; ours: CPUs we were started on, for a file that names no cores. */
uint16_t config_workers(const struct config_system *s, unsigned ours);

/** What has to be done to go from one configuration to another. */
enum config_change_kind {
	CHANGE_RESTART,      /* cannot be applied to a running hub */
	CHANGE_PORT_ADDRESS, /* ports[i]: addresses or gateway */
	CHANGE_CLOUD_ADD,
	CHANGE_CLOUD_REMOVE,
	CHANGE_CLOUD_REBUILD, /* same name, another tunnel: its spokes are closed and come anew */
	CHANGE_CLOUD_UPDATE,  /* same name, same tunnel */
	CHANGE_IKE,           /* profiles or keys: for new negotiations */
	CHANGE_MANAGEMENT,
};

struct config_change {
	enum config_change_kind kind;
	char path[96];                /* key that differs */
	char name[CONFIG_NAME_BYTES]; /* of the port, cloud or profile */
	char text[160];               /* "mtu 1400 -> 1380" ; secrets are never printed */
};

/** Stable name for programs: "restart", "cloud_add"; never NULL. */
const char *config_change_name(enum config_change_kind kind);

/** Returns how many changes (0..max) there are; list may be NULL to count only. */
size_t config_diff(
	const struct config *old, const struct config *new, struct config_change *list, size_t max);

#endif

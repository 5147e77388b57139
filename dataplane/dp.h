/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_DP_H
#define DATAPLANE_DP_H

/**
 * The data plane as the control core sees it: start and stop, edit the shared
 * tables, read counters, take what the workers report (dp_msg.h).
 *
 * Thread: every function here is for the control core only (one writer). None
 * blocks on a worker: what a worker may still read is freed after its next
 * quiescent report, from dp_poll(). Errors are negative errno.
 *
 * Identifiers are small integers owned by this side; 0 is never valid. The
 * caller's `cookie` comes back in every message about the object, so that a late
 * message about something already replaced is told apart.
 *
 * Order for a spoke coming up: dp_sa_in_attach() -> DP_SA_ATTACHED -> dp_peer_set()
 * with the outbound SA -> dp_nbma_set(). Coming down is the reverse.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "dataplane/dp_msg.h"

struct dp;

#define DP_WORKERS_MAX  64
#define DP_PORTS_MAX    32
#define DP_CLOUDS_MAX   256
#define DP_CONTEXTS_MAX 64
#define DP_ADJ_DROP     0u /* the adjacency nobody has to create: fail closed */

#define DP_MTU_MAX 9600 /* bytes, IP: of ports and clouds */
/** Octets of the longest frame of an MTU: Ethernet, a VLAN tag, the packet. */
#define DP_FRAME_BYTES(mtu) (14u + 4u + (mtu))

/* ---- life ---------------------------------------------------------------- */

struct dp_conf {
	const char *prog;      /* for EAL messages and the file prefix */
	const uint16_t *cores; /* [0] control's, [1 + w] of worker w; NULL: those we may run on */
	uint16_t workers;      /* 1..DP_WORKERS_MAX */
	bool hugepages;        /* false: --no-huge */
	uint32_t memory_mb;    /* 0 = computed from max_peers */
	uint32_t max_peers;    /* table sizes; inbound SAs: four times as many */
	uint16_t mtu;          /* bytes, IP: the largest of all ports; 0 = 1500. Sizes buffers */
	bool pci;              /* look for PCI devices; false: software ports only */
	bool adaptive_idle;    /* sleep when nothing comes: dp_nap_us() */
	const char *const
		*eal_args; /* further EAL arguments (vdevs of tests), NULL-terminated, or NULL */
};

/** What dp_new() will take, MiB. */
uint32_t dp_memory_mb(const struct dp_conf *conf);

/** EAL, pools and tables; workers do not run yet. */
int dp_new(const struct dp_conf *conf, struct dp **out);

/** Launch the workers. Ports are added before, tables edited at any time. */
int dp_run(struct dp *dp);

/** Stop and join the workers, stop ports, wipe keys, free everything. */
void dp_free(struct dp *dp);

/* ---- ports --------------------------------------------------------------- */

enum dp_role { DP_WAN, DP_LAN };

struct dp_port_conf {
	const char *device; /* DPDK device string: PCI address, or vdev with arguments */
	uint16_t parent;    /* instead: VLAN `vid` (1..4094) on that port, which has a device */
	uint16_t vid;
	enum dp_role role;
	uint16_t mtu;       /* bytes, IP */
	uint16_t ctx;       /* context its addresses and routes belong to */
	bool internet_exit; /* wan: inner packets may leave in clear */
};

/**
 * Before dp_run(). -EEXIST: another port is that VLAN; -EMSGSIZE: the device cannot carry the
 * MTU, but dp_port_mtu_max(); -ERANGE: rings of af_packet that do not fit themselves or buffers;
 * else as the device's driver says.
 */
int dp_port_add(struct dp *dp, const struct dp_port_conf *conf, uint16_t *port);
/** Bytes, IP; of a device that dp_port_add() has just found. */
uint16_t dp_port_mtu_max(const struct dp *dp, const struct dp_port_conf *conf);
void dp_port_mac(const struct dp *dp, uint16_t port, uint8_t mac[6]);
/** The link; of an af_packet or af_xdp port that of the kernel's device under it. */
bool dp_port_link_up(const struct dp *dp, uint16_t port);

/** An address of ours on a port: what is sent to it is for us. Idempotent. */
int dp_local_add(struct dp *dp, uint16_t port, const struct addr *a);
int dp_local_del(struct dp *dp, uint16_t port, const struct addr *a);

/* ---- adjacencies: where a packet goes next ------------------------------- */

enum dp_adj_kind {
	DP_ADJ_KIND_DROP,   /* counted as no_route, answered by ICMP unreachable (net) */
	DP_ADJ_KIND_LOCAL,  /* ours: up to the kernel through the twin */
	DP_ADJ_KIND_ETH,    /* a resolved neighbour on a port (LAN host, gateway, uplink) */
	DP_ADJ_KIND_GLEAN,  /* on a port's own subnet, not yet resolved: DP_NEIGH_MISS */
	DP_ADJ_KIND_TUNNEL, /* into a cloud, to `next_hop` or, when none, to the destination */
};

struct dp_adj {
	enum dp_adj_kind kind;
	uint16_t port;        /* ETH, GLEAN */
	uint8_t mac[6];       /* ETH: destination */
	uint16_t cloud;       /* TUNNEL */
	struct addr next_hop; /* TUNNEL: overlay next hop; GLEAN: the gateway asked for, or none */
};

/**
 * A new adjacency; *id stays the same over dp_adj_set(), which is one pointer write. Where
 * it leads to a port of another MTU, the peers behind it are fitted to that.
 */
int dp_adj_new(struct dp *dp, const struct dp_adj *spec, uint32_t *id);
int dp_adj_set(struct dp *dp, uint32_t id, const struct dp_adj *spec);
void dp_adj_free(struct dp *dp, uint32_t id);

/* ---- forwarding tables --------------------------------------------------- */

/** Context ids are 0..DP_CONTEXTS_MAX-1; a context's table is made on first use. */
int dp_fib_set(struct dp *dp, uint16_t ctx, const struct prefix *p, uint32_t adj);
int dp_fib_del(struct dp *dp, uint16_t ctx, const struct prefix *p);

#define DP_RPF_ADJS_MAX 32

/** What anti-spoof may believe of a prefix beside its best route. */
struct dp_rpf {
	bool final;    /* shorter prefixes say nothing of its addresses */
	uint8_t count; /* adjacencies into clouds, of all its routes */
	uint32_t adj[DP_RPF_ADJS_MAX];
};

/**
 * Set or replace; p is a network. An adjacency is taken out here before it is freed. On
 * -ENOMEM there is nothing for p any more.
 */
int dp_rpf_set(struct dp *dp, uint16_t ctx, const struct prefix *p, const struct dp_rpf *routes);
/** Fine when there is nothing. */
void dp_rpf_del(struct dp *dp, uint16_t ctx, const struct prefix *p);

/** What the workers' table answers now: an adjacency id. */
uint32_t dp_fib_lookup(const struct dp *dp, uint16_t ctx, const struct addr *dst);

/* ---- clouds -------------------------------------------------------------- */

enum dp_spoof { DP_SPOOF_STRICT, DP_SPOOF_LOOSE, DP_SPOOF_OFF };

/** DF of the outer header; our own NHRP goes without unless set. */
enum dp_df { DP_DF_CLEAR, DP_DF_COPY, DP_DF_SET };

struct dp_cloud {
	struct addr source; /* NBMA address: GRE endpoint */
	bool has_key;
	uint32_t key;        /* GRE key, host order */
	uint16_t ctx;        /* overlay context: where inner packets are looked up */
	bool protected_;     /* only ESP in, only ESP out */
	uint32_t network_id; /* redirect when in and out share it */
	bool redirect;       /* tell the control core about hairpins */
	uint16_t mtu;        /* bytes, inner IP */
	uint16_t tcp_mss_v4; /* clamp, bytes; 0 = off; nothing goes through in IPv6 yet */
	enum dp_spoof anti_spoof;
	enum dp_df df;
	struct addr address; /* our overlay address: source of ICMP errors */
};

/**
 * Create or replace cloud `id` (1..DP_CLOUDS_MAX-1, chosen by the caller); its peers follow
 * at once. On error it is as before; -EBUSY: protection cannot change while the cloud has peers.
 */
int dp_cloud_set(struct dp *dp, uint16_t id, const struct dp_cloud *spec);
void dp_cloud_del(struct dp *dp, uint16_t id);

/* ---- security associations ----------------------------------------------- */

struct dp_sa {
	uint64_t cookie;
	uint32_t spi;                    /* host order; inbound: from dp_spi_new() */
	uint16_t encr, encr_bits, integ; /* IANA IKEv2 ids, as crypto/esp_cipher.h */
	bool esn;
	bool tunnel_mode;       /* ESP tunnel mode: an inner outer-IP header is inside */
	uint16_t replay_window; /* packets, power of two 64..4096; inbound only */
	uint64_t soft_packets;  /* outbound: DP_SA_SOFT once this many were sent; 0 = 2^31 */
	uint64_t soft_bytes;    /* 0 = no limit */
	const uint8_t *keymat;  /* encr key, salt, integ key, in this order; copied and expanded */
	size_t keymat_bytes;
	/* Selectors: in tunnel mode the addresses of the header inside; in transport mode
	 * those of the outer header, compared unless udp_encap. */
	struct addr ts_local, ts_remote;
	bool udp_encap; /* NAT-T: peer's mapping may move */
};

/**
 * Reserve an inbound SPI: slot and generation in one number, never below 256. ESP that comes
 * for it ahead of dp_sa_in_attach() waits (early.h): a peer may be faster than our key exchange.
 */
int dp_spi_new(struct dp *dp, uint32_t *spi);
/** Give back an SPI that was never attached. */
void dp_spi_free(struct dp *dp, uint32_t spi);

/**
 * Hand an inbound SA of `peer` to its owner worker. DP_SA_ATTACHED (cookie) follows.
 * Packets are accepted from the attach on; the peer must exist (dp_peer_new).
 */
int dp_sa_in_attach(struct dp *dp, uint32_t peer, const struct dp_sa *sa);

/** It brings packets of another peer from now on: its own is about to go. 0 or -ENOENT. */
int dp_sa_in_move(struct dp *dp, uint32_t spi, uint32_t peer);

/** Stop accepting on it after grace_ms; then wiped, and DP_SA_RETIRED (cookie). */
int dp_sa_in_retire(struct dp *dp, uint32_t spi, uint32_t grace_ms);

/* ---- peers: one spoke in one cloud --------------------------------------- */

struct dp_peer {
	uint64_t cookie;
	uint16_t cloud;
	struct addr local;              /* outer source */
	struct addr remote;             /* outer destination, after NAT */
	uint16_t udp_local, udp_remote; /* host order; 0 = no UDP encapsulation */
	uint32_t uplink;                /* adjacency towards `remote`; DP_ADJ_DROP while unknown */
	struct addr overlay;            /* registered tunnel address, or none before registration */
	bool multicast;                 /* gets a copy of multicast (registered) */
	uint16_t path_mtu;              /* bytes, outer IP, of the way to `remote`; 0 = uplink's */
	uint16_t redirect_group; /* packets between equal non-zero groups never cause a redirect */
	/* The same spoke in another cloud of this address, told apart by the GRE key: what
	 * comes on this peer's inbound SAs may be that one's, and so on along the chain. The
	 * caller keeps it free of rings and of peers that are gone. 0 = none */
	uint32_t sibling;
	/* An older peer of the same spoke in the same cloud, which has its registrations still:
	 * what may come from that one may come from this one, too. 0 = none. The caller forgets it
	 * before the other is freed. */
	uint32_t twin;
};

/** A peer without outbound SA: nothing is sent to it in a protected cloud. */
int dp_peer_new(struct dp *dp, const struct dp_peer *spec, uint32_t *peer);

/** Replace all of it but the outbound SA, in one write. */
int dp_peer_set(struct dp *dp, uint32_t peer, const struct dp_peer *spec);

/** Switch (or with NULL: close) the outbound SA, in one write; the old one is wiped. */
int dp_peer_sa_out(struct dp *dp, uint32_t peer, const struct dp_sa *sa);

/** Send on the outbound SA of another peer, with its numbers; closed when that one is. */
int dp_peer_sa_share(struct dp *dp, uint32_t peer, uint32_t with);

/** Also removes its NBMA entries; its inbound SAs are retired by the caller. */
void dp_peer_free(struct dp *dp, uint32_t peer);

/** Bind an overlay address of a cloud to a peer (the NHRP table). */
int dp_nbma_set(struct dp *dp, uint16_t cloud, const struct addr *overlay, uint32_t peer);
int dp_nbma_del(struct dp *dp, uint16_t cloud, const struct addr *overlay);

/* ---- packets down -------------------------------------------------------- */

/**
 * From a random number an SPI of ours for an IKE SA (host order, never 0). IKE that carries one
 * goes up beside all that strangers send, not behind it, and once its peer has proven itself
 * beside all that those send that have not; until it is freed, when its SA is gone.
 */
uint64_t dp_ike_spi(struct dp *dp, uint64_t random);
void dp_ike_spi_proven(struct dp *dp, uint64_t spi);
void dp_ike_spi_free(struct dp *dp, uint64_t spi);

/** One UDP datagram (IKE), fragmented when it must be. 4500: caller adds the non-ESP marker. */
int dp_send_udp(struct dp *dp, const struct addr *local, uint16_t local_port,
	const struct addr *remote, uint16_t remote_port, uint32_t uplink, const void *data,
	size_t bytes);

/** GRE payload of type `ether_type` (NHRP 0x2001) to one peer, through its SA, DSCP CS6. */
int dp_send_gre(struct dp *dp, uint32_t peer, uint16_t ether_type, const void *data, size_t bytes);

/** An Ethernet frame from the TAP twin, out of the port as it is. */
int dp_send_frame(struct dp *dp, uint16_t port, const void *frame, size_t bytes);

/** An IP packet from the TUN twin: looked up in the cloud's context, TTL kept. */
int dp_send_inner(struct dp *dp, uint16_t cloud, const void *packet, size_t bytes);

/* ---- messages up --------------------------------------------------------- */

typedef void (*dp_handler)(void *user, const struct dp_msg *msg);

/**
 * Hand `budget` messages to the handler, up to a quarter more when all of them were of
 * protocols and others wait; free what is due. Returns how many.
 */
unsigned dp_poll(struct dp *dp, dp_handler handler, void *user, unsigned budget);

/** Readable when messages wait and dp_sleep() was called. */
int dp_event_fd(const struct dp *dp);

/** Something waits for workers or time: call dp_poll() again within a few milliseconds. */
bool dp_waiting(const struct dp *dp);

/** About to wait on the fd: returns false when there is work already. dp_poll() resets it. */
bool dp_sleep(struct dp *dp);

/* ---- reading what the workers hold --------------------------------------- */

struct dp_peer_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* inner packets */
};

void dp_peer_stats(const struct dp *dp, uint32_t peer, struct dp_peer_stats *out);

/** The peer as the workers see it. false when the slot is free. */
bool dp_peer_read(const struct dp *dp, uint32_t peer, struct dp_peer *out, uint32_t *spi_out,
	uint64_t *seq_out);

struct dp_sa_stats {
	uint32_t peer;
	uint16_t owner; /* worker */
	uint64_t top;   /* highest sequence number accepted */
	uint64_t packets, bytes;
	uint64_t drops_replay, drops_auth;
};

bool dp_sa_in_read(const struct dp *dp, uint32_t spi, struct dp_sa_stats *out);

/** What a peer sends on. */
struct dp_sa_out_stats {
	uint32_t spi;
	uint64_t packets; /* sequence numbers given out */
	uint64_t bytes;   /* in inner packets, of this peer and those that share the SA */
	uint64_t packets_left, bytes_left; /* until DP_SA_SOFT; UINT64_MAX = no such limit */
};

/** false: it sends on nothing. */
bool dp_sa_out_read(const struct dp *dp, uint32_t peer, struct dp_sa_out_stats *out);

unsigned dp_verdict_count(void);
const char *dp_verdict_name(unsigned verdict); /* "drop_replay", "punt_ike", "tx" */
const char *dp_verdict_help(unsigned verdict); /* one line for an operator */
uint64_t dp_verdict_read(const struct dp *dp, unsigned verdict, int worker); /* -1 = all */

#define DP_STAGES        9  /* of the packet's way, as dp_stage_name() */
#define DP_ROUND_BUCKETS 11 /* busy rounds by length, as dp_round_limit_us() */

struct dp_worker_stats {
	int core;                             /* it is pinned to; -1: it floats */
	uint64_t rounds, busy_rounds, sleeps; /* loop rounds; busy = moved a packet */
	uint64_t round_counts[DP_ROUND_BUCKETS];
	uint64_t rx_bursts;                                         /* that were not empty */
	uint64_t stage_cycles[DP_STAGES], stage_packets[DP_STAGES]; /* of a sample of rounds */
	uint64_t cycles, busy_cycles;
	uint64_t rx_packets, tx_packets, handovers;
	uint64_t max_round_cycles;
};

const char *dp_stage_name(unsigned stage); /* "esp_in" */
/** Rounds of a bucket took less than this, and not less than that of the one before; the
 *  last bucket has no limit: 0. */
unsigned dp_round_limit_us(unsigned bucket);

/** How long, us, workers sleep at most, by the ports there are; 0: they do not. */
unsigned dp_nap_us(const struct dp *dp);

unsigned dp_workers(const struct dp *dp);
void dp_worker_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *out);
uint64_t dp_cycles_per_second(void);

/** ICMP errors of ours about inner packets; held: too many for one host, one spoke or in all. */
struct dp_icmp_stats {
	uint64_t sent, held;
};

void dp_icmp_stats(const struct dp *dp, struct dp_icmp_stats *out);

struct dp_port_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors, tx_errors,
		tx_full;
	bool link_up;
};

void dp_port_stats(const struct dp *dp, uint16_t port, struct dp_port_stats *out);

struct dp_table_stats {
	uint32_t peers, sas_in, nbma, adjacencies, routes_v4, routes_v6, pending_free;
	uint32_t mbufs_free, mbufs_all;
};

void dp_table_stats(const struct dp *dp, struct dp_table_stats *out);

/* ---- capture: copies of packets at named points ------------------------------- */

enum dp_point {
	DP_POINT_RX,        /* frames as a port received them */
	DP_POINT_TX,        /* frames as given to a port; it may refuse them (tx_full) */
	DP_POINT_INNER_IN,  /* GRE from a spoke, after decryption: CLEAR TEXT */
	DP_POINT_INNER_OUT, /* GRE to a spoke, before encryption: CLEAR TEXT */
	DP_POINT_DROPS,     /* what ends in a drop_* verdict, as far as it came */
	DP_POINTS
};

const char *dp_point_name(enum dp_point point); /* "inner-in" */

/** What is wanted: all that is set must fit. Where a filter cannot be judged it does not fit. */
struct dp_capture {
	uint32_t points;     /* 1 << enum dp_point */
	uint16_t snap_bytes; /* of each packet, at most DP_SNAP_MAX */
	uint16_t port;       /* 0 = any */
	uint16_t cloud;      /* 0 = any; known at the inner points and to drops behind them */
	struct addr spoke;   /* NBMA address, or none = any */
	uint16_t spoke_port; /* its UDP port behind a NAT, host order; 0 = any */
	struct addr host;    /* source or destination; at inner points of the inner packet */
	uint16_t ether_type; /* of the frame, or of what GRE carries, host order; 0 = any */
	int16_t ip_proto;    /* of the packet that host looks at; -1 = any */
	int16_t verdict;     /* of drops; -1 = any */
};

#define DP_SNAP_MAX 12288

/** How the data begins: LINKTYPE_ values of pcap. */
enum dp_link { DP_LINK_ETHERNET = 1, DP_LINK_RAW = 101 };

struct dp_captured {
	enum dp_point point;
	enum dp_link link;
	uint16_t port;    /* received on or sent on, 0 = none */
	uint16_t cloud;   /* 0 = none or not known yet */
	uint16_t verdict; /* of drops */
	struct addr spoke;
	uint16_t spoke_port;
	uint64_t time_ns;    /* since 1970 */
	uint32_t bytes;      /* of the packet */
	uint16_t captured;   /* of these in data; 0 where only the verdict is known */
	const uint8_t *data; /* valid until the next call */
};

struct dp_capture_stats {
	uint64_t taken[DP_POINTS]; /* copies made */
	uint64_t lost[DP_POINTS];  /* fitted, but no room was free: the reader is too slow */
};

/**
 * Start copying into a ring of fixed size (a few MiB, DP_CAPTURE_SLOTS packets at most).
 * 0, -EBUSY: one runs already, -EINVAL or -ENOMEM. Off, a point costs a branch per burst.
 */
#define DP_CAPTURE_SLOTS 4096
int dp_capture_start(struct dp *dp, const struct dp_capture *want);
/** The next copy; false: none waits. Only while a capture runs. */
bool dp_capture_next(struct dp *dp, struct dp_captured *out);
void dp_capture_stats(const struct dp *dp, struct dp_capture_stats *out);
/** Idempotent; what was not read is gone. */
void dp_capture_stop(struct dp *dp);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_HUB_H
#define TEST_LIB_HUB_H

/**
 * The real data plane on ports made of rings, without threads: the test calls the
 * workers' rounds itself, so that what it put in has ended when hub_in() returns.
 *
 *	wan port 192.0.2.1      spoke i of every cloud at 192.0.2.11+i
 *	lan port 10.9.0.1/24    neighbour 10.9.0.9, the rest not resolved
 *	cloud C: we are 10.0.C.1, spoke i is 10.0.C.11+i with 172.16.(10C+i).0/24 behind it
 *	203.0.113.0/24 leaves the wan port in clear; 198.51.100.0/24 is in cloud C = 1 but
 *	behind a next hop that never registered
 *
 * Two workers; every SA belongs to worker 0 unless a test says otherwise.
 */
#include "dataplane/dp_priv.h"
#include "test/lib/packet.h"

enum hub_cloud { CLEAR = 1, TRANSPORT, TUNNEL, NATT, HUB_CLOUDS };

#define HUB_BE     IPV4(192, 0, 2, 1)
#define HUB_LAN_BE IPV4(10, 9, 0, 1)
#define LAN_BE     IPV4(10, 9, 0, 9)
#define HUB_SPOKES 2
#define HUB_RING   512 /* frames a port's queue holds towards the test */
#define HUB_QUEUES 2   /* at most, of a port */

#define HUB_GRACE_MS 3000 /* of an SA rekeyed under traffic */

struct hub_spoke {
	enum hub_cloud cloud;
	uint32_t peer;
	struct dp_peer spec;
	uint32_t outer_be, overlay_be, net_be; /* net_be: a host behind it */
	uint16_t udp;                          /* its port, 0: no UDP encapsulation */
	bool tunnel_mode;
	uint64_t seq; /* last number it sent */
	struct packet_sa out, in;
	uint8_t keymat[2][128]; /* of out and in, as IKE would have derived it */
};

struct hub {
	unsigned queues;    /* of the wan port; set before hub_start(), 0: one */
	uint32_t max_peers; /* the same, 0: 64 */
	uint16_t mtu;       /* of both ports, the same, 0: 1500 */
	bool threads;       /* the same: hub_launch() will follow */
	struct dp *dp;
	struct worker *w, *other;
	uint16_t wan, lan;
	uint8_t mac[3][6]; /* by port */
	uint32_t uplink;   /* adjacency */
	struct dp_cloud cloud[HUB_CLOUDS];
	struct hub_spoke spoke[HUB_CLOUDS][HUB_SPOKES];
	unsigned told[DP_MSG_TYPES];
	struct dp_msg last[DP_MSG_TYPES]; /* data points into last_data */
	uint8_t last_data[DP_MSG_TYPES][2048];
};

extern struct hub hub;

/** Start it, all spokes up with AES-256-GCM. eal_args may be NULL. False: no EAL here. */
bool hub_start(const char *const *eal_args);
/** From here on the workers are threads of their own: no hub_in() nor hub_settle() any more. */
void hub_launch(void);
void hub_stop(void);

struct hub_sa {
	uint16_t encr, bits, integ; /* IANA */
	bool esn;
	uint16_t window;
};

/** New SAs in both directions for a spoke, numbers from 0. */
void hub_rekey(struct hub_spoke *s, const struct hub_sa *conf);
/** New SPIs but the same key octets, owner as it comes; the old inbound SA has its grace. */
void hub_rekey_live(struct hub_spoke *s, const struct hub_sa *conf);
/**
 * The same in two steps, the old inbound SA left alone: the spoke has new keys and sends on
 * them; the hub has them, too.
 */
void hub_rekey_begin(struct hub_spoke *s, const struct hub_sa *conf);
void hub_rekey_end(struct hub_spoke *s, const struct hub_sa *conf);
/** The hub's own structures of a spoke, to be bent by a test. */
struct sa_in *hub_sa_in(const struct hub_spoke *s);
struct sa_out *hub_sa_out(const struct hub_spoke *s);

/** Apply s->spec. */
void hub_peer_set(struct hub_spoke *s);
/** Apply hub.cloud[c]. */
void hub_cloud_set(enum hub_cloud c);

/* ---- what a spoke does: p at inner IP becomes a frame, in steps or at once ---- */

void hub_gre(struct packet *p, const struct hub_spoke *s, uint16_t proto);
/** From GRE on: tunnel mode's header, ESP with the next number, outer headers, Ethernet. */
void hub_protect(struct packet *p, struct hub_spoke *s);
/** From the outer payload on. */
void hub_outer(struct packet *p, const struct hub_spoke *s, uint8_t proto);
void hub_wrap(struct packet *p, struct hub_spoke *s);
/** A whole inner packet with n octets of payload (protocol 253), as frame. */
void hub_ping(struct packet *p, struct hub_spoke *s, uint32_t dst, uint16_t n);

/** A frame of the hub: is it for s, right in every header? Then p is at the inner IP. */
bool hub_unwrap(struct packet *p, struct hub_spoke *s, uint32_t seq_hi);

/* ---- wire ---------------------------------------------------------------------- */

/** One frame into a port, and the workers run until nothing moves. */
void hub_in(uint16_t port, struct packet *p);
/** The same, of worker 0 at a time of the test's choice; nothing but the pipeline runs. */
void hub_in_at(uint16_t port, struct packet *p, uint64_t tsc);
/** An mbuf of the hub's with this in it, headroom as given. */
struct rte_mbuf *hub_mbuf(struct packet *p, uint16_t headroom);
/** One frame into a queue of a port, nothing else. */
void hub_push(uint16_t port, unsigned queue, struct packet *p);
/** Messages of the workers. */
void hub_poll(void);
/** Rounds of both workers, then messages. */
void hub_settle(void);
/** Take one frame that left a port. */
bool hub_out(uint16_t port, struct packet *p);
unsigned hub_drain(void);
/**
 * Take all pieces of one inner packet off the wan port, each right and no longer than mtu:
 * payload from offset first_off on, the last piece with "more fragments" or not. How many; 0:
 * something is wrong.
 */
unsigned hub_gather(struct hub_spoke *to, uint16_t mtu, uint8_t *payload, uint16_t *bytes,
	uint16_t first_off, bool more);

uint64_t hub_count(enum verdict v);
uint64_t hub_count_all(void);
/** Meters full, messages and frames forgotten. */
void hub_forget(void);
/** Is every buffer back? */
bool hub_buffers_back(void);

#endif

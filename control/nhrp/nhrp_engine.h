/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_ENGINE_H
#define CONTROL_NHRP_NHRP_ENGINE_H

/** What the files of the engine share; nobody outside control/nhrp includes this. */
#include "control/base/map.h"
#include "control/base/timer.h"
#include "control/nhrp/nhrp.h"
#include "control/nhrp/nhrp_cache.h"
#include "control/nhrp/nhrp_rate.h"
#include "control/nhrp/nhrp_wire.h"

#define NHRP_AUTH_BYTES 8 /* longest authentication string */

enum nhrp_limits {
	NHRP_BINDINGS_DEFAULT = 16384,
	NHRP_BINDINGS_PER_LINK = 16,
	NHRP_ASKERS_PER_BINDING = 16,
	NHRP_PENDING_MAX = 4096, /* purge requests waiting for their reply */
	NHRP_PAIRS = 16384,      /* redirect history, power of two */
	NHRP_PAIR_WAYS = 4,
	NHRP_SCRATCH_BYTES = 4 * NHRP_PACKET_BYTES,
};

struct nhrp_cloud {
	struct nhrp *n;
	uint32_t id;
	struct prefix addresses[CONFIG_ADDRESSES];
	uint32_t addresses_count;
	struct addr nbma;
	uint16_t mtu;
	uint32_t max_bindings, max_bindings_per_link;
	uint32_t network_id;
	uint16_t hold_s, hold_min_s, hold_max_s;
	bool redirect, answer_from_cache;
	enum nhrp_unique unique;
	uint8_t max_prefix_bits_v4, max_prefix_bits_v6;
	uint8_t auth[4 + NHRP_AUTH_BYTES]; /* value of extension 7: 0, SPI 1, string */
	uint8_t auth_bytes;                /* 0 = no authentication */
	struct nhrp_cache cache;
	struct nhrp_counters counters;
	struct nhrp_bucket errors; /* error indications we send */
	struct nhrp_bucket events; /* events a peer can cause */
};

/** Redirects sent to one (link, source, destination). */
struct nhrp_pair {
	uint64_t key; /* hash; 0 = free */
	uint64_t last_ms;
	uint32_t sent;
};

struct nhrp {
	const struct nhrp_ops *ops;
	void *user;
	struct map clouds;
	struct timer_set timers;
	struct map pending; /* by request id: our purge requests */
	uint32_t next_id;
	uint64_t now_ms;
	uint64_t unknown_cloud; /* packets */
	struct nhrp_pair *pairs;
	uint64_t pair_seed;
	struct nhrp_bucket redirects; /* for the whole hub */
	struct writer scratch;        /* over scratch_room: what replies are built from */
	uint8_t scratch_room[NHRP_SCRATCH_BYTES];
	uint8_t out[NHRP_PACKET_BYTES];
};

/** One packet on its way through the engine. */
struct nhrp_in {
	struct nhrp *n;
	struct nhrp_cloud *cloud;
	const struct nhrp_from *from;
	struct nhrp_link *link; /* NULL when nothing was registered through it */
	const uint8_t *pkt;
	size_t len;
	struct nhrp_msg msg;
};

/* nhrp_server.c */
struct nhrp_cloud *nhrp_cloud_find(const struct nhrp *n, uint32_t cloud);

/** Every entry into the engine begins with this: note the time, empty the scratch memory. */
void nhrp_clock(struct nhrp *n, uint64_t now_ms);
void nhrp_count(struct nhrp_cloud *cl, uint8_t type, enum nhrp_outcome o);

/* nhrp_send.c: everything that leaves */

/** Our overlay address to show to peer: on its subnet, else the first of its family, or NULL. */
const struct addr *nhrp_own_addr(const struct nhrp_cloud *cl, const struct addr *peer);
bool nhrp_is_own(const struct nhrp_cloud *cl, const struct addr *a);

/** Is dst the hub as a spoke may write it: our address, its own, or the subnet broadcast? */
bool nhrp_is_for_us(const struct nhrp_in *in);

/** Address, authenticate and send msg through link. Returns 0 or -EMSGSIZE. */
int nhrp_send(struct nhrp_cloud *cl, uint64_t link, struct nhrp_msg *msg);

/** The same for a packet made by us, which is counted. */
void nhrp_send_own(struct nhrp_cloud *cl, uint64_t link, struct nhrp_msg *msg);

/** Reply to the packet in hand with these CIEs; extensions of the request come back (RFC 5.2). */
void nhrp_reply(struct nhrp_in *in, uint8_t type, uint16_t flags, struct nhrp_slice cies,
	struct nhrp_slice nat);

/** Error indication about the packet in hand, rate limited. */
void nhrp_error_send(struct nhrp_in *in, enum nhrp_error code);

void nhrp_event(struct nhrp_cloud *cl, uint64_t link, enum nhrp_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** As nhrp_event(), for what a peer can cause at will. */
void nhrp_event_limited(struct nhrp_cloud *cl, uint64_t link, enum nhrp_reason reason,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/** One CIE in scratch memory. */
struct nhrp_slice nhrp_scratch_cie(struct nhrp *n, const struct nhrp_cie *cie);

/** list followed by one more CIE, in scratch memory. */
struct nhrp_slice nhrp_scratch_append(
	struct nhrp *n, struct nhrp_slice list, const struct nhrp_cie *cie);

/* nhrp_binding.c: rules of bindings and links */
void nhrp_binding_up(struct nhrp_entry *e, struct nhrp_link *link, enum nhrp_reason reason);
void nhrp_binding_remove(struct nhrp_entry *e, enum nhrp_reason reason);

/** Does e belong to this identity, however it was proven? */
bool nhrp_is_of(const struct nhrp_entry *e, const struct nhrp_from *from);
/** May it dispose of e? The same name is not enough while a link is there by another authority. */
bool nhrp_owns(const struct nhrp_from *from, const struct nhrp_entry *e);

/** May this link register that, as its identity is bound? */
bool nhrp_allowed(const struct nhrp_cloud *cl, uint64_t link, const struct prefix *p);

/** Note a link's address; its bindings go on at a new one. NULL: no memory. */
struct nhrp_link *nhrp_link_follow(struct nhrp_cloud *cl, const struct nhrp_from *from);
void nhrp_binding_expire(struct timer *t, uint64_t now_ms);

/** The binding a packet for a would leave through, or NULL; its cloud may differ from cl. */
struct nhrp_entry *nhrp_egress(
	struct nhrp_cloud *cl, const struct addr *a, struct nhrp_route *route);

/* one handler per kind of packet */
enum nhrp_outcome nhrp_register(struct nhrp_in *in);
enum nhrp_outcome nhrp_resolve(struct nhrp_in *in);
enum nhrp_outcome nhrp_purge_request(struct nhrp_in *in);
enum nhrp_outcome nhrp_purge_reply(struct nhrp_in *in);
enum nhrp_outcome nhrp_error_input(struct nhrp_in *in);

/** Send the packet in hand on to where the spoke behind e is (nhrp_transit.c). */
enum nhrp_outcome nhrp_forward(struct nhrp_in *in, struct nhrp_entry *e);

/** Find the way by address and forward. */
enum nhrp_outcome nhrp_forward_to(struct nhrp_in *in, const struct addr *dst);

/** Was this packet sent by the station it names as source, or relayed by another NHS? */
bool nhrp_source_fits(struct nhrp_in *in);

/** May a shortcut be made between these links? Policy, and not behind one NAT. */
bool nhrp_shortcut_fits(const struct nhrp_cloud *cl, const struct nhrp_link *asker,
	const struct nhrp_entry *target);

/* nhrp_purge.c */

/** Station asker was told that dst/bits is behind e; it will hear when that ends. */
void nhrp_asker_add(struct nhrp_entry *e, struct nhrp_cloud *cl, const struct addr *asker,
	const struct addr *dst, uint8_t bits, uint16_t hold_s);

/** Send purge requests to all who were told e, and forget them. */
void nhrp_askers_purge(struct nhrp_entry *e);
void nhrp_askers_free(struct nhrp_entry *e);

/** Forget the purge requests to stations of this cloud (NULL: all). */
void nhrp_pending_drop(struct nhrp *n, const struct nhrp_cloud *cl);

/** Stop repeating this request of ours; returns false when there is none like it. */
bool nhrp_pending_done(struct nhrp *n, uint32_t id, const struct addr *station);

#endif

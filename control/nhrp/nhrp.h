/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_NHRP_NHRP_H
#define CONTROL_NHRP_NHRP_H

/**
 * The NHRP engine of a hub (RFC 2332 as Cisco, FRR and OpenNHRP speak it): next
 * hop server of any number of clouds. It does no I/O: packets and time come in,
 * packets and intents go out through nhrp_ops. Control core only, no locks.
 *
 * What a spoke says is kept under the link it came through, never under the
 * address it claims. A link is the caller's handle of one way to one spoke: an
 * IKE-authenticated spoke in a protected cloud, (cloud, outer source) in an
 * unprotected one.
 *
 * A binding is its identity's, as that was proven: another link of the identity takes over
 * what is up, or purges it, if authority_may_take() says so, and what is down in any case.
 * What is down goes by itself only to a link that might have taken it while it was up.
 *
 * Every function that takes now_ms wants monotonic milliseconds that do not go
 * back. The ops are called from inside these functions; they must not call back
 * into the engine, except for nhrp_bindings_each() and nhrp_binding_find().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "config/authority.h"
#include "config/config.h"

#define NHRP_NO_LINK      0
#define NHRP_PACKET_BYTES 1500 /* longest packet taken or sent */

/** What the engine has to know about one cloud; copied by nhrp_cloud_set(). */
struct nhrp_cloud_conf {
	struct prefix addresses[CONFIG_ADDRESSES]; /* overlay addresses of the hub */
	uint32_t addresses_count;
	struct addr nbma; /* our outer address */
	uint16_t mtu;     /* bytes, inner IP; no packet we send is longer */
	const struct config_nhrp *nhrp;
	uint32_t max_bindings;          /* 0 = 16384 */
	uint32_t max_bindings_per_link; /* 0 = 16 */
};

/** Where a packet came from, as the data path and IKE know it. */
struct nhrp_from {
	uint64_t sa;                            /* link handle, NHRP_NO_LINK = unknown */
	struct addr outer;                      /* outer source address: the real NBMA */
	uint16_t udp_port;                      /* host order; 0 = not NAT-T */
	const struct config_identity *identity; /* authenticated by IKE; NULL = none */
	struct authority authority;             /* and by what it was */
};

enum nhrp_binding_flags {
	NHRP_UNIQUE = 1 << 0, /* registered with the unique flag */
	NHRP_NAT = 1 << 1,    /* claimed and real NBMA differ */
	NHRP_UP = 1 << 2,     /* link is there: packets may be forwarded */
};

/** One registration: an overlay prefix (mostly a host) and the link it is behind. */
struct nhrp_binding {
	uint32_t cloud;
	struct addr protocol; /* overlay address as registered */
	uint8_t bits;         /* length of the prefix; 32 or 128 for a host */
	struct addr claimed;  /* NBMA address the spoke wrote: only a claim */
	struct addr nbma;     /* NBMA address seen outside: the real one */
	uint16_t udp_port;    /* of the real address; 0 = not NAT-T */
	uint16_t mtu;         /* bytes as the spoke wrote, 0 = not stated; informational */
	uint16_t hold_s;      /* granted holding time */
	uint32_t flags;       /* enum nhrp_binding_flags */
	uint64_t link;        /* NHRP_NO_LINK while down */
	struct config_identity identity; /* who registered it; ID_NONE in an unprotected cloud */
	struct authority authority;      /* by what that was proven */
	uint64_t expires_ms;
	uint32_t request_id; /* of the last registration */
	uint32_t requests;   /* registrations accepted for it, repeats included */
};

/** Why something happened: for events and for binding_down. */
enum nhrp_reason {
	NHRP_REGISTERED,        /* new binding */
	NHRP_REPLACED,          /* binding moved to another link or NBMA */
	NHRP_REATTACHED,        /* binding that was down found its spoke again */
	NHRP_LINK_LOST,         /* binding goes down until its holding time */
	NHRP_EXPIRED,           /* holding time over */
	NHRP_PURGED,            /* by its owner */
	NHRP_CLEARED,           /* by the operator */
	NHRP_CLOUD_GONE,        /* cloud removed or engine freed */
	NHRP_REFUSED_UNIQUE,    /* code 14 */
	NHRP_REFUSED_OWNER,     /* code 14 or 4: its namesake is there by another authority */
	NHRP_REFUSED_ADMIN,     /* code 4 */
	NHRP_REFUSED_OVERLAY,   /* code 4: not among the addresses its identity may have */
	NHRP_REFUSED_RESOURCES, /* code 5 */
	NHRP_BAD_AUTH,          /* authentication missing or wrong */
	NHRP_ERROR_RECEIVED,    /* error indication for us */
	NHRP_PURGE_UNANSWERED,  /* a station did not answer our purge requests */
	NHRP_REASONS
};

/** Answer of the RIB to "how does the hub reach this overlay address?" */
enum nhrp_route_kind {
	NHRP_ROUTE_NONE,  /* no route */
	NHRP_ROUTE_LOCAL, /* an address of ours */
	NHRP_ROUTE_PLAIN, /* through an interface without NHRP: prefix is set */
	NHRP_ROUTE_CLOUD, /* through a cloud: cloud and next_hop are set */
};

struct nhrp_route {
	enum nhrp_route_kind kind;
	/** Covers dst and as long as needed to hide no more specific route of ours. */
	struct prefix prefix;
	uint32_t cloud;
	struct addr next_hop; /* overlay address in that cloud; dst itself when on-link */
};

struct nhrp_ops {
	/** Send one NHRP packet through this link, never elsewhere. pkt is valid during the call.
	 */
	void (*send)(void *user, uint32_t cloud, uint64_t link, const uint8_t *pkt, size_t len);

	/**
	 * The data path shall forward b->protocol/b->bits through b->link: called for a new
	 * binding, and again whenever link, nbma, udp_port or mtu changed (no binding_down
	 * between). b is valid during the call.
	 */
	void (*binding_up)(void *user, const struct nhrp_binding *b);

	/** Stop forwarding to it at once. b->link is the link it had. */
	void (*binding_down)(void *user, const struct nhrp_binding *b, enum nhrp_reason reason);

	/** Ask the RIB of the cloud's overlay context; fills *out. */
	void (*route)(void *user, uint32_t cloud, const struct addr *dst, struct nhrp_route *out);

	/** May stations behind these links build a shortcut? NULL = all may. */
	bool (*shortcut_allowed)(
		void *user, uint32_t cloud_a, uint64_t link_a, uint32_t cloud_b, uint64_t link_b);

	/** May it register this prefix, as its identity is bound? NULL op = all may. */
	bool (*register_allowed)(void *user, uint32_t cloud, uint64_t link, const struct prefix *p);

	/** For the log. Already rate limited where a peer can cause it. */
	void (*event)(void *user, uint32_t cloud, uint64_t link, enum nhrp_reason reason,
		const char *text);

	/** Fill with random octets. */
	void (*random)(void *user, void *out, size_t n);
};

struct nhrp;

/** ops is kept by reference. Returns NULL when out of memory. */
struct nhrp *nhrp_new(const struct nhrp_ops *ops, void *user);

/** Every binding that is up gets its binding_down (NHRP_CLOUD_GONE). NULL is fine. */
void nhrp_free(struct nhrp *n);

/**
 * Add a cloud or change a known one; bindings survive a change.
 * Returns 0, -ENOMEM, or -EINVAL (no address, nbma or holding time, mtu
 * below 256, authentication over 8 octets).
 */
int nhrp_cloud_set(struct nhrp *n, uint32_t cloud, const struct nhrp_cloud_conf *conf);
void nhrp_cloud_remove(struct nhrp *n, uint32_t cloud);

/** One NHRP packet as it stood behind the GRE header. Ends in exactly one counted outcome. */
void nhrp_input(struct nhrp *n, uint32_t cloud, const struct nhrp_from *from, const uint8_t *pkt,
	size_t len, uint64_t now_ms);

/**
 * The data path forwarded a packet that came in through link of cloud_in out into
 * cloud_out. head: the inner IP packet from its first octet, the more the better
 * (at most 128 octets are used). May send a traffic indication to link; limits per
 * pair, per spoke and for the whole hub apply, so calling it too often is harmless.
 */
void nhrp_redirect(struct nhrp *n, uint32_t cloud_in, uint64_t link, uint32_t cloud_out,
	const uint8_t *head, size_t len, uint64_t now_ms);

/**
 * A link came up, or its outer address or port changed (NAT moved). Bindings that are
 * down and belong to the same owner and NBMA address come back at once. Optional
 * for a link that has not registered anything; nhrp_input() learns those by itself.
 */
void nhrp_link_up(struct nhrp *n, uint32_t cloud, const struct nhrp_from *from, uint64_t now_ms);

/**
 * A link is gone: its bindings go down at once and stay on record until their holding
 * time is over, or move at once to another link of the same owner and outer address.
 */
void nhrp_link_down(struct nhrp *n, uint32_t cloud, uint64_t link, uint64_t now_ms);

/** When nhrp_tick() is wanted next, or UINT64_MAX. May change with every call above. */
uint64_t nhrp_next_ms(const struct nhrp *n);
void nhrp_tick(struct nhrp *n, uint64_t now_ms);

/** The binding that covers this overlay address, longest prefix first, or NULL. */
const struct nhrp_binding *nhrp_binding_find(
	const struct nhrp *n, uint32_t cloud, const struct addr *protocol);

/** Call each for every binding of a cloud until it returns false. Must not change bindings. */
void nhrp_bindings_each(const struct nhrp *n, uint32_t cloud,
	bool (*each)(void *ctx, const struct nhrp_binding *b), void *ctx);

uint32_t nhrp_bindings_count(const struct nhrp *n, uint32_t cloud);

/** Operator's "clear": remove bindings covered by p (NULL = all of the cloud). Returns how many. */
uint32_t nhrp_bindings_clear(
	struct nhrp *n, uint32_t cloud, const struct prefix *p, uint64_t now_ms);

/** What became of one packet; every packet in, and every one of ours out, counts once. */
enum nhrp_outcome {
	NHRP_SENT,           /* made by us and sent */
	NHRP_TAKEN,          /* in: for us and done as asked */
	NHRP_REPEATED,       /* in: retransmission answered again without effect */
	NHRP_REFUSED,        /* in: answered with a refusal (NAK) */
	NHRP_FORWARDED,      /* in: sent on to another station */
	NHRP_IGNORED,        /* in: valid, nothing to do at a hub */
	NHRP_DROP_MALFORMED, /* in: from here on dropped */
	NHRP_DROP_CHECKSUM,
	NHRP_DROP_UNSUPPORTED, /* version, type or address family */
	NHRP_DROP_EXTENSION,   /* unknown compulsory extension in a packet for us */
	NHRP_DROP_AUTH,
	NHRP_DROP_CLOUD,  /* unknown cloud or wrong family for it */
	NHRP_DROP_LINK,   /* came through no link, so nowhere to answer */
	NHRP_DROP_SOURCE, /* source protocol address is another spoke's or ours */
	NHRP_DROP_RATE,
	NHRP_DROP_HOPS,
	NHRP_DROP_LOOP,
	NHRP_DROP_NO_PEER,    /* nobody to forward it to */
	NHRP_DROP_UNEXPECTED, /* reply to something we did not ask */
	NHRP_DROP_TOO_BIG,    /* no room for what forwarding adds */
	NHRP_HELD_PAIR,       /* redirect not sent: limit of the pair */
	NHRP_HELD_LINK,       /* redirect not sent: limit of the spoke */
	NHRP_HELD_HUB,        /* redirect not sent: limit of the hub */
	NHRP_HELD_POLICY,     /* redirect not sent: same NAT, policy, or makes no sense */
	NHRP_OUTCOMES
};

/** "drop_checksum" and the like, for show and metrics; never NULL. */
const char *nhrp_outcome_name(enum nhrp_outcome o);
const char *nhrp_reason_name(enum nhrp_reason r);

#define NHRP_TYPES 9 /* 1..8 as on the wire, 0 = not even the type could be read */

const char *nhrp_type_name(uint8_t type);

struct nhrp_counters {
	uint64_t packets[NHRP_TYPES][NHRP_OUTCOMES];
};

/** Packets for clouds that are not there: counted nowhere else. */
uint64_t nhrp_unknown_cloud_count(const struct nhrp *n);

/** Counters of a cloud; NULL for an unknown one. */
const struct nhrp_counters *nhrp_counters(const struct nhrp *n, uint32_t cloud);

#endif

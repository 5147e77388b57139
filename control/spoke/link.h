/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_SPOKE_LINK_H
#define CONTROL_SPOKE_LINK_H

/**
 * Private to control/spoke: the links, their child SAs, and the functions that
 * keep the data plane in step with them.
 */
#include "control/base/map.h"
#include "control/base/timer.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

/** Longest key material of one direction: AES-256 with salt, and HMAC-SHA2-512. */
#define LINK_KEYMAT_BYTES (36 + 64)

/** Registered addresses of one link that are followed; the NHRP engine allows as many. */
#define LINK_OVERLAYS 16

struct link;
struct session;

/** One pair of ESP SAs, from child_install until child_remove. */
struct child {
	uint64_t id; /* the engine's number; also the cookie of its inbound SA */
	struct session *session;
	struct child *next; /* of the same session */
	uint32_t spi_in, spi_out;
	bool used;        /* its outbound half was switched to once: its keys are gone */
	struct dp_sa out; /* ready to be switched to */
	uint8_t keymat[LINK_KEYMAT_BYTES]; /* of `out`; wiped once the data plane has it */
};

/**
 * An authenticated spoke. Its SAs serve every cloud of their address whose protection is
 * the session's profile: it has a link in each that it spoke NHRP in. The SAs are attached
 * to the first link's peer, the others hang behind it as siblings and share what it sends on.
 */
struct session {
	uint64_t id;
	struct ike_session info;
	bool udp;            /* ESP goes in UDP */
	struct addr claimed; /* NBMA address in its selector: before NAT */
	uint64_t since_ms;
	struct link *links;
	struct child *children;
	struct child *sending; /* whose outbound SA is in use, or NULL: session_sending() */
	uint64_t sending_key;  /* its place in by_sending */
	struct pmtu pmtu;      /* of the path to it */
};

struct cloud_entry {
	uint16_t id;             /* 0: free */
	uint16_t ctx;            /* overlay context */
	uint16_t transport_ctx;  /* where NBMA addresses are routed */
	struct config_cloud cfg; /* without secrets of its own: see spokes_cloud_set() */
};

/** One spoke in one cloud. */
struct link {
	uint64_t id; /* generation << 32 | slot + 1; the data plane's peer cookie */
	struct spokes *owner;
	struct cloud_entry *cloud;
	bool guess;              /* one of several clouds it may be in: it has not spoken yet */
	uint32_t peer;           /* of the data plane */
	struct dp_peer spec;     /* what the data plane was told last */
	struct session *session; /* NULL in a clear cloud, or when the session is gone */
	struct link *next_of_session;
	struct link *next_same; /* of equal hash in by_identity */
	struct config_identity identity;
	char identity_text[IKE_ID_BYTES];
	struct authority authority;         /* of the session it was made for */
	char group[CONFIG_GROUP_BYTES];     /* by its secret or certificate map, "" = none */
	struct addr claimed;                /* NBMA address the spoke uses for itself */
	struct addr overlay[LINK_OVERLAYS]; /* registered addresses; [0] is shown */
	uint8_t overlay_count;
	struct prefix refused;     /* last one it was not allowed to register, or none */
	struct addr shown;         /* last registered address, kept for `show` when it goes down */
	uint64_t hold_ms;          /* of its last registration: how long a lost spoke is shown */
	uint64_t up_ms;            /* since when packets can be decrypted */
	uint64_t seen_rx, seen_tx; /* counters at the last look, for proof of life */
	uint64_t seen_tx_before;   /* and at the one before */
	uint64_t rx_ms;            /* last time rx moved */
	const char *reason;        /* why it is not forwarding; static text */
	struct timer idle;         /* a link without session and registration ends */
};

#define SPOKE_EVENTS_KEPT 256 /* of each kind */

/** The last events, the newest in place (next - 1) % SPOKE_EVENTS_KEPT. */
struct spoke_events {
	struct spoke_event *list; /* [SPOKE_EVENTS_KEPT] */
	uint64_t next;            /* how many there were */
};

struct spokes {
	struct dp *dp;
	struct helpers *helpers; /* for public-key work; NULL: none */
	struct ike *ike;
	struct nhrp *nhrp;
	struct rib *rib;
	uint64_t now_ms;
	struct timer_set timers;
	struct cloud_entry clouds[DP_CLOUDS_MAX];
	struct link **slots;   /* [max_links]; NULL: free */
	uint32_t *generations; /* [max_links] */
	uint32_t max_links, links, search_from;
	struct map sessions;   /* session -> struct session */
	struct map by_child;   /* child -> struct child */
	struct map by_outer;   /* clear clouds: outer_key() -> link */
	struct map by_overlay; /* hash of cloud and registered address -> the link it is bound to */
	struct map by_identity; /* protected clouds: hash of cloud and identity -> links */
	struct map by_sending;  /* hash of SPI, address and port sent to -> struct session */
	struct timer look;      /* the round of proof of life */
	uint64_t looked_ms;     /* the last one */
	uint64_t too_big[PMTU_OUTCOMES];
	/* Of peers that proved who they are, and of others: forgers push only those out. */
	struct spoke_events proven, claimed;
};

/** Something befell a peer: log it, keep it for `show events`. */
void spokes_event(struct spokes *s, const struct ike_event *e);
/** As it is logged. */
void spoke_event_line(const struct spoke_event *kept, char *line, size_t n);
/** 0 or -ENOMEM. */
int spokes_events_init(struct spokes *s);
void spokes_events_free(struct spokes *s);

/** What it sends on from now on (NULL: on nothing), or that goes another way from now on. */
void session_sending(struct spokes *s, struct session *e, struct child *c);

/** ICMP too big about ESP of ours. */
void session_too_big(struct spokes *s, const struct dp_msg *m);
/** The path MTU as a link in this cloud is to have it; 0: the uplink's. */
uint16_t session_path_mtu(const struct session *e, const struct cloud_entry *cloud);
/** Try larger packets again: at once, or when what is known is too old. */
void session_path_forget(struct spokes *s, struct session *e);
void session_path_age(struct spokes *s, struct session *e);

/** Its links stay without it, its inbound SAs go at once; tells nobody. */
void session_free(struct spokes *s, struct session *e);

/** NULL when the table is full or the data plane refuses. spec's cookie is set here. */
struct link *link_new(struct spokes *s, struct cloud_entry *cloud, const struct dp_peer *spec);
struct link *link_get(const struct spokes *s, uint64_t id);

/** Gone at once: outbound SA, peer; the session's inbound SAs pass to its next link. */
void link_free(struct spokes *s, struct link *l);
/** The same after the NHRP engine was told. */
void link_drop(struct spokes *s, struct link *l);

/** The session's link in this cloud, made when its profile allows; NULL when not. */
struct link *link_join(struct spokes *s, struct session *e, struct cloud_entry *cloud);

/**
 * The first links of a session: where the spoke was before, else a guess. 0, -EACCES when its
 * binding leaves no cloud here, -ENOSPC when there is no room.
 */
int link_enter(struct spokes *s, struct session *e);

/** The session's first link stays without it. */
void link_orphan(struct spokes *s, struct link *l);

/** It sends from now on what the session's first link sends on. */
void link_open(struct spokes *s, struct link *l);

/** Tell the data plane what changed in l->spec. */
void link_publish(struct spokes *s, struct link *l);

/** The outer addresses changed: new uplink, new header. */
void link_move(struct spokes *s, struct link *l, const struct ike_path *path, bool udp);

/** The link as the NHRP engine wants it named. */
struct nhrp_from link_from(const struct link *l);

/** Tell the NHRP engine that it is up, or that its outer address changed. */
void link_announce(struct spokes *s, struct link *l);

/**
 * Did a newer session of the same spoke, that may (config/authority.h), take over the address
 * this link had registered? So it is when a spoke restarted, or came from another address, without
 * INITIAL_CONTACT.
 */
bool link_outlived(const struct spokes *s, const struct link *l);

/** Nothing is registered through it any more, for that reason. */
bool session_outlived(const struct spokes *s, const struct session *e);

/** Its session is gone: drop it after a while, unless a registration holds it until then. */
void link_release(struct spokes *s, struct link *l);

/** The link in a clear cloud of this outer source; made when there is none and `make`. */
struct link *link_of_outer(
	struct spokes *s, struct cloud_entry *cloud, const struct dp_msg *msg, bool make);

enum spoke_state link_state(const struct link *l);

struct cloud_entry *cloud_entry(struct spokes *s, uint16_t id);

/** Any cloud with this NBMA source address: its transport context is where replies go. */
struct cloud_entry *cloud_of_local(struct spokes *s, const struct addr *local);

/**
 * May this spoke register this prefix, by the session that was authenticated? When not, that is
 * what it is shown with as long as it has none other.
 */
bool link_may_register(struct link *l, const struct prefix *p);

/** Does it fit what its session is allowed: its cloud, and all it has registered? */
bool link_fits(const struct spokes *s, const struct link *l);

/** A registered address is now (add), or no longer, this link's; another's before is let go. */
void link_bind(struct spokes *s, struct link *l, const struct addr *overlay, bool add);

/** Is this its identity, NBMA address, or one of its tunnel addresses? */
bool link_named(const struct link *l, const char *what);

/** Log one change of a link's state, the line an operator greps for. */
void link_log(const struct link *l, const char *what, const char *why);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_SPOKE_SPOKE_H
#define CONTROL_SPOKE_SPOKE_H

/**
 * The spokes: where an IKE session, its child SAs and NHRP registrations become
 * one thing, and the only place that orders their effect on the data plane:
 *
 *	inbound SA attached -> IKE answers -> outbound SA -> NHRP binding published
 *	outbound SA closed -> IKE or NHRP forgets -> inbound SA retired
 *
 * A spoke's presence in one cloud is a *link*: one peer of the data plane. Its
 * number goes to the NHRP engine and comes back in every message of the data
 * plane. In a protected cloud it is made by the first child SA of an IKE session,
 * in an unprotected one by the first NHRP packet from an outer source.
 *
 * Control core only. The engines call in through spoke_ike_ops and
 * spoke_nhrp_ops; both get the struct spokes as their user pointer.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/addr.h"
#include "config/config.h"
#include "control/ike/ike.h"
#include "control/nhrp/nhrp.h"
#include "control/spoke/pmtu.h"

struct dp;
struct dp_msg;
struct helpers;
struct rib;
struct spokes;

extern const struct ike_ops spoke_ike_ops;
extern const struct nhrp_ops spoke_nhrp_ops;

/** The engines are set afterwards: they need the spokes as their user pointer. */
struct spokes *spokes_new(struct dp *dp, uint32_t max_links);
void spokes_bind(struct spokes *s, struct ike *ike, struct nhrp *nhrp, struct rib *rib);

/** Threads for the IKE engine's public-key work; NULL (the start): it does it itself. */
void spokes_helpers_set(struct spokes *s, struct helpers *helpers);

/** Closes every peer of the data plane; engines must be quiet by then. */
void spokes_free(struct spokes *s);

/** A cloud appears or changes; cfg is copied. id as in dp_cloud_set(). */
int spokes_cloud_set(struct spokes *s, uint16_t id, const struct config_cloud *cfg,
	uint16_t overlay_ctx, uint16_t transport_ctx, uint64_t now_ms);

/** Close every spoke of a cloud, telling it; one that is in another cloud, too, stays there. */
void spokes_cloud_close(struct spokes *s, uint16_t id, uint64_t now_ms);

/** A cloud is gone; its spokes were closed and the NHRP engine forgot it before. */
void spokes_cloud_del(struct spokes *s, uint16_t id);

/**
 * Messages of the data plane about spokes: IKE, NHRP, REDIRECT, SA_*, NAT_MOVED, BAD_SPI, NO_PEER,
 * TOO_BIG.
 */
void spokes_message(struct spokes *s, const struct dp_msg *msg, uint64_t now_ms);

/** The way to an NBMA address changed (rib): token is the link's number. */
void spokes_uplink_changed(struct spokes *s, uint64_t token, uint32_t uplink, uint64_t now_ms);

uint64_t spokes_next_ms(const struct spokes *s);
void spokes_tick(struct spokes *s, uint64_t now_ms);

enum spoke_state {
	SPOKE_DOWN,       /* no way to send to it; reason says why */
	SPOKE_IKE,        /* authenticated, no child SA yet */
	SPOKE_CHILD,      /* ESP both ways (or a clear cloud), not registered */
	SPOKE_REGISTERED, /* NHRP knows it, but nothing can be sent (no uplink, SA closed) */
	SPOKE_FORWARDING, /* all of it */
};

const char *spoke_state_name(enum spoke_state s);

/** One line of `show spokes`. */
struct spoke_info {
	uint64_t link; /* 0: known only from a failed attempt */
	uint64_t session;
	char cloud[CONFIG_NAME_BYTES]; /* "" when not known (failed before it mattered) */
	enum spoke_state state;
	char identity[IKE_ID_BYTES];         /* authenticated; "" in a clear cloud */
	char claimed_identity[IKE_ID_BYTES]; /* of a failed authentication */
	char group[CONFIG_GROUP_BYTES];      /* by its secret or certificate map, "" = none */
	struct addr tunnel_address;          /* first registration, or ADDR_NONE */
	struct addr nbma;                    /* outer address seen */
	struct addr nbma_claimed;            /* what the spoke calls itself, when it differs */
	uint16_t port;                       /* UDP port behind NAT, 0 = none */
	bool nat;
	const char *reason; /* machine-readable, static; NULL when all is well */
	uint64_t uptime_s;  /* since it reached the state CHILD, 0 when down */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint32_t spi_in, spi_out; /* current child, 0 in a clear cloud */
	uint16_t path_mtu;        /* bytes, outer IP, as routers on the way said; 0 = nobody did */
	uint64_t path_mtu_s;      /* since when */
	/* For people: what happened and what to change. Last: who keeps many cuts them here. */
	char detail[IKE_TEXT_BYTES * 4 + IKE_ID_BYTES + 64];
};

/** Each spoke once in a cloud, by what is best of it; superseded IKE sessions are left out. */
void spokes_each(const struct spokes *s, uint64_t now_ms,
	void (*fn)(void *arg, const struct spoke_info *), void *arg);

#define SPOKE_CLOUDS_BYTES 96

/** What befell a peer, as it was logged. */
struct spoke_event {
	uint64_t at_ms;
	int64_t at_s;                    /* the same since 1970, UTC */
	char clouds[SPOKE_CLOUDS_BYTES]; /* with the address it dialled, by commas */
	struct ike_event ike;
};

/** The last of them, the newest first, until fn says false. */
void spokes_events_each(
	const struct spokes *s, bool (*fn)(void *arg, const struct spoke_event *), void *arg);

/**
 * Drop a spoke so that it starts anew: IKE session deleted, registration purged.
 * `what` is a tunnel address, NBMA address or identity, or "group NAME": all of that group.
 * Returns how many.
 */
unsigned spokes_clear(struct spokes *s, const char *what, uint64_t now_ms);

/** New keys for a spoke's SAs now, without a gap. `what` as above. Returns how many. */
unsigned spokes_rekey(struct spokes *s, const char *what, uint64_t now_ms);

/** How to begin, each unless the profile says otherwise (struct ike_dial). */
enum { SPOKE_BY_PSK = 1, SPOKE_IN_TUNNEL_MODE = 2 };

/**
 * Begin IKE with a spoke that has no session. `what` as above where it is known still, or any
 * outer address. Whether it came up is seen in `show`. *path is where
 * it was sent to.
 * Returns 0, -EEXIST when there is a session, -ENOENT for a name nobody is known by, -EXDEV for an
 * address when clouds have several of ours, or none is protected, -EBUSY when the engine takes
 * no more.
 */
int spokes_initiate(
	struct spokes *s, const char *what, unsigned how, uint64_t now_ms, struct ike_path *path);

struct spokes_totals {
	uint32_t links, forwarding, registered, down;
};

void spokes_totals(const struct spokes *s, struct spokes_totals *out);

/** ICMP too big about ESP of ours, by what became of it. */
uint64_t spokes_too_big(const struct spokes *s, enum pmtu_outcome outcome);

#endif

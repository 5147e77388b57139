/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_NHRP_RIG_H
#define TEST_LIB_NHRP_RIG_H

/**
 * A hub's NHRP engine on a bench: everything it says is recorded, its clock and its
 * RIB belong to the test, and spokes are small structs that know how to ask.
 * Cloud 1 is 10.0.0.1/24 and fd00::1/64 at 198.51.100.1; spoke i is 10.0.0.(10+i)
 * behind link 100+i, identity "spoke-i" unless it has none.
 */
#include "control/nhrp/nhrp.h"
#include "control/nhrp/nhrp_wire.h"

#define RIG_SENT   64
#define RIG_EVENTS 64
#define RIG_ROUTES 16

struct rig_packet {
	uint32_t cloud;
	uint64_t link;
	size_t len;
	uint8_t data[NHRP_PACKET_BYTES];
	struct nhrp_msg msg; /* read from data */
};

struct rig_change {
	bool up;
	enum nhrp_reason reason; /* of a down */
	struct nhrp_binding b;
};

struct rig_route {
	struct prefix dst;
	struct nhrp_route route;
};

struct rig {
	struct nhrp *n;
	uint64_t now_ms;
	struct config_nhrp conf;
	uint8_t password[8];
	struct rig_packet sent[RIG_SENT]; /* the first ones since rig_forget() */
	unsigned sent_count;
	struct rig_change changes[RIG_EVENTS];
	unsigned changes_count;
	unsigned events[NHRP_REASONS];
	struct rig_route routes[RIG_ROUTES];
	unsigned routes_count;
	bool deny_shortcuts;
	uint64_t deny_link; /* may not register anything */
};

struct rig_spoke {
	struct nhrp_from from;
	struct config_identity identity;
	struct addr proto;
	struct addr nbma; /* as it sees itself */
	uint32_t cloud;
	uint16_t hold_s;
	uint16_t flags;
	uint32_t next_id;
};

struct addr rig_addr(const char *text);

/** A hub with defaults as of the configuration; change r->conf, then rig_cloud() again. */
struct rig *rig_new(void);
void rig_free(struct rig *r);
void rig_cloud(struct rig *r, uint32_t cloud, const char *v4, const char *v6, const char *nbma);
void rig_password(struct rig *r, const char *password);

/** Forget what was recorded. */
void rig_forget(struct rig *r);

/** Let time pass, with ticks where the engine wants them. */
void rig_sleep(struct rig *r, uint64_t ms);

void rig_route(struct rig *r, const char *dst, enum nhrp_route_kind kind, uint32_t cloud,
	const char *next_hop);

uint64_t rig_counted(const struct rig *r, uint8_t type, enum nhrp_outcome o);

struct rig_spoke rig_spoke(unsigned i, bool protected);

/** Behind a NAT: outer address and port differ from what it knows. */
void rig_spoke_nat(struct rig_spoke *s, const char *outer, uint16_t port);

/** The request a spoke would send, without authentication; extension values are static. */
struct nhrp_msg rig_request(struct rig_spoke *s, uint8_t type, const char *dst);

/** Write, add the rig's password when it has one, and feed to the engine. */
void rig_feed(struct rig *r, const struct rig_spoke *s, const struct nhrp_msg *m);

/** Register; returns the code of the reply's first CIE, or -1 without a reply. */
int rig_register(struct rig *r, struct rig_spoke *s);

/** The last packet sent since rig_forget(), or NULL. */
struct rig_packet *rig_last(struct rig *r);

/** First CIE of a list; false when there is none. */
bool rig_cie(
	const struct nhrp_msg *m, struct nhrp_slice list, unsigned index, struct nhrp_cie *cie);

struct nhrp_slice rig_ext(struct nhrp_msg *m, uint16_t type);

/** Put the checksum right after a test changed octets. */
void rig_checksum(uint8_t *pkt, size_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_SPOKE_RIG_H
#define TEST_LIB_SPOKE_RIG_H

/**
 * The spokes between a data plane, a rib and an IKE engine that only remember, and the real
 * NHRP engine. No sockets, no threads; time is the test's. What the spokes ask for is
 * written down in order, one word each, so that a test can say what has to come before what:
 *
 *	peer+1 in+500@1 installed:21 out1=900 nbma+10.0.0.11@1    a spoke comes up
 *	share2=1 move500@2 out1=0 in-500/5000 nbma-10.0.0.11 peer-1 close:20
 *
 * Clouds have the address 192.0.2.1 and are told apart by key; see rig_cloud().
 */
#include "control/nhrp/nhrp_wire.h"
#include "control/spoke/link.h"
#include "control/spoke/spoke.h"

#define RIG_PEERS    64
#define RIG_SAS      64
#define RIG_SPI_MARK 0x52494721u /* second half of an IKE SPI the data plane made */

struct dp { /* what the data plane was told */
	struct rig_peer {
		bool used;
		struct dp_peer spec;
		uint32_t out; /* outbound SPI, 0: closed */
		uint64_t seq; /* last number sent */
		struct dp_peer_stats stats;
	} peer[RIG_PEERS]; /* by id, from 1 */
	struct rig_sa {
		uint32_t spi; /* 0: free */
		uint32_t peer;
		uint64_t cookie;
		uint32_t grace_ms; /* retiring, not zero */
	} sa[RIG_SAS];
	struct rig_nbma {
		uint16_t cloud; /* 0: free */
		struct addr overlay;
		uint32_t peer;
	} nbma[RIG_PEERS];
	uint32_t next_spi;
	int fail_peer, fail_attach; /* errno of the next dp_peer_new(), dp_sa_in_attach() */
	uint32_t gre_peer;          /* of the last NHRP packet sent */
	uint64_t ike_spi_proven, ike_spi_free; /* the last ones */
	struct rig_udp {                       /* the last IKE datagram sent */
		uint16_t local_port, remote_port, bytes;
		uint8_t first[8];
	} udp;
};

struct spoke_rig {
	struct dp dp;
	struct spokes *s;
	struct nhrp *nhrp;
	uint64_t now_ms;
	uint64_t next_id;
	char trace[16384];
	uint32_t uplink;            /* what the rib answers */
	struct ike_failure failure; /* what the engine remembers, when its count is not 0 */
	bool refuse_dial;           /* the IKE engine takes no more */
	struct authority authority; /* by what sessions are proven from now on */
	enum df_policy df;          /* of clouds made from now on */
	unsigned probes, lives;     /* asked of the IKE engine */
	uint64_t sent_session, sent_since_ms;
	struct rig_session {
		uint64_t id; /* 0: free */
		uint64_t child[4];
		struct ike_session info;
	} session[16];
};

extern struct spoke_rig rig;

void rig_begin(void);
void rig_end(void);
/** Forget what was written down. */
void rig_mark(void);
/** All of these words, in this order? NULL ends the list. */
bool rig_did(const char *first, ...) __attribute__((sentinel));
bool rig_did_not(const char *word);

/** Cloud `id` is 10.0.ID.1/24 with this key; profile NULL: in clear. */
void rig_cloud(uint16_t id, uint32_t key, const char *profile);

struct rig_who {
	const char *identity; /* FQDN */
	const char *nbma;
	uint16_t port; /* behind NAT, 0: not */
};

/** A session authenticated under this profile, no child yet. */
uint64_t rig_session(const struct rig_who *who, const char *profile);
/** A child installed, acknowledged by the data plane, answered, switched to. */
uint64_t rig_child(uint64_t session);
/** Only installed: 0 and *child, or the error. */
int rig_child_install(uint64_t session, uint64_t *child);
/** Session and child. */
uint64_t rig_up(const struct rig_who *who, const char *profile);
/** The engine drops a child, or the session with all of them. */
void rig_child_gone(uint64_t session, uint64_t child, enum ike_reason reason);
void rig_gone(uint64_t session, enum ike_reason reason);

/** Deliver what the data plane has to say, let time pass with ticks. */
void rig_run(uint64_t ms);

/** An NHRP registration comes in cloud `cloud` as this peer of the data plane would bring it. */
void rig_register(uint16_t cloud, uint32_t peer, const char *overlay, const struct rig_who *who,
	uint16_t hold_s);
/** The peer an overlay address is bound to, 0: none. */
uint32_t rig_bound(uint16_t cloud, const char *overlay);

/** The only row of show that is in this cloud ("" = not known), else NULL. */
const struct spoke_info *rig_shown(const char *cloud);
unsigned rig_rows(void);

#endif

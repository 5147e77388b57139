/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_IKE_NET_H
#define TEST_LIB_IKE_NET_H

/**
 * Two IKE engines, a wire between them and a clock nobody waits for. The wire can
 * lose, double and delay any message and translate addresses; a simple data path on
 * each side sends on whatever the engine chose, so that a lost packet is seen.
 */
#include <stdbool.h>
#include <stdint.h>

#include "control/ike/ike.h"
#include "crypto/suite.h"

#define NET_PACKETS   512
#define NET_CHILDREN  64
#define NET_MORE      3
#define NET_JOBS      64
#define NET_SPI_MARK  0x4e56 /* last octets of every SPI the owner of an engine gave it */
#define NET_ASKED_SPI 0x7001 /* of the child that net_ask_child() asks for */

struct net;

/** A child as the data path of one side knows it. */
struct net_child {
	struct ike_child_sa sa;
	bool used;            /* there, not free */
	bool told;            /* first packet reported */
	uint64_t in_from_ms;  /* inbound half opens then */
	uint64_t in_until_ms; /* and closes then */
	bool removed;
	enum ike_reason reason;
	bool pending; /* install not yet acknowledged */
	uint64_t ack_ms;
};

struct node {
	struct net *net;
	const char *name;
	struct ike *ike;
	struct addr addr;
	struct addr also; /* a second listener, never behind a NAT; unset: none */
	struct config_ike_profile profile;
	struct config_ike_profile bound[2]; /* that keys and maps may name; "": not there */
	struct config_psk psks[4];
	size_t psks_count;
	struct config_ppk ppks[2];
	size_t ppks_count;
	struct ike_limits limits;
	uint16_t nat_port;  /* of a further spoke: added to the ports outside */
	uint8_t last[8192]; /* the message it sent last */
	size_t last_bytes;
	uint64_t random;
	uint64_t ike_spi_last; /* given out */
	unsigned ike_spis;     /* how often it was asked */
	unsigned ike_spis_proven, ike_spis_freed;
	int64_t wall_s; /* what this side thinks the date is */
	struct net_child child[NET_CHILDREN];
	uint64_t sending; /* child */
	struct ike_job *job[NET_JOBS];
	uint8_t job_rank[NET_JOBS];
	unsigned jobs, jobs_room; /* held back; room 0: work is done inline */
	bool ranked;              /* so much room for each rank, as control/base/helpers.h has it */
	unsigned jobs_of[IKE_JOB_RANKS], jobs_refused;
	unsigned ups, downs, installs, moved;
	unsigned keepalives; /* for a NAT in front of it */
	int spis;            /* given out, not back */
	bool spis_gone;      /* there is none to be had */
	uint32_t install_ms; /* 0: at once, else acknowledged so much later */
	uint32_t in_late_ms; /* acknowledged, but its inbound half opens so much later */
	bool install_fails;
	enum ike_reason down_reason;
	unsigned removals[IKE_REASON_COUNT]; /* of children */
	struct ike_event last_event;
	unsigned events[IKE_REASON_COUNT];
	unsigned left_out; /* events not told, as later ones said */
	struct ike_session session;
	unsigned rebound;     /* times it was told of a changed binding, now in session */
	bool binding_misfits; /* what it says then */
};

struct net_packet {
	bool used;
	struct node *to;
	struct ike_path path; /* as the receiver sees it */
	uint64_t at_ms;
	size_t n;
	uint8_t *bytes;
};

struct net {
	struct node hub, spoke;
	struct node more[NET_MORE]; /* further spokes, behind the same NAT when there is one */
	unsigned more_count;
	uint64_t now_ms;
	struct net_packet packet[NET_PACKETS];
	unsigned sent;   /* messages so far */
	size_t longest;  /* octets of the longest */
	int lose, twice; /* message with this number; -1 none */
	unsigned lose_percent, twice_percent, delay_ms;
	bool cut; /* nothing passes */
	bool nat_spoke, nat_hub;
	uint16_t nat_port_shift; /* change it: the mapping moved */
	unsigned esp_lost;       /* data packets nobody could decrypt */
	uint64_t random;
};

/** Both sides with equal profiles: one line IKE, one line ESP, PSK for everybody. */
void net_begin(struct net *n);
/** Create the engines from the nodes' profiles. Change those between the two calls. */
void net_start(struct net *n);
void net_end(struct net *n);
/** Give a node's engine the configuration the node has now. */
void net_configure(struct node *nd);

/** The node's profile anew under another name, for those who have its first key. */
struct config_ike_profile *net_bind(struct node *nd, const char *name);

/** A further spoke with the profile of the first, started at once; after net_start(). */
struct node *net_more(struct net *n, const char *addr);

/** Forgets everything without a word and is there again. */
void net_restart(struct node *nd);

/** Let the spoke, or any, begin; returns its session. The hub begins with the spoke: behind a NAT,
 * by the mapping that this has of its port 4500. */
uint64_t net_initiate(struct net *n, bool transport);
uint64_t net_initiate_from(struct node *nd, bool transport);
/** The spoke, on port 4500 from its first message. */
uint64_t net_initiate_natt(struct net *n);

/**
 * Let one of the two begin, after net_start(), until it sent its IKE_AUTH, which gets lost. Returns
 * the spoke's SA, with which to send something else; NULL when it did not come so far.
 */
struct ike_sa *net_until_auth(struct net *n, struct node *by, bool transport);

/** The spoke asks for a further child like the one it has. */
void net_ask_child(struct net *n);

/** The current IKE SA of a node's session, inside of its engine; NULL: none. */
struct ike_sa *net_sa(const struct node *nd);
/** The newest child of that session, which there is. */
struct ike_child *net_child(const struct node *nd);
/** Deliver and tick for so long. */
void net_run(struct net *n, uint64_t ms);

/** One data packet each way on what each side sends on; net_run() does so at every event. */
void net_traffic(struct net *n);

/** Do the public-key work a node with jobs_room holds back, the last first. */
void net_jobs(struct node *nd);

/** Do the job whose turn it is by rank, then by age. False: there is none. */
bool net_job(struct node *nd);

/** Children that carry traffic on a side. */
unsigned net_children(const struct node *nd);
/** Do both sides hold the same children with matching keys, and send on one the other has? */
bool net_agrees(const struct net *n);
/** IKE SAs in a state by name, on one side. */
unsigned net_sas(const struct node *nd, const char *state, uint64_t now_ms);

/** A certificate and key of test/vectors/cert with its intermediate, trusting the root there. */
struct config_pki *net_pki(const char *name);
struct config_psk net_psk(const char *key);
struct config_ppk net_ppk(const char *id, const char *key);
struct config_proposal net_ike_line(
	uint16_t encr, uint16_t bits, uint16_t integ, uint16_t prf, uint16_t dh);
struct config_proposal net_esp_line(uint16_t encr, uint16_t bits, uint16_t integ);
struct config_identity net_fqdn(const char *name);

/** net_begin() with certificates (net_pki()) in place of the shared keys. */
void net_begin_pki(struct net *n, const char *hub, const char *spoke);
/** Let time pass and the helpers of both be slow by so much. */
void net_pass(struct net *n, uint64_t ms, uint64_t slow_ms);

#endif

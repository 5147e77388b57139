/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

/**
 * One poll-mode core. Everything in here is written by that core alone; the
 * control core reads counters with plain loads.
 */
#include <stdint.h>

#include <rte_ring.h>

#include "dataplane/counters.h"
#include "dataplane/meter.h"
#include "dataplane/pipeline.h"
#include "dataplane/tables.h"

struct early;
struct esp_mgr;
struct rte_ip_frag_tbl;

/** What a stage needs of a port. */
struct port {
	uint16_t id; /* ours, 1..; 0 = none */
	uint16_t ethdev;
	uint16_t mtu;
	uint16_t ctx;
	enum dp_role role;
	bool internet_exit;
	uint16_t rxqs, txqs;
	bool bond;   /* its driver sends LACP of its own when it is called, if for nothing else */
	bool spread; /* fewer receive queues than workers: flows are handed on */
	struct rte_ether_addr mac;
	uint16_t parent; /* port whose VLAN `vid` this is: no queues of its own; 0 = none */
	uint16_t vid;
	uint8_t *vlan_ports; /* [VLAN_VIDS] port of each VLAN, 0 = none; NULL: no VLANs on it */
};

struct worker {
	uint16_t id; /* 0.. */
	uint16_t workers_count;
	const struct dp_tables *tables;
	const struct port *ports;                                  /* [DP_PORTS_MAX + 1], by id */
	struct esp_mgr *seal, *open;                               /* cipher lanes, out and in */
	struct esp_job seal_jobs[BURST_MAX], open_jobs[BURST_MAX]; /* of AEADs: job_of() */
	struct rte_mempool *pool;
	struct rte_mempool *large; /* for what was reassembled and fits no buffer of pool */
	struct rte_ip_frag_tbl *frag_tbl;
	uint64_t frag_look;             /* TSC when to look for old ones there */
	struct token_bucket frag_share; /* fragments of one sender that may wait there */
	uint64_t *frag_levels;          /* [SOURCE_LEVELS], what each used of that */
	struct token_bucket icmp_share; /* ICMP errors of ours to one host */
	uint64_t *icmp_levels;          /* [SOURCE_LEVELS], what each used of that */
	struct worker_counters *c;
	uint64_t now_tsc;     /* set once per loop round */
	uint32_t ip_id;       /* outer identification, running */
	uint64_t stage_start; /* cycles at the last stamp (measure) */
	bool measure;         /* stamp stages with cycles */
	bool sample;          /* measure one round of SAMPLE_ROUNDS (not while a benchmark does) */
	uint64_t round_limit[DP_ROUND_BUCKETS - 1]; /* cycles */
	uint64_t tsc_per_ms;
	struct token_bucket budget[METER_COUNT];       /* meter.h: what may go up, per reason */
	struct token_bucket spoke_share[METER_COUNT];  /* rates of one spoke's share of it */
	struct token_bucket source_share[METER_COUNT]; /* of one unknown sender's */
	struct share_levels *spoke_levels;             /* [peer_max], what each spoke used */
	struct source_levels *source_levels;           /* [SOURCE_LEVELS] */
	struct token_bucket ike_share;      /* of METER_IKE: rate of one SA's share of it */
	struct token_bucket ike_auth_share; /* the same of METER_IKE_AUTH */
	uint64_t *ike_levels;               /* [tables->ike_spis.slots], what each SA used */
	uint32_t source_seed;
	struct early *early;           /* ESP that waits for its SA's keys */
	struct rte_ring *handover_in;  /* ESP from other workers, MP/SC */
	struct worker *const *workers; /* all of them: whose ring ESP is handed to */
	struct rte_ring *up, *bulk;    /* to the control core, MP/SC: taken first, and after that */
	struct capture *capture;       /* tables->capture of this loop round; NULL: off */
	struct burst errors; /* ICMP errors made by the stages, sent when these are through */
	void *priv;          /* worker.c: command ring, queues, tx buffers, replication */
} __rte_cache_aligned;

#define SAMPLE_ROUNDS 64

/** The bucket of a loop round that took this long. */
static inline unsigned
worker_round_bucket(const struct worker *w, uint64_t cycles)
{
	unsigned i = 0;

	while (i < DP_ROUND_BUCKETS - 1 && cycles >= w->round_limit[i])
		i++;
	return i;
}

/** Queue one frame (m at Ethernet) on a port; counts TX or DROP_TX_FULL later. */
void worker_tx(struct worker *w, uint16_t port, struct rte_mbuf *m);

/**
 * Tell the control core, if the meter allows. m is taken; v is what it is counted
 * under, VERDICT_PASS for what is not a packet's end (m may then be a copy of its
 * head, or NULL: a buffer is taken for the message alone).
 */
void worker_tell(struct worker *w, enum meter meter, const struct dp_msg *msg, struct rte_mbuf *m,
	enum verdict v);

/**
 * May this go up (or be answered)? PASS: yes, tokens were taken. peer: whose it is;
 * source: who sent it when peer is 0, or NULL. police.c
 */
enum verdict police(struct worker *w, enum meter meter, uint32_t peer, const struct addr *source);
/**
 * Is this IKE (m at its header, one segment) of an SA of ours, by its SPI, and has that SA a share
 * left? METER_IKE, METER_IKE_AUTH: yes, of which it took a token; METER_IKE_INIT: it is of a
 * stranger; METER_COUNT: the SA has no more.
 */
enum meter police_ike(struct worker *w, const struct rte_mbuf *m);
/** Which of SOURCE_LEVELS is that of an address. */
uint32_t source_slot(const struct worker *w, const struct addr *source);
/** Would it? Nothing is taken. */
bool police_ready(const struct worker *w, enum meter meter, uint32_t peer);
/** Budgets full, one of workers_count parts; memory of the levels. 0 or -ENOMEM. */
int police_init(struct worker *w, uint64_t tsc_hz);
/** Belongs to what the control core takes first: flooding others does not delay it. */
bool police_first(enum meter meter);

/** Ring the doorbell if the control core sleeps. */
void worker_wake_control(struct worker *w);

/** Queue copies of m (inner IP, meta filled) to all multicast peers of the cloud. Takes m. */
void worker_replicate(struct worker *w, struct rte_mbuf *m, const struct cloud *cloud);

/** Is this address one of ours on that port (or any port of its context)? */
bool local_has_v4(const struct dp_tables *t, uint16_t ctx, uint32_t addr_be);

/** The cloud with this endpoint and key (has_key/key_be), or NULL. */
const struct cloud *cloud_find(
	const struct dp_tables *t, const struct addr *local, bool has_key, uint32_t key_be);

#endif

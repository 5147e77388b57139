/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_SA_H
#define CONTROL_IKE_IKE_SA_H

/**
 * The engine's objects. A *peer* is the session: identity, children, path. It holds
 * one current IKE SA and, around a rekey, others; children belong to the peer, so
 * that a rekey of the IKE SA moves nothing.
 *
 * Timers: one per IKE SA, one per child, each armed for the earliest of
 *	deadline_ms        end of the stay in a state (ike_fsm.c, table)
 *	window.retry_ms    retransmission of our open request
 *	soft_ms, hard_ms   rekey, end of life
 *	life_ms + interval liveness (current SA)
 *	expiry_ms          end of the peer's certificate (current SA)
 *	keepalive_ms       for the NAT in front of us (current SA)
 *	switch_ms          child: start sending although nothing came on it yet
 *	sure_ms            child: made by the peer's request, whose answer it has by then
 */
#include "control/base/map.h"
#include "control/base/timer.h"
#include "control/ike/ike.h"
#include "control/ike/ike_keys.h"
#include "control/ike/ike_prop.h"
#include "control/ike/ike_window.h"
#include "control/ike/ike_wire.h"
#include "crypto/cert.h"
#include "crypto/dh.h"

#define IKE_NONCE_BYTES 32 /* ours */
#define IKE_ISSUERS     16 /* intermediate CAs remembered per listener */

enum ike_state {
	IKE_NEW,
	IKE_R_KEYING,  /* responder: key exchange in work */
	IKE_R_KEYED,   /* IKE_SA_INIT answered */
	IKE_R_PROVING, /* IKE_AUTH is there, its proof in work */
	IKE_R_AUTH,    /* peer proven, first child in work */
	IKE_I_KEYGEN,  /* initiator: key pair in work */
	IKE_I_INIT,    /* IKE_SA_INIT sent */
	IKE_I_KEYING,  /* shared secret in work */
	IKE_I_SIGNING, /* our proof in work */
	IKE_I_AUTH,    /* IKE_AUTH sent */
	IKE_I_PROVING, /* it was answered, the peer's proof in work */
	IKE_UP,
	IKE_REPLACED, /* a newer SA of the peer took over; waits for its delete */
	IKE_DELETING, /* our delete is out */
	IKE_GONE,     /* refused or deleted: kept to repeat the last answer */
	IKE_DEAD,
	IKE_STATES
};

enum ike_ev {
	EV_INIT_REQ,
	EV_AUTH_REQ,
	EV_CHILD_REQ,  /* new child or rekey of one */
	EV_REKEY_REQ,  /* of the IKE SA */
	EV_INFO_REQ,   /* with or without deletes of children */
	EV_DELETE_REQ, /* of the IKE SA */
	EV_INIT_RESP,
	EV_AUTH_RESP,
	EV_TASK_RESP,    /* to an exchange of ours on an SA that is up */
	EV_THEIRS_READY, /* deferred work on the peer's exchange is done */
	EV_OURS_READY,
	EV_INITIATE,
	EV_INHERIT,  /* keys come from the SA this one replaces */
	EV_REPLACED, /* the peer has a newer SA */
	EV_CLOSE,    /* delete it, tell the peer */
	EV_CLOSED,   /* the peer knows: forget it */
	EV_TIMEOUT,  /* stayed too long in this state */
	EV_SILENT,   /* a request of ours was never answered */
	EV_COUNT
};

enum ike_task {
	TASK_NONE,
	TASK_INIT,
	TASK_AUTH,
	TASK_CHILD,
	TASK_REKEY_CHILD,
	TASK_REKEY_IKE,
	TASK_DELETE_CHILD,
	TASK_DELETE_IKE,
	TASK_PROBE,
};

enum ike_child_state {
	CHILD_NEW, /* being made */
	CHILD_UP,
	CHILD_REKEYING, /* our rekey of it is open */
	CHILD_REPLACED, /* a newer one took over; waits for a delete */
	CHILD_DELETING, /* our delete is out */
};

/**
 * A configured listener: address, profile, and the groups the profile names. Or, without an
 * address, a profile that bindings may name.
 */
struct ike_policy_set {
	unsigned users;    /* the engine's list, and exchanges that asked by it */
	struct addr local; /* ADDR_NONE: nobody dials it */
	struct config_ike_profile profile;
	uint16_t groups[CONFIG_PROPOSALS];
	size_t groups_count;
	struct cert_trust *trust; /* the profile's, or a newer one with its CRLs read again */
	struct cert *issuers[IKE_ISSUERS]; /* intermediates peers brought, vouched for */
	size_t issuers_count;
};

struct ike_sa;
struct ike_peer;
struct ike_proof;

struct ike_child {
	uint64_t id;
	struct ike_peer *peer;
	struct ike_child *next;
	struct ike_exchange *maker; /* while it is being made */
	enum ike_child_state state;
	uint32_t spi_in, spi_out;
	struct ike_suite suite;
	bool transport, udp, initiator;
	bool installed; /* the data path knows it */
	bool used;      /* a packet came on it */
	bool want_rekey, want_delete;
	enum ike_reason reason;             /* for the delete wanted */
	uint64_t replaces;                  /* child it was made to replace */
	uint64_t successor;                 /* made by the peer's rekey of this one */
	uint8_t nonce_min[IKE_NONCE_BYTES]; /* smaller nonce of the exchange that made it */
	struct addr ts_local, ts_remote;
	struct addr local_claimed, remote_claimed; /* the pair as the peer wrote it */
	uint64_t created_ms, soft_ms, hard_ms, switch_ms, sure_ms;
	struct timer timer;
};

/** How a side proves itself: enum ike_auth_method, and how it signs. */
struct ike_auth_plan {
	uint8_t method; /* 0 = not known yet */
	struct sign_alg alg;
};

struct ike_peer {
	uint64_t id;
	struct ike *ike;
	struct ike_peer *next_same; /* of equal hash in by_identity */
	struct config_identity identity, local_identity;
	struct config_binding binding;
	struct cert_mark mark; /* zero: proven by shared key */
	struct ike_auth_plan theirs;
	struct config_whom psk; /* the shared key that proved it; the session ends with it */
	struct authority authority;
	struct ike_path path;
	bool nat_local, nat_remote;
	struct ike_policy_set *policy; /* of its listener */
	struct ike_policy_set *terms;  /* whose word counts for children and times: ike_terms() */
	struct ike_sa *sa;             /* current; NULL while the peer is being taken down */
	struct ike_sa *sas;            /* all whose peer this is, by next_of_peer */
	struct ike_child *children;
	uint32_t children_count;
	uint64_t sending_on;   /* child */
	int8_t pfs_seen;       /* 0 not known, 1 the peer wants it, -1 it does not */
	uint16_t pfs_group;    /* it took or offered last for a child, 0 = none so far */
	uint64_t life_ms;      /* last proof of life */
	uint64_t expiry_ms;    /* to look whether a certificate of its chain has expired */
	uint64_t keepalive_ms; /* to look whether one is due, where we are behind a NAT */
	uint64_t sent_ms;      /* last on its path, as far as is known */
	uint64_t created_ms;
	uint32_t rekeys;
	bool ts_as_sent; /* it wants selectors back as it sent them, NAT or not */
	bool began;      /* by us */
	char *vendors;   /* printed; NULL: none */
	enum ike_reason last_reason;
};

/** One exchange that takes more than one step, ours or the peer's. */
struct ike_exchange {
	struct ike_sa *sa;
	bool ours;
	bool ready;   /* what it waited for (a job, the data path) is done */
	bool keyed;   /* keys are derived */
	uint64_t job; /* number of the job it waits for, 0 = none */
	enum ike_task task;
	uint32_t id;
	struct ike_path path;
	uint16_t group;
	struct dh *dh;
	struct secret shared;
	uint8_t nonce_ours[IKE_NONCE_BYTES];
	uint8_t nonce_theirs[IKE_NONCE_MAX];
	uint16_t nonce_theirs_bytes;
	struct ike_suite suite;
	struct ike_proof *proof; /* IKE_AUTH: away while it is worked on */
	struct ike_child *child; /* being made */
	uint64_t child_id;       /* being rekeyed or deleted */
	uint64_t rival;          /* child the peer's crossing rekey made */
	struct ike_sa *next_sa;  /* being made */
	/* Ours, of a rekey: what it was asked by; held, because the answer is for that. */
	struct ike_policy_set *asked_by;
	int err;                /* outcome of what was waited for */
	uint32_t spi_in;        /* initiator's IKE_AUTH: asked for before the child exists */
	bool asked;             /* ours: the request is out */
	uint8_t rounds;         /* ours: times it was begun anew */
	bool auth_only;         /* IKE_AUTH without a child */
	uint16_t refuse;        /* notify instead of the child */
	uint8_t refuse_data[2]; /* and its data */
	uint8_t refuse_bytes;
};

/** What only the first two exchanges need. */
struct ike_setup {
	struct ike_packets msg_i, msg_r; /* IKE_SA_INIT, one datagram each */
	uint64_t answered_ms;            /* responder: msg_r was sent last */
	uint8_t ni[IKE_NONCE_MAX], nr[IKE_NONCE_MAX];
	uint16_t ni_bytes, nr_bytes;
	/* Proven once ike_proof_accept() took it; initiator: expected until the peer told it */
	struct config_identity claimed;
	struct ike_auth_plan theirs;
	uint8_t hashes; /* of SIGNATURE_HASH_ALGORITHMS, bit per id */
	struct config_binding binding;
	struct cert_mark mark;
	struct config_whom psk;        /* the shared key that proved it; the session ends with it */
	bool transport;                /* initiator */
	bool psk_wanted;               /* initiator: not by certificate */
	char terms[CONFIG_NAME_BYTES]; /* initiator: profile by which the child is asked for */
	bool use_ppk;                  /* both sides said so in IKE_SA_INIT */
	bool ppk_used;                 /* and one is mixed into the keys */
	bool garbled;                  /* something came that does not decrypt */
	/* SK_d, SK_pi, SK_pr without the PPK, should the peer not have it */
	uint8_t without_d[PRF_MAX_BYTES], without_pi[PRF_MAX_BYTES], without_pr[PRF_MAX_BYTES];
	uint8_t rounds; /* initiator: COOKIE and INVALID_KE answers taken */
	char vendors[IKE_VENDORS_BYTES];
	uint8_t cookie[64];
	uint8_t cookie_bytes;
};

struct ike_sa {
	struct ike *ike;
	struct ike_peer *peer; /* NULL while half open, or when only the delete is left */
	struct ike_sa *next_of_peer;
	enum ike_state state;
	uint32_t posted; /* events to follow the present one, bit per enum ike_ev */
	uint64_t spi_i, spi_r;
	bool initiator; /* of this SA: a rekey may turn it */
	bool half_open; /* counted as such, in these buckets */
	uint16_t source_bucket, address_bucket, prefix_bucket;
	bool fragments; /* RFC 7383 both ways */
	bool cookie;    /* the first message had to bring one, here or in the SA replaced */
	bool ppk;       /* a post-quantum key is mixed in, here or in the SA this one replaced */
	bool nat_local, nat_remote;
	bool want_rekey, want_probe;
	bool delete_sent;
	uint8_t put_off; /* times in a row the peer had no time for our rekey of it */
	bool dead_listed, ready_listed;
	enum ike_reason reason; /* why it is being closed */
	struct ike_path path;
	struct ike_policy_set *policy;
	struct ike_suite suite;
	struct ike_keys keys;
	struct ike_window window;
	struct ike_setup *setup;
	struct ike_exchange *ours, *theirs;
	struct ike_sa *rival; /* made by the peer's rekey of this SA while ours is open */
	uint8_t nonce_min[IKE_NONCE_BYTES];
	uint64_t session;  /* number given at the start, initiator only until up */
	uint64_t init_key; /* of the first message: repeats are known by it */
	uint64_t created_ms, deadline_ms, soft_ms, hard_ms;
	struct timer timer;
	struct ike_sa *dead_next, *ready_next;
};

/** A message for ike_step(): decrypted, parsed. */
struct ike_msg {
	struct ike_header h;
	struct ike_path path;
	const uint8_t *bytes; /* as received, without decryption; for the first exchange */
	size_t n;
	struct ike_payloads p;
};

static inline uint64_t
ike_sa_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

/**
 * What holds for child SAs, lifetimes and liveness: the profile that the peer's key or map names,
 * else the listener's, which alone counts for all that comes before a peer is proven.
 */
static inline struct ike_policy_set *
ike_terms(const struct ike_sa *sa)
{
	return sa->peer != NULL ? sa->peer->terms : sa->policy;
}

static inline struct ike_view
ike_view_of(const void *data, size_t n)
{
	return (struct ike_view){ .data = data, .bytes = n };
}

static inline bool
ike_policy_has_group(const struct ike_policy_set *set, uint16_t group)
{
	for (size_t i = 0; i < set->groups_count; i++)
		if (set->groups[i] == group)
			return true;
	return false;
}

/* Objects: ike_sa.c */

/** With a fresh own SPI, known to the engine. NULL: no memory. */
struct ike_sa *ike_sa_new(struct ike *ike, bool initiator, const struct ike_path *path,
	struct ike_policy_set *policy, uint64_t now_ms);
/** Arm the timer for the earliest of what the SA waits for. */
void ike_sa_arm(struct ike_sa *sa);
/** Wipe and free; only from the engine's grave digger. */
void ike_sa_free(struct ike_sa *sa);
/** When the peer's silence becomes long enough to ask for life unasked. */
uint64_t ike_sa_life_due_ms(const struct ike_sa *sa);
/** Leave the table of half-open SAs. */
void ike_sa_not_half_open(struct ike_sa *sa);

struct ike_exchange *ike_exchange_new(struct ike_sa *sa, bool ours, enum ike_task task);
void ike_exchange_free(struct ike_exchange *x);
/** Take the peer's nonce (length was checked by the parser). */
void ike_exchange_nonce(struct ike_exchange *x, struct ike_view nonce);
/** The nonces in their order; spis are left to the caller. */
struct ike_seed ike_exchange_seed(const struct ike_exchange *x, bool initiator);
/** Our nonce, and our public value where there is a group. */
void ike_exchange_write(struct ike_chain *c, const struct ike_exchange *x);
/** Smaller of the two nonces, cut to IKE_NONCE_BYTES. */
void ike_exchange_nonce_min(const struct ike_exchange *x, uint8_t out[IKE_NONCE_BYTES]);

/** The only writer of sa->peer; NULL: it is nobody's. */
void ike_sa_belong(struct ike_sa *sa, struct ike_peer *peer);

/** The session of an SA whose peer was just proven. */
struct ike_peer *ike_peer_new(struct ike_sa *sa, uint64_t now_ms);
/** We end the session, on all its IKE SAs: the peer is told. */
void ike_peer_close(struct ike_peer *peer, enum ike_reason reason, uint64_t now_ms);
/** Close all children, tell the owner, free. SAs are left to the caller. */
void ike_peer_down(struct ike_peer *peer, enum ike_reason reason, uint64_t now_ms);
/** text: its identity as printed already, or "". */
struct ike_session ike_peer_session(const struct ike_peer *peer, const char *text);
/** Give it the identity proven, by which it is found from now on. 0 or -ENOMEM. */
int ike_peer_identify(struct ike_peer *peer, const struct config_identity *id);
/** The first session that may have this identity; others follow by next_same. */
struct ike_peer *ike_peer_by_identity(const struct ike *ike, const struct config_identity *id);
/** Authenticated news of where the peer is. */
void ike_peer_move(struct ike_peer *peer, const struct ike_path *path, uint64_t now_ms);
void ike_peer_alive(struct ike_peer *peer, uint64_t now_ms);
/** Something goes out on that path. */
void ike_peer_sent(struct ike_peer *peer, const struct ike_path *path, uint64_t now_ms);
/** Keep the NAT in front of us open if nothing else does, and say when to look again. */
void ike_peer_keepalive(struct ike_peer *peer, uint64_t now_ms);
/** Has a certificate of its chain expired? Until then sets when to ask again. */
bool ike_peer_expired(struct ike_peer *peer, uint64_t now_ms);
/** A new request came: the peer has our last answer, and what was made by it. */
void ike_peer_has_answer(struct ike_peer *peer);

/** A child that x makes, with the inbound SPI given or a new one (0). NULL: no room. */
struct ike_child *ike_child_new(struct ike_exchange *x, uint32_t spi_in, uint64_t now_ms);
struct ike_child *ike_child_by_spi_out(const struct ike_peer *peer, uint32_t spi);
/** Out of the session and freed; the owner is told when it was installed. */
void ike_child_drop(struct ike_child *child, enum ike_reason reason, uint64_t now_ms);
/** Move the peer's traffic to this child. */
void ike_child_send_on(struct ike_child *child);
void ike_child_arm(struct ike_child *child);
/** Installed and answered: lifetimes start. */
void ike_child_up(struct ike_child *child, uint64_t now_ms);

#endif

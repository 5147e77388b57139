/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_H
#define CONTROL_IKE_IKE_H

/**
 * IKEv2 engine (RFC 7296), responder and initiator, without any I/O: bytes and
 * time come in, bytes and intents go out through struct ike_ops. Everything runs
 * on the control core, in one thread; only ike_job_run() may run elsewhere.
 *
 * A *session* is one authenticated relation with a peer. Its number survives
 * rekeys of the IKE SA and is never given again. A *child* is one pair of ESP SAs,
 * numbered likewise. 0 is no session and no child.
 *
 * INITIAL_CONTACT ends the older sessions of an identity whose place the new one may take
 * (config/authority.h). Those it may not take stay, and an event tells of both.
 *
 * Functions that take now_ms may call any operation of struct ike_ops before they
 * return. Operations must not call back into the engine, except where stated.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/addr.h"
#include "config/authority.h"
#include "config/config.h"

#define IKE_PORT          500
#define IKE_PORT_NATT     4500
#define IKE_TIMER_NEVER   UINT64_MAX
#define IKE_TEXT_BYTES    256 /* event texts, with the closing zero */
#define IKE_AUTH_BYTES    40  /* printed way of authentication, with the closing zero */
#define IKE_VENDORS_BYTES 128 /* printed vendor ids, with the closing zero */
#define IKE_WINDOW        1   /* requests either side may have open */
#define IKE_ID_BYTES      256 /* printed identity, with the closing zero */

struct cert_trust;
struct ike;
struct ike_job;

/**
 * Where a datagram came from or goes to. With natt set the datagram is of port
 * 4500's form: the four zero octets ahead of the IKE header are on the wire but
 * not in the bytes that cross this interface.
 */
struct ike_path {
	struct addr local, remote;
	uint16_t local_port, remote_port;
	bool natt;
};

/** Why something was refused, lost or closed; names by ike_reason_name(). */
enum ike_reason {
	IKE_REASON_NONE = 0,
	/* refused before a peer is known */
	IKE_REASON_MALFORMED,
	IKE_REASON_IKEV1,
	IKE_REASON_NO_LISTENER,
	IKE_REASON_HALF_OPEN_LIMIT,
	IKE_REASON_HELPERS_BUSY, /* no room for its public-key work; also of a session that is up */
	IKE_REASON_NO_PROPOSAL_CHOSEN,
	IKE_REASON_LEGACY_ONLY, /* it would do with `legacy: true` */
	IKE_REASON_UNKNOWN_CRITICAL,
	/* refused in IKE_AUTH */
	IKE_REASON_INTEGRITY, /* its IKE_AUTH came, but not once in a shape that decrypts */
	IKE_REASON_TIMEOUT_HALF_OPEN,
	IKE_REASON_NO_PSK_FOR_IDENTITY,
	IKE_REASON_PSK_MISMATCH,
	IKE_REASON_AUTH_METHOD,
	IKE_REASON_AUTH_REFUSED, /* the peer refused us */
	IKE_REASON_PPK_REQUIRED, /* this identity has to mix in a PPK, and did not */
	IKE_REASON_PPK_UNKNOWN,
	IKE_REASON_CERT_MISSING,
	IKE_REASON_CERT_MALFORMED,
	IKE_REASON_CERT_EXPIRED, /* also of a session that is up */
	IKE_REASON_CERT_NOT_YET_VALID,
	IKE_REASON_CERT_UNTRUSTED,
	IKE_REASON_CERT_REVOKED, /* also of a session that is up */
	IKE_REASON_CRL_UNAVAILABLE,
	IKE_REASON_CERT_USAGE,
	IKE_REASON_CERT_WEAK,
	IKE_REASON_CERT_NO_MAP,
	IKE_REASON_ID_NOT_IN_CERT,
	IKE_REASON_SIGNATURE_MISMATCH,
	IKE_REASON_SIGNATURE_HASH,
	IKE_REASON_SIGNATURE_ALGORITHM,
	IKE_REASON_ESP_NO_PROPOSAL_CHOSEN,
	IKE_REASON_ESP_LEGACY_ONLY,
	IKE_REASON_TS_UNACCEPTABLE,
	IKE_REASON_MODE_MISMATCH,
	IKE_REASON_TOO_MANY_CHILDREN,
	IKE_REASON_INSTALL_FAILED,
	IKE_REASON_BINDING, /* not what its secret or map allows; also of a session that is up */
	IKE_REASON_CHILD_REFUSED,    /* the peer refused the child we asked for */
	IKE_REASON_CHILD_TAKEN_BACK, /* the peer deleted the child as soon as it had our answer */
	/* a session or child that was up and ended */
	IKE_REASON_PEER_DELETED,
	IKE_REASON_PEER_SILENT,     /* liveness or another request unanswered */
	IKE_REASON_REPLACED,        /* INITIAL_CONTACT or a newer session */
	IKE_REASON_REKEYED,         /* child replaced by a newer one */
	IKE_REASON_REKEY_REDUNDANT, /* lost a simultaneous rekey */
	IKE_REASON_REKEY_FAILED,
	IKE_REASON_LIFETIME, /* hard limit reached without a rekey */
	IKE_REASON_OPERATOR, /* clear command */
	IKE_REASON_SHUTDOWN,
	IKE_REASON_CONFIG,             /* listener or profile removed */
	IKE_REASON_INVALID_SPI,        /* ESP came that nobody knows; its sender was told */
	IKE_REASON_PFS_MISMATCH_AHEAD, /* warning: the first rekey will fail */
	IKE_REASON_PATH_MOVED,
	IKE_REASON_NAME_TAKEN, /* warning: a session of this name is there by another authority */
	IKE_REASON_COUNT
};

/** Stable machine-readable name, "psk_mismatch"; never NULL. */
const char *ike_reason_name(enum ike_reason reason);
/** Did something go wrong? Otherwise it is news: replaced, rekeyed, by an operator. */
bool ike_reason_is_trouble(enum ike_reason reason);
/** "AUTHENTICATION_FAILED" as RFC 7296 has it; "" for 0, digits for what has no name here. */
const char *ike_notify_name(uint16_t notify);

/** Keys of one direction; encr ends with the salt where the suite has one. */
struct ike_esp_keys {
	uint8_t encr[36]; /* 32 + 4 */
	uint8_t integ[64];
	uint8_t encr_bytes, integ_bytes;
};

/** A child SA pair as the data path needs it. Keys are wiped after the call. */
struct ike_child_sa {
	uint64_t child;
	uint64_t session;
	uint64_t replaces; /* child whose traffic this one takes over, or 0 */
	uint32_t spi_in;   /* ours, host order */
	uint32_t spi_out;  /* the peer's, host order */
	uint16_t encr;     /* IANA transform ids */
	uint16_t encr_bits;
	uint16_t integ; /* 0 with AEAD */
	bool esn;
	bool tunnel;
	bool udp; /* send in UDP 4500 form; both forms are always accepted */
	bool initiator;
	uint16_t replay_window; /* packets */
	/* Outbound: ike_child_soft() is due when so much was sent; 0 = the data path's own limit.
	 */
	uint64_t soft_packets, soft_bytes;
	struct ike_esp_keys in, out;
	struct ike_path path;        /* outer addresses and ports */
	struct addr ts_local;        /* negotiated host pair, protocol 47 */
	struct addr ts_remote;       /* after NAT substitution */
	struct addr remote_claimed;  /* what the peer put into its selector: before NAT */
	struct config_identity peer; /* authenticated identity */
	char profile[CONFIG_NAME_BYTES];
	struct config_binding binding; /* by its certificate map or secret */
};

/** A session as upper layers see it when it comes up or goes. */
struct ike_session {
	uint64_t session;
	struct ike_path path;
	struct config_identity peer;
	char peer_text[IKE_ID_BYTES];
	char profile[CONFIG_NAME_BYTES];
	char auth[IKE_AUTH_BYTES];     /* how it proved itself: "psk", "rsa-pss-sha256" */
	struct authority authority;    /* and by what: who else of its name is the same */
	struct config_binding binding; /* by its certificate map or secret */
	bool nat_remote, nat_local;
};

/** One structured event: enough to repair the peer without a packet capture. */
struct ike_event {
	enum ike_reason reason;
	uint64_t session; /* 0 when none */
	struct ike_path path;
	bool authenticated;          /* identity was proven, not only claimed */
	bool expected;               /* claimed, and it has a key of its own here */
	char identity[IKE_ID_BYTES]; /* "" when none was seen */
	/* By its secret or certificate map; of who only claims an identity: as its own key says */
	char group[CONFIG_GROUP_BYTES];
	char detail[IKE_TEXT_BYTES];  /* what was wrong, in words; may be "" */
	char offered[IKE_TEXT_BYTES]; /* what the peer offered, "" when not it */
	char wanted[IKE_TEXT_BYTES];  /* what would have matched */
	char remedy[IKE_TEXT_BYTES];  /* what to change, where */
	uint16_t notify;              /* notify type sent, 0 = none */
	uint32_t suppressed;          /* equal events swallowed before this one */
	uint32_t left_out;            /* and of others that proved nothing: there were too many */
};

/** Whose public-key work it is. */
enum ike_job_rank {
	IKE_JOB_SESSION,  /* of a session that is up: a rekey */
	IKE_JOB_KNOWN,    /* of a peer that proved itself before, or is about to: IKE_AUTH */
	IKE_JOB_STRANGER, /* of a first message */
	IKE_JOB_RANKS
};

/** What the owner of the engine provides. All are called on the control core. */
struct ike_ops {
	/** Send one datagram; the bytes are copied or sent before return. */
	void (*send)(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n);

	/** Fill with unpredictable octets. Tests give predictable ones. */
	void (*random)(void *user, void *out, size_t n);

	/**
	 * Seconds since 1970, UTC, of the best clock there is: certificates are judged by
	 * it. Needed only with a profile that has trust.
	 */
	int64_t (*wall_s)(void *user);

	/** A fresh inbound SPI (host order), or 0 when the data path has no slot left. */
	uint32_t (*spi_alloc)(void *user);
	/** Give back an SPI for which child_install was never called, or failed. */
	void (*spi_free)(void *user, uint32_t spi);

	/**
	 * Make the inbound half ready to receive and keep the outbound half ready.
	 * Returns 0 when done at once, -EINPROGRESS when ike_child_installed() will
	 * follow (the engine holds its answer back until then), -EACCES when its binding
	 * forbids it, another negative errno when it cannot be done (the engine frees the SPI).
	 */
	int (*child_install)(void *user, const struct ike_child_sa *child);
	/** Start sending on it, and stop on the one it replaces. */
	void (*child_use_outbound)(void *user, uint64_t child);
	/**
	 * No longer part of the session: stop sending on it at once; keep the inbound
	 * half 5 s for packets in flight when reason is IKE_REASON_REKEYED, else
	 * close it at once. Takes the SPI back.
	 */
	void (*child_remove)(void *user, uint64_t child, enum ike_reason reason);
	/** Outer address or port of a child's peer changed (authenticated). */
	void (*child_moved)(void *user, uint64_t child, const struct ike_path *path);

	void (*peer_up)(void *user, const struct ike_session *s);
	/** Comes after child_remove of all its children. */
	void (*peer_down)(void *user, const struct ike_session *s, enum ike_reason reason);

	/** Rate limited by the engine; log it. */
	void (*event)(void *user, const struct ike_event *e);

	/**
	 * Optional: take a public-key job to a helper thread, which calls
	 * ike_job_run(), then have ike_job_done() called on the control core. Jobs of a lower
	 * rank go ahead of those of a higher one.
	 * Returns 0, or -EAGAIN when the queue is full (the message is dropped, the
	 * peer repeats it), or -ENOSYS when there are no helpers. NULL, -ENOSYS: inline.
	 */
	int (*submit)(void *user, struct ike_job *job, enum ike_job_rank rank);

	/**
	 * Optional, all three or none: an SPI of ours for an IKE SA (host order; 0 and those in
	 * use are asked for again). None: random.
	 */
	uint64_t (*ike_spi)(void *user);
	/** The peer of its SA, or of the one that this replaces, proved itself. */
	void (*ike_spi_proven)(void *user, uint64_t spi);
	/** Its SA is gone. Not for one that was asked for again. */
	void (*ike_spi_free)(void *user, uint64_t spi);

	/**
	 * The configuration allows a session something else than before: s->binding. False:
	 * what it has does not fit any more, close it with IKE_REASON_BINDING. NULL: it fits.
	 */
	bool (*binding_changed)(void *user, const struct ike_session *s);

	/**
	 * Optional: send the one octet 0xff, without the non-ESP marker, that keeps the NAT in
	 * front of us open (RFC 3948, 4). For each session behind one when it was sent nothing
	 * for 20 s.
	 */
	void (*keepalive)(void *user, const struct ike_path *path);
};

/**
 * One address to listen on and the policy there. What its profile says about child SAs, lifetimes
 * and liveness is for those whose binding names no other.
 */
struct ike_listener {
	struct addr local;
	const struct config_ike_profile *profile;
};

/** Limits against floods; 0 takes the default in the comment. */
struct ike_limits {
	uint32_t half_open_max;        /* 4096; the last quarter is for peers that were up before */
	uint32_t half_open_per_source; /* 8: per address and port */
	uint32_t half_open_per_address; /* 128 */
	uint32_t half_open_per_prefix;  /* 1024: /24 of IPv4, /48 of IPv6 */
	uint32_t fragment_bytes;        /* 1232: longest datagram to peers of RFC 7383, >= 576 */
	uint32_t peers;       /* 512: of so many the last failure is kept, at most 65536 */
	uint32_t cookie_from; /* 30: half-open SAs from which cookies are asked for */
};

struct ike_conf {
	const struct ike_listener *listeners; /* several clouds may share one entry */
	size_t listeners_count;
	const struct config_psk *psks;
	size_t psks_count;
	struct ike_limits limits;
	const struct config_ppk *ppks; /* as initiator the first one is used */
	size_t ppks_count;
	const struct config_ike_profile *profiles; /* those that bindings may name, or more */
	size_t profiles_count;
};

/** NULL when out of memory. ops must live as long as the engine. */
struct ike *ike_new(const struct ike_ops *ops, void *user);

/** Wipes and frees everything; sends nothing and calls no operation. */
void ike_free(struct ike *ike);

/**
 * Take over a configuration (copied). Sessions whose listener is gone or has another
 * profile, and those authenticated by a pre-shared key that is gone (not: changed) or let in by
 * a certificate map that is gone, are closed with IKE_REASON_CONFIG; those to whom key or map
 * no longer allow what they have with IKE_REASON_BINDING; others stay.
 * Returns 0, -EEXIST for two profiles on one address, -ENOMEM; on error nothing changed.
 */
int ike_configure(struct ike *ike, const struct ike_conf *conf, uint64_t now_ms);

/**
 * Trust of a profile was read again (CRLs changed): new peers are judged by it, sessions
 * whose certificate it revokes are closed with IKE_REASON_CERT_REVOKED, those whose anchor
 * is gone with IKE_REASON_CONFIG. Takes a reference of its own. Unknown names are ignored.
 */
void ike_trust_set(struct ike *ike, const char *profile, struct cert_trust *trust, uint64_t now_ms);

/** One datagram (without the non-ESP marker). Any bytes are legal. */
void ike_input(struct ike *ike, const struct ike_path *path, const uint8_t *msg, size_t n,
	uint64_t now_ms);

/** When ike_tick() wants to be called, IKE_TIMER_NEVER = not at all. */
uint64_t ike_next_ms(const struct ike *ike);
void ike_tick(struct ike *ike, uint64_t now_ms);

/** A session of ours to begin. */
struct ike_dial {
	struct ike_path path;
	/* Expected, so that a pre-shared key of this identity is found; ID_NONE: not known. Who
	 * answers is who proves to be. */
	struct config_identity peer;
	bool transport; /* ask for it, unless the profile says which mode */
	bool psk; /* prove us by a pre-shared key, though the profile may have a certificate */
};

/**
 * Begin a session as initiator: one child SA for GRE between the path's addresses.
 * Returns the session number, or 0 when there is no listener on path.local.
 * It is up when peer_up was called, gone after peer_down or an event that carries its number.
 */
uint64_t ike_initiate(struct ike *ike, const struct ike_dial *dial, uint64_t now_ms);

/* What the data path has to say. Unknown numbers are ignored: messages may cross. */

/** The inbound half of a child is ready (err 0) or cannot be made (negative errno). */
void ike_child_installed(struct ike *ike, uint64_t child, int err, uint64_t now_ms);
/** The first authenticated packet came on this child. */
void ike_child_used(struct ike *ike, uint64_t child, uint64_t now_ms);
/** A volume or sequence number limit comes near: rekey. */
void ike_child_soft(struct ike *ike, uint64_t child, uint64_t now_ms);
/** Authenticated ESP that advanced the window came from elsewhere. */
void ike_path_moved(
	struct ike *ike, uint64_t child, const struct addr *remote, uint16_t port, uint64_t now_ms);
/** Authenticated ESP came during the last interval. */
void ike_proof_of_life(struct ike *ike, uint64_t session, uint64_t now_ms);
/** ESP was sent since then: no need to keep a NAT open by anything else. */
void ike_sent(struct ike *ike, uint64_t session, uint64_t since_ms);
/**
 * There is something to send and nothing came for a while: ask for life if the
 * profile's dpd_s passed without proof. (Without this call the engine asks by itself
 * after three times dpd_s.)
 */
void ike_probe(struct ike *ike, uint64_t session, uint64_t now_ms);
/**
 * ESP with an SPI nobody knows came on this path (its port that of the ESP datagram,
 * natt as the form was): tell the peer, unprotected and rate limited (RFC 7296, 1.5).
 */
void ike_unknown_spi(struct ike *ike, const struct ike_path *path, uint32_t spi, uint64_t now_ms);

/** New keys now: for the IKE SA of a session and its child SAs. Returns 0 or -ENOENT. */
int ike_rekey(struct ike *ike, uint64_t session, uint64_t now_ms);

/** Delete a session, telling the peer. Returns 0 or -ENOENT. */
int ike_close(struct ike *ike, uint64_t session, enum ike_reason reason, uint64_t now_ms);
/** Tell all peers and forget them; the engine takes no new ones. */
void ike_shutdown(struct ike *ike, uint64_t now_ms);

/* Public-key work outside the control core. */

/** Any thread; touches nothing but the job. */
void ike_job_run(struct ike_job *job);
/** Control core; consumes the job, whose SA may be gone by now. */
void ike_job_done(struct ike *ike, struct ike_job *job, uint64_t now_ms);

/* For `show` and metrics. Callbacks must not call the engine. */

struct ike_child_info {
	uint64_t child, session;
	uint32_t spi_in, spi_out;
	const char *state; /* "up", "rekeying", ... */
	char suite[64];    /* "aes256-sha1" */
	char pfs[24];      /* group of the last key exchange, "" = none */
	bool tunnel, udp, esn, initiator;
	uint64_t age_ms, rekey_in_ms, expires_in_ms;
	struct addr ts_local, ts_remote, remote_claimed;
};

struct ike_sa_info {
	uint64_t session; /* 0 while half open */
	uint64_t spi_i, spi_r;
	const char *state;
	bool initiator, nat_local, nat_remote, fragmentation;
	bool began;  /* the session was begun by us: initiator may turn with a rekey */
	bool cookie; /* it began with a cookie */
	bool ppk;    /* a post-quantum key is mixed in (RFC 8784) */
	struct ike_path path;
	struct config_identity peer;
	char peer_text[IKE_ID_BYTES], local_text[IKE_ID_BYTES];
	char profile[CONFIG_NAME_BYTES];       /* of the listener */
	char ipsec_profile[CONFIG_NAME_BYTES]; /* the same, or the one its binding names */
	char auth[IKE_AUTH_BYTES];             /* how the peer proved itself, "" while half open */
	struct config_binding binding;         /* by its secret or certificate map */
	int64_t cert_until_s; /* when the first of its certificates expires, UTC; 0 = none */
	char suite[64];       /* "aes256-sha256-prfsha256-modp2048" */
	uint64_t age_ms, rekey_in_ms, expires_in_ms, idle_ms, rtt_ms;
	uint64_t session_age_ms;         /* 0 while half open */
	char vendors[IKE_VENDORS_BYTES]; /* as it says of itself, unproven; "" = nothing */
	uint32_t send_id, recv_id;       /* next message ids */
	uint32_t retransmissions;        /* of ours, since the SA exists */
	uint8_t open_request_sends; /* times our unanswered request was sent; 0 = none is open */
	uint32_t rekeys;            /* of the IKE SA, in this session */
	uint32_t children;
	enum ike_reason last_reason;
};

/** Last failure of one peer: by claimed identity when one was seen, else by address. */
struct ike_failure {
	struct ike_event event;
	uint64_t at_ms;
	uint32_t count; /* failures in a row */
};

struct ike_totals {
	uint32_t half_open, sessions, children;
	uint64_t rx, tx, retransmitted, replayed_replies;
	uint64_t dropped_malformed, dropped_limit, dropped_unknown_sa, dropped_integrity,
		dropped_window, dropped_ikev1;
	uint64_t jobs_refused; /* the helpers' queue was full */
	uint64_t cookies_sent, init_ok, auth_ok, auth_failed;
	uint64_t child_rekeys, ike_rekeys;               /* by either side, */
	uint64_t child_rekeys_theirs, ike_rekeys_theirs; /* of these by the peer */
	/* Not those that are tried again at once: ours refused, the peer's refused by us. */
	uint64_t child_rekeys_failed, ike_rekeys_failed;
	uint64_t child_rekeys_refused, ike_rekeys_refused;
	uint64_t reasons[IKE_REASON_COUNT]; /* events, told or not */
};

void ike_each_sa(const struct ike *ike, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_sa_info *), void *arg);
/** session 0: the children of all. */
void ike_each_child(const struct ike *ike, uint64_t session, uint64_t now_ms,
	void (*fn)(void *arg, const struct ike_child_info *), void *arg);
void ike_each_failure(
	const struct ike *ike, void (*fn)(void *arg, const struct ike_failure *), void *arg);
/** Of this identity, proven or claimed. False: there is none. */
bool ike_failure_find(const struct ike *ike, const char *identity, struct ike_failure *out);
void ike_totals_get(const struct ike *ike, struct ike_totals *out);
/** How many IKE SAs are in each state there is, also those in which none is. */
void ike_each_state(
	const struct ike *ike, void (*fn)(void *arg, const char *state, uint32_t count), void *arg);

/** As identity_print(), a distinguished name in words, "" when there is none; returns buf. */
const char *ike_identity_print(const struct config_identity *id, char *buf, size_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

/**
 * X.509 certificates (RFC 5280) as IKE needs them (RFC 4945): read, ask who they name,
 * and check a chain against trust anchors and CRLs at a time the caller names. Octets
 * in, answers out; no file is opened here. Objects are immutable once they are in use,
 * counted, and safe in any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/octets.h"
#include "crypto/sign.h"

#define CERT_MAX_BYTES     8192 /* of one certificate */
#define CERT_CHAIN_MAX     8    /* certificates from leaf to anchor */
#define CERT_KEY_ID_BYTES  20   /* SHA-1 of SubjectPublicKeyInfo (RFC 7296, 3.7) */
#define CERT_TEXT_BYTES    256  /* a finding in words, with the closing zero */
#define CERT_TIME_BYTES    24   /* "2026-11-24 13:00:00 UTC" with the closing zero */
#define CERT_FIELD_BYTES   32   /* name of a field, with the closing zero */
#define CERT_NAME_BYTES    256  /* printed distinguished name, with the closing zero */
#define CERT_DN_MAX_BYTES  384  /* DER of a distinguished name in an ID payload */
#define CERT_CRL_MAX_BYTES (64u << 20)
#define CERT_NUMBER_BYTES  44 /* of a CRL, hexadecimal, with the closing zero */

struct cert;

/** One certificate in DER, nothing after it. 0, -EBADMSG, -ENOTSUP (its key), -ENOMEM. */
int cert_read(const void *der, size_t n, struct cert **out);
/**
 * All certificates of a file's content: PEM, or one in DER. The caller puts each back.
 * 0; -EBADMSG (list[*count] cannot be read), -ENODATA (none in there), -ENOTSUP, -ENOMEM, -E2BIG.
 * On error nothing is left in list.
 */
int cert_read_file(const void *data, size_t n, struct cert **list, size_t max, size_t *count);
struct cert *cert_get(struct cert *c);
/** NULL is fine. */
void cert_put(struct cert *c);

/** Valid as long as the certificate. */
struct octets cert_der(const struct cert *c);
struct octets cert_subject(const struct cert *c); /* DER of the name */
const struct sign_key *cert_key(const struct cert *c);
int64_t cert_not_before(const struct cert *c); /* seconds since 1970, UTC */
int64_t cert_not_after(const struct cert *c);
/** May it issue others (basicConstraints)? */
bool cert_is_ca(const struct cert *c);
bool cert_equal(const struct cert *a, const struct cert *b);
/**
 * Where its issuer says that the CRL it may be on lies (CRL distribution points), by index from 0:
 * one URI of any scheme into buf. Left out are those of another issuer's lists, those for some
 * reasons only, and what is too long or no plain ASCII. False: there are no more.
 */
bool cert_crl_uri(const struct cert *c, size_t index, char *buf, size_t room);

enum cert_name { /* values of IKE's identities (RFC 7296, 3.5) */
	CERT_IPV4 = 1,
	CERT_DNS = 2,
	CERT_EMAIL = 3,
	CERT_IPV6 = 5,
	CERT_DN = 9,
};

/**
 * Does it carry this name: as subjectAltName, or for CERT_DN as subject? DNS names and
 * mail hosts are compared without case and without wildcards, distinguished names as
 * RFC 5280, 7.1 says (case, blanks and string type do not count).
 */
bool cert_has_name(const struct cert *c, enum cert_name type, const void *data, size_t n);

/**
 * The first subjectAltName of that type, or the subject for CERT_DN. 0 octets when there
 * is none; valid as long as the certificate.
 */
struct octets cert_name_first(const struct cert *c, enum cert_name type);

/**
 * Call fn for every name: subject attributes of any RDN by their short names ("CN", "O",
 * "unstructuredName"), the same of the issuer as "issuer.CN", subjectAltNames as "dns",
 * "email", "ip", "uri", and "serial" in hexadecimal. text is UTF-8, control characters
 * (the zero among them) replaced by '?'. Stops when fn returns true, and returns that.
 */
typedef bool cert_field_fn(void *arg, const char *field, const char *text);
bool cert_each_field(const struct cert *c, cert_field_fn *fn, void *arg);

/**
 * Print the DER of a distinguished name: "C=CH, O=Example + OU=Lab, CN=hub". What a peer
 * chose comes out safe for a terminal. "" when it is no name. Returns buf.
 */
const char *cert_dn_print(const void *der, size_t n, char *buf, size_t room);
/** The subject in the same way, which costs less: it was read with the certificate. */
const char *cert_subject_print(const struct cert *c, char *buf, size_t room);
/** Equal as in cert_has_name(). */
bool cert_dn_equal(const void *a, size_t a_bytes, const void *b, size_t b_bytes);
/**
 * Call fn for every attribute of a distinguished name in DER, as in cert_each_field(), until it
 * returns true. False: it is no name.
 */
bool cert_dn_each_field(const void *der, size_t n, cert_field_fn *fn, void *arg);

/**
 * A distinguished name as text (RFC 4514, last RDN first, blanks between its parts allowed) to
 * DER. Returns the octets written, -ENOMEM, or -EINVAL with what is wrong in why.
 */
int cert_dn_parse(const char *text, void *der, size_t room, char *why, size_t why_bytes);

#define CERT_DN_KEY_BYTES 2048

/**
 * The attributes of a name in DER in an order of their own, without case and needless blanks:
 * equal for names with the same attributes and values, whatever string type, order and RDNs a
 * device makes of them. Returns the octets written; 0: it is no name, or far too long.
 */
size_t cert_dn_key(const void *der, size_t n, char out[CERT_DN_KEY_BYTES]);

/** UTC, "2026-11-24 13:00:00 UTC"; returns buf. */
const char *cert_time_print(int64_t at_s, char buf[CERT_TIME_BYTES]);

/* ---- trust ------------------------------------------------------------------------------ */

enum cert_crl_rule {
	CERT_CRL_OFF,         /* CRLs are not looked at */
	CERT_CRL_FAIL_OPEN,   /* without a valid CRL a certificate counts as not revoked */
	CERT_CRL_FAIL_CLOSED, /* every certificate of a chain needs a valid CRL of its issuer */
};

enum cert_fault {
	CERT_GOOD,
	CERT_EXPIRED,
	CERT_NOT_YET_VALID,
	CERT_UNTRUSTED, /* no way from it to an anchor */
	CERT_REVOKED,
	CERT_NO_CRL, /* none, or one past its time, and the rule is fail-closed */
	CERT_USAGE,  /* key usage or constraints forbid what it is used for */
	CERT_WEAK,   /* key or signature algorithm below what is accepted */
	CERT_BROKEN, /* signature wrong, critical extension unknown, ... */
	CERT_FAULTS
};

/** Which certificate was believed on whose word, small enough to keep for every peer. */
struct cert_mark {
	uint8_t chain[CERT_CHAIN_MAX - 1][32]; /* SHA-256 of issuer and serial from the leaf on,
						* without the anchor; zero = none */
	uint8_t anchor[32];                    /* SHA-256 of the anchor */
	uint8_t anchor_key[32]; /* and of its public key: it stays when the CA is renewed */
	int64_t until_s; /* when the first certificate of the chain expires, UTC; 0 = no chain */
	bool until_ca;   /* which is one of its CAs, not the leaf */
};

/** What cert_check() found; text is one sentence for people, naming the certificate. */
struct cert_finding {
	enum cert_fault fault;
	char text[CERT_TEXT_BYTES];
	struct cert_mark mark; /* CERT_GOOD only */
};

struct cert_trust;

/** sha1: accept SHA-1 signatures in chains. NULL: no memory. */
struct cert_trust *cert_trust_new(enum cert_crl_rule rule, bool sha1);
struct cert_trust *cert_trust_get(struct cert_trust *t);
void cert_trust_put(struct cert_trust *t);

/** 0, -EINVAL (no CA certificate), -ENOMEM. Not once the trust is in use. */
int cert_trust_add(struct cert_trust *t, struct cert *anchor);
/**
 * All CRLs of a file's content, PEM or DER. source is for the caller to know them by. 0,
 * -EBADMSG, -ENODATA (none in there), -ENOMEM. Not once the trust is in use.
 */
int cert_trust_add_crls(struct cert_trust *t, const void *data, size_t n, uint32_t source);

/** What a CRL says of itself. */
struct cert_crl_info {
	char issuer[CERT_NAME_BYTES];
	char number[CERT_NUMBER_BYTES];       /* "" = it has none */
	int64_t this_update_s, next_update_s; /* seconds since 1970, UTC; next 0 = never */
	uint32_t entries;
	uint32_t source;
	bool known; /* signed by an anchor, or an issuer that was added */
};
/** The one with that index, from 0. False: there are no more. As cert_trust_add_issuer(). */
bool cert_trust_crl(const struct cert_trust *t, size_t index, struct cert_crl_info *out);
/** When the first of its CRLs is no longer in force; 0 = none has an end. */
int64_t cert_trust_crl_until(const struct cert_trust *t);

/** Same anchors, same CRLs, same rule? */
bool cert_trust_equal(const struct cert_trust *a, const struct cert_trust *b);

/** Key ids of the anchors for CERTREQ; returns how many there are, writes at most max. */
size_t cert_trust_key_ids(
	const struct cert_trust *t, uint8_t (*ids)[CERT_KEY_ID_BYTES], size_t max);

/**
 * May the owner of leaf be believed at now_s? chain are certificates that may help, in
 * any order. Fills *f; returns f->fault.
 */
enum cert_fault cert_check(struct cert_trust *t, const struct cert *leaf, struct cert *const *chain,
	size_t n, int64_t now_s, struct cert_finding *f);

/** Is ca a CA certificate that an anchor vouches for at now_s? chain as in cert_check(). */
bool cert_trust_vouches(struct cert_trust *t, const struct cert *ca, struct cert *const *chain,
	size_t n, int64_t now_s);
/**
 * From now on CRLs of this CA count in cert_trust_revokes(), as those of anchors do; the
 * caller knows that it is vouched for. Once more changes nothing. 0 or -ENOMEM. Other threads
 * may check by t meanwhile, but this and those below belong to one thread at a time.
 */
int cert_trust_add_issuer(struct cert_trust *t, struct cert *ca);
bool cert_trust_has_issuer(const struct cert_trust *t, const struct cert *ca);

/** Is one of its certificates on a CRL that an anchor signed, or an issuer that was added? */
bool cert_trust_revokes(const struct cert_trust *t, const struct cert_mark *m);
/** The anchor with that index, from 0, valid as long as t; NULL: there are no more. */
const struct cert *cert_trust_anchor(const struct cert_trust *t, size_t index);
/** Is the anchor it was believed by still one? */
bool cert_trust_anchors(const struct cert_trust *t, const struct cert_mark *m);

#endif

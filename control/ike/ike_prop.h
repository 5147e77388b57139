/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_PROP_H
#define CONTROL_IKE_IKE_PROP_H

/**
 * Negotiation of algorithms (RFC 7296, 2.7 and 3.3): our lines, in our order, over
 * the whole matrix of what the peer offers. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "control/ike/ike_wire.h"

#define IKE_TRANSFORMS_MAX 96 /* per proposal */

enum ike_transform_type { T_ENCR = 1, T_PRF = 2, T_INTEG = 3, T_DH = 4, T_ESN = 5, T_KINDS = 6 };

#define DH_NONE 0

/** One proposal of a peer. */
struct ike_offer {
	uint8_t number;
	uint8_t protocol;
	uint8_t spi_bytes;
	uint64_t spi;
	bool unacceptable; /* holds a transform type or attribute we do not know */
	uint8_t kinds;     /* bit per transform type present */
	uint8_t count;
	struct ike_transform {
		uint8_t type;
		uint16_t id;
		uint16_t key_bits; /* 0: attribute absent */
	} transforms[IKE_TRANSFORMS_MAX];
};

/** What was agreed: exactly one of each kind. */
struct ike_suite {
	uint16_t encr, encr_bits;
	uint16_t integ;  /* 0 with AEAD */
	uint16_t prf;    /* IKE only */
	uint16_t dh;     /* 0 = none */
	bool esn;        /* ESP only */
	uint8_t number;  /* of the proposal it was chosen from */
	uint64_t spi;    /* the peer's, in that proposal */
	bool integ_none; /* the peer wrote INTEG NONE out: so do we */
	bool dh_none;    /* likewise for the group */
	uint8_t weak;    /* of the line it was chosen by */
};

/** How the group is chosen. */
enum ike_dh_rule {
	DH_RULE_LINE,    /* each of our lines names it (IKE SA) */
	DH_RULE_IGNORE,  /* first child: keys come from the IKE SA */
	DH_RULE_PEER,    /* as the peer wants, out of the groups list */
	DH_RULE_REQUIRE, /* one out of the groups list */
	DH_RULE_NONE,    /* no group */
};

/** What we are ready to take. */
struct ike_policy {
	uint8_t protocol; /* PROTO_IKE or PROTO_ESP */
	const struct config_proposal *lines;
	size_t lines_count; /* sorted: proposal_sort() */
	enum ike_dh_rule dh_rule;
	const uint16_t *groups; /* for DH_RULE_PEER and DH_RULE_REQUIRE */
	size_t groups_count;
	uint16_t ke_group; /* group of the KE payload that came, 0 = none: preferred */
};

/**
 * Next proposal of an SA payload. Returns 1, 0 at the end, -EBADMSG. A number of
 * transforms above the table makes the proposal unacceptable, not the message.
 */
int ike_offer_next(struct cursor *sa, struct ike_offer *out);

/**
 * Returns 0, -ENOENT when nothing matches, -EBADMSG. Weak algorithms are chosen only where the
 * peer offers nothing better, whatever group its KE came with.
 */
int ike_suite_choose(struct ike_view sa, const struct ike_policy *policy, struct ike_suite *out);

/** Nothing matched policy, but would with the weak algorithms `legacy: true` adds? */
bool ike_offer_is_legacy(struct ike_view sa, const struct ike_policy *policy);

/** Does any proposal name a Diffie-Hellman group? */
bool ike_offer_has_group(struct ike_view sa);

/** Check a peer's answer: one proposal, one of each kind, out of what policy allows. */
int ike_suite_accept(struct ike_view sa, const struct ike_policy *policy, struct ike_suite *out);

/** What a configured line says, as a suite without group when dh is false. */
struct ike_suite ike_line_suite(const struct config_proposal *line, bool dh);

/**
 * An SA payload of one proposal per suite, in order. Numbers count from 1; an answer
 * (one suite that was chosen) keeps the number it was chosen from. spi_bytes: 0 in
 * IKE_SA_INIT, 8 in a rekey of the IKE SA, 4 for ESP.
 */
void ike_suites_write(struct ike_chain *c, uint8_t protocol, const struct ike_suite *s, size_t n,
	uint64_t spi, size_t spi_bytes);

/** One proposal of n transforms, the last of its payload or not; spi_bytes as above. */
void ike_proposal_write(struct writer *w, uint8_t protocol, uint8_t number,
	const struct ike_transform *t, unsigned n, bool last, uint64_t spi, size_t spi_bytes);

/** "aes256-sha256-prfsha256-modp2048, ..." of an SA payload, cut at n; returns buf. */
const char *ike_offer_print(struct ike_view sa, char *buf, size_t n);
/** "curve25519, ecp256": groups by name. */
const char *ike_groups_print(const uint16_t *groups, size_t count, char *buf, size_t n);
/** The same of our lines. */
const char *ike_lines_print(const struct ike_policy *policy, char *buf, size_t n);
const char *ike_suite_print(uint8_t protocol, const struct ike_suite *s, char *buf, size_t n);

#endif

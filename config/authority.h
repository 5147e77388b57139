/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_AUTHORITY_H
#define CONFIG_AUTHORITY_H

/**
 * By what a peer proved that it is who it says, and so whose place it may take.
 *
 * A name alone makes nobody the owner of what a session of that name has: who holds a key
 * that is for several can say any name. Owner is (identity, authority). Of two sessions with
 * one identity the newer may have what the older has when
 *	it was proven by the same authority: the same CA, whatever the certificate, so that it
 *	can be renewed; the same entry under secrets;
 *	or by a stronger one, in the order of enum authority_kind;
 *	or the older is not there any more. (Its place is not kept: a spoke may go back to a key.)
 */
#include "config/config.h"

#define AUTHORITY_BYTES 16

enum authority_kind {
	AUTHORITY_NONE,    /* nothing was proven: a cloud in clear */
	AUTHORITY_KEY,     /* a shared key for several: by pattern, network, address, or anybody */
	AUTHORITY_OWN_KEY, /* a shared key for exactly this identity */
	AUTHORITY_CERTIFICATE,
};

struct authority {
	uint8_t kind;                /* enum authority_kind */
	uint8_t by[AUTHORITY_BYTES]; /* digest of the entry, of the CA's key; compared as octets */
};

/** Of the entry under secrets whose key it has. */
struct authority authority_of_key(const struct config_whom *entry);
/** Of the CA whose public key begins its digest so: the anchor its certificate was believed by. */
struct authority authority_of_ca(const uint8_t key_digest[AUTHORITY_BYTES]);

/** May who is proven by `newer` take the place of a live session of its identity? */
bool authority_may_take(const struct authority *older, const struct authority *newer);

/** "a certificate", "a key of its own", "a key for several", "nothing". */
const char *authority_name(const struct authority *a);

#endif

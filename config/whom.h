/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_WHOM_H
#define CONFIG_WHOM_H

/**
 * Which of many keys is the one for a peer. The most exact entry counts: the identity, the
 * longest pattern that fits it, the longest prefix of the outer address, anybody. Host names
 * are the same in any case, as are hosts of mail addresses; distinguished names as cert_dn_key()
 * says. An index finds the entry in a time that does not grow with their number. It points to
 * what was added, which has to outlive it; of one thread.
 */
#include "config/config.h"

#define WHOM_NONE UINT32_MAX

/**
 * An identity as identity_parse() takes it, a network of such that are addresses, or a host name,
 * mail address or key id with one "*" at its beginning or end. 0, or -EINVAL with what is wrong
 * in why where the form alone does not say it, else "".
 */
int whom_parse(const char *text, struct config_whom *w, char *why, size_t n);
/** As whom_parse() reads it, the network of an address, or "any peer"; returns buf. */
const char *whom_print(const struct config_whom *w, char *buf, size_t n);

/** Written the same, but for case and the like? */
bool whom_equal(const struct config_whom *a, const struct config_whom *b);

/** The same number for those, in all likelihood another for others. */
uint64_t whom_hash(const struct config_whom *w);

struct whom_index;

/** For at most so many entries. NULL: no memory. */
struct whom_index *whom_index_new(size_t most);
/** NULL is fine. */
void whom_index_free(struct whom_index *x);

/**
 * Entry number `entry` is for w. name[n] further tells entries apart that are for the same
 * peer (the id of a PPK; NULL, 0: none). Of two that are equal the first is found.
 */
void whom_index_add(struct whom_index *x, const struct config_whom *w, const void *name, size_t n,
	uint32_t entry);

/** The entry for exactly the same peers, or WHOM_NONE. A NULL index has no entries. */
uint32_t whom_same(struct whom_index *x, const struct config_whom *w, const void *name, size_t n);

/** The entry for a peer, or WHOM_NONE. id, remote: NULL or ID_NONE, ADDR_NONE when not known. */
uint32_t whom_find(struct whom_index *x, const struct config_identity *id,
	const struct addr *remote, const void *name, size_t n);

/** Entries looked at so far by the two above: what they cost. */
uint64_t whom_index_looked(const struct whom_index *x);

#endif

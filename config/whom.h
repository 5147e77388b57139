/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_WHOM_H
#define CONFIG_WHOM_H

/**
 * Which of many keys is the one for a peer. The most exact entry counts: the identity, then the
 * longest prefix of the outer address, then anybody. An index finds it in a time that does not
 * grow with the number of entries. It points to what was added, which has to outlive it; of one
 * thread.
 */
#include "config/config.h"

#define WHOM_NONE UINT32_MAX

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

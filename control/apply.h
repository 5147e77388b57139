/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_APPLY_H
#define CONTROL_APPLY_H

/**
 * From the configuration to the modules: what naved does once at start and
 * `reload` does in part again. Control core only.
 *
 * A change of a cloud has two halves. What can fail comes first, adds only, and can be
 * taken back; what takes something away comes after all of the first half went well.
 */
#include <stdint.h>

#include "config/config.h"

struct dpif;
struct ike;
struct nhrp;
struct spokes;

/** The modules that hold a copy of some of the configuration. */
struct apply {
	struct dpif *dpif;
	struct ike *ike;
	struct nhrp *nhrp;
	struct spokes *spokes;
};

/** IKE profiles, keys and the addresses to listen on. 0 or -errno; on error nothing changed. */
int apply_ike(const struct apply *a, const struct config *c, uint64_t now_ms);

/** A cloud appears (was NULL) or changes. 0 or -errno; on error nothing changed. */
int apply_cloud_prepare(
	const struct apply *a, const struct config_cloud *c, const struct config_cloud *was);
/** Take that back. */
void apply_cloud_undo(
	const struct apply *a, const struct config_cloud *c, const struct config_cloud *was);
/** Second half: spokes that cannot stay are told and closed. */
void apply_cloud_commit(const struct apply *a, const struct config_cloud *c,
	const struct config_cloud *was, uint64_t now_ms);

/** Its spokes are told and closed; twin, addresses and routes vanish. */
void apply_cloud_remove(const struct apply *a, const struct config_cloud *c, uint64_t now_ms);

/** All of it, into modules that have nothing yet. 0 or -errno. */
int apply_all(const struct apply *a, const struct config *c, uint64_t now_ms);

#endif

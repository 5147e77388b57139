/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_APPLY_H
#define CONTROL_APPLY_H

/**
 * From the configuration to the modules: what naved does once at start and
 * `reload` does in part again. Control core only.
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

/** A cloud appears or changes, in every module. 0 or -errno. */
int apply_cloud(const struct apply *a, const struct config_cloud *c, uint64_t now_ms);

/** All of it, into modules that have nothing yet. 0 or -errno. */
int apply_all(const struct apply *a, const struct config *c, uint64_t now_ms);

#endif

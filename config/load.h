/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

/** The steps of config_load() behind its public face. */
#include "config/report.h"
#include "config/schema.h"

/**
 * config_load() on text already in memory; data need not end in zero. Secret files it
 * names are read. Same results and ownership as config_load().
 */
int config_load_buffer(const char *data, size_t bytes, config_host_check *host, struct config **out,
	struct config_errors *errors);

/**
 * Turn loaded text into values, reading secret files; defaults are filled in. raw must
 * have passed walk_document(). What is wrong with secret files goes into r. NULL
 * without memory.
 */
struct config *build_config(const struct raw_config *raw, struct report *r);

/** What a key or map allows those it lets in. */
void build_binding(const struct raw_binding *raw, struct config_binding *b);

/** The part of a profile about certificates, with the files it names (build_pki.c). */
void build_pki(const struct raw_profile *raw, uint32_t i, const char *state_directory,
	struct config_ike_profile *profile, struct report *r);

/** Everything that needs more than one key to judge. Errors and warnings go into r. */
void check_config(const struct config *c, struct report *r);
/** The part of it about network devices (check_devices.c). */
void check_devices(const struct config *c, struct report *r);
/** The part of it about the certificates of profile i (check_pki.c). */
void check_pki(const struct config *c, uint32_t i, struct report *r);

#endif

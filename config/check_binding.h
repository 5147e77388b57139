/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_CHECK_BINDING_H
#define CONFIG_CHECK_BINDING_H

/** Private to config/check*.c: profiles that keys and certificate maps name. */
#include "config/report.h"

/** The profile a key or map names is there; path: of that. */
void check_binding(
	const struct config *c, const struct config_binding *b, const char *path, struct report *r);
/** Does any key or map name this profile? */
bool check_profile_bound(const struct config *c, const char *name);
/** Are there spokes for whom this cloud has to be in tunnel mode? */
bool check_tunnel_demanded(const struct config *c, const struct config_cloud *cloud);

#endif

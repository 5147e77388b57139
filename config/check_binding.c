/* SPDX-License-Identifier: BSD-3-Clause */
/** Profiles that keys and certificate maps name for those they let in. */
#include "config/check_binding.h"

#include <stdio.h>
#include <string.h>

#include "config/pki.h"

/** "a, b, c" of all there are, as far as they fit. */
static void
names_print(const struct config *c, char *buf, size_t n)
{
	size_t at = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < c->ike_count; i++) {
		if (at + strlen(c->ike[i].name) + sizeof(", ...") > n) {
			snprintf(buf + at, n - at, ", ...");
			return;
		}
		at += (size_t)snprintf(
			buf + at, n - at, "%s%s", at > 0 ? ", " : "", c->ike[i].name);
	}
}

void
check_binding(
	const struct config *c, const struct config_binding *b, const char *path, struct report *r)
{
	char names[120];

	if (b->profile[0] == '\0' || config_ike_find(c, b->profile) != NULL)
		return;
	names_print(c, names, sizeof(names));
	report_error(r, path,
		"found \"%s\"; allowed: the name of a profile under \"ike\" (%s); correct it, or "
		"leave it out for the one of the cloud",
		b->profile, names);
}

/** Does a map of this profile name the other? */
static bool
map_names(const struct config_ike_profile *p, const char *name)
{
	for (uint32_t i = 0; p->pki != NULL && i < p->pki->maps_count; i++)
		if (strcmp(p->pki->maps[i].binding.profile, name) == 0)
			return true;
	return false;
}

bool
check_profile_bound(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->ike_count; i++)
		if (map_names(&c->ike[i], name))
			return true;
	for (uint32_t i = 0; i < c->psks_count; i++)
		if (c->psks[i].item == 0 && strcmp(c->psks[i].binding.profile, name) == 0)
			return true;
	return false;
}

/** Whoever is bound so may join this cloud, and this only, in tunnel mode. */
static bool
demands_tunnel(
	const struct config *c, const struct config_binding *b, const struct config_cloud *cloud)
{
	const struct config_ike_profile *p;

	if (b->profile[0] == '\0' || (b->cloud[0] != '\0' && strcmp(b->cloud, cloud->name) != 0))
		return false;
	p = config_ike_find(c, b->profile);
	return p != NULL && p->mode == MODE_TUNNEL;
}

bool
check_tunnel_demanded(const struct config *c, const struct config_cloud *cloud)
{
	const struct config_ike_profile *own = config_ike_find(c, cloud->protection);
	bool any = false;

	for (uint32_t i = 0; i < c->ike_count; i++)
		any |= c->ike[i].mode == MODE_TUNNEL;
	if (!any || own == NULL)
		return false;
	if (own->mode == MODE_TUNNEL)
		return true;
	for (uint32_t i = 0; own->pki != NULL && i < own->pki->maps_count; i++)
		if (demands_tunnel(c, &own->pki->maps[i].binding, cloud))
			return true;
	for (uint32_t i = 0; i < c->psks_count; i++)
		if (c->psks[i].item == 0 && demands_tunnel(c, &c->psks[i].binding, cloud))
			return true;
	return false;
}

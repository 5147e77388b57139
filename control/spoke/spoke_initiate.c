/* SPDX-License-Identifier: BSD-3-Clause */
/* IKE begun by us, on the operator's word: a spoke that is down, or any outer address. */
#include <errno.h>
#include <string.h>

#include "control/spoke/link.h"

#define PORT_IKE  500
#define PORT_NATT 4500

/** A spoke's link in a protected cloud, that with a session if there is one. */
static const struct link *
link_find(const struct spokes *s, const char *what)
{
	const struct link *found = NULL;

	for (uint32_t i = 0; i < s->max_links; i++) {
		const struct link *l = s->slots[i];

		if (l == NULL || !l->cloud->cfg.protected_ || !link_named(l, what))
			continue;
		if (found == NULL || found->session == NULL)
			found = l;
	}
	return found;
}

/** Is it the one of a spoke no cloud has a link of, or of one whose link has another name? */
static bool
session_named_by(const struct spokes *s, const char *what, const struct addr *remote)
{
	const struct session *e;
	size_t at = 0;

	while ((e = map_next(&s->sessions, &at)) != NULL)
		if (strcmp(e->info.peer_text, what) == 0 ||
			addr_equal(&e->info.path.remote, remote))
			return true;
	return false;
}

/** The source address of protected clouds, when all have the same one. 0 or -EXDEV. */
static int
source_find(const struct spokes *s, struct addr *source)
{
	for (unsigned i = 0; i < DP_CLOUDS_MAX; i++) {
		const struct cloud_entry *c = &s->clouds[i];

		if (c->id == 0 || !c->cfg.protected_)
			continue;
		if (source->family != ADDR_NONE && !addr_equal(source, &c->cfg.source))
			return -EXDEV;
		*source = c->cfg.source;
	}
	return source->family != ADDR_NONE ? 0 : -EXDEV;
}

/** Where a spoke was last, behind its NAT if there was one. */
static void
path_of_link(const struct link *l, struct ike_path *path)
{
	*path = (struct ike_path){
		.local = l->spec.local,
		.remote = l->spec.remote,
		.local_port = PORT_IKE,
		.remote_port = PORT_IKE,
	};
	if (l->spec.udp_remote == 0)
		return;
	path->natt = true;
	path->local_port = PORT_NATT;
	path->remote_port = l->spec.udp_remote;
}

int
spokes_initiate(
	struct spokes *s, const char *what, unsigned how, uint64_t now_ms, struct ike_path *path)
{
	struct ike_dial dial = {
		.transport = !(how & SPOKE_IN_TUNNEL_MODE),
		.psk = how & SPOKE_BY_PSK,
	};
	const struct link *l = link_find(s, what);
	int err = 0;

	s->now_ms = now_ms;
	*path = (struct ike_path){ .local_port = PORT_IKE, .remote_port = PORT_IKE };
	if (l != NULL) {
		path_of_link(l, path);
		dial.peer = l->identity;
	} else if (addr_parse(what, &path->remote) != 0) {
		path->remote.family = ADDR_NONE;
	}
	if ((l != NULL && l->session != NULL) || session_named_by(s, what, &path->remote))
		return -EEXIST;
	if (path->remote.family == ADDR_NONE)
		return -ENOENT;
	if (l == NULL)
		err = source_find(s, &path->local);
	if (err != 0)
		return err;
	dial.path = *path;
	return ike_initiate(s->ike, &dial, now_ms) != 0 ? 0 : -EBUSY;
}

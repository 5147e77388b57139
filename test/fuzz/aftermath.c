/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/fuzz/aftermath.h"

#include <string.h>

#include "config/pki.h"

static void
shown(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			__builtin_trap();
}

static void
sa_look(void *arg, const struct ike_sa_info *i)
{
	shown(i->peer_text);
	shown(i->local_text);
	shown(i->suite);
	shown(i->auth);
	(*(uint32_t *)arg)++;
}

static void
child_look(void *arg, const struct ike_child_info *i)
{
	shown(i->suite);
	shown(i->pfs);
}

static void
failure_look(void *arg, const struct ike_failure *f)
{
	shown(f->event.identity);
	shown(f->event.detail);
	shown(f->event.offered);
}

static void
state_look(void *arg, const char *state, uint32_t count)
{
	*(uint32_t *)arg += count;
}

static void
hub_look(struct net *n)
{
	struct ike_failure failure;
	uint32_t sas = 0, by_state = 0;

	ike_each_state(n->hub.ike, state_look, &by_state);
	if (ike_failure_find(n->hub.ike, n->hub.last_event.identity, &failure))
		failure_look(NULL, &failure);
	ike_each_sa(n->hub.ike, n->now_ms, sa_look, &sas);
	if (sas != by_state)
		__builtin_trap();
	ike_each_child(n->hub.ike, 0, n->now_ms, child_look, NULL);
	ike_each_failure(n->hub.ike, failure_look, NULL);
}

/** The file is read anew: the key has another group and no profile of its own, trust is as it was.
 */
static void
hub_reload(struct net *n)
{
	struct node *hub = &n->hub;

	memset(&hub->psks[0].binding, 0, sizeof(hub->psks[0].binding));
	strcpy(hub->psks[0].binding.group, "moved");
	if (hub->profile.pki == NULL)
		hub->bound[0].name[0] = '\0';
	net_configure(hub);
	if (hub->profile.pki != NULL)
		ike_trust_set(hub->ike, hub->profile.name, hub->profile.pki->trust, n->now_ms);
	net_run(n, 50);
}

/** Nothing comes from the spoke for a while: is it there? */
static void
hub_probe(struct net *n)
{
	n->cut = true;
	net_run(n, 1000 * n->hub.profile.dpd_s);
	n->cut = false;
	ike_probe(n->hub.ike, n->hub.session.session, n->now_ms);
	net_run(n, 200);
}

void
aftermath(struct net *n)
{
	uint64_t session = n->hub.session.session;
	struct ike_totals t;

	hub_look(n);
	if (ike_rekey(n->hub.ike, session, n->now_ms) == 0) {
		net_run(n, 200);
		ike_path_moved(n->hub.ike, n->hub.sending, &n->spoke.addr, 4501, n->now_ms);
		net_run(n, 200);
	}
	hub_reload(n);
	hub_probe(n);
	ike_unknown_spi(n->hub.ike,
		&(struct ike_path){ .local = n->hub.addr, .remote = n->spoke.addr }, 0x01020304,
		n->now_ms);
	hub_look(n);
	ike_close(n->hub.ike, session, IKE_REASON_OPERATOR, n->now_ms);
	net_run(n, 40000);
	hub_look(n);
	ike_totals_get(n->hub.ike, &t);
	if (t.half_open > 0 || (t.sessions == 0 && n->hub.spis != 0))
		__builtin_trap();
	net_end(n);
}

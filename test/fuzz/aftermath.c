/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/fuzz/aftermath.h"

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
hub_look(struct net *n)
{
	ike_each_sa(n->hub.ike, n->now_ms, sa_look, NULL);
	ike_each_child(n->hub.ike, 0, n->now_ms, child_look, NULL);
	ike_each_failure(n->hub.ike, failure_look, NULL);
}

void
aftermath(struct net *n)
{
	uint64_t session = n->hub.session.session;
	struct ike_totals t;

	hub_look(n);
	if (ike_rekey(n->hub.ike, session, n->now_ms) == 0) {
		net_run(n, 200);
		ike_probe(n->hub.ike, session, n->now_ms);
		ike_path_moved(n->hub.ike, n->hub.sending, &n->spoke.addr, 4501, n->now_ms);
		net_run(n, 200);
	}
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

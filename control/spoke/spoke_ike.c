/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the IKE engine wants done: datagrams out, child SAs into the data plane,
 * sessions into links.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/base/log.h"
#include "control/route/rib.h"
#include "control/spoke/link.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

#define CHILD_GRACE_MS 5000 /* old inbound SA after a rekey, for packets in flight */

static void
op_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	struct spokes *s = user;
	static uint8_t marked[4 + 65535]; /* non-ESP marker, RFC 3948 2.2 */
	const struct cloud_entry *c = cloud_of_local(s, &path->local);
	uint32_t uplink;

	if (c == NULL || n > sizeof(marked) - 4)
		return;
	uplink = rib_uplink_find(s->rib, c->transport_ctx, &path->remote);
	if (path->natt) {
		memcpy(marked + 4, bytes, n);
		bytes = marked;
		n += 4;
	}
	int err = dp_send_udp(s->dp, &path->local, path->local_port, &path->remote,
		path->remote_port, uplink, bytes, n);
	if (err != 0)
		log_limited(LOG_WARNING, "ike-send", "IKE datagram not sent: %s", strerror(-err));
}

static void
op_random(void *user, void *out, size_t n)
{
	(void)user;
	rand_bytes(out, n);
}

static int64_t
op_wall_s(void *user)
{
	(void)user;
	return (int64_t)time(NULL);
}

static uint32_t
op_spi_alloc(void *user)
{
	struct spokes *s = user;
	uint32_t spi;

	return dp_spi_new(s->dp, &spi) == 0 ? spi : 0;
}

static void
op_spi_free(void *user, uint32_t spi)
{
	struct spokes *s = user;

	dp_spi_free(s->dp, spi);
}

/* ---- child SAs ------------------------------------------------------------- */

/** The cloud a child of this profile and local address belongs to. */
static struct cloud_entry *
cloud_of_child(struct spokes *s, const struct ike_child_sa *sa)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		struct cloud_entry *c = cloud_entry(s, id);

		if (c != NULL && c->cfg.protected_ && addr_equal(&c->cfg.source, &sa->path.local) &&
			strcmp(c->cfg.protection, sa->profile) == 0)
			return c;
	}
	return NULL;
}

/** The session's link, made by its first child. */
static struct link *
link_of_child(struct spokes *s, const struct ike_child_sa *sa)
{
	struct link *l = map_get(&s->by_session, sa->session);
	struct cloud_entry *cloud = cloud_of_child(s, sa);
	struct dp_peer spec = {
		.local = sa->path.local,
		.remote = sa->path.remote,
		.udp_local = sa->udp ? sa->path.local_port : 0,
		.udp_remote = sa->udp ? sa->path.remote_port : 0,
	};

	if (l != NULL || cloud == NULL)
		return l;
	l = link_new(s, cloud, &spec);
	if (l == NULL || map_set(&s->by_session, sa->session, l) != 0)
		return NULL;
	l->session = sa->session;
	l->identity = sa->peer;
	l->claimed = sa->remote_claimed;
	ike_identity_print(&sa->peer, l->identity_text, sizeof(l->identity_text));
	return l;
}

/** Lay the keys of one direction out as the data plane takes them. */
static size_t
keymat_write(uint8_t out[LINK_KEYMAT_BYTES], const struct ike_esp_keys *k)
{
	memcpy(out, k->encr, k->encr_bytes);
	memcpy(out + k->encr_bytes, k->integ, k->integ_bytes);
	return (size_t)k->encr_bytes + k->integ_bytes;
}

/** What both directions have in common. */
static struct dp_sa
sa_common(const struct ike_child_sa *sa)
{
	return (struct dp_sa){
		.cookie = sa->child,
		.encr = sa->encr,
		.encr_bits = sa->encr_bits,
		.integ = sa->integ,
		.esn = sa->esn,
		.tunnel_mode = sa->tunnel,
		.replay_window = sa->replay_window,
		.ts_local = sa->ts_local,
		.ts_remote = sa->ts_remote,
		.udp_encap = sa->udp,
	};
}

static int
op_child_install(void *user, const struct ike_child_sa *sa)
{
	struct spokes *s = user;
	struct link *l = link_of_child(s, sa);
	struct child *c = l == NULL ? NULL : calloc(1, sizeof(*c));
	uint8_t keymat[LINK_KEYMAT_BYTES];
	struct dp_sa in = sa_common(sa);
	int err;

	if (c == NULL || map_set(&s->by_child, sa->child, c) != 0) {
		free(c);
		return l == NULL ? -ENOENT : -ENOMEM;
	}
	in.spi = sa->spi_in;
	in.keymat = keymat;
	in.keymat_bytes = keymat_write(keymat, &sa->in);
	err = dp_sa_in_attach(s->dp, l->peer, &in);
	secret_wipe_bytes(keymat, sizeof(keymat));
	if (err != 0) {
		map_del(&s->by_child, sa->child);
		free(c);
		return err;
	}

	c->id = sa->child;
	c->replaces = sa->replaces;
	c->link = l;
	c->spi_in = sa->spi_in;
	c->spi_out = sa->spi_out;
	c->out = sa_common(sa);
	c->out.spi = sa->spi_out;
	c->out.keymat = c->keymat;
	c->out.keymat_bytes = keymat_write(c->keymat, &sa->out);
	c->next = l->children;
	l->children = c;
	return -EINPROGRESS; /* DP_SA_ATTACHED tells the engine */
}

static void
op_child_use_outbound(void *user, uint64_t child)
{
	struct spokes *s = user;
	struct child *c = map_get(&s->by_child, child);
	bool first;
	int err;

	if (c == NULL)
		return;
	first = c->link->sending == NULL;
	err = dp_peer_sa_out(s->dp, c->link->peer, &c->out);
	secret_wipe_bytes(c->keymat, sizeof(c->keymat));
	c->used = true;
	if (err != 0) {
		log_error("spoke %s: outbound SA refused by the data plane: %s",
			c->link->identity_text, strerror(-err));
		return;
	}
	c->link->sending = c;
	if (!first)
		return;
	c->link->up_ms = s->now_ms;
	link_announce(s, c->link);
	link_supersede(s, c->link);
	link_log(c->link, "child SA up", NULL);
}

/** Another child that can be sent on, when the one in use goes. */
static struct child *
child_spare(const struct link *l)
{
	for (struct child *c = l->children; c != NULL; c = c->next)
		if (!c->used)
			return c;
	return NULL;
}

static void
child_unlink(struct link *l, struct child *c)
{
	struct child **at = &l->children;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void
op_child_remove(void *user, uint64_t child, enum ike_reason reason)
{
	struct spokes *s = user;
	struct child *c = map_del(&s->by_child, child);
	struct link *l;

	if (c == NULL)
		return;
	l = c->link;
	child_unlink(l, c);
	if (l->sending == c) {
		struct child *spare = child_spare(l);

		l->sending = NULL;
		if (spare != NULL) {
			op_child_use_outbound(s, spare->id);
		} else {
			dp_peer_sa_out(s->dp, l->peer, NULL); /* fail closed, at once */
			l->reason = ike_reason_name(reason);
			nhrp_link_down(s->nhrp, l->cloud->id, l->id, s->now_ms);
			link_log(l, "child SA down", l->reason);
		}
	}
	dp_sa_in_retire(s->dp, c->spi_in, reason == IKE_REASON_REKEYED ? CHILD_GRACE_MS : 0);
	secret_wipe_bytes(c, sizeof(*c));
	free(c);
}

static void
op_child_moved(void *user, uint64_t child, const struct ike_path *path)
{
	struct spokes *s = user;
	struct child *c = map_get(&s->by_child, child);

	if (c == NULL)
		return;
	link_move(s, c->link, path, path->natt);
	link_announce(s, c->link);
	link_log(c->link, "moved to another outer address", NULL);
}

/* ---- sessions -------------------------------------------------------------- */

static void
op_peer_up(void *user, const struct ike_session *info)
{
	struct spokes *s = user;
	struct session *e = calloc(1, sizeof(*e));
	char nbma[ADDR_TEXT_BYTES];

	if (e == NULL || map_set(&s->sessions, info->session, e) != 0) {
		free(e);
		return;
	}
	*e = (struct session){ .id = info->session, .info = *info, .since_ms = s->now_ms };
	log_info("spoke %s profile %s nbma %s%s: IKE up, proven by %s", info->peer_text,
		info->profile, addr_print(&info->path.remote, nbma),
		info->nat_remote ? " behind NAT" : "", info->auth);
}

static void
op_peer_down(void *user, const struct ike_session *info, enum ike_reason reason)
{
	struct spokes *s = user;
	struct link *l = map_del(&s->by_session, info->session);

	free(map_del(&s->sessions, info->session));
	while (l != NULL) {
		struct link *next = l->next_of_session;

		l->session = 0;
		l->next_of_session = NULL;
		l->reason = ike_reason_name(reason);
		link_release(s, l);
		l = next;
	}
	log_notice("spoke %s: IKE down: %s", info->peer_text, ike_reason_name(reason));
}

static void
op_event(void *user, const struct ike_event *e)
{
	char nbma[ADDR_TEXT_BYTES];

	(void)user;
	log_warning("ike %s%s%s: %s%s%s%s%s%s%s%s%s%s", addr_print(&e->path.remote, nbma),
		e->identity[0] ? e->authenticated ? " identity " : " claims identity " : "",
		e->identity, ike_reason_name(e->reason), e->detail[0] ? ": " : "", e->detail,
		e->offered[0] ? "; offered " : "", e->offered, e->wanted[0] ? "; would match " : "",
		e->wanted, e->remedy[0] ? "; " : "", e->remedy, e->suppressed ? " (repeated)" : "");
}

const struct ike_ops spoke_ike_ops = {
	.send = op_send,
	.random = op_random,
	.wall_s = op_wall_s,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = op_child_install,
	.child_use_outbound = op_child_use_outbound,
	.child_remove = op_child_remove,
	.child_moved = op_child_moved,
	.peer_up = op_peer_up,
	.peer_down = op_peer_down,
	.event = op_event,
};

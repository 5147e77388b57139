/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the IKE engine wants done: datagrams out, child SAs into the data plane,
 * sessions into links.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/base/helpers.h"
#include "control/base/log.h"
#include "control/route/rib.h"
#include "control/spoke/link.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

#define CHILD_GRACE_MS 5000 /* old inbound SA after a rekey, for packets in flight */

static void
datagram_send(struct spokes *s, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	const struct cloud_entry *c = cloud_of_local(s, &path->local);
	uint32_t uplink;

	if (c == NULL)
		return;
	uplink = rib_uplink_find(s->rib, c->transport_ctx, &path->remote);
	int err = dp_send_udp(s->dp, &path->local, path->local_port, &path->remote,
		path->remote_port, uplink, bytes, n);
	if (err != 0)
		log_limited(LOG_WARNING, "ike-send", "IKE datagram not sent: %s", strerror(-err));
}

static void
op_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	static uint8_t marked[4 + 65535]; /* non-ESP marker, RFC 3948 2.2 */

	if (n > sizeof(marked) - 4)
		return;
	if (path->natt) {
		memcpy(marked + 4, bytes, n);
		bytes = marked;
		n += 4;
	}
	datagram_send(user, path, bytes, n);
}

static void
op_keepalive(void *user, const struct ike_path *path)
{
	datagram_send(user, path, (const uint8_t[1]){ 0xff }, 1);
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

static uint64_t
op_ike_spi(void *user)
{
	struct spokes *s = user;
	uint64_t random;

	rand_bytes(&random, sizeof(random));
	return dp_ike_spi(s->dp, random);
}

static void
op_ike_spi_proven(void *user, uint64_t spi)
{
	struct spokes *s = user;

	dp_ike_spi_proven(s->dp, spi);
}

static void
op_ike_spi_free(void *user, uint64_t spi)
{
	struct spokes *s = user;

	dp_ike_spi_free(s->dp, spi);
}

/* ---- child SAs ------------------------------------------------------------- */

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

/** Its outbound half, kept ready; the data plane has the inbound one. */
static struct child *
child_new(struct session *e, const struct ike_child_sa *sa)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->id = sa->child;
	c->session = e;
	c->spi_in = sa->spi_in;
	c->spi_out = sa->spi_out;
	c->out = sa_common(sa);
	c->out.spi = sa->spi_out;
	c->out.soft_packets = sa->soft_packets;
	c->out.soft_bytes = sa->soft_bytes;
	c->out.keymat = c->keymat;
	c->out.keymat_bytes = keymat_write(c->keymat, &sa->out);
	return c;
}

static void
child_free(struct child *c)
{
	secret_wipe_bytes(c, sizeof(*c));
	free(c);
}

static int
inbound_attach(struct spokes *s, uint32_t peer, const struct ike_child_sa *sa)
{
	uint8_t keymat[LINK_KEYMAT_BYTES];
	struct dp_sa in = sa_common(sa);
	int err;

	in.spi = sa->spi_in;
	in.keymat = keymat;
	in.keymat_bytes = keymat_write(keymat, &sa->in);
	err = dp_sa_in_attach(s->dp, peer, &in);
	secret_wipe_bytes(keymat, sizeof(keymat));
	return err;
}

static int
op_child_install(void *user, const struct ike_child_sa *sa)
{
	struct spokes *s = user;
	struct session *e = map_get(&s->sessions, sa->session);
	struct child *c;
	int err;

	if (e == NULL)
		return -ENOENT;
	e->info.path = sa->path;
	e->udp = sa->udp;
	e->claimed = sa->remote_claimed;
	if (e->links == NULL) {
		err = link_enter(s, e);
		if (err != 0)
			return err;
	}
	c = child_new(e, sa);
	if (c == NULL)
		return -ENOMEM;
	err = map_set(&s->by_child, c->id, c);
	if (err == 0)
		err = inbound_attach(s, e->links->peer, sa);
	if (err != 0) {
		map_del(&s->by_child, c->id);
		child_free(c);
		return err;
	}
	c->next = e->children;
	e->children = c;
	return -EINPROGRESS; /* DP_SA_ATTACHED tells the engine */
}

static void
op_child_use_outbound(void *user, uint64_t child)
{
	struct spokes *s = user;
	struct child *c = map_get(&s->by_child, child);
	struct session *e = c != NULL ? c->session : NULL;
	int err;

	if (e == NULL || e->links == NULL || c->used)
		return; /* taken as a spare before the engine said so: it has no keys any more */
	err = dp_peer_sa_out(s->dp, e->links->peer, &c->out);
	secret_wipe_bytes(c->keymat, sizeof(c->keymat));
	c->used = true;
	if (err != 0) {
		log_error("spoke %s: outbound SA refused by the data plane: %s", e->info.peer_text,
			strerror(-err));
		return;
	}
	session_sending(s, e, c);
	for (struct link *l = e->links; l != NULL; l = l->next_of_session)
		link_open(s, l);
}

/** Another child that can be sent on, when the one in use goes. */
static struct child *
child_spare(const struct session *e)
{
	for (struct child *c = e->children; c != NULL; c = c->next)
		if (!c->used)
			return c;
	return NULL;
}

static void
child_unlink(struct session *e, struct child *c)
{
	struct child **at = &e->children;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

/** Nothing to send on any more: fail closed, at once, in every cloud. */
static void
session_close(struct spokes *s, struct session *e, enum ike_reason reason)
{
	for (struct link *l = e->links; l != NULL; l = l->next_of_session)
		dp_peer_sa_out(s->dp, l->peer, NULL);
	for (struct link *l = e->links; l != NULL; l = l->next_of_session) {
		l->up_ms = 0;
		l->reason = ike_reason_name(reason);
		nhrp_link_down(s->nhrp, l->cloud->id, l->id, s->now_ms);
		link_log(l, "child SA down", l->reason);
	}
}

static void
op_child_remove(void *user, uint64_t child, enum ike_reason reason)
{
	struct spokes *s = user;
	struct child *c = map_del(&s->by_child, child);
	struct session *e;

	if (c == NULL)
		return;
	e = c->session;
	child_unlink(e, c);
	if (e->sending == c) {
		struct child *spare = child_spare(e);

		session_sending(s, e, NULL);
		if (spare != NULL)
			op_child_use_outbound(s, spare->id);
		if (e->sending == NULL)
			session_close(s, e, reason);
	}
	dp_sa_in_retire(s->dp, c->spi_in, reason == IKE_REASON_REKEYED ? CHILD_GRACE_MS : 0);
	child_free(c);
}

static void
op_child_moved(void *user, uint64_t child, const struct ike_path *path)
{
	struct spokes *s = user;
	struct child *c = map_get(&s->by_child, child);
	struct session *e = c != NULL ? c->session : NULL;

	if (e == NULL)
		return;
	if (!addr_equal(&e->info.path.remote, &path->remote))
		session_path_forget(s, e);
	e->info.path = *path;
	e->udp = path->natt;
	for (struct link *l = e->links; l != NULL; l = l->next_of_session) {
		link_move(s, l, path, path->natt);
		link_announce(s, l);
	}
	session_sending(s, e, e->sending);
}

/* ---- sessions -------------------------------------------------------------- */

static void
op_peer_up(void *user, const struct ike_session *info)
{
	struct spokes *s = user;
	struct session *e = calloc(1, sizeof(*e));
	char nbma[ADDR_TEXT_BYTES];

	if (e == NULL || map_set(&s->sessions, info->session, e) != 0) {
		free(e); /* its child will find no session and be refused */
		return;
	}
	*e = (struct session){ .id = info->session, .info = *info, .since_ms = s->now_ms };
	log_info("spoke %s profile %s%s%s nbma %s%s: IKE up, proven by %s", info->peer_text,
		info->profile, info->binding.profile[0] != '\0' ? " ipsec_profile " : "",
		info->binding.profile, addr_print(&info->path.remote, nbma),
		info->nat_remote ? " behind NAT" : "", info->auth);
}

void
session_free(struct spokes *s, struct session *e)
{
	session_sending(s, e, NULL);
	while (e->children != NULL) {
		struct child *c = e->children;

		e->children = c->next;
		dp_sa_in_retire(s->dp, c->spi_in, 0);
		map_del(&s->by_child, c->id);
		child_free(c);
	}
	while (e->links != NULL)
		link_orphan(s, e->links);
	map_del(&s->sessions, e->id);
	free(e);
}

/** New rules of the configuration: a spoke that does not fit them comes anew. */
static bool
op_binding_changed(void *user, const struct ike_session *info)
{
	struct spokes *s = user;
	struct session *e = map_get(&s->sessions, info->session);

	if (e == NULL)
		return true;
	bool fits = true;

	e->info.binding = info->binding;
	for (struct link *l = e->links; l != NULL; l = l->next_of_session) {
		memcpy(l->group, info->binding.group, sizeof(l->group));
		fits &= link_fits(s, l);
	}
	return fits;
}

/** Not logged here: an event with the same reason, and what to do, follows. */
static void
op_peer_down(void *user, const struct ike_session *info, enum ike_reason reason)
{
	struct spokes *s = user;
	struct session *e = map_get(&s->sessions, info->session);

	if (e == NULL)
		return;
	while (e->links != NULL) {
		struct link *l = e->links;

		l->reason = ike_reason_name(reason);
		link_orphan(s, l);
		link_release(s, l);
	}
	session_free(s, e);
}

/** Not log_limited(): the engine bounds its events, by peer and over all strangers. */
static void
op_event(void *user, const struct ike_event *e)
{
	spokes_event(user, e);
}

static int
op_submit(void *user, struct ike_job *job, enum ike_job_rank rank)
{
	struct spokes *s = user;

	static_assert((int)IKE_JOB_RANKS == (int)HELPERS_RANKS, "a queue per rank");
	return s->helpers != NULL ? helpers_submit(s->helpers, job, rank) : -ENOSYS;
}

const struct ike_ops spoke_ike_ops = {
	.send = op_send,
	.keepalive = op_keepalive,
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
	.binding_changed = op_binding_changed,
	.event = op_event,
	.submit = op_submit,
	.ike_spi = op_ike_spi,
	.ike_spi_proven = op_ike_spi_proven,
	.ike_spi_free = op_ike_spi_free,
};

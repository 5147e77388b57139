/* SPDX-License-Identifier: BSD-3-Clause */
/** Peers, their NHRP entries and multicast lists: edits by the control core. */
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_esp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>

#include "dataplane/dp_priv.h"
#include "dataplane/nbma.h"

/**
 * The header every packet to this peer begins with. Length, identification, DF and TOS
 * are zero and patched per packet, the checksum then by addition.
 */
static void
outer_prepare(struct peer *p, bool protected_)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p->outer;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.time_to_live = 64,
		.next_proto_id = !protected_ ? IPPROTO_GRE
			: p->udp_remote != 0 ? IPPROTO_UDP
					     : IPPROTO_ESP,
		.src_addr = addr_v4(&p->local),
		.dst_addr = addr_v4(&p->remote),
	};
	p->outer_bytes = sizeof(*ip);
	p->outer_sum = (uint16_t)~rte_ipv4_cksum(ip); /* the sum itself, not its complement */
	if (!protected_ || p->udp_remote == 0)
		return;

	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(p->udp_local),
		.dst_port = rte_cpu_to_be_16(p->udp_remote),
	};
	p->outer_bytes += sizeof(*udp);
}

/** What an outer packet to this peer may measure: its uplink's port, or the way behind it. */
static uint16_t
outer_mtu(const struct dp *dp, const struct dp_peer *spec)
{
	const struct adj *a = spec->uplink < dp->t.adj_max ? adj_get(&dp->t, spec->uplink) : NULL;
	uint16_t mtu = a == NULL || a->mtu == 0 ? RTE_ETHER_MTU : a->mtu;

	return spec->path_mtu != 0 && spec->path_mtu < mtu ? spec->path_mtu : mtu;
}

/**
 * Inner MTU: what the cloud wants, but no more than fits the way with all headers of this
 * peer's SA, so that nothing is ever fragmented behind the cipher.
 */
static uint16_t
inner_mtu(const struct dp *dp, const struct dp_peer *spec, const struct peer *p)
{
	const struct cloud *c = cloud_get(&dp->t, spec->cloud);
	uint16_t want;
	int room;

	if (c == NULL)
		return p->mtu;
	want = c->conf.mtu;
	room = outer_mtu(dp, spec) - p->outer_bytes;
	if (p->sa != NULL) {
		const struct esp_suite *s = p->sa->suite;

		room -= (int)sizeof(struct rte_esp_hdr) + s->iv_bytes + s->icv_bytes;
		room = (room & ~(s->block_bytes - 1)) - 2; /* whole blocks with the trailer's two */
		room -= p->sa->tunnel_mode ? (int)sizeof(struct rte_ipv4_hdr) : 0;
	}
	room -= c->gre_bytes;
	return room < want && room >= RTE_ETHER_MIN_MTU ? (uint16_t)room : want;
}

static struct peer *
peer_make(struct dp *dp, uint32_t id, const struct dp_peer *spec, struct sa_out *sa)
{
	const struct cloud *c = cloud_get(&dp->t, spec->cloud);
	struct peer *p = c == NULL ? NULL : dp_alloc(sizeof(*p));

	if (p == NULL)
		return NULL;
	p->id = id;
	p->sibling = spec->sibling;
	p->twin = spec->twin;
	p->cloud_id = spec->cloud;
	p->redirect_group = spec->redirect_group;
	p->udp_local = spec->udp_local;
	p->udp_remote = spec->udp_remote;
	p->multicast = spec->multicast;
	p->uplink = spec->uplink;
	p->cookie = spec->cookie;
	p->sa = sa;
	p->local = spec->local;
	p->remote = spec->remote;
	p->overlay = spec->overlay;
	outer_prepare(p, c->conf.protected_);
	p->mtu = inner_mtu(dp, spec, p);
	return p;
}

static void
peer_publish(struct dp *dp, uint32_t id, struct peer *p)
{
	const struct peer *old = atomic_exchange_explicit(&dp->t.peer[id], p, memory_order_acq_rel);

	dp_free_later(dp, (void *)(uintptr_t)old);
}

static void
peer_refresh(struct dp *dp, const struct peer *old)
{
	struct peer *p = peer_make(dp, old->id, &dp->peer_spec[old->id], old->sa);

	if (p == NULL)
		return; /* out of memory: the old one stays, and DROP_OUTER_MTU tells */
	peer_publish(dp, p->id, p);
}

void
peers_refresh(struct dp *dp, uint16_t cloud, uint32_t uplink)
{
	for (uint32_t id = 1; id < dp->t.peer_max; id++) {
		const struct peer *p = peer_get(&dp->t, id);

		if (p != NULL && (p->cloud_id == cloud || (uplink != 0 && p->uplink == uplink)))
			peer_refresh(dp, p);
	}
}

bool
peers_any(const struct dp *dp, uint16_t cloud)
{
	for (uint32_t id = 1; id < dp->t.peer_max; id++) {
		const struct peer *p = peer_get(&dp->t, id);

		if (p != NULL && p->cloud_id == cloud)
			return true;
	}
	return false;
}

static bool
in_clear(const struct dp *dp, const struct dp_peer *spec)
{
	const struct cloud *c = cloud_get(&dp->t, spec->cloud);

	return c != NULL && !c->conf.protected_;
}

int
dp_peer_new(struct dp *dp, const struct dp_peer *spec, uint32_t *id)
{
	struct peer *p;
	int err = 0;

	if (spec->cloud >= DP_CLOUDS_MAX || spec->local.family != ADDR_V4 ||
		spec->remote.family != ADDR_V4)
		return -EINVAL;
	if (dp->peer_free_n == 0)
		return -ENOSPC;
	*id = dp->peer_free_ids[dp->peer_free_n - 1];
	p = peer_make(dp, *id, spec, NULL);
	if (p == NULL)
		return -ENOMEM;
	if (in_clear(dp, spec))
		err = nbma_set(dp->t.outer, spec->cloud, &spec->remote, *id);
	if (err != 0) {
		rte_free(p);
		return err;
	}
	dp->peer_free_n--;
	dp->peers++;
	dp->peer_spec[*id] = *spec;
	dp->peer_base[*id] = (struct dp_peer_stats){ 0 };
	dp_peer_stats(dp, *id, &dp->peer_base[*id]);
	dp->mcast_dirty[spec->cloud] |= spec->multicast;
	peer_publish(dp, *id, p);
	return 0;
}

int
dp_peer_set(struct dp *dp, uint32_t id, const struct dp_peer *spec)
{
	const struct peer *old = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;
	struct dp_peer *told = &dp->peer_spec[id];
	struct peer *p;
	int err;

	if (old == NULL)
		return -ENOENT;
	if (spec->cloud != old->cloud_id)
		return -EINVAL;
	p = peer_make(dp, id, spec, old->sa);
	if (p == NULL)
		return -ENOMEM;
	if (in_clear(dp, spec) && !addr_equal(&told->remote, &spec->remote)) {
		err = nbma_set(dp->t.outer, spec->cloud, &spec->remote, id);
		if (err != 0) {
			rte_free(p);
			return err;
		}
		nbma_del(dp->t.outer, spec->cloud, &told->remote);
	}
	dp->mcast_dirty[spec->cloud] |= told->multicast != spec->multicast;
	*told = *spec;
	peer_publish(dp, id, p);
	return 0;
}

/** The peer with another outbound SA (NULL: closed); the old one is put. Takes sa on success. */
static int
peer_sa_set(struct dp *dp, uint32_t id, struct sa_out *sa)
{
	const struct peer *old = peer_get(&dp->t, id);
	struct sa_out *old_sa = old->sa;
	struct peer *p = dp_alloc(sizeof(*p));
	struct dp_peer_stats sent;

	if (p == NULL)
		return -ENOMEM;
	dp_peer_stats(dp, id, &sent);
	dp->peer_sa_base[id] = sent.tx_bytes;
	*p = *old;
	p->sa = sa;
	p->mtu = inner_mtu(dp, &dp->peer_spec[id], p);
	peer_publish(dp, id, p);
	sa_out_put(dp, old_sa);
	return 0;
}

int
dp_peer_sa_out(struct dp *dp, uint32_t id, const struct dp_sa *spec)
{
	const struct peer *p = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;
	struct sa_out *sa = NULL;
	int err = 0;

	if (p == NULL)
		return -ENOENT;
	if (spec == NULL && p->sa == NULL)
		return 0;
	if (spec != NULL)
		err = sa_out_new(dp, spec, &sa);
	if (err != 0)
		return err;
	err = peer_sa_set(dp, id, sa);
	if (err != 0)
		sa_out_put(dp, sa);
	return err;
}

int
dp_peer_sa_share(struct dp *dp, uint32_t id, uint32_t with)
{
	const struct peer *p = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;
	const struct peer *other = with < dp->t.peer_max ? peer_get(&dp->t, with) : NULL;
	int err;

	if (p == NULL || other == NULL)
		return -ENOENT;
	if (p->sa == other->sa)
		return 0;
	err = peer_sa_set(dp, id, other->sa);
	if (err == 0 && other->sa != NULL)
		other->sa->users++;
	return err;
}

static void
peer_release(struct dp *dp, void *arg)
{
	dp->peer_free_ids[dp->peer_free_n++] = (uint32_t)(uintptr_t)arg;
}

void
dp_peer_free(struct dp *dp, uint32_t id)
{
	const struct peer *old = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;

	if (old == NULL)
		return;
	if (in_clear(dp, &dp->peer_spec[id]))
		nbma_del(dp->t.outer, old->cloud_id, &dp->peer_spec[id].remote);
	sa_retire_peer(dp, id);
	dp->mcast_dirty[old->cloud_id] |= old->multicast;
	dp->peers--;
	sa_out_put(dp, old->sa);
	peer_publish(dp, id, NULL);
	dp_later(dp, peer_release, (void *)(uintptr_t)id);
}

bool
dp_peer_read(
	const struct dp *dp, uint32_t id, struct dp_peer *out, uint32_t *spi_out, uint64_t *seq)
{
	const struct peer *p = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;

	if (p == NULL)
		return false;
	*out = dp->peer_spec[id];
	*spi_out = p->sa == NULL ? 0 : rte_be_to_cpu_32(p->sa->spi_be);
	*seq = p->sa == NULL ? 0 : atomic_load_explicit(&p->sa->seq, memory_order_relaxed);
	return true;
}

static uint64_t
left(uint64_t limit, uint64_t done)
{
	return limit == UINT64_MAX ? limit : limit > done ? limit - done : 0;
}

bool
dp_sa_out_read(const struct dp *dp, uint32_t id, struct dp_sa_out_stats *out)
{
	const struct peer *p = id < dp->t.peer_max ? peer_get(&dp->t, id) : NULL;
	const struct sa_out *sa = p == NULL ? NULL : p->sa;
	struct dp_peer_stats sent;

	*out = (struct dp_sa_out_stats){ 0 };
	if (sa == NULL)
		return false;
	out->spi = rte_be_to_cpu_32(sa->spi_be);
	out->packets = atomic_load_explicit(&sa->seq, memory_order_relaxed);
	out->packets_left = left(sa->soft_packets, out->packets);
	out->bytes_left =
		left(sa->soft_bytes, atomic_load_explicit(&sa->bytes, memory_order_relaxed));
	for (; p != NULL && p->sa == sa;
		p = p->sibling != 0 ? peer_get(&dp->t, p->sibling) : NULL) {
		dp_peer_stats(dp, p->id, &sent);
		out->bytes += sent.tx_bytes - dp->peer_sa_base[p->id];
	}
	return true;
}

/* ---- NHRP table -------------------------------------------------------------------- */

int
dp_nbma_set(struct dp *dp, uint16_t cloud, const struct addr *overlay, uint32_t peer)
{
	int err;

	if (peer == 0 || peer >= dp->t.peer_max || peer_get(&dp->t, peer) == NULL)
		return -ENOENT;
	err = nbma_set(dp->t.nbma, cloud, overlay, peer);
	if (err == 0)
		hop_bind(dp, cloud, overlay, peer);
	return err;
}

int
dp_nbma_del(struct dp *dp, uint16_t cloud, const struct addr *overlay)
{
	hop_bind(dp, cloud, overlay, 0);
	return nbma_del(dp->t.nbma, cloud, overlay);
}

/* ---- multicast lists ----------------------------------------------------------------- */

static struct mcast_list *
mcast_make(const struct dp *dp, uint16_t cloud)
{
	struct mcast_list *l = dp_alloc(sizeof(*l) + dp->peers * sizeof(l->peer[0]));

	for (uint32_t id = 1; l != NULL && id < dp->t.peer_max; id++) {
		const struct peer *p = peer_get(&dp->t, id);

		if (p != NULL && p->cloud_id == cloud && p->multicast)
			l->peer[l->n++] = id;
	}
	return l;
}

void
mcast_rebuild(struct dp *dp)
{
	for (uint16_t cloud = 1; cloud < DP_CLOUDS_MAX; cloud++) {
		const struct mcast_list *old;
		struct mcast_list *l;

		if (!dp->mcast_dirty[cloud])
			continue;
		l = mcast_make(dp, cloud);
		if (l == NULL)
			return; /* stays dirty: tried again at the next poll */
		dp->mcast_dirty[cloud] = false;
		old = atomic_exchange_explicit(&dp->t.mcast[cloud], l, memory_order_acq_rel);
		dp_free_later(dp, (void *)(uintptr_t)old);
	}
}

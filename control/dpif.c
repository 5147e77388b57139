/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/dpif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/route/context.h"
#include "control/route/netlink.h"
#include "control/route/rib.h"
#include "control/route/twin.h"
#include "control/spoke/spoke.h"
#include "dataplane/dp.h"

#define POLL_BUDGET 256 /* messages per round, so that timers and clients get their turn */
#define TWIN_BUDGET 64  /* packets from one twin per round */
#define FRAME_BYTES 9216

/** The addresses a twin was given: for a while those of two configurations. */
struct held {
	struct prefix list[2 * CONFIG_ADDRESSES];
	uint32_t n;
};

struct port {
	uint16_t id; /* 0: free */
	uint16_t ctx;
	struct config_port cfg;
	struct held held;
	struct addr gateway; /* of the default route we set, or ADDR_NONE */
	struct twin *tap;
	struct dpif *d;
	bool link_up;
};

struct cloud {
	uint16_t id; /* 0: free */
	uint16_t ctx;
	struct config_cloud cfg; /* its secrets stay with the engines */
	struct held held;
	struct twin *tun;
	struct dpif *d;
};

struct dpif {
	struct loop *loop;
	struct dp *dp;
	struct rib *rib;
	struct netlink *netlink;
	struct spokes *spokes;
	struct contexts contexts;
	struct port ports[DP_PORTS_MAX + 1];
	struct cloud clouds[DP_CLOUDS_MAX];
	uint64_t now_ms, link_look_ms;
};

struct dp *
dpif_dp(const struct dpif *d)
{
	return d->dp;
}

const char *
dpif_cloud_name(const struct dpif *d, uint16_t id)
{
	return id < DP_CLOUDS_MAX && d->clouds[id].id != 0 ? d->clouds[id].cfg.name : NULL;
}

const char *
dpif_port_name(const struct dpif *d, uint16_t id)
{
	return id <= DP_PORTS_MAX && d->ports[id].id != 0 ? d->ports[id].cfg.name : NULL;
}

uint16_t
dpif_cloud_id(const struct dpif *d, const char *name)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		if (d->clouds[id].id != 0 && strcmp(d->clouds[id].cfg.name, name) == 0)
			return id;
	return 0;
}

/* ---- packets between kernel and workers -------------------------------------- */

static void
tap_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct port *p = user;
	static uint8_t frame[FRAME_BYTES]; /* one control core: no two calls at once */
	ssize_t n;

	(void)events;
	(void)now_ms;
	for (int i = 0; i < TWIN_BUDGET && (n = twin_read(p->tap, frame, sizeof(frame))) > 0; i++)
		dp_send_frame(p->d->dp, p->id, frame, (size_t)n);
}

static void
tun_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct cloud *c = user;
	static uint8_t packet[FRAME_BYTES];
	ssize_t n;

	(void)events;
	(void)now_ms;
	for (int i = 0; i < TWIN_BUDGET && (n = twin_read(c->tun, packet, sizeof(packet))) > 0; i++)
		dp_send_inner(c->d->dp, c->id, packet, (size_t)n);
}

static void
on_message(void *user, const struct dp_msg *m)
{
	struct dpif *d = user;

	switch (m->type) {
	case DP_FRAME:
		if (dpif_port_name(d, m->port) != NULL)
			twin_write(d->ports[m->port].tap, m->data, m->bytes);
		break;
	case DP_INNER:
		if (dpif_cloud_name(d, m->cloud) != NULL)
			twin_write(d->clouds[m->cloud].tun, m->data, m->bytes);
		break;
	case DP_NEIGH_MISS:
		rib_neigh_miss(d->rib, m->port, &m->remote, d->now_ms);
		break;
	default:
		spokes_message(d->spokes, m, d->now_ms);
		break;
	}
}

/** The twins' carrier follows the ports' link, so that FRR sees what the port sees. */
static void
follow_links(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		struct port *p = &d->ports[id];
		bool up = p->id != 0 && dp_port_link_up(d->dp, id);

		if (p->id == 0 || up == p->link_up)
			continue;
		p->link_up = up;
		twin_carrier(p->tap, up);
		log_notice("port %s: link %s", p->cfg.name, up ? "up" : "down");
	}
}

bool
dpif_poll(struct dpif *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (now_ms >= d->link_look_ms) {
		follow_links(d);
		d->link_look_ms = now_ms + 1000;
	}
	rib_settle(d->rib);
	return dp_poll(d->dp, on_message, d, POLL_BUDGET) < POLL_BUDGET;
}

/* ---- contexts ------------------------------------------------------------------ */

/** The context of a port's or cloud's `vrf`, or -errno, which is logged. */
static int
context_need(struct dpif *d, const char *kind, const char *name, const char *vrf)
{
	char why[256];
	int ctx = context_get(&d->contexts, vrf, why, sizeof(why));

	if (ctx < 0)
		log_error("%s %s: vrf: %s", kind, name, why);
	return ctx;
}

/** The device joins its VRF, before it has addresses. */
static void
context_join(struct dpif *d, uint16_t ctx, int ifindex)
{
	const struct context_spec *c = &d->contexts.list[ctx];

	rib_context_set(d->rib, ctx, c->table);
	if (c->master != 0)
		netlink_enslave(d->netlink, ifindex, c->master);
}

uint16_t
dpif_overlay_ctx(const struct dpif *d, uint16_t cloud)
{
	return d->clouds[cloud].ctx;
}

uint16_t
dpif_transport_ctx(const struct dpif *d, uint16_t cloud)
{
	const struct addr *source = &d->clouds[cloud].cfg.source;

	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const struct port *p = &d->ports[id];

		for (uint32_t i = 0; p->id != 0 && i < p->cfg.addresses_count; i++)
			if (addr_equal(&p->cfg.addresses[i].addr, source))
				return p->ctx;
	}
	return 0;
}

const char *
dpif_context_name(const struct dpif *d, uint16_t ctx)
{
	if (ctx == 0)
		return "main";
	return ctx < d->contexts.count ? d->contexts.list[ctx].vrf : NULL;
}

/* ---- start and stop ----------------------------------------------------------- */

static uint16_t
workers_wanted(const struct config_system *s)
{
	long cores;

	if (s->workers != CONFIG_WORKERS_AUTO)
		return s->workers;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 2 ? (uint16_t)(cores - 1) : 1;
}

/** Every port is a software one (no PCI address): be gentle to a shared machine. */
static bool
all_software(const struct config *cfg)
{
	for (uint32_t i = 0; i < cfg->ports_count; i++)
		if (strncmp(cfg->ports[i].device, "net_", 4) != 0)
			return false;
	return true;
}

static int
dp_start(struct dpif *d, const struct config *cfg)
{
	const struct config_system *s = &cfg->system;
	struct dp_conf conf = {
		.prog = "naved",
		.cores = s->cores[0] ? s->cores : NULL,
		.workers = workers_wanted(s),
		.hugepages = s->hugepages,
		.memory_mb = s->memory_mb,
		.max_peers = s->max_spokes,
		.pci = !all_software(cfg),
		.adaptive_idle =
			s->idle == IDLE_ADAPTIVE || (s->idle == IDLE_AUTO && all_software(cfg)),
	};

	log_notice("data plane: %u worker%s, %s, %s", conf.workers, conf.workers == 1 ? "" : "s",
		conf.hugepages ? "hugepages" : "no hugepages (slower)",
		conf.adaptive_idle ? "adaptive idle" : "busy polling");
	return dp_new(&conf, &d->dp);
}

static int
port_start(struct dpif *d, const struct config_port *cfg)
{
	struct dp_port_conf conf = {
		.device = cfg->device,
		.role = cfg->role == PORT_WAN ? DP_WAN : DP_LAN,
		.mtu = cfg->mtu,
		.internet_exit = cfg->internet_exit,
	};
	struct port *p;
	uint8_t mac[6];
	uint16_t id;
	int err, ctx = context_need(d, "port", cfg->name, cfg->vrf);

	if (ctx < 0)
		return ctx;
	conf.ctx = (uint16_t)ctx;
	err = dp_port_add(d->dp, &conf, &id);
	if (err != 0) {
		log_error("port %s: device %s: %s", cfg->name, cfg->device, strerror(-err));
		return err;
	}
	p = &d->ports[id];
	/* A new twin has carrier: the first look takes it where the port has no link. */
	*p = (struct port){ .id = id, .ctx = conf.ctx, .cfg = *cfg, .d = d, .link_up = true };
	dp_port_mac(d->dp, id, mac);
	err = twin_tap_open(cfg->name, mac, cfg->mtu, &p->tap);
	if (err != 0) {
		log_error("port %s: its twin cannot be made: %s", cfg->name, strerror(-err));
		p->id = 0;
		return err;
	}
	return loop_fd_add(d->loop, twin_fd(p->tap), EPOLLIN, tap_ready, p);
}

int
dpif_start(struct loop *loop, const struct config *cfg, struct dpif **out)
{
	struct dpif *d = calloc(1, sizeof(*d));
	int err;

	if (d == NULL)
		return -ENOMEM;
	d->loop = loop;
	err = dp_start(d, cfg);
	for (uint32_t i = 0; err == 0 && i < cfg->ports_count; i++)
		err = port_start(d, &cfg->ports[i]);
	if (err == 0)
		err = dp_run(d->dp);
	if (err != 0) {
		dpif_stop(d);
		return err;
	}
	*out = d;
	return 0;
}

/* ---- the kernel ---------------------------------------------------------------- */

static void
op_probe(void *user, int ifindex, const struct addr *a, bool keep)
{
	struct dpif *d = user;

	if (d->netlink != NULL)
		netlink_probe(d->netlink, ifindex, a, keep);
}

static void
op_uplink_changed(void *user, uint64_t token, uint32_t uplink)
{
	struct dpif *d = user;

	spokes_uplink_changed(d->spokes, token, uplink, d->now_ms);
}

const struct rib_ops dpif_rib_ops = {
	.probe = op_probe,
	.uplink_changed = op_uplink_changed,
};

static void
netlink_ready(void *user, uint32_t events, uint64_t now_ms)
{
	struct dpif *d = user;

	(void)events;
	d->now_ms = now_ms;
	netlink_read(d->netlink);
}

static bool
prefix_listed(const struct prefix *list, uint32_t n, const struct prefix *p)
{
	for (uint32_t i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

/** Give a twin the addresses it does not have yet. */
static int
addresses_add(struct dpif *d, const struct twin *t, struct held *held, const struct prefix *list,
	uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int err;

		if (prefix_listed(held->list, held->n, &list[i]))
			continue;
		err = netlink_address_add(d->netlink, twin_ifindex(t), &list[i]);
		if (err != 0)
			return err;
		held->list[held->n++] = list[i];
	}
	return 0;
}

/**
 * Take back the addresses that are not in the list. The kernel drops a subnet's further
 * addresses with its first, so what stays is given once more. True when any went.
 */
static bool
addresses_prune(struct dpif *d, const struct twin *t, struct held *held, const struct prefix *list,
	uint32_t n)
{
	bool any = false;

	for (uint32_t i = 0; i < held->n; i++) {
		if (prefix_listed(list, n, &held->list[i]))
			continue;
		netlink_address_del(d->netlink, twin_ifindex(t), &held->list[i]);
		held->list[i--] = held->list[--held->n];
		any = true;
	}
	for (uint32_t i = 0; any && i < held->n; i++)
		netlink_address_add(d->netlink, twin_ifindex(t), &held->list[i]);
	return any;
}

int
dpif_port_set(struct dpif *d, const struct config_port *cfg)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		struct port *p = &d->ports[id];
		int err;

		if (p->id == 0 || strcmp(p->cfg.name, cfg->name) != 0)
			continue;
		err = addresses_add(d, p->tap, &p->held, cfg->addresses, cfg->addresses_count);
		if (err == 0)
			p->cfg = *cfg;
		return err;
	}
	return -ENOENT;
}

static void
port_settle(struct dpif *d, struct port *p)
{
	const struct config_port *cfg = &p->cfg;
	uint32_t table = d->contexts.list[p->ctx].table;
	int ifindex = twin_ifindex(p->tap);
	bool went = addresses_prune(d, p->tap, &p->held, cfg->addresses, cfg->addresses_count);

	if (!went && addr_equal(&p->gateway, &cfg->gateway))
		return;
	if (cfg->gateway.family != ADDR_NONE)
		netlink_default_route(d->netlink, table, ifindex, &cfg->gateway);
	else if (p->gateway.family != ADDR_NONE)
		netlink_default_route_del(d->netlink, table, ifindex, &p->gateway);
	p->gateway = cfg->gateway;
}

void
dpif_settle(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0)
			port_settle(d, &d->ports[id]);
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		struct cloud *c = &d->clouds[id];

		if (c->id != 0)
			addresses_prune(
				d, c->tun, &c->held, c->cfg.addresses, c->cfg.addresses_count);
	}
}

int
dpif_bind(struct dpif *d, struct rib *rib, struct spokes *spokes)
{
	int err;

	d->rib = rib;
	d->spokes = spokes;
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0)
			rib_port_add(rib, id, d->ports[id].ctx, twin_ifindex(d->ports[id].tap));
	err = netlink_open(rib, &d->netlink);
	if (err == 0)
		err = loop_fd_add(d->loop, netlink_fd(d->netlink), EPOLLIN, netlink_ready, d);
	if (err != 0)
		return err;
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		struct port *p = &d->ports[id];

		if (p->id == 0)
			continue;
		context_join(d, p->ctx, twin_ifindex(p->tap));
		addresses_add(d, p->tap, &p->held, p->cfg.addresses, p->cfg.addresses_count);
		port_settle(d, p);
	}
	return 0;
}

/* ---- clouds ---------------------------------------------------------------------- */

static uint16_t
mss_of(const struct config_cloud *c, uint16_t headers)
{
	uint16_t mss = c->tcp_mss != 0 ? c->tcp_mss : c->mtu - 40;

	return mss - (headers - 40);
}

static struct dp_cloud
dp_cloud_of(const struct config_cloud *c, uint16_t ctx)
{
	static const enum dp_spoof spoof[] = {
		[SPOOF_STRICT] = DP_SPOOF_STRICT,
		[SPOOF_LOOSE] = DP_SPOOF_LOOSE,
		[SPOOF_OFF] = DP_SPOOF_OFF,
	};
	static const enum dp_df df[] = {
		[DF_CLEAR] = DP_DF_CLEAR,
		[DF_COPY] = DP_DF_COPY,
		[DF_SET] = DP_DF_SET,
	};

	return (struct dp_cloud){
		.source = c->source,
		.has_key = c->has_key,
		.key = c->key,
		.ctx = ctx,
		.protected_ = c->protected_,
		.network_id = c->nhrp.network_id,
		.redirect = c->nhrp.redirect,
		.mtu = c->mtu,
		.tcp_mss_v4 = mss_of(c, 40),
		.tcp_mss_v6 = mss_of(c, 60),
		.anti_spoof = spoof[c->anti_spoof],
		.df = df[c->df],
		.address = c->addresses[0].addr,
	};
}

static int
cloud_twin(struct dpif *d, struct cloud *c)
{
	int err = twin_tun_open(c->cfg.name, c->cfg.mtu, &c->tun);

	if (err == 0)
		err = rib_cloud_add(d->rib, c->id, c->ctx, twin_ifindex(c->tun));
	if (err == 0)
		err = loop_fd_add(d->loop, twin_fd(c->tun), EPOLLIN, tun_ready, c);
	if (err == 0)
		context_join(d, c->ctx, twin_ifindex(c->tun));
	if (err == 0)
		err = addresses_add(d, c->tun, &c->held, c->cfg.addresses, c->cfg.addresses_count);
	return err;
}

static int
cloud_add(struct dpif *d, struct cloud *c, const struct config_cloud *cfg, uint16_t id)
{
	int ctx = context_need(d, "cloud", cfg->name, cfg->vrf), err;
	struct dp_cloud spec;

	if (ctx < 0)
		return ctx;
	spec = dp_cloud_of(cfg, (uint16_t)ctx);
	err = dp_cloud_set(d->dp, id, &spec);
	if (err != 0)
		return err;
	*c = (struct cloud){ .id = id, .ctx = (uint16_t)ctx, .cfg = *cfg, .d = d };
	err = cloud_twin(d, c);
	if (err != 0) {
		log_error("cloud %s: its twin cannot be made: %s", cfg->name, strerror(-err));
		dpif_cloud_del(d, cfg->name);
	}
	return err;
}

static int
cloud_change(struct dpif *d, struct cloud *c, const struct config_cloud *cfg)
{
	struct dp_cloud spec = dp_cloud_of(cfg, c->ctx), old = dp_cloud_of(&c->cfg, c->ctx);
	int err = dp_cloud_set(d->dp, c->id, &spec);

	if (err != 0)
		return err;
	err = twin_mtu(c->tun, cfg->mtu);
	if (err == 0)
		err = addresses_add(d, c->tun, &c->held, cfg->addresses, cfg->addresses_count);
	if (err != 0) {
		log_error("cloud %s: its twin cannot be changed: %s", cfg->name, strerror(-err));
		twin_mtu(c->tun, c->cfg.mtu);
		dp_cloud_set(d->dp, c->id, &old);
		return err;
	}
	c->cfg = *cfg;
	return 0;
}

static uint16_t
cloud_free_id(const struct dpif *d)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		if (d->clouds[id].id == 0)
			return id;
	return 0;
}

int
dpif_cloud_set(struct dpif *d, const struct config_cloud *cfg)
{
	struct config_cloud plain = *cfg;
	uint16_t id = dpif_cloud_id(d, cfg->name);
	bool fresh = id == 0;
	int err;

	plain.nhrp.authentication = (struct secret){ 0 }; /* the engine's, not ours */
	if (fresh)
		id = cloud_free_id(d);
	if (id == 0)
		return -ENOSPC;
	err = fresh ? cloud_add(d, &d->clouds[id], &plain, id)
		    : cloud_change(d, &d->clouds[id], &plain);
	return err != 0 ? err : id;
}

static void
twin_end(struct dpif *d, struct twin *t)
{
	if (t == NULL)
		return;
	loop_fd_del(d->loop, twin_fd(t));
	twin_close(t);
}

void
dpif_cloud_del(struct dpif *d, const char *name)
{
	uint16_t id = dpif_cloud_id(d, name);
	struct cloud *c = &d->clouds[id];

	if (id == 0)
		return;
	dp_cloud_del(d->dp, id);
	rib_cloud_del(d->rib, id);
	twin_end(d, c->tun);
	*c = (struct cloud){ 0 };
}

void
dpif_stop(struct dpif *d)
{
	if (d == NULL)
		return;
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		twin_end(d, d->ports[id].tap);
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		twin_end(d, d->clouds[id].tun);
	if (d->netlink != NULL)
		loop_fd_del(d->loop, netlink_fd(d->netlink));
	netlink_close(d->netlink);
	dp_free(d->dp);
	free(d);
}

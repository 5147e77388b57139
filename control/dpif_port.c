/* SPDX-License-Identifier: BSD-3-Clause */
/** Ports: a device of the data plane and its TAP twin in the kernel. */
#include "control/dpif_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/route/netlink.h"
#include "control/route/rib.h"
#include "control/route/twin.h"

const char *
dpif_port_name(const struct dpif *d, uint16_t id)
{
	return id <= DP_PORTS_MAX && d->ports[id].id != 0 ? d->ports[id].cfg.name : NULL;
}

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

/** 0: none, as for "". */
static uint16_t
port_id(const struct dpif *d, const char *name)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0 && strcmp(d->ports[id].cfg.name, name) == 0)
			return id;
	return 0;
}

static void
tell_refused(const struct dpif *d, const struct config_port *cfg, const struct dp_port_conf *conf,
	int err)
{
	if (cfg->vlan != 0)
		log_error("port %s: VLAN on %s: %s", cfg->name, cfg->parent, strerror(-err));
	else if (err == -EMSGSIZE)
		log_error("port %s: mtu %u: its device %s carries %u at most; lower the port's mtu "
			  "or have the device take longer frames",
			cfg->name, cfg->mtu, cfg->device, dp_port_mtu_max(d->dp, conf));
	else
		log_error("port %s: DPDK does not take the device \"%s\": %s; are its name and "
			  "arguments right, is its driver installed (librte-net-*), is a PCI "
			  "device bound to vfio-pci?",
			cfg->name, cfg->device, strerror(-err));
}

int
port_start(struct dpif *d, const struct config_port *cfg)
{
	struct dp_port_conf conf = {
		.device = cfg->device,
		.parent = port_id(d, cfg->parent),
		.vid = cfg->vlan,
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
		tell_refused(d, cfg, &conf, err);
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

void
ports_follow_links(struct dpif *d)
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

void
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
ports_bind(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0)
			rib_port_add(d->rib, id, d->ports[id].ctx, twin_ifindex(d->ports[id].tap));
}

void
ports_settle_first(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		struct port *p = &d->ports[id];

		if (p->id == 0)
			continue;
		context_join(d, p->ctx, twin_ifindex(p->tap));
		addresses_add(d, p->tap, &p->held, p->cfg.addresses, p->cfg.addresses_count);
		port_settle(d, p);
	}
}

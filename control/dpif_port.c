/* SPDX-License-Identifier: BSD-3-Clause */
/** Ports: a device of the data plane and its TAP twin in the kernel. */
#include "control/dpif_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/route/kernel.h"
#include "control/route/rib.h"
#include "control/route/twin.h"

#define GATEWAY_AGAIN_MS 10000 /* after the kernel refused one */

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
	else if (err == -ERANGE)
		log_error("port %s: device %s: framesz must divide blocksz, that be whole pages, "
			  "and a frame fit a packet buffer; leave both out, they follow from the "
			  "mtu",
			cfg->name, cfg->device);
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
		err = addresses_add(p->tap, &p->held, cfg->addresses, cfg->addresses_count);
		if (err == 0)
			p->cfg = *cfg;
		return err;
	}
	return -ENOENT;
}

static int
gateway_edit(const struct dpif *d, const struct port *p)
{
	uint32_t table = d->contexts.list[p->ctx].table;
	int ifindex = twin_ifindex(p->tap), err;

	if (p->cfg.gateway.family != ADDR_NONE)
		return kernel_default_route(table, ifindex, &p->cfg.gateway);
	if (p->gateway.family == ADDR_NONE)
		return 0;
	err = kernel_default_route_del(table, ifindex, &p->gateway);
	return err == -ESRCH ? 0 : err; /* somebody took it away before */
}

/** What the kernel refuses it may take later: when its link or an address is there. */
static void
gateway_settle(const struct dpif *d, struct port *p)
{
	int err = gateway_edit(d, p), was = p->gateway_err;
	bool comes = p->cfg.gateway.family != ADDR_NONE;
	char text[ADDR_TEXT_BYTES];

	p->gateway_err = err;
	p->gateway_again_ms = d->now_ms + GATEWAY_AGAIN_MS;
	if (err == 0)
		p->gateway = p->cfg.gateway;
	if (err == was)
		return;
	if (err != 0)
		log_error("port %s: the kernel does not %s the default route via %s: %s; %s; tried "
			  "again every %d s",
			p->cfg.name, comes ? "take" : "drop",
			addr_print(comes ? &p->cfg.gateway : &p->gateway, text), strerror(-err),
			kernel_remedy(err), GATEWAY_AGAIN_MS / 1000);
	else
		log_notice("port %s: the kernel has its default route right", p->cfg.name);
}

void
ports_gateways_again(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		struct port *p = &d->ports[id];

		if (p->id != 0 && p->gateway_err != 0 && d->now_ms >= p->gateway_again_ms)
			gateway_settle(d, p);
	}
}

uint64_t
ports_next_ms(const struct dpif *d)
{
	uint64_t next = LOOP_NEVER;

	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++) {
		const struct port *p = &d->ports[id];

		if (p->id != 0 && p->gateway_err != 0 && p->gateway_again_ms < next)
			next = p->gateway_again_ms;
	}
	return next;
}

void
port_settle(struct dpif *d, struct port *p)
{
	const struct config_port *cfg = &p->cfg;
	bool went = addresses_prune(p->tap, &p->held, cfg->addresses, cfg->addresses_count);

	if (went || !addr_equal(&p->gateway, &cfg->gateway))
		gateway_settle(d, p);
}

void
ports_bind(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0)
			rib_port_add(d->rib, id, d->ports[id].ctx, twin_ifindex(d->ports[id].tap));
}

static int
port_settle_first(struct dpif *d, struct port *p)
{
	int err = context_join(d, p->cfg.name, p->ctx, twin_ifindex(p->tap));

	if (err == 0)
		err = addresses_add(p->tap, &p->held, p->cfg.addresses, p->cfg.addresses_count);
	if (err == 0)
		port_settle(d, p);
	return err;
}

int
ports_settle_first(struct dpif *d)
{
	int err = 0;

	for (uint16_t id = 1; id <= DP_PORTS_MAX && err == 0; id++)
		if (d->ports[id].id != 0)
			err = port_settle_first(d, &d->ports[id]);
	return err;
}

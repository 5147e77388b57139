/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/dpif_priv.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "config/cores.h"
#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/host_device.h"
#include "control/route/netlink.h"
#include "control/route/rib.h"
#include "control/route/twin.h"
#include "control/spoke/spoke.h"

#define POLL_BUDGET 256  /* messages per round, so that timers and clients get their turn */
#define WHOLE_BYTES 3998 /* of a packet made of fragments: buffers of 4096 */

struct dp *
dpif_dp(const struct dpif *d)
{
	return d->dp;
}

/* ---- messages of the workers -------------------------------------------------- */

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

uint64_t
dpif_next_ms(const struct dpif *d)
{
	uint64_t netlink_ms = netlink_next_ms(d->netlink), ports_ms = ports_next_ms(d);

	return netlink_ms < ports_ms ? netlink_ms : ports_ms;
}

bool
dpif_poll(struct dpif *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	if (now_ms >= d->link_look_ms) {
		ports_follow_links(d);
		d->link_look_ms = now_ms + 1000;
	}
	ports_gateways_again(d);
	netlink_tick(d->netlink, now_ms);
	rib_settle(d->rib);
	return dp_poll(d->dp, on_message, d, POLL_BUDGET) < POLL_BUDGET;
}

/* ---- start and stop ----------------------------------------------------------- */

static unsigned
cpus_ours(void)
{
	cpu_set_t ours;

	return sched_getaffinity(0, sizeof(ours), &ours) == 0 ? (unsigned)CPU_COUNT(&ours) : 1;
}

/** Every port is a software one: be gentle to a shared machine. */
static bool
all_software(const struct config *cfg)
{
	for (uint32_t i = 0; i < cfg->ports_count; i++)
		if (cfg->ports[i].vlan == 0 && !host_device_is_software(cfg->ports[i].device))
			return false;
	return true;
}

/**
 * What buffers are made for. The kernel puts fragments together before af_packet gets them: IKE
 * with certificates, say, is one frame there.
 */
static uint16_t
largest_mtu(const struct config *cfg)
{
	uint16_t mtu = 0;

	for (uint32_t i = 0; i < cfg->ports_count; i++) {
		const struct config_port *p = &cfg->ports[i];
		bool whole = strncmp(p->device, "net_af_packet", 13) == 0 && p->mtu < WHOLE_BYTES;
		uint16_t needs = whole ? WHOLE_BYTES : p->mtu;

		mtu = needs > mtu ? needs : mtu;
	}
	return mtu;
}

/** The cores are kept by reference. */
static struct dp_conf
dp_conf_of(const struct config *cfg, struct cores *cores)
{
	const struct config_system *s = &cfg->system;

	(void)cores_parse(s->cores, cores);
	return (struct dp_conf){
		.prog = "naved",
		.cores = cores->count > 0 ? cores->list : NULL,
		.workers = config_workers(s, cpus_ours()),
		.hugepages = s->hugepages,
		.memory_mb = s->memory_mb,
		.max_peers = s->max_spokes,
		.mtu = largest_mtu(cfg),
		.pci = !all_software(cfg),
		.adaptive_idle =
			s->idle == IDLE_ADAPTIVE || (s->idle == IDLE_AUTO && all_software(cfg)),
	};
}

uint32_t
dpif_memory_mb(const struct config *cfg)
{
	struct cores cores;
	struct dp_conf conf = dp_conf_of(cfg, &cores);

	return dp_memory_mb(&conf);
}

static int
dp_start(struct dpif *d, const struct config *cfg)
{
	struct cores cores;
	struct dp_conf conf = dp_conf_of(cfg, &cores);

	log_notice("data plane: %u worker%s, %s", conf.workers, conf.workers == 1 ? "" : "s",
		conf.hugepages ? "hugepages" : "no hugepages (slower)");
	return dp_new(&conf, &d->dp);
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
		if (cfg->ports[i].vlan == 0)
			err = port_start(d, &cfg->ports[i]);
	for (uint32_t i = 0; err == 0 && i < cfg->ports_count; i++)
		if (cfg->ports[i].vlan != 0) /* its device is there now */
			err = port_start(d, &cfg->ports[i]);
	if (err == 0)
		err = dp_run(d->dp);
	if (err != 0) {
		dpif_stop(d);
		return err;
	}
	if (dp_nap_us(d->dp) == 0)
		log_notice("workers poll, work or not");
	else
		log_notice("workers without work sleep up to %u us: longer the queues of the ports "
			   "do not hold",
			dp_nap_us(d->dp));
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

void
dpif_settle(struct dpif *d)
{
	for (uint16_t id = 1; id <= DP_PORTS_MAX; id++)
		if (d->ports[id].id != 0)
			port_settle(d, &d->ports[id]);
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++) {
		struct cloud *c = &d->clouds[id];

		if (c->id != 0)
			addresses_prune(c->tun, &c->held, c->cfg.addresses, c->cfg.addresses_count);
	}
}

int
dpif_bind(struct dpif *d, struct rib *rib, struct spokes *spokes)
{
	int err;

	d->rib = rib;
	d->spokes = spokes;
	ports_bind(d);
	err = netlink_open(rib, &d->netlink);
	if (err == 0)
		err = loop_fd_add(d->loop, netlink_fd(d->netlink), EPOLLIN, netlink_ready, d);
	if (err != 0)
		return err;
	return ports_settle_first(d);
}

void
twin_end(struct dpif *d, struct twin *t)
{
	if (t == NULL)
		return;
	loop_fd_del(d->loop, twin_fd(t));
	twin_close(t);
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

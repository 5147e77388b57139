/* SPDX-License-Identifier: BSD-3-Clause */
/** Clouds: a tunnel of the data plane and its TUN twin in the kernel. */
#include "control/dpif_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/base/log.h"
#include "control/base/loop.h"
#include "control/route/rib.h"
#include "control/route/twin.h"

const char *
dpif_cloud_name(const struct dpif *d, uint16_t id)
{
	return id < DP_CLOUDS_MAX && d->clouds[id].id != 0 ? d->clouds[id].cfg.name : NULL;
}

uint16_t
dpif_cloud_id(const struct dpif *d, const char *name)
{
	for (uint16_t id = 1; id < DP_CLOUDS_MAX; id++)
		if (d->clouds[id].id != 0 && strcmp(d->clouds[id].cfg.name, name) == 0)
			return id;
	return 0;
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
		.tcp_mss_v4 = c->tcp_mss != 0 ? c->tcp_mss : c->mtu - 40, /* IP, TCP */
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
		err = context_join(d, c->cfg.name, c->ctx, twin_ifindex(c->tun));
	if (err == 0)
		err = addresses_add(c->tun, &c->held, c->cfg.addresses, c->cfg.addresses_count);
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
		err = addresses_add(c->tun, &c->held, cfg->addresses, cfg->addresses_count);
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

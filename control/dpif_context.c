/* SPDX-License-Identifier: BSD-3-Clause */
/** Which context (VRF) a port, a cloud and its transport are in. */
#include "control/dpif_priv.h"

#include <string.h>

#include "control/base/log.h"
#include "control/route/kernel.h"
#include "control/route/rib.h"

int
context_need(struct dpif *d, const char *kind, const char *name, const char *vrf)
{
	char why[256];
	int ctx = context_get(&d->contexts, vrf, why, sizeof(why));

	if (ctx < 0)
		log_error("%s %s: vrf: %s", kind, name, why);
	return ctx;
}

int
context_join(struct dpif *d, const char *name, uint16_t ctx, int ifindex)
{
	const struct context_spec *c = &d->contexts.list[ctx];
	int err = c->master == 0 ? 0 : kernel_enslave(ifindex, c->master);

	rib_context_set(d->rib, ctx, c->table);
	if (err != 0) /* its addresses would land in the main table: another's network */
		log_error("%s: the kernel does not put its twin into VRF %s: %s; %s", name, c->vrf,
			strerror(-err), kernel_remedy(err));
	return err;
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

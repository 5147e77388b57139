/* SPDX-License-Identifier: BSD-3-Clause */
/** Contexts and devices: which tables and interfaces of the kernel concern us. */
#include <errno.h>

#include <linux/rtnetlink.h>

#include "control/route/rib_priv.h"

void
rib_context_set(struct rib *r, uint16_t ctx, uint32_t table)
{
	r->contexts[ctx].table = table;
}

const struct device *
device_find(const struct rib *r, int ifindex)
{
	for (size_t i = 0; i < r->devices_end; i++)
		if (r->devices[i].kind != DEVICE_NONE && r->devices[i].ifindex == ifindex)
			return &r->devices[i];
	return NULL;
}

bool
rib_device_known(const struct rib *r, int ifindex)
{
	return device_find(r, ifindex) != NULL;
}

static int
device_add(struct rib *r, enum device_kind kind, uint16_t id, uint16_t ctx, int ifindex)
{
	for (size_t i = 0; i < DEVICES; i++) {
		if (r->devices[i].kind != DEVICE_NONE)
			continue;
		r->devices[i] = (struct device){
			.kind = kind,
			.id = id,
			.ctx = ctx,
			.ifindex = ifindex,
			.up = true,
		};
		if (i >= r->devices_end)
			r->devices_end = i + 1;
		return 0;
	}
	return -ENOSPC;
}

int
rib_port_add(struct rib *r, uint16_t port, uint16_t ctx, int ifindex)
{
	return device_add(r, DEVICE_PORT, port, ctx, ifindex);
}

int
rib_cloud_add(struct rib *r, uint16_t cloud, uint16_t ctx, int ifindex)
{
	return device_add(r, DEVICE_CLOUD, cloud, ctx, ifindex);
}

struct device *
device_of_cloud(struct rib *r, uint16_t cloud)
{
	for (size_t i = 0; i < DEVICES; i++)
		if (r->devices[i].kind == DEVICE_CLOUD && r->devices[i].id == cloud)
			return &r->devices[i];
	return NULL;
}

bool
rib_link(struct rib *r, int ifindex, bool up)
{
	struct device *dev = (struct device *)(uintptr_t)device_find(r, ifindex);

	if (dev == NULL || dev->up == up)
		return false;
	dev->up = up;
	r->choose = true;
	if (up)
		hops_ask_again(r, dev);
	return true;
}

int
context_of(const struct rib *r, const struct rib_route_in *in)
{
	const struct device *dev = in->hops_count > 0 ? device_find(r, in->hops[0].ifindex) : NULL;
	bool of_device = in->table == RT_TABLE_LOCAL ||
		(in->table == RT_TABLE_MAIN && in->protocol == RTPROT_KERNEL);

	if (of_device)
		return dev == NULL ? -1 : dev->ctx;
	for (int ctx = 0; ctx < DP_CONTEXTS_MAX; ctx++)
		if (r->contexts[ctx].table == in->table)
			return ctx;
	return -1;
}

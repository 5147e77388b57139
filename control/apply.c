/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/dpif.h"
#include "control/ike/ike.h"
#include "control/nhrp/nhrp.h"
#include "control/spoke/spoke.h"

static bool
listener_known(const struct ike_listener *list, size_t n, const struct addr *local)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&list[i].local, local))
			return true;
	return false;
}

int
apply_ike(const struct apply *a, const struct config *c, uint64_t now_ms)
{
	struct ike_listener *list = calloc(c->clouds_count, sizeof(*list));
	struct ike_conf conf = { .listeners = list, .psks = c->psks, .psks_count = c->psks_count };
	int err;

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->clouds_count; i++) {
		const struct config_cloud *cloud = &c->clouds[i];

		if (!cloud->protected_ ||
			listener_known(list, conf.listeners_count, &cloud->source))
			continue;
		list[conf.listeners_count++] = (struct ike_listener){
			.local = cloud->source,
			.profile = config_ike_find(c, cloud->protection),
		};
	}
	err = ike_configure(a->ike, &conf, now_ms);
	free(list);
	return err;
}

int
apply_cloud(const struct apply *a, const struct config_cloud *c, uint64_t now_ms)
{
	struct nhrp_cloud_conf conf = {
		.addresses_count = c->addresses_count,
		.nbma = c->source,
		.mtu = c->mtu,
		.nhrp = &c->nhrp,
	};
	int id = dpif_cloud_set(a->dpif, c);
	int err;

	if (id < 0)
		return id;
	memcpy(conf.addresses, c->addresses, sizeof(conf.addresses));
	err = nhrp_cloud_set(a->nhrp, (uint32_t)id, &conf);
	if (err != 0)
		return err;
	return spokes_cloud_set(a->spokes, (uint16_t)id, c, 0, 0, now_ms);
}

int
apply_all(const struct apply *a, const struct config *c, uint64_t now_ms)
{
	int err = apply_ike(a, c, now_ms);

	for (uint32_t i = 0; err == 0 && i < c->clouds_count; i++)
		err = apply_cloud(a, &c->clouds[i], now_ms);
	return err;
}

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
	struct ike_conf conf = { .listeners = list,
		.psks = c->psks,
		.psks_count = c->psks_count,
		.ppks = c->ppks,
		.ppks_count = c->ppks_count,
		.profiles = c->ike,
		.profiles_count = c->ike_count,
		.limits = { .peers = c->system.max_spokes } };
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

static int
nhrp_apply(const struct apply *a, uint16_t id, const struct config_cloud *c)
{
	struct nhrp_cloud_conf conf = {
		.addresses_count = c->addresses_count,
		.nbma = c->source,
		.mtu = c->mtu,
		.nhrp = &c->nhrp,
	};

	memcpy(conf.addresses, c->addresses, sizeof(conf.addresses));
	return nhrp_cloud_set(a->nhrp, id, &conf);
}

int
apply_cloud_prepare(
	const struct apply *a, const struct config_cloud *c, const struct config_cloud *was)
{
	int id = dpif_cloud_set(a->dpif, c);
	int err;

	if (id < 0)
		return id;
	if (was != NULL)
		return 0; /* the engine takes it later: it may drop a registration for it */
	err = nhrp_apply(a, (uint16_t)id, c);
	if (err != 0)
		dpif_cloud_del(a->dpif, c->name);
	return err;
}

void
apply_cloud_undo(
	const struct apply *a, const struct config_cloud *c, const struct config_cloud *was)
{
	if (was != NULL) {
		dpif_cloud_set(a->dpif, was);
		return;
	}
	nhrp_cloud_remove(a->nhrp, dpif_cloud_id(a->dpif, c->name));
	dpif_cloud_del(a->dpif, c->name);
}

/** Is it another tunnel, so that every spoke has to come anew? */
static bool
rebuilt(const struct config_cloud *c, const struct config_cloud *was)
{
	return !addr_equal(&c->source, &was->source) || c->has_key != was->has_key ||
		c->key != was->key || strcmp(c->protection, was->protection) != 0;
}

void
apply_cloud_commit(const struct apply *a, const struct config_cloud *c,
	const struct config_cloud *was, uint64_t now_ms)
{
	uint16_t id = dpif_cloud_id(a->dpif, c->name);

	if (was != NULL && rebuilt(c, was)) {
		spokes_cloud_close(a->spokes, id, now_ms);
		nhrp_bindings_clear(a->nhrp, id, NULL, now_ms);
	}
	if (was != NULL)
		nhrp_apply(a, id, c); /* cannot fail: the cloud is known, the values checked */
	spokes_cloud_set(a->spokes, id, c, dpif_overlay_ctx(a->dpif, id),
		dpif_transport_ctx(a->dpif, id), now_ms);
}

void
apply_cloud_remove(const struct apply *a, const struct config_cloud *c, uint64_t now_ms)
{
	uint16_t id = dpif_cloud_id(a->dpif, c->name);

	spokes_cloud_close(a->spokes, id, now_ms);
	nhrp_cloud_remove(a->nhrp, id);
	spokes_cloud_del(a->spokes, id);
	dpif_cloud_del(a->dpif, c->name);
}

int
apply_all(const struct apply *a, const struct config *c, uint64_t now_ms)
{
	int err = apply_ike(a, c, now_ms);

	for (uint32_t i = 0; err == 0 && i < c->clouds_count; i++) {
		err = apply_cloud_prepare(a, &c->clouds[i], NULL);
		if (err == 0)
			apply_cloud_commit(a, &c->clouds[i], NULL, now_ms);
	}
	return err;
}

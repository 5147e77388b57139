/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message stream into a rib with devices and watched uplinks. The last octet says
 * how much of it a resync leaves out, so that marks and purges are met in any state. What
 * the rib does to the data plane must fit together at all times.
 */
#include <stdlib.h>
#include <string.h>

#include "control/route/netlink.h"
#include "test/lib/rib_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool
look(void *arg, const struct rib_info *i)
{
	(void)arg;
	if (i->best && !i->active)
		abort(); /* the workers' table is not what the rib says */
	return true;
}

static void
check_all(struct rib_rig *g)
{
	rib_settle(g->rib);
	for (uint16_t ctx = 0; ctx < 3; ctx++)
		rib_each(g->rib, ctx, NULL, look, NULL);
	if (g->dp->misuse != NULL)
		abort();
}

static void
play(struct rib_rig *g, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1); /* aligned, and of just this size */

	memcpy(copy, data, len);
	netlink_parse(g->rib, copy, len);
	free(copy);
	check_all(g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rib_rig *g = rib_rig_bare();
	size_t cut = len > 0 ? len * data[len - 1] / 256 / 4 * 4 : 0;

	rib_context_set(g->rib, 1, 100);
	rib_context_set(g->rib, 2, 100000);
	rib_port_add(g->rib, 1, 0, 10);
	rib_port_add(g->rib, 2, 0, 11);
	rib_cloud_add(g->rib, 1, 0, 12);
	rig_uplink(g, 0, "198.51.100.7", 1);
	rig_uplink(g, 1, "198.51.100.7", 2);
	rig_bind(g, 0, 1, "10.0.0.12/32", "10.0.0.12");
	play(g, data, len);
	rib_resync_start(g->rib);
	play(g, data + cut, len - cut);
	rib_resync_end(g->rib);
	check_all(g);
	rib_cloud_del(g->rib, 1);
	check_all(g);
	rig_uplink_put(g, 0, "198.51.100.7", 1);
	rib_rig_free(g);
	return 0;
}

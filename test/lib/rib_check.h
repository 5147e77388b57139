/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_RIB_CHECK_H
#define TEST_LIB_RIB_CHECK_H

/** What every test of the rib asks of its rig, which it calls g. */
#include "test/lib/check.h"
#include "test/lib/rib_rig.h"

#define WAY(ctx, dst, want) CHECK_STR(rig_way(g, ctx, dst), want)

/** The end of a test: the data plane was not misused. */
static inline void
done(struct rib_rig *g)
{
	CHECK(g->dp->misuse == NULL);
	if (g->dp->misuse != NULL)
		printf("# %s\n", g->dp->misuse);
	rib_rig_free(g);
}

#endif

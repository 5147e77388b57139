/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_FAKE_VIEW_H
#define TEST_LIB_FAKE_VIEW_H

/**
 * A hub as the management sees it, with one or two of each thing: workers, ports
 * (wan0, lan0), a cloud (dmvpn), spokes, IKE sessions, registrations. Linked instead of
 * the modules; the rib is the real one over fake_dp.h.
 */
#include "control/mgmt/commands.h"
#include "test/lib/rib_rig.h"

struct fake_view {
	struct mgmt_view view;
	struct rib_rig *rib;
	bool odd_name;    /* branch7 is called so that no format may be broken by it */
	unsigned more;    /* further spokes like branch12 */
	char cleared[64]; /* what `clear spoke` was asked for; it finds "branch7" alone */
};

#define FAKE_CAPTURED 4

/** The data plane's capture: what was asked for, and what it gives, over and over. */
struct fake_capture {
	bool runs;
	struct dp_capture want;
	struct dp_captured list[FAKE_CAPTURED];
	unsigned count, given;
};

extern struct fake_capture fake_capture;

struct fake_view *fake_view_new(void);
void fake_view_free(struct fake_view *f);

#endif

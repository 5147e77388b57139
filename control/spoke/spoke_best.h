/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_SPOKE_SPOKE_BEST_H
#define CONTROL_SPOKE_SPOKE_BEST_H

/**
 * Private to control/spoke: of all that is known under one authenticated identity, what
 * speaks for the spoke. A spoke that dials again leaves sessions behind that have no child
 * SA and end by themselves; an operator looks for one line, and finds the others in
 * `show ike`. Valid until the spokes or the IKE engine change; control core only.
 */
#include "control/base/map.h"
#include "control/spoke/link.h"

struct spoke_best {
	struct map links;    /* hash of identity -> struct link, that is farthest */
	struct map sessions; /* -> struct session without a link, the newest */
	struct map by_nbma;  /* hash of outer address -> struct link, that is farthest */
};

/** Without memory some spokes keep several lines. */
void spoke_best_make(const struct spokes *s, struct spoke_best *out);
void spoke_best_free(struct spoke_best *b);

/** NULL when there is none. */
const struct link *spoke_best_link(const struct spoke_best *b, const char *identity);
const struct session *spoke_best_session(const struct spoke_best *b, const char *identity);

/** Is it up by now who failed, under this identity ("": none was seen) from this address? */
bool spoke_best_recovered(
	const struct spoke_best *b, const char *identity, const struct addr *nbma);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_ROUTE_TEXT_H
#define TEST_LIB_ROUTE_TEXT_H

/** Routes of the kernel as texts, for tests of the rib; a wrong text ends the test. */
#include "control/route/rib.h"

struct addr addr_of_text(const char *text);
struct prefix prefix_of_text(const char *text);

/**
 * A route as `ip route` would have it, words in any order but the prefix first:
 * "10.0.0.0/8 via 192.0.2.9 dev 1 metric 20 table 100 proto bgp [local|drop] [nhid 5]";
 * several "via A dev N [dead] [onlink]" are next hops of one route.
 */
struct rib_route_in route_of_text(const char *text);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_OPTIONS_H
#define DATAPLANE_OPTIONS_H

/** IP options: few packets have any. */
#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>

/**
 * Of a header of head octets, all of them there: false when one is cut short, or asks for a way
 * of the sender's own choice (RFC 7126, 4.3 and 4.4). Others are not ours to judge: router alert
 * and the like pass as they are.
 */
bool options_good(const struct rte_ipv4_hdr *ip, uint32_t head);

/** In a fragment that is not the first those that are not copied (RFC 791) become NOP. */
void options_of_rest(struct rte_ipv4_hdr *ip, uint32_t head);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_NAT_H
#define CONTROL_IKE_IKE_NAT_H

/** NAT detection (RFC 7296, 2.23) and traffic selectors, which depend on it. Pure. */
#include "control/ike/ike.h"
#include "control/ike/ike_wire.h"

#define IKE_NAT_HASH_BYTES 20

void ike_nat_hash(uint64_t spi_i, uint64_t spi_r, const struct addr *a, uint16_t port,
	uint8_t out[IKE_NAT_HASH_BYTES]);

/** Who is behind a NAT, by the hashes of a message that came on path. */
void ike_nat_detect(const struct ike_payloads *p, uint64_t spi_i, uint64_t spi_r,
	const struct ike_path *path, bool *local, bool *remote);

void ike_nat_write(
	struct ike_chain *c, uint64_t spi_i, uint64_t spi_r, const struct ike_path *path);

/** What the selectors of a child are judged by. */
struct ike_ts_rule {
	const struct ike_path *path;
	bool nat_local, nat_remote;
	bool transport;
};

struct ike_selectors {
	struct addr local, remote; /* agreed host pair */
	/* The same as the peer wrote it, or ADDR_NONE; claimed is its own. */
	struct addr local_claimed, claimed;
};

/**
 * Narrow to one host pair and GRE. local and remote are the payloads that speak of our
 * side and of the peer's. Returns 0, -ENOENT when nothing acceptable is inside, -EBADMSG.
 */
int ike_ts_narrow(struct ike_view local, struct ike_view remote, const struct ike_ts_rule *rule,
	struct ike_selectors *out);

/** "10.0.0.1..10.0.0.9 proto 47 ports 0-65535, ..." */
const char *ike_ts_print(struct ike_view body, char *buf, size_t n);

#endif

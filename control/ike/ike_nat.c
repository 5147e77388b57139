/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_nat.h"

#include <errno.h>
#include <stdio.h>

#include "crypto/hash.h"

#define PROTOCOL_GRE 47

void
ike_nat_hash(uint64_t spi_i, uint64_t spi_r, const struct addr *a, uint16_t port,
	uint8_t out[IKE_NAT_HASH_BYTES])
{
	uint8_t data[8 + 8 + 16 + 2];
	struct writer w = wr_over(data, sizeof(data));

	wr_be64(&w, spi_i);
	wr_be64(&w, spi_r);
	wr_bytes(&w, a->octet, addr_bytes(a));
	wr_be16(&w, port);
	struct octets part = { data, wr_used(&w) };

	if (hash(HASH_SHA1, &part, 1, out) != 0)
		memset(out, 0, IKE_NAT_HASH_BYTES); /* then a NAT is assumed: safe, slower */
}

/** Is there a hash of this type, and does none fit? (Several: a host with more addresses.) */
static bool
nat_on(const struct ike_payloads *p, uint16_t type, const uint8_t want[IKE_NAT_HASH_BYTES])
{
	bool seen = false;

	for (unsigned i = 0; i < p->notifies; i++) {
		const struct ike_notify *n = &p->notify[i];

		if (n->type != type)
			continue;
		seen = true;
		if (n->data.bytes == IKE_NAT_HASH_BYTES &&
			memcmp(n->data.data, want, IKE_NAT_HASH_BYTES) == 0)
			return false;
	}
	return seen;
}

void
ike_nat_detect(const struct ike_payloads *p, uint64_t spi_i, uint64_t spi_r,
	const struct ike_path *path, bool *local, bool *remote)
{
	uint8_t want[IKE_NAT_HASH_BYTES];

	ike_nat_hash(spi_i, spi_r, &path->remote, path->remote_port, want);
	*remote = nat_on(p, N_NAT_DETECTION_SOURCE_IP, want);
	ike_nat_hash(spi_i, spi_r, &path->local, path->local_port, want);
	*local = nat_on(p, N_NAT_DETECTION_DESTINATION_IP, want);
}

void
ike_nat_write(struct ike_chain *c, uint64_t spi_i, uint64_t spi_r, const struct ike_path *path)
{
	uint8_t mac[IKE_NAT_HASH_BYTES];

	ike_nat_hash(spi_i, spi_r, &path->local, path->local_port, mac);
	ike_chain_notify(c, N_NAT_DETECTION_SOURCE_IP, mac, sizeof(mac));
	ike_nat_hash(spi_i, spi_r, &path->remote, path->remote_port, mac);
	ike_chain_notify(c, N_NAT_DETECTION_DESTINATION_IP, mac, sizeof(mac));
}

static bool
ts_has(const struct ike_ts *ts, const struct addr *a)
{
	return addr_cmp(&ts->first, a) <= 0 && addr_cmp(a, &ts->last) <= 0;
}

/**
 * One side of the pair. seen: the address outside; nat: is it a translated one. In
 * transport mode behind a NAT the selector is replaced by what is seen (2.23.1); in
 * tunnel mode the inner packets carry the untranslated address, so that one stays.
 */
static int
ts_side(struct ike_view body, const struct addr *seen, bool nat, bool transport, struct addr *out,
	struct addr *claimed)
{
	struct cursor c;
	unsigned count;
	struct ike_ts ts;
	bool found = false;

	if (ike_ts_open(body, &c, &count) != 0)
		return -EBADMSG;
	*claimed = (struct addr){ 0 };
	while (count-- > 0) {
		int got = ike_ts_next(&c, &ts);

		if (got < 0)
			return got;
		if (got == 0 || found || ts.first.family != seen->family)
			continue;
		if ((ts.protocol != 0 && ts.protocol != PROTOCOL_GRE) || ts.port_first != 0 ||
			ts.port_last != UINT16_MAX)
			continue;
		bool host = addr_equal(&ts.first, &ts.last);

		if (host)
			*claimed = ts.first;
		found = true;
		if (nat && transport)
			*out = *seen;
		else if (nat && host)
			*out = ts.first;
		else if (ts_has(&ts, seen))
			*out = *seen;
		else
			found = false;
	}
	return found ? 0 : -ENOENT;
}

int
ike_ts_narrow(struct ike_view local, struct ike_view remote, const struct ike_ts_rule *rule,
	struct ike_selectors *out)
{
	struct ike_selectors s;
	int err;

	err = ts_side(remote, &rule->path->remote, rule->nat_remote, rule->transport, &s.remote,
		&s.claimed);
	if (err == 0)
		err = ts_side(local, &rule->path->local, rule->nat_local, rule->transport, &s.local,
			&s.local_claimed);
	if (err == 0)
		*out = s;
	return err;
}

const char *
ike_ts_print(struct ike_view body, char *buf, size_t n)
{
	char first[ADDR_TEXT_BYTES], last[ADDR_TEXT_BYTES];
	struct cursor c;
	unsigned count;
	struct ike_ts ts;
	size_t used = 0;

	buf[0] = '\0';
	if (ike_ts_open(body, &c, &count) != 0)
		return buf;
	while (count-- > 0 && used < n) {
		int got = ike_ts_next(&c, &ts);

		if (got < 0)
			break;
		if (got == 0)
			continue;
		used += (size_t)snprintf(buf + used, n - used, "%s%s..%s proto %u ports %u-%u",
			used > 0 ? ", " : "", addr_print(&ts.first, first),
			addr_print(&ts.last, last), ts.protocol, ts.port_first, ts.port_last);
	}
	return buf;
}

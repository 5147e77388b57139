/* SPDX-License-Identifier: BSD-3-Clause */
/** Packets of the control core and the kernel on their way down: an mbuf in a worker's command
 * ring. */
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/buffer.h"
#include "dataplane/dp_priv.h"

#define KEPT 1024 /* commands of the ring that are for our own protocols only */

bool
dp_command(struct dp *dp, enum command_type type, struct rte_mbuf *m)
{
	struct rte_ring *ring = worker_commands(dp->workers[0]);
	struct command cmd = { .type = type, .m = m };

	if (!dp->running ||
		(!(pkt_meta(m)->flags & META_FIRST) && rte_ring_free_count(ring) <= KEPT) ||
		rte_ring_sp_enqueue_elem(ring, &cmd, sizeof(cmd)) != 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	return true;
}

/** A buffer with these octets, metadata fresh. */
static struct rte_mbuf *
mbuf_of(struct dp *dp, const void *data, size_t bytes)
{
	struct rte_mempool *pool =
		bytes > UINT16_MAX ? NULL : buffer_pool(dp->pool, dp->large, (uint32_t)bytes);
	struct rte_mbuf *m = pool == NULL ? NULL : rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	pkt_meta_init(m, 0);
	memcpy(rte_pktmbuf_append(m, (uint16_t)bytes), data, bytes);
	return m;
}

/** Routing protocols of the kernel mark what they send (RFC 2474: precedence 6 and 7). */
static uint8_t
first_by_tos(const void *ip, size_t bytes)
{
	return bytes > 1 && ((const uint8_t *)ip)[1] >= TOS_CS6 ? META_FIRST : 0;
}

/** The same of a frame; ARP is what all else waits for. */
static uint8_t
first_by_frame(const uint8_t *frame, size_t bytes)
{
	uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);

	if (type == RTE_ETHER_TYPE_ARP)
		return META_FIRST;
	return type == RTE_ETHER_TYPE_IPV4 ? first_by_tos(frame + 14, bytes - 14) : 0;
}

static int
send_as(struct dp *dp, enum command_type type, struct rte_mbuf *m)
{
	if (m == NULL)
		return -ENOBUFS;
	return dp_command(dp, type, m) ? 0 : -EAGAIN;
}

int
dp_send_frame(struct dp *dp, uint16_t port, const void *frame, size_t bytes)
{
	struct rte_mbuf *m;

	if (port == 0 || port > dp->ports_count || bytes < sizeof(struct rte_ether_hdr))
		return -EINVAL;
	m = mbuf_of(dp, frame, bytes);
	if (m != NULL) {
		m->port = port;
		pkt_meta(m)->flags = first_by_frame(frame, bytes);
	}
	return send_as(dp, CMD_FRAME, m);
}

int
dp_send_inner(struct dp *dp, uint16_t cloud, const void *packet, size_t bytes)
{
	const struct cloud *c = cloud < DP_CLOUDS_MAX ? cloud_get(&dp->t, cloud) : NULL;
	struct rte_mbuf *m;

	if (c == NULL || bytes < sizeof(struct rte_ipv4_hdr))
		return -EINVAL;
	m = mbuf_of(dp, packet, bytes);
	if (m != NULL) {
		pkt_meta(m)->flags = META_FROM_KERNEL | first_by_tos(packet, bytes);
		pkt_meta(m)->ctx = c->conf.ctx;
		pkt_meta(m)->id = cloud; /* whose twin it came from: multicast goes to its peers */
	}
	return send_as(dp, CMD_INNER, m);
}

int
dp_send_gre(struct dp *dp, uint32_t peer, uint16_t ether_type, const void *data, size_t bytes)
{
	struct rte_mbuf *m;

	if (peer == 0 || peer >= dp->t.peer_max)
		return -EINVAL;
	m = mbuf_of(dp, data, bytes);
	if (m != NULL) {
		pkt_meta(m)->id = peer;
		pkt_meta(m)->ether_type = ether_type;
		pkt_meta(m)->flags = META_CONTROL | META_FROM_KERNEL | META_NO_ICMP | META_FIRST;
	}
	return send_as(dp, CMD_GRE, m);
}

/* ---- UDP ---------------------------------------------------------------------------------- */

static uint16_t
udp_checksum(const struct rte_ipv4_hdr *ip, const struct rte_udp_hdr *udp, const void *data,
	size_t bytes)
{
	uint32_t sum = rte_ipv4_phdr_cksum(ip, 0);

	sum += rte_raw_cksum(udp, sizeof(*udp));
	sum += rte_raw_cksum(data, bytes);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0xffff : (uint16_t)~sum;
}

/** One IP packet of the datagram: fragment `off` (octets into the IP payload). */
static int
send_fragment(struct dp *dp, struct rte_ipv4_hdr *ip, const void *head, size_t head_bytes,
	const uint8_t *data, size_t bytes, size_t off, bool more, uint32_t uplink)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	size_t total = sizeof(*ip) + head_bytes + bytes;
	uint8_t *at;

	if (m == NULL)
		return -ENOBUFS;
	at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)total);
	if (at == NULL) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	ip->total_length = rte_cpu_to_be_16((uint16_t)total);
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(off / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(at, ip, sizeof(*ip));
	memcpy(at + sizeof(*ip), head, head_bytes);
	memcpy(at + sizeof(*ip) + head_bytes, data, bytes);
	pkt_meta_init(m, 0);
	pkt_meta(m)->id = uplink;
	pkt_meta(m)->flags = META_FIRST;
	return send_as(dp, CMD_IP, m);
}

int
dp_send_udp(struct dp *dp, const struct addr *local, uint16_t local_port, const struct addr *remote,
	uint16_t remote_port, uint32_t uplink, const void *data, size_t bytes)
{
	static uint16_t id;
	const struct adj *adj = uplink < dp->t.adj_max ? adj_get(&dp->t, uplink) : NULL;
	const uint8_t *at = data;
	size_t room, off = 0;

	if (local->family != ADDR_V4 || remote->family != ADDR_V4 ||
		bytes > UINT16_MAX - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_udp_hdr))
		return -EINVAL;
	if (adj == NULL)
		return -EHOSTUNREACH;

	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = TOS_CS6,
		.packet_id = rte_cpu_to_be_16(++id),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = addr_v4(local),
		.dst_addr = addr_v4(remote),
		.total_length = rte_cpu_to_be_16(
			(uint16_t)(sizeof(ip) + sizeof(struct rte_udp_hdr) + bytes)),
	};
	struct rte_udp_hdr udp = {
		.src_port = rte_cpu_to_be_16(local_port),
		.dst_port = rte_cpu_to_be_16(remote_port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(udp) + bytes)),
	};
	udp.dgram_cksum = udp_checksum(&ip, &udp, data, bytes);

	/* Long ones (certificates) leave in fragments: many spokes have no IKE fragmentation. */
	room = (size_t)((adj->mtu != 0 ? adj->mtu : 1500) - sizeof(ip)) & ~7ul;
	size_t head = sizeof(udp);
	do {
		size_t n = bytes < room - head ? bytes : room - head;
		int err = send_fragment(dp, &ip, &udp, head, at, n, off, n < bytes, uplink);

		if (err != 0)
			return err;
		off += head + n;
		at += n;
		bytes -= n;
		head = 0;
	} while (bytes > 0);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** rtnetlink messages into the rib. Any bytes are legal; what is not understood is left out. */
#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "control/route/netlink.h"
#include "control/route/rib.h"

#define ATTRS 64

/** Attributes by type, bounded by len; unknown ones are left out. */
static void
attrs_of(const void *first, size_t len, const struct rtattr *out[ATTRS])
{
	const struct rtattr *a = first;
	int left = (int)len;

	memset(out, 0, ATTRS * sizeof(out[0]));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) < ATTRS)
			out[a->rta_type & NLA_TYPE_MASK] = a;
}

/** The attributes behind a message's fixed part; false when not even that is there. */
static bool
message_attrs(const struct nlmsghdr *h, size_t fixed, const struct rtattr *out[ATTRS])
{
	size_t head = NLMSG_SPACE(fixed);

	if (h->nlmsg_len < NLMSG_LENGTH(fixed))
		return false;
	attrs_of((const char *)h + head, h->nlmsg_len > head ? h->nlmsg_len - head : 0, out);
	return true;
}

static struct addr
addr_of(const struct rtattr *a)
{
	struct addr out = { 0 };

	if (a != NULL)
		addr_from_bytes(&out, RTA_DATA(a), RTA_PAYLOAD(a));
	return out;
}

static uint32_t
u32_of(const struct rtattr *a)
{
	uint32_t v = 0;

	if (a != NULL && RTA_PAYLOAD(a) >= sizeof(v))
		memcpy(&v, RTA_DATA(a), sizeof(v));
	return v;
}

/* ---- routes --------------------------------------------------------------------------- */

/**
 * One next hop. One that the data plane cannot take (IPv6 gateway, labels) leads through
 * no device of ours.
 */
static void
hop_add(struct rib_route_in *in, int ifindex, unsigned flags, const struct rtattr *const *attrs)
{
	struct rib_hop_in *h = &in->hops[in->hops_count];

	if (in->hops_count == RIB_HOPS_MAX)
		return;
	in->hops_count++;
	*h = (struct rib_hop_in){
		.gateway = addr_of(attrs[RTA_GATEWAY]),
		.ifindex = ifindex,
		.dead = (flags & RTNH_F_DEAD) != 0,
		.onlink = (flags & RTNH_F_ONLINK) != 0,
	};
	if (attrs[RTA_VIA] != NULL || attrs[RTA_ENCAP_TYPE] != NULL ||
		(attrs[RTA_GATEWAY] != NULL && h->gateway.family != ADDR_V4))
		h->ifindex = 0;
}

static void
multipath(const struct rtattr *a, struct rib_route_in *in)
{
	const struct rtattr *attrs[ATTRS];
	const struct rtnexthop *nh = RTA_DATA(a);
	int left = (int)RTA_PAYLOAD(a);

	while (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		attrs_of(RTNH_DATA(nh), nh->rtnh_len - sizeof(*nh), attrs);
		hop_add(in, nh->rtnh_ifindex, nh->rtnh_flags, attrs);
		left -= (int)RTNH_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
}

static int
type_of(uint8_t rtm_type)
{
	switch (rtm_type) {
	case RTN_UNICAST:
		return RIB_ROUTE_UNICAST;
	case RTN_LOCAL:
		return RIB_ROUTE_LOCAL;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return RIB_ROUTE_DROP;
	default:
		return -1; /* broadcasts: the twin's kernel sees them as frames anyway */
	}
}

static enum rib_change
change_of(const struct nlmsghdr *h)
{
	if (h->nlmsg_type == RTM_DELROUTE)
		return RIB_DEL;
	return (h->nlmsg_flags & NLM_F_REPLACE) != 0 ? RIB_REPLACE : RIB_ADD;
}

static void
on_route(struct rib *rib, const struct nlmsghdr *h)
{
	const struct rtmsg *m = NLMSG_DATA(h);
	const struct rtattr *attrs[ATTRS];
	struct rib_route_in in = { 0 };
	int type;

	if (!message_attrs(h, sizeof(*m), attrs) || m->rtm_family != AF_INET ||
		m->rtm_flags & RTM_F_CLONED || m->rtm_dst_len > 32)
		return;
	type = type_of(m->rtm_type);
	if (type < 0 || m->rtm_tos != 0) /* the data plane routes by destination alone */
		return;
	in.type = (enum rib_route_type)type;
	in.table = attrs[RTA_TABLE] != NULL ? u32_of(attrs[RTA_TABLE]) : m->rtm_table;
	in.prefix.addr = attrs[RTA_DST] != NULL ? addr_of(attrs[RTA_DST]) : addr_from_v4(0);
	in.prefix.bits = m->rtm_dst_len;
	in.metric = u32_of(attrs[RTA_PRIORITY]);
	in.protocol = m->rtm_protocol;
	if (in.prefix.addr.family != ADDR_V4)
		return;
	if (attrs[RTA_MULTIPATH] != NULL)
		multipath(attrs[RTA_MULTIPATH], &in);
	else if (attrs[RTA_OIF] != NULL)
		hop_add(&in, (int)u32_of(attrs[RTA_OIF]), m->rtm_flags, attrs);
	else if (attrs[RTA_NH_ID] != NULL) /* net.ipv4.nexthop_compat_mode=0 */
		in.nexthop_id = u32_of(attrs[RTA_NH_ID]);
	rib_route(rib, &in, change_of(h));
}

/* ---- nexthop objects -------------------------------------------------------------------- */

static void
group(const struct rtattr *a, struct rib_nexthop_in *in)
{
	const struct nexthop_grp *g = RTA_DATA(a);
	size_t n = RTA_PAYLOAD(a) / sizeof(*g);

	for (; in->group_count < n && in->group_count < RIB_HOPS_MAX; in->group_count++)
		memcpy(&in->group[in->group_count], &g[in->group_count].id, sizeof(g->id));
}

static void
on_nexthop(struct rib *rib, const struct nlmsghdr *h)
{
	const struct nhmsg *m = NLMSG_DATA(h);
	const struct rtattr *attrs[ATTRS];
	struct rib_nexthop_in in = { 0 };
	uint32_t id;

	if (!message_attrs(h, sizeof(*m), attrs))
		return;
	id = u32_of(attrs[NHA_ID]);
	if (id == 0)
		return;
	if (h->nlmsg_type == RTM_DELNEXTHOP) {
		rib_nexthop(rib, id, NULL);
		return;
	}
	in.blackhole = attrs[NHA_BLACKHOLE] != NULL;
	if (attrs[NHA_GROUP] != NULL)
		group(attrs[NHA_GROUP], &in);
	in.hop = (struct rib_hop_in){
		.gateway = addr_of(attrs[NHA_GATEWAY]),
		.ifindex = (int)u32_of(attrs[NHA_OIF]),
		.dead = (m->nh_flags & RTNH_F_DEAD) != 0,
		.onlink = (m->nh_flags & RTNH_F_ONLINK) != 0,
	};
	if (in.hop.gateway.family == ADDR_V6 || attrs[NHA_ENCAP_TYPE] != NULL)
		in.hop.ifindex = 0; /* as with routes: not through us */
	rib_nexthop(rib, id, &in);
}

/* ---- neighbours ---------------------------------------------------------------------------- */

/** -1: says nothing (the kernel is still asking). */
static int
neigh_state(const struct nlmsghdr *h, const struct ndmsg *m, bool has_mac)
{
	if (h->nlmsg_type == RTM_DELNEIGH)
		return RIB_NEIGH_GONE;
	if (m->ndm_state & NUD_FAILED)
		return RIB_NEIGH_FAILED;
	if (!has_mac)
		return -1;
	if (m->ndm_state & NUD_PERMANENT)
		return RIB_NEIGH_STATIC;
	if (m->ndm_state & NUD_STALE)
		return RIB_NEIGH_STALE;
	if (m->ndm_state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE))
		return RIB_NEIGH_OK;
	return -1;
}

static void
on_neigh(struct rib *rib, const struct nlmsghdr *h)
{
	const struct ndmsg *m = NLMSG_DATA(h);
	const struct rtattr *attrs[ATTRS], *ll;
	struct addr a;
	int state;

	if (!message_attrs(h, sizeof(*m), attrs) || m->ndm_family != AF_INET)
		return;
	a = addr_of(attrs[NDA_DST]);
	ll = attrs[NDA_LLADDR];
	state = neigh_state(h, m, ll != NULL && RTA_PAYLOAD(ll) == 6);
	if (a.family == ADDR_V4 && state >= 0)
		rib_neigh(rib, m->ndm_ifindex, &a, (enum rib_neigh_state)state,
			ll != NULL ? RTA_DATA(ll) : NULL,
			(u32_of(attrs[NDA_FLAGS_EXT]) & NTF_EXT_MANAGED) != 0);
}

/* ---- links and addresses --------------------------------------------------------------------- */

static bool
on_link(struct rib *rib, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = NLMSG_DATA(h);
	const unsigned up = IFF_UP | IFF_RUNNING;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return false;
	if (h->nlmsg_type == RTM_DELLINK)
		return true;
	return rib_link(rib, m->ifi_index, (m->ifi_flags & up) == up);
}

static bool
on_address(const struct rib *rib, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);

	return h->nlmsg_type == RTM_DELADDR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) &&
		rib_device_known(rib, (int)m->ifa_index);
}

bool
netlink_take(struct rib *rib, const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route(rib, h);
		return false;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		on_nexthop(rib, h);
		return h->nlmsg_type == RTM_DELNEXTHOP;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neigh(rib, h);
		return false;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return on_link(rib, h);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return on_address(rib, h);
	default:
		return false;
	}
}

/* NLMSG_NEXT() takes the padding off too, which the last message need not have. */
const struct nlmsghdr *
netlink_next(const void *buf, size_t bytes, size_t *at)
{
	const struct nlmsghdr *h = (const void *)((const char *)buf + *at);

	if (*at >= bytes || bytes - *at < sizeof(*h) || h->nlmsg_len < sizeof(*h) ||
		h->nlmsg_len > bytes - *at)
		return NULL;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

bool
netlink_parse(struct rib *rib, const void *buf, size_t bytes)
{
	const struct nlmsghdr *h;
	bool doubt = false;
	size_t at = 0;

	while ((h = netlink_next(buf, bytes, &at)) != NULL)
		doubt |= netlink_take(rib, h);
	return doubt;
}

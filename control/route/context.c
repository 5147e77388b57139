/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/context.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "config/report.h"
#include "control/route/netlink.h"

#define ANSWER_MS 2000 /* the kernel answers at once */

static const struct rtattr *
attr_find(const void *first, size_t len, uint16_t type)
{
	const struct rtattr *a = first;
	int left = (int)len;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

uint32_t
context_table_of_link(const struct nlmsghdr *h)
{
	const size_t head = NLMSG_SPACE(sizeof(struct ifinfomsg));
	const struct rtattr *info, *kind, *data, *table = NULL;
	uint32_t id = 0;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < head)
		return 0;
	info = attr_find((const char *)h + head, h->nlmsg_len - head, IFLA_LINKINFO);
	if (info == NULL)
		return 0;
	kind = attr_find(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_KIND);
	data = attr_find(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_DATA);
	if (kind == NULL || RTA_PAYLOAD(kind) < 4 || memcmp(RTA_DATA(kind), "vrf", 4) != 0)
		return 0;
	if (data != NULL)
		table = attr_find(RTA_DATA(data), RTA_PAYLOAD(data), IFLA_VRF_TABLE);
	if (table != NULL && RTA_PAYLOAD(table) >= sizeof(id))
		memcpy(&id, RTA_DATA(table), sizeof(id));
	return id;
}

static int
link_ask(int fd, int ifindex)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
	} q = {
		.h = { .nlmsg_len = sizeof(q),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex },
	};
	struct timeval t = { .tv_sec = ANSWER_MS / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

/** The routing table of the VRF with this name; 0 when it is not there or no VRF. */
static uint32_t
vrf_table(const char *name, int *ifindex)
{
	static _Alignas(8) uint8_t buf[32768];
	const struct nlmsghdr *h;
	uint32_t table = 0;
	size_t at = 0;
	ssize_t got = 0;
	int fd;

	*ifindex = (int)if_nametoindex(name);
	if (*ifindex == 0)
		return 0;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return 0;
	if (link_ask(fd, *ifindex) == 0)
		got = recv(fd, buf, sizeof(buf), 0);
	h = got > 0 ? netlink_next(buf, (size_t)got, &at) : NULL;
	if (h != NULL)
		table = context_table_of_link(h);
	close(fd);
	return table;
}

/** Number, name or nothing into table and master. */
static int
resolve(const char *vrf, struct context_spec *out, char *why, size_t n)
{
	snprintf(out->vrf, sizeof(out->vrf), "%s", vrf);
	if (vrf[0] == '\0') {
		out->table = RT_TABLE_MAIN;
		return 0;
	}
	if (strspn(vrf, "0123456789") == strlen(vrf)) {
		out->table = (uint32_t)strtoul(vrf, NULL, 10);
		return 0;
	}
	out->table = vrf_table(vrf, &out->master);
	if (out->table != 0)
		return 0;
	snprintf(why, n,
		out->master == 0
			? "this machine has no VRF \"%s\"; make it (ip link add %s type vrf table "
			  "NUMBER && ip link set %s up) or write the number of a routing table"
			: "the device \"%s\" is no VRF; make one (ip link add NAME type vrf table "
			  "NUMBER) or write the number of a routing table",
		vrf, vrf, vrf);
	return -ENODEV;
}

static int
context_find(const struct contexts *c, const char *vrf)
{
	for (uint16_t ctx = 0; ctx < c->count; ctx++)
		if (strcmp(c->list[ctx].vrf, vrf) == 0)
			return ctx;
	return -1;
}

int
context_get(struct contexts *c, const char *vrf, char *why, size_t n)
{
	struct context_spec spec = { 0 };
	int ctx, err;

	if (c->count == 0)
		c->list[c->count++].table = RT_TABLE_MAIN;
	ctx = context_find(c, vrf);
	if (ctx >= 0)
		return ctx;
	err = resolve(vrf, &spec, why, n);
	if (err != 0)
		return err;
	for (ctx = 0; ctx < c->count; ctx++)
		if (c->list[ctx].table == spec.table) {
			snprintf(why, n,
				"\"%s\" is routing table %u, which \"%s\" names already; "
				"use one of the two names",
				vrf, spec.table, ctx == 0 ? "main" : c->list[ctx].vrf);
			return -EEXIST;
		}
	if (c->count == DP_CONTEXTS_MAX) {
		snprintf(why, n, "more than %d routing tables; use fewer", DP_CONTEXTS_MAX);
		return -ENOSPC;
	}
	c->list[c->count] = spec;
	return c->count++;
}

static void
check_vrf(struct contexts *c, const char *list, uint32_t i, const char *vrf, struct report *r)
{
	char path[40], why[200];

	snprintf(path, sizeof(path), "%s[%u].vrf", list, i);
	if (context_get(c, vrf, why, sizeof(why)) < 0)
		report_error(r, path, "%s", why);
}

void
contexts_check(const struct config *cfg, struct report *r)
{
	struct contexts c = { 0 };

	for (uint32_t i = 0; i < cfg->ports_count; i++)
		check_vrf(&c, "ports", i, cfg->ports[i].vrf, r);
	for (uint32_t i = 0; i < cfg->clouds_count; i++)
		check_vrf(&c, "clouds", i, cfg->clouds[i].vrf, r);
}

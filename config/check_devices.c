/* SPDX-License-Identifier: BSD-3-Clause */
/** The network devices a file makes, ports and clouds alike: names, addresses, gateways. */
#include <arpa/inet.h>
#include <string.h>

#include "config/check.h"
#include "config/load.h"

#define IPV6_MIN_MTU 1280 /* bytes, RFC 8200, 5 */

/** One network device that will exist because of this file. */
struct device {
	const char *name;
	struct at where; /* "ports[0]" */
	const struct prefix *addresses;
	uint32_t addresses_count;
	const char *vrf;
	uint16_t mtu;
	bool cloud;
};

static uint32_t
device_count(const struct config *c)
{
	return c->ports_count + c->clouds_count;
}

/** Ports first, then clouds. */
static struct device
device_get(const struct config *c, uint32_t i)
{
	if (i < c->ports_count) {
		const struct config_port *p = &c->ports[i];

		return (struct device){ p->name, at("ports[%u]", i), p->addresses,
			p->addresses_count, p->vrf, p->mtu, false };
	}
	i -= c->ports_count;
	const struct config_cloud *t = &c->clouds[i];

	return (struct device){ t->name, at("clouds[%u]", i), t->addresses, t->addresses_count,
		t->vrf, t->mtu, true };
}

static bool
is_link_local(const struct addr *a)
{
	return a->family == ADDR_V6 && a->octet[0] == 0xfe && (a->octet[1] & 0xc0) == 0x80;
}

static bool
overlap(const struct prefix *a, const struct prefix *b)
{
	return !is_link_local(&a->addr) && (prefix_covers(a, b) || prefix_covers(b, a));
}

static void
check_pair_addresses(const struct device *a, const struct device *b, struct report *r)
{
	char first[ADDR_TEXT_BYTES], second[ADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < a->addresses_count; i++) {
		for (uint32_t j = 0; j < b->addresses_count; j++) {
			const struct prefix *p = &a->addresses[i], *q = &b->addresses[j];
			bool same = !is_link_local(&p->addr) && addr_equal(&p->addr, &q->addr);

			if (!same && !(b->cloud && overlap(p, q)))
				continue;
			report_error(r, at("%s.addresses[%u]", b->where.path, j).path,
				"%s overlaps %s of \"%s\"; allowed only in another vrf",
				prefix_print(q, second), prefix_print(p, first), a->name);
		}
	}
}

static void
check_pair(const struct device *a, const struct device *b, struct report *r)
{
	if (strcmp(a->name, b->name) == 0)
		report_error(r, at("%s.name", b->where.path).path,
			"\"%s\" is already the name of %s; each name becomes a network device, "
			"choose another",
			b->name, a->where.path);
	if (strcmp(a->name, b->vrf) == 0)
		report_error(r, at("%s.vrf", b->where.path).path,
			"\"%s\" is the name of %s, a vrf needs one of its own", b->vrf,
			a->where.path);
	if (strcmp(b->name, a->vrf) == 0)
		report_error(r, at("%s.vrf", a->where.path).path,
			"\"%s\" is the name of %s, a vrf needs one of its own", a->vrf,
			b->where.path);
	if (strcmp(a->vrf, b->vrf) == 0)
		check_pair_addresses(a, b, r);
}

/** What an address is in a network in which it is no host's; NULL: it may be one's. */
static const char *
no_host(const struct prefix *net, const struct addr *a)
{
	struct prefix in_net = { .addr = *a, .bits = net->bits };
	unsigned host_bits = addr_bytes(a) * 8u - net->bits;

	if (host_bits < 2) /* RFC 3021, RFC 6164: all are hosts' */
		return NULL;
	in_net = prefix_network(&in_net);
	if (addr_equal(&in_net.addr, a))
		return a->family == ADDR_V4 ? "the network address"
					    : "the anycast address of all routers";
	if (a->family == ADDR_V4 && ~ntohl(addr_v4(a)) << (32 - host_bits) == 0)
		return "the broadcast address";
	return NULL;
}

static void
check_own_address(const struct device *d, uint32_t i, struct report *r)
{
	const struct prefix *p = &d->addresses[i];
	const char *is = no_host(p, &p->addr);
	struct at where = at("%s.addresses[%u]", d->where.path, i);
	char text[ADDR_TEXT_BYTES];

	if (is != NULL && p->addr.family == ADDR_V6)
		report_warn(r, where.path,
			"%s is %s in its network, which others answer to as well; take one of a "
			"host",
			prefix_print(p, text), is);
	else if (is != NULL)
		report_error(r, where.path, "%s is %s of its network; allowed: that of a host",
			prefix_print(p, text), is);
}

static void
check_device(const struct device *d, struct report *r)
{
	if (strcmp(d->name, d->vrf) == 0)
		report_error(r, at("%s.vrf", d->where.path).path,
			"\"%s\" is the name of %s itself, a vrf needs one of its own", d->vrf,
			d->where.path);
	for (uint32_t i = 0; i < d->addresses_count; i++) {
		check_own_address(d, i, r);
		if (d->addresses[i].addr.family == ADDR_V6 && d->mtu < IPV6_MIN_MTU)
			report_error(r, at("%s.mtu", d->where.path).path,
				"mtu %u is too small for the IPv6 address; allowed: at least %u",
				d->mtu, IPV6_MIN_MTU);
	}
}

/** The network of a port's that its gateway is in, or NULL. */
static const struct prefix *
gateway_network(const struct config_port *p)
{
	for (uint32_t i = 0; i < p->addresses_count; i++) {
		if (prefix_has(&p->addresses[i], &p->gateway))
			return &p->addresses[i];
	}
	return NULL;
}

static void
check_gateway_own(const struct config *c, uint32_t port, struct report *r)
{
	const struct config_port *p = &c->ports[port];
	char text[ADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < device_count(c); i++) {
		const struct device d = device_get(c, i);

		for (uint32_t j = 0; strcmp(d.vrf, p->vrf) == 0 && j < d.addresses_count; j++) {
			if (addr_equal(&d.addresses[j].addr, &p->gateway))
				report_error(r, at("ports[%u].gateway", port).path,
					"%s is the hub's own address, of \"%s\"; name the router's",
					addr_print(&p->gateway, text), d.name);
		}
	}
}

static void
check_gateway(const struct config *c, uint32_t port, struct report *r)
{
	const struct config_port *p = &c->ports[port];
	const struct prefix *net = gateway_network(p);
	const char *is = net != NULL ? no_host(net, &p->gateway) : NULL;
	struct at where = at("ports[%u].gateway", port);
	char text[ADDR_TEXT_BYTES];

	if (p->gateway.family == ADDR_NONE)
		return;
	addr_print(&p->gateway, text);
	check_gateway_own(c, port, r);
	if (net == NULL && !is_link_local(&p->gateway))
		report_warn(r, where.path,
			"%s is in no network of this port's addresses; it will not resolve", text);
	if (is != NULL && p->gateway.family == ADDR_V4)
		report_error(r, where.path, "%s is %s of its network; name the router's", text, is);
}

void
check_devices(const struct config *c, struct report *r)
{
	for (uint32_t i = 0; i < c->ports_count; i++)
		check_gateway(c, i, r);
	for (uint32_t i = 0; i < device_count(c); i++) {
		const struct device b = device_get(c, i);

		check_device(&b, r);
		for (uint32_t j = 0; j < i; j++) {
			const struct device a = device_get(c, j);

			check_pair(&a, &b, r);
		}
	}
}

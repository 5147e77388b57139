/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the switchboard has the kernel do with a twin, and what it does when the kernel
 * refuses: against the real one, in a network namespace of the test's own.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "control/base/loop.h"
#include "control/dpif_priv.h"
#include "control/route/kernel.h"
#include "control/route/twin.h"
#include "test/lib/check.h"
#include "test/lib/rib_rig.h"

#define NO_DEVICE 9999

static struct dpif d;
static struct port *p;
static struct rib_rig *g;

/* ---- what these tests do not come to -------------------------------------------------- */

int
dp_port_add(struct dp *dp, const struct dp_port_conf *conf, uint16_t *id)
{
	(void)dp;
	(void)conf;
	(void)id;
	return -ENOSYS;
}

uint16_t
dp_port_mtu_max(const struct dp *dp, const struct dp_port_conf *conf)
{
	(void)dp;
	(void)conf;
	return 0;
}

void
dp_port_mac(const struct dp *dp, uint16_t id, uint8_t mac[6])
{
	(void)dp;
	(void)id;
	memset(mac, 0, 6);
}

bool
dp_port_link_up(const struct dp *dp, uint16_t id)
{
	(void)dp;
	(void)id;
	return false;
}

int
dp_send_frame(struct dp *dp, uint16_t id, const void *frame, size_t bytes)
{
	(void)dp;
	(void)id;
	(void)frame;
	(void)bytes;
	return -ENOSYS;
}

/* ---- a port ---------------------------------------------------------------------------- */

static bool
start(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	g = rib_rig_bare();
	d.rib = g->rib;
	d.contexts.count = 1;
	d.contexts.list[0].table = RT_TABLE_MAIN;
	p = &d.ports[1];
	p->id = 1;
	snprintf(p->cfg.name, sizeof(p->cfg.name), "wan0");
	return twin_tap_open("wan0", mac, 1500, &p->tap) == 0;
}

static void
addresses(const char *first, const char *second)
{
	p->cfg.addresses[0] = prefix_of_text(first);
	p->cfg.addresses_count = 1;
	if (second != NULL)
		p->cfg.addresses[p->cfg.addresses_count++] = prefix_of_text(second);
}

static int
add(void)
{
	return addresses_add(p->tap, &p->held, p->cfg.addresses, p->cfg.addresses_count);
}

static int
address_del(const char *text)
{
	struct prefix prefix = prefix_of_text(text);

	return kernel_address_del(twin_ifindex(p->tap), &prefix);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void
requests_end_as_the_kernel_says(void)
{
	struct prefix prefix = prefix_of_text("192.0.2.1/24");
	struct addr gateway = addr_of_text("192.0.2.254");
	int twin = twin_ifindex(p->tap);

	CHECK_EQ(kernel_address_add(NO_DEVICE, &prefix), -ENODEV);
	CHECK_EQ(kernel_default_route(RT_TABLE_MAIN, twin, &gateway), -ENETUNREACH);
	CHECK_EQ(kernel_address_add(twin, &prefix), 0);
	CHECK_EQ(kernel_address_add(twin, &prefix), 0);
	CHECK_EQ(kernel_default_route(RT_TABLE_MAIN, twin, &gateway), 0);
	CHECK_EQ(kernel_default_route(RT_TABLE_MAIN, twin, &gateway), 0);
	CHECK_EQ(kernel_default_route_del(RT_TABLE_MAIN, twin, &gateway), 0);
	CHECK_EQ(kernel_default_route_del(RT_TABLE_MAIN, twin, &gateway), -ESRCH);
	CHECK_EQ(kernel_address_del(twin, &prefix), 0);
	CHECK_EQ(kernel_address_del(twin, &prefix), -EADDRNOTAVAIL);
	CHECK_EQ(kernel_enslave(twin, 0), 0); /* nobody's */
	CHECK_EQ(kernel_enslave(NO_DEVICE, 0), -ENODEV);
}

static void
addresses_beside_one_that_is_not_carried(void)
{
	addresses("2001:db8::1/64", "192.0.2.1/24");
	CHECK_EQ(add(), 0);
	CHECK_EQ(address_del("192.0.2.1/24"), 0);
	p->cfg.addresses_count = 0;
	CHECK(addresses_prune(p->tap, &p->held, NULL, 0)); /* one is gone already: fine */
	CHECK_EQ(p->held.n, 0);
}

/** 192.0.2.0/24 is somebody else's: what the kernel refuses it takes when an address is there. */
static void
gateway_is_tried_again(void)
{
	p->cfg.gateway = addr_of_text("192.0.2.254");
	d.now_ms = 5000;
	port_settle(&d, p);
	CHECK_EQ(p->gateway_err, -ENETUNREACH);
	CHECK_EQ(ports_next_ms(&d), 15000);
	addresses("192.0.2.1/24", NULL);
	CHECK_EQ(add(), 0);
	d.now_ms = 14999;
	ports_gateways_again(&d);
	CHECK_EQ(p->gateway_err, -ENETUNREACH);
	d.now_ms = 15000;
	ports_gateways_again(&d);
	CHECK_EQ(p->gateway_err, 0);
	CHECK_EQ(ports_next_ms(&d), LOOP_NEVER);
	CHECK_EQ(kernel_default_route_del(RT_TABLE_MAIN, twin_ifindex(p->tap), &p->cfg.gateway), 0);
	p->cfg.gateway = (struct addr){ 0 }; /* taken away by hand before */
	port_settle(&d, p);
	CHECK_EQ(p->gateway_err, 0);
	CHECK_EQ(p->gateway.family, ADDR_NONE);
}

/** Else its addresses would be in another network than the one meant. */
static void
no_vrf_is_an_error(void)
{
	d.contexts.list[0].master = NO_DEVICE;
	CHECK(context_join(&d, "wan0", 0, twin_ifindex(p->tap)) != 0);
	d.contexts.list[0].master = 0;
	CHECK_EQ(context_join(&d, "wan0", 0, twin_ifindex(p->tap)), 0);
}

int
main(void)
{
	if (!start()) {
		printf("1..0 # SKIP no network namespace or no /dev/net/tun: %s\n",
			strerror(errno));
		return 0;
	}
	TEST(requests_end_as_the_kernel_says);
	TEST(addresses_beside_one_that_is_not_carried);
	TEST(gateway_is_tried_again);
	TEST(no_vrf_is_an_error);
	twin_close(p->tap);
	rib_rig_free(g);
	return check_done();
}

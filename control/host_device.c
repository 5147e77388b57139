/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/host_device.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 64

/** Software ports we can say something about, by what their names begin with. */
static const struct driver {
	const char *name;
	const char *netdev; /* the argument that names a network device of the kernel, or NULL */
	bool needed;
} drivers[] = {
	{ "net_af_packet", "iface", true },
	{ "net_af_xdp", "iface", true },
	{ "net_bonding", NULL, false },
	{ "net_memif", NULL, false },
	{ "net_null", NULL, false },
	{ "net_pcap", "iface", false },
	{ "net_ring", NULL, false },
	{ "net_tap", "remote", false },
	{ "net_vhost", NULL, false },
	{ "net_virtio_user", NULL, false },
};

static const struct driver *
driver_find(const char *device)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strncmp(device, drivers[i].name, strlen(drivers[i].name)) == 0)
			return &drivers[i];
	return NULL;
}

/** A driver that only DPDK knows, or a device of another bus? "eth0" is none. */
static bool
may_be_device(const char *name)
{
	return strncmp(name, "net_", 4) == 0 || strncmp(name, "eth_", 4) == 0 ||
		strchr(name, ':') != NULL;
}

/** The next ",key=value" at or behind *at; moves *at behind it. false: there is none. */
static bool
argument_next(const char **at, const char *key, char value[NAME_BYTES])
{
	size_t n = strlen(key);

	while (*(*at += strcspn(*at, ",")) != '\0') {
		(*at)++;
		if (strncmp(*at, key, n) != 0 || (*at)[n] != '=')
			continue;
		*at += n + 1;
		snprintf(value, NAME_BYTES, "%.*s", (int)strcspn(*at, ","), *at);
		return true;
	}
	return false;
}

/** "0000:03:00.0", "03:00.0", or the long number of a device on Hyper-V's bus. */
static bool
is_bus_address(const char *name)
{
	return name[strspn(name, "0123456789abcdefABCDEF:.-")] == '\0' &&
		strpbrk(name, ":-") != NULL && name[0] != '.';
}

static bool
on_a_bus(const char *name)
{
	static const char *const places[] = { "pci/devices/",
		"pci/devices/0000:", "vmbus/devices/" };
	char path[128];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "/sys/bus/%s%s", places[i], name);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static void
check_bus_address(const char *name, const char *path, host_say *say, struct report *r)
{
	if (!on_a_bus(name))
		say(r, path, "this machine has no PCI device %s; `lspci -D` lists those it has",
			name);
}

static void
check_netdev(const struct driver *d, const char *device, const char *path, host_say *say,
	struct report *r)
{
	char name[NAME_BYTES];
	bool given = argument_next(&device, d->netdev, name);

	if (!given && d->needed)
		report_error(
			r, path, "%s needs %s=, the network device to use", d->name, d->netdev);
	else if (given && if_nametoindex(name) == 0)
		say(r, path,
			"this machine has no network device \"%s\"; `ip link` lists those it has",
			name);
}

static bool
all_software(const char *device, const char *key)
{
	char name[NAME_BYTES];

	while (argument_next(&device, key, name))
		if (strncmp(name, "net_", 4) != 0)
			return false;
	return true;
}

bool
host_device_is_software(const char *device)
{
	return strncmp(device, "net_", 4) == 0 && all_software(device, "member") &&
		all_software(device, "slave");
}

static void
check_members(
	const char *device, const char *key, const char *path, host_say *say, struct report *r)
{
	char name[NAME_BYTES];

	while (argument_next(&device, key, name))
		if (is_bus_address(name))
			check_bus_address(name, path, say, r);
}

void
host_device_check(const struct config *c, uint32_t port, host_say *say, struct report *r)
{
	const char *device = c->ports[port].device;
	const struct driver *d = driver_find(device);
	char path[40], name[NAME_BYTES];

	if (device[0] == '\0') /* a VLAN */
		return;
	snprintf(path, sizeof(path), "ports[%u].device", port);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (d == NULL && is_bus_address(name))
		check_bus_address(name, path, say, r);
	else if (d == NULL && may_be_device(name))
		report_warn(r, path,
			"\"%s\" is not known here: if DPDK has no such driver either, naved will "
			"not start",
			name);
	else if (d == NULL)
		report_error(r, path,
			"\"%s\" is no device; allowed: a PCI address (lspci -D), or a software "
			"port "
			"as net_af_packet0,iface=eth1, net_af_xdp0, net_memif0, net_tap0, "
			"net_bonding0, net_virtio_user0",
			name);
	else if (d->netdev != NULL)
		check_netdev(d, device, path, say, r);
	else {
		check_members(device, "member", path, say, r);
		check_members(device, "slave", path, say, r);
	}
}

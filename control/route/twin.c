/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/route/twin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct twin {
	int fd;
	int ifindex;
	char name[IFNAMSIZ];
};

/**
 * The kernel is a host behind the twin, not a second router: it forwards nothing, learns
 * no redirect, and does not second-guess which twin a packet came up by.
 */
static void
sysctl_set(const char *name, const char *family, const char *key, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* a kernel without this family or knob */
	if (write(fd, value, strlen(value)) < 0) {
		/* read-only /proc: the unit file or container owns these settings then */
	}
	close(fd);
}

static void
quieten(const char *name)
{
	sysctl_set(name, "ipv4", "forwarding", "0");
	sysctl_set(name, "ipv4", "rp_filter", "0");
	sysctl_set(name, "ipv4", "accept_redirects", "0");
	sysctl_set(name, "ipv4", "send_redirects", "0");
	sysctl_set(name, "ipv6", "disable_ipv6", "1");
}

static int
device_ioctl(unsigned long request, struct ifreq *ifr)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (s < 0)
		return -errno;
	err = ioctl(s, request, ifr) == 0 ? 0 : -errno;
	close(s);
	return err;
}

static int
set_mtu(const char *name, uint16_t mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	return device_ioctl(SIOCSIFMTU, &ifr);
}

static int
set_mac(const char *name, const uint8_t mac[6])
{
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return device_ioctl(SIOCSIFHWADDR, &ifr);
}

/** Up, and for a tunnel MULTICAST: routing daemons speak only where it is set. */
static int
set_up(const char *name, short more)
{
	struct ifreq ifr = { 0 };
	int err;

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	err = device_ioctl(SIOCGIFFLAGS, &ifr);
	if (err != 0)
		return err;
	ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP | more);
	return device_ioctl(SIOCSIFFLAGS, &ifr);
}

static int
device_open(const char *name, short kind, struct twin **out)
{
	struct ifreq ifr = { .ifr_flags = (short)(kind | IFF_NO_PI | IFF_TUN_EXCL) };
	struct twin *t = calloc(1, sizeof(*t));
	int err;

	if (t == NULL)
		return -ENOMEM;
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	err = t->fd < 0 || ioctl(t->fd, TUNSETIFF, &ifr) != 0 ? -errno : 0;
	if (err != 0) {
		twin_close(t);
		return err;
	}
	snprintf(t->name, sizeof(t->name), "%s", ifr.ifr_name);
	t->ifindex = (int)if_nametoindex(t->name);
	quieten(t->name);
	*out = t;
	return 0;
}

static int
finish(struct twin **out, int err)
{
	if (err == 0)
		return 0;
	twin_close(*out);
	*out = NULL;
	return err;
}

int
twin_tap_open(const char *name, const uint8_t mac[6], uint16_t mtu, struct twin **out)
{
	int err = device_open(name, IFF_TAP, out);

	if (err != 0)
		return err;
	err = set_mac(name, mac);
	if (err == 0)
		err = set_mtu(name, mtu);
	if (err == 0)
		err = set_up(name, 0);
	return finish(out, err);
}

int
twin_tun_open(const char *name, uint16_t mtu, struct twin **out)
{
	int err = device_open(name, IFF_TUN, out);

	if (err != 0)
		return err;
	err = set_mtu(name, mtu);
	if (err == 0)
		err = set_up(name, IFF_MULTICAST);
	return finish(out, err);
}

void
twin_close(struct twin *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

int
twin_fd(const struct twin *t)
{
	return t->fd;
}

int
twin_ifindex(const struct twin *t)
{
	return t->ifindex;
}

const char *
twin_name(const struct twin *t)
{
	return t->name;
}

ssize_t
twin_read(struct twin *t, void *buf, size_t n)
{
	ssize_t got = read(t->fd, buf, n);

	return got < 0 ? 0 : got;
}

void
twin_write(struct twin *t, const void *packet, size_t n)
{
	if (write(t->fd, packet, n) < 0) {
		/* the twin is down or its queue full: lost, as on a wire */
	}
}

int
twin_mtu(struct twin *t, uint16_t mtu)
{
	return set_mtu(t->name, mtu);
}

void
twin_carrier(struct twin *t, bool up)
{
	int carrier = up;

	ioctl(t->fd, TUNSETCARRIER, &carrier);
}

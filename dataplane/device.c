/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <rte_version.h>

#include "dataplane/buffer.h"

#define BOND        "net_bonding"
#define RING        "net_af_packet"
#define RING_BLOCK  4 /* frames: whole pages, whatever the length of a frame */
#define RING_PAGE   4096
#define RING_FRAMES 512 /* unless the string says otherwise */

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
#define BOND_MEMBER "member="
#else
#define BOND_MEMBER "slave="
#endif

void
device_name(const char *device, char *name, size_t n)
{
	size_t len = strcspn(device, ",");

	snprintf(name, n, "%.*s", (int)(len < n ? len : n - 1), device);
}

bool
device_is_bond(const char *device)
{
	return strncmp(device, BOND, strlen(BOND)) == 0;
}

bool
device_is_ring(const char *device)
{
	return strncmp(device, RING, strlen(RING)) == 0;
}

/** The driver has renamed what a bond is made of: both names are taken whatever it calls it. */
static void
bond_args(const char *device, char *out, size_t n)
{
	size_t at = 0;

	while (*device != '\0' && at + 1 < n) {
		const char *end = device + 1 + strcspn(device + 1, ",");
		size_t name = strncmp(device, ",slave=", 7) == 0 ? 7
			: strncmp(device, ",member=", 8) == 0    ? 8
								 : 0;

		at += (size_t)snprintf(out + at, n - at, "%s%.*s", name != 0 ? "," BOND_MEMBER : "",
			(int)(end - device - (ptrdiff_t)name), device + name);
		device = end;
	}
}

/** A number that the string may give; 0: it does not. */
static unsigned long
number(const char *device, const char *key)
{
	const char *at = strstr(device, key);

	return at == NULL ? 0 : strtoul(at + strlen(key), NULL, 10);
}

/** Octets of a frame and of a block, which holds some of them. */
struct ring {
	unsigned long frame, block;
};

/** As the string has it, else as the driver, whose rings are for an ordinary Ethernet. */
static struct ring
ring_of(const char *device, uint16_t buffer)
{
	struct ring r = { number(device, ",framesz="), number(device, ",blocksz=") };

	if (r.frame == 0 && r.block == 0 && buffer > RTE_MBUF_DEFAULT_DATAROOM)
		return (struct ring){ buffer, (unsigned long)buffer * RING_BLOCK };
	r.frame = r.frame == 0 ? RTE_MBUF_DEFAULT_DATAROOM : r.frame;
	r.block = r.block == 0 ? RING_PAGE : r.block;
	return r;
}

static void
ring_args(const char *device, uint16_t workers, uint16_t buffer, char *out, size_t n)
{
	struct ring r = ring_of(device, buffer);
	int at = snprintf(out, n, "%s", device);

	if (workers > 1 && strstr(device, ",qpairs=") == NULL)
		at += snprintf(out + at, n - (size_t)at, ",qpairs=%u", workers);
	if (strstr(device, ",framesz=") == NULL)
		at += snprintf(out + at, n - (size_t)at, ",framesz=%lu", r.frame);
	if (strstr(device, ",blocksz=") == NULL)
		snprintf(out + at, n - (size_t)at, ",blocksz=%lu", r.block);
}

void
device_args(const char *device, uint16_t workers, uint16_t buffer, char *out, size_t n)
{
	if (device_is_bond(device))
		bond_args(device, out, n);
	else if (device_is_ring(device))
		ring_args(device, workers, buffer, out, n);
	else
		snprintf(out, n, "%s", device);
}

bool
device_ring_good(const char *device, uint16_t buffer)
{
	struct ring r = ring_of(device, buffer);

	return r.block % r.frame == 0 && r.block % RING_PAGE == 0 && r.frame <= buffer;
}

uint16_t
device_ring_mtu(const char *device, uint16_t buffer)
{
	unsigned long frame = ring_of(device, buffer).frame,
		      around = DP_FRAME_BYTES(0) + BUFFER_SPARE;

	return frame < around ? 0 : (uint16_t)(frame - around);
}

uint32_t
device_ring_frames(const char *device)
{
	unsigned long frames = number(device, ",framecnt=");

	return frames == 0 ? RING_FRAMES : (uint32_t)frames;
}

void
device_netdev(const char *device, char name[IFNAMSIZ])
{
	const char *at = strstr(device, ",iface=");

	name[0] = '\0';
	if (strncmp(device, "net_af_", 7) != 0 || at == NULL)
		return;
	at += strlen(",iface=");
	snprintf(name, IFNAMSIZ, "%.*s", (int)strcspn(at, ","), at);
}

/** One question to the kernel about a device, or one change of it. 0 or -errno. */
static int
netdev_ioctl(const char *name, unsigned long request, struct ifreq *ifr)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (s < 0)
		return -errno;
	snprintf(ifr->ifr_name, IFNAMSIZ, "%s", name);
	err = ioctl(s, request, ifr) == 0 ? 0 : -errno;
	close(s);
	return err;
}

bool
netdev_running(const char *name)
{
	const short want = IFF_UP | IFF_RUNNING;
	struct ifreq ifr = { 0 };

	return netdev_ioctl(name, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & want) == want;
}

uint16_t
netdev_mtu(const char *name)
{
	struct ifreq ifr = { 0 };

	return netdev_ioctl(name, SIOCGIFMTU, &ifr) != 0
		? 0
		: (uint16_t)RTE_MIN(ifr.ifr_mtu, UINT16_MAX);
}

int
netdev_mtu_raise(const char *name, uint16_t mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };

	return netdev_mtu(name) >= mtu ? 0 : netdev_ioctl(name, SIOCSIFMTU, &ifr);
}

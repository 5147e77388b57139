/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Jumbo frames through the kernel's rings (af_packet): a tap in a network of this test's own, a
 * port on it. What MTU the device gets, what is refused and with which number, and that frames
 * of full length go both ways.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "dataplane/device.h"
#include "dataplane/dp_priv.h"
#include "test/lib/check.h"
#include "test/lib/packet.h"

#define MTU        9000
#define TAPS       3
#define SHORT_RING "net_af_packet1,iface=tap1,framesz=2048,blocksz=4096,framecnt=64"

static struct dp *dp;
static int tap[TAPS];
static uint16_t port;
static unsigned heard;
static uint32_t heard_bytes;
static uint8_t heard_data[DP_FRAME_BYTES(DP_MTU_MAX)];

/** A tap, up. */
static int
tap_open(int i)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK), s = socket(AF_INET, SOCK_DGRAM, 0);
	bool good;

	snprintf(ifr.ifr_name, IFNAMSIZ, "tap%d", i);
	good = fd >= 0 && s >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0;
	ifr.ifr_flags = IFF_UP;
	good = good && ioctl(s, SIOCSIFFLAGS, &ifr) == 0;
	close(s);
	return good ? fd : -1;
}

static bool
start(void)
{
	static const char *const no_pci[] = { "--no-pci", NULL };
	struct dp_conf conf = {
		.prog = "test", .workers = 1, .max_peers = 16, .mtu = MTU, .eal_args = no_pci
	};

	for (int i = 0; i < TAPS; i++) {
		tap[i] = tap_open(i);
		if (tap[i] < 0)
			return false;
	}
	return dp_new(&conf, &dp) == 0;
}

static void
hear(void *user, const struct dp_msg *msg)
{
	(void)user;
	if (msg->type != DP_FRAME || msg->data[14] != 0x45)
		return;
	heard++;
	heard_bytes = msg->bytes;
	memcpy(heard_data, msg->data, RTE_MIN(msg->bytes, sizeof(heard_data)));
}

static void
settle(void)
{
	for (int i = 0; i < 8; i++) {
		worker_round(dp->workers[0]);
		dp_poll(dp, hear, NULL, 64);
	}
}

static struct dp_port_conf
lan_port(const char *device, uint16_t mtu)
{
	return (struct dp_port_conf){ .device = device, .role = DP_LAN, .mtu = mtu };
}

/** What a port's own rings do not hold, by their size. */
static void
short_rings_are_refused(void)
{
	struct dp_port_conf conf = lan_port(SHORT_RING, MTU);
	uint16_t id, max;

	CHECK_EQ(dp_port_add(dp, &conf, &id), -EMSGSIZE);
	max = dp_port_mtu_max(dp, &conf);
	CHECK(max > RTE_ETHER_MTU && max < 2048);
	CHECK_EQ(netdev_mtu("tap1"), RTE_ETHER_MTU); /* left alone */
	conf.mtu = max;
	CHECK_EQ(dp_port_add(dp, &conf, &id), 0);
	CHECK_EQ(netdev_mtu("tap1"), max);
}

/** What the driver would take and then read wrong. */
static void
wrong_rings_are_refused(void)
{
	static const char *const devices[] = {
		"net_af_packet2,iface=tap2,framecnt=64,framesz=3000,blocksz=4096",
		"net_af_packet2,iface=tap2,framecnt=64,framesz=3000,blocksz=6000",
		"net_af_packet2,iface=tap2,framecnt=64,framesz=16384,blocksz=16384",
		"net_af_packet2,iface=tap2,framecnt=64,framesz=9216",
	};
	uint16_t id;

	for (unsigned i = 0; i < RTE_DIM(devices); i++) {
		struct dp_port_conf conf = lan_port(devices[i], RTE_ETHER_MTU);

		CHECK_EQ(dp_port_add(dp, &conf, &id), -ERANGE);
	}
	CHECK_EQ(device_ring_mtu("net_af_packet2,iface=tap2,blocksz=8192", 9216), 1950);
	CHECK_EQ(device_ring_mtu("net_af_packet2,iface=tap2", 9216), 9216 - 98);
}

/** What the buffers do not hold. */
static void
short_buffers_are_refused(void)
{
	struct dp_port_conf conf = lan_port("net_af_packet2,iface=tap2,framecnt=64", MTU + 1);
	uint16_t id;

	CHECK_EQ(dp_port_add(dp, &conf, &id), -EMSGSIZE);
	CHECK_EQ(dp_port_mtu_max(dp, &conf), MTU);
}

/** What the kernel's device does not take: here because it is gone. */
static void
kernels_device_counts(void)
{
	struct dp_port_conf conf = lan_port("net_af_packet2,iface=tap2,framecnt=64", MTU);
	uint16_t id;

	close(tap[2]);
	CHECK_EQ(dp_port_add(dp, &conf, &id), -EMSGSIZE);
	CHECK_EQ(dp_port_mtu_max(dp, &conf), 0);
	CHECK_EQ(netdev_mtu("tap2"), 0);
}

static void
device_gets_the_mtu(void)
{
	struct dp_port_conf conf = lan_port("net_af_packet0,iface=tap0,framecnt=64", MTU);
	struct addr own = addr_from_v4(IPV4(10, 9, 0, 1));

	CHECK_EQ(netdev_mtu("tap0"), RTE_ETHER_MTU);
	CHECK_EQ(dp_port_add(dp, &conf, &port), 0);
	CHECK_EQ(netdev_mtu("tap0"), MTU);
	CHECK_EQ(dp_local_add(dp, port, &own), 0);
	CHECK_EQ(port_start_all(dp), 0);
	dp->running = true;
	rte_rcu_qsbr_thread_register(dp->qsbr, 0);
	rte_rcu_qsbr_thread_online(dp->qsbr, 0);
}

static void
hear_one(void)
{
	for (int i = 0; i < 1000 && heard == 0; i++) {
		settle();
		rte_delay_us_sleep(1000);
	}
	CHECK_EQ(heard, 1);
}

/** A frame of the port's own length to an address of ours: up to the kernel as it came. */
static void
longest_frame_comes_in(void)
{
	static struct packet p;
	uint8_t mac[6];

	dp_port_mac(dp, port, mac);
	packet_payload(&p, MTU - 20);
	packet_ip(&p, IPV4(10, 9, 0, 9), IPV4(10, 9, 0, 1), 253);
	packet_ether(&p, mac, RTE_ETHER_TYPE_IPV4);
	CHECK_EQ(write(tap[0], packet_at(&p), p.bytes), MTU + 14);
	hear_one();
	CHECK_EQ(heard_bytes, MTU + 14);
	CHECK_MEM(heard_data, packet_at(&p), MTU + 14);
}

/** The kernel puts fragments together before it gives them to a socket: one frame, not cut. */
static void
fragments_come_in_whole(void)
{
	static struct packet p;
	struct rte_ipv4_hdr *ip;
	uint8_t mac[6];

	dp_port_mac(dp, port, mac);
	heard = 0;
	for (int i = 0; i < 2; i++) {
		packet_payload(&p, 1480);
		ip = packet_ip(&p, IPV4(10, 9, 0, 9), IPV4(10, 9, 0, 1), 253);
		ip->packet_id = 77;
		ip->fragment_offset = i == 0 ? RTE_BE16(RTE_IPV4_HDR_MF_FLAG) : RTE_BE16(1480 / 8);
		packet_ip_fix(&p);
		packet_ether(&p, mac, RTE_ETHER_TYPE_IPV4);
		CHECK_EQ(write(tap[0], packet_at(&p), p.bytes), 1500 + 14);
	}
	hear_one();
	CHECK_EQ(heard_bytes, 14 + 20 + 2 * 1480);
	CHECK_MEM(heard_data + 14 + 20 + 1480, packet_at(&p) + 14 + 20, 1480);
}

static void
longest_frame_goes_out(void)
{
	static uint8_t frame[MTU + 14], got[MTU + 64];
	struct pollfd readable = { .fd = tap[0], .events = POLLIN };
	ssize_t n = 0;

	memset(frame, 0x5a, sizeof(frame));
	frame[0] = 2;
	CHECK_EQ(dp_send_frame(dp, port, frame, sizeof(frame)), 0);
	settle();
	while (poll(&readable, 1, 1000) == 1 && (n = read(tap[0], got, sizeof(got))) > 0)
		if (got[20] == 0x5a) /* the kernel has things of its own to say */
			break;
	CHECK_EQ(n, MTU + 14);
	CHECK_MEM(got, frame, sizeof(frame));
}

int
main(void)
{
	if (unshare(CLONE_NEWNET) != 0 || !start()) {
		printf("1..0 # SKIP needs CAP_NET_ADMIN and /dev/net/tun\n");
		return 0;
	}
	TEST(short_rings_are_refused);
	TEST(wrong_rings_are_refused);
	TEST(short_buffers_are_refused);
	TEST(kernels_device_counts);
	TEST(device_gets_the_mtu);
	TEST(longest_frame_comes_in);
	TEST(fragments_come_in_whole);
	TEST(longest_frame_goes_out);
	dp_free(dp);
	return check_done();
}

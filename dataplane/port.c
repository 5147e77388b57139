/* SPDX-License-Identifier: BSD-3-Clause */
/** Ports: from a device string to started queues, one receive and one transmit queue a worker. */
#include <errno.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include "dataplane/buffer.h"
#include "dataplane/device.h"
#include "dataplane/dp_priv.h"
#include "dataplane/nap.h"
#include "dataplane/vlan.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024

static int
device_probe(const struct dp *dp, const char *device, uint16_t *ethdev)
{
	char name[RTE_ETH_NAME_MAX_LEN], args[512];
	int err;

	device_name(device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, ethdev) == 0)
		return 0; /* probed by EAL, or made by a test */
	device_args(device, dp->workers_count, buffer_bytes(dp->mtu), args, sizeof(args));
	err = rte_dev_probe(args);
	if (err != 0)
		return err;
	return rte_eth_dev_get_port_by_name(name, ethdev);
}

static uint16_t
queues(uint16_t workers, uint16_t device_max)
{
	return workers < device_max ? workers : device_max;
}

uint64_t
port_rss(uint64_t offered, uint16_t rxqs)
{
	const uint64_t want = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_ESP;

	return rxqs < 2 ? 0 : offered & want;
}

static void
rss_configure(const struct rte_eth_dev_info *info, uint16_t rxqs, struct rte_eth_conf *conf)
{
	conf->rx_adv_conf.rss_conf.rss_hf = port_rss(info->flow_type_rss_offloads, rxqs);
	if (conf->rx_adv_conf.rss_conf.rss_hf != 0)
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
}

/** The highest speed of those it can do, else what it does now, Mbit/s. */
static uint32_t
device_mbps(const struct port *p, const struct rte_eth_dev_info *info)
{
	static const struct {
		uint32_t capa, mbps;
	} speeds[] = {
		{ RTE_ETH_LINK_SPEED_200G, 200000 },
		{ RTE_ETH_LINK_SPEED_100G, 100000 },
		{ RTE_ETH_LINK_SPEED_56G, 56000 },
		{ RTE_ETH_LINK_SPEED_50G, 50000 },
		{ RTE_ETH_LINK_SPEED_40G, 40000 },
		{ RTE_ETH_LINK_SPEED_25G, 25000 },
		{ RTE_ETH_LINK_SPEED_20G, 20000 },
		{ RTE_ETH_LINK_SPEED_10G, 10000 },
		{ RTE_ETH_LINK_SPEED_5G, 5000 },
		{ RTE_ETH_LINK_SPEED_2_5G, 2500 },
		{ RTE_ETH_LINK_SPEED_1G, 1000 },
	};
	struct rte_eth_link link = { 0 };

	if (info->speed_capa >= RTE_ETH_LINK_SPEED_200G << 1)
		return RTE_ETH_SPEED_NUM_UNKNOWN; /* and more than all others */
	for (unsigned i = 0; i < RTE_DIM(speeds); i++)
		if (info->speed_capa & speeds[i].capa)
			return speeds[i].mbps;
	return rte_eth_link_get_nowait(p->ethdev, &link) == 0 && link.link_speed != 0
		? link.link_speed
		: RTE_ETH_SPEED_NUM_UNKNOWN;
}

/** Workers sleep no longer than this port's receive queues hold. */
static void
nap_fit(struct dp *dp, const struct port *p, const char *device,
	const struct rte_eth_dev_info *info, uint16_t descriptors)
{
	uint32_t slots = device_is_ring(device) ? device_ring_frames(device) : descriptors;
	uint32_t pps = dp->port_netdev[p->id][0] != '\0' ? NAP_KERNEL_PPS
							 : nap_line_pps(device_mbps(p, info));

	dp->nap_us = RTE_MIN(dp->nap_us, nap_longest_us(slots, pps));
}

static int
queues_setup(struct dp *dp, const struct port *p, const char *device,
	const struct rte_eth_dev_info *info)
{
	uint16_t rxd = RX_DESCRIPTORS, txd = TX_DESCRIPTORS;
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(p->ethdev, &rxd, &txd);

	for (uint16_t q = 0; err == 0 && q < p->rxqs; q++)
		err = rte_eth_rx_queue_setup(p->ethdev, q, rxd,
			(unsigned)rte_eth_dev_socket_id(p->ethdev), &info->default_rxconf,
			dp->workers[q]->pool);
	for (uint16_t q = 0; err == 0 && q < p->txqs; q++)
		err = rte_eth_tx_queue_setup(p->ethdev, q, txd,
			(unsigned)rte_eth_dev_socket_id(p->ethdev), &info->default_txconf);
	nap_fit(dp, p, device, info, rxd);
	return err;
}

/** The MTU its driver takes at most, as the library reckons it. */
static uint32_t
driver_mtu_max(const struct rte_eth_dev_info *info)
{
	uint32_t around = info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu
		? info->max_rx_pktlen - info->max_mtu
		: RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	return RTE_MIN(info->max_mtu, info->max_rx_pktlen - around);
}

/**
 * Every driver is taken to carry what an ordinary Ethernet does, whatever it says. The one of
 * af_packet always says no more than that: there the rings count, and the kernel's device.
 */
static uint16_t
device_mtu_max(const struct dp *dp, const char *device, const struct rte_eth_dev_info *info)
{
	uint32_t max = device_is_ring(device) ? device_ring_mtu(device, buffer_bytes(dp->mtu))
					      : driver_mtu_max(info);

	max = RTE_MAX(max, (uint32_t)RTE_ETHER_MTU);
	return (uint16_t)RTE_MIN(max, dp->mtu);
}

uint16_t
dp_port_mtu_max(const struct dp *dp, const struct dp_port_conf *conf)
{
	char name[RTE_ETH_NAME_MAX_LEN], netdev[IFNAMSIZ];
	struct rte_eth_dev_info info;
	uint16_t ethdev, max;

	device_name(conf->device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, &ethdev) != 0 ||
		rte_eth_dev_info_get(ethdev, &info) != 0)
		return 0;
	max = device_mtu_max(dp, conf->device, &info);
	device_netdev(conf->device, netdev);
	return max < conf->mtu || netdev[0] == '\0' ? max : RTE_MIN(max, netdev_mtu(netdev));
}

/** More than Ethernet's MTU must be set, where a driver has anything to set. */
static int
mtu_apply(const struct dp *dp, const struct port *p, const char *device)
{
	const char *netdev = dp->port_netdev[p->id];
	int err;

	if (p->mtu <= RTE_ETHER_MTU) {
		rte_eth_dev_set_mtu(p->ethdev, p->mtu);
		return 0;
	}
	if (netdev[0] != '\0' && netdev_mtu_raise(netdev, p->mtu) != 0)
		return -EMSGSIZE;
	if (device_is_ring(device))
		return 0;
	err = rte_eth_dev_set_mtu(p->ethdev, p->mtu);
	return err == 0 || err == -ENOTSUP ? 0 : -EMSGSIZE;
}

static int
port_configure(struct dp *dp, struct port *p, const char *device)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	int err = rte_eth_dev_info_get(p->ethdev, &info);

	if (err != 0)
		return err;
	if (p->mtu > device_mtu_max(dp, device, &info))
		return -EMSGSIZE;
	if (p->mtu > RTE_ETHER_MTU && !device_is_ring(device))
		conf.rxmode.mtu = p->mtu;
	p->rxqs = queues(dp->workers_count, info.max_rx_queues);
	p->spread = p->role == DP_LAN && p->rxqs < dp->workers_count;
	p->txqs = queues(dp->workers_count, info.max_tx_queues);
	rss_configure(&info, p->rxqs, &conf);
	err = rte_eth_dev_configure(p->ethdev, p->rxqs, p->txqs, &conf);
	if (err == 0)
		err = mtu_apply(dp, p, device);
	if (err == 0)
		err = queues_setup(dp, p, device, &info);
	if (err == 0)
		err = rte_eth_macaddr_get(p->ethdev, &p->mac);
	return err;
}

/** A bond takes its members in when it is first configured, and knows then what they can. */
static int
bond_gather(struct port *p)
{
	const struct rte_eth_conf plain = { 0 };

	p->bond = true;
	return rte_eth_dev_configure(p->ethdev, 1, 1, &plain);
}

/** A device of its own. */
static int
device_port(struct dp *dp, struct port *p, const struct dp_port_conf *conf)
{
	int err;

	if (device_is_ring(conf->device) && !device_ring_good(conf->device, buffer_bytes(dp->mtu)))
		return -ERANGE;
	err = device_probe(dp, conf->device, &p->ethdev);
	device_netdev(conf->device, dp->port_netdev[p->id]);
	if (err == 0 && device_is_bond(conf->device))
		err = bond_gather(p);
	return err == 0 ? port_configure(dp, p, conf->device) : err;
}

/** A VLAN on the device of another. */
static int
vlan_port(struct dp *dp, struct port *p, const struct dp_port_conf *conf)
{
	struct port *parent = &dp->ports[conf->parent];

	if (conf->parent > dp->ports_count || parent->parent != 0 || conf->vid == 0 ||
		conf->vid >= VLAN_VIDS - 1)
		return -EINVAL;
	if (parent->vlan_ports == NULL)
		parent->vlan_ports = dp_alloc(VLAN_VIDS * sizeof(*parent->vlan_ports));
	if (parent->vlan_ports == NULL)
		return -ENOMEM;
	if (parent->vlan_ports[conf->vid] != 0)
		return -EEXIST;
	parent->vlan_ports[conf->vid] = (uint8_t)p->id;
	p->parent = parent->id;
	p->vid = conf->vid;
	p->ethdev = parent->ethdev;
	p->mac = parent->mac;
	p->spread = p->role == DP_LAN && parent->rxqs < dp->workers_count;
	return 0;
}

int
dp_port_add(struct dp *dp, const struct dp_port_conf *conf, uint16_t *port)
{
	uint16_t id = dp->ports_count + 1;
	struct port *p = &dp->ports[id];
	int err;

	if (dp->running)
		return -EBUSY;
	if (id > DP_PORTS_MAX)
		return -ENOSPC;
	*p = (struct port){
		.id = id,
		.mtu = conf->mtu,
		.ctx = conf->ctx,
		.role = conf->role,
		.internet_exit = conf->internet_exit,
	};
	err = conf->parent != 0 ? vlan_port(dp, p, conf) : device_port(dp, p, conf);
	if (err != 0) {
		*p = (struct port){ 0 };
		return err;
	}
	dp->ports_count = id;
	*port = id;
	return 0;
}

int
port_start_all(struct dp *dp)
{
	for (uint16_t id = 1; id <= dp->ports_count; id++) {
		int err;

		if (dp->ports[id].parent != 0)
			continue;
		err = rte_eth_dev_start(dp->ports[id].ethdev);
		if (err != 0)
			return err;
		/* Without it some devices drop the groups routing protocols speak on. */
		rte_eth_allmulticast_enable(dp->ports[id].ethdev);
	}
	return 0;
}

void
port_stop_all(struct dp *dp)
{
	for (uint16_t id = 1; id <= dp->ports_count; id++) {
		rte_free(dp->ports[id].vlan_ports);
		if (dp->ports[id].parent != 0)
			continue;
		rte_eth_dev_stop(dp->ports[id].ethdev);
		rte_eth_dev_close(dp->ports[id].ethdev);
	}
	dp->ports_count = 0;
}

void
dp_port_mac(const struct dp *dp, uint16_t port, uint8_t mac[6])
{
	memcpy(mac, &dp->ports[port].mac, 6);
}

bool
dp_port_link_up(const struct dp *dp, uint16_t port)
{
	struct rte_eth_link link = { 0 };

	if (dp->ports[port].parent != 0)
		port = dp->ports[port].parent;
	if (dp->port_netdev[port][0] != '\0') /* these drivers say "up" whatever happens */
		return netdev_running(dp->port_netdev[port]);
	return rte_eth_link_get_nowait(dp->ports[port].ethdev, &link) == 0 &&
		link.link_status == RTE_ETH_LINK_UP;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/** The addresses of twins, as the kernel is told of them. */
#include "control/dpif_priv.h"

#include "control/route/netlink.h"
#include "control/route/twin.h"

static bool
prefix_listed(const struct prefix *list, uint32_t n, const struct prefix *p)
{
	for (uint32_t i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

int
addresses_add(struct dpif *d, const struct twin *t, struct held *held, const struct prefix *list,
	uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int err;

		if (prefix_listed(held->list, held->n, &list[i]))
			continue;
		err = netlink_address_add(d->netlink, twin_ifindex(t), &list[i]);
		if (err != 0)
			return err;
		held->list[held->n++] = list[i];
	}
	return 0;
}

/**
 * Take back the addresses that are not in the list. The kernel drops a subnet's further
 * addresses with its first, so what stays is given once more. True when any went.
 */
bool
addresses_prune(struct dpif *d, const struct twin *t, struct held *held, const struct prefix *list,
	uint32_t n)
{
	bool any = false;

	for (uint32_t i = 0; i < held->n; i++) {
		if (prefix_listed(list, n, &held->list[i]))
			continue;
		netlink_address_del(d->netlink, twin_ifindex(t), &held->list[i]);
		held->list[i--] = held->list[--held->n];
		any = true;
	}
	for (uint32_t i = 0; any && i < held->n; i++)
		netlink_address_add(d->netlink, twin_ifindex(t), &held->list[i]);
	return any;
}

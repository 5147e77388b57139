/* SPDX-License-Identifier: BSD-3-Clause */
/** The addresses of twins, as the kernel is told of them. */
#include "control/dpif_priv.h"

#include <errno.h>
#include <string.h>

#include "control/base/log.h"
#include "control/route/kernel.h"
#include "control/route/twin.h"

static bool
prefix_listed(const struct prefix *list, uint32_t n, const struct prefix *p)
{
	for (uint32_t i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

static int
address_add(const struct twin *t, const struct prefix *p)
{
	int err = kernel_address_add(twin_ifindex(t), p);
	char text[ADDR_TEXT_BYTES];

	if (err != 0)
		log_line(err == -EAFNOSUPPORT ? LOG_WARNING : LOG_ERR,
			"%s: the kernel does not take address %s: %s; %s", twin_name(t),
			prefix_print(p, text), strerror(-err), kernel_remedy(err));
	return err == -EAFNOSUPPORT ? 0 : err;
}

static void
address_del(const struct twin *t, const struct prefix *p)
{
	int err = kernel_address_del(twin_ifindex(t), p);
	char text[ADDR_TEXT_BYTES];

	if (err != 0 && err != -EADDRNOTAVAIL && err != -EAFNOSUPPORT) /* gone already: fine */
		log_error("%s: the kernel keeps address %s: %s; take it away by hand: ip address "
			  "del %s dev %s",
			twin_name(t), prefix_print(p, text), strerror(-err), text, twin_name(t));
}

int
addresses_add(const struct twin *t, struct held *held, const struct prefix *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int err;

		if (prefix_listed(held->list, held->n, &list[i]))
			continue;
		err = address_add(t, &list[i]);
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
addresses_prune(const struct twin *t, struct held *held, const struct prefix *list, uint32_t n)
{
	bool any = false;

	for (uint32_t i = 0; i < held->n; i++) {
		if (prefix_listed(list, n, &held->list[i]))
			continue;
		address_del(t, &held->list[i]);
		held->list[i--] = held->list[--held->n];
		any = true;
	}
	for (uint32_t i = 0; any && i < held->n; i++)
		address_add(t, &held->list[i]);
	return any;
}

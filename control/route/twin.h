/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_ROUTE_TWIN_H
#define CONTROL_ROUTE_TWIN_H

/**
 * Kernel twins: a TAP for each port, a TUN for each cloud. What is punted goes up
 * through them, what the kernel and FRR send comes down. They vanish with the
 * process. Needs CAP_NET_ADMIN. Control core only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct twin;

/** Errors: negative errno; -EBUSY or -EEXIST when another device has the name. */
int twin_tap_open(const char *name, const uint8_t mac[6], uint16_t mtu, struct twin **out);
int twin_tun_open(const char *name, uint16_t mtu, struct twin **out);
void twin_close(struct twin *t);

int twin_fd(const struct twin *t);
int twin_ifindex(const struct twin *t);
const char *twin_name(const struct twin *t);

/** One packet; what does not fit is cut. Returns octets, 0 when there is none. */
ssize_t twin_read(struct twin *t, void *buf, size_t n);
/** A full or closed queue of the kernel loses the packet, as a wire would. */
void twin_write(struct twin *t, const void *packet, size_t n);

int twin_mtu(struct twin *t, uint16_t mtu);
void twin_carrier(struct twin *t, bool up);

#endif

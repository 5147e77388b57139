/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_DEVICE_H
#define DATAPLANE_DEVICE_H

/**
 * Device strings of the configuration: what is read from them, what they want beside what the
 * user wrote, and the kernel's devices under some. Control core only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net/if.h>

/** Its own name: what stands before the first comma. */
void device_name(const char *device, char *name, size_t n);

bool device_is_bond(const char *device);
/** A socket of the kernel with rings that are shared with it (af_packet). */
bool device_is_ring(const char *device);

/**
 * What the driver is to be given: an af_packet port gets a queue pair for each worker, and rings
 * whose frames are as long as a packet buffer, unless the string says otherwise.
 */
void device_args(const char *device, uint16_t workers, uint16_t buffer, char *out, size_t n);

/**
 * May the driver be given that? It takes a framesz that does not divide blocksz, or no buffer
 * holds, and then reads frames where there are none, or none.
 */
bool device_ring_good(const char *device, uint16_t buffer);

/** Bytes, IP, that the frames of such rings hold. */
uint16_t device_ring_mtu(const char *device, uint16_t buffer);

/** Frames a receive ring of it holds. */
uint32_t device_ring_frames(const char *device);

/** The kernel's device under an af_packet or af_xdp port; "" for all others. */
void device_netdev(const char *device, char name[IFNAMSIZ]);

/** Is the kernel's device up, with a carrier? Not so when it is gone. */
bool netdev_running(const char *name);
/** Bytes, IP; 0: it is gone. */
uint16_t netdev_mtu(const char *name);
/** At least this. 0 or -errno, as the device's driver says. */
int netdev_mtu_raise(const char *name, uint16_t mtu);

#endif

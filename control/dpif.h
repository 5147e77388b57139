/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_DPIF_H
#define CONTROL_DPIF_H

/**
 * The switchboard between the data plane and the kernel: it makes ports, clouds
 * and their twins from the configuration, carries exception packets between the
 * workers and the twins, and hands every other message of the workers to the
 * module it is for. Control core only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct dp;
struct dpif;
struct loop;
struct rib;
struct rib_ops;
struct spokes;

/** Memory the data plane will take, MiB. Before dpif_start(). */
uint32_t dpif_memory_mb(const struct config *cfg);

/** Start EAL, ports and workers as configured, open the port twins. Logs why it fails. */
int dpif_start(struct loop *loop, const struct config *cfg, struct dpif **out);

/** rib and spokes are told of what comes in; opens the way to the kernel. 0 or -errno. */
int dpif_bind(struct dpif *d, struct rib *rib, struct spokes *spokes);

/** Stops the workers, closes the twins (they vanish), frees. */
void dpif_stop(struct dpif *d);

struct dp *dpif_dp(const struct dpif *d);

/** What the rib asks for; user is the struct dpif. */
extern const struct rib_ops dpif_rib_ops;

/**
 * Create or change a cloud: data plane, twin, addresses. Returns its id or -errno, then
 * nothing changed. Addresses only come; dpif_settle() takes away what is left over.
 */
int dpif_cloud_set(struct dpif *d, const struct config_cloud *cfg);
void dpif_cloud_del(struct dpif *d, const char *name);

/** Change a port's addresses and gateway, likewise. 0 or -errno. */
int dpif_port_set(struct dpif *d, const struct config_port *cfg);

/**
 * After a change is complete, or was taken back: the kernel's twins lose the addresses
 * that no port or cloud names any more, and the gateways become what the ports say.
 */
void dpif_settle(struct dpif *d);

/** Names by number and back; NULL or 0 when there is none. */
const char *dpif_cloud_name(const struct dpif *d, uint16_t id);
const char *dpif_port_name(const struct dpif *d, uint16_t id);
uint16_t dpif_cloud_id(const struct dpif *d, const char *name);

/**
 * The contexts of a cloud: where inner packets are routed, and where its NBMA addresses
 * are (that of the port its source is on). Names are as in `vrf`, "main" for none,
 * NULL when there is no such context.
 */
uint16_t dpif_overlay_ctx(const struct dpif *d, uint16_t cloud);
uint16_t dpif_transport_ctx(const struct dpif *d, uint16_t cloud);
const char *dpif_context_name(const struct dpif *d, uint16_t ctx);

/** When dpif_poll() has something to do though no worker said so. */
uint64_t dpif_next_ms(const struct dpif *d);
/** Take what the workers have to say; false when dp says there is more. */
bool dpif_poll(struct dpif *d, uint64_t now_ms);

#endif

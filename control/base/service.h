/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_SERVICE_H
#define CONTROL_BASE_SERVICE_H

/**
 * What the service manager is told (the protocol of sd_notify(3)): a datagram to the socket
 * that NOTIFY_SOCKET names, a path or "@" and an abstract name. Without one nothing is told.
 * Telling cannot fail: a manager that does not listen for a second misses it. Control core.
 */

/** All that was asked for is up, or a reload came to its end; status: a line for people. */
void service_ready(const char *status, ...) __attribute__((format(printf, 1, 2)));

/** A reload begins; service_ready() ends it, whatever came of it. */
void service_reloading(void);

/** The end has begun. */
void service_stopping(const char *status, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_HOST_DEVICE_H
#define CONTROL_HOST_DEVICE_H

/** A port's device string against this machine: is its driver known, is there what it names? */
#include <stdbool.h>

#include "config/report.h"

/** report_error or report_warn: how to tell that something is not there. */
typedef void host_say(struct report *r, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** No PCI address, and no bond of some. */
bool host_device_is_software(const char *device);

/** A string that no machine can understand is an error in any case. */
void host_device_check(const struct config *c, uint32_t port, host_say *say, struct report *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_HOST_CHECK_H
#define CONTROL_HOST_CHECK_H

/**
 * Does this machine have what a configuration names: network devices, cores, hugepages, the
 * group of the management socket, VRFs? Asked before the data plane starts, so that all that
 * is missing is told at once, with its place in the file and the remedy.
 */
#include "config/config.h"

/** For a start: what is missing is an error. */
config_host_check host_check_start;

/**
 * For a look at a file: what is missing is a warning, but for VRFs. The file may be for
 * another machine, and a naved that runs has its hugepages already.
 */
config_host_check host_check_look;

#endif

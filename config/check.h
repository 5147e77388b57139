/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

/** Private to config/check*.c: key paths made on the way. */

struct at {
	char path[96];
};

/** "ports[3].mtu" */
struct at at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_CORES_H
#define CONFIG_CORES_H

/**
 * A list of cores as people write it, "1-3,7": the first is for control, the others are for
 * the workers, in the order they are named.
 */
#include <stdint.h>

#define CORES_LIMIT 1024 /* numbers are below it, as in the kernel's cpu_set_t */

struct cores {
	uint32_t count;
	uint16_t list[CORES_LIMIT];
};

/** "" is the empty list. Returns 0, or -EINVAL when it is no list or names a core twice. */
int cores_parse(const char *text, struct cores *out);

#endif

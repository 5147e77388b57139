/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_OCTETS_H
#define CRYPTO_OCTETS_H

#include <stddef.h>

/**
 * One piece of a message that is hashed without being joined first: callers pass
 * an array of these. data may be NULL only where bytes is 0. Nothing is owned.
 */
struct octets {
	const void *data;
	size_t bytes;
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>

/**
 * Fill p with n unpredictable bytes from the kernel's generator, small pieces by way of a pool
 * of the calling thread; a child of fork() begins a new one. For what is soon told (nonces, SPIs,
 * IVs), or opens nothing that was sent (seeds, secrets of cookies). Cannot fail: the process aborts
 * if the kernel has none. Any thread, after crypto_selftest(). Not in a signal handler.
 */
void rand_bytes(void *p, size_t n);

/** The same for what must never be told: private keys lie in no pool before they are used. */
void rand_secret(void *p, size_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/rand.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>
#include <threads.h>

#include "crypto/secret.h"

#define POOL_BYTES  256 /* so much the kernel gives at once, without being interrupted */
#define SMALL_BYTES 64  /* more goes past the pool */

/**
 * A handshake takes seven small pieces, and asking the kernel for each costs more than all their
 * octets together. What was given out is wiped here, so nobody finds it later.
 */
static thread_local struct {
	size_t left; /* octets, from the front */
	uint8_t octet[POOL_BYTES];
} pool;

/** In the child, which has no other thread: both would go on with the same octets. */
static void
pool_drop(void)
{
	secret_wipe_bytes(&pool, sizeof(pool));
}

static void
watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, pool_drop) != 0)
		sodium_misuse(); /* ends the process */
}

static void
pool_fill(void)
{
	static once_flag watched = ONCE_FLAG_INIT;

	call_once(&watched, watch_forks);
	randombytes_buf(pool.octet, sizeof(pool.octet));
	pool.left = sizeof(pool.octet);
}

void
rand_secret(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void
rand_bytes(void *p, size_t n)
{
	if (n > SMALL_BYTES) {
		rand_secret(p, n);
		return;
	}
	if (pool.left < n)
		pool_fill();
	pool.left -= n;
	memcpy(p, pool.octet + pool.left, n);
	secret_wipe_bytes(pool.octet + pool.left, n);
}

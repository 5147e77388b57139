/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/rand.h"

#include <sodium.h>

void
rand_bytes(void *p, size_t n)
{
	randombytes_buf(p, n);
}

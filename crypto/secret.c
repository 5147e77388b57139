/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/secret.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int
secret_alloc(struct secret *s, size_t bytes)
{
	secret_wipe(s);
	if (bytes > SECRET_MAX_BYTES)
		return -EMSGSIZE;
	if (bytes == 0)
		return 0;

	s->data = calloc(1, bytes);
	if (s->data == NULL)
		return -ENOMEM;
	s->bytes = bytes;
	return 0;
}

int
secret_set(struct secret *s, const void *data, size_t bytes)
{
	struct secret fresh = { 0 }; /* data may lie in what s holds now */
	int err = secret_alloc(&fresh, bytes);

	if (err == 0 && bytes > 0)
		memcpy(fresh.data, data, bytes);
	secret_move(s, &fresh);
	return err;
}

void
secret_move(struct secret *to, struct secret *from)
{
	if (to == from)
		return;
	secret_wipe(to);
	*to = *from;
	*from = (struct secret){ 0 };
}

void
secret_wipe(struct secret *s)
{
	if (s == NULL || s->data == NULL)
		return;
	secret_wipe_bytes(s->data, s->bytes);
	free(s->data);
	*s = (struct secret){ 0 };
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->bytes == b->bytes && crypto_equal(a->data, b->data, a->bytes);
}

void
secret_wipe_bytes(void *p, size_t n)
{
	if (n > 0)
		sodium_memzero(p, n);
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
	return n == 0 || sodium_memcmp(a, b, n) == 0;
}

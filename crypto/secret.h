/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX_BYTES 512 /* longest pre-shared key the configuration takes */

/**
 * Key bytes that wipe themselves. All zero is the empty secret, so a secret inside
 * a zeroed struct needs no init. Owns data: move it by secret_move(), never by
 * assignment, and end its life with secret_wipe(). Not thread safe.
 */
struct secret {
	uint8_t *data; /* NULL when empty */
	size_t bytes;
};

/**
 * Wipe what s held and take a copy of the bytes. bytes 0 leaves s empty.
 * Returns 0, -EMSGSIZE above SECRET_MAX_BYTES, -ENOMEM; s is empty after an error.
 */
int secret_set(struct secret *s, const void *data, size_t bytes);

/** As secret_set(), with zero octets for the caller to fill through s->data. */
int secret_alloc(struct secret *s, size_t bytes);

/** Wipe *to, give it what *from held, leave *from empty. */
void secret_move(struct secret *to, struct secret *from);

/** Overwrite and free the bytes; s is empty afterwards. NULL and empty are fine. */
void secret_wipe(struct secret *s);

/** Same length and same bytes; time depends on the length alone. Two empty ones are equal. */
bool secret_equal(const struct secret *a, const struct secret *b);

/** Overwrite n bytes in a way the compiler may not drop. */
void secret_wipe_bytes(void *p, size_t n);

/** a and b hold the same n bytes; time depends on n alone. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

/** AES-GCM of single short messages by intel-ipsec-mb; for crypto/ alone. Any thread. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_NONCE_BYTES 12
#define GCM_TAG_BYTES   16 /* at most; shorter ones are its beginning */

struct gcm_message {
	const uint8_t *key;
	unsigned key_bits; /* 128, 192, 256 */
	uint8_t nonce[GCM_NONCE_BYTES];
	const uint8_t *head; /* associated data */
	size_t head_bytes;
	uint8_t *text; /* worked on in place */
	size_t text_bytes;
};

/** False: the library has no code for this machine, and nothing below may be called. */
bool gcm_can(void);

void gcm_seal(const struct gcm_message *m, uint8_t *tag, size_t tag_bytes);

/** 0, or -EBADMSG: the tag differs, and the text is worth nothing. */
int gcm_open(const struct gcm_message *m, const uint8_t *tag, size_t tag_bytes);

#endif

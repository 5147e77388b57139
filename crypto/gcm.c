/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message of IKE is short and has a key that is used for a few. libcrypto takes a context from
 * the heap for each, which costs more than the cipher; these calls take none.
 */
#include "crypto/gcm.h"

#include <errno.h>
#include <threads.h>

#include "crypto/ipsec_mb.h"
#include "crypto/secret.h"

static IMB_MGR *library; /* of it only the calls for GCM, which change nothing in it */

static void
library_begin(void)
{
	library = ipsec_mb_new();
}

bool
gcm_can(void)
{
	static once_flag begun = ONCE_FLAG_INIT;

	call_once(&begun, library_begin);
	return library != NULL;
}

/** The key made ready for one message. */
struct schedule {
	struct gcm_key_data key;
	struct gcm_context_data context;
};

static void
run(const struct gcm_message *m, bool seal, uint8_t *tag, size_t tag_bytes)
{
	aes_gcm_enc_dec_t call;
	struct schedule s;

	switch (m->key_bits) {
	case 128:
		IMB_AES128_GCM_PRE(library, m->key, &s.key);
		call = seal ? library->gcm128_enc : library->gcm128_dec;
		break;
	case 192:
		IMB_AES192_GCM_PRE(library, m->key, &s.key);
		call = seal ? library->gcm192_enc : library->gcm192_dec;
		break;
	default:
		IMB_AES256_GCM_PRE(library, m->key, &s.key);
		call = seal ? library->gcm256_enc : library->gcm256_dec;
		break;
	}
	call(&s.key, &s.context, m->text, m->text, m->text_bytes, m->nonce, m->head, m->head_bytes,
		tag, tag_bytes);
	secret_wipe_bytes(&s, sizeof(s));
}

void
gcm_seal(const struct gcm_message *m, uint8_t *tag, size_t tag_bytes)
{
	run(m, true, tag, tag_bytes);
}

int
gcm_open(const struct gcm_message *m, const uint8_t *tag, size_t tag_bytes)
{
	uint8_t right[GCM_TAG_BYTES];

	run(m, false, right, tag_bytes);
	return crypto_equal(right, tag, tag_bytes) ? 0 : -EBADMSG;
}

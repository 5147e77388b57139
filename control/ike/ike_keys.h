/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_IKE_IKE_KEYS_H
#define CONTROL_IKE_IKE_KEYS_H

/** The key tree of an IKE SA (RFC 7296, 2.14 to 2.18). Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "control/ike/ike.h"
#include "control/ike/ike_prop.h"
#include "control/ike/ike_wire.h"
#include "crypto/ike_aead.h"
#include "crypto/prf.h"

struct ike_keys {
	const struct prf_alg *prf;
	uint8_t d[PRF_MAX_BYTES], pi[PRF_MAX_BYTES], pr[PRF_MAX_BYTES];
	struct ike_aead *send, *recv;
};

/** What goes into a derivation beside the secrets. */
struct ike_seed {
	struct ike_view ni, nr;
	uint64_t spi_i, spi_r; /* for the keys of an IKE SA */
	bool initiator;        /* are we? */
};

/** Keys after IKE_SA_INIT. 0 or negative errno; k is empty on error. */
int ike_keys_first(struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *seed,
	const struct secret *shared);
/** Mix a PPK into a tree made by ike_keys_first() (RFC 8784, 3). 0 or negative errno. */
int ike_keys_ppk(struct ike_keys *k, const struct secret *ppk);
/** Keys after a rekey under the old ones. */
int ike_keys_rekey(struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *seed,
	const struct secret *shared, const struct ike_keys *old);
/** Keys of a child; shared is empty without PFS. */
int ike_keys_child(const struct ike_keys *k, const struct ike_suite *suite,
	const struct ike_seed *seed, const struct secret *shared, struct ike_esp_keys *in,
	struct ike_esp_keys *out);

/** prf(SK_pi or SK_pr, ID payload body): the last part of what a side signs. */
int ike_keys_id_mac(const struct ike_keys *k, bool of_initiator, struct ike_view id,
	uint8_t out[PRF_MAX_BYTES]);

/**
 * AUTH data of a shared key (RFC 7296, 2.15) over a side's first message, the other
 * side's nonce and that side's ID payload body. of_initiator: whose AUTH it is.
 */
int ike_keys_psk_auth(const struct ike_keys *k, bool of_initiator, const struct secret *psk,
	struct ike_view message, struct ike_view nonce, struct ike_view id,
	uint8_t out[PRF_MAX_BYTES]);

void ike_keys_wipe(struct ike_keys *k);

#endif

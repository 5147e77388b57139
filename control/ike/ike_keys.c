/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_keys.h"

#include <errno.h>
#include <string.h>

#include "crypto/secret.h"

/* d, pi, pr and twice encryption and integrity at their longest */
#define TREE_MAX_BYTES (3 * PRF_MAX_BYTES + 2 * (64 + 36))

static struct octets
view_octets(struct ike_view v)
{
	return (struct octets){ v.data, v.bytes };
}

static void
put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

/** Cut the prf+ stream: d, ai, ar, ei, er, pi, pr. */
static int
tree_cut(struct ike_keys *k, const struct ike_suite *suite, bool initiator, const uint8_t *at)
{
	const struct encr_alg *encr = encr_find(suite->encr, suite->encr_bits);
	const struct integ_alg *integ = suite->integ != 0 ? integ_find(suite->integ) : NULL;
	size_t e = ike_aead_encr_key_bytes(encr);
	size_t a = ike_aead_integ_key_bytes(encr, integ);
	size_t p = k->prf->out_bytes;
	const uint8_t *ai = at + p, *ar = ai + a, *ei = ar + a, *er = ei + e, *pi = er + e;

	memcpy(k->d, at, p);
	memcpy(k->pi, pi, p);
	memcpy(k->pr, pi + p, p);
	int err = ike_aead_new(encr, initiator ? ei : er, e, integ,
		integ == NULL       ? NULL
			: initiator ? ai
				    : ar,
		a, &k->send);

	if (err != 0)
		return err;
	return ike_aead_new(encr, initiator ? er : ei, e, integ,
		integ == NULL       ? NULL
			: initiator ? ar
				    : ai,
		a, &k->recv);
}

static size_t
tree_bytes(const struct prf_alg *prf, const struct ike_suite *suite)
{
	const struct encr_alg *encr = encr_find(suite->encr, suite->encr_bits);
	const struct integ_alg *integ = suite->integ != 0 ? integ_find(suite->integ) : NULL;

	return 3u * prf->out_bytes + 2 * ike_aead_encr_key_bytes(encr) +
		2 * ike_aead_integ_key_bytes(encr, integ);
}

static int
tree_grow(struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *s,
	const uint8_t *skeyseed, size_t skeyseed_bytes)
{
	uint8_t spis[16], stream[TREE_MAX_BYTES];
	struct octets parts[] = { view_octets(s->ni), view_octets(s->nr), { spis, sizeof(spis) } };
	size_t n = tree_bytes(k->prf, suite);

	if (n > sizeof(stream))
		return -EINVAL;
	put_be64(spis, s->spi_i);
	put_be64(spis + 8, s->spi_r);
	int err = prf_plus(k->prf, skeyseed, skeyseed_bytes, parts, 3, stream, n);

	if (err == 0)
		err = tree_cut(k, suite, s->initiator, stream);
	secret_wipe_bytes(stream, sizeof(stream));
	if (err != 0)
		ike_keys_wipe(k);
	return err;
}

int
ike_keys_first(struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *s,
	const struct secret *shared)
{
	uint8_t nonces[2 * IKE_NONCE_MAX], skeyseed[PRF_MAX_BYTES];
	struct octets part = { shared->data, shared->bytes };
	size_t n = s->ni.bytes + s->nr.bytes;

	if (n > sizeof(nonces))
		return -EINVAL;
	*k = (struct ike_keys){ .prf = prf_find(suite->prf) };
	memcpy(nonces, s->ni.data, s->ni.bytes);
	memcpy(nonces + s->ni.bytes, s->nr.data, s->nr.bytes);
	int err = prf(k->prf, nonces, n, &part, 1, skeyseed);

	if (err == 0)
		err = tree_grow(k, suite, s, skeyseed, k->prf->out_bytes);
	secret_wipe_bytes(skeyseed, sizeof(skeyseed));
	return err;
}

int
ike_keys_ppk(struct ike_keys *k, const struct secret *ppk)
{
	uint8_t *const parts[] = { k->d, k->pi, k->pr };
	size_t n = k->prf->out_bytes;
	uint8_t mixed[PRF_MAX_BYTES];
	int err = 0;

	for (unsigned i = 0; err == 0 && i < 3; i++) {
		struct octets seed = { parts[i], n };

		err = prf_plus(k->prf, ppk->data, ppk->bytes, &seed, 1, mixed, n);
		if (err == 0)
			memcpy(parts[i], mixed, n);
	}
	secret_wipe_bytes(mixed, sizeof(mixed));
	return err;
}

/** RFC 7296, 2.18: SKEYSEED with the old PRF, everything else with the new one. */
int
ike_keys_rekey(struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *s,
	const struct secret *shared, const struct ike_keys *old)
{
	struct octets parts[] = { { shared->data, shared->bytes }, view_octets(s->ni),
		view_octets(s->nr) };
	uint8_t skeyseed[PRF_MAX_BYTES];

	*k = (struct ike_keys){ .prf = prf_find(suite->prf) };
	int err = prf(old->prf, old->d, old->prf->out_bytes, parts, 3, skeyseed);

	if (err == 0)
		err = tree_grow(k, suite, s, skeyseed, old->prf->out_bytes);
	secret_wipe_bytes(skeyseed, sizeof(skeyseed));
	return err;
}

static const uint8_t *
esp_keys_cut(struct ike_esp_keys *k, const struct encr_alg *encr, const struct integ_alg *integ,
	const uint8_t *at)
{
	k->encr_bytes = (uint8_t)(encr->key_bytes + encr->salt_bytes);
	k->integ_bytes = integ == NULL ? 0 : integ->key_bytes;
	memcpy(k->encr, at, k->encr_bytes);
	memcpy(k->integ, at + k->encr_bytes, k->integ_bytes);
	return at + k->encr_bytes + k->integ_bytes;
}

int
ike_keys_child(const struct ike_keys *k, const struct ike_suite *suite, const struct ike_seed *s,
	const struct secret *shared, struct ike_esp_keys *in, struct ike_esp_keys *out)
{
	const struct encr_alg *encr = encr_find(suite->encr, suite->encr_bits);
	const struct integ_alg *integ = suite->integ != 0 ? integ_find(suite->integ) : NULL;
	struct octets parts[] = { { shared->data, shared->bytes }, view_octets(s->ni),
		view_octets(s->nr) };
	uint8_t stream[2 * (36 + 64)];

	if (encr == NULL || (integ == NULL) != encr->aead)
		return -EINVAL;
	size_t one = encr->key_bytes + encr->salt_bytes + (integ == NULL ? 0u : integ->key_bytes);
	unsigned skip = shared->bytes == 0; /* no PFS: nonces only */
	int err =
		prf_plus(k->prf, k->d, k->prf->out_bytes, parts + skip, 3 - skip, stream, 2 * one);

	if (err == 0) {
		const uint8_t *next = esp_keys_cut(s->initiator ? out : in, encr, integ, stream);

		esp_keys_cut(s->initiator ? in : out, encr, integ, next);
	}
	secret_wipe_bytes(stream, sizeof(stream));
	return err;
}

int
ike_keys_id_mac(
	const struct ike_keys *k, bool of_initiator, struct ike_view id, uint8_t out[PRF_MAX_BYTES])
{
	struct octets part = view_octets(id);

	return prf(k->prf, of_initiator ? k->pi : k->pr, k->prf->out_bytes, &part, 1, out);
}

int
ike_keys_psk_auth(const struct ike_keys *k, bool of_initiator, const struct secret *psk,
	struct ike_view message, struct ike_view nonce, struct ike_view id,
	uint8_t out[PRF_MAX_BYTES])
{
	static const char pad[] = "Key Pad for IKEv2";
	struct octets pad_part = { pad, sizeof(pad) - 1 };
	uint8_t key[PRF_MAX_BYTES], id_mac[PRF_MAX_BYTES];
	size_t n = k->prf->out_bytes;
	int err = prf(k->prf, psk->data, psk->bytes, &pad_part, 1, key);

	if (err == 0)
		err = ike_keys_id_mac(k, of_initiator, id, id_mac);
	if (err == 0) {
		struct octets parts[] = { view_octets(message), view_octets(nonce), { id_mac, n } };

		err = prf(k->prf, key, n, parts, 3, out);
	}
	secret_wipe_bytes(key, sizeof(key));
	secret_wipe_bytes(id_mac, sizeof(id_mac));
	return err;
}

void
ike_keys_wipe(struct ike_keys *k)
{
	ike_aead_free(k->send);
	ike_aead_free(k->recv);
	secret_wipe_bytes(k, sizeof(*k));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/selftest.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/dh.h"
#include "crypto/esp_cipher.h"
#include "crypto/gcm.h"
#include "crypto/ike_aead.h"
#include "crypto/prf.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** Hexadecimal text of this file into octets; returns how many. */
static size_t
unhex(const char *text, uint8_t *out)
{
	size_t n = 0;

	sodium_hex2bin(out, strlen(text) / 2, text, strlen(text), NULL, &n, NULL);
	return n;
}

static bool
equals_hex(const void *data, size_t n, const char *text)
{
	uint8_t want[DH_MAX_BYTES];

	return unhex(text, want) == n && memcmp(data, want, n) == 0;
}

/* RFC 1321 and FIPS 180 "abc"; HMAC: RFC 2202 and 4231 case 1; prf+: SHA-256 of 200 octets. */
static const struct {
	enum hash_id id;
	uint16_t prf;
	const char *abc, *hi_there, *prf_plus;
} hash_answers[] = {
	{ HASH_MD5, PRF_HMAC_MD5, "900150983cd24fb0d6963f7d28e17f72",
		"5ccec34ea9656392457fa1ac27f08fbc",
		"4099cdf1c6c54e6c7870c26a5552b9a386decde63c0dbbd94bbc1b17fb918e05" },
	{ HASH_SHA1, PRF_HMAC_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d",
		"b617318655057264e28bc0b6fb378c8ef146be00",
		"4870c396ef7a4807117d2c91f2f00318494762d061021fdfbcb4c72d8bc9c3bd" },
	{ HASH_SHA256, PRF_HMAC_SHA2_256,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"e6993797b680c7c6b6519c3e3c1a839edfec03a50d50fcff47242b837832ef58" },
	{ HASH_SHA384, PRF_HMAC_SHA2_384,
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		"8086072ba1e7cc2358baeca134c825a7",
		"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		"faea9ea9076ede7f4af152e8b2fa9cb6",
		"57e0ec5ed751d8ff16211a5b8f00905a9e1536b5ac48c0fbfb266aa647ff87a7" },
	{ HASH_SHA512, PRF_HMAC_SHA2_512,
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		"daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
		"735b6bdbae45413447df532fd659c38bdccc41f74aeb86fe2cd9da199a519e7b" },
};

static bool
test_hash(void)
{
	for (size_t i = 0; i < COUNT(hash_answers); i++) {
		struct octets parts[] = { { "a", 1 }, { "bc", 2 } };
		uint8_t out[HASH_MAX_BYTES];

		if (hash(hash_answers[i].id, parts, COUNT(parts), out) != 0 ||
			!equals_hex(out, hash_bytes(hash_answers[i].id), hash_answers[i].abc))
			return false;
	}
	return true;
}

static bool
test_prf(void)
{
	uint8_t key[20];

	memset(key, 0x0b, sizeof(key));
	for (size_t i = 0; i < COUNT(hash_answers); i++) {
		const struct prf_alg *alg = prf_find(hash_answers[i].prf);
		struct octets parts[] = { { "Hi", 2 }, { " There", 6 } };
		uint8_t out[PRF_MAX_BYTES];

		if (prf(alg, key, sizeof(key), parts, COUNT(parts), out) != 0 ||
			!equals_hex(out, alg->out_bytes, hash_answers[i].hi_there))
			return false;
	}
	return true;
}

static bool
test_prf_plus(void)
{
	uint8_t count[128], out[200], digest[32];

	for (size_t i = 0; i < sizeof(count); i++)
		count[i] = (uint8_t)i;
	for (size_t i = 0; i < COUNT(hash_answers); i++) {
		struct octets seed[] = { { count + 64, 10 }, { count + 74, 54 } };
		struct octets all = { out, sizeof(out) };

		if (prf_plus(prf_find(hash_answers[i].prf), count, 32, seed, COUNT(seed), out,
			    sizeof(out)) != 0 ||
			hash(HASH_SHA256, &all, 1, digest) != 0 ||
			!equals_hex(digest, sizeof(digest), hash_answers[i].prf_plus))
			return false;
	}
	return true;
}

/* RFC 7748, 6.1 and RFC 5903, 8: private key, the peer's public value, shared secret. */
static const struct {
	uint16_t group;
	const char *priv, *peer, *shared;
} curve_answers[] = {
	{ DH_CURVE25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	{ DH_ECP_256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
		"d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		"56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
	{ DH_ECP_384,
		"099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
		"e35b538041e649ee3faef896783ab194",
		"e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
		"0d1ac43a0336def96fda41d0774a3571"
		"dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
		"f83fa40142209dff5eaad96db9e6386c",
		"11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
		"d603135569b9e9d09cf5d4a270f59746" },
	{ DH_ECP_521,
		"0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
		"95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d"
		"4a52",
		"00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
		"9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b617164001"
		"2d9460f"
		"015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87"
		"220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0f"
		"c56a",
		"01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
		"d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3"
		"ddea" },
};

/* SHA-256 of g^a and g^ab with a = 0x1111..., b = 0x2222... (32 octets each). */
static const struct {
	uint16_t group;
	const char *pub, *shared;
} modp_answers[] = {
	{ DH_MODP_1024, "801a93702449efe86f1fe0780e84d4cab2dece46de7a6ed346bea2237be696b1",
		"2dfd7f5ec3137cddc8a0f6a837818d34a8c870fd389e1677a6c0611f69aea069" },
	{ DH_MODP_1536, "60207fe0dba8e2122a1aa49fde824c7417965bca821ae072cb76491d64384b7e",
		"b20008f52534084a1a6cd55216d33092051fc2f2369a57b6a119be2e14ef0fcf" },
	{ DH_MODP_2048, "a25bbf7837f6962b48eebfa9b3eabb556ca982238c8e7fa94e7af29bbf929012",
		"f33967491b99ecccbf10d9e8bf48e2317680e6cdaba689e1337fef1127a17369" },
	{ DH_MODP_3072, "1009bb2b4e6bced1f46c7e20ca8ce583666a207f730888d5021930b52e848681",
		"3e6d0934384b3b6cab99c81f630bc7913cd07f410e87aa3fe735f1717ad7461a" },
	{ DH_MODP_4096, "9b6623f1ff0ce1114bcab94a6822e5d6c6f9cf2914f6ebc40ea6c057afed2b77",
		"6e307915389917a2060c85c788ca5b2a7bd787f57ce070f544a111bc1aff8902" },
};

static bool
test_curves(void)
{
	bool ok = true;

	for (size_t i = 0; ok && i < COUNT(curve_answers); i++) {
		uint8_t priv[DH_MAX_BYTES], peer[DH_MAX_BYTES];
		size_t priv_bytes = unhex(curve_answers[i].priv, priv);
		size_t peer_bytes = unhex(curve_answers[i].peer, peer);
		struct secret shared = { 0 };
		struct dh *dh = NULL;

		ok = dh_new_private(curve_answers[i].group, priv, priv_bytes, &dh) == 0 &&
			dh_shared(dh, peer, peer_bytes, &shared) == 0 &&
			equals_hex(shared.data, shared.bytes, curve_answers[i].shared);
		secret_wipe(&shared);
		dh_free(dh);
	}
	return ok;
}

static bool
digest_equals(const void *data, size_t n, const char *hex)
{
	struct octets all = { data, n };
	uint8_t digest[32];

	return hash(HASH_SHA256, &all, 1, digest) == 0 && equals_hex(digest, sizeof(digest), hex);
}

static bool
test_modp(void)
{
	uint8_t a[32], b[32];
	bool ok = true;

	memset(a, 0x11, sizeof(a));
	memset(b, 0x22, sizeof(b));
	for (size_t i = 0; ok && i < COUNT(modp_answers); i++) {
		size_t n = dh_find(modp_answers[i].group)->public_bytes;
		struct secret shared = { 0 };
		struct dh *ours = NULL, *theirs = NULL;

		ok = dh_new_private(modp_answers[i].group, a, sizeof(a), &ours) == 0 &&
			dh_new_private(modp_answers[i].group, b, sizeof(b), &theirs) == 0 &&
			digest_equals(dh_public(ours), n, modp_answers[i].pub) &&
			dh_shared(ours, dh_public(theirs), n, &shared) == 0 &&
			digest_equals(shared.data, n, modp_answers[i].shared);
		secret_wipe(&shared);
		dh_free(ours);
		dh_free(theirs);
	}
	return ok;
}

/* GCM specification, test cases 2, 8, 14: everything zero, no associated data. */
static const struct {
	uint16_t key_bits;
	const char *sealed;
} gcm_answers[] = {
	{ 128, "00000000000000000388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf" },
	{ 192, "000000000000000098e7247c07f0fe411c267e4384b0f6002ff58d80033927ab8ef4d4587514f0fb" },
	{ 256, "0000000000000000cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
};

static bool
test_gcm(void)
{
	static const uint8_t zero[36];
	bool ok = true;

	for (size_t i = 0; ok && i < COUNT(gcm_answers); i++) {
		const struct encr_alg *encr = encr_find(ENCR_AES_GCM_16, gcm_answers[i].key_bits);
		struct ike_aead *a = NULL;
		uint8_t msg[64], *plain;
		size_t n = unhex(gcm_answers[i].sealed, msg), plain_bytes;

		ok = ike_aead_new(encr, zero, ike_aead_encr_key_bytes(encr), NULL, NULL, 0, &a) ==
				0 &&
			ike_aead_open(a, msg, n, 0, &plain, &plain_bytes) == 0 &&
			plain_bytes == 15 && memcmp(plain, zero, 15) == 0;
		ike_aead_free(a);
	}
	return ok;
}

/** libcrypto, which has no part in it otherwise, seals the same text to the same octets. */
static bool
gcm_by_libcrypto(const struct gcm_message *m, const uint8_t *clear, const uint8_t *tag)
{
	static const char *const names[] = { "AES-128-GCM", "AES-192-GCM", "AES-256-GCM" };
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[m->key_bits / 64 - 2], NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t want[64], want_tag[GCM_TAG_BYTES];
	int n;
	bool ok = m->text_bytes <= sizeof(want) && cipher != NULL && ctx != NULL &&
		EVP_EncryptInit_ex2(ctx, cipher, m->key, m->nonce, NULL) &&
		EVP_EncryptUpdate(ctx, NULL, &n, m->head, (int)m->head_bytes) &&
		EVP_EncryptUpdate(ctx, want, &n, clear, (int)m->text_bytes) &&
		EVP_EncryptFinal_ex(ctx, want + n, &n) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(want_tag), want_tag) &&
		memcmp(m->text, want, m->text_bytes) == 0 &&
		memcmp(tag, want_tag, sizeof(want_tag)) == 0;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok;
}

static bool
test_gcm_against_libcrypto(void)
{
	uint8_t key[32], head[40], clear[64], text[64], tag[GCM_TAG_BYTES];
	bool ok = gcm_can();

	rand_bytes(key, sizeof(key));
	rand_bytes(head, sizeof(head));
	rand_bytes(clear, sizeof(clear));
	for (size_t n = 1; ok && n <= sizeof(text); n++) {
		struct gcm_message m = { .key = key,
			.key_bits = 128 + 64 * (n % 3),
			.head = head,
			.head_bytes = n % sizeof(head),
			.text = text,
			.text_bytes = n };

		rand_bytes(m.nonce, sizeof(m.nonce));
		memcpy(text, clear, n);
		gcm_seal(&m, tag, sizeof(tag));
		ok = gcm_by_libcrypto(&m, clear, tag) && gcm_open(&m, tag, sizeof(tag)) == 0 &&
			memcmp(text, clear, n) == 0;
	}
	secret_wipe_bytes(key, sizeof(key));
	return ok;
}

/*
 * ESP of RFC 7634, appendix A; AES-GCM of draft-mcgrew-gcm-test, cases 1 and 2: with and without
 * the high half of the sequence number among what is authenticated; AES-CBC of RFC 3602, case 1,
 * under HMAC-SHA1; 3DES-CBC with the keys and the text of libdes' destest, under HMAC-MD5.
 */
static const struct {
	uint16_t encr, key_bits, integ;
	uint32_t seq_hi; /* with ESN; 0: without */
	const char *keymat, *packet, *clear;
} esp_answers[] = {
	{ ENCR_CHACHA20_POLY1305, 0, AUTH_NONE, 0,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3",
		"01020304000000051011121314151617"
		"24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
		"14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
		"cbec163fac469b502773f6fb94e664da9165b82829f641e0"
		"76aaa8266b7fb0f7b11b369907e1ad43",
		"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
		"0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
		"2425262728292a2b2c2d2e2f303132333435363701020204" },
	{ ENCR_AES_GCM_16, 128, AUTH_NONE, 0x87654321, "4c80cdefbb5d10da906ac73c3613a6342e443b68",
		"0000432100000000"
		"4956ed7e3b244cfe"
		"fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
		"cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
		"61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
		"45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
		"00000000045f736970045f756470037369700963796265726369747902646b00"
		"0021000101020201" },
	{ ENCR_AES_GCM_16, 128, AUTH_NONE, 0, "feffe9928665731c6d6a8f9467308308cafebabe",
		"0000a5f80000000a"
		"facedbaddecaf888"
		"deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
		"3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
		"83b70d3aa8bc6ee4c309e9d85a41ad4a",
		"4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100"
		"0001000000000000037369700963796265726369747902646b00000100010001" },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 0,
		"06a9214036b8a15b512e03d534120006000102030405060708090a0b0c0d0e0f10111213",
		"0000432100000001"
		"3dafba429d9eb430b422da802c9fac41e353779c1079aeb82708942dbe77181a"
		"41a98bd8f354266e20b26497",
		"53696e676c6520626c6f636b206d7367" },
	{ ENCR_3DES, 0, AUTH_HMAC_MD5_96, 0,
		"0123456789abcdeff1e0d3c2b5a49786fedcba9876543210000102030405060708090a0b0c0d0e0f",
		"0000432100000001"
		"fedcba98765432103fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d4"
		"1c673812cfde9675a22b43d835e2c59d03412e43",
		"37363534333231204e6f77206973207468652074696d6520666f722000000000" },
};

/** Run one packet through a manager at once. */
static bool
esp_one(struct esp_mgr *mgr, enum esp_dir dir, struct esp_job *j)
{
	struct esp_job *done = NULL;

	esp_submit(mgr, dir, &j, 1);
	esp_flush(mgr);
	return esp_collect(mgr, &done, 1) == 1 && done == j && j->status == ESP_OK;
}

static struct esp_key *
esp_key_new(struct esp_mgr *mgr, const struct esp_suite *s, enum esp_dir dir, const uint8_t *keymat)
{
	struct esp_key *key = aligned_alloc(ESP_KEY_ALIGN, esp_key_bytes(s));

	if (key != NULL && esp_key_expand(mgr, s, dir, keymat, esp_keymat_bytes(s), key) != 0) {
		free(key);
		return NULL;
	}
	return key;
}

static bool
esp_known(struct esp_mgr *mgr, size_t i)
{
	const struct esp_suite *s =
		esp_suite_find(esp_answers[i].encr, esp_answers[i].key_bits, esp_answers[i].integ);
	uint8_t keymat[64], packet[160];
	struct esp_job j = { .suite = s,
		.esp = packet,
		.esn = esp_answers[i].seq_hi != 0,
		.seq_hi = esp_answers[i].seq_hi };
	size_t n = unhex(esp_answers[i].packet, packet);

	unhex(esp_answers[i].keymat, keymat);
	j.ct_bytes = (uint16_t)(n - 8 - s->iv_bytes - s->icv_bytes);
	struct esp_key *key = esp_key_new(mgr, s, ESP_OPEN, keymat);
	j.key = key;
	bool ok = key != NULL && esp_one(mgr, ESP_OPEN, &j) &&
		equals_hex(packet + 8 + s->iv_bytes, j.ct_bytes, esp_answers[i].clear);
	free(key);
	return ok;
}

static bool
test_esp_known(void)
{
	struct esp_mgr *mgr = esp_mgr_new();
	bool ok = mgr != NULL;

	for (size_t i = 0; ok && i < COUNT(esp_answers); i++)
		ok = esp_known(mgr, i);
	esp_mgr_free(mgr);
	return ok;
}

/**
 * An ESP packet without ESN has the shape of an IKE message with a head of 8 octets:
 * what ESP's code seals IKE's must open, and the other way round. But for GCM, which was held
 * against libcrypto above, that one is libcrypto.
 */
static bool
esp_like_ike(struct esp_mgr *mgr, const struct esp_suite *s)
{
	const struct encr_alg *encr = encr_find(s->encr_id, s->key_bits);
	const struct integ_alg *integ = integ_find(s->integ_id);
	size_t encr_bytes = ike_aead_encr_key_bytes(encr);
	uint8_t keymat[128], packet[128], clear[48] = { 0 }, *plain = NULL;
	struct ike_aead *a = NULL;
	size_t n = 8 + s->iv_bytes + sizeof(clear) + s->icv_bytes, plain_bytes = 0;

	rand_bytes(keymat, sizeof(keymat));
	rand_bytes(clear, sizeof(clear) - 1); /* the last octet says: no padding */
	rand_bytes(packet, 8);
	memcpy(packet + 8 + s->iv_bytes, clear, sizeof(clear));

	struct esp_key *seal = esp_key_new(mgr, s, ESP_SEAL, keymat);
	struct esp_key *open = esp_key_new(mgr, s, ESP_OPEN, keymat);
	struct esp_job j = { .suite = s, .esp = packet, .key = seal, .ct_bytes = sizeof(clear) };
	bool ok = seal != NULL && open != NULL &&
		ike_aead_new(encr, keymat, encr_bytes, integ, keymat + encr_bytes,
			ike_aead_integ_key_bytes(encr, integ), &a) == 0 &&
		esp_one(mgr, ESP_SEAL, &j) &&
		ike_aead_open(a, packet, n, 8, &plain, &plain_bytes) == 0 &&
		plain_bytes == sizeof(clear) - 1 && memcmp(plain, clear, plain_bytes) == 0 &&
		ike_aead_seal(a, packet, sizeof(packet), 8, plain_bytes) == 0;

	j.key = open;
	ok = ok && esp_one(mgr, ESP_OPEN, &j) &&
		memcmp(packet + 8 + s->iv_bytes, clear, sizeof(clear)) == 0;
	ike_aead_free(a);
	free(seal);
	free(open);
	secret_wipe_bytes(keymat, sizeof(keymat));
	return ok;
}

static bool
test_esp_against_ike(void)
{
	struct esp_mgr *mgr = esp_mgr_new();
	bool ok = mgr != NULL;

	for (size_t i = 0; ok && esp_suite_at(i) != NULL; i++)
		ok = esp_like_ike(mgr, esp_suite_at(i));
	esp_mgr_free(mgr);
	return ok;
}

static bool
test_rand(void)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	rand_bytes(a, sizeof(a));
	rand_bytes(b, sizeof(b));
	return memcmp(a, b, sizeof(a)) != 0;
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "random generator", test_rand },
	{ "hash", test_hash },
	{ "prf", test_prf },
	{ "prf+", test_prf_plus },
	{ "elliptic curves", test_curves },
	{ "modp groups", test_modp },
	{ "aes-gcm", test_gcm },
	{ "aes-gcm against libcrypto", test_gcm_against_libcrypto },
	{ "esp known answers", test_esp_known },
	{ "esp against ike", test_esp_against_ike },
};

const char *
crypto_selftest(void)
{
	if (sodium_init() < 0)
		return "libsodium";
	for (size_t i = 0; i < COUNT(tests); i++) {
		if (!tests[i].run())
			return tests[i].name;
	}
	return NULL;
}

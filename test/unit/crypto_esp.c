/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/check.h"

#include <stdlib.h>

#include "crypto/esp_cipher.h"
#include "crypto/rand.h"
#include "crypto/suite.h"

#define ROOM 2048
#define MANY 192 /* packets of the mixed test: several bursts */
#define KEYS 45  /* every suite, and some with a second key */

static struct esp_mgr *mgr;

/** A key of one suite, both directions, from given or random key material. */
struct pair {
	const struct esp_suite *suite;
	struct esp_key *seal, *open;
};

/** One packet: SPI, sequence number, IV, payload, ICV, and four octets that must not change. */
struct packet {
	struct esp_job job;
	uint8_t clear[ROOM];
	uint8_t esp[ROOM];
};

static struct pair
pair_new(const struct esp_suite *s, const uint8_t *keymat)
{
	struct pair p = {
		.suite = s,
		.seal = aligned_alloc(ESP_KEY_ALIGN, esp_key_bytes(s)),
		.open = aligned_alloc(ESP_KEY_ALIGN, esp_key_bytes(s)),
	};

	CHECK_EQ(esp_key_expand(mgr, s, ESP_SEAL, keymat, esp_keymat_bytes(s), p.seal), 0);
	CHECK_EQ(esp_key_expand(mgr, s, ESP_OPEN, keymat, esp_keymat_bytes(s), p.open), 0);
	return p;
}

static struct pair
pair_random(const struct esp_suite *s)
{
	uint8_t keymat[128];

	rand_bytes(keymat, sizeof(keymat));
	return pair_new(s, keymat);
}

static void
pair_free(struct pair *p)
{
	esp_key_wipe(p->suite, p->seal);
	free(p->seal);
	free(p->open);
}

static size_t
icv_at(const struct packet *p)
{
	return 8 + p->job.suite->iv_bytes + p->job.ct_bytes;
}

static size_t
packet_bytes(const struct packet *p)
{
	return icv_at(p) + p->job.suite->icv_bytes;
}

static void
packet_init(struct packet *p, const struct pair *k, uint32_t seq, uint16_t ct_bytes, bool esn)
{
	const uint8_t head[8] = { 0xaa, 1, 2, 3, (uint8_t)(seq >> 24), (uint8_t)(seq >> 16),
		(uint8_t)(seq >> 8), (uint8_t)seq };

	memset(p, 0, sizeof(*p));
	p->job = (struct esp_job){
		.suite = k->suite,
		.key = k->seal,
		.esp = p->esp,
		.user = p,
		.ct_bytes = ct_bytes,
		.esn = esn,
		.seq_hi = esn ? 0x01020304 : 0,
	};
	rand_bytes(p->clear, ct_bytes);
	memset(p->esp, 0xee, sizeof(p->esp));
	memcpy(p->esp, head, sizeof(head));
	memcpy(p->esp + 8 + k->suite->iv_bytes, p->clear, ct_bytes);
}

static void
run(enum esp_dir dir, struct packet *p)
{
	struct esp_job *job = &p->job, *done = NULL;

	esp_submit(mgr, dir, &job, 1);
	esp_flush(mgr);
	CHECK_EQ(esp_collect(mgr, &done, 1), 1);
	CHECK(done == job);
	CHECK_EQ(esp_pending(mgr), 0);
}

static int
open_copy(const struct packet *sealed, const struct pair *k, struct packet *copy)
{
	*copy = *sealed;
	copy->job.esp = copy->esp;
	copy->job.key = k->open;
	run(ESP_OPEN, copy);
	return copy->job.status;
}

/** seal(clear) must be the octets given, open() must give back clear. */
static void
known_answer(const struct esp_suite *s, const char *keymat_hex, const char *head_hex,
	const char *clear_hex, const char *sealed_hex, bool esn, uint32_t seq_hi)
{
	static struct packet p, q;
	uint8_t keymat[128], sealed[256], head[8];
	size_t keymat_bytes = check_unhex(keymat_hex, keymat, sizeof(keymat));
	size_t n = check_unhex(sealed_hex, sealed, sizeof(sealed));

	CHECK_EQ(keymat_bytes, esp_keymat_bytes(s));
	check_unhex(head_hex, head, sizeof(head));
	struct pair k = pair_new(s, keymat);

	packet_init(&p, &k, 1, 0, esn);
	p.job.ct_bytes = (uint16_t)check_unhex(clear_hex, p.clear, sizeof(p.clear));
	p.job.seq_hi = seq_hi;
	p.job.key = k.open;
	memcpy(p.esp, head, sizeof(head));
	memcpy(p.esp + 8, sealed, n);
	CHECK_EQ(n, packet_bytes(&p) - 8);
	q = p;
	q.job.esp = q.esp;
	run(ESP_OPEN, &q);
	CHECK_EQ(q.job.status, ESP_OK);
	CHECK_MEM(q.esp + 8 + s->iv_bytes, p.clear, p.job.ct_bytes);
	pair_free(&k);
}

/* RFC 7634, appendix A: ESP with ChaCha20-Poly1305. */
static void
chacha_of_rfc7634(void)
{
	known_answer(esp_suite_find(ENCR_CHACHA20_POLY1305, 0, 0),
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f a0a1a2a3",
		"0102030400000005",
		"45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
		"0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
		"2425262728292a2b2c2d2e2f303132333435363701020204",
		"1011121314151617"
		"24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
		"14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
		"cbec163fac469b502773f6fb94e664da9165b82829f641e0"
		"76aaa8266b7fb0f7b11b369907e1ad43",
		false, 0);
}

static void
every_suite_goes_round(void)
{
	static const uint16_t sizes[] = { 16, 32, 64, 112, 1008, 1424 };
	static struct packet p, q;

	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		struct pair k = pair_random(esp_suite_at(i));

		for (size_t c = 0; c < 2 * sizeof(sizes) / sizeof(sizes[0]); c++) {
			packet_init(&p, &k, (uint32_t)c + 1, sizes[c / 2], c % 2);
			run(ESP_SEAL, &p);
			CHECK_EQ(p.job.status, ESP_OK);
			CHECK(memcmp(p.esp + 8 + k.suite->iv_bytes, p.clear, 16) != 0);
			CHECK_EQ(p.esp[packet_bytes(&p)], 0xee); /* nothing behind the ICV */

			CHECK_EQ(open_copy(&p, &k, &q), ESP_OK);
			CHECK_MEM(q.esp + 8 + k.suite->iv_bytes, p.clear, p.job.ct_bytes);
			CHECK_MEM(q.esp, p.esp, 8);
			CHECK_MEM(q.esp + icv_at(&p), p.esp + icv_at(&p), k.suite->icv_bytes);
		}
		pair_free(&k);
	}
}

static void
every_damaged_octet_is_refused(void)
{
	static struct packet p, q;

	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		struct pair k = pair_random(esp_suite_at(i));

		for (int esn = 0; esn < 2; esn++) {
			packet_init(&p, &k, 7, 32, esn);
			run(ESP_SEAL, &p);
			for (size_t at = 0; at < packet_bytes(&p); at++) {
				p.esp[at] ^= 0x10;
				CHECK_EQ(open_copy(&p, &k, &q), ESP_BAD_ICV);
				p.esp[at] ^= 0x10;
			}
			p.job.seq_hi++;
			CHECK_EQ(open_copy(&p, &k, &q), esn ? ESP_BAD_ICV : ESP_OK);
			p.job.esn = !p.job.esn;
			CHECK_EQ(open_copy(&p, &k, &q), ESP_BAD_ICV);
		}
		pair_free(&k);
	}
}

static void
bad_lengths_come_back_undone(void)
{
	static struct packet p;

	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		struct pair k = pair_random(esp_suite_at(i));

		for (uint16_t n = 0; n <= k.suite->block_bytes + 1; n++) {
			packet_init(&p, &k, 1, n, false);
			run(ESP_SEAL, &p);
			CHECK_EQ(p.job.status, n == k.suite->block_bytes ? ESP_OK : ESP_BAD_LENGTH);
			CHECK_EQ(p.esp[8] == 0xee && p.esp[9] == 0xee && p.esp[10] == 0xee,
				n != k.suite->block_bytes);
		}
		pair_free(&k);
	}
}

static void
keys_need_length_and_alignment(void)
{
	const struct esp_suite *s = esp_suite_find(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128);
	uint8_t keymat[128] = { 0 };
	uint8_t *room = aligned_alloc(ESP_KEY_ALIGN, esp_key_bytes(s) + ESP_KEY_ALIGN);

	CHECK_EQ(esp_keymat_bytes(s), 64);
	CHECK_EQ(esp_key_expand(mgr, s, ESP_SEAL, keymat, 63, (void *)room), -22);
	CHECK_EQ(esp_key_expand(mgr, s, ESP_SEAL, keymat, 64, (void *)(room + 16)), -22);
	CHECK_EQ(esp_key_expand(mgr, s, ESP_SEAL, keymat, 64, (void *)room), 0);
	esp_key_wipe(s, (void *)room);
	for (size_t i = 0; i < esp_key_bytes(s); i++)
		CHECK_EQ(room[i], 0);
	free(room);
	CHECK(esp_suite_find(ENCR_AES_CBC, 256, 0) == NULL);
	CHECK(esp_suite_find(ENCR_AES_GCM_16, 256, AUTH_HMAC_SHA1_96) == NULL);
	CHECK(esp_suite_find(ENCR_AES_GCM_16, 64, 0) == NULL);
}

/** The library fills keys by code that no sanitizer watches. */
static void
keys_fit_their_memory(void)
{
	uint8_t keymat[128] = { 1, 2, 3 };

	for (size_t i = 0; esp_suite_at(i) != NULL; i++) {
		const struct esp_suite *s = esp_suite_at(i);
		size_t bytes = esp_key_bytes(s);
		uint8_t *room = aligned_alloc(ESP_KEY_ALIGN, bytes + 2048);

		memset(room, 0xa5, bytes + 2048);
		CHECK_EQ(
			esp_key_expand(mgr, s, ESP_SEAL, keymat, esp_keymat_bytes(s), (void *)room),
			0);
		for (size_t at = bytes; at < bytes + 2048; at++)
			CHECK_EQ(room[at], 0xa5);
		free(room);
	}
}

/** Collect until nothing more comes; every job must be OK and come once. */
static uint32_t
drain(uint32_t *seen)
{
	struct esp_job *done[16];
	uint32_t n, all = 0;

	do {
		n = esp_collect(mgr, done, 16);
		for (uint32_t i = 0; i < n; i++) {
			CHECK_EQ(done[i]->status, ESP_OK);
			(*seen)++;
		}
		all += n;
	} while (n == 16);
	return all;
}

/**
 * Packets of 32 SAs of all suites in bursts of 24, collected as they come, must
 * open one by one; and those sealed one by one must open in bursts.
 */
static void
mixed_sas_over_bursts(uint32_t live_keys)
{
	static struct packet p[MANY], q;
	struct pair k[KEYS];
	uint32_t seen = 0;
	bool waited = false;

	esp_mgr_live_keys(mgr, live_keys);
	for (uint32_t i = 0; i < KEYS; i++)
		k[i] = pair_random(esp_suite_at(i % 30));

	for (uint32_t i = 0; i < MANY; i++)
		packet_init(&p[i], &k[i * 7 % KEYS], i, 16 * (1 + i * 5 % 90), i % 3 == 0);
	for (uint32_t i = 0; i < MANY; i += 24) {
		struct esp_job *jobs[24];

		for (uint32_t b = 0; b < 24; b++)
			jobs[b] = &p[i + b].job;
		esp_submit(mgr, ESP_SEAL, jobs, 24);
		drain(&seen);
		waited |= esp_pending(mgr) > 0; /* in lanes, for the next burst */
	}
	CHECK(waited);
	esp_flush(mgr);
	drain(&seen);
	CHECK_EQ(seen, MANY);
	CHECK_EQ(esp_pending(mgr), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		CHECK_EQ(open_copy(&p[i], &k[i * 7 % KEYS], &q), ESP_OK);
		CHECK_MEM(q.esp + 8 + q.job.suite->iv_bytes, p[i].clear, p[i].job.ct_bytes);
	}

	for (uint32_t i = 0; i < MANY; i += 24) {
		struct esp_job *jobs[24];

		for (uint32_t b = 0; b < 24; b++) {
			p[i + b].job.key = k[(i + b) * 7 % KEYS].open;
			jobs[b] = &p[i + b].job;
		}
		esp_submit(mgr, ESP_OPEN, jobs, 24);
	}
	esp_flush(mgr);
	drain(&seen);
	CHECK_EQ(seen, 2 * MANY);
	for (uint32_t i = 0; i < MANY; i++)
		CHECK_MEM(p[i].esp + 8 + p[i].job.suite->iv_bytes, p[i].clear, p[i].job.ct_bytes);
	for (uint32_t i = 0; i < KEYS; i++)
		pair_free(&k[i]);
	esp_mgr_live_keys(mgr, 0);
}

static void
mixed_sas_few_keys(void)
{
	mixed_sas_over_bursts(KEYS);
}

static void
mixed_sas_many_keys(void)
{
	mixed_sas_over_bursts(100000);
}

static void
more_jobs_than_the_queue_holds(void)
{
	static struct packet p[1000];
	static struct esp_job *jobs[1000];
	struct pair k = pair_random(esp_suite_find(ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96));
	uint32_t seen = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		packet_init(&p[i], &k, i, 64, true);
		jobs[i] = &p[i].job;
	}
	esp_submit(mgr, ESP_SEAL, jobs, 1000);
	esp_flush(mgr);
	drain(&seen);
	CHECK_EQ(seen, 1000);
	pair_free(&k);
}

/** The library's queue of 256 wraps many times, with flushes just then. */
static void
each_job_comes_once(void)
{
	enum { JOBS = 512, BURST = 24 };
	static struct packet p[JOBS];
	static const char waiting, home;
	struct pair k = pair_random(esp_suite_find(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128));
	uint32_t next = 0, out = 0, twice = 0;

	for (uint32_t i = 0; i < JOBS; i++) {
		packet_init(&p[i], &k, i, 16, false);
		p[i].job.user = (void *)&home;
	}
	for (uint32_t round = 0; round < 400; round++) {
		static struct esp_job *jobs[BURST], *done[JOBS];

		for (uint32_t b = 0; b < BURST; b++) {
			jobs[b] = &p[next++ % JOBS].job;
			CHECK(jobs[b]->user == &home);
			jobs[b]->user = (void *)&waiting;
		}
		esp_submit(mgr, ESP_SEAL, jobs, BURST);
		if (round % 32 == 31 || round == 399) /* wrapped: 32 * 24 is three queues */
			esp_flush(mgr);
		uint32_t n = esp_collect(mgr, done, JOBS);

		for (uint32_t i = 0; i < n; i++) {
			twice += done[i]->user != &waiting || done[i]->status != ESP_OK;
			done[i]->user = (void *)&home;
		}
		out += n;
	}
	CHECK_EQ(twice, 0);
	CHECK_EQ(out, 400 * BURST);
	CHECK_EQ(esp_pending(mgr), 0);
	pair_free(&k);
}

static void
lonely_job_leaves_its_lane(void)
{
	static struct packet p;
	struct pair k = pair_random(esp_suite_find(ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_256_128));
	struct esp_job *job = &p.job, *done[4];
	uint32_t rounds = 0;

	packet_init(&p, &k, 1, 64, false);
	esp_submit(mgr, ESP_SEAL, &job, 1);
	CHECK_EQ(p.job.status, ESP_PENDING);
	while (rounds < 100 && esp_collect(mgr, done, 4) == 0)
		rounds++;
	CHECK_EQ(rounds, ESP_LANE_ROUNDS - 1);
	CHECK_EQ(p.job.status, ESP_OK);
	pair_free(&k);
}

static void
ivs_differ(void)
{
	static struct packet p[200];
	struct pair cbc = pair_random(esp_suite_find(ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96));
	struct pair gcm = pair_random(esp_suite_find(ENCR_AES_GCM_16, 256, 0));
	static const uint8_t iv[8] = { 1, 2, 3, 4, 0, 0, 0, 9 };

	for (uint32_t i = 0; i < 200; i++) {
		packet_init(&p[i], &cbc, 1, 16, false);
		run(ESP_SEAL, &p[i]);
		for (uint32_t o = 0; o < i; o++)
			CHECK(memcmp(p[i].esp + 8, p[o].esp + 8, 16) != 0);
	}
	packet_init(&p[0], &gcm, 9, 16, true);
	run(ESP_SEAL, &p[0]);
	CHECK_MEM(p[0].esp + 8, iv, 8);
	packet_init(&p[0], &gcm, 9, 16, false);
	run(ESP_SEAL, &p[0]);
	CHECK_MEM(p[0].esp + 12, iv + 4, 4);
	CHECK_EQ(p[0].esp[8] | p[0].esp[9] | p[0].esp[10] | p[0].esp[11], 0);
	pair_free(&cbc);
	pair_free(&gcm);
}

int
main(void)
{
	mgr = esp_mgr_new();
	if (mgr == NULL)
		return 1;
	TEST(chacha_of_rfc7634);
	TEST(every_suite_goes_round);
	TEST(every_damaged_octet_is_refused);
	TEST(bad_lengths_come_back_undone);
	TEST(keys_need_length_and_alignment);
	TEST(keys_fit_their_memory);
	TEST(mixed_sas_few_keys);
	TEST(mixed_sas_many_keys);
	TEST(more_jobs_than_the_queue_holds);
	TEST(each_job_comes_once);
	TEST(lonely_job_leaves_its_lane);
	TEST(ivs_differ);
	esp_mgr_free(mgr);
	return check_done();
}

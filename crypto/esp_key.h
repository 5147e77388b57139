/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef CRYPTO_ESP_KEY_H
#define CRYPTO_ESP_KEY_H

#include <intel-ipsec-mb.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/esp_cipher.h"

/*
 * Private to the two esp files: what lies in a struct esp_key. A schedule is as
 * short as its suite and the CPU allow, since with many spokes the cache miss is the
 * price. A GCM key is as much of the library's struct gcm_key_data as this CPU's code
 * fills, then the salt, on a cache line that every packet reads anyway.
 */

enum esp_kind { ESP_KIND_GCM, ESP_KIND_CBC_HMAC, ESP_KIND_CHACHA };

#define ESP_SUITES 30

#define AES_SCHED_BYTES (15 * 16)

/** CBC + HMAC, one direction. The states are the hash after the padded key. */
struct cbc_hmac_key {
	uint8_t inner[64];
	uint8_t outer[64];
	uint8_t sched[]; /* AES_SCHED_BYTES of AES, or three schedules of DES */
};

/** The library's manager, for key expansion. */
IMB_MGR *esp_mgr_library(struct esp_mgr *mgr);

/** Fit the suites to what the library does on this CPU; once, before any key is made. */
void esp_suites_fit(IMB_MGR *mb);

/** Position in the list of suites, for tables beside it. */
size_t esp_suite_index(const struct esp_suite *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/** Security associations: memory, keys, SPI slots. Edits by the control core. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "crypto/secret.h"
#include "dataplane/dp_priv.h"

#define LINE(n) RTE_ALIGN_CEIL(n, RTE_CACHE_LINE_SIZE)

int
dp_spi_new(struct dp *dp, uint32_t *spi)
{
	uint32_t slot;

	if (dp->spi_free_n == 0)
		return -ENOSPC;
	slot = dp->spi_free[--dp->spi_free_n];
	/* 12 bits of generation, never 0: an SPI is reused after 4095 others in its slot. */
	dp->spi_generation[slot] = (uint16_t)(dp->spi_generation[slot] % 4095 + 1);
	*spi = (uint32_t)dp->spi_generation[slot] << SPI_SLOT_BITS | slot;
	atomic_store_explicit(&dp->t.spi[slot], *spi, memory_order_release);
	return 0;
}

void
dp_spi_free(struct dp *dp, uint32_t spi)
{
	uint32_t slot = SPI_SLOT(spi);

	if (slot >= dp->t.sa_max || dp->t.sa_in[slot] != NULL)
		return;
	atomic_store_explicit(&dp->t.spi[slot], 0, memory_order_release);
	dp->spi_free[dp->spi_free_n++] = slot;
}

static const struct esp_suite *
suite_of(const struct dp_sa *spec)
{
	const struct esp_suite *s = esp_suite_find(spec->encr, spec->encr_bits, spec->integ);

	return s != NULL && spec->keymat_bytes == esp_keymat_bytes(s) ? s : NULL;
}

/* ---- outbound -------------------------------------------------------------------------- */

int
sa_out_new(struct dp *dp, const struct dp_sa *spec, struct sa_out **out)
{
	const struct esp_suite *suite = suite_of(spec);
	struct sa_out *sa;
	int err;

	if (suite == NULL)
		return -EINVAL;
	sa = dp_alloc(sizeof(*sa) + esp_key_bytes(suite));
	if (sa == NULL)
		return -ENOMEM;
	sa->suite = suite;
	sa->spi_be = rte_cpu_to_be_32(spec->spi);
	sa->esn = spec->esn;
	sa->tunnel_mode = spec->tunnel_mode;
	sa->ts_local_be = addr_v4(&spec->ts_local);
	sa->ts_remote_be = addr_v4(&spec->ts_remote);
	sa->cookie = spec->cookie;
	sa->users = 1;
	sa->soft_packets = spec->soft_packets != 0 ? spec->soft_packets : 1ull << 31;
	sa->soft_bytes = spec->soft_bytes != 0 ? spec->soft_bytes : UINT64_MAX;
	err = esp_key_expand(
		dp->expand, suite, ESP_SEAL, spec->keymat, spec->keymat_bytes, sa_out_key(sa));
	if (err != 0) {
		rte_free(sa);
		return err;
	}
	*out = sa;
	return 0;
}

static void
sa_out_free(struct dp *dp, void *arg)
{
	struct sa_out *sa = arg;

	(void)dp;
	esp_key_wipe(sa->suite, sa_out_key(sa));
	rte_free(sa);
}

void
sa_out_put(struct dp *dp, struct sa_out *sa)
{
	if (sa != NULL && --sa->users == 0)
		dp_later(dp, sa_out_free, sa);
}

/* ---- inbound --------------------------------------------------------------------------- */

/** Bits for the window and one word more, so that the word being filled is never asked for. */
static uint8_t
window_words(uint16_t packets)
{
	uint32_t words = 2;

	while (words * 64 < packets + 64u)
		words *= 2;
	return (uint8_t)words; /* 128 for the longest, 4096 */
}

static struct sa_in *
sa_in_make(struct dp *dp, uint32_t peer, const struct dp_sa *spec)
{
	const struct esp_suite *suite = suite_of(spec);
	uint8_t words = window_words(spec->replay_window);
	size_t head = LINE(offsetof(struct sa_in, window) + words * sizeof(uint64_t));
	uint16_t owner = dp->next_owner++ % dp->workers_count;
	struct sa_in *sa = suite == NULL ? NULL : dp_alloc_for(owner, head + esp_key_bytes(suite));

	if (sa == NULL)
		return NULL;
	sa->spi = spec->spi;
	sa->owner = owner;
	sa->esn = spec->esn;
	sa->tunnel_mode = spec->tunnel_mode;
	sa->udp_encap = spec->udp_encap;
	sa->peer = peer;
	sa->cookie = spec->cookie;
	sa->suite = suite;
	sa->ts_local = spec->ts_local;
	sa->ts_remote = spec->ts_remote;
	sa->window_packets = spec->replay_window;
	sa->window_words = words;
	if (esp_key_expand(dp->expand, suite, ESP_OPEN, spec->keymat, spec->keymat_bytes,
		    sa_in_key(sa)) != 0) {
		rte_free(sa);
		return NULL;
	}
	return sa;
}

int
dp_sa_in_attach(struct dp *dp, uint32_t peer, const struct dp_sa *spec)
{
	uint32_t slot = SPI_SLOT(spec->spi);
	struct sa_in *sa;

	if (slot >= dp->t.sa_max || spec->spi >> SPI_SLOT_BITS != dp->spi_generation[slot] ||
		dp->t.sa_in[slot] != NULL || suite_of(spec) == NULL)
		return -EINVAL;
	if (peer >= dp->t.peer_max || peer_get(&dp->t, peer) == NULL)
		return -ENOENT;
	sa = sa_in_make(dp, peer, spec);
	if (sa == NULL)
		return -ENOMEM;
	atomic_store_explicit(&dp->t.sa_in[slot], sa, memory_order_release);
	atomic_fetch_add_explicit(&dp->t.sas, 1, memory_order_relaxed);
	dp_notice(dp,
		&(struct dp_msg){
			.type = DP_SA_ATTACHED, .cookie = spec->cookie, .spi = spec->spi });
	return 0;
}

/** After the grace period: nobody reads it any more. */
static void
sa_in_free(struct dp *dp, void *arg)
{
	struct sa_in *sa = arg;

	dp_notice(dp,
		&(struct dp_msg){ .type = DP_SA_RETIRED, .cookie = sa->cookie, .spi = sa->spi });
	dp->spi_free[dp->spi_free_n++] = SPI_SLOT(sa->spi);
	esp_key_wipe(sa->suite, sa_in_key(sa));
	rte_free(sa);
}

static void
sa_in_unpublish(struct dp *dp, uint32_t spi)
{
	struct sa_in *sa = sa_in_get(&dp->t, spi);

	if (sa == NULL)
		return;
	atomic_store_explicit(&dp->t.spi[SPI_SLOT(spi)], 0, memory_order_release); /* first */
	atomic_store_explicit(&dp->t.sa_in[SPI_SLOT(spi)], NULL, memory_order_release);
	atomic_fetch_sub_explicit(&dp->t.sas, 1, memory_order_relaxed);
	dp_later(dp, sa_in_free, sa);
}

int
dp_sa_in_move(struct dp *dp, uint32_t spi, uint32_t peer)
{
	struct sa_in *sa = sa_in_get(&dp->t, spi);

	if (sa == NULL || peer >= dp->t.peer_max || peer_get(&dp->t, peer) == NULL)
		return -ENOENT;
	atomic_store_explicit(&sa->peer, peer, memory_order_release);
	return 0;
}

int
dp_sa_in_retire(struct dp *dp, uint32_t spi, uint32_t grace_ms)
{
	struct retiring *r;

	if (sa_in_get(&dp->t, spi) == NULL)
		return -ENOENT;
	r = grace_ms == 0 ? NULL : malloc(sizeof(*r));
	if (r == NULL) { /* no grace, or no memory to wait: at once */
		sa_in_unpublish(dp, spi);
		return 0;
	}
	*r = (struct retiring){
		.next = dp->retiring,
		.due_tsc = rte_get_tsc_cycles() + rte_get_tsc_hz() / 1000 * grace_ms,
		.spi = spi,
	};
	dp->retiring = r;
	return 0;
}

/** Unpublish those whose time is over, or (peer != 0) those of one peer. */
static void
retire(struct dp *dp, uint64_t now, uint32_t peer)
{
	struct retiring **at = &dp->retiring;

	while (*at != NULL) {
		struct retiring *r = *at;
		const struct sa_in *sa = sa_in_get(&dp->t, r->spi);

		if ((int64_t)(now - r->due_tsc) < 0 &&
			(peer == 0 || sa == NULL || sa->peer != peer)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		sa_in_unpublish(dp, r->spi);
		free(r);
	}
}

void
sa_retire_due(struct dp *dp)
{
	retire(dp, rte_get_tsc_cycles(), 0);
}

void
sa_retire_peer(struct dp *dp, uint32_t peer)
{
	retire(dp, rte_get_tsc_cycles(), peer);
}

void
sa_free_all(struct dp *dp)
{
	for (uint32_t slot = 0; slot < dp->t.sa_max; slot++) {
		struct sa_in *sa = dp->t.sa_in[slot];

		if (sa == NULL)
			continue;
		esp_key_wipe(sa->suite, sa_in_key(sa));
		rte_free(sa);
	}
	while (dp->retiring != NULL) {
		struct retiring *r = dp->retiring;

		dp->retiring = r->next;
		free(r);
	}
}

READS_COUNTERS READS_COUNTERS bool
dp_sa_in_read(const struct dp *dp, uint32_t spi, struct dp_sa_stats *out)
{
	const struct sa_in *sa = sa_in_get(&dp->t, spi);

	if (sa == NULL)
		return false;
	*out = (struct dp_sa_stats){
		.peer = sa->peer,
		.owner = sa->owner,
		.top = sa->top,
		.packets = sa->packets,
		.bytes = sa->bytes,
		.drops_replay = sa->drops_replay,
		.drops_auth = sa->drops_auth,
	};
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * How much may go to the control core, of each reason and of each sender. The control
 * core is one core: the budgets add up to what it can take, each worker has its part of
 * them, and a spoke that floods (authenticated or not) uses up its own share of that part
 * before that of others.
 */
#include <errno.h>

#include <rte_malloc.h>
#include <rte_random.h>

#include "dataplane/dp_priv.h"
#include "dataplane/ike_spi.h"

/** Of all workers, per second and at once; first: the control core takes it before all others. */
static const struct {
	uint32_t rate, burst;
	enum share share;
	bool first, by_source;
} budgets[METER_COUNT] = {
	[METER_IKE] = { 10000, 2000, SHARE_NONE, true, true },
	[METER_IKE_AUTH] = { 10000, 2000, SHARE_NONE, true, true },
	[METER_IKE_INIT] = { 10000, 1000, SHARE_NONE, true, true },
	[METER_NHRP] = { 20000, 2000, SHARE_NHRP, true, true },
	[METER_ARP_WAN] = { 2000, 500, SHARE_NONE, true, false },
	[METER_ARP_LAN] = { 2000, 500, SHARE_NONE, true, false },
	[METER_ICMP_WAN] = { 5000, 500, SHARE_NONE, false, false },
	[METER_LOCAL_LAN] = { 20000, 2000, SHARE_NONE, false, false },
	[METER_ROUTING_LAN] = { 20000, 1000, SHARE_NONE, true, false },
	[METER_TOO_BIG] = { 5000, 500, SHARE_NONE, false, true },
	[METER_INNER] = { 50000, 2000, SHARE_INNER, false, false },
	[METER_ROUTING] = { 50000, 1000, SHARE_ROUTING, true, false },
	[METER_MULTICAST] = { 10000, 1000, SHARE_ROUTING, true, false },
	[METER_NEIGH] = { 500, 100, SHARE_NOTICE, false, false },
	[METER_REDIRECT] = { 2000, 200, SHARE_NOTICE, false, false },
	[METER_NO_PEER] = { 100, 20, SHARE_NOTICE, false, false },
	[METER_BAD_SPI] = { 100, 20, SHARE_NONE, false, false },
	[METER_EVENT] = { 20000, 1000, SHARE_NONE, true, false },
	[METER_ICMP] = { 1000, 100, SHARE_NOTICE, false, false },
};

/** Of one spoke, whose packets all come to one worker; never more than half of that one's part. */
static const struct {
	uint32_t rate, burst;
} shares[SHARE_COUNT] = {
	[SHARE_NHRP] = { 200, 100 },
	[SHARE_ROUTING] = { 5000, 500 }, /* a full table by BGP */
	[SHARE_INNER] = { 5000, 500 },
	[SHARE_NOTICE] = { 200, 50 },
};

/** Of one address: a site of a thousand spokes may sit behind it, so not too little. */
#define SOURCE_RATE  2000u
#define SOURCE_BURST 500u

/** Of one IKE SA: rekeys, liveness, a certificate chain in fragments, and all of it again. */
#define IKE_SA_RATE  200u
#define IKE_SA_BURST 100u

/** Before its peer has proven anything: its one request, in fragments, and repeated. */
#define IKE_AUTH_RATE  20u
#define IKE_AUTH_BURST 50u

/** Of each worker, however many there are: no reason is ever without an answer for long. */
#define LEAST_RATE  50u
#define LEAST_BURST 10u

/**
 * Fragments of one address that wait for the rest. Who never sends the rest holds less than
 * half of a worker's table: what these let in during FRAG_TIMEOUT_MS.
 */
#define FRAG_RATE  16
#define FRAG_BURST 64

/** ICMP errors to one host, whatever it is behind: enough for a path MTU or a trace of its way. */
#define HOST_RATE  50
#define HOST_BURST 20

static uint32_t
rate_of(const struct worker *w, enum meter meter)
{
	return RTE_MAX(budgets[meter].rate / w->workers_count, LEAST_RATE);
}

static uint32_t
burst_of(const struct worker *w, enum meter meter)
{
	return RTE_MAX(budgets[meter].burst / w->workers_count, LEAST_BURST);
}

/** What one sender may use: never more than half of this worker's part. */
static void
share_init(const struct worker *w, struct token_bucket *b, enum meter meter, uint32_t rate,
	uint32_t burst, uint64_t tsc_hz)
{
	bucket_init(b, tsc_hz, RTE_MIN(rate, rate_of(w, meter) / 2),
		RTE_MIN(burst, burst_of(w, meter) / 2));
}

static void
meter_init(struct worker *w, enum meter meter, uint64_t tsc_hz)
{
	enum share share = budgets[meter].share;

	bucket_init(&w->budget[meter], tsc_hz, rate_of(w, meter), burst_of(w, meter));
	if (share != SHARE_NONE)
		share_init(w, &w->spoke_share[meter], meter, shares[share].rate,
			shares[share].burst, tsc_hz);
	share_init(w, &w->source_share[meter], meter, SOURCE_RATE, SOURCE_BURST, tsc_hz);
}

int
police_init(struct worker *w, uint64_t tsc_hz)
{
	for (int i = 0; i < METER_COUNT; i++)
		meter_init(w, i, tsc_hz);
	w->source_seed = (uint32_t)rte_rand();
	w->spoke_levels = dp_alloc_for(w->id, w->tables->peer_max * sizeof(*w->spoke_levels));
	w->source_levels = dp_alloc_for(w->id, SOURCE_LEVELS * sizeof(*w->source_levels));
	share_init(w, &w->ike_share, METER_IKE, IKE_SA_RATE, IKE_SA_BURST, tsc_hz);
	share_init(w, &w->ike_auth_share, METER_IKE_AUTH, IKE_AUTH_RATE, IKE_AUTH_BURST, tsc_hz);
	w->ike_levels = dp_alloc_for(w->id, w->tables->ike_spis.slots * sizeof(*w->ike_levels));
	bucket_init(&w->frag_share, tsc_hz, FRAG_RATE, FRAG_BURST);
	w->frag_levels = dp_alloc_for(w->id, SOURCE_LEVELS * sizeof(*w->frag_levels));
	bucket_init(&w->icmp_share, tsc_hz, HOST_RATE, HOST_BURST);
	w->icmp_levels = dp_alloc_for(w->id, SOURCE_LEVELS * sizeof(*w->icmp_levels));
	return w->spoke_levels == NULL || w->source_levels == NULL || w->ike_levels == NULL ||
			w->frag_levels == NULL || w->icmp_levels == NULL
		? -ENOMEM
		: 0;
}

bool
police_first(enum meter meter)
{
	return budgets[meter].first;
}

uint32_t
source_slot(const struct worker *w, const struct addr *source)
{
	return addr_hash(source, w->source_seed) % SOURCE_LEVELS;
}

/** Where it is kept what the sender used, and at what rate it may; NULL: no part is set. */
static uint64_t *
level_of(const struct worker *w, enum meter meter, uint32_t peer, const struct addr *source,
	const struct token_bucket **rate)
{
	enum share share = budgets[meter].share;

	if (share != SHARE_NONE && peer != 0) {
		*rate = &w->spoke_share[meter];
		return &w->spoke_levels[peer].full_at[share];
	}
	if (!budgets[meter].by_source || source == NULL)
		return NULL;
	*rate = &w->source_share[meter];
	struct source_levels *of = &w->source_levels[source_slot(w, source)];

	return meter == METER_IKE         ? &of->ike_full_at
		: meter == METER_IKE_AUTH ? &of->ike_auth_full_at
					  : &of->full_at;
}

enum meter
police_ike(struct worker *w, const struct rte_mbuf *m)
{
	uint64_t spi =
		ike_spi_of_hub(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m));
	const struct token_bucket *share;
	uint64_t *level;
	uint32_t slot;
	enum ike_spi_kind kind = ike_spi_find(&w->tables->ike_spis, spi, &slot);

	if (kind == IKE_SPI_ALIEN)
		return METER_IKE_INIT;
	level = &w->ike_levels[slot];
	share = kind == IKE_SPI_PROVEN ? &w->ike_share : &w->ike_auth_share;
	if (*level > w->now_tsc + share->depth) /* used at a slower rate, before it was proven */
		*level = 0;
	if (!level_ready(*level, share, w->now_tsc))
		return METER_COUNT;
	level_take(level, share, w->now_tsc);
	return kind == IKE_SPI_PROVEN ? METER_IKE : METER_IKE_AUTH;
}

bool
police_ready(const struct worker *w, enum meter meter, uint32_t peer)
{
	const struct token_bucket *rate;
	const uint64_t *level = level_of(w, meter, peer, NULL, &rate);

	return (level == NULL || level_ready(*level, rate, w->now_tsc)) &&
		bucket_ready(&w->budget[meter], w->now_tsc);
}

enum verdict
police(struct worker *w, enum meter meter, uint32_t peer, const struct addr *source)
{
	const struct token_bucket *rate;
	uint64_t *level = level_of(w, meter, peer, source, &rate);

	if (level != NULL && !level_ready(*level, rate, w->now_tsc))
		return VERDICT_DROP_PUNT_SHARE;
	if (!bucket_ready(&w->budget[meter], w->now_tsc))
		return VERDICT_DROP_PUNT_RATE;
	if (level != NULL)
		level_take(level, rate, w->now_tsc);
	level_take(&w->budget[meter].full_at, &w->budget[meter], w->now_tsc);
	return VERDICT_PASS;
}

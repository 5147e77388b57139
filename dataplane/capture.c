/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The ring of copies: slots of one size, free ones and full ones. Workers take free slots and
 * give full ones, the control core the other way; nobody waits for anybody.
 */
#include "dataplane/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ring.h>

#include "dataplane/capture_view.h"
#include "dataplane/dp_priv.h"

#define MEMORY_BYTES (8u << 20) /* of one capture, as long as that is a useful ring */
#define SLOTS_MIN    256

struct slot {
	uint64_t tsc;
	uint32_t bytes;
	uint16_t captured, port, cloud, spoke_port;
	uint8_t point, link, verdict;
	struct addr spoke;
	uint8_t data[];
};
_Static_assert(VERDICT_COUNT <= UINT8_MAX, "a slot keeps a verdict in an octet");

struct capture {
	struct dp_capture want;
	struct rte_ring *free, *full; /* of struct slot */
	uint8_t *slots;
	_Atomic uint64_t taken[DP_POINTS], lost[DP_POINTS];
	/* The control core's: */
	struct slot *reading;
	uint64_t start_tsc, start_ns;
};

/* ---- workers --------------------------------------------------------------------------- */

static void
slot_fill(struct slot *s, const struct capture_view *v, uint16_t snap)
{
	uint32_t head = RTE_MIN(v->head_bytes, snap);
	uint32_t rest = RTE_MIN(v->shown, snap - head);

	s->tsc = rte_rdtsc();
	s->bytes = v->head_bytes + v->bytes;
	s->captured = (uint16_t)(head + rest);
	s->link = (uint8_t)v->link;
	s->port = v->port;
	s->cloud = v->cloud;
	s->spoke = v->spoke;
	s->spoke_port = v->spoke_port;
	memcpy(s->data, &v->head, head);
	memcpy(s->data + head, v->data, rest);
}

static void
take(struct capture *c, enum dp_point point, const struct capture_view *v, enum verdict verdict)
{
	struct slot *s;

	if (!capture_view_fits(v, &c->want))
		return;
	if (rte_ring_mc_dequeue(c->free, (void **)&s) != 0) {
		atomic_fetch_add_explicit(&c->lost[point], 1, memory_order_relaxed);
		return;
	}
	slot_fill(s, v, c->want.snap_bytes);
	s->point = (uint8_t)point;
	s->verdict = (uint8_t)verdict;
	rte_ring_mp_enqueue(c->full, s); /* has room for all there are */
	atomic_fetch_add_explicit(&c->taken[point], 1, memory_order_relaxed);
}

void
capture_burst(
	struct worker *w, enum dp_point point, uint16_t port, struct rte_mbuf *const *m, uint16_t n)
{
	struct capture *c = w->capture;
	bool inner = point == DP_POINT_INNER_IN || point == DP_POINT_INNER_OUT;

	if ((c->want.points & 1u << point) == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		struct capture_view v = inner
			? capture_view_gre(w, m[i], point == DP_POINT_INNER_OUT)
			: capture_view_frame(w, m[i], port, point == DP_POINT_TX);

		take(c, point, &v, VERDICT_PASS);
	}
}

void
capture_drop(struct worker *w, struct rte_mbuf *m, enum verdict v, enum verdict was)
{
	struct capture *c = w->capture;
	struct capture_view view;

	if ((c->want.points & 1u << DP_POINT_DROPS) == 0 || v < VERDICT_DROP_ETHER_TYPE ||
		(c->want.verdict >= 0 && c->want.verdict != (int)v))
		return;
	view = capture_view_drop(w, m, was);
	take(c, DP_POINT_DROPS, &view, v);
}

/* ---- control core ---------------------------------------------------------------------- */

static void
capture_free(struct dp *dp, void *arg)
{
	struct capture *c = arg;

	(void)dp;
	free(c->free);
	free(c->full);
	free(c->slots);
	free(c);
}

/** Not of the packets' memory: a capture must not take from those. */
static struct rte_ring *
ring_new(const char *name, unsigned slots)
{
	ssize_t bytes = rte_ring_get_memsize(rte_align32pow2(slots + 1));
	struct rte_ring *r = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)bytes, RTE_CACHE_LINE_SIZE));

	if (r != NULL && rte_ring_init(r, name, slots, RING_F_EXACT_SZ) != 0) {
		free(r);
		return NULL;
	}
	return r;
}

static unsigned
slots_of(size_t slot_bytes)
{
	size_t n = MEMORY_BYTES / slot_bytes;

	n = RTE_MAX(n, (size_t)SLOTS_MIN);
	return (unsigned)RTE_MIN(n, (size_t)DP_CAPTURE_SLOTS);
}

static struct capture *
capture_new(const struct dp_capture *want)
{
	size_t slot_bytes =
		RTE_ALIGN_CEIL(sizeof(struct slot) + want->snap_bytes, sizeof(uint64_t));
	unsigned slots = slots_of(slot_bytes);
	struct capture *c = calloc(1, sizeof(*c));
	struct timespec ts;

	if (c == NULL)
		return NULL;
	c->want = *want;
	c->free = ring_new("capture_free", slots);
	c->full = ring_new("capture_full", slots);
	c->slots = calloc(slots, slot_bytes);
	if (c->free == NULL || c->full == NULL || c->slots == NULL) {
		capture_free(NULL, c);
		return NULL;
	}
	for (unsigned i = 0; i < slots; i++)
		rte_ring_enqueue(c->free, c->slots + i * slot_bytes);
	c->start_tsc = rte_rdtsc();
	clock_gettime(CLOCK_REALTIME, &ts);
	c->start_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	return c;
}

int
dp_capture_start(struct dp *dp, const struct dp_capture *want)
{
	struct capture *c;

	if (want->points == 0 || want->points >= 1u << DP_POINTS || want->snap_bytes == 0 ||
		want->snap_bytes > DP_SNAP_MAX)
		return -EINVAL;
	if (atomic_load_explicit(&dp->t.capture, memory_order_relaxed) != NULL)
		return -EBUSY;
	c = capture_new(want);
	if (c == NULL)
		return -ENOMEM;
	atomic_store_explicit(&dp->t.capture, c, memory_order_release);
	return 0;
}

static uint64_t
time_ns(const struct capture *c, uint64_t tsc)
{
	uint64_t hz = rte_get_tsc_hz(), past = tsc > c->start_tsc ? tsc - c->start_tsc : 0;

	return c->start_ns + past / hz * 1000000000 + past % hz * 1000000000 / hz;
}

bool
dp_capture_next(struct dp *dp, struct dp_captured *out)
{
	struct capture *c = atomic_load_explicit(&dp->t.capture, memory_order_relaxed);
	struct slot *s;

	if (c == NULL)
		return false;
	if (c->reading != NULL)
		rte_ring_enqueue(c->free, c->reading);
	c->reading = NULL;
	if (rte_ring_dequeue(c->full, (void **)&s) != 0)
		return false;
	c->reading = s;
	*out = (struct dp_captured){
		.point = s->point,
		.link = s->link,
		.port = s->port,
		.cloud = s->cloud,
		.verdict = s->verdict,
		.spoke = s->spoke,
		.spoke_port = s->spoke_port,
		.time_ns = time_ns(c, s->tsc),
		.bytes = s->bytes,
		.captured = s->captured,
		.data = s->data,
	};
	return true;
}

void
dp_capture_stats(const struct dp *dp, struct dp_capture_stats *out)
{
	const struct capture *c = atomic_load_explicit(&dp->t.capture, memory_order_relaxed);

	*out = (struct dp_capture_stats){ 0 };
	for (int i = 0; c != NULL && i < DP_POINTS; i++) {
		out->taken[i] = atomic_load_explicit(&c->taken[i], memory_order_relaxed);
		out->lost[i] = atomic_load_explicit(&c->lost[i], memory_order_relaxed);
	}
}

void
dp_capture_stop(struct dp *dp)
{
	struct capture *c = atomic_exchange_explicit(&dp->t.capture, NULL, memory_order_acq_rel);

	if (c != NULL)
		dp_later(dp, capture_free, c);
}

const char *
dp_point_name(enum dp_point point)
{
	static const char *const names[DP_POINTS] = {
		[DP_POINT_RX] = "rx",
		[DP_POINT_TX] = "tx",
		[DP_POINT_INNER_IN] = "inner-in",
		[DP_POINT_INNER_OUT] = "inner-out",
		[DP_POINT_DROPS] = "drops",
	};

	return point < DP_POINTS ? names[point] : "unknown";
}

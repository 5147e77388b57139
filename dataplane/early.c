/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/early.h"

#include "dataplane/worker.h"

bool
early_expected(const struct dp_tables *t, uint32_t spi)
{
	/* Taken back before the SA is unpublished (sa.c): who finds neither finds no SA. */
	return SPI_SLOT(spi) < t->sa_max &&
		atomic_load_explicit(&t->spi[SPI_SLOT(spi)], memory_order_acquire) == spi;
}

enum verdict
early_hold(struct worker *w, struct rte_mbuf *m, uint32_t spi)
{
	struct early *e = w->early;
	unsigned same = 0;

	for (uint16_t i = 0; i < e->n; i++)
		same += e->packet[i].spi == spi;
	if (e->n == EARLY_MAX || same >= EARLY_PER_SPI)
		return VERDICT_DROP_ESP_EARLY;
	e->packet[e->n++] = (struct early_packet){
		.m = m,
		.spi = spi,
		.until_tsc = w->now_tsc + EARLY_MS * w->tsc_per_ms,
	};
	return VERDICT_PASS;
}

void
early_take(struct worker *w, struct burst *out)
{
	struct early *e = w->early;
	uint16_t kept = 0;

	for (uint16_t i = 0; i < e->n; i++) {
		const struct early_packet *p = &e->packet[i];
		bool waits =
			early_expected(w->tables, p->spi) && sa_in_get(w->tables, p->spi) == NULL;

		if (!waits && out->n < BURST_MAX)
			burst_add(out, p->m);
		else if (waits && (int64_t)(w->now_tsc - p->until_tsc) >= 0)
			pkt_finish(w, p->m, VERDICT_DROP_ESP_EARLY);
		else
			e->packet[kept++] = *p;
	}
	e->n = kept;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/base/log.h"
#include "control/ike/ike.h"

#define LOOK_MS 5000

struct watched {
	char profile[CONFIG_NAME_BYTES];
	struct config_pki *pki;
	uint64_t stamp;
};

struct trust_watch {
	struct ike *ike;
	struct watched *list;
	size_t count;
	uint64_t next_ms;
};

struct trust_watch *
trust_watch_new(struct ike *ike)
{
	struct trust_watch *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->ike = ike;
	return w;
}

static void
list_free(struct watched *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		config_pki_put(list[i].pki);
	free(list);
}

void
trust_watch_free(struct trust_watch *w)
{
	if (w == NULL)
		return;
	list_free(w->list, w->count);
	free(w);
}

int
trust_watch_set(struct trust_watch *w, const struct config *c, uint64_t now_ms)
{
	struct watched *list = calloc(c->ike_count + 1u, sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->ike_count; i++) {
		const struct config_ike_profile *p = &c->ike[i];

		if (p->pki == NULL || p->pki->trust == NULL)
			continue;
		memcpy(list[count].profile, p->name, sizeof(p->name));
		list[count].pki = config_pki_get(p->pki);
		/* 0: read once more at the first look, a file may have changed since */
		list[count++].stamp = 0;
	}
	list_free(w->list, w->count);
	w->list = list;
	w->count = count;
	w->next_ms = now_ms + LOOK_MS;
	return 0;
}

uint64_t
trust_watch_next_ms(const struct trust_watch *w)
{
	return w->count > 0 ? w->next_ms : UINT64_MAX;
}

/** The stamp is taken before the files are read: what changes meanwhile is read next time. */
static void
look(struct trust_watch *w, struct watched *e, uint64_t now_ms)
{
	uint64_t stamp = pki_trust_stamp(e->pki);
	bool first = e->stamp == 0;
	struct pki_problem bad;
	struct cert_trust *t;

	if (stamp == e->stamp)
		return;
	e->stamp = stamp;
	if (pki_trust_read(e->pki, &t, &bad) != 0) {
		log_error("ike profile %s, %s: %s; the one read before stays in force", e->profile,
			bad.list, bad.text);
		return;
	}
	if (!first || !cert_trust_equal(t, e->pki->trust)) {
		log_notice("ike profile %s: trust and CRLs read again", e->profile);
		ike_trust_set(w->ike, e->profile, t, now_ms);
	}
	cert_trust_put(t);
}

void
trust_watch_tick(struct trust_watch *w, uint64_t now_ms)
{
	if (now_ms < w->next_ms)
		return;
	w->next_ms = now_ms + LOOK_MS;
	for (size_t i = 0; i < w->count; i++)
		look(w, &w->list[i], now_ms);
}

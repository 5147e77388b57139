/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/base/helpers.h"
#include "control/base/log.h"
#include "control/ike/ike.h"

#define LOOK_MS 5000

struct watched {
	char profile[CONFIG_NAME_BYTES];
	struct config_pki *pki;
	struct cert_trust *trust; /* read last; NULL: the one of pki */
	uint64_t stamp;
	bool busy; /* being read */
};

/** Work of a helper: read the files of a profile, or let go of a trust nobody needs. */
struct trust_job {
	struct trust_watch *watch;
	struct config_pki *pki;   /* whose files; NULL: let go of trust */
	struct cert_trust *trust; /* what was read, NULL: nothing */
	struct pki_problem bad;   /* why not */
	uint32_t generation;      /* of the list it was begun for */
	size_t index;
	bool first;
};

struct trust_watch {
	struct ike *ike;
	struct helpers *helpers;
	uint32_t generation; /* of the list */
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
	for (size_t i = 0; i < n; i++) {
		config_pki_put(list[i].pki);
		cert_trust_put(list[i].trust);
	}
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
	w->generation++;
	w->next_ms = now_ms + LOOK_MS;
	return 0;
}

uint64_t
trust_watch_next_ms(const struct trust_watch *w)
{
	return w->count > 0 ? w->next_ms : UINT64_MAX;
}

bool
trust_watch_get(const struct trust_watch *w, size_t index, struct trust_info *out)
{
	const struct watched *e = &w->list[index];

	if (index >= w->count)
		return false;
	*out = (struct trust_info){ e->profile, e->pki,
		e->trust != NULL ? e->trust : e->pki->trust };
	return true;
}

void
trust_watch_helpers_set(struct trust_watch *w, struct helpers *h)
{
	w->helpers = h;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void
job_free(struct trust_job *j)
{
	config_pki_put(j->pki);
	cert_trust_put(j->trust);
	free(j);
}

/** Any thread: pki and trust are immutable and counted. */
void
trust_watch_run(struct trust_job *j)
{
	if (j->pki == NULL) {
		cert_trust_put(j->trust);
		j->trust = NULL;
	} else if (pki_trust_read(j->pki, &j->trust, &j->bad) != 0) {
		j->trust = NULL;
	}
}

/** False: no room, everything is as it was. Without helpers it is done at the return. */
static bool
job_start(struct trust_job *j, uint64_t now_ms)
{
	struct helpers *h = j->watch->helpers;

	if (h != NULL)
		return helpers_submit(h, j, 0) == 0;
	trust_watch_run(j);
	trust_watch_done(j, now_ms);
	return true;
}

/** Freeing a list of 100 000 takes its time, too. */
static void
let_go(struct trust_watch *w, struct cert_trust *t, uint64_t now_ms)
{
	struct trust_job *j = t == NULL ? NULL : calloc(1, sizeof(*j));

	if (j == NULL) {
		cert_trust_put(t);
		return;
	}
	j->watch = w;
	j->trust = t;
	if (!job_start(j, now_ms))
		job_free(j);
}

/** What was read comes into force. */
static void
take(struct trust_watch *w, struct watched *e, struct trust_job *j, uint64_t now_ms)
{
	e->busy = false;
	if (j->trust == NULL) {
		log_error("ike profile %s, %s: %s; the one read before stays in force", e->profile,
			j->bad.list, j->bad.text);
		return;
	}
	if (j->first && cert_trust_equal(j->trust, e->pki->trust))
		return;
	log_notice("ike profile %s: trust and CRLs read again", e->profile);
	ike_trust_set(w->ike, e->profile, j->trust, now_ms);
	let_go(w, e->trust, now_ms);
	e->trust = cert_trust_get(j->trust);
}

void
trust_watch_done(struct trust_job *j, uint64_t now_ms)
{
	struct trust_watch *w = j->watch;

	if (j->pki != NULL && j->generation == w->generation)
		take(w, &w->list[j->index], j, now_ms);
	job_free(j);
}

/** The stamp is taken before the files are read: what changes meanwhile is read next time. */
static void
look(struct trust_watch *w, size_t index, uint64_t now_ms)
{
	struct watched *e = &w->list[index];
	uint64_t stamp = pki_trust_stamp(e->pki);
	struct trust_job *j;

	if (e->busy || stamp == e->stamp)
		return;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return;
	j->watch = w;
	j->pki = config_pki_get(e->pki);
	j->generation = w->generation;
	j->index = index;
	j->first = e->stamp == 0;
	uint64_t before = e->stamp;

	e->busy = true;
	e->stamp = stamp;
	if (job_start(j, now_ms))
		return;
	e->busy = false;
	e->stamp = before; /* at the next look */
	job_free(j);
}

void
trust_watch_tick(struct trust_watch *w, uint64_t now_ms)
{
	if (now_ms < w->next_ms)
		return;
	w->next_ms = now_ms + LOOK_MS;
	for (size_t i = 0; i < w->count; i++)
		look(w, i, now_ms);
}

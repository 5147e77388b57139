/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cert_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/base/log.h"

#define LOOK_MS 600000 /* the wall clock may be set: not by a timer until then */
#define DAY_S   86400

/** Told when so little is left. */
static const int64_t stages_s[] = { 30 * DAY_S, 7 * DAY_S, DAY_S, 0 };
#define STAGES (sizeof(stages_s) / sizeof(stages_s[0]))

struct watched {
	char profile[CONFIG_NAME_BYTES];
	struct config_pki *pki;
	uint32_t index; /* into pki->own */
	unsigned stage; /* how many of them were told */
};

struct cert_watch {
	struct watched *list;
	size_t count;
	uint64_t next_ms;
};

struct cert_watch *
cert_watch_new(void)
{
	return calloc(1, sizeof(struct cert_watch));
}

static void
list_free(struct watched *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		config_pki_put(list[i].pki);
	free(list);
}

void
cert_watch_free(struct cert_watch *w)
{
	if (w == NULL)
		return;
	list_free(w->list, w->count);
	free(w);
}

static const struct cert *
cert_of(const struct watched *e)
{
	return e->pki->own[e->index];
}

static unsigned
stage_of(const struct watched *e, int64_t wall_s)
{
	int64_t left_s = cert_not_after(cert_of(e)) - wall_s;
	unsigned n = 0;

	while (n < STAGES && left_s <= stages_s[n])
		n++;
	return n;
}

int
cert_watch_set(struct cert_watch *w, const struct config *c, uint64_t now_ms, int64_t wall_s)
{
	struct watched *list = calloc(c->ike_count * CERT_CHAIN_MAX + 1u, sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->ike_count; i++) {
		const struct config_ike_profile *p = &c->ike[i];

		for (uint32_t k = 0; p->pki != NULL && k < p->pki->own_count; k++) {
			struct watched *e = &list[count++];

			memcpy(e->profile, p->name, sizeof(e->profile));
			e->pki = config_pki_get(p->pki);
			e->index = k;
			e->stage = stage_of(e, wall_s);
		}
	}
	list_free(w->list, w->count);
	w->list = list;
	w->count = count;
	w->next_ms = now_ms + LOOK_MS;
	return 0;
}

uint64_t
cert_watch_next_ms(const struct cert_watch *w)
{
	return w->count > 0 ? w->next_ms : UINT64_MAX;
}

static void
tell(const struct watched *e, int64_t wall_s)
{
	struct octets name = cert_subject(cert_of(e));
	int64_t until_s = cert_not_after(cert_of(e));
	char text[CERT_NAME_BYTES], until[CERT_TIME_BYTES];

	cert_dn_print(name.data, name.bytes, text, sizeof(text));
	cert_time_print(until_s, until);
	if (until_s <= wall_s)
		log_error("ike profile %s: the certificate of %s in %s expired %s: spokes refuse "
			  "us; renew it, then reload",
			e->profile, text, e->pki->own_file, until);
	else
		log_warning("ike profile %s: the certificate of %s in %s expires %s, in %" PRId64
			    " hours: renew it, then reload",
			e->profile, text, e->pki->own_file, until, (until_s - wall_s) / 3600);
}

void
cert_watch_tick(struct cert_watch *w, uint64_t now_ms, int64_t wall_s)
{
	if (now_ms < w->next_ms)
		return;
	w->next_ms = now_ms + LOOK_MS;
	for (size_t i = 0; i < w->count; i++) {
		struct watched *e = &w->list[i];
		unsigned stage = stage_of(e, wall_s);

		if (stage > e->stage)
			tell(e, wall_s);
		e->stage = stage;
	}
}

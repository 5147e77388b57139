/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_job.h"

#include <errno.h>
#include <stdlib.h>

#include "crypto/dh.h"
#include "crypto/secret.h"

struct ike_job {
	struct ike_job *next;
	uint64_t number;
	uint64_t spi; /* our SPI of the SA: it may be gone when the job is done */
	bool ours;
	uint16_t group;
	uint16_t peer_bytes; /* 0: key pair only */
	int err;
	struct dh *dh;
	struct secret shared;
	uint8_t peer[DH_MAX_BYTES];
};

static void
job_free(struct ike_job *j)
{
	dh_free(j->dh);
	secret_wipe(&j->shared);
	free(j);
}

void
ike_job_run(struct ike_job *j)
{
	if (j->dh == NULL)
		j->err = dh_new(j->group, &j->dh);
	if (j->err == 0 && j->peer_bytes > 0)
		j->err = dh_shared(j->dh, j->peer, j->peer_bytes, &j->shared);
}

int
ike_job_start(struct ike_exchange *x, struct ike_view peer_public)
{
	struct ike *ike = x->sa->ike;
	struct ike_job *j;

	if (peer_public.bytes > DH_MAX_BYTES)
		return -EBADMSG;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	j->number = ++ike->last_id;
	j->spi = ike_sa_spi(x->sa);
	j->ours = x->ours;
	j->group = x->group;
	j->dh = x->dh;
	j->peer_bytes = (uint16_t)peer_public.bytes;
	if (peer_public.bytes > 0)
		memcpy(j->peer, peer_public.data, peer_public.bytes);
	x->dh = NULL;
	x->job = j->number;
	int err = ike->ops->submit != NULL ? ike->ops->submit(ike->user, j, x->sa->peer != NULL)
					   : -ENOSYS;

	if (err == 0)
		return 0;
	if (err != -ENOSYS) {
		ike->totals.jobs_refused++;
		x->dh = j->dh;
		x->job = 0;
		j->dh = NULL;
		job_free(j);
		return err;
	}
	ike_job_run(j);
	j->next = ike->jobs;
	ike->jobs = j;
	return 0;
}

static void
job_continue(struct ike *ike, struct ike_job *j)
{
	struct ike_sa *sa = map_get(&ike->by_spi, j->spi);
	struct ike_exchange *x = sa == NULL ? NULL : j->ours ? sa->ours : sa->theirs;

	if (x != NULL && x->job == j->number) {
		x->job = 0;
		x->dh = j->dh;
		j->dh = NULL;
		secret_move(&x->shared, &j->shared);
		x->err = j->err;
		x->ready = true;
		ike_ready(sa);
	}
	job_free(j);
}

void
ike_jobs_drain(struct ike *ike)
{
	struct ike_job *j;

	while ((j = ike->jobs) != NULL) {
		ike->jobs = j->next;
		job_continue(ike, j);
	}
}

void
ike_jobs_free(struct ike *ike)
{
	struct ike_job *j;

	while ((j = ike->jobs) != NULL) {
		ike->jobs = j->next;
		job_free(j);
	}
}

void
ike_job_done(struct ike *ike, struct ike_job *j, uint64_t now_ms)
{
	ike->now_ms = now_ms;
	job_continue(ike, j);
	ike_settle(ike, now_ms);
}

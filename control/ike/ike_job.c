/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_job.h"

#include <errno.h>
#include <stdlib.h>

#include "control/ike/ike_proof.h"
#include "crypto/dh.h"
#include "crypto/secret.h"

struct ike_job {
	struct ike_job *next;
	uint64_t number;
	uint64_t spi; /* our SPI of the SA: it may be gone when the job is done */
	bool ours;
	struct ike_proof *proof; /* NULL: a key exchange */
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
	ike_proof_free(j->proof);
	dh_free(j->dh);
	secret_wipe(&j->shared);
	free(j);
}

void
ike_job_run(struct ike_job *j)
{
	if (j->proof != NULL) {
		ike_proof_run(j->proof);
		return;
	}
	if (j->dh == NULL)
		j->err = dh_new(j->group, &j->dh);
	if (j->err == 0 && j->peer_bytes > 0)
		j->err = dh_shared(j->dh, j->peer, j->peer_bytes, &j->shared);
}

/** Work already put into a peer, or a peer that was here before, is worth more than a stranger. */
static enum ike_job_rank
rank_of(const struct ike_exchange *x)
{
	if (x->sa->peer != NULL)
		return IKE_JOB_SESSION;
	return x->task == TASK_AUTH || x->sa->initiator ||
			ike_known_has(x->sa->ike, &x->path.remote)
		? IKE_JOB_KNOWN
		: IKE_JOB_STRANGER;
}

static void
say_busy(const struct ike_exchange *x, uint64_t now_ms)
{
	struct ike *ike = x->sa->ike;
	struct ike_event *e = ike_event_begin(ike, IKE_REASON_HELPERS_BUSY, &x->path);

	ike->totals.jobs_refused++;
	e->session = x->sa->session;
	if (x->sa->peer != NULL)
		ike_event_whose(e, x->sa->peer);
	ike_event_send(ike, e, now_ms);
}

/** Take what the job needs out of x, but only once it has a place. */
static void
lend(struct ike_exchange *x, struct ike_job *j)
{
	x->job = j->number;
	x->dh = NULL;
	x->proof = NULL;
}

static int
job_submit(struct ike_exchange *x, struct ike_job *j, uint64_t now_ms)
{
	struct ike *ike = x->sa->ike;

	j->number = ++ike->last_id;
	j->spi = ike_sa_spi(x->sa);
	j->ours = x->ours;
	int err = ike->ops->submit != NULL ? ike->ops->submit(ike->user, j, rank_of(x)) : -ENOSYS;

	if (err == -ENOSYS) {
		ike_job_run(j);
		j->next = ike->jobs;
		ike->jobs = j;
		err = 0;
	}
	if (err == 0) {
		lend(x, j);
		return 0;
	}
	say_busy(x, now_ms);
	j->dh = NULL;
	j->proof = NULL;
	job_free(j);
	return err;
}

int
ike_job_start(struct ike_exchange *x, struct ike_view peer_public, uint64_t now_ms)
{
	struct ike_job *j;

	if (peer_public.bytes > DH_MAX_BYTES)
		return -EBADMSG;
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return -ENOMEM;
	j->group = x->group;
	j->dh = x->dh;
	j->peer_bytes = (uint16_t)peer_public.bytes;
	if (peer_public.bytes > 0)
		memcpy(j->peer, peer_public.data, peer_public.bytes);
	return job_submit(x, j, now_ms);
}

int
ike_job_prove(struct ike_exchange *x, uint64_t now_ms)
{
	struct ike_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return -ENOMEM;
	j->proof = x->proof;
	return job_submit(x, j, now_ms);
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
		x->proof = j->proof;
		j->proof = NULL;
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

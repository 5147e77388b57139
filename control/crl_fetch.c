/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/pki.h"
#include "config/url.h"
#include "control/base/helpers.h"
#include "control/base/http.h"
#include "control/base/log.h"

#define LONGEST_S  (4 * 3600) /* between two looks at a CRL that is good */
#define SHORTEST_S 60
#define RETRY_S    30 /* after the first failure; twice as long after each further one */
#define RETRIES    7  /* doublings: 64 min */
#define NEVER      UINT64_MAX

struct source {
	char profile[CONFIG_NAME_BYTES];
	struct config_pki *pki;
	uint32_t index; /* of the URL in pki */
	uint64_t due_ms, good_ms;
	uint32_t failures;
	bool busy;
	char reason[CRL_FETCH_TEXT_BYTES];
};

/** Work of a helper: one URL. */
struct crl_job {
	struct crl_fetch *fetch;
	const atomic_bool *stop;
	struct config_pki *pki;
	uint32_t url;
	uint32_t generation; /* of the list it was begun for */
	size_t index;
	int64_t wall_s;
	int err;
	bool newer;                        /* than the copy there was */
	struct cert_crl_info crl;          /* what came */
	char reason[CRL_FETCH_TEXT_BYTES]; /* why nothing did */
};

struct crl_fetch {
	struct helpers *helpers;
	uint32_t (*random)(void);
	atomic_bool stop;
	uint32_t generation; /* of the list */
	struct source *list;
	size_t count;
};

struct crl_fetch *
crl_fetch_new(uint32_t (*random)(void))
{
	struct crl_fetch *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->random = random;
	return f;
}

static void
list_free(struct source *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		config_pki_put(list[i].pki);
	free(list);
}

void
crl_fetch_free(struct crl_fetch *f)
{
	if (f == NULL)
		return;
	list_free(f->list, f->count);
	free(f);
}

void
crl_fetch_helpers_set(struct crl_fetch *f, struct helpers *h)
{
	f->helpers = h;
}

void
crl_fetch_stop(struct crl_fetch *f)
{
	atomic_store(&f->stop, true);
}

/* ---- the list ----------------------------------------------------------------------------- */

/** What the old list knows of the same URL, for the same profile. */
static void
source_inherit(const struct crl_fetch *f, struct source *s)
{
	const char *copy = s->pki->crl_copies[s->index];

	for (size_t i = 0; i < f->count; i++) {
		const struct source *old = &f->list[i];

		if (strcmp(old->pki->crl_copies[old->index], copy) != 0)
			continue;
		s->good_ms = old->good_ms;
		s->failures = old->failures;
		memcpy(s->reason, old->reason, sizeof(s->reason));
		if (!old->busy) /* what is under way ends without a result */
			s->due_ms = old->due_ms;
	}
}

static size_t
urls_count(const struct config *c)
{
	size_t n = 0;

	for (uint32_t i = 0; i < c->ike_count; i++)
		if (c->ike[i].pki != NULL && c->ike[i].pki->trust != NULL)
			n += c->ike[i].pki->crl_urls_count;
	return n;
}

int
crl_fetch_set(struct crl_fetch *f, const struct config *c, uint64_t now_ms)
{
	size_t count = urls_count(c), n = 0;
	struct source *list = calloc(count + 1, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; n < count; i++) {
		struct config_pki *pki = c->ike[i].pki;

		for (uint32_t j = 0; pki != NULL && pki->trust != NULL && j < pki->crl_urls_count;
			j++) {
			struct source *s = &list[n++];

			memcpy(s->profile, c->ike[i].name, sizeof(s->profile));
			s->pki = config_pki_get(pki);
			s->index = j;
			s->due_ms = now_ms;
			source_inherit(f, s);
		}
	}
	list_free(f->list, f->count);
	f->list = list;
	f->count = count;
	f->generation++;
	return 0;
}

bool
crl_fetch_get(const struct crl_fetch *f, size_t index, struct crl_fetch_info *out)
{
	const struct source *s = &f->list[index];

	if (index >= f->count)
		return false;
	*out = (struct crl_fetch_info){
		.index = s->index,
		.url = s->pki->crl_urls[s->index],
		.good_ms = s->good_ms,
		.due_ms = s->due_ms,
		.busy = s->busy,
		.failures = s->failures,
		.reason = s->reason,
	};
	memcpy(out->profile, s->profile, sizeof(out->profile));
	return true;
}

/* ---- one URL, on any thread ----------------------------------------------------------------- */

static int __attribute__((format(printf, 2, 3))) failed(struct crl_job *j, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(j->reason, sizeof(j->reason), fmt, args);
	va_end(args);
	return -EIO;
}

/**
 * One CRL, signed by an anchor or by a CA between one and our own certificate: what it says of
 * itself.
 */
static int
crl_judge(struct crl_job *j, struct cert_trust *t, const uint8_t *data, size_t n,
	struct cert_crl_info *out)
{
	const struct config_pki *p = j->pki;
	struct cert_crl_info more;

	if (cert_trust_add_crls(t, data, n, 0) != 0)
		return failed(j, "what it sends is no CRL, PEM or DER");
	for (uint32_t i = 1; i < p->own_count; i++)
		if (cert_trust_vouches(t, p->own[i], p->own, p->own_count, j->wall_s) &&
			cert_trust_add_issuer(t, p->own[i]) != 0)
			return failed(j, "out of memory");
	if (!cert_trust_crl(t, 0, out))
		return failed(j, "what it sends is no CRL");
	if (cert_trust_crl(t, 1, &more))
		return failed(j, "it sends more than one CRL");
	if (!out->known)
		return failed(j,
			"it sends a CRL of %.90s that no CA of \"trust\" has signed, nor an "
			"intermediate behind our certificate",
			out->issuer);
	return 0;
}

static int
crl_read(struct crl_job *j, const uint8_t *data, size_t n, struct cert_crl_info *out)
{
	struct cert_trust *t;
	struct pki_problem bad;

	if (pki_anchors_read(j->pki, &t, &bad) != 0)
		return failed(j, "%s", bad.text);
	int err = crl_judge(j, t, data, n, out);

	cert_trust_put(t);
	return err;
}

/** When the CRL of the copy was issued, 0 = there is none that counts. */
static int64_t
copy_issued_s(struct crl_job *j)
{
	struct cert_crl_info have = { 0 };
	uint8_t *data;
	size_t n;

	if (pki_file_read(j->pki->crl_copies[j->url], CERT_CRL_MAX_BYTES, &data, &n) != 0)
		return 0;
	int err = crl_read(j, data, n, &have);

	free(data);
	return err == 0 ? have.this_update_s : 0;
}

static int
write_all(int fd, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		data += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/** All of it or none: who reads meanwhile, or after a power cut, has the old one or the new. */
static int
copy_write(struct crl_job *j, const uint8_t *data, size_t n)
{
	const char *path = j->pki->crl_copies[j->url];
	char part[CONFIG_TEXT_BYTES + 8];
	int fd, err;

	snprintf(part, sizeof(part), "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	err = fd < 0 ? -errno : write_all(fd, data, n);
	if (fd >= 0)
		close(fd);
	if (err == 0 && rename(part, path) != 0)
		err = -errno;
	if (err == 0)
		return 0;
	if (fd >= 0)
		unlink(part);
	return failed(j, "%s cannot be written: %s; make the folder system.state_directory names",
		path, strerror(-err));
}

static int
take(struct crl_job *j, const uint8_t *data, size_t n)
{
	int64_t have_s = copy_issued_s(j);
	char then[CERT_TIME_BYTES], now[CERT_TIME_BYTES];
	int err = crl_read(j, data, n, &j->crl);

	if (err != 0)
		return err;
	if (j->crl.this_update_s < have_s)
		return failed(j, "it sends a CRL of %s, older than that of %s we have",
			cert_time_print(j->crl.this_update_s, then), cert_time_print(have_s, now));
	j->newer = j->crl.this_update_s > have_s;
	err = j->newer ? copy_write(j, data, n) : 0;
	if (err == 0 && j->crl.next_update_s != 0 && j->crl.next_update_s < j->wall_s)
		return failed(j, "the CRL it sends ran out %s",
			cert_time_print(j->crl.next_update_s, then));
	return err;
}

void
crl_fetch_run(struct crl_job *j)
{
	struct url url;
	uint8_t *data;
	size_t n;

	if (atomic_load(j->stop)) /* no name is looked up any more */
		j->err = failed(j, "naved ends");
	else if (url_parse(j->pki->crl_urls[j->url], &url) != 0)
		j->err = failed(j, "no URL");
	else
		j->err = http_get(
			&url, CERT_CRL_MAX_BYTES, j->stop, &data, &n, j->reason, sizeof(j->reason));
	if (j->err != 0)
		return;
	j->err = take(j, data, n);
	free(data);
}

/* ---- times -------------------------------------------------------------------------------- */

/** A fleet of hubs, and the URLs of one, ask at different times: up to a quarter earlier. */
static uint64_t
spread_ms(struct crl_fetch *f, uint64_t seconds)
{
	uint64_t ms = seconds * 1000;

	return ms - ms / 4 * (f->random() % 1024) / 1024;
}

static uint64_t
wait_s(const struct cert_crl_info *crl, int64_t wall_s)
{
	int64_t half = (crl->next_update_s - wall_s) / 2;

	if (crl->next_update_s == 0 || half > LONGEST_S)
		return LONGEST_S;
	return half < SHORTEST_S ? SHORTEST_S : (uint64_t)half;
}

static void
succeeded(struct crl_fetch *f, struct source *s, const struct crl_job *j, uint64_t now_ms,
	int64_t wall_s)
{
	char until[CERT_TIME_BYTES];

	if (j->newer || s->failures > 0)
		log_notice("ike profile %s: CRL of %s fetched from %s, in force until %s",
			s->profile, j->crl.issuer, j->pki->crl_urls[j->url],
			j->crl.next_update_s == 0 ? "a newer one"
						  : cert_time_print(j->crl.next_update_s, until));
	s->failures = 0;
	s->reason[0] = '\0';
	s->good_ms = now_ms;
	s->due_ms = now_ms + spread_ms(f, wait_s(&j->crl, wall_s));
}

/** Said when it is another reason than last time: a server that is away for days is one line. */
static void
refused(struct crl_fetch *f, struct source *s, const struct crl_job *j, uint64_t now_ms)
{
	uint32_t doublings = s->failures < RETRIES ? s->failures : RETRIES;

	if (strcmp(s->reason, j->reason) != 0)
		log_error("ike profile %s, crl_urls[%u]: %s: %s; the CRL we have stays in force",
			s->profile, s->index, j->pki->crl_urls[j->url], j->reason);
	memcpy(s->reason, j->reason, sizeof(s->reason));
	s->failures++;
	s->due_ms = now_ms + spread_ms(f, (uint64_t)RETRY_S << doublings);
}

void
crl_fetch_done(struct crl_job *j, uint64_t now_ms, int64_t wall_s)
{
	struct crl_fetch *f = j->fetch;

	if (j->generation == f->generation) {
		struct source *s = &f->list[j->index];

		s->busy = false;
		if (j->err == 0)
			succeeded(f, s, j, now_ms, wall_s);
		else
			refused(f, s, j, now_ms);
	}
	config_pki_put(j->pki);
	free(j);
}

static void
begin(struct crl_fetch *f, size_t index, uint64_t now_ms, int64_t wall_s)
{
	struct source *s = &f->list[index];
	struct crl_job *j = calloc(1, sizeof(*j));

	s->due_ms = now_ms + RETRY_S * 1000; /* should there be no room for it now */
	if (j == NULL)
		return;
	*j = (struct crl_job){
		.fetch = f,
		.stop = &f->stop,
		.pki = config_pki_get(s->pki),
		.url = s->index,
		.generation = f->generation,
		.index = index,
		.wall_s = wall_s,
	};
	s->busy = true;
	if (f->helpers == NULL) {
		crl_fetch_run(j);
		crl_fetch_done(j, now_ms, wall_s);
	} else if (helpers_submit(f->helpers, j, 0) != 0) {
		s->busy = false;
		config_pki_put(j->pki);
		free(j);
	}
}

uint64_t
crl_fetch_next_ms(const struct crl_fetch *f)
{
	uint64_t next = NEVER;

	for (size_t i = 0; i < f->count; i++)
		if (!f->list[i].busy && f->list[i].due_ms < next)
			next = f->list[i].due_ms;
	return next;
}

void
crl_fetch_tick(struct crl_fetch *f, uint64_t now_ms, int64_t wall_s)
{
	for (size_t i = 0; i < f->count; i++)
		if (!f->list[i].busy && f->list[i].due_ms <= now_ms)
			begin(f, i, now_ms, wall_s);
}

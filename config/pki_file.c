/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/pki.h"

#define TRUST_MAX_BYTES (1u << 20) /* of one file of CA certificates */
#define TRUST_MAX_CERTS 256        /* in one file */

static int
content_read(int fd, size_t bytes, uint8_t *data, size_t *n)
{
	for (*n = 0; *n < bytes;) {
		ssize_t got = read(fd, data + *n, bytes - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return 0;
}

int
pki_file_read(const char *path, size_t max, uint8_t **data, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((uint64_t)st.st_size > max)
		err = -EFBIG;
	*data = err == 0 ? malloc((size_t)st.st_size + 1) : NULL;
	if (err == 0)
		err = *data == NULL ? -ENOMEM : content_read(fd, (size_t)st.st_size, *data, n);
	close(fd);
	if (err != 0) {
		free(*data);
		*data = NULL;
	}
	return err;
}

static int __attribute__((format(printf, 4, 5)))
problem(struct pki_problem *bad, const char *list, uint32_t index, const char *fmt, ...)
{
	va_list args;

	bad->list = list;
	bad->index = index;
	va_start(args, fmt);
	vsnprintf(bad->text, sizeof(bad->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

static int
anchors_add(struct cert_trust *t, const uint8_t *data, size_t n, const char *path, uint32_t index,
	struct pki_problem *bad)
{
	struct cert *list[TRUST_MAX_CERTS];
	size_t count;
	int err = cert_read_file(data, n, list, TRUST_MAX_CERTS, &count), add = 0;

	if (err == -E2BIG)
		return problem(bad, "trust", index, "%s holds more than %d certificates", path,
			TRUST_MAX_CERTS);
	if (err != 0)
		return problem(bad, "trust", index,
			"%s holds no certificate that can be read; "
			"needed are CA certificates, PEM or DER",
			path);
	for (size_t i = 0; i < count; i++) {
		if (add == 0)
			add = cert_trust_add(t, list[i]);
		cert_put(list[i]);
	}
	if (add == -EINVAL)
		return problem(bad, "trust", index,
			"%s holds a certificate that is no CA's (basicConstraints); name the CA "
			"that "
			"issues your spokes' certificates",
			path);
	return add;
}

static int
trust_file(struct cert_trust *t, const char *path, uint32_t index, struct pki_problem *bad)
{
	uint8_t *data;
	size_t n;
	int err = pki_file_read(path, TRUST_MAX_BYTES, &data, &n);

	if (err != 0)
		return problem(bad, "trust", index, "%s cannot be read: %s", path, strerror(-err));
	err = anchors_add(t, data, n, path, index, bad);
	free(data);
	return err;
}

static int
crl_file(struct cert_trust *t, const char *path, uint32_t index, struct pki_problem *bad)
{
	uint8_t *data;
	size_t n;
	int err = pki_file_read(path, CERT_CRL_MAX_BYTES, &data, &n);

	if (err != 0)
		return problem(bad, "crls", index, "%s cannot be read: %s", path, strerror(-err));
	err = cert_trust_add_crls(t, data, n, index);
	free(data);
	return err == 0 ? 0
			: problem(bad, "crls", index,
				  "%s holds no CRL that can be read; needed is PEM or DER", path);
}

/** A copy is ours to make again: what is wrong with it is no reason to refuse the rest. */
static void
crl_copy(struct cert_trust *t, const char *path, uint32_t source)
{
	uint8_t *data;
	size_t n;

	if (pki_file_read(path, CERT_CRL_MAX_BYTES, &data, &n) != 0)
		return;
	(void)cert_trust_add_crls(t, data, n, source);
	free(data);
}

static int
anchors_read(const struct config_pki *p, enum cert_crl_rule rule, struct cert_trust **out,
	struct pki_problem *bad)
{
	struct cert_trust *t = cert_trust_new(rule, p->sha1);
	int err = t == NULL ? problem(bad, "trust", 0, "out of memory") : 0;

	for (uint32_t i = 0; err == 0 && i < p->trust_files_count; i++)
		err = trust_file(t, p->trust_files[i], i, bad);
	if (err == 0)
		*out = t;
	else
		cert_trust_put(t);
	return err;
}

int
pki_anchors_read(const struct config_pki *p, struct cert_trust **out, struct pki_problem *bad)
{
	return anchors_read(p, CERT_CRL_OFF, out, bad);
}

int
pki_trust_read(const struct config_pki *p, struct cert_trust **out, struct pki_problem *bad)
{
	struct cert_trust *t;
	int err = anchors_read(p, p->crl_rule, &t, bad);

	if (err != 0)
		return err;
	for (uint32_t i = 0; err == 0 && i < p->crl_files_count; i++)
		err = crl_file(t, p->crl_files[i], i, bad);
	for (uint32_t i = 0; err == 0 && i < p->crl_urls_count; i++)
		crl_copy(t, p->crl_copies[i], PKI_FILES + i);
	if (err == 0)
		*out = t;
	else
		cert_trust_put(t);
	return err;
}

static uint64_t
stamp_add(uint64_t stamp, const char *path)
{
	struct stat st = { 0 };
	uint64_t parts[4] = { 0 };

	if (stat(path, &st) == 0) {
		parts[0] = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
		parts[1] = (uint64_t)st.st_size;
		parts[2] = st.st_ino;
		parts[3] = 1;
	}
	for (size_t i = 0; i < 4; i++) /* FNV-1a over words */
		stamp = (stamp ^ parts[i]) * 1099511628211u;
	return stamp;
}

uint64_t
pki_trust_stamp(const struct config_pki *p)
{
	uint64_t stamp = 14695981039346656037u;

	for (uint32_t i = 0; i < p->trust_files_count; i++)
		stamp = stamp_add(stamp, p->trust_files[i]);
	for (uint32_t i = 0; i < p->crl_files_count; i++)
		stamp = stamp_add(stamp, p->crl_files[i]);
	for (uint32_t i = 0; i < p->crl_urls_count; i++)
		stamp = stamp_add(stamp, p->crl_copies[i]);
	return stamp;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/pki.h"
#include "config/walk.h"

/* Quiet: walk_document() has said everything better before. */
static const cyaml_config_t cyaml_quiet = {
	.log_fn = NULL,
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_ERROR,
	.flags = CYAML_CFG_NO_ALIAS,
};

static struct config *
values_load(const struct doc *d, struct report *r)
{
	struct raw_config *raw = NULL;
	cyaml_err_t err = cyaml_load_data((const uint8_t *)d->data, d->bytes, &cyaml_quiet,
		&schema_config, (cyaml_data_t **)&raw, NULL);

	if (err != CYAML_OK) {
		report_at(r, (struct doc_mark){ 0 }, "", "libcyaml refuses the file: %s",
			cyaml_strerror(err));
		return NULL;
	}
	struct config *c = build_config(raw, r);

	r->out_of_memory |= c == NULL;
	cyaml_free(&cyaml_quiet, &schema_config, raw, 0);
	return c;
}

static struct config *
document_load(const struct doc *d, config_host_check *host, struct report *r)
{
	size_t before = r->errors.count; /* of YAML, which change no value */

	walk_document(d, r);
	r->errors.partial |= r->errors.count > before; /* a wrong value stands for nothing */
	if (r->errors.partial)
		return NULL;
	struct config *c = values_load(d, r);

	if (c != NULL)
		check_config(c, r);
	if (c != NULL && host != NULL)
		host(c, r);
	return c;
}

int
config_load_buffer(const char *data, size_t bytes, config_host_check *host, struct config **out,
	struct config_errors *errors)
{
	struct report r = { 0 };
	struct config *c = NULL;
	struct doc d;

	if (doc_open(&d, data, bytes, &r) == 0) {
		r.doc = &d;
		c = document_load(&d, host, &r);
	}
	doc_close(&d);
	bool good = c != NULL && r.errors.count == 0 && !r.out_of_memory;

	report_finish(&r, errors);
	if (!good) {
		config_free(c);
		return r.out_of_memory ? -ENOMEM : -EINVAL;
	}
	*out = c;
	return 0;
}

/** All of an open file, at most max octets. Caller frees *data. Returns octets or -errno. */
static ssize_t
file_read(int fd, size_t max, char **data)
{
	char *buf = malloc(max);
	size_t n = 0;

	if (buf == NULL)
		return -ENOMEM;
	while (n < max) {
		ssize_t got = read(fd, buf + n, max - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = errno;

			free(buf);
			return -err;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*data = buf;
	return (ssize_t)n;
}

static int
file_error(int err, struct config_errors *errors)
{
	struct report r = { 0 };

	report_at(&r, (struct doc_mark){ 0 }, "", "cannot be read: %s", strerror(err));
	report_finish(&r, errors);
	return -err;
}

int
config_load(const char *path, config_host_check *host, struct config **out,
	struct config_errors *errors)
{
	char *data = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(errors, 0, sizeof(*errors));
	if (fd < 0)
		return file_error(errno, errors);
	/* one more than allowed, so that too long is seen as such and not cut */
	ssize_t n = file_read(fd, DOC_MAX_BYTES + 1, &data);

	close(fd);
	if (n < 0)
		return file_error((int)-n, errors);
	int err = config_load_buffer(data, (size_t)n, host, out, errors);

	free(data);
	return err;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->clouds_count; i++)
		secret_wipe(&c->clouds[i].nhrp.authentication);
	for (uint32_t i = 0; i < c->psks_count; i++)
		secret_wipe(&c->psks[i].key);
	for (uint32_t i = 0; i < c->ike_count; i++)
		config_pki_put(c->ike[i].pki);
	free(c->ports);
	free(c->clouds);
	free(c->ike);
	for (uint32_t i = 0; i < c->ppks_count; i++)
		secret_wipe(&c->ppks[i].key);
	free(c->ppks);
	free(c->psks);
	free(c);
}

const struct config_ike_profile *
config_ike_find(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->ike_count; i++) {
		if (strcmp(c->ike[i].name, name) == 0)
			return &c->ike[i];
	}
	return NULL;
}

const struct config_cloud *
config_cloud_find(const struct config *c, const char *name)
{
	for (uint32_t i = 0; i < c->clouds_count; i++) {
		if (strcmp(c->clouds[i].name, name) == 0)
			return &c->clouds[i];
	}
	return NULL;
}

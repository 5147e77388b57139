/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_LIB_VECTOR_FILE_H
#define TEST_LIB_VECTOR_FILE_H

/** Certificates and keys of test/vectors/cert (made by its script "make"). */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cert.h"

#define VECTOR_NOW_S 1780272000 /* 2026-06-01, the clock of tests */

/** Content of a file below test/vectors; the caller frees it. Ends the test when there is none. */
static inline uint8_t *
vector_read(const char *name, size_t *n)
{
	char path[512];
	FILE *f;
	uint8_t *data = malloc(65536);

	snprintf(path, sizeof(path), "%s/%s", TEST_VECTORS, name);
	f = fopen(path, "rb");
	if (f == NULL || data == NULL) {
		printf("# %s cannot be read\n", path);
		abort();
	}
	*n = fread(data, 1, 65536, f);
	fclose(f);
	return data;
}

/** cert/NAME.pem */
static inline struct cert *
vector_cert(const char *name)
{
	char path[64];
	struct cert *c;
	size_t n, count;

	snprintf(path, sizeof(path), "cert/%s.pem", name);
	uint8_t *data = vector_read(path, &n);

	if (cert_read_file(data, n, &c, 1, &count) != 0) {
		printf("# %s is no certificate\n", path);
		abort();
	}
	free(data);
	return c;
}

/** cert/NAME.key */
static inline struct sign_key *
vector_key(const char *name)
{
	char path[64];
	struct sign_key *k;
	size_t n;

	snprintf(path, sizeof(path), "cert/%s.key", name);
	uint8_t *data = vector_read(path, &n);

	if (sign_key_read(data, n, &k) != 0) {
		printf("# %s is no key\n", path);
		abort();
	}
	free(data);
	return k;
}

/** An anchor, and where crl is not NULL the CRLs of those names, separated by blanks. */
static inline struct cert_trust *
vector_trust(const char *anchor, enum cert_crl_rule rule, bool sha1, const char *crls)
{
	struct cert_trust *t = cert_trust_new(rule, sha1);
	struct cert *c = vector_cert(anchor);
	char path[64], name[32];
	int used;

	if (cert_trust_add(t, c) != 0)
		abort();
	cert_put(c);
	for (; crls != NULL && sscanf(crls, " %31s%n", name, &used) == 1; crls += used) {
		size_t n;

		snprintf(path, sizeof(path), "cert/%s.crl", name);
		uint8_t *data = vector_read(path, &n);

		if (cert_trust_add_crls(t, data, n, 0) != 0)
			abort();
		free(data);
	}
	return t;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_SECRET_FILE_H
#define CONFIG_SECRET_FILE_H

#include "config/report.h"
#include "crypto/secret.h"

/**
 * Open the file that `value` ("file:/path") names, if it is a regular one that neither group
 * nor others may touch. Returns the descriptor, or -EINVAL with what is wrong in r.
 */
int secret_file_open(const char *value, const char *key, struct report *r);

/**
 * Read the secret that `value` ("file:/path") at key path `key` names. The file must be a
 * regular one that neither group nor others may touch. One newline at its end is dropped;
 * a content of "hex:..." or "base64:..." is decoded. What is wrong goes into r, with both
 * the place in the YAML and the path. Returns 0 or -EINVAL; *out is untouched on error.
 */
int secret_file_read(const char *value, const char *key, struct secret *out, struct report *r);

#endif

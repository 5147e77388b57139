/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_HTTP_H
#define CONTROL_BASE_HTTP_H

/**
 * One GET over HTTP/1.0, for files that prove themselves by a signature: no redirects, no
 * encodings, nothing kept between two calls. It waits, so it is for a helper thread.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct url;

#define HTTP_HEAD_BYTES 8192 /* at most */
#define HTTP_TIME_MS    60000u

/** What stands before the body of a response. */
struct http_head {
	unsigned status;
	size_t bytes;   /* with the empty line at its end */
	int64_t length; /* Content-Length, -1 = not said */
	bool coded;     /* Transfer-Encoding or Content-Encoding: the body is not the file */
};

/**
 * Read a head out of what came so far. Pure. 0; -EAGAIN: its end is not there yet; -EBADMSG: it is
 * none, or longer than HTTP_HEAD_BYTES, or contradicts itself. *out is written on success only.
 */
int http_head_read(const void *data, size_t n, struct http_head *out);

/**
 * The body of a response with status 200, at most max octets; the caller frees *body. Ends after
 * HTTP_TIME_MS, or soon after *stop became true. 0, or -EIO with the reason in why[why_bytes].
 */
int http_get(const struct url *url, size_t max, const atomic_bool *stop, uint8_t **body, size_t *n,
	char *why, size_t why_bytes);

#endif

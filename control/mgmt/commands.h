/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_MGMT_COMMANDS_H
#define CONTROL_MGMT_COMMANDS_H

/**
 * The commands of navectl, as a table: words, handler, help. A handler turns a
 * request into data; it does not know of sockets or tables of text. Control core.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config/config.h"

struct capture_stream;
struct crl_fetch_info;
struct dp;
struct helpers;
struct ike;
struct load;
struct nhrp;
struct reload_report;
struct rib;
struct spokes;
struct trust_info;

/** What commands may look at and ask for; filled by main.c. */
struct mgmt_view {
	struct dp *dp;
	struct ike *ike;
	struct nhrp *nhrp;
	struct rib *rib;
	struct spokes *spokes;
	struct helpers *helpers; /* NULL: public-key work is done on the control core */
	const struct load *load;
	const struct config *(*config)(void *user);
	const char *(*config_path)(void *user);
	/** name of cloud id or port id as configured, or NULL */
	const char *(*cloud_name)(void *user, uint16_t id);
	const char *(*port_name)(void *user, uint16_t id);
	/** Valid until the next call. */
	const struct reload_report *(*reload)(void *user, bool dry, uint64_t now_ms);
	/** VRF or table of a context as configured, "main" for none; NULL: no such context */
	const char *(*context_name)(void *user, uint16_t ctx);
	/** The trust of a profile, and a URL of a CRL, by index from 0. False: no more. */
	bool (*trust)(void *user, size_t index, struct trust_info *out);
	bool (*crl_url)(void *user, size_t index, struct crl_fetch_info *out);
	void *user;
	uint64_t started_ms;
};

/** An answer: data or error, never both. Columns name what a table shows. */
struct mgmt_answer {
	json_t *data;      /* new reference */
	json_t *columns;   /* new reference or NULL */
	const char *rows;  /* member of data that a table shows, NULL = data itself */
	char message[160]; /* for people, after the table; "" = none */
	char error[300];   /* "" = none */
	json_t *details;   /* of an error: array of objects, each with a "message"; or NULL */
	struct capture_stream *stream; /* what follows the answer, or NULL (capture.h) */
	/**
	 * What there is to say was collected, to write it down takes long: any thread may call
	 * this, once; it fills in all above and consumes later_arg. NULL: the answer is whole.
	 */
	void (*later)(void *later_arg, struct mgmt_answer *a);
	void *later_arg;
};

/**
 * Carry out one request {"command": ["show", "spokes"]}. *a is to be given to mgmt_finish(),
 * which then returns what a client is sent. v must outlive it.
 */
void mgmt_begin(
	const struct mgmt_view *v, const json_t *request, uint64_t now_ms, struct mgmt_answer *a);
/**
 * {"data": ..., "columns": ...} or {"error": "...", "details": [...]}, what is not there left
 * out; new reference. {"stream": "pcapng"}: octets are to follow, of a->stream, which the caller
 * closes. Any thread may do this, that knows of *a alone.
 */
json_t *mgmt_finish(struct mgmt_answer *a);

#endif

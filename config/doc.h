/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_DOC_H
#define CONFIG_DOC_H

/**
 * One YAML document as a tree with places. Aliases, anchors, tags and a second document are
 * errors. With an alias there is no tree; the others leave the plain finite tree of the first
 * document, so that what else is wrong with it can be told as well.
 */
#include <stddef.h>
#include <yaml.h>

struct report;

#define DOC_MAX_BYTES (1u << 20)

/** 1-based place in the file; line 0 = the file as a whole. */
struct doc_mark {
	unsigned line, column;
};

struct doc {
	yaml_document_t yaml;
	const char *data;
	size_t bytes;
};

/** Parse data (kept by reference). Returns 0 and a tree, or -EINVAL; r is told what is wrong. */
int doc_open(struct doc *d, const char *data, size_t bytes, struct report *r);
void doc_close(struct doc *d);

struct doc_mark doc_mark(const yaml_node_t *node);

/** Place of the value at "clouds[0].nhrp", or of its nearest parent in the file. */
struct doc_mark doc_find(const struct doc *d, const char *path);

#endif

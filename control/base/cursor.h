/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_BASE_CURSOR_H
#define CONTROL_BASE_CURSOR_H

/**
 * Bounded reader and writer with a sticky error: read or write a whole message,
 * then test once. After an overrun reads give zero and writes change nothing.
 * Never call two cursor functions inside one expression: C leaves their order open.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool short_read; /* sticky: something asked for more than was there */
};

static inline struct cursor
cur_over(const void *data, size_t bytes)
{
	const uint8_t *p = data;

	/* What is not there is empty; nothing may be added to NULL, not even 0. */
	return (struct cursor){ .at = p, .end = bytes > 0 ? p + bytes : p };
}

static inline size_t
cur_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/** The next n octets in place, or NULL (and short_read) when fewer are left. */
static inline const uint8_t *
cur_take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->at;

	if (c->short_read || cur_left(c) < n) {
		c->short_read = true;
		c->at = c->end;
		return NULL;
	}
	if (n > 0)
		c->at += n;
	return p;
}

static inline void
cur_skip(struct cursor *c, size_t n)
{
	(void)cur_take(c, n);
}

static inline uint8_t
cur_u8(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t
cur_be16(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
cur_be32(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 4);

	return p == NULL ? 0
			 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
cur_be64(struct cursor *c)
{
	uint64_t high = cur_be32(c);
	uint64_t low = cur_be32(c);

	return high << 32 | low;
}

static inline void
cur_copy(struct cursor *c, void *out, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (p != NULL && n > 0)
		memcpy(out, p, n);
}

/** A cursor over the next n octets, which are consumed here. */
static inline struct cursor
cur_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (p == NULL)
		return (struct cursor){ .at = c->end, .end = c->end, .short_read = true };
	return cur_over(p, n);
}

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool full; /* sticky: something did not fit */
};

static inline struct writer
wr_over(void *data, size_t bytes)
{
	uint8_t *p = data;

	return (struct writer){ .start = p, .at = p, .end = p + bytes };
}

static inline size_t
wr_used(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

/** Room for n octets to be filled by the caller, or NULL (and full). */
static inline uint8_t *
wr_room(struct writer *w, size_t n)
{
	uint8_t *p = w->at;

	if (w->full || (size_t)(w->end - w->at) < n) {
		w->full = true;
		return NULL;
	}
	w->at += n;
	return p;
}

static inline void
wr_bytes(struct writer *w, const void *data, size_t n)
{
	uint8_t *p = wr_room(w, n);

	if (p != NULL && n > 0)
		memcpy(p, data, n);
}

static inline void
wr_u8(struct writer *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void
wr_be16(struct writer *w, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wr_bytes(w, b, sizeof(b));
}

static inline void
wr_be32(struct writer *w, uint32_t v)
{
	wr_be16(w, (uint16_t)(v >> 16));
	wr_be16(w, (uint16_t)v);
}

static inline void
wr_be64(struct writer *w, uint64_t v)
{
	wr_be32(w, (uint32_t)(v >> 32));
	wr_be32(w, (uint32_t)v);
}

/** Overwrite two octets written before, at offset from the start. */
static inline void
wr_patch_be16(struct writer *w, size_t offset, uint16_t v)
{
	if (offset + 2 <= wr_used(w)) {
		w->start[offset] = (uint8_t)(v >> 8);
		w->start[offset + 1] = (uint8_t)v;
	}
}

static inline void
wr_patch_be32(struct writer *w, size_t offset, uint32_t v)
{
	wr_patch_be16(w, offset, (uint16_t)(v >> 16));
	wr_patch_be16(w, offset + 2, (uint16_t)v);
}

#endif

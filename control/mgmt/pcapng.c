/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mgmt/pcapng.h"

#include <string.h>

enum block { SECTION = 0x0a0d0d0a, INTERFACE = 1, STATISTICS = 5, ENHANCED_PACKET = 6 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4d

/* Option codes; those above 1 belong to the block they stand in. */
#define OPT_END        0
#define OPT_COMMENT    1
#define SHB_USERAPPL   4
#define IF_NAME        2
#define IF_DESCRIPTION 3
#define IF_TSRESOL     9
#define EPB_FLAGS      2
#define ISB_IFRECV     4
#define ISB_IFDROP     5
#define TSRESOL_NANO   9          /* 10^-9 s */
#define LENGTH_OF_REST UINT64_MAX /* of a section: not known */

/** One block being written; sticky: after one thing found no room, all is taken back. */
struct writer {
	struct pcapng *p;
	size_t start;
	bool full;
};

static void
put(struct writer *w, const void *data, size_t n)
{
	size_t padded = (n + 3) & ~(size_t)3;

	if (w->full || w->p->room - w->p->used < padded) {
		w->full = true;
		return;
	}
	memcpy(w->p->buf + w->p->used, data, n);
	memset(w->p->buf + w->p->used + n, 0, padded - n);
	w->p->used += padded;
}

static void
put_u32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

/** Two numbers of 16 bits, the first at the lower address. */
static void
put_u16x2(struct writer *w, uint16_t a, uint16_t b)
{
	put(w, (const uint16_t[]){ a, b }, 4);
}

static void
put_time(struct writer *w, uint64_t ns)
{
	put_u32(w, (uint32_t)(ns >> 32));
	put_u32(w, (uint32_t)ns);
}

static void
put_option(struct writer *w, uint16_t code, const void *value, size_t n)
{
	put_u16x2(w, code, (uint16_t)n);
	put(w, value, n);
}

static void
put_text(struct writer *w, uint16_t code, const char *text)
{
	if (text[0] != '\0')
		put_option(w, code, text, strlen(text));
}

static struct writer
begin(struct pcapng *p, enum block type)
{
	struct writer w = { .p = p, .start = p->used };

	put_u32(&w, type);
	put_u32(&w, 0); /* length: end() */
	return w;
}

/** Close the options and write the length at both ends. */
static bool
end(struct writer *w)
{
	uint32_t bytes;

	put_u16x2(w, OPT_END, 0);
	bytes = (uint32_t)(w->p->used - w->start + sizeof(bytes));
	put_u32(w, bytes);
	if (w->full) {
		w->p->used = w->start;
		return false;
	}
	memcpy(w->p->buf + w->start + 4, &bytes, sizeof(bytes));
	return true;
}

bool
pcapng_section(struct pcapng *p, const char *application)
{
	struct writer w = begin(p, SECTION);
	uint64_t rest = LENGTH_OF_REST;

	put_u32(&w, BYTE_ORDER_MAGIC);
	put_u16x2(&w, 1, 0); /* version */
	put(&w, &rest, sizeof(rest));
	put_text(&w, SHB_USERAPPL, application);
	return end(&w);
}

bool
pcapng_interface(
	struct pcapng *p, uint16_t link, uint32_t snap_bytes, const char *name, const char *what)
{
	struct writer w = begin(p, INTERFACE);
	uint8_t resolution = TSRESOL_NANO;

	put_u16x2(&w, link, 0);
	put_u32(&w, snap_bytes);
	put_text(&w, IF_NAME, name);
	put_text(&w, IF_DESCRIPTION, what);
	put_option(&w, IF_TSRESOL, &resolution, sizeof(resolution));
	return end(&w);
}

bool
pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet)
{
	struct writer w = begin(p, ENHANCED_PACKET);
	uint32_t flags = packet->way;

	put_u32(&w, packet->interface);
	put_time(&w, packet->time_ns);
	put_u32(&w, packet->captured);
	put_u32(&w, packet->bytes);
	put(&w, packet->data, packet->captured);
	put_text(&w, OPT_COMMENT, packet->comment);
	if (packet->way != PCAPNG_NO_WAY)
		put_option(&w, EPB_FLAGS, &flags, sizeof(flags));
	return end(&w);
}

bool
pcapng_statistics(struct pcapng *p, uint32_t interface, uint64_t time_ns, uint64_t received,
	uint64_t dropped, const char *comment)
{
	struct writer w = begin(p, STATISTICS);

	put_u32(&w, interface);
	put_time(&w, time_ns);
	put_text(&w, OPT_COMMENT, comment);
	put_option(&w, ISB_IFRECV, &received, sizeof(received));
	put_option(&w, ISB_IFDROP, &dropped, sizeof(dropped));
	return end(&w);
}

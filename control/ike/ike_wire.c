/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ike/ike_wire.h"

#include <errno.h>

int
ike_header_read(const uint8_t *msg, size_t n, struct ike_header *out)
{
	struct cursor c = cur_over(msg, n);
	struct ike_header h;

	h.spi_i = cur_be64(&c);
	h.spi_r = cur_be64(&c);
	h.next_payload = cur_u8(&c);
	h.version = cur_u8(&c);
	h.exchange = cur_u8(&c);
	h.flags = cur_u8(&c);
	h.id = cur_be32(&c);
	h.length = cur_be32(&c);
	if (c.short_read || h.length != n)
		return -EBADMSG;
	*out = h;
	return 0;
}

static struct ike_view
rest_of(struct cursor *c)
{
	struct ike_view v = { .data = c->at, .bytes = cur_left(c) };

	cur_skip(c, v.bytes);
	return v;
}

/** For payloads that may come once. */
static int
read_once(struct cursor *c, struct ike_view *into)
{
	if (into->data != NULL)
		return -EBADMSG;
	*into = rest_of(c);
	return 0;
}

static int
read_sa(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->sa);
}

/** libreswan 4 sends one without a value where it chose a proposal without a group. */
static int
read_ke(struct cursor *c, struct ike_payloads *p)
{
	uint16_t group = cur_be16(c);

	cur_skip(c, 2); /* reserved */
	if (cur_left(c) == 0)
		return 0;
	p->ke_group = group;
	return read_once(c, &p->ke);
}

static int
read_idi(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->idi);
}

static int
read_idr(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->idr);
}

static int
read_cert(struct cursor *c, struct ike_payloads *p)
{
	if (p->certs < IKE_CERTS_MAX)
		p->cert[p->certs++] = rest_of(c);
	return 0;
}

static int
read_auth(struct cursor *c, struct ike_payloads *p)
{
	p->auth_method = cur_u8(c);
	cur_skip(c, 3); /* reserved */
	return read_once(c, &p->auth);
}

static int
read_nonce(struct cursor *c, struct ike_payloads *p)
{
	size_t n = cur_left(c);

	if (n < IKE_NONCE_MIN || n > IKE_NONCE_MAX)
		return -EBADMSG;
	return read_once(c, &p->nonce);
}

/** Notifies beyond the table are skipped: none of those we act upon comes so late. */
static int
read_notify(struct cursor *c, struct ike_payloads *p)
{
	struct ike_notify n;
	size_t spi_bytes;

	n.protocol = cur_u8(c);
	spi_bytes = cur_u8(c);
	n.type = cur_be16(c);
	n.spi.data = cur_take(c, spi_bytes);
	n.spi.bytes = spi_bytes;
	n.data = rest_of(c);
	if (!c->short_read && p->notifies < IKE_NOTIFIES_MAX)
		p->notify[p->notifies++] = n;
	return 0;
}

static int
read_delete(struct cursor *c, struct ike_payloads *p)
{
	struct ike_delete d;

	d.protocol = cur_u8(c);
	d.spi_bytes = cur_u8(c);
	d.count = cur_be16(c);
	d.spis = rest_of(c);
	if (d.spis.bytes != (size_t)d.spi_bytes * d.count)
		return -EBADMSG;
	if (p->deletes < IKE_DELETES_MAX)
		p->del[p->deletes++] = d;
	return 0;
}

static int
read_vendor(struct cursor *c, struct ike_payloads *p)
{
	if (p->vendors < IKE_VENDORS_MAX)
		p->vendor[p->vendors++] = rest_of(c);
	return 0;
}

static int
read_tsi(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->tsi);
}

static int
read_tsr(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->tsr);
}

static int
read_sk(struct cursor *c, struct ike_payloads *p)
{
	p->sk_type = PAYLOAD_SK;
	return read_once(c, &p->sk);
}

static int
read_skf(struct cursor *c, struct ike_payloads *p)
{
	p->sk_type = PAYLOAD_SKF;
	p->fragment = cur_be16(c);
	p->fragments = cur_be16(c);
	if (p->fragment == 0 || p->fragment > p->fragments)
		return -EBADMSG;
	return read_once(c, &p->sk);
}

static int
read_cp(struct cursor *c, struct ike_payloads *p)
{
	return read_once(c, &p->cp);
}

static int
read_eap(struct cursor *c, struct ike_payloads *p)
{
	p->eap = true;
	return 0;
}

static int
read_ignored(struct cursor *c, struct ike_payloads *p)
{
	return 0;
}

static const struct payload_row {
	size_t min_bytes; /* of the body */
	int (*read)(struct cursor *c, struct ike_payloads *p);
} payload_rows[] = {
	[PAYLOAD_SA] = { 8, read_sa },
	[PAYLOAD_KE] = { 4, read_ke },
	[PAYLOAD_IDI] = { 4, read_idi },
	[PAYLOAD_IDR] = { 4, read_idr },
	[PAYLOAD_CERT] = { 1, read_cert },
	[PAYLOAD_CERTREQ] = { 1, read_ignored },
	[PAYLOAD_AUTH] = { 4, read_auth },
	[PAYLOAD_NONCE] = { IKE_NONCE_MIN, read_nonce },
	[PAYLOAD_NOTIFY] = { 4, read_notify },
	[PAYLOAD_DELETE] = { 4, read_delete },
	[PAYLOAD_VENDOR] = { 0, read_vendor },
	[PAYLOAD_TSI] = { 4, read_tsi },
	[PAYLOAD_TSR] = { 4, read_tsr },
	[PAYLOAD_SK] = { 1, read_sk },
	[PAYLOAD_CP] = { 4, read_cp },
	[PAYLOAD_EAP] = { 0, read_eap },
	[PAYLOAD_SKF] = { 5, read_skf },
};

#define PAYLOAD_ROWS (sizeof(payload_rows) / sizeof(payload_rows[0]))

static int
payload_read(uint8_t type, bool critical, struct cursor body, struct ike_payloads *p)
{
	const struct payload_row *row = type < PAYLOAD_ROWS ? &payload_rows[type] : NULL;

	if (row == NULL || row->read == NULL) {
		if (critical && p->critical == 0)
			p->critical = type;
		return 0;
	}
	if (cur_left(&body) < row->min_bytes)
		return -EBADMSG;
	int err = row->read(&body, p);

	return body.short_read ? -EBADMSG : err;
}

int
ike_payloads_read(uint8_t first, const uint8_t *data, size_t n, struct ike_payloads *out)
{
	struct cursor c = cur_over(data, n);
	uint8_t type = first;

	memset(out, 0, sizeof(*out));
	out->all = (struct ike_view){ .data = data, .bytes = n };
	out->first = first;
	while (type != PAYLOAD_NONE) {
		uint8_t next = cur_u8(&c);
		bool critical = (cur_u8(&c) & 0x80) != 0;
		size_t bytes = cur_be16(&c);

		if (c.short_read || bytes < IKE_PAYLOAD_BYTES)
			return -EBADMSG;
		struct cursor body = cur_sub(&c, bytes - IKE_PAYLOAD_BYTES);

		if (c.short_read)
			return -EBADMSG;
		int err = payload_read(type, critical, body, out);

		if (err != 0)
			return err;
		if (type == PAYLOAD_SK || type == PAYLOAD_SKF) {
			out->sk_inner = next; /* names what is inside, nothing follows */
			break;
		}
		type = next;
	}
	return cur_left(&c) == 0 ? 0 : -EBADMSG;
}

const struct ike_notify *
ike_notify_find(const struct ike_payloads *p, uint16_t type)
{
	for (unsigned i = 0; i < p->notifies; i++)
		if (p->notify[i].type == type)
			return &p->notify[i];
	return NULL;
}

const struct ike_notify *
ike_notify_error(const struct ike_payloads *p)
{
	for (unsigned i = 0; i < p->notifies; i++)
		if (p->notify[i].type <= N_ERROR_LAST)
			return &p->notify[i];
	return NULL;
}

int
ike_id_read(struct ike_view body, struct config_identity *out)
{
	struct cursor c = cur_over(body.data, body.bytes);
	struct config_identity id = { 0 };
	size_t n;

	id.type = cur_u8(&c);
	cur_skip(&c, 3); /* reserved */
	n = cur_left(&c);
	if (c.short_read || id.type == ID_NONE || n > sizeof(id.data))
		return -EBADMSG;
	if ((id.type == ID_IPV4_ADDR && n != 4) || (id.type == ID_IPV6_ADDR && n != 16))
		return -EBADMSG;
	id.bytes = (uint16_t)n;
	cur_copy(&c, id.data, n);
	*out = id;
	return 0;
}

int
ike_ts_open(struct ike_view body, struct cursor *c, unsigned *count)
{
	*c = cur_over(body.data, body.bytes);
	*count = cur_u8(c);
	cur_skip(c, 3); /* reserved */
	return c->short_read || *count == 0 ? -EBADMSG : 0;
}

int
ike_ts_next(struct cursor *c, struct ike_ts *out)
{
	uint8_t type = cur_u8(c);
	struct ike_ts ts = { 0 };
	size_t bytes, half;

	ts.protocol = cur_u8(c);
	bytes = cur_be16(c);
	if (c->short_read || bytes < 8)
		return -EBADMSG;
	struct cursor body = cur_sub(c, bytes - 4);

	if (c->short_read)
		return -EBADMSG;
	if (type != TS_IPV4_ADDR_RANGE && type != TS_IPV6_ADDR_RANGE)
		return 0;
	half = type == TS_IPV4_ADDR_RANGE ? 4 : 16;
	if (bytes != 8 + 2 * half)
		return -EBADMSG;
	ts.port_first = cur_be16(&body);
	ts.port_last = cur_be16(&body);
	ts.first.family = ts.last.family = half == 4 ? ADDR_V4 : ADDR_V6;
	cur_copy(&body, ts.first.octet, half);
	cur_copy(&body, ts.last.octet, half);
	*out = ts;
	return 1;
}

void
ike_chain_message(struct ike_chain *c, void *room, size_t n, const struct ike_header *h)
{
	c->w = wr_over(room, n);
	wr_be64(&c->w, h->spi_i);
	wr_be64(&c->w, h->spi_r);
	c->next = c->w.at;
	wr_u8(&c->w, PAYLOAD_NONE);
	wr_u8(&c->w, 0x20); /* version 2.0 */
	wr_u8(&c->w, h->exchange);
	wr_u8(&c->w, h->flags);
	wr_be32(&c->w, h->id);
	wr_be32(&c->w, 0); /* length, see ike_chain_finish() */
}

void
ike_chain_bare(struct ike_chain *c, void *room, size_t n, uint8_t *first)
{
	c->w = wr_over(room, n);
	c->next = first;
	*first = PAYLOAD_NONE;
}

void
ike_chain_open(struct ike_chain *c, enum ike_payload_type type)
{
	c->open = wr_used(&c->w);
	uint8_t *head = wr_room(&c->w, IKE_PAYLOAD_BYTES);

	if (head == NULL)
		return;
	memset(head, 0, IKE_PAYLOAD_BYTES);
	*c->next = (uint8_t)type;
	c->next = head;
}

void
ike_chain_close(struct ike_chain *c)
{
	wr_patch_be16(&c->w, c->open + 2, (uint16_t)(wr_used(&c->w) - c->open));
}

void
ike_chain_put(struct ike_chain *c, enum ike_payload_type type, const void *body, size_t n)
{
	ike_chain_open(c, type);
	wr_bytes(&c->w, body, n);
	ike_chain_close(c);
}

void
ike_chain_notify(struct ike_chain *c, uint16_t type, const void *data, size_t n)
{
	ike_chain_open(c, PAYLOAD_NOTIFY);
	wr_be16(&c->w, 0); /* no protocol, no SPI */
	wr_be16(&c->w, type);
	wr_bytes(&c->w, data, n);
	ike_chain_close(c);
}

void
ike_chain_notify_esp(struct ike_chain *c, uint16_t type, uint32_t spi)
{
	ike_chain_open(c, PAYLOAD_NOTIFY);
	wr_u8(&c->w, PROTO_ESP);
	wr_u8(&c->w, 4);
	wr_be16(&c->w, type);
	wr_be32(&c->w, spi);
	ike_chain_close(c);
}

void
ike_chain_ke(struct ike_chain *c, uint16_t group, const void *value, size_t n)
{
	ike_chain_open(c, PAYLOAD_KE);
	wr_be16(&c->w, group);
	wr_be16(&c->w, 0);
	wr_bytes(&c->w, value, n);
	ike_chain_close(c);
}

void
ike_chain_id(struct ike_chain *c, enum ike_payload_type type, const struct config_identity *id)
{
	ike_chain_open(c, type);
	wr_u8(&c->w, id->type);
	wr_bytes(&c->w, (const uint8_t[3]){ 0 }, 3);
	wr_bytes(&c->w, id->data, id->bytes);
	ike_chain_close(c);
}

static void
chain_range(struct ike_chain *c, enum ike_payload_type type, const struct addr *first,
	const uint8_t *last, uint8_t protocol)
{
	size_t n = addr_bytes(first);

	ike_chain_open(c, type);
	wr_be32(&c->w, 1u << 24); /* one selector */
	wr_u8(&c->w, first->family == ADDR_V4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
	wr_u8(&c->w, protocol);
	wr_be16(&c->w, (uint16_t)(8 + 2 * n));
	wr_be32(&c->w, 0x0000ffff); /* all ports */
	wr_bytes(&c->w, first->octet, n);
	wr_bytes(&c->w, last, n);
	ike_chain_close(c);
}

void
ike_chain_ts(
	struct ike_chain *c, enum ike_payload_type type, const struct addr *host, uint8_t protocol)
{
	chain_range(c, type, host, host->octet, protocol);
}

void
ike_chain_ts_any(
	struct ike_chain *c, enum ike_payload_type type, enum addr_family family, uint8_t protocol)
{
	const struct addr first = { .family = family };
	uint8_t last[sizeof(first.octet)];

	memset(last, 0xff, sizeof(last));
	chain_range(c, type, &first, last, protocol);
}

void
ike_chain_delete_esp(struct ike_chain *c, const uint32_t *spis, size_t n)
{
	ike_chain_open(c, PAYLOAD_DELETE);
	wr_u8(&c->w, PROTO_ESP);
	wr_u8(&c->w, 4);
	wr_be16(&c->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wr_be32(&c->w, spis[i]);
	ike_chain_close(c);
}

void
ike_chain_delete_ike(struct ike_chain *c)
{
	ike_chain_put(c, PAYLOAD_DELETE, (const uint8_t[4]){ PROTO_IKE }, 4);
}

size_t
ike_chain_finish(struct ike_chain *c)
{
	if (c->w.full)
		return 0;
	wr_patch_be32(&c->w, 24, (uint32_t)wr_used(&c->w));
	return wr_used(&c->w);
}

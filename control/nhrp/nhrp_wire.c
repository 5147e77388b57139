/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nhrp/nhrp_wire.h"

#include <errno.h>

enum {
	AFN_IPV4 = 1, /* IANA address family numbers */
	AFN_IPV6 = 2,
	PROTO_IPV4 = 0x0800, /* ethertypes */
	PROTO_IPV6 = 0x86dd,
	VERSION_NHRP = 1,
	OFFSET_SIZE = 10,
	OFFSET_CHECKSUM = 12,
	OFFSET_EXTENSIONS = 14,
	OFFSET_TYPE = 17,
	EXT_COMPULSORY = 0x8000,
	EXT_TYPE_MASK = 0x3fff,
};

/** Ones' complement sum (RFC 1071); an odd last octet is padded with zero. */
static uint16_t
sum16(const uint8_t *p, size_t n)
{
	uint32_t sum = 0; /* 64 KiB of ffff still fit */

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (n % 2 != 0)
		sum += (uint32_t)p[n - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static uint8_t
family_bytes(uint8_t family)
{
	return family == ADDR_V4 ? 4 : 16;
}

/** Read an address of n octets, which must be none or as the family has it. */
static int
addr_read(struct cursor *c, uint8_t family, uint8_t n, struct addr *out)
{
	if (n != 0 && n != family_bytes(family))
		return -EAFNOSUPPORT;

	const uint8_t *p = cur_take(c, n);

	return p == NULL ? -EBADMSG : addr_from_bytes(out, p, n);
}

static void
addr_write(struct writer *w, const struct addr *a)
{
	wr_bytes(w, a->octet, addr_bytes(a));
}

int
nhrp_cie_read(struct cursor *c, uint8_t nbma_family, struct nhrp_cie *out)
{
	struct nhrp_cie cie = { 0 };

	cie.code = cur_u8(c);
	cie.prefix_bits = cur_u8(c);
	cur_skip(c, 2); /* unused */
	cie.mtu = cur_be16(c);
	cie.hold_s = cur_be16(c);
	uint8_t nbma_len = cur_u8(c); /* type bits are zero for IP, so this is a length */
	uint8_t sub_len = cur_u8(c);
	uint8_t proto_len = cur_u8(c);
	cie.preference = cur_u8(c);

	int err = addr_read(c, nbma_family, nbma_len, &cie.nbma);
	cur_skip(c, sub_len);
	const uint8_t *proto = cur_take(c, proto_len);
	if (err == 0 && proto != NULL)
		err = addr_from_bytes(&cie.proto, proto, proto_len);
	if (c->short_read)
		return -EBADMSG;
	if (err == 0)
		*out = cie;
	return err;
}

void
nhrp_cie_write(struct writer *w, const struct nhrp_cie *cie)
{
	wr_u8(w, cie->code);
	wr_u8(w, cie->prefix_bits);
	wr_be16(w, 0); /* unused */
	wr_be16(w, cie->mtu);
	wr_be16(w, cie->hold_s);
	wr_u8(w, addr_bytes(&cie->nbma));
	wr_u8(w, 0); /* no subaddress */
	wr_u8(w, addr_bytes(&cie->proto));
	wr_u8(w, cie->preference);
	addr_write(w, &cie->nbma);
	addr_write(w, &cie->proto);
}

bool
nhrp_cies_valid(const struct nhrp_msg *m, struct nhrp_slice list)
{
	struct cursor c = cur_over(list.data, list.bytes);
	struct nhrp_cie cie;

	while (cur_left(&c) > 0)
		if (nhrp_cie_read(&c, m->nbma_family, &cie) != 0)
			return false;
	return true;
}

uint8_t
nhrp_prefix_bits(uint8_t wire, uint8_t proto_family)
{
	uint8_t host = (uint8_t)(family_bytes(proto_family) * 8);

	return wire == 0 || wire > host ? host : wire;
}

static int
families_read(struct cursor *c, struct nhrp_msg *m)
{
	uint16_t afn = cur_be16(c);
	uint16_t proto = cur_be16(c);

	cur_skip(c, 5); /* SNAP: unused with an ethertype */
	m->nbma_family = afn == AFN_IPV4 ? ADDR_V4 : afn == AFN_IPV6 ? ADDR_V6 : ADDR_NONE;
	m->proto_family = proto == PROTO_IPV4 ? ADDR_V4 : proto == PROTO_IPV6 ? ADDR_V6 : ADDR_NONE;
	return m->nbma_family == ADDR_NONE || m->proto_family == ADDR_NONE ? -EAFNOSUPPORT : 0;
}

static void
id_read(struct cursor *c, struct nhrp_msg *m)
{
	uint16_t flags = cur_be16(c);
	uint32_t id = cur_be32(c);

	if (m->type == NHRP_ERROR_INDICATION || m->type == NHRP_TRAFFIC_INDICATION) {
		m->code = (uint16_t)(id >> 16);
		m->code_offset = (uint16_t)id;
		return;
	}
	m->flags = flags;
	m->request_id = id;
}

/** Everything up to the addresses, which the cursor is left behind. */
static int
head_read(struct cursor *c, struct nhrp_msg *m, uint16_t *size, uint16_t *ext_offset)
{
	int family_err = families_read(c, m);

	m->hops = cur_u8(c);
	*size = cur_be16(c);
	cur_skip(c, 2); /* checksum */
	*ext_offset = cur_be16(c);
	uint8_t version = cur_u8(c);
	m->type = cur_u8(c);
	uint8_t nbma_len = cur_u8(c);
	uint8_t sub_len = cur_u8(c);
	uint8_t src_len = cur_u8(c);
	uint8_t dst_len = cur_u8(c);
	id_read(c, m);

	if (c->short_read)
		return -EBADMSG;
	if (version != VERSION_NHRP || m->type == 0 || m->type > NHRP_TRAFFIC_INDICATION)
		return -EPROTONOSUPPORT;
	if (family_err != 0 || sub_len != 0) /* IP has no subaddresses */
		return -EAFNOSUPPORT;

	int err = addr_read(c, m->nbma_family, nbma_len, &m->src_nbma);
	if (err == 0)
		err = addr_read(c, m->proto_family, src_len, &m->src_proto);
	if (err == 0)
		err = addr_read(c, m->proto_family, dst_len, &m->dst_proto);
	return c->short_read ? -EBADMSG : err;
}

int
nhrp_head_read(const uint8_t *pkt, size_t len, struct nhrp_msg *out)
{
	struct cursor c = cur_over(pkt, len);
	struct nhrp_msg m = { 0 };
	uint16_t size, ext_offset;
	int err = head_read(&c, &m, &size, &ext_offset);

	if (err == 0)
		*out = m;
	return err;
}

/** These may stand in a packet only once, and hold CIEs except for the first. */
static bool
ext_is_single(uint16_t type)
{
	return type == NHRP_EXT_AUTH || type == NHRP_EXT_RESPONDER || type == NHRP_EXT_FORWARD ||
		type == NHRP_EXT_REVERSE || type == NHRP_EXT_NAT;
}

static int
ext_check(struct nhrp_msg *m, const struct nhrp_ext *ext)
{
	if (ext_is_single(ext->type) && nhrp_ext_find(m, ext->type) != NULL)
		return -EBADMSG;
	/* Type 9 may be the device capabilities of RFC 2735: then it is only copied. */
	if (ext->type == NHRP_EXT_RESPONDER || ext->type == NHRP_EXT_FORWARD ||
		ext->type == NHRP_EXT_REVERSE)
		return nhrp_cies_valid(m, ext->value) ? 0 : -EBADMSG;
	return 0;
}

/** Extensions up to End; what follows End within the packet is padding (OpenNHRP, type 7). */
static int
exts_read(struct cursor *c, struct nhrp_msg *m)
{
	m->has_exts = true;
	for (;;) {
		uint16_t type = cur_be16(c);
		uint16_t bytes = cur_be16(c);
		const uint8_t *value = cur_take(c, bytes);

		if (value == NULL)
			return -EBADMSG;
		struct nhrp_ext ext = {
			.type = type & EXT_TYPE_MASK,
			.compulsory = (type & EXT_COMPULSORY) != 0,
			.value = { value, bytes },
		};
		if (ext.type == NHRP_EXT_END)
			return 0;
		if (m->ext_count == NHRP_EXTS || ext_check(m, &ext) != 0)
			return -EBADMSG;
		m->ext[m->ext_count++] = ext;
	}
}

static int
body_read(struct cursor *c, struct nhrp_msg *m, size_t body_bytes)
{
	struct cursor list = cur_sub(c, body_bytes);
	struct nhrp_cie cie;

	m->body = (struct nhrp_slice){ list.at, body_bytes };
	if (m->type >= NHRP_ERROR_INDICATION)
		return 0;
	while (cur_left(&list) > 0) {
		if (nhrp_cie_read(&list, m->nbma_family, &cie) != 0)
			return -EBADMSG;
		if (cie.proto.family != ADDR_NONE && cie.proto.family != m->proto_family)
			return -EBADMSG;
	}
	return 0;
}

int
nhrp_msg_read(const uint8_t *pkt, size_t len, struct nhrp_msg *out)
{
	struct cursor c = cur_over(pkt, len);
	struct nhrp_msg m = { 0 };
	uint16_t size, ext_offset;
	int err = head_read(&c, &m, &size, &ext_offset);

	if (err != 0)
		return err;
	size_t addrs_end = (size_t)(c.at - pkt);
	if (size < addrs_end || size > len)
		return -EBADMSG;
	if (sum16(pkt, size) != 0xffff)
		return -EILSEQ;
	if (ext_offset != 0 && (ext_offset < addrs_end || ext_offset + 4u > size))
		return -EBADMSG;

	c.end = pkt + size;
	err = body_read(&c, &m, (ext_offset != 0 ? ext_offset : size) - addrs_end);
	if (err == 0 && ext_offset != 0)
		err = exts_read(&c, &m);
	if (err == 0)
		*out = m;
	return err;
}

static void
head_write(struct writer *w, const struct nhrp_msg *m)
{
	bool indication = m->type >= NHRP_ERROR_INDICATION;

	wr_be16(w, m->nbma_family == ADDR_V4 ? AFN_IPV4 : AFN_IPV6);
	wr_be16(w, m->proto_family == ADDR_V4 ? PROTO_IPV4 : PROTO_IPV6);
	wr_bytes(w, (const uint8_t[5]){ 0 }, 5); /* SNAP */
	wr_u8(w, m->hops);
	wr_be16(w, 0); /* size, checksum, extension offset: patched at the end */
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_u8(w, VERSION_NHRP);
	wr_u8(w, m->type);
	wr_u8(w, addr_bytes(&m->src_nbma));
	wr_u8(w, 0);
	wr_u8(w, addr_bytes(&m->src_proto));
	wr_u8(w, addr_bytes(&m->dst_proto));
	wr_be16(w, indication ? 0 : m->flags);
	wr_be32(w, indication ? (uint32_t)m->code << 16 | m->code_offset : m->request_id);
	addr_write(w, &m->src_nbma);
	addr_write(w, &m->src_proto);
	addr_write(w, &m->dst_proto);
}

static void
exts_write(struct writer *w, const struct nhrp_msg *m)
{
	for (size_t i = 0; i < m->ext_count; i++) {
		const struct nhrp_ext *e = &m->ext[i];

		wr_be16(w, (uint16_t)(e->type | (e->compulsory ? EXT_COMPULSORY : 0)));
		wr_be16(w, (uint16_t)e->value.bytes);
		wr_bytes(w, e->value.data, e->value.bytes);
	}
	wr_be16(w, EXT_COMPULSORY | NHRP_EXT_END);
	wr_be16(w, 0);
}

int
nhrp_msg_write(const struct nhrp_msg *m, uint8_t *buf, size_t size)
{
	struct writer w = wr_over(buf, size < UINT16_MAX ? size : UINT16_MAX);

	head_write(&w, m);
	wr_bytes(&w, m->body.data, m->body.bytes);
	if (m->has_exts) {
		wr_patch_be16(&w, OFFSET_EXTENSIONS, (uint16_t)wr_used(&w));
		exts_write(&w, m);
	}
	if (w.full)
		return -EMSGSIZE;
	wr_patch_be16(&w, OFFSET_SIZE, (uint16_t)wr_used(&w));
	wr_patch_be16(&w, OFFSET_CHECKSUM, (uint16_t)~sum16(buf, wr_used(&w)));
	return (int)wr_used(&w);
}

uint8_t
nhrp_type_peek(const uint8_t *pkt, size_t len)
{
	uint8_t type = len > OFFSET_TYPE ? pkt[OFFSET_TYPE] : 0;

	return type <= NHRP_TRAFFIC_INDICATION ? type : 0;
}

struct nhrp_ext *
nhrp_ext_find(struct nhrp_msg *m, uint16_t type)
{
	for (size_t i = 0; i < m->ext_count; i++)
		if (m->ext[i].type == type)
			return &m->ext[i];
	return NULL;
}

int
nhrp_ext_set(struct nhrp_msg *m, uint16_t type, struct nhrp_slice value)
{
	struct nhrp_ext *e = nhrp_ext_find(m, type);

	if (e == NULL) {
		if (m->ext_count == NHRP_EXTS)
			return -ENOSPC;
		e = &m->ext[m->ext_count++];
		e->type = type;
		e->compulsory = type != NHRP_EXT_NAT && type != NHRP_EXT_VENDOR;
	}
	e->value = value;
	m->has_exts = true;
	return 0;
}

void
nhrp_ext_remove(struct nhrp_msg *m, uint16_t type)
{
	uint8_t kept = 0;

	for (size_t i = 0; i < m->ext_count; i++)
		if (m->ext[i].type != type)
			m->ext[kept++] = m->ext[i];
	m->ext_count = kept;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nhrp/nhrp_engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	ERRORS_PER_S = 20,
	EVENTS_PER_S = 10,
	ERROR_BODY_BYTES = 512, /* of the packet in error; header and addresses always fit */
};

const struct addr *
nhrp_own_addr(const struct nhrp_cloud *cl, const struct addr *peer)
{
	const struct addr *first = NULL;

	for (uint32_t i = 0; i < cl->addresses_count; i++) {
		const struct prefix *p = &cl->addresses[i];

		if (prefix_has(p, peer))
			return &p->addr;
		if (first == NULL && p->addr.family == peer->family)
			first = &p->addr;
	}
	return first;
}

bool
nhrp_is_own(const struct nhrp_cloud *cl, const struct addr *a)
{
	for (uint32_t i = 0; i < cl->addresses_count; i++)
		if (addr_equal(&cl->addresses[i].addr, a))
			return true;
	return false;
}

/** The all-ones address of one of our IPv4 subnets: OpenNHRP registers with it. */
static bool
is_broadcast(const struct nhrp_cloud *cl, const struct addr *a)
{
	for (uint32_t i = 0; a->family == ADDR_V4 && i < cl->addresses_count; i++) {
		const struct prefix *p = &cl->addresses[i];
		const uint8_t *o = a->octet;
		uint32_t host = p->bits < 31 ? 0xffffffffu >> p->bits : 0;
		uint32_t v =
			(uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];

		if (host != 0 && prefix_has(p, a) && (v & host) == host)
			return true;
	}
	return false;
}

bool
nhrp_is_for_us(const struct nhrp_in *in)
{
	const struct addr *dst = &in->msg.dst_proto;

	return dst->family == ADDR_NONE || nhrp_is_own(in->cloud, dst) ||
		addr_equal(dst, &in->msg.src_proto) || is_broadcast(in->cloud, dst);
}

static struct nhrp_slice
scratch_end(struct nhrp *n, const uint8_t *start)
{
	if (n->scratch.full)
		return (struct nhrp_slice){ NULL,
			UINT16_MAX }; /* cannot be sent: see nhrp_send() */
	return (struct nhrp_slice){ start, (size_t)(n->scratch.at - start) };
}

struct nhrp_slice
nhrp_scratch_append(struct nhrp *n, struct nhrp_slice list, const struct nhrp_cie *cie)
{
	const uint8_t *start = n->scratch.at;

	wr_bytes(&n->scratch, list.data, list.bytes);
	nhrp_cie_write(&n->scratch, cie);
	return scratch_end(n, start);
}

struct nhrp_slice
nhrp_scratch_cie(struct nhrp *n, const struct nhrp_cie *cie)
{
	return nhrp_scratch_append(n, (struct nhrp_slice){ 0 }, cie);
}

/** The authentication of a packet is always that of the cloud it leaves through. */
static int
auth_set(const struct nhrp_cloud *cl, struct nhrp_msg *msg)
{
	if (cl->auth_bytes == 0 || msg->type == NHRP_ERROR_INDICATION) {
		nhrp_ext_remove(msg, NHRP_EXT_AUTH);
		return 0;
	}
	return nhrp_ext_set(msg, NHRP_EXT_AUTH, (struct nhrp_slice){ cl->auth, cl->auth_bytes });
}

int
nhrp_send(struct nhrp_cloud *cl, uint64_t link, struct nhrp_msg *msg)
{
	struct nhrp *n = cl->n;

	if (n->scratch.full || auth_set(cl, msg) != 0)
		return -EMSGSIZE;
	/* GRE and ESP are made for inner packets of this size; beyond it they would fragment. */
	size_t room = cl->mtu < sizeof(n->out) ? cl->mtu : sizeof(n->out);
	int len = nhrp_msg_write(msg, n->out, room);
	if (len < 0)
		return len;
	n->ops->send(n->user, cl->id, link, n->out, (size_t)len);
	return 0;
}

void
nhrp_send_own(struct nhrp_cloud *cl, uint64_t link, struct nhrp_msg *msg)
{
	int err = nhrp_send(cl, link, msg);

	nhrp_count(cl, msg->type, err == 0 ? NHRP_SENT : NHRP_DROP_TOO_BIG);
}

static void
responder_add(struct nhrp_in *in, struct nhrp_msg *reply)
{
	const struct nhrp_cloud *cl = in->cloud;
	struct nhrp_cie cie = { .hold_s = cl->hold_s, .nbma = cl->nbma };

	if (nhrp_ext_find(&in->msg, NHRP_EXT_RESPONDER) == NULL)
		return;
	cie.proto = *nhrp_own_addr(cl, &in->msg.src_proto);
	nhrp_ext_set(reply, NHRP_EXT_RESPONDER, nhrp_scratch_cie(in->n, &cie));
}

static void
ext_echo(struct nhrp_in *in, struct nhrp_msg *reply, uint16_t type)
{
	const struct nhrp_ext *e = nhrp_ext_find(&in->msg, type);

	if (e != NULL && reply->ext_count < NHRP_EXTS)
		reply->ext[reply->ext_count++] = *e;
}

/** What we do not know and was not compulsory comes back as it was. */
static void
ext_echo_rest(struct nhrp_in *in, struct nhrp_msg *reply)
{
	for (size_t i = 0; i < in->msg.ext_count; i++) {
		uint16_t type = in->msg.ext[i].type;
		bool done = type == NHRP_EXT_RESPONDER || type == NHRP_EXT_FORWARD ||
			type == NHRP_EXT_REVERSE || type == NHRP_EXT_AUTH || type == NHRP_EXT_NAT;

		if (!done && reply->ext_count < NHRP_EXTS)
			reply->ext[reply->ext_count++] = in->msg.ext[i];
	}
}

void
nhrp_reply(struct nhrp_in *in, uint8_t type, uint16_t flags, struct nhrp_slice cies,
	struct nhrp_slice nat)
{
	struct nhrp_msg reply = {
		.type = type,
		.hops = NHRP_HOPS,
		.nbma_family = in->msg.nbma_family,
		.proto_family = in->msg.proto_family,
		.flags = flags,
		.request_id = in->msg.request_id,
		.src_nbma = in->msg.src_nbma,
		.src_proto = in->msg.src_proto,
		.dst_proto = in->msg.dst_proto,
		.body = cies,
		.has_exts = true,
	};

	/* A spoke that did not know our overlay address learns it from here (FRR, Cisco dynamic
	 * NHS). */
	if (type == NHRP_REGISTRATION_REPLY && !nhrp_is_own(in->cloud, &reply.dst_proto))
		reply.dst_proto = *nhrp_own_addr(in->cloud, &in->msg.src_proto);

	/* In the order we like to send: 3, 4, 5, 7, 9, others. */
	responder_add(in, &reply);
	ext_echo(in, &reply, NHRP_EXT_FORWARD);
	ext_echo(in, &reply, NHRP_EXT_REVERSE);
	auth_set(in->cloud, &reply);
	if (nhrp_ext_find(&in->msg, NHRP_EXT_NAT) != NULL)
		nhrp_ext_set(&reply, NHRP_EXT_NAT, nat);
	ext_echo_rest(in, &reply);
	nhrp_send_own(in->cloud, in->from->sa, &reply);
}

void
nhrp_error_send(struct nhrp_in *in, enum nhrp_error code)
{
	struct nhrp_cloud *cl = in->cloud;
	const struct addr *own = nhrp_own_addr(cl, &in->msg.src_proto);
	struct nhrp_msg m = {
		.type = NHRP_ERROR_INDICATION,
		.hops = NHRP_HOPS,
		.nbma_family = in->msg.nbma_family,
		.proto_family = in->msg.proto_family,
		.code = code,
		.src_nbma = cl->nbma,
		.dst_proto = in->msg.src_proto,
		.body = { in->pkt, in->len < ERROR_BODY_BYTES ? in->len : ERROR_BODY_BYTES },
	};

	if (in->msg.type == NHRP_ERROR_INDICATION || own == NULL || in->from->sa == NHRP_NO_LINK)
		return;
	if (!nhrp_bucket_take(&cl->errors, ERRORS_PER_S, ERRORS_PER_S, in->n->now_ms))
		return;
	m.src_proto = *own;
	nhrp_send_own(cl, in->from->sa, &m);
}

static void
event_va(struct nhrp_cloud *cl, uint64_t link, enum nhrp_reason reason, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	cl->n->ops->event(cl->n->user, cl->id, link, reason, text);
}

void
nhrp_event(struct nhrp_cloud *cl, uint64_t link, enum nhrp_reason reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	event_va(cl, link, reason, fmt, ap);
	va_end(ap);
}

void
nhrp_event_limited(
	struct nhrp_cloud *cl, uint64_t link, enum nhrp_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (!nhrp_bucket_take(&cl->events, EVENTS_PER_S, EVENTS_PER_S, cl->n->now_ms))
		return;
	va_start(ap, fmt);
	event_va(cl, link, reason, fmt, ap);
	va_end(ap);
}

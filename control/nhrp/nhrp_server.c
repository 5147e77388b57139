/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: every packet comes in here, is checked in the order of the wire notes
 * (form, cloud, rate, authentication), handed to its handler, and counted once.
 */
#include "control/nhrp/nhrp_engine.h"

#include <errno.h>

#include "crypto/secret.h"

enum {
	REGISTRATIONS_PER_S = 50, /* per link; a spoke has a few bindings */
	OTHERS_PER_S = 500,       /* per link; another hub relays for many */
};

void
nhrp_clock(struct nhrp *n, uint64_t now_ms)
{
	n->now_ms = now_ms;
	n->scratch = wr_over(n->scratch_room, sizeof(n->scratch_room));
}

static enum nhrp_outcome
parse_outcome(int err)
{
	switch (err) {
	case -EILSEQ:
		return NHRP_DROP_CHECKSUM;
	case -EPROTONOSUPPORT:
	case -EAFNOSUPPORT:
		return NHRP_DROP_UNSUPPORTED;
	default:
		return NHRP_DROP_MALFORMED;
	}
}

/** Exact value, compared in constant time. */
static bool
auth_fits(struct nhrp_in *in)
{
	const struct nhrp_cloud *cl = in->cloud;
	const struct nhrp_ext *e = nhrp_ext_find(&in->msg, NHRP_EXT_AUTH);

	if (cl->auth_bytes == 0)
		return true;
	/* Or two stations with different strings would answer each other for ever. */
	if (in->msg.type == NHRP_ERROR_INDICATION && in->msg.code == NHRP_ERROR_AUTH)
		return true;
	return e != NULL && e->value.bytes == cl->auth_bytes &&
		crypto_equal(e->value.data, cl->auth, cl->auth_bytes);
}

static void
auth_refuse(struct nhrp_in *in)
{
	char outer[ADDR_TEXT_BYTES];

	nhrp_event_limited(in->cloud, in->from->sa, NHRP_BAD_AUTH, "%s from %s",
		nhrp_type_name(in->msg.type), addr_print(&in->from->outer, outer));
	nhrp_error_send(in, NHRP_ERROR_AUTH);
}

/** Own budgets for registrations, so that nothing else can starve them. */
static bool
rate_fits(struct nhrp_in *in)
{
	struct nhrp_link *l = in->link;
	uint64_t now_ms = in->n->now_ms;

	if (l == NULL)
		return true;
	if (in->msg.type == NHRP_REGISTRATION_REQUEST)
		return nhrp_bucket_take(
			&l->registrations, REGISTRATIONS_PER_S, 2 * REGISTRATIONS_PER_S, now_ms);
	return nhrp_bucket_take(&l->others, OTHERS_PER_S, 2 * OTHERS_PER_S, now_ms);
}

/** RFC 2332, 5.3: only the station that answers has to know compulsory extensions. */
static bool
exts_known(const struct nhrp_msg *m)
{
	for (size_t i = 0; i < m->ext_count; i++) {
		uint16_t type = m->ext[i].type;
		bool known = type == NHRP_EXT_RESPONDER || type == NHRP_EXT_FORWARD ||
			type == NHRP_EXT_REVERSE || type == NHRP_EXT_AUTH ||
			type == NHRP_EXT_VENDOR || type == NHRP_EXT_NAT ||
			type == NHRP_EXT_MOBILE_AUTH;

		if (m->ext[i].compulsory && !known)
			return false;
	}
	return true;
}

/** Does the packet end here? Then its extensions have to be understood. */
static bool
ends_here(const struct nhrp_in *in)
{
	struct nhrp_route route;

	switch (in->msg.type) {
	case NHRP_REGISTRATION_REQUEST:
	case NHRP_PURGE_REQUEST:
		return nhrp_is_for_us(in);
	case NHRP_RESOLUTION_REQUEST:
		return nhrp_egress(in->cloud, &in->msg.dst_proto, &route) == NULL;
	default:
		return false;
	}
}

static enum nhrp_outcome
resolution_reply(struct nhrp_in *in)
{
	if (!nhrp_is_own(in->cloud, &in->msg.src_proto))
		return nhrp_forward_to(in, &in->msg.src_proto);
	nhrp_error_send(in, NHRP_ERROR_REPLY); /* we never ask */
	return NHRP_DROP_UNEXPECTED;
}

enum nhrp_outcome
nhrp_error_input(struct nhrp_in *in)
{
	struct nhrp_msg inner;

	if (nhrp_is_own(in->cloud, &in->msg.src_proto) ||
		addr_equal(&in->msg.src_nbma, &in->cloud->nbma))
		return NHRP_DROP_LOOP;
	if (!nhrp_is_for_us(in))
		return nhrp_forward_to(in, &in->msg.dst_proto);
	nhrp_event_limited(in->cloud, in->from->sa, NHRP_ERROR_RECEIVED, "code %u at offset %u",
		in->msg.code, in->msg.code_offset);
	if (nhrp_head_read(in->msg.body.data, in->msg.body.bytes, &inner) == 0 &&
		inner.type == NHRP_PURGE_REQUEST && nhrp_is_own(in->cloud, &inner.src_proto))
		nhrp_pending_done(in->n, inner.request_id, &inner.dst_proto);
	return NHRP_TAKEN;
}

static enum nhrp_outcome
dispatch(struct nhrp_in *in)
{
	switch (in->msg.type) {
	case NHRP_RESOLUTION_REQUEST:
		return nhrp_resolve(in);
	case NHRP_RESOLUTION_REPLY:
		return resolution_reply(in);
	case NHRP_REGISTRATION_REQUEST:
		return nhrp_register(in);
	case NHRP_REGISTRATION_REPLY:
		if (nhrp_is_own(in->cloud, &in->msg.src_proto))
			return NHRP_DROP_UNEXPECTED;
		return nhrp_forward_to(in, &in->msg.src_proto);
	case NHRP_PURGE_REQUEST:
		return nhrp_purge_request(in);
	case NHRP_PURGE_REPLY:
		return nhrp_purge_reply(in);
	case NHRP_ERROR_INDICATION:
		return nhrp_error_input(in);
	default:
		return NHRP_IGNORED; /* a hub builds no shortcuts of its own */
	}
}

static enum nhrp_outcome
input(struct nhrp_in *in)
{
	struct nhrp_cloud *cl = in->cloud;
	int err =
		in->len > NHRP_PACKET_BYTES ? -EBADMSG : nhrp_msg_read(in->pkt, in->len, &in->msg);

	if (err != 0)
		return parse_outcome(err);
	struct addr any = { .family = in->msg.proto_family };
	if (in->msg.nbma_family != cl->nbma.family || nhrp_own_addr(cl, &any) == NULL)
		return NHRP_DROP_CLOUD;
	if (!rate_fits(in))
		return NHRP_DROP_RATE;
	if (!auth_fits(in)) {
		auth_refuse(in);
		return NHRP_DROP_AUTH;
	}
	if (!exts_known(&in->msg) && ends_here(in)) {
		nhrp_error_send(in, NHRP_ERROR_EXTENSION);
		return NHRP_DROP_EXTENSION;
	}
	return dispatch(in);
}

void
nhrp_input(struct nhrp *n, uint32_t cloud, const struct nhrp_from *from, const uint8_t *pkt,
	size_t len, uint64_t now_ms)
{
	struct nhrp_cloud *cl = nhrp_cloud_find(n, cloud);

	nhrp_clock(n, now_ms);
	if (cl == NULL) {
		n->unknown_cloud++;
		return;
	}
	struct nhrp_in in = {
		.n = n,
		.cloud = cl,
		.from = from,
		.link = nhrp_link_find(&cl->cache, from->sa),
		.pkt = pkt,
		.len = len,
	};
	uint8_t type = nhrp_type_peek(pkt, len);
	nhrp_count(cl, type, input(&in));
}

void
nhrp_count(struct nhrp_cloud *cl, uint8_t type, enum nhrp_outcome o)
{
	cl->counters.packets[type][o]++;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/nhrp_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct addr
rig_addr(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) != 0)
		abort();
	return a;
}

static void
on_send(void *user, uint32_t cloud, uint64_t link, const uint8_t *pkt, size_t len)
{
	struct rig *r = user;
	unsigned i = r->sent_count++;

	if (i >= RIG_SENT)
		return;
	r->sent[i] = (struct rig_packet){ .cloud = cloud, .link = link, .len = len };
	memcpy(r->sent[i].data, pkt, len);
	if (nhrp_msg_read(r->sent[i].data, len, &r->sent[i].msg) != 0)
		abort(); /* whatever the engine sends can be read */
}

static void
change(struct rig *r, bool up, const struct nhrp_binding *b, enum nhrp_reason reason)
{
	if (r->changes_count < RIG_EVENTS)
		r->changes[r->changes_count] =
			(struct rig_change){ .up = up, .reason = reason, .b = *b };
	r->changes_count++;
}

static void
on_up(void *user, const struct nhrp_binding *b)
{
	change(user, true, b, NHRP_REGISTERED);
}

static void
on_down(void *user, const struct nhrp_binding *b, enum nhrp_reason reason)
{
	change(user, false, b, reason);
}

static void
on_route(void *user, uint32_t cloud, const struct addr *dst, struct nhrp_route *out)
{
	struct rig *r = user;

	(void)cloud;
	for (unsigned i = 0; i < r->routes_count; i++) {
		if (!prefix_has(&r->routes[i].dst, dst))
			continue;
		*out = r->routes[i].route;
		if (out->next_hop.family == ADDR_NONE)
			out->next_hop = *dst;
		return;
	}
}

static bool
on_shortcut(void *user, uint32_t cloud_a, uint64_t link_a, uint32_t cloud_b, uint64_t link_b)
{
	struct rig *r = user;

	(void)cloud_a, (void)link_a, (void)cloud_b, (void)link_b;
	return !r->deny_shortcuts;
}

static bool
on_register(void *user, uint32_t cloud, uint64_t link, const struct prefix *p)
{
	const struct rig *r = user;

	(void)cloud, (void)p;
	return link != r->deny_link;
}

static void
on_event(void *user, uint32_t cloud, uint64_t link, enum nhrp_reason reason, const char *text)
{
	struct rig *r = user;

	(void)cloud, (void)link, (void)text;
	r->events[reason]++;
}

static void
on_random(void *user, void *out, size_t n)
{
	(void)user;
	memset(out, 0x5a, n);
}

static const struct nhrp_ops ops = { on_send, on_up, on_down, on_route, on_shortcut, on_register,
	on_event, on_random };

struct rig *
rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (r == NULL)
		abort();
	r->now_ms = 1000000;
	r->conf = (struct config_nhrp){
		.network_id = 1,
		.holdtime_s = 7200,
		.holdtime_min_s = 10,
		.holdtime_max_s = 65535,
		.redirect = true,
		.max_prefix_bits_v4 = 32,
		.max_prefix_bits_v6 = 128,
	};
	r->n = nhrp_new(&ops, r);
	rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
	return r;
}

void
rig_cloud(struct rig *r, uint32_t cloud, const char *v4, const char *v6, const char *nbma)
{
	struct nhrp_cloud_conf c = { .nbma = rig_addr(nbma), .mtu = 1400, .nhrp = &r->conf };

	if (prefix_parse(v4, &c.addresses[0]) != 0 || prefix_parse(v6, &c.addresses[1]) != 0)
		abort();
	c.addresses_count = 2;
	if (nhrp_cloud_set(r->n, cloud, &c) != 0)
		abort();
}

void
rig_password(struct rig *r, const char *password)
{
	memcpy(r->password, password, strlen(password));
	r->conf.authentication.data = r->password;
	r->conf.authentication.bytes = strlen(password);
	rig_cloud(r, 1, "10.0.0.1/24", "fd00::1/64", "198.51.100.1");
}

void
rig_free(struct rig *r)
{
	nhrp_free(r->n);
	free(r);
}

void
rig_forget(struct rig *r)
{
	r->sent_count = 0;
	r->changes_count = 0;
	memset(r->events, 0, sizeof(r->events));
}

void
rig_sleep(struct rig *r, uint64_t ms)
{
	uint64_t end_ms = r->now_ms + ms, next_ms;

	while ((next_ms = nhrp_next_ms(r->n)) <= end_ms) {
		if (next_ms > r->now_ms)
			r->now_ms = next_ms;
		nhrp_tick(r->n, r->now_ms);
	}
	r->now_ms = end_ms;
}

void
rig_route(struct rig *r, const char *dst, enum nhrp_route_kind kind, uint32_t cloud,
	const char *next_hop)
{
	struct rig_route *rt = &r->routes[r->routes_count++];

	if (r->routes_count > RIG_ROUTES || prefix_parse(dst, &rt->dst) != 0)
		abort();
	rt->route = (struct nhrp_route){ .kind = kind, .prefix = rt->dst, .cloud = cloud };
	if (next_hop != NULL)
		rt->route.next_hop = rig_addr(next_hop);
}

uint64_t
rig_counted(const struct rig *r, uint8_t type, enum nhrp_outcome o)
{
	return nhrp_counters(r->n, 1)->packets[type][o];
}

struct rig_spoke
rig_spoke(unsigned i, bool protected)
{
	struct rig_spoke s = { .cloud = 1, .hold_s = 600, .flags = NHRP_FLAG_NAT, .next_id = 1 };
	char text[32];

	s.proto = addr_from_v4(0);
	s.proto.octet[0] = 10;
	s.proto.octet[1] = (uint8_t)((i + 10) >> 16);
	s.proto.octet[2] = (uint8_t)((i + 10) >> 8);
	s.proto.octet[3] = (uint8_t)(i + 10);
	s.nbma = s.proto;
	s.nbma.octet[0] = 192;
	s.from = (struct nhrp_from){ .sa = 100 + i, .outer = s.nbma };
	s.identity.type = protected ? ID_FQDN : ID_NONE;
	if (protected) {
		s.identity.bytes = (uint8_t)snprintf(text, sizeof(text), "spoke-%u", i);
		memcpy(s.identity.data, text, s.identity.bytes);
	}
	return s;
}

void
rig_spoke_nat(struct rig_spoke *s, const char *outer, uint16_t port)
{
	s->from.outer = rig_addr(outer);
	s->from.udp_port = port;
}

struct nhrp_msg
rig_request(struct rig_spoke *s, uint8_t type, const char *dst)
{
	static const uint8_t none[1];
	static const uint16_t exts[] = { NHRP_EXT_RESPONDER, NHRP_EXT_FORWARD, NHRP_EXT_REVERSE,
		NHRP_EXT_NAT };
	struct nhrp_msg m = {
		.type = type,
		.hops = 64,
		.nbma_family = s->nbma.family,
		.proto_family = s->proto.family,
		.flags = s->flags,
		.request_id = s->next_id++,
		.src_nbma = s->nbma,
		.src_proto = s->proto,
		.dst_proto = rig_addr(dst),
		.body = { none, 0 },
	};

	for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
		nhrp_ext_set(&m, exts[i], (struct nhrp_slice){ none, 0 });
	return m;
}

void
rig_feed(struct rig *r, const struct rig_spoke *s, const struct nhrp_msg *m)
{
	uint8_t auth[12] = { 0, 0, 0, 1 }, pkt[NHRP_PACKET_BYTES];
	struct nhrp_from from = s->from;
	struct nhrp_msg copy = *m;

	from.identity = s->identity.type == ID_NONE ? NULL : &s->identity;
	if (r->conf.authentication.bytes != 0 && nhrp_ext_find(&copy, NHRP_EXT_AUTH) == NULL) {
		memcpy(auth + 4, r->password, r->conf.authentication.bytes);
		nhrp_ext_set(&copy, NHRP_EXT_AUTH,
			(struct nhrp_slice){ auth, 4 + r->conf.authentication.bytes });
	}
	int len = nhrp_msg_write(&copy, pkt, sizeof(pkt));
	if (len < 0)
		abort();
	nhrp_input(r->n, s->cloud, &from, pkt, (size_t)len, r->now_ms);
}

int
rig_register(struct rig *r, struct rig_spoke *s)
{
	struct nhrp_cie cie = { .prefix_bits = 0xff, .mtu = 1400, .hold_s = s->hold_s };
	struct nhrp_msg m = rig_request(
		s, NHRP_REGISTRATION_REQUEST, s->proto.family == ADDR_V4 ? "10.0.0.1" : "fd00::1");
	uint8_t room[64];
	struct writer w = wr_over(room, sizeof(room));
	unsigned before = r->sent_count;

	nhrp_cie_write(&w, &cie);
	m.body = (struct nhrp_slice){ room, wr_used(&w) };
	rig_feed(r, s, &m);
	if (r->sent_count == before || r->sent_count > RIG_SENT ||
		!rig_cie(&rig_last(r)->msg, rig_last(r)->msg.body, 0, &cie))
		return -1;
	return rig_last(r)->msg.type == NHRP_REGISTRATION_REPLY ? cie.code : -1;
}

struct rig_packet *
rig_last(struct rig *r)
{
	return r->sent_count == 0 || r->sent_count > RIG_SENT ? NULL : &r->sent[r->sent_count - 1];
}

bool
rig_cie(const struct nhrp_msg *m, struct nhrp_slice list, unsigned index, struct nhrp_cie *cie)
{
	struct cursor c = cur_over(list.data, list.bytes);

	while (cur_left(&c) > 0) {
		if (nhrp_cie_read(&c, m->nbma_family, cie) != 0)
			return false;
		if (index-- == 0)
			return true;
	}
	return false;
}

struct nhrp_slice
rig_ext(struct nhrp_msg *m, uint16_t type)
{
	struct nhrp_ext *e = nhrp_ext_find(m, type);

	return e == NULL ? (struct nhrp_slice){ NULL, 0 } : e->value;
}

void
rig_checksum(uint8_t *pkt, size_t len)
{
	uint32_t sum = 0;

	pkt[12] = pkt[13] = 0;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)pkt[i] << 8 : pkt[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	pkt[12] = (uint8_t)(~sum >> 8);
	pkt[13] = (uint8_t)~sum;
}

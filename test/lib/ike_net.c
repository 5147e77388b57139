/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/lib/ike_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/pki.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_msg.h"
#include "test/lib/vector_file.h"

static uint64_t
random_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/** What the outside sees of an address and port; all spokes share one NAT box. */
static void
nat_out(const struct net *n, const struct node *from, struct addr *a, uint16_t *port)
{
	bool spoke = from != &n->hub;

	if (spoke ? !n->nat_spoke : !n->nat_hub)
		return;
	addr_parse(spoke ? "198.51.100.77" : "198.51.100.88", a);
	if (spoke)
		*port = (uint16_t)(*port + 10000 + from->nat_port + n->nat_port_shift);
}

/** Whom a datagram to these reaches: *port becomes the one behind the NAT. NULL: nobody. */
static struct node *
nat_in(struct net *n, const struct node *from, const struct addr *a, uint16_t *port)
{
	static const uint16_t ports[] = { IKE_PORT, IKE_PORT_NATT };

	for (unsigned i = 0; i < 2 + n->more_count; i++) {
		struct node *nd = i == 0 ? &n->hub : i == 1 ? &n->spoke : &n->more[i - 2];

		for (unsigned j = 0; j < 2; j++) {
			struct addr public = nd->addr;
			uint16_t mapped = ports[j];

			nat_out(n, nd, &public, &mapped);
			bool also = ports[j] == *port && addr_equal(&nd->also, a);

			if (nd == from || (!also && (mapped != *port || !addr_equal(&public, a))))
				continue;
			*port = ports[j];
			return nd;
		}
	}
	return NULL;
}

static void
enqueue(struct net *n, struct node *to, const struct ike_path *path, const uint8_t *b, size_t len,
	uint64_t at_ms)
{
	for (unsigned i = 0; i < NET_PACKETS; i++) {
		struct net_packet *p = &n->packet[i];

		if (p->used)
			continue;
		*p = (struct net_packet){
			.used = true, .to = to, .path = *path, .at_ms = at_ms, .n = len
		};
		p->bytes = malloc(len);
		memcpy(p->bytes, b, len);
		return;
	}
	abort();
}

static void
op_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t len)
{
	struct node *nd = user;
	struct net *n = nd->net;
	struct node *to;
	int number = (int)n->sent++;

	n->longest = len > n->longest ? len : n->longest;
	struct ike_path seen = {
		.local = path->remote,
		.local_port = path->remote_port,
		.remote = path->local,
		.remote_port = path->local_port,
		.natt = path->natt,
	};
	uint64_t at = n->now_ms + 1 + (n->delay_ms ? random_next(&n->random) % n->delay_ms : 0);

	nat_out(n, nd, &seen.remote, &seen.remote_port);
	to = nat_in(n, nd, &path->remote, &seen.local_port);
	memcpy(nd->last, bytes, len);
	nd->last_bytes = len;
	if (n->cut || number == n->lose ||
		(n->lose_percent && random_next(&n->random) % 100 < n->lose_percent))
		return;
	if (to == NULL)
		return;
	seen.local = addr_equal(&path->remote, &to->also) ? to->also : to->addr;
	enqueue(n, to, &seen, bytes, len, at);
	if (number == n->twice ||
		(n->twice_percent && random_next(&n->random) % 100 < n->twice_percent))
		enqueue(n, to, &seen, bytes, len, at + 700);
}

static void
op_random(void *user, void *out, size_t len)
{
	struct node *nd = user;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(random_next(&nd->random) >> 24);
}

/** The first few times what is in use, or none: those must not be taken. */
static uint64_t
op_ike_spi(void *user)
{
	struct node *nd = user;
	uint64_t spi;

	if (nd->ike_spis++ % 3 == 0)
		return nd->ike_spi_last;
	op_random(nd, &spi, sizeof(spi));
	return nd->ike_spi_last = (spi & ~0xffffull) | NET_SPI_MARK;
}

static void
op_ike_spi_proven(void *user, uint64_t spi)
{
	struct node *nd = user;

	nd->ike_spis_proven += (spi & 0xffff) == NET_SPI_MARK;
}

static void
op_ike_spi_free(void *user, uint64_t spi)
{
	struct node *nd = user;

	nd->ike_spis_freed += (spi & 0xffff) == NET_SPI_MARK;
}

static int64_t
op_wall_s(void *user)
{
	return ((struct node *)user)->wall_s;
}

static uint32_t
op_spi_alloc(void *user)
{
	struct node *nd = user;

	if (nd->spis_gone)
		return 0;
	nd->spis++;
	return (uint32_t)(random_next(&nd->random) >> 16) | 0x1000;
}

static void
op_spi_free(void *user, uint32_t spi)
{
	struct node *nd = user;

	nd->spis--;
}

static struct net_child *
child_find(struct node *nd, uint64_t child)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++)
		if (nd->child[i].used && nd->child[i].sa.child == child)
			return &nd->child[i];
	return NULL;
}

static int
op_child_install(void *user, const struct ike_child_sa *c)
{
	struct node *nd = user;

	if (nd->install_fails)
		return -ENOSPC;
	nd->installs++;
	for (unsigned i = 0; i < NET_CHILDREN; i++) {
		struct net_child *nc = &nd->child[i];

		if (nc->used)
			continue;
		*nc = (struct net_child){ .sa = *c,
			.used = true,
			.in_from_ms = nd->net->now_ms + nd->in_late_ms,
			.in_until_ms = UINT64_MAX };
		if (nd->install_ms == 0)
			return 0;
		nc->pending = true;
		nc->ack_ms = nd->net->now_ms + nd->install_ms;
		return -EINPROGRESS;
	}
	return -ENOSPC;
}

static void
op_use_outbound(void *user, uint64_t child)
{
	struct node *nd = user;

	if (child_find(nd, child) == NULL)
		abort();
	nd->sending = child;
}

static void
op_child_remove(void *user, uint64_t child, enum ike_reason reason)
{
	struct node *nd = user;
	struct net_child *c = child_find(nd, child);

	if (c == NULL || c->removed)
		abort();
	c->removed = true;
	c->reason = reason;
	nd->removals[reason]++;
	c->pending = false;
	c->in_until_ms = nd->net->now_ms + (reason == IKE_REASON_REKEYED ? 5000 : 0);
	if (nd->sending == child)
		nd->sending = 0;
	nd->spis--;
}

static void
op_child_moved(void *user, uint64_t child, const struct ike_path *path)
{
	struct node *nd = user;

	nd->moved++;
}

static void
op_peer_up(void *user, const struct ike_session *s)
{
	struct node *nd = user;

	nd->ups++;
	nd->session = *s;
}

static void
op_peer_down(void *user, const struct ike_session *s, enum ike_reason reason)
{
	struct node *nd = user;

	nd->downs++;
	nd->down_reason = reason;
}

static void
op_event(void *user, const struct ike_event *e)
{
	struct node *nd = user;

	nd->last_event = *e;
	nd->events[e->reason]++;
	nd->left_out += e->left_out;
}

static int
op_submit(void *user, struct ike_job *job, enum ike_job_rank rank)
{
	struct node *nd = user;

	if (nd->jobs_room == 0)
		return -ENOSYS;
	unsigned taken = nd->jobs;

	if (nd->ranked) {
		taken = 0;
		for (unsigned i = 0; i < nd->jobs; i++)
			taken += nd->job_rank[i] == rank;
	}
	if (taken == nd->jobs_room || nd->jobs == NET_JOBS) {
		nd->jobs_refused++;
		return -EAGAIN;
	}
	nd->jobs_of[rank]++;
	nd->job_rank[nd->jobs] = (uint8_t)rank;
	nd->job[nd->jobs++] = job;
	return 0;
}

bool
net_job(struct node *nd)
{
	unsigned first = 0;

	if (nd->jobs == 0)
		return false;
	for (unsigned i = 1; i < nd->jobs; i++)
		if (nd->job_rank[i] < nd->job_rank[first])
			first = i;
	struct ike_job *job = nd->job[first];

	nd->jobs--;
	memmove(&nd->job[first], &nd->job[first + 1], (nd->jobs - first) * sizeof(nd->job[0]));
	memmove(&nd->job_rank[first], &nd->job_rank[first + 1], nd->jobs - first);
	ike_job_run(job);
	ike_job_done(nd->ike, job, nd->net->now_ms);
	return true;
}

void
net_jobs(struct node *nd)
{
	while (nd->jobs > 0) {
		struct ike_job *job = nd->job[--nd->jobs];

		ike_job_run(job);
		ike_job_done(nd->ike, job, nd->net->now_ms);
	}
}

static bool
op_binding_changed(void *user, const struct ike_session *s)
{
	struct node *nd = user;

	nd->rebound++;
	nd->session = *s;
	return !nd->binding_misfits;
}

static void
op_keepalive(void *user, const struct ike_path *path)
{
	struct node *nd = user;

	if (!path->natt || path->local_port != IKE_PORT_NATT)
		abort();
	nd->keepalives++;
}

static const struct ike_ops ops = {
	.binding_changed = op_binding_changed,
	.send = op_send,
	.keepalive = op_keepalive,
	.random = op_random,
	.wall_s = op_wall_s,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = op_child_install,
	.child_use_outbound = op_use_outbound,
	.child_remove = op_child_remove,
	.child_moved = op_child_moved,
	.peer_up = op_peer_up,
	.peer_down = op_peer_down,
	.event = op_event,
	.submit = op_submit,
	.ike_spi = op_ike_spi,
	.ike_spi_proven = op_ike_spi_proven,
	.ike_spi_free = op_ike_spi_free,
};

struct config_pki *
net_pki(const char *name)
{
	struct config_pki *p = config_pki_new();
	const char *key =
		strchr(name, '-') != NULL || strcmp(name, "hub") == 0 || strcmp(name, "weak") == 0
		? name
		: "spoke-p256"; /* the one key of all certificates that are wrong otherwise */

	p->key = vector_key(key);
	p->own[p->own_count++] = vector_cert(name);
	p->own[p->own_count++] = vector_cert("sub");
	p->send_chain = true;
	p->trust = vector_trust("root", CERT_CRL_OFF, false, NULL);
	return p;
}

struct config_psk
net_psk(const char *key)
{
	struct config_psk p = { 0 };

	secret_set(&p.key, key, strlen(key));
	return p;
}

struct config_ppk
net_ppk(const char *id, const char *key)
{
	struct config_ppk p = { .id_bytes = (uint8_t)strlen(id) };

	memcpy(p.id, id, p.id_bytes);
	secret_set(&p.key, key, strlen(key));
	return p;
}

struct config_proposal
net_ike_line(uint16_t encr, uint16_t bits, uint16_t integ, uint16_t prf, uint16_t dh)
{
	return (struct config_proposal){
		.encr = encr, .encr_bits = bits, .integ = integ, .prf = prf, .dh = dh
	};
}

struct config_proposal
net_esp_line(uint16_t encr, uint16_t bits, uint16_t integ)
{
	return (struct config_proposal){ .encr = encr, .encr_bits = bits, .integ = integ };
}

struct config_identity
net_fqdn(const char *name)
{
	struct config_identity id = { .type = ID_FQDN, .bytes = (uint8_t)strlen(name) };

	memcpy(id.data, name, id.bytes);
	return id;
}

static void
node_begin(struct net *n, struct node *nd, const char *name, const char *addr, uint64_t seed)
{
	nd->net = n;
	nd->name = name;
	nd->random = seed;
	nd->wall_s = VECTOR_NOW_S;
	addr_parse(addr, &nd->addr);
	strcpy(nd->profile.name, "dmvpn");
	nd->profile.ike[0] =
		net_ike_line(ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256, 31);
	nd->profile.ike_count = 1;
	nd->profile.esp[0] = net_esp_line(ENCR_AES_GCM_16, 128, 0);
	nd->profile.esp_count = 1;
	nd->profile.max_children = 4;
	nd->profile.replay_window = 1024;
	nd->psks[0] = net_psk("a shared key of the test");
	nd->psks_count = 1;
}

void
net_begin(struct net *n)
{
	memset(n, 0, sizeof(*n));
	n->now_ms = 1000;
	n->lose = n->twice = -1;
	n->random = 88172645463325252ull;
	node_begin(n, &n->hub, "hub", "192.0.2.1", 0x1234567890abcdefull);
	node_begin(n, &n->spoke, "spoke", "192.0.2.99", 0xfedcba0987654321ull);
}

void
net_configure(struct node *nd)
{
	struct ike_listener listeners[] = { { .local = nd->addr, .profile = &nd->profile },
		{ .local = nd->also, .profile = &nd->profile } };
	struct ike_conf conf = {
		.listeners = listeners,
		.listeners_count = nd->also.family == ADDR_NONE ? 1 : 2,
		.psks = nd->psks,
		.psks_count = nd->psks_count,
		.ppks = nd->ppks,
		.ppks_count = nd->ppks_count,
		.profiles = nd->bound,
		.limits = nd->limits,
	};

	while (conf.profiles_count < 2 && nd->bound[conf.profiles_count].name[0] != '\0')
		conf.profiles_count++;
	if (ike_configure(nd->ike, &conf, nd->net->now_ms) != 0)
		abort();
}

struct config_ike_profile *
net_bind(struct node *nd, const char *name)
{
	struct config_ike_profile *p = &nd->bound[nd->bound[0].name[0] != '\0'];

	*p = nd->profile;
	p->pki = NULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(nd->psks[0].binding.profile, sizeof(nd->psks[0].binding.profile), "%s", name);
	return p;
}

static void
node_start(struct node *nd)
{
	nd->ike_spi_last = 0;
	nd->ike = ike_new(&ops, nd);
	if (nd->ike == NULL)
		abort();
	net_configure(nd);
}

void
net_start(struct net *n)
{
	if (n->nat_spoke)
		addr_parse("10.9.9.9", &n->spoke.addr);
	if (n->nat_hub)
		addr_parse("10.1.1.1", &n->hub.addr);
	node_start(&n->hub);
	node_start(&n->spoke);
}

void
net_restart(struct node *nd)
{
	ike_free(nd->ike);
	memset(nd->child, 0, sizeof(nd->child));
	nd->sending = 0;
	nd->spis = 0;
	node_start(nd);
}

struct node *
net_more(struct net *n, const char *addr)
{
	struct node *nd = &n->more[n->more_count++];

	*nd = (struct node){
		.net = n, .name = "more", .random = 0x9e3779b97f4a7c15ull * n->more_count
	};
	nd->nat_port = (uint16_t)(100 * n->more_count);
	addr_parse(addr, &nd->addr);
	nd->profile = n->spoke.profile;
	config_pki_get(nd->profile.pki);
	nd->psks[0] = net_psk("a shared key of the test");
	nd->psks_count = 1;
	node_start(nd);
	return nd;
}

static void
node_end(struct node *nd)
{
	net_jobs(nd);
	ike_free(nd->ike);
	config_pki_put(nd->profile.pki);
	for (unsigned i = 0; i < nd->psks_count; i++)
		secret_wipe(&nd->psks[i].key);
	for (unsigned i = 0; i < nd->ppks_count; i++)
		secret_wipe(&nd->ppks[i].key);
}

void
net_end(struct net *n)
{
	node_end(&n->hub);
	node_end(&n->spoke);
	for (unsigned i = 0; i < n->more_count; i++)
		node_end(&n->more[i]);
	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n->packet[i].used)
			free(n->packet[i].bytes);
}

uint64_t
net_initiate(struct net *n, bool transport)
{
	return net_initiate_from(&n->spoke, transport);
}

uint64_t
net_initiate_from(struct node *nd, bool transport)
{
	struct net *n = nd->net;
	struct node *to = nd == &n->hub ? &n->spoke : &n->hub;
	struct ike_dial dial = { .path = { .local = nd->addr,
					 .remote = to->addr,
					 .local_port = IKE_PORT,
					 .remote_port = IKE_PORT },
		.transport = transport };
	uint16_t port = IKE_PORT_NATT;

	nat_out(n, to, &dial.path.remote, &port);
	if (port != IKE_PORT_NATT) {
		dial.path.natt = true;
		dial.path.local_port = IKE_PORT_NATT;
		dial.path.remote_port = port;
	}
	return ike_initiate(nd->ike, &dial, n->now_ms);
}

uint64_t
net_initiate_natt(struct net *n)
{
	struct ike_dial dial = { .path = { .local = n->spoke.addr,
					 .remote = n->hub.addr,
					 .local_port = 4500,
					 .remote_port = 4500,
					 .natt = true },
		.transport = true };

	return ike_initiate(n->spoke.ike, &dial, n->now_ms);
}

void
net_ask_child(struct net *n)
{
	struct ike_suite suite = net_child(&n->spoke)->suite;
	struct ike_chain c;

	suite.number = 0;
	ike_msg_begin(n->spoke.ike, &c);
	ike_chain_notify(&c, N_USE_TRANSPORT_MODE, NULL, 0);
	ike_suites_write(&c, PROTO_ESP, &suite, 1, NET_ASKED_SPI, 4);
	ike_chain_put(&c, PAYLOAD_NONCE, "0123456789abcdef", 16);
	ike_chain_ts(&c, PAYLOAD_TSI, &n->spoke.addr, 47);
	ike_chain_ts(&c, PAYLOAD_TSR, &n->hub.addr, 47);
	ike_msg_request(net_sa(&n->spoke), &c, EXCHANGE_CREATE_CHILD, n->now_ms);
	net_run(n, 50);
}

struct ike_sa *
net_sa(const struct node *nd)
{
	struct ike_peer *p = map_get(&nd->ike->by_session, nd->session.session);

	return p == NULL ? NULL : p->sa;
}

struct ike_child *
net_child(const struct node *nd)
{
	return net_sa(nd)->peer->children;
}

/** One data packet from each side on the child it sends on. */
static void
traffic(struct net *n, struct node *from, struct node *to)
{
	struct net_child *out = from->sending ? child_find(from, from->sending) : NULL;

	if (out == NULL || n->cut)
		return;
	for (unsigned i = 0; i < NET_CHILDREN; i++) {
		struct net_child *in = &to->child[i];

		if (!in->used || in->sa.spi_in != out->sa.spi_out || n->now_ms < in->in_from_ms ||
			n->now_ms > in->in_until_ms)
			continue;
		if (!in->told && !in->removed) {
			in->told = true;
			ike_child_used(to->ike, in->sa.child, n->now_ms);
		}
		ike_proof_of_life(to->ike, in->sa.session, n->now_ms);
		return;
	}
	n->esp_lost++;
}

void
net_traffic(struct net *n)
{
	traffic(n, &n->hub, &n->spoke);
	traffic(n, &n->spoke, &n->hub);
}

static void
installs_ack(struct node *nd, uint64_t now_ms)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++) {
		struct net_child *c = &nd->child[i];

		if (c->used && c->pending && now_ms >= c->ack_ms) {
			c->pending = false;
			ike_child_installed(nd->ike, c->sa.child, 0, now_ms);
		}
		if (c->used && c->removed && now_ms > c->in_until_ms)
			c->used = false;
	}
}

static struct net_packet *
packet_due(struct net *n)
{
	struct net_packet *first = NULL;

	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n->packet[i].used && (first == NULL || n->packet[i].at_ms < first->at_ms))
			first = &n->packet[i];
	return first;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
acks_due(const struct node *nd)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < NET_CHILDREN; i++)
		if (nd->child[i].used && nd->child[i].pending)
			due = earlier(due, nd->child[i].ack_ms);
	return due;
}

void
net_run(struct net *n, uint64_t ms)
{
	uint64_t end = n->now_ms + ms;

	for (;;) {
		struct net_packet *p = packet_due(n);
		uint64_t next = p != NULL ? p->at_ms : UINT64_MAX;

		next = earlier(next, earlier(ike_next_ms(n->hub.ike), ike_next_ms(n->spoke.ike)));
		next = earlier(next, earlier(acks_due(&n->hub), acks_due(&n->spoke)));
		for (unsigned i = 0; i < n->more_count; i++)
			next = earlier(next, ike_next_ms(n->more[i].ike));
		if (next > end)
			break;
		if (next > n->now_ms)
			n->now_ms = next;
		installs_ack(&n->hub, n->now_ms);
		installs_ack(&n->spoke, n->now_ms);
		if (p != NULL && p->at_ms <= n->now_ms) {
			struct net_packet one = *p;

			p->used = false;
			ike_input(one.to->ike, &one.path, one.bytes, one.n, n->now_ms);
			free(one.bytes);
		}
		if (ike_next_ms(n->hub.ike) <= n->now_ms)
			ike_tick(n->hub.ike, n->now_ms);
		if (ike_next_ms(n->spoke.ike) <= n->now_ms)
			ike_tick(n->spoke.ike, n->now_ms);
		for (unsigned i = 0; i < n->more_count; i++)
			if (ike_next_ms(n->more[i].ike) <= n->now_ms)
				ike_tick(n->more[i].ike, n->now_ms);
		if (n->more_count > 0) /* the hub sends on one child only: no data then */
			continue;
		net_traffic(n);
	}
	n->now_ms = end;
	installs_ack(&n->hub, n->now_ms);
	installs_ack(&n->spoke, n->now_ms);
}

/** The one SA a node has, be it half open. */
static struct ike_sa *
sa_only(const struct node *nd)
{
	size_t at = 0;

	return map_next(&nd->ike->by_spi, &at);
}

struct ike_sa *
net_until_auth(struct net *n, struct node *by, bool transport)
{
	const struct ike_sa *sa = NULL;

	net_initiate_from(by, transport);
	for (int i = 0; i < 5 && (sa == NULL || sa->state != IKE_I_AUTH); i++) {
		net_run(n, 1);
		sa = sa_only(by);
	}
	if (sa == NULL || sa->state != IKE_I_AUTH)
		return NULL;
	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n->packet[i].used) {
			n->packet[i].used = false;
			free(n->packet[i].bytes);
		}
	return sa_only(&n->spoke);
}

unsigned
net_children(const struct node *nd)
{
	unsigned count = 0;

	for (unsigned i = 0; i < NET_CHILDREN; i++)
		count += nd->child[i].used && !nd->child[i].removed;
	return count;
}

static bool
keys_equal(const struct ike_esp_keys *a, const struct ike_esp_keys *b)
{
	return a->encr_bytes == b->encr_bytes && a->integ_bytes == b->integ_bytes &&
		memcmp(a->encr, b->encr, a->encr_bytes) == 0 &&
		memcmp(a->integ, b->integ, a->integ_bytes) == 0;
}

static const struct net_child *
twin(const struct node *other, const struct net_child *c)
{
	for (unsigned i = 0; i < NET_CHILDREN; i++) {
		const struct net_child *o = &other->child[i];

		if (o->used && !o->removed && o->sa.spi_in == c->sa.spi_out &&
			o->sa.spi_out == c->sa.spi_in)
			return o;
	}
	return NULL;
}

static bool
side_agrees(const struct node *nd, const struct node *other)
{
	bool sends = nd->sending == 0 && net_children(nd) == 0;

	for (unsigned i = 0; i < NET_CHILDREN; i++) {
		const struct net_child *c = &nd->child[i];
		const struct net_child *o;

		if (!c->used || c->removed)
			continue;
		o = twin(other, c);
		if (o == NULL || !keys_equal(&c->sa.in, &o->sa.out) ||
			!keys_equal(&c->sa.out, &o->sa.in) || c->sa.tunnel != o->sa.tunnel ||
			c->sa.esn != o->sa.esn || c->sa.encr != o->sa.encr)
			return false;
		sends |= nd->sending == c->sa.child;
	}
	return sends;
}

bool
net_agrees(const struct net *n)
{
	return side_agrees(&n->hub, &n->spoke) && side_agrees(&n->spoke, &n->hub);
}

struct sas_count {
	const char *state;
	unsigned n;
};

static void
sas_one(void *arg, const struct ike_sa_info *i)
{
	struct sas_count *c = arg;

	c->n += strcmp(i->state, c->state) == 0;
}

unsigned
net_sas(const struct node *nd, const char *state, uint64_t now_ms)
{
	struct sas_count c = { .state = state };

	ike_each_sa(nd->ike, now_ms, sas_one, &c);
	return c.n;
}

void
net_begin_pki(struct net *n, const char *hub, const char *spoke)
{
	net_begin(n);
	n->hub.profile.pki = net_pki(hub);
	n->spoke.profile.pki = net_pki(spoke);
	n->hub.psks_count = n->spoke.psks_count = 0;
	secret_wipe(&n->hub.psks[0].key);
	secret_wipe(&n->spoke.psks[0].key);
}

void
net_pass(struct net *n, uint64_t ms, uint64_t slow_ms)
{
	for (uint64_t end = n->now_ms + ms; n->now_ms < end;) {
		net_run(n, slow_ms);
		net_jobs(&n->hub);
		net_jobs(&n->spoke);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "test/perf/ike_fleet.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/pki.h"
#include "control/ike/ike_engine.h"
#include "control/ike/ike_fsm.h"
#include "crypto/rand.h"
#include "test/lib/vector_file.h"

#define DATAGRAM_MAX 4096
#define OWN_KEYS     10000 /* at least, where every spoke has its own */
#define QUEUE_MAX    (IKE_FLEET_WINDOW * 8)

struct datagram {
	struct ike_path path;
	size_t n;
	uint8_t bytes[DATAGRAM_MAX];
};

struct queue {
	unsigned n;
	struct datagram d[QUEUE_MAX];
};

struct spoke {
	struct ike *ike;
	struct addr addr;
	struct ike_child_sa child; /* the newest one, for rekeys */
	uint64_t session;
};

static struct {
	struct ike *hub;
	struct addr addr;
	struct config_ike_profile profile, spoke_profile;
	struct config_psk *psks; /* of the hub */
	size_t psks_count;
	struct config_psk psk; /* of the spoke that calls */
	uint64_t now_ms;
	struct queue to_hub, to_spokes;
	struct ike_job *job[QUEUE_MAX];
	unsigned jobs;
	uint64_t child[QUEUE_MAX]; /* new ones no packet came on yet */
	unsigned children;
	struct spoke spoke[IKE_FLEET_WINDOW];
	unsigned spokes;
	uint32_t numbered, named; /* spokes so far */
	uint32_t spi;
	struct ike_cost *cost;
} fleet;

double
ike_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* <sanitizer/allocator_interface.h> */
#endif

static int64_t
heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__ /* its allocator is not the one of mallinfo2() */
	return (int64_t)__sanitizer_get_current_allocated_bytes();
#endif
	struct mallinfo2 m = mallinfo2();

	return (int64_t)(m.uordblks + m.hblkhd);
}

static void
put(struct queue *q, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	struct datagram *d = &q->d[q->n++];

	if (q->n == QUEUE_MAX || n > DATAGRAM_MAX)
		abort();
	d->n = n;
	d->path = *path;
	d->path.local = path->remote;
	d->path.local_port = path->remote_port;
	d->path.remote = path->local;
	d->path.remote_port = path->local_port;
	memcpy(d->bytes, bytes, n);
}

/* ---- what the engines ask for ------------------------------------------------------------- */

static void
hub_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	put(&fleet.to_spokes, path, bytes, n);
}

static void
spoke_send(void *user, const struct ike_path *path, const uint8_t *bytes, size_t n)
{
	put(&fleet.to_hub, path, bytes, n);
}

static void
op_random(void *user, void *out, size_t n)
{
	rand_bytes(out, n);
}

static int64_t
op_wall_s(void *user)
{
	return VECTOR_NOW_S;
}

static uint32_t
op_spi_alloc(void *user)
{
	return fleet.spi++;
}

static void
op_spi_free(void *user, uint32_t spi)
{
}

static int
hub_install(void *user, const struct ike_child_sa *c)
{
	fleet.child[fleet.children++] = c->child;
	return 0;
}

static int
spoke_install(void *user, const struct ike_child_sa *c)
{
	((struct spoke *)user)->child = *c;
	return 0;
}

static void
op_use(void *user, uint64_t child)
{
}

static void
op_remove(void *user, uint64_t child, enum ike_reason reason)
{
}

static void
op_moved(void *user, uint64_t child, const struct ike_path *path)
{
}

static void
identity_set(struct config_identity *id, uint32_t number)
{
	*id = (struct config_identity){ .type = ID_FQDN };
	id->bytes = (uint16_t)sprintf((char *)id->data, "branch%u.example.org", number);
}

/**
 * Spokes by certificate share the one there is: each gets a name of its own here, or the
 * INITIAL_CONTACT of the next one would replace it.
 */
static void
hub_up(void *user, const struct ike_session *s)
{
	struct ike_peer *p = map_get(&fleet.hub->by_session, s->session);
	struct config_identity id;

	if (fleet.profile.pki == NULL)
		return;
	identity_set(&id, fleet.named++);
	if (ike_peer_identify(p, &id) != 0)
		abort();
}

static void
spoke_up(void *user, const struct ike_session *s)
{
	((struct spoke *)user)->session = s->session;
}

static void
op_down(void *user, const struct ike_session *s, enum ike_reason reason)
{
}

static void
op_event(void *user, const struct ike_event *e)
{
	fprintf(stderr, "bench: %s: %s %s\n", user == NULL ? "hub" : "spoke",
		ike_reason_name(e->reason), e->detail);
}

static int
hub_submit(void *user, struct ike_job *job, enum ike_job_rank rank)
{
	if (fleet.jobs == QUEUE_MAX)
		return -EAGAIN;
	fleet.job[fleet.jobs++] = job;
	return 0;
}

static const struct ike_ops hub_ops = {
	.send = hub_send,
	.random = op_random,
	.wall_s = op_wall_s,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = hub_install,
	.child_use_outbound = op_use,
	.child_remove = op_remove,
	.child_moved = op_moved,
	.peer_up = hub_up,
	.peer_down = op_down,
	.event = op_event,
	.submit = hub_submit,
};

static const struct ike_ops spoke_ops = {
	.send = spoke_send,
	.random = op_random,
	.wall_s = op_wall_s,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.child_install = spoke_install,
	.child_use_outbound = op_use,
	.child_remove = op_remove,
	.child_moved = op_moved,
	.peer_up = spoke_up,
	.peer_down = op_down,
	.event = op_event,
};

/* ---- start and stop ------------------------------------------------------------------------ */

static struct config_pki *
pki_of(const char *name)
{
	struct config_pki *p = config_pki_new();

	p->key = vector_key(name);
	p->own[p->own_count++] = vector_cert(name);
	if (strcmp(name, "hub") != 0) /* that one is issued by the root */
		p->own[p->own_count++] = vector_cert("sub");
	p->send_chain = true;
	p->trust = vector_trust("root", CERT_CRL_OFF, false, NULL);
	return p;
}

static void
profile_make(struct config_ike_profile *p, const struct ike_case *c, const char *cert)
{
	*p = (struct config_ike_profile){
		.name = "dmvpn", .max_children = 4, .replay_window = 1024
	};
	p->ike[0] = (struct config_proposal){
		.encr = ENCR_AES_GCM_16, .encr_bits = 256, .prf = PRF_HMAC_SHA2_256, .dh = c->group
	};
	p->ike_count = 1;
	p->esp[0] = (struct config_proposal){ .encr = ENCR_AES_GCM_16, .encr_bits = 256 };
	p->esp_count = 1;
	p->esp_lifetime_s = 4000;
	p->ike_lifetime_s = 90000;
	p->dpd_s = 40;
	if (cert != NULL)
		p->pki = pki_of(cert);
}

static void
configure(struct ike *ike, const struct addr *local, const struct config_ike_profile *profile,
	const struct config_psk *psks, size_t psks_count)
{
	struct ike_listener listener = { .local = *local, .profile = profile };
	struct ike_conf conf = {
		.listeners = &listener,
		.listeners_count = 1,
		.psks = psks,
		.psks_count = psks_count,
	};

	if (ike == NULL || ike_configure(ike, &conf, fleet.now_ms) != 0)
		abort();
}

static void
key_make(struct config_psk *k, uint32_t number)
{
	char text[64];
	int n = sprintf(text, "shared key %u of the bench", number);

	if (secret_set(&k->key, text, (size_t)n) != 0)
		abort();
}

/** One for all, or by the identity of each. */
static void
keys_make(bool own, uint32_t spokes)
{
	fleet.psks_count = !own ? 1 : spokes > OWN_KEYS ? spokes : OWN_KEYS;
	fleet.psks = calloc(fleet.psks_count, sizeof(*fleet.psks));
	if (fleet.psks == NULL)
		abort();
	for (uint32_t i = 0; i < fleet.psks_count; i++) {
		key_make(&fleet.psks[i], i);
		if (own)
			identity_set(&fleet.psks[i].whom.identity, i);
	}
}

void
ike_fleet_start(const struct ike_case *c, uint32_t spokes)
{
	memset(&fleet, 0, sizeof(fleet));
	fleet.now_ms = 1000;
	fleet.spi = 0x1000;
	addr_parse("192.0.2.1", &fleet.addr);
	keys_make(c->own_keys, spokes);
	profile_make(&fleet.profile, c, c->hub);
	profile_make(&fleet.spoke_profile, c, c->spoke);
	fleet.hub = ike_new(&hub_ops, NULL);
	configure(fleet.hub, &fleet.addr, &fleet.profile, fleet.psks, fleet.psks_count);
}

static void
spokes_forget(void)
{
	for (unsigned i = 0; i < fleet.spokes; i++)
		ike_free(fleet.spoke[i].ike);
	fleet.spokes = 0;
}

void
ike_fleet_stop(void)
{
	spokes_forget();
	ike_free(fleet.hub);
	config_pki_put(fleet.profile.pki);
	config_pki_put(fleet.spoke_profile.pki);
	for (size_t i = 0; i < fleet.psks_count; i++)
		secret_wipe(&fleet.psks[i].key);
	free(fleet.psks);
	secret_wipe(&fleet.psk.key);
}

/* ---- running -------------------------------------------------------------------------------- */

/** Its registration comes as soon as a spoke has its child SA. */
static void
children_used(bool all_said)
{
	for (unsigned i = 0; all_said && i < fleet.children; i++)
		ike_child_used(fleet.hub, fleet.child[i], fleet.now_ms);
	if (all_said)
		fleet.children = 0;
}

/** All that is for the hub, its public-key jobs, and what follows from them. */
static void
hub_round(void)
{
	int64_t before = heap_bytes();
	double at = ike_cpu_s(), control = 0, helper = 0, now;

	for (unsigned i = 0; i < fleet.to_hub.n; i++) {
		const struct datagram *d = &fleet.to_hub.d[i];

		ike_input(fleet.hub, &d->path, d->bytes, d->n, fleet.now_ms);
	}
	fleet.to_hub.n = 0;
	for (unsigned i = 0; i < fleet.jobs;) {
		unsigned n = fleet.jobs;

		now = ike_cpu_s();
		control += now - at;
		for (unsigned j = i; j < n; j++)
			ike_job_run(fleet.job[j]);
		at = ike_cpu_s();
		helper += at - now;
		for (; i < n; i++)
			ike_job_done(fleet.hub, fleet.job[i], fleet.now_ms);
	}
	fleet.jobs = 0;
	ike_tick(fleet.hub, fleet.now_ms);
	children_used(fleet.to_spokes.n == 0);
	control += ike_cpu_s() - at;
	fleet.cost->control_s += control;
	fleet.cost->helper_s += helper;
	fleet.cost->bytes += heap_bytes() - before;
}

static struct spoke *
spoke_at(const struct addr *a)
{
	for (unsigned i = 0; i < fleet.spokes; i++)
		if (addr_equal(&fleet.spoke[i].addr, a))
			return &fleet.spoke[i];
	abort();
}

static void
spokes_round(void)
{
	for (unsigned i = 0; i < fleet.to_spokes.n; i++) {
		const struct datagram *d = &fleet.to_spokes.d[i];

		ike_input(spoke_at(&d->path.local)->ike, &d->path, d->bytes, d->n, fleet.now_ms);
	}
	fleet.to_spokes.n = 0;
}

/** Until nobody has anything more to say. */
static void
exchange(void)
{
	while (fleet.to_hub.n > 0 || fleet.children > 0) {
		hub_round();
		spokes_round();
		fleet.now_ms++;
	}
}

static void
spoke_call(void)
{
	struct spoke *s = &fleet.spoke[fleet.spokes++];
	uint32_t number = fleet.numbered++;
	struct ike_dial dial = {
		.path = { .remote = fleet.addr, .local_port = IKE_PORT, .remote_port = IKE_PORT },
		.transport = true
	};

	*s = (struct spoke){ .ike = ike_new(&spoke_ops, s) };
	s->addr.family = ADDR_V4;
	s->addr.octet[0] = 10;
	s->addr.octet[1] = (uint8_t)(number >> 16);
	s->addr.octet[2] = (uint8_t)(number >> 8);
	s->addr.octet[3] = (uint8_t)number;
	key_make(&fleet.psk, fleet.psks_count > 1 ? number : 0);
	configure(s->ike, &s->addr, &fleet.spoke_profile, &fleet.psk, 1);
	dial.path.local = s->addr;
	if (ike_initiate(s->ike, &dial, fleet.now_ms) == 0)
		abort();
}

bool
ike_fleet_join(uint32_t spokes, struct ike_cost *cost)
{
	struct ike_totals t;

	fleet.cost = cost;
	for (uint32_t up = 0; up < spokes;) {
		spokes_forget();
		for (unsigned i = 0; i < IKE_FLEET_WINDOW && up + i < spokes; i++) {
			if (fleet.spoke_profile.pki == NULL)
				identity_set(&fleet.spoke_profile.local_identity, fleet.numbered);
			spoke_call();
		}
		up += fleet.spokes;
		exchange();
	}
	ike_totals_get(fleet.hub, &t);
	cost->done += spokes;
	return t.auth_ok == fleet.numbered && t.half_open == 0;
}

static void
rekey_begin(struct spoke *s, enum ike_fleet_rekey what)
{
	struct ike_peer *p = map_get(&s->ike->by_session, s->session);

	if (p == NULL || p->sa == NULL)
		abort();
	s->ike->now_ms = fleet.now_ms;
	if (what != FLEET_IKE) {
		ike_child_soft(s->ike, s->child.child, fleet.now_ms);
		return;
	}
	p->sa->want_rekey = true;
	ike_task_next(p->sa, fleet.now_ms);
	ike_settle(s->ike, fleet.now_ms);
}

bool
ike_fleet_rekey(enum ike_fleet_rekey what, uint32_t times, struct ike_cost *cost)
{
	enum pfs pfs = what == FLEET_CHILD_PFS ? PFS_REQUIRE : PFS_OFF;
	struct ike_totals before, after;

	fleet.cost = cost;
	fleet.hub->policies[0]->profile.pfs = pfs;
	for (unsigned i = 0; i < fleet.spokes; i++)
		fleet.spoke[i].ike->policies[0]->profile.pfs = pfs;
	ike_totals_get(fleet.hub, &before);
	for (uint32_t t = 0; t < times; t++) {
		for (unsigned i = 0; i < fleet.spokes; i++)
			rekey_begin(&fleet.spoke[i], what);
		exchange();
	}
	ike_totals_get(fleet.hub, &after);
	uint64_t wanted = (uint64_t)times * fleet.spokes;

	cost->done += wanted;
	return wanted ==
		(what == FLEET_IKE ? after.ike_rekeys - before.ike_rekeys
				   : after.child_rekeys - before.child_rekeys);
}

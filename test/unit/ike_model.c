/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every way two engines can meet: each side begins one thing (rekey of the child, rekey
 * of the IKE SA, delete of the child, delete of the session, or nothing) at the same
 * time, and then every order of delivery with up to two losses
 * (IKE_MODEL_LOSSES) and one message doubled is tried. With windows of one no more
 * than two exchanges and the double are ever in flight. At the end of each path, on a good
 * wire, both sides hold the same SAs, and after a shutdown nothing is left.
 *
 * A path forks at each choice, so that the engines need no copying. States seen before
 * are not walked again: the digest holds everything that decides what comes next, except
 * random numbers (of those only the order of the nonces counts) and times.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/ike/ike_child.h"
#include "control/ike/ike_fsm.h"
#include "test/lib/check.h"
#include "test/lib/ike_net.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* a fork costs a hundred times as much: equal pairs only, no losses */
#else
#define SANITIZED 0
#endif
#define SEEN_SLOTS (1u << 20)
#define STEPS_MAX  64

enum begin { NOTHING, REKEY_CHILD, REKEY_IKE, DELETE_CHILD, DELETE_IKE, BEGINS };

static const char *const begin_names[] = { "nothing", "child rekey", "IKE rekey", "child delete",
	"IKE delete" };

static struct net n; /* large: not on the stack */
static unsigned losses, doubles;
static bool deletes;             /* then data may be lost: there is no other SA for it */
static char path[STEPS_MAX + 1]; /* what was done, for the report */
static unsigned steps;

/** Shared by all processes. */
static struct {
	uint64_t seen[SEEN_SLOTS];
	uint64_t states, ends, flying_max;
} * shared;

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static const struct ike_child *
twin_of(const struct node *other, const struct ike_child *c)
{
	const struct ike_child *t;
	size_t at = 0;

	while ((t = map_next(&other->ike->by_child, &at)) != NULL)
		if (t->spi_in == c->spi_out && t->spi_out == c->spi_in)
			return t;
	return NULL;
}

static uint64_t
child_digest(const struct node *nd, const struct node *other, const struct ike_child *c)
{
	const struct ike_child *t = twin_of(other, c), *o;
	uint64_t h = mix(1, c->state);
	uint64_t smaller = 0;
	size_t at = 0;

	while ((o = map_next(&nd->ike->by_child, &at)) != NULL)
		smaller += memcmp(o->nonce_min, c->nonce_min, sizeof(c->nonce_min)) < 0;
	h = mix(h, smaller);
	h = mix(h,
		(uint64_t)c->want_rekey | c->want_delete << 1 | c->installed << 2 |
			(c->maker != NULL) << 3 | (c->switch_ms != IKE_TIMER_NEVER) << 4 |
			(c->soft_ms != IKE_TIMER_NEVER) << 5 |
			(c->hard_ms != IKE_TIMER_NEVER) << 6);
	h = mix(h, (uint64_t)c->reason << 1 | (nd->sending == c->id));
	h = mix(h, map_get(&nd->ike->by_child, c->successor) != NULL ? 2 : c->successor != 0);
	return mix(h, t == NULL ? 99 : t->state);
}

static uint64_t
exchange_digest(const struct ike_exchange *x)
{
	if (x == NULL)
		return 7;
	return mix(
		mix(x->task,
			x->asked | x->keyed << 1 | (x->child != NULL) << 2 | (x->rival != 0) << 3),
		map_get(&x->sa->ike->by_child, x->child_id) != NULL);
}

/** Number of an SA in the other's eyes: 0 unknown, else its role there. */
static uint64_t
sa_role(const struct node *nd, uint64_t spi_i, uint64_t spi_r)
{
	const struct ike_sa *sa;
	size_t at = 0;

	while ((sa = map_next(&nd->ike->by_spi, &at)) != NULL) {
		if (sa->spi_i != spi_i || sa->spi_r != spi_r)
			continue;
		return 1 + sa->state * 4 + (sa->peer != NULL && sa->peer->sa == sa) +
			2 * (sa->peer != NULL && sa->peer->sa != NULL && sa->peer->sa->rival == sa);
	}
	return 0;
}

static uint64_t
sa_digest(const struct node *other, const struct ike_sa *sa)
{
	const struct ike_window *w = &sa->window;
	uint64_t h = mix(2, sa->state);

	h = mix(h,
		sa->initiator | sa->want_rekey << 1 | sa->delete_sent << 2 |
			(sa->rival != NULL) << 3 | (sa->peer != NULL) << 4 |
			(w->request.data != NULL) << 5 | (w->reply.data != NULL) << 6);
	h = mix(h, (uint64_t)w->send_id << 32 | w->recv_id);
	h = mix(h, mix(exchange_digest(sa->ours), exchange_digest(sa->theirs)));
	h = mix(h,
		sa->rival == NULL ? 0
				  : (uint64_t)(memcmp(sa->nonce_min, sa->rival->nonce_min,
						       sizeof(sa->nonce_min)) < 0));
	return mix(h, sa_role(other, sa->spi_i, sa->spi_r));
}

static uint64_t
node_digest(const struct node *nd, const struct node *other)
{
	const struct ike_child *c;
	const struct ike_sa *sa;
	uint64_t h = nd->downs;
	size_t at = 0;

	while ((sa = map_next(&nd->ike->by_spi, &at)) != NULL)
		h += sa_digest(other, sa); /* a sum: the order in the map is chance */
	at = 0;
	while ((c = map_next(&nd->ike->by_child, &at)) != NULL)
		h += child_digest(nd, other, c);
	return h;
}

static uint64_t
spi_at(const uint8_t *p)
{
	struct cursor c = cur_over(p, 8);

	return cur_be64(&c);
}

static uint64_t
packet_digest(const struct net_packet *p)
{
	uint64_t h = mix(3, p->to == &n.hub);
	struct cursor c = cur_over(p->bytes + 18, 6);

	h = mix(h, cur_u8(&c));
	h = mix(h, cur_u8(&c));
	h = mix(h, cur_be32(&c));
	h = mix(h, p->n);
	h = mix(h, sa_role(&n.hub, spi_at(p->bytes), spi_at(p->bytes + 8)));
	return mix(h, sa_role(&n.spoke, spi_at(p->bytes), spi_at(p->bytes + 8)));
}

/** True when this state is new. */
static bool
state_is_new(void)
{
	uint64_t h = mix(node_digest(&n.hub, &n.spoke), node_digest(&n.spoke, &n.hub));
	uint64_t flying = 0;

	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n.packet[i].used)
			flying += packet_digest(&n.packet[i]);
	h = mix(mix(h, flying), losses << 8 | doubles) | 1;
	for (unsigned i = (unsigned)(h >> 32) % SEEN_SLOTS;; i = (i + 1) % SEEN_SLOTS) {
		if (shared->seen[i] == h)
			return false;
		if (shared->seen[i] != 0)
			continue;
		shared->seen[i] = h;
		shared->states++;
		return true;
	}
}

static unsigned
flying(struct net_packet *list[NET_PACKETS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < NET_PACKETS; i++)
		if (n.packet[i].used)
			list[count++] = &n.packet[i];
	if (count > shared->flying_max)
		shared->flying_max = count;
	return count;
}

static void
deliver(struct net_packet *p)
{
	struct net_packet one = *p;

	p->used = false;
	n.now_ms++;
	ike_input(one.to->ike, &one.path, one.bytes, one.n, n.now_ms);
	free(one.bytes);
	net_traffic(&n);
}

enum choice { DELIVER, LOSE, DOUBLE, CHOICES };

static void
take(struct net_packet *p, enum choice what)
{
	struct net_packet twice = *p;

	switch (what) {
	case LOSE:
		losses--;
		p->used = false;
		free(p->bytes);
		return;
	case DOUBLE: /* one now, one later */
		doubles--;
		twice.bytes = malloc(p->n);
		memcpy(twice.bytes, p->bytes, p->n);
		deliver(p);
		for (unsigned i = 0; i < NET_PACKETS; i++) {
			if (n.packet[i].used)
				continue;
			n.packet[i] = twice;
			return;
		}
		return;
	default:
		deliver(p);
	}
}

/** The wire is good again: nothing may differ, nothing may stay. */
static bool
ends_well(bool session_deleted)
{
	bool good;

	net_run(&n, 140000);
	good = net_agrees(&n) && n.hub.downs == n.spoke.downs &&
		net_sas(&n.hub, "up", n.now_ms) == net_sas(&n.spoke, "up", n.now_ms) &&
		n.hub.downs == (session_deleted ? 1 : 0) && (deletes || n.esp_lost == 0);
	if (!good)
		printf("# children %u %u, downs %u %u, up %u %u, data lost %u\n",
			net_children(&n.hub), net_children(&n.spoke), n.hub.downs, n.spoke.downs,
			net_sas(&n.hub, "up", n.now_ms), net_sas(&n.spoke, "up", n.now_ms),
			n.esp_lost);
	ike_shutdown(n.hub.ike, n.now_ms);
	ike_shutdown(n.spoke.ike, n.now_ms);
	net_run(&n, 100000);
	return good && n.hub.spis == 0 && n.spoke.spis == 0 &&
		ike_next_ms(n.hub.ike) == IKE_TIMER_NEVER &&
		ike_next_ms(n.spoke.ike) == IKE_TIMER_NEVER;
}

static bool explore(bool session_deleted);

/** One choice in a process of its own. */
static bool
branch(struct net_packet *p, enum choice what, unsigned index, bool session_deleted)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		path[steps++] = (char)("dlt"[what]);
		path[steps++] = (char)('0' + index);
		take(p, what);
		bool good = explore(session_deleted);

		fflush(stdout);
		_exit(good ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
		WEXITSTATUS(status) == 0;
}

/** Time passes only when nothing is in flight: until the next repetition, if one is due. */
static bool
tick_until_sent(void)
{
	uint64_t end = n.now_ms + 40000;
	struct net_packet *list[NET_PACKETS];

	while (flying(list) == 0) {
		uint64_t hub = ike_next_ms(n.hub.ike), spoke = ike_next_ms(n.spoke.ike);
		uint64_t next = hub < spoke ? hub : spoke;

		if (next > end)
			return false;
		if (next > n.now_ms)
			n.now_ms = next;
		ike_tick(next == hub ? n.hub.ike : n.spoke.ike, n.now_ms);
	}
	return true;
}

static bool
explore(bool session_deleted)
{
	struct net_packet *list[NET_PACKETS];
	unsigned count = flying(list);
	bool good = true;

	if (count == 0 && losses > 0 && tick_until_sent())
		count = flying(list);
	if (count == 0 || steps + 2 > STEPS_MAX) {
		shared->ends++;
		good = ends_well(session_deleted);
		if (!good)
			printf("# path %s\n", path);
		return good;
	}
	if (!state_is_new())
		return true;
	for (unsigned i = 0; good && i < count; i++) {
		good = branch(list[i], DELIVER, i, session_deleted);
		if (good && losses > 0)
			good = branch(list[i], LOSE, i, session_deleted);
		if (good && doubles > 0)
			good = branch(list[i], DOUBLE, i, session_deleted);
	}
	return good;
}

static void
start(struct node *nd, enum begin what)
{
	struct ike_peer *p = map_get(&nd->ike->by_session, nd->session.session);

	switch (what) {
	case REKEY_CHILD:
		ike_child_soft(nd->ike, nd->sending, n.now_ms);
		break;
	case REKEY_IKE:
		p->sa->want_rekey = true;
		ike_task_next(p->sa, n.now_ms);
		ike_settle(nd->ike, n.now_ms);
		ike_sa_arm(p->sa);
		break;
	case DELETE_CHILD:
		p->children->want_delete = true;
		p->children->reason = IKE_REASON_LIFETIME;
		ike_task_next(p->sa, n.now_ms);
		ike_sa_arm(p->sa);
		break;
	case DELETE_IKE:
		ike_close(nd->ike, nd->session.session, IKE_REASON_OPERATOR, n.now_ms);
		break;
	default:
		break;
	}
}

static void
one(enum begin hub, enum begin spoke, uint64_t seed)
{
	const char *most = getenv("IKE_MODEL_LOSSES");

	memset(shared, 0, sizeof(*shared));
	losses = SANITIZED ? 0 : 2;
	losses = most != NULL ? (unsigned)atoi(most) : losses;
	doubles = 1;
	memset(path, 0, sizeof(path));
	steps = 0;
	net_begin(&n);
	n.hub.profile.pfs = n.spoke.profile.pfs = PFS_OFF;
	n.hub.random ^= seed * 0x9e3779b97f4a7c15ull; /* decides whose nonce is the smallest */
	net_start(&n);
	net_initiate(&n, true);
	net_run(&n, 2000);
	CHECK(net_agrees(&n));
	n.esp_lost = 0;
	start(&n.hub, hub);
	start(&n.spoke, spoke);
	deletes = hub >= DELETE_CHILD || spoke >= DELETE_CHILD;
	bool good = explore(hub == DELETE_IKE || spoke == DELETE_IKE);

	if (!good || getenv("IKE_MODEL_SHOW") != NULL)
		printf("# hub: %s, spoke: %s, seed %d: %" PRIu64 " states, %" PRIu64
		       " ends, at most %" PRIu64 " in flight\n",
			begin_names[hub], begin_names[spoke], (int)seed, shared->states,
			shared->ends, shared->flying_max);
	CHECK(good);
	CHECK(hub == NOTHING || shared->states > 1);
	net_end(&n);
}

static void
every_pair(void)
{
	for (int hub = NOTHING; hub < BEGINS; hub++) {
		for (int spoke = NOTHING; spoke < BEGINS; spoke++) {
			if (SANITIZED && hub != spoke)
				continue;
			for (uint64_t seed = 0; seed <= (hub == spoke && !SANITIZED); seed++)
				one((enum begin)hub, (enum begin)spoke, seed);
		}
	}
}

int
main(void)
{
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	TEST(every_pair);
	return check_done();
}
